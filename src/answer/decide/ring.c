/* ring.c - generators, relations and signs (ring.h). Quotients are in ratio.c. */
#include "answer/decide/ring.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_PRODUCTS = 200000, /* terms times terms of one multiplication */
    MAX_BITS = 20000,      /* of a coefficient */
    MAX_DEGREE = 20000,
    MAX_STEPS = 4000, /* powers of a relation used at once */
    VALUE_BITS = 192
};

/* Approximate words of a monomial. */
#define WORDS(r) ((r)->max_gens / 8 + 1)

void raml_ring_init(struct ring *r, slong max_gens, slong L, slong D, struct work *w)
{
    *r = (struct ring){.L = L, .D = D, .w = w, .i = -1};
    r->max_gens = max_gens > RING_MAX_GENS ? RING_MAX_GENS : max_gens;
    fmpz_mpoly_ctx_init(r->ctx, r->max_gens, ORD_LEX);
}

void raml_ring_clear(struct ring *r)
{
    for (slong g = 0; g < r->n_gens; g++) {
        struct gen *x = &r->gen[g];
        for (uint32_t i = 0; i < x->n_args; i++) raml_ratio_clear(r, &x->arg[i]);
        free(x->arg);
        fmpz_mpoly_clear(x->power, r->ctx);
        arb_clear(x->value);
    }
    fmpz_mpoly_ctx_clear(r->ctx);
}

/* Are all degrees small? Exponents packed in few bits show it at once. */
static bool is_low(const struct ring *r, const fmpz_mpoly_t a)
{
    if (a->bits <= 12) return true;
    return fmpz_mpoly_total_degree_fits_si(a, r->ctx) && fmpz_mpoly_total_degree_si(a, r->ctx) <= MAX_DEGREE;
}

bool raml_ring_mul(struct ring *r, fmpz_mpoly_t out, const fmpz_mpoly_t a, const fmpz_mpoly_t b)
{
    slong la = fmpz_mpoly_length(a, r->ctx), lb = fmpz_mpoly_length(b, r->ctx);
    if (!la || !lb) {
        fmpz_mpoly_zero(out, r->ctx);
        return true;
    }
    uint64_t bits = (uint64_t)(labs(fmpz_mpoly_max_bits(a)) + labs(fmpz_mpoly_max_bits(b)));
    if (la > MAX_PRODUCTS / lb || bits > MAX_BITS || !is_low(r, a) || !is_low(r, b)) return false;
    if (!raml_work_charge(r->w, (uint64_t)(la * lb * WORDS(r)) / 12 * (1 + bits / 256) + bits / 256)) return false;
    fmpz_mpoly_mul(out, a, b, r->ctx);
    return true;
}

/* a's variable x becomes gen^L. */
static void give_way(struct ring *r, fmpz_mpoly_t a, slong x)
{
    slong gen = r->gen[x].gives_way, n = fmpz_mpoly_length(a, r->ctx);
    ulong exp[RING_MAX_GENS];
    fmpz_mpoly_t b;
    fmpz_t c;
    fmpz_init(c);
    fmpz_mpoly_init(b, r->ctx);
    for (slong i = 0; i < n; i++) {
        fmpz_mpoly_get_term_exp_ui(exp, a, i, r->ctx);
        fmpz_mpoly_get_term_coeff_fmpz(c, a, i, r->ctx);
        exp[gen] += exp[x] * (ulong)r->L;
        exp[x] = 0;
        fmpz_mpoly_push_term_fmpz_ui(b, c, exp, r->ctx);
    }
    fmpz_mpoly_sort_terms(b, r->ctx);
    fmpz_mpoly_combine_like_terms(b, r->ctx);
    fmpz_mpoly_swap(a, b, r->ctx);
    fmpz_mpoly_clear(b, r->ctx);
    fmpz_clear(c);
}

