/* attention_back.c - backward of attention over the token tree. Contracts: device/ops.h.
 *
 *   forward   P = exp(scale Q K^T - lse),  O = P V
 *   backward  delta = rowsum(dO * O),  dP = dO V^T,  dS = scale P (dP - delta),  dQ = dS K,  dK = dS^T Q,  dV = P^T dO
 * (Dao et al. 2022, arXiv 2205.14135, appendix B). Scores are computed transposed, keys down and queries across, so
 * that lse and delta run along the registers. dQ is one chain over a row's keys, as O is in attention.c.
 *
 * One task is some query tiles of a tree and a kv head. A tree's number of tasks depends only on the tree. Each sums
 * its own dK and dV, then adds them to those of the tasks before it: in their order, whichever thread runs them.
 */
#include "device/cpu/isa/rows.h"

#include "device/cpu/isa/gemm.h"

#include <omp.h>
#include <sched.h>
#include <stdatomic.h>

enum { T = RAML_PAGE, DMAX = RAML_MAX_HEAD_DIM };
enum { MAX_PARTS = 8, PART_PAIRS = 32 /* of pages and heads, at least, in each of several parts */ };
enum { KEYS = 32, ROWS = 32 /* of a pair at once; all rows where all see all */ };

struct work {
    float st[T * T], dpt[T * T];          /* S^T then P^T, dP^T then dS^T: [key][row] */
    uint16_t pt16[T * T], dst16[T * T];   /* bf16: the same, rounded */
    uint32_t dsi[T / 2 * T];              /* bf16: dS^T, cells of two keys: [32][row] */
    float dq[T * DMAX];                   /* [row][Dp] */
    float lse[T], delta[T];               /* lse: to base 2; missing rows: INFINITY, so that P is 0 */
    uint64_t seen[T];                     /* seen[key] bit r: row r sees the key */
    uint32_t qd[DMAX * T], od[DMAX * T];  /* Q, dO: cells [D][64] */
    uint32_t qr[DMAX * T], or_[DMAX * T]; /* cells over rows: [64][Dp], bf16 [32][Dp] */
} __attribute__((aligned(64)));

/* What a task keeps of one key tile. */
struct keys {
    uint32_t *kt, *vt; /* K, V: cells [D][64] */
    uint32_t *kr;      /* K, cells over keys: [64][Dp], bf16 [32][Dp] */
    float *dk, *dv;    /* [64][Dp] */
};
static size_t keys_floats(size_t D)
{
    return T * (2 * D + 3 * raml_head_pad(D));
}
static size_t task_bytes(size_t D, size_t tiles)
{
    return (sizeof(struct work) + tiles * (keys_floats(D) * sizeof(float) + 1) + 127) / 64 * 64;
}

struct task {
    const struct raml_attn_back *b;
    struct work *w;
    float *keys;        /* of the tree's tiles, keys_floats(D) each */
    uint8_t *used;      /* [tiles] */
    float *sums;        /* bf16: dK and dV of all rows, [n][2 K D] */
    atomic_uint *done;  /* parts of a tree and kv head that have added theirs: [first tile of the tree][K] */
    size_t first, last; /* tiles of the tree */
    size_t part, parts, g, width, D, Dp;
};

INLINE struct keys keys_of(const struct task *t, size_t local)
{
    uint32_t *at = (uint32_t *)(t->keys + local * keys_floats(t->D));
    float *sum = (float *)(at + T * (2 * t->D + t->Dp));
    return (struct keys){at, at + T * t->D, at + 2 * T * t->D, sum, sum + T * t->Dp};
}

/* rows x D (stride ld) to cells [D][64]; rows beyond n are 0 */
INLINE void pack_down(const bool bf16, uint32_t *out, const void *in, size_t ld, size_t n, size_t D)
{
    size_t cells = bf16 ? D / 2 : D;
    if (n < T) memset(out, 0, cells * T * sizeof *out);
    for (size_t r = 0; r < n; r++) {
        const char *row = act_at(bf16, in, r * ld);
        for (size_t c = 0; c < cells; c++) memcpy(out + c * T + r, row + c * 4, 4);
    }
}
/* rows x D (stride ld) to cells over rows [64][Dp], bf16 [32][Dp]; rows beyond n and columns beyond D are 0 */
INLINE void pack_rows(const bool bf16, uint32_t *out, const void *in, size_t ld, size_t n, size_t D)
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

