/* resample.c - see resample.h. */
#include "eval/resample.h"

#include "eval/quantile.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- binomial numbers -------------------------------------------------------------------------------------------- */

static double log_choose(double n, double m)
{
    int sign; /* of lgamma's value; lgamma() itself would write a global */
    return lgamma_r(n + 1, &sign) - lgamma_r(m + 1, &sign) - lgamma_r(n - m + 1, &sign);
}

uint64_t raml_binomial_inverse(double u, uint64_t n, double p)
{
    if (n == 0 || p <= 0) return 0;
    if (p >= 1) return n;
    double N = (double)n, odds = p / (1 - p);
    uint64_t mode = (uint64_t)((N + 1) * p);
    if (mode > n) mode = n;
    double m = (double)mode;
    double mode_p = exp(log_choose(N, m) + m * log(p) + (N - m) * log1p(-p));
    u -= mode_p;
    if (u < 0) return mode;
    uint64_t low = mode, high = mode;
    double w_low = mode_p, w_high = mode_p;
    while (w_low > 0 || w_high > 0) {
        if (high < n) {
            w_high *= (double)(n - high) / (double)(high + 1) * odds;
            u -= w_high;
            high++;
            if (u < 0) return high;
        } else {
            w_high = 0;
        }
        if (low > 0) {
            w_low *= (double)low / ((double)(n - low + 1) * odds);
            u -= w_low;
            low--;
            if (u < 0) return low;
        } else {
            w_low = 0;
        }
    }
    return mode; /* the rounding error, at most 1e-9 */
}

/* ---- bootstrap --------------------------------------------------------------------------------------------------- */

struct values {
    const uint64_t *count;
    size_t n;
    uint64_t total;
    uint32_t *of_question; /* [total]: the value's index of each; NULL: counts are drawn as binomials */
};

static void draw_singly(const struct values *c, const struct raml_key *key, uint64_t *drawn)
{
    uint32_t w[4] = {0};
    memset(drawn, 0, c->n * sizeof *drawn);
    for (uint64_t i = 0; i < c->total; i++) {
        if (i % 4 == 0) raml_random4(key, i / 4, w);
        drawn[c->of_question[((uint64_t)w[i % 4] * c->total) >> 32]]++;
    }
}

static void draw_values(const struct values *c, const struct raml_key *key, uint64_t *drawn)
{
    uint64_t left = c->total, weight = c->total;
    for (size_t i = 0; i < c->n; i++) {
        bool last = weight == c->count[i];
        drawn[i] =
            last ? left : raml_binomial_inverse(raml_uniform(key, i), left, (double)c->count[i] / (double)weight);
        left -= drawn[i];
        weight -= c->count[i];
    }
}

static double mean(const uint64_t *count, const double *value, size_t n, uint64_t total)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)count[i] * value[i];
    return sum / (double)total;
}

static double standard_error(const struct values *c, const double *value, double middle)
{
    double squares = 0, n = (double)c->total;
    for (size_t i = 0; i < c->n; i++) squares += (double)c->count[i] * (value[i] - middle) * (value[i] - middle);
    return c->total > 1 ? sqrt(squares / (n - 1) / n) : NAN;
}

/* True, with *ones, when the values are 0 or 1. */
static bool is_proportion(const struct values *c, const double *value, uint64_t *ones)
{
    *ones = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (value[i] > 0 && value[i] < 1) return false;
        if (value[i] >= 1) *ones += c->count[i];
    }
    return true;
}

/* Few questions per value: drawing them singly costs less than a binomial for each value. */
static enum raml_code list_questions(struct values *c, struct raml_err *err)
{
    if (c->total / 8 > c->n || c->total > UINT32_MAX) return RAML_OK;
    c->of_question = malloc((size_t)c->total * sizeof *c->of_question);
    if (!c->of_question)
        return raml_fail(err, RAML_ENOMEM, "no memory to resample %llu questions", (unsigned long long)c->total);
    for (size_t i = 0, at = 0; i < c->n; i++)
        for (uint64_t j = 0; j < c->count[i]; j++) c->of_question[at++] = (uint32_t)i;
    return RAML_OK;
}

