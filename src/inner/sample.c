/* sample.c - samples of questions, as jobs of generation that a guide follows. See sample.h.
 *
 * Job e is sample e % n of question e / n; a question's prompt is the text of its n jobs.
 */
#include "raml/sample.h"

#include "inner/sample_parts.h"
#include "model/cache.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raml_sample_options raml_sample_default(void)
{
    return (struct raml_sample_options){
        .n = 1, .batch_size = 64, .max_completion_length = 512, .temperature = 1, .top_p = 1, .probe_tokens = 32};
}

static struct raml_token_sampling sampling_of(const struct raml_sample_options *o)
{
    return (struct raml_token_sampling){o->temperature, o->top_p, o->min_p, o->top_k};
}

static enum raml_code check(const struct raml_sample_options *o, struct raml_exits *e, struct raml_err *err)
{
    if (o->n < 1 || o->batch_size < 1 || o->max_completion_length < 1)
        return raml_fail(err, RAML_EUSAGE, "sampling: expected at least 1 sample, 1 row and 1 token");
    struct raml_token_sampling p = sampling_of(o);
    enum raml_code rc = raml_token_sampling_check(&p, err);
    return rc ? rc : raml_exits_init(e, o, err);
}

enum raml_code raml_sample_check(const struct raml_sample_options *opt, struct raml_err *err)
{
    struct raml_exits e = {0};
    enum raml_code rc = check(opt, &e, err);
    raml_exits_deinit(&e);
    return rc;
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
static size_t pages_of(size_t tokens)
{
    return (tokens + RAML_TILE - 1) / RAML_TILE;
}

/* For samples that have space for `tokens` tokens each, and probes with cues of n_cue tokens. */
static struct raml_generate_options generation(const struct raml_sample_options *o, size_t tokens, size_t n_cue)
{
    bool probes = o->exit || o->force_continuation_below > 0;
    struct raml_generate_options g = {.batch_size = o->batch_size, .sampling = sampling_of(o), .seed = o->seed};
    size_t pages = pages_of(tokens);
    if (probes) {
        g.probe_tokens = n_cue + o->probe_tokens;
        g.max_returns = 1 + (o->force_continuation > 0 ? (size_t)o->force_continuation : 0);
        pages += pages_of(g.probe_tokens) + RAML_GENERATE_RETURN_PAGES * g.max_returns;
    }
    g.pool_tokens = o->batch_size * pages * RAML_TILE;
    return g;
}

size_t raml_sample_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                            const struct raml_sample_options *opt, size_t tokens)
{
    struct raml_generate_options o = generation(opt, tokens, 0);
    return raml_generate_estimate(c, dtype, dev, &o);
}

/* Of a cache for `rows` rows and that many pages of tokens. */
static size_t cache_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                          size_t rows, size_t pages)
{
    struct raml_cache_options o = {.max_rows = rows, .max_tokens = pages * RAML_TILE};
    return raml_cache_estimate(c, dtype, dev, &o);
}

size_t raml_sample_token_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev)
{
    return (cache_bytes(c, dtype, dev, 1, 2) - cache_bytes(c, dtype, dev, 1, 1)) / RAML_TILE;
}

size_t raml_sample_prompt_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                                size_t n_prompts)
{
    return cache_bytes(c, dtype, dev, n_prompts, 1) - cache_bytes(c, dtype, dev, 1, 1);
}

/* -- The guide ----------------------------------------------------------------------------------------------------- */
static int32_t force(void *user, size_t job, const struct raml_generated *so_far)
{
    const struct raml_sample_run *s = user;
    struct raml_sample_state *r = &s->sample[job];
    size_t budget = s->opt->think_budget ? s->opt->think_budget : s->exits.policy.budget;
    (void)so_far;
    /* in the middle of a continuation too */
    if (r->out.thinking && !r->out.answer_forced && budget && r->out.n_think >= budget) {
        raml_sample_force_answer(s, r);
        r->out.budget_hit = true;
        if (s->exits.asked) r->out.exit.reason = "budget";
    }
    if (r->force && !r->force->n) r->force = NULL;
    if (!r->force) return -1;
    int32_t token = r->force->id[r->n_forced++];
    if (r->n_forced == r->force->n) r->force = NULL;
    return token;
}

/* Where thinking would close, the continuation. */
static int32_t replace(void *user, size_t job, const struct raml_generated *so_far, int32_t token)
{
    const struct raml_sample_run *s = user;
    const struct sample_texts *x = &s->texts;
    struct raml_sample_state *r = &s->sample[job];
    (void)so_far;
    if (!r->out.thinking || r->continuations <= 0 || token != x->close.id[0] || !x->continuation.n) return token;
    r->continuations--; /* what closes thinking is one token: set_up */
    r->force = x->continuation.n > 1 ? &x->continuation : NULL;
    r->n_forced = 1;
    return x->continuation.id[0];
}

