/* rational_fn.c - functions of rational numbers whose values are rational (rational.h). */
#include "answer/decide/rational.h"

#include <math.h>

typedef enum rational (*function)(fmpq *arg, uint32_t n, struct work *w, fmpq_t out);

static bool is_integer(const fmpq_t x)
{
    return fmpz_is_one(fmpq_denref(x));
}

static bool all_integers(const fmpq *arg, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!is_integer(&arg[i])) return false;
    return true;
}

static void set_integer(fmpq_t out, fmpz_t x) /* takes over the value of x */
{
    fmpz_swap(fmpq_numref(out), x);
    fmpz_one(fmpq_denref(out));
}

/* May an integer of about that many bits be made? A product tree costs about as much as a gcd. */
static bool may_make(double bits, struct work *w)
{
    return bits <= RATIONAL_MAX_BITS && raml_work_charge(w, raml_rational_cost((uint64_t)bits) + (uint64_t)bits / 500);
}

static enum rational root(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    fmpz_t two;
    fmpz_init_set_ui(two, 2);
    enum rational is = RATIONAL_NO;
    if (n == 1) is = raml_rational_root(&arg[0], two, w, out);
    else if (is_integer(&arg[1])) is = raml_rational_root(&arg[0], fmpq_numref(&arg[1]), w, out);
    fmpz_clear(two);
    return is;
}

static enum rational log_of_one(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)w;
    if (fmpq_is_zero(&arg[0])) return RATIONAL_NONE;
    if (n > 1 && (fmpq_sgn(&arg[1]) <= 0 || fmpq_is_one(&arg[1]))) return RATIONAL_NONE;
    if (!fmpq_is_one(&arg[0])) return RATIONAL_NO;
    fmpq_zero(out);
    return RATIONAL_YES;
}

static enum rational zero_at_zero(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    if (!fmpq_is_zero(&arg[0])) return RATIONAL_NO;
    fmpq_zero(out);
    return RATIONAL_YES;
}

static enum rational one_at_zero(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    if (!fmpq_is_zero(&arg[0])) return RATIONAL_NO;
    fmpq_one(out);
    return RATIONAL_YES;
}

static enum rational none_at_zero(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w, (void)out;
    return fmpq_is_zero(&arg[0]) ? RATIONAL_NONE : RATIONAL_NO;
}

static enum rational absolute(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    fmpq_abs(out, &arg[0]);
    return RATIONAL_YES;
}

static enum rational same(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    fmpq_swap(out, &arg[0]);
    return RATIONAL_YES;
}

static enum rational imaginary_part(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)arg, (void)n, (void)w;
    fmpq_zero(out);
    return RATIONAL_YES;
}

static enum rational argument(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    if (fmpq_is_zero(&arg[0])) return RATIONAL_NONE;
    if (fmpq_sgn(&arg[0]) < 0) return RATIONAL_NO; /* pi */
    fmpq_zero(out);
    return RATIONAL_YES;
}

static enum rational sign(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    fmpq_set_si(out, fmpq_sgn(&arg[0]), 1);
    return RATIONAL_YES;
}

static enum rational floor_of(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    fmpz_t q;
    fmpz_init(q);
    fmpz_fdiv_q(q, fmpq_numref(&arg[0]), fmpq_denref(&arg[0]));
    set_integer(out, q);
    fmpz_clear(q);
    return RATIONAL_YES;
}

static enum rational ceil_of(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n, (void)w;
    fmpz_t q;
    fmpz_init(q);
    fmpz_cdiv_q(q, fmpq_numref(&arg[0]), fmpq_denref(&arg[0]));
    set_integer(out, q);
    fmpz_clear(q);
    return RATIONAL_YES;
}

