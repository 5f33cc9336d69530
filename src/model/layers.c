/* layers.c - forward through the layers, for rows of any kind (packed trees, prompts, decoding). See impl.h.
 *
 * Work is done in chunks of rows, so that what one product writes is still in the cache when the next reads it; only
 * attention needs all rows at once. Per layer:
 *   x1 = x2' + y'            xn1 = norm(x1)          qkv = heads(xn1 Wqkv^T)          pages <- k, v
 *   o = attention            x2 = x1 + o Wo^T        xn2 = norm(x2)
 *   h = silu(gate) * up      y = h Wdown^T
 * Some architectures have no norms there, norms of o Wo^T and of y (u1, u2 are what these read), or add less of both to
 * the stream (residual_scale).
 */
#include "model/adapter.h"
#include "model/hooks.h"

#include "core/parallel.h"

#include <pthread.h>

/* What adapters and patches add to y, the product of a layer's matrix with x. */
static void add_to(const struct raml_model *m, const struct stream *s, size_t i, enum raml_layer_matrix matrix,
                   struct chunk_of_rows c, const void *x, void *y, size_t y_width)
{
    raml_adapters_forward(m, i, matrix, x, c.n, y, m->type, y_width);
    raml_hooks_patch(s->hooks, i, matrix, c, x, y, y_width);
}

/* y of the chunk through the norm after it, whose weights are w (NULL: none); u keeps what that reads. */
static void leave(const struct raml_model *m, const struct stream *s, struct chunk_of_rows c, float *u, float *rstd,
                  const float *w)
{
    size_t d = (size_t)m->config.hidden_size;
    if (w)
        m->b->add_norm(m->dev, m->type, u + (s->keep ? c.row : 0) * d, s->y, rstd ? rstd + c.row : NULL, NULL, s->y, w,
                       c.n, d, (float)m->config.rms_norm_eps);
}

/* Up to and including the key/value store. add: the previous layer's y for these rows, or NULL (layer 0). */
static void before_attention(const struct raml_model *m, const struct stream *s, const struct batch *b, size_t i,
                             struct chunk_of_rows c, const float *x, const void *add)
{
    const struct raml_config *f = &m->config;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &s->acts[i];
    size_t d = (size_t)f->hidden_size, H = (size_t)f->n_heads, K = (size_t)f->n_kv_heads, D = (size_t)f->head_dim;
    size_t width = (H + 2 * K) * D;
    void *xn = act_row(m, a->xn1, s->keep && !s->remake ? c.row * d : 0), *qkv = act_row(m, a->qkv, c.row * width);
    raml_stream_enter(m, a->x1 + c.row * d, xn, a->rstd1 ? a->rstd1 + c.row : NULL, x + c.row * d, add, l->v_norm1,
                      c.n);
    if (i > 0) raml_hooks_tap(s->hooks, i - 1, TAPPED_OUTPUT, c, a->x1 + c.row * d);
    raml_hooks_take(s->hooks, c, a->x1, xn, a->rstd1 ? a->rstd1 + c.row : NULL, l->v_norm1);
    m->b->forward(m->dev, &l->w_qkv, xn, m->type, c.n, qkv, m->type, false);
    add_to(m, s, i, RAML_LAYER_Q, c, xn, qkv, width);
    add_to(m, s, i, RAML_LAYER_K, c, xn, act_row(m, qkv, H * D), width);
    add_to(m, s, i, RAML_LAYER_V, c, xn, act_row(m, qkv, (H + K) * D), width);
    struct raml_head_rows h = {.type = m->type,
                               .n = c.n,
                               .H = H,
                               .K = K,
                               .D = D,
                               .qkv = qkv,
                               .raw = a->raw ? act_row(m, a->raw, c.row * (H + K) * D) : NULL,
                               .bias = l->v_bias,
                               .q_w = l->v_q_norm,
                               .k_w = l->v_k_norm,
                               .whole = f->qk_norm == RAML_QK_NORM_WHOLE,
                               .position = b->position + c.row,
                               .cos_sin = raml_layer_angles(m, i),
                               .eps = (float)f->rms_norm_eps};
    m->b->heads(m->dev, &h);
    m->b->store_kv(m->dev, m->type, (char *)s->k + i * s->layer_bytes, (char *)s->v + i * s->layer_bytes, qkv,
                   b->page + c.row, b->slot + c.row, c.n, H, K, D);
}

