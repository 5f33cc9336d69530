/* prune_unchanged.c - the kept share at unchanged accuracy, with its interval over questions. See prune_parts.h.
 *
 * A curve has points (share, accuracy), means over trajectories, from the whole down. The accuracy that counts as
 * unchanged is the whole's less a tolerance. From the whole down, the first point below it is looked for; the share is
 * where the line to it crosses. Where there is none the share is the last point's.
 */
#include "study/prune_parts.h"

#include "eval/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sums { /* of one curve, by cluster: [n_clusters, points] */
    double *share, *accuracy;
    size_t points;
};
struct work {
    struct sums a, b;
    size_t n_clusters;
    double *n;       /* [n_clusters] values */
    uint32_t *times; /* [n_clusters] how often a resample has it */
    double *drawn;   /* [n_draws] */
};

static void sums_deinit(struct sums *s)
{
    free(s->share);
    free(s->accuracy);
}

/* All points' values are of the same trajectories. */
static enum raml_code sums_init(struct sums *s, const struct raml_prune_curve *c, size_t n_clusters,
                                struct raml_err *err)
{
    s->points = c->n;
    s->share = calloc(n_clusters * c->n + 1, sizeof *s->share);
    s->accuracy = calloc(n_clusters * c->n + 1, sizeof *s->accuracy);
    if (!s->share || !s->accuracy) return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", n_clusters);
    for (size_t k = 0; k < c->n; k++) {
        const struct raml_clustered *x = c->share[k], *y = c->accuracy[k];
        for (size_t i = 0, q = 0; i < x->n; i++) {
            if (i && x->cluster[i] != x->cluster[i - 1]) q++;
            s->share[q * c->n + k] += x->value[i];
            s->accuracy[q * c->n + k] += y->value[i];
        }
    }
    return RAML_OK;
}

static double share_of(const struct work *w, const struct sums *s, double tolerance)
{
    double n = 0, wanted = 0, share = 0, accuracy = 0;
    for (size_t q = 0; q < w->n_clusters; q++) n += w->times[q] * w->n[q];
    for (size_t k = 0; k < s->points; k++) {
        double x = 0, y = 0;
        for (size_t q = 0; q < w->n_clusters; q++) {
            x += w->times[q] * s->share[q * s->points + k];
            y += w->times[q] * s->accuracy[q * s->points + k];
        }
        x /= n;
        y /= n;
        if (k == 0) wanted = y - tolerance - 1e-12; /* sums round */
        if (y < wanted) return share + (x - share) * (accuracy - wanted) / (accuracy - y);
        share = x;
        accuracy = y;
    }
    return share;
}

static double statistic(const struct work *w, double tolerance)
{
    double a = share_of(w, &w->a, tolerance);
    return w->b.points ? a - share_of(w, &w->b, tolerance) : a;
}

/* As eval/cluster.h draws them. */
static void draw(struct work *w, uint64_t seed, uint32_t d)
{
    const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
    uint32_t x[4] = {0};
    memset(w->times, 0, w->n_clusters * sizeof *w->times);
    for (size_t i = 0; i < w->n_clusters; i++) {
        if (i % 4 == 0) raml_random4(&key, i / 4, x);
        w->times[((uint64_t)x[i % 4] * w->n_clusters) >> 32]++;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void estimate(struct work *w, double tolerance, uint64_t seed, uint32_t n_draws, struct raml_estimate *out)
{
    for (size_t q = 0; q < w->n_clusters; q++) w->times[q] = 1;
    *out = (struct raml_estimate){
        .value = statistic(w, tolerance), .low = NAN, .high = NAN, .n = w->n_clusters, .se = NAN};
    if (w->n_clusters < 2 || n_draws == 0) return;
    for (uint32_t d = 0; d < n_draws; d++) {
        draw(w, seed, d);
        w->drawn[d] = statistic(w, tolerance);
    }
    qsort(w->drawn, n_draws, sizeof *w->drawn, by_value);
    double tail = raml_percentile_tail(w->n_clusters);
    out->low = raml_quantile(w->drawn, n_draws, tail);
    out->high = raml_quantile(w->drawn, n_draws, 1 - tail);
}

enum raml_code raml_prune_unchanged(const struct raml_prune_curve *a, const struct raml_prune_curve *b,
                                    double tolerance, uint64_t seed, uint32_t n_draws, struct raml_estimate *out,
                                    struct raml_err *err)
{
    const struct raml_clustered *x = a->share[0];
    *out = (struct raml_estimate){.value = NAN, .low = NAN, .high = NAN, .se = NAN};
    if (x->n == 0 || a->accuracy[0]->n != x->n) return RAML_OK; /* no answers */
    struct work w = {.n_clusters = raml_clustered_clusters(x)};
    w.n = calloc(w.n_clusters, sizeof *w.n);
    w.times = calloc(w.n_clusters, sizeof *w.times);
    w.drawn = calloc((size_t)n_draws + 1, sizeof *w.drawn);
    enum raml_code rc =
        w.n && w.times && w.drawn ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %u resamples", n_draws);
    if (!rc) rc = sums_init(&w.a, a, w.n_clusters, err);
    if (!rc && b) rc = sums_init(&w.b, b, w.n_clusters, err);
    for (size_t i = 0, q = 0; !rc && i < x->n; i++) {
        if (i && x->cluster[i] != x->cluster[i - 1]) q++;
        w.n[q]++;
    }
    if (!rc) estimate(&w, tolerance, seed, n_draws, out);
    sums_deinit(&w.a);
    sums_deinit(&w.b);
    free(w.n);
    free(w.times);
    free(w.drawn);
    return rc;
}
