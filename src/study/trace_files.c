/* trace_files.c - traces questions in batches and passes each curve to the writers. See report.h. */
#include "raml/report.h"

#include "core/elementary.h"

#include "study/trace_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, PASSES_A_BATCH = 4, MAX_PIECES_BYTES = 1 << 28, TITLE_BYTES = 400 };

struct item { /* a trajectory of the batch being gathered */
    const struct raml_question *q;
    size_t sample;
    struct raml_trace_text text;
};

struct mean {
    double sum;
    size_t n;
};
struct means {
    size_t n;
    struct mean tokens, first, last, descent, monotonicity, efficiency, tau_b, p_first, p_last, greedy, solved;
};

struct work {
    const struct raml_trace_files_job *job;
    const struct raml_trace_files_options *opt;
    struct raml_trace_source source;
    struct raml_tracer *tracer;
    struct raml_trace_records records;
    struct raml_trace_pictures pictures;
    struct item item[BATCH];
    struct raml_trace_input input[BATCH];
    struct raml_loss_curve curve[BATCH];
    size_t n_items, cost; /* of the batch: tokens that the model will read */
    size_t n_done, n_total, n_skipped;
    struct raml_err first_skipped;
    uint64_t n_trajectory_tokens, n_probes;
    double model_seconds;
    struct means means[RAML_TRACE_GROUPS];
};

struct raml_trace_files_options raml_trace_files_default(void)
{
    return (struct raml_trace_files_options){
        .trace = raml_trace_default(), .ema = 0.01, .threshold = 0.1, .n_curves = 4, .n_shown = 8, .token_table = true};
}

/* -- Means --------------------------------------------------------------------------------------------------------- */

static void add(struct mean *m, double x)
{
    if (isnan(x)) return;
    m->sum += x;
    m->n++;
}

static double mean_of(const struct mean *m)
{
    return m->n ? m->sum / (double)m->n : NAN;
}

static void add_means(struct means *m, const struct raml_traced *t)
{
    const struct raml_descent *d = &t->descent;
    double A = (double)t->curve->n_answer;
    m->n++;
    add(&m->tokens, (double)t->curve->n_tokens);
    add(&m->first, d->first);
    add(&m->last, d->last);
    add(&m->descent, d->total);
    add(&m->monotonicity, d->monotonicity);
    add(&m->efficiency, d->efficiency);
    add(&m->tau_b, d->tau_b);
    add(&m->p_first, raml_exp(-A * d->first));
    add(&m->p_last, raml_exp(-A * d->last));
    add(&m->greedy, t->curve->greedy[t->curve->n_points - 1]);
    add(&m->solved, t->solved_at >= 0);
}

static void summarise(const struct work *w, struct raml_trace_summary *out)
{
    *out = (struct raml_trace_summary){.n_skipped = w->n_skipped,
                                       .n_read = raml_tracer_tokens(w->tracer),
                                       .n_passes = raml_tracer_passes(w->tracer),
                                       .n_trajectory_tokens = w->n_trajectory_tokens,
                                       .n_probes = w->n_probes,
                                       .model_seconds = w->model_seconds};
    for (size_t i = 0; i < RAML_TRACE_GROUPS; i++) {
        const struct means *m = &w->means[i];
        out->group[i] = (struct raml_trace_group_means){.n = m->n,
                                                        .tokens = mean_of(&m->tokens),
                                                        .first = mean_of(&m->first),
                                                        .last = mean_of(&m->last),
                                                        .descent = mean_of(&m->descent),
                                                        .monotonicity = mean_of(&m->monotonicity),
                                                        .efficiency = mean_of(&m->efficiency),
                                                        .tau_b = mean_of(&m->tau_b),
                                                        .p_first = mean_of(&m->p_first),
                                                        .p_last = mean_of(&m->p_last),
                                                        .greedy = mean_of(&m->greedy),
                                                        .solved = mean_of(&m->solved)};
    }
}

/* -- One curve ----------------------------------------------------------------------------------------------------- */

