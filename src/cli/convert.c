/* convert.c - `raml convert`: a model as a GGUF file or as a Hugging Face folder, in another type. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/source.h"

#include "core/folder.h"
#include "core/path.h"
#include "raml/modelfile.h"
#include "core/file.h"
#include "raml/format.h"
#include "raml/generation.h"
#include "raml/run.h"
#include "raml/tokenizer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *dtype, *adapter, *base;
    double max_shard_size;
    bool tokenizer, merge;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"dtype", NULL, RAML_ONE, AT(dtype), "keep", 0, 0, "keep|f32|bf16|q8_0",
     "Type of the matrices; keep: as they are. q8_0 is only for GGUF."},
    {"tokenizer", NULL, RAML_FLAG, AT(tokenizer), "true", 0, 0, NULL,
     "Also write the tokenizer and the chat template, if the model has them."},
    {"max_shard_size", NULL, RAML_REAL, AT(max_shard_size), "5", 1e-9, 1e6, NULL,
     "Maximum size of a folder's files, in GB (10^9 bytes); a larger model is split into several files with an index."},
    {"merge", NULL, RAML_FLAG, AT(merge), NULL, 0, 0, NULL,
     "Write the adapted model: adapters (SRC, or --adapter) are added to the matrices of their base."},
    {"adapter", NULL, RAML_PATH, AT(adapter), NULL, 0, 0, NULL, "With --merge: the adapters to add to SRC."},
    {"base", NULL, RAML_PATH, AT(base), NULL, 0, 0, NULL,
     "The base of SRC, an adapter; default: the one that its adapter_config.json names."},
};

struct work {
    const struct settings *s;
    char src[RAML_PATH_BYTES], dst[RAML_PATH_BYTES];
    struct raml_folder folder; /* that becomes dst */
    bool overwrite;
    struct raml_model_file *f;
    struct raml_tokenizer *tokenizer; /* NULL: none */
    struct raml_tokenizer_config config;
    bool completed; /* config has what SRC does not say */
    struct raml_save_options o;
    struct cli_source source;
    struct raml_lora lora; /* of an adapter */
    float *block;
};

static bool is_adapter(const struct work *w) /* is what is written one? */
{
    return w->source.adapter[0] && !w->s->merge;
}

static bool ends_in_gguf(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && !strcmp(path + n - 5, ".gguf");
}

/* The last part of a path, for general.name. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* -- What exists --------------------------------------------------------------------------------------------------- */
static bool has_tokenizer(const struct work *w)
{
    const struct raml_gguf *g = raml_model_file_gguf(w->f);
    char path[RAML_PATH_BYTES];
    struct raml_gguf_string s;
    if (!g || !raml_is_gguf(w->src)) return !raml_path_join(path, w->src, "tokenizer.json", NULL) && raml_is_file(path);
    if (raml_gguf_string(g, "tokenizer.ggml.model", &s, NULL)) return false;
    return !(s.n == 4 && !memcmp(s.bytes, "none", 4)) && !(s.n == 8 && !memcmp(s.bytes, "no_vocab", 8));
}

/* The source must not be inside the folder that is replaced; it may be that folder. */
static enum raml_code check_nesting(const struct work *w, const char *from, struct raml_err *err)
{
    char *src = realpath(from, NULL), *dst = realpath(w->dst, NULL);
    size_t n = dst ? strlen(dst) : 0;
    bool inside = src && dst && !strncmp(src, dst, n) && src[n] == '/';
    free(src);
    free(dst);
    if (!inside) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "%s is inside %s, which would be replaced", from, w->dst);
}

/* What SRC, --adapter and --base name. */
static enum raml_code find_source(struct work *w, const char *path, struct raml_err *err)
{
    const struct settings *s = w->s;
    enum raml_code rc = raml_run_newest(path, w->src, sizeof w->src, err);
    if (rc) return rc;
    bool adapter = cli_source_is_adapter(w->src);
    if (s->base && !adapter) return raml_fail(err, RAML_EUSAGE, "--base: is for an adapter; %s is a model", w->src);
    if (s->adapter && !s->merge) return raml_fail(err, RAML_EUSAGE, "--adapter is added to SRC with --merge");
    if (s->merge && !s->adapter && !adapter)
        return raml_fail(err, RAML_EUSAGE, "--merge: %s is no adapter; give one as SRC, or with --adapter", w->src);
    if (adapter && s->base) return cli_source_find(s->base, w->src, &w->source, err);
    return cli_source_find(w->src, s->adapter, &w->source, err);
}

/* Models that earlier versions trained do not say what ends a text, nor how a question is asked: transformers would take
 * token 2, llama.cpp token 11. */