static bool rule_ends(const struct raml_sample_run *s, size_t job)
{
    const struct raml_sampled *out = &s->sample[job].out;
    const struct raml_sample_so_far so_far = {.question = job / s->opt->n,
                                              .sample = job % s->opt->n,
                                              .token = out->token,
                                              .n = out->n,
                                              .thinking = out->thinking};
    return s->opt->ends && s->opt->ends(s->opt->ends_user, &so_far);
}

/* Does thinking or the sample end with its last token? */
static enum raml_code added(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                            struct raml_err *err)
{
    const struct raml_sample_run *s = user;
    const struct sample_texts *x = &s->texts;
    struct raml_sample_state *r = &s->sample[job];
    bool was_thinking = r->out.thinking;
    enum raml_code rc = RAML_OK;
    r->out.token = so_far->token;
    r->out.n = so_far->n;
    *ends = raml_sampled_follow(x, &r->out);
    if (r->out.thinking && r->out.answer_forced && !r->force) { /* an answer prefix that does not close thinking */
        r->out.thinking = false;
        r->out.closed = true;
        r->out.answer_at = x->boxed ? r->out.n - x->answer_prefix.n : r->out.n;
    }
    r->exit.just_closed = was_thinking && r->out.closed && !r->out.answer_forced;
    if (!*ends && (!r->out.thinking || !x->thinks) && s->opt->stop)
        rc = raml_sampled_has(x, &r->out, s->opt->stop, ends, err);
    if (!rc && !*ends) *ends = rule_ends(s, job);
    return rc;
}

/* Hands over the questions whose samples are complete, in order. */
static enum raml_code deliver(struct raml_sample_run *s, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    size_t n = s->opt->n;
    struct raml_sampled *x = calloc(n, sizeof *x);
    if (!x) return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples", n);
    for (; s->delivered < s->qs->n && !rc; s->delivered++) {
        struct raml_sample_state *r = s->sample + s->delivered * n;
        size_t done = 0;
        for (; done < n && r[done].out.done; done++) x[done] = r[done].out;
        if (done < n) break;
        rc = raml_sampled_deliver(&s->texts, &s->qs->question[s->delivered], x, n, s->opt->seed, s->out, s->stats, err);
        for (size_t k = 0; k < n; k++) {
            free(r[k].out.token);
            r[k].out.token = NULL;
        }
    }
    free(x);
    return rc;
}

static enum raml_code done(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct raml_sample_run *s = user;
    struct raml_sample_state *r = &s->sample[job];
    r->out.token = g->token;
    g->token = NULL;
    r->out.finish_reason = g->ended ? "stop" : "length";
    for (size_t i = 0; i < g->n; i++)
        if (!isnan(g->logp[i])) r->out.logp_sum += (double)g->logp[i];
    size_t thought = r->out.think_start + r->out.n_think, whole = r->out.n - r->out.n_end; /* an end is no thought */
    r->out.exit.at = r->out.n_think - (thought > whole ? thought - whole : 0);
    r->out.done = true;
    raml_exit_close(r->exit.state);
    r->exit.state = NULL;
    return deliver(s, err);
}

/* -- Set-up -------------------------------------------------------------------------------------------------------- */
static enum raml_code encode_prompts(struct raml_sample_run *s, const struct raml_tokenizer *t,
                                     const struct raml_format *f, size_t *longest, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < s->qs->n && !rc; i++) {
        const struct raml_question *q = &s->qs->question[i];
        struct raml_tokens *p = &s->prompt[i];
        rc = raml_format_prompt(f, t, q->question, p, err);
        if (!rc && s->opt->answer_only) rc = raml_format_answer_prefix(f, t, p, err);
        if (!rc && p->n >= s->context)
            rc = raml_fail(err, RAML_ERANGE,
                           "question '%s' (line %zu): its prompt of %zu tokens fills the model's context of %zu",
                           q->id ? q->id : "?", q->line, p->n, s->context);
        if (p->n > *longest) *longest = p->n;
    }
    return rc;
}

static enum raml_code list_job(struct raml_sample_run *s, size_t i, struct raml_err *err)
{
    size_t question = i / s->opt->n;
    const struct raml_question *q = &s->qs->question[question];
    struct raml_sample_state *r = &s->sample[i];
    if (i % s->opt->n == 0) {
        size_t bytes = strlen(q->id ? q->id : "?") + sizeof "question ''";
        s->name[question] = malloc(bytes);
        if (!s->name[question]) return raml_fail(err, RAML_ENOMEM, "no memory for a question's name");
        snprintf(s->name[question], bytes, "question '%s'", q->id ? q->id : "?");
    }
    s->job_name[i] = s->name[question];
    s->job[i] =
        (struct raml_generate_job){.text = s->prompt[question].id,
                                   .n_text = s->prompt[question].n,
                                   .group = question,
                                   .max_tokens = s->opt->max_completion_length,
                                   .question = i % s->opt->n ? s->job[i - 1].question : raml_question_hash(q->question),
                                   .sample = (uint32_t)(i % s->opt->n)};
    *r = (struct raml_sample_state){.continuations = s->opt->force_continuation,
                                    .out.exits = s->exits.asked || s->opt->force_continuation_below > 0,
                                    .out.exit = {.policy = s->exits.asked ? s->exits.text : NULL, .reason = "end"}};
    raml_sampled_begin(&s->texts, &r->out);
    return s->exits.probes ? raml_exit_open(&s->exits.policy, &r->exit.state, err) : RAML_OK;
}

