/* policy_parts.h - what the files of policy.h share. */
#ifndef RAML_OUTER_POLICY_PARTS_H
#define RAML_OUTER_POLICY_PARTS_H

#include "raml/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Weight of a token; NULL: all 1. */
static inline double raml_policy_weight(const float *weight, size_t i)
{
    return weight ? (double)weight[i] : 1.0;
}

/* x within +-c; c 0: as it is. */
static inline double raml_policy_within(double x, double c)
{
    if (!(c > 0.0)) return x;
    return x < -c ? -c : x > c ? c : x;
}

/* A token's term: its value, and its derivatives by the log of its ratio and by its own log-probability. */
struct raml_policy_value {
    double value, by_ratio, by_logp;
    bool low, high, dual; /* clipped at the lower bound, at the upper, by dual_clip */
};
/* What a policy term is a function of. */
struct raml_policy_token {
    double advantage, rho;
    double logp, before;  /* before: log-probability that the ratio is taken against */
    double row_log_ratio; /* sum over the row of log-ratios, each within +-20 */
};
/* All policy losses but gmpo, which is a row's. */
struct raml_policy_value raml_policy_term_of(const struct raml_policy_options *opt, const struct raml_policy_token *t);

/* The estimate of KL(policy || reference) at a token; rho: its ratio. */
struct raml_policy_value raml_policy_kl(const struct raml_policy_options *opt, double logp, double ref_logp,
                                        double rho);

/* One row in double; every array [n]. NULL: logp not known (coefficients that do not depend on it), old_logp, mu_logp: the
 * policy's own; correction: 1; weight: 1; kl_scale, entropy_scale: scale; ref_logp: no KL; entropy: none. */
struct raml_policy_row {
    size_t n;
    const double *weight, *logp, *old_logp, *mu_logp, *ref_logp, *entropy;
    const double *advantage, *correction, *scale, *kl_scale, *entropy_scale;
    double entropy_threshold; /* tokens below it are not in the policy term; -INFINITY: all are */
    double entropy_divisor;   /* of the entropy term, beside its scale */
};
/* Sums over tokens of weight > 0. */
struct raml_policy_sums {
    double loss, tokens, weight;     /* tokens: their number, weight: the sum of their weights */
    double policy, kl, entropy_loss; /* shares of loss */
    double low, high, dual, kept;    /* numbers of tokens: clipped, kept by entropy */
    double log_ratio, kl_value, entropy, ratio_max;
};
/* d_logp, d_entropy [n]: every element is written; either may be NULL. Sums are added to. */
void raml_policy_row(const struct raml_policy_options *opt, const struct raml_policy_row *row, double *d_logp,
                     double *d_entropy, struct raml_policy_sums *sums);

/* Threshold and number of tokens that top_entropy_quantile keeps, of all ranks' tokens of weight > 0. */
RAML_CHECKED enum raml_code raml_policy_top_entropy(const struct raml_policy_options *opt, const float *entropy,
                                                    const float *weight, size_t n, const struct raml_comm *comm,
                                                    double *threshold, double *kept, struct raml_err *err);

#endif