/* The terms of a with gen^(k degree + rest), as those with gen^rest. */
static void slice(struct ring *r, fmpz_mpoly_t out, const fmpz_mpoly_t a, slong gen, ulong k)
{
    slong n = fmpz_mpoly_length(a, r->ctx);
    ulong exp[RING_MAX_GENS], degree = (ulong)r->gen[gen].degree;
    fmpz_t c;
    fmpz_init(c);
    fmpz_mpoly_zero(out, r->ctx);
    for (slong i = 0; i < n; i++) {
        fmpz_mpoly_get_term_exp_ui(exp, a, i, r->ctx);
        if (exp[gen] / degree != k) continue;
        exp[gen] %= degree;
        fmpz_mpoly_get_term_coeff_fmpz(c, a, i, r->ctx);
        fmpz_mpoly_push_term_fmpz_ui(out, c, exp, r->ctx);
    }
    fmpz_mpoly_sort_terms(out, r->ctx);
    fmpz_mpoly_combine_like_terms(out, r->ctx);
    fmpz_clear(c);
}

/* gen^degree = power, used by Horner's rule. */
static bool use_relation(struct ring *r, fmpz_mpoly_t a, slong gen)
{
    slong k = fmpz_mpoly_degree_si(a, gen, r->ctx) / r->gen[gen].degree;
    uint64_t scans = (uint64_t)k * (uint64_t)fmpz_mpoly_length(a, r->ctx);
    if (k > MAX_STEPS || !raml_work_charge(r->w, 1 + scans / 10)) return false;
    fmpz_mpoly_t sum, part;
    fmpz_mpoly_init(sum, r->ctx);
    fmpz_mpoly_init(part, r->ctx);
    slice(r, sum, a, gen, (ulong)k);
    bool ok = true;
    while (k-- > 0 && ok) {
        ok = raml_ring_mul(r, sum, sum, r->gen[gen].power);
        slice(r, part, a, gen, (ulong)k);
        if (ok) fmpz_mpoly_add(sum, sum, part, r->ctx);
    }
    fmpz_mpoly_swap(a, sum, r->ctx);
    fmpz_mpoly_clear(part, r->ctx);
    fmpz_mpoly_clear(sum, r->ctx);
    return ok;
}

bool raml_ring_reduce(struct ring *r, fmpz_mpoly_t a)
{
    if (r->n_gens == r->n_plain) return true;
    if (!fmpz_mpoly_degrees_fit_si(a, r->ctx)) return false;
    if (!raml_work_charge(r->w, (uint64_t)(fmpz_mpoly_length(a, r->ctx) * r->n_gens) / 40)) return false;
    for (slong g = r->n_gens - 1; g >= 0; g--) {
        const struct gen *x = &r->gen[g];
        if (!x->degree && !x->gives_way) continue;
        slong degree = fmpz_mpoly_degree_si(a, g, r->ctx);
        if (degree > MAX_DEGREE) return false;
        if (x->gives_way && degree > 0) give_way(r, a, g);
        else if (x->degree && degree >= x->degree && !use_relation(r, a, g)) return false;
    }
    return true;
}

slong raml_ring_is_gen(const struct ring *r, const fmpz_mpoly_t a)
{
    if (fmpz_mpoly_length(a, r->ctx) != 1 || fmpz_mpoly_total_degree_si(a, r->ctx) != 1) return -1;
    for (slong g = 0; g < r->n_gens; g++)
        if (fmpz_mpoly_degree_si(a, g, r->ctx) == 1 && fmpz_mpoly_get_term_coeff_si(a, 0, r->ctx) == 1) return g;
    return -1;
}

bool raml_ring_has_i(const struct ring *r, const struct ratio *a)
{
    if (r->i < 0) return false;
    return fmpz_mpoly_degree_si(a->num, r->i, r->ctx) > 0 || fmpz_mpoly_degree_si(a->den, r->i, r->ctx) > 0;
}

/* The value of a polynomial in valued generators. */
static bool ring_value(struct ring *r, const fmpz_mpoly_t a, arb_t out)
{
    slong n = fmpz_mpoly_length(a, r->ctx);
    ulong exp[RING_MAX_GENS];
    bool ok = raml_work_charge(r->w, 1 + (uint64_t)n / 2);
    fmpz_t c;
    arb_t term, power;
    fmpz_init(c);
    arb_init(term);
    arb_init(power);
    arb_zero(out);
    for (slong i = 0; i < n && ok; i++) {
        fmpz_mpoly_get_term_exp_ui(exp, a, i, r->ctx);
        fmpz_mpoly_get_term_coeff_fmpz(c, a, i, r->ctx);
        arb_set_round_fmpz(term, c, VALUE_BITS);
        for (slong g = 0; g < r->n_gens && ok; g++) {
            if (!exp[g]) continue;
            ok = r->gen[g].valued;
            if (!ok) break;
            arb_pow_ui(power, r->gen[g].value, exp[g], VALUE_BITS);
            arb_mul(term, term, power, VALUE_BITS);
        }
        arb_add(out, out, term, VALUE_BITS);
    }
    arb_clear(power);
    arb_clear(term);
    fmpz_clear(c);
    return ok && arb_is_finite(out);
}

