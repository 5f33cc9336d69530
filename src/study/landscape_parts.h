/* landscape_parts.h - a computed landscape on its way to files; for landscape_*.c only. */
#ifndef RAML_STUDY_LANDSCAPE_PARTS_H
#define RAML_STUDY_LANDSCAPE_PARTS_H

#include "raml/landscape_files.h"

struct raml_landscape_result { /* borrowed */
    const char *dir, *title;
    const struct raml_sink *sink;
    const struct raml_landscape_files_options *opt;
    const struct raml_landscape_frame_result *frame; /* [n_frames] */
    size_t n_frames, n_alpha, n_beta, n_trajectory;
    const double *alpha, *beta;
    const double *loss;                     /* [n_frames, n_alpha, n_beta] */
    const struct raml_landscape_path *path; /* n 0: none */
    const double *height;                   /* [n_frames, path->n] */
};
/* landscape_tables.c: npy, tsv, csv */
RAML_CHECKED enum raml_code raml_landscape_tables_write(const struct raml_landscape_result *r, struct raml_err *err);
/* direction_1.safetensors, direction_2.safetensors: a landscape's first n directions, as its model's parameters */
RAML_CHECKED enum raml_code raml_landscape_directions_write(const struct raml_landscape *l, const struct raml_model *m,
                                                            size_t n, const char *dir, struct raml_err *err);
/* landscape_pictures.c: contours, surfaces, films, slices */
RAML_CHECKED enum raml_code raml_landscape_pictures_write(const struct raml_landscape_result *r, bool *drawn,
                                                          struct raml_err *err);

#endif
