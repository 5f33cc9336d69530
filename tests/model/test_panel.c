/* Panels of weights: each type's numbers against the file's (store/blocks.h), bit for bit, at every level that this
 * processor runs; and skinny products against simple chains of fmaf. */
#include "core/scratch.h"
#include "device/cpu/panel.h"
#include "device/impl.h"
#include "store/blocks.h"

#include "raml/gguf.h"
#include "raml/rng.h"

#include <math.h>

enum { ROWS = RAML_PANEL_ROWS, SHIELD = 64 /* floats around outputs */ };

static const struct kind {
    enum raml_type type;
    uint32_t ggml;
    int halves[2]; /* offsets of a block's f16 scales; -1: none */
} kinds[] = {
    {RAML_TYPE_F32, RAML_GGML_F32, {-1, -1}},    {RAML_TYPE_BF16, RAML_GGML_BF16, {-1, -1}},
    {RAML_TYPE_F16, RAML_GGML_F16, {-1, -1}},    {RAML_TYPE_Q8_0, RAML_GGML_Q8_0, {0, -1}},
    {RAML_TYPE_Q4_0, RAML_GGML_Q4_0, {0, -1}},   {RAML_TYPE_Q4_1, RAML_GGML_Q4_1, {0, 2}},
    {RAML_TYPE_Q5_0, RAML_GGML_Q5_0, {0, -1}},   {RAML_TYPE_Q5_1, RAML_GGML_Q5_1, {0, 2}},
    {RAML_TYPE_Q4_K, RAML_GGML_Q4_K, {0, 2}},    {RAML_TYPE_Q5_K, RAML_GGML_Q5_K, {0, 2}},
    {RAML_TYPE_Q6_K, RAML_GGML_Q6_K, {208, -1}},
};

struct level {
    const char *name;
    const struct raml_panel_ops *ops;
};

/* Calls the test for the reference and each level that this processor runs. */
static void each_level(void (*test)(const struct level *l, const struct kind *t))
{
    static const char *const levels[] = {"ref", "base", "avx2", "avx512", "avx512bf16"};
    int done = 0;
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct level l = {levels[i], raml_panel_ops(levels[i])};
        struct raml_err err = {0};
        struct raml_device *dev = NULL;
        if (!l.ops) continue;
        if (raml_device_open(1, l.name, &dev, &err)) {
            print_message("level %s not checked: %s\n", l.name, err.msg);
            continue;
        }
        raml_device_close(dev);
        for (size_t k = 0; k < COUNT(kinds); k++) test(&l, &kinds[k]);
        done++;
    }
    assert_true(done >= 2); /* the reference and one that is fast */
}

static uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static void check_bits(const struct level *l, const struct kind *t, const char *what, size_t i, float got, float want)
{
    if (bits_of(got) != bits_of(want))
        fail_msg("%s, %s: %s %zu: got %a, expected %a", l->name, raml_type_name(t->type), what, i, (double)got,
                 (double)want);
}

static void put_half(unsigned char *p, unsigned h)
{
    p[0] = (unsigned char)(h & 255);
    p[1] = (unsigned char)(h >> 8);
}

/* [N, K] random bytes whose numbers are finite; scales go through all finite halves, from `half` on. small: numbers
 * about 1 in magnitude, so that sums of products stay finite and rounding matters. */
static unsigned char *draw_matrix(const struct kind *t, size_t N, size_t K, bool small, unsigned *half)
{
    size_t block = raml_type_block(t->type), size = raml_type_block_bytes(t->type), n = N * K / block;
    unsigned char *p = malloc(n * size + 1);
    struct raml_rng r = {.key = {.seed = 5 + N * K, .purpose = RAML_FOR_TEST}};
    assert_non_null(p);
    for (size_t i = 0; i < n * size; i++) p[i] = (unsigned char)raml_rng_below(&r, 256);
    for (size_t i = 0; i < n; i++) {
        unsigned char *b = p + i * size;
        for (int j = 0; j < 2 && t->halves[j] >= 0; j++, ++*half)
            put_half(b + t->halves[j], (small ? 0x1c00 + *half % 1024 : *half % 0x7c00) | (*half * 7 / 3 & 1) << 15);
        if (t->type == RAML_TYPE_F32) {
            float x = (float)(2 * raml_rng_uniform(&r) - 1) * (small ? 1 : 1e30f);
            memcpy(b, &x, 4);
        } else if (t->type == RAML_TYPE_BF16) {
            put_half(b, small ? 0x3f00 + raml_rng_below(&r, 256) : *half % 0x7f80 | (*half & 1) << 15);
            ++*half;
        } else if (t->type == RAML_TYPE_F16) {
            put_half(b, small ? 0x3800 + raml_rng_below(&r, 2048) : *half % 0x7c00 | (*half & 1) << 15);
            ++*half;
        }
    }
    return p;
}

/* W as panels, aligned to 64, with nothing after them. */
static void *packed(const struct kind *t, const unsigned char *w, size_t N, size_t K)
{
    size_t bytes = raml_panel_bytes(t->type, K), row_bytes = raml_type_bytes(t->type, K), P = (N + ROWS - 1) / ROWS;
    unsigned char *out = aligned_alloc(64, P * bytes);
    assert_non_null(out);
    for (size_t p = 0; p < P; p++) {
        const void *row[ROWS];
        for (size_t c = 0; c < ROWS; c++) row[c] = p * ROWS + c < N ? w + (p * ROWS + c) * row_bytes : NULL;
        raml_panel_pack(t->type, out + p * bytes, row, K);
    }
    return out;
}

