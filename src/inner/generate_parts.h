/* generate_parts.h - what the parts of generation share: rows, texts in the cache, the queue of jobs. */
#ifndef RAML_INNER_GENERATE_PARTS_H
#define RAML_INNER_GENERATE_PARTS_H

#include "inner/generate.h"

#include "device/backend.h"
#include "inner/texts.h"
#include "model/cache.h"

struct raml_row_probe {
    struct raml_generate_probe what;
    struct raml_generated answer;
    double entropy;
    int node;
};
struct raml_row {   /* a job in progress */
    size_t job;     /* its place in the generator's list */
    int root, node; /* the first node of its own, and the one at which it grows: the same until it returns */
    size_t base;    /* own tokens before `node` */
    size_t returns;
    bool unread; /* what follows is not known: the next token must be forced */
    enum { RAML_ROW_WRITES, RAML_ROW_READS_CUE, RAML_ROW_ANSWERS } phase;
    bool samples;      /* its next token is to be sampled now */
    bool decided;      /* its next token is chosen */
    bool probe_wanted; /* once that is in the cache */
    bool ended;
    int32_t token; /* the next one */
    float logp, mu_logp;
    size_t at;   /* row of `logits` that says what follows */
    size_t slot; /* row of `kept`, its own as long as it lives */
    struct raml_generated out;
    struct raml_row_probe probe;
};
struct raml_text_state { /* of a text */
    int node;            /* -1: it is not in the cache */
    bool listed;         /* it is, or is about to be: space is promised */
    size_t read;         /* of its own tokens, those in the cache */
    size_t users;        /* jobs that have not ended and texts that hang from it */
    size_t waiting;      /* jobs that have not entered */
    float *logits;       /* dev [V]: of what follows it, as long as jobs wait */
};
struct raml_reading {              /* texts that the jobs which enter need */
    size_t *text;                  /* [n], each after the one from which it hangs */
    size_t n, cap, first;          /* those before `first` are complete */
    struct raml_cache_tokens *add; /* [n_add] of a pass */
    size_t *added;                 /* their texts */
    size_t n_add, cap_add, n_read; /* n_read: that are complete with it */
};
struct raml_generator {
    const struct raml_model *m;
    const struct raml_device *dev;
    const struct raml_backend *b;
    struct raml_generate_options opt;
    struct raml_generate_guide guide;
    struct raml_generate_stats stats;
    size_t B, V, context, allowed;
    /* Jobs that have ended leave the list's beginning now and then: job[i] has number base + i. */
    struct raml_generate_job *job; /* [n_jobs] */
    size_t n_jobs, cap_jobs, n_groups, base, next;
    size_t submitted, done; /* since nothing was in it */
    struct raml_cache *cache;
    size_t pages, used_pages;   /* of the pool; promised to the texts in it and to what its jobs may grow to */
    size_t wanted, wanted_from; /* pages that it shall have; for jobs from this place on, which wait if it has fewer */
    struct raml_texts texts;
    struct raml_text_state *state; /* [texts.n] */
    size_t cap_states;
    struct raml_reading reading;
    struct raml_row *row; /* [B], in the order of jobs */
    size_t n_rows;
    float *logits, *kept; /* dev [B, V]: of the last step; of jobs whose probe is in progress (NULL: no probes) */
    size_t *free_slot;    /* [B] */
    size_t n_free_slots;
    struct raml_cache_tokens *add; /* [B] */
    struct raml_token_sampler *sampler;
    uint32_t *who, *at; /* [B] rows that sample now; where their logits are */
    double *u;          /* [B] */
    struct raml_sampled_token *sampled;
    struct raml_top_logits top; /* dev [B, opt.max_top]; NULL: none */
    float *top_logp;            /* of the host, the same */
    int32_t *top_token;
    float *ends; /* dev [7, B]: for the entropy after a cue */
};

static inline size_t raml_pages_of(size_t tokens)
{
    return (tokens + RAML_KEYS - 1) / RAML_KEYS;
}
RAML_CHECKED enum raml_code raml_generated_add(struct raml_generated *s, int32_t token, float logp, float mu_logp,
                                               struct raml_err *err);
/* "question 'a7'" or "job 3": of the number */
const char *raml_generate_name(const struct raml_generate_job *j, size_t job, char number[32]);
static inline size_t raml_row_job(const struct raml_generator *g, const struct raml_row *r) /* its number */
{
    return g->base + r->job;
}

/* -- generate_texts.c: jobs enter and leave the cache -- */
/* Pages that a job's own tokens and its probe may take. */
size_t raml_generate_job_pages(const struct raml_generator *g, const struct raml_generate_job *j);
/* The next jobs of the list become rows, as many as there is space for; their texts are read. */
RAML_CHECKED enum raml_code raml_generate_admit(struct raml_generator *g, struct raml_err *err);
void raml_generate_release(struct raml_generator *g,
                           const struct raml_row *r); /* a job's node, and what only it needed */
/* Pages for B of the jobs from `first` on, whichever they are; their texts are those from first_text on. */
size_t raml_generate_pool(const struct raml_generator *g, size_t first, size_t first_text);

/* -- generate_probe.c -- */
RAML_CHECKED enum raml_code raml_probe_ask(struct raml_generator *g, struct raml_row *r, bool *wanted,
                                           struct raml_err *err);
/* The job's logits are put aside; from the next step on the row is the probe's. */
RAML_CHECKED enum raml_code raml_probe_start(struct raml_generator *g, struct raml_row *r, struct raml_err *err);
RAML_CHECKED enum raml_code raml_probe_cue_read(struct raml_generator *g, struct raml_row *r, struct raml_err *err);
/* Its next token was chosen. When the answer ends the row is the job's again, undecided. */
RAML_CHECKED enum raml_code raml_probe_take(struct raml_generator *g, struct raml_row *r, struct raml_err *err);

#endif
