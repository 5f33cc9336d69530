/* oneDNN's products against sums in double, at awkward sizes; and that, in bf16, a row's result has the same bits in
 * any batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"

static struct raml_device *dev;

static int open_device(void **state)
{
    (void)state;
    struct raml_err err = {0};
    return raml_device_open(2, "auto", &dev, &err) ? -1 : 0;
}
static int close_device(void **state)
{
    (void)state;
    raml_device_close(dev);
    return 0;
}
static int kinds(void) /* 1: f32 only; 2: bf16 too */
{
    if (raml_mm_has_bf16(dev->mm)) return 2;
    fprintf(stderr, "bf16 products not checked: this processor has none\n");
    return 1;
}

/* One product y[M, N] = sum over k of a(m, k) b(n, k) (+ start), element by element. The bound is that of any order of
 * summation in f32 (Higham 2002, section 3.1): (K + 1) 2^-24 sum |a b|, and one rounding where y is bf16. */
struct view { /* element (i, k) of an operand at i * step_i + k * step_k */
    bool bf16;
    const void *p;
    size_t step_i, step_k;
};
static void check_product(const char *what, const struct view *a, const struct view *b, size_t M, size_t N, size_t K,
                          const float *start, bool y_bf16, const void *y)
{
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double sum = start ? start[m * N + n] : 0, size = fabs(sum);
            for (size_t k = 0; k < K; k++) {
                double t = act_at(a->bf16, a->p, m * a->step_i + k * a->step_k) *
                           act_at(b->bf16, b->p, n * b->step_i + k * b->step_k);
                sum += t;
                size += fabs(t);
            }
            double got = act_at(y_bf16, y, m * N + n);
            double tol = (double)(K + 1) * size * 0x1p-24 + (y_bf16 ? fabs(sum) / 256 : 0);
            if (!(fabs(got - sum) <= tol))
                fail_msg("%s: M %zu N %zu K %zu: element (%zu, %zu): got %.9g, expected %.9g", what, M, N, K, m, n, got,
                         sum);
        }
}

/* The weights in the type that the product reads them in. */
static void *weights_as_act(bool bf16, const float *w, size_t n)
{
    void *p = guarded(n * act_bytes(bf16));
    for (size_t i = 0; i < n; i++) act_put(bf16, p, i, w[i]);
    return p;
}

static void check_forward(const struct raml_weight *w, const void *act_w, size_t n, bool y_f32, bool add,
                          uint64_t *state)
{
    size_t rows = raml_mm_rows(n), out = y_f32 || !w->bf16 ? 4 : 2;
    struct raml_err err = {0};
    void *x = random_act(w->bf16, rows * w->K, 1, state), *y = guarded(rows * w->N * out);
    float *start = random_f32(rows * w->N, 1, state);
    if (add) memcpy(y, start, rows * w->N * out);
    if (raml_mm_forward(dev->mm, w, x, n, y, y_f32, add, &err)) fail_msg("%s", err.msg);
    struct view a = {w->bf16, x, w->K, 1}, b = {w->bf16, act_w, w->K, 1};
    check_product("forward", &a, &b, n, w->N, w->K, add ? start : NULL, out == 2, y);
    drop(x, rows * w->K * act_bytes(w->bf16));
    drop(y, rows * w->N * out);
    drop(start, rows * w->N * 4);
}

static void check_backward(const struct raml_weight *w, const void *act_w, size_t n, bool dx_f32, bool add,
                           uint64_t *state)
{
    size_t rows = raml_mm_rows(n), out = dx_f32 || !w->bf16 ? 4 : 2;
    struct raml_err err = {0};
    void *dy = random_act(w->bf16, rows * w->N, 1, state), *dx = guarded(rows * w->K * out);
    float *start = random_f32(rows * w->K, 1, state);
    if (add) memcpy(dx, start, rows * w->K * out);
    if (raml_mm_backward(dev->mm, w, dy, n, dx, dx_f32, add, &err)) fail_msg("%s", err.msg);
    struct view a = {w->bf16, dy, w->N, 1}, b = {w->bf16, act_w, 1, w->K};
    check_product("backward", &a, &b, n, w->K, w->N, add ? start : NULL, out == 2, dx);
    drop(dy, rows * w->N * act_bytes(w->bf16));
    drop(dx, rows * w->K * out);
    drop(start, rows * w->K * 4);
}

