/* inspect.c - `raml inspect`: a model's shapes, types, memory and tokenizer before it is loaded; with --check, its
 * values. */
#include "cli/inspect.h"

#include "cli/commands.h"
#include "cli/source.h"
#include "core/file.h"
#include "core/path.h"
#include "raml/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *init, *dtype, *base;
    bool check, tensors;
    int64_t tokens, micro_batch_tokens;
};

static const struct raml_setting options[] = {
    {"init", NULL, RAML_TEXT, offsetof(struct settings, init), NULL, 0, 0, NULL,
     "Instead of a path: the preset (micro, small, medium, gpt2, qwen2.5-0.5b, qwen2.5-1.5b) of a new model."},
    {"dtype", NULL, RAML_ONE, offsetof(struct settings, dtype), "auto", 0, 0, "auto|stored|bf16|f32",
     "Type of the matrices, for the memory estimate: as in score, trace and sample (stored: as in the file)."},
    {"tokens", NULL, RAML_INT, offsetof(struct settings, tokens), "2048", 0, 1 << 20, NULL,
     "Tokens of a scoring pass, for the memory estimate; 0 excludes activations, in training too."},
    {"micro_batch_tokens", NULL, RAML_INT, offsetof(struct settings, micro_batch_tokens), "4096", 1, 1 << 20, NULL,
     "Tokens of a training pass, for the memory estimate."},
    {"tensors", NULL, RAML_FLAG, offsetof(struct settings, tensors), NULL, 0, 0, NULL,
     "A line for every tensor; else tensors that differ only in the layer share one."},
    {"base", NULL, RAML_PATH, offsetof(struct settings, base), NULL, 0, 0, NULL,
     "The base of PATH, an adapter; default: the one that its adapter_config.json names."},
    {"check", NULL, RAML_FLAG, offsetof(struct settings, check), NULL, 0, 0, NULL,
     "Read every weight: lowest, highest, root mean square; NaN and infinity are an error."},
};

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    return n >= k && !strcmp(path + n - k, end);
}

/* A configuration without weights. dir: the folder it lies in. */
static enum raml_code read_config(struct inspection *x, const char *path, char dir[RAML_PATH_BYTES],
                                  struct raml_err *err)
{
    char more[RAML_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    enum raml_code rc = raml_config_read(path, &x->config, err);
    snprintf(dir, RAML_PATH_BYTES, "%.*s", slash ? (int)(slash - path + (slash == path)) : 1, slash ? path : ".");
    if (!rc) rc = raml_path_join(more, dir, "generation_config.json", err);
    if (!rc && raml_is_file(more)) rc = raml_config_read_generation(more, &x->config, err);
    return rc;
}

/* Finds out what `path` is (NULL: the preset) and opens its file; no weight is read. dir: where the tokenizer is
 * looked for. */
static enum raml_code open_source(struct inspection *x, const struct settings *s, const char *path,
                                  char dir[RAML_PATH_BYTES], struct raml_err *err)
{
    x->random_init = !path;
    if (!path) {
        snprintf(x->source, sizeof x->source, "%s", s->init);
        return raml_config_preset(s->init, &x->config, err);
    }
    enum raml_code rc = raml_path_format(x->source, err, "%s", path);
    if (rc) return rc;
    if (raml_is_file(path) && ends_in(path, ".json")) return read_config(x, path, dir, err);
    if (raml_is_file(path) && !raml_is_gguf(path))
        return raml_fail(err, RAML_EUSAGE, "%s: unknown kind of file; expected a folder, a .gguf file or a config.json",
                         path);
    rc = raml_run_newest(path, dir, RAML_PATH_BYTES, err);
    if (rc) return rc;
    memcpy(x->source, dir, RAML_PATH_BYTES);
    rc = raml_model_file_open(dir, &x->file, err);
    if (!rc) x->config = *raml_model_file_config(x->file);
    return rc;
}

static enum raml_code examine(struct inspection *x, const struct cli *cli, const struct settings *s, const char *path,
                              struct raml_err *err)
{
    char dir[RAML_PATH_BYTES] = "";
    x->tokens = (size_t)s->tokens;
    x->micro_batch_tokens = (size_t)s->micro_batch_tokens;
    enum raml_code rc = open_source(x, s, path, dir, err);
    if (!rc && s->check && !x->file)
        rc = raml_fail(err, RAML_EUSAGE, "--check reads weights; %s has none", path ? path : "a new model");
    if (!rc) rc = cli_inspect_tensors(x, s->check, err);
    if (rc) return rc;
    cli_inspect_types(x, s->dtype, cli->dev);
    cli_inspect_memory(x, cli->dev);
    return cli_inspect_tokens(x, path ? dir : NULL, err);
}

static enum raml_code verdict(const struct inspection *x, struct raml_err *err)
{
    size_t values = 0, tensors = 0;
    const struct tensor *first = NULL;
    for (size_t i = 0; i < x->n_tensors; i++) {
        const struct tensor *t = &x->tensor[i];
        if (!t->values.n_bad) continue;
        if (!first) first = t;
        values += t->values.n_bad;
        tensors++;
    }
    if (!first) return RAML_OK;
    return raml_fail(err, RAML_ERANGE,
                     "%s: %zu of its values are NaN or infinite (tensors: %zu); first: '%s', element %zu", x->source,
                     values, tensors, first->name, first->values.first_bad);
}

/* Is PATH an adapter, or a run of them? dir: its folder or file. */
static bool is_adapter(const char *path, char dir[RAML_PATH_BYTES])
{
    bool model = raml_is_file(path) && !raml_is_gguf(path); /* config.json */
    return !model && !raml_run_newest(path, dir, RAML_PATH_BYTES, NULL) && cli_source_is_adapter(dir);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    char dir[RAML_PATH_BYTES];
    if (cli->n_args + (s->init != NULL) != 1)
        return raml_fail(err, RAML_EUSAGE, "found %s, expected one folder or file, or --init PRESET",
                         cli->n_args == 0 ? "neither"
                         : s->init        ? "a path and --init"
                                          : "several paths");
    if (cli->n_args && is_adapter(cli->arg[0], dir)) return cli_inspect_adapter(cli, dir, s->base, s->tensors, err);
    if (s->base)
        return raml_fail(err, RAML_EUSAGE, "--base: is for an adapter; %s is none",
                         cli->n_args ? cli->arg[0] : s->init);
    struct inspection x = {0};
    enum raml_code rc = examine(&x, cli, s, cli->n_args ? cli->arg[0] : NULL, err);
    if (!rc) rc = cli->json ? cli_inspect_print_json(&x, err) : cli_inspect_print(&x, s->tensors, err);
    if (!rc) rc = verdict(&x, err);
    free(x.tensor);
    free(x.param);
    raml_tokenizer_config_deinit(&x.text);
    raml_tokenizer_close(x.tokenizer);
    raml_model_file_close(x.file);
    return rc;
}

const struct cli_command cli_inspect = {
    .name = "inspect",
    .about = "a model's shapes, types, memory and tokenizer, before it is loaded",
    .args = "[PATH]",
    .detail =
        "PATH is a folder in Hugging Face layout, a GGUF file, a run's folder (its newest checkpoint) or just a "
        "config.json. Shows the configuration, every tensor as it is stored, how much memory scoring, sampling "
        "and training would take and whether that fits, and how prompts would be made. Loads nothing. Of an adapter "
        "(LoRA): its modules with their ranks and scales.",
    .example = "raml inspect --init qwen2.5-0.5b",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
