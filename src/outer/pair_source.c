/* pair_source.c - preference training: pairs of a chosen and a rejected trajectory, as steps; see train.h.
 *
 * A pair is one tree: the prompt, and both trajectories after it. The reference model reads the same trees.
 */
#include "outer/loop.h"
#include "outer/pair_set.h"

#include "raml/preference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pair_source {
    const struct raml_train_job *job;
    const struct raml_train_options *opt;
    const struct raml_comm *comm;
    struct pair_set set, validation;
    struct training_plan plan;
    struct raml_packs reference;
    struct raml_step step; /* of the validation */
};

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static enum raml_code add_pair(struct pair_set *set, uint64_t position, struct raml_step *step, struct raml_err *err)
{
    struct chosen_pair pair;
    struct raml_tree *tree;
    size_t row;
    raml_pair_at(set, position, &pair);
    enum raml_code rc = raml_step_tree(step, &tree, err);
    if (!rc) rc = raml_pair_row(set, &pair, tree, err);
    if (!rc) rc = raml_step_rows(step, &row, err);
    for (size_t i = 0; i < 2 && !rc; i++) {
        int32_t number = (int32_t)(row / 2) + 1;
        step->row[row + i] =
            (struct raml_step_row){&set->qs->question[set->item[pair.item].question], pair.trajectory[i]};
        step->pair[row + i] = i ? -number : number;
        step->group[row + i] = (uint32_t)(row / 2);
    }
    return rc;
}

/* What the reference says of the step's rows. */
static enum raml_code refer(struct pair_source *s, struct raml_step *step, struct raml_err *err)
{
    enum raml_code rc = raml_packs_forward(&s->reference, step->tree, step->n_trees, step->logp, NULL, err);
    for (size_t r = 0; r < step->n_rows && !rc; r++)
        for (size_t i = step->start[r]; i < step->start[r + 1]; i++) step->ref_sum[r] += (double)step->logp[i];
    step->n_read *= 2;
    return rc;
}

static enum raml_code count(const struct pair_source *s, struct raml_step *step, struct raml_err *err)
{
    double counts[2] = {(double)step->n, (double)step->n_trees};
    step->trained = counts[0];
    enum raml_code rc = s->comm->sum(s->comm->user, counts, 2, err);
    step->total = counts[0];
    step->n_pairs = counts[1];
    return rc;
}

/* Pair b of a step belongs to rank b modulo the number of ranks. */
static enum raml_code next(void *user, uint64_t number, struct raml_packs *packs, struct raml_step *step,
                           struct raml_err *err)
{
    struct pair_source *s = user;
    uint64_t batch = (uint64_t)s->opt->batch_size, position = number * batch;
    enum raml_code rc = RAML_OK;
    (void)packs;
    for (uint64_t b = (uint64_t)s->comm->rank; b < batch && position + b < s->plan.n_positions && !rc;
         b += (uint64_t)s->comm->size)
        rc = add_pair(&s->set, position + b, step, err);
    if (!rc) rc = refer(s, step, err);
    rc = raml_comm_agree(s->comm, rc, err);
    return rc ? rc : count(s, step, err);
}

static double epoch(const void *user, uint64_t steps)
{
    const struct pair_source *s = user;
    return fmin((double)steps * (double)s->opt->batch_size, (double)s->plan.n_positions) / (double)s->set.n;
}

/* -- Validation ---------------------------------------------------------------------------------------------------- */

/* Adds the loss of the pairs of a batch to *sum, and their accuracy to *statistics. */
static enum raml_code evaluate_batch(struct pair_source *s, struct raml_packs *packs,
                                     const struct raml_objective *objective, size_t i, double *sum,
                                     struct raml_statistics *statistics, struct raml_err *err)
{
    double loss = 0;
    enum raml_code rc = RAML_OK;
    raml_step_clear(&s->step);
    while (i < s->validation.n && s->step.n_trees < (size_t)s->opt->batch_size && !rc)
        rc = add_pair(&s->validation, i++, &s->step, err);
    if (!rc) rc = refer(s, &s->step, err);
    s->step.total = (double)s->step.n;
    s->step.n_pairs = (double)s->step.n_trees;
    if (!rc) rc = raml_packs_loss(packs, objective, &s->step, &loss, statistics, err);
    if (!rc) *sum += loss * s->step.n_pairs;
    return rc;
}

/* Loss and accuracy of the validation set's pairs, a batch at a time; batch i belongs to rank i modulo the number of
 * ranks. */
