/* gguf_config.c - a model's configuration from GGUF metadata. See modelfile.h.
 *
 * Keys: gguf-py/gguf/constants.py of llama.cpp; their meaning: its llama-model.cpp (load_hparams) and, for yarn,
 * llama-context.cpp. Unknown keys under the architecture's name might change what the model computes, and are
 * refused. */
#include "modelfile/modelfile.h"

#include "modelfile/gguf_ends.h"

#include "core/elementary.h"
#include "shape/arch.h"

#include "store/blocks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 128, MAX_COUNT = 1 << 30 };

struct reader {
    const struct raml_gguf *g;
    const struct raml_arch *a;
    char arch[16]; /* its name in GGUF */
    struct raml_err *err;
    enum raml_code rc; /* of the first fault */
    int n_layers;      /* 0: not known yet */
};

static const char *key_of(const struct reader *r, const char *name, char out[KEY])
{
    snprintf(out, KEY, "%s.%s", r->arch, name);
    return out;
}

static bool present(const struct reader *r, const char *name)
{
    char key[KEY];
    return raml_gguf_value_find(r->g, key_of(r, name, key)) != NULL;
}

/* One number, or where layers may differ an array with one for each: then all must be the same. */
static enum raml_code read_integer(struct reader *r, const char *name, const char *key, int64_t *out)
{
    const struct raml_gguf_value *v = raml_gguf_value_find(r->g, key);
    bool by_layer = !strcmp(name, "attention.head_count") || !strcmp(name, "attention.head_count_kv") ||
                    !strcmp(name, "feed_forward_length");
    if (!v || v->type != RAML_GGUF_ARRAY || !by_layer || v->n != (size_t)r->n_layers)
        return raml_gguf_integer(r->g, key, out, r->err);
    enum raml_code rc = raml_gguf_element_integer(v, 0, out, r->err);
    for (size_t i = 1; i < v->n && !rc; i++) {
        int64_t x = 0;
        rc = raml_gguf_element_integer(v, i, &x, r->err);
        if (!rc && x != *out)
            return raml_fail(r->err, RAML_ESUPPORT,
                             "%s: metadata '%s' is %lld in layer 0 and %lld in layer %zu; expected the same in all",
                             raml_gguf_path(r->g), key, (long long)*out, (long long)x, i);
    }
    return rc ? raml_wrap(r->err, rc, "%s", raml_gguf_path(r->g)) : rc;
}

/* A count, at least 1; with `otherwise` given, an optional one. */
static int read_count(struct reader *r, const char *name, const int *otherwise)
{
    char key[KEY];
    int64_t v = 0;
    if (r->rc || (otherwise && !present(r, name))) return otherwise ? *otherwise : 0;
    r->rc = read_integer(r, name, key_of(r, name, key), &v);
    if (!r->rc && (v < 1 || v > MAX_COUNT))
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: metadata '%s' is %lld; expected 1 to %d", raml_gguf_path(r->g), key,
                          (long long)v, MAX_COUNT);
    return r->rc ? 0 : (int)v;
}

double raml_gguf_meant(float x)
{
    char text[32];
    double y = x;
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        y = strtod(text, NULL);
        if ((float)y == x) break;
    }
    return y;
}

static double read_real(struct reader *r, const char *name, const double *otherwise)
{
    char key[KEY];
    double v = 0;
    if (r->rc || (otherwise && !present(r, name))) return otherwise ? *otherwise : 0;
    r->rc = raml_gguf_real(r->g, key_of(r, name, key), &v, r->err);
    if (r->rc) return 0;
    return raml_gguf_value_find(r->g, key)->type == RAML_GGUF_F32 ? raml_gguf_meant((float)v) : v;
}

/* -- What must have no effect -------------------------------------------------------------------------------------- */
/* clang-format off */
static const char *const known[] = {
    "vocab_size", "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
    "attention.head_count_kv", "attention.key_length", "attention.value_length", "attention.layer_norm_rms_epsilon",
    "rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor", "rope.scale_linear",
    "rope.scaling.original_context_length", "rope.scaling.attn_factor", "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow", "rope.scaling.yarn_attn_factor",
    "attention.sliding_window", "attention.sliding_window_pattern",
    /* without meaning for these architectures, or for their logits */
    "attention.layer_norm_epsilon", "pooling_type", "tensor_data_layout", "rope.scaling.finetuned",
};
/* clang-format on */

