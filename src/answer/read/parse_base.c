/* parse_base.c - numbers in a base: 2516_8, (2516)_8, 2516 base 8, ABF_{16}, 0xABF, 101_{two} (parse.h). */
#include "answer/read/parser.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_RUN = 24, MAX_DIGITS = 200 };

/* ---- the base ---- */

static long base_named(const char *w)
{
    static const struct {
        const char *name;
        long base;
    } known[] = {{"binary", 2},   {"bin", 2},  {"ternary", 3},      {"octal", 8}, {"oct", 8},
                 {"decimal", 10}, {"dec", 10}, {"hexadecimal", 16}, {"hex", 16}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (!strcmp(known[k].name, w)) return known[k].base;
    return 0;
}

static long base_number(const char *w)
{
    size_t n = strlen(w);
    long v = n ? raml_parse_number_word(w, n) : 0;
    if (v < 0 && n <= 2) {
        v = 0;
        for (; *w; w++) {
            if (!is_digit(*w)) return 0;
            v = v * 10 + (*w - '0');
        }
    }
    return v >= 2 && v <= 36 ? v : 0;
}

long raml_parse_base_words(const struct parser *p, uint32_t from, uint32_t to, bool alone)
{
    char s[64];
    size_t n = 0;
    if (to - from > 6) return 0;
    for (uint32_t k = from; k < to; k++) {
        const struct token *t = &p->token[k];
        if (t->kind != T_WORD && t->kind != T_LETTER && t->kind != T_TEXT && t->kind != T_NUMBER) continue;
        if (n + t->n + 2 > sizeof s) return 0;
        if (n) s[n++] = ' ';
        for (uint32_t i = 0; i < t->n; i++) s[n++] = strchr("(){}~-", t->text[i]) ? ' ' : to_lower(t->text[i]);
    }
    s[n] = 0;
    char *w = s;
    while (*w == ' ') w++;
    if (!strncmp(w, "in ", 3)) w += 3;
    while (*w == ' ') w++;
    n = strlen(w);
    while (n && w[n - 1] == ' ') w[--n] = 0;
    long base = base_named(w);
    if (base || (strncmp(w, "base ", 5) != 0 && !alone)) return base;
    if (!strncmp(w, "base ", 5)) w += 5;
    while (*w == ' ') w++;
    return base_number(w);
}

/* The base in an index, p->i after T_SUB: 8, {8}, {(8)}, {two}, {\text{base } 8}; or a letter. NULL: no base. */
static const struct expr *index_base(struct parser *p)
{
    if (raml_parse_peek(p, 0)->kind == T_GROUP) {
        uint32_t end = p->i + 1;
        while (end < p->n && p->token[end].kind != T_GROUP_END && end < p->i + 8) end++;
        long v = end < p->n && p->token[end].kind == T_GROUP_END ? raml_parse_base_words(p, p->i + 1, end, true) : 0;
        if (v) {
            p->i = end + 1;
            return raml_expr_int(p->pool, v);
        }
    }
    return raml_parse_argument(p, false);
}

const struct expr *raml_parse_based(struct parser *p, const char *digits, size_t n)
{
    p->i++;
    const struct expr *base = index_base(p);
    if (!base) return raml_parse_stop(p, "an index that is no base");
    return raml_expr_2(p->pool, EXPR_BASE, raml_expr_text(p->pool, EXPR_SYMBOL, digits, n), base);
}

/* ---- digits beyond 9 ---- */

static int digit_of(char c)
{
    return is_digit(c) ? c - '0' : is_alpha(c) ? to_lower(c) - 'a' + 10 : 99;
}

static bool fits(const char *s, size_t n, long base)
{
    for (size_t i = 0; i < n; i++)
        if (digit_of(s[i]) >= base) return false;
    return n > 0 && n <= MAX_DIGITS;
}

/* The base that token k on says, in an index or in words; 0: none. *end: after it. */
static long base_from(const struct parser *p, uint32_t k, uint32_t *end)
{
    uint32_t from = k;
    bool sub = p->token[k].kind == T_SUB;
    if (sub) from++;
    if (sub && p->token[from].kind != T_GROUP) {
        *end = from + 1;
        return from < p->n && p->token[from].kind == T_NUMBER ? base_number(p->token[from].text) : 0;
    }
    for (*end = from; *end < p->n && *end < from + 6; ++*end) {
        uint8_t kind = p->token[*end].kind;
        if (sub ? kind == T_GROUP_END : raml_parse_parts_items(kind) && kind != T_CLOSE) break;
    }
    if (sub && (*end == p->n || p->token[*end].kind != T_GROUP_END)) return 0;
    long base = raml_parse_base_words(p, from, *end, sub);
    *end += sub;
    return base;
}

/* "ABF", "1A3", "(ABF)" before a base above 10. NULL and no reason: something else. */
const struct expr *raml_parse_digits(struct parser *p)
{
    uint32_t k = p->i, end;
    bool open = p->token[k].kind == T_OPEN && p->token[k].sub == '(';
    if (open) k++;
    uint32_t from = k;
    bool letters = false;
    for (; k < p->n && k < from + MAX_RUN; k++) {
        const struct token *t = &p->token[k];
        bool letter = t->kind == T_LETTER || t->kind == T_WORD;
        if ((!letter && t->kind != T_NUMBER) || (k > from && t->space)) break;
        letters |= letter;
    }
    if (!letters || k == from || k >= p->n) return NULL;
    const char *s = p->source + p->token[from].at;
    size_t n = p->token[k - 1].end - p->token[from].at;
    if (open) {
        if (p->token[k].kind != T_CLOSE || p->token[k].sub != ')') return NULL;
        k++;
    }
    if (k >= p->n || (p->token[k].kind != T_SUB && p->token[k].kind != T_WORD && p->token[k].kind != T_OPEN &&
                      p->token[k].kind != T_TEXT))
        return NULL;
    long base = base_from(p, k, &end);
    if (base <= 10 || !fits(s, n, base)) return NULL;
    p->i = end;
    return raml_expr_2(p->pool, EXPR_BASE, raml_expr_text(p->pool, EXPR_SYMBOL, s, n), raml_expr_int(p->pool, base));
}

/* 0x1F, 0o17, 0b101, p->i at the 0. NULL and no reason: something else. */
const struct expr *raml_parse_prefixed(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->n != 1 || t->text[0] != '0') return NULL;
    uint32_t last = p->token[p->n - 1].end, from = t->at + 2, end = from;
    if (from >= last) return NULL;
    char c = to_lower(p->source[from - 1]);
    long base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
    while (end < last && (is_digit(p->source[end]) || is_alpha(p->source[end]))) end++;
    if (!base || !fits(p->source + from, end - from, base)) return NULL;
    while (p->i < p->n && p->token[p->i].at < end) p->i++;
    return raml_expr_2(p->pool, EXPR_BASE, raml_expr_text(p->pool, EXPR_SYMBOL, p->source + from, end - from),
                       raml_expr_int(p->pool, base));
}
