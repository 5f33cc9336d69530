/* spool.h - what can be read only once, as a file that can be read again.
 *
 * A pipe, a FIFO, a terminal and standard input ("-") are copied into a file without a name, which goes with this process.
 * Regular files and folders, and names of nothing, are taken as they are: there is no copy.
 * Waiting  as in file.h.
 */
#ifndef CORE_SPOOL_H
#define CORE_SPOOL_H

#include "raml/err.h"

#include <stdio.h>

struct raml_spool {
    const char *path; /* to read: the caller's, or own */
    char own[40];
    FILE *copy; /* NULL: there is none */
};
RAML_CHECKED enum raml_code raml_spool_init(struct raml_spool *s, const char *path, struct raml_err *err);
/* Ends the copy. In err (may be NULL), a message about the copy becomes one about name. */
void raml_spool_deinit(struct raml_spool *s, const char *name, struct raml_err *err);

#endif
