/* compare_telescope.c - sums that have no closed form of their own kind: of rational functions between numbers, and
 * those that the other side gives a closed form for, which is proved by induction (compare.h). */
#include "answer/compare/compare.h"
#include "answer/compare/poly.h"
#include "answer/decide/telescope.h"

#include <string.h>

static const struct expr *minus(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return raml_expr_2(p, EXPR_ADD, a, raml_expr_1(p, EXPR_NEG, b));
}

const struct expr *raml_compare_rational_sum(struct check *c, const struct expr *e, const struct expr *k)
{
    struct raml_poly above, below;
    long low, high = 0;
    bool infinite = e->arg[1]->kind == EXPR_INFINITY;
    if (!raml_poly_small(e->arg[0], &low) || (!infinite && !raml_poly_small(e->arg[1], &high))) return e;
    if (!raml_poly_ratio(&c->pool, e->arg[2], k, &above, &below)) return e;
    const struct expr *v = raml_telescope(&c->pool, above.c, above.n, below.c, below.n, low, infinite, high, &c->work);
    return v ? v : e;
}

/* The name that a sum binds. NULL: none. */
static const struct expr *bound_in(const struct expr *e)
{
    if (e->kind == EXPR_SYMBOL) return e->text[0] == '_' ? e : NULL;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *k = bound_in(e->arg[i]);
        if (k) return k;
    }
    return NULL;
}

/* n, or n and a whole number: the number. */
static bool name_and_number(const struct expr *e, const struct expr **name, long *number)
{
    *number = 0;
    if (e->kind == EXPR_ADD && e->n == 2 && raml_poly_small(e->arg[1], number)) e = e->arg[0];
    *name = e;
    return e->kind == EXPR_SYMBOL && e->text[0] != '_';
}

static enum raml_verdict decided(struct check *c, const struct expr *a, const struct expr *b)
{
    const char *rule;
    return a && b && raml_expr_fits(a, EXPR_MAX_SIZE) && raml_expr_fits(b, EXPR_MAX_SIZE)
               ? raml_decide(a, b, &c->work, &rule)
               : RAML_UNKNOWN;
}

/* The sum from a number to n + d, and f: the same where f is the first term at the first n, and grows by each term. */
enum raml_verdict raml_compare_induction(struct check *c, const struct expr *sum, const struct expr *f)
{
    struct expr_pool *p = &c->pool;
    const struct expr *n;
    long low, d;
    if (sum->kind != EXPR_APPLY || sum->n != 3 || strcmp(sum->text, "sum") != 0 || !raml_expr_is_scalar(f))
        return RAML_UNKNOWN;
    const struct expr *body = sum->arg[2], *k = bound_in(body);
    if (!k || bound_in(f) || !raml_poly_small(sum->arg[0], &low) || !name_and_number(sum->arg[1], &n, &d))
        return RAML_UNKNOWN;
    if (raml_poly_has(body, n) || !raml_poly_has(f, n)) return RAML_UNKNOWN; /* its terms change with n */
    const struct expr *one_less = minus(p, n, raml_expr_int(p, 1)), *first = raml_expr_int(p, low - d);
    const struct expr *before = one_less ? raml_expr_replace(p, f, n->text, one_less) : NULL;
    const struct expr *step = before ? minus(p, f, before) : NULL;
    const struct expr *last = raml_expr_replace(p, body, k->text, sum->arg[1]);
    const struct expr *f_first = first ? raml_expr_replace(p, f, n->text, first) : NULL;
    enum raml_verdict start = decided(c, f_first, raml_expr_replace(p, body, k->text, raml_expr_int(p, low)));
    if (start == RAML_DIFFERENT) return raml_expr_has_symbol(f_first) ? RAML_UNKNOWN : start;
    return start == RAML_EQUAL && decided(c, step, last) == RAML_EQUAL ? RAML_EQUAL : RAML_UNKNOWN;
}
