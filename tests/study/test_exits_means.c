/* test_exits_means.c - a case worked by hand: every policy's numbers on both halves, the choice, the files. */
#include "study/exits_lines.h"

#include "eval/cluster.h"

enum { MAX_TEXT = 1 << 20, DRAWS = 200 };

/* Every probe costs 3 tokens. Places 0, 10, 20; the end at 30. */
static const double low_first[] = {0.4, 0.9, 0.9, 0.9}, low_second[] = {0.9, 0.4, 0.9, 0.9},
                    high[] = {0.9, 0.9, 0.9, 0.9}, deep[] = {0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9};

struct rig {
    char *dir, path[300];
    struct raml_exits_files_options opt;
    struct raml_exits_files_job job;
    struct raml_exits_summary sum;
};

static void rig_open(struct rig *r, const char *policies, double margin)
{
    char question[32];
    struct raml_buf b;
    memset(r, 0, sizeof *r);
    raml_buf_init(&b, MAX_TEXT);
    lines_header(&b, 6);
    lines_question(RAML_EXITS_VALIDATION, 0, question);
    lines_trajectory(&b, "v1", question, 0, "WRRR", low_first);
    lines_trajectory(&b, "v1", question, 1, "WWRR", low_second);
    lines_question(RAML_EXITS_TEST, 0, question);
    lines_trajectory(&b, "t1", question, 0, "RRRR", high);
    lines_trajectory(&b, "t1", question, 1, "WWWR", high);
    lines_question(RAML_EXITS_VALIDATION, 1, question);
    lines_trajectory(&b, "v2", question, 0, "--RR", high);
    lines_question(RAML_EXITS_TEST, 1, question);
    lines_trajectory(&b, "t2", question, 0, "WRWW", high);
    r->dir = lines_dir();
    lines_put(r->dir, "probes.jsonl", b.data, b.len);
    snprintf(r->path, sizeof r->path, "%s/probes.jsonl", r->dir);
    raml_buf_deinit(&b);
    r->opt = raml_exits_files_default();
    r->opt.probes = r->path;
    r->opt.policies = policies;
    r->opt.margin = margin;
    r->opt.n_draws = DRAWS;
    r->job.dir = r->dir;
}

static void rig_close(struct rig *r)
{
    struct raml_err err = {0};
    raml_exits_summary_deinit(&r->sum);
    CHECK_OK(raml_remove_tree(r->dir, &err));
    free(r->dir);
}

static void run(struct rig *r)
{
    struct raml_err err = {0};
    CHECK_OK(raml_exits_files(&r->job, &r->opt, &r->sum, &err));
}

static const struct raml_exits_row *row_of(const struct rig *r, const char *begins)
{
    for (size_t k = 0; k < r->sum.n_rows; k++)
        if (!strncmp(r->sum.row[k].settings, begins, strlen(begins))) return &r->sum.row[k];
    fail_msg("no policy '%s'", begins);
    return NULL;
}

static const char policies[] = "stability:stride=10,repeats=1,bound=0.5; stability:stride=10,repeats=2;"
                               "first_right:stride=10";
#define FIRST "stability:stride=10,most=0,repeats=1,bound=0.5"
#define SECOND "stability:stride=10,most=0,repeats=2,bound=0"

struct want {
    const char *policy;
    enum raml_exits_half half;
    double accuracy, stop, probe_tokens, total, kept, cost_kept, vs_full, vs_budget;
};

static void check(const struct rig *r, const struct want *w)
{
    const struct raml_exits_measures *m = &row_of(r, w->policy)->half[w->half];
    assert_int_equal(m->n, 3);
    assert_int_equal(m->accuracy.n, 2);
    CHECK_NEAR(w->policy, m->accuracy.value, w->accuracy, 1e-15);
    CHECK_NEAR(w->policy, m->stop.value, w->stop, 1e-12);
    CHECK_NEAR(w->policy, m->probe_tokens.value, w->probe_tokens, 1e-12);
    CHECK_NEAR(w->policy, m->total.value, w->total, 1e-12);
    CHECK_NEAR(w->policy, m->kept.value, w->kept, 1e-15);
    CHECK_NEAR(w->policy, m->cost_kept.value, w->cost_kept, 1e-15);
    CHECK_NEAR(w->policy, m->vs_full.value, w->vs_full, 1e-15);
    CHECK_NEAR(w->policy, m->vs_budget.value, w->vs_budget, 1e-12);
}

