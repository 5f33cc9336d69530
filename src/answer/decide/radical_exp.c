/* radical_exp.c - exponentials, cosines and sines, term by term of their argument (radical.h). */
#include "answer/decide/radical.h"

#include <flint/fmpz_vec.h>
#include <stdlib.h>

enum { MAX_EXPONENT = 4000, MAX_MULTIPLE = 48, MAX_TERMS = 40 };

/* Calls `one` with the terms of x = sum of c * (monomial over the primitive denominator). */
typedef bool (*term_fn)(struct ring *r, const fmpq_t c, const struct ratio *m, void *to);

static bool each_term(struct ring *r, const struct ratio *x, term_fn one, void *to)
{
    slong n = fmpz_mpoly_length(x->num, r->ctx);
    if (n > MAX_TERMS) return false;
    struct ratio m;
    fmpz_t content;
    fmpq_t c, extra;
    bool ok = true;
    fmpz_init(content);
    fmpq_init(c);
    fmpq_init(extra);
    _fmpz_vec_content(content, x->den->coeffs, x->den->length);
    for (slong i = 0; i < n && ok; i++) {
        raml_ratio_init(r, &m);
        fmpz_mpoly_get_term_coeff_fmpz(fmpq_numref(c), x->num, i, r->ctx);
        fmpz_set(fmpq_denref(c), content);
        fmpq_canonicalise(c);
        fmpz_mpoly_get_term_monomial(m.num, x->num, i, r->ctx);
        fmpz_mpoly_scalar_divexact_fmpz(m.den, x->den, content, r->ctx);
        ok = raml_ratio_tidy(r, &m);
        if (ok && raml_ratio_get_fmpq(r, &m, extra)) {
            fmpq_mul(c, c, extra);
            raml_ratio_set_si(r, &m, 1);
        }
        ok = ok && one(r, c, &m, to);
        raml_ratio_clear(r, &m);
    }
    fmpq_clear(extra);
    fmpq_clear(c);
    fmpz_clear(content);
    return ok;
}

/* c * unit if that is a small integer. */
static bool small_multiple(const fmpq_t c, slong unit, slong limit, slong *k)
{
    fmpz_t n;
    fmpz_init(n);
    fmpz_mul_si(n, fmpq_numref(c), unit);
    bool ok = fmpz_divisible(n, fmpq_denref(c)) != 0;
    if (ok) fmpz_divexact(n, n, fmpq_denref(c));
    ok = ok && fmpz_cmp_si(n, limit) <= 0 && fmpz_cmp_si(n, -limit) >= 0;
    *k = ok ? fmpz_get_si(n) : 0;
    fmpz_clear(n);
    return ok;
}

/* m is just ln f: its index. */
static slong is_ln(struct ring *r, const struct ratio *m)
{
    if (!fmpz_mpoly_is_one(m->den, r->ctx)) return -1;
    slong g = raml_ring_is_gen(r, m->num);
    return g >= 0 && r->gen[g].kind == GEN_LN ? g : -1;
}

/* *to *= exp(c m), real. */
static bool times_exp(struct ring *r, const fmpq_t c, const struct ratio *m, void *to)
{
    struct ratio x;
    slong k, ln = is_ln(r, m);
    fmpq_t scale;
    raml_ratio_init(r, &x);
    fmpq_init(scale);
    bool ok;
    if (ln >= 0) { /* f^c */
        raml_ratio_set(r, &x, &r->gen[ln].arg[0]);
        ok = raml_radical_power(r, &x, c, &x);
    } else if (small_multiple(c, r->D, MAX_EXPONENT, &k)) {
        ok = raml_ring_gen_power(r, raml_ring_gen(r, GEN_EXP, 0, "", 0, m, 1), k, &x);
    } else {
        raml_ratio_set(r, &x, m);
        fmpq_set_si(scale, r->D, 1);
        fmpq_mul(scale, scale, c);
        ok = raml_ratio_mul_fmpq(r, &x, scale);
        ok = ok && raml_ring_gen_power(r, raml_ring_gen(r, GEN_EXP, 0, "", 0, &x, 1), 1, &x);
    }
    ok = ok && raml_ratio_mul(r, to, to, &x);
    fmpq_clear(scale);
    raml_ratio_clear(r, &x);
    return ok;
}

