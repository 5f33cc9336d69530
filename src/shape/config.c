/* config.c - the shape of a model: presets, Hugging Face config.json, checks. See model.h. */
#include "core/file.h"

#include "core/elementary.h"
#include "core/json.h"
#include "raml/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The last two are the shapes of Qwen2.5 (their config.json on the hub). */
enum raml_code raml_config_preset(const char *name, struct raml_config *out, struct raml_err *err)
{
    static const struct {
        const char *name, *type;
        int vocab, d, ffn, layers, heads, kv, positions;
        double eps, theta;
    } table[] = {
        {"micro", "llama", 512, 128, 352, 4, 4, 2, 4096, 1e-5, 1e4},
        {"small", "llama", 512, 256, 704, 6, 8, 4, 4096, 1e-5, 1e4},
        {"medium", "llama", 4096, 512, 1408, 8, 8, 4, 4096, 1e-5, 1e4},
        {"gpt2", "llama", 50257, 768, 2048, 12, 12, 12, 4096, 1e-5, 1e4},
        {"qwen2.5-0.5b", "qwen2", 151936, 896, 4864, 24, 14, 2, 32768, 1e-6, 1e6},
        {"qwen2.5-1.5b", "qwen2", 151936, 1536, 8960, 28, 12, 2, 32768, 1e-6, 1e6},
    };
    char known[160] = "";
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", table[i].name);
        if (strcmp(name, table[i].name)) continue;
        *out = (struct raml_config){.vocab_size = table[i].vocab,
                                    .hidden_size = table[i].d,
                                    .intermediate_size = table[i].ffn,
                                    .n_layers = table[i].layers,
                                    .n_heads = table[i].heads,
                                    .n_kv_heads = table[i].kv,
                                    .head_dim = table[i].d / table[i].heads,
                                    .max_positions = table[i].positions,
                                    .rms_norm_eps = table[i].eps,
                                    .rope_theta = table[i].theta,
                                    .tied = true,
                                    .qkv_bias = !strcmp(table[i].type, "qwen2"),
                                    .bos_token = -1,
                                    .eos_token = -1};
        snprintf(out->model_type, sizeof out->model_type, "%s", table[i].type);
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE, "unknown preset '%s'; known: %s", name, known);
}

