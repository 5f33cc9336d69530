/* sample.h - n samples of each of many questions, growing side by side.
 *
 * Continuous batching: prompts are computed once and forked, finished samples leave, the next ones of
 * the queue enter before the next step. Random numbers are keyed by (seed, hash of the question's text, sample, token
 * index): the same seed gives the same samples for any batch size and batch mates.
 * A sample ends with the format's stop, one of the eos tokens, the stop text or a rule of one's own ("stop"), or at
 * max_completion_length or the model's context ("length"). Truncated, or thinking was not closed: counted wrong.
 * The trajectory is what the model thought, with its place among the tokens (format.h); the answer is what follows
 * it, or where the answer prefix asks for \boxed{}, what is marked there as one: boxed, after "the answer is", "####"
 * or a heading, a letter of multiple choice (answer.h). With a format that does not set thinking apart the whole
 * completion is the trajectory, and the answer is looked for in it in the same way.
 */
#ifndef RAML_SAMPLE_H
#define RAML_SAMPLE_H

#include "raml/format.h"
#include "raml/err.h"
#include "raml/model.h"
#include "raml/question.h"
#include "raml/remote.h"

#pragma GCC visibility push(default)

/* Early exit (docs/sample.md). While a sample thinks, a policy asks at its places what the model would answer there: a
 * probe reads the answer prefix, takes the likeliest tokens up to the answer's end, and is dropped. Where the policy is
 * content the answer prefix is forced in that place, as think_budget does it. Policies "at waits" ask in front of a
 * word, once it is written; what was written from it on is dropped if they stop. Probes change nothing else: samples
 * whose thinking is never stopped are byte for byte those without.
 *
 *   stability:stride=64,repeats=3,bound=0    the last 3 answers are equal, and the mean probability is above the bound
 *   confidence:most=10,bound=0.95            at waits: mean probability of the answer's own tokens (arXiv 2504.15895)
 *   dynasor:stride=64,repeats=3              3 equal answers without a word of doubt (arXiv 2412.20993)
 *   code_stop:low=0.9,high=0.95,tau=3.5      at waits: a rising bound, or falling confidence (arXiv 2604.04930)
 *   eat:stride=32,delta=1e-05                the entropy after the end of thinking has settled (arXiv 2509.26522)
 *   budget:budget=256                        as think_budget
 *
 * Settings that are not named are as here; `stride` makes any of them ask every n tokens, 0 at waits. */

/* A sample that is not finished, as a stop rule of one's own sees it. */
struct raml_sample_so_far {
    size_t question, sample; /* numbers from 0: qs->question[question], of n samples */
    const int32_t *token;    /* [n] all tokens so far, forced ones included; borrowed for the call */
    size_t n;
    bool thinking; /* the next token is the trajectory's: thinking is open */
    size_t n_end;  /* of the tokens: the last ones, that are the end and no text; 0 as long as it was not reached */
};

