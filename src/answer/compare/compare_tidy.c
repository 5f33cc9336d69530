/* compare_tidy.c - plus-minus written out, matrices computed, units (compare.h). */
#include "answer/compare/compare.h"

#include <string.h>

enum { MAX_DETERMINANT = 5 };

/* ---- plus-minus ---- */

static bool has_plus_minus(const struct expr *e)
{
    if (e->kind == EXPR_PLUS_MINUS) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (has_plus_minus(e->arg[i])) return true;
    return false;
}

/* e with the upper (or lower) of all signs. */
static const struct expr *one_sign(struct expr_pool *p, const struct expr *e, bool upper)
{
    if (!has_plus_minus(e)) return e;
    struct expr *copy = raml_expr_new(p, e->kind, e->n);
    if (!copy) return NULL;
    const struct expr **arg = copy->arg;
    *copy = *e;
    copy->arg = arg;
    for (uint32_t i = 0; i < e->n; i++) {
        arg[i] = one_sign(p, e->arg[i], upper);
        if (!arg[i]) return NULL;
    }
    if (e->kind != EXPR_PLUS_MINUS) return copy;
    const struct expr *last = arg[e->n - 1];
    if ((e->sub == 1) == upper) last = raml_expr_1(p, EXPR_NEG, last);
    return e->n == 2 ? raml_expr_2(p, EXPR_ADD, arg[0], last) : last;
}

/* ---- matrices ---- */

static const struct expr *each(struct check *c, const struct expr *m, enum expr_kind kind, const struct expr *by)
{
    struct expr *e = raml_expr_new(&c->pool, EXPR_MATRIX, m->n);
    if (!e) return NULL;
    e->rows = m->rows;
    for (uint32_t i = 0; i < m->n; i++) {
        e->arg[i] =
            kind == EXPR_NEG ? raml_expr_1(&c->pool, EXPR_NEG, m->arg[i]) : raml_expr_2(&c->pool, kind, m->arg[i], by);
        if (!e->arg[i]) return NULL;
    }
    return e;
}

static const struct expr *add_matrices(struct check *c, const struct expr *a, const struct expr *b)
{
    if (a->n != b->n || a->rows != b->rows) return NULL;
    struct expr *e = raml_expr_new(&c->pool, EXPR_MATRIX, a->n);
    if (!e) return NULL;
    e->rows = a->rows;
    for (uint32_t i = 0; i < a->n; i++) {
        e->arg[i] = raml_expr_2(&c->pool, EXPR_ADD, a->arg[i], b->arg[i]);
        if (!e->arg[i]) return NULL;
    }
    return e;
}

static const struct expr *multiply_matrices(struct check *c, const struct expr *a, const struct expr *b)
{
    uint32_t inner = a->rows ? a->n / a->rows : 0, columns = b->rows ? b->n / b->rows : 0;
    if (inner != b->rows || !inner || (size_t)a->rows * columns * inner > 512) return NULL;
    struct expr *e = raml_expr_new(&c->pool, EXPR_MATRIX, a->rows * columns);
    if (!e) return NULL;
    e->rows = a->rows;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *sum = NULL;
        for (uint32_t k = 0; k < inner; k++) {
            const struct expr *t =
                raml_expr_2(&c->pool, EXPR_MUL, a->arg[i / columns * inner + k], b->arg[k * columns + i % columns]);
            sum = sum ? raml_expr_2(&c->pool, EXPR_ADD, sum, t) : t;
        }
        e->arg[i] = sum;
        if (!sum || !raml_expr_fits(sum, EXPR_MAX_SIZE / 64)) return NULL;
    }
    return e;
}

/* The determinant of a square matrix of at most 5 rows, by its first row; NULL: too large. `left` has the columns that
 * remain, n of them. */
static const struct expr *minor_of(struct check *c, const struct expr *m, uint32_t row, const uint32_t *left,
                                   uint32_t n)
{
    if (n == 1) return m->arg[row * m->rows + left[0]];
    struct expr *sum = raml_expr_new(&c->pool, EXPR_ADD, n);
    for (uint32_t i = 0; sum && i < n; i++) {
        uint32_t rest[MAX_DETERMINANT], k = 0;
        for (uint32_t j = 0; j < n; j++)
            if (j != i) rest[k++] = left[j];
        const struct expr *a =
            raml_expr_2(&c->pool, EXPR_MUL, m->arg[row * m->rows + left[i]], minor_of(c, m, row + 1, rest, n - 1));
        sum->arg[i] = i % 2 ? raml_expr_1(&c->pool, EXPR_NEG, a) : a;
        if (!a) return NULL;
    }
    return sum;
}

