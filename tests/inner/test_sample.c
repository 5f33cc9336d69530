/* Sampling: the same samples in any batch, their log-probabilities, budgets and endings. Random tiny models. */
#include "core/arena.h"
#include "inner/sample_text.h"
#include "model/cache.h"
#include "raml/device.h"
#include "raml/rng.h"
#include "raml/sample.h"

#include "device/far.h"
#include "model/host.h"

#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig {
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_tokenizer *t;
    struct raml_format f;
    struct raml_questions qs;
};

static int set_up(void **state)
{
    static struct rig r;
    struct raml_config c;
    struct raml_err err = {0};
    r = (struct rig){.f = raml_format_default()};
    if (far_device_open(2, "auto", &r.dev, &err) || raml_config_preset("micro", &c, &err)) return -1;
    c.hidden_size = 48;
    c.head_dim = 12;
    c.intermediate_size = 112;
    c.n_layers = 2;
    c.vocab_size = 261;
    c.max_positions = 300;
    if (raml_model_init(&c, 3, RAML_F32, RAML_TRAINING, r.dev, &r.m, &err) || raml_tokenizer_bytes(&r.t, &err))
        return -1;
    float *w = host_weights(r.m);
    for (size_t i = 0; i < raml_model_n(r.m); i++) w[i] *= 3; /* peaked, so that mistakes show */
    if (host_set_weights(r.m, w, &err)) return -1;
    raml_questions_init(&r.qs);
    static const char *const text[] = {
        "1+1=?", "a much longer question that fills more than one page of 64 tokens, so that two hold it", "x", "2*3=?",
        "y?"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct raml_question q = {.id = text[i], .question = text[i], .answer = "2", .difficulty = -1};
        if (raml_questions_add(&r.qs, &q, &err)) return -1;
    }
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    raml_questions_deinit(&r->qs);
    raml_tokenizer_close(r->t);
    raml_model_close(r->m);
    raml_device_close(r->dev);
    return 0;
}

static void sample(struct rig *r, const struct raml_sample_options *o, struct raml_questions *out,
                   struct raml_sample_stats *stats)
{
    struct raml_err err = {0};
    raml_questions_init(out);
    if (raml_sample_questions(r->m, r->t, &r->f, &r->qs, o, out, stats, NULL, &err)) fail_msg("%s", err.msg);
    assert_int_equal(out->n, r->qs.n);
}

static void check_texts(const char *what, const struct raml_trajectory *got, const struct raml_trajectory *want)
{
    if (strcmp(got->text, want->text)) fail_msg("%s: trajectory '%s', not '%s'", what, got->text, want->text);
    if (!got->answer != !want->answer || (got->answer && strcmp(got->answer, want->answer)))
        fail_msg("%s: answer '%s'", what, got->answer ? got->answer : "none");
    if (strcmp(got->finish_reason, want->finish_reason)) fail_msg("%s: finish_reason %s", what, got->finish_reason);
    if (got->think_start != want->think_start || got->think_end != want->think_end || got->n_tokens != want->n_tokens)
        fail_msg("%s: thinking from %zu to %zu of %zu", what, got->think_start, got->think_end, got->n_tokens);
    if (got->think_closed != want->think_closed || got->correct != want->correct)
        fail_msg("%s: closed %d, correct %d", what, got->think_closed, (int)got->correct);
}

/* The tokens of samples that chose all of them, read on their own, say what the samples' records do. */
static void check_read(struct rig *r, const struct raml_format *f, const struct raml_sample_options *o,
                       const struct raml_questions *samples)
{
    struct sample_texts x = {.stop_text = o->stop, .eos = o->eos, .n_eos = o->n_eos, .answer_only = o->answer_only};
    struct raml_err err = {0};
    struct raml_arena *arena = raml_arena_open(1 << 20);
    assert_int_equal(raml_sample_texts_init(&x, r->t, f, &err), 0);
    for (size_t i = 0; i < samples->n; i++)
        for (size_t k = 0; k < samples->question[i].n_trajectories; k++) {
            const struct raml_trajectory *want = &samples->question[i].trajectory[k];
            struct raml_trajectory got;
            bool ended = !strcmp(want->finish_reason, "stop");
            if (raml_completion_read(&x, &samples->question[i], want->tokens, want->n_tokens, ended, arena, &got, &err))
                fail_msg("%s", err.msg);
            check_texts(samples->question[i].id, &got, want);
            assert_true(isnan(got.logp_sum));
        }
    raml_arena_close(arena);
    raml_sample_texts_deinit(&x);
}

