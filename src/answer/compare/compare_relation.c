/* compare_relation.c - names before values, equations, inequalities (compare.h). */
#include "answer/compare/compare.h"
#include "answer/compare/poly.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_NAMES = 16 };

/* ---- names ---- */

static bool upper(const struct expr *e)
{
    return e->kind == EXPR_SYMBOL && is_upper(e->text[0]);
}

/* ABC */
static bool is_name_of_points(const struct expr *e)
{
    for (uint32_t i = 0; i < e->n; i++)
        if (!upper(e->arg[i]) || e->arg[i]->n_text > 1) return false;
    return true;
}

/* \angle A, \angle ABC, m\angle A */
static bool is_angle(const struct expr *e)
{
    bool sign = false;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = e->arg[i];
        if (a->kind == EXPR_MUL && i + 1 == e->n && sign) return is_name_of_points(a);
        if (a->kind != EXPR_SYMBOL) return false;
        bool here = !strcmp(a->text, "angle") || !strcmp(a->text, "triangle");
        if (!sign && !here && (i || strcmp(a->text, "m") != 0)) return false;
        sign |= here;
    }
    return sign;
}

/* f^{-1}(x) */
static bool is_inverse(const struct expr *e)
{
    const struct expr *f = e->n == 2 ? e->arg[0] : NULL;
    if (!f || f->kind != EXPR_POW || f->arg[0]->kind != EXPR_SYMBOL || e->arg[1]->kind != EXPR_SYMBOL) return false;
    const struct expr *up = f->arg[1];
    bool minus_one = up->kind == EXPR_NEG && up->arg[0]->kind == EXPR_NUMBER && !strcmp(up->arg[0]->text, "1");
    return minus_one && f->arg[0]->n_text == 1 && strchr("fgh", f->arg[0]->text[0]);
}

/* What may precede an answer: x, f(x), (x, y), AB, |AB|, \frac{NO}{BO}, V_1 : V_2. */
static bool is_name(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_SYMBOL:
    case EXPR_APPLY:
    case EXPR_TEXT: return true;
    case EXPR_TUPLE:
    case EXPR_LIST:
    case EXPR_SET:
    case EXPR_BRACKETS:
        for (uint32_t i = 0; i < e->n; i++)
            if (e->arg[i]->kind != EXPR_SYMBOL && e->arg[i]->kind != EXPR_APPLY && e->arg[i]->kind != EXPR_E &&
                e->arg[i]->kind != EXPR_I)
                return false;
        return e->n > 0;
    case EXPR_CALL:
        if (e->sub == FN_MAX || e->sub == FN_MIN) return e->n == 1 && is_name(e->arg[0]);
        if (e->sub != FN_ABS) return false;
        return is_name(e->arg[0]) || (e->arg[0]->kind == EXPR_MUL && is_name(e->arg[0]));
    case EXPR_MUL:
    case EXPR_DIV:
    case EXPR_RATIO:
        if (e->kind == EXPR_MUL && (is_angle(e) || is_inverse(e))) return true;
        for (uint32_t i = 0; i < e->n; i++)
            if (!upper(e->arg[i]) &&
                !((e->arg[i]->kind == EXPR_MUL || e->arg[i]->kind == EXPR_RATIO) && is_name(e->arg[i])))
                return false;
        return true;
    default: return false;
    }
}

/* Do two names mean the same thing? W(n) and W(x) do; y and f(x) do. */
static bool same_name(const struct expr *a, const struct expr *b)
{
    if (raml_expr_same(a, b)) return true;
    if (a->kind == EXPR_APPLY && b->kind == EXPR_APPLY) return !strcmp(a->text, b->text);
    const struct expr *f = a->kind == EXPR_APPLY ? a : b, *x = f == a ? b : a;
    return f->kind == EXPR_APPLY && x->kind == EXPR_SYMBOL && (!strcmp(x->text, "y") || !strcmp(x->text, f->text));
}

