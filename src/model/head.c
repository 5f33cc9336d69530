/* head.c - the output head: log-probability and entropy of targets, and backward, a tile of logits at a time.
 *
 * For head_rows targets at once: logits of a tile of vocabulary entries are computed, added to the running sums
 * (backend.h, loss_tile) and overwritten by the next tile's. Backward needs the finished log-sum-exp, so it keeps the
 * tiles of these rows; head_rows is chosen to bound them (pass.c). Memory depends on neither the tokens of the pack
 * nor, beyond that bound, on the vocabulary.
 */
#include "model/adapter.h"

struct rows { /* the targets [first, first + n) of the pack */
    size_t first, n;
    const uint32_t *row;         /* dev: where each is read */
    struct raml_targets targets; /* dev */
};

static size_t tile_width(const struct raml_model *m, size_t i)
{
    size_t tile = m->sizes.head_tile, left = (size_t)m->config.vocab_size - i * tile;
    return left < tile ? left : tile;
}

static struct raml_logits_tile tile_of(const struct raml_model *m, const float *z, size_t i)
{
    size_t v = tile_width(m, i);
    return (struct raml_logits_tile){z, v, i * m->sizes.head_tile, v};
}

/* Logits of tile i of the vocabulary: z[n, its width] from xs, after raml_adapters_head. */
static void tile_logits(const struct raml_model *m, size_t i, const void *xs, size_t n, float *z)
{
    size_t v = tile_width(m, i);
    m->b->forward(m->dev, &m->w_head[i], xs, m->type, n, z, RAML_TYPE_F32, false);
    raml_adapters_head_tile(m, z, n, i * m->sizes.head_tile, v);
    if (m->config.logit_divisor > 0)
        m->b->scale_add(m->dev, RAML_TYPE_F32, z, NULL, z, NULL, (float)(1 / m->config.logit_divisor), n * v);
}

/* keep: logits of tile i go to z + i head_rows head_tile, else all to z. top: NULL, or what is filled. */
static void forward_rows(struct raml_pass *p, const struct rows *r, const struct raml_loss_state *state, bool keep,
                         const struct raml_top_logits *top)
{
    const struct raml_model *m = p->m;
    m->b->loss_start(m->dev, state, r->n);
    raml_adapters_head(m, p->xs, r->n);
    for (size_t i = 0; i < m->n_head_tiles; i++) {
        float *z = p->z + (keep ? i * p->head_rows * m->sizes.head_tile : 0);
        struct raml_logits_tile tile = tile_of(m, z, i);
        tile_logits(m, i, p->xs, r->n, z);
        m->b->loss_tile(m->dev, state, &tile, &r->targets);
        if (top) m->b->top_tile(m->dev, top, &tile, r->n);
    }
    m->b->loss_end(m->dev, state, &p->ends, r->n);
}

static void backward_rows(struct raml_pass *p, const struct rows *r, const float *d_logp, const float *d_entropy,
                          float *grad)
{
    const struct raml_model *m = p->m;
    size_t d = (size_t)m->config.hidden_size;
    m->b->upload(m->dev, p->d_logp, d_logp, r->n * sizeof *d_logp);
    if (d_entropy) m->b->upload(m->dev, p->d_entropy, d_entropy, r->n * sizeof *d_entropy);
    float *const each[] = {p->d_logp, d_entropy ? p->d_entropy : NULL}; /* of the logits before they were divided */
    for (size_t i = 0; i < 2 && m->config.logit_divisor > 0; i++)
        if (each[i])
            m->b->scale_add(m->dev, RAML_TYPE_F32, each[i], NULL, each[i], NULL, (float)(1 / m->config.logit_divisor),
                            r->n);
    struct raml_loss_back b = {p->ends.lse, p->ends.entropy, p->d_logp, d_entropy ? p->d_entropy : NULL};
    m->b->zero(m->dev, p->dxs, r->n * d * sizeof *p->dxs);
    for (size_t i = 0; i < m->n_head_tiles; i++) {
        struct raml_logits_tile z = tile_of(m, p->z + i * p->head_rows * m->sizes.head_tile, i);
        m->b->loss_back(m->dev, m->type, p->dz, &b, &z, &r->targets);
        m->b->backward(m->dev, &m->w_head[i], p->dz, m->type, r->n, p->dxs, RAML_TYPE_F32, true);
        if (m->use == RAML_ADAPTING) raml_adapters_head_tile_back(m, p->dz, r->n, z.v0, z.v, grad);
        else m->b->weight_grad(m->dev, m->type, p->dz, p->xs, r->n, z.v, d, grad + m->at.head + z.v0 * d);
    }
    if (m->use == RAML_ADAPTING) raml_adapters_head_back(m, p->xs, r->n, p->dxs, grad);
    m->b->scatter_add(m->dev, p->dxn, p->dxs, r->row, r->targets.stride, r->n, d);
}

