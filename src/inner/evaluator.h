/* scorer.h - token trees in, log-probabilities out, as many trees per pass as a bound on tokens allows.
 *
 * The caller adds trees; before each it checks for space, and runs the pass when there is none. After _run the values
 * of the k-th tree since the last _clear start at index pack.tree_scored[k], in the order of tree.h.
 * Invariant   there is one tree, or the trees together have at most max_rows tokens.
 */
#ifndef RAML_INNER_SCORER_H
#define RAML_INNER_SCORER_H

#include "raml/model.h"

struct raml_scorer {
    const struct raml_model *model;
    struct raml_pass *pass;
    struct raml_pack pack;
    float *logp, *entropy; /* [cap] */
    int32_t *argmax;       /* [cap] */
    size_t cap, max_rows;
    uint64_t n_tokens, n_passes; /* tokens read by the model so far */
};

RAML_CHECKED enum raml_code raml_scorer_init(struct raml_scorer *s, const struct raml_model *m, size_t max_rows,
                                             struct raml_err *err);
void raml_scorer_deinit(struct raml_scorer *s);
bool raml_scorer_has_room(const struct raml_scorer *s, size_t n_tokens);
RAML_CHECKED enum raml_code raml_scorer_run(struct raml_scorer *s, struct raml_err *err);
void raml_scorer_clear(struct raml_scorer *s);
/* Are all tokens in the model's vocabulary? what: "prompt", for the message. */
RAML_CHECKED enum raml_code raml_scorer_check(const struct raml_scorer *s, const char *what, const int32_t *token,
                                              size_t n, struct raml_err *err);

#endif