static void check_weight_grad(bool bf16, size_t N, size_t K, size_t n, uint64_t *state)
{
    size_t rows = raml_mm_rows(n), s = act_bytes(bf16);
    struct raml_err err = {0};
    void *dyt = random_act(bf16, N * rows, 1, state), *x = random_act(bf16, rows * K, 1, state);
    for (size_t i = 0; i < N; i++) memset((char *)dyt + (i * rows + n) * s, 0, (rows - n) * s);
    float *dw = random_f32(N * K, 1, state), *start = copy_of(dw, N * K * 4);
    if (raml_mm_weight_grad(dev->mm, bf16, dyt, x, n, N, K, dw, &err)) fail_msg("%s", err.msg);
    struct view a = {bf16, dyt, rows, 1}, b = {bf16, x, 1, K};
    check_product("weight gradient", &a, &b, N, K, n, start, false, dw);
    drop(dyt, N * rows * s);
    drop(x, rows * K * s);
    drop(dw, N * K * 4);
    drop(start, N * K * 4);
}

static void test_against_double(void **state)
{
    (void)state;
    static const struct {
        size_t N, K, n;
    } shapes[] = {{1, 1, 1},     {1, 7, 3},     {2, 1, 8},     {3, 130, 9},   {7, 5, 31},    {8, 8, 33},
                  {13, 17, 64},  {16, 16, 65},  {31, 33, 100}, {37, 64, 1},   {64, 37, 127}, {65, 48, 40},
                  {97, 101, 63}, {127, 2, 129}, {128, 64, 7},  {130, 1, 200}, {1, 130, 16},  {101, 113, 192}};
    uint64_t seed = 1;
    int n_kinds = kinds();
    for (int kind = 0; kind < n_kinds; kind++)
        for (size_t i = 0; i < COUNT(shapes); i++) {
            struct raml_err err = {0};
            bool bf16 = kind == 1;
            size_t N = shapes[i].N, K = shapes[i].K, n = shapes[i].n;
            float *value = random_f32(N * K, 1, &seed);
            void *act_w = weights_as_act(bf16, value, N * K);
            struct raml_weight w;
            if (raml_weight_init(dev->mm, &w, N, K, bf16, true, &err)) fail_msg("%s", err.msg);
            if (raml_weight_fill(dev->mm, &w, value, &err)) fail_msg("%s", err.msg);
            check_same("row-major copy", w.row_major, act_w, N * K * act_bytes(bf16));
            for (int add = 0; add < 2; add++) {
                check_forward(&w, act_w, n, true, add, &seed);
                check_backward(&w, act_w, n, true, add, &seed);
            }
            if (bf16) check_forward(&w, act_w, n, false, false, &seed);
            if (bf16) check_backward(&w, act_w, n, false, false, &seed);
            check_weight_grad(bf16, N, K, n, &seed);
            raml_weight_deinit(&w);
            drop(value, N * K * 4);
            drop(act_w, N * K * act_bytes(bf16));
        }
}

/* A row's result must not depend on its batch: sampling gives the same tokens for any batch size. Batches
 * cover every chunk of rows that matmul.c knows. */
static const size_t batches[] = {1,  2,  7,  8,  9,  15, 16,  17,  24,  31,  32,  33,  40,  47,   48,   55,   56,
                                 57, 63, 64, 65, 72, 96, 100, 128, 129, 200, 256, 500, 512, 1000, 1024, 2000, 4096};