/* The columns [k0, k0 + n) of a panel, with guards around the output, which must not change. */
static void check_expand(const struct level *l, const struct kind *t, const void *panel, const float *want, size_t rows,
                         size_t K, size_t k0, size_t n)
{
    float *out = malloc((n * ROWS + 2 * SHIELD) * sizeof *out), *got = out + SHIELD;
    assert_non_null(out);
    for (size_t i = 0; i < n * ROWS + 2 * SHIELD; i++) out[i] = 12345;
    l->ops->expand(t->type, panel, k0, n, got);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < ROWS; c++)
            check_bits(l, t, "element", i * ROWS + c, got[i * ROWS + c], c < rows ? want[c * K + k0 + i] : 0);
    for (size_t i = 0; i < SHIELD; i++) assert_true(out[i] == 12345 && got[n * ROWS + i] == 12345);
    free(out);
}

static void elements_of(const struct level *l, const struct kind *t)
{
    static const size_t unblocked[] = {1, 2, 7, 31, 32, 33, 255, 256, 257, 512},
                        many[] = {1, 2, 3, 7, 8, 9, 16, 17, 40};
    size_t block = raml_type_block(t->type), n_sizes = block > 1 ? block == 256 ? 3 : COUNT(many) : COUNT(unblocked);
    unsigned half = 0;
    for (size_t s = 0; s < n_sizes || half < 0x7c00 * 2; s++) {
        size_t K = block > 1 ? block * many[s % COUNT(many)] : unblocked[s % COUNT(unblocked)], rows = s % ROWS + 1;
        unsigned char *w = draw_matrix(t, rows, K, false, &half);
        float *want = malloc(rows * K * sizeof *want);
        assert_non_null(want);
        assert_int_equal(raml_blocks_f32(t->ggml, w, rows * K, want), rows * K); /* all finite */
        void *panel = packed(t, w, rows, K);
        for (size_t k0 = 0; k0 < K && s < 2 * n_sizes; k0 += 256)
            check_expand(l, t, panel, want, rows, K, k0, K - k0 < 256 ? K - k0 : 256);
        check_expand(l, t, panel, want, rows, K, 0, K);
        for (size_t k0 = 32; k0 < K && s < 2 * n_sizes; k0 += 96)
            check_expand(l, t, panel, want, rows, K, k0, K - k0 < 32 ? K - k0 : 32);
        free(panel);
        free(want);
        free(w);
        if (t->type == RAML_TYPE_F32 && s >= n_sizes) break;
    }
}

static void skinny_of(const struct level *l, const struct kind *t)
{
    static const size_t outputs[] = {1, 7, 15, 16, 17, 33, 64, 65, 145};
    size_t block = raml_type_block(t->type);
    struct raml_rng r = {.key = {.seed = 9, .purpose = RAML_FOR_TEST}};
    unsigned half = 0;
    for (size_t s = 0; s < COUNT(outputs) * RAML_SKINNY_ROWS; s++) {
        size_t N = outputs[s % COUNT(outputs)], R = s % RAML_SKINNY_ROWS + 1,
               K = block > 1 ? block * (s % 3 + 1) : s + 1;
        size_t ldx = K + s % 5, ldy = N + s % 3;
        float *x = malloc(R * ldx * sizeof *x), *w = malloc(N * K * sizeof *w);
        float *y = malloc((R * ldy + SHIELD) * sizeof *y), *want = malloc((R * ldy + SHIELD) * sizeof *y);
        assert_true(x && w && y && want);
        for (size_t i = 0; i < R * ldx; i++) x[i] = (float)(2 * raml_rng_uniform(&r) - 1);
        for (size_t i = 0; i < R * ldy + SHIELD; i++) y[i] = want[i] = (float)raml_rng_uniform(&r);
        unsigned char *file = draw_matrix(t, N, K, true, &half);
        raml_blocks_f32(t->ggml, file, N * K, w);
        void *panels = packed(t, file, N, K);
        struct raml_skinny_panels f = {.type = t->type,
                                       .R = R,
                                       .K = K,
                                       .x = x,
                                       .ldx = ldx,
                                       .panels = panels,
                                       .N = N,
                                       .y = y,
                                       .ldy = ldy,
                                       .add = s / 2 % 2};
        l->ops->skinny(&f);
        for (size_t i = 0; i < R; i++)
            for (size_t j = 0; j < N; j++) {
                float sum = f.add ? want[i * ldy + j] : 0;
                for (size_t k = 0; k < K; k++) sum = fmaf(x[i * ldx + k], w[j * K + k], sum);
                want[i * ldy + j] = sum;
            }
        for (size_t i = 0; i < R * ldy + SHIELD; i++) check_bits(l, t, "output", i, y[i], want[i]);
        free(x);
        free(w);
        free(y);
        free(want);
        free(file);
        free(panels);
    }
}

static void elements(void **state)
{
    (void)state;
    each_level(elements_of);
}

static void skinny(void **state)
{
    (void)state;
    each_level(skinny_of);
}

/* No more bytes than the file has, except in the lines that panels end in. */
static void bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++)
        for (size_t k = 1; k <= 40; k++) {
            size_t K = k * raml_type_block(kinds[i].type), file = ROWS * raml_type_bytes(kinds[i].type, K);
            size_t got = raml_panel_bytes(kinds[i].type, K);
            assert_true(got >= file && got < file + 64 && got % 64 == 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),
        cmocka_unit_test(skinny),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
