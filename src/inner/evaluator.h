/* evaluator.h - token trees in, log-probabilities out, as many trees per pass as a bound on tokens allows.
 *
 * The caller adds trees; before each it checks for space, and runs the pass when there is none. After _run the values
 * of the k-th tree since the last _clear start at index pack.tree_target[k], in the order of tree.h.
 * Layers      after _read_layers every pass also gives the log-probabilities that the model's final norm and head read
 *             from the stream after those layers (the lenses of tap.h): layer_logp[l * cap + target].
 * Elsewhere   a model that is elsewhere (remote.h) is read in texts, one for each span with targets; entropies are NaN then,
 *             and argmax may be -1 (another token).
 * Invariant   there is one tree, or the trees together have at most max_rows tokens.
 */
#ifndef RAML_INNER_EVALUATOR_H
#define RAML_INNER_EVALUATOR_H

#include "inner/chains.h"
#include "raml/model.h"
#include "raml/tap.h"

struct raml_evaluator {
    const struct raml_model *model;   /* NULL: it is elsewhere */
    const struct raml_remote *remote; /* where */
    struct raml_chains chains;
    struct raml_pass *pass;
    struct raml_pack pack;
    float *logp, *entropy;  /* [cap] */
    int32_t *argmax;        /* [cap] */
    struct raml_lens *lens; /* [n_layers] */
    float *layer_logp;      /* [n_layers, cap] */
    size_t n_layers;
    size_t cap, max_rows;
    uint64_t n_tokens, n_passes; /* tokens read by the model so far */
};

RAML_CHECKED enum raml_code raml_evaluator_init(struct raml_evaluator *s, const struct raml_model *m, size_t max_rows,
                                                struct raml_err *err);
/* Of one of the two, the other is NULL. */
RAML_CHECKED enum raml_code raml_evaluator_open(struct raml_evaluator *s, const struct raml_model *m,
                                                const struct raml_remote *remote, size_t max_rows,
                                                struct raml_err *err);
/* layer: [n], copied; strictly rising, up to the model's number of layers (RAML_ERANGE). Before the first _run. */
RAML_CHECKED enum raml_code raml_evaluator_read_layers(struct raml_evaluator *s, const size_t *layer, size_t n,
                                                       struct raml_err *err);
void raml_evaluator_deinit(struct raml_evaluator *s);
bool raml_evaluator_fits(const struct raml_evaluator *s, size_t n_tokens);
/* A tree more for the next _run. */
RAML_CHECKED enum raml_code raml_evaluator_add(struct raml_evaluator *s, const struct raml_tree *t,
                                               struct raml_err *err);
size_t raml_evaluator_context(const struct raml_evaluator *s); /* tokens of a text; SIZE_MAX: not known */
RAML_CHECKED enum raml_code raml_evaluator_check(const struct raml_evaluator *s, const char *what, const int32_t *token,
                                                 size_t n, struct raml_err *err); /* raml_vocabulary_check */
RAML_CHECKED enum raml_code raml_evaluator_run(struct raml_evaluator *s, struct raml_err *err);
void raml_evaluator_clear(struct raml_evaluator *s);
/* Are all tokens in the model's vocabulary? what: "prompt", for the message. */
RAML_CHECKED enum raml_code raml_vocabulary_check(const struct raml_model *m, const char *what, const int32_t *token,
                                                  size_t n, struct raml_err *err);

#endif
