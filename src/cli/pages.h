/* pages.h - what a system installs beside the program: manual pages and shell completion, from the tables of settings.
 *
 * `raml help [COMMAND] --format man|bash|zsh|fish` prints one; the build makes all of them (cmake/pages.cmake). Each is
 * a function of the tables only: the same text from the same build, without a date.
 */
#ifndef RAML_CLI_PAGES_H
#define RAML_CLI_PAGES_H

#include "cli/options.h"

enum { CLI_MAX_PAGE = 1 << 20 };

/* man.c: raml(1) for cmd NULL, else raml-COMMAND(1). */
void cli_man(const struct cli_command *cmd, struct raml_buf *out);

/* complete_*.c: the completion of all commands. Commands, options (an alias where it is begun), the words of an option
 * that takes one of them, and paths where a path is due. */
void cli_bash(struct raml_buf *out);
void cli_zsh(struct raml_buf *out);
void cli_fish(struct raml_buf *out);

/* page_tables.c. The options of a command, its own in table order, shared ones, common ones; i < cli_n_options(cmd). */
size_t cli_n_options(const struct cli_command *cmd);
const struct raml_setting *cli_option_at(const struct cli_command *cmd, size_t i);
/* Appends text with each byte of `special` after a backslash. */
void cli_escape(struct raml_buf *out, const char *text, const char *special);
/* Appends an option's words ("a|b|c") with `between` in place of each bar. */
void cli_words(const struct raml_setting *o, const char *between, struct raml_buf *out);
/* The length of the first word of a command's name, and its second word, or NULL. */
size_t cli_group(const struct cli_command *cmd, const char **second);
/* Is cmd the first of its group in the table? Commands of one word are. */
bool cli_is_first(size_t i_command);

/* pages.c. What follows `raml help` on the line where one of it is --format; *out gets the text. RAML_EUSAGE: an unknown
 * format, a command where the format has none, or more than that. find: as main.c knows commands. */
bool cli_asks_page(int argc, char *const *argv);
RAML_CHECKED enum raml_code cli_page(int argc, char *const *argv, cli_find *find, struct raml_buf *out,
                                     struct raml_err *err);

#endif
