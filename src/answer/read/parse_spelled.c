/* parse_spelled.c - numbers in words, and words that multiply a number (parse.h, spelled.h). */
#include "answer/read/parser.h"

#include "answer/read/spelled.h"
#include "answer/read/unit.h"
#include "core/ascii.h"

#include <string.h>

enum { MAX_UNIT_WORDS = 6 };

/* ---- words in tokens ---- */

/* The text at the next token, up to the source's end; the content of a \text{}. */
static const char *words_at(const struct parser *p, size_t *n)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind == T_TEXT) {
        *n = t->n;
        return t->text;
    }
    *n = p->token[p->n].at - t->at;
    return p->source + t->at;
}

/* Moves past n bytes of the text at the next token; a \text{} keeps the rest. False, and nothing moves: they end within
 * a token. */
static bool skip_words(struct parser *p, size_t n)
{
    struct token *t = &p->token[p->i];
    if (t->kind != T_TEXT) {
        uint32_t k = p->i;
        while (k < p->n && p->token[k].end <= t->at + n) k++;
        bool whole = k > p->i && (k == p->n || p->token[k].at >= t->at + n);
        if (whole) p->i = k;
        return whole;
    }
    while (n < t->n && (is_space(t->text[n]) || t->text[n] == '~')) n++;
    if (n >= t->n) {
        p->i++;
        return true;
    }
    const char *rest = raml_arena_text(p->pool->arena, t->text + n, t->n - n);
    if (!rest) {
        p->pool->no_memory = true;
        return false;
    }
    t->text = rest;
    t->n -= (uint32_t)n;
    return true;
}

static const struct expr *whole(struct parser *p, uint64_t v)
{
    char digits[24];
    size_t n = sizeof digits;
    do digits[--n] = (char)('0' + v % 10);
    while (v /= 10);
    return raml_expr_number(p->pool, digits + n, sizeof digits - n, 0);
}

static const struct expr *value_of(struct parser *p, const struct spelled *v)
{
    const struct expr *e = whole(p, v->above);
    if (v->below > 1) e = raml_expr_2(p->pool, EXPR_DIV, e, whole(p, v->below));
    return v->minus ? raml_expr_1(p->pool, EXPR_NEG, e) : e;
}

/* ---- words that multiply ---- */

/* e times 10^k; a number keeps its digits. */
static const struct expr *times(struct parser *p, const struct expr *e, uint64_t by)
{
    int32_t power = 0;
    uint64_t rest = by;
    for (; rest % 10 == 0; rest /= 10) power++;
    if (rest == 1 && e->kind == EXPR_NUMBER && e->scale > -1000)
        return raml_expr_number(p->pool, e->text, e->n_text, e->scale - power);
    return raml_expr_2(p->pool, EXPR_MUL, e, whole(p, by));
}

static bool small_whole(const struct token *t, uint64_t below)
{
    uint64_t v = 0;
    if (t->kind != T_NUMBER || t->n > 18) return false;
    for (uint32_t i = 0; i < t->n; i++) {
        if (!is_digit(t->text[i])) return false;
        v = v * 10 + (uint64_t)(t->text[i] - '0');
    }
    return v < below;
}

static bool scale_next(const struct parser *p, uint64_t *by, size_t *n)
{
    const struct token *t = raml_parse_peek(p, 0);
    size_t left;
    if (t->kind != T_WORD && t->kind != T_TEXT && t->kind != T_SYMBOL) return false;
    const char *s = words_at(p, &left);
    *n = raml_spelled_scale(s, left, by);
    return *n > 0;
}

/* "300 thousand" after "2 million": what is less than `below` goes with it. */
static const struct expr *lower_part(struct parser *p, const struct expr *e, uint64_t below, bool cjk)
{
    uint64_t by;
    size_t n;
    while (e && small_whole(raml_parse_peek(p, 0), below)) {
        const struct token *t = &p->token[p->i++];
        const struct expr *more = raml_expr_number(p->pool, t->text, t->n, 0);
        bool scaled = scale_next(p, &by, &n) && by < below;
        if (scaled && more && skip_words(p, n)) more = times(p, more, by);
        else if (cjk && t->n != (below == 10000 ? 4 : 8))
            return raml_parse_stop(p, "digits after a unit of ten thousand"); /* 3万5 may be 35,000 */
        e = raml_expr_2(p->pool, EXPR_ADD, e, more);
        below = scaled ? by : 1;
    }
    return e;
}

