/* prompt.c - `raml prompt`: messages to a model's prompt, by its chat template. One line in, one line out. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"

#include "raml/chat.h"
#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28 };

struct settings {
    const char *model, *template, *enable_thinking, *bos_token, *eos_token, *date_string, *out;
    bool add_generation_prompt, continue_final_message, spans;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"model", NULL, RAML_PATH, AT(model), NULL, 0, 0, NULL,
     "Model's folder: chat_template.jinja, or chat_template in tokenizer_config.json; bos_token and eos_token from "
     "there."},
    {"template", NULL, RAML_PATH, AT(template), NULL, 0, 0, NULL, "Jinja file to use instead of the model's template."},
    {"add_generation_prompt", NULL, RAML_FLAG, AT(add_generation_prompt), NULL, 0, 0, NULL,
     "End with the beginning of the model's turn."},
    {"continue_final_message", NULL, RAML_FLAG, AT(continue_final_message), NULL, 0, 0, NULL,
     "End with the last message's text, for the model to continue from there."},
    {"enable_thinking", NULL, RAML_ONE, AT(enable_thinking), "auto", 0, 0, "auto|true|false",
     "Passed to the template; auto: not passed."},
    {"bos_token", NULL, RAML_TEXT, AT(bos_token), NULL, 0, 0, NULL, "Instead of the model's."},
    {"eos_token", NULL, RAML_TEXT, AT(eos_token), NULL, 0, 0, NULL, "Instead of the model's."},
    {"date_string", NULL, RAML_TEXT, AT(date_string), NULL, 0, 0, NULL,
     "Today's date for templates that show one: \"26 Jul 2024\"."},
    {"spans", NULL, RAML_FLAG, AT(spans), NULL, 0, 0, NULL,
     "Also write which bytes came from which message: [[start, end, message], ...]."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL, "JSONL file to write; default: standard output."},
};

struct work {
    const struct cli *cli;
    const struct settings *s;
    struct raml_chat_template *template;
    struct cli_lines lines;
    struct raml_buf scratch;
    size_t n_lines, n_bytes;
};

/* A line's own true or false; if it is null or missing *out is unchanged and *given false. */
static enum raml_code read_flag(const struct raml_place *at, const json_t *obj, const char *field, bool *out,
                                bool *given, struct raml_err *err)
{
    const json_t *v = json_object_get(obj, field);
    *given = v && !json_is_null(v);
    if (!*given) return RAML_OK;
    if (!json_is_boolean(v))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' is not true or false", at->path, at->line, field);
    *out = json_is_true(v);
    return RAML_OK;
}

static enum raml_code read_text(const struct raml_place *at, const json_t *obj, const char *field, const char **out,
                                struct raml_err *err)
{
    const json_t *v = json_object_get(obj, field);
    return v && !json_is_null(v) ? raml_json_str(at, obj, field, out, NULL, err) : RAML_OK;
}

static enum raml_code read_input(const struct work *w, const struct raml_place *at, const json_t *obj,
                                 struct raml_chat_input *in, struct raml_err *err)
{
    json_t *messages;
    bool think = false, given;
    enum raml_code rc = raml_json_array(at, obj, "messages", &messages, err);
    if (rc) return rc;
    *in = raml_chat_input_default(messages, w->s->add_generation_prompt);
    in->continue_final_message = w->s->continue_final_message;
    in->bos_token = w->s->bos_token;
    in->eos_token = w->s->eos_token;
    in->date_string = w->s->date_string;
    in->tools = json_object_get(obj, "tools");
    in->kwargs = json_object_get(obj, "kwargs");
    if (json_is_null(in->kwargs)) in->kwargs = NULL;
    if (strcmp(w->s->enable_thinking, "auto") != 0)
        in->thinking = !strcmp(w->s->enable_thinking, "true") ? RAML_CHAT_THINKING_ON : RAML_CHAT_THINKING_OFF;
    rc = read_flag(at, obj, "add_generation_prompt", &in->add_generation_prompt, &given, err);
    if (!rc) rc = read_flag(at, obj, "continue_final_message", &in->continue_final_message, &given, err);
    if (!rc) rc = read_flag(at, obj, "enable_thinking", &think, &given, err);
    if (!rc && given) in->thinking = think ? RAML_CHAT_THINKING_ON : RAML_CHAT_THINKING_OFF;
    if (!rc) rc = read_text(at, obj, "bos_token", &in->bos_token, err);
    if (!rc) rc = read_text(at, obj, "eos_token", &in->eos_token, err);
    if (!rc) rc = read_text(at, obj, "date_string", &in->date_string, err);
    return rc;
}

