/* The loop by itself: processes that train together are one; a loss or gradient that is not finite; the best checkpoint;
 * windows of statistics that a checkpoint cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "outer/loop.h"
#include "outer/rank_threads.h"
#include "outer/rollout_rig.h"

static int setup_warm(void **state)
{
    int rc = setup(state);
    if (!rc) warm_up(*state);
    return rc;
}

/* -- Two processes, as threads ------------------------------------------------------------------------------------- */

enum { RANKS = 2 };
struct process {
    struct bench bench;
    struct rank rank;
    struct raml_comm comm;
    const struct grpo *grpo;
    struct call call;
    const char *name;
    struct outcome out;
};

static void *train_one(void *user)
{
    struct process *p = user;
    p->out = go_rollouts(&p->bench, p->name, p->grpo, &p->call);
    return NULL;
}

/* Rank 1 has a device and a model of its own; the questions and the folder are one. */
static void train_together(struct bench *b, const char *name, const struct grpo *g, const struct call *call,
                           struct process p[RANKS])
{
    struct raml_err err = {0};
    struct shared shared = {.size = RANKS};
    pthread_barrier_init(&shared.barrier, NULL, RANKS);
    for (int k = 0; k < RANKS; k++) {
        p[k] = (struct process){.bench = *b, .rank = {&shared, k}, .grpo = g, .call = *call, .name = name};
        p[k].bench.model = NULL;
        p[k].comm = threads_comm(&p[k].rank);
        p[k].call.comm = &p[k].comm;
        if (k) p[k].call.asked = NULL; /* only one of them is asked to stop */
        CHECK_OK(raml_device_open(1, "auto", &p[k].bench.dev, &err));
    }
    on_threads(RANKS, train_one, p, sizeof *p);
    assert_true(p[0].out.rc || shared.sums > 0);
    pthread_barrier_destroy(&shared.barrier);
    for (int k = 0; k < RANKS; k++) {
        raml_model_close(p[k].bench.model);
        raml_device_close(p[k].bench.dev);
    }
}

static void check_alike(const char *key, const json_t *x, const json_t *y, double tolerance)
{
    double a = json_number_value(x), b = json_number_value(y);
    CHECK_NEAR(key, b, a, tolerance * fmax(1, fabs(a)));
}

