/* arch.h - the architectures: what a model_type means in the settings of struct raml_config, and its names elsewhere. */
#ifndef RAML_SHAPE_ARCH_H
#define RAML_SHAPE_ARCH_H

#include "raml/config.h"

/* Which layers have a window, where config.json says nothing of it (layer_types). */
enum raml_windows {
    RAML_WINDOWS_NONE,
    RAML_WINDOWS_ALL,     /* every layer */
    RAML_WINDOWS_UPPER,   /* with use_sliding_window: from max_window_layers on */
    RAML_WINDOWS_NO_ROPE, /* with use_sliding_window: layers without rotary embedding */
    RAML_WINDOWS_MOST     /* all but every `period`-th */
};

struct raml_arch {
    const char *type, *model_class; /* of config.json */
    const char *gguf;               /* general.architecture; several may share one */
    bool permuted;                  /* GGUF has the rows of q and k in another order (raml/modelfile.h) */
    bool divisors;                  /* GGUF has llama3's rotary scaling, as a tensor */
    bool qkv_bias;
    enum raml_qk_norm qk_norm;
    enum raml_norms norms;
    enum raml_gate gate;
    bool norm_plus_one;
    enum raml_windows windows;
    int period;       /* of RAML_WINDOWS_MOST; of SmolLM3: each period-th layer has no rotary embedding */
    bool multipliers; /* four of them are settings (Granite) */
    bool window_base; /* windowed layers have a plain rotary embedding, with a base of their own */
    /* What transformers takes where config.json has no such key (0: the usual: kv heads as heads, head_dim from width
     * and heads, 1e-6, 1e4) */
    int kv_heads, head_dim;
    double eps, theta, window_theta;
    bool tied;
    bool pad; /* a default of pad_token_id that small vocabularies do not have: it is written as null */
};

/* NULL: not one of raml's. */
const struct raml_arch *raml_arch_find(const char *type);
const struct raml_arch *raml_arch_gguf(const char *name, size_t n); /* the first with this name in GGUF */
const struct raml_arch *raml_arch_at(size_t i);                     /* NULL: beyond the last */
/* "qwen2, qwen3, llama, ..": types (of config.json) or names in GGUF. */
enum { RAML_ARCH_NAMES = 160 };
const char *raml_arch_names(bool gguf, char out[RAML_ARCH_NAMES]);
/* Why a type (or a name in GGUF) that raml does not have is left out: "a mixture of experts"; NULL: it is just unknown. */
const char *raml_arch_reason(const char *type);
/* Settings that follow from the architecture alone. */
void raml_arch_set(const struct raml_arch *a, struct raml_config *c);
/* What has no effect is left out: a mistral without a window is a llama, windowed layers may turn as the others do. */
void raml_arch_settle(struct raml_config *c);
/* The default pattern of RAML_WINDOWS_MOST. */
void raml_arch_windows(int period, struct raml_config *c);

#endif
