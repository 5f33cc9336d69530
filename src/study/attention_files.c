/* attention_files.c - reads what heads attend to, model by model, and passes it to the writers. See attention_files.h. */
#include "study/attention_parts.h"
#include "study/wanted.h"

#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, NAME_BYTES = 240 };

struct work {
    const struct raml_attention_files_job *job;
    const struct raml_attention_files_options *opt;
    struct raml_attention_reader *reader; /* of the model at hand */
    struct raml_attention_stats stats;
    struct raml_estimate *e; /* [queries, layers, heads, groups] of the last model read */
    struct raml_attention_plan plan[BATCH];
    struct raml_attention_text text[BATCH];
    size_t question[BATCH]; /* of those looked at, by number */
    size_t n, cost;
    float *logp; /* of the batch */
    int32_t *argmax;
    size_t cap;
    size_t n_wanted; /* trajectories of all models */
    size_t n_done;
    struct raml_err first_skipped;
};

struct raml_attention_files_options raml_attention_files_default(void)
{
    return (struct raml_attention_files_options){.max_batch_tokens = 16384, .n_draws = 1000};
}

void raml_attention_summary_deinit(struct raml_attention_summary *s)
{
    free(s->model);
    *s = (struct raml_attention_summary){0};
}

/* "question 'add:17' (line 17), trajectory 2" */
static const char *name_of(const struct raml_question *q, size_t sample, char out[NAME_BYTES])
{
    if (q->line) snprintf(out, NAME_BYTES, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
    else snprintf(out, NAME_BYTES, "question '%.100s', trajectory %zu", q->id, sample + 1);
    return out;
}

/* -- A batch ------------------------------------------------------------------------------------------------------- */

static enum raml_code take_layer(void *user, const struct raml_attention_mass *m, struct raml_err *err)
{
    struct work *w = user;
    (void)err;
    raml_attention_stats_layer(&w->stats, w->question[m->text], &w->plan[m->text], m);
    return RAML_OK;
}

static enum raml_code reserve(struct work *w, size_t n, struct raml_err *err)
{
    if (n <= w->cap) return RAML_OK;
    free(w->logp);
    free(w->argmax);
    w->cap = 0;
    w->logp = malloc(n * sizeof *w->logp);
    w->argmax = malloc(n * sizeof *w->argmax);
    if (!w->logp || !w->argmax) return raml_fail(err, RAML_ENOMEM, "no memory for %zu predictions", n);
    w->cap = n;
    return RAML_OK;
}

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    const struct raml_attention_listener to = {take_layer, w};
    size_t n = w->n, at = 0;
    w->n = w->cost = 0;
    if (n == 0) return RAML_OK;
    for (size_t i = 0; i < n; i++) at += w->text[i].n - w->text[i].n_prompt;
    enum raml_code rc = reserve(w, at + 1, err);
    at = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        w->text[i].logp = w->logp + at;
        w->text[i].argmax = w->argmax + at;
        at += w->text[i].n - w->text[i].n_prompt;
    }
    if (!rc) rc = raml_attention_run(w->reader, w->text, n, &to, err);
    for (size_t i = 0; !rc && i < n; i++)
        rc = raml_attention_stats_text(&w->stats, w->question[i], &w->plan[i], w->text[i].argmax, err);
    w->n_done += n;
    if (!rc) raml_progress(w->job->sink, "attention", (double)w->n_done, (double)w->n_wanted, "trajectories", NULL);
    return rc;
}

/* The next of the batch. *skipped: it is left out, *why says why. */
static enum raml_code examine(struct work *w, const struct raml_question *q, size_t sample, bool *skipped,
                              struct raml_err *why)
{
    struct raml_attention_plan *p = &w->plan[w->n];
    char name[NAME_BYTES];
    enum raml_code rc = raml_attention_plan_fill(p, w->job->tokenizer, &w->job->format, q, sample, why);
    *skipped = false;
    if (rc) return raml_wrap(why, rc, "%s", name_of(q, sample, name));
    w->text[w->n] = (struct raml_attention_text){.token = p->token.id,
                                                 .n = p->token.n,
                                                 .n_prompt = p->n_prompt,
                                                 .group = p->group,
                                                 .n_groups = p->n_groups,
                                                 .query = p->query,
                                                 .n_queries = p->n_queries};
    rc = raml_attention_check(w->reader, &w->text[w->n], why);
    if (!rc) return RAML_OK;
    rc = raml_wrap(why, rc, "%s", name_of(q, sample, name));
    *skipped = rc == RAML_ERANGE && w->opt->skip_long;
    return *skipped ? RAML_OK : rc;
}

