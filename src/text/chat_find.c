/* chat_find.c - see chat.h: a model's own template and its tokens. */
#include "raml/chat.h"

#include "core/file.h"
#include "raml/tokenizer.h"

#include <string.h>

enum raml_code raml_chat_template_find(const char *model, const char *path, struct raml_chat_template **out,
                                       struct raml_err *err)
{
    struct raml_tokenizer_config c;
    if (!raml_is_dir(model) && !raml_is_file(model))
        return raml_fail(err, RAML_EIO, "%s: not found; expected a model's folder or GGUF file", model);
    enum raml_code rc = raml_tokenizer_config_read(model, &c, err);
    if (rc) return rc;
    if (path) rc = raml_chat_template_open_file(path, c.bos, c.eos, out, err);
    else if (c.chat_template)
        rc =
            raml_chat_template_open(c.template_place, c.chat_template, strlen(c.chat_template), c.bos, c.eos, out, err);
    else
        rc = raml_fail(err, RAML_ERANGE,
                       "%s: has no chat template (%s). Give a template file, or choose another --prompt_format; "
                       "--prompt_before and --prompt_after set your own texts around a question",
                       model,
                       raml_is_dir(model) ? "no chat_template.jinja, and no 'chat_template' in tokenizer_config.json"
                                          : "no key 'tokenizer.chat_template'");
    if (!rc && (rc = raml_chat_template_add(*out, c.special, path ? NULL : c.tool_template, err)) != RAML_OK) {
        raml_chat_template_close(*out);
        *out = NULL;
    }
    raml_tokenizer_config_deinit(&c);
    return rc;
}
