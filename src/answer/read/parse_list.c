/* parse_list.c - lists, items with their words and units, relations, ratios, unions (parse.h). */
#include "answer/read/parser.h"
#include "answer/read/unit.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_ITEMS = 512 };

/* ---- sets and ratios ---- */

static const struct expr *flat(struct parser *p, enum expr_kind kind, const struct expr *a, const struct expr *b)
{
    if (!a || !b) return NULL;
    if (a->kind != kind || kind == EXPR_MINUS_SET) return raml_expr_2(p->pool, kind, a, b);
    struct expr *e = raml_expr_new(p->pool, kind, a->n + 1);
    if (!e) return NULL;
    memcpy(e->arg, a->arg, a->n * sizeof *a->arg);
    e->arg[a->n] = b;
    return e;
}

static const struct expr *set_expression(struct parser *p)
{
    const struct expr *e = raml_parse_sum(p);
    while (e) {
        uint8_t kind = raml_parse_peek(p, 0)->kind;
        if (kind != T_CUP && kind != T_CAP && kind != T_SETMINUS) break;
        if (kind == T_CUP && raml_parse_parts_items(raml_parse_peek(p, 1)->kind)) break; /* 1 cup */
        if (!raml_parse_enter(p)) return NULL;
        p->i++;
        e = flat(p,
                 kind == T_CUP   ? EXPR_UNION
                 : kind == T_CAP ? EXPR_INTERSECTION
                                 : EXPR_MINUS_SET,
                 e, raml_parse_sum(p));
        raml_parse_leave(p);
    }
    return e;
}

/* "8:34 PM", "5 a.m.": minutes after midnight. p->i is after the hours (and minutes). */
static const struct expr *half_day(struct parser *p, long hours, long minutes)
{
    uint32_t from = p->i;
    char s[8];
    size_t n = 0;
    for (uint32_t k = from; k < p->n && k < from + 4 && n < 6; k++) {
        const struct token *t = &p->token[k];
        if (t->kind == T_DOT) continue;
        if (t->kind != T_LETTER && t->kind != T_WORD && t->kind != T_TEXT) break;
        for (size_t j = 0; j < t->n && n < 6; j++)
            if (t->text[j] != '.' && t->text[j] != ' ') s[n++] = (char)(t->text[j] | 0x20);
        if (n == 2) {
            bool pm = s[0] == 'p';
            if ((s[0] != 'a' && s[0] != 'p') || s[1] != 'm' || hours < 1 || hours > 12 || minutes > 59) return NULL;
            p->i = k + 1;
            raml_parse_take(p, T_DOT);
            struct expr *e = raml_expr_new(p->pool, EXPR_TIME, 1);
            if (e) e->arg[0] = raml_expr_int(p->pool, hours % 12 * 60 + minutes + (pm ? 720 : 0));
            if (e) e->sub = 1;
            return e;
        }
    }
    return NULL;
}

static bool small_number(const struct expr *e, long *out)
{
    if (e->kind != EXPR_NUMBER || e->scale || e->n_text > 4) return false;
    *out = 0;
    for (uint32_t i = 0; i < e->n_text; i++) *out = *out * 10 + (e->text[i] - '0');
    return true;
}

static const struct expr *ratio(struct parser *p)
{
    const struct expr *e = set_expression(p), *part[16];
    uint32_t n = 0;
    long hours = 0, minutes = 0;
    if (e && small_number(e, &hours)) {
        const struct expr *time = half_day(p, hours, 0);
        if (time) return time;
    }
    if (!e || raml_parse_peek(p, 0)->kind != T_COLON) return e;
    part[n++] = e;
    while (e && n < 16 && raml_parse_take(p, T_COLON)) {
        e = set_expression(p);
        part[n++] = e;
    }
    if (!e) return NULL;
    bool clock = n == 2 && small_number(part[0], &hours) && small_number(part[1], &minutes) && part[1]->n_text == 2 &&
                 hours < 25 && minutes < 60;
    const struct expr *time = clock ? half_day(p, hours, minutes) : NULL;
    if (time) return time;
    struct expr *r = raml_expr_new(p->pool, EXPR_RATIO, n);
    if (!r) return NULL;
    memcpy(r->arg, part, n * sizeof *part);
    r->sub = clock; /* may be a time of day */
    return r;
}

/* ---- relations ---- */

