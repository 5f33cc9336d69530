/* majority.c - see metric.h for what is computed and how. */
#include "raml/metric.h"

#include "core/array.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ENTRIES = 1 << 27 }; /* 1 GiB: 8000 answers and as many draws */

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static double share(const struct raml_vote *v)
{
    return (double)v->correct / (double)v->n;
}

/* P(i of a) for i = 0..max, each of a with odds `odds` to 1: ratios from the likeliest i, over their sum. */
static void binomial(double *p, size_t a, size_t max, double odds)
{
    size_t mode = min_size((size_t)(((double)a + 1) * (odds / (1 + odds))), a);
    double all = 1, w = 1;
    memset(p, 0, (max + 1) * sizeof *p);
    if (mode <= max) p[mode] = 1;
    for (size_t i = mode; i < a && w > 0;) {
        w *= (double)(a - i) / (double)(i + 1) * odds;
        if (++i <= max) p[i] = w;
        all += w;
    }
    w = 1;
    for (size_t i = mode; i > 0 && w > 0;) {
        w *= (double)i / ((double)(a - i + 1) * odds);
        if (--i <= max) p[i] = w;
        all += w;
    }
    for (size_t i = 0; i <= max; i++) p[i] /= all;
}

struct sweep {
    size_t n, k;
    double odds;                  /* k : n - k */
    const struct raml_vote *vote; /* largest class first */
    size_t n_votes;
    size_t *from;     /* class g: p[from[g] + i] = P(i of it), for i up to min(its samples, k) */
    double *p, *rest; /* rest: for samples that can't be among the most common, [k + 1] */
    double *ways;     /* [k + 1][width]: weight of d drawn, t classes at j */
    double *correct;  /* the same, times the sum of the t classes' shares of correct samples */
    size_t width;
};

/* One more class, the done-th, of which at most j samples may be drawn. */
static void add_class(struct sweep *s, size_t g, size_t j, size_t done)
{
    const double *p = s->p + s->from[g];
    size_t now = done + 1, most = min_size(s->k, now * j);
    double worth = share(&s->vote[g]);
    for (size_t d = most + 1; d-- > 0;) {
        size_t low = d > now * (j - 1) ? d - now * (j - 1) : 0, high = min_size(now, d / j);
        double *f = s->ways + d * s->width, *r = s->correct + d * s->width;
        for (size_t t = low; t <= high; t++) {
            f[t] *= p[0];
            r[t] *= p[0];
        }
        for (size_t i = 1; i < j && i <= d; i++) {
            const double *fi = f - i * s->width, *ri = r - i * s->width;
            for (size_t t = low; t <= high; t++) {
                f[t] += p[i] * fi[t];
                r[t] += p[i] * ri[t];
            }
        }
        if (d < j) continue;
        const double *fj = f - j * s->width, *rj = r - j * s->width;
        for (size_t t = low ? low : 1; t <= high; t++) {
            f[t] += p[j] * fj[t - 1];
            r[t] += p[j] * (rj[t - 1] + worth * fj[t - 1]);
        }
    }
}

