/* symbolic.c - see symbolic.h. */
#include "answer/decide/symbolic.h"

#include "answer/decide/flint.h"
#include "answer/decide/rational.h"

enum { MAX_NODES = 28, MAX_BITS = 40, MAX_POWER = 8, MAX_IRRATIONAL = 5, COST = 3000 };

static uint32_t count(const struct expr *e, uint32_t *irrational)
{
    uint32_t n = 1;
    if (e->kind == EXPR_CALL || e->kind == EXPR_E || e->kind == EXPR_PI) ++*irrational;
    for (uint32_t i = 0; i < e->n; i++) n += count(e->arg[i], irrational);
    return n;
}

static bool symbolic(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx);

static bool fold(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    ca_t x;
    ca_init(x, ctx);
    bool ok = symbolic(e->arg[0], w, out, ctx);
    for (uint32_t i = 1; i < e->n && ok; i++) {
        ok = symbolic(e->arg[i], w, x, ctx);
        if (!ok) break;
        if (e->kind == EXPR_ADD) ca_add(out, out, x, ctx);
        else if (e->kind == EXPR_MUL) ca_mul(out, out, x, ctx);
        else ca_div(out, out, x, ctx);
    }
    ca_clear(x, ctx);
    return ok;
}

/* Negative bases have real roots here, and principal ones there. */
static bool is_positive(const ca_t x, ca_ctx_t ctx)
{
    ca_t zero;
    ca_init(zero, ctx);
    bool yes = ca_check_is_real(x, ctx) == T_TRUE && ca_check_gt(x, zero, ctx) == T_TRUE;
    ca_clear(zero, ctx);
    return yes;
}

static bool raised(const fmpq_t y, ca_t out, ca_ctx_t ctx)
{
    bool whole = fmpz_is_one(fmpq_denref(y));
    if (fmpz_cmp_si(fmpq_numref(y), MAX_POWER) > 0 || fmpz_cmp_si(fmpq_numref(y), -MAX_POWER) < 0) return false;
    if (fmpz_cmp_si(fmpq_denref(y), MAX_POWER) > 0 || (!whole && !is_positive(out, ctx))) return false;
    ca_pow_fmpq(out, out, y, ctx);
    return true;
}

static bool power(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    fmpq_t y;
    fmpq_init(y);
    bool ok = true;
    if (raml_rational(e->arg[1], w, y) == RATIONAL_YES) {
        ok = symbolic(e->arg[0], w, out, ctx) && raised(y, out, ctx);
    } else if (e->arg[0]->kind == EXPR_E) {
        ok = symbolic(e->arg[1], w, out, ctx);
        if (ok) ca_exp(out, out, ctx);
    } else {
        ca_t x;
        ca_init(x, ctx);
        ok = symbolic(e->arg[0], w, x, ctx) && symbolic(e->arg[1], w, out, ctx); /* principal */
        if (ok) ca_log(x, x, ctx);
        if (ok) ca_mul(out, out, x, ctx);
        if (ok) ca_exp(out, out, ctx);
        ca_clear(x, ctx);
    }
    fmpq_clear(y);
    return ok;
}

static bool circular(enum expr_fn fn, ca_t x, ca_ctx_t ctx)
{
    ca_t s, c;
    ca_init(s, ctx);
    ca_init(c, ctx);
    ca_sin_cos(s, c, x, ctx);
    switch (fn) {
    case FN_SIN: ca_set(x, s, ctx); break;
    case FN_COS: ca_set(x, c, ctx); break;
    case FN_TAN: ca_div(x, s, c, ctx); break;
    case FN_COT: ca_div(x, c, s, ctx); break;
    case FN_SEC: ca_inv(x, c, ctx); break;
    default: ca_inv(x, s, ctx); break;
    }
    ca_clear(c, ctx);
    ca_clear(s, ctx);
    return true;
}

static bool root(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    fmpq_t n;
    fmpq_init(n);
    fmpq_set_si(n, 2, 1);
    bool ok = e->n == 1 || raml_rational(e->arg[1], w, n) == RATIONAL_YES;
    ok = ok && fmpz_is_one(fmpq_denref(n)) && fmpq_sgn(n) > 0;
    if (ok) fmpq_inv(n, n);
    ok = ok && raised(n, out, ctx);
    fmpq_clear(n);
    return ok;
}

static bool quotient_of_logs(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    ca_t base;
    ca_init(base, ctx);
    bool ok = symbolic(e->arg[1], w, base, ctx);
    if (ok) {
        ca_log(out, out, ctx);
        ca_log(base, base, ctx);
        ca_div(out, out, base, ctx);
    }
    ca_clear(base, ctx);
    return ok;
}

