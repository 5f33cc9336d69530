/* progress.c - progress on standard error, and requests to stop.
 *
 * On a terminal: one line, rewritten at most ten times a second, truncated to the terminal's width. Elsewhere (files,
 * pipes, TERM=dumb): a plain line at most every ten seconds and one when a piece of work ends. No colour is ever
 * written, so NO_COLOR has nothing to switch off. Rate and time left count from the first call of a piece of work, so
 * a resumed run does not claim work it did not do.
 */
#include "cli/cli.h"

#include "core/clock.h"

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The only mutable statics of the program: a signal handler has no argument for its owner. They are
 * written by the handler; stop() reads the first. */
static volatile sig_atomic_t caught, caught_at; /* a signal's number; when it came, in milliseconds */

/* Milliseconds within which several are one request. A person does not press Ctrl-C twice as fast as that. */
enum { ONE_SIGTERM = 1000, ONE_SIGINT = 100 };

/* timeout(1) sends its signal to a program and at once to its group, and so twice to the program; a SIGTERM with a value
 * is from a raml that passes its own on (cli_progress_pass_on). Neither is a person who has lost patience. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    unsigned now = (unsigned)(int64_t)(raml_clock_monotonic() * 1000);
    bool again = caught == SIGTERM || caught == SIGINT;
    if (again && number == SIGUSR1) return;
    if (!again) caught_at = (sig_atomic_t)(now & INT_MAX);
    if (!again || number == SIGINT) caught = number;
    if (!again || number == SIGPIPE || info->si_code == SI_QUEUE) return;
    if (((now - (unsigned)caught_at) & INT_MAX) < (number == SIGINT ? ONE_SIGINT : ONE_SIGTERM)) return;
    signal(number, SIG_DFL); /* it ends the program when this handler returns */
    raise(number);
}

bool cli_progress_asked(void)
{
    return caught != 0;
}

void cli_progress_pass_on(pid_t pid)
{
    sigqueue(pid, SIGTERM, (union sigval){0});
}

/* SIGUSR1: what mpirun passes on to ranks, and what sbatch --signal=USR1 sends before a job's time is up. */
enum { N_SIGNALS = 4, MAX_LINE = 512 };
static const int watched[N_SIGNALS] = {SIGINT, SIGTERM, SIGPIPE, SIGUSR1};

struct cli_progress {
    struct raml_sink sink;
    struct sigaction before[N_SIGNALS];
    bool quiet, terminal, announced, open; /* open: what[] is work that has not ended */
    char what[96], last[MAX_LINE];         /* last: newest state, for the line at the end */
    double started, shown, first, done;
    size_t width; /* of the line on the terminal; 0: none */
};

static void wipe(struct cli_progress *p)
{
    if (p->width) fprintf(stderr, "\r%*s\r", (int)p->width, "");
    p->width = 0;
}

/* 12 -> "12", 81234 -> "81.2k" */
static void short_number(double x, char out[24])
{
    static const char *const unit[] = {"", "k", "M", "G", "T"};
    size_t i = 0;
    while (fabs(x) >= 9999.5 && i < 4) {
        x /= 1000;
        i++;
    }
    snprintf(out, 24, i || x != floor(x) ? "%.3g%s" : "%.0f%s", x, unit[i]);
}

static void short_time(double seconds, char out[24])
{
    long s = seconds < 1e9 ? (long)(seconds + 0.5) : 1000000000;
    if (s < 60) snprintf(out, 24, "%lds", s);
    else if (s < 3600) snprintf(out, 24, "%ldm%02lds", s / 60, s % 60);
    else snprintf(out, 24, "%ldh%02ldm", s / 3600, s / 60 % 60);
}