/* Is a generator positive, always (1) or for positive variables (2)? */
static int gen_sign(const struct ring *r, slong g)
{
    const struct gen *x = &r->gen[g];
    switch (x->kind) {
    case GEN_VARIABLE: return r->positive ? 1 : 2;
    case GEN_PI: return 1;
    case GEN_ROOT: return r->L % 2 == 0 ? 1 : x->valued ? 1 : 0;
    case GEN_EXP: return raml_ring_has_i(r, &x->arg[0]) ? 0 : 1;
    case GEN_ABS: return 1;
    default: return 0;
    }
}

int raml_ring_sign(struct ring *r, const fmpz_mpoly_t a)
{
    slong n = fmpz_mpoly_length(a, r->ctx);
    arb_t v;
    arb_init(v);
    int sign = ring_value(r, a, v) ? arb_sgn_nonzero(v) : 0;
    arb_clear(v);
    if (sign) return sign;
    ulong exp[RING_MAX_GENS];
    fmpz_t c;
    fmpz_init(c);
    sign = n > 0;
    for (slong i = 0; i < n && sign; i++) { /* every term positive, or an even power */
        fmpz_mpoly_get_term_coeff_fmpz(c, a, i, r->ctx);
        fmpz_mpoly_get_term_exp_ui(exp, a, i, r->ctx);
        if (fmpz_sgn(c) < 0) sign = 0;
        for (slong g = 0; g < r->n_gens && sign; g++) {
            if (exp[g] % 2 == 0) continue;
            int s = gen_sign(r, g);
            if (s != 1) sign = s;
        }
    }
    fmpz_clear(c);
    return sign;
}

static bool same_arguments(struct ring *r, const struct gen *x, const struct ratio *arg, bool swapped)
{
    for (uint32_t i = 0; i < x->n_args; i++)
        if (!raml_ratio_equal(r, &x->arg[i], &arg[swapped ? x->n_args - 1 - i : i])) return false;
    return true;
}

static bool is_symmetric(enum gen_kind kind, int sub, uint32_t n)
{
    return kind == GEN_CALL && n == 2 && (sub == FN_GCD || sub == FN_LCM || sub == FN_MIN || sub == FN_MAX);
}

/* The real value of a quotient of generators with values. */
static bool ratio_value(struct ring *r, const struct ratio *a, arb_t out)
{
    arb_t below;
    arb_init(below);
    bool ok = ring_value(r, a->num, out) && ring_value(r, a->den, below) && !arb_contains_zero(below);
    if (ok) arb_div(out, out, below, VALUE_BITS);
    arb_clear(below);
    return ok && arb_is_finite(out);
}

static void set_value(struct ring *r, struct gen *x)
{
    mag_t m;
    if (x->kind == GEN_PI) arb_const_pi(x->value, VALUE_BITS);
    x->valued = x->kind == GEN_PI;
    if (x->kind < GEN_ROOT || x->kind > GEN_SIN || !ratio_value(r, &x->arg[0], x->value)) return;
    mag_init(m);
    arb_get_mag(m, x->value);
    bool small = mag_cmp_2exp_si(m, 30) <= 0;
    mag_clear(m);
    switch (x->kind) {
    case GEN_ROOT: x->valued = arb_is_positive(x->value); break;
    case GEN_LN: x->valued = arb_is_positive(x->value); break;
    default: x->valued = small || x->kind == GEN_ABS; break;
    }
    if (!x->valued) return;
    if (x->kind == GEN_ROOT) {
        arb_root_ui(x->value, x->value, (ulong)r->L, VALUE_BITS);
    } else if (x->kind == GEN_LN) {
        arb_log(x->value, x->value, VALUE_BITS);
    } else if (x->kind == GEN_ABS) {
        arb_abs(x->value, x->value);
    } else if (x->kind == GEN_EXP) {
        arb_div_si(x->value, x->value, r->D, VALUE_BITS);
        arb_exp(x->value, x->value, VALUE_BITS);
    } else {
        arb_div_si(x->value, x->value, r->D, VALUE_BITS);
        if (x->kind == GEN_COS) arb_cos(x->value, x->value, VALUE_BITS);
        else arb_sin(x->value, x->value, VALUE_BITS);
    }
    x->valued = arb_is_finite(x->value);
}

