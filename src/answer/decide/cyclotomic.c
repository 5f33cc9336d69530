/* cyclotomic.c - see cyclotomic.h. */
#include "answer/decide/cyclotomic.h"

#include "answer/decide/algebraic.h"
#include "answer/decide/rational.h"

#include <flint/fmpq_poly.h>
#include <flint/fmpz_poly.h>
#include <flint/ulong_extras.h>

enum { MAX_ORDER = 2000, MAX_DEGREE = 100, MAX_ROOT = 1000 };

struct field {
    ulong order; /* N */
    slong degree;
    fmpq_poly_t modulus;
    struct work *w;
};

/* ---- the order that an expression needs ---- */

static bool widen(struct field *f, ulong n)
{
    f->order = f->order / n_gcd(f->order, n) * n;
    return f->order <= MAX_ORDER;
}

/* |x| without squares, as far as trial division by MAX_ROOT goes; 0: too large. */
static ulong square_free(const fmpz_t x)
{
    if (!fmpz_abs_fits_ui(x)) return 0;
    ulong n = fmpz_get_ui(x), out = 1; /* of the absolute value, below */
    if (fmpz_sgn(x) < 0) n = (ulong)-fmpz_get_si(x);
    for (ulong p = 2; p <= MAX_ROOT && p * p <= n; p++) {
        for (; n % (p * p) == 0; n /= p * p) {
        }
        if (n % p == 0) out *= p, n /= p;
    }
    return n <= MAX_ROOT && out <= MAX_ROOT ? out * n : 0;
}

/* The square root of a rational number: sqrt(a/b) = sqrt(ab)/b. False: e is no such root. */
static bool under_root(const struct expr *e, struct work *w, fmpq_t x)
{
    fmpq_t half;
    bool ok = false;
    if (e->kind == EXPR_CALL && e->sub == FN_SQRT) return raml_rational(e->arg[0], w, x) == RATIONAL_YES;
    if (e->kind != EXPR_POW) return false;
    fmpq_init(half);
    ok = raml_rational(e->arg[1], w, half) == RATIONAL_YES && fmpz_cmp_ui(fmpq_denref(half), 2) == 0 &&
         fmpz_is_one(fmpq_numref(half)) && raml_rational(e->arg[0], w, x) == RATIONAL_YES;
    fmpq_clear(half);
    return ok;
}

static bool widen_root(struct field *f, const fmpq_t x)
{
    fmpz_t ab;
    fmpz_init(ab);
    fmpz_mul(ab, fmpq_numref(x), fmpq_denref(x));
    ulong n = square_free(ab);
    bool ok = n != 0;
    fmpz_clear(ab);
    if (ok && n % 2 == 0) ok = widen(f, 8), n /= 2;
    return ok && widen(f, n);
}

static bool scan(struct field *f, const struct expr *e)
{
    fmpq_t q;
    bool ok = raml_work_charge(f->w, 1);
    fmpq_init(q);
    if (!ok || raml_rational(e, f->w, q) == RATIONAL_YES) {
    } else if (under_root(e, f->w, q)) {
        ok = widen_root(f, q);
    } else if (e->kind == EXPR_CALL && e->sub >= FN_SIN && e->sub <= FN_CSC) {
        ok = raml_algebraic_pi_multiple(e->arg[0], f->w, q) && fmpz_cmp_ui(fmpq_denref(q), MAX_ORDER) <= 0 &&
             widen(f, 2 * fmpz_get_ui(fmpq_denref(q)));
    } else if (e->kind == EXPR_ADD || e->kind == EXPR_MUL || e->kind == EXPR_DIV || e->kind == EXPR_NEG) {
        for (uint32_t i = 0; i < e->n && ok; i++) ok = scan(f, e->arg[i]);
    } else if (e->kind == EXPR_POW) {
        ok = raml_rational(e->arg[1], f->w, q) == RATIONAL_YES && fmpz_is_one(fmpq_denref(q)) &&
             fmpz_bits(fmpq_numref(q)) <= 5 && scan(f, e->arg[0]);
    } else {
        ok = e->kind == EXPR_I;
    }
    fmpq_clear(q);
    return ok;
}

/* ---- values ---- */

static bool value(struct field *f, const struct expr *e, fmpq_poly_t out);

