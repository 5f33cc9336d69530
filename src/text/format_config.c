/* format_config.c - a format as what other programs read: tokenizer_config.json. See format.h. */
#include "raml/format.h"

#include <jansson.h>
#include <string.h>

/* The built-in format. A turn of the model begins with <think>, whoever writes it. */
static const char builtin_template[] =
    "{%- for message in messages %}\n"
    "    {%- if message['role'] == 'user' %}\n"
    "        {{- '<|question|>' + message['content'] }}\n"
    "    {%- elif message['role'] == 'assistant' %}\n"
    "        {{- '' if message['content'].startswith('<think>') else '<think>' }}\n"
    "        {{- message['content'] + '<|endoftext|>' }}\n"
    "    {%- else %}\n"
    "        {{- raise_exception('This model was trained on questions alone: it has no place for a message of role ' + "
    "message['role']) }}\n"
    "    {%- endif %}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<think>' }}\n"
    "{%- endif %}\n";

/* A copy of text where there is none yet. */
static bool put(char **to, const char *text)
{
    if (*to || !text) return true;
    return (*to = strdup(text)) != NULL;
}

static bool copy(struct raml_tokenizer_config *out, const struct raml_tokenizer_config *c)
{
    if (!c) return true;
    out->add_bos = c->add_bos;
    if (c->special && !(out->special = json_deep_copy(c->special))) return false;
    return put(&out->chat_template, c->chat_template) && put(&out->template_place, c->template_place) &&
           put(&out->tool_template, c->tool_template) && put(&out->bos, c->bos) && put(&out->eos, c->eos);
}

static bool add_builtin(struct raml_tokenizer_config *out)
{
    if (!out->special) out->special = json_object();
    bool bad = !out->special;
    if (!bad && !json_object_get(out->special, "pad_token"))
        bad = json_object_set_new(out->special, "pad_token", json_string("<|pad|>")) != 0;
    return !bad && put(&out->chat_template, builtin_template) && put(&out->template_place, "the built-in format");
}

enum raml_code raml_format_tokenizer_config(const struct raml_format *f, const struct raml_tokenizer *t,
                                            const struct raml_tokenizer_config *c, struct raml_tokenizer_config *out,
                                            int32_t *stop_id, struct raml_err *err)
{
    struct raml_tokens stop = {0};
    *out = (struct raml_tokenizer_config){.add_bos = -1};
    *stop_id = -1;
    enum raml_code rc = raml_format_stop(f, t, &stop, err);
    if (rc) return rc;
    if (stop.n == 1) *stop_id = stop.id[0];
    raml_tokens_deinit(&stop);
    bool builtin = f->name && !strcmp(f->name, "builtin") && (!c || !c->chat_template);
    bool good = copy(out, c) && (*stop_id < 0 || put(&out->eos, f->stop)) && (!builtin || add_builtin(out));
    if (good) return RAML_OK;
    raml_tokenizer_config_deinit(out);
    return raml_fail(err, RAML_ENOMEM, "no memory for what goes with the tokenizer");
}
