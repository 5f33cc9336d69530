/* parse_count.c - combinations and permutations in their notations, Gamma and zeta at known points (parse.h). */
#include "answer/read/parser.h"

#include <string.h>

static bool small(const struct expr *e, long *out)
{
    bool minus = e->kind == EXPR_NEG;
    if (minus) e = e->arg[0];
    if (e->kind != EXPR_NUMBER || e->scale || e->n_text > 6) return false;
    *out = 0;
    for (uint32_t i = 0; i < e->n_text; i++) *out = *out * 10 + (e->text[i] - '0');
    if (minus) *out = -*out;
    return true;
}

/* ---- combinations ---- */

static bool named(const struct expr *e, const char *names)
{
    return e->kind == EXPR_SYMBOL && e->n_text == 1 && strchr(names, e->text[0]);
}

/* Is this n, or 2n, n+1 and the like: what things are chosen from? */
static bool is_count(const struct expr *e)
{
    if (named(e, "nmNp")) return true;
    if (e->kind != EXPR_ADD && e->kind != EXPR_MUL && e->kind != EXPR_NEG) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (is_count(e->arg[i])) return true;
    return false;
}

/* Are n and k those of a combination, not an index and a power? C_1^2 is the square of a constant. */
static bool fits(char letter, const struct expr *n, const struct expr *k)
{
    long a, b;
    if (small(n, &a)) return a >= 3 && (named(k, "krm") || (small(k, &b) && b >= 0 && b <= a));
    return letter == 'C' && is_count(n) && (named(k, "krmn") || small(k, &b) || is_count(k));
}

static const struct expr *chosen(struct parser *p, char letter, const struct expr *n, const struct expr *k)
{
    return raml_expr_call(p->pool, letter == 'C' ? FN_BINOMIAL : FN_PERMUTATIONS, n, k);
}

/* C(5,2), P(5,2); p->i at the bracket. They may be points by that name: rows 1. */
static const struct expr *in_brackets(struct parser *p, char letter)
{
    long n, k;
    const struct token *t = raml_parse_peek(p, 0);
    if (t->space || letter == 'A' || raml_parse_peek(p, 1)->kind != T_NUMBER ||
        raml_parse_peek(p, 2)->kind != T_COMMA || raml_parse_peek(p, 3)->kind != T_NUMBER ||
        raml_parse_peek(p, 4)->kind != T_CLOSE || raml_parse_peek(p, 4)->sub != ')')
        return NULL;
    uint32_t from = p->i++;
    const struct expr *a = raml_parse_number(p);
    p->i++;
    const struct expr *b = a ? raml_parse_number(p) : NULL;
    if (b && small(a, &n) && small(b, &k) && n >= k && raml_parse_take_close(p, ')')) {
        struct expr *e = (struct expr *)chosen(p, letter, a, b);
        if (e) e->rows = 1;
        return e;
    }
    p->i = from;
    return NULL;
}

const struct expr *raml_parse_combination(struct parser *p, char letter)
{
    const struct token *t = raml_parse_peek(p, 0);
    const struct expr *below = NULL, *above = NULL;
    uint32_t from = p->i;
    if (letter != 'C' && letter != 'P' && letter != 'A') return NULL;
    if (t->kind == T_OPEN && t->sub == '(') return in_brackets(p, letter);
    if (t->kind != T_SUB && (t->kind != T_POWER || letter == 'A')) return NULL;
    for (int k = 0; k < 2; k++) {
        if (!below && raml_parse_take(p, T_SUB)) below = raml_parse_argument(p, false);
        else if (!above && raml_parse_take(p, T_POWER)) above = raml_parse_argument(p, false);
        if (p->why) break;
    }
    if (!p->why && below && above && fits(letter, below, above)) return chosen(p, letter, below, above);
    p->why = NULL;
    p->i = from;
    return NULL;
}

const struct expr *raml_parse_combination_before(struct parser *p)
{
    p->i++;
    const struct expr *n = raml_parse_argument(p, false);
    if (!n) return NULL;
    const struct token *t = raml_parse_peek(p, 0);
    bool letter = t->kind == T_LETTER && (t->text[0] == 'C' || t->text[0] == 'P' || t->text[0] == 'A');
    if (!letter || raml_parse_peek(p, 1)->kind != T_SUB) return raml_parse_stop(p, "an index of nothing");
    p->i += 2;
    const struct expr *k = raml_parse_argument(p, false);
    return k ? chosen(p, t->text[0], n, k) : NULL;
}

const struct expr *raml_parse_combination_between(struct parser *p, const struct expr *n)
{
    const struct token *t = raml_parse_peek(p, 0), *next = raml_parse_peek(p, 1);
    long a, b;
    if (t->kind != T_LETTER || t->space || (t->text[0] != 'C' && t->text[0] != 'P') || next->kind != T_NUMBER ||
        next->space || raml_parse_peek(p, 2)->kind == T_SUB || raml_parse_peek(p, 2)->kind == T_POWER)
        return NULL;
    uint32_t from = p->i++;
    const struct expr *k = raml_parse_number(p);
    if (k && small(n, &a) && small(k, &b) && b <= a) return chosen(p, t->text[0], n, k);
    p->i = from;
    return NULL;
}

/* ---- Gamma and zeta ---- */

static const struct expr *opaque(struct parser *p, const char *name, size_t n, const struct expr *x)
{
    struct expr *e = (struct expr *)raml_expr_1(p->pool, EXPR_APPLY, x);
    if (e) e->text = name, e->n_text = (uint32_t)n;
    return e;
}