static void test_other_samples(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions want, got;
    static const size_t batch[] = {2, 7, 64};
    o.n = 5;
    o.max_completion_length = 90;
    o.seed = 11;
    o.batch_size = 1;
    sample(r, &o, &want, &stats);
    assert_int_equal(stats.samples, 5 * r->qs.n);
    check_read(r, &r->f, &o, &want);
    for (size_t b = 0; b < sizeof batch / sizeof *batch; b++) {
        o.batch_size = batch[b];
        sample(r, &o, &got, &stats);
        for (size_t i = 0; i < got.n; i++)
            for (size_t k = 0; k < o.n; k++) {
                const struct raml_trajectory *x = &want.question[i].trajectory[k], *y = &got.question[i].trajectory[k];
                assert_int_equal(x->n_tokens, y->n_tokens);
                assert_memory_equal(x->tokens, y->tokens, x->n_tokens * sizeof *x->tokens);
                assert_true(x->logp_sum == y->logp_sum);
            }
        raml_questions_deinit(&got);
    }
    o.seed = 12;
    sample(r, &o, &got, &stats);
    assert_memory_not_equal(want.question[0].trajectory[0].tokens, got.question[0].trajectory[0].tokens, 12);
    raml_questions_deinit(&got);
    raml_questions_deinit(&want);
}

struct rule { /* ends every odd sample of every even question at `n` tokens */
    size_t n, ended;
    bool wrong; /* it was shown what is no sample */
};

static bool rule_ends(void *user, const struct raml_sample_so_far *s)
{
    struct rule *rule = user;
    rule->wrong |= s->n == 0 || s->token[s->n - 1] < 0 || s->question > 4 || s->sample > 3;
    bool end = s->sample % 2 && s->question % 2 == 0 && s->n == rule->n;
    rule->ended += end;
    return end;
}

/* A rule of one's own ends the samples that it names, at the token that it names, whatever grows beside them; the
 * others, and what those were up to there, are as without it. */
static void test_rule(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions free_running, got;
    static const size_t batch[] = {1, 3, 64};
    o.n = 4;
    o.max_completion_length = 60;
    o.seed = 5;
    sample(r, &o, &free_running, &stats);
    for (size_t b = 0; b < sizeof batch / sizeof *batch; b++) {
        struct rule rule = {.n = 3};
        size_t shorter = 0;
        o.batch_size = batch[b];
        o.ends = rule_ends;
        o.ends_user = &rule;
        sample(r, &o, &got, &stats);
        for (size_t i = 0; i < got.n; i++)
            for (size_t k = 0; k < o.n; k++) {
                const struct raml_trajectory *x = &free_running.question[i].trajectory[k],
                                             *y = &got.question[i].trajectory[k];
                bool ended = k % 2 && i % 2 == 0 && x->n_tokens > 3;
                assert_int_equal(y->n_tokens, ended ? 3 : x->n_tokens);
                assert_memory_equal(x->tokens, y->tokens, y->n_tokens * sizeof *y->tokens);
                assert_string_equal(y->finish_reason, ended ? "stop" : x->finish_reason);
                if (ended && !y->think_closed) assert_int_equal(y->correct, RAML_DIFFERENT);
                shorter += ended;
            }
        assert_true(shorter > 0);
        assert_int_equal(rule.ended, shorter);
        assert_false(rule.wrong);
        raml_questions_deinit(&got);
    }
    raml_questions_deinit(&free_running);
}