static const struct expr *relation_of(struct parser *p)
{
    const struct expr *part[32];
    char sign[33];
    uint32_t n = 0;
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind == T_RELATION && (t->sub == EXPR_EQ || t->sub == EXPR_APPROX || t->sub == EXPR_EQUIV))
        p->i++; /* "= 5" */
    const struct expr *e = ratio(p);
    while (e) {
        part[n++] = e;
        t = raml_parse_peek(p, 0);
        if (t->kind != T_RELATION || n == 32) break;
        uint8_t next = raml_parse_peek(p, 1)->kind;
        if (next == T_END || next == T_DOTS) {
            p->i++;
            break;
        }
        sign[n - 1] = (char)t->sub;
        p->i++;
        e = ratio(p);
    }
    if (!e || n == 1) return e;
    struct expr *r = (struct expr *)raml_expr_text(p->pool, EXPR_RELATION, sign, n - 1);
    const struct expr **arg = r ? raml_arena_alloc(p->pool->arena, n, sizeof(struct expr *)) : NULL;
    if (!arg) return NULL;
    memcpy(arg, part, n * sizeof *part);
    r->arg = arg;
    r->n = n;
    return r;
}

/* ---- items ---- */

bool raml_parse_parts_items(uint8_t kind)
{
    return kind == T_END || kind == T_COMMA || kind == T_SEMICOLON || kind == T_AND || kind == T_CLOSE ||
           kind == T_GROUP_END || kind == T_CELL || kind == T_ROW || kind == T_FINISH || kind == T_MID;
}

/* Lower case, single spaces, no markup, no punctuation at the ends. */
const struct expr *raml_parse_words(struct parser *p, uint32_t from, uint32_t to)
{
    uint32_t a = p->token[from].at, b = p->token[to].at;
    char *out = raml_arena_alloc(p->pool->arena, b - a + 1, 1);
    size_t n = 0;
    if (!out) {
        p->pool->no_memory = true;
        return NULL;
    }
    for (uint32_t k = from; k < to; k++) {
        const struct token *t = &p->token[k];
        const char *s = t->text;
        size_t len = t->n;
        if (t->kind == T_MINUS) s = "-", len = 1;
        if (t->kind == T_PRIME) s = "'", len = 1;
        if (len && n && (t->space || t->kind == T_TEXT) && out[n - 1] != ' ' && n < b - a) out[n++] = ' ';
        for (size_t j = 0; j < len && n < b - a; j++) {
            char c = s[j];
            if (strchr("$\\{}*", c)) continue;
            out[n++] = to_lower(c);
        }
    }
    while (n && strchr(" .,;:!?", out[n - 1])) n--;
    if (n > 2 && out[0] == '(' && out[n - 1] == ')' && !memchr(out + 1, '(', n - 1)) out++, n -= 2; /* "(c)" */
    return raml_expr_text(p->pool, EXPR_TEXT, out, n);
}

/* Words without meaning before a value: "approximately 5", "Rs. 40". */
static bool is_filler(const struct token *t)
{
    static const char *const filler[] = {
        "approximately", "about", "exactly", "only", "roughly", "around", "rs",  "usd",  "is",     "are",    "the",
        "answer",        "value", "be",      "of",   "a",       "total",  "Rs",  "USD",  "approx", "nearly", "almost",
        "Approximately", "About", "The",     "to",   "by",      "all",    "for", "when", "if",     "where"};
    if (t->kind != T_WORD && t->kind != T_TEXT) return false;
    for (size_t j = 0; j < sizeof filler / sizeof *filler; j++)
        if (strlen(filler[j]) == t->n && !memcmp(filler[j], t->text, t->n)) return true;
    return false;
}

static void skip_fillers(struct parser *p)
{
    uint32_t k = p->i;
    const struct token *t = &p->token[k];
    if (t->kind == T_WORD && t->n == 2 && !memcmp(t->text, "US", 2) && t[1].kind == T_CURRENCY) k++; /* US$5 */
    while (k < p->n && (is_filler(&p->token[k]) || (p->token[k].kind == T_DOT && k > p->i))) k++;
    if (k < p->n && !raml_parse_parts_items(p->token[k].kind)) p->i = k;
}

