/* scored_row.h - fields that a row of samples has in our own layouts: id, family, split, difficulty, gold. */
#ifndef RAML_EVAL_SCORED_ROW_H
#define RAML_EVAL_SCORED_ROW_H

#include "raml/json.h"
#include "raml/scored.h"

struct raml_scored_text { /* text of numbers, and the id of a row that has none */
    char id[32], gold[64];
};
/* Into q, which borrows from obj and *text. gold: the names of the gold answer, first the one preferred; NULL ends.
 * RAML_EFORMAT: a field of another type. */
RAML_CHECKED enum raml_code raml_scored_row_meta(const struct raml_place *at, const json_t *obj,
                                                 const char *const *gold, struct raml_scored_text *text,
                                                 struct raml_scored *q, struct raml_err *err);
/* true, false, 0 or 1; nothing between. field, i: for the message. */
RAML_CHECKED enum raml_code raml_scored_row_mark(const struct raml_place *at, const char *field, size_t i,
                                                 const json_t *v, bool *right, struct raml_err *err);

#endif
