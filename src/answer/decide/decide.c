/* decide.c - see decide.h: which engine is used, and when. */
#include "answer/decide/decide.h"

#include "answer/decide/algebraic.h"
#include "answer/decide/ball.h"
#include "answer/decide/cyclotomic.h"
#include "answer/decide/flint.h"
#include "answer/decide/functions.h"
#include "answer/decide/guard.h"
#include "answer/decide/normal.h"
#include "answer/decide/rational.h"
#include "answer/decide/share.h"
#include "answer/decide/symbolic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char not_decided[] = "not decided: equal to many digits, or without a value";

/* +1, -1: e is plus or minus infinity. */
static int infinite(const struct expr *e)
{
    int sign = 1;
    for (; e->kind == EXPR_NEG; e = e->arg[0]) sign = -sign;
    return e->kind == EXPR_INFINITY ? sign : 0;
}

static bool holds(const struct expr *e, enum expr_kind kind)
{
    if (e->kind == kind) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (holds(e->arg[i], kind)) return true;
    return false;
}

static struct ball ball_of(slong prec, struct work *w)
{
    return (struct ball){.prec = prec, .is_int = raml_decide_small_int, .w = w};
}

static bool has_value(const struct expr *e, struct work *w)
{
    struct ball b = ball_of(64, w);
    acb_t x;
    acb_init(x);
    bool has = raml_ball(e, &b, x);
    acb_clear(x);
    return has;
}

static enum raml_verdict with_infinity(const struct expr *a, const struct expr *b, struct work *w)
{
    int x = infinite(a), y = infinite(b);
    if (x && y) return x == y ? RAML_EQUAL : RAML_DIFFERENT;
    const struct expr *other = x ? b : a;
    if ((!x && !y) || holds(other, EXPR_INFINITY) || raml_expr_has_symbol(other)) return RAML_UNKNOWN;
    return has_value(other, w) ? RAML_DIFFERENT : RAML_UNKNOWN;
}

enum meeting { NO_VALUE, MEET, APART, ONE_POINT };

/* Compares balls of some bits. ONE_POINT: both are exact, and the same. */
static enum meeting compare(const struct expr *a, const struct expr *b, slong prec, struct work *w)
{
    struct ball at = ball_of(prec, w);
    enum meeting m = NO_VALUE;
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    if (raml_ball(a, &at, x) && raml_ball(b, &at, y)) {
        if (!acb_overlaps(x, y)) m = APART;
        else m = acb_is_exact(x) && acb_is_exact(y) ? ONE_POINT : MEET;
    }
    acb_clear(y);
    acb_clear(x);
    return m;
}

static bool is_argument(const struct expr *e)
{
    return e->kind == EXPR_CALL && e->sub == FN_ARG && e->n == 1;
}

/* arg z = t, where balls of both meet (so they are no whole turn apart): z = |z| exp(it). */
static enum raml_verdict same_argument(const struct expr *arg, const struct expr *t, struct work *w)
{
    static const struct expr e = {.kind = EXPR_E, .text = ""}, i = {.kind = EXPR_I, .text = ""};
    const struct expr *it[2] = {&i, t}, *up[2], *size[1] = {arg->arg[0]}, *both[2];
    struct expr turn = {.kind = EXPR_MUL, .n = 2, .arg = it, .text = ""};
    struct expr power = {.kind = EXPR_POW, .n = 2, .arg = up, .text = ""};
    struct expr abs = {.kind = EXPR_CALL, .sub = FN_ABS, .n = 1, .arg = size, .text = ""};
    struct expr product = {.kind = EXPR_MUL, .n = 2, .arg = both, .text = ""};
    up[0] = &e;
    up[1] = &turn;
    both[0] = &abs;
    both[1] = &power;
    struct work part = raml_work_half(w);
    enum raml_verdict v = raml_algebraic_decide(arg->arg[0], &product, &part);
    raml_work_settle(w, &part);
    return v == RAML_EQUAL ? v : RAML_UNKNOWN;
}

/* Ways to prove that overlapping balls are one number. Each may use half of what is left: if all fail, balls of
 * more bits may still separate the numbers. That they differ is left to balls too: relying on the other ways for it
 * would be one more thing to trust (Calcium 0.4: arg(-2) is not pi). */
