/* backward.c - backward through the layers, by hand. Quotes the lines of layers.c that it differentiates. See impl.h.
 *
 * dx is the gradient of the residual stream (f32), dxa its copy as activations: both y (MLP) and o Wo^T were added to
 * the stream, so dxa is the gradient of each at its point, unless less of them was added or a norm was after them: then
 * dy is.
 * Of a model that was opened RAML_ADAPTING grad is its adapters': the model's own parameters have none.
 */
#include "model/adapter.h"

struct chunk {
    size_t row, n;
};

/* The part of grad at an offset; NULL: the model's parameters have no gradient. */
static float *part(const struct raml_pass *p, float *grad, size_t offset)
{
    return p->m->use == RAML_ADAPTING ? NULL : grad + offset;
}

/* dw += dy^T x for the chunk's rows; dy [n, N], x [n, K], both act. */
static void weight_grad(struct raml_pass *p, const struct chunk *c, const void *dy, void *x, size_t N, size_t K,
                        float *dw)
{
    if (dw) p->m->b->weight_grad(p->m->dev, p->m->type, dy, x, c->n, N, K, dw);
}

/* dx[n, K] = dy W */
static void back(struct raml_pass *p, const struct chunk *c, const struct raml_matrix *w, const void *dy, void *dx)
{
    p->m->b->backward(p->m->dev, w, dy, p->m->type, c->n, dx, p->m->type, false);
}

/* The gradient of a matrix's adapter, and dx[n, K] += what it passes on, after `back` */
static void adapter_back(struct raml_pass *p, size_t i, enum raml_layer_matrix matrix, const struct chunk *c,
                         const void *x, const void *dy, size_t dy_width, void *dx, float *grad)
{
    if (p->m->use == RAML_ADAPTING) raml_adapters_backward(p->m, i, matrix, x, dy, dy_width, c->n, dx, grad);
}

/* Of adapters: xn = norm(x) of the chunk again, as forward made it; x, f32, stays what it is. */
static void *norm_again(struct raml_pass *p, const struct chunk *c, float *x, void *xn, const float *w)
{
    const struct raml_model *m = p->m;
    size_t d = (size_t)m->config.hidden_size;
    float *row = x + c->row * d;
    if (!p->s.remake) return act_row(m, xn, c->row * d);
    raml_stream_enter(m, row, xn, NULL, row, NULL, w, c->n);
    return xn;
}

/* h = silu(gate) up of the chunk */
static void *inner_again(struct raml_pass *p, const struct chunk *c, const void *gu, void *h)
{
    size_t F = (size_t)p->m->config.intermediate_size;
    if (!p->s.remake) return act_row(p->m, h, c->row * F);
    raml_gate_mul(p->m, h, gu, c->n);
    return h;
}

/* The gradient of what was added to the stream, through the norm after it, if there is one: weights w, which read u. */
static void *leave_back(struct raml_pass *p, const struct chunk *c, const float *u, const float *rstd, const float *w,
                        float *dw)
{
    const struct raml_model *m = p->m;
    size_t d = (size_t)m->config.hidden_size;
    float scale = scale_or_one(m->config.residual_scale);
    if (scale == 1 && !w) return act_row(m, p->dxa, c->row * d);
    m->b->scale_add(m->dev, m->type, NULL, p->dy, p->dx + c->row * d, NULL, scale, c->n * d);
    if (!w) return p->dy;
    m->b->zero(m->dev, p->du, c->n * d * sizeof *p->du);
    m->b->norm_back(m->dev, m->type, p->du, NULL, dw, p->dy, u + c->row * d, rstd + c->row, w, c->n, d);
    m->b->to_act(m->dev, m->type, p->dy, p->du, c->n * d);
    return p->dy;
}

/* dx += what comes through the norm before attention or the MLP (w NULL: there is none), of gradient dxna */
static void enter_back(struct raml_pass *p, const struct chunk *c, const float *x, const float *rstd, const float *w,
                       float *dw)
{
    const struct raml_model *m = p->m;
    size_t d = (size_t)m->config.hidden_size, at = c->row * d;
    void *dxa = act_row(m, p->dxa, at);
    if (w) m->b->norm_back(m->dev, m->type, p->dx + at, dxa, dw, p->dxna, x + at, rstd + c->row, w, c->n, d);
    else m->b->scale_add(m->dev, m->type, p->dx + at, dxa, p->dx + at, p->dxna, 1, c->n * d);
}

