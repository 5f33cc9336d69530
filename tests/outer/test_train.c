/* The SFT trainer on a tiny model: the loss falls, micro-batches and repeats change nothing but the rounding, a run
 * that was stopped or killed ends in the same bytes, and what cannot be trained on is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "raml/safetensors.h"

#include "outer/trainer.h"

static void append(const struct bench *b, const char *name, const char *text)
{
    char path[PATH_CAP + 128];
    snprintf(path, sizeof path, "%s/%s", b->root, name);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Largest difference of the first moments of two runs' checkpoint-1: 0.1 times the difference of their gradients. */
static double moment_difference(const struct bench *b, const char *run1, const char *run2, double *largest)
{
    struct raml_err err = {0};
    struct raml_safetensors *s[2];
    const char *const runs[2] = {run1, run2};
    for (int i = 0; i < 2; i++) {
        char path[PATH_CAP + 128];
        snprintf(path, sizeof path, "%s/%s/checkpoint-1/optimizer.safetensors", b->root, runs[i]);
        CHECK_OK(raml_safetensors_open(path, &s[i], &err));
    }
    double worst = 0;
    *largest = 0;
    assert_true(raml_safetensors_count(s[0]) > 0);
    for (size_t t = 0; t < raml_safetensors_count(s[0]); t++) {
        const struct raml_tensor_view *x = raml_safetensors_at(s[0], t), *y = raml_safetensors_find(s[1], x->name);
        assert_non_null(y);
        if (strncmp(x->name, "exp_avg.", 8) != 0) continue;
        for (size_t i = 0; i < x->n; i++) {
            double p = ((const float *)x->data)[i], q = ((const float *)y->data)[i];
            worst = worse_of(worst, fabs(p - q));
            *largest = fmax(*largest, fabs(p));
        }
    }
    raml_safetensors_close(s[0]);
    raml_safetensors_close(s[1]);
    return worst;
}

/* -- Tests --------------------------------------------------------------------------------------------------------- */

static void test_loss_falls(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(120);
    o.eval_steps = 40;
    struct outcome first = go(b, "short", &(struct raml_train_options){0}, NULL, 0, false, 0);
    assert_int_equal(first.rc, RAML_EUSAGE);
    o.max_steps = 3;
    first = go(b, "three", &o, NULL, 0, false, 0);
    CHECK_DONE(first);
    o.max_steps = 120;
    struct outcome last = go(b, "long", &o, NULL, 0, false, 0);
    CHECK_DONE(last);
    print_message("loss %.4f after 3 steps, %.4f after 120; validation %.4f\n", first.result.loss, last.result.loss,
                  last.result.eval_loss);
    CHECK_NEAR("a fresh model is near log 261", first.result.loss, log(261), 1.5);
    assert_true(last.result.loss < 0.5 * first.result.loss);
    assert_true(last.result.eval_loss < 0.5 * first.result.loss);
    assert_int_equal(last.result.steps, 120);
    assert_true(last.result.trained_tokens > 0 && last.result.trained_tokens < last.result.tokens);
}

static void test_micro_batches(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(1);
    o.logging_steps = 1;
    o.max_grad_norm = 0;
    o.batch_size = 9;
    o.trajectories = 4; /* of three: one weighs 2, another one in each question */
    double loss[4];
    static const struct {
        const char *name;
        size_t tokens;
    } runs[4] = {{"all", 100000}, {"alone", 1}, {"pairs", 100}, {"some", 170}};
    for (int i = 0; i < 4; i++) {
        double largest;
        o.micro_batch_tokens = runs[i].tokens;
        struct outcome out = go(b, runs[i].name, &o, NULL, 0, false, 0);
        CHECK_DONE(out);
        loss[i] = out.result.loss;
        CHECK_NEAR("loss", loss[i], loss[0], 1e-5);
        CHECK_NEAR("gradient", 10 * moment_difference(b, "all", runs[i].name, &largest), 0, 1e-5);
        assert_true(largest > 1e-4);
    }
}

