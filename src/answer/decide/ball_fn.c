/* ball_fn.c - functions of balls (ball.h). */
#include "answer/decide/ball.h"

enum { MAX_TRIG_LOG2 = 1024, MAX_EXP_LOG2 = 50, MAX_GAMMA_LOG2 = 50, MAX_INT_LOG2 = 4096, MAX_K = 64 };

typedef bool (*function)(acb_struct *x, uint32_t n, const struct ball *b, acb_t out);

static bool is_real(const acb_t x)
{
    return arb_is_zero(acb_imagref(x));
}

static bool set_real(acb_t out) /* out's real part was just written */
{
    arb_zero(acb_imagref(out));
    return true;
}

/* Exactly an integer? */
static bool integer(const acb_t x, fmpz_t out)
{
    return is_real(x) && arb_is_int(acb_realref(x)) && raml_ball_within(x, MAX_INT_LOG2) &&
           arb_get_unique_fmpz(out, acb_realref(x));
}

static bool root(acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    fmpz_t k;
    fmpz_init_set_ui(k, 2);
    bool ok = (n == 1 || integer(&x[1], k)) && fmpz_sgn(k) > 0 && raml_ball_root(out, &x[0], k, b);
    fmpz_clear(k);
    return ok;
}

static bool ball_log(acb_t out, const acb_t x, const struct ball *b)
{
    if (acb_contains_zero(x) || (b->real && !arb_is_positive(acb_realref(x)))) return false;
    acb_log(out, x, b->prec);
    return true;
}

static bool logarithm(acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    if (!ball_log(out, &x[0], b)) return false;
    if (n == 1) return true;
    if (!ball_log(&x[1], &x[1], b) || acb_contains_zero(&x[1])) return false;
    acb_div(out, out, &x[1], b->prec);
    return true;
}

static bool exponential(acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    (void)n;
    if (!raml_ball_within(&x[0], MAX_EXP_LOG2)) return false;
    acb_exp(out, &x[0], b->prec);
    return true;
}

/* Sines, cosines, and their quotients with 1 or one another. */
static bool ratio(acb_t out, acb_t above, acb_t below, const struct ball *b)
{
    if (acb_contains_zero(below)) return false;
    acb_div(out, above, below, b->prec);
    return true;
}

static bool circular(enum expr_fn fn, acb_struct *x, const struct ball *b, acb_t out)
{
    if (!raml_ball_within(x, MAX_TRIG_LOG2)) return false;
    if (!is_real(x) && !raml_ball_within(x, MAX_EXP_LOG2)) return false;
    acb_t s, c, one;
    acb_init(s);
    acb_init(c);
    acb_init(one);
    acb_one(one);
    acb_sin_cos(s, c, x, b->prec);
    bool ok = true;
    switch (fn) {
    case FN_SIN: acb_set(out, s); break;
    case FN_COS: acb_set(out, c); break;
    case FN_TAN: ok = ratio(out, s, c, b); break;
    case FN_COT: ok = ratio(out, c, s, b); break;
    case FN_SEC: ok = ratio(out, one, c, b); break;
    default: ok = ratio(out, one, s, b); break;
    }
    acb_clear(one);
    acb_clear(c);
    acb_clear(s);
    return ok;
}

static bool hyperbolic(enum expr_fn fn, acb_struct *x, const struct ball *b, acb_t out)
{
    if (!raml_ball_within(x, MAX_EXP_LOG2)) return false;
    acb_t s, c, one;
    acb_init(s);
    acb_init(c);
    acb_init(one);
    acb_one(one);
    acb_sinh_cosh(s, c, x, b->prec);
    bool ok = true;
    switch (fn) {
    case FN_SINH: acb_set(out, s); break;
    case FN_COSH: acb_set(out, c); break;
    case FN_TANH: ok = ratio(out, s, c, b); break;
    case FN_COTH: ok = ratio(out, c, s, b); break;
    case FN_SECH: ok = ratio(out, one, c, b); break;
    default: ok = ratio(out, one, s, b); break;
    }
    acb_clear(one);
    acb_clear(c);
    acb_clear(s);
    return ok;
}

/* Clamps a ball to [-1, 1]: arguments computed with error may reach outside. */
static bool clamp(arb_t x, const struct ball *b)
{
    arb_t unit;
    arb_init(unit);
    mag_one(arb_radref(unit));
    bool ok = arb_overlaps(x, unit);
    if (ok && !arb_contains(unit, x)) ok = arb_intersection(x, x, unit, b->prec) != 0;
    arb_clear(unit);
    return ok;
}

