/* telescope.c - see telescope.h. Partial fractions: where Q = c (k + s_0) (k + s_1) ... has simple rational roots, P/Q is
 * the sum of c_i / (k + s_i). Of those whose s differ by whole numbers the c must add up to 0; then all but finitely
 * many terms cancel. A sum with an end is added up, halves first, so that denominators stay small. */
#include "answer/decide/telescope.h"

#include "answer/decide/flint.h"
#include "answer/decide/rational.h"

#include <flint/fmpq_poly.h>
#include <flint/fmpz_poly_factor.h>
#include <string.h>

enum { MAX_ROOTS = 8, MAX_SHIFT = 1000, MAX_DIGITS = 4000, MAX_BITS = 32 /* of a coefficient */ };

static bool read_poly(fmpq_poly_t out, const struct expr *const *c, uint32_t n, struct work *w)
{
    fmpq_t v;
    bool ok = true;
    fmpq_init(v);
    for (uint32_t i = 0; ok && i <= n; i++) {
        if (!c[i]) continue;
        ok = !raml_expr_has_symbol(c[i]) && raml_rational(c[i], w, v) == RATIONAL_YES;
        ok = ok && fmpz_bits(fmpq_numref(v)) <= MAX_BITS && fmpz_bits(fmpq_denref(v)) <= MAX_BITS;
        if (ok) fmpq_poly_set_coeff_fmpq(out, i, v);
    }
    fmpq_clear(v);
    return ok;
}

/* P(k)/Q(k); false: Q(k) = 0. */
static bool term(fmpq_t out, const fmpq_poly_t p, const fmpq_poly_t q, slong k)
{
    fmpz_t at;
    fmpq_t below;
    fmpz_init_set_si(at, k);
    fmpq_init(below);
    fmpq_poly_evaluate_fmpz(out, p, at);
    fmpq_poly_evaluate_fmpz(below, q, at);
    bool ok = !fmpq_is_zero(below);
    if (ok) fmpq_div(out, out, below);
    fmpq_clear(below);
    fmpz_clear(at);
    return ok;
}

/* At most 12 levels. */
static bool add_up(fmpq_t out, const fmpq_poly_t p, const fmpq_poly_t q, slong low, slong high)
{
    if (low == high) return term(out, p, q, low);
    fmpq_t right;
    fmpq_init(right);
    slong middle = low + (high - low) / 2;
    bool ok = add_up(out, p, q, low, middle) && add_up(right, p, q, middle + 1, high);
    if (ok) fmpq_add(out, out, right);
    fmpq_clear(right);
    return ok;
}

struct parts {
    fmpq_t shift[MAX_ROOTS], residue[MAX_ROOTS]; /* residue / (k + shift) */
    slong n;
};

/* Partial fractions. False: Q has other roots than simple rational ones. */
static bool partial_fractions(struct parts *x, const fmpq_poly_t p, const fmpq_poly_t q)
{
    fmpz_poly_t whole;
    fmpz_poly_factor_t f;
    fmpq_poly_t slope;
    fmpq_t root, below;
    fmpz_poly_init(whole);
    fmpz_poly_factor_init(f);
    fmpq_poly_init(slope);
    fmpq_init(root);
    fmpq_init(below);
    fmpq_poly_get_numerator(whole, q);
    fmpz_poly_factor(f, whole);
    fmpq_poly_derivative(slope, q);
    bool ok = f->num <= MAX_ROOTS;
    for (slong i = 0; ok && i < f->num; i++) {
        ok = fmpz_poly_degree(f->p + i) == 1 && f->exp[i] == 1;
        if (!ok) break;
        fmpq_set_fmpz_frac(x->shift[i], fmpz_poly_get_coeff_ptr(f->p + i, 0), fmpz_poly_get_coeff_ptr(f->p + i, 1));
        fmpq_neg(root, x->shift[i]);
        fmpq_poly_evaluate_fmpq(x->residue[i], p, root);
        fmpq_poly_evaluate_fmpq(below, slope, root);
        fmpq_div(x->residue[i], x->residue[i], below);
        x->n = i + 1;
    }
    fmpq_clear(below);
    fmpq_clear(root);
    fmpq_poly_clear(slope);
    fmpz_poly_factor_clear(f);
    fmpz_poly_clear(whole);
    return ok;
}

/* residue * (1/(low + shift) + ... ), as many as the shift is whole steps below the largest of its kind; *rest takes the
 * residue. False: out of bounds, or a term without a value. */
