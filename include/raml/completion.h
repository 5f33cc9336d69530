/* completion.h - how likely given continuations of a prompt are: log-probability and entropy of every token.
 *
 * All completions after one prompt are one token tree: the prompt is read once, each completion is a leaf of it. The
 * start of a completion may be context too, read but not evaluated: where prompt and completion are encoded as one text
 * (tokenizer.h) the prompt's last tokens depend on the completion, and the tree's prompt is what they all have in
 * common. Trees of several prompts share a pass, up to a bound on tokens. The bound changes time and memory, not
 * results: a tree gives the same bits whatever shares its pass. When the completions of one prompt exceed the bound
 * they are spread over passes that each read the prompt again; results then agree to rounding. A single completion may
 * exceed the bound.
 * Elsewhere with raml_completion_open_remote an evaluator asks a model that is elsewhere: entropies are then NaN.
 * Units     natural logarithms, temperature 1; entropy (nats) of the distribution at the token.
 * Errors    RAML_ERANGE: no token before the first target, no target, a token outside the vocabulary,
 *           prompt and completion longer than the model's context, or a log-probability that is not finite; the
 *           message numbers job and completion from 1. Inputs are checked before any work; on failure outputs are not
 *           to be used.
 * Threads   one evaluator, one thread.     Cost   one forward pass over all tokens.
 */
#ifndef RAML_COMPLETION_H
#define RAML_COMPLETION_H

#include "raml/model.h"
#include "raml/remote.h"

#pragma GCC visibility push(default)

struct raml_completion {
    const int32_t *token; /* [n] */
    size_t n;
    float *logp, *entropy; /* outputs, [n - n_context] each; NULL: not wanted */
    size_t n_context;      /* the first n_context tokens are only read; < n */
};

struct raml_completions {  /* one prompt's */
    const int32_t *prompt; /* [n_prompt]; 0: nothing is shared, and every completion has n_context >= 1 */
    size_t n_prompt;
    struct raml_completion *completion;
    size_t n;
};

struct raml_completion_evaluator;
RAML_CHECKED enum raml_code raml_completion_open(const struct raml_model *m, size_t max_batch_tokens,
                                                 struct raml_completion_evaluator **out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_completion_open_remote(const struct raml_remote *r, size_t max_batch_tokens,
                                                        struct raml_completion_evaluator **out, struct raml_err *err);
void raml_completion_close(struct raml_completion_evaluator *s);
/* Only the checks of raml_completion_logprobs; touches no output. */
RAML_CHECKED enum raml_code raml_completion_check(const struct raml_completion_evaluator *s,
                                                  const struct raml_completions *job, struct raml_err *err);
RAML_CHECKED enum raml_code raml_completion_logprobs(struct raml_completion_evaluator *s,
                                                     const struct raml_completions *job, size_t n_jobs,
                                                     struct raml_err *err);
/* Tokens that the model has read so far, prompts included. */
uint64_t raml_completion_tokens(const struct raml_completion_evaluator *s);

#pragma GCC visibility pop
#endif
