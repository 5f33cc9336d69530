/* branches.c - see branches.h. */
#include "inner/branches.h"

#include "core/array.h"
#include "inner/evaluator.h"
#include "inner/trace_curve.h"
#include "raml/tokenizer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct segment { /* of the path to the text added last: a span, and how many tokens after the prompt come before it */
    int32_t span;
    size_t before;
};
struct ordered { /* a text's place in its job */
    const struct raml_branch_text *text;
    size_t i;
};
struct part { /* a tree of the pass being built: texts [first, first + n) in order of a job */
    const struct raml_branch_job *job;
    size_t first, n, number;
};

struct raml_branches {
    struct raml_evaluator evaluator;
    struct raml_tree tree;
    struct raml_tokens probe; /* answer prefix and answer of the job being added */
    struct ordered *order;    /* the texts of all jobs of the pass */
    size_t n_order, cap_order;
    struct segment *path;
    size_t n_path, cap_path;
    struct part *part;
    size_t n_parts, cap_parts, bound;
    uint64_t alone;
};

enum raml_code raml_branches_open(const struct raml_model *m, size_t max_batch_tokens, struct raml_branches **out,
                                  struct raml_err *err)
{
    if (max_batch_tokens == 0) return raml_fail(err, RAML_ERANGE, "max_batch_tokens is 0; expected at least 1");
    struct raml_branches *b = calloc(1, sizeof *b);
    if (!b) return raml_fail(err, RAML_ENOMEM, "no memory for token trees");
    b->bound = max_batch_tokens;
    enum raml_code rc = raml_evaluator_init(&b->evaluator, m, max_batch_tokens, err);
    if (rc) raml_branches_close(b);
    else *out = b;
    return rc;
}

void raml_branches_close(struct raml_branches *b)
{
    if (!b) return;
    raml_evaluator_deinit(&b->evaluator);
    raml_tree_deinit(&b->tree);
    raml_tokens_deinit(&b->probe);
    free(b->order);
    free(b->path);
    free(b->part);
    free(b);
}

uint64_t raml_branches_tokens(const struct raml_branches *b)
{
    return b->evaluator.n_tokens;
}

uint64_t raml_branches_alone(const struct raml_branches *b)
{
    return b->alone;
}

uint64_t raml_branches_passes(const struct raml_branches *b)
{
    return b->evaluator.n_passes;
}

/* -- Checks -------------------------------------------------------------------------------------------------------- */

static enum raml_code check_text(const struct raml_branches *b, const struct raml_branch_job *job,
                                 const struct raml_branch_text *t, struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(b->evaluator.model)->max_positions;
    size_t n[] = {job->n_prompt, t->n, job->n_answer_prefix, job->n_answer}, sum = 0;
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        if (n[i] > context || sum > context - n[i])
            return raml_fail(err, RAML_ERANGE,
                             "prompt (%zu tokens), text (%zu), answer prefix (%zu) and answer (%zu) are longer than "
                             "the model's context (%zu)",
                             n[0], n[1], n[2], n[3], context);
        sum += n[i];
    }
    return raml_vocabulary_check(b->evaluator.model, "text", t->token, t->n, err);
}

enum raml_code raml_branches_check(const struct raml_branches *b, const struct raml_branch_job *job,
                                   struct raml_err *err)
{
    const struct raml_model *m = b->evaluator.model;
    if (job->n_prompt == 0) return raml_fail(err, RAML_ERANGE, "the prompt has no token; expected at least one");
    if (job->n_answer == 0) return raml_fail(err, RAML_ERANGE, "the answer has no token; expected at least one");
    enum raml_code rc = raml_vocabulary_check(m, "prompt", job->prompt, job->n_prompt, err);
    if (!rc) rc = raml_vocabulary_check(m, "answer prefix", job->answer_prefix, job->n_answer_prefix, err);
    if (!rc) rc = raml_vocabulary_check(m, "answer", job->answer, job->n_answer, err);
    for (size_t i = 0; !rc && i < job->n_texts; i++) rc = check_text(b, job, &job->text[i], err);
    return rc;
}

