/* trace_files.c - traces questions in batches and passes each curve to the writers. See report.h. */
#include "raml/report.h"

#include "core/elementary.h"
#include "core/path.h"

#include "study/trace_plots.h"
#include "study/wanted.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, PASSES_A_BATCH = 4, NAME_BYTES = 300, TITLE_BYTES = 400, NESTED_BYTES = 600 };

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
    struct raml_trace_plan plan;
    struct raml_tracer *tracer;
    struct raml_trace_earlier earlier;
    struct raml_trace_records records;
    struct raml_trace_pictures pictures;
    struct raml_trace_plots *plots;
    struct raml_trace_groups *groups;
    struct raml_trace_analysis *analysis;
    struct raml_trace_controls *controls; /* NULL: none */
    struct raml_trace_item item[BATCH];   /* of the batch being gathered */
    struct raml_trace_input input[BATCH];
    struct raml_loss_curve curve[BATCH];
    struct raml_trace_effect effect[BATCH][RAML_CONTROL_KINDS];
    struct raml_remote_cost remote_cost; /* of all */
    size_t n_items, cost;                /* of the batch: tokens that the model will read */
    size_t n_done, n_total, n_skipped, n_nested;
    char nested[NESTED_BYTES]; /* the first of these */
    struct raml_err first_skipped;
    uint64_t n_trajectory_tokens, n_probes;
    double model_seconds;
    struct means means[RAML_TRACE_GROUPS];
};

