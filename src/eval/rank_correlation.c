/* rank_correlation.c - see rank_correlation.h. */
#include "eval/rank_correlation.h"

#include "eval/quantile.h"
#include "raml/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    double x, y;
};
struct ranked {
    double value;
    size_t i;
};
struct scratch { /* for n values */
    struct pair *pair;
    struct ranked *ranked;
    double *a, *b; /* ranks, or y and what sorting needs */
};

static void scratch_deinit(struct scratch *s)
{
    free(s->pair);
    free(s->ranked);
    free(s->a);
    free(s->b);
}

static enum raml_code scratch_init(struct scratch *s, size_t n, struct raml_err *err)
{
    *s = (struct scratch){.pair = calloc(n + 1, sizeof *s->pair),
                          .ranked = calloc(n + 1, sizeof *s->ranked),
                          .a = calloc(n + 1, sizeof *s->a),
                          .b = calloc(n + 1, sizeof *s->b)};
    if (s->pair && s->ranked && s->a && s->b) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for the ranks of %zu values", n);
}

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_pair(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    int x = compare(p->x, q->x);
    return x ? x : compare(p->y, q->y);
}

static int by_value(const void *a, const void *b)
{
    return compare(((const struct ranked *)a)->value, ((const struct ranked *)b)->value);
}

static int by_number(const void *a, const void *b)
{
    return compare(*(const double *)a, *(const double *)b);
}

/* -- Spearman ------------------------------------------------------------------------------------------------------ */

/* s->ranked has the values. rank[i]: from 1, of equal values the mean. */
static void ranks(struct scratch *s, size_t n, double *rank)
{
    qsort(s->ranked, n, sizeof *s->ranked, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !compare(s->ranked[end].value, s->ranked[i].value);) end++;
        for (size_t k = i; k < end; k++) rank[s->ranked[k].i] = (double)(i + 1 + end) / 2;
    }
}

static double spearman(struct scratch *s, size_t n)
{
    double xy = 0, xx = 0, yy = 0, mean = ((double)n + 1) / 2;
    for (size_t i = 0; i < n; i++) s->ranked[i] = (struct ranked){s->pair[i].x, i};
    ranks(s, n, s->a);
    for (size_t i = 0; i < n; i++) s->ranked[i] = (struct ranked){s->pair[i].y, i};
    ranks(s, n, s->b);
    for (size_t i = 0; i < n; i++) {
        double x = s->a[i] - mean, y = s->b[i] - mean;
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* -- Kendall ------------------------------------------------------------------------------------------------------- */

/* Sorts y[n] upwards and returns how many pairs i < j had y[i] > y[j]. */
static uint64_t descents(double *y, double *tmp, size_t n)
{
    uint64_t found = 0;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t mid = n - low < width ? n : low + width, high = n - mid < width ? n : mid + width;
            size_t i = low, j = mid;
            for (size_t k = low; k < high; k++) {
                if (j < high && (i == mid || y[j] < y[i])) {
                    found += mid - i;
                    tmp[k] = y[j++];
                } else {
                    tmp[k] = y[i++];
                }
            }
        }
        memcpy(y, tmp, n * sizeof *y);
    }
    return found;
}

static uint64_t pairs(size_t n)
{
    return (uint64_t)n * (n - 1) / 2;
}

/* Knight 1966 (JASA 61:436): pairs are sorted by x, then y; what descends in y is discordant. */
static double kendall(struct scratch *s, size_t n)
{
    uint64_t ties_x = 0, ties_y = 0, ties_both = 0;
    qsort(s->pair, n, sizeof *s->pair, by_pair);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !compare(s->pair[end].x, s->pair[i].x);) end++;
        ties_x += pairs(end - i);
    }
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !by_pair(&s->pair[end], &s->pair[i]);) end++;
        ties_both += pairs(end - i);
    }
    for (size_t i = 0; i < n; i++) s->a[i] = s->pair[i].y;
    uint64_t discordant = descents(s->a, s->b, n), all = pairs(n);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !compare(s->a[end], s->a[i]);) end++;
        ties_y += pairs(end - i);
    }
    if (all == ties_x || all == ties_y) return NAN;
    double difference = (double)(all - ties_x - ties_y + ties_both) - 2 * (double)discordant;
    return difference / (sqrt((double)(all - ties_x)) * sqrt((double)(all - ties_y)));
}

/* -- Both ---------------------------------------------------------------------------------------------------------- */

/* Of the first n pairs, whose order is lost. */
static struct raml_rank_correlation correlate(struct scratch *s, size_t n)
{
    struct raml_rank_correlation r = {NAN, NAN};
    if (n < 2) return r;
    r.spearman = spearman(s, n);
    r.kendall = kendall(s, n);
    return r;
}

static enum raml_code check(const double *x, const double *y, size_t n, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]) || isnan(y[i]))
            return raml_fail(err, RAML_ERANGE, "rank correlation: value %zu is not a number", i + 1);
    return RAML_OK;
}

