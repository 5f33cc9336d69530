/* test_paired.c - two runs compared: tests against enumeration, matching, and how often chance passes for a
 * difference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "eval/permutation.h"
#include "raml/paired.h"
#include "raml/rng.h"

/* ---- the tests of difference ------------------------------------------------------------------------------------- */

static void test_sign_test(void **state)
{
    (void)state;
    static const struct {
        uint64_t b, c;
        double p;
    } cases[] = {
        {0, 0, 1},          {1, 0, 1},           {3, 3, 1},
        {0, 5, 2.0 / 32},   {5, 0, 2.0 / 32},    {1, 5, 14.0 / 64},
        {2, 5, 58.0 / 128}, {0, 10, 2.0 / 1024}, {2, 10, 158.0 / 4096},
        {4, 5, 1},          {500, 500, 1},       {450, 550, 0.00173053 /* 1000 fair coins: exact sum */},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char what[32];
        snprintf(what, sizeof what, "%d : %d", (int)cases[i].b, (int)cases[i].c);
        CHECK_NEAR(what, raml_sign_test(cases[i].b, cases[i].c), cases[i].p, 1e-8);
        double other = raml_sign_test(cases[i].c, cases[i].b);
        CHECK_NEAR(what, other, raml_sign_test(cases[i].b, cases[i].c), 0);
    }
    assert_true(raml_sign_test(0, 100000) >= 0 && raml_sign_test(0, 100000) < 1e-300);
}

static double brute(const double *d, size_t n)
{
    double seen = 0;
    size_t hits = 0;
    for (size_t i = 0; i < n; i++) seen += d[i];
    for (uint32_t s = 0; s < 1u << n; s++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += s >> i & 1 ? d[i] : -d[i];
        hits += fabs(sum) >= fabs(seen) - 1e-9;
    }
    return (double)hits / (double)(1u << n);
}

