/* test_metric.c - pass@k against enumeration and independent values, and what the intervals promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "check_near.h"
#include "raml/metric.h"
#include "raml/rng.h"

static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t n, c, k;
        double want, tol;
    } cases[] = {
        {"no sample is correct", 10, 0, 5, 0.0, 0},
        {"every sample is correct", 10, 10, 5, 1.0, 0},
        {"fewer wrong than k", 5, 3, 3, 1.0, 0},
        {"k = 1 is the mean", 10, 3, 1, 0.3, 0},
        {"1 - 6/10", 5, 1, 2, 0.4, 1e-15},
        {"1 - 1/6", 4, 2, 2, 5.0 / 6.0, 1e-15},
        {"one correct of many: k / n", 4000000000u, 1, 1000000000u, 0.25, 1e-15},
        {"many correct, small k", 4000000000u, 2000000000u, 2, 0.75, 1e-9},
        {"only chance left out underflows", 100000, 50000, 40000, 1.0, 0},
    };
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double got = -1;
        CHECK_OK(raml_pass_at_k(cases[i].n, cases[i].c, cases[i].k, &got, &err));
        CHECK_NEAR(cases[i].what, got, cases[i].want, cases[i].tol);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t n, c, k;
        const char *says;
    } cases[] = {
        {5, 2, 0, "pass@0 of 5 samples"},
        {5, 2, 6, "pass@6 of 5 samples"},
        {0, 0, 1, "pass@1 of 0 samples"},
        {5, 6, 1, "6 correct samples of 5"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        double out = 7;
        assert_int_equal(raml_pass_at_k(cases[i].n, cases[i].c, cases[i].k, &out, &err), RAML_ERANGE);
        assert_non_null(strstr(err.msg, cases[i].says));
        CHECK_NEAR("unchanged", out, 7, 0);
    }
}

/* All subsets of k of n samples, the first c of them correct. */
static void test_enumeration(void **state)
{
    (void)state;
    struct raml_err err = {0};
    for (uint32_t n = 1; n <= 12; n++)
        for (uint32_t c = 0; c <= n; c++) {
            size_t all[13] = {0}, hit[13] = {0};
            for (uint32_t set = 0; set < 1u << n; set++) {
                int k = __builtin_popcount(set);
                all[k]++;
                hit[k] += (set & ((1u << c) - 1)) != 0;
            }
            for (uint32_t k = 1; k <= n; k++) {
                double got = -1;
                char what[64];
                snprintf(what, sizeof what, "n %u c %u k %u", n, c, k);
                CHECK_OK(raml_pass_at_k(n, c, k, &got, &err));
                CHECK_NEAR(what, got, (double)hit[k] / (double)all[k], 1e-14);
            }
        }
}

static void test_oracle(void **state)
{
    (void)state;
    json_t *root = json_load_file(RAML_SHARED "/oracle/pass_at_k.json", 0, NULL);
    if (!root) {
        fprintf(stderr, "SKIPPED: %s/oracle/pass_at_k.json is absent: pass@k was NOT compared with it\n", RAML_SHARED);
        skip();
    }
    json_t *rows = json_object_get(root, "rows");
    size_t n_rows = json_array_size(rows);
    assert_true(n_rows >= 100);
    struct raml_err err = {0};
    for (size_t i = 0; i < n_rows; i++) {
        json_int_t n, c, k;
        double want, got = -1;
        assert_int_equal(
            json_unpack(json_array_get(rows, i), "{s:I, s:I, s:I, s:F}", "n", &n, "c", &c, "k", &k, "pass_at_k", &want),
            0);
        char what[64];
        snprintf(what, sizeof what, "row %zu: n %d c %d k %d", i, (int)n, (int)c, (int)k);
        CHECK_OK(raml_pass_at_k((uint32_t)n, (uint32_t)c, (uint32_t)k, &got, &err));
        CHECK_NEAR(what, got, want, 1e-12);
    }
    json_decref(root);
}