/* out += c z^k */
static void add_power(struct field *f, fmpq_poly_t out, slong k, slong c)
{
    fmpq_poly_t t;
    slong n = (slong)f->order;
    k = (k % n + n) % n;
    fmpq_poly_init(t);
    fmpq_poly_set_coeff_si(t, k, c);
    fmpq_poly_rem(t, t, f->modulus);
    fmpq_poly_add(out, out, t);
    fmpq_poly_clear(t);
}

static bool mul(struct field *f, fmpq_poly_t out, const fmpq_poly_t a, const fmpq_poly_t b)
{
    uint64_t d = (uint64_t)f->degree;
    if (!raml_work_charge(f->w, 2 + d * d / 50)) return false;
    fmpq_poly_mul(out, a, b);
    fmpq_poly_rem(out, out, f->modulus);
    return true;
}

static bool divide(struct field *f, fmpq_poly_t out, const fmpq_poly_t a, const fmpq_poly_t b)
{
    fmpq_poly_t g, s, t;
    uint64_t d = (uint64_t)f->degree;
    if (fmpq_poly_is_zero(b) || !raml_work_charge(f->w, 10 + d * d * d / 20)) return false;
    fmpq_poly_init(g);
    fmpq_poly_init(s);
    fmpq_poly_init(t);
    fmpq_poly_xgcd(g, s, t, b, f->modulus); /* s b + t modulus = 1 */
    bool ok = fmpq_poly_is_one(g) && mul(f, out, a, s);
    fmpq_poly_clear(t);
    fmpq_poly_clear(s);
    fmpq_poly_clear(g);
    return ok;
}

/* The root of a prime p, p = 2 or odd, as a sum of powers of z. */
static void root_of_prime(struct field *f, ulong p, fmpq_poly_t out)
{
    slong n = (slong)f->order, step = n / (slong)p;
    fmpq_poly_zero(out);
    if (p == 2) {
        add_power(f, out, n / 8, 1);
        add_power(f, out, -n / 8, 1);
        return;
    }
    slong turn = p % 4 == 3 ? -n / 4 : 0; /* the Gauss sum is i sqrt p */
    for (ulong a = 1; a < p; a++) add_power(f, out, (slong)a * step + turn, n_jacobi((slong)a, p));
}

static bool root_value(struct field *f, const fmpq_t x, fmpq_poly_t out)
{
    fmpz_t ab, rest;
    fmpq_poly_t t;
    fmpq_t scale;
    fmpz_init(ab);
    fmpz_init(rest);
    fmpq_poly_init(t);
    fmpq_init(scale);
    fmpz_mul(ab, fmpq_numref(x), fmpq_denref(x));
    ulong n = square_free(ab);
    bool ok = n != 0;
    fmpz_divexact_ui(rest, ab, n ? n : 1);
    fmpz_abs(rest, rest);
    fmpz_sqrt(rest, rest);
    fmpq_set_fmpz_frac(scale, rest, fmpq_denref(x));
    fmpq_poly_one(out);
    for (ulong p = 2; ok && n > 1; p++) {
        if (n % p) continue;
        root_of_prime(f, p, t);
        ok = mul(f, out, out, t);
        n /= p;
    }
    if (ok && fmpz_sgn(ab) < 0) { /* i times the root of -x */
        fmpq_poly_zero(t);
        add_power(f, t, (slong)f->order / 4, 1);
        ok = mul(f, out, out, t);
    }
    fmpq_poly_scalar_mul_fmpq(out, out, scale);
    fmpq_clear(scale);
    fmpq_poly_clear(t);
    fmpz_clear(rest);
    fmpz_clear(ab);
    return ok;
}

/* Cosine and sine of pi q by (z^k + z^-k)/2 and (z^k - z^-k)/2i. */
static bool circular(struct field *f, enum expr_fn fn, const fmpq_t q, fmpq_poly_t out)
{
    slong n = (slong)f->order, b = fmpz_get_si(fmpq_denref(q)), a = (slong)fmpz_fdiv_ui(fmpq_numref(q), 2 * (ulong)b);
    slong k = n / (2 * b) * a;
    fmpq_poly_t c, s, one;
    fmpq_poly_init(c);
    fmpq_poly_init(s);
    fmpq_poly_init(one);
    fmpq_poly_one(one);
    add_power(f, c, k, 1);
    add_power(f, c, -k, 1);
    add_power(f, s, k - n / 4, 1);
    add_power(f, s, -k - n / 4, -1);
    fmpq_poly_scalar_div_si(c, c, 2);
    fmpq_poly_scalar_div_si(s, s, 2);
    bool ok = true;
    switch (fn) {
    case FN_SIN: fmpq_poly_set(out, s); break;
    case FN_COS: fmpq_poly_set(out, c); break;
    case FN_TAN: ok = divide(f, out, s, c); break;
    case FN_COT: ok = divide(f, out, c, s); break;
    case FN_SEC: ok = divide(f, out, one, c); break;
    default: ok = divide(f, out, one, s); break;
    }
    fmpq_poly_clear(one);
    fmpq_poly_clear(s);
    fmpq_poly_clear(c);
    return ok;
}