static void gate_back(const struct raml_pass *p, const struct chunk *c, const void *gu)
{
    const struct raml_model *m = p->m;
    size_t F = (size_t)m->config.intermediate_size;
    if (m->config.gate == RAML_GATE_GELU) m->b->gelu_mul_back(m->dev, m->type, p->dgu, p->dh, gu, c->n, F);
    else m->b->silu_mul_back(m->dev, m->type, p->dgu, p->dh, gu, c->n, F);
}

/* y = h Wdown^T;  h = silu(gate) up;  gu = xn2 Wgu^T;  xn2 = norm(x2);  x2 = x1 + o Wo^T */
static void mlp_back(struct raml_pass *p, size_t i, const struct chunk *c, float *grad)
{
    const struct raml_model *m = p->m;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &p->s.acts[i];
    size_t d = (size_t)m->config.hidden_size, F = (size_t)m->config.intermediate_size;
    size_t wide = (size_t)m->config.n_heads * (size_t)m->config.head_dim;
    void *gu = act_row(m, a->gu, c->row * 2 * F);
    void *h = inner_again(p, c, gu, a->h), *xn = norm_again(p, c, a->x2, a->xn2, l->v_norm2);
    void *o = act_row(m, a->o, c->row * wide), *d_o = act_row(m, p->d_o, c->row * wide);
    void *dy = leave_back(p, c, a->u2, a->rstd_u2, l->v_after2, part(p, grad, l->at.after2));
    back(p, c, &l->w_down, dy, p->dh);
    adapter_back(p, i, RAML_LAYER_DOWN, c, h, dy, d, p->dh, grad);
    weight_grad(p, c, dy, h, d, F, part(p, grad, l->at.down));
    gate_back(p, c, gu);
    back(p, c, &l->w_gu, p->dgu, p->dxna);
    adapter_back(p, i, RAML_LAYER_GATE, c, xn, p->dgu, 2 * F, p->dxna, grad);
    adapter_back(p, i, RAML_LAYER_UP, c, xn, act_row(m, p->dgu, F), 2 * F, p->dxna, grad);
    weight_grad(p, c, p->dgu, xn, 2 * F, d, part(p, grad, l->at.gu));
    enter_back(p, c, a->x2, a->rstd2, l->v_norm2, part(p, grad, l->at.norm2));
    dy = leave_back(p, c, a->u1, a->rstd_u1, l->v_after1, part(p, grad, l->at.after1));
    back(p, c, &l->w_o, dy, d_o);
    adapter_back(p, i, RAML_LAYER_O, c, o, dy, d, d_o, grad);
    weight_grad(p, c, dy, o, d, wide, part(p, grad, l->at.o));
}

/* qkv = heads(xn1 Wqkv^T);  xn1 = norm(x1) */
static void qkv_back(struct raml_pass *p, size_t i, const struct chunk *c, float *grad)
{
    const struct raml_model *m = p->m;
    const struct raml_config *f = &m->config;
    const struct layer *l = &m->layer[i];
    const struct acts *a = &p->s.acts[i];
    size_t d = (size_t)f->hidden_size, H = (size_t)f->n_heads, K = (size_t)f->n_kv_heads, D = (size_t)f->head_dim;
    size_t width = (H + 2 * K) * D;
    void *dqkv = act_row(m, p->dqkv, c->row * width), *xn = norm_again(p, c, a->x1, a->xn1, l->v_norm1);
    struct raml_head_rows h = {.type = m->type,
                               .n = c->n,
                               .H = H,
                               .K = K,
                               .D = D,
                               .raw = a->raw ? act_row(m, a->raw, c->row * (H + K) * D) : NULL,
                               .bias = l->v_bias,
                               .q_w = l->v_q_norm,
                               .k_w = l->v_k_norm,
                               .whole = f->qk_norm == RAML_QK_NORM_WHOLE,
                               .position = (const int32_t *)p->position.device + c->row,
                               .cos_sin = raml_layer_angles(m, i),
                               .eps = (float)f->rms_norm_eps};
    m->b->heads_back(m->dev, &h, dqkv, f->qkv_bias ? part(p, grad, l->at.bias) : NULL,
                     f->qk_norm ? part(p, grad, l->at.q_norm) : NULL, f->qk_norm ? part(p, grad, l->at.k_norm) : NULL);
    back(p, c, &l->w_qkv, dqkv, p->dxna);
    adapter_back(p, i, RAML_LAYER_Q, c, xn, dqkv, width, p->dxna, grad);
    adapter_back(p, i, RAML_LAYER_K, c, xn, act_row(m, dqkv, H * D), width, p->dxna, grad);
    adapter_back(p, i, RAML_LAYER_V, c, xn, act_row(m, dqkv, (H + K) * D), width, p->dxna, grad);
    weight_grad(p, c, dqkv, xn, width, d, part(p, grad, l->at.qkv));
    enter_back(p, c, a->x1, a->rstd1, l->v_norm1, part(p, grad, l->at.norm1));
}

