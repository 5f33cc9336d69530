/* update_files.c - updates of questions' trajectories and of their controls, passed to the writers. See update.h. */
#include "study/update_parts.h"
#include "study/wanted.h"

#include "core/array.h"
#include "inner/update_measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 96, CHECKS = 3 };

struct item { /* a trajectory of the batch being gathered, or its control */
    const struct raml_question *q;
    size_t sample;
    enum raml_update_kind kind;
    struct raml_trace_text text;
    struct raml_tokens control;
};

struct work {
    const struct raml_update_files_job *job;
    const struct raml_update_files_options *opt;
    struct raml_updater *updater;
    struct raml_update_controls controls;
    struct raml_update_records records;
    struct raml_update_stats stats;
    struct raml_update_pictures pictures;
    struct item item[BATCH];
    struct raml_update_input input[BATCH];
    struct raml_update update[BATCH];
    struct raml_update_measures *layer; /* [n_layers] of one trajectory */
    double *own;                        /* their numbers */
    size_t n_own;
    size_t n_items, cost;
    size_t n_calls, n_batch_calls, n_batch_real; /* layers done, all, and real trajectories, of the batch */
    const struct raml_question *last;            /* whose trajectories were recorded last */
    struct raml_exchange exchange;               /* of `exchanged` */
    const struct raml_question *exchanged;
    size_t n_exchanged;
    double *steps[2];                         /* exchange rate at T of real trajectories: right, unlabelled */
    const struct raml_question **steps_of[2]; /* whose */
    size_t n_steps[2], cap_steps[2], cap_steps_of[2];
    size_t n_done, n_total, n_skipped, n_questions, n[UPDATE_KINDS];
    struct raml_err first_skipped;
    struct raml_update_checked checked;
    size_t n_checked;
};

struct raml_update_files_options raml_update_files_default(void)
{
    return (struct raml_update_files_options){.update = raml_update_default(),
                                              .filler = true,
                                              .foreign = true,
                                              .filler_text = ".",
                                              .exchange = raml_exchange_default()};
}

/* -- One trajectory ------------------------------------------------------------------------------------------------ */

static enum raml_code run_exchange(struct work *w, const struct item *it, const struct raml_trace_input *in,
                                   struct raml_err *err)
{
    if (w->exchanged == it->q) return RAML_OK;
    raml_exchange_deinit(&w->exchange);
    w->exchanged = NULL;
    if (w->n_exchanged >= w->opt->n_exchange) return RAML_OK;
    enum raml_code rc = raml_exchange_run(w->job->model, in, &w->opt->exchange, w->job->sink, &w->exchange, err);
    if (!rc) rc = raml_update_records_exchange(&w->records, it->q, &w->exchange, err);
    if (rc) return rc;
    w->exchanged = it->q;
    w->n_exchanged++;
    return RAML_OK;
}

static double steps_of(const struct raml_exchange *x, int rate, double loss)
{
    int64_t steps = raml_exchange_worth(x, rate, loss);
    return steps < 0 ? INFINITY : (double)steps;
}

/* A row a trajectory: the fewest steps, then those at each rate. */
static enum raml_code keep_steps(struct work *w, const struct raml_updated *t, struct raml_err *err)
{
    if (!t->worth || t->kind != RAML_UPDATE_REAL || t->verdict == RAML_TRACE_WRONG) return RAML_OK;
    size_t g = t->verdict == RAML_TRACE_CORRECT ? 0 : 1, width = 1 + w->opt->exchange.n_rates;
    enum raml_code rc = RAML_GROW(w->steps[g], w->cap_steps[g], (w->n_steps[g] + 1) * width, "exchange rates", err);
    if (!rc) rc = RAML_GROW(w->steps_of[g], w->cap_steps_of[g], w->n_steps[g] + 1, "exchange rates", err);
    if (rc) return rc;
    w->steps_of[g][w->n_steps[g]] = t->q;
    double *row = w->steps[g] + w->n_steps[g]++ * width, last = t->update->curve.loss[t->update->n_points - 1];
    for (size_t r = 0; r < width; r++) row[r] = steps_of(t->exchange, r ? (int)r - 1 : RAML_EXCHANGE_BEST, last);
    return RAML_OK;
}

