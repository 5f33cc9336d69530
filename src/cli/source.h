/* source.h - what --model and --adapter name: a model, with low-rank adapters or without, found on disk. */
#ifndef RAML_CLI_SOURCE_H
#define RAML_CLI_SOURCE_H

#include "cli/cli.h"
#include "core/path.h"

#include "raml/lora.h"
#include "raml/model.h"
#include "raml/modelfile.h"

/* A row of a command's table of settings. */
#define ADAPTER_OPTION(at)                                                                                             \
    {                                                                                                                  \
        "adapter", "adapter_name_or_path", RAML_PATH, at, NULL, 0, 0, NULL,                                            \
            "Low-rank adapters (LoRA) to read the model with: a PEFT folder, a run of --lora_r, or a GGUF adapter."    \
    }

struct cli_source {
    char model[RAML_PATH_BYTES];     /* a folder or a GGUF file; of an adapter: its base */
    char adapter[RAML_PATH_BYTES];   /* a PEFT folder or a GGUF file; "": none */
    char tokenizer[RAML_PATH_BYTES]; /* which of the two has tokenizer and chat template */
};
/* model: a model's folder or GGUF file, or a run's folder (its newest checkpoint); or one of an adapter, whose base is then
 * looked for: as adapter_config.json names it, from here, and else from the adapter's folder. adapter: NULL, or an adapter
 * for model, which may then be NULL (its base). */
RAML_CHECKED enum raml_code cli_source_find(const char *model, const char *adapter, struct cli_source *out,
                                            struct raml_err *err);
/* Is path an adapter: a PEFT folder, or a GGUF file of one? */
bool cli_source_is_adapter(const char *path);
/* Its adapters, checked against the base. Free block, deinit *out. */
RAML_CHECKED enum raml_code cli_source_lora(const struct cli_source *s, const struct raml_model_file *base,
                                            struct raml_lora *out, float **block, struct raml_err *err);
/* Of the files of the model and the adapters; weights: only of those that hold weights, in folders too. */
RAML_CHECKED enum raml_code cli_source_hash(const struct cli_source *s, bool weights, uint64_t *hash,
                                            struct raml_err *err);
/* The type of a model's matrices for inference (model.h), by the word of --dtype: "stored" (as in the file), "f32",
 * "bf16", or "auto" (bf16 where the processor multiplies it and the file is not quantised, else stored).
 * file NULL: there is none; stored then means f32. */
enum raml_dtype cli_load_kept(const struct raml_device *dev, const char *dtype, const struct raml_model_file *file);
/* Opens the model, adapted where there are adapters; RAML_TRAINING: they are added to its parameters. */
RAML_CHECKED enum raml_code cli_source_open(const struct cli_source *s, const struct raml_device *dev,
                                            const char *dtype, enum raml_use use, struct raml_model **out,
                                            struct raml_err *err);

#endif
