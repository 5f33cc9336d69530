/* infix.h - a small parser of plain notation for tests of decide.h: + - * / ^ ( ) numbers names fn(a, b) n! x% oo.
 *
 * 2x is not a product here. "pi", "e", "i", "oo" are themselves; "deg(x)" is x degrees; a name that is not a function's
 * is an APPLY when brackets follow, else a symbol.
 */
#ifndef RAML_TEST_INFIX_H
#define RAML_TEST_INFIX_H

#include "answer/expr.h"

#include <string.h>

struct infix {
    struct expr_pool *pool;
    const char *at;
    int depth;
};

static inline const struct expr *infix_sum(struct infix *in);

static inline bool infix_take(struct infix *in, char c)
{
    while (*in->at == ' ') in->at++;
    if (*in->at != c) return false;
    in->at++;
    return true;
}

static inline const struct expr *infix_number(struct infix *in)
{
    char digits[1 << 17];
    size_t n = 0;
    int32_t scale = 0;
    bool point = false;
    for (; (*in->at >= '0' && *in->at <= '9') || *in->at == '.'; in->at++) {
        if (*in->at == '.') point = true;
        else if (n < sizeof digits) digits[n++] = *in->at, scale += point;
    }
    return raml_expr_number(in->pool, digits, n, scale);
}

static inline const struct expr *infix_arguments(struct expr *node, const struct expr **arg, uint32_t n)
{
    for (uint32_t i = 0; node && i < n; i++) {
        if (!arg[i]) return NULL;
        node->arg[i] = arg[i];
    }
    return node;
}

static inline const struct expr *infix_call(struct infix *in, const char *name, size_t n_name)
{
    const struct expr *arg[64];
    uint32_t n = 0;
    if (!infix_take(in, ')')) {
        do arg[n++] = infix_sum(in);
        while (n < 64 && infix_take(in, ','));
        if (!infix_take(in, ')')) return NULL;
    }
    if (n_name == 3 && !memcmp(name, "deg", 3)) return n ? raml_expr_1(in->pool, EXPR_DEGREE, arg[0]) : NULL;
    struct expr *node = raml_expr_new(in->pool, EXPR_CALL, n);
    if (!node) return NULL;
    for (int f = 0; f < EXPR_N_FNS; f++) {
        const char *known = raml_expr_fn_name((enum expr_fn)f);
        if (strlen(known) != n_name || memcmp(known, name, n_name) != 0) continue;
        node->sub = (uint8_t)f;
        return infix_arguments(node, arg, n);
    }
    node->kind = EXPR_APPLY;
    const struct expr *text = raml_expr_text(in->pool, EXPR_SYMBOL, name, n_name);
    if (!text) return NULL;
    node->text = text->text;
    node->n_text = text->n_text;
    return infix_arguments(node, arg, n);
}

static inline bool infix_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '\'';
}

static inline const struct expr *infix_name(struct infix *in)
{
    const char *name = in->at;
    while (infix_letter(*in->at) || (*in->at >= '0' && *in->at <= '9')) in->at++;
    size_t n = (size_t)(in->at - name);
    if (*in->at == '(') {
        in->at++;
        return infix_call(in, name, n);
    }
    static const struct {
        const char *name;
        enum expr_kind kind;
    } known[] = {{"pi", EXPR_PI}, {"e", EXPR_E}, {"i", EXPR_I}, {"oo", EXPR_INFINITY}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == n && !memcmp(known[i].name, name, n))
            return raml_expr_new(in->pool, known[i].kind, 0);
    return n ? raml_expr_text(in->pool, EXPR_SYMBOL, name, n) : NULL;
}

static inline const struct expr *infix_atom(struct infix *in)
{
    const struct expr *e;
    while (*in->at == ' ') in->at++;
    if (infix_take(in, '(')) {
        e = infix_sum(in);
        if (!infix_take(in, ')')) return NULL;
    } else if ((*in->at >= '0' && *in->at <= '9') || *in->at == '.') {
        e = infix_number(in);
    } else {
        e = infix_name(in);
    }
    for (;;) {
        if (infix_take(in, '!')) e = raml_expr_call(in->pool, FN_FACTORIAL, e, NULL);
        else if (infix_take(in, '%')) e = raml_expr_1(in->pool, EXPR_PERCENT, e);
        else return e;
    }
}

static inline const struct expr *infix_power(struct infix *in)
{
    if (infix_take(in, '-')) return raml_expr_1(in->pool, EXPR_NEG, infix_power(in));
    const struct expr *e = infix_atom(in);
    return infix_take(in, '^') ? raml_expr_2(in->pool, EXPR_POW, e, infix_power(in)) : e;
}

static inline const struct expr *infix_product(struct infix *in)
{
    const struct expr *e = infix_power(in);
    for (;;) {
        if (infix_take(in, '*')) e = raml_expr_2(in->pool, EXPR_MUL, e, infix_power(in));
        else if (infix_take(in, '/')) e = raml_expr_2(in->pool, EXPR_DIV, e, infix_power(in));
        else return e;
    }
}

static inline const struct expr *infix_sum(struct infix *in)
{
    if (++in->depth > EXPR_MAX_DEPTH) return NULL;
    const struct expr *e = infix_product(in);
    for (;;) {
        if (infix_take(in, '+')) e = raml_expr_2(in->pool, EXPR_ADD, e, infix_product(in));
        else if (infix_take(in, '-'))
            e = raml_expr_2(in->pool, EXPR_ADD, e, raml_expr_1(in->pool, EXPR_NEG, infix_product(in)));
        else break;
    }
    in->depth--;
    return e;
}

/* NULL: not understood, or too large. */
static inline const struct expr *infix_read(struct expr_pool *pool, const char *text)
{
    struct infix in = {pool, text, 0};
    const struct expr *e = infix_sum(&in);
    while (*in.at == ' ') in.at++;
    return *in.at ? NULL : e;
}

#endif