/* Settings of some architectures, for which these are not among the following. */
static bool has_setting(const struct raml_arch *a, const char *name)
{
    static const char *const scales[] = {"embedding_scale", "residual_scale", "logit_scale"};
    if (!strcmp(name, "attention.scale")) return a->multipliers || a->norms == RAML_NORMS_BOTH;
    if (!strcmp(name, "rope.freq_base_swa")) return a->window_base;
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        if (!strcmp(name, scales[i])) return a->multipliers;
    return false;
}

/* Keys that are supported only with these values. */
static const struct {
    const char *name;
    double a, b;
} neutral[] = {
    {"expert_count", 0, 0},
    {"expert_used_count", 0, 0},
    {"expert_shared_count", 0, 0},
    {"nextn_predict_layers", 0, 0},
    {"leading_dense_block_count", 0, 0},
    {"logit_scale", 0, 1},
    {"residual_scale", 0, 1},
    {"embedding_scale", 0, 1},
    {"attention.scale", 0, 0},
    {"attention.clamp_kqv", 0, 0},
    {"attention.max_alibi_bias", 0, 0},
    {"attention.causal", 1, 1},
    {"attn_logit_softcapping", 0, 0},
    {"final_logit_softcapping", 0, 0},
    {"use_parallel_residual", 0, 0},
    {"rope.scaling.yarn_log_multiplier", 0, 0},
    {"rope.scaling.yarn_ext_factor", -1, 1}, /* -1: not given */
};

/* Any number, or a bool as 0 or 1. */
static enum raml_code read_any(const struct raml_gguf_value *v, double *out, struct raml_err *err)
{
    int64_t n = 0;
    bool flag = false;
    enum raml_code rc;
    if (v->type == RAML_GGUF_F32 || v->type == RAML_GGUF_F64) return raml_gguf_element_real(v, 0, out, err);
    if (v->type == RAML_GGUF_BOOL) {
        rc = raml_gguf_element_bool(v, 0, &flag, err);
        *out = flag;
        return rc;
    }
    if (v->type == RAML_GGUF_ARRAY)
        return raml_fail(err, RAML_EFORMAT, "metadata '%.64s' has type array; expected one value", v->key);
    rc = raml_gguf_element_integer(v, 0, &n, err);
    *out = (double)n;
    return rc;
}

static void check_key(struct reader *r, const struct raml_gguf_value *v)
{
    const char *name = v->key + strlen(r->arch) + 1, *path = raml_gguf_path(r->g);
    double x = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i])) return;
    if (has_setting(r->a, name)) return;
    for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++) {
        if (strcmp(name, neutral[i].name) != 0) continue;
        r->rc = read_any(v, &x, r->err);
        if (r->rc) r->rc = raml_wrap(r->err, r->rc, "%s", path);
        else if (x != neutral[i].a && x != neutral[i].b)
            r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: metadata '%s' is %g, which is not supported; expected %g",
                              path, v->key, x, neutral[i].b);
        return;
    }
    r->rc = raml_fail(r->err, RAML_ESUPPORT,
                      "%s: metadata '%.64s' is not known, and might change what the model "
                      "computes",
                      path, v->key);
}

static void check_keys(struct reader *r)
{
    size_t n = strlen(r->arch);
    for (size_t i = 0; i < raml_gguf_n_values(r->g) && !r->rc; i++) {
        const struct raml_gguf_value *v = raml_gguf_value_at(r->g, i);
        if (!strncmp(v->key, r->arch, n) && v->key[n] == '.') check_key(r, v);
    }
}