/* The same tokens evaluated by a pass over the whole text. */
static double evaluated(struct rig *r, const char *question, const struct raml_trajectory *t, int32_t *argmax)
{
    struct raml_tokens prompt = {0};
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    float *logp = calloc(t->n_tokens, sizeof *logp);
    struct raml_logprobs out = {.logp = logp, .argmax = argmax};
    double sum = 0;
    assert_int_equal(raml_format_prompt(&r->f, r->t, question, &prompt, NULL), 0);
    assert_int_equal(raml_tree_add(&tree, -1, 0, prompt.id, prompt.n, prompt.n, NULL, NULL), 0);
    assert_int_equal(raml_tree_add(&tree, 0, (uint32_t)prompt.n, t->tokens, t->n_tokens, 0, NULL, NULL), 0);
    assert_int_equal(raml_pack_add(&pack, &tree, NULL), 0);
    assert_int_equal(raml_pass_open(r->m, false, &pass, NULL), 0);
    assert_int_equal(raml_pass_forward(pass, &pack, &out, NULL), 0);
    for (size_t i = 0; i < t->n_tokens; i++) sum += logp[i];
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    raml_tokens_deinit(&prompt);
    free(logp);
    return sum;
}

static void test_logp(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions got;
    o.n = 2;
    o.max_completion_length = 150; /* own tokens in three pages */
    o.temperature = 0.8;
    o.top_k = 20;
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n; i++)
        for (size_t k = 0; k < o.n; k++) {
            const struct raml_trajectory *t = &got.question[i].trajectory[k];
            double want = evaluated(r, got.question[i].question, t, NULL);
            assert_true(t->n_tokens > 0);
            assert_true(fabs(t->logp_sum - want) <= 1e-4 * (double)t->n_tokens);
        }
    raml_questions_deinit(&got);
}

static void test_greedy(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions got;
    int32_t argmax[60];
    o.temperature = 0;
    o.max_completion_length = sizeof argmax / sizeof *argmax;
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n; i++) {
        const struct raml_trajectory *t = got.question[i].trajectory;
        (void)evaluated(r, got.question[i].question, t, argmax);
        assert_memory_equal(t->tokens, argmax, t->n_tokens * sizeof *argmax);
    }
    raml_questions_deinit(&got);
}

static void test_endings(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions got;
    int32_t close = raml_tokenizer_id(r->t, "</think>");
    o.n = 6;
    o.max_completion_length = 40;
    o.think_budget = 9;
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n; i++)
        for (size_t k = 0; k < o.n; k++) {
            const struct raml_trajectory *t = &got.question[i].trajectory[k];
            size_t at = 0;
            while (at < t->n_tokens && t->tokens[at] != close) at++;
            assert_true(at <= 9);
            assert_true(t->think_closed == (at < t->n_tokens));
            if (!strcmp(t->finish_reason, "length")) {
                assert_int_equal(t->n_tokens, 40);
                assert_int_equal(t->correct, RAML_DIFFERENT);
            } else {
                assert_string_equal(t->finish_reason, "stop");
                assert_int_equal(t->tokens[t->n_tokens - 1], raml_tokenizer_id(r->t, "<|endoftext|>"));
            }
        }
    assert_true(stats.budget_hit > 0);
    raml_questions_deinit(&got);
    o.think_budget = 0;
    o.max_completion_length = 4000; /* more than the context holds */
    o.n = 1;
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n; i++) assert_true(got.question[i].trajectory[0].n_tokens < 300);
    raml_questions_deinit(&got);
}

/* Continuations in place of the end of thinking count towards the budget, to the token, wherever they start. */
static void test_continuations(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions got;
    int32_t close = raml_tokenizer_id(r->t, "</think>"), end = raml_tokenizer_id(r->t, "<|endoftext|>");
    size_t continuations = 0;
    o.n = 150;
    o.max_completion_length = 12;
    o.think_budget = 9;
    o.force_continuation = 5;
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n; i++)
        for (size_t k = 0; k < o.n; k++) {
            const struct raml_trajectory *t = &got.question[i].trajectory[k];
            size_t at = 0;
            while (at < t->n_tokens && t->tokens[at] != close && t->tokens[at] != end) at++;
            assert_true(at <= 9);
            if (at < t->n_tokens && t->tokens[at] == close) assert_int_equal(at, 9); /* not before: five left */
            continuations += strstr(t->text, "wait") != NULL;
        }
    assert_true(continuations > 0);
    raml_questions_deinit(&got);
}

