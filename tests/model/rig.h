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

enum { RIG_QWEN2, RIG_QWEN3, RIG_LLAMA, RIG_KINDS };

/* Two layers; no size is a multiple that suits the kernels. wide: a vocabulary beyond one tile of the head (4096). */
static inline struct raml_config rig_config(int kind, bool wide)
{
    struct raml_config c = {.vocab_size = wide ? 5003 : 37,
                            .hidden_size = (int[]){40, 28, 34}[kind],
                            .intermediate_size = (int[]){54, 31, 77}[kind],
                            .n_layers = 2,
                            .n_heads = (int[]){4, 3, 2}[kind],
                            .n_kv_heads = (int[]){2, 1, 2}[kind],
                            .head_dim = (int[]){12, 16, 6}[kind],
                            .max_positions = 600,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tied = kind != RIG_LLAMA,
                            .qkv_bias = kind == RIG_QWEN2,
                            .qk_norm = kind == RIG_QWEN3,
                            .bos_token = -1,
                            .eos_token = -1};
    snprintf(c.model_type, sizeof c.model_type, "%s", (const char *[]){"qwen2", "qwen3", "llama"}[kind]);
    if (kind == RIG_LLAMA) {
        c.rope = RAML_ROPE_LLAMA3;
        c.rope_factor = 4;
        c.rope_low_freq = 1;
        c.rope_high_freq = 4;
        c.rope_original_positions = 128;
    }
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
