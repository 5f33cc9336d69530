/* A sampler that stays open: samples of a list of questions, whenever they are submitted; rounds; log-probabilities of a
 * pass; memory that does not grow; weights that change; faults. Random tiny models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

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

static struct raml_model *open_model(const struct raml_device *dev, size_t vocabulary, enum raml_dtype dtype)
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

static int set_up(void **state)
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

static int tear_down(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < N_QUESTIONS; i++) raml_tokens_deinit(&r->prompt[i]);
    raml_questions_deinit(&r->qs);
    raml_tokenizer_close(r->t);
    raml_model_close(r->m);
    raml_device_close(r->dev);
    return 0;
}

static struct raml_sampler *open_sampler(const struct rig *r, const struct raml_model *m,
                                         const struct raml_sample_options *o)
{
    struct raml_sampler *s = NULL;
    MUST(raml_sampler_open(m, r->t, &r->f, o, &s, err));
    return s;
}

static struct raml_sampler_job job_of(struct rig *r, size_t question, size_t n, uint64_t round)
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

static void submit(struct rig *r, struct raml_sampler *s, size_t question, size_t n, uint64_t round)
{
    struct raml_sampler_job job = job_of(r, question, n, round);
    MUST(raml_sampler_submit(s, &job, err));
}

static struct raml_sampler_group next(struct raml_sampler *s)
{
    struct raml_sampler_group group = {0};
    bool more = false;
    MUST(raml_sampler_next(s, &group, &more, NULL, err));
    assert_true(more);
    return group;
}

static void check_empty(struct raml_sampler *s)
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

static void check_text(const char *a, const char *b)
{
    assert_int_equal(!a, !b);
    if (a) assert_string_equal(a, b);
}

/* What comes out for a question is what raml_sample_questions makes of it, samples first_sample on. */
static void check_group(const struct raml_sampler *s, const struct raml_sampler_group *g,
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

static struct raml_questions list(struct rig *r, const struct raml_sample_options *o)
{
    struct raml_sample_stats stats;
    struct raml_questions out;
    raml_questions_init(&out);
    MUST(raml_sample_questions(r->m, r->t, &r->f, &r->qs, o, &out, &stats, NULL, err));
    return out;
}

static struct raml_sample_options options(size_t batch_size)
{
    struct raml_sample_options o = raml_sample_default();
    o.n = 4;
    o.batch_size = batch_size;
    o.max_completion_length = 40;
    o.seed = 11;
    return o;
}

/* In any order, any number at once, while others are in it. */
static void check_orders(struct rig *r, struct raml_sample_options o)
{
    static const size_t batch[] = {1, 3, 64}, order[] = {3, 0, 4, 1, 2, 1, 0};
    struct raml_questions want = list(r, &o);
    for (size_t b = 0; b < (far_asked() ? 2 : COUNT(batch)); b++) {
        o.batch_size = batch[b];
        struct raml_sampler *s = open_sampler(r, r->m, &o);
        check_empty(s);
        for (size_t ahead = 1; ahead < 4; ahead++) {
            for (size_t i = 0, out = 0; out < COUNT(order);) {
                for (; i < COUNT(order) && i < out + ahead; i++) submit(r, s, order[i], o.n, 0);
                struct raml_sampler_group g = next(s);
                assert_ptr_equal(g.user, &r->qs.question[order[out]]);
                assert_int_equal(g.prompt_tokens, r->prompt[order[out++]].n);
                check_group(s, &g, &want);
            }
            check_empty(s);
        }
        struct raml_sampler_job part = job_of(r, 1, 2, 0); /* the last two of its samples, and no name */
        part.first_sample = 2;
        part.name = NULL;
        MUST(raml_sampler_submit(s, &part, err));
        struct raml_sampler_group g = next(s);
        assert_int_equal(g.n, 2);
        assert_int_equal(g.first_sample, 2);
        check_group(s, &g, &want);
        submit(r, s, 0, 4, 0); /* is in it when it is closed */
        raml_sampler_close(s);
    }
    raml_questions_deinit(&want);
}

static bool rule_ends(void *user, const struct raml_sample_so_far *s)
{
    (void)user;
    return s->sample % 2 && s->n == 5;
}

static void test_orders(void **state)
{
    struct raml_sample_options o = options(7);
    check_orders(*state, o);
    o.think_budget = 9;
    o.force_continuation = 3;
    check_orders(*state, o);
    o = options(7);
    o.ends = rule_ends;
    o.top_p = 0.9;
    o.temperature = 0.8;
    check_orders(*state, o);
    o = options(7);
    o.exit = "stability:stride=8,repeats=2";
    check_orders(*state, o);
    o = options(7);
    o.force_continuation = 1;
    o.force_continuation_below = 0.5;
    check_orders(*state, o);
}

static struct raml_generated copy(const struct raml_sampler_completion *c)
{
    struct raml_generated g = {.ended = c->ended};
    for (size_t i = 0; i < c->n; i++) MUST(raml_generated_add(&g, c->token[i], c->logp[i], c->mu_logp[i], err));
    return g;
}

static bool same(const struct raml_generated *g, const struct raml_sampler_completion *c)
{
    size_t n = c->n * sizeof *c->token;
    return g->n == c->n && g->ended == c->ended && !memcmp(g->token, c->token, n) && !memcmp(g->logp, c->logp, n) &&
           !memcmp(g->mu_logp, c->mu_logp, n);
}

/* A prompt for every sample: the same samples, of more work. */
static void test_own_prompts(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    o.think_budget = 12; /* some tokens are forced */
    struct raml_sampler *shared = open_sampler(r, r->m, &o);
    o.share_prompts = false;
    struct raml_sampler *own = open_sampler(r, r->m, &o);
    struct raml_sampler_stats a, b;
    size_t n = 0;
    for (size_t q = 0; q < N_QUESTIONS; q++) {
        submit(r, shared, q, 4, 2);
        submit(r, own, q, 4, 2);
        struct raml_sampler_group x = next(shared), y = next(own);
        for (size_t k = 0; k < 4; k++) {
            struct raml_generated g = copy(&x.completion[k]);
            assert_true(same(&g, &y.completion[k]));
            raml_generated_deinit(&g);
        }
        assert_int_equal(x.prompt_tokens, r->prompt[q].n);
        assert_int_equal(y.prompt_tokens, 4 * r->prompt[q].n);
        n += r->prompt[q].n;
    }
    raml_sampler_read_stats(shared, &a);
    raml_sampler_read_stats(own, &b);
    assert_int_equal(a.prompt_tokens, n);
    assert_int_equal(b.prompt_tokens, 4 * n);
    assert_true(a.all_prompts == 4 * n && b.all_prompts == 4 * n && a.tokens == b.tokens && a.tokens > 0);
    raml_sampler_close(shared);
    raml_sampler_close(own);
}

/* Rounds draw anew, each the same whenever it is asked for; nothing is left in the cache and no memory is taken, whether
 * the sampler runs empty between them or never does. */
static void test_rounds(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(5);
    struct raml_sampler_stats stats;
    struct raml_generated first[4][4];
    size_t differ = 0, rounds = far_asked() ? 12 : 200, bytes = 0;
    for (size_t ahead = 0; ahead < 2; ahead++) {
        struct raml_sampler *s = open_sampler(r, r->m, &o);
        if (ahead) submit(r, s, 0, 4, 0);
        for (size_t round = 0; round < rounds; round++) {
            if (ahead) submit(r, s, 0, 4, (round + 1) % 4);
            else submit(r, s, 0, 4, round % 4);
            struct raml_sampler_group g = next(s);
            for (size_t k = 0; k < 4; k++) {
                if (!ahead && round < 4) first[round][k] = copy(&g.completion[k]);
                assert_true(same(&first[round % 4][k], &g.completion[k]));
                differ += round % 4 && !same(&first[0][k], &g.completion[k]);
            }
            if (!ahead) check_empty(s);
            assert_true(s->generator->n_jobs <= 16 && s->generator->texts.n <= 4);
            raml_sampler_read_stats(s, &stats);
            if (round == 10) bytes = stats.bytes;
            if (round > 10) assert_int_equal(stats.bytes, bytes);
        }
        assert_int_equal(raml_generator_next_job(s->generator), 4 * (rounds + ahead));
        raml_sampler_close(s);
    }
    assert_int_equal(differ, 2 * 4 * (rounds - (rounds + 3) / 4));
    for (size_t i = 0; i < 16; i++) raml_generated_deinit(&first[i / 4][i % 4]);
}

/* -- Log-probabilities --------------------------------------------------------------------------------------------- */
/* The largest difference from a pass over the tree of the group: the prompt, and its completions. */
static double pass_gap(const struct raml_model *m, const struct raml_tokens *prompt, const struct raml_sampler_group *g,
                       size_t *n_differ)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    double most = 0;
    MUST(raml_tree_add(&tree, -1, 0, prompt->id, prompt->n, prompt->n, NULL, err));
    for (size_t k = 0; k < g->n; k++)
        MUST(raml_tree_add(&tree, 0, (uint32_t)prompt->n, g->completion[k].token, g->completion[k].n, 0, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    float *logp = rig_floats(pack.n_targets);
    struct raml_logprobs out = {.logp = logp};
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &out, err));
    for (size_t k = 0, at = 0; k < g->n; at += g->completion[k++].n)
        for (size_t i = 0; i < g->completion[k].n; i++) {
            double gap = fabs((double)logp[at + i] - (double)g->completion[k].logp[i]);
            if (isnan(g->completion[k].logp[i])) continue; /* forced */
            if (!(gap <= most)) most = gap;
            *n_differ += gap != 0;
        }
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    free(logp);
    return most;
}

