/* poly.c - see poly.h. */
#include "answer/compare/poly.h"

bool raml_poly_has(const struct expr *e, const struct expr *k)
{
    if (raml_expr_same(e, k)) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (raml_poly_has(e->arg[i], k)) return true;
    return false;
}

bool raml_poly_small(const struct expr *e, long *out)
{
    bool neg = e->kind == EXPR_NEG;
    if (neg) e = e->arg[0];
    if (e->kind != EXPR_NUMBER || e->scale || e->n_text > 4) return false;
    *out = 0;
    for (uint32_t i = 0; i < e->n_text; i++) *out = *out * 10 + (e->text[i] - '0');
    if (neg) *out = -*out;
    return true;
}

static const struct expr *add(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return !a ? b : !b ? a : raml_expr_2(p, EXPR_ADD, a, b);
}

static const struct expr *over(struct expr_pool *p, const struct expr *a, const struct expr *b)
{
    return raml_expr_2(p, EXPR_DIV, a, b);
}

bool raml_poly_mul(struct expr_pool *p, const struct raml_poly *a, const struct raml_poly *b, struct raml_poly *out)
{
    struct raml_poly r = {.n = a->n + b->n};
    if (r.n > POLY_MAX_DEGREE) return false;
    for (uint32_t i = 0; i <= a->n; i++)
        for (uint32_t j = 0; j <= b->n; j++) {
            if (!a->c[i] || !b->c[j]) continue;
            r.c[i + j] = add(p, r.c[i + j], raml_expr_2(p, EXPR_MUL, a->c[i], b->c[j]));
            if (!r.c[i + j]) return false;
        }
    *out = r;
    return true;
}

static bool poly_fold(struct expr_pool *p, const struct expr *e, const struct expr *k, struct raml_poly *out)
{
    struct raml_poly x;
    if (!raml_poly_of(p, e->arg[0], k, out)) return false;
    for (uint32_t i = 1; i < e->n; i++) {
        if (!raml_poly_of(p, e->arg[i], k, &x)) return false;
        if (e->kind == EXPR_MUL) {
            if (!raml_poly_mul(p, out, &x, out)) return false;
            continue;
        }
        for (uint32_t j = 0; j <= x.n; j++) out->c[j] = j <= out->n ? add(p, out->c[j], x.c[j]) : x.c[j];
        if (x.n > out->n) out->n = x.n;
    }
    return true;
}

bool raml_poly_of(struct expr_pool *p, const struct expr *e, const struct expr *k, struct raml_poly *out)
{
    long n;
    struct raml_poly base;
    *out = (struct raml_poly){.c = {e}};
    if (!raml_poly_has(e, k)) return true;
    *out = (struct raml_poly){.n = 0};
    switch (e->kind) {
    case EXPR_SYMBOL:
        out->n = 1;
        out->c[1] = raml_expr_int(p, 1);
        return out->c[1] != NULL;
    case EXPR_NEG:
        if (!raml_poly_of(p, e->arg[0], k, out)) return false;
        for (uint32_t i = 0; i <= out->n; i++)
            if (out->c[i]) out->c[i] = raml_expr_1(p, EXPR_NEG, out->c[i]);
        return true;
    case EXPR_ADD:
    case EXPR_MUL: return poly_fold(p, e, k, out);
    case EXPR_DIV:
        if (raml_poly_has(e->arg[1], k) || !raml_poly_of(p, e->arg[0], k, out)) return false;
        for (uint32_t i = 0; i <= out->n; i++)
            if (out->c[i]) out->c[i] = over(p, out->c[i], e->arg[1]);
        return true;
    case EXPR_POW:
        if (!raml_poly_small(e->arg[1], &n) || n < 1 || n > POLY_MAX_DEGREE || !raml_poly_of(p, e->arg[0], k, &base))
            return false;
        *out = base;
        for (long i = 1; i < n; i++)
            if (!raml_poly_mul(p, out, &base, out)) return false;
        return true;
    default: return false;
    }
}

bool raml_poly_add(struct expr_pool *p, const struct raml_poly *a, const struct raml_poly *b, struct raml_poly *out)
{
    struct raml_poly r = {.n = a->n > b->n ? a->n : b->n};
    for (uint32_t i = 0; i <= r.n; i++) {
        r.c[i] = add(p, i <= a->n ? a->c[i] : NULL, i <= b->n ? b->c[i] : NULL);
        if (!r.c[i] && ((i <= a->n && a->c[i]) || (i <= b->n && b->c[i]))) return false;
    }
    *out = r;
    return true;
}

static bool ratio_fold(struct expr_pool *p, const struct expr *e, const struct expr *k, struct raml_poly *above,
                       struct raml_poly *below)
{
    struct raml_poly a, b, x, y;
    if (!raml_poly_ratio(p, e->arg[0], k, above, below)) return false;
    for (uint32_t i = 1; i < e->n; i++) {
        if (!raml_poly_ratio(p, e->arg[i], k, &a, &b)) return false;
        bool ok = e->kind == EXPR_MUL ? raml_poly_mul(p, above, &a, above)
                                      : raml_poly_mul(p, above, &b, &x) && raml_poly_mul(p, below, &a, &y) &&
                                            raml_poly_add(p, &x, &y, above);
        if (!ok || !raml_poly_mul(p, below, &b, below)) return false;
    }
    return true;
}

bool raml_poly_ratio(struct expr_pool *p, const struct expr *e, const struct expr *k, struct raml_poly *above,
                     struct raml_poly *below)
{
    struct raml_poly a, b;
    long n;
    *below = (struct raml_poly){.c = {raml_expr_int(p, 1)}};
    if (raml_poly_of(p, e, k, above)) return below->c[0] != NULL;
    switch (e->kind) {
    case EXPR_NEG:
        if (!raml_poly_ratio(p, e->arg[0], k, above, below)) return false;
        for (uint32_t i = 0; i <= above->n; i++)
            if (above->c[i]) above->c[i] = raml_expr_1(p, EXPR_NEG, above->c[i]);
        return true;
    case EXPR_ADD:
    case EXPR_MUL: return ratio_fold(p, e, k, above, below);
    case EXPR_DIV:
        return raml_poly_ratio(p, e->arg[0], k, above, below) && raml_poly_ratio(p, e->arg[1], k, &a, &b) &&
               raml_poly_mul(p, above, &b, above) && raml_poly_mul(p, below, &a, below);
    case EXPR_POW:
        if (!raml_poly_small(e->arg[1], &n) || !n || n > POLY_MAX_DEGREE || n < -POLY_MAX_DEGREE) return false;
        if (!raml_poly_ratio(p, e->arg[0], k, &a, &b)) return false;
        *above = n > 0 ? a : b;
        *below = n > 0 ? b : a;
        a = *above;
        b = *below;
        for (long i = n > 0 ? n : -n; i > 1; i--)
            if (!raml_poly_mul(p, above, &a, above) || !raml_poly_mul(p, below, &b, below)) return false;
        return true;
    default: return false;
    }
}
