/* compare_sum.c - sums in closed form: polynomials (Faulhaber), geometric series and their multiples by k, sums of
 * 1/k^2m (Euler), the exponential series (compare.h).
 *
 * The parser writes a sum with bounds as APPLY "sum": lower, upper bound, and the summand in a SYMBOL "_k". A summand
 * is a sum of terms, each  P(k) r^k / (k^s k!)  with a polynomial P; what has no such form stays as it is.
 * A series whose ratio has letters is taken where it converges.
 */
#include "answer/compare/compare.h"
#include "answer/compare/poly.h"

#include <string.h>

enum { MAX_DEGREE = POLY_MAX_DEGREE, MAX_START = 20, MAX_GEOMETRIC = 3 };

struct summand {
    struct expr_pool *p;
    const struct expr *k;                    /* the SYMBOL */
    const struct expr *coef[MAX_DEGREE + 1]; /* of P; NULL: 0 */
    uint32_t degree;
    const struct expr *ratio;    /* r; NULL: 1 */
    const struct expr *constant; /* a factor without k */
    long below;                  /* s */
    bool factorial;
};

/* ---- building ---- */

static const struct expr *add(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return !a ? b : !b ? a : raml_expr_2(p, EXPR_ADD, a, b);
}

static const struct expr *mul(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return !a ? b : !b ? a : raml_expr_2(p, EXPR_MUL, a, b);
}

static const struct expr *minus(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return raml_expr_2(p, EXPR_ADD, a, raml_expr_1(p, EXPR_NEG, b));
}

static const struct expr *power(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return raml_expr_2(p, EXPR_POW, a, b);
}

static const struct expr *over(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return raml_expr_2(p, EXPR_DIV, a, b);
}

/* ---- terms ---- */

/* base^(ak + b), inverted where it is below: r takes base^a, the constant base^b. */
static bool geometric(struct summand *s, const struct expr *base, const struct expr *exponent, bool below)
{
    struct raml_poly e;
    if (raml_poly_has(base, s->k) || !raml_poly_of(s->p, exponent, s->k, &e) || e.n > 1 || !e.c[1]) return false;
    const struct expr *r = power(s->p, base, e.c[1]), *c = e.c[0] ? power(s->p, base, e.c[0]) : NULL;
    const struct expr *one = raml_expr_int(s->p, 1);
    if (below) r = over(s->p, one, r);
    if (below && c) c = over(s->p, one, c);
    s->ratio = mul(s->p, s->ratio, r);
    s->constant = mul(s->p, s->constant, c);
    return s->ratio != NULL;
}

static bool factor(struct summand *s, const struct expr *e, bool below)
{
    long n;
    if (!raml_poly_has(e, s->k)) {
        s->constant = mul(s->p, s->constant, below ? over(s->p, raml_expr_int(s->p, 1), e) : e);
        return s->constant != NULL;
    }
    if (e->kind == EXPR_MUL) {
        for (uint32_t i = 0; i < e->n; i++)
            if (!factor(s, e->arg[i], below)) return false;
        return true;
    }
    if (e->kind == EXPR_DIV) return factor(s, e->arg[0], below) && factor(s, e->arg[1], !below);
    if (e->kind == EXPR_NEG) {
        s->constant = mul(s->p, s->constant, raml_expr_int(s->p, -1));
        return factor(s, e->arg[0], below);
    }
    if (e->kind == EXPR_POW && !raml_poly_has(e->arg[0], s->k)) return geometric(s, e->arg[0], e->arg[1], below);
    if (e->kind == EXPR_POW && e->arg[0]->kind == EXPR_DIV && !raml_poly_small(e->arg[1], &n)) return false;
    if (below) {
        bool bare = raml_expr_same(e, s->k);
        bool up = e->kind == EXPR_POW && raml_expr_same(e->arg[0], s->k) && raml_poly_small(e->arg[1], &n) && n > 0;
        bool factorial = e->kind == EXPR_CALL && e->sub == FN_FACTORIAL && raml_expr_same(e->arg[0], s->k);
        s->below += bare ? 1 : up ? n : 0;
        if (factorial && s->factorial) return false;
        s->factorial |= factorial;
        return bare || up || factorial;
    }
    struct raml_poly x, all = {.n = s->degree};
    memcpy(all.c, s->coef, sizeof all.c);
    if (!raml_poly_of(s->p, e, s->k, &x) || !raml_poly_mul(s->p, &all, &x, &all)) return false;
    memcpy(s->coef, all.c, sizeof all.c);
    s->degree = all.n;
    return true;
}

