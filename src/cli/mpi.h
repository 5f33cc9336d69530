/* mpi.h - MPI, as little of it as ranks need. mpi.c where the build found it, no_mpi.c elsewhere. */
#ifndef RAML_CLI_MPI_H
#define RAML_CLI_MPI_H

#include "raml/comm.h"

#include <stdbool.h>
#include <stddef.h>

struct cli_mpi;
const char *cli_mpi_library(void); /* "Open MPI 4.1.4"; NULL: none */
/* MPI_Init. Once in a process. */
RAML_CHECKED enum raml_code cli_mpi_open(struct cli_mpi **out, struct raml_err *err);
const struct raml_comm *cli_mpi_comm(const struct cli_mpi *m);
int cli_mpi_threads(const struct cli_mpi *m); /* see cli_ranks_threads */
/* At most this many elements or bytes a message: for tests; it is set to what suits. */
void cli_mpi_limit(struct cli_mpi *m, size_t most);
/* Says to all what came of it here, without waiting for them; true: all have said it. _heard asks that again. */
bool cli_mpi_tell(struct cli_mpi *m, const struct raml_err *own);
bool cli_mpi_heard(struct cli_mpi *m);
/* All have said it: what came of it. err: as raml_comm_agree leaves it. */
RAML_CHECKED enum raml_code cli_mpi_outcome(struct cli_mpi *m, struct raml_err *err);
_Noreturn void cli_mpi_abort(struct cli_mpi *m, int code); /* ends all processes */
void cli_mpi_close(struct cli_mpi *m);                     /* when all of them are here: MPI_Finalize */

#endif
