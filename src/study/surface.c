/* surface.c - see surface.h. */
#include "study/surface.h"

#include "core/file.h"
#include "core/path.h"
#include "raml/buf.h"
#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 16, CELLS = 50, SCRIPT_MAX = 1 << 20, DATA_MAX = 1 << 28 };

/* viridis, of matplotlib (van der Walt and Smith 2015), at nine places: even steps to the eye, also without colour */
static const char viridis[] = "(0 '#440154', 1 '#472D7B', 2 '#3B528B', 3 '#2C728E', 4 '#21918C', 5 '#28AE80', "
                              "6 '#5EC962', 7 '#ADDC30', 8 '#FDE725')";

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum raml_code raml_surface_range(const double *z, size_t n, double *low, double *high, struct raml_err *err)
{
    double *sorted = malloc((n ? n : 1) * sizeof *sorted);
    size_t m = 0;
    if (!sorted) return raml_fail(err, RAML_ENOMEM, "no memory for %zu values", n);
    for (size_t i = 0; i < n; i++)
        if (isfinite(z[i])) sorted[m++] = z[i];
    qsort(sorted, m, sizeof *sorted, by_value);
    if (m == 0) {
        *low = 0;
        *high = 1;
    } else {
        double most = sorted[m - 1], usual = sorted[(m - 1) * 95 / 100];
        *low = sorted[0];
        *high = most - *low > 2 * (usual - *low) && usual > *low ? usual : most;
        if (!(*high > *low)) {
            *low -= 0.5;
            *high += 0.5;
        }
    }
    free(sorted);
    return RAML_OK;
}

static void add_quoted(struct raml_buf *b, const char *text)
{
    raml_buf_adds(b, "'");
    for (const char *c = text; *c; c++) {
        if (*c == '\'') raml_buf_adds(b, "''");
        else raml_buf_add(b, (unsigned char)*c < ' ' ? " " : c, 1);
    }
    raml_buf_adds(b, "'");
}

static void add_row(struct raml_buf *b, double x, double y, double z, const char *label)
{
    const double value[] = {x, y, z};
    for (size_t i = 0; i < 3; i++) {
        if (isfinite(value[i])) raml_buf_addf(b, "%.9g\t", value[i]);
        else raml_buf_adds(b, "NaN\t");
    }
    for (const char *c = label ? label : ""; *c; c++)
        raml_buf_add(b, (unsigned char)*c < ' ' || *c == '"' ? " " : c, 1);
    raml_buf_adds(b, "\n");
}

static void add_data(struct raml_buf *b, const struct raml_surface *s)
{
    raml_buf_adds(b, "x\ty\tz\tlabel\n");
    for (size_t i = 0; i < s->n_x; i++) {
        if (i) raml_buf_adds(b, "\n");
        for (size_t j = 0; j < s->n_y; j++) add_row(b, s->x[i], s->y[j], s->z[i * s->n_y + j], NULL);
    }
    if (s->n_path) raml_buf_adds(b, "\n\n");
    for (size_t i = 0; i < s->n_path; i++)
        add_row(b, s->path_x[i], s->path_y[i], s->path_z[i], s->label ? s->label[i] : NULL);
}

static void add_label(struct raml_buf *b, const char *axis, const char *text, const char *more)
{
    if (!text || !*text) return;
    raml_buf_addf(b, "set %s ", axis);
    add_quoted(b, text);
    raml_buf_addf(b, " %s textcolor rgb '#333333'\n", more);
}

static void add_head(struct raml_buf *b, const char *name, const struct raml_surface *s)
{
    raml_buf_addf(b, "# Draws %s.svg from %s.tsv:  gnuplot %s.gp\n", name, name, name);
    raml_buf_addf(b, "data = '%s.tsv'\nif (!exists('svg')) svg = '%s.svg'\n", name, name);
    raml_buf_addf(b, "set terminal svg noenhanced dynamic rounded size %d,%d font 'Helvetica,13' lw 1 name '",
                  s->width > 0 ? s->width : 640, s->height > 0 ? s->height : 560);
    for (const char *c = name; *c; c++) raml_buf_add(b, *c == '-' ? "_" : c, 1);
    raml_buf_adds(b, "' background rgb 'white'\nset encoding utf8\nset output svg\nset datafile separator tab\n"
                     "set tics nomirror out scale 0.5 textcolor rgb '#555555'\nunset key\n");
    add_label(b, "title", s->title, "offset 0,-0.3");
    add_label(b, "cblabel", s->z_label, "offset 0.5,0");
    double step = (s->z_high - s->z_low) / LEVELS;
    raml_buf_addf(b, "low = %.9g\nhigh = %.9g\nset cbrange [low:high]\n", s->z_low, s->z_high);
    raml_buf_addf(b, "set contour base\nset cntrparam levels incremental %.9g,%.9g,%.9g\n", s->z_low + step, step,
                  s->z_high - step / 2);
    raml_buf_addf(b, "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\n", s->x[0], s->x[s->n_x - 1], s->y[0],
                  s->y[s->n_y - 1]);
}

