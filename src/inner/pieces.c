/* pieces.c - see pieces.h. */
#include "inner/pieces.h"

#include <stdlib.h>
#include <string.h>

void raml_pieces_deinit(struct raml_pieces *p)
{
    free(p->s);
    free(p->start);
    *p = (struct raml_pieces){0};
}

enum raml_code raml_pieces_join(const struct raml_str *piece, size_t n, struct raml_pieces *out, struct raml_err *err)
{
    *out = (struct raml_pieces){.n_tokens = n, .start = calloc(n + 1, sizeof *out->start)};
    for (size_t k = 0; k < n; k++) out->n += piece[k].n;
    out->s = malloc(out->n + 1);
    if (!out->s || !out->start) {
        raml_pieces_deinit(out);
        return raml_fail(err, RAML_ENOMEM, "no memory for the text of %zu tokens", n);
    }
    for (size_t k = 0, at = 0; k < n; k++) {
        if (piece[k].n) memcpy(out->s + at, piece[k].s, piece[k].n);
        out->start[k + 1] = at += piece[k].n;
    }
    return RAML_OK;
}

size_t raml_pieces_token(const struct raml_pieces *p, size_t byte)
{
    size_t low = 0, high = p->n_tokens; /* start[low] <= byte < start[high] */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (p->start[mid] <= byte) low = mid;
        else high = mid;
    }
    return low;
}
