/* radical.c - roots, absolute values and logarithms by factors (radical.h). Exponentials are in radical_exp.c. */
#include "answer/decide/radical.h"

#include <stdlib.h>

enum { MAX_PARTS = 40, MAX_TERMS = 60, MAX_DEGREE = 40, MAX_GENS = 8, MAX_BITS = 256, TRIAL = 1000, MAX_K = 20000 };

struct part { /* f^e */
    fmpz_mpoly_t f;
    slong e;
    int sign; /* raml_ring_sign */
};

struct parts { /* sign * the product of the parts; primes are parts */
    struct part part[MAX_PARTS];
    slong n;
    int sign;
};

static void clear_parts(struct ring *r, struct parts *p)
{
    for (slong i = 0; i < p->n; i++) fmpz_mpoly_clear(p->part[i].f, r->ctx);
}

static bool add_part(struct ring *r, struct parts *p, const fmpz_mpoly_t f, slong e)
{
    for (slong i = 0; i < p->n; i++)
        if (fmpz_mpoly_equal(p->part[i].f, f, r->ctx)) {
            p->part[i].e += e;
            return true;
        }
    if (p->n == MAX_PARTS) return false;
    struct part *x = &p->part[p->n++];
    fmpz_mpoly_init(x->f, r->ctx);
    fmpz_mpoly_set(x->f, f, r->ctx);
    x->e = e;
    x->sign = raml_ring_sign(r, f);
    return true;
}

static bool add_integer(struct ring *r, struct parts *p, const fmpz_t n, slong e)
{
    if (fmpz_is_one(n)) return true;
    fmpz_mpoly_t f;
    fmpz_mpoly_init(f, r->ctx);
    fmpz_mpoly_set_fmpz(f, n, r->ctx);
    bool ok = add_part(r, p, f, e);
    fmpz_mpoly_clear(f, r->ctx);
    return ok;
}

/* n^e as primes; what trial division leaves is a single part, as its smallest root. */
static bool add_primes(struct ring *r, struct parts *p, fmpz_t n, slong e)
{
    if (fmpz_sgn(n) < 0 && e % 2) p->sign = -p->sign;
    fmpz_abs(n, n);
    if (fmpz_bits(n) > 20000 || !raml_work_charge(r->w, 5 + fmpz_bits(n) / 16)) return false;
    fmpz_t prime;
    fmpz_init(prime);
    bool ok = true;
    for (ulong d = 2; d < TRIAL && ok && !fmpz_is_one(n); d += d == 2 ? 1 : 2) {
        if (fmpz_fdiv_ui(n, d)) continue;
        if (fmpz_cmp_ui(n, d * d) < 0) break; /* n is prime */
        fmpz_set_ui(prime, d);
        slong k = fmpz_remove(n, n, prime);
        ok = add_integer(r, p, prime, k * e);
    }
    if (ok && !fmpz_is_one(n)) {
        slong k = 1, power = fmpz_bits(n) <= 2000 ? fmpz_is_perfect_power(prime, n) : 0;
        if (power > 0) {
            k = power;
            fmpz_set(n, prime);
        }
        ok = add_integer(r, p, n, k * e);
    }
    fmpz_clear(prime);
    return ok;
}

static bool may_factor(struct ring *r, const fmpz_mpoly_t a)
{
    slong n = fmpz_mpoly_length(a, r->ctx), degree[RING_MAX_GENS], all = 0, used = 0;
    fmpz_mpoly_degrees_si(degree, a, r->ctx);
    for (slong g = 0; g < r->max_gens; g++) all += degree[g], used += degree[g] > 0;
    if (n == 1) return raml_work_charge(r->w, 2);
    if (n > MAX_TERMS || all > MAX_DEGREE || used > MAX_GENS || labs(fmpz_mpoly_max_bits(a)) > MAX_BITS) return false;
    return raml_work_charge(r->w, 60 + (uint64_t)(all * all / 4 + 2 * n * all) * (used > 2 ? 4 : 1));
}

