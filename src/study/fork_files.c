/* fork_files.c - trajectories forked one after another, passed to the writers. See fork_files.h. */
#include "study/fork_parts.h"
#include "study/wanted.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct work {
    struct raml_fork_plan plan;
    struct raml_tracer *tracer, *prober; /* curve and entropies of the answer; the forced distribution */
    struct raml_forker *forker;
    struct raml_fork_sampler sampler;
    struct raml_answer_classes classes;
    struct raml_fork_records records;
    struct raml_fork_stats *stats;
    struct raml_fork_pictures *pictures;
    struct raml_forked forked;
    struct raml_fork_summary sum;
    size_t n_total, last_question;
    bool made_dir;
    double n_critical_share[2];
    struct raml_err first_skipped;
};

struct raml_fork_files_options raml_fork_files_default(void)
{
    return (struct raml_fork_files_options){.places = "sentence",
                                            .max_places = 32,
                                            .insert = "Wait",
                                            .control = "So|Then|And",
                                            .end = true,
                                            .remove = true,
                                            .n_windows = 2,
                                            .position_buckets = 4,
                                            .n = 16,
                                            .max_completion_length = 512,
                                            .batch_size = 64,
                                            .temperature = 1,
                                            .top_p = 1,
                                            .max_answers = 8,
                                            .critical = 0.9,
                                            .max_batch_tokens = 16384,
                                            .n_draws = 1000,
                                            .n_shown = 8,
                                            .n_curves = 4};
}

void raml_fork_summary_deinit(struct raml_fork_summary *s)
{
    raml_fork_stats_close(s->stats);
    *s = (struct raml_fork_summary){0};
}

/* -- One trajectory ------------------------------------------------------------------------------------------------ */

static uint64_t own_curve(const struct raml_trace_input *in)
{
    uint64_t T = in->n_trajectory, each = in->n_prompt + in->n_answer_prefix + in->n_answer - 1;
    return (T + 1) * each + T * (T + 1) / 2;
}

static enum raml_code trace(struct work *w, struct raml_err *err)
{
    struct raml_forked *f = &w->forked;
    const struct raml_trace_input in = raml_trace_text_input(&f->text);
    enum raml_code rc = raml_tracer_run(w->tracer, &in, 1, &f->curve, err);
    w->sum.n_own_read += own_curve(&in);
    if (rc)
        return raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", f->q->id, f->q->line, f->sample + 1);
    return RAML_OK;
}

static enum raml_code measure(struct work *w, struct raml_err *err)
{
    struct raml_forked *f = &w->forked;
    uint64_t own = 0;
    bool samples = w->plan.opt->n > 0;
    enum raml_code rc = trace(w, err);
    if (!rc) rc = raml_forked_plan(&w->plan, f, err);
    if (!rc) rc = raml_forked_losses(w->forker, f, &own, err);
    w->sum.n_own_read += own;
    if (!rc && samples && f->n_forks) rc = raml_fork_sample(&w->sampler, &w->plan, f, err);
    if (!rc) rc = raml_forked_count(&w->plan, &w->classes, samples ? w->sampler.sampled : NULL, f, err);
    if (!rc) rc = raml_forked_choose(&w->plan, w->prober, f, &own, err);
    w->sum.n_own_read += own;
    return rc ? rc : raml_forked_analyse(&w->plan, f, err);
}

static void count(struct work *w)
{
    const struct raml_forked *f = &w->forked;
    struct raml_fork_summary *s = &w->sum;
    s->n_questions += s->n_trajectories == 0 || f->question != w->last_question;
    w->last_question = f->question;
    s->n_trajectories++;
    s->n_places += f->places.n;
    s->n_edits += f->n_edits;
    s->n_forks += f->n_forks;
    s->n_continuations += f->n_forks * w->plan.opt->n;
    for (size_t k = 0; k < 2; k++) {
        if (isnan(f->critical[k])) continue;
        s->n_critical_known[k]++;
        if (f->critical[k] < 0) continue;
        s->n_critical[k]++;
        w->n_critical_share[k] += f->curve.n_tokens ? f->critical[k] / (double)f->curve.n_tokens : 0;
    }
}

static enum raml_code keep(struct work *w, struct raml_err *err)
{
    enum raml_code rc = raml_fork_records_add(&w->records, &w->plan, &w->forked, err);
    if (!rc) rc = raml_fork_stats_add(w->stats, &w->forked, err);
    if (rc) return rc;
    count(w);
    return raml_fork_pictures_add(w->pictures, &w->forked, err);
}

/* -- All of them --------------------------------------------------------------------------------------------------- */

