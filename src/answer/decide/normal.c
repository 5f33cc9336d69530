/* normal.c - see normal.h: from expressions to quotients, and what their difference shows. */
#include "answer/decide/normal.h"

#include "answer/decide/normal_fn.h"
#include "answer/decide/radical.h"
#include "answer/decide/rational.h"

#include <flint/ulong_extras.h>
#include <string.h>

enum { MAX_ROOT = 60, MAX_DENOMINATOR = 120, MAX_NUMBER_BITS = 4000, MAX_VARIABLES = 16, MAX_ARGUMENTS = 16 };

struct scan { /* what a ring must provide for */
    const struct expr *variable[MAX_VARIABLES];
    slong n_variables, n_special, L, D;
    bool failed;
};

/* The least common multiple of a >= 1 and |b|; a where that is 0 or above the limit. */
static slong common(slong a, const fmpz_t b, slong limit)
{
    if (fmpz_is_zero(b) || fmpz_cmp_si(b, limit) > 0 || fmpz_cmp_si(b, -limit) < 0) return a;
    slong d = fmpz_get_si(b);
    if (d < 0) d = -d;
    slong g = (slong)n_gcd((ulong)a, (ulong)d);
    return a / g * d <= limit ? a / g * d : a;
}

static void scan(const struct expr *e, slong roots, struct work *w, struct scan *s);

/* Denominators of numbers in exponents (roots too) and angles. */
static void scan_fractions(const struct expr *e, bool roots, struct work *w, struct scan *s)
{
    fmpq_t q;
    fmpq_init(q);
    bool rational = raml_rational(e, w, q) == RATIONAL_YES;
    if (rational && roots) s->L = common(s->L, fmpq_denref(q), MAX_ROOT);
    if (rational) s->D = common(s->D, fmpq_denref(q), MAX_DENOMINATOR);
    if (!rational && e->kind == EXPR_DIV && raml_rational(e->arg[1], w, q) == RATIONAL_YES && !fmpq_is_zero(q)) {
        if (roots) s->L = common(s->L, fmpq_numref(q), MAX_ROOT);
        fmpz_abs(fmpq_numref(q), fmpq_numref(q));
        s->D = common(s->D, fmpq_numref(q), MAX_DENOMINATOR);
    }
    fmpq_clear(q);
    for (uint32_t i = 0; i < e->n && !rational; i++) scan_fractions(e->arg[i], roots, w, s);
}

static void scan_root(const struct expr *e, slong roots, const fmpz_t index, struct work *w, struct scan *s)
{
    fmpz_t all;
    fmpz_init(all);
    fmpz_mul_si(all, index, roots);
    s->n_special++;
    if (fmpz_cmp_si(all, MAX_ROOT) <= 0 && fmpz_sgn(all) > 0) {
        s->L = common(s->L, all, MAX_ROOT);
        roots = fmpz_get_si(all);
    }
    fmpz_clear(all);
    scan(e, roots, w, s);
}

static void scan_power(const struct expr *e, slong roots, struct work *w, struct scan *s)
{
    fmpq_t q;
    fmpq_init(q);
    if (raml_rational(e->arg[1], w, q) == RATIONAL_YES) {
        if (fmpz_is_one(fmpq_denref(q))) scan(e->arg[0], roots, w, s);
        else scan_root(e->arg[0], roots, fmpq_denref(q), w, s);
    } else {
        s->n_special += 2;
        scan(e->arg[0], roots, w, s);
        scan(e->arg[1], roots, w, s);
        scan_fractions(e->arg[1], e->arg[0]->kind != EXPR_E, w, s);
    }
    fmpq_clear(q);
}

static void scan_call(const struct expr *e, slong roots, struct work *w, struct scan *s)
{
    fmpq_t q;
    fmpq_init(q);
    fmpq_set_si(q, 2, 1);
    if (e->sub == FN_SQRT) {
        scan_root(e->arg[0], roots, fmpq_numref(q), w, s);
    } else if (e->sub == FN_ROOT && e->n == 2 && raml_rational(e->arg[1], w, q) == RATIONAL_YES &&
               fmpz_is_one(fmpq_denref(q))) {
        scan_root(e->arg[0], roots, fmpq_numref(q), w, s);
    } else {
        s->n_special++;
        for (uint32_t i = 0; i < e->n; i++) scan(e->arg[i], roots, w, s);
        bool fractions = e->sub == FN_EXP || (e->sub >= FN_SIN && e->sub <= FN_CSCH);
        fmpz_set_ui(fmpq_numref(q), 2);
        if (fractions) scan_fractions(e->arg[0], false, w, s);
        if (fractions || (e->sub >= FN_ASIN && e->sub <= FN_ATANH)) s->L = common(s->L, fmpq_numref(q), MAX_ROOT);
    }
    fmpq_clear(q);
}

