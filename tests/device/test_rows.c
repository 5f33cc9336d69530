/* The row kernels of every level against the reference: embedding, norm, SwiGLU, copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"
#include "check_near.h"

#define REF (&raml_ops_ref)

static const size_t rows_list[] = {0, 1, 7, 8, 9, 31, 33, 64, 65, 200};
static const size_t cols_list[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 130, 1000};

/* f32 sums of d <= 1000 terms in lanes: at most 63 + 16 additions deep, (79) 2^-24 = 5e-6 of the sum of sizes; norms
 * take the root of a sum of squares (no cancelling), so 1e-5 holds for all of them. */
static const double REL = 1e-5;

/* Calls the check at every pair of the sizes above (large ones not squared). */
static void each_size(const struct raml_ops *ops, bool bf16,
                      void (*check)(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state))
{
    uint64_t state = 11;
    for (size_t i = 0; i < COUNT(rows_list); i++)
        for (size_t j = 0; j < COUNT(cols_list); j++)
            if (rows_list[i] < 64 || cols_list[j] < 200) check(ops, bf16, rows_list[i], cols_list[j], &state);
}

/* -- Embedding: copies and sums in row order, so the bits are those of the reference ------------------------------- */
static void check_embed(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    if (bf16) return; /* tables and rows are f32 */
    enum { V = 11 };
    float *table = random_f32(V * d, 1, state), *dx = random_f32(n * d, 1, state);
    float *x = guarded(n * d * 4), *want = guarded(n * d * 4);
    float *grad = random_f32(V * d, 1, state), *want_grad = copy_of(grad, V * d * 4);
    int32_t token[200];
    for (size_t i = 0; i < n; i++) token[i] = (int32_t)(draw(state) % V);
    ops->embed(x, table, token, n, d);
    REF->embed(want, table, token, n, d);
    check_same("embed", x, want, n * d * 4);
    ops->embed_back(grad, dx, token, n, d);
    REF->embed_back(want_grad, dx, token, n, d);
    check_same("embed_back", grad, want_grad, V * d * 4);
    drop(table, V * d * 4), drop(dx, n * d * 4), drop(x, n * d * 4), drop(want, n * d * 4);
    drop(grad, V * d * 4), drop(want_grad, V * d * 4);
}
static void embed(const struct raml_ops *ops, bool bf16)
{
    each_size(ops, bf16, check_embed);
}

/* -- Norm ---------------------------------------------------------------------------------------------------------- */
/* scale: size of the values; with_add, in_place, with_rstd: the optional parts. */
static void norm_case(const struct raml_ops *ops, bool bf16, size_t n, size_t d, float scale, unsigned parts,
                      uint64_t *state)
{
    bool with_add = parts & 1, in_place = parts & 2, with_rstd = parts & 4;
    size_t f = n * d * 4, a = n * d * act_bytes(bf16);
    float *x = random_f32(n * d, scale, state), *w = random_f32(d, 1, state);
    void *add = with_add ? random_act(bf16, n * d, scale, state) : NULL;
    float *sum[2], *rstd[2];
    void *y[2];
    for (int k = 0; k < 2; k++) {
        const struct raml_ops *o = k ? REF : ops;
        sum[k] = copy_of(x, f);
        y[k] = guarded(a);
        rstd[k] = guarded(n * 4);
        o->add_norm(bf16, sum[k], y[k], with_rstd ? rstd[k] : NULL, in_place ? sum[k] : x, add, w, n, d, 1e-6f);
    }
    check_same("add_norm: sum", sum[0], sum[1], f);
    check_rows("add_norm", bf16, y[0], y[1], n, d, REL);
    if (with_rstd) check_rows("add_norm: rstd", false, rstd[0], rstd[1], n, 1, REL);
    for (int k = 0; k < 2; k++) drop(sum[k], f), drop(y[k], a), drop(rstd[k], n * 4);
    drop(x, f), drop(w, d * 4);
    if (add) drop(add, a);
}
static void check_norm(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    norm_case(ops, bf16, n, d, 1, (unsigned)(n + d) % 8, state);
}
static void norm(const struct raml_ops *ops, bool bf16)
{
    uint64_t state = 12;
    each_size(ops, bf16, check_norm);
    for (unsigned parts = 0; parts < 8; parts++) norm_case(ops, bf16, 9, 33, 1, parts, &state);
    norm_case(ops, bf16, 3, 130, 1e15f, 5, &state);
    norm_case(ops, bf16, 3, 130, 1e-3f, 5, &state); /* eps as large as the mean square */
    norm_case(ops, bf16, 3, 130, 1e-15f, 5, &state);
    norm_case(ops, bf16, 2, 17, 0, 5, &state); /* rows of zeros: rstd = eps^-1/2 */
}

