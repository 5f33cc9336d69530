/* append.h - files that only grow, one whole piece at a time.
 *
 * A piece is written completely or the file is truncated to its previous length, so that a full disk leaves no torn
 * piece (a killed process or a power failure still can: readers drop a torn end).
 */
#ifndef CORE_APPEND_H
#define CORE_APPEND_H

#include "raml/err.h"

#include <stddef.h>

struct append {
    int fd; /* -1: closed */
    char *path;
    size_t noted; /* raml_memory_mark: a piece that memory ran out for is not written */
};
RAML_CHECKED enum raml_code raml_append_init(struct append *a, const char *path, struct raml_err *err);
void raml_append_deinit(struct append *a); /* safe on a zeroed or failed one whose path is NULL */
RAML_CHECKED enum raml_code raml_append_add(struct append *a, const void *bytes, size_t n, struct raml_err *err);
RAML_CHECKED enum raml_code raml_append_sync(struct append *a, struct raml_err *err);

#endif
