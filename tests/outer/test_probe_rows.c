/* The multi-step loss: where probes hang, that a tree of probes is its paths run alone with their weights, its gradient by
 * differences, and in the trainer: tokens, plan, resume, and the bytes of plain training where there are no probes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "outer/packs.h"
#include "outer/probe_rows.h"
#include "outer/training_set.h"
#include "raml/meta.h"

#include "outer/trainer.h"

enum { MOST = 64 };

/* Questions whose trajectories have 0 to 11 tokens, and one that is a whole completion. */
static void add_lengths(struct raml_questions *qs)
{
    struct raml_err err = {0};
    static const char *const text[] = {"", "7", "3 4", "add 4: 7", "from 3 up 4", "<think>7</think>7"};
    struct raml_trajectory t[COUNT(text)];
    for (size_t i = 0; i < COUNT(text); i++)
        t[i] = (struct raml_trajectory){
            .text = (char *)(uintptr_t)text[i], .correct = RAML_UNKNOWN, .logp_sum = NAN, .whole = i == 5};
    struct raml_question q = {.id = "lengths",
                              .question = "3+4=",
                              .answer = "seven",
                              .difficulty = -1,
                              .trajectory = t,
                              .n_trajectories = COUNT(t)};
    CHECK_OK(raml_questions_add(qs, &q, &err));
    q.question = "4+3=";
    q.answer = "7"; /* one token: a probe is its prefix, and an end target */
    CHECK_OK(raml_questions_add(qs, &q, &err));
}

struct rig {
    struct bench *bench;
    struct raml_questions questions;
    struct raml_row_options row;
    size_t cuts;
    double weight[RAML_PROBES_MOST];
    struct raml_step tree, alone; /* a tree a question; a tree a path */
    struct raml_probe_rows probes;
};

static const uint32_t times[] = {1, 3, 1, 2, 1, 2};

/* -- By definition ------------------------------------------------------------------------------------------------- */

/* The row of a question's trajectory, alone: prompt, its tokens, answer prefix, answer, end. */
static void one_row(const struct rig *rig, size_t q, size_t t, struct raml_tree *tree, struct raml_segments *segments)
{
    struct raml_err err = {0};
    CHECK_OK(raml_row_build(tree, &rig->questions.question[q], &t, 1, &rig->row, segments, &err));
}

static size_t count(const struct raml_segments *s, enum raml_segment segment)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->segment[i] == segment;
    return n;
}

/* Adds a row to the step `alone`: the answer after the first `at` tokens of a trajectory. at = T: the row itself. */
static void add_alone(struct rig *rig, const struct raml_tree *row, const struct raml_segments *s, size_t at,
                      double share, double by)
{
    struct raml_err err = {0};
    struct raml_tree *tree;
    size_t first, prompt = row->span[0].n, T = count(s, RAML_SEGMENT_TRAJECTORY),
                  P = count(s, RAML_SEGMENT_ANSWER_PREFIX), A = count(s, RAML_SEGMENT_ANSWER);
    int32_t token[CONTEXT];
    size_t n = 0;
    CHECK_OK(raml_step_tree(&rig->alone, &tree, &err));
    CHECK_OK(raml_tree_add(tree, -1, 0, row->token, prompt, prompt, NULL, &err));
    for (size_t i = 0; i < at; i++) token[n++] = row->token[prompt + i];
    for (size_t i = T; i < (at < T ? T + P + A : row->span[1].n); i++) token[n++] = row->token[prompt + i];
    CHECK_OK(raml_tree_add(tree, 0, (uint32_t)prompt, token, n, at < T ? at + P : 0, NULL, &err));
    CHECK_OK(raml_step_rows(&rig->alone, &first, &err));
    for (size_t i = 0; i < rig->alone.start[first + 1] - rig->alone.start[first]; i++) {
        bool answer = at < T || (i >= T + P && i < T + P + A);
        rig->alone.weight[rig->alone.start[first] + i] = (float)(answer && A ? share * by : by);
    }
}

