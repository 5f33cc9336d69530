/* policy_row.c - the loss of one row: its ratios, the terms of its tokens, the coefficients. */
#include "outer/policy_parts.h"

/* gmpo's counts: verl 2026-08 adds this to the number of tokens. */
#define GMPO_EPS 1e-8

/* The log-ratio of a row's tokens, by the settings. */
struct ratios {
    size_t n_tokens;
    double mean;  /* of log-ratios, within ratio_log_max */
    bool inside;  /* is that bound not reached? */
    double wide;  /* sum of log-ratios, each within +-20 */
    double moved; /* mean of (old or sampler) - logp, for opsm */
};

static bool counts(const struct raml_policy_row *row, size_t i)
{
    return !row->weight || row->weight[i] > 0.0;
}

static double at(const double *x, size_t i, double otherwise)
{
    return x ? x[i] : otherwise;
}

/* Log-probability that a ratio is taken against; the policy's own where it is not known. */
static double before(const struct raml_policy_row *row, int against, size_t i)
{
    const double *x = against == RAML_AGAINST_SAMPLER ? row->mu_logp : row->old_logp;
    return x ? x[i] : at(row->logp, i, 0.0);
}

static double log_ratio(const struct raml_policy_options *opt, const struct raml_policy_row *row, size_t i)
{
    return at(row->logp, i, 0.0) - before(row, opt->ratio_against, i);
}

static struct ratios ratios_of(const struct raml_policy_options *opt, const struct raml_policy_row *row)
{
    struct ratios r = {.inside = true};
    double sum = 0.0;
    for (size_t i = 0; i < row->n; i++) {
        if (!counts(row, i)) continue;
        double d = log_ratio(opt, row, i);
        r.n_tokens++;
        sum += d;
        r.wide += raml_policy_within(d, 20.0);
        r.moved += before(row, opt->opsm_against, i) - at(row->logp, i, 0.0);
    }
    double n = r.n_tokens ? (double)r.n_tokens : 1.0;
    r.mean = sum / n;
    r.moved /= n;
    if (opt->ratio_log_max > 0.0 && r.mean > opt->ratio_log_max) {
        r.mean = opt->ratio_log_max;
        r.inside = false;
    }
    return r;
}

/* Where derivatives of one row are gathered. */
struct gather {
    double *d_logp, *d_entropy;
    double through_mean; /* derivative by the row's mean log-ratio */
    struct raml_policy_sums *sums;
};

static void add_d(struct gather *g, size_t i, double d)
{
    if (g->d_logp) g->d_logp[i] += d;
}

/* Adds w times a value to the loss, and its derivatives. */
static void add_value(const struct raml_policy_options *opt, const struct ratios *r, size_t i, double w, double d,
                      const struct raml_policy_value *v, struct gather *g)
{
    g->sums->loss += w * v->value;
    add_d(g, i, w * v->by_logp);
    if (opt->ratio_level == RAML_RATIO_SEQUENCE) {
        if (!r->inside) return;
        if (opt->ratio_gradient == RAML_GRADIENT_PER_TOKEN) add_d(g, i, w * v->by_ratio);
        else g->through_mean += w * v->by_ratio;
    } else if (!(opt->ratio_log_clamp > 0.0) || !(fabs(d) > opt->ratio_log_clamp)) {
        add_d(g, i, w * v->by_ratio);
    }
}

/* Weight of a token's policy term: 0 where a rule leaves it out. */
static double policy_weight(const struct raml_policy_options *opt, const struct raml_policy_row *row,
                            const struct ratios *r, size_t i)
{
    if (row->entropy && row->entropy[i] < row->entropy_threshold) return 0.0;
    if (opt->opsm_delta > 0.0 && row->advantage[i] < 0.0 && r->moved > opt->opsm_delta) return 0.0;
    return row->scale[i] * (opt->policy_loss == RAML_LOSS_GMPO ? 1.0 : at(row->correction, i, 1.0));
}

static void count_clipped(struct raml_policy_sums *s, const struct raml_policy_value *v)
{
    s->low += v->low;
    s->high += v->high;
    s->dual += v->dual;
}

static void policy_term(const struct raml_policy_options *opt, const struct raml_policy_row *row,
                        const struct ratios *r, size_t i, double rho, struct gather *g)
{
    if (opt->policy_loss == RAML_LOSS_GMPO) return;
    double lp = at(row->logp, i, 0.0), was = before(row, opt->ratio_against, i), loss = g->sums->loss;
    struct raml_policy_token t = {row->advantage[i], rho, lp, was, r->wide};
    struct raml_policy_value v = raml_policy_term_of(opt, &t);
    count_clipped(g->sums, &v);
    double w = policy_weight(opt, row, r, i);
    if (w != 0.0) add_value(opt, r, i, w, lp - was, &v, g); /* 0 times an infinite ratio would be NaN */
    if (opt->log_ratio_square > 0.0 && row->scale[i] != 0.0) {
        double k = row->scale[i] * opt->log_ratio_square, d = lp - was;
        g->sums->loss += k * d * d;
        add_d(g, i, 2.0 * k * d);
    }
    g->sums->policy += g->sums->loss - loss;
}