/* Relations of a new generator. */
static bool relate(struct ring *r, slong g)
{
    struct gen *x = &r->gen[g];
    if (x->kind == GEN_I) {
        x->degree = 2;
        fmpz_mpoly_set_si(x->power, -1, r->ctx);
        r->i = g;
    } else if (x->kind == GEN_ROOT) {
        slong variable = raml_ring_is_gen(r, x->arg[0].num);
        if (variable >= 0 && r->gen[variable].kind == GEN_VARIABLE && !r->gen[variable].gives_way) {
            r->gen[variable].gives_way = g;
            return true;
        }
        x->degree = r->L;
        fmpz_mpoly_set(x->power, x->arg[0].num, r->ctx);
    } else if (x->kind == GEN_SIN) {
        slong c = raml_ring_gen(r, GEN_COS, 0, "", 0, x->arg, 1); /* made before */
        if (c < 0) return false;
        x->degree = 2;
        fmpz_mpoly_gen(x->power, c, r->ctx);
        fmpz_mpoly_mul(x->power, x->power, x->power, r->ctx);
        fmpz_mpoly_neg(x->power, x->power, r->ctx);
        fmpz_mpoly_add_si(x->power, x->power, 1, r->ctx);
    } else if (x->kind == GEN_ABS) {
        x->degree = 2;
        return raml_ring_mul(r, x->power, x->arg[0].num, x->arg[0].num);
    }
    return true;
}

slong raml_ring_gen(struct ring *r, enum gen_kind kind, int sub, const char *text, uint32_t n_text,
                    const struct ratio *arg, uint32_t n)
{
    for (slong g = 0; g < r->n_gens; g++) {
        const struct gen *x = &r->gen[g];
        if (x->kind != kind || x->sub != sub || x->n_text != n_text || x->n_args != n) continue;
        if (n_text && memcmp(x->text, text, n_text) != 0) continue;
        if (same_arguments(r, x, arg, false)) return g;
        if (is_symmetric(kind, sub, n) && same_arguments(r, x, arg, true)) return g;
    }
    if (r->n_gens == r->max_gens || r->w->spent) return -1;
    struct gen *x = &r->gen[r->n_gens];
    *x = (struct gen){.kind = kind, .sub = sub, .text = text, .n_text = n_text};
    x->arg = n ? calloc(n, sizeof *x->arg) : NULL;
    if (n && !x->arg) return -1;
    x->n_args = n;
    for (uint32_t i = 0; i < n; i++) {
        raml_ratio_init(r, &x->arg[i]);
        raml_ratio_set(r, &x->arg[i], &arg[i]);
    }
    fmpz_mpoly_init(x->power, r->ctx);
    arb_init(x->value);
    slong g = r->n_gens++;
    set_value(r, x);
    if (kind == GEN_VARIABLE) r->n_plain++;
    return relate(r, g) ? g : -1;
}

bool raml_ring_gen_power(struct ring *r, slong gen, slong e, struct ratio *out)
{
    if (gen < 0 || e > MAX_DEGREE || e < -MAX_DEGREE) return false;
    raml_ratio_set_si(r, out, 1);
    ulong exp[RING_MAX_GENS] = {0};
    exp[gen] = (ulong)labs(e);
    fmpz_mpoly_t m;
    fmpz_mpoly_init(m, r->ctx);
    fmpz_mpoly_set_coeff_si_ui(m, 1, exp, r->ctx);
    fmpz_mpoly_swap(e < 0 ? out->den : out->num, m, r->ctx);
    fmpz_mpoly_clear(m, r->ctx);
    return raml_ratio_tidy(r, out);
}

bool raml_ring_imaginary_unit(struct ring *r, struct ratio *out)
{
    return raml_ring_gen_power(r, raml_ring_gen(r, GEN_I, 0, "", 0, NULL, 0), 1, out);
}

bool raml_ring_pi(struct ring *r, struct ratio *out)
{
    return raml_ring_gen_power(r, raml_ring_gen(r, GEN_PI, 0, "", 0, NULL, 0), 1, out);
}
