/* base64.h - bytes as text of RFC 4648's alphabet, with '=' at the end: for data within a page or a picture. */
#ifndef RAML_CORE_BASE64_H
#define RAML_CORE_BASE64_H

#include "raml/buf.h"

/* Appends the text of n bytes. */
void raml_buf_add_base64(struct raml_buf *b, const void *bytes, size_t n);

#endif
