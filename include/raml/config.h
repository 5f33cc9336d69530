/* config.h - the shape of a decoder-only transformer. Presets, config.json, table of parameters.
 *
 * Everything here is known before there is a model: nothing is loaded. Architectures differ in the settings of struct
 * raml_config and in nothing else; which has which is a table (src/shape/arch.c), which docs/model.md prints.
 * Errors   RAML_EFORMAT, RAML_ERANGE: file, key, what was found and what was expected; RAML_ESUPPORT: an architecture
 *          or a setting that raml does not implement, by its name. On failure *out is as it was.
 */
#ifndef RAML_CONFIG_H
#define RAML_CONFIG_H

#include "raml/safetensors.h"

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

enum raml_rope { RAML_ROPE_PLAIN, RAML_ROPE_LINEAR, RAML_ROPE_LLAMA3, RAML_ROPE_YARN };
/* Where attention and MLP have their norms: h + f(norm(h)), h + norm(f(h)), h + norm(f(norm(h))). */
enum raml_norms { RAML_NORMS_BEFORE, RAML_NORMS_AFTER, RAML_NORMS_BOTH };
/* Norms of queries and keys: none; of each head, D weights; of all queries, of all keys, as many weights. */
enum raml_qk_norm { RAML_QK_NORM_NONE, RAML_QK_NORM_HEADS, RAML_QK_NORM_WHOLE };
enum raml_gate { RAML_GATE_SILU, RAML_GATE_GELU /* its tanh form */ };

enum { RAML_MAX_EOS = 64 }; /* tokens that end a text, all together */
enum { RAML_MAX_LAYERS = 4096 };

struct raml_layer_set { /* some of the layers, a bit each */
    uint64_t word[RAML_MAX_LAYERS / 64];
};

/* A config of zeros but for its sizes is a plain transformer (llama): whatever is 0 changes nothing. */
struct raml_config {
    char model_type[16]; /* as in config.json: "llama", "gemma3_text"; a mistral without a window is "llama" */
    int vocab_size, hidden_size, intermediate_size, n_layers, n_heads, n_kv_heads, head_dim, max_positions;
    double rms_norm_eps, rope_theta;
    bool tied, qkv_bias, o_bias;
    enum raml_qk_norm qk_norm;
    enum raml_norms norms;
    enum raml_gate gate;
    bool norm_plus_one;     /* norms multiply by 1 + w */
    double embedding_scale; /* the embedding is multiplied by it; 0: 1 */
    double attention_scale; /* scores are; 0: 1/sqrt(head_dim) */
    double residual_scale;  /* what attention and MLP add to the stream is; 0: 1 */
    double logit_divisor;   /* logits are divided by it; 0: 1 */
    int window;             /* keys that a token of a windowed layer sees, itself included: depths apart < window */
    struct raml_layer_set windowed; /* layers with the window */
    struct raml_layer_set unturned; /* layers without rotary embedding */
    enum raml_rope rope;
    double rope_factor, rope_low_freq, rope_high_freq;
    double rope_beta_fast, rope_beta_slow, rope_attention; /* yarn; attention: factor of cos and sin */
    int rope_original_positions;
    double window_theta;      /* windowed layers have this base, unscaled; 0: base and scaling of the others */
    int bos_token, eos_token; /* -1: not given */
    /* further tokens that end a text: of lists, of generation_config.json, by GGUF's rule (docs/convert.md) */
    int more_eos[RAML_MAX_EOS - 1], n_more_eos;
};

bool raml_layer_in(const struct raml_layer_set *s, int layer);
void raml_layer_put(struct raml_layer_set *s, int layer);
int raml_layers_in(const struct raml_layer_set *s); /* how many */
/* Do masks differ from those of a model without windows, in texts of up to n tokens? */
bool raml_config_has_window(const struct raml_config *c, size_t n);

/* A preset, and what differs from it by the names of config.json: "micro", "micro,hidden_size=64,model_type=qwen3".
 * Presets: micro, small, medium, gpt2, qwen2.5-0.5b, qwen2.5-1.5b (docs/model.md has the table). model_type: llama, qwen2,
 * qwen3 or olmo2. RAML_EUSAGE names the known ones. */
RAML_CHECKED enum raml_code raml_config_preset(const char *shape, struct raml_config *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_config_check(const struct raml_config *c, struct raml_err *err);
RAML_CHECKED enum raml_code raml_config_read(const char *path, struct raml_config *out, struct raml_err *err);
/* Adds the end-of-text tokens of generation_config.json. */
RAML_CHECKED enum raml_code raml_config_read_generation(const char *path, struct raml_config *c, struct raml_err *err);
/* -1 and known ones are ignored; false: there is no room for it. */
bool raml_config_add_eos(struct raml_config *c, int token);
RAML_CHECKED enum raml_code raml_config_write(const struct raml_config *c, const char *path, struct raml_err *err);
/* The same, with the tensors' type as torch_dtype; _write writes float32. */
RAML_CHECKED enum raml_code raml_config_write_as(const struct raml_config *c, enum raml_dtype stored, const char *path,
                                                 struct raml_err *err);
size_t raml_config_params(const struct raml_config *c);
/* FLOPs of training on (forward and backward) one token of a chain of length T: 6 x matrix weights, output head
 * included, plus the useful part of attention: half of it, less where layers have a window. */
double raml_config_train_flops(const struct raml_config *c, size_t T);

/* -- Parameters: one block of f32, with named views --------------------------------------------------------------- */
struct raml_param {
    char name[96]; /* Hugging Face name */
    size_t offset, n;
    int n_dims;
    size_t shape[2];
    bool decay; /* weight decay applies: a matrix that is not an embedding */
};
/* The parameters of a model of this shape, in the order of the block; the caller frees them. */
RAML_CHECKED enum raml_code raml_config_table(const struct raml_config *c, struct raml_param **table, size_t *n,
                                              struct raml_err *err);
/* Of a model with norm_plus_one: is this a weight to which a norm adds 1? */
bool raml_param_is_norm(const struct raml_param *p);

#pragma GCC visibility pop
#endif
