/* test_resample.c - binomial numbers, intervals from counts of questions, values gathered and counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "eval/quantile.h"
#include "eval/resample.h"

/* The inverse visits values from the mode outward, so what must be right is each value's share of [0, 1). */
static void test_binomial_shares(void **state)
{
    (void)state;
    static const struct {
        uint64_t n;
        double p;
    } cases[] = {{1, 0.5}, {5, 0.2}, {12, 0.9}, {40, 0.01}, {64, 0.5}};
    enum { STEPS = 200000 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t seen[65] = {0};
        for (size_t s = 0; s < STEPS; s++)
            seen[raml_binomial_inverse(((double)s + 0.5) / STEPS, cases[i].n, cases[i].p)]++;
        double n = (double)cases[i].n, p = cases[i].p, mass = pow(1 - p, n);
        for (uint64_t x = 0; x <= cases[i].n; x++) {
            char what[64];
            snprintf(what, sizeof what, "n %g p %g x %d", n, p, (int)x);
            CHECK_NEAR(what, (double)seen[x] / STEPS, mass, 2.0 / STEPS);
            mass *= (n - (double)x) / ((double)x + 1) * p / (1 - p);
        }
    }
    assert_int_equal(raml_binomial_inverse(0.99, 0, 0.5), 0);
    assert_int_equal(raml_binomial_inverse(0.99, 9, 0), 0);
    assert_int_equal(raml_binomial_inverse(0.0, 9, 1), 9);
    assert_true(raml_binomial_inverse(0x1.fffffffffffffp-1, 1000000000, 0.3) <= 1000000000);
}

/* Mean and variance for large n: sums over a fine grid of uniforms. */
static void test_binomial_large(void **state)
{
    (void)state;
    static const struct {
        double n, p;
    } cases[] = {{1e6, 0.4}, {1e6, 1e-5}, {1e9, 0.999}, {3e5, 0.01}};
    enum { STEPS = 4000 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double n = cases[i].n, p = cases[i].p, sum = 0, squares = 0;
        for (size_t s = 0; s < STEPS; s++) {
            double x = (double)raml_binomial_inverse(((double)s + 0.5) / STEPS, (uint64_t)n, p) - n * p;
            sum += x / STEPS;
            squares += x * x / STEPS;
        }
        double sd = sqrt(n * p * (1 - p));
        CHECK_NEAR("mean", sum / sd, 0, 0.02);
        CHECK_NEAR("variance", (squares - sum * sum) / (sd * sd), 1, 0.02);
    }
}

static struct raml_estimate estimate(const uint64_t *count, const double *value, size_t n, uint64_t seed,
                                     uint32_t draws)
{
    struct raml_err err = {0};
    struct raml_resample_options opt = {seed, draws, true};
    struct raml_estimate e = {0};
    CHECK_OK(raml_resample(count, n, &value, 1, &opt, &e, &err));
    return e;
}

/* Values of many questions are drawn as binomials, of few singly: both give the normal approximation's intervals. */
static void test_intervals(void **state)
{
    (void)state;
    static const double value[] = {0, 0.25, 0.5, 0.75, 1};
    static const uint64_t many[] = {500, 200, 100, 100, 300}, few[] = {5, 2, 1, 1, 3};
    for (size_t i = 0; i < 2; i++) {
        const uint64_t *count = i ? few : many;
        double total = 0, mean = 0, squares = 0;
        for (size_t c = 0; c < 5; c++) total += (double)count[c];
        for (size_t c = 0; c < 5; c++) mean += (double)count[c] * value[c] / total;
        for (size_t c = 0; c < 5; c++) squares += (double)count[c] * (value[c] - mean) * (value[c] - mean) / total;
        struct raml_estimate e = estimate(count, value, 5, 3, 8000), again = estimate(count, value, 5, 3, 8000),
                             other = estimate(count, value, 5, 4, 8000);
        double se = sqrt(squares / total);
        CHECK_NEAR("mean", e.value, mean, 1e-15);
        CHECK_NEAR("se", e.se, se * sqrt(total / (total - 1)), 1e-12);
        double z = i ? 2.299 : 1.963; /* t of 11 and 1199 degrees, times the root of n/(n-1) */
        CHECK_NEAR("low", e.low, mean - z * se, (i ? 0.3 : 0.08) * se);
        CHECK_NEAR("high", e.high, mean + z * se, (i ? 0.3 : 0.08) * se);
        assert_memory_equal(&e, &again, sizeof e); /* the same seed, the same bits */
        if (!i) assert_true(e.low < other.low || e.low > other.low);
    }
}

