/* policy_loss.c - the policy term of one token, and its derivatives.
 *
 * Sources: clip, Schulman et al. 2017 (arXiv 1707.06347); dual clip, 1912.09729; two-sided delta, INTELLECT-2 (2505.07291);
 * cispo, 2506.13585; sapo, 2511.20347; dppo, 2602.04879; dro, verl 2026-07; vespo, 2602.10693; dft, 2508.05629. Derivatives
 * of max, min and clamp are those of the branch that is taken; a bound itself belongs to the inside.
 */
#include "outer/policy_parts.h"

/* max(-A min(rho, delta), -A clamp(rho, 1 - epsilon, 1 + epsilon_high)); where A < 0: min(that, -A dual_clip). */
static struct raml_policy_value clip(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    double a = t->advantage, rho = t->rho, low = 1.0 - opt->epsilon, high = 1.0 + opt->epsilon_high;
    bool capped = opt->delta > 0.0 && rho > opt->delta;
    double free_side = -a * (capped ? opt->delta : rho), bounded = -a * (rho < low ? low : rho > high ? high : rho);
    struct raml_policy_value v = {.value = free_side, .by_ratio = capped ? 0.0 : -a * rho};
    if (bounded > free_side)
        v = (struct raml_policy_value){
            .value = bounded, .by_ratio = rho < low || rho > high ? 0.0 : -a * rho, .low = rho<low, .high = rho> high};
    if (opt->dual_clip > 0.0 && a < 0.0 && v.value > -a * opt->dual_clip) {
        v.value = -a * opt->dual_clip;
        v.by_ratio = 0.0;
        v.dual = true;
    }
    return v;
}

static struct raml_policy_value cispo(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    double w = t->rho;
    struct raml_policy_value v = {0};
    if (opt->ratio_high > 0.0 && w > opt->ratio_high) {
        w = opt->ratio_high;
        v.high = true;
    } else if (w < opt->ratio_low) {
        w = opt->ratio_low;
        v.low = true;
    }
    v.by_logp = -w * t->advantage;
    v.value = v.by_logp * t->logp;
    return v;
}

/* d/dx of (4/tau) sigmoid(tau (rho - 1)) with rho = e^x: 4 s (1 - s) rho. */
static struct raml_policy_value sapo(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    double tau = t->advantage > 0.0 ? opt->tau_pos : opt->tau_neg, x = tau * (t->rho - 1.0);
    double s = 1.0 / (1.0 + exp(-x)), other = 1.0 / (1.0 + exp(x));
    double slope = other > 0.0 ? 4.0 * s * other * t->rho : 0.0; /* rho may be infinite where it has no more effect */
    return (struct raml_policy_value){.value = -4.0 / tau * s * t->advantage, .by_ratio = -slope * t->advantage};
}

/* KL of Bernoulli(p_old) from Bernoulli(p). */
static double two_outcomes(double before, double logp)
{
    double p_old = exp(before), p = exp(logp);
    return p_old * (before - logp) + (1.0 - p_old) * log((1.0 - p_old + 1e-8) / (1.0 - p + 1e-8));
}

/* Has the token's probability moved no further than allowed in the direction of its advantage? */
static bool dppo_keeps(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    double bound = t->advantage > 0.0 ? opt->epsilon_high : opt->epsilon;
    if (opt->policy_loss == RAML_LOSS_DPPO_KL) {
        bool back = t->advantage > 0.0 ? t->logp <= t->before : t->logp >= t->before;
        return back || two_outcomes(t->before, t->logp) <= bound;
    }
    double moved = exp(t->logp) - exp(t->before);
    return t->advantage > 0.0 ? moved <= bound : moved >= -bound;
}

static struct raml_policy_value dropped(const struct raml_policy_token *t)
{
    return (struct raml_policy_value){.high = t->advantage > 0.0, .low = !(t->advantage > 0.0)};
}

static struct raml_policy_value dppo(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    if (!dppo_keeps(opt, t)) return dropped(t);
    bool capped = opt->ratio_high > 0.0 && t->rho > opt->ratio_high;
    double w = capped ? opt->ratio_high : t->rho;
    return (struct raml_policy_value){
        .value = -t->advantage * w * t->logp, .by_logp = -t->advantage * w, .dual = capped};
}

static struct raml_policy_value kept_ratio(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    bool keep = opt->policy_loss == RAML_LOSS_IPO_RATIO ? fabs(exp(t->logp) - exp(t->before)) <= opt->ipo_threshold
                                                        : dppo_keeps(opt, t);
    if (!keep) return dropped(t);
    return (struct raml_policy_value){.value = -t->advantage * t->rho, .by_ratio = -t->advantage * t->rho};
}

static struct raml_policy_value dro(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    double d = t->logp - t->before;
    return (struct raml_policy_value){.value = -(t->advantage * t->logp - opt->dro_beta / 2.0 * d * d),
                                      .by_logp = -t->advantage + opt->dro_beta * d};
}

/* phi = e^(l + k ln w - l w), w the row's ratio; k, l: 2, 3 where A >= 0, 3, 2 elsewhere. phi(1) = 1. */
static struct raml_policy_value vespo(const struct raml_policy_token *t)
{
    double log_w = t->row_log_ratio, k = t->advantage >= 0.0 ? 2.0 : 3.0, l = t->advantage >= 0.0 ? 3.0 : 2.0;
    if (log_w < log(1e-8)) log_w = log(1e-8);
    if (log_w > 20.0) log_w = 20.0;
    double phi = exp(l + k * log_w - l * exp(log_w));
    return (struct raml_policy_value){.value = -phi * t->advantage * t->logp, .by_logp = -phi * t->advantage};
}

struct raml_policy_value raml_policy_term_of(const struct raml_policy_options *opt, const struct raml_policy_token *t)
{
    struct raml_policy_value v = {0};
    switch (opt->policy_loss) {
    case RAML_LOSS_CISPO: return cispo(opt, t);
    case RAML_LOSS_SAPO: return sapo(opt, t);
    case RAML_LOSS_DPPO_TV:
    case RAML_LOSS_DPPO_KL: return dppo(opt, t);
    case RAML_LOSS_DPPO_TV_RATIO:
    case RAML_LOSS_IPO_RATIO: return kept_ratio(opt, t);
    case RAML_LOSS_DRO: return dro(opt, t);
    case RAML_LOSS_VESPO: return vespo(t);
    case RAML_LOSS_REINFORCE: v.by_logp = -t->advantage; break;
    case RAML_LOSS_NLL: v.by_logp = -1.0; break;
    case RAML_LOSS_DFT: v.by_logp = -exp(t->logp); break;
    default: return clip(opt, t);
    }
    v.value = v.by_logp * t->logp;
    return v;
}
