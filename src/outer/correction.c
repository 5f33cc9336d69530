/* correction.c - see policy.h: weights for rollouts that another sampler made.
 *
 * Sources: truncated weights, TIS (verl, 2025); IcePop (Ling team, 2025); sequence masks, Liu et al. 2025 and TRL; KPop, AReaL
 * 2026; oi-rho, open-instruct 2026, its TV rule VACO (arXiv 2603.01365).
 */
#include "outer/policy_parts.h"

/* A row: its log-ratios and what rules ask of them. */
struct row {
    const struct raml_policy_options *opt;
    const struct raml_rollouts *r;
    const float *mask;
    const double *advantage;
    size_t from, to;
    double sum, mean; /* of e; the sum's own terms are not clamped, the sum is */
    double tv;        /* mean |exp(e) - 1| */
    double statistic; /* of a reject rule, over the row */
};

static double raw_log_ratio(const struct row *row, size_t i)
{
    return (double)row->r->old_logp[i] - (double)row->r->mu_logp[i];
}

static double log_ratio(const struct row *row, size_t i)
{
    double clamp = row->opt->correction == RAML_CORRECTION_OI_RHO ? 10.0 : row->opt->correction_log_clamp;
    return raml_policy_within(raw_log_ratio(row, i), clamp);
}

static bool inside(double x, double low, double high)
{
    return !(x < low) && !(high > 0.0 && x > high);
}

static double bounded(double x, double low, double high)
{
    return x < low ? low : high > 0.0 && x > high ? high : x;
}

/* k1, k2, k3 of the KL of old policy and sampler: -e, e^2 / 2, exp(e) - 1 - e. */
static double estimate(const struct raml_policy_options *opt, double e)
{
    if (opt->correction_estimator == RAML_REJECT_K1) return -e;
    return opt->correction_estimator == RAML_REJECT_K2 ? e * e / 2.0 : exp(e) - 1.0 - e;
}

static bool rejects(const struct raml_policy_options *opt, double statistic)
{
    double low = opt->correction_low, high = opt->correction_high;
    if (opt->correction_estimator != RAML_REJECT_K1) return high > 0.0 && statistic > high;
    return (high > 0.0 && statistic > log(high)) || (low > 0.0 && statistic < log(low));
}

static struct row look(const struct raml_policy_options *opt, const struct raml_rollouts *r, const double *advantage,
                       const float *mask, size_t k)
{
    struct row row = {opt, r, mask, advantage, r->start[k], r->start[k + 1], 0, 0, 0, 0};
    double n = 0.0, most = -INFINITY, total = 0.0;
    for (size_t i = row.from; i < row.to; i++) {
        if (!(mask[i] > 0.0f)) continue;
        double e = log_ratio(&row, i), x = estimate(opt, e);
        n += 1.0;
        row.sum += raw_log_ratio(&row, i);
        row.mean += e;
        row.tv += fabs(exp(e) - 1.0);
        total += x;
        if (!(x <= most)) most = x;
    }
    if (n == 0.0) return row;
    row.sum = raml_policy_within(row.sum, opt->correction_log_clamp);
    row.mean /= n;
    row.tv /= n;
    row.statistic = opt->correction_level == RAML_REJECT_MAX    ? most
                    : opt->correction_level == RAML_REJECT_MEAN ? total / n
                                                                : total;
    return row;
}

/* The larger of the two KLs between outcomes "this token" and "another". */
static double two_outcomes(double a, double b)
{
    double p = fmin(fmax(exp(a), 1e-8), 1.0 - 1e-8), q = fmin(fmax(exp(b), 1e-8), 1.0 - 1e-8);
    double there = p * log(p / q) + (1.0 - p) * log((1.0 - p) / (1.0 - q));
    double back = q * log(q / p) + (1.0 - q) * log((1.0 - q) / (1.0 - p));
    return fmax(there, back);
}

static double oi_rho(const struct row *row, size_t i, double e)
{
    const struct raml_policy_options *opt = row->opt;
    if (opt->correction_sequence_level) e = row->mean;
    double w = exp(e), weight = bounded(w, opt->correction_low, opt->correction_high);
    if (opt->correction_tv) {
        bool further = (e > 0.0 && row->advantage[i] > 0.0) || (e < 0.0 && row->advantage[i] < 0.0);
        return further && opt->correction_mask_high > 0.0 && row->tv > opt->correction_mask_high ? 0.0 : weight;
    }
    return inside(w, opt->correction_mask_low, opt->correction_mask_high) ? weight : 0.0;
}