/* e itself where it is no determinant of a square matrix: det A, |A|. */
static const struct expr *determinant(struct check *c, const struct expr *e)
{
    bool det = (e->kind == EXPR_APPLY && !strcmp(e->text, "det")) || (e->kind == EXPR_CALL && e->sub == FN_ABS);
    const struct expr *m = det && e->n == 1 ? e->arg[0] : NULL;
    if (!m || m->kind != EXPR_MATRIX || m->rows > MAX_DETERMINANT || m->n != m->rows * m->rows) return e;
    static const uint32_t all[MAX_DETERMINANT] = {0, 1, 2, 3, 4};
    const struct expr *d = minor_of(c, m, 0, all, m->rows);
    return d && raml_expr_fits(d, EXPR_MAX_SIZE / 2) ? d : e;
}

/* e (its arguments tidy) with sums and products of matrices computed; e itself if there are none. */
static const struct expr *work_out(struct check *c, const struct expr *e)
{
    if ((e->kind == EXPR_NEG) && e->arg[0]->kind == EXPR_MATRIX) return each(c, e->arg[0], EXPR_NEG, NULL);
    if (e->kind == EXPR_DIV && e->arg[0]->kind == EXPR_MATRIX && raml_expr_is_scalar(e->arg[1]))
        return each(c, e->arg[0], EXPR_DIV, e->arg[1]);
    if (e->kind != EXPR_ADD && e->kind != EXPR_MUL) return e;
    uint32_t matrices = 0;
    for (uint32_t i = 0; i < e->n; i++) matrices += e->arg[i]->kind == EXPR_MATRIX;
    if (!matrices || (e->kind == EXPR_ADD && matrices < e->n)) return e;
    const struct expr *sum = e->arg[0];
    for (uint32_t i = 1; i < e->n && sum; i++) {
        const struct expr *a = e->arg[i];
        if (e->kind == EXPR_ADD) sum = add_matrices(c, sum, a);
        else if (sum->kind == EXPR_MATRIX && a->kind == EXPR_MATRIX) sum = multiply_matrices(c, sum, a);
        else if (sum->kind == EXPR_MATRIX && raml_expr_is_scalar(a)) sum = each(c, sum, EXPR_MUL, a);
        else if (a->kind == EXPR_MATRIX && raml_expr_is_scalar(sum)) sum = each(c, a, EXPR_MUL, sum);
        else if (raml_expr_is_scalar(a) && raml_expr_is_scalar(sum)) sum = raml_expr_2(&c->pool, EXPR_MUL, sum, a);
        else return e;
    }
    return sum ? sum : e;
}

/* ---- sets ---- */

static bool is_set(const struct expr *e)
{
    return e->kind == EXPR_SET || e->kind == EXPR_INTERVAL || e->kind == EXPR_UNION || e->kind == EXPR_MINUS_SET;
}

/* R - {0} is R without 0; e itself if it is no difference of sets. */
static const struct expr *set_difference(struct check *c, const struct expr *e)
{
    if (e->kind != EXPR_ADD || e->n != 2 || e->arg[1]->kind != EXPR_NEG) return e;
    const struct expr *from = e->arg[0];
    bool interval = (from->kind == EXPR_BRACKETS || from->kind == EXPR_TUPLE) && e->arg[1]->arg[0]->kind == EXPR_SET;
    if ((!is_set(from) && !interval) || !is_set(e->arg[1]->arg[0])) return e;
    return raml_expr_2(&c->pool, EXPR_MINUS_SET, e->arg[0], e->arg[1]->arg[0]);
}

/* arccot 2 is arctan 1/2, arcsec 2 is arccos 1/2; e itself where it is none of these. */
static const struct expr *inverse_function(struct check *c, const struct expr *e)
{
    int order;
    if (e->kind != EXPR_CALL || e->n != 1 || (e->sub != FN_ACOT && e->sub != FN_ASEC && e->sub != FN_ACSC)) return e;
    const struct expr *zero = raml_expr_int(&c->pool, 0), *one = raml_expr_int(&c->pool, 1);
    if (!zero || !one || raml_expr_has_symbol(e)) return e;
    if (!raml_decide_order(e->arg[0], zero, &c->work, &order) || order <= 0) return e;
    enum expr_fn fn = e->sub == FN_ACOT ? FN_ATAN : e->sub == FN_ASEC ? FN_ACOS : FN_ASIN;
    return raml_expr_call(&c->pool, fn, raml_expr_2(&c->pool, EXPR_DIV, one, e->arg[0]), NULL);
}

