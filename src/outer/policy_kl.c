/* policy_kl.c - estimators of KL(policy || reference) from one sampled token.
 *
 * k1, k2, k3: Schulman 2020, "Approximating KL divergence". k3 times the ratio: DeepSeek-V3.2 (2512.02556). "+": value of the
 * estimator, gradient of k2, whose gradient is that of the KL itself (verl, 2026).
 */
#include "outer/policy_parts.h"

/* Value and derivative by logp, before the ratio. */
static struct raml_policy_value estimate(int estimator, double delta, bool inside)
{
    double slope = inside ? 1.0 : 0.0; /* of -delta by logp */
    switch (estimator) {
    case RAML_KL_K1:
    case RAML_KL_K1_PLUS:
    case RAML_KL_K1_WEIGHTED: return (struct raml_policy_value){.value = -delta, .by_logp = slope};
    case RAML_KL_K2: return (struct raml_policy_value){.value = delta * delta / 2.0, .by_logp = -delta * slope};
    case RAML_KL_ABS:
        return (struct raml_policy_value){.value = fabs(delta),
                                          .by_logp = slope * (delta > 0.0   ? -1.0
                                                              : delta < 0.0 ? 1.0
                                                                            : 0.0)};
    default:
        return (struct raml_policy_value){.value = exp(delta) - delta - 1.0, .by_logp = (1.0 - exp(delta)) * slope};
    }
}

struct raml_policy_value raml_policy_kl(const struct raml_policy_options *opt, double logp, double ref_logp, double rho)
{
    int estimator = opt->kl_estimator;
    double difference = ref_logp - logp, delta = raml_policy_within(difference, opt->kl_log_clamp);
    bool inside = !(opt->kl_log_clamp > 0.0) || !(fabs(difference) > opt->kl_log_clamp);
    struct raml_policy_value v = estimate(estimator, delta, inside);
    if (estimator == RAML_KL_K3_CORRECTED || estimator == RAML_KL_K1_WEIGHTED) {
        v.value *= rho;
        v.by_logp *= rho;
        v.by_ratio = v.value;
    }
    if (estimator == RAML_KL_K3_SCORE && inside) v.by_logp += v.value;
    if (opt->kl_value_clamp > 0.0 && fabs(v.value) > opt->kl_value_clamp) {
        v.value = raml_policy_within(v.value, opt->kl_value_clamp);
        v.by_logp = v.by_ratio = 0.0;
    }
    if (estimator == RAML_KL_K1_PLUS || estimator == RAML_KL_K3_PLUS) v.by_logp = -difference;
    return v;
}
