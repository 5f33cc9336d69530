/* config_read.c - config.json of Hugging Face's transformers. See raml/config.h. */
#include "shape/reader.h"

#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- The tokens that end a text ------------------------------------------------------------------------------------ */
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

/* -- All of it ----------------------------------------------------------------------------------------------------- */
/* Refuses by name what would change the results and that no model here has. */
static void read_strange(struct raml_config_reader *r, const struct raml_arch *a)
{
    static const char *const off[] = {"use_bidirectional_attention", "mlp_bias"};
    static const char *const absent[] = {"attn_logit_softcapping", "final_logit_softcapping"};
    const char *field = a->gate == RAML_GATE_GELU ? "hidden_activation" : "hidden_act";
    const char *act = json_string_value(json_object_get(r->obj, field));
    const char *want = a->gate == RAML_GATE_GELU ? "gelu_pytorch_tanh" : "silu";
    if (raml_reader_flag(r, "attention_bias", false) && !a->qkv_bias && !r->rc)
        r->rc =
            raml_fail(r->err, RAML_ESUPPORT, "%s: attention_bias true is not supported for %s", r->at->path, a->type);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (raml_reader_flag(r, off[i], false) && !r->rc)
            r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: %s true is not supported", r->at->path, off[i]);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (raml_reader_has(r, absent[i]) && !r->rc)
            r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: %s is not supported", r->at->path, absent[i]);
    if (act && strcmp(act, want) != 0 && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: %s '%.40s': expected %s", r->at->path, field, act, want);
    if (raml_reader_num(r, "partial_rotary_factor", 1) != 1 && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: partial_rotary_factor is not supported", r->at->path);
    if (raml_reader_has(r, "quantization_config") && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: quantization_config: quantised folders are not supported; "
                          "GGUF files are",
                          r->at->path);
}

static const struct raml_arch *read_type(struct raml_config_reader *r)
{
    const char *type, *reason;
    char names[RAML_ARCH_NAMES];
    size_t len = 0;
    r->rc = raml_json_str(r->at, r->obj, "model_type", &type, &len, r->err);
    const struct raml_arch *a = r->rc ? NULL : raml_arch_find(type);
    if (r->rc || a) return a;
    reason = raml_arch_reason(type);
    r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: model_type '%.40s' is %s%s; known: %s", r->at->path, type,
                      reason ? reason : "not known", reason && !strchr(reason, ';') ? ", which is not supported" : "",
                      raml_arch_names(false, names));
    return NULL;
}

static double other_than(double x, double neutral)
{
    return x == neutral ? 0 : x;
}

/* Multipliers: Granite's four; Gemma's of the embedding and of scores. */
static void read_scales(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    if (a->multipliers) {
        static const char *const field[] = {"embedding_multiplier", "attention_multiplier", "residual_multiplier",
                                            "logits_scaling"};
        double *const to[] = {&c->embedding_scale, &c->attention_scale, &c->residual_scale, &c->logit_divisor};
        for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
            double x = raml_reader_num(r, field[i], 1);
            if (!(x > 0) && !r->rc)
                r->rc = raml_fail(r->err, RAML_ERANGE, "%s: field '%s' is %g; expected a positive number", r->at->path,
                                  field[i], x);
            *to[i] = i == 1 ? x : other_than(x, 1);
        }
    }
    if (a->norms != RAML_NORMS_BOTH) return;
    double per_head = raml_reader_num(r, "query_pre_attn_scalar", 256);
    if (!(per_head > 0) && !r->rc)
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: field 'query_pre_attn_scalar' is %g; expected a positive number",
                          r->at->path, per_head);
    if (r->rc) return;
    c->attention_scale = per_head == c->head_dim ? 0 : 1 / sqrt(per_head);
    c->embedding_scale = sqrt((double)c->hidden_size);
}

static int read_head(struct raml_config_reader *r, const struct raml_arch *a, const struct raml_config *c)
{
    static const int none = -1;
    int head = raml_reader_int(r, "head_dim", &none);
    if (head >= 0 || r->rc || c->n_heads < 1) return head;
    return a->head_dim ? a->head_dim : c->hidden_size / c->n_heads;
}

static void read_all(struct raml_config_reader *r, struct raml_config *c)
{
    const struct raml_arch *a = read_type(r);
    if (r->rc) return;
    raml_arch_set(a, c);
    c->vocab_size = raml_reader_int(r, "vocab_size", NULL);
    c->hidden_size = raml_reader_int(r, "hidden_size", NULL);
    c->intermediate_size = raml_reader_int(r, "intermediate_size", NULL);
    c->n_layers = raml_reader_int(r, "num_hidden_layers", NULL);
    c->n_heads = raml_reader_int(r, "num_attention_heads", NULL);
    c->n_kv_heads = raml_reader_int(r, "num_key_value_heads", a->kv_heads ? &a->kv_heads : &c->n_heads);
    c->max_positions = raml_reader_int(r, "max_position_embeddings", NULL);
    c->head_dim = read_head(r, a, c);
    c->rms_norm_eps = raml_reader_num(r, "rms_norm_eps", a->eps > 0 ? a->eps : 1e-6);
    c->tied = raml_reader_flag(r, "tie_word_embeddings", a->tied);
    read_strange(r, a);
    read_scales(r, a, c);
    raml_reader_layers(r, a, c);
    const json_t *bos = json_object_get(r->obj, "bos_token_id");
    c->bos_token = token_of(json_is_array(bos) ? json_array_get(bos, 0) : bos);
    c->eos_token = -1;
    if (!r->rc) r->rc = add_eos(r->at->path, c, json_object_get(r->obj, "eos_token_id"), r->err);
    raml_reader_rope(r, a, c);
    raml_arch_settle(c);
}

enum raml_code raml_config_read(const char *path, struct raml_config *out, struct raml_err *err)
{
    json_t *obj = NULL;
    enum raml_code rc = raml_json_load(path, 1 << 20, &obj, err);
    if (rc) return rc;
    struct raml_place at = {path, 0};
    struct raml_config c = {0};
    struct raml_config_reader r = {&at, obj, err, RAML_OK};
    if (json_is_object(obj)) read_all(&r, &c);
    else r.rc = raml_fail(err, RAML_EFORMAT, "%s: expected a JSON object", path);
    json_decref(obj);
    if (r.rc) return r.rc;
    rc = raml_config_check(&c, err);
    if (rc) return raml_wrap(err, rc, "%s", path);
    *out = c;
    return RAML_OK;
}