static void test_flips(void **state)
{
    (void)state;
    for (uint32_t trial = 0; trial < 40; trial++) {
        struct raml_rng r = {.key = {.seed = 4, .purpose = RAML_FOR_TEST, .question = trial}};
        double d[20], copy[20], p = -1;
        size_t n = 1 + raml_rng_below(&r, 20); /* above 16: random patterns */
        for (size_t i = 0; i < n; i++) copy[i] = d[i] = ((double)raml_rng_below(&r, 9) - 3) / 8;
        struct raml_err err = {0};
        CHECK_OK(raml_permutation_test(copy, n, 5, &p, &err));
        CHECK_NEAR("all patterns", p, brute(d, n), n > 16 ? 0.03 : 1e-12);
    }
    double zero[] = {0, 0, 0}, p = -1, one[] = {0.1, 0.1, 0.1, 0.1, 0.1, 0};
    struct raml_err err = {0};
    CHECK_OK(raml_permutation_test(zero, 3, 5, &p, &err));
    CHECK_NEAR("no difference", p, 1, 0);
    CHECK_OK(raml_permutation_test(one, 6, 5, &p, &err));
    CHECK_NEAR("five alike: the sign test", p, 2.0 / 32, 1e-15);
    CHECK_OK(raml_permutation_test(one, 0, 5, &p, &err));
    CHECK_NEAR("nothing", p, 1, 0);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static const uint32_t four[] = {4};
static struct raml_tallies *open_run(const uint32_t *k, size_t n_k)
{
    struct raml_table_options opt = {.k = k, .n_k = n_k, .seed = 1, .n_draws = 500};
    struct raml_tallies *t = NULL;
    struct raml_err err = {0};
    CHECK_OK(raml_tallies_open(&opt, true, &t, &err));
    return t;
}

static void add(struct raml_tallies *t, const char *id, uint32_t n, uint32_t c)
{
    struct raml_err err = {0};
    struct raml_tally q = {.difficulty = -1, .n = n, .c = c};
    CHECK_OK(raml_tallies_count(t, id, &q, &err));
}

static void test_matching(void **state)
{
    (void)state;
    struct raml_tallies *a = open_run(four, 1), *b = open_run(four, 1);
    struct raml_err err = {0};
    add(a, "z", 8, 8), add(a, "a", 4, 1), add(a, "only-a", 4, 4), add(a, "m", 4, 2);
    add(b, "m", 4, 2), add(b, "a", 8, 6), add(b, "z", 4, 3);
    for (int i = 0; i < 7; i++) {
        char id[16];
        snprintf(id, sizeof id, "only-b%d", i);
        add(b, id, 4, 0);
    }
    struct raml_paired p = {0};
    CHECK_OK(raml_paired_compare(a, b, &p, &err));
    assert_int_equal(p.n_both, 3);
    assert_int_equal(p.n_only_first, 1);
    assert_int_equal(p.n_only_second, 7);
    assert_string_equal(p.only_first[0], "only-a");
    assert_string_equal(p.only_second[4], "only-b4");
    assert_int_equal(p.n_differences, 2);
    const struct raml_difference *d = &p.difference[0];
    CHECK_NEAR("first", d->first, (1 + 0.25 + 0.5) / 3, 1e-15);
    CHECK_NEAR("second", d->second, (0.75 + 0.75 + 0.5) / 3, 1e-15);
    CHECK_NEAR("difference", d->d.value, (-0.25 + 0.5 + 0) / 3, 1e-15);
    CHECK_NEAR("p of -1/4, 1/2", d->p, 1, 1e-15);
    assert_true(d->n_better == 1 && d->n_worse == 1 && d->n_equal == 1);
    assert_true(d->d.low >= -0.25 && d->d.low < d->d.value && d->d.high <= 0.5 && d->d.high > d->d.value);
    assert_false(p.one_each);
    double mean = 0.25 / 3, squares = (-0.25 - mean) * (-0.25 - mean) + (0.5 - mean) * (0.5 - mean) + mean * mean;
    CHECK_NEAR("variance", p.variance, squares / 2, 1e-15);

    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    raml_paired_text(&p, "one", "two", &text);
    assert_non_null(strstr(text.data, "3 questions in both\n1 only in one: only-a\n7 only in two: only-b0, only-b1,"));
    assert_non_null(strstr(text.data, "only-b4, ...\n"));
    assert_non_null(strstr(text.data, "pass@4"));
    raml_buf_deinit(&text);
    json_t *j = raml_paired_json(&p);
    CHECK_NEAR(
        "json",
        json_number_value(json_object_get(
            json_object_get(json_object_get(json_object_get(j, "measures"), "accuracy"), "difference"), "value")),
        d->d.value, 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(j, "only_second"), "questions")), 7);
    assert_null(json_object_get(j, "mcnemar"));
    json_decref(j);

    add(a, "a", 4, 2);
    assert_int_equal(raml_paired_compare(a, b, &p, &err), RAML_EFORMAT);
    assert_string_equal(err.msg, "question 'a' is in the first run twice; ids must be unique to match");
    assert_int_equal(p.n_both, 3); /* as before */
    struct raml_tallies *c = open_run(four, 1);
    add(c, "other", 4, 1);
    assert_int_equal(raml_paired_compare(c, b, &p, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "no question's id is in both"));
    raml_paired_deinit(&p);
    raml_paired_deinit(&p); /* harmless */
    raml_tallies_close(a);
    raml_tallies_close(b);
    raml_tallies_close(c);
}

static void test_mcnemar(void **state)
{
    (void)state;
    struct raml_tallies *a = open_run(NULL, 0), *b = open_run(NULL, 0);
    struct raml_err err = {0};
    for (int i = 0; i < 40; i++) { /* 2 only in the first, 10 only in the second */
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        add(a, id, 1, i < 2 || i >= 25);
        add(b, id, 1, i >= 2 && (i < 12 || i >= 25));
    }
    struct raml_paired p = {0};
    CHECK_OK(raml_paired_compare(a, b, &p, &err));
    assert_true(p.one_each && p.mcnemar_b == 2 && p.mcnemar_c == 10);
    CHECK_NEAR("McNemar", p.mcnemar_p, 158.0 / 4096, 1e-12);
    CHECK_NEAR("sign flips are the same test here", p.difference[0].p, p.mcnemar_p, 1e-15);
    CHECK_NEAR("difference", p.difference[0].d.value, 0.2, 1e-15);
    assert_true(isnan(p.noise));
    raml_paired_deinit(&p);

    struct raml_tallies *same = open_run(NULL, 0), *other = open_run(NULL, 0);
    for (int i = 0; i < 3; i++)
        add(same, i ? i == 1 ? "x" : "y" : "z", 1, 1), add(other, i ? i == 1 ? "x" : "y" : "z", 1, 1);
    CHECK_OK(raml_paired_compare(same, other, &p, &err));
    CHECK_NEAR("alike", p.difference[0].p, 1, 0);
    assert_true(isnan(p.difference[0].d.low)); /* three alike are not certainty */
    raml_paired_deinit(&p);
    raml_tallies_close(a);
    raml_tallies_close(b);
    raml_tallies_close(same);
    raml_tallies_close(other);
}

