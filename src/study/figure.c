/* figure.c - see figure.h. Data and script are plain text; gnuplot is started directly, without a shell. */
#include "study/figure.h"

#include "core/path.h"
#include "raml/buf.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRIPT_MAX = 1 << 20, DATA_MAX = 1 << 28, LOG_MAX = 400, LETTERS_MAX = 70 };

#define CAPS "heads size screen 0.005,90" /* of whiskers */

enum { ORDERED = 1 << 16 }; /* added to the place in a scale of colours */

static const char *const scale[] = {"#440154", "#482475", "#414487", "#355F8D", "#2A788E",
                                    "#21918C", "#22A884", "#44BF70", "#7AD151", "#A5CE2F"};

int raml_figure_ordered(size_t i, size_t n)
{
    size_t last = sizeof scale / sizeof *scale - 1;
    return ORDERED + (int)(n > 1 ? i * last / (n - 1) : 0);
}

const char *raml_figure_colour(int index)
{
    if (index >= ORDERED && index < ORDERED + (int)(sizeof scale / sizeof *scale)) return scale[index - ORDERED];
    static const char *const muted[RAML_FIGURE_COLOURS] = {"#4878D0", "#EE854A", "#6ACC64", "#D65F5F", "#956CB4",
                                                           "#8C613C", "#DC7EC0", "#797979", "#D5BB67", "#82C6E2"};
    return muted[(index % RAML_FIGURE_COLOURS + RAML_FIGURE_COLOURS) % RAML_FIGURE_COLOURS];
}

/* Text as a gnuplot string: single quotes, in which only the quote itself needs doubling. gnuplot 5.4 does not read two of
 * them side by side, or one at either end: these become the typographic one. tic: a tic's label is a format, in which % needs doubling. */
static void add_quoted(struct raml_buf *b, const char *text, bool tic)
{
    const char *begin = text ? text : "";
    raml_buf_adds(b, "'");
    for (const char *c = begin; *c; c++) {
        bool alone = c > begin && c[-1] != '\'' && c[1] && c[1] != '\'';
        if (*c == '\'') raml_buf_adds(b, alone ? "''" : "\u2019");
        else if (*c == '%' && tic) raml_buf_adds(b, "%%");
        else raml_buf_add(b, (unsigned char)*c < ' ' ? " " : c, 1);
    }
    raml_buf_adds(b, "'");
}

static void add_value(struct raml_buf *b, double v)
{
    if (isfinite(v)) raml_buf_addf(b, "\t%.9g", v);
    else raml_buf_adds(b, "\tnan");
}

static void add_data(struct raml_buf *b, const struct raml_figure *fig)
{
    raml_buf_adds(b, "series\tx\ty\tlow\thigh\n");
    for (size_t s = 0; s < fig->n_series; s++) {
        const struct raml_series *d = &fig->series[s];
        if (s) raml_buf_adds(b, "\n\n");
        for (size_t i = 0; i < d->n; i++) {
            for (const char *c = d->name ? d->name : ""; *c; c++)
                raml_buf_add(b, (unsigned char)*c < ' ' || *c == '"' ? " " : c, 1);
            add_value(b, d->x[i]);
            add_value(b, d->y[i]);
            add_value(b, d->low ? d->low[i] : NAN);
            add_value(b, d->high ? d->high[i] : NAN);
            raml_buf_adds(b, "\n");
        }
    }
}

static bool has_band(const struct raml_series *s)
{
    for (size_t i = 0; s->low && s->high && i < s->n; i++)
        if (isfinite(s->low[i]) && isfinite(s->high[i])) return true;
    return false;
}

