/* Training on a model's own samples: the ratio of a round's first update, the gradient of shared prompts, rounds of
 * several updates; the same bytes whatever the split, the threads, and wherever it was stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "outer/rollout_rig.h"
#include "raml/safetensors.h"

static int setup_warm(void **state)
{
    int rc = setup(state);
    if (!rc) warm_up(*state);
    return rc;
}

/* The first checkpoint's first moments, (1 - beta1) times the gradient of the first step. *largest: of the first run. */
static double gradient_difference(const struct bench *b, const char *run1, const char *run2, int step, double *largest)
{
    struct raml_err err = {0};
    struct raml_safetensors *s[2];
    const char *const runs[2] = {run1, run2};
    double worst = 0;
    *largest = 0;
    for (int i = 0; i < 2; i++) {
        char path[PATH_CAP + 128];
        snprintf(path, sizeof path, "%s/%s/checkpoint-%d/optimizer.safetensors", b->root, runs[i], step);
        CHECK_OK(raml_safetensors_open(path, &s[i], &err));
    }
    for (size_t t = 0; t < raml_safetensors_count(s[0]); t++) {
        const struct raml_tensor_view *x = raml_safetensors_at(s[0], t), *y = raml_safetensors_find(s[1], x->name);
        assert_non_null(y);
        if (strncmp(x->name, "exp_avg.", 8) != 0) continue;
        for (size_t i = 0; i < x->n; i++) {
            double p = (double)((const float *)x->data)[i], q = (double)((const float *)y->data)[i];
            worst = worse_of(worst, fabs(p - q));
            *largest = fmax(*largest, fabs(p));
        }
    }
    raml_safetensors_close(s[0]);
    raml_safetensors_close(s[1]);
    return worst;
}

/* -- One update ---------------------------------------------------------------------------------------------------- */

/* The prompt computed once for a question's samples, and once for each of them: one loss and gradient. */
static void test_shared_prompts(void **state)
{
    struct bench *b = *state;
    static const char *const settings[] = {"", "beta=0.2 entropy_coef=0.05",
                                           "beta=0.2 entropy_coef=0.05 top_entropy_quantile=0.5",
                                           "ratio_level=sequence loss_aggregation=seq-mean-token-mean beta=0.1"};
    double worst[2] = {0};
    for (size_t i = 0; i < COUNT(settings); i++) {
        char one[32], each[32];
        double largest;
        struct grpo g = grpo(1);
        const struct call call = {0};
        snprintf(one, sizeof one, "one-%zu", i);
        snprintf(each, sizeof each, "each-%zu", i);
        g.train.max_grad_norm = 0;
        set_policy(&g, settings[i]);
        struct outcome shared = go_rollouts(b, one, &g, &call);
        CHECK_DONE(shared);
        g.rollouts.share_prompts = false;
        g.train.micro_batch_tokens = 1; /* every sample a pass of its own */
        struct outcome alone = go_rollouts(b, each, &g, &call);
        CHECK_DONE(alone);
        same_file(b, one, each, "rollouts.jsonl");
        assert_true(alone.result.tokens > shared.result.tokens);
        double apart = gradient_difference(b, one, each, 1, &largest) / largest;
        assert_true(largest > 1e-3);
        CHECK_NEAR("loss", alone.result.loss, shared.result.loss, 1e-6);
        CHECK_NEAR("gradient", apart, 0, 1e-6);
        worst[0] = fmax(worst[0], fabs(alone.result.loss - shared.result.loss));
        worst[1] = fmax(worst[1], apart);
        json_t *m = read_lines(b, one, "metrics.jsonl"), *n = read_lines(b, each, "metrics.jsonl");
        assert_true(number(json_array_get(m, 0), "tree_token_ratio") > 1.5);
        assert_true(number(json_array_get(n, 0), "tree_token_ratio") == 1);
        json_decref(m);
        json_decref(n);
    }
    print_message("  shared prompts: losses differ by %.2g, gradients by %.2g (relative)\n", worst[0], worst[1]);
}

/* In f32 sampler and trainer agree to the last bit at every step that begins a round; in bf16 the policy does with
 * itself. */