static enum raml_code evaluate(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                               json_t *line, double *score, struct raml_err *err)
{
    struct pair_source *s = user;
    struct raml_statistics statistics = {0};
    size_t batch = (size_t)s->opt->batch_size, first = (size_t)s->comm->rank * batch;
    double sums[3] = {0}; /* of losses; accuracy and its count */
    enum raml_code rc = RAML_OK;
    for (size_t at = first; at < s->validation.n && !rc; at += batch * (size_t)s->comm->size)
        rc = evaluate_batch(s, packs, objective, at, &sums[0], &statistics, err);
    for (size_t i = 0; i < statistics.n; i++)
        if (!strcmp(statistics.item[i].name, "rewards/accuracies")) {
            sums[1] = statistics.item[i].sum;
            sums[2] = statistics.item[i].count;
        }
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc) rc = s->comm->sum(s->comm->user, sums, 3, err);
    if (rc) return rc;
    *score = -sums[0] / (double)s->validation.n;
    int failed = json_object_set_new(line, "eval_loss", json_real(-*score)) ||
                 json_object_set_new(line, "eval_accuracy", json_real(sums[1] / sums[2]));
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics") : RAML_OK;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static void source_deinit(struct pair_source *s)
{
    raml_pair_set_deinit(&s->set);
    raml_pair_set_deinit(&s->validation);
    raml_packs_deinit(&s->reference);
    raml_step_deinit(&s->step);
}

static enum raml_code check_reference(const struct raml_train_job *job, struct raml_err *err)
{
    if (!job->reference) return raml_fail(err, RAML_EUSAGE, "there is no reference model to prefer against");
    int have = raml_model_config(job->reference)->vocab_size, want = raml_model_config(job->model)->vocab_size;
    if (have == want) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "the reference model's vocab_size is %d; expected %d, the trained model's", have,
                     want);
}

static enum raml_code source_init(struct pair_source *s, const struct raml_preference_options *own,
                                  struct raml_err *err)
{
    const struct raml_train_job *job = s->job;
    const struct raml_train_options *opt = s->opt;
    enum raml_code rc = check_reference(job, err);
    if (!rc)
        rc = raml_pair_set_init(&s->set, job, opt, own->pairs_per_question, job->data,
                                job->data_name ? job->data_name : "data", 0, err);
    if (!rc && job->validation && opt->eval_steps)
        rc = raml_pair_set_init(&s->validation, job, opt, own->pairs_per_question, job->validation, "validation",
                                (size_t)opt->eval_questions, err);
    if (rc) return rc;
    raml_pair_plan_init(&s->plan, &s->set, opt);
    raml_pair_set_report(&s->set, job->sink);
    return raml_packs_init(&s->reference, job->reference, (size_t)opt->micro_batch_tokens, false, err);
}

enum raml_code raml_train_dpo(const struct raml_train_job *job, const struct raml_train_options *opt,
                              const struct raml_preference_options *preference, struct raml_train_result *out,
                              struct raml_err *err)
{
    const struct raml_objective objective = raml_preference_objective(preference);
    struct pair_source s = {.job = job, .opt = opt, .comm = job->comm ? job->comm : raml_comm_alone()};
    json_t *settings = NULL;
    if (out) *out = (struct raml_train_result){.loss = NAN, .eval_loss = NAN, .reward = NAN, .eval_accuracy = NAN};
    enum raml_code rc = raml_train_check_job(job, opt, &objective, err);
    if (!rc) rc = raml_preference_check(preference, err);
    if (!rc) rc = source_init(&s, preference, err);
    if (!rc) settings = raml_settings_json(raml_preference_settings, raml_n_preference_settings, preference);
    if (!rc && (!settings || raml_train_add_reference(job, settings)))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the settings");
    rc = raml_comm_agree(s.comm, rc, err);
    if (!rc) {
        const struct raml_step_source source = {.user = &s,
                                                .name = "pairs",
                                                .n_steps = s.plan.n_steps,
                                                .n_items = s.set.n,
                                                .data_hash = s.set.hash,
                                                .next = next,
                                                .epoch = epoch,
                                                .evaluate = s.validation.n ? evaluate : NULL};
        const struct raml_training training = {&source, &objective, objective.name, settings, NULL};
        rc = raml_train_loop(job, opt, &training, out, err);
    }
    json_decref(settings);
    source_deinit(&s);
    return rc;
}
