/* ball.c - see ball.h. Functions are in ball_fn.c. */
#include "answer/decide/ball.h"

#include "answer/decide/rational.h"

#include <string.h>

enum { MAX_ARGUMENTS = 16, MAX_EXPONENT_BITS = 128 };
#define MAX_LOG2 (WORD(1) << 60)

static bool arb_within(const arb_t x, slong log2)
{
    mag_t m;
    mag_init(m);
    arb_get_mag(m, x);
    bool ok = mag_cmp_2exp_si(m, log2) <= 0;
    mag_clear(m);
    return ok;
}

bool raml_ball_within(const acb_t x, slong log2)
{
    return arb_within(acb_realref(x), log2) && arb_within(acb_imagref(x), log2);
}

bool raml_ball_near_integer(const acb_t x, const struct ball *b, fmpz_t out)
{
    if (!arb_contains_zero(acb_imagref(x)) || !raml_ball_within(x, 61)) return false;
    arb_t t;
    arf_t half;
    arb_init(t);
    arf_init(half);
    arf_set_d(half, 0.5);
    arf_add(half, arb_midref(acb_realref(x)), half, b->prec, ARF_RND_DOWN);
    arf_floor(half, half);
    arf_get_fmpz(out, half, ARF_RND_DOWN);
    arb_sub_fmpz(t, acb_realref(x), out, b->prec);
    bool ok = arb_contains_zero(t) && mag_cmp_2exp_si(arb_radref(acb_realref(x)), -2) < 0;
    arf_clear(half);
    arb_clear(t);
    return ok;
}

static bool usable(const acb_t x, const struct ball *b)
{
    if (!acb_is_finite(x) || !raml_ball_within(x, MAX_LOG2)) return false;
    return !b->real || arb_is_zero(acb_imagref(x));
}

/* The n-th root of a positive number. */
static void positive_root(arb_t out, const arb_t x, const fmpz_t n, slong prec)
{
    if (fmpz_cmp_ui(n, 64) <= 0) {
        arb_root_ui(out, x, fmpz_get_ui(n), prec);
    } else {
        arb_log(out, x, prec);
        arb_div_fmpz(out, out, n, prec);
        arb_exp(out, out, prec);
    }
}

bool raml_ball_root(acb_t out, const acb_t x, const fmpz_t n, const struct ball *b)
{
    if (acb_is_zero(x)) {
        acb_zero(out);
        return true;
    }
    bool real = arb_is_zero(acb_imagref(x));
    if (real && (arb_is_positive(acb_realref(x)) || (fmpz_is_odd(n) && arb_is_negative(acb_realref(x))))) {
        bool minus = arb_is_negative(acb_realref(x));
        acb_set(out, x);
        if (minus) acb_neg(out, out);
        positive_root(acb_realref(out), acb_realref(out), n, b->prec);
        if (minus) acb_neg(out, out);
        return true;
    }
    if (b->real || !fmpz_is_even(n) || acb_contains_zero(x)) {
        if (fmpz_cmp_ui(n, 2) != 0 || b->real) return false;
    }
    if (fmpz_cmp_ui(n, 2) == 0) {
        acb_sqrt(out, x, b->prec);
        return true;
    }
    acb_log(out, x, b->prec);
    acb_div_fmpz(out, out, n, b->prec);
    acb_exp(out, out, b->prec);
    return true;
}

static bool integer_power(acb_t out, const acb_t x, const fmpz_t n, const struct ball *b)
{
    if (fmpz_is_zero(n)) {
        acb_one(out);
        return true;
    }
    if (fmpz_bits(n) > MAX_EXPONENT_BITS) return false;
    if (fmpz_sgn(n) < 0 && acb_contains_zero(x)) return false;
    if (fmpz_bits(n) > 30) { /* intermediate results must stay within bounds, too */
        mag_t m;
        mag_init(m);
        acb_get_mag(m, x);
        bool ok = mag_cmp_2exp_si(m, 64) <= 0;
        acb_get_mag_lower(m, x);
        ok = ok && mag_cmp_2exp_si(m, -64) >= 0;
        mag_clear(m);
        if (!ok) return false;
    }
    if (arb_is_zero(acb_imagref(x))) {
        arb_pow_fmpz(acb_realref(out), acb_realref(x), n, b->prec);
        arb_zero(acb_imagref(out));
    } else {
        acb_pow_fmpz(out, x, n, b->prec);
    }
    return true;
}