/* Three rows of one trajectory are the same loss and gradient as one row of it; two distinct ones are not. */
static void test_repeats(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(1);
    double largest;
    o.logging_steps = 1;
    o.max_grad_norm = 0;
    o.support_size = o.trajectories = 1;
    struct outcome one = go(b, "one", &o, NULL, 0, false, 0);
    o.trajectories = 3;
    struct outcome three = go(b, "thrice", &o, NULL, 0, false, 0);
    o.support_size = 2;
    struct outcome two = go(b, "two", &o, NULL, 0, false, 0);
    CHECK_DONE(one);
    CHECK_DONE(three);
    CHECK_DONE(two);
    CHECK_NEAR("loss", three.result.loss, one.result.loss, 1e-6);
    CHECK_NEAR("gradient", 10 * moment_difference(b, "one", "thrice", &largest), 0, 1e-6);
    assert_true(moment_difference(b, "one", "two", &largest) > 1e-4);
    assert_int_equal(three.result.trained_tokens, 3 * one.result.trained_tokens);
    assert_int_equal(three.result.tokens, one.result.tokens); /* a repeat is weighted, not read again */
}

/* A step's numbers by hand: a model whose weights are all 0 gives every token log 1/V, whatever it reads. */
static void test_counts(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct raml_train_options o = options(1);
    o.trajectories = 0;
    o.batch_size = 10;
    new_model(b, NULL);
    float *w = host_weights(b->model);
    memset(w, 0, raml_model_n(b->model) * sizeof *w);
    CHECK_OK(host_set_weights(b->model, w, &err));
    struct outcome out = go(b, "zero", &o, NULL, 0, true, 0);
    CHECK_DONE(out);
    CHECK_NEAR("loss of a uniform distribution", out.result.loss, log(261), 1e-5);
    /* Ten questions of <|question|> a + b = <think>, 6 tokens, then </think>, the answer's one digit, <|endoftext|>. */
    assert_int_equal(out.result.tokens, 10 * (6 + 3));
    assert_int_equal(out.result.trained_tokens, 10 * 2);
}

/* Numbers of a run's metrics, one per line. */
static size_t read_metrics(const struct bench *b, const char *run, const char *field, double *out, size_t cap)
{
    struct raml_err err = {0};
    char path[PATH_CAP + 128];
    struct raml_lines l;
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s/metrics.jsonl", b->root, run);
    CHECK_OK(raml_lines_init(&l, path, 1 << 16, &err));
    for (bool more;;) {
        CHECK_OK(raml_lines_next(&l, &more, &err));
        if (!more) break;
        struct raml_place at = {path, l.number};
        json_t *o;
        CHECK_OK(raml_json_parse(&at, l.line.data, l.line.len, &o, &err));
        assert_true(n < cap);
        CHECK_OK(raml_json_num(&at, o, field, &out[n++], &err));
        json_decref(o);
    }
    raml_lines_deinit(&l);
    return n;
}

/* The logged loss is the mean over the tokens trained on since the line before. */
static void test_metrics(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(7);
    double each[7], trained[7], third[3], step[3], rate[7], epoch[7];
    o.logging_steps = 1;
    o.warmup_steps = 2;
    CHECK_DONE(go(b, "each", &o, NULL, 0, false, 0));
    o.logging_steps = 3;
    CHECK_DONE(go(b, "third", &o, NULL, 0, false, 0));
    assert_int_equal(read_metrics(b, "each", "loss", each, 7), 7);
    assert_int_equal(read_metrics(b, "each", "trained_tokens", trained, 7), 7);
    assert_int_equal(read_metrics(b, "each", "learning_rate", rate, 7), 7);
    assert_int_equal(read_metrics(b, "each", "epoch", epoch, 7), 7);
    assert_int_equal(read_metrics(b, "third", "loss", third, 3), 3);
    assert_int_equal(read_metrics(b, "third", "step", step, 3), 3);
    assert_true(step[0] == 3 && step[1] == 6 && step[2] == 7);
    for (int i = 0; i < 3; i++) {
        int from = 3 * i, to = i == 2 ? 7 : from + 3;
        double sum = 0, weight = 0;
        for (int k = from; k < to; k++) {
            double w = trained[k] - (k ? trained[k - 1] : 0);
            sum += w * each[k];
            weight += w;
        }
        CHECK_NEAR("loss over three steps", third[i], sum / weight, 1e-7);
    }
    CHECK_NEAR("warm-up", rate[0], 2.5e-3, 1e-12);
    CHECK_NEAR("peak", rate[2], 5e-3, 1e-12);
    CHECK_NEAR("epoch: four of ten questions per step", epoch[6], 2.8, 1e-12);
}