static bool add_first_terms(fmpq_t out, const struct parts *x, slong i, slong largest, slong low)
{
    fmpq_t d, at;
    bool ok = true;
    fmpq_init(d);
    fmpq_init(at);
    fmpq_sub(d, x->shift[largest], x->shift[i]);
    ok = fmpz_is_one(fmpq_denref(d)) && fmpz_cmp_si(fmpq_numref(d), MAX_SHIFT) <= 0;
    slong steps = ok ? fmpz_get_si(fmpq_numref(d)) : 0;
    for (slong j = 0; ok && j < steps; j++) {
        fmpq_add_si(at, x->shift[i], low + j);
        ok = !fmpq_is_zero(at);
        if (!ok) break;
        fmpq_div(d, x->residue[i], at);
        fmpq_add(out, out, d);
    }
    fmpq_clear(at);
    fmpq_clear(d);
    return ok;
}

static bool same_kind(const struct parts *x, slong i, slong j, fmpq_t d)
{
    fmpq_sub(d, x->shift[i], x->shift[j]);
    return fmpz_is_one(fmpq_denref(d));
}

/* No root is one of low, low + 1, ... */
static bool has_terms(const struct parts *x, slong low)
{
    for (slong i = 0; i < x->n; i++)
        if (fmpz_is_one(fmpq_denref(x->shift[i])) && fmpz_cmp_si(fmpq_numref(x->shift[i]), -low) <= 0) return false;
    return true;
}

static bool to_infinity(fmpq_t out, const fmpq_poly_t p, const fmpq_poly_t q, slong low)
{
    struct parts x = {.n = 0};
    fmpq_t d, sum;
    if (fmpq_poly_degree(q) > MAX_ROOTS || fmpq_poly_degree(p) > fmpq_poly_degree(q) - 2) return false;
    fmpq_init(d);
    fmpq_init(sum);
    for (int i = 0; i < MAX_ROOTS; i++) {
        fmpq_init(x.shift[i]);
        fmpq_init(x.residue[i]);
    }
    bool ok = partial_fractions(&x, p, q) && has_terms(&x, low);
    fmpq_zero(out);
    for (slong i = 0; ok && i < x.n; i++) {
        slong largest = i;
        fmpq_zero(sum);
        for (slong j = 0; j < x.n; j++) {
            if (!same_kind(&x, i, j, d)) continue;
            fmpq_add(sum, sum, x.residue[j]);
            if (fmpq_cmp(x.shift[j], x.shift[largest]) > 0) largest = j;
        }
        ok = fmpq_is_zero(sum) && add_first_terms(out, &x, i, largest, low);
    }
    for (int i = 0; i < MAX_ROOTS; i++) {
        fmpq_clear(x.residue[i]);
        fmpq_clear(x.shift[i]);
    }
    fmpq_clear(sum);
    fmpq_clear(d);
    return ok;
}

static const struct expr *number(struct expr_pool *pool, const fmpz_t v)
{
    char digits[MAX_DIGITS + 2];
    if (fmpz_sizeinbase(v, 10) > MAX_DIGITS) return NULL;
    fmpz_get_str(digits, 10, v);
    size_t minus = digits[0] == '-';
    const struct expr *e = raml_expr_number(pool, digits + minus, strlen(digits + minus), 0);
    return minus ? raml_expr_1(pool, EXPR_NEG, e) : e;
}

const struct expr *raml_telescope(struct expr_pool *pool, const struct expr *const *p, uint32_t n_p,
                                  const struct expr *const *q, uint32_t n_q, long low, bool infinite, long high,
                                  struct work *w)
{
    fmpq_poly_t above, below;
    fmpq_t sum;
    const struct expr *out = NULL;
    if (!infinite && (high < low || high - low >= TELESCOPE_MAX_TERMS)) return NULL;
    if (!raml_work_charge(w, infinite ? 200 : (uint64_t)(high - low + 1) * 15)) return NULL;
    fmpq_poly_init(above);
    fmpq_poly_init(below);
    fmpq_init(sum);
    bool ok = read_poly(above, p, n_p, w) && read_poly(below, q, n_q, w) && !fmpq_poly_is_zero(below);
    if (ok) ok = infinite ? to_infinity(sum, above, below, low) : add_up(sum, above, below, low, high);
    if (ok) out = raml_expr_2(pool, EXPR_DIV, number(pool, fmpq_numref(sum)), number(pool, fmpq_denref(sum)));
    fmpq_clear(sum);
    fmpq_poly_clear(below);
    fmpq_poly_clear(above);
    return out;
}
