/* prune_files.c - prunes the trajectories of questions, some at a time, and passes them to the writers. See
 * prune_files.h. */
#include "study/prune_parts.h"
#include "study/wanted.h"

#include "core/path.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 16, NAME_BYTES = 300 };

struct work {
    const struct raml_prune_files_job *job;
    const struct raml_prune_files_options *opt;
    struct raml_prune_plan plan;
    struct raml_prune_records records;
    struct raml_prune_rows rows;
    struct raml_prune_stats stats;
    struct raml_prune_item item[BATCH];
    size_t n_items;
    struct raml_generate_stats generated;
    const struct raml_question *last;
    size_t n_done, n_total, n_skipped, n_wrong, n_questions, n_steps, n_joined, n_no_summary;
    struct raml_err first_skipped;
};

/* -- Which trajectories -------------------------------------------------------------------------------------------- */

static size_t n_wanted(const struct work *w, const struct raml_question *q)
{
    const struct raml_prune_files_options *o = w->opt;
    return raml_wanted(q, o->split, o->family, o->max_samples);
}

static enum raml_code each_wanted(struct work *w, bool *stopped,
                                  enum raml_code (*call)(struct work *w, size_t question, size_t sample,
                                                         struct raml_err *err),
                                  struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && !*stopped && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && !*stopped && k < n; k++) {
            if (!w->opt->keep_wrong && qs->question[i].trajectory[k].correct == RAML_DIFFERENT) continue;
            rc = call(w, i, k, err);
            *stopped = rc == RAML_ESTOP || raml_should_stop(w->job->sink);
        }
    }
    return rc;
}

/* Fills the next item of the batch. *skipped: it is to be left out, *why says why. */
static enum raml_code examine(struct work *w, size_t question, size_t sample, bool *skipped, struct raml_err *why)
{
    const struct raml_question *q = &w->job->questions->question[question];
    const char *answer = w->opt->own ? q->trajectory[sample].answer : q->answer;
    struct raml_prune_item *it = &w->item[w->n_items];
    enum raml_code rc = raml_prune_item_fill(&w->plan, question, sample, it, why);
    *skipped = rc == RAML_ERANGE && (!answer || !*answer || w->opt->skip_long);
    if (*skipped) return RAML_OK;
    if (!rc && it->text.trajectory.n == 0) {
        *skipped = true;
        (void)raml_fail(why, RAML_ERANGE, "question '%.100s' (line %zu), trajectory %zu has no token to prune", q->id,
                        q->line, sample + 1);
    }
    return rc;
}

/* What is wrong with any trajectory or summary shows before the first pass. */
static enum raml_code check_one(struct work *w, size_t question, size_t sample, struct raml_err *err)
{
    struct raml_err why = {0};
    bool skipped;
    enum raml_code rc = examine(w, question, sample, &skipped, &why);
    w->n_total++;
    return rc ? raml_fail(err, rc, "%s", why.msg) : RAML_OK;
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static enum raml_code record(struct work *w, const struct raml_prune_item *it, struct raml_err *err)
{
    enum raml_code rc = raml_prune_records_add(&w->records, &w->plan, it, err);
    if (!rc) rc = raml_prune_rows_add(&w->rows, &w->plan, it, err);
    if (!rc) rc = raml_prune_stats_add(&w->stats, &w->plan, it, err);
    if (rc) return raml_wrap(err, rc, "question '%.100s', trajectory %zu", it->q->id, it->sample + 1);
    w->n_done++;
    w->n_questions += it->q != w->last;
    w->last = it->q;
    w->n_steps += it->n;
    w->n_joined += it->joined;
    w->n_no_summary += w->opt->summaries && it->summary == RAML_PRUNE_NONE;
    return RAML_OK;
}

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    size_t n = w->n_items;
    struct raml_generate_stats some = {0};
    if (n == 0) return RAML_OK;
    w->n_items = 0;
    enum raml_code rc = raml_prune_losses(&w->plan, w->item, n, err);
    if (!rc && w->opt->n_answers) rc = raml_prune_answer(&w->plan, w->item, n, &some, err);
    if (rc == RAML_ESTOP) return rc;
    if (rc)
        return raml_wrap(err, rc, "of the %zu trajectories from question '%.100s', trajectory %zu on", n,
                         w->item[0].q->id, w->item[0].sample + 1);
    w->generated.text_tokens += some.text_tokens;
    w->generated.all_texts += some.all_texts;
    w->generated.tokens += some.tokens;
    for (size_t i = 0; !rc && i < n; i++) rc = record(w, &w->item[i], err);
    if (!rc)
        raml_progress(w->job->sink, "prune", (double)(w->n_done + w->n_skipped), (double)w->n_total, "trajectories",
                      NULL);
    return rc;
}

