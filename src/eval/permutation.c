/* permutation.c - see permutation.h. */
#include "eval/permutation.h"

#include "eval/resample.h"

#include <math.h>
#include <stdlib.h>

enum { EXACT = 16, DRAWN = 9999 };

double raml_sign_test(uint64_t b, uint64_t c)
{
    uint64_t n = b + c, few = b < c ? b : c;
    double sum = 0, all = 0, w = 1;
    if (!n) return 1;
    /* P(i), relative to the likeliest, from the middle down: all terms positive, none overflows. */
    for (uint64_t i = n / 2;; i--) {
        if (i <= few) sum += w;
        all += n % 2 == 0 && i == n / 2 ? w / 2 : w;
        if (i == 0 || !(w > 0)) break;
        w *= (double)i / (double)(n - i + 1);
    }
    return fmin(1, sum / all); /* all: half of the total */
}

/* All sign patterns of d[m], m <= EXACT. */
static double all_patterns(const double *d, size_t m, double seen)
{
    size_t hits = 0;
    for (uint32_t signs = 0; signs < 1u << m; signs++) {
        double sum = 0;
        for (size_t i = 0; i < m; i++) sum += signs >> i & 1 ? d[i] : -d[i];
        hits += fabs(sum) >= seen;
    }
    return (double)hits / (double)(1u << m);
}

/* How many of n random signs are plus. */
static uint64_t pluses(const struct raml_key *key, size_t position, uint64_t n)
{
    if (n > 64) return raml_binomial_inverse(raml_uniform(key, position), n, 0.5);
    uint32_t w[4];
    raml_random4(key, position, w);
    uint64_t bits = ((uint64_t)w[0] << 32 | w[1]) >> (64 - n);
    uint64_t sum = 0;
    for (; bits; bits &= bits - 1) sum++;
    return sum;
}

static double drawn_patterns(const double *size, const uint64_t *count, size_t n, double seen, uint64_t seed)
{
    size_t hits = 0;
    for (uint32_t k = 0; k < DRAWN; k++) {
        struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = k, .sample = 2};
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            double plus = (double)pluses(&key, i, count[i]);
            sum += size[i] * (2 * plus - (double)count[i]);
        }
        hits += fabs(sum) >= seen;
    }
    return (double)(1 + hits) / (1 + DRAWN);
}

enum raml_code raml_permutation_test(double *d, size_t n, uint64_t seed, double *p, struct raml_err *err)
{
    double sum = 0, sizes = 0;
    size_t m = 0, plus = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(d[i]) > 0)) continue;
        sum += d[i];
        sizes += fabs(d[i]);
        plus += d[i] > 0;
        d[m++] = fabs(d[i]);
    }
    double seen = fabs(sum) - 1e-12 * sizes; /* patterns of the same sum, added in another order, count as equal */
    *p = 1;
    if (!m) return RAML_OK;
    double *size = malloc(RAML_RESAMPLE_MAX_VALUES * sizeof *size);
    uint64_t *count = malloc(RAML_RESAMPLE_MAX_VALUES * sizeof *count);
    enum raml_code rc = RAML_OK;
    if (!size || !count) {
        rc = raml_fail(err, RAML_ENOMEM, "no memory to compare %zu questions", n);
    } else {
        size_t n_sizes = raml_resample_gather(d, m, size, count);
        if (n_sizes == 1) *p = raml_sign_test(plus, m - plus);
        else if (m <= EXACT) *p = all_patterns(d, m, seen);
        else *p = drawn_patterns(size, count, n_sizes, seen, seed);
    }
    free(size);
    free(count);
    return rc;
}
