/* child.h - another command, run by this program anew: the demo's and a study's steps. */
#ifndef RAML_CLI_CHILD_H
#define RAML_CLI_CHILD_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

struct cli_child {
    const char *const *word; /* [n] without the leading "raml" */
    size_t n;
    const char *stdout_path; /* where its output goes, at its end where `append` is set; NULL: ours */
    bool append, errors_too; /* standard error goes there as well */
    /* afterwards */
    double seconds;
    size_t peak_memory_bytes;
    bool stopped; /* it failed after a request to stop, which was passed on to it */
};
/* Waits for its end. A child does not outlive this process, and is in no MPI job of it. RAML_EIO: it failed; its message
 * is on standard error, or in that file. */
RAML_CHECKED enum raml_code cli_child_run(struct cli_child *c, struct raml_err *err);
/* As a shell reads it. */
void cli_print_word(const char *word);

#endif
