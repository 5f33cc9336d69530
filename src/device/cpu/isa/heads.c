/* heads.c - between projection and attention: bias, norm of each query and key head, rotary embedding; and the move of
 * keys and values into their pages. Contracts: device/ops.h. */
#include "device/cpu/isa/rows.h"

#include <omp.h>

/* One head of one row, held in f32: x[D]. */
struct head {
    float x[RAML_MAX_HEAD_DIM];
};

INLINE void head_load(const bool bf16, struct head *h, const void *p, size_t at, size_t D)
{
    EACH16(i, m, D) vf_store_n(h->x + i, act_load_n(bf16, p, at + i, m), m);
}
INLINE void head_store(const bool bf16, void *p, size_t at, const struct head *h, size_t D)
{
    EACH16(i, m, D) act_store_n(bf16, p, at + i, vf_load_n(h->x + i, m), m);
}
INLINE float head_rstd(const struct head *h, size_t D, float eps)
{
    vf sq = vf_zero();
    EACH16(i, m, D)
    {
        vf a = vf_load_n(h->x + i, m);
        sq = vf_fma(a, a, sq);
    }
    return 1.0f / sqrtf(vf_sum(sq) / (float)D + eps);
}
/* (a, b) -> (a cos - b sin, b cos + a sin) for a = x[i], b = x[i + D/2]; sign -1 turns back. */
INLINE void head_turn(struct head *h, const float *cos_sin, size_t D, float sign)
{
    size_t half = D / 2;
    EACH16(i, m, half)
    {
        vf a = vf_load_n(h->x + i, m), b = vf_load_n(h->x + half + i, m);
        vf c = vf_load_n(cos_sin + i, m), s = vf_mul(vf_load_n(cos_sin + half + i, m), vf_set(sign));
        vf_store_n(h->x + i, vf_fnma(b, s, vf_mul(a, c)), m);
        vf_store_n(h->x + half + i, vf_fma(a, s, vf_mul(b, c)), m);
    }
}

INLINE void heads_row(const bool bf16, const struct raml_heads *a, size_t r)
{
    size_t D = a->D, width = (a->H + 2 * a->K) * D, turned = a->H + a->K;
    struct head h;
    for (size_t j = 0; j < a->H + 2 * a->K; j++) {
        size_t at = r * width + j * D;
        const float *w = j < a->H ? a->q_w : a->k_w;
        if (j >= turned && !a->bias) break;
        head_load(bf16, &h, a->qkv, at, D);
        if (a->bias) EACH16(i, m, D) vf_store_n(h.x + i, vf_add(vf_load_n(h.x + i, m), vf_load_n(a->bias + j * D + i, m)), m);
        if (j < turned) {
            if (a->raw) head_store(bf16, a->raw, (r * turned + j) * D, &h, D);
            if (w) {
                float s = head_rstd(&h, D, a->eps);
                EACH16(i, m, D)
                    vf_store_n(h.x + i, vf_mul(vf_mul(vf_load_n(h.x + i, m), vf_set(s)), vf_load_n(w + i, m)), m);
            }
            head_turn(&h, a->cos_sin + (size_t)a->position[r] * D, D, 1.0f);
        }
        head_store(bf16, a->qkv, at, &h, D);
    }
}

void heads_isa(const struct raml_heads *h)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < h->n; r++) BY_ACT(h->bf16, heads_row(true, h, r), heads_row(false, h, r));
}

/* Backward of the norm of one head, as norm_back_row in rows.c; g: gradient in, then out. */
INLINE void head_norm_back(struct head *g, const struct head *x, const float *w, float *dw, size_t D, float eps)
{
    float s = head_rstd(x, D, eps);
    vf dot = vf_zero();
    EACH16(i, m, D)
    {
        vf ga = vf_mul(vf_load_n(g->x + i, m), vf_load_n(x->x + i, m));
        dot = vf_fma(ga, vf_load_n(w + i, m), dot);
        vf_store_n(dw + i, vf_fma(ga, vf_set(s), vf_load_n(dw + i, m)), m);
    }
    float k = s * s * s * vf_sum(dot) / (float)D;
    EACH16(i, m, D)
    {
        vf out = vf_mul(vf_mul(vf_load_n(g->x + i, m), vf_load_n(w + i, m)), vf_set(s));
        out = vf_fnma(vf_load_n(x->x + i, m), vf_set(k), out);
        vf_store_n(g->x + i, out, m);
    }
}

