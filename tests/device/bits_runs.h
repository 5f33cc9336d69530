/* bits_runs.h - every row kernel on inputs determined by its name and size, its outputs written one after the other:
 * for test_bits.c. Include after check.h.
 *
 * A batch of n rows may be split into calls, so that row results and sums over rows can be compared for different
 * splits.
 */
#ifndef RAML_TESTS_DEVICE_BITS_RUNS_H
#define RAML_TESTS_DEVICE_BITS_RUNS_H

#include "check.h"

enum { MOST_ROWS = 100, MOST_COLUMNS = 100, TOKENS = 11, PLACES = 50 };

struct run {
    const struct raml_ops *ops;
    bool bf16;
    size_t n, d;
    size_t per_call; /* rows per call; the last one has the rest */
    uint64_t state;
    unsigned char *out; /* outputs so far */
    size_t used;
};
#define EACH_CALL(r, from, rows)                                                                                       \
    for (size_t from = 0, rows; rows = (r)->n - from < (r)->per_call ? (r)->n - from : (r)->per_call, from < (r)->n;   \
         from += rows)

/* Where an output of this many bytes goes: 0 at first. */
static inline void *output(struct run *r, size_t bytes)
{
    void *p = r->out + r->used;
    r->used += (bytes + 63) / 64 * 64;
    return memset(p, 0, bytes);
}
static inline void *output_f32(struct run *r, size_t n) /* sums start at some value */
{
    float *p = output(r, n * 4);
    for (size_t i = 0; i < n; i++) p[i] = draw_unit(&r->state);
    return p;
}
static inline char *place(bool bf16, const void *p, size_t i)
{
    return (char *)(uintptr_t)p + i * act_bytes(bf16);
}
/* Inputs of many sizes: most within [-1, 1), some far out, some 0 of either sign, some subnormal. */
static inline float wild(uint64_t *state, float scale)
{
    float u = draw_unit(state);
    switch (draw(state) % 16) {
    case 0: return u * 60;
    case 1: return u * 1e-20f;
    case 2: return u < 0 ? -0.0f : 0.0f;
    case 3: return u * 1e-39f;
    default: return u * scale;
    }
}
static inline void *input(struct run *r, bool bf16, size_t n, float scale)
{
    void *p = guarded(n * act_bytes(bf16));
    for (size_t i = 0; i < n; i++) act_put(bf16, p, i, wild(&r->state, scale));
    return p;
}

static inline void run_embed(struct run *r)
{
    float *table = input(r, false, TOKENS * r->d, 1), *dx = input(r, false, r->n * r->d, 1);
    float *x = output(r, r->n * r->d * 4), *grad = output_f32(r, TOKENS * r->d);
    int32_t token[MOST_ROWS];
    for (size_t i = 0; i < r->n; i++) token[i] = (int32_t)(draw(&r->state) % TOKENS);
    EACH_CALL(r, from, rows)
    {
        r->ops->embed(x + from * r->d, table, token + from, rows, r->d);
        r->ops->embed_back(grad, dx + from * r->d, token + from, rows, r->d);
    }
    drop(table, TOKENS * r->d * 4), drop(dx, r->n * r->d * 4);
}

static inline void run_norm(struct run *r)
{
    size_t n = r->n, d = r->d, s = act_bytes(r->bf16);
    float *x = input(r, false, n * d, 1), *w = input(r, false, d, 1), scratch[8 * MOST_COLUMNS];
    void *add = input(r, r->bf16, n * d, 1), *dy = input(r, r->bf16, n * d, 1);
    float *sum = output(r, n * d * 4), *rstd = output(r, n * 4), *dx = output_f32(r, n * d), *dw = output_f32(r, d);
    void *y = output(r, n * d * s), *act = output(r, n * d * s);
    EACH_CALL(r, from, rows)
    {
        size_t at = from * d;
        r->ops->add_norm(r->bf16, sum + at, place(r->bf16, y, at), rstd + from, x + at, place(r->bf16, add, at), w,
                         rows, d, 1e-6f);
        r->ops->norm_back(r->bf16, dx + at, place(r->bf16, act, at), dw, place(r->bf16, dy, at), sum + at, rstd + from,
                          w, rows, d, scratch);
    }
    drop(x, n * d * 4), drop(w, d * 4), drop(add, n * d * s), drop(dy, n * d * s);
}