static void attention_back(struct raml_pass *p, size_t i)
{
    const struct raml_model *m = p->m;
    const struct acts *a = &p->s.acts[i];
    const struct seen_keys all = {p->tile.device, p->pair.device, p->mask.device};
    const struct seen_keys seen =
        raml_layer_in(&m->config.windowed, (int)i) ? raml_windows_seen(&p->windows, &all) : all;
    struct raml_attention_back b = {.f = {.type = m->type,
                                          .n = p->pack->n_rows,
                                          .H = (size_t)m->config.n_heads,
                                          .K = (size_t)m->config.n_kv_heads,
                                          .D = (size_t)m->config.head_dim,
                                          .qkv = a->qkv,
                                          .tile = seen.tile,
                                          .n_tiles = p->pack->n_tiles,
                                          .pair = seen.pair,
                                          .mask = seen.mask,
                                          .scale = (float)m->config.attention_scale,
                                          .o = a->o,
                                          .lse = a->lse},
                                    .d_o = p->d_o,
                                    .dqkv = p->dqkv,
                                    .tree_tile = p->tree_tile.device,
                                    .n_trees = p->pack->n_trees,
                                    .tree_tiles = p->tree_tiles};
    m->b->attention_back(m->dev, &b);
}

void raml_layers_backward(struct raml_pass *p, float *grad)
{
    const struct raml_model *m = p->m;
    size_t d = (size_t)m->config.hidden_size, n = p->pack->n_rows, chunk = m->sizes.chunk_rows;
    size_t L = (size_t)m->config.n_layers, lowest = m->use == RAML_ADAPTING ? m->lora->lowest : 0;
    if (lowest == L) return; /* only the head has an adapter */
    m->b->zero(m->dev, p->dx, n * d * sizeof *p->dx);
    m->b->to_act(m->dev, m->type, p->d_o, p->dxn, n * d); /* d_o is at least as wide as d (pass.c) */
    m->b->norm_back(m->dev, m->type, p->dx, p->dxa, part(p, grad, m->at.norm), p->d_o, p->s.xf, p->s.rstdf, m->v_norm,
                    n, d);
    for (size_t i = L; i-- > lowest;) {
        for (int part = 0; part < 2; part++) {
            if (part == 1) attention_back(p, i);
            for (size_t row = 0; row < n; row += chunk) {
                struct chunk c = {row, n - row < chunk ? n - row : chunk};
                if (part == 0) mlp_back(p, i, &c, grad);
                else qkv_back(p, i, &c, grad);
            }
        }
    }
    if (m->config.embedding_scale > 0)
        m->b->scale_add(m->dev, m->type, p->dx, NULL, p->dx, NULL, (float)m->config.embedding_scale, n * d);
    if (m->use == RAML_ADAPTING) raml_adapters_embed_back(m, p->dx, p->token.device, n, grad);
    else m->b->embed_back(m->dev, grad + (m->config.tied ? m->at.n : m->at.embed), p->dx, p->token.device, n, d);
}
