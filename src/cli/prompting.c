/* prompting.c - see prompting.h. */
#include "cli/prompting.h"

#include "core/file.h"
#include "core/path.h"

#include <stdlib.h>
#include <string.h>

static enum raml_chat_thinking thinking_of(const struct prompting_settings *s)
{
    if (!strcmp(s->thinking, "auto")) return RAML_CHAT_THINKING_AUTO;
    return !strcmp(s->thinking, "true") ? RAML_CHAT_THINKING_ON : RAML_CHAT_THINKING_OFF;
}

/* model, or of a tokenizer.json its folder; in dir, which the caller frees. */
static const char *folder_of(const char *model, struct raml_buf *dir)
{
    const char *json = model ? strstr(model, "tokenizer.json") : NULL;
    raml_buf_init(dir, 1 << 16);
    if (!json || json[strlen("tokenizer.json")]) return model;
    raml_buf_add(dir, model, (size_t)(json - model));
    raml_buf_adds(dir, ".");
    return dir->data;
}

/* Plain prompts begin as the tokenizer begins every text. */
static enum raml_code find_begin(const char *model, const struct raml_tokenizer *t, struct prompting *out,
                                 struct raml_err *err)
{
    struct raml_buf dir;
    struct raml_tokenizer_config c = {.add_bos = -1};
    const char *path = folder_of(model, &dir);
    enum raml_code rc = RAML_OK;
    if (path && (raml_is_dir(path) || raml_is_gguf(path))) rc = raml_tokenizer_config_read(path, &c, err);
    const char *begin = rc ? NULL : raml_tokenizer_config_begin(&c, t);
    if (begin && !(out->begin = strdup(begin))) rc = raml_fail(err, RAML_ENOMEM, "no memory for a token");
    out->format.begin = out->begin;
    raml_tokenizer_config_deinit(&c);
    raml_buf_deinit(&dir);
    return rc;
}

static enum raml_code by_template(const struct prompting_settings *s, const char *model, struct prompting *out,
                                  struct raml_err *err)
{
    enum raml_code rc;
    struct raml_buf dir;
    model = folder_of(model, &dir);
    if (model) rc = raml_chat_template_find(model, s->template, &out->chat, err);
    else if (s->template) rc = raml_chat_template_open_file(s->template, NULL, NULL, &out->chat, err);
    else rc = raml_fail(err, RAML_EUSAGE, "--prompt_format template needs a model, or --chat_template FILE.jinja");
    raml_buf_deinit(&dir);
    if (!rc) rc = raml_format_of_template(out->chat, thinking_of(s), s->date_string, &out->format, err);
    if (!rc || !err || strstr(err->msg, "--prompt_before")) return rc;
    struct raml_err why = *err; /* what to do instead comes after what is wrong */
    return raml_fail(err, rc, "%.380s. Another --prompt_format, or --prompt_before and --prompt_after, do without it",
                     why.msg);
}

/* Texts given by the user: of a format only the answer prefix, which asks for a boxed answer, is taken. */
static enum raml_code by_texts(const struct prompting_settings *s, struct prompting *out, struct raml_err *err)
{
    enum raml_code rc = raml_format_named("plain", NULL, &out->format, err);
    out->format.name = "custom";
    out->format.instruction = NULL;
    out->format.before = s->before;
    out->format.after = s->after;
    return rc;
}

enum raml_code cli_prompting_open(const struct prompting_settings *s, const char *model, const struct raml_tokenizer *t,
                                  struct prompting *out, struct raml_err *err)
{
    bool automatic = !strcmp(s->format, "auto"), own = s->before || s->after;
    enum raml_code rc;
    if (own && !automatic)
        return raml_fail(err, RAML_EUSAGE, "--prompt_format %s excludes --prompt_before and --prompt_after", s->format);
    if (own) rc = by_texts(s, out, err);
    else if (automatic && !s->template && raml_tokenizer_id(t, "<|question|>") >= 0)
        rc = raml_format_named("builtin", t, &out->format, err);
    else if (automatic || !strcmp(s->format, "template")) rc = by_template(s, model, out, err);
    else rc = raml_format_named(s->format, t, &out->format, err);
    if (!rc && !own && !strcmp(out->format.name, "plain")) rc = find_begin(model, t, out, err);
    if (rc) {
        cli_prompting_close(out);
        return rc;
    }
    struct raml_format *f = &out->format;
    if (s->preset && *s->preset && (rc = raml_format_preset(s->preset, f, err)) != RAML_OK) {
        cli_prompting_close(out);
        return rc;
    }
    if (s->system && !f->chat && !f->system_open && !own) {
        rc = raml_fail(err, RAML_EUSAGE, "--system: prompt format '%s' has no place for a system message", f->name);
        cli_prompting_close(out);
        return rc;
    }
    if (s->instruction) f->instruction = s->instruction;
    if (s->system) f->system = *s->system ? s->system : NULL;
    if (s->prefill) { /* whoever sets it decides whether thinking is open after it */
        f->think_opened = f->think_open && (strstr(s->prefill, f->think_open) || (f->think_opened && !f->prefill));
        f->prefill = s->prefill;
    }
    if (s->answer_prefix) f->answer_prefix = s->answer_prefix;
    return RAML_OK;
}

void cli_prompting_close(struct prompting *p)
{
    raml_chat_template_close(p->chat);
    free(p->begin);
    *p = (struct prompting){0};
}
