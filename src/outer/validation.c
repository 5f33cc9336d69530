/* validation.c - see validation.h. */
#include "outer/validation.h"

enum raml_code raml_add_selected(const struct training_set *set, const struct selection *d, struct raml_step *step,
                                 double *total, struct raml_err *err)
{
    const struct raml_question *q = &set->qs->question[set->item[d->item].question];
    struct raml_tree *tree;
    size_t row = 0;
    enum raml_code rc = raml_step_tree(step, &tree, err);
    if (!rc) rc = raml_training_set_row(set, d, tree, NULL, err);
    if (!rc) rc = raml_step_rows(step, &row, err);
    for (size_t i = 0; row < step->n_rows && !rc; i++, row++) {
        step->row[row] = (struct raml_step_row){q, d->n ? d->selected[i] : 0};
        for (size_t k = step->start[row]; k < step->start[row + 1]; k++) {
            step->weight[k] = d->n ? (float)d->times[i] : 1.0F;
            *total += (double)step->weight[k];
        }
    }
    return rc;
}

enum raml_code raml_validation_init(struct raml_validation *v, const struct raml_train_job *job,
                                    const struct raml_train_options *opt, struct raml_err *err)
{
    v->batch = (size_t)opt->batch_size;
    if (!job->validation || !opt->eval_steps) return RAML_OK;
    enum raml_code rc =
        raml_training_set_init(&v->set, job, opt, job->validation, "validation", (size_t)opt->eval_questions, err);
    return rc ? rc : raml_selection_init(&v->selection, &v->set, err);
}

void raml_validation_deinit(struct raml_validation *v)
{
    raml_selection_deinit(&v->selection);
    raml_training_set_deinit(&v->set);
    raml_step_deinit(&v->step);
}

/* A batch of questions from number i on. */
static enum raml_code add_batch(struct raml_validation *v, size_t i, struct raml_packs *packs,
                                const struct raml_objective *objective, double sums[3], struct raml_err *err)
{
    struct raml_step *step = &v->step;
    double loss = 0;
    enum raml_code rc = RAML_OK;
    raml_step_clear(step);
    for (size_t end = i + v->batch; i < end && i < v->set.n && !rc; i++) {
        raml_select_item(&v->set, (uint32_t)i, 0, &v->selection);
        rc = raml_add_selected(&v->set, &v->selection, step, &step->total, err);
    }
    if (!rc) rc = raml_packs_loss(packs, objective, step, &loss, NULL, err);
    if (rc) return rc;
    sums[0] += loss * step->total;
    for (size_t k = 0; k < step->n; k++) sums[1] -= (double)step->weight[k] * (double)step->logp[k];
    sums[2] += step->total;
    return RAML_OK;
}

enum raml_code raml_validation_add(struct raml_validation *v, const struct raml_comm *comm, struct raml_packs *packs,
                                   const struct raml_objective *objective, double sums[3], struct raml_err *err)
{
    size_t first = (size_t)comm->rank * v->batch, stride = (size_t)comm->size * v->batch;
    enum raml_code rc = RAML_OK;
    for (size_t at = first; at < v->set.n && !rc; at += stride) rc = add_batch(v, at, packs, objective, sums, err);
    return rc;
}

enum raml_code raml_validation_log(const double sums[3], bool nll, json_t *line, struct raml_err *err)
{
    int failed = json_object_set_new(line, "eval_loss", json_real(sums[0] / sums[2]));
    if (!failed && nll) failed = json_object_set_new(line, "eval_nll", json_real(sums[1] / sums[2]));
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics") : RAML_OK;
}
