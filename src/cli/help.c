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

const char *cli_type_name(enum raml_setting_type t)
{
    switch (t) {
    case RAML_INT: return " INT";
    case RAML_REAL: return " REAL";
    case RAML_TEXT: return " TEXT";
    case RAML_PATH: return " PATH";
    case RAML_ONE:
    case RAML_WORD: return " WORD";
    case RAML_FLAG: break;
    }
    return "";
}

void cli_facts(const struct raml_setting *o, struct raml_buf *out)
{
    const char *before = " (";
    if (o->type != RAML_FLAG && o->type != RAML_TEXT && o->type != RAML_PATH) {
        char want[RAML_EXPECTED];
        raml_setting_expected(o, want);
        raml_buf_addf(out, "%s%s", before, want);
        before = "; ";
    }
    if (o->value && *o->value) {
        raml_buf_addf(out, "%sdefault %s", before, o->value);
        before = "; ";
    }
    const char *alias;
    for (size_t i = 0, n; (n = raml_setting_alias(o, i, &alias)) > 0; i++) {
        raml_buf_addf(out, "%s--%.*s", i ? ", " : before[0] == ';' ? "; also " : " (also ", (int)n, alias);
        before = "; ";
    }
    if (before[0] == ';') raml_buf_adds(out, ")");
}

bool cli_is_negatable(const struct raml_setting *o)
{
    return o->type == RAML_FLAG && o->value && strcmp(o->value, "true") == 0;
}

void cli_row_help(const struct cli_command *cmd, const struct raml_setting *o, struct raml_buf *out)
{
    const char *name;
    raml_buf_adds(out, o->help);
    for (size_t i = 0; cmd && cmd->preset && !strcmp(o->name, "preset") && (name = cmd->preset_name(i)) != NULL; i++)
        raml_buf_addf(out, "%s %s", i ? "," : " Presets:", name);
    cli_facts(o, out);
}

static void option_help(const struct cli_command *cmd, const struct raml_setting *o, struct raml_buf *out)
{
    char left[128];
    int n =
        snprintf(left, sizeof left, "  --%s%s%s", cli_is_negatable(o) ? "[no-]" : "", o->name, cli_type_name(o->type));
    raml_buf_adds(out, left);
    if (n + 2 > INDENT) raml_buf_addf(out, "\n%*s", INDENT, "");
    else raml_buf_addf(out, "%*s", INDENT - n, "");
    struct raml_buf text;
    raml_buf_init(&text, 4096);
    cli_row_help(cmd, o, &text);
    wrap(out, text.data ? text.data : "", INDENT, INDENT);
    raml_buf_deinit(&text);
}

static void group_help(const struct cli_command *cmd, const struct cli_shared *t, size_t g, struct raml_buf *out)
{
    bool any = false;
    for (size_t k = 0; k < *t->n; k++) {
        char value[CLI_DEFAULT];
        if (cli_group_of(t, k) != g) continue;
        struct raml_setting row = cli_row(t, k, value);
        if (!any) raml_buf_addf(out, "\n%s:\n", cli_group_heading(t, g));
        any = true;
        option_help(cmd, &row, out);
    }
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
    for (size_t i = 0; i < cli_n_tables(cmd); i++) {
        struct cli_shared t = cli_table(cmd, i);
        for (size_t g = 0; cli_group_heading(&t, g); g++) group_help(cmd, &t, g, out);
    }
    raml_buf_adds(out, "\nexample:\n");
    cli_example(out, cmd->example);
}