const struct expr *raml_parse_scale(struct parser *p, const struct expr *e)
{
    uint64_t by, part;
    size_t n, left;
    if (!e) return NULL;
    if (scale_next(p, &by, &n)) {
        bool cjk = (unsigned char)words_at(p, &left)[0] >= 0xe3;
        if (!skip_words(p, n)) return e;
        e = times(p, e, by);
        return lower_part(p, e, by, cjk);
    }
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind != T_WORD && t->kind != T_TEXT) return e;
    const char *s = words_at(p, &left);
    bool one = e->kind == EXPR_NUMBER && !strcmp(e->text, "1") && !e->scale;
    n = raml_spelled_part(s, left, !one, &part);
    if (!n || !skip_words(p, n)) return e;
    return raml_expr_2(p->pool, EXPR_DIV, e, whole(p, part));
}

const struct expr *raml_parse_money_scale(struct parser *p, const struct expr *e)
{
    const struct token *t = raml_parse_peek(p, 0), *next = raml_parse_peek(p, 1);
    uint64_t by;
    if (!e || e->kind != EXPR_NUMBER || (t->kind != T_LETTER && t->kind != T_WORD && t->kind != T_TEXT)) return e;
    if (t->n != raml_spelled_money_scale(t->text, t->n, &by) || next->kind == T_POWER || next->kind == T_SUB) return e;
    p->i++;
    return times(p, e, by);
}

bool raml_parse_money_words(const struct parser *p)
{
    static const char *const money[] = {"dollars", "dollar", "euros", "euro", "pounds", "rupees",
                                        "yen",     "yuan",   "bucks", "USD",  "EUR",    "GBP"};
    const struct token *t = raml_parse_peek(p, 1);
    if (t->kind != T_WORD && t->kind != T_TEXT) return false;
    for (size_t k = 0; k < sizeof money / sizeof *money; k++)
        if (strlen(money[k]) == t->n && !memcmp(money[k], t->text, t->n)) return true;
    return false;
}

/* ---- numbers in words ---- */

/* Characters that count things, after a number in Chinese characters: "fifteen of them", people, yuan, metres. */
static size_t measure_word(const char *s, size_t n)
{
    static const char *const words[] = {"\xe4\xb8\xaa", "\xe5\x80\x8b", "\xe4\xba\xba", "\xe5\x85\x83", "\xe7\xb1\xb3",
                                        "\xe5\x8f\xaa", "\xe6\x9c\xac", "\xe5\xb2\x81", "\xe5\xa4\xa9", "\xe6\xac\xa1",
                                        "\xe6\x9d\xa1", "\xe5\xbc\xa0", "\xe5\xb9\xb4", "\xe7\xa7\x8d", "\xe6\xa3\xb5",
                                        "\xe8\xbe\x86", "\xe5\x90\x8d", "\xe5\x88\x86", "\xe7\x82\xb9"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (n >= 3 && !memcmp(words[k], s, 3)) return 3;
    return 0;
}

/* May a number in words end before token k: at an item's end, or before one word, or a unit of measure? */
static bool may_end(const struct parser *p, uint32_t k, bool cjk)
{
    const struct token *t = &p->token[k];
    if (raml_parse_parts_items(t->kind) || t->kind == T_PERCENT || t->kind == T_DEGREE || t->kind == T_CURRENCY)
        return true;
    if (t->kind == T_DOT || (t->kind == T_BAD && t->sub == '?')) return raml_parse_parts_items(p->token[k + 1].kind);
    if (t->kind == T_RELATION) return true;
    if (t->kind != T_WORD && t->kind != T_TEXT) return false;
    uint32_t end = k;
    while (end < p->n && !raml_parse_parts_items(p->token[end].kind) && p->token[end].kind != T_DOT) end++;
    const char *s = p->source + t->at;
    size_t n = p->token[end].at - t->at;
    if (t->kind == T_TEXT) s = t->text, n = t->n;
    if (t->kind == T_TEXT && end > k + 1) return false;
    while (n && is_space(s[n - 1])) n--;
    if (cjk) return measure_word(s, n) == n;
    return !memchr(s, ' ', n) || (end - k <= MAX_UNIT_WORDS && raml_unit_is_known(s, n));
}

static bool is_minus(const struct token *t)
{
    static const char *const words[] = {"minus", "Minus", "negative", "Negative", "moins", "menos", "\xe8\xb4\x9f"};
    if (t->kind != T_WORD && t->kind != T_TEXT) return false;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strlen(words[k]) == t->n && !memcmp(words[k], t->text, t->n)) return true;
    return false;
}

