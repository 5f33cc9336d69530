/* policy_describe.c - see policy.h: settings in plain lines, and what contradicts itself. */
#include "outer/policy_parts.h"

#include <stdio.h>

/* ", bounded"; "" where there is no bound. */
static void add_bound(struct raml_buf *out, const char *text, double bound)
{
    if (bound > 0.0) raml_buf_addf(out, ", %s %g", text, bound);
}

/* ---- advantages ----------------------------------------------------------------------------------------------------- */

static const char *baseline(const struct raml_policy_options *opt)
{
    static const char *const text[] = {"r",
                                       "r - group mean",
                                       "r - mean of the group's others",
                                       "r - group mean weighted by length",
                                       "r - the sample's reward at termination",
                                       "best of the group alone: r - second best"};
    return text[opt->advantage_baseline];
}

static const char *deviation(const struct raml_policy_options *opt)
{
    static const char *const text[] = {NULL,
                                       "group deviation (n - 1)",
                                       "group deviation (n)",
                                       "deviation of the group's others (n - 1, where it is > 0)",
                                       "deviation of all rewards (n - 1)",
                                       "root of (sum of squares of all centred rewards / (rows - 1))",
                                       "group mean, 0 where that is not > 0",
                                       "share of rows whose reward is not 0"};
    return text[opt->scale_rewards];
}

static void describe_reward(const struct raml_policy_options *opt, struct raml_buf *out)
{
    if (opt->reward_bias != 0.0 || opt->reward_scaling != 1.0 || opt->reward_clip > 0.0) {
        raml_buf_addf(out, "reward       r = (reward + %g) * %g", opt->reward_bias, opt->reward_scaling);
        add_bound(out, "within +-", opt->reward_clip);
        raml_buf_adds(out, "\n");
    }
    if (opt->length_penalty != 0.0)
        raml_buf_addf(out, "reward       less %g * length / longest of the group * group mean\n", opt->length_penalty);
    if (opt->overlong_buffer > 0.0)
        raml_buf_addf(out, "reward       less up to %g in the last %g tokens before the longest length%s\n",
                      opt->overlong_factor, opt->overlong_buffer, opt->overlong_capped ? "" : ", more beyond it");
}

static void describe_advantage(const struct raml_policy_options *opt, struct raml_buf *out)
{
    const char *by = deviation(opt);
    bool eps = opt->scale_rewards != RAML_SCALE_GROUP_MEAN && opt->scale_rewards != RAML_SCALE_NONZERO;
    describe_reward(opt, out);
    raml_buf_addf(out, "advantage    (%s)", baseline(opt));
    if (by) raml_buf_addf(out, " / (%s", by);
    if (by && eps) raml_buf_addf(out, " + %g", opt->advantage_eps);
    if (by) raml_buf_adds(out, ")");
    if (opt->advantage_per_component) raml_buf_adds(out, " of each component, weighted and summed");
    add_bound(out, "within +-", opt->advantage_clip);
    if (opt->advantage_baseline != RAML_BASELINE_NONE && opt->advantage_baseline != RAML_BASELINE_TERMINATION)
        raml_buf_adds(out, opt->group_of_one == RAML_SINGLE_ZERO ? "; group of one: 0" : "; group of one: its reward");
    raml_buf_adds(out, "\n");
    if (opt->gamma != 1.0) raml_buf_addf(out, "return       discounted by %g a token\n", opt->gamma);
    if (opt->whiten_advantages == RAML_WHITEN_NONE) return;
    raml_buf_addf(out, "whitened     over all %s: (A - mean) / (root of (variance (%s)",
                  opt->whiten_advantages == RAML_WHITEN_TOKENS ? "trained tokens" : "rows",
                  opt->whiten_deviation == RAML_DEVIATION_SAMPLE ? "n - 1" : "n");
    if (opt->whiten_variance_eps > 0.0) raml_buf_addf(out, " + %g", opt->whiten_variance_eps);
    raml_buf_addf(out, ") + %g)", opt->whiten_eps);
    add_bound(out, "variance at least", opt->whiten_variance_floor);
    raml_buf_adds(out, "\n");
}