/* part: [d_bias (H + 2K) D | dq_w D | dk_w D] of this thread */
INLINE void heads_back_row(const bool bf16, const struct raml_heads *a, void *dqkv, float *part, size_t r)
{
    size_t D = a->D, n_heads = a->H + 2 * a->K, turned = a->H + a->K;
    struct head g, x;
    for (size_t j = 0; j < n_heads; j++) {
        if (j >= turned && !a->bias) break;
        size_t at = (r * n_heads + j) * D;
        head_load(bf16, &g, dqkv, at, D);
        if (j < turned) {
            head_turn(&g, a->cos_sin + (size_t)a->position[r] * D, D, -1.0f);
            const float *w = j < a->H ? a->q_w : a->k_w;
            if (w) {
                head_load(bf16, &x, a->raw, (r * turned + j) * D, D);
                head_norm_back(&g, &x, w, part + (n_heads + (j < a->H ? 0 : 1)) * D, D, a->eps);
            }
            head_store(bf16, dqkv, at, &g, D);
        }
        if (a->bias) EACH16(i, m, D)
            vf_store_n(part + j * D + i, vf_add(vf_load_n(part + j * D + i, m), vf_load_n(g.x + i, m)), m);
    }
}

void heads_back_isa(const struct raml_heads *h, void *dqkv, float *d_bias, float *dq_w, float *dk_w, float *scratch)
{
    size_t n_heads = h->H + 2 * h->K, width = (n_heads + 2) * h->D, threads = 1;
#pragma omp parallel
    {
        float *part = scratch + (size_t)omp_get_thread_num() * width;
        memset(part, 0, width * sizeof *part);
#pragma omp single
        threads = (size_t)omp_get_num_threads();
#pragma omp for schedule(static)
        for (size_t r = 0; r < h->n; r++)
            BY_ACT(h->bf16, heads_back_row(true, h, dqkv, part, r), heads_back_row(false, h, dqkv, part, r));
    }
    for (size_t t = 0; t < threads; t++) {
        const float *part = scratch + t * width;
        for (size_t i = 0; d_bias && i < n_heads * h->D; i++) d_bias[i] += part[i];
        for (size_t i = 0; dq_w && i < h->D; i++) dq_w[i] += part[n_heads * h->D + i];
        for (size_t i = 0; dk_w && i < h->D; i++) dk_w[i] += part[(n_heads + 1) * h->D + i];
    }
}

/* Page layouts: ops.h. */
INLINE void store_row_bf16(uint16_t *kp, uint16_t *vp, const uint16_t *k, const uint16_t *v, size_t slot, size_t D)
{
    size_t Dp = raml_head_pad(D);
    for (size_t i = 0; i < D / 2; i++) memcpy(kp + (i * RAML_PAGE + slot) * 2, k + 2 * i, 4);
    uint16_t *at = vp + (slot / 2) * Dp * 2 + slot % 2;
    for (size_t i = 0; i < D; i++) at[2 * i] = v[i];
}
INLINE void store_row_f32(float *kp, float *vp, const float *k, const float *v, size_t slot, size_t D)
{
    for (size_t i = 0; i < D; i++) kp[i * RAML_PAGE + slot] = k[i];
    memcpy(vp + slot * raml_head_pad(D), v, D * sizeof *v);
}

void store_kv_isa(bool bf16, void *k, void *v, const void *qkv, const uint32_t *page, const uint8_t *slot, size_t n,
                  size_t H, size_t K, size_t D)
{
    size_t elements = raml_page_elements(D), width = (H + 2 * K) * D;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++)
        for (size_t g = 0; g < K; g++) {
            size_t to = (page[r] * K + g) * elements, kf = r * width + (H + g) * D, from_v = kf + K * D;
            if (bf16)
                store_row_bf16((uint16_t *)k + to, (uint16_t *)v + to, (const uint16_t *)qkv + kf,
                               (const uint16_t *)qkv + from_v, slot[r], D);
            else
                store_row_f32((float *)k + to, (float *)v + to, (const float *)qkv + kf, (const float *)qkv + from_v,
                              slot[r], D);
        }
}
