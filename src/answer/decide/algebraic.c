/* algebraic.c - see algebraic.h. */
#include "answer/decide/algebraic.h"

#include "answer/decide/rational.h"

#include <flint/ulong_extras.h>

enum { MAX_BITS = 3000, MAX_POWER = 64, MAX_TRIG_DENOMINATOR = 120, MAX_FLOOR_BITS = 1000 };

/* Is e = q * pi for a rational q? */
static bool pi_multiple(const struct expr *e, struct work *w, fmpq_t q);

static bool pi_times(const struct expr *e, struct work *w, fmpq_t q)
{
    fmpq_t x;
    bool ok = true, found = false;
    fmpq_init(x);
    fmpq_one(q);
    for (uint32_t i = 0; i < e->n && ok; i++) {
        ok = raml_rational(e->arg[i], w, x) == RATIONAL_YES;
        if (!ok && !found) ok = found = pi_multiple(e->arg[i], w, x);
        if (ok) fmpq_mul(q, q, x);
        ok = ok && fmpq_height_bits(q) <= MAX_BITS;
    }
    fmpq_clear(x);
    return ok && found;
}

static bool pi_sum(const struct expr *e, struct work *w, fmpq_t q)
{
    fmpq_t x;
    bool ok = true;
    fmpq_init(x);
    fmpq_zero(q);
    for (uint32_t i = 0; i < e->n && ok; i++) {
        ok = pi_multiple(e->arg[i], w, x);
        if (ok) fmpq_add(q, q, x);
        ok = ok && fmpq_height_bits(q) <= MAX_BITS;
    }
    fmpq_clear(x);
    return ok;
}

static bool pi_over(const struct expr *e, struct work *w, fmpq_t q)
{
    fmpq_t x;
    fmpq_init(x);
    bool ok = raml_rational(e->arg[1], w, x) == RATIONAL_YES && !fmpq_is_zero(x) && pi_multiple(e->arg[0], w, q);
    if (ok) fmpq_div(q, q, x);
    fmpq_clear(x);
    return ok;
}

static bool degrees(const struct expr *e, struct work *w, fmpq_t q)
{
    fmpq_t x;
    fmpq_init(x);
    fmpq_set_si(x, 1, 180);
    bool ok = raml_rational(e->arg[0], w, q) == RATIONAL_YES;
    if (ok) fmpq_mul(q, q, x);
    fmpq_clear(x);
    return ok;
}

bool raml_algebraic_pi_multiple(const struct expr *e, struct work *w, fmpq_t q)
{
    return pi_multiple(e, w, q);
}

static bool pi_multiple(const struct expr *e, struct work *w, fmpq_t q)
{
    bool ok;
    switch (e->kind) {
    case EXPR_PI: fmpq_one(q); return true;
    case EXPR_DEGREE: return degrees(e, w, q);
    case EXPR_NEG:
        ok = pi_multiple(e->arg[0], w, q);
        fmpq_neg(q, q);
        return ok;
    case EXPR_DIV: return pi_over(e, w, q);
    case EXPR_ADD: return pi_sum(e, w, q);
    case EXPR_MUL: return pi_times(e, w, q);
    default: return raml_rational(e, w, q) == RATIONAL_YES && fmpq_is_zero(q);
    }
}

static bool algebraic(const struct expr *e, struct work *w, qqbar_t out);

static bool in_bounds(const qqbar_t x)
{
    return qqbar_degree(x) <= ALGEBRAIC_MAX_DEGREE && qqbar_height_bits(x) <= MAX_BITS;
}

/* Charges an operation whose result has at most this degree, from heights of that many bits. */
static bool may(slong degree, slong bits, struct work *w)
{
    if (degree > ALGEBRAIC_MAX_DEGREE || bits > MAX_BITS) return false;
    uint64_t d = (uint64_t)degree, h = (uint64_t)bits;
    return raml_work_charge(w, 10 + d * d * d / 16 + d * d * h / 250);
}

static bool binary(int op, qqbar_t x, const qqbar_t y, struct work *w)
{
    slong dx = qqbar_degree(x), dy = qqbar_degree(y);
    if (op == '/' && qqbar_is_zero(y)) return false;
    if (!may(dx * dy, qqbar_height_bits(x) * dy + qqbar_height_bits(y) * dx, w)) return false;
    if (op == '+') qqbar_add(x, x, y);
    else if (op == '*') qqbar_mul(x, x, y);
    else qqbar_div(x, x, y);
    return in_bounds(x);
}

static bool fold(const struct expr *e, struct work *w, qqbar_t out)
{
    qqbar_t x;
    qqbar_init(x);
    int op = e->kind == EXPR_ADD ? '+' : e->kind == EXPR_MUL ? '*' : '/';
    bool ok = algebraic(e->arg[0], w, out);
    for (uint32_t i = 1; i < e->n && ok; i++) ok = algebraic(e->arg[i], w, x) && binary(op, out, x, w);
    qqbar_clear(x);
    return ok;
}