static void fill(struct rig *rig)
{
    struct raml_err err = {0};
    struct raml_segments segments = {0};
    static const size_t all[] = {0, 1, 2, 3, 4, 5};
    raml_step_clear(&rig->tree);
    raml_step_clear(&rig->alone);
    raml_probe_rows_clear(&rig->probes);
    for (size_t q = 0; q < rig->questions.n; q++) {
        struct raml_tree *tree, row = {0};
        size_t first, alone, n_plain = 0, tokens;
        CHECK_OK(raml_step_tree(&rig->tree, &tree, &err));
        CHECK_OK(raml_row_build(tree, &rig->questions.question[q], all, COUNT(all), &rig->row, &segments, &err));
        tokens = tree->n_tokens;
        for (size_t t = 0; t < COUNT(all); t++) {
            n_plain += tree->span[t + 1].n;
            tokens += raml_probe_tokens(tree, &segments, t + 1, rig->cuts);
        }
        CHECK_OK(raml_probe_rows_add(&rig->probes, tree, &segments, rig->cuts, &err));
        assert_int_equal(tree->n_tokens, tokens); /* what a plan counts with */
        CHECK_OK(raml_step_rows(&rig->tree, &first, &err));
        for (size_t r = first; r < rig->tree.n_rows; r++)
            for (size_t i = rig->tree.start[r]; i < rig->tree.start[r + 1]; i++)
                rig->tree.weight[i] = (float)times[rig->probes.row[r].of];
        raml_probe_rows_weigh(&rig->probes, &rig->tree, first, rig->weight, times);
        alone = rig->alone.n_rows;
        for (size_t t = 0; t < COUNT(all); t++) {
            one_row(rig, q, t, &row, &segments);
            size_t T = count(&segments, RAML_SEGMENT_TRAJECTORY), A = count(&segments, RAML_SEGMENT_ANSWER);
            for (size_t at = 0; at <= T; at++) {
                double share = 0;
                for (size_t k = 1; k <= rig->cuts; k++) share += T * k / rig->cuts == at ? rig->weight[k - 1] : 0;
                if (at == T || (A && share > 0)) add_alone(rig, &row, &segments, at, share, times[t]);
            }
            rig->tree.total += (double)times[t] * row.span[1].n;
        }
        assert_int_equal(rig->alone.n_rows - alone, rig->tree.n_rows - first);
        raml_tree_deinit(&row);
        assert_true(n_plain > 0);
    }
    raml_segments_deinit(&segments);
    rig->alone.total = rig->tree.total;
    assert_int_equal(rig->probes.n, rig->tree.n_rows);
    assert_int_equal(rig->alone.n, rig->tree.n);
}

static int setup_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    void *bench;
    assert_non_null(rig);
    setup(&bench);
    rig->bench = bench;
    new_model(rig->bench, NULL);
    raml_questions_init(&rig->questions);
    add_lengths(&rig->questions);
    rig->row = raml_row_default(rig->bench->tokenizer, raml_format_default());
    *state = rig;
    return 0;
}

static int teardown_rig(void **state)
{
    struct rig *rig = *state;
    void *bench = rig->bench;
    raml_questions_deinit(&rig->questions);
    raml_step_deinit(&rig->tree);
    raml_step_deinit(&rig->alone);
    raml_probe_rows_deinit(&rig->probes);
    free(rig);
    return teardown(&bench);
}

static const size_t cuts[] = {1, 2, 3, 5, 8, RAML_PROBES_MOST};

static void set_weights(struct rig *rig, size_t n, double t, double whole)
{
    rig->cuts = n;
    raml_multi_step_weights(rig->weight, n, t, whole);
}

/* Every token weighs in the tree what its path weighs alone; sums are those of plain training; the same logp. */
static void test_weights(void **state)
{
    struct rig *rig = *state;
    struct raml_err err = {0};
    struct raml_packs p;
    CHECK_OK(raml_packs_init(&p, rig->bench->model, 1, false, &err));
    for (size_t c = 0; c < COUNT(cuts); c++) {
        double sum = 0;
        set_weights(rig, cuts[c], 2, 7);
        fill(rig);
        const struct raml_step *x = &rig->tree, *y = &rig->alone;
        for (size_t i = 0; i < x->n; i++) sum += (double)x->weight[i];
        CHECK_NEAR("the weights' sum", sum, x->total, 1e-5);
        CHECK_OK(raml_packs_forward(&p, x->tree, x->n_trees, x->logp, NULL, &err));
        CHECK_OK(raml_packs_forward(&p, y->tree, y->n_trees, y->logp, NULL, &err));
        /* Rows come trajectory first, then probes, a tree; alone by trajectory and place: each once. */
        bool taken[4 * MOST] = {false};
        assert_true(y->n_rows <= COUNT(taken));
        for (size_t r = 0; r < x->n_rows; r++) {
            size_t n = x->start[r + 1] - x->start[r], with = 0;
            for (; with < y->n_rows; with++) {
                size_t i = 0;
                if (taken[with] || y->start[with + 1] - y->start[with] != n) continue;
                while (i < n && y->weight[y->start[with] + i] == x->weight[x->start[r] + i] &&
                       fabs((double)y->logp[y->start[with] + i] - (double)x->logp[x->start[r] + i]) <= 1e-5)
                    i++;
                if (i == n) break;
            }
            if (with == y->n_rows) print_error("%zu cuts: row %zu is none of the paths\n", cuts[c], r);
            assert_true(with < y->n_rows);
            taken[with] = true;
        }
    }
    raml_packs_deinit(&p);
}

