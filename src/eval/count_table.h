/* count_table.h - the count table: how many questions have n samples with c correct. A list of (n, c); its size
 * depends only on the distinct pairs.
 *
 * Keys are n << 32 | c with n >= 1. Zero-initialise; raml_count_table_deinit may be called twice.
 */
#ifndef RAML_EVAL_COUNT_TABLE_H
#define RAML_EVAL_COUNT_TABLE_H

#include "core/hash_map.h"
#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct raml_count_row {
    uint64_t key, count;
};
struct raml_count_table {
    struct raml_count_row *row; /* [n], in the order in which they were met */
    size_t n, cap;
    struct raml_hash_map map; /* key -> row */
};

RAML_CHECKED enum raml_code raml_count_table_add(struct raml_count_table *h, uint64_t key, uint64_t count,
                                                 struct raml_err *err);
/* The rows, growing by key; free() them. NULL: no memory (or no row: *n is 0). */
struct raml_count_row *raml_count_table_sorted(const struct raml_count_table *h, size_t *n);
void raml_count_table_deinit(struct raml_count_table *h);

#endif
