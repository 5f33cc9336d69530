/* metaspace.h - tokenizers whose words are characters and whose spaces are U+2581 (Llama 2; private to src/text).
 *
 * Such a file (`byte_fallback`: true) writes tokens as text with U+2581 for each space, and has a token "<0x0A>" for
 * each byte, used for characters without a token. In memory a piece has the bytes that it decodes to: spaces are
 * spaces; only added tokens are as they are written, and are decoded with spaces. So a text is prepared by prepending a space (as the file specifies) and reading U+2581 as a space, which
 * it can't be distinguished from.
 *   normalizer      null, Replace " " by U+2581 (Gemma), or a Sequence of Prepend U+2581 and Replace
 *   pre_tokenizer   with a normalizer null, or Split at the spaces that it leaves none of; else Metaspace:
 *                   prepend_scheme, split
 *   decoder         a Sequence of Replace, ByteFallback, Fuse and, or not, Strip of one space at the start
 */
#ifndef RAML_TEXT_METASPACE_H
#define RAML_TEXT_METASPACE_H

#include "text/origin.h"
#include "text/source.h"

/* Normalizer, pre-tokenizer and decoder of such a file. */
RAML_CHECKED enum raml_code raml_read_metaspace(const struct raml_source *s, const json_t *root);
/* Appends the bytes of a token of the file; *byte: it is one of "<0x00>" to "<0xFF>". */
void raml_metaspace_piece(const char *token, struct raml_buf *out, bool *byte);
/* Appends s[0 .. n) with spaces for U+2581. */
void raml_metaspace_text(const char *s, size_t n, struct raml_buf *out);
/* Appends text[0 .. n), n > 0, as pieces spell it. first: at the start of the whole text. */
RAML_CHECKED enum raml_code raml_metaspace(const struct raml_tokenizer *t, const unsigned char *text, size_t n,
                                           bool first, struct raml_buf *out, struct raml_origin *origin,
                                           struct raml_err *err);

#endif
