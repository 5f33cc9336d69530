/* generator.c - a generator's set-up, the jobs that come and go, and its end. See generate.h; its rounds: generate.c. */
#include "inner/generate_parts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

/* -- Set-up -------------------------------------------------------------------------------------------------------- */
static enum raml_code check(const struct raml_generate_options *o, const struct raml_generate_guide *guide,
                            struct raml_err *err)
{
    if (o->batch_size < 1) return raml_fail(err, RAML_EUSAGE, "batch_size is 0, expected at least 1");
    if (guide && guide->wants_probe && !o->probe_tokens)
        return raml_fail(err, RAML_EUSAGE, "probe_tokens is 0, but probes may be wanted");
    return raml_token_sampling_check(&o->sampling, err);
}

static void free_slots(struct raml_generator *g)
{
    g->n_free_slots = 0;
    for (size_t i = 0; i < g->B; i++) g->free_slot[g->n_free_slots++] = g->B - 1 - i;
}

static enum raml_code open_rows(struct raml_generator *g, struct raml_err *err)
{
    size_t B = g->B;
    bool probes = g->guide.wants_probe;
    g->row = calloc(B, sizeof *g->row);
    g->add = calloc(B, sizeof *g->add);
    g->free_slot = calloc(B, sizeof *g->free_slot);
    g->who = calloc(B, sizeof *g->who);
    g->at = calloc(B, sizeof *g->at);
    g->u = calloc(B, sizeof *g->u);
    g->sampled = calloc(B, sizeof *g->sampled);
    g->logits = g->b->alloc(g->dev, B * g->V, sizeof *g->logits);
    if (probes) g->kept = g->b->alloc(g->dev, B * g->V, sizeof *g->kept);
    if (probes) g->ends = raml_array_new(g->dev, 8, sizeof *g->ends);
    size_t n_top = B * g->opt.max_top;
    if (n_top) {
        g->top.logit = raml_array_new(g->dev, n_top, sizeof *g->top.logit);
        g->top.token = raml_array_new(g->dev, n_top, sizeof *g->top.token);
        g->top_logp = calloc(n_top, sizeof *g->top_logp);
        g->top_token = calloc(n_top, sizeof *g->top_token);
    }
    if (n_top && (!g->top.logit || !g->top.token || !g->top_logp || !g->top_token))
        return raml_fail(err, RAML_ENOMEM, "no memory for the %zu likeliest tokens of %zu samples", g->opt.max_top, B);
    if (!g->row || !g->add || !g->free_slot || !g->who || !g->at || !g->u || !g->sampled || !g->logits ||
        (probes && (!g->kept || !g->ends)))
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples in progress", B);
    free_slots(g);
    return raml_token_sampler_open(g->dev, B, g->V, &g->sampler, err);
}

size_t raml_generate_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                              const struct raml_generate_options *opt)
{
    const struct raml_generator *g = NULL; /* for the sizes of what it points to */
    const struct raml_token_sampling *o = &opt->sampling;
    struct raml_cache_options cache = {.max_rows = opt->batch_size, .max_tokens = opt->pool_tokens};
    size_t V = (size_t)c->vocab_size, B = opt->batch_size, logits = (opt->probe_tokens ? 2 : 1) * V * sizeof *g->logits;
    size_t row = sizeof *g->row + sizeof *g->add + sizeof *g->free_slot + sizeof *g->who + sizeof *g->at +
                 sizeof *g->u + sizeof *g->sampled;
    return raml_cache_estimate(c, dtype, dev, &cache) + B * (logits + row) +
           raml_token_sampler_estimate(dev, B, V, o->top_k > 0 || o->top_p < 1);
}

