/* Which questions and samples training on rollouts takes: epochs, questions without signal, truncated samples, parts of a
 * group, right ones; evaluation; what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "outer/rollout_rig.h"

static int setup_warm(void **state)
{
    int rc = setup(state);
    if (!rc) warm_up(*state);
    return rc;
}

static const json_t *sample_of(const json_t *lines, size_t line, size_t k)
{
    return json_array_get(json_object_get(json_array_get(lines, line), "trajectories"), k);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    assert_non_null(s);
    return s;
}

/* Its reward by hand: 1 where the answer is right. */
static double reward_of(const json_t *sample)
{
    return flag(sample, "correct") ? 1 : 0;
}

static bool has_signal(const json_t *lines, size_t line)
{
    size_t n = json_array_size(json_object_get(json_array_get(lines, line), "trajectories"));
    for (size_t k = 1; k < n; k++)
        if (reward_of(sample_of(lines, line, k)) != reward_of(sample_of(lines, line, 0))) return true;
    return false;
}

/* -- Questions ----------------------------------------------------------------------------------------------------- */

/* Weights that hardly move, two questions: in every epoch both come once, and their samples are others. */
static void test_epochs(void **state)
{
    struct bench *b = *state;
    struct raml_questions two;
    struct grpo g = grpo(4);
    raml_questions_init(&two);
    add_questions(&two, 2, 1);
    g.train.batch_size = 2;
    g.train.learning_rate = 1e-30;
    const struct call call = {.data = &two};
    CHECK_DONE(go_rollouts(b, "epochs", &g, &call));
    json_t *lines = read_lines(b, "epochs", "rollouts.jsonl");
    assert_int_equal(json_array_size(lines), 8);
    for (size_t i = 0; i < 8; i += 2) {
        assert_string_not_equal(text_of(json_array_get(lines, i), "id"), text_of(json_array_get(lines, i + 1), "id"));
        assert_true(number(json_array_get(lines, i), "draw") == (double)(i / 2 + 1));
        for (size_t j = 0; j < i; j++) {
            const json_t *now = json_array_get(lines, i), *then = json_array_get(lines, j);
            if (!strcmp(text_of(now, "id"), text_of(then, "id")))
                assert_false(json_equal(json_object_get(now, "trajectories"), json_object_get(then, "trajectories")));
        }
    }
    json_decref(lines);
    raml_questions_deinit(&two);
}

/* Advantages and the headline by hand, from what was written. */
static void test_records(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(3);
    const struct call call = {0};
    CHECK_DONE(go_rollouts(b, "records", &g, &call));
    json_t *lines = read_lines(b, "records", "rollouts.jsonl"), *m = read_lines(b, "records", "metrics.jsonl");
    assert_int_equal(json_array_size(lines), 12);
    for (size_t step = 0; step < 3; step++) {
        double sum = 0, longest = 0, tokens = 0, cut = 0, zero = 0;
        for (size_t i = step * 4; i < step * 4 + 4; i++) {
            double mean = 0, squares = 0;
            for (size_t k = 0; k < 4; k++) mean += reward_of(sample_of(lines, i, k)) / 4;
            for (size_t k = 0; k < 4; k++) squares += pow(reward_of(sample_of(lines, i, k)) - mean, 2);
            for (size_t k = 0; k < 4; k++) {
                const json_t *x = sample_of(lines, i, k);
                double n = number(x, "n_tokens"), want = (reward_of(x) - mean) / (sqrt(squares / 3) + 1e-6);
                CHECK_NEAR("advantage", number(x, "advantage"), squares > 0 ? want : 0, 3e-6);
                assert_true(number(x, "reward") == reward_of(x) && flag(x, "trained"));
                assert_int_equal(json_array_size(json_object_get(x, "tokens")), n);
                sum += reward_of(x);
                tokens += n;
                longest = fmax(longest, n);
                cut += !strcmp(text_of(x, "finish_reason"), "length");
            }
            zero += !has_signal(lines, i);
        }
        const json_t *line = json_array_get(m, step);
        CHECK_NEAR("reward", number(line, "reward"), sum / 16, 1e-9);
        CHECK_NEAR("accuracy", number(line, "accuracy"), sum / 16, 1e-9);
        CHECK_NEAR("mean length", number(line, "completions/mean_length"), tokens / 16, 1e-6);
        CHECK_NEAR("max length", number(line, "completions/max_length"), longest, 0);
        CHECK_NEAR("clipped", number(line, "completions/clipped_ratio"), cut / 16, 1e-9);
        CHECK_NEAR("no signal", number(line, "frac_reward_zero_std"), zero / 4, 1e-9);
    }
    json_decref(lines);
    json_decref(m);
}