/* "train  42 %  420/1000 steps  3.1 steps/s  2m15s, 3m07s left  loss 0.41" */
static void describe(struct cli_progress *p, double done, double total, const char *unit, const char *note, double t)
{
    char a[24], b[24], c[24];
    size_t n = (size_t)snprintf(p->last, MAX_LINE, "%s", p->what);
    double elapsed = t - p->started, rate = elapsed > 0 ? (done - p->first) / elapsed : 0;
    short_number(done, a);
    short_number(total, b);
    if (total > 0)
        n += (size_t)snprintf(p->last + n, MAX_LINE - n, "  %.0f %%  %s/%s %s", floor(100 * done / total), a, b, unit);
    else n += (size_t)snprintf(p->last + n, MAX_LINE - n, "  %s %s", a, unit);
    short_number(rate, a);
    short_time(elapsed, b);
    if (rate > 0) n += (size_t)snprintf(p->last + n, MAX_LINE - n, "  %s %s/s", a, unit);
    n += (size_t)snprintf(p->last + n, MAX_LINE - n, "  %s", b);
    if (total > done && rate > 0) {
        short_time((total - done) / rate, c);
        n += (size_t)snprintf(p->last + n, MAX_LINE - n, ", %s left", c);
    }
    if (note) snprintf(p->last + n, MAX_LINE - n, "  %.200s", note);
}

static size_t columns(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1u : 79;
}

static void show(struct cli_progress *p)
{
    if (p->terminal) {
        size_t width = columns(), len = strlen(p->last), cut = len < width ? len : width;
        while (cut < len && cut > 0 && ((unsigned char)p->last[cut] & 0xc0) == 0x80) cut--;
        int pad = p->width > cut ? (int)(p->width - cut) : 0;
        fprintf(stderr, "\r%.*s%*s", (int)cut, p->last, pad, "");
        p->width = cut;
    } else {
        fprintf(stderr, "%s\n", p->last);
    }
    fflush(stderr);
}

/* Leaves the last state of the current work as a separate line. */
static void finish(struct cli_progress *p)
{
    if (!p->open) return;
    p->open = false;
    wipe(p);
    fprintf(stderr, "%s\n", p->last);
    fflush(stderr);
}

static void on_line(void *user, const char *text)
{
    struct cli_progress *p = user;
    if (p->quiet) return;
    wipe(p);
    fprintf(stderr, "%s\n", text);
    if (p->open && p->terminal) show(p);
    fflush(stderr);
}

static void on_progress(void *user, const char *what, double done, double total, const char *unit, const char *note)
{
    struct cli_progress *p = user;
    if (p->quiet) return;
    double t = raml_clock_monotonic();
    bool same = strncmp(p->what, what, sizeof p->what - 1) == 0 && done >= p->done;
    if (!p->open && same && total > 0 && done >= total) return; /* already ended */
    if (!p->open || !same) {
        finish(p);
        snprintf(p->what, sizeof p->what, "%s", what);
        p->started = t;
        p->shown = p->terminal ? 0 : t;
        p->first = done;
        p->open = true;
    }
    p->done = done;
    describe(p, done, total, unit, note, t);
    if (total > 0 && done >= total) {
        finish(p);
    } else if (t - p->shown >= (p->terminal ? 0.1 : 10.0)) {
        p->shown = t;
        show(p);
    }
}

static bool on_stop(void *user)
{
    struct cli_progress *p = user;
    if (caught && !p->announced) {
        p->announced = true;
        if (caught == SIGINT) on_line(p, "Ctrl-C: stopping at the end of this step; a second one ends at once");
        if (caught == SIGUSR1) on_line(p, "SIGUSR1: stopping at the end of this step");
        if (caught == SIGTERM) on_line(p, "SIGTERM: stopping at the end of this step; a second one ends at once");
    }
    return caught != 0;
}

struct cli_progress *cli_progress_open(bool quiet)
{
    struct cli_progress *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    const char *term = getenv("TERM");
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    p->sink = (struct raml_sink){.line = on_line, .progress = on_progress, .stop = on_stop, .user = p};
    caught = 0;
    for (int i = 0; i < N_SIGNALS; i++) {
        /* RESTART: a stop never looks like a failed read. A closed pipe is a request to stop like any other; it may
         * come often. */
        struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO};
        sigemptyset(&a.sa_mask);
        sigaction(watched[i], &a, &p->before[i]);
        if (watched[i] != SIGPIPE && p->before[i].sa_handler == SIG_IGN) /* a background job of sh, nohup */
            sigaction(watched[i], &p->before[i], NULL);
    }
    return p;
}

const struct raml_sink *cli_progress_sink(struct cli_progress *p)
{
    return p ? &p->sink : NULL;
}

void cli_progress_close(struct cli_progress *p)
{
    if (!p) return;
    finish(p);
    for (int i = 0; i < N_SIGNALS; i++) sigaction(watched[i], &p->before[i], NULL);
    free(p);
}
