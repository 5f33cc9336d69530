/* complete_bash.c - completion for bash. See pages.h.
 *
 * The script needs bash 4 and nothing else. bash cuts the line at "=": --name=value arrives as three words.
 */
#include "cli/pages.h"

#include <string.h>

static const char head[] = "# bash completion for raml " RAML_VERSION ", written by: raml help --format bash\n"
                           "\n"
                           "# Sets COMPREPLY to those of the words $1 that begin with $2.\n"
                           "_raml_words()\n"
                           "{\n"
                           "    mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\")\n"
                           "}\n"
                           "\n"
                           "# Paths that begin with $1.\n"
                           "_raml_paths()\n"
                           "{\n"
                           "    mapfile -t COMPREPLY < <(compgen -f -- \"$1\")\n"
                           "    compopt -o filenames 2>/dev/null\n"
                           "}\n"
                           "\n";

static const char body[] =
    "_raml()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} option=\"\" value=\"\" name=${COMP_WORDS[1]-} options at=2\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD == 1)); then\n"
    "        _raml_words \"$_raml_first help --help --version\" \"$cur\"\n"
    "        return\n"
    "    fi\n"
    "    if [[ $name == help ]]; then\n"
    "        name=${COMP_WORDS[2]-} at=3\n"
    "        if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --format ]]; then\n"
    "            _raml_words 'man bash zsh fish' \"$cur\"\n"
    "            return\n"
    "        fi\n"
    "        if ((COMP_CWORD == 2)); then\n"
    "            _raml_words \"$_raml_first --format\" \"$cur\"\n"
    "            return\n"
    "        fi\n"
    "    fi\n"
    "    _raml_group \"$name\"\n"
    "    if [[ -n $value ]]; then\n"
    "        if ((COMP_CWORD == at)); then\n"
    "            _raml_words \"$value\" \"$cur\"\n"
    "            return\n"
    "        fi\n"
    "        name+=\" ${COMP_WORDS[at]}\"\n"
    "    fi\n"
    "    [[ ${COMP_WORDS[1]} != help ]] || return\n"
    "    # --name=value: the words are --name, = and value.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\"\" option=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then\n"
    "        option=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    elif [[ $cur != --* ]]; then\n"
    "        option=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    fi\n"
    "    if [[ $option == --?* ]]; then\n"
    "        option=${option#--}\n"
    "        _raml_value \"$name\" \"${option//-/_}\"\n"
    "        case $value in\n"
    "        path) _raml_paths \"$cur\"; return ;;\n"
    "        text) return ;;\n"
    "        words:*) _raml_words \"${value#words:}\" \"$cur\"; return ;;\n"
    "        esac\n"
    "    fi\n"
    "    _raml_options \"$name\"\n"
    "    if [[ $cur == -* ]]; then\n"
    "        # Dashes inside a name are as good as underscores.\n"
    "        [[ ${cur#--} != *-* || $cur == --no-* ]] || options=${options//_/-}\n"
    "        _raml_words \"$options\" \"$cur\"\n"
    "    elif [[ $value == arguments ]]; then\n"
    "        _raml_paths \"$cur\"\n"
    "    fi\n"
    "}\n"
    "complete -F _raml raml\n";

static void first_words(struct raml_buf *out)
{
    const char *second;
    raml_buf_adds(out, "_raml_first='");
    for (size_t i = 0; i < cli_n_commands; i++) {
        if (!cli_is_first(i)) continue;
        if (i) raml_buf_adds(out, " ");
        raml_buf_add(out, cli_commands[i]->name, cli_group(cli_commands[i], &second));
    }
    raml_buf_adds(out, "'\n\n");
}

/* value=second words of a group of commands, or nothing. */
static void groups(struct raml_buf *out)
{
    const char *second, *other;
    raml_buf_adds(out, "_raml_group()\n{\n    case $1 in\n");
    for (size_t i = 0; i < cli_n_commands; i++) {
        const char *name = cli_commands[i]->name, *between = "";
        size_t len = cli_group(cli_commands[i], &second);
        if (!second || !cli_is_first(i)) continue;
        raml_buf_addf(out, "    %.*s) value='", (int)len, name);
        for (size_t k = i; k < cli_n_commands; k++) {
            if (cli_group(cli_commands[k], &other) != len || strncmp(cli_commands[k]->name, name, len) != 0) continue;
            raml_buf_addf(out, "%s%s", between, other);
            between = " ";
        }
        raml_buf_adds(out, "' ;;\n");
    }
    raml_buf_adds(out, "    esac\n}\n\n");
}

static void one_value(struct raml_buf *out, const char *command, const struct raml_setting *o)
{
    if (o->type == RAML_FLAG) return;
    raml_buf_addf(out, "    '%s %s'", command, o->name);
    const char *alias;
    for (size_t i = 0, n; (n = raml_setting_alias(o, i, &alias)) > 0; i++)
        raml_buf_addf(out, " | '%s %.*s'", command, (int)n, alias);
    raml_buf_adds(out, ") value=");
    if (raml_setting_has_words(o)) {
        raml_buf_adds(out, "'words:");
        cli_words(o, " ", out);
        raml_buf_adds(out, "' ;;\n");
    } else {
        raml_buf_adds(out, o->type == RAML_PATH ? "path ;;\n" : "text ;;\n");
    }
}

/* value=what follows option $2 of command $1: path, text, words:..., or empty where nothing does. */
static void values(struct raml_buf *out)
{
    raml_buf_adds(out, "_raml_value()\n{\n    value=\"\"\n    case \"$1 $2\" in\n");
    for (size_t c = 0; c < cli_n_commands; c++)
        for (size_t i = 0; i < cli_n_options(cli_commands[c]); i++)
            one_value(out, cli_commands[c]->name, cli_option_at(cli_commands[c], i));
    raml_buf_adds(out, "    esac\n}\n\n");
}

/* options=those of command $1; value=arguments where it takes nameless ones. */
static void option_names(struct raml_buf *out)
{
    raml_buf_adds(out, "_raml_options()\n{\n    value=\"\" options=\"\"\n    case $1 in\n");
    for (size_t c = 0; c < cli_n_commands; c++) {
        const struct cli_command *cmd = cli_commands[c];
        raml_buf_addf(out, "    '%s')\n        options='", cmd->name);
        for (size_t i = 0; i < cli_n_options(cmd); i++) {
            const struct raml_setting *o = cli_option_at(cmd, i);
            raml_buf_addf(out, "%s--%s", i ? " " : "", o->name);
            if (cli_is_negatable(o)) raml_buf_addf(out, " --no-%s", o->name);
        }
        raml_buf_addf(out, "'\n%s        ;;\n", *cmd->args ? "        value=arguments\n" : "");
    }
    raml_buf_adds(out, "    esac\n}\n\n");
}

void cli_bash(struct raml_buf *out)
{
    raml_buf_adds(out, head);
    first_words(out);
    groups(out);
    values(out);
    option_names(out);
    raml_buf_adds(out, body);
}