/* Questions without signal are replaced by the next ones of the stream, so often and no more. */
static void test_dynamic_sampling(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(6);
    const struct call call = {0};
    g.rollouts.num_generations = 2; /* often both right or both wrong */
    g.rollouts.dynamic_sampling = true;
    for (int64_t most = 1; most <= 10; most += 9) {
        char name[16];
        size_t i, replaced = 0, short_of = 0;
        json_t *line;
        snprintf(name, sizeof name, "most-%d", (int)most);
        g.rollouts.max_resamples = most;
        CHECK_DONE(go_rollouts(b, name, &g, &call));
        json_t *lines = read_lines(b, name, "rollouts.jsonl"), *m = read_lines(b, name, "metrics.jsonl");
        double sampled = 0, used[7] = {0}, with[7] = {0}, seen[7] = {0};
        json_array_foreach (lines, i, line) {
            size_t step = (size_t)number(line, "step");
            seen[step]++;
            used[step] += flag(line, "used");
            with[step] += flag(line, "used") && has_signal(lines, i);
            if (!flag(line, "used")) {
                replaced++;
                assert_null(json_object_get(sample_of(lines, i, 0), "advantage"));
                assert_false(flag(sample_of(lines, i, 0), "trained"));
            }
            if (!flag(line, "used")) assert_true(!has_signal(lines, i)); /* what has signal is never thrown away */
        }
        for (size_t step = 1; step <= 6; step++) {
            assert_true(used[step] == 4);
            assert_true(seen[step] <= 4 + 4 * (double)most);
            short_of += with[step] < 4;
            sampled += seen[step];
            CHECK_NEAR("sampled", number(json_array_get(m, step - 1), "questions_sampled"), seen[step], 0);
            CHECK_NEAR("no signal", number(json_array_get(m, step - 1), "frac_reward_zero_std"), 1 - with[step] / 4, 0);
            CHECK_NEAR("epoch", number(json_array_get(m, step - 1), "epoch"), sampled / 10, 1e-9);
        }
        assert_true(replaced > 3);
        assert_true(most == 1 ? short_of > 0 : short_of == 0);
        json_decref(lines);
        json_decref(m);
    }
}

/* -- Samples ------------------------------------------------------------------------------------------------------- */

/* Truncated ones are out of the loss, and of what it is divided by; in their group they count. */
static void test_truncated(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(4);
    const struct call call = {0};
    double left_out = 0, all = 0;
    g.rollouts.max_completion_length = 4;
    g.rollouts.mask_truncated_completions = true;
    CHECK_DONE(go_rollouts(b, "masked", &g, &call));
    json_t *lines = read_lines(b, "masked", "rollouts.jsonl"), *m = read_lines(b, "masked", "metrics.jsonl");
    for (size_t i = 0; i < json_array_size(lines); i++)
        for (size_t k = 0; k < 4; k++) {
            const json_t *x = sample_of(lines, i, k);
            bool cut = !strcmp(text_of(x, "finish_reason"), "length");
            assert_true(flag(x, "trained") == !cut);
            assert_true(!cut || number(x, "reward") == 0);
            if (has_signal(lines, i)) assert_true(fabs(number(x, "advantage")) > 0.1);
            left_out += cut ? number(x, "n_tokens") : 0;
            all += number(x, "n_tokens");
        }
    assert_true(left_out > 20);
    CHECK_NEAR("trained", number(json_array_get(m, 3), "trained_tokens"), all - left_out, 0);
    json_decref(lines);
    json_decref(m);
    g.rollouts.mask_truncated_completions = false;
    CHECK_DONE(go_rollouts(b, "wrong", &g, &call));
    m = read_lines(b, "wrong", "metrics.jsonl");
    lines = read_lines(b, "wrong", "rollouts.jsonl");
    all = 0;
    for (size_t i = 0; i < 16; i++)
        for (size_t k = 0; k < 4; k++) all += number(sample_of(lines, i, k), "n_tokens");
    CHECK_NEAR("trained", number(json_array_get(m, 3), "trained_tokens"), all, 0);
    json_decref(lines);
    json_decref(m);
}

