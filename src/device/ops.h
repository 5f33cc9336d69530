/* ops.h - the operations that a device offers to the model, as one table of functions.
 *
 * Activations ("act") are bf16 or f32, by the flag `bf16`; sums, norms' scales, residual stream and gradients are f32.
 * Matrices are row-major. n rows, d columns. bf16 is rounded as VCVTNEPS2BF16 does: ties to even, denormals to 0.
 *
 * Bits: a row's results do not depend on n or its place; sums over rows (embed_back, norm_back, heads_back,
 * scatter_add) are one chain of additions per column, in the order of rows, continued from what is there. So neither
 * the number of threads nor the split of a batch into calls matters. Every level but the reference gives the same bits
 * in f32 on every machine, and in bf16 too but for attention and skinny_gemm, whose instruction (VDPBF16PS) rounds
 * differently. The reference sums in double with the C library's functions: the others' errors are measured against it,
 * and they equal it to the bit where values are only moved, added, or one chain of fused multiply-adds (embed,
 * embed_back, transpose, to_act, gather, scatter_add, add, store_kv, row_max, rank_up, rank_grad, rank_pick, rank_put).
 * Matrix products are not here: matmul.h.
 */
#ifndef RAML_DEVICE_OPS_H
#define RAML_DEVICE_OPS_H

#include "device/cpu/product.h"
#include "device/rank.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAML_PAGE = 64 }; /* keys in a page of the key/value store = rows of a tile of the token tree */
enum { RAML_MAX_HEAD_DIM = 256 };

/* Query, key and value of n rows side by side: act [n, (H + 2K) D]. What happens to them between projection and
 * attention: + bias, RMS norm of each query and key head (q_w, k_w: [D], NULL: none) or of all queries and all keys
 * of a row at once (whole; q_w: [H D], k_w: [K D]), rotary embedding (halves of a head rotated against each other:
 * element i with i + D/2). */
struct raml_heads {
    bool bf16;
    size_t n, H, K, D;
    void *qkv;              /* in place */
    void *raw;              /* with q/k norm and backward: [n, (H + K) D] query and key before the norm; else NULL */
    const float *bias;      /* [(H + 2K) D] or NULL */
    const float *q_w, *k_w; /* both or neither */
    bool whole;
    const int32_t *position; /* [n] */
    const float *cos_sin;    /* [positions, D]: D/2 cosines, then D/2 sines; NULL: nothing is rotated */
    float eps;
};

/* One run of at most 64 query rows and the key pages that they see. */
struct raml_attn_tile {
    uint32_t row, n;
    size_t pair, n_pairs;
};
struct raml_attn_pair { /* rows row0 .. row0 + n_rows of the tile see keys of a page */
    uint32_t page;
    uint16_t row0, n_rows;
    int64_t mask; /* index of the first of n_rows masks; -1: all 64 keys */
};

/* Key/value pages: for page p and kv head g, RAML_PAGE keys of D values.
 *   bf16: key page [D/2][64][2], value page [32][Dp][2]     (pairs side by side, as dot product instructions read them)
 *   f32:  key page [D][64],      value page [64][Dp]        Dp = D rounded up to 16
 * Element offset of (p, g): (p * K + g) * raml_page_elements(D). */
static inline size_t raml_head_pad(size_t D)
{
    return (D + 15) / 16 * 16;
}
static inline size_t raml_page_elements(size_t D)
{
    return RAML_PAGE * raml_head_pad(D);
}

struct raml_attn {
    bool bf16;
    size_t n, H, K, D;
    const void *qkv;   /* [n, (H + 2K) D], after raml_heads */
    const void *k, *v; /* pages of this layer */
    const struct raml_attn_tile *tile;
    size_t n_tiles;
    const struct raml_attn_pair *pair;
    const uint64_t *mask;
    bool tiles;  /* bf16: products on AMX tiles, which the processor has */
    float scale; /* of scores; 0: 1/sqrt(D) */
    void *o;     /* act [n, H D] */
    float *lse;  /* [n, H] log of the sum of exponentials of scaled scores, for backward; or NULL */
};
static inline float raml_attn_scale(const struct raml_attn *a)
{
    return a->scale != 0 ? a->scale : 1.0f / sqrtf((float)a->D);
}
struct raml_attn_back {
    struct raml_attn f;      /* as in forward (pages not read); pair[].page = tile number */
    const void *d_o;         /* act [n, H D] */
    void *dqkv;              /* act [n, (H + 2K) D], written */
    const size_t *tree_tile; /* [n_trees + 1]: tiles of each tree: keys and queries of different trees never meet */
    size_t n_trees;
    void *scratch; /* attn_scratch bytes */
};

