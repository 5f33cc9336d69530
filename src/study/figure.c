/* figure.c - see figure.h. Data and script are plain text. */
#include "study/figure.h"

#include "core/path.h"
#include "raml/buf.h"
#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRIPT_MAX = 1 << 20, DATA_MAX = 1 << 28, LETTERS_MAX = 70 };

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

void raml_drawing_tell(const struct raml_drawing *d)
{
    if (d->n_missing == 0) return;
    raml_say(d->sink,
             "%zu of %zu pictures are not drawn: %s. Their data and scripts are kept: `gnuplot %s.gp` in that folder "
             "draws %s",
             d->n_missing, d->n, d->first_why, d->first, d->n_missing > 1 ? "the first" : "it");
}

/* What gnuplot does not draw is missing, and no error. */
static enum raml_code draw(struct raml_drawing *d, const char *name, bool *drawn, struct raml_err *err)
{
    char why[RAML_GNUPLOT_WHY], svg[RAML_PATH_BYTES];
    enum raml_gnuplot result = RAML_GNUPLOT_HOPELESS;
    enum raml_code rc = raml_path_format(svg, err, "%s/%s.svg", d->dir, name);
    if (!rc && !d->hopeless) rc = raml_gnuplot_draw(d->dir, name, &result, why, err);
    else if (!rc) remove(svg);
    if (rc) return rc;
    d->n++;
    *drawn = result == RAML_GNUPLOT_DREW;
    if (*drawn) return RAML_OK;
    if (!d->hopeless) snprintf(d->why, sizeof d->why, "%s", why);
    if (d->n_missing++ == 0) {
        snprintf(d->first, sizeof d->first, "%s", name);
        snprintf(d->first_why, sizeof d->first_why, "%s", d->why);
    }
    d->hopeless |= result == RAML_GNUPLOT_HOPELESS;
    return RAML_OK;
}

enum raml_code raml_figure_draw(struct raml_drawing *d, const char *name, const struct raml_buf *data,
                                const struct raml_buf *script, bool *drawn, struct raml_err *err)
{
    bool made = false;
    enum raml_code rc = check_name(d->dir, name, err);
    if (rc) return rc;
    rc = raml_make_dir(d->dir, err);
    if (!rc) rc = write_part(d->dir, name, ".tsv", data, err);
    if (!rc) rc = write_part(d->dir, name, ".gp", script, err);
    if (!rc) rc = draw(d, name, &made, err);
    if (rc) rc = raml_wrap(err, rc, "figure %s", name);
    if (drawn) *drawn = made;
    return rc;
}

enum raml_code raml_figure_write(struct raml_drawing *d, const char *name, const struct raml_figure *fig, bool *drawn,
                                 struct raml_err *err)
{
    enum raml_code rc = check(d->dir, name, fig, err);
    if (rc) return rc;
    struct raml_buf data, script;
    raml_buf_init(&data, DATA_MAX);
    raml_buf_init(&script, SCRIPT_MAX);
    add_data(&data, fig);
    add_script(&script, name, fig);
    rc = raml_figure_draw(d, name, &data, &script, drawn, err);
    raml_buf_deinit(&data);
    raml_buf_deinit(&script);
    return rc;
}
