/* border.c - see border.h. */
#include "text/border.h"

#include "core/utf8.h"
#include "text/unicode.h"

#include <utf8proc.h>

/* The character that s[0 .. n) starts with, -1: none. *len: its bytes. */
static utf8proc_int32_t first_char(const unsigned char *s, size_t n, size_t *len)
{
    utf8proc_int32_t c = -1;
    *len = n ? raml_utf8_char(s, n) : 0;
    if (*len) utf8proc_iterate(s, (utf8proc_ssize_t)*len, &c);
    return c;
}

static utf8proc_int32_t last_char(const unsigned char *s, size_t n, size_t *len)
{
    for (size_t k = 1; k <= 4 && k <= n; k++) {
        if ((s[n - k] & 0xc0) == 0x80) continue;
        utf8proc_int32_t c = first_char(s + n - k, k, len);
        return *len == k ? c : -1;
    }
    *len = 0;
    return -1;
}

/* Whitespace (Unicode 15, PropList.txt) */
static bool is_whitespace(utf8proc_int32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_word(utf8proc_int32_t c)
{
    if (c < 0) return false;
    if (c == 0x200c || c == 0x200d) return true; /* Join_Control */
    if ((c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
        (c >= 0x1f170 && c <= 0x1f189))
        return true; /* the symbols that are Other_Alphabetic (PropList.txt); its marks count as marks */
    switch (utf8proc_category((utf8proc_int32_t)raml_unicode_stand_in((uint32_t)c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return false;
    }
}

size_t raml_whitespace_at_end(const unsigned char *s, size_t n)
{
    size_t left = n, len;
    while (is_whitespace(last_char(s, left, &len))) left -= len;
    return n - left;
}

size_t raml_whitespace_at_start(const unsigned char *s, size_t n)
{
    size_t i = 0, len;
    while (is_whitespace(first_char(s + i, n - i, &len))) i += len;
    return i;
}

bool raml_ends_in_word(const unsigned char *s, size_t n)
{
    size_t len;
    return is_word(last_char(s, n, &len));
}

bool raml_starts_with_word(const unsigned char *s, size_t n)
{
    size_t len;
    return is_word(first_char(s, n, &len));
}