/* asin at the ends of the ball: it is monotonic, and its derivative is unbounded near 1. */
static bool asin_real(arb_t out, arb_t x, const struct ball *b)
{
    if (!clamp(x, b)) return false;
    arf_t lo, hi;
    arb_t y;
    arf_init(lo);
    arf_init(hi);
    arb_init(y);
    arb_get_interval_arf(lo, hi, x, b->prec + 30);
    if (arf_cmp_si(lo, -1) < 0) arf_set_si(lo, -1);
    if (arf_cmp_si(hi, 1) > 0) arf_set_si(hi, 1);
    arb_set_arf(y, lo);
    arb_asin(out, y, b->prec);
    arb_set_arf(y, hi);
    arb_asin(y, y, b->prec);
    arb_union(out, out, y, b->prec);
    arb_clear(y);
    arf_clear(hi);
    arf_clear(lo);
    return true;
}

static bool complement(acb_t out, const struct ball *b) /* pi/2 - out */
{
    arb_t half;
    arb_init(half);
    arb_const_pi(half, b->prec);
    arb_mul_2exp_si(half, half, -1);
    arb_sub(acb_realref(out), half, acb_realref(out), b->prec);
    arb_clear(half);
    return set_real(out);
}

static bool inverse_circular(enum expr_fn fn, acb_struct *x, const struct ball *b, acb_t out)
{
    if (!is_real(x)) return false;
    arb_ptr r = acb_realref(x);
    if (fn == FN_ACOT && !arb_is_positive(r)) return false; /* two conventions for negative arguments */
    if (fn == FN_ASEC || fn == FN_ACSC) {
        if (arb_contains_zero(r)) return false;
        arb_inv(r, r, b->prec);
    }
    if (fn == FN_ATAN || fn == FN_ACOT) arb_atan(acb_realref(out), r, b->prec);
    else if (!asin_real(acb_realref(out), r, b)) return false;
    return fn == FN_ASIN || fn == FN_ATAN || fn == FN_ACSC ? set_real(out) : complement(out, b);
}

static bool inverse_hyperbolic(enum expr_fn fn, acb_struct *x, const struct ball *b, acb_t out)
{
    if (!is_real(x)) return false;
    arb_ptr r = acb_realref(x);
    if (fn == FN_ASINH) arb_asinh(acb_realref(out), r, b->prec);
    else if (fn == FN_ACOSH) arb_acosh(acb_realref(out), r, b->prec);
    else arb_atanh(acb_realref(out), r, b->prec);
    return set_real(out);
}

static bool part(enum expr_fn fn, acb_struct *x, const struct ball *b, acb_t out)
{
    switch (fn) {
    case FN_ABS: acb_abs(acb_realref(out), x, b->prec); return set_real(out);
    case FN_RE: arb_set(acb_realref(out), acb_realref(x)); return set_real(out);
    case FN_IM: arb_set(acb_realref(out), acb_imagref(x)); return set_real(out);
    case FN_CONJ: acb_conj(out, x); return true;
    default:
        if (acb_contains_zero(x)) return false;
        acb_arg(acb_realref(out), x, b->prec);
        return set_real(out);
    }
}

/* Steps: known only if the ball contains no step. */
static bool step(enum expr_fn fn, acb_struct *x, const struct ball *b, acb_t out)
{
    if (!is_real(x)) return false;
    arb_ptr r = acb_realref(x);
    if (fn == FN_SIGN) {
        int s = arb_sgn_nonzero(r);
        acb_set_si(out, s);
        return s || arb_is_zero(r);
    }
    if (fn == FN_FLOOR) arb_floor(acb_realref(out), r, b->prec + 64);
    else arb_ceil(acb_realref(out), r, b->prec + 64);
    return arb_is_exact(acb_realref(out)) && set_real(out);
}

/* x! = Gamma(x + 1) for real x > -1. */
static bool gamma_of(acb_t out, const acb_t x, const struct ball *b)
{
    if (!is_real(x) || !raml_ball_within(x, MAX_GAMMA_LOG2)) return false;
    if (!raml_work_charge(b->w, 4 + (uint64_t)b->prec * (uint64_t)b->prec / 4096)) return false;
    arb_add_ui(acb_realref(out), acb_realref(x), 1, b->prec + 64);
    arb_zero(acb_imagref(out));
    if (!arb_is_positive(acb_realref(out))) return false;
    arb_gamma(acb_realref(out), acb_realref(out), b->prec);
    return true;
}

static bool factorial(acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    (void)n;
    return gamma_of(out, &x[0], b);
}

static bool factorial2(acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    (void)n;
    fmpz_t k;
    fmpz_init(k);
    bool ok = raml_ball_within(&x[0], 30) && integer(&x[0], k) && fmpz_sgn(k) >= 0 &&
              raml_work_charge(b->w, 8 + (uint64_t)b->prec * (uint64_t)b->prec / 4096);
    if (ok) arb_doublefac_ui(acb_realref(out), fmpz_get_ui(k), b->prec);
    fmpz_clear(k);
    return ok && set_real(out);
}

