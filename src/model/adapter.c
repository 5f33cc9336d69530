/* adapter.c - products with adapters, forward and backward. See adapter.h. */
#include "model/adapter.h"

/* u (+)= scale x m^T, x of K columns */
static void down(const struct raml_model *m, enum raml_type type, const void *x, size_t ldx, size_t n, size_t K,
                 const float *matrix, size_t ldm, const struct raml_lora_module *l, float *u, bool add)
{
    const struct raml_rank_rows r = {.type = type,
                                     .x = (void *)(uintptr_t)x,
                                     .n = n,
                                     .K = K,
                                     .ldx = ldx,
                                     .rank = l->rank,
                                     .m = (float *)(uintptr_t)matrix,
                                     .ldm = ldm,
                                     .u = u,
                                     .scale = (float)l->scale,
                                     .add = add};
    m->b->rank_down(m->dev, &r);
}

/* x += u m, x of K columns */
static void up(const struct raml_model *m, enum raml_type type, void *x, size_t ldx, size_t n, size_t K,
               const float *matrix, size_t ldm, size_t rank, float *u)
{
    const struct raml_rank_rows r = {.type = type,
                                     .x = x,
                                     .n = n,
                                     .K = K,
                                     .ldx = ldx,
                                     .rank = rank,
                                     .m = (float *)(uintptr_t)matrix,
                                     .ldm = ldm,
                                     .u = u};
    m->b->rank_up(m->dev, &r);
}

/* dm += u^T x; columns: dm is [K, rank] */
static void gradient(const struct raml_model *m, enum raml_type type, const void *x, size_t ldx, size_t n, size_t K,
                     float *dm, bool columns, size_t rank, float *u)
{
    const struct raml_rank_rows r = {.type = type,
                                     .x = (void *)(uintptr_t)x,
                                     .n = n,
                                     .K = K,
                                     .ldx = ldx,
                                     .rank = rank,
                                     .m = dm,
                                     .ldm = columns ? rank : K,
                                     .columns = columns,
                                     .u = u};
    m->b->rank_grad(m->dev, &r);
}

static const struct adapter *adapter_at(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix)
{
    return m->lora ? m->lora->at[layer * RAML_LAYER_MATRICES + (size_t)matrix] : NULL;
}

void raml_adapters_forward(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix, const void *x,
                           size_t n, void *y, enum raml_type y_type, size_t y_width)
{
    const struct adapter *a = adapter_at(m, layer, matrix);
    if (!a) return;
    const struct raml_lora_module *l = a->of;
    down(m, m->type, x, l->n_in, n, l->n_in, m->lora->block + l->a, l->n_in, l, m->lora->u, false);
    up(m, y_type, y, y_width, n, l->n_out, a->t, l->n_out, l->rank, m->lora->u);
}

/* y = scale B (A x): with u = scale A x and v = scale B^T dy, dB = dy^T u, dA = v^T x, dx = v A */
void raml_adapters_backward(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix, const void *x,
                            const void *dy, size_t dy_width, size_t n, void *dx, float *grad)
{
    const struct adapter *a = adapter_at(m, layer, matrix);
    if (!a) return;
    const struct raml_lora_module *l = a->of;
    const float *A = m->lora->block + l->a;
    float *u = m->lora->u, *v = m->lora->v;
    down(m, m->type, x, l->n_in, n, l->n_in, A, l->n_in, l, u, false);
    gradient(m, m->type, dy, dy_width, n, l->n_out, grad + l->b, true, l->rank, u);
    down(m, m->type, dy, dy_width, n, l->n_out, a->t, l->n_out, l, v, false);
    gradient(m, m->type, x, l->n_in, n, l->n_in, grad + l->a, false, l->rank, v);
    up(m, m->type, dx, l->n_in, n, l->n_in, A, l->n_in, l->rank, v);
}

