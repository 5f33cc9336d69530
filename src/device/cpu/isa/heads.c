/* heads.c - between projection and attention: bias, norm of each query and key head, rotary embedding; and storing
 * keys and values in their pages. Contracts: device/ops.h. */
#include "device/cpu/isa/rows.h"

/* One head of one row in f32: x[D]. */
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
/* The same of n heads as one vector, D elements of act each; bias: NULL, or theirs. */
INLINE float heads_rstd(const bool bf16, const void *p, size_t at, const float *bias, size_t n, size_t D, float eps)
{
    vf sq = vf_zero();
    for (size_t j = 0; j < n; j++) EACH16(i, m, D)
        {
            vf a = act_load_n(bf16, p, at + j * D + i, m);
            if (bias) a = vf_add(a, vf_load_n(bias + j * D + i, m));
            sq = vf_fma(a, a, sq);
        }
    return 1.0f / sqrtf(vf_sum(sq) / (float)(n * D) + eps);
}
/* The norm's weights of head j, queries' heads first. */
INLINE const float *weights_of(const struct raml_heads *a, size_t j)
{
    const float *w = j < a->H ? a->q_w : a->k_w;
    return w && a->whole ? w + (j < a->H ? j : j - a->H) * a->D : w;
}
/* (a, b) -> (a cos - b sin, b cos + a sin) for a = x[i], b = x[i + D/2]; back: by minus the angle. */
INLINE void rotate(vf *a, vf *b, vf c, vf s)
{
    vf first = vf_fnma(*b, s, vf_mul(*a, c)), second = vf_fma(*a, s, vf_mul(*b, c));
    *a = first;
    *b = second;
}
INLINE void head_turn(struct head *h, const float *cos_sin, size_t D, const bool back)
{
    size_t half = D / 2;
    EACH16(i, m, half)
    {
        vf a = vf_load_n(h->x + i, m), b = vf_load_n(h->x + half + i, m), s = vf_load_n(cos_sin + half + i, m);
        rotate(&a, &b, vf_load_n(cos_sin + i, m), back ? vf_neg(s) : s);
        vf_store_n(h->x + i, a, m);
        vf_store_n(h->x + half + i, b, m);
    }
}

/* The same, in place in memory. */
INLINE void rotate_in_place(const bool bf16, void *p, size_t at, const float *cos_sin, size_t D, const bool back)
{
    size_t half = D / 2;
    EACH16(i, m, half)
    {
        vf a = act_load_n(bf16, p, at + i, m), b = act_load_n(bf16, p, at + half + i, m);
        vf s = vf_load_n(cos_sin + half + i, m);
        rotate(&a, &b, vf_load_n(cos_sin + i, m), back ? vf_neg(s) : s);
        act_store_n(bf16, p, at + i, a, m);
        act_store_n(bf16, p, at + half + i, b, m);
    }
}
INLINE void turn_row(const bool bf16, const struct raml_heads *a, void *p, size_t r, const bool back)
{
    size_t width = (a->H + 2 * a->K) * a->D, n_rotated = a->H + a->K;
    if (!a->cos_sin) return;
    const float *cos_sin = a->cos_sin + (size_t)a->position[r] * a->D;
    for (size_t j = 0; j < n_rotated; j++) rotate_in_place(bf16, p, r * width + j * a->D, cos_sin, a->D, back);
}

INLINE void heads_row(const bool bf16, const struct raml_heads *a, size_t r)
{
    size_t D = a->D, width = (a->H + 2 * a->K) * D, n_rotated = a->H + a->K;
    struct head h;
    if (!a->bias && !a->raw && !a->q_w && !a->k_w) {
        turn_row(bf16, a, a->qkv, r, false);
        return;
    }
    float whole[2] = {0}; /* rstd of the row's queries, keys */
    for (size_t side = 0; side < 2 && a->whole && a->q_w; side++)
        whole[side] = heads_rstd(bf16, a->qkv, r * width + side * a->H * D, a->bias ? a->bias + side * a->H * D : NULL,
                                 side ? a->K : a->H, D, a->eps);
    for (size_t j = 0; j < a->H + 2 * a->K; j++) {
        size_t at = r * width + j * D;
        const float *w = j < n_rotated ? weights_of(a, j) : NULL;
        if (j >= n_rotated && !a->bias) break;
        head_load(bf16, &h, a->qkv, at, D);
        if (a->bias) EACH16(i, m, D)
            {
                vf b = vf_load_n(a->bias + j * D + i, m);
                vf_store_n(h.x + i, vf_add(vf_load_n(h.x + i, m), b), m);
            }
        if (j < n_rotated) {
            if (a->raw) head_store(bf16, a->raw, (r * n_rotated + j) * D, &h, D);
            if (w) {
                float s = a->whole ? whole[j >= a->H] : head_rstd(&h, D, a->eps);
                EACH16(i, m, D)
                vf_store_n(h.x + i, vf_mul(vf_mul(vf_load_n(h.x + i, m), vf_set(s)), vf_load_n(w + i, m)), m);
            }
            if (a->cos_sin) head_turn(&h, a->cos_sin + (size_t)a->position[r] * D, D, false);
        }
        head_store(bf16, a->qkv, at, &h, D);
    }
}

