/* complete_zsh.c - completion for zsh, by its function _arguments. See pages.h. */
#include "cli/pages.h"

#include <string.h>

/* Text inside '...', where [, ], : and the backslash mean something to _arguments. */
static void quoted(struct raml_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') raml_buf_adds(out, "'\\''");
        else if (strchr("[]:\\", *text)) raml_buf_addf(out, "\\%c", *text);
        else raml_buf_add(out, text, 1);
    }
}

static void one_option(struct raml_buf *out, const struct raml_setting *o, const char *name)
{
    raml_buf_addf(out, "            '--%s%s[", name, o->type == RAML_FLAG ? "" : "=");
    quoted(out, o->help);
    raml_buf_adds(out, "]");
    if (raml_setting_has_words(o)) {
        raml_buf_addf(out, ":%s:(", o->name);
        cli_words(o, " ", out);
        raml_buf_adds(out, ")");
    } else if (o->type != RAML_FLAG) {
        raml_buf_addf(out, ":%s:%s", o->name, o->type == RAML_PATH ? "_files" : "");
    }
    raml_buf_adds(out, "'\n");
    if (cli_is_negatable(o) && name == o->name) raml_buf_addf(out, "            '--no-%s[Not so.]'\n", o->name);
}

static void one_command(struct raml_buf *out, const struct cli_command *cmd)
{
    raml_buf_addf(out, "    ('%s')\n        arguments=(\n", cmd->name);
    size_t own = cli_n_options(cmd) - cli_n_common; /* and shared ones */
    for (size_t i = 0; i < own; i++) one_option(out, cli_option_at(cmd, i), cli_option_at(cmd, i)->name);
    raml_buf_addf(out, "%s        )\n        ;;\n", *cmd->args ? "            '*:file:_files'\n" : "");
}

/* The entries of a list of commands for _describe: those of a group, by their second word, or the first words. */
static void described(struct raml_buf *out, const char *group, size_t len)
{
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *cmd = cli_commands[i];
        const char *second;
        size_t own = cli_group(cmd, &second);
        if (group ? own != len || strncmp(cmd->name, group, len) != 0 : !cli_is_first(i)) continue;
        raml_buf_addf(out, "        '%.*s:", group ? (int)strlen(second) : (int)own, group ? second : cmd->name);
        if (!group && second) raml_buf_adds(out, "a group of commands");
        else quoted(out, cmd->about);
        raml_buf_adds(out, "'\n");
    }
}

static void groups(struct raml_buf *out)
{
    const char *second;
    raml_buf_adds(out, "    case $words[2] in\n");
    for (size_t i = 0; i < cli_n_commands; i++) {
        size_t len = cli_group(cli_commands[i], &second);
        if (!second || !cli_is_first(i)) continue;
        raml_buf_addf(out, "    (%.*s)\n        list=(\n", (int)len, cli_commands[i]->name);
        described(out, cli_commands[i]->name, len);
        raml_buf_adds(out, "        )\n        ;;\n");
    }
    raml_buf_adds(out, "    esac\n");
}

void cli_zsh(struct raml_buf *out)
{
    raml_buf_adds(out,
                  "#compdef raml\n# zsh completion for raml " RAML_VERSION ", written by: raml help --format zsh\n\n"
                  "_raml() {\n    local -a list arguments common\n    local name help=0\n"
                  "    if (( CURRENT > 2 )) && [[ $words[2] == help ]]; then\n"
                  "        help=1\n        shift words\n        (( CURRENT-- ))\n    fi\n"
                  "    if (( help && CURRENT > 2 )) && [[ $words[2] == --format* ]]; then\n"
                  "        _arguments '--format=[Write that page.]:format:(man bash zsh fish)'\n"
                  "        return\n    fi\n"
                  "    if (( CURRENT == 2 )); then\n        list=(\n");
    described(out, NULL, 0);
    raml_buf_adds(out, "        'help:the text of --help, manual pages and completion'\n        )\n"
                       "        (( help )) && list=(${list:#help:*})\n"
                       "        _describe -t commands command list\n"
                       "        (( help )) && _arguments '--format=[Write that page.]:format:(man bash zsh fish)'\n"
                       "        (( help )) || _arguments '--help[The list of commands.]' '--version[The version.]'\n"
                       "        return\n    fi\n    list=()\n");
    groups(out);
    raml_buf_adds(out, "    name=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
                       "    if (( $#list )); then\n"
                       "        if (( CURRENT == 2 )); then\n            _describe -t commands command list\n"
                       "            return\n        fi\n"
                       "        name+=\" $words[2]\"\n        shift words\n        (( CURRENT-- ))\n    fi\n"
                       "    if (( help )); then\n"
                       "        _arguments '--format=[Write that page.]:format:(man)'\n        return\n    fi\n"
                       "    common=(\n");
    for (size_t i = 0; i < cli_n_common; i++) one_option(out, &cli_common_option[i], cli_common_option[i].name);
    raml_buf_adds(out, "    )\n    case $name in\n");
    for (size_t i = 0; i < cli_n_commands; i++) one_command(out, cli_commands[i]);
    raml_buf_adds(out, "    (*)\n        return 1\n        ;;\n    esac\n    _arguments $arguments $common\n}\n\n"
                       "if [[ $funcstack[1] == _raml ]]; then\n    _raml \"$@\"\nelse\n    compdef _raml raml\nfi\n");
}
