/* attention.c - queries against key/value pages, forward. Contracts and page layouts: device/ops.h.
 *
 * One task is a tile of query rows (or some of its rows) and one kv head. Pages are visited in order; the softmax is
 * updated on the way (Milakov and Gimelshein 2018, Dao et al. 2022; here without rounding: attention_soft.h).
 * A line is a query row of one head. There are two ways to process a page:
 *   blocks   GEMM_LANES lines of a head side by side in the registers' lanes: scores are computed transposed, keys
 *            down, so that maximum, mask, weight and sum run along the keys without crossing lanes
 *   skinny   up to GEMM_SKINNY lines (a row of a sample's own page, all heads of the group): keys in the lanes
 * Both give a line the same bits. A masked key's weight is exactly 0.
 */
#include "device/cpu/isa/rows.h"

#include "device/cpu/isa/attention_soft.h"

#include <omp.h>

enum { W = GEMM_LANES, BLOCKS = T / W };

/* State of one task: row r of head j is line j T + r. */
struct work {
    struct soft soft;
    float s[T * W];                        /* scores, then weights, of a page: [64][W]; skinny: [lines][64] */
    uint16_t p16[GEMM_SKINNY][T];          /* skinny: weights in bf16 */
    uint64_t seen[T];                      /* seen[key] bit r: row r of the pair's tile sees the key */
    float o[LINES * RAML_MAX_HEAD_DIM];    /* [LINES][Dp] */
    uint32_t q[LINES * RAML_MAX_HEAD_DIM]; /* of head j, block b: cells [D][W] at (j BLOCKS + b) W cells */
} __attribute__((aligned(64)));

struct heads { /* the heads of one task, and its rows: [first, last) of the tile */
    const struct raml_attn_tile *tile;
    const void *q; /* of row 0, head 0 */
    size_t n, g, width, D, Dp, cells, first, last;
    bool tiles;
    float c; /* log2(e) / sqrt(D), or another scale */
};

/* -- Blocks of lines ----------------------------------------------------------------------------------------------- */

INLINE uint32_t *queries_at(struct work *w, const struct heads *h, size_t j, size_t r0)
{
    return w->q + (j * BLOCKS + (r0 - h->first) / W) * W * h->cells;
}
/* The queries of rows [first, last), cells of a row down, rows across; rows beyond are 0. */
INLINE void pack_queries(const bool bf16, struct work *w, const struct heads *h)
{
    for (size_t j = 0; j < h->n; j++)
        for (size_t r0 = h->first; r0 < h->last; r0 += W) {
            uint32_t *out = queries_at(w, h, j, r0);
            for (size_t r = 0; r < W; r++) {
                const char *in = act_at(bf16, h->q, (r0 + r) * h->width + j * h->D);
                for (size_t i = 0; i < h->cells; i++)
                    if (r0 + r < h->last) memcpy(out + i * W + r, in + i * 4, 4);
                    else out[i * W + r] = 0;
            }
        }
}

/* Row masks to key masks: a 64 x 64 bit transpose by halves (Warren, Hacker's Delight, 7-3). */
static void see(uint64_t seen[T], const struct raml_attn_pair *pair, const uint64_t *mask)
{
    memset(seen, 0, T * sizeof *seen);
    memcpy(seen + pair->row0, mask, pair->n_rows * sizeof *mask);
    uint64_t m = UINT64_C(0xffffffff);
    for (int j = 32; j; j >>= 1, m ^= m << j)
        for (int k = 0; k < T; k = ((k | j) + 1) & ~j) {
            uint64_t t = ((seen[k] >> j) ^ seen[k | j]) & m;
            seen[k] ^= t << j;
            seen[k | j] ^= t;
        }
}

struct seen { /* the keys of a page that a block's rows see: [low, high); all: no mask needed there */
    size_t low, high;
    bool all;
};

/* For rows [r0, r1) of the tile; low and high are multiples of `step`. */
static struct seen look(const struct raml_attn_pair *pair, const uint64_t *mask, size_t r0, size_t r1, size_t step)
{
    uint64_t any = 0, all = ~UINT64_C(0);
    for (size_t r = r0; r < r1; r++) {
        bool in = r >= pair->row0 && r < (size_t)pair->row0 + pair->n_rows;
        uint64_t m = !in ? 0 : mask ? mask[r - pair->row0] : ~UINT64_C(0);
        any |= m;
        all &= m;
    }
    if (!any) return (struct seen){0};
    size_t low = (size_t)__builtin_ctzll(any), high = 64 - (size_t)__builtin_clzll(any);
    struct seen s = {low / step * step, (high + step - 1) / step * step, false};
    uint64_t range = ~UINT64_C(0) >> (64 - (s.high - s.low)) << s.low;
    s.all = (all & range) == range;
    return s;
}