static void test_stopped_and_resumed(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(12);
    o.save_steps = 4;
    o.eval_steps = 6;
    struct outcome whole = go(b, "whole", &o, NULL, 0, false, 0);
    CHECK_DONE(whole);
    struct outcome half = go(b, "halves", &o, NULL, 0, false, 5);
    assert_int_equal(half.rc, RAML_ESTOP);
    assert_int_equal(half.result.steps, 5);
    assert_non_null(strstr(half.err.msg, "checkpoint-5 holds what was done"));
    struct outcome rest = go(b, "halves", &o, NULL, 1, false, 0);
    CHECK_DONE(rest);
    assert_true(rest.result.tokens == whole.result.tokens && rest.result.loss == whole.result.loss);
    same_file(b, "whole", "halves", "metrics.jsonl");
    for (int step = 4; step <= 12; step += 4) same_checkpoint(b, "whole", "halves", step);
    struct outcome again = go(b, "halves", &o, NULL, 1, false, 0); /* nothing is left to do */
    CHECK_DONE(again);
    assert_int_equal(again.result.steps, 12);
    same_file(b, "whole", "halves", "metrics.jsonl");
}

/* What kill -9 leaves: lines beyond the last checkpoint, a torn line, half a checkpoint. */
static void test_killed(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct raml_train_options o = options(12);
    char path[PATH_CAP + 128];
    o.save_steps = 4;
    CHECK_DONE(go(b, "whole", &o, NULL, 0, false, 0));
    struct outcome half = go(b, "killed", &o, NULL, 0, false, 4);
    assert_int_equal(half.rc, RAML_ESTOP);
    append(b, "killed/metrics.jsonl", "{\"step\":6,\"epoch\":9,\"loss\":9}\n{\"step\":9,\"lo");
    snprintf(path, sizeof path, "%s/killed/checkpoint-8.tmp", b->root);
    CHECK_OK(raml_make_dir(path, &err));
    append(b, "killed/checkpoint-8.tmp/model.safetensors", "half");
    append(b, "killed/checkpoint-8.tmp/left-over", "x");
    CHECK_DONE(go(b, "killed", &o, NULL, 1, false, 0));
    same_file(b, "whole", "killed", "metrics.jsonl");
    same_checkpoint(b, "whole", "killed", 8);
    same_checkpoint(b, "whole", "killed", 12);
    snprintf(path, sizeof path, "%s/killed/checkpoint-8/left-over", b->root);
    assert_false(raml_is_file(path));
    CHECK_DONE(go(b, "never-saved", &o, NULL, 1, false, 0)); /* killed before the first checkpoint: starts afresh */
    same_checkpoint(b, "whole", "never-saved", 12);
}

static void test_other_settings(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(12);
    assert_int_equal(go(b, "run", &o, NULL, 0, false, 4).rc, RAML_ESTOP);
    o.learning_rate = 1e-3;
    struct outcome out = go(b, "run", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with learning_rate = 0.001, but the run was started with 0.005"));
    o.learning_rate = 5e-3;
    o.lr_scheduler_type = RAML_DECAY_LINEAR;
    out = go(b, "run", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with lr_scheduler_type = \"linear\", but the run was started with "
                                        "\"cosine\""));
    o.lr_scheduler_type = RAML_DECAY_COSINE;
    o.seed = 3;
    out = go(b, "run", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with seed = 3, but the run was started with 0"));
    o.seed = 0;
    struct raml_questions other;
    raml_questions_init(&other);
    add_questions(&other, 9, 3);
    out = go(b, "run", &o, &other, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "field 'data_hash' is "));
    raml_questions_deinit(&other);
    new_model(b, NULL);
    out = go(b, "run", &o, NULL, 1, true, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "field 'weights_hash' is "));
    /* None of this did harm; what is kept, and how long it goes on, may differ. */
    o.save_steps = 2;
    o.save_total_limit = 3;
    o.save_best = true;
    o.max_steps = 14;
    o.num_train_epochs = 9;
    o.token_budget = 1000000;
    CHECK_DONE(go(b, "run", &o, NULL, 1, false, 0));
}

static void test_not_finite(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(6);
    o.save_steps = 2;
    CHECK_DONE(go(b, "whole", &o, NULL, 0, false, 0));
    struct outcome out = go(b, "run", &o, NULL, 0, false, -3);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_int_equal(strncmp(out.err.msg, "step 4: question 'q", 19), 0); /* whose it is */
    assert_non_null(strstr(out.err.msg, "token 1: its log-probability is "));
    assert_non_null(strstr(out.err.msg, "nan"));
    assert_int_equal(out.result.steps, 3);
    same_checkpoint(b, "whole", "run", 2);
    CHECK_DONE(go(b, "run", &o, NULL, 1, false, 0)); /* from step 2 on */
    same_file(b, "whole", "run", "metrics.jsonl");
    same_checkpoint(b, "whole", "run", 6);
}