/* Weight of the draws whose most common answer was drawn j times, times the correct share of the most common. */
static double of_size(struct sweep *s, size_t j)
{
    size_t n_big = 0, big = 0;
    for (; n_big < s->n_votes && s->vote[n_big].n >= j; n_big++) big += s->vote[n_big].n;
    size_t rest = s->n - big, entries;
    if (rest + n_big * j < s->k) return 0;
    s->width = min_size(n_big, s->k / j) + 1;
    entries = (s->k + 1) * s->width;
    memset(s->ways, 0, entries * sizeof *s->ways);
    memset(s->correct, 0, entries * sizeof *s->correct);
    s->ways[0] = 1;
    for (size_t g = 0; g < n_big; g++) add_class(s, g, j, g);
    binomial(s->rest, rest, min_size(rest, s->k), s->odds);
    double sum = 0;
    for (size_t d = j; d <= s->k; d++) {
        if (s->k - d > rest) continue;
        double tied = 0;
        for (size_t t = 1; t < s->width; t++) tied += s->correct[d * s->width + t] / (double)t;
        sum += tied * s->rest[s->k - d];
    }
    return sum;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void raml_majority_deinit(struct raml_majority *m)
{
    free(m->work);
    *m = (struct raml_majority){0};
}

static enum raml_code grow(struct raml_majority *m, size_t entries, struct raml_err *err)
{
    static const char what[] = "entries of a majority vote";
    if (entries > MAX_ENTRIES) return raml_fail(err, RAML_ENOMEM, "no memory for %zu %s", entries, what);
    return RAML_RESERVE(m->work, m->cap, entries, what, err);
}

static int larger_first(const void *a, const void *b)
{
    const struct raml_vote *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return (x->correct < y->correct) - (x->correct > y->correct);
}

/* Lays out the sweep in m->work: the sorted classes, their offsets, the probabilities, then the two tables. */
static enum raml_code prepare(struct raml_majority *m, struct sweep *s, const struct raml_vote *vote,
                              struct raml_err *err)
{
    size_t n_p = 0, width = min_size(s->n_votes, s->k) + 1;
    size_t n_head = (s->n_votes * (sizeof(struct raml_vote) + sizeof(size_t))) / sizeof(double) + 2;
    for (size_t g = 0; g < s->n_votes; g++) n_p += min_size(vote[g].n, s->k) + 1;
    if ((s->k + 1) > SIZE_MAX / 64 / width)
        return raml_fail(err, RAML_ENOMEM, "no memory for a majority vote of %zu among %zu answers", s->k, s->n_votes);
    enum raml_code rc = grow(m, n_head + n_p + (s->k + 1) * (1 + 2 * width), err);
    if (rc) return rc;
    s->from = (size_t *)(void *)m->work;
    struct raml_vote *sorted = (struct raml_vote *)(void *)(s->from + s->n_votes);
    memcpy(sorted, vote, s->n_votes * sizeof *sorted);
    qsort(sorted, s->n_votes, sizeof *sorted, larger_first);
    s->vote = sorted;
    s->p = m->work + n_head;
    s->rest = s->p + n_p;
    s->ways = s->rest + s->k + 1;
    s->correct = s->ways + (s->k + 1) * width;
    for (size_t g = 0, at = 0; g < s->n_votes; g++) {
        size_t max = min_size(sorted[g].n, s->k);
        s->from[g] = at;
        binomial(s->p + at, sorted[g].n, max, s->odds);
        at += max + 1;
    }
    return RAML_OK;
}

/* ---- the simple cases -------------------------------------------------------------------------------------------- */

/* All samples are drawn: the vote is certain. */
static double all_drawn(const struct raml_vote *vote, size_t n_votes)
{
    uint32_t most = 0;
    size_t tied = 0;
    double correct = 0;
    for (size_t g = 0; g < n_votes; g++) {
        if (vote[g].n < most) continue;
        if (vote[g].n > most) {
            most = vote[g].n;
            tied = 0;
            correct = 0;
        }
        tied++;
        correct += share(&vote[g]);
    }
    return tied ? correct / (double)tied : 0;
}

static enum raml_code check(const struct raml_vote *vote, size_t n_votes, uint32_t n, uint32_t k, struct raml_err *err)
{
    uint64_t sum = 0;
    if (k == 0 || k > n)
        return raml_fail(err, RAML_ERANGE, "maj@%u of %u samples; k must be 1 to the number of samples", k, n);
    for (size_t g = 0; g < n_votes; g++) {
        if (vote[g].n == 0 || vote[g].correct > vote[g].n)
            return raml_fail(err, RAML_ERANGE, "%u correct samples of %u that gave one answer", vote[g].correct,
                             vote[g].n);
        sum += vote[g].n;
        if (sum > n) return raml_fail(err, RAML_ERANGE, "more than n = %u samples with an answer", n);
    }
    return RAML_OK;
}

enum raml_code raml_maj_at_k(struct raml_majority *m, const struct raml_vote *vote, size_t n_votes, uint32_t n,
                             uint32_t k, double *out, struct raml_err *err)
{
    enum raml_code rc = check(vote, n_votes, n, k, err);
    if (rc) return rc;
    size_t correct = 0, largest = 0;
    for (size_t g = 0; g < n_votes; g++) {
        correct += vote[g].correct;
        if (vote[g].correct && vote[g].n > largest) largest = vote[g].n;
    }
    if (!correct || k == 1) {
        *out = (double)correct / (double)n;
        return RAML_OK;
    }
    if (k == n) {
        *out = all_drawn(vote, n_votes);
        return RAML_OK;
    }
    if (n_votes == 1) {
        rc = raml_pass_at_k(n, vote[0].n, k, out, err);
        if (!rc) *out *= share(vote);
        return rc;
    }
    struct sweep s = {.n = n, .k = k, .odds = (double)k / (double)(n - k), .n_votes = n_votes};
    rc = prepare(m, &s, vote, err);
    if (rc) return rc;
    double sum = 0;
    for (size_t j = 1; j <= min_size(k, largest); j++) sum += of_size(&s, j);
    binomial(s.rest, n, k, s.odds); /* P(k of all n) */
    double value = sum / s.rest[k];
    *out = value < 1 ? value : 1;
    return RAML_OK;
}
