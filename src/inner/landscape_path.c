/* landscape_path.c - the plane of a trajectory's implicit updates. See raml/landscape.h.
 *
 * Two walks over the updates: the first adds up their Gram matrix, the second, with its eigenvectors, the directions.
 * No update is formed: with v_i's part of a matrix u_i w_i', <v_i, v_j> = (u_i . u_j)(w_i . w_j), and a direction's
 * part, sum_i c_i u_i w_i', is the product that forms a gradient.
 */
#include "raml/landscape.h"

#include "inner/landscape_parts.h"
#include "inner/trace_curve.h"
#include "inner/update_parts.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct raml_landscape *l;
    size_t n;          /* points other than θ */
    double *gram;      /* [n, n] */
    double value[2];   /* λ, the larger first */
    double *vector;    /* [n, 2] C */
    bool forming;      /* the second walk */
    float *u, *w;      /* device [n + slack, widest] */
    double *part[2];   /* host [n, n]: of u, of w */
    double *on_device; /* device [n, n] */
    float *scaled;     /* host [n, widest] */
    size_t widest, slack;
};

void raml_landscape_path_deinit(struct raml_landscape_path *p)
{
    free(p->at);
    free(p->x);
    free(p->y);
    free(p->length);
    free(p->off_plane);
    free(p->loss);
    *p = (struct raml_landscape_path){0};
}

/* Products of n rows of the host with each other. */
static enum raml_code gram_of(const struct walk *k, const float *x, size_t K, float *room, double *out,
                              struct raml_err *err)
{
    const struct raml_device *dev = k->l->w.dev;
    const struct raml_backend *b = raml_backend_of(dev);
    b->upload(dev, room, x, k->n * K * sizeof *x);
    b->gram(dev, k->on_device, room, k->n, K);
    b->download(dev, out, k->on_device, k->n * k->n * sizeof *out);
    return b->sync(dev, err);
}

static enum raml_code add_gram(struct walk *k, const float *u, size_t N, const float *w, size_t K, struct raml_err *err)
{
    enum raml_code rc = gram_of(k, u, N, k->u, k->part[0], err);
    if (!rc) rc = gram_of(k, w, K, k->w, k->part[1], err);
    for (size_t i = 0; i < k->n * k->n && !rc; i++) k->gram[i] += k->part[0][i] * k->part[1][i];
    return rc;
}

/* Adds sum_i C_id / sqrt(λ_d) u_i w_i' to the matrix at `offset` of direction d. */
static enum raml_code add_direction(struct walk *k, size_t d, size_t offset, const float *u, size_t N, const float *w,
                                    size_t K, struct raml_err *err)
{
    const struct raml_device *dev = k->l->w.dev;
    const struct raml_backend *b = raml_backend_of(dev);
    for (size_t i = 0; i < k->n; i++) {
        double c = k->vector[2 * i + d] / sqrt(k->value[d]);
        for (size_t j = 0; j < N; j++) k->scaled[i * N + j] = (float)(c * u[i * N + j]);
    }
    b->upload(dev, k->u, k->scaled, k->n * N * sizeof *k->scaled);
    b->upload(dev, k->w, w, k->n * K * sizeof *w);
    b->weight_grad(dev, RAML_TYPE_F32, k->u, k->w, k->n, N, K, k->l->direction[d] + offset);
    return b->sync(dev, err);
}

static enum raml_code read_layer(void *user, const struct raml_update_factors *f, struct raml_err *err)
{
    struct walk *k = user;
    const struct raml_config *c = raml_model_config(k->l->w.model);
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size;
    enum raml_code rc = RAML_OK;
    for (int m = 0; m < RAML_UPDATE_MATRICES && !rc; m++) {
        enum raml_layer_matrix matrix = raml_update_layer_matrix((enum raml_update_matrix)m);
        size_t N = m == RAML_UPDATE_DOWN ? d : F, K = m == RAML_UPDATE_DOWN ? F : d;
        const float *u = f->u[m] + N, *w = f->w[m] + K; /* after θ's own, which is 0 */
        if (!k->forming) {
            rc = add_gram(k, u, N, w, K, err);
            continue;
        }
        size_t offset = raml_layer_matrix_offset(k->l->w.model, f->layer, matrix);
        for (size_t i = 0; i < 2 && !rc; i++) rc = add_direction(k, i, offset, u, N, w, K, err);
    }
    return rc;
}

