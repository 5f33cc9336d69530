/* An objective of one's own in the trainer: one that is supervised fine-tuning gives the bytes of the built-in one;
 * what it is given is what the model says; its name goes into checkpoints; its errors end the training. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "raml/train.h"

#include "outer/trainer.h"

struct seen {             /* what an objective was given */
    double weight, total; /* sum over the parts of the first step; that step's total */
    size_t parts;
    double lowest_entropy, highest_entropy, highest_logp;
    bool without_slopes;
    double eval_nll, eval_entropy, eval_weight; /* sums over the parts that were evaluated without slopes */
};
struct own {
    double entropy_bonus;
    struct seen *seen; /* NULL: not kept */
    size_t fail_at;    /* the part whose evaluation fails, from 1; 0: none */
};

/* (-sum w logp - bonus sum w H) / total */
static enum raml_code evaluate(const void *user, const struct raml_terms *in, struct raml_objective_out *out,
                               struct raml_err *err)
{
    const struct own *own = user;
    struct seen *seen = own->seen;
    double sum = 0.0;
    if (seen && ++seen->parts == own->fail_at) return raml_fail(err, RAML_ERANGE, "no more of this");
    for (size_t i = in->start[in->first_row]; i < in->start[in->first_row + in->n_rows]; i++) {
        double w = (double)in->weight[i];
        if (w > 0.0) sum -= w * (double)in->logp[i];
        if (w > 0.0 && own->entropy_bonus != 0.0) sum -= w * own->entropy_bonus * (double)in->entropy[i];
        if (out->d_logp) out->d_logp[i] = -w / in->total;
        if (out->d_entropy) out->d_entropy[i] = -w * own->entropy_bonus / in->total;
        if (!seen) continue;
        seen->weight += w;
        seen->lowest_entropy = fmin(seen->lowest_entropy, (double)in->entropy[i]);
        seen->highest_entropy = fmax(seen->highest_entropy, (double)in->entropy[i]);
        seen->highest_logp = fmax(seen->highest_logp, (double)in->logp[i]);
        if (out->d_logp) continue;
        seen->eval_nll -= w * (double)in->logp[i];
        seen->eval_entropy += w * (double)in->entropy[i];
        seen->eval_weight += w;
    }
    if (seen) seen->total = in->total;
    if (seen && !out->d_logp) seen->without_slopes = true;
    out->loss = sum / in->total;
    if (out->statistics) raml_statistics_add(out->statistics, "own/parts", 1, 1);
    return RAML_OK;
}

static void test_same_as_built_in(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(6);
    const struct own own = {0};
    const struct raml_objective objective = {.name = "mine", .evaluate = evaluate, .user = &own};
    o.eval_steps = 3;
    o.micro_batch_tokens = 40; /* several packs a step */
    struct outcome want = go(b, "built-in", &o, NULL, 0, false, 0);
    CHECK_DONE(want);
    b->objective = &objective;
    struct outcome got = go(b, "own", &o, NULL, 0, false, 0);
    CHECK_DONE(got);
    struct raml_buf plain = slurp(b, "built-in/metrics.jsonl"), reported = slurp(b, "own/metrics.jsonl");
    assert_null(strstr(plain.data, "own/parts"));
    const char *statistic = strstr(reported.data, "\"own/parts\":1.0,"), *end = strchr(reported.data, '\n');
    assert_true(statistic && statistic < end); /* beside it, the line is the same */
    size_t before = (size_t)(statistic - reported.data), named = strlen("\"own/parts\":1.0,");
    assert_memory_equal(plain.data, reported.data, before);
    const char *nll = strstr(statistic, ",\"eval_nll\":"), *loss = strstr(statistic, "\"eval_loss\":");
    assert_true(nll && nll < end && loss && loss < nll); /* of another objective's validation the likelihood too */
    assert_memory_equal(plain.data + before, statistic + named, (size_t)(nll - statistic) - named);
    CHECK_NEAR("eval_nll", strtod(nll + 12, NULL), strtod(loss + 12, NULL), 1e-8);
    raml_buf_deinit(&plain);
    raml_buf_deinit(&reported);
    same_file(b, "built-in", "own", "checkpoint-6/model.safetensors");
    same_file(b, "built-in", "own", "checkpoint-6/optimizer.safetensors");
    struct raml_buf text = slurp(b, "own/checkpoint-6/trainer_state.json");
    assert_non_null(strstr(text.data, "\"objective\": \"mine\""));
    raml_buf_deinit(&text);
    text = slurp(b, "built-in/checkpoint-6/trainer_state.json");
    assert_null(strstr(text.data, "\"objective\""));
    raml_buf_deinit(&text);
}