/* Scores of NV lines from `line` on (rows from bit `row` of the masks on) to weights, in place. */
INLINE void soft_lanes(const bool bf16, const bool masked, struct work *w, float *s, size_t line, size_t row,
                       struct seen see, const struct heads *h)
{
    nv max = nv_set(-INFINITY), c = nv_set(h->c);
    for (size_t k = see.low; k < see.high; k++) {
        nv x = nv_load(s + k * W);
        if (masked) {
            x = nv_select((uint32_t)(w->seen[k] >> row), x, nv_set(-INFINITY));
            nv_store(s + k * W, x);
        }
        max = nv_max(max, x);
    }
    max = nv_mul(max, c);
    uint32_t over = nv_over(max, nv_load(w->soft.limit + line));
    if (over) {
        float x[NV];
        nv_store(x, max);
        for (size_t i = 0; i < NV; i++)
            if (over >> i & 1) soft_raise(&w->soft, line + i, x[i], w->o + (line + i) * h->Dp, h->Dp);
    }
    nv base = nv_load(w->soft.base + line), sum = nv_load(w->soft.sum + line);
    for (size_t k = see.low; k < see.high; k += bf16 ? 2 : 1) {
        nv p = soft_weight(nv_load(s + k * W), c, base);
        sum = nv_add(sum, p);
        if (bf16) {
            nv q = soft_weight(nv_load(s + (k + 1) * W), c, base);
            sum = nv_add(sum, q);
            p = nv_cells(p, q);
        }
        nv_store(s + (bf16 ? k / 2 : k) * W, p);
    }
    nv_store(w->soft.sum + line, sum);
}

INLINE void attn_block(const bool bf16, const struct raml_attn *a, struct work *w, size_t page, size_t j, size_t r0,
                       struct seen see, const struct heads *h)
{
    size_t at = (page * a->K + h->g) * raml_page_elements(h->D), rows = h->last - r0 < W ? h->last - r0 : W;
    size_t registers = (rows + NV - 1) / NV, line = j * T + r0, half = bf16 ? 2 : 1;
    struct gemm score = {.c = w->s + see.low * W,
                         .ldc = W,
                         .a = (const uint32_t *)act_at(bf16, a->k, at) + see.low,
                         .lda = T,
                         .b = queries_at(w, h, j, r0),
                         .ldb = W,
                         .k = h->cells,
                         .tiles = h->tiles};
    gemm_down(bf16, score, see.high - see.low, registers);
    for (size_t i = 0; i < registers * NV; i += NV) {
        if (see.all) soft_lanes(bf16, false, w, w->s + i, line + i, r0 + i, see, h);
        else soft_lanes(bf16, true, w, w->s + i, line + i, r0 + i, see, h);
    }
    struct gemm value = {.c = w->o + line * h->Dp,
                         .ldc = h->Dp,
                         .a = w->s + see.low / half * W,
                         .lda = W,
                         .b = (const uint32_t *)act_at(bf16, a->v, at) + see.low / half * h->Dp,
                         .ldb = h->Dp,
                         .k = (see.high - see.low) / half,
                         .add = true,
                         .tiles = h->tiles,
                         .phase = see.low / half};
    gemm_down(bf16, value, rows, h->Dp / NV);
}

/* -- Skinny blocks ------------------------------------------------------------------------------------------------- */

/* A page seen by n lines: line i has its query at q + i step, is `line` + i stride, and has mask[i same ? 0 : i]. */
struct view {
    const void *q;
    size_t n, step, line, stride;
    const uint64_t *mask; /* NULL: every key */
    bool same;
};

