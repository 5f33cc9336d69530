/* inspect_tokens.c - a model's tokenizer, its chat template, and the prompt format that they imply. */
#include "cli/inspect.h"

#include "cli/prompting.h"
#include "core/file.h"
#include "core/path.h"

#include <stdio.h>
#include <string.h>

static void keep(char out[512], const struct raml_err *why)
{
    snprintf(out, 512, "%.500s", why->msg);
}

/* Is there any? A folder without a tokenizer.json, and a GGUF file without a vocabulary, have none. */
static bool has_tokenizer(const struct inspection *x, const char *dir)
{
    char path[RAML_PATH_BYTES];
    const struct raml_gguf *g = x->file ? raml_model_file_gguf(x->file) : NULL;
    if (g) return raml_gguf_value_find(g, "tokenizer.ggml.tokens") != NULL;
    return !raml_path_join(path, dir, "tokenizer.json", NULL) && raml_is_file(path);
}

static enum raml_code open_tokenizer(struct inspection *x, const char *dir, struct raml_err *err)
{
    struct raml_err why = {0};
    if (!dir) return raml_tokenizer_bytes(&x->tokenizer, err);
    if (!has_tokenizer(x, dir)) return RAML_OK;
    const struct raml_gguf *g = x->file ? raml_model_file_gguf(x->file) : NULL;
    enum raml_code rc =
        g ? raml_tokenizer_from_gguf(g, &x->tokenizer, &why) : raml_tokenizer_open(dir, &x->tokenizer, &why);
    if (rc) { /* the rest is still worth reporting */
        x->tokenizer = NULL;
        keep(x->tokenizer_fault, &why);
    }
    return RAML_OK;
}

/* As a command without options would choose; if the tokenizer can't be read, only the template counts. */
static void find_format(struct inspection *x, const char *dir)
{
    struct prompting_settings s = {.format = x->tokenizer ? "auto" : "template", .thinking = "auto"};
    struct prompting p = {0};
    struct raml_err why = {0};
    if (cli_prompting_open(&s, dir, x->tokenizer, &p, &why)) {
        keep(x->format_fault, &why);
        return;
    }
    snprintf(x->prompt_format, sizeof x->prompt_format, "%s", p.format.name);
    if (p.format.think_open) x->thinking = p.format.prefill ? "model" : "prompt";
    else x->thinking = x->template_thinks ? "closed" : "none";
    cli_prompting_close(&p);
}

enum raml_code cli_inspect_tokens(struct inspection *x, const char *dir, struct raml_err *err)
{
    enum raml_code rc = open_tokenizer(x, dir, err);
    struct raml_err why = {0};
    if (rc) return rc;
    x->text.add_bos = -1;
    if (dir && raml_tokenizer_config_read(dir, &x->text, &why)) keep(x->template_fault, &why);
    x->template_thinks = x->text.chat_template && strstr(x->text.chat_template, "<think>");
    if (!*x->template_fault) find_format(x, dir);
    else snprintf(x->format_fault, sizeof x->format_fault, "%s", x->template_fault);
    return RAML_OK;
}

void cli_inspect_specials(const struct raml_tokenizer *t,
                          void (*each)(int32_t id, const char *text, size_t len, void *user), void *user)
{
    const char *bytes;
    size_t len;
    for (int32_t id = 0; id < raml_tokenizer_size(t); id++)
        if (raml_tokenizer_is_special(t, id) && raml_tokenizer_piece(t, id, &bytes, &len, NULL) == RAML_OK)
            each(id, bytes, len, user);
}
