/* ranks.h - one training in several processes, which mpirun or srun started: ranks.
 *
 * MPI is used only where a launcher started several processes: see ranks.c for how that is known. Rank 0 alone writes and
 * speaks; the others compute, silently.
 */
#ifndef RAML_CLI_RANKS_H
#define RAML_CLI_RANKS_H

#include "cli/cli.h"
#include "raml/comm.h"

#include <stdbool.h>

struct cli_ranks; /* NULL: one process */
/* *out NULL: there is only this process. RAML_EUSAGE: several, of a command that runs in one; RAML_ESUPPORT: several, but
 * this build has no MPI, or another library's than the launcher's. */
RAML_CHECKED enum raml_code cli_ranks_open(const struct cli_command *cmd, struct cli_ranks **out, struct raml_err *err);
const struct raml_comm *cli_ranks_comm(const struct cli_ranks *r); /* NULL: one process */
/* Does this process speak for all? Also before _open and after its failure. */
bool cli_ranks_speaks(void);
/* Threads that a rank has where none are asked for: its processors, shared with the ranks of its host that are bound to
 * the same ones; 0: one process. */
int cli_ranks_threads(const struct cli_ranks *r);
/* What came of it, on all of them: code and message of the lowest rank that failed. Where some have failed and others go
 * on, it ends all of them and does not return. */
RAML_CHECKED enum raml_code cli_ranks_agree(struct cli_ranks *r, const char *command, enum raml_code rc,
                                            struct raml_err *err);
/* After rank 0 has spoken: a launcher ends all when it sees one of them fail. */
void cli_ranks_close(struct cli_ranks *r);
/* The same where _open has failed. */
void cli_ranks_leave(void);
const char *cli_ranks_library(void); /* "Open MPI 4.1.4"; NULL: built without */

#endif
