/* utf8.h - well-formed UTF-8, byte by byte (Unicode 15, table 3-7). */
#ifndef RAML_TEXT_UTF8_H
#define RAML_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the character that starts with this byte; 0: none. */
static inline unsigned raml_utf8_bytes(unsigned char lead)
{
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return 2;
    if (lead >= 0xe0 && lead <= 0xef) return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* May byte c follow at place `at` of a character that starts with lead? Place 1 rules out overlong forms, surrogates
 * and anything above U+10FFFF. */
static inline bool raml_utf8_may_follow(unsigned char lead, unsigned at, unsigned char c)
{
    unsigned low = 0x80, high = 0xbf;
    if (at == 1 && lead == 0xe0) low = 0xa0;
    if (at == 1 && lead == 0xed) high = 0x9f;
    if (at == 1 && lead == 0xf0) low = 0x90;
    if (at == 1 && lead == 0xf4) high = 0x8f;
    return c >= low && c <= high;
}

/* Length of the whole character at s[0 .. n), n > 0; 0: there is none. */
static inline unsigned raml_utf8_char(const unsigned char *s, size_t n)
{
    unsigned len = raml_utf8_bytes(s[0]);
    if (len > n) return 0;
    for (unsigned i = 1; i < len; i++)
        if (!raml_utf8_may_follow(s[0], i, s[i])) return 0;
    return len;
}

/* Bytes of whole characters in s[0 .. n) before the first byte that belongs to none. */
static inline size_t raml_utf8_valid(const unsigned char *s, size_t n)
{
    size_t i = 0;
    for (unsigned len; i < n && (len = raml_utf8_char(s + i, n - i)) > 0;) i += len;
    return i;
}

/* Columns of a terminal that the whole character at s takes, *len bytes of at most n > 0: 2 for East Asian wide ones and
 * pictures, 0 for marks that stand on the character before them. What is no character is one byte in one column. */
unsigned raml_utf8_columns(const char *s, size_t n, size_t *len);

#endif
