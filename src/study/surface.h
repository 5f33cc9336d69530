/* surface.h - a function of two variables as a picture: filled contours, or a surface in three dimensions, with a path.
 *
 * As figure.h, which has the palette of lines: leaves NAME.tsv, NAME.gp and NAME.svg. NAME.tsv has columns x, y, z and
 * label; first the grid, x by x, with an empty line between them, then, two empty lines further, the path. What is
 * drawn is what is in it: z above z_high has the colour (and in three dimensions the height) of z_high, and keeps its
 * value in the table. A z that is no number leaves a hole.
 */
#ifndef RAML_STUDY_SURFACE_H
#define RAML_STUDY_SURFACE_H

#include "study/figure.h"

#include <stdbool.h>
#include <stddef.h>

enum raml_surface_view { RAML_SURFACE_CONTOUR, RAML_SURFACE_SOLID };

struct raml_surface {
    const char *title, *x_label, *y_label, *z_label; /* NULL: none */
    const double *x, *y;                             /* [n_x], [n_y], at least 2 each, rising */
    const double *z;                                 /* [n_x, n_y]: z[i n_y + j] is at (x_i, y_j) */
    size_t n_x, n_y;
    double z_low, z_high;                   /* of the colours, z_low < z_high */
    const double *path_x, *path_y, *path_z; /* [n_path] */
    const char *const *label;               /* [n_path] texts beside the points; NULL entries: none */
    size_t n_path, marked;                  /* marked: the point that is drawn larger; n_path: none */
    int width, height;                      /* pixels; 0: 640 x 560 */
};
RAML_CHECKED enum raml_code raml_surface_write(struct raml_drawing *to, const char *name, const struct raml_surface *s,
                                               enum raml_surface_view view, bool *drawn, struct raml_err *err);
/* Colours that several pictures share: from the least finite value to the largest, or, where a few values tower over the
 * rest, to the 95 % quantile. All equal: a unit around them. */
RAML_CHECKED enum raml_code raml_surface_range(const double *z, size_t n, double *low, double *high,
                                               struct raml_err *err);

#endif
