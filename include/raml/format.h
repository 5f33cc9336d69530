/* format.h - how a question, a trajectory and an answer become one run of tokens.
 *
 *   built-in models:  <|question|> QUESTION <think>  TRAJECTORY  </think>  ANSWER <|endoftext|>
 *                     '------- prompt --------''--trajectory-''--cue---''---- answer, end ----'
 * The cue is the fixed suffix of METHODS section 1 that asks for the answer. Without a trajectory the cue follows the
 * prompt at once, so a model trained on answers alone reads `<think></think>ANSWER`.
 * Other models give their own strings (raml_format_default fills in the built-in ones).
 */
#ifndef RAML_FORMAT_H
#define RAML_FORMAT_H

#include "raml/tokenizer.h"

enum raml_role { /* what a token of a training row is */
    RAML_ROLE_PROMPT,
    RAML_ROLE_TRAJECTORY,
    RAML_ROLE_CUE,
    RAML_ROLE_ANSWER,
    RAML_ROLE_END
};
const char *raml_role_name(enum raml_role role);

struct raml_format { /* texts; special tokens in them are parsed */
    const char *before; /* in front of the question: "<|question|>" */
    const char *after;  /* behind it, up to where the trajectory starts: "<think>" */
    const char *cue;    /* between trajectory and answer: "</think>" */
    const char *end;    /* behind the answer: "<|endoftext|>" */
};
struct raml_format raml_format_default(void);

/* Each appends to *out. Question, trajectory and answer are plain text (specials in them stay text). */
RAML_CHECKED enum raml_code raml_format_prompt(const struct raml_format *f, const struct raml_tokenizer *t,
                                               const char *question, struct raml_tokens *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_format_cue(const struct raml_format *f, const struct raml_tokenizer *t,
                                            struct raml_tokens *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_format_end(const struct raml_format *f, const struct raml_tokenizer *t,
                                            struct raml_tokens *out, struct raml_err *err);
#endif