static enum raml_code reserve_layers(struct work *w, size_t n, struct raml_err *err)
{
    size_t L = w->stats.n_layers, need = L * raml_update_measures_n(n);
    if (need <= w->n_own) return RAML_OK;
    free(w->own);
    w->n_own = 0;
    w->own = malloc(need * sizeof *w->own);
    if (!w->own) return raml_fail(err, RAML_ENOMEM, "no memory for the measures of %zu layers", L);
    w->n_own = need;
    return RAML_OK;
}

static enum raml_code write(struct work *w, const struct raml_updated *t, struct raml_err *err)
{
    size_t n = t->update->n_points;
    enum raml_code rc = reserve_layers(w, n, err);
    if (rc) return rc;
    for (size_t l = 0; l < w->stats.n_layers; l++)
        raml_update_layer_measures(t->update, l, w->own + l * raml_update_measures_n(n), &w->layer[l]);
    if (t->q != w->last) {
        if (w->last) raml_update_stats_end_question(&w->stats);
        w->last = t->q;
        w->n_questions++;
    }
    rc = raml_update_records_add(&w->records, t, err);
    if (!rc) rc = raml_update_pictures_add(&w->pictures, t, w->layer, err);
    if (!rc) rc = keep_steps(w, t, err);
    if (rc) return rc;
    raml_update_stats_add(&w->stats, t, w->layer);
    w->n[t->kind]++;
    return RAML_OK;
}

static enum raml_code run_check(struct work *w, const struct raml_update_input *in, const struct raml_update *u,
                                struct raml_err *err)
{
    uint32_t at[CHECKS];
    struct raml_update_checked c;
    size_t n = 0, T = u->curve.n_tokens;
    const size_t place[CHECKS] = {T < 1 ? T : 1, T / 2, T};
    for (size_t i = 0; i < CHECKS; i++)
        if (n == 0 || place[i] > at[n - 1]) at[n++] = (uint32_t)place[i];
    enum raml_code rc = raml_update_check(w->job->model, in, at, n, false, &c, err);
    if (rc) return rc;
    w->checked.block = raml_update_larger(w->checked.block, c.block);
    w->checked.scale = raml_update_larger(w->checked.scale, c.scale);
    w->n_checked += n;
    return RAML_OK;
}

static enum raml_code record(struct work *w, const struct item *it, const struct raml_update_input *in,
                             const struct raml_update *u, struct raml_err *err)
{
    enum raml_verdict correct = it->q->trajectory[it->sample].correct;
    struct raml_updated t = {.q = it->q,
                             .sample = it->sample,
                             .kind = it->kind,
                             .update = u,
                             .probe_token = in->probe + 1,
                             .verdict = correct == RAML_EQUAL       ? RAML_TRACE_CORRECT
                                        : correct == RAML_DIFFERENT ? RAML_TRACE_WRONG
                                                                    : RAML_TRACE_UNGRADED};
    int64_t *worth = NULL;
    enum raml_code rc = w->opt->n_exchange ? run_exchange(w, it, &in->text, err) : RAML_OK;
    if (!rc && w->exchanged == it->q && w->opt->n_exchange) {
        worth = malloc(u->n_points * sizeof *worth);
        if (!worth) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu exchange rates", u->n_points);
        for (size_t i = 0; worth && i < u->n_points; i++)
            worth[i] = raml_exchange_worth(&w->exchange, RAML_EXCHANGE_BEST, u->curve.loss[i]);
        t.worth = worth;
        t.exchange = &w->exchange;
    }
    if (!rc && w->opt->check && it->kind == RAML_UPDATE_REAL) rc = run_check(w, in, u, err);
    if (!rc) rc = write(w, &t, err);
    free(worth);
    if (rc) return raml_wrap(err, rc, "question '%.100s', trajectory %zu", it->q->id, it->sample + 1);
    w->n_done += it->kind == RAML_UPDATE_REAL;
    return RAML_OK;
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static struct raml_update_input input_of(const struct work *w, const struct item *it)
{
    size_t probe = w->opt->probe_token;
    struct raml_update_input in = {.text = raml_trace_text_input(&it->text)};
    if (it->kind != RAML_UPDATE_REAL) in.text.trajectory = it->control.id;
    in.probe = probe ? probe - 1 : in.text.n_answer_prefix - 1;
    return in;
}

/* Between layers, so that a long trajectory is seen to go on, and can be stopped. */
static enum raml_code tell(void *user, const struct raml_update_factors *f, struct raml_err *err)
{
    struct work *w = user;
    (void)f;
    if (raml_should_stop(w->job->sink)) return raml_fail(err, RAML_ESTOP, "stopped");
    double part = (double)++w->n_calls / (double)w->n_batch_calls * (double)w->n_batch_real;
    raml_progress(w->job->sink, "update", (double)(w->n_done + w->n_skipped) + part, (double)w->n_total, "trajectories",
                  NULL);
    return RAML_OK;
}

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    size_t n = w->n_items;
    if (n == 0) return RAML_OK;
    const struct raml_update_reader reader = {tell, w};
    w->n_calls = w->n_batch_real = w->n_items = w->cost = 0;
    w->n_batch_calls = n * w->stats.n_layers;
    for (size_t i = 0; i < n; i++) {
        w->input[i] = input_of(w, &w->item[i]);
        w->n_batch_real += w->item[i].kind == RAML_UPDATE_REAL;
    }
    enum raml_code rc = raml_updater_run(w->updater, w->input, n, &reader, w->update, err);
    if (rc == RAML_ERANGE && n > 1)
        rc = raml_wrap(err, rc, "of the %zu (with controls) from question '%.100s', trajectory %zu on", n,
                       w->item[0].q->id, w->item[0].sample + 1);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++) {
        if (!rc) rc = record(w, &w->item[i], &w->input[i], &w->update[i], err);
        raml_update_deinit(&w->update[i]);
    }
    return rc;
}

