/* meta_space.c - see meta_space.h. */
#include "outer/meta_space.h"

#include "core/array.h"
#include "core/elementary.h"
#include "device/backend.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- What is adapted ----------------------------------------------------------------------------------------------- */

/* The number after ".layers." in a parameter's name; -1: it is of no layer. */
static int64_t layer_of(const char *name)
{
    const char *at = strstr(name, "layers.");
    return at ? strtoll(at + strlen("layers."), NULL, 10) : -1;
}

static bool is_adapted(const char *name, int64_t first_layer)
{
    int64_t layer = layer_of(name);
    return layer < 0 ? strstr(name, "embed_tokens") == NULL : layer >= first_layer;
}

static enum raml_code add_range(struct raml_meta_vectors *v, size_t offset, size_t n, struct raml_err *err)
{
    struct raml_meta_range *last = v->n_ranges ? &v->range[v->n_ranges - 1] : NULL;
    v->n_adapted += n;
    if (last && last->offset + last->n == offset) {
        last->n += n;
        return RAML_OK;
    }
    enum raml_code rc = RAML_GROW(v->range, v->cap_ranges, v->n_ranges + 1, "adapted parameters", err);
    if (!rc) v->range[v->n_ranges++] = (struct raml_meta_range){offset, n};
    return rc;
}

static enum raml_code choose(struct raml_meta_vectors *v, int64_t last_layers, struct raml_err *err)
{
    const struct raml_param *table;
    size_t n = raml_model_params(v->model, &table);
    int64_t layers = raml_model_config(v->model)->n_layers;
    if (last_layers < 0) return add_range(v, 0, v->n, err);
    if (last_layers > layers)
        return raml_fail(err, RAML_EUSAGE, "adapted_layers is %" PRId64 "; the model has %" PRId64 " layers",
                         last_layers, layers);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++)
        if (is_adapted(table[i].name, layers - last_layers)) rc = add_range(v, table[i].offset, table[i].n, err);
    if (!rc && !v->n_adapted)
        rc = raml_fail(err, RAML_ERANGE, "adapted_layers is %" PRId64 ": no parameter is adapted", last_layers);
    return rc;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

enum raml_code raml_meta_vectors_init(struct raml_meta_vectors *v, struct raml_model *m, int64_t last_layers,
                                      struct raml_err *err)
{
    *v = (struct raml_meta_vectors){.model = m, .dev = raml_model_device(m), .n = raml_model_n(m)};
    enum raml_code rc = choose(v, last_layers, err);
    if (rc) return rc;
    v->theta = raml_array_new(v->dev, v->n, sizeof *v->theta);
    v->sum = raml_array_new(v->dev, 1, sizeof *v->sum);
    if (v->theta && v->sum) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for a copy of %zu parameters", v->n);
}

void raml_meta_vectors_deinit(struct raml_meta_vectors *v)
{
    if (v->dev) {
        for (size_t i = 0; i < v->n_vectors; i++) raml_array_free(v->dev, v->vector[i].x);
        raml_array_free(v->dev, v->theta);
        raml_array_free(v->dev, v->sum);
    }
    free(v->vector);
    free(v->range);
    *v = (struct raml_meta_vectors){0};
}

enum raml_code raml_meta_enter(struct raml_meta_vectors *v, struct raml_err *err)
{
    const struct raml_backend *b = raml_backend_of(v->dev);
    b->copy(v->dev, v->theta, raml_model_weights(v->model), v->n * sizeof *v->theta);
    v->away = v->stale = false;
    return b->sync(v->dev, err);
}

enum raml_code raml_meta_refresh(struct raml_meta_vectors *v, struct raml_err *err)
{
    if (!v->stale) return RAML_OK;
    enum raml_code rc = raml_model_refresh(v->model, err);
    if (!rc) v->stale = false;
    return rc;
}

enum raml_code raml_meta_leave(struct raml_meta_vectors *v, enum raml_code rc, struct raml_err *err)
{
    struct raml_err late = {0};
    const struct raml_backend *b = raml_backend_of(v->dev);
    enum raml_code back =
        b->sync(v->dev, &late); /* a failure of what went before would keep the copy from being done */
    if (v->away) b->copy(v->dev, raml_model_weights(v->model), v->theta, v->n * sizeof *v->theta);
    v->stale = v->stale || v->away;
    if (!back) back = b->sync(v->dev, &late);
    if (!back) back = raml_meta_refresh(v, &late);
    v->away = false;
    if (rc || !back) return rc;
    if (err) *err = late;
    return back;
}

/* -- The space's functions ----------------------------------------------------------------------------------------- */

static void changes(struct raml_meta_vectors *v, const void *x)
{
    if (x == raml_model_weights(v->model)) v->away = v->stale = true;
}

static struct raml_meta_vector *find(struct raml_meta_vectors *v, const void *x)
{
    for (size_t i = 0; i < v->n_vectors; i++)
        if (v->vector[i].x == x) return &v->vector[i];
    return NULL;
}

static enum raml_code zero(void *user, void *x, struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    const struct raml_meta_vector *own = find(v, x);
    changes(v, x);
    return raml_array_zero(v->dev, x, (own ? own->n : v->n) * sizeof(float), err);
}