/* Nothing is left to train on: the step changes nothing, and has no loss. */
static void test_nothing_left(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(2);
    const struct call call = {0};
    char start[64];
    g.rollouts.max_completion_length = 1;
    g.rollouts.mask_truncated_completions = true;
    struct outcome out = go_rollouts(b, "nothing", &g, &call);
    CHECK_DONE(out);
    assert_true(out.result.trained_tokens == 0 && isnan(out.result.loss));
    snprintf(start, sizeof start, "warm/checkpoint-%d/model.safetensors", WARM_STEPS);
    struct raml_buf before = slurp(b, start), after = slurp(b, "nothing/checkpoint-2/model.safetensors");
    assert_true(before.len == after.len && !memcmp(before.data, after.data, after.len));
    raml_buf_deinit(&before);
    raml_buf_deinit(&after);
    json_t *m = read_lines(b, "nothing", "metrics.jsonl");
    assert_int_equal(json_array_size(m), 2);
    assert_null(json_object_get(json_array_get(m, 1), "loss"));
    assert_true(number(json_array_get(m, 1), "completions/clipped_ratio") == 1);
    json_decref(m);
}

/* One of four enters the loss; what is held fixed. */
static void test_parts_of_a_group(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *name;
        enum raml_updates_control control;
        size_t questions;
        double rate;
    } cases[] = {{"steps", RAML_UPDATES_EQUAL_STEPS, 4, 1e-3},
                 {"tokens", RAML_UPDATES_EQUAL_TOKENS, 16, 1e-3},
                 {"rate", RAML_UPDATES_SCALED_RATE, 4, 0.25e-3}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct grpo g = grpo(2);
        const struct call call = {0};
        size_t n = 0, line, first = 0;
        json_t *o;
        double tokens = 0;
        g.train.lr_scheduler_type = RAML_DECAY_CONSTANT;
        g.train.warmup_ratio = 0;
        g.rollouts.updates_per_question = 1;
        g.rollouts.updates_control = cases[i].control;
        CHECK_DONE(go_rollouts(b, cases[i].name, &g, &call));
        json_t *lines = read_lines(b, cases[i].name, "rollouts.jsonl"),
               *m = read_lines(b, cases[i].name, "metrics.jsonl");
        assert_int_equal(json_array_size(lines), 2 * cases[i].questions);
        json_array_foreach (lines, line, o) {
            size_t trained = 0;
            for (size_t k = 0; k < 4; k++) {
                const json_t *x = sample_of(lines, line, k);
                if (has_signal(lines, line)) assert_true(fabs(number(x, "advantage")) > 0.1); /* of all four */
                if (!flag(x, "trained")) continue;
                trained++;
                first += k == 0;
                tokens += number(x, "n_tokens");
            }
            assert_int_equal(trained, 1);
            n++;
        }
        assert_true(first < n); /* which one is random */
        CHECK_NEAR("trained", number(json_array_get(m, 1), "trained_tokens"), tokens, 0);
        CHECK_NEAR("rate", number(json_array_get(m, 1), "learning_rate"), cases[i].rate, 1e-12);
        json_decref(lines);
        json_decref(m);
    }
    struct grpo g = grpo(2);
    const struct call call = {0};
    g.rollouts.updates_per_question = 3;
    g.rollouts.updates_control = RAML_UPDATES_EQUAL_TOKENS;
    struct outcome out = go_rollouts(b, "uneven", &g, &call);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "is no multiple of updates_per_question 3"));
    g.rollouts.updates_per_question = 5;
    out = go_rollouts(b, "many", &g, &call);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_string_equal(out.err.msg, "updates_per_question is 5; expected at most num_generations, 4");
}

