/* sampler.h - a sampler that stays open: questions go in, token ids with log-probabilities come out.
 *
 * Texts and verdicts come after (raml_sampler_read makes them of the ids); nothing is ever encoded again. One cache and
 * one set of rows serve the sampler as long as it is open; a question's prompt is computed once and shared by its
 * samples (share_prompts). Continuous batching, budgets, early exit and endings as in sample.h: raml_sample_questions is
 * a sampler that is opened for a list of questions.
 *
 *     raml_sampler_open(model, tokenizer, format, &options, &s, &err)
 *     raml_sampler_submit(s, &job, &err)             any number of questions, any time
 *     raml_sampler_next(s, &group, &more, sink, &err)   the samples of one question, in the order of submission
 *     raml_sampler_close(s)
 *
 * Random   token k of a sample is drawn by (seed, round, question, sample, k): a question that is sampled again in
 *          another round (a training step) draws anew; nothing depends on batch_size, on what else is in the sampler, or
 *          on when it was submitted.
 * logp     f32: to the last bit what a pass over the same tokens gives (raml_pass_forward), as a text of their own or
 *          as a branch of a tree. bf16: to rounding.
 * Memory   of what is in the sampler, and of its cache: batch_size samples of the longest completion, each with twice
 *          the longest prompt so far, and once the starts of a question's samples. It does not grow with what has come
 *          out. A prompt longer than any before makes the cache anew once all that was submitted before it has ended.
 * Weights  may change (raml_model_refresh) while nothing is in it: every submitted question has come out.
 * Errors   a failed _submit takes nothing. When _next fails, also by RAML_ESTOP, what is in the sampler is dropped, and
 *          it can be used again.
 * Threads  one caller.
 */
#ifndef RAML_SAMPLER_H
#define RAML_SAMPLER_H

#include "raml/sample.h"

#pragma GCC visibility push(default)

struct raml_sampler;

struct raml_sampler_start { /* tokens that a sample begins with, as if it had sampled them */
    const int32_t *token;   /* [n] */
    size_t n;               /* below the completion's maximum */
};
struct raml_sampler_job {
    const int32_t *prompt; /* [n_prompt], copied */
    size_t n_prompt;
    const char *name;      /* for messages: "question 'a7' (line 3)"; copied; NULL: its number */
    uint64_t question;     /* names its random numbers: raml_question_hash of its text */
    uint64_t round;        /* 0: the numbers of raml_sample_questions */
    uint32_t first_sample; /* its samples are numbers first_sample .. first_sample + n - 1 */
    size_t n;              /* at least 1 */
    size_t max_tokens;     /* of a completion; 0: the options' max_completion_length */
    const struct raml_sampler_start
        *start;                        /* [n], copied: what each sample has already; its completion has these tokens
                                             * too, their logp NaN. NULL: nothing */
    const struct raml_question *about; /* by which an early exit's probes read answers (letters or not); borrowed until
                                        * the group has come out; NULL: a question without letters */
    void *user;                        /* comes back with the group */
};
struct raml_sampler_completion { /* tokens after the prompt, forced ones too */
    const int32_t *token;        /* [n] */
    const float *logp;           /* [n] at temperature 1, nothing filtered out; NaN: the token was forced */
    const float *mu_logp;        /* [n] of the distribution that it was sampled from, 0 if greedy; NaN: forced. Equal to
                                  * logp at temperature 1 without filters, where the vocabularies are of one size */
    size_t n, n_end;             /* n_end: its last tokens that are the end, if it was reached */
    size_t think_start, n_think; /* the trajectory: tokens [think_start, think_start + n_think) */
    size_t answer_at;            /* the first token of what may contain the answer; 0: all of it may */
    bool ended;                  /* by itself (finish_reason "stop"); else by its length ("length") */
    bool think_closed;           /* false: thinking was open at the end. True where a format has no thinking */
    bool budget_hit;             /* think_budget closed its thinking */
    double logp_sum;             /* of the tokens that were not forced */
    const struct raml_trajectory_exit *exit; /* NULL: no early exit was asked for */
};
struct raml_sampler_group { /* borrowed until the next call of _next or _close */
    void *user;
    uint32_t first_sample;
    const struct raml_sampler_completion *completion; /* [n] */
    size_t n;
    uint64_t prompt_tokens; /* computed for it: n_prompt; n times as many without share_prompts */
};
/* opt: n is not used; texts in it are borrowed. RAML_EUSAGE: as raml_sample_check, and where the format's texts do not
 * allow what is asked for. */
RAML_CHECKED enum raml_code raml_sampler_open(const struct raml_model *m, const struct raml_tokenizer *t,
                                              const struct raml_format *f, const struct raml_sample_options *opt,
                                              struct raml_sampler **out, struct raml_err *err);
void raml_sampler_close(struct raml_sampler *s);
/* RAML_ERANGE: a prompt without tokens, as long as the model's context, or with a token outside its vocabulary; a start
 * that leaves no token to sample, or in which the sample ends. RAML_EUSAGE: starts with early exit or a continuation. */
RAML_CHECKED enum raml_code raml_sampler_submit(struct raml_sampler *s, const struct raml_sampler_job *job,
                                                struct raml_err *err);
/* *more false: nothing is in the sampler; *out is not written then. */
RAML_CHECKED enum raml_code raml_sampler_next(struct raml_sampler *s, struct raml_sampler_group *out, bool *more,
                                              const struct raml_sink *sink, struct raml_err *err);
/* What a completion says, read as sample.h reads a sample: trajectory, answer, verdict. Texts are in the arena; tokens
 * and exit are the completion's. */
struct raml_arena;
RAML_CHECKED enum raml_code raml_sampler_read(const struct raml_sampler *s, const struct raml_question *q,
                                              const struct raml_sampler_completion *c, struct raml_arena *arena,
                                              struct raml_trajectory *out, struct raml_err *err);
struct raml_sampler_stats {              /* since it was opened */
    uint64_t prompt_tokens, all_prompts; /* computed; the same if every sample had computed its own prompt */
    uint64_t tokens;                     /* of completions, dropped ones too */
    uint64_t probes, probe_tokens;       /* of early exit, beside `tokens` */
    uint64_t steps;                      /* passes over the weights after those that read prompts */
    size_t bytes;                        /* memory now: cache, rows, lists; not the completions */
};
void raml_sampler_read_stats(const struct raml_sampler *s, struct raml_sampler_stats *out);

#pragma GCC visibility pop
#endif
