/* help.c - the text of `raml COMMAND --help`, at most 100 columns wide. */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 100, INDENT = 32 };

/* Appends words of text, wrapped to WIDTH; the cursor is at column `at`, further lines begin at `indent`. */
static void wrap(struct raml_buf *out, const char *text, size_t at, size_t indent)
{
    bool first = true;
    for (const char *w = text; *w;) {
        if (*w == '\n') {
            raml_buf_addf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
            w++;
            continue;
        }
        size_t len = strcspn(w, " \n");
        if (!first && at + 1 + len > WIDTH) {
            raml_buf_addf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        if (!first) raml_buf_adds(out, " ");
        raml_buf_add(out, w, len);
        at += len + !first;
        first = false;
        w += len;
        w += strspn(w, " ");
    }
    raml_buf_adds(out, "\n");
}

const char *cli_type_name(enum cli_type t)
{
    switch (t) {
    case CLI_INT: return " INT";
    case CLI_REAL: return " REAL";
    case CLI_TEXT: return " TEXT";
    case CLI_PATH: return " PATH";
    case CLI_ONE: return " WORD";
    case CLI_FLAG: break;
    }
    return "";
}

void cli_facts(const struct cli_option *o, struct raml_buf *out)
{
    const char *before = " (";
    if (o->type != CLI_FLAG && o->type != CLI_TEXT && o->type != CLI_PATH) {
        char want[400];
        cli_expected(o, want, sizeof want);
        raml_buf_addf(out, "%s%s", before, want);
        before = "; ";
    }
    if (o->value && *o->value) {
        raml_buf_addf(out, "%sdefault %s", before, o->value);
        before = "; ";
    }
    const char *alias;
    for (size_t i = 0, n; (n = cli_option_alias(o, i, &alias)) > 0; i++) {
        raml_buf_addf(out, "%s--%.*s", i ? ", " : before[0] == ';' ? "; also " : " (also ", (int)n, alias);
        before = "; ";
    }
    if (before[0] == ';') raml_buf_adds(out, ")");
}

bool cli_is_negatable(const struct cli_option *o)
{
    return o->type == CLI_FLAG && o->value && strcmp(o->value, "true") == 0;
}

static void option_help(const struct cli_option *o, struct raml_buf *out)
{
    char left[128];
    int n =
        snprintf(left, sizeof left, "  --%s%s%s", cli_is_negatable(o) ? "[no-]" : "", o->name, cli_type_name(o->type));
    raml_buf_adds(out, left);
    if (n + 2 > INDENT) raml_buf_addf(out, "\n%*s", INDENT, "");
    else raml_buf_addf(out, "%*s", INDENT - n, "");
    struct raml_buf text;
    raml_buf_init(&text, 4096);
    raml_buf_adds(&text, o->help);
    cli_facts(o, &text);
    wrap(out, text.data ? text.data : "", INDENT, INDENT);
    raml_buf_deinit(&text);
}

void cli_example(struct raml_buf *out, const char *text)
{
    const int width = WIDTH - 4; /* beside the indent and " \\" */
    raml_buf_adds(out, "  ");
    while ((int)strlen(text) > width + 2) {
        int cut = width;
        while (cut > 0 && strncmp(text + cut, " --", 3) != 0) cut--;
        if (cut == 0) break;
        raml_buf_addf(out, "%.*s \\\n    ", cut, text);
        text += cut + 1;
    }
    raml_buf_addf(out, "%s\n", text);
}

void cli_help(const struct cli_command *cmd, struct raml_buf *out)
{
    raml_buf_addf(out, "usage: raml %s [options]%s%s\n\n", cmd->name, *cmd->args ? " " : "", cmd->args);
    wrap(out, cmd->about, 0, 0);
    if (cmd->detail) {
        raml_buf_adds(out, "\n");
        wrap(out, cmd->detail, 0, 0);
    }
    if (cmd->n_options) raml_buf_adds(out, "\noptions:\n");
    for (size_t i = 0; i < cmd->n_options; i++) option_help(&cmd->option[i], out);
    raml_buf_adds(out, "\noptions of every command:\n");
    for (size_t i = 0; i < cli_n_common; i++) option_help(&cli_common_option[i], out);
    raml_buf_adds(out, "\nexample:\n");
    cli_example(out, cmd->example);
}
