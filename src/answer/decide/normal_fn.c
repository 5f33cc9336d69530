/* normal_fn.c - see normal_fn.h. */
#include "answer/decide/normal_fn.h"

#include "answer/decide/radical.h"

enum { MAX_SHIFT = 20, MAX_INTEGER_FACTORIAL = 500 };

typedef bool (*function)(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out);

static bool opaque(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    return raml_ring_gen_power(r, raml_ring_gen(r, GEN_CALL, (int)fn, "", 0, x, n), 1, out);
}

static bool scale(struct ring *r, struct ratio *x, slong p, ulong q)
{
    fmpq_t f;
    fmpq_init(f);
    fmpq_set_si(f, p, q);
    bool ok = raml_ratio_mul_fmpq(r, x, f);
    fmpq_clear(f);
    return ok;
}

static bool half_power(struct ring *r, struct ratio *x)
{
    fmpq_t half;
    fmpq_init(half);
    fmpq_set_si(half, 1, 2);
    bool ok = raml_radical_power(r, x, half, x);
    fmpq_clear(half);
    return ok;
}

bool raml_normal_power(struct ring *r, const struct ratio *base, const struct ratio *exponent, struct ratio *out)
{
    fmpq_t e;
    fmpq_init(e);
    bool rational = raml_ratio_get_fmpq(r, exponent, e), ok;
    if (rational) {
        ok = raml_radical_power(r, base, e, out);
    } else {
        struct ratio x;
        raml_ratio_init(r, &x);
        ok = !raml_ring_has_i(r, base) && raml_radical_ln(r, base, &x) && raml_ratio_mul(r, &x, &x, exponent) &&
             raml_radical_exp(r, &x, out);
        raml_ratio_clear(r, &x);
    }
    fmpq_clear(e);
    return ok;
}

static bool root(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    if (n == 1) {
        if (!half_power(r, x)) return false;
        raml_ratio_set(r, out, x);
        return true;
    }
    (void)fn;
    struct ratio one;
    raml_ratio_init(r, &one);
    raml_ratio_set_si(r, &one, 1);
    bool ok = raml_ratio_div(r, &one, &one, &x[1]) && raml_normal_power(r, &x[0], &one, out);
    raml_ratio_clear(r, &one);
    return ok;
}

static bool exponential(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    (void)fn, (void)n;
    return raml_radical_exp(r, x, out);
}

static bool logarithm(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    (void)fn;
    if (raml_ring_has_i(r, &x[0]) || !raml_radical_ln(r, &x[0], &x[0])) return false;
    if (n == 2) return raml_radical_ln(r, &x[1], &x[1]) && raml_ratio_div(r, out, &x[0], &x[1]);
    raml_ratio_set(r, out, &x[0]);
    return true;
}

static bool circular(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    (void)n;
    struct ratio c, s, one;
    raml_ratio_init(r, &c);
    raml_ratio_init(r, &s);
    raml_ratio_init(r, &one);
    raml_ratio_set_si(r, &one, 1);
    r->trig = true;
    bool ok = raml_radical_cos_sin(r, x, &c, &s);
    switch (fn) {
    case FN_SIN: raml_ratio_set(r, out, &s); break;
    case FN_COS: raml_ratio_set(r, out, &c); break;
    case FN_TAN: ok = ok && raml_ratio_div(r, out, &s, &c); break;
    case FN_COT: ok = ok && raml_ratio_div(r, out, &c, &s); break;
    case FN_SEC: ok = ok && raml_ratio_div(r, out, &one, &c); break;
    default: ok = ok && raml_ratio_div(r, out, &one, &s); break;
    }
    raml_ratio_clear(r, &one);
    raml_ratio_clear(r, &s);
    raml_ratio_clear(r, &c);
    return ok;
}

static bool hyperbolic(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    (void)n;
    struct ratio plus, minus, s, c;
    raml_ratio_init(r, &plus);
    raml_ratio_init(r, &minus);
    raml_ratio_init(r, &s);
    raml_ratio_init(r, &c);
    raml_ratio_set_si(r, &minus, 2);
    bool ok = raml_radical_exp(r, x, &plus);
    raml_ratio_neg(r, x);
    ok = ok && raml_radical_exp(r, x, &c) && raml_ratio_sub(r, &s, &plus, &c) && raml_ratio_add(r, &c, &plus, &c);
    switch (fn) { /* s and c are twice sinh and cosh */
    case FN_SINH: ok = ok && raml_ratio_div(r, out, &s, &minus); break;
    case FN_COSH: ok = ok && raml_ratio_div(r, out, &c, &minus); break;
    case FN_TANH: ok = ok && raml_ratio_div(r, out, &s, &c); break;
    case FN_COTH: ok = ok && raml_ratio_div(r, out, &c, &s); break;
    case FN_SECH: ok = ok && raml_ratio_div(r, out, &minus, &c); break;
    default: ok = ok && raml_ratio_div(r, out, &minus, &s); break;
    }
    raml_ratio_clear(r, &c);
    raml_ratio_clear(r, &s);
    raml_ratio_clear(r, &minus);
    raml_ratio_clear(r, &plus);
    return ok;
}

