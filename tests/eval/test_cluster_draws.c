/* test_cluster_draws.c - ratios over one set of resamples: means are cluster.h's to the bit, ratios are counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "eval/cluster.h"
#include "eval/cluster_draws.h"
#include "eval/quantile.h"
#include "raml/rng.h"

enum { N_DRAWS = 211, CLUSTERS = 23, MOST = 5 };

static const struct raml_key key = {.seed = 5, .purpose = RAML_FOR_TEST};

static void means_are_those_of_cluster(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_clustered c = {0};
    struct raml_cluster_draws d;
    double sum[CLUSTERS] = {0}, count[CLUSTERS] = {0};
    for (size_t q = 0, k = 0; q < CLUSTERS; q++)
        for (size_t i = 0; i <= q % MOST; i++, k++) {
            double x = raml_normal(&key, k);
            sum[q] += x;
            count[q]++;
            CHECK_OK(raml_clustered_add(&c, q, x, &err));
        }
    struct raml_estimate want;
    CHECK_OK(raml_clustered_mean(&c, 9, N_DRAWS, &want, &err));
    CHECK_OK(raml_cluster_draws_init(&d, CLUSTERS, 9, N_DRAWS, &err));
    struct raml_estimate got = raml_cluster_draws_ratio(&d, sum, count);
    assert_true(got.value == want.value && got.low == want.low && got.high == want.high && got.se == want.se);
    assert_int_equal(got.n, CLUSTERS);
    raml_cluster_draws_deinit(&d);
    raml_clustered_deinit(&c);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void ratios_by_hand(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_cluster_draws d;
    const double above[] = {1, 4, 0}, below[] = {2, 4, 10};
    double drawn[N_DRAWS];
    CHECK_OK(raml_cluster_draws_init(&d, 3, 7, N_DRAWS, &err));
    struct raml_estimate e = raml_cluster_draws_ratio(&d, above, below);
    CHECK_NEAR("value", e.value, 5.0 / 16, 0);
    for (uint32_t k = 0; k < N_DRAWS; k++) {
        const struct raml_key draw = {.seed = 7, .purpose = RAML_FOR_BOOTSTRAP, .question = k};
        uint32_t w[4];
        double a = 0, b = 0;
        raml_random4(&draw, 0, w);
        for (size_t i = 0; i < 3; i++) {
            size_t q = (size_t)(((uint64_t)w[i] * 3) >> 32);
            a += above[q];
            b += below[q];
        }
        drawn[k] = a / b;
    }
    qsort(drawn, N_DRAWS, sizeof *drawn, by_value);
    CHECK_NEAR("low", e.low, raml_quantile(drawn, N_DRAWS, raml_percentile_tail(3)), 1e-15);
    CHECK_NEAR("high", e.high, raml_quantile(drawn, N_DRAWS, 1 - raml_percentile_tail(3)), 1e-15);
    raml_cluster_draws_deinit(&d);
}

static void no_interval(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_cluster_draws d;
    const double one[] = {3, 3}, nothing[] = {0, 0};
    CHECK_OK(raml_cluster_draws_init(&d, 1, 7, N_DRAWS, &err)); /* one cluster */
    struct raml_estimate e = raml_cluster_draws_ratio(&d, one, one);
    assert_true(e.value == 1 && isnan(e.low) && isnan(e.high) && isnan(e.se));
    raml_cluster_draws_deinit(&d);
    CHECK_OK(raml_cluster_draws_init(&d, 2, 7, 0, &err)); /* no draws */
    e = raml_cluster_draws_ratio(&d, one, one);
    assert_true(e.value == 1 && isnan(e.low) && e.se == 0);
    e = raml_cluster_draws_ratio(&d, one, nothing);
    assert_true(isnan(e.value) && isnan(e.low));
    raml_cluster_draws_deinit(&d);
    CHECK_OK(raml_cluster_draws_init(&d, 0, 7, N_DRAWS, &err));
    e = raml_cluster_draws_ratio(&d, one, one);
    assert_true(isnan(e.value) && e.n == 0);
    raml_cluster_draws_deinit(&d);
    assert_int_equal(raml_cluster_draws_init(&d, SIZE_MAX / 2, 7, N_DRAWS, &err), RAML_ENOMEM);
    raml_cluster_draws_deinit(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_those_of_cluster),
        cmocka_unit_test(ratios_by_hand),
        cmocka_unit_test(no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
