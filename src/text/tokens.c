/* tokens.c - growing arrays of ids, and of the places they came from. See tokenizer.h. */
#include "raml/tokenizer.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

void raml_tokens_deinit(struct raml_tokens *t)
{
    free(t->id);
    *t = (struct raml_tokens){0};
}

enum raml_code raml_tokens_add(struct raml_tokens *t, const int32_t *id, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(t->id, t->cap, t->n + n, "tokens", err);
    if (rc) return rc;
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
    enum raml_code rc = RAML_GROW(r->range, r->cap, r->n + 1, "positions of tokens", err);
    if (!rc) r->range[r->n++] = range;
    return rc;
}