enum raml_code raml_generator_open(const struct raml_model *m, const struct raml_generate_options *opt,
                                   const struct raml_generate_guide *guide, struct raml_generator **out,
                                   struct raml_err *err)
{
    enum raml_code rc = check(opt, guide, err);
    if (rc) return rc;
    struct raml_generator *g = calloc(1, sizeof *g);
    if (!g) return raml_fail(err, RAML_ENOMEM, "no memory to generate");
    g->m = m;
    g->dev = raml_model_device(m);
    g->b = raml_backend_of(g->dev);
    g->opt = *opt;
    if (guide) g->guide = *guide;
    g->B = opt->batch_size;
    g->V = (size_t)raml_model_config(m)->vocab_size;
    g->context = (size_t)raml_model_config(m)->max_positions;
    g->allowed = opt->allowed ? opt->allowed : g->V;
    g->wanted = raml_pages_of(opt->pool_tokens);
    rc = open_rows(g, err);
    if (rc) raml_generator_close(g);
    else *out = g;
    return rc;
}

/* -- Jobs come and go ---------------------------------------------------------------------------------------------- */
static enum raml_code check_job(const struct raml_generator *g, const struct raml_generate_job *job, size_t i,
                                struct raml_err *err)
{
    const struct raml_generate_job *j = &job[i];
    char number[32];
    const char *name = raml_generate_name(j, raml_generator_next_job(g) + i, number);
    if (!j->n_text) return raml_fail(err, RAML_ERANGE, "%s: its text has no tokens; expected at least one", name);
    if (j->n_text >= g->context)
        return raml_fail(err, RAML_ERANGE, "%s: its text of %zu tokens fills the model's context of %zu", name,
                         j->n_text, g->context);
    if (!j->max_tokens) return raml_fail(err, RAML_EUSAGE, "%s: max_tokens is 0, expected at least 1", name);
    if (j->own) {
        enum raml_code rc = raml_token_sampling_check(&j->own->sampling, err);
        if (rc) return raml_wrap(err, rc, "%s", name);
        if (j->own->n_top > g->opt.max_top)
            return raml_fail(err, RAML_EUSAGE, "%s: n_top is %zu, expected at most %zu", name, j->own->n_top,
                             g->opt.max_top);
    }
    bool same = i && job[i - 1].text == j->text && job[i - 1].n_text == j->n_text; /* it has been checked */
    for (size_t k = 0; k < j->n_text && !same; k++)
        if (j->text[k] < 0 || (size_t)j->text[k] >= g->V)
            return raml_fail(err, RAML_ERANGE, "%s: token %zu is %d, outside the model's vocabulary of %zu", name,
                             k + 1, j->text[k], g->V);
    return RAML_OK;
}

/* The groups before that of the first job which has not ended leave the list, once they are half of it. */
static void forget(struct raml_generator *g)
{
    size_t gone = g->n_rows ? g->row[0].job : g->next;
    while (gone && gone < g->n_jobs && g->job[gone].group == g->job[gone - 1].group) gone--;
    if (!gone || 2 * gone < g->n_jobs) return;
    size_t n = raml_texts_before(&g->texts, gone);
    memmove(g->state, g->state + n, (g->texts.n - n) * sizeof *g->state);
    raml_texts_forget(&g->texts, gone);
    g->n_jobs -= gone;
    memmove(g->job, g->job + gone, g->n_jobs * sizeof *g->job);
    for (size_t i = 0; i < g->n_rows; i++) g->row[i].job -= gone;
    g->wanted_from -= g->wanted_from < gone ? g->wanted_from : gone;
    g->next -= gone;
    g->base += gone;
}

/* For the jobs from place `from` on. */
static void want(struct raml_generator *g, size_t pages, size_t from)
{
    if (pages <= g->wanted) return;
    if (g->wanted <= g->pages) g->wanted_from = from; /* else jobs wait already */
    g->wanted = pages;
}

void raml_generator_reserve(struct raml_generator *g, size_t pool_tokens)
{
    want(g, raml_pages_of(pool_tokens), g->n_jobs);
}

