/* resample.h - intervals of means over questions, with equal questions counted instead of listed.
 *
 * total = sum of count[i] questions; count[i] of them have value[i]. A bootstrap resample of all questions draws how
 * many have each value: a multinomial, by one binomial per value given the rest, each by inversion of one uniform
 * number from the likeliest count outward (Kemp 1986). With few questions per value they are drawn one by one instead.
 * Both are the same distribution as drawing questions singly with replacement; the cost is that of the values.
 * Draws    (seed, RAML_FOR_BOOTSTRAP, question = resample, sample = 1, position = value, or question drawn / 4).
 *          Values in the same order give the same bytes; callers sort them, so the order of a file's lines is moot.
 */
#ifndef RAML_EVAL_RESAMPLE_H
#define RAML_EVAL_RESAMPLE_H

#include "raml/metric.h"
#include "raml/rng.h"

#include <stdbool.h>

enum { RAML_RESAMPLE_MAX_VALUES = 4096 }; /* of raml_resample_gather */

/* The u-quantile of Binomial(n, p), 0 <= u < 1, 0 <= p <= 1: exact up to rounding. O(standard deviation). */
uint64_t raml_binomial_inverse(double u, uint64_t n, double p);

struct raml_resample_options {
    uint64_t seed;
    uint32_t n_draws;
    bool proportions; /* values that are all 0 or 1 get Wilson's interval (metric.h); not for differences */
};
/* Mean and percentile interval of n_rows measures at once: value[r][i], of count[i] questions. NaN intervals when
 * n_draws is 0; NaN values when there are no questions. */
RAML_CHECKED enum raml_code raml_resample(const uint64_t *count, size_t n_values, const double *const *value,
                                          size_t n_rows, const struct raml_resample_options *opt,
                                          struct raml_estimate *out, struct raml_err *err);

/* The distinct values of x[n] (sorted here) with their counts: value[] and count[] have capacity
 * RAML_RESAMPLE_MAX_VALUES. With more distinct values, neighbours are replaced by their mean: blocks of equal size, so
 * that the interval loses only the spread within 1/4096 of the questions. Returns the number of values. */
size_t raml_resample_gather(double *x, size_t n, double *value, uint64_t *count);

#endif
