/* sampler.h - a sampler that stays open: questions go in, token ids with log-probabilities come out.
 *
 * Texts and verdicts come after (completion_text.h reads them from the ids); nothing is ever encoded again. One cache
 * and one set of rows serve the sampler as long as it is open; prompts of a question are computed once and shared by its
 * samples. Continuous batching as in sample.h.
 *
 *     raml_sampler_open(model, tokenizer, format, &options, &s, &err)
 *     raml_sampler_submit(s, &job, &err)             any number of questions, any time
 *     raml_sampler_next(s, &group, &more, sink, &err)   the samples of one question, in the order of submission
 *     raml_sampler_close(s)
 *
 * Random   token k of a sample is drawn by (seed, round, question, sample, k): a question that is sampled again in
 *          another round (a training step) draws anew; nothing depends on batch_size, or on what else is in the sampler.
 * Weights  may change (raml_model_refresh) while nothing is in it: every submitted question has come out.
 * Errors   a failed _submit takes nothing. When _next fails, what is in the sampler is dropped, and it can be used again.
 * Threads  one caller.
 */
#ifndef RAML_SAMPLER_H
#define RAML_SAMPLER_H

#include "raml/sample.h"

#pragma GCC visibility push(default)

struct raml_sampler;

struct raml_sampler_job {
    const int32_t *prompt; /* [n_prompt], copied */
    size_t n_prompt;
    const char *name;  /* for messages: "question 'a7' (line 3)"; copied; NULL: its number */
    uint64_t question; /* names its random numbers: raml_question_hash of its text */
    uint64_t round;    /* 0: the numbers of raml_sample_questions */
    uint32_t first_sample; /* its samples are numbers first_sample .. first_sample + n - 1 */
    size_t n;
    size_t max_tokens; /* of a completion; 0: the options' max_completion_length */
    void *user;        /* comes back with the group */
};
struct raml_sampler_completion { /* tokens after the prompt, forced ones too */
    const int32_t *token;  /* [n] */
    const float *logp;     /* [n] at temperature 1, nothing filtered out; NaN: the token was forced */
    const float *mu_logp;  /* [n] of the distribution that it was sampled from; NaN: forced */
    size_t n, n_end;       /* n_end: its last tokens that are the end, if it was reached */
    size_t n_think;        /* tokens of thinking; */
    size_t think_start;    /* and where it begins */
    bool ended;            /* by itself (finish_reason "stop"); else by its length */
    bool think_closed;
};
struct raml_sampler_group { /* borrowed until the next call of _next or _close */
    void *user;
    uint32_t first_sample;
    const struct raml_sampler_completion *completion; /* [n] */
    size_t n;
    uint64_t prompt_tokens; /* computed for it; 0 when it shared another's */
};
/* opt: n is not used; texts in it are borrowed. */
RAML_CHECKED enum raml_code raml_sampler_open(const struct raml_model *m, const struct raml_tokenizer *t,
                                              const struct raml_format *f, const struct raml_sample_options *opt,
                                              struct raml_sampler **out, struct raml_err *err);
void raml_sampler_close(struct raml_sampler *s);
RAML_CHECKED enum raml_code raml_sampler_submit(struct raml_sampler *s, const struct raml_sampler_job *job,
                                                struct raml_err *err);
/* *more false: nothing is in the sampler; *out is not written then. */
RAML_CHECKED enum raml_code raml_sampler_next(struct raml_sampler *s, struct raml_sampler_group *out, bool *more,
                                              const struct raml_sink *sink, struct raml_err *err);
/* What a completion says, read as sample.h reads a sample: trajectory, answer, verdict. Texts are in the arena. */
struct raml_arena;
RAML_CHECKED enum raml_code raml_sampler_read(const struct raml_sampler *s, const struct raml_question *q,
                                              const struct raml_sampler_completion *c, struct raml_arena *arena,
                                              struct raml_trajectory *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