/* x = re + i im; i is not in the denominator. */
static bool parts_of(struct ring *r, const struct ratio *x, struct ratio *re, struct ratio *im)
{
    raml_ratio_set(r, re, x);
    raml_ratio_set_si(r, im, 0);
    if (!raml_ring_has_i(r, x)) return true;
    if (fmpz_mpoly_degree_si(x->den, r->i, r->ctx) > 0) return false;
    ulong exp[RING_MAX_GENS];
    fmpz_t c;
    fmpz_init(c);
    fmpz_mpoly_zero(re->num, r->ctx);
    fmpz_mpoly_zero(im->num, r->ctx);
    fmpz_mpoly_set(im->den, x->den, r->ctx);
    for (slong i = 0; i < fmpz_mpoly_length(x->num, r->ctx); i++) {
        fmpz_mpoly_get_term_exp_ui(exp, x->num, i, r->ctx);
        fmpz_mpoly_get_term_coeff_fmpz(c, x->num, i, r->ctx);
        bool imaginary = exp[r->i] == 1;
        exp[r->i] = 0;
        fmpz_mpoly_push_term_fmpz_ui(imaginary ? im->num : re->num, c, exp, r->ctx);
    }
    fmpz_clear(c);
    fmpz_mpoly_sort_terms(re->num, r->ctx);
    fmpz_mpoly_sort_terms(im->num, r->ctx);
    return raml_ratio_tidy(r, re) && raml_ratio_tidy(r, im);
}

struct angle { /* cosine and sine of the angle so far */
    struct ratio c, s;
};

static void angle_init(struct ring *r, struct angle *a)
{
    raml_ratio_init(r, &a->c);
    raml_ratio_init(r, &a->s);
    raml_ratio_set_si(r, &a->c, 1);
}

static void angle_clear(struct ring *r, struct angle *a)
{
    raml_ratio_clear(r, &a->s);
    raml_ratio_clear(r, &a->c);
}

/* a's angle += b's. */
static bool turn_by(struct ring *r, struct angle *a, const struct angle *b)
{
    struct ratio x, y;
    raml_ratio_init(r, &x);
    raml_ratio_init(r, &y);
    bool ok = raml_ratio_mul(r, &x, &a->c, &b->s) && raml_ratio_mul(r, &y, &a->s, &b->c) &&
              raml_ratio_add(r, &x, &x, &y) && raml_ratio_mul(r, &y, &a->s, &b->s) &&
              raml_ratio_mul(r, &a->c, &a->c, &b->c) && raml_ratio_sub(r, &a->c, &a->c, &y);
    if (ok) raml_ratio_set(r, &a->s, &x);
    raml_ratio_clear(r, &y);
    raml_ratio_clear(r, &x);
    return ok;
}

/* a's angle += k times b's; b is used up. */
static bool turn_times(struct ring *r, struct angle *a, struct angle *b, slong k)
{
    bool ok = true;
    if (k < 0) raml_ratio_neg(r, &b->s);
    for (ulong n = (ulong)labs(k); n && ok; n >>= 1) {
        if (n & 1) ok = turn_by(r, a, b);
        if (ok && n > 1) ok = turn_by(r, b, b);
    }
    return ok;
}

/* sqrt(n)/2 */
static bool half_root(struct ring *r, slong n, struct ratio *out)
{
    fmpq_t half;
    fmpq_init(half);
    fmpq_set_si(half, 1, 2);
    raml_ratio_set_si(r, out, n);
    bool ok = raml_radical_power(r, out, half, out) && raml_ratio_mul_fmpq(r, out, half);
    fmpq_clear(half);
    return ok;
}