static bool root(qqbar_t x, slong n, struct work *w)
{
    if (n < 1 || n > ALGEBRAIC_MAX_DEGREE || !may(qqbar_degree(x) * n, qqbar_height_bits(x), w)) return false;
    bool minus = n % 2 && qqbar_is_real(x) && qqbar_sgn_re(x) < 0;
    if (minus) qqbar_neg(x, x);
    qqbar_root_ui(x, x, (ulong)n);
    if (minus) qqbar_neg(x, x);
    return in_bounds(x);
}

static bool power(qqbar_t x, const fmpq_t y, struct work *w)
{
    if (fmpz_cmp_si(fmpq_denref(y), ALGEBRAIC_MAX_DEGREE) > 0) return false;
    if (fmpz_cmp_si(fmpq_numref(y), MAX_POWER) > 0 || fmpz_cmp_si(fmpq_numref(y), -MAX_POWER) < 0) return false;
    slong p = fmpz_get_si(fmpq_numref(y));
    if (p < 0 && qqbar_is_zero(x)) return false;
    if (!root(x, fmpz_get_si(fmpq_denref(y)), w)) return false;
    if (!may(qqbar_degree(x), qqbar_height_bits(x) * (p < 0 ? -p : p), w)) return false;
    if (p >= 0) {
        qqbar_pow_ui(x, x, (ulong)p);
    } else {
        qqbar_inv(x, x);
        qqbar_pow_ui(x, x, (ulong)-p);
    }
    return in_bounds(x);
}

/* Is e = i pi q? The factors i and pi come in any order, in numerator or denominator, at any depth. */
static bool imaginary_multiple(const struct expr *e, struct work *w, fmpq_t q)
{
    fmpq_t x;
    bool ok = false;
    if (e->kind == EXPR_NEG) {
        ok = imaginary_multiple(e->arg[0], w, q);
        fmpq_neg(q, q);
        return ok;
    }
    if (e->kind != EXPR_MUL && e->kind != EXPR_DIV) return false;
    fmpq_init(x);
    fmpq_one(q);
    if (e->kind == EXPR_DIV) {
        ok = imaginary_multiple(e->arg[0], w, q) && raml_rational(e->arg[1], w, x) == RATIONAL_YES && !fmpq_is_zero(x);
        if (ok) fmpq_div(q, q, x);
    } else {
        bool has_i = false, has_pi = false;
        ok = true;
        for (uint32_t i = 0; ok && i < e->n; i++) {
            if (e->arg[i]->kind == EXPR_I && !has_i) {
                has_i = true;
                continue;
            }
            ok = raml_rational(e->arg[i], w, x) == RATIONAL_YES;
            if (!ok && !has_pi) ok = has_pi = pi_multiple(e->arg[i], w, x);
            if (!ok && !has_i && !has_pi) ok = has_i = has_pi = imaginary_multiple(e->arg[i], w, x);
            if (ok) fmpq_mul(q, q, x);
            ok = ok && fmpq_height_bits(q) <= MAX_BITS;
        }
        ok = ok && has_i && has_pi;
    }
    fmpq_clear(x);
    return ok;
}

/* exp(e) for e = i pi q. */
static bool turn(const struct expr *e, struct work *w, qqbar_t out)
{
    fmpq_t q;
    fmpq_init(q);
    bool ok = imaginary_multiple(e, w, q) && fmpz_cmp_si(fmpq_denref(q), 30) <= 0 && fmpz_bits(fmpq_numref(q)) < 60;
    ok = ok && may(fmpz_get_si(fmpq_denref(q)), 2, w);
    if (ok) qqbar_exp_pi_i(out, fmpz_get_si(fmpq_numref(q)), fmpz_get_ui(fmpq_denref(q)));
    fmpq_clear(q);
    return ok && in_bounds(out);
}

static bool circular(enum expr_fn fn, const struct expr *angle, struct work *w, qqbar_t out)
{
    fmpq_t q;
    fmpq_init(q);
    bool ok = pi_multiple(angle, w, q) && fmpz_cmp_si(fmpq_denref(q), MAX_TRIG_DENOMINATOR) <= 0;
    if (ok) { /* sine and cosine of a fraction with this denominator have half of phi(2n) or less as their degree */
        ulong n = 2 * fmpz_get_ui(fmpq_denref(q));
        ok = may((slong)n_euler_phi(n), 8, w);
        slong p = (slong)fmpz_fdiv_ui(fmpq_numref(q), n);
        n /= 2;
        if (ok && fn == FN_SIN) qqbar_sin_pi(out, p, n);
        else if (ok && fn == FN_COS) qqbar_cos_pi(out, p, n);
        else if (ok && fn == FN_TAN) ok = qqbar_tan_pi(out, p, n);
        else if (ok && fn == FN_COT) ok = qqbar_cot_pi(out, p, n);
        else if (ok && fn == FN_SEC) ok = qqbar_sec_pi(out, p, n);
        else if (ok) ok = qqbar_csc_pi(out, p, n);
    }
    fmpq_clear(q);
    return ok && in_bounds(out);
}

