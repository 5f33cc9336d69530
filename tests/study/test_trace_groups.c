/* test_trace_groups.c - groups of trajectories: which there are, their means by hand, intervals against a resampling
 * written here, shares, differences, and the table. */
#include "core/scratch.h"

#include "check_near.h"
#include "eval/cluster.h"
#include "raml/rng.h"
#include "study/trace_groups.h"

#include <math.h>

enum { N = 7, N_DRAWS = 200 };
static const struct { /* three questions, with three, two and two trajectories */
    struct raml_trace_member m;
    double descent, falls;
} data[N] = {
    {{10, 0, RAML_TRACE_CORRECT, "thinking", 9}, 4, 1},   {{10, 1, RAML_TRACE_WRONG, "thinking", 3}, 1, 1},
    {{10, 2, RAML_TRACE_CORRECT, "none", 5}, NAN, 1},     {{3, 0, RAML_TRACE_CORRECT, "thinking", 6}, 6, 1},
    {{3, 1, RAML_TRACE_UNGRADED, "thinking", 7}, -2, 0},  {{12, 0, RAML_TRACE_CORRECT, "thinking", 8}, 0.5, 1},
    {{12, 4, RAML_TRACE_WRONG, "nothinking", 1}, 3.5, 1},
};

static struct raml_trace_groups *filled(double scale)
{
    struct raml_err err = {0};
    struct raml_trace_groups *g;
    must(raml_trace_groups_open(&g, &err), &err);
    for (size_t i = 0; i < N; i++) {
        must(raml_trace_groups_add(g, &data[i].m, &err), &err);
        must(raml_trace_groups_value(g, "gold", "descent", scale * data[i].descent, &err), &err);
        must(raml_trace_groups_value(g, "gold", "falls", data[i].falls, &err), &err);
        if (i == 3) must(raml_trace_groups_value(g, "own", "descent", 1, &err), &err);
    }
    return g;
}

static struct raml_trace_summary rows_of(struct raml_trace_groups *g, uint32_t n_draws)
{
    struct raml_err err = {0};
    struct raml_trace_summary s = {.groups = g};
    must(raml_trace_groups_rows(g, 5, n_draws, &s.row, &s.n_rows, &err), &err);
    return s;
}

static const struct raml_trace_row *row(const struct raml_trace_summary *s, const char *by, const char *group,
                                        const char *curve, const char *measure)
{
    const struct raml_trace_row *r = raml_trace_row_find(s, by, group, curve, measure);
    if (!r) fail_msg("no row %s %s %s %s", by, group, curve, measure);
    return r;
}

static void means(void **state)
{
    (void)state;
    static const struct {
        const char *by, *group;
        size_t n, n_questions;
        double descent;
    } want[] = {
        {"all", "all", 6, 3, 13.0 / 6},
        {"verdict", "right", 3, 3, 10.5 / 3},
        {"verdict", "wrong", 2, 2, 2.25},
        {"verdict", "unlabelled", 1, 1, -2},
        {"mode", "thinking", 5, 3, 9.5 / 5},
        {"mode", "nothinking", 1, 1, 3.5},
        /* T = 1 3 5 6 7 8 9: quantiles 5 and 7 */
        {"length", "short", 2, 2, 4.5 / 2},
        {"length", "middle", 2, 1, 2},
        {"length", "long", 2, 2, 4.5 / 2},
    };
    struct raml_trace_summary s = rows_of(filled(1), N_DRAWS);
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct raml_trace_row *r = row(&s, want[i].by, want[i].group, "gold", "descent");
        assert_int_equal(r->n, want[i].n);
        assert_int_equal(r->e.n, want[i].n_questions);
        CHECK_NEAR(want[i].group, r->e.value, want[i].descent, 1e-12);
        if (want[i].n_questions < 2) assert_true(isnan(r->e.low) && isnan(r->e.high));
        else assert_true(r->e.low <= r->e.value && r->e.value <= r->e.high);
    }
    assert_null(raml_trace_row_find(&s, "mode", "none", "gold", "descent")); /* its only value does not exist */
    assert_null(raml_trace_row_find(&s, "verdict", "wrong", "own", "descent"));
    assert_int_equal(row(&s, "verdict", "right", "own", "descent")->n, 1);
    raml_trace_summary_deinit(&s);
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The interval by drawing questions, each with its trajectories, as its definition has it: 12 questions, those of even
 * number with two trajectories. Tails of 12 questions, by the formula of quantile.c; quantiles of type 7. */
