/* advantage.h - from advantages of rows to advantages of tokens. */
#ifndef RAML_OUTER_ADVANTAGE_H
#define RAML_OUTER_ADVANTAGE_H

#include "outer/policy_parts.h"

/* The KL estimate at a token, of the policy that sampled it. */
double raml_advantage_kl(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t i);
/* Returns: the row's value on its last trained token and, with kl_in return, - beta KL on every one, summed over what
 * follows, gamma a token. With gamma 1 and no such KL every token of a row, masked ones too, has the row's value;
 * else masked ones have 0. advantage [n]. */
void raml_advantage_spread(const struct raml_policy_options *opt, const struct raml_rollouts *r, const double *row,
                           double *advantage);
/* x[n] less its mean over its deviation, both weighted, of all ranks; 0 where weight is 0. weight NULL: 1. */
RAML_CHECKED enum raml_code raml_advantage_whiten(const struct raml_policy_options *opt, size_t n, const float *weight,
                                                  const struct raml_comm *comm, double *x, struct raml_err *err);

#endif
