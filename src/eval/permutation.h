/* permutation.h - permutation tests: is a sum of differences further from 0 than with random signs (paired.h)? */
#ifndef RAML_EVAL_PERMUTATION_H
#define RAML_EVAL_PERMUTATION_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

/* min(1, 2 P(Binomial(b + c, 1/2) <= min(b, c))): the sign test, and McNemar's exact test. */
double raml_sign_test(uint64_t b, uint64_t c);
/* Two-sided p-value of the mean of d[n] by sign flips; d is overwritten. 1 when all d are 0. Random numbers: (seed,
 * RAML_FOR_BOOTSTRAP, question = pattern, sample = 2, position = size of d). */
RAML_CHECKED enum raml_code raml_permutation_test(double *d, size_t n, uint64_t seed, double *p, struct raml_err *err);

#endif
