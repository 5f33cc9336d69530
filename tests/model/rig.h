/* rig.h - small models with awkward sizes, for the tests of this folder. Include after cmocka's own headers. */
#ifndef RAML_TESTS_MODEL_RIG_H
#define RAML_TESTS_MODEL_RIG_H

#include "raml/device.h"
#include "raml/model.h"
#include "raml/rng.h"

#include "device/far.h"
#include "model/host.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        struct raml_err must_err = {0}, *err = &must_err;                                                              \
        if (call) fail_msg("%s: %s", #call, must_err.msg);                                                             \
        (void)err;                                                                                                     \
    } while (0)

enum {
    RIG_QWEN2,
    RIG_QWEN3,
    RIG_LLAMA,
    RIG_MISTRAL,
    RIG_SMOLLM3,
    RIG_OLMO2,
    RIG_OLMO3,
    RIG_GRANITE,
    RIG_GEMMA3,
    RIG_KINDS
};

static inline void rig_layers(struct raml_layer_set *s, const char *which) /* "101": the first and the third */
{
    for (int i = 0; which[i]; i++)
        if (which[i] == '1') raml_layer_put(s, i);
}

/* What the kinds differ in, besides sizes. */
static inline void rig_settings(struct raml_config *c, int kind)
{
    c->qkv_bias = kind == RIG_QWEN2;
    if (kind == RIG_QWEN3 || kind == RIG_GEMMA3) c->qk_norm = RAML_QK_NORM_HEADS;
    if (kind == RIG_OLMO2 || kind == RIG_OLMO3) c->qk_norm = RAML_QK_NORM_WHOLE, c->norms = RAML_NORMS_AFTER;
    if (kind == RIG_LLAMA) {
        c->rope = RAML_ROPE_LLAMA3;
        c->rope_factor = 4, c->rope_low_freq = 1, c->rope_high_freq = 4;
        c->rope_original_positions = 128;
    }
    if (kind == RIG_MISTRAL) c->window = 7, rig_layers(&c->windowed, "11");
    if (kind == RIG_SMOLLM3) c->window = 5, rig_layers(&c->windowed, "001"), rig_layers(&c->unturned, "001");
    if (kind == RIG_OLMO3) {
        c->window = 6, c->window_theta = 10000, rig_layers(&c->windowed, "110");
        c->rope = RAML_ROPE_YARN, c->rope_factor = 8, c->rope_original_positions = 64;
        c->rope_beta_fast = 32, c->rope_beta_slow = 1, c->rope_attention = 0.5 * (0.1 * log(8) + 1);
    }
    if (kind == RIG_GRANITE)
        c->embedding_scale = 6, c->attention_scale = 0.2, c->residual_scale = 0.4, c->logit_divisor = 3;
    if (kind == RIG_GEMMA3) {
        c->norms = RAML_NORMS_BOTH, c->gate = RAML_GATE_GELU, c->norm_plus_one = true;
        c->embedding_scale = sqrt(c->hidden_size), c->attention_scale = 0.2;
        c->window = 6, c->window_theta = 100, rig_layers(&c->windowed, "101");
        c->rope = RAML_ROPE_LINEAR, c->rope_factor = 2;
    }
}

/* No size is a multiple that suits the kernels. wide: a vocabulary beyond one tile of the head (4096). */
static inline struct raml_config rig_config(int kind, bool wide)
{
    static const struct {
        const char *type;
        int d, F, layers, H, K, D;
        bool tied;
    } of[] = {
        {"qwen2", 40, 54, 2, 4, 2, 12, true},       {"qwen3", 28, 31, 2, 3, 1, 16, true},
        {"llama", 34, 77, 2, 2, 2, 6, false},       {"mistral", 26, 45, 2, 4, 2, 10, false},
        {"smollm3", 30, 43, 3, 4, 2, 8, true},      {"olmo2", 36, 41, 2, 3, 1, 10, false},
        {"olmo3", 34, 37, 3, 4, 2, 12, false},      {"granite", 30, 53, 2, 4, 4, 6, true},
        {"gemma3_text", 28, 39, 3, 4, 2, 16, true},
    };
    struct raml_config c = {.vocab_size = wide ? 5003 : 37,
                            .hidden_size = of[kind].d,
                            .intermediate_size = of[kind].F,
                            .n_layers = of[kind].layers,
                            .n_heads = of[kind].H,
                            .n_kv_heads = of[kind].K,
                            .head_dim = of[kind].D,
                            .max_positions = 600,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tied = of[kind].tied,
                            .bos_token = -1,
                            .eos_token = -1};
    snprintf(c.model_type, sizeof c.model_type, "%s", of[kind].type);
    rig_settings(&c, kind);
    return c;
}

/* Fresh weights are too tame to test with (small logits, norms of 1, biases of 0): matrices are scaled, the rest
 * random. */
static inline void rig_stir(struct raml_model *m, uint64_t seed, float scale)
{
    const struct raml_param *p;
    size_t n = raml_model_params(m, &p);
    float *w = host_weights(m);
    for (size_t i = 0; i < n; i++) {
        struct raml_key key = {.seed = seed, .purpose = RAML_FOR_TEST, .question = i};
        for (size_t k = 0; k < p[i].n; k++) {
            float *x = &w[p[i].offset + k];
            if (p[i].n_dims == 2) *x *= scale;
            else *x += (float)(0.3 * raml_normal(&key, k));
        }
    }
    MUST(host_set_weights(m, w, err));
}

static inline struct raml_model *rig_open_scaled(const struct raml_config *c, enum raml_dtype dtype,
                                                 const struct raml_device *dev, float scale)
{
    struct raml_model *m = NULL;
    MUST(raml_model_init(c, 7, dtype, RAML_TRAINING, dev, &m, err));
    rig_stir(m, 8, scale);
    return m;
}
static inline struct raml_model *rig_open(const struct raml_config *c, enum raml_dtype dtype,
                                          const struct raml_device *dev)
{
    return rig_open_scaled(c, dtype, dev, 2.5f);
}

/* The device of a level (far.h: or the far one), or NULL (with a message on stderr) where this processor lacks it, or
 * lacks bf16 products when requested. */
static inline struct raml_device *rig_device(int threads, const char *level, bool bf16)
{
    struct raml_err err = {0};
    struct raml_device *dev = NULL;
    if (far_device_open(threads, level, &dev, &err)) {
        fprintf(stderr, "level %s not checked: %s\n", level, err.msg);
        return NULL;
    }
    if (!bf16 || raml_device_has_bf16(dev)) return dev;
    fprintf(stderr, "bf16 not checked: this processor has no bf16 products\n");
    raml_device_close(dev);
    return NULL;
}

static inline float *rig_floats(size_t n)
{
    float *p = calloc(n ? n : 1, sizeof *p);
    if (!p) abort();
    return p;
}

/* ||a - b|| / ||b|| over n values; NaN where either has one. */
static inline double rig_distance(const float *a, const float *b, size_t n)
{
    double diff = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        diff += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return diff == 0 ? 0 : sqrt(diff / norm);
}

#endif
