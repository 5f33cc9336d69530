/* lora_read.c - see raml/lora.h. A PEFT folder: the tensors, against the configuration and the base's shape. */
#include "modelfile/lora_parts.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "modelfile/modelfile.h"

#include <stdlib.h>
#include <string.h>

static const char prefix[] = "base_model.model.", config_name[] = "adapter_config.json";

struct reading {
    char path[RAML_PATH_BYTES]; /* of the tensors */
    struct raml_safetensors *file;
    const struct raml_config *base;
    struct raml_lora_module *all; /* [n] what the base has */
    size_t n;
    const struct raml_tensor_view **found[2]; /* [n] A and B of each */
};

static bool ends_in(const char *name, const char *end, size_t *n)
{
    size_t len = strlen(name), k = strlen(end);
    *n = len >= k ? len - k : 0;
    return len > k && !strcmp(name + *n, end);
}

/* What is no A and no B. */
static enum raml_code refuse(const struct reading *r, const struct raml_tensor_view *v, struct raml_err *err)
{
    static const char merge[] = "merge it in PEFT (merge_and_unload) and open the merged model";
    size_t n;
    const char *what = v->name + sizeof prefix - 1;
    if (strstr(v->name, ".lora_magnitude_vector"))
        return raml_fail(err, RAML_ESUPPORT, "%s: tensor '%s': DoRA is not supported; %s", r->path, v->name, merge);
    if (ends_in(v->name, ".bias", &n))
        return raml_fail(err, RAML_ESUPPORT, "%s: tensor '%s': biases are not supported; %s", r->path, v->name, merge);
    if (ends_in(what, ".base_layer.weight", &n)) { /* PEFT adds the frozen embedding to an adapter of it */
        char shape[64];
        if (v->n_dims == 2 && v->shape[0] == (size_t)r->base->vocab_size && v->shape[1] == (size_t)r->base->hidden_size)
            return RAML_OK;
        return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has shape [%s]; the base's embedding has [%d, %d]", r->path,
                         v->name, raml_shape_text(v->shape, v->n_dims, shape, sizeof shape), r->base->vocab_size,
                         r->base->hidden_size);
    }
    if (ends_in(v->name, ".weight", &n) && !strstr(v->name, ".lora_"))
        return raml_fail(
            err, RAML_ESUPPORT,
            "%s: tensor '%s': a matrix that was trained whole (modules_to_save, or a resized embedding) is "
            "not supported; %s",
            r->path, v->name, merge);
    return raml_fail(err, RAML_EFORMAT,
                     "%s: tensor '%s': expected base_model.model.MODULE.lora_A.weight or .lora_B.weight", r->path,
                     v->name);
}

static enum raml_code no_module(const struct reading *r, const struct raml_tensor_view *v, const char *module, size_t n,
                                struct raml_err *err)
{
    if (r->base->tied && n == 7 && !memcmp(module, "lm_head", 7))
        return raml_fail(err, RAML_ESUPPORT,
                         "%s: tensor '%s': the head of this base is its embedding (tie_word_embeddings), and has no "
                         "adapter of its own; " LORA_UNTIE,
                         r->path, v->name);
    return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s': the base has no such module: an adapter for another base",
                     r->path, v->name);
}

static enum raml_code take_tensor(struct reading *r, const struct raml_tensor_view *v, struct raml_err *err)
{
    static const char *const end[] = {".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", ".lora_embedding_B"};
    const char *module = v->name + sizeof prefix - 1;
    size_t n = 0, k = 0, i = 0;
    if (strncmp(v->name, prefix, sizeof prefix - 1) != 0)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s': expected a name that begins with %s", r->path, v->name,
                         prefix);
    while (k < 4 && !ends_in(module, end[k], &n)) k++;
    if (k == 4) return refuse(r, v, err);
    while (i < r->n && (strncmp(r->all[i].name, module, n) != 0 || r->all[i].name[n])) i++;
    if (i == r->n) return no_module(r, v, module, n, err);
    bool embedding = r->all[i].layer < 0 && r->all[i].matrix == RAML_LORA_EMBEDDING;
    if (embedding != (k >= 2))
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s': expected a name that ends in %s", r->path, v->name,
                         end[k % 2 + 2 * embedding]);
    r->found[k % 2][i] = v;
    return RAML_OK;
}

static enum raml_code check_tensor(const struct reading *r, const struct raml_lora_module *m,
                                   const struct raml_tensor_view *v, bool is_b, struct raml_err *err)
{
    char shape[64];
    size_t rows = is_b ? m->n_out : m->rank, cols = is_b ? m->rank : m->n_in;
    if (v->dtype != RAML_F32 && v->dtype != RAML_F16 && v->dtype != RAML_BF16)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has dtype %s; expected F32, F16 or BF16", r->path, v->name,
                         raml_dtype_name(v->dtype));
    if (v->n_dims == 2 && v->shape[0] == rows && v->shape[1] == cols) return RAML_OK;
    bool rank = v->n_dims == 2 && v->shape[!is_b] == (is_b ? rows : cols);
    return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has shape [%s]; expected [%zu, %zu]: %s", r->path, v->name,
                     raml_shape_text(v->shape, v->n_dims, shape, sizeof shape), rows, cols,
                     rank ? "another rank than adapter_config.json gives" : "an adapter for another base");
}

