/* model.h - decoder-only transformers: Qwen2, Qwen3, Llama. Weights, forward and backward.
 *
 * RMSNorm, rotary embedding, grouped-query attention, SwiGLU, optional q/k norm, optional q/k/v bias, tied or untied
 * head, any head size. f32 throughout, or bf16 matrix products with f32 accumulation, residual stream and master
 * weights.
 *
 * A pass over a pack of token trees gives, for every target, its log-probability and the entropy of the distribution
 * it is read from (natural logarithms). Logits exist only for a tile of rows at a time: memory does not grow with
 * tokens x vocabulary.
 * Threads   several passes and samplers may read a model; calls that compute on one device come from one thread at a
 *           time (device.h).
 */
#ifndef RAML_MODEL_H
#define RAML_MODEL_H

#include "raml/config.h"
#include "raml/tree.h"

#include <stdbool.h>

#pragma GCC visibility push(default)

struct raml_device; /* device.h */
struct raml_model;
struct raml_model_file; /* modelfile.h */

/* dtype    type that matrices are kept in: RAML_F32, RAML_BF16, or RAML_STORED: each in its file's type (F32, F16,
 *          BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K; others in one that holds their numbers), so that memory is the file's. Activations are bf16
 *          where all matrices are BF16 and the processor multiplies bf16 (raml_device_has_bf16), else f32: results are
 *          then, to the last bit, those of the same numbers expanded to f32. A randomly initialised model has no file:
 *          f32. For training: RAML_F32, or RAML_BF16 where the processor multiplies it (RAML_ESUPPORT elsewhere).
 * use      RAML_TRAINING holds every parameter in f32 and, besides, copies for the products. RAML_INFERENCE holds only
 *          the copies: each matrix once, in dtype, and norms and biases in f32. Results are the same. Rows of the
 *          embedding are then read from the file as they are needed, so the file is kept mapped and must not be written
 *          to meanwhile (replacing it with another is fine). Such a model can't be changed, saved or differentiated
 *          (RAML_EUSAGE); see modelfile.h for rewriting files.
 *          RAML_ADAPTING holds what RAML_INFERENCE does, and besides what backward reads: the model itself stays as it
 *          is, its adapters (lora.h, raml_model_adapt) are its parameters: the functions below that give, change, save
 *          or differentiate parameters mean those. dtype RAML_F32 or RAML_BF16. */
enum raml_use { RAML_INFERENCE, RAML_TRAINING, RAML_ADAPTING };
RAML_CHECKED enum raml_code raml_model_init(const struct raml_config *c, uint64_t seed, enum raml_dtype dtype,
                                            enum raml_use use, const struct raml_device *dev, struct raml_model **out,
                                            struct raml_err *err);
/* path: a Hugging Face folder or a GGUF file (modelfile.h says what is read). Tensors of other types are converted to
 * dtype. Errors name the tensor; NaN and infinity are refused (in the embedding of an inference model with an untied
 * head: when the row is used). Memory beyond what is held: one matrix. */
RAML_CHECKED enum raml_code raml_model_open(const char *path, enum raml_dtype dtype, enum raml_use use,
                                            const struct raml_device *dev, struct raml_model **out,
                                            struct raml_err *err);
/* The same of an open file (modelfile.h), which it takes over, on failure too. */
RAML_CHECKED enum raml_code raml_model_load(struct raml_model_file *f, enum raml_dtype dtype, enum raml_use use,
                                            const struct raml_device *dev, struct raml_model **out,
                                            struct raml_err *err);
/* Writes config.json and model.safetensors (F32) into an existing folder; of a model that was opened RAML_ADAPTING its
 * adapters (raml_lora_write). */
RAML_CHECKED enum raml_code raml_model_save(const struct raml_model *m, const char *dir, struct raml_err *err);
size_t raml_model_bytes(const struct raml_model *m); /* memory it holds; a file's pages do not count */
/* The same, only from the shape, before anything is loaded (within a few per cent: products pad their copies).
 * random_init: by _init, not from a file. RAML_TRAINING and RAML_ADAPTING count the copies that backward reads, not
 * gradients, moments and adapters (which are 4 bytes a parameter of theirs, and as much again for each B). */
size_t raml_model_estimate(const struct raml_config *c, enum raml_dtype dtype, enum raml_use use, bool random_init);
struct raml_model_size { /* its terms, in bytes */
    size_t master;       /* every parameter in f32; only for training */
    size_t copies;       /* what the products read; a tied head is a second copy of the embedding */
    size_t row_major;    /* what backward reads; not for inference */
    size_t table;        /* the embedding of a randomly initialised model; not for training */
    size_t vectors;      /* norms and biases in f32; not for training (they are in master) */
    size_t rotary;       /* cosines and sines of every position */
};
struct raml_model_size raml_model_estimate_parts(const struct raml_config *c, enum raml_dtype dtype, enum raml_use use,
                                                 bool random_init);
void raml_model_close(struct raml_model *m);
const struct raml_config *raml_model_config(const struct raml_model *m);
/* token ends a text as well; _save says so in config.json. What raml_config_add_eos returns. */
bool raml_model_add_eos(struct raml_model *m, int token);
enum raml_dtype raml_model_dtype(const struct raml_model *m); /* of activations: RAML_F32 or RAML_BF16 */
const struct raml_device *raml_model_device(const struct raml_model *m);

/* -- Parameters: one block of f32, with named views --------------------------------------------------------------- */
size_t raml_model_params(const struct raml_model *m, const struct raml_param **table); /* rows in the table */
size_t raml_model_n(const struct raml_model *m);                                       /* elements in the block */
/* Elements of a gradient: the block, and after it, where head and embedding are one matrix, that matrix once more: the
 * embedding's part is kept apart until all passes of a step are done, so that the sum does not depend on how the step
 * was split into passes. _join adds it where it belongs, and leaves zeros in its place. */
