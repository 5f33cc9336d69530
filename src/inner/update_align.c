/* update_align.c - how far updates point down the gradient of L(0). See update_parts.h. */
#include "inner/update_parts.h"

#include "inner/update_measure.h"

#include "device/backend.h"

#include <math.h>
#include <stdlib.h>

enum raml_code raml_update_aligner_init(struct raml_update_aligner *a, const struct raml_model *m, struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(m);
    const struct raml_backend *b = raml_backend_of(dev);
    *a = (struct raml_update_aligner){.m = m, .matrix = calloc(2, sizeof *a->matrix)};
    if (!a->matrix) return raml_fail(err, RAML_ENOMEM, "no memory for the gradient's matrices");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < 2; i++) {
        struct raml_layer_shape s = raml_layer_shape(raml_model_config(m), i ? RAML_LAYER_DOWN : RAML_LAYER_GATE);
        const struct raml_weight_part part = {RAML_TYPE_F32, s.n_out};
        rc = b->weight_init(dev, &a->matrix[i], RAML_TYPE_F32, s.n_in, &part, 1, false, err);
    }
    return rc;
}

static void drop_rows(struct raml_update_aligner *a)
{
    raml_array_free(raml_model_device(a->m), a->x);
    raml_array_free(raml_model_device(a->m), a->y);
    free(a->host);
    free(a->number);
    a->x = a->y = a->host = NULL;
    a->number = NULL;
    a->cap = 0;
}

void raml_update_aligner_deinit(struct raml_update_aligner *a)
{
    if (!a->m) return;
    const struct raml_device *dev = raml_model_device(a->m);
    for (size_t i = 0; a->matrix && i < 2; i++) raml_backend_of(dev)->weight_deinit(dev, &a->matrix[i]);
    free(a->matrix);
    drop_rows(a);
    *a = (struct raml_update_aligner){0};
}

static enum raml_code reserve(struct raml_update_aligner *a, size_t n, struct raml_err *err)
{
    if (n <= a->cap) return RAML_OK;
    const struct raml_device *dev = raml_model_device(a->m);
    const struct raml_config *c = raml_model_config(a->m);
    size_t wide = (size_t)(c->hidden_size > c->intermediate_size ? c->hidden_size : c->intermediate_size);
    size_t rows = n + raml_backend_of(dev)->sizes(dev).slack_rows;
    drop_rows(a);
    a->x = raml_array_new(dev, rows * wide, sizeof *a->x);
    a->y = raml_array_new(dev, rows * wide, sizeof *a->y);
    a->host = calloc(n * wide, sizeof *a->host);
    a->number = malloc(4 * n * sizeof *a->number);
    if (!a->x || !a->y || !a->host || !a->number)
        return raml_fail(err, RAML_ENOMEM, "no memory for the alignment of %zu places", n);
    a->cap = n;
    return RAML_OK;
}

/* host[n, n_out] = w G' */
static enum raml_code multiply(struct raml_update_aligner *a, const float *grad, const struct raml_layer_shape *shape,
                               enum raml_update_matrix which, const float *w, size_t n, struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(a->m);
    const struct raml_backend *b = raml_backend_of(dev);
    struct raml_matrix *matrix = &a->matrix[which == RAML_UPDATE_DOWN];
    enum raml_code rc = b->weight_fill(dev, matrix, grad, err);
    if (!rc) {
        b->upload(dev, a->x, w, n * shape->n_in * sizeof *w);
        b->forward(dev, matrix, a->x, RAML_TYPE_F32, n, a->y, RAML_TYPE_F32, false);
        b->download(dev, a->host, a->y, n * shape->n_out * sizeof *a->host);
    }
    return raml_backend_settle(dev, rc, err);
}

enum raml_code raml_update_aligner_run(struct raml_update_aligner *a, const float *grad,
                                       const struct raml_update_factors *f, enum raml_update_matrix which, double *dot,
                                       double *square, struct raml_update_measures *out, struct raml_err *err)
{
    enum raml_layer_matrix matrix = raml_update_layer_matrix(which);
    struct raml_layer_shape shape = raml_layer_shape(raml_model_config(a->m), matrix);
    const float *g = grad + raml_layer_matrix_offset(a->m, f->layer, matrix), *u = f->u[which];
    size_t n = f->n, N = shape.n_out;
    enum raml_code rc = reserve(a, n, err);
    if (!rc) rc = raml_backend_square_sum(raml_model_device(a->m), g, N * shape.n_in, square, err);
    if (!rc) rc = multiply(a, g, &shape, which, f->w[which], n, err);
    if (rc) return rc;
    double *d = a->number, *left = d + n, *u_norm = d + 2 * n, *w_norm = d + 3 * n;
    raml_update_norms(a->host, n, N, left);
    raml_update_norms(u, n, N, u_norm);
    raml_update_norms(f->w[which], n, shape.n_in, w_norm);
    for (size_t i = 0; i < n; i++) {
        d[i] = 0;
        for (size_t j = 0; j < N; j++) d[i] += (double)u[i * N + j] * (double)a->host[i * N + j];
        dot[i] += d[i];
    }
    const struct raml_update_products p = {d, left, u_norm, w_norm, sqrt(*square)};
    raml_update_align(&p, n, out);
    return RAML_OK;
}