/* ---- intervals -------------------------------------------------------------------------------------------------- */

/* Newcombe 1998 (Statistics in Medicine 17), table I, method 3: four places. */
static void test_wilson(void **state)
{
    (void)state;
    static const struct {
        size_t c, n;
        double low, high;
    } cases[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611}, {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_estimate e = raml_wilson(cases[i].c, cases[i].n);
        CHECK_NEAR("value", e.value, (double)cases[i].c / (double)cases[i].n, 1e-15);
        CHECK_NEAR("low", e.low, cases[i].low, 0.5001e-4);
        CHECK_NEAR("high", e.high, cases[i].high, 0.5001e-4);
        assert_int_equal(e.n, cases[i].n);
        struct raml_estimate m = raml_wilson(cases[i].n - cases[i].c, cases[i].n); /* wrong instead of correct */
        CHECK_NEAR("mirrored low", m.low, 1.0 - e.high, 1e-15);
        CHECK_NEAR("mirrored high", m.high, 1.0 - e.low, 1e-15);
    }
    assert_true(isnan(raml_wilson(0, 0).value) && isnan(raml_wilson(0, 0).low));
    assert_true(isnan(raml_wilson(3, 2).value));
}

static void test_bootstrap(void **state)
{
    (void)state;
    double x[400], sum = 0, squares = 0;
    struct raml_key key = {.seed = 5, .purpose = RAML_FOR_TEST};
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = raml_normal(&key, i);
        sum += x[i];
        squares += x[i] * x[i];
    }
    double mean = sum / COUNT(x), se = sqrt((squares / COUNT(x) - mean * mean) / COUNT(x));
    struct raml_estimate a = raml_bootstrap_mean(x, COUNT(x), 1, 4000), b = raml_bootstrap_mean(x, COUNT(x), 1, 4000);
    struct raml_estimate other = raml_bootstrap_mean(x, COUNT(x), 2, 4000);
    CHECK_NEAR("mean", a.value, mean, 1e-15);
    CHECK_NEAR("low", a.low, mean - 1.959964 * se, 0.1 * se); /* 4000 draws: a quantile's own error is 0.04 se */
    CHECK_NEAR("high", a.high, mean + 1.959964 * se, 0.1 * se);
    assert_memory_equal(&a.low, &b.low, sizeof a.low); /* the same seed, the same bits */
    assert_memory_equal(&a.high, &b.high, sizeof a.high);
    assert_true(a.low < other.low || a.low > other.low);
    assert_int_equal(a.n, COUNT(x));
}

static void test_bootstrap_edges(void **state)
{
    (void)state;
    const double x[] = {0.25, 0.25, 0.25};
    struct raml_estimate e = raml_bootstrap_mean(x, 3, 0, 100);
    CHECK_NEAR("equal values: value", e.value, 0.25, 0);
    CHECK_NEAR("equal values: low", e.low, 0.25, 0);
    CHECK_NEAR("equal values: high", e.high, 0.25, 0);
    e = raml_bootstrap_mean(x, 3, 0, 1);
    CHECK_NEAR("one draw", e.high, 0.25, 0);
    e = raml_bootstrap_mean(x, 3, 0, 0);
    CHECK_NEAR("no draw: value", e.value, 0.25, 0);
    assert_true(isnan(e.low) && isnan(e.high));
    e = raml_bootstrap_mean(x, 0, 0, 100);
    assert_true(isnan(e.value) && isnan(e.low) && isnan(e.high) && e.n == 0);
}

/* Each resample draws all questions with equal probability: the middle of two values 0 and 1 over many draws. */
static void test_bootstrap_covers(void **state)
{
    (void)state;
    const double x[] = {0, 0, 0, 0, 1};
    struct raml_estimate e = raml_bootstrap_mean(x, COUNT(x), 9, 2000);
    CHECK_NEAR("low", e.low, 0.0, 0);
    CHECK_NEAR("high", e.high, 0.8, 1e-15); /* Binomial(5, 0.2): P(> 3) = 0.0067, P(> 4) = 0.0003; a tail of 0.0010 */
}