static float *gradient(const struct rig *rig, struct raml_step *s, size_t micro_batch_tokens, double *loss)
{
    struct raml_err err = {0};
    const struct raml_model *m = rig->bench->model;
    const struct raml_device *dev = rig->bench->dev;
    const struct raml_objective o = raml_sft_objective();
    struct raml_packs p;
    size_t n = raml_model_n(m);
    float *g = raml_array_new(dev, raml_gradient_n(m), sizeof *g), *out = calloc(n, sizeof *out);
    assert_non_null(g);
    assert_non_null(out);
    CHECK_OK(raml_packs_init(&p, m, micro_batch_tokens, true, &err));
    CHECK_OK(raml_array_zero(dev, g, raml_gradient_n(m) * sizeof *g, &err));
    CHECK_OK(raml_packs_train(&p, &o, s, g, loss, NULL, &err));
    CHECK_OK(raml_gradient_join(m, g, &err));
    CHECK_OK(raml_array_read(dev, out, g, n * sizeof *out, &err));
    raml_array_free(dev, g);
    raml_packs_deinit(&p);
    return out;
}

static void test_paths(void **state)
{
    struct rig *rig = *state;
    double worst = 0;
    for (size_t c = 0; c < COUNT(cuts); c++) {
        double together = NAN, apart = NAN, split = NAN, largest = 0;
        set_weights(rig, cuts[c], 1, 3);
        fill(rig);
        float *a = gradient(rig, &rig->tree, 100000, &together), *b = gradient(rig, &rig->alone, 1, &apart),
              *d = gradient(rig, &rig->tree, 1, &split);
        CHECK_NEAR("loss", together, apart, 1e-6);
        CHECK_NEAR("loss in micro-batches", split, together, 1e-12);
        for (size_t i = 0; i < raml_model_n(rig->bench->model); i++) largest = fmax(largest, fabs((double)b[i]));
        assert_true(largest > 1e-3);
        for (size_t i = 0; i < raml_model_n(rig->bench->model); i++) {
            double error = fabs((double)a[i] - (double)b[i]) / largest;
            worst = worse_of(worst, error);
            if (a[i] != d[i]) CHECK_NEAR("the split's gradient", a[i], d[i], 1e-6 * largest);
        }
        free(a);
        free(b);
        free(d);
    }
    print_message("gradients of trees and of their paths alone: %.2g of the largest coefficient apart\n", worst);
    CHECK_NEAR("gradient", worst, 0, 1e-6);
}

static double loss_at(struct rig *rig, const float *weights)
{
    struct raml_err err = {0};
    const struct raml_objective o = raml_sft_objective();
    struct raml_packs p;
    double loss = NAN;
    size_t n = raml_model_n(rig->bench->model);
    float *own = malloc(n * sizeof *own);
    assert_non_null(own);
    memcpy(own, weights, n * sizeof *own);
    CHECK_OK(host_set_weights(rig->bench->model, own, &err)); /* which frees it */
    CHECK_OK(raml_packs_init(&p, rig->bench->model, 200, false, &err));
    CHECK_OK(raml_packs_loss(&p, &o, &rig->tree, &loss, NULL, &err));
    raml_packs_deinit(&p);
    return loss;
}

static void test_differences(void **state)
{
    struct rig *rig = *state;
    const struct raml_param *table;
    size_t n_params = raml_model_params(rig->bench->model, &table);
    double loss, largest = 0, worst = 0;
    set_weights(rig, 4, 0, 1);
    fill(rig);
    float *grad = gradient(rig, &rig->tree, 100, &loss), *w = host_weights(rig->bench->model);
    for (size_t i = 0; i < raml_model_n(rig->bench->model); i++) largest = fmax(largest, fabs((double)grad[i]));
    for (size_t p = 0; p < n_params; p += 3) {
        size_t at = table[p].offset;
        for (size_t i = at; i < table[p].offset + table[p].n; i++)
            if (fabsf(grad[i]) > fabsf(grad[at])) at = i;
        float was = w[at], up = was + 4e-3F, down = was - 4e-3F;
        w[at] = up;
        double high = loss_at(rig, w);
        w[at] = down;
        double low = loss_at(rig, w);
        w[at] = was;
        worst = worse_of(worst, fabs((high - low) / ((double)up - (double)down) - (double)grad[at]) / largest);
    }
    print_message("central differences: %.2g of the largest coefficient from the gradient\n", worst);
    CHECK_NEAR("differences", worst, 0, 2e-3);
    free(grad);
    free(w);
}