static void kl_term(const struct raml_policy_options *opt, const struct raml_policy_row *row, const struct ratios *r,
                    size_t i, double rho, struct gather *g)
{
    if (!row->ref_logp) return;
    double lp = at(row->logp, i, 0.0), loss = g->sums->loss;
    struct raml_policy_value v = raml_policy_kl(opt, lp, row->ref_logp[i], rho);
    g->sums->kl_value += v.value;
    double w = opt->beta * at(row->kl_scale, i, row->scale[i]);
    if (opt->kl_in == RAML_KL_IN_LOSS && w != 0.0) add_value(opt, r, i, w, log_ratio(opt, row, i), &v, g);
    g->sums->kl += g->sums->loss - loss;
}

static void entropy_term(const struct raml_policy_options *opt, const struct raml_policy_row *row, size_t i,
                         struct gather *g)
{
    if (!row->entropy) return;
    bool kept = !(row->entropy[i] < row->entropy_threshold);
    g->sums->entropy += row->entropy[i];
    g->sums->kept += kept;
    if (!kept && (opt->entropy_aggregation == RAML_ENTROPY_TOKEN_MEAN_OF_KEPT ||
                  opt->entropy_aggregation == RAML_ENTROPY_KEPT_OVER_ALL))
        return;
    double w = -opt->entropy_coef * at(row->entropy_scale, i, row->scale[i]) / row->entropy_divisor;
    if (w == 0.0) return;
    g->sums->loss += w * row->entropy[i];
    g->sums->entropy_loss += w * row->entropy[i];
    if (g->d_entropy) g->d_entropy[i] = w;
}

static void gather_measures(const struct raml_policy_options *opt, const struct raml_policy_row *row, size_t i,
                            double rho, struct raml_policy_sums *s)
{
    s->tokens += 1.0;
    s->weight += at(row->weight, i, 1.0);
    s->log_ratio += raml_policy_within(log_ratio(opt, row, i), opt->ratio_log_clamp);
    if (!(s->ratio_max >= rho) && !isnan(s->ratio_max)) s->ratio_max = rho;
}

/* Geometric mean policy optimization (arXiv 2507.20673). Each token has the row's value; with the aggregation over rows of
 * means over tokens that is the mean over rows. */
static void gmpo(const struct raml_policy_options *opt, const struct raml_policy_row *row, const struct ratios *r,
                 struct gather *g)
{
    double n = (double)r->n_tokens + GMPO_EPS, advantage = 0.0, exponent = 0.0, log_weight = 0.0, scale = 0.0;
    bool weighted = row->correction && opt->correction != RAML_CORRECTION_NONE;
    for (size_t i = 0; i < row->n; i++) {
        if (!counts(row, i)) continue;
        double a = row->advantage[i], s = a > 0.0 ? 1.0 : a < 0.0 ? -1.0 : 0.0, d = log_ratio(opt, row, i);
        double bounded = d < -opt->epsilon ? -opt->epsilon : d > opt->epsilon_high ? opt->epsilon_high : d;
        bool hurts = s * bounded < s * d, outside = bounded != d;
        struct raml_policy_value v = {.low = s < 0.0 && outside, .high = s > 0.0 && outside};
        v.dual = v.low;
        count_clipped(g->sums, &v);
        advantage += a;
        exponent += hurts ? bounded : s * s * d;
        log_weight += weighted ? log(row->correction[i] + 1e-10) : 0.0;
        scale += policy_weight(opt, row, r, i);
    }
    if (scale == 0.0) return;
    double value = -advantage / n * exp(exponent / n) * scale * (weighted ? exp(log_weight / n) : 1.0);
    g->sums->loss += value;
    g->sums->policy += value;
    for (size_t i = 0; i < row->n; i++) {
        if (!counts(row, i)) continue;
        double a = row->advantage[i], d = log_ratio(opt, row, i);
        bool clipped = (a < 0.0 && d < -opt->epsilon) || (a > 0.0 && d > opt->epsilon_high);
        if (a != 0.0 && !clipped) add_d(g, i, value / n);
    }
}

/* The row's ratio has this derivative by each of its tokens: 1 / n. */
static void spread(const struct raml_policy_row *row, const struct ratios *r, struct gather *g)
{
    for (size_t i = 0; i < row->n; i++)
        if (counts(row, i)) add_d(g, i, g->through_mean / (double)r->n_tokens);
}

void raml_policy_row(const struct raml_policy_options *opt, const struct raml_policy_row *row, double *d_logp,
                     double *d_entropy, struct raml_policy_sums *sums)
{
    struct gather g = {d_logp, d_entropy, 0.0, sums};
    for (size_t i = 0; i < row->n; i++) {
        if (d_logp) d_logp[i] = 0.0;
        if (d_entropy) d_entropy[i] = 0.0;
    }
    struct ratios r = ratios_of(opt, row);
    for (size_t i = 0; i < row->n; i++) {
        if (!counts(row, i)) continue;
        double d = raml_policy_within(log_ratio(opt, row, i), opt->ratio_log_clamp);
        double rho = exp(opt->ratio_level == RAML_RATIO_SEQUENCE ? r.mean : d);
        policy_term(opt, row, &r, i, rho, &g);
        kl_term(opt, row, &r, i, rho, &g);
        entropy_term(opt, row, i, &g);
        gather_measures(opt, row, i, rho, sums);
    }
    if (opt->policy_loss == RAML_LOSS_GMPO) gmpo(opt, row, &r, &g);
    if (g.through_mean != 0.0) spread(row, &r, &g);
}
