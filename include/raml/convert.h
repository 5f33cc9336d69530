/* convert.h - a model rewritten as a GGUF file or a Hugging Face folder, in another type.
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
#ifndef RAML_CONVERT_H
#define RAML_CONVERT_H

#include "raml/log.h"
#include "raml/modelfile.h"

#pragma GCC visibility push(default)

enum raml_store_as { RAML_STORE_KEEP, RAML_STORE_F32, RAML_STORE_BF16, RAML_STORE_Q8_0 };

struct raml_save_options {
    enum raml_store_as as;
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
