/* meta_step.h - tasks of a step, and its meta-gradient.
 *
 * Rows of a task's query are trees of the step; what it adapts on are trees of another, `support` (reptile, which has no
 * query: of the step itself), in parts of which inner step s reads number s modulo their number.
 * Normalisation   the query's loss by the step's total: one mean over all query tokens of all tasks and ranks, known
 *                 before any pass; an inner step's loss by its part's own total.
 */
#ifndef RAML_OUTER_META_STEP_H
#define RAML_OUTER_META_STEP_H

#include "outer/loop.h"
#include "outer/meta_space.h"

struct raml_meta_part { /* trees that an inner step reads */
    size_t first, n;
    double total; /* sum of their weights */
};
struct raml_meta_task {
    const struct raml_question *question; /* for messages: its first one */
    size_t first_query, n_queries;        /* trees of the step */
    double query_total;                   /* sum of their weights */
    size_t first_part, n_parts;
};
struct raml_meta_tasks { /* of a step, of this rank; zero-initialise */
    struct raml_step support;
    struct raml_meta_task *task;
    struct raml_meta_part *part;
    size_t n, n_all, n_parts; /* n_all: tasks of all ranks */
    size_t cap_tasks, cap_parts;
};
void raml_meta_tasks_deinit(struct raml_meta_tasks *t);
void raml_meta_tasks_clear(struct raml_meta_tasks *t);

struct raml_meta_step { /* zero-initialise; all borrowed but vectors */
    struct raml_meta_vectors vectors;
    struct raml_meta_inner inner;
    struct raml_meta_tasks *tasks; /* of the next step */
    const struct raml_sink *sink;  /* asked between tasks whether to stop; NULL: it is not */
};
/* raml_step_gradient.differentiate, user a struct raml_meta_step. The tasks' gradients are added one by one in the order
 * of the tasks, whatever rank has them: the same gradient on every number of ranks. Errors name the task's question.
 * RAML_ESTOP: the sink asked to stop. */
RAML_CHECKED enum raml_code raml_meta_differentiate(void *user, struct raml_packs *packs,
                                                    const struct raml_objective *objective, struct raml_step *step,
                                                    const struct raml_parts *parts, float *grad, double *loss,
                                                    struct raml_statistics *statistics, struct raml_err *err);
/* Adapts to each task, and adds the query's losses before and after it, times their weights, and the weights to sums. */
RAML_CHECKED enum raml_code raml_meta_measure(struct raml_meta_step *m, struct raml_packs *packs,
                                              const struct raml_objective *objective, struct raml_step *step,
                                              double sums[3], struct raml_err *err);

#endif