static enum raml_verdict exactly(const struct expr *a, const struct expr *b, struct work *w, const char **rule)
{
    struct work part = raml_work_half(w);
    struct normal_verdict n = raml_normal_decide(a, b, &part);
    enum raml_verdict v = n.assumed ? RAML_UNKNOWN : n.verdict;
    raml_work_settle(w, &part);
    *rule = "normal form of constants";
    if (v == RAML_EQUAL) return v;
    part = raml_work_half(w);
    v = raml_cyclotomic_decide(a, b, &part);
    raml_work_settle(w, &part);
    *rule = "cyclotomic numbers";
    if (v == RAML_EQUAL) return v;
    if (is_argument(a) || is_argument(b)) {
        v = is_argument(a) ? same_argument(a, b, w) : same_argument(b, a, w);
        *rule = "the argument of a complex number";
        if (v == RAML_EQUAL) return v;
    }
    part = raml_work_half(w);
    v = raml_algebraic_decide(a, b, &part);
    raml_work_settle(w, &part);
    *rule = "algebraic numbers";
    if (v == RAML_EQUAL) return v;
    part = raml_work_half(w);
    v = raml_symbolic_decide(a, b, &part);
    raml_work_settle(w, &part);
    *rule = "exact symbolic arithmetic";
    return v == RAML_EQUAL ? v : RAML_UNKNOWN;
}

static enum raml_verdict constants(const struct expr *a, const struct expr *b, struct work *w, const char **rule)
{
    static const struct {
        slong prec;
        const char *rule;
    } at[] = {{64, "balls of 64 bits"},   {128, "balls of 128 bits"},   {256, "balls of 256 bits"},
              {512, "balls of 512 bits"}, {1024, "balls of 1024 bits"}, {2048, "balls of 2048 bits"}};
    bool tried = false;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        enum meeting m = compare(a, b, at[i].prec, w);
        *rule = at[i].rule;
        if (m == APART) return RAML_DIFFERENT;
        if (m == ONE_POINT) return RAML_EQUAL;
        if (w->spent) break;
        if (m != MEET || tried || at[i].prec < 256) continue;
        tried = true;
        enum raml_verdict v = exactly(a, b, w, rule);
        if (v != RAML_UNKNOWN) return v;
    }
    *rule = w->spent ? "not decided: too much work" : not_decided;
    return RAML_UNKNOWN;
}

/* Both rational, or one without a value. False: continue. */
static bool rationals(const struct expr *a, const struct expr *b, struct work *w, enum raml_verdict *v,
                      const char **rule)
{
    fmpq_t x, y;
    fmpq_init(x);
    fmpq_init(y);
    enum rational ka = raml_rational(a, w, x), kb = ka == RATIONAL_NO ? RATIONAL_NO : raml_rational(b, w, y);
    bool done = true;
    if (ka == RATIONAL_NONE || kb == RATIONAL_NONE) {
        *v = RAML_UNKNOWN;
        *rule = "not decided: no value";
    } else if (ka == RATIONAL_YES && kb == RATIONAL_YES) {
        *v = fmpq_equal(x, y) ? RAML_EQUAL : RAML_DIFFERENT;
        *rule = "rational numbers";
    } else {
        done = false;
    }
    fmpq_clear(y);
    fmpq_clear(x);
    return done;
}

/* How many arguments a node of this kind takes; 0: one or more; -1: not a scalar. */
static int arity(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_NEG:
    case EXPR_PERCENT:
    case EXPR_DEGREE: return 1;
    case EXPR_DIV:
    case EXPR_POW: return 2;
    case EXPR_ADD:
    case EXPR_MUL: return 0;
    case EXPR_CALL: break;
    default: return e->kind <= EXPR_APPLY ? (int)e->n : -1;
    }
    switch (e->sub) {
    case FN_ROOT:
    case FN_LOG:
    case FN_BINOMIAL:
    case FN_PERMUTATIONS:
    case FN_MOD: return 2;
    case FN_GCD:
    case FN_LCM:
    case FN_MIN:
    case FN_MAX: return 0;
    default: return e->sub < EXPR_N_FNS ? 1 : -1;
    }
}

