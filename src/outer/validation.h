/* validation.h - the validation set's questions with their trajectories, and their loss. */
#ifndef RAML_OUTER_VALIDATION_H
#define RAML_OUTER_VALIDATION_H

#include "outer/packs.h"
#include "outer/training_set.h"
#include "raml/comm.h"

#include <jansson.h>

/* Adds the selected row to a step as a tree, each trajectory with the weight of its repeats; *total: += its weights. */
RAML_CHECKED enum raml_code raml_add_selected(const struct training_set *set, const struct selection *d,
                                              struct raml_step *step, double *total, struct raml_err *err);

struct raml_validation { /* zero-initialise; set.n 0: there is none */
    struct training_set set;
    struct selection selection;
    struct raml_step step; /* scratch */
    size_t batch;          /* questions */
};
/* None where the job has no such questions, or opt->eval_steps is 0. */
RAML_CHECKED enum raml_code raml_validation_init(struct raml_validation *v, const struct raml_train_job *job,
                                                 const struct raml_train_options *opt, struct raml_err *err);
void raml_validation_deinit(struct raml_validation *v);

/* Adds this rank's batches to sums: of losses, of -log p, of weights. Batch i belongs to rank i modulo the number of
 * ranks. */
RAML_CHECKED enum raml_code raml_validation_add(struct raml_validation *v, const struct raml_comm *comm,
                                                struct raml_packs *packs, const struct raml_objective *objective,
                                                double sums[3], struct raml_err *err);
/* "eval_loss", and "eval_nll" where asked, to a line of metrics, from all ranks' sums. */
RAML_CHECKED enum raml_code raml_validation_log(const double sums[3], bool nll, json_t *line, struct raml_err *err);

#endif
