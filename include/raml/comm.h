/* comm.h - the processes that train one model together: ranks 0 .. size - 1, as MPI has them.
 *
 * Every rank calls the same functions in the same order. Results do not depend on how an implementation adds or sends:
 * `sum` adds the ranks' values in the order of their ranks, in double, to the same bits on every rank; gradients are
 * added by the trainer.
 * Parts   an array of n elements is cut into `size` parts, part k being elements [first[k], first[k + 1]), which may be
 *         none; each rank owns one. deal and share of parts together make a sum over ranks, and between them a rank
 *         can work on its part alone (ZeRO-1, Rajbhandari et al. 2019, arXiv 1910.02054). first: [size + 1], the same
 *         on every rank.
 * Arrays  are the host's. The trainer passes at most a few megabytes a call, but for records of rollouts.
 * Errors  a function that fails on one rank fails on all, or ends all of them. After a failure nothing more is called.
 */
#ifndef RAML_COMM_H
#define RAML_COMM_H

#include "raml/err.h"

#include <stddef.h>

#pragma GCC visibility push(default)

struct raml_comm {
    int rank, size;
    void *user;
    /* x[n] in place: the sum over ranks. */
    enum raml_code (*sum)(void *user, double *x, size_t n, struct raml_err *err);
    /* Every rank's part k to rank k: all[size][own], in the order of ranks, own being the length of this rank's part. */
    enum raml_code (*deal_parts)(void *user, const float *x, const size_t *first, float *all, struct raml_err *err);
    /* Every rank's own part of x to all the others. */
    enum raml_code (*share_parts)(void *user, float *x, const size_t *first, struct raml_err *err);
    /* Every rank's own part of x to rank 0. */
    enum raml_code (*gather_parts)(void *user, float *x, const size_t *first, struct raml_err *err);
    /* Rank 0's x: to every rank its own part. */
    enum raml_code (*scatter_parts)(void *user, float *x, const size_t *first, struct raml_err *err);
    /* Rank 0's x[bytes] to all. */
    enum raml_code (*broadcast)(void *user, void *x, size_t bytes, struct raml_err *err);
    /* Rank 0's all[size * bytes], part[bytes] to each. all: read on rank 0 only. */
    enum raml_code (*scatter)(void *user, const void *all, void *part, size_t bytes, struct raml_err *err);
    /* Every rank's part[bytes], in the order of ranks, to rank 0's all[size * bytes]. */
    enum raml_code (*gather)(void *user, const void *part, void *all, size_t bytes, struct raml_err *err);
};
/* One process alone. */
const struct raml_comm *raml_comm_alone(void);

/* What every rank did by itself: rc and *err as they are there. Returns, on every rank, RAML_OK where all of them went
 * well, else code and message of the lowest rank that failed; with "rank 1 on HOST: " in front unless all failed. */
RAML_CHECKED enum raml_code raml_comm_agree(const struct raml_comm *c, enum raml_code rc, struct raml_err *err);

#pragma GCC visibility pop
#endif
