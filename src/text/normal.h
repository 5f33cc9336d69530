/* normal.h - Unicode normal form C (UAX #15; private to src/text). */
#ifndef RAML_TEXT_NORMAL_H
#define RAML_TEXT_NORMAL_H

#include "raml/buf.h"

#include <stdbool.h>

/* True when text is sure to be in form C without a closer look: no character from U+0300 on. */
bool raml_nfc_plain(const unsigned char *text, size_t n);
/* Appends text[0 .. n), which is well-formed UTF-8, in form C. O(n), whatever the marks and their order. */
RAML_CHECKED enum raml_code raml_nfc(const unsigned char *text, size_t n, struct raml_buf *out, struct raml_err *err);

#endif