/* The angle n pi/12, by pi/2, pi/4, pi/6 or both. */
static bool twelfths(struct ring *r, slong n, struct angle *a)
{
    struct angle b;
    bool ok = true;
    bool roots = r->roots;
    n %= 24;
    if (n % 6 == 0) {
        angle_init(r, &b);
        raml_ratio_set_si(r, &b.c, 0);
        raml_ratio_set_si(r, &b.s, 1);
        ok = turn_times(r, a, &b, n / 6);
        angle_clear(r, &b);
        return ok;
    }
    slong sixths = n % 3 == 0 ? 0 : n % 2 == 0 ? n / 2 : 2 * n; /* n = 2 sixths + 3 quarters, odd n: 4n - 3n */
    slong quarters = n % 3 == 0 ? n / 3 : n % 2 == 0 ? 0 : -n;
    if (quarters) {
        angle_init(r, &b);
        ok = half_root(r, 2, &b.c);
        raml_ratio_set(r, &b.s, &b.c);
        ok = ok && turn_times(r, a, &b, quarters % 8);
        angle_clear(r, &b);
    }
    if (ok && sixths) {
        angle_init(r, &b);
        ok = half_root(r, 3, &b.c) && half_root(r, 1, &b.s) && turn_times(r, a, &b, sixths % 12);
        angle_clear(r, &b);
    }
    r->roots = roots;
    return ok;
}

/* The angle asin u or atan u. */
static bool inverse(struct ring *r, const struct gen *g, struct angle *b)
{
    fmpq_t half;
    struct ratio one, root;
    fmpq_init(half);
    fmpq_set_si(half, 1, 2);
    raml_ratio_init(r, &one);
    raml_ratio_init(r, &root);
    raml_ratio_set_si(r, &one, 1);
    raml_ratio_set(r, &b->s, &g->arg[0]);
    bool ok = raml_ratio_mul(r, &root, &b->s, &b->s);
    if (g->sub == FN_ASIN) {
        ok = ok && raml_ratio_sub(r, &b->c, &one, &root) && raml_radical_power(r, &b->c, half, &b->c);
    } else {
        ok = ok && raml_ratio_add(r, &root, &one, &root) && raml_radical_power(r, &root, half, &root) &&
             raml_ratio_div(r, &b->c, &one, &root) && raml_ratio_div(r, &b->s, &b->s, &root);
    }
    raml_ratio_clear(r, &root);
    raml_ratio_clear(r, &one);
    fmpq_clear(half);
    return ok;
}

/* The angle m/D, by its own cosine and sine. */
static bool plain_angle(struct ring *r, const struct ratio *m, struct angle *b)
{
    return raml_ring_gen_power(r, raml_ring_gen(r, GEN_COS, 0, "", 0, m, 1), 1, &b->c) &&
           raml_ring_gen_power(r, raml_ring_gen(r, GEN_SIN, 0, "", 0, m, 1), 1, &b->s);
}

/* The angle c pi: a multiple of pi/2, and the rest, at most pi/4 either way. */
static bool part_of_pi(struct ring *r, const fmpq_t c, const struct ratio *pi, struct angle *to)
{
    fmpz_t quarters;
    fmpq_t rest, q;
    fmpz_init(quarters);
    fmpq_init(rest);
    fmpq_init(q);
    fmpq_mul_2exp(rest, c, 1); /* in units of pi/2 */
    fmpq_set_si(q, 1, 2);
    fmpq_add(q, q, rest);
    fmpz_fdiv_q(quarters, fmpq_numref(q), fmpq_denref(q)); /* to the nearest */
    fmpq_sub_fmpz(rest, rest, quarters);
    fmpq_set_si(q, r->D, 2);
    fmpq_mul(rest, rest, q);
    bool minus = fmpq_sgn(rest) < 0;
    fmpq_abs(rest, rest);
    struct angle b;
    struct ratio x;
    angle_init(r, &b);
    raml_ratio_init(r, &x);
    raml_ratio_set(r, &x, pi);
    bool ok = twelfths(r, 6 * (slong)fmpz_fdiv_ui(quarters, 4), to) && raml_ratio_mul_fmpq(r, &x, rest) &&
              plain_angle(r, &x, &b) && turn_times(r, to, &b, minus ? -1 : 1);
    raml_ratio_clear(r, &x);
    angle_clear(r, &b);
    fmpq_clear(q);
    fmpq_clear(rest);
    fmpz_clear(quarters);
    return ok;
}

