/* regret.h - regret of a trajectory under a token budget (MRT, arXiv 2503.07572; docs/methods.md, section 2).
 *
 * Where MRT samples answers, a loss curve gives the accuracy exactly: acc_i = exp(-A L(i)), the probability of the
 * answer, at a cost of i + |answer prefix| + A tokens. acc over cost is piecewise linear from (0, 0) through these
 * points and flat after the last; area(C) is its mean over [0, C], regret(C) = 1 - area(C).
 *
 * Errors   RAML_ERANGE: no point, a loss that is not finite or below 0, costs that do not rise, a budget that is not
 *          positive and finite; output as before.       Threads  pure function.       Cost  O(points)
 */
#ifndef RAML_INNER_REGRET_H
#define RAML_INNER_REGRET_H

#include "raml/err.h"

#include <stdint.h>

struct raml_regret {
    double area, regret;
};
/* at: [n] i of each point, strictly rising; n_prefix: tokens of the answer prefix; n_answer: A >= 1. */
RAML_CHECKED enum raml_code raml_regret(const double *loss, const uint32_t *at, size_t n, size_t n_prefix,
                                        size_t n_answer, double budget, struct raml_regret *out, struct raml_err *err);
/* The same where asking for the answer at a place costs `probe` tokens, 0 or more; at 0 the curve begins at acc_0. */
RAML_CHECKED enum raml_code raml_regret_of(const double *loss, const uint32_t *at, size_t n, size_t n_answer,
                                           double probe, double budget, struct raml_regret *out, struct raml_err *err);

#endif
