/* parse_unit.c - units and words after a value (parse.h). What they mean is found when answers are compared (unit.h);
 * here they become one text. */
#include "answer/read/parser.h"

#include "answer/read/unit.h"
#include "core/ascii.h"

#include <string.h>

/* ---- the text of a unit ---- */

struct text {
    char *s;
    size_t n, cap;
};

static void put(struct text *out, const char *s, size_t n)
{
    if (n <= out->cap - out->n) memcpy(out->s + out->n, s, n), out->n += n;
}

static void put_space(struct text *out)
{
    if (out->n && out->s[out->n - 1] != ' ') put(out, " ", 1);
}

/* The content of \text{}: without braces, dollar signs and commands for spaces. */
static void put_content(struct text *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr("{}$", s[i])) continue;
        if (s[i] == '\\' && i + 1 < n && !is_alpha(s[i + 1])) {
            i++;
            put_space(out);
        } else if (n - i > 5 && !memcmp(s + i, "\\cdot", 5)) {
            i += 4;
            put(out, "*", 1);
        } else if (s[i] == '~' || is_space(s[i])) put_space(out);
        else put(out, s + i, 1);
    }
}

static void put_token(const struct parser *p, struct text *out, const struct token *t)
{
    static const struct {
        uint8_t kind;
        const char *text;
    } sign[] = {{T_SLASH, "/"}, {T_TIMES, "*"}, {T_POWER, "^"},  {T_MINUS, "-"},
                {T_PLUS, "+"},  {T_PRIME, "'"}, {T_PERCENT, "%"}};
    switch (t->kind) {
    case T_GROUP:
    case T_GROUP_END: return;
    case T_DOT: put_space(out); return;
    case T_TEXT:
        if (!(t > p->token && t[-1].kind == T_SYMBOL && !strcmp(t[-1].text, "mu"))) put_space(out);
        put_content(out, t->text, t->n);
        return;
    case T_DEGREE:
        put_space(out);
        put(out, "\xc2\xb0", 2);
        return;
    default: break;
    }
    for (size_t k = 0; k < sizeof sign / sizeof *sign; k++)
        if (sign[k].kind == t->kind) {
            while (out->n && out->s[out->n - 1] == ' ' && t->kind != T_MINUS) out->n--;
            put(out, sign[k].text, 1);
            return;
        }
    if (t > p->token && t[-1].kind == T_SYMBOL && !strcmp(t[-1].text, "mu") && out->n) { /* \mu F is one unit */
        while (out->n && out->s[out->n - 1] == ' ') out->n--;
    } else if (t->space || (t > p->token && t[-1].kind == T_TEXT && t->kind != T_OPEN)) put_space(out);
    if (t->kind == T_CURRENCY || t->kind == T_WORD || t->kind == T_LETTER || t->kind == T_NUMBER || t->kind == T_SYMBOL)
        put(out, t->text, t->n);
    else put(out, p->source + t->at, t->end - t->at);
}

/* 5 of 5 degrees; NULL: no degrees. */
static const struct expr *without_degree(struct parser *p, const struct expr *e)
{
    if (e->kind == EXPR_DEGREE) return e->arg[0];
    if (e->kind == EXPR_NEG && e->arg[0]->kind == EXPR_DEGREE) return raml_expr_1(p->pool, EXPR_NEG, e->arg[0]->arg[0]);
    return NULL;
}

/* "C", "Celsius": the scale of a temperature. */
static bool names_scale(const struct token *t, uint32_t left)
{
    static const char *const names[] = {"C",          "F",      "K",      "Celsius",    "celsius",   "Fahrenheit",
                                        "fahrenheit", "Kelvin", "kelvin", "centigrade", "Centigrade"};
    if (left > 1 && t->kind == T_GROUP) t++;
    if (t->kind != T_LETTER && t->kind != T_WORD && t->kind != T_TEXT) return false;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strlen(names[k]) == t->n && !memcmp(names[k], t->text, t->n)) return true;
    return false;
}