static void every_number_by_hand(void **state)
{
    (void)state;
    struct rig r;
    const enum raml_exits_half v = RAML_EXITS_VALIDATION, t = RAML_EXITS_TEST;
    /* Validation: v1/0 W R R R, v1/1 W W R R, v2 - - R R; test: t1/0 R R R R, t1/1 W W W R, t2 W R W W. */
    const struct want want[] = {
        {"full", v, 1, 30, 3, 33, 1, 1, 0, 0},
        {"full", t, 2.0 / 3, 30, 3, 33, 1, 1, 0, 0},
        {"budget:budget=0", v, 0, 0, 3, 3, 0, 9.0 / 99, -1, 0},
        {"budget:budget=10", v, 1.0 / 3, 10, 3, 13, 30.0 / 90, 39.0 / 99, -2.0 / 3, 0},
        {"budget:budget=20", v, 1, 20, 3, 23, 60.0 / 90, 69.0 / 99, 0, 0},
        {"budget:budget=10", t, 2.0 / 3, 10, 3, 13, 30.0 / 90, 39.0 / 99, 0, 0},
        /* stops at 10, 0, 20 with 2, 1, 3 probes: 16, 3, 29; the best budget for 16 tokens is 10 */
        {FIRST, v, 2.0 / 3, 10, 6, 16, 30.0 / 90, 48.0 / 99, -1.0 / 3, 2.0 / 3 - 1.0 / 3},
        {FIRST, t, 1.0 / 3, 0, 3, 3, 0, 9.0 / 99, -1.0 / 3, 1.0 / 3 - 2.0 / 3},
        /* 20, 10, 30 with 3, 2, 4: 29, 16, 42; the best for 29 is 20, right everywhere there, once on the test half */
        {SECOND, v, 2.0 / 3, 20, 9, 29, 60.0 / 90, 87.0 / 99, -1.0 / 3, -1.0 / 3},
        {SECOND, t, 1.0 / 3, 50.0 / 3, 8, 74.0 / 3, 50.0 / 90, 74.0 / 99, -1.0 / 3, 0},
        {"first_right", v, 1, 50.0 / 3, 3, 59.0 / 3, 50.0 / 90, 59.0 / 99, 0, 1 - 1.0 / 3},
    };
    rig_open(&r, policies, 0.4);
    run(&r);
    assert_true(r.sum.n_questions[v] == 2 && r.sum.n_questions[t] == 2 && r.sum.n_trajectories == 6);
    assert_true(r.sum.n_probes == 24 && r.sum.n_rows == 7 && r.sum.stride == 10);
    for (size_t i = 0; i < COUNT(want); i++) check(&r, &want[i]);
    assert_string_equal(row_of(&r, FIRST)->reasons[v], "stable 3");
    assert_string_equal(row_of(&r, SECOND)->reasons[v], "stable 2, end 1");
    assert_true(row_of(&r, "first_right")->oracle && !row_of(&r, FIRST)->oracle);
    assert_string_equal(row_of(&r, FIRST)->budget, "budget:budget=10");
    assert_string_equal(row_of(&r, "full")->budget, "full");
    rig_close(&r);
}

/* Budgets past the end cost what full thinking does: full is compared with itself all the same, and no policy with a budget
 * that costs more than it. A budget of 10 is the best one: policies that cost more are compared with it. */
