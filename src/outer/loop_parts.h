/* loop_parts.h - what the loop shares with its log: metrics, evaluation, checkpoints. */
#ifndef RAML_OUTER_LOOP_PARTS_H
#define RAML_OUTER_LOOP_PARTS_H

#include "outer/loop.h"
#include "outer/packs.h"
#include "outer/parts.h"
#include "outer/train_state.h"

struct raml_trainer {
    const struct raml_train_job *job;
    const struct raml_train_options *opt;
    const struct raml_training *training;
    const struct raml_step_source *source;
    const struct raml_objective *objective;
    const struct raml_comm *comm;
    struct raml_packs packs;
    struct raml_step step;
    struct raml_schedule schedule;
    struct raml_parts parts;
    struct raml_adamw adamw; /* of this rank's part */
    float *grad;             /* of the device: [raml_gradient_n] */
    bool due;                /* a checkpoint, as soon as one can be made */
    bool resumes;            /* from a checkpoint, which rank 0 reads */
    struct train_state state;
    struct raml_statistics seconds;  /* since the last logged step */
    double step_loss, grad_norm;     /* of the last step */
    double started;                  /* seconds; used only for rates */
    uint64_t tokens_at_start, saved; /* saved: step of the last checkpoint */
};
/* loop_ranks.c: what ranks tell each other. This rank's part of t->grad becomes that of the gradient of all of them, and
 * t->grad_norm the norm of the whole; *s on rank 0 their statistics; *stops: does the sink of one of them ask to stop? */
RAML_CHECKED enum raml_code raml_ranks_gradient(struct raml_trainer *t, struct raml_err *err);
RAML_CHECKED enum raml_code raml_ranks_statistics(struct raml_trainer *t, struct raml_statistics *s,
                                                  struct raml_err *err);
RAML_CHECKED enum raml_code raml_ranks_stop(const struct raml_trainer *t, bool *stops, struct raml_err *err);
/* Do all of them have the same version, settings, data and model? RAML_EUSAGE names the first that differs. */
RAML_CHECKED enum raml_code raml_ranks_check(const struct raml_trainer *t, struct raml_err *err);
/* What rank 0 has read of a checkpoint, to all: weights and state; *source: the source's state, to json_decref. */
RAML_CHECKED enum raml_code raml_ranks_resume(struct raml_trainer *t, json_t **source, struct raml_err *err);
/* All ranks have failed, rc and *err; `found` is set on those that know where it came from: the first of those is right. */
enum raml_code raml_ranks_blame(const struct raml_comm *c, bool found, enum raml_code rc, struct raml_err *err);

/* loop_log.c: between rounds of steps, where a checkpoint can be made; and: token_budget is reached there. */
bool raml_trainer_may_save(const struct raml_trainer *t);
bool raml_trainer_reached_budget(const struct raml_trainer *t);

/* What is measured before the first step, if it is wanted. */
RAML_CHECKED enum raml_code raml_trainer_before_first(struct raml_trainer *t, struct raml_train_result *out,
                                                      struct raml_err *err);
/* After a step: its line of metrics and evaluation, progress, its checkpoint. RAML_ESTOP: the sink asked to
 * stop; a checkpoint was written. */
RAML_CHECKED enum raml_code raml_trainer_after_step(struct raml_trainer *t, struct raml_train_result *out,
                                                    struct raml_err *err);
/* The source was stopped while it made the next step: the checkpoint of the last one, if it was not written yet. */
RAML_CHECKED enum raml_code raml_trainer_stopped(struct raml_trainer *t, struct raml_err *err);
/* loop_fault.c: a loss or gradient that is not finite: the error that names question and token. */
enum raml_code raml_trainer_bad_loss(const struct raml_trainer *t, struct raml_err *err);
/* Before a checkpoint: do the weights still say anything? RAML_ERANGE: they do not, and nothing is to be written. */
RAML_CHECKED enum raml_code raml_trainer_check_weights(struct raml_trainer *t, struct raml_err *err);
enum raml_code raml_trainer_bad_gradient(struct raml_trainer *t, struct raml_err *err);

#endif