static void intervals(void **state)
{
    (void)state;
    enum { Q = 12 };
    struct raml_err err = {0};
    struct raml_trace_groups *g;
    double sum[Q], count[Q], mean[N_DRAWS];
    struct raml_clustered c = {0};
    struct raml_estimate e;
    must(raml_trace_groups_open(&g, &err), &err);
    for (size_t i = 0; i < Q; i++) {
        sum[i] = count[i] = 0;
        for (size_t k = 0; k < 2 - i % 2; k++) {
            double value = (double)(i * i) - 7 * (double)k;
            const struct raml_trace_member m = {i, k, RAML_TRACE_CORRECT, "thinking", 5};
            must(raml_trace_groups_add(g, &m, &err), &err);
            must(raml_trace_groups_value(g, "gold", "descent", value, &err), &err);
            must(raml_clustered_add(&c, i, value, &err), &err);
            sum[i] += value;
            count[i]++;
        }
    }
    for (uint64_t d = 0; d < N_DRAWS; d++) {
        const struct raml_key key = {.seed = 5, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
        uint32_t w[4] = {0};
        double a = 0, b = 0;
        for (size_t i = 0; i < Q; i++) {
            if (i % 4 == 0) raml_random4(&key, i / 4, w);
            size_t q = (size_t)(((uint64_t)w[i % 4] * Q) >> 32);
            a += sum[q];
            b += count[q];
        }
        mean[d] = a / b;
    }
    qsort(mean, N_DRAWS, sizeof *mean, upwards);
    const double z = 1.959963984540054, nu = Q - 1, z2 = z * z;
    double t = z + z * (z2 + 1) / (4 * nu) + z * ((5 * z2 + 16) * z2 + 3) / (96 * nu * nu) +
               z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * nu * nu * nu);
    double tail = 0.5 * erfc(t * sqrt(Q / nu) / sqrt(2.0)), at = tail * (N_DRAWS - 1);
    size_t i = (size_t)at;
    struct raml_trace_summary s = rows_of(g, N_DRAWS);
    const struct raml_trace_row *r = row(&s, "all", "all", "gold", "descent");
    CHECK_NEAR("low", r->e.low, mean[i] + (at - (double)i) * (mean[i + 1] - mean[i]), 1e-12);
    assert_true(r->e.low < r->e.value && r->e.value < r->e.high);
    must(raml_clustered_mean(&c, 5, N_DRAWS, &e, &err), &err); /* cluster.h's interval is the same */
    CHECK_NEAR("low of clusters", e.low, r->e.low, 0);
    CHECK_NEAR("high of clusters", e.high, r->e.high, 0);
    CHECK_NEAR("standard error", e.se, r->e.se, 1e-14);
    raml_clustered_deinit(&c);
    struct raml_trace_row *again;
    size_t n;
    must(raml_trace_groups_rows(g, 5, 0, &again, &n, &err), &err);
    assert_true(isnan(again[0].e.low) && isnan(again[0].e.high));
    free(again);
    raml_trace_summary_deinit(&s);
}

/* All right trajectories fall: three questions of three. Their bootstrap would be a point. */
static void shares(void **state)
{
    (void)state;
    struct raml_trace_summary s = rows_of(filled(1), N_DRAWS);
    const struct raml_estimate want = raml_wilson(3, 3);
    const struct raml_trace_row *r = row(&s, "verdict", "right", "gold", "falls");
    CHECK_NEAR("share", r->e.value, 1, 0);
    CHECK_NEAR("low", r->e.low, want.low, 1e-15);
    assert_true(r->e.low < 0.6);
    r = row(&s, "all", "all", "gold", "falls"); /* one question has both: 6 of 7 */
    CHECK_NEAR("share", r->e.value, 6.0 / 7, 1e-15);
    CHECK_NEAR("high", r->e.high, 1, 0);
    raml_trace_summary_deinit(&s);
}

/* One question with 16 right samples, nine with one wrong one: the trajectories of each question agree, but questions do
 * not weigh alike, so Wilson's interval of 1 in 10 is of another number than 16/25. */
static void uneven_shares(void **state)
{
    (void)state;
    struct raml_err err = {0};
    for (size_t several = 0; several < 2; several++) {
        struct raml_trace_groups *g;
        must(raml_trace_groups_open(&g, &err), &err);
        for (size_t i = 0; i < 25; i++) {
            size_t question = i < 16 && several ? 0 : i;
            const struct raml_trace_member m = {question, i, RAML_TRACE_CORRECT, "thinking", 5};
            must(raml_trace_groups_add(g, &m, &err), &err);
            must(raml_trace_groups_value(g, "gold", "greedy", i < 16, &err), &err);
        }
        struct raml_trace_summary s = rows_of(g, N_DRAWS);
        const struct raml_trace_row *r = row(&s, "all", "all", "gold", "greedy");
        const struct raml_estimate wilson = raml_wilson(16, 25);
        CHECK_NEAR("share", r->e.value, 0.64, 1e-15);
        assert_true(r->e.low <= r->e.value && r->e.value <= r->e.high);
        if (several) assert_true(r->e.low < 0.01); /* the one right question need not be drawn */
        else CHECK_NEAR("one trajectory a question", r->e.low, wilson.low, 1e-15);
        raml_trace_summary_deinit(&s);
    }
}