static enum raml_code complete(struct work *w, struct raml_err *err)
{
    const struct raml_format builtin = raml_format_default();
    struct raml_tokenizer_config c;
    struct raml_tokenizer *t = NULL;
    int32_t stop = -1;
    if (raml_model_file_config(w->f)->eos_token >= 0 && w->config.chat_template) return RAML_OK;
    if (raml_tokenizer_open(w->src, &t, NULL)) return RAML_OK; /* one that is only copied need not be one of ours */
    bool ours = raml_tokenizer_id(t, builtin.before) >= 0 && raml_tokenizer_id(t, builtin.stop) >= 0;
    enum raml_code rc = ours ? raml_format_tokenizer_config(&builtin, t, &w->config, &c, &stop, err) : RAML_OK;
    raml_tokenizer_close(t);
    if (rc || !ours) return rc;
    raml_tokenizer_config_deinit(&w->config);
    w->config = c;
    w->completed = true;
    if (raml_model_file_config(w->f)->eos_token < 0 && !raml_model_file_add_eos(w->f, stop))
        return raml_fail(err, RAML_ERANGE, "%s: no room for the token that ends a text", w->src);
    return RAML_OK;
}

static enum raml_code open_source(struct work *w, const char *path, struct raml_err *err)
{
    enum raml_code rc = find_source(w, path, err);
    if (!rc) rc = check_nesting(w, w->source.model, err);
    if (!rc && w->source.adapter[0]) rc = check_nesting(w, w->source.adapter, err);
    if (!rc) rc = raml_model_file_open(w->source.model, &w->f, err);
    if (!rc && w->source.adapter[0]) rc = cli_source_lora(&w->source, w->f, &w->lora, &w->block, err);
    if (rc) return rc;
    if (w->s->merge) {
        w->o.lora = &w->lora;
        w->o.adapters = w->block;
    }
    memcpy(w->src, w->source.tokenizer, sizeof w->src);
    if (!w->s->tokenizer || !has_tokenizer(w) || (w->source.adapter[0] && !w->s->merge)) return rc;
    rc = raml_tokenizer_config_read(w->src, &w->config, err);
    if (!rc) rc = complete(w, err);
    /* between files of the same kind it is copied unread */
    if (!rc && raml_is_gguf(w->src) != ends_in_gguf(w->dst)) rc = raml_tokenizer_open(w->src, &w->tokenizer, err);
    return rc ? raml_wrap(err, rc, "the model's tokenizer (--no-tokenizer leaves it out)") : RAML_OK;
}

/* Is it a file that a model's or an adapter's folder has? "model-00001-of-00002.safetensors" too. */
static bool is_of_model(const char *name)
{
    static const char *const known[] = {"config.json",
                                        "generation_config.json",
                                        "model.safetensors",
                                        "model.safetensors.index.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "chat_template.jinja",
                                        "added_tokens.json",
                                        "vocab.json",
                                        "merges.txt",
                                        "adapter_config.json",
                                        "adapter_model.safetensors"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(known[i], name)) return true;
    return n == 32 && !strncmp(name, "model-", 6) && !strncmp(name + 11, "-of-", 4) &&
           !strcmp(name + 20, ".safetensors");
}

/* The folder exists: it must be empty, or hold a model and nothing else; only that is replaced. */
static enum raml_code check_folder(const struct work *w, struct raml_err *err)
{
    char config[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(config, w->dst, "config.json", err);
    if (rc || raml_folder_is_empty(w->dst)) return rc;
    if (!w->overwrite)
        return raml_fail(err, RAML_EUSAGE, "%s: is a folder that is not empty; --overwrite replaces it", w->dst);
    if (!raml_is_file(config) && !raml_lora_is_folder(w->dst))
        return raml_fail(err, RAML_EUSAGE, "%s: is a folder without config.json; --overwrite replaces only models",
                         w->dst);
    DIR *d = opendir(w->dst);
    if (!d) return raml_fail_errno(err, "%s: cannot be read", w->dst);
    for (const struct dirent *e; !rc && (e = readdir(d)) != NULL;) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || is_of_model(e->d_name)) continue;
        bool run = !strncmp(e->d_name, "trainer_state", 13) || !strncmp(e->d_name, "optimizer", 9);
        rc =
            run ? raml_fail(err, RAML_EUSAGE, "%s: is a checkpoint from which a run goes on (%s); --overwrite keeps it",
                            w->dst, e->d_name)
                : raml_fail(err, RAML_EUSAGE,
                            "%s: holds '%.80s', which is no part of a model; --overwrite replaces only models", w->dst,
                            e->d_name);
    }
    closedir(d);
    return rc;
}