void heads_isa(const struct raml_heads *h)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < h->n; r++) BY_ACT(h->bf16, heads_row(true, h, r), heads_row(false, h, r));
}

/* dot += sum of g x w */
INLINE vf head_dot(const struct head *g, const struct head *x, const float *w, size_t D, vf dot)
{
    EACH16(i, m, D)
    {
        vf ga = vf_mul(vf_load_n(g->x + i, m), vf_load_n(x->x + i, m));
        dot = vf_fma(ga, vf_load_n(w + i, m), dot);
    }
    return dot;
}
/* Backward of the norm of one head, as norm_back_row in rows.c; g: gradient in, then out. k: s^3 dot / elements */
INLINE void head_norm_back(struct head *g, const struct head *x, const float *w, size_t D, float s, float k)
{
    EACH16(i, m, D)
    {
        vf out = vf_mul(vf_mul(vf_load_n(g->x + i, m), vf_load_n(w + i, m)), vf_set(s));
        out = vf_fnma(vf_load_n(x->x + i, m), vf_set(k), out);
        vf_store_n(g->x + i, out, m);
    }
}

/* Gradient of head j after bias and norm; x, with a norm: what the norm read */
INLINE void load_back(const bool bf16, const struct raml_heads *a, const void *dqkv, size_t r, size_t j, struct head *g,
                      struct head *x)
{
    size_t D = a->D;
    head_load(bf16, g, dqkv, (r * (a->H + 2 * a->K) + j) * D, D);
    if (a->cos_sin) head_turn(g, a->cos_sin + (size_t)a->position[r] * D, D, true);
    if (a->q_w) head_load(bf16, x, a->raw, (r * (a->H + a->K) + j) * D, D);
}

/* The sum that backward of a norm over all queries (all keys) of a row needs */
INLINE float whole_dot(const bool bf16, const struct raml_heads *a, const void *dqkv, size_t r, size_t j0, size_t j1)
{
    struct head g, x;
    vf dot = vf_zero();
    for (size_t j = j0; j < j1; j++) {
        load_back(bf16, a, dqkv, r, j, &g, &x);
        dot = head_dot(&g, &x, weights_of(a, j), a->D, dot);
    }
    return vf_sum(dot);
}

/* rstd: of this row's query and key heads */
INLINE void heads_back_row(const bool bf16, const struct raml_heads *a, void *dqkv, const float *rstd, size_t r)
{
    size_t D = a->D, n_heads = a->H + 2 * a->K, n_rotated = a->H + a->K;
    struct head g, x;
    if (!a->q_w && !a->k_w) {
        turn_row(bf16, a, dqkv, r, true);
        return;
    }
    float whole[2] = {0};
    for (size_t side = 0; side < 2 && a->whole; side++)
        whole[side] = whole_dot(bf16, a, dqkv, r, side ? a->H : 0, side ? n_rotated : a->H);
    for (size_t j = 0; j < n_rotated; j++) {
        const float *w = weights_of(a, j), s = rstd[j];
        size_t side = j >= a->H, n = a->whole ? (side ? a->K : a->H) * D : D;
        load_back(bf16, a, dqkv, r, j, &g, &x);
        float dot = a->whole ? whole[side] : vf_sum(head_dot(&g, &x, w, D, vf_zero()));
        head_norm_back(&g, &x, w, D, s, s * s * s * dot / (float)n);
        head_store(bf16, dqkv, (r * n_heads + j) * D, &g, D);
    }
}

INLINE void rstd_row(const bool bf16, const struct raml_heads *a, float *rstd, size_t r)
{
    size_t n_rotated = a->H + a->K;
    struct head x;
    float whole[2] = {0};
    for (size_t side = 0; side < 2 && a->whole; side++)
        whole[side] =
            heads_rstd(bf16, a->raw, (r * n_rotated + side * a->H) * a->D, NULL, side ? a->K : a->H, a->D, a->eps);
    for (size_t j = 0; j < n_rotated; j++) {
        if (a->whole) {
            rstd[j] = whole[j >= a->H];
            continue;
        }
        head_load(bf16, &x, a->raw, (r * n_rotated + j) * a->D, a->D);
        rstd[j] = head_rstd(&x, a->D, a->eps);
    }
}

/* dw of m columns from c on, and of those half a head further on, over heads [j0, j1) of rows [r0, r1), one after the
 * other; rstd: of heads of row r0 on. dqkv is as it was before heads_back_row. */
