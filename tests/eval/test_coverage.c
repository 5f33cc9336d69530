/* test_coverage.c - do 95 % intervals contain the truth in about 95 of 100 repetitions?
 *
 * Questions of beta-distributed difficulty, correct samples of one answer, wrong ones spread over a few; the truth is
 * the mean over the whole distribution of questions: E p = a/(a+b), E 1-(1-p)^8, and for the vote many questions.
 * $RAML_SIMULATE sets the number of repetitions; a test uses few.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "raml/rng.h"
#include "raml/table.h"

enum { N = 16, MEASURES = 2 };

/* Beta(a, b) of small whole a + b - 1: the a-th smallest of a + b - 1 uniforms. */
static double beta(struct raml_rng *r, int a, int b)
{
    double u[8];
    int n = a + b - 1;
    for (int i = 0; i < n; i++) {
        double x = raml_rng_uniform(r);
        int j = i;
        for (; j > 0 && u[j - 1] > x; j--) u[j] = u[j - 1];
        u[j] = x;
    }
    return u[a - 1];
}

static void add_question(struct raml_tallies *t, struct raml_rng *r, int a, int b)
{
    static const bool none[N];
    static const char *const text[] = {"7", "1", "2", "3"};
    bool correct[N];
    const char *answer[N];
    double p = beta(r, a, b);
    for (int i = 0; i < N; i++) {
        correct[i] = raml_rng_uniform(r) < p;
        answer[i] = text[correct[i] ? 0 : 1 + raml_rng_below(r, 3)];
    }
    struct raml_err err = {0};
    struct raml_graded q = {.id = "q",
                            .difficulty = -1,
                            .n = N,
                            .correct = correct,
                            .truncated = none,
                            .unclosed = none,
                            .answer = answer,
                            .has_answers = true};
    CHECK_OK(raml_tallies_add(t, &q, &err));
}

/* Accuracy, pass@8 and maj@8 of that many questions. */
static void run(uint32_t trial, uint32_t questions, int a, int b, uint32_t draws, struct raml_estimate out[3])
{
    static const struct raml_measure measure[MEASURES] = {{.kind = RAML_MEASURE_PASS, .k = 8},
                                                          {.kind = RAML_MEASURE_MAJ, .k = 8}};
    struct raml_rng r = {.key = {.seed = 31, .purpose = RAML_FOR_TEST, .question = trial, .sample = questions}};
    struct raml_table_options opt = {.seed = trial, .n_draws = draws, .measure = measure, .n_measures = MEASURES};
    struct raml_tallies *t = NULL;
    struct raml_table table = {0};
    struct raml_err err = {0};
    CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
    for (uint32_t i = 0; i < questions; i++) add_question(t, &r, a, b);
    CHECK_OK(raml_tallies_table(t, &table, &err));
    out[0] = table.row[0].accuracy;
    out[1] = table.row[0].measure[0];
    out[2] = table.row[0].measure[1];
    raml_table_deinit(&table);
    raml_tallies_close(t);
}

static void test_coverage(void **state)
{
    (void)state;
    static const char *const name[] = {"accuracy", "pass@8", "maj@8"};
    static const struct {
        uint32_t questions;
        int a, b;
        double least; /* near 0 and 1 an interval of few questions is still somewhat narrow */
    } cases[] = {{30, 1, 1, 0.90}, {100, 1, 1, 0.925}, {500, 1, 1, 0.935},
                 {30, 1, 3, 0.88}, {100, 1, 3, 0.91},  {500, 1, 3, 0.93}};
    const char *more = getenv("RAML_SIMULATE");
    uint32_t trials = more ? (uint32_t)strtoul(more, NULL, 10) : 120;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_estimate truth[3], e[3];
        size_t held[3] = {0};
        run(0, more ? 400000 : 40000, cases[i].a, cases[i].b, 0, truth);
        double none = 1; /* E (1-p)^8 = B(a, b+8) / B(a, b) */
        for (int j = 0; j < 8; j++) none *= (double)(cases[i].b + j) / (cases[i].a + cases[i].b + j);
        truth[0].value = (double)cases[i].a / (cases[i].a + cases[i].b);
        CHECK_NEAR("pass@8 of many questions", truth[1].value, 1 - none, 0.01);
        truth[1].value = 1 - none;
        for (uint32_t t = 1; t <= trials; t++) {
            run(t, cases[i].questions, cases[i].a, cases[i].b, 400, e);
            for (int m = 0; m < 3; m++) held[m] += e[m].low <= truth[m].value && truth[m].value <= e[m].high;
        }
        for (int m = 0; m < 3; m++) {
            double share = (double)held[m] / trials, slack = 3 * sqrt(0.05 * 0.95 / trials);
            printf("%u questions x %d, Beta(%d, %d), %s = %.3f: held in %.1f %% of %u\n", cases[i].questions, N,
                   cases[i].a, cases[i].b, name[m], truth[m].value, 100 * share, trials);
            assert_true(share >= cases[i].least - slack && share <= 0.95 + slack);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
