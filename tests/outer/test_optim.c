/* AdamW against a reference in double and numbers by hand; the gradient's norm and clipping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "device/backend.h"
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
        struct raml_adamw_options opt = {0.9, 0.99, 1e-8, cases[i].wd, false};
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
    struct raml_adamw_options opt = {0.9, 0.95, 1e-8, 0.1, false};
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

static void test_sgd(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_adamw o = {0};
    const struct raml_adamw_options opt = {0.9, 0.95, 1e-8, 0.1, true};
    float *w = noise(N, 0, 1), *before = noise(N, 0, 1), *g = noise(N, 1, 1);
    CHECK_OK(raml_adamw_init(&o, dev, &opt, N, &err));
    assert_null(o.m);
    take_step(&o, views, COUNT(views), 0.25, 0.5, g, w);
    assert_int_equal(o.step, 1);
    for (size_t p = 0; p < COUNT(views); p++)
        for (size_t i = views[p].offset; i < views[p].offset + views[p].n; i++)
            CHECK_NEAR("sgd", w[i],
                       (double)before[i] * (1 - 0.25 * (views[p].decay ? 0.1 : 0)) - 0.25 * 0.5 * (double)g[i], 1e-6);
    for (size_t i = N - 3; i < N; i++) assert_true(w[i] == before[i]);
    raml_adamw_deinit(&o);
    free(w);
    free(before);
    free(g);
}

/* -- The step's adjoint -------------------------------------------------------------------------------------------- */

enum { ARRAYS = 7 }; /* dw, dm, dv, dg; m, v, g */

/* c' (w', m', v') of a step from w = 0, as a function of one of m, v and g. */
static double scalar(const double c[3], double m, double v, double g)
{
    double m1 = 0.9 * m + 0.1 * g, v1 = 0.95 * v + 0.05 * g * g;
    return -c[0] * 0.01 * m1 / (sqrt(v1) * 2.5 + 1e-3) + c[1] * m1 + c[2] * v1;
}

static void test_adjoint(void **state)
{
    (void)state;
    const struct raml_backend *b = raml_backend_of(dev);
    struct raml_err err = {0};
    const struct raml_adamw_factors f = {.beta1 = 0.9F,
                                         .beta2 = 0.95F,
                                         .one_beta1 = 0.1F,
                                         .one_beta2 = 0.05F,
                                         .scale = 1,
                                         .step = 0.01F,
                                         .root = 2.5F,
                                         .epsilon = 1e-3F,
                                         .keep = 1};
    static const size_t sizes[] = {1, 17, N};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        size_t n = sizes[s];
        float *x[ARRAYS], *in[ARRAYS], *on[ARRAYS];
        for (uint32_t k = 0; k < ARRAYS; k++) {
            x[k] = noise(n, 20 + k, 1);
            in[k] = noise(n, 20 + k, 1);
            on[k] = raml_array_new(dev, n, sizeof **on);
            assert_non_null(on[k]);
        }
        for (size_t i = 0; i < n; i++) in[5][i] = x[5][i] = fabsf(x[5][i]);
        in[4][0] = x[4][0] = in[5][0] = x[5][0] = in[6][0] = x[6][0] = 0;
        for (size_t k = 0; k < ARRAYS; k++) CHECK_OK(raml_array_write(dev, on[k], x[k], n * sizeof **x, &err));
        b->adamw_back(dev, &f, on[0], on[1], on[2], on[3], on[4], on[5], on[6], n);
        for (size_t k = 0; k < ARRAYS; k++) CHECK_OK(raml_array_read(dev, x[k], on[k], n * sizeof **x, &err));
        for (size_t i = 1; i < n; i++) {
            const double c[3] = {in[0][i], in[1][i], in[2][i]}, m = in[4][i], v = in[5][i], g = in[6][i], h = 1e-6;
            double vh = v > 1e-3 ? h : v * 1e-3;
            CHECK_NEAR("by g", x[3][i], (scalar(c, m, v, g + h) - scalar(c, m, v, g - h)) / (2 * h), 1e-5);
            CHECK_NEAR("by m", x[1][i], (scalar(c, m + h, v, g) - scalar(c, m - h, v, g)) / (2 * h), 1e-5);
            CHECK_NEAR("by v", x[2][i], (scalar(c, m, v + vh, g) - scalar(c, m, v - vh, g)) / (2 * vh),
                       1e-5 * (1 + fabs((double)x[2][i])));
        }
        CHECK_NEAR("by g at 0", x[3][0], 0.1 * ((double)in[1][0] - (double)in[0][0] * 0.01 / 1e-3), 1e-5);
        for (size_t k = 0; k < ARRAYS; k++) {
            free(x[k]);
            free(in[k]);
            raml_array_free(dev, on[k]);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct raml_adamw_options opt;
        const char *want;
    } cases[] = {
        {{1.0, 0.9, 1e-8, 0, false}, "adam_beta1 is 1; expected 0 or more and below 1"},
        {{0.9, NAN, 1e-8, 0, false}, "adam_beta2 is nan; expected 0 or more and below 1"},
        {{0.9, 0.9, 0, 0, false}, "adam_epsilon is 0; expected a positive number"},
        {{0.9, 0.9, 1e-8, -1, false}, "weight_decay is -1; expected 0 or more"},
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
        cmocka_unit_test(test_norm_and_clip), cmocka_unit_test(test_refused),           cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_adjoint),
    };
    if (far_device_open(1, "auto", &dev, NULL)) return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    raml_device_close(dev);
    return rc;
}