/* n! or n!!; step 1 or 2. Their bits: n/step * log2(n/e), a little more. */
static enum rational product_down(const fmpq_t x, double step, struct work *w, fmpq_t out)
{
    if (!is_integer(x)) return RATIONAL_NO;
    if (fmpq_sgn(x) < 0) return step > 1 && fmpq_cmp_si(x, -1) == 0 ? (fmpq_one(out), RATIONAL_YES) : RATIONAL_NONE;
    if (fmpz_cmp_ui(fmpq_numref(x), RATIONAL_MAX_BITS) > 0) return RATIONAL_NO;
    ulong k = fmpz_get_ui(fmpq_numref(x));
    double d = (double)k;
    if (!may_make(k < 3 ? 2 : d / step * log2(d / 2.0) + 16, w)) return RATIONAL_NO;
    fmpz_t f;
    fmpz_init(f);
    if (step > 1) {
        fmpz_one(f);
        for (ulong i = k; i > 1; i -= 2) fmpz_mul_ui(f, f, i); /* at most some 30000 short steps */
    } else {
        fmpz_fac_ui(f, k);
    }
    set_integer(out, f);
    fmpz_clear(f);
    return RATIONAL_YES;
}

static enum rational factorial(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n;
    return product_down(&arg[0], 1, w, out);
}

static enum rational factorial2(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)n;
    uint64_t steps = fmpz_cmp_ui(fmpq_numref(&arg[0]), RATIONAL_MAX_BITS) < 0 && fmpq_sgn(&arg[0]) > 0
                         ? fmpz_get_ui(fmpq_numref(&arg[0]))
                         : 0;
    if (!raml_work_charge(w, steps * steps / 500000)) return RATIONAL_NO;
    return product_down(&arg[0], 2, w, out);
}

/* n (n-1) ... (n-k+1), over k! when `over`, for 0 <= k <= n. */
static enum rational falling(fmpz_t n, ulong k, bool over, struct work *w, fmpq_t out)
{
    double bits = (double)k * (double)fmpz_bits(n);
    if (over && k) {
        double ratio = fmpz_get_d(n) / (double)k; /* C(n, k) <= (e n / k)^k */
        double tight = (double)k * (log2(ratio) + 1.5) + 8;
        if (tight < bits) bits = tight;
    }
    if (!may_make(bits, w) || !raml_work_charge(w, k / 8)) return RATIONAL_NO;
    fmpz_t f, from;
    fmpz_init(f);
    fmpz_init(from);
    if (over && fmpz_abs_fits_ui(n)) {
        fmpz_bin_uiui(f, fmpz_get_ui(n), k);
    } else {
        fmpz_sub_ui(from, n, k);
        fmpz_add_ui(from, from, 1);
        fmpz_rfac_ui(f, from, k);
        if (over) fmpz_fac_ui(from, k);
        if (over) fmpz_divexact(f, f, from);
    }
    set_integer(out, f);
    fmpz_clear(from);
    fmpz_clear(f);
    return RATIONAL_YES;
}

static enum rational choose(fmpq *arg, uint32_t n_arg, bool over, struct work *w, fmpq_t out)
{
    if (n_arg != 2 || !all_integers(arg, 2) || fmpq_sgn(&arg[0]) < 0) return RATIONAL_NO;
    fmpz *n = fmpq_numref(&arg[0]), *k = fmpq_numref(&arg[1]);
    if (fmpz_sgn(k) < 0 || fmpz_cmp(k, n) > 0) {
        fmpq_zero(out);
        return RATIONAL_YES;
    }
    fmpz_t rest;
    fmpz_init(rest);
    fmpz_sub(rest, n, k);
    if (over && fmpz_cmp(rest, k) < 0) fmpz_swap(rest, k);
    fmpz_clear(rest);
    if (fmpz_cmp_ui(k, RATIONAL_MAX_BITS) > 0) return RATIONAL_NO;
    return falling(n, fmpz_get_ui(k), over, w, out);
}

static enum rational binomial(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    return choose(arg, n, true, w, out);
}

static enum rational permutations(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    return choose(arg, n, false, w, out);
}

