/* border.h - what is next to an added token on either side (private to src/text).
 *
 * As the `tokenizers` library sees it, through Rust's regular expressions: \s is Unicode's whitespace, \w is
 * Alphabetic, marks, decimal digits, connectors and joiners (UTS #18, annex C). Bytes that belong to no character are
 * neither. */
#ifndef RAML_TEXT_BORDER_H
#define RAML_TEXT_BORDER_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of whitespace at the end and at the start of s[0 .. n). */
size_t raml_whitespace_at_end(const unsigned char *s, size_t n);
size_t raml_whitespace_at_start(const unsigned char *s, size_t n);
bool raml_ends_in_word(const unsigned char *s, size_t n);
bool raml_starts_with_word(const unsigned char *s, size_t n);

#endif
