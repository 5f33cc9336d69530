/* demo_step.c - one of the demo's commands, run by this program anew. See demo.h. */
#include "cli/demo.h"

#include "cli/child.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cli_demo_add(struct demo_step *s, const char *fmt, ...)
{
    va_list ap;
    int n = DEMO_WORD;
    va_start(ap, fmt);
    if (s->n < DEMO_MAX_WORDS) n = vsnprintf(s->word[s->n++], DEMO_WORD, fmt, ap);
    va_end(ap);
    if (n < 0 || n >= DEMO_WORD) s->too_long = true;
}

void cli_demo_add_words(struct demo_step *s, const char *line)
{
    while (*line) {
        size_t n = strcspn(line, " ");
        if (n) cli_demo_add(s, "%.*s", (int)n, line);
        line += n + strspn(line + n, " ");
    }
}

enum raml_code cli_demo_run(const struct cli *cli, struct demo_step *s, struct demo_phase *phase, struct raml_err *err)
{
    if (cli->threads) {
        cli_demo_add(s, "--threads");
        cli_demo_add(s, "%d", cli->threads);
    }
    if (strcmp(cli->level, "auto")) {
        cli_demo_add(s, "--cpu");
        cli_demo_add(s, "%s", cli->level);
    }
    if (cli->quiet) cli_demo_add(s, "--quiet");
    if (s->too_long) return raml_fail(err, RAML_EUSAGE, "a path or text is longer than %d bytes", DEMO_WORD - 1);
    if (!cli->quiet && !cli->json) {
        printf("\n$ raml");
        for (int i = 0; i < s->n; i++) {
            printf(" ");
            cli_print_word(s->word[i]);
        }
        printf("\n");
    }
    const char *word[DEMO_MAX_WORDS];
    for (int i = 0; i < s->n; i++) word[i] = s->word[i];
    struct cli_child child = {.word = word, .n = (size_t)s->n, .stdout_path = s->stdout_path};
    enum raml_code rc = cli_child_run(&child, err);
    phase->seconds += child.seconds;
    if (child.peak_memory_bytes > phase->peak_memory_bytes) phase->peak_memory_bytes = child.peak_memory_bytes;
    if (!child.stopped) return rc;
    return raml_fail(err, RAML_ESTOP, "stopped during `raml %s`; the same command with --resume goes on from there",
                     s->word[0]);
}
