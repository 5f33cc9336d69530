/* sample.c - samples of a list of questions: a sampler (sampler.c) that is opened for them. See sample.h. */
#include "raml/sample.h"

#include "inner/sample_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        if (!rc && r->opt->take) rc = r->opt->take(r->opt->take_user, &out->question[out->n - 1], err);
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
