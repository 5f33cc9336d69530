/* rational.c - see rational.h. The functions of integers are in rational_fn.c. */
#include "answer/decide/rational.h"

#include "answer/decide/modular.h"

#include <string.h>

enum { MAX_DIGITS = RATIONAL_MAX_BITS * 3 / 10, FAST_DIGITS = 18, MAX_ARGUMENTS = 64 };

uint64_t raml_rational_cost(uint64_t bits)
{
    uint64_t limbs = bits / 64;
    return limbs < 8 ? 0 : 1 + limbs / 50 + limbs * limbs / 2500;
}

static uint64_t bits_of(const fmpq_t x)
{
    return fmpz_bits(fmpq_numref(x)) + fmpz_bits(fmpq_denref(x));
}

static bool small(const fmpq_t x)
{
    return !COEFF_IS_MPZ(*fmpq_numref(x)) && !COEFF_IS_MPZ(*fmpq_denref(x));
}

/* May x op y be computed? */
static bool may(const fmpq_t x, const fmpq_t y, struct work *w)
{
    if (small(x) && small(y)) return true;
    uint64_t bits = bits_of(x) + bits_of(y);
    return bits <= RATIONAL_MAX_BITS && raml_work_charge(w, raml_rational_cost(bits));
}

static bool digits(const struct expr *e, struct work *w, fmpz_t out)
{
    if (e->n_text <= FAST_DIGITS) {
        slong v = 0;
        for (uint32_t i = 0; i < e->n_text; i++) v = v * 10 + (e->text[i] - '0');
        fmpz_set_si(out, v);
        return true;
    }
    uint64_t limbs = e->n_text / 19 + 1; /* parsing is cheaper than a gcd */
    if (e->n_text > MAX_DIGITS || !raml_work_charge(w, limbs / 100 + limbs * limbs / 7000)) return false;
    return fmpz_set_str(out, e->text, 10) == 0;
}

static enum rational number(const struct expr *e, struct work *w, fmpq_t out)
{
    if (!digits(e, w, fmpq_numref(out))) return RATIONAL_NO;
    fmpz_one(fmpq_denref(out));
    if (!e->scale || fmpq_is_zero(out)) return RATIONAL_YES;
    uint64_t scale = (uint64_t)(e->scale < 0 ? -(int64_t)e->scale : e->scale);
    uint64_t bits = scale * 10 / 3 + fmpz_bits(fmpq_numref(out)) + 1;
    if (bits > RATIONAL_MAX_BITS || !raml_work_charge(w, raml_rational_cost(bits))) return RATIONAL_NO;
    fmpz_t power;
    fmpz_init(power);
    fmpz_ui_pow_ui(power, 10, scale);
    if (e->scale > 0) fmpq_div_fmpz(out, out, power);
    else fmpq_mul_fmpz(out, out, power);
    fmpz_clear(power);
    return RATIONAL_YES;
}

static enum rational power_of(const fmpq_t base, const fmpz_t n, struct work *w, fmpq_t out)
{
    if (fmpz_is_zero(n) || fmpq_is_one(base)) {
        fmpq_one(out);
        return RATIONAL_YES;
    }
    if (fmpq_is_zero(base)) {
        if (fmpz_sgn(n) < 0) return RATIONAL_NONE;
        fmpq_zero(out);
        return RATIONAL_YES;
    }
    if (fmpq_cmp_si(base, -1) == 0) {
        fmpq_set_si(out, fmpz_is_even(n) ? 1 : -1, 1);
        return RATIONAL_YES;
    }
    uint64_t bits = fmpz_bits(fmpq_numref(base)), below = fmpz_bits(fmpq_denref(base));
    if (below > bits) bits = below;
    if (fmpz_cmp_si(n, RATIONAL_MAX_BITS) > 0 || fmpz_cmp_si(n, -RATIONAL_MAX_BITS) < 0) return RATIONAL_NO;
    slong k = fmpz_get_si(n);
    bits *= (uint64_t)(k < 0 ? -k : k);
    if (bits > RATIONAL_MAX_BITS || !raml_work_charge(w, raml_rational_cost(bits))) return RATIONAL_NO;
    fmpq_pow_si(out, base, k);
    return RATIONAL_YES;
}

/* *out = the n-th root of x >= 0 if that is an integer. */
static bool root_of(const fmpz_t x, slong n, struct work *w, fmpz_t out)
{
    uint64_t bits = fmpz_bits(x);
    if (bits <= 1) {
        fmpz_set(out, x);
        return true;
    }
    if ((uint64_t)n > bits || !raml_work_charge(w, raml_rational_cost(bits))) return false;
    return fmpz_root(out, x, n) != 0;
}

enum rational raml_rational_root(const fmpq_t x, const fmpz_t n, struct work *w, fmpq_t out)
{
    if (fmpz_sgn(n) <= 0) return RATIONAL_NO;
    bool negative = fmpq_sgn(x) < 0;
    if (negative && fmpz_is_even(n)) return RATIONAL_NO;
    slong k = fmpz_cmp_si(n, RATIONAL_MAX_BITS) > 0 ? RATIONAL_MAX_BITS + 1 : fmpz_get_si(n);
    fmpq_t y;
    fmpq_init(y);
    fmpq_abs(y, x);
    bool is = root_of(fmpq_numref(y), k, w, fmpq_numref(y)) && root_of(fmpq_denref(y), k, w, fmpq_denref(y));
    if (is && negative) fmpq_neg(y, y);
    if (is) fmpq_swap(out, y);
    fmpq_clear(y);
    return is ? RATIONAL_YES : RATIONAL_NO;
}

