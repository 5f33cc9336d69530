/* cluster.h - mean, median and share of values that come in clusters, a question's together, with intervals over
 * clusters.
 *
 * Interval  95 %, percentile bootstrap: clusters are drawn with replacement, each with all its values; tails as in
 *           metric.h. Draw d comes from (seed, RAML_FOR_BOOTSTRAP, question = d), so that sets of equally many clusters
 *           are drawn alike. Fewer than two clusters, no draws: no interval (NaN).
 * Estimate  n: clusters. se: of a mean its linearised standard error (Cochran 1977, 6.4), of a median NaN.
 * Errors    RAML_ENOMEM; *out as before.
 * Cost      draws x clusters; of a median draws x values, or, of many values, draws x (10 clusters + values/1024).
 */
#ifndef RAML_EVAL_CLUSTER_H
#define RAML_EVAL_CLUSTER_H

#include "raml/metric.h"

struct raml_clustered { /* zero-initialise; free with _deinit */
    double *value;      /* [n] */
    uint64_t *cluster;  /* [n] any number; values of one cluster are adjacent */
    size_t n, cap;
};
void raml_clustered_deinit(struct raml_clustered *c);
/* NaN is left out. */
RAML_CHECKED enum raml_code raml_clustered_add(struct raml_clustered *c, uint64_t cluster, double value,
                                               struct raml_err *err);
size_t raml_clustered_clusters(const struct raml_clustered *c);
/* The sum of all values over their number. NaN: no value. */
RAML_CHECKED enum raml_code raml_clustered_mean(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                                struct raml_estimate *out, struct raml_err *err);
/* The middle value, or the mean of the middle two. NaN: no value. */
RAML_CHECKED enum raml_code raml_clustered_median(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                                  struct raml_estimate *out, struct raml_err *err);
/* The mean of values that are 0 or 1. Where each cluster has one value, or all values are alike, the interval is
 * Wilson's with the clusters as its trials: a bootstrap would take a few equal ones for certainty. */
RAML_CHECKED enum raml_code raml_clustered_share(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                                 struct raml_estimate *out, struct raml_err *err);

#endif
