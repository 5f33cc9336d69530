/* generate.h - what a model writes after given texts: many continuations side by side on one token tree.
 *
 * A job continues a text: the tokens of a prompt, or of a prompt and the beginning of a trajectory, with or without a
 * word put in. Jobs of one group (a question's, as a rule) are adjacent, and their texts share in the cache (cache.h)
 * what they begin with alike: n jobs of one text compute it once; texts that leave a longer one in its middle hang from
 * it there and compute only what is their own.
 * A generator stays open: jobs are submitted at any time, whole groups at once, and it is driven until one has ended.
 * Cache, rows, logits and scratch memory live as long as it does; what was submitted is forgotten once it and all before
 * it have ended, so that memory depends on what is in it, not on what has been. raml_generate is one that is opened for
 * a list of jobs, driven to their end and closed.
 * Batching   continuous: a job that ends leaves its row to the next one of the list before the next step.
 * Random     token k of a job (from 0, forced tokens counted) is drawn by the number at position first + k of the
 *            stream (seed, RAML_FOR_SAMPLE, question, sample, round). So tokens do not depend on batch_size, on when a
 *            job was submitted, or on other groups.
 * Probe      a guide may ask, after the text or any token of a job, what the model would answer there: a child of the
 *            job's node reads a cue and takes the likeliest tokens, one a step, in the job's row; then it is dropped and
 *            the job goes on as if nothing had been. A probe ends at the model's context too; where not even its cue
 *            fits in that, and before a place to which the job has returned, there is none.
 * Memory     keys and values lie in pages (cache.h). A job enters when what it may grow to fits beside what is there;
 *            its node goes when it ends, a text's when the last job that needs it has ended. A cache that is to be
 *            larger (raml_generator_reserve) is made anew once all jobs that were submitted before have ended; those
 *            after wait for it.
 * Order      results are handed over as jobs end; the calls about one job are in the order of its tokens.
 * Errors     checked before any work: RAML_ERANGE: an empty text, a token outside the vocabulary, a text that fills the model's
 *            context (the message numbers the job from 1); RAML_EUSAGE: settings, also a job that alone does not fit
 *            pool_tokens. Later: RAML_ERANGE: logits that are not finite; RAML_ESTOP: the sink stopped the run; what a
 *            guide's function returns. What was handed over stays; all else that is in a generator is dropped, and it
 *            can be used again. A failed _submit takes nothing.
 * Weights    may change (raml_model_refresh) while nothing is in the generator.
 * Threads    one caller; a guide's functions are called from its thread.
 */
#ifndef RAML_INNER_GENERATE_H
#define RAML_INNER_GENERATE_H

#include "inner/sample_token.h"
#include "raml/model.h"

struct raml_generate_own { /* a job's own, in place of the options' */
    struct raml_token_sampling sampling;
    uint64_t seed;
    size_t n_top; /* the guide hears of the n_top likeliest tokens of each distribution; 0: of none */
};
struct raml_generate_job {
    const int32_t *text; /* [n_text], n_text >= 1; borrowed until the jobs of its group have ended */
    size_t n_text;
    size_t group;      /* jobs with the same number are adjacent, in one call, and share what their texts begin with */
    size_t max_tokens; /* >= 1; the model's context ends a job too */
    uint64_t question; /* the stream of its random numbers */
    uint32_t sample;
    uint64_t first, round;
    const char *name;                    /* for messages: "question 'a7'"; borrowed like the text; NULL: its number */
    void *user;                          /* for the guide: raml_generator_job */
    const struct raml_generate_own *own; /* NULL: the options' sampling and seed. Borrowed until the job has ended */
};
struct raml_generated { /* tokens after the text */
    int32_t *token;     /* [n] */
    float *logp;        /* [n] at temperature 1, nothing filtered out; NaN: the token was forced */
    float *mu_logp;     /* [n] of the distribution that it was sampled from; NaN: the token was forced */
    size_t n, cap;
    bool ended; /* by one of the ends, or by the guide; else by max_tokens or the context */
};
void raml_generated_deinit(struct raml_generated *g);

struct raml_generate_probe {
    const int32_t *cue;       /* [n_cue >= 1]; borrowed until the probe is done */
    size_t n_cue, max_tokens; /* max_tokens 0: nothing is answered, only the entropy is wanted */
    size_t back;              /* the place is before the job's last `back` tokens; else after all of them */
    bool entropy;             /* of the distribution of the token after the cue is wanted */
};
enum raml_generate_next {
    RAML_GENERATE_GOES_ON,
    RAML_GENERATE_ENDS,
    RAML_GENERATE_RETURNS /* to the probe's place: its last `back` tokens are dropped, and the next one is forced */
};
/* What sampling alone does not decide; NULL functions are not called. Jobs are numbered from 0 in the order in which
 * they were submitted, from the opening of their generator on. */
