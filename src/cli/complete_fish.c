/* complete_fish.c - completion for fish: one `complete` line for each command and option. See pages.h. */
#include "cli/pages.h"

#include <string.h>

static void quoted(struct raml_buf *out, const char *text)
{
    raml_buf_adds(out, "'");
    cli_escape(out, text, "\\'");
    raml_buf_adds(out, "'");
}

static void described(struct raml_buf *out, const char *text)
{
    raml_buf_adds(out, " -d ");
    quoted(out, text);
    raml_buf_adds(out, "\n");
}

static void one_option(struct raml_buf *out, const char *command, const struct raml_setting *o)
{
    raml_buf_addf(out, "complete -c raml -n '__raml_at %s' -l %s", command, o->name);
    if (o->type == RAML_PATH) raml_buf_adds(out, " -r -F");
    if (o->type == RAML_INT || o->type == RAML_REAL || o->type == RAML_TEXT) raml_buf_adds(out, " -x");
    if (raml_setting_has_words(o)) {
        raml_buf_adds(out, " -x -a '");
        cli_words(o, " ", out);
        raml_buf_adds(out, "'");
    }
    described(out, o->help);
    if (cli_is_negatable(o))
        raml_buf_addf(out, "complete -c raml -n '__raml_at %s' -l no-%s -d 'Not so.'\n", command, o->name);
}

void cli_fish(struct raml_buf *out)
{
    raml_buf_adds(
        out,
        "# fish completion for raml " RAML_VERSION ", written by: raml help --format fish\n\n"
        "# Is the line `raml WORD...` with these words, and what is completed stands after them?\n"
        "function __raml_at\n    set -l line (commandline -opc)\n"
        "    test (count $line) -gt (count $argv); or return 1\n"
        "    for i in (seq (count $argv))\n"
        "        test $line[(math $i + 1)] = $argv[$i]; or return 1\n    end\nend\n"
        "# The same, and nothing else stands between.\n"
        "function __raml_after\n    __raml_at $argv; and test (count (commandline -opc)) -eq (math (count $argv) + 1)\n"
        "end\n\ncomplete -c raml -f\n"
        "complete -c raml -n __raml_after -l help -d 'The list of commands.'\n"
        "complete -c raml -n __raml_after -l version -d 'The version.'\n"
        "complete -c raml -n __raml_after -a help -d 'The text of --help, manual pages and completion'\n"
        "complete -c raml -n '__raml_at help' -l format -x -a 'man bash zsh fish' -d 'Write that page.'\n");
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *cmd = cli_commands[i];
        const char *second;
        int len = (int)cli_group(cmd, &second);
        if (cli_is_first(i)) {
            raml_buf_addf(out, "complete -c raml -n '__raml_after; or __raml_after help' -a %.*s", len, cmd->name);
            described(out, second ? "a group of commands" : cmd->about);
        }
        if (second) {
            raml_buf_addf(out, "complete -c raml -n '__raml_after %.*s; or __raml_after help %.*s' -a %s", len,
                          cmd->name, len, cmd->name, second);
            described(out, cmd->about);
        }
        for (size_t k = 0; k < cli_n_options(cmd); k++) one_option(out, cmd->name, cli_option_at(cmd, k));
        if (*cmd->args) raml_buf_addf(out, "complete -c raml -n '__raml_at %s' -F\n", cmd->name);
    }
}
