/* compare_set.c - sets of real numbers: intervals, points, unions, inequalities (compare.h).
 *
 * Both sides become sorted lists of segments that do not touch, ends decided exactly; such lists are unique, so two
 * sets are the same when their lists are.
 */
#include "answer/compare/compare.h"

#include <string.h>

enum { MAX_SEGMENTS = 64 };

struct end {
    const struct expr *at; /* NULL: infinite */
    bool open;
};
struct segment {
    struct end low, high;
};
struct segments {
    struct segment s[MAX_SEGMENTS];
    uint32_t n;
    const char *name; /* the variable of the relations; NULL: not known yet */
};

static bool is_infinite(const struct expr *e, int *sign)
{
    *sign = e->kind == EXPR_NEG ? -1 : 1;
    if (e->kind == EXPR_NEG) e = e->arg[0];
    return e->kind == EXPR_INFINITY;
}

bool raml_compare_is_set(const struct expr *e)
{
    switch (e->kind) {
    case EXPR_INTERVAL:
    case EXPR_UNION:
    case EXPR_INTERSECTION:
    case EXPR_MINUS_SET:
    case EXPR_SET: return true;
    case EXPR_TUPLE:
    case EXPR_BRACKETS: return e->n == 2 && raml_expr_is_scalar(e->arg[0]) && raml_expr_is_scalar(e->arg[1]);
    case EXPR_LIST:
        for (uint32_t i = 0; i < e->n; i++)
            if (e->arg[i]->kind != EXPR_RELATION && e->arg[i]->kind != EXPR_INTERVAL && e->arg[i]->kind != EXPR_UNION)
                return false;
        return true;
    case EXPR_RELATION:
        for (uint32_t i = 0; i + 1 < e->n; i++)
            if (!strchr("<>lg!e", e->text[i])) return false;
        return true;
    default: return false;
    }
}

static bool put(struct check *c, struct segments *x, struct end low, struct end high)
{
    int order;
    if (x->n == MAX_SEGMENTS) return false;
    if (low.at && (!raml_expr_is_scalar(low.at) || raml_expr_has_symbol(low.at))) return false;
    if (high.at && (!raml_expr_is_scalar(high.at) || raml_expr_has_symbol(high.at))) return false;
    if (low.at && high.at) {
        if (!raml_decide_order(low.at, high.at, &c->work, &order)) return false;
        if (order > 0) return false; /* (5, 2) is a point of the plane, not an interval */
        if (order == 0 && (low.open || high.open)) return low.open && high.open; /* empty */
    }
    x->s[x->n++] = (struct segment){low, high};
    return true;
}

static struct end end_of(const struct expr *e, bool open, int side)
{
    int sign;
    if (is_infinite(e, &sign) && sign == side) return (struct end){NULL, true};
    return (struct end){e, open};
}

static bool gather(struct check *c, struct segments *x, const struct expr *e, int depth);

static bool is_variable(struct segments *x, const struct expr *e)
{
    if (e->kind != EXPR_SYMBOL && e->kind != EXPR_APPLY) return false;
    if (x->name && strcmp(x->name, e->text) != 0) return false;
    x->name = e->text;
    return true;
}

/* x op c, with the sides already in this order. */
static bool half_line(struct check *c, struct segments *x, char op, const struct expr *bound)
{
    struct end none = {NULL, true};
    switch (op) {
    case EXPR_LT:
    case EXPR_LE: return put(c, x, none, end_of(bound, op == EXPR_LT, 1));
    case EXPR_GT:
    case EXPR_GE: return put(c, x, end_of(bound, op == EXPR_GT, -1), none);
    case EXPR_EQ: return put(c, x, (struct end){bound, false}, (struct end){bound, false});
    case EXPR_NE: return put(c, x, none, (struct end){bound, true}) && put(c, x, (struct end){bound, true}, none);
    default: return false;
    }
}

static bool from_relation(struct check *c, struct segments *x, const struct expr *e, int depth)
{
    if (e->n == 2 && e->text[0] == EXPR_IN) return is_variable(x, e->arg[0]) && gather(c, x, e->arg[1], depth + 1);
    if (e->n == 2 && is_variable(x, e->arg[0])) return half_line(c, x, e->text[0], e->arg[1]);
    if (e->n == 2 && is_variable(x, e->arg[1])) {
        char r = e->text[0];
        r = r == EXPR_LT ? EXPR_GT : r == EXPR_GT ? EXPR_LT : r == EXPR_LE ? EXPR_GE : r == EXPR_GE ? EXPR_LE : r;
        return half_line(c, x, r, e->arg[0]);
    }
    if (e->n == 2 && depth < 4) {
        const struct expr *solved = raml_compare_solve(c, e);
        return solved && gather(c, x, solved, depth + 4);
    }
    if (e->n != 3 || !is_variable(x, e->arg[1])) return false;
    bool up = strchr("<l", e->text[0]) && strchr("<l", e->text[1]);
    bool down = strchr(">g", e->text[0]) && strchr(">g", e->text[1]);
    if (!up && !down) return false;
    const struct expr *low = e->arg[up ? 0 : 2], *high = e->arg[up ? 2 : 0];
    char left = e->text[up ? 0 : 1], right = e->text[up ? 1 : 0];
    return put(c, x, end_of(low, left == '<' || left == '>', -1), end_of(high, right == '<' || right == '>', 1));
}

