/* layouts.h - the layouts of samples.h, one row each; raml_samples_read (samples.c) looks into a file and chooses
 * one.
 *
 * To add a layout: its reader in src/samples/<name>.c, its row declared here and listed in layouts.c. A row
 * that reads several layouts by one function is listed once for each.
 * Detection uses only the first bytes of the file, in the order of the list; the first row that matches reads it.
 *           Narrow rows (a field that only one program writes) come before wide ones (`correct`, `n` and `c`).
 *           With options.layout other than AUTO nothing is detected.
 * Reading   a reader opens the path itself, passes each question to fn, and fills report except for its layout, which
 *           raml_samples_read sets. It counts n_questions and n_samples as it goes; raml_samples_emit does that.
 */
#ifndef RAML_SAMPLES_LAYOUTS_H
#define RAML_SAMPLES_LAYOUTS_H

#include "raml/samples.h"

#include <jansson.h>

struct raml_samples_head { /* what a layout is detected by */
    const char *path;
    const char *bytes; /* the file's beginning, without a byte order mark; not 0-terminated */
    size_t n;          /* at least the first line, if that has at most RAML_SAMPLES_LOOK bytes */
    bool whole;        /* that is the whole file */
    /* The first line as an object. When it is not one (a document over many lines, an array): the whole file's value,
     * for files of at most RAML_SAMPLES_LOOK bytes. Else NULL. */
    const json_t *first;
};
enum { RAML_SAMPLES_LOOK = 32 << 20, RAML_SAMPLES_MAX_LINE = 1 << 30 };

typedef bool raml_samples_looks_fn(const struct raml_samples_head *head);
typedef enum raml_code raml_samples_read_fn(const char *path, const struct raml_samples_options *opt,
                                            raml_graded_fn *fn, void *user, struct raml_samples_report *report,
                                            struct raml_err *err);

struct raml_samples_layout_row {
    enum raml_samples_layout layout;
    const char *name;     /* as --layout has it: "raml", "grades", "lm_eval", "lighteval", "opencompass" */
    const char *known_by; /* for the message that no layout matches: "lines with `trajectories`" */
    raml_samples_looks_fn *looks_like;
    raml_samples_read_fn *read;
};
extern const struct raml_samples_layout_row *const raml_samples_layouts[];
extern const size_t raml_samples_n_layouts;

extern const struct raml_samples_layout_row raml_samples_layout_own;    /* own.c */
extern const struct raml_samples_layout_row raml_samples_layout_grades; /* grades.c */

/* Memory for a question's samples, reused from question to question. Zero-initialise. */
struct raml_graded_arrays {
    bool *correct, *truncated, *unclosed;
    const char **answer;
    size_t cap;
};
enum { RAML_SAMPLES_MAX_N = 1 << 24 }; /* samples of a question */
/* Prepares n samples, all wrong, not truncated, closed, without an answer. RAML_ERANGE above RAML_SAMPLES_MAX_N. */
RAML_CHECKED enum raml_code raml_graded_arrays_reserve(struct raml_graded_arrays *arrays, size_t n,
                                                       struct raml_err *err);
void raml_graded_arrays_deinit(struct raml_graded_arrays *arrays);

/* May the reader go on with the next row after this failure of one? Where skip_bad asks for it, the row is at fault and fn
 * is not: then it is counted and passed to on_bad, and *err is empty again. */
bool raml_samples_pass_over(const struct raml_samples_options *opt, struct raml_samples_report *report, size_t line,
                            enum raml_code rc, struct raml_err *err);

/* Counts q in report, grades truncated or unclosed samples wrong (in correct: the arrays', as q->correct), and calls
 * fn. */
RAML_CHECKED enum raml_code raml_samples_emit(struct raml_graded *q, bool *correct, raml_graded_fn *fn, void *user,
                                              struct raml_samples_report *report, struct raml_err *err);

#endif
