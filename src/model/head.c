/* head.c - the output head: log-probability and entropy of scored tokens, and back, a tile of logits at a time.
 *
 * For head_rows scored tokens at once: logits of HEAD_TILE vocabulary entries are formed, folded into the running sums
 * (ops.h, loss_tile) and overwritten by the next tile's. Backward needs the finished log-sum-exp, so it keeps the tiles
 * of these rows; head_rows is chosen to bound them (pass.c). Memory depends on neither the tokens of the pack nor,
 * beyond that bound, on the vocabulary.
 */
#include "model/impl.h"

#include <math.h>
#include <string.h>

struct rows { /* the scored tokens [first, first + n) of the pack */
    size_t first, n;
    const struct raml_scored_token *scored;
};

static size_t tile_width(const struct raml_model *m, size_t i)
{
    size_t left = (size_t)m->config.vocab_size - i * HEAD_TILE;
    return left < HEAD_TILE ? left : HEAD_TILE;
}

/* Logits tile i goes to z + (keep: i head_rows HEAD_TILE). */
static enum raml_code forward_rows(struct raml_pass *p, const struct rows *r, bool keep, int32_t *argmax,
                                   struct raml_err *err)
{
    const struct raml_model *m = p->m;
    for (size_t i = 0; i < r->n; i++) {
        p->row_max[i] = -INFINITY;
        p->row_sum[i] = p->row_dot[i] = p->row_target[i] = 0;
        if (argmax) argmax[i] = 0;
    }
    struct raml_loss_rows state = {p->row_max, p->row_sum, p->row_dot, p->row_target, argmax};
    for (size_t i = 0; i < m->n_head_tiles; i++) {
        float *z = p->z + (keep ? i * p->head_rows * HEAD_TILE : 0);
        enum raml_code rc = raml_mm_forward(m->dev->mm, &m->w_head[i], p->xs, r->n, z, true, false, err);
        if (rc) return rc;
        size_t v = tile_width(m, i);
        m->dev->ops->loss_tile(&state, z, v, &r->scored->token, sizeof *r->scored, r->n, i * HEAD_TILE, v);
    }
    for (size_t i = 0; i < r->n; i++) {
        p->row_lse[i] = p->row_max[i] + logf(p->row_sum[i]);
        p->row_entropy[i] = p->row_lse[i] - p->row_dot[i] / p->row_sum[i];
    }
    return RAML_OK;
}

static enum raml_code backward_rows(struct raml_pass *p, const struct rows *r, const float *d_logp,
                                    const float *d_entropy, float *grad, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    const struct raml_ops *ops = m->dev->ops;
    size_t d = (size_t)m->config.hidden_size, pad = raml_mm_rows(r->n);
    memset(p->dxs, 0, pad * d * sizeof *p->dxs);
    memset(act_row(m, p->xs, r->n * d), 0, (pad - r->n) * d * act_size(m));
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++) {
        size_t v = tile_width(m, i);
        ops->loss_tile_back(m->bf16, p->dz, p->z + i * p->head_rows * HEAD_TILE, v, p->row_lse, p->row_entropy, d_logp,
                            d_entropy, &r->scored->token, sizeof *r->scored, r->n, i * HEAD_TILE, v);
        rc = raml_mm_backward(m->dev->mm, &m->w_head[i], p->dz, r->n, p->dxs, true, true, err);
        if (rc) break;
        ops->transpose(m->bf16, p->dzt, p->dz, r->n, v, pad);
        rc = raml_mm_weight_grad(m->dev->mm, m->bf16, p->dzt, p->xs, r->n, v, d, grad + m->head + i * HEAD_TILE * d,
                                 err);
    }
    if (!rc) ops->scatter_add(p->dxn, p->dxs, &r->scored->row, sizeof *r->scored, r->n, d);
    return rc;
}

enum raml_code raml_head_run(struct raml_pass *p, const struct raml_score *out, const float *d_logp,
                             const float *d_entropy, float *grad, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    const struct raml_pack *pack = p->pack;
    size_t d = (size_t)m->config.hidden_size;
    enum raml_code rc = RAML_OK;
    raml_device_use(m->dev);
    for (size_t first = 0; first < pack->n_scored && !rc; first += p->head_rows) {
        size_t left = pack->n_scored - first;
        struct rows r = {first, left < p->head_rows ? left : p->head_rows, pack->scored + first};
        m->dev->ops->gather(m->bf16, p->xs, p->s.xnf, &r.scored->row, sizeof *r.scored, r.n, d);
        rc = forward_rows(p, &r, d_logp != NULL, out && out->argmax ? out->argmax + first : NULL, err);
        for (size_t i = 0; i < r.n && !rc && out; i++) {
            if (out->logp) out->logp[first + i] = p->row_target[i] - p->row_lse[i];
            if (out->entropy) out->entropy[first + i] = p->row_entropy[i];
        }
        if (!rc && d_logp)
            rc = backward_rows(p, &r, d_logp + first, d_entropy ? d_entropy + first : NULL, grad, err);
    }
    return rc;
}

enum raml_code raml_head_logits(const struct raml_model *m, const void *xs, size_t n, float *tile, float *out,
                                struct raml_err *err)
{
    size_t V = (size_t)m->config.vocab_size;
    raml_device_use(m->dev);
    for (size_t i = 0; i < m->n_head_tiles; i++) {
        enum raml_code rc = raml_mm_forward(m->dev->mm, &m->w_head[i], xs, n, tile, true, false, err);
        if (rc) return rc;
        size_t v = tile_width(m, i);
        for (size_t r = 0; r < n; r++) memcpy(out + r * V + i * HEAD_TILE, tile + r * v, v * sizeof *out);
    }
    return RAML_OK;
}
