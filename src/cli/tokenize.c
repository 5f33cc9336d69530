/* tokenize.c - `raml tokenize`: texts to token ids and back. One line in, one line out. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"

#include "core/file.h"
#include "core/json.h"
#include "raml/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28 };

struct settings {
    const char *tokenizer, *out;
    bool parse_special, decode, keep_special;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "tokenizer.json, a folder with one, a run's folder, or a .gguf file. Default: the built-in byte tokenizer."},
    {"parse_special", NULL, RAML_FLAG, AT(parse_special), NULL, 0, 0, NULL,
     "Text that spells a special token is that token; without it, it is text."},
    {"decode", NULL, RAML_FLAG, AT(decode), NULL, 0, 0, NULL, "From ids to texts instead."},
    {"keep_special", NULL, RAML_FLAG, AT(keep_special), "true", 0, 0, NULL, "With --decode: write special tokens too."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL, "JSONL file to write; default: standard output."},
};

struct work {
    const struct cli *cli;
    const struct settings *s;
    struct raml_tokenizer *tokenizer;
    struct cli_lines lines;
    struct raml_tokens ids;
    struct raml_buf text, clean;
    size_t n_lines, n_bytes, n_ids;
};

static enum raml_code read_ids(struct work *w, const struct raml_place *at, const json_t *obj, struct raml_err *err)
{
    json_t *list;
    const json_t *v;
    size_t i;
    int32_t size = raml_tokenizer_size(w->tokenizer);
    enum raml_code rc = raml_json_array(at, obj, "ids", &list, err);
    if (rc) return rc;
    json_array_foreach (list, i, v) {
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= size)
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: field 'ids', entry %zu: expected a token id from 0 to %d",
                             at->path, at->line, i + 1, size - 1);
        int32_t id = (int32_t)json_integer_value(v);
        rc = raml_tokens_add(&w->ids, &id, 1, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

static enum raml_code to_text(struct work *w, const struct raml_place *at, const json_t *obj, json_t *out,
                              struct raml_err *err)
{
    enum raml_code rc = read_ids(w, at, obj, err);
    if (!rc) rc = raml_tokenizer_decode(w->tokenizer, w->ids.id, w->ids.n, w->s->keep_special, &w->text, err);
    if (rc) return rc;
    raml_buf_add(&w->clean, "", 0); /* so that even an empty text has data */
    raml_utf8_clean(&w->clean, w->text.data ? w->text.data : "", w->text.len);
    rc = raml_buf_status(&w->clean, err);
    if (rc) return rc;
    if (json_object_set_new(out, "text", json_stringn(w->clean.data, w->clean.len)))
        return raml_fail(err, RAML_ENOMEM, "no memory for a text of %zu bytes", w->clean.len);
    w->n_bytes += w->clean.len;
    return RAML_OK;
}

static enum raml_code to_ids(struct work *w, const struct raml_place *at, const json_t *obj, json_t *out,
                             struct raml_err *err)
{
    const char *text;
    size_t n;
    enum raml_code rc = raml_json_str(at, obj, "text", &text, &n, err);
    if (!rc) rc = raml_tokenizer_encode(w->tokenizer, text, n, w->s->parse_special, &w->ids, err);
    if (rc) return rc;
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < w->ids.n; i++) ok = json_array_append_new(list, json_integer(w->ids.id[i])) == 0;
    ok = json_object_set_new(out, "ids", list) == 0 && ok;
    w->n_bytes += n;
    return ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu token ids", w->ids.n);
}

static enum raml_code take_line(void *to, struct raml_err *err)
{
    struct work *w = to;
    const struct raml_place at = {w->lines.in.path, w->lines.in.number};
    json_t *obj;
    enum raml_code rc =
        raml_json_parse_as(&at, w->lines.in.line.data, w->lines.in.line.len, RAML_JSON_KEEP_NUL, &obj, err);
    if (rc) return rc;
    json_t *out = json_object(), *id = json_object_get(obj, "id");
    w->ids.n = 0;
    raml_buf_clear(&w->text);
    raml_buf_clear(&w->clean);
    if (!out || (id && json_object_set(out, "id", id))) rc = raml_fail(err, RAML_ENOMEM, "no memory for a line");
    if (!rc) rc = w->s->decode ? to_text(w, &at, obj, out, err) : to_ids(w, &at, obj, out, err);
    if (!rc) rc = cli_put_line(w->lines.out ? &w->lines.writer : NULL, &w->text, out, err);
    else json_decref(out);
    json_decref(obj);
    w->n_ids += w->ids.n;
    w->n_lines++;
    raml_progress(w->cli->sink, "tokenize", (double)w->n_lines, 0, "lines", NULL);
    return rc;
}

static enum raml_code summary(const struct work *w, struct raml_err *err)
{
    if (!w->s->out) return RAML_OK;
    if (w->cli->json)
        return cli_print_json(json_pack("{s:s, s:I, s:I, s:I}", "out", w->s->out, "lines", (json_int_t)w->n_lines,
                                        "bytes", (json_int_t)w->n_bytes, "tokens", (json_int_t)w->n_ids),
                              err);
    printf("%s: %zu lines, %zu bytes of text, %zu tokens\n", w->s->out, w->n_lines, w->n_bytes, w->n_ids);
    return RAML_OK;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct settings own = *(const struct settings *)settings;
    struct work w = {.cli = cli, .s = &own};
    enum raml_code rc = cli_output_or_stdout(cli, &own.out, err);
    if (!rc) rc = cli_load_tokenizer(own.tokenizer, NULL, &w.tokenizer, err);
    if (rc) return rc;
    raml_buf_init(&w.text, MAX_LINE_BYTES);
    raml_buf_init(&w.clean, MAX_LINE_BYTES);
    w.lines.out = w.s->out;
    rc = cli_run_lines(cli, "tokenize", &w.lines, take_line, &w, err);
    if (!rc) rc = summary(&w, err);
    raml_tokens_deinit(&w.ids);
    raml_buf_deinit(&w.text);
    raml_buf_deinit(&w.clean);
    raml_tokenizer_close(w.tokenizer);
    return rc;
}

const struct cli_command cli_tokenize = {
    .name = "tokenize",
    .about = "texts to token ids, and back",
    .args = "[FILE.jsonl|-]",
    .detail =
        "A line {\"text\"} gives a line {\"ids\"}; with --decode, {\"ids\"} gives {\"text\"}. An \"id\" is copied. "
        "Bytes that are not UTF-8 become U+FFFD.",
    .example = "raml tokenize texts.jsonl --tokenizer run-sft/checkpoint-50 --out ids.jsonl",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