static void test_ranks(void **state)
{
    struct bench *b = *state;
    static const struct raml_distill_options hints = {.hint_format = "{hint},{question}"},
                                             start = {.hint_format = "{question}{hint}", .teacher = RAML_TEACHER_START},
                                             in_one = {.hint_format = "{hint}!{question}", .one_pass = true};
    static const struct {
        const char *name, *policy;
        bool rft, sft;
        const struct raml_distill_options *distill;
    } cases[] = {
        {.name = "plain", .policy = ""},
        {.name = "kl", .policy = "beta=0.1 entropy_coef=0.02 top_entropy_quantile=0.5"},
        {.name = "rows", .policy = "loss_aggregation=seq-mean-token-sum-norm scale_rewards=batch ratio_level=sequence"},
        {.name = "right", .policy = "", .rft = true},
        {.name = "hints", .policy = "", .distill = &hints},
        {.name = "start", .policy = "", .distill = &start},
        {.name = "one-pass", .policy = "", .distill = &in_one},
        {.name = "multi-step", .policy = "", .sft = true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char one[32], two[32];
        struct process p[RANKS];
        struct grpo g = grpo(1);
        const struct call call = {.rft = cases[i].rft, .sft = cases[i].sft, .distill = cases[i].distill};
        snprintf(one, sizeof one, "one-%s", cases[i].name);
        snprintf(two, sizeof two, "two-%s", cases[i].name);
        g.train.eval_steps = 1;
        g.train.loss_steps = 3;
        set_policy(&g, cases[i].policy);
        struct outcome alone = go_rollouts(b, one, &g, &call);
        CHECK_DONE(alone);
        train_together(b, two, &g, &call, p);
        for (int k = 0; k < RANKS; k++) {
            CHECK_DONE(p[k].out);
            assert_true(p[k].out.result.tokens == alone.result.tokens);
            assert_true(p[k].out.result.trained_tokens == alone.result.trained_tokens);
        }
        if (!call.sft)
            same_file(b, one, two, "rollouts.jsonl"); /* every rollout of both, in the order of the questions */
        json_t *x = read_lines(b, one, "metrics.jsonl"), *y = read_lines(b, two, "metrics.jsonl"), *value;
        const char *key;
        json_t *first = json_array_get(x, 0), *second = json_array_get(y, 0);
        assert_int_equal(json_object_size(first), json_object_size(second));
        json_object_foreach (first, key, value) {
            if (!json_object_get(second, key)) print_error("%s is missing\n", key);
            check_alike(key, value, json_object_get(second, key), 1e-6);
        }
        json_decref(x);
        json_decref(y);
    }
}

/* Questions are replaced on both: no question of the stream comes twice, whichever rank draws it, and none is passed over;
 * a step that cannot be dealt out evenly is refused. */
static void test_ranks_stream(void **state)
{
    struct bench *b = *state;
    struct process p[RANKS];
    struct grpo g = grpo(5);
    const struct call call = {0};
    size_t i, n_used = 0;
    json_t *line, *seen = json_object();
    char key[64];
    g.rollouts.num_generations = 2;
    g.rollouts.dynamic_sampling = true;
    train_together(b, "stream", &g, &call, p);
    CHECK_DONE(p[0].out);
    CHECK_DONE(p[1].out);
    json_t *lines = read_lines(b, "stream", "rollouts.jsonl"), *m = read_lines(b, "stream", "metrics.jsonl");
    json_array_foreach (lines, i, line) {
        snprintf(key, sizeof key, "%s in epoch %g", json_string_value(json_object_get(line, "id")),
                 number(line, "draw"));
        assert_null(json_object_get(seen, key));
        json_object_set_new(seen, key, json_true());
        n_used += flag(line, "used");
    }
    assert_int_equal(n_used, 20);
    assert_true(json_array_size(lines) > 24);
    CHECK_NEAR("epoch", number(json_array_get(m, 4), "epoch"), (double)json_array_size(lines) / 10, 1e-9);
    json_decref(lines);
    json_decref(m);
    json_decref(seen);
    g.train.batch_size = 3;
    train_together(b, "uneven", &g, &call, p);
    for (int k = 0; k < RANKS; k++) {
        assert_int_equal(p[k].out.rc, RAML_EUSAGE);
        assert_string_equal(p[k].out.err.msg, "a step has 3 questions; expected a multiple of the 2 processes");
    }
}

/* What one of them is asked, both do: after a step, with a checkpoint; and go on to the end. */
static void test_ranks_stop(void **state)
{
    struct bench *b = *state;
    struct process p[RANKS];
    struct grpo g = grpo(6);
    struct asked never = {0}, soon = {.stop_at = 3};
    const struct call whole = {.asked = &never}, stops = {.asked = &soon};
    train_together(b, "whole", &g, &whole, p);
    CHECK_DONE(p[0].out);
    train_together(b, "part", &g, &stops, p);
    for (int k = 0; k < RANKS; k++) {
        assert_int_equal(p[k].out.rc, RAML_ESTOP);
        assert_true(p[k].out.result.steps > 0 && p[k].out.result.steps < 6);
        assert_true(p[k].out.result.steps == p[0].out.result.steps);
    }
}

/* -- Not finite ---------------------------------------------------------------------------------------------------- */

/* SFT whose outputs are spoilt in one place. */
struct spoilt {
    int step; /* whose evaluation is the first to be spoilt */
    int *calls;
    bool slope; /* the coefficient, else the loss */
};

static enum raml_code evaluate_spoilt(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                                      struct raml_err *err)
{
    const struct spoilt *x = user;
    const struct raml_objective sft = raml_sft_objective();
    enum raml_code rc = sft.evaluate(NULL, t, out, err);
    if (rc || ++*x->calls < x->step) return rc;
    size_t token = t->start[t->first_row + 1] + 1; /* the second of the part's second row */
    if (x->slope && out->d_logp) out->d_logp[token] = NAN;
    if (!x->slope) out->loss = INFINITY;
    return RAML_OK;
}

static bool has_checkpoint(const struct bench *b, const char *run, int step)
{
    char path[PATH_CAP + 64];
    snprintf(path, sizeof path, "%s/%s/checkpoint-%d", b->root, run, step);
    return raml_is_dir(path);
}

static void test_not_finite(void **state)
{
    struct bench *b = *state;
    for (int slope = 0; slope < 2; slope++) {
        int calls = 0;
        const struct spoilt user = {.step = 4, .calls = &calls, .slope = slope};
        const struct raml_objective o = {
            .name = "spoilt", .evaluate = evaluate_spoilt, .user = &user, .no_entropy = true};
        struct raml_train_options t = options(8);
        char name[16];
        snprintf(name, sizeof name, "bad-%d", slope);
        t.save_steps = 2;
        t.logging_steps = 1;
        b->objective = &o;
        struct outcome out = go(b, name, &t, NULL, 0, false, 0);
        b->objective = NULL;
        assert_int_equal(out.rc, RAML_ERANGE);
        assert_int_equal(out.result.steps, 3);
        assert_true(has_checkpoint(b, name, 2) && !has_checkpoint(b, name, 3) && !has_checkpoint(b, name, 4));
        assert_non_null(strstr(out.err.msg, "the last checkpoint is kept"));
        assert_int_equal(strncmp(out.err.msg, "step 4: ", 8), 0);
        if (slope) {
            assert_non_null(strstr(out.err.msg, "step 4: the gradient's norm is "));
            assert_non_null(strstr(out.err.msg, "first in that of question 'q"));
            assert_non_null(strstr(out.err.msg, ", whose largest coefficient is nan at token 2;"));
        } else assert_non_null(strstr(out.err.msg, "the loss is inf, though every log-probability is finite"));
        json_t *m = read_lines(b, name, "metrics.jsonl");
        assert_int_equal(json_array_size(m), 3);
        json_decref(m);
    }
}

/* -- The best checkpoint ------------------------------------------------------------------------------------------- */

/* Steps of one question; evaluations as a list says. */
struct listed {
    struct bench *bench;
    const double *score; /* of steps 1, 2, .. */
    uint64_t saves;
};

static enum raml_code next_listed(void *user, uint64_t number, struct raml_packs *packs, struct raml_step *step,
                                  struct raml_err *err)
{
    struct raml_tree *tree;
    size_t row;
    int32_t token[6] = {1, 2, 3, 4, 5, 6};
    (void)packs, (void)user;
    enum raml_code rc = raml_step_tree(step, &tree, err);
    if (!rc) rc = raml_tree_add(tree, -1, 0, token, 6, 2, NULL, err);
    if (!rc) rc = raml_step_rows(step, &row, err);
    step->total = step->trained = 4;
    raml_statistics_add(&step->statistics, "number", (double)number, 1);
    raml_statistics_max(&step->statistics, "largest", number == 1 ? INFINITY : (double)number);
    return rc;
}

static enum raml_code evaluate_listed(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                                      json_t *line, double *score, struct raml_err *err)
{
    const struct listed *x = user;
    (void)packs, (void)objective, (void)err;
    *score = x->score[json_integer_value(json_object_get(line, "step")) - 1];
    return RAML_OK;
}

static enum raml_code go_listed(struct bench *b, const char *name, const struct raml_train_options *o, bool resume,
                                const double *score, size_t stop_at)
{
    struct raml_err err = {0};
    struct raml_run *run;
    uint64_t step;
    char dir[PATH_CAP + 64], from[PATH_CAP + 128];
    struct asked asked = {.stop_at = stop_at};
    const struct raml_sink sink = {.stop = when_asked, .user = &asked};
    struct listed user = {.bench = b, .score = score};
    const struct raml_objective sft = raml_sft_objective();
    const struct raml_step_source source = {.user = &user,
                                            .name = "listed",
                                            .n_steps = (uint64_t)o->max_steps,
                                            .n_items = 1,
                                            .next = next_listed,
                                            .evaluate = evaluate_listed};
    snprintf(dir, sizeof dir, "%s/%s", b->root, name);
    CHECK_OK(raml_run_open(dir, resume, &run, &step, &err));
    snprintf(from, sizeof from, "%s/checkpoint-%" PRIu64, dir, step);
    new_model(b, step ? from : NULL);
    struct raml_train_job job = {.model = b->model,
                                 .tokenizer = b->tokenizer,
                                 .format = raml_format_default(),
                                 .data_name = "listed",
                                 .data = &b->data,
                                 .run = run,
                                 .resume_step = step,
                                 .sink = &sink};
    const struct raml_training training = {&source, &sft, NULL, NULL, NULL};
    enum raml_code rc = raml_train_loop(&job, o, &training, NULL, &err);
    if (rc && rc != RAML_ESTOP) print_error("%s\n", err.msg);
    raml_run_close(run);
    return rc;
}

static void test_best(void **state)
{
    struct bench *b = *state;
    static const double score[] = {1, 3, 2, 3, 0, 2.5, 2, 1};
    struct raml_train_options o = options(8);
    o.save_steps = 3;
    o.save_total_limit = 1;
    o.save_best = true;
    o.eval_steps = 1;
    CHECK_NEAR("whole", go_listed(b, "whole", &o, false, score, 0), 0, 0);
    for (int step = 1; step <= 8; step++) /* the first that reached 3, and the newest */
        assert_true(has_checkpoint(b, "whole", step) == (step == 2 || step == 8));
    for (size_t stop = 1; stop < 8; stop++) { /* resumed, it knows which was the best */
        char name[16];
        snprintf(name, sizeof name, "part-%zu", stop);
        assert_int_equal(go_listed(b, name, &o, false, score, stop), RAML_ESTOP);
        assert_int_equal(go_listed(b, name, &o, true, score, 0), RAML_OK);
        for (int step = 1; step <= 8; step++) assert_true(has_checkpoint(b, name, step) == (step == 2 || step == 8));
        same_checkpoint(b, "whole", name, 8);
    }
}

/* A window of steps that a checkpoint cuts, one of whose statistics is not finite, is reported as if it were whole. */
static void test_windows(void **state)
{
    struct bench *b = *state;
    static const double score[8] = {0};
    struct raml_train_options o = options(8);
    o.logging_steps = 4;
    o.eval_steps = 0;
    CHECK_NEAR("whole", go_listed(b, "whole", &o, false, score, 0), 0, 0);
    json_t *m = read_lines(b, "whole", "metrics.jsonl");
    CHECK_NEAR("mean", number(json_array_get(m, 0), "number"), 1.5, 0);
    CHECK_NEAR("mean", number(json_array_get(m, 1), "number"), 5.5, 0);
    assert_null(json_object_get(json_array_get(m, 0), "largest")); /* infinite */
    CHECK_NEAR("largest", number(json_array_get(m, 1), "largest"), 7, 0);
    json_decref(m);
    for (size_t stop = 1; stop < 8; stop++) {
        char name[16];
        snprintf(name, sizeof name, "part-%zu", stop);
        assert_int_equal(go_listed(b, name, &o, false, score, stop), RAML_ESTOP);
        assert_int_equal(go_listed(b, name, &o, true, score, 0), RAML_OK);
        same_file(b, "whole", name, "metrics.jsonl");
        same_checkpoint(b, "whole", name, 8);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_warm, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_ranks),      TEST(test_ranks_stream), TEST(test_ranks_stop),
                                       TEST(test_not_finite), TEST(test_best),         TEST(test_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
