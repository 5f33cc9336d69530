/* mpi.c - raml_comm over MPI; see mpi.h.
 *
 * Sums are added here, in the order of ranks, or by the trainer: what MPI_Reduce adds in what order depends on the
 * library, the number of ranks and the network. Messages are cut so that counts fit an int. All calls come from the
 * thread that opened it.
 */
#include "cli/mpi.h"

#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 1 << 20, TAG = 7, HOST = 64 };

struct outcome {
    struct raml_err err; /* its code: RAML_OK, it went well */
    char host[HOST];
};

struct cli_mpi {
    struct raml_comm comm;
    MPI_Comm world, outcomes; /* the second: so that nothing of it meets what the first is still at */
    size_t most;              /* elements or bytes of a message */
    MPI_Request *request;     /* [2 * size] */
    MPI_Status *status;       /* likewise; MPICH's MPI_STATUSES_IGNORE is an address that gcc warns of */
    int *count, *at;          /* [size] */
    int threads;
    struct outcome own, *all;
    MPI_Request telling;
};

static enum raml_code checked(int code, struct raml_err *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int n = 0;
    if (code == MPI_SUCCESS) return RAML_OK;
    MPI_Error_string(code, text, &n);
    return raml_fail(err, RAML_EIO, "MPI: %s", text);
}

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* -- Sums ---------------------------------------------------------------------------------------------------------- */

static enum raml_code sum(void *user, double *x, size_t n, struct raml_err *err)
{
    struct cli_mpi *m = user;
    size_t size = (size_t)m->comm.size, most = m->most / size / 2 ? m->most / size / 2 : 1;
    double *all = malloc(size * at_most(n, most) * sizeof *all);
    enum raml_code rc = RAML_OK;
    if (!all) return n ? raml_fail(err, RAML_ENOMEM, "no memory for a sum over %zu ranks", size) : RAML_OK;
    for (size_t from = 0; from < n && !rc; from += most) {
        int len = (int)at_most(n - from, most);
        rc = checked(MPI_Allgather(x + from, len, MPI_DOUBLE, all, len, MPI_DOUBLE, m->world), err);
        for (int i = 0; i < len && !rc; i++) {
            double s = 0;
            for (size_t k = 0; k < size; k++) s += all[k * (size_t)len + (size_t)i];
            x[from + (size_t)i] = s;
        }
    }
    free(all);
    return rc;
}

/* -- Parts --------------------------------------------------------------------------------------------------------- */

/* Elements of piece i of part k; *from: where it begins. */
static size_t piece_of(const struct cli_mpi *m, const size_t *first, size_t k, size_t i, size_t *from)
{
    size_t most = m->most / (size_t)m->comm.size;
    if (!most) most = 1;
    *from = at_most(first[k] + i * most, first[k + 1]);
    return at_most(first[k + 1] - *from, most);
}

static enum raml_code deal_parts(void *user, const float *x, const size_t *first, float *all, struct raml_err *err)
{
    struct cli_mpi *m = user;
    size_t size = (size_t)m->comm.size, rank = (size_t)m->comm.rank, longest = 0;
    size_t own = first[rank + 1] - first[rank], stride = m->most / size ? m->most / size : 1;
    for (size_t k = 0; k < size; k++)
        if (first[k + 1] - first[k] > longest) longest = first[k + 1] - first[k];
    if (own) memcpy(all + rank * own, x + first[rank], own * sizeof *x);
    for (size_t i = 0; i * stride < longest; i++) {
        int n = 0, code = MPI_SUCCESS;
        size_t at, len = piece_of(m, first, rank, i, &at);
        for (size_t k = 0; k < size && len && !code; k++)
            if (k != rank)
                code = MPI_Irecv(all + k * own + (at - first[rank]), (int)len, MPI_FLOAT, (int)k, TAG, m->world,
                                 &m->request[n++]);
        for (size_t s = 1; s < size && !code; s++) { /* not all to the same rank at once */
            size_t k = (rank + s) % size;
            len = piece_of(m, first, k, i, &at);
            if (len) code = MPI_Isend(x + at, (int)len, MPI_FLOAT, (int)k, TAG, m->world, &m->request[n++]);
        }
        if (!code) code = MPI_Waitall(n, m->request, m->status);
        enum raml_code rc = checked(code, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

static enum raml_code broadcast_from(struct cli_mpi *m, int root, void *x, size_t bytes, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t from = 0; from < bytes && !rc; from += m->most)
        rc = checked(MPI_Bcast((char *)x + from, (int)at_most(bytes - from, m->most), MPI_BYTE, root, m->world), err);
    return rc;
}

static enum raml_code broadcast(void *user, void *x, size_t bytes, struct raml_err *err)
{
    return broadcast_from(user, 0, x, bytes, err);
}

static enum raml_code share_parts(void *user, float *x, const size_t *first, struct raml_err *err)
{
    struct cli_mpi *m = user;
    enum raml_code rc = RAML_OK;
    if (first[m->comm.size] > m->most) { /* one part after another */
        for (int k = 0; k < m->comm.size && !rc; k++)
            rc = broadcast_from(m, k, x + first[k], (first[k + 1] - first[k]) * sizeof *x, err);
        return rc;
    }
    for (int k = 0; k < m->comm.size; k++) {
        m->count[k] = (int)(first[k + 1] - first[k]);
        m->at[k] = (int)first[k];
    }
    return checked(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, x, m->count, m->at, MPI_FLOAT, m->world), err);
}

/* Bytes of rank `from` to rank `to`, of which this is one. */
static enum raml_code pass(struct cli_mpi *m, int from, int to, const void *out, void *in, size_t bytes,
                           struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t at = 0; at < bytes && !rc; at += m->most) {
        int n = (int)at_most(bytes - at, m->most);
        if (m->comm.rank == from) rc = checked(MPI_Send((const char *)out + at, n, MPI_BYTE, to, TAG, m->world), err);
        else rc = checked(MPI_Recv((char *)in + at, n, MPI_BYTE, from, TAG, m->world, MPI_STATUS_IGNORE), err);
    }
    return rc;
}