static inline void run_gate(struct run *r, bool gelu)
{
    size_t n = r->n, f = r->d, s = act_bytes(r->bf16);
    void *gu = input(r, r->bf16, 2 * n * f, 4), *d_out = input(r, r->bf16, n * f, 1);
    void *out = output(r, n * f * s), *d_gu = output(r, 2 * n * f * s);
    EACH_CALL(r, from, rows)
    {
        const void *in = place(r->bf16, gu, 2 * from * f), *d = place(r->bf16, d_out, from * f);
        void *to = place(r->bf16, out, from * f), *back = place(r->bf16, d_gu, 2 * from * f);
        if (gelu) r->ops->gelu_mul(r->bf16, to, in, rows, f), r->ops->gelu_mul_back(r->bf16, back, d, in, rows, f);
        else r->ops->silu_mul(r->bf16, to, in, rows, f), r->ops->silu_mul_back(r->bf16, back, d, in, rows, f);
    }
    drop(gu, 2 * n * f * s), drop(d_out, n * f * s);
}
static inline void run_silu(struct run *r)
{
    run_gate(r, false);
}
static inline void run_gelu(struct run *r)
{
    run_gate(r, true);
}

/* With both summands, and without each of them. */
static inline void run_scale_add(struct run *r)
{
    size_t n = r->n, d = r->d, s = act_bytes(r->bf16);
    float *x = input(r, false, n * d, 1);
    void *add = input(r, r->bf16, n * d, 1);
    for (int left_out = 0; left_out < 3; left_out++) {
        float *sum = output(r, n * d * 4);
        void *act = output(r, n * d * s);
        EACH_CALL(r, from, rows)
        {
            size_t at = from * d;
            r->ops->scale_add(r->bf16, sum + at, place(r->bf16, act, at), left_out == 1 ? NULL : x + at,
                              left_out == 2 ? NULL : place(r->bf16, add, at), 0.37f, rows * d);
        }
    }
    drop(x, n * d * 4), drop(add, n * d * s);
}

/* Bias, norm (of each head, or whole: of all together) and kept raw heads depend on the size; keys and values then go
 * to their pages. */
static inline void run_parts(struct run *r, unsigned parts, bool whole)
{
    enum { H = 4, K = 2, PAGES = 2 };
    size_t n = r->n, D = (r->d + 1) / 2 * 2, wide = (H + 2 * K) * D, n_rotated = (H + K) * D, s = act_bytes(r->bf16);
    size_t n_q = whole ? H * D : D, n_w = whole ? n_rotated : 2 * D;
    float *cos_sin = input(r, false, PLACES * D, 1), *bias = input(r, false, wide, 1), *w = input(r, false, n_w, 1);
    void *in = input(r, r->bf16, n * wide, 1), *g = input(r, r->bf16, n * wide, 1);
    size_t page_bytes = PAGES * K * raml_page_elements(D) * s;
    void *qkv = output(r, n * wide * s), *raw = output(r, n * n_rotated * s), *dqkv = output(r, n * wide * s);
    void *k = output(r, page_bytes), *v = output(r, page_bytes);
    float *sums = output_f32(r, wide + n_w), *scratch = guarded(8 * (wide + n_w) * 4);
    int32_t position[MOST_ROWS];
    uint32_t page[MOST_ROWS];
    uint8_t slot[MOST_ROWS];
    for (size_t i = 0; i < n; i++)
        position[i] = (int32_t)(draw(&r->state) % PLACES), page[i] = (uint32_t)(i / 64), slot[i] = (uint8_t)(i % 64);
    memcpy(qkv, in, n * wide * s);
    memcpy(dqkv, g, n * wide * s);
    EACH_CALL(r, from, rows)
    {
        struct raml_heads h = {.bf16 = r->bf16, .n = rows, .H = H, .K = K, .D = D, .cos_sin = cos_sin, .eps = 1e-6f};
        h.qkv = place(r->bf16, qkv, from * wide), h.position = position + from;
        h.bias = parts & 1 ? bias : NULL;
        h.whole = whole;
        if (whole && r->d % 3 == 0) h.cos_sin = NULL;
        if (parts & 2) h.q_w = w, h.k_w = w + n_q, h.raw = place(r->bf16, raw, from * n_rotated);
        r->ops->heads(&h);
        r->ops->store_kv(r->bf16, k, v, h.qkv, page + from, slot + from, rows, H, K, D);
        r->ops->heads_back(&h, place(r->bf16, dqkv, from * wide), parts & 1 ? sums : NULL,
                           parts & 2 ? sums + wide : NULL, parts & 2 ? sums + wide + n_q : NULL, scratch);
    }
    drop(cos_sin, PLACES * D * 4), drop(bias, wide * 4), drop(w, n_w * 4), drop(in, n * wide * s);
    drop(g, n * wide * s), drop(scratch, 8 * (wide + n_w) * 4);
}
static inline void run_heads(struct run *r)
{
    run_parts(r, (unsigned)(r->n * 5 + r->d) % 4, false);
}
static inline void run_whole(struct run *r)
{
    run_parts(r, 2 + (unsigned)(r->n + r->d) % 2, true);
}

