/* policy_presets.c - see policy.h: names for lists of settings.
 *
 * A dated preset is what a framework does at that date when its user sets nothing but the estimator of advantages; source:
 * its repository at the commit given. A method's preset is its paper's; a dated one is a framework's form of it.
 */
#include "core/nearest.h"
#include "outer/policy_parts.h"

#include <stdio.h>

/* ---- frameworks: all other settings at their defaults ----------------------------------------------------------------- */

#define VERL                                                                                                           \
    "advantage_baseline=group scale_rewards=group advantage_eps=1e-6 group_of_one=reward "                             \
    "whiten_variance_eps=1e-8 whiten_count_eps=1e-8 policy_loss=clip epsilon=0.2 epsilon_high=0.2 dual_clip=3 "        \
    "ratio_log_clamp=20 loss_aggregation=token-mean length_eps=1e-8 kl_estimator=k3 kl_log_clamp=20 "                  \
    "kl_value_clamp=10 correction_log_clamp=20 correction_high=2"

static const struct raml_policy_preset frameworks[] = {
    {"verl-2026-01", VERL " aggregation_rows=nonempty", "volcengine/verl@b178a3cd5, 2026-01-29",
     "GRPO with dual clip, KL and correction off; its seq-mean-token-sum-norm is token-sum-norm here."},
    {"verl-2026-08", VERL " aggregation_rows=all", "verl-project/verl@1dda039b9, 2026-08-22",
     "GRPO with dual clip, KL and correction off; means over rows count masked rows too."},
    {"trl-2026-07",
     "advantage_baseline=group scale_rewards=group advantage_eps=1e-4 policy_loss=clip epsilon=0.2 epsilon_high=0.2 "
     "loss_aggregation=token-mean aggregation_rows=all kl_estimator=k3 entropy_aggregation=token-mean "
     "correction=mask-sequence correction_high=3",
     "huggingface/trl@f2cd57710, 2026-07-24", "loss_type dapo: global token mean, no clamps, beta 0."},
    {"openrlhf-2026-08",
     "advantage_baseline=group scale_rewards=group advantage_eps=1e-9 advantage_clip=10 beta=0.01 kl_estimator=k1 "
     "kl_in=return kl_value_clamp=10 kl_aggregation=token-mean whiten_deviation=population "
     "whiten_variance_floor=1e-8 policy_loss=clip epsilon=0.2 epsilon_high=0.2 ratio_log_clamp=20 "
     "loss_aggregation=token-mean length_eps=1e-8 entropy_aggregation=token-mean correction_low=0.5 correction_high=5",
     "OpenRLHF/OpenRLHF@3c3be6234, 2026-08-13", "group_norm advantages, k1 taken from every token's return."},
    {"open-instruct-2026-08",
     "advantage_baseline=group scale_rewards=none policy_loss=clip epsilon=0.2 epsilon_high=0.272 "
     "loss_aggregation=token-mean beta=0.05 kl_estimator=k3 kl_log_clamp=40 correction=oi-rho correction_high=2",
     "allenai/open-instruct@e6c3044aa, 2026-08-20", "Centred advantages, k3 in the loss, truncated weights."},
    {"slime-2026-08",
     "advantage_baseline=group scale_rewards=group advantage_eps=1e-6 whiten_variance_eps=1e-8 policy_loss=clip "
     "epsilon=0.2 epsilon_high=0.2 loss_aggregation=seq-mean-token-mean aggregation_rows=all kl_estimator=k1 "
     "correction_high=2",
     "THUDM/slime@624b824a8, 2026-08-21", "Mean over all samples of their token means; KL and correction off."},
    {"prime-rl-2026-08",
     "advantage_baseline=group scale_rewards=none policy_loss=dppo-tv-ratio ratio_against=sampler epsilon=0.2 "
     "epsilon_high=0.2 log_ratio_square=0.001 loss_aggregation=token-mean drop_zero_advantage=true",
     "PrimeIntellect-ai/prime-rl@559b44772, 2026-08-21", "DPPO-TV against the sampler, without a cap of the ratio."},
    {"areal-2026-08",
     "reward_bias=-0.5 reward_scaling=10 reward_clip=20 advantage_baseline=group scale_rewards=group "
     "advantage_eps=1e-5 whiten_advantages=tokens whiten_eps=1e-5 policy_loss=clip epsilon=0.4 epsilon_high=0.4 "
     "loss_aggregation=token-mean correction=icepop-token correction_high=5",
     "areal-project/AReaL@cbff54d64, 2026-08-22", "Its GSM8K example: advantages normalised by group, then by batch."},
};

