/* count_table.c - see count_table.h. */
#include "eval/count_table.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum raml_code raml_count_table_add(struct raml_count_table *h, uint64_t key, uint64_t count, struct raml_err *err)
{
    uint64_t hash = raml_hash_u64(key);
    uint32_t i = RAML_HASH_NONE;
    if (!count) return RAML_OK;
    for (size_t step = 0; (i = raml_hash_map_next(&h->map, hash, &step)) != RAML_HASH_NONE;)
        if (h->row[i].key == key) {
            h->row[i].count += count;
            return RAML_OK;
        }
    enum raml_code rc = RAML_GROW(h->row, h->cap, h->n + 1, "kinds of questions", err);
    if (!rc && !raml_hash_map_add(&h->map, hash, (uint32_t)h->n))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu kinds of questions", h->n + 1);
    if (!rc) h->row[h->n++] = (struct raml_count_row){key, count};
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct raml_count_row *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

struct raml_count_row *raml_count_table_sorted(const struct raml_count_table *h, size_t *n)
{
    *n = 0;
    if (!h->n) return NULL;
    struct raml_count_row *out = malloc(h->n * sizeof *out);
    if (!out) return NULL;
    memcpy(out, h->row, h->n * sizeof *out);
    qsort(out, h->n, sizeof *out, by_key);
    *n = h->n;
    return out;
}

void raml_count_table_deinit(struct raml_count_table *h)
{
    free(h->row);
    raml_hash_map_deinit(&h->map);
    *h = (struct raml_count_table){0};
}
