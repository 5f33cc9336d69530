/* gpass.h - how consistently a model is correct: at least m of k draws, exactly.
 *
 * n samples of a question, c of them correct, k drawn without replacement, J of those correct (hypergeometric):
 *   at least m   P(J >= m) = sum_{j = m..min(c, k)} C(c, j) C(n-c, k-j) / C(n, k)
 *   G-Pass@k_t   P(J >= max(ceil(t k), 1))                                  (Liu et al. 2024, arXiv 2412.13147, eq. 5)
 *   mG-Pass@k    2/k sum_{i = ceil(k/2)+1..k} P(J >= i)                     (ibid., eq. 8, with m = i given directly)
 * t = 0 is pass@k; t = 1 is all k correct. The paper prints c as the sum's upper limit; min(c, k) is meant.
 * The threshold t is a fraction of integers: ceil(t k) in floats gives 56 for k = 100, t = 0.55, where 55 is correct.
 * mG-Pass@k has floor(k/2) terms, so for odd k a model that is always correct gets (k-1)/k: 0 for k = 1, 2/3 for k = 3.
 * That is how it is defined, and is not corrected here.
 * Numbers  sums of positive terms by ratios from the largest one: no factorial, no logarithm, nothing to overflow;
 *          within 1e-12 for n up to 2^32 - 1. Cost O(min(c, k)) at worst, a few standard deviations usually.
 * k = 0, k > n, c > n, m > k and t outside [0, 1] are refused, never answered with 0.
 */
#ifndef RAML_GPASS_H
#define RAML_GPASS_H

#include "raml/err.h"

#include <stdint.h>

#pragma GCC visibility push(default)

enum { RAML_TAU_TEXT = 24, RAML_TAU_MAX_DEN = 1000000000 };
struct raml_tau { /* num / den in [0, 1] */
    uint32_t num, den;
    char text[RAML_TAU_TEXT]; /* as given; part of the metric's name: G-Pass@16_0.5 */
};
/* Reads "0.55", "1", ".5" (at most 9 decimals) or "7/25". RAML_EUSAGE: anything else, or outside [0, 1]. */
RAML_CHECKED enum raml_code raml_tau_read(const char *text, struct raml_tau *out, struct raml_err *err);
/* max(ceil(tau k), 1), in integers. */
uint32_t raml_tau_of(const struct raml_tau *tau, uint32_t k);

/* P(at least m of k correct), 1 <= m <= k <= n, c <= n. */
RAML_CHECKED enum raml_code raml_gpass_least(uint32_t n, uint32_t c, uint32_t k, uint32_t m, double *out,
                                             struct raml_err *err);
RAML_CHECKED enum raml_code raml_gpass_at_k(uint32_t n, uint32_t c, uint32_t k, const struct raml_tau *tau, double *out,
                                            struct raml_err *err);
RAML_CHECKED enum raml_code raml_mgpass_at_k(uint32_t n, uint32_t c, uint32_t k, double *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