/* Student's t from tables: 2.0452 (29 degrees), 2.7764 (4), 1.9842 (99). */
static void test_percentile_tail(void **state)
{
    (void)state;
    CHECK_NEAR("30 questions", raml_percentile_tail(30), 0.018756, 2e-5);
    CHECK_NEAR("5 questions", raml_percentile_tail(5), 0.000954, 4e-5);
    CHECK_NEAR("100 questions", raml_percentile_tail(100), 0.023075, 2e-5);
    CHECK_NEAR("a million", raml_percentile_tail(1000000), 0.025, 1e-6);
    CHECK_NEAR("one", raml_percentile_tail(1), 0.025, 0);
}

/* 4 of 5 questions at 0, 1 at 0.5: Binomial(5, 0.2) of them in a resample: P(> 3) = 0.0067, P(> 4) = 0.0003, a tail of
 * 0.0010. */
static void test_exact_tail(void **state)
{
    (void)state;
    static const double value[] = {0, 0.5};
    static const uint64_t few[] = {4, 1};
    struct raml_estimate e = estimate(few, value, 2, 9, 4000);
    CHECK_NEAR("low", e.low, 0, 0);
    CHECK_NEAR("high", e.high, 0.4, 1e-15);
}

static void test_edges(void **state)
{
    (void)state;
    static const double ones[] = {0, 1}, same[] = {0.5};
    static const uint64_t count[] = {6, 2}, one[] = {7};
    struct raml_estimate e = estimate(count, ones, 2, 1, 100), w = raml_wilson(2, 8);
    CHECK_NEAR("0 and 1: Wilson's low", e.low, w.low, 0);
    CHECK_NEAR("0 and 1: Wilson's high", e.high, w.high, 0);
    e = estimate(one, same, 1, 1, 100);
    CHECK_NEAR("all alike", e.low, 0.5, 0);
    e = estimate(one, same, 1, 1, 0);
    assert_true(isnan(e.low) && !isnan(e.value));
    e = estimate(one, same, 0, 1, 100);
    assert_true(isnan(e.value) && e.n == 0);
    struct raml_err err = {0};
    struct raml_resample_options opt = {1, 1000, false};
    const double *row = ones;
    CHECK_OK(raml_resample(count, 2, &row, 1, &opt, &e, &err)); /* a difference of 0 and 1 is not a proportion */
    assert_true(e.low < w.low || e.low > w.low);
}

static void test_gather(void **state)
{
    (void)state;
    enum { N = 50000 };
    double *x = malloc(N * sizeof *x), value[RAML_RESAMPLE_MAX_VALUES];
    uint64_t count[RAML_RESAMPLE_MAX_VALUES], total = 0;
    struct raml_key key = {.seed = 3, .purpose = RAML_FOR_TEST};
    assert_non_null(x);
    double sum = 0, squares = 0, sum_values = 0, squares_values = 0;
    for (size_t i = 0; i < N; i++) {
        x[i] = raml_uniform(&key, i);
        sum += x[i];
        squares += x[i] * x[i];
    }
    size_t n = raml_resample_gather(x, N, value, count);
    assert_int_equal(n, RAML_RESAMPLE_MAX_VALUES);
    for (size_t i = 0; i < n; i++) {
        assert_true(count[i] >= N / RAML_RESAMPLE_MAX_VALUES && count[i] <= N / RAML_RESAMPLE_MAX_VALUES + 1);
        total += count[i];
        sum_values += (double)count[i] * value[i];
        squares_values += (double)count[i] * value[i] * value[i];
    }
    assert_int_equal(total, N);
    CHECK_NEAR("mean kept", sum_values / N, sum / N, 1e-12);
    CHECK_NEAR("spread kept", squares_values / N, squares / N, 1e-7);
    double y[] = {2, 1, 2, 2, 0.5};
    n = raml_resample_gather(y, 5, value, count);
    assert_int_equal(n, 3);
    CHECK_NEAR("sorted", value[0], 0.5, 0);
    assert_int_equal(count[2], 3);
    for (size_t i = 0; i < RAML_RESAMPLE_MAX_VALUES; i++) x[i] = (double)i; /* as many as fit */
    x[RAML_RESAMPLE_MAX_VALUES] = 0;
    n = raml_resample_gather(x, RAML_RESAMPLE_MAX_VALUES + 1, value, count);
    assert_int_equal(n, RAML_RESAMPLE_MAX_VALUES);
    assert_int_equal(count[0], 2);
    assert_int_equal(raml_resample_gather(x, 0, value, count), 0);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binomial_shares), cmocka_unit_test(test_binomial_large), cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_percentile_tail), cmocka_unit_test(test_exact_tail),     cmocka_unit_test(test_edges),
        cmocka_unit_test(test_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
