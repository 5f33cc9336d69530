/* compare_solve.c - inequalities in one variable that are linear, or of an absolute value or a square, solved for it
 * (compare.h): 2x+1 < 7 is x < 3, |x-1| < 3 is -2 < x < 4, x^2 > 4 is x < -2 or x > 2. */
#include "answer/compare/compare.h"
#include "answer/compare/poly.h"

#include <string.h>

static const struct expr *one_name(const struct expr *e, bool *several)
{
    if (e->kind == EXPR_SYMBOL) return e;
    const struct expr *name = NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *here = one_name(e->arg[i], several);
        if (here && name && strcmp(here->text, name->text) != 0) *several = true;
        if (here) name = here;
    }
    return name;
}

static const struct expr *relation(struct check *c, const struct expr *a, char sign, const struct expr *b)
{
    struct expr *r = (struct expr *)raml_expr_text(&c->pool, EXPR_RELATION, &sign, 1);
    const struct expr **arg = r && a && b ? raml_arena_alloc(c->pool.arena, 2, sizeof *arg) : NULL;
    if (!arg) return NULL;
    arg[0] = a;
    arg[1] = b;
    r->arg = arg;
    r->n = 2;
    return r;
}

static char flipped(char r)
{
    return r == EXPR_LT ? EXPR_GT : r == EXPR_GT ? EXPR_LT : r == EXPR_LE ? EXPR_GE : r == EXPR_GE ? EXPR_LE : r;
}

/* u sign bound, u linear in x: x and a number. NULL: it is not. */
static const struct expr *linear(struct check *c, const struct expr *u, char sign, const struct expr *bound,
                                 const struct expr *x)
{
    struct expr_pool *p = &c->pool;
    struct raml_poly poly;
    int order;
    const struct expr *zero = raml_expr_int(p, 0);
    if (!zero || !raml_poly_of(p, u, x, &poly) || poly.n != 1 || !poly.c[1]) return NULL;
    if (!raml_decide_order(poly.c[1], zero, &c->work, &order) || !order) return NULL;
    const struct expr *rest = poly.c[0] ? raml_expr_2(p, EXPR_ADD, bound, raml_expr_1(p, EXPR_NEG, poly.c[0])) : bound;
    const struct expr *at = raml_expr_2(p, EXPR_DIV, rest, poly.c[1]);
    return relation(c, x, order > 0 ? sign : flipped(sign), at);
}

/* |u| sign r. */
static const struct expr *absolute(struct check *c, const struct expr *u, char sign, const struct expr *r,
                                   const struct expr *x)
{
    struct expr_pool *p = &c->pool;
    int order;
    const struct expr *zero = raml_expr_int(p, 0);
    if (!zero || !raml_decide_order(r, zero, &c->work, &order) || order <= 0) return NULL;
    bool inside = sign == EXPR_LT || sign == EXPR_LE;
    const struct expr *high = linear(c, u, sign, r, x);
    const struct expr *low = linear(c, u, flipped(sign), raml_expr_1(p, EXPR_NEG, r), x);
    if (!high || !low) return NULL;
    if (!inside) return raml_expr_2(p, EXPR_LIST, high, low);
    bool swapped = flipped(high->text[0]) == sign; /* -x < 3 */
    const struct expr *from = swapped ? high : low, *to = swapped ? low : high;
    struct expr *i = raml_expr_new(p, EXPR_INTERVAL, 2);
    if (!i) return NULL;
    i->arg[0] = from->arg[1];
    i->arg[1] = to->arg[1];
    i->sub = sign == EXPR_LT ? EXPR_OPEN_LEFT | EXPR_OPEN_RIGHT : 0;
    return relation(c, x, EXPR_IN, i);
}

const struct expr *raml_compare_solve(struct check *c, const struct expr *e)
{
    bool several = false;
    long two;
    if (e->kind != EXPR_RELATION || e->n != 2 || !strchr("<>lg", e->text[0])) return NULL;
    const struct expr *x = one_name(e, &several), *a = e->arg[0], *b = e->arg[1];
    char sign = e->text[0];
    if (!x || several || !raml_expr_is_scalar(a) || !raml_expr_is_scalar(b)) return NULL;
    if (!raml_poly_has(a, x)) {
        const struct expr *t = a;
        a = b, b = t;
        sign = flipped(sign);
    }
    if (raml_poly_has(b, x)) {
        a = raml_expr_2(&c->pool, EXPR_ADD, a, raml_expr_1(&c->pool, EXPR_NEG, b));
        b = raml_expr_int(&c->pool, 0);
        if (!a || !b) return NULL;
    }
    if (a->kind == EXPR_CALL && a->sub == FN_ABS) return absolute(c, a->arg[0], sign, b, x);
    if (a->kind == EXPR_POW && raml_poly_small(a->arg[1], &two) && two == 2)
        return absolute(c, a->arg[0], sign, raml_expr_call(&c->pool, FN_SQRT, b, NULL), x);
    return linear(c, a, sign, b, x);
}
