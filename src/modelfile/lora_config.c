/* lora_config.c - adapter_config.json of PEFT: what is read, what is passed over, what is refused. See lora_parts.h.
 *
 * Keys and defaults: peft 5d602fdbf, src/peft/tuners/lora/config.py. */
#include "modelfile/lora_parts.h"

#include "core/json.h"
#include "raml/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONFIG_MAX_BYTES = 1 << 20, PEFT_DEFAULT = 8 };
#define MERGE "; merge it in PEFT (merge_and_unload) and open the merged model"

/* Keys whose value does not change what a trained adapter computes, whatever it is, or that are read below. */
static const char *const passed[] = {
    "peft_type",
    "r",
    "lora_alpha",
    "use_rslora",
    "target_modules",
    "exclude_modules",
    "layers_to_transform",
    "layers_pattern",
    "rank_pattern",
    "alpha_pattern",
    "base_model_name_or_path",
    "bias",
    "fan_in_fan_out",
    "init_lora_weights",
    "task_type",
    "lora_dropout",
    "inference_mode",
    "revision",
    "auto_mapping",
    "peft_version",
    "runtime_config",
    "loftq_config",
    "eva_config",
    "corda_config",
    "lora_ga_config",
    "qalora_group_size",
    "megatron_core",
    "velora_config",
    "ensure_weight_tying",
    "model_type",
    "enable_lora",
};
/* Keys that must be off (null, false, empty). */
static const struct {
    const char *key, *why;
} refused[] = {
    {"use_dora", "DoRA is not supported"},
    {"lora_bias", "biases in an adapter are not supported"},
    {"modules_to_save", "modules that were trained whole are not supported"},
    {"trainable_token_indices", "rows of the embedding that were trained whole are not supported"},
    {"layer_replication", "layers that are repeated are not supported"},
    {"target_parameters", "adapters of parameters that are no module are not supported"},
    {"use_qalora", "QA-LoRA is not supported"},
    {"use_bdlora", "block-diagonal adapters are not supported"},
    {"kasa_config", "KaSA, which changes the base, is not supported"},
    {"monteclora_config", "Monteclora is not supported"},
};
/* The same, of what cannot be merged. */
static const struct {
    const char *key, *why;
} never[] = {
    {"alora_invocation_tokens", "an activated adapter (aLoRA), on from some token of a text, is not supported"},
    {"arrow_config", "a choice between adapters by token (Arrow) is not supported"},
    {"megatron_config", "an adapter of Megatron's layers is not supported; save it for the Hugging Face model"},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool is_off(const json_t *v)
{
    if (json_is_object(v)) return json_object_size(v) == 0;
    if (json_is_array(v)) return json_array_size(v) == 0;
    return !v || json_is_null(v) || json_is_false(v) || (json_is_string(v) && !json_string_length(v));
}

static enum raml_code check_key(const char *path, const char *key, const json_t *value, struct raml_err *err)
{
    if (is_off(value)) return RAML_OK;
    for (size_t i = 0; i < COUNT(passed); i++)
        if (!strcmp(key, passed[i])) return RAML_OK;
    for (size_t i = 0; i < COUNT(refused); i++)
        if (!strcmp(key, refused[i].key))
            return raml_fail(err, RAML_ESUPPORT, "%s: %s: %s" MERGE, path, key, refused[i].why);
    for (size_t i = 0; i < COUNT(never); i++)
        if (!strcmp(key, never[i].key)) return raml_fail(err, RAML_ESUPPORT, "%s: %s: %s", path, key, never[i].why);
    return raml_fail(err, RAML_ESUPPORT, "%s: '%.60s' is not known, and may change what the adapter computes" MERGE,
                     path, key);
}

/* How the adapter began: some ways change the base's own weights. */
static enum raml_code check_start(const char *path, const json_t *v, struct raml_err *err)
{
    static const char *const fine[] = {"gaussian", "eva", "orthogonal"};
    const char *text = json_string_value(v);
    if (!v || json_is_boolean(v) || json_is_null(v)) return RAML_OK;
    for (size_t i = 0; text && i < COUNT(fine); i++)
        if (!strcmp(text, fine[i])) return RAML_OK;
    return raml_fail(
        err, RAML_ESUPPORT,
        "%s: init_lora_weights '%.60s': a start that changes the base is not supported; save it in PEFT with "
        "path_initial_model_for_weight_conversion, or merge it there",
        path, text ? text : "?");
}

static enum raml_code check_kind(const char *path, const json_t *o, struct raml_err *err)
{
    const json_t *type = json_object_get(o, "peft_type"), *bias = json_object_get(o, "bias");
    const char *text = json_string_value(type);
    if (!text) return raml_fail(err, RAML_EFORMAT, "%s: peft_type is missing; expected \"LORA\"", path);
    if (strcmp(text, "LORA") != 0)
        return raml_fail(err, RAML_ESUPPORT, "%s: peft_type '%.60s' is not supported, only LORA" MERGE, path, text);
    text = json_string_value(bias);
    if (!is_off(bias) && (!text || strcmp(text, "none") != 0))
        return raml_fail(err, RAML_ESUPPORT, "%s: bias '%.60s': biases that were trained too are not supported" MERGE,
                         path, text ? text : "?");
    if (!is_off(json_object_get(o, "fan_in_fan_out")))
        return raml_fail(err, RAML_ESUPPORT, "%s: fan_in_fan_out: transposed matrices are not supported" MERGE, path);
    return check_start(path, json_object_get(o, "init_lora_weights"), err);
}

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static enum raml_code take_flag(const char *path, const json_t *o, const char *key, bool *out, struct raml_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v)) return RAML_OK;
    if (!json_is_boolean(v)) return raml_fail(err, RAML_EFORMAT, "%s: %s: expected true or false", path, key);
    *out = json_is_true(v);
    return RAML_OK;
}