static void norm_back_case(const struct raml_ops *ops, bool bf16, size_t n, size_t d, bool with_act, uint64_t *state)
{
    size_t f = n * d * 4, a = n * d * act_bytes(bf16);
    float *x = random_f32(n * d, 2, state), *w = random_f32(d, 1, state), *rstd = guarded(n * 4);
    float *scratch = guarded(2 * d * 4), *dx0 = random_f32(n * d, 1, state), *dw0 = random_f32(d, 1, state);
    void *dy = random_act(bf16, n * d, 1, state), *y = guarded(a), *act[2];
    float *sum = guarded(f), *dx[2], *dw[2];
    REF->add_norm(bf16, sum, y, rstd, x, NULL, w, n, d, 1e-6f);
    for (int k = 0; k < 2; k++) {
        dx[k] = copy_of(dx0, f), dw[k] = copy_of(dw0, d * 4), act[k] = guarded(a);
        (k ? REF : ops)->norm_back(bf16, dx[k], with_act ? act[k] : NULL, dw[k], dy, x, rstd, w, n, d, scratch);
    }
    for (size_t r = 0; r < n; r++) {
        /* two terms of size s |w dy| cancel (wholly, where d = 1): with |w|, |dy| <= 1, s is what they are made of */
        double tol = REL * (1 + 2 * rstd[r]);
        for (size_t i = r * d; i < (r + 1) * d; i++) {
            if (!(fabs(dx[0][i] - dx[1][i]) <= tol))
                fail_msg("norm_back: dx: row %zu, d %zu: got %g, expected %g", r, d, dx[0][i], dx[1][i]);
            if (with_act && !(fabs(act_at(bf16, act[0], i) - dx[0][i]) <= (bf16 ? fabs(dx[0][i]) / 256 : 0)))
                fail_msg("norm_back: dx as act: got %g, expected %g", act_at(bf16, act[0], i), dx[0][i]);
        }
    }
    check_rows("norm_back: dw", false, dw[0], dw[1], 1, d, 2 * REL); /* sums over n <= 200 rows */
    for (int k = 0; k < 2; k++) drop(dx[k], f), drop(dw[k], d * 4), drop(act[k], a);
    drop(x, f), drop(w, d * 4), drop(rstd, n * 4), drop(scratch, 2 * d * 4), drop(dx0, f), drop(dw0, d * 4);
    drop(dy, a), drop(y, a), drop(sum, f);
}
static void check_norm_back(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    norm_back_case(ops, bf16, n, d, (n + d) % 2, state);
}
static void norm_back(const struct raml_ops *ops, bool bf16)
{
    each_size(ops, bf16, check_norm_back);
}

