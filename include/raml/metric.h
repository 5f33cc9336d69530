/* metric.h - what n samples per question show, and how far to trust it.
 *
 * pass@k = 1 - C(n-c, k) / C(n, k)            (Chen et al. 2021, arXiv 2107.03374, eq. 1); k > n is refused.
 * Which interval. Questions are the independent draws; samples of one question are alike, so an interval must not count
 * them as if each were new evidence.
 * - Values between 0 and 1 (several samples per question): percentile bootstrap over questions, its tails
 *   narrowed for few questions (Hesterberg 2015, the expanded percentile interval); keyed random numbers, the same
 *   bytes for a seed.
 * - Values that are only 0 or 1 (one sample per question): a proportion of n questions, Wilson's interval (Wilson 1927;
 *   Brown, Cai and DasGupta 2001). A bootstrap of all 0 or all 1 would be a point,
 *   as if 5 correct of 5 were certainty.
 * raml_pass_at_k_mean chooses by this rule; raml_bootstrap_mean (any real values) and raml_wilson do as their names
 * say.
 */
#ifndef RAML_METRIC_H
#define RAML_METRIC_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_count { /* one question: n samples, c of them correct */
    uint32_t n, c;
};
struct raml_estimate {
    double value, low, high; /* mean and 95 % interval; NaN when there is no question */
    size_t n;                /* questions */
    double se;               /* standard error of the mean, s / sqrt(n) with n - 1 in s^2; NaN below two questions */
};

/* RAML_ERANGE when k is 0 or larger than n, or c > n. */
RAML_CHECKED enum raml_code raml_pass_at_k(uint32_t n, uint32_t c, uint32_t k, double *out, struct raml_err *err);
/* Mean pass@k over questions with its interval. k = 1 is mean accuracy. n_draws: bootstrap resamples (1000 is usual).
 * RAML_ERANGE names the first question that has fewer than k samples. */
RAML_CHECKED enum raml_code raml_pass_at_k_mean(const struct raml_count *question, size_t n, uint32_t k, uint64_t seed,
                                                uint32_t n_draws, struct raml_estimate *out, struct raml_err *err);
/* Mean of x[n] with a bootstrap interval; draws: (seed, RAML_FOR_BOOTSTRAP, question = resample). low and high are NaN
 * when n_draws is 0, n is 2^32 or more, or memory for the draws runs out. O(n * n_draws). */
struct raml_estimate raml_bootstrap_mean(const double *x, size_t n, uint64_t seed, uint32_t n_draws);
/* The mean of a few independent draws with Student's interval, t s / sqrt(n): of seeds, where a bootstrap of three would
 * be far too narrow. low and high are NaN below two draws. raml_student_quantile: t with P(|T| <= t) = 0.95 at nu degrees
 * of freedom; NaN at 0. */
struct raml_estimate raml_student_mean(const double *x, size_t n);
double raml_student_quantile(size_t nu);
/* The proportion c / n of n independent draws with Wilson's 95 % interval. NaN when n is 0 or c > n. */
struct raml_estimate raml_wilson(size_t c, size_t n);

/* ---------------------------------------------------------------------------------------------------------------- */

/* How consistently a model is correct: at least m of k draws, exactly.
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

/* ---------------------------------------------------------------------------------------------------------------- */

/* Maj@k: how often the most common of k answers is correct, exactly.
 *
 * n samples of a question, grouped by their answer into classes; k are drawn without replacement; the answer drawn most
 * often wins the vote, and answers drawn equally often share it equally. maj@k is the expected share of correct
 * ones over all C(n, k) draws (the vote: Wang et al. 2022, arXiv 2203.11171; nothing is resampled here).
 * No vote   samples without an answer (none found, truncated, thinking not closed) are drawn like any other, and do not
 *           vote. When none of the k votes the draw is wrong.
 * Noise     where samples of one class were graded differently the class counts with the share of its correct ones.
 * Method    drawn counts of the classes, given that k were drawn, are those of independent binomials of k/n, given that
 *           they add up to k. For each size j of the largest class one sweep over the classes that have j samples,
 *           keeping the weight of (drawn so far, classes that reached j); all terms are positive. O(n k^2 / 4) at worst
 *           and O(k^2) memory, usually far less: only sizes that a correct class can reach are swept. Samples of
 *           64 take at most some 50 us. k = 1 and k = n are done at once.
 */

struct raml_vote {    /* one class of equal answers */
    uint32_t n;       /* its samples, at least 1 */
    uint32_t correct; /* those graded correct */
};

struct raml_majority { /* memory that is reused from question to question; zero-initialise */
    double *work;
    size_t cap;
};
void raml_majority_deinit(struct raml_majority *m);

/* n samples in all, those of vote[0..n_votes) among them. RAML_ERANGE: k is 0 or larger than n, a class without samples
 * or with more correct ones than samples, classes that have more than n together. RAML_ENOMEM: also when the tables
 * would take more than a GiB (thousands of answers and draws). */
RAML_CHECKED enum raml_code raml_maj_at_k(struct raml_majority *m, const struct raml_vote *vote, size_t n_votes,
                                          uint32_t n, uint32_t k, double *out, struct raml_err *err);

/* ---------------------------------------------------------------------------------------------------------------- */

/* Which metric is meant: its name as the field writes it, its value for n samples of which c are correct.
 *
 *   accuracy         c / n
 *   pass@8           1 - C(n-c, 8) / C(n, 8)
 *   G-Pass@16_0.5    at least half of 16 draws correct
 *   mG-Pass@16       the mean over thresholds above one half
 *   maj@16           the vote; needs the answers, not only n and c
 */

enum raml_measure_kind {
    RAML_MEASURE_ACCURACY,
    RAML_MEASURE_PASS,
    RAML_MEASURE_GPASS,
    RAML_MEASURE_MGPASS,
    RAML_MEASURE_MAJ
};
struct raml_measure {
    enum raml_measure_kind kind;
    uint32_t k;          /* not of accuracy */
    struct raml_tau tau; /* of RAML_MEASURE_GPASS */
};

enum { RAML_MEASURE_NAME = 48 };
void raml_measure_name(const struct raml_measure *m, char out[RAML_MEASURE_NAME]);
/* RAML_ERANGE: k is 0 or larger than n, c > n, no sample, or the measure is RAML_MEASURE_MAJ. */
RAML_CHECKED enum raml_code raml_measure_value(const struct raml_measure *m, uint32_t n, uint32_t c, double *out,
                                               struct raml_err *err);

#pragma GCC visibility pop
#endif
