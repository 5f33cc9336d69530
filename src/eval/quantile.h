/* quantile.h - quantiles of resampled means, and how far out an interval of them reaches. */
#ifndef RAML_EVAL_QUANTILE_H
#define RAML_EVAL_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

/* Quantile q of sorted x[n], n >= 1, linear between neighbours (Hyndman and Fan 1996, type 7). */
double raml_quantile(const double *x, size_t n, double q);
/* How much of the resampled means of n questions to leave out on each side for 95 %: less than 2.5 %, because resamples
 * of few questions spread too little. Phi(-sqrt(n/(n-1)) t_{0.975, n-1}), the expanded percentile interval of Hesterberg
 * 2015 (The American Statistician 69, 371). 2.5 % for n below 2. */
double raml_percentile_tail(uint64_t n);

#endif
