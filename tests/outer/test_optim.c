/* AdamW against a reference in double and numbers by hand; the gradient's norm and clipping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "outer/optim.h"
#include "raml/rng.h"

#include "check_near.h"
#include "device/far.h"

static struct raml_device *dev;

/* One step with the host's gradient and weights. */
static void take_step(struct raml_adamw *o, const struct raml_param *table, size_t n_params, double lr, double scale,
                      const float *grad, float *weight)
{
    struct raml_err err = {0};
    size_t bytes = o->n * sizeof *grad;
    float *g = raml_array_new(dev, 1, bytes), *w = raml_array_new(dev, 1, bytes);
    assert_non_null(g);
    assert_non_null(w);
    CHECK_OK(raml_array_write(dev, g, grad, bytes, &err));
    CHECK_OK(raml_array_write(dev, w, weight, bytes, &err));
    CHECK_OK(raml_adamw_step(o, table, n_params, lr, scale, g, w, &err));
    CHECK_OK(raml_array_read(dev, weight, w, bytes, &err));
    raml_array_free(dev, g);
    raml_array_free(dev, w);
}

static double norm_of(const float *grad, size_t n)
{
    struct raml_err err = {0};
    double out = -1;
    float *g = raml_array_new(dev, n, sizeof *g);
    assert_non_null(g);
    CHECK_OK(raml_array_write(dev, g, grad, n * sizeof *g, &err));
    CHECK_OK(raml_grad_norm(dev, g, n, &out, &err));
    raml_array_free(dev, g);
    return out;
}

/* By hand. Step 1 from zero moments: m / (1 - b1) = g, sqrt(v / (1 - b2)) = |g|, so p moves by lr g / (|g| + eps).
 * Step 2 of the first row, g = 1 then -2, b1 = 0.9, b2 = 0.99: m = -0.11, v = 0.0499; bias-corrected -0.11 / 0.19 and
 * 0.0499 / 0.0199. */
static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        double lr, wd, scale;
        bool decay;
        float w, g[2];
        double want[2];
    } cases[] = {
        {"plain", 0.1, 0, 1, true, 1, {1, -2}, {0.9, 0.9365607713334883}},
        {"decayed", 0.1, 0.5, 1, true, 1, {1, -2}, {0.85, 0.8440607713334883}},
        {"no decay on this one", 0.1, 0.5, 1, false, 1, {1, -2}, {0.9, 0.9365607713334883}},
        {"clipped", 0.1, 0, 0.25, true, 1, {4, -8}, {0.9, 0.9365607713334883}},
        {"no gradient: only decay", 0.1, 0.5, 1, true, 1, {0, 0}, {0.95, 0.9025}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_adamw o = {0};
        struct raml_adamw_options opt = {0.9, 0.99, 1e-8, cases[i].wd};
        struct raml_param p = {.offset = 0, .n = 1, .decay = cases[i].decay};
        float w = cases[i].w;
        CHECK_OK(raml_adamw_init(&o, dev, &opt, 1, &err));
        for (int t = 0; t < 2; t++) {
            take_step(&o, &p, 1, cases[i].lr, cases[i].scale, &cases[i].g[t], &w);
            CHECK_NEAR(cases[i].what, w, cases[i].want[t], 1e-7);
        }
        assert_int_equal(o.step, 2);
        raml_adamw_deinit(&o);
    }
}

static void reference(double *w, double *m, double *v, double g, double lr, double wd, double t)
{
    *m = 0.9 * *m + 0.1 * g;
    *v = 0.95 * *v + 0.05 * g * g;
    *w -= lr * wd * *w;
    *w -= lr * (*m / (1 - pow(0.9, t))) / (sqrt(*v / (1 - pow(0.95, t))) + 1e-8);
}

enum { N = 70001 }; /* several pieces and a tail */
static const struct raml_param views[] = {
    {.name = "a.weight", .offset = 0, .n = 20000, .decay = true},
    {.name = "a.bias", .offset = 20000, .n = 7, .decay = false},
    {.name = "b.weight", .offset = 20007, .n = N - 20007 - 3, .decay = true}, /* 3 elements belong to no view */
};

static float *noise(size_t n, uint32_t sample, double size)
{
    struct raml_key key = {.seed = 1, .purpose = RAML_FOR_TEST, .question = 0, .sample = sample};
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(size * raml_normal(&key, i));
    return x;
}