/* base^exponent for rational exponent. */
static enum rational rational_pow(const fmpq_t base, const fmpq_t exponent, struct work *w, fmpq_t out)
{
    if (fmpz_is_one(fmpq_denref(exponent))) return power_of(base, fmpq_numref(exponent), w, out);
    if (fmpq_is_zero(base) && fmpq_sgn(exponent) < 0) return RATIONAL_NONE;
    fmpq_t root;
    fmpq_init(root);
    enum rational is = raml_rational_root(base, fmpq_denref(exponent), w, root);
    if (is == RATIONAL_YES) is = power_of(root, fmpq_numref(exponent), w, out);
    fmpq_clear(root);
    return is;
}

/* out = out op e for ADD and MUL. */
static enum rational fold(const struct expr *e, struct work *w, fmpq_t out)
{
    if (!raml_work_charge(w, e->n / 8)) return RATIONAL_NO;
    enum rational is = raml_rational(e->arg[0], w, out);
    if (is != RATIONAL_YES) return is;
    fmpq_t x;
    fmpq_init(x);
    for (uint32_t i = 1; i < e->n && is == RATIONAL_YES; i++) {
        is = raml_rational(e->arg[i], w, x);
        if (is != RATIONAL_YES) break;
        if (!may(out, x, w)) is = RATIONAL_NO;
        else if (e->kind == EXPR_ADD) fmpq_add(out, out, x);
        else fmpq_mul(out, out, x);
    }
    fmpq_clear(x);
    return is;
}

static enum rational pair(const struct expr *e, struct work *w, fmpq_t out)
{
    fmpq_t a, b;
    fmpq_init(a);
    fmpq_init(b);
    enum rational is = raml_rational(e->arg[0], w, a);
    if (is == RATIONAL_YES) is = raml_rational(e->arg[1], w, b);
    if (is == RATIONAL_YES && e->kind == EXPR_POW) is = rational_pow(a, b, w, out);
    else if (is == RATIONAL_YES && fmpq_is_zero(b)) is = RATIONAL_NONE;
    else if (is == RATIONAL_YES && !may(a, b, w)) is = RATIONAL_NO;
    else if (is == RATIONAL_YES) fmpq_div(out, a, b);
    fmpq_clear(a);
    fmpq_clear(b);
    return is;
}

/* a mod m, where a is too large to be written out. */
static enum rational large_remainder(const struct expr *e, struct work *w, fmpq_t out)
{
    fmpq_t m;
    fmpq_init(m);
    enum rational is = raml_rational(e->arg[1], w, m);
    bool whole = is == RATIONAL_YES && fmpz_is_one(fmpq_denref(m));
    fmpz_one(fmpq_denref(out));
    bool known = whole && raml_modular(e->arg[0], fmpq_numref(m), w, fmpq_numref(out));
    fmpq_clear(m);
    return known ? RATIONAL_YES : RATIONAL_NO;
}

static enum rational call(const struct expr *e, struct work *w, fmpq_t out)
{
    if (!e->n || e->n > MAX_ARGUMENTS || !raml_work_charge(w, e->n / 8)) return RATIONAL_NO;
    fmpq arg[MAX_ARGUMENTS];
    enum rational is = RATIONAL_YES;
    for (uint32_t i = 0; i < e->n; i++) fmpq_init(&arg[i]);
    for (uint32_t i = 0; i < e->n && is == RATIONAL_YES; i++) is = raml_rational(e->arg[i], w, &arg[i]);
    if (is == RATIONAL_YES) is = raml_rational_call((enum expr_fn)e->sub, arg, e->n, w, out);
    for (uint32_t i = 0; i < e->n; i++) fmpq_clear(&arg[i]);
    if (is == RATIONAL_NO && e->sub == FN_MOD && e->n == 2) return large_remainder(e, w, out);
    return is;
}

static void hundredth(fmpq_t x)
{
    fmpz_t hundred;
    fmpz_init_set_ui(hundred, 100);
    fmpq_div_fmpz(x, x, hundred);
    fmpz_clear(hundred);
}

enum rational raml_rational(const struct expr *e, struct work *w, fmpq_t out)
{
    enum rational is;
    switch (e->kind) {
    case EXPR_NUMBER: return number(e, w, out);
    case EXPR_NEG:
        is = raml_rational(e->arg[0], w, out);
        if (is == RATIONAL_YES) fmpq_neg(out, out);
        return is;
    case EXPR_PERCENT:
        is = raml_rational(e->arg[0], w, out);
        if (is == RATIONAL_YES) hundredth(out);
        return is;
    case EXPR_ADD:
    case EXPR_MUL: return fold(e, w, out);
    case EXPR_DIV:
    case EXPR_POW: return pair(e, w, out);
    case EXPR_CALL: return call(e, w, out);
    default: return RATIONAL_NO;
    }
}