/* Appends a trajectory to the batch, or skips it. */
static enum raml_code take(struct work *w, size_t question, size_t sample, struct raml_err *err)
{
    struct raml_err why = {0};
    bool skipped;
    enum raml_code rc = examine(w, question, sample, &skipped, &why);
    if (rc) return raml_fail(err, rc, "%s", why.msg);
    if (skipped && w->n_skipped++ == 0) w->first_skipped = why;
    if (!skipped) w->n_items++;
    return w->n_items == BATCH ? run_batch(w, err) : RAML_OK;
}

static void count_wrong(struct work *w)
{
    const struct raml_questions *qs = w->job->questions;
    for (size_t i = 0; !w->opt->keep_wrong && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; k < n; k++) w->n_wrong += qs->question[i].trajectory[k].correct == RAML_DIFFERENT;
    }
}

static enum raml_code nothing_done(const struct work *w, bool stopped, struct raml_err *err)
{
    if (stopped) return raml_fail(err, RAML_ESTOP, "stopped before the first trajectories were pruned");
    return raml_fail(err, RAML_ERANGE,
                     "no trajectory to prune: %zu questions, %zu trajectories selected, %zu left out as wrong "
                     "(--keep_wrong takes them), %zu skipped%s%s",
                     w->job->questions->n, w->n_total, w->n_wrong, w->n_skipped, w->n_skipped ? "; the first: " : "",
                     w->n_skipped ? w->first_skipped.msg : "");
}

static enum raml_code prune_all(struct work *w, bool *stopped, struct raml_err *err)
{
    enum raml_code rc = each_wanted(w, stopped, take, err);
    if (!rc && !*stopped) rc = run_batch(w, err);
    if (rc == RAML_ESTOP) { /* what was recorded before is kept */
        *stopped = true;
        rc = RAML_OK;
    }
    if (rc) return rc;
    if (w->n_skipped)
        raml_say(w->job->sink, "%zu of %zu trajectories were skipped; the first: %s", w->n_skipped, w->n_total,
                 w->first_skipped.msg);
    return w->n_done ? RAML_OK : nothing_done(w, *stopped, err);
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static size_t n_unused(const struct raml_prune_summaries *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->given[i].question == RAML_PRUNE_NONE;
    return n;
}

static void summarise(const struct work *w, struct raml_prune_summary *out)
{
    out->n_selected = w->n_total;
    out->n_trajectories = w->n_done;
    out->n_questions = w->n_questions;
    out->n_skipped = w->n_skipped;
    out->n_wrong = w->n_wrong;
    out->n_steps = w->n_steps;
    out->n_joined = w->n_joined;
    out->n_written = w->rows.n_written;
    out->n_lines = w->rows.questions.n;
    out->n_not_right = w->rows.n_not_right;
    out->n_no_summary = w->n_no_summary;
    out->n_unused = n_unused(&w->plan.summaries);
    out->n_read = raml_branches_tokens(w->plan.branches);
    out->n_alone = raml_branches_alone(w->plan.branches);
    out->n_passes = raml_branches_passes(w->plan.branches);
    out->n_answer_texts = w->generated.text_tokens;
    out->n_answer_alone = w->generated.all_texts;
    out->n_answered = w->generated.tokens;
}

static enum raml_code remove_file(const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, name, err);
    if (rc || !unlink(path) || errno == ENOENT) return rc;
    return raml_fail_errno(err, "%s: an earlier run's, which could not be removed", path);
}