/* -- Layers -------------------------------------------------------------------------------------------------------- */
/* An array with a bool for each layer; set: those that are `value`. */
static void read_set(struct reader *r, const struct raml_gguf_value *v, bool value, struct raml_layer_set *set)
{
    if (v->n != (size_t)r->n_layers || r->n_layers > RAML_MAX_LAYERS)
        r->rc =
            raml_fail(r->err, RAML_ERANGE, "%s: metadata '%.64s' has %zu entries; expected one for each of %d layers",
                      raml_gguf_path(r->g), v->key, v->n, r->n_layers);
    for (int i = 0; i < r->n_layers && !r->rc; i++) {
        bool is = false;
        r->rc = raml_gguf_element_bool(v, (size_t)i, &is, r->err);
        if (r->rc) r->rc = raml_wrap(r->err, r->rc, "%s", raml_gguf_path(r->g));
        if (is == value) raml_layer_put(set, i);
    }
}

/* Which layers have the window: an array, or p: all but every p-th, as llama.cpp takes it (0: all). */
static bool read_pattern(struct reader *r, struct raml_config *c)
{
    char key[KEY];
    int64_t period = 0;
    const struct raml_gguf_value *v = raml_gguf_value_find(r->g, key_of(r, "attention.sliding_window_pattern", key));
    if (r->rc || !v) return false;
    if (v->type == RAML_GGUF_ARRAY) {
        read_set(r, v, true, &c->windowed);
        return true;
    }
    r->rc = raml_gguf_integer(r->g, key, &period, r->err);
    if (!r->rc && (period < 0 || period > MAX_COUNT))
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: metadata '%s' is %lld; expected 0 to %d", raml_gguf_path(r->g), key,
                          (long long)period, MAX_COUNT);
    if (!r->rc) raml_arch_windows(period ? (int)period : MAX_COUNT, c);
    return true;
}

/* llama.cpp's smollm3 has no rotary embedding in every fourth layer; RAML_GGUF_TURNED says another rule. */
static void read_turned(struct reader *r, struct raml_config *c)
{
    const struct raml_gguf_value *v = raml_gguf_value_find(r->g, RAML_GGUF_TURNED);
    if (r->rc || r->a->windows != RAML_WINDOWS_NO_ROPE) return;
    if (v) read_set(r, v, false, &c->unturned);
    for (int i = 0; i < c->n_layers && i < RAML_MAX_LAYERS && !v; i++)
        if ((i + 1) % r->a->period == 0) raml_layer_put(&c->unturned, i);
}

/* A window longer than any text has no effect. */
static void read_window(struct reader *r, struct raml_config *c)
{
    char key[KEY];
    int64_t v = 0;
    const enum raml_windows kind = r->a->windows;
    if (r->rc || !present(r, "attention.sliding_window")) return;
    r->rc = raml_gguf_integer(r->g, key_of(r, "attention.sliding_window", key), &v, r->err);
    if (!r->rc && (v < 0 || v > MAX_COUNT))
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: metadata '%s' is %lld; expected 0 to %d", raml_gguf_path(r->g), key,
                          (long long)v, MAX_COUNT);
    if (r->rc || v == 0 || (kind != RAML_WINDOWS_MOST && v >= c->max_positions)) return;
    bool listed = read_pattern(r, c);
    if (!listed && kind == RAML_WINDOWS_MOST) raml_arch_windows(r->a->period, c);
    else if (!listed && kind == RAML_WINDOWS_ALL) raml_arch_windows(MAX_COUNT, c);
    else if (!r->rc && (!listed || kind == RAML_WINDOWS_NONE))
        r->rc =
            raml_fail(r->err, RAML_ESUPPORT,
                      "%s: metadata '%s' is %lld, below the context of %d, and no %s.attention.sliding_window_pattern "
                      "says of which layers",
                      raml_gguf_path(r->g), key, (long long)v, c->max_positions, r->arch);
    c->window = (int)v;
}

/* -- Multipliers --------------------------------------------------------------------------------------------------- */
static void read_scales(struct reader *r, struct raml_config *c)
{
    static const double none = 0;
    double scale = has_setting(r->a, "attention.scale") ? read_real(r, "attention.scale", &none) : 0;
    c->attention_scale = scale;
    if (r->a->multipliers) {
        double *const to[] = {&c->embedding_scale, &c->residual_scale, &c->logit_divisor};
        static const char *const key[] = {"embedding_scale", "residual_scale", "logit_scale"};
        for (int i = 0; i < 3; i++) {
            double x = read_real(r, key[i], &none);
            *to[i] = x == 1 ? 0 : x;
        }
    }
    if (r->a->norms != RAML_NORMS_BOTH) return;
    c->embedding_scale = sqrt((double)c->hidden_size);
    /* what llama.cpp takes for the largest Gemma 3, with its 62 layers; the file does not say it */
    if (scale == 0 && c->n_layers == 62 && c->n_heads) scale = sqrt((double)c->n_heads / c->hidden_size);
    c->attention_scale = fabs(scale * scale * c->head_dim - 1) < 1e-6 ? 0 : scale;
}