/* -- Order: texts that begin alike are neighbours ------------------------------------------------------------------ */

static size_t in_common(const struct raml_branch_text *a, const struct raml_branch_text *b)
{
    size_t n = a->n < b->n ? a->n : b->n, i = 0;
    while (i < n && a->token[i] == b->token[i]) i++;
    return i;
}

static int by_tokens(const void *x, const void *y)
{
    const struct ordered *a = x, *b = y;
    size_t same = in_common(a->text, b->text);
    if (same < a->text->n && same < b->text->n) return a->text->token[same] < b->text->token[same] ? -1 : 1;
    if (a->text->n != b->text->n) return a->text->n < b->text->n ? -1 : 1;
    return (a->i > b->i) - (a->i < b->i);
}

/* Tokens of the text at place k of the order that the one before it in the part does not have; its probe's rows too.
 * 0: the text is the same. */
static size_t own_rows(const struct raml_branches *b, const struct part *p, size_t k)
{
    const struct raml_branch_text *t = b->order[k].text;
    size_t same = k > p->first ? in_common(b->order[k - 1].text, t) : 0;
    if (k > p->first && same == t->n && same == b->order[k - 1].text->n) return 0;
    return t->n - same + p->job->n_answer_prefix + p->job->n_answer - 1;
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

static enum raml_code read_text(const struct raml_branches *b, const struct part *p, size_t k, size_t target,
                                struct raml_err *err)
{
    const struct raml_branch_job *job = p->job;
    const struct ordered *o = &b->order[k];
    double sum = 0;
    bool greedy = true;
    for (size_t j = 0; j < job->n_answer; j++) {
        sum += b->evaluator.logp[target + j];
        greedy = greedy && b->evaluator.argmax[target + j] == job->answer[j];
    }
    if (!isfinite(sum))
        return raml_fail(err, RAML_ERANGE, "the loss of the answer after a text of %zu tokens is not finite",
                         o->text->n);
    job->loss[o->i] = raml_answer_loss(sum, job->n_answer);
    if (job->greedy) job->greedy[o->i] = greedy;
    return RAML_OK;
}

static enum raml_code read_part(const struct raml_branches *b, const struct part *p, size_t target,
                                struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t k = p->first; !rc && k < p->first + p->n; k++) {
        bool again = k > p->first && own_rows(b, p, k) == 0;
        if (k > p->first && !again) target += p->job->n_answer;
        rc = read_text(b, p, k, target, err);
    }
    return rc && p->number ? raml_wrap(err, rc, "job %zu", p->number) : rc;
}

/* What the evaluator has; the texts of trees that are run are no longer needed. */
static enum raml_code run(struct raml_branches *b, struct raml_err *err)
{
    if (b->n_parts == 0) return RAML_OK;
    enum raml_code rc = raml_evaluator_run(&b->evaluator, err);
    for (size_t i = 0; !rc && i < b->n_parts; i++)
        rc = read_part(b, &b->part[i], b->evaluator.pack.tree_target[i], err);
    raml_evaluator_clear(&b->evaluator);
    b->n_parts = 0;
    return rc;
}

/* The span of the text's last token, and how many of the span's tokens come up to there. */
static enum raml_code add_text(struct raml_branches *b, const struct part *p, size_t k, int32_t *span, size_t *after,
                               struct raml_err *err)
{
    const struct raml_branch_text *t = b->order[k].text;
    size_t same = k > p->first ? in_common(b->order[k - 1].text, t) : 0;
    if (k == p->first) b->n_path = 0;
    while (b->n_path && b->path[b->n_path - 1].before >= same) b->n_path--;
    const struct segment *last = b->n_path ? &b->path[b->n_path - 1] : NULL;
    *span = last ? last->span : 0;
    *after = last ? same - last->before : p->job->n_prompt;
    if (t->n == same) return RAML_OK; /* of the first only: an empty one */
    enum raml_code rc = RAML_GROW(b->path, b->cap_path, b->n_path + 1, "spans of a path", err);
    if (!rc)
        rc = raml_tree_add(&b->tree, *span, (uint32_t)*after, t->token + same, t->n - same, t->n - same, span, err);
    if (rc) return rc;
    *after = t->n - same;
    b->path[b->n_path++] = (struct segment){*span, same};
    return RAML_OK;
}

