/* objective.h - what training minimises, as pure functions of per-token log-probabilities.
 *
 * An objective turns the outputs of a forward pass (one value per target) into a loss and the coefficients
 * d loss / d logp that the backward pass takes. It holds no tensors and knows no model.
 *
 * Every normaliser is global and given by the caller, who fixes it for a whole optimizer step before the first backward
 * pass: the parts of a step may then be computed in any split into micro-batches; their losses and gradients add up.
 */
#ifndef RAML_OBJECTIVE_H
#define RAML_OBJECTIVE_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

/* What an objective is given: the targets of a part of a step, in order. */
struct raml_objective_tokens {
    size_t n;
    const float *logp;    /* [n] log p(token), natural logarithm; NULL: not known yet (see `constant`) */
    const float *entropy; /* [n] of the distribution that predicts the token, nats; NULL where constant */
    const float *weight;  /* [n] >= 0: how often the token counts; 0 where it is not trained on */
    double total;         /* sum of the weights of the whole step, > 0 */
};

/* An objective of one's own, for the trainer (train.h). */
struct raml_objective {
    const char *name; /* kept in checkpoints: a run is resumed with the objective of this name */
    /* Sets *loss to this part's share of the step's loss and, where they are asked for, d_logp[n] and d_entropy[n] to
     * d loss / d logp and d loss / d entropy, every element. Any of the three may be NULL. A pure function: parts are
     * evaluated in any split, for validation too. Another code than RAML_OK ends the training with err's sentence. */
    enum raml_code (*evaluate)(const void *user, const struct raml_objective_tokens *in, double *loss, float *d_logp,
                               float *d_entropy, struct raml_err *err);
    const void *user;
    bool constant; /* d_logp depends on weight and total only, and d_entropy is 0: then it is asked for before logp is
                    * known, without d_entropy, and logits are computed once a step instead of twice */
};
/* Supervised fine-tuning, as below. */
struct raml_objective raml_objective_default(void);

/* Supervised fine-tuning: loss = -sum_i w_i logp_i / total,  d_logp_i = -w_i / total.
 * weight: [n], >= 0; NULL: all ones.   total: sum of the weights of the whole step, > 0.
 * logp: [n], natural logarithms; may be NULL when loss is.   loss, d_logp [n]: either may be NULL. The sum is a double,
 * added in order; *loss is this part's share of the step's loss. A logp of NaN or infinity is passed on, and is not an
 * error: the caller who knows the step's number refuses it.
 * RAML_ERANGE: total is not a positive finite number, or a weight is negative or not finite; nothing is written. */
RAML_CHECKED enum raml_code raml_objective_sft(const float *logp, const float *weight, size_t n, double total,
                                               double *loss, float *d_logp, struct raml_err *err);

#pragma GCC visibility pop
#endif
