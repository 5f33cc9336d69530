/* pair_set.h - the stream of pairs that preference training reads: of a question one trajectory that is right, the
 * chosen one, and one that is wrong, the rejected one.
 *
 * A question with R right and W wrong trajectories gives min(pairs_per_question, R W) pairs an epoch, all different, in
 * which each trajectory occurs as often as any other of its side, or once more. Which, and the order of all pairs in an
 * epoch, are pure functions of seed, question and epoch (rng.h).
 *
 * Left out, and counted: trajectories that are not graded; wrong ones that have no answer of their own, because a row
 * would give them the question's (row.h), which is right; wrong ones that are the same as a right one; with skip_long, those too long for the model; questions that
 * are then without a pair.
 * As in a training set (training_set.h) all rows are tokenised once when the set is made, and again when they are read.
 */
#ifndef RAML_OUTER_PAIR_SET_H
#define RAML_OUTER_PAIR_SET_H

#include "outer/training_set.h"

struct pair_item {
    uint32_t question;              /* its number in the set */
    uint32_t n_tokens;              /* of the prompt */
    size_t first, n_right, n_wrong; /* candidate[first ..]: the right ones, then the wrong ones */
    size_t first_pair, n_pairs;     /* of an epoch */
};
struct pair_set {
    const struct raml_questions *qs;
    struct raml_row_options row;
    const char *name; /* of the data, in messages */
    struct pair_item *item;
    struct candidate *candidate;
    size_t n_items, cap_items, n_candidates, cap_candidates;
    size_t unpaired, ungraded, unanswered, identical, too_long; /* what was left out */
    uint64_t seed, hash;                                        /* hash: of all that is trained on */
    size_t n;                                                   /* pairs an epoch */
    struct raml_order order;
    uint32_t *owner;         /* [n]: the item of each pair */
    uint32_t *right, *wrong; /* scratch: the largest item's trajectories */
};
struct chosen_pair {
    uint32_t item;
    size_t trajectory[2]; /* numbers in the question: chosen, rejected */
    size_t n_tokens;      /* of the row's tree */
};

/* f: zeroed by the caller; raml_pair_set_deinit accepts what a failed _init leaves. max_n: at most this many questions;
 * 0: all. RAML_ERANGE: no question has a pair (the message counts why), or, with question and line, a row that
 * raml_row_build refuses. */
RAML_CHECKED enum raml_code raml_pair_set_init(struct pair_set *f, const struct raml_train_job *job,
                                               const struct raml_train_options *opt, int64_t pairs_per_question,
                                               const struct raml_questions *qs, const char *name, size_t max_n,
                                               struct raml_err *err);
void raml_pair_set_deinit(struct pair_set *f);
/* Says what was left out. */
void raml_pair_set_report(const struct pair_set *f, const struct raml_sink *sink);
/* The pair at a position of the stream (epoch = position / n). */
void raml_pair_at(struct pair_set *f, uint64_t position, struct chosen_pair *out);
/* Its tree: *tree is cleared and filled; span 1 is the chosen trajectory with its answer, span 2 the rejected one. */
RAML_CHECKED enum raml_code raml_pair_row(const struct pair_set *f, const struct chosen_pair *pair,
                                          struct raml_tree *tree, struct raml_err *err);
/* The number of steps of batch_size pairs under the limits of opt. */
void raml_pair_plan_init(struct training_plan *p, struct pair_set *f, const struct raml_train_options *opt);
#endif