static enum raml_code check_texts(const struct raml_sample_run *s, struct raml_err *err)
{
    /* a longer one is recognised when complete: too late to swap */
    if (s->opt->force_continuation > 0 && s->texts.close.n != 1)
        return raml_fail(err, RAML_EUSAGE,
                         "force_continuation: the text that closes thinking has %zu tokens, expected 1",
                         s->texts.close.n);
    if (raml_sample_probes(s) && (!s->texts.answer_prefix.n || !s->texts.close.n))
        return raml_fail(err, RAML_EUSAGE,
                         "early exit: the prompt format has no answer prefix to ask for an answer with");
    return RAML_OK;
}

static enum raml_code set_up(struct raml_sample_run *s, const struct raml_tokenizer *t, const struct raml_format *f,
                             size_t *longest, struct raml_err *err)
{
    s->prompt = calloc(s->qs->n + 1, sizeof *s->prompt);
    s->name = calloc(s->qs->n + 1, sizeof *s->name);
    s->job = calloc(s->total + 1, sizeof *s->job);
    s->job_name = calloc(s->total + 1, sizeof *s->job_name);
    s->sample = calloc(s->total + 1, sizeof *s->sample);
    if (!s->prompt || !s->name || !s->job || !s->job_name || !s->sample)
        return raml_fail(err, RAML_ENOMEM, "no memory to sample %zu questions", s->qs->n);
    enum raml_code rc = raml_sample_texts_init(&s->texts, t, f, err);
    s->texts.stop_text = s->opt->stop;
    s->texts.answer_only = s->opt->answer_only;
    s->texts.eos = s->opt->eos;
    s->texts.n_eos = s->opt->n_eos;
    if (!rc) rc = check_texts(s, err);
    if (!rc) rc = encode_prompts(s, t, f, longest, err);
    for (size_t i = 0; i < s->total && !rc; i++) rc = list_job(s, i, err);
    return rc;
}

static void tear_down(struct raml_sample_run *s)
{
    for (size_t i = 0; s->prompt && i < s->qs->n; i++) raml_tokens_deinit(&s->prompt[i]);
    for (size_t i = 0; s->name && i < s->qs->n; i++) free(s->name[i]);
    for (size_t i = 0; s->sample && i < s->total; i++) {
        if (s->sample[i].out.done) free(s->sample[i].out.token);
        raml_exit_close(s->sample[i].exit.state);
    }
    raml_sample_texts_deinit(&s->texts);
    raml_exits_deinit(&s->exits);
    free(s->prompt);
    free(s->name);
    free(s->job);
    free(s->job_name);
    free(s->sample);
}

/* All jobs, in a cache in which every sample in progress may have a prompt of its own, and twice that. */
static enum raml_code run(struct raml_sample_run *s, const struct raml_tokenizer *t, size_t longest,
                          const struct raml_sink *sink, struct raml_err *err)
{
    size_t own = s->opt->max_completion_length < s->context ? s->opt->max_completion_length : s->context;
    size_t pages = own / RAML_TILE + 1 + 2 * (longest / RAML_TILE + 1);
    struct raml_generate_options o = generation(s->opt, pages * RAML_TILE, s->texts.answer_prefix.n);
    struct raml_generate_guide guide = {.user = s, .force = force, .added = added, .done = done};
    if (s->opt->force_continuation_below <= 0) guide.replace = replace;
    if (raml_sample_probes(s)) {
        guide.wants_probe = raml_sample_wants_probe;
        guide.probe_ends = raml_sample_probe_ends;
        guide.probed = raml_sample_probed;
    }
    o.allowed = (size_t)raml_tokenizer_size(t);
    o.job_name = s->job_name;
    return raml_generate(s->m, &o, s->job, s->total, &guide, NULL, sink, err);
}

enum raml_code raml_sample_questions(const struct raml_model *m, const struct raml_tokenizer *t,
                                     const struct raml_format *f, const struct raml_questions *qs,
                                     const struct raml_sample_options *opt, struct raml_questions *out,
                                     struct raml_sample_stats *stats, const struct raml_sink *sink,
                                     struct raml_err *err)
{
    struct raml_sample_run s = {.m = m,
                                .opt = opt,
                                .qs = qs,
                                .total = qs->n * opt->n,
                                .context = (size_t)raml_model_config(m)->max_positions,
                                .out = out,
                                .stats = stats};
    size_t longest = 0;
    *stats = (struct raml_sample_stats){0};
    enum raml_code rc = check(opt, &s.exits, err);
    if (!rc) rc = set_up(&s, t, f, &longest, err);
    if (!rc) rc = run(&s, t, longest, sink, err);
    tear_down(&s);
    return rc;
}