/* -- Gates --------------------------------------------------------------------------------------------------------- */
static void gate_case(const struct raml_ops *ops, bool bf16, bool is_gelu, size_t n, size_t f, float scale,
                      uint64_t *state)
{
    size_t s = act_bytes(bf16);
    void *gu = random_act(bf16, 2 * n * f, scale, state), *d_out = random_act(bf16, n * f, 1, state);
    void *out[2], *d_gu[2];
    for (int k = 0; k < 2; k++) {
        const struct raml_ops *o = k ? REF : ops;
        out[k] = guarded(n * f * s), d_gu[k] = guarded(2 * n * f * s);
        (is_gelu ? o->gelu_mul : o->silu_mul)(bf16, out[k], gu, n, f);
        (is_gelu ? o->gelu_mul_back : o->silu_mul_back)(bf16, d_gu[k], d_out, gu, n, f);
    }
    /* columns of one: each element by itself, no larger neighbour to hide its error. vf_exp is good to 2 ulp. */
    check_rows(is_gelu ? "gelu_mul" : "silu_mul", bf16, out[0], out[1], n * f, 1, REL);
    /* the slope cancels near its root (SiLU's is at g = -1.278): there 2^-23 of terms of size |d u g s| is left */
    check_rows(is_gelu ? "gelu_mul_back" : "silu_mul_back", bf16, d_gu[0], d_gu[1], n, 2 * f, REL);
    for (int k = 0; k < 2; k++) drop(out[k], n * f * s), drop(d_gu[k], 2 * n * f * s);
    drop(gu, 2 * n * f * s), drop(d_out, n * f * s);
}
static void check_silu(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    gate_case(ops, bf16, false, n, d, 4, state);
}
static void silu(const struct raml_ops *ops, bool bf16)
{
    uint64_t state = 13;
    each_size(ops, bf16, check_silu);
    gate_case(ops, bf16, false, 5, 33, 80, &state);
    gate_case(ops, bf16, false, 5, 33, 1e-20f, &state);
}
static void check_gelu(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    gate_case(ops, bf16, true, n, d, 4, state);
}
static void gelu(const struct raml_ops *ops, bool bf16)
{
    uint64_t state = 13;
    each_size(ops, bf16, check_gelu);
    gate_case(ops, bf16, true, 5, 33, 6, &state);
    gate_case(ops, bf16, true, 5, 33, 1e-20f, &state);
}
/* Where the function is 0 or its argument: what is left of 0 is no number that counts. */
static void gelu_far(const struct raml_ops *ops)
{
    static const float g[] = {-1e30f, -3e4f, -200, -101, -100, -50, 50, 100, 101, 200, 3e4f, 1e30f};
    float gu[2 * COUNT(g)], out[COUNT(g)], d[COUNT(g)], back[2 * COUNT(g)];
    for (size_t i = 0; i < COUNT(g); i++) gu[i] = g[i], gu[COUNT(g) + i] = 2, d[i] = 3;
    ops->gelu_mul(false, out, gu, 1, COUNT(g));
    ops->gelu_mul_back(false, back, d, gu, 1, COUNT(g));
    for (size_t i = 0; i < COUNT(g); i++) {
        float on = g[i] > 0 ? 1 : 0, near = 1e-5f;
        assert_true(fabsf(out[i] - on * 2 * g[i]) <= near * fmaxf(1, on * g[i]));
        assert_true(fabsf(back[i] - on * 6) <= near &&
                    fabsf(back[COUNT(g) + i] - on * 3 * g[i]) <= near * fmaxf(1, on * 3 * g[i]));
    }
}

static double gelu_by_tanh(double g)
{
    return g / 2 * (1 + tanh(sqrt(2 / M_PI) * (g + 0.044715 * g * g * g)));
}
/* Against differences of the function as it is defined. */
static void gelu_slopes(const struct raml_ops *ops)
{
    const double step = 1e-5, u = -1.5;
    for (int i = -600; i <= 600; i++) {
        float g = (float)i / 100, gu[2] = {g, (float)u}, d = 2, back[2], out;
        double slope = (gelu_by_tanh(g + step) - gelu_by_tanh(g - step)) / (2 * step);
        ops->gelu_mul(false, &out, gu, 1, 1);
        ops->gelu_mul_back(false, back, &d, gu, 1, 1);
        CHECK_NEAR("gelu", out, u * gelu_by_tanh(g), 2e-6);
        CHECK_NEAR("its slope", back[0], 2 * u * slope, 1e-5);
        CHECK_NEAR("its value", back[1], 2 * gelu_by_tanh(g), 4e-6);
    }
}

