/* metaspace.h - tokenizers whose words are characters and whose spaces are U+2581 (Llama 2; private to src/text).
 *
 * Such a file (`byte_fallback`: true) writes tokens as text with U+2581 for each space, and has a token "<0x0A>" for
 * each byte, used for characters without a token. In memory a piece has the bytes that it decodes to: spaces are
 * spaces. So a text is prepared by prepending a space (as the file specifies) and reading U+2581 as a space, which
 * it can't be distinguished from.
 *   normalizer      null, or a Sequence of Prepend U+2581 and Replace " " by U+2581
 *   pre_tokenizer   null with that normalizer, else Metaspace: prepend_scheme, split
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
/* Appends text[0 .. n), n > 0, as pieces spell it. first: at the start of the whole text. */
RAML_CHECKED enum raml_code raml_metaspace(const struct raml_tokenizer *t, const unsigned char *text, size_t n,
                                           bool first, struct raml_buf *out, struct raml_origin *origin,
                                           struct raml_err *err);

#endif
