/* policy.h - policy-gradient objectives: GRPO and its kin, by one set of orthogonal settings.
 *
 * Every convention in which frameworks differ is a setting of its own; a name of a method or of a framework at a date is
 * a preset, a list of settings (docs/objectives.md has formulas, sources and the table of presets).
 *
 * Order of use, once a round:  raml_advantages, raml_corrections (may take tokens out of the mask), raml_aggregation (the
 * scale of every token's term, known before the forward pass). Then any number of evaluations of the objective, in any
 * split of the step's groups: their losses and coefficients add up.
 * Masks     weight 0 leaves a token out of every term and of every count. A row that enters KL and entropy but not the
 *           policy term has scale 0 and kl_scale, entropy_scale > 0: aggregate twice, with two weights. A row that is
 *           masked still counts in its group's mean and deviation.
 * Errors    on failure outputs are undefined. Inputs that are not finite are passed on into the outputs.
 * Threads   pure functions.   Cost  O(tokens).
 */
#ifndef RAML_POLICY_H
#define RAML_POLICY_H

#include "raml/buf.h"
#include "raml/comm.h"
#include "raml/objective.h"
#include "raml/setting.h"

#pragma GCC visibility push(default)

/* A = advantage of the token, d = logp - old_logp, rho = exp(d). */
enum raml_policy_loss {
    RAML_LOSS_CLIP,          /* max(-A rho, -A clamp(rho, 1 - epsilon, 1 + epsilon_high)) */
    RAML_LOSS_CISPO,         /* -sg(clamp(rho, ratio_low, ratio_high)) A logp */
    RAML_LOSS_SAPO,          /* -(4 / tau) sigmoid(tau (rho - 1)) A */
    RAML_LOSS_GMPO,          /* of a row: -mean(A) exp(mean of d, clipped on the side that hurts) */
    RAML_LOSS_REINFORCE,     /* -A logp */
    RAML_LOSS_DPPO_TV,       /* -A sg(min(rho, ratio_high)) logp where p has not moved too far the way of A */
    RAML_LOSS_DPPO_KL,       /* the same, distance by the KL of two outcomes: this token, another */
    RAML_LOSS_DPPO_TV_RATIO, /* -A rho on the tokens that dppo-tv keeps */
    RAML_LOSS_IPO_RATIO,     /* -A rho where |p - p_old| <= ipo_threshold */
    RAML_LOSS_DRO,           /* -(A logp - dro_beta / 2 d^2) */
    RAML_LOSS_VESPO,         /* -sg(phi(product of rho over the row)) A logp */
    RAML_LOSS_NLL,           /* -logp */
    RAML_LOSS_DFT            /* -sg(exp(logp)) logp */
};
enum raml_ratio_level { RAML_RATIO_TOKEN, RAML_RATIO_SEQUENCE };
enum raml_ratio_gradient { RAML_GRADIENT_FULL, RAML_GRADIENT_PER_TOKEN };
enum raml_ratio_against { RAML_AGAINST_OLD, RAML_AGAINST_SAMPLER };
enum raml_baseline {
    RAML_BASELINE_NONE,
    RAML_BASELINE_GROUP,
    RAML_BASELINE_LEAVE_ONE_OUT,
    RAML_BASELINE_LENGTH_WEIGHTED,
    RAML_BASELINE_TERMINATION,
    RAML_BASELINE_SECOND_BEST
};
enum raml_scale_rewards {
    RAML_SCALE_NONE,
    RAML_SCALE_GROUP,            /* sample deviation of the group (n - 1) */
    RAML_SCALE_GROUP_POPULATION, /* n */
    RAML_SCALE_OTHERS,           /* sample deviation of the group's others, where it is > 0 */
    RAML_SCALE_BATCH,            /* sample deviation of all rewards */
    RAML_SCALE_BATCH_CENTRED,    /* root of (sum of squares of what is centred) / (rows - 1) */
    RAML_SCALE_GROUP_MEAN,       /* the group's mean; where it is not > 0 advantages are 0 */
    RAML_SCALE_NONZERO           /* times rows / rows whose reward is not 0 */
};
enum raml_group_of_one { RAML_SINGLE_REWARD, RAML_SINGLE_ZERO };
enum raml_whiten { RAML_WHITEN_NONE, RAML_WHITEN_TOKENS, RAML_WHITEN_ROWS };
enum raml_deviation { RAML_DEVIATION_SAMPLE, RAML_DEVIATION_POPULATION };
/* delta = ref_logp - logp */
enum raml_kl_estimator {
    RAML_KL_K1,           /* -delta */
    RAML_KL_K2,           /* delta^2 / 2 */
    RAML_KL_K3,           /* e^delta - delta - 1 */
    RAML_KL_ABS,          /* |delta| */
    RAML_KL_K1_PLUS,      /* value of k1, gradient of k2 */
    RAML_KL_K3_PLUS,      /* value of k3, gradient of k2 */
    RAML_KL_K3_CORRECTED, /* rho k3 */
    RAML_KL_K1_WEIGHTED,  /* rho k1 */
    RAML_KL_K3_SCORE      /* e^(logp - sg(logp)) k3 */
};
enum raml_kl_in { RAML_KL_IN_LOSS, RAML_KL_IN_REWARD, RAML_KL_IN_RETURN };
enum raml_aggregation_mode {
    RAML_TOKEN_MEAN,
    RAML_TOKEN_SUM,
    RAML_SEQ_MEAN_TOKEN_SUM,
    RAML_SEQ_MEAN_TOKEN_MEAN,
    RAML_SEQ_MEAN_TOKEN_SUM_NORM,
    RAML_TOKEN_SUM_NORM
};
enum raml_aggregation_rows { RAML_ROWS_NONEMPTY, RAML_ROWS_ALL };
enum raml_kl_aggregation { RAML_KL_SAME, RAML_KL_TOKEN_MEAN };
enum raml_entropy_aggregation {
    RAML_ENTROPY_SAME,
    RAML_ENTROPY_TOKEN_MEAN,
    RAML_ENTROPY_TOKEN_MEAN_OF_KEPT,
    RAML_ENTROPY_KEPT_OVER_ALL
};
/* e = old_logp - mu_logp, w = exp(e) */
enum raml_correction_rule {
    RAML_CORRECTION_NONE,
    RAML_CORRECTION_TIS_TOKEN,         /* clamp(w, low, high) */
    RAML_CORRECTION_TIS_SEQUENCE,      /* clamp(exp(sum of e), low, high) on every token */
    RAML_CORRECTION_ICEPOP_TOKEN,      /* w; 0 outside [low, high] */
    RAML_CORRECTION_MASK_SEQUENCE,     /* exp(sum of e) on every token; 0 outside */
    RAML_CORRECTION_SEQ_MASK_TIS,      /* w; 0 for rows whose exp(mean e) is outside */
    RAML_CORRECTION_GEO_SEQUENCE_MASK, /* exp(mean e) on every token; 0 outside */
    RAML_CORRECTION_KPOP,              /* w; 0 where the larger KL of two outcomes exceeds high */
    RAML_CORRECTION_OI_RHO,            /* clamp(w, low, high), e clamped to +-10; 0 by three further rules */
    RAML_CORRECTION_REJECT             /* weight 1; tokens or rows leave the mask */
};
enum raml_reject_level { RAML_REJECT_TOKEN, RAML_REJECT_SUM, RAML_REJECT_MEAN, RAML_REJECT_MAX };
enum raml_reject_estimator { RAML_REJECT_K1, RAML_REJECT_K2, RAML_REJECT_K3 };