static void add_axes(struct raml_buf *b, const struct raml_figure *fig, bool has_key)
{
    static const char *const axis[] = {"x", "y"};
    const char *label[] = {fig->x_label, fig->y_label};
    const double low[] = {fig->x_low, fig->y_low}, high[] = {fig->x_high, fig->y_high};
    const bool is_log[] = {fig->log_x, fig->log_y};
    for (int a = 0; a < 2; a++) {
        if (label[a] && *label[a]) {
            raml_buf_addf(b, "set %slabel ", axis[a]);
            add_quoted(b, label[a], false);
            if (a == 0 && has_key) raml_buf_adds(b, ".\"\\n \""); /* an empty line separates the legend */
            raml_buf_addf(b, "%s textcolor rgb '#333333'\n", a == 0 ? " offset 0,0.6" : "");
        }
        if (is_log[a]) raml_buf_addf(b, "set logscale %s\n", axis[a]);
        if (low[a] < high[a]) raml_buf_addf(b, "set %srange [%.9g:%.9g]\n", axis[a], low[a], high[a]);
        else if (a == 0 && !fig->category) raml_buf_adds(b, "set autoscale xfix\n");
    }
    const struct raml_series *first = fig->series;
    if (fig->log_x && first->n <= 12) { /* few points (k = 1, 2, 4 …): name them instead of powers of ten */
        raml_buf_adds(b, "set xtics (");
        for (size_t i = 0; i < first->n; i++) raml_buf_addf(b, "%s%.9g", i ? ", " : "", first->x[i]);
        raml_buf_adds(b, ")\n");
    }
    if (fig->category) {
        size_t letters = 0; /* names too long to fit side by side are rotated */
        raml_buf_addf(b, "set xrange [-0.6:%.9g]\nset xtics scale 0 (", (double)fig->n_categories - 0.4);
        for (size_t i = 0; i < fig->n_categories; i++) {
            if (i) raml_buf_adds(b, ", ");
            add_quoted(b, fig->category[i], true);
            raml_buf_addf(b, " %zu", i);
            letters += strlen(fig->category[i]);
        }
        raml_buf_addf(b, ")%s\nset grid noxtics\n", letters > LETTERS_MAX ? " rotate by 30 right" : "");
    }
}

/* Bars of S series share 0.8 of a category's width. */
static void bar_place(const struct raml_figure *fig, size_t series, double *width, double *shift)
{
    size_t n_bars = 0, place = 0;
    for (size_t s = 0; s < fig->n_series; s++) {
        if (fig->series[s].style != RAML_PLOT_BARS) continue;
        if (s == series) place = n_bars;
        n_bars++;
    }
    *width = 0.8 / (double)(n_bars ? n_bars : 1);
    *shift = ((double)place + 0.5) * *width - 0.4;
}

static void add_title(struct raml_buf *b, const struct raml_series *s)
{
    if (s->name && *s->name) {
        raml_buf_adds(b, "title ");
        add_quoted(b, s->name, false);
    } else {
        raml_buf_adds(b, "notitle");
    }
}

/* The plot command of one series, after that of its band if it has one. The first data block starts with the header. */
static void add_series(struct raml_buf *b, const struct raml_figure *fig, size_t i, bool band)
{
    const struct raml_series *s = &fig->series[i];
    const char *skip = i ? "" : " skip 1", *rgb = raml_figure_colour(s->colour);
    if (s->n == 0) return;
    if (b->len && b->data[b->len - 1] != ' ') raml_buf_adds(b, ", \\\n     ");
    raml_buf_addf(b, "data index %zu%s using ", i, skip);
    bool line = s->style == RAML_PLOT_LINE || s->style == RAML_PLOT_LINE_POINTS;
    if (s->style == RAML_PLOT_BARS) {
        double width, shift;
        bar_place(fig, i, &width, &shift);
        if (band) {
            raml_buf_addf(b, "($2%+.9g):4:(0):($5-$4) with vectors " CAPS " lw 1.5 lc rgb '#333333' notitle", shift);
            return;
        }
        raml_buf_addf(b, "($2%+.9g):3:(%.9g) with boxes fs solid %s noborder lc rgb '%s' ", shift, 0.94 * width,
                      s->faint ? "0.4" : "0.95", rgb);
    } else if (band && line) {
        raml_buf_addf(b, "2:4:5 with filledcurves fs transparent solid 0.2 noborder lc rgb '%s' notitle", rgb);
        return;
    } else if (band) {
        raml_buf_addf(b, "($2%+.9g):4:(0):($5-$4) with vectors " CAPS " lw 1.5 lc rgb '%s' notitle", s->shift, rgb);
        return;
    } else if (line) {
        raml_buf_addf(b, "2:3 with %s lw %s dt %d lc rgb '%s%s' ",
                      s->style == RAML_PLOT_LINE ? "lines" : "linespoints pt 7 ps 0.5", s->faint ? "1" : "2",
                      s->dashed ? 2 : 1, s->faint ? "#80" : "#00", rgb + 1); /* '#AARRGGBB', AA = 0 is opaque */
    } else {
        raml_buf_addf(b, "($2%+.9g):3 with points pt %d ps %s lc rgb '%s%s' ", s->shift, s->dashed ? 6 : 7,
                      s->faint ? "0.3" : "0.6", s->faint ? "#A0" : "#00", rgb + 1);
    }
    add_title(b, s);
}