/* Every combination of what may be left out. */
static void scale_add_case(const struct raml_ops *ops, bool bf16, size_t n, uint64_t *state)
{
    for (int left_out = 0; left_out < 3; left_out++) { /* nothing, x, add */
        float *x = random_f32(n, 2, state), *sum[2];
        void *add = random_act(bf16, n, 2, state), *out[2];
        for (int k = 0; k < 2; k++) {
            sum[k] = guarded(n * 4), out[k] = guarded(n * act_bytes(bf16));
            (k ? REF : ops)
                ->scale_add(bf16, sum[k], out[k], left_out == 1 ? NULL : x, left_out == 2 ? NULL : add, 0.37f, n);
        }
        check_rows("scale_add", false, sum[0], sum[1], 1, n, REL);
        check_rows("scale_add: as act", bf16, out[0], out[1], 1, n, REL);
        ops->scale_add(bf16, x, NULL, x, add, 0, n); /* in place: what is added is nothing */
        for (int k = 0; k < 2; k++) drop(sum[k], n * 4), drop(out[k], n * act_bytes(bf16));
        drop(x, n * 4), drop(add, n * act_bytes(bf16));
    }
}
static void scale_add(const struct raml_ops *ops, bool bf16)
{
    static const size_t sizes[] = {1, 15, 16, 17, 33, 4095, 4096, 4097, 9001};
    uint64_t state = 77;
    for (size_t i = 0; i < COUNT(sizes); i++) scale_add_case(ops, bf16, sizes[i], &state);
}

/* Far out the sigmoid is 0 or 1 to f32; nothing may become NaN or infinite on the way. */
static void silu_far(const struct raml_ops *ops, bool bf16)
{
    static const float gate[] = {-1e4f, -200, -89, -88, 88, 89, 200, 1e4f, 0, -0.0f};
    enum { F = COUNT(gate) };
    float gu[2 * F], out[F], d_gu[2 * F];
    uint16_t h_gu[2 * F], h_out[F], h_d[2 * F], h_one[F];
    float one[F];
    for (int i = 0; i < F; i++) gu[i] = gate[i], gu[F + i] = 1, one[i] = 1, h_one[i] = bf16_down(1);
    for (int i = 0; i < 2 * F; i++) h_gu[i] = bf16_down(gu[i]);
    const void *in = bf16 ? (const void *)h_gu : gu, *d = bf16 ? (const void *)h_one : one;
    void *o = bf16 ? (void *)h_out : out, *back = bf16 ? (void *)h_d : d_gu;
    ops->silu_mul(bf16, o, in, 1, F);
    ops->silu_mul_back(bf16, back, d, in, 1, F);
    for (size_t i = 0; i < F; i++) {
        double g = act_at(bf16, in, i), want = g > 0 ? g : 0;
        if (!(fabs(act_at(bf16, o, i) - want) <= 1e-30)) fail_msg("silu(%g) = %g", g, act_at(bf16, o, i));
        double slope = g > 0 ? 1 : g < 0 ? 0 : 0.5;
        if (!(fabs(act_at(bf16, back, i) - slope) <= 1e-30)) fail_msg("silu'(%g) = %g", g, act_at(bf16, back, i));
    }
}

