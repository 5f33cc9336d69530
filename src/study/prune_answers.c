/* prune_answers.c - what the model answers after kept texts, and whether it is right. See prune_parts.h. */
#include "study/prune_parts.h"

#include "core/arena.h"
#include "core/array.h"
#include "inner/exit_answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 1 << 28 };

struct asked { /* a job: answer number k after a set */
    struct raml_prune_item *it;
    size_t set, k;
};
struct answering {
    const struct raml_prune_plan *plan;
    struct asked *asked; /* [n] */
    struct raml_generate_job *job;
    size_t *at;               /* [n] where the job's text begins in texts */
    struct raml_tokens texts; /* prompt, kept text, answer prefix of each set */
    size_t n, cap_asked, cap_job, cap_at;
};

static enum raml_code added(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                            struct raml_err *err)
{
    const struct answering *a = user;
    (void)job;
    return raml_exit_answer_ended(&a->plan->texts, so_far->token, so_far->n, ends, err);
}

static enum raml_code done(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct answering *a = user;
    const struct asked *x = &a->asked[job];
    struct raml_prune_set *s = &x->it->set[x->set];
    struct raml_exit_answer read;
    struct raml_arena *arena = raml_arena_open(MAX_ARENA_BYTES);
    if (!arena) return raml_fail(err, RAML_ENOMEM, "no memory for an answer");
    enum raml_code rc = raml_exit_answer_read(&a->plan->texts, x->it->q, g->token, g->n, arena, &read, err);
    if (!rc && read.correct == RAML_EQUAL) s->right += 1.0 / (double)a->plan->opt->n_answers;
    if (!rc && x->k == 0) {
        s->verdict = read.correct;
        s->answer = *read.answer ? strdup(read.answer) : NULL;
        if (*read.answer && !s->answer) rc = raml_fail(err, RAML_ENOMEM, "no memory for an answer");
    }
    raml_arena_close(arena);
    return rc;
}

/* -- Asking --------------------------------------------------------------------------------------------------------- */

static enum raml_code ask(struct answering *a, struct raml_prune_item *it, size_t group, size_t set,
                          struct raml_err *err)
{
    const struct raml_prune_plan *p = a->plan;
    const struct raml_prune_set *s = &it->set[set];
    size_t at = a->texts.n, more = p->opt->n_answers;
    enum raml_code rc = RAML_GROW(a->asked, a->cap_asked, a->n + more, "answers", err);
    if (!rc) rc = RAML_GROW(a->job, a->cap_job, a->n + more, "answers", err);
    if (!rc) rc = RAML_GROW(a->at, a->cap_at, a->n + more, "answers", err);
    if (!rc) rc = raml_tokens_add(&a->texts, it->text.prompt.id, it->text.prompt.n, err);
    if (!rc) rc = raml_tokens_add(&a->texts, it->pool.id + s->at, s->n, err);
    if (!rc) rc = raml_tokens_add(&a->texts, p->texts.answer_prefix.id, p->texts.answer_prefix.n, err);
    for (size_t k = 0; !rc && k < more; k++, a->n++) {
        a->asked[a->n] = (struct asked){it, set, k};
        a->at[a->n] = at;
        a->job[a->n] = (struct raml_generate_job){.n_text = a->texts.n - at,
                                                  .group = group,
                                                  .max_tokens = p->opt->max_answer_tokens,
                                                  .question = raml_question_hash(it->q->question),
                                                  .sample = (uint32_t)k};
    }
    return rc;
}

static bool should_stop(void *user)
{
    return raml_should_stop(user);
}

static enum raml_code generate(struct answering *a, struct raml_generate_stats *stats, struct raml_err *err)
{
    const struct raml_prune_files_options *o = a->plan->opt;
    const struct raml_prune_files_job *job = a->plan->job;
    const struct raml_generate_guide guide = {.user = a, .added = added, .done = done};
    const struct raml_generate_options opt = {.batch_size = o->batch_size,
                                              .sampling = {.temperature = o->temperature, .top_p = 1},
                                              .seed = o->seed,
                                              .allowed = (size_t)raml_tokenizer_size(job->tokenizer),
                                              .end = a->plan->end,
                                              .n_ends = a->plan->n_ends};
    const struct raml_sink quiet = {.stop = should_stop, .user = (void *)(uintptr_t)job->sink}; /* progress is ours */
    for (size_t i = 0; i < a->n; i++) a->job[i].text = a->texts.id + a->at[i];
    return raml_generate(job->model, &opt, a->job, a->n, &guide, stats, &quiet, err);
}

enum raml_code raml_prune_answer(const struct raml_prune_plan *p, struct raml_prune_item *it, size_t n,
                                 struct raml_generate_stats *stats, struct raml_err *err)
{
    struct answering a = {.plan = p};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++)
        for (size_t k = 0; !rc && k < it[i].n_sets; k++) {
            if (!it[i].set[k].answered) continue;
            it[i].set[k].right = it[i].q->answer[0] ? 0 : NAN; /* nothing to grade by */
            rc = ask(&a, &it[i], i, k, err);
        }
    if (!rc && a.n) rc = generate(&a, stats, err);
    free(a.asked);
    free(a.job);
    free(a.at);
    raml_tokens_deinit(&a.texts);
    return rc;
}