/* The two largest eigenvalues and their vectors. */
static enum raml_code eigenvectors(struct walk *k, struct raml_err *err)
{
    size_t n = k->n;
    double *a = malloc(n * n * sizeof *a), *value = malloc(n * sizeof *value), *vector = malloc(n * 2 * sizeof *vector);
    lapack_int found = 0, support[4];
    enum raml_code rc = RAML_OK;
    if (!a || !value || !vector) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu points", n);
    if (!rc) {
        memcpy(a, k->gram, n * n * sizeof *a);
        lapack_int order = (lapack_int)n, info = LAPACKE_dsyevr(LAPACK_ROW_MAJOR, 'V', 'I', 'U', order, a, order, 0, 0,
                                                                order - 1, order, 0, &found, value, vector, 2, support);
        if (info || found != 2)
            rc = raml_fail(err, RAML_ERANGE, "the eigenvectors of the updates' Gram matrix were not found (%d)",
                           (int)info);
    }
    for (size_t i = 0; i < 2 && !rc; i++) { /* they come rising; the last point's coordinates are not negative */
        double sign = vector[2 * (n - 1) + 1 - i] < 0 ? -1 : 1;
        k->value[i] = value[1 - i];
        for (size_t j = 0; j < n; j++) k->vector[2 * j + i] = sign * vector[2 * j + 1 - i];
    }
    if (!rc && !(k->value[1] > 1e-12 * k->value[0]))
        rc = raml_fail(err, RAML_ERANGE, "the trajectory's updates lie on one line: there is no plane to draw");
    free(a);
    free(value);
    free(vector);
    return rc;
}

static void deinit(struct walk *k)
{
    const struct raml_device *dev = k->l->w.dev;
    raml_array_free(dev, k->u);
    raml_array_free(dev, k->w);
    raml_array_free(dev, k->on_device);
    free(k->gram);
    free(k->vector);
    free(k->part[0]);
    free(k->part[1]);
    free(k->scaled);
}

static enum raml_code init(struct walk *k, struct raml_landscape *l, size_t n, struct raml_err *err)
{
    const struct raml_config *c = raml_model_config(l->w.model);
    const struct raml_backend *b = raml_backend_of(l->w.dev);
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size;
    *k = (struct walk){.l = l, .n = n, .widest = d > F ? d : F, .slack = b->sizes(l->w.dev).slack_rows};
    k->u = raml_array_new(l->w.dev, (n + k->slack) * k->widest, sizeof *k->u);
    k->w = raml_array_new(l->w.dev, (n + k->slack) * k->widest, sizeof *k->w);
    k->on_device = raml_array_new(l->w.dev, n * n, sizeof *k->on_device);
    k->gram = calloc(n * n, sizeof *k->gram);
    k->vector = calloc(n * 2, sizeof *k->vector);
    k->part[0] = calloc(n * n, sizeof *k->gram);
    k->part[1] = calloc(n * n, sizeof *k->gram);
    k->scaled = calloc(n * k->widest, sizeof *k->scaled);
    if (!k->u || !k->w || !k->on_device || !k->gram || !k->vector || !k->part[0] || !k->part[1] || !k->scaled)
        return raml_fail(err, RAML_ENOMEM, "no memory for the updates of %zu prefixes", n);
    return RAML_OK;
}

double raml_landscape_walk_share(size_t n, size_t k)
{
    if (n == 0 || k >= n) return 0;
    double s = sin((double)(2 * k + 1) * acos(-1) / (double)(4 * n + 2));
    return 1 / (4 * s * s) / ((double)n * (double)(n + 1) / 2);
}

