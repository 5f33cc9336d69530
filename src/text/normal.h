/* normal.h - Unicode normal form C (UAX #15; private to src/text).
 *
 * Most texts are in form C, and are only checked: the quick check of UAX #15, section 9. Where it is in doubt, a
 * block of the text, from a character that nothing before it can join up to the next such one, is normalized. */
#ifndef RAML_TEXT_NORMAL_H
#define RAML_TEXT_NORMAL_H

#include "text/origin.h"
#include "raml/buf.h"

#include <stdbool.h>

/* True when text, which is well-formed UTF-8, is certainly in form C. */
bool raml_nfc_plain(const unsigned char *text, size_t n);
/* Appends text[0 .. n), which is well-formed UTF-8, in form C. O(n), whatever the marks and their order. origin (NULL:
 * not wanted) gets the runs of what is appended: what changes of a block, from the first character to the last that
 * does, is one. */
RAML_CHECKED enum raml_code raml_nfc(const unsigned char *text, size_t n, struct raml_buf *out,
                                     struct raml_origin *origin, struct raml_err *err);

#endif
