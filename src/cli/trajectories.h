/* trajectories.h - shared by the commands that look into given trajectories: which file, which of its trajectories, by
 * which model, and whose loss.
 */
#ifndef RAML_CLI_TRAJECTORIES_H
#define RAML_CLI_TRAJECTORIES_H

#include "cli/cli.h"
#include "cli/prompting.h"
#include "cli/source.h"

#include "raml/model.h"
#include "raml/question.h"

struct trajectories_settings { /* a member of a command's settings */
    const char *data, *model, *adapter, *tokenizer, *dtype, *out, *map, *split, *family, *answer, *join;
    int64_t limit, max_samples, max_batch_tokens;
    bool score_end, skip_long;
    struct prompting_settings prompting;
};
/* Rows of the table of settings; at: offset of the member, folder: default of --out, samples: of --max_samples, of_dtype: what
 * --dtype says. All of them, or those that say which trajectories and model, whose loss, and how it is read. */
#define TRAJECTORIES_AT(at, field) ((at) + offsetof(struct trajectories_settings, field))
/* clang-format off */
#define TRAJECTORIES_OPTIONS(at, folder, samples, of_dtype)                                                            \
    TRAJECTORIES_WHICH_OPTIONS(at, folder, samples), TRAJECTORIES_LOSS_OPTIONS(at),                                    \
        TRAJECTORIES_READ_OPTIONS(at, of_dtype)
#define TRAJECTORIES_WHICH_OPTIONS(at, folder, samples)                                                                \
    {"model", "model_name_or_path", RAML_PATH, TRAJECTORIES_AT(at, model), NULL, 0, 0, NULL,                           \
     "A model's folder or GGUF file, a run's folder (its newest checkpoint), or init:PRESET (random weights)."},       \
        ADAPTER_OPTION(TRAJECTORIES_AT(at, adapter)),                                                                  \
        {"tokenizer", NULL, RAML_PATH, TRAJECTORIES_AT(at, tokenizer), NULL, 0, 0, NULL,                               \
         "tokenizer.json, a folder with one, or a GGUF file; default: the model's."},                                  \
        {"data", NULL, RAML_PATH, TRAJECTORIES_AT(at, data), NULL, 0, 0, NULL,                                         \
         "JSONL file of trajectories; the same as the nameless argument."},                                            \
        PROMPTING_OPTIONS(TRAJECTORIES_AT(at, prompting)),                                                             \
        {"out", "output_dir", RAML_PATH, TRAJECTORIES_AT(at, out), folder, 0, 0, NULL,                                 \
         "Folder to write into; made if missing."},                                                                    \
        {"map", NULL, RAML_TEXT, TRAJECTORIES_AT(at, map), NULL, 0, 0, NULL,                                           \
         "Fields of the file: question=NAME,answer=NAME,..."},                                                         \
        {"limit", NULL, RAML_INT, TRAJECTORIES_AT(at, limit), "0", 0, 1e15, NULL,                                      \
         "Read only the first n questions; 0: all."},                                                                  \
        {"split", NULL, RAML_TEXT, TRAJECTORIES_AT(at, split), NULL, 0, 0, NULL, "Only questions of this split."},     \
        {"family", NULL, RAML_TEXT, TRAJECTORIES_AT(at, family), NULL, 0, 0, NULL, "Only questions of this family."},  \
        {"max_samples", NULL, RAML_INT, TRAJECTORIES_AT(at, max_samples), samples, 0, 1e9, NULL,                       \
         "Only the first n trajectories of each question; 0: all."}
#define TRAJECTORIES_LOSS_OPTIONS(at)                                                                                  \
        {"answer", NULL, RAML_ONE, TRAJECTORIES_AT(at, answer), "gold", 0, 0, "gold|own",                              \
         "Whose loss: the question's answer, or the sample's own."},                                                   \
        {"join", NULL, RAML_ONE, TRAJECTORIES_AT(at, join), "joint", 0, 0, "joint|split",                              \
         "joint: answer prefix and answer are encoded as one text, as a model sees them; split: separately."},                         \
        {"score_end", NULL, RAML_FLAG, TRAJECTORIES_AT(at, score_end), NULL, 0, 0, NULL,                               \
         "Count the end-of-text token as part of the answer."}
#define TRAJECTORIES_READ_OPTIONS(at, of_dtype)                                                                        \
        {"skip_long", NULL, RAML_FLAG, TRAJECTORIES_AT(at, skip_long), NULL, 0, 0, NULL,                               \
         "Skip trajectories that are longer than the model's context; without it they are an error."},                 \
        {"max_batch_tokens", NULL, RAML_INT, TRAJECTORIES_AT(at, max_batch_tokens), "16384", 1, 1 << 30, NULL,         \
         "Tokens per pass; bounds memory, not results, except for rounding where a trajectory exceeds it."},           \
    {                                                                                                                  \
        "dtype", NULL, RAML_ONE, TRAJECTORIES_AT(at, dtype), "stored", 0, 0, "stored|auto|bf16|f32", of_dtype          \
    }
/* clang-format on */
#define TRAJECTORIES_DTYPE                                                                                             \
    "Type of the matrices. stored: as in the file (BF16 files are multiplied in bf16 where the processor can, others " \
    "in f32); auto: bf16 where the processor multiplies it and the file is not quantised; else stored."

struct trajectories { /* zero-initialise; free with cli_trajectories_close */
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    struct prompting prompting;
    struct raml_questions questions;
    const char *data; /* borrowed */
    char *model_path;
};
/* Checks that there is one file and a folder to write into (what: the command's name, for messages); reads nothing. */
RAML_CHECKED enum raml_code cli_trajectories_check(const struct cli *cli, const struct trajectories_settings *s,
                                                   const char *what, struct raml_err *err);
/* The checks, then the questions, the model (for inference; left out where x->model is set), tokenizer and prompts. */
RAML_CHECKED enum raml_code cli_trajectories_open(const struct cli *cli, const struct trajectories_settings *s,
                                                  const char *what, struct trajectories *x, struct raml_err *err);
void cli_trajectories_close(struct trajectories *x);

#endif
