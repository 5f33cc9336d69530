/* layer_matrix.c - the matrices of a layer one by one: shapes, places, products, norms. See raml/tap.h. */
#include "raml/tap.h"

#include "model/adapter.h"

#include <math.h>
#include <stdlib.h>

struct raml_layer_shape raml_layer_shape(const struct raml_config *c, enum raml_layer_matrix matrix)
{
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, D = (size_t)c->head_dim;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D;
    switch (matrix) {
    case RAML_LAYER_Q: return (struct raml_layer_shape){q, d};
    case RAML_LAYER_K:
    case RAML_LAYER_V: return (struct raml_layer_shape){kv, d};
    case RAML_LAYER_O: return (struct raml_layer_shape){d, q};
    case RAML_LAYER_GATE:
    case RAML_LAYER_UP: return (struct raml_layer_shape){F, d};
    case RAML_LAYER_DOWN: return (struct raml_layer_shape){d, F};
    case RAML_LAYER_MATRICES: break;
    }
    return (struct raml_layer_shape){0, 0};
}

const char *raml_layer_matrix_name(enum raml_layer_matrix matrix)
{
    static const char *const name[] = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
    return (unsigned)matrix < RAML_LAYER_MATRICES ? name[matrix] : "unknown";
}

struct place { /* where a matrix is: columns [first, first + n_out) of a product with w, of `width` columns */
    const struct raml_matrix *w;
    size_t first, width;
};
struct wanted { /* `count` adjacent matrices of a layer */
    size_t layer;
    enum raml_layer_matrix first;
    int count;
};

static struct place place_of(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix)
{
    const struct layer *l = &m->layer[layer];
    size_t D = (size_t)m->config.head_dim, q = (size_t)m->config.n_heads * D, kv = (size_t)m->config.n_kv_heads * D;
    size_t d = (size_t)m->config.hidden_size, F = (size_t)m->config.intermediate_size;
    switch (matrix) {
    case RAML_LAYER_Q: return (struct place){&l->w_qkv, 0, q + 2 * kv};
    case RAML_LAYER_K: return (struct place){&l->w_qkv, q, q + 2 * kv};
    case RAML_LAYER_V: return (struct place){&l->w_qkv, q + kv, q + 2 * kv};
    case RAML_LAYER_O: return (struct place){&l->w_o, 0, d};
    case RAML_LAYER_GATE: return (struct place){&l->w_gu, 0, 2 * F};
    case RAML_LAYER_UP: return (struct place){&l->w_gu, F, 2 * F};
    default: return (struct place){&l->w_down, 0, d};
    }
}

static enum raml_code check_matrix(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix,
                                   struct raml_err *err)
{
    if (layer < (size_t)m->config.n_layers && (unsigned)matrix < RAML_LAYER_MATRICES) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "layer %zu, matrix %d; the model has %d layers of %d matrices", layer,
                     (int)matrix, m->config.n_layers, (int)RAML_LAYER_MATRICES);
}

/* The columns [first, first + n_out) of the place's products, with what adapters add to them. */
static enum raml_code multiply(const struct raml_model *m, const struct wanted *of, const struct place *at,
                               struct raml_layer_shape s, const float *x, size_t n, float *y, struct raml_err *err)
{
    size_t chunk = m->sizes.chunk_rows < n ? m->sizes.chunk_rows : n, rows = chunk + m->sizes.slack_rows;
    float *in = m->b->alloc(m->dev, rows * s.n_in, sizeof *in),
          *out = m->b->alloc(m->dev, rows * at->width, sizeof *out);
    float *part = m->b->alloc(m->dev, rows * s.n_out, sizeof *part);
    void *act = m->b->alloc(m->dev, rows * s.n_in, act_size(m));
    enum raml_code rc =
        in && out && part && act ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a product of %zu rows", chunk);
    for (size_t i = 0; !rc && i < n; i += chunk) {
        size_t k = n - i < chunk ? n - i : chunk;
        m->b->upload(m->dev, in, x + i * s.n_in, k * s.n_in * sizeof *x);
        m->b->to_act(m->dev, m->type, act, in, k * s.n_in);
        m->b->forward(m->dev, at->w, act, m->type, k, out, RAML_TYPE_F32, false);
        m->b->copy_rows(m->dev, part, s.n_out * sizeof *part, out + at->first, at->width * sizeof *out,
                        s.n_out * sizeof *part, k);
        for (int j = 0; j < of->count; j++)
            raml_adapters_forward(m, of->layer, of->first + (unsigned)j, act, k,
                                  part + (size_t)j * (s.n_out / (size_t)of->count), RAML_TYPE_F32, s.n_out);
        m->b->download(m->dev, y + i * s.n_out, part, k * s.n_out * sizeof *y);
    }
    void *block[] = {in, out, part, act};
    for (size_t i = 0; i < sizeof block / sizeof *block; i++)
        if (block[i]) m->b->free(m->dev, block[i]);
    return raml_backend_settle(m->dev, rc, err);
}

