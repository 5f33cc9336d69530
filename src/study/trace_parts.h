/* trace_parts.h - one traced trajectory on its way to files, and the writers it passes through; for trace_*.c only. */
#ifndef RAML_STUDY_TRACE_PARTS_H
#define RAML_STUDY_TRACE_PARTS_H

#include "inner/descent.h"
#include "core/file.h"
#include "raml/report.h"

struct raml_traced { /* borrowed for one call */
    const struct raml_question *q;
    size_t sample, number; /* number: 1, 2 … in the order of curves.jsonl */
    const struct raml_loss_curve *curve;
    const char *const *piece; /* [n_points - 1] bytes between probe k and k + 1 */
    const size_t *piece_len;
    const double *ema; /* [n_points] */
    struct raml_descent descent;
    int64_t solved_at; /* in tokens */
    enum raml_trace_verdict verdict;
    const char *answer;
    enum raml_join join;
    size_t straddle; /* bytes of the answer prefix in the answer's first token */
};

/* -- trace_records.c: curves.jsonl, tokens.jsonl, curves.safetensors ---------------------------------------------- */
struct raml_trace_retained { /* a curve as a tensor */
    char *name;
    float *loss;
    size_t n, number;
};
struct raml_trace_records {
    struct raml_writer curves, tokens;
    bool token_table;
    size_t stride;
    struct raml_buf line;
    struct raml_trace_retained *retained;
    size_t n, cap;
    char *tensor_path;
};
RAML_CHECKED enum raml_code raml_trace_records_init(struct raml_trace_records *r, const char *dir,
                                                    const struct raml_trace_files_options *opt, struct raml_err *err);
void raml_trace_records_deinit(struct raml_trace_records *r); /* also after a failed _init */
RAML_CHECKED enum raml_code raml_trace_records_add(struct raml_trace_records *r, const struct raml_traced *t,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_trace_records_commit(struct raml_trace_records *r, struct raml_err *err);

/* -- trace_pictures.c: figures and the page ------------------------------------------------------------------------ */
struct raml_trace_shown { /* a trajectory kept for the page, or for its figure */
    char *heading;
    char *bytes; /* of all pieces */
    char **piece;
    size_t *piece_len;
    double *loss, *ema, *at;
    bool *greedy;
    size_t n_points, n_answer;
    bool on_page, as_figure;
};
struct raml_trace_pictures {
    struct raml_curve_mean *mean; /* [RAML_TRACE_GROUPS] */
    struct raml_trace_shown *shown;
    size_t n, cap, n_on_page[RAML_TRACE_GROUPS], n_figures, max_figures, max_on_page;
    double alpha; /* of the moving average, for the legend */
};
RAML_CHECKED enum raml_code raml_trace_pictures_init(struct raml_trace_pictures *p,
                                                     const struct raml_trace_files_options *opt, struct raml_err *err);
void raml_trace_pictures_deinit(struct raml_trace_pictures *p);
RAML_CHECKED enum raml_code raml_trace_pictures_add(struct raml_trace_pictures *p, const struct raml_traced *t,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_trace_pictures_write(struct raml_trace_pictures *p, const char *dir, const char *title,
                                                      struct raml_err *err);

#endif