/* The targets from `first` on that are worked on at once. */
static struct rows rows_from(const struct raml_pass *p, size_t first)
{
    size_t stride = sizeof(struct raml_target), left = p->pack->n_targets - first;
    size_t n = left < p->head_rows ? left : p->head_rows;
    const char *target = (const char *)p->target.device + first * stride;
    return (struct rows){first,
                         n,
                         (const void *)(target + offsetof(struct raml_target, row)),
                         {(const void *)(target + offsetof(struct raml_target, token)), stride, n}};
}

/* The likeliest tokens of the rows, to the host. */
static void read_top(struct raml_pass *p, const struct rows *r, const struct raml_logprobs *out)
{
    const struct raml_model *m = p->m;
    size_t k = p->top.k;
    float *logp = out->top_logp + r->first * k;
    m->b->download(m->dev, out->top_token + r->first * k, p->top.token, r->n * k * sizeof *p->top.token);
    m->b->download(m->dev, logp, p->top.logit, r->n * k * sizeof *logp);
    m->b->download(m->dev, p->top_lse, p->ends.lse, r->n * sizeof *p->top_lse);
    for (size_t i = 0; i < r->n * k; i++) logp[i] -= p->top_lse[i / k];
}

/* From xs: log-probabilities and what belongs to them, to the host. keep: as forward_rows. */
static void evaluate(struct raml_pass *p, const struct rows *r, const struct raml_logprobs *out, bool keep)
{
    const struct raml_model *m = p->m;
    struct raml_loss_state state = p->loss;
    bool top = out && out->n_top && p->top.k == out->n_top;
    if (!out || !out->argmax) state.argmax = NULL;
    forward_rows(p, r, &state, keep, top ? &p->top : NULL);
    if (top) read_top(p, r, out);
    if (out && out->logp) m->b->download(m->dev, out->logp + r->first, p->ends.logp, r->n * sizeof *out->logp);
    if (out && out->entropy)
        m->b->download(m->dev, out->entropy + r->first, p->ends.entropy, r->n * sizeof *out->entropy);
    if (out && out->argmax) m->b->download(m->dev, out->argmax + r->first, state.argmax, r->n * sizeof *out->argmax);
}

void raml_head_run(struct raml_pass *p, const struct raml_logprobs *out, const float *d_logp, const float *d_entropy,
                   float *grad)
{
    const struct raml_model *m = p->m;
    for (size_t first = 0; first < p->pack->n_targets; first += p->head_rows) {
        struct rows r = rows_from(p, first);
        m->b->gather(m->dev, m->type, p->xs, p->s.xnf, r.row, r.targets.stride, r.n, (size_t)m->config.hidden_size);
        evaluate(p, &r, out, d_logp != NULL);
        if (d_logp) backward_rows(p, &r, d_logp + first, d_entropy ? d_entropy + first : NULL, grad);
    }
}

void raml_head_lens(struct raml_pass *p, const float *x, float *tmp, const struct raml_logprobs *out)
{
    const struct raml_model *m = p->m;
    size_t d = (size_t)m->config.hidden_size;
    for (size_t first = 0; first < p->pack->n_targets; first += p->head_rows) {
        struct rows r = rows_from(p, first);
        m->b->gather(m->dev, RAML_TYPE_F32, tmp, x, r.row, r.targets.stride, r.n, d);
        m->b->add_norm(m->dev, m->type, tmp, p->xs, NULL, tmp, NULL, m->v_norm, r.n, d, (float)m->config.rms_norm_eps);
        evaluate(p, &r, out, false);
    }
}

void raml_head_logits(const struct raml_model *m, const void *xs, size_t n, float *tile, float *out)
{
    size_t V = (size_t)m->config.vocab_size;
    raml_adapters_head(m, xs, n);
    for (size_t i = 0; i < m->n_head_tiles; i++) {
        size_t v = tile_width(m, i);
        tile_logits(m, i, xs, n, tile);
        m->b->copy_rows(m->dev, out + i * m->sizes.head_tile, V * sizeof *out, tile, v * sizeof *tile, v * sizeof *tile,
                        n);
    }
}
