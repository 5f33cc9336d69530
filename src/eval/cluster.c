/* cluster.c - see cluster.h. */
#include "eval/cluster.h"

#include "core/array.h"
#include "eval/quantile.h"
#include "raml/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void raml_clustered_deinit(struct raml_clustered *c)
{
    free(c->value);
    free(c->cluster);
    *c = (struct raml_clustered){0};
}

enum raml_code raml_clustered_add(struct raml_clustered *c, uint64_t cluster, double value, struct raml_err *err)
{
    if (isnan(value)) return RAML_OK;
    size_t cap_value = c->cap, cap_cluster = c->cap;
    enum raml_code rc = RAML_GROW(c->value, cap_value, c->n + 1, "values", err);
    if (!rc) rc = RAML_GROW(c->cluster, cap_cluster, c->n + 1, "values", err);
    if (rc) return rc;
    c->cap = cap_cluster;
    c->value[c->n] = value;
    c->cluster[c->n++] = cluster;
    return RAML_OK;
}

static bool begins_cluster(const struct raml_clustered *c, size_t i)
{
    return i == 0 || c->cluster[i] != c->cluster[i - 1];
}

size_t raml_clustered_clusters(const struct raml_clustered *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) n += begins_cluster(c, i);
    return n;
}

enum { MANY_VALUES = 4096, MAX_BLOCKS = 1024 };

/* -- Resamples ----------------------------------------------------------------------------------------------------- */

struct ranked {
    double value;
    size_t cluster; /* from 0 */
};
struct resamples {
    size_t n_clusters, n_values;
    uint32_t *times;       /* [n_clusters] how often the resample has each */
    double *sum;           /* [n_clusters] of its values */
    size_t *count;         /* [n_clusters] of its values */
    struct ranked *ranked; /* [n_values] by rising value; a median's alone */
    uint32_t *before;      /* [n_blocks, n_clusters] how many of each are ranked before the block */
    size_t n_blocks, block_values;
    double *drawn; /* [n_draws] */
};

static void resamples_deinit(struct resamples *r)
{
    free(r->times);
    free(r->sum);
    free(r->count);
    free(r->ranked);
    free(r->before);
    free(r->drawn);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_rank(const void *a, const void *b)
{
    return by_value(&((const struct ranked *)a)->value, &((const struct ranked *)b)->value);
}

/* Many values are searched by block, so that a resample of them costs clusters x log(blocks) + a block. */
static enum raml_code count_blocks(struct resamples *r, struct raml_err *err)
{
    size_t Q = r->n_clusters, n = r->n_values;
    if (n < MANY_VALUES || n > UINT32_MAX) return RAML_OK;
    r->block_values = (n + MAX_BLOCKS - 1) / MAX_BLOCKS;
    r->n_blocks = (n + r->block_values - 1) / r->block_values;
    r->before = calloc(r->n_blocks * Q, sizeof *r->before);
    if (!r->before) return raml_fail(err, RAML_ENOMEM, "no memory for resamples of %zu clusters", Q);
    for (size_t b = 1; b < r->n_blocks; b++) {
        uint32_t *at = r->before + b * Q;
        memcpy(at, at - Q, Q * sizeof *at);
        for (size_t i = (b - 1) * r->block_values; i < b * r->block_values; i++) at[r->ranked[i].cluster]++;
    }
    return RAML_OK;
}

static enum raml_code resamples_init(struct resamples *r, const struct raml_clustered *c, bool median, uint32_t n_draws,
                                     struct raml_err *err)
{
    size_t Q = raml_clustered_clusters(c);
    *r = (struct resamples){.n_clusters = Q, .n_values = c->n};
    r->times = calloc(Q + 1, sizeof *r->times);
    r->sum = calloc(Q + 1, sizeof *r->sum);
    r->count = calloc(Q + 1, sizeof *r->count);
    r->drawn = calloc((size_t)n_draws + 1, sizeof *r->drawn);
    r->ranked = calloc(median ? c->n + 1 : 1, sizeof *r->ranked);
    if (!r->times || !r->sum || !r->count || !r->drawn || !r->ranked || Q > UINT32_MAX)
        return raml_fail(err, RAML_ENOMEM, "no memory for %u resamples of %zu clusters with %zu values", n_draws, Q,
                         c->n);
    for (size_t i = 0, q = 0; i < c->n; i++) {
        if (i && begins_cluster(c, i)) q++;
        r->sum[q] += c->value[i];
        r->count[q]++;
        if (median) r->ranked[i] = (struct ranked){c->value[i], q};
    }
    if (!median) return RAML_OK;
    qsort(r->ranked, c->n, sizeof *r->ranked, by_rank);
    return count_blocks(r, err);
}

static void draw(struct resamples *r, uint64_t seed, uint32_t d)
{
    const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
    uint32_t w[4] = {0};
    memset(r->times, 0, r->n_clusters * sizeof *r->times);
    for (size_t i = 0; i < r->n_clusters; i++) {
        if (i % 4 == 0) raml_random4(&key, i / 4, w);
        r->times[((uint64_t)w[i % 4] * r->n_clusters) >> 32]++;
    }
}

static double drawn_mean(const struct resamples *r)
{
    double sum = 0, count = 0;
    for (size_t q = 0; q < r->n_clusters; q++) {
        sum += r->times[q] * r->sum[q];
        count += (double)r->times[q] * (double)r->count[q];
    }
    return sum / count;
}

static uint64_t drawn_before(const struct resamples *r, size_t block)
{
    uint64_t n = 0;
    const uint32_t *before = r->before + block * r->n_clusters;
    for (size_t q = 0; q < r->n_clusters; q++) n += (uint64_t)r->times[q] * before[q];
    return n;
}

/* The last block before which at most `place` values of the resample are ranked. */
static size_t find_block(const struct resamples *r, uint64_t place)
{
    size_t low = 0, high = r->n_blocks;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (drawn_before(r, middle) <= place) low = middle;
        else high = middle;
    }
    return low;
}