/* ---- methods: their own settings alone -------------------------------------------------------------------------------- */

static const struct raml_policy_preset methods[] = {
    {"grpo",
     "advantage_baseline=group scale_rewards=group policy_loss=clip ratio_level=token epsilon=0.2 epsilon_high=0.2 "
     "loss_aggregation=seq-mean-token-mean aggregation_rows=all beta=0.04 kl_estimator=k3 kl_in=loss",
     "arXiv 2402.03300", "Group-relative advantages, a mean over samples of token means, KL in the loss."},
    {"dr_grpo",
     "advantage_baseline=group scale_rewards=none policy_loss=clip loss_aggregation=seq-mean-token-sum-norm "
     "aggregation_rows=all beta=0",
     "arXiv 2503.20783", "No deviation, and a constant instead of each sample's length."},
    {"dapo",
     "advantage_baseline=group scale_rewards=group policy_loss=clip epsilon=0.2 epsilon_high=0.28 "
     "loss_aggregation=token-mean beta=0 overlong_capped=true",
     "arXiv 2503.14476", "A higher upper clip range and a token mean; overlong_buffer is the user's."},
    {"gspo",
     "policy_loss=clip ratio_level=sequence ratio_gradient=full epsilon=3e-4 epsilon_high=4e-4 "
     "loss_aggregation=seq-mean-token-mean aggregation_rows=all",
     "arXiv 2507.18071", "The ratio of a sample: exp of the mean log-ratio of its tokens."},
    {"luspo",
     "policy_loss=clip ratio_level=sequence ratio_gradient=full epsilon=2e-3 epsilon_high=2.5e-3 "
     "loss_aggregation=seq-mean-token-sum aggregation_rows=all",
     "arXiv 2602.05261", "GSPO's ratio, each sample's loss times its length."},
    {"cispo", "policy_loss=cispo ratio_low=0 ratio_high=5 loss_aggregation=token-mean", "arXiv 2506.13585, 2510.13786",
     "A detached, bounded weight on every token's log-probability; the bound is ScaleRL's."},
    {"cispo-verl-2026-08", "policy_loss=cispo ratio_low=0.8 ratio_high=1.2 loss_aggregation=token-mean",
     "verl-project/verl@1dda039b9, 2026-08-22", "Its default: epsilon 0.2 on both sides of 1."},
    {"cispo-trl-2026-07", "policy_loss=cispo ratio_low=0 ratio_high=5 loss_aggregation=token-mean",
     "huggingface/trl@f2cd57710, 2026-07-24",
     "No lower bound; epsilon_high is the bound itself, as in ScaleRL's recipe."},
    {"cispo-open-instruct-2026-08", "policy_loss=cispo ratio_low=0 ratio_high=1.272 loss_aggregation=token-mean",
     "allenai/open-instruct@e6c3044aa, 2026-08-20", "No lower bound; 1 and its epsilon_high."},
    {"cispo-nemo-2026-08", "policy_loss=cispo ratio_low=0 ratio_high=6 loss_aggregation=token-mean",
     "NVIDIA-NeMo/RL@7ea279abf, 2026-08", "Its recipe: from 1 less 1 to 1 and 5."},
    {"sapo", "policy_loss=sapo tau_pos=1 tau_neg=1.05 loss_aggregation=seq-mean-token-mean aggregation_rows=all",
     "arXiv 2511.20347", "A smooth gate instead of clipping."},
    {"gmpo",
     "policy_loss=gmpo epsilon=0.4 epsilon_high=0.4 loss_aggregation=seq-mean-token-mean aggregation_rows=all "
     "length_eps=0",
     "arXiv 2507.20673", "The geometric mean of clipped token ratios."},
    {"dppo-tv", "policy_loss=dppo-tv epsilon=0.2 epsilon_high=0.2 ratio_high=1e4 loss_aggregation=token-mean",
     "arXiv 2602.04879", "Tokens are left out by how far their probability moved."},
    {"dppo-kl", "policy_loss=dppo-kl epsilon=0.05 epsilon_high=0.05 ratio_high=1e4 loss_aggregation=token-mean",
     "arXiv 2602.04879", "The same, distance by the KL of two outcomes."},
    {"vespo", "policy_loss=vespo loss_aggregation=token-mean", "arXiv 2602.10693",
     "A smooth weight of a sample's whole ratio."},
    {"dro", "policy_loss=dro dro_beta=0.1 loss_aggregation=token-mean", "verl, 2026-07",
     "Log-probabilities by advantage, less a squared log-ratio."},
    {"reinforce", "policy_loss=reinforce loss_aggregation=token-mean", "Williams 1992", "No ratio."},
    {"intellect-2", "policy_loss=clip epsilon=0.2 epsilon_high=0.2 delta=4 beta=0.001 kl_estimator=k3",
     "arXiv 2505.07291", "Clipping on both sides."},
    {"rloo", "advantage_baseline=leave-one-out scale_rewards=none", "arXiv 2402.14740",
     "The baseline is the mean of the group's others."},
    {"opo", "advantage_baseline=length-weighted scale_rewards=none", "arXiv 2505.23585",
     "The group's mean, weighted by length."},
    {"gpg", "advantage_baseline=group scale_rewards=nonzero policy_loss=reinforce", "arXiv 2504.02546",
     "Centred rewards, larger where few samples have one."},
    {"pass_at_k", "advantage_baseline=second-best scale_rewards=group", "arXiv 2503.19595",
     "Only the best of a group has an advantage, over the second best."},
    {"maxrl", "advantage_baseline=group scale_rewards=group-mean group_of_one=zero", "arXiv 2602.02710",
     "Centred rewards over the group's mean."},
    {"liteppo", "advantage_baseline=group scale_rewards=batch loss_aggregation=token-mean", "arXiv 2508.08221",
     "The group's mean, the batch's deviation."},
    {"reinforce++", "advantage_baseline=none scale_rewards=none whiten_advantages=tokens whiten_variance_eps=1e-8",
     "arXiv 2501.03262", "Returns whitened over all tokens."},
    {"reinforce++-baseline",
     "advantage_baseline=group scale_rewards=none whiten_advantages=tokens whiten_variance_eps=1e-8",
     "arXiv 2501.03262", "Centred in the group, then whitened over all tokens."},
    {"gdpo", "advantage_baseline=group scale_rewards=group advantage_per_component=true whiten_advantages=rows",
     "arXiv 2601.05242", "Each component of the reward is normalised by itself, then their sum."},
    {"mrt", "advantage_baseline=termination scale_rewards=none", "arXiv 2503.07572",
     "Reward less what stopping to think would have given."},
};

