/* sample_parts.h - what sampling and its early exit share. */
#ifndef RAML_INNER_SAMPLE_PARTS_H
#define RAML_INNER_SAMPLE_PARTS_H

#include "inner/exits.h"
#include "inner/generate.h"
#include "inner/sample_text.h"
#include "raml/sampler.h"

struct raml_exits { /* of a run */
    bool asked;     /* a policy is to be recorded */
    bool probes;    /* and makes probes */
    struct raml_exit_policy policy;
    char text[RAML_EXIT_TEXT]; /* of the policy, with all its settings */
    char **word;               /* [n_words] that wait */
    size_t n_words;
};
RAML_CHECKED enum raml_code raml_exits_init(struct raml_exits *e, const struct raml_sample_options *opt,
                                            struct raml_err *err);
void raml_exits_deinit(struct raml_exits *e);

struct raml_sample_exit { /* of a sample */
    struct raml_exit_state *state;
    size_t from;      /* the first place that was not asked about */
    size_t at;        /* of the probe in progress */
    bool wait, trial; /* it is in front of a word that waits; it decides on a continuation */
    bool just_closed; /* by the last token, of the model's own */
};
struct raml_sampler_question;
struct raml_sample_state {
    struct raml_sampled out; /* its tokens are borrowed */
    int32_t *text;           /* prompt and start; NULL: it starts with the prompt alone */
    int32_t *all;            /* start and what was sampled, until it is done; NULL without a start */
    size_t n_start;
    struct raml_generated made;      /* once it is done */
    const struct raml_tokens *force; /* being put; NULL: nothing is */
    size_t n_forced;
    int continuations; /* left */
    struct raml_sample_exit exit;
    struct raml_sampler_question *of;
};
struct raml_sampler_question { /* that was submitted, with its samples */
    struct raml_sampler_question *next;
    struct raml_sampler_group group;
    struct raml_sampler_completion *completion; /* [n] */
    struct raml_sample_state *sample;           /* [n] */
    size_t n, n_done, number;                   /* number: from 0, since the sampler was opened */
    int32_t *prompt;
    char *name;
    const struct raml_question *about; /* never NULL */
};
struct raml_sampler {
    const struct raml_model *m;
    struct raml_sample_options opt;
    struct sample_texts texts;
    struct raml_exits exits;
    struct raml_generator *generator;
    struct raml_sampler_question *first, *last; /* in it */
    struct raml_sampler_question *out;          /* that came out; NULL: none yet */
    size_t n_submitted;
    size_t start_pages;             /* of the starts of a question's samples, at most so far */
    size_t longest_prompt, longest; /* so far; of completions, what max_tokens allows */
};
static inline bool raml_sample_probes(const struct raml_sampler *s)
{
    return s->exits.probes || s->opt.force_continuation_below > 0;
}
static inline struct raml_sample_state *raml_sample_state_of(const struct raml_sampler *s, size_t job)
{
    return raml_generator_job(s->generator, job)->user;
}
/* Checks settings and reads the policy; *e is to be given to _deinit also after a failure. */
RAML_CHECKED enum raml_code raml_sample_settings(const struct raml_sample_options *o, struct raml_exits *e,
                                                 struct raml_err *err);
/* The settings of generation for samples that have space for `tokens` tokens each, and probes with cues of n_cue tokens;
 * its pool. */
struct raml_generate_options raml_sample_generation(const struct raml_sample_options *o, size_t tokens, size_t n_cue);
/* The next tokens are the answer prefix. */
void raml_sample_force_answer(const struct raml_sampler *s, struct raml_sample_state *r);
/* A probe's answer: what becomes of the sample. */
RAML_CHECKED enum raml_code raml_sample_see(const struct raml_sampler *s, struct raml_sample_state *r,
                                            const struct raml_generated *answer, double entropy,
                                            enum raml_generate_next *next, struct raml_err *err);

/* A guide's wants_probe, probe_ends and probed (generate.h); user is the sampler. */
RAML_CHECKED enum raml_code raml_sample_wants_probe(void *user, size_t job, const struct raml_generated *so_far,
                                                    bool *wanted, struct raml_generate_probe *probe,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_sample_probe_ends(void *user, size_t job, const struct raml_generated *answer,
                                                   bool *ends, struct raml_err *err);
RAML_CHECKED enum raml_code raml_sample_probed(void *user, size_t job, const struct raml_generated *so_far,
                                               const struct raml_generated *answer, double entropy,
                                               enum raml_generate_next *next, struct raml_err *err);

#endif
