/* test_majority.c - maj@k against all C(n, k) draws, by hand, and its bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "raml/metric.h"
#include "raml/rng.h"

enum { MAX_N = 12 };

/* The correct share of the most common answers of one draw. answer[i] < 0: sample i does not vote. */
static double one_draw(uint32_t set, uint32_t n, const int *answer, const struct raml_vote *vote, size_t n_votes)
{
    uint32_t count[MAX_N] = {0}, most = 0;
    for (uint32_t i = 0; i < n; i++)
        if (set >> i & 1 && answer[i] >= 0) count[answer[i]]++;
    for (size_t g = 0; g < n_votes; g++)
        if (count[g] > most) most = count[g];
    double correct = 0, tied = 0;
    for (size_t g = 0; most && g < n_votes; g++) {
        if (count[g] != most) continue;
        tied++;
        correct += (double)vote[g].correct / vote[g].n;
    }
    return tied > 0 ? correct / tied : 0;
}

static void check_all_k(struct raml_majority *m, uint32_t n, const int *answer, const struct raml_vote *vote,
                        size_t n_votes)
{
    double sum[MAX_N + 1] = {0};
    size_t draws[MAX_N + 1] = {0};
    struct raml_err err = {0};
    for (uint32_t set = 0; set < 1u << n; set++) {
        int k = __builtin_popcount(set);
        sum[k] += one_draw(set, n, answer, vote, n_votes);
        draws[k]++;
    }
    for (uint32_t k = 1; k <= n; k++) {
        double got = -1;
        char what[32];
        snprintf(what, sizeof what, "n %u k %u", n, k);
        CHECK_OK(raml_maj_at_k(m, vote, n_votes, n, k, &got, &err));
        CHECK_NEAR(what, got, sum[k] / (double)draws[k], 1e-12);
    }
}

/* Random groupings: few and many classes, none to several correct ones, noise, samples that do not vote. */
static void test_enumeration(void **state)
{
    (void)state;
    struct raml_majority m = {0};
    size_t ties = 0, silent = 0, noisy = 0;
    for (uint32_t trial = 0; trial < 400; trial++) {
        struct raml_rng r = {.key = {.seed = 11, .purpose = RAML_FOR_TEST, .question = trial}};
        uint32_t n = 1 + raml_rng_below(&r, MAX_N), kinds = 1 + raml_rng_below(&r, n), mode = raml_rng_below(&r, 3);
        int answer[MAX_N], place[MAX_N];
        struct raml_vote vote[MAX_N] = {{0}};
        size_t n_votes = 0;
        for (uint32_t i = 0; i < MAX_N; i++) place[i] = -1;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t kind = raml_rng_below(&r, kinds + (mode == 2));
            answer[i] = -1;
            if (kind == kinds) { /* no answer */
                silent++;
                continue;
            }
            if (place[kind] < 0) place[kind] = (int)n_votes++;
            answer[i] = place[kind];
            vote[answer[i]].n++;
            vote[answer[i]].correct += mode == 1 ? raml_rng_below(&r, 2) : kind < 1 + trial % 3;
        }
        for (size_t g = 0; g < n_votes; g++) {
            noisy += vote[g].correct && vote[g].correct < vote[g].n;
            for (size_t h = 0; h < g; h++) ties += vote[g].n == vote[h].n;
        }
        check_all_k(&m, n, answer, vote, n_votes);
    }
    assert_true(ties > 100 && silent > 100 && noisy > 100);
    raml_majority_deinit(&m);
}

static void test_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct raml_vote vote[4];
        size_t n_votes;
        uint32_t n, k;
        double want;
    } cases[] = {
        {"nobody votes", {{0, 0}}, 0, 5, 3, 0},
        {"nobody is correct", {{3, 0}, {2, 0}}, 2, 5, 3, 0},
        {"all are correct", {{5, 5}}, 1, 5, 3, 1},
        {"one of two, tied", {{1, 1}, {1, 0}}, 2, 2, 2, 0.5},
        {"three ways", {{2, 2}, {2, 0}, {2, 0}}, 3, 6, 6, 1.0 / 3},
        {"k = 1 is accuracy", {{3, 3}, {4, 0}}, 2, 10, 1, 0.3},
        {"noise: the class is worth a half", {{2, 1}}, 1, 2, 2, 0.5},
        {"1 of 4 votes, 2 drawn: C(3,1)/C(4,2)", {{1, 1}}, 1, 4, 2, 0.5},
        {"most correct: 2 of 3 correct, 2 drawn: 1/3 * 1 + 2/3 * 1/2", {{2, 2}, {1, 0}}, 2, 3, 2, 2.0 / 3},
        {"silent majority does not win", {{1, 1}}, 1, 5, 5, 1},
    };
    struct raml_err err = {0};
    struct raml_majority m = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double got = -1;
        CHECK_OK(raml_maj_at_k(&m, cases[i].vote, cases[i].n_votes, cases[i].n, cases[i].k, &got, &err));
        CHECK_NEAR(cases[i].what, got, cases[i].want, 1e-15);
    }
    raml_majority_deinit(&m);
}