static bool add_factors(struct ring *r, struct parts *p, const fmpz_mpoly_t a, slong side)
{
    if (!may_factor(r, a)) return false;
    fmpz_mpoly_factor_t f;
    fmpz_mpoly_t base;
    fmpz_t c;
    fmpz_mpoly_factor_init(f, r->ctx);
    fmpz_mpoly_init(base, r->ctx);
    fmpz_init(c);
    bool ok = fmpz_mpoly_factor(f, a, r->ctx) != 0;
    if (ok) {
        fmpz_mpoly_factor_get_constant_fmpz(c, f, r->ctx);
        ok = add_primes(r, p, c, side);
    }
    for (slong i = 0; ok && i < fmpz_mpoly_factor_length(f, r->ctx); i++) {
        fmpz_mpoly_factor_get_base(base, f, i, r->ctx);
        slong e = fmpz_mpoly_factor_get_exp_si(f, i, r->ctx);
        ok = e > 0 && e <= MAX_K && add_part(r, p, base, side * e);
    }
    fmpz_clear(c);
    fmpz_mpoly_clear(base, r->ctx);
    fmpz_mpoly_factor_clear(f, r->ctx);
    return ok;
}

/* c^2 - 1 = -s^2 for a cosine and its sine: factors c - 1 and c + 1 to the same power become s. */
static bool join_sines(struct ring *r, struct parts *p)
{
    fmpz_mpoly_t f;
    fmpz_mpoly_init(f, r->ctx);
    bool ok = true;
    for (slong g = 0; g < r->n_gens && ok; g++) {
        if (r->gen[g].kind != GEN_SIN) continue;
        slong c = raml_ring_gen(r, GEN_COS, 0, "", 0, r->gen[g].arg, 1);
        struct part *minus = NULL, *plus = NULL;
        for (slong i = 0; i < p->n && c >= 0; i++) {
            fmpz_mpoly_gen(f, c, r->ctx);
            fmpz_mpoly_sub_si(f, f, 1, r->ctx);
            if (fmpz_mpoly_equal(f, p->part[i].f, r->ctx)) minus = &p->part[i];
            fmpz_mpoly_add_si(f, f, 2, r->ctx);
            if (fmpz_mpoly_equal(f, p->part[i].f, r->ctx)) plus = &p->part[i];
        }
        if (!minus || !plus || minus->e != plus->e) continue;
        slong e = minus->e;
        minus->e = plus->e = 0;
        if (e % 2) p->sign = -p->sign;
        fmpz_mpoly_gen(f, g, r->ctx);
        ok = add_part(r, p, f, 2 * e);
    }
    fmpz_mpoly_clear(f, r->ctx);
    return ok;
}

/* p is initialised here; cleared by the caller in any case. Parts that are certainly negative are negated. */
static bool split(struct ring *r, const struct ratio *x, struct parts *p)
{
    p->n = 0;
    p->sign = 1;
    if (raml_ring_has_i(r, x) || fmpz_mpoly_is_zero(x->num, r->ctx)) return false;
    if (!add_factors(r, p, x->num, 1) || !add_factors(r, p, x->den, -1) || !join_sines(r, p)) return false;
    for (slong i = 0; i < p->n; i++) {
        struct part *t = &p->part[i];
        if (t->sign != -1) continue;
        fmpz_mpoly_neg(t->f, t->f, r->ctx);
        t->sign = 1;
        if (t->e % 2) p->sign = -p->sign;
    }
    return true;
}

/* Does f contain a generator that need not be real? */
static bool may_be_complex(const struct ring *r, const fmpz_mpoly_t f)
{
    for (slong g = 0; g < r->n_gens; g++)
        if ((r->gen[g].kind == GEN_CALL || r->gen[g].kind == GEN_POWER) && fmpz_mpoly_degree_si(f, g, r->ctx) > 0)
            return true;
    return false;
}

static void set_poly(struct ring *r, struct ratio *out, const fmpz_mpoly_t f)
{
    fmpz_mpoly_set(out->num, f, r->ctx);
    fmpz_mpoly_one(out->den, r->ctx);
}

/* |f| as a quotient. */
static bool absolute(struct ring *r, const struct part *t, struct ratio *out)
{
    set_poly(r, out, t->f);
    if (t->sign == 1) return true;
    if (may_be_complex(r, t->f)) r->assumed = true;
    slong g = raml_ring_gen(r, GEN_ABS, 0, "", 0, out, 1);
    return raml_ring_gen_power(r, g, 1, out);
}

/* f^(k/L) for f that is, or is assumed to be, positive (any real one for odd L). */
static bool positive_power(struct ring *r, const struct ratio *f, slong k, struct ratio *out)
{
    if (k % r->L == 0) return raml_ratio_pow(r, out, f, k / r->L);
    slong g = raml_ring_is_gen(r, f->num);
    bool ok = false;
    if (g >= 0 && r->gen[g].kind == GEN_ROOT) return false; /* a deeper root than L was made for */
    if (g >= 0 && r->gen[g].kind == GEN_EXP) {
        struct ratio x;
        fmpq_t e;
        fmpq_init(e);
        raml_ratio_init(r, &x);
        raml_ratio_set(r, &x, &r->gen[g].arg[0]);
        fmpq_set_si(e, k, (ulong)(r->L * r->D));
        ok = raml_ratio_mul_fmpq(r, &x, e) && raml_radical_exp(r, &x, out);
        raml_ratio_clear(r, &x);
        fmpq_clear(e);
        return ok;
    }
    return raml_ring_gen_power(r, raml_ring_gen(r, GEN_ROOT, 0, "", 0, f, 1), k, out);
}

