/* test_rank_correlation.c - rank correlations against numbers of scipy 1.17.1 (spearmanr, kendalltau), against all
 * pairs counted one by one, and their intervals against resamples listed value by value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check_near.h"
#include "eval/quantile.h"
#include "eval/rank_correlation.h"
#include "raml/rng.h"

enum { MAX_VALUES = 400, N_DRAWS = 203 };

static const struct {
    const char *what;
    size_t n;
    double x[8], y[8], spearman, kendall;
} cases[] = {
    {"the same order", 5, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, 1, 1},
    {"the reverse", 5, {1, 2, 3, 4, 5}, {5, 4, 3, 2, 1}, -1, -1},
    {"ties", 7, {0.1, 0.4, 0.2, 0.4, 0.9, 0, 0.3}, {2, 1, 1, 3, 3, 0, 2}, 0.685302702583388, 0.579750904364203},
    {"many ties", 8, {1, 1, 2, 2, 3, 3, 3, 8}, {1, 2, 1, 2, 1, 2, 1, 2}, 0.11322770341446, 0.104257207028537},
    {"infinite values are ranked",
     5,
     {INFINITY, 1, 2, INFINITY, 0},
     {3, 1, 1, 2, 0},
     0.947368421052632,
     0.888888888888889},
    {"a constant has no order", 3, {1, 1, 1}, {1, 2, 3}, NAN, NAN},
    {"one value", 1, {1}, {1}, NAN, NAN},
};

static void near_or_none(const char *what, double got, double want, double tol)
{
    if (isnan(want)) assert_true(isnan(got));
    else CHECK_NEAR(what, got, want, tol);
}

static void reference_values(void **state)
{
    (void)state;
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_rank_correlation r;
        CHECK_OK(raml_rank_correlate(cases[i].x, cases[i].y, cases[i].n, &r, &err));
        near_or_none(cases[i].what, r.spearman, cases[i].spearman, 1e-14);
        near_or_none(cases[i].what, r.kendall, cases[i].kendall, 1e-14);
    }
}

/* -- Against definitions ------------------------------------------------------------------------------------------- */

static double tau_by_pairs(const double *x, const double *y, size_t n)
{
    double sum = 0, nx = 0, ny = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            int a = (x[i] > x[j]) - (x[i] < x[j]), b = (y[i] > y[j]) - (y[i] < y[j]);
            sum += a * b;
            nx += a != 0;
            ny += b != 0;
        }
    return nx > 0 && ny > 0 ? sum / sqrt(nx * ny) : NAN;
}

static double rank_of(const double *x, size_t n, size_t i)
{
    double below = 0, equal = 0;
    for (size_t j = 0; j < n; j++) {
        below += x[j] < x[i];
        equal += !(x[j] < x[i]) && !(x[j] > x[i]);
    }
    return below + (equal + 1) / 2;
}

static double rho_by_ranks(const double *x, const double *y, size_t n)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        double a = rank_of(x, n, i) - ((double)n + 1) / 2, b = rank_of(y, n, i) - ((double)n + 1) / 2;
        xy += a * b;
        xx += a * a;
        yy += b * b;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

struct values {
    double x[MAX_VALUES], y[MAX_VALUES];
    uint64_t cluster[MAX_VALUES];
    size_t n;
};

/* Few distinct values, so that there are ties; y follows x by half. */
static void fill(struct values *v, size_t n, uint64_t seed)
{
    struct raml_rng r = {.key = {seed, RAML_FOR_TEST, 1, 0, 0}};
    v->n = n;
    for (size_t i = 0; i < n; i++) {
        v->x[i] = raml_rng_below(&r, 9);
        v->y[i] = raml_rng_below(&r, 2) ? v->x[i] : raml_rng_below(&r, 7);
        v->cluster[i] = i ? v->cluster[i - 1] + (raml_rng_below(&r, 3) == 0) : 5;
    }
}