static void test_what_it_is_given(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(1);
    struct seen seen = {.lowest_entropy = INFINITY, .highest_logp = -INFINITY};
    const struct own own = {.seen = &seen};
    const struct raml_objective objective = {.name = "mine", .evaluate = evaluate, .user = &own};
    o.micro_batch_tokens = 40;
    b->objective = &objective;
    struct outcome out = go(b, "given", &o, NULL, 0, false, 0);
    CHECK_DONE(out);
    assert_true(seen.parts > 1 && !seen.without_slopes);
    CHECK_NEAR("the parts' weights add up to the total", seen.weight, seen.total, 1e-9);
    CHECK_NEAR("which is what is trained on", seen.total, (double)out.result.trained_tokens, 1e-9);
    assert_true(seen.lowest_entropy >= 0 && seen.highest_entropy <= log(261) + 1e-5 && seen.highest_logp <= 0);
    assert_true(seen.highest_entropy > 1);

    /* What is validated is the same objective. */
    const struct own bonus = {.entropy_bonus = 1e3, .seen = &seen};
    const struct raml_objective rewarded = {.name = "mine", .evaluate = evaluate, .user = &bonus};
    b->objective = &rewarded;
    o.eval_steps = 1;
    out = go(b, "validated", &o, NULL, 0, false, 0);
    CHECK_DONE(out);
    assert_true(seen.without_slopes);
    assert_true(seen.eval_entropy > 1);
    CHECK_NEAR("eval_loss", out.result.eval_loss, (seen.eval_nll - 1e3 * seen.eval_entropy) / seen.eval_weight, 1e-3);
}

/* Rewarded for entropy, and for little else, the model becomes less sure than one that is not. */
static void test_entropy_counts(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(40);
    double entropy[2];
    o.eval_steps = 40;
    for (int i = 0; i < 2; i++) {
        struct seen seen = {0};
        const struct own own = {.entropy_bonus = i ? 4 : 0, .seen = &seen};
        const struct raml_objective objective = {.name = i ? "much" : "none", .evaluate = evaluate, .user = &own};
        b->objective = &objective;
        CHECK_DONE(go(b, objective.name, &o, NULL, 0, false, 0));
        entropy[i] = seen.eval_entropy / seen.eval_weight;
    }
    print_message("entropy %.3f without, %.3f with its bonus\n", entropy[0], entropy[1]);
    assert_true(entropy[1] > entropy[0] + 1);
}

static void test_resumed(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(8);
    const struct own own = {.entropy_bonus = 0.1};
    const struct raml_objective objective = {.name = "bonus", .evaluate = evaluate, .user = &own};
    const struct raml_objective renamed = {.name = "malus", .evaluate = evaluate, .user = &own};
    b->objective = &objective;
    CHECK_DONE(go(b, "whole", &o, NULL, 0, false, 0));
    assert_int_equal(go(b, "parts", &o, NULL, 0, false, 3).rc, RAML_ESTOP);
    b->objective = NULL;
    struct outcome out = go(b, "parts", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with objective = nothing, but the run was started with \"bonus\""));
    b->objective = &renamed;
    out = go(b, "parts", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with objective = \"malus\", but the run was started with \"bonus\""));
    b->objective = &objective;
    CHECK_DONE(go(b, "parts", &o, NULL, 1, false, 0));
    same_checkpoint(b, "whole", "parts", 8);
    b->objective = NULL;
    assert_int_equal(go(b, "plain", &o, NULL, 0, false, 3).rc, RAML_ESTOP);
    b->objective = &objective;
    out = go(b, "plain", &o, NULL, 1, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "resume with objective = \"bonus\", but the run was started with nothing"));
}

static void test_errors(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(4);
    struct seen seen = {0};
    const struct own own = {.seen = &seen, .fail_at = 2};
    struct raml_objective objective = {.name = "fails", .evaluate = evaluate, .user = &own};
    b->objective = &objective;
    struct outcome out = go(b, "fails", &o, NULL, 0, false, 0);
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_string_equal(out.err.msg, "step 2: no more of this");
    assert_int_equal(out.result.steps, 1);
    objective.name = "";
    out = go(b, "nameless", &o, NULL, 0, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "the objective has no name"));
    objective = (struct raml_objective){.name = "empty"};
    out = go(b, "empty", &o, NULL, 0, false, 0);
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_non_null(strstr(out.err.msg, "the objective has no function"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_same_as_built_in), TEST(test_what_it_is_given),
                                       TEST(test_entropy_counts), TEST(test_resumed), TEST(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
