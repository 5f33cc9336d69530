/* lora.h - low-rank adapters (LoRA, Hu et al. 2021, arXiv 2106.09685) of a model's matrices: y = W x + scale B (A x).
 *
 * A module is a matrix of the model by its Hugging Face name without ".weight": "model.layers.0.self_attn.q_proj", the
 * other six of a layer, "lm_head" where head and embedding are two matrices, "model.embed_tokens". Which modules have
 * adapters, of which rank and scale, is a plan (struct raml_lora). It follows from settings and the model's shape, or is
 * read from a folder that PEFT or this program wrote.
 * Scale     alpha / r; with use_rslora alpha / sqrt(r) (Kalajdzievski 2023, arXiv 2312.03732); r and alpha of a module
 *           from the patterns where one matches.
 * Patterns  a key of rank_pattern and alpha_pattern, and target_modules as one expression, are regular expressions as
 *           PEFT takes them: a key must match the whole name, or all of it after some dot; a leading ^: the whole name;
 *           the first key in the file's order that matches wins (peft 5d602fdbf, get_pattern_key). Their syntax is
 *           PCRE2's, which on such names reads what Python's does.
 * Embedding its A has a column for each token of the vocabulary (n_in), its B a row for each number of the hidden state
 *           (n_out), as PEFT's lora_embedding_A and _B: A's column of a token is what it adds, before B.
 * Block     A and B of all modules are one block of f32, [n], in the order of the plan; a model that was opened
 *           RAML_ADAPTING has these as its parameters (model.h), and no others: gradients, moments, checkpoints are
 *           theirs alone.
 * Start     A uniform in +-1/sqrt(n_in) (Kaiming with a = sqrt(5)), B zero; of the embedding A zero, B normal, as in
 *           PEFT: the adapted model is the model.
 */
#ifndef RAML_LORA_H
#define RAML_LORA_H

#include "raml/config.h"
#include "raml/setting.h"

#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_model;      /* model.h */
struct raml_model_file; /* modelfile.h */

struct raml_lora_options { /* defaults and ranges: raml_lora_settings */
    int64_t r;             /* rank; 0: no adapters */
    double alpha;
    bool use_rslora;
    const char *target_modules; /* "all-linear": every matrix of every layer; names, joined by commas ("q_proj,v_proj"):
                                 * whole names or their ends after a dot; the same as a list in JSON; or one regular
                                 * expression of whole names */
    const char *rank_pattern, *alpha_pattern; /* "layers.0.self_attn.q_proj=4,k_proj=2", or PEFT's: an object in JSON;
                                               * NULL: none */
};
extern const struct raml_setting raml_lora_settings[];
extern const size_t raml_n_lora_settings;

struct raml_lora_module {
    char name[96];
    size_t n_out, n_in, rank;
    double alpha, scale;
    size_t a, b; /* offsets in the block: A [rank, n_in], B [n_out, rank] */
    int layer;   /* -1: of none */
    int matrix;  /* enum raml_layer_matrix (tap.h) of the layer; else enum raml_lora_other */
};
enum raml_lora_other { RAML_LORA_HEAD, RAML_LORA_EMBEDDING };
struct raml_lora {                   /* a plan; owned by the caller, who calls raml_lora_deinit */
    struct raml_lora_module *module; /* [n_modules] by layer, then enum raml_layer_matrix; then head, embedding */
    size_t n_modules, n;             /* n: elements of the block */
    /* As they were set or read, to be written again. */
    size_t r;
    double alpha;
    bool use_rslora;
    char *target_modules, *rank_pattern, *alpha_pattern; /* as above; NULL: none */
    char *base;                                          /* base_model_name_or_path; NULL: not known */
    uint64_t base_hash;                                  /* raml_lora_hash of the base; 0: not known */
};
/* RAML_EUSAGE: a target that no module of this shape has (names the nearest), a pattern that matches no target, an
 * expression that is none, lm_head where it is the embedding. RAML_ERANGE: a rank below 1 or above what the matrix has.
 * On failure *out is as it was. */
