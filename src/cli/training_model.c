/* training_model.c - see training.h. The model that is trained: all of its parameters, or low-rank adapters of it. */
#include "cli/training.h"

#include "cli/load.h"
#include "core/file.h"
#include "raml/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool from_nothing(const struct training_settings *s)
{
    return s->model && !strncmp(s->model, "init:", 5);
}

static bool adapts(const struct training *t)
{
    return t->settings->lora.r > 0 || t->source.adapter[0];
}

bool cli_training_is_whole(const struct training *t)
{
    return !from_nothing(t->settings) && !adapts(t);
}

enum raml_code cli_training_find(struct training *t, struct raml_err *err)
{
    const struct training_settings *s = t->settings;
    if (from_nothing(s) && (s->lora.r || s->adapter))
        return raml_fail(err, RAML_EUSAGE, "%s: adapters are of a trained model; %s has none to keep",
                         s->lora.r ? "--lora_r" : "--adapter", s->model);
    if (from_nothing(s)) return RAML_OK;
    enum raml_code rc = cli_source_find(s->model, s->adapter, &t->source, err);
    if (!rc && s->lora.r && t->source.adapter[0])
        rc = raml_fail(
            err, RAML_EUSAGE,
            "--lora_r makes new adapters, but %s has some already: train these without --lora_r, or merge them "
            "first (raml convert --merge)",
            t->source.adapter);
    return rc;
}

/* -- Adapters ------------------------------------------------------------------------------------------------------ */

/* Those that the settings ask for, or those of --adapter. *block NULL: new ones. */
static enum raml_code start_adapters(const struct training *t, const struct raml_model_file *f, struct raml_lora *l,
                                     float **block, struct raml_err *err)
{
    *block = NULL;
    if (t->source.adapter[0]) return cli_source_lora(&t->source, f, l, block, err);
    enum raml_code rc = raml_lora_plan(&t->settings->lora, raml_model_file_config(f), l, err);
    if (rc) return rc == RAML_ENOMEM ? rc : RAML_EUSAGE; /* all else is in the settings */
    l->base = strdup(t->source.model);
    rc = l->base ? raml_lora_hash(f, &l->base_hash, err) : raml_fail(err, RAML_ENOMEM, "no memory for a path");
    if (rc) raml_lora_deinit(l);
    return rc;
}

static enum raml_code same_adapters(const char *dir, const struct raml_lora *want, const struct raml_lora *got,
                                    struct raml_err *err)
{
    for (size_t i = 0; i < want->n_modules || i < got->n_modules; i++) {
        const struct raml_lora_module *a = i < want->n_modules ? &want->module[i] : NULL;
        const struct raml_lora_module *b = i < got->n_modules ? &got->module[i] : NULL;
        if (a && b && !strcmp(a->name, b->name) && a->rank == b->rank && a->scale == b->scale) continue;
        return raml_fail(
            err, RAML_EUSAGE,
            "%s: resume with '%s', rank %zu, scale %g, but the run was started with '%s', rank %zu, scale %g", dir,
            a ? a->name : "nothing", a ? a->rank : 0, a ? a->scale : 0, b ? b->name : "nothing", b ? b->rank : 0,
            b ? b->scale : 0);
    }
    return RAML_OK;
}

/* The run's own, of a checkpoint, which must be those that it was started with. */
static enum raml_code resume_adapters(const struct training *t, const char *dir, const struct raml_model_file *f,
                                      struct raml_lora *l, float **block, struct raml_err *err)
{
    struct cli_source own = t->source;
    struct raml_lora start = {0};
    float *unused = NULL;
    if (!raml_lora_is_folder(dir))
        return raml_fail(err, RAML_EUSAGE, "%s: the run trains all parameters; resume it without adapters", dir);
    memcpy(own.adapter, dir, RAML_PATH_BYTES);
    enum raml_code rc = cli_source_lora(&own, f, l, block, err);
    if (rc) return rc;
    rc = start_adapters(t, f, &start, &unused, err);
    if (!rc) rc = same_adapters(dir, &start, l, err);
    raml_lora_deinit(&start);
    free(unused);
    return rc;
}

static enum raml_code load_adapted(const struct training *t, uint64_t step, enum raml_dtype dtype,
                                   struct raml_model **model, struct raml_err *err)
{
    char dir[RAML_PATH_BYTES];
    struct raml_model_file *f = NULL;
    struct raml_lora l = {0};
    float *block = NULL;
    enum raml_code rc = raml_path_format(dir, err, "%s/checkpoint-%" PRIu64, t->settings->out, step);
    if (!rc) rc = raml_model_file_open(t->source.model, &f, err);
    if (!rc && step) rc = resume_adapters(t, dir, f, &l, &block, err);
    else if (!rc) rc = start_adapters(t, f, &l, &block, err);
    if (rc) raml_model_file_close(f);
    else rc = raml_model_load(f, dtype, RAML_ADAPTING, t->cli->dev, model, err);
    if (!rc) rc = raml_model_adapt(*model, &l, block, t->cli->seed, err);
    raml_lora_deinit(&l);
    free(block);
    return rc;
}

