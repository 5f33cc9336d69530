/* inspect.c - `raml inspect`: a model's shapes, size, memory and special tokens; with --check, its values. */
#include "cli/inspect.h"

#include "cli/commands.h"
#include "raml/file.h"
#include "raml/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH = 4096, MAX_TEMPLATE = 4 << 20 };

struct settings {
    const char *init, *dtype;
    bool check;
    int64_t tokens;
};

static const struct cli_option options[] = {
    {"init", NULL, CLI_TEXT, offsetof(struct settings, init), NULL, 0, 0, NULL,
     "Instead of a folder: the preset (micro, small, medium, gpt2, qwen2.5-0.5b, qwen2.5-1.5b) of a new model."},
    {"dtype", NULL, CLI_ONE, offsetof(struct settings, dtype), "auto", 0, 0, "auto|f32|bf16",
     "Numbers of the matrix products that memory is told for; auto is bf16 where the processor has it."},
    {"tokens", NULL, CLI_INT, offsetof(struct settings, tokens), "1024", 0, 1 << 20, NULL,
     "Tokens at once that memory is measured for; 0 leaves activations out and does not open the model."},
    {"check", NULL, CLI_FLAG, offsetof(struct settings, check), NULL, 0, 0, NULL,
     "Read every weight: lowest, highest, root mean square; NaN and infinity are an error."},
};

static enum raml_code join(char out[MAX_PATH], const char *dir, const char *name, struct raml_err *err)
{
    if (snprintf(out, MAX_PATH, "%s/%s", dir, name) < MAX_PATH) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "the folder's name is longer than %d bytes", MAX_PATH - 32);
}

static void note_template(struct inspection *x, const char *text, size_t len)
{
    x->chat_template = len;
    x->template_thinks = strstr(text, "<think>") != NULL;
}

/* A chat template lies in chat_template.jinja, or as a text in tokenizer_config.json. A folder without is fine. */
static enum raml_code find_template(struct inspection *x, const char *dir, struct raml_err *err)
{
    char path[MAX_PATH];
    enum raml_code rc = join(path, dir, "chat_template.jinja", err);
    if (!rc && raml_is_file(path)) {
        struct raml_buf text;
        raml_buf_init(&text, MAX_TEMPLATE);
        rc = raml_file_read(path, &text, err);
        if (!rc && text.data) note_template(x, text.data, text.len);
        raml_buf_deinit(&text);
        return rc;
    }
    if (!rc) rc = join(path, dir, "tokenizer_config.json", err);
    if (rc || !raml_is_file(path)) return rc;
    json_t *o;
    rc = raml_json_load(path, 16 * (size_t)MAX_TEMPLATE, &o, err);
    if (rc) return rc;
    const json_t *text = json_object_get(o, "chat_template");
    if (json_is_string(text)) note_template(x, json_string_value(text), json_string_length(text));
    json_decref(o);
    return RAML_OK;
}

static enum raml_code find_tokenizer(struct inspection *x, const char *dir, struct raml_err *err)
{
    if (!dir) return raml_tokenizer_bytes(&x->tokenizer, err);
    char path[MAX_PATH];
    enum raml_code rc = join(path, dir, "tokenizer.json", err);
    if (rc) return rc;
    struct raml_err why = {0};
    if (raml_is_file(path) && raml_tokenizer_open(path, &x->tokenizer, &why)) { /* the rest is still worth telling */
        x->tokenizer = NULL;
        snprintf(x->tokenizer_fault, sizeof x->tokenizer_fault, "%.250s", why.msg);
    }
    return find_template(x, dir, err);
}

static enum raml_code examine(struct inspection *x, const struct cli *cli, const struct settings *s, const char *dir,
                              struct raml_err *err)
{
    char path[MAX_PATH];
    enum raml_code rc;
    x->source = dir ? dir : s->init;
    x->tokens = (size_t)s->tokens;
    x->bf16 = strcmp(s->dtype, "auto") == 0 ? raml_device_has_bf16(cli->dev) : strcmp(s->dtype, "bf16") == 0;
    if (!dir) {
        rc = raml_config_preset(s->init, &x->config, err);
    } else {
        rc = join(path, dir, "config.json", err);
        if (!rc) rc = raml_config_read(path, &x->config, err);
        if (!rc) rc = cli_inspect_tensors(x, dir, s->check, err);
    }
    bool bad = false;
    for (size_t i = 0; i < x->n_tensors; i++) bad |= x->tensor[i].n_bad > 0;
    if (bad) x->tokens = 0; /* such a model cannot be opened; the table says why */
    if (!rc) rc = cli_inspect_memory(x, cli, dir, err);
    return rc ? rc : find_tokenizer(x, dir, err);
}

static enum raml_code verdict(const struct inspection *x, struct raml_err *err)
{
    size_t values = 0, tensors = 0;
    const struct tensor *first = NULL;
    for (size_t i = 0; i < x->n_tensors; i++) {
        if (!x->tensor[i].n_bad) continue;
        if (!first) first = &x->tensor[i];
        values += x->tensor[i].n_bad;
        tensors++;
    }
    if (!first) return RAML_OK;
    return raml_fail(err, RAML_ERANGE,
                     "%s: %zu of its values are NaN or infinite (tensors: %zu); first: '%s', element %zu", x->source,
                     values, tensors, first->name, first->first_bad);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    if (cli->n_args + (s->init != NULL) != 1)
        return raml_fail(err, RAML_EUSAGE, "found %s, expected one folder or --init PRESET",
                         cli->n_args == 0 ? "neither"
                         : s->init        ? "a folder and --init"
                                          : "several folders");
    if (s->check && s->init)
        return raml_fail(err, RAML_EUSAGE, "--check reads a folder's weights; a new model has none to check");
    struct inspection x = {0};
    enum raml_code rc = examine(&x, cli, s, cli->n_args ? cli->arg[0] : NULL, err);
    if (!rc && cli->json)
        rc = cli_inspect_print_json(&x, err);
    else if (!rc)
        cli_inspect_print(&x);
    if (!rc) rc = verdict(&x, err);
    free(x.tensor);
    raml_tokenizer_close(x.tokenizer);
    return rc;
}

const struct cli_command cli_inspect = {
    .name = "inspect",
    .about = "a model's shapes, size, memory and special tokens",
    .args = "[DIR]",
    .detail = "DIR is a folder in Hugging Face layout (config.json, model.safetensors or several files with their "
              "index). Tells the configuration, every "
              "tensor, and the memory that scoring and training take with its parts.",
    .example = "raml inspect --init small",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
