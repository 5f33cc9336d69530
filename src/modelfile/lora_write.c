/* lora_write.c - see raml/lora.h. A PEFT folder: the keys that PEFT needs, and no more, so that older ones read it too. */
#include "modelfile/lora_parts.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "raml/safetensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 16, not 16.0, which PEFT's older versions take for no number of theirs. */
static json_t *number(double x)
{
    return x == floor(x) && fabs(x) < 1e15 ? json_integer((json_int_t)x) : json_real(x);
}

static json_t *names_json(const char *text)
{
    json_t *list = json_array();
    int bad = !list;
    for (const char *p = text; !bad; p++) {
        size_t n = strcspn(p, ",");
        bad |= json_array_append_new(list, json_stringn(p, n));
        p += n;
        if (!*p) break;
    }
    if (!bad) return list;
    json_decref(list);
    return NULL;
}

/* A list of names; an expression as it is. all-linear as names: PEFT would choose anew on reading. */
static json_t *targets_json(const struct raml_lora *l)
{
    struct lora_targets t = {0};
    const char *text = l->target_modules ? l->target_modules : "all-linear";
    if (raml_lora_targets_init(&t, "target_modules", text, NULL)) return NULL;
    bool all = t.all_linear, names = !t.regex;
    raml_lora_targets_deinit(&t);
    if (all) return names_json("q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj");
    return names ? names_json(text) : json_string(text);
}

static json_t *pattern_json(const char *text, struct raml_err *err)
{
    struct lora_patterns p = {0};
    json_t *o = json_object();
    if (raml_lora_patterns_init(&p, "pattern", text, err)) {
        json_decref(o);
        return NULL;
    }
    int bad = !o;
    for (size_t i = 0; i < p.n && !bad; i++)
        if (!json_object_get(o, p.key[i].key)) /* the first counts */
            bad |= json_object_set_new(o, p.key[i].key, number(p.key[i].value));
    raml_lora_patterns_deinit(&p);
    return raml_json_checked(o, bad);
}

static enum raml_code write_config(const struct raml_lora *l, const char *path, struct raml_err *err)
{
    json_t *o = json_object();
    int bad = json_object_set_new(o, "base_model_name_or_path", raml_json_text(l->base));
    bad |= json_object_set_new(o, "bias", json_string("none"));
    bad |= json_object_set_new(o, "fan_in_fan_out", json_false());
    bad |= json_object_set_new(o, "inference_mode", json_true());
    bad |= json_object_set_new(o, "init_lora_weights", json_true());
    bad |= json_object_set_new(o, "lora_alpha", number(l->alpha));
    bad |= json_object_set_new(o, "lora_dropout", json_real(0));
    bad |= json_object_set_new(o, "peft_type", json_string("LORA"));
    bad |= json_object_set_new(o, "r", json_integer((json_int_t)l->r));
    if (l->rank_pattern) bad |= json_object_set_new(o, "rank_pattern", pattern_json(l->rank_pattern, err));
    if (l->alpha_pattern) bad |= json_object_set_new(o, "alpha_pattern", pattern_json(l->alpha_pattern, err));
    bad |= json_object_set_new(o, "target_modules", targets_json(l));
    bad |= json_object_set_new(o, "task_type", json_string("CAUSAL_LM"));
    if (l->use_rslora) bad |= json_object_set_new(o, "use_rslora", json_true());
    o = raml_json_checked(o, bad);
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    enum raml_code rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

static enum raml_code write_tensors(const struct raml_lora *l, const float *block, const char *path,
                                    struct raml_err *err)
{
    char hash[17];
    const char *meta[] = {"format", "pt", l->base_hash ? "raml_base_hash" : NULL, hash, NULL};
    struct raml_param *table = NULL;
    size_t n = 0;
    snprintf(hash, sizeof hash, "%016" PRIx64, l->base_hash);
    enum raml_code rc = raml_lora_table(l, &table, &n, err);
    struct raml_tensor_view *v = rc ? NULL : calloc(n + 1, sizeof *v);
    if (!rc && !v) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", path);
    for (size_t i = 0; i < n && !rc; i++)
        v[i] = (struct raml_tensor_view){.name = table[i].name,
                                         .dtype = RAML_F32,
                                         .n_dims = 2,
                                         .shape = {table[i].shape[0], table[i].shape[1]},
                                         .n = table[i].n,
                                         .data = block + table[i].offset};
    if (!rc) rc = raml_safetensors_write(path, v, n, meta, err);
    free(v);
    free(table);
    return rc;
}

enum raml_code raml_lora_write(const struct raml_lora *l, const float *block, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, "adapter_model.safetensors", err);
    if (!rc) rc = write_tensors(l, block, path, err);
    if (!rc) rc = raml_path_join(path, dir, "adapter_config.json", err);
    return rc ? rc : write_config(l, path, err);
}