static enum rational gcd_or_lcm(fmpq *arg, uint32_t n, bool gcd, struct work *w, fmpq_t out)
{
    if (!all_integers(arg, n)) return RATIONAL_NO;
    fmpz_t g;
    fmpz_init(g);
    fmpz_abs(g, fmpq_numref(&arg[0]));
    enum rational is = RATIONAL_YES;
    for (uint32_t i = 1; i < n && is == RATIONAL_YES; i++) {
        if (!may_make((double)fmpz_bits(g) + (double)fmpz_bits(fmpq_numref(&arg[i])), w)) is = RATIONAL_NO;
        else if (gcd) fmpz_gcd(g, g, fmpq_numref(&arg[i]));
        else fmpz_lcm(g, g, fmpq_numref(&arg[i]));
    }
    if (is == RATIONAL_YES) set_integer(out, g);
    fmpz_clear(g);
    return is;
}

static enum rational gcd(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    return gcd_or_lcm(arg, n, true, w, out);
}

static enum rational lcm(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    return gcd_or_lcm(arg, n, false, w, out);
}

static enum rational least(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)w;
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++)
        if (fmpq_cmp(&arg[i], &arg[at]) < 0) at = i;
    fmpq_swap(out, &arg[at]);
    return RATIONAL_YES;
}

static enum rational greatest(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    (void)w;
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++)
        if (fmpq_cmp(&arg[i], &arg[at]) > 0) at = i;
    fmpq_swap(out, &arg[at]);
    return RATIONAL_YES;
}

static enum rational modulo(fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    if (n != 2) return RATIONAL_NO;
    if (fmpq_is_zero(&arg[1])) return RATIONAL_NONE;
    if (fmpq_sgn(&arg[1]) < 0) return RATIONAL_NO;
    if (!may_make((double)fmpq_height_bits(&arg[0]) * 2 + (double)fmpq_height_bits(&arg[1]) * 2, w)) return RATIONAL_NO;
    fmpq_t q;
    fmpz_t f;
    fmpq_init(q);
    fmpz_init(f);
    fmpq_div(q, &arg[0], &arg[1]);
    fmpz_fdiv_q(f, fmpq_numref(q), fmpq_denref(q));
    fmpq_mul_fmpz(q, &arg[1], f);
    fmpq_sub(out, &arg[0], q);
    fmpz_clear(f);
    fmpq_clear(q);
    return RATIONAL_YES;
}

enum rational raml_rational_call(enum expr_fn fn, fmpq *arg, uint32_t n, struct work *w, fmpq_t out)
{
    /* clang-format off */
    static const function table[EXPR_N_FNS] = {
        [FN_SQRT] = root, [FN_ROOT] = root, [FN_EXP] = one_at_zero, [FN_LN] = log_of_one, [FN_LOG] = log_of_one,
        [FN_SIN] = zero_at_zero, [FN_COS] = one_at_zero, [FN_TAN] = zero_at_zero, [FN_COT] = none_at_zero,
        [FN_SEC] = one_at_zero, [FN_CSC] = none_at_zero, [FN_ASIN] = zero_at_zero, [FN_ATAN] = zero_at_zero,
        [FN_ASEC] = none_at_zero, [FN_ACSC] = none_at_zero, [FN_SINH] = zero_at_zero, [FN_COSH] = one_at_zero,
        [FN_TANH] = zero_at_zero, [FN_COTH] = none_at_zero, [FN_SECH] = one_at_zero, [FN_CSCH] = none_at_zero,
        [FN_ASINH] = zero_at_zero, [FN_ATANH] = zero_at_zero, [FN_ABS] = absolute, [FN_FLOOR] = floor_of,
        [FN_CEIL] = ceil_of, [FN_SIGN] = sign, [FN_FACTORIAL] = factorial, [FN_FACTORIAL2] = factorial2,
        [FN_BINOMIAL] = binomial, [FN_PERMUTATIONS] = permutations, [FN_GCD] = gcd, [FN_LCM] = lcm,
        [FN_MIN] = least, [FN_MAX] = greatest, [FN_MOD] = modulo, [FN_RE] = same, [FN_IM] = imaginary_part,
        [FN_CONJ] = same, [FN_ARG] = argument};
    /* clang-format on */
    return fn < EXPR_N_FNS && table[fn] && n ? table[fn](arg, n, w, out) : RATIONAL_NO;
}