/* Two answers: the correct one wins with more than k/2, and half of the ties: the tail of metric.h. */
static void test_two_answers(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {13, 64, 257, 2000};
    struct raml_err err = {0};
    struct raml_majority m = {0};
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (uint32_t c = 1; c < sizes[i]; c += 1 + sizes[i] / 9)
            for (uint32_t k = 2; k < sizes[i] && k <= 400; k += 1 + k / 2) {
                struct raml_vote vote[] = {{sizes[i] - c, 0}, {c, c}};
                double got = -1, win = 0, not_lose = 0;
                CHECK_OK(raml_maj_at_k(&m, vote, 2, sizes[i], k, &got, &err));
                CHECK_OK(raml_gpass_least(sizes[i], c, k, k / 2 + 1, &win, &err));
                CHECK_OK(raml_gpass_least(sizes[i], c, k, (k + 1) / 2, &not_lose, &err));
                CHECK_NEAR("two answers", got, (win + not_lose) / 2, 1e-12);
            }
    raml_majority_deinit(&m);
}

/* Every answer given once: whatever is drawn ties. */
static void test_all_differ(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_majority m = {0};
    struct raml_vote vote[64];
    for (size_t i = 0; i < COUNT(vote); i++) vote[i] = (struct raml_vote){1, i % 4 == 0};
    for (uint32_t k = 1; k <= 64; k++) {
        double got = -1;
        CHECK_OK(raml_maj_at_k(&m, vote, 64, 64, k, &got, &err));
        CHECK_NEAR("all differ", got, 0.25, 1e-13);
    }
    raml_majority_deinit(&m);
}

/* The order of classes does not matter; values stay in [0, 1]. */
static void test_order(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_majority m = {0};
    for (uint32_t trial = 0; trial < 60; trial++) {
        struct raml_rng r = {.key = {.seed = 12, .purpose = RAML_FOR_TEST, .question = trial}};
        struct raml_vote vote[20], back[20];
        uint32_t n = 0, n_votes = 2 + raml_rng_below(&r, 19);
        for (uint32_t g = 0; g < n_votes; g++) {
            uint32_t size = 1 + raml_rng_below(&r, 9);
            vote[g] = (struct raml_vote){size, raml_rng_below(&r, 3) ? 0 : size};
            back[n_votes - 1 - g] = vote[g];
            n += size;
        }
        n += raml_rng_below(&r, 10);
        uint32_t k = 1 + raml_rng_below(&r, n);
        double a = -1, b = -2;
        CHECK_OK(raml_maj_at_k(&m, vote, n_votes, n, k, &a, &err));
        CHECK_OK(raml_maj_at_k(&m, back, n_votes, n, k, &b, &err));
        CHECK_NEAR("order", a, b, 0);
        assert_true(a >= 0 && a <= 1);
    }
    raml_majority_deinit(&m);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        struct raml_vote vote[2];
        uint32_t n, k;
        const char *says;
    } cases[] = {
        {{{1, 1}, {1, 0}}, 5, 0, "maj@0 of 5"},
        {{{1, 1}, {1, 0}}, 5, 6, "maj@6 of 5"},
        {{{1, 2}, {1, 0}}, 5, 2, "2 correct samples of 1"},
        {{{0, 0}, {1, 0}}, 5, 2, "of 0 that"},
        {{{3, 1}, {3, 0}}, 5, 2, "more than n = 5"},
        {{{4294967295u, 1}, {4294967295u, 0}}, 5, 2, "more than n = 5"},
    };
    struct raml_majority m = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        double out = 7;
        assert_int_equal(raml_maj_at_k(&m, cases[i].vote, 2, cases[i].n, cases[i].k, &out, &err), RAML_ERANGE);
        assert_non_null(strstr(err.msg, cases[i].says));
        CHECK_NEAR("unchanged", out, 7, 0);
    }
    struct raml_vote *many = calloc(4000000, sizeof *many); /* tables that no machine has */
    assert_non_null(many);
    for (size_t i = 0; i < 4000000; i++) many[i] = (struct raml_vote){1, 1};
    struct raml_err err = {0};
    double out = 7;
    assert_int_equal(raml_maj_at_k(&m, many, 4000000, 4000000, 3999999, &out, &err), RAML_ENOMEM);
    free(many);
    raml_majority_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enumeration), cmocka_unit_test(test_by_hand), cmocka_unit_test(test_two_answers),
        cmocka_unit_test(test_all_differ),  cmocka_unit_test(test_order),   cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