/* The pair's masks by rows, and by keys (a 64 x 64 bit transpose by halves: Warren, Hacker's Delight, 7-3). */
static void see(struct work *w, uint64_t rows[T], const struct raml_attn *a, const struct raml_attn_pair *pair)
{
    memset(rows, 0, T * sizeof *rows);
    for (size_t r = 0; r < pair->n_rows; r++)
        rows[pair->row0 + r] = pair->mask < 0 ? ~UINT64_C(0) : a->mask[(size_t)pair->mask + r];
    memcpy(w->seen, rows, sizeof w->seen);
    uint64_t m = UINT64_C(0xffffffff), *x = w->seen;
    for (int j = 32; j; j >>= 1, m ^= m << j)
        for (int k = 0; k < T; k = ((k | j) + 1) & ~j) {
            uint64_t t = ((x[k] >> j) ^ x[k | j]) & m;
            x[k] ^= t << j;
            x[k | j] ^= t;
        }
}

/* S^T and dP^T to P^T and dS^T for one key and rows [r0, r1), multiples of NV. */
INLINE void grad_key(const bool masked, struct work *w, size_t k, size_t r0, size_t r1, float scale)
{
    const nv c = nv_set(scale * 1.44269504088896341f), magic = nv_set(12582912.0f); /* 1.5 * 2^23 */
    for (size_t r = r0; r < r1; r += NV) {
        nv x = nv_fms(nv_load(w->st + k * T + r), c, nv_load(w->lse + r)), t = nv_add(x, magic);
        nv p = nv_scale(nv_exp2_part(nv_sub(x, nv_sub(t, magic))), t);
        p = nv_keep(p, t, nv_set(12582912.0f - 100));
        nv ds = nv_mul(nv_mul(p, nv_set(scale)), nv_sub(nv_load(w->dpt + k * T + r), nv_load(w->delta + r)));
        if (masked) {
            uint32_t bits = (uint32_t)(w->seen[k] >> r);
            p = nv_select(bits, p, nv_set(0));
            ds = nv_select(bits, ds, nv_set(0));
        }
        nv_store(w->st + k * T + r, p);
        nv_store(w->dpt + k * T + r, ds);
    }
}

/* P^T and dS^T as bf16, and dS^T in cells of two keys. */
INLINE void round_grads(struct work *w, size_t k0, size_t k1, size_t r0, size_t r1)
{
    for (size_t k = k0; k < k1; k++)
        for (size_t r = r0; r < r1; r += 16) {
            act_store(true, w->pt16, k * T + r, vf_load(w->st + k * T + r));
            act_store(true, w->dst16, k * T + r, vf_load(w->dpt + k * T + r));
        }
    for (size_t k = k0; k < k1; k += 2)
        for (size_t r = r0; r < r1; r += NV) {
            nv v = nv_cells(nv_load(w->dpt + k * T + r), nv_load(w->dpt + (k + 1) * T + r));
            nv_store((float *)w->dsi + k / 2 * T + r, v);
        }
}

/* The five products for keys [k0, k1) of a tile and rows [r0, r1); rows are multiples of 16, keys (bf16) of 2. */
INLINE void back_block(const bool bf16, const struct task *t, const struct keys *y, size_t k0, size_t k1, size_t r0,
                       size_t r1, bool masked)
{
    struct work *w = t->w;
    size_t half = bf16 ? 2 : 1, Dp = t->Dp, cells = t->D / half, m = k1 - k0;
    bool tiles = t->b->f.tiles;
    float scale = raml_attn_scale(&t->b->f);
    struct gemm s = {w->st + k0 * T + r0, y->kt + k0,    w->qd + r0, .ldc = T, .lda = T, .ldb = T,
                     .k = cells,          .tiles = tiles};
    struct gemm dp = {w->dpt + k0 * T + r0, y->vt + k0,    w->od + r0, .ldc = T, .lda = T, .ldb = T,
                      .k = cells,           .tiles = tiles};
    gemm_down(bf16, s, m, (r1 - r0) / NV);
    gemm_down(bf16, dp, m, (r1 - r0) / NV);
    for (size_t k = k0; k < k1; k++)
        if (masked) grad_key(true, w, k, r0, r1, scale);
        else grad_key(false, w, k, r0, r1, scale);
    if (bf16) round_grads(w, k0, k1, r0, r1);
    size_t at = k0 * T + r0;
    /* clang-format off */
    struct gemm dv = {y->dv + k0 * Dp, bf16 ? (const void *)(w->pt16 + at) : w->st + at, w->or_ + r0 / half * Dp,
                      .ldc = Dp, .lda = T / half, .ldb = Dp, .k = (r1 - r0) / half, .add = true, .tiles = tiles};
    /* clang-format on */
    /* clang-format off */
    struct gemm dk = {y->dk + k0 * Dp, bf16 ? (const void *)(w->dst16 + at) : w->dpt + at, w->qr + r0 / half * Dp,
                      .ldc = Dp, .lda = T / half, .ldb = Dp, .k = (r1 - r0) / half, .add = true, .tiles = tiles};
    /* clang-format on */
    /* clang-format off */
    struct gemm dq = {w->dq + r0 * Dp, bf16 ? (const void *)(w->dsi + k0 / 2 * T + r0) : w->dpt + at,
                      y->kr + k0 / half * Dp, .ldc = Dp, .lda = T, .ldb = Dp, .k = m / half, .add = true, .tiles = tiles};
    /* clang-format on */
    gemm_across(bf16, dv, m, Dp / NV);
    gemm_across(bf16, dk, m, Dp / NV);
    gemm_down(bf16, dq, r1 - r0, Dp / NV);
}