enum raml_code raml_config_check(const struct raml_config *c, struct raml_err *err)
{
    const struct {
        const char *name;
        int value, low, high;
    } range[] = {
        {"vocab_size", c->vocab_size, 1, 1 << 24},
        {"hidden_size", c->hidden_size, 1, 1 << 17},
        {"intermediate_size", c->intermediate_size, 1, 1 << 20},
        {"num_hidden_layers", c->n_layers, 1, 1 << 12},
        {"num_attention_heads", c->n_heads, 1, 1 << 12},
        {"num_key_value_heads", c->n_kv_heads, 1, c->n_heads},
        {"head_dim", c->head_dim, 2, 256},
        {"max_position_embeddings", c->max_positions, 1, 1 << 20}, /* bounds the rotary table */
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        if (range[i].value < range[i].low || range[i].value > range[i].high)
            return raml_fail(err, RAML_ERANGE, "%s: found %d, expected %d to %d", range[i].name, range[i].value,
                             range[i].low, range[i].high);
    if (c->n_heads % c->n_kv_heads)
        return raml_fail(err, RAML_ESHAPE, "num_attention_heads %d is not a multiple of num_key_value_heads %d",
                         c->n_heads, c->n_kv_heads);
    if (c->head_dim % 2) return raml_fail(err, RAML_ERANGE, "head_dim: found %d, expected an even number", c->head_dim);
    if (!(c->rms_norm_eps >= 0 && c->rms_norm_eps < 1) || !(c->rope_theta > 0) || !isfinite(c->rope_theta))
        return raml_fail(err, RAML_ERANGE, "rms_norm_eps %g or rope_theta %g is out of range", c->rms_norm_eps,
                         c->rope_theta);
    if (c->rope != RAML_ROPE_PLAIN && !(c->rope_factor >= 1))
        return raml_fail(err, RAML_ERANGE, "rope_scaling factor: found %g, expected 1 or more", c->rope_factor);
    return RAML_OK;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */
struct reader {
    const struct raml_place *at;
    const json_t *obj;
    struct raml_err *err;
    enum raml_code rc; /* of the first fault */
};

static bool present(const struct reader *r, const char *field)
{
    const json_t *v = json_object_get(r->obj, field);
    return v && !json_is_null(v);
}

/* A required integer; with `otherwise` given, an optional one. */
static int read_int(struct reader *r, const char *field, const int *otherwise)
{
    long long v = 0;
    if (r->rc || (otherwise && !present(r, field))) return otherwise ? *otherwise : 0;
    r->rc = raml_json_int(r->at, r->obj, field, 0, 1 << 30, &v, r->err);
    return (int)v;
}

static double read_num(struct reader *r, const char *field, double otherwise)
{
    double v = otherwise;
    if (!r->rc && present(r, field)) r->rc = raml_json_num(r->at, r->obj, field, &v, r->err);
    return v;
}

static bool read_flag(struct reader *r, const char *field, bool otherwise)
{
    const json_t *v = json_object_get(r->obj, field);
    if (r->rc || !v || json_is_null(v)) return otherwise;
    if (!json_is_boolean(v))
        r->rc = raml_fail(r->err, RAML_EFORMAT, "%s: field '%s': expected true or false", r->at->path, field);
    return json_is_true(v);
}

static int token_of(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) < 1 << 30
               ? (int)json_integer_value(v)
               : -1;
}

bool raml_config_add_eos(struct raml_config *c, int token)
{
    bool known = token < 0 || token == c->eos_token;
    for (int i = 0; i < c->n_more_eos; i++) known = known || c->more_eos[i] == token;
    if (known) return true;
    if (c->eos_token >= 0 && c->n_more_eos == RAML_MAX_EOS - 1) return false;
    if (c->eos_token < 0) c->eos_token = token;
    else c->more_eos[c->n_more_eos++] = token;
    return true;
}

/* An end-of-text id may be a number or a list. */
static enum raml_code add_eos(const char *path, struct raml_config *c, const json_t *v, struct raml_err *err)
{
    bool room = json_is_array(v) || raml_config_add_eos(c, token_of(v));
    for (size_t i = 0; i < json_array_size(v); i++) room &= raml_config_add_eos(c, token_of(json_array_get(v, i)));
    return room ? RAML_OK
                : raml_fail(err, RAML_ERANGE, "%s: field 'eos_token_id': more than %d tokens end a text", path,
                            RAML_MAX_EOS);
}

enum raml_code raml_config_read_generation(const char *path, struct raml_config *c, struct raml_err *err)
{
    json_t *obj = NULL;
    enum raml_code rc = raml_json_load(path, 1 << 20, &obj, err);
    if (!rc) rc = add_eos(path, c, json_object_get(obj, "eos_token_id"), err);
    json_decref(obj);
    return rc;
}

/* Defaults as in transformers. mscale (DeepSeek's) and unrounded ranges would change the angles and are not supported.
 */
static void read_yarn(struct reader *s, struct raml_config *c)
{
    static const char *const strange[] = {"mscale", "mscale_all_dim", "truncate"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange && !s->rc; i++)
        if (present(s, strange[i]) && !json_is_true(json_object_get(s->obj, strange[i])))
            s->rc = raml_fail(s->err, RAML_ESUPPORT, "%s: rope_scaling: '%s' is not supported with yarn", s->at->path,
                              strange[i]);
    c->rope_beta_fast = read_num(s, "beta_fast", 32);
    c->rope_beta_slow = read_num(s, "beta_slow", 1);
    c->rope_attention = read_num(s, "attention_factor", c->rope_factor > 1 ? 0.1 * raml_log(c->rope_factor) + 1 : 1);
    c->rope_original_positions = read_int(s, "original_max_position_embeddings", &c->max_positions);
    if (!s->rc && (!(c->rope_beta_fast > c->rope_beta_slow) || !(c->rope_beta_slow > 0) || !(c->rope_attention > 0) ||
                   c->rope_original_positions < 1))
        s->rc = raml_fail(s->err, RAML_ERANGE,
                          "%s: rope_scaling: expected 0 < beta_slow < beta_fast and a positive "
                          "attention_factor",
                          s->at->path);
}

static void read_llama3(struct reader *s, struct raml_config *c)
{
    c->rope_low_freq = read_num(s, "low_freq_factor", 1);
    c->rope_high_freq = read_num(s, "high_freq_factor", 4);
    c->rope_original_positions = read_int(s, "original_max_position_embeddings", NULL);
    if (!s->rc &&
        (!(c->rope_high_freq > c->rope_low_freq) || !(c->rope_low_freq > 0) || c->rope_original_positions < 1))
        s->rc = raml_fail(s->err, RAML_ERANGE, "%s: rope_scaling: expected 0 < low_freq_factor < high_freq_factor",
                          s->at->path);
}

/* rope_scaling; or rope_parameters, which newer versions of transformers write, with rope_theta in it. */
static void read_rope(struct reader *r, struct raml_config *c)
{
    const json_t *scaling = json_object_get(r->obj, "rope_scaling"), *both = json_object_get(r->obj, "rope_parameters");
    const char *field = json_is_object(both) ? "rope_parameters" : "rope_scaling";
    if (json_is_object(scaling) && json_is_object(both) && !json_equal(scaling, both) && !r->rc)
        r->rc =
            raml_fail(r->err, RAML_EFORMAT, "%s: rope_scaling and rope_parameters differ; expected one", r->at->path);
    if (json_is_object(both)) scaling = both;
    if (r->rc || !scaling || json_is_null(scaling)) return;
    struct reader s = {r->at, scaling, r->err, RAML_OK};
    const char *type = json_string_value(json_object_get(scaling, "rope_type"));
    if (!type) type = json_string_value(json_object_get(scaling, "type"));
    if (!type) {
        r->rc = raml_fail(r->err, RAML_EFORMAT, "%s: %s has no text field 'rope_type'", r->at->path, field);
        return;
    }
    c->rope_theta = read_num(&s, "rope_theta", c->rope_theta);
    if (read_num(&s, "partial_rotary_factor", 1) != 1 && !s.rc)
        s.rc = raml_fail(r->err, RAML_ESUPPORT, "%s: %s: 'partial_rotary_factor' is not supported", r->at->path, field);
    if (!strcmp(type, "linear")) c->rope = RAML_ROPE_LINEAR;
    else if (!strcmp(type, "llama3")) c->rope = RAML_ROPE_LLAMA3;
    else if (!strcmp(type, "yarn")) c->rope = RAML_ROPE_YARN;
    else if (strcmp(type, "default") && !s.rc)
        s.rc =
            raml_fail(r->err, RAML_ESUPPORT, "%s: %s type '%.40s' is not known; known: default, linear, llama3, yarn",
                      r->at->path, field, type);
    if (c->rope != RAML_ROPE_PLAIN) c->rope_factor = read_num(&s, "factor", 1);
    if (c->rope == RAML_ROPE_LLAMA3) read_llama3(&s, c);
    if (c->rope == RAML_ROPE_YARN) read_yarn(&s, c);
    r->rc = s.rc;
}

/* Attention covers everything before a token: a window longer than any text has no effect. Mistral's is 4096 where
 * the file has none; Qwen's has a switch. */
static void read_window(struct reader *r, const struct raml_config *c, const char *type)
{
    const json_t *layers = json_object_get(r->obj, "layer_types"), *layer;
    const int all = c->max_positions, mistral = 4096;
    bool declared = json_object_get(r->obj, "sliding_window") != NULL;
    if (read_flag(r, "use_sliding_window", false) && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: use_sliding_window true is not supported", r->at->path);
    bool off = !strncmp(type, "qwen", 4);
    int window = off ? all : read_int(r, "sliding_window", !declared && !strcmp(type, "mistral") ? &mistral : &all);
    if (window < all && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: sliding_window %d, below max_position_embeddings %d, is not "
                          "supported",
                          r->at->path, window, all);
    size_t i;
    json_array_foreach (layers, i, layer)
        if (!r->rc && (!json_is_string(layer) || strcmp(json_string_value(layer), "full_attention") != 0))
            r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: layer_types, entry %zu: expected full_attention", r->at->path,
                              i + 1);
}

/* What would change the results and is not implemented. */
static void read_strange(struct reader *r, const char *type)
{
    const char *act = json_string_value(json_object_get(r->obj, "hidden_act"));
    if (read_flag(r, "attention_bias", false) && strcmp(type, "qwen2") && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: attention_bias true is not supported for %s", r->at->path, type);
    if (read_flag(r, "mlp_bias", false) && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: mlp_bias true is not supported", r->at->path);
    if (act && strcmp(act, "silu") && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: hidden_act '%.40s': expected silu", r->at->path, act);
    if (read_num(r, "partial_rotary_factor", 1) != 1 && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: partial_rotary_factor is not supported", r->at->path);
    if (present(r, "quantization_config") && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: quantization_config: quantised folders are not supported; "
                          "GGUF files are",
                          r->at->path);
}

/* mistral: llama under another name. */
static void read_type(struct reader *r, struct raml_config *c, const char **type)
{
    static const char *const known[] = {"qwen2", "qwen3", "llama", "mistral"};
    size_t len = 0;
    r->rc = raml_json_str(r->at, r->obj, "model_type", type, &len, r->err);
    if (r->rc) return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(*type, known[i])) {
            snprintf(c->model_type, sizeof c->model_type, "%s", i == 3 ? "llama" : known[i]);
            return;
        }
    r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: model_type '%.40s' is not known; known: qwen2, qwen3, llama, mistral",
                      r->at->path, *type);
}

static void read_all(struct reader *r, struct raml_config *c)
{
    const char *type = NULL;
    const int minus = -1;
    read_type(r, c, &type);
    if (r->rc) return;
    c->vocab_size = read_int(r, "vocab_size", NULL);
    c->hidden_size = read_int(r, "hidden_size", NULL);
    c->intermediate_size = read_int(r, "intermediate_size", NULL);
    c->n_layers = read_int(r, "num_hidden_layers", NULL);
    c->n_heads = read_int(r, "num_attention_heads", NULL);
    c->n_kv_heads = read_int(r, "num_key_value_heads", &c->n_heads);
    c->max_positions = read_int(r, "max_position_embeddings", NULL);
    int head = read_int(r, "head_dim", &minus);
    if (!r->rc && head < 0 && c->n_heads > 0) head = strcmp(type, "qwen3") ? c->hidden_size / c->n_heads : 128;
    c->head_dim = head;
    c->rms_norm_eps = read_num(r, "rms_norm_eps", 1e-6);
    c->rope_theta = read_num(r, "rope_theta", 10000);
    c->tied = read_flag(r, "tie_word_embeddings", false);
    c->qkv_bias = !strcmp(type, "qwen2");
    c->qk_norm = !strcmp(type, "qwen3");
    read_strange(r, type);
    read_window(r, c, type);
    const json_t *bos = json_object_get(r->obj, "bos_token_id");
    c->bos_token = token_of(json_is_array(bos) ? json_array_get(bos, 0) : bos);
    c->eos_token = -1;
    if (!r->rc) r->rc = add_eos(r->at->path, c, json_object_get(r->obj, "eos_token_id"), r->err);
    read_rope(r, c);
}

enum raml_code raml_config_read(const char *path, struct raml_config *out, struct raml_err *err)
{
    json_t *obj = NULL;
    enum raml_code rc = raml_json_load(path, 1 << 20, &obj, err);
    if (rc) return rc;
    struct raml_place at = {path, 0};
    struct raml_config c = {0};
    struct reader r = {&at, obj, err, RAML_OK};
    if (json_is_object(obj)) read_all(&r, &c);
    else r.rc = raml_fail(err, RAML_EFORMAT, "%s: expected a JSON object", path);
    json_decref(obj);
    if (r.rc) return r.rc;
    rc = raml_config_check(&c, err);
    if (rc) return raml_wrap(err, rc, "%s", path);
    *out = c;
    return RAML_OK;
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */
static json_t *eos_json(const struct raml_config *c)
{
    if (!c->n_more_eos) return json_integer(c->eos_token);
    json_t *list = json_array();
    int bad = json_array_append_new(list, json_integer(c->eos_token));
    for (int i = 0; i < c->n_more_eos; i++) bad |= json_array_append_new(list, json_integer(c->more_eos[i]));
    return raml_json_checked(list, bad);
}

enum raml_code raml_config_write(const struct raml_config *c, const char *path, struct raml_err *err)
{
    return raml_config_write_as(c, RAML_F32, path, err);
}

enum raml_code raml_config_write_as(const struct raml_config *c, enum raml_dtype stored, const char *path,
                                    struct raml_err *err)
{
    const char *dtype = stored == RAML_BF16 ? "bfloat16" : stored == RAML_F16 ? "float16" : "float32";
    const char *arch = !strcmp(c->model_type, "qwen2")   ? "Qwen2ForCausalLM"
                       : !strcmp(c->model_type, "qwen3") ? "Qwen3ForCausalLM"
                                                         : "LlamaForCausalLM";
    json_t *o =
        json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:b, s:s, s:s}", "architectures",
                  arch, "model_type", c->model_type, "vocab_size", c->vocab_size, "hidden_size", c->hidden_size,
                  "intermediate_size", c->intermediate_size, "num_hidden_layers", c->n_layers, "num_attention_heads",
                  c->n_heads, "num_key_value_heads", c->n_kv_heads, "head_dim", c->head_dim, "max_position_embeddings",
                  c->max_positions, "rms_norm_eps", c->rms_norm_eps, "rope_theta", c->rope_theta, "tie_word_embeddings",
                  c->tied, "attention_bias", c->qkv_bias, "hidden_act", "silu", "torch_dtype", dtype);
    if (!o) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write the configuration", path);
    int bad = 0;
    if (c->bos_token >= 0) bad |= json_object_set_new(o, "bos_token_id", json_integer(c->bos_token));
    if (c->eos_token >= 0) bad |= json_object_set_new(o, "eos_token_id", eos_json(c));
    if (c->rope == RAML_ROPE_LINEAR)
        bad |= json_object_set_new(o, "rope_scaling",
                                   json_pack("{s:s, s:f}", "rope_type", "linear", "factor", c->rope_factor));
    if (c->rope == RAML_ROPE_LLAMA3)
        bad |=
            json_object_set_new(o, "rope_scaling",
                                json_pack("{s:s, s:f, s:f, s:f, s:i}", "rope_type", "llama3", "factor", c->rope_factor,
                                          "low_freq_factor", c->rope_low_freq, "high_freq_factor", c->rope_high_freq,
                                          "original_max_position_embeddings", c->rope_original_positions));
    if (c->rope == RAML_ROPE_YARN)
        bad |= json_object_set_new(o, "rope_scaling",
                                   json_pack("{s:s, s:f, s:f, s:f, s:f, s:i}", "rope_type", "yarn", "factor",
                                             c->rope_factor, "beta_fast", c->rope_beta_fast, "beta_slow",
                                             c->rope_beta_slow, "attention_factor", c->rope_attention,
                                             "original_max_position_embeddings", c->rope_original_positions));
    o = raml_json_checked(o, bad);
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write the configuration", path);
    enum raml_code rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

/* -- Sizes --------------------------------------------------------------------------------------------------------- */
static size_t layer_matrix(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, H = (size_t)c->n_heads, K = (size_t)c->n_kv_heads;
    return d * (2 * H + 2 * K) * D + 3 * d * (size_t)c->intermediate_size;
}

size_t raml_config_params(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, L = (size_t)c->n_layers;
    size_t layer = layer_matrix(c) + 2 * d + (c->qk_norm ? 2 * D : 0);
    if (c->qkv_bias) layer += (size_t)(c->n_heads + 2 * c->n_kv_heads) * D;
    return L * layer + d + (c->tied ? 1 : 2) * (size_t)c->vocab_size * d;
}

double raml_config_train_flops(const struct raml_config *c, size_t T)
{
    double matrix = (double)c->n_layers * (double)layer_matrix(c) + (double)c->vocab_size * c->hidden_size;
    return 6 * matrix + 6.0 * c->n_layers * (double)T * c->n_heads * c->head_dim;
}
