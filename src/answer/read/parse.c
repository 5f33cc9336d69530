/* parse.c - see parse.h: the parser's state, sums, products and powers. */
#include "answer/read/parser.h"

#include "answer/read/unit.h"

#include <string.h>

enum { MAX_STEPS = 1 << 17, MAX_POSTFIX = 40 };

const struct expr *raml_parse_stop(struct parser *p, const char *why)
{
    if (!p->why) p->why = why;
    return NULL;
}

bool raml_parse_enter(struct parser *p)
{
    if (++p->steps > MAX_STEPS) return raml_parse_stop(p, "too much to read") != NULL;
    if (p->depth >= EXPR_MAX_DEPTH) return raml_parse_stop(p, "nested too deeply") != NULL;
    p->depth++;
    return true;
}

void raml_parse_leave(struct parser *p)
{
    p->depth--;
}

const struct token *raml_parse_peek(const struct parser *p, uint32_t ahead)
{
    return &p->token[ahead < p->n - p->i ? p->i + ahead : p->n];
}

bool raml_parse_take(struct parser *p, enum token_kind kind)
{
    if (p->i >= p->n || p->token[p->i].kind != kind) return false;
    p->i++;
    return true;
}

bool raml_parse_take_close(struct parser *p, char sub)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind != T_CLOSE || t->sub != (uint8_t)sub) return false;
    p->i++;
    return true;
}

const char *raml_parse_slice(struct parser *p, uint32_t from, uint32_t to, size_t *n)
{
    uint32_t a = p->token[from].at, b = to > from ? p->token[to - 1].end : a;
    char *out = raml_arena_alloc(p->pool->arena, b - a + 1, 1);
    *n = 0;
    if (!out) {
        p->pool->no_memory = true;
        return NULL;
    }
    for (uint32_t k = a; k < b; k++)
        if (!strchr(" \t\n\r{}$\\", p->source[k])) out[(*n)++] = p->source[k];
    return out;
}

/* ---- sums ---- */

static const struct expr *join(struct parser *p, enum expr_kind kind, const struct expr *const *e, uint32_t n)
{
    if (n == 1) return e[0];
    struct expr *sum = raml_expr_new(p->pool, kind, n);
    if (sum) memcpy(sum->arg, e, n * sizeof *e);
    return sum;
}

static const struct expr *plus_minus(struct parser *p, const struct expr *a, const struct expr *b, int sub)
{
    struct expr *e = b ? raml_expr_new(p->pool, EXPR_PLUS_MINUS, a ? 2 : 1) : NULL;
    if (!e) return NULL;
    e->sub = (uint8_t)sub;
    if (a) e->arg[0] = a;
    e->arg[a ? 1 : 0] = b;
    return e;
}

static const struct expr *signed_term(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    const struct expr *e = NULL;
    if (t->kind != T_PLUS && t->kind != T_MINUS && t->kind != T_PLUS_MINUS) return raml_parse_term(p);
    if (!raml_parse_enter(p)) return NULL;
    p->i++;
    e = signed_term(p);
    raml_parse_leave(p);
    bool modulo = e && e->kind == EXPR_CALL && e->sub == FN_MOD && t[1].kind != T_OPEN; /* -7 mod 4 is (-7) mod 4 */
    if (t->kind == T_MINUS && modulo)
        return raml_expr_call(p->pool, FN_MOD, raml_expr_1(p->pool, EXPR_NEG, e->arg[0]), e->arg[1]);
    if (t->kind == T_MINUS) return raml_expr_1(p->pool, EXPR_NEG, e);
    if (t->kind == T_PLUS_MINUS) return plus_minus(p, NULL, e, t->sub);
    return e;
}

