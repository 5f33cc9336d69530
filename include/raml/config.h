/* config.h - the shape of a decoder-only transformer: Qwen2, Qwen3, Llama. Presets, config.json, table of parameters.
 *
 * Everything here is known before there is a model: nothing is loaded.
 * Errors   RAML_EFORMAT, RAML_ERANGE: file, key, what was found and what was expected; RAML_ESUPPORT: a setting that
 *          raml does not implement. On failure *out is as it was.
 */
#ifndef RAML_CONFIG_H
#define RAML_CONFIG_H

#include "raml/safetensors.h"

#include <stdbool.h>

#pragma GCC visibility push(default)

enum raml_rope { RAML_ROPE_PLAIN, RAML_ROPE_LINEAR, RAML_ROPE_LLAMA3, RAML_ROPE_YARN };

enum { RAML_MAX_EOS = 64 }; /* tokens that end a text, all together */

struct raml_config {
    char model_type[16]; /* "qwen2", "qwen3", "llama" (mistral is one) */
    int vocab_size, hidden_size, intermediate_size, n_layers, n_heads, n_kv_heads, head_dim, max_positions;
    double rms_norm_eps, rope_theta;
    bool tied, qkv_bias, o_bias, qk_norm;
    enum raml_rope rope;
    double rope_factor, rope_low_freq, rope_high_freq;
    double rope_beta_fast, rope_beta_slow, rope_attention; /* yarn; attention: factor of cos and sin */
    int rope_original_positions;
    int bos_token, eos_token; /* -1: not given */
    /* further tokens that end a text: of lists, of generation_config.json, by GGUF's rule (docs/convert.md) */
    int more_eos[RAML_MAX_EOS - 1], n_more_eos;
};

/* "micro", "small", "medium", "gpt2", "qwen2.5-0.5b", "qwen2.5-1.5b" (docs/model.md has the table); RAML_EUSAGE names
 * the known ones. */
RAML_CHECKED enum raml_code raml_config_preset(const char *name, struct raml_config *out, struct raml_err *err);
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
 * included, plus the useful half of attention. */
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

#pragma GCC visibility pop
#endif