static inline void run_loss(struct run *r)
{
    size_t n = r->n, V = r->d, s = act_bytes(r->bf16), half = V / 2;
    float *z = input(r, false, n * V, 8), *c = input(r, false, n, 1), *e = input(r, false, n, 1);
    float *kept = output(r, 4 * n * 4), lse[MOST_ROWS], entropy[MOST_ROWS];
    int32_t *argmax = output(r, n * 4), token[MOST_ROWS];
    void *dz = output(r, n * V * s);
    for (size_t i = 0; i < n; i++) kept[i] = -INFINITY, token[i] = (int32_t)(draw(&r->state) % V);
    EACH_CALL(r, from, rows)
    {
        struct raml_loss_rows l = {kept + from, kept + n + from, kept + 2 * n + from, kept + 3 * n + from,
                                   argmax + from};
        const float *zr = z + from * V;
        if (half) r->ops->loss_tile(&l, zr, V, token + from, 4, rows, 0, half); /* two tiles */
        r->ops->loss_tile(&l, zr + half, V, token + from, 4, rows, half, V - half);
        for (size_t i = 0; i < rows; i++) {
            lse[i] = l.max[i] + l.sum[i] / 64; /* any numbers will do, as long as they are the same */
            entropy[i] = l.dot[i] / (l.sum[i] + 1);
        }
        r->ops->loss_tile_back(r->bf16, place(r->bf16, dz, from * V), zr, V, lse, entropy, c + from,
                               r->d % 2 ? e + from : NULL, token + from, 4, rows, 0, V);
    }
    drop(z, n * V * 4), drop(c, n * 4), drop(e, n * 4);
}

static inline void run_moves(struct run *r)
{
    size_t n = r->n, d = r->d, s = act_bytes(r->bf16);
    void *in = input(r, r->bf16, n * d, 1);
    float *in_f32 = input(r, false, n * d, 1);
    void *moved = output(r, n * d * s), *t = output(r, (n + 3) * d * s), *act = output(r, n * d * s);
    float *added = output_f32(r, n * d), *scattered = output_f32(r, n * d);
    uint32_t row[MOST_ROWS];
    for (size_t i = 0; i < n; i++) row[i] = draw(&r->state) % (uint32_t)n;
    r->ops->transpose(r->bf16, t, in, n, d, n + 3);
    EACH_CALL(r, from, rows)
    {
        size_t at = from * d;
        r->ops->gather(r->bf16, place(r->bf16, moved, at), in, row + from, 4, rows, d);
        r->ops->to_act(r->bf16, place(r->bf16, act, at), in_f32 + at, rows * d);
        r->ops->add(added + at, (float *)in_f32 + at, rows * d);
        r->ops->scatter_add(scattered, in_f32 + at, row + from, 4, rows, d);
    }
    static const float odd[] = {NAN,        INFINITY,        -INFINITY,  0x1p-127f,
                                -0x1p-149f, 0x1.fffffep127f, 0x1.018p0f, 0x1.008p0f};
    r->ops->to_act(r->bf16, output(r, COUNT(odd) * 4), odd, COUNT(odd));
    drop(in, n * d * s), drop(in_f32, n * d * 4);
}

