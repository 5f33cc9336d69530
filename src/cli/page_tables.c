/* page_tables.c - the tables of settings as pages and completion walk them. See pages.h. */
#include "cli/pages.h"

#include <string.h>

size_t cli_n_options(const struct cli_command *cmd)
{
    size_t n = 0;
    for (size_t i = 0; i < cli_n_tables(cmd); i++) n += *cli_table(cmd, i).n;
    return n;
}

const struct raml_setting *cli_option_at(const struct cli_command *cmd, size_t i)
{
    size_t k = 0;
    struct cli_shared t = cli_table(cmd, k);
    for (; i >= *t.n; t = cli_table(cmd, ++k)) i -= *t.n;
    return &t.table[i];
}

void cli_escape(struct raml_buf *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (strchr(special, *text)) raml_buf_adds(out, "\\");
        raml_buf_add(out, text, 1);
    }
}

void cli_words(const struct raml_setting *o, const char *between, struct raml_buf *out)
{
    for (const char *w = o->words; *w;) {
        size_t len = strcspn(w, "|");
        raml_buf_add(out, w, len);
        w += len;
        if (*w) {
            raml_buf_adds(out, between);
            w++;
        }
    }
}

size_t cli_group(const struct cli_command *cmd, const char **second)
{
    size_t len = strcspn(cmd->name, " ");
    *second = cmd->name[len] ? cmd->name + len + 1 : NULL;
    return len;
}

bool cli_is_first(size_t i_command)
{
    const char *second, *other;
    size_t len = cli_group(cli_commands[i_command], &second);
    for (size_t i = 0; second && i < i_command; i++)
        if (cli_group(cli_commands[i], &other) == len &&
            !strncmp(cli_commands[i]->name, cli_commands[i_command]->name, len))
            return false;
    return true;
}

/* -- `raml help ... --format WORD` --------------------------------------------------------------------------------- */
