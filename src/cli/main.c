/* main.c - finds the command, parses its settings, and turns its result into an exit code.
 *
 * 0 done, 1 failed, 2 bad usage. Results go to standard output, everything else to standard error.
 */
#include "cli/cli.h"
#include "cli/memory.h"
#include "cli/pages.h"
#include "cli/processors.h"
#include "cli/ranks.h"
#include "cli/signals.h"

#include "core/nearest.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, BAD_USAGE = 2, MAX_HELP = 1 << 16, MAX_NAME = 64, MAX_COMMANDS = 64 };

static void overview(FILE *f)
{
    fputs("usage: raml COMMAND [options] [arguments]\n\n"
          "Language-model reasoning as optimization: train small reasoning models, sample, score, look inside.\n\n"
          "commands:\n",
          f);
    for (size_t i = 0; i < cli_n_commands; i++)
        fprintf(f, "  %-14s %s\n", cli_commands[i]->name, cli_commands[i]->about);
    fputs("\n'raml COMMAND --help' shows a command's options with an example; 'raml --version' the version;\n"
          "'raml help [COMMAND] --format man|bash|zsh|fish' writes manual pages and shell completion.\n",
          f);
}

/* The command that argv[0..argc) begins with; *n_words: how many words its name takes. */
static const struct cli_command *find(int argc, char *const *argv, int *n_words)
{
    for (size_t i = 0; i < cli_n_commands; i++) {
        const char *name = cli_commands[i]->name, *space = strchr(name, ' ');
        if (!space && argc > 0 && strcmp(argv[0], name) == 0) {
            *n_words = 1;
            return cli_commands[i];
        }
        if (space && argc > 1 && strncmp(argv[0], name, (size_t)(space - name)) == 0 && !argv[0][space - name] &&
            strcmp(argv[1], space + 1) == 0) {
            *n_words = 2;
            return cli_commands[i];
        }
    }
    return NULL;
}

/* Is the name two words, of which the first is `group`? */
static bool belongs(const char *name, const char *group)
{
    size_t len = strlen(group);
    return strncmp(name, group, len) == 0 && name[len] == ' ';
}

static bool is_group(const char *group)
{
    for (size_t i = 0; i < cli_n_commands; i++)
        if (belongs(cli_commands[i]->name, group)) return true;
    return false;
}

static void list_group(FILE *f, const char *group)
{
    for (size_t i = 0; i < cli_n_commands; i++)
        if (belongs(cli_commands[i]->name, group))
            fprintf(f, "  raml %-14s %s\n", cli_commands[i]->name, cli_commands[i]->about);
}

static void explain_group(FILE *f, const char *group)
{
    fprintf(f, "raml %s: expected one of these commands, or --config FILE whose raml_command names one:\n", group);
    list_group(f, group);
}

/* A group's name, followed by what is no command of it (NULL: by nothing). */
static int unknown_in_group(const char *group, const char *found)
{
    if (!found) {
        explain_group(stderr, group);
    } else {
        fprintf(stderr, "raml: unknown command '%s %.64s'; expected one of these:\n", group, found);
        list_group(stderr, group);
    }
    return BAD_USAGE;
}

static int unknown(int argc, char *const *argv)
{
    const char *known[MAX_COMMANDS];
    size_t n = 0;
    for (; n < cli_n_commands && n < MAX_COMMANDS; n++) known[n] = cli_commands[n]->name;
    bool asks = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    const char *found = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    if (is_group(argv[0])) {
        if (!asks) return unknown_in_group(argv[0], found);
        explain_group(stdout, argv[0]);
        return DONE;
    }
    char two[2 * MAX_NAME + 2] = "";
    if (found) snprintf(two, sizeof two, "%.*s %.*s", MAX_NAME, argv[0], MAX_NAME, argv[1]);
    const char *near = raml_nearest(two, known, n);
    if (!near) near = raml_nearest(argv[0], known, n);
    if (near) fprintf(stderr, "raml: unknown command '%.64s'; did you mean 'raml %s'?\n", argv[0], near);
    else fprintf(stderr, "raml: unknown command '%.64s'; 'raml --help' lists them\n", argv[0]);
    return BAD_USAGE;
}

/* Is standard output a pipe that nobody reads any more? Then there is nobody to report it to either. */
static bool reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* No output may be lost unnoticed: a full disk shows here at the latest. */
static int close_output(const char *name)
{
    errno = 0;
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed) return DONE;
    if (!reader_gone())
        fprintf(stderr, "raml %s: standard output: %s\n", name, errno ? strerror(errno) : "could not be written");
    return FAILED;
}

static int print_help(const struct cli_command *cmd)
{
    struct raml_buf text;
    raml_buf_init(&text, MAX_HELP);
    cli_help(cmd, &text);
    if (text.data) fputs(text.data, stdout);
    raml_buf_deinit(&text);
    return close_output(cmd->name);
}

static int exit_code(const char *name, enum raml_code rc, const struct raml_err *err)
{
    if (rc == RAML_OK) return DONE;
    if (cli_ranks_speaks() && !reader_gone()) fprintf(stderr, "raml %s: %s\n", name, err->msg[0] ? err->msg : "failed");
    return rc == RAML_EUSAGE ? BAD_USAGE : FAILED;
}

/* The recipe that follows a group's name, as in "raml train --config FILE"; of several the last; NULL: none does. */
static const char *recipe_of_group(int argc, char *const *argv)
{
    const char *path = NULL;
    if (argc < 2 || strncmp(argv[1], "--", 2) != 0 || !is_group(argv[0])) return NULL;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0) path = argv[i] + 9;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) path = argv[++i];
    }
    return path;
}

