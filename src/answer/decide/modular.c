/* modular.c - see modular.h. */
#include "answer/decide/modular.h"

#include <flint/ulong_extras.h>

enum { MAX_FACTORIAL = 1000000 };
static const ulong MAX_MODULUS = UWORD(1000000000000);
static const ulong CAP = UWORD(1) << 62;

/* ---- sizes ---- */

static ulong capped_product(ulong a, ulong b)
{
    return a && b > CAP / a ? CAP : a * b;
}

/* min(e, CAP) of a whole number e >= 0. False: e is none, or not known to be one. */
static bool capped(const struct expr *e, struct work *w, ulong *out);

static bool capped_power(const struct expr *e, struct work *w, ulong *out)
{
    ulong b, n;
    if (!capped(e->arg[0], w, &b) || !capped(e->arg[1], w, &n)) return false;
    *out = 1;
    if (b <= 1) {
        *out = n ? b : 1;
        return true;
    }
    for (ulong i = 0; i < n && *out < CAP; i++) *out = capped_product(*out, b); /* at most 62 steps */
    return true;
}

static bool capped(const struct expr *e, struct work *w, ulong *out)
{
    ulong x;
    if (!raml_work_charge(w, 1)) return false;
    switch (e->kind) {
    case EXPR_NUMBER:
        if (e->scale) return false;
        *out = 0;
        for (uint32_t i = 0; i < e->n_text; i++) {
            *out = capped_product(*out, 10);
            *out = *out < CAP ? *out + (ulong)(e->text[i] - '0') : CAP;
        }
        return true;
    case EXPR_ADD:
    case EXPR_MUL:
        if (!capped(e->arg[0], w, out)) return false;
        for (uint32_t i = 1; i < e->n; i++) {
            if (!capped(e->arg[i], w, &x)) return false;
            if (e->kind == EXPR_MUL) *out = capped_product(*out, x);
            else *out = *out + x > CAP ? CAP : *out + x;
        }
        return true;
    case EXPR_POW: return capped_power(e, w, out);
    case EXPR_CALL:
        if (e->sub != FN_FACTORIAL || e->n != 1 || !capped(e->arg[0], w, &x)) return false;
        *out = 1;
        for (ulong i = 2; i <= x && *out < CAP; i++) *out = capped_product(*out, i); /* at most 21 steps */
        return true;
    default: return false;
    }
}

/* ---- remainders ---- */

static bool remainder_of(const struct expr *e, ulong m, struct work *w, ulong *out);

/* b^n mod m. Where n is beyond the cap: b^n = b^(n mod phi + phi) for n >= log2 m (Euler, any b). */
static bool remainder_of_power(const struct expr *e, ulong m, struct work *w, ulong *out)
{
    ulong b, n, low;
    if (!remainder_of(e->arg[0], m, w, &b) || !capped(e->arg[1], w, &n) || !raml_work_charge(w, 40)) return false;
    if (n == CAP) {
        ulong phi = n_euler_phi(m);
        if (!remainder_of(e->arg[1], phi, w, &low)) return false;
        n = low + phi;
        while (n < 64) n += phi;
    }
    *out = m == 1 ? 0 : n_powmod2(b, (slong)n, m);
    return true;
}

static bool remainder_of_factorial(const struct expr *e, ulong m, struct work *w, ulong *out)
{
    ulong n;
    if (!capped(e->arg[0], w, &n)) return false;
    *out = 0;
    if (n >= m) return true;
    if (n > MAX_FACTORIAL || !raml_work_charge(w, n / 20)) return false;
    *out = 1 % m;
    for (ulong i = 2; i <= n; i++) *out = n_mulmod2(*out, i, m);
    return true;
}

static bool remainder_of(const struct expr *e, ulong m, struct work *w, ulong *out)
{
    ulong x;
    if (!raml_work_charge(w, 1)) return false;
    switch (e->kind) {
    case EXPR_NUMBER:
        if (e->scale || !raml_work_charge(w, e->n_text / 20)) return false;
        *out = 0;
        for (uint32_t i = 0; i < e->n_text; i++)
            *out = n_addmod(n_mulmod2(*out, 10 % m, m), (ulong)(e->text[i] - '0') % m, m);
        return true;
    case EXPR_NEG:
        if (!remainder_of(e->arg[0], m, w, out)) return false;
        *out = n_negmod(*out, m);
        return true;
    case EXPR_ADD:
    case EXPR_MUL:
        if (!remainder_of(e->arg[0], m, w, out)) return false;
        for (uint32_t i = 1; i < e->n; i++) {
            if (!remainder_of(e->arg[i], m, w, &x)) return false;
            *out = e->kind == EXPR_MUL ? n_mulmod2(*out, x, m) : n_addmod(*out, x, m);
        }
        return true;
    case EXPR_POW: return remainder_of_power(e, m, w, out);
    case EXPR_CALL: return e->sub == FN_FACTORIAL && e->n == 1 && remainder_of_factorial(e, m, w, out);
    default: return false;
    }
}

bool raml_modular(const struct expr *e, const fmpz_t m, struct work *w, fmpz_t out)
{
    ulong r;
    if (fmpz_sgn(m) <= 0 || fmpz_cmp_ui(m, MAX_MODULUS) > 0) return false;
    if (!remainder_of(e, fmpz_get_ui(m), w, &r)) return false;
    fmpz_set_ui(out, r);
    return true;
}
