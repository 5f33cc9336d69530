/* trace_groups.h - numbers of traced trajectories, averaged by group, with intervals over questions.
 *
 * Every trajectory has values: a number called (curve, measure), such as ("gold", "descent"). A group's value is the
 * mean over those of its trajectories that have it. Groups:
 *   all       one
 *   verdict   right, wrong, unlabelled
 *   mode      how the model was made to think (report.h)
 *   length    short, middle, long: terciles of T (those of T at most the 1/3 quantile, at most the 2/3 quantile, the
 *             rest), where lengths differ
 * Interval  95 %, percentile bootstrap: questions are drawn with replacement, each with all its trajectories of the
 *           group, and the mean is the sum of their values over their number; tails as in metric.h. Resample d draws
 *           from (seed, RAML_FOR_BOOTSTRAP, question = d), the same numbers for all measures of a group. Of the
 *           shares (falls, greedy, solved: 0 or 1 of each trajectory) Wilson's, with questions as its trials, where
 *           every question has one trajectory, and where all trajectories are alike: there a bootstrap would take a
 *           few equal ones for certainty. NaN for fewer than two questions.
 * Cost      groups x measures x resamples x questions additions.
 */
#ifndef RAML_STUDY_TRACE_GROUPS_H
#define RAML_STUDY_TRACE_GROUPS_H

#include "raml/buf.h"
#include "raml/report.h"

struct raml_trace_groups;
RAML_CHECKED enum raml_code raml_trace_groups_open(struct raml_trace_groups **out, struct raml_err *err);
void raml_trace_groups_close(struct raml_trace_groups *g); /* NULL is fine */

struct raml_trace_member {   /* a trajectory */
    size_t question, sample; /* question: any number, the same for its trajectories */
    enum raml_trace_verdict verdict;
    const char *mode;
    size_t n_tokens; /* T */
};
/* One more trajectory; its mode is copied. */
RAML_CHECKED enum raml_code raml_trace_groups_add(struct raml_trace_groups *g, const struct raml_trace_member *m,
                                                  struct raml_err *err);
/* A value of the trajectory added last; NaN: it has none. Texts are copied. */
RAML_CHECKED enum raml_code raml_trace_groups_value(struct raml_trace_groups *g, const char *curve, const char *measure,
                                                    double value, struct raml_err *err);
/* The same of a loss in nats per answer token, of an answer of n_answer tokens. */
RAML_CHECKED enum raml_code raml_trace_groups_loss(struct raml_trace_groups *g, const char *curve, const char *measure,
                                                   double value, size_t n_answer, struct raml_err *err);
/* Adds to *out, a new one, the trajectories that both have, as `first` groups them, with second - first of every value
 * that both have, under the same names; but where an answer's number of tokens differs anywhere between the two,
 * losses per answer token do not compare: *whole is true then, and all losses are compared as those of whole answers
 * (times the number of tokens), their measures named with "answer_" before. */
RAML_CHECKED enum raml_code raml_trace_groups_subtract(const struct raml_trace_groups *first,
                                                       const struct raml_trace_groups *second,
                                                       struct raml_trace_groups *out, bool *whole,
                                                       struct raml_err *err);
/* A row for each group and (curve, measure), in order of groups and first mention; groups without a value have none.
 * row[i]'s texts belong to g. *row: for free(). */
RAML_CHECKED enum raml_code raml_trace_groups_rows(const struct raml_trace_groups *g, uint64_t seed, uint32_t n_draws,
                                                   struct raml_trace_row **row, size_t *n_rows, struct raml_err *err);
/* A text as a cell of a table: control characters and quotation marks are spaces. */
void raml_trace_add_cell(struct raml_buf *b, const char *text);
/* columns by, group, curve, measure, trajectories, questions, value, low, high; a number that does not exist is "nan".
 */
RAML_CHECKED enum raml_code raml_trace_groups_write(const struct raml_trace_row *row, size_t n_rows, const char *path,
                                                    struct raml_err *err);

#endif