/* Of samples by these settings, over all questions. */
static double gap_of(struct rig *r, const struct raml_model *m, const struct raml_sample_options *o)
{
    struct raml_sampler *s = open_sampler(r, m, o);
    double most = 0;
    size_t n_differ = 0, n = 0;
    for (size_t q = 0; q < N_QUESTIONS; q++) submit(r, s, q, 4, 1);
    for (size_t q = 0; q < N_QUESTIONS; q++) {
        struct raml_sampler_group g = next(s);
        double gap = pass_gap(m, &r->prompt[q], &g, &n_differ);
        if (!(gap <= most)) most = gap;
        for (size_t k = 0; k < g.n; k++) n += g.completion[k].n;
    }
    raml_sampler_close(s);
    printf("%zu tokens, %zu differ from the pass, by at most %.3g\n", n, n_differ, most);
    return most;
}

/* In f32 a token's log-probability is the pass's to the last bit; also in a vocabulary of more than one of the head's
 * tiles, and of tokens that were sampled from another distribution. */
static void test_logp(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(6);
    struct raml_model *wide = open_model(r->dev, 9001, RAML_F32);
    o.max_completion_length = 150; /* own tokens in three pages */
    if (gap_of(r, r->m, &o) != 0 || gap_of(r, wide, &o) != 0) fail_msg("f32 differs");
    o.think_budget = 20;
    o.temperature = 0.7;
    o.top_k = 20;
    if (gap_of(r, r->m, &o) != 0) fail_msg("f32 differs");
    raml_model_close(wide);
    struct raml_device *dev = rig_device(2, "auto", true);
    if (!dev) return;
    for (size_t i = 0; i < 2; i++) {
        struct raml_model *m = open_model(dev, i ? 9001 : 261, RAML_BF16);
        o = options(6);
        o.max_completion_length = 150;
        if (!(gap_of(r, m, &o) <= 0.05)) fail_msg("bf16 differs");
        raml_model_close(m);
    }
    raml_device_close(dev);
}