/* Copies the real trajectory's texts to a control's item. */
static enum raml_code add_control(struct work *w, const struct item *real, size_t question, enum raml_update_kind kind,
                                  struct raml_err *err)
{
    struct item *it = &w->item[w->n_items];
    const struct raml_trace_input x = raml_trace_text_input(&real->text);
    size_t T = x.n_trajectory;
    it->q = real->q;
    it->sample = real->sample;
    it->kind = kind;
    it->text.prompt.n = it->text.trajectory.n = it->text.answer_prefix.n = it->text.answer.n = 0;
    enum raml_code rc = raml_tokens_add(&it->text.prompt, x.prompt, x.n_prompt, err);
    if (!rc) rc = raml_tokens_add(&it->text.trajectory, x.trajectory, T, err);
    if (!rc) rc = raml_tokens_add(&it->text.answer_prefix, x.answer_prefix, x.n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(&it->text.answer, x.answer, x.n_answer, err);
    if (!rc && kind == RAML_UPDATE_FILLER) rc = raml_update_filler(&w->controls, T, &it->control, err);
    if (!rc && kind == RAML_UPDATE_FOREIGN)
        rc = raml_update_foreign(&w->controls, question, real->sample, T, &it->control, err);
    if (!rc && kind == RAML_UPDATE_SHUFFLED) {
        const struct raml_key key = {w->opt->seed, RAML_FOR_CONTROL, question, (uint32_t)real->sample, 0};
        it->control.n = 0;
        rc = raml_tokens_add(&it->control, x.trajectory, T, err);
        if (!rc) raml_update_shuffle(x.trajectory, T, &key, it->control.id);
    }
    if (!rc && it->control.n == T) w->n_items++; /* else there is nothing foreign */
    return rc;
}

static enum raml_code encode(struct work *w, const struct raml_question *q, size_t sample, struct item *it,
                             struct raml_err *err)
{
    struct raml_update_input in;
    enum raml_code rc = raml_trace_encode(&w->controls.source, q, sample, &it->text, err);
    if (rc) return rc;
    it->q = q;
    it->sample = sample;
    it->kind = RAML_UPDATE_REAL;
    const struct raml_trace_input x = raml_trace_text_input(&it->text);
    if (!w->opt->probe_token) rc = raml_update_input_of(&x, &in, err);
    if (!rc) in = input_of(w, it);
    if (!rc) rc = raml_updater_check(w->updater, &in, err);
    if (rc) return raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
    w->cost += raml_updater_cost(w->updater, &in);
    return RAML_OK;
}

static bool too_long(const struct work *w, const struct raml_trace_text *x)
{
    size_t context = (size_t)raml_model_config(w->job->model)->max_positions;
    return x->prompt.n + x->trajectory.n + x->answer_prefix.n + x->answer.n > context;
}

/* Appends a trajectory and its controls to the batch, or skips it. */
static enum raml_code take(struct work *w, size_t question, size_t sample, struct raml_err *err)
{
    const struct raml_question *q = &w->job->questions->question[question];
    const char *answer = w->opt->own ? q->trajectory[sample].answer : q->answer;
    struct raml_err why = {0};
    size_t real = w->n_items;
    enum raml_code rc = encode(w, q, sample, &w->item[real], &why);
    if (rc == RAML_ERANGE && (!answer || !*answer || (w->opt->skip_long && too_long(w, &w->item[real].text)))) {
        if (w->n_skipped++ == 0) w->first_skipped = why;
        return RAML_OK;
    }
    if (rc) return raml_fail(err, rc, "%s", why.msg);
    w->n_items++;
    if (w->opt->filler) rc = add_control(w, &w->item[real], question, RAML_UPDATE_FILLER, err);
    if (!rc && w->opt->foreign) rc = add_control(w, &w->item[real], question, RAML_UPDATE_FOREIGN, err);
    if (!rc && w->opt->shuffled) rc = add_control(w, &w->item[real], question, RAML_UPDATE_SHUFFLED, err);
    if (rc) return rc;
    bool full = w->n_items + UPDATE_KINDS > BATCH || w->cost >= w->opt->update.max_batch_tokens;
    return full ? run_batch(w, err) : RAML_OK;
}

static size_t n_wanted(const struct work *w, const struct raml_question *q)
{
    const struct raml_update_files_options *o = w->opt;
    return raml_wanted(q, o->split, o->family, o->max_samples);
}

static enum raml_code update_all(struct work *w, bool *stopped, struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    const char *name = w->job->data_name ? w->job->data_name : "questions";
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < qs->n; i++) w->n_total += n_wanted(w, &qs->question[i]);
    for (size_t i = 0; !rc && !*stopped && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && !*stopped && k < n; k++) {
            rc = take(w, i, k, err);
            *stopped = rc == RAML_ESTOP || raml_should_stop(w->job->sink);
        }
    }
    if (!rc && !*stopped) rc = run_batch(w, err);
    if (rc == RAML_ESTOP) { /* in the middle of an exchange rate: what was recorded before is kept */
        *stopped = true;
        rc = RAML_OK;
    }
    if (rc) return raml_wrap(err, rc, "%s", name);
    if (w->last) raml_update_stats_end_question(&w->stats);
    if (w->n_skipped)
        raml_say(w->job->sink, "%zu of %zu trajectories were skipped; the first: %s", w->n_skipped, w->n_total,
                 w->first_skipped.msg);
    if (w->n_done) return RAML_OK;
    if (*stopped) return raml_fail(err, RAML_ESTOP, "stopped before the first update");
    return raml_fail(err, RAML_ERANGE, "%s: no trajectory: %zu questions, %zu trajectories selected, %zu skipped%s%s",
                     name, qs->n, w->n_total, w->n_skipped, w->n_skipped ? "; the first: " : "",
                     w->n_skipped ? w->first_skipped.msg : "");
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The lower of two in the middle. x is sorted. */
static double median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_size);
    return x[(n - 1) / 2];
}