/* ---- closed forms ---- */

/* 1^d + ... + n^d as a polynomial in n (Faulhaber): coefficients a/b of n, n^2, ... */
static const struct expr *power_sum(struct expr_pool *p, uint32_t d, const struct expr *n)
{
    static const struct {
        int8_t a[MAX_DEGREE + 1];
        uint8_t b;
    } f[MAX_DEGREE + 1] = {{{1}, 1},
                           {{1, 1}, 2},
                           {{1, 3, 2}, 6},
                           {{0, 1, 2, 1}, 4},
                           {{-1, 0, 10, 15, 6}, 30},
                           {{0, -1, 0, 5, 6, 2}, 12},
                           {{1, 0, -7, 0, 21, 21, 6}, 42},
                           {{0, 2, 0, -7, 0, 14, 12, 3}, 24},
                           {{-3, 0, 20, 0, -42, 0, 60, 45, 10}, 90}};
    const struct expr *sum = NULL;
    for (uint32_t i = 0; i <= d; i++) {
        if (!f[d].a[i]) continue;
        const struct expr *t =
            raml_expr_2(p, EXPR_MUL, raml_expr_int(p, f[d].a[i]), power(p, n, raml_expr_int(p, i + 1)));
        sum = add(p, sum, t);
    }
    return sum ? over(p, sum, raml_expr_int(p, f[d].b)) : NULL;
}

static const struct expr *polynomial_sum(struct summand *s, const struct expr *low, const struct expr *high)
{
    const struct expr *before = raml_expr_2(s->p, EXPR_ADD, low, raml_expr_int(s->p, -1)), *sum = NULL;
    for (uint32_t d = 0; d <= s->degree; d++) {
        if (!s->coef[d]) continue;
        const struct expr *f = minus(s->p, power_sum(s->p, d, high), power_sum(s->p, d, before));
        sum = add(s->p, sum, raml_expr_2(s->p, EXPR_MUL, s->coef[d], f));
    }
    return sum;
}

/* The sum of k r^k from 1 to n: r (1 - (n+1) r^n + n r^(n+1)) / (1-r)^2 */
static const struct expr *first_moment(struct summand *s, const struct expr *n)
{
    struct expr_pool *p = s->p;
    const struct expr *one = raml_expr_int(p, 1), *r = s->ratio, *next = raml_expr_2(p, EXPR_ADD, n, one);
    const struct expr *a = raml_expr_2(p, EXPR_MUL, next, power(p, r, n));
    const struct expr *b = raml_expr_2(p, EXPR_MUL, n, power(p, r, next));
    const struct expr *inside = raml_expr_2(p, EXPR_ADD, minus(p, one, a), b);
    return over(p, raml_expr_2(p, EXPR_MUL, r, inside), power(p, minus(p, one, r), raml_expr_int(p, 2)));
}

static const struct expr *finite_geometric(struct summand *s, const struct expr *low, const struct expr *high)
{
    struct expr_pool *p = s->p;
    const struct expr *one = raml_expr_int(p, 1), *r = s->ratio, *sum = NULL;
    if (s->degree > 1) return NULL;
    if (s->coef[0]) {
        const struct expr *ends = minus(p, power(p, r, low), power(p, r, raml_expr_2(p, EXPR_ADD, high, one)));
        sum = over(p, raml_expr_2(p, EXPR_MUL, s->coef[0], ends), minus(p, one, r));
    }
    if (s->degree == 1) {
        const struct expr *before = raml_expr_2(p, EXPR_ADD, low, raml_expr_int(p, -1));
        const struct expr *f = minus(p, first_moment(s, high), first_moment(s, before));
        sum = add(p, sum, raml_expr_2(p, EXPR_MUL, s->coef[1], f));
    }
    return sum;
}

