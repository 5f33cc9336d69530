/* round.h - a round of rollouts: questions, their samples, what those are worth; and steps made of them.
 *
 * Life of a round: raml_round_sample fills groups; raml_round_reward judges them; raml_round_lay lays their samples out
 * as rows of tokens (a row a sample, the ones that are not trained on too); log-probabilities of policy and reference
 * are read; advantages and corrections are computed; then each step takes some groups.
 */
#ifndef RAML_OUTER_ROUND_H
#define RAML_OUTER_ROUND_H

#include "outer/packs.h"
#include "raml/reward.h"
#include "raml/rollouts.h"
#include "raml/sampler.h"

#include "core/arena.h"

struct raml_rollout { /* a sample; in the round's arena */
    int32_t *token;   /* [n] */
    float *logp, *mu_logp;
    size_t n;
    const struct raml_rollout
        *parent; /* of a fork: the sample of its group whose first `shared` tokens are its own too,
                                        * and are rows of the parent alone; NULL: it is none */
    size_t shared;
    float entropy;                       /* of the distribution that the fork sampled anew from */
    struct raml_sampler_completion said; /* its arrays are not kept */
    struct raml_trajectory read;         /* what it says */
    bool truncated;
    bool is_row; /* counts as a row of the step: was not left out by updates_per_question, or (RFT) as wrong */
    bool in_loss, in_policy;  /* its tokens enter the terms of the loss; the policy term */
    bool well_formed;         /* if it is asked */
    double reward;            /* what it is worth, shaping included */
    struct raml_reward worth; /* by component */
    /* Its loss curve: the reference answer's log-probabilities after at[] trajectory tokens; n_points 0: none. */
    uint32_t *at;       /* [n_points], rising to n_think */
    float *answer_logp; /* [n_points, answer tokens] */
    size_t n_points;
};
struct raml_rollout_group {
    const struct raml_question *question;
    const int32_t *prompt; /* [n_prompt] */
    const int32_t *hinted; /* [n_hinted] the prompt as a teacher has it; NULL: there is none */
    size_t n_hinted;
    size_t n_prompt, n;
    struct raml_rollout *sample; /* [n] */
    const int32_t *probe;        /* [n_probe] answer prefix (n_prefix) and reference answer; NULL: no curves wanted */
    size_t n_probe, n_prefix;
    bool signal;    /* rewards differ */
    bool used;      /* is in the round; else it was replaced */
    uint64_t epoch; /* of the questions: names its random numbers */
};
struct raml_round { /* zero-initialise */
    struct raml_arena *arena;
    struct raml_rollout_group *group; /* [n_groups] as they were sampled; addresses are fixed once all are there */
    struct raml_rollout_group **used; /* [n_used] those in the round */
    size_t n_groups, cap_groups, n_used, cap_used;
    /* Rows: samples of the groups in the round, in order. */
    size_t n_rows, n;
    size_t *start;                        /* [n_rows + 1] first token of each row */
    size_t *first_row;                    /* [n_used + 1] of each group */
    struct raml_rollout **row;            /* [n_rows] */
    double *reward, *baseline;            /* [n_rows] */
    double *component;                    /* [n_rows, components of the reward] */
    uint32_t *group_of;                   /* [n_rows] */
    float *weight, *policy_weight;        /* [n]: in all terms; in the policy term. 0 where a token was forced */
    float *old_logp, *mu_logp, *ref_logp; /* [n]; read only where has_old, has_ref */
    double *advantage, *correction;       /* [n] */
    bool has_old, has_ref;
    size_t cap_rows, cap, cap_starts, cap_first, cap_components;
};
void raml_round_deinit(struct raml_round *r);
void raml_round_clear(struct raml_round *r); /* nothing in it; memory of arrays kept */

