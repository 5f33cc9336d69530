/* edit.c - see edit.h. */
#include "fuzz/edit.h"

#include <stdlib.h>
#include <string.h>

void fuzz_replace(struct raml_buf *to, size_t from, size_t till, const char *what, size_t n)
{
    size_t tail = to->len - till, len = from + n + tail;
    if (len > to->max) return;
    struct raml_buf out;
    raml_buf_init(&out, to->max);
    raml_buf_add(&out, to->data ? to->data : "", from);
    raml_buf_add(&out, what, n);
    if (tail) raml_buf_add(&out, to->data + till, tail);
    if (out.code) {
        raml_buf_deinit(&out);
        return;
    }
    raml_buf_deinit(to);
    *to = out;
}

uint32_t fuzz_below(struct raml_rng *r, size_t n)
{
    return n ? raml_rng_below(r, n > UINT32_MAX ? UINT32_MAX : (uint32_t)n) : 0;
}
