/* update_parts.h - updates of one trajectory on their way to files, and the writers they pass through. */
#ifndef RAML_STUDY_UPDATE_PARTS_H
#define RAML_STUDY_UPDATE_PARTS_H

#include "core/file.h"
#include "inner/descent.h"
#include "raml/report.h"
#include "raml/rng.h"
#include "raml/update_files.h"
#include "study/figure.h"

enum { UPDATE_KINDS = RAML_UPDATE_LESS_FILLER }; /* real, filler, foreign, shuffled */

struct raml_updated { /* borrowed for one call */
    const struct raml_question *q;
    size_t sample;
    enum raml_update_kind kind;
    enum raml_trace_verdict verdict; /* of the real trajectory */
    const struct raml_update *update;
    size_t probe_token;                   /* from 1 */
    const int64_t *worth;                 /* [n_points] steps, -1: more than the bound; NULL: not asked for */
    const struct raml_exchange *exchange; /* of the question; NULL with worth */
};

/* -- update_controls.c: token ids of the same number as a trajectory's --------------------------------------------- */
struct raml_update_controls {
    struct raml_trace_source source;
    const struct raml_questions *questions;
    int32_t filler;
    struct raml_trace_text text; /* scratch */
};
RAML_CHECKED enum raml_code raml_update_controls_init(struct raml_update_controls *c, const char *filler,
                                                      struct raml_err *err);
void raml_update_controls_deinit(struct raml_update_controls *c);
RAML_CHECKED enum raml_code raml_update_filler(const struct raml_update_controls *c, size_t n, struct raml_tokens *out,
                                               struct raml_err *err);
void raml_update_shuffle(const int32_t *trajectory, size_t n, const struct raml_key *key, int32_t *out);
/* The first n tokens of the trajectories of the questions after `question`, one after another. out is empty where no
 * other question has any. */
RAML_CHECKED enum raml_code raml_update_foreign(struct raml_update_controls *c, size_t question, size_t sample,
                                                size_t n, struct raml_tokens *out, struct raml_err *err);

/* -- update_stats.c: means over questions -------------------------------------------------------------------------- */

/* Slots: matrices [n_layers, 3], then layers as one vector [n_layers], then gate and up of all, then all. */
struct raml_update_stats {
    size_t n_layers, n_slots;
    double *sum; /* of the question: [UPDATE_KINDS, groups, n_slots, measures] */
    uint32_t *n;
    double *mean, *m2; /* over questions: [RAML_UPDATE_KINDS, groups, n_slots, measures] */
    uint32_t *n_questions;
};
RAML_CHECKED enum raml_code raml_update_stats_init(struct raml_update_stats *s, size_t n_layers, struct raml_err *err);
void raml_update_stats_deinit(struct raml_update_stats *s);
/* layer[n_layers]: each layer's matrices as one vector. */
void raml_update_stats_add(struct raml_update_stats *s, const struct raml_updated *t,
                           const struct raml_update_measures *layer);
void raml_update_stats_end_question(struct raml_update_stats *s);
struct raml_update_mean raml_update_stats_read(const struct raml_update_stats *s, enum raml_update_kind kind,
                                               size_t group, size_t slot, enum raml_update_measure m);
size_t raml_update_slot_layer(const struct raml_update_stats *s, size_t layer);
size_t raml_update_slot_gate_up(const struct raml_update_stats *s);
size_t raml_update_slot_all(const struct raml_update_stats *s);
size_t raml_update_slot_average(const struct raml_update_stats *s); /* mean over layers and matrices */
RAML_CHECKED enum raml_code raml_update_stats_write(const struct raml_update_stats *s, const char *dir,
                                                    struct raml_err *err);
double raml_update_mean_of(const double *x, size_t n); /* of those that are numbers; NaN: of none */
/* A layer's matrices as one vector: distance, step and align, and align_left sqrt(m) averaged (n_left 1). own: as for
 * raml_update_measures_set. */
void raml_update_layer_measures(const struct raml_update *u, size_t layer, double *own,
                                struct raml_update_measures *out);

/* -- update_records.c: update.jsonl, exchange.jsonl, update.safetensors -------------------------------------------- */
struct raml_update_tensor {
    char *name;
    float *data;
    size_t shape[3], n;
    int n_dims;
};
struct raml_update_records {
    struct raml_writer lines, exchange;
    struct raml_buf line;
    struct raml_update_tensor *tensor;
    size_t n, cap, number;
    char *tensor_path;
    bool has_exchange;
};
RAML_CHECKED enum raml_code raml_update_records_init(struct raml_update_records *r, const char *dir, bool exchange,
                                                     struct raml_err *err);
void raml_update_records_deinit(struct raml_update_records *r); /* also after a failed _init */
RAML_CHECKED enum raml_code raml_update_records_add(struct raml_update_records *r, const struct raml_updated *t,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_update_records_exchange(struct raml_update_records *r, const struct raml_question *q,
                                                         const struct raml_exchange *x, struct raml_err *err);
RAML_CHECKED enum raml_code raml_update_records_commit(struct raml_update_records *r, struct raml_err *err);

/* -- update_pictures.c --------------------------------------------------------------------------------------------- */
enum { UPDATE_POINTS = 101, UPDATE_LINES = 5 };
struct raml_update_pictures {
    size_t n_layers, n_lines, line[UPDATE_LINES]; /* layers drawn along i/T */
    struct raml_curve_mean *distance, *step;      /* [UPDATE_KINDS, UPDATE_LINES] */
    double (*worth)[UPDATE_POINTS]; /* [n_worth] steps along i/T of real trajectories; infinite: more than the bound */
    size_t n_worth, cap_worth, n_bound;
};
RAML_CHECKED enum raml_code raml_update_pictures_init(struct raml_update_pictures *p, size_t n_layers, size_t n_bound,
                                                      struct raml_err *err);
void raml_update_pictures_deinit(struct raml_update_pictures *p);
RAML_CHECKED enum raml_code raml_update_pictures_add(struct raml_update_pictures *p, const struct raml_updated *t,
                                                     const struct raml_update_measures *layer, struct raml_err *err);
RAML_CHECKED enum raml_code raml_update_pictures_write(const struct raml_update_pictures *p,
                                                       const struct raml_update_stats *s, struct raml_drawing *to,
                                                       const char *data, struct raml_err *err);

#endif