static void check_invariance(bool bf16, bool y_f32, size_t N, size_t K, size_t most, uint64_t *state)
{
    struct raml_err err = {0};
    struct raml_weight w;
    size_t rows = raml_mm_rows(most), row_bytes = N * (y_f32 || !bf16 ? 4 : 2), x_row = K * act_bytes(bf16), bad = 0;
    float *value = random_f32(N * K, 1, state);
    char *x = random_act(bf16, rows * K, 1, state), *want = guarded(rows * row_bytes), *y = guarded(rows * row_bytes);
    if (raml_weight_init(dev->mm, &w, N, K, bf16, false, &err)) fail_msg("%s", err.msg);
    if (raml_weight_fill(dev->mm, &w, value, &err)) fail_msg("%s", err.msg);
    if (raml_mm_forward(dev->mm, &w, x, most, want, y_f32, false, &err)) fail_msg("%s", err.msg);
    for (size_t i = 0; i < COUNT(batches) && batches[i] <= most; i++) {
        /* somewhere in the middle, so that a row also changes its place in the batch; later rows are different */
        size_t n = batches[i], first = (most - n) / 3, here_bytes = raml_mm_rows(n) * x_row;
        char *here = guarded(here_bytes);
        memset(here, 0x3e, here_bytes);
        memcpy(here, x + first * x_row, n * x_row);
        if (raml_mm_forward(dev->mm, &w, here, n, y, y_f32, false, &err)) fail_msg("%s", err.msg);
        if (memcmp(y, want + first * row_bytes, n * row_bytes)) {
            print_error("%s to %s, N %zu K %zu: rows of a batch of %zu differ from those of %zu\n",
                        bf16 ? "bf16" : "f32", y_f32 ? "f32" : "act", N, K, n, most);
            bad++;
        }
        drop(here, here_bytes);
    }
    raml_weight_deinit(&w);
    drop(value, N * K * 4);
    drop(x, rows * x_row);
    drop(y, rows * row_bytes);
    drop(want, rows * row_bytes);
    assert_int_equal(bad, 0);
}

static void test_row_invariance(void **state)
{
    (void)state;
    static const struct {
        size_t N, K, most;
    } shapes[] = {{1, 1, 4096},     {37, 12, 4096},   {41, 37, 4096},    {128, 128, 4096}, {704, 128, 4096},
                  {256, 256, 4096}, {512, 256, 4096}, {1408, 256, 4096}, {256, 704, 4096}, {512, 1408, 512},
                  {1152, 896, 512}, {896, 4864, 256}, {1408, 1000, 512}, {768, 3072, 512}, {101, 130, 4096},
                  {261, 32, 4096},  {32, 32, 4096},   {64, 32, 4096},    {16, 32, 4096},   {32, 64, 4096},
                  {261, 64, 4096},  {96, 32, 4096}};
    uint64_t seed = 2;
    int n_kinds = kinds();
    for (size_t i = 0; i < COUNT(shapes) && n_kinds > 1; i++) { /* f32 products are not used: cpu/product.h */
        check_invariance(true, true, shapes[i].N, shapes[i].K, shapes[i].most, &seed);
        check_invariance(true, false, shapes[i].N, shapes[i].K, shapes[i].most, &seed);
    }
}

