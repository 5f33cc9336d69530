/* row.h - fields that a row of samples has in our own layouts: id, family, split, difficulty, gold. */
#ifndef RAML_SAMPLES_ROW_H
#define RAML_SAMPLES_ROW_H

#include "core/json.h"
#include "raml/samples.h"

struct raml_samples_text { /* numbers as text, and the id of a row that has none */
    char id[32], gold[64];
};
/* A file that begins with '[' is one array of rows: each is passed to take with its number as at->line. *is_array:
 * false, and nothing was done, for any other file (including "-"). The whole file is in memory. */
RAML_CHECKED enum raml_code raml_samples_row_array(const char *path, bool *is_array,
                                                   enum raml_code (*take)(void *to, const struct raml_place *at,
                                                                          const json_t *row, struct raml_err *err),
                                                   void *to, struct raml_err *err);
/* The row for a layout's looks_like: the first line, or an array's first row. NULL: not an object. */
const json_t *raml_samples_row_first(const json_t *first);

/* Into q, which borrows from obj and *text. gold: names of the gold answer, the preferred one first; NULL-terminated.
 * RAML_EFORMAT: a field of another type. */
RAML_CHECKED enum raml_code raml_samples_row_meta(const struct raml_place *at, const json_t *obj,
                                                  const char *const *gold, struct raml_samples_text *text,
                                                  struct raml_graded *q, struct raml_err *err);
/* true, false, 0 or 1, and nothing else. field, i: for the message. */
RAML_CHECKED enum raml_code raml_samples_row_grade(const struct raml_place *at, const char *field, size_t i,
                                                   const json_t *v, bool *correct, struct raml_err *err);

#endif