const struct expr *raml_parse_sum(struct parser *p)
{
    if (!raml_parse_enter(p)) return NULL;
    const struct expr *small[16], **part = small;
    uint32_t n = 0, cap = 16;
    const struct expr *e = signed_term(p);
    while (e) {
        const struct token *t = raml_parse_peek(p, 0);
        if (t->kind != T_PLUS && t->kind != T_MINUS && t->kind != T_PLUS_MINUS) break;
        if (raml_parse_peek(p, 1)->kind == T_DOTS) break;
        if (n + 2 > cap) {
            const struct expr **more = raml_arena_alloc(p->pool->arena, cap * 2, sizeof(struct expr *));
            if (!more) {
                p->pool->no_memory = true;
                e = NULL;
                break;
            }
            memcpy(more, part, n * sizeof *part);
            part = more;
            cap *= 2;
        }
        part[n++] = e;
        p->i++;
        e = signed_term(p);
        if (t->kind == T_MINUS) e = raml_expr_1(p->pool, EXPR_NEG, e);
        if (t->kind == T_PLUS_MINUS && e) {
            e = plus_minus(p, join(p, EXPR_ADD, part, n), e, t->sub);
            n = 0;
        }
    }
    if (e) {
        part[n++] = e;
        e = join(p, EXPR_ADD, part, n);
    }
    if (e && raml_parse_take(p, T_OVER)) e = raml_expr_2(p->pool, EXPR_DIV, e, raml_parse_sum(p)); /* a \over b */
    raml_parse_leave(p);
    return e;
}

/* ---- products ---- */

static bool is_plain(const struct expr *e) /* a literal number, or its negative */
{
    return e->kind == EXPR_NUMBER || (e->kind == EXPR_NEG && e->arg[0]->kind == EXPR_NUMBER);
}

/* "30 min", "5 sec": a unit, not a function. */
static bool unit_like_function(const struct parser *p, const struct token *t)
{
    uint8_t next = raml_parse_peek(p, 1)->kind;
    return (t->sub == FN_MIN || t->sub == FN_SEC) && p->source[t->at] != '\\' &&
           (raml_parse_parts_items(next) || next == T_DOT || next == T_SLASH || next == T_WORD || next == T_TEXT);
}

/* C, F or K after a degree sign. */
static bool temperature_scale(const struct parser *p)
{
    uint32_t k = raml_parse_peek(p, 0)->kind == T_GROUP;
    const struct token *t = raml_parse_peek(p, k), *before = &p->token[p->i - 1];
    if (before->kind == T_GROUP_END && p->i > 1) before--;
    uint8_t after = raml_parse_peek(p, 1 + 2 * k)->kind;
    return before->kind == T_DEGREE && t->kind == T_LETTER && strchr("CFK", t->text[0]) &&
           (raml_parse_parts_items(after) || after == T_DOT);
}

/* "5 R 2": a quotient and its remainder. */
static bool remainder_letter(const struct parser *p, const struct token *before)
{
    const struct token *t = raml_parse_peek(p, 0);
    return before->kind == T_NUMBER && t->kind == T_LETTER && t->space && (t->text[0] | 0x20) == 'r' &&
           raml_parse_peek(p, 1)->kind == T_NUMBER;
}

/* "6 p.m." */
static bool half_of_day(const struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0), *m = raml_parse_peek(p, 2);
    return t->kind == T_LETTER && strchr("apAP", t->text[0]) && raml_parse_peek(p, 1)->kind == T_DOT &&
           m->kind == T_LETTER && (m->text[0] | 0x20) == 'm';
}

/* "2516 (base 8)", "5 (approximately)" */
static bool bracketed_words(const struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0), *word = raml_parse_peek(p, 1);
    return t->kind == T_OPEN && t->sub == '(' && word->kind == T_WORD && word->n > 3;
}

/* k\pi (k \in \mathbb{Z}): not a factor. */
static bool bracketed_condition(const struct parser *p, const struct token *before)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind != T_OPEN || t->sub != '(' || before->kind == T_WORD || before->kind == T_FN) return false;
    if (before->kind == T_LETTER && strchr("PpEfgh", before->text[0])) return false;
    return raml_parse_begins_qualifier(p, false);
}

/* 5th, 2nd */
static bool ordinal(const struct token *t, const struct token *before)
{
    return t->kind == T_WORD && t->n == 2 && !t->space && before->kind == T_NUMBER &&
           (!memcmp(t->text, "th", 2) || !memcmp(t->text, "st", 2) || !memcmp(t->text, "nd", 2) ||
            !memcmp(t->text, "rd", 2));
}