/* value with the words of tokens [from, to) as its unit. */
static const struct expr *with_words(struct parser *p, const struct expr *value, uint32_t from, uint32_t to)
{
    size_t cap = 40;
    for (uint32_t k = from; k < to; k++) cap += p->token[k].n + (p->token[k].end - p->token[k].at) + 4;
    if (value->kind == EXPR_UNIT) cap += value->n_text; /* "$5 per hour" */
    struct text out = {.s = raml_arena_alloc(p->pool->arena, cap, 1), .cap = cap - 1};
    if (!out.s) {
        p->pool->no_memory = true;
        return NULL;
    }
    if (value->kind == EXPR_UNIT) {
        put(&out, value->text, value->n_text);
        put_space(&out);
        value = value->arg[0];
    }
    const struct expr *bare = without_degree(p, value);
    if (bare && names_scale(&p->token[from], p->n - from)) {
        put(&out, "\xc2\xb0 ", 3);
        value = bare;
    }
    for (uint32_t k = from; k < to; k++) put_token(p, &out, &p->token[k]);
    while (out.n && strchr(" .,;:", out.s[out.n - 1])) out.n--;
    struct expr *u = (struct expr *)raml_expr_1(p->pool, EXPR_UNIT, value);
    if (!u) return NULL;
    u->text = out.s;
    u->n_text = (uint32_t)out.n;
    return u;
}

static bool is_whole(const struct expr *e)
{
    return e->kind == EXPR_NUMBER && !e->scale;
}

/* ---- feet, minutes, seconds by primes ---- */

/* "minutes" (marks 1), "seconds" (2) at p->token[i]. */
static bool minute_word(const struct parser *p, uint32_t i, uint32_t marks)
{
    const char *const names[2][2] = {{"minutes", "minute"}, {"seconds", "second"}};
    const struct token *t = &p->token[i];
    if (i >= p->n || t->kind != T_WORD) return false;
    for (int k = 0; k < 2; k++)
        if (strlen(names[marks - 1][k]) == t->n && !memcmp(names[marks - 1][k], t->text, t->n)) return true;
    return false;
}

/* NUMBER ' at p->token[i]; `marks` primes. */
static bool primed_number(const struct parser *p, uint32_t i, uint32_t marks)
{
    if (i >= p->n || p->token[i].kind != T_NUMBER) return false;
    if (minute_word(p, i + 1, marks)) return true;
    for (uint32_t k = 1; k <= marks; k++)
        if (i + k >= p->n || p->token[i + k].kind != T_PRIME) return false;
    return i + marks + 1 >= p->n || p->token[i + marks + 1].kind != T_PRIME;
}

/* A prime after a number, in its two notations: ' and ^{\prime}. Only the first is read here. */
const struct expr *raml_parse_minutes(struct parser *p, const struct expr *degrees)
{
    const struct expr *v = degrees->arg[0];
    long unit = 60;
    for (uint32_t marks = 1; marks <= 2; marks++, unit *= 60) {
        uint32_t i = p->i;
        if (!primed_number(p, i, marks)) continue;
        const struct expr *part = raml_parse_number(p);
        part = part ? raml_expr_2(p->pool, EXPR_DIV, part, raml_expr_int(p->pool, unit)) : NULL;
        v = raml_expr_2(p->pool, EXPR_ADD, v, part);
        if (!v) return NULL;
        p->i = i + 1 + (minute_word(p, i + 1, marks) ? 1 : marks);
    }
    return v == degrees->arg[0] ? degrees : raml_expr_1(p->pool, EXPR_DEGREE, v);
}

