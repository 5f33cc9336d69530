/* landscape_files.h - the landscape of one trajectory as files that a person can read and plot.
 *
 * raml_landscape_files leaves in a folder
 *   grid.journal           every finished point; a run that was stopped or killed goes on from it, and one that was finished
 *                          draws from it without computing. With other settings, another model or another text it is an
 *                          error, and nothing is changed. The files below come out the same, byte for byte.
 *   landscape.npy          losses, doubles [frames, alpha, beta]; alpha.npy, beta.npy: the axes
 *   landscape.tsv, .csv    the same as rows: i, alpha, beta, loss; the first frame first, alpha by alpha
 *   direction_1.safetensors, direction_2.safetensors    if asked for: d_1, d_2, F32, named as the model's parameters
 *   frames.tsv, .csv       a row a frame: i, loss at θ, where on the grid the loss is least, and the curvature
 *   path.tsv, .csv         path directions only: a row a point of the path: i, alpha, beta, length, off_plane, loss (L(i)),
 *                          and height_I for each frame I: its loss at the point of the plane
 *   contour_I, surface_I   pictures of frame I, after I tokens (tsv, gp, svg), all with one scale of colours
 *   contours.svg, surfaces.svg   those as films
 *   slice                  in place of pictures of frames, where there is one direction: a curve a frame
 * beta has one value, 0, where there is one direction. A number that does not exist is NaN.
 * Axes    loss[i][a][b] is L(i) at θ + alpha_a d_1 + beta_b d_2; alpha_a = range (2a - (n-1)) / (n-1).
 * Weights are put back, and compared, before any of the files but the journal is written; on failure too.
 */
#ifndef RAML_LANDSCAPE_FILES_H
#define RAML_LANDSCAPE_FILES_H

#include "raml/landscape.h"

#pragma GCC visibility push(default)

struct raml_landscape_files_options {
    enum raml_direction_kind kind;
    size_t n_alpha, n_beta; /* points; n_beta 1: one direction */
    double range;           /* the axes' end; 0: 1, and for a path 1.5 times its largest coordinate */
    size_t path_stride;     /* 0: so that the path has at most 64 points */
    uint64_t seed;
    bool curvature; /* measure it, at every frame */
    struct raml_curvature_options measure;
    double frame_seconds; /* of a film, > 0 */
    bool save_directions;
};
struct raml_landscape_files_options raml_landscape_files_default(void); /* filter, 25 x 25; curvature; 1 s a frame */

struct raml_landscape_files_job {
    struct raml_model *model; /* for training, f32 */
    struct raml_landscape_input input;
    const char *title; /* of pictures */
    const char *dir;   /* made if missing */
    bool overwrite;    /* a grid of other settings there is begun anew, and no error */
    const struct raml_sink *sink;
    double (*clock)(void); /* seconds from some start; NULL: nothing is timed, and no time is announced */
};

struct raml_landscape_frame_result {
    uint32_t i;
    double loss, least, least_alpha, least_beta; /* at θ; on the grid */
    struct raml_curvature curvature;             /* NaN and 0 where it was not measured */
};
struct raml_landscape_files_summary {          /* free with _deinit */
    struct raml_landscape_frame_result *frame; /* [n_frames] */
    size_t n_frames, n_points, n_resumed;      /* points of the grid and the path; those of an earlier run */
    size_t n_missing;                          /* losses on the grid that are no number, over all frames */
    double range;
    double point_seconds; /* measured at θ before the grid; NaN without a clock */
    double grid_seconds;
    struct raml_landscape_path path; /* n 0: none */
    bool drawn;                      /* gnuplot was there */
};
void raml_landscape_files_summary_deinit(struct raml_landscape_files_summary *s);
/* Says before the grid how long it will take. RAML_ESTOP: sink->stop; what is finished is in the journal. */
RAML_CHECKED enum raml_code raml_landscape_files(const struct raml_landscape_files_job *job,
                                                 const struct raml_landscape_files_options *opt,
                                                 struct raml_landscape_files_summary *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