static void run_steps(float *w, int n_steps)
{
    struct raml_err err = {0};
    struct raml_adamw o = {0};
    struct raml_adamw_options opt = {0.9, 0.95, 1e-8, 0.1};
    CHECK_OK(raml_adamw_init(&o, dev, &opt, N, &err));
    for (int t = 1; t <= n_steps; t++) {
        float *g = noise(N, (uint32_t)t, 0.01);
        take_step(&o, views, COUNT(views), 1e-2, 0.5, g, w);
        free(g);
    }
    raml_adamw_deinit(&o);
}

static void test_against_reference(void **state)
{
    (void)state;
    float *w = noise(N, 0, 1), *before = noise(N, 0, 1);
    double *want = calloc(3 * N, sizeof *want);
    assert_non_null(want);
    double *m = want + N, *v = want + 2 * N;
    for (size_t i = 0; i < N; i++) want[i] = w[i];
    run_steps(w, 10);
    for (int t = 1; t <= 10; t++) {
        float *g = noise(N, (uint32_t)t, 0.01);
        for (size_t p = 0; p < COUNT(views); p++)
            for (size_t i = views[p].offset; i < views[p].offset + views[p].n; i++)
                reference(want + i, m + i, v + i, 0.5 * (double)g[i], 1e-2, views[p].decay ? 0.1 : 0, t);
        free(g);
    }
    for (size_t i = 0; i < N; i++) CHECK_NEAR("weight", w[i], want[i], 3e-6);
    assert_memory_equal(w + N - 3, before + N - 3, 3 * sizeof *w);
    free(w);
    free(before);
    free(want);
}

static void test_threads(void **state)
{
    (void)state;
    float *one = noise(N, 0, 1), *three = noise(N, 0, 1), *g = noise(3000001, 9, 1);
    struct raml_err err = {0};
    struct raml_device *first = dev;
    run_steps(one, 3);
    double norm1 = norm_of(g, 3000001);
    CHECK_OK(far_device_open(3, "auto", &dev, &err));
    run_steps(three, 3);
    double norm3 = norm_of(g, 3000001);
    raml_device_close(dev);
    dev = first;
    assert_memory_equal(one, three, N * sizeof *one);
    assert_memory_equal(&norm1, &norm3, sizeof norm1);
    double want = 0;
    for (size_t i = 0; i < 3000001; i++) want += (double)g[i] * (double)g[i];
    CHECK_NEAR("norm", norm1, sqrt(want), 1e-9 * sqrt(want));
    free(one);
    free(three);
    free(g);
}

static void test_norm_and_clip(void **state)
{
    (void)state;
    float g[9] = {3, 0, 0, 0, 0, 0, 0, 0, -4};
    CHECK_NEAR("3, 4, 5", norm_of(g, 9), 5, 0);
    CHECK_NEAR("empty", norm_of(g, 0), 0, 0);
    g[4] = INFINITY;
    assert_true(isinf(norm_of(g, 9)));
    g[4] = NAN;
    assert_true(isnan(norm_of(g, 9)));
    CHECK_NEAR("clipped", raml_clip_scale(5, 1), 0.2, 1e-15);
    CHECK_NEAR("below", raml_clip_scale(0.5, 1), 1, 0);
    CHECK_NEAR("off", raml_clip_scale(5, 0), 1, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct raml_adamw_options opt;
        const char *want;
    } cases[] = {
        {{1.0, 0.9, 1e-8, 0}, "adam_beta1 is 1; expected 0 or more and below 1"},
        {{0.9, NAN, 1e-8, 0}, "adam_beta2 is nan; expected 0 or more and below 1"},
        {{0.9, 0.9, 0, 0}, "adam_epsilon is 0; expected a positive number"},
        {{0.9, 0.9, 1e-8, -1}, "weight_decay is -1; expected 0 or more"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_adamw o = {0};
        assert_int_equal(raml_adamw_init(&o, dev, &cases[i].opt, 4, &err), RAML_ERANGE);
        assert_string_equal(err.msg, cases[i].want);
        assert_null(o.m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),       cmocka_unit_test(test_against_reference), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_norm_and_clip), cmocka_unit_test(test_refused),
    };
    if (far_device_open(1, "auto", &dev, NULL)) return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    raml_device_close(dev);
    return rc;
}
