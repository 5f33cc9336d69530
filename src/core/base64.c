/* base64.c - see base64.h. */
#include "core/base64.h"

#include <stdint.h>

void raml_buf_add_base64(struct raml_buf *b, const void *bytes, size_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)byte[i] << 16;
        if (i + 1 < n) v |= (uint32_t)byte[i + 1] << 8;
        if (i + 2 < n) v |= byte[i + 2];
        const char four[] = {digit[v >> 18], digit[v >> 12 & 63], i + 1 < n ? digit[v >> 6 & 63] : '=',
                             i + 2 < n ? digit[v & 63] : '='};
        raml_buf_add(b, four, sizeof four);
    }
}
