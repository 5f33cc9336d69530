/* directions.c - see directions.h. A piece of some rows of a tensor is made on the host, and sent. */
#include "inner/directions.h"

#include "core/parallel.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 20 }; /* elements of a piece, but at least a row */

const char *raml_direction_name(enum raml_direction_kind kind)
{
    static const char *const name[] = {"filter", "tensor", "path"};
    return name[kind];
}

struct piece { /* rows of one tensor */
    struct raml_key key;
    size_t first;            /* element of the tensor that the piece begins with */
    size_t K;                /* elements of a row */
    const float *theta;      /* [n, K] */
    float *out;              /* [n, K] */
    double *drawn2, *theta2; /* [n] square sums of each row */
};

static double square_sum(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void draw_row(void *user, size_t row, int worker)
{
    struct piece *p = user;
    float *out = p->out + row * p->K;
    (void)worker;
    for (size_t i = 0; i < p->K; i++) out[i] = (float)raml_normal(&p->key, p->first + row * p->K + i);
    p->drawn2[row] = square_sum(out, p->K);
    p->theta2[row] = square_sum(p->theta + row * p->K, p->K);
}

/* The factor that gives a drawn row or tensor the norm of the weights'; zero weights stay where they are. */
static double factor(double theta2, double drawn2)
{
    return drawn2 > 0 ? sqrt(theta2 / drawn2) : 0;
}

static void scale(float *x, size_t n, double by)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(x[i] * by);
}

struct work {
    const struct raml_moved_weights *w;
    float *out;           /* device */
    float *theta, *drawn; /* host: a piece */
    double *drawn2, *theta2;
    size_t cap, cap_rows;
};

static enum raml_code reserve(struct work *k, size_t n, size_t rows, struct raml_err *err)
{
    if (n > k->cap || rows > k->cap_rows) {
        k->cap = n > k->cap ? n : k->cap;
        k->cap_rows = rows > k->cap_rows ? rows : k->cap_rows;
        free(k->theta);
        free(k->drawn);
        free(k->drawn2);
        free(k->theta2);
        k->theta = malloc(k->cap * sizeof *k->theta);
        k->drawn = malloc(k->cap * sizeof *k->drawn);
        k->drawn2 = malloc(k->cap_rows * sizeof *k->drawn2);
        k->theta2 = malloc(k->cap_rows * sizeof *k->theta2);
    }
    if (k->theta && k->drawn && k->drawn2 && k->theta2) return RAML_OK;
    k->cap = k->cap_rows = 0;
    return raml_fail(err, RAML_ENOMEM, "no memory for a direction's %zu numbers", n);
}

/* Draws rows [row, row + n) of a tensor into k->drawn. */
static enum raml_code draw(struct work *k, const struct raml_param *p, const struct raml_key *key, size_t row, size_t n,
                           struct raml_err *err)
{
    size_t K = p->n_dims > 1 ? p->shape[1] : p->n, at = row * K;
    enum raml_code rc = reserve(k, n * K, n, err);
    if (!rc) rc = raml_array_read(k->w->dev, k->theta, k->w->theta + p->offset + at, n * K * sizeof *k->theta, err);
    if (rc) return rc;
    struct piece piece = {
        .key = *key, .first = at, .K = K, .theta = k->theta, .out = k->drawn, .drawn2 = k->drawn2, .theta2 = k->theta2};
    raml_parallel(raml_device_threads(k->w->dev), n, draw_row, &piece);
    return RAML_OK;
}

static size_t rows_of(const struct raml_param *p)
{
    return p->n_dims > 1 ? p->shape[0] : 1;
}

static size_t rows_at_once(const struct raml_param *p)
{
    size_t n = PIECE / (p->n / rows_of(p));
    return n ? n : 1;
}

/* by_row: each row gets its own factor; else all the same one, `by`. by 0: only square sums, added to sum[2]. */
static enum raml_code tensor_pass(struct work *k, const struct raml_param *p, const struct raml_key *key, bool by_row,
                                  double by, double sum[2], struct raml_err *err)
{
    size_t rows = rows_of(p), K = p->n / rows, most = rows_at_once(p);
    enum raml_code rc = RAML_OK;
    for (size_t row = 0; row < rows && !rc; row += most) {
        size_t n = rows - row < most ? rows - row : most;
        rc = draw(k, p, key, row, n, err);
        for (size_t r = 0; r < n && !rc; r++) {
            sum[0] += k->theta2[r];
            sum[1] += k->drawn2[r];
            if (by_row) scale(k->drawn + r * K, K, factor(k->theta2[r], k->drawn2[r]));
            else if (by > 0) scale(k->drawn + r * K, K, by);
        }
        if (!rc && (by_row || by > 0))
            rc = raml_array_write(k->w->dev, k->out + p->offset + row * K, k->drawn, n * K * sizeof *k->drawn, err);
    }
    return rc;
}

static bool is_embedding(const struct raml_param *p)
{
    return !strcmp(p->name, "model.embed_tokens.weight") || !strcmp(p->name, "lm_head.weight");
}

static enum raml_code one_tensor(struct work *k, const struct raml_param *p, enum raml_direction_kind kind,
                                 const struct raml_key *key, struct raml_err *err)
{
    double sum[2] = {0};
    bool filter = kind == RAML_DIRECTION_FILTER;
    if (filter ? p->n_dims < 2 : is_embedding(p)) return RAML_OK; /* stays 0 */
    enum raml_code rc = tensor_pass(k, p, key, filter, 0, sum, err);
    if (rc || filter) return rc;
    double by = factor(sum[0], sum[1]);
    return by > 0 ? tensor_pass(k, p, key, false, by, sum, err) : RAML_OK;
}

enum raml_code raml_direction_random(const struct raml_moved_weights *w, enum raml_direction_kind kind, uint64_t seed,
                                     size_t number, float *out, struct raml_err *err)
{
    const struct raml_param *table;
    size_t n = raml_model_params(w->model, &table);
    struct work k = {.w = w, .out = out};
    if (kind != RAML_DIRECTION_FILTER && kind != RAML_DIRECTION_TENSOR)
        return raml_fail(err, RAML_EUSAGE, "a random direction is normalised by filter or tensor");
    enum raml_code rc = raml_array_zero(w->dev, out, w->n * sizeof *out, err);
    for (size_t i = 0; i < n && !rc; i++) {
        struct raml_key key = {.seed = seed, .purpose = RAML_FOR_DIRECTION, .question = i, .sample = (uint32_t)number};
        rc = one_tensor(&k, &table[i], kind, &key, err);
    }
    free(k.theta);
    free(k.drawn);
    free(k.drawn2);
    free(k.theta2);
    return rc;
}
