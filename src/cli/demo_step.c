/* demo_step.c - one of the demo's commands, run by this program anew. See demo.h. */
#include "cli/demo.h"

#include "cli/signals.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

static void child(const struct demo_step *s, pid_t parent)
{
    char *argv[DEMO_MAX_WORDS + 2] = {"raml"};
    for (int i = 0; i < s->n; i++) argv[i + 1] = (char *)(uintptr_t)s->word[i];
    cli_signals_in_child();
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a step does not outlive a demo that is killed */
    if (getppid() != parent) _exit(1);
    int fd = s->stdout_path ? open(s->stdout_path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : 1;
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = 0;
        if (fd >= 0 && (fd == 1 || dup2(fd, 1) >= 0)) execv(self, argv);
    }
    fprintf(stderr, "raml demo: cannot start a step: %s\n", strerror(errno));
    _exit(1);
}

/* Waits for the step; a request to stop is passed on to it. */
static enum raml_code wait_for(pid_t pid, int *status, struct rusage *use, struct raml_err *err)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    for (bool passed = false;;) {
        pid_t got = wait4(pid, status, WNOHANG, use);
        if (got == pid) return RAML_OK;
        if (got < 0 && errno != EINTR) return raml_fail_errno(err, "can't wait for a step");
        if (!passed && cli_signals_asked()) {
            cli_signals_pass_on(pid);
            passed = true;
        }
        nanosleep(&pause, NULL);
    }
}

/* As a shell reads it. */
static void print_word(const char *word)
{
    if (*word && !word[strcspn(word, " \t\n'\"\\$`&|;<>()*?[]#~!")]) {
        printf(" %s", word);
        return;
    }
    printf(" '");
    for (; *word; word++) printf(*word == '\'' ? "'\\''" : "%c", *word);
    printf("'");
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
        for (int i = 0; i < s->n; i++) print_word(s->word[i]);
        printf("\n");
    }
    fflush(stdout);
    double start = raml_clock_monotonic();
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) child(s, parent);
    if (pid < 0) return raml_fail_errno(err, "cannot start a step");
    int status = 0;
    struct rusage use = {0};
    enum raml_code rc = wait_for(pid, &status, &use, err);
    if (rc) return rc;
    phase->seconds += raml_clock_monotonic() - start;
    size_t memory = (size_t)use.ru_maxrss * 1024;
    if (memory > phase->peak_memory_bytes) phase->peak_memory_bytes = memory;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return RAML_OK;
    if (cli_signals_asked())
        return raml_fail(err, RAML_ESTOP, "stopped during `raml %s`; the same command with --resume goes on from there",
                         s->word[0]);
    return raml_fail(err, RAML_EIO, "the step `raml %s %s` failed; its message is above", s->word[0],
                     s->n > 1 ? s->word[1] : "");
}