INLINE void norm_weights(const bool bf16, const struct raml_heads *a, const void *dqkv, float *dw, const float *rstd,
                         const size_t r0, size_t r1, size_t j0, size_t j1, size_t c, size_t m)
{
    size_t D = a->D, half = D / 2, n_heads = a->H + 2 * a->K, n_rotated = a->H + a->K;
    vf sum0 = vf_load_n(dw + c, m), sum1 = vf_load_n(dw + half + c, m);
    for (size_t r = r0; r < r1; r++) {
        const float *cos_sin = a->cos_sin ? a->cos_sin + (size_t)a->position[r] * D + c : NULL;
        vf cs = cos_sin ? vf_load_n(cos_sin, m) : vf_set(1), sn = vf_zero();
        if (cos_sin) sn = vf_neg(vf_load_n(cos_sin + half, m));
        for (size_t j = j0; j < j1; j++) {
            size_t g = (r * n_heads + j) * D + c, x = (r * n_rotated + j) * D + c;
            vf g0 = act_load_n(bf16, dqkv, g, m), g1 = act_load_n(bf16, dqkv, g + half, m);
            if (cos_sin) rotate(&g0, &g1, cs, sn);
            vf s = vf_set(rstd[(r - r0) * n_rotated + j]);
            sum0 = vf_fma(vf_mul(g0, act_load_n(bf16, a->raw, x, m)), s, sum0);
            sum1 = vf_fma(vf_mul(g1, act_load_n(bf16, a->raw, x + half, m)), s, sum1);
        }
    }
    vf_store_n(dw + c, sum0, m);
    vf_store_n(dw + half + c, sum1, m);
}

/* out[c] += column c of rows [0, n), one after the other; m columns */
INLINE void add_rows(const bool bf16, float *out, const void *in, size_t n, size_t width, size_t c, size_t m)
{
    vf sum = vf_load_n(out + c, m);
    for (size_t r = 0; r < n; r++) sum = vf_add(sum, act_load_n(bf16, in, r * width + c, m));
    vf_store_n(out + c, sum, m);
}

enum { MOST_RSTD = 8192, WIDE = 16 }; /* config.c: at most 8192 heads */

/* Rows [r0, r1) into WIDE of the norms' weights from c on; side: the head where the norm is over the whole projection,
 * else queries or keys. */
INLINE void norm_weights_block(const struct raml_heads *h, const void *dqkv, float *dq_w, float *dk_w,
                               const float *rstd, size_t r0, size_t r1, size_t side, size_t c)
{
    size_t m = h->D / 2 - c < WIDE ? h->D / 2 - c : WIDE, n_rotated = h->H + h->K;
    size_t j0 = h->whole ? side : side ? h->H : 0, j1 = h->whole ? side + 1 : side ? n_rotated : h->H;
    float *dw = j0 < h->H ? dq_w : dk_w;
    if (!dw) return;
    if (h->whole) dw += (j0 < h->H ? j0 : j0 - h->H) * h->D;
    BY_ACT(h->bf16, norm_weights(true, h, dqkv, dw, rstd, r0, r1, j0, j1, c, m),
           norm_weights(false, h, dqkv, dw, rstd, r0, r1, j0, j1, c, m));
}

/* Sums over rows are one chain per column, continued from what is there, so that neither threads nor the split of a
 * batch affects them: rows are shared out for dqkv, columns for the sums. The norm's weights need gradients that
 * heads_back_row overwrites, and each head's rstd: hence groups of as many rows as `rstd` holds. */
void heads_back_isa(const struct raml_heads *h, void *dqkv, float *d_bias, float *dq_w, float *dk_w, float *scratch)
{
    (void)scratch;
    size_t n_rotated = h->H + h->K, width = (n_rotated + h->K) * h->D;
    size_t blocks = h->q_w || h->k_w ? (h->D / 2 + WIDE - 1) / WIDE : 0, group = blocks ? MOST_RSTD / n_rotated : h->n;
    size_t sides = h->whole ? n_rotated : 2; /* vectors of D weights */
    float rstd[MOST_RSTD];
#pragma omp parallel
    {
        for (size_t r0 = 0; r0 < h->n; r0 += group) {
            size_t r1 = h->n - r0 < group ? h->n : r0 + group;
#pragma omp for schedule(static)
            for (size_t r = r0; r < (blocks ? r1 : r0); r++)
                BY_ACT(h->bf16, rstd_row(true, h, rstd + (r - r0) * n_rotated, r),
                       rstd_row(false, h, rstd + (r - r0) * n_rotated, r));
#pragma omp for schedule(static)
            for (size_t b = 0; b < sides * blocks; b++)
                norm_weights_block(h, dqkv, dq_w, dk_w, rstd, r0, r1, b % sides, b / sides * WIDE);
#pragma omp for schedule(static)
            for (size_t r = r0; r < r1; r++)
                BY_ACT(h->bf16, heads_back_row(true, h, dqkv, rstd + (r - r0) * n_rotated, r),
                       heads_back_row(false, h, dqkv, rstd + (r - r0) * n_rotated, r));
        }
#pragma omp for schedule(static)
        for (size_t c = 0; c < (d_bias ? width : 0); c += WIDE) {
            size_t m = width - c < WIDE ? width - c : WIDE;
            BY_ACT(h->bf16, add_rows(true, d_bias, dqkv, h->n, width, c, m),
                   add_rows(false, d_bias, dqkv, h->n, width, c, m));
        }
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
