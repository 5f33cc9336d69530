/* trace_plots.h - the figures of a trace that compare: modes, wrong answers, commitment, layers, controls.
 *
 * Curves are averaged as they come; none is kept. Bands are the normal 95 % interval of the mean with questions as
 * units, as in descent.h; those of controls are intervals over questions, from the groups.
 * Over tokens, a trajectory that has ended counts with its last loss: so the mean at i is that of all trajectories, each
 * read after min(i, T) tokens.
 */
#ifndef RAML_STUDY_TRACE_PLOTS_H
#define RAML_STUDY_TRACE_PLOTS_H

#include "study/trace_parts.h"

struct raml_token_sums {                    /* as in descent.h */
    double sum, squares;                    /* of values */
    double open, question_squares, product; /* S_q of the last question; Σ S_q², Σ n_q S_q of those before it */
};
struct raml_token_mean {          /* mean curves over i; zero-initialise */
    struct raml_token_sums *sums; /* [n] over curves, of their values at i */
    size_t n, cap;
    struct raml_token_sums last; /* of the last values: what curves have at n and after */
    size_t n_curves, n_questions;
    const void *question;     /* of the last curve */
    double n_open, n_squares; /* its curves so far; Σ n_q² of those before it */
};
void raml_token_mean_deinit(struct raml_token_mean *m);
/* value[n_points] at tokens at[], rising from 0; between them by linear interpolation. question: an address that no
 * other question has; curves of one come one after another. */
RAML_CHECKED enum raml_code raml_token_mean_add(struct raml_token_mean *m, const void *question, const uint32_t *at,
                                                const double *value, size_t n_points, struct raml_err *err);
/* Mean, low and high at token i. */
void raml_token_mean_read(const struct raml_token_mean *m, size_t i, double *mean, double *low, double *high);

struct raml_trace_plots;
RAML_CHECKED enum raml_code raml_trace_plots_open(const struct raml_trace_plan *p, struct raml_trace_plots **out,
                                                  struct raml_err *err);
void raml_trace_plots_close(struct raml_trace_plots *p); /* NULL is fine */
RAML_CHECKED enum raml_code raml_trace_plots_add(struct raml_trace_plots *p, const struct raml_traced *t,
                                                 struct raml_err *err);
/* row: all groups. name: of the data, for titles. */
RAML_CHECKED enum raml_code raml_trace_plots_write(const struct raml_trace_plots *p, const struct raml_trace_row *row,
                                                   size_t n_rows, struct raml_drawing *to, const char *name,
                                                   struct raml_err *err);

/* A curve of t's, at its places, added to a mean over i/T. */
RAML_CHECKED enum raml_code raml_trace_mean_add(struct raml_curve_mean *m, const struct raml_traced *t,
                                                const double *value, struct raml_err *err);

#endif