static enum raml_code gather_parts(void *user, float *x, const size_t *first, struct raml_err *err)
{
    struct cli_mpi *m = user;
    enum raml_code rc = RAML_OK;
    for (int k = 1; k < m->comm.size && !rc; k++)
        if (m->comm.rank == 0 || m->comm.rank == k)
            rc = pass(m, k, 0, x + first[k], x + first[k], (first[k + 1] - first[k]) * sizeof *x, err);
    return rc;
}

static enum raml_code scatter_parts(void *user, float *x, const size_t *first, struct raml_err *err)
{
    struct cli_mpi *m = user;
    enum raml_code rc = RAML_OK;
    for (int k = 1; k < m->comm.size && !rc; k++)
        if (m->comm.rank == 0 || m->comm.rank == k)
            rc = pass(m, 0, k, x + first[k], x + first[k], (first[k + 1] - first[k]) * sizeof *x, err);
    return rc;
}

static enum raml_code gather(void *user, const void *part, void *all, size_t bytes, struct raml_err *err)
{
    struct cli_mpi *m = user;
    enum raml_code rc = RAML_OK;
    if (m->comm.rank != 0) return pass(m, m->comm.rank, 0, part, NULL, bytes, err);
    if (bytes) memmove(all, part, bytes);
    for (int k = 1; k < m->comm.size && !rc; k++) rc = pass(m, k, 0, NULL, (char *)all + (size_t)k * bytes, bytes, err);
    return rc;
}

static enum raml_code scatter(void *user, const void *all, void *part, size_t bytes, struct raml_err *err)
{
    struct cli_mpi *m = user;
    enum raml_code rc = RAML_OK;
    if (m->comm.rank != 0) return pass(m, 0, m->comm.rank, NULL, part, bytes, err);
    for (int k = 1; k < m->comm.size && !rc; k++)
        rc = pass(m, 0, k, (const char *)all + (size_t)k * bytes, NULL, bytes, err);
    if (bytes && !rc) memmove(part, all, bytes);
    return rc;
}

/* -- Outcomes ------------------------------------------------------------------------------------------------------ */