static bool rational_power(acb_t out, const acb_t x, const fmpq_t y, const struct ball *b)
{
    if (fmpz_is_one(fmpq_denref(y))) return integer_power(out, x, fmpq_numref(y), b);
    if (fmpz_bits(fmpq_denref(y)) > MAX_EXPONENT_BITS) return false;
    if (acb_is_zero(x)) {
        acb_zero(out);
        return fmpq_sgn(y) > 0;
    }
    bool real = arb_is_zero(acb_imagref(x));
    if (fmpz_is_odd(fmpq_denref(y)) && !real) { /* principal: exp(y log x) */
        if (acb_contains_zero(x)) return false;
        acb_log(out, x, b->prec);
        acb_mul_fmpz(out, out, fmpq_numref(y), b->prec);
        acb_div_fmpz(out, out, fmpq_denref(y), b->prec);
        if (!raml_ball_within(out, 40)) return false;
        acb_exp(out, out, b->prec);
        return true;
    }
    acb_t root;
    acb_init(root);
    bool ok = raml_ball_root(root, x, fmpq_denref(y), b) && integer_power(out, root, fmpq_numref(y), b);
    acb_clear(root);
    return ok;
}

static bool general_power(acb_t out, const acb_t x, const acb_t y, const struct ball *b)
{
    if (acb_is_zero(x)) {
        acb_zero(out);
        return arb_is_positive(acb_realref(y));
    }
    if (acb_contains_zero(x) || (b->real && !arb_is_positive(acb_realref(x)))) return false;
    acb_log(out, x, b->prec);
    acb_mul(out, out, y, b->prec);
    if (!acb_is_finite(out) || !raml_ball_within(out, 40)) return false;
    acb_exp(out, out, b->prec);
    return true;
}

/* A point's coordinate, or a constant, when e is exactly that. */
static bool exact_value(const struct expr *e, const struct ball *b, fmpq_t out)
{
    if (e->kind == EXPR_SYMBOL && b->point) {
        for (uint32_t i = 0; i < b->point->n; i++)
            if (raml_expr_same(e, b->point->symbol[i])) {
                fmpq_set(out, &b->point->value[i]);
                return true;
            }
        return false;
    }
    return raml_rational(e, b->w, out) == RATIONAL_YES;
}

/* Is the ball exactly one number with few bits? Then as a fraction. */
static bool exact_ball(const acb_t x, fmpq_t out)
{
    const arf_struct *mid = arb_midref(acb_realref(x));
    if (!arb_is_zero(acb_imagref(x)) || !arb_is_exact(acb_realref(x)) || !arf_is_finite(mid)) return false;
    if (arf_cmpabs_2exp_si(mid, 4096) > 0 || (!arf_is_zero(mid) && arf_cmpabs_2exp_si(mid, -4096) < 0)) return false;
    arf_get_fmpq(out, mid);
    return true;
}

static bool power(const struct expr *e, const struct ball *b, acb_t out)
{
    acb_t x, y;
    fmpq_t q;
    acb_init(x);
    acb_init(y);
    fmpq_init(q);
    bool ok = raml_ball(e->arg[0], b, x);
    if (ok && exact_value(e->arg[1], b, q)) {
        ok = rational_power(out, x, q, b);
    } else if (ok) {
        ok = raml_ball(e->arg[1], b, y);
        if (ok && exact_ball(y, q)) ok = rational_power(out, x, q, b);
        else if (ok) ok = general_power(out, x, y, b);
    }
    fmpq_clear(q);
    acb_clear(y);
    acb_clear(x);
    return ok;
}

static bool fold(const struct expr *e, const struct ball *b, acb_t out)
{
    acb_t x;
    acb_init(x);
    bool ok = raml_ball(e->arg[0], b, out);
    for (uint32_t i = 1; i < e->n && ok; i++) {
        ok = raml_ball(e->arg[i], b, x);
        if (!ok) break;
        if (e->kind == EXPR_ADD) acb_add(out, out, x, b->prec);
        else acb_mul(out, out, x, b->prec);
        ok = usable(out, b);
    }
    acb_clear(x);
    return ok;
}

static bool quotient(const struct expr *e, const struct ball *b, acb_t out)
{
    acb_t x;
    acb_init(x);
    bool ok = raml_ball(e->arg[0], b, out) && raml_ball(e->arg[1], b, x) && !acb_contains_zero(x);
    if (ok) acb_div(out, out, x, b->prec);
    acb_clear(x);
    return ok;
}