/* Skinny products against simple loops: |error| <= (K + 4) 2^-24 sum |x w|, and half a unit of bf16 more. */
static void check_skinny(const struct raml_ops *ops, size_t n, size_t N, size_t K, size_t chunk, bool y_f32,
                         uint64_t *state)
{
    size_t w_n = (N + 63) / 64 * 64 * K, bytes = n * N * (y_f32 ? 4 : 2);
    uint16_t *x = random_act(true, n * K, 1, state), *w = random_act(true, w_n, 1, state);
    void *got = guarded(bytes), *want = guarded(bytes);
    struct raml_skinny f = {x, w, got, y_f32, n, N, K, chunk};
    ops->skinny_gemm(&f);
    f.y = want;
    raml_ops_ref.skinny_gemm(&f);
    for (size_t i = 0; i < n * N; i++) {
        double a = act_at(!y_f32, got, i), b = act_at(!y_f32, want, i), size = 0;
        for (size_t k = 0; k < K; k++)
            size += fabs(
                act_at(true, x, i / N * K + k) *
                act_at(true, w, (i % N / 64 * (K / 32) + k / 32) * 2048 + k % 32 / 2 * 128 + i % N % 64 * 2 + k % 2));
        double tol = (double)(K + 4) * 6e-8 * size + (y_f32 ? 0 : fabs(b) / 128);
        if (!(fabs(a - b) <= tol)) fail_msg("n %zu N %zu K %zu chunk %zu: y[%zu] %g, not %g", n, N, K, chunk, i, a, b);
    }
    drop(x, n * K * 2);
    drop(w, w_n * 2);
    drop(got, bytes);
    drop(want, bytes);
}

static void test_skinny(void **state)
{
    (void)state;
    static const size_t N[] = {1, 15, 16, 17, 63, 64, 65, 130}, K[] = {32, 64, 96, 320};
    uint64_t seed = 4;
    if (!dev->ops->skinny_gemm) {
        fprintf(stderr, "this processor has no skinny products: not checked\n");
        return;
    }
    for (size_t i = 0; i < COUNT(N); i++)
        for (size_t j = 0; j < COUNT(K); j++)
            for (size_t n = 1; n <= RAML_SKINNY; n++)
                check_skinny(dev->ops, n, N[i], K[j], 1 + n % 4, (n + i) % 2, &seed);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 5000; n++) {
        size_t rows = raml_mm_rows(n);
        if (rows < n || rows - n > 255) fail_msg("%zu rows are rounded to %zu", n, rows);
    }
    assert_int_equal(raml_mm_rows(0), 0);
    assert_int_equal(raml_mm_rows(1), 64);
    assert_int_equal(raml_mm_rows(64), 64);
    assert_int_equal(raml_mm_rows(65), 128);
    assert_int_equal(raml_mm_rows(513), 768);
}

/* The trial agrees with this test: where it finds nothing, rows are the same in any batch. */
static void test_trial(void **state)
{
    (void)state;
    uint64_t seed = 6;
    int n_kinds = kinds();
    for (int kind = 0; kind < n_kinds; kind++) {
        char why[128] = "";
        bool good = raml_mm_trial(dev->ops, kind == 1, why, sizeof why) == RAML_MM_GOOD;
        fprintf(stderr, "%s products: %s\n", kind ? "bf16" : "f32", good ? "no fault found" : why);
        assert_true(good == !why[0]);
        if (good) check_invariance(kind == 1, true, 37, 12, 64, &seed);
        else assert_non_null(strstr(why, " products of "));
    }
}

static void test_too_many_shapes(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_mm *mm;
    if (raml_mm_open(dev->ops, &mm, &err)) fail_msg("%s", err.msg);
    struct raml_weight w;
    enum raml_code rc = RAML_OK;
    size_t n = 0;
    while (!rc && n < 1000) {
        rc = raml_weight_init(mm, &w, n + 1, 3, false, false, &err);
        if (!rc) raml_weight_deinit(&w), n++;
    }
    assert_int_equal(n, 64);
    assert_int_equal(rc, RAML_ENOMEM);
    assert_string_equal(err.msg, "more than 64 shapes of weights");
    if (raml_weight_init(mm, &w, 5, 3, false, false, &err)) fail_msg("%s", err.msg); /* a known one still works */
    raml_weight_deinit(&w);
    raml_mm_close(mm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),           cmocka_unit_test(test_skinny),
                                       cmocka_unit_test(test_against_double), cmocka_unit_test(test_row_invariance),
                                       cmocka_unit_test(test_trial),          cmocka_unit_test(test_too_many_shapes)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
