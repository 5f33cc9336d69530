/* sample_parts.h - what sampling and its early exit share. */
#ifndef RAML_INNER_SAMPLE_PARTS_H
#define RAML_INNER_SAMPLE_PARTS_H

#include "inner/exits.h"
#include "inner/generate.h"
#include "inner/sample_text.h"

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
struct raml_sample_state {
    struct raml_sampled out;         /* its tokens are borrowed until it is done */
    const struct raml_tokens *force; /* being put; NULL: nothing is */
    size_t n_forced;
    int continuations; /* left */
    struct raml_sample_exit exit;
};
struct raml_sample_run {
    const struct raml_model *m;
    const struct raml_sample_options *opt;
    const struct raml_questions *qs;
    struct sample_texts texts;
    struct raml_exits exits;
    struct raml_tokens *prompt;       /* [qs->n] */
    char **name;                      /* [qs->n], for messages */
    struct raml_generate_job *job;    /* [total] */
    const char **job_name;            /* [total] */
    struct raml_sample_state *sample; /* [total] */
    size_t total, delivered, context;
    struct raml_questions *out;
    struct raml_sample_stats *stats;
};
static inline bool raml_sample_probes(const struct raml_sample_run *s)
{
    return s->exits.probes || s->opt->force_continuation_below > 0;
}
/* The next tokens are the answer prefix. */
void raml_sample_force_answer(const struct raml_sample_run *s, struct raml_sample_state *r);

/* A guide's wants_probe, probe_ends and probed (generate.h); user is the run. */
RAML_CHECKED enum raml_code raml_sample_wants_probe(void *user, size_t job, const struct raml_generated *so_far,
                                                    bool *wanted, struct raml_generate_probe *probe,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_sample_probe_ends(void *user, size_t job, const struct raml_generated *answer,
                                                   bool *ends, struct raml_err *err);
RAML_CHECKED enum raml_code raml_sample_probed(void *user, size_t job, const struct raml_generated *so_far,
                                               const struct raml_generated *answer, double entropy,
                                               enum raml_generate_next *next, struct raml_err *err);

#endif