/* 5'6'', 5' 6": p->i is at the prime after the feet. */
static const struct expr *feet_and_inches(struct parser *p, const struct expr *feet)
{
    uint32_t i = p->i + 1;
    if (i >= p->n || p->token[i].kind != T_NUMBER || p->token[i].n > 2) return NULL;
    uint32_t end = i + 1;
    while (end < p->n && end < i + 3 && p->token[end].kind == T_PRIME) end++;
    if (end < p->n && !raml_parse_parts_items(p->token[end].kind)) return NULL;
    static const char before[] = "ft ", after[] = " in";
    struct text out = {.s = raml_arena_alloc(p->pool->arena, p->token[i].n + sizeof before + sizeof after, 1)};
    struct expr *u = out.s ? (struct expr *)raml_expr_1(p->pool, EXPR_UNIT, feet) : NULL;
    if (!u) return NULL;
    out.cap = p->token[i].n + sizeof before + sizeof after - 1;
    put(&out, before, sizeof before - 1);
    put(&out, p->token[i].text, p->token[i].n);
    put(&out, after, sizeof after - 1);
    u->text = out.s;
    u->n_text = (uint32_t)out.n;
    p->i = end;
    return u;
}

/* ---- what follows a value ---- */

/* The end of the item that p->token[from] continues; 0: it has a relation, or what no answer contains. */
static uint32_t end_of_item(const struct parser *p, uint32_t from)
{
    uint32_t k = from;
    int open = 0, groups = 0;
    for (; k < p->n; k++) {
        uint8_t kind = p->token[k].kind;
        if (kind == T_OPEN) open++;
        if (kind == T_GROUP) groups++;
        if (kind == T_CLOSE && open) open--;
        else if (kind == T_GROUP_END && groups) groups--;
        else if (raml_parse_parts_items(kind) && !open) break;
        if (kind == T_RELATION || kind == T_BAD) return 0;
    }
    return k;
}

/* value with a unit of a name of its own. */
static const struct expr *named_unit(struct parser *p, const struct expr *value, const char *name)
{
    struct expr *u = (struct expr *)raml_expr_1(p->pool, EXPR_UNIT, value);
    if (u) u->text = name, u->n_text = (uint32_t)strlen(name);
    return u;
}

/* 5', 12": feet, inches. */
static const struct expr *primes(struct parser *p, const struct expr *e)
{
    const struct expr *feet = feet_and_inches(p, e);
    if (feet) return feet;
    uint32_t n = raml_parse_peek(p, 1)->kind == T_PRIME ? 2 : 1;
    if (!raml_parse_parts_items(raml_parse_peek(p, n)->kind)) return e;
    p->i += n;
    struct expr *u = (struct expr *)named_unit(p, e, n == 2 ? "in" : "ft");
    if (u) u->sub = 1; /* minutes and seconds, beside degrees */
    return u;
}

const struct expr *raml_parse_unit(struct parser *p, const struct expr *e)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (!e || raml_parse_parts_items(t->kind) || t->kind == T_DOT || t->kind == T_DOTS) return e;
    if (t->kind == T_PRIME && e->kind == EXPR_NUMBER) return primes(p, e);
    const struct token *next = raml_parse_peek(p, 1);
    bool bracketed = t->kind == T_OPEN && t->sub == '(' && (next->kind == T_WORD || next->kind == T_TEXT);
    bool word = t->kind == T_TEXT || t->kind == T_WORD || t->kind == T_LETTER || t->kind == T_SLASH ||
                t->kind == T_CURRENCY || t->kind == T_FN || t->kind == T_CUP ||
                (t->kind == T_GROUP && next->kind == T_LETTER);
    if (!word && !bracketed) return e;
    uint32_t end = end_of_item(p, p->i);
    if (!end) return e;
    long base = is_whole(e) ? raml_parse_base_words(p, p->i, end, false) : 0;
    if (base) {
        const struct expr *digits = raml_expr_text(p->pool, EXPR_SYMBOL, e->text, e->n_text);
        p->i = end;
        return raml_expr_2(p->pool, EXPR_BASE, digits, raml_expr_int(p->pool, base));
    }
    const struct expr *u = with_words(p, e, p->i, end);
    p->i = end;
    return u;
}