/* One row of raml_policy_settings a field; words in the order of the enums. A bound of 0 is none unless said. */
struct raml_policy_options {
    /* Rewards and advantages: r <- clip((r + bias) scaling, +-clip), r <- r - penalty (length / the longest) mean r. */
    double reward_bias, reward_scaling, reward_clip, length_penalty;
    double advantage_eps, advantage_clip, gamma;
    double whiten_eps, whiten_variance_eps, whiten_variance_floor, whiten_count_eps;
    int advantage_baseline, scale_rewards, group_of_one, whiten_advantages, whiten_deviation;
    /* Policy term. */
    int policy_loss;
    double epsilon, epsilon_high, dual_clip, delta;
    double ratio_low, ratio_high, ratio_log_clamp, ratio_log_max;
    double tau_pos, tau_neg, dro_beta, ipo_threshold, log_ratio_square;
    double opsm_delta, top_entropy_quantile;
    int ratio_level, ratio_gradient, ratio_against, opsm_against;
    /* Aggregation. */
    int loss_aggregation, aggregation_rows;
    double norm_length, length_eps, count_eps;
    int64_t loss_micro_batches;
    /* KL to the reference model, and entropy. */
    double beta, kl_log_clamp, kl_value_clamp, entropy_coef;
    int kl_estimator, kl_in, kl_aggregation, entropy_aggregation;
    /* Rollouts that another sampler made. */
    double correction_low, correction_high, correction_log_clamp, correction_mask_low, correction_mask_high;
    int correction, correction_estimator, correction_level;
    bool correction_sequence_level, correction_tv, correction_normalise;
    /* Flags of the other parts; overlong shaping. */
    bool advantage_per_component, empty_row_counts, drop_zero_advantage, overlong_capped;
    double overlong_buffer, overlong_factor;
};
extern const struct raml_setting raml_policy_settings[];
extern const size_t raml_n_policy_settings;

