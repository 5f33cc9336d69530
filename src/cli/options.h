/* options.h - a command line while it is being parsed; for options.c, values.c and recipe.c only.
 *
 * Every setting, the common ones and the command's own, is a slot: a table row and the struct that holds its value.
 * Invariant: a slot's field holds its default until something sets it; `given` distinguishes the two.
 */
#ifndef RAML_CLI_OPTIONS_H
#define RAML_CLI_OPTIONS_H

#include "cli/cli.h"

#include "core/arena.h"

struct cli_common { /* settings of every command, in the types that table rows know */
    const char *config, *cpu;
    int64_t seed, threads;
    bool json, quiet, help;
};

struct cli_slot {
    const struct cli_option *option;
    char *field;  /* where the value is */
    size_t line;  /* of the recipe that set it; 0: not set there */
    bool given;   /* by recipe or command line */
    bool display; /* how to run, not what (json, quiet, config, help): not part of a recipe's text */
};

struct cli_parsed {
    const struct cli_command *cmd;
    struct raml_arena *arena; /* texts, slots and arguments */
    struct cli_common common;
    struct cli_slot *slot; /* the command's own in table order, then the common ones */
    size_t n_slots, n_args;
    const char **arg;
    struct raml_buf recipe;
};

extern const struct cli_option cli_common_option[];
extern const size_t cli_n_common;

/* The option's alias number i, from 0: its length, and where it begins; 0: there is none. */
size_t cli_option_alias(const struct cli_option *o, size_t i, const char **alias);
/* The slot called `name` (len bytes; dashes read as underscores, aliases count), or NULL. */
struct cli_slot *cli_slot_find(const struct cli_parsed *p, const char *name, size_t len);
/* The nearest known name to `name`; NULL: none is near. */
const char *cli_slot_nearest(const struct cli_parsed *p, const char *name);
/* Reads text strictly as the slot's type and stores it. RAML_EUSAGE: "found 'x', expected an integer from 1 to 9". */
RAML_CHECKED enum raml_code cli_slot_set(struct cli_parsed *p, struct cli_slot *s, const char *text, size_t len,
                                         struct raml_err *err);

/* Holds its field a text (const char *)? */
static inline bool cli_holds_text(const struct cli_option *o)
{
    return o->type == CLI_TEXT || o->type == CLI_PATH || o->type == CLI_ONE;
}

/* help.c: " INT": what stands after the option's name; "" for a flag. */
const char *cli_type_name(enum cli_type t);
/* "(an integer from 1 to 9; default 3; also --lr)", or nothing, after one space. */
void cli_facts(const struct cli_option *o, struct raml_buf *out);
/* May it be written as --no-NAME to some effect? A flag that is set unless one says otherwise. */
bool cli_is_negatable(const struct cli_option *o);
/* The example as a shell reads it: where it is too long, lines end in a backslash in front of an option. */
void cli_example(struct raml_buf *out, const char *text);

/* values.c: "an integer from 1 to 9" */
void cli_expected(const struct cli_option *o, char *out, size_t cap);
/* Text for a message: at most 60 bytes, control bytes shown as '?'. */
enum { CLI_SHOWN = 64 };
void cli_shown(const char *text, size_t len, char out[CLI_SHOWN]);
RAML_CHECKED enum raml_code cli_read_int(const struct cli_option *o, const char *text, int64_t *out,
                                         struct raml_err *err);
RAML_CHECKED enum raml_code cli_read_real(const struct cli_option *o, const char *text, double *out,
                                          struct raml_err *err);
RAML_CHECKED enum raml_code cli_read_flag(const struct cli_option *o, const char *text, bool *out,
                                          struct raml_err *err);
/* *out: the word inside o->words is copied by the caller, who holds text. */
RAML_CHECKED enum raml_code cli_check_word(const struct cli_option *o, const char *text, struct raml_err *err);

/* recipe.c: sets slots from a YAML file. */
RAML_CHECKED enum raml_code cli_recipe_read(struct cli_parsed *p, const char *path, struct raml_err *err);
/* Every setting as YAML; reading it back gives the same settings. */
RAML_CHECKED enum raml_code cli_recipe_write(const struct cli_parsed *p, struct raml_buf *out, struct raml_err *err);

#endif
