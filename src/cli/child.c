/* child.c - see child.h. */
#include "cli/child.h"

#include "cli/signals.h"

#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a launcher of ranks set for this process is not the step's, which is one process. */
static bool is_launcher(const char *variable)
{
    static const char *const begin[] = {"OMPI_", "PMI_", "PMIX_", "SLURM_"};
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        if (!strncmp(variable, begin[i], strlen(begin[i]))) return true;
    return false;
}

/* The environment without it; the texts stay where they are. NULL: no memory. */
static char **own_environment(void)
{
    size_t n = 0, kept = 0;
    while (environ[n]) n++;
    char **e = calloc(n + 1, sizeof *e);
    for (size_t i = 0; i < n && e; i++)
        if (!is_launcher(environ[i])) e[kept++] = environ[i];
    return e;
}

/* By its path, which names the process, as long as that is this program: it may have been installed anew meanwhile. */
static const char *itself(char *path, size_t n)
{
    static const char link[] = "/proc/self/exe";
    struct stat now, then;
    ssize_t len = readlink(link, path, n - 1);
    if (len <= 0) return link;
    path[len] = 0;
    bool same = !stat(path, &now) && !stat(link, &then) && now.st_dev == then.st_dev && now.st_ino == then.st_ino;
    return same ? path : link;
}

static void run(const struct cli_child *c, char **argv, char **environment, pid_t parent)
{
    cli_signals_in_child();
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* a step does not outlive what started it, however that ends */
    if (getppid() != parent) _exit(1);
    int flags = O_WRONLY | O_CREAT | (c->append ? O_APPEND : O_TRUNC);
    int fd = c->stdout_path ? open(c->stdout_path, flags, 0666) : 1;
    char self[4096];
    bool ready = fd >= 0 && (fd == 1 || dup2(fd, 1) >= 0) && (!c->errors_too || dup2(fd, 2) >= 0);
    if (ready) execve(itself(self, sizeof self), argv, environment);
    fprintf(stderr, "raml: cannot start a step: %s\n", strerror(errno));
    _exit(1);
}

/* Waits for it; a request to stop is passed on. */
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

void cli_print_word(const char *word)
{
    if (*word && !word[strcspn(word, " \t\n'\"\\$`&|;<>()*?[]#~!")]) {
        printf("%s", word);
        return;
    }
    printf("'");
    for (; *word; word++) printf(*word == '\'' ? "'\\''" : "%c", *word);
    printf("'");
}

enum raml_code cli_child_run(struct cli_child *c, struct raml_err *err)
{
    char **argv = calloc(c->n + 2, sizeof *argv);
    char **environment = argv ? own_environment() : NULL;
    if (!environment) {
        free(argv);
        return raml_fail(err, RAML_ENOMEM, "no memory to start a step");
    }
    argv[0] = (char *)(uintptr_t) "raml";
    for (size_t i = 0; i < c->n; i++) argv[i + 1] = (char *)(uintptr_t)c->word[i];
    fflush(stdout);
    double start = raml_clock_monotonic();
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) run(c, argv, environment, parent);
    free(argv);
    free(environment);
    if (pid < 0) return raml_fail_errno(err, "cannot start a step");
    int status = 0;
    struct rusage use = {0};
    enum raml_code rc = wait_for(pid, &status, &use, err);
    if (rc) return rc;
    c->seconds = raml_clock_monotonic() - start;
    c->peak_memory_bytes = (size_t)use.ru_maxrss * 1024;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return RAML_OK;
    c->stopped = cli_signals_asked() != 0;
    return raml_fail(err, RAML_EIO, "the step `raml %s%s%s` failed%s", c->word[0], c->n > 1 ? " " : "",
                     c->n > 1 ? c->word[1] : "", c->errors_too ? "" : "; its message is above");
}
