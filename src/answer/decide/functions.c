/* functions.c - see functions.h: values at two points, which separate most pairs; a normal form; more points.
 *
 * A value counts at a point only if every intermediate value is real, so that no branch of a root or a logarithm
 * can be mistaken; with i in an expression, only if there is no branch at all. Where factorials or powers of
 * negative numbers imply that variables are integers, they are. An unknown function has a made-up value for each
 * argument, but only when its name is a letter: "sum" and the like are not free to take any value.
 */
#include "answer/decide/functions.h"

#include "answer/decide/ball.h"
#include "answer/decide/normal.h"
#include "answer/decide/share.h"
#include "core/ascii.h"

#include <string.h>

enum { MAX_SYMBOLS = 16, N_POINTS = 8, N_INTEGER_POINTS = 3, N_POSITIVE_POINTS = 6 };

struct look { /* what the two trees contain */
    const struct expr *symbol[MAX_SYMBOLS];
    uint32_t n_symbols;
    bool too_many, plain, integers, branches, has_i;
    bool bound; /* a name that is not a free function */
};

static bool is_free_name(const struct expr *e)
{
    char c = e->text[0], d = c ? e->text[1] : 0;
    return is_alpha(c) && (!d || d == '_' || d == '\'' || is_digit(d));
}

static void add_symbol(struct look *l, const struct expr *e)
{
    for (uint32_t i = 0; i < l->n_symbols; i++)
        if (raml_expr_same(l->symbol[i], e)) return;
    if (l->n_symbols == MAX_SYMBOLS) l->too_many = true;
    else l->symbol[l->n_symbols++] = e;
}

/* Is the exponent an integer as written, or not known to be negative? Powers p/q count as roots. */
static bool is_integer_exponent(const struct expr *e)
{
    if (e->kind == EXPR_NEG) return is_integer_exponent(e->arg[0]);
    return e->kind == EXPR_NUMBER && e->scale <= 0;
}

static bool may_be_negative(const struct expr *e)
{
    if (e->kind == EXPR_NEG) return true;
    if (e->kind == EXPR_NUMBER || e->kind == EXPR_SYMBOL || e->kind == EXPR_PI || e->kind == EXPR_E) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (may_be_negative(e->arg[i])) return true;
    return e->kind == EXPR_I;
}

static void look_at_call(const struct expr *e, struct look *l)
{
    switch (e->sub) {
    case FN_SQRT:
    case FN_ROOT:
    case FN_LN:
    case FN_LOG:
    case FN_ASIN:
    case FN_ACOS:
    case FN_ATAN:
    case FN_ACOT:
    case FN_ASEC:
    case FN_ACSC:
    case FN_ASINH:
    case FN_ACOSH:
    case FN_ATANH:
    case FN_ARG: l->branches = true; break;
    case FN_FACTORIAL:
    case FN_FACTORIAL2:
    case FN_BINOMIAL:
    case FN_PERMUTATIONS:
    case FN_GCD:
    case FN_LCM:
    case FN_MOD: l->integers = true; break;
    case FN_RE:
    case FN_IM:
    case FN_CONJ: l->has_i = true; break; /* of variables that may be complex */
    default: break;
    }
}

/* Constants have one value each; branches matter only above variables. */
static void look_at(const struct expr *e, struct look *l)
{
    bool arithmetic = e->kind >= EXPR_NEG && e->kind <= EXPR_PERCENT && e->kind != EXPR_CALL;
    if (e->kind > EXPR_SYMBOL && !arithmetic) l->plain = false;
    if (e->kind == EXPR_SYMBOL) add_symbol(l, e);
    else if (e->kind == EXPR_I) l->has_i = true;
    else if (e->kind == EXPR_APPLY) l->bound = l->bound || !is_free_name(e);
    else if (e->kind == EXPR_CALL && raml_expr_has_symbol(e)) look_at_call(e, l);
    else if (e->kind == EXPR_POW && !is_integer_exponent(e->arg[1]) && raml_expr_has_symbol(e)) {
        l->branches = true;
        if (raml_expr_has_symbol(e->arg[1]) && may_be_negative(e->arg[0])) l->integers = true;
    }
    for (uint32_t i = 0; i < e->n; i++) look_at(e->arg[i], l);
}

/* Coordinate i of point p. */
static void coordinate(uint32_t p, uint32_t i, fmpq_t out)
{
    static const struct {
        slong a, b;
        ulong q;
    } line[N_POINTS] = {{2, 1, 1},       /* 2, 3, 4 ... */
                        {19, -1, 1},     /* 19, 18, 17 ... */
                        {5, 3, 1},       /* 5, 8, 11 ... */
                        {17, 22, 15},    /* above 1, rising */
                        {7, 11, 271},    /* in (0, 1), rising */
                        {251, -13, 257}, /* in (0, 1), falling */
                        {-29, 14, 105},  {-13, -4, 35}};
    slong v = line[p].a + line[p].b * (slong)i;
    if (p == 1 && v < 2) v = 2;
    if (p == 0) v += (slong)(i * i) / 2; /* 2, 3, 6, 9, 14: no steps alike */
    if (p == 6 && i % 2) v = -v;
    fmpq_set_si(out, v, line[p].q);
}