/* \text{(113)}, \text{x+1}, \text{(C)}: mathematics set as text; p->i moves past it. NULL: words. */
static const struct expr *dressed(struct parser *p)
{
    const struct token *t = &p->token[p->i];
    bool sign = false;
    for (uint32_t k = 0; k < t->n; k++) sign |= strchr("+-=^/\\()0123456789", t->text[k]) != NULL;
    if (!sign || t->n > 400 || p->depth > EXPR_MAX_DEPTH / 2) return NULL;
    struct tokens inner = raml_lex(t->text, t->n, false, p->pool->arena);
    if (inner.no_memory || inner.bad || !inner.n) return NULL;
    struct parser q = {.source = t->text,
                       .token = inner.token,
                       .n = inner.n,
                       .pool = p->pool,
                       .split = p->split,
                       .depth = p->depth + 8,
                       .steps = p->steps + 64};
    const struct expr *e = raml_parse_list(&q, true);
    p->steps = q.steps;
    p->two_ways |= q.two_ways;
    if (!e || q.i < q.n || e->kind == EXPR_TEXT) return NULL;
    p->i++;
    return e;
}

/* An item of only words: its tokens, up to an item separator. Short words among letters are products. */
static const struct expr *word_item(struct parser *p, bool top_level)
{
    uint32_t k = p->i;
    bool first_is_word = false, minus = false, long_word = false;
    const struct token *t = &p->token[k];
    if (t->kind != T_WORD && t->kind != T_TEXT) return NULL;
    if (!top_level && t->kind == T_WORD && t->n <= 3) return NULL;
    for (; !raml_parse_parts_items(p->token[k].kind); k++) {
        t = &p->token[k];
        minus |= t->kind == T_MINUS;
        long_word |= t->kind == T_TEXT || (t->kind == T_WORD && t->n > 3);
        if (t->kind == T_WORD || t->kind == T_TEXT) first_is_word = true;
        else if (t->kind != T_LETTER && t->kind != T_DOT && t->kind != T_PRIME && t->kind != T_MINUS &&
                 !(t->kind == T_NUMBER && !is_filler(&p->token[p->i])))
            return NULL;
    }
    t = &p->token[p->i];
    if (!first_is_word || p->token[k].kind == T_MID || (minus && !long_word)) return NULL; /* ad-bc */
    if (k == p->i + 1 && t->kind == T_WORD && t->n <= 3 && (unsigned char)t->text[0] < 0x80) {
        static const char *const plain[] = {"yes", "no",  "odd", "all", "red", "one", "two", "six", "ten", "not",
                                            "max", "min", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "boy",
                                            "Yes", "No",  "YES", "NO",  "Odd", "All", "Red", "Mon", "Tue", "Wed",
                                            "Thu", "Fri", "Sat", "Sun", "DNE", "dne", "May", "Jun", "Jul", "Ann"};
        bool word = false;
        for (size_t j = 0; j < sizeof plain / sizeof *plain && !word; j++)
            word = strlen(plain[j]) == t->n && !memcmp(plain[j], t->text, t->n);
        if (!word) return NULL;
    }
    if (k == p->i + 1 && t->kind == T_TEXT) {
        const struct expr *e = dressed(p);
        if (e) return e;
        long v = raml_parse_number_word(t->text, t->n);
        bool digits = t->n > 0;
        for (uint32_t j = 0; j < t->n; j++) digits = digits && is_digit(t->text[j]);
        if (v >= 0 || digits) {
            p->i = k;
            return v >= 0 ? raml_expr_int(p->pool, v) : raml_expr_number(p->pool, t->text, t->n, 0);
        }
    }
    bool noon = t->n == 4 && !memcmp(t->text, "noon", 4), midnight = t->n == 8 && !memcmp(t->text, "midnight", 8);
    if (k == p->i + 1 && (noon || midnight)) {
        struct expr *time = raml_expr_new(p->pool, EXPR_TIME, 1);
        if (!time) return NULL;
        time->arg[0] = raml_expr_int(p->pool, noon ? 720 : 0);
        time->sub = 1;
        p->i = k;
        return time->arg[0] ? time : NULL;
    }
    if (k == p->i + 1 && t->kind == T_WORD && raml_parse_number_word(t->text, t->n) >= 0) {
        p->i = k;
        return raml_expr_int(p->pool, raml_parse_number_word(t->text, t->n));
    }
    const struct expr *e = raml_parse_words(p, p->i, k);
    p->i = k;
    return e;
}

/* ---- sets in words ---- */

/* Skips the first of `list` that text begins with. */
static bool skip_one(const char **text, const char *const *list)
{
    for (; *list; list++) {
        size_t n = strlen(*list);
        if (strncmp(*text, *list, n) != 0 || ((*text)[n] && (*text)[n] != ' ')) continue;
        *text += n + ((*text)[n] == ' ');
        return true;
    }
    return false;
}

