/* The same bits at every level but the reference, for any number of threads, for any split of the rows into calls, and
 * on every machine: row kernels, activations in f32 and in bf16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bits_runs.h"
#include "bits_table.h"
#include "core/elementary.h"
#include "device/cpu/scalar.h"

#include <omp.h>

static const size_t rows_list[] = {1, 7, 17, 33, 100}, columns_list[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 100};
enum { CAPACITY = 4 << 20 };

static void perform(size_t kernel, const struct raml_ops *ops, bool bf16, size_t n, size_t d, size_t per_call,
                    int threads, struct run *r)
{
    unsigned char *out = r->out;
    *r = (struct run){
        .ops = ops, .bf16 = bf16, .n = n, .d = d, .per_call = per_call, .out = out, .state = 41 * n + d + kernel};
    omp_set_num_threads(threads);
    kernels[kernel].run(r);
    assert_true(r->used <= CAPACITY);
}

/* Levels that this machine runs, "base" first: plain C, what the others are compared with. */
static size_t open_levels(struct raml_device *dev[4])
{
    static const char *const levels[] = {"base", "avx2", "avx512", "avx512bf16"};
    size_t n = 0;
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct raml_err err = {0};
        if (!raml_device_open(1, levels[i], &dev[n], &err)) n++;
        else fprintf(stderr, "level %s not checked: %s\n", levels[i], err.msg);
    }
    assert_true(n >= 1 && !strcmp(raml_device_level(dev[0]), "base"));
    return n;
}
static void close_levels(struct raml_device *dev[4], size_t n)
{
    while (n-- > 0) raml_device_close(dev[n]);
}

/* One kernel and size: base in one call with one thread, then all levels with alternating splits and threads. */
static void compare(size_t kernel, struct raml_device *const *dev, size_t n_levels, bool bf16, size_t n, size_t d,
                    struct run *want, struct run *got)
{
    static const int threads[] = {1, 2, 3, 7};
    const size_t sizes_per_call[] = {n, n < 10 ? 1 : n / 4, (n + 1) / 2, n > 1 ? n - 1 : 1};
    perform(kernel, dev[0]->ops, bf16, n, d, n, 1, want);
    for (size_t l = 0; l < n_levels; l++)
        for (size_t t = 0; t < COUNT(threads); t++) {
            if (l == 0 && t != d % COUNT(threads)) continue; /* it is slow, and its loops are those of the others */
            size_t per_call = sizes_per_call[(n + d + t) % COUNT(sizes_per_call)];
            perform(kernel, dev[l]->ops, bf16, n, d, per_call, threads[t], got);
            assert_int_equal(got->used, want->used);
            for (size_t i = 0; i < want->used; i++)
                if (got->out[i] != want->out[i])
                    fail_msg("%s, level %s, %s, n %zu, d %zu, %zu rows per call, %d threads: byte %zu of %zu differs",
                             kernels[kernel].name, raml_device_level(dev[l]), bf16 ? "bf16" : "f32", n, d, per_call,
                             threads[t], i, want->used);
        }
}

static void test_levels(void **state)
{
    (void)state;
    struct raml_device *dev[4];
    struct run want = {.out = malloc(CAPACITY)}, got = {.out = malloc(CAPACITY)};
    size_t n_levels = open_levels(dev);
    assert_non_null(want.out);
    assert_non_null(got.out);
    memset(want.out, 0, CAPACITY), memset(got.out, 0, CAPACITY); /* gaps between outputs */
    for (size_t k = 0; k < COUNT(kernels); k++)
        for (size_t i = 0; i < COUNT(rows_list); i++)
            for (size_t j = 0; j < COUNT(columns_list); j++)
                for (int bf16 = 0; bf16 < 2; bf16++) {
                    memset(want.out, 0, want.used), memset(got.out, 0, got.used);
                    compare(k, dev, n_levels, bf16, rows_list[i], columns_list[j], &want, &got);
                }
    close_levels(dev, n_levels);
    free(want.out), free(got.out);
}

/* FNV-1a, 64 bits */
static uint64_t hash(const unsigned char *p, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* Against bits_table.h: other machines, compilers and C libraries give the same. */
static void test_table(void **state)
{
    (void)state;
    struct raml_device *dev[4];
    struct run r = {.out = malloc(CAPACITY)};
    size_t n_levels = open_levels(dev);
    int wrong = 0;
    assert_non_null(r.out);
    assert_int_equal(COUNT(table), COUNT(kernels));
    for (size_t l = 0; l < n_levels; l++)
        for (size_t k = 0; k < COUNT(kernels); k++) {
            uint64_t got[2];
            for (int bf16 = 0; bf16 < 2; bf16++) {
                memset(r.out, 0, CAPACITY);
                perform(k, dev[l]->ops, bf16, 33, 100, 33, 2, &r);
                got[bf16] = hash(r.out, r.used);
            }
            if (!strcmp(table[k].name, kernels[k].name) && got[0] == table[k].f32 && got[1] == table[k].bf16) continue;
            fprintf(stderr, "level %s: found {\"%s\", 0x%016llx, 0x%016llx},\n", raml_device_level(dev[l]),
                    kernels[k].name, (unsigned long long)got[0], (unsigned long long)got[1]);
            wrong++;
        }
    close_levels(dev, n_levels);
    free(r.out);
    assert_int_equal(wrong, 0);
}

/* exp: a lane's value is that of the scalar function, within 2 ulp of e^x. log: correctly rounded except for ties that
 * double can't resolve. */
static void test_one_number(void **state)
{
    (void)state;
    enum { N = 1 << 16 };
    struct raml_device *dev[4];
    size_t n_levels = open_levels(dev);
    float *z = malloc(N * sizeof *z), *w = malloc(N * sizeof *w);
    assert_non_null(z);
    assert_non_null(w);
    for (size_t i = 0; i < N; i++) z[i] = -87.29f + 87.29f * (float)i / (float)(N - 1);
    for (size_t l = 0; l < n_levels; l++) {
        dev[l]->ops->exp_all(w, z, N, 0, 1, NULL);
        for (size_t i = 0; i < N; i++) {
            double want = exp((double)z[i]);
            if (raml_exp_f32(z[i]) != w[i]) fail_msg("%s: exp(%.9g) alone differs", raml_device_level(dev[l]), z[i]);
            if (!(fabs((double)w[i] - want) <= 2 * 0x1p-24 * 2 * want)) fail_msg("exp(%.9g) = %.9g", z[i], w[i]);
        }
    }
    for (size_t i = 0; i < N; i++) {
        float x = raml_of_bits((uint32_t)(i * 32639 + 1)); /* up to the largest, denormals too */
        double want = log((double)x);
        if (!(fabs((double)raml_log_f32(x) - want) <= 0x1.001p-24 * fabs(want))) fail_msg("log(%g)", x);
    }
    assert_true(isnan(raml_exp_f32(NAN)) && isnan(raml_log_f32(NAN)) && isnan(raml_log_f32(-1)));
    assert_true(raml_log_f32(0) == -INFINITY && raml_log_f32(INFINITY) == INFINITY && raml_log_f32(1) == 0);
    close_levels(dev, n_levels);
    free(z), free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_levels), cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_one_number)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