/* Scores of keys [low, high), multiples of 16, to weights. */
INLINE void soft_keys(const bool bf16, struct work *w, size_t i, size_t line, uint64_t mask, size_t low, size_t high,
                      const struct heads *h)
{
    float *s = w->s + i * T, max = -INFINITY;
    nv c = nv_set(h->c);
    for (size_t k = low; k < high; k += NV) {
        nv x = nv_select((uint32_t)(mask >> k), nv_load(s + k), nv_set(-INFINITY));
        nv_store(s + k, x);
        float t = nv_max_lane(x);
        if (t > max) max = t;
    }
    if (max * h->c > w->soft.limit[line]) soft_raise(&w->soft, line, max * h->c, w->o + line * h->Dp, h->Dp);
    nv base = nv_set(w->soft.base[line]);
    for (size_t k = low; k < high; k += NV) nv_store(s + k, soft_weight(nv_load(s + k), c, base));
    if (!bf16) return;
    for (size_t k = low; k < high; k += 16) act_store(true, w->p16[i], k, vf_load(s + k));
}

INLINE void attn_skinny(const bool bf16, const struct raml_attn *a, struct work *w, size_t page, const struct view *v,
                        const struct heads *h)
{
    size_t at = (page * a->K + h->g) * raml_page_elements(h->D), half = bf16 ? 2 : 1;
    uint64_t any = v->mask ? 0 : ~UINT64_C(0);
    for (size_t i = 0; v->mask && i < (v->same ? 1 : v->n); i++) any |= v->mask[i];
    if (!any) return;
    size_t first = (size_t)__builtin_ctzll(any), end = 64 - (size_t)__builtin_clzll(any);
    size_t low = first / 16 * 16, high = (end + 15) / 16 * 16;
    first = first / half * half, end = (end + half - 1) / half * half;
    struct gemm score = {.c = w->s + low,
                         .ldc = T,
                         .a = v->q,
                         .lda = v->step / half,
                         .b = (const uint32_t *)act_at(bf16, a->k, at) + low,
                         .ldb = T,
                         .k = h->cells,
                         .tiles = h->tiles};
    gemm_skinny(bf16, score, v->n, (high - low) / NV);
    for (size_t i = 0; i < v->n; i++)
        soft_keys(bf16, w, i, v->line + i * v->stride, v->mask ? v->mask[v->same ? 0 : i] : ~UINT64_C(0), low, high, h);
    float sum[GEMM_SKINNY];
    for (size_t i = 0; i < v->n; i++) sum[i] = w->soft.sum[v->line + i * v->stride];
    for (size_t k = first; k < end; k++)
        for (size_t i = 0; i < v->n; i++) sum[i] += w->s[i * T + k];
    for (size_t i = 0; i < v->n; i++) w->soft.sum[v->line + i * v->stride] = sum[i];
    struct gemm value = {.c = w->o + v->line * h->Dp,
                         .ldc = v->stride * h->Dp,
                         .a = bf16 ? (const void *)(w->p16[0] + first) : w->s + first,
                         .lda = T / half,
                         .b = (const uint32_t *)act_at(bf16, a->v, at) + first / half * h->Dp,
                         .ldb = h->Dp,
                         .k = (end - first) / half,
                         .add = true,
                         .tiles = h->tiles,
                         .phase = first / half};
    gemm_skinny(bf16, value, v->n, h->Dp / NV);
}

/* -- Tiles --------------------------------------------------------------------------------------------------------- */

/* Rows of the pair that belong to the task, at most GEMM_SKINNY; a single row goes with all its heads. */
INLINE void attn_rows_skinny(const bool bf16, const struct raml_attn *a, struct work *w,
                             const struct raml_attn_pair *pair, const uint64_t *mask, size_t r0, size_t r1,
                             const struct heads *h)
{
    const uint64_t *m = mask ? mask + (r0 - pair->row0) : NULL;
    const void *q = act_at(bf16, h->q, r0 * h->width);
    if (r1 - r0 == 1) {
        struct view all = {q, h->n, h->D, r0, T, m, true};
        attn_skinny(bf16, a, w, pair->page, &all, h);
        return;
    }
    for (size_t j = 0; j < h->n; j++) {
        struct view one = {act_at(bf16, q, j * h->D), r1 - r0, h->width, j * T + r0, 1, m, false};
        attn_skinny(bf16, a, w, pair->page, &one, h);
    }
}