const struct expr *raml_compare_value(struct check *c, const struct expr *e, const struct expr **name)
{
    if (name) *name = NULL;
    if (e->kind != EXPR_RELATION) return e;
    bool any = false;
    uint32_t end = e->n;
    for (uint32_t i = 0; i + 1 < e->n; i++) {
        if (e->text[i] != EXPR_EQ && e->text[i] != EXPR_APPROX && e->text[i] != EXPR_IN) return e;
        if (e->text[i] == EXPR_APPROX && end == e->n && (i || !is_name(e->arg[0]))) end = i + 1; /* a = b ~ 0.3: b */
    }
    for (uint32_t i = 0; i + 1 < end; i++) any = any || is_name(e->arg[i]);
    if (end == e->n && !any) {
        /* "3 + 5 = 8": arithmetic that ends in its value, not an equation; it has to hold */
        const char *rule;
        const struct expr *before = NULL;
        for (uint32_t i = 0; i < e->n; i++) {
            const struct expr *v = e->arg[i]->kind == EXPR_BASE ? raml_compare_based_value(c, e->arg[i]) : e->arg[i];
            if (v && v->kind == EXPR_UNIT) v = v->arg[0];
            if (!v || !raml_expr_is_scalar(v) || raml_expr_has_symbol(v)) return e;
            if (i && raml_decide(before, v, &c->work, &rule) != RAML_EQUAL) return e;
            before = v;
        }
    }
    if (name && any) *name = e->arg[0];
    return e->arg[end - 1];
}

/* A quantity that is given its value: "m+n = 256+37 = 293", "293 = m+n", "AB^2 = 50"; or a function written otherwise:
 * "(x+1)^2 = x^2+2x+1". What is constant in it must agree. NULL: another relation. *name: what is given. */
static const struct expr *given_value(struct check *c, const struct expr *e, const struct expr **name)
{
    const struct expr *value = NULL, *before = NULL;
    const char *rule;
    bool same = true;
    *name = NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *v = e->arg[i];
        if (i && e->text[i - 1] == EXPR_APPROX && value) break; /* = 1/3, about 0.33 */
        if (i && e->text[i - 1] != EXPR_EQ && e->text[i - 1] != EXPR_APPROX) return NULL;
        bool letter = !i && (v->kind == EXPR_E || v->kind == EXPR_I); /* "e = 1/2" */
        if (raml_expr_is_scalar(v) && !raml_expr_has_symbol(v) && !letter) {
            if (value && raml_decide(value, v, &c->work, &rule) != RAML_EQUAL) return NULL;
            value = v;
        } else {
            if (!*name) *name = v;
            if (before && same) same = raml_decide(before, v, &c->work, &rule) == RAML_EQUAL;
            before = v;
        }
    }
    if (value) return *name ? value : NULL;
    return same ? before : NULL;
}

/* Does gold ask for the sum of these: "m+n"? What has other factors, or coordinates, may be an equation itself. */
static bool is_sum_of_names(const struct expr *e)
{
    if (e->kind != EXPR_ADD) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (e->arg[i]->kind != EXPR_SYMBOL || strchr("xyzt", e->arg[i]->text[0])) return false;
    return true;
}

/* ---- equations ---- */

static char flipped(char r)
{
    switch (r) {
    case EXPR_LT: return EXPR_GT;
    case EXPR_GT: return EXPR_LT;
    case EXPR_LE: return EXPR_GE;
    case EXPR_GE: return EXPR_LE;
    default: return r;
    }
}

static bool turns_round(char r)
{
    return r == EXPR_EQ || r == EXPR_NE || r == EXPR_EQUIV || r == EXPR_APPROX || flipped(r) != r;
}

static enum raml_verdict side_by_side(struct check *c, const struct expr *a, const struct expr *b, bool round)
{
    enum raml_verdict all = RAML_EQUAL;
    for (uint32_t i = 0; i + 1 < a->n; i++) {
        char rb = round ? b->text[a->n - 2 - i] : b->text[i];
        if (round && !turns_round(rb)) return RAML_DIFFERENT;
        if (a->text[i] != (round ? flipped(rb) : rb)) return RAML_DIFFERENT;
    }
    for (uint32_t i = 0; i < a->n && all != RAML_DIFFERENT; i++) {
        enum raml_verdict v = raml_compare(c, a->arg[i], b->arg[round ? a->n - 1 - i : i]);
        if (v != RAML_EQUAL) all = v;
    }
    return all;
}

