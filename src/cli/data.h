/* data.h - what `raml data check` and `raml data show` share. */
#ifndef RAML_CLI_DATA_H
#define RAML_CLI_DATA_H

#include "raml/tokenizer.h"

/* path NULL: the built-in byte tokenizer. */
RAML_CHECKED enum raml_code cli_data_tokenizer(const char *path, struct raml_tokenizer **out, struct raml_err *err);

#endif