/* The oracle's weights, as the answers of a trajectory of 15 tokens and more have them. */
static void test_oracle(void **state)
{
    (void)state;
    json_t *root = json_load_file(RAML_SHARED "/oracle/meta.json", 0, NULL), *c;
    size_t i, n = 0;
    if (!root) {
        print_message("SKIPPED: there is no " RAML_SHARED "/oracle/meta.json\n");
        skip();
    }
    json_array_foreach (json_object_get(root, "multi_step_weights"), i, c) {
        size_t N = (size_t)json_integer_value(json_object_get(c, "steps"));
        double weight[RAML_PROBES_MOST];
        struct raml_probe_row row[RAML_PROBES_MOST];
        float said[RAML_PROBES_MOST];
        size_t start[RAML_PROBES_MOST + 1];
        static const uint32_t twice[] = {2};
        struct raml_step step = {.n_rows = N, .start = start, .weight = said};
        const json_t *want = json_object_get(c, "weights");
        assert_true(N <= RAML_PROBES_MOST);
        raml_multi_step_weights(weight, N, json_number_value(json_object_get(c, "epoch")),
                                json_number_value(json_object_get(c, "anneal_epochs")));
        for (size_t k = 0; k < N; k++) {
            row[k] = (struct raml_probe_row){.first = (uint32_t)k, .n = 1, .n_answer = 1};
            start[k] = k;
        }
        start[N] = N;
        struct raml_probe_rows p = {.row = row, .n = N};
        raml_probe_rows_weigh(&p, &step, 0, weight, twice);
        for (size_t k = 0; k < N; k++, n++)
            CHECK_NEAR("weight", (double)said[k], 2 * json_number_value(json_array_get(want, k)), 1e-7);
    }
    assert_true(n > 20);
    json_decref(root);
}

/* -- In the trainer ------------------------------------------------------------------------------------------------ */

static double metric(const struct bench *b, const char *run, const char *name)
{
    char path[128], key[64];
    snprintf(path, sizeof path, "%s/metrics.jsonl", run);
    snprintf(key, sizeof key, "\"%s\":", name);
    struct raml_buf text = slurp(b, path);
    const char *at = strstr(text.data, key);
    double x = at ? strtod(at + strlen(key), NULL) : (double)NAN;
    raml_buf_deinit(&text);
    return x;
}

static void test_plain_bytes(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(6);
    o.trajectories = 4; /* of three: one counts twice */
    o.eval_steps = 3;
    struct outcome plain = go(b, "plain", &o, NULL, 0, false, 0);
    o.loss_steps = 1;
    struct outcome one = go(b, "one", &o, NULL, 0, false, 0);
    o.loss_steps = 4;
    o.loss_anneal_ratio = 0; /* the annealing was over before the first step */
    struct outcome over = go(b, "over", &o, NULL, 0, false, 0);
    o.loss_anneal_ratio = 1;
    struct outcome probed = go(b, "probed", &o, NULL, 0, false, 0);
    CHECK_DONE(plain);
    CHECK_DONE(one);
    CHECK_DONE(over);
    CHECK_DONE(probed);
    static const char *const same[] = {"checkpoint-6/model.safetensors", "checkpoint-6/optimizer.safetensors",
                                       "metrics.jsonl"};
    for (size_t i = 0; i < COUNT(same); i++) {
        same_file(b, "plain", "one", same[i]);
        same_file(b, "plain", "over", same[i]);
    }
    assert_int_equal(probed.result.trained_tokens, plain.result.trained_tokens);
    assert_true(probed.result.tokens > plain.result.tokens);
    struct raml_buf x = slurp(b, "plain/checkpoint-6/model.safetensors"),
                    y = slurp(b, "probed/checkpoint-6/model.safetensors");
    assert_memory_not_equal(x.data, y.data, x.len);
    raml_buf_deinit(&x);
    raml_buf_deinit(&y);
    assert_true(isnan(metric(b, "plain", "probe_loss/1")));
    for (size_t k = 1; k <= 4; k++) {
        char name[32];
        snprintf(name, sizeof name, "probe_loss/%zu", k);
        CHECK_NEAR(name, metric(b, "probed", name), log(261), 2); /* of a fresh model */
    }
}

