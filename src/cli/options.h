/* options.h - a command line while it is being parsed; for options.c and recipe.c only.
 *
 * Every setting, the command's own, those of shared tables and the common ones, is a slot: a table row and the struct
 * that holds its value.
 * Invariant: a slot's field holds its default until something sets it; `given` distinguishes the two.
 */
#ifndef RAML_CLI_OPTIONS_H
#define RAML_CLI_OPTIONS_H

#include "cli/cli.h"

#include "core/arena.h"
#include "core/setting.h"

struct cli_common { /* settings of every command, in the types that table rows know */
    const char *config, *cpu;
    int64_t seed, threads;
    bool skip_bad_rows, overwrite, json, quiet, help;
};

struct cli_slot {
    const struct raml_setting *option;
    void *base;   /* the struct */
    void *field;  /* where the value is in it */
    size_t line;  /* of the recipe that set it; 0: not set there */
    bool given;   /* by recipe or command line */
    bool display; /* how to run, not what (overwrite, json, quiet, config, help): not part of a recipe's text */
};

struct cli_parsed {
    const struct cli_command *cmd;
    struct raml_arena *arena; /* texts, slots and arguments */
    struct cli_common common;
    struct cli_slot *slot; /* the command's own in table order, shared ones, common ones */
    size_t n_slots, n_args, n_paths;
    struct cli_path *path;
    const char **arg;
    bool args_given; /* on the command line: the recipe's do not count */
    struct raml_buf recipe;
};

extern const struct raml_setting cli_common_option[];
extern const size_t cli_n_common;

/* The tables of a command, i < cli_n_tables: its own (without a heading), shared ones, common ones (offset 0: they have
 * a struct of their own). */
size_t cli_n_tables(const struct cli_command *cmd);
struct cli_shared cli_table(const struct cli_command *cmd, size_t i);
/* Row i of a table with the command's own default, whose text is in value. */
enum { CLI_DEFAULT = 64 };
struct raml_setting cli_row(const struct cli_shared *t, size_t i, char value[CLI_DEFAULT]);

/* The slot called `name` (len bytes; dashes read as underscores, aliases count), or NULL. */
struct cli_slot *cli_slot_find(const struct cli_parsed *p, const char *name, size_t len);
/* What a renamed setting, or another program's, is called here, where the command has that, else the nearest known name;
 * NULL: none is near. *more: what else to say, "" for nothing. */
const char *cli_slot_nearest(const struct cli_parsed *p, const char *name, const char **more);
/* RAML_EUSAGE: the command takes no nameless arguments. */
RAML_CHECKED enum raml_code cli_refuse_argument(const struct cli_parsed *p, const char *arg, struct raml_err *err);
/* Reads text strictly as the slot's type and stores it. RAML_EUSAGE: "found 'x', expected an integer from 1 to 9". */
RAML_CHECKED enum raml_code cli_slot_set(struct cli_parsed *p, struct cli_slot *s, const char *text, size_t len,
                                         struct raml_err *err);

/* groups.c: what a table's rows are about. Group 0 is the table's own, further ones exist in long tables; NULL: there are
 * no more groups. A group may have no rows. */
const char *cli_group_heading(const struct cli_shared *t, size_t g);
size_t cli_group_of(const struct cli_shared *t, size_t row);

/* help.c: " INT": what stands after the option's name; "" for a flag. */
const char *cli_type_name(enum raml_setting_type t);
/* "(an integer from 1 to 9; default 3; also --lr)", or nothing, after one space. */
void cli_facts(const struct raml_setting *o, struct raml_buf *out);
/* May it be written as --no-NAME to some effect? A flag that is set unless one says otherwise. */
bool cli_is_negatable(const struct raml_setting *o);
/* The row's help; of `preset` with the names of all. */
void cli_row_help(const struct cli_command *cmd, const struct raml_setting *o, struct raml_buf *out);
/* The example as a shell reads it: where it is too long, lines end in a backslash in front of an option. */
void cli_example(struct raml_buf *out, const char *text);

/* recipe.c: sets slots from a YAML file. */
RAML_CHECKED enum raml_code cli_recipe_read(struct cli_parsed *p, const char *path, struct raml_err *err);
/* Every setting as YAML; reading it back gives the same settings. */
RAML_CHECKED enum raml_code cli_recipe_write(const struct cli_parsed *p, struct raml_buf *out, struct raml_err *err);

#endif
