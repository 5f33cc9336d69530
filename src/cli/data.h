/* data.h - shared by `raml data check` and `raml data show`. */
#ifndef RAML_CLI_DATA_H
#define RAML_CLI_DATA_H

#include "cli/prompting.h"

/* path NULL: the built-in byte tokenizer. The format is looked up where the tokenizer is. */
RAML_CHECKED enum raml_code cli_data_open(const char *path, const struct prompting_settings *s,
                                          struct raml_tokenizer **tokenizer, struct prompting *prompting,
                                          struct raml_err *err);

#endif
