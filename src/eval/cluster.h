/* cluster.h - mean and median of values that come in clusters, a question's together, with intervals over clusters.
 *
 * Interval  95 %, percentile bootstrap: clusters are drawn with replacement, each with all its values; tails as in
 *           metric.h. Draw d comes from (seed, RAML_FOR_BOOTSTRAP, question = d), so that equal clusters of several sets
 *           are drawn alike. Fewer than two clusters: no interval (NaN).
 * Cost      draws x clusters; of a median draws x values.
 */
#ifndef RAML_EVAL_CLUSTER_H
#define RAML_EVAL_CLUSTER_H

#include "raml/metric.h"

struct raml_clustered { /* zero-initialise; free with _deinit */
    double *value;      /* [n] */
    uint64_t *cluster;  /* [n] any number; values of one cluster are adjacent */
    size_t n, cap, cap_cluster;
};
void raml_clustered_deinit(struct raml_clustered *c);
/* NaN is left out. */
RAML_CHECKED enum raml_code raml_clustered_add(struct raml_clustered *c, uint64_t cluster, double value,
                                               struct raml_err *err);
size_t raml_clustered_clusters(const struct raml_clustered *c);
/* Mean: the sum of all values over their number. NaN: no value. */
RAML_CHECKED enum raml_code raml_clustered_mean(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                                struct raml_estimate *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_clustered_median(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                                  struct raml_estimate *out, struct raml_err *err);

#endif
