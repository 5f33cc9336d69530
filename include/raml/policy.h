/* policy.h - policy-gradient objectives: GRPO and its kin, by one set of settings. */
#ifndef RAML_POLICY_H
#define RAML_POLICY_H

#include "raml/comm.h"
#include "raml/objective.h"
#include "raml/setting.h"

#pragma GCC visibility push(default)

struct raml_policy_options { /* every convention is a setting; see docs/objectives.md */
    int advantage;
};
extern const struct raml_setting raml_policy_settings[];
extern const size_t raml_n_policy_settings;

/* A round's rollouts: what advantages and corrections are computed from, all constants. Rows are responses. */
struct raml_rollouts {
    size_t n_rows;
    const size_t *start;      /* [n_rows + 1] tokens of row r: start[r] .. start[r + 1) */
    const float *weight;      /* [n] 1: the token enters the loss, 0: it does not (forced, or its row is left out) */
    const float *old_logp, *mu_logp, *ref_logp; /* [n]; NULL where not known */
    const double *reward;     /* [n_rows] */
    const double *component;  /* [n_rows, n_components] the rewards that reward is the weighted sum of; NULL: none */
    const double *component_weight; /* [n_components] */
    size_t n_components;
    const uint32_t *group;    /* [n_rows] rows of a group are adjacent */
    const double *baseline;   /* [n_rows] the sample's own (termination reward); NULL: none */
};
/* advantage [n], by token. */
RAML_CHECKED enum raml_code raml_advantages(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                            const struct raml_comm *comm, double *advantage, struct raml_err *err);
/* correction [n]: weights of the policy term; mask [n], in and out: tokens that a rule rejects become 0. */
RAML_CHECKED enum raml_code raml_corrections(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                             const double *advantage, const struct raml_comm *comm, double *correction,
                                             float *mask, struct raml_err *err);
/* scale [n]: what a token's term is multiplied with in the loss; 0 where weight is 0. *total: the divisor, or 1. */
RAML_CHECKED enum raml_code raml_aggregation(const struct raml_policy_options *opt, size_t n_rows, const size_t *start,
                                             const float *weight, const struct raml_comm *comm, double *scale,
                                             struct raml_err *err);
/* loss = sum scale * (correction * policy term) + KL and entropy terms. Reads terms->advantage, correction, scale,
 * old_logp (NULL: the policy's own logp, a ratio of 1), ref_logp, mu_logp. opt: borrowed. */
struct raml_objective raml_policy_objective(const struct raml_policy_options *opt);

#pragma GCC visibility pop
#endif