static void gather(const struct expr *e, const char **names, uint32_t *n)
{
    if (e->kind == EXPR_SYMBOL) {
        for (uint32_t i = 0; i < *n; i++)
            if (!strcmp(names[i], e->text)) return;
        if (*n < MAX_NAMES) names[(*n)++] = e->text;
    }
    for (uint32_t i = 0; i < e->n; i++) gather(e->arg[i], names, n);
}

static const struct expr *replaced(struct expr_pool *p, const struct expr *e, const char *const *names, uint32_t n,
                                   int k)
{
    if (e->kind == EXPR_SYMBOL)
        for (uint32_t i = 0; i < n; i++)
            if (!strcmp(names[i], e->text)) return raml_expr_int(p, 3 + 7 * k + (long)i * (i + 5 + k));
    if (!e->n) return e;
    struct expr *copy = raml_expr_new(p, e->kind, e->n);
    if (!copy) return NULL;
    const struct expr **arg = copy->arg;
    *copy = *e;
    copy->arg = arg;
    for (uint32_t i = 0; i < e->n; i++) {
        arg[i] = replaced(p, e->arg[i], names, n, k);
        if (!arg[i]) return NULL;
    }
    return copy;
}

static const struct expr *difference(struct check *c, const struct expr *e)
{
    return raml_expr_2(&c->pool, EXPR_ADD, e->arg[0], raml_expr_1(&c->pool, EXPR_NEG, e->arg[1]));
}

/* Is one difference of sides a constant multiple of the other? *sign: the factor's, 0 when it is not real.
 * The factor is their quotient at one point; then the identity is decided. */
static enum raml_verdict proportional(struct check *c, const struct expr *a, const struct expr *b, int *sign)
{
    const char *names[MAX_NAMES], *rule;
    uint32_t n = 0;
    const struct expr *x = difference(c, a), *y = difference(c, b), *zero = raml_expr_int(&c->pool, 0);
    *sign = 0;
    if (!x || !y || !zero || !raml_expr_is_scalar(x) || !raml_expr_is_scalar(y)) return RAML_UNKNOWN;
    gather(x, names, &n);
    gather(y, names, &n);
    for (int k = 0; k < 3; k++) {
        const struct expr *px = replaced(&c->pool, x, names, n, k), *py = replaced(&c->pool, y, names, n, k);
        if (!px || !py) return RAML_UNKNOWN;
        enum raml_verdict zx = raml_decide(px, zero, &c->work, &rule), zy = raml_decide(py, zero, &c->work, &rule);
        if (zx == RAML_UNKNOWN || zy == RAML_UNKNOWN) continue;
        if (zx == RAML_EQUAL && zy == RAML_EQUAL) continue;
        if (zx != zy) return RAML_DIFFERENT; /* one vanishes there, the other does not */
        const struct expr *f = raml_expr_2(&c->pool, EXPR_DIV, px, py);
        if (!f || !raml_decide_order(f, zero, &c->work, sign)) *sign = 0;
        return raml_decide(x, raml_expr_2(&c->pool, EXPR_MUL, f, y), &c->work, &rule);
    }
    return RAML_UNKNOWN;
}

/* The product of all that e divides by; NULL: nothing, or too much. */
static const struct expr *denominators(struct check *c, const struct expr *e, const struct expr *all)
{
    if (e->kind == EXPR_DIV && raml_expr_has_symbol(e->arg[1])) {
        bool known = all && raml_expr_same(all, e->arg[1]);
        if (!known) all = all ? raml_expr_2(&c->pool, EXPR_MUL, all, e->arg[1]) : e->arg[1];
    }
    for (uint32_t i = 0;
         i < e->n && (e->kind == EXPR_ADD || e->kind == EXPR_NEG || e->kind == EXPR_MUL || e->kind == EXPR_DIV); i++)
        all = denominators(c, e->arg[i], all);
    return all;
}

