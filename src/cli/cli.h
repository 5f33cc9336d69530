/* cli.h - shared by all commands: tables of settings drive command line, YAML recipe, --help and the run record.
 *
 * A command is a row: name, tables of settings (raml/setting.h), and a function. Settings live in a struct of the
 * command's own, in which the structs of shared tables are members. `--learning_rate 0.1`,
 * `--learning-rate 0.1` and `--learning_rate=0.1` are the same; of an option given twice the last one counts. Order:
 * defaults, then presets (--preset), then the recipe (--config FILE.yaml), then the command line; nameless arguments are
 * the command line's, or where it has none the recipe's. An unknown key is an error that names the nearest known one.
 * Exit codes: 0 done, 1 failed, 2 bad usage.
 */
#ifndef RAML_CLI_H
#define RAML_CLI_H

#include "core/setting.h"

#include "raml/buf.h"
#include "raml/comm.h"
#include "raml/device.h"
#include "raml/err.h"
#include "raml/setting.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_path { /* a file or folder that is given as a setting */
    const char *name, *path;
};

struct cli_command;
/* The command that argv[0..argc) begins with; *n_words: how many words its name takes. NULL: none. */
typedef const struct cli_command *cli_find(int argc, char *const *argv, int *n_words);

struct cli { /* passed to every command */
    bool json, quiet, skip_bad_rows;
    bool overwrite;     /* what is there of the name that is written to (output.h) */
    size_t *n_bad_rows; /* those passed over so far */
    uint64_t seed;
    int threads;                   /* 0: all */
    const char *level;             /* kernels: "auto", "ref", "base", "avx2" ... (--cpu) */
    const struct raml_device *dev; /* opened from threads and level */
    const struct raml_sink *sink;  /* progress on stderr; silent with --quiet, and on ranks other than 0 */
    const struct raml_comm *comm;  /* the processes that were started together; NULL: one */
    const char *const *arg;        /* the nameless arguments */
    size_t n_args;
    const struct cli_path *path; /* the settings that are paths, as far as they are given */
    size_t n_paths;
    cli_find *find;     /* among all commands */
    const char *recipe; /* every setting resolved, as YAML; with --config it gives the same settings again. More keys
                         * may be appended: those that begin with raml_ are skipped on reading (recipe.c) */
};

struct cli_shared { /* a table whose struct is a member of the command's settings */
    const struct raml_setting *table;
    const size_t *n;     /* its rows */
    size_t offset;       /* of the member */
    const char *heading; /* in --help: "options of training" */
    /* Defaults of this command instead of the table's, "learning_rate=1e-5 warmup_ratio=0"; of rows that have one, and
     * are no switch. NULL: the table's. */
    const char *defaults;
};

struct cli_command {
    const char *name;    /* "train sft": one or two words */
    const char *about;   /* one line */
    const char *args;    /* what the nameless arguments are: "FILE..." ; "" when there are none */
    const char *detail;  /* a paragraph for --help; may be NULL */
    const char *example; /* a command line that runs as printed */
    const struct raml_setting *option;
    size_t n_options;
    const struct cli_shared *shared; /* joined after its own options; no two rows share a name or alias */
    size_t n_shared, settings_size;
    bool ranks; /* may run in several processes at once (ranks.h) */
    bool pipes; /* what comes by a pipe is its nameless argument, where neither that nor --data is given */
    /* Sets settings by one of the names, joined by +, that option `preset` has, before recipe and command line do; the
     * name of preset i, NULL: there are fewer. NULL: no presets. */
    enum raml_code (*preset)(const char *name, void *settings, struct raml_err *err);
    const char *(*preset_name)(size_t i);
    enum raml_code (*run)(const struct cli *cli, const void *settings, struct raml_err *err);
};

/* Every command, in the order of --help (src/cli/table.c). */
extern const struct cli_command *const cli_commands[];
extern const size_t cli_n_commands;

/* options.c: fills `settings` (settings_size bytes) from defaults, recipe and argv[0..argc), which begins after the
 * command's name; RAML_EUSAGE: what is wrong. *help is set when --help was given: then nothing else was read.
 * cli: all except dev, sink and comm. Texts live until cli_parse_free. */
struct cli_parsed;
RAML_CHECKED enum raml_code cli_parse(const struct cli_command *cmd, int argc, char *const *argv, void *settings,
                                      struct cli *cli, bool *help, struct cli_parsed **out, struct raml_err *err);
void cli_parse_free(struct cli_parsed *p);
/* Fills `settings` with defaults and the presets `names` (NULL: none), as if nothing else had been given. Texts of
 * defaults are the tables'. */
RAML_CHECKED enum raml_code cli_defaults(const struct cli_command *cmd, const char *names, void *settings,
                                         struct raml_err *err);
/* recipe.c: the command that a recipe's raml_command names, which may be none of the program's, and its line; "" and 0: it
 * has no such key. */
RAML_CHECKED enum raml_code cli_recipe_command(const char *path, char name[RAML_SHOWN], size_t *line,
                                               struct raml_err *err);
void cli_help(const struct cli_command *cmd, struct raml_buf *out);

/* Progress on stderr: one line rewritten on a terminal, occasional plain lines elsewhere; rate and time left. */
struct cli_progress;
struct cli_progress *cli_progress_open(bool quiet);                /* NULL: no memory */
const struct raml_sink *cli_progress_sink(struct cli_progress *p); /* stop: what cli_signals_asked says */
void cli_progress_close(struct cli_progress *p);

#endif