/* The angle of *to += c m. */
static bool add_angle(struct ring *r, const fmpq_t c, const struct ratio *m, void *to)
{
    slong k, g = fmpz_mpoly_is_one(m->den, r->ctx) ? raml_ring_is_gen(r, m->num) : -1;
    if (g >= 0 && r->gen[g].kind == GEN_PI)
        return small_multiple(c, 12, 1 << 20, &k) ? twelfths(r, k, to) : part_of_pi(r, c, m, to);
    struct angle b;
    struct ratio x;
    fmpq_t scale;
    angle_init(r, &b);
    raml_ratio_init(r, &x);
    fmpq_init(scale);
    bool ok;
    if (g >= 0 && r->gen[g].kind == GEN_CALL && small_multiple(c, 1, 8, &k)) {
        bool has = r->gen[g].sub == FN_ASIN || r->gen[g].sub == FN_ATAN;
        struct gen copy = r->gen[g];
        ok = (has ? inverse(r, &copy, &b) : plain_angle(r, m, &b)) && turn_times(r, to, &b, has ? k : k * r->D);
    } else if (small_multiple(c, r->D, MAX_MULTIPLE, &k)) {
        ok = plain_angle(r, m, &b) && turn_times(r, to, &b, k);
    } else {
        raml_ratio_set(r, &x, m);
        fmpq_set_si(scale, r->D, 1);
        fmpq_mul(scale, scale, c);
        bool minus = fmpq_sgn(scale) < 0;
        fmpq_abs(scale, scale);
        ok = raml_ratio_mul_fmpq(r, &x, scale) && plain_angle(r, &x, &b) && turn_times(r, to, &b, minus ? -1 : 1);
    }
    fmpq_clear(scale);
    raml_ratio_clear(r, &x);
    angle_clear(r, &b);
    return ok;
}

bool raml_radical_cos_sin(struct ring *r, const struct ratio *x, struct ratio *c, struct ratio *s)
{
    if (raml_ring_has_i(r, x)) return false;
    struct angle a;
    angle_init(r, &a);
    bool ok = each_term(r, x, add_angle, &a);
    if (ok) {
        raml_ratio_set(r, c, &a.c);
        raml_ratio_set(r, s, &a.s);
    }
    angle_clear(r, &a);
    return ok;
}

bool raml_radical_exp(struct ring *r, const struct ratio *x, struct ratio *out)
{
    struct ratio re, im, c, s;
    raml_ratio_init(r, &re);
    raml_ratio_init(r, &im);
    raml_ratio_init(r, &c);
    raml_ratio_init(r, &s);
    bool ok = parts_of(r, x, &re, &im);
    raml_ratio_set_si(r, &c, 1);
    ok = ok && each_term(r, &re, times_exp, &c);
    raml_ratio_set(r, &re, &c);
    if (ok && !fmpz_mpoly_is_zero(im.num, r->ctx)) { /* Euler: exp(i y) = cos y + i sin y */
        ok = raml_radical_cos_sin(r, &im, &c, &s) && raml_ring_imaginary_unit(r, &im) &&
             raml_ratio_mul(r, &s, &s, &im) && raml_ratio_add(r, &c, &c, &s) && raml_ratio_mul(r, &re, &re, &c);
    }
    if (ok) raml_ratio_set(r, out, &re);
    raml_ratio_clear(r, &s);
    raml_ratio_clear(r, &c);
    raml_ratio_clear(r, &im);
    raml_ratio_clear(r, &re);
    return ok;
}