static double drawn_median(const struct resamples *r)
{
    uint64_t count = 0;
    for (size_t q = 0; q < r->n_clusters; q++) count += (uint64_t)r->times[q] * r->count[q];
    uint64_t low = (count - 1) / 2, high = count / 2; /* places of the middle two, from 0 */
    size_t block = r->n_blocks ? find_block(r, low) : 0;
    uint64_t seen = block ? drawn_before(r, block) : 0;
    double lower = 0;
    bool found = false;
    for (size_t i = block * r->block_values; i < r->n_values; i++) {
        seen += r->times[r->ranked[i].cluster];
        if (!found && seen > low) {
            lower = r->ranked[i].value;
            found = true;
        }
        if (seen > high) return (lower + r->ranked[i].value) / 2;
    }
    return NAN; /* no value */
}

static void set_interval(struct resamples *r, double (*statistic)(const struct resamples *), uint64_t seed,
                         uint32_t n_draws, struct raml_estimate *e)
{
    if (r->n_clusters < 2 || !n_draws) return;
    for (uint32_t d = 0; d < n_draws; d++) {
        draw(r, seed, d);
        r->drawn[d] = statistic(r);
    }
    qsort(r->drawn, n_draws, sizeof *r->drawn, by_value);
    double tail = raml_percentile_tail(r->n_clusters);
    e->low = raml_quantile(r->drawn, n_draws, tail);
    e->high = raml_quantile(r->drawn, n_draws, 1 - tail);
}

/* -- Estimates ----------------------------------------------------------------------------------------------------- */

static double standard_error(const struct resamples *r, double mean)
{
    double squares = 0, n = (double)r->n_clusters;
    if (r->n_clusters < 2) return NAN;
    for (size_t q = 0; q < r->n_clusters; q++) {
        double off = r->sum[q] - mean * (double)r->count[q];
        squares += off * off;
    }
    return sqrt(squares * n / (n - 1)) / (double)r->n_values;
}

static struct raml_estimate none(const struct resamples *r)
{
    return (struct raml_estimate){.value = NAN, .low = NAN, .high = NAN, .n = r->n_clusters, .se = NAN};
}

static struct raml_estimate mean_of(const struct resamples *r)
{
    struct raml_estimate e = none(r);
    double sum = 0;
    if (!r->n_values) return e;
    for (size_t q = 0; q < r->n_clusters; q++) sum += r->sum[q];
    e.value = sum / (double)r->n_values;
    e.se = standard_error(r, e.value);
    return e;
}

enum raml_code raml_clustered_mean(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                   struct raml_estimate *out, struct raml_err *err)
{
    struct resamples r;
    enum raml_code rc = resamples_init(&r, c, false, n_draws, err);
    if (!rc) {
        *out = mean_of(&r);
        set_interval(&r, drawn_mean, seed, n_draws, out);
    }
    resamples_deinit(&r);
    return rc;
}

enum raml_code raml_clustered_median(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                     struct raml_estimate *out, struct raml_err *err)
{
    struct resamples r;
    enum raml_code rc = resamples_init(&r, c, true, n_draws, err);
    if (!rc) {
        *out = none(&r);
        if (c->n) out->value = (r.ranked[(c->n - 1) / 2].value + r.ranked[c->n / 2].value) / 2;
        set_interval(&r, drawn_median, seed, n_draws, out);
    }
    resamples_deinit(&r);
    return rc;
}

/* The clusters whose values are all 1. *single: each cluster has one value. *alike: all values are equal. */
static size_t ones(const struct resamples *r, bool *single, bool *alike)
{
    size_t n = 0;
    double sum = 0;
    *single = true;
    for (size_t q = 0; q < r->n_clusters; q++) {
        n += !(r->sum[q] < (double)r->count[q]);
        *single &= r->count[q] == 1;
        sum += r->sum[q];
    }
    *alike = !(sum > 0) || !(sum < (double)r->n_values);
    return n;
}

enum raml_code raml_clustered_share(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                    struct raml_estimate *out, struct raml_err *err)
{
    struct resamples r;
    enum raml_code rc = resamples_init(&r, c, false, n_draws, err);
    if (!rc) {
        bool single, alike;
        size_t n_ones = ones(&r, &single, &alike);
        struct raml_estimate e = mean_of(&r);
        if (c->n && (single || alike)) {
            struct raml_estimate wilson = raml_wilson(n_ones, r.n_clusters);
            e.low = wilson.low;
            e.high = wilson.high;
        } else {
            set_interval(&r, drawn_mean, seed, n_draws, &e);
        }
        *out = e;
    }
    resamples_deinit(&r);
    return rc;
}