/* f^(e p/q) for one part; p/q in lowest terms, q divides L. */
static bool part_power(struct ring *r, const struct part *t, slong p, slong q, struct ratio *out)
{
    slong ep = t->e * p, k = ep * (r->L / q);
    struct ratio base;
    raml_ratio_init(r, &base);
    set_poly(r, &base, t->f);
    bool whole = ep % q == 0, ok = true;
    if (q % 2 == 0 && t->e % 2 == 0 && !(whole && ep / q % 2 == 0)) ok = absolute(r, t, &base);
    else if (t->sign != 1 && (q % 2 == 0 ? t->e % 2 != 0 : !whole && r->L % 2 == 0)) r->assumed = true;
    if (!whole && t->sign != 1 && may_be_complex(r, t->f)) r->assumed = true;
    ok = ok && positive_power(r, &base, k, out);
    raml_ratio_clear(r, &base);
    return ok;
}

/* The sign of the whole is negative: which part's is? True when it is one that can be. */
static bool turn_one(struct ring *r, struct parts *p)
{
    struct part *found = NULL;
    for (slong i = 0; i < p->n; i++) {
        struct part *t = &p->part[i];
        if (t->sign != 0 || t->e % 2 == 0) continue;
        if (found) return false;
        found = t;
    }
    if (!found) return false;
    fmpz_mpoly_neg(found->f, found->f, r->ctx);
    p->sign = 1;
    return true;
}

static bool all_positive(const struct parts *p)
{
    for (slong i = 0; i < p->n; i++)
        if (p->part[i].sign != 1 && p->part[i].e % 2) return false;
    return true;
}

static bool parts_power(struct ring *r, struct parts *p, slong above, slong q, struct ratio *out)
{
    bool imaginary = false, ok = true;
    if (p->sign < 0 && q % 2 == 0 && !turn_one(r, p)) {
        if (q != 2 || !all_positive(p)) return false;
        imaginary = true;
    }
    struct ratio x;
    raml_ratio_init(r, &x);
    raml_ratio_set_si(r, out, p->sign < 0 && q % 2 && above % 2 ? -1 : 1);
    for (slong i = 0; i < p->n && ok; i++)
        ok = part_power(r, &p->part[i], above, q, &x) && raml_ratio_mul(r, out, out, &x);
    if (imaginary)
        ok = ok && raml_ring_imaginary_unit(r, &x) && raml_ratio_pow(r, &x, &x, above) &&
             raml_ratio_mul(r, out, out, &x);
    raml_ratio_clear(r, &x);
    return ok;
}

/* A root that can't be factored: a generator for x^(1/q), by x and q. */
static bool opaque_power(struct ring *r, const struct ratio *x, slong p, slong q, struct ratio *out)
{
    struct ratio arg[2];
    raml_ratio_init(r, &arg[0]);
    raml_ratio_init(r, &arg[1]);
    raml_ratio_set(r, &arg[0], x);
    raml_ratio_set_si(r, &arg[1], q);
    bool ok = raml_ring_gen_power(r, raml_ring_gen(r, GEN_POWER, 0, "", 0, arg, 2), p, out);
    raml_ratio_clear(r, &arg[1]);
    raml_ratio_clear(r, &arg[0]);
    return ok;
}

bool raml_radical_power(struct ring *r, const struct ratio *x, const fmpq_t e, struct ratio *out)
{
    if (!fmpz_fits_si(fmpq_numref(e)) || fmpz_cmp_si(fmpq_denref(e), 1000) > 0) return false;
    if (fmpz_cmp_si(fmpq_numref(e), MAX_K) > 0 || fmpz_cmp_si(fmpq_numref(e), -MAX_K) < 0) return false;
    slong p = fmpz_get_si(fmpq_numref(e)), q = fmpz_get_si(fmpq_denref(e));
    if (q == 1) return raml_ratio_pow(r, out, x, p);
    r->roots = true;
    if (fmpz_mpoly_is_zero(x->num, r->ctx)) {
        raml_ratio_set_si(r, out, 0);
        return p > 0;
    }
    struct ratio y;
    struct parts parts;
    raml_ratio_init(r, &y);
    bool ok = split(r, x, &parts) && r->L % q == 0 && parts_power(r, &parts, p, q, &y);
    clear_parts(r, &parts);
    if (ok) raml_ratio_set(r, out, &y);
    raml_ratio_clear(r, &y);
    return ok || (!r->w->spent && opaque_power(r, x, p, q, out));
}

