/* rows.c - see rows.h. */
#include "store/rows.h"

#include <stdlib.h>

enum { CHUNK_BYTES = 1 << 20 };

size_t raml_rows_of(const size_t *shape, int n_dims, size_t *width)
{
    size_t n = 1;
    int last = n_dims > 1 ? n_dims - 1 : n_dims;
    for (int d = 0; d < last; d++) n *= shape[d];
    *width = n_dims > 1 ? shape[last] : 1;
    return n;
}

enum raml_code raml_rows_write(const struct raml_row_source *from, size_t i, size_t n_rows, size_t row_bytes,
                               struct raml_writer *w, struct raml_err *err)
{
    if (!n_rows || !row_bytes) return RAML_OK;
    size_t most = row_bytes < CHUNK_BYTES ? CHUNK_BYTES / row_bytes : 1;
    if (most > n_rows) most = n_rows;
    void *chunk = malloc(most * row_bytes);
    if (!chunk) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu bytes", w->path, most * row_bytes);
    enum raml_code rc = RAML_OK;
    for (size_t row = 0; row < n_rows && !rc; row += most) {
        size_t n = n_rows - row < most ? n_rows - row : most;
        rc = from->rows(from->user, i, row, n, chunk, err);
        if (!rc) rc = raml_writer_add(w, chunk, n * row_bytes, err);
    }
    free(chunk);
    return rc;
}