/* Keys of a tile and rows of a query tile: by blocks of rows, each with the keys that any of its rows sees. */
INLINE void back_pair(const bool bf16, const struct task *t, const struct raml_attn_pair *pair, size_t n)
{
    const struct raml_attn *a = &t->b->f;
    size_t local = pair->page - t->first, keys = a->tile[pair->page].n, step = bf16 ? 2 : 1;
    struct keys y = keys_of(t, local);
    if (!t->used[local]) {
        const void *k = act_at(bf16, a->qkv, a->tile[pair->page].row * t->width + (a->H + t->g) * t->D);
        const void *v = act_at(bf16, k, a->K * t->D);
        pack_down(bf16, y.kt, k, t->width, keys, t->D);
        pack_down(bf16, y.vt, v, t->width, keys, t->D);
        pack_rows(bf16, y.kr, k, t->width, keys, t->D);
        memset(y.dk, 0, 2 * T * t->Dp * sizeof *y.dk);
        t->used[local] = 1;
    }
    bool whole = pair->mask < 0 && pair->row0 == 0 && pair->n_rows == n;
    uint64_t rows[T];
    if (!whole) see(t->w, rows, a, pair);
    size_t end = (n + 15) / 16 * 16, tall = whole ? T : ROWS;
    for (size_t r0 = 0; r0 < end; r0 += tall) {
        size_t r1 = r0 + tall < end ? r0 + tall : end, low = 0, high = keys;
        if (!whole) {
            uint64_t any = 0;
            for (size_t r = r0; r < r1; r++) any |= rows[r];
            if (!any) continue;
            size_t top = 64 - (size_t)__builtin_clzll(any);
            low = (size_t)__builtin_ctzll(any) / step * step;
            if (top < high) high = top;
        }
        high = (high + step - 1) / step * step;
        for (size_t k0 = low; k0 < high; k0 += KEYS)
            back_block(bf16, t, &y, k0, k0 + KEYS < high ? k0 + KEYS : high, r0, r1, !whole);
    }
}

INLINE void back_tile(const bool bf16, const struct task *t, size_t tile, size_t h)
{
    const struct raml_attn *a = &t->b->f;
    const struct raml_attn_tile *q = &a->tile[tile];
    struct work *w = t->w;
    size_t D = t->D, Dp = t->Dp, out = a->H * D;
    const void *qp = act_at(bf16, a->qkv, q->row * t->width + h * D);
    const void *op = act_at(bf16, t->b->d_o, q->row * out + h * D);
    pack_down(bf16, w->qd, qp, t->width, q->n, D);
    pack_down(bf16, w->od, op, out, q->n, D);
    pack_rows(bf16, w->qr, qp, t->width, q->n, D);
    pack_rows(bf16, w->or_, op, out, q->n, D);
    for (size_t r = 0; r < T; r++) {
        vf dot = vf_zero();
        size_t at = (q->row + r) * out + h * D;
        if (r < q->n) EACH16(i, m, D)
        dot = vf_fma(act_load_n(bf16, t->b->d_o, at + i, m), act_load_n(bf16, a->o, at + i, m), dot);
        w->delta[r] = vf_sum(dot);
        w->lse[r] = r < q->n ? a->lse[(q->row + r) * a->H + h] * 1.44269504088896341f : INFINITY;
    }
    memset(w->dq, 0, q->n * Dp * sizeof *w->dq);
    for (size_t i = 0; i < q->n_pairs; i++) back_pair(bf16, t, &a->pair[q->pair + i], q->n);
    for (size_t r = 0; r < q->n; r++) EACH16(c, m, D)
    act_store_n(bf16, t->b->dqkv, (q->row + r) * t->width + h * D + c, vf_load(w->dq + r * Dp + c), m);
}