/* Of column `at` of the rows of group g: the median over questions of each one's own. column: [2 rows] */
static double median_of(const struct work *w, size_t g, size_t width, size_t at, double *column)
{
    size_t n = w->n_steps[g], n_questions = 0;
    for (size_t i = 0, end; i < n; i = end) {
        double *own = column + n;
        for (end = i; end < n && w->steps_of[g][end] == w->steps_of[g][i]; end++)
            own[end - i] = w->steps[g][end * width + at];
        column[n_questions++] = median(own, end - i);
    }
    return median(column, n_questions);
}

/* column: for twice as many numbers as there are exchange rates */
static void summarise(const struct work *w, double *column, struct raml_update_summary *out)
{
    size_t g = w->n_steps[0] ? 0 : 1, slot = raml_update_slot_average(&w->stats);
    *out = (struct raml_update_summary){.n_questions = w->n_questions,
                                        .n_skipped = w->n_skipped,
                                        .n_layers = w->stats.n_layers,
                                        .steps_median = NAN,
                                        .n_steps = w->n_steps[g],
                                        .checked = w->checked,
                                        .n_checked = w->n_checked,
                                        .n_read = raml_updater_tokens(w->updater),
                                        .n_passes = raml_updater_passes(w->updater)};
    for (size_t i = 0; i < UPDATE_KINDS; i++) out->n[i] = w->n[i];
    for (size_t k = 0; k < RAML_UPDATE_KINDS; k++)
        for (size_t i = 0; i < RAML_TRACE_GROUPS; i++)
            for (size_t m = 0; m < RAML_UPDATE_MEASURES; m++)
                out->all[k][i][m] =
                    raml_update_stats_read(&w->stats, (enum raml_update_kind)k, i, slot, (enum raml_update_measure)m);
    for (size_t r = 0; r < RAML_UPDATE_RATES_MAX; r++) out->steps_by_rate[r] = NAN;
    for (size_t r = 0; r <= w->opt->exchange.n_rates && w->n_steps[g]; r++) {
        double middle = median_of(w, g, 1 + w->opt->exchange.n_rates, r, column);
        if (r) out->steps_by_rate[r - 1] = middle;
        else out->steps_median = middle;
    }
    for (size_t i = 0; i < w->n_steps[g]; i++) {
        out->n_beyond += !isfinite(w->steps[g][i * (1 + w->opt->exchange.n_rates)]);
        out->n_step_questions += i == 0 || w->steps_of[g][i] != w->steps_of[g][i - 1];
    }
}

