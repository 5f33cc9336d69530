/* path.h - names of files put together, with a check for length.
 *
 * RAML_PATH_BYTES is the longest path that the program handles, its closing 0 included (Linux: PATH_MAX).
 *     char path[RAML_PATH_BYTES];
 *     enum raml_code rc = raml_path_join(path, dir, "config.json", err);
 *     if (!rc) rc = raml_path_format(path, err, "%s/checkpoint-%zu", dir, step);
 *
 * Errors   RAML_EUSAGE, "/home/...: a path of more than 4095 bytes"; *out is then the empty text.
 * `out` must not be one of the inputs.
 */
#ifndef RAML_CORE_PATH_H
#define RAML_CORE_PATH_H

#include "raml/err.h"

enum { RAML_PATH_BYTES = 4096 };

/* "dir/name" */
RAML_CHECKED enum raml_code raml_path_join(char out[RAML_PATH_BYTES], const char *dir, const char *name,
                                           struct raml_err *err);
RAML_CHECKED enum raml_code raml_path_format(char out[RAML_PATH_BYTES], struct raml_err *err, const char *fmt, ...)
    RAML_PRINTF(3, 4);
/* A path of any length in memory of its own, which the caller frees; NULL: no memory. */
RAML_CHECKED char *raml_path_new(const char *fmt, ...) RAML_PRINTF(1, 2);

#endif
