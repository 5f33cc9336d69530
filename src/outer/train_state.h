/* train_state.h - what a checkpoint holds besides the model: optimizer.safetensors and trainer_state.json. */
#ifndef RAML_OUTER_TRAIN_STATE_H
#define RAML_OUTER_TRAIN_STATE_H

#include "outer/optim.h"
#include "outer/parts.h"
#include "raml/train.h"

#include <jansson.h>

struct train_state {                   /* zero-initialise, but best_score -INFINITY */
    uint64_t step, tokens, trained;    /* done so far */
    double loss_sum, weight_sum;       /* since the last logged step: sum of losses times their weights, of these */
    struct raml_statistics statistics; /* since then; names that are no static text are kept in `names` */
    char *names[RAML_STATISTICS];
    double best_score; /* of the evaluations so far, and after which step it was reached */
    uint64_t best_step;
    uint64_t n_questions; /* of the data */
    uint64_t data_hash;
};
void raml_train_state_deinit(struct train_state *s);
/* *out: a statistic's name, equal to text, that lives as long as the state. */
RAML_CHECKED enum raml_code raml_train_state_name(struct train_state *s, const char *text, const char **out,
                                                  struct raml_err *err);

struct train_state_facts { /* what a checkpoint records besides; borrowed, NULL: nothing */
    const char *objective;
    const json_t *settings; /* of source and objective: a run is resumed with the same ones */
    const json_t *source;   /* the source's own state, to be written */
};
/* Writes checkpoint state->step of job->run, whole or not at all; then removes those beyond the newest
 * save_total_limit. On rank 0, between whose call and its raml_moments_done the others serve it. */
RAML_CHECKED enum raml_code raml_train_state_save(const struct raml_train_job *job,
                                                  const struct raml_train_options *opt, const struct train_state *state,
                                                  const struct train_state_facts *facts, const struct raml_adamw *adamw,
                                                  const struct raml_parts *parts, struct raml_err *err);
/* Reads it back from checkpoint job->resume_step. state comes in with the data's numbers, which must equal the
 * checkpoint's; so must the settings (limits on the length may differ, with a note) and the model's weights. *source:
 * the source's state, to be given to json_decref; NULL: there is none. On failure state is as it was; the moments may be
 * half read. */
RAML_CHECKED enum raml_code raml_train_state_load(const struct raml_train_job *job,
                                                  const struct raml_train_options *opt, struct train_state *state,
                                                  const struct train_state_facts *facts, struct raml_adamw *adamw,
                                                  const struct raml_parts *parts, json_t **source,
                                                  struct raml_err *err);
/* All settings that affect the numbers, those of source and objective included; NULL: no memory. */
json_t *raml_train_state_settings(const struct raml_train_job *job, const struct raml_train_options *opt,
                                  const struct train_state_facts *facts);
RAML_CHECKED enum raml_code raml_train_state_weights_hash(const struct raml_model *m, uint64_t *out,
                                                          struct raml_err *err);
/* moments.c: optimizer.safetensors, whole tensors whatever the number of ranks. Rank 0 calls _save or _load, or neither,
 * then _done, with what came of it, which it returns; meanwhile the others are in _serve, which gives and takes their
 * parts. */
RAML_CHECKED enum raml_code raml_moments_save(const struct raml_train_job *job, const struct raml_adamw *adamw,
                                              const struct raml_parts *parts, const char *path, struct raml_err *err);
RAML_CHECKED enum raml_code raml_moments_load(const struct raml_train_job *job, struct raml_adamw *adamw,
                                              const struct raml_parts *parts, const char *path, struct raml_err *err);
RAML_CHECKED enum raml_code raml_moments_done(const struct raml_parts *parts, enum raml_code rc, struct raml_err *err);
RAML_CHECKED enum raml_code raml_moments_serve(struct raml_adamw *adamw, const struct raml_parts *parts,
                                               struct raml_err *err);
#endif
