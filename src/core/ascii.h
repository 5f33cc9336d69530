/* ascii.h - classes of ASCII characters, the same in every locale.
 *
 * Bytes above 127 (part of a UTF-8 character) are in no class and have no other case. <ctype.h> asks the locale, and
 * its functions are undefined for a negative char; these take any.
 */
#ifndef RAML_CORE_ASCII_H
#define RAML_CORE_ASCII_H

#include <stdbool.h>

/* Space, tab, line feed, vertical tab, form feed, carriage return. */
static inline bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool is_alpha(char c)
{
    return is_lower(c) || is_upper(c);
}

static inline bool is_alnum(char c)
{
    return is_alpha(c) || is_digit(c);
}

static inline char to_lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* What moves the cursor or rings the bell instead of being seen. */
static inline bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* The value of a hexadecimal digit, 0 to 15; -1: it is none. */
static inline int hex_value(char c)
{
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

#endif
