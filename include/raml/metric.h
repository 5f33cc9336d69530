/* metric.h - what n samples per question show, and how far to trust it.
 *
 * pass@k = 1 - C(n-c, k) / C(n, k)            (Chen et al. 2021, arXiv 2107.03374, eq. 1); k > n is refused.
 * Which interval. Questions are the independent draws; samples of one question are alike, so an interval must not count
 * them as if each were new evidence.
 * - Values between 0 and 1 (several samples per question): percentile bootstrap over questions, its tails
 *   narrowed for few questions (Hesterberg 2015, the expanded percentile interval); keyed random numbers, the same
 *   bytes for a seed.
 * - Values that are only 0 or 1 (one sample per question): a proportion of n questions, Wilson's interval (Wilson 1927;
 *   Brown, Cai and DasGupta 2001). A bootstrap of all 0 or all 1 would be a point,
 *   as if 5 correct of 5 were certainty.
 * raml_pass_at_k_mean chooses by this rule; raml_bootstrap_mean (any real values) and raml_wilson do as their names
 * say.
 */
#ifndef RAML_METRIC_H
#define RAML_METRIC_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_count { /* one question: n samples, c of them correct */
    uint32_t n, c;
};
struct raml_estimate {
    double value, low, high; /* mean and 95 % interval; NaN when there is no question */
    size_t n;                /* questions */
    double se;               /* standard error of the mean, s / sqrt(n) with n - 1 in s^2; NaN below two questions */
};

/* RAML_ERANGE when k is 0 or larger than n, or c > n. */
RAML_CHECKED enum raml_code raml_pass_at_k(uint32_t n, uint32_t c, uint32_t k, double *out, struct raml_err *err);
/* Mean pass@k over questions with its interval. k = 1 is mean accuracy. n_draws: bootstrap resamples (1000 is usual).
 * RAML_ERANGE names the first question that has fewer than k samples. */
RAML_CHECKED enum raml_code raml_pass_at_k_mean(const struct raml_count *question, size_t n, uint32_t k, uint64_t seed,
                                                uint32_t n_draws, struct raml_estimate *out, struct raml_err *err);
/* Mean of x[n] with a bootstrap interval; draws: (seed, RAML_FOR_BOOTSTRAP, question = resample). low and high are NaN
 * when n_draws is 0, n is 2^32 or more, or memory for the draws runs out. O(n * n_draws). */
struct raml_estimate raml_bootstrap_mean(const double *x, size_t n, uint64_t seed, uint32_t n_draws);
/* The proportion c / n of n independent draws with Wilson's 95 % interval. NaN when n is 0 or c > n. */
struct raml_estimate raml_wilson(size_t c, size_t n);

#pragma GCC visibility pop
#endif
