/* sample_size.h - how many questions a result of a given precision needs.
 *
 * One run. A question's rate p differs between questions with variance B; one sample of it has variance W = mean of
 * p (1 - p). The mean accuracy of Q questions with s samples each then has variance (B + W / s) / Q, so that
 *   Q = z^2 (B + W / s) / x^2       gives a 95 % interval of half-width x, z = 1.96.
 * More samples help only against W; B belongs to the questions, and the limit s -> infinity is given too.
 * Two runs on the same questions, to see a difference d in 4 of 5 repetitions (power 0.8) at 5 % two-sided:
 *   Q = (1.96 + 0.8416)^2 V / d^2   V: variance over questions of the difference of the two runs' rates.
 * V is taken from a comparison if there is one (D + (W1 + W2) / s, D: how differently hard the questions are for the
 * two). From one run D is not known: V = 2 W / s (D = 0: both find the same questions hard) gives the smallest number
 * that can do.
 * (Cochran 1977, Sampling techniques, ch. 10: two-stage sampling; the normal approximation throughout.)
 */
#ifndef RAML_SAMPLE_SIZE_H
#define RAML_SAMPLE_SIZE_H

#include "raml/table.h"

#pragma GCC visibility push(default)

struct raml_sample_size { /* variances of accuracy, per question */
    double between;       /* B, or D of a comparison */
    double within;        /* W, or W1 + W2 */
};
/* From the spread of a row; RAML_ERANGE when it is not known (fewer than two questions, or one sample in some). B is
 * total - noise, 0 when that is negative. */
RAML_CHECKED enum raml_code raml_sample_size_of(const struct raml_spread *s, struct raml_sample_size *out,
                                                struct raml_err *err);
/* From only the accuracy p, in the least favourable case: all of p (1 - p) is between questions, so that samples don't
 * help. */
RAML_CHECKED enum raml_code raml_sample_size_of_accuracy(double p, struct raml_sample_size *out, struct raml_err *err);

/* Questions for an interval of half-width x; s: samples per question, 0: infinitely many. At least 1. x > 0. */
double raml_sample_size_width(const struct raml_sample_size *p, uint32_t s, double x);
/* Questions to see a difference d of two paired runs with power 0.8. plan: of the difference. */
double raml_sample_size_paired(const struct raml_sample_size *p, uint32_t s, double d);

#pragma GCC visibility pop
#endif