static size_t n_wanted(const struct work *w, const struct raml_question *q)
{
    const struct raml_fork_files_options *o = w->plan.opt;
    return raml_wanted(q, o->split, o->family, o->max_samples);
}

static void show_progress(void *user, double share)
{
    const struct work *w = user;
    double done = (double)(w->sum.n_trajectories + w->sum.n_skipped);
    raml_progress(w->plan.job->sink, "fork", done + share, (double)w->n_total, "trajectories", NULL);
}

/* Forks a trajectory, or skips it. */
static enum raml_code take(struct work *w, size_t question, size_t sample, struct raml_err *err)
{
    const struct raml_question *q = &w->plan.job->questions->question[question];
    const char *answer = w->plan.opt->own ? q->trajectory[sample].answer : q->answer;
    struct raml_err why = {0};
    enum raml_code rc = raml_forked_begin(&w->plan, question, sample, &w->forked, &why);
    if (rc == RAML_ERANGE && (!answer || !*answer || w->plan.opt->skip_long)) {
        if (w->sum.n_skipped++ == 0) w->first_skipped = why;
        return RAML_OK;
    }
    if (rc) return raml_fail(err, rc, "%s", why.msg);
    rc = measure(w, err);
    if (!rc) rc = keep(w, err);
    if (!rc) show_progress(w, 0);
    return rc;
}

static enum raml_code finish(struct work *w, struct raml_err *err)
{
    const struct raml_fork_files_job *job = w->plan.job;
    const char *name = job->data_name ? job->data_name : "questions";
    if (w->sum.n_skipped)
        raml_say(job->sink, "%zu of %zu trajectories were skipped; the first: %s", w->sum.n_skipped, w->n_total,
                 w->first_skipped.msg);
    if (w->sum.n_trajectories && !w->sum.n_places && !w->sum.stopped)
        return raml_fail(err, RAML_ERANGE, "%s: no place of the kind '%s' in %zu trajectories", name,
                         raml_fork_kind_name(w->plan.kind), w->sum.n_trajectories);
    if (w->sum.n_trajectories) return RAML_OK;
    if (w->sum.stopped) return raml_fail(err, RAML_ESTOP, "stopped before the first trajectory was complete");
    return raml_fail(err, RAML_ERANGE, "%s: no trajectory: %zu questions, %zu trajectories selected, %zu skipped%s%s",
                     name, job->questions->n, w->n_total, w->sum.n_skipped, w->sum.n_skipped ? "; the first: " : "",
                     w->sum.n_skipped ? w->first_skipped.msg : "");
}

static enum raml_code fork_all(struct work *w, struct raml_err *err)
{
    const struct raml_fork_files_job *job = w->plan.job;
    const struct raml_questions *qs = job->questions;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < qs->n; i++) w->n_total += n_wanted(w, &qs->question[i]);
    for (size_t i = 0; !rc && !w->sum.stopped && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && !w->sum.stopped && k < n; k++) {
            rc = take(w, i, k, err);
            w->sum.stopped = rc == RAML_ESTOP || raml_should_stop(job->sink);
        }
    }
    if (rc == RAML_ESTOP) rc = RAML_OK; /* in the middle of a trajectory: those before it are kept */
    if (rc) return raml_wrap(err, rc, "%s", job->data_name ? job->data_name : "questions");
    return finish(w, err);
}

/* -- Checks before the first pass ---------------------------------------------------------------------------------- */

static enum raml_code check_given(struct work *w, struct raml_err *err)
{
    const uint32_t *at;
    size_t n, T = w->forked.text.trajectory.n;
    const struct raml_question *q = w->forked.q;
    raml_fork_plan_given(&w->plan, q, w->forked.sample, &at, &n);
    for (size_t i = 0; i < n; i++)
        if (at[i] > T)
            return raml_fail(err, RAML_ERANGE,
                             "question '%.100s' (line %zu), trajectory %zu: place %u is outside it; expected 0 to %zu, "
                             "its tokens",
                             q->id, q->line, w->forked.sample + 1, (unsigned)at[i], T);
    return RAML_OK;
}