/* -- The rotary embedding ------------------------------------------------------------------------------------------ */
/* What cosines and sines are multiplied by. attn_factor is a factor of the usual number; yarn_attn_factor, which only
 * llama.cpp's converter knows, is the number itself (transformers' attention_factor). */
static double read_attention(struct reader *r, double factor)
{
    static const double one = 1;
    static const char whole[] = "rope.scaling.yarn_attn_factor", part[] = "rope.scaling.attn_factor";
    double usual = factor > 1 ? 0.1 * raml_log(factor) + 1 : 1;
    double given = read_real(r, whole, &usual), share = read_real(r, part, &one);
    if (present(r, whole) && present(r, part) && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: metadata '%s.%s' beside '%s' is not supported",
                          raml_gguf_path(r->g), r->arch, whole, part);
    return (float)given == (float)usual ? usual * share : given;
}

static void read_yarn(struct reader *r, struct raml_config *c)
{
    static const double fast = 32, slow = 1;
    c->rope = RAML_ROPE_YARN;
    c->rope_original_positions = read_count(r, "rope.scaling.original_context_length", &c->max_positions);
    c->rope_beta_fast = read_real(r, "rope.scaling.yarn_beta_fast", &fast);
    c->rope_beta_slow = read_real(r, "rope.scaling.yarn_beta_slow", &slow);
    c->rope_attention = read_attention(r, c->rope_factor);
    if (!r->rc && (!(c->rope_beta_fast > c->rope_beta_slow) || !(c->rope_beta_slow > 0) || !(c->rope_attention > 0)))
        r->rc = raml_fail(r->err, RAML_ERANGE,
                          "%s: %s.rope.scaling: expected 0 < yarn_beta_slow < yarn_beta_fast and a "
                          "positive attn_factor",
                          raml_gguf_path(r->g), r->arch);
}

/* llama.cpp's order: no type means "linear", and a factor of 0 means none. */
static void read_scaling(struct reader *r, struct raml_config *c)
{
    static const double none = 0;
    char key[KEY];
    struct raml_gguf_string type = {"linear", 6};
    if (!r->rc && present(r, "rope.scaling.type"))
        r->rc = raml_gguf_string(r->g, key_of(r, "rope.scaling.type", key), &type, r->err);
    bool old = !present(r, "rope.scaling.factor") && present(r, "rope.scale_linear");
    double factor = read_real(r, old ? "rope.scale_linear" : "rope.scaling.factor", &none);
    if (r->rc) return;
    bool linear = type.n == 6 && !memcmp(type.bytes, "linear", 6), yarn = type.n == 4 && !memcmp(type.bytes, "yarn", 4);
    if (!linear && !yarn && !(type.n == 4 && !memcmp(type.bytes, "none", 4))) {
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: metadata '%s' is '%.*s', which is not known; known: none, linear, "
                          "yarn",
                          raml_gguf_path(r->g), key, type.n < 40 ? (int)type.n : 40, type.bytes);
        return;
    }
    if (factor != 0 && !(factor >= 1))
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: metadata '%s.rope.scaling.factor' is %g; expected 1 or more",
                          raml_gguf_path(r->g), r->arch, factor);
    else if (yarn || (linear && factor > 1)) {
        c->rope = RAML_ROPE_LINEAR;
        c->rope_factor = factor > 0 ? factor : 1;
        if (yarn) read_yarn(r, c);
    }
}