/* "negative 5", "minus infinity" */
static const struct expr *minus_word(struct parser *p)
{
    uint8_t next = raml_parse_peek(p, 1)->kind;
    if (!is_minus(raml_parse_peek(p, 0))) return NULL;
    if (next != T_NUMBER && next != T_FRAC && next != T_SQRT && next != T_PI && next != T_INFINITY) return NULL;
    p->i++;
    return raml_expr_1(p->pool, EXPR_NEG, raml_parse_term(p));
}

const struct expr *raml_parse_spelled(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    struct spelled v;
    size_t left;
    if (t->kind != T_WORD && t->kind != T_TEXT && t->kind != T_LETTER) return NULL;
    if (t->kind == T_LETTER && (t->text[0] | 0x20) != 'a') return NULL;
    if (t->kind == T_LETTER && raml_parse_peek(p, 1)->kind != T_WORD) return NULL;
    const char *s = words_at(p, &left);
    size_t n = raml_spelled_number(s, left, &v);
    if (!n) return minus_word(p);
    uint32_t from = p->i;
    struct token first = *t;
    if (!skip_words(p, n)) return NULL;
    if (!may_end(p, p->i, v.cjk)) {
        p->i = from;
        p->token[from] = first;
        return NULL;
    }
    return value_of(p, &v);
}

/* "2 and a half", after the 2. */
static const struct expr *and_spelled(struct parser *p, const struct expr *first)
{
    struct parser ahead = *p;
    struct spelled v;
    size_t left;
    ahead.i++;
    const struct token *t = raml_parse_peek(&ahead, 0);
    if (t->kind != T_WORD && t->kind != T_LETTER) return NULL;
    const char *s = words_at(&ahead, &left);
    size_t n = raml_spelled_number(s, left, &v);
    if (!n || v.above >= v.below || v.minus || !skip_words(&ahead, n)) return NULL;
    p->i = ahead.i;
    return raml_expr_2(p->pool, EXPR_ADD, first, value_of(p, &v));
}

static bool less(const struct token *a, const struct token *b)
{
    return a->n < b->n || (a->n == b->n && memcmp(a->text, b->text, a->n) < 0);
}

const struct expr *raml_parse_and_part(struct parser *p, const struct expr *first)
{
    if (raml_parse_peek(p, 0)->kind != T_AND || p->i < 1) return NULL;
    const struct expr *e = and_spelled(p, first);
    if (e) return e;
    bool frac = raml_parse_peek(p, 1)->kind == T_FRAC;
    const struct token *above = raml_parse_peek(p, frac ? 3 : 1), *below = raml_parse_peek(p, frac ? 6 : 3);
    uint32_t n = frac ? 8 : 4;
    if (frac && (raml_parse_peek(p, 2)->kind != T_GROUP || raml_parse_peek(p, 5)->kind != T_GROUP)) return NULL;
    if (!frac && raml_parse_peek(p, 2)->kind != T_SLASH) return NULL;
    uint8_t before = p->i > 1 ? p->token[p->i - 2].kind : T_END, after = raml_parse_peek(p, n)->kind;
    if (before == T_COMMA || before == T_AND || after == T_COMMA || after == T_AND || after == T_SEMICOLON) return NULL;
    if (!small_whole(above, 1000000) || !small_whole(below, 1000000) || !less(above, below)) return NULL;
    p->two_ways = true;
    if (p->split) return NULL; /* "2 and 3/4" as two numbers */
    p->i += n;
    e = raml_expr_2(p->pool, EXPR_DIV, raml_expr_number(p->pool, above->text, above->n, 0),
                    raml_expr_number(p->pool, below->text, below->n, 0));
    return raml_expr_2(p->pool, EXPR_ADD, first, e);
}