static enum raml_code new_vector(void *user, bool gradient, void **vector, struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    size_t n = gradient ? raml_gradient_n(v->model) : v->n;
    for (size_t i = 0; i < v->n_vectors; i++) {
        struct raml_meta_vector *x = &v->vector[i];
        if (x->used || x->n != n) continue;
        x->used = true;
        *vector = x->x;
        return zero(v, x->x, err);
    }
    enum raml_code rc = RAML_GROW(v->vector, v->cap_vectors, v->n_vectors + 1, "vectors of parameters", err);
    if (rc) return rc;
    float *x = raml_array_new(v->dev, n, sizeof *x);
    if (!x)
        return raml_fail(err, RAML_ENOMEM,
                         "no memory for vector %zu of %zu parameters (inner steps of fewer, or first "
                         "order, take less)",
                         v->n_vectors + 1, n);
    v->vector[v->n_vectors++] = (struct raml_meta_vector){x, n, true};
    v->bytes += n * sizeof *x;
    *vector = x;
    return RAML_OK;
}

static void drop_vector(void *user, void *vector)
{
    struct raml_meta_vector *x = vector ? find(user, vector) : NULL;
    if (x) x->used = false;
}

/* Back to theta, it is done when it returns: a device that has failed would leave the point where it is. */
static enum raml_code copy(void *user, void *to, const void *from, struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    const struct raml_backend *b = raml_backend_of(v->dev);
    bool back = to == raml_model_weights(v->model) && from == v->theta;
    if (back && !v->away) return RAML_OK;
    b->copy(v->dev, to, from, v->n * sizeof(float));
    changes(v, to);
    if (!back) return RAML_OK;
    enum raml_code rc = b->sync(v->dev, err);
    if (!rc) v->away = false;
    return rc;
}

static enum raml_code axpy(void *user, void *y, double a, const void *x, bool adapted, struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    const struct raml_backend *b = raml_backend_of(v->dev);
    const struct raml_meta_range all = {0, v->n}, *r = adapted ? v->range : &all;
    (void)err;
    changes(v, y);
    for (size_t i = 0; i < (adapted ? v->n_ranges : 1); i++) {
        float *to = (float *)y + r[i].offset;
        b->combine(v->dev, to, to, (float)a, (const float *)x + r[i].offset, 0, NULL, r[i].n);
    }
    return RAML_OK;
}

static enum raml_code norm(void *user, const void *x, double *out, struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    const struct raml_backend *b = raml_backend_of(v->dev);
    double sum = 0;
    b->square_sum(v->dev, v->sum, x, v->n);
    b->download(v->dev, &sum, v->sum, sizeof sum);
    *out = sqrt(sum);
    return b->sync(v->dev, err);
}

static struct raml_adamw_factors factors_of(const struct raml_meta_adam *o)
{
    return (struct raml_adamw_factors){.beta1 = (float)o->beta1,
                                       .beta2 = (float)o->beta2,
                                       .one_beta1 = (float)(1 - o->beta1),
                                       .one_beta2 = (float)(1 - o->beta2),
                                       .scale = 1,
                                       .step = (float)(o->rate / (1 - raml_pow(o->beta1, (double)o->t))),
                                       .root = (float)(1 / sqrt(1 - raml_pow(o->beta2, (double)o->t))),
                                       .epsilon = (float)o->epsilon,
                                       .keep = 1};
}

static enum raml_code adam(void *user, const struct raml_meta_adam *o, void *x, void *m, void *second, const void *g,
                           bool adapted, struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    const struct raml_adamw_factors f = factors_of(o);
    const struct raml_meta_range all = {0, v->n}, *r = adapted ? v->range : &all;
    (void)err;
    changes(v, x);
    for (size_t i = 0; i < (adapted ? v->n_ranges : 1); i++) {
        size_t at = r[i].offset;
        raml_backend_of(v->dev)->adamw(v->dev, &f, (float *)x + at, (float *)m + at, (float *)second + at,
                                       (const float *)g + at, r[i].n);
    }
    return RAML_OK;
}

static enum raml_code adam_adjoint(void *user, const struct raml_meta_adam *o, const void *d_x, void *d_m, void *d_v,
                                   void *d_g, const void *m, const void *second, const void *g, bool adapted,
                                   struct raml_err *err)
{
    struct raml_meta_vectors *v = user;
    const struct raml_adamw_factors f = factors_of(o);
    const struct raml_meta_range all = {0, v->n}, *r = adapted ? v->range : &all;
    enum raml_code rc = zero(v, d_g, err);
    for (size_t i = 0; i < (adapted ? v->n_ranges : 1) && !rc; i++) {
        size_t at = r[i].offset;
        raml_backend_of(v->dev)->adamw_back(v->dev, &f, (const float *)d_x + at, (float *)d_m + at, (float *)d_v + at,
                                            (float *)d_g + at, (const float *)m + at, (const float *)second + at,
                                            (const float *)g + at, r[i].n);
    }
    return rc;
}

struct raml_meta_space raml_meta_vectors_space(struct raml_meta_vectors *v)
{
    return (struct raml_meta_space){.user = v,
                                    .at = raml_model_weights(v->model),
                                    .alloc = new_vector,
                                    .free = drop_vector,
                                    .zero = zero,
                                    .copy = copy,
                                    .axpy = axpy,
                                    .norm = norm,
                                    .adam = adam,
                                    .adam_adjoint = adam_adjoint};
}
