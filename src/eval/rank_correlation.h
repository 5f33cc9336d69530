/* rank_correlation.h - do two measures put the same things in the same order?
 *
 *   spearman   Pearson's correlation of ranks; equal values share the mean of their ranks
 *   kendall    tau-b: (concordant - discordant pairs) / sqrt((pairs not tied in x)(pairs not tied in y))
 * Values may be infinite, not NaN. NaN results: fewer than two values, or all of x or of y are equal.
 * Interval   95 %, percentile bootstrap over clusters, drawn as in cluster.h: the correlation of all values of the drawn
 *            clusters together. Resamples that have no correlation are left out; fewer than two clusters: no interval.
 * Errors     RAML_ENOMEM, RAML_ERANGE (a NaN); output as before.     Threads  pure functions.
 * Cost       O(n log n), for each resample.
 */
#ifndef RAML_EVAL_RANK_CORRELATION_H
#define RAML_EVAL_RANK_CORRELATION_H

#include "raml/metric.h"

struct raml_rank_correlation {
    double spearman, kendall;
};
RAML_CHECKED enum raml_code raml_rank_correlate(const double *x, const double *y, size_t n,
                                                struct raml_rank_correlation *out, struct raml_err *err);
struct raml_rank_estimate {
    struct raml_estimate spearman, kendall; /* n: clusters; se NaN */
    size_t n_values;
};
/* cluster[n]: values of one cluster are adjacent. */
RAML_CHECKED enum raml_code raml_rank_correlate_clustered(const double *x, const double *y, const uint64_t *cluster,
                                                          size_t n, uint64_t seed, uint32_t n_draws,
                                                          struct raml_rank_estimate *out, struct raml_err *err);

#endif