/* A scalar, and every node has the arguments that it needs. */
static bool is_scalar(const struct expr *e)
{
    int n = arity(e);
    bool needs_some = e->kind == EXPR_ADD || e->kind == EXPR_MUL || e->kind == EXPR_CALL;
    if (n < 0 || (needs_some && e->n == 0) || (n > 0 && e->n != (uint32_t)n)) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (!is_scalar(e->arg[i])) return false;
    return true;
}

static enum raml_verdict decide(const struct expr *a, const struct expr *b, struct work *w, const char **rule)
{
    enum raml_verdict v;
    *rule = "not decided: not numbers";
    if (!is_scalar(a) || !is_scalar(b)) return RAML_UNKNOWN;
    if (rationals(a, b, w, &v, rule)) return v;
    if (holds(a, EXPR_INFINITY) || holds(b, EXPR_INFINITY)) {
        v = with_infinity(a, b, w);
        *rule = v == RAML_UNKNOWN ? "not decided: infinity" : "infinity";
        return v;
    }
    if (raml_expr_has_symbol(a) || raml_expr_has_symbol(b)) return raml_functions_decide(a, b, w, rule);
    return constants(a, b, w, rule);
}

enum raml_verdict raml_decide(const struct expr *a, const struct expr *b, struct work *w, const char **rule)
{
    *rule = "same expression";
    enum raml_verdict v = raml_expr_same(a, b) ? RAML_EQUAL : decide(a, b, w, rule);
    return v;
}

/* The unit of the last digit of a decimal. */
static bool last_digit(const struct expr *e, struct work *w, fmpq_t unit)
{
    static const struct expr one = {.kind = EXPR_NUMBER, .text = "1", .n_text = 1};
    if (e->kind == EXPR_NEG) return last_digit(e->arg[0], w, unit);
    if (e->kind == EXPR_NUMBER) {
        struct expr u = one;
        u.scale = e->scale;
        return raml_rational(&u, w, unit) == RATIONAL_YES;
    }
    if ((e->kind != EXPR_MUL && e->kind != EXPR_DIV) || e->n != 2) return false;
    fmpq_t factor;
    fmpq_init(factor);
    bool ok =
        last_digit(e->arg[0], w, unit) && raml_rational(e->arg[1], w, factor) == RATIONAL_YES && !fmpq_is_zero(factor);
    if (ok && e->kind == EXPR_DIV) fmpq_inv(factor, factor);
    if (ok) fmpq_mul(unit, unit, factor);
    if (ok) fmpq_abs(unit, unit);
    fmpq_clear(factor);
    return ok;
}

/* Where is x, by balls: between lo and hi (EQUAL), outside, or unknown? */
static enum raml_verdict between(const struct expr *x, const fmpq_t lo, const fmpq_t hi, struct work *w)
{
    acb_t v;
    arb_t end;
    acb_init(v);
    arb_init(end);
    enum raml_verdict r = RAML_UNKNOWN;
    for (slong prec = 64; prec <= 512 && r == RAML_UNKNOWN; prec *= 2) {
        struct ball at = ball_of(prec, w);
        if (!raml_ball(x, &at, v)) continue;
        arb_ptr re = acb_realref(v);
        if (!arb_contains_zero(acb_imagref(v))) r = RAML_DIFFERENT;
        arb_set_fmpq(end, lo, prec);
        if (arb_lt(re, end)) r = RAML_DIFFERENT;
        bool above = arb_ge(re, end);
        arb_set_fmpq(end, hi, prec);
        if (arb_gt(re, end)) r = RAML_DIFFERENT;
        if (r == RAML_UNKNOWN && above && arb_le(re, end) && arb_is_zero(acb_imagref(v))) r = RAML_EQUAL;
    }
    arb_clear(end);
    acb_clear(v);
    return r;
}

/* Is x within `half` of d, the value of `decimal`? half: set by `width` from d. */
typedef bool width_fn(fmpq_t half, const fmpq_t d, const struct expr *decimal, struct work *w);