/* asin or atan at the points known by their squares; *twelfths of pi, positive. */
static bool known_angle(struct ring *r, enum expr_fn fn, const struct ratio *x, slong *twelfths)
{
    static const struct {
        slong p, q, asin, atan;
    } square[] = {{0, 1, 0, 0}, {1, 4, 2, -1}, {1, 2, 3, -1}, {3, 4, 4, -1},
                  {1, 1, 6, 3}, {3, 1, -1, 4}, {1, 3, -1, 2}};
    struct ratio s;
    fmpq_t q;
    raml_ratio_init(r, &s);
    fmpq_init(q);
    bool found = raml_ratio_mul(r, &s, x, x) && raml_ratio_get_fmpq(r, &s, q);
    *twelfths = -1;
    for (size_t i = 0; found && i < sizeof square / sizeof *square; i++)
        if (fmpz_equal_si(fmpq_numref(q), square[i].p) && fmpz_equal_si(fmpq_denref(q), square[i].q))
            *twelfths = fn == FN_ASIN ? square[i].asin : square[i].atan;
    fmpq_clear(q);
    raml_ratio_clear(r, &s);
    return *twelfths >= 0;
}

/* asin and atan are odd: the sign of the first term comes out. */
static bool odd(struct ring *r, enum expr_fn fn, struct ratio *x, struct ratio *out)
{
    slong twelfths;
    if (raml_ring_has_i(r, x)) return false;
    bool minus = !fmpz_mpoly_is_zero(x->num, r->ctx) && fmpz_sgn(x->num->coeffs) < 0, ok;
    if (minus) raml_ratio_neg(r, x);
    if (known_angle(r, fn, x, &twelfths)) { /* x has one term, a positive one */
        ok = raml_ring_pi(r, out) && scale(r, out, twelfths, 12);
        ok = ok && fmpz_mpoly_length(x->num, r->ctx) <= 1 &&
             (fmpz_mpoly_is_zero(x->num, r->ctx) || raml_ring_sign(r, x->num) == 1);
    } else {
        ok = opaque(r, fn, x, 1, out);
    }
    if (minus) raml_ratio_neg(r, out);
    return ok;
}

static bool surely_positive(struct ring *r, const struct ratio *x)
{
    return raml_ring_sign(r, x->num) == 1 && raml_ring_sign(r, x->den) == 1;
}

static bool inverse_circular(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    (void)n;
    struct ratio half;
    raml_ratio_init(r, &half);
    raml_ratio_set_si(r, &half, 1);
    bool ok = true, complement = fn == FN_ACOS || fn == FN_ACOT || fn == FN_ASEC;
    if (fn == FN_ASEC || fn == FN_ACSC) ok = raml_ratio_div(r, x, &half, x);
    if (fn == FN_ACOT && !surely_positive(r, x)) r->assumed = true; /* conventions agree only for positive arguments */
    ok = ok && odd(r, fn == FN_ATAN || fn == FN_ACOT ? FN_ATAN : FN_ASIN, x, out);
    if (complement) ok = ok && raml_ring_pi(r, &half) && scale(r, &half, 1, 2) && raml_ratio_sub(r, out, &half, out);
    raml_ratio_clear(r, &half);
    return ok;
}

/* ln(x + sqrt(x^2 + 1)), ln(x + sqrt(x^2 - 1)), ln((1 + x)/(1 - x))/2. */
static bool inverse_hyperbolic(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    (void)n;
    struct ratio one, y;
    raml_ratio_init(r, &one);
    raml_ratio_init(r, &y);
    raml_ratio_set_si(r, &one, 1);
    bool ok;
    if (fn == FN_ATANH) {
        ok = raml_ratio_add(r, &y, &one, x) && raml_ratio_sub(r, &one, &one, x) && raml_ratio_div(r, &y, &y, &one) &&
             raml_radical_ln(r, &y, out) && scale(r, out, 1, 2);
    } else {
        if (fn == FN_ACOSH) raml_ratio_neg(r, &one);
        ok = raml_ratio_mul(r, &y, x, x) && raml_ratio_add(r, &y, &y, &one) && half_power(r, &y) &&
             raml_ratio_add(r, &y, &y, x) && raml_radical_ln(r, &y, out);
    }
    raml_ratio_clear(r, &y);
    raml_ratio_clear(r, &one);
    return ok;
}

static bool absolute(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    return raml_radical_abs(r, x, out) || (!r->w->spent && opaque(r, fn, x, n, out));
}

/* 0 or pi where x is certainly real and of one sign. */
static bool argument(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    int above = raml_ring_sign(r, x->num), below = raml_ring_sign(r, x->den);
    if (above * below == -1) return raml_ring_pi(r, out);
    if (above * below != 1) return opaque(r, fn, x, n, out);
    raml_ratio_set_si(r, out, 0);
    return true;
}