/* The sum of k^d r^k from 0 on: an Eulerian polynomial over (1-r)^(d+1). */
static const struct expr *moment(struct expr_pool *p, uint32_t d, const struct expr *r)
{
    static const int8_t euler[MAX_GEOMETRIC + 1][4] = {{1}, {0, 1}, {0, 1, 1}, {0, 1, 4, 1}};
    const struct expr *above = NULL;
    for (int i = 0; i <= (int)d; i++)
        if (euler[d][i])
            above = add(p, above,
                        raml_expr_2(p, EXPR_MUL, raml_expr_int(p, euler[d][i]), power(p, r, raml_expr_int(p, i))));
    return above ? over(p, above, power(p, minus(p, raml_expr_int(p, 1), r), raml_expr_int(p, d + 1))) : NULL;
}

/* The terms with 0 <= k < low (1 <= k, where k divides), which the whole series has and the sum has not. */
static const struct expr *first_terms(struct summand *s, const struct expr *body, long from, long low)
{
    const struct expr *sum = raml_expr_int(s->p, 0);
    for (long i = from; i < low && sum; i++)
        sum = raml_expr_2(s->p, EXPR_ADD, sum, raml_expr_replace(s->p, body, s->k->text, raml_expr_int(s->p, i)));
    return sum;
}

/* zeta(s) for even s, as the parser has it; NULL: another s. */
static const struct expr *zeta(struct expr_pool *p, long s)
{
    static const long below[] = {6, 90, 945, 9450, 93555};
    if (s < 2 || s % 2 || s > 10) return NULL;
    return over(p, power(p, raml_expr_new(p, EXPR_PI, 0), raml_expr_int(p, s)), raml_expr_int(p, below[s / 2 - 1]));
}

static bool is_minus_one(struct check *c, const struct expr *r)
{
    const char *rule;
    const struct expr *m = raml_expr_int(&c->pool, -1);
    return m && !raml_expr_has_symbol(r) && raml_decide(r, m, &c->work, &rule) == RAML_EQUAL;
}

/* Sums of 1/k^s, and of (-1)^k/k^s, from 1 on. */
static const struct expr *inverse_powers(struct check *c, struct summand *s)
{
    struct expr_pool *p = s->p;
    if (s->degree || s->factorial) return NULL;
    const struct expr *v = zeta(p, s->below);
    if (!s->ratio) return v ? raml_expr_2(p, EXPR_MUL, s->coef[0], v) : NULL;
    if (!is_minus_one(c, s->ratio)) return NULL;
    if (s->below == 1) v = raml_expr_1(p, EXPR_NEG, raml_expr_call(p, FN_LN, raml_expr_int(p, 2), NULL));
    else if (v) /* (2^(1-s) - 1) zeta(s) */
        v = raml_expr_2(p, EXPR_MUL, v,
                        raml_expr_2(p, EXPR_ADD, power(p, raml_expr_int(p, 2), raml_expr_int(p, 1 - s->below)),
                                    raml_expr_int(p, -1)));
    return v ? raml_expr_2(p, EXPR_MUL, s->coef[0], v) : NULL;
}

static bool converges(struct check *c, const struct expr *r)
{
    int order;
    if (raml_expr_has_symbol(r)) return true;
    const struct expr *size = raml_expr_call(&c->pool, FN_ABS, r, NULL), *one = raml_expr_int(&c->pool, 1);
    return size && one && raml_decide_order(size, one, &c->work, &order) && order < 0;
}

