/* loop.h - training: one optimizer step after another, whatever they are made of.
 *
 * A step: the source gives trees and terms; packs run forward and, by the objective's coefficients, backward; gradients
 * are summed over ranks; their norm is clipped; AdamW updates the weights. Metrics, evaluation and checkpoints come
 * after it (train.h says what a run folder holds).
 */
#ifndef RAML_OUTER_LOOP_H
#define RAML_OUTER_LOOP_H

#include "outer/parts.h"
#include "outer/source.h"
#include "raml/comm.h"
#include "raml/train.h"

/* How a step's loss and gradient come about, where that is not one pass backward of the step (meta-gradients). */
struct raml_step_gradient {
    void *user;
    /* As raml_packs_train, all ranks together: *loss and *statistics are of what this rank has of the step; of grad, this
     * rank's part becomes that of all ranks' gradient. The model's weights are as they were afterwards, to the last bit,
     * on failure too. */
    enum raml_code (*differentiate)(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                                    struct raml_step *step, const struct raml_parts *parts, float *grad, double *loss,
                                    struct raml_statistics *statistics, struct raml_err *err);
};
struct raml_training {                     /* all borrowed */
    const struct raml_step_source *source; /* closed by the caller */
    const struct raml_objective *objective;
    const char *objective_name;                /* recorded in checkpoints; NULL: nothing is */
    const json_t *settings;                    /* of source and objective, recorded likewise; NULL: none */
    const struct raml_step_gradient *gradient; /* NULL: raml_packs_train */
};
/* Errors as in train.h. */
RAML_CHECKED enum raml_code raml_train_loop(const struct raml_train_job *job, const struct raml_train_options *opt,
                                            const struct raml_training *training, struct raml_train_result *out,
                                            struct raml_err *err);
/* Adds the reference's name to a source's settings. Not 0: no memory. */
int raml_train_add_reference(const struct raml_train_job *job, json_t *settings);
/* What every training checks first: settings, objective, tokenizer against model. */
RAML_CHECKED enum raml_code raml_train_check_job(const struct raml_train_job *job, const struct raml_train_options *opt,
                                                 const struct raml_objective *objective, struct raml_err *err);

/* loop_ranks.c: arrays of equally many lines, one of every rank, as one on rank 0: first lines, second lines, and so on.
 * *all: to json_decref; NULL on the other ranks. */
RAML_CHECKED enum raml_code raml_ranks_lines(const struct raml_comm *comm, const json_t *lines, json_t **all,
                                             struct raml_err *err);

#endif
