/* comm.h - the processes that train one model together: ranks 0 .. size - 1, as MPI has them.
 *
 * Every rank calls the same functions in the same order. Results do not depend on how an implementation adds: sums are
 * those of the ranks' values in the order of their ranks, the same bits on every rank.
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
    /* The same of float arrays of the host, added in double. */
    enum raml_code (*sum_float)(void *user, float *x, size_t n, struct raml_err *err);
    /* Rank 0's all[size * bytes], part[bytes] to each. all: read on rank 0 only. */
    enum raml_code (*scatter)(void *user, const void *all, void *part, size_t bytes, struct raml_err *err);
    /* Every rank's part[bytes], in the order of ranks, to rank 0's all[size * bytes]. */
    enum raml_code (*gather)(void *user, const void *part, void *all, size_t bytes, struct raml_err *err);
};
/* One process alone. */
const struct raml_comm *raml_comm_alone(void);

#pragma GCC visibility pop
#endif