static void the_best_budget_is_compared_with(void **state)
{
    (void)state;
    char question[32];
    struct raml_buf b;
    struct rig r;
    rig_open(&r, "stability:stride=10,repeats=2;stability:stride=10,repeats=9", 0.4);
    raml_buf_init(&b, MAX_TEXT);
    lines_header(&b, 3);
    lines_question(RAML_EXITS_VALIDATION, 0, question);
    lines_trajectory(&b, "v1", question, 0, "WRWW", high);
    lines_question(RAML_EXITS_TEST, 0, question);
    lines_trajectory(&b, "t1", question, 0, "WRWRW", deep);
    lines_trajectory(&b, "t1", question, 1, "WRRRR", deep);
    lines_put(r.dir, "probes.jsonl", b.data, b.len);
    raml_buf_deinit(&b);
    run(&r);
    const struct raml_exits_row *full = &r.sum.row[0], *last = row_of(&r, "budget:budget=30");
    assert_true(full->half[RAML_EXITS_TEST].vs_budget.value == 0);
    assert_string_equal(last->budget, "budget:budget=10");
    assert_string_equal(row_of(&r, "budget:budget=0")->budget, "budget:budget=0");
    assert_string_equal(row_of(&r, "budget:budget=10")->budget, "budget:budget=10");
    for (size_t k = 1; k < r.sum.n_rows; k++) {
        const struct raml_exits_row *row = &r.sum.row[k], *other = row_of(&r, row->budget);
        assert_true(other->half[RAML_EXITS_VALIDATION].total.value <= row->half[RAML_EXITS_VALIDATION].total.value);
        double test = row->half[RAML_EXITS_TEST].accuracy.value - other->half[RAML_EXITS_TEST].accuracy.value;
        CHECK_NEAR(row->settings, row->half[RAML_EXITS_TEST].vs_budget.value, test, 1e-12);
    }
    CHECK_NEAR("9 answers", row_of(&r, "stability:stride=10,most=0,repeats=9")->half[RAML_EXITS_TEST].vs_budget.value,
               -0.5, 1e-12);
    rig_close(&r);
}

/* An answer at 0 of 40 tokens: an oracle that stops later costs less than any fixed budget. */
static void every_budget_costs_more(void **state)
{
    (void)state;
    enum { LONG = 40 };
    char question[32];
    struct raml_buf b, first;
    struct rig r;
    rig_open(&r, "first_right:stride=10", 0.4);
    raml_buf_init(&b, MAX_TEXT);
    raml_buf_init(&first, MAX_TEXT);
    lines_header(&b, 4);
    for (int half = 0; half < RAML_EXITS_HALVES; half++) {
        lines_question((enum raml_exits_half)half, 0, question);
        raml_buf_clear(&first);
        lines_trajectory(&first, "q", question, 0, "WR", high);
        char *short_ = strstr(first.data, "\"p_all\":[0.9]");
        assert_non_null(short_);
        raml_buf_add(&b, first.data, (size_t)(short_ - first.data) + strlen("\"p_all\":["));
        for (int i = 1; i < LONG; i++) raml_buf_adds(&b, "0.9,");
        const char *rest = strstr(short_, "\"to_end\":1,");
        raml_buf_addf(&b, "0.9],\"to_end\":%d,%s", LONG, rest + strlen("\"to_end\":1,"));
        lines_trajectory(&b, "q", question, 1, "RWWWWWW", deep);
    }
    lines_put(r.dir, "probes.jsonl", b.data, b.len);
    run(&r);
    const struct raml_exits_row *row = row_of(&r, "first_right");
    assert_null(row->budget);
    assert_true(isnan(row->half[RAML_EXITS_TEST].vs_budget.value) && isnan(row->half[RAML_EXITS_TEST].vs_budget.low));
    assert_string_equal(row_of(&r, "budget:budget=0")->budget, "budget:budget=10");
    raml_buf_deinit(&b);
    raml_buf_deinit(&first);
    rig_close(&r);
}

/* Intervals are those of clustered means, questions being the clusters. */
static void intervals(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_clustered right = {0}, total = {0}, difference = {0};
    struct raml_estimate want;
    struct rig r;
    rig_open(&r, policies, 0.4);
    run(&r);
    const struct raml_exits_measures *m = &row_of(&r, FIRST)->half[RAML_EXITS_VALIDATION];
    const double rights[] = {1, 0, 1}, totals[] = {16, 3, 29};
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(raml_clustered_add(&right, i / 2, rights[i], &err));
        CHECK_OK(raml_clustered_add(&total, i / 2, totals[i], &err));
        CHECK_OK(raml_clustered_add(&difference, i / 2, rights[i] - 1, &err));
    }
    CHECK_OK(raml_clustered_share(&right, 0, DRAWS, &want, &err));
    assert_true(m->accuracy.low == want.low && m->accuracy.high == want.high && want.low < want.high);
    CHECK_OK(raml_clustered_mean(&total, 0, DRAWS, &want, &err));
    assert_true(m->total.low == want.low && m->total.high == want.high && m->total.se == want.se);
    CHECK_OK(raml_clustered_mean(&difference, 0, DRAWS, &want, &err));
    assert_true(m->vs_full.low == want.low && m->vs_full.high == want.high);
    raml_clustered_deinit(&right);
    raml_clustered_deinit(&total);
    raml_clustered_deinit(&difference);
    rig_close(&r);
}