/* maj@k of both runs, if both have answers; if one does not, the rest is compared. */
static void test_majority(void **state)
{
    (void)state;
    struct raml_measure measure[] = {
        {.kind = RAML_MEASURE_MGPASS, .k = 3}, {.kind = RAML_MEASURE_MAJ, .k = 1}, {.kind = RAML_MEASURE_MAJ, .k = 3}};
    struct raml_table_options opt = {.measure = measure, .n_measures = 3, .n_draws = 100, .maj_if_answers = true};
    static const bool none[3], correct[2][3] = {{1, 0, 0}, {1, 1, 0}};
    static const char *const answer[] = {"7", "7", "8"}, *const apart[] = {"7", "9", "8"};
    for (int silent = 0; silent < 2; silent++) {
        struct raml_tallies *run[2];
        struct raml_err err = {0};
        for (int r = 0; r < 2; r++) {
            CHECK_OK(raml_tallies_open(&opt, true, &run[r], &err));
            struct raml_graded q = {.id = "q",
                                    .difficulty = -1,
                                    .n = 3,
                                    .correct = correct[r],
                                    .truncated = none,
                                    .unclosed = none,
                                    .answer = r ? answer : apart,
                                    .has_answers = !(silent && r)};
            CHECK_OK(raml_tallies_add(run[r], &q, &err));
        }
        struct raml_paired p = {0};
        CHECK_OK(raml_paired_compare(run[0], run[1], &p, &err));
        assert_int_equal(p.n_differences, silent ? 2 : 4);
        if (!silent) {
            CHECK_NEAR("maj@1", p.difference[2].d.value, 1.0 / 3, 1e-15);
            CHECK_NEAR("maj@3 first", p.difference[3].first, 1.0 / 3, 1e-15);
            CHECK_NEAR("maj@3 second", p.difference[3].second, 1, 1e-15);
        }
        raml_paired_deinit(&p);
        raml_tallies_close(run[0]);
        raml_tallies_close(run[1]);
    }
}

/* ---- simulation -------------------------------------------------------------------------------------------------- */

/* A question's rate, the same for both runs when shift is 0. */
static void simulate(struct raml_rng *r, uint32_t questions, uint32_t n, double shift, struct raml_tallies *a,
                     struct raml_tallies *b)
{
    for (uint32_t i = 0; i < questions; i++) {
        char id[16];
        double p = 0.15 + 0.7 * raml_rng_uniform(r);
        uint32_t c[2] = {0};
        for (int run = 0; run < 2; run++)
            for (uint32_t s = 0; s < n; s++) c[run] += raml_rng_uniform(r) < p + run * shift;
        snprintf(id, sizeof id, "%u", i);
        add(a, id, n, c[0]);
        add(b, id, n, c[1]);
    }
}

/* The share of repetitions with p < 0.05. */
static double rejected(uint32_t questions, uint32_t n, double shift, uint32_t trials)
{
    uint32_t hits = 0;
    for (uint32_t t = 0; t < trials; t++) {
        struct raml_rng r = {.key = {.seed = 21, .purpose = RAML_FOR_TEST, .question = t, .sample = questions}};
        struct raml_tallies *a = open_run(NULL, 0), *b = open_run(NULL, 0);
        struct raml_paired p = {0};
        struct raml_err err = {0};
        simulate(&r, questions, n, shift, a, b);
        CHECK_OK(raml_paired_compare(a, b, &p, &err));
        hits += p.difference[0].p < 0.05;
        raml_paired_deinit(&p);
        raml_tallies_close(a);
        raml_tallies_close(b);
    }
    return (double)hits / trials;
}

