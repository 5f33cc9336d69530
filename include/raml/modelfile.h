/* modelfile.h - a model on disk: a Hugging Face folder or a GGUF file. Nothing is loaded.
 *
 * Folder   config.json, and model.safetensors or several files with an index; F32, F16, BF16.
 * GGUF     hyper-parameters and tensors in one file (gguf.h), of the types in enum raml_ggml_type. Architectures
 *          qwen2, qwen3, llama, smollm3, olmo2, granite, gemma3. Names and shapes are given as in Hugging Face ("model.layers.0.mlp.up_proj.weight"),
 *          whatever the file calls them. GGUF keeps the rows of llama's (and granite's, smollm3's) q and k in another order
 *          (pairs of a rotation side by side): rows are still given in Hugging Face's order. Llama 3's rotary scaling is stored as a
 *          tensor of divisors (rope_freqs.weight), which raml_config turns back into rope = RAML_ROPE_LLAMA3 when the
 *          divisors are those of some llama3 scaling, and which is an error otherwise.
 *          f32 metadata are read as intended: 1e-06, not 9.99999997e-07. Metadata under the architecture's name
 *          that are unknown, or known but not supported (experts, softcapping), are refused by their key; so is a
 *          file that is one of several (split.count).
 * Checked  on opening, against the configuration: every tensor that the model needs is there, with the right shape and
 *          a supported type; none is there that the model does not have (accepted: a head that equals the tied
 *          embeddings, and the rotary_emb.inv_freq of old folders). RAML_ESHAPE names the tensor and both shapes. Data
 *          is not touched, except for such a head: NaN and infinity are found when rows are read.
 * Owner    an open file is memory-mapped; pointers into it stay valid until _close.
 * Threads  any number of readers of one open file.
 */
#ifndef RAML_MODELFILE_H
#define RAML_MODELFILE_H

#include "raml/config.h"
#include "raml/gguf.h"
#include "raml/err.h"

#pragma GCC visibility push(default)

struct raml_file_tensor { /* a tensor in the file */
    char name[96];        /* Hugging Face's */
    const char *in_file;  /* its name in the file */
    const char *path;     /* of the file (of several files with an index: the index), for messages */
    uint32_t type;        /* enum raml_ggml_type, for folders too */
    int n_dims;           /* 1 or 2 */
    size_t shape[2];      /* a vector [n] has shape[0] = n, shape[1] = 0 */
    size_t n, bytes;      /* elements; bytes of data */
    const void *data;
    size_t
        rope_permuted_heads; /* GGUF, llama's q and k: row h D + 2 i + j of the file is row h D + j D/2 + i, for that many
                          * heads h of D rows; 0: rows are in order */
    float above; /* GGUF, Gemma's norms: the file has 1 + w; rows are given as w. 0: as they are in the file */
};

struct raml_model_file;
/* path: a folder with config.json, or a file whose name ends in .gguf. */
RAML_CHECKED enum raml_code raml_model_file_open(const char *path, struct raml_model_file **out, struct raml_err *err);
void raml_model_file_close(struct raml_model_file *f);
const char *raml_model_file_path(const struct raml_model_file *f); /* of the tensors, for messages */
const struct raml_config *raml_model_file_config(const struct raml_model_file *f);
/* token ends a text as well: what is written of f says so. What raml_config_add_eos returns. */
bool raml_model_file_add_eos(struct raml_model_file *f, int token);
const struct raml_gguf *raml_model_file_gguf(const struct raml_model_file *f); /* NULL: a folder */
size_t raml_model_file_count(const struct raml_model_file *f);
const struct raml_file_tensor *raml_model_file_at(const struct raml_model_file *f,
                                                  size_t i); /* order: raml_model_params */
const struct raml_file_tensor *raml_model_file_find(const struct raml_model_file *f, const char *name); /* NULL */

/* Rows [row, row + n) of a matrix (of a vector: elements), as f32 or rounded to bf16 (to nearest, ties to even).
 * RAML_ERANGE, with file, tensor and element: not finite. Cost: a pass over the rows' bytes; one thread. Several
 * threads may read rows at once. */
RAML_CHECKED enum raml_code raml_file_tensor_f32(const struct raml_file_tensor *s, size_t row, size_t n, float *out,
                                                 struct raml_err *err);
