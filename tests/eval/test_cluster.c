/* test_cluster.c - means, medians and shares of clustered values: against resamples listed value by value, by hand, and
 * whether 95 % intervals contain the truth in about 95 of 100 repetitions ($RAML_SIMULATE: how many). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "eval/cluster.h"
#include "eval/quantile.h"
#include "raml/rng.h"

enum { N_DRAWS = 301, MAX_VALUES = 1 << 16 };

static void add(struct raml_clustered *c, uint64_t cluster, double value)
{
    struct raml_err err = {0};
    CHECK_OK(raml_clustered_add(c, cluster, value, &err));
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double mean_of(double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum / (double)n;
}

static double median_of(double *x, size_t n)
{
    qsort(x, n, sizeof *x, upwards);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Every value of every drawn cluster in a list. */
static void by_lists(const struct raml_clustered *c, double (*statistic)(double *, size_t), uint64_t seed, double *low,
                     double *high)
{
    static double drawn[N_DRAWS], list[MAX_VALUES];
    size_t start[64], Q = 0;
    for (size_t i = 0; i < c->n; i++)
        if (!i || c->cluster[i] != c->cluster[i - 1]) start[Q++] = i;
    start[Q] = c->n;
    for (uint64_t d = 0; d < N_DRAWS; d++) {
        const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
        uint32_t w[4];
        size_t n = 0;
        for (size_t k = 0; k < Q; k++) {
            raml_random4(&key, k / 4, w);
            size_t q = (size_t)(((uint64_t)w[k % 4] * Q) >> 32);
            for (size_t i = start[q]; i < start[q + 1]; i++) list[n++] = c->value[i];
        }
        drawn[d] = statistic(list, n);
    }
    qsort(drawn, N_DRAWS, sizeof *drawn, upwards);
    *low = raml_quantile(drawn, N_DRAWS, raml_percentile_tail(Q));
    *high = raml_quantile(drawn, N_DRAWS, 1 - raml_percentile_tail(Q));
}

/* Clusters of 1 to 7 values, some equal, of numbers that need not rise. */
static void test_against_lists(void **state)
{
    (void)state;
    static double copy[MAX_VALUES];
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct raml_clustered c = {0};
        struct raml_err err = {0};
        struct raml_rng r = {.key = {.seed = seed}};
        size_t Q = 2 + (size_t)seed;
        for (size_t q = 0; q < Q; q++)
            for (size_t k = 0; k < 1 + q * q % 7; k++)
                add(&c, 1000 - q, (double)raml_rng_below(&r, 9) * 0.5 - (double)q);
        assert_int_equal(raml_clustered_clusters(&c), Q);
        struct raml_estimate e;
        double low, high;
        memcpy(copy, c.value, c.n * sizeof *copy);
        CHECK_OK(raml_clustered_mean(&c, seed, N_DRAWS, &e, &err));
        by_lists(&c, mean_of, seed, &low, &high);
        CHECK_NEAR("mean", e.value, mean_of(copy, c.n), 1e-12);
        CHECK_NEAR("mean, low", e.low, low, 1e-12);
        CHECK_NEAR("mean, high", e.high, high, 1e-12);
        assert_int_equal(e.n, Q);
        CHECK_OK(raml_clustered_median(&c, seed, N_DRAWS, &e, &err));
        by_lists(&c, median_of, seed, &low, &high);
        CHECK_NEAR("median", e.value, median_of(copy, c.n), 0);
        CHECK_NEAR("median, low", e.low, low, 0);
        CHECK_NEAR("median, high", e.high, high, 0);
        assert_true(isnan(e.se) && e.n == Q);
        raml_clustered_deinit(&c);
    }
}

/* Enough values that a median is searched by blocks. */
static void test_many_values(void **state)
{
    (void)state;
    struct raml_clustered c = {0};
    struct raml_err err = {0};
    struct raml_rng r = {.key = {.seed = 2}};
    for (size_t q = 0; q < 7; q++)
        for (size_t k = 0; k < 500 + 400 * q; k++)
            add(&c, q, raml_rng_below(&r, 3) ? (double)raml_rng_below(&r, 99) : raml_rng_uniform(&r) * (double)q * 30);
    struct raml_estimate e;
    double low, high;
    CHECK_OK(raml_clustered_median(&c, 3, N_DRAWS, &e, &err));
    by_lists(&c, median_of, 3, &low, &high);
    CHECK_NEAR("median", e.value, median_of(c.value, c.n), 0);
    CHECK_NEAR("low", e.low, low, 0);
    CHECK_NEAR("high", e.high, high, 0);
    raml_clustered_deinit(&c);
}

/* One value a cluster: the bootstrap of a list of numbers, the same draws. */
static void test_single_values(void **state)
{
    (void)state;
    static const double x[] = {3, -1, 4, 1, 5, 9, -2, 6, 5, 3.5};
    struct raml_err err = {0};
    struct raml_clustered c = {0};
    for (size_t i = 0; i < COUNT(x); i++) add(&c, i, x[i]);
    struct raml_estimate e, want = raml_bootstrap_mean(x, COUNT(x), 7, N_DRAWS);
    CHECK_OK(raml_clustered_mean(&c, 7, N_DRAWS, &e, &err));
    CHECK_NEAR("mean", e.value, want.value, 1e-15);
    CHECK_NEAR("low", e.low, want.low, 1e-14);
    CHECK_NEAR("high", e.high, want.high, 1e-14);
    CHECK_NEAR("standard error", e.se, want.se, 1e-14);
    raml_clustered_deinit(&c);
}