static void scan(const struct expr *e, slong roots, struct work *w, struct scan *s)
{
    slong i = 0;
    if (!raml_work_charge(w, 1)) s->failed = true;
    if (s->failed) return;
    switch (e->kind) {
    case EXPR_SYMBOL:
        while (i < s->n_variables && !raml_expr_same(s->variable[i], e)) i++;
        if (i < s->n_variables) return;
        if (i == MAX_VARIABLES) s->failed = true;
        else s->variable[s->n_variables++] = e;
        return;
    case EXPR_POW: scan_power(e, roots, w, s); return;
    case EXPR_CALL:
        if (e->n) scan_call(e, roots, w, s);
        return;
    case EXPR_PI:
    case EXPR_E:
    case EXPR_I:
    case EXPR_DEGREE:
    case EXPR_APPLY: s->n_special++; break;
    default: break;
    }
    for (uint32_t k = 0; k < e->n; k++) scan(e->arg[k], roots, w, s);
}

static bool convert(struct ring *r, const struct expr *e, struct ratio *out);

static bool convert_sum(struct ring *r, const struct expr *e, struct ratio *out)
{
    struct ratio x;
    raml_ratio_init(r, &x);
    bool ok = convert(r, e->arg[0], out);
    for (uint32_t i = 1; i < e->n && ok; i++) {
        ok = convert(r, e->arg[i], &x);
        if (!ok) break;
        if (e->kind == EXPR_ADD) ok = raml_ratio_add(r, out, out, &x);
        else if (e->kind == EXPR_MUL) ok = raml_ratio_mul(r, out, out, &x);
        else ok = raml_ratio_div(r, out, out, &x);
    }
    raml_ratio_clear(r, &x);
    return ok;
}

static bool convert_number(struct ring *r, const struct expr *e, struct ratio *out)
{
    fmpq_t q;
    fmpq_init(q);
    bool ok = raml_rational(e, r->w, q) == RATIONAL_YES && fmpq_height_bits(q) <= MAX_NUMBER_BITS;
    if (ok) raml_ratio_set_fmpq(r, out, q);
    fmpq_clear(q);
    return ok;
}

static bool convert_power(struct ring *r, const struct expr *e, struct ratio *out)
{
    struct ratio x;
    fmpq_t q;
    fmpq_init(q);
    raml_ratio_init(r, &x);
    bool ok;
    if (raml_rational(e->arg[1], r->w, q) == RATIONAL_YES)
        ok = convert(r, e->arg[0], &x) && raml_radical_power(r, &x, q, out);
    else if (e->arg[0]->kind == EXPR_E) ok = convert(r, e->arg[1], &x) && raml_radical_exp(r, &x, out);
    else ok = convert(r, e->arg[1], &x) && convert(r, e->arg[0], out) && raml_normal_power(r, out, &x, out);
    raml_ratio_clear(r, &x);
    fmpq_clear(q);
    return ok;
}

static bool convert_call(struct ring *r, const struct expr *e, struct ratio *out)
{
    if (e->n > MAX_ARGUMENTS) return false;
    struct ratio arg[MAX_ARGUMENTS];
    bool ok = true;
    for (uint32_t i = 0; i < e->n; i++) raml_ratio_init(r, &arg[i]);
    for (uint32_t i = 0; i < e->n && ok; i++) ok = convert(r, e->arg[i], &arg[i]);
    if (ok && e->kind == EXPR_APPLY)
        ok = raml_ring_gen_power(r, raml_ring_gen(r, GEN_APPLY, 0, e->text, e->n_text, arg, e->n), 1, out);
    else if (ok) ok = convert_number(r, e, out) || raml_normal_call(r, (enum expr_fn)e->sub, arg, e->n, out);
    for (uint32_t i = 0; i < e->n; i++) raml_ratio_clear(r, &arg[i]);
    return ok;
}

static bool convert_scaled(struct ring *r, const struct expr *e, struct ratio *out)
{
    struct ratio pi;
    fmpq_t q;
    raml_ratio_init(r, &pi);
    fmpq_init(q);
    fmpq_set_si(q, 1, e->kind == EXPR_PERCENT ? 100 : 180);
    bool ok = convert(r, e->arg[0], out) && raml_ratio_mul_fmpq(r, out, q);
    if (e->kind == EXPR_DEGREE) ok = ok && raml_ring_pi(r, &pi) && raml_ratio_mul(r, out, out, &pi);
    fmpq_clear(q);
    raml_ratio_clear(r, &pi);
    return ok;
}