/* From attention's output to y of the chunk. */
static void after_attention(const struct raml_model *m, const struct stream *s, size_t i, struct chunk_of_rows c)
{
    const struct layer *l = &m->layer[i];
    const struct acts *a = &s->acts[i];
    size_t d = (size_t)m->config.hidden_size, F = (size_t)m->config.intermediate_size;
    size_t wide = (size_t)m->config.n_heads * (size_t)m->config.head_dim, at = s->keep && !s->remake ? c.row : 0;
    void *xn = act_row(m, a->xn2, at * d), *gu = act_row(m, a->gu, (s->keep ? c.row : 0) * 2 * F);
    void *h = act_row(m, a->h, at * F);
    m->b->forward(m->dev, &l->w_o, act_row(m, a->o, c.row * wide), m->type, c.n, s->y, m->type, false);
    add_to(m, s, i, RAML_LAYER_O, c, act_row(m, a->o, c.row * wide), s->y, d);
    leave(m, s, c, a->u1, a->rstd_u1, l->v_after1);
    raml_stream_enter(m, a->x2 + c.row * d, xn, a->rstd2 ? a->rstd2 + c.row : NULL, a->x1 + c.row * d, s->y, l->v_norm2,
                      c.n);
    m->b->forward(m->dev, &l->w_gu, xn, m->type, c.n, gu, m->type, false);
    add_to(m, s, i, RAML_LAYER_GATE, c, xn, gu, 2 * F);
    add_to(m, s, i, RAML_LAYER_UP, c, xn, act_row(m, gu, F), 2 * F);
    raml_gate_mul(m, h, gu, c.n);
    m->b->forward(m->dev, &l->w_down, h, m->type, c.n, s->y, m->type, false);
    add_to(m, s, i, RAML_LAYER_DOWN, c, h, s->y, d);
    leave(m, s, c, a->u2, a->rstd_u2, l->v_after2);
    raml_hooks_tap(s->hooks, i, TAPPED_RESIDUAL, c, a->x2 + c.row * d);
    raml_hooks_tap(s->hooks, i, TAPPED_Z, c, xn);
    raml_hooks_tap(s->hooks, i, TAPPED_INNER, c, h);
}

static void after_layers(const struct raml_model *m, const struct stream *s, struct chunk_of_rows c, const float *x,
                         const void *add)
{
    size_t d = (size_t)m->config.hidden_size;
    raml_stream_enter(m, s->xf + c.row * d, act_row(m, s->xnf, c.row * d), s->rstdf ? s->rstdf + c.row : NULL,
                      x + c.row * d, add, m->v_norm, c.n);
    raml_hooks_tap(s->hooks, (size_t)m->config.n_layers - 1, TAPPED_OUTPUT, c, s->xf + c.row * d);
}

static void attend(const struct raml_model *m, const struct stream *s, const struct batch *b, size_t i)
{
    const struct acts *a = &s->acts[i];
    const struct seen_keys *seen = raml_layer_in(&m->config.windowed, (int)i) ? &b->near : &b->all;
    struct raml_attention t = {.type = m->type,
                               .n = b->n,
                               .H = (size_t)m->config.n_heads,
                               .K = (size_t)m->config.n_kv_heads,
                               .D = (size_t)m->config.head_dim,
                               .qkv = a->qkv,
                               .k = (char *)s->k + i * s->layer_bytes,
                               .v = (char *)s->v + i * s->layer_bytes,
                               .tile = seen->tile,
                               .n_tiles = b->n_tiles,
                               .pair = seen->pair,
                               .mask = seen->mask,
                               .scale = (float)m->config.attention_scale,
                               .o = a->o,
                               .lse = a->lse};
    m->b->attention(m->dev, &t);
    raml_hooks_attention(s->hooks, i, &t);
}

/* -- The embedding ------------------------------------------------------------------------------------------------- */
enum { READ_ROWS = 64, READ_PIECE = 16 }; /* rows of a file being read at once; of a thread */

