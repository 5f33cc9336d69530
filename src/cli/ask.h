/* ask.h - one question whose samples are printed as text, token by token, as they come: raml sample --question. */
#ifndef RAML_CLI_ASK_H
#define RAML_CLI_ASK_H

#include "cli/sampling.h"

/* Prints n samples of the question on standard output, one after another: the text of their tokens without special
 * ones, thinking and answer on lines of their own, a line's end after each sample and an empty line between two. Whole
 * characters only: bytes of one that is not whole wait for the rest. *out (initialised) gets the question with its
 * samples. Nothing else is printed, no progress either. */
RAML_CHECKED enum raml_code cli_ask(const struct cli *cli, const struct sampling_settings *s, const char *question,
                                    struct raml_questions *out, struct sampling_result *result, struct raml_err *err);

#endif