/* Expert iteration: the right ones, each text once; as many of them as are asked for. */
static void test_rft(void **state)
{
    struct bench *b = *state;
    static const int64_t parts[] = {0, 1};
    for (size_t p = 0; p < COUNT(parts); p++) {
        struct grpo g = grpo(6);
        const struct call call = {.rft = true};
        size_t line, repeats = 0, left = 0;
        json_t *o;
        char name[16];
        double tokens = 0;
        snprintf(name, sizeof name, "rft-%zu", p);
        g.rollouts.num_generations = 6;
        g.rollouts.updates_per_question = parts[p];
        struct outcome out = go_rollouts(b, name, &g, &call);
        CHECK_DONE(out);
        json_t *lines = read_lines(b, name, "rollouts.jsonl");
        json_array_foreach (lines, line, o) {
            size_t right = 0, trained = 0;
            for (size_t k = 0; k < 6; k++) {
                const json_t *x = sample_of(lines, line, k);
                bool again = false;
                for (size_t i = 0; i < k; i++)
                    again |=
                        json_equal(json_object_get(x, "tokens"), json_object_get(sample_of(lines, line, i), "tokens"));
                bool wanted = flag(x, "correct") && !again;
                right += wanted;
                repeats += flag(x, "correct") && again;
                trained += flag(x, "trained");
                if (!parts[p]) assert_true(flag(x, "trained") == wanted);
                else assert_true(!flag(x, "trained") || wanted);
                if (flag(x, "trained")) tokens += number(x, "n_tokens");
            }
            if (parts[p]) assert_int_equal(trained, right ? 1 : 0);
            left += right - trained;
        }
        assert_true(repeats > 0 && (left > 0) == (parts[p] > 0));
        assert_true((double)out.result.trained_tokens == tokens);
        json_decref(lines);
    }
}

/* -- Evaluation ---------------------------------------------------------------------------------------------------- */

static void test_evaluation(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(6);
    const struct call call = {0};
    g.train.learning_rate = 1e-30;
    g.train.eval_steps = 2;
    g.train.eval_questions = 7;
    g.rollouts.eval_generations = 3;
    g.rollouts.eval_temperature = 1;
    CHECK_DONE(go_rollouts(b, "evaluated", &g, &call));
    json_t *m = read_lines(b, "evaluated", "metrics.jsonl");
    double accuracy = number(json_array_get(m, 1), "eval_accuracy");
    assert_true(accuracy > 0 && accuracy < 1);
    CHECK_NEAR("of 21 samples", accuracy * 21, round(accuracy * 21), 1e-6);
    for (size_t i = 0; i < 6; i++) { /* the same weights and random numbers: the same samples */
        const json_t *line = json_array_get(m, i);
        assert_true((json_object_get(line, "eval_accuracy") != NULL) == (i % 2 == 1));
        if (i % 2) assert_true(number(line, "eval_accuracy") == accuracy);
    }
    json_decref(m);
    g.train.eval_steps = 0; /* never, though there are questions */
    CHECK_DONE(go_rollouts(b, "never", &g, &call));
    m = read_lines(b, "never", "metrics.jsonl");
    for (size_t i = 0; i < 6; i++) assert_null(json_object_get(json_array_get(m, i), "eval_accuracy"));
    json_decref(m);
}

/* -- What is refused ----------------------------------------------------------------------------------------------- */

static void add_bad(struct raml_questions *qs, const char *question, const char *answer)
{
    struct raml_err err = {0};
    struct raml_question q = {.id = "bad one", .question = question, .answer = answer, .difficulty = -1, .line = 17};
    CHECK_OK(raml_questions_add(qs, &q, &err));
}

static void check_refused(struct bench *b, const struct grpo *g, const struct call *call, enum raml_code rc,
                          const char *message)
{
    static int n;
    char name[32];
    snprintf(name, sizeof name, "refused-%d", n++);
    struct outcome out = go_rollouts(b, name, g, call);
    if (!strstr(out.err.msg, message)) print_error("said: %s\n", out.err.msg);
    assert_int_equal(out.rc, rc);
    assert_non_null(strstr(out.err.msg, message));
    assert_int_equal(out.result.steps, 0);
}

