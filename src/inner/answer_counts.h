/* answer_counts.h - final answers of continuations, counted by class: how much the distribution at one place of a
 * trajectory differs from that at another (docs/methods.md, section 2).
 *
 * count[n_classes]; one of the classes may be "no answer".      Threads  pure functions.
 */
#ifndef RAML_INNER_ANSWER_COUNTS_H
#define RAML_INNER_ANSWER_COUNTS_H

#include <stddef.h>
#include <stdint.h>

/* KL(after || before) in nats. Laplace's 1 is added to every class that either has, so that none is impossible. NaN
 * where either has no answer at all. Of n answers each of the same distribution it is about (K - 1)/n on average, K the
 * classes that either has: not 0. */
double raml_answer_counts_kl(const uint32_t *after, const uint32_t *before, size_t n_classes);
/* share[n_classes]; NaN where there is no answer. */
void raml_answer_counts_share(const uint32_t *count, size_t n_classes, double *share);

#endif
