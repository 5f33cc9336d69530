/* progress.c - progress on standard error.
 *
 * On a terminal: one line, rewritten at most ten times a second, truncated to the terminal's width. Elsewhere (files,
 * pipes, TERM=dumb): a plain line at most every ten seconds and one when a piece of work ends. No colour is ever
 * written, so NO_COLOR has nothing to switch off. Rate and time left count from the first call of a piece of work, so
 * a resumed run does not claim work it did not do.
 */
#include "cli/cli.h"

#include "cli/signals.h"
#include "core/clock.h"
#include "core/utf8.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MAX_LINE = 512 };

struct cli_progress {
    struct raml_sink sink;
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

/* 12.34 -> "12.3", 8720.4 -> "8,720", 3220000 -> "3.2 M" */
static void short_number(double x, char out[24])
{
    static const char unit[] = "MGT";
    size_t i = 0;
    double big = x / 1e6;
    if (x < 999.5 && (x != floor(x) || x < 0)) {
        snprintf(out, 24, "%.3g", x);
    } else if (x < 999999.5) {
        long n = (long)floor(x + 0.5);
        if (n < 1000) snprintf(out, 24, "%ld", n);
        else snprintf(out, 24, "%ld,%03ld", n / 1000, n % 1000);
    } else {
        for (; big >= 999.5 && unit[i + 1]; i++) big /= 1000;
        if (big < 9.95) snprintf(out, 24, "%.1f %c", big, unit[i]);
        else if (big < 999.5) snprintf(out, 24, "%.0f %c", big, unit[i]);
        else snprintf(out, 24, "%.0f,%03.0f %c", floor(big / 1000), fmod(floor(big), 1000), unit[i]);
    }
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
        size_t most = columns(), len = strlen(p->last), cut = 0, width = 0, n = 0;
        for (; cut < len; cut += n) {
            unsigned more = raml_utf8_columns(p->last + cut, len - cut, &n);
            if (width + more > most) break;
            width += more;
        }
        int pad = p->width > width ? (int)(p->width - width) : 0;
        fprintf(stderr, "\r%.*s%*s", (int)cut, p->last, pad, "");
        p->width = width;
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
    int asked = cli_signals_asked();
    if (asked && !p->announced) {
        p->announced = true;
        if (asked == SIGINT) on_line(p, "Ctrl-C: stopping at the end of this step; a second one ends at once");
        if (asked == SIGUSR1) on_line(p, "SIGUSR1: stopping at the end of this step");
        if (asked == SIGTERM) on_line(p, "SIGTERM: stopping at the end of this step; a second one ends at once");
    }
    return asked != 0;
}

struct cli_progress *cli_progress_open(bool quiet)
{
    struct cli_progress *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    const char *term = getenv("TERM");
    p->quiet = quiet;
    p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    p->sink = (struct raml_sink){.line = on_line, .progress = on_progress, .stop = on_stop, .user = p};
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
    free(p);
}