struct raml_trace_files_options raml_trace_files_default(void)
{
    return (struct raml_trace_files_options){.trace = {.stride = 1, .max_batch_tokens = 16384, .tokens = true},
                                             .ema = 0,
                                             .threshold = 0.1,
                                             .n_curves = 4,
                                             .n_shown = 8,
                                             .token_table = true,
                                             .n_cuts = 8,
                                             .n_draws = 1000};
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
    *out = (struct raml_trace_summary){.n_selected = w->n_total,
                                       .n_skipped = w->n_skipped,
                                       .n_nested = w->n_nested,
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

/* "question 'add:17' (line 17), trajectory 2" */
static const char *name_of(const struct raml_question *q, size_t sample, char out[NAME_BYTES])
{
    if (q->line) snprintf(out, NAME_BYTES, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
    else snprintf(out, NAME_BYTES, "question '%.100s', trajectory %zu", q->id, sample + 1);
    return out;
}

/* Answers that begin one another: what is read off them depends on where an answer ends. */
static void count_nested(struct work *w, const struct raml_trace_item *it)
{
    const char *shorter, *longer;
    char name[NAME_BYTES];
    if (!raml_trace_item_nested(it, &shorter, &longer) || w->n_nested++) return;
    snprintf(w->nested, sizeof w->nested, "%s: '%.80s' begins '%.80s'", name_of(it->q, it->sample, name), shorter,
             longer);
}

static enum raml_code record(struct work *w, size_t i, struct raml_err *err)
{
    const struct raml_trace_item *it = &w->item[i];
    const struct raml_loss_curve *c = &w->curve[i];
    struct raml_traced t;
    enum raml_code rc = raml_trace_analyse(w->analysis, &w->plan, it, c, w->controls ? w->effect[i] : NULL, &t, err);
    if (rc) return rc;
    t.number = w->n_done + 1;
    rc = raml_trace_records_add(&w->records, &t, err);
    if (!rc) rc = raml_trace_pictures_add(&w->pictures, &t, err);
    if (!rc) rc = raml_trace_plots_add(w->plots, &t, err);
    if (!rc) rc = raml_trace_count(w->groups, &t, (size_t)(it->q - w->job->questions->question), err);
    if (rc) return rc;
    count_nested(w, it);
    add_means(&w->means[t.verdict], &t);
    add_means(&w->means[RAML_TRACE_ALL], &t);
    w->n_done++;
    w->n_trajectory_tokens += c->n_tokens;
    w->n_probes += c->n_points * (c->n_other + 1);
    for (int k = 0; w->controls && k < RAML_CONTROL_KINDS; k++) w->n_probes += w->effect[i][k].n;
    return RAML_OK;
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static enum raml_code run_models(struct work *w, size_t n, struct raml_err *err)
{
    enum raml_code rc = raml_tracer_run(w->tracer, w->input, n, w->curve, err);
    if (rc || !w->controls) return rc;
    return raml_trace_controls_run(w->controls, w->tracer, w->item, w->curve, n, w->effect, err);
}

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    char name[NAME_BYTES];
    size_t n = w->n_items;
    if (n == 0) return RAML_OK;
    for (size_t i = 0; i < n; i++) w->input[i] = raml_trace_item_input(&w->plan, &w->item[i]);
    w->n_items = w->cost = 0;
    double start = w->job->clock ? w->job->clock() : NAN;
    enum raml_code rc = run_models(w, n, err);
    w->model_seconds += w->job->clock ? w->job->clock() - start : NAN;
    if (rc && n > 1)
        rc = raml_wrap(err, rc, "of the %zu from %s on", n, name_of(w->item[0].q, w->item[0].sample, name));
    for (size_t i = 0; i < n; i++) {
        if (!rc) rc = record(w, i, err);
        raml_loss_curve_deinit(&w->curve[i]);
        for (int k = 0; k < RAML_CONTROL_KINDS; k++) raml_trace_effect_deinit(&w->effect[i][k]);
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

/* What to say where a question lacks the answer that is traced. */
static enum raml_code no_answer(const struct work *w, const struct raml_trace_item *it, struct raml_err *err)
{
    char name[NAME_BYTES];
    size_t first = raml_answer_chooser_first(w->plan.chooser);
    const char *why = first == RAML_ANSWER_GOLD       ? "answer to trace (the question has none)"
                      : first == RAML_ANSWER_OWN      ? "answer of its own"
                      : first == RAML_ANSWER_MAJORITY ? "majority answer (no sample of the question has one)"
                      : first == RAML_ANSWER_WRONG    ? "wrong answer (no sample of the question has one)"
                                                      : "choices (it is not multiple choice)";
    return raml_fail(err, RAML_ERANGE, "%s has no %s", name_of(it->q, it->sample, name), why);
}

/* Fills the next item of the batch. *skipped: it is to be left out, *why says why. */
static enum raml_code examine(struct work *w, const struct raml_question *q, size_t sample, bool *skipped,
                              struct raml_err *why)
{
    struct raml_trace_item *it = &w->item[w->n_items];
    char name[NAME_BYTES];
    enum raml_code rc = raml_trace_item_fill(&w->plan, q, sample, it, why);
    bool may_skip = !rc && it->asked.n == 0;
    if (may_skip) {
        rc = no_answer(w, it, why);
    } else if (!rc) {
        const struct raml_trace_input in = raml_trace_item_input(&w->plan, it);
        rc = raml_tracer_check(w->tracer, &in, why);
        if (rc) rc = raml_wrap(why, rc, "%s", name_of(q, sample, name));
        may_skip = w->opt->skip_long;
    }
    *skipped = rc == RAML_ERANGE && may_skip;
    return *skipped ? RAML_OK : rc;
}

/* What is wrong with any trajectory shows before the first pass. */
static enum raml_code check_one(struct work *w, const struct raml_question *q, size_t sample, struct raml_err *err)
{
    struct raml_err why = {0};
    bool skipped;
    enum raml_code rc = examine(w, q, sample, &skipped, &why);
    w->n_total++;
    if (!rc && !skipped && w->job->remote) {
        const struct raml_trace_input in = raml_trace_item_input(&w->plan, &w->item[w->n_items]);
        size_t n;
        w->remote_cost.shared += raml_tracer_cost(w->tracer, &in);
        w->remote_cost.alone += raml_tracer_cost_alone(w->tracer, &in, &n);
        w->remote_cost.n += n;
        if (w->controls)
            rc = raml_trace_controls_cost(w->controls, w->tracer, &w->item[w->n_items], &w->remote_cost, &why);
    }
    return rc ? raml_fail(err, rc, "%s", why.msg) : RAML_OK;
}

/* Appends a trajectory to the batch, or skips it. */
static enum raml_code take(struct work *w, const struct raml_question *q, size_t sample, struct raml_err *err)
{
    struct raml_err why = {0};
    bool skipped;
    enum raml_code rc = examine(w, q, sample, &skipped, &why);
    if (rc) return raml_fail(err, rc, "%s", why.msg);
    if (skipped) {
        skip(w, &why);
        return RAML_OK;
    }
    const struct raml_trace_input in = raml_trace_item_input(&w->plan, &w->item[w->n_items++]);
    w->cost += raml_tracer_cost(w->tracer, &in);
    bool full = w->n_items == BATCH || w->cost >= PASSES_A_BATCH * w->opt->trace.max_batch_tokens;
    return full ? run_batch(w, err) : RAML_OK;
}

static size_t n_wanted(const struct work *w, const struct raml_question *q)
{
    const struct raml_trace_files_options *o = w->opt;
    return raml_wanted(q, o->split, o->family, o->max_samples);
}

static enum raml_code each_wanted(struct work *w, bool *stopped,
                                  enum raml_code (*call)(struct work *w, const struct raml_question *q, size_t sample,
                                                         struct raml_err *err),
                                  struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && !*stopped && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && !*stopped && k < n; k++) {
            rc = call(w, &qs->question[i], k, err);
            *stopped = raml_should_stop(w->job->sink);
        }
    }
    return rc && w->job->data_name ? raml_wrap(err, rc, "%s", w->job->data_name) : rc;
}

static enum raml_code run_last_batch(struct work *w, struct raml_err *err)
{
    enum raml_code rc = run_batch(w, err);
    return rc && w->job->data_name ? raml_wrap(err, rc, "%s", w->job->data_name) : rc;
}

static enum raml_code trace_all(struct work *w, bool *stopped, struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    enum raml_code rc = each_wanted(w, stopped, check_one, err);
    if (!rc && w->job->remote && w->job->remote->expect) w->job->remote->expect(w->job->remote->user, &w->remote_cost);
    if (!rc) rc = each_wanted(w, stopped, take, err);
    if (!rc && !*stopped) rc = run_last_batch(w, err);
    if (rc) return rc;
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

/* -- Files --------------------------------------------------------------------------------------------------------- */

static enum raml_code open_tracer(struct work *w, struct raml_err *err)
{
    struct raml_trace_options trace = w->opt->trace;
    enum raml_code rc = raml_trace_plan_init(&w->plan, w->job, w->opt, err);
    trace.layer = w->plan.layer;
    trace.n_layers = w->plan.n_layers;
    if (!rc && w->job->remote) rc = raml_tracer_open_remote(w->job->remote, &trace, &w->tracer, err);
    else if (!rc) rc = raml_tracer_open(w->job->model, &trace, &w->tracer, err);
    if (!rc && w->plan.any_control) rc = raml_trace_controls_open(&w->plan, &w->controls, err);
    return rc;
}

static enum raml_code open_all(struct work *w, struct raml_err *err)
{
    const struct raml_trace_files_job *job = w->job;
    enum raml_code rc = open_tracer(w, err);
    if (!rc) rc = raml_trace_groups_open(&w->groups, err);
    if (!rc) rc = raml_trace_analysis_open(&w->analysis, err);
    if (!rc) rc = raml_trace_plots_open(&w->plan, &w->plots, err);
    if (!rc) rc = raml_make_dir(job->dir, err);
    if (!rc) rc = raml_trace_records_init(&w->records, job->dir, w->opt, err);
    return rc ? rc : raml_trace_pictures_init(&w->pictures, w->opt, err);
}

static void close_all(struct work *w)
{
    for (size_t i = 0; i < BATCH; i++) raml_trace_item_deinit(&w->item[i]);
    raml_trace_earlier_deinit(&w->earlier);
    raml_trace_records_deinit(&w->records);
    raml_trace_pictures_deinit(&w->pictures);
    raml_trace_plots_close(w->plots);
    raml_trace_groups_close(w->groups);
    raml_trace_analysis_close(w->analysis);
    raml_trace_controls_close(w->controls);
    raml_tracer_close(w->tracer);
    raml_trace_plan_deinit(&w->plan);
}

/* groups.tsv, and prefix.tsv where there are prefixes. */
static enum raml_code write_tables(struct work *w, struct raml_trace_summary *out, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_trace_groups_rows(w->groups, w->opt->seed, w->opt->n_draws, &out->row, &out->n_rows, err);
    if (!rc) rc = raml_path_join(path, w->job->dir, "groups.tsv", err);
    if (!rc) rc = raml_trace_groups_write(out->row, out->n_rows, path, err);
    if (rc || w->plan.n_prefixes == 0) return rc;
    rc = raml_path_join(path, w->job->dir, "prefix.tsv", err);
    return rc ? rc : raml_trace_prefix_write(&w->plan, out, path, err);
}

static enum raml_code write_pictures(struct work *w, const struct raml_trace_summary *sum, struct raml_err *err)
{
    static const char *const what[] = {"correct answer", "sample's own answer", "majority answer",
                                       "most frequent wrong answer"};
    const struct raml_trace_files_job *job = w->job;
    size_t first = raml_answer_chooser_first(w->plan.chooser);
    char title[TITLE_BYTES];
    snprintf(title, sizeof title, "Loss of the %s%s%s", first <= RAML_ANSWER_WRONG ? what[first] : "first option",
             job->data_name ? ": " : "", job->data_name ? job->data_name : "");
    struct raml_drawing to = {.dir = job->dir, .sink = job->sink};
    enum raml_code rc = raml_trace_pictures_write(&w->pictures, &to, title, err);
    if (!rc) rc = raml_trace_plots_write(w->plots, sum->row, sum->n_rows, &to, job->data_name, err);
    if (!rc) raml_drawing_tell(&to);
    return rc;
}

static enum raml_code work(struct work *w, struct raml_trace_summary *out, struct raml_err *err)
{
    bool stopped = false;
    enum raml_code rc = open_all(w, err);
    if (!rc) rc = raml_trace_earlier_find(&w->earlier, w->job->dir, err);
    if (!rc) rc = trace_all(w, &stopped, err);
    if (!rc) rc = raml_trace_records_commit(&w->records, err);
    if (rc) return rc;
    summarise(w, out);
    out->stopped = stopped;
    if (w->n_nested)
        raml_say(
            w->job->sink,
            "answers of %zu of %zu trajectories begin one another (%s), so that greedy and p count the shorter one "
            "where the longer is given; with --score_end an answer has an end",
            w->n_nested, w->n_done, w->nested);
    size_t unused = raml_answer_chooser_unused(w->plan.chooser);
    out->n_unused = unused;
    if (unused) raml_say(w->job->sink, "%s: %zu ids are of no traced question", w->opt->answers_file, unused);
    rc = write_tables(w, out, err);
    if (!rc) rc = write_pictures(w, out, err);
    return rc ? rc : raml_trace_earlier_remove(&w->earlier, err);
}

enum raml_code raml_trace_files_check(const struct raml_trace_files_job *job,
                                      const struct raml_trace_files_options *opt, struct raml_err *err)
{
    bool stopped = false;
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for tracing");
    w->job = job;
    w->opt = opt;
    enum raml_code rc = open_tracer(w, err);
    if (!rc) rc = each_wanted(w, &stopped, check_one, err);
    close_all(w);
    free(w);
    return rc;
}

enum raml_code raml_trace_files(const struct raml_trace_files_job *job, const struct raml_trace_files_options *opt,
                                struct raml_trace_summary *out, struct raml_err *err)
{
    struct raml_trace_summary sum = {.n_rows = 0};
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for tracing");
    w->job = job;
    w->opt = opt;
    enum raml_code rc = work(w, &sum, err);
    if (rc) {
        raml_trace_summary_deinit(&sum);
    } else {
        sum.groups = w->groups; /* the rows' texts */
        w->groups = NULL;
        *out = sum;
    }
    close_all(w);
    free(w);
    return rc;
}
