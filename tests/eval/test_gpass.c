/* test_gpass.c - thresholds in integers; G-Pass@k and mG-Pass@k against enumeration, the oracle, published values and
 * every file of samples. */
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

static struct raml_tau tau_of(const char *text)
{
    struct raml_err err = {0};
    struct raml_tau t = {0};
    CHECK_OK(raml_tau_read(text, &t, &err));
    return t;
}

static void test_thresholds(void **state)
{
    (void)state;
    static const struct {
        const char *tau;
        uint32_t k, m;
    } cases[] = {
        {"0.55", 100, 55}, /* 56 in floats */
        {"7/25", 25, 7},   /* 8 in floats */
        {"0", 8, 1},
        {"0.0", 8, 1},
        {"1", 8, 8},
        {"1.0", 7, 7},
        {"0.25", 4, 1},
        {"0.25", 5, 2},
        {".5", 3, 2},
        {"0.000000001", 8, 1},
        {"0.999999999", 8, 8},
        {"1/3", 3, 1},
        {"1/3", 4, 2},
        {"2/3", 3, 2},
        {"1", 4294967295u, 4294967295u},
        {"0.5", 4294967295u, 2147483648u},
        {"999999999/1000000000", 4294967295u, 4294967291u},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_tau t = tau_of(cases[i].tau);
        if (raml_tau_of(&t, cases[i].k) == cases[i].m) continue;
        print_error("tau %s k %u: got %u, expected %u\n", cases[i].tau, cases[i].k, raml_tau_of(&t, cases[i].k),
                    cases[i].m);
        fail();
    }
    for (uint32_t k = 1; k <= 300; k++) /* ceil(k * (i/k)) = i, for all of them */
        for (uint32_t i = 1; i <= k; i++) {
            char text[32];
            snprintf(text, sizeof text, "%u/%u", i, k);
            struct raml_tau t = tau_of(text);
            assert_int_equal(raml_tau_of(&t, k), i);
        }
}

static void test_bad_thresholds(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1/0",
                                      "0/0",
                                      "2",
                                      "1.5",
                                      "-0.5",
                                      "3/2",
                                      "1/",
                                      "/2",
                                      ".",
                                      "0.5x",
                                      " 0.5",
                                      "nan",
                                      "inf",
                                      "1e-1",
                                      "0,5",
                                      "+0.5",
                                      "1/2/3",
                                      "0.1234567890",
                                      "1.0000000001",
                                      "99999999999999999999/99999999999999999999",
                                      "1/2000000000",
                                      "0000000000000000000000000.5"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct raml_err err = {0};
        struct raml_tau t = {.num = 7};
        if (raml_tau_read(bad[i], &t, &err) != RAML_EUSAGE || t.num != 7) {
            print_error("threshold '%s' was accepted\n", bad[i]);
            fail();
        }
        assert_non_null(strstr(err.msg, "7/25"));
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t n, c, k, m;
        const char *says;
    } cases[] = {
        {5, 2, 0, 1, "k = 0 of 5"}, {5, 2, 6, 1, "k = 6 of 5"},         {0, 0, 1, 1, "k = 1 of 0"},
        {5, 6, 1, 1, "6 correct"},  {5, 2, 3, 0, "at least 0 correct"}, {5, 2, 3, 4, "at least 4 correct of 3"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        double out = 7;
        assert_int_equal(raml_gpass_least(cases[i].n, cases[i].c, cases[i].k, cases[i].m, &out, &err), RAML_ERANGE);
        assert_non_null(strstr(err.msg, cases[i].says));
        CHECK_NEAR("unchanged", out, 7, 0);
        if (i >= 4) continue;
        assert_int_equal(raml_mgpass_at_k(cases[i].n, cases[i].c, cases[i].k, &out, &err), RAML_ERANGE);
        CHECK_NEAR("unchanged", out, 7, 0);
    }
    struct raml_err err = {0};
    struct raml_tau outside = {.num = 3, .den = 2}, none = {.num = 0, .den = 0};
    double out = 7;
    assert_int_equal(raml_gpass_at_k(5, 2, 3, &outside, &out, &err), RAML_ERANGE);
    assert_int_equal(raml_gpass_at_k(5, 2, 3, &none, &out, &err), RAML_ERANGE);
}

/* All subsets of k of n samples, the first c of them correct. */
static void test_enumeration(void **state)
{
    (void)state;
    struct raml_err err = {0};
    for (uint32_t n = 1; n <= 12; n++)
        for (uint32_t c = 0; c <= n; c++) {
            size_t hit[13][13] = {{0}}, all[13] = {0}; /* [k][correct drawn] */
            for (uint32_t set = 0; set < 1u << n; set++) {
                int k = __builtin_popcount(set);
                all[k]++;
                hit[k][__builtin_popcount(set & ((1u << c) - 1))]++;
            }
            for (uint32_t k = 1; k <= n; k++) {
                double sum = 0;
                for (uint32_t m = k; m >= 1; m--) {
                    size_t least = 0;
                    for (uint32_t j = m; j <= k; j++) least += hit[k][j];
                    double got = -1, want = (double)least / (double)all[k];
                    char what[64];
                    snprintf(what, sizeof what, "n %u c %u k %u m %u", n, c, k, m);
                    CHECK_OK(raml_gpass_least(n, c, k, m, &got, &err));
                    CHECK_NEAR(what, got, want, 1e-14);
                    if (m > (k + 1) / 2) sum += want;
                }
                double got = -1;
                CHECK_OK(raml_mgpass_at_k(n, c, k, &got, &err));
                CHECK_NEAR("mG-Pass", got, 2 * sum / k, 1e-14);
            }
        }
}