bool raml_radical_abs(struct ring *r, const struct ratio *x, struct ratio *out)
{
    if (fmpz_mpoly_is_zero(x->num, r->ctx)) {
        raml_ratio_set_si(r, out, 0);
        return true;
    }
    struct ratio y, t;
    struct parts parts;
    raml_ratio_init(r, &y);
    raml_ratio_init(r, &t);
    raml_ratio_set_si(r, &y, 1);
    bool ok = split(r, x, &parts);
    for (slong i = 0; i < parts.n && ok; i++) {
        struct part *p = &parts.part[i];
        if (p->e % 2) ok = absolute(r, p, &t);
        else set_poly(r, &t, p->f);
        ok = ok && raml_ratio_pow(r, &t, &t, p->e) && raml_ratio_mul(r, &y, &y, &t);
    }
    clear_parts(r, &parts);
    if (ok) raml_ratio_set(r, out, &y);
    raml_ratio_clear(r, &t);
    raml_ratio_clear(r, &y);
    return ok;
}

/* ln f for one part. */
static bool part_ln(struct ring *r, const struct part *t, struct ratio *out)
{
    slong g = raml_ring_is_gen(r, t->f);
    fmpq_t scale;
    fmpq_init(scale);
    bool ok;
    if (g >= 0 && r->gen[g].kind == GEN_EXP) {
        raml_ratio_set(r, out, &r->gen[g].arg[0]);
        fmpq_set_si(scale, 1, (ulong)r->D);
        ok = raml_ratio_mul_fmpq(r, out, scale);
    } else if (g >= 0 && r->gen[g].kind == GEN_ROOT) {
        struct part below = {.e = 1, .sign = 1};
        fmpz_mpoly_init(below.f, r->ctx);
        fmpz_mpoly_set(below.f, r->gen[g].arg[0].num, r->ctx);
        fmpq_set_si(scale, 1, (ulong)r->L);
        ok = part_ln(r, &below, out) && raml_ratio_mul_fmpq(r, out, scale);
        fmpz_mpoly_clear(below.f, r->ctx);
    } else {
        set_poly(r, out, t->f);
        ok = raml_ring_gen_power(r, raml_ring_gen(r, GEN_LN, 0, "", 0, out, 1), 1, out);
    }
    fmpq_clear(scale);
    return ok;
}

static bool parts_ln(struct ring *r, struct parts *p, struct ratio *out)
{
    struct ratio x;
    fmpq_t e;
    raml_ratio_init(r, &x);
    fmpq_init(e);
    bool ok = true, turn = p->sign < 0 && !turn_one(r, p);
    raml_ratio_set_si(r, out, 0);
    if (turn) { /* ln(-x) = ln x + i pi */
        ok = all_positive(p) && raml_ring_imaginary_unit(r, out) && raml_ring_pi(r, &x);
        ok = ok && raml_ratio_mul(r, out, out, &x);
    }
    for (slong i = 0; i < p->n && ok; i++) {
        if (p->part[i].sign != 1) r->assumed = true;
        fmpq_set_si(e, p->part[i].e, 1);
        ok = part_ln(r, &p->part[i], &x) && raml_ratio_mul_fmpq(r, &x, e) && raml_ratio_add(r, out, out, &x);
    }
    fmpq_clear(e);
    raml_ratio_clear(r, &x);
    return ok;
}

bool raml_radical_ln(struct ring *r, const struct ratio *x, struct ratio *out)
{
    struct ratio y;
    struct parts parts;
    r->roots = true;
    if (fmpz_mpoly_is_zero(x->num, r->ctx)) return false;
    raml_ratio_init(r, &y);
    bool ok = split(r, x, &parts) && parts_ln(r, &parts, &y);
    clear_parts(r, &parts);
    if (!ok && !r->w->spent) {
        raml_ratio_set(r, &y, x);
        ok = raml_ring_gen_power(r, raml_ring_gen(r, GEN_CALL, FN_LN, "", 0, x, 1), 1, &y);
    }
    if (ok) raml_ratio_set(r, out, &y);
    raml_ratio_clear(r, &y);
    return ok;
}