/* $RAML_SIMULATE sets the number of repetitions; a test uses few. */
static uint32_t repetitions(uint32_t few)
{
    const char *more = getenv("RAML_SIMULATE");
    return more ? (uint32_t)strtoul(more, NULL, 10) : few;
}

static void test_level(void **state)
{
    (void)state;
    uint32_t trials = repetitions(150);
    static const struct {
        uint32_t questions, n;
    } cases[] = {{30, 8}, {100, 1}, {100, 4}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double share = rejected(cases[i].questions, cases[i].n, 0, trials);
        printf("no difference, %u questions x %u: p < 0.05 in %.1f %% of %u\n", cases[i].questions, cases[i].n,
               100 * share, trials);
        assert_true(share <= 0.05 + 3 * sqrt(0.05 * 0.95 / trials));
    }
}

/* The planned sample size gives about the requested power. */
static void test_planned_power(void **state)
{
    (void)state;
    uint32_t trials = repetitions(150);
    enum { SAMPLES = 4 };
    struct raml_sample_size plan = {0, 2 * (0.25 - 0.7 * 0.7 / 12)}; /* E p(1-p) = 1/4 - Var p */
    double d = 0.06, need = raml_sample_size_paired(&plan, SAMPLES, d);
    double share = rejected((uint32_t)need, SAMPLES, d, trials);
    printf("planned %g questions x %d for %g: seen in %.1f %% of %u\n", need, SAMPLES, d, 100 * share, trials);
    assert_true(fabs(share - 0.8) <= 0.02 + 3 * sqrt(0.8 * 0.2 / trials));
}

static void test_plans(void **state)
{
    (void)state;
    struct raml_sample_size p;
    struct raml_err err = {0};
    CHECK_OK(raml_sample_size_of_accuracy(0.5, &p, &err));
    CHECK_NEAR("the pollster's 1068 for 3 points", raml_sample_size_width(&p, 1, 0.03), 1068, 0);
    CHECK_NEAR("9604 for 1 point", raml_sample_size_width(&p, 0, 0.01), 9604, 0);
    assert_int_equal(raml_sample_size_of_accuracy(1.5, &p, &err), RAML_ERANGE);
    assert_int_equal(raml_sample_size_of_accuracy(NAN, &p, &err), RAML_ERANGE);
    struct raml_spread s = {.total = 0.10, .noise = 0.02, .within = 0.16};
    CHECK_OK(raml_sample_size_of(&s, &p, &err));
    CHECK_NEAR("between", p.between, 0.08, 1e-15);
    CHECK_NEAR("one sample", raml_sample_size_width(&p, 1, 0.02),
               ceil(1.959963984540054 * 1.959963984540054 * 0.24 / 4e-4), 0);
    CHECK_NEAR("eight", raml_sample_size_width(&p, 8, 0.02), ceil(1.959963984540054 * 1.959963984540054 * 0.10 / 4e-4),
               0);
    s.noise = 0.3;
    CHECK_OK(raml_sample_size_of(&s, &p, &err));
    CHECK_NEAR("never below 0", p.between, 0, 0);
    s.noise = NAN;
    assert_int_equal(raml_sample_size_of(&s, &p, &err), RAML_ERANGE);
    s.total = NAN;
    assert_int_equal(raml_sample_size_of(&s, &p, &err), RAML_ERANGE);
    struct raml_sample_size certain = {0, 0};
    CHECK_NEAR("at least one question", raml_sample_size_width(&certain, 1, 0.5), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_test), cmocka_unit_test(test_flips),         cmocka_unit_test(test_matching),
        cmocka_unit_test(test_mcnemar),   cmocka_unit_test(test_majority),      cmocka_unit_test(test_level),
        cmocka_unit_test(test_plans),     cmocka_unit_test(test_planned_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