static double weight_of(const struct row *row, size_t i)
{
    const struct raml_policy_options *opt = row->opt;
    double e = log_ratio(row, i), low = opt->correction_low, high = opt->correction_high, w = exp(e);
    switch (opt->correction) {
    case RAML_CORRECTION_TIS_TOKEN: return bounded(w, low, high);
    case RAML_CORRECTION_TIS_SEQUENCE: return bounded(exp(row->sum), low, high);
    case RAML_CORRECTION_ICEPOP_TOKEN: return inside(w, low, high) ? w : 0.0;
    case RAML_CORRECTION_MASK_SEQUENCE: w = exp(row->sum); return inside(w, low, high) ? w : 0.0;
    case RAML_CORRECTION_SEQ_MASK_TIS: return inside(exp(row->mean), low, high) ? w : 0.0;
    case RAML_CORRECTION_GEO_SEQUENCE_MASK: w = exp(row->mean); return inside(w, low, high) ? w : 0.0;
    case RAML_CORRECTION_KPOP: {
        double kl = two_outcomes((double)row->r->old_logp[i], (double)row->r->mu_logp[i]);
        return high > 0.0 && kl > high ? 0.0 : w;
    }
    case RAML_CORRECTION_OI_RHO: return oi_rho(row, i, e);
    default: return 1.0;
    }
}

static void reject_row(const struct row *row, double *correction, float *mask)
{
    bool whole = row->opt->correction_level != RAML_REJECT_TOKEN && rejects(row->opt, row->statistic);
    for (size_t i = row->from; i < row->to; i++) {
        if (!(mask[i] > 0.0f)) continue;
        bool token =
            row->opt->correction_level == RAML_REJECT_TOKEN && rejects(row->opt, estimate(row->opt, log_ratio(row, i)));
        if (whole || token) mask[i] = 0.0f;
        correction[i] = mask[i] > 0.0f ? 1.0 : 0.0;
    }
}

/* One weight a row? Their mean is then over rows. */
static bool by_row(const struct raml_policy_options *opt)
{
    return opt->correction == RAML_CORRECTION_TIS_SEQUENCE || opt->correction == RAML_CORRECTION_MASK_SEQUENCE ||
           opt->correction == RAML_CORRECTION_GEO_SEQUENCE_MASK;
}

/* Divides by the mean weight of all ranks: over tokens, or over rows of the mean in each. verl adds 1e-8 to counts of
 * tokens. */
static enum raml_code normalise(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                const struct raml_comm *comm, double *correction, const float *mask,
                                struct raml_err *err)
{
    const double eps = 1e-8;
    double s[2] = {0};
    for (size_t k = 0; k < r->n_rows; k++) {
        double sum = 0.0, n = 0.0;
        for (size_t i = r->start[k]; i < r->start[k + 1]; i++) {
            if (!(mask[i] > 0.0f)) continue;
            sum += correction[i];
            n += 1.0;
        }
        s[0] += by_row(opt) ? sum / (n + eps) : sum;
        s[1] += by_row(opt) ? n > 0.0 : n;
    }
    enum raml_code rc = comm->sum(comm->user, s, 2, err);
    double mean = s[0] / (s[1] + (by_row(opt) ? 0.0 : eps));
    for (size_t i = 0; !rc && s[0] > 0.0 && i < r->start[r->n_rows]; i++) correction[i] /= mean;
    return rc;
}

enum raml_code raml_corrections(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                const double *advantage, const struct raml_comm *comm, double *correction, float *mask,
                                struct raml_err *err)
{
    size_t n = r->n_rows ? r->start[r->n_rows] : 0;
    if (opt->correction != RAML_CORRECTION_NONE && r->mu_logp && !r->old_logp)
        return raml_fail(err, RAML_EUSAGE,
                         "correction: log-probabilities of the sampler are given without those of the "
                         "policy when the rollouts were made");
    for (size_t i = 0; i < n; i++) {
        if (opt->drop_zero_advantage && advantage[i] == 0.0) mask[i] = 0.0f;
        correction[i] = mask[i] > 0.0f ? 1.0 : 0.0;
    }
    if (opt->correction == RAML_CORRECTION_NONE || !r->mu_logp) return RAML_OK;
    for (size_t k = 0; k < r->n_rows; k++) {
        struct row row = look(opt, r, advantage, mask, k);
        if (opt->correction == RAML_CORRECTION_REJECT) {
            reject_row(&row, correction, mask);
            continue;
        }
        for (size_t i = row.from; i < row.to; i++)
            if (mask[i] > 0.0f) correction[i] = weight_of(&row, i);
    }
    return opt->correction_normalise ? normalise(opt, r, comm, correction, mask, err) : RAML_OK;
}
