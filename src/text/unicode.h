/* unicode.h - one version of Unicode for whatever libraries are linked (private to src/text).
 *
 * The `tokenizers` library (0.22 and 0.23) has general categories and words of Unicode 16, and normal forms of Unicode 9;
 * PCRE2 and utf8proc have those of their own release: 14 and 15 on Debian 12, 16 on Debian 13.
 * Cost  a binary search.
 */
#ifndef RAML_TEXT_UNICODE_H
#define RAML_TEXT_UNICODE_H

#include "raml/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* A character whose general category every version from 14 to 18 has as Unicode 16 has that of c, as long in UTF-8, and as
 * near as there is one: c itself, unless the versions differ in c. */
uint32_t raml_unicode_stand_in(uint32_t c);
/* Is c a mark (or a letter that marks change) that Unicode 9 doesn't have? Such a one is a character like any other to
 * the library's form C. */
bool raml_unicode_late_mark(uint32_t c);
/* Bytes of text, which is well-formed UTF-8, before its first character with another one to stand in; n: none. */
size_t raml_unicode_settled(const unsigned char *text, size_t n);
/* Appends text with every character replaced by the one that stands in for it: as many bytes. */
void raml_unicode_settle(const unsigned char *text, size_t n, struct raml_buf *out);

#endif
