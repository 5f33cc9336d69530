/* completion.c - see completion.h. */
#include "raml/completion.h"

#include "core/array.h"
#include "inner/evaluator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part { /* a tree of the pass being built: completions [first, first + n) of a job */
    const struct raml_completions *job;
    size_t first, n;
};

struct raml_completion_evaluator {
    struct raml_evaluator evaluator;
    struct raml_tree tree;
    struct part *part; /* one per tree of evaluator.pack */
    size_t n_parts, cap_parts;
};

static enum raml_code open(const struct raml_model *m, const struct raml_remote *r, size_t max_batch_tokens,
                           struct raml_completion_evaluator **out, struct raml_err *err)
{
    if (max_batch_tokens == 0) return raml_fail(err, RAML_ERANGE, "max_batch_tokens is 0; expected at least 1");
    struct raml_completion_evaluator *s = calloc(1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for an evaluator");
    enum raml_code rc = raml_evaluator_open(&s->evaluator, m, r, max_batch_tokens, err);
    if (rc) free(s);
    else *out = s;
    return rc;
}

enum raml_code raml_completion_open(const struct raml_model *m, size_t max_batch_tokens,
                                    struct raml_completion_evaluator **out, struct raml_err *err)
{
    return open(m, NULL, max_batch_tokens, out, err);
}

enum raml_code raml_completion_open_remote(const struct raml_remote *r, size_t max_batch_tokens,
                                           struct raml_completion_evaluator **out, struct raml_err *err)
{
    return open(NULL, r, max_batch_tokens, out, err);
}

void raml_completion_close(struct raml_completion_evaluator *s)
{
    if (!s) return;
    raml_evaluator_deinit(&s->evaluator);
    raml_tree_deinit(&s->tree);
    free(s->part);
    free(s);
}

uint64_t raml_completion_tokens(const struct raml_completion_evaluator *s)
{
    return s->evaluator.n_tokens;
}

enum raml_code raml_completion_check(const struct raml_completion_evaluator *s, const struct raml_completions *job,
                                     struct raml_err *err)
{
    size_t context = raml_evaluator_context(&s->evaluator);
    enum raml_code rc = raml_evaluator_check(&s->evaluator, "prompt", job->prompt, job->n_prompt, err);
    for (size_t i = 0; !rc && i < job->n; i++) {
        const struct raml_completion *c = &job->completion[i];
        char what[64];
        snprintf(what, sizeof what, "completion %zu", i + 1);
        if (job->n_prompt == 0 && c->n_context == 0)
            return raml_fail(err, RAML_ERANGE, "the prompt has no token; expected at least one");
        if (c->n <= c->n_context) return raml_fail(err, RAML_ERANGE, "%s has no token; expected at least one", what);
        if (c->n > context || job->n_prompt > context - c->n)
            return raml_fail(
                err, RAML_ERANGE,
                "%s: %zu prompt tokens and %zu of the completion are longer than the model's context (%zu)", what,
                job->n_prompt, c->n, context);
        rc = raml_evaluator_check(&s->evaluator, what, c->token, c->n, err);
    }
    return rc;
}

static enum raml_code copy_out(struct raml_completion_evaluator *s, const struct part *p, size_t at,
                               struct raml_err *err)
{
    const struct raml_evaluator *from = &s->evaluator;
    for (size_t i = p->first; i < p->first + p->n; i++) {
        const struct raml_completion *c = &p->job->completion[i];
        size_t n = c->n - c->n_context;
        for (size_t k = 0; k < n; k++)
            if (!isfinite(from->logp[at + k]))
                return raml_fail(err, RAML_ERANGE, "completion %zu: the log-probability of token %zu is %g", i + 1,
                                 k + 1, (double)from->logp[at + k]);
        if (c->logp) memcpy(c->logp, from->logp + at, n * sizeof *c->logp);
        if (c->entropy) memcpy(c->entropy, from->entropy + at, n * sizeof *c->entropy);
        at += n;
    }
    return RAML_OK;
}

static enum raml_code run(struct raml_completion_evaluator *s, struct raml_err *err)
{
    if (s->n_parts == 0) return RAML_OK;
    enum raml_code rc = raml_evaluator_run(&s->evaluator, err);
    for (size_t i = 0; !rc && i < s->n_parts; i++) rc = copy_out(s, &s->part[i], s->evaluator.pack.tree_target[i], err);
    raml_evaluator_clear(&s->evaluator);
    s->n_parts = 0;
    return rc;
}

/* Its last token is only a target: nothing reads its row. */
static enum raml_code add_completion(struct raml_tree *t, int32_t parent, size_t n_prompt,
                                     const struct raml_completion *c, struct raml_err *err)
{
    int32_t span;
    enum raml_code rc = raml_tree_add(t, parent, (uint32_t)n_prompt, c->token, c->n - 1, c->n_context, &span, err);
    return rc ? rc : raml_tree_add_end_target(t, span, c->token[c->n - 1], err);
}

static enum raml_code add_part(struct raml_completion_evaluator *s, const struct part *p, size_t n_tokens,
                               struct raml_err *err)
{
    const struct raml_completions *job = p->job;
    enum raml_code rc = raml_evaluator_fits(&s->evaluator, n_tokens) ? RAML_OK : run(s, err);
    if (!rc) rc = RAML_GROW(s->part, s->cap_parts, s->n_parts + 1, "prompts of a pass", err);
    raml_tree_clear(&s->tree);
    bool shared = job->n_prompt > 0;
    if (!rc && shared) rc = raml_tree_add(&s->tree, -1, 0, job->prompt, job->n_prompt, job->n_prompt, NULL, err);
    for (size_t i = p->first; !rc && i < p->first + p->n; i++)
        rc = add_completion(&s->tree, shared ? 0 : -1, job->n_prompt, &job->completion[i], err);
    if (!rc) rc = raml_evaluator_add(&s->evaluator, &s->tree, err);
    if (!rc) s->part[s->n_parts++] = *p;
    return rc;
}

/* The split of a job into parts depends only on the bound and the job, never on what else is in the pass. Without a
 * shared prompt each completion is a tree of its own. */
static enum raml_code add_job(struct raml_completion_evaluator *s, const struct raml_completions *job,
                              struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    struct part p = {.job = job};
    size_t n_tokens = job->n_prompt;
    for (size_t i = 0; !rc && i < job->n; i++) {
        size_t n = job->completion[i].n - 1; /* rows */
        if (p.n && (job->n_prompt == 0 || n_tokens + n > s->evaluator.max_rows)) {
            rc = add_part(s, &p, n_tokens, err);
            p.first = i;
            p.n = 0;
            n_tokens = job->n_prompt;
        }
        p.n++;
        n_tokens += n;
    }
    return rc || p.n == 0 ? rc : add_part(s, &p, n_tokens, err);
}

enum raml_code raml_completion_logprobs(struct raml_completion_evaluator *s, const struct raml_completions *job,
                                        size_t n_jobs, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n_jobs; i++) {
        rc = raml_completion_check(s, &job[i], err);
        if (rc && n_jobs > 1) rc = raml_wrap(err, rc, "job %zu", i + 1);
    }
    for (size_t i = 0; !rc && i < n_jobs; i++) rc = add_job(s, &job[i], err);
    if (!rc) rc = run(s, err);
    raml_evaluator_clear(&s->evaluator); /* after a failure */
    s->n_parts = 0;
    return rc;
}