/* Sets what a preset sets: a dated one ("trl-2026-07") every field that its framework fixes, a method's ("rloo") its own
 * fields alone, so that both can be combined, the method's last. RAML_EUSAGE: unknown; the message names the nearest, or
 * all. */
RAML_CHECKED enum raml_code raml_policy_preset(const char *name, struct raml_policy_options *opt, struct raml_err *err);
/* Name and settings ("policy_loss=clip epsilon=0.2") of preset i, its source, and one sentence; false: there is none. */
struct raml_policy_preset {
    const char *name, *settings, *source, *help;
};
bool raml_policy_preset_at(size_t i, struct raml_policy_preset *preset);
/* Every active term in plain lines: advantage, ratio, loss with bounds, aggregation with its divisor, KL, entropy,
 * correction. */
void raml_policy_describe(const struct raml_policy_options *opt, struct raml_buf *out);
/* RAML_EUSAGE: settings that contradict each other (each by itself is in range). */
RAML_CHECKED enum raml_code raml_policy_check(const struct raml_policy_options *opt, struct raml_err *err);

/* A round's rollouts: what advantages and corrections are computed from, all constants. Rows are responses. */
struct raml_rollouts {
    size_t n_rows;
    const size_t *start;                        /* [n_rows + 1] tokens of row r: start[r] .. start[r + 1) */
    const float *weight;                        /* [n] 1: the token enters the loss, 0: it does not (forced, or its row
                                                 * is left out); NULL: all 1 */
    const float *old_logp, *mu_logp, *ref_logp; /* [n]; NULL where not known */
    const double *reward;                       /* [n_rows] */
    const double *component; /* [n_rows, n_components] the rewards that reward is the weighted sum of; NULL: none */
    const double *component_weight; /* [n_components] */
    size_t n_components;
    const uint32_t *group;  /* [n_rows] rows of a group are adjacent, and on one rank */
    const double *baseline; /* [n_rows] the sample's own (termination reward); NULL: none */
};
/* advantage [n], by token. Also the KL that is taken from rewards or returns. reward_bias, reward_scaling, reward_clip,
 * length_penalty and KL act on reward, not on components. RAML_EUSAGE: a baseline, a component, old_logp or ref_logp is
 * needed and not given. */
RAML_CHECKED enum raml_code raml_advantages(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                            const struct raml_comm *comm, double *advantage, struct raml_err *err);
/* correction [n]: weights of the policy term, 0 where masked; mask [n], in and out: tokens that a rule rejects become 0,
 * with drop_zero_advantage those of advantage 0 too. r->weight is not read. mu_logp NULL: the policy was the sampler,
 * weights are 1. RAML_EUSAGE: there is a rule, and mu_logp without old_logp. */
RAML_CHECKED enum raml_code raml_corrections(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                             const double *advantage, const struct raml_comm *comm, double *correction,
                                             float *mask, struct raml_err *err);

enum raml_policy_term { RAML_TERM_POLICY, RAML_TERM_KL, RAML_TERM_ENTROPY };
/* scale [n]: what a token's term is multiplied with in the loss, its weight in it; 0 where weight is 0. With
 * loss_micro_batches k > 0: the mean over k equal runs of rows of every rank, each aggregated by itself. weight NULL: 1. */
RAML_CHECKED enum raml_code raml_aggregation(const struct raml_policy_options *opt, enum raml_policy_term term,
                                             size_t n_rows, const size_t *start, const float *weight,
                                             const struct raml_comm *comm, double *scale, struct raml_err *err);
/* Do KL or entropy have another scale than the policy term, given equal weights? */
bool raml_aggregation_differs(const struct raml_policy_options *opt, enum raml_policy_term term);

/* loss = sum scale * (correction * policy term) + KL and entropy terms. Reads terms->advantage, correction (NULL: 1),
 * scale, kl_scale, entropy_scale, weight, ref_logp, mu_logp, likelihood, and old_logp. old_logp NULL: the policy's own logp,
 * a ratio of 1. */
struct raml_policy {
    const struct raml_policy_options *options;
    const struct raml_comm *comm; /* for top_entropy_quantile; NULL: one process */
    bool on_policy;               /* old_logp will be NULL: coefficients are known before the pass where they can be */
};
/* p is borrowed. */
struct raml_objective raml_policy_objective(const struct raml_policy *p);

/* Added to a reward, <= 0: from longest - overlong_buffer on, overlong_factor times the share of the buffer that is used;
 * beyond `longest` more, or with overlong_capped no more (verl's form, OpenRLHF's). 0 where overlong_buffer is 0. */
double raml_overlong_penalty(const struct raml_policy_options *opt, size_t length, size_t longest);

#pragma GCC visibility pop
#endif