/* -- All parameters ------------------------------------------------------------------------------------------------ */

static enum raml_code from_scratch(const struct cli *cli, const char *what, enum raml_dtype dtype, enum raml_use use,
                                   struct raml_model **model, struct raml_err *err)
{
    struct raml_config c;
    bool is_path = strchr(what, '/') || strstr(what, ".json");
    enum raml_code rc = is_path ? raml_config_read(what, &c, err) : raml_config_preset(what, &c, err);
    return rc ? rc : raml_model_init(&c, cli->seed, dtype, use, cli->dev, model, err);
}

static enum raml_dtype dtype_of(const struct training *t)
{
    const char *dtype = t->settings->dtype;
    bool bf16 = !strcmp(dtype, "bf16") || (!strcmp(dtype, "auto") && raml_device_has_bf16(t->cli->dev));
    return bf16 ? RAML_BF16 : RAML_F32;
}

static enum raml_code load_model(struct training *t, uint64_t step, struct raml_err *err)
{
    char dir[RAML_PATH_BYTES];
    const struct cli *cli = t->cli;
    if (adapts(t)) return load_adapted(t, step, dtype_of(t), &t->model, err);
    if (!step && from_nothing(t->settings))
        return from_scratch(cli, t->settings->model + 5, dtype_of(t), RAML_TRAINING, &t->model, err);
    enum raml_code rc = raml_path_format(dir, err, "%s/checkpoint-%" PRIu64, t->settings->out, step);
    if (!rc && step && raml_lora_is_folder(dir))
        rc = raml_fail(err, RAML_EUSAGE, "%s: the run trains adapters; resume it with its own lora_r, or --adapter",
                       dir);
    return rc ? rc
              : raml_model_open(step ? dir : t->source.model, dtype_of(t), RAML_TRAINING, cli->dev, &t->model, err);
}

/* The model that training starts from, to read, and a hash of its weights' files. */
static enum raml_code load_reference(struct training *t, struct raml_err *err)
{
    const char *name = t->settings->model;
    if (from_nothing(t->settings)) {
        t->reference_hash = raml_hash(name, strlen(name), t->cli->seed);
        return from_scratch(t->cli, name + 5, dtype_of(t), RAML_INFERENCE, &t->reference, err);
    }
    const char *dtype = dtype_of(t) == RAML_BF16 ? "bf16" : "f32";
    enum raml_code rc = cli_source_open(&t->source, t->cli->dev, dtype, RAML_INFERENCE, &t->reference, err);
    return rc ? rc : cli_source_hash(&t->source, true, &t->reference_hash, err);
}

/* -- Tokenizer and prompts ----------------------------------------------------------------------------------------- */

static enum raml_code load_tokenizer(struct training *t, uint64_t step, struct raml_err *err)
{
    const struct training_settings *s = t->settings;
    char dir[RAML_PATH_BYTES];
    if (step == 0 && s->tokenizer) return raml_tokenizer_open(s->tokenizer, &t->tokenizer, err);
    if (step == 0 && from_nothing(s)) return raml_tokenizer_bytes(&t->tokenizer, err);
    enum raml_code rc = raml_path_format(dir, err, "%s/checkpoint-%" PRIu64, s->out, step);
    return rc ? rc : raml_tokenizer_open(step ? dir : t->source.tokenizer, &t->tokenizer, err);
}

/* The chat template and the tokenizer's other files are those of the model that training started from. */
static enum raml_code open_prompting(struct training *t, struct raml_err *err)
{
    const struct training_settings *s = t->settings;
    const char *from = from_nothing(s) ? s->tokenizer : t->source.tokenizer;
    enum raml_code rc = RAML_OK;
    if (from && (raml_is_dir(from) || raml_is_gguf(from))) rc = raml_tokenizer_config_read(from, &t->config, err);
    return rc ? rc : cli_prompting_open(&s->prompting, from, t->tokenizer, &t->prompting, err);
}

enum raml_code cli_training_load(struct training *t, uint64_t step, bool reference, struct raml_err *err)
{
    enum raml_code rc = load_model(t, step, err);
    if (!rc && reference) rc = load_reference(t, err);
    if (!rc) rc = load_tokenizer(t, step, err);
    return rc ? rc : open_prompting(t, err);
}
