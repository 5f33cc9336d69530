/* sft_source.c - supervised fine-tuning: questions with their trajectories, as steps; see train.h. */
#include "outer/loop.h"
#include "outer/probe_rows.h"
#include "outer/training_set.h"
#include "outer/validation.h"

#include "raml/meta.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct sft_source {
    const struct raml_train_job *job;
    const struct raml_train_options *opt;
    const struct raml_comm *comm;
    struct training_set set;
    struct raml_validation validation;
    struct training_plan plan;
    struct selection selection;
    struct raml_segments segments;
    struct raml_probe_rows probes;         /* of the step's rows; n 0: it has none */
    double probe_weight[RAML_PROBES_MOST]; /* of the cuts, in the step */
};

/* -- Steps --------------------------------------------------------------------------------------------------------- */

/* The selected row with its probes. */
static enum raml_code add_probed(struct sft_source *s, struct raml_step *step, struct raml_err *err)
{
    const struct training_set *set = &s->set;
    const struct selection *d = &s->selection;
    struct raml_tree *tree;
    size_t row = 0, first;
    enum raml_code rc = raml_step_tree(step, &tree, err);
    if (!rc) rc = raml_training_set_row(set, d, tree, &s->segments, err);
    if (!rc) rc = raml_probe_rows_add(&s->probes, tree, &s->segments, set->cuts, err);
    if (!rc) rc = raml_step_rows(step, &row, err);
    first = row;
    for (; row < step->n_rows && !rc; row++) {
        size_t i = s->probes.row[row].of, n = step->start[row + 1] - step->start[row];
        step->row[row] = (struct raml_step_row){&set->qs->question[set->item[d->item].question], d->selected[i]};
        for (size_t k = step->start[row]; k < step->start[row + 1]; k++) step->weight[k] = (float)d->times[i];
        if (row - first < d->n) step->trained += (double)d->times[i] * (double)n;
    }
    if (!rc) raml_probe_rows_weigh(&s->probes, step, first, s->probe_weight, d->times);
    return rc;
}

/* The loss's denominator, known before any backward pass. */
static enum raml_code count(const struct sft_source *s, struct raml_step *step, struct raml_err *err)
{
    step->total = step->trained;
    enum raml_code rc = s->comm->sum(s->comm->user, &step->total, 1, err);
    if (rc || step->total > 0) return rc;
    return raml_fail(err, RAML_ERANGE, "no token of this step is trained on");
}

/* Question b of a step belongs to rank b modulo the number of ranks. */
static enum raml_code next(void *user, uint64_t number, struct raml_packs *packs, struct raml_step *step,
                           struct raml_err *err)
{
    struct sft_source *s = user;
    uint64_t batch = (uint64_t)s->opt->batch_size, position = number * batch;
    enum raml_code rc = RAML_OK;
    (void)packs;
    raml_probe_rows_clear(&s->probes);
    bool probing = number < s->plan.n_probing;
    if (probing) raml_multi_step_weights(s->probe_weight, s->set.cuts, (double)number, (double)s->plan.n_probing);
    for (uint64_t b = (uint64_t)s->comm->rank; b < batch && position + b < s->plan.n_positions && !rc;
         b += (uint64_t)s->comm->size) {
        raml_select_at(&s->set, position + b, &s->selection);
        rc = probing ? add_probed(s, step, err) : raml_add_selected(&s->set, &s->selection, step, &step->trained, err);
        raml_statistics_add(&step->statistics, "unique_tokens", (double)s->set.item[s->selection.item].n_unique, 1);
    }
    rc = raml_comm_agree(s->comm, rc, err);
    return rc ? rc : count(s, step, err);
}

static enum raml_code after(void *user, uint64_t number, struct raml_step *step, struct raml_err *err)
{
    const struct sft_source *s = user;
    (void)number;
    (void)err;
    raml_probe_rows_count(&s->probes, s->set.cuts, step);
    return RAML_OK;
}

static double epoch(const void *user, uint64_t steps)
{
    const struct sft_source *s = user;
    return fmin((double)steps * (double)s->opt->batch_size, (double)s->plan.n_positions) / (double)s->set.n;
}

static enum raml_code evaluate(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                               json_t *line, double *score, struct raml_err *err)
{
    struct sft_source *s = user;
    double sums[3] = {0};
    enum raml_code rc = raml_validation_add(&s->validation, s->comm, packs, objective, sums, err);
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc) rc = s->comm->sum(s->comm->user, sums, 3, err);
    if (rc) return rc;
    *score = -sums[0] / sums[2];
    return raml_validation_log(sums, s->job->objective != NULL, line, err);
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static enum raml_code check_data(const struct training_set *f, struct raml_err *err)
{
    if (f->n) return RAML_OK;
    if (f->skipped == 0) return raml_fail(err, RAML_ERANGE, "%s: nothing is trained on: no questions", f->name);
    return raml_fail(err, RAML_ERANGE,
                     "%s: nothing is trained on: none of %zu questions has a usable trajectory (%zu "
                     "graded wrong, %zu too long); trajectories = 0 trains only on answers",
                     f->name, f->skipped, f->wrong, f->too_long);
}