static enum raml_code points(const struct walk *k, const struct raml_loss_curve *c, struct raml_landscape_path *out,
                             struct raml_err *err)
{
    size_t n = k->n + 1;
    double sum = 0;
    *out = (struct raml_landscape_path){.n = n};
    out->at = calloc(n, sizeof *out->at);
    out->x = calloc(n, sizeof *out->x);
    out->y = calloc(n, sizeof *out->y);
    out->length = calloc(n, sizeof *out->length);
    out->off_plane = calloc(n, sizeof *out->off_plane);
    out->loss = calloc(n, sizeof *out->loss);
    if (!out->at || !out->x || !out->y || !out->length || !out->off_plane || !out->loss) {
        raml_landscape_path_deinit(out);
        return raml_fail(err, RAML_ENOMEM, "no memory for a path of %zu points", n);
    }
    memcpy(out->at, c->at, n * sizeof *out->at);
    memcpy(out->loss, c->loss, n * sizeof *out->loss);
    for (size_t i = 1; i < n; i++) {
        double g = k->gram[(i - 1) * k->n + i - 1];
        out->x[i] = sqrt(k->value[0]) * k->vector[2 * (i - 1)];
        out->y[i] = sqrt(k->value[1]) * k->vector[2 * (i - 1) + 1];
        double off = g - out->x[i] * out->x[i] - out->y[i] * out->y[i];
        out->length[i] = sqrt(g);
        out->off_plane[i] = off > 0 ? sqrt(off) : 0;
        sum += g;
    }
    for (size_t i = 0; i < 2; i++) {
        out->explained[i] = k->value[i] / sum;
        out->singular[i] = sqrt(k->value[i]);
    }
    return RAML_OK;
}

static struct raml_trace_input text_of(const struct raml_landscape *l)
{
    const int32_t *trajectory = l->token + l->n_prompt, *prefix = trajectory + l->n_trajectory;
    return (struct raml_trace_input){.prompt = l->token,
                                     .trajectory = trajectory,
                                     .answer_prefix = prefix,
                                     .answer = prefix + l->n_prefix,
                                     .n_prompt = l->n_prompt,
                                     .n_trajectory = l->n_trajectory,
                                     .n_answer_prefix = l->n_prefix,
                                     .n_answer = l->n_answer};
}

static enum raml_code walk(struct walk *k, struct raml_updater *t, const struct raml_update_input *in,
                           struct raml_update *u, struct raml_err *err)
{
    const struct raml_update_reader reader = {.read = read_layer, .user = k};
    raml_update_deinit(u);
    return raml_updater_run(t, in, 1, &reader, u, err);
}

enum raml_code raml_landscape_set_path(struct raml_landscape *l, size_t stride, struct raml_landscape_path *out,
                                       struct raml_err *err)
{
    const struct raml_trace_input text = text_of(l);
    struct raml_update_options opt = raml_update_default();
    struct raml_update_input in;
    struct raml_update u = {0};
    struct raml_updater *t = NULL;
    struct walk k = {.l = l};
    if (stride == 0) return raml_fail(err, RAML_ERANGE, "the path's stride is 0; expected at least 1");
    size_t n = raml_stride_places(l->n_trajectory, stride) - 1;
    if (n < 2)
        return raml_fail(err, RAML_ERANGE,
                         "a path needs two prefixes after the first; the last frame, %zu tokens, has %zu",
                         l->n_trajectory, n);
    opt.stride = stride;
    enum raml_code rc = raml_moved_weights_restore(&l->w, err);
    if (!rc) rc = raml_update_input_of(&text, &in, err);
    if (!rc) rc = raml_updater_open(l->w.model, &opt, &t, err);
    if (!rc) rc = init(&k, l, n, err);
    if (!rc) rc = walk(&k, t, &in, &u, err);
    if (!rc) rc = eigenvectors(&k, err);
    for (size_t d = 0; d < 2 && !rc; d++) {
        rc = raml_landscape_make_direction(l, d, err);
        if (!rc) rc = raml_array_zero(l->w.dev, l->direction[d], l->w.n * sizeof *l->direction[d], err);
    }
    k.forming = true;
    if (!rc) rc = walk(&k, t, &in, &u, err);
    if (!rc) rc = points(&k, &u.curve, out, err);
    raml_update_deinit(&u);
    raml_updater_close(t);
    deinit(&k);
    if (rc) raml_landscape_clear(l); /* what was formed of them */
    return rc;
}