/* -- Copies: the same bits ----------------------------------------------------------------------------------------- */
static void check_moves(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    size_t s = act_bytes(bf16), n_pad = n + draw(state) % 9;
    void *in = random_act(bf16, n * d, 1, state), *t[2], *g[2];
    struct { /* indices are inside larger records, as targets are */
        uint32_t row;
        int32_t other;
    } index[200];
    for (size_t i = 0; i < n; i++) index[i].row = (uint32_t)(draw(state) % n), index[i].other = -1;
    for (int k = 0; k < 2; k++) {
        t[k] = guarded(d * n_pad * s), g[k] = guarded(n * d * s);
        (k ? REF : ops)->transpose(bf16, t[k], in, n, d, n_pad);
        (k ? REF : ops)->gather(bf16, g[k], in, &index[0].row, sizeof *index, n, d);
    }
    check_same("transpose", t[0], t[1], d * n_pad * s);
    check_same("gather", g[0], g[1], n * d * s);
    for (int k = 0; k < 2; k++) drop(t[k], d * n_pad * s), drop(g[k], n * d * s);
    drop(in, n * d * s);
    if (bf16) return;
    float *from = random_f32(n * d, 1, state), *to = random_f32(n * d, 1, state), *want = copy_of(to, n * d * 4);
    ops->scatter_add(to, from, &index[0].row, sizeof *index, n, d);
    REF->scatter_add(want, from, &index[0].row, sizeof *index, n, d);
    check_same("scatter_add", to, want, n * d * 4);
    ops->add(to, from, n * d);
    REF->add(want, from, n * d);
    check_same("add", to, want, n * d * 4);
    drop(from, n * d * 4), drop(to, n * d * 4), drop(want, n * d * 4);
}
static void moves(const struct raml_ops *ops, bool bf16)
{
    uint64_t state = 14;
    each_size(ops, bf16, check_moves);
    check_moves(ops, bf16, 128, 192, &state); /* whole blocks of 64 by 64 */
    check_moves(ops, bf16, 129, 193, &state);
}

static void to_act(const struct raml_ops *ops, bool bf16)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 4095, 4096, 4097, 10000};
    uint64_t state = 15;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t n = sizes[i], bytes = n * act_bytes(bf16);
        float *in = random_f32(n, 1000, &state);
        void *out = guarded(bytes), *want = guarded(bytes);
        ops->to_act(bf16, out, in, n);
        REF->to_act(bf16, want, in, n);
        check_same("to_act", out, want, bytes);
        drop(in, n * 4), drop(out, bytes), drop(want, bytes);
    }
    /* ties go to the even neighbour; the largest f32 rounds up to infinity; NaN stays NaN */
    static const struct {
        uint32_t in;
        uint16_t out;
    } bits[] = {{0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x3f807fff, 0x3f80},
                {0xbf818000, 0xbf82}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80},
                {0x00000000, 0x0000}, {0x80000000, 0x8000}, {0x7f7f0000, 0x7f7f}, {0x00800000, 0x0080}};
    float in[COUNT(bits) + 4];
    uint16_t out[COUNT(bits) + 4];
    memset(in, 0, sizeof in);
    for (size_t i = 0; i < COUNT(bits); i++) memcpy(in + i, &bits[i].in, 4);
    in[COUNT(bits)] = NAN; /* in the first sixteen: the whole-vector path; and again below in the tail */
    if (!bf16) return;
    ops->to_act(true, out, in, COUNT(in));
    for (size_t i = 0; i < COUNT(bits); i++)
        if (out[i] != bits[i].out) fail_msg("%08x became %04x, expected %04x", bits[i].in, out[i], bits[i].out);
    assert_true(isnan(bf16_up(out[COUNT(bits)])));
    ops->to_act(true, out, in, COUNT(bits) + 1);
    assert_true(isnan(bf16_up(out[COUNT(bits)])));
}

