/* ratio.c - quotients of polynomials (ring.h). */
#include "answer/decide/ring.h"

#include <flint/fmpz_vec.h>
#include <stdlib.h>

/* clang-format off */
enum { MAX_GCD_TERMS = 400, MAX_GCD_DEGREE = 200, MAX_POWER = 5000, MAX_POWER_TERMS = 3000, MAX_POWER_BITS = 20000,
       MAX_DEGREE = 20000 };
/* clang-format on */

void raml_ratio_init(struct ring *r, struct ratio *a)
{
    fmpz_mpoly_init(a->num, r->ctx);
    fmpz_mpoly_init(a->den, r->ctx);
    fmpz_mpoly_one(a->den, r->ctx);
}

void raml_ratio_clear(struct ring *r, struct ratio *a)
{
    fmpz_mpoly_clear(a->num, r->ctx);
    fmpz_mpoly_clear(a->den, r->ctx);
}

void raml_ratio_set(struct ring *r, struct ratio *out, const struct ratio *a)
{
    fmpz_mpoly_set(out->num, a->num, r->ctx);
    fmpz_mpoly_set(out->den, a->den, r->ctx);
}

void raml_ratio_set_si(struct ring *r, struct ratio *out, slong v)
{
    fmpz_mpoly_set_si(out->num, v, r->ctx);
    fmpz_mpoly_one(out->den, r->ctx);
}

void raml_ratio_set_fmpq(struct ring *r, struct ratio *out, const fmpq_t v)
{
    fmpz_mpoly_set_fmpz(out->num, fmpq_numref(v), r->ctx);
    fmpz_mpoly_set_fmpz(out->den, fmpq_denref(v), r->ctx);
}

bool raml_ratio_get_fmpq(struct ring *r, const struct ratio *a, fmpq_t out)
{
    if (!fmpz_mpoly_is_fmpz(a->num, r->ctx) || !fmpz_mpoly_is_fmpz(a->den, r->ctx)) return false;
    fmpz_mpoly_get_fmpz(fmpq_numref(out), a->num, r->ctx);
    fmpz_mpoly_get_fmpz(fmpq_denref(out), a->den, r->ctx);
    if (fmpz_is_zero(fmpq_denref(out))) return false;
    fmpq_canonicalise(out);
    return true;
}

void raml_ratio_neg(struct ring *r, struct ratio *a)
{
    fmpz_mpoly_neg(a->num, a->num, r->ctx);
}

static void swap_in(struct ring *r, struct ratio *out, struct ratio *x)
{
    fmpz_mpoly_swap(out->num, x->num, r->ctx);
    fmpz_mpoly_swap(out->den, x->den, r->ctx);
}

/* Removes common integers, and the sign, from the numerator and the denominator. */
static void cancel_integers(struct ring *r, struct ratio *a)
{
    fmpz_t g;
    fmpz_init(g);
    _fmpz_vec_content(g, a->den->coeffs, a->den->length);
    if (!fmpz_is_one(g)) {
        fmpz_t h;
        fmpz_init(h);
        _fmpz_vec_content(h, a->num->coeffs, a->num->length);
        fmpz_gcd(g, g, h);
        fmpz_clear(h);
    }
    if (fmpz_sgn(a->den->coeffs) < 0) fmpz_neg(g, g);
    if (!fmpz_is_one(g)) {
        fmpz_mpoly_scalar_divexact_fmpz(a->num, a->num, g, r->ctx);
        fmpz_mpoly_scalar_divexact_fmpz(a->den, a->den, g, r->ctx);
    }
    fmpz_clear(g);
}

static bool is_cheap(struct ring *r, const fmpz_mpoly_t a)
{
    if (fmpz_mpoly_length(a, r->ctx) == 1) return true;
    slong degree[RING_MAX_GENS];
    fmpz_mpoly_degrees_si(degree, a, r->ctx);
    for (slong g = 0; g < r->max_gens; g++)
        if (degree[g] > MAX_GCD_DEGREE) return false;
    return fmpz_mpoly_length(a, r->ctx) <= MAX_GCD_TERMS;
}

/* a = g x, b = g y; with g = 1 where the gcd is not cheap. */
static bool common_factor(struct ring *r, fmpz_mpoly_t g, fmpz_mpoly_t x, fmpz_mpoly_t y, const fmpz_mpoly_t a,
                          const fmpz_mpoly_t b)
{
    slong la = fmpz_mpoly_length(a, r->ctx), lb = fmpz_mpoly_length(b, r->ctx);
    bool cheap = la && lb && is_cheap(r, a) && is_cheap(r, b);
    uint64_t cost = la == 1 || lb == 1 ? 2 : 10 + (uint64_t)((la + lb) * r->max_gens / 8 + la * lb / 12);
    if (cheap && !raml_work_charge(r->w, cost)) return false;
    if (cheap && fmpz_mpoly_gcd_cofactors(g, x, y, a, b, r->ctx)) return true;
    fmpz_mpoly_one(g, r->ctx);
    fmpz_mpoly_set(x, a, r->ctx);
    fmpz_mpoly_set(y, b, r->ctx);
    return true;
}