struct raml_generate_guide {
    void *user;
    /* Before each token: the token that is put there, or -1: it is sampled. */
    int32_t (*force)(void *user, size_t job, const struct raml_generated *so_far);
    /* A token was sampled: that one or another is taken (another one's logp is NaN). */
    int32_t (*replace)(void *user, size_t job, const struct raml_generated *so_far, int32_t token);
    /* A token was sampled, of a job that has n_top: the likeliest tokens, at temperature 1 and with nothing filtered out,
     * the likeliest first, of equals the lower first; -1 beyond the vocabulary. */
    enum raml_code (*top)(void *user, size_t job, const int32_t *token, const float *logp, size_t n,
                          struct raml_err *err);
    /* A token was added, so_far->token[n - 1]. *ends: it was the job's last. */
    enum raml_code (*added)(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                            struct raml_err *err);
    /* After the text, and after each token that was not the last: is a probe wanted here? */
    enum raml_code (*wants_probe)(void *user, size_t job, const struct raml_generated *so_far, bool *wanted,
                                  struct raml_generate_probe *probe, struct raml_err *err);
    /* Does the probe's answer end with its last token? One of the ends, and max_tokens, end it too. */
    enum raml_code (*probe_ends)(void *user, size_t job, const struct raml_generated *answer, bool *ends,
                                 struct raml_err *err);
    /* The probe's answer; entropy NaN if not asked for. *next: what becomes of the job; it goes on by default. */
    enum raml_code (*probed)(void *user, size_t job, const struct raml_generated *so_far,
                             const struct raml_generated *answer, double entropy, enum raml_generate_next *next,
                             struct raml_err *err);
    /* A job is complete. Its arrays may be taken: what is left in *g is freed. */
    enum raml_code (*done)(void *user, size_t job, struct raml_generated *g, struct raml_err *err);
};
enum { RAML_GENERATE_RETURN_PAGES = 2 }; /* that a return which drops up to 64 tokens may take */
struct raml_generate_options {
    size_t batch_size; /* jobs in progress at once */
    struct raml_token_sampling sampling;
    uint64_t seed;
    size_t allowed;     /* tokens below this number are sampled: the tokenizer's; 0: all of the model's */
    const int32_t *end; /* [n_ends] tokens that end a job (kept as its last); borrowed */
    size_t n_ends;
    size_t probe_tokens; /* cue and answer of the largest probe; 0: no probes */
    size_t max_returns;  /* of a job; for its memory */
    size_t max_top;      /* the largest n_top of a job's own */
    size_t pool_tokens;  /* capacity of the cache; 0: enough for batch_size of the jobs that are submitted at once */
};
struct raml_generate_stats {
    uint64_t text_tokens;            /* of all jobs' texts that were computed: what is shared counts once */
    uint64_t all_texts;              /* the same if every job had computed its own text */
    uint64_t tokens;                 /* written by jobs, dropped ones too */
    uint64_t n_probes, probe_tokens; /* cues and what probes wrote */
    uint64_t steps;                  /* passes over the weights after those that read texts */
};
/* Bytes that a run takes beside the model: rows, logits, and a cache of opt->pool_tokens (not 0). Reading texts takes
 * more: logits of each, activations of up to 4096 of their tokens. */
size_t raml_generate_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                              const struct raml_generate_options *opt);
struct raml_generator;
/* opt and guide (NULL: none) are copied, what they point to is borrowed. */
RAML_CHECKED enum raml_code raml_generator_open(const struct raml_model *m, const struct raml_generate_options *opt,
                                                const struct raml_generate_guide *guide, struct raml_generator **out,
                                                struct raml_err *err);
void raml_generator_close(struct raml_generator *g);
/* The cache shall have at least this capacity for the jobs that are submitted from here on. */
void raml_generator_reserve(struct raml_generator *g, size_t pool_tokens);
/* Jobs are copied. */
RAML_CHECKED enum raml_code raml_generator_submit(struct raml_generator *g, const struct raml_generate_job *job,
                                                  size_t n_jobs, struct raml_err *err);
/* One round: jobs enter, each in progress gets its next token, some end. Does nothing where none is in it. */
RAML_CHECKED enum raml_code raml_generator_round(struct raml_generator *g, struct raml_err *err);
/* Until at least one job has ended, if any is in it. */
RAML_CHECKED enum raml_code raml_generator_drive(struct raml_generator *g, const struct raml_sink *sink,
                                                 struct raml_err *err);
void raml_generator_drop(struct raml_generator *g);             /* all that is in it */
size_t raml_generator_jobs(const struct raml_generator *g);     /* in it: submitted, and not ended */
size_t raml_generator_next_job(const struct raml_generator *g); /* the number of the next job that is submitted */
const struct raml_generate_job *raml_generator_job(const struct raml_generator *g, size_t job); /* one that is in it */
const struct raml_generate_stats *raml_generator_stats(const struct raml_generator *g); /* since it was opened */
size_t raml_generator_bytes(const struct raml_generator *g); /* of the device's memory, and of its lists */

/* Runs all jobs. stats may be NULL. */
RAML_CHECKED enum raml_code raml_generate(const struct raml_model *m, const struct raml_generate_options *opt,
                                          const struct raml_generate_job *job, size_t n_jobs,
                                          const struct raml_generate_guide *guide, struct raml_generate_stats *stats,
                                          const struct raml_sink *sink, struct raml_err *err);

#endif