static void the_choice_is_of_the_validation_half(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, policies, 0.4); /* 2/3 is enough */
    run(&r);
    assert_true(row_of(&r, FIRST)->chosen && row_of(&r, FIRST)->meets && !row_of(&r, SECOND)->chosen);
    assert_true(row_of(&r, "budget:budget=20")->chosen && !row_of(&r, "budget:budget=10")->meets);
    assert_ptr_equal(&r.sum.row[r.sum.best], row_of(&r, FIRST)); /* 16 tokens; the oracle's 19.7 do not count */
    rig_close(&r);
    rig_open(&r, policies, 0); /* no stability is as accurate: the most accurate one, of equal ones the cheaper */
    run(&r);
    assert_true(row_of(&r, FIRST)->chosen && !row_of(&r, FIRST)->meets);
    assert_ptr_equal(&r.sum.row[r.sum.best], row_of(&r, "budget:budget=20"));
    rig_close(&r);
    rig_open(&r, policies, 0.7); /* the most accurate of those that meet it */
    r.opt.by_accuracy = true;
    run(&r);
    assert_true(row_of(&r, FIRST)->chosen && row_of(&r, "budget:budget=20")->chosen);
    assert_ptr_equal(&r.sum.row[r.sum.best], row_of(&r, "budget:budget=20"));
    rig_close(&r);
    rig_open(&r, "loss:stride=10,bound=0.2;dynasor:stride=10,repeats=2,released=1",
             1); /* neither is a policy of ours */
    run(&r);
    assert_ptr_equal(&r.sum.row[r.sum.best], row_of(&r, "budget:budget=0"));
    assert_true(row_of(&r, "dynasor")->chosen && row_of(&r, "dynasor")->released && row_of(&r, "loss")->chosen);
    rig_close(&r);
}

/* Of a family that misses the margin the most accurate setting is chosen; full thinking and released code are never best. */
static void nothing_meets_the_margin(void **state)
{
    (void)state;
    char question[32];
    struct raml_buf b;
    struct rig r;
    rig_open(&r, "confidence:stride=10,bound=0.95,released=1", 0);
    raml_buf_init(&b, MAX_TEXT);
    lines_header(&b, 2);
    lines_question(RAML_EXITS_VALIDATION, 0, question);
    lines_trajectory(&b, "v1", question, 0, "WRWR", high);
    lines_trajectory(&b, "v1", question, 1, "WWWR", high);
    lines_question(RAML_EXITS_TEST, 0, question);
    lines_trajectory(&b, "t1", question, 0, "RRRR", high);
    lines_put(r.dir, "probes.jsonl", b.data, b.len);
    raml_buf_deinit(&b);
    run(&r);
    const struct raml_exits_row *released = row_of(&r, "confidence");
    assert_true(released->chosen && released->meets && released->released);
    assert_true(row_of(&r, "budget:budget=10")->chosen && !row_of(&r, "budget:budget=10")->meets);
    assert_int_equal(r.sum.best, r.sum.n_rows);
    rig_close(&r);
}