static bool cancel(struct ring *r, struct ratio *a)
{
    fmpz_mpoly_t g, x, y;
    fmpz_mpoly_init(g, r->ctx);
    fmpz_mpoly_init(x, r->ctx);
    fmpz_mpoly_init(y, r->ctx);
    bool ok = common_factor(r, g, x, y, a->num, a->den);
    if (ok) {
        fmpz_mpoly_swap(a->num, x, r->ctx);
        fmpz_mpoly_swap(a->den, y, r->ctx);
    }
    fmpz_mpoly_clear(y, r->ctx);
    fmpz_mpoly_clear(x, r->ctx);
    fmpz_mpoly_clear(g, r->ctx);
    return ok;
}

/* A denominator h^k q with h^n = f becomes f q; the numerator is multiplied by h^(n-k). */
static bool clear_roots(struct ring *r, struct ratio *a)
{
    fmpz_mpoly_t content, m;
    fmpz_mpoly_init(content, r->ctx);
    fmpz_mpoly_init(m, r->ctx);
    bool ok = true;
    for (slong g = r->n_gens - 1; g >= 0 && ok; g--) {
        if (!r->gen[g].degree || r->gen[g].kind == GEN_SIN || fmpz_mpoly_degree_si(a->den, g, r->ctx) <= 0) continue;
        fmpz_mpoly_term_content(content, a->den, r->ctx);
        slong k = fmpz_mpoly_degree_si(content, g, r->ctx);
        if (k <= 0) continue;
        fmpz_mpoly_gen(m, g, r->ctx);
        fmpz_mpoly_pow_ui(m, m, (ulong)(r->gen[g].degree - k), r->ctx);
        ok = raml_ring_mul(r, a->num, a->num, m) && raml_ring_mul(r, a->den, a->den, m) &&
             raml_ring_reduce(r, a->num) && raml_ring_reduce(r, a->den);
    }
    fmpz_mpoly_clear(m, r->ctx);
    fmpz_mpoly_clear(content, r->ctx);
    return ok;
}

static bool tidy(struct ring *r, struct ratio *a, bool may_cancel)
{
    if (!raml_work_charge(r->w, 1) || !raml_ring_reduce(r, a->num) || !raml_ring_reduce(r, a->den)) return false;
    if (fmpz_mpoly_is_zero(a->den, r->ctx)) return false;
    if (fmpz_mpoly_is_zero(a->num, r->ctx)) {
        fmpz_mpoly_one(a->den, r->ctx);
        return true;
    }
    if (!fmpz_mpoly_is_fmpz(a->den, r->ctx) && ((may_cancel && !cancel(r, a)) || !clear_roots(r, a))) return false;
    if (!fmpz_mpoly_is_one(a->den, r->ctx)) cancel_integers(r, a);
    if (!fmpz_mpoly_is_fmpz(a->den, r->ctx)) r->quotients = true;
    return true;
}

bool raml_ratio_tidy(struct ring *r, struct ratio *a)
{
    return tidy(r, a, true);
}

/* The sum of fractions in lowest terms: only what the denominators share can cancel (Henrici 1956). */
static bool add_fractions(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b)
{
    fmpz_mpoly_t g, x, y, t;
    fmpz_mpoly_init(g, r->ctx);
    fmpz_mpoly_init(x, r->ctx);
    fmpz_mpoly_init(y, r->ctx);
    fmpz_mpoly_init(t, r->ctx);
    bool ok = common_factor(r, g, x, y, a->den, b->den) && raml_ring_mul(r, out->num, a->num, y) &&
              raml_ring_mul(r, t, b->num, x);
    if (ok) fmpz_mpoly_add(out->num, out->num, t, r->ctx);
    if (ok && !fmpz_mpoly_is_fmpz(g, r->ctx)) { /* g y x: g loses what it shares with the numerator */
        ok = common_factor(r, t, out->num, g, out->num, g);
    }
    ok = ok && raml_ring_mul(r, t, g, x) && raml_ring_mul(r, out->den, t, y);
    fmpz_mpoly_clear(t, r->ctx);
    fmpz_mpoly_clear(y, r->ctx);
    fmpz_mpoly_clear(x, r->ctx);
    fmpz_mpoly_clear(g, r->ctx);
    return ok;
}