/* A format of plain texts: an end of two tokens ends a sample with its second one, and is not part of the answer. */
static void test_plain_format(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions got, out;
    struct raml_err err = {0};
    struct raml_format kept = r->f;
    char end[3] = {0};
    o.answer_only = true;
    o.max_completion_length = 20;
    sample(r, &o, &got, &stats);
    const struct raml_trajectory *t = &got.question[0].trajectory[0];
    size_t at = 2; /* two plain bytes of the sample that are not at its start serve as the end */
    while (at + 2 < t->n_tokens &&
           !(t->tokens[at] > 0 && t->tokens[at] < 128 && t->tokens[at + 1] > 0 && t->tokens[at + 1] < 128))
        at++;
    assert_true(at + 2 < t->n_tokens);
    for (size_t i = 0; i < 2; i++) end[i] = (char)t->tokens[at + i];
    r->f.stop = end;
    sample(r, &o, &out, &stats);
    const struct raml_trajectory *x = &out.question[0].trajectory[0];
    assert_string_equal(x->finish_reason, "stop");
    assert_int_equal(x->n_tokens, at + 2);
    assert_memory_equal(x->tokens, t->tokens, x->n_tokens * sizeof *x->tokens);
    assert_null(strstr(x->answer, end));
    raml_questions_deinit(&out);
    r->f.stop = kept.stop; /* the same two as a stop text: the sample ends there, the answer before it */
    o.stop = end;
    sample(r, &o, &out, &stats);
    x = &out.question[0].trajectory[0];
    assert_string_equal(x->finish_reason, "stop");
    assert_int_equal(x->n_tokens, at + 2);
    assert_null(strstr(x->answer, end));
    o.stop = NULL;
    raml_questions_deinit(&out);
    r->f.think_close = "so:"; /* three tokens: whether it starts isn't known when its first is sampled */
    o.answer_only = false;
    o.force_continuation = 1;
    raml_questions_init(&out);
    assert_int_equal(raml_sample_questions(r->m, r->t, &r->f, &r->qs, &o, &out, &stats, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "force_continuation"));
    raml_questions_deinit(&out);
    raml_questions_deinit(&got);
    r->f = kept;
}

/* -- A model that writes what it was made to write ----------------------------------------------------------------- */

/* After each token of `script` comes the next one; layers do nothing, so a token's row of the head decides. Tokens must
 * not repeat. */
static struct raml_model *scripted(struct rig *r, const int32_t *script, size_t n)
{
    struct raml_config c = *raml_model_config(r->m);
    struct raml_model *m;
    struct raml_err err = {0};
    c.hidden_size = 264;
    c.head_dim = 66;
    c.tied = false;
    if (raml_model_init(&c, 1, RAML_F32, RAML_TRAINING, r->dev, &m, &err)) fail_msg("%s", err.msg);
    const struct raml_param *p;
    size_t n_params = raml_model_params(m, &p), d = (size_t)c.hidden_size;
    float *w = host_weights(m);
    for (size_t i = 0; i < n_params; i++)
        if (p[i].n_dims == 2) memset(w + p[i].offset, 0, p[i].n * sizeof *w);
    for (size_t i = 0; i < n_params; i++) {
        if (!strcmp(p[i].name, "model.embed_tokens.weight"))
            for (size_t v = 0; v < p[i].shape[0]; v++) w[p[i].offset + v * d + v] = 1;
        if (!strcmp(p[i].name, "lm_head.weight"))
            for (size_t k = 0; k + 1 < n; k++) w[p[i].offset + (size_t)script[k + 1] * d + (size_t)script[k]] = 10;
    }
    if (host_set_weights(m, w, &err)) fail_msg("%s", err.msg);
    return m;
}

struct said {
    const char *what;
    const char *script; /* begins with the prompt's last byte; special tokens are parsed */
    const char *think_open, *think_close;
    bool think_opened;
    size_t budget;
    const char *trajectory, *answer, *finish_reason; /* wanted; answer NULL: none */
    size_t think_start, think_end, n_tokens;
    bool closed;
    enum raml_verdict correct;
};