static void test_without_interval(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_clustered c = {0};
    struct raml_estimate e;
    CHECK_OK(raml_clustered_mean(&c, 0, N_DRAWS, &e, &err));
    assert_true(isnan(e.value) && isnan(e.low) && isnan(e.se) && e.n == 0);
    CHECK_OK(raml_clustered_median(&c, 0, N_DRAWS, &e, &err));
    assert_true(isnan(e.value) && isnan(e.high) && e.n == 0);
    CHECK_OK(raml_clustered_share(&c, 0, N_DRAWS, &e, &err));
    assert_true(isnan(e.value) && isnan(e.high) && e.n == 0);
    add(&c, 5, 2);
    add(&c, 5, NAN); /* left out */
    add(&c, 5, 4);
    CHECK_OK(raml_clustered_mean(&c, 0, N_DRAWS, &e, &err));
    CHECK_NEAR("one cluster", e.value, 3, 0);
    assert_true(isnan(e.low) && isnan(e.high) && isnan(e.se) && e.n == 1);
    CHECK_OK(raml_clustered_median(&c, 0, N_DRAWS, &e, &err));
    CHECK_NEAR("one cluster", e.value, 3, 0);
    assert_true(isnan(e.low) && e.n == 1);
    add(&c, 6, 4);
    CHECK_OK(raml_clustered_mean(&c, 0, 0, &e, &err));
    assert_true(isnan(e.low) && isnan(e.high) && e.se > 0 && e.n == 2);
    raml_clustered_deinit(&c);
}

static void test_shares(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_clustered c = {0};
    struct raml_estimate e, mean, want = raml_wilson(3, 5);
    for (size_t q = 0; q < 5; q++) add(&c, q, q < 3);
    CHECK_OK(raml_clustered_share(&c, 1, N_DRAWS, &e, &err));
    CHECK_NEAR("one value a cluster", e.value, 0.6, 1e-15);
    CHECK_NEAR("low", e.low, want.low, 1e-15);
    CHECK_NEAR("high", e.high, want.high, 1e-15);
    add(&c, 5, 1);
    add(&c, 5, 0);
    CHECK_OK(raml_clustered_share(&c, 1, N_DRAWS, &e, &err));
    CHECK_OK(raml_clustered_mean(&c, 1, N_DRAWS, &mean, &err));
    CHECK_NEAR("several values", e.low, mean.low, 0);
    CHECK_NEAR("several values", e.high, mean.high, 0);
    raml_clustered_deinit(&c);
    for (size_t i = 0; i < 12; i++) add(&c, i / 3, 1); /* four clusters, all alike: a resample is a point */
    want = raml_wilson(4, 4);
    CHECK_OK(raml_clustered_share(&c, 1, N_DRAWS, &e, &err));
    CHECK_NEAR("all alike", e.low, want.low, 1e-15);
    CHECK_NEAR("all alike", e.high, 1, 0);
    raml_clustered_deinit(&c);
    for (size_t i = 0; i < 12; i++) add(&c, i / 3, 0);
    want = raml_wilson(0, 4);
    CHECK_OK(raml_clustered_share(&c, 1, N_DRAWS, &e, &err));
    CHECK_NEAR("none", e.high, want.high, 1e-15);
    CHECK_NEAR("none", e.low, 0, 0);
    raml_clustered_deinit(&c);
}

/* 20 clusters of 1 to 6 values, whose shared part spreads twice as much as what is their own: a sum of three uniforms
 * less 1.5, so mean and median are 0. As 70 separate values they give intervals that are far too narrow. */
static void simulated(struct raml_clustered *c, struct raml_clustered *apart, struct raml_rng *r)
{
    for (size_t q = 0; q < 20; q++) {
        double shared = raml_rng_uniform(r) + raml_rng_uniform(r) + raml_rng_uniform(r) - 1.5;
        for (size_t k = 0; k < 1 + q % 6; k++) {
            double own = raml_rng_uniform(r) + raml_rng_uniform(r) + raml_rng_uniform(r) - 1.5;
            add(c, q, 2 * shared + own);
            add(apart, apart->n, 2 * shared + own);
        }
    }
}

static bool contains(const struct raml_estimate *e, double truth)
{
    return e->low <= truth && truth <= e->high;
}

static void test_coverage(void **state)
{
    (void)state;
    const char *times = getenv("RAML_SIMULATE");
    size_t n = times ? (size_t)strtoul(times, NULL, 10) : 400, by_mean = 0, by_median = 0, by_value = 0;
    struct raml_rng r = {.key = {.seed = 4}};
    for (size_t i = 0; i < n; i++) {
        struct raml_clustered c = {0}, apart = {0};
        struct raml_err err = {0};
        struct raml_estimate e;
        simulated(&c, &apart, &r);
        CHECK_OK(raml_clustered_mean(&c, i, N_DRAWS, &e, &err));
        by_mean += contains(&e, 0);
        CHECK_OK(raml_clustered_median(&c, i, N_DRAWS, &e, &err));
        by_median += contains(&e, 0);
        CHECK_OK(raml_clustered_mean(&apart, i, N_DRAWS, &e, &err));
        by_value += contains(&e, 0);
        raml_clustered_deinit(&c);
        raml_clustered_deinit(&apart);
    }
    print_message("contained: mean %zu, median %zu, mean of separate values %zu of %zu\n", by_mean, by_median, by_value,
                  n);
    CHECK_NEAR("mean", (double)by_mean / (double)n, 0.95, 0.035);
    CHECK_NEAR("median", (double)by_median / (double)n, 0.95, 0.035);
    assert_true((double)by_value / (double)n < 0.85);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_lists), cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_single_values), cmocka_unit_test(test_without_interval),
        cmocka_unit_test(test_shares),        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