struct raml_sample_options {
    size_t n;                        /* samples per question */
    size_t batch_size;               /* samples that grow side by side */
    size_t max_completion_length;    /* tokens, forced ones included */
    size_t think_budget;             /* after this many trajectory tokens the answer prefix is forced; 0: never */
    int force_continuation;          /* how often the continuation is put where thinking would close (arXiv 2501.19393);
                                   * needs an answer prefix of one token. Continuations count towards think_budget. */
    double force_continuation_below; /* the continuation is put only where a probe's answer is less confident than this
                                      * (geometric mean probability of its own tokens, 0 without one); 0: always */
    const char *exit;                /* policy of early exit; NULL: none */
    const char *exit_words;          /* words that wait, with commas between them, in lower case; NULL: "wait" */
    size_t probe_tokens;             /* a probe's answer has at most this many */
    double temperature, top_p, min_p;
    int top_k;
    uint64_t seed;
    const char *stop;   /* ends a sample after its thinking; the answer is what comes before it; NULL: none */
    bool share_prompts; /* a question's prompt is computed once for its samples; false: by each of them (to measure) */
    bool answer_only;   /* the answer prefix is part of the prompt: the completion is the answer */
    const int32_t *eos; /* [n_eos] tokens that end a sample besides the format's stop; borrowed */
    size_t n_eos;
    /* A stop rule of one's own; NULL: none. Called after every token that does not end the sample by itself; true ends
     * it there, like the stop text: finish_reason "stop", the token stays, and thinking that was not closed counts as
     * wrong. It is called from one thread, for the samples that grow side by side in turn. A rule that looks at nothing
     * but *so_far gives the same samples for any batch size; what it ends changes no other sample. */
    bool (*ends)(void *user, const struct raml_sample_so_far *so_far);
    void *ends_user;
    /* Called with each question of *out, as soon as its samples and those of the questions before it are done; what fails
     * in it ends the sampling. NULL: none. */
    enum raml_code (*take)(void *user, const struct raml_question *q, struct raml_err *err);
    void *take_user;
    /* Hears of every token as it comes; NULL: nobody does. Called after each, the last one too, and once more when the
     * sample is whole (done). An early exit at waits takes tokens back: n falls. From one thread, the samples that grow
     * side by side in turn; with batch_size 1 one sample after another. It changes nothing. */
    void (*hears)(void *user, const struct raml_sample_so_far *so_far, bool done);
    void *hears_user;
};
/* 1 sample, 64 rows, 512 tokens, temperature 1, no filters, probes of 32 tokens, prompts shared */
struct raml_sample_options raml_sample_default(void);
/* RAML_EUSAGE: the first setting that is wrong. Sampling checks this too, before any work. */
RAML_CHECKED enum raml_code raml_sample_check(const struct raml_sample_options *opt, struct raml_err *err);

/* Bytes that sampling takes beside the model while batch_size samples of `tokens` tokens each, which they share with no
 * other, grow: keys and values in whole pages, a step's activations, logits, and what choosing from them takes (sorting
 * too, with top_k or top_p). raml_sample_questions has capacity for the tokens of a completion and two prompts a
 * sample, each in whole pages. Prompts take more while they are computed: logits of each, activations of up to 4096 of
 * their tokens. Probes take logits and pages of their own. */
size_t raml_sample_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                            const struct raml_sample_options *opt, size_t tokens);
/* Parts of it: keys and values of a token; what n_prompts prompts that are computed at once take beyond one of them. */
size_t raml_sample_token_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev);
size_t raml_sample_prompt_bytes(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                                size_t n_prompts);

enum { RAML_SAMPLE_REASONS = 8 };
struct raml_sample_stats {
    uint64_t samples, correct, truncated, unclosed, budget_hit;
    uint64_t tokens;               /* completion tokens */
    uint64_t probes, probe_tokens; /* read and written by probes, beside `tokens` */
    struct {
        const char *reason; /* static text: "stable", "confident", ..; NULL: no more of them */
        uint64_t n;
    } stopped[RAML_SAMPLE_REASONS]; /* samples whose thinking a policy stopped */
};
/* *out (initialised): copies of the questions, in order, with their samples as trajectories. With RAML_ESTOP it holds
 * the questions that are complete. RAML_ERANGE: a prompt longer than the context (names the question and its line), or
 * logits that are NaN. */
RAML_CHECKED enum raml_code raml_sample_questions(const struct raml_model *m, const struct raml_tokenizer *t,
                                                  const struct raml_format *f, const struct raml_questions *qs,
                                                  const struct raml_sample_options *opt, struct raml_questions *out,
                                                  struct raml_sample_stats *stats, const struct raml_sink *sink,
                                                  struct raml_err *err);

/* By a model that is elsewhere, all samples side by side; its numbers are its own, so they are other samples than those
 * made here. batch_size and share_prompts are its business. RAML_EUSAGE: what can't be done from afar: think_budget,
 * force_continuation, exit, ends. *out also after a failure: the questions that are complete. */
RAML_CHECKED enum raml_code raml_sample_questions_remote(const struct raml_remote *remote,
                                                         const struct raml_tokenizer *t, const struct raml_format *f,
                                                         const struct raml_questions *qs,
                                                         const struct raml_sample_options *opt,
                                                         struct raml_questions *out, struct raml_sample_stats *stats,
                                                         struct raml_err *err);
RAML_CHECKED enum raml_code raml_sample_check_remote(const struct raml_sample_options *opt, struct raml_err *err);

#pragma GCC visibility pop
#endif