/* The bytes between every two probes: pieces of `stride` tokens. */
static enum raml_code add_pieces(const struct work *w, const struct raml_loss_curve *c, struct raml_buf *bytes,
                                 const char **piece, size_t *len, struct raml_err *err)
{
    for (size_t k = 0; k + 1 < c->n_points; k++) {
        size_t before = bytes->len;
        for (size_t i = c->at[k]; i < c->at[k + 1]; i++) { /* as is: a token decoded by itself may lose its space */
            const char *at;
            size_t n;
            enum raml_code rc = raml_tokenizer_piece(w->job->tokenizer, c->token[i], &at, &n, err);
            if (rc) return rc;
            raml_buf_add(bytes, at, n);
        }
        len[k] = bytes->len - before;
    }
    enum raml_code rc = raml_buf_status(bytes, err);
    const char *at = bytes->data ? bytes->data : "";
    for (size_t k = 0; !rc && k + 1 < c->n_points; at += len[k++]) piece[k] = at;
    return rc;
}

static enum raml_code record(struct work *w, const struct item *it, const struct raml_loss_curve *c,
                             struct raml_err *err)
{
    const struct raml_trajectory *s = &it->q->trajectory[it->sample];
    size_t n = c->n_points;
    struct raml_buf bytes;
    raml_buf_init(&bytes, MAX_PIECES_BYTES);
    const char **piece = malloc(n * sizeof *piece);
    size_t *len = malloc(n * sizeof *len);
    double *ema = malloc(n * sizeof *ema);
    struct raml_traced t = {.q = it->q,
                            .sample = it->sample,
                            .number = w->n_done + 1,
                            .curve = c,
                            .piece = piece,
                            .piece_len = len,
                            .ema = ema,
                            .join = w->opt->join,
                            .straddle = it->text.straddle,
                            .answer = w->opt->own ? s->answer : it->q->answer,
                            .verdict = s->correct == RAML_EQUAL       ? RAML_TRACE_CORRECT
                                       : s->correct == RAML_DIFFERENT ? RAML_TRACE_WRONG
                                                                      : RAML_TRACE_UNGRADED};
    enum raml_code rc = piece && len && ema ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu values", n);
    if (!rc) rc = add_pieces(w, c, &bytes, piece, len, err);
    if (!rc) rc = raml_descent(c->loss, n, w->opt->threshold, &t.descent, err);
    if (!rc) {
        raml_ema(c->loss, n, w->opt->ema, ema);
        t.solved_at = t.descent.solved_at < 0 ? -1 : (int64_t)c->at[t.descent.solved_at];
        rc = raml_trace_records_add(&w->records, &t, err);
    }
    if (!rc) rc = raml_trace_pictures_add(&w->pictures, &t, err);
    if (!rc) {
        add_means(&w->means[t.verdict], &t);
        add_means(&w->means[RAML_TRACE_ALL], &t);
        w->n_done++;
        w->n_trajectory_tokens += c->n_tokens;
        w->n_probes += n;
    }
    free(piece);
    free(len);
    free(ema);
    raml_buf_deinit(&bytes);
    return rc;
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    size_t n = w->n_items;
    if (n == 0) return RAML_OK;
    for (size_t i = 0; i < n; i++) w->input[i] = raml_trace_text_input(&w->item[i].text);
    w->n_items = w->cost = 0;
    double start = w->job->clock ? w->job->clock() : NAN;
    enum raml_code rc = raml_tracer_run(w->tracer, w->input, n, w->curve, err);
    w->model_seconds += w->job->clock ? w->job->clock() - start : NAN;
    if (rc) return rc;
    for (size_t i = 0; i < n; i++) {
        if (!rc) rc = record(w, &w->item[i], &w->curve[i], err);
        raml_loss_curve_deinit(&w->curve[i]);
    }
    if (!rc)
        raml_progress(w->job->sink, "trace", (double)(w->n_done + w->n_skipped), (double)w->n_total, "trajectories",
                      NULL);
    return rc;
}

static void skip(struct work *w, const struct raml_err *why)
{
    if (w->n_skipped++ == 0) w->first_skipped = *why;
}

