/* source.c - see source.h. */
#include "cli/source.h"

#include "core/file.h"
#include "raml/gguf.h"
#include "raml/run.h"

#include <stdlib.h>
#include <string.h>

static bool has_file(const char *dir, const char *name)
{
    char path[RAML_PATH_BYTES];
    return !raml_path_join(path, dir, name, NULL) && raml_is_file(path);
}

bool cli_source_is_adapter(const char *path)
{
    struct raml_gguf *g = NULL;
    struct raml_gguf_string s = {0};
    if (!raml_is_gguf(path)) return raml_lora_is_folder(path);
    bool is = !raml_gguf_open(path, &g, NULL) && !raml_gguf_string(g, "general.type", &s, NULL) && s.n == 7 &&
              !memcmp(s.bytes, "adapter", 7);
    raml_gguf_close(g);
    return is;
}

/* base: as adapter_config.json names it. */
static enum raml_code find_base(const char *adapter, const char *base, char out[RAML_PATH_BYTES], struct raml_err *err)
{
    char beside[RAML_PATH_BYTES];
    if (!base)
        return raml_fail(err, RAML_EUSAGE,
                         "%s: names no base (base_model_name_or_path); give --model BASE --adapter %s (raml convert, "
                         "raml inspect: --base BASE)",
                         adapter, adapter);
    enum raml_code rc = raml_path_join(beside, adapter, base, err);
    if (rc) return rc;
    bool here = raml_is_dir(base) || raml_is_file(base);
    if (!here && (*base == '/' || (!raml_is_dir(beside) && !raml_is_file(beside))))
        return raml_fail(err, RAML_EUSAGE,
                         "%s: its base '%s' (base_model_name_or_path) is not found; give --model BASE --adapter %s "
                         "(raml convert, raml inspect: --base BASE)",
                         adapter, base, adapter);
    rc = raml_run_newest(here ? base : beside, out, RAML_PATH_BYTES, err);
    return rc ? raml_wrap(err, rc, "the base of %s", adapter) : RAML_OK;
}

static enum raml_code base_of(struct cli_source *s, struct raml_err *err)
{
    char *base = NULL;
    enum raml_code rc = raml_is_gguf(s->adapter) ? RAML_OK : raml_lora_base(s->adapter, &base, err);
    if (!rc) rc = find_base(s->adapter, base, s->model, err);
    free(base);
    return rc;
}

static enum raml_code find_adapter(const char *path, struct cli_source *s, struct raml_err *err)
{
    enum raml_code rc = raml_run_newest(path, s->adapter, RAML_PATH_BYTES, err);
    if (rc) return raml_wrap(err, rc, "--adapter");
    if (cli_source_is_adapter(s->adapter) || has_file(s->adapter, "adapter_config.json")) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "--adapter: %s holds no adapter_config.json, and is no GGUF adapter",
                     s->adapter);
}

enum raml_code cli_source_find(const char *model, const char *adapter, struct cli_source *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *out = (struct cli_source){0};
    if (!model && !adapter) return raml_fail(err, RAML_EUSAGE, "--model is missing; give a model's folder, or a run's");
    if (model) rc = raml_run_newest(model, out->model, RAML_PATH_BYTES, err);
    if (!rc && adapter) rc = find_adapter(adapter, out, err);
    if (rc) return rc;
    if (model && cli_source_is_adapter(out->model)) {
        if (adapter)
            return raml_fail(err, RAML_EUSAGE, "%s is an adapter, and so is %s; one of them at a time", out->model,
                             out->adapter);
        memcpy(out->adapter, out->model, RAML_PATH_BYTES);
        rc = base_of(out, err);
    } else if (!model) rc = base_of(out, err);
    if (!rc && cli_source_is_adapter(out->model))
        rc = raml_fail(err, RAML_ESUPPORT,
                       "%s: its base %s is an adapter itself; merge that first (raml convert --merge)", out->adapter,
                       out->model);
    bool own = out->adapter[0] && has_file(out->adapter, "tokenizer.json");
    memcpy(out->tokenizer, own ? out->adapter : out->model, RAML_PATH_BYTES);
    return rc;
}