static bool choose(acb_struct *x, bool over, const struct ball *b, acb_t out)
{
    acb_t y, z;
    fmpz_t k;
    acb_init(y);
    acb_init(z);
    fmpz_init(k);
    bool ok = true;
    if (integer(&x[1], k) && fmpz_sgn(k) >= 0 && fmpz_cmp_ui(k, MAX_K) <= 0) {
        acb_one(out);
        for (slong i = 0; i < fmpz_get_si(k); i++) {
            acb_sub_si(y, &x[0], i, b->prec);
            acb_mul(out, out, y, b->prec);
            if (over) acb_div_si(out, out, i + 1, b->prec);
        }
    } else {
        acb_sub(y, &x[0], &x[1], b->prec + 64);
        ok = gamma_of(z, y, b) && gamma_of(out, &x[0], b);
        if (ok) acb_div(out, out, z, b->prec);
        ok = ok && (!over || gamma_of(z, &x[1], b));
        if (ok && over) acb_div(out, out, z, b->prec);
    }
    fmpz_clear(k);
    acb_clear(z);
    acb_clear(y);
    return ok;
}

static bool common(acb_struct *x, uint32_t n, bool gcd, acb_t out)
{
    fmpz_t g, k;
    fmpz_init(g);
    fmpz_init(k);
    bool ok = integer(&x[0], g);
    fmpz_abs(g, g);
    for (uint32_t i = 1; i < n && ok; i++) {
        ok = integer(&x[i], k) && fmpz_bits(g) <= MAX_INT_LOG2;
        if (ok && gcd) fmpz_gcd(g, g, k);
        else if (ok) fmpz_lcm(g, g, k);
    }
    acb_set_fmpz(out, g);
    fmpz_clear(k);
    fmpz_clear(g);
    return ok;
}

static bool extreme(acb_struct *x, uint32_t n, bool least, const struct ball *b, acb_t out)
{
    for (uint32_t i = 0; i < n; i++)
        if (!is_real(&x[i])) return false;
    acb_set(out, &x[0]);
    for (uint32_t i = 1; i < n; i++) {
        if (least) arb_min(acb_realref(out), acb_realref(out), acb_realref(&x[i]), b->prec);
        else arb_max(acb_realref(out), acb_realref(out), acb_realref(&x[i]), b->prec);
    }
    return true;
}

static bool modulo(acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    if (n != 2 || !is_real(&x[0]) || !is_real(&x[1]) || !arb_is_positive(acb_realref(&x[1]))) return false;
    arb_ptr q = acb_realref(out);
    arb_div(q, acb_realref(&x[0]), acb_realref(&x[1]), b->prec);
    arb_floor(q, q, b->prec + 64);
    if (!arb_is_exact(q)) return false;
    arb_mul(q, q, acb_realref(&x[1]), b->prec);
    arb_sub(q, acb_realref(&x[0]), q, b->prec);
    return set_real(out);
}

bool raml_ball_call(enum expr_fn fn, acb_struct *x, uint32_t n, const struct ball *b, acb_t out)
{
    static const function table[EXPR_N_FNS] = {
        [FN_SQRT] = root,     [FN_ROOT] = root,           [FN_EXP] = exponential,       [FN_LN] = logarithm,
        [FN_LOG] = logarithm, [FN_FACTORIAL] = factorial, [FN_FACTORIAL2] = factorial2, [FN_MOD] = modulo};
    if (fn < EXPR_N_FNS && table[fn]) return table[fn](x, n, b, out);
    if (fn >= FN_SIN && fn <= FN_CSC) return circular(fn, x, b, out);
    if (fn >= FN_ASIN && fn <= FN_ACSC) return inverse_circular(fn, x, b, out);
    if (fn >= FN_SINH && fn <= FN_CSCH) return hyperbolic(fn, x, b, out);
    if (fn >= FN_ASINH && fn <= FN_ATANH) return inverse_hyperbolic(fn, x, b, out);
    if (fn == FN_BINOMIAL || fn == FN_PERMUTATIONS) return n == 2 && choose(x, fn == FN_BINOMIAL, b, out);
    if (fn == FN_GCD || fn == FN_LCM) return common(x, n, fn == FN_GCD, out);
    if (fn == FN_MIN || fn == FN_MAX) return extreme(x, n, fn == FN_MIN, b, out);
    if (fn >= FN_FLOOR && fn <= FN_SIGN) return step(fn, x, b, out);
    if (fn == FN_ABS || (fn >= FN_RE && fn <= FN_ARG)) return part(fn, x, b, out);
    return false;
}
