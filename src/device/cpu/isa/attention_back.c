/* attention_back.c - backward of attention over the token tree. Contracts: device/ops.h.
 *
 *   forward   P = exp(scale Q K^T - lse),  O = P V
 *   backward  delta = rowsum(dO * O),  dP = dO V^T,  dS = scale P (dP - delta),  dQ = dS K,  dK = dS^T Q,  dV = P^T dO
 * (Dao et al. 2022, arXiv 2205.14135, appendix B). Scores are formed transposed, keys down and queries across, so that
 * lse and delta run along the vectors and P^T, dS^T are already in the shape that dV and dK take. One task is a tree
 * and a kv head: no two tasks write the same place.
 */
#include "device/cpu/isa/rows.h"

#include "device/cpu/isa/gemm.h"

#include <omp.h>

enum { T = RAML_PAGE, DMAX = RAML_MAX_HEAD_DIM };

struct work {
    float st[T][T], dpt[T][T];    /* S^T then P^T; dP^T */
    float dqt[DMAX][T];           /* dQ^T */
    float lse[T], delta[T];
    uint64_t seen[T];             /* seen[key] bit r: row r sees the key */
    uint32_t qd[DMAX * T], od[DMAX * T]; /* Q, dO packed over D: [D/2][64][2] or f32 [D][64] */
    uint32_t qr[DMAX * T], or_[DMAX * T]; /* packed over rows: [32][Dp][2] or f32 [64][Dp] */
    uint32_t pt[T][T], dst[T][T]; /* P^T, dS^T as act, row-major */
    uint32_t dsi[T * T];          /* dS^T packed over keys: [32][64][2] or f32 [64][64] */
} __attribute__((aligned(64)));

static size_t kt_bytes(size_t D)
{
    return D * T * sizeof(float);
}
static size_t task_bytes(size_t D, size_t tiles)
{
    return (sizeof(struct work) + tiles * (kt_bytes(D) + 2 * T * raml_head_pad(D) * sizeof(float)) + 127) / 64 * 64;
}

/* rows x D (stride ld) to [D/2][64][2] (f32: [D][64]); rows beyond n are 0 */
INLINE void pack_over_d(const bool bf16, uint32_t *out, const void *in, size_t ld, size_t n, size_t D)
{
    size_t cells = bf16 ? D / 2 : D;
    if (n < T) memset(out, 0, cells * T * sizeof *out);
    for (size_t r = 0; r < n; r++) {
        const char *row = act_at(bf16, in, r * ld);
        for (size_t c = 0; c < cells; c++) memcpy(out + c * T + r, row + c * 4, 4);
    }
}
/* rows x D (stride ld) to [32][Dp][2] (f32: [64][Dp]); rows beyond n and columns beyond D are 0 */
INLINE void pack_over_rows(const bool bf16, uint32_t *out, const void *in, size_t ld, size_t n, size_t D)
{
    size_t Dp = raml_head_pad(D);
    if (n < T || Dp != D) memset(out, 0, (bf16 ? T / 2 : T) * Dp * sizeof *out);
    if (!bf16) {
        for (size_t r = 0; r < n; r++) memcpy(out + r * Dp, (const float *)in + r * ld, D * sizeof(float));
        return;
    }
    for (size_t r = 0; r < n; r += 2) {
        const uint16_t *a = (const uint16_t *)in + r * ld, *b = r + 1 < n ? a + ld : NULL;
        for (size_t i = 0; i < D; i++) out[r / 2 * Dp + i] = a[i] | (b ? (uint32_t)b[i] << 16 : 0);
    }
}
/* keys x D (stride ld) to [D][64] */
INLINE void pack_kt(const bool bf16, void *out, const void *in, size_t ld, size_t n, size_t D)
{
    memset(out, 0, kt_bytes(D) / (bf16 ? 2 : 1));
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < D; i++) {
            if (bf16) ((uint16_t *)out)[i * T + r] = ((const uint16_t *)in)[r * ld + i];
            else ((float *)out)[i * T + r] = ((const float *)in)[r * ld + i];
        }
}