/* y[row[i]] += left^T (right x[row[i]]), act rows: x [.., K] K apart, y [.., N] y_width apart. right NULL: right x is 1.
 * The dot products are sums of sixteen lanes; they are added to y one rank after the other, LOW_RANKS at most before y
 * is rounded. */
enum { RAML_LOW_RANKS = 64 };
struct raml_low_rank_rows {
    bool bf16;
    const void *x;
    void *y;
    size_t y_width, K, N, rank;
    const float *right; /* [rank, K] */
    const float *left;  /* [rank, N]: transposed */
    const uint32_t *row;
    size_t n;
};

/* A tile of logits [n, v] of vocabulary entries [v0, v0 + v), row stride ld, and what is kept per row between tiles. */
struct raml_loss_rows {
    float *max, *sum, *dot; /* running max, sum of exp(z - max), sum of z exp(z - max); start -INF, 0, 0 */
    float *target;          /* logit of the target token */
    int32_t *argmax;
};

/* y[n, N] (f32, or act bf16) = x[n, K] W^T for at most RAML_SKINNY rows; bf16, K a multiple of 32. W is in blocks of 64
 * columns, within those in blocks of 32 rows of 16 pairs: element (k, c) at
 *     ((c / 64) (K / 32) + k / 32) 2048 + (k % 32 / 2) 128 + (c % 64) 2 + k % 2
 * Sums run over `chunk` blocks of 32 at a time, each from 0, and those are added up: so the bits are those of the
 * product that this one replaces (matmul.c finds its chunk). */
enum { RAML_SKINNY = 8 };
struct raml_skinny {
    const uint16_t *x, *w;
    void *y;
    bool y_f32;
    size_t n, N, K, chunk;
};

enum { RAML_EXP_PART = 4096 };