/* $15 - $3, 3 * $4: one quantity; e itself where it is none. */
static const struct expr *quantities(struct check *c, const struct expr *e)
{
    const struct expr *unit = NULL;
    uint32_t many = 0;
    if ((e->kind != EXPR_ADD && e->kind != EXPR_MUL) || e->n > 16) return e;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = e->arg[i];
        if (a->kind != EXPR_UNIT) continue;
        if (unit && (unit->n_text != a->n_text || memcmp(unit->text, a->text, a->n_text) != 0)) return e;
        unit = a;
        many++;
    }
    if (!unit || many != (e->kind == EXPR_ADD ? e->n : 1)) return e;
    struct expr *value = raml_expr_new(&c->pool, e->kind, e->n);
    struct expr *out = value ? raml_expr_new(&c->pool, EXPR_UNIT, 1) : NULL;
    if (!out) return e;
    for (uint32_t i = 0; i < e->n; i++) value->arg[i] = e->arg[i]->kind == EXPR_UNIT ? e->arg[i]->arg[0] : e->arg[i];
    out->arg[0] = value;
    out->text = unit->text;
    out->n_text = unit->n_text;
    return out;
}

/* ---- the whole ---- */

static const struct expr *tidy(struct check *c, const struct expr *e, int depth);

static const struct expr *tidy_arguments(struct check *c, const struct expr *e, int depth)
{
    struct expr *copy = NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = tidy(c, e->arg[i], depth + 1);
        if (!a) return NULL;
        if (a->kind == EXPR_BASE && e->kind <= EXPR_APPLY) { /* arithmetic with it */
            const struct expr *v = raml_compare_based_value(c, a);
            if (v) a = v;
        }
        if (a == e->arg[i]) continue;
        if (!copy) {
            copy = raml_expr_new(&c->pool, e->kind, e->n);
            if (!copy) return NULL;
            const struct expr **arg = copy->arg;
            *copy = *e;
            copy->arg = arg;
            memcpy(copy->arg, e->arg, e->n * sizeof *e->arg);
        }
        copy->arg[i] = a;
    }
    return copy ? copy : e;
}

/* Flattens a list in a list, where +- made two of one. */
static const struct expr *flatten(struct check *c, const struct expr *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n; i++) n += e->arg[i]->kind == EXPR_LIST && e->arg[i]->sub ? e->arg[i]->n : 1;
    if (n == e->n) return e;
    struct expr *flat = raml_expr_new(&c->pool, e->kind, n);
    if (!flat) return NULL;
    n = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = e->arg[i];
        if (a->kind != EXPR_LIST || !a->sub) {
            flat->arg[n++] = a;
            continue;
        }
        memcpy(flat->arg + n, a->arg, a->n * sizeof *a->arg);
        n += a->n;
    }
    return flat;
}

static const struct expr *both_signs(struct check *c, const struct expr *e)
{
    struct expr *two = raml_expr_new(&c->pool, EXPR_LIST, 2);
    if (!two) return NULL;
    two->sub = 1; /* made here */
    two->arg[0] = one_sign(&c->pool, e, true);
    two->arg[1] = one_sign(&c->pool, e, false);
    return two->arg[0] && two->arg[1] ? two : NULL;
}

static bool scalar_but_signs(const struct expr *e)
{
    if (e->kind == EXPR_UNIT) return scalar_but_signs(e->arg[0]);
    if (e->kind > EXPR_APPLY && e->kind != EXPR_PLUS_MINUS) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (!scalar_but_signs(e->arg[i])) return false;
    return true;
}

static const struct expr *tidy(struct check *c, const struct expr *e, int depth)
{
    if (depth > EXPR_MAX_DEPTH * 2) return e;
    if (scalar_but_signs(e) && has_plus_minus(e)) {
        e = both_signs(c, e);
        if (!e) return NULL;
    }
    if (e->kind == EXPR_RELATION && e->n == 2 && has_plus_minus(e->arg[1]) && !has_plus_minus(e->arg[0]) &&
        scalar_but_signs(e->arg[1]) && (e->text[0] == EXPR_EQ || e->text[0] == EXPR_NE))
        return both_signs(c, e); /* x = +-2: x = 2, x = -2 */
    e = tidy_arguments(c, e, depth);
    if (e && e->kind == EXPR_NEG && e->arg[0]->kind == EXPR_UNIT) { /* -(5 dollars) */
        const struct expr *u = e->arg[0];
        struct expr *out = (struct expr *)raml_expr_1(&c->pool, EXPR_UNIT, raml_expr_1(&c->pool, EXPR_NEG, u->arg[0]));
        if (out) out->text = u->text, out->n_text = u->n_text;
        return out;
    }
    if (e && (e->kind == EXPR_LIST || e->kind == EXPR_SET || e->kind == EXPR_CASES)) e = flatten(c, e);
    if (e) e = determinant(c, set_difference(c, e));
    if (e) e = inverse_function(c, quantities(c, e));
    if (e) e = raml_compare_sum(c, e);
    return e ? work_out(c, e) : NULL;
}

const struct expr *raml_compare_tidy(struct check *c, const struct expr *e)
{
    e = tidy(c, e, 0);
    return e && raml_expr_fits(e, 2 * EXPR_MAX_SIZE) ? e : NULL;
}