static void definitions(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct values v;
    for (size_t n = 2; n < 60; n++) {
        struct raml_rank_correlation r;
        fill(&v, n, n);
        CHECK_OK(raml_rank_correlate(v.x, v.y, n, &r, &err));
        near_or_none("kendall", r.kendall, tau_by_pairs(v.x, v.y, n), 1e-13);
        near_or_none("spearman", r.spearman, rho_by_ranks(v.x, v.y, n), 1e-13);
    }
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void intervals(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_rank_estimate e;
    static struct values v, drawn;
    double rho[N_DRAWS], tau[N_DRAWS];
    size_t start[MAX_VALUES + 1], Q = 0;
    fill(&v, 40, 11);
    for (size_t i = 0; i < v.n; i++)
        if (!i || v.cluster[i] != v.cluster[i - 1]) start[Q++] = i;
    start[Q] = v.n;
    for (uint32_t d = 0; d < N_DRAWS; d++) {
        const struct raml_key key = {.seed = 3, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
        drawn.n = 0;
        for (size_t k = 0; k < Q; k++) {
            uint32_t w[4];
            raml_random4(&key, k / 4, w);
            size_t q = (size_t)(((uint64_t)w[k % 4] * Q) >> 32);
            for (size_t i = start[q]; i < start[q + 1]; i++, drawn.n++) {
                drawn.x[drawn.n] = v.x[i];
                drawn.y[drawn.n] = v.y[i];
            }
        }
        rho[d] = rho_by_ranks(drawn.x, drawn.y, drawn.n);
        tau[d] = tau_by_pairs(drawn.x, drawn.y, drawn.n);
    }
    qsort(rho, N_DRAWS, sizeof *rho, upwards);
    qsort(tau, N_DRAWS, sizeof *tau, upwards);
    CHECK_OK(raml_rank_correlate_clustered(v.x, v.y, v.cluster, v.n, 3, N_DRAWS, &e, &err));
    double tail = raml_percentile_tail(Q);
    assert_int_equal(e.spearman.n, Q);
    assert_int_equal(e.n_values, v.n);
    CHECK_NEAR("spearman", e.spearman.value, rho_by_ranks(v.x, v.y, v.n), 1e-13);
    CHECK_NEAR("kendall", e.kendall.value, tau_by_pairs(v.x, v.y, v.n), 1e-13);
    CHECK_NEAR("spearman, low", e.spearman.low, raml_quantile(rho, N_DRAWS, tail), 1e-13);
    CHECK_NEAR("spearman, high", e.spearman.high, raml_quantile(rho, N_DRAWS, 1 - tail), 1e-13);
    CHECK_NEAR("kendall, low", e.kendall.low, raml_quantile(tau, N_DRAWS, tail), 1e-13);
    CHECK_NEAR("kendall, high", e.kendall.high, raml_quantile(tau, N_DRAWS, 1 - tail), 1e-13);
}

static void edges(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_rank_estimate e;
    struct raml_rank_correlation r = {7, 7};
    const double x[] = {1, 2, 3}, bad[] = {1, NAN, 3};
    const uint64_t one[] = {4, 4, 4};
    CHECK_OK(raml_rank_correlate_clustered(x, x, one, 3, 0, 100, &e, &err));
    CHECK_NEAR("one cluster", e.kendall.value, 1, 1e-15);
    assert_true(isnan(e.kendall.low) && isnan(e.spearman.high));
    CHECK_OK(raml_rank_correlate_clustered(x, x, one, 0, 0, 100, &e, &err));
    assert_true(isnan(e.kendall.value) && e.kendall.n == 0);
    assert_int_equal(raml_rank_correlate(x, bad, 3, &r, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "rank correlation: value 2 is not a number");
    CHECK_NEAR("output as before", r.kendall, 7, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reference_values), cmocka_unit_test(definitions),
                                       cmocka_unit_test(intervals), cmocka_unit_test(edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
