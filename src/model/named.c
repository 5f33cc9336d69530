/* named.c - a model's parameters by name. See model.h. */
#include "model/impl.h"

#include "core/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 18, GRAM = 4 }; /* numbers of x and of y that are multiplied at once; their Gram matrix */

static enum raml_code fail_name(const struct raml_model *m, const char *name, struct raml_err *err)
{
    const struct block b = raml_model_block(m);
    const char **known = calloc(b.n_params + 1, sizeof *known);
    if (!known) return raml_fail(err, RAML_ENOMEM, "no memory for the names of %zu tensors", b.n_params);
    for (size_t i = 0; i < b.n_params; i++) known[i] = b.param[i].name;
    const char *near = raml_nearest(name, known, b.n_params);
    enum raml_code rc = raml_fail(err, RAML_EUSAGE, "the model has no tensor '%.96s'%s%s%s", name,
                                  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(known);
    return rc;
}

enum raml_code raml_param_find(const struct raml_model *m, const char *name, const struct raml_param **out,
                               struct raml_err *err)
{
    const struct block b = raml_model_block(m);
    for (size_t i = 0; i < b.n_params; i++)
        if (!strcmp(b.param[i].name, name)) {
            *out = &b.param[i];
            return RAML_OK;
        }
    return fail_name(m, name, err);
}

struct range { /* of the block */
    size_t offset, n;
};

/* Of a tensor; name NULL: of all. RAML_EUSAGE: the model has no block. */
static enum raml_code find_range(const struct raml_model *m, const char *name, struct range *r, struct raml_err *err)
{
    const struct raml_param *p;
    *r = (struct range){0, raml_model_n(m)};
    enum raml_code rc = raml_model_has_block(m, err);
    if (rc || !name) return rc;
    rc = raml_param_find(m, name, &p, err);
    if (!rc) *r = (struct range){p->offset, p->n};
    return rc;
}

/* The same of a tensor that n numbers are for. */
static enum raml_code match_range(const struct raml_model *m, const char *name, size_t n, struct range *r,
                                  struct raml_err *err)
{
    enum raml_code rc = find_range(m, name, r, err);
    if (!rc && n != r->n)
        rc = raml_fail(err, RAML_ESHAPE, "%s: found %zu numbers, expected %zu", name ? name : "the weights", n, r->n);
    return rc;
}

enum raml_code raml_model_get(const struct raml_model *m, const char *name, float *host, size_t n, struct raml_err *err)
{
    struct range r;
    enum raml_code rc = match_range(m, name, n, &r, err);
    return rc ? rc : raml_array_read(m->dev, host, raml_model_weights_const(m) + r.offset, n * sizeof *host, err);
}

enum raml_code raml_model_set(struct raml_model *m, const char *name, const float *host, size_t n, struct raml_err *err)
{
    struct range r;
    enum raml_code rc = match_range(m, name, n, &r, err);
    for (size_t i = 0; i < n && !rc; i++)
        if (!isfinite(host[i]))
            rc = raml_fail(err, RAML_ERANGE, "%s: number %zu is %g; expected finite ones", name ? name : "the weights",
                           i, (double)host[i]);
    return rc ? rc : raml_array_write(m->dev, raml_model_weights(m) + r.offset, host, n * sizeof *host, err);
}

enum raml_code raml_model_axpy(struct raml_model *m, const char *name, double a, const float *x, struct raml_err *err)
{
    struct range r;
    enum raml_code rc = find_range(m, name, &r, err);
    if (rc) return rc;
    float *w = raml_model_weights(m) + r.offset;
    m->b->combine(m->dev, w, w, (float)a, x + r.offset, 0, NULL, r.n);
    return m->b->sync(m->dev, err);
}

/* A piece of x and one of y, side by side, give a Gram matrix: x'y is beside its diagonal. */
static enum raml_code dot(const struct raml_model *m, const float *x, const float *y, size_t n, double *out,
                          struct raml_err *err)
{
    size_t n_pieces = (n + PIECE - 1) / PIECE;
    float *pair = m->b->alloc(m->dev, 2 * (size_t)PIECE, sizeof *pair);
    double *gram = m->b->alloc(m->dev, GRAM * n_pieces, sizeof *gram);
    double *host = malloc((GRAM * n_pieces + 1) * sizeof *host), sum = 0;
    enum raml_code rc =
        pair && gram && host ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory to multiply %zu numbers", n);
    for (size_t i = 0; i < n_pieces && !rc; i++) {
        size_t at = i * PIECE, k = n - at < PIECE ? n - at : PIECE;
        m->b->copy(m->dev, pair, x + at, k * sizeof *pair);
        m->b->copy(m->dev, pair + k, y + at, k * sizeof *pair);
        m->b->gram(m->dev, gram + GRAM * i, pair, 2, k);
    }
    if (!rc) rc = raml_array_read(m->dev, host, gram, GRAM * n_pieces * sizeof *gram, err);
    for (size_t i = 0; i < n_pieces && !rc; i++) sum += host[GRAM * i + 1];
    if (!rc) *out = sum;
    raml_array_free(m->dev, pair);
    raml_array_free(m->dev, gram);
    free(host);
    return rc;
}

enum raml_code raml_model_dot(const struct raml_model *m, const char *name, const float *x, const float *y, double *out,
                              struct raml_err *err)
{
    struct range r;
    enum raml_code rc = find_range(m, name, &r, err);
    if (rc) return rc;
    x = (x ? x : raml_model_weights_const(m)) + r.offset;
    y = (y ? y : raml_model_weights_const(m)) + r.offset;
    return x == y ? raml_backend_square_sum(m->dev, x, r.n, out, err) : dot(m, x, y, r.n, out, err);
}

enum raml_code raml_model_norm(const struct raml_model *m, const char *name, const float *x, double *out,
                               struct raml_err *err)
{
    double sum = 0;
    enum raml_code rc = raml_model_dot(m, name, x, x, &sum, err);
    if (!rc) *out = sqrt(sum);
    return rc;
}
