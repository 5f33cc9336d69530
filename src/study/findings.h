/* findings.h - the contents of a folder of results, read once and kept for the report's parts.
 *
 * Everything is read with bounds (a file's size, a line's length, points per curve); what can't be read becomes a note.
 * Ownership: raml_findings_deinit frees all; it accepts half-filled findings.
 */
#ifndef RAML_STUDY_FINDINGS_H
#define RAML_STUDY_FINDINGS_H

#include "core/path.h"
#include "raml/buf.h"
#include "inner/descent.h"
#include "raml/err.h"
#include "study/answer_kind.h"
#include "study/within.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { RAML_MAX_RUNS = 16, RAML_MAX_EVALS = 16, RAML_MAX_TRACES = 8, RAML_MAX_METRICS = 64, RAML_MAX_SELECTED = 3 };
enum { RAML_MAX_BESIDE = 16 }; /* files of a kind, of a run */
enum { RAML_MAX_LABS = 16 };   /* of each kind */

struct raml_metric_series { /* one number of metrics.jsonl or timing.jsonl over steps */
    char *name;
    double *step, *value;
    size_t n, cap;
};
struct raml_metrics {
    struct raml_metric_series series[RAML_MAX_METRICS];
    size_t n;
};

struct raml_evaluation {
    char *name;    /* "eval.json" without its suffix: "eval" */
    json_t *doc;   /* owns table */
    json_t *table; /* {"by", "rows", "all"} */
};

enum { RAML_WRONG, RAML_CORRECT, RAML_UNJUDGED, RAML_N_VERDICTS };
struct raml_trace_group {                 /* trajectories of one verdict */
    size_t n, of_kind[RAML_ANSWER_KINDS]; /* whose answer their curves are of */
    struct raml_curve_mean loss, greedy;  /* over i/T; greedy: 1 where that answer is the greedy one */
    struct {                              /* sums over trajectories, and how many values they have */
        double sum;
        size_t n;
    } tokens, first, last, total, monotonicity, efficiency, tau_b, p_last, solved;
    json_t
        *selected[RAML_MAX_SELECTED]; /* of different questions: the first of each family in file order, then others */
    size_t n_selected;
};
struct raml_trace {
    char *name; /* folder: "trace", "trace-longer" */
    struct raml_trace_group group[RAML_N_VERDICTS];
    struct raml_within within; /* right and wrong ones of the same question */
};

enum { RAML_MAX_GROUPS = 2 }; /* of the first and of the last lines */
struct raml_rollouts_found {  /* some groups of rollouts.jsonl: lines as they are there */
    json_t *first[RAML_MAX_GROUPS], *last[RAML_MAX_GROUPS];
    size_t n_first, n_last, n_lines;
};

/* What belongs to trajectories and stands in files of its own: their paths. */
enum raml_beside_kind {
    RAML_BESIDE_UPDATES, /* update.jsonl, in a run's folder and in its subfolders named update* */
    RAML_BESIDE_MARKS,   /* marks.jsonl, there and in subfolders of the kinds that have marks (laboratory_parts.h) */
    RAML_BESIDE_KINDS
};
struct raml_beside {
    char *path[RAML_MAX_BESIDE];
    size_t n;
};

struct raml_run_found {
    char *name, *path; /* name: "" for the folder itself, else the subfolder's */
    char *recipe;      /* text; NULL: none */
    struct raml_metrics metrics;
    struct raml_rollouts_found rollouts;
    struct raml_evaluation eval[RAML_MAX_EVALS];
    struct raml_trace *trace[RAML_MAX_TRACES];
    struct raml_beside beside[RAML_BESIDE_KINDS];
    size_t n_evals, n_traces;
};

/* A folder of `raml trace`, `raml update`, .., with figures or tables in it; laboratory_parts.h has what each kind is. */
enum raml_lab_kind_id {
    RAML_LAB_TRACE,
    RAML_LAB_UPDATE,
    RAML_LAB_LANDSCAPE,
    RAML_LAB_ROLES,
    RAML_LAB_FORK,
    RAML_LAB_PRUNE,
    RAML_LAB_EXITS,
    RAML_LAB_STUDY,
    RAML_LAB_ATTENTION,
    RAML_LAB_KINDS
};
struct raml_lab_found {
    enum raml_lab_kind_id kind;
    char *name, *path; /* name: as seen from the report's folder, "with/trace"; "" is that folder itself */
    bool mean_drawn;   /* its mean loss curve is among the runs' traces */
};