RAML_CHECKED enum raml_code raml_file_tensor_bf16(const struct raml_file_tensor *s, size_t row, size_t n, uint16_t *out,
                                                  struct raml_err *err);
/* Bytes of the tensor in the type in which a model keeps it: the file's where the device multiplies with it, else one
 * that holds the same numbers (docs/model.md). */
size_t raml_file_tensor_kept_bytes(const struct raml_file_tensor *s);
/* The tensor's pages need not stay in memory; they come back from the file when they are read again. */
void raml_file_tensor_release(const struct raml_file_tensor *s);

struct raml_file_tensor_values { /* of a tensor, as f32 */
    double low, high, rms;       /* of the finite ones; NaN when there are none */
    size_t n_bad, first_bad; /* NaN or infinite; which is the first, counted over the rows in Hugging Face's order */
};
/* Reads every element, by all threads: the same bits for any number of them. Values that are not finite are counted,
 * and are no error. Memory: half a megabyte a thread; the tensor's pages are released as it goes. RAML_ENOMEM. */
RAML_CHECKED enum raml_code raml_file_tensor_measure(const struct raml_file_tensor *s,
                                                     struct raml_file_tensor_values *out, struct raml_err *err);

/* ---------------------------------------------------------------------------------------------------------------- */

/* A model rewritten as a GGUF file or a Hugging Face folder, in another type.
 *
 * Types    Vectors (norms, biases) are F32 in GGUF files, as llama.cpp requires. RAML_STORE_Q8_0: matrices whose rows
 *          are not a multiple of 32 become F16, as in llama.cpp's converter. RAML_STORE_KEEP: matrices keep their type,
 *          bit for bit; in a folder, which has no other, quantised ones become F32, which holds them exactly.
 * Bits     F32 to F32 and BF16 to BF16 keep every bit, in both kinds of files. BF16 and Q8_0 round to nearest.
 * GGUF     hyper-parameters, tensors, llama3 scaling as rope_freqs.weight, yarn's keys: what llama.cpp reads. From a
 *          GGUF file: also its general.* and tokenizer.* entries. Without a vocabulary tokenizer.ggml.model is
 *          "no_vocab". eps and theta are f32 there.
 * Errors   RAML_ERANGE names file, tensor and element: not finite, or too large for the type. What was at the path
 *          before is then kept (in a folder: file by file).
 * Memory   a few megabytes and the metadata; pages of the source are released as it is read.
 */

enum raml_store_as { RAML_STORE_KEEP, RAML_STORE_F32, RAML_STORE_BF16, RAML_STORE_Q8_0 };

struct raml_lora; /* lora.h */
struct raml_save_options {
    enum raml_store_as as;
    /* NULL: none. Else added to their matrices: W + scale B A, in double, rounded once to the matrix's type. RAML_ESHAPE:
     * for another shape; RAML_ESUPPORT: of an embedding that is the head too; RAML_EUSAGE: a matrix would keep a type that
     * is not written anew (Q4_K, ..). */
    const struct raml_lora *lora;
    const float *adapters;        /* their block */
    const struct raml_sink *sink; /* progress in bytes, and whether to stop; may be NULL */
    /* GGUF */
    const char *name;                   /* general.name; NULL: none */
    const struct raml_gguf_entry *more; /* tokenizer.* (raml_gguf_vocabulary_init); none: those of a GGUF source */
    size_t n_more;
    /* folder */
    size_t max_shard_bytes; /* of a file's tensors: above, several files and an index. One tensor is never split */
};
struct raml_save_options raml_save_options_default(void); /* KEEP, 5 GB as Hugging Face does */

/* Atomically. */
RAML_CHECKED enum raml_code raml_model_file_save_gguf(const struct raml_model_file *f, const char *path,
                                                      const struct raml_save_options *o, struct raml_err *err);
/* Writes config.json and model.safetensors, or model-00001-of-0000N.safetensors and the index, into an existing folder
 * that should have no others. RAML_EUSAGE: RAML_STORE_Q8_0. */
RAML_CHECKED enum raml_code raml_model_file_save_folder(const struct raml_model_file *f, const char *dir,
                                                        const struct raml_save_options *o, struct raml_err *err);

#pragma GCC visibility pop
#endif