size_t raml_gradient_n(const struct raml_model *m);
RAML_CHECKED enum raml_code raml_gradient_join(const struct raml_model *m, float *grad, struct raml_err *err);
/* The block, in the device's memory (device.h), to write to it (then: raml_model_refresh), and only to read it; NULL:
 * the model was opened RAML_INFERENCE, or RAML_ADAPTING and has no adapters yet. */
float *raml_model_weights(struct raml_model *m);
const float *raml_model_weights_const(const struct raml_model *m);
/* Makes the packed copies that the matrix products use from the weights. */
RAML_CHECKED enum raml_code raml_model_refresh(struct raml_model *m, struct raml_err *err);

/* The same by name ("model.layers.0.self_attn.q_proj.weight"). A tensor that the model does not have: RAML_EUSAGE, and
 * the nearest name is given. name NULL, where a function takes it: all tensors, the whole block. x and y are blocks
 * [raml_model_n] in the device's memory, such as a gradient after _join, of which only the tensor's part is read; NULL:
 * the weights. What changes weights is followed by raml_model_refresh, once for any number of changes. */
RAML_CHECKED enum raml_code raml_param_find(const struct raml_model *m, const char *name, const struct raml_param **out,
                                            struct raml_err *err);
/* Copies the tensor to host[n], or from it; n: RAML_ESHAPE where it is not the tensor's. _set refuses NaN and infinity
 * (RAML_ERANGE), and changes nothing then. */
RAML_CHECKED enum raml_code raml_model_get(const struct raml_model *m, const char *name, float *host, size_t n,
                                           struct raml_err *err);
RAML_CHECKED enum raml_code raml_model_set(struct raml_model *m, const char *name, const float *host, size_t n,
                                           struct raml_err *err);
/* weights += a x; x is not NULL */
RAML_CHECKED enum raml_code raml_model_axpy(struct raml_model *m, const char *name, double a, const float *x,
                                            struct raml_err *err);
/* *out = sum x_i y_i, and sqrt(sum x_i^2), added in double */
RAML_CHECKED enum raml_code raml_model_dot(const struct raml_model *m, const char *name, const float *x, const float *y,
                                           double *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_model_norm(const struct raml_model *m, const char *name, const float *x, double *out,
                                            struct raml_err *err);

/* -- A pass ------------------------------------------------------------------------------------------------------- */
struct raml_pass; /* activations; grows to the largest pack it has seen and is reused */
/* A pass never changes its model, whether it runs backward or not: what backward reads (transposed copies of the
 * matrices) was made when the model was opened, and gradients go to memory of the caller. So training
 * passes, reading passes and samplers of one model stand side by side; what changes a model, raml_model_refresh, takes
 * it non-const. RAML_EUSAGE: backward, of a model that was opened RAML_INFERENCE, or
 * RAML_ADAPTING before it has adapters. */
RAML_CHECKED enum raml_code raml_pass_open(const struct raml_model *m, bool backward, struct raml_pass **out,
                                           struct raml_err *err);
void raml_pass_close(struct raml_pass *p);
/* From now on a pass of this model that was opened without backward asks the sink (err.h) before each layer and before
 * the head, and ends with RAML_ESTOP where the sink says so: a pass of a large model takes minutes. Its outputs are then
 * undefined; the next forward starts afresh. sink: borrowed; NULL, as at first: passes are not interrupted. */
void raml_model_heed(struct raml_model *m, const struct raml_sink *sink);
size_t raml_pass_bytes(const struct raml_pass *p);
/* The same, from the shape only, for chains of `chain` tokens, n_tokens in all. */
size_t raml_pass_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                          bool backward, size_t n_tokens, size_t chain);

struct raml_logprobs { /* outputs, one value per target, in the pack's order; any may be NULL */
    float *logp;       /* log p(token) */
    float *entropy;    /* of the whole distribution, nats */
    int32_t *argmax;   /* the greedy token */
    /* The n_top likeliest tokens of each distribution and their log p, the likeliest first; of equals the lower token
     * first. -1 and -infinity beyond the vocabulary's size. n_top 0: not wanted. Only of raml_pass_forward. */
    size_t n_top;
    int32_t *top_token; /* [targets, n_top] */
    float *top_logp;    /* [targets, n_top] */
};
/* Forward. pack is read until the matching backward. */
RAML_CHECKED enum raml_code raml_pass_forward(struct raml_pass *p, const struct raml_pack *pack,
                                              const struct raml_logprobs *out, struct raml_err *err);
/* Backward of the last forward: adds d loss / d weight to grad[raml_model_n], in the device's memory, from d loss / d
 * logp and d loss / d entropy (one value per target; d_entropy may be NULL). When the device fails, here or in _forward
 * or _train, outputs and grad are undefined, and the next forward starts afresh. */
RAML_CHECKED enum raml_code raml_pass_backward(struct raml_pass *p, const float *d_logp, const float *d_entropy,
                                               float *grad, struct raml_err *err);
/* Both at once for an objective whose coefficients do not depend on the outputs (SFT): logits are computed once instead
 * of twice. Results equal those of _forward then _backward. */
RAML_CHECKED enum raml_code raml_pass_train(struct raml_pass *p, const struct raml_pack *pack, const float *d_logp,
                                            const struct raml_logprobs *out, float *grad, struct raml_err *err);
/* All logits of the rows [row, row + n) of the last forward, [n, vocab_size]; for tests and inspection. */
RAML_CHECKED enum raml_code raml_pass_logits(struct raml_pass *p, size_t row, size_t n, float *logits,
                                             struct raml_err *err);

#pragma GCC visibility pop
#endif
