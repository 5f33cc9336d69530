/* rollout_source.h - what the parts of training on rollouts share: the source, its rewards, its records. */
#ifndef RAML_OUTER_ROLLOUT_SOURCE_H
#define RAML_OUTER_ROLLOUT_SOURCE_H

#include "outer/loop.h"
#include "outer/order.h"
#include "outer/round.h"
#include "raml/distill.h"

struct raml_question_list {                /* those that are used */
    const struct raml_question **question; /* [n] */
    size_t n;
};
struct raml_rollout_source {
    const struct raml_train_job *job;
    const struct raml_train_options *opt;
    const struct raml_rollout_job *rollouts;
    const struct raml_rollout_options *own;
    const struct raml_policy_options *policy;   /* NULL: expert iteration, or distillation */
    const struct raml_distill_options *distill; /* NULL: none */
    const struct raml_comm *comm;
    struct raml_question_list questions_of_data, questions_of_exam;
    struct raml_sink quiet;       /* the job's, without progress: that is training's alone */
    struct raml_sink undisturbed; /* and without a request to stop */
    struct raml_order order;
    struct raml_sampler *sampler, *examiner; /* of training; of evaluation */
    struct raml_packs reference;             /* open where policy has a reference */
    struct raml_round round, exam;
    struct raml_step scored; /* trees of a step, before its round's first */
    struct raml_row_map map; /* of the last step, or of `scored` */
    size_t questions;        /* of a step */
    uint64_t position;       /* questions of the stream that were used */
    uint64_t n_rounds, data_hash;
    const struct raml_reward_options *reward;
    struct raml_reward_mix mix;
    unsigned points;                /* of curves that rewards need (raml_reward_points); 0: none */
    bool wants_form;                /* a reward asks whether a completion is well-formed */
    bool answers;                   /* the reward has a gradient of its own, on the reference answer */
    uint64_t read_tokens;           /* in sampling, for curves and for scores, since the last step took them */
    bool samples_policy;            /* without filters, at temperature 1: its distribution is the policy's */
    bool corrects;                  /* sampler corrections are computed */
    bool scores;                    /* log-probabilities of the policy are read before a round's first update */
    struct raml_statistics seconds; /* of the round, until a step takes them */
};
static inline uint64_t raml_rollout_updates(const struct raml_rollout_source *s)
{
    return (uint64_t)s->own->steps_per_generation * (uint64_t)s->own->num_iterations;
}

/* rollout_open.c: everything that is checked and opened before the first step; *exact: filled, used where there are no
 * settings of a reward. raml_rollout_close accepts what a failed _open leaves. */
RAML_CHECKED enum raml_code raml_rollout_open(struct raml_rollout_source *s, struct raml_reward_options *exact,
                                              struct raml_err *err);
void raml_rollout_close(struct raml_rollout_source *s);
bool raml_rollout_wants_scores(const struct raml_rollout_source *s);
/* rollout_reward.c: rewards of the groups [first, ..) of a round, and whether they have signal. */
RAML_CHECKED enum raml_code raml_rollout_reward(struct raml_rollout_source *s, struct raml_packs *packs,
                                                struct raml_round *r, size_t first, struct raml_err *err);
RAML_CHECKED enum raml_code raml_rollout_add_probe(struct raml_tree *tree, int32_t span,
                                                   const struct raml_rollout_group *g, const struct raml_rollout *x,
                                                   uint32_t at, struct raml_err *err);
struct raml_answer_curve raml_rollout_curve(const struct raml_rollout_group *g, const struct raml_rollout *x);
struct raml_reward_sample raml_rollout_sample(const struct raml_rollout_source *s, const struct raml_rollout *x,
                                              const struct raml_answer_curve *curve);
/* rollout_teacher.c, of distillation: settings that contradict each other; the data's questions that have a hint, with
 * their prompts in data_hash; the teacher's prompts of a round, after which samples that don't fit after them are out of
 * the loss; ref_logp of its rows (with one_pass not yet); how many didn't fit; mean of log p(student) - log p(teacher) over
 * a row's trained tokens. */
RAML_CHECKED enum raml_code raml_teacher_check(const struct raml_rollout_source *s, struct raml_err *err);
RAML_CHECKED enum raml_code raml_teacher_questions(struct raml_rollout_source *s, const char *name,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_teacher_prompts(struct raml_rollout_source *s, struct raml_err *err);
RAML_CHECKED enum raml_code raml_teacher_read(struct raml_rollout_source *s, struct raml_packs *packs,
                                              struct raml_err *err);
void raml_teacher_count(const struct raml_rollout_source *s, struct raml_statistics *out);
double raml_teacher_kl(const struct raml_round *r, size_t row);
/* rollout_round.c: a new round, sampled, rewarded, laid out, scored, with advantages. Its lines are written. */
RAML_CHECKED enum raml_code raml_rollout_round(struct raml_rollout_source *s, uint64_t number, struct raml_packs *packs,
                                               struct raml_err *err);
/* rollout_terms.c: step `update` of the round: trees and terms; and what is asked of it after the pass. */
RAML_CHECKED enum raml_code raml_rollout_step(struct raml_rollout_source *s, uint64_t update, struct raml_step *step,
                                              struct raml_err *err);
RAML_CHECKED enum raml_code raml_rollout_after(struct raml_rollout_source *s, uint64_t update, struct raml_step *step,
                                               struct raml_err *err);
/* rollout_log.c: the round's lines in rollouts.jsonl, and its statistics. */
RAML_CHECKED enum raml_code raml_rollout_write(struct raml_rollout_source *s, uint64_t step, struct raml_err *err);
void raml_rollout_count(const struct raml_rollout_source *s, struct raml_statistics *out);

#endif