/* Appends a trajectory to the batch, or skips it. */
static enum raml_code take(struct work *w, const struct raml_question *q, size_t sample, struct raml_err *err)
{
    struct item *it = &w->item[w->n_items];
    const char *answer = w->opt->own ? q->trajectory[sample].answer : q->answer;
    struct raml_err why = {0};
    enum raml_code rc = raml_trace_encode(&w->source, q, sample, &it->text, &why);
    bool may_skip = !answer || !*answer;
    if (!rc) {
        const struct raml_trace_input in = raml_trace_text_input(&it->text);
        rc = raml_tracer_check(w->tracer, &in, &why);
        if (rc) rc = raml_wrap(&why, rc, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
        else w->cost += raml_tracer_cost(w->tracer, &in);
        may_skip = w->opt->skip_long;
    }
    if (rc && rc == RAML_ERANGE && may_skip) {
        skip(w, &why);
        return RAML_OK;
    }
    if (rc) return raml_fail(err, rc, "%s", why.msg);
    it->q = q;
    it->sample = sample;
    w->n_items++;
    bool full = w->n_items == BATCH || w->cost >= PASSES_A_BATCH * w->opt->trace.max_batch_tokens;
    return full ? run_batch(w, err) : RAML_OK;
}

static size_t n_wanted(const struct work *w, const struct raml_question *q)
{
    const struct raml_trace_files_options *o = w->opt;
    if (o->split && (!q->split || strcmp(q->split, o->split) != 0)) return 0;
    if (o->family && (!q->family || strcmp(q->family, o->family) != 0)) return 0;
    return o->max_samples && o->max_samples < q->n_trajectories ? o->max_samples : q->n_trajectories;
}

static enum raml_code trace_all(struct work *w, bool *stopped, struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < qs->n; i++) w->n_total += n_wanted(w, &qs->question[i]);
    for (size_t i = 0; !rc && !*stopped && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && !*stopped && k < n; k++) {
            rc = take(w, &qs->question[i], k, err);
            *stopped = raml_should_stop(w->job->sink);
        }
    }
    if (!rc && !*stopped) rc = run_batch(w, err);
    if (rc) return w->job->data_name ? raml_wrap(err, rc, "%s", w->job->data_name) : rc;
    if (w->n_skipped)
        raml_say(w->job->sink, "%zu of %zu trajectories were skipped; the first: %s", w->n_skipped, w->n_total,
                 w->first_skipped.msg);
    if (w->n_done) return RAML_OK;
    if (*stopped) return raml_fail(err, RAML_ESTOP, "stopped before the first loss curve");
    return raml_fail(err, RAML_ERANGE,
                     "%s: nothing to trace: %zu questions, %zu trajectories selected, %zu skipped%s%s",
                     w->job->data_name ? w->job->data_name : "questions", qs->n, w->n_total, w->n_skipped,
                     w->n_skipped ? "; the first: " : "", w->n_skipped ? w->first_skipped.msg : "");
}

static enum raml_code check(const struct raml_trace_files_options *o, struct raml_err *err)
{
    if (!(o->ema > 0 && o->ema <= 1))
        return raml_fail(err, RAML_ERANGE, "ema is %g; expected more than 0, at most 1", o->ema);
    if (isnan(o->threshold)) return raml_fail(err, RAML_ERANGE, "threshold is not a number");
    return RAML_OK;
}

static enum raml_code work(struct work *w, bool *stopped, struct raml_err *err)
{
    char title[TITLE_BYTES];
    const struct raml_trace_files_job *job = w->job;
    enum raml_code rc = check(w->opt, err);
    if (!rc) rc = raml_tracer_open(job->model, &w->opt->trace, &w->tracer, err);
    if (!rc) rc = raml_make_dir(job->dir, err);
    if (!rc) rc = raml_trace_records_init(&w->records, job->dir, w->opt, err);
    if (!rc) rc = raml_trace_pictures_init(&w->pictures, w->opt, err);
    if (!rc) rc = trace_all(w, stopped, err);
    if (!rc) rc = raml_trace_records_commit(&w->records, err);
    snprintf(title, sizeof title, "Loss of the %s answer%s%s", w->opt->own ? "sample's own" : "correct",
             job->data_name ? ": " : "", job->data_name ? job->data_name : "");
    return rc ? rc : raml_trace_pictures_write(&w->pictures, job->dir, title, err);
}

enum raml_code raml_trace_files(const struct raml_trace_files_job *job, const struct raml_trace_files_options *opt,
                                struct raml_trace_summary *out, struct raml_err *err)
{
    bool stopped = false;
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for tracing");
    w->job = job;
    w->opt = opt;
    w->source = (struct raml_trace_source){.tokenizer = job->tokenizer,
                                           .format = job->format,
                                           .own = opt->own,
                                           .score_end = opt->score_end,
                                           .join = opt->join};
    enum raml_code rc = work(w, &stopped, err);
    if (!rc) {
        summarise(w, out);
        out->stopped = stopped;
    }
    for (size_t i = 0; i < BATCH; i++) raml_trace_text_deinit(&w->item[i].text);
    raml_trace_records_deinit(&w->records);
    raml_trace_pictures_deinit(&w->pictures);
    raml_tracer_close(w->tracer);
    free(w);
    return rc;
}
