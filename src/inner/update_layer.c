/* update_layer.c - see update_layer.h. */
#include "inner/update_layer.h"

#include "inner/update_measure.h"

#include "device/backend.h"

#include <math.h>
#include <stdlib.h>

enum raml_code raml_update_sum_init(struct raml_update_sum *s, size_t n, struct raml_err *err)
{
    *s = (struct raml_update_sum){.g = calloc(n * n, sizeof *s->g), .dot = calloc(n, sizeof *s->dot)};
    return s->g && s->dot ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the products of %zu updates", n);
}

void raml_update_sum_deinit(struct raml_update_sum *s)
{
    free(s->g);
    free(s->dot);
    *s = (struct raml_update_sum){0};
}

void raml_update_sum_read(const struct raml_update_sum *s, size_t n, bool aligned, struct raml_update_measures *out)
{
    raml_update_measure(s->g, n, sqrt(s->weight_square), out);
    if (aligned) raml_update_align_sum(s->dot, sqrt(s->gradient_square), n, out);
}

enum raml_code raml_update_workspace_init(struct raml_update_workspace *w, const struct raml_model *m, bool alignment,
                                          struct raml_err *err)
{
    size_t n = (size_t)raml_model_config(m)->n_layers * RAML_UPDATE_MATRICES;
    *w = (struct raml_update_workspace){.m = m, .weight_norm = calloc(n, sizeof *w->weight_norm)};
    if (!w->weight_norm) return raml_fail(err, RAML_ENOMEM, "no memory for the norms of %zu matrices", n);
    return alignment ? raml_update_aligner_init(&w->aligner, m, err) : RAML_OK;
}

static void drop(struct raml_update_workspace *w)
{
    free(w->gate);
    free(w->up);
    free(w->right);
    free(w->left);
    raml_array_free(raml_model_device(w->m), w->rows);
    raml_array_free(raml_model_device(w->m), w->product);
    w->gate = w->up = w->rows = NULL;
    w->right = w->left = w->product = NULL;
    w->cap = 0;
}

void raml_update_workspace_deinit(struct raml_update_workspace *w)
{
    if (!w->m) return;
    drop(w);
    free(w->weight_norm);
    raml_update_aligner_deinit(&w->aligner);
    *w = (struct raml_update_workspace){0};
}

static enum raml_code reserve(struct raml_update_workspace *w, size_t n, struct raml_err *err)
{
    if (n <= w->cap) return RAML_OK;
    const struct raml_device *dev = raml_model_device(w->m);
    const struct raml_config *c = raml_model_config(w->m);
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size;
    size_t rows = n + raml_backend_of(dev)->sizes(dev).slack_rows;
    drop(w);
    w->gate = malloc(n * F * sizeof *w->gate);
    w->up = malloc(n * F * sizeof *w->up);
    w->right = malloc(n * n * sizeof *w->right);
    w->left = malloc(n * n * sizeof *w->left);
    w->rows = raml_array_new(dev, rows * (d > F ? d : F), sizeof *w->rows);
    w->product = raml_array_new(dev, n * n, sizeof *w->product);
    if (!w->gate || !w->up || !w->right || !w->left || !w->rows || !w->product)
        return raml_fail(err, RAML_ENOMEM, "no memory for the updates of a layer at %zu places", n);
    w->cap = n;
    return RAML_OK;
}

static enum raml_code gram(struct raml_update_workspace *w, const float *x, size_t n, size_t width, double *out,
                           struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(w->m);
    const struct raml_backend *b = raml_backend_of(dev);
    b->upload(dev, w->rows, x, n * width * sizeof *x);
    b->gram(dev, w->product, w->rows, n, width);
    b->download(dev, out, w->product, n * n * sizeof *out);
    return b->sync(dev, err);
}

static enum raml_code norm_of(struct raml_update_workspace *w, size_t layer, enum raml_update_matrix which,
                              double *norm, struct raml_err *err)
{
    double *known = &w->weight_norm[layer * RAML_UPDATE_MATRICES + which];
    if (!(*known > 0)) {
        enum raml_code rc = raml_layer_matrix_norm(w->m, layer, raml_update_layer_matrix(which), known, err);
        if (rc) return rc;
        if (!(*known > 0) || !isfinite(*known))
            return raml_fail(err, RAML_ERANGE, "layer %zu: the norm of %s is %g; expected a positive number", layer,
                             raml_update_matrix_name(which), *known);
    }
    *norm = *known;
    return RAML_OK;
}

static void add_sum(struct raml_update_sum *s, const double *g, size_t n, double norm, const double *dot, double square)
{
    for (size_t i = 0; i < n * n; i++) s->g[i] += g[i];
    for (size_t i = 0; i < n; i++) s->dot[i] += dot[i];
    s->weight_square += norm * norm;
    s->gradient_square += square;
}

/* w->right has the Gram matrix of the right factors. */
static enum raml_code measure(struct raml_update_workspace *w, const struct raml_update_layer *l,
                              const struct raml_update_factors *f, enum raml_update_matrix which, double *dot,
                              struct raml_err *err)
{
    struct raml_layer_shape shape = raml_layer_shape(raml_model_config(w->m), raml_update_layer_matrix(which));
    struct raml_update_measures *m = &l->matrix[which];
    double norm = 0, square = 0;
    for (size_t i = 0; i < f->n; i++) dot[i] = 0;
    enum raml_code rc = norm_of(w, l->layer, which, &norm, err);
    if (!rc) rc = gram(w, f->u[which], f->n, shape.n_out, w->left, err);
    if (rc) return rc;
    raml_update_gram(w->left, w->right, f->n, w->left);
    raml_update_measure(w->left, f->n, norm, m);
    m->n_left = shape.n_out;
    if (l->grad) rc = raml_update_aligner_run(&w->aligner, l->grad, f, which, dot, &square, m, err);
    if (rc) return rc;
    if (which != RAML_UPDATE_DOWN) add_sum(&l->sum[RAML_UPDATE_GATE_UP], w->left, f->n, norm, dot, square);
    add_sum(&l->sum[RAML_UPDATE_ALL], w->left, f->n, norm, dot, square);
    return RAML_OK;
}

enum raml_code raml_update_layer_run(struct raml_update_workspace *w, const struct raml_update_layer *l,
                                     struct raml_err *err)
{
    const struct raml_config *c = raml_model_config(w->m);
    size_t n = l->rows->n;
    struct raml_update_factors f;
    double *dot = malloc((n ? n : 1) * sizeof *dot);
    enum raml_code rc = dot ? reserve(w, n, err) : raml_fail(err, RAML_ENOMEM, "no memory for %zu products", n);
    if (!rc) rc = raml_update_rows_factors(l->rows, w->m, l->layer, w->gate, w->up, &f, err);
    if (!rc) rc = gram(w, f.w[RAML_UPDATE_GATE], n, (size_t)c->hidden_size, w->right, err);
    if (!rc) rc = measure(w, l, &f, RAML_UPDATE_GATE, dot, err);
    if (!rc) rc = measure(w, l, &f, RAML_UPDATE_UP, dot, err);
    if (!rc) rc = gram(w, f.w[RAML_UPDATE_DOWN], n, (size_t)c->intermediate_size, w->right, err);
    if (!rc) rc = measure(w, l, &f, RAML_UPDATE_DOWN, dot, err);
    if (!rc && l->reader) {
        f.input = l->input;
        rc = l->reader->read(l->reader->user, &f, err);
    }
    free(dot);
    return rc;
}