static void test_mean_over_questions(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_estimate e = {0};
    const struct raml_count several[] = {{4, 1}, {4, 2}, {5, 1}, {10, 10}};
    CHECK_OK(raml_pass_at_k_mean(several, 4, 2, 1, 1000, &e, &err));
    CHECK_NEAR("mean of 1/2, 5/6, 2/5, 1", e.value, (0.5 + 5.0 / 6.0 + 0.4 + 1.0) / 4.0, 1e-15);
    assert_true(e.low > 0.39 && e.low < e.value && e.high > e.value && e.high <= 1.0);
    assert_int_equal(e.n, 4);

    const struct raml_count single[] = {{1, 1}, {1, 0}, {1, 1}, {1, 1}}, sure[] = {{8, 8}, {3, 3}};
    struct raml_estimate w = raml_wilson(3, 4);
    CHECK_OK(raml_pass_at_k_mean(single, 4, 1, 1, 1000, &e, &err));
    CHECK_NEAR("one sample each: value", e.value, 0.75, 0);
    CHECK_NEAR("one sample each: low", e.low, w.low, 0);
    CHECK_NEAR("one sample each: high", e.high, w.high, 0);
    CHECK_OK(raml_pass_at_k_mean(sure, 2, 1, 1, 1000, &e, &err));
    CHECK_NEAR("all correct: low is not certainty", e.low, raml_wilson(2, 2).low, 0);
    assert_true(e.low < 0.5);

    CHECK_OK(raml_pass_at_k_mean(NULL, 0, 1, 1, 1000, &e, &err));
    assert_true(isnan(e.value) && e.n == 0);
    assert_int_equal(raml_pass_at_k_mean(several, 4, 5, 1, 1000, &e, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "question 1 of 4: pass@5 of 4 samples; k must be 1 to the number of samples");
}

/* Quantiles: two-sided 5 % points of Student's t, scipy.stats.t.ppf(0.975, n) of SciPy 1.17.1. */
static void test_student(void **state)
{
    (void)state;
    static const struct {
        size_t nu;
        double t;
    } c[] = {{1, 12.706204736174694}, {2, 4.302652729749462},    {3, 3.1824463052837078}, {4, 2.7764451051977934},
             {5, 2.5705818356363146}, {9, 2.262157162798205},    {10, 2.228138851986274}, {30, 2.0422724563012378},
             {63, 1.998340542520741}, {1000, 1.9623390808264083}};
    for (size_t i = 0; i < COUNT(c); i++) CHECK_NEAR("quantile", raml_student_quantile(c[i].nu), c[i].t, 1e-12);
    CHECK_NEAR("many", raml_student_quantile(1000000), 1.959966356814107, 3e-6);
    assert_true(isnan(raml_student_quantile(0)));
    const double x[] = {2, 4, 9};
    struct raml_estimate e = raml_student_mean(x, 3); /* s^2 = 13 */
    CHECK_NEAR("mean", e.value, 5, 1e-15);
    CHECK_NEAR("standard error", e.se, sqrt(13.0 / 3), 1e-14);
    CHECK_NEAR("low", e.low, 5 - 4.302652729749462 * sqrt(13.0 / 3), 1e-9);
    CHECK_NEAR("high", e.high, 5 + 4.302652729749462 * sqrt(13.0 / 3), 1e-9);
    e = raml_student_mean(x, 1);
    CHECK_NEAR("one draw", e.value, 2, 0);
    assert_true(isnan(e.low) && isnan(e.high));
    assert_true(isnan(raml_student_mean(x, 0).value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_enumeration),
        cmocka_unit_test(test_oracle),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_bootstrap_edges),
        cmocka_unit_test(test_bootstrap_covers),
        cmocka_unit_test(test_mean_over_questions),
        cmocka_unit_test(test_student),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