struct reading {
    const struct raml_model *m;
    const int32_t *token;
    size_t n;
    float *out; /* [n, d] */
    pthread_mutex_t lock;
    size_t first_bad;
    struct raml_err why;
};

static void read_piece(void *user, size_t i, int worker)
{
    struct reading *r = user;
    size_t d = (size_t)r->m->config.hidden_size, from = i * READ_PIECE;
    (void)worker;
    for (size_t k = from; k < r->n && k < from + READ_PIECE; k++) {
        struct raml_err why = {0};
        if (!raml_file_tensor_f32(r->m->table.tensor, (size_t)r->token[k], 1, r->out + k * d, &why)) continue;
        pthread_mutex_lock(&r->lock);
        if (k < r->first_bad) {
            r->first_bad = k;
            r->why = why;
        }
        pthread_mutex_unlock(&r->lock);
    }
}

/* Rows of the file into x. Each brings its neighbours' pages with it (sixteen, or half a megabyte where the system
 * keeps files in large folios): they are released soon, or a pass over scattered tokens would have the whole table in
 * memory. */
static enum raml_code read_embedding(const struct raml_model *m, struct stream *s, float *x, const int32_t *token,
                                     size_t n, struct raml_err *err)
{
    size_t d = (size_t)m->config.hidden_size, most = n < READ_ROWS ? n : READ_ROWS;
    enum raml_code rc = raml_list_grow(&s->staging, most * d * sizeof *x, err);
    for (size_t at = 0; at < n && !rc; at += READ_ROWS) {
        size_t k = n - at < READ_ROWS ? n - at : READ_ROWS;
        struct reading r = {.m = m, .token = token + at, .n = k, .out = s->staging.host, .first_bad = SIZE_MAX};
        if (pthread_mutex_init(&r.lock, NULL)) return raml_fail(err, RAML_ENOMEM, "no memory for a lock");
        raml_parallel(raml_device_threads(m->dev), (k + READ_PIECE - 1) / READ_PIECE, read_piece, &r);
        pthread_mutex_destroy(&r.lock);
        rc = r.why.code;
        if (rc && err) *err = r.why;
        if (!rc) m->b->upload(m->dev, x + at * d, s->staging.host, k * d * sizeof *x);
        raml_file_tensor_release(m->table.tensor);
    }
    return rc;
}

enum raml_code raml_layers_forward(const struct raml_model *m, struct stream *s, const struct batch *b,
                                   struct raml_err *err)
{
    size_t d = (size_t)m->config.hidden_size, L = (size_t)m->config.n_layers, chunk = m->sizes.chunk_rows;
    enum raml_code rc = RAML_OK;
    if (m->table.tensor) rc = read_embedding(m, s, s->acts[0].x1, b->read_token, b->n, err);
    else m->b->embed(m->dev, s->acts[0].x1, m->table.table, m->table.type, b->token, b->n, d);
    if (!rc) raml_adapters_embed(m, s->acts[0].x1, b->token, b->n);
    if (!rc && m->config.embedding_scale > 0)
        m->b->scale_add(m->dev, m->type, s->acts[0].x1, NULL, s->acts[0].x1, NULL, (float)m->config.embedding_scale,
                        b->n * d);
    for (size_t i = 0; i <= L && !rc; i++) {
        for (size_t row = 0; row < b->n; row += chunk) {
            struct chunk_of_rows c = {row, b->n - row < chunk ? b->n - row : chunk};
            if (i > 0) after_attention(m, s, i - 1, c);
            const float *x = i > 0 ? s->acts[i - 1].x2 : s->acts[0].x1;
            const void *add = i > 0 ? s->y : NULL;
            if (i < L) before_attention(m, s, b, i, c, x, add);
            else after_layers(m, s, c, x, add);
        }
        rc = raml_hooks_layer(s->hooks, i, i < L ? s->acts[i].x1 : s->xf, err);
        if (!rc && raml_should_stop(s->sink)) rc = raml_fail(err, RAML_ESTOP, "stopped");
        if (i < L && !rc) attend(m, s, b, i);
    }
    return rc;
}