static enum raml_code work(struct work *w, bool *stopped, struct raml_err *err)
{
    const struct raml_update_files_job *job = w->job;
    size_t L = (size_t)raml_model_config(job->model)->n_layers;
    enum raml_code rc = raml_updater_open(job->model, &w->opt->update, &w->updater, err);
    if (!rc) rc = raml_update_controls_init(&w->controls, w->opt->filler ? w->opt->filler_text : NULL, err);
    if (!rc && w->opt->n_exchange && !raml_model_weights_const(job->model))
        rc = raml_fail(err, RAML_EUSAGE, "exchange rates need a model that is opened for training");
    if (!rc && w->opt->exchange.n_rates > RAML_UPDATE_RATES_MAX)
        rc = raml_fail(err, RAML_ERANGE, "exchange rate: %zu rates; at most %d", w->opt->exchange.n_rates,
                       RAML_UPDATE_RATES_MAX);
    if (!rc) rc = raml_make_dir(job->dir, err);
    if (!rc) rc = raml_update_records_init(&w->records, job->dir, w->opt->n_exchange > 0, err);
    if (!rc) rc = raml_update_stats_init(&w->stats, L, err);
    if (!rc) rc = raml_update_pictures_init(&w->pictures, L, w->opt->exchange.n_steps, err);
    w->layer = calloc(L, sizeof *w->layer);
    if (!rc && !w->layer) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu layers", L);
    if (!rc) rc = update_all(w, stopped, err);
    if (!rc) rc = raml_update_stats_write(&w->stats, job->dir, err);
    if (!rc) rc = raml_update_records_commit(&w->records, err);
    if (rc) return rc;
    struct raml_drawing to = {.dir = job->dir, .sink = job->sink};
    rc = raml_update_pictures_write(&w->pictures, &w->stats, &to, job->data_name, err);
    if (!rc) raml_drawing_tell(&to);
    return rc;
}

enum raml_code raml_update_files(const struct raml_update_files_job *job, const struct raml_update_files_options *opt,
                                 struct raml_update_summary *out, struct raml_err *err)
{
    bool stopped = false;
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for updates");
    w->job = job;
    w->opt = opt;
    w->controls.questions = job->questions;
    w->controls.source = (struct raml_trace_source){.tokenizer = job->tokenizer,
                                                    .format = job->format,
                                                    .own = opt->own,
                                                    .score_end = opt->score_end,
                                                    .join = opt->join};
    enum raml_code rc = work(w, &stopped, err);
    size_t n_column = w->n_steps[0] > w->n_steps[1] ? w->n_steps[0] : w->n_steps[1];
    double *column = rc ? NULL : malloc((2 * n_column + 1) * sizeof *column);
    if (!rc && !column) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu exchange rates", n_column);
    if (!rc) {
        summarise(w, column, out);
        out->stopped = stopped;
    }
    free(column);
    for (size_t i = 0; i < BATCH; i++) {
        raml_trace_text_deinit(&w->item[i].text);
        raml_tokens_deinit(&w->item[i].control);
    }
    raml_exchange_deinit(&w->exchange);
    raml_update_controls_deinit(&w->controls);
    raml_update_records_deinit(&w->records);
    raml_update_stats_deinit(&w->stats);
    raml_update_pictures_deinit(&w->pictures);
    raml_updater_close(w->updater);
    for (size_t g = 0; g < 2; g++) {
        free(w->steps[g]);
        free(w->steps_of[g]);
    }
    free(w->layer);
    free(w->own);
    free(w);
    return rc;
}