/* ---- the policy term ------------------------------------------------------------------------------------------------ */

static void describe_ratio(const struct raml_policy_options *opt, struct raml_buf *out)
{
    bool row = opt->ratio_level == RAML_RATIO_SEQUENCE;
    const char *against = opt->ratio_against == RAML_AGAINST_OLD ? "old_logp" : "the sampler's logp";
    raml_buf_addf(out,
                  row ? "ratio        rho = exp(mean over the row of d), d = logp - %s"
                      : "ratio        rho = exp(d), d = logp - %s",
                  against);
    if (row && opt->ratio_gradient == RAML_GRADIENT_PER_TOKEN) raml_buf_adds(out, ", gradient of the token's own d");
    if (!row) add_bound(out, "d within +-", opt->ratio_log_clamp);
    else add_bound(out, "the mean at most", opt->ratio_log_max);
    raml_buf_adds(out, "\n");
}

static void describe_clip(const struct raml_policy_options *opt, struct raml_buf *out)
{
    raml_buf_adds(out, "max(-A ");
    if (opt->delta > 0.0) raml_buf_addf(out, "min(rho, %g)", opt->delta);
    else raml_buf_adds(out, "rho");
    raml_buf_addf(out, ", -A rho within [%g, %g])", 1.0 - opt->epsilon, 1.0 + opt->epsilon_high);
    if (opt->dual_clip > 0.0) raml_buf_addf(out, ", at most -%g A where A < 0", opt->dual_clip);
}

static void describe_kept(const struct raml_policy_options *opt, struct raml_buf *out)
{
    bool ratio = opt->policy_loss == RAML_LOSS_DPPO_TV_RATIO, kl = opt->policy_loss == RAML_LOSS_DPPO_KL;
    raml_buf_adds(out, ratio ? "-A rho" : "-A sg(rho) logp");
    if (!ratio) add_bound(out, "rho at most", opt->ratio_high);
    raml_buf_addf(out, "; 0 where the token's probability moved the way of A by more than %g up, %g down%s",
                  opt->epsilon_high, opt->epsilon, kl ? " (KL of two outcomes)" : "");
}

static void describe_loss(const struct raml_policy_options *opt, struct raml_buf *out)
{
    switch (opt->policy_loss) {
    case RAML_LOSS_CISPO:
        raml_buf_adds(out, "-sg(rho) A logp");
        add_bound(out, "rho at least", opt->ratio_low);
        add_bound(out, "rho at most", opt->ratio_high);
        break;
    case RAML_LOSS_SAPO:
        raml_buf_addf(out, "-(4 / tau) sigmoid(tau (rho - 1)) A, tau %g where A > 0, else %g", opt->tau_pos,
                      opt->tau_neg);
        break;
    case RAML_LOSS_GMPO:
        raml_buf_addf(out, "of a row: -mean(A) exp(mean d), d within [-%g, %g] on the side that hurts", opt->epsilon,
                      opt->epsilon_high);
        break;
    case RAML_LOSS_REINFORCE: raml_buf_adds(out, "-A logp"); break;
    case RAML_LOSS_DPPO_TV:
    case RAML_LOSS_DPPO_KL:
    case RAML_LOSS_DPPO_TV_RATIO: describe_kept(opt, out); break;
    case RAML_LOSS_IPO_RATIO:
        raml_buf_addf(out, "-A rho; 0 where the token's probability moved by more than %g", opt->ipo_threshold);
        break;
    case RAML_LOSS_DRO: raml_buf_addf(out, "-(A logp - %g / 2 d^2)", opt->dro_beta); break;
    case RAML_LOSS_VESPO: raml_buf_adds(out, "-sg(phi(product of rho over the row)) A logp"); break;
    case RAML_LOSS_NLL: raml_buf_adds(out, "-logp"); break;
    case RAML_LOSS_DFT: raml_buf_adds(out, "-sg(p) logp"); break;
    default: describe_clip(opt, out);
    }
}

