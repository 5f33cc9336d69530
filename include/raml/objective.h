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

#include <stddef.h>

/* Supervised fine-tuning: loss = -sum_i w_i logp_i / total,  d_logp_i = -w_i / total.
 * weight: [n], >= 0; NULL: all ones.   total: sum of the weights of the whole step, > 0.
 * logp: [n], natural logarithms; may be NULL when loss is.   loss, d_logp [n]: either may be NULL. The sum is a double,
 * added in order; *loss is this part's share of the step's loss. A logp of NaN or infinity is passed on, and is not an
 * error: the caller who knows the step's number refuses it.
 * RAML_ERANGE: total is not a positive finite number, or a weight is negative or not finite; nothing is written. */
RAML_CHECKED enum raml_code raml_objective_sft(const float *logp, const float *weight, size_t n, double total,
                                               double *loss, float *d_logp, struct raml_err *err);

#endif
