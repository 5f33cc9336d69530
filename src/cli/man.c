/* man.c - manual pages: raml(1), and raml-COMMAND(1) for each command. See pages.h.
 *
 * Written in the macros of man(7), which groff, mandoc and man-db read alike. Text is broken into source lines of at
 * most 78 bytes where it has a space, and never begins a line with what would be read as a request.
 */
#include "cli/pages.h"

#include "core/ascii.h"

#include <stdio.h>
#include <string.h>

enum { SOURCE_WIDTH = 78 };

/* One piece of text, without a line break of the source, as troff shows it. */
static void put(struct raml_buf *out, const char *text, size_t len, bool line_start)
{
    if (line_start && len && strchr(".'", text[0])) raml_buf_adds(out, "\\&");
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') raml_buf_adds(out, "\\e");
        else if (text[i] == '-') /* a dash to be typed, not a hyphen */ raml_buf_adds(out, "\\-");
        else raml_buf_add(out, text + i, 1);
    }
}

/* A paragraph: filled by troff; what stands on a line of its own in the text stays so. */
static void paragraph(struct raml_buf *out, const char *text)
{
    size_t at = 0;
    while (*text) {
        size_t len = strcspn(text, " \n");
        if (at && at + 1 + len > SOURCE_WIDTH) {
            raml_buf_adds(out, "\n");
            at = 0;
        }
        if (at) raml_buf_adds(out, " ");
        put(out, text, len, at == 0);
        at += len + (at > 0);
        text += len;
        text += strspn(text, " ");
        if (*text != '\n') continue;
        raml_buf_adds(out, "\n.br\n");
        at = 0;
        text++;
    }
    raml_buf_adds(out, "\n");
}

static void capitals(struct raml_buf *out, const char *text, char space)
{
    for (; *text; text++) {
        char upper = *text == ' ' ? space : is_lower(*text) ? (char)(*text - 'a' + 'A') : *text;
        put(out, &upper, 1, false);
    }
}

static void heading(struct raml_buf *out, const char *text)
{
    raml_buf_adds(out, ".SH ");
    capitals(out, text, ' ');
    raml_buf_adds(out, "\n");
}

/* cmd: whose table it is; NULL: of every command. */
static void options(struct raml_buf *out, const struct cli_command *cmd, const struct cli_shared *t, size_t group)
{
    bool any = false;
    for (size_t i = 0; i < *t->n; i++) {
        char value[CLI_DEFAULT];
        if (cli_group_of(t, i) != group) continue;
        if (!any) heading(out, cli_group_heading(t, group));
        any = true;
        const struct raml_setting row = cli_row(t, i, value), *o = &row;
        struct raml_buf text;
        raml_buf_adds(out, ".TP\n\\fB\\-\\-");
        if (cli_is_negatable(o)) raml_buf_adds(out, "\\fR[\\fBno\\-\\fR]\\fB");
        put(out, o->name, strlen(o->name), false);
        raml_buf_adds(out, "\\fR");
        if (o->type != RAML_FLAG) raml_buf_addf(out, " \\fI%s\\fR", cli_type_name(o->type) + 1);
        raml_buf_adds(out, "\n");
        raml_buf_init(&text, CLI_MAX_PAGE);
        cli_row_help(cmd, o, &text);
        paragraph(out, text.data ? text.data : "");
        raml_buf_deinit(&text);
    }
}

/* raml-train-sft for "train sft", as troff shows it. */
static void page_name(struct raml_buf *out, const struct cli_command *cmd)
{
    raml_buf_adds(out, "raml\\-");
    for (const char *c = cmd->name; *c; c++) {
        if (*c == ' ') raml_buf_adds(out, "\\-");
        else put(out, c, 1, false);
    }
}

/* In capitals, as manual pages have them; space: what stands for one. */
static void title(struct raml_buf *out, const struct cli_command *cmd)
{
    raml_buf_adds(out, ".TH \"");
    for (const char *c = cmd ? "RAML-" : "RAML"; *c; c++) put(out, c, 1, false);
    capitals(out, cmd ? cmd->name : "", '-');
    raml_buf_adds(out, "\" 1 \"\" \"raml " RAML_VERSION "\" \"User Commands\"\n.SH NAME\n");
}