bool cli_mpi_heard(struct cli_mpi *m)
{
    int done = 0;
    return MPI_Test(&m->telling, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done;
}

bool cli_mpi_tell(struct cli_mpi *m, const struct raml_err *own)
{
    m->own.err = *own;
    if (gethostname(m->own.host, HOST - 1)) strcpy(m->own.host, "?");
    if (MPI_Iallgather(&m->own, sizeof m->own, MPI_BYTE, m->all, sizeof m->own, MPI_BYTE, m->outcomes, &m->telling))
        return false;
    return cli_mpi_heard(m);
}

enum raml_code cli_mpi_outcome(struct cli_mpi *m, struct raml_err *err)
{
    int n = 0, worst = -1;
    for (int k = m->comm.size - 1; k >= 0; k--)
        if (m->all[k].err.code) {
            worst = k;
            n++;
        }
    if (worst < 0) return RAML_OK;
    *err = m->all[worst].err;
    if (n < m->comm.size) (void)!raml_wrap(err, err->code, "rank %d on %s", worst, m->all[worst].host);
    return err->code;
}

_Noreturn void cli_mpi_abort(struct cli_mpi *m, int code)
{
    MPI_Abort(m->world, code);
    _exit(code);
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

const char *cli_mpi_library(void)
{
#ifdef OPEN_MPI
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
    return "Open MPI " TEXT(OMPI_MAJOR_VERSION) "." TEXT(OMPI_MINOR_VERSION) "." TEXT(OMPI_RELEASE_VERSION);
#elif defined MPICH_VERSION
    return "MPICH " MPICH_VERSION;
#else
    return "MPI";
#endif
}

/* The processors that this process may use, shared with the ranks of its host that may use the same ones. */
static enum raml_code count_threads(struct cli_mpi *m, struct raml_err *err)
{
    cpu_set_t own, *all = NULL;
    MPI_Comm host;
    int n = 0, alike = 0;
    CPU_ZERO(&own);
    m->threads = 1;
    if (sched_getaffinity(0, sizeof own, &own)) return RAML_OK;
    enum raml_code rc = checked(MPI_Comm_split_type(m->world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host), err);
    if (rc) return rc;
    MPI_Comm_size(host, &n);
    all = calloc((size_t)n, sizeof *all);
    if (!all) return raml_fail(err, RAML_ENOMEM, "no memory for the processors of %d ranks", n);
    rc = checked(MPI_Allgather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, host), err);
    for (int k = 0; k < n; k++) alike += CPU_EQUAL(&own, &all[k]) != 0;
    free(all);
    MPI_Comm_free(&host);
    if (!rc && alike > 0 && CPU_COUNT(&own) > alike) m->threads = CPU_COUNT(&own) / alike;
    return rc;
}

void cli_mpi_limit(struct cli_mpi *m, size_t most)
{
    m->most = most;
}

static enum raml_code open_world(struct cli_mpi *m, struct raml_err *err)
{
    int size = 1, rank = 0;
    enum raml_code rc = checked(MPI_Comm_dup(MPI_COMM_WORLD, &m->world), err);
    if (!rc) rc = checked(MPI_Comm_dup(MPI_COMM_WORLD, &m->outcomes), err);
    if (rc) return rc;
    MPI_Comm_set_errhandler(m->world, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(m->outcomes, MPI_ERRORS_RETURN);
    MPI_Comm_size(m->world, &size);
    MPI_Comm_rank(m->world, &rank);
    size_t n = (size_t)size;
    m->most = MOST;
    m->request = calloc(2 * n, sizeof(*m->request));
    m->status = calloc(2 * n, sizeof *m->status);
    m->count = calloc(n, sizeof *m->count);
    m->at = calloc(n, sizeof *m->at);
    m->all = calloc(n, sizeof *m->all);
    if (!m->request || !m->status || !m->count || !m->at || !m->all)
        return raml_fail(err, RAML_ENOMEM, "no memory for %d ranks", size);
    m->comm = (struct raml_comm){.rank = rank,
                                 .size = size,
                                 .user = m,
                                 .sum = sum,
                                 .deal_parts = deal_parts,
                                 .share_parts = share_parts,
                                 .gather_parts = gather_parts,
                                 .scatter_parts = scatter_parts,
                                 .broadcast = broadcast,
                                 .scatter = scatter,
                                 .gather = gather};
    return count_threads(m, err);
}

enum raml_code cli_mpi_open(struct cli_mpi **out, struct raml_err *err)
{
    int level = 0;
    struct cli_mpi *m = calloc(1, sizeof *m);
    if (!m) return raml_fail(err, RAML_ENOMEM, "no memory for ranks");
    enum raml_code rc = checked(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), err);
    if (rc) {
        free(m);
        return rc;
    }
    rc = open_world(m, err);
    if (!rc && level < MPI_THREAD_FUNNELED)
        rc = raml_fail(err, RAML_ESUPPORT, "this MPI does not work beside threads (MPI_THREAD_FUNNELED)");
    if (rc) cli_mpi_close(m);
    else *out = m;
    return rc;
}

const struct raml_comm *cli_mpi_comm(const struct cli_mpi *m)
{
    return &m->comm;
}

int cli_mpi_threads(const struct cli_mpi *m)
{
    return m->threads;
}

void cli_mpi_close(struct cli_mpi *m)
{
    if (m->comm.size > 0) MPI_Barrier(m->world);
    MPI_Finalize();
    free(m->request);
    free(m->status);
    free(m->count);
    free(m->at);
    free(m->all);
    free(m);
}
