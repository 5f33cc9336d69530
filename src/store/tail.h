/* tail.h - the end of a large file of lines that only grows, truncated without reading what is before it.
 *
 * The file holds one JSON object a line, each with a "step" that is never below that of the line before it.
 */
#ifndef STORE_TAIL_H
#define STORE_TAIL_H

#include "raml/err.h"

#include <stdint.h>

/* Truncates the file to the lines of "step" <= last_step, from its end on: lines of later steps, and those that cannot
 * be read (a killed process or a power failure tore them), are dropped until one is to be kept. What is before that
 * line is not looked at. It gets a newline where it lacks one. A missing file is fine.
 * Cost  that of reading the lines that are dropped. */
RAML_CHECKED enum raml_code raml_tail_truncate(const char *path, uint64_t last_step, struct raml_err *err);

#endif
