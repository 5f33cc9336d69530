/* tokens.c - growing arrays of ids, and of the places they came from. See tokenizer.h. */
#include "raml/tokenizer.h"

#include <stdlib.h>
#include <string.h>

void raml_tokens_deinit(struct raml_tokens *t)
{
    free(t->id);
    *t = (struct raml_tokens){0};
}

enum raml_code raml_tokens_add(struct raml_tokens *t, const int32_t *id, size_t n, struct raml_err *err)
{
    if (n > SIZE_MAX / sizeof *id / 2 - t->n)
        return raml_fail(err, RAML_ENOMEM, "%zu more tokens than memory can hold", n);
    if (t->n + n > t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        if (cap < t->n + n) cap = t->n + n;
        int32_t *p = realloc(t->id, cap * sizeof *p);
        if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tokens", cap);
        t->id = p;
        t->cap = cap;
    }
    if (n) memcpy(t->id + t->n, id, n * sizeof *id);
    t->n += n;
    return RAML_OK;
}

void raml_ranges_deinit(struct raml_ranges *r)
{
    free(r->range);
    *r = (struct raml_ranges){0};
}

enum raml_code raml_ranges_add(struct raml_ranges *r, struct raml_range range, struct raml_err *err)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64;
        struct raml_range *p = cap <= SIZE_MAX / sizeof *p ? realloc(r->range, cap * sizeof *p) : NULL;
        if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for the places of %zu tokens", cap);
        r->range = p;
        r->cap = cap;
    }
    r->range[r->n++] = range;
    return RAML_OK;
}
