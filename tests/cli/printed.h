/* printed.h - runs a command in a temporary folder and keeps what it printed. For the tests of src/cli. */
#ifndef RAML_TESTS_CLI_PRINTED_H
#define RAML_TESTS_CLI_PRINTED_H

#include "cli/commands.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char old[512], dir[64];
    struct raml_buf out; /* what the command printed */
    struct raml_err err;
};

/* Each test works in its own folder, so that messages contain bare names. */
static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || !getcwd(f->old, sizeof f->old)) return -1;
    strcpy(f->dir, "/tmp/raml_data_XXXXXX");
    if (!mkdtemp(f->dir) || chdir(f->dir)) return -1;
    raml_buf_init(&f->out, 1 << 24);
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    int rc = chdir(f->old) || raml_remove_tree(f->dir, NULL);
    raml_buf_deinit(&f->out);
    free(f);
    return rc ? -1 : 0;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(raml_file_write(name, text, strlen(text), NULL), RAML_OK);
}

/* Runs a command with arguments separated by spaces; its standard output goes to f->out. */
static enum raml_code run(struct fixture *f, const struct cli_command *cmd, const char *line)
{
    char copy[512], *argv[32], *save = NULL;
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *a = strtok_r(copy, " ", &save); a; a = strtok_r(NULL, " ", &save)) argv[argc++] = a;
    void *settings = calloc(1, cmd->settings_size);
    struct cli cli = {0};
    struct cli_parsed *parsed = NULL;
    bool help;
    assert_non_null(settings);
    memset(&f->err, 0, sizeof f->err);
    enum raml_code rc = cli_parse(cmd, argc, argv, settings, &cli, &help, &parsed, &f->err);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    FILE *to = fopen("printed", "wb");
    assert_true(saved >= 0 && to && dup2(fileno(to), STDOUT_FILENO) >= 0);
    if (!rc) rc = cmd->run(&cli, settings, &f->err);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    fclose(to);
    cli_parse_free(parsed);
    free(settings);
    raml_buf_clear(&f->out);
    assert_int_equal(raml_file_read("printed", &f->out, NULL), RAML_OK);
    raml_buf_adds(&f->out, "");
    return rc;
}

static void must_hold(const struct fixture *f, const char *text)
{
    if (!strstr(f->out.data, text)) fail_msg("'%s' is not in:\n%s", text, f->out.data);
}

#endif