/* Words that are never a product of letters. */
static bool is_short_word(const struct token *t)
{
    static const char *const words[] = {"for", "any", "all", "and", "the", "is",  "if",  "of",  "in",
                                        "or",  "to",  "not", "but", "let", "has", "out", "per", "are",
                                        "be",  "by",  "we",  "as",  "at",  "on",  "an",  "no",  "so",
                                        "its", "can", "was", "per", "one", "two", "six", "ten"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (words[k][0] == t->text[0] && strlen(words[k]) == t->n && !memcmp(words[k], t->text, t->n)) return true;
    return false;
}

static bool is_preposition(const struct token *t)
{
    static const char *const words[] = {"de", "di", "du", "des", "del", "von"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strlen(words[k]) == t->n && !memcmp(words[k], t->text, t->n)) return true;
    return false;
}

/* "box", "pen": consonant, vowel, consonant. */
static bool spelled_like_word(const struct token *t)
{
    static const char vowels[] = "aeiou";
    return t->n == 3 && !strchr(vowels, t->text[0]) && strchr(vowels, t->text[1]) && !strchr(vowels, t->text[2]);
}

/* Is what comes next, without a sign, a factor? Words and units are not. */
bool raml_parse_begins_factor(const struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0), *before = p->i ? &p->token[p->i - 1] : NULL;
    if (before && (t->kind == T_LETTER || t->kind == T_GROUP) && temperature_scale(p)) return false;
    if (t->kind == T_FN && before && before->kind == T_NUMBER && unit_like_function(p, t)) return false;
    if (before && (ordinal(t, before) || half_of_day(p) || bracketed_words(p) || remainder_letter(p, before) ||
                   bracketed_condition(p, before)))
        return false;
    if (t->kind == T_LETTER && t->text[0] == 'd' && raml_parse_peek(p, 1)->kind == T_PRIME &&
        raml_parse_peek(p, 2)->kind == T_WORD)
        return false; /* 5 millions d'euros */
    switch (t->kind) {
    case T_LETTER:
    case T_SYMBOL:
    case T_FN:
    case T_BIG:
    case T_PI:
    case T_EULER:
    case T_IMAGINARY:
    case T_INFINITY:
    case T_FRAC:
    case T_BINOM:
    case T_SQRT:
    case T_ACCENT:
    case T_BEGIN: return true;
    case T_GROUP: /* "70{000}" is written as one number, and means nothing sure */
        return !(before && before->kind == T_NUMBER && raml_parse_peek(p, 1)->kind == T_NUMBER);
    case T_NUMBER: /* "2^6 3^5": but not "3 5" */
        return before && (before->kind != T_NUMBER || (p->i > 1 && p->token[p->i - 2].kind == T_POWER));
    case T_WORD:
        if (t->n > 3 || (unsigned char)t->text[0] >= 0x80 || is_short_word(t)) return false;
        uint8_t next = raml_parse_peek(p, 1)->kind;
        if (is_preposition(t) && (next == T_WORD || next == T_LETTER)) return false; /* 4 millones de dolares */
        if (before && t->space && before->kind == T_LETTER && raml_parse_is_unit(t->text, t->n) &&
            t->text[t->n - 1] == 'm' && raml_parse_parts_items(raml_parse_peek(p, 1)->kind))
            return false; /* 5x cm */
        if (before && before->kind == T_NUMBER && t->space &&
            (spelled_like_word(t) || raml_unit_is_known(t->text, t->n)))
            return false;
        return !(before && before->kind != T_LETTER && before->kind != T_SYMBOL && raml_parse_is_unit(t->text, t->n));
    case T_OPEN: return t->sub != '|' || !p->bars;
    default: return false;
    }
}

static const struct expr *signed_power(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind != T_MINUS && t->kind != T_PLUS) return raml_parse_power(p);
    if (!raml_parse_enter(p)) return NULL;
    p->i++;
    const struct expr *e = signed_power(p);
    raml_parse_leave(p);
    return t->kind == T_MINUS ? raml_expr_1(p->pool, EXPR_NEG, e) : e;
}