/* Both matrices of every target, and of nothing else. listed: the configuration names the targets. */
static enum raml_code check_targets(struct reading *r, struct raml_lora *l, bool listed, struct raml_err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct raml_lora_module *m = raml_lora_find(l->module, l->n_modules, r->all[i].name);
        const struct raml_tensor_view *a = r->found[0][i], *b = r->found[1][i];
        if (!a && !b && (!m || !listed)) continue;
        if (!a || !b)
            return raml_fail(
                err, RAML_EFORMAT,
                a || b ? "%s: module '%s' has only one of its two matrices; %s is missing"
                       : "%s: module '%s' is one of target_modules, but has no tensors: an adapter for another "
                         "base, or part of one",
                r->path, r->all[i].name, a ? "B" : "A");
        if (!m)
            return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s': its module is none of target_modules", r->path,
                             a->name);
        enum raml_code rc = check_tensor(r, m, a, false, err);
        if (!rc) rc = check_tensor(r, m, b, true, err);
        if (rc) return rc;
        r->found[0][kept] = a; /* by module of the plan, which has the same order */
        r->found[1][kept] = b;
        l->module[kept++] = *m;
    }
    if (!kept) return raml_fail(err, RAML_EFORMAT, "%s: holds no adapter", r->path);
    l->n_modules = kept;
    return RAML_OK;
}

static enum raml_code copy_block(const struct reading *r, const struct raml_lora *l, float **block,
                                 struct raml_err *err)
{
    float *x = malloc((l->n + 1) * sizeof *x);
    enum raml_code rc = x ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu numbers", r->path, l->n);
    for (size_t i = 0; i < l->n_modules && !rc; i++) {
        rc = raml_tensor_to_f32(r->found[0][i], x + l->module[i].a, 1, err);
        if (!rc) rc = raml_tensor_to_f32(r->found[1][i], x + l->module[i].b, 1, err);
        if (rc) rc = raml_wrap(err, rc, "%s", r->path);
    }
    if (rc) free(x);
    else *block = x;
    return rc;
}

static enum raml_code open_tensors(struct reading *r, const char *dir, struct raml_err *err)
{
    char pickle[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(r->path, dir, "adapter_model.safetensors", err);
    if (!rc) rc = raml_path_join(pickle, dir, "adapter_model.bin", err);
    if (!rc && !raml_is_file(r->path) && raml_is_file(pickle))
        return raml_fail(err, RAML_ESUPPORT,
                         "%s: is a pickle, which may run code and is not read; save it as safetensors", pickle);
    if (!rc) rc = raml_safetensors_open(r->path, &r->file, err);
    if (!rc) rc = raml_lora_candidates(r->base, &r->all, &r->n, err);
    for (int k = 0; k < 2 && !rc; k++)
        if (!(r->found[k] = calloc(r->n + 1, sizeof *r->found[k])))
            rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", r->path);
    for (size_t i = 0; !rc && i < raml_safetensors_count(r->file); i++)
        rc = take_tensor(r, raml_safetensors_at(r->file, i), err);
    return rc;
}

static void take_hash(const struct reading *r, struct raml_lora *l)
{
    const char *text = raml_safetensors_metadata(r->file, "raml_base_hash");
    char *end = NULL;
    if (!text || strlen(text) != 16) return;
    unsigned long long hash = strtoull(text, &end, 16);
    if (!*end) l->base_hash = hash;
}

enum raml_code raml_lora_read(const char *dir, const struct raml_config *base, struct raml_lora *out, float **block,
                              struct raml_err *err)
{
    char config[RAML_PATH_BYTES];
    struct reading r = {.base = base};
    struct raml_lora l = {0};
    bool listed = false;
    if (raml_is_gguf(dir)) return raml_lora_read_gguf(dir, base, out, block, err);
    enum raml_code rc = raml_path_join(config, dir, config_name, err);
    if (!rc) rc = raml_lora_config(config, base, &l, &listed, err);
    if (!rc) rc = open_tensors(&r, dir, err);
    if (!rc) rc = check_targets(&r, &l, listed, err);
    if (!rc && !listed) rc = raml_lora_name_targets(&l, err);
    if (!rc) rc = raml_lora_measure(&l, "", false, err); /* places anew */
    if (!rc) rc = copy_block(&r, &l, block, err);
    if (!rc) {
        take_hash(&r, &l);
        *out = l;
    } else raml_lora_deinit(&l);
    raml_safetensors_close(r.file);
    free(r.all);
    free(r.found[0]);
    free(r.found[1]);
    return rc;
}

bool raml_lora_is_folder(const char *dir)
{
    char path[RAML_PATH_BYTES];
    bool adapter = !raml_path_join(path, dir, config_name, NULL) && raml_is_file(path);
    return adapter && !raml_path_join(path, dir, "config.json", NULL) && !raml_is_file(path);
}

enum raml_code raml_lora_base(const char *dir, char **base, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = NULL;
    *base = NULL;
    enum raml_code rc = raml_path_join(path, dir, config_name, err);
    if (!rc) rc = raml_json_load(path, 1 << 20, &o, err);
    const char *text = json_string_value(json_object_get(o, "base_model_name_or_path"));
    if (text && *text && !(*base = strdup(text))) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a text", path);
    json_decref(o);
    return rc;
}
