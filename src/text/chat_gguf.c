/* chat_gguf.c - see chat.h: the template that a GGUF file carries, with its tokens. */
#include "raml/chat.h"
#include "raml/gguf.h"

#include <stdlib.h>
#include <string.h>

/* The text of the token that a key names, for free(); NULL: the file does not say, or the id is none of its tokens. */
static char *token_text(const struct raml_gguf *g, const char *key)
{
    int64_t id;
    const struct raml_gguf_value *tokens;
    struct raml_gguf_string s;
    if (!raml_gguf_value_find(g, key) || raml_gguf_integer(g, key, &id, NULL)) return NULL;
    if (raml_gguf_array(g, "tokenizer.ggml.tokens", &tokens, NULL)) return NULL;
    if (id < 0 || (uint64_t)id >= tokens->n || raml_gguf_element_string(tokens, (size_t)id, &s, NULL)) return NULL;
    return strndup(s.bytes, s.n);
}

enum raml_code raml_chat_template_of_gguf(const char *path, const char *template_path, struct raml_chat_template **out,
                                          struct raml_err *err)
{
    struct raml_gguf *g = NULL;
    struct raml_gguf_string text;
    enum raml_code rc = raml_gguf_open(path, &g, err);
    if (rc) return rc;
    char *bos = token_text(g, "tokenizer.ggml.bos_token_id"), *eos = token_text(g, "tokenizer.ggml.eos_token_id");
    if (template_path) rc = raml_chat_template_open_file(template_path, bos, eos, out, err);
    else if (!raml_gguf_value_find(g, "tokenizer.chat_template"))
        rc = raml_fail(err, RAML_ERANGE, "%s: has no chat template (no key tokenizer.chat_template). " RAML_CHAT_INSTEAD,
                       path);
    else {
        rc = raml_gguf_string(g, "tokenizer.chat_template", &text, err);
        if (!rc) rc = raml_chat_template_open(path, text.bytes, text.n, bos, eos, out, err);
    }
    free(bos);
    free(eos);
    raml_gguf_close(g);
    return rc;
}