/* floor(log(8, 2)): balls never show on which side of 3 the argument is; that it is 3 must be proved. */
static bool whole(const struct expr *e, const struct ball *b, acb_t out)
{
    long v;
    if ((e->sub != FN_FLOOR && e->sub != FN_CEIL) || b->prec < 128 || b->point || b->w->spent) return false;
    if (!b->is_int || !raml_work_charge(b->w, 100) || !b->is_int(e->arg[0], b->w, &v)) return false;
    acb_set_si(out, v);
    return true;
}

static bool call(const struct expr *e, const struct ball *b, acb_t out)
{
    if (!e->n || e->n > MAX_ARGUMENTS) return false;
    acb_struct arg[MAX_ARGUMENTS];
    bool ok = raml_work_charge(b->w, 2 + (uint64_t)b->prec / 64);
    for (uint32_t i = 0; i < e->n; i++) acb_init(&arg[i]);
    for (uint32_t i = 0; i < e->n && ok; i++) ok = raml_ball(e->arg[i], b, &arg[i]);
    ok = ok && (raml_ball_call((enum expr_fn)e->sub, arg, e->n, b, out) || whole(e, b, out));
    for (uint32_t i = 0; i < e->n; i++) acb_clear(&arg[i]);
    return ok;
}

static bool exact(const struct expr *e, const struct ball *b, acb_t out)
{
    fmpq_t q;
    fmpq_init(q);
    bool ok = exact_value(e, b, q);
    if (ok) acb_set_fmpq(out, q, b->prec);
    fmpq_clear(q);
    return ok;
}

static bool scaled(const struct expr *e, const struct ball *b, acb_t out)
{
    if (!raml_ball(e->arg[0], b, out)) return false;
    if (e->kind == EXPR_PERCENT) {
        acb_div_ui(out, out, 100, b->prec);
        return true;
    }
    arb_t pi;
    arb_init(pi);
    arb_const_pi(pi, b->prec);
    acb_mul_arb(out, out, pi, b->prec);
    acb_div_ui(out, out, 180, b->prec);
    arb_clear(pi);
    return true;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

/* An unknown function gets a value made from its name and its arguments, rounded to 2^-30: two balls that contain the
 * same argument, and each round to a single number, round to the same. */
static bool made_up(const struct expr *e, const struct ball *b, acb_t out)
{
    uint64_t h = hash(UINT64_C(14695981039346656037), e->text, e->n_text);
    fmpz_t n;
    arb_t half;
    bool ok = b->point != NULL;
    fmpz_init(n);
    arb_init(half);
    for (uint32_t i = 0; i < e->n && ok; i++) {
        ok = raml_ball(e->arg[i], b, out) && arb_is_zero(acb_imagref(out)) && raml_ball_within(out, 30);
        if (!ok) break;
        arb_mul_2exp_si(acb_realref(out), acb_realref(out), 30);
        arb_set_d(half, 0.5);
        arb_add(acb_realref(out), acb_realref(out), half, b->prec + 64);
        arb_floor(acb_realref(out), acb_realref(out), b->prec + 64);
        ok = arb_is_exact(acb_realref(out)) && arb_get_unique_fmpz(n, acb_realref(out));
        int64_t v = ok ? fmpz_get_si(n) : 0;
        h = hash(h, &v, sizeof v);
    }
    arb_clear(half);
    fmpz_clear(n);
    acb_set_si(out, (slong)(h >> 44));
    acb_div_si(out, out, 1 << 19, b->prec); /* in [0, 2) */
    return ok;
}

bool raml_ball(const struct expr *e, const struct ball *b, acb_t out)
{
    bool ok = raml_work_charge(b->w, 1 + (uint64_t)b->prec / 2048);
    if (!ok) return false;
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_SYMBOL: ok = exact(e, b, out); break;
    case EXPR_PI: acb_const_pi(out, b->prec); break;
    case EXPR_E:
        arb_const_e(acb_realref(out), b->prec);
        arb_zero(acb_imagref(out));
        break;
    case EXPR_I: acb_onei(out); break;
    case EXPR_NEG:
        ok = raml_ball(e->arg[0], b, out);
        if (ok) acb_neg(out, out);
        break;
    case EXPR_ADD:
    case EXPR_MUL: ok = fold(e, b, out); break;
    case EXPR_DIV: ok = quotient(e, b, out); break;
    case EXPR_POW: ok = raml_work_charge(b->w, 1 + (uint64_t)b->prec / 64) && power(e, b, out); break;
    case EXPR_CALL: ok = call(e, b, out); break;
    case EXPR_APPLY: ok = made_up(e, b, out); break;
    case EXPR_PERCENT:
    case EXPR_DEGREE: ok = scaled(e, b, out); break;
    default: return false;
    }
    return ok && usable(out, b);
}
