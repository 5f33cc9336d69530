/* visible.c - see visible.h. */
#include "study/visible.h"

#include <stdint.h>

/* Length of the UTF-8 character at s[0..n), n >= 1, and its code point; 0 when s does not begin with one (RFC 3629:
 * no overlong forms, no surrogates, at most U+10FFFF). */
static size_t decode(const unsigned char *s, size_t n, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80) {
        *point = s[0];
        return 1;
    }
    size_t len = s[0] < 0xC0 || s[0] >= 0xF8 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (len == 0 || len > n) return 0;
    uint32_t p = s[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        p = p << 6 | (s[i] & 0x3Fu);
    }
    if (p < least[len] || p > 0x10FFFF || (p >= 0xD800 && p < 0xE000)) return 0;
    *point = p;
    return len;
}

/* Characters that are invisible, or that would move or reverse their neighbours, and Unicode's noncharacters. */
static bool is_hidden(uint32_t p)
{
    static const uint32_t range[][2] = {{0, 0x1F},        {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},
                                        {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                                        {0xFDD0, 0xFDEF}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        if (p >= range[i][0] && p <= range[i][1]) return true;
    return (p & 0xFFFE) == 0xFFFE;
}

size_t raml_text_printable(const char *s, size_t n)
{
    uint32_t p = 0;
    size_t len = decode((const unsigned char *)s, n, &p);
    return is_hidden(p) ? 0 : len;
}

size_t raml_text_visible_one(struct raml_buf *b, const char *s, size_t n, bool html)
{
    uint32_t p = 0;
    size_t len = decode((const unsigned char *)s, n, &p);
    if (len == 0) raml_buf_addf(b, "\\x%02X", (unsigned char)*s);
    else if (p == '\n') raml_buf_adds(b, "\\n");
    else if (p == '\t') raml_buf_adds(b, "\\t");
    else if (is_hidden(p)) raml_buf_addf(b, "\\u{%X}", (unsigned)p);
    else if (html) raml_buf_add_html(b, s, len);
    else raml_buf_add(b, s, len);
    return len ? len : 1;
}

void raml_text_visible(struct raml_buf *b, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) i += raml_text_visible_one(b, bytes + i, n - i, false);
}