/* -- Low-rank additions and the Gram matrix ------------------------------------------------------------------------ */
/* The sum of sizes of what is added is at most rank (K + 1), by inputs of at most 1: errors are relative to it. */
static void check_low_rank(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    size_t N = 1 + draw(state) % 70, width = N + draw(state) % 5;
    size_t rank = d == 17 ? RAML_LOW_RANKS + 2 : 1 + draw(state) % 3, bytes = n * width * act_bytes(bf16), some = 0;
    bool bias = draw(state) % 4 == 0;
    void *x = random_act(bf16, n * d, 1, state), *y = random_act(bf16, n * width, 1, state), *want = copy_of(y, bytes);
    void *before = copy_of(y, bytes);
    float *left = random_f32(rank * N, 1, state), *right = random_f32(rank * d, 1, state);
    double bound = (bf16 ? 0.01 : 2e-6) * (2 + (double)rank * (double)(d + 1));
    uint32_t row[200];
    bool patched[200] = {false};
    for (size_t i = 0; i < n; i++)
        if ((patched[i] = draw(state) % 3)) row[some++] = (uint32_t)i;
    struct raml_low_rank_rows f = {bf16, x, y, width, d, N, rank, bias ? NULL : right, left, row, some};
    ops->low_rank(&f);
    f.y = want;
    REF->low_rank(&f);
    for (size_t i = 0; i < n * width; i++) {
        bool touched = patched[i / width] && i % width < N;
        double got = act_at(bf16, y, i), expected = act_at(bf16, touched ? want : before, i);
        if (!(fabs(got - expected) <= (touched ? bound : 0)))
            fail_msg("low_rank, rank %zu: %g at %zu, expected %g", rank, got, i, expected);
    }
    drop(x, n * d * act_bytes(bf16)), drop(y, bytes), drop(want, bytes), drop(before, bytes);
    drop(left, rank * N * 4), drop(right, rank * d * 4);
}
static void check_gram(const struct raml_ops *ops, bool bf16, size_t n, size_t d, uint64_t *state)
{
    if (bf16) return;
    float *x = random_f32(n * d, 1, state);
    double *g = guarded(n * n * 8), *want = guarded(n * n * 8);
    ops->gram(g, x, n, d);
    REF->gram(want, x, n, d);
    for (size_t i = 0; i < n * n; i++)
        if (!(fabs(g[i] - want[i]) <= 1.2e-16 * (double)(d + 1) * (double)(d + 1))) /* d roundings of sums up to d */
            fail_msg("gram of %zu x %zu: %g, expected %g", n, d, g[i], want[i]);
    drop(x, n * d * 4), drop(g, n * n * 8), drop(want, n * n * 8);
}
static void low_rank(const struct raml_ops *ops, bool bf16)
{
    each_size(ops, bf16, check_low_rank);
    each_size(ops, bf16, check_gram);
}

static void test_embed(void **state)
{
    (void)state;
    each_level(embed);
}
static void test_low_rank(void **state)
{
    (void)state;
    each_level(low_rank);
}
static void test_norm(void **state)
{
    (void)state;
    each_level(norm);
}
static void test_norm_back(void **state)
{
    (void)state;
    each_level(norm_back);
}
static void test_silu(void **state)
{
    (void)state;
    each_level(silu);
}
static void test_silu_far(void **state)
{
    (void)state;
    each_level(silu_far);
}
static void test_moves(void **state)
{
    (void)state;
    each_level(moves);
}
static void test_to_act(void **state)
{
    (void)state;
    each_level(to_act);
}

static void gelu_far_level(const struct raml_ops *ops, bool bf16)
{
    if (bf16) return;
    gelu_far(ops);
    gelu_slopes(ops);
    gelu_slopes(REF);
}
static void test_gelu(void **state)
{
    (void)state;
    each_level(gelu);
    each_level(gelu_far_level);
}
static void test_scale_add(void **state)
{
    (void)state;
    each_level(scale_add);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gelu),      cmocka_unit_test(test_scale_add),
                                       cmocka_unit_test(test_embed),     cmocka_unit_test(test_norm),
                                       cmocka_unit_test(test_norm_back), cmocka_unit_test(test_silu),
                                       cmocka_unit_test(test_silu_far),  cmocka_unit_test(test_moves),
                                       cmocka_unit_test(test_to_act),    cmocka_unit_test(test_low_rank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