enum raml_code raml_layer_product(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix,
                                  const float *x, size_t n, float *y, struct raml_err *err)
{
    enum raml_code rc = check_matrix(m, layer, matrix, err);
    if (rc || n == 0) return rc;
    struct place at = place_of(m, layer, matrix);
    const struct wanted of = {layer, matrix, 1};
    return multiply(m, &of, &at, raml_layer_shape(&m->config, matrix), x, n, y, err);
}

enum raml_code raml_layer_gate_up(const struct raml_model *m, size_t layer, const float *x, size_t n, float *y,
                                  struct raml_err *err)
{
    enum raml_code rc = check_matrix(m, layer, RAML_LAYER_GATE, err);
    if (rc || n == 0) return rc;
    struct place at = place_of(m, layer, RAML_LAYER_GATE);
    struct raml_layer_shape s = raml_layer_shape(&m->config, RAML_LAYER_GATE);
    s.n_out = at.width;
    const struct wanted of = {layer, RAML_LAYER_GATE, 2};
    return multiply(m, &of, &at, s, x, n, y, err);
}

/* Rows of the identity, a chunk at a time: their products are the matrix's columns. */
static enum raml_code norm_by_products(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix,
                                       double *sum, struct raml_err *err)
{
    struct raml_layer_shape s = raml_layer_shape(&m->config, matrix);
    size_t most = s.n_in < 256 ? s.n_in : 256;
    float *x = calloc(most * s.n_in, sizeof *x), *y = malloc(most * s.n_out * sizeof *y);
    enum raml_code rc = x && y ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu rows", most);
    for (size_t i = 0; !rc && i < s.n_in; i += most) {
        size_t n = s.n_in - i < most ? s.n_in - i : most;
        for (size_t k = 0; k < n; k++) x[k * s.n_in + i + k] = 1;
        rc = raml_layer_product(m, layer, matrix, x, n, y, err);
        for (size_t k = 0; k < n; k++) x[k * s.n_in + i + k] = 0;
        for (size_t k = 0; !rc && k < n * s.n_out; k++) *sum += (double)y[k] * (double)y[k];
    }
    free(x);
    free(y);
    return rc;
}

size_t raml_layer_matrix_offset(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix)
{
    const struct raml_layer_offsets *at = &m->layer[layer].at;
    struct place p = place_of(m, layer, matrix);
    size_t d = (size_t)m->config.hidden_size;
    switch (matrix) {
    case RAML_LAYER_O: return at->o;
    case RAML_LAYER_DOWN: return at->down;
    case RAML_LAYER_GATE:
    case RAML_LAYER_UP: return at->gu + p.first * d;
    default: return at->qkv + p.first * d;
    }
}

enum raml_code raml_layer_matrix_norm(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix,
                                      double *norm, struct raml_err *err)
{
    struct raml_layer_shape s = raml_layer_shape(&m->config, matrix);
    double sum = 0;
    enum raml_code rc = check_matrix(m, layer, matrix, err);
    if (rc) return rc;
    if (m->weights)
        rc = raml_backend_square_sum(m->dev, m->weights + raml_layer_matrix_offset(m, layer, matrix), s.n_out * s.n_in,
                                     &sum, err);
    else rc = norm_by_products(m, layer, matrix, &sum, err);
    if (!rc) *norm = sqrt(sum);
    return rc;
}
