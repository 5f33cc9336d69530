/* tokenizer_config.h - what goes with a model's tokenizer: its chat template and the tokens that open and close texts.
 *
 * Folder   chat_template.jinja, or chat_template in tokenizer_config.json (of a list of named ones, "default");
 *          bos_token, eos_token, add_bos_token from tokenizer_config.json. Missing files give nothing.
 * GGUF     tokenizer.chat_template, tokenizer.ggml.bos_token_id, eos_token_id, add_bos_token.
 */
#ifndef RAML_TOKENIZER_CONFIG_H
#define RAML_TOKENIZER_CONFIG_H

#include "raml/gguf.h"
#include "raml/tokenizer.h"

#pragma GCC visibility push(default)

struct raml_tokenizer_config { /* texts are UTF-8, terminated by 0; NULL: not given */
    char *chat_template, *bos, *eos;
    char *template_place; /* where the template is, for messages */
    int add_bos;          /* 0, 1; -1: not given */
};
/* path: a folder or a .gguf file. On failure *out is empty. */
RAML_CHECKED enum raml_code raml_tokenizer_config_read(const char *path, struct raml_tokenizer_config *out,
                                                       struct raml_err *err);
/* Writes a tokenizer_config.json that _read and Hugging Face's libraries read, atomically. */
RAML_CHECKED enum raml_code raml_tokenizer_config_write(const struct raml_tokenizer_config *c, const char *path,
                                                        struct raml_err *err);
void raml_tokenizer_config_deinit(struct raml_tokenizer_config *c);

/* -- A tokenizer as GGUF metadata ---------------------------------------------------------------------------------- */
struct raml_gguf_vocabulary { /* entries for raml_gguf_write; the rest holds what they point to */
    struct raml_gguf_entry entry[10];
    size_t n;
    void *text;
    char *pool;
    struct raml_gguf_string *token, *merge, one[3];
    int32_t *type;
    uint32_t bos, eos;
    bool add_bos;
};
/* tokenizer.ggml.model, pre, tokens, token_type, merges, and what c holds; whether bos opens a text is taken from the
 * tokenizer's post_processor where c does not set it. c must outlive v. size: of the model's
 * vocabulary; ids that have no token are filled with unused ones, as llama.cpp's converter does ("[PAD7]"). name: for
 * messages. RAML_ESUPPORT: no tokenizer.ggml.pre describes how this tokenizer splits a text into words (a tokenizer
 * without merges needs none, and is gpt-2). RAML_ESHAPE: the tokenizer has more tokens than the model. */
RAML_CHECKED enum raml_code raml_gguf_vocabulary_init(struct raml_gguf_vocabulary *v, const struct raml_tokenizer *t,
                                                      const struct raml_tokenizer_config *c, size_t size,
                                                      const char *name, struct raml_err *err);
void raml_gguf_vocabulary_deinit(struct raml_gguf_vocabulary *v);

#pragma GCC visibility pop
#endif