/* All trajectories, once: only counted and checked, or read too. */
static enum raml_code each(struct work *w, bool read, struct raml_attention_summary *out, struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    size_t n_questions = 0, n_skipped = 0, n_trajectories = 0;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < qs->n; i++) {
        size_t n = raml_wanted(&qs->question[i], w->opt->split, w->opt->family, w->opt->max_samples), taken = 0;
        for (size_t k = 0; !rc && k < n; k++) {
            struct raml_err why = {0};
            bool skipped;
            rc = examine(w, &qs->question[i], k, &skipped, &why);
            if (rc) rc = raml_fail(err, rc, "%s", why.msg);
            if (!rc && skipped && n_skipped++ == 0) w->first_skipped = why;
            if (rc || skipped) continue;
            taken++;
            if (!read) continue;
            w->question[w->n] = n_questions;
            w->cost += w->text[w->n++].n;
            if (w->n == BATCH || w->cost >= 4 * w->opt->max_batch_tokens) rc = run_batch(w, err);
            if (!rc && raml_should_stop(w->job->sink)) rc = raml_fail(err, RAML_ESTOP, "stopped");
        }
        n_trajectories += taken;
        n_questions += taken > 0;
    }
    if (!rc && read) rc = run_batch(w, err);
    out->n_questions = n_questions;
    out->n_trajectories = n_trajectories;
    out->n_skipped = n_skipped;
    return rc;
}

/* -- Models -------------------------------------------------------------------------------------------------------- */

static enum raml_code begin(struct work *w, const struct raml_config *c, struct raml_attention_summary *out,
                            struct raml_err *err)
{
    const char *name = w->job->data_name ? w->job->data_name : "questions";
    size_t heads = (size_t)c->n_layers * (size_t)c->n_heads;
    enum raml_code rc = each(w, false, out, err);
    if (rc) return raml_wrap(err, rc, "%s", name);
    if (out->n_skipped)
        raml_say(w->job->sink, "%zu of %zu trajectories were skipped; the first: %s", out->n_skipped,
                 out->n_skipped + out->n_trajectories, w->first_skipped.msg);
    if (out->n_trajectories == 0)
        return raml_fail(err, RAML_ERANGE, "%s: no trajectory: %zu questions, %zu trajectories skipped", name,
                         w->job->questions->n, out->n_skipped);
    out->n_layers = (size_t)c->n_layers;
    out->n_heads = (size_t)c->n_heads;
    w->n_wanted = out->n_trajectories * w->job->n_sources;
    w->e = calloc(heads * RAML_ATTENTION_QUERIES * RAML_ATTENTION_GROUPS, sizeof *w->e);
    if (!w->e) return raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu heads", heads);
    return raml_attention_stats_init(&w->stats, out->n_questions, out->n_layers, out->n_heads, err);
}

static enum raml_code read_model(struct work *w, size_t i, struct raml_attention_summary *out, struct raml_err *err)
{
    const struct raml_attention_source *source = &w->job->source[i];
    struct raml_attention_result *r = &out->model[i];
    struct raml_model *m = NULL;
    enum raml_code rc = w->job->open(w->job->user, i, &m, err);
    if (!rc) raml_model_heed(m, w->job->sink);
    if (!rc) rc = raml_attention_reader_open(m, w->opt->max_batch_tokens, &w->reader, err);
    const struct raml_config *c = rc ? NULL : raml_model_config(m);
    if (!rc && i == 0) rc = begin(w, c, out, err);
    else if (!rc) raml_attention_stats_clear(&w->stats);
    if (!rc && ((size_t)c->n_layers != out->n_layers || (size_t)c->n_heads != out->n_heads))
        rc = raml_fail(err, RAML_ESHAPE, "%s has %d layers of %d heads; expected %zu of %zu, as %s has", source->name,
                       c->n_layers, c->n_heads, out->n_layers, out->n_heads, w->job->source[0].name);
    if (!rc) rc = each(w, true, out, err);
    r->step = source->step;
    r->tokens = source->tokens;
    if (!rc) rc = raml_attention_stats_read(&w->stats, w->opt, w->e, r, err);
    if (!rc) out->n_read += raml_attention_tokens(w->reader);
    if (!rc) out->n_passes += raml_attention_passes(w->reader);
    raml_attention_reader_close(w->reader);
    w->reader = NULL;
    raml_model_close(m);
    return rc;
}

static enum raml_code work(struct work *w, struct raml_attention_summary *out, struct raml_err *err)
{
    const struct raml_attention_files_job *job = w->job;
    out->model = calloc(job->n_sources + 1, sizeof *out->model);
    if (!out->model) return raml_fail(err, RAML_ENOMEM, "no memory for %zu models", job->n_sources);
    out->n_models = job->n_sources;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < job->n_sources; i++) rc = read_model(w, i, out, err);
    if (!rc) rc = raml_make_dir(job->dir, err);
    if (!rc) rc = raml_attention_tables_write(job, out, w->e, err);
    if (rc) return rc;
    struct raml_drawing to = {.dir = job->dir, .sink = job->sink};
    rc = raml_attention_pictures_write(out, w->e, &to, job->data_name, err);
    if (!rc) raml_drawing_tell(&to);
    return rc;
}

enum raml_code raml_attention_files(const struct raml_attention_files_job *job,
                                    const struct raml_attention_files_options *opt, struct raml_attention_summary *out,
                                    struct raml_err *err)
{
    struct raml_attention_summary sum = {0};
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory to read attention");
    w->job = job;
    w->opt = opt;
    enum raml_code rc = work(w, &sum, err);
    for (size_t i = 0; i < BATCH; i++) raml_attention_plan_deinit(&w->plan[i]);
    raml_attention_stats_deinit(&w->stats);
    free(w->e);
    free(w->logp);
    free(w->argmax);
    free(w);
    if (rc) raml_attention_summary_deinit(&sum);
    else *out = sum;
    return rc;
}
