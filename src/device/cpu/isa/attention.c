/* attention.c - queries against key/value pages, forward. Contracts and page layouts: device/ops.h.
 *
 * One task is a tile of query rows and one kv head. Pages are visited in order; the softmax is carried along (running
 * maximum and sum; Milakov and Gimelshein 2018, Dao et al. 2022), so scores exist for 64 rows by 64 keys at a time.
 * A masked key's weight is exactly 0: what a row gets does not depend on which other rows or keys share its tile.
 */
#include "device/cpu/isa/rows.h"

#include "device/cpu/isa/gemm.h"

#include <float.h>

struct work { /* of one head of one tile */
    float s[RAML_PAGE][RAML_PAGE];
    float o[RAML_PAGE][RAML_MAX_HEAD_DIM];
    float sum[RAML_PAGE][16]; /* per lane; joined at the end */
    float max[RAML_PAGE];
    uint16_t p[RAML_PAGE][RAML_PAGE];
} __attribute__((aligned(64)));

/* Scores of one row to weights, in place (f32) or into p (bf16); nv vectors of keys. */
INLINE void soft_row(const bool bf16, struct work *w, size_t r, uint64_t mask, size_t nv, size_t Dp, float scale)
{
    float *s = w->s[r];
    vf x[4], top = vf_set(-INFINITY);
    for (size_t j = 0; j < nv; j++) {
        x[j] = vf_load(s + j * 16) * vf_set(scale);
        x[j] = vf_pick((uint32_t)(mask >> (j * 16)) & 0xffff, x[j], vf_set(-INFINITY));
        top = vf_max(top, x[j]);
    }
    float high = vf_top(top), old = w->max[r];
    vf sum = vf_load(w->sum[r]);
    if (high > old) {
        float scale_old = expf(old - high); /* first page: exp(-inf) = 0 */
        for (size_t i = 0; i < Dp; i += 16) vf_store(w->o[r] + i, vf_load(w->o[r] + i) * vf_set(scale_old));
        sum *= vf_set(scale_old);
        w->max[r] = old = high;
    }
    for (size_t j = 0; j < nv; j++) {
        vf p = vf_exp(x[j] - vf_set(old));
        p = vf_pick((uint32_t)(mask >> (j * 16)) & 0xffff, p, vf_set(0));
        sum += p;
        if (bf16) act_store(true, w->p[r], j * 16, p);
        else vf_store(s + j * 16, p);
    }
    vf_store(w->sum[r], sum);
}

INLINE void attn_pair(const bool bf16, const struct raml_attn *a, struct work *w, const struct raml_attn_pair *pair,
                      const void *q, size_t width, size_t g, float scale)
{
    size_t D = a->D, Dp = raml_head_pad(D), at = (pair->page * a->K + g) * raml_page_elements(D);
    const uint64_t *mask = pair->mask < 0 ? NULL : a->mask + pair->mask;
    uint64_t any = mask ? 0 : ~UINT64_C(0);
    if (mask)
        for (size_t r = 0; r < pair->n_rows; r++) any |= mask[r];
    if (!any) return;
    size_t keys = 64 - (size_t)__builtin_clzll(any), nv = (keys + 15) / 16, k2 = (keys + 1) / 2 * 2;
    size_t row0 = pair->row0;
    gemm_small(bf16, w->s[row0], RAML_PAGE, act_at(bf16, q, row0 * width), width, act_at(bf16, a->k, at), RAML_PAGE,
               pair->n_rows, nv, D, false);
    for (size_t r = 0; r < pair->n_rows; r++) {
        uint64_t m = mask ? mask[r] : ~UINT64_C(0);
        if (m) {
            soft_row(bf16, w, row0 + r, m, nv, Dp, scale);
        } else if (bf16) {
            memset(w->p[row0 + r], 0, sizeof w->p[0]);
        } else {
            memset(w->s[row0 + r], 0, sizeof w->s[0]);
        }
    }
    const void *p = bf16 ? (const void *)w->p[row0] : (const void *)w->s[row0];
    gemm_small(bf16, w->o[row0], RAML_MAX_HEAD_DIM, p, RAML_PAGE, act_at(bf16, a->v, at), Dp, pair->n_rows, Dp / 16, k2,
               true);
}

INLINE void attn_tile(const bool bf16, const struct raml_attn *a, struct work *w, const struct raml_attn_tile *t,
                      size_t h)
{
    size_t D = a->D, Dp = raml_head_pad(D), width = (a->H + 2 * a->K) * D, g = h / (a->H / a->K);
    const void *q = act_at(bf16, a->qkv, t->row * width + h * D);
    float scale = 1.0f / sqrtf((float)D);
    for (size_t r = 0; r < t->n; r++) {
        w->max[r] = -INFINITY;
        memset(w->sum[r], 0, sizeof w->sum[r]);
        memset(w->o[r], 0, Dp * sizeof(float));
    }
    for (size_t i = 0; i < t->n_pairs; i++) attn_pair(bf16, a, w, &a->pair[t->pair + i], q, width, g, scale);
    for (size_t r = 0; r < t->n; r++) {
        float sum = vf_sum(vf_load(w->sum[r])), inv = 1.0f / sum;
        size_t to = ((t->row + r) * a->H + h) * D;
        EACH16(i, m, D) act_store_n(bf16, a->o, to + i, vf_load(w->o[r] + i) * vf_set(inv), m);
        if (a->lse) a->lse[(t->row + r) * a->H + h] = w->max[r] + logf(sum);
    }
}

void attn_isa(const struct raml_attn *a)
{
    size_t tasks = a->n_tiles * a->K, G = a->H / a->K;
#pragma omp parallel
    {
        struct work w;
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < tasks; i++) {
            const struct raml_attn_tile *t = &a->tile[i / a->K];
            for (size_t j = 0; j < G; j++) {
                size_t h = i % a->K * G + j;
                BY_ACT(a->bf16, attn_tile(true, a, &w, t, h), attn_tile(false, a, &w, t, h));
            }
        }
    }
}
