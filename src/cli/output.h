/* output.h - one rule for what commands write.
 *
 * An output can be made, or the command ends before it works. What is there is replaced with --overwrite only: a file that
 * is not empty, a folder that holds a result (its record, NAME.yaml). Work that can go on with what is there of the same
 * settings does, and refuses others. An input of the command is never replaced. Devices and FIFOs are written to, and "-"
 * (/dev/stdout) is standard output; what is said of the work then goes to standard error.
 */
#ifndef RAML_CLI_OUTPUT_H
#define RAML_CLI_OUTPUT_H

#include "cli/cli.h"

#include "core/file.h"

#include <stdio.h>

/* What is wrong with writing the file `path` (NULL: nothing is) for the option `name`. */
RAML_CHECKED enum raml_code cli_output_check(const struct cli *cli, const char *name, const char *path,
                                             struct raml_err *err);
/* The same where without the option results go to standard output: *path is NULL if they do. */
RAML_CHECKED enum raml_code cli_output_or_stdout(const struct cli *cli, const char **path, struct raml_err *err);
/* Opens it to write. */
RAML_CHECKED enum raml_code cli_output_open(const struct cli *cli, struct raml_writer *w, const char *path,
                                            struct raml_err *err);
/* Whether the folder `dir` holds a whole result, of which `record` is there, that is not to be replaced. */
RAML_CHECKED enum raml_code cli_output_kept(const struct cli *cli, const char *dir, const char *record,
                                            struct raml_err *err);
/* The same; or whether nothing can be written there. */
RAML_CHECKED enum raml_code cli_output_folder(const struct cli *cli, const char *dir, const char *record,
                                              struct raml_err *err);
/* For a command that goes on with what is there of the same settings: whether the folder's record has others, and which; or
 * nothing can be written there. */
RAML_CHECKED enum raml_code cli_output_again(const struct cli *cli, const char *dir, const char *record,
                                             struct raml_err *err);
/* Where a command tells what it did: standard output, unless its results go there. */
FILE *cli_output_notes(const char *path);
/* Prints one JSON object (taken over) as a line there. NULL: RAML_ENOMEM. */
RAML_CHECKED enum raml_code cli_output_tell_json(const char *path, json_t *o, struct raml_err *err);

#endif