static enum raml_code check_target(struct work *w, const struct cli *cli, const char *path, struct raml_err *err)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    if (!n || n >= RAML_PATH_BYTES)
        return raml_fail(err, RAML_EUSAGE, "DST: expected a path of 1 to %d bytes, found %zu", RAML_PATH_BYTES - 1, n);
    memcpy(w->dst, path, n);
    w->dst[n] = 0;
    if (ends_in_gguf(w->dst)) return cli_output_check(cli, "out", path, err);
    if (raml_is_file(w->dst))
        return raml_fail(err, RAML_EUSAGE, "%s: is a file; expected a name that ends in .gguf, or a folder", w->dst);
    return raml_is_dir(w->dst) ? check_folder(w, err) : RAML_OK;
}

/* -- GGUF ---------------------------------------------------------------------------------------------------------- */
/* What has such a token and does not say that it ends a text: llama.cpp would take token 11. */
static enum raml_code name_end(struct work *w, struct raml_err *err)
{
    const char *end = raml_format_default().stop;
    if (w->config.eos || raml_model_file_config(w->f)->eos_token >= 0 || raml_tokenizer_id(w->tokenizer, end) < 0)
        return RAML_OK;
    w->config.eos = strdup(end);
    return w->config.eos ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for a token", w->src);
}

static enum raml_code write_gguf(struct work *w, struct raml_err *err)
{
    static const struct raml_gguf_string none = {"no_vocab", 8};
    static const struct raml_gguf_entry no_vocabulary = {"tokenizer.ggml.model", RAML_GGUF_STRING, 0, 1, &none};
    struct raml_gguf_vocabulary v = {0};
    enum raml_code rc = RAML_OK;
    if (is_adapter(w)) return raml_lora_write_gguf(&w->lora, w->block, raml_model_file_config(w->f), w->dst, err);
    size_t size = (size_t)raml_model_file_config(w->f)->vocab_size;
    w->o.name = base_name(w->src);
    if (w->tokenizer) {
        rc = name_end(w, err);
        if (rc) return rc;
        rc = raml_gguf_vocabulary_init(&v, w->tokenizer, &w->config, size, w->src, err);
        if (rc) return raml_wrap(err, rc, "the model's tokenizer (--no-tokenizer leaves it out)");
        w->o.more = v.entry;
        w->o.n_more = v.n;
    } else if (!w->s->tokenizer) {
        w->o.more = &no_vocabulary;
        w->o.n_more = 1;
    }
    rc = raml_model_file_save_gguf(w->f, w->dst, &w->o, err);
    raml_gguf_vocabulary_deinit(&v);
    return rc;
}

/* -- Folder -------------------------------------------------------------------------------------------------------- */
static enum raml_code make_parent(const char *path, struct raml_err *err)
{
    char dir[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_format(dir, err, "%s", path);
    if (!rc) *strrchr(dir, '/') = 0;
    return rc ? rc : raml_make_dir(dir, err);
}

static enum raml_code copy_file(const struct work *w, const char *name, struct raml_err *err)
{
    char from[RAML_PATH_BYTES], to[RAML_PATH_BYTES];
    struct raml_map map = {0};
    enum raml_code rc = raml_path_join(from, w->src, name, err);
    if (!rc) rc = raml_path_join(to, w->folder.path, name, err);
    if (!rc && !raml_is_file(from) && w->source.adapter[0] && !strcmp(name, "generation_config.json"))
        rc = raml_path_join(from, w->source.model, name, err); /* of the base, whatever tokenizer the adapter has */
    if (rc || !raml_is_file(from)) return rc;
    rc = raml_map_init(&map, from, err);
    if (!rc && strchr(name, '/')) rc = make_parent(to, err);
    if (!rc) rc = raml_file_write(to, map.data, map.size, err);
    raml_map_deinit(&map);
    return rc;
}

/* What SRC lacks of them. */
static enum raml_code write_completed(const struct work *w, struct raml_err *err)
{
    static const struct raml_generation unsaid = {0};
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, w->folder.path, "tokenizer_config.json", err);
    if (!rc && !raml_is_file(path)) rc = raml_tokenizer_config_write(&w->config, path, err);
    if (!rc) rc = raml_path_join(path, w->folder.path, "generation_config.json", err);
    if (rc || raml_is_file(path)) return rc;
    return raml_generation_write(&unsaid, raml_model_file_config(w->f), path, err);
}

