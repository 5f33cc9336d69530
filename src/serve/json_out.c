/* json_out.c - JSON as it is written. See parts.h. */
#include "serve/parts.h"

#include <math.h>

void raml_json_out_text(struct raml_buf *b, const char *bytes, size_t n)
{
    struct raml_buf clean;
    raml_buf_init(&clean, SIZE_MAX / 4);
    raml_utf8_clean(&clean, bytes, n);
    if (clean.code) b->code = clean.code;
    raml_buf_add(b, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < clean.len; i++) {
        unsigned char c = (unsigned char)clean.data[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        raml_buf_add(b, clean.data + from, i - from);
        from = i + 1;
        if (c == '\n') raml_buf_add(b, "\\n", 2);
        else if (c < 0x20) raml_buf_addf(b, "\\u%04x", c);
        else raml_buf_addf(b, "\\%c", c);
    }
    if (clean.len > from) raml_buf_add(b, clean.data + from, clean.len - from);
    raml_buf_add(b, "\"", 1);
    raml_buf_deinit(&clean);
}

void raml_json_out_number(struct raml_buf *b, float x)
{
    if (isfinite(x)) raml_buf_addf(b, "%.9g", (double)x);
    else raml_buf_adds(b, "null");
}
