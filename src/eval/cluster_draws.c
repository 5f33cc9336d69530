/* cluster_draws.c - see cluster_draws.h. */
#include "eval/cluster_draws.h"

#include "eval/quantile.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>

enum raml_code raml_cluster_draws_init(struct raml_cluster_draws *d, size_t n_clusters, uint64_t seed, uint32_t n_draws,
                                       struct raml_err *err)
{
    *d = (struct raml_cluster_draws){.n_clusters = n_clusters, .n_draws = n_draws};
    bool fits = n_clusters <= UINT32_MAX && (n_draws == 0 || n_clusters < SIZE_MAX / sizeof *d->times / n_draws);
    d->times = fits ? calloc((size_t)n_draws * n_clusters + 1, sizeof *d->times) : NULL;
    d->drawn = calloc((size_t)n_draws + 1, sizeof *d->drawn);
    if (!d->times || !d->drawn) {
        raml_cluster_draws_deinit(d);
        return raml_fail(err, RAML_ENOMEM, "no memory for %u resamples of %zu clusters", n_draws, n_clusters);
    }
    for (uint32_t k = 0; k < n_draws; k++) {
        const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = k};
        uint32_t w[4] = {0}, *times = d->times + (size_t)k * n_clusters;
        for (size_t i = 0; i < n_clusters; i++) {
            if (i % 4 == 0) raml_random4(&key, i / 4, w);
            times[((uint64_t)w[i % 4] * n_clusters) >> 32]++;
        }
    }
    return RAML_OK;
}

void raml_cluster_draws_deinit(struct raml_cluster_draws *d)
{
    free(d->times);
    free(d->drawn);
    *d = (struct raml_cluster_draws){0};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void set_interval(struct raml_cluster_draws *d, const double *above, const double *below,
                         struct raml_estimate *e)
{
    size_t n = 0;
    for (uint32_t k = 0; k < d->n_draws; k++) {
        const uint32_t *times = d->times + (size_t)k * d->n_clusters;
        double a = 0, b = 0;
        for (size_t q = 0; q < d->n_clusters; q++) {
            a += times[q] * above[q];
            b += times[q] * below[q];
        }
        if (b != 0) d->drawn[n++] = a / b;
    }
    if (n == 0) return;
    qsort(d->drawn, n, sizeof *d->drawn, by_value);
    double tail = raml_percentile_tail(d->n_clusters);
    e->low = raml_quantile(d->drawn, n, tail);
    e->high = raml_quantile(d->drawn, n, 1 - tail);
}

struct raml_estimate raml_cluster_draws_ratio(struct raml_cluster_draws *d, const double *above, const double *below)
{
    struct raml_estimate e = {.value = NAN, .low = NAN, .high = NAN, .n = d->n_clusters, .se = NAN};
    double a = 0, b = 0, squares = 0, n = (double)d->n_clusters;
    for (size_t q = 0; q < d->n_clusters; q++) {
        a += above[q];
        b += below[q];
    }
    if (b == 0) return e;
    e.value = a / b;
    if (d->n_clusters < 2) return e;
    for (size_t q = 0; q < d->n_clusters; q++) {
        double off = above[q] - e.value * below[q];
        squares += off * off;
    }
    e.se = sqrt(squares * n / (n - 1)) / b;
    set_interval(d, above, below, &e);
    return e;
}