static void read_divisors(struct reader *r, struct raml_config *c)
{
    const char *path = raml_gguf_path(r->g);
    const struct raml_gguf_tensor *t = raml_gguf_tensor_find(r->g, "rope_freqs.weight");
    float d[128];                               /* half of raml_config_check's largest head */
    if (r->rc || !t || !r->a->divisors) return; /* other architectures: belongs to no part */
    size_t want = (size_t)c->head_dim / 2;
    char found[96];
    if (t->n_dims != 1 || t->shape[0] != want || want > sizeof d / sizeof *d)
        r->rc =
            raml_fail(r->err, RAML_ESHAPE, "%s: tensor 'rope_freqs.weight' has shape [%s]; the metadata asks for [%zu]",
                      path, raml_shape_text(t->shape, t->n_dims, found, sizeof found), want);
    else if (c->rope != RAML_ROPE_PLAIN)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: tensor 'rope_freqs.weight' beside another rotary scaling is not "
                          "supported",
                          path);
    else r->rc = raml_gguf_to_f32(t, d, false, r->err);
    const int none = 0;
    int declared = read_count(r, "rope.scaling.original_context_length", &none);
    if (!r->rc) r->rc = raml_rope_from_divisors(path, d, declared, c, r->err);
}

/* -- All of it ----------------------------------------------------------------------------------------------------- */
static void read_heads(struct reader *r, struct raml_config *c)
{
    c->n_heads = read_count(r, "attention.head_count", NULL);
    c->n_kv_heads = read_count(r, "attention.head_count_kv", &c->n_heads);
    int head = c->n_heads ? c->hidden_size / c->n_heads : 0;
    c->head_dim = read_count(r, "attention.key_length", &head);
    int value = read_count(r, "attention.value_length", &head),
        rotary = read_count(r, "rope.dimension_count", &c->head_dim);
    if (!r->rc && value != c->head_dim)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: metadata '%s.attention.key_length' is %d and value_length is %d; "
                          "expected the same",
                          raml_gguf_path(r->g), r->arch, c->head_dim, value);
    if (!r->rc && rotary != c->head_dim)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: metadata '%s.rope.dimension_count' is %d; expected the size of a "
                          "head, %d",
                          raml_gguf_path(r->g), r->arch, rotary, c->head_dim);
}

static void read_vocab(struct reader *r, struct raml_config *c)
{
    const char *path = raml_gguf_path(r->g);
    const struct raml_gguf_tensor *t = raml_gguf_tensor_find(r->g, "token_embd.weight");
    char found[96];
    if (r->rc) return;
    if (!t) {
        r->rc = raml_fail(r->err, RAML_ESHAPE, "%s: tensor 'token_embd.weight' is missing%s", path,
                          raml_gguf_n_tensors(r->g) ? "" : " (a file with only a vocabulary?)");
        return;
    }
    if (t->n_dims != 2 || t->shape[0] < 1 || t->shape[0] > MAX_COUNT) {
        r->rc =
            raml_fail(r->err, RAML_ESHAPE, "%s: tensor 'token_embd.weight' has shape [%s]; expected [vocabulary, %d]",
                      path, raml_shape_text(t->shape, t->n_dims, found, sizeof found), c->hidden_size);
        return;
    }
    c->vocab_size = (int)t->shape[0];
    int declared = read_count(r, "vocab_size", &c->vocab_size);
    if (!r->rc && declared != c->vocab_size)
        r->rc = raml_fail(r->err, RAML_ESHAPE,
                          "%s: tensor 'token_embd.weight' has shape [%s]; metadata '%s.vocab_size' "
                          "asks for [%d, %d]",
                          path, raml_shape_text(t->shape, t->n_dims, found, sizeof found), r->arch, declared,
                          c->hidden_size);
}

static int read_token(struct reader *r, const char *key)
{
    int64_t v = -1;
    if (!r->rc && raml_gguf_value_find(r->g, key)) r->rc = raml_gguf_integer(r->g, key, &v, r->err);
    return v >= 0 && v < MAX_COUNT ? (int)v : -1;
}

