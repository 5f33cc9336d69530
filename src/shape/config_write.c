/* config_write.c - config.json, as transformers reads it, old and new versions. See raml/config.h. */
#include "shape/arch.h"

#include "core/file.h"
#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *eos_json(const struct raml_config *c)
{
    if (!c->n_more_eos) return json_integer(c->eos_token);
    json_t *list = json_array();
    int bad = json_array_append_new(list, json_integer(c->eos_token));
    for (int i = 0; i < c->n_more_eos; i++) bad |= json_array_append_new(list, json_integer(c->more_eos[i]));
    return raml_json_checked(list, bad);
}

/* -- The rotary embedding ------------------------------------------------------------------------------------------ */
static json_t *scaling_json(const struct raml_config *c)
{
    switch (c->rope) {
    case RAML_ROPE_LINEAR: return json_pack("{s:s, s:f}", "rope_type", "linear", "factor", c->rope_factor);
    case RAML_ROPE_LLAMA3:
        return json_pack("{s:s, s:f, s:f, s:f, s:i}", "rope_type", "llama3", "factor", c->rope_factor,
                         "low_freq_factor", c->rope_low_freq, "high_freq_factor", c->rope_high_freq,
                         "original_max_position_embeddings", c->rope_original_positions);
    case RAML_ROPE_YARN:
        return json_pack("{s:s, s:f, s:f, s:f, s:f, s:i}", "rope_type", "yarn", "factor", c->rope_factor, "beta_fast",
                         c->rope_beta_fast, "beta_slow", c->rope_beta_slow, "attention_factor", c->rope_attention,
                         "original_max_position_embeddings", c->rope_original_positions);
    case RAML_ROPE_PLAIN: break;
    }
    return json_pack("{s:s}", "rope_type", "default");
}

/* rope_scaling is what versions before 5 read. Where layers differ, rope_parameters says it of each kind: version 5
 * takes rope_theta for one of them only. */
static int put_rope(json_t *o, const struct raml_arch *a, const struct raml_config *c)
{
    int bad = c->rope == RAML_ROPE_PLAIN ? 0 : json_object_set_new(o, "rope_scaling", scaling_json(c));
    if (!a->window_base) return bad;
    struct raml_config near = *c;
    if (c->window_theta > 0) near.rope = RAML_ROPE_PLAIN, near.rope_theta = c->window_theta;
    json_t *full = scaling_json(c), *windowed = scaling_json(&near);
    bad |= json_object_set_new(full, "rope_theta", json_real(c->rope_theta));
    bad |= json_object_set_new(windowed, "rope_theta", json_real(near.rope_theta));
    bad |= json_object_set_new(o, "rope_parameters",
                               json_pack("{s:o, s:o}", "full_attention", full, "sliding_attention", windowed));
    if (a->window_theta > 0) bad |= json_object_set_new(o, "rope_local_base_freq", json_real(near.rope_theta));
    return bad;
}

/* -- Layers -------------------------------------------------------------------------------------------------------- */
static json_t *types_json(const struct raml_config *c)
{
    json_t *list = json_array();
    int bad = 0;
    for (int i = 0; i < c->n_layers; i++)
        bad |= json_array_append_new(
            list, json_string(raml_layer_in(&c->windowed, i) ? "sliding_attention" : "full_attention"));
    return raml_json_checked(list, bad);
}

static json_t *turned_json(const struct raml_config *c)
{
    json_t *list = json_array();
    int bad = 0;
    for (int i = 0; i < c->n_layers; i++)
        bad |= json_array_append_new(list, json_integer(!raml_layer_in(&c->unturned, i)));
    return raml_json_checked(list, bad);
}

