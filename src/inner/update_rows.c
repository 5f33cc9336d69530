/* update_rows.c - a layer's rows, and the factors of its updates. See update_parts.h. */
#include "inner/update_parts.h"

#include <math.h>
#include <stdlib.h>

enum raml_code raml_update_rows_init(struct raml_update_rows *r, const struct raml_config *c, size_t n,
                                     struct raml_err *err)
{
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, k = n ? n : 1;
    *r = (struct raml_update_rows){.n = n};
    r->z0 = calloc(k, d * sizeof *r->z0);
    r->dz = calloc(k, d * sizeof *r->dz);
    r->dr = calloc(k, d * sizeof *r->dr);
    r->s = calloc(k, F * sizeof *r->s);
    if (r->z0 && r->dz && r->dr && r->s) return RAML_OK;
    raml_update_rows_deinit(r);
    return raml_fail(err, RAML_ENOMEM, "no memory for a layer's rows at %zu places", n);
}

void raml_update_rows_deinit(struct raml_update_rows *r)
{
    free(r->z0);
    free(r->dz);
    free(r->dr);
    free(r->s);
    *r = (struct raml_update_rows){0};
}

void raml_update_rows_take(struct raml_update_rows *r, const struct raml_config *c, const struct raml_tapped *t,
                           size_t from, size_t from_twin, size_t to, size_t n)
{
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size;
    const float *zC = t->z + from * d, *z0 = t->z + from_twin * d, *s = t->inner + from * F;
    const float *rC = t->residual + from * d, *r0 = t->residual + from_twin * d;
    for (size_t i = 0; i < n * d; i++) {
        r->z0[to * d + i] = z0[i];
        r->dz[to * d + i] = zC[i] - z0[i];
        r->dr[to * d + i] = rC[i] - r0[i];
    }
    for (size_t i = 0; i < n * F; i++) r->s[to * F + i] = s[i];
}

/* x / |x|^2, row by row. */
static enum raml_code invert(float *x, size_t n, size_t width, const char *what, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        float *row = x + i * width;
        double square = 0;
        for (size_t j = 0; j < width; j++) square += (double)row[j] * (double)row[j];
        if (!(square > 0) || !isfinite(square))
            return raml_fail(err, RAML_ERANGE, "the %s of row %zu has the length %g; expected a positive number", what,
                             i, sqrt(square));
        for (size_t j = 0; j < width; j++) row[j] = (float)((double)row[j] / square);
    }
    return RAML_OK;
}

enum raml_code raml_update_rows_factors(struct raml_update_rows *r, const struct raml_model *m, size_t layer,
                                        float *gate, float *up, struct raml_update_factors *out, struct raml_err *err)
{
    const struct raml_config *c = raml_model_config(m);
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size;
    enum raml_code rc = raml_layer_product(m, layer, RAML_LAYER_GATE, r->dz, r->n, gate, err);
    if (!rc) rc = raml_layer_product(m, layer, RAML_LAYER_UP, r->dz, r->n, up, err);
    if (!rc) rc = invert(r->z0, r->n, d, "MLP's input", err);
    if (!rc) rc = invert(r->s, r->n, F, "MLP's inner vector", err);
    if (rc) return raml_wrap(err, rc, "layer %zu", layer);
    *out = (struct raml_update_factors){.layer = layer, .n = r->n, .u = {gate, up, r->dr}, .w = {r->z0, r->z0, r->s}};
    return RAML_OK;
}

enum raml_layer_matrix raml_update_layer_matrix(enum raml_update_matrix which)
{
    static const enum raml_layer_matrix matrix[] = {RAML_LAYER_GATE, RAML_LAYER_UP, RAML_LAYER_DOWN};
    return matrix[which];
}

void raml_update_norms(const float *x, size_t n, size_t width, double *norm)
{
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t j = 0; j < width; j++) square += (double)x[i * width + j] * (double)x[i * width + j];
        norm[i] = sqrt(square);
    }
}