static void differences(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary a = rows_of(filled(1), 0), b = rows_of(filled(3), 0), d, none;
    char path[4200];
    in(*state, "difference.tsv", path);
    must(raml_trace_compare(&a, &b, 5, N_DRAWS, path, &d, &err), &err);
    CHECK_NEAR("of all", row(&d, "all", "all", "gold", "descent")->e.value, 2 * 13.0 / 6, 1e-12);
    CHECK_NEAR("of right ones", row(&d, "verdict", "right", "gold", "descent")->e.value, 7, 1e-12);
    const struct raml_trace_row *r = row(&d, "all", "all", "gold", "falls"); /* no proportion: all are 0 */
    CHECK_NEAR("low", r->e.low, 0, 0);
    CHECK_NEAR("high", r->e.high, 0, 0);
    assert_int_equal(row(&d, "all", "all", "own", "descent")->n, 1);
    assert_true(raml_is_file(path));
    raml_trace_summary_deinit(&d);
    must(raml_trace_groups_open(&none.groups, &err), &err);
    none.row = NULL;
    assert_int_equal(raml_trace_compare(&a, &none, 5, 0, path, &d, &err), RAML_ERANGE);
    assert_true(has(err.msg, "no trajectory was traced by both"));
    raml_trace_summary_deinit(&none);
    raml_trace_summary_deinit(&a);
    raml_trace_summary_deinit(&b);
}

/* Two readers of which one needs three tokens for the first question's answer: 16.08 against 12 nats, though 5.36 per
 * token; a share is compared as it is. */
static void whole_answers(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    in(*state, "whole.tsv", path);
    for (size_t differ = 0; differ < 2; differ++) {
        struct raml_trace_summary s[2], d;
        for (size_t k = 0; k < 2; k++) {
            must(raml_trace_groups_open(&s[k].groups, &err), &err);
            for (size_t q = 0; q < 2; q++) {
                const struct raml_trace_member m = {q, 0, RAML_TRACE_CORRECT, "thinking", 5};
                size_t A = differ && k == 0 && q == 0 ? 3 : 2;
                must(raml_trace_groups_add(s[k].groups, &m, &err), &err);
                must(raml_trace_groups_loss(s[k].groups, "gold", "L0", k ? 6 : 5.36, A, &err), &err);
                must(raml_trace_groups_value(s[k].groups, "gold", "tau_b", k ? 0.5 : 0.25, &err), &err);
            }
            s[k] = rows_of(s[k].groups, 0);
        }
        must(raml_trace_compare(&s[0], &s[1], 5, N_DRAWS, path, &d, &err), &err);
        assert_int_equal(d.whole_answers, differ);
        CHECK_NEAR("tau_b", row(&d, "all", "all", "gold", "tau_b")->e.value, 0.25, 1e-15);
        const char *name = differ ? "answer_L0" : "L0";
        double want = differ ? (12 - 16.08 + 12 - 10.72) / 2 : 0.64;
        CHECK_NEAR(name, row(&d, "all", "all", "gold", name)->e.value, want, 1e-12);
        assert_true(!differ || !raml_trace_row_find(&d, "all", "all", "gold", "L0"));
        raml_trace_summary_deinit(&d);
        for (size_t k = 0; k < 2; k++) raml_trace_summary_deinit(&s[k]);
    }
}

static void table(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    in(*state, "groups.tsv", path);
    const struct raml_trace_row r[] = {
        {"mode", "a\t\"b", "gold", "descent", 3, {.value = 0.25, .low = NAN, .high = NAN, .n = 1}},
        {"all", "all", "gold", "L0", 2, {.value = 1, .low = 0.5, .high = 1e-10, .n = 2}}};
    must(raml_trace_groups_write(r, COUNT(r), path, &err), &err);
    char *text = slurp(path, NULL);
    assert_string_equal(text, "by\tgroup\tcurve\tmeasure\ttrajectories\tquestions\tvalue\tlow\thigh\n"
                              "mode\ta  b\tgold\tdescent\t3\t1\t0.25\tnan\tnan\n"
                              "all\tall\tgold\tL0\t2\t2\t1\t0.5\t1e-10\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means),
        cmocka_unit_test(intervals),
        cmocka_unit_test(shares),
        cmocka_unit_test(uneven_shares),
        cmocka_unit_test_setup_teardown(differences, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(whole_answers, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(table, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
