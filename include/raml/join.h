/* join.h - the border between a context and its continuation (prompt and completion, answer prefix and answer).
 *
 * A model reads one text, and its tokens ignore where our context ends: after "\boxed{" the answer
 * "\frac12" begins, for Qwen2, inside the token "{\". So the border is found by bytes, never by counting tokens:
 *   joint   context and continuation are encoded as one text, as the model would see them. The continuation is what
 *           starts at the first token that has a byte of it; the context is all before. A token that has bytes of both
 *           straddles the border and belongs to the continuation: `straddle` is how many bytes of context it holds.
 *   split   each is encoded separately, and the border is a border between tokens that the model may never have seen.
 * A continuation of at least one byte has at least one token. The context may have none, where a straddling token took
 * all of it.
 */
#ifndef RAML_JOIN_H
#define RAML_JOIN_H

#include "raml/tokenizer.h"

#pragma GCC visibility push(default)

enum raml_join { RAML_JOIN_JOINT, RAML_JOIN_SPLIT };
const char *raml_join_name(enum raml_join join); /* "joint", "split" */

struct raml_join_text { /* borrowed */
    const char *s;
    size_t n;
    struct raml_encode_options opt; /* its plain ranges are of this text */
};

struct raml_joined { /* zero-initialise; may be used again; free with raml_joined_deinit */
    struct raml_tokens context, continuation;
    size_t straddle; /* bytes of the context in the continuation's first token; 0 with split */
};
void raml_joined_deinit(struct raml_joined *j);

/* *out is overwritten, and empty after a failure. Errors: those of raml_tokenizer_encode_parts, where ranges are
 * counted through both texts. */
RAML_CHECKED enum raml_code raml_join(const struct raml_tokenizer *t, enum raml_join join,
                                      const struct raml_join_text *context, const struct raml_join_text *continuation,
                                      struct raml_joined *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