/* "all real numbers except 0 and 1", "any positive real number". NULL and no reason: something else. */
static const struct expr *reals_in_words(struct parser *p)
{
    static const char *const before[] = {"all", "any", "every", "each", "the", "set", "of", NULL};
    static const char *const sign[] = {"positive", "negative", "nonzero", "non-zero", NULL};
    static const char *const numbers[] = {"reals", "real numbers", "real number", "real values", "real", NULL};
    static const char *const but[] = {"except for", "except",       "excluding",  "other than", "besides",
                                      "but not",    "not equal to", "apart from", "but",        NULL};
    uint32_t k = p->i;
    while (k < p->n && (p->token[k].kind == T_WORD || p->token[k].kind == T_TEXT || p->token[k].kind == T_MINUS)) k++;
    const struct expr *said = k > p->i ? raml_parse_words(p, p->i, k) : NULL;
    if (!said) return NULL;
    const char *s = said->text;
    while (skip_one(&s, before)) {
    }
    char which = *s;
    bool positive = skip_one(&s, sign);
    if (!skip_one(&s, numbers)) return NULL;
    bool without = skip_one(&s, but);
    if (*s || (!positive && !without) || (!without && !raml_parse_parts_items(p->token[k].kind))) return NULL;
    const struct expr *oo = raml_expr_new(p->pool, EXPR_INFINITY, 0), *zero = raml_expr_int(p->pool, 0);
    struct expr *all = raml_expr_new(p->pool, EXPR_INTERVAL, 2);
    if (!all || !zero || !oo) return NULL;
    all->sub = EXPR_OPEN_LEFT | EXPR_OPEN_RIGHT;
    all->arg[0] = positive && which == 'p' ? zero : raml_expr_1(p->pool, EXPR_NEG, oo);
    all->arg[1] = positive && s[0] == 0 && which == 'n' && strncmp(said->text, "non", 3) != 0 ? zero : oo;
    p->i = k;
    if (!without) return all;
    const struct expr *list = raml_parse_list(p, false);
    struct expr *set = list ? raml_expr_new(p->pool, EXPR_SET, list->kind == EXPR_LIST ? list->n : 1) : NULL;
    if (!set) return NULL;
    for (uint32_t i = 0; i < set->n; i++) {
        const struct expr *x = list->kind == EXPR_LIST ? list->arg[i] : list;
        set->arg[i] = x->kind == EXPR_RELATION && x->text[0] == EXPR_EQ ? x->arg[x->n - 1] : x;
    }
    return raml_expr_2(p->pool, EXPR_MINUS_SET, all, set);
}

/* "A number of people", "A good question": an article, and no name before a unit. */
static const struct expr *article(struct parser *p)
{
    static const char *const of_letter[] = {"is",  "only", "alone", "because", "since", "are",  "was",
                                            "has", "and",  "or",    "will",    "would", "must", "should"};
    const struct token *t = raml_parse_peek(p, 0), *next = raml_parse_peek(p, 1);
    if (t->kind != T_LETTER || (t->text[0] != 'A' && t->text[0] != 'I') || next->kind != T_WORD || !next->space ||
        next->n < 2 || !is_lower(next->text[0]) || raml_unit_is_known(next->text, next->n))
        return NULL;
    for (size_t k = 0; k < sizeof of_letter / sizeof *of_letter; k++)
        if (strlen(of_letter[k]) == next->n && !memcmp(of_letter[k], next->text, next->n)) return NULL;
    uint32_t k = p->i;
    while (!raml_parse_parts_items(p->token[k].kind)) k++;
    const struct expr *e = raml_parse_words(p, p->i, k);
    p->i = k;
    return e;
}

static const struct expr *item(struct parser *p, bool top_level)
{
    const struct expr *e = top_level ? reals_in_words(p) : NULL;
    if (e) return e;
    if (p->why) return NULL;
    e = raml_parse_spelled(p);
    while (e && (raml_parse_peek(p, 0)->kind == T_PERCENT || raml_parse_peek(p, 0)->kind == T_DEGREE))
        e = raml_expr_1(p->pool, p->token[p->i++].kind == T_PERCENT ? EXPR_PERCENT : EXPR_DEGREE, e);
    if (e || p->why) return raml_parse_unit(p, e);
    e = word_item(p, top_level);
    if (!e && !p->why) e = article(p);
    if (e) return e;
    if (p->why) return NULL;
    e = raml_parse_letter_unit(p);
    if (e) return e;
    if (top_level) skip_fillers(p);
    e = relation_of(p);
    return top_level && e && raml_parse_begins_qualifier(p, false) ? e : raml_parse_unit(p, e);
}