/* The path, bold up to the marked point; that point; labels. z: the expression of their height. */
static void add_path(struct raml_buf *b, const struct raml_surface *s, const char *z)
{
    char part[48] = "", point[64] = "";
    if (!s->n_path) return;
    if (s->marked < s->n_path) {
        snprintf(part, sizeof part, " every ::0::%zu", s->marked);
        snprintf(point, sizeof point, " every ::%zu::%zu", s->marked, s->marked);
    }
    raml_buf_addf(b, ", \\\n     data index 1%s using 1:2:(%s) with %s nocontour %s", "", z, "lines",
                  "lw 0.8 lc rgb '#D62728'");
    raml_buf_addf(b, ", \\\n     data index 1%s using 1:2:(%s) with %s nocontour %s", part, z, "lines",
                  "lw 3.4 lc rgb '#FFFFFF'");
    raml_buf_addf(b, ", \\\n     data index 1%s using 1:2:(%s) with %s nocontour %s", part, z, "linespoints",
                  "lw 1.8 pt 7 ps 0.4 lc rgb '#D62728'");
    if (*point)
        raml_buf_addf(b, ", \\\n     data index 1%s using 1:2:(%s) with %s nocontour %s", point, z, "points",
                      "pt 7 ps 1.2 lc rgb '#D62728'");
}

static void add_contour(struct raml_buf *b, const struct raml_surface *s)
{
    size_t most = s->n_x > s->n_y ? s->n_x : s->n_y, finer = CELLS / (most - 1);
    if (finer < 1) finer = 1;
    raml_buf_addf(
        b,
        "set view map\nset size ratio -1\nset lmargin at screen 0.12\nset rmargin at screen 0.82\n"
        "set tmargin at screen 0.92\nset bmargin at screen 0.13\nset xtics offset 0,0.8\nset cntrlabel onecolor\n"
        "set style textbox opaque noborder fillcolor rgb '#40FFFFFF' margins 0.4,0.3\nset border 15 lc rgb "
        "'#999999'\nset palette maxcolors %d defined "
        "%s\nset pm3d interpolate %zu,%zu\n",
        LEVELS, viridis, finer, finer);
    add_label(b, "xlabel", s->x_label, "offset 0,1");
    add_label(b, "ylabel", s->y_label, "");
    raml_buf_adds(b, "splot data index 0 skip 1 using 1:2:3 with pm3d nocontour, \\\n"
                     "     data index 0 skip 1 using 1:2:3 with lines nosurface lw 0.5 lc rgb '#60FFFFFF'");
    add_path(b, s, "low");
    if (s->n_path)
        raml_buf_adds(b, ", \\\n     data index 1 using 1:2:(low):4 with labels nocontour boxed left offset 0.8,0.5 "
                         "textcolor rgb '#222222' font ',11'");
    raml_buf_adds(b, "\n");
}

static void add_solid(struct raml_buf *b, const struct raml_surface *s)
{
    raml_buf_addf(b,
                  "set view 55,35,1,1\nunset colorbox\nset border 31 lc rgb '#999999'\nset palette defined %s\n"
                  "set pm3d depthorder border lc rgb '#70000000' lw 0.25\nset xyplane relative 0.35\n"
                  "set zrange [low:high]\nclip(z) = z > high ? high : z\n",
                  viridis);
    add_label(b, "xlabel", s->x_label, "offset 0,-0.5");
    add_label(b, "ylabel", s->y_label, "offset 1,-0.5");
    add_label(b, "zlabel", s->z_label, "rotate by 90 offset -1,0");
    raml_buf_adds(b, "splot data index 0 skip 1 using 1:2:(clip($3)) with pm3d nocontour, \\\n"
                     "     data index 0 skip 1 using 1:2:(clip($3)) with lines nosurface lw 0.8 lc palette");
    add_path(b, s, "clip($3)");
    raml_buf_adds(b, "\n");
}

static enum raml_code check(const char *dir, const char *name, const struct raml_surface *s, struct raml_err *err)
{
    if (s->n_x < 2 || s->n_y < 2)
        return raml_fail(err, RAML_ERANGE, "%s: figure '%.120s' is a grid of %zu by %zu; expected at least 2 by 2", dir,
                         name, s->n_x, s->n_y);
    if (!(s->z_low < s->z_high))
        return raml_fail(err, RAML_ERANGE, "%s: figure '%.120s' has colours from %g to %g; expected a rising range",
                         dir, name, s->z_low, s->z_high);
    return RAML_OK;
}

enum raml_code raml_surface_write(struct raml_drawing *to, const char *name, const struct raml_surface *s,
                                  enum raml_surface_view view, bool *drawn, struct raml_err *err)
{
    struct raml_buf data, script;
    enum raml_code rc = check(to->dir, name, s, err);
    if (rc) return rc;
    raml_buf_init(&data, DATA_MAX);
    raml_buf_init(&script, SCRIPT_MAX);
    add_data(&data, s);
    add_head(&script, name, s);
    if (view == RAML_SURFACE_CONTOUR) add_contour(&script, s);
    else add_solid(&script, s);
    rc = raml_figure_draw(to, name, &data, &script, drawn, err);
    raml_buf_deinit(&data);
    raml_buf_deinit(&script);
    return rc;
}