struct raml_ops {
    const char *level;
    bool has_bf16;
    void (*embed)(float *x, const float *table, const int32_t *token, size_t n, size_t d);
    void (*embed_back)(float *d_table, const float *dx, const int32_t *token, size_t n, size_t d);
    /* sum = x + add (either NULL: sum is the other; sum may equal x, y may equal add); y = act(sum * rstd * w),
     * rstd = 1/sqrt(mean(sum^2) + eps) */
    void (*add_norm)(bool bf16, float *sum, void *y, float *rstd, const float *x, const void *add, const float *w,
                     size_t n, size_t d, float eps);
    /* dx += d(norm)/dx dy; dw += sum over rows; dx_act = act(dx) (dw, dx_act NULL: not wanted). scratch: unused */
    void (*norm_back)(bool bf16, float *dx, void *dx_act, float *dw, const void *dy, const float *x, const float *rstd,
                      const float *w, size_t n, size_t d, float *scratch);
    void (*heads)(const struct raml_heads *h);
    /* dqkv in place: from gradients after to gradients before; d_bias, dq_w, dk_w added to (d_bias: the
     * sum of what dqkv then holds). scratch: unused */
    void (*heads_back)(const struct raml_heads *h, void *dqkv, float *d_bias, float *dq_w, float *dk_w, float *scratch);
    /* gu: [n, 2f], gate and up side by side; out[n, f] = silu(gate) * up */
    void (*silu_mul)(bool bf16, void *out, const void *gu, size_t n, size_t f);
    void (*silu_mul_back)(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f);
    /* the same with gelu(g) = g/2 (1 + tanh(sqrt(2/pi) (g + 0.044715 g^3))) */
    void (*gelu_mul)(bool bf16, void *out, const void *gu, size_t n, size_t f);
    void (*gelu_mul_back)(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f);
    /* v = x + scale add (x NULL: scale add; add NULL: scale x); sum = v, out = act(v) (NULL: not wanted) */
    void (*scale_add)(bool bf16, float *sum, void *out, const float *x, const void *add, float scale, size_t n);
    /* out[c, r] = in[r, c]; out has n_pad columns, those from n on are 0 */
    void (*transpose)(bool bf16, void *out, const void *in, size_t n, size_t d, size_t n_pad);
    void (*to_act)(bool bf16, void *out, const float *in, size_t n);
    void (*gather)(bool bf16, void *out, const void *in, const uint32_t *row, size_t stride, size_t n, size_t d);
    /* out[row[i]] += in[i]; rows may repeat. row: first of n uint32_t, `stride` bytes apart (as in gather) */
    void (*scatter_add)(float *out, const float *in, const uint32_t *row, size_t stride, size_t n, size_t d);
    void (*add)(float *out, const float *in, size_t n);
    void (*low_rank)(const struct raml_low_rank_rows *r);
    /* Halves of low-rank products: device/rank.h. */
    void (*rank_down)(const struct raml_rank_rows *r);
    void (*rank_up)(const struct raml_rank_rows *r);
    void (*rank_grad)(const struct raml_rank_rows *r);
    void (*rank_pick)(const struct raml_rank_rows *r);
    void (*rank_put)(const struct raml_rank_rows *r);
    /* out[i, j] = sum_k x[i, k] x[j, k] in double, [n, n]; both halves. K >= 1. Products are exact. */
    void (*gram)(double *out, const float *x, size_t n, size_t K);
    /* keys and values of n rows into their places: row r goes to page[r], key slot[r] */
    void (*store_kv)(bool bf16, void *k, void *v, const void *qkv, const uint32_t *page, const uint8_t *slot, size_t n,
                     size_t H, size_t K, size_t D);
    void (*attn)(const struct raml_attn *a);
    void (*attn_back)(const struct raml_attn_back *b);
    /* Bytes for attn_back: trees of at most max_tiles tiles, n_values elements in dqkv. */
    size_t (*attn_scratch)(size_t threads, size_t D, size_t max_tiles, size_t n_values);
    /* token: first of n int32_t, `stride` bytes apart */
    void (*loss_tile)(const struct raml_loss_rows *s, const float *z, size_t ld, const int32_t *token, size_t stride,
                      size_t n, size_t v0, size_t v);
    void (*skinny_gemm)(const struct raml_skinny *f); /* NULL: this level has none */
    void (*product)(const struct raml_product *p);
    const struct raml_panel_ops *panel;
    /* The largest of z[n], n >= 1; NaN when one of them is. One thread. */
    float (*row_max)(const float *z, size_t n);
    /* out[i] = exp((z[i] - max) scale), z[i] <= max + 80 / scale (larger ones are clipped); returns their sum, and in
     * part[i / RAML_EXP_PART] (NULL: not wanted) that of each part, which add up to it in order. One thread. */
    double (*exp_all)(float *out, const float *z, size_t n, float max, float scale, double *part);
    /* dz[n, v] (act, row stride v) = c (1[j = token] - p) - e p (log p + entropy), p = exp(z - lse) */
    void (*loss_tile_back)(bool bf16, void *dz, const float *z, size_t ld, const float *lse, const float *entropy,
                           const float *c, const float *e, const int32_t *token, size_t stride, size_t n, size_t v0,
                           size_t v);
};

extern const struct raml_ops raml_ops_ref;
#ifdef RAML_HAS_avx2
extern const struct raml_ops raml_ops_avx2;
#endif
#ifdef RAML_HAS_avx512
extern const struct raml_ops raml_ops_avx512;
#endif
#ifdef RAML_HAS_avx512bf16
extern const struct raml_ops raml_ops_avx512bf16;
#endif
#ifdef RAML_HAS_base
extern const struct raml_ops raml_ops_base;
#endif

#endif
