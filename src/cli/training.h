/* training.h - what the commands that train share: settings, data, model, the run's folder.
 *
 *     cli_training_open    reads data, opens the run's folder, loads the model, writes recipe.yaml
 *     (the command trains)
 *     cli_training_close   prints the result, or takes away what a run without a step left
 */
#ifndef RAML_CLI_TRAINING_H
#define RAML_CLI_TRAINING_H

#include "cli/cli.h"
#include "cli/prompting.h"
#include "cli/source.h"

#include "raml/train.h"

struct training_settings {
    const char *model, *adapter, *tokenizer, *families, *styles, *data, *map, *eval_data, *out, *dtype;
    bool paraphrases;
    int64_t num_questions, limit;
    bool resume;
    struct prompting_settings prompting;
    struct raml_lora_options lora; /* a table of its own: CLI_LORA_TABLE */
};
/* A row of a command's shared tables; at: of its training_settings. */
#define CLI_LORA_TABLE(at)                                                                                             \
    {                                                                                                                  \
        raml_lora_settings, &raml_n_lora_settings, at + offsetof(struct training_settings, lora),                      \
            "options of low-rank adapters (LoRA)", NULL                                                                \
    }
extern const struct raml_setting cli_training_options[];
extern const size_t cli_n_training_options;

enum { TRAINING_MAX_EOS = RAML_MAX_EOS };
struct training { /* zero-initialise */
    const struct cli *cli;
    const struct raml_comm *comm; /* not NULL; rank 0 has the run's folder, and speaks */
    const struct training_settings *settings;
    struct raml_train_options options; /* with seed and length */
    struct raml_questions data, validation;
    struct cli_source source; /* of the model that training starts from; of init: nothing */
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    struct raml_model *reference; /* if wanted: the model that training starts from, to read */
    uint64_t reference_hash;
    struct raml_run *folder;
    struct prompting prompting;
    struct raml_tokenizer_config config;
    int32_t eos[TRAINING_MAX_EOS];
    size_t n_eos;
    struct raml_train_job job; /* ready to train; borrowed from the above */
    struct raml_train_result result;
};
struct training_wants {
    size_t trajectories; /* of a made question; at least 1 */
    bool reference;
    const char *notes; /* lines for recipe.yaml, "raml_objective: ...\n"; NULL: none */
    int64_t think_budget;
    const struct cli_command *command; /* with its settings: what has no effect is said */
    const void *all;
};
RAML_CHECKED enum raml_code cli_training_open(struct training *t, const struct cli *cli,
                                              const struct training_settings *s,
                                              const struct raml_train_options *options,
                                              const struct training_wants *wants, struct raml_err *err);
/* training_model.c: what --model and --adapter name; then model, reference if wanted, tokenizer and prompts. step > 0: from
 * the run's own checkpoint of that step. */
RAML_CHECKED enum raml_code cli_training_find(struct training *t, struct raml_err *err);
bool cli_training_is_whole(const struct training *t); /* all parameters of a model that was trained before */
RAML_CHECKED enum raml_code cli_training_load(struct training *t, uint64_t step, bool reference, struct raml_err *err);
/* training_resume.c: RAML_EUSAGE says in which model or data the run's recipe differs from what it is resumed with, whose
 * recipe is now; a difference in threads and kernels is said. */
RAML_CHECKED enum raml_code cli_training_compare(const struct training *t, const char *now, struct raml_err *err);
/* rc: of the training. */
RAML_CHECKED enum raml_code cli_training_close(struct training *t, enum raml_code rc, struct raml_err *err);

#endif
