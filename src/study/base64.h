/* base64.h - bytes as text, in the alphabet and with the padding of RFC 4648, section 4. */
#ifndef RAML_STUDY_BASE64_H
#define RAML_STUDY_BASE64_H

#include "raml/buf.h"

void raml_text_base64(struct raml_buf *b, const void *bytes, size_t n);

#endif