static void test_refused(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(2);
    struct raml_questions qs;
    struct call call = {.data = &qs};
    raml_questions_init(&qs);
    check_refused(b, &g, &call, RAML_ERANGE, "made.jsonl: nothing is trained on: no questions");
    add_questions(&qs, 2, 1);
    add_bad(&qs, "1+1=", "");
    check_refused(b, &g, &call, RAML_ERANGE,
                  "made.jsonl: question 'bad one' (line 17) has no answer; expected one to judge by");
    raml_questions_deinit(&qs);
    raml_questions_init(&qs);
    char text[CONTEXT + 1];
    memset(text, '1', CONTEXT);
    text[CONTEXT] = '\0';
    add_bad(&qs, text, "3");
    check_refused(b, &g, &call, RAML_ERANGE, "fills the model's context of 64");
    raml_questions_deinit(&qs);
    call = (struct call){.no_reference = true};
    set_policy(&g, "beta=0.1");
    check_refused(b, &g, &call, RAML_EUSAGE, "beta is 0.1, but there is no reference model to measure KL to");
    g = grpo(2);
    g.train.max_steps = 0;
    g.train.token_budget = 1000;
    check_refused(b, &g, &call, RAML_EUSAGE, "token_budget alone does not say how many steps there will be");
    g = grpo(2);
    g.reward.reward = "exakt";
    check_refused(b, &g, &call, RAML_EUSAGE, "exact");
    g = grpo(2);
    g.rollouts.num_generations = 1;
    set_policy(&g, "group_of_one=zero");
    check_refused(b, &g, &call, RAML_EUSAGE, "num_generations is 1; expected at least 2");
    g = grpo(2);
    set_policy(&g, "advantage_per_component=true");
    check_refused(b, &g, &call, RAML_EUSAGE, "needs a reward of several components; found 'exact'");
    g.reward.reward = "exact:1,length:0.5";
    set_policy(&g, "overlong_buffer=4");
    check_refused(b, &g, &call, RAML_EUSAGE, "normalises each component of the reward by itself");
    g = grpo(2);
    set_policy(&g, "overlong_buffer=15");
    check_refused(b, &g, &call, RAML_EUSAGE, "overlong_buffer is 15; expected at most max_completion_length, 14");
    g = grpo(2);
    g.rollouts.temperature = 0;
    check_refused(b, &g, &call, RAML_EUSAGE, "temperature is 0");
}

/* Rounds are whole, however the budget falls. */
static void test_budget(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(12);
    const struct call call = {0}, again = {.resume = true};
    g.rollouts.num_iterations = 3;
    g.train.token_budget = 500;
    struct outcome out = go_rollouts(b, "budget", &g, &call);
    CHECK_DONE(out);
    assert_true(out.result.tokens >= 500 && out.result.steps % 3 == 0 && out.result.steps < 12);
    json_t *m = read_lines(b, "budget", "metrics.jsonl");
    assert_true(number(json_array_get(m, out.result.steps - 4), "tokens") < 500); /* the round before */
    json_decref(m);
    struct outcome more = go_rollouts(b, "budget", &g, &again);
    CHECK_DONE(more);
    assert_true(more.result.steps == out.result.steps);
}

/* Questions that are too long are left out, and all else is as if they had not been there. */
static void test_skip_long(void **state)
{
    struct bench *b = *state;
    struct raml_questions qs;
    struct grpo g = grpo(3);
    char text[CONTEXT + 1];
    memset(text, '1', CONTEXT);
    text[CONTEXT] = '\0';
    raml_questions_init(&qs);
    add_questions(&qs, 5, 1);
    const struct call call = {.data = &qs};
    CHECK_DONE(go_rollouts(b, "without", &g, &call));
    add_bad(&qs, text, "3");
    g.rollouts.skip_long = true;
    CHECK_DONE(go_rollouts(b, "with", &g, &call));
    same_file(b, "without", "with", "rollouts.jsonl");
    same_file(b, "without", "with", "metrics.jsonl");
    raml_questions_deinit(&qs);
}

/* The validation set before the first step, on request. */
static void test_on_start(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(2);
    const struct call call = {0};
    g.train.eval_steps = 2;
    g.train.eval_on_start = true;
    g.train.learning_rate = 1e-30; /* so that nothing is learnt between the two */
    CHECK_DONE(go_rollouts(b, "start", &g, &call));
    json_t *m = read_lines(b, "start", "metrics.jsonl");
    assert_int_equal(json_array_size(m), 3);
    const json_t *first = json_array_get(m, 0), *last = json_array_get(m, 2);
    assert_true(number(first, "step") == 0 && !json_object_get(first, "reward"));
    assert_true(number(first, "eval_accuracy") == number(last, "eval_accuracy"));
    json_decref(m);
    m = read_lines(b, "start", "timing.jsonl"); /* nothing was trained on before the first line: no speed */
    assert_true(!json_object_get(json_array_get(m, 0), "tokens_per_s"));
    assert_true(number(json_array_get(m, 1), "tokens_per_s") > 0);
    json_decref(m);
}