enum raml_code raml_rank_correlate(const double *x, const double *y, size_t n, struct raml_rank_correlation *out,
                                   struct raml_err *err)
{
    struct scratch s = {0};
    enum raml_code rc = check(x, y, n, err);
    if (!rc) rc = scratch_init(&s, n, err);
    if (!rc) {
        for (size_t i = 0; i < n; i++) s.pair[i] = (struct pair){x[i], y[i]};
        *out = correlate(&s, n);
    }
    scratch_deinit(&s);
    return rc;
}

struct resamples {
    const double *x, *y;
    size_t *start; /* [n_clusters + 1] */
    size_t n_clusters;
    struct scratch scratch;     /* for the most values that a resample has */
    double *spearman, *kendall; /* [n_draws] */
};

static size_t longest(const struct resamples *r)
{
    size_t n = 0;
    for (size_t q = 0; q < r->n_clusters; q++)
        if (r->start[q + 1] - r->start[q] > n) n = r->start[q + 1] - r->start[q];
    return n;
}

static enum raml_code resamples_init(struct resamples *r, const uint64_t *cluster, size_t n, uint32_t n_draws,
                                     struct raml_err *err)
{
    r->start = calloc(n + 1, sizeof *r->start);
    r->spearman = calloc((size_t)n_draws + 1, sizeof *r->spearman);
    r->kendall = calloc((size_t)n_draws + 1, sizeof *r->kendall);
    if (!r->start || !r->spearman || !r->kendall)
        return raml_fail(err, RAML_ENOMEM, "no memory for %u resamples of %zu values", n_draws, n);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || cluster[i] != cluster[i - 1]) r->start[r->n_clusters++] = i;
    r->start[r->n_clusters] = n;
    size_t most = longest(r) * r->n_clusters;
    return scratch_init(&r->scratch, most > n ? most : n, err);
}

static void resamples_deinit(struct resamples *r)
{
    free(r->start);
    free(r->spearman);
    free(r->kendall);
    scratch_deinit(&r->scratch);
}

static size_t add_cluster(struct resamples *r, size_t q, size_t n)
{
    for (size_t i = r->start[q]; i < r->start[q + 1]; i++) r->scratch.pair[n++] = (struct pair){r->x[i], r->y[i]};
    return n;
}

static struct raml_rank_correlation draw(struct resamples *r, uint64_t seed, uint32_t d)
{
    const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
    uint32_t w[4] = {0};
    size_t n = 0;
    for (size_t i = 0; i < r->n_clusters; i++) {
        if (i % 4 == 0) raml_random4(&key, i / 4, w);
        n = add_cluster(r, (size_t)(((uint64_t)w[i % 4] * r->n_clusters) >> 32), n);
    }
    return correlate(&r->scratch, n);
}

static void set_interval(const struct resamples *r, double *drawn, size_t n, struct raml_estimate *e)
{
    double tail = raml_percentile_tail(r->n_clusters);
    if (n == 0 || r->n_clusters < 2) return;
    qsort(drawn, n, sizeof *drawn, by_number);
    e->low = raml_quantile(drawn, n, tail);
    e->high = raml_quantile(drawn, n, 1 - tail);
}

static void estimate(struct resamples *r, size_t n, uint64_t seed, uint32_t n_draws, struct raml_rank_estimate *out)
{
    size_t n_spearman = 0, n_kendall = 0, all = 0;
    for (size_t q = 0; q < r->n_clusters; q++) all = add_cluster(r, q, all);
    struct raml_rank_correlation c = correlate(&r->scratch, all);
    struct raml_estimate none = {.value = NAN, .low = NAN, .high = NAN, .n = r->n_clusters, .se = NAN};
    *out = (struct raml_rank_estimate){.spearman = none, .kendall = none, .n_values = n};
    out->spearman.value = c.spearman;
    out->kendall.value = c.kendall;
    for (uint32_t d = 0; d < n_draws && r->n_clusters > 1; d++) {
        c = draw(r, seed, d);
        if (!isnan(c.spearman)) r->spearman[n_spearman++] = c.spearman;
        if (!isnan(c.kendall)) r->kendall[n_kendall++] = c.kendall;
    }
    set_interval(r, r->spearman, n_spearman, &out->spearman);
    set_interval(r, r->kendall, n_kendall, &out->kendall);
}

enum raml_code raml_rank_correlate_clustered(const double *x, const double *y, const uint64_t *cluster, size_t n,
                                             uint64_t seed, uint32_t n_draws, struct raml_rank_estimate *out,
                                             struct raml_err *err)
{
    struct resamples r = {.x = x, .y = y};
    enum raml_code rc = check(x, y, n, err);
    if (!rc) rc = resamples_init(&r, cluster, n, n_draws, err);
    if (!rc) estimate(&r, n, seed, n_draws, out);
    resamples_deinit(&r);
    return rc;
}