/* *order of two lower ends (side -1), or of a lower and an upper one. False: not decided. */
static bool order_ends(struct check *c, struct end a, struct end b, int side_a, int side_b, int *order)
{
    if (!a.at || !b.at) {
        int x = a.at ? 0 : side_a, y = b.at ? 0 : side_b;
        *order = (x > y) - (x < y);
        return true;
    }
    return raml_decide_order(a.at, b.at, &c->work, order);
}

/* Sorts, and merges segments that touch. False: some order is not decided. */
static bool settle(struct check *c, struct segments *x)
{
    int order;
    for (uint32_t i = 1; i < x->n; i++) {
        for (uint32_t k = i; k > 0; k--) {
            if (!order_ends(c, x->s[k - 1].low, x->s[k].low, -1, -1, &order)) return false;
            if (order < 0 || (order == 0 && x->s[k - 1].low.open <= x->s[k].low.open)) break;
            struct segment t = x->s[k];
            x->s[k] = x->s[k - 1];
            x->s[k - 1] = t;
        }
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        if (n) {
            struct segment *s = &x->s[n - 1];
            if (!order_ends(c, s->high, x->s[i].low, 1, -1, &order)) return false;
            if (order > 0 || (order == 0 && !(s->high.open && x->s[i].low.open))) {
                if (!order_ends(c, s->high, x->s[i].high, 1, 1, &order)) return false;
                if (order < 0) s->high = x->s[i].high;
                else if (order == 0) s->high.open = s->high.open && x->s[i].high.open;
                continue;
            }
        }
        x->s[n++] = x->s[i];
    }
    x->n = n;
    return true;
}

/* ---- intersections ---- */

static struct segments *another(struct check *c)
{
    return raml_arena_alloc(c->pool.arena, 1, sizeof(struct segments));
}

static bool same_variable(struct segments *x, const struct segments *y)
{
    if (x->name && y->name && strcmp(x->name, y->name) != 0) return false;
    if (!x->name) x->name = y->name;
    return true;
}

/* x = x and y, both settled. */
static bool intersect(struct check *c, struct segments *x, const struct segments *y)
{
    struct segments *out = another(c);
    int order;
    if (!out || !same_variable(x, y)) return false;
    out->name = x->name;
    for (uint32_t i = 0; i < x->n; i++) {
        for (uint32_t k = 0; k < y->n; k++) {
            struct end low = x->s[i].low, high = x->s[i].high;
            if (!order_ends(c, low, y->s[k].low, -1, -1, &order)) return false;
            if (order < 0 || (order == 0 && y->s[k].low.open)) low = y->s[k].low;
            if (!order_ends(c, high, y->s[k].high, 1, 1, &order)) return false;
            if (order > 0 || (order == 0 && y->s[k].high.open)) high = y->s[k].high;
            if (!order_ends(c, low, high, -1, 1, &order)) return false;
            if (order > 0 || (order == 0 && (low.open || high.open))) continue;
            if (out->n == MAX_SEGMENTS) return false;
            out->s[out->n++] = (struct segment){low, high};
        }
    }
    *x = *out;
    return true;
}

/* What a settled x leaves of the real numbers. */
static bool complement(struct check *c, struct segments *x)
{
    struct segments *out = another(c);
    struct end low = {NULL, true};
    if (!out) return false;
    out->name = x->name;
    for (uint32_t i = 0; i < x->n; i++) {
        struct end high = x->s[i].low;
        if (high.at) out->s[out->n++] = (struct segment){low, {high.at, !high.open}};
        low = x->s[i].high;
        if (!low.at) break;
        low.open = !low.open;
    }
    if (!x->n || low.at) {
        if (out->n == MAX_SEGMENTS) return false;
        out->s[out->n++] = (struct segment){low, {NULL, true}};
    }
    *x = *out;
    return true;
}

/* x = x and e, or x without e. */
static bool gather_other(struct check *c, struct segments *x, const struct expr *e, bool without, int depth)
{
    struct segments *y = another(c);
    if (!y) return false;
    y->name = x->name;
    return gather(c, y, e, depth + 1) && settle(c, y) && (!without || complement(c, y)) && intersect(c, x, y);
}

static bool is_relation(const struct expr *e, char sign)
{
    return e->kind == EXPR_RELATION && e->n == 2 && e->text[0] == sign;
}

/* Elements of a list are alternatives ("x < 1, x > 2"); but "x != 1, x != 2" and "x in R, x != 0" hold together, and so
 * do half lines that would leave nothing out ("x > 0 and x < 5"). */