/* Weights that a step has ruined are not saved: the only checkpoint that is kept is a good one. */
static void test_ruined_weights(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(4);
    o.save_steps = o.save_total_limit = 1;
    CHECK_DONE(go(b, "whole", &o, NULL, 0, false, 0));
    struct outcome out = go(b, "run", &o, NULL, 0, false, -2);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_int_equal(strncmp(out.err.msg, "step 2: with the weights after it the log-probability of question 'q", 67),
                     0);
    assert_non_null(strstr(out.err.msg, "no checkpoint of them is written, the last one is kept"));
    CHECK_DONE(go(b, "run", &o, NULL, 1, false, 0)); /* from step 1 on */
    same_file(b, "whole", "run", "metrics.jsonl");
    same_checkpoint(b, "whole", "run", 4);
}

static void test_refused_data(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct raml_train_options o = options(1);
    struct raml_questions qs;
    raml_questions_init(&qs);
    struct outcome out = go(b, "none", &o, &qs, 0, false, 0);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_string_equal(out.err.msg, "made.jsonl: nothing is trained on: no questions");
    add_questions(&qs, 2, 0);
    out = go(b, "without", &o, &qs, 0, false, 0);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_non_null(strstr(out.err.msg, "none of 2 questions has a usable trajectory"));
    add_questions(&qs, 1, 1);
    char text[CONTEXT + 8];
    memset(text, 'x', sizeof text);
    text[CONTEXT] = '\0';
    struct raml_trajectory t = {.text = text, .correct = RAML_UNKNOWN, .logp_sum = NAN};
    /* clang-format off */
    struct raml_question q = {.id = "long one", .question = "why?", .answer = "so", .difficulty = -1,
                              .trajectory = &t, .n_trajectories = 1, .line = 17};
    /* clang-format on */
    CHECK_OK(raml_questions_add(&qs, &q, &err));
    out = go(b, "long", &o, &qs, 0, false, 0);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_non_null(strstr(out.err.msg, "made.jsonl: question 'long one' (line 17)"));
    o.skip_long = true;
    CHECK_DONE(go(b, "skipped", &o, &qs, 0, false, 0));
    raml_questions_deinit(&qs);
}

static void test_graded_wrong(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(1);
    struct raml_questions qs;
    raml_questions_init(&qs);
    add_questions(&qs, 4, 2);
    o.trajectories = 1;
    for (size_t i = 0; i < 4; i++) qs.question[i].trajectory[0].correct = RAML_DIFFERENT;
    struct outcome right = go(b, "right", &o, &qs, 0, false, 0);
    CHECK_DONE(right);
    o.support_size = 1; /* leaves only the wrong one */
    struct outcome none = go(b, "none", &o, &qs, 0, false, 0);
    assert_int_equal(none.rc, RAML_ERANGE);
    assert_non_null(strstr(none.err.msg, "(4 graded wrong, 0 too long)"));
    o.keep_wrong = true;
    struct outcome wrong = go(b, "wrong", &o, &qs, 0, false, 0);
    CHECK_DONE(wrong);
    assert_true(wrong.result.trained_tokens < right.result.trained_tokens); /* "3" is shorter than "add 2: 3" */
    raml_questions_deinit(&qs);
}

static void test_vocabulary(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct raml_train_options o = options(1);
    struct raml_config small = tiny;
    small.vocab_size = 200;
    small.eos_token = -1;
    CHECK_OK(raml_model_init(&small, 1, RAML_F32, RAML_TRAINING, b->dev, &b->model, &err));
    struct outcome out = go(b, "small", &o, NULL, 0, true, 0);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_string_equal(out.err.msg, "the tokenizer has ids up to 260, the model's vocab_size is 200: they do not "
                                     "belong together");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_loss_falls), TEST(test_micro_batches),       TEST(test_repeats),      TEST(test_counts),
        TEST(test_metrics),    TEST(test_stopped_and_resumed), TEST(test_killed),       TEST(test_other_settings),
        TEST(test_not_finite), TEST(test_ruined_weights),      TEST(test_refused_data), TEST(test_graded_wrong),
        TEST(test_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
