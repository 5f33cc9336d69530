/* buf.c - see buf.h. */
#include "raml/buf.h"

#include "core/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void raml_buf_init(struct raml_buf *b, size_t max_bytes)
{
    *b = (struct raml_buf){.max = max_bytes};
}

void raml_buf_deinit(struct raml_buf *b)
{
    free(b->data);
    *b = (struct raml_buf){0};
}

void raml_buf_clear(struct raml_buf *b)
{
    b->len = 0;
    b->code = RAML_OK;
    if (b->data) b->data[0] = 0;
}

static int reserve(struct raml_buf *b, size_t n)
{
    if (b->code) return 0;
    if (n > b->max || b->len > b->max - n) {
        b->code = RAML_ENOMEM;
        return 0;
    }
    size_t need = b->len + n + 1;
    if (need <= b->cap) return 1;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *p = realloc(b->data, cap);
    if (!p) {
        raml_memory_note(cap);
        b->code = RAML_ENOMEM;
        return 0;
    }
    b->data = p;
    b->cap = cap;
    return 1;
}

void raml_buf_add(struct raml_buf *b, const void *bytes, size_t n)
{
    if (!reserve(b, n)) return;
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = 0;
}

void raml_buf_adds(struct raml_buf *b, const char *text)
{
    raml_buf_add(b, text, strlen(text));
}

void raml_buf_addf(struct raml_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void raml_buf_add_html(struct raml_buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) switch (text[i]) {
        case '<': raml_buf_adds(b, "&lt;"); break;
        case '>': raml_buf_adds(b, "&gt;"); break;
        case '&': raml_buf_adds(b, "&amp;"); break;
        case '"': raml_buf_adds(b, "&quot;"); break;
        default: raml_buf_add(b, text + i, 1);
        }
}

char *raml_buf_take(struct raml_buf *b)
{
    char *p = b->data;
    b->data = NULL;
    b->len = b->cap = 0;
    return p;
}

enum raml_code raml_buf_status(const struct raml_buf *b, struct raml_err *err)
{
    if (b->code) return raml_fail(err, b->code, "text grew past its limit of %zu bytes, or memory ran out", b->max);
    return RAML_OK;
}
