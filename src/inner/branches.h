/* branches.h - the answer's loss after each of many texts of a question, on token trees that share what the texts begin
 * with alike.
 *
 *     prompt -- a b c -- d e (answer)       after every distinct text a probe, answer prefix and answer, of which only
 *           \       \                       the answer tokens are targets; the last of them takes no row (tree.h)
 *            \       e (answer)
 *             c d (answer)                  texts a b c d e, a b c e and c d
 *
 * No token that two texts begin with alike is read twice in a pass, and of equal texts only one.
 * Bound     max_batch_tokens bounds the tokens of a pass; jobs share passes, and the texts of a large job are spread
 *           over several, each of which has at least one text. Losses then agree to rounding (1e-5).
 * Units     nats per answer token.
 * Errors    RAML_ERANGE: no prompt token, no answer token, a token outside the vocabulary, more tokens than the
 *           context, a loss that is not finite (the message numbers the job from 1 when there are several).
 * Threads   one caller.
 */
#ifndef RAML_INNER_BRANCHES_H
#define RAML_INNER_BRANCHES_H

#include "raml/model.h"

struct raml_branch_text { /* tokens after the prompt; borrowed */
    const int32_t *token; /* [n] */
    size_t n;
};
struct raml_branch_job { /* borrowed until the end of the run */
    const int32_t *prompt, *answer_prefix, *answer;
    size_t n_prompt, n_answer_prefix, n_answer;
    const struct raml_branch_text *text; /* [n_texts] */
    size_t n_texts;
    double *loss; /* [n_texts] out */
    bool *greedy; /* [n_texts] out: every answer token is the most likely; NULL: not wanted */
};
struct raml_branches;
RAML_CHECKED enum raml_code raml_branches_open(const struct raml_model *m, size_t max_batch_tokens,
                                               struct raml_branches **out, struct raml_err *err);
void raml_branches_close(struct raml_branches *b); /* NULL is fine */
/* What raml_branches_run checks of a job. */
RAML_CHECKED enum raml_code raml_branches_check(const struct raml_branches *b, const struct raml_branch_job *job,
                                                struct raml_err *err);
/* On failure the losses are not all set. */
RAML_CHECKED enum raml_code raml_branches_run(struct raml_branches *b, const struct raml_branch_job *job, size_t n_jobs,
                                              struct raml_err *err);
uint64_t raml_branches_tokens(const struct raml_branches *b); /* read by the model so far */
uint64_t raml_branches_alone(const struct raml_branches *b);  /* the same if every text were read by itself */
uint64_t raml_branches_passes(const struct raml_branches *b);

#endif