static void common_end(struct raml_buf *out)
{
    raml_buf_adds(
        out, ".SH EXIT STATUS\n0 when all was done, 1 when something failed, 2 for a wrong command line or recipe.\n"
             "Results go to standard output or to files, messages to standard error.\n");
}

static void command_page(const struct cli_command *cmd, struct raml_buf *out)
{
    struct raml_buf example;
    title(out, cmd);
    page_name(out, cmd);
    raml_buf_adds(out, " \\- ");
    put(out, cmd->about, strlen(cmd->about), false);
    raml_buf_addf(out, "\n.SH SYNOPSIS\n.B raml %s\n[\\fIoptions\\fR]", cmd->name);
    if (*cmd->args) {
        raml_buf_adds(out, " ");
        put(out, cmd->args, strlen(cmd->args), false);
    }
    raml_buf_adds(out, "\n");
    if (cmd->detail) {
        raml_buf_adds(out, ".SH DESCRIPTION\n");
        paragraph(out, cmd->detail);
    }
    for (size_t i = 0; i < cli_n_tables(cmd); i++) {
        struct cli_shared t = cli_table(cmd, i);
        for (size_t g = 0; cli_group_heading(&t, g); g++) options(out, cmd, &t, g);
    }
    raml_buf_adds(out, ".SH EXAMPLE\n.nf\n");
    raml_buf_init(&example, CLI_MAX_PAGE);
    cli_example(&example, cmd->example);
    for (const char *line = example.data; line && *line;) {
        size_t len = strcspn(line, "\n");
        put(out, line, len, true);
        raml_buf_adds(out, "\n");
        line += len + (line[len] == '\n');
    }
    raml_buf_deinit(&example);
    raml_buf_adds(out, ".fi\n");
    common_end(out);
    raml_buf_adds(out, ".SH SEE ALSO\n.BR raml (1)\n");
}

static void overview_page(struct raml_buf *out)
{
    title(out, NULL);
    raml_buf_adds(out,
                  "raml \\- language\\-model reasoning as optimization\n"
                  ".SH SYNOPSIS\n.B raml\n\\fICOMMAND\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]\n.br\n.B raml help\n"
                  "[\\fICOMMAND\\fR] [\\fB\\-\\-format\\fR man|bash|zsh|fish]\n.br\n.B raml \\-\\-version\n"
                  ".SH DESCRIPTION\n");
    paragraph(out,
              "Trains small reasoning models, samples from them, scores and grades, and shows what every token of a "
              "trajectory does to the loss of the answer (arXiv 2505.19815).");
    raml_buf_adds(out, ".PP\n");
    paragraph(out,
              "Options begin with two dashes: --learning_rate 0.1, --learning-rate 0.1 and --learning_rate=0.1 are the "
              "same, --no-x unsets the flag --x, and of an option given twice the last counts. A recipe, a YAML file "
              "given by --config, sets options by their names; the command line wins over it.");
    raml_buf_adds(out, ".PP\n");
    paragraph(out,
              "help --format writes what a system installs: the manual page of raml or of a COMMAND, and completion "
              "for bash, zsh and fish.");
    raml_buf_adds(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < cli_n_commands; i++) {
        raml_buf_adds(out, ".TP\n.BR ");
        page_name(out, cli_commands[i]);
        raml_buf_adds(out, " (1)\n");
        paragraph(out, cli_commands[i]->about);
    }
    const struct cli_shared common = {cli_common_option, &cli_n_common, 0, "options of every command", NULL};
    options(out, NULL, &common, 0);
    common_end(out);
    raml_buf_adds(out, ".SH SEE ALSO\n");
    for (size_t i = 0; i < cli_n_commands; i++) {
        raml_buf_adds(out, ".BR ");
        page_name(out, cli_commands[i]);
        raml_buf_adds(out, i + 1 < cli_n_commands ? " (1),\n" : " (1)\n");
    }
}

void cli_man(const struct cli_command *cmd, struct raml_buf *out)
{
    if (cmd) command_page(cmd, out);
    else overview_page(out);
}
