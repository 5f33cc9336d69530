/* test_within.c - right against wrong of the same question, against means by hand. */
#include "study/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "check_near.h"

/* Questions 7 and 9 have both sides, 8 only right ones, 10 only wrong ones. A curve is a straight line from L to L + d. */
static const struct {
    uint64_t question;
    bool right;
    double from, to;
} lines[] = {
    {7, true, 4, 1},  {7, false, 4, 3}, {7, true, 2, 1},  {8, true, 9, 0},   {8, true, 9, 0},
    {9, false, 6, 5}, {9, true, 5, 0},  {9, false, 8, 5}, {10, false, 1, 1},
};

static void both_sides(void **state)
{
    (void)state;
    struct raml_err err = {0};
    static struct raml_within w;
    CHECK_OK(raml_within_init(&w, 3, &err));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const double loss[] = {lines[i].from, lines[i].to};
        CHECK_OK(raml_within_add(&w, lines[i].question, lines[i].right, loss, 2, &err));
    }
    CHECK_OK(raml_within_end(&w, &err));
    assert_int_equal(w.difference.n_curves, 2);
    assert_int_equal(w.right.n_curves, 2);
    assert_int_equal(w.wrong.n_curves, 2);
    double x[3], mean[3], low[3], high[3];
    raml_curve_mean_read(&w.right, x, mean, low, high);
    CHECK_NEAR("right at 0", mean[0], (3 + 5) / 2.0, 1e-12);
    CHECK_NEAR("right at T", mean[2], (1 + 0) / 2.0, 1e-12);
    raml_curve_mean_read(&w.wrong, x, mean, low, high);
    CHECK_NEAR("wrong at 0", mean[0], (4 + 7) / 2.0, 1e-12);
    raml_curve_mean_read(&w.difference, x, mean, low, high);
    CHECK_NEAR("difference at 0", mean[0], (-1 - 2) / 2.0, 1e-12);
    CHECK_NEAR("difference half way", mean[1], (-1.5 - 3.5) / 2.0, 1e-12);
    CHECK_NEAR("difference at T", mean[2], (-2 - 5) / 2.0, 1e-12);
    CHECK_NEAR("its band", high[2] - mean[2], 1.96 * 1.5, 1e-12); /* deviation 3/sqrt 2 of two */
}

static void one_side(void **state)
{
    (void)state;
    struct raml_err err = {0};
    static struct raml_within w;
    const double loss[] = {2, 1};
    CHECK_OK(raml_within_init(&w, 5, &err));
    CHECK_OK(raml_within_end(&w, &err));
    for (uint64_t q = 0; q < 4; q++) CHECK_OK(raml_within_add(&w, q, q % 2, loss, 2, &err));
    CHECK_OK(raml_within_end(&w, &err));
    assert_int_equal(w.difference.n_curves, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_sides), cmocka_unit_test(one_side)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