/* The tokens of "* 10^{-4}" after token k; 0: none. */
static uint32_t times_ten(const struct parser *p, uint32_t k)
{
    const struct token *t = &p->token[k + 1];
    if (k + 5 > p->n || t[0].kind != T_TIMES || t[1].kind != T_NUMBER || strcmp(t[1].text, "10") != 0) return 0;
    uint32_t n = 3, group = t[3].kind == T_GROUP;
    if (t[2].kind != T_POWER) return 0;
    n += group;
    n += k + 1 + n < p->n && (t[n].kind == T_MINUS || t[n].kind == T_PLUS);
    if (k + 1 + n + group >= p->n || t[n].kind != T_NUMBER || (group && t[n + 1].kind != T_GROUP_END)) return 0;
    return n + 1 + group;
}

/* Tokens of a unit from k on, to the end of the item, that may also be letters of a product: what of them says that they
 * are a unit. */
struct unit_signs {
    uint32_t end;               /* 0: they are no unit */
    bool rate, product, symbol; /* "/" or a negative power; a sign for times; an ohm, a prefix micro */
};

static struct unit_signs unit_signs(const struct parser *p, uint32_t k)
{
    struct unit_signs x = {.end = 0};
    uint32_t from = k;
    for (; !raml_parse_parts_items(p->token[k].kind) || p->token[k].kind == T_GROUP_END; k++) {
        const struct token *t = &p->token[k];
        switch (t->kind) {
        case T_WORD:
            if (t->n > 5) return x;
            break;
        case T_SYMBOL:
            if (strcmp(t->text, "Omega") != 0 && strcmp(t->text, "mu") != 0) return x;
            x.symbol = true;
            break;
        case T_SLASH: x.rate = true; break;
        case T_MINUS: x.rate = true; break;
        case T_TIMES: x.product = true; break;
        case T_POWER:
        case T_GROUP:
        case T_GROUP_END:
        case T_LETTER:
        case T_TEXT:
        case T_DOT: break;
        case T_NUMBER:
            if (k == from ||
                (p->token[k - 1].kind != T_POWER && p->token[k - 1].kind != T_MINUS && p->token[k - 1].kind != T_GROUP))
                return x;
            break;
        default: return x;
        }
        if (k - from > 16) return x;
    }
    x.end = k;
    return x;
}

/* May "F" of "3 \mu F" be a unit, and not friction times a force? */
static bool micro(const struct parser *p, uint32_t k)
{
    const struct token *t = &p->token[k], *next = t + 1;
    if (t->kind != T_SYMBOL || strcmp(t->text, "mu") != 0 || (unsigned char)p->source[t->at] >= 0x80) return true;
    return next->kind == T_TEXT || (next->kind == T_LETTER && strchr("FCAVHLWJ", next->text[0]));
}

/* The end of the unit of letters at token k, after a number; scientific: one with a power of ten. 0: none. */
static uint32_t letter_unit_end(const struct parser *p, uint32_t k, bool scientific)
{
    const struct token *t = &p->token[k];
    bool single = t->kind == T_LETTER && t->space && strchr("mgsLhlNJWVKFA", t->text[0]);
    bool other = (t->kind == T_LETTER && t->space) || t->kind == T_SYMBOL || (t->kind == T_WORD && scientific);
    if (!single && !other) return 0;
    struct unit_signs x = unit_signs(p, k);
    if (single && (!x.end || x.end == k + 1 || p->token[k + 1].kind == T_SLASH || p->token[k + 1].kind == T_NUMBER)) {
        uint32_t end = k + 1;
        if (end < p->n && (p->token[end].kind == T_SLASH || p->token[end].kind == T_NUMBER)) end = end_of_item(p, end);
        return end;
    }
    if (single && p->token[k + 1].kind == T_POWER && raml_parse_parts_items(p->token[k + 3].kind)) return k + 3;
    bool upper = t->kind == T_LETTER && t->text[0] >= 'A' && t->text[0] <= 'Z';
    bool two = x.end == k + 2 && t[1].kind == T_LETTER && t[1].space; /* N m, W s */
    if (two && strchr("NWJAV", t->text[0]) && upper && strchr("msh", t[1].text[0])) return x.end;
    if (x.end && (scientific || x.rate || (x.product && upper) || (x.symbol && micro(p, k)))) return x.end;
    return 0;
}

