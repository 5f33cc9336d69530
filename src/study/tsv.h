/* tsv.h - a table of tab-separated cells, its first line the columns' names, read back whole.
 *
 * Every line has as many cells as the first (RAML_EFORMAT otherwise, with the line). Cells are bytes as they stand.
 */
#ifndef RAML_STUDY_TSV_H
#define RAML_STUDY_TSV_H

#include "raml/buf.h"
#include "raml/err.h"

#include <stddef.h>

struct raml_tsv {
    struct raml_buf text;
    const char **cell; /* [n_rows, n_columns]; row 0 is the header; in text */
    size_t n_rows, n_columns;
};
/* *t: for raml_tsv_deinit, also after failure. */
RAML_CHECKED enum raml_code raml_tsv_read(struct raml_tsv *t, const char *path, size_t max_bytes, struct raml_err *err);
void raml_tsv_deinit(struct raml_tsv *t);
/* column[i]: the place of name[i]. RAML_EFORMAT: there is none. */
RAML_CHECKED enum raml_code raml_tsv_columns(const struct raml_tsv *t, const char *path, const char *const *name,
                                             size_t n, size_t *column, struct raml_err *err);
const char *raml_tsv_cell(const struct raml_tsv *t, size_t row, size_t column);
/* NaN where the cell is not a number. */
double raml_tsv_number(const struct raml_tsv *t, size_t row, size_t column);

#endif