/* What a slash divides by: "1/2x" is (1/2) x, but "a/2x" is a/(2x). */
static const struct expr *divisor(struct parser *p, const struct expr *above)
{
    const struct expr *below = signed_power(p);
    uint32_t n = 0;
    while (below && !(is_plain(above) && is_plain(below)) && raml_parse_begins_factor(p) && n++ < MAX_POSTFIX) {
        if (raml_parse_peek(p, 0)->kind == T_OPEN && below->kind != EXPR_NUMBER) break; /* "a/b(c)" is (a/b) c */
        below = raml_expr_2(p->pool, EXPR_MUL, below, raml_parse_power(p));
    }
    return raml_expr_2(p->pool, EXPR_DIV, above, below);
}

static const struct expr *modulo(struct parser *p, const struct expr *a)
{
    struct token *t = &p->token[p->i++];
    const struct expr *b = t->sub == 1 ? raml_parse_argument(p, false) : signed_power(p);
    while (b && t->sub != 1 && raml_parse_begins_factor(p)) b = raml_expr_2(p->pool, EXPR_MUL, b, raml_parse_power(p));
    return raml_expr_call(p->pool, FN_MOD, a, b);
}

/* Words after a number that multiply it. False: there are none. */
static bool scaled(struct parser *p, const struct expr **e)
{
    uint8_t kind = raml_parse_peek(p, 0)->kind, before = p->token[p->i - 1].kind;
    uint32_t from = p->i;
    if (kind == T_LETTER && before == T_NUMBER && raml_parse_money_words(p)) { /* 50K dollars */
        *e = raml_parse_money_scale(p, *e);
        return p->i != from;
    }
    if (kind != T_WORD && kind != T_TEXT) return false;
    if (before != T_NUMBER && before != T_CLOSE && before != T_GROUP_END && before != T_WORD && before != T_TEXT)
        return false;
    const struct expr *was = *e;
    *e = raml_parse_scale(p, was);
    return *e != was || p->i != from;
}

const struct expr *raml_parse_term(struct parser *p)
{
    if (!raml_parse_enter(p)) return NULL;
    const struct expr *e = raml_parse_power(p);
    const struct expr *part[64];
    uint32_t n = 0;
    while (e) {
        const struct token *t = raml_parse_peek(p, 0);
        if (n == 63) {
            part[0] = join(p, EXPR_MUL, part, n);
            n = 1;
        }
        if (scaled(p, &e)) continue;
        if (t->kind == T_TIMES) {
            uint8_t next = raml_parse_peek(p, 1)->kind;
            if (next == T_END || next == T_DOTS) break;
            part[n++] = e;
            p->i++;
            e = signed_power(p);
        } else if (t->kind == T_SLASH) {
            if (e->kind == EXPR_UNIT) break; /* $2/lb */
            p->i++;
            e = divisor(p, e);
        } else if (t->kind == T_MOD) {
            part[n++] = e;
            e = modulo(p, join(p, EXPR_MUL, part, n));
            n = 0;
        } else if (t->kind == T_OPEN && t->sub == '(' && raml_parse_peek(p, 1)->kind == T_MOD) { /* "7 (mod 4)" */
            p->i += 2;
            const struct expr *b = raml_parse_sum(p);
            part[n++] = e;
            e = b && raml_parse_take_close(p, ')') ? raml_expr_call(p->pool, FN_MOD, join(p, EXPR_MUL, part, n), b)
                                                   : NULL;
            n = 0;
            if (!e) raml_parse_stop(p, "a modulus that can't be read");
        } else if (raml_parse_begins_factor(p)) {
            part[n++] = e;
            e = raml_parse_power(p);
        } else {
            break;
        }
    }
    if (e) {
        part[n++] = e;
        e = join(p, EXPR_MUL, part, n);
    }
    raml_parse_leave(p);
    return e;
}

/* ---- powers and postfix operators ---- */

static const struct expr *primed(struct parser *p, const struct expr *symbol)
{
    char *name = raml_arena_alloc(p->pool->arena, symbol->n_text + 2, 1);
    if (!name) {
        p->pool->no_memory = true;
        return NULL;
    }
    memcpy(name, symbol->text, symbol->n_text);
    name[symbol->n_text] = '\'';
    return raml_expr_text(p->pool, EXPR_SYMBOL, name, symbol->n_text + 1);
}

static bool ends_here(uint8_t kind)
{
    return kind == T_END || kind == T_GROUP_END || kind == T_CLOSE || kind == T_COMMA;
}

