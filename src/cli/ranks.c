/* ranks.c - see ranks.h. What launchers tell a process is in its environment. */
#include "cli/ranks.h"

#include "cli/mpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A launcher's variables, the most particular first: mpirun may itself run in a step of Slurm. In a batch script, which is
 * one process, Slurm sets neither of its two. */
static const struct launcher {
    const char *size, *rank;
} launchers[] = {
    {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, /* Open MPI's mpirun */
    {"PMI_SIZE", "PMI_RANK"},                         /* MPICH and Intel MPI, srun --mpi=pmi2 */
    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},         /* srun */
    {NULL, "PMIX_RANK"},                              /* others by PMIx: how many, MPI knows */
};
enum { UNKNOWN = -1 };

static bool number_in(const char *name, int *out)
{
    const char *text = name ? getenv(name) : NULL;
    char *end;
    if (!text || !*text) return false;
    long x = strtol(text, &end, 10);
    *out = x < 0 || x > 1000000 ? 0 : (int)x;
    return !*end;
}

/* How many processes there are; UNKNOWN: the launcher does not say. */
static int launched(int *rank, const char **by)
{
    *rank = 0;
    *by = "";
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        int size = UNKNOWN;
        if (launchers[i].size && !number_in(launchers[i].size, &size)) continue;
        if (!number_in(launchers[i].rank, rank)) continue;
        *by = launchers[i].size ? launchers[i].size : launchers[i].rank;
        return size;
    }
    return 1;
}

bool cli_ranks_speaks(void)
{
    const char *by;
    int rank, size = launched(&rank, &by);
    return size == 1 || rank == 0;
}

struct cli_ranks {
    struct cli_mpi *mpi;
};

enum raml_code cli_ranks_open(const struct cli_command *cmd, struct cli_ranks **out, struct raml_err *err)
{
    const char *by, *library = cli_mpi_library();
    int rank, size = launched(&rank, &by);
    *out = NULL;
    if (size >= 0 && size <= 1) return RAML_OK;
    if (size == UNKNOWN && !(library && cmd->ranks)) return RAML_OK;
    if (!cmd->ranks)
        return raml_fail(err, RAML_EUSAGE,
                         "started as %d processes (%s), but this command runs in one; raml train is what runs in "
                         "several",
                         size, by);
    if (!library)
        return raml_fail(err, RAML_ESUPPORT,
                         "started as %d processes (%s), but this raml was built without MPI (libopenmpi-dev or "
                         "libmpich-dev, then build again)",
                         size, by);
    struct cli_mpi *mpi;
    enum raml_code rc = cli_mpi_open(&mpi, err);
    if (rc) return rc;
    int found = cli_mpi_comm(mpi)->size;
    if (found == 1) cli_mpi_close(mpi);
    if (found == 1 && size == UNKNOWN) return RAML_OK;
    if (found == 1)
        return raml_fail(err, RAML_ESUPPORT,
                         "started as %d processes (%s), but each of them finds itself alone: the launcher is of "
                         "another MPI library than raml was built with, %s (mpirun.openmpi and mpirun.mpich are "
                         "Debian's; srun takes --mpi=pmix or pmi2)",
                         size, by, library);
    struct cli_ranks *r = calloc(1, sizeof *r);
    if (!r) {
        cli_mpi_close(mpi);
        return raml_fail(err, RAML_ENOMEM, "no memory for ranks");
    }
    r->mpi = mpi;
    *out = r;
    return RAML_OK;
}

const struct raml_comm *cli_ranks_comm(const struct cli_ranks *r)
{
    return r ? cli_mpi_comm(r->mpi) : NULL;
}

int cli_ranks_threads(const struct cli_ranks *r)
{
    return r ? cli_mpi_threads(r->mpi) : 0;
}

const char *cli_ranks_library(void)
{
    return cli_mpi_library();
}

/* What a rank that failed waits for the others: they may be about to fail too, of the same. */
enum { WAIT_SECONDS = 5, TICK_MS = 5, LEAVE_MS = 300 };

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

enum raml_code cli_ranks_agree(struct cli_ranks *r, const char *command, enum raml_code rc, struct raml_err *err)
{
    if (!r) return rc;
    err->code = rc;
    bool all = cli_mpi_tell(r->mpi, err);
    for (int ms = 0; !all && (!rc || ms < WAIT_SECONDS * 1000); ms += TICK_MS) {
        sleep_ms(TICK_MS);
        all = cli_mpi_heard(r->mpi);
    }
    if (!all) {
        fprintf(stderr, "raml %s: rank %d: %s\n", command, cli_mpi_comm(r->mpi)->rank, err->msg);
        fflush(stderr);
        cli_mpi_abort(r->mpi, rc == RAML_EUSAGE ? 2 : 1);
    }
    return cli_mpi_outcome(r->mpi, err);
}

void cli_ranks_close(struct cli_ranks *r)
{
    if (!r) return;
    cli_mpi_close(r->mpi);
    free(r);
}

void cli_ranks_leave(void)
{
    if (!cli_ranks_speaks()) sleep_ms(LEAVE_MS);
}
