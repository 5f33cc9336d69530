/* sampler.c - a sampler that stays open: jobs of generation that a guide follows. See sampler.h.
 *
 * A question's samples are a group of jobs with its prompt for their text; each without share_prompts.
 */
#include "raml/sampler.h"

#include "inner/sample_parts.h"
#include "raml/tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- The guide ----------------------------------------------------------------------------------------------------- */
static int32_t force(void *user, size_t job, const struct raml_generated *so_far)
{
    const struct raml_sampler *s = user;
    struct raml_sample_state *r = raml_sample_state_of(s, job);
    size_t budget = s->opt.think_budget ? s->opt.think_budget : s->exits.policy.budget;
    bool limited = budget || (s->exits.asked && s->exits.policy.kind == RAML_EXIT_BUDGET); /* to 0: no thinking */
    (void)so_far;
    /* in the middle of a continuation too */
    if (r->out.thinking && !r->out.answer_forced && limited && r->out.n_think >= budget) {
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
    const struct raml_sampler *s = user;
    const struct sample_texts *x = &s->texts;
    struct raml_sample_state *r = raml_sample_state_of(s, job);
    (void)so_far;
    if (!r->out.thinking || r->continuations <= 0 || token != x->close.id[0] || !x->continuation.n) return token;
    r->continuations--; /* what closes thinking is one token: set_up */
    r->force = x->continuation.n > 1 ? &x->continuation : NULL;
    r->n_forced = 1;
    return x->continuation.id[0];
}

static struct raml_sample_so_far so_far_of(const struct raml_sample_state *r)
{
    return (struct raml_sample_so_far){.question = r->of->number,
                                       .sample = r->of->group.first_sample + (size_t)(r - r->of->sample),
                                       .token = r->out.token,
                                       .n = r->out.n,
                                       .thinking = r->out.thinking,
                                       .n_end = r->out.n_end};
}

static bool rule_ends(const struct raml_sampler *s, const struct raml_sample_state *r)
{
    const struct raml_sample_so_far so_far = so_far_of(r);
    return s->opt.ends && s->opt.ends(s->opt.ends_user, &so_far);
}

static void hear(const struct raml_sampler *s, const struct raml_sample_state *r, bool done)
{
    const struct raml_sample_so_far so_far = so_far_of(r);
    if (s->opt.hears) s->opt.hears(s->opt.hears_user, &so_far, done);
}

/* Does thinking or the sample end with its last token? */
static enum raml_code added(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                            struct raml_err *err)
{
    const struct raml_sampler *s = user;
    const struct sample_texts *x = &s->texts;
    struct raml_sample_state *r = raml_sample_state_of(s, job);
    bool was_thinking = r->out.thinking;
    enum raml_code rc = RAML_OK;
    r->out.token = so_far->token;
    r->out.n = r->n_start + so_far->n;
    if (r->all) {
        r->all[r->out.n - 1] = so_far->token[so_far->n - 1];
        r->out.token = r->all;
    }
    *ends = raml_sampled_follow(x, &r->out);
    if (r->out.thinking && r->out.answer_forced && !r->force) { /* an answer prefix that does not close thinking */
        r->out.thinking = false;
        r->out.closed = true;
        r->out.answer_at = x->boxed ? r->out.n - x->answer_prefix.n : r->out.n;
    }
    r->exit.just_closed = was_thinking && r->out.closed && !r->out.answer_forced;
    if (!*ends && (!r->out.thinking || !x->thinks) && s->opt.stop)
        rc = raml_sampled_has(x, &r->out, s->opt.stop, ends, err);
    if (!rc && !*ends) *ends = rule_ends(s, r);
    if (!rc) hear(s, r, false);
    return rc;
}

/* Puts the start before what was made. */
static enum raml_code join_start(struct raml_sample_state *r, struct raml_err *err)
{
    struct raml_generated *g = &r->made;
    size_t n = r->n_start + g->n;
    float *logp = malloc(n * sizeof *logp), *mu_logp = malloc(n * sizeof *mu_logp);
    if (!logp || !mu_logp) {
        free(logp);
        free(mu_logp);
        return raml_fail(err, RAML_ENOMEM, "no memory for a sample of %zu tokens", n);
    }
    for (size_t i = 0; i < n; i++) {
        logp[i] = i < r->n_start ? NAN : g->logp[i - r->n_start];
        mu_logp[i] = i < r->n_start ? NAN : g->mu_logp[i - r->n_start];
    }
    bool ended = g->ended;
    raml_generated_deinit(g);
    *g = (struct raml_generated){.token = r->all, .logp = logp, .mu_logp = mu_logp, .n = n, .cap = n, .ended = ended};
    r->all = NULL;
    return RAML_OK;
}

static enum raml_code done(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    const struct raml_sampler *s = user;
    struct raml_sample_state *r = raml_sample_state_of(s, job);
    r->made = *g;
    *g = (struct raml_generated){0};
    enum raml_code rc = r->all ? join_start(r, err) : RAML_OK;
    if (rc) return rc;
    r->out.token = r->made.token;
    r->out.finish_reason = r->made.ended ? "stop" : "length";
    for (size_t i = 0; i < r->made.n; i++)
        if (!isnan(r->made.logp[i])) r->out.logp_sum += (double)r->made.logp[i];
    size_t thought = r->out.think_start + r->out.n_think, whole = r->out.n - r->out.n_end; /* an end is no thought */
    r->out.exit.at = r->out.n_think - (thought > whole ? thought - whole : 0);
    r->out.done = true;
    hear(s, r, true);
    raml_exit_close(r->exit.state);
    r->exit.state = NULL;
    r->of->n_done++;
    return RAML_OK;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */
static enum raml_code check_texts(const struct raml_sampler *s, struct raml_err *err)
{
    /* a longer one is recognised when complete: too late to swap */
    if (s->opt.force_continuation > 0 && s->texts.close.n != 1)
        return raml_fail(err, RAML_EUSAGE,
                         "force_continuation: the text that closes thinking has %zu tokens, expected 1",
                         s->texts.close.n);
    if (raml_sample_probes(s) && (!s->texts.answer_prefix.n || !s->texts.close.n))
        return raml_fail(err, RAML_EUSAGE,
                         "early exit: the prompt format has no answer prefix to ask for an answer with");
    return RAML_OK;
}

/* Capacity for samples in progress that may each have a prompt of its own, and twice that; and for the starts of a
 * question's samples, which are there together. */
static struct raml_generate_options generation(const struct raml_sampler *s)
{
    size_t context = (size_t)raml_model_config(s->m)->max_positions, own = s->longest < context ? s->longest : context;
    size_t pages = own / RAML_TILE + 1 + 2 * (s->longest_prompt / RAML_TILE + 1);
    struct raml_generate_options o = raml_sample_generation(&s->opt, pages * RAML_TILE, s->texts.answer_prefix.n);
    o.pool_tokens += s->start_pages * RAML_TILE;
    return o;
}

static enum raml_code open_generator(struct raml_sampler *s, const struct raml_tokenizer *t, struct raml_err *err)
{
    struct raml_generate_options o = generation(s);
    struct raml_generate_guide guide = {.user = s, .force = force, .added = added, .done = done};
    if (s->opt.force_continuation_below <= 0) guide.replace = replace;
    if (raml_sample_probes(s)) {
        guide.wants_probe = raml_sample_wants_probe;
        guide.probe_ends = raml_sample_probe_ends;
        guide.probed = raml_sample_probed;
    }
    o.allowed = (size_t)raml_tokenizer_size(t);
    return raml_generator_open(s->m, &o, &guide, &s->generator, err);
}

enum raml_code raml_sampler_open(const struct raml_model *m, const struct raml_tokenizer *t,
                                 const struct raml_format *f, const struct raml_sample_options *opt,
                                 struct raml_sampler **out, struct raml_err *err)
{
    struct raml_sampler *s = calloc(1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for a sampler");
    s->m = m;
    s->opt = *opt;
    s->opt.n = 1;
    s->longest = opt->max_completion_length;
    enum raml_code rc = raml_sample_settings(&s->opt, &s->exits, err);
    if (!rc) rc = raml_sample_texts_init(&s->texts, t, f, err);
    s->texts.stop_text = opt->stop;
    s->texts.answer_only = opt->answer_only;
    s->texts.eos = opt->eos;
    s->texts.n_eos = opt->n_eos;
    if (!rc) rc = check_texts(s, err);
    if (!rc) rc = open_generator(s, t, err);
    if (rc) raml_sampler_close(s);
    else *out = s;
    return rc;
}

/* -- Questions ----------------------------------------------------------------------------------------------------- */
static void free_question(struct raml_sampler_question *q)
{
    if (!q) return;
    for (size_t i = 0; q->sample && i < q->n; i++) {
        raml_generated_deinit(&q->sample[i].made);
        free(q->sample[i].text);
        free(q->sample[i].all);
        raml_exit_close(q->sample[i].exit.state);
    }
    free(q->sample);
    free(q->completion);
    free(q->prompt);
    free(q->name);
    free(q);
}

static void drop(struct raml_sampler *s)
{
    raml_generator_drop(s->generator);
    while (s->first) {
        struct raml_sampler_question *q = s->first;
        s->first = q->next;
        free_question(q);
    }
    s->last = NULL;
}

void raml_sampler_close(struct raml_sampler *s)
{
    if (!s) return;
    if (s->generator) drop(s);
    free_question(s->out);
    raml_generator_close(s->generator);
    raml_sample_texts_deinit(&s->texts);
    raml_exits_deinit(&s->exits);
    free(s);
}

static enum raml_code no_memory(const struct raml_sampler_job *job, struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples of a question", job->n);
}

static enum raml_code begin_samples(const struct raml_sampler *s, struct raml_sampler_question *q, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < q->n && !rc; i++) {
        struct raml_sample_state *r = &q->sample[i];
        *r = (struct raml_sample_state){.continuations = s->opt.force_continuation,
                                        .of = q,
                                        .out.exits = s->exits.asked || s->opt.force_continuation_below > 0,
                                        .out.exit = {.policy = s->exits.asked ? s->exits.text : NULL, .reason = "end"}};
        raml_sampled_begin(&s->texts, &r->out);
        if (s->exits.probes) rc = raml_exit_open(&s->exits.policy, &r->exit.state, err);
    }
    return rc;
}

/* Sample i has the tokens of its start already. */
static enum raml_code begin_at(const struct raml_sampler *s, const struct raml_sampler_job *job,
                               struct raml_sampler_question *q, size_t i, struct raml_err *err)
{
    const struct raml_sampler_start *start = &job->start[i];
    struct raml_sample_state *r = &q->sample[i];
    size_t most = job->max_tokens ? job->max_tokens : s->opt.max_completion_length;
    if (start->n >= most)
        return raml_fail(err, RAML_ERANGE, "sampling: a start of %zu tokens; expected fewer than the completion's %zu",
                         start->n, most);
    r->text = calloc(job->n_prompt + start->n + 1, sizeof *r->text);
    r->all = calloc(most, sizeof *r->all);
    if (!r->text || !r->all) return no_memory(job, err);
    if (job->n_prompt) memcpy(r->text, job->prompt, job->n_prompt * sizeof *r->text);
    if (start->n) memcpy(r->text + job->n_prompt, start->token, start->n * sizeof *r->text);
    r->out.token = r->all;
    for (; r->n_start < start->n; r->n_start++) {
        r->all[r->n_start] = start->token[r->n_start];
        r->out.n = r->n_start + 1;
        if (raml_sampled_follow(&s->texts, &r->out))
            return raml_fail(err, RAML_ERANGE, "sampling: a start of %zu tokens ends at token %zu", start->n, r->out.n);
    }
    return RAML_OK;
}

static enum raml_code begin_at_starts(const struct raml_sampler *s, const struct raml_sampler_job *job,
                                      struct raml_sampler_question *q, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (job->start && (s->exits.asked || s->opt.force_continuation > 0))
        return raml_fail(err, RAML_EUSAGE,
                         "sampling: a sample that has a start can't have early exit or continuations");
    for (size_t i = 0; job->start && i < q->n && !rc; i++) rc = begin_at(s, job, q, i, err);
    return rc;
}

/* To be freed also after a failure. */
static enum raml_code copy_question(const struct raml_sampler *s, const struct raml_sampler_job *job,
                                    struct raml_sampler_question **out, struct raml_err *err)
{
    static const struct raml_question unknown = {.id = "", .question = "", .answer = "", .difficulty = -1};
    struct raml_sampler_question *q = *out = calloc(1, sizeof *q);
    if (!q) return no_memory(job, err);
    q->n = job->n;
    q->number = s->n_submitted;
    q->about = job->about ? job->about : &unknown;
    q->sample = calloc(q->n, sizeof *q->sample);
    q->completion = calloc(q->n, sizeof *q->completion);
    q->prompt = calloc(job->n_prompt + 1, sizeof *q->prompt);
    q->name = job->name ? strdup(job->name) : NULL;
    if (!q->sample || !q->completion || !q->prompt || (job->name && !q->name)) return no_memory(job, err);
    if (job->n_prompt) memcpy(q->prompt, job->prompt, job->n_prompt * sizeof *q->prompt);
    q->group = (struct raml_sampler_group){
        .user = job->user,
        .first_sample = job->first_sample,
        .completion = q->completion,
        .n = q->n,
        .prompt_tokens = job->n_prompt * (s->opt.share_prompts ? 1 : q->n),
    };
    enum raml_code rc = begin_samples(s, q, err);
    return rc ? rc : begin_at_starts(s, job, q, err);
}

/* Without share_prompts a start is part of a prompt of its own. */
static void reserve_starts(struct raml_sampler *s, const struct raml_sampler_job *job, size_t max_tokens)
{
    size_t pages = job->n * (max_tokens / RAML_TILE + 1) + job->n_prompt / RAML_TILE + 1,
           own = job->n_prompt + max_tokens;
    if (!s->opt.share_prompts && own > s->longest_prompt) s->longest_prompt = own;
    if (s->opt.share_prompts && pages > s->start_pages) s->start_pages = pages;
}

static enum raml_code submit_samples(struct raml_sampler *s, const struct raml_sampler_job *job,
                                     struct raml_sampler_question *q, struct raml_err *err)
{
    size_t max_tokens = job->max_tokens ? job->max_tokens : s->opt.max_completion_length;
    struct raml_generate_job *x = calloc(q->n, sizeof *x);
    if (!x) return no_memory(job, err);
    for (size_t i = 0; i < q->n; i++)
        x[i] = (struct raml_generate_job){.text = q->sample[i].text ? q->sample[i].text : q->prompt,
                                          .n_text = job->n_prompt + q->sample[i].n_start,
                                          .group = s->opt.share_prompts ? 0 : i,
                                          .max_tokens = max_tokens - q->sample[i].n_start,
                                          .first = q->sample[i].n_start,
                                          .question = job->question,
                                          .sample = job->first_sample + (uint32_t)i,
                                          .round = job->round,
                                          .name = q->name,
                                          .user = &q->sample[i]};
    if (job->start) reserve_starts(s, job, max_tokens);
    if (job->n_prompt > s->longest_prompt) s->longest_prompt = job->n_prompt;
    if (max_tokens > s->longest) s->longest = max_tokens;
    raml_generator_reserve(s->generator, generation(s).pool_tokens);
    enum raml_code rc = raml_generator_submit(s->generator, x, q->n, err);
    free(x);
    return rc;
}

enum raml_code raml_sampler_submit(struct raml_sampler *s, const struct raml_sampler_job *job, struct raml_err *err)
{
    struct raml_sampler_question *q = NULL;
    if (job->n < 1 || job->n > UINT32_MAX)
        return raml_fail(err, RAML_EUSAGE, "sampling: found %zu samples of a question, expected at least 1", job->n);
    enum raml_code rc = copy_question(s, job, &q, err);
    if (!rc) rc = submit_samples(s, job, q, err);
    if (rc) {
        free_question(q);
        return rc;
    }
    if (s->last) s->last->next = q;
    else s->first = q;
    s->last = q;
    s->n_submitted++;
    return RAML_OK;
}

/* -- Samples ------------------------------------------------------------------------------------------------------- */
static struct raml_sampler_completion completion_of(const struct sample_texts *x, const struct raml_sample_state *r)
{
    const struct raml_sampled *s = &r->out;
    size_t whole = s->n - s->n_end, start = s->think_start < whole ? s->think_start : whole;
    return (struct raml_sampler_completion){
        .token = r->made.token,
        .logp = r->made.logp,
        .mu_logp = r->made.mu_logp,
        .n = s->n,
        .n_end = s->n_end,
        .think_start = s->think_start,
        .n_think = s->n_think < whole - start ? s->n_think : whole - start,
        .answer_at = s->closed ? s->answer_at : 0,
        .ended = r->made.ended,
        .think_closed = !x->thinks || !s->began || s->closed,
        .budget_hit = s->budget_hit,
        .logp_sum = s->logp_sum,
        .exit = s->exits ? &s->exit : NULL,
    };
}

enum raml_code raml_sampler_next(struct raml_sampler *s, struct raml_sampler_group *out, bool *more,
                                 const struct raml_sink *sink, struct raml_err *err)
{
    struct raml_sampler_question *q = s->first;
    enum raml_code rc = RAML_OK;
    free_question(s->out);
    s->out = NULL;
    *more = q != NULL;
    if (!q) return RAML_OK;
    while (!rc && q->n_done < q->n) rc = raml_generator_drive(s->generator, sink, err);
    if (rc) {
        drop(s);
        return rc;
    }
    s->first = q->next;
    if (!s->first) s->last = NULL;
    s->out = q;
    for (size_t i = 0; i < q->n; i++) q->completion[i] = completion_of(&s->texts, &q->sample[i]);
    *out = q->group;
    return RAML_OK;
}

enum raml_code raml_sampler_read(const struct raml_sampler *s, const struct raml_question *q,
                                 const struct raml_sampler_completion *c, struct raml_arena *arena,
                                 struct raml_trajectory *out, struct raml_err *err)
{
    const struct raml_sampled x = {.token = (int32_t *)(uintptr_t)c->token,
                                   .n = c->n,
                                   .n_end = c->n_end,
                                   .think_start = c->think_start,
                                   .n_think = c->n_think,
                                   .answer_at = c->answer_at,
                                   .began = true,
                                   .closed = c->think_closed,
                                   .exits = c->exit != NULL,
                                   .exit = c->exit ? *c->exit : (struct raml_trajectory_exit){0},
                                   .logp_sum = c->logp_sum,
                                   .finish_reason = c->ended ? "stop" : "length"};
    struct raml_trajectory t;
    enum raml_code rc = raml_sampled_read(&s->texts, q, &x, arena, &t, err);
    if (rc) return rc;
    t.exit = c->exit;
    t.seed = s->opt.seed;
    *out = t;
    return RAML_OK;
}

void raml_sampler_read_stats(const struct raml_sampler *s, struct raml_sampler_stats *out)
{
    const struct raml_generate_stats *g = raml_generator_stats(s->generator);
    *out = (struct raml_sampler_stats){.prompt_tokens = g->text_tokens,
                                       .all_prompts = g->all_texts,
                                       .tokens = g->tokens,
                                       .probes = g->n_probes,
                                       .probe_tokens = g->probe_tokens,
                                       .steps = g->steps,
                                       .bytes = raml_generator_bytes(s->generator)};
}