/* *out *= (x + 1) ... (x + k), or /= x (x-1) ... (x + k + 1) for k < 0. */
static bool shift(struct ring *r, const struct ratio *x, slong k, struct ratio *out)
{
    struct ratio t;
    raml_ratio_init(r, &t);
    bool ok = true;
    for (slong i = k > 0 ? 1 : 0; i != (k > 0 ? k + 1 : k) && ok; i += k > 0 ? 1 : -1) {
        raml_ratio_set_si(r, &t, i);
        ok = raml_ratio_add(r, &t, &t, x);
        ok = ok && (k > 0 ? raml_ratio_mul(r, out, out, &t) : raml_ratio_div(r, out, out, &t));
    }
    raml_ratio_clear(r, &t);
    return ok;
}

static bool small_integer(struct ring *r, const struct ratio *x, slong limit, slong *k)
{
    fmpq_t q;
    fmpq_init(q);
    bool ok = raml_ratio_get_fmpq(r, x, q) && fmpz_is_one(fmpq_denref(q)) && fmpz_cmp_si(fmpq_numref(q), limit) <= 0 &&
              fmpz_cmp_si(fmpq_numref(q), -limit) >= 0;
    *k = ok ? fmpz_get_si(fmpq_numref(q)) : 0;
    fmpq_clear(q);
    return ok;
}

/* x!: of a number; or by an existing y!, when x - y is an integer. */
static bool factorial(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    struct ratio d;
    slong k;
    if (small_integer(r, x, MAX_INTEGER_FACTORIAL, &k)) {
        fmpz_t f;
        if (k < 0) return false;
        fmpz_init(f);
        fmpz_fac_ui(f, (ulong)k);
        fmpz_mpoly_set_fmpz(out->num, f, r->ctx);
        fmpz_mpoly_one(out->den, r->ctx);
        fmpz_clear(f);
        return true;
    }
    raml_ratio_init(r, &d);
    slong g = r->n_gens - 1;
    bool near = false;
    for (; g >= 0 && !near; g -= !near) {
        if (r->gen[g].kind != GEN_CALL || r->gen[g].sub != FN_FACTORIAL) continue;
        near = raml_ratio_sub(r, &d, x, &r->gen[g].arg[0]) && small_integer(r, &d, MAX_SHIFT, &k);
    }
    raml_ratio_clear(r, &d);
    if (!near) return opaque(r, fn, x, n, out);
    return raml_ring_gen_power(r, g, 1, out) && (k == 0 || shift(r, &r->gen[g].arg[0], k, out));
}

/* n!/(n-k)!, over k! for binomials. */
static bool choose(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    struct ratio d, f;
    slong k;
    raml_ratio_init(r, &d);
    raml_ratio_init(r, &f);
    bool ok = n == 2;
    if (ok && small_integer(r, &x[1], MAX_SHIFT, &k) && k >= 0) { /* (d+1) ... (d+k) for d = n - k */
        raml_ratio_set_si(r, out, 1);
        ok = raml_ratio_sub(r, &d, &x[0], &x[1]) && (k == 0 || shift(r, &d, k, out));
    } else {
        ok = ok && raml_ratio_sub(r, &d, &x[0], &x[1]) && factorial(r, FN_FACTORIAL, &x[0], 1, out) &&
             factorial(r, FN_FACTORIAL, &d, 1, &f) && raml_ratio_div(r, out, out, &f);
    }
    if (fn == FN_BINOMIAL) ok = ok && factorial(r, FN_FACTORIAL, &x[1], 1, &f) && raml_ratio_div(r, out, out, &f);
    raml_ratio_clear(r, &f);
    raml_ratio_clear(r, &d);
    return ok;
}

bool raml_normal_call(struct ring *r, enum expr_fn fn, struct ratio *x, uint32_t n, struct ratio *out)
{
    static const function table[EXPR_N_FNS] = {
        [FN_SQRT] = root,       [FN_ROOT] = root,          [FN_EXP] = exponential, [FN_LN] = logarithm,
        [FN_LOG] = logarithm,   [FN_ABS] = absolute,       [FN_ARG] = argument,    [FN_FACTORIAL] = factorial,
        [FN_BINOMIAL] = choose, [FN_PERMUTATIONS] = choose};
    if (!n || fn >= EXPR_N_FNS) return false;
    if (table[fn]) return table[fn](r, fn, x, n, out);
    if (fn >= FN_SIN && fn <= FN_CSC) return circular(r, fn, x, n, out);
    if (fn >= FN_ASIN && fn <= FN_ACSC) return inverse_circular(r, fn, x, n, out);
    if (fn >= FN_SINH && fn <= FN_CSCH) return hyperbolic(r, fn, x, n, out);
    if (fn >= FN_ASINH && fn <= FN_ATANH) return inverse_hyperbolic(r, fn, x, n, out);
    return opaque(r, fn, x, n, out);
}