static json_t *spans_of(const struct raml_chat_prompt *p)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < p->n_spans; i++)
        ok = json_array_append_new(list, json_pack("[I, I, I]", (json_int_t)p->span[i].start,
                                                   (json_int_t)p->span[i].end, (json_int_t)p->span[i].message)) == 0;
    if (ok) return list;
    json_decref(list);
    return NULL;
}

static enum raml_code put(struct work *w, const struct raml_chat_prompt *p, const json_t *obj, struct raml_err *err)
{
    json_t *out = json_object(), *id = json_object_get(obj, "id");
    const char *big = raml_json_beyond(id);
    bool ok = out != NULL;
    if (ok && big) ok = json_object_set_new(out, "id", json_string(big)) == 0;
    else if (ok && id) ok = json_object_set(out, "id", id) == 0;
    ok = ok && json_object_set_new(out, "text", json_stringn(p->text.data ? p->text.data : "", p->text.len)) == 0;
    if (ok && w->s->spans) ok = json_object_set_new(out, "spans", spans_of(p)) == 0;
    if (ok) return cli_put_line(w->lines.out ? &w->lines.writer : NULL, &w->scratch, out, err);
    json_decref(out);
    return raml_fail(err, RAML_ENOMEM, "no memory for a prompt of %zu bytes", p->text.len);
}

static enum raml_code take_line(void *to, struct raml_err *err)
{
    struct work *w = to;
    const struct raml_place at = {w->lines.in.path, w->lines.in.number};
    struct raml_chat_input in;
    struct raml_chat_prompt p = {0};
    json_t *obj;
    enum raml_code rc =
        raml_json_parse_as(&at, w->lines.in.line.data, w->lines.in.line.len, RAML_JSON_KEEP_NUMBERS, &obj, err);
    if (rc) return rc;
    rc = read_input(w, &at, obj, &in, err);
    if (!rc && (rc = raml_chat_render(w->template, &in, &p, err)) != RAML_OK)
        rc = raml_wrap(err, rc, "%s:%zu", at.path, at.line);
    if (!rc) rc = put(w, &p, obj, err);
    w->n_bytes += p.text.len;
    w->n_lines++;
    raml_chat_prompt_deinit(&p);
    json_decref(obj);
    raml_progress(w->cli->sink, "prompt", (double)w->n_lines, 0, "lines", NULL);
    return rc;
}

static enum raml_code summary(const struct work *w, struct raml_err *err)
{
    if (!w->s->out) return RAML_OK;
    if (w->cli->json)
        return cli_print_json(json_pack("{s:s, s:I, s:I}", "out", w->s->out, "lines", (json_int_t)w->n_lines, "bytes",
                                        (json_int_t)w->n_bytes),
                              err);
    printf("%s: %zu lines, %zu bytes of prompts\n", w->s->out, w->n_lines, w->n_bytes);
    return RAML_OK;
}

static enum raml_code open_template(struct work *w, struct raml_err *err)
{
    if (w->s->model) return raml_chat_template_find(w->s->model, w->s->template, &w->template, err);
    if (w->s->template) return raml_chat_template_open_file(w->s->template, NULL, NULL, &w->template, err);
    return raml_fail(err, RAML_EUSAGE, "--model or --template is missing; give a model's folder, or a template's file");
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct settings own = *(const struct settings *)settings;
    struct work w = {.cli = cli, .s = &own};
    enum raml_code rc = cli_output_or_stdout(cli, &own.out, err);
    if (!rc) rc = open_template(&w, err);
    if (rc) return rc;
    raml_buf_init(&w.scratch, MAX_LINE_BYTES);
    w.lines.out = w.s->out;
    rc = cli_run_lines(cli, "prompt", &w.lines, take_line, &w, err);
    if (!rc) rc = summary(&w, err);
    raml_buf_deinit(&w.scratch);
    raml_chat_template_close(w.template);
    return rc;
}

const struct cli_command cli_prompt = {
    .name = "prompt",
    .about = "messages to a model's prompt, by its chat template",
    .args = "[FILE.jsonl|-]",
    .detail =
        "A line {\"messages\"} gives a line {\"text\"}. A line may also have add_generation_prompt, "
        "continue_final_message, "
        "enable_thinking, "
        "bos_token, eos_token, date_string (they override the settings), tools (a list), and kwargs (an object: more "
        "variables for the template). An \"id\" is copied.",
    .example = "raml prompt messages.jsonl --model Qwen3-0.6B --add_generation_prompt --out prompts.jsonl",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
