/* load.h - shared by commands: opening a model and its tokenizer, JSON lines in and out. */
#ifndef RAML_CLI_LOAD_H
#define RAML_CLI_LOAD_H

#include "cli/cli.h"
#include "cli/source.h"

#include "core/file.h"
#include "core/path.h"
#include "raml/model.h"
#include "raml/modelfile.h"
#include "raml/question.h"
#include "raml/tokenizer.h"

/* dir: a model's folder or GGUF file, a run's folder (its newest checkpoint), or init:PRESET (random weights, from the
 * seed); NULL: RAML_EUSAGE asks for --model. An adapter's: its base with it. adapter: one for the model (source.h); NULL:
 * none. dtype: as above. For inference. *path: the folder or file that has the tokenizer, for free(); NULL after a
 * failure, and for init:. */
RAML_CHECKED enum raml_code cli_load_model(const struct cli *cli, const char *dir, const char *adapter,
                                           const char *dtype, struct raml_model **model, char **path,
                                           struct raml_err *err);
/* The same for training; dtype: of the passes' activations. Adapters are added to the parameters. */
RAML_CHECKED enum raml_code cli_load_for_training(const struct cli *cli, const char *dir, const char *adapter,
                                                  enum raml_dtype dtype, struct raml_model **model, char **path,
                                                  struct raml_err *err);
/* Of the files of what the two name; of random weights: of what makes them. */
RAML_CHECKED enum raml_code cli_load_hash(const struct cli *cli, const char *dir, const char *adapter, uint64_t *hash,
                                          struct raml_err *err);
enum { CLI_MAX_EOS = RAML_MAX_EOS };
/* The model's end-of-text tokens; returns how many. */
size_t cli_load_eos(const struct raml_model *model, int32_t eos[CLI_MAX_EOS]);
/* The value of --tokenizer; of a run's folder its newest checkpoint, written to newest. */
const char *cli_tokenizer_path(const char *given, char newest[RAML_PATH_BYTES]);
/* given: the value of --tokenizer; NULL: the model's own (model_path, as cli_load_model gave it), or if that is NULL
 * the built-in one. */
RAML_CHECKED enum raml_code cli_load_tokenizer(const char *given, const char *model_path, struct raml_tokenizer **out,
                                               struct raml_err *err);
/* DIR/NAME with every setting, so that the results beside it can be reproduced. */
RAML_CHECKED enum raml_code cli_write_recipe(const struct cli *cli, const char *dir, const char *name,
                                             struct raml_err *err);
/* Prints one JSON object (taken over) as a line on standard output. NULL: RAML_ENOMEM. */
RAML_CHECKED enum raml_code cli_print_json(json_t *o, struct raml_err *err);

/* The one file that a command reads: the nameless argument; without one "-", where standard input is a pipe or a file. NULL:
 * there is neither (a terminal, /dev/null), or several. */
const char *cli_one_input(const struct cli *cli);
/* After a row of input has failed with rc: is it to be passed over? With --skip_bad_rows faults of a row's text are; such
 * a row is named, counted, and err empty again. */
/* The same for a library's reader: on_bad, with the command as user. */
void cli_pass_over_row(void *cli, size_t line, const char *message);
bool cli_pass_over(const struct cli *cli, enum raml_code rc, struct raml_err *err);
/* raml_questions_read, with --skip_bad_rows heeded. */
RAML_CHECKED enum raml_code cli_read_questions(const struct cli *cli, struct raml_questions *qs, const char *path,
                                               const struct raml_read_options *opt, struct raml_fields *fields,
                                               struct raml_err *err);

/* Calls take for every line that is not empty, until one fails or the run is stopped. */
RAML_CHECKED enum raml_code cli_each_line(const struct cli *cli, struct raml_lines *lines,
                                          enum raml_code (*take)(void *to, struct raml_err *err), void *to,
                                          struct raml_err *err);
/* Converts a file of lines to another, line by line. */
struct cli_lines {
    struct raml_lines in;
    struct raml_writer writer;
    const char *out; /* file to write; NULL: standard output */
};
/* Opens the one input (what: the command's name, for messages) and calls take for every line of it that is
 * not empty; a line whose take fails may be passed over, before anything is written for it. The file to write appears when all went well, or not at all. */
RAML_CHECKED enum raml_code cli_run_lines(const struct cli *cli, const char *what, struct cli_lines *x,
                                          enum raml_code (*take)(void *to, struct raml_err *err), void *to,
                                          struct raml_err *err);
/* Writes o, taking it over (NULL: no memory), as a line to w, or to standard output when w is NULL. */
RAML_CHECKED enum raml_code cli_put_line(struct raml_writer *w, struct raml_buf *scratch, json_t *o,
                                         struct raml_err *err);

#endif
