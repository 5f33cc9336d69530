/* test_answer_counts.c - divergence of counted answers against numpy, and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "check_near.h"
#include "inner/answer_counts.h"

static const struct {
    const char *what;
    size_t n;
    uint32_t after[4], before[4];
    double kl;
} cases[] = {
    {"a class that neither has does not count", 3, {10, 6, 0}, {2, 14, 0}, 0.497618470061366},
    {"nothing in common is finite", 4, {16, 0, 0, 0}, {0, 0, 0, 16}, 2.5184118613833},
    {"equal counts", 3, {5, 5, 6}, {5, 5, 6}, 0},
    /* p = (2/3, 1/3), q = (1/5, 4/5): 2/3 ln(10/3) + 1/3 ln(5/12) */
    {"by hand", 2, {1, 0}, {0, 3}, 0.510825623765991},
};

static void divergence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_NEAR(cases[i].what, raml_answer_counts_kl(cases[i].after, cases[i].before, cases[i].n), cases[i].kl,
                   1e-14);
    const uint32_t none[] = {0, 0}, some[] = {1, 2};
    assert_true(isnan(raml_answer_counts_kl(none, some, 2)));
    assert_true(isnan(raml_answer_counts_kl(some, none, 2)));
}

static void shares(void **state)
{
    (void)state;
    const uint32_t count[] = {1, 0, 3}, none[] = {0, 0, 0};
    double share[3];
    raml_answer_counts_share(count, 3, share);
    CHECK_NEAR("first", share[0], 0.25, 0);
    CHECK_NEAR("none of it", share[1], 0, 0);
    CHECK_NEAR("last", share[2], 0.75, 0);
    raml_answer_counts_share(none, 3, share);
    assert_true(isnan(share[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(divergence), cmocka_unit_test(shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