static bool gather_list(struct check *c, struct segments *x, const struct expr *e, int depth)
{
    uint32_t alternatives = 0;
    bool half_lines = true;
    for (uint32_t i = 0; i < e->n; i++) {
        const struct expr *a = e->arg[i];
        if (is_relation(a, EXPR_NE)) continue;
        half_lines = half_lines && a->kind == EXPR_RELATION && a->n == 2 && a->text[0] != EXPR_IN;
        alternatives++;
        if (!gather(c, x, a, depth + 1)) return false;
    }
    if (!settle(c, x)) return false;
    bool all = x->n == 1 && !x->s[0].low.at && !x->s[0].high.at;
    if (!alternatives) x->s[x->n++] = (struct segment){{NULL, true}, {NULL, true}};
    bool together = all && half_lines && alternatives > 1;
    for (uint32_t i = 0; i < e->n; i++) {
        if (!together && !is_relation(e->arg[i], EXPR_NE)) continue;
        if (!gather_other(c, x, e->arg[i], false, depth)) return false;
    }
    return true;
}

static bool gather_first(struct check *c, struct segments *x, const struct expr *e, int depth)
{
    struct segments *y = another(c);
    if (!y) return false;
    y->name = x->name;
    if (!gather(c, y, e->arg[0], depth + 1) || !settle(c, y)) return false;
    for (uint32_t i = 1; i < e->n; i++)
        if (!gather_other(c, y, e->arg[i], e->kind == EXPR_MINUS_SET, depth)) return false;
    if (x->n + y->n > MAX_SEGMENTS || !same_variable(x, y)) return false;
    memcpy(x->s + x->n, y->s, y->n * sizeof *y->s);
    x->n += y->n;
    return true;
}

static bool gather(struct check *c, struct segments *x, const struct expr *e, int depth)
{
    if (depth > 8) return false;
    switch (e->kind) {
    case EXPR_INTERVAL:
        return put(c, x, end_of(e->arg[0], e->sub & EXPR_OPEN_LEFT, -1),
                   end_of(e->arg[1], e->sub & EXPR_OPEN_RIGHT, 1));
    case EXPR_TUPLE:
    case EXPR_BRACKETS:
        if (e->n != 2) return false;
        return put(c, x, end_of(e->arg[0], e->kind == EXPR_TUPLE, -1), end_of(e->arg[1], e->kind == EXPR_TUPLE, 1));
    case EXPR_SET:
        for (uint32_t i = 0; i < e->n; i++)
            if (!put(c, x, (struct end){e->arg[i], false}, (struct end){e->arg[i], false})) return false;
        return true;
    case EXPR_LIST: return gather_list(c, x, e, depth);
    case EXPR_INTERSECTION:
    case EXPR_MINUS_SET: return gather_first(c, x, e, depth);
    case EXPR_UNION:
        for (uint32_t i = 0; i < e->n; i++)
            if (!gather(c, x, e->arg[i], depth + 1)) return false;
        return true;
    case EXPR_RELATION: return from_relation(c, x, e, depth);
    default: return false;
    }
}

static enum raml_verdict same_end(struct check *c, struct end a, struct end b)
{
    if (!a.at || !b.at) return a.at || b.at ? RAML_DIFFERENT : RAML_EQUAL;
    if (a.open != b.open) return RAML_DIFFERENT;
    return raml_compare_scalars(c, a.at, b.at);
}

enum raml_verdict raml_compare_sets(struct check *c, const struct expr *a, const struct expr *b)
{
    bool plain = (a->kind == EXPR_SET || a->kind == EXPR_TUPLE || a->kind == EXPR_BRACKETS) && a->kind == b->kind;
    c->rule = NULL;
    if (plain || (a->kind == EXPR_BRACKETS && b->kind == EXPR_SET) || (a->kind == EXPR_SET && b->kind == EXPR_BRACKETS))
        return RAML_UNKNOWN;
    if ((a->kind == EXPR_SET && b->kind == EXPR_TUPLE) || (a->kind == EXPR_TUPLE && b->kind == EXPR_SET))
        return RAML_UNKNOWN;
    struct segments *x = raml_arena_alloc(c->pool.arena, 2, sizeof *x), *y = x ? x + 1 : NULL;
    if (!x || !gather(c, x, a, 0) || !gather(c, y, b, 0) || !settle(c, x) || !settle(c, y)) return RAML_UNKNOWN;
    if (x->name && y->name && strcmp(x->name, y->name) != 0)
        return raml_compare_said(c, RAML_DIFFERENT, "sets of other variables");
    enum raml_verdict all = x->n == y->n ? RAML_EQUAL : RAML_DIFFERENT;
    for (uint32_t i = 0; i < x->n && all != RAML_DIFFERENT; i++) {
        enum raml_verdict low = same_end(c, x->s[i].low, y->s[i].low), high = same_end(c, x->s[i].high, y->s[i].high);
        if (low == RAML_DIFFERENT || high == RAML_DIFFERENT) all = RAML_DIFFERENT;
        else if (low == RAML_UNKNOWN || high == RAML_UNKNOWN) all = RAML_UNKNOWN;
    }
    return raml_compare_said(c, all, "sets of real numbers");
}
