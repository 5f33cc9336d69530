/* training_set.h - the stream of questions that training reads; see train.h for order and repeats.
 *
 * Everything is tokenised once when the dataset opens, to check it and to know its lengths; a row is tokenised again
 * when its turn comes, so memory does not grow with the data's tokens.
 * Invariant: item[i] has at least one trained token whichever trajectories are selected, and every row fits the
 * context.
 */
#ifndef RAML_OUTER_TRAINING_SET_H
#define RAML_OUTER_TRAINING_SET_H

#include "outer/order.h"
#include "raml/row.h"
#include "raml/train.h"

struct training_item {
    uint32_t question; /* its number in the set */
    uint32_t n_tokens; /* of the prompt; without trajectories, of the whole row */
    size_t first, n;   /* its usable trajectories: candidate[first .. first + n) */
    size_t n_distinct; /* of them, equal ones once */
    uint64_t n_unique; /* trained tokens of these: how much text the question is trained on */
};
struct candidate {       /* a usable trajectory */
    uint32_t trajectory; /* its number in the question */
    uint32_t n_tokens;   /* tokens it adds to the row, answer included */
    uint32_t n_probe;    /* tokens that its probes add (probe_rows.h) */
};
struct training_set {
    const struct raml_questions *qs;
    struct raml_row_options row;
    const char *name; /* of the data, in messages */
    struct training_item *item;
    struct candidate *candidate;
    size_t n, cap, n_candidates, cap_candidates;
    size_t skipped;      /* questions without a usable trajectory */
    size_t wrong;        /* trajectories left out because they are graded wrong */
    size_t too_long;     /* trajectories, or rows without, left out because of skip_long */
    uint64_t seed, hash; /* hash: of all text that is trained on */
    size_t trajectories; /* rows per question */
    size_t cuts;         /* of a trajectory, at which the answer is trained on; 1: its end alone */
    size_t whole;        /* usable trajectories that are whole completions: where their answer is, is not known */
    struct raml_order order;
};

struct selection { /* one question for one use in training */
    uint32_t item;
    size_t n;          /* trajectories selected; 0: only the answer */
    size_t *selected;  /* [n] their numbers in the question, rising */
    uint32_t *times;   /* [n] rows that each counts for, >= 1 */
    size_t n_tokens;   /* of the row's tree */
    size_t n_probe;    /* tokens that probes add to it */
    uint32_t *shuffle; /* scratch */
};

/* f: zeroed by the caller; raml_training_set_deinit accepts what a failed _init leaves. max_n: at most this many
 * questions; 0: all. It may turn out empty (n = 0). RAML_ERANGE, with question and line: a row refused by
 * raml_row_build. */
RAML_CHECKED enum raml_code raml_training_set_init(struct training_set *f, const struct raml_train_job *job,
                                                   const struct raml_train_options *opt,
                                                   const struct raml_questions *qs, const char *name, size_t max_n,
                                                   struct raml_err *err);
void raml_training_set_deinit(struct training_set *f);

RAML_CHECKED enum raml_code raml_selection_init(struct selection *d, const struct training_set *f,
                                                struct raml_err *err);
void raml_selection_deinit(struct selection *d);
/* The selection for item i in an epoch. */
void raml_select_item(const struct training_set *f, uint32_t i, uint64_t epoch, struct selection *d);
/* The selection at a position of the stream (epoch = position / n). */
void raml_select_at(struct training_set *f, uint64_t position, struct selection *d);
/* The selected row: *tree is cleared and filled; span i + 1 is selection i, or, of n = 0, only the answer. segments may be
 * NULL. */
RAML_CHECKED enum raml_code raml_training_set_row(const struct training_set *f, const struct selection *d,
                                                  struct raml_tree *tree, struct raml_segments *segments,
                                                  struct raml_err *err);

struct training_plan {
    uint64_t n_steps;
    uint64_t n_positions; /* the stream's end; UINT64_MAX: none */
    uint64_t n_probing;   /* of the steps, from the first one on, that have probes: the annealing's length */
};
/* The number of steps under the limits of opt, of a stream of n items an epoch whose tokens at a position are
 * tokens_at; and of a training set's. */
void raml_plan_steps(struct training_plan *p, size_t n, const struct raml_train_options *opt,
                     uint64_t (*tokens_at)(void *user, uint64_t position), void *user);
/* Probes count as tokens; where tokens limit the steps, the annealing is the longest that is its share of them. */
RAML_CHECKED enum raml_code raml_training_plan_init(struct training_plan *p, struct training_set *f,
                                                    const struct raml_train_options *opt, struct raml_err *err);
#endif
