/* sample_text.h - from a sample's tokens back to a question's record. */
#ifndef RAML_INNER_SAMPLE_TEXT_H
#define RAML_INNER_SAMPLE_TEXT_H

#include "raml/sample.h"

struct sample_texts { /* the format's fixed texts as tokens */
    const struct raml_tokenizer *tokenizer;
    struct raml_tokens answer_prefix, stop, continuation;
    struct raml_tokens open, close; /* around thinking; close: the answer prefix where thinking is not set apart */
    const int32_t *eos;             /* [n_eos] that end a sample besides `stop`; borrowed */
    size_t n_eos;
    bool thinks;           /* the format sets thinking apart */
    bool think_opened;     /* and its prompt opens it */
    bool boxed;            /* answers are in \boxed{}, which the answer prefix opens */
    bool answer_only;      /* the answer prefix was part of the prompt */
    const char *stop_text; /* NULL: none; borrowed */
};
RAML_CHECKED enum raml_code raml_sample_texts_init(struct sample_texts *x, const struct raml_tokenizer *t,
                                                   const struct raml_format *f, struct raml_err *err);
void raml_sample_texts_deinit(struct sample_texts *x);

struct raml_sampled { /* zero-initialise; free token */
    int32_t *token;
    size_t n, cap, n_end;        /* n_end: of the end, if reached */
    size_t think_start, n_think; /* trajectory tokens; what closes it, sampled or forced, is not counted */
    size_t answer_at;            /* once closed: the first token of what may contain the answer */
    bool began, thinking, closed, done;
    bool answer_forced; /* the answer prefix was put, or is being put */
    bool budget_hit;    /* at think_budget */
    bool exits;         /* exit is to be recorded */
    struct raml_trajectory_exit exit;
    double logp_sum; /* of the tokens that the model sampled */
    const char *finish_reason;
};
void raml_sampled_begin(const struct sample_texts *x, struct raml_sampled *s); /* before its first token */
RAML_CHECKED enum raml_code raml_sampled_add(struct raml_sampled *s, int32_t token, struct raml_err *err);
/* After each token that was added: where thinking begins and closes. true: an end has ended the sample (n_end). */
bool raml_sampled_follow(const struct sample_texts *x, struct raml_sampled *s);
/* Does the text after the thinking contain `text`? */
RAML_CHECKED enum raml_code raml_sampled_has(const struct sample_texts *x, const struct raml_sampled *s,
                                             const char *text, bool *has, struct raml_err *err);
/* Appends q with its n samples, checked, to *out, and counts them. */
RAML_CHECKED enum raml_code raml_sampled_deliver(const struct sample_texts *x, const struct raml_question *q,
                                                 const struct raml_sampled *s, size_t n, uint64_t seed,
                                                 struct raml_questions *out, struct raml_sample_stats *stats,
                                                 struct raml_err *err);
/* One sample as a record. Texts are in the arena; tokens, exit are the sample's. *out is as before on failure. */
RAML_CHECKED enum raml_code raml_sampled_read(const struct sample_texts *x, const struct raml_question *q,
                                              const struct raml_sampled *s, struct raml_arena *arena,
                                              struct raml_trajectory *out, struct raml_err *err);
/* What a completion of these tokens says, read as a sample's that chose them all: its trajectory, thinking closed or
 * not, answer and verdict. ended: it ended by itself (finish_reason "stop"), else "length". logp_sum NaN. Texts are in
 * the arena; tokens are borrowed. */
RAML_CHECKED enum raml_code raml_completion_read(const struct sample_texts *x, const struct raml_question *q,
                                                 const int32_t *token, size_t n, bool ended, struct raml_arena *arena,
                                                 struct raml_trajectory *out, struct raml_err *err);

#endif
