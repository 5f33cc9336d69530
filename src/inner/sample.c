/* sample.c - samples of a list of questions: a sampler (sampler.c) that is opened for them. See sample.h. */
#include "raml/sample.h"

#include "inner/sample_parts.h"
#include "model/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raml_sample_options raml_sample_default(void)
{
    return (struct raml_sample_options){
        .n = 1,
        .batch_size = 64,
        .max_completion_length = 512,
        .temperature = 1,
        .top_p = 1,
        .probe_tokens = 32,
        .share_prompts = true,
    };
}

static struct raml_token_sampling sampling_of(const struct raml_sample_options *o)
{
    return (struct raml_token_sampling){o->temperature, o->top_p, o->min_p, o->top_k};
}

enum raml_code raml_sample_settings(const struct raml_sample_options *o, struct raml_exits *e, struct raml_err *err)
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
    enum raml_code rc = raml_sample_settings(opt, &e, err);
    raml_exits_deinit(&e);
    return rc;
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
static size_t pages_of(size_t tokens)
{
    return (tokens + RAML_TILE - 1) / RAML_TILE;
}

struct raml_generate_options raml_sample_generation(const struct raml_sample_options *o, size_t tokens, size_t n_cue)
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
    struct raml_generate_options o = raml_sample_generation(opt, tokens, 0);
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

/* -- A list of questions ------------------------------------------------------------------------------------------- */
struct run {
    const struct raml_model *m;
    const struct raml_tokenizer *t;
    const struct raml_format *f;
    const struct raml_questions *qs;
    const struct raml_sample_options *opt;
    struct raml_sampler *sampler;
};

static enum raml_code encode(const struct run *r, const struct raml_question *q, struct raml_tokens *p,
                             struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(r->m)->max_positions;
    enum raml_code rc = raml_format_prompt(r->f, r->t, q->question, p, err);
    if (!rc && r->opt->answer_only) rc = raml_format_answer_prefix(r->f, r->t, p, err);
    if (rc || p->n < context) return rc;
    return raml_fail(err, RAML_ERANGE,
                     "question '%s' (line %zu): its prompt of %zu tokens fills the model's context of %zu",
                     q->id ? q->id : "?", q->line, p->n, context);
}

static enum raml_code submit(const struct run *r, const struct raml_question *q, struct raml_err *err)
{
    struct raml_tokens prompt = {0};
    size_t bytes = strlen(q->id ? q->id : "?") + sizeof "question ''";
    char *name = malloc(bytes);
    if (!name) return raml_fail(err, RAML_ENOMEM, "no memory for a question's name");
    snprintf(name, bytes, "question '%s'", q->id ? q->id : "?");
    enum raml_code rc = encode(r, q, &prompt, err);
    const struct raml_sampler_job job = {.prompt = prompt.id,
                                         .n_prompt = prompt.n,
                                         .name = name,
                                         .question = raml_question_hash(q->question),
                                         .n = r->opt->n,
                                         .about = q};
    if (!rc) rc = raml_sampler_submit(r->sampler, &job, err);
    raml_tokens_deinit(&prompt);
    free(name);
    return rc;
}

/* The samples that have come out, as trajectories of *q. */
static enum raml_code deliver(const struct run *r, const struct raml_question *q, struct raml_questions *out,
                              struct raml_sample_stats *stats, struct raml_err *err)
{
    const struct raml_sampler_question *x = r->sampler->out;
    struct raml_sampled *s = calloc(x->n, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for %zu samples", x->n);
    for (size_t i = 0; i < x->n; i++) s[i] = x->sample[i].out;
    enum raml_code rc = raml_sampled_deliver(&r->sampler->texts, q, s, x->n, r->opt->seed, out, stats, err);
    free(s);
    return rc;
}

static enum raml_code run(const struct run *r, struct raml_questions *out, struct raml_sample_stats *stats,
                          const struct raml_sink *sink, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    struct raml_sampler_group group;
    bool more = true;
    for (size_t i = 0; i < r->qs->n && !rc; i++) rc = submit(r, &r->qs->question[i], err);
    for (size_t i = 0; i < r->qs->n && !rc; i++) {
        rc = raml_sampler_next(r->sampler, &group, &more, sink, err);
        if (!rc) rc = deliver(r, &r->qs->question[i], out, stats, err);
    }
    return rc;
}

enum raml_code raml_sample_questions(const struct raml_model *m, const struct raml_tokenizer *t,
                                     const struct raml_format *f, const struct raml_questions *qs,
                                     const struct raml_sample_options *opt, struct raml_questions *out,
                                     struct raml_sample_stats *stats, const struct raml_sink *sink,
                                     struct raml_err *err)
{
    struct raml_sample_options o = *opt;
    struct run r = {.m = m, .t = t, .f = f, .qs = qs, .opt = &o};
    size_t total = qs->n * opt->n;
    *stats = (struct raml_sample_stats){0};
    enum raml_code rc = raml_sample_check(opt, err);
    if (rc) return rc;
    if (total < o.batch_size) o.batch_size = total ? total : 1;
    rc = raml_sampler_open(m, t, f, &o, &r.sampler, err);
    if (!rc) rc = run(&r, out, stats, sink, err);
    raml_sampler_close(r.sampler);
    return rc;
}