/* From a folder: its files, copied. From GGUF: made from the metadata. */
static enum raml_code write_tokenizer(const struct work *w, struct raml_err *err)
{
    /* clang-format off */
    static const char *const files[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                        "chat_template.jinja", "additional_chat_templates/tool_use.jinja", "generation_config.json", "added_tokens.json",
                                        "vocab.json", "merges.txt"};
    /* clang-format on */
    char path[RAML_PATH_BYTES];
    enum raml_code rc = RAML_OK;
    if (!w->s->tokenizer) return RAML_OK;
    if (!raml_is_gguf(w->src)) {
        for (size_t i = 0; i < sizeof files / sizeof *files && !rc; i++) rc = copy_file(w, files[i], err);
        return rc || !w->completed ? rc : write_completed(w, err);
    }
    if (!w->tokenizer) return RAML_OK;
    rc = raml_path_join(path, w->folder.path, "tokenizer.json", err);
    if (!rc) rc = raml_tokenizer_save(w->tokenizer, path, err);
    if (!rc) rc = raml_path_join(path, w->folder.path, "tokenizer_config.json", err);
    return rc ? rc : raml_tokenizer_config_write(&w->config, path, err);
}

/* Into a folder beside it, which takes its place: it appears complete or not at all. */
static enum raml_code write_folder(struct work *w, struct raml_err *err)
{
    enum raml_code rc = raml_folder_begin(&w->folder, w->dst, err);
    if (!rc && is_adapter(w)) rc = raml_lora_write(&w->lora, w->block, w->folder.path, err);
    else if (!rc) rc = raml_model_file_save_folder(w->f, w->folder.path, &w->o, err);
    if (!rc && (!is_adapter(w) || !raml_is_gguf(w->src))) rc = write_tokenizer(w, err);
    if (!rc) rc = raml_folder_commit(&w->folder, w->overwrite, NULL, err);
    raml_folder_deinit(&w->folder);
    return rc;
}

/* -- All of it ----------------------------------------------------------------------------------------------------- */
static enum raml_code summary(const struct cli *cli, const struct work *w, struct raml_err *err)
{
    size_t n = raml_config_params(raml_model_file_config(w->f)), tensors = raml_model_file_count(w->f);
    const char *kind = ends_in_gguf(w->dst) ? "gguf" : "folder", *dtype = is_adapter(w) ? "f32" : w->s->dtype;
    if (is_adapter(w)) {
        tensors = 2 * w->lora.n_modules;
        n = w->lora.n;
    }
    if (cli->json)
        return cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "src", w->src, "dst", w->dst, "kind", kind,
                                        "dtype", dtype, "tensors", (json_int_t)tensors, "parameters", (json_int_t)n),
                              err);
    printf("%s: %zu tensors, %zu parameters, %s\n", w->dst, tensors, n, dtype);
    return RAML_OK;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct work w = {.s = settings,
                     .overwrite = cli->overwrite,
                     .folder.lock = -1,
                     .o = raml_save_options_default(),
                     .config = {.add_bos = -1}};
    if (cli->n_args != 2) return raml_fail(err, RAML_EUSAGE, "convert takes SRC and DST; found %zu", cli->n_args);
    const char *dtype = w.s->dtype;
    w.o.as = !strcmp(dtype, "f32")    ? RAML_STORE_F32
             : !strcmp(dtype, "bf16") ? RAML_STORE_BF16
             : !strcmp(dtype, "q8_0") ? RAML_STORE_Q8_0
                                      : RAML_STORE_KEEP;
    w.o.sink = cli->sink;
    w.o.max_shard_bytes = (size_t)(w.s->max_shard_size * 1e9);
    if (w.o.as == RAML_STORE_Q8_0 && !ends_in_gguf(cli->arg[1]))
        return raml_fail(err, RAML_EUSAGE, "--dtype q8_0 is only for GGUF; expected a DST that ends in .gguf");
    enum raml_code rc = check_target(&w, cli, cli->arg[1], err);
    if (!rc) rc = open_source(&w, cli->arg[0], err);
    if (!rc && is_adapter(&w) && w.o.as != RAML_STORE_KEEP)
        rc = raml_fail(err, RAML_EUSAGE, "--dtype %s: adapters are written as f32; --merge makes a model of them",
                       dtype);
    if (!rc) rc = ends_in_gguf(w.dst) ? write_gguf(&w, err) : write_folder(&w, err);
    if (!rc) rc = summary(cli, &w, err);
    raml_model_file_close(w.f);
    raml_lora_deinit(&w.lora);
    free(w.block);
    raml_tokenizer_close(w.tokenizer);
    raml_tokenizer_config_deinit(&w.config);
    return rc;
}

const struct cli_command cli_convert = {
    .name = "convert",
    .about = "safetensors to GGUF and back; adapters merged into their base",
    .args = "SRC DST",
    .detail = "SRC is a model's folder, a run's (its newest checkpoint), or a .gguf file. A DST that ends in .gguf "
              "becomes a GGUF file that llama.cpp reads; any other a folder in Hugging Face layout. F32 and BF16 go "
              "both ways without loss. SRC may be an adapter (LoRA): it becomes one in GGUF, or back a PEFT folder; "
              "with --merge "
              "the model that it makes of its base is written.",
    .example = "raml convert run-sft/checkpoint-50 model.gguf --dtype q8_0",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