static void test_first_ratio(void **state)
{
    struct bench *b = *state;
    static const enum raml_dtype dtypes[] = {RAML_F32, RAML_BF16};
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        char name[16];
        struct grpo g = grpo(8);
        const struct call call = {.dtype = dtypes[d]};
        double most = 0;
        size_t i, moved = 0;
        json_t *line;
        snprintf(name, sizeof name, "ratio-%zu", d);
        g.rollouts.num_iterations = 2;
        g.rollouts.steps_per_generation = 2;
        g.train.micro_batch_tokens = 60;
        set_policy(&g, "beta=0.1 entropy_coef=0.01");
        CHECK_DONE(go_rollouts(b, name, &g, &call));
        assert_int_equal(raml_model_dtype(b->model), dtypes[d]);
        json_t *m = read_lines(b, name, "metrics.jsonl");
        assert_int_equal(json_array_size(m), 8);
        json_array_foreach (m, i, line) {
            double ratio = number(line, "ratio_max");
            if (i % 4) moved += ratio != 1;
            else assert_true(ratio == 1);
            if (i % 4) assert_null(json_object_get(line, "logp_gap/max"));
            else most = fmax(most, number(line, "logp_gap/max"));
        }
        assert_true(moved == 6);
        assert_true(dtypes[d] == RAML_F32 ? most == 0 : most < 0.1);
        print_message("  %s: log-probabilities of sampler and trainer differ by %.2g at most\n",
                      raml_dtype_name(dtypes[d]), most);
        json_decref(m);
    }
}

/* -- Rounds -------------------------------------------------------------------------------------------------------- */

static double trained_tokens(const json_t *lines, size_t i)
{
    double all = number(json_array_get(lines, i), "trained_tokens");
    return i ? all - number(json_array_get(lines, i - 1), "trained_tokens") : all;
}

/* Two steps of two questions, twice: what is sampled, and when it is used. */
static void test_rounds(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(8);
    const struct call call = {0};
    g.train.batch_size = 2;
    g.train.save_steps = 3; /* checkpoints come at the ends of rounds */
    g.rollouts.steps_per_generation = 2;
    g.rollouts.num_iterations = 2;
    CHECK_DONE(go_rollouts(b, "rounds", &g, &call));
    json_t *lines = read_lines(b, "rounds", "rollouts.jsonl"), *m = read_lines(b, "rounds", "metrics.jsonl");
    assert_int_equal(json_array_size(lines), 8); /* two rounds of four questions */
    double tokens[4] = {0};
    for (size_t i = 0; i < 8; i++) {
        const json_t *line = json_array_get(lines, i), *sample = json_object_get(line, "trajectories");
        assert_true(number(line, "step") == (i < 4 ? 1 : 5));
        assert_int_equal(json_array_size(sample), 4);
        for (size_t k = 0; k < 4; k++) tokens[i / 2] += number(json_array_get(sample, k), "n_tokens");
    }
    for (size_t i = 0; i < 8; i++) {
        const json_t *line = json_array_get(m, i);
        CHECK_NEAR("trained tokens", trained_tokens(m, i), tokens[i / 4 * 2 + i % 2], 0);
        CHECK_NEAR("epoch", number(line, "epoch"), i < 4 ? 0.4 : 0.8, 1e-12);
        assert_true((json_object_get(line, "reward") != NULL) == (i % 4 == 0)); /* once a round */
    }
    char path[PATH_CAP + 64];
    for (int step = 1; step <= 8; step++) {
        snprintf(path, sizeof path, "%s/rounds/checkpoint-%d", b->root, step);
        assert_true(raml_is_dir(path) == (step % 4 == 0));
    }
    json_decref(lines);
    json_decref(m);
    g.train.max_steps = 6;
    struct outcome out = go_rollouts(b, "odd", &g, &call);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_string_equal(out.err.msg, "max_steps is 6; expected a multiple of a round's 4 steps (steps_per_generation "
                                     "times num_iterations)");
    g.train.max_steps = 8;
    g.train.save_best = true;
    g.train.eval_steps = 2;
    out = go_rollouts(b, "best", &g, &call);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_string_equal(out.err.msg,
                        "save_best with eval_steps 2: expected a multiple of a round's 4 steps, after which "
                        "checkpoints are made");
}

static void test_it_learns(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(40);
    const struct call call = {0};
    g.train.batch_size = 5;
    g.train.learning_rate = 2e-3;
    g.rollouts.num_generations = 8;
    CHECK_DONE(go_rollouts(b, "learns", &g, &call));
    json_t *m = read_lines(b, "learns", "metrics.jsonl");
    double first = 0, last = 0;
    for (size_t i = 0; i < 8; i++) {
        first += number(json_array_get(m, i), "reward") / 8;
        last += number(json_array_get(m, 32 + i), "reward") / 8;
    }
    print_message("  reward %.3f in the first eight steps, %.3f in the last\n", first, last);
    assert_true(last > first + 0.05);
    json_decref(m);
}

/* -- The same bytes ------------------------------------------------------------------------------------------------ */

static struct grpo rich(int64_t steps)
{
    struct grpo g = grpo(steps);
    g.train.batch_size = 2;
    g.train.logging_steps = 3; /* windows that checkpoints cut */
    g.train.save_steps = 4;
    g.train.eval_steps = 4;
    g.train.eval_questions = 3;
    g.train.save_total_limit = 2;
    g.rollouts.steps_per_generation = 2;
    g.rollouts.dynamic_sampling = true;
    g.rollouts.max_resamples = 2;
    set_policy(&g, "beta=0.05 entropy_coef=0.01");
    return g;
}

