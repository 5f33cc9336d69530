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
            must(raml_token_mean_add(&m, &curve[c], curve[c].at, curve[c].value, curve[c].n, &err), &err);
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

/* Two questions, of two curves and one: S_q - n_q mean is -2 and 2 at 0, where the mean is 2. */
static void questions(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_token_mean m = {0};
    static const double value[3][2] = {{1, 5}, {1, 5}, {4, 5}};
    double mean, low, high;
    for (size_t k = 0; k < 3; k++)
        must(raml_token_mean_add(&m, &value[k / 2], (const uint32_t[]){0, 2}, value[k], 2, &err), &err);
    raml_token_mean_read(&m, 0, &mean, &low, &high);
    CHECK_NEAR("mean", mean, 2, 1e-14);
    CHECK_NEAR("low", low, 2 - 1.96 * sqrt(2 * (4 + 4)) / 3, 1e-14);
    raml_token_mean_read(&m, 9, &mean, &low, &high);
    CHECK_NEAR("all alike at the end", high, 5, 1e-7);
    raml_token_mean_deinit(&m);
}

static void one_curve(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_token_mean m = {0};
    double mean, low, high;
    raml_token_mean_read(&m, 0, &mean, &low, &high);
    assert_true(isnan(mean) && isnan(low));
    must(raml_token_mean_add(&m, &curve[2], curve[2].at, curve[2].value, 2, &err), &err);
    raml_token_mean_read(&m, 3, &mean, &low, &high);
    CHECK_NEAR("mean", mean, 4, 1e-14);
    assert_true(isnan(low) && isnan(high)); /* one has no spread */
    raml_token_mean_deinit(&m);
}

/* Means of 0 and 10 with bands from -4.8 to 14.8: no loss is below 0, so no band is. */
static void bands(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_plots *plots = NULL;
    const struct raml_trace_plan plan = {0};
    struct raml_asked_list asked = {0};
    for (size_t i = 0; i < RAML_ANSWER_SLOTS; i++) asked.of_slot[i] = -1;
    uint32_t at[] = {0, 1};
    must(raml_trace_plots_open(&plan, &plots, &err), &err);
    for (size_t k = 0; k < 4; k++) {
        double loss[] = {k % 2 ? 10 : 0, k % 2 ? 10 : 0};
        static const struct raml_question question[4];
        const struct raml_loss_curve c = {.n_tokens = 1, .n_answer = 1, .n_points = 2, .at = at, .loss = loss};
        const struct raml_traced t = {.q = &question[k], .curve = &c, .asked = &asked, .mode = k < 2 ? "one" : "two"};
        must(raml_trace_plots_add(plots, &t, &err), &err);
    }
    struct raml_drawing to = {.dir = *state};
    must(raml_trace_plots_write(plots, NULL, 0, &to, NULL, &err), &err);
    raml_trace_plots_close(plots);
    static const char *const name[] = {"modes_tokens.tsv", "modes_position.tsv"};
    for (size_t i = 0; i < COUNT(name); i++) {
        char path[4200];
        char *text = slurp(in(*state, name[i], path), NULL);
        assert_non_null(text);
        assert_non_null(strstr(text, "two (n = 2)\t1\t5\t0\t14.8\n"));
        assert_null(strstr(text, "\t-"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means), cmocka_unit_test(one_curve),
                                       cmocka_unit_test(questions),
                                       cmocka_unit_test_setup_teardown(bands, enter_scratch, leave_scratch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
