/* mpi_check: run by test_mpi.sh under mpirun on any number of ranks: every function of the raml_comm over MPI, with messages
 * as long as usual and with short ones, at sizes around those at which these are cut. Exit code 0: all is as it must be. */
#include "cli/mpi.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct raml_comm *c;
static int bad;

static void check(int ok, const char *what, size_t n)
{
    if (ok) return;
    fprintf(stderr, "rank %d of %d: %s of %zu is wrong\n", c->rank, c->size, what, n);
    bad = 1;
}

static void done(enum raml_code rc, const struct raml_err *err)
{
    if (!rc) return;
    fprintf(stderr, "rank %d: %s\n", c->rank, err->msg);
    exit(1);
}

/* Numbers whose sum depends on the order of the ranks: what rank 0 has is lost in rank 1's, which rank 2's takes away. */
static double value(int rank, size_t i)
{
    double x = (double)(i * 2654435761u % 1009u) + 0.1;
    return rank % 3 == 1 ? x * 1e17 : rank % 3 == 2 ? -x * 1e17 : x / (3 + rank);
}

static void check_sum(size_t n)
{
    struct raml_err err = {0};
    double *x = calloc(n + 1, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = value(c->rank, i);
    done(c->sum(c->user, x, n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        double s = 0;
        for (int k = 0; k < c->size; k++) s += value(k, i);
        check(x[i] == s, "sum", n);
    }
    free(x);
}

static float part(int rank, size_t i)
{
    return (float)value(rank, i);
}

/* first: parts of several lengths, some of them empty. */
static void check_parts(const size_t *first)
{
    struct raml_err err = {0};
    size_t n = first[c->size], from = first[c->rank], to = first[c->rank + 1];
    float *x = calloc(n + 1, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = part(c->rank, i);
    float *all = calloc((size_t)c->size * (to - from) + 1, sizeof *all);
    done(c->deal_parts(c->user, x, first, all, &err), &err);
    for (size_t i = from; i < to; i++)
        for (int k = 0; k < c->size; k++)
            check(all[(size_t)k * (to - from) + (i - from)] == part(k, i), "deal_parts", n);
    for (size_t i = 0; i < n; i++) check(x[i] == part(c->rank, i), "deal_parts: what was dealt", n);
    free(all);
    for (size_t i = 0; i < n; i++) x[i] = i >= from && i < to ? part(9, i) : -1;
    done(c->share_parts(c->user, x, first, &err), &err);
    for (size_t i = 0; i < n; i++) check(x[i] == part(9, i), "share_parts", n);
    for (size_t i = 0; i < n; i++) x[i] = i >= from && i < to ? part(10, i) : -1;
    done(c->gather_parts(c->user, x, first, &err), &err);
    for (size_t i = 0; i < n && c->rank == 0; i++) check(x[i] == part(10, i), "gather_parts", n);
    for (size_t i = 0; i < n; i++) x[i] = c->rank == 0 ? part(12, i) : -1;
    done(c->scatter_parts(c->user, x, first, &err), &err);
    for (size_t i = from; i < to; i++) check(x[i] == part(12, i), "scatter_parts", n);
    free(x);
}

static void check_bytes(size_t n)
{
    struct raml_err err = {0};
    size_t size = (size_t)c->size, rank = (size_t)c->rank;
    unsigned char *own = calloc(n + 1, 1), *all = calloc(n * size + 1, 1);
    for (size_t i = 0; i < n; i++) own[i] = (unsigned char)(rank == 0 ? i * 7 + 3 : 255);
    done(c->broadcast(c->user, own, n, &err), &err);
    for (size_t i = 0; i < n; i++) check(own[i] == (unsigned char)(i * 7 + 3), "broadcast", n);
    for (size_t i = 0; i < n; i++) own[i] = (unsigned char)(i * 5 + rank);
    done(c->gather(c->user, own, rank == 0 ? all : NULL, n, &err), &err);
    for (size_t k = 0; k < size && rank == 0; k++)
        for (size_t i = 0; i < n; i++) check(all[k * n + i] == (unsigned char)(i * 5 + k), "gather", n);
    for (size_t i = 0; i < n * size && rank == 0; i++) all[i] ^= 0x55;
    done(c->scatter(c->user, rank == 0 ? all : NULL, own, n, &err), &err);
    for (size_t i = 0; i < n; i++) check(own[i] == (unsigned char)((i * 5 + rank) ^ 0x55), "scatter", n);
    free(own);
    free(all);
}

/* At every size, with parts that are even; all in the last; growing, the first empty. */
static void check_all(size_t *first)
{
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 64, 100, 1000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        check_sum(sizes[s]);
        check_bytes(sizes[s]);
        for (int shape = 0; shape < 3; shape++) {
            for (int k = 0; k < c->size; k++)
                first[k + 1] = first[k] + (shape == 0   ? sizes[s]
                                           : shape == 1 ? (k == c->size - 1) * sizes[s]
                                                        : (size_t)k * sizes[s]);
            check_parts(first);
        }
    }
}

int main(void)
{
    struct cli_mpi *m;
    struct raml_err err = {0};
    if (cli_mpi_open(&m, &err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    c = cli_mpi_comm(m);
    size_t *first = calloc((size_t)c->size + 1, sizeof *first);
    check_all(first);
    cli_mpi_limit(m, 9); /* elements or bytes of a message */
    check_all(first);
    free(first);
    enum raml_code rc = raml_comm_agree(c, bad ? RAML_ERANGE : RAML_OK, &err);
    cli_mpi_close(m);
    return rc ? 1 : 0;
}
