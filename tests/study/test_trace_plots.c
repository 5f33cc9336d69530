/* test_trace_plots.c - means over tokens, in which a curve that has ended keeps its last value, by hand. */
#include "core/scratch.h"

#include "check_near.h"
#include "study/trace_plots.h"

#include <math.h>

static const struct {
    uint32_t at[3];
    double value[3];
    size_t n;
} curve[] = {{{0, 1, 2}, {4, 2, 0}, 3}, {{0}, {3}, 1}, {{0, 4}, {1, 5}, 2}}; /* the last: 1 2 3 4 5 */

static void means(void **state)
{
    (void)state;
    static const size_t order[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
    static const double want[] = {8.0 / 3, 7.0 / 3, 6.0 / 3, 7.0 / 3, 8.0 / 3, 8.0 / 3};
    for (size_t o = 0; o < COUNT(order); o++) {
        struct raml_err err = {0};
        struct raml_token_mean m = {0};
        double mean, low, high;
        for (size_t k = 0; k < 3; k++) {
            size_t c = order[o][k];
            must(raml_token_mean_add(&m, curve[c].at, curve[c].value, curve[c].n, &err), &err);
        }
        assert_int_equal(m.n, 5);
        for (size_t i = 0; i < COUNT(want); i++) {
            raml_token_mean_read(&m, i, &mean, &low, &high);
            CHECK_NEAR("mean", mean, want[i], 1e-14);
        }
        raml_token_mean_read(&m, 2, &mean, &low, &high); /* 0, 3 and 3: deviation √3 */
        CHECK_NEAR("low", low, 2 - 1.96, 1e-14);
        CHECK_NEAR("high", high, 2 + 1.96, 1e-14);
        raml_token_mean_deinit(&m);
    }
}

static void one_curve(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_token_mean m = {0};
    double mean, low, high;
    raml_token_mean_read(&m, 0, &mean, &low, &high);
    assert_true(isnan(mean) && isnan(low));
    must(raml_token_mean_add(&m, curve[2].at, curve[2].value, 2, &err), &err);
    raml_token_mean_read(&m, 3, &mean, &low, &high);
    CHECK_NEAR("mean", mean, 4, 1e-14);
    assert_true(isnan(low) && isnan(high)); /* one has no spread */
    raml_token_mean_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means), cmocka_unit_test(one_curve)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
