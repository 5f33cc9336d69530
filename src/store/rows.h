/* rows.h - writes a tensor's rows from a function to a file. */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "core/file.h"
#include "raml/safetensors.h"

struct raml_row_source {
    raml_rows_fn *rows;
    void *user;
};
/* Writes all rows of tensor i, whose shape is given; row_bytes: of one. */
RAML_CHECKED enum raml_code raml_rows_write(const struct raml_row_source *from, size_t i, size_t n_rows,
                                            size_t row_bytes, struct raml_writer *w, struct raml_err *err);
/* Rows of a shape (safetensors.h: raml_rows_fn); *width: elements of one. */
size_t raml_rows_of(const size_t *shape, int n_dims, size_t *width);

#endif
