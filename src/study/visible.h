/* visible.h - arbitrary bytes as text that can be read: what a token, an id or a file's name holds.
 *
 * Bytes that are not UTF-8 are shown as \xE2; control characters, those that are invisible, that change direction, or
 * that no text may contain as \u{202E}; line ends and tabs as \n and \t.
 */
#ifndef RAML_STUDY_VISIBLE_H
#define RAML_STUDY_VISIBLE_H

#include "raml/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 on one line. For messages and for JSON, which can't hold broken UTF-8. */
void raml_text_visible(struct raml_buf *b, const char *bytes, size_t n);
/* Only the first character, or broken byte, of s[0..n), n >= 1; escaped for HTML when html. Returns the bytes taken. */
size_t raml_text_visible_one(struct raml_buf *b, const char *s, size_t n, bool html);
/* Length of the character at s[0..n), n >= 1, that can be shown as it is; 0: it can't. */
size_t raml_text_printable(const char *s, size_t n);

#endif
