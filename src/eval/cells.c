/* cells.c - see cells.h. */
#include "eval/cells.h"

#include <stdlib.h>
#include <string.h>

static struct raml_cell *find(struct raml_cell *slot, size_t cap, uint64_t key)
{
    uint64_t h = key * 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio: Knuth, vol. 3, 6.4 */
    size_t i = (size_t)(h >> 32) & (cap - 1);
    while (slot[i].count && slot[i].key != key) i = (i + 1) & (cap - 1);
    return &slot[i];
}

static enum raml_code grow(struct raml_cells *h, struct raml_err *err)
{
    size_t cap = h->cap ? h->cap * 2 : 64;
    struct raml_cell *slot = calloc(cap, sizeof *slot);
    if (!slot) return raml_fail(err, RAML_ENOMEM, "no memory for %zu kinds of questions", cap);
    for (size_t i = 0; i < h->cap; i++)
        if (h->slot[i].count) *find(slot, cap, h->slot[i].key) = h->slot[i];
    free(h->slot);
    h->slot = slot;
    h->cap = cap;
    return RAML_OK;
}

enum raml_code raml_cells_add(struct raml_cells *h, uint64_t key, uint64_t count, struct raml_err *err)
{
    if (h->n + 1 > h->cap / 2) {
        enum raml_code rc = grow(h, err);
        if (rc) return rc;
    }
    struct raml_cell *c = find(h->slot, h->cap, key);
    h->n += !c->count && count;
    c->key = key;
    c->count += count;
    return RAML_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct raml_cell *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

struct raml_cell *raml_cells_sorted(const struct raml_cells *h, size_t *n)
{
    *n = 0;
    if (!h->n) return NULL;
    struct raml_cell *out = malloc(h->n * sizeof *out);
    for (size_t i = 0; out && i < h->cap; i++)
        if (h->slot[i].count) out[(*n)++] = h->slot[i];
    if (out) qsort(out, *n, sizeof *out, by_key);
    return out;
}

void raml_cells_deinit(struct raml_cells *h)
{
    free(h->slot);
    *h = (struct raml_cells){0};
}