enum raml_code raml_generator_submit(struct raml_generator *g, const struct raml_generate_job *job, size_t n_jobs,
                                     struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    forget(g);
    size_t n_texts = g->texts.n, first = g->n_jobs;
    for (size_t i = 0; i < n_jobs && !rc; i++) rc = check_job(g, job, i, err);
    if (!rc) rc = RAML_GROW(g->job, g->cap_jobs, g->n_jobs + n_jobs, "jobs", err);
    if (!rc) rc = RAML_GROW(g->state, g->cap_states, n_texts + n_jobs, "texts", err);
    if (!rc) rc = raml_texts_add(&g->texts, job, n_jobs, err);
    if (rc || !n_jobs) return rc;
    for (size_t i = n_texts; i < g->texts.n; i++) {
        const struct raml_text *t = &g->texts.text[i];
        g->state[i] = (struct raml_text_state){.node = -1, .users = t->n_jobs + t->n_kids, .waiting = t->n_jobs};
    }
    for (size_t i = 0; i < n_jobs; i++) {
        if (!i || job[i].group != job[i - 1].group) g->n_groups++;
        g->job[g->n_jobs] = job[i];
        g->job[g->n_jobs++].group = g->n_groups; /* not that of another call */
    }
    if (g->done == g->submitted) g->done = g->submitted = 0;
    g->submitted += n_jobs;
    if (!g->opt.pool_tokens) want(g, raml_generate_pool(g, first, n_texts), first);
    return RAML_OK;
}

/* -- The end ------------------------------------------------------------------------------------------------------- */
void raml_generator_drop(struct raml_generator *g)
{
    for (size_t i = 0; i < g->n_rows; i++) {
        raml_generated_deinit(&g->row[i].out);
        raml_generated_deinit(&g->row[i].probe.answer);
    }
    for (size_t i = 0; i < g->texts.n; i++) {
        raml_array_free(g->dev, g->state[i].logits);
        if (g->state[i].node >= 0 && g->texts.text[i].parent < 0) raml_cache_drop(g->cache, g->state[i].node);
    }
    g->base += g->n_jobs;
    raml_texts_forget(&g->texts, g->n_jobs);
    g->n_rows = g->n_jobs = g->next = g->submitted = g->done = g->used_pages = g->wanted_from = g->reading.n = 0;
    free_slots(g);
}

void raml_generator_close(struct raml_generator *g)
{
    if (!g) return;
    if (g->free_slot) raml_generator_drop(g);
    raml_cache_close(g->cache);
    raml_token_sampler_close(g->sampler);
    raml_texts_deinit(&g->texts);
    raml_array_free(g->dev, g->logits);
    raml_array_free(g->dev, g->kept);
    raml_array_free(g->dev, g->ends);
    raml_array_free(g->dev, g->top.logit);
    raml_array_free(g->dev, g->top.token);
    free(g->top_logp);
    free(g->top_token);
    free(g->job);
    free(g->state);
    free(g->reading.text);
    free(g->reading.add);
    free(g->reading.added);
    free(g->row);
    free(g->add);
    free(g->free_slot);
    free(g->who);
    free(g->at);
    free(g->u);
    free(g->sampled);
    free(g);
}

/* -- What it is ---------------------------------------------------------------------------------------------------- */
size_t raml_generator_jobs(const struct raml_generator *g)
{
    return g->submitted - g->done;
}

size_t raml_generator_next_job(const struct raml_generator *g)
{
    return g->base + g->n_jobs;
}

const struct raml_generate_job *raml_generator_job(const struct raml_generator *g, size_t job)
{
    return &g->job[job - g->base];
}

const struct raml_generate_stats *raml_generator_stats(const struct raml_generator *g)
{
    return &g->stats;
}

size_t raml_generator_bytes(const struct raml_generator *g)
{
    const struct raml_token_sampling *o = &g->opt.sampling;
    size_t row = sizeof *g->row + sizeof *g->add + sizeof *g->free_slot + sizeof *g->who + sizeof *g->at +
                 sizeof *g->u + sizeof *g->sampled + (g->kept ? 2 : 1) * g->V * sizeof *g->logits;
    size_t lists = g->cap_jobs * sizeof *g->job + g->cap_states * sizeof *g->state +
                   g->texts.cap * sizeof *g->texts.text + g->texts.cap_jobs * sizeof *g->texts.of_job +
                   g->reading.cap * sizeof *g->reading.text +
                   g->reading.cap_add * (sizeof *g->reading.add + sizeof *g->reading.added);
    return (g->cache ? raml_cache_bytes(g->cache) : 0) + g->B * row + lists +
           raml_token_sampler_estimate(g->dev, g->B, g->V, o->top_k > 0 || o->top_p < 1);
}
