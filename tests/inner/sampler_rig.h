/* sampler_rig.h - a small model with questions, samplers of it, and what comes out of them. Include after cmocka's own
 * headers. */
#ifndef RAML_TESTS_INNER_SAMPLER_RIG_H
#define RAML_TESTS_INNER_SAMPLER_RIG_H

#include "core/arena.h"
#include "inner/generate_parts.h"
#include "inner/sample_parts.h"
#include "model/rig.h"
#include "raml/sampler.h"

enum { N_QUESTIONS = 5, POSITIONS = 300 };

struct rig {
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_tokenizer *t;
    struct raml_format f;
    struct raml_questions qs;
    struct raml_tokens prompt[N_QUESTIONS];
};

static inline struct raml_model *open_model(const struct raml_device *dev, size_t vocabulary, enum raml_dtype dtype)
{
    struct raml_config c;
    struct raml_model *m = NULL;
    MUST(raml_config_preset("micro", &c, err));
    c.hidden_size = 48;
    c.head_dim = 12;
    c.intermediate_size = 112;
    c.n_layers = 2;
    c.vocab_size = (int)vocabulary;
    c.max_positions = POSITIONS;
    MUST(raml_model_init(&c, 3, dtype, RAML_TRAINING, dev, &m, err));
    rig_stir(m, 5, 3); /* peaked, so that mistakes show */
    return m;
}

static inline int set_up(void **state)
{
    static struct rig r;
    struct raml_err err = {0};
    r = (struct rig){.f = raml_format_default()};
    if (far_device_open(2, "auto", &r.dev, &err) || raml_tokenizer_bytes(&r.t, &err)) return -1;
    r.m = open_model(r.dev, 261, RAML_F32);
    raml_questions_init(&r.qs);
    static const char *const text[N_QUESTIONS] = {
        "1+1=?", "a much longer question that fills more than one page of 64 tokens, so that two hold it", "x", "2*3=?",
        "y?"};
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        struct raml_question q = {.id = text[i], .question = text[i], .answer = "2", .difficulty = -1};
        if (raml_questions_add(&r.qs, &q, &err)) return -1;
        if (raml_format_prompt(&r.f, r.t, text[i], &r.prompt[i], &err)) return -1;
    }
    *state = &r;
    return 0;
}

static inline int tear_down(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < N_QUESTIONS; i++) raml_tokens_deinit(&r->prompt[i]);
    raml_questions_deinit(&r->qs);
    raml_tokenizer_close(r->t);
    raml_model_close(r->m);
    raml_device_close(r->dev);
    return 0;
}

static inline struct raml_sampler *open_sampler(const struct rig *r, const struct raml_model *m,
                                                const struct raml_sample_options *o)
{
    struct raml_sampler *s = NULL;
    MUST(raml_sampler_open(m, r->t, &r->f, o, &s, err));
    return s;
}

static inline struct raml_sampler_job job_of(struct rig *r, size_t question, size_t n, uint64_t round)
{
    return (struct raml_sampler_job){.prompt = r->prompt[question].id,
                                     .n_prompt = r->prompt[question].n,
                                     .name = r->qs.question[question].id,
                                     .question = raml_question_hash(r->qs.question[question].question),
                                     .round = round,
                                     .n = n,
                                     .about = &r->qs.question[question],
                                     .user = &r->qs.question[question]};
}

static inline void submit(struct rig *r, struct raml_sampler *s, size_t question, size_t n, uint64_t round)
{
    struct raml_sampler_job job = job_of(r, question, n, round);
    MUST(raml_sampler_submit(s, &job, err));
}

static inline struct raml_sampler_group next(struct raml_sampler *s)
{
    struct raml_sampler_group group = {0};
    bool more = false;
    MUST(raml_sampler_next(s, &group, &more, NULL, err));
    assert_true(more);
    return group;
}

