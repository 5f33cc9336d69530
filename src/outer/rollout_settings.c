/* rollout_settings.c - the settings of rollouts; see rollouts.h. */
#include "raml/rollouts.h"

#define AT(field) offsetof(struct raml_rollout_options, field)
const struct raml_setting raml_rollout_settings[] = {
    {"num_generations", "n", RAML_INT, AT(num_generations), "8", 1, 1 << 16, NULL, "Samples per question."},
    {"max_completion_length", "max_tokens", RAML_INT, AT(max_completion_length), "256", 1, 1 << 24, NULL,
     "Maximum tokens of a sample, thinking and answer together."},
    {"temperature", "temp", RAML_REAL, AT(temperature), "1", 1e-6, 100, NULL, "Temperature of the samples."},
    {"top_k", NULL, RAML_INT, AT(top_k), "0", 0, 1 << 24, NULL, "Only the k likeliest tokens; 0: all."},
    {"top_p", NULL, RAML_REAL, AT(top_p), "1", 1e-9, 1, NULL,
     "Only the likeliest tokens that together reach this probability."},
    {"min_p", NULL, RAML_REAL, AT(min_p), "0", 0, 1, NULL,
     "Only tokens with at least this share of the likeliest one's probability."},
    {"think_budget", NULL, RAML_INT, AT(think_budget), "0", 0, 1 << 24, NULL,
     "Force thinking to close after this many tokens; 0: never."},
    {"sampling_rows", NULL, RAML_INT, AT(sampling_rows), "64", 1, 1 << 16, NULL,
     "Samples in progress at once; changes speed and memory, not results."},
    {"steps_per_generation", NULL, RAML_INT, AT(steps_per_generation), "1", 1, 1 << 16, NULL,
     "Optimizer steps into which the questions of a round are divided."},
    {"num_iterations", "mu", RAML_INT, AT(num_iterations), "1", 1, 1 << 16, NULL,
     "How often a round's samples are used."},
    {"fork_samples", NULL, RAML_INT, AT(fork_samples), "0", 0, 1 << 16, NULL,
     "Of num_generations, this many are grown from the others: they leave them at their tokens of highest entropy. "
     "Tokens "
     "that samples share are trained on once; advantages are of segments between places where samples part."},
    {"updates_per_question", NULL, RAML_INT, AT(updates_per_question), "0", 0, 1 << 16, NULL,
     "Samples of a question that enter the loss, drawn at random; all enter the advantage; 0: all."},
    {"updates_scope", NULL, RAML_WORD, AT(updates_scope), "all_terms", 0, 0, "all_terms|policy_term",
     "What the other samples leave: all terms of the loss, or the policy term alone, as the paper's code does."},
    {"updates_control", NULL, RAML_WORD, AT(updates_control), "steps", 0, 0, "steps|tokens|rate",
     "With updates_per_question, what stays equal: steps; tokens trained on (more questions a step); or steps at a "
     "learning rate times the share of samples."},
    {"skip_long", NULL, RAML_FLAG, AT(skip_long), NULL, 0, 0, NULL,
     "Leave out questions whose prompt fills the model's context; without it they are an error."},
    {"dynamic_sampling", "filter_groups", RAML_FLAG, AT(dynamic_sampling), NULL, 0, 0, NULL,
     "Replace questions whose samples all have the same reward by the next ones."},
    {"max_resamples", "max_num_gen_batches", RAML_INT, AT(max_resamples), "10", 1, 1 << 16, NULL,
     "With dynamic_sampling: how often, before a round is taken as it is."},
    {"mask_truncated_completions", NULL, RAML_FLAG, AT(mask_truncated_completions), NULL, 0, 0, NULL,
     "Leave truncated samples out of the loss and its divisor; else they count as wrong."},
    {"share_prompts", NULL, RAML_FLAG, AT(share_prompts), "true", 0, 0, NULL,
     "Compute a question's prompt once for all its samples; without it, once for each (to measure)."},
    {"reward_points", NULL, RAML_INT, AT(reward_points), "16", 2, 1 << 16, NULL,
     "Rewards of the whole loss curve (mig, repro): places of a trajectory at which it is read."},
    {"eval_generations", NULL, RAML_INT, AT(eval_generations), "1", 1, 1 << 16, NULL,
     "Samples per question in an evaluation."},
    {"eval_temperature", NULL, RAML_REAL, AT(eval_temperature), "0", 0, 100, NULL,
     "Temperature of an evaluation's samples; 0: the likeliest token."},
    {"record_tokens", NULL, RAML_FLAG, AT(record_tokens), NULL, 0, 0, NULL,
     "Write token ids of every sample to rollouts.jsonl too."},
};
const size_t raml_n_rollout_settings = sizeof raml_rollout_settings / sizeof *raml_rollout_settings;

enum raml_code raml_rollout_check(const struct raml_rollout_options *o, struct raml_err *err)
{
    enum raml_code rc = raml_settings_check(raml_rollout_settings, raml_n_rollout_settings, o, err);
    if (rc) return rc;
    if (o->fork_samples >= o->num_generations && o->fork_samples)
        return raml_fail(err, RAML_EUSAGE, "fork_samples is %lld; expected fewer than num_generations, %lld",
                         (long long)o->fork_samples, (long long)o->num_generations);
    if (o->updates_per_question > o->num_generations)
        return raml_fail(err, RAML_EUSAGE, "updates_per_question is %lld; expected at most num_generations, %lld",
                         (long long)o->updates_per_question, (long long)o->num_generations);
    return RAML_OK;
}