static void add_script(struct raml_buf *b, const char *name, const struct raml_figure *fig)
{
    size_t n_named = 0;
    for (size_t s = 0; s < fig->n_series; s++) n_named += fig->series[s].name && fig->series[s].name[0];
    raml_buf_addf(b, "# Draws %s.svg from %s.tsv:  gnuplot %s.gp\n", name, name, name);
    raml_buf_addf(b, "data = '%s.tsv'\nif (!exists('svg')) svg = '%s.svg'\n", name, name);
    raml_buf_addf(b, "set terminal svg noenhanced dynamic rounded size %d,%d font 'Helvetica,13' lw 1 name '",
                  fig->width > 0 ? fig->width : 720, fig->height > 0 ? fig->height : 420);
    for (const char *c = name; *c; c++) raml_buf_add(b, *c == '-' ? "_" : c, 1); /* becomes ids: no '-' allowed */
    raml_buf_adds(b, "'\nset encoding utf8\nset output svg\nset datafile separator tab\nset datafile commentschars "
                     "''\nset datafile missing 'nan'\n"
                     "set border 3 lc rgb '#999999'\nset tics nomirror out scale 0.5 textcolor rgb '#555555'\n"
                     "set grid lc rgb '#DDDDDD' lw 0.8 lt 1\n");
    if (n_named > 1) /* below the plot, where it covers no data */
        raml_buf_adds(b, "set key bmargin center horizontal Left reverse noopaque samplen 1.5 width 2 "
                         "textcolor rgb '#333333'\n");
    else raml_buf_adds(b, "unset key\n");
    if (fig->title && *fig->title) {
        raml_buf_adds(b, "set title ");
        add_quoted(b, fig->title, false);
        raml_buf_adds(b, " offset 0,-0.4 textcolor rgb '#222222'\n");
    }
    add_axes(b, fig, n_named > 1);
    raml_buf_adds(b, "plot ");
    for (size_t i = 0; i < fig->n_series; i++) /* bands of lines go under everything, whiskers of bars on top */
        if (fig->series[i].style != RAML_PLOT_BARS && has_band(&fig->series[i])) add_series(b, fig, i, true);
    for (size_t i = 0; i < fig->n_series; i++) add_series(b, fig, i, false);
    for (size_t i = 0; i < fig->n_series; i++)
        if (fig->series[i].style == RAML_PLOT_BARS && has_band(&fig->series[i])) add_series(b, fig, i, true);
    raml_buf_adds(b, "\n");
}

/* Waits for gnuplot; its exit status as a shell has it. */
static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

/* What gnuplot wrote to the pipe, as one line, truncated to LOG_MAX; then waits for it. A signal that interrupts (file.h)
 * ends gnuplot too: *stopped. */
static int drain(int fd, pid_t pid, char log[LOG_MAX], bool *stopped)
{
    size_t used = 0;
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) > 0)
        if (used + 1 < LOG_MAX && (byte != '\n' || used)) log[used++] = (unsigned char)byte < ' ' ? ' ' : byte;
    log[used] = 0;
    *stopped = got < 0 && errno == EINTR;
    if (*stopped) kill(-pid, SIGKILL); /* it holds nothing that can be lost */
    return wait_for(pid);
}

/* Its own process group, so that Ctrl-C reaches it by way of this process; no signal blocked or handled. */
static int set_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int failed = posix_spawnattr_setsigmask(attr, &none);
    if (!failed) failed = posix_spawnattr_setsigdefault(attr, &all);
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

/* Runs `gnuplot -d -e "svg='NAME.svg.tmp'" NAME.gp` in dir. *status 127: there is no gnuplot. */
static enum raml_code start(const char *dir, const char *name, int *status, char log[LOG_MAX], struct raml_err *err)
{
    struct raml_buf set, script;
    raml_buf_init(&set, 4096);
    raml_buf_init(&script, 4096);
    raml_buf_addf(&set, "svg='%s.svg.tmp'", name);
    raml_buf_addf(&script, "%s.gp", name);
    int pipe_fd[2] = {-1, -1};
    enum raml_code rc = raml_buf_status(&set, err);
    if (!rc) rc = raml_buf_status(&script, err);
    if (!rc && pipe2(pipe_fd, O_CLOEXEC)) rc = raml_fail_errno(err, "%s: no pipe to gnuplot", dir);
    if (rc) goto out;
    char *argv[] = {(char[]){"gnuplot"}, (char[]){"-d"}, (char[]){"-e"}, set.data, script.data, NULL};
    pid_t pid = 0;
    bool stopped = false;
    int failed = spawn(dir, pipe_fd[1], argv, &pid);
    close(pipe_fd[1]);
    pipe_fd[1] = -1;
    *status = 127;
    log[0] = 0;
    if (!failed) *status = drain(pipe_fd[0], pid, log, &stopped);
    if (stopped) rc = raml_fail(err, RAML_ESTOP, "%s/%s.gp: stopped while gnuplot drew it", dir, name);
    if (failed && failed != ENOENT && failed != EACCES && failed != ENOTDIR) {
        errno = failed;
        rc = raml_fail_errno(err, "%s/%s.gp: gnuplot did not start", dir, name);
    }
out:
    if (pipe_fd[0] >= 0) close(pipe_fd[0]);
    if (pipe_fd[1] >= 0) close(pipe_fd[1]);
    raml_buf_deinit(&set);
    raml_buf_deinit(&script);
    return rc;
}