static inline void check_empty(struct raml_sampler *s)
{
    struct raml_sampler_group group;
    bool more = true;
    MUST(raml_sampler_next(s, &group, &more, NULL, err));
    assert_false(more);
    const struct raml_generator *g = s->generator;
    assert_int_equal(raml_generator_jobs(g), 0);
    assert_int_equal(g->used_pages, 0);
    if (g->cache) assert_int_equal(raml_cache_free_tokens(g->cache), g->pages * RAML_KEYS);
}

static inline void check_text(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a) assert_string_equal(a, b);
}

/* What comes out for a question is what raml_sample_questions makes of it, samples first_sample on. */
static inline void check_group(const struct raml_sampler *s, const struct raml_sampler_group *g,
                               const struct raml_questions *want)
{
    const struct raml_question *asked = g->user;
    struct raml_arena *arena = raml_arena_open(1 << 20);
    size_t i = 0;
    while (strcmp(want->question[i].id, asked->id) != 0) i++;
    for (size_t k = 0; k < g->n; k++) {
        const struct raml_trajectory *x = &want->question[i].trajectory[g->first_sample + k];
        const struct raml_sampler_completion *c = &g->completion[k];
        struct raml_trajectory t;
        assert_int_equal(c->n, x->n_tokens);
        assert_memory_equal(c->token, x->tokens, c->n * sizeof *c->token);
        assert_string_equal(c->ended ? "stop" : "length", x->finish_reason);
        assert_true(c->logp_sum == x->logp_sum && c->think_closed == x->think_closed);
        MUST(raml_sampler_read(s, asked, c, arena, &t, err));
        check_text(t.text, x->text);
        check_text(t.answer, x->answer);
        check_text(t.finish_reason, x->finish_reason);
        assert_true(t.think_start == x->think_start && t.think_end == x->think_end && t.correct == x->correct);
        assert_true(t.think_closed == x->think_closed && t.logp_sum == x->logp_sum && t.seed == x->seed);
        assert_true(t.tokens == c->token && t.n_tokens == c->n && t.exit == c->exit);
        assert_int_equal(!c->exit, !x->exit);
        if (c->exit) assert_true(c->exit->at == x->exit->at && c->exit->probes == x->exit->probes);
        if (c->exit) assert_string_equal(c->exit->reason, x->exit->reason);
        if (c->n_think) assert_int_equal(c->think_start + c->n_think, x->think_end);
        double sum = 0;
        for (size_t j = 0; j < c->n; j++) {
            assert_true(isnan(c->logp[j]) == isnan(c->mu_logp[j]));
            if (!isnan(c->logp[j])) sum += (double)c->logp[j];
        }
        assert_true(sum == c->logp_sum);
    }
    raml_arena_close(arena);
}

static inline struct raml_questions list(struct rig *r, const struct raml_sample_options *o)
{
    struct raml_sample_stats stats;
    struct raml_questions out;
    raml_questions_init(&out);
    MUST(raml_sample_questions(r->m, r->t, &r->f, &r->qs, o, &out, &stats, NULL, err));
    return out;
}

static inline struct raml_sample_options options(size_t batch_size)
{
    struct raml_sample_options o = raml_sample_default();
    o.n = 4;
    o.batch_size = batch_size;
    o.max_completion_length = 40;
    o.seed = 11;
    return o;
}

static inline struct raml_generated copy(const struct raml_sampler_completion *c)
{
    struct raml_generated g = {.ended = c->ended};
    for (size_t i = 0; i < c->n; i++) MUST(raml_generated_add(&g, c->token[i], c->logp[i], c->mu_logp[i], err));
    return g;
}

static inline bool same(const struct raml_generated *g, const struct raml_sampler_completion *c)
{
    size_t n = c->n * sizeof *c->token;
    return g->n == c->n && g->ended == c->ended && !memcmp(g->token, c->token, n) && !memcmp(g->logp, c->logp, n) &&
           !memcmp(g->mu_logp, c->mu_logp, n);
}

#endif
