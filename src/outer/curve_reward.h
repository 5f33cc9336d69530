/* curve_reward.h - rewards that are read off the loss curve of the reference answer (docs/methods.md, section 3).
 *
 * J(i) = -L(i) is the mean log-probability of the answer's tokens after the trajectory's first tokens of point i.
 * Threads  pure functions, in double.
 */
#ifndef RAML_OUTER_CURVE_REWARD_H
#define RAML_OUTER_CURVE_REWARD_H

#include "raml/reward.h"

/* L at point k, and at all of them. */
double raml_curve_loss(const struct raml_answer_curve *c, size_t k);
void raml_curve_losses(const struct raml_answer_curve *c, double *loss);
double raml_curve_probability(const struct raml_answer_curve *c, size_t k); /* of the whole answer */

/* A reward of logp .. mig; of others NaN. n_points >= 1, n_answer >= 1. O(points x answer). */
double raml_curve_reward(const struct raml_answer_curve *c, enum raml_reward_kind kind);
/* Its derivative by the log-probability of each answer token at the last point, times weight, is added to d[n_answer];
 * nothing for those whose derivative reward.h gives as 0. */
void raml_curve_add_gradient(const struct raml_answer_curve *c, enum raml_reward_kind kind, double weight, double *d);

/* gain[k-1] = max(0, J(k) - watermark[k-1]) for k = 1 .. n-1; watermark[k] = max(J(0), .., J(k)). */
void raml_mig(const double *loss, size_t n, double *gain, double *watermark);

/* RePro at each point, from the curve up to there:
 *     magnitude   1 - tanh(J(t)/J(0)), in (0, 1]; where J(0) = 0 the ratio is 1 for J(t) = 0, else infinite
 *     stability   (1 + tau_a)/2 of J(1) .. J(t), or with from_start of J(0) .. J(t): tau_a counts rising pairs less falling
 *                 ones over all pairs; 1/2 for fewer than two points
 *     score       (1 - w) magnitude + w stability
 *     step        [n - 1] score(t) - score(t - 1) */
struct raml_repro {
    double *magnitude, *stability, *score, *step; /* [n]; NULL: not wanted */
};
void raml_repro(const double *loss, size_t n, double w, bool from_start, const struct raml_repro *out);

#endif