/* Row masks of a pair to key masks. */
static void see(struct work *w, const struct raml_attn *a, const struct raml_attn_pair *pair)
{
    uint64_t rows[T] = {0};
    for (size_t r = 0; r < pair->n_rows; r++)
        rows[pair->row0 + r] = pair->mask < 0 ? ~UINT64_C(0) : a->mask[(size_t)pair->mask + r];
    /* 64 x 64 bit transpose by halves (Warren, Hacker's Delight, 7-3) */
    uint64_t m = UINT64_C(0xffffffff);
    for (int j = 32; j; j >>= 1, m ^= m << j)
        for (int k = 0; k < T; k = ((k | j) + 1) & ~j) {
            uint64_t t = ((rows[k] >> j) ^ rows[k | j]) & m;
            rows[k] ^= t << j;
            rows[k | j] ^= t;
        }
    memcpy(w->seen, rows, sizeof rows);
}

/* P^T and dS^T of one key (row k of st and dpt) for nv vectors of query rows. */
INLINE void grad_key(const bool bf16, struct work *w, size_t k, size_t nv, float scale)
{
    for (size_t j = 0; j < nv; j++) {
        vm seen = vm_bits((uint32_t)(w->seen[k] >> (j * 16)) & 0xffff);
        vf s = vf_mul(vf_load(w->st[k] + j * 16), vf_set(scale));
        vf p = vf_pick(seen, vf_exp(vf_sub(s, vf_load(w->lse + j * 16))), vf_zero());
        vf ds = vf_mul(p, vf_sub(vf_load(w->dpt[k] + j * 16), vf_load(w->delta + j * 16)));
        ds = vf_pick(seen, vf_mul(ds, vf_set(scale)), vf_zero());
        act_store(bf16, w->pt[k], j * 16, p);
        act_store(bf16, w->dst[k], j * 16, ds);
    }
}

/* dS^T of keys k, k+1 side by side, for the product that gives dQ^T */
INLINE void interleave(const bool bf16, struct work *w, size_t keys, size_t nv)
{
    for (size_t k = 0; k < keys; k += bf16 ? 2 : 1) {
        if (!bf16) {
            memcpy(w->dsi + k * T, w->dst[k], nv * 64);
            continue;
        }
        const uint16_t *a = (const uint16_t *)w->dst[k], *b = (const uint16_t *)w->dst[k + 1];
        uint32_t *out = w->dsi + k / 2 * T;
        for (size_t i = 0; i < nv * 16; i++) out[i] = a[i] | (k + 1 < keys ? (uint32_t)b[i] << 16 : 0);
    }
}

struct task {
    const struct raml_attn_back *b;
    struct work *w;
    char *kt;             /* [tiles][D][64] act */
    float *dk, *dv;       /* [tiles * 64][Dp] */
    size_t first;         /* first tile of the tree */
    size_t g;
};

INLINE void back_pair(const bool bf16, const struct task *t, const struct raml_attn_pair *pair, size_t nv)
{
    const struct raml_attn *a = &t->b->f;
    struct work *w = t->w;
    size_t D = a->D, Dp = raml_head_pad(D), width = (a->H + 2 * a->K) * D, local = pair->page - t->first;
    const struct raml_attn_tile *kt = &a->tile[pair->page];
    const void *k = act_at(bf16, a->qkv, kt->row * width + (a->H + t->g) * D);
    const void *v = act_at(bf16, k, a->K * D);
    size_t keys = kt->n, rows2 = nv * 16, keys2 = (keys + 1) / 2 * 2;
    float scale = 1.0f / sqrtf((float)D);
    see(w, a, pair);
    gemm_small(bf16, w->st[0], T, k, width, w->qd, T, keys, nv, D, false);
    gemm_small(bf16, w->dpt[0], T, v, width, w->od, T, keys, nv, D, false);
    for (size_t i = 0; i < keys; i++) grad_key(bf16, w, i, nv, scale);
    interleave(bf16, w, keys, nv);
    size_t lda = bf16 ? 2 * T : T;
    gemm_small(bf16, t->dv + local * T * Dp, Dp, w->pt, lda, w->or_, Dp, keys, Dp / 16, rows2, true);
    gemm_small(bf16, t->dk + local * T * Dp, Dp, w->dst, lda, w->qr, Dp, keys, Dp / 16, rows2, true);
    const void *ktp = t->kt + local * kt_bytes(D) / (bf16 ? 2 : 1);
    gemm_small(bf16, w->dqt[0], T, ktp, T, w->dsi, T, D, nv, bf16 ? keys2 : keys, true);
}