struct raml_findings {
    struct raml_lab_found lab[RAML_LAB_KINDS * RAML_MAX_LABS];
    size_t n_labs;
    struct raml_run_found *run[RAML_MAX_RUNS];
    struct raml_beside beside[RAML_BESIDE_KINDS]; /* those of folders that have nothing else */
    size_t n_runs;
    json_t *summary;
    struct raml_buf notes; /* lines of text, '\n' after each */
};

/* RAML_EIO: no such folder. RAML_EFORMAT: nothing there that a report can show. *f: zeroed or as before on failure. */
RAML_CHECKED enum raml_code raml_findings_read(const char *dir, struct raml_findings *f, struct raml_err *err);
void raml_findings_deinit(struct raml_findings *f);

/* Adds what is of the laboratory in a run's folder: itself (unless its name is a kind's: then the folder above has it), its folders named trace*, update* and so on, and a trace's
 * "reader". name: of the run, "" for the report's own folder; entry: names of what is in the folder. One more than
 * RAML_MAX_LABS of a kind is a note. */
RAML_CHECKED enum raml_code raml_labs_find(struct raml_findings *f, const struct raml_run_found *run,
                                           char *const *entry, size_t n_entries, struct raml_err *err);
void raml_labs_deinit(struct raml_findings *f);

/* The readers of single files. A missing file is fine; a bad line becomes a note. */
RAML_CHECKED enum raml_code raml_metrics_read(struct raml_metrics *m, const char *path, struct raml_buf *notes,
                                              struct raml_err *err);
void raml_metrics_deinit(struct raml_metrics *m);
const struct raml_metric_series *raml_metrics_find(const struct raml_metrics *m, const char *name); /* NULL: none */
/* How a run was trained, by what it measured (and, of pairs, by the recipe's loss_type). */
enum raml_method {
    RAML_METHOD_SFT,
    RAML_METHOD_DFT,
    RAML_METHOD_RFT,
    RAML_METHOD_POLICY,
    RAML_METHOD_DISTILL,
    RAML_METHOD_PAIRS,
    RAML_METHOD_IPO,
    RAML_METHODS
};
enum raml_method raml_method_of(const struct raml_run_found *run);
bool raml_metric_is_evaluation(const struct raml_metric_series *s); /* a number of validation: eval_loss, .. */
/* Means of the first and of the last fifth of the values, of an evaluation the first and the last; there is one. */
void raml_metric_ends(const struct raml_metric_series *s, double *first, double *last);
/* Of the first and of the last RAML_ROLLOUT_LINES lines each the first groups whose samples have different rewards, or
 * where there is none the first group. */
enum { RAML_ROLLOUT_LINES = 16 };
RAML_CHECKED enum raml_code raml_rollouts_read(struct raml_rollouts_found *r, const char *path, struct raml_buf *notes,
                                               struct raml_err *err);
void raml_rollouts_found_deinit(struct raml_rollouts_found *r);
RAML_CHECKED enum raml_code raml_trace_read(const char *path, const char *name, struct raml_trace **out,
                                            struct raml_buf *notes, struct raml_err *err);
void raml_trace_free(struct raml_trace *t);
/* Adds to kinds how many of its curves are of each kind. */
void raml_trace_kinds(const struct raml_trace *t, size_t kinds[RAML_ANSWER_KINDS]);
/* Does the report look into folders of this name for a file of the kind? */
bool raml_beside_folder(enum raml_beside_kind kind, const char *name);
const char *raml_beside_file(enum raml_beside_kind kind); /* "update.jsonl" */
/* The name of the folder that a file is in. path: shorter than RAML_PATH_BYTES. */
void raml_beside_folder_of(const char *path, char name[RAML_PATH_BYTES]);
/* Are these different files from folders of one kind ("fork", "fork-2")? */
bool raml_beside_same_kind(const char *path, const char *other);
/* Each line of such a file gives what it has to the selected trajectories of these runs that have its id and sample: an
 * update its sizes, as "update_size", a number or null for each value of L; marks are added to the trajectory's own.
 * folder: put before the marks' names; NULL: nothing. Lines of controls ("trajectory" is not "real") are passed over; a
 * bad line becomes a note, and so do marks of another trajectory (text_sum.h). */
RAML_CHECKED enum raml_code raml_beside_read(enum raml_beside_kind kind, const char *path, const char *folder,
                                             struct raml_run_found *const *run, size_t n_runs, struct raml_buf *notes,
                                             struct raml_err *err);
/* The numbers of a JSON array as a new array of its length; NULL: one is not a finite number, or no memory. */
double *raml_json_numbers(const json_t *array);

#endif
