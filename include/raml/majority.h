/* majority.h - maj@k: how often the most common of k answers is correct, exactly.
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
#ifndef RAML_MAJORITY_H
#define RAML_MAJORITY_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

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

#pragma GCC visibility pop
#endif
