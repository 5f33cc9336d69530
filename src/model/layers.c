/* layers.c - forward through the layers, for rows of any kind (packed trees, prompts, decoding). See impl.h.
 *
 * Work goes in chunks of rows, so that what one product writes is still in the cache when the next reads it; only
 * attention needs all rows at once. Per layer: x1 = x2' + y'            xn1 = norm(x1)          qkv = heads(xn1 Wqkv^T)
 * pages <- k, v o = attention            x2 = x1 + o Wo^T        xn2 = norm(x2) h = silu(gate) * up      y = h Wdown^T
 */
#include "model/impl.h"

#include <string.h>

struct span_of_rows {
    size_t row, n;
};

/* Up to and with the key/value store. add: the previous layer's y for these rows, or NULL (layer 0). */
static enum raml_code before_attention(const struct raml_model *m, const struct stream *s, const struct batch *b,
                                       size_t i, struct span_of_rows c, const float *x, const void *add,
                                       struct raml_err *err)
{
    const struct raml_ops *ops = m->dev->ops;
    const struct raml_config *f = &m->config;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &s->acts[i];
    size_t d = (size_t)f->hidden_size, H = (size_t)f->n_heads, K = (size_t)f->n_kv_heads, D = (size_t)f->head_dim;
    size_t width = (H + 2 * K) * D;
    void *xn = act_row(m, a->xn1, s->keep ? c.row * d : 0), *qkv = act_row(m, a->qkv, c.row * width);
    ops->add_norm(m->bf16, a->x1 + c.row * d, xn, a->rstd1 ? a->rstd1 + c.row : NULL, x + c.row * d, add,
                  l->v_norm1, c.n, d, (float)f->rms_norm_eps);
    enum raml_code rc = raml_mm_forward(m->dev->mm, &l->w_qkv, xn, c.n, qkv, false, false, err);
    if (rc) return rc;
    struct raml_heads h = {.bf16 = m->bf16,
                           .n = c.n,
                           .H = H,
                           .K = K,
                           .D = D,
                           .qkv = qkv,
                           .raw = a->raw ? act_row(m, a->raw, c.row * (H + K) * D) : NULL,
                           .bias = l->v_bias,
                           .q_w = l->v_q_norm,
                           .k_w = l->v_k_norm,
                           .position = b->position + c.row,
                           .cos_sin = m->cos_sin,
                           .eps = (float)f->rms_norm_eps};
    ops->heads(&h);
    ops->store_kv(m->bf16, (char *)s->k + i * s->layer_bytes, (char *)s->v + i * s->layer_bytes, qkv, b->page + c.row,
                  b->slot + c.row, c.n, H, K, D);
    return RAML_OK;
}

/* From attention's output to y of the chunk. */
static enum raml_code after_attention(const struct raml_model *m, const struct stream *s, size_t i,
                                      struct span_of_rows c, struct raml_err *err)
{
    const struct raml_ops *ops = m->dev->ops;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &s->acts[i];
    size_t d = (size_t)m->config.hidden_size, F = (size_t)m->config.intermediate_size;
    size_t wide = (size_t)m->config.n_heads * (size_t)m->config.head_dim, at = s->keep ? c.row : 0;
    void *xn = act_row(m, a->xn2, at * d), *gu = act_row(m, a->gu, at * 2 * F), *h = act_row(m, a->h, at * F);
    enum raml_code rc =
        raml_mm_forward(m->dev->mm, &l->w_o, act_row(m, a->o, c.row * wide), c.n, s->y, false, false, err);
    if (rc) return rc;
    ops->add_norm(m->bf16, a->x2 + c.row * d, xn, a->rstd2 ? a->rstd2 + c.row : NULL, a->x1 + c.row * d, s->y,
                  l->v_norm2, c.n, d, (float)m->config.rms_norm_eps);
    rc = raml_mm_forward(m->dev->mm, &l->w_gu, xn, c.n, gu, false, false, err);
    if (rc) return rc;
    ops->silu_mul(m->bf16, h, gu, c.n, F);
    return raml_mm_forward(m->dev->mm, &l->w_down, h, c.n, s->y, false, false, err);
}

static void attend(const struct raml_model *m, const struct stream *s, const struct batch *b, size_t i)
{
    const struct acts *a = &s->acts[i];
    struct raml_attn t = {.bf16 = m->bf16,
                          .n = b->n,
                          .H = (size_t)m->config.n_heads,
                          .K = (size_t)m->config.n_kv_heads,
                          .D = (size_t)m->config.head_dim,
                          .qkv = a->qkv,
                          .k = (char *)s->k + i * s->layer_bytes,
                          .v = (char *)s->v + i * s->layer_bytes,
                          .tile = b->tile,
                          .n_tiles = b->n_tiles,
                          .pair = b->pair,
                          .mask = b->mask,
                          .o = a->o,
                          .lse = a->lse};
    m->dev->ops->attn(&t);
}

enum raml_code raml_layers_forward(const struct raml_model *m, const struct stream *s, const struct batch *b,
                                   struct raml_err *err)
{
    const struct raml_ops *ops = m->dev->ops;
    size_t d = (size_t)m->config.hidden_size, L = (size_t)m->config.n_layers;
    raml_device_use(m->dev);
    enum raml_code rc = raml_model_embed(m, s->acts[0].x1, b->token, b->n, err);
    for (size_t i = 0; i <= L && !rc; i++) {
        for (size_t row = 0; row < b->n && !rc; row += s->chunk) {
            struct span_of_rows c = {row, b->n - row < s->chunk ? b->n - row : s->chunk};
            if (i > 0) rc = after_attention(m, s, i - 1, c, err);
            const float *x = i > 0 ? s->acts[i - 1].x2 : s->acts[0].x1;
            const void *add = i > 0 ? s->y : NULL;
            if (!rc && i < L) rc = before_attention(m, s, b, i, c, x, add, err);
            if (!rc && i == L)
                ops->add_norm(m->bf16, s->xf + row * d, act_row(m, s->xnf, row * d), s->rstdf ? s->rstdf + row : NULL,
                              x + row * d, add, m->v_norm, c.n, d, (float)m->config.rms_norm_eps);
        }
        if (!rc && i < L) attend(m, s, b, i);
    }
    return rc;
}