RAML_CHECKED enum raml_code raml_lora_plan(const struct raml_lora_options *o, const struct raml_config *c,
                                           struct raml_lora *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_lora_copy(const struct raml_lora *l, struct raml_lora *out, struct raml_err *err);
void raml_lora_deinit(struct raml_lora *l); /* a zeroed struct is fine for it */
/* Names, offsets and shapes of all A and B, as raml_config_table gives a model's: "base_model.model.MODULE.lora_A.weight".
 * Decay applies to all. The caller frees them. */
RAML_CHECKED enum raml_code raml_lora_table(const struct raml_lora *l, struct raml_param **table, size_t *n,
                                            struct raml_err *err);

/* -- The base ------------------------------------------------------------------------------------------------------ */

/* A hash of a model's shape and of some of its values, rounded to bf16: three rows of every matrix, all norms and biases.
 * The same for a folder, the GGUF file made of it, and copies in bf16; another after training. 0: a file with quantised
 * matrices, whose values are not the original's. Cost: some rows. RAML_ERANGE: one of the values is not finite. */
RAML_CHECKED enum raml_code raml_lora_hash(const struct raml_model_file *base, uint64_t *hash, struct raml_err *err);
/* RAML_ESHAPE, "an adapter for another base": both hashes are known, and they differ. adapter: its path, for the message. */
RAML_CHECKED enum raml_code raml_lora_check_base(const struct raml_lora *l, const char *adapter,
                                                 const struct raml_model_file *base, struct raml_err *err);

/* -- On disk ------------------------------------------------------------------------------------------------------- */

/* Reads adapter_config.json and adapter_model.safetensors (F32, F16, BF16) of a PEFT folder, for a base of this shape.
 * *block: [out->n] of the host, to be freed. Errors name file, key or tensor, what was found and what was expected:
 * RAML_ESUPPORT: DoRA, biases, whole modules (modules_to_save), fan_in_fan_out, other kinds of adapters, an initialisation
 * that changes the base (PiSSA, OLoRA, ..); RAML_ESHAPE: a module that the base does not have, or of another shape: "an
 * adapter for another base"; RAML_ERANGE: not finite. */
RAML_CHECKED enum raml_code raml_lora_read(const char *dir, const struct raml_config *base, struct raml_lora *out,
                                           float **block, struct raml_err *err);
/* Is there an adapter_config.json in it, and no config.json? */
bool raml_lora_is_folder(const char *dir);
/* The folder's base_model_name_or_path: to be freed; NULL: it names none. */
RAML_CHECKED enum raml_code raml_lora_base(const char *dir, char **base, struct raml_err *err);
/* Writes both files, as PEFT reads them, into an existing folder. block: of the host. */
RAML_CHECKED enum raml_code raml_lora_write(const struct raml_lora *l, const float *block, const char *dir,
                                            struct raml_err *err);
/* A GGUF file that llama.cpp loads (--lora) beside a base of this shape. llama.cpp takes one alpha for all modules and
 * alpha / rank of each: what differs from it (rsLoRA, patterns) is folded into B. Rows of q and k of model_type "llama"
 * are in GGUF's order. RAML_ESUPPORT: an adapter of a tied head. */
RAML_CHECKED enum raml_code raml_lora_write_gguf(const struct raml_lora *l, const float *block,
                                                 const struct raml_config *base, const char *path,
                                                 struct raml_err *err);

/* rows += scale B A: rows [row, row + n) of the module's matrix as it stands in a folder (of the embedding: of tokens),
 * added in double. raml_save_options (modelfile.h) does it to a whole model. */
void raml_lora_add_rows(const struct raml_lora_module *m, const float *block, size_t row, size_t n, float *rows);

/* -- In a model ---------------------------------------------------------------------------------------------------- */

/* Gives a model adapters: of one opened RAML_ADAPTING they are its parameters from then on; of one opened
 * RAML_INFERENCE (of any dtype) they are there to be read with. block NULL: as at the start, from the seed. The plan is
 * copied. Every pass, sampler, tap, lens and layer product of the model then has them. An adapter of the embedding does
 * not move a tied head. A and B are f32 whatever the model's dtype; what they add is rounded once to the activations'.
 * RAML_EUSAGE: RAML_TRAINING, it has some already, the plan is empty or names a matrix twice. RAML_ESHAPE: the plan is
 * for another shape. RAML_ERANGE: a number that is not finite.
 * Cost of a token: rank (n_in + n_out) multiply-adds a module forward, three times that backward at most. Memory: the
 * block, B once more, and two arrays of a chunk's rows by the largest rank. */
RAML_CHECKED enum raml_code raml_model_adapt(struct raml_model *m, const struct raml_lora *l, const float *block,
                                             uint64_t seed, struct raml_err *err);
const struct raml_lora *raml_model_lora(const struct raml_model *m); /* NULL: none */

#pragma GCC visibility pop
#endif