static enum raml_code take_number(const char *path, const json_t *o, const char *key, double *out, struct raml_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (!v || json_is_null(v)) return RAML_OK;
    if (!json_is_number(v)) return raml_fail(err, RAML_EFORMAT, "%s: %s: expected a number", path, key);
    *out = json_number_value(v);
    return RAML_OK;
}

static enum raml_code take_pattern(const char *path, const json_t *o, const char *key, char **out, struct raml_err *err)
{
    const json_t *v = json_object_get(o, key);
    if (is_off(v)) return RAML_OK;
    if (!json_is_object(v))
        return raml_fail(err, RAML_EFORMAT, "%s: %s: expected an object of names and numbers", path, key);
    *out = json_dumps(v, JSON_COMPACT);
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for %s", path, key);
}

static enum raml_code take_settings(const char *path, const json_t *o, struct raml_lora *l, struct raml_err *err)
{
    double r = PEFT_DEFAULT;
    l->alpha = PEFT_DEFAULT;
    enum raml_code rc = take_number(path, o, "r", &r, err);
    if (!rc && (!(r >= 1 && r <= LORA_MAX_RANK) || r != floor(r)))
        rc = raml_fail(err, RAML_ERANGE, "%s: r is %g; expected a whole number from 1 to %d", path, r,
                       (int)LORA_MAX_RANK);
    if (rc) return rc;
    l->r = (size_t)r;
    rc = take_number(path, o, "lora_alpha", &l->alpha, err);
    if (!rc) rc = take_flag(path, o, "use_rslora", &l->use_rslora, err);
    if (!rc) rc = take_pattern(path, o, "rank_pattern", &l->rank_pattern, err);
    if (!rc) rc = take_pattern(path, o, "alpha_pattern", &l->alpha_pattern, err);
    const json_t *base = json_object_get(o, "base_model_name_or_path");
    if (!rc && !is_off(base)) {
        const char *text = json_string_value(base);
        if (!text) rc = raml_fail(err, RAML_EFORMAT, "%s: base_model_name_or_path: expected a text", path);
        else if (!(l->base = strdup(text))) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a text", path);
    }
    return rc;
}

/* -- Modules ------------------------------------------------------------------------------------------------------- */

/* A list of names, or one expression. */
static enum raml_code take_targets(const json_t *v, struct lora_targets *t, const char *what, struct raml_err *err)
{
    size_t i;
    json_t *item;
    enum raml_code rc = RAML_OK;
    *t = (struct lora_targets){.what = what};
    if (json_is_string(v)) return raml_lora_targets_init(t, what, json_string_value(v), err);
    if (!json_is_array(v)) return raml_fail(err, RAML_EFORMAT, "%s: expected a list of names, or an expression", what);
    json_array_foreach ((json_t *)v, i, item) {
        if (rc) break;
        if (!json_is_string(item)) rc = raml_fail(err, RAML_EFORMAT, "%s: entry %zu is no text", what, i + 1);
        else rc = raml_lora_targets_add(t, json_string_value(item), json_string_length(item), err);
    }
    return rc;
}

/* Is this layer among layers_to_transform? Off: yes. */
static bool has_layer(const json_t *layers, int layer)
{
    size_t i;
    json_t *item;
    if (json_is_integer(layers)) return json_integer_value(layers) == layer;
    if (is_off(layers)) return true;
    json_array_foreach ((json_t *)layers, i, item)
        if (json_integer_value(item) == layer) return true;
    return false;
}