static void read_all(struct reader *r, struct raml_config *c)
{
    raml_arch_set(r->a, c);
    c->hidden_size = read_count(r, "embedding_length", NULL);
    c->n_layers = r->n_layers = read_count(r, "block_count", NULL);
    c->intermediate_size = read_count(r, "feed_forward_length", NULL);
    c->max_positions = read_count(r, "context_length", NULL);
    read_heads(r, c);
    c->rms_norm_eps = read_real(r, "attention.layer_norm_rms_epsilon", NULL);
    static const double theta = 10000;
    c->rope_theta = read_real(r, "rope.freq_base", &theta);
    if (r->a->window_base)
        c->window_theta =
            read_real(r, "rope.freq_base_swa", r->a->window_theta > 0 ? &r->a->window_theta : &c->rope_theta);
    c->tied = !raml_gguf_tensor_find(r->g, "output.weight");
    read_vocab(r, c);
    check_keys(r);
    read_turned(r, c);
    read_window(r, c);
    read_scales(r, c);
    read_scaling(r, c);
    raml_arch_settle(c);
    c->bos_token = read_token(r, "tokenizer.ggml.bos_token_id");
    if (!r->rc) r->rc = raml_gguf_ends(r->g, c, r->err);
    if (!r->rc) {
        r->rc = raml_config_check(c, r->err); /* before the frequencies are computed from it */
        if (r->rc) r->rc = raml_wrap(r->err, r->rc, "%s", raml_gguf_path(r->g));
    }
    read_divisors(r, c);
}

/* Of two that share a name in GGUF, the one with windows where the file has one. */
static void choose_kind(struct reader *r)
{
    char key[KEY];
    int64_t v = 0;
    snprintf(r->arch, sizeof r->arch, "%s", r->a->gguf);
    bool window = present(r, "attention.sliding_window") &&
                  !raml_gguf_integer(r->g, key_of(r, "attention.sliding_window", key), &v, NULL) && v > 0;
    const struct raml_arch *other;
    for (size_t i = 0; window && r->a->windows == RAML_WINDOWS_NONE && (other = raml_arch_at(i)); i++)
        if (!strcmp(other->gguf, r->arch) && other->windows != RAML_WINDOWS_NONE) r->a = other;
}

static enum raml_code unknown_kind(struct reader *r, const struct raml_gguf_string *s)
{
    char name[41], known_names[RAML_ARCH_NAMES];
    snprintf(name, sizeof name, "%.*s", s->n < 40 ? (int)s->n : 40, s->bytes);
    const char *reason = raml_arch_reason(name);
    return raml_fail(r->err, RAML_ESUPPORT, "%s: architecture '%s' is %s%s; known: %s", raml_gguf_path(r->g), name,
                     reason ? reason : "not known", reason && !strchr(reason, ';') ? ", which is not supported" : "",
                     raml_arch_names(true, known_names));
}

/* The architecture; the model must be in one file. */
static void read_kind(struct reader *r)
{
    struct raml_gguf_string s;
    const char *path = raml_gguf_path(r->g);
    r->rc = raml_gguf_string(r->g, "general.architecture", &s, r->err);
    if (r->rc) return;
    r->a = raml_arch_gguf(s.bytes, s.n);
    if (r->a) choose_kind(r);
    int64_t parts = 1;
    if (!r->a) r->rc = unknown_kind(r, &s);
    else if (raml_gguf_value_find(r->g, "split.count")) r->rc = raml_gguf_integer(r->g, "split.count", &parts, r->err);
    if (!r->rc && parts > 1)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: is one of %lld files of a model; expected one file (llama-gguf-split "
                          "--merge makes it)",
                          path, (long long)parts);
    if (r->rc || !raml_gguf_value_find(r->g, "general.type")) return;
    r->rc = raml_gguf_string(r->g, "general.type", &s, r->err);
    if (!r->rc && !(s.n == 5 && !memcmp(s.bytes, "model", 5)))
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: general.type is '%.*s'; expected 'model'", path,
                          s.n < 40 ? (int)s.n : 40, s.bytes);
}

enum raml_code raml_gguf_config(const struct raml_gguf *g, struct raml_config *out, struct raml_err *err)
{
    struct reader r = {.g = g, .err = err};
    struct raml_config c = {0};
    read_kind(&r);
    if (!r.rc) read_all(&r, &c);
    if (!r.rc) *out = c;
    return r.rc;
}
