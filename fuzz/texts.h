/* texts.h - what must hold of every tokenizer that opens, however odd its file. */
#ifndef RAML_FUZZ_TEXTS_H
#define RAML_FUZZ_TEXTS_H

#include "raml/tokenizer.h"

/* Encodes and decodes some texts, and data[0..n): ids are of the vocabulary, ranges cover the text, encoding in parts
 * is the same, and what they decode to is cleaned once and for all. */
void fuzz_use_tokenizer(const struct raml_tokenizer *t, const void *data, size_t n);

#endif
