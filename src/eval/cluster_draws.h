/* cluster_draws.h - many ratios of sums over the same clusters, from one set of resamples.
 *
 * A mean over values is such a ratio (their sum over their number), and is to the bit that of cluster.h; so is a share of
 * tokens kept (sum over sum). Resamples, tails and the linearised standard error are those of cluster.h.
 * Cost    memory draws x clusters x 4 bytes; a ratio draws x clusters.
 */
#ifndef RAML_EVAL_CLUSTER_DRAWS_H
#define RAML_EVAL_CLUSTER_DRAWS_H

#include "raml/metric.h"

struct raml_cluster_draws { /* free with _deinit */
    size_t n_clusters;
    uint32_t n_draws;
    uint32_t *times; /* [n_draws, n_clusters] how often a resample has each cluster */
    double *drawn;   /* [n_draws] */
};
/* On failure *d is empty. */
RAML_CHECKED enum raml_code raml_cluster_draws_init(struct raml_cluster_draws *d, size_t n_clusters, uint64_t seed,
                                                    uint32_t n_draws, struct raml_err *err);
void raml_cluster_draws_deinit(struct raml_cluster_draws *d);
/* The sum of above[n_clusters] over the sum of below[n_clusters]. NaN: that is 0. */
struct raml_estimate raml_cluster_draws_ratio(struct raml_cluster_draws *d, const double *above, const double *below);

#endif
