/* train_state.h - what a checkpoint holds besides the model: optimizer.safetensors and trainer_state.json. */
#ifndef RAML_OUTER_TRAIN_STATE_H
#define RAML_OUTER_TRAIN_STATE_H

#include "outer/optim.h"
#include "raml/train.h"

struct train_state {
    uint64_t step, tokens, trained; /* done so far */
    double loss_sum, weight_sum;    /* since the last logged step: sum of -w logp, sum of w */
    size_t n_questions;             /* of the data */
    uint64_t data_hash;
};

/* Writes checkpoint state->step of job->run, whole or not at all; then removes those beyond the newest
 * save_total_limit. */
RAML_CHECKED enum raml_code raml_train_state_save(const struct raml_train_job *job,
                                                  const struct raml_train_options *opt, const struct train_state *state,
                                                  const struct raml_adamw *adamw, struct raml_err *err);
/* Reads it back from checkpoint job->resume_step. state comes in with the data's numbers, which must equal the
 * checkpoint's; so must the settings (limits on the length may differ, with a note) and the model's weights. On
 * failure state is as it was; the moments may be half read. */
RAML_CHECKED enum raml_code raml_train_state_load(const struct raml_train_job *job,
                                                  const struct raml_train_options *opt, struct train_state *state,
                                                  struct raml_adamw *adamw, struct raml_err *err);
#endif