/* mu_logp: logp where nothing is changed, 0 if greedy, else of what temperature and filters leave. */
static void test_mu(void **state)
{
    struct rig *r = *state;
    static const struct {
        double temperature, min_p;
        int top_k;
    } cases[] = {{1, 0, 0}, {0, 0, 0}, {0.7, 0, 0}, {1, 0.2, 0}, {1, 0, 1}, {1, 0, 3}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_sample_options o = options(6);
        o.temperature = cases[i].temperature;
        o.min_p = cases[i].min_p;
        o.top_k = cases[i].top_k;
        struct raml_sampler *s = open_sampler(r, r->m, &o);
        size_t allowed = (size_t)raml_tokenizer_size(r->t), differ = 0;
        assert_int_equal(allowed, 261);
        submit(r, s, 0, 4, 0);
        struct raml_sampler_group g = next(s);
        for (size_t k = 0; k < g.n; k++)
            for (size_t j = 0; j < g.completion[k].n; j++) {
                float logp = g.completion[k].logp[j], mu = g.completion[k].mu_logp[j];
                if (i == 0) assert_true(mu == logp);
                if (i == 1 || i == 4) assert_true(mu == 0);
                if (i == 3 || i == 5) assert_true(mu >= logp - 1e-5F && mu <= 0);
                differ += mu != logp;
            }
        assert_true(i == 0 || differ > 10);
        raml_sampler_close(s);
    }
}

