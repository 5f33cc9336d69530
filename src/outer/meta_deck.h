/* meta_deck.h - which questions and trajectories make a task, and what it adapts on.
 *
 * task = question   a task is a question, in the order of supervised fine-tuning; its selected trajectories are dealt to
 *                   support and query.
 * task = family     families take turns; each goes through its own questions, epoch after epoch, each in its own random
 *                   order, task_size at a time (what is left over of an epoch waits for another one).
 * Support and query have no row in common, unless there is only one. A pure function of seed and position.
 */
#ifndef RAML_OUTER_META_DECK_H
#define RAML_OUTER_META_DECK_H

#include "outer/meta_step.h"
#include "outer/training_set.h"

struct raml_meta_family {
    const char *name;               /* borrowed */
    uint32_t *item;                 /* [n] of the set */
    size_t n, cap, size, per_epoch; /* size: questions of a task; per_epoch: tasks */
    struct raml_order order;
};
struct raml_meta_deck { /* zero-initialise */
    struct training_set *set;
    const struct raml_meta_options *o;
    struct raml_meta_family *family; /* [n_families]; none: a task is a question */
    size_t n_families, cap_families;
    uint64_t n_tasks; /* of an epoch */
    /* The task that was dealt last: rows, a tree each. */
    struct selection whole, *row;
    size_t n_rows, n_support, cap_rows; /* the first n_support are adapted on; the rest is the query */
    size_t part;                        /* of the support's trees that an inner step reads */
    bool both;                          /* the one row is support and query */
};
/* RAML_ERANGE: a question without a family, where tasks are families. */
RAML_CHECKED enum raml_code raml_meta_deck_init(struct raml_meta_deck *d, struct training_set *set,
                                                const struct raml_meta_options *o, struct raml_err *err);
void raml_meta_deck_deinit(struct raml_meta_deck *d);
enum raml_meta_deal {
    RAML_DEAL_SPLIT,
    RAML_DEAL_QUERY,  /* all rows are query */
    RAML_DEAL_SUPPORT /* all rows are adapted on */
};
/* The task at a position of the stream. */
void raml_meta_deal(struct raml_meta_deck *d, uint64_t position, enum raml_meta_deal how);
/* Have support and query of the dealt task no row in common? */
bool raml_meta_is_split(const struct raml_meta_deck *d);
/* Tokens that the dealt task's trees have: of the query, and of what inner steps 0 .. n_steps - 1 read. */
uint64_t raml_meta_query_tokens(const struct raml_meta_deck *d);
uint64_t raml_meta_support_tokens(const struct raml_meta_deck *d, uint64_t n_steps);
/* Adds the dealt task to a step: its query's trees to *step; what it adapts on to tasks->support, or (where nothing is
 * query) to *step too. */
RAML_CHECKED enum raml_code raml_meta_add_task(struct raml_meta_deck *d, struct raml_step *step,
                                               struct raml_meta_tasks *tasks, struct raml_err *err);

#endif