static void check_said(struct rig *r, const struct said *x)
{
    struct raml_tokens script = {0};
    struct raml_questions qs, out;
    struct raml_sample_stats stats;
    struct raml_sample_options o = raml_sample_default();
    struct raml_err err = {0};
    const int32_t eos[] = {'$', '#'};
    /* clang-format off */
    struct raml_format f = {.name = "test", .before = "Q", .after = ":", .answer_prefix = "=\\boxed{", .stop = "<|endoftext|>",
                            .think_open = x->think_open, .think_close = x->think_close, .think_opened = x->think_opened};
    /* clang-format on */
    struct raml_question q = {.id = "q", .question = "?", .answer = "7", .difficulty = -1};
    assert_int_equal(raml_tokenizer_encode(r->t, x->script, strlen(x->script), true, &script, &err), 0);
    struct raml_model *m = scripted(r, script.id, script.n);
    raml_questions_init(&qs);
    raml_questions_init(&out);
    assert_int_equal(raml_questions_add(&qs, &q, &err), 0);
    o.temperature = 0;
    o.max_completion_length = 30;
    o.think_budget = x->budget;
    o.eos = eos;
    o.n_eos = 2;
    if (raml_sample_questions(m, r->t, &f, &qs, &o, &out, &stats, NULL, &err)) fail_msg("%s: %s", x->what, err.msg);
    const struct raml_trajectory want = {.text = x->trajectory,
                                         .answer = x->answer,
                                         .finish_reason = x->finish_reason,
                                         .think_start = x->think_start,
                                         .think_end = x->think_end,
                                         .n_tokens = x->n_tokens,
                                         .think_closed = x->closed,
                                         .correct = x->correct};
    check_texts(x->what, &out.question[0].trajectory[0], &want);
    if (!x->budget) check_read(r, &f, &o, &out);
    raml_questions_deinit(&qs);
    raml_questions_deinit(&out);
    raml_tokens_deinit(&script);
    raml_model_close(m);
}