/* C(c, k) / C(n, k), by products, where numbers are large; the mean of J is k c / n: a check on all weights at once. */
static void test_large(void **state)
{
    (void)state;
    static const struct {
        uint32_t n, c, k;
    } cases[] = {{1000000, 500000, 500000},
                 {1000000, 999000, 64},
                 {1000000, 10, 900000},
                 {4294967295u, 2147483647u, 64},
                 {4294967295u, 4294967000u, 4294967000u},
                 {1030, 515, 515},
                 {1000000, 999999, 999999}};
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t n = cases[i].n, c = cases[i].c, k = cases[i].k;
        char what[64];
        snprintf(what, sizeof what, "n %u c %u k %u", n, c, k);
        double all = -1, pass = -1, last = 2, product = 1;
        struct raml_tau one = tau_of("1"), zero = tau_of("0");
        for (uint32_t j = 0; j < k && product > 0; j++) product *= c > j ? (double)(c - j) / (double)(n - j) : 0;
        CHECK_OK(raml_gpass_at_k(n, c, k, &one, &all, &err));
        CHECK_NEAR(what, all, product, 1e-12);
        CHECK_OK(raml_pass_at_k(n, c, k, &pass, &err));
        CHECK_OK(raml_gpass_at_k(n, c, k, &zero, &all, &err));
        CHECK_NEAR(what, all, pass, 0);
        for (uint32_t step = 1; step <= 8; step++) { /* falls with m, within [0, 1] */
            uint32_t m = 1 + (uint32_t)((uint64_t)(k - 1) * step / 8);
            CHECK_OK(raml_gpass_least(n, c, k, m, &all, &err));
            assert_true(all >= 0 && all <= last && all <= 1);
            last = all;
        }
    }
    double half = -1; /* J and k - J have the same distribution when c = n/2: P(J >= k/2 + 1) = (1 - P(J = k/2)) / 2 */
    CHECK_OK(raml_gpass_least(1000000, 500000, 500000, 250001, &half, &err));
    CHECK_NEAR("P(J = k/2) by Stirling", 1 - 2 * half, 1.5957681e-3, 1e-9);
}

/* Odd k: floor(k/2) terms of 2/k. */
static void test_odd_k(void **state)
{
    (void)state;
    struct raml_err err = {0};
    for (uint32_t k = 1; k <= 33; k++) {
        double got = -1;
        CHECK_OK(raml_mgpass_at_k(64, 64, k, &got, &err));
        CHECK_NEAR("always correct", got, (double)(k / 2 * 2) / k, 1e-15);
    }
}

/* Values published with the definitions, six places. */
static void test_golden(void **state)
{
    (void)state;
    static const char *const tau[] = {"0.0", "0.25", "0.5", "0.75", "1.0"};
    static const struct {
        uint32_t n, c, k;
        double g[5], mean;
    } cases[] = {
        {16, 8, 4, {.961538, .961538, .715385, .284615, .038462}, .161538},
        {32, 20, 8, {.999953, .998447, .895917, .343627, .011976}, .280982},
        {16, 12, 16, {1, 1, 1, 1, 0}, .5},
    };
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double got = -1;
        for (size_t t = 0; t < COUNT(tau); t++) {
            struct raml_tau at = tau_of(tau[t]);
            CHECK_OK(raml_gpass_at_k(cases[i].n, cases[i].c, cases[i].k, &at, &got, &err));
            CHECK_NEAR(tau[t], got, cases[i].g[t], 5.01e-7);
        }
        CHECK_OK(raml_mgpass_at_k(cases[i].n, cases[i].c, cases[i].k, &got, &err));
        CHECK_NEAR("mG-Pass", got, cases[i].mean, 5.01e-7);
    }
}

static void test_oracle(void **state)
{
    (void)state;
    json_t *root = json_load_file(RAML_SHARED "/oracle/pass_at_k.json", 0, NULL);
    if (!root) {
        fprintf(stderr, "SKIPPED: %s/oracle/pass_at_k.json is absent: G-Pass@k was NOT compared with it\n",
                RAML_SHARED);
        skip();
    }
    json_t *rows = json_object_get(root, "rows"), *row, *value;
    const char *tau;
    size_t i, values = 0;
    struct raml_err err = {0};
    json_array_foreach (rows, i, row) {
        json_int_t n, c, k;
        double mean, got = -1;
        json_t *g;
        assert_int_equal(
            json_unpack(row, "{s:I, s:I, s:I, s:o, s:F}", "n", &n, "c", &c, "k", &k, "g_pass", &g, "mg_pass", &mean),
            0);
        json_object_foreach (g, tau, value) {
            struct raml_tau at = tau_of(tau);
            CHECK_OK(raml_gpass_at_k((uint32_t)n, (uint32_t)c, (uint32_t)k, &at, &got, &err));
            CHECK_NEAR(tau, got, json_number_value(value), 1e-12);
            values++;
        }
        CHECK_OK(raml_mgpass_at_k((uint32_t)n, (uint32_t)c, (uint32_t)k, &got, &err));
        CHECK_NEAR("mG-Pass", got, mean, 1e-12);
        values++;
    }
    printf("oracle: %zu values of %zu rows agree to 1e-12\n", values, json_array_size(rows));
    assert_true(json_array_size(rows) >= 300 && values == 6 * json_array_size(rows));
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds),  cmocka_unit_test(test_bad_thresholds), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_enumeration), cmocka_unit_test(test_large),          cmocka_unit_test(test_odd_k),
        cmocka_unit_test(test_golden),      cmocka_unit_test(test_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