/* The command of the group that the recipe names; NULL: none, and *code is how to end. */
static const struct cli_command *find_named(const char *group, const char *path, int *code)
{
    struct raml_err err = {0};
    char name[RAML_SHOWN];
    size_t line;
    enum raml_code rc = cli_recipe_command(path, name, &line, &err);
    *code = rc ? exit_code(group, rc, &err) : BAD_USAGE;
    if (rc) return NULL;
    for (size_t i = 0; i < cli_n_commands && belongs(name, group); i++)
        if (strcmp(cli_commands[i]->name, name) == 0) return cli_commands[i];
    if (line) fprintf(stderr, "raml %s: %s:%zu: raml_command: found '%s'", group, path, line, name);
    else fprintf(stderr, "raml %s: %s: found no raml_command", group, path);
    fputs(", expected one of these commands:\n", stderr);
    list_group(stderr, group);
    return NULL;
}

/* raml help ... --format WORD */
static int print_page(int argc, char *const *argv)
{
    struct raml_err err = {0};
    struct raml_buf text;
    raml_buf_init(&text, CLI_MAX_PAGE);
    enum raml_code rc = cli_page(argc, argv, find, &text, &err);
    if (!rc) fputs(text.data, stdout);
    raml_buf_deinit(&text);
    return rc ? exit_code("help", rc, &err) : close_output("help");
}

static enum raml_code run_command(const struct cli_command *cmd, struct cli *cli, const struct cli_ranks *ranks,
                                  const void *settings, struct raml_err *err)
{
    struct raml_device *dev = NULL;
    int threads = cli->threads ? cli->threads : cli_ranks_threads(ranks);
    enum raml_code rc = raml_device_open(threads, cli->level, &dev, err);
    cli->comm = cli_ranks_comm(ranks);
    cli->find = find;
    if (cli->comm) rc = raml_comm_agree(cli->comm, rc, err);
    if (rc) {
        raml_device_close(dev);
        return rc;
    }
    struct cli_progress *progress = cli_progress_open(cli->quiet || (cli->comm && cli->comm->rank > 0));
    cli->dev = dev;
    size_t n_bad = 0;
    cli->sink = cli_progress_sink(progress);
    cli->n_bad_rows = &n_bad;
    rc = cmd->run(cli, settings, err);
    if (n_bad) raml_say(cli->sink, "%zu rows that can't be read were passed over (--skip_bad_rows)", n_bad);
    cli_progress_close(progress);
    raml_device_close(dev);
    return rc;
}

static int start(const struct cli_command *cmd, int argc, char *const *argv)
{
    struct raml_err err = {0};
    struct cli cli = {0};
    struct cli_parsed *parsed = NULL;
    struct cli_ranks *ranks = NULL;
    bool help = false;
    void *settings = calloc(1, cmd->settings_size ? cmd->settings_size : 1);
    if (!settings) {
        fprintf(stderr, "raml %s: no memory for settings\n", cmd->name);
        return FAILED;
    }
    int code;
    enum raml_code rc = cli_signals_open(&err); /* before any thread is started */
    if (!rc) rc = cli_ranks_open(cmd, &ranks, &err);
    bool opened = !rc;
    if (!rc) rc = cli_parse(cmd, argc, argv, settings, &cli, &help, &parsed, &err);
    if (!rc && !help) rc = run_command(cmd, &cli, ranks, settings, &err);
    rc = cli_memory_result(rc, &err);
    rc = cli_ranks_agree(ranks, cmd->name, rc, &err);
    if (!rc && help) {
        code = cli_ranks_speaks() ? print_help(cmd) : DONE;
    } else {
        code = exit_code(cmd->name, rc, &err);
        int output = close_output(cmd->name);
        if (code == DONE) code = output;
    }
    if (opened) cli_ranks_close(ranks);
    else cli_ranks_leave();
    cli_signals_close();
    cli_parse_free(parsed);
    free(settings);
    return code;
}

int main(int argc, char **argv)
{
    cli_memory_guard();
    /* A closed pipe is a write error, not a fatal signal. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        if (cli_ranks_speaks()) overview(stderr);
        else cli_ranks_leave();
        return BAD_USAGE;
    }
    const char *first = argv[1];
    if (strcmp(first, "--version") == 0) {
        printf("raml %s\n", RAML_VERSION);
        return close_output("--version");
    }
    bool help = strcmp(first, "help") == 0;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || (help && argc == 2)) {
        overview(stdout);
        return close_output("--help");
    }
    if (help && cli_asks_page(argc - 2, argv + 2)) return print_page(argc - 2, argv + 2);
    int n_words = 0, skip = help ? 2 : 1;
    const struct cli_command *cmd = find(argc - skip, argv + skip, &n_words);
    if (help && cmd) return print_help(cmd);
    if (help && is_group(argv[2])) {
        explain_group(stdout, argv[2]);
        return close_output("help");
    }
    const char *recipe = cmd || help ? NULL : recipe_of_group(argc - skip, argv + skip);
    if (recipe) {
        int code;
        cmd = find_named(argv[skip], recipe, &code);
        n_words = 1;
        if (!cmd) return code;
    }
    if (!cmd && !cli_ranks_speaks()) {
        cli_ranks_leave();
        return BAD_USAGE;
    }
    if (!cmd) return unknown(argc - skip, argv + skip);
    cli_share_processors(argv);
    return start(cmd, argc - skip - n_words, argv + skip + n_words);
}