static void test_chat_formats(void **state)
{
    static const struct said cases[] = {
        {"opened by the prompt", ":uv</think>\\boxed{7}<|endoftext|>", "<think>", "</think>", true, 0, "uv", "7",
         "stop", 0, 2, 13, true, RAML_EQUAL},
        {"opened by the model", ":<think>uv</think>\\boxed{7}<|endoftext|>", "<think>", "</think>", false, 0, "uv", "7",
         "stop", 1, 3, 14, true, RAML_EQUAL},
        {"another end-of-text token", ":uv</think>\\boxed{7}$", "<think>", "</think>", true, 0, "uv", "7", "stop", 0, 2,
         13, true, RAML_EQUAL},
        {"no box after thinking: all of it", ":uv</think>7<|endoftext|>", "<think>", "</think>", true, 0, "uv", "7",
         "stop", 0, 2, 5, true, RAML_EQUAL},
        {"not closed", ":uv\\boxed{7}<|endoftext|>", "<think>", "</think>", true, 0, "uv\\boxed{7}", NULL, "stop", 0,
         11, 12, false, RAML_DIFFERENT},
        {"thinking was not set apart", ":uv\\boxed{7}<|endoftext|>", NULL, NULL, false, 0, "uv\\boxed{7}", "7", "stop",
         0, 11, 12, true, RAML_EQUAL},
        {"not set apart, and no box", ":uv7<|endoftext|>", NULL, NULL, false, 0, "uv7", NULL, "stop", 0, 3, 4, true,
         RAML_DIFFERENT},
        {"the answer prefix forced", ":uv{7}<|endoftext|>", NULL, NULL, false, 1, "u", "7", "stop", 0, 1, 12, true,
         RAML_EQUAL},
        {"a wrong answer", ":uv</think>\\boxed{8}<|endoftext|>", "<think>", "</think>", true, 0, "uv", "8", "stop", 0,
         2, 13, true, RAML_DIFFERENT},
        {"truncated", ":uvuvuv", NULL, NULL, false, 0, "uvuvuvuvuvuvuvuvuvuvuvuvuvuvuv", NULL, "length", 0, 30, 30,
         true, RAML_DIFFERENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_said(*state, &cases[i]);
}

static void test_faults(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions out, qs;
    struct raml_err err = {0};
    char text[400];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    struct raml_question q = {.id = "long", .question = text, .answer = "", .difficulty = -1, .line = 7};
    raml_questions_init(&out);
    raml_questions_init(&qs);
    assert_int_equal(raml_questions_add(&qs, &q, NULL), 0);
    assert_int_equal(raml_sample_questions(r->m, r->t, &r->f, &qs, &o, &out, &stats, NULL, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "question 'long' (line 7)"));
    o.n = 0;
    assert_int_equal(raml_sample_questions(r->m, r->t, &r->f, &r->qs, &o, &out, &stats, NULL, &err), RAML_EUSAGE);
    assert_int_equal(out.n, 0);
    raml_questions_deinit(&qs);
    raml_questions_deinit(&out);
}

/* Bytes that the program has from malloc; a sanitizer's and the far device's are not seen. */
static size_t in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static bool sees_arrays(const struct raml_device *dev)
{
    size_t before = in_use();
    void *p = raml_array_new(dev, 1, 1 << 20);
    bool yes = in_use() >= before + (1 << 20);
    raml_array_free(dev, p);
    return yes;
}

static void keep_most(void *user, const char *what, double done, double total, const char *unit, const char *note)
{
    size_t *most = user, now = in_use();
    (void)what, (void)done, (void)total, (void)unit, (void)note;
    if (now > *most) *most = now;
}

static double cache_takes(const struct raml_model *m, const struct raml_cache_options *o)
{
    struct raml_cache *c = NULL;
    size_t before = in_use();
    assert_int_equal(raml_cache_open(m, o, &c, NULL), 0);
    size_t bytes = in_use() - before;
    raml_cache_close(c);
    return (double)bytes;
}

/* The estimate is what sampling takes, but for prompts: logits of one that some of its samples still wait for, and
 * activations of all its tokens. No array of the sampler's own has the 4 MB from which on memory comes in large
 * pages. */
static void test_estimate(void **state)
{
    struct rig *r = *state;
    enum { B = 2, OWN = 60, PROMPT = 100, PAGES = 1 + 2 * 2 }; /* of a completion, and of two prompts */
    enum { PLAIN, SORTS, PROBES, WAYS, PROBE_PAGES = 1 + 2 };  /* of a probe, and of a return */
    struct raml_config c = *raml_model_config(r->m);
    struct raml_sample_options o = raml_sample_default();
    struct raml_model *m;
    c.vocab_size = 60000;
    if (!sees_arrays(r->dev)) {
        fprintf(stderr, "test_estimate: memory can't be measured here: not checked\n");
        return;
    }
    assert_int_equal(raml_model_init(&c, 3, RAML_F32, RAML_INFERENCE, r->dev, &m, NULL), 0);
    o.n = o.batch_size = B;
    o.max_completion_length = OWN;
    for (int way = PLAIN; way < WAYS; way++) {
        size_t pages = way == PROBES ? PAGES + PROBE_PAGES : PAGES;
        struct raml_sample_stats stats;
        struct raml_questions out;
        size_t most = 0;
        const struct raml_sink sink = {.progress = keep_most, .user = &most};
        o.top_p = way == SORTS ? 0.9 : 1;
        o.exit = way == PROBES ? "stability:stride=8" : NULL;
        for (int again = 0; again < 2; again++) { /* what the device itself keeps is there from the first time on */
            raml_questions_init(&out);
            most = 0;
            size_t before = in_use();
            assert_int_equal(raml_sample_questions(m, r->t, &r->f, &r->qs, &o, &out, &stats, &sink, NULL), 0);
            raml_questions_deinit(&out);
            most -= before;
        }
        /* its cache as malloc has it, in large pages; prompts make it wider for good */
        struct raml_cache_options few = {.max_rows = B, .max_tokens = (size_t)B * pages * 64}, wide = few;
        wide.max_rows = PROMPT;
        double estimated = (double)raml_sample_estimate(&c, RAML_F32, r->dev, &o, (size_t)PAGES * 64) -
                           (double)raml_cache_estimate(&c, RAML_F32, r->dev, &few);
        double low = estimated + cache_takes(m, &few), high = estimated + cache_takes(m, &wide) + c.vocab_size * 4.0;
        if (!(low <= 1.01 * (double)most && (double)most <= 1.01 * high))
            fail_msg("way %d: estimated %.0f to %.0f, took %zu", way, low, high, most);
    }
    raml_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_other_samples), cmocka_unit_test(test_logp),
                                       cmocka_unit_test(test_greedy),        cmocka_unit_test(test_endings),
                                       cmocka_unit_test(test_continuations), cmocka_unit_test(test_rule),
                                       cmocka_unit_test(test_plain_format),  cmocka_unit_test(test_chat_formats),
                                       cmocka_unit_test(test_faults),        cmocka_unit_test(test_estimate)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