enum { N_FRAMEWORKS = sizeof frameworks / sizeof *frameworks, N_METHODS = sizeof methods / sizeof *methods };

bool raml_policy_preset_at(size_t i, struct raml_policy_preset *preset)
{
    if (i >= N_FRAMEWORKS + N_METHODS) return false;
    *preset = i < N_FRAMEWORKS ? frameworks[i] : methods[i - N_FRAMEWORKS];
    return true;
}

static enum raml_code unknown(const char *name, struct raml_err *err)
{
    const char *known[N_FRAMEWORKS + N_METHODS];
    for (size_t i = 0; i < N_FRAMEWORKS + N_METHODS; i++)
        known[i] = i < N_FRAMEWORKS ? frameworks[i].name : methods[i - N_FRAMEWORKS].name;
    return raml_fail_unknown(err, "preset", name, known, N_FRAMEWORKS + N_METHODS);
}

enum raml_code raml_policy_preset(const char *name, struct raml_policy_options *opt, struct raml_err *err)
{
    struct raml_policy_preset p;
    size_t i = 0;
    while (raml_policy_preset_at(i, &p) && strcmp(p.name, name) != 0) i++;
    if (!raml_policy_preset_at(i, &p)) return unknown(name, err);
    struct raml_policy_options changed = *opt;
    if (i < N_FRAMEWORKS) raml_settings_default(raml_policy_settings, raml_n_policy_settings, &changed);
    enum raml_code rc = raml_settings_apply(raml_policy_settings, raml_n_policy_settings, &changed, p.settings, err);
    if (rc) return rc;
    *opt = changed;
    return RAML_OK;
}