/* The signs ^\circ and ^{\circ}, ^\prime, ^{th}: not exponents. *e becomes what they make of it. */
static bool odd_exponent(struct parser *p, const struct expr **e)
{
    uint32_t k = raml_parse_peek(p, 1)->kind == T_GROUP ? 2 : 1;
    const struct token *t = raml_parse_peek(p, k);
    bool closed = k == 1 || raml_parse_peek(p, k + 1)->kind == T_GROUP_END;
    if (!closed) return false;
    if (t->kind == T_DEGREE) *e = raml_expr_1(p->pool, EXPR_DEGREE, *e);
    else if (t->kind == T_PRIME && (*e)->kind == EXPR_SYMBOL) *e = primed(p, *e);
    else if ((t->kind == T_WORD || t->kind == T_TEXT) && t->n == 2 &&
             (!memcmp(t->text, "th", 2) || !memcmp(t->text, "st", 2) || !memcmp(t->text, "nd", 2) ||
              !memcmp(t->text, "rd", 2))) {
    } else if ((t->kind != T_PLUS && t->kind != T_MINUS) || (k == 1 && !ends_here(raml_parse_peek(p, 2)->kind)))
        return false; /* R^+, 3^{-} */
    p->i += k + (k == 2) + 1;
    return true;
}

/* Without braces one letter: x^ay^b is x^a y^b; but e^ix is e^{ix}. */
static const struct expr *exponent(struct parser *p, const struct expr *base)
{
    const struct token *t = raml_parse_peek(p, 0);
    bool sign = t->kind == T_MINUS || t->kind == T_PLUS, minus = t->kind == T_MINUS;
    p->i += sign;
    t = raml_parse_peek(p, 0);
    bool turn = base->kind == EXPR_E && t->kind == T_WORD && t->text[0] == 'i';
    const struct expr *e = raml_parse_argument(p, t->kind == T_WORD && t->n > 1 && !turn);
    return minus ? raml_expr_1(p->pool, EXPR_NEG, e) : e;
}

static const struct expr *factorial(struct parser *p, const struct expr *e)
{
    p->i++;
    if (raml_parse_peek(p, 0)->kind == T_BANG && !raml_parse_peek(p, 0)->space) {
        p->i++;
        return raml_expr_call(p->pool, FN_FACTORIAL2, e, NULL);
    }
    return raml_expr_call(p->pool, FN_FACTORIAL, e, NULL);
}

/* xy^2 is x y^2: of adjacent letters, what follows belongs to the last. *e becomes it; returns those before. */
static const struct expr *letters_before(struct parser *p, bool word, const struct expr **e)
{
    uint8_t next = raml_parse_peek(p, 0)->kind;
    if (!word || !*e || (*e)->kind != EXPR_MUL || (next != T_POWER && next != T_BANG)) return NULL;
    const struct expr *before = join(p, EXPR_MUL, (*e)->arg, (*e)->n - 1);
    *e = (*e)->arg[(*e)->n - 1];
    return before;
}

static bool per_cent(const struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0), *cent = raml_parse_peek(p, 1);
    return t->kind == T_WORD && t->n == 3 && !memcmp(t->text, "per", 3) && cent->kind == T_WORD && cent->n == 4 &&
           !memcmp(cent->text, "cent", 4);
}

