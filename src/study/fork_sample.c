/* fork_sample.c - continuations of a trajectory's forks, read as samples are. See fork_parts.h. */
#include "study/fork_parts.h"

#include "core/array.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run { /* of one trajectory */
    struct raml_fork_sampler *s;
    const struct raml_fork_plan *p;
    struct raml_forked *f;
    struct raml_tokens *text; /* [n_forks] prompt, kept tokens, what is put in */
    struct raml_generate_job *job;
    size_t n_jobs, n_done;
    struct raml_tokens whole; /* a completion from the prompt's end on */
};

void raml_fork_sampler_deinit(struct raml_fork_sampler *s)
{
    free(s->sampled);
    s->sampled = NULL;
    s->cap_sampled = 0;
}

/* -- Jobs ---------------------------------------------------------------------------------------------------------- */

static enum raml_code fork_text(const struct raml_forked *f, const struct raml_forked_fork *x, struct raml_tokens *out,
                                struct raml_err *err)
{
    enum raml_code rc = raml_tokens_add(out, f->text.prompt.id, f->text.prompt.n, err);
    if (!rc) rc = raml_tokens_add(out, f->text.trajectory.id, x->at, err);
    return rc ? rc : raml_tokens_add(out, raml_forked_put(f, x->put), x->n_put, err);
}

/* The stream of a place. It is none that samples of the question read, which would make a trajectory come back. */
static uint64_t stream(const struct raml_forked *f, uint32_t at)
{
    const uint64_t name[] = {raml_question_hash(f->q->question), f->sample, at};
    return raml_hash(name, sizeof name, RAML_FOR_SAMPLE);
}

static enum raml_code make_jobs(struct run *r, struct raml_err *err)
{
    size_t n = r->p->opt->n, n_forks = r->f->n_forks;
    r->text = calloc(n_forks + 1, sizeof *r->text);
    r->job = calloc(n_forks * n + 1, sizeof *r->job);
    if (!r->text || !r->job) return raml_fail(err, RAML_ENOMEM, "no memory for %zu continuations", n_forks * n);
    enum raml_code rc = RAML_GROW(r->s->sampled, r->s->cap_sampled, n_forks * n, "continuations", err);
    for (size_t i = 0; !rc && i < n_forks; i++) {
        const struct raml_forked_fork *x = &r->f->fork[i];
        rc = fork_text(r->f, x, &r->text[i], err);
        for (size_t k = 0; !rc && k < n; k++)
            r->job[r->n_jobs++] = (struct raml_generate_job){.text = r->text[i].id,
                                                             .n_text = r->text[i].n,
                                                             .max_tokens = r->p->opt->max_completion_length,
                                                             .question = stream(r->f, x->at),
                                                             .sample = (uint32_t)k};
    }
    return rc;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static bool ends_with(const struct raml_generated *g, const struct raml_tokens *stop)
{
    return stop->n && g->n >= stop->n && !memcmp(g->token + g->n - stop->n, stop->id, stop->n * sizeof *stop->id);
}

static enum raml_code added(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                            struct raml_err *err)
{
    const struct run *r = user;
    (void)job;
    (void)err;
    *ends = ends_with(so_far, &r->p->texts.stop);
    return RAML_OK;
}

/* The completion as a sample would have it: from the prompt's end on, with what opens thinking. */
static enum raml_code whole_completion(struct run *r, const struct raml_forked_fork *x, const struct raml_generated *g,
                                       struct raml_err *err)
{
    const struct sample_texts *t = &r->p->texts;
    enum raml_code rc = RAML_OK;
    r->whole.n = 0;
    if (t->thinks && !t->think_opened) rc = raml_tokens_add(&r->whole, t->open.id, t->open.n, err);
    if (!rc) rc = raml_tokens_add(&r->whole, r->f->text.trajectory.id, x->at, err);
    if (!rc) rc = raml_tokens_add(&r->whole, raml_forked_put(r->f, x->put), x->n_put, err);
    return rc ? rc : raml_tokens_add(&r->whole, g->token, g->n, err);
}

static enum raml_code done(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct run *r = user;
    struct raml_trajectory t;
    enum raml_code rc = whole_completion(r, &r->f->fork[job / r->p->opt->n], g, err);
    if (!rc) rc = raml_completion_read(&r->p->texts, r->f->q, r->whole.id, r->whole.n, g->ended, r->f->arena, &t, err);
    if (rc) return rc;
    r->s->sampled[job] = (struct raml_fork_sampled){.answer = g->ended && t.think_closed ? t.answer : NULL,
                                                    .correct = t.correct == RAML_EQUAL,
                                                    .truncated = !g->ended,
                                                    .unclosed = !t.think_closed,
                                                    .n_tokens = (uint32_t)g->n};
    r->n_done++;
    if (r->s->progress) r->s->progress(r->s->user, (double)r->n_done / (double)r->n_jobs);
    return RAML_OK;
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static bool should_stop(void *user)
{
    return raml_should_stop(user);
}

static enum raml_code run(struct run *r, struct raml_err *err)
{
    const struct raml_fork_plan *p = r->p;
    const struct raml_fork_files_options *o = p->opt;
    struct raml_generate_stats stats = {0};
    const struct raml_generate_options opt = {.batch_size = o->batch_size,
                                              .sampling = {o->temperature, o->top_p, o->min_p, o->top_k},
                                              .seed = o->seed,
                                              .allowed = (size_t)raml_tokenizer_size(p->job->tokenizer),
                                              .end = o->eos,
                                              .n_ends = o->n_eos};
    const struct raml_generate_guide guide = {.user = r, .added = added, .done = done};
    /* progress counts trajectories; the generator only asks whether to stop */
    const struct raml_sink quiet = {.stop = should_stop, .user = (void *)(uintptr_t)(const void *)p->job->sink};
    enum raml_code rc = r->s->generate(p->job->model, &opt, r->job, r->n_jobs, &guide, &stats, &quiet, err);
    if (rc) return rc;
    for (size_t i = 0; i < r->f->n_forks; i++) r->s->fork_tokens += r->text[i].n;
    r->s->stats.text_tokens += stats.text_tokens;
    r->s->stats.all_texts += stats.all_texts;
    r->s->stats.tokens += stats.tokens;
    r->s->stats.steps += stats.steps;
    return RAML_OK;
}

enum raml_code raml_fork_sample(struct raml_fork_sampler *s, const struct raml_fork_plan *p, struct raml_forked *f,
                                struct raml_err *err)
{
    struct run r = {.s = s, .p = p, .f = f};
    size_t n_texts = f->n_forks;
    enum raml_code rc = make_jobs(&r, err);
    if (!rc) rc = run(&r, err);
    if (rc && rc != RAML_ESTOP)
        rc = raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", f->q->id, f->q->line, f->sample + 1);
    for (size_t i = 0; r.text && i < n_texts; i++) raml_tokens_deinit(&r.text[i]);
    free(r.text);
    free(r.job);
    raml_tokens_deinit(&r.whole);
    return rc;
}