/* -- Weights ------------------------------------------------------------------------------------------------------- */
static void test_weights_change(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    struct raml_model *m = open_model(r->dev, 261, RAML_F32);
    struct raml_sampler *s = open_sampler(r, m, &o);
    for (uint64_t step = 0; step < 4; step++) {
        struct raml_sampler *fresh = open_sampler(r, m, &o);
        for (size_t q = 0; q < 2; q++) {
            submit(r, s, q, 4, 0);
            submit(r, fresh, q, 4, 0);
        }
        for (size_t q = 0; q < 2; q++) {
            struct raml_sampler_group x = next(s), y = next(fresh);
            for (size_t k = 0; k < 4; k++) {
                struct raml_generated g = copy(&x.completion[k]);
                assert_true(same(&g, &y.completion[k]));
                raml_generated_deinit(&g);
            }
        }
        check_empty(s);
        raml_sampler_close(fresh);
        rig_stir(m, 20 + step, 1); /* norms and biases move */
    }
    raml_sampler_close(s);
    raml_model_close(m);
}

/* A prompt longer than any before, and a completion longer than the options', while others are in it. */
static void test_longer(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(2);
    o.max_completion_length = 8;
    struct raml_sampler *s = open_sampler(r, r->m, &o);
    struct raml_tokens text = {0};
    for (size_t i = 0; i < 250; i++) MUST(raml_tokens_add(&text, (const int32_t[]){(int32_t)('a' + i % 20)}, 1, err));
    for (size_t i = 0; i < 12; i++) {
        struct raml_sampler_job job = job_of(r, 0, 3, i);
        job.prompt = text.id;
        job.n_prompt = 1 + 22 * i;
        job.max_tokens = i % 2 ? 40 : 0;
        MUST(raml_sampler_submit(s, &job, err));
    }
    for (size_t i = 0; i < 12; i++) {
        struct raml_sampler_group g = next(s);
        struct raml_sampler *alone = open_sampler(r, r->m, &o);
        struct raml_sampler_job job = job_of(r, 0, 3, i);
        job.prompt = text.id;
        job.n_prompt = 1 + 22 * i;
        job.max_tokens = i % 2 ? 40 : 0;
        MUST(raml_sampler_submit(alone, &job, err));
        struct raml_sampler_group want = next(alone);
        for (size_t k = 0; k < 3; k++) {
            struct raml_generated x = copy(&g.completion[k]);
            assert_true(same(&x, &want.completion[k]));
            assert_true(x.n <= (i % 2 ? 40 : 8));
            raml_generated_deinit(&x);
        }
        raml_sampler_close(alone);
    }
    check_empty(s);
    raml_sampler_close(s);
    raml_tokens_deinit(&text);
}

/* -- Faults -------------------------------------------------------------------------------------------------------- */
static bool stop_now(void *user)
{
    size_t *left = user;
    return *left && --*left == 0;
}

/* It can be used again, as if nothing had been. */
static void check_usable(struct rig *r, struct raml_sampler *s, const struct raml_questions *want)
{
    check_empty(s);
    submit(r, s, 1, 4, 0);
    submit(r, s, 0, 4, 0);
    for (size_t i = 0; i < 2; i++) {
        struct raml_sampler_group g = next(s);
        check_group(s, &g, want);
    }
    check_empty(s);
}

