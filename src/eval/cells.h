/* cells.h - the count table: how many questions have n samples with c correct. A hash table of (n, c); its size
 * depends only on the distinct pairs.
 *
 * Keys are n << 32 | c with n >= 1. Zero-initialise; raml_cells_deinit may be called twice.
 */
#ifndef RAML_EVAL_CELLS_H
#define RAML_EVAL_CELLS_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct raml_cell {
    uint64_t key, count; /* count 0: an empty slot */
};
struct raml_cells {
    struct raml_cell *slot;
    size_t n, cap; /* used, there (a power of two) */
};

RAML_CHECKED enum raml_code raml_cells_add(struct raml_cells *h, uint64_t key, uint64_t count, struct raml_err *err);
/* The used cells in order of key; free() them. NULL: no memory (or no cell: *n is 0). */
struct raml_cell *raml_cells_sorted(const struct raml_cells *h, size_t *n);
void raml_cells_deinit(struct raml_cells *h);

#endif