/* "y = 1/x" and "xy = 1": the same when multiplied out. */
static bool same_multiplied_out(struct check *c, const struct expr *a, const struct expr *b)
{
    const struct expr *side[2] = {a, b}, *zero = raml_expr_int(&c->pool, 0);
    struct expr *out[2] = {NULL, NULL};
    bool any = false;
    int sign;
    for (int k = 0; k < 2; k++) {
        const struct expr *d = side[k]->text[0] == EXPR_EQ ? difference(c, side[k]) : NULL;
        const struct expr *by = d && raml_expr_is_scalar(d) ? denominators(c, d, NULL) : NULL;
        if (!d || !zero || !raml_expr_is_scalar(d)) return false;
        any = any || by;
        if (by) d = raml_expr_2(&c->pool, EXPR_MUL, d, by);
        out[k] = d && raml_expr_fits(d, EXPR_MAX_SIZE / 4)
                     ? (struct expr *)raml_expr_text(&c->pool, EXPR_RELATION, "=", 1)
                     : NULL;
        const struct expr **arg = out[k] ? raml_arena_alloc(c->pool.arena, 2, sizeof *arg) : NULL;
        if (!arg) return false;
        arg[0] = d;
        arg[1] = zero;
        out[k]->arg = arg;
        out[k]->n = 2;
    }
    return any && proportional(c, out[0], out[1], &sign) == RAML_EQUAL;
}

static bool same_relation(char r, char s, int sign)
{
    if (r == EXPR_EQ || r == EXPR_NE) return r == s;
    if (flipped(r) == r) return false;
    return sign > 0 ? r == s : sign < 0 && r == flipped(s);
}

/* x = 3 (mod 7), its MOD; NULL: no congruence. */
static const struct expr *congruence(const struct expr *e)
{
    if (e->kind != EXPR_RELATION || e->n != 2 || (e->text[0] != EXPR_EQUIV && e->text[0] != EXPR_EQ)) return NULL;
    const struct expr *mod = e->arg[1];
    return mod->kind == EXPR_CALL && mod->sub == FN_MOD && mod->n == 2 ? mod : NULL;
}

/* Two congruences: the same residue of the same modulus. */
static enum raml_verdict congruences(struct check *c, const struct expr *a, const struct expr *b)
{
    const struct expr *x = congruence(a), *y = congruence(b);
    enum raml_verdict name = raml_compare(c, a->arg[0], b->arg[0]);
    enum raml_verdict modulus = raml_compare(c, x->arg[1], y->arg[1]);
    if (modulus != RAML_EQUAL) return raml_compare_said(c, modulus, "congruences of other moduli");
    if (name != RAML_EQUAL) return raml_compare_said(c, RAML_UNKNOWN, "congruences of other numbers");
    return raml_compare(c, x, y);
}

/* f(t) = 2t+1 beside f(x): the value y, in the other's letter. */
static const struct expr *in_letter_of(struct check *c, const struct expr *a, const struct expr *b,
                                       const struct expr *y)
{
    if (a->kind != EXPR_APPLY || b->kind != EXPR_APPLY || a->n != 1 || b->n != 1) return y;
    if (a->arg[0]->kind != EXPR_SYMBOL || b->arg[0]->kind != EXPR_SYMBOL || raml_poly_has(y, a->arg[0])) return y;
    const struct expr *renamed = raml_expr_replace(&c->pool, y, b->arg[0]->text, a->arg[0]);
    return renamed ? renamed : y;
}

