/* row.h - a question and the trajectories selected for it, as one token tree, for training and for display.
 *
 *     span 0 (root)   prompt                                never trained
 *     span 1 .. k     trajectory prefix answer end          trained from its first token
 *     k = 0: span 1   prefix answer end                     trained from the answer's first token
 *
 *     a trajectory that is a whole completion (question.h): its text and the stop, trained from its first token; special
 *     tokens in it are parsed, and neither answer prefix nor answer is added
 *
 * All spans hang from the prompt's end, so it is computed once. Trained tokens are the tree's targets (tree.h).
 * The answer prefix is trained after a trajectory, because a model has to learn when to stop thinking, and not
 * without one, because it is then part of the question. The end is always trained: a model has to learn to stop.
 * The answer is the trajectory's own; the question's, which is the form wanted, where that one is known to be correct
 * or there is none.
 */
#ifndef RAML_ROW_H
#define RAML_ROW_H

#include "raml/format.h"
#include "raml/question.h"
#include "raml/tree.h"

#pragma GCC visibility push(default)

struct raml_row_options {
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    size_t max_tokens; /* prompt plus any one span after it: what a model can read; 0: no limit */
    bool skip_long;    /* a row above max_tokens is an empty tree (n_spans = 0) for the caller to count, not an error */
};
/* No limit, longer rows are errors. */
struct raml_row_options raml_row_default(const struct raml_tokenizer *tokenizer, struct raml_format format);

struct raml_segments { /* one enum raml_segment per token, in the tree's order; zero-initialise */
    uint8_t *segment;
    size_t n, cap;
};
void raml_segments_deinit(struct raml_segments *r);

/* Clears *tree and fills it from q's trajectories selected[0..k), in that order; repeats are legal. segments may be
 * NULL. RAML_ERANGE, with the question's id and line: selected out of range, no answer, too many tokens, nothing
 * trained, or everything trained. On failure tree and segments are empty. */
RAML_CHECKED enum raml_code raml_row_build(struct raml_tree *tree, const struct raml_question *q,
                                           const size_t *selected, size_t k, const struct raml_row_options *opt,
                                           struct raml_segments *segments, struct raml_err *err);

#pragma GCC visibility pop
#endif