INLINE void back_tile(const bool bf16, const struct task *t, size_t tile, size_t h)
{
    const struct raml_attn *a = &t->b->f;
    const struct raml_attn_tile *q = &a->tile[tile];
    struct work *w = t->w;
    size_t D = a->D, width = (a->H + 2 * a->K) * D, nv = (q->n + 15) / 16, out = a->H * D;
    const void *qp = act_at(bf16, a->qkv, q->row * width + h * D);
    const void *op = act_at(bf16, t->b->d_o, q->row * out + h * D);
    pack_over_d(bf16, w->qd, qp, width, q->n, D);
    pack_over_d(bf16, w->od, op, out, q->n, D);
    pack_over_rows(bf16, w->qr, qp, width, q->n, D);
    pack_over_rows(bf16, w->or_, op, out, q->n, D);
    for (size_t r = 0; r < nv * 16; r++) {
        vf dot = vf_zero();
        size_t at = (q->row + r) * out + h * D;
        if (r < q->n) EACH16(i, m, D)
            dot = vf_fma(act_load_n(bf16, t->b->d_o, at + i, m), act_load_n(bf16, a->o, at + i, m), dot);
        w->delta[r] = vf_sum(dot);
        w->lse[r] = r < q->n ? a->lse[(q->row + r) * a->H + h] : 0;
    }
    memset(w->dqt, 0, D * sizeof w->dqt[0]);
    for (size_t i = 0; i < q->n_pairs; i++) back_pair(bf16, t, &a->pair[q->pair + i], nv);
    for (size_t r = 0; r < q->n; r++)
        for (size_t i = 0; i < D; i++) act_set(bf16, t->b->dqkv, (q->row + r) * width + h * D + i, w->dqt[i][r]);
}

INLINE void back_tree(const bool bf16, struct task *t, size_t tree, size_t g)
{
    const struct raml_attn *a = &t->b->f;
    size_t D = a->D, Dp = raml_head_pad(D), width = (a->H + 2 * a->K) * D, G = a->H / a->K;
    size_t first = t->b->tree_tile[tree], last = t->b->tree_tile[tree + 1], tiles = last - first;
    t->first = first;
    t->g = g;
    t->kt = (char *)(t->w + 1);
    t->dk = (float *)(t->kt + tiles * kt_bytes(D));
    t->dv = t->dk + tiles * T * Dp;
    memset(t->dk, 0, 2 * tiles * T * Dp * sizeof(float));
    for (size_t i = first; i < last; i++)
        pack_kt(bf16, t->kt + (i - first) * kt_bytes(D) / (bf16 ? 2 : 1),
                act_at(bf16, a->qkv, a->tile[i].row * width + (a->H + g) * D), width, a->tile[i].n, D);
    for (size_t i = first; i < last; i++)
        for (size_t j = 0; j < G; j++) back_tile(bf16, t, i, g * G + j);
    for (size_t i = first; i < last; i++)
        for (size_t r = 0; r < a->tile[i].n; r++) {
            size_t to = (a->tile[i].row + r) * width + (a->H + g) * D, from = ((i - first) * T + r) * Dp;
            EACH16(c, m, D)
            {
                act_store_n(bf16, t->b->dqkv, to + c, vf_load(t->dk + from + c), m);
                act_store_n(bf16, t->b->dqkv, to + a->K * D + c, vf_load(t->dv + from + c), m);
            }
        }
}

size_t attn_scratch_isa(size_t threads, size_t D, size_t max_tiles, size_t n_values)
{
    (void)n_values;
    return threads * task_bytes(D, max_tiles);
}

void attn_back_isa(const struct raml_attn_back *b)
{
    const struct raml_attn *a = &b->f;
    size_t most = 0, tasks = b->n_trees * a->K;
    for (size_t i = 0; i < b->n_trees; i++) {
        size_t tiles = b->tree_tile[i + 1] - b->tree_tile[i];
        if (tiles > most) most = tiles;
    }
#pragma omp parallel
    {
        struct task t = {.b = b};
        t.w = (struct work *)((char *)b->scratch + (size_t)omp_get_thread_num() * task_bytes(a->D, most));
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < tasks; i++)
            BY_ACT(a->bf16, back_tree(true, &t, i / a->K, i % a->K), back_tree(false, &t, i / a->K, i % a->K));
    }
}
