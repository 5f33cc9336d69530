/* load.h - opening what commands name: a model's folder or a run's, and its tokenizer. */
#ifndef RAML_CLI_LOAD_H
#define RAML_CLI_LOAD_H

#include "cli/cli.h"

#include "raml/model.h"
#include "raml/tokenizer.h"

/* dir: a model's folder, or a run's (its newest checkpoint); NULL: RAML_EUSAGE asks for --model. dtype: "auto" (bf16
 * where the processor has it), "bf16" or "f32". *path: the folder taken, for free(); NULL after a failure. */
RAML_CHECKED enum raml_code cli_load_model(const struct cli *cli, const char *dir, const char *dtype,
                                           struct raml_model **model, char **path, struct raml_err *err);
/* given: what --tokenizer says; NULL: the model folder's own (model_path, as cli_load_model gave it). */
RAML_CHECKED enum raml_code cli_load_tokenizer(const char *given, const char *model_path, struct raml_tokenizer **out,
                                               struct raml_err *err);
/* Prints one JSON object (taken over) as a line on standard output. NULL: RAML_ENOMEM. */
RAML_CHECKED enum raml_code cli_print_json(json_t *o, struct raml_err *err);

#endif