static enum raml_code draw(const char *dir, const char *name, bool *svg_made, struct raml_err *err)
{
    char tmp[RAML_PATH_BYTES], svg[RAML_PATH_BYTES], log[LOG_MAX];
    int status = 0;
    enum raml_code rc = raml_path_format(tmp, err, "%s/%s.svg.tmp", dir, name);
    if (!rc) rc = raml_path_format(svg, err, "%s/%s.svg", dir, name);
    if (!rc) rc = start(dir, name, &status, log, err);
    if (rc) remove(tmp);
    if (!rc && status == 127) remove(svg); /* an older picture would not show these data */
    if (!rc && status != 0 && status != 127) {
        remove(tmp);
        rc = raml_fail(err, RAML_EIO, "%s/%s.gp: gnuplot ended with status %d: %s", dir, name, status, log);
    }
    if (!rc && status == 0) {
        if (rename(tmp, svg)) rc = raml_fail_errno(err, "%s: the picture is not there", svg);
        else *svg_made = true;
    }
    return rc;
}

static enum raml_code check_name(const char *dir, const char *name, struct raml_err *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    if (*name && strlen(name) <= 100 && !name[strspn(name, allowed)]) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "%s: figure name '%.120s'; expected letters, digits, '-' and '_'", dir, name);
}

static enum raml_code check(const char *dir, const char *name, const struct raml_figure *fig, struct raml_err *err)
{
    enum raml_code rc = check_name(dir, name, err);
    if (rc) return rc;
    size_t n = 0;
    for (size_t s = 0; s < fig->n_series; s++)
        for (size_t i = 0; i < fig->series[s].n; i++)
            n += isfinite(fig->series[s].x[i]) && isfinite(fig->series[s].y[i]);
    if (n == 0) return raml_fail(err, RAML_ERANGE, "%s: figure '%s' has no point to draw", dir, name);
    return RAML_OK;
}

static enum raml_code write_part(const char *dir, const char *name, const char *end, const struct raml_buf *text,
                                 struct raml_err *err)
{
    enum raml_code rc = raml_buf_status(text, err);
    char path[RAML_PATH_BYTES];
    if (!rc) rc = raml_path_format(path, err, "%s/%s%s", dir, name, end);
    return rc ? rc : raml_file_write(path, text->data, text->len, err);
}

enum raml_code raml_figure_draw(const char *dir, const char *name, const struct raml_buf *data,
                                const struct raml_buf *script, bool *svg_made, struct raml_err *err)
{
    bool made = false;
    enum raml_code rc = check_name(dir, name, err);
    if (rc) return rc;
    rc = raml_make_dir(dir, err);
    if (!rc) rc = write_part(dir, name, ".tsv", data, err);
    if (!rc) rc = write_part(dir, name, ".gp", script, err);
    if (!rc) rc = draw(dir, name, &made, err);
    if (rc) rc = raml_wrap(err, rc, "figure %s", name);
    if (svg_made) *svg_made = made;
    return rc;
}

enum raml_code raml_figure_write(const char *dir, const char *name, const struct raml_figure *fig, bool *svg_made,
                                 struct raml_err *err)
{
    enum raml_code rc = check(dir, name, fig, err);
    if (rc) return rc;
    struct raml_buf data, script;
    raml_buf_init(&data, DATA_MAX);
    raml_buf_init(&script, SCRIPT_MAX);
    add_data(&data, fig);
    add_script(&script, name, fig);
    rc = raml_figure_draw(dir, name, &data, &script, svg_made, err);
    raml_buf_deinit(&data);
    raml_buf_deinit(&script);
    return rc;
}
