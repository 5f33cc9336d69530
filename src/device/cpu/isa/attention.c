/* attention.c - queries against key/value pages, forward. Contracts and page layouts: device/ops.h.
 *
 * One task is a tile of query rows and one kv head. Pages are visited in order; the softmax is carried along (running
 * maximum and sum; Milakov and Gimelshein 2018, Dao et al. 2022), so scores exist for 64 rows by 64 keys at a time.
 * A page that one row alone sees (decoding) is read once for all heads of the group, which then are the rows.
 * A masked key's weight is exactly 0: what a row gets does not depend on which other rows or keys share its tile.
 */
#include "device/cpu/isa/rows.h"

#include "device/cpu/isa/gemm.h"

#include <float.h>

enum { T = RAML_PAGE, HEADS = 4 /* of a group, at once */ };

/* State of one tile: query r of head j is line r heads + j; a line of o has Dp elements. */
struct work {
    float o[T * HEADS * RAML_MAX_HEAD_DIM];
    float sum[T * HEADS][16]; /* per lane; joined at the end */
    float max[T * HEADS];
    float s[T][T]; /* of one page */
    uint16_t p[T][T];
} __attribute__((aligned(64)));

struct heads { /* the head of row 0 of a tile, and those that go with it */
    const void *q;
    size_t n, g, width, D, Dp;
    float scale;
};

/* Scores i to weights, in place (f32) or into p (bf16), for the line they belong to; nv vectors of keys. */
INLINE void soft_row(const bool bf16, struct work *w, size_t i, size_t line, uint64_t mask, size_t nv,
                     const struct heads *h)
{
    float *s = w->s[i], *o = w->o + line * h->Dp;
    vf x[4], top = vf_set(-INFINITY);
    for (size_t j = 0; j < nv; j++) {
        x[j] = vf_mul(vf_load(s + j * 16), vf_set(h->scale));
        x[j] = vf_pick(vm_bits((uint32_t)(mask >> (j * 16)) & 0xffff), x[j], vf_set(-INFINITY));
        top = vf_max(top, x[j]);
    }
    float high = vf_top(top), old = w->max[line];
    vf sum = vf_load(w->sum[line]);
    if (high > old) {
        float scale_old = raml_exp_f32(old - high); /* the first page's sums are 0 */
        for (size_t k = 0; k < h->Dp; k += 16) vf_store(o + k, vf_mul(vf_load(o + k), vf_set(scale_old)));
        sum = vf_mul(sum, vf_set(scale_old));
        w->max[line] = old = high;
    }
    for (size_t j = 0; j < nv; j++) {
        vf p = vf_exp(vf_sub(x[j], vf_set(old)));
        p = vf_pick(vm_bits((uint32_t)(mask >> (j * 16)) & 0xffff), p, vf_zero());
        sum = vf_add(sum, p);
        if (bf16) act_store(true, w->p[i], j * 16, p);
        else vf_store(s + j * 16, p);
    }
    vf_store(w->sum[line], sum);
}

/* A page seen by n queries: query i stands at q + i step, belongs to line + i stride, and has mask[i same ? 0 : i]. */
struct view {
    const void *q;
    size_t n, step, line, stride;
    const uint64_t *mask; /* NULL: every key */
    bool same;
};

INLINE void attn_page(const bool bf16, const struct raml_attn *a, struct work *w, const struct view *v, size_t page,
                      size_t keys, const struct heads *h)
{
    size_t at = (page * a->K + h->g) * raml_page_elements(h->D), nv = (keys + 15) / 16, k2 = (keys + 1) / 2 * 2;
    gemm_small(bf16, w->s[0], T, v->q, v->step, act_at(bf16, a->k, at), T, v->n, nv, h->D, false);
    for (size_t i = 0; i < v->n; i++) {
        uint64_t m = v->mask ? v->mask[v->same ? 0 : i] : ~UINT64_C(0);
        if (m) soft_row(bf16, w, i, v->line + i * v->stride, m, nv, h);
        else if (bf16) memset(w->p[i], 0, sizeof w->p[0]);
        else memset(w->s[i], 0, sizeof w->s[0]);
    }
    const void *p = bf16 ? (const void *)w->p[0] : (const void *)w->s[0];
    gemm_small(bf16, w->o + v->line * h->Dp, v->stride * h->Dp, p, T, act_at(bf16, a->v, at), h->Dp, v->n, h->Dp / 16,
               k2, true);
}

INLINE void attn_pair(const bool bf16, const struct raml_attn *a, struct work *w, const struct raml_attn_pair *pair,
                      const struct heads *h)
{
    const uint64_t *mask = pair->mask < 0 ? NULL : a->mask + pair->mask;
    uint64_t any = mask ? 0 : ~UINT64_C(0);
    if (mask)
        for (size_t r = 0; r < pair->n_rows; r++) any |= mask[r];
    if (!any) return;
    size_t keys = 64 - (size_t)__builtin_clzll(any), row0 = pair->row0;
    const void *q = act_at(bf16, h->q, row0 * h->width);
    if (pair->n_rows == 1) {
        struct view all = {q, h->n, h->D, row0 * h->n, 1, mask, true};
        attn_page(bf16, a, w, &all, pair->page, keys, h);
        return;
    }
    for (size_t j = 0; j < h->n; j++) {
        struct view one = {act_at(bf16, q, j * h->D), pair->n_rows, h->width, row0 * h->n + j, h->n, mask, false};
        attn_page(bf16, a, w, &one, pair->page, keys, h);
    }
}

INLINE void attn_tile(const bool bf16, const struct raml_attn *a, struct work *w, const struct raml_attn_tile *t,
                      size_t head, size_t n_heads)
{
    size_t D = a->D, width = (a->H + 2 * a->K) * D;
    struct heads h = {.q = act_at(bf16, a->qkv, t->row * width + head * D), .n = n_heads, .g = head / (a->H / a->K),
                      .width = width, .D = D, .Dp = raml_head_pad(D), .scale = 1.0f / sqrtf((float)D)};
    size_t lines = t->n * n_heads;
    for (size_t i = 0; i < lines; i++) w->max[i] = -INFINITY;
    memset(w->sum, 0, lines * sizeof w->sum[0]);
    memset(w->o, 0, lines * h.Dp * sizeof w->o[0]);
    for (size_t i = 0; i < t->n_pairs; i++) attn_pair(bf16, a, w, &a->pair[t->pair + i], &h);
    for (size_t i = 0; i < lines; i++) {
        float sum = vf_sum(vf_load(w->sum[i])), inv = 1.0f / sum;
        size_t at = (t->row + i / n_heads) * a->H + head + i % n_heads;
        EACH16(k, m, D) act_store_n(bf16, a->o, at * D + k, vf_mul(vf_load(w->o + i * h.Dp + k), vf_set(inv)), m);
        if (a->lse) a->lse[at] = w->max[i] + raml_log_f32(sum);
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
            for (size_t j = 0; j < G; j += HEADS) {
                size_t h = i % a->K * G + j, n = G - j < HEADS ? G - j : HEADS;
                BY_ACT(a->bf16, attn_tile(true, a, &w, t, h, n), attn_tile(false, a, &w, t, h, n));
            }
        }
    }
}
