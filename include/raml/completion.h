/* completion.h - how likely given continuations of a prompt are: log-probability and entropy of every token.
 *
 * All completions after one prompt are one token tree: the prompt is read once, each completion is a leaf of it. What a
 * completion begins with may be context too, read and not scored: where prompt and completion are encoded as one text
 * (join.h) the prompt's last tokens depend on the completion, and the prompt of the tree is what all have in common.
 * Trees of several prompts share a pass, up to a bound on tokens. The bound changes time and memory, not results: a
 * tree gives the same bits whoever shares its pass. Completions of one prompt that are too many for the bound are
 * spread over passes that each read the prompt again; they then agree to rounding. One completion alone may exceed the
 * bound.
 * Units     natural logarithms, temperature 1; entropy (nats) of the distribution that the token was drawn from.
 * Errors    RAML_ERANGE: no token in front of the first one scored, no token to score, a token outside the vocabulary,
 *           prompt and completion longer than the model's context, or a log-probability that is not finite; the
 *           sentence numbers job and completion from 1. Inputs are checked before any work; on failure outputs are not
 *           to be used.
 * Threads   one scorer, one thread.     Cost   one forward pass over all tokens.
 */
#ifndef RAML_COMPLETION_H
#define RAML_COMPLETION_H

#include "raml/model.h"

struct raml_completion {
    const int32_t *token; /* [n] */
    size_t n;
    float *logp, *entropy; /* outputs, [n - n_context] each; NULL: not wanted */
    size_t n_context;      /* the first so many tokens are read alone; < n */
};

struct raml_completions { /* one prompt's */
    const int32_t *prompt; /* [n_prompt]; 0: nothing is shared, and every completion has n_context >= 1 */
    size_t n_prompt;
    struct raml_completion *completion;
    size_t n;
};

struct raml_completion_scorer;
RAML_CHECKED enum raml_code raml_completion_open(const struct raml_model *m, size_t max_batch_tokens,
                                                 struct raml_completion_scorer **out, struct raml_err *err);
void raml_completion_close(struct raml_completion_scorer *s);
/* What raml_completion_score would refuse; touches no output. */
RAML_CHECKED enum raml_code raml_completion_check(const struct raml_completion_scorer *s,
                                                  const struct raml_completions *job, struct raml_err *err);
RAML_CHECKED enum raml_code raml_completion_score(struct raml_completion_scorer *s, const struct raml_completions *job,
                                                  size_t n_jobs, struct raml_err *err);
/* Tokens that the model has read so far, prompts included. */
uint64_t raml_completion_tokens(const struct raml_completion_scorer *s);

#endif
