/* preference.h - preference objectives: DPO and its kin, on pairs of a chosen and a rejected response.
 *
 * With pi(y) the sum of log-probabilities of a row's trained tokens (weight > 0), ref(y) the reference model's, which is
 * terms->ref_sum, |y| the number of these tokens, and of a pair (chosen c, rejected r)
 *     h = (pi(c) - ref(c)) - (pi(r) - ref(r))        g = (pi(c) - ref(c))/|c| - (pi(r) - ref(r))/|r|
 * the loss of a pair is, sp(x) = log(1 + exp(x)), e = label_smoothing:
 *     sigmoid        (1 - e) sp(-beta h) + e sp(beta h)                 arXiv 2305.18290; with e > 0 its cDPO form
 *     robust         ((1 - e) sp(-beta h) - e sp(beta h)) / (1 - 2 e)   arXiv 2403.00409
 *     hinge          max(0, 1 - beta h)                                 arXiv 2305.10425, with a reference
 *     ipo            (g - 1/(2 beta))^2                                 arXiv 2310.12036, per token as TRL has it
 *     ipo_sum        (h - 1/(2 beta))^2                                 the same, on sums
 *     sigmoid_norm   sp(-beta g)
 * and the loss of a step is its mean over the step's n_pairs. Names and defaults are TRL's (July 2026), where there is
 * one. At the start, where the policy is its reference, the loss of `sigmoid` is log 2.
 *
 * Terms     weight (NULL: all ones), pair, ref_sum, n_pairs; both rows of a pair are in one part. Rows of no pair have no loss.
 * Statistics  as TRL's, means over pairs: rewards/chosen = beta (pi(c) - ref(c)), rewards/rejected, rewards/margins,
 *           rewards/accuracies (chosen > rejected), logps/chosen = pi(c), logps/rejected.
 * Errors    RAML_EUSAGE: a setting out of range, or label_smoothing with a loss that has none. RAML_ERANGE: a pair that
 *           is not one chosen and one rejected row of the part, a row of it without a trained token, n_pairs not
 *           positive; nothing is written.
 * Threads   pure functions.      Cost  O(tokens), and of a part O(rows^2) comparisons of numbers.
 */
#ifndef RAML_PREFERENCE_H
#define RAML_PREFERENCE_H

#include "raml/objective.h"
#include "raml/setting.h"

#pragma GCC visibility push(default)

enum raml_preference_loss { /* in the order of the setting's words */
                            RAML_PREFERENCE_SIGMOID,
                            RAML_PREFERENCE_ROBUST,
                            RAML_PREFERENCE_HINGE,
                            RAML_PREFERENCE_IPO,
                            RAML_PREFERENCE_IPO_SUM,
                            RAML_PREFERENCE_SIGMOID_NORM
};
struct raml_preference_options {
    int loss_type; /* enum raml_preference_loss */
    double beta, label_smoothing;
    int64_t pairs_per_question; /* an epoch; the objective does not read it */
};
extern const struct raml_setting raml_preference_settings[];
extern const size_t raml_n_preference_settings;

/* Do the settings fit one another? The objective checks this too. */
RAML_CHECKED enum raml_code raml_preference_check(const struct raml_preference_options *opt, struct raml_err *err);
/* opt: borrowed. */
struct raml_objective raml_preference_objective(const struct raml_preference_options *opt);

#pragma GCC visibility pop
#endif