/* a/b pi^k */
static const struct expr *pi_power(struct parser *p, const char *a, const char *b, long k)
{
    const struct expr *f = raml_expr_number(p->pool, a, strlen(a), 0);
    const struct expr *pi = raml_expr_new(p->pool, EXPR_PI, 0);
    const struct expr *up = raml_expr_2(p->pool, EXPR_POW, pi, raml_expr_int(p->pool, k));
    return raml_expr_2(p->pool, EXPR_DIV, raml_expr_2(p->pool, EXPR_MUL, f, up),
                       raml_expr_number(p->pool, b, strlen(b), 0));
}

const struct expr *raml_parse_zeta(struct parser *p, const struct expr *x)
{
    static const struct { /* zeta(2k) = a/b pi^2k, by the Bernoulli numbers */
        const char *a, *b;
    } even[] = {{"1", "6"},     {"1", "90"},          {"1", "945"},      {"1", "9450"},
                {"1", "93555"}, {"691", "638512875"}, {"2", "18243225"}, {"3617", "325641566250"}};
    static const struct { /* zeta(-1), zeta(-3) ... */
        long a, b;
    } odd[] = {{-1, 12}, {1, 120}, {-1, 252}, {1, 240}, {-1, 132}};
    long n;
    if (!small(x, &n)) return opaque(p, "zeta", 4, x);
    if (n > 0 && n % 2 == 0 && n <= 16) return pi_power(p, even[n / 2 - 1].a, even[n / 2 - 1].b, n);
    if (n == 0) return raml_expr_2(p->pool, EXPR_DIV, raml_expr_int(p->pool, -1), raml_expr_int(p->pool, 2));
    if (n < 0 && n % 2 == 0) return raml_expr_int(p->pool, 0);
    if (n < 0 && n >= -9)
        return raml_expr_2(p->pool, EXPR_DIV, raml_expr_int(p->pool, odd[(-n - 1) / 2].a),
                           raml_expr_int(p->pool, odd[(-n - 1) / 2].b));
    return opaque(p, "zeta", 4, x);
}

/* Gamma(a/2) for odd a: a rational number times the root of pi. NULL: x is no such half. */
static const struct expr *gamma_of_half(struct parser *p, const struct expr *x)
{
    bool minus = x->kind == EXPR_NEG;
    const struct expr *half = minus ? x->arg[0] : x;
    long a = 0, two = 0, b = 1;
    if (half->kind == EXPR_DIV && small(half->arg[0], &a) && small(half->arg[1], &two) && two == 2) {
    } else if (half->kind == EXPR_NUMBER && half->scale == 1 && half->n_text <= 3 &&
               half->text[half->n_text - 1] == '5') {
        for (uint32_t i = 0; i < half->n_text; i++) a = a * 10 + (half->text[i] - '0');
        a /= 5;
    } else {
        return NULL;
    }
    if (minus) a = -a;
    if (a % 2 == 0 || a > 21 || a < -21) return NULL;
    long above = 1;
    for (; a > 1; a -= 2) above *= a - 2, b *= 2; /* Gamma(x) = (x - 1) Gamma(x - 1) */
    for (; a < 1; a += 2) above *= 2, b *= a;
    const struct expr *root = raml_expr_call(p->pool, FN_SQRT, raml_expr_new(p->pool, EXPR_PI, 0), NULL);
    const struct expr *f = raml_expr_2(p->pool, EXPR_DIV, raml_expr_int(p->pool, above), raml_expr_int(p->pool, b));
    return raml_expr_2(p->pool, EXPR_MUL, f, root);
}

/* Gamma(x) = (x - 1)!, where x! is known: at whole numbers, and by its value elsewhere. */
static const struct expr *gamma_of(struct parser *p, const struct expr *x)
{
    const struct expr *half = gamma_of_half(p, x);
    if (half) return half;
    const struct expr *less = raml_expr_2(p->pool, EXPR_ADD, x, raml_expr_int(p->pool, -1));
    return less ? raml_expr_call(p->pool, FN_FACTORIAL, less, NULL) : NULL;
}

const struct expr *raml_parse_gamma_or_zeta(struct parser *p, const struct token *t)
{
    bool gamma = !strcmp(t->text, "Gamma"), zeta = !strcmp(t->text, "zeta");
    const struct token *open = raml_parse_peek(p, 0);
    if ((!gamma && !zeta) || open->kind != T_OPEN || open->sub != '(') return NULL;
    p->i++;
    const struct expr *x = raml_parse_sum(p);
    if (!x) return NULL;
    if (!raml_parse_take_close(p, ')')) return raml_parse_stop(p, "a bracket that is not closed");
    return gamma ? gamma_of(p, x) : raml_parse_zeta(p, x);
}

/* ---- functions written in others ---- */

const struct expr *raml_parse_written_function(struct parser *p, int fn, const struct expr *inside)
{
    if (!inside) return NULL;
    if (fn == LEX_FN_CIS) { /* cos x + i sin x */
        if (!raml_expr_is_scalar(inside)) return raml_parse_stop(p, "a function of too many arguments");
        const struct expr *sine = raml_expr_call(p->pool, FN_SIN, inside, NULL);
        sine = raml_expr_2(p->pool, EXPR_MUL, raml_expr_new(p->pool, EXPR_I, 0), sine);
        return raml_expr_2(p->pool, EXPR_ADD, raml_expr_call(p->pool, FN_COS, inside, NULL), sine);
    }
    if (inside->kind != EXPR_LIST || inside->n != 2) return raml_parse_stop(p, "a function of two arguments");
    return chosen(p, fn == LEX_FN_NCR ? 'C' : 'P', inside->arg[0], inside->arg[1]);
}