static bool part(enum expr_fn fn, qqbar_t x, struct work *w)
{
    bool real = qqbar_is_real(x);
    slong d = qqbar_degree(x);
    if (!real && !may(d * d, qqbar_height_bits(x) * 2 * d, w)) return false;
    switch (fn) {
    case FN_ABS: qqbar_abs(x, x); break;
    case FN_RE: qqbar_re(x, x); break;
    case FN_IM: qqbar_im(x, x); break;
    case FN_CONJ: qqbar_conj(x, x); break;
    case FN_SIGN:
        if (!real) return false;
        qqbar_set_si(x, qqbar_sgn_re(x));
        break;
    default: return false;
    }
    return in_bounds(x);
}

static bool rounded(enum expr_fn fn, qqbar_t x)
{
    if (!qqbar_is_real(x) || qqbar_height_bits(x) > MAX_FLOOR_BITS) return false;
    fmpz_t f;
    fmpz_init(f);
    if (fn == FN_FLOOR) qqbar_floor(f, x);
    else qqbar_ceil(f, x);
    qqbar_set_fmpz(x, f);
    fmpz_clear(f);
    return true;
}

static bool call(const struct expr *e, struct work *w, qqbar_t out)
{
    enum expr_fn fn = (enum expr_fn)e->sub;
    if (fn >= FN_SIN && fn <= FN_CSC) return circular(fn, e->arg[0], w, out);
    if (fn == FN_EXP) return turn(e->arg[0], w, out);
    if (fn != FN_SQRT && fn != FN_ROOT && fn != FN_ABS && fn != FN_FLOOR && fn != FN_CEIL && fn != FN_SIGN &&
        (fn < FN_RE || fn > FN_CONJ))
        return false;
    if (!algebraic(e->arg[0], w, out)) return false;
    if (fn == FN_SQRT) return root(out, 2, w);
    if (fn == FN_FLOOR || fn == FN_CEIL) return rounded(fn, out);
    if (fn != FN_ROOT) return part(fn, out, w);
    fmpq_t n;
    fmpq_init(n);
    bool ok = e->n == 2 && raml_rational(e->arg[1], w, n) == RATIONAL_YES && fmpz_is_one(fmpq_denref(n)) &&
              fmpz_cmp_si(fmpq_numref(n), ALGEBRAIC_MAX_DEGREE) <= 0 && root(out, fmpz_get_si(fmpq_numref(n)), w);
    fmpq_clear(n);
    return ok;
}

static bool algebraic(const struct expr *e, struct work *w, qqbar_t out)
{
    fmpq_t q;
    fmpq_init(q);
    bool ok = raml_rational(e, w, q) == RATIONAL_YES;
    if (ok) {
        ok = fmpq_height_bits(q) <= MAX_BITS;
        if (ok) qqbar_set_fmpq(out, q);
        fmpq_clear(q);
        return ok;
    }
    switch (e->kind) {
    case EXPR_I:
        qqbar_i(out);
        ok = true;
        break;
    case EXPR_NEG:
        ok = algebraic(e->arg[0], w, out);
        if (ok) qqbar_neg(out, out);
        break;
    case EXPR_ADD:
    case EXPR_MUL:
    case EXPR_DIV: ok = fold(e, w, out); break;
    case EXPR_POW:
        if (e->arg[0]->kind == EXPR_E) ok = turn(e->arg[1], w, out);
        else ok = raml_rational(e->arg[1], w, q) == RATIONAL_YES && algebraic(e->arg[0], w, out) && power(out, q, w);
        break;
    case EXPR_CALL: ok = call(e, w, out); break;
    default: break;
    }
    fmpq_clear(q);
    return ok;
}

enum raml_verdict raml_algebraic_decide(const struct expr *a, const struct expr *b, struct work *w)
{
    qqbar_t x, y;
    qqbar_init(x);
    qqbar_init(y);
    enum raml_verdict v = RAML_UNKNOWN;
    if (algebraic(a, w, x) && algebraic(b, w, y)) v = qqbar_equal(x, y) ? RAML_EQUAL : RAML_DIFFERENT;
    qqbar_clear(y);
    qqbar_clear(x);
    return v;
}