INLINE void attn_pair(const bool bf16, const struct raml_attn *a, struct work *w, const struct raml_attn_pair *pair,
                      const struct heads *h)
{
    const uint64_t *mask = pair->mask < 0 ? NULL : a->mask + pair->mask;
    size_t r0 = pair->row0, r1 = r0 + pair->n_rows;
    if (r0 < h->first) r0 = h->first;
    if (r1 > h->last) r1 = h->last;
    if (r0 >= r1) return;
    if (r1 - r0 <= GEMM_SKINNY) {
        attn_rows_skinny(bf16, a, w, pair, mask, r0, r1, h);
        return;
    }
    bool have = false;
    for (size_t b = h->first; b < r1; b += W) {
        size_t end = b + W < h->last ? b + W : h->last;
        struct seen seen = look(pair, mask, b, end, bf16 ? 2 : 1);
        if (seen.low == seen.high) continue;
        if (!seen.all && !have) {
            uint64_t every[T];
            if (!mask) memset(every, 0xff, sizeof every);
            see(w->seen, pair, mask ? mask : every);
            have = true;
        }
        for (size_t j = 0; j < h->n; j++) attn_block(bf16, a, w, pair->page, j, b, seen, h);
    }
}

INLINE void attn_tile(const bool bf16, const struct raml_attn *a, struct work *w, const struct heads *h, size_t head)
{
    bool blocks = false;
    size_t lines = (h->last - h->first + NV - 1) / NV * NV;
    for (size_t j = 0; j < h->n; j++) {
        soft_start(&w->soft, j * T + h->first, lines);
        memset(w->o + (j * T + h->first) * h->Dp, 0, lines * h->Dp * sizeof *w->o);
    }
    const struct raml_attn_pair *pair = a->pair + h->tile->pair;
    for (size_t i = 0; i < h->tile->n_pairs; i++) blocks |= pair[i].n_rows > GEMM_SKINNY;
    if (blocks) pack_queries(bf16, w, h);
    for (size_t i = 0; i < h->tile->n_pairs; i++) attn_pair(bf16, a, w, &pair[i], h);
    for (size_t j = 0; j < h->n; j++)
        for (size_t r = h->first; r < h->last; r++) {
            size_t line = j * T + r, at = (h->tile->row + r) * a->H + head + j;
            float inv = 1.0f / w->soft.sum[line];
            EACH16(k, m, h->D)
            {
                vf v = vf_mul(vf_load(w->o + line * h->Dp + k), vf_set(inv));
                act_store_n(bf16, a->o, at * h->D + k, v, m);
            }
            if (a->lse) a->lse[at] = soft_lse(&w->soft, line);
        }
}

/* Rows of one task: whole tiles, or parts of them where there are few tiles for the threads. A row's result does not
 * depend on it. */
static size_t rows_of_task(const struct raml_attn *a)
{
    size_t rows = T, tasks = a->n_tiles * a->K, want = 4 * (size_t)omp_get_max_threads();
    while (rows > 16 && tasks * (T / rows) < want) rows /= 2;
    return rows;
}

void attn_isa(const struct raml_attn *a)
{
    size_t rows = rows_of_task(a), parts = T / rows, tasks = a->n_tiles * parts * a->K, G = a->H / a->K;
#pragma omp parallel
    {
        struct work w;
        if (a->tiles) tiles_begin_isa();
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < tasks; i++) { /* from the last tile on: later ones see more keys */
            size_t tile = a->n_tiles - 1 - i / a->K / parts, g = i % a->K, first = i / a->K % parts * rows;
            const struct raml_attn_tile *t = &a->tile[tile];
            if (first >= t->n) continue;
            struct heads h = {.tile = t,
                              .g = g,
                              .width = (a->H + 2 * a->K) * a->D,
                              .D = a->D,
                              .Dp = raml_head_pad(a->D),
                              .cells = a->bf16 ? a->D / 2 : a->D,
                              .first = first,
                              .last = t->n < first + rows ? t->n : first + rows,
                              .tiles = a->tiles,
                              .c = a->scale != 0 ? 1.44269504088896341f * a->scale
                                                 : 1.44269504088896341f / sqrtf((float)a->D)};
            for (size_t j = 0; j < G; j += HEADS) {
                size_t head = g * G + j;
                h.n = G - j < HEADS ? G - j : HEADS;
                h.q = act_at(a->bf16, a->qkv, t->row * h.width + head * a->D);
                BY_ACT(a->bf16, attn_tile(true, a, &w, &h, head), attn_tile(false, a, &w, &h, head));
            }
        }
        if (a->tiles) tiles_end_isa();
    }
}
