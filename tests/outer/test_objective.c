/* The SFT objective against numbers computed by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raml/train.h"

#include "check_near.h"

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t n;
        float logp[4], weight[4];
        int weighted;
        double total, loss, d[4];
    } cases[] = {
        {"no token", 0, {0}, {0}, 0, 1, 0, {0}},
        {"one token", 1, {-2}, {0}, 0, 1, 2, {-1}},
        {"mean of three", 3, {-1, -2, -6}, {0}, 0, 3, 3, {-1.0 / 3, -1.0 / 3, -1.0 / 3}},
        {"weights", 3, {-1, -2, -4}, {1, 2, 0.5f}, 1, 3.5, 7.0 / 3.5, {-1 / 3.5, -2 / 3.5, -0.5 / 3.5}},
        {"part of a step: total is the step's", 2, {-1, -3}, {0}, 0, 8, 0.5, {-0.125, -0.125}},
        {"a token of weight 0 is not read", 2, {-INFINITY, -3}, {0, 1}, 1, 1, 3, {0, -1}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        double loss = NAN;
        float d[4] = {0};
        CHECK_OK(raml_objective_sft(cases[i].logp, cases[i].weighted ? cases[i].weight : NULL, cases[i].n,
                                    cases[i].total, &loss, d, &err));
        CHECK_NEAR(cases[i].what, loss, cases[i].loss, 1e-12);
        for (size_t k = 0; k < cases[i].n; k++) CHECK_NEAR(cases[i].what, d[k], cases[i].d[k], 1e-7);
        float only[4] = {0}; /* before the pass there is no logp yet */
        CHECK_OK(raml_objective_sft(NULL, cases[i].weighted ? cases[i].weight : NULL, cases[i].n, cases[i].total, NULL,
                                    only, &err));
        assert_memory_equal(only, d, sizeof d);
    }
}

/* The derivative is the slope of the loss, and parts of a step add up to the whole. */
static void test_slope_and_split(void **state)
{
    (void)state;
    struct raml_err err = {0};
    float logp[5] = {-0.25f, -1.5f, -3, -0.5f, -2}, weight[5] = {1, 1, 2, 0.25f, 1}, d[5];
    double whole, a, b;
    CHECK_OK(raml_objective_sft(logp, weight, 5, 5.25, &whole, d, &err));
    CHECK_OK(raml_objective_sft(logp, weight, 2, 5.25, &a, NULL, &err));
    CHECK_OK(raml_objective_sft(logp + 2, weight + 2, 3, 5.25, &b, NULL, &err));
    CHECK_NEAR("parts add up", a + b, whole, 1e-12);
    for (size_t i = 0; i < 5; i++) {
        double up, down;
        float keep = logp[i];
        logp[i] = keep + 0.125f;
        CHECK_OK(raml_objective_sft(logp, weight, 5, 5.25, &up, NULL, &err));
        logp[i] = keep - 0.125f;
        CHECK_OK(raml_objective_sft(logp, weight, 5, 5.25, &down, NULL, &err));
        logp[i] = keep;
        CHECK_NEAR("slope", d[i], (up - down) / 0.25, 1e-7);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct raml_err err = {0};
    float logp[2] = {-1, -1}, bad[2] = {1, -1}, d[2] = {7, 7};
    double loss = 7;
    static const double totals[] = {0, -1, NAN, INFINITY};
    for (size_t i = 0; i < COUNT(totals); i++)
        assert_int_equal(raml_objective_sft(logp, NULL, 2, totals[i], &loss, d, &err), RAML_ERANGE);
    assert_int_equal(raml_objective_sft(logp, bad, 2, 1, &loss, d, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "loss: weight of target 1 is -1; expected 0 or more");
    assert_true(loss == 7 && d[0] == 7 && d[1] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_slope_and_split),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