static void same_run(const struct bench *b, const char *one, const char *two, int step)
{
    char name[64];
    same_file(b, one, two, "metrics.jsonl");
    same_file(b, one, two, "rollouts.jsonl");
    snprintf(name, sizeof name, "checkpoint-%d/model.safetensors", step);
    same_file(b, one, two, name);
    snprintf(name, sizeof name, "checkpoint-%d/optimizer.safetensors", step);
    same_file(b, one, two, name);
}

static void test_same_bytes(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    static const struct {
        const char *name;
        int64_t sampling_rows, micro_batch_tokens;
        int threads;
    } ways[] = {{"whole", 64, 16384, 2},  {"one-row", 1, 16384, 2}, {"three-rows", 3, 16384, 2},
                {"tiny-packs", 64, 1, 2}, {"packs", 7, 70, 2},      {"one-thread", 64, 16384, 1}};
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct grpo g = rich(8);
        const struct call call = {0};
        g.rollouts.sampling_rows = ways[i].sampling_rows;
        g.train.micro_batch_tokens = ways[i].micro_batch_tokens;
        if (ways[i].threads == 1) {
            raml_model_close(b->model);
            b->model = NULL;
            raml_device_close(b->dev);
            CHECK_OK(far_device_open(1, "auto", &b->dev, &err));
        }
        CHECK_DONE(go_rollouts(b, ways[i].name, &g, &call));
        if (i) same_run(b, "whole", ways[i].name, 8);
    }
}

/* Asked to stop when a sampler or the loop asks for the n-th time, for every n: a checkpoint holds what was done, and
 * resuming ends in the same bytes. */
static void test_stopped_anywhere(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct grpo g = rich(8);
    struct asked never = {0};
    const struct call whole = {.asked = &never};
    CHECK_DONE(go_rollouts(b, "whole", &g, &whole));
    size_t saved = 0, before = 0, every = far_asked() ? 17 : 1;
    assert_true(never.times > 30);
    for (size_t n = 1; n <= never.times; n += every) {
        struct asked asked = {.stop_at = n};
        const struct call stops = {.asked = &asked}, goes_on = {.resume = true};
        char path[PATH_CAP + 64];
        struct outcome out = go_rollouts(b, "parts", &g, &stops);
        if (out.rc) {
            assert_int_equal(out.rc, RAML_ESTOP);
            assert_int_equal(out.result.steps % 2, 0);
            if (out.result.steps) assert_non_null(strstr(out.err.msg, "holds what was done"));
            else assert_non_null(strstr(out.err.msg, "before the first step"));
            saved += out.result.steps > 0;
            before += out.result.steps == 0;
            CHECK_DONE(go_rollouts(b, "parts", &g, &goes_on));
        }
        same_run(b, "whole", "parts", 8);
        same_file(b, "whole", "parts", "checkpoint-8/trainer_state.json");
        snprintf(path, sizeof path, "%s/parts", b->root);
        CHECK_OK(raml_remove_tree(path, &err));
    }
    print_message("  %zu moments: %zu before the first checkpoint, %zu after it\n", never.times, before, saved);
    assert_true(saved > 10 / every && before > 0);
}

/* Wherever it is killed between checkpoints. */
static void test_killed(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct grpo g = rich(8);
    const struct call first = {0}, again = {.resume = true};
    char from[PATH_CAP + 64], gone[PATH_CAP + 64];
    g.train.save_total_limit = 0;
    g.train.save_steps = 2;
    CHECK_DONE(go_rollouts(b, "whole", &g, &first));
    for (int step = 2; step < 8; step += 2) { /* what is there after the checkpoint of each step, and lines beyond it */
        CHECK_DONE(go_rollouts(b, "killed", &g, &first));
        for (int later = step + 2; later <= 8; later += 2) {
            snprintf(gone, sizeof gone, "%s/killed/checkpoint-%d", b->root, later);
            CHECK_OK(raml_remove_tree(gone, &err));
        }
        CHECK_DONE(go_rollouts(b, "killed", &g, &again));
        same_run(b, "whole", "killed", 8);
        for (int s = 2; s <= 8; s += 2) same_checkpoint(b, "whole", "killed", s);
        snprintf(from, sizeof from, "%s/killed", b->root);
        CHECK_OK(raml_remove_tree(from, &err));
    }
    g.policy.epsilon = 0.3;
    struct outcome out = go_rollouts(b, "whole", &g, &again);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with epsilon = 0.3, but the run was started with 0.2"));
    g = rich(8);
    g.rollouts.num_generations = 5;
    out = go_rollouts(b, "whole", &g, &again);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with num_generations = 5, but the run was started with 4"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_warm, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_shared_prompts), TEST(test_first_ratio), TEST(test_rounds),
                                       TEST(test_it_learns),      TEST(test_same_bytes),  TEST(test_stopped_anywhere),
                                       TEST(test_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