static void describe_policy(const struct raml_policy_options *opt, struct raml_buf *out)
{
    describe_ratio(opt, out);
    raml_buf_adds(out, "policy       ");
    describe_loss(opt, out);
    raml_buf_adds(out, "\n");
    if (opt->log_ratio_square > 0.0) raml_buf_addf(out, "policy       + %g d^2\n", opt->log_ratio_square);
    if (opt->opsm_delta > 0.0)
        raml_buf_addf(out, "policy       without rows of A < 0 whose mean logp fell by more than %g%s\n",
                      opt->opsm_delta, opt->opsm_against == RAML_AGAINST_SAMPLER ? " (from the sampler's)" : "");
    if (opt->top_entropy_quantile < 1.0)
        raml_buf_addf(out, "policy       of the tokens of highest entropy: %g of all\n", opt->top_entropy_quantile);
}

/* ---- aggregation, KL, entropy, correction ------------------------------------------------------------------------------ */

static void describe_aggregation(const struct raml_policy_options *opt, struct raml_buf *out)
{
    const char *rows = opt->aggregation_rows == RAML_ROWS_ALL ? "all rows" : "rows with trained tokens";
    char length[60] = "length of the longest row";
    if (opt->norm_length > 0.0) snprintf(length, sizeof length, "%g", opt->norm_length);
    raml_buf_adds(out, "aggregation  ");
    switch (opt->loss_aggregation) {
    case RAML_TOKEN_SUM: raml_buf_adds(out, "sum over tokens, not divided"); break;
    case RAML_TOKEN_SUM_NORM: raml_buf_addf(out, "sum over tokens / %s", length); break;
    case RAML_SEQ_MEAN_TOKEN_SUM: raml_buf_addf(out, "mean over %s of sums over tokens", rows); break;
    case RAML_SEQ_MEAN_TOKEN_MEAN: raml_buf_addf(out, "mean over %s of means over tokens", rows); break;
    case RAML_SEQ_MEAN_TOKEN_SUM_NORM:
        raml_buf_addf(out, "mean over %s of (sum over tokens / %s)", rows, length);
        break;
    default: raml_buf_adds(out, "sum over tokens / number of trained tokens");
    }
    if (opt->loss_micro_batches > 0)
        raml_buf_addf(out, ", averaged over %lld parts of each rank's rows", (long long)opt->loss_micro_batches);
    add_bound(out, "rows' counts +", opt->loss_aggregation == RAML_SEQ_MEAN_TOKEN_MEAN ? opt->length_eps : 0.0);
    add_bound(out, "counts +", opt->count_eps);
    if (opt->empty_row_counts) raml_buf_adds(out, ", a row without trained tokens counts as one");
    if (opt->drop_zero_advantage) raml_buf_adds(out, ", tokens with A = 0 left out of every term");
    raml_buf_adds(out, "\n");
}

static const char *estimator(const struct raml_policy_options *opt)
{
    static const char *const text[] = {"k1 = -delta",
                                       "k2 = delta^2 / 2",
                                       "k3 = e^delta - delta - 1",
                                       "|delta|",
                                       "k1 with the gradient of k2",
                                       "k3 with the gradient of k2",
                                       "rho k3",
                                       "rho k1",
                                       "e^(logp - sg(logp)) k3"};
    return text[opt->kl_estimator];
}