bool raml_ratio_add(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b)
{
    struct ratio x;
    raml_ratio_init(r, &x);
    bool ok = true, plain = fmpz_mpoly_is_one(a->den, r->ctx) && fmpz_mpoly_is_one(b->den, r->ctx);
    if (plain) fmpz_mpoly_add(x.num, a->num, b->num, r->ctx);
    else ok = add_fractions(r, &x, a, b);
    ok = ok && raml_work_charge(r->w, (uint64_t)fmpz_mpoly_length(x.num, r->ctx) / 20) && tidy(r, &x, false);
    if (ok) swap_in(r, out, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

bool raml_ratio_sub(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b)
{
    struct ratio x;
    raml_ratio_init(r, &x);
    raml_ratio_set(r, &x, b);
    raml_ratio_neg(r, &x);
    bool ok = raml_ratio_add(r, out, a, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

bool raml_ratio_mul(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b)
{
    struct ratio x;
    raml_ratio_init(r, &x);
    bool ok =
        raml_ring_mul(r, x.num, a->num, b->num) && raml_ring_mul(r, x.den, a->den, b->den) && raml_ratio_tidy(r, &x);
    if (ok) swap_in(r, out, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

bool raml_ratio_mul_fmpq(struct ring *r, struct ratio *a, const fmpq_t v)
{
    struct ratio x;
    raml_ratio_init(r, &x);
    raml_ratio_set_fmpq(r, &x, v);
    bool ok = raml_ratio_mul(r, a, a, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

bool raml_ratio_div(struct ring *r, struct ratio *out, const struct ratio *a, const struct ratio *b)
{
    struct ratio x;
    raml_ratio_init(r, &x);
    bool ok = !fmpz_mpoly_is_zero(b->num, r->ctx) && raml_ring_mul(r, x.num, a->num, b->den) &&
              raml_ring_mul(r, x.den, a->den, b->num) && raml_ratio_tidy(r, &x);
    if (ok) swap_in(r, out, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

/* May a^e be expanded? It has at most C(terms - 1 + e, e) terms. */
static bool may_expand(struct ring *r, const fmpz_mpoly_t a, ulong e)
{
    slong n = fmpz_mpoly_length(a, r->ctx);
    if (n == 0) return true;
    double bits = ((double)labs(fmpz_mpoly_max_bits(a)) + (n > 1 ? 1 : 0)) * (double)e, terms = 1;
    for (slong i = 1; i < n && terms <= MAX_POWER_TERMS; i++) terms *= (double)(e + (ulong)i) / (double)i;
    if (fmpz_mpoly_is_fmpz(a, r->ctx) && fmpz_mpoly_max_bits(a) <= 1 && fmpz_mpoly_max_bits(a) >= -1) bits = 1;
    if (terms > MAX_POWER_TERMS || bits > MAX_POWER_BITS) return false;
    if (!fmpz_mpoly_total_degree_fits_si(a, r->ctx)) return false;
    if (fmpz_mpoly_total_degree_si(a, r->ctx) > MAX_DEGREE / (slong)e) return false;
    return raml_work_charge(r->w, 1 + (uint64_t)(terms * (double)n * (1 + bits / 256) / 5));
}

bool raml_ratio_pow(struct ring *r, struct ratio *out, const struct ratio *a, slong e)
{
    if (e == 0) {
        raml_ratio_set_si(r, out, 1);
        return true;
    }
    if (e < -MAX_POWER || e > MAX_POWER) return false;
    ulong k = (ulong)labs(e);
    if (!may_expand(r, a->num, k) || !may_expand(r, a->den, k)) return false;
    if (e < 0 && fmpz_mpoly_is_zero(a->num, r->ctx)) return false;
    struct ratio x;
    raml_ratio_init(r, &x);
    bool ok = fmpz_mpoly_pow_ui(x.num, a->num, k, r->ctx) && fmpz_mpoly_pow_ui(x.den, a->den, k, r->ctx);
    if (ok && e < 0) fmpz_mpoly_swap(x.num, x.den, r->ctx);
    ok = ok && raml_ratio_tidy(r, &x);
    if (ok) swap_in(r, out, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

bool raml_ratio_equal(struct ring *r, const struct ratio *a, const struct ratio *b)
{
    if (fmpz_mpoly_equal(a->num, b->num, r->ctx) && fmpz_mpoly_equal(a->den, b->den, r->ctx)) return true;
    fmpz_mpoly_t x, y;
    fmpz_mpoly_init(x, r->ctx);
    fmpz_mpoly_init(y, r->ctx);
    bool equal = raml_ring_mul(r, x, a->num, b->den) && raml_ring_mul(r, y, b->num, a->den);
    if (equal) fmpz_mpoly_sub(x, x, y, r->ctx);
    equal = equal && raml_ring_reduce(r, x) && fmpz_mpoly_is_zero(x, r->ctx);
    fmpz_mpoly_clear(y, r->ctx);
    fmpz_mpoly_clear(x, r->ctx);
    return equal;
}
