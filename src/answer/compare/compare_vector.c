/* compare_vector.c - vectors by their unit vectors: 3i + 2j beside (3, 2) (compare.h). */
#include "answer/compare/compare.h"

#include <string.h>

enum { MAX_AXES = 3 };

/* 0, 1, 2: e is the unit vector of x, y, z, in some notation (an accent, or the bare letter); -1: it is none. *marked:
 * by an accent. */
static int axis(const struct expr *e, bool *marked)
{
    static const char *const accents[] = {"hat.", "vec.", "bar."};
    static const char *const names[] = {"i", "j", "k", "imath", "jmath", "x", "y", "z"};
    static const int axes[] = {0, 1, 2, 0, 1, 0, 1, 2};
    *marked = false;
    if (e->kind == EXPR_I) return 0;
    if (e->kind != EXPR_SYMBOL) return -1;
    const char *s = e->text;
    if (e->n_text > 1 && !strchr(s, '.')) return -1;
    for (size_t k = 0; k < sizeof accents / sizeof *accents; k++) {
        size_t n = strlen(accents[k]);
        if (strncmp(s, accents[k], n) != 0) continue;
        s += n;
        if (!strncmp(s, "mathbf", 6)) s += 6; /* \hat{\mathbf{i}} */
        else if (!strncmp(s, "boldsymbol", 10)) s += 10;
        *marked = true;
    }
    size_t n_names = *marked ? 8 : 3;
    for (size_t k = 0; k < n_names; k++)
        if (!strcmp(names[k], s)) return axes[k];
    return -1;
}

struct vector {
    const struct expr *part[MAX_AXES];
    bool marked;
};

static bool add_term(struct check *c, const struct expr *e, const struct expr *scale, struct vector *v)
{
    struct expr_pool *p = &c->pool;
    bool marked;
    int at = axis(e, &marked);
    if (at >= 0) {
        v->marked |= marked;
        const struct expr *one = scale ? scale : raml_expr_int(p, 1);
        v->part[at] = v->part[at] ? raml_expr_2(p, EXPR_ADD, v->part[at], one) : one;
        return v->part[at] != NULL;
    }
    switch (e->kind) {
    case EXPR_NEG: {
        const struct expr *one = scale ? scale : raml_expr_int(p, 1);
        return add_term(c, e->arg[0], raml_expr_1(p, EXPR_NEG, one), v);
    }
    case EXPR_ADD:
        for (uint32_t i = 0; i < e->n; i++)
            if (!add_term(c, e->arg[i], scale, v)) return false;
        return true;
    case EXPR_DIV: {
        const struct expr *below = raml_expr_2(p, EXPR_DIV, scale ? scale : raml_expr_int(p, 1), e->arg[1]);
        return below && add_term(c, e->arg[0], below, v);
    }
    case EXPR_MUL: {
        const struct expr *vector = NULL;
        for (uint32_t i = 0; i < e->n; i++) {
            const struct expr *a = e->arg[i];
            bool here = axis(a, &marked) >= 0 || a->kind == EXPR_ADD;
            if (here && !vector) vector = a;
            else scale = scale ? raml_expr_2(p, EXPR_MUL, scale, a) : a;
            if (!here && !scale) return false;
        }
        return vector && add_term(c, vector, scale, v);
    }
    default: return false;
    }
}

/* A component that is a unit vector itself is none. */
static bool plain(const struct expr *e)
{
    bool marked;
    if (axis(e, &marked) >= 0 && (marked || e->kind == EXPR_I)) return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (!plain(e->arg[i])) return false;
    return true;
}

static const struct expr *tuple_of(struct check *c, const struct vector *v, uint32_t n)
{
    struct expr *t = raml_expr_new(&c->pool, EXPR_TUPLE, n);
    for (uint32_t i = 0; t && i < n; i++) {
        t->arg[i] = v->part[i] ? v->part[i] : raml_expr_int(&c->pool, 0);
        if (!t->arg[i] || !plain(t->arg[i])) return NULL;
    }
    return t;
}

const struct expr *raml_compare_vector(struct check *c, const struct expr *e, const struct expr *other)
{
    struct vector v = {.marked = false}, w = {.marked = false};
    bool column = other->kind == EXPR_MATRIX && (other->rows == other->n || other->rows == 1);
    bool tuple = (other->kind == EXPR_TUPLE || column) && (other->n == 2 || other->n == 3);
    if (!raml_expr_is_scalar(e) || !add_term(c, e, NULL, &v)) return NULL;
    if (tuple) return other->n == 2 && v.part[2] ? NULL : tuple_of(c, &v, other->n);
    /* two notations of unit vectors */
    if (!raml_expr_is_scalar(other) || !add_term(c, other, NULL, &w) || (!v.marked && !w.marked)) return NULL;
    return tuple_of(c, &v, MAX_AXES);
}