/* ---- lists ---- */

struct items {
    const struct expr **e;
    char *sep; /* after e[i]: ',' ';' '&' (and), '+' (", and") */
    uint32_t n, cap;
};

static bool add_item(struct parser *p, struct items *x, const struct expr *e)
{
    if (x->n == x->cap) {
        uint32_t cap = x->cap ? x->cap * 2 : 4;
        const struct expr **more =
            cap > MAX_ITEMS ? NULL : raml_arena_alloc(p->pool->arena, cap, sizeof(struct expr *));
        char *sep = more ? raml_arena_alloc(p->pool->arena, cap, 1) : NULL;
        if (!sep) return raml_parse_stop(p, "a list too long") != NULL;
        if (x->n) memcpy(more, x->e, x->n * sizeof *more);
        if (x->n) memcpy(sep, x->sep, x->n);
        *x = (struct items){more, sep, x->n, cap};
    }
    x->e[x->n++] = e;
    return true;
}

/* The separator of two items, as in struct items; 0: none. */
static char separator(struct parser *p)
{
    uint32_t from = p->i;
    bool comma = false, semi = false, word = false;
    for (;;) {
        uint8_t kind = raml_parse_peek(p, 0)->kind;
        if (kind == T_COMMA && !comma) comma = true;
        else if (kind == T_SEMICOLON && !semi) semi = true;
        else if (kind == T_AND && !word) word = true;
        else break;
        p->i++;
    }
    uint8_t next = raml_parse_peek(p, 0)->kind;
    bool over = next == T_END || next == T_CLOSE || next == T_GROUP_END || next == T_DOT || next == T_FINISH ||
                next == T_CELL || next == T_ROW;
    if (over || p->i == from) return 0; /* a comma at the end separates nothing */
    return semi ? ';' : word && comma ? '+' : word ? '&' : ',';
}

static const struct expr *make_list(struct parser *p, const struct expr *const *e, uint32_t n)
{
    if (n == 1) return e[0];
    struct expr *list = raml_expr_new(p->pool, EXPR_LIST, n);
    if (list) memcpy(list->arg, e, n * sizeof *e);
    return list;
}

/* "p=5,q=2; p=7,q=2" and "p=5,q=2 and p=7,q=2" are two of two; "1, 2 and 3" is three. */
static const struct expr *grouped(struct parser *p, const struct items *x, char by)
{
    const struct expr *part[MAX_ITEMS];
    uint32_t n = 0, from = 0, size = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        if (i + 1 < x->n && x->sep[i] != by) continue;
        uint32_t here = i + 1 - from;
        if (size && here != size && by == '&') return NULL;
        size = here;
        part[n++] = make_list(p, x->e + from, here);
        if (!part[n - 1]) return NULL;
        from = i + 1;
    }
    if (n < 2 || (by == '&' && size < 2)) return NULL;
    return make_list(p, part, n);
}

const struct expr *raml_parse_list(struct parser *p, bool top_level)
{
    if (!raml_parse_enter(p)) return NULL;
    struct items x = {0};
    const struct expr *list = NULL;
    bool semicolons = false, ands = false, good = true, qualified = false;
    for (char sep = ','; good && sep;) {
        const struct expr *e = item(p, top_level);
        good = e && add_item(p, &x, e);
        if (!good) break;
        qualified = top_level && raml_parse_begins_qualifier(p, false);
        sep = qualified ? 0 : separator(p);
        semicolons |= sep == ';';
        ands |= sep == '&';
        x.sep[x.n - 1] = sep;
        if (sep && top_level && raml_parse_begins_qualifier(p, true)) sep = 0, qualified = true;
    }
    if (good && top_level && semicolons) list = grouped(p, &x, ';');
    if (good && !list && ands) list = grouped(p, &x, '&');
    if (good && !list) list = make_list(p, x.e, x.n);
    if (list && top_level) list = qualified ? raml_parse_qualifier(p, list) : raml_parse_conditions(p, list);
    raml_parse_leave(p);
    return list;
}