/* Probes end with the annealing; a run that was stopped within it or after it ends in the same bytes. */
static void test_after_annealing(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(9);
    o.lr_scheduler_type = RAML_DECAY_CONSTANT;
    o.loss_steps = 3;
    o.logging_steps = 1;
    o.loss_anneal_steps = 4;
    CHECK_DONE(go(b, "annealed", &o, NULL, 0, false, 0));
    struct raml_buf text = slurp(b, "annealed/metrics.jsonl");
    size_t line = 0;
    for (char *at = text.data; at && *at; at = strchr(at, '\n') + 1) {
        char *end = strchr(at, '\n');
        *end = '\0';
        assert_int_equal(strstr(at, "probe_loss/3") != NULL, line++ < 4);
        *end = '\n';
    }
    assert_int_equal(line, 9);
    raml_buf_deinit(&text);
    /* Resumed within the annealing and after it: the weights are a function of the step alone. */
    static const int stops[] = {2, 6};
    for (size_t i = 0; i < COUNT(stops); i++) {
        char name[16];
        snprintf(name, sizeof name, "stopped-%d", stops[i]);
        assert_int_equal(go(b, name, &o, NULL, 0, false, stops[i]).rc, RAML_ESTOP);
        CHECK_DONE(go(b, name, &o, NULL, 1, false, 0));
        same_file(b, "annealed", name, "metrics.jsonl");
        same_checkpoint(b, "annealed", name, 9);
    }
    assert_int_equal(go(b, "other", &o, NULL, 0, false, 2).rc, RAML_ESTOP);
    o.loss_anneal_steps = 5;
    struct outcome out = go(b, "other", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with loss_anneal_steps = 5, but the run was started with 4"));
    o.loss_steps = 0;
    out = go(b, "other", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "= nothing, but the run was started with"));
}

/* A budget of tokens counts probes: the plan and the run agree, and the annealing is its share of the steps there are. */
static void test_budget(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(0);
    o.token_budget = 3000;
    o.loss_steps = 4;
    static const double ratios[] = {0.25, 0.5, 0.9, 3};
    for (size_t i = 0; i < COUNT(ratios); i++) {
        char name[16];
        struct training_set set = {0};
        struct training_plan plan, longer;
        struct raml_err err = {0};
        struct raml_train_job job = {.model = b->model, .tokenizer = b->tokenizer, .format = raml_format_default()};
        o.loss_anneal_ratio = ratios[i];
        snprintf(name, sizeof name, "budget-%zu", i);
        struct outcome out = go(b, name, &o, NULL, 0, false, 0);
        CHECK_DONE(out);
        assert_true(out.result.steps == out.result.n_steps && out.result.tokens >= 3000);
        job.model = b->model;
        CHECK_OK(raml_training_set_init(&set, &job, &o, &b->data, "made", 0, &err));
        CHECK_OK(raml_training_plan_init(&plan, &set, &o, &err));
        assert_int_equal(plan.n_steps, out.result.n_steps);
        assert_true((double)plan.n_probing <= ceil(ratios[i] * (double)plan.n_steps));
        struct raml_train_options next = o; /* one step more would be more than its share */
        next.loss_anneal_steps = (int64_t)plan.n_probing + 1;
        CHECK_OK(raml_training_plan_init(&longer, &set, &next, &err));
        if (ratios[i] <= 1)
            assert_true((double)next.loss_anneal_steps > ceil(ratios[i] * (double)longer.n_steps - 1e-9));
        raml_training_set_deinit(&set);
    }
}

static void test_refused(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(2);
    o.loss_steps = 2;
    o.trajectories = 0;
    struct outcome out = go(b, "answers", &o, NULL, 0, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_string_equal(out.err.msg,
                        "loss_steps is 2 and trajectories 0: the multi-step loss is of cuts of a trajectory; "
                        "expected trajectories of at least 1");
    o.trajectories = 1;
    o.loss_steps = 17;
    out = go(b, "many", &o, NULL, 0, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_string_equal(out.err.msg, "loss_steps is 17; expected an integer from 0 to 16");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define RIG(f) cmocka_unit_test_setup_teardown(f, setup_rig, teardown_rig)
int main(void)
{
    const struct CMUnitTest tests[] = {RIG(test_weights),      RIG(test_paths),
                                       RIG(test_differences),  cmocka_unit_test(test_oracle),
                                       TEST(test_plain_bytes), TEST(test_after_annealing),
                                       TEST(test_budget),      TEST(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