static enum raml_verdict close_to(const struct expr *x, const struct expr *decimal, width_fn *width, struct work *w)
{
    fmpq_t d, half, lo, hi, v;
    fmpq_init(d);
    fmpq_init(half);
    fmpq_init(lo);
    fmpq_init(hi);
    fmpq_init(v);
    enum raml_verdict r = RAML_UNKNOWN;
    enum rational is = RATIONAL_NONE;
    if (raml_rational(decimal, w, d) == RATIONAL_YES && width(half, d, decimal, w)) {
        fmpq_sub(lo, d, half);
        fmpq_add(hi, d, half);
        is = raml_rational(x, w, v);
    }
    if (is == RATIONAL_YES) r = fmpq_cmp(lo, v) <= 0 && fmpq_cmp(v, hi) <= 0 ? RAML_EQUAL : RAML_DIFFERENT;
    else if (is == RATIONAL_NO && is_scalar(x) && !raml_expr_has_symbol(x)) r = between(x, lo, hi, w);
    fmpq_clear(v);
    fmpq_clear(hi);
    fmpq_clear(lo);
    fmpq_clear(half);
    fmpq_clear(d);
    return r;
}

static bool half_digit(fmpq_t half, const fmpq_t d, const struct expr *decimal, struct work *w)
{
    (void)d;
    if (!last_digit(decimal, w, half)) return false;
    fmpq_div_2exp(half, half, 1);
    return true;
}

/* 2 units in the last of 53 bits. */
static bool two_last_bits(fmpq_t half, const fmpq_t d, const struct expr *decimal, struct work *w)
{
    (void)decimal, (void)w;
    if (fmpq_is_zero(d)) return false;
    slong bits = (slong)fmpz_bits(fmpq_numref(d)) - (slong)fmpz_bits(fmpq_denref(d));
    fmpq_t power, size;
    fmpq_init(power);
    fmpq_init(size);
    fmpq_abs(size, d);
    fmpq_one(power);
    if (bits >= 0) fmpq_mul_2exp(power, power, (ulong)bits);
    else fmpq_div_2exp(power, power, (ulong)-bits);
    if (fmpq_cmp(power, size) > 0) fmpq_div_2exp(power, power, 1); /* the largest power of 2 that is not above d */
    fmpq_div_2exp(half, power, 51);
    fmpq_clear(size);
    fmpq_clear(power);
    return true;
}

enum raml_verdict raml_decide_rounds_to(const struct expr *x, const struct expr *decimal, struct work *w)
{
    return close_to(x, decimal, half_digit, w);
}

enum raml_verdict raml_decide_is_double(const struct expr *x, const struct expr *decimal, struct work *w)
{
    return close_to(x, decimal, two_last_bits, w);
}

/* Is the ball within t of d? */
static bool ball_within(const arb_t x, const fmpq_t d, const fmpq_t t, slong prec)
{
    fmpq_t end;
    arb_t e;
    fmpq_init(end);
    arb_init(e);
    fmpq_sub(end, d, t);
    arb_set_fmpq(e, end, prec);
    bool in = fmpq_is_zero(t) ? true : arb_ge(x, e);
    fmpq_add(end, d, t);
    arb_set_fmpq(e, end, prec);
    in = in && (fmpq_is_zero(t) ? arb_equal(x, e) : arb_le(x, e));
    arb_clear(e);
    fmpq_clear(end);
    return in;
}

enum raml_verdict raml_decide_is_complex_double(const struct expr *x, const struct complex_double *d, struct work *w)
{
    fmpq_t v[2], t[2];
    enum raml_verdict r = RAML_UNKNOWN;
    for (int k = 0; k < 2; k++) {
        fmpq_init(v[k]);
        fmpq_init(t[k]);
    }
    bool ok = is_scalar(x) && !raml_expr_has_symbol(x) && raml_rational(d->part[0], w, v[0]) == RATIONAL_YES &&
              raml_rational(d->part[1], w, v[1]) == RATIONAL_YES;
    for (int k = 0; ok && k < 2; k++)
        if (!two_last_bits(t[k], v[k], NULL, w)) fmpq_zero(t[k]);
    for (int k = 0; ok && k < 2; k++) /* rounding takes the size of the number, not of its part */
        if (d->printed[k] && fmpq_cmp(t[k], t[1 - k]) < 0) fmpq_set(t[k], t[1 - k]);
    acb_t z;
    acb_init(z);
    for (slong prec = 128; ok && prec <= 512 && r == RAML_UNKNOWN; prec *= 2) {
        struct ball at = ball_of(prec, w);
        if (!raml_ball(x, &at, z)) continue;
        if (ball_within(acb_realref(z), v[0], t[0], prec) && ball_within(acb_imagref(z), v[1], t[1], prec))
            r = RAML_EQUAL;
    }
    acb_clear(z);
    for (int k = 0; k < 2; k++) {
        fmpq_clear(t[k]);
        fmpq_clear(v[k]);
    }
    return r;
}