static void describe_kl(const struct raml_policy_options *opt, struct raml_buf *out)
{
    static const char *const where[] = {"in the loss", "taken from rewards", "taken from returns"};
    if (opt->beta == 0.0) return;
    raml_buf_addf(out, "KL           %g * %s, delta = ref_logp - logp, %s", opt->beta, estimator(opt),
                  where[opt->kl_in]);
    add_bound(out, "delta within +-", opt->kl_log_clamp);
    add_bound(out, "its value within +-", opt->kl_value_clamp);
    if (opt->kl_in == RAML_KL_IN_LOSS && opt->kl_aggregation == RAML_KL_TOKEN_MEAN)
        raml_buf_adds(out, ", a token mean");
    raml_buf_adds(out, "\n");
}

static void describe_entropy(const struct raml_policy_options *opt, struct raml_buf *out)
{
    static const char *const how[] = {"", ", a token mean", ", a mean over kept tokens",
                                      ", a sum over kept tokens / number of trained tokens"};
    if (opt->entropy_coef == 0.0) return;
    raml_buf_addf(out, "entropy      -%g * entropy%s\n", opt->entropy_coef, how[opt->entropy_aggregation]);
}

static void describe_correction(const struct raml_policy_options *opt, struct raml_buf *out)
{
    static const char *const rule[] = {
        NULL,
        "w",
        "product of w over the row",
        "w, 0 outside",
        "product of w over the row, 0 outside",
        "w, 0 for rows whose geometric mean is outside",
        "geometric mean of w over the row, 0 outside",
        "w, 0 where a KL of two outcomes is above",
        "w, log-ratio within +-10",
        "tokens or rows whose statistic is outside are left out",
    };
    if (opt->correction == RAML_CORRECTION_NONE) return;
    raml_buf_addf(out, "correction   w = exp(old_logp - mu_logp) of another sampler: %s", rule[opt->correction]);
    add_bound(out, "low", opt->correction_low);
    add_bound(out, "high", opt->correction_high);
    add_bound(out, "0 below", opt->correction_mask_low);
    add_bound(out, opt->correction_tv ? "0 where the row's mean |w - 1| is above" : "0 above",
              opt->correction_mask_high);
    add_bound(out, "log-ratio within +-", opt->correction_log_clamp);
    if (opt->correction_sequence_level) raml_buf_adds(out, ", one weight a row");
    if (opt->correction_normalise) raml_buf_adds(out, ", divided by their mean");
    raml_buf_adds(out, "\n");
}

void raml_policy_describe(const struct raml_policy_options *opt, struct raml_buf *out)
{
    describe_advantage(opt, out);
    describe_policy(opt, out);
    describe_aggregation(opt, out);
    describe_kl(opt, out);
    describe_entropy(opt, out);
    describe_correction(opt, out);
}

enum raml_code raml_policy_check(const struct raml_policy_options *opt, struct raml_err *err)
{
    enum raml_code rc = raml_settings_check(raml_policy_settings, raml_n_policy_settings, opt, err);
    if (rc) return rc;
    bool needs_high = opt->correction == RAML_CORRECTION_KPOP || opt->correction == RAML_CORRECTION_REJECT;
    if (opt->dual_clip > 0.0 && opt->dual_clip <= 1.0)
        return raml_fail(err, RAML_EUSAGE, "dual_clip is %g; expected 0 (none) or a number above 1", opt->dual_clip);
    if (opt->ratio_high > 0.0 && opt->ratio_low > opt->ratio_high)
        return raml_fail(err, RAML_EUSAGE, "ratio_low is %g; expected at most ratio_high, %g", opt->ratio_low,
                         opt->ratio_high);
    if (opt->correction_high > 0.0 && opt->correction_low > opt->correction_high)
        return raml_fail(err, RAML_EUSAGE, "correction_low is %g; expected at most correction_high, %g",
                         opt->correction_low, opt->correction_high);
    if (needs_high && !(opt->correction_high > 0.0))
        return raml_fail(err, RAML_EUSAGE, "correction_high is 0; expected a bound, which this correction rests on");
    return RAML_OK;
}
