/* gnuplot.c - see gnuplot.h. */
#include "study/gnuplot.h"

#include "core/path.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 160, TAIL = 64, ARGUMENT_MAX = 256 };

struct child {
    pid_t pid;
    int said; /* the pipe that it writes to */
    char text[SAID_MAX];
    size_t n;
    bool stopped, late;
};

/* Its own process group, so that Ctrl-C reaches it by way of this process; no signal blocked or handled. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, every;
    sigemptyset(&none);
    sigfillset(&every);
    int failed = posix_spawnattr_setsigmask(attr, &none);
    if (!failed) failed = posix_spawnattr_setsigdefault(attr, &every);
    if (!failed) failed = posix_spawnattr_setpgroup(attr, 0);
    if (!failed)
        failed = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return failed;
}

/* Starts gnuplot in dir with its output going to fd. 0 or an errno. */
static int spawn(const char *dir, int fd, char *const argv[], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed) return failed;
    failed = posix_spawnattr_init(&attr);
    if (!failed) {
        failed = set_attributes(&attr);
        if (!failed) failed = posix_spawn_file_actions_addchdir_np(&actions, dir);
        if (!failed) failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, fd, 1);
        if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, fd, 2);
        if (!failed) failed = posix_spawnp(pid, "gnuplot", &actions, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* The beginning of what it says, as one line of printable characters. false: it says no more. */
static bool listen(struct child *c)
{
    char bytes[512];
    ssize_t got = read(c->said, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) c->stopped = true;
    for (ssize_t i = 0; i < got && c->n + 1 < SAID_MAX; i++) {
        bool space = !isprint((unsigned char)bytes[i]) || bytes[i] == ' ';
        if (!space) c->text[c->n++] = bytes[i];
        else if (c->n && c->text[c->n - 1] != ' ') c->text[c->n++] = ' ';
    }
    while (got <= 0 && c->n && c->text[c->n - 1] == ' ') c->n--;
    c->text[c->n] = 0;
    return got > 0;
}

/* Until it ends; its exit status as a shell has it. What it started itself may live on and keep the pipe open. */
static int wait_for(struct child *c)
{
    enum { SAID, ENDED, LATE };
    const struct itimerspec limit = {.it_value.tv_sec = RAML_GNUPLOT_SECONDS};
    struct pollfd on[] = {{.fd = c->said, .events = POLLIN},
                          {.fd = pidfd_open(c->pid, 0), .events = POLLIN},
                          {.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), .events = POLLIN}};
    if (on[LATE].fd >= 0) timerfd_settime(on[LATE].fd, 0, &limit, NULL);
    while (!c->stopped && !c->late && (on[SAID].fd >= 0 || on[ENDED].fd >= 0)) {
        if (poll(on, 3, -1) < 0) {
            c->stopped = errno == EINTR;
            if (!c->stopped) break;
        } else if (on[LATE].revents) c->late = true;
        else if (on[SAID].revents && !listen(c)) on[SAID].fd = -1;
        else if (on[ENDED].revents && !on[SAID].revents) break;
    }
    if (c->stopped || c->late) kill(-c->pid, SIGKILL); /* it holds nothing that can be lost */
    if (on[ENDED].fd >= 0) close(on[ENDED].fd);
    if (on[LATE].fd >= 0) close(on[LATE].fd);
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* Runs `gnuplot -d -e "svg='NAME.svg.tmp'" NAME.gp` in dir. 0 or an errno: it did not start. */
static int run(const char *dir, const char *name, struct child *c, int *status)
{
    char set[ARGUMENT_MAX], script[ARGUMENT_MAX];
    int ends[2];
    snprintf(set, sizeof set, "svg='%s.svg.tmp'", name);
    snprintf(script, sizeof script, "%s.gp", name);
    char *argv[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char[]){"-e"}, set, script, NULL};
    if (pipe2(ends, O_CLOEXEC)) return errno;
    int failed = spawn(dir, ends[1], argv, &c->pid);
    close(ends[1]);
    c->said = ends[0];
    if (!failed) *status = wait_for(c);
    close(ends[0]);
    return failed;
}

/* Is it a whole picture? A full disk leaves half of one, whatever the exit status is. */
static bool is_svg(const char *path)
{
    char head[TAIL + 1] = "", tail[TAIL + 1] = "";
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    bool ok = fread(head, 1, TAIL, f) == TAIL && !fseek(f, -TAIL, SEEK_END) && fread(tail, 1, TAIL, f) == TAIL;
    fclose(f);
    return ok && strstr(head, "<?xml") && strstr(tail, "</svg>");
}

static enum raml_gnuplot explain(const struct child *c, int failed, int status, char why[RAML_GNUPLOT_WHY])
{
    const char *colon = c->n ? ": " : "";
    enum raml_gnuplot result = failed || c->late || status == 127 ? RAML_GNUPLOT_HOPELESS : RAML_GNUPLOT_FAILED;
    if (failed == ENOENT) snprintf(why, RAML_GNUPLOT_WHY, "gnuplot was not found (Debian: gnuplot-nox)");
    else if (failed) snprintf(why, RAML_GNUPLOT_WHY, "gnuplot did not start: %s", strerror(failed));
    else if (c->late)
        snprintf(why, RAML_GNUPLOT_WHY, "gnuplot did not end in %d s%s%s", RAML_GNUPLOT_SECONDS, colon, c->text);
    else if (status > 128)
        snprintf(why, RAML_GNUPLOT_WHY, "gnuplot was ended by signal %d%s%s", status - 128, colon, c->text);
    else if (status) snprintf(why, RAML_GNUPLOT_WHY, "gnuplot ended with exit code %d%s%s", status, colon, c->text);
    else snprintf(why, RAML_GNUPLOT_WHY, "gnuplot left no whole picture%s%s", colon, c->text);
    return result;
}

enum raml_code raml_gnuplot_draw(const char *dir, const char *name, enum raml_gnuplot *result,
                                 char why[RAML_GNUPLOT_WHY], struct raml_err *err)
{
    char tmp[RAML_PATH_BYTES], svg[RAML_PATH_BYTES];
    struct child c = {.pid = 0};
    int status = 0;
    enum raml_code rc = raml_path_format(tmp, err, "%s/%s.svg.tmp", dir, name);
    if (!rc) rc = raml_path_format(svg, err, "%s/%s.svg", dir, name);
    if (rc) return rc;
    remove(tmp);
    int failed = run(dir, name, &c, &status);
    bool drew = !failed && !c.stopped && !c.late && status == 0 && is_svg(tmp) && !rename(tmp, svg);
    *result = RAML_GNUPLOT_DREW;
    if (drew) return RAML_OK;
    remove(tmp);
    remove(svg);
    if (c.stopped) return raml_fail(err, RAML_ESTOP, "%s/%s.gp: stopped while gnuplot drew it", dir, name);
    *result = explain(&c, failed, status, why);
    return RAML_OK;
}