/* By balls: 1, -1; 0: they overlap; 2: not real, or no value. */
static int compare_balls(const struct expr *a, const struct expr *b, slong prec, struct work *w)
{
    struct ball at = ball_of(prec, w);
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    int order = 2;
    if (raml_ball(a, &at, x) && raml_ball(b, &at, y) && arb_is_zero(acb_imagref(x)) && arb_is_zero(acb_imagref(y)))
        order = arb_gt(acb_realref(x), acb_realref(y)) ? 1 : arb_lt(acb_realref(x), acb_realref(y)) ? -1 : 0;
    acb_clear(y);
    acb_clear(x);
    return order;
}

bool raml_decide_order(const struct expr *a, const struct expr *b, struct work *w, int *order)
{
    fmpq_t x, y;
    int ia = infinite(a), ib = infinite(b);
    if (ia || ib) {
        *order = (ia > ib) - (ia < ib);
        return (ia && ib) || with_infinity(a, b, w) == RAML_DIFFERENT;
    }
    if (!is_scalar(a) || !is_scalar(b) || raml_expr_has_symbol(a) || raml_expr_has_symbol(b)) return false;
    fmpq_init(x);
    fmpq_init(y);
    bool known = raml_rational(a, w, x) == RATIONAL_YES && raml_rational(b, w, y) == RATIONAL_YES;
    if (known) {
        int c = fmpq_cmp(x, y);
        *order = (c > 0) - (c < 0);
    }
    fmpq_clear(y);
    fmpq_clear(x);
    for (slong prec = 64; prec <= 256 && !known; prec *= 2) {
        int c = compare_balls(a, b, prec, w);
        if (c == 1 || c == -1) *order = c, known = true;
    }
    const char *rule;
    if (known || raml_decide(a, b, w, &rule) != RAML_EQUAL || compare_balls(a, b, 128, w) != 0) return known;
    *order = 0;
    return true;
}

bool raml_decide_small_int(const struct expr *e, struct work *w, long *out)
{
    fmpq_t q;
    fmpz_t n;
    acb_t x;
    if (!is_scalar(e) || raml_expr_has_symbol(e)) return false;
    fmpq_init(q);
    enum rational is = raml_rational(e, w, q);
    bool ok = is == RATIONAL_YES && fmpz_is_one(fmpq_denref(q)) && fmpz_fits_si(fmpq_numref(q));
    if (ok) *out = fmpz_get_si(fmpq_numref(q));
    fmpq_clear(q);
    if (is != RATIONAL_NO) return ok;
    struct ball at = ball_of(128, w);
    fmpz_init(n);
    acb_init(x);
    ok = raml_ball(e, &at, x) && raml_ball_near_integer(x, &at, n);
    long v = ok ? fmpz_get_si(n) : 0;
    acb_clear(x);
    fmpz_clear(n);
    if (!ok) return false;
    char text[24];
    struct expr number = {.kind = EXPR_NUMBER, .text = text}, minus = {.kind = EXPR_NEG, .n = 1};
    const struct expr *arg[1] = {&number}, *rhs = v < 0 ? &minus : &number;
    minus.arg = arg;
    minus.text = "";
    number.n_text = (uint32_t)snprintf(text, sizeof text, "%ld", v < 0 ? -v : v);
    const char *rule;
    if (raml_decide(e, rhs, w, &rule) != RAML_EQUAL) return false;
    *out = v;
    return true;
}

void raml_answer_thread_end(void)
{
    if (!raml_guard_broken()) flint_cleanup();
}