/* means: [n_rows][n_draws]; drawn: [c->n]. */
static void all_draws(const struct values *c, const double *const *value, size_t n_rows, uint64_t seed,
                      uint32_t n_draws, uint64_t *drawn, double *means)
{
    for (uint32_t d = 0; d < n_draws; d++) {
        struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = d, .sample = 1};
        if (c->of_question) draw_singly(c, &key, drawn);
        else draw_values(c, &key, drawn);
        for (size_t r = 0; r < n_rows; r++) means[r * n_draws + d] = mean(drawn, value[r], c->n, c->total);
    }
}

static void set_interval(struct raml_estimate *e, double *means, uint32_t n_draws, uint64_t n)
{
    double tail = raml_percentile_tail(n);
    qsort(means, n_draws, sizeof *means, by_value);
    e->low = raml_quantile(means, n_draws, tail);
    e->high = raml_quantile(means, n_draws, 1 - tail);
}

enum raml_code raml_resample(const uint64_t *count, size_t n_values, const double *const *value, size_t n_rows,
                             const struct raml_resample_options *opt, struct raml_estimate *out, struct raml_err *err)
{
    struct values c = {.count = count, .n = n_values};
    for (size_t i = 0; i < n_values; i++) c.total += count[i];
    bool needed = false;
    uint64_t ones;
    for (size_t r = 0; r < n_rows; r++) {
        out[r] = (struct raml_estimate){.value = NAN, .low = NAN, .high = NAN, .n = (size_t)c.total, .se = NAN};
        if (!c.total) continue;
        if (opt->proportions && is_proportion(&c, value[r], &ones)) {
            out[r] = raml_wilson((size_t)ones, (size_t)c.total);
            continue;
        }
        out[r].value = mean(count, value[r], n_values, c.total);
        out[r].se = standard_error(&c, value[r], out[r].value);
        needed = needed || opt->n_draws;
    }
    if (!needed) return RAML_OK;
    uint64_t *drawn = malloc(n_values * sizeof *drawn);
    double *means = malloc(n_rows * (size_t)opt->n_draws * sizeof *means);
    enum raml_code rc = drawn && means ? list_questions(&c, err)
                                       : raml_fail(err, RAML_ENOMEM, "no memory for %u resamples", opt->n_draws);
    if (!rc) all_draws(&c, value, n_rows, opt->seed, opt->n_draws, drawn, means);
    for (size_t r = 0; r < n_rows && !rc; r++)
        if (!opt->proportions || !is_proportion(&c, value[r], &ones))
            set_interval(&out[r], means + r * opt->n_draws, opt->n_draws, c.total);
    free(c.of_question);
    free(drawn);
    free(means);
    return rc;
}

/* ---- distinct values --------------------------------------------------------------------------------------------- */

static bool same(double a, double b)
{
    return !(a < b) && !(a > b);
}

size_t raml_resample_gather(double *x, size_t n, double *value, uint64_t *count)
{
    size_t n_values = 0, i = 0;
    if (n) qsort(x, n, sizeof *x, by_value);
    for (; i < n && n_values <= RAML_RESAMPLE_MAX_VALUES; i++) {
        if (n_values && same(value[n_values - 1], x[i])) {
            count[n_values - 1]++;
            continue;
        }
        if (n_values == RAML_RESAMPLE_MAX_VALUES) break;
        value[n_values] = x[i];
        count[n_values++] = 1;
    }
    if (i == n) return n_values;
    size_t at = 0;
    for (size_t b = 0; b < RAML_RESAMPLE_MAX_VALUES; b++) {
        size_t end = (size_t)((double)n * (double)(b + 1) / RAML_RESAMPLE_MAX_VALUES);
        double sum = 0;
        if (b + 1 == RAML_RESAMPLE_MAX_VALUES) end = n;
        count[b] = end - at;
        for (size_t j = at; j < end; j++) sum += x[j];
        value[b] = sum / (double)count[b];
        at = end;
    }
    return RAML_RESAMPLE_MAX_VALUES;
}
