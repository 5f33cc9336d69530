/* step.h - what one optimizer step is made of: token trees, and the terms of their targets (objective.h).
 *
 * A source fills it: for each tree raml_step_tree gives an empty one to fill, and raml_step_rows takes it in, a row for
 * each of its spans that has targets. Then the source writes the terms of the new rows and tokens. Memory is kept from
 * step to step.
 */
#ifndef RAML_OUTER_STEP_H
#define RAML_OUTER_STEP_H

#include "raml/objective.h"
#include "raml/question.h"
#include "raml/tree.h"

enum raml_step_terms { /* arrays that a source fills; the others are NULL */
                       RAML_STEP_OLD = 1,
                       RAML_STEP_MU = 2,
                       RAML_STEP_REF = 4,
                       RAML_STEP_ADVANTAGE = 8,
                       RAML_STEP_CORRECTION = 16,
                       RAML_STEP_SCALE = 32,
                       RAML_STEP_LIKELIHOOD = 64,
                       RAML_STEP_TERM_SCALES = 128 /* kl_scale and entropy_scale */
};

struct raml_step_row {                    /* whose row it is, for messages */
    const struct raml_question *question; /* borrowed; NULL: not known */
    size_t trajectory;                    /* its number there, or the sample's */
};
struct raml_step { /* zero-initialise */
    unsigned has;  /* of enum raml_step_terms; set once, before the first tree */
    struct raml_tree *tree;
    size_t n_trees, cap_trees;
    size_t *tree_row; /* [n_trees + 1]: first row of each tree */
    size_t *start;    /* [n_rows + 1]: first token of each row */
    size_t n_rows, n; /* rows; tokens: targets of all trees, in order */
    /* [n_rows]; of a new row: zeros */
    struct raml_step_row *row;
    double *reward, *ref_sum;
    uint32_t *group;
    int32_t *pair;
    /* [n]; of a new token: 1, NaN, NaN, NaN; 0, 1, 0, 0, 0, 0 */
    float *weight, *old_logp, *mu_logp, *ref_logp;
    double *advantage, *correction, *scale, *kl_scale, *entropy_scale, *likelihood;
    /* Fixed by the source once all trees are there. */
    double total, n_pairs;             /* of all ranks: sum of weights, pairs */
    double trained;                    /* the same of this rank */
    uint64_t n_read;                   /* tokens that the model reads for it */
    struct raml_statistics statistics; /* of the source */
    struct raml_statistics seconds;    /* by kind of work; not part of a run's results */
    /* Outputs of the passes, [n]. */
    float *logp, *entropy;
    double *d_logp, *d_entropy;
    size_t cap_tree_rows, cap_rows, cap_starts, cap;
};
enum { RAML_QUESTION_NAME = 120 };
/* "question 'a7' (line 3)", without the line where it was made here. */
const char *raml_question_name(const struct raml_question *q, char out[RAML_QUESTION_NAME]);
void raml_step_deinit(struct raml_step *s);
void raml_step_clear(struct raml_step *s); /* nothing in it; memory and `has` kept */
/* An empty tree, the next one of the step; valid until the next call. */
RAML_CHECKED enum raml_code raml_step_tree(struct raml_step *s, struct raml_tree **tree, struct raml_err *err);
/* The tree is filled: its rows and tokens are there, with terms to be written. *first_row: the first of them. */
RAML_CHECKED enum raml_code raml_step_rows(struct raml_step *s, size_t *first_row, struct raml_err *err);
/* The terms of rows [first_row, first_row + n_rows), with what the passes said if `outputs`: views of the step's
 * arrays. */
struct raml_terms raml_step_terms(const struct raml_step *s, size_t first_row, size_t n_rows, bool outputs);

#endif