static enum raml_verdict both_relations(struct check *c, const struct expr *a, const struct expr *b)
{
    enum raml_verdict v = RAML_DIFFERENT;
    if (congruence(a) && congruence(b)) return congruences(c, a, b);
    if (a->n == b->n) {
        v = side_by_side(c, a, b, false);
        if (v != RAML_EQUAL && side_by_side(c, a, b, true) == RAML_EQUAL) v = RAML_EQUAL;
        if (v == RAML_EQUAL) return raml_compare_said(c, v, "relations side by side");
    }
    const struct expr *name_a, *name_b;
    const struct expr *x = raml_compare_value(c, a, &name_a), *y = raml_compare_value(c, b, &name_b);
    if (x != a && y != b) {
        if (name_a && name_b && !same_name(name_a, name_b)) {
            enum raml_verdict names = raml_compare(c, name_a, name_b);
            if (names != RAML_EQUAL && a->n == 2 && b->n == 2) goto equations;
            if (names != RAML_EQUAL) return raml_compare_said(c, RAML_DIFFERENT, "values of other names");
        } else if (name_a && name_b) {
            y = in_letter_of(c, name_a, name_b, y);
        }
        return raml_compare(c, x, y);
    }
equations:
    if (a->n != b->n) { /* "m+n = 256+37 = 293" and "m+n = 293" */
        x = given_value(c, a, &name_a);
        y = given_value(c, b, &name_b);
        if (x && y && name_a && name_b && raml_compare(c, name_a, name_b) == RAML_EQUAL) return raml_compare(c, x, y);
    }
    if (raml_compare_is_set(a) && raml_compare_is_set(b)) {
        enum raml_verdict sets = raml_compare_sets(c, a, b);
        if (c->rule && sets != RAML_UNKNOWN) return sets;
    }
    if (a->n == 2 && b->n == 2 && raml_expr_is_scalar(a) == raml_expr_is_scalar(b)) {
        int sign;
        enum raml_verdict p = proportional(c, a, b, &sign);
        if (p == RAML_EQUAL && same_relation(a->text[0], b->text[0], sign))
            return raml_compare_said(c, p, "one a multiple of the other");
        if (same_multiplied_out(c, a, b)) return raml_compare_said(c, RAML_EQUAL, "the same, multiplied out");
        return raml_compare_said(c, p == RAML_UNKNOWN && v != RAML_EQUAL ? RAML_UNKNOWN : RAML_DIFFERENT,
                                 "relations that differ");
    }
    return raml_compare_said(c, v == RAML_UNKNOWN ? v : RAML_DIFFERENT, "relations that differ");
}

enum raml_verdict raml_compare_relations(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->kind == EXPR_RELATION && b->kind == EXPR_RELATION) return both_relations(c, a, b);
    const struct expr *r = a->kind == EXPR_RELATION ? a : b, *x = r == a ? b : a;
    const struct expr *mod = is_name(r->arg[0]) ? congruence(r) : NULL;
    if (mod && raml_expr_is_scalar(x)) { /* "x = 3 (mod 7)" answers 3 */
        if (r->text[0] == EXPR_EQUIV && raml_compare(c, mod->arg[0], x) == RAML_EQUAL)
            return raml_compare_said(c, RAML_EQUAL, "the residue");
        return raml_compare(c, mod, x);
    }
    const struct expr *value = raml_compare_value(c, r, NULL);
    if (value != r) {
        raml_work_say(&c->work, "the name in front is left aside");
        return r == a ? raml_compare(c, value, x) : raml_compare(c, x, value);
    }
    const struct expr *name, *given = raml_expr_is_scalar(x) ? given_value(c, r, &name) : NULL;
    if (given && (r == b || raml_expr_has_symbol(given) || is_sum_of_names(name))) {
        raml_work_say(&c->work, "what is given a value is left aside");
        return r == a ? raml_compare(c, given, x) : raml_compare(c, x, given);
    }
    if (raml_compare_is_set(r) && raml_compare_is_set(x)) {
        enum raml_verdict v = raml_compare_sets(c, a, b);
        if (c->rule) return v;
    }
    if (x->n == 1 && (x->kind == EXPR_LIST || x->kind == EXPR_SET || x->kind == EXPR_CASES))
        return raml_compare(c, r, x->arg[0]);
    return raml_compare_said(c, RAML_DIFFERENT, "a relation and something else");
}