static bool convert(struct ring *r, const struct expr *e, struct ratio *out)
{
    struct ratio one;
    bool ok;
    if (!raml_work_charge(r->w, 1)) return false;
    switch (e->kind) {
    case EXPR_NUMBER: return convert_number(r, e, out);
    case EXPR_SYMBOL:
        return raml_ring_gen_power(r, raml_ring_gen(r, GEN_VARIABLE, 0, e->text, e->n_text, NULL, 0), 1, out);
    case EXPR_PI: return raml_ring_pi(r, out);
    case EXPR_I: return raml_ring_imaginary_unit(r, out);
    case EXPR_E:
        raml_ratio_init(r, &one);
        raml_ratio_set_si(r, &one, 1);
        ok = raml_radical_exp(r, &one, out);
        raml_ratio_clear(r, &one);
        return ok;
    case EXPR_NEG:
        ok = convert(r, e->arg[0], out);
        if (ok) raml_ratio_neg(r, out);
        return ok;
    case EXPR_ADD:
    case EXPR_MUL:
    case EXPR_DIV: return convert_sum(r, e, out);
    case EXPR_POW: return convert_power(r, e, out);
    case EXPR_CALL:
    case EXPR_APPLY: return convert_call(r, e, out);
    case EXPR_PERCENT:
    case EXPR_DEGREE: return convert_scaled(r, e, out);
    default: return false;
    }
}

struct attempt {
    const struct expr *a, *b;
    bool positive;
    bool root_first[MAX_VARIABLES]; /* these variables are replaced by their roots from the start */
};

/* Variables in order, so that an index is the same in every attempt. */
static bool make_variables(struct ring *r, const struct scan *s, const struct attempt *t)
{
    struct ratio x;
    bool ok = true;
    for (slong i = 0; i < s->n_variables && ok; i++)
        ok = raml_ring_gen(r, GEN_VARIABLE, 0, s->variable[i]->text, s->variable[i]->n_text, NULL, 0) == i;
    raml_ratio_init(r, &x);
    for (slong i = 0; i < s->n_variables && ok; i++) {
        if (!t->root_first[i]) continue;
        fmpz_mpoly_gen(x.num, i, r->ctx);
        ok = raml_ring_gen(r, GEN_ROOT, 0, "", 0, &x, 1) >= 0;
        if (r->L % 2 == 0) r->assumed = true;
        r->roots = true;
    }
    raml_ratio_clear(r, &x);
    return ok;
}

static const char *rule_of(const struct ring *r, slong n_variables)
{
    bool positive = r->assumed || r->positive;
    if (r->trig) return positive ? "trigonometric normal form, for positive variables" : "trigonometric normal form";
    if (positive) return "normal form with roots and logarithms, for positive variables";
    if (r->roots) return "normal form with roots and logarithms";
    if (n_variables < r->n_gens) return "normal form";
    return r->quotients ? "rational functions" : "polynomial normal form";
}

/* One attempt. True: another, with what was learned put into *t, may do better. */
static bool attempt(const struct scan *s, struct attempt *t, struct work *w, struct normal_verdict *v)
{
    struct ring r;
    struct ratio x, y;
    slong size = s->n_special ? s->n_variables + 12 + 3 * s->n_special : s->n_variables + (s->n_variables == 0);
    raml_ring_init(&r, size, s->L, s->D, w);
    r.positive = t->positive;
    raml_ratio_init(&r, &x);
    raml_ratio_init(&r, &y);
    bool ok = make_variables(&r, s, t) && convert(&r, t->a, &x) && convert(&r, t->b, &y);
    bool equal = ok && raml_ratio_equal(&r, &x, &y), again = false;
    v->independent = ok && r.n_gens <= s->n_variables && !w->spent;
    v->verdict = equal ? RAML_EQUAL : v->independent ? RAML_DIFFERENT : RAML_UNKNOWN;
    v->assumed = r.assumed || r.positive;
    v->rule = equal || v->independent ? rule_of(&r, s->n_variables) : "not decided: no normal form";
    for (slong i = 0; i < s->n_variables; i++) {
        if (r.n_gens <= i || !r.gen[i].gives_way || t->root_first[i]) continue;
        t->root_first[i] = again = true;
    }
    if (!again && r.assumed && !t->positive) t->positive = again = true;
    raml_ratio_clear(&r, &y);
    raml_ratio_clear(&r, &x);
    raml_ring_clear(&r);
    return again && !equal && !w->spent;
}

struct normal_verdict raml_normal_decide(const struct expr *a, const struct expr *b, struct work *w)
{
    struct normal_verdict v = {.verdict = RAML_UNKNOWN, .rule = "not decided: no normal form"};
    struct scan s = {.L = 1, .D = 1};
    struct attempt t = {.a = a, .b = b};
    scan(a, 1, w, &s);
    scan(b, 1, w, &s);
    if (s.failed) return v;
    fmpz_t L;
    fmpz_init_set_si(L, s.L);
    slong D = common(s.D, L, MAX_DENOMINATOR);
    fmpz_clear(L);
    s.D = D % s.L == 0 ? D : s.L; /* L >= 1 */
    for (int i = 0; i < 3 && attempt(&s, &t, w, &v); i++) {
    }
    return v;
}