/* 5h30m, 5h30, 5 h 30 min: a whole item. NULL: something else. */
static const struct expr *hours_and_minutes(struct parser *p)
{
    const struct token *h = raml_parse_peek(p, 1), *minutes = raml_parse_peek(p, 2), *m = raml_parse_peek(p, 3);
    if (raml_parse_peek(p, 0)->kind != T_NUMBER || h->kind != T_LETTER || h->text[0] != 'h' ||
        minutes->kind != T_NUMBER || minutes->n > 2 || minutes->text[0] > '5' ||
        (minutes->n == 1 && raml_parse_parts_items(m->kind)))
        return NULL;
    bool named = (m->kind == T_LETTER && m->text[0] == 'm') ||
                 (m->kind == T_WORD && m->n == 3 && !memcmp(m->text, "min", 3)) ||
                 (m->kind == T_FN && m->sub == FN_MIN);
    if (!raml_parse_parts_items(raml_parse_peek(p, named ? 4 : 3)->kind)) return NULL;
    struct text out = {.s = raml_arena_alloc(p->pool->arena, minutes->n + 8, 1), .cap = minutes->n + 7};
    uint32_t from = p->i;
    const struct expr *hours = out.s ? raml_parse_number(p) : NULL;
    struct expr *u = hours && hours->kind == EXPR_NUMBER ? (struct expr *)raml_expr_1(p->pool, EXPR_UNIT, hours) : NULL;
    p->i = from;
    if (!u) return NULL;
    put(&out, "h ", 2);
    put(&out, minutes->text, minutes->n);
    put(&out, " min", 4);
    u->text = out.s, u->n_text = (uint32_t)out.n;
    p->i = from + (named ? 4 : 3);
    return u;
}

const struct expr *raml_parse_letter_unit(struct parser *p)
{
    const struct expr *time = hours_and_minutes(p);
    if (time || p->why) return time;
    uint32_t k = p->i;
    while (k < p->n && (p->token[k].kind == T_MINUS || p->token[k].kind == T_PLUS)) k++;
    if (p->token[k].kind != T_NUMBER) return NULL;
    const uint32_t ten = times_ten(p, k), number = k;
    k += ten;
    const struct token *t = k + 1 <= p->n ? &p->token[k + 1] : NULL;
    if (!t || (t->kind != T_LETTER && t->kind != T_SYMBOL && t->kind != T_WORD)) return NULL;
    bool scientific = ten || memchr(p->token[number].text, 'e', p->token[number].n) ||
                      memchr(p->token[number].text, 'E', p->token[number].n);
    uint32_t end = letter_unit_end(p, k + 1, scientific);
    if (!end || end > p->n || !raml_parse_parts_items(p->token[end].kind)) return NULL;
    bool minus = p->token[p->i].kind == T_MINUS;
    const char *first = p->token[number].text;
    uint32_t n_first = p->token[number].n, from = p->i;
    p->i = number;
    const struct expr *e = ten ? NULL : raml_parse_number(p);
    if (ten) { /* the product, and no more */
        struct token after = p->token[k + 1];
        p->token[k + 1].kind = T_END;
        e = raml_parse_term(p);
        p->token[k + 1] = after;
    } else if (!e || e->kind != EXPR_NUMBER) { /* 1 1/2 and the like */
        p->token[number].text = first;
        p->token[number].n = n_first;
        p->i = from;
        return NULL;
    }
    if (minus) e = raml_expr_1(p->pool, EXPR_NEG, e);
    const struct expr *u = e ? with_words(p, e, k + 1, end) : NULL;
    struct unit read;
    size_t rest;
    bool known = u && raml_unit_read(u->text, u->n_text, &read, &rest) != UNIT_CHANGES && read.n_atoms;
    if (!known && !(u && end == k + 2 && t->kind == T_LETTER && strchr("mgsLhlNJWVKFA", t->text[0]))) {
        p->i = from;
        return NULL;
    }
    p->i = end;
    return u;
}
