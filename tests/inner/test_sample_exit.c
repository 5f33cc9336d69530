/* Early exit while sampling: probes change nothing, and policies decide as they do on a stored set of probes. */
#include "inner/exit_answer.h"
#include "inner/exits.h"
#include "inner/generate.h"
#include "inner/roles.h"
#include "inner/sample_parts.h"
#include "raml/device.h"
#include "raml/sample.h"

#include "device/far.h"
#include "model/host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { LENGTH = 120, PROBE = 10, ARENA = 1 << 24 };

struct rig {
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_tokenizer *t;
    struct raml_format f;
    struct raml_questions qs;
};

/* A random model that likes some bytes: answers end (by a brace) and thinking holds words that wait ("+"). */
static void like(struct raml_model *m, const char *bytes, int32_t special, float factor)
{
    const struct raml_param *p;
    size_t n = raml_model_params(m, &p), d = (size_t)raml_model_config(m)->hidden_size;
    float *w = host_weights(m);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(p[i].name, "model.embed_tokens.weight") != 0) continue;
        for (const char *c = bytes; *c; c++)
            for (size_t k = 0; k < d; k++) w[p[i].offset + (size_t)(unsigned char)*c * d + k] *= factor;
        for (size_t k = 0; k < d && special >= 0; k++) w[p[i].offset + (size_t)special * d + k] *= factor;
    }
    assert_int_equal(host_set_weights(m, w, NULL), 0);
}