/* The whole series from k = 0 (or 1, where k divides); NULL: not one that is known. */
static const struct expr *series(struct check *c, struct summand *s)
{
    const struct expr *sum = NULL;
    if (s->below) return inverse_powers(c, s);
    if (s->factorial) {
        const struct expr *e = raml_expr_new(s->p, EXPR_E, 0);
        const struct expr *v = power(s->p, e, s->ratio ? s->ratio : raml_expr_int(s->p, 1));
        return s->degree ? NULL : raml_expr_2(s->p, EXPR_MUL, s->coef[0], v);
    }
    if (!s->ratio || s->degree > MAX_GEOMETRIC || !converges(c, s->ratio)) return NULL;
    for (uint32_t d = 0; d <= s->degree; d++)
        if (s->coef[d]) sum = add(s->p, sum, raml_expr_2(s->p, EXPR_MUL, s->coef[d], moment(s->p, d, s->ratio)));
    return sum;
}

/* The sum of one term; NULL: none known. */
static const struct expr *sum_of(struct check *c, const struct expr *body, const struct expr *k, const struct expr *low,
                                 const struct expr *high)
{
    struct summand s = {.p = &c->pool, .k = k};
    long from;
    s.coef[0] = raml_expr_int(s.p, 1);
    if (!s.coef[0] || !factor(&s, body, false)) return NULL;
    const struct expr *scale = s.constant, *v;
    if (s.ratio && !raml_expr_has_symbol(s.ratio)) {
        const char *rule;
        if (raml_decide(s.ratio, raml_expr_int(s.p, 1), &c->work, &rule) != RAML_DIFFERENT) return NULL;
    }
    if (high->kind == EXPR_INFINITY) {
        if (!raml_poly_small(low, &from) || from < (s.below > 0) || from > MAX_START) return NULL;
        v = series(c, &s);
        if (!v) return NULL;
        v = mul(s.p, scale, v);
        return minus(s.p, v, first_terms(&s, body, s.below > 0, from));
    }
    if (s.below || s.factorial) return NULL;
    v = s.ratio ? finite_geometric(&s, low, high) : polynomial_sum(&s, low, high);
    return v ? mul(s.p, scale, v) : NULL;
}

/* The name that the parser bound last: "_k", "_k1", ... NULL: none. */
static const struct expr *bound_name(const struct expr *e)
{
    const struct expr *best = NULL;
    if (e->kind == EXPR_SYMBOL && e->text[0] == '_') return e;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *k = bound_name(e->arg[i]);
        if (k && (!best || strcmp(k->text, best->text) > 0)) best = k;
    }
    return best;
}

const struct expr *raml_compare_sum(struct check *c, const struct expr *e)
{
    bool sum = e->kind == EXPR_APPLY && e->n == 3 && !strcmp(e->text, "sum");
    bool product = e->kind == EXPR_APPLY && e->n == 3 && !strcmp(e->text, "prod");
    if ((!sum && !product) || !raml_expr_is_scalar(e)) return e;
    const struct expr *low = e->arg[0], *high = e->arg[1], *body = e->arg[2], *all = NULL, *k = NULL;
    long one;
    k = bound_name(body);
    if (!k) k = raml_expr_text(&c->pool, EXPR_SYMBOL, "_k0", 3);
    if (!k || raml_poly_has(low, k) || raml_poly_has(high, k)) return e;
    if (product)
        return raml_expr_same(body, k) && raml_poly_small(low, &one) && one == 1 && high->kind != EXPR_INFINITY
                   ? raml_expr_call(&c->pool, FN_FACTORIAL, high, NULL)
                   : e;
    uint32_t n = body->kind == EXPR_ADD ? body->n : 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct expr *t = sum_of(c, n > 1 ? body->arg[i] : body, k, low, high);
        if (!t) return raml_compare_rational_sum(c, e, k);
        all = add(&c->pool, all, t);
    }
    return all && raml_expr_fits(all, EXPR_MAX_SIZE / 2) ? all : e;
}