struct raml_round_plan {
    const struct raml_tokenizer *tokenizer;
    const struct raml_format *format;
    size_t n_samples; /* of a question */
    const struct raml_sink *sink;
    size_t n_forks; /* that will be added to them */
};
/* Adds a group for each question, with its samples read; round[i]: the round of question i's random numbers. On failure
 * the round is to be cleared. */
RAML_CHECKED enum raml_code raml_round_sample(struct raml_round *r, struct raml_sampler *sampler,
                                              const struct raml_round_plan *p,
                                              const struct raml_question *const *question, const uint64_t *round,
                                              size_t n, struct raml_err *err);
/* A completion as a sample of the group, read. */
RAML_CHECKED enum raml_code raml_round_take(struct raml_round *r, const struct raml_sampler *sampler,
                                            const struct raml_rollout_group *g, const struct raml_sampler_completion *c,
                                            struct raml_rollout *out, struct raml_err *err);
/* n of the group's rows, at random, enter the loss (0: all); the others leave it, or the policy term alone. */
void raml_round_draw_updates(struct raml_rollout_group *g, size_t n, bool policy_alone, uint64_t seed, uint64_t round);
/* Lays the samples of the groups in used[] out as rows, with n_components rewards each; advantages are 0, corrections 1.
 * policy: the sampler's distribution was the policy, whatever it left out of a vocabulary: mu_logp is its logp. */
RAML_CHECKED enum raml_code raml_round_lay(struct raml_round *r, size_t n_components, bool policy,
                                           struct raml_err *err);

/* round_step.c: adds the trees of groups [first, first + n) to a step, of rows that are in the loss, and says which row of
 * the round each of the step's rows is, in map[rows of the step]. answers: with the probes at the ends of those that have
 * a curve. */
struct raml_row_map {
    size_t *row;  /* [n] */
    bool *answer; /* [n] it is the probe of that row's sample at its end, not the sample */
    bool *taught; /* [n] it is that sample after the teacher's prompt */
    size_t n, cap;
};
RAML_CHECKED enum raml_code raml_round_trees(const struct raml_round *r, size_t first, size_t n, bool answers,
                                             bool share_prompts, struct raml_step *step, struct raml_row_map *map,
                                             struct raml_err *err);
/* The same samples after the teacher's prompt, by itself, or (beside) as a second root of the trees, whose rows come
 * after the others. */
RAML_CHECKED enum raml_code raml_round_teacher_trees(const struct raml_round *r, size_t first, size_t n, bool beside,
                                                     bool share_prompts, struct raml_step *step,
                                                     struct raml_row_map *map, struct raml_err *err);
void raml_row_map_deinit(struct raml_row_map *map);

/* -- round_fork.c: samples that are grown from others, where those were least sure ------------------------------------- */

/* RAML_EUSAGE: fork_samples with settings that need whole samples. policy NULL: expert iteration; answers: the reward has
 * a gradient of its own. */
RAML_CHECKED enum raml_code raml_round_fork_check(const struct raml_rollout_options *o,
                                                  const struct raml_policy_options *policy, bool answers,
                                                  struct raml_err *err);
/* n more samples of each of the groups [first, ..), after their others: fork f leaves sample f modulo their number before
 * its token of highest entropy; the next one of the same sample, before that of second highest. Entropies are read with
 * packs; scratch holds their trees. */
RAML_CHECKED enum raml_code raml_round_fork(struct raml_round *r, size_t first, size_t n, struct raml_sampler *sampler,
                                            struct raml_packs *packs, struct raml_step *scratch,
                                            const struct raml_sink *sink, struct raml_err *err);
/* Where the segment of sample x that begins at token `at` ends: at the next token where forks leave it, or its end. */
size_t raml_round_fork_next(const struct raml_rollout_group *g, const struct raml_rollout *x, size_t at);
/* From advantages of samples to those of segments, in groups that have forks. */
RAML_CHECKED enum raml_code raml_round_fork_advantages(struct raml_round *r, struct raml_err *err);

#endif
