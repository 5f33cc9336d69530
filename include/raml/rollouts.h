/* rollouts.h - training on a model's own samples: GRPO and its kin, and expert iteration (RFT).
 *
 * A round draws batch_size * steps_per_generation questions, samples num_generations completions of each with the
 * weights of the moment, and rewards them; then it takes steps_per_generation optimizer steps, each on batch_size of the
 * questions, and that num_iterations times. Sampling and training share weights and engine: token ids go from one to
 * the other as they are, a question's prompt is computed once in sampling, forward and backward (the group is one token
 * tree), and the ratio of the first update of a round is exactly 1, which is checked.
 *
 * Order     as in train.h. Random numbers are keyed by (seed, round, question, sample, token).
 * Rewards   reward.h: outcome, length, and the loss curve of the reference answer along the sample, read in the tree of
 *           its group. A reward that is a function of the weights (logp, prob, ..) has a second term in the loss.
 * Answers   are judged against the question's; a truncated sample, or one whose thinking was not closed, is wrong.
 * Files     beside those of train.h rollouts.jsonl: a line per question and round, as `raml sample` writes them, with
 *           step, round, and for every sample reward, advantage and whether it was trained on.
 * Resume    checkpoints are made between rounds, so that nothing of a round has to be kept.
 */
#ifndef RAML_ROLLOUTS_H
#define RAML_ROLLOUTS_H

#include "raml/policy.h"
#include "raml/reward.h"
#include "raml/train.h"

#pragma GCC visibility push(default)

enum raml_updates_scope { RAML_UPDATES_ALL_TERMS, RAML_UPDATES_POLICY_TERM };
enum raml_updates_control { RAML_UPDATES_EQUAL_STEPS, RAML_UPDATES_EQUAL_TOKENS, RAML_UPDATES_SCALED_RATE };
struct raml_rollout_options {      /* defaults and ranges: raml_rollout_settings, src/outer/rollout_settings.c */
    int64_t num_generations;       /* samples per question */
    int64_t max_completion_length; /* tokens */
    double temperature, top_p, min_p;
    int64_t top_k;
    int64_t think_budget;  /* trajectory tokens after which the answer is asked for; 0: never */
    int64_t sampling_rows; /* samples that grow side by side; changes speed and memory, not results */
    int64_t steps_per_generation, num_iterations;
    int64_t fork_samples;         /* of num_generations: grown from others, from their tokens of highest entropy on */
    int64_t updates_per_question; /* samples of a question that enter the loss, drawn at random; 0: all */
    int updates_scope;            /* do the others leave all terms, or (the paper's code) the policy term alone */
    int updates_control;          /* what is held fixed when only some enter: steps; tokens (more questions); the rate
                                     * times their share */
    bool skip_long;               /* questions whose prompt fills the context are left out; else they are an error */
    bool dynamic_sampling;        /* questions whose samples all have one reward are replaced by the next ones */
    int64_t max_resamples;        /* rounds of replacing; then what there is is taken */
    bool mask_truncated_completions; /* truncated samples leave the loss and its divisor; they count in their group */
    bool share_prompts;              /* false: every sample computes its own prompt (to measure) */
    int64_t reward_points;           /* places of a trajectory at which rewards of the whole curve ask for the answer */
    int64_t eval_generations;        /* samples of an evaluation question */
    double eval_temperature;
    bool record_tokens; /* completion token ids in rollouts.jsonl */
};
extern const struct raml_setting raml_rollout_settings[];
extern const size_t raml_n_rollout_settings;
/* The objective as training takes it: a norm_length of 0 is max_completion_length. */
struct raml_policy_options raml_rollout_policy(const struct raml_rollout_options *rollouts,
                                               const struct raml_policy_options *policy);
RAML_CHECKED enum raml_code raml_rollout_check(const struct raml_rollout_options *opt, struct raml_err *err);

struct raml_rollout_job { /* borrowed */
    const struct raml_rollout_options *rollouts;
    const struct raml_policy_options *policy;
    const struct raml_reward_options *reward; /* NULL: exact */
    const int32_t *eos;                       /* [n_eos] tokens that end a completion besides the format's stop */
    size_t n_eos;
};
/* Policy gradients. Errors as raml_train_sft, and: RAML_EUSAGE: beta > 0 without job->reference, max_steps that is no
 * multiple of a round's steps. RAML_ERANGE: a question has no answer to judge by, or a prompt fills the context; a ratio
 * that is not 1 in a round's first update. */
RAML_CHECKED enum raml_code raml_train_grpo(const struct raml_train_job *job, const struct raml_train_options *opt,
                                            const struct raml_rollout_job *rollouts, struct raml_train_result *out,
                                            struct raml_err *err);
/* Expert iteration: supervised fine-tuning (or job->objective) on the samples of each round that are right; the same
 * text twice counts once. policy is not used. */
RAML_CHECKED enum raml_code raml_train_rft(const struct raml_train_job *job, const struct raml_train_options *opt,
                                           const struct raml_rollout_job *rollouts, struct raml_train_result *out,
                                           struct raml_err *err);

#pragma GCC visibility pop
#endif