static enum raml_code check_layers(const char *path, const json_t *o, struct raml_err *err)
{
    const json_t *layers = json_object_get(o, "layers_to_transform"), *name = json_object_get(o, "layers_pattern");
    bool ok = is_off(layers) || json_is_integer(layers) || json_is_array(layers);
    for (size_t i = 0; ok && i < json_array_size(layers); i++) ok = json_is_integer(json_array_get(layers, i));
    if (!ok) return raml_fail(err, RAML_EFORMAT, "%s: layers_to_transform: expected whole numbers", path);
    if (json_array_size(name) == 1) name = json_array_get(name, 0);
    if (is_off(name) || (json_is_string(name) && !strcmp(json_string_value(name), "layers"))) return RAML_OK;
    return raml_fail(err, RAML_ESUPPORT, "%s: layers_pattern: only 'layers' is supported, the name that this base has",
                     path);
}

/* Targets as they are written again: the expression, or the names that mean a module here. */
static enum raml_code keep_targets(struct raml_lora *l, const struct lora_targets *t, bool fewer, struct raml_err *err)
{
    struct raml_buf b;
    if (fewer) return raml_lora_name_targets(l, err);
    raml_buf_init(&b, (size_t)1 << 24);
    if (t->all_linear) raml_buf_adds(&b, "all-linear");
    for (size_t i = 0; i < t->n; i++)
        if (t->used[i]) raml_buf_addf(&b, "%s%s", b.len ? "," : "", t->name[i]);
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) l->target_modules = raml_buf_take(&b);
    raml_buf_deinit(&b);
    return rc;
}

static enum raml_code select_modules(const char *path, const json_t *o, struct raml_lora *l, size_t n,
                                     struct raml_err *err)
{
    char names[2][600];
    struct lora_targets t = {0}, not = {0};
    const json_t *layers = json_object_get(o, "layers_to_transform"), *exclude = json_object_get(o, "exclude_modules");
    snprintf(names[0], sizeof names[0], "%.500s: target_modules", path);
    snprintf(names[1], sizeof names[1], "%.500s: exclude_modules", path);
    enum raml_code rc = take_targets(json_object_get(o, "target_modules"), &t, names[0], err);
    if (!rc && !is_off(exclude)) rc = take_targets(exclude, &not, names[1], err);
    if (!rc) rc = check_layers(path, o, err);
    for (size_t i = 0; i < n && !rc; i++) {
        bool yes = false, no = false;
        rc = raml_lora_targets_match(&t, &l->module[i], &yes, err);
        if (!rc && not .what) rc = raml_lora_targets_match(&not, &l->module[i], &no, err);
        if (!rc && yes && !no && has_layer(layers, l->module[i].layer)) l->module[l->n_modules++] = l->module[i];
    }
    if (!rc && !l->n_modules)
        rc = raml_fail(err, RAML_ESHAPE,
                       "%s: target_modules mean none of the base's matrices: an adapter for another base", path);
    if (!rc) rc = keep_targets(l, &t, !is_off(layers) || !is_off(exclude), err);
    raml_lora_targets_deinit(&t);
    raml_lora_targets_deinit(&not );
    return rc;
}

enum raml_code raml_lora_config(const char *path, const struct raml_config *base, struct raml_lora *out, bool *listed,
                                struct raml_err *err)
{
    char where[600];
    struct raml_lora l = {0};
    json_t *o = NULL, *value;
    const char *key;
    size_t n = 0;
    enum raml_code rc = raml_json_load(path, CONFIG_MAX_BYTES, &o, err);
    if (!rc && !json_is_object(o)) rc = raml_fail(err, RAML_EFORMAT, "%s: expected an object", path);
    if (!rc) rc = check_kind(path, o, err);
    if (!rc)
        json_object_foreach (o, key, value)
            if (!rc) rc = check_key(path, key, value, err);
    if (!rc) rc = take_settings(path, o, &l, err);
    if (!rc) rc = raml_lora_candidates(base, &l.module, &n, err);
    *listed = !rc && !is_off(json_object_get(o, "target_modules"));
    if (!rc && *listed) rc = select_modules(path, o, &l, n, err);
    else l.n_modules = n;
    snprintf(where, sizeof where, "%.470s: ", path);
    if (!rc) rc = raml_lora_measure(&l, where, false, err);
    json_decref(o);
    if (rc == RAML_EUSAGE) { /* of a text that comes from the file */
        rc = RAML_EFORMAT;
        if (err) err->code = rc;
    }
    if (rc) raml_lora_deinit(&l);
    else *out = l;
    return rc;
}
