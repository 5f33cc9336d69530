/* metric.c - see metric.h. */
#include "raml/metric.h"

#include "eval/quantile.h"

#include "raml/rng.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* C(n-c, k) / C(n, k) = prod_{i<k} (n-c-i) / (n-i) = prod_{i<c} (n-k-i) / (n-i): the shorter one, factors in [0, 1]. */
static double chance_of_no_hit(uint32_t n, uint32_t c, uint32_t k)
{
    uint32_t few = c < k ? c : k, many = c < k ? k : c;
    double p = 1.0;
    for (uint32_t i = 0; i < few && p > 0.0; i++) p *= (double)(n - many - i) / (double)(n - i);
    return p;
}

enum raml_code raml_pass_at_k(uint32_t n, uint32_t c, uint32_t k, double *out, struct raml_err *err)
{
    if (k == 0 || k > n)
        return raml_fail(err, RAML_ERANGE, "pass@%u of %u samples; k must be 1 to the number of samples", k, n);
    if (c > n) return raml_fail(err, RAML_ERANGE, "%u correct samples of %u", c, n);
    if (n - c < k) *out = 1.0;
    else if (k == 1) *out = (double)c / (double)n;
    else *out = 1.0 - chance_of_no_hit(n, c, k);
    return RAML_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean of resample number `draw`: n values of x, with replacement. */
static double resample(const double *x, size_t n, uint64_t seed, uint32_t draw)
{
    struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = draw};
    uint32_t w[4] = {0};
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0) raml_random4(&key, i / 4, w);
        sum += x[((uint64_t)w[i % 4] * n) >> 32];
    }
    return sum / (double)n;
}

struct raml_estimate raml_bootstrap_mean(const double *x, size_t n, uint64_t seed, uint32_t n_draws)
{
    struct raml_estimate e = {.value = NAN, .low = NAN, .high = NAN, .n = n, .se = NAN};
    if (!n) return e;
    double sum = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    e.value = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - e.value) * (x[i] - e.value);
    if (n > 1) e.se = sqrt(squares / (double)(n - 1) / (double)n);
    if (!n_draws || n > UINT32_MAX) return e;
    double *mean = malloc((size_t)n_draws * sizeof *mean);
    if (!mean) return e;
    for (uint32_t d = 0; d < n_draws; d++) mean[d] = resample(x, n, seed, d);
    qsort(mean, n_draws, sizeof *mean, by_value);
    double tail = raml_percentile_tail(n);
    e.low = raml_quantile(mean, n_draws, tail);
    e.high = raml_quantile(mean, n_draws, 1 - tail);
    free(mean);
    return e;
}

/* (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) */
struct raml_estimate raml_wilson(size_t c, size_t n)
{
    const double z = 1.959963984540054; /* 0.975 quantile of the normal distribution */
    struct raml_estimate e = {.value = NAN, .low = NAN, .high = NAN, .n = n, .se = NAN};
    if (!n || c > n) return e;
    double N = (double)n, p = (double)c / N, zz = z * z;
    double centre = (p + zz / (2.0 * N)) / (1.0 + zz / N);
    double half = z * sqrt(p * (1.0 - p) / N + zz / (4.0 * N * N)) / (1.0 + zz / N);
    e.value = p;
    if (n > 1) e.se = sqrt(p * (1.0 - p) / (N - 1.0));
    e.low = c == 0 ? 0.0 : centre - half; /* exact at the ends, where rounding could leave [0, 1] */
    e.high = c == n ? 1.0 : centre + half;
    return e;
}

enum raml_code raml_pass_at_k_mean(const struct raml_count *question, size_t n, uint32_t k, uint64_t seed,
                                   uint32_t n_draws, struct raml_estimate *out, struct raml_err *err)
{
    if (n > SIZE_MAX / sizeof(double)) return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", n);
    double *x = malloc(n ? n * sizeof *x : 1);
    if (!x) return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", n);
    enum raml_code rc = RAML_OK;
    size_t ones = 0;
    bool proportion = true;
    for (size_t i = 0; i < n && !rc; i++) {
        rc = raml_pass_at_k(question[i].n, question[i].c, k, &x[i], err);
        if (rc) {
            rc = raml_wrap(err, rc, "question %zu of %zu", i + 1, n);
            break;
        }
        ones += x[i] >= 1.0;
        proportion = proportion && (x[i] >= 1.0 || x[i] <= 0.0);
    }
    if (!rc) *out = proportion ? raml_wilson(ones, n) : raml_bootstrap_mean(x, n, seed, n_draws);
    free(x);
    return rc;
}