enum raml_code cli_source_lora(const struct cli_source *s, const struct raml_model_file *base, struct raml_lora *out,
                               float **block, struct raml_err *err)
{
    struct raml_lora l = {0};
    enum raml_code rc = raml_lora_read(s->adapter, raml_model_file_config(base), &l, block, err);
    if (rc) return rc;
    rc = raml_lora_check_base(&l, s->adapter, base, err);
    if (!rc && !l.base_hash) rc = raml_lora_hash(base, &l.base_hash, err);
    if (!rc && !l.base && !(l.base = strdup(s->model))) rc = raml_fail(err, RAML_ENOMEM, "no memory for a path");
    if (rc) {
        raml_lora_deinit(&l);
        free(*block);
        *block = NULL;
    } else *out = l;
    return rc;
}

static enum raml_code hash_one(const char *path, const char *name, uint64_t *hash, struct raml_err *err)
{
    char file[RAML_PATH_BYTES];
    if (!name) return raml_hash_path(path, hash, err);
    enum raml_code rc = raml_path_join(file, path, name, err);
    return rc ? rc : raml_hash_path(raml_is_file(file) ? file : path, hash, err);
}

enum raml_code cli_source_hash(const struct cli_source *s, bool weights, uint64_t *hash, struct raml_err *err)
{
    uint64_t more = 0;
    enum raml_code rc = hash_one(s->model, weights ? "model.safetensors" : NULL, hash, err);
    if (rc || !s->adapter[0]) return rc;
    rc = hash_one(s->adapter, weights ? "adapter_model.safetensors" : NULL, &more, err);
    *hash = raml_hash(&more, sizeof more, *hash);
    return rc;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static bool quantised(const struct raml_model_file *f)
{
    for (size_t i = 0; i < raml_model_file_count(f); i++) {
        uint32_t t = raml_model_file_at(f, i)->type;
        if (t != RAML_GGML_F32 && t != RAML_GGML_F16 && t != RAML_GGML_BF16) return true;
    }
    return false;
}

enum raml_dtype cli_load_kept(const struct raml_device *dev, const char *dtype, const struct raml_model_file *file)
{
    if (!strcmp(dtype, "f32")) return RAML_F32;
    if (!strcmp(dtype, "bf16")) return RAML_BF16;
    if (!strcmp(dtype, "auto") && raml_device_has_bf16(dev) && !(file && quantised(file))) return RAML_BF16;
    return file ? RAML_STORED : RAML_F32;
}

/* The parameters themselves become those of the adapted model. */
static enum raml_code merge_module(struct raml_model *m, const struct raml_lora_module *a, const float *block,
                                   struct raml_err *err)
{
    char name[112];
    size_t n = a->n_out * a->n_in;
    float *w = malloc(n * sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for a matrix of %zu numbers", n);
    snprintf(name, sizeof name, "%s.weight", a->name);
    enum raml_code rc = raml_model_get(m, name, w, n, err);
    bool embedding = a->layer < 0 && a->matrix == RAML_LORA_EMBEDDING;
    if (!rc) raml_lora_add_rows(a, block, 0, embedding ? a->n_in : a->n_out, w);
    if (!rc) rc = raml_model_set(m, name, w, n, err);
    free(w);
    return rc;
}

static enum raml_code merge(struct raml_model *m, const struct raml_lora *l, const float *block, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < l->n_modules && !rc; i++) {
        if (l->module[i].layer < 0 && raml_model_config(m)->tied)
            return raml_fail(err, RAML_ESUPPORT,
                             "'%s' has an adapter, but is the head too, which has none: they can't be "
                             "one matrix any more",
                             l->module[i].name);
        rc = merge_module(m, &l->module[i], block, err);
    }
    return rc ? rc : raml_model_refresh(m, err);
}

enum raml_code cli_source_open(const struct cli_source *s, const struct raml_device *dev, const char *dtype,
                               enum raml_use use, struct raml_model **out, struct raml_err *err)
{
    struct raml_model_file *f = NULL;
    struct raml_model *m = NULL;
    struct raml_lora l = {0};
    float *block = NULL;
    enum raml_code rc = raml_model_file_open(s->model, &f, err);
    if (!rc && s->adapter[0]) rc = cli_source_lora(s, f, &l, &block, err);
    if (rc) raml_model_file_close(f);
    else rc = raml_model_load(f, cli_load_kept(dev, dtype, f), use, dev, &m, err);
    if (!rc && s->adapter[0])
        rc = use == RAML_TRAINING ? merge(m, &l, block, err) : raml_model_adapt(m, &l, block, 0, err);
    if (rc) raml_model_close(m);
    else *out = m;
    raml_lora_deinit(&l);
    free(block);
    return rc;
}