/* Adds this part's dK and dV of one tile to the common sums: dqkv itself, or (bf16) sums; the last part rounds. */
INLINE void add_keys(const bool bf16, const struct task *t, size_t tile)
{
    const struct raml_attn *a = &t->b->f;
    size_t n_kv = a->K * t->D;
    struct keys y = keys_of(t, tile - t->first);
    bool used = t->used[tile - t->first];
    for (size_t r = 0; r < a->tile[tile].n; r++)
        for (size_t side = 0; side < 2; side++) {
            size_t row = a->tile[tile].row + r, to = row * t->width + a->H * t->D + side * n_kv + t->g * t->D;
            float *sum = bf16 ? t->sums + row * 2 * n_kv + side * n_kv + t->g * t->D : (float *)t->b->dqkv + to;
            const float *own = (side ? y.dv : y.dk) + r * t->Dp;
            EACH16(c, m, t->D)
            {
                vf v = used ? vf_load(own + c) : vf_zero();
                if (t->part) v = used ? vf_add(vf_load_n(sum + c, m), v) : vf_load_n(sum + c, m);
                vf_store_n(sum + c, v, m);
                if (bf16 && t->part + 1 == t->parts) act_store_n(true, t->b->dqkv, to + c, v, m);
            }
        }
}

INLINE void back_part(const bool bf16, const struct task *t)
{
    const struct raml_attn *a = &t->b->f;
    const struct raml_attn_tile *tile = a->tile;
    size_t pair0 = tile[t->first].pair, pairs = tile[t->last - 1].pair + tile[t->last - 1].n_pairs - pair0;
    size_t from = pairs * t->part / t->parts, to = pairs * (t->part + 1) / t->parts, G = a->H / a->K;
    memset(t->used, 0, t->last - t->first);
    for (size_t i = t->first; i < t->last; i++) {
        size_t at = tile[i].pair - pair0;
        if (at < from || (at >= to && t->part + 1 < t->parts)) continue;
        for (size_t j = 0; j < G; j++) back_tile(bf16, t, i, t->g * G + j);
    }
    atomic_uint *done = t->done + t->first * a->K + t->g;
    while (atomic_load_explicit(done, memory_order_acquire) < t->part) sched_yield();
    for (size_t i = t->first; i < t->last; i++) add_keys(bf16, t, i);
    atomic_store_explicit(done, (unsigned)t->part + 1, memory_order_release);
}

/* n_values bounds both the values of dK and dV, and D times the tiles times the kv heads. */
static size_t sums_bytes(size_t n_values)
{
    return (n_values * sizeof(float) + 63) / 64 * 64;
}
size_t attn_scratch_isa(size_t threads, size_t D, size_t max_tiles, size_t n_values)
{
    return threads * task_bytes(D, max_tiles) + sums_bytes(n_values) + (n_values / D + 1) * sizeof(atomic_uint) + 64;
}

static size_t parts_of(const struct raml_attn *a, size_t first, size_t last)
{
    if (first == last) return 0;
    size_t pairs = a->tile[last - 1].pair + a->tile[last - 1].n_pairs - a->tile[first].pair;
    size_t parts = pairs * (a->H / a->K) / PART_PAIRS;
    if (parts > last - first) parts = last - first;
    return parts < 1 ? 1 : parts < MAX_PARTS ? parts : MAX_PARTS;
}

void attn_back_isa(const struct raml_attn_back *b)
{
    const struct raml_attn *a = &b->f;
    size_t most = 0, parts = 0, groups = b->n_trees * a->K, width = (a->H + 2 * a->K) * a->D;
    for (size_t i = 0; i < b->n_trees; i++) {
        size_t tiles = b->tree_tile[i + 1] - b->tree_tile[i], n = parts_of(a, b->tree_tile[i], b->tree_tile[i + 1]);
        if (tiles > most) most = tiles;
        if (n > parts) parts = n;
    }
    float *sums = b->scratch;
    atomic_uint *done = (atomic_uint *)((char *)b->scratch + sums_bytes(a->n * width));
    char *tasks = (char *)(done + a->n * width / a->D + 1);
    tasks += (64 - (uintptr_t)tasks % 64) % 64;
    memset(done, 0, a->n_tiles * a->K * sizeof *done);
#pragma omp parallel
    {
        if (a->tiles) tiles_begin_isa();
        struct task t = {.b = b, .sums = sums, .done = done, .width = width, .D = a->D, .Dp = raml_head_pad(a->D)};
        t.w = (struct work *)(tasks + (size_t)omp_get_thread_num() * task_bytes(a->D, most));
        t.keys = (float *)(t.w + 1);
        t.used = (uint8_t *)(t.keys + most * keys_floats(a->D));
        /* first parts first: a part only waits for parts handed out before it */
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < parts * groups; i++) {
            size_t tree = i % groups / a->K;
            t.part = i / groups, t.g = i % a->K;
            t.first = b->tree_tile[tree], t.last = b->tree_tile[tree + 1];
            t.parts = parts_of(a, t.first, t.last);
            if (t.part < t.parts) BY_ACT(a->bf16, back_part(true, &t), back_part(false, &t));
        }
        if (a->tiles) tiles_end_isa();
    }
}