enum meeting { NO_VALUE, MEET, DIFFER };

struct pair {
    const struct expr *a, *b;
    const struct look *look;
    struct work *w;
    bool real;     /* only points where all is real */
    bool negative; /* points with negative coordinates, too, above branches */
};

static enum meeting meet_at(const struct pair *p, const struct ball_point *point)
{
    enum meeting m = NO_VALUE;
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    for (slong prec = 64; prec <= 256 && m != DIFFER; prec *= 4) {
        struct ball at = {.prec = prec, .real = p->real, .point = point, .w = p->w};
        if (!raml_ball(p->a, &at, x) || !raml_ball(p->b, &at, y)) continue;
        m = acb_overlaps(x, y) ? MEET : DIFFER;
    }
    acb_clear(y);
    acb_clear(x);
    return m;
}

/* Values at the first points that have some, up to `wanted`. DIFFER at one: they differ. */
static enum meeting meet(const struct pair *pair, int wanted)
{
    const struct look *l = pair->look;
    enum meeting all = NO_VALUE;
    uint32_t n = l->integers ? N_INTEGER_POINTS : l->branches && !pair->negative ? N_POSITIVE_POINTS : N_POINTS;
    fmpq value[MAX_SYMBOLS];
    for (uint32_t i = 0; i < l->n_symbols; i++) fmpq_init(&value[i]);
    struct ball_point point = {l->n_symbols, l->symbol, value};
    for (uint32_t p = 0; p < n && wanted > 0 && all != DIFFER && !pair->w->spent; p++) {
        for (uint32_t i = 0; i < l->n_symbols; i++) coordinate(p, i, &value[i]);
        enum meeting m = meet_at(pair, &point);
        if (m == NO_VALUE) continue;
        all = m;
        wanted--;
    }
    for (uint32_t i = 0; i < l->n_symbols; i++) fmpq_clear(&value[i]);
    return all;
}

/* The normal form gives EQUAL: do values agree? Complex ones are good enough where there are no real ones. */
static enum raml_verdict confirm(const struct pair *pair, enum meeting m, const char **rule)
{
    struct pair complex = *pair;
    complex.real = false;
    if (m == NO_VALUE) m = meet(pair, 2);
    if (m == NO_VALUE && pair->real) m = meet(&complex, 2);
    if (m == MEET) return RAML_EQUAL;
    *rule = "not decided: a normal form without a value to confirm it";
    return RAML_UNKNOWN;
}

/* Do values at up to that many points prove a difference? */
static enum meeting try_points(const struct pair *pair, int wanted)
{
    const struct look *l = pair->look;
    if (l->bound || (l->has_i && l->branches)) return NO_VALUE;
    struct pair complex = *pair;
    complex.real = false;
    enum meeting m = meet(pair, wanted);
    return m == NO_VALUE && !l->branches ? meet(&complex, wanted) : m;
}

enum raml_verdict raml_functions_decide(const struct expr *a, const struct expr *b, struct work *w, const char **rule)
{
    struct look l = {.plain = true};
    look_at(a, &l);
    look_at(b, &l);
    *rule = "not decided: too many variables";
    if (l.too_many) return RAML_UNKNOWN;
    struct pair pair = {.a = a, .b = b, .look = &l, .w = w, .real = !l.has_i};
    enum meeting m = l.plain ? NO_VALUE : try_points(&pair, 2);
    *rule = "differ at a point";
    if (m == DIFFER) return RAML_DIFFERENT;
    struct work part = raml_work_half(w);
    struct normal_verdict v = raml_normal_decide(a, b, &part);
    raml_work_settle(w, &part);
    *rule = v.rule;
    if (v.independent && v.verdict != RAML_UNKNOWN) return v.verdict;
    if (v.verdict == RAML_EQUAL) return confirm(&pair, m, rule);
    *rule = "differ at a point";
    if (try_points(&pair, N_POINTS) == DIFFER) return RAML_DIFFERENT;
    pair.negative = l.branches && l.n_symbols == 1 && !v.assumed && !l.has_i && !l.bound; /* sqrt(x^2) is not x */
    if (pair.negative && meet(&pair, N_POINTS) == DIFFER) return RAML_DIFFERENT;
    *rule = "not decided: no normal form, and equal values or none";
    if (w->spent || part.spent) *rule = "not decided: too much work";
    return RAML_UNKNOWN;
}