static void test_faults(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    struct raml_questions want = list(r, &o);
    struct raml_sampler *s = open_sampler(r, r->m, &o);
    struct raml_err err = {0};
    struct raml_sampler_group g;
    bool more;
    int32_t token[POSITIONS] = {0};
    const struct {
        struct raml_sampler_job job;
        enum raml_code code;
        const char *message;
    } cases[] = {
        {{.prompt = token, .n_prompt = 3}, RAML_EUSAGE, "found 0 samples"},
        {{.prompt = token, .n = 2}, RAML_ERANGE, "its text has no tokens"},
        {{.prompt = token, .n_prompt = POSITIONS, .n = 2, .name = "question 'q'"},
         RAML_ERANGE,
         "question 'q': its text of 300 tokens"},
        {{.prompt = (const int32_t[]){1, 261}, .n_prompt = 2, .n = 2}, RAML_ERANGE, "token 2 is 261"},
    };
    submit(r, s, 2, 4, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(raml_sampler_submit(s, &cases[i].job, &err), cases[i].code);
        if (!strstr(err.msg, cases[i].message)) fail_msg("'%s' is not in '%s'", cases[i].message, err.msg);
    }
    g = next(s); /* what is in it is not touched */
    check_group(s, &g, &want);
    for (size_t left = 1; left < 30; left += 7) {
        const struct raml_sink sink = {.stop = stop_now, .user = &(size_t){left}};
        for (size_t q = 0; q < N_QUESTIONS; q++) submit(r, s, q, 4, 0);
        enum raml_code rc = RAML_OK;
        more = true;
        while (!rc && more) rc = raml_sampler_next(s, &g, &more, &sink, &err);
        assert_int_equal(rc, RAML_ESTOP);
        check_usable(r, s, &want);
    }
    raml_sampler_close(s);
    raml_questions_deinit(&want);
    o.batch_size = 0;
    assert_int_equal(raml_sampler_open(r->m, r->t, &r->f, &o, &s, &err), RAML_EUSAGE);
    o.batch_size = 1;
    o.n = 0; /* is not used */
    s = open_sampler(r, r->m, &o);
    raml_sampler_close(s);
}

static void set_weights(struct raml_model *m, float *w)
{
    MUST(host_set_weights(m, w, err));
}

/* Logits that are not finite, until the weights are mended. */
static void test_not_finite(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    struct raml_model *m = open_model(r->dev, 261, RAML_F32);
    struct raml_questions want = list(r, &o);
    struct raml_sampler *s = open_sampler(r, m, &o);
    struct raml_err err = {0};
    struct raml_sampler_group g;
    bool more;
    float *w = host_weights(m), kept = w[7];
    w[7] = NAN;
    set_weights(m, w);
    submit(r, s, 0, 4, 0);
    submit(r, s, 1, 4, 0);
    assert_int_equal(raml_sampler_next(s, &g, &more, NULL, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "1+1=?: the model's logits are not finite"));
    w = host_weights(m);
    w[7] = kept;
    set_weights(m, w);
    check_usable(r, s, &want);
    raml_sampler_close(s);
    raml_questions_deinit(&want);
    raml_model_close(m);
}

/* Whatever operation of the device fails, what is in the sampler is dropped, and it can be used again. */
static void test_device_fails(void **state)
{
    struct rig *r = *state;
    if (!far_asked()) return;
    struct raml_sample_options o = options(2);
    o.max_completion_length = 5;
    o.exit = "stability:stride=2,repeats=2";
    o.probe_tokens = 3;
    struct raml_questions want = list(r, &o);
    size_t before = far_in_use(r->dev), failed = 0;
    struct raml_sampler *s = NULL;
    for (size_t n = 1;; n += 1 + n / 20) {
        struct raml_err err = {0};
        struct raml_sampler_group g;
        bool more = true;
        far_fail_at(r->dev, n);
        enum raml_code rc = raml_sampler_open(r->m, r->t, &r->f, &o, &s, &err);
        bool opened = !rc;
        struct raml_sampler_job job = job_of(r, 0, 3, 0);
        for (size_t i = 0; i < 2 && !rc; i++) rc = raml_sampler_submit(s, &job, &err);
        while (!rc && more) rc = raml_sampler_next(s, &g, &more, NULL, &err);
        bool fault = far_failed(r->dev);
        far_fail_at(r->dev, 0);
        if (opened && n % 3 == 0) check_usable(r, s, &want);
        if (opened) raml_sampler_close(s);
        assert_int_equal(far_in_use(r->dev), before);
        if (!fault) break;
        assert_true(rc == RAML_EIO || rc == RAML_ENOMEM);
        failed++;
    }
    assert_true(failed > 50);
    raml_questions_deinit(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders),     cmocka_unit_test(test_own_prompts),
                                       cmocka_unit_test(test_rounds),     cmocka_unit_test(test_logp),
                                       cmocka_unit_test(test_mu),         cmocka_unit_test(test_weights_change),
                                       cmocka_unit_test(test_longer),     cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_not_finite), cmocka_unit_test(test_device_fails)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
