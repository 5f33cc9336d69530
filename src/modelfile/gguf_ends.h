/* gguf_ends.h - the tokens that end a text, by a GGUF file's metadata.
 *
 * As llama.cpp decides it (llama_vocab::impl::load in src/llama-vocab.cpp, special_eog_ids): those of the keys
 * tokenizer.ggml.eos_token_id, eot_token_id, eom_token_id and fim_pad_, fim_rep_ and fim_sep_token_id, and every token
 * whose text is one of a list. A model whose tokens that rule does not give in their order has all of them in
 * raml.end_token_ids, which other programs do not read.
 */
#ifndef MODELFILE_GGUF_ENDS_H
#define MODELFILE_GGUF_ENDS_H

#include "raml/config.h"
#include "raml/gguf.h"

struct raml_gguf_ends_source { /* metadata, in a file or to be written; by user */
    void *user;
    int (*id)(void *user, const char *key);                            /* a token's id; -1: no such key */
    bool (*token)(void *user, size_t i, struct raml_gguf_string *out); /* text of token i */
    size_t n_tokens;
};
/* Adds them to c: false when there are more than it holds. */
bool raml_gguf_ends_by_rule(const struct raml_gguf_ends_source *s, struct raml_config *c);
/* Of an open file, raml.end_token_ids first. */
RAML_CHECKED enum raml_code raml_gguf_ends(const struct raml_gguf *g, struct raml_config *c, struct raml_err *err);

#define RAML_GGUF_END_IDS "raml.end_token_ids"

#endif