static bool call(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    enum expr_fn fn = (enum expr_fn)e->sub;
    if (!symbolic(e->arg[0], w, out, ctx)) return false;
    if (fn >= FN_SIN && fn <= FN_CSC) return circular(fn, out, ctx);
    switch (fn) {
    case FN_SQRT:
    case FN_ROOT: return root(e, w, out, ctx);
    case FN_EXP: ca_exp(out, out, ctx); return true;
    case FN_LN: ca_log(out, out, ctx); return true;
    case FN_LOG: return e->n == 2 && quotient_of_logs(e, w, out, ctx);
    case FN_ASIN: ca_asin(out, out, ctx); return true;
    case FN_ACOS: ca_acos(out, out, ctx); return true;
    case FN_ATAN: ca_atan(out, out, ctx); return true;
    case FN_ABS: ca_abs(out, out, ctx); return true;
    case FN_RE: ca_re(out, out, ctx); return true;
    case FN_IM: ca_im(out, out, ctx); return true;
    case FN_CONJ: ca_conj(out, out, ctx); return true;
    default: return false;
    }
}

static bool scaled(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    if (!symbolic(e->arg[0], w, out, ctx)) return false;
    ca_t unit;
    ca_init(unit, ctx);
    ca_one(unit, ctx);
    if (e->kind == EXPR_DEGREE) ca_pi(unit, ctx);
    ca_div_ui(unit, unit, e->kind == EXPR_DEGREE ? 180 : 100, ctx);
    ca_mul(out, out, unit, ctx);
    ca_clear(unit, ctx);
    return true;
}

static bool symbolic(const struct expr *e, struct work *w, ca_t out, ca_ctx_t ctx)
{
    fmpq_t q;
    fmpq_init(q);
    bool rational = raml_rational(e, w, q) == RATIONAL_YES, ok = rational && fmpq_height_bits(q) <= MAX_BITS;
    if (ok) ca_set_fmpq(out, q, ctx);
    fmpq_clear(q);
    if (rational) return ok;
    switch (e->kind) {
    case EXPR_PI: ca_pi(out, ctx); return true;
    case EXPR_E:
        ca_one(out, ctx);
        ca_exp(out, out, ctx);
        return true;
    case EXPR_I: ca_i(out, ctx); return true;
    case EXPR_PERCENT:
    case EXPR_DEGREE: return scaled(e, w, out, ctx);
    case EXPR_NEG:
        ok = symbolic(e->arg[0], w, out, ctx);
        if (ok) ca_neg(out, out, ctx);
        return ok;
    case EXPR_ADD:
    case EXPR_MUL:
    case EXPR_DIV: return fold(e, w, out, ctx);
    case EXPR_POW: return power(e, w, out, ctx);
    case EXPR_CALL: return call(e, w, out, ctx);
    default: return false;
    }
}

static void set_limits(ca_ctx_t ctx)
{
    ca_ctx_set_option(ctx, CA_OPT_PREC_LIMIT, 512);
    ca_ctx_set_option(ctx, CA_OPT_QQBAR_DEG_LIMIT, 12);
    ca_ctx_set_option(ctx, CA_OPT_LLL_PREC, 128);
    ca_ctx_set_option(ctx, CA_OPT_POW_LIMIT, MAX_POWER);
    ca_ctx_set_option(ctx, CA_OPT_USE_GROEBNER, 0);
    ca_ctx_set_option(ctx, CA_OPT_VIETA_LIMIT, 4);
}

enum raml_verdict raml_symbolic_decide(const struct expr *a, const struct expr *b, struct work *w)
{
    uint32_t irrational = 0, n = count(a, &irrational) + count(b, &irrational);
    if (n > MAX_NODES || irrational > MAX_IRRATIONAL || !raml_work_charge(w, COST)) return RAML_UNKNOWN;
    ca_ctx_t ctx;
    ca_t x, y;
    ca_ctx_init(ctx);
    set_limits(ctx);
    ca_init(x, ctx);
    ca_init(y, ctx);
    truth_t equal = T_UNKNOWN;
    if (symbolic(a, w, x, ctx) && symbolic(b, w, y, ctx) && !ca_is_special(x, ctx) && !ca_is_special(y, ctx))
        equal = ca_check_equal(x, y, ctx);
    ca_clear(y, ctx);
    ca_clear(x, ctx);
    ca_ctx_clear(ctx);
    return equal == T_TRUE ? RAML_EQUAL : equal == T_FALSE ? RAML_DIFFERENT : RAML_UNKNOWN;
}