/* Everything that can be wrong with a trajectory or its places is seen before anything is computed. */
static enum raml_code check_all(struct work *w, struct raml_err *err)
{
    const struct raml_questions *qs = w->plan.job->questions;
    enum raml_code rc = raml_fork_plan_check_given(&w->plan, err);
    if (rc) return rc;
    for (size_t i = 0; !rc && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && k < n; k++) {
            const char *answer = w->plan.opt->own ? qs->question[i].trajectory[k].answer : qs->question[i].answer;
            rc = raml_forked_begin(&w->plan, i, k, &w->forked, err);
            if (rc == RAML_ERANGE && (!answer || !*answer || w->plan.opt->skip_long)) rc = RAML_OK;
            else if (!rc && w->plan.kind == RAML_FORK_GIVEN) rc = check_given(w, err);
        }
    }
    return rc ? raml_wrap(err, rc, "%s", w->plan.job->data_name ? w->plan.job->data_name : "questions") : RAML_OK;
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static enum raml_code open_all(struct work *w, struct raml_err *err)
{
    const struct raml_fork_files_job *job = w->plan.job;
    const struct raml_fork_files_options *o = w->plan.opt;
    struct raml_trace_options trace = raml_trace_default();
    trace.max_batch_tokens = o->max_batch_tokens;
    enum raml_code rc = raml_tracer_open(job->model, &trace, &w->prober, err);
    trace.tokens = true;
    if (!rc) rc = raml_tracer_open(job->model, &trace, &w->tracer, err);
    if (!rc) rc = raml_forker_open(job->model, o->max_batch_tokens, &w->forker, err);
    if (!rc) rc = raml_fork_stats_open(&w->plan, &w->stats, err);
    if (!rc) rc = raml_fork_pictures_open(&w->plan, &w->pictures, err);
    return rc;
}

static void summarise(struct work *w)
{
    struct raml_fork_summary *s = &w->sum;
    const struct raml_generate_stats *g = &w->sampler.stats;
    s->n_written = g->tokens;
    s->n_prompt_tokens = g->text_tokens;
    s->n_fork_prompts = w->sampler.fork_tokens;
    s->n_own_prompts = g->all_texts;
    s->n_read = raml_tracer_tokens(w->tracer) + raml_tracer_tokens(w->prober) + raml_forker_tokens(w->forker);
    for (size_t k = 0; k < 2; k++)
        s->critical_mean[k] = s->n_critical[k] ? w->n_critical_share[k] / (double)s->n_critical[k] : NAN;
}

static enum raml_code work(struct work *w, const struct raml_fork_files_job *job,
                           const struct raml_fork_files_options *opt, struct raml_err *err)
{
    enum raml_code rc = raml_fork_plan_init(&w->plan, job, opt, err);
    if (!rc) rc = check_all(w, err);
    if (!rc) rc = open_all(w, err);
    w->made_dir = !rc && !raml_is_dir(job->dir);
    if (!rc) rc = raml_make_dir(job->dir, err);
    if (!rc) rc = raml_fork_records_init(&w->records, job->dir, err);
    if (!rc) rc = fork_all(w, err);
    if (rc) return rc;
    summarise(w);
    rc = raml_fork_stats_read(w->stats, &w->sum, err);
    if (!rc) rc = raml_fork_records_commit(&w->records, err);
    if (!rc) rc = raml_fork_stats_write(&w->sum, job->dir, err);
    if (!rc) rc = raml_fork_tables_write(&w->sum, opt->n > 0, job->dir, err);
    w->sum.stats = w->stats;
    return rc ? rc : raml_fork_pictures_write(w->pictures, &w->sum, err);
}

static void close_all(struct work *w)
{
    raml_tracer_close(w->tracer);
    raml_tracer_close(w->prober);
    raml_forker_close(w->forker);
    raml_fork_sampler_deinit(&w->sampler);
    raml_answer_classes_deinit(&w->classes);
    raml_fork_records_deinit(&w->records);
    raml_fork_pictures_close(w->pictures);
    raml_forked_deinit(&w->forked);
    raml_fork_plan_deinit(&w->plan);
}

enum raml_code raml_fork_files_by(const struct raml_fork_files_job *job, const struct raml_fork_files_options *opt,
                                  raml_fork_generate_fn *generate, struct raml_fork_summary *out, struct raml_err *err)
{
    struct work *w = calloc(1, sizeof *w);
    *out = (struct raml_fork_summary){0};
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for forks");
    w->sampler = (struct raml_fork_sampler){.generate = generate, .progress = show_progress, .user = w};
    enum raml_code rc = work(w, job, opt, err);
    if (rc) raml_fork_stats_close(w->stats);
    else *out = w->sum;
    close_all(w);
    if (rc && w->made_dir) (void)rmdir(job->dir); /* fails where something is in it */
    free(w);
    return rc;
}

enum raml_code raml_fork_files(const struct raml_fork_files_job *job, const struct raml_fork_files_options *opt,
                               struct raml_fork_summary *out, struct raml_err *err)
{
    return raml_fork_files_by(job, opt, raml_generate, out, err);
}