static inline void run_low_rank(struct run *r)
{
    size_t n = r->n, d = r->d, N = d + 3, bytes = act_bytes(r->bf16);
    void *x = input(r, r->bf16, n * d, 1), *y = output(r, n * N * bytes);
    float *left = input(r, false, 3 * N, 1), *right = input(r, false, 3 * d, 1), *rows = input(r, false, n * d, 1);
    uint32_t row[MOST_ROWS];
    for (size_t i = 0; i < n; i++) row[i] = (uint32_t)i;
    EACH_CALL(r, from, count)
    {
        const struct raml_low_rank_rows f = {r->bf16, x, y, N, d, N, 3, right, left, row + from, count};
        r->ops->low_rank(&f);
    }
    r->ops->gram(output(r, n * n * sizeof(double)), rows, n, d);
    drop(x, n * d * bytes), drop(left, 3 * N * 4), drop(right, 3 * d * 4), drop(rows, n * d * 4);
}

static inline void run_rank(struct run *r)
{
    enum { RANK = 7 };
    size_t n = r->n, d = r->d, bytes = act_bytes(r->bf16);
    void *in = input(r, r->bf16, n * d, 1), *x = output(r, n * d * bytes);
    float *m = input(r, false, RANK * d + TOKENS, 1), *u = output(r, n * RANK * 4);
    float *g = output_f32(r, RANK * d), *turned = output_f32(r, RANK * d), *table = output_f32(r, RANK * TOKENS);
    float *picked = output(r, n * RANK * 4);
    int32_t token[MOST_ROWS];
    for (size_t i = 0; i < n; i++) token[i] = (int32_t)(draw(&r->state) % TOKENS);
    memcpy(x, in, n * d * bytes);
    EACH_CALL(r, from, rows)
    {
        enum raml_type type = r->bf16 ? RAML_TYPE_BF16 : RAML_TYPE_F32;
        struct raml_rank_rows f = {.type = type, .x = place(r->bf16, in, from * d), .n = rows, .K = d, .ldx = d};
        f.rank = RANK, f.m = m, f.ldm = d, f.u = u + from * RANK, f.scale = 1.3f;
        r->ops->rank_down(&f);
        f.m = g;
        r->ops->rank_grad(&f);
        f.m = turned, f.ldm = RANK, f.columns = true;
        r->ops->rank_grad(&f);
        f.m = m, f.ldm = d, f.x = place(r->bf16, x, from * d);
        r->ops->rank_up(&f);
        f.m = table, f.ldm = TOKENS, f.K = TOKENS, f.token = token + from;
        r->ops->rank_put(&f);
        f.u = picked + from * RANK, f.m = m, f.ldm = d;
        r->ops->rank_pick(&f);
    }
    drop(in, n * d * bytes), drop(m, (RANK * d + TOKENS) * 4);
}

/* The row work of sampling: one row of n d logits. */
static inline void run_exp(struct run *r)
{
    size_t n = r->n * r->d;
    float *z = input(r, false, n, 30), *max = output(r, 4), *w = output(r, n * 4);
    double *sum = output(r, 8), *part = output(r, 8 * (MOST_ROWS * MOST_COLUMNS / RAML_EXP_PART + 1));
    *max = r->ops->row_max(z, n);
    *sum = r->ops->exp_all(w, z, n, *max, 0.7f, part);
    drop(z, n * 4);
}

static const struct {
    const char *name;
    void (*run)(struct run *r);
} kernels[] = {{"embed", run_embed}, {"norm", run_norm},           {"silu", run_silu},
               {"heads", run_heads}, {"loss", run_loss},           {"moves", run_moves},
               {"exp", run_exp},     {"low_rank", run_low_rank},   {"rank", run_rank},
               {"gelu", run_gelu},   {"scale_add", run_scale_add}, {"whole", run_whole}};

#endif