/* What an earlier run has left and this one does not write. Without its prune.tsv the files are somebody's own. */
static enum raml_code remove_earlier(const struct raml_prune_files_job *job, const struct raml_prune_summary *sum,
                                     bool rows, struct raml_err *err)
{
    static const char *const figure[] = {"prune_loss.tsv",     "prune_loss.gp",     "prune_loss.svg",
                                         "prune_accuracy.tsv", "prune_accuracy.gp", "prune_accuracy.svg"};
    bool answered = false, shared = false;
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, job->dir, "prune.tsv", err);
    if (rc || !raml_is_file(path)) return rc;
    for (size_t i = 0; i < sum->n_rows; i++) {
        shared |= sum->row[i].level.kind == RAML_PRUNE_SHARE;
        answered |= !isnan(sum->row[i].measure[RAML_PRUNE_ACCURACY].value);
    }
    if (!rows) rc = remove_file(job->dir, "pruned.jsonl", err);
    if (!rc && !answered) rc = remove_file(job->dir, "unchanged.tsv", err);
    if (!rc && sum->leak.n == 0) rc = remove_file(job->dir, "leak.tsv", err);
    for (size_t i = 0; !rc && i < 6; i++)
        if (!shared || (i >= 3 && !answered)) rc = remove_file(job->dir, figure[i], err);
    return rc;
}

static enum raml_code write_all(struct work *w, struct raml_prune_summary *out, struct raml_err *err)
{
    const char *dir = w->job->dir;
    enum raml_code rc = raml_prune_stats_read(&w->stats, &w->plan, out, err);
    if (!rc) rc = remove_earlier(w->job, out, w->plan.write != RAML_PRUNE_NONE, err);
    if (!rc) rc = raml_prune_rows_write(&w->rows, &w->plan, err);
    if (!rc) rc = raml_writer_commit(&w->records.lines, err);
    if (!rc) summarise(w, out);
    if (!rc) rc = raml_prune_tables_write(out, dir, err);
    struct raml_drawing to = {.dir = dir, .sink = w->job->sink};
    if (!rc) rc = raml_prune_pictures_write(out, &to, w->job->data_name, err);
    if (!rc) raml_drawing_tell(&to);
    return rc;
}

static enum raml_code work(struct work *w, struct raml_prune_summary *out, struct raml_err *err)
{
    bool stopped = false;
    enum raml_code rc = raml_prune_plan_init(&w->plan, w->job, w->opt, err);
    if (!rc) rc = raml_prune_stats_init(&w->stats, w->plan.n_levels, err);
    if (!rc) rc = each_wanted(w, &stopped, check_one, err);
    if (!rc) count_wrong(w);
    if (!rc && w->n_total == 0) rc = nothing_done(w, stopped, err);
    if (!rc) rc = raml_make_dir(w->job->dir, err);
    if (!rc) rc = raml_prune_records_init(&w->records, w->job->dir, err);
    if (!rc) rc = prune_all(w, &stopped, err);
    if (!rc && stopped && w->job->keep_earlier)
        return raml_fail(err, RAML_ESTOP, "stopped; the results that were in %s are left as they were", w->job->dir);
    if (!rc) rc = write_all(w, out, err);
    if (rc && w->job->data_name && rc != RAML_EUSAGE && rc != RAML_EIO && rc != RAML_EFORMAT)
        rc = raml_wrap(err, rc, "%s", w->job->data_name);
    out->stopped = stopped;
    return rc;
}

enum raml_code raml_prune_files(const struct raml_prune_files_job *job, const struct raml_prune_files_options *opt,
                                struct raml_prune_summary *out, struct raml_err *err)
{
    struct raml_prune_summary sum = {.row = NULL};
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for pruning");
    w->job = job;
    w->opt = opt;
    raml_prune_rows_init(&w->rows);
    enum raml_code rc = work(w, &sum, err);
    for (size_t i = 0; i < BATCH; i++) raml_prune_item_deinit(&w->item[i]);
    raml_prune_records_deinit(&w->records);
    raml_prune_rows_deinit(&w->rows);
    raml_prune_stats_deinit(&w->stats);
    raml_prune_plan_deinit(&w->plan);
    free(w);
    if (rc) raml_prune_summary_deinit(&sum);
    else *out = sum;
    return rc;
}