const struct expr *raml_parse_power(struct parser *p)
{
    if (!raml_parse_enter(p)) return NULL;
    bool word = raml_parse_peek(p, 0)->kind == T_WORD;
    const struct expr *e = raml_parse_primary(p);
    const struct expr *before = letters_before(p, word, &e);
    for (uint32_t n = 0; e && n < MAX_POSTFIX; n++) {
        const struct token *t = raml_parse_peek(p, 0);
        if (t->kind == T_BANG) {
            e = factorial(p, e);
        } else if (t->kind == T_PERCENT || per_cent(p)) {
            p->i += t->kind == T_PERCENT ? 1 : 2;
            e = raml_expr_1(p->pool, EXPR_PERCENT, e);
        } else if (t->kind == T_DEGREE) {
            p->i++;
            e = raml_expr_1(p->pool, EXPR_DEGREE, e);
            if (e && raml_parse_peek(p, 0)->kind == T_NUMBER) e = raml_parse_minutes(p, e);
        } else if (t->kind == T_POWER) {
            if (odd_exponent(p, &e)) {
                if (e && e->kind == EXPR_DEGREE && raml_parse_peek(p, 0)->kind == T_NUMBER)
                    e = raml_parse_minutes(p, e);
                continue;
            }
            p->i++;
            const struct expr *up = exponent(p, e);
            if (up && raml_parse_peek(p, 0)->kind == T_POWER && raml_parse_enter(p)) { /* a^b^c is a^(b^c) */
                p->i++;
                const struct expr *upper = exponent(p, up);
                raml_parse_leave(p);
                up = raml_expr_2(p->pool, EXPR_POW, up, upper);
            }
            if (e && e->kind == EXPR_SYMBOL && raml_parse_peek(p, 0)->kind == T_SUB) e = raml_parse_index(p, e);
            e = raml_expr_2(p->pool, EXPR_POW, e, up);
        } else {
            break;
        }
    }
    raml_parse_leave(p);
    return before ? raml_expr_2(p->pool, EXPR_MUL, before, e) : e;
}

/* ---- the whole ---- */

/* Full stops and commas at the end, and the opening of mathematics that was truncated. */
static void skip_end(struct parser *p)
{
    for (;;) {
        const struct token *t = raml_parse_peek(p, 0);
        if (t->kind == T_DOT || t->kind == T_COMMA || t->kind == T_SEMICOLON || t->kind == T_CELL || t->kind == T_ROW ||
            t->kind == T_TIMES || (t->kind == T_BAD && t->sub == '?') || t->kind == T_FINISH)
            p->i++;
        else return;
    }
}

/* Digits of full width, with the points and commas between them, as ASCII; text itself when there are none. */
static const char *narrow(const char *text, size_t *n, struct expr_pool *pool)
{
    if (!memmem(text, *n, "\xef\xbc", 2)) return text;
    char *out = raml_arena_alloc(pool->arena, *n + 1, 1);
    size_t len = 0;
    if (!out) {
        pool->no_memory = true;
        return text;
    }
    for (size_t i = 0; i < *n;) {
        unsigned char c = i + 2 < *n && !memcmp(text + i, "\xef\xbc", 2) ? (unsigned char)text[i + 2] : 0;
        bool digit = c >= 0x90 && c <= 0x99;
        bool between = (c == 0x8e || c == 0x8c) && len && out[len - 1] >= '0' && out[len - 1] <= '9' && i + 5 < *n &&
                       !memcmp(text + i + 3, "\xef\xbc", 2) && (unsigned char)text[i + 5] >= 0x90 &&
                       (unsigned char)text[i + 5] <= 0x99;
        if (digit || between) {
            out[len++] = (char)(digit ? c - 0x90 + '0' : c == 0x8e ? '.' : ',');
            i += 3;
        } else {
            out[len++] = text[i++];
        }
    }
    out[len] = 0;
    *n = len;
    return out;
}

const struct expr *raml_parse(const char *text, size_t n, bool split, struct expr_pool *pool, bool *thousands,
                              const char **why)
{
    text = narrow(text, &n, pool);
    struct tokens t = raml_lex(text, n, split, pool->arena);
    if (thousands) *thousands = t.thousands;
    *why = NULL;
    if (t.no_memory) {
        pool->no_memory = true;
        return NULL;
    }
    if (t.bad || !t.n) {
        *why = t.bad ? "too long" : "empty";
        return NULL;
    }
    if (t.n == 2 && t.token[0].kind == T_GROUP && t.token[1].kind == T_GROUP_END)
        return raml_expr_new(pool, EXPR_SET, 0);
    struct parser p = {.source = text, .token = t.token, .n = t.n, .pool = pool, .split = split};
    const struct expr *e = raml_parse_list(&p, true);
    if (thousands) *thousands |= p.two_ways;
    if (e) skip_end(&p);
    if (e && p.i < p.n) e = raml_parse_stop(&p, "something after it can't be read");
    if (e && !raml_expr_fits(e, EXPR_MAX_SIZE)) e = raml_parse_stop(&p, "too large");
    if (!e) *why = p.why ? p.why : pool->too_large ? "too large" : "can't be read";
    return e;
}