static void files(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct rig r;
    struct raml_buf b;
    char path[400];
    rig_open(&r, NULL, 0.4); /* grids */
    r.job.data_name = "/far/by hand";
    run(&r);
    assert_true(r.sum.n_rows > 300);
    static const char *const name[] = {"exits.tsv",         "chosen.tsv",     "exits.jsonl",       "marks.jsonl",
                                       "trajectories.html", "exits_cost.tsv", "exits_accuracy.tsv"};
    for (size_t i = 0; i < COUNT(name); i++) {
        snprintf(path, sizeof path, "%s/%s", r.dir, name[i]);
        if (!raml_is_file(path)) fail_msg("no %s", path);
    }
    raml_buf_init(&b, MAX_TEXT);
    snprintf(path, sizeof path, "%s/exits.jsonl", r.dir);
    CHECK_OK(raml_file_read(path, &b, &err));
    assert_non_null(strstr(b.data,
                           "{\"id\":\"v1\",\"sample\":0,\"half\":\"validation\",\"n_tokens\":30,\"runs\":["
                           "{\"policy\":\"full\",\"stop\":30,\"reason\":\"end\",\"answer\":\"7\",\"right\":true,"
                           "\"probes\":1,\"entropy_probes\":0,\"probe_tokens\":3,\"total\":33}"));
    raml_buf_clear(&b);
    snprintf(path, sizeof path, "%s/exits_accuracy.gp", r.dir);
    CHECK_OK(raml_file_read(path, &b, &err));
    assert_non_null(strstr(b.data, "set title 'Accuracy against cost: by hand'")); /* the file's name */
    assert_null(strstr(b.data, " dt 2 ")); /* no line goes through points that are in no order */
    assert_non_null(strstr(b.data, "points pt 6 "));
    const char *at = b.data; /* chosen settings that cost the same stand side by side */
    double most = 0, shift;
    for (; (at = strstr(at, "using ($2")); at++)
        if (sscanf(at, "using ($2%lf)", &shift) == 1) most = fmax(most, shift);
    assert_true(most > 0);
    raml_buf_clear(&b);
    snprintf(path, sizeof path, "%s/trajectories.html", r.dir);
    CHECK_OK(raml_file_read(path, &b, &err));
    assert_non_null(strstr(b.data, "Where thinking would have stopped: /far/by hand"));
    assert_null(strstr(b.data, "v1 #0")); /* the test half alone */
    assert_non_null(strstr(b.data, "t1 #0"));
    raml_buf_deinit(&b);
    rig_close(&r);
}

static void refused(struct rig *r, enum raml_code code, const char *why)
{
    struct raml_err err = {0};
    assert_int_equal(raml_exits_files(&r->job, &r->opt, &r->sum, &err), code);
    if (!strstr(err.msg, why)) fail_msg("'%s' does not say '%s'", err.msg, why);
}

static void refusals(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, "stability:stride=5", 0.4);
    refused(&r, RAML_ERANGE,
            "policy stability:stride=5,most=0,repeats=3,bound=0: 'v1', sample 0: no probe is stored after 5");
    r.opt.policies = "stability:stride=10;stable";
    refused(&r, RAML_EUSAGE, "no policy 'stable'");
    r.opt.policies = NULL;
    r.opt.validation = 1;
    refused(&r, RAML_EUSAGE, "validation is 1");
    r.opt.validation = 0.5;
    r.opt.margin = -1;
    refused(&r, RAML_EUSAGE, "margin is -1");
    r.opt.margin = 0;
    r.opt.online = true;
    refused(&r, RAML_EUSAGE, "running samples need a model");
    r.opt.online = false;
    r.opt.probes = NULL;
    refused(&r, RAML_EUSAGE, "without a stored set a model and trajectories are needed");
    r.opt.probes = "/nowhere/probes.jsonl";
    refused(&r, RAML_EIO, "/nowhere/probes.jsonl");
    struct raml_questions other;
    raml_questions_init(&other);
    r.opt.probes = r.path;
    r.job.questions = &other;
    refused(&r, RAML_EUSAGE, "was made from other data");
    raml_questions_deinit(&other);
    r.job.questions = NULL;
    struct raml_buf b;
    raml_buf_init(&b, MAX_TEXT);
    lines_header(&b, 1);
    lines_trajectory(&b, "v1", "one?", 0, "WR", high);
    lines_put(r.dir, "probes.jsonl", b.data, b.len);
    raml_buf_deinit(&b);
    refused(&r, RAML_ERANGE, "1 question, none on the validation half");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_by_hand),
        cmocka_unit_test(the_best_budget_is_compared_with),
        cmocka_unit_test(every_budget_costs_more),
        cmocka_unit_test(intervals),
        cmocka_unit_test(the_choice_is_of_the_validation_half),
        cmocka_unit_test(nothing_meets_the_margin),
        cmocka_unit_test(files),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