static bool fold(struct field *f, const struct expr *e, fmpq_poly_t out)
{
    fmpq_poly_t x;
    fmpq_poly_init(x);
    bool ok = value(f, e->arg[0], out);
    for (uint32_t i = 1; i < e->n && ok; i++) {
        ok = value(f, e->arg[i], x);
        if (!ok) break;
        if (e->kind == EXPR_ADD) fmpq_poly_add(out, out, x);
        else ok = e->kind == EXPR_MUL ? mul(f, out, out, x) : divide(f, out, out, x);
    }
    fmpq_poly_clear(x);
    return ok;
}

static bool power(struct field *f, const struct expr *e, const fmpq_t n, fmpq_poly_t out)
{
    fmpq_poly_t x, one;
    slong k = fmpz_get_si(fmpq_numref(n));
    fmpq_poly_init(x);
    fmpq_poly_init(one);
    fmpq_poly_one(one);
    bool ok = value(f, e->arg[0], x);
    fmpq_poly_one(out);
    for (slong i = 0; i < (k < 0 ? -k : k) && ok; i++) ok = mul(f, out, out, x);
    if (ok && k < 0) ok = divide(f, out, one, out);
    fmpq_poly_clear(one);
    fmpq_poly_clear(x);
    return ok;
}

static bool value(struct field *f, const struct expr *e, fmpq_poly_t out)
{
    fmpq_t q;
    bool ok = raml_work_charge(f->w, 1);
    fmpq_init(q);
    if (ok && raml_rational(e, f->w, q) == RATIONAL_YES) {
        fmpq_poly_set_fmpq(out, q);
    } else if (ok && under_root(e, f->w, q)) {
        ok = root_value(f, q, out);
    } else if (ok) {
        switch (e->kind) {
        case EXPR_I:
            fmpq_poly_zero(out);
            add_power(f, out, (slong)f->order / 4, 1);
            break;
        case EXPR_NEG:
            ok = value(f, e->arg[0], out);
            if (ok) fmpq_poly_neg(out, out);
            break;
        case EXPR_ADD:
        case EXPR_MUL:
        case EXPR_DIV: ok = fold(f, e, out); break;
        case EXPR_POW: ok = raml_rational(e->arg[1], f->w, q) == RATIONAL_YES && power(f, e, q, out); break;
        case EXPR_CALL:
            ok = raml_algebraic_pi_multiple(e->arg[0], f->w, q) && circular(f, (enum expr_fn)e->sub, q, out);
            break;
        default: ok = false; break;
        }
    }
    fmpq_clear(q);
    return ok;
}

enum raml_verdict raml_cyclotomic_decide(const struct expr *a, const struct expr *b, struct work *w)
{
    struct field f = {.order = 4, .w = w};
    fmpz_poly_t phi;
    fmpq_poly_t x, y;
    if (!scan(&f, a) || !scan(&f, b)) return RAML_UNKNOWN;
    f.degree = (slong)n_euler_phi(f.order);
    if (f.degree > MAX_DEGREE || !raml_work_charge(w, f.order)) return RAML_UNKNOWN;
    fmpz_poly_init(phi);
    fmpq_poly_init(f.modulus);
    fmpq_poly_init(x);
    fmpq_poly_init(y);
    fmpz_poly_cyclotomic(phi, f.order);
    fmpq_poly_set_fmpz_poly(f.modulus, phi);
    bool equal = value(&f, a, x) && value(&f, b, y) && fmpq_poly_equal(x, y);
    fmpq_poly_clear(y);
    fmpq_poly_clear(x);
    fmpq_poly_clear(f.modulus);
    fmpz_poly_clear(phi);
    return equal ? RAML_EQUAL : RAML_UNKNOWN;
}