static int set_up(void **state)
{
    static struct rig r;
    struct raml_config c;
    struct raml_err err = {0};
    r = (struct rig){.f = raml_format_default()};
    r.f.answer_prefix = "</think>\\boxed{";
    r.f.end = "}";
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
    like(r.m, "+1", -1, 2.2F);
    like(r.m, "}", -1, 4.5F);
    raml_questions_init(&r.qs);
    static const char *const text[] = {
        "1+1=?", "a much longer question that fills more than one page of 64 tokens, so that two hold it", "x"};
    for (size_t i = 0; i < COUNT(text); i++) {
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

static struct raml_sample_options options(const char *exit)
{
    struct raml_sample_options o = raml_sample_default();
    o.n = far_asked() ? 2 : 5;
    o.batch_size = 6;
    o.max_completion_length = LENGTH;
    o.seed = 11;
    o.exit = exit;
    o.exit_words = "+,1";
    o.probe_tokens = PROBE;
    return o;
}

static void sample(struct rig *r, const struct raml_sample_options *o, struct raml_questions *out,
                   struct raml_sample_stats *stats)
{
    struct raml_err err = {0};
    raml_questions_init(out);
    if (raml_sample_questions(r->m, r->t, &r->f, &r->qs, o, out, stats, NULL, &err)) fail_msg("%s", err.msg);
    assert_int_equal(out->n, r->qs.n);
}

static void check_same(const struct raml_trajectory *a, const struct raml_trajectory *b)
{
    assert_int_equal(a->n_tokens, b->n_tokens);
    assert_memory_equal(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens);
    assert_true(a->logp_sum == b->logp_sum);
    assert_string_equal(a->text, b->text);
    assert_string_equal(a->finish_reason, b->finish_reason);
    assert_int_equal(a->correct, b->correct);
}

/* -- Probes that never stop ---------------------------------------------------------------------------------------- */
static void test_nothing_changes(void **state)
{
    struct rig *r = *state;
    static const char *const exits[] = {"stability:stride=5,repeats=1,bound=1", "confidence:most=0,bound=1",
                                        "eat:stride=3,delta=0,warm=1", "full"};
    struct raml_sample_options o = options(NULL);
    struct raml_questions want, got;
    struct raml_sample_stats stats;
    sample(r, &o, &want, &stats);
    assert_int_equal(stats.probes, 0);
    for (size_t e = 0; e < COUNT(exits); e++) {
        o = options(exits[e]);
        sample(r, &o, &got, &stats);
        assert_true((e == 3) == (stats.probes == 0));
        uint64_t probes = 0, tokens = 0;
        for (size_t i = 0; i < got.n; i++)
            for (size_t k = 0; k < o.n; k++) {
                const struct raml_trajectory *a = &want.question[i].trajectory[k], *b = &got.question[i].trajectory[k];
                check_same(a, b);
                assert_null(a->exit);
                assert_string_equal(b->exit->reason, "end");
                assert_int_equal(b->exit->at, b->think_end - b->think_start);
                probes += b->exit->probes;
                tokens += b->exit->probe_tokens;
            }
        assert_int_equal(stats.probes, probes);
        assert_int_equal(stats.probe_tokens, tokens);
        assert_null(stats.stopped[0].reason);
        raml_questions_deinit(&got);
    }
    raml_questions_deinit(&want);
}

/* -- Online against a stored set ----------------------------------------------------------------------------------- */
struct stored { /* probes at all places of one trajectory, each made alone */
    struct raml_exit_probe probe[LENGTH + 1];
    double prob[LENGTH + 1][PROBE];
    struct raml_exit_answer answer[LENGTH + 1];
    size_t n;
    struct raml_arena *arena;
};

struct asking {
    struct rig *r;
    struct sample_texts *x;
    const struct raml_question *q;
    struct stored *s;
    size_t first;
};

static enum raml_code ends(void *user, size_t job, const struct raml_generated *so_far, bool *ends_here,
                           struct raml_err *err)
{
    struct asking *a = user;
    (void)job;
    return raml_exit_answer_ended(a->x, so_far->token, so_far->n, ends_here, err);
}

static enum raml_code keep(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct asking *a = user;
    struct raml_exit_answer *x = &a->s->answer[job];
    struct raml_exit_probe *p = &a->s->probe[job];
    enum raml_code rc = raml_exit_answer_read(a->x, a->q, g->token, g->n, a->s->arena, x, err);
    for (size_t i = 0; i < g->n && !rc; i++) a->s->prob[job][i] = exp((double)g->logp[i]);
    *p = (struct raml_exit_probe){.at = job,
                                  .answer = x->answer,
                                  .text = x->text,
                                  .prob = a->s->prob[job] + x->first,
                                  .all_prob = a->s->prob[job],
                                  .n_prob = x->n_own,
                                  .n_tokens = g->n,
                                  .entropy = NAN,
                                  .loss = NAN};
    return rc;
}

/* The likeliest answers after the prompt, the first tokens of the trajectory and the answer prefix: texts of their own.
 */
static void store(struct rig *r, struct sample_texts *x, const struct raml_question *q, const struct raml_trajectory *t,
                  struct stored *s)
{
    struct raml_tokens prompt = {0};
    struct asking a = {.r = r, .x = x, .q = q, .s = s};
    size_t T = t->think_end - t->think_start, cue = x->answer_prefix.n;
    struct raml_generate_job *job = calloc(T + 1, sizeof *job);
    int32_t *all = calloc((T + 1) * 300, sizeof *all);
    const struct raml_generate_guide guide = {.user = &a, .added = ends, .done = keep};
    const struct raml_generate_options o = {
        .batch_size = 32, .sampling = {.temperature = 0, .top_p = 1}, .allowed = (size_t)raml_tokenizer_size(r->t)};
    struct raml_err err = {0};
    assert_int_equal(raml_format_prompt(&r->f, r->t, q->question, &prompt, &err), 0);
    for (size_t at = 0; at <= T; at++) {
        int32_t *text = all + at * 300;
        memcpy(text, prompt.id, prompt.n * sizeof *text);
        size_t n = prompt.n + t->think_start + at;
        memcpy(text + prompt.n, t->tokens, (t->think_start + at) * sizeof *text);
        memcpy(text + n, x->answer_prefix.id, cue * sizeof *text);
        job[at] = (struct raml_generate_job){.text = text, .n_text = n + cue, .max_tokens = PROBE};
    }
    s->n = T + 1;
    if (raml_generate(r->m, &o, job, T + 1, &guide, NULL, NULL, &err)) fail_msg("%s", err.msg);
    raml_tokens_deinit(&prompt);
    free(all);
    free(job);
}

/* Places in front of the words that wait. */
static void mark_waits(struct rig *r, const struct raml_trajectory *t, struct stored *s)
{
    static const char *const word[] = {"+", "1"};
    struct raml_str piece[LENGTH];
    struct raml_token_text text = {.piece = piece, .n = t->think_end - t->think_start, .word = word, .n_words = 2};
    struct raml_token_roles roles = {0};
    text.delimiter = raml_thinking_delimiters(&text.n_delimiters);
    for (size_t i = 0; i < text.n; i++)
        assert_int_equal(raml_tokenizer_piece(r->t, t->tokens[t->think_start + i], &piece[i].s, &piece[i].n, NULL), 0);
    assert_int_equal(raml_token_roles(&text, &roles, NULL), 0);
    /* of one at the very end it is not known, while it grows, that the word is complete */
    for (size_t i = 0; i < roles.n_matches; i++)
        if (roles.match[i].last < text.n) s->probe[roles.match[i].first - 1].wait = true;
    raml_token_roles_deinit(&roles);
}

static void check_replayed(const struct stored *s, const struct raml_exit_policy *p, size_t n_cue,
                           const struct raml_trajectory *t, size_t *stops)
{
    const struct raml_exit_stored set = {.n_tokens = s->n - 1, .probe = s->probe, .n_probes = s->n};
    const struct raml_exit_costs costs = {.cue = n_cue};
    struct raml_exit_run run;
    struct raml_err err = {0};
    if (raml_exit_replay(p, &set, &costs, &run, &err)) fail_msg("%s", err.msg);
    assert_string_equal(t->exit->reason, run.reason);
    assert_int_equal(t->exit->at, run.stop);
    if (strcmp(run.reason, "end") != 0) { /* else the replay pays for an answer at the end; and sampling asks there */
        assert_int_equal(t->exit->probes, run.n_probes);
        assert_int_equal(t->exit->probe_tokens, run.probe_tokens);
        ++*stops;
    }
}

/* What a policy decided in a running sample is what it decides on probes of the finished trajectory that were made
 * alone. */
static void check_decisions(struct rig *r, const char *const *exits, size_t n_exits)
{
    struct raml_sample_options o = options(NULL);
    struct raml_questions full, got;
    struct raml_sample_stats stats;
    struct sample_texts x = {0};
    struct raml_err err = {0};
    static struct stored s[15];
    assert_int_equal(raml_sample_texts_init(&x, r->t, &r->f, &err), 0);
    sample(r, &o, &full, &stats);
    for (size_t i = 0; i < full.n * o.n; i++) {
        const struct raml_trajectory *t = &full.question[i / o.n].trajectory[i % o.n];
        s[i] = (struct stored){.arena = raml_arena_open(ARENA)};
        if (!t->think_end) continue; /* nothing was thought, and there are no places */
        store(r, &x, &r->qs.question[i / o.n], t, &s[i]);
        mark_waits(r, t, &s[i]);
    }
    for (size_t e = 0; e < n_exits; e++) {
        struct raml_exit_policy p;
        size_t stops = 0;
        assert_int_equal(raml_exit_policy_read(exits[e], &p, &err), 0);
        o = options(exits[e]);
        sample(r, &o, &got, &stats);
        for (size_t i = 0; i < got.n * o.n; i++) {
            const struct raml_trajectory *t = &got.question[i / o.n].trajectory[i % o.n];
            if (s[i].n) check_replayed(&s[i], &p, x.answer_prefix.n, t, &stops);
            else assert_int_equal(t->exit->probes, 0);
        }
        if (!far_asked() && (!stops || stops == got.n * o.n)) /* there fewer are sampled */
            fail_msg("%s: stopped %zu of %zu", exits[e], stops, got.n * o.n);
        raml_questions_deinit(&got);
    }
    for (size_t i = 0; i < COUNT(s); i++) {
        raml_arena_close(s[i].arena);
        s[i] = (struct stored){0};
    }
    raml_sample_texts_deinit(&x);
    raml_questions_deinit(&full);
}

static void test_as_replayed(void **state)
{
    static const char *const exits[] = {
        "stability:stride=3,repeats=2",         "stability:stride=4,repeats=1,bound=0.96",
        "confidence:stride=5,bound=0.95",       "confidence:bound=0.9,most=0",
        "confidence:bound=0.8,mean=min,most=6", "dynasor:stride=2,repeats=2",
        "code_stop:low=0.9,high=0.95,tau=40",   "code_stop:stride=7,low=0.9,tau=25"};
    check_decisions(*state, exits, COUNT(exits));
}

/* The model opens thinking itself, somewhere: places count from there. */
static void test_opened_later(void **state)
{
    static const char *const exits[] = {"stability:stride=4,repeats=1,bound=0.97", "confidence:bound=0.9,most=0"};
    struct rig *r = *state, own = *r;
    struct raml_err err = {0};
    assert_int_equal(raml_model_init(raml_model_config(r->m), 3, RAML_F32, RAML_TRAINING, r->dev, &own.m, &err), 0);
    assert_int_equal(host_set_weights(own.m, host_weights(r->m), &err), 0);
    like(own.m, "", raml_tokenizer_id(r->t, "<think>"), 3);
    own.f.after = ":";
    own.f.think_opened = false;
    check_decisions(&own, exits, COUNT(exits));
    raml_model_close(own.m);
}

/* -- What a stopped sample is -------------------------------------------------------------------------------------- */
/* Up to the stop it is the sample without a policy; then comes the answer prefix. At a stride it is, to the byte, what
 * think_budget makes of it. */
static void test_stopped(void **state)
{
    struct rig *r = *state;
    static const char *const exits[] = {"confidence:stride=5,bound=0.95", "confidence:bound=0.9,most=0"};
    static const size_t batch[] = {1, 64};
    struct raml_sample_options o = options(NULL);
    struct raml_questions full, got, again;
    struct raml_sample_stats stats;
    struct raml_tokens cue = {0};
    assert_int_equal(raml_format_answer_prefix(&r->f, r->t, &cue, NULL), 0);
    sample(r, &o, &full, &stats);
    for (size_t e = 0; e < COUNT(exits); e++) {
        size_t stopped = 0;
        o = options(exits[e]);
        sample(r, &o, &got, &stats);
        for (size_t i = 0; i < got.n * o.n; i++) {
            const struct raml_trajectory *t = &got.question[i / o.n].trajectory[i % o.n],
                                         *whole = &full.question[i / o.n].trajectory[i % o.n];
            size_t at = t->exit->at;
            if (!strcmp(t->exit->reason, "end")) continue;
            stopped++;
            assert_int_equal(t->think_start, 0);
            assert_int_equal(t->think_end, at);
            assert_true(at <= whole->think_end && t->think_closed);
            assert_memory_equal(t->tokens, whole->tokens, at * sizeof *t->tokens);
            assert_memory_equal(t->tokens + at, cue.id, cue.n * sizeof *cue.id);
            if (e || !at) continue;
            struct raml_sample_options budget = options(NULL);
            budget.think_budget = at;
            sample(r, &budget, &again, &stats);
            check_same(t, &again.question[i / o.n].trajectory[i % o.n]);
            raml_questions_deinit(&again);
        }
        assert_true(stopped > 0);
        for (size_t b = 0; b < COUNT(batch); b++) {
            o.batch_size = batch[b];
            sample(r, &o, &again, &stats);
            for (size_t i = 0; i < got.n * o.n; i++)
                check_same(&got.question[i / o.n].trajectory[i % o.n], &again.question[i / o.n].trajectory[i % o.n]);
            raml_questions_deinit(&again);
        }
        assert_string_equal(stats.stopped[0].reason, "confident");
        assert_int_equal(stats.stopped[0].n, stopped);
        raml_questions_deinit(&got);
    }
    raml_tokens_deinit(&cue);
    raml_questions_deinit(&full);
}

static void test_budget(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(NULL), policy = options("budget:budget=9");
    struct raml_questions want, got;
    struct raml_sample_stats a, b;
    o.think_budget = 9;
    sample(r, &o, &want, &a);
    sample(r, &policy, &got, &b);
    for (size_t i = 0; i < got.n * o.n; i++)
        check_same(&got.question[i / o.n].trajectory[i % o.n], &want.question[i / o.n].trajectory[i % o.n]);
    assert_int_equal(b.probes, 0);
    assert_string_equal(b.stopped[0].reason, "budget");
    assert_int_equal(b.stopped[0].n, a.budget_hit);
    raml_questions_deinit(&got);
    raml_questions_deinit(&want);
}

/* -- Confidence is the answer's alone ------------------------------------------------------------------------------ */
/* One probe of a sample, as generation hands it over: the answer "12" with these probabilities, then a brace and more.
 */
static bool stops(struct rig *r, const char *written, const float *prob)
{
    struct raml_sample_options o = options("confidence:stride=1,bound=0.9");
    struct raml_sampler_question q = {.about = &r->qs.question[0]};
    struct raml_sample_state one = {
        .out = {.thinking = true, .began = true, .n_think = 4, .n = 4}, .exit = {.at = 4}, .of = &q};
    struct raml_sampler s = {.m = r->m, .opt = o};
    enum raml_generate_next next = RAML_GENERATE_GOES_ON;
    int32_t token[16];
    float logp[16];
    struct raml_generated answer = {.token = token, .logp = logp, .n = strlen(written)};
    for (size_t i = 0; i < answer.n; i++) {
        token[i] = (unsigned char)written[i];
        logp[i] = logf(prob[i]);
    }
    assert_int_equal(raml_exits_init(&s.exits, &o, NULL), 0);
    assert_int_equal(raml_sample_texts_init(&s.texts, r->t, &r->f, NULL), 0);
    assert_int_equal(raml_exit_open(&s.exits.policy, &one.exit.state, NULL), 0);
    assert_int_equal(raml_sample_see(&s, &one, &answer, NAN, &next, NULL), 0);
    raml_exit_close(one.exit.state);
    raml_sample_texts_deinit(&s.texts);
    raml_exits_deinit(&s.exits);
    return next == RAML_GENERATE_RETURNS;
}

static void test_own_span(void **state)
{
    struct rig *r = *state;
    assert_true(stops(r, "12}", (const float[]){.95F, .96F, .9F}));
    assert_true(stops(r, "12}xyz", (const float[]){.95F, .96F, .01F, .02F, .01F, .01F})); /* the released mean: 0.08 */
    assert_true(stops(r, " 12 }", (const float[]){.1F, .95F, .96F, .1F, .1F}));
    assert_false(stops(r, "12}xyz", (const float[]){.95F, .5F, .99F, .99F, .99F, .99F})); /* the released mean: 0.9 */
    assert_false(stops(r, "12", (const float[]){.99F, .99F}));                            /* it did not end */
    assert_false(stops(r, "}", (const float[]){.99F}));                                   /* no answer */
}

/* -- Continuations where the answer is not confident --------------------------------------------------------------- */
static void test_continuations(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(NULL);
    struct raml_questions want, got;
    struct raml_sample_stats stats;
    size_t closed = 0, differs = 0;
    o.n = 60;
    o.max_completion_length = 40;
    sample(r, &o, &want, &stats); /* no answer is less confident than never */
    o.force_continuation = 2;
    o.force_continuation_below = 1e-300;
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n * o.n; i++) {
        const struct raml_trajectory *a = &want.question[i / o.n].trajectory[i % o.n],
                                     *b = &got.question[i / o.n].trajectory[i % o.n];
        assert_null(b->exit->policy);
        closed += a->think_closed && b->exit->probes == 1;
        if (a->n_tokens == b->n_tokens && !memcmp(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens))
            check_same(a, b);
        else differs++; /* there was no answer */
    }
    assert_true(closed > 0 && stats.probes > 0);
    if (differs == got.n * o.n) fail_msg("all differ");
    raml_questions_deinit(&got);
    raml_questions_deinit(&want);
    o.force_continuation_below = 0; /* always */
    sample(r, &o, &want, &stats);
    o.force_continuation_below = 1; /* always but for what is certain */
    sample(r, &o, &got, &stats);
    for (size_t i = 0; i < got.n * o.n; i++) {
        const struct raml_trajectory *a = &want.question[i / o.n].trajectory[i % o.n],
                                     *b = &got.question[i / o.n].trajectory[i % o.n];
        assert_int_equal(a->n_tokens, b->n_tokens);
        assert_memory_equal(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens);
        assert_true(fabs(a->logp_sum - b->logp_sum) <= 1e-3);
        assert_string_equal(a->text, b->text);
    }
    raml_questions_deinit(&got);
    raml_questions_deinit(&want);
}

/* -- Faults -------------------------------------------------------------------------------------------------------- */
static void test_faults(void **state)
{
    struct rig *r = *state;
    static const struct {
        const char *exit, *words;
        size_t probe_tokens, budget;
        int continuation;
        double below;
        bool answer_only;
        const char *message;
    } cases[] = {
        {"nonsense", NULL, 9, 0, 0, 0, false, "exit: no policy 'nonsense'"},
        {"stability:repeats=0", NULL, 9, 0, 0, 0, false, "exit: policy of early exit: no repeats"},
        {"loss", NULL, 9, 0, 0, 0, false, "exit: loss knows the question's answer"},
        {"first_right", NULL, 9, 0, 0, 0, false, "exit: first_right knows"},
        {"budget", NULL, 9, 0, 0, 0, false, "exit: budget needs a number of tokens"},
        {"budget:budget=5", NULL, 9, 5, 0, 0, false, "no think_budget"},
        {"confidence", "wait,", 9, 0, 0, 0, false, "exit_words: found 'wait,'"},
        {"confidence", "", 9, 0, 0, 0, false, "exit_words: found ''"},
        {"confidence", NULL, 0, 0, 0, 0, false, "probe_tokens: found 0"},
        {"confidence", NULL, 9, 0, 0, 0, true, "answer_only"},
        {NULL, NULL, 9, 0, 0, 0.5, false, "force_continuation_below needs force_continuation"},
        {NULL, NULL, 9, 0, 1, 1.5, false, "force_continuation_below: found 1.5, expected 0 to 1"},
        {NULL, NULL, 9, 0, 1, NAN, false, "force_continuation_below: found nan"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_sample_options o = options(cases[i].exit);
        struct raml_err err = {0};
        struct raml_questions out;
        struct raml_sample_stats stats;
        o.exit_words = cases[i].words;
        o.probe_tokens = cases[i].probe_tokens;
        o.think_budget = cases[i].budget;
        o.force_continuation = cases[i].continuation;
        o.force_continuation_below = cases[i].below;
        o.answer_only = cases[i].answer_only;
        raml_questions_init(&out);
        assert_int_equal(raml_sample_check(&o, &err), RAML_EUSAGE);
        if (!strstr(err.msg, cases[i].message)) fail_msg("'%s' is not in '%s'", cases[i].message, err.msg);
        assert_int_equal(raml_sample_questions(r->m, r->t, &r->f, &r->qs, &o, &out, &stats, NULL, &err), RAML_EUSAGE);
        assert_int_equal(out.n, 0);
        raml_questions_deinit(&out);
    }
    struct raml_format kept = r->f;
    struct raml_sample_options o = options("confidence");
    struct raml_err err = {0};
    struct raml_questions out;
    struct raml_sample_stats stats;
    raml_questions_init(&out);
    r->f.answer_prefix = NULL;
    assert_int_equal(raml_sample_questions(r->m, r->t, &r->f, &r->qs, &o, &out, &stats, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "no answer prefix"));
    raml_questions_deinit(&out);
    r->f = kept;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_changes), cmocka_unit_test(test_as_replayed), cmocka_unit_test(test_opened_later),
        cmocka_unit_test(test_stopped),         cmocka_unit_test(test_budget),      cmocka_unit_test(test_own_span),
        cmocka_unit_test(test_continuations),   cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests_name("early exit while sampling", tests, set_up, tear_down);
}