static void report_data(const struct training_set *f, const struct raml_sink *sink)
{
    if (f->skipped)
        raml_say(sink, "%s: %zu of %zu questions are left out: no usable trajectory", f->name, f->skipped,
                 f->skipped + f->n);
    if (f->too_long)
        raml_say(sink, "%s: %zu trajectories are left out: longer than the model's context", f->name, f->too_long);
    if (f->wrong)
        raml_say(sink, "%s: %zu trajectories graded wrong are left out (keep_wrong includes them)", f->name, f->wrong);
    if (f->cuts > 1 && f->whole)
        raml_say(
            sink,
            "%s: %zu trajectories are whole completions, whose answer has no place of its own: they have no probes",
            f->name, f->whole);
    double unique = 0, distinct = 0;
    for (size_t i = 0; i < f->n; i++) {
        unique += (double)f->item[i].n_unique;
        distinct += (double)f->item[i].n_distinct;
    }
    raml_say(sink,
             "%s: %zu questions with %.2f trajectories each, %.2f of them different, of %.1f tokens (unique_tokens)",
             f->name, f->n, (double)f->n_candidates / (double)f->n, distinct / (double)f->n, unique / (double)f->n);
}

static void sft_deinit(struct sft_source *s)
{
    raml_selection_deinit(&s->selection);
    raml_validation_deinit(&s->validation);
    raml_training_set_deinit(&s->set);
    raml_segments_deinit(&s->segments);
    raml_probe_rows_deinit(&s->probes);
}

/* What a resumed run must have alike; without a multi-step loss nothing. */
static enum raml_code settings_json(const struct sft_source *s, json_t **out, struct raml_err *err)
{
    *out = NULL;
    if (s->set.cuts < 2) return RAML_OK;
    *out = raml_settings_json(raml_multi_step_settings, raml_n_multi_step_settings, s->opt);
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the settings");
}

static enum raml_code sft_init(struct sft_source *s, struct raml_err *err)
{
    const struct raml_train_job *job = s->job;
    const struct raml_train_options *opt = s->opt;
    if (opt->loss_steps > 1 && !opt->trajectories)
        return raml_fail(err, RAML_EUSAGE,
                         "loss_steps is %" PRId64
                         " and trajectories 0: the multi-step loss is of cuts of a trajectory; "
                         "expected trajectories of at least 1",
                         opt->loss_steps);
    enum raml_code rc = raml_training_set_init(&s->set, job, opt, job->data, job->data_name, 0, err);
    if (!rc) rc = raml_validation_init(&s->validation, job, opt, err);
    if (!rc) rc = check_data(&s->set, err);
    if (!rc) rc = raml_training_plan_init(&s->plan, &s->set, opt, err);
    if (!rc) rc = raml_selection_init(&s->selection, &s->set, err);
    if (!rc) report_data(&s->set, job->sink);
    if (!rc && s->set.cuts > 1)
        raml_say(job->sink,
                 "multi-step loss: the answer after %zu cuts of a trajectory in the first %" PRIu64 " of %" PRIu64
                 " steps, then after its end alone",
                 s->set.cuts, s->plan.n_probing < s->plan.n_steps ? s->plan.n_probing : s->plan.n_steps,
                 s->plan.n_steps);
    return rc;
}

enum raml_code raml_train_sft(const struct raml_train_job *job, const struct raml_train_options *opt,
                              struct raml_train_result *out, struct raml_err *err)
{
    const struct raml_objective objective = job->objective ? *job->objective : raml_sft_objective();
    struct sft_source s = {.job = job, .opt = opt, .comm = job->comm ? job->comm : raml_comm_alone()};
    if (out) *out = (struct raml_train_result){.loss = NAN, .eval_loss = NAN, .reward = NAN, .eval_accuracy = NAN};
    json_t *settings = NULL;
    enum raml_code rc = raml_train_check_job(job, opt, &objective, err);
    if (!rc) rc = sft_init(&s, err);
    if (!rc) rc = settings_json(&s, &settings, err);
    rc = raml_comm_agree(s.comm, rc, err);
    if (!rc) {
        const struct raml_step_source source = {.user = &s,
                                                .name = "trajectories",
                                                .n_steps = s.plan.n_steps,
                                                .n_items = s.set.n,
                                                .data_hash = s.set.hash,
                                                .next = next,
                                                .after = s.set.cuts > 1 ? after : NULL,
                                                .epoch = epoch,
                                                .evaluate = s.validation.set.n ? evaluate : NULL};
        const struct raml_training training = {&source, &objective, job->objective ? objective.name : NULL, settings,
                                               NULL};
        rc = raml_train_loop(job, opt, &training, out, err);
    }
    json_decref(settings);
    sft_deinit(&s);
    return rc;
}
