/* advantage_token.c - see advantage.h. */
#include "outer/advantage.h"

double raml_advantage_kl(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t i)
{
    return raml_policy_kl(opt, (double)r->old_logp[i], (double)r->ref_logp[i], 1.0).value;
}

static void returns_of_row(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t row,
                           double value, double *advantage)
{
    bool kl = opt->beta != 0.0 && opt->kl_in == RAML_KL_IN_RETURN, last = true;
    double after = 0.0;
    for (size_t i = r->start[row + 1]; i-- > r->start[row];) {
        if (!(raml_policy_weight(r->weight, i) > 0.0)) {
            advantage[i] = 0.0;
            continue;
        }
        after = (last ? value : opt->gamma * after) - (kl ? opt->beta * raml_advantage_kl(opt, r, i) : 0.0);
        advantage[i] = after;
        last = false;
    }
}

void raml_advantage_spread(const struct raml_policy_options *opt, const struct raml_rollouts *r, const double *row,
                           double *advantage)
{
    bool plain = opt->gamma == 1.0 && (opt->beta == 0.0 || opt->kl_in != RAML_KL_IN_RETURN);
    for (size_t k = 0; k < r->n_rows; k++) {
        for (size_t i = r->start[k]; plain && i < r->start[k + 1]; i++) advantage[i] = row[k];
        if (!plain) returns_of_row(opt, r, k, row[k], advantage);
    }
}

enum raml_code raml_advantage_whiten(const struct raml_policy_options *opt, size_t n, const float *weight,
                                     const struct raml_comm *comm, double *x, struct raml_err *err)
{
    double s[2] = {0}, squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        double w = raml_policy_weight(weight, i);
        s[0] += w;
        if (w > 0.0) s[1] += w * x[i];
    }
    enum raml_code rc = comm->sum(comm->user, s, 2, err);
    if (rc) return rc;
    double count = s[0] + opt->whiten_count_eps, mean = count > 0.0 ? s[1] / count : 0.0;
    for (size_t i = 0; i < n; i++) {
        double w = raml_policy_weight(weight, i);
        if (w > 0.0) squares += w * (x[i] - mean) * (x[i] - mean);
    }
    rc = comm->sum(comm->user, &squares, 1, err);
    double variance = count > 0.0 ? squares / count : 0.0;
    if (opt->whiten_deviation == RAML_DEVIATION_SAMPLE && s[0] > 1.0) variance *= s[0] / (s[0] - 1.0);
    if (variance < opt->whiten_variance_floor) variance = opt->whiten_variance_floor;
    double by = sqrt(variance + opt->whiten_variance_eps) + opt->whiten_eps;
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - mean;
        x[i] = !(raml_policy_weight(weight, i) > 0.0) || d == 0.0 ? 0.0 : d / by; /* all equal: 0, not 0 / 0 */
    }
    return rc;
}