/* A resumed run is held to the reference that it was started with. */
static void test_reference(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(4);
    struct asked soon = {.stop_at = 25}; /* in the second round */
    struct call call = {.asked = &soon, .reference_hash = 7};
    set_policy(&g, "beta=0.1");
    assert_int_equal(go_rollouts(b, "reference", &g, &call).rc, RAML_ESTOP);
    call = (struct call){.resume = true, .reference_hash = 8};
    struct outcome out = go_rollouts(b, "reference", &g, &call);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with reference = \"0000000000000008\", but the run was started with "
                                        "\"0000000000000007\""));
    call.reference_hash = 7;
    CHECK_DONE(go_rollouts(b, "reference", &g, &call));
}

/* Where thinking is not set apart a truncated sample is all trajectory: the answer hangs from after its last token. */
static void test_answer_at_end(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(2);
    const struct call call = {.format = "plain"};
    g.reward.reward = "prob:1,mig:1";
    g.rollouts.max_completion_length = 3;
    struct outcome out = go_rollouts(b, "plain", &g, &call);
    CHECK_DONE(out);
    json_t *m = read_lines(b, "plain", "metrics.jsonl");
    assert_true(number(json_array_get(m, 0), "completions/clipped_ratio") > 0);
    assert_true(isfinite(number(json_array_get(m, 0), "answer_loss")));
    json_decref(m);
}

/* The second term of the loss alone: step by step the reference answer after the same samples becomes likelier. */
static void test_answer_term(void **state)
{
    struct bench *b = *state;
    struct raml_questions one;
    struct grpo g = grpo(6);
    raml_questions_init(&one);
    add_questions(&one, 1, 1);
    const struct call call = {.data = &one};
    g.train.batch_size = 1;
    g.train.learning_rate = 1e-4;
    g.rollouts.temperature = 1e-6; /* the same samples as long as the likeliest tokens are */
    g.reward.reward = "logp:0";    /* and no advantages */
    g.reward.answer_coefficient = RAML_ANSWER_ONE;
    CHECK_DONE(go_rollouts(b, "answers", &g, &call));
    json_t *m = read_lines(b, "answers", "metrics.jsonl");
    for (size_t i = 1; i < json_array_size(m); i++) {
        double before = number(json_array_get(m, i - 1), "answer_loss"),
               after = number(json_array_get(m, i), "answer_loss");
        if (!(after < before)) print_error("step %zu: answer_loss %.9g, %.9g before it\n", i + 1, after, before);
        assert_true(after < before);
    }
    json_decref(m);
    raml_questions_deinit(&one);
}

/* What was sampled counts as tokens, beside the trees that were trained on. */
static void test_tokens(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(1);
    const struct call call = {0};
    CHECK_DONE(go_rollouts(b, "tokens", &g, &call));
    json_t *m = read_lines(b, "tokens", "metrics.jsonl"), *lines = read_lines(b, "tokens", "rollouts.jsonl");
    double written = 0, prompts = 0;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *o = json_array_get(lines, i), *list = json_object_get(o, "trajectories");
        struct raml_tokens prompt = {0};
        struct raml_err err = {0};
        const struct raml_format f = raml_format_default();
        CHECK_OK(raml_format_prompt(&f, b->tokenizer, text_of(o, "question"), &prompt, &err));
        prompts += (double)prompt.n;
        raml_tokens_deinit(&prompt);
        for (size_t k = 0; k < json_array_size(list); k++) written += number(json_array_get(list, k), "n_tokens");
    }
    double samples = 4.0 * (double)json_array_size(lines); /* the last token of each is no row of a tree */
    CHECK_NEAR("tokens", number(json_array_get(m, 0), "tokens"), 2 * (prompts + written) - samples, 0);
    json_decref(lines);
    json_decref(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_warm, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_epochs),     TEST(test_records),       TEST(test_dynamic_sampling),
                                       TEST(test_truncated),  TEST(test_nothing_left),  TEST(test_parts_of_a_group),
                                       TEST(test_rft),        TEST(test_evaluation),    TEST(test_refused),
                                       TEST(test_budget),     TEST(test_skip_long),     TEST(test_on_start),
                                       TEST(test_reference),  TEST(test_answer_at_end), TEST(test_tokens),
                                       TEST(test_answer_term)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