static enum raml_code add_probe(struct raml_branches *b, const struct raml_branch_job *job, int32_t span, size_t after,
                                struct raml_err *err)
{
    size_t n = b->probe.n - 1, target = job->n_answer_prefix < n ? job->n_answer_prefix : n;
    enum raml_code rc = raml_tree_add(&b->tree, span, (uint32_t)after, b->probe.id, n, target, &span, err);
    return rc ? rc : raml_tree_add_end_target(&b->tree, span, b->probe.id[n], err);
}

static enum raml_code build(struct raml_branches *b, const struct part *p, struct raml_err *err)
{
    const struct raml_branch_job *job = p->job;
    raml_tree_clear(&b->tree);
    enum raml_code rc = raml_tree_add(&b->tree, -1, 0, job->prompt, job->n_prompt, job->n_prompt, NULL, err);
    for (size_t k = p->first; !rc && k < p->first + p->n; k++) {
        int32_t span;
        size_t after;
        if (k > p->first && own_rows(b, p, k) == 0) continue;
        rc = add_text(b, p, k, &span, &after, err);
        if (!rc) rc = add_probe(b, job, span, after, err);
    }
    return rc;
}

static enum raml_code add_part(struct raml_branches *b, const struct part *p, size_t n_tokens, struct raml_err *err)
{
    enum raml_code rc = raml_evaluator_fits(&b->evaluator, n_tokens) ? RAML_OK : run(b, err);
    if (!rc) rc = RAML_GROW(b->part, b->cap_parts, b->n_parts + 1, "trees of a pass", err);
    if (!rc) rc = build(b, p, err);
    assert(rc || b->tree.n_tokens == n_tokens);
    if (!rc) rc = raml_pack_add(&b->evaluator.pack, &b->tree, err);
    if (!rc) b->part[b->n_parts++] = *p;
    return rc;
}

/* The split depends on the job and the bound only, so losses do not depend on other jobs. */
static enum raml_code add_job(struct raml_branches *b, const struct raml_branch_job *job, size_t number,
                              struct raml_err *err)
{
    size_t first = b->n_order, end = first + job->n_texts;
    enum raml_code rc = RAML_GROW(b->order, b->cap_order, end, "texts", err);
    b->probe.n = 0;
    if (!rc) rc = raml_tokens_add(&b->probe, job->answer_prefix, job->n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(&b->probe, job->answer, job->n_answer, err);
    if (rc) return rc;
    for (size_t i = 0; i < job->n_texts; i++) {
        b->order[b->n_order++] = (struct ordered){&job->text[i], i};
        b->alone += job->n_prompt + job->text[i].n + b->probe.n - 1;
    }
    if (job->n_texts) qsort(b->order + first, job->n_texts, sizeof *b->order, by_tokens);
    for (struct part p = {job, first, 0, number}; !rc && p.first < end; p.first += p.n) {
        size_t n_tokens = job->n_prompt;
        p.n = 0;
        for (size_t k = p.first; k < end; k++, p.n++) {
            size_t rows = own_rows(b, &p, k);
            if (p.n && rows && n_tokens + rows > b->bound) break;
            n_tokens += rows;
        }
        rc = add_part(b, &p, n_tokens, err);
    }
    return rc;
}

enum raml_code raml_branches_run(struct raml_branches *b, const struct raml_branch_job *job, size_t n_jobs,
                                 struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n_jobs; i++) {
        rc = raml_branches_check(b, &job[i], err);
        if (rc && n_jobs > 1) rc = raml_wrap(err, rc, "job %zu", i + 1);
    }
    for (size_t i = 0; !rc && i < n_jobs; i++) rc = add_job(b, &job[i], n_jobs > 1 ? i + 1 : 0, err);
    if (!rc) rc = run(b, err);
    raml_evaluator_clear(&b->evaluator); /* after a failure */
    b->n_parts = b->n_order = 0;
    return rc;
}
