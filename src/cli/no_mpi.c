/* no_mpi.c - a build without MPI; see mpi.h. */
#include "cli/mpi.h"

#include <stdlib.h>

const char *cli_mpi_library(void)
{
    return NULL;
}

enum raml_code cli_mpi_open(struct cli_mpi **out, struct raml_err *err)
{
    *out = NULL;
    return raml_fail(err, RAML_ESUPPORT, "this raml was built without MPI");
}

const struct raml_comm *cli_mpi_comm(const struct cli_mpi *m)
{
    (void)m;
    return raml_comm_alone();
}

int cli_mpi_threads(const struct cli_mpi *m)
{
    (void)m;
    return 0;
}

void cli_mpi_limit(struct cli_mpi *m, size_t most)
{
    (void)m, (void)most;
}

bool cli_mpi_tell(struct cli_mpi *m, const struct raml_err *own)
{
    (void)m, (void)own;
    return true;
}

bool cli_mpi_heard(struct cli_mpi *m)
{
    (void)m;
    return true;
}

enum raml_code cli_mpi_outcome(struct cli_mpi *m, struct raml_err *err)
{
    (void)m;
    return err->code;
}

_Noreturn void cli_mpi_abort(struct cli_mpi *m, int code)
{
    (void)m;
    exit(code);
}

void cli_mpi_close(struct cli_mpi *m)
{
    (void)m;
}
