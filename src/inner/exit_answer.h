/* exit_answer.h - what a probe of early exit wrote after the answer prefix: where its answer ends, and which tokens are
 * the answer's own.
 *
 * Where the answer prefix opens a box the answer ends with the token that closes it, by the braces; else, and at the
 * latest, with the format's stop or a token that ends text. The answer's own tokens are those with a byte of it that is
 * no surrounding whitespace: not the closing brace's unless it holds a byte of the answer too, not the end's.
 * An answer that did not end is none.
 */
#ifndef RAML_INNER_EXIT_ANSWER_H
#define RAML_INNER_EXIT_ANSWER_H

#include "core/arena.h"
#include "inner/sample_text.h"

struct raml_exit_answer { /* texts are in the arena */
    const char *answer;   /* "": none */
    const char *text;     /* all that was written, without special tokens */
    size_t first, n_own;  /* its own tokens: [first, first + n_own) */
    size_t n_end;         /* tokens up to the one that ends the answer, with it; all of them where none does */
    bool ended;
    enum raml_verdict correct; /* RAML_DIFFERENT where there is no answer */
};
/* Does the answer end among token[n]? Asked after every token it says when to stop. */
RAML_CHECKED enum raml_code raml_exit_answer_ended(const struct sample_texts *x, const int32_t *token, size_t n,
                                                   bool *ended, struct raml_err *err);
/* token[n]: all that was written, maybe past the answer's end. RAML_ENOMEM; *out as before. */
RAML_CHECKED enum raml_code raml_exit_answer_read(const struct sample_texts *x, const struct raml_question *q,
                                                  const int32_t *token, size_t n, struct raml_arena *arena,
                                                  struct raml_exit_answer *out, struct raml_err *err);

#endif
