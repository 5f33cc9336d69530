/* tokenizer.h - text to token ids and back.
 *
 * Reads and writes Hugging Face `tokenizer.json` (byte-level BPE). The built-in tokenizer has one token a byte and the
 * special tokens of the built-in models; it is stored in the same format and read back like any other.
 * Units    text is UTF-8 or any bytes, with explicit length; ids are int32_t in [0, raml_tokenizer_size).
 * Threads  a tokenizer is read-only after opening: any number of readers.
 */
#ifndef RAML_TOKENIZER_H
#define RAML_TOKENIZER_H

#include "raml/buf.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stdint.h>

struct raml_tokenizer;

struct raml_tokens { /* a growing array of ids; zero-initialise; free with raml_tokens_deinit */
    int32_t *id;
    size_t n, cap;
};
void raml_tokens_deinit(struct raml_tokens *t);
RAML_CHECKED enum raml_code raml_tokens_add(struct raml_tokens *t, const int32_t *id, size_t n, struct raml_err *err);

/* path: a tokenizer.json, or a folder that holds one. */
RAML_CHECKED enum raml_code raml_tokenizer_open(const char *path, struct raml_tokenizer **out, struct raml_err *err);
/* The built-in byte tokenizer: ids 0..255 are the bytes, then <|endoftext|>, <|question|>, <think>, </think>, <|pad|>. */
RAML_CHECKED enum raml_code raml_tokenizer_bytes(struct raml_tokenizer **out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_tokenizer_save(const struct raml_tokenizer *t, const char *path, struct raml_err *err);
void raml_tokenizer_close(struct raml_tokenizer *t);

int32_t raml_tokenizer_size(const struct raml_tokenizer *t); /* largest id + 1 */
int32_t raml_tokenizer_id(const struct raml_tokenizer *t, const char *token); /* of a whole token's text; -1: none */
bool raml_tokenizer_is_special(const struct raml_tokenizer *t, int32_t id);
/* Appends the ids of text. parse_special: text that spells a special token becomes that token; otherwise it is bytes. */
RAML_CHECKED enum raml_code raml_tokenizer_encode(const struct raml_tokenizer *t, const char *text, size_t len,
                                                  bool parse_special, struct raml_tokens *out, struct raml_err *err);
/* Appends the text of ids; special tokens are written only when keep_special. An id outside the vocabulary: ERANGE. */
RAML_CHECKED enum raml_code raml_tokenizer_decode(const struct raml_tokenizer *t, const int32_t *id, size_t n,
                                                  bool keep_special, struct raml_buf *out, struct raml_err *err);
/* The bytes of one token (borrowed). */
RAML_CHECKED enum raml_code raml_tokenizer_piece(const struct raml_tokenizer *t, int32_t id, const char **bytes,
                                                 size_t *len, struct raml_err *err);
#endif
