/* figure.h - a figure that can be checked, restyled and put in a paper: data, script and SVG.
 *
 * raml_figure_write leaves in a folder, for the figure named NAME,
 *   NAME.tsv   the data: a header line, then one block a series (blocks are two empty lines apart), columns
 *              series, x, y, low, high separated by tabs; a value that does not exist is "nan"
 *   NAME.gp    the gnuplot script; `gnuplot NAME.gp`, run in that folder, makes NAME.svg again from NAME.tsv
 *   NAME.svg   the picture, made by gnuplot 5.2 or newer. Where it makes none, absent or failing, the other two are left:
 *              that is not an error, but counted, and said once (raml_drawing_tell).
 * Each file appears whole or not at all. Texts (titles, names) are UTF-8: nothing in them is markup to gnuplot.
 * Threads  any number, for different names or folders.     Cost  one start of gnuplot, about 50 ms.
 */
#ifndef RAML_STUDY_FIGURE_H
#define RAML_STUDY_FIGURE_H

#include "raml/buf.h"
#include "raml/err.h"
#include "study/gnuplot.h"

#include <stdbool.h>
#include <stddef.h>

enum { RAML_FIGURE_NAME = 104 };

enum raml_plot_style {
    RAML_PLOT_LINE,
    RAML_PLOT_POINTS,
    RAML_PLOT_LINE_POINTS,
    RAML_PLOT_BARS /* x = 0, 1, 2 …: the categories; series are side by side in each */
};

struct raml_series {
    const char *name;         /* in the legend; NULL or "": not in it */
    const double *x, *y;      /* [n]; a point whose y is NaN leaves a gap */
    const double *low, *high; /* [n], both or neither: a band around a line, whiskers on points and bars */
    size_t n;
    int colour; /* 0 .. RAML_FIGURE_COLOURS-1 of the palette, further ones wrap; or raml_figure_ordered */
    enum raml_plot_style style;
    bool faint, dashed; /* raw data under a smooth line; a second kind in the same colour: points are open */
    double shift;       /* of points: added to x where they are drawn, so that equal ones are seen; not in the data */
};

struct raml_figure {
    const char *title, *x_label, *y_label; /* NULL: none */
    bool log_x, log_y;
    double x_low, x_high, y_low, y_high; /* an axis whose low is not below its high is fitted to the data */
    const struct raml_series *series;
    size_t n_series;
    const char *const *category; /* [n_categories] names along x, for bars; NULL: numbers */
    size_t n_categories;
    int width, height; /* pixels; 0: 720 x 420 */
};

/* seaborn's "muted" palette; 0 blue and 1 orange are distinct to the colour-blind. "#4878D0" */
#define RAML_FIGURE_COLOURS 10
const char *raml_figure_colour(int index);
/* For series that have an order, layers or moments: the colour of the i-th of n, from dark to light (viridis without its
 * lightest part, which is too faint for lines). Distinct also without colour. */
int raml_figure_ordered(size_t i, size_t n);

/* The pictures of a folder. */
struct raml_drawing {
    const char *dir;
    const struct raml_sink *sink;                            /* hears what is not drawn; NULL: nobody does */
    size_t n, n_missing;                                     /* pictures; those that gnuplot did not draw */
    bool hopeless;                                           /* it is not started again (gnuplot.h) */
    char first[RAML_FIGURE_NAME];                            /* of these, and why */
    char first_why[RAML_GNUPLOT_WHY], why[RAML_GNUPLOT_WHY]; /* why the last one is not drawn */
};
/* One line if pictures are missing: how many, why, and how to draw them. */
void raml_drawing_tell(const struct raml_drawing *d);

/* name: letters, digits, '-', '_' (RAML_ERANGE otherwise, or when there is no series). *drawn (NULL is fine): is there a
 * picture? An earlier one is never left beside data that it does not show. RAML_ESTOP: while gnuplot drew. */
RAML_CHECKED enum raml_code raml_figure_write(struct raml_drawing *d, const char *name, const struct raml_figure *fig,
                                              bool *drawn, struct raml_err *err);
/* The three files of any other kind of figure, from the texts of its data and script, which reads the variable svg. */
RAML_CHECKED enum raml_code raml_figure_draw(struct raml_drawing *d, const char *name, const struct raml_buf *data,
                                             const struct raml_buf *script, bool *drawn, struct raml_err *err);

#endif