static int put_layers(json_t *o, const struct raml_arch *a, const struct raml_config *c)
{
    bool any = raml_layers_in(&c->windowed) > 0;
    int bad = 0, first = 0;
    if (a->windows == RAML_WINDOWS_NO_ROPE) {
        bad |= json_object_set_new(o, "no_rope_layers", turned_json(c));
        bad |= json_object_set_new(o, "no_rope_layer_interval", json_integer(a->period));
    }
    if (a->windows == RAML_WINDOWS_ALL) return bad | json_object_set_new(o, "sliding_window", json_integer(c->window));
    if (a->windows == RAML_WINDOWS_MOST || any) {
        bad |= json_object_set_new(o, "sliding_window", c->window ? json_integer(c->window) : json_null());
        bad |= json_object_set_new(o, "layer_types", types_json(c));
    }
    if (a->windows == RAML_WINDOWS_MOST || !any) return bad;
    while (!raml_layer_in(&c->windowed, first)) first++;
    bad |= json_object_set_new(o, "use_sliding_window", json_true());
    if (a->windows == RAML_WINDOWS_UPPER) bad |= json_object_set_new(o, "max_window_layers", json_integer(first));
    return bad;
}

/* -- The rest ------------------------------------------------------------------------------------------------------ */
static double or_one(double x)
{
    return x > 0 ? x : 1;
}

static int put_scales(json_t *o, const struct raml_arch *a, const struct raml_config *c)
{
    double scale = c->attention_scale > 0 ? c->attention_scale : 1 / sqrt((double)c->head_dim);
    int bad = 0;
    if (a->multipliers) {
        bad |= json_object_set_new(o, "embedding_multiplier", json_real(or_one(c->embedding_scale)));
        bad |= json_object_set_new(o, "attention_multiplier", json_real(scale));
        bad |= json_object_set_new(o, "residual_multiplier", json_real(or_one(c->residual_scale)));
        bad |= json_object_set_new(o, "logits_scaling", json_real(or_one(c->logit_divisor)));
    }
    if (a->norms != RAML_NORMS_BOTH) return bad;
    double per_head = 1 / (scale * scale), whole = round(per_head); /* transformers wants an integer */
    bool is_whole = fabs(per_head - whole) <= 1e-6 * per_head;
    return bad | json_object_set_new(o, "query_pre_attn_scalar",
                                     is_whole ? json_integer((json_int_t)whole) : json_real(per_head));
}

static json_t *shape_json(const struct raml_arch *a, const struct raml_config *c, const char *dtype)
{
    bool gelu = c->gate == RAML_GATE_GELU;
    return json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b, s:b, s:s, s:s}",
                     "architectures", a->model_class, "model_type", c->model_type, "vocab_size", c->vocab_size,
                     "hidden_size", c->hidden_size, "intermediate_size", c->intermediate_size, "num_hidden_layers",
                     c->n_layers, "num_attention_heads", c->n_heads, "num_key_value_heads", c->n_kv_heads, "head_dim",
                     c->head_dim, "max_position_embeddings", c->max_positions, "rms_norm_eps", c->rms_norm_eps,
                     "rope_theta", c->rope_theta, "tie_word_embeddings", c->tied, "attention_bias", c->qkv_bias,
                     gelu ? "hidden_activation" : "hidden_act", gelu ? "gelu_pytorch_tanh" : "silu", "torch_dtype",
                     dtype);
}

enum raml_code raml_config_write(const struct raml_config *c, const char *path, struct raml_err *err)
{
    return raml_config_write_as(c, RAML_F32, path, err);
}

enum raml_code raml_config_write_as(const struct raml_config *c, enum raml_dtype stored, const char *path,
                                    struct raml_err *err)
{
    const char *dtype = stored == RAML_BF16 ? "bfloat16" : stored == RAML_F16 ? "float16" : "float32";
    const struct raml_arch *a = raml_arch_find(c->model_type);
    if (!a) return raml_fail(err, RAML_ESUPPORT, "%s: model_type '%.16s' is not known", path, c->model_type);
    json_t *o = shape_json(a, c, dtype);
    if (!o) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write the configuration", path);
    int bad = 0;
    if (c->bos_token >= 0) bad |= json_object_set_new(o, "bos_token_id", json_integer(c->bos_token));
    if (c->eos_token >= 0) bad |= json_object_set_new(o, "eos_token_id", eos_json(c));
    if (a->pad) bad |= json_object_set_new(o, "pad_token_id", json_null());
    bad |= put_rope(o, a, c) | put_layers(o, a, c) | put_scales(o, a, c);
    o = raml_json_checked(o, bad);
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write the configuration", path);
    enum raml_code rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}