/* -- Embedding: x of a token is its column of A -------------------------------------------------------------------- */
static void pick(const struct raml_model *m, const int32_t *token, size_t n)
{
    const struct raml_lora_module *l = m->lora->embedding->of;
    const struct raml_rank_rows r = {.token = token,
                                     .n = n,
                                     .K = l->n_in,
                                     .rank = l->rank,
                                     .m = m->lora->block + l->a,
                                     .ldm = l->n_in,
                                     .u = m->lora->u,
                                     .scale = (float)l->scale};
    m->b->rank_pick(m->dev, &r);
}

void raml_adapters_embed(const struct raml_model *m, float *x, const int32_t *token, size_t n)
{
    const struct adapter *a = m->lora ? m->lora->embedding : NULL;
    for (size_t i = 0; a && i < n; i += m->lora->rows) {
        size_t k = n - i < m->lora->rows ? n - i : m->lora->rows, d = a->of->n_out;
        pick(m, token + i, k);
        up(m, RAML_TYPE_F32, x + i * d, d, k, d, a->t, d, a->of->rank, m->lora->u);
    }
}

void raml_adapters_embed_back(const struct raml_model *m, const float *dx, const int32_t *token, size_t n, float *grad)
{
    const struct adapter *a = m->lora ? m->lora->embedding : NULL;
    for (size_t i = 0; a && i < n; i += m->lora->rows) {
        const struct raml_lora_module *l = a->of;
        size_t k = n - i < m->lora->rows ? n - i : m->lora->rows, d = l->n_out;
        pick(m, token + i, k);
        gradient(m, RAML_TYPE_F32, dx + i * d, d, k, d, grad + l->b, true, l->rank, m->lora->u);
        down(m, RAML_TYPE_F32, dx + i * d, d, k, d, a->t, d, l, m->lora->v, false);
        const struct raml_rank_rows r = {.token = token + i,
                                         .n = k,
                                         .K = l->n_in,
                                         .rank = l->rank,
                                         .m = grad + l->a,
                                         .ldm = l->n_in,
                                         .u = m->lora->v};
        m->b->rank_put(m->dev, &r);
    }
}

/* -- Head ---------------------------------------------------------------------------------------------------------- */
void raml_adapters_head(const struct raml_model *m, const void *xs, size_t n)
{
    const struct adapter *a = m->lora ? m->lora->head : NULL;
    if (!a) return;
    const struct raml_lora_module *l = a->of;
    down(m, m->type, xs, l->n_in, n, l->n_in, m->lora->block + l->a, l->n_in, l, m->lora->u, false);
}

void raml_adapters_head_tile(const struct raml_model *m, float *z, size_t n, size_t v0, size_t v)
{
    const struct adapter *a = m->lora ? m->lora->head : NULL;
    if (a) up(m, RAML_TYPE_F32, z, v, n, v, a->t + v0, a->of->n_out, a->of->rank, m->lora->u);
}

void raml_adapters_head_tile_back(const struct raml_model *m, const void *dz, size_t n, size_t v0, size_t v,
                                  float *grad)
{
    const struct adapter *a = m->lora ? m->lora->head : NULL;
    if (!a) return;
    const struct raml_lora_module *l = a->of;
    gradient(m, m->type, dz, v, n, v, grad + l->b + v0 * l->rank, true, l->rank, m->lora->u);
    down(m, m->type, dz, v, n, v, a->t + v0, l->n_out, l, m->lora->v, v0 > 0);
}

void raml_adapters_head_back(const struct raml_model *m, void *xs, size_t n, float *dxs, float *grad)
{
    const struct adapter *a = m->lora ? m->lora->head : NULL;
    if (!a) return;
    const struct raml_lora_module *l = a->of;
    gradient(m, m->type, xs, l->n_in, n, l->n_in, grad + l->a, false, l->rank, m->lora->v);
    up(m, RAML_TYPE_F32, dxs, l->n_in, n, l->n_in, m->lora->block + l->a, l->n_in, l->rank, m->lora->v);
}
