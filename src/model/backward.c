/* backward.c - backward through the layers, by hand. Quotes layers.c, whose lines it differentiates. See impl.h.
 *
 * dx is the gradient of the residual stream (f32), dxa its copy as activations: both y (MLP) and o Wo^T were added to
 * the stream, so dxa is the gradient of each at its point.
 */
#include "model/impl.h"

#include <string.h>

struct chunk {
    size_t row, n, pad;
};

/* dw += dy^T x for the chunk's rows; dy [n, N], x [n, K], both act. Rows of x up to pad are set to 0. */
static enum raml_code weight_grad(struct raml_pass *p, const struct chunk *c, const void *dy, void *x, size_t N,
                                  size_t K, float *dw, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    if (c->row + c->n == p->pack->n_rows) memset(act_row(m, x, c->n * K), 0, (c->pad - c->n) * K * act_size(m));
    m->dev->ops->transpose(m->bf16, p->t, dy, c->n, N, c->pad);
    return raml_mm_weight_grad(m->dev->mm, m->bf16, p->t, x, c->n, N, K, dw, err);
}

/* y = h Wdown^T;  h = silu(gate) up;  gu = xn2 Wgu^T;  xn2 = norm(x2);  x2 = x1 + o Wo^T */
static enum raml_code mlp_back(struct raml_pass *p, size_t i, const struct chunk *c, float *grad, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    const struct raml_ops *ops = m->dev->ops;
    struct raml_mm *mm = m->dev->mm;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &p->s.acts[i];
    size_t d = (size_t)m->config.hidden_size, F = (size_t)m->config.intermediate_size;
    size_t wide = (size_t)m->config.n_heads * (size_t)m->config.head_dim;
    void *dxa = act_row(m, p->dxa, c->row * d), *gu = act_row(m, a->gu, c->row * 2 * F);
    enum raml_code rc = raml_mm_backward(mm, &l->w_down, dxa, c->n, p->dh, false, false, err);
    if (!rc) rc = weight_grad(p, c, dxa, act_row(m, a->h, c->row * F), d, F, grad + l->down, err);
    if (rc) return rc;
    ops->silu_mul_back(m->bf16, p->dgu, p->dh, gu, c->n, F);
    rc = raml_mm_backward(mm, &l->w_gu, p->dgu, c->n, p->dxna, false, false, err);
    if (!rc) rc = weight_grad(p, c, p->dgu, act_row(m, a->xn2, c->row * d), 2 * F, d, grad + l->gu, err);
    if (rc) return rc;
    ops->norm_back(m->bf16, p->dx + c->row * d, dxa, grad + l->norm2, p->dxna, a->x2 + c->row * d, a->rstd2 + c->row,
                   l->v_norm2, c->n, d, p->scratch);
    rc = raml_mm_backward(mm, &l->w_o, dxa, c->n, act_row(m, p->d_o, c->row * wide), false, false, err);
    if (!rc) rc = weight_grad(p, c, dxa, act_row(m, a->o, c->row * wide), d, wide, grad + l->o, err);
    return rc;
}

/* qkv = heads(xn1 Wqkv^T);  xn1 = norm(x1) */
static enum raml_code qkv_back(struct raml_pass *p, size_t i, const struct chunk *c, float *grad, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    const struct raml_config *f = &m->config;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &p->s.acts[i];
    size_t d = (size_t)f->hidden_size, H = (size_t)f->n_heads, K = (size_t)f->n_kv_heads, D = (size_t)f->head_dim;
    size_t width = (H + 2 * K) * D;
    void *dqkv = act_row(m, p->dqkv, c->row * width);
    struct raml_heads h = {.bf16 = m->bf16,
                           .n = c->n,
                           .H = H,
                           .K = K,
                           .D = D,
                           .raw = a->raw ? act_row(m, a->raw, c->row * (H + K) * D) : NULL,
                           .bias = l->v_bias,
                           .q_w = l->v_q_norm,
                           .k_w = l->v_k_norm,
                           .position = p->pack->position + c->row,
                           .cos_sin = m->cos_sin,
                           .eps = (float)f->rms_norm_eps};
    m->dev->ops->heads_back(&h, dqkv, f->qkv_bias ? grad + l->bias : NULL, f->qk_norm ? grad + l->q_norm : NULL,
                            f->qk_norm ? grad + l->k_norm : NULL, p->scratch);
    enum raml_code rc = raml_mm_backward(m->dev->mm, &l->w_qkv, dqkv, c->n, p->dxna, false, false, err);
    if (!rc) rc = weight_grad(p, c, dqkv, act_row(m, a->xn1, c->row * d), width, d, grad + l->qkv, err);
    if (rc) return rc;
    m->dev->ops->norm_back(m->bf16, p->dx + c->row * d, act_row(m, p->dxa, c->row * d), grad + l->norm1, p->dxna,
                           a->x1 + c->row * d, a->rstd1 + c->row, l->v_norm1, c->n, d, p->scratch);
    return RAML_OK;
}

static void attention_back(struct raml_pass *p, size_t i)
{
    const struct raml_model *m = p->m;
    const struct acts *a = &p->s.acts[i];
    struct raml_attn_back b = {.f = {.bf16 = m->bf16,
                                     .n = p->pack->n_rows,
                                     .H = (size_t)m->config.n_heads,
                                     .K = (size_t)m->config.n_kv_heads,
                                     .D = (size_t)m->config.head_dim,
                                     .qkv = a->qkv,
                                     .tile = p->tile,
                                     .n_tiles = p->pack->n_tiles,
                                     .pair = p->pair,
                                     .mask = p->mask,
                                     .o = a->o,
                                     .lse = a->lse},
                               .d_o = p->d_o,
                               .dqkv = p->dqkv,
                               .tree_tile = p->pack->tree_tile,
                               .n_trees = p->pack->n_trees,
                               .scratch = p->attn_scratch};
    m->dev->ops->attn_back(&b);
}

enum raml_code raml_layers_backward(struct raml_pass *p, float *grad, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    const struct raml_ops *ops = m->dev->ops;
    size_t d = (size_t)m->config.hidden_size, n = p->pack->n_rows;
    enum raml_code rc = RAML_OK;
    memset(p->dx, 0, n * d * sizeof *p->dx);
    ops->to_act(m->bf16, p->d_o, p->dxn, n * d); /* d_o is as wide as d at least (pass.c) */
    ops->norm_back(m->bf16, p->dx, p->dxa, grad + m->norm, p->d_o, p->s.xf, p->s.rstdf, m->v_norm, n, d,
                   p->scratch);
    for (size_t i = (size_t)m->config.n_layers; i-- > 0 && !rc;) {
        for (int part = 0; part < 2 && !rc; part++) {
            if (part == 1) attention_back(p, i);
            for (size_t row = 0; row < n && !rc; row += p->s.chunk) {
                struct chunk c = {row, n - row < p->s.chunk ? n - row : p->s.chunk, 0};
                c.pad = raml_mm_rows(c.n);
                rc = part == 0 ? mlp_back(p, i, &c, grad, err) : qkv_back(p, i, &c, grad, err);
            }
        }
    }
    if (!rc) ops->embed_back(grad + m->embed, p->dx, p->pack->token, n, d);
    return rc;
}
