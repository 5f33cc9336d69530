/* advantage.c - see policy.h.
 *
 * Rewards of a group are centred (advantage_baseline) and scaled (scale_rewards), and may be whitened over the whole step.
 * Sources: group mean and deviation, GRPO (arXiv 2402.03300); no deviation, Dr.GRPO (2503.20783); leave-one-out, RLOO
 * (2402.14740); length-weighted, OPO (2505.23585); second-best, pass@k training (2503.19595); group-mean, MaxRL (2602.02710);
 * nonzero, GPG (2504.02546); batch, LitePPO (2508.08221); components, GDPO (2601.05242); whitening, REINFORCE++ (2501.03262);
 * termination, MRT (2503.07572).
 */
#include "outer/advantage.h"

/* ---- rewards -------------------------------------------------------------------------------------------------------- */

/* Estimate of KL of the policy that sampled, summed over a row's trained tokens. */
static double kl_of_row(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t row)
{
    double sum = 0.0;
    for (size_t i = r->start[row]; i < r->start[row + 1]; i++)
        if (raml_policy_weight(r->weight, i) > 0.0) sum += raml_advantage_kl(opt, r, i);
    return sum;
}

static void rewards(const struct raml_policy_options *opt, const struct raml_rollouts *r, double *x)
{
    for (size_t row = 0; row < r->n_rows; row++) {
        x[row] = raml_policy_within((r->reward[row] + opt->reward_bias) * opt->reward_scaling, opt->reward_clip);
        if (opt->beta != 0.0 && opt->kl_in == RAML_KL_IN_REWARD) x[row] -= opt->beta * kl_of_row(opt, r, row);
    }
}

static double length_of(const struct raml_rollouts *r, size_t row)
{
    return (double)(r->start[row + 1] - r->start[row]);
}

static double trained_length(const struct raml_rollouts *r, size_t row)
{
    double n = 0.0;
    for (size_t i = r->start[row]; i < r->start[row + 1]; i++) n += raml_policy_weight(r->weight, i);
    return n;
}

static size_t group_end(const struct raml_rollouts *r, size_t from)
{
    size_t to = from + 1;
    while (to < r->n_rows && r->group && r->group[to] == r->group[from]) to++;
    return to;
}

/* ---- one group ------------------------------------------------------------------------------------------------------ */

/* Mean of x[n] without x[skip] (n: of all), and the sum of squares about it. All equal: exact. */
struct moments {
    double mean, squares, count;
};
static struct moments moments(const double *x, size_t n, size_t skip)
{
    struct moments m = {0};
    double first = 0.0;
    bool equal = true;
    for (size_t i = 0; i < n; i++) {
        if (i == skip) continue;
        if (m.count == 0.0) first = x[i];
        equal = equal && x[i] == first;
        m.mean += x[i];
        m.count += 1.0;
    }
    m.mean = equal ? first : m.mean / m.count;
    for (size_t i = 0; i < n && !equal; i++)
        if (i != skip) m.squares += (x[i] - m.mean) * (x[i] - m.mean);
    return m;
}

static double weighted_mean(const struct raml_rollouts *r, size_t from, const double *x, size_t n)
{
    double sum = 0.0, total = 0.0;
    for (size_t i = 0; i < n; i++) {
        double length = trained_length(r, from + i);
        sum += length * x[i];
        total += length;
    }
    return total > 0.0 ? sum / total : moments(x, n, n).mean;
}

/* The best sample gains what it is better than the second; the others gain nothing. */
static void best_alone(const double *x, size_t n, double *a)
{
    size_t best = 0;
    double second = -INFINITY;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    for (size_t i = 0; i < n; i++) {
        if (i != best && x[i] > second) second = x[i];
        a[i] = 0.0;
    }
    a[best] = x[best] - second;
}

static void centre(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t from, const double *x,
                   size_t n, double *a)
{
    if (opt->advantage_baseline == RAML_BASELINE_SECOND_BEST) {
        best_alone(x, n, a);
        return;
    }
    double mean =
        opt->advantage_baseline == RAML_BASELINE_LENGTH_WEIGHTED ? weighted_mean(r, from, x, n) : moments(x, n, n).mean;
    for (size_t i = 0; i < n; i++) {
        switch (opt->advantage_baseline) {
        case RAML_BASELINE_NONE: a[i] = x[i]; break;
        case RAML_BASELINE_LEAVE_ONE_OUT: a[i] = x[i] - moments(x, n, i).mean; break;
        case RAML_BASELINE_TERMINATION: a[i] = x[i] - r->baseline[from + i]; break;
        default: a[i] = x[i] - mean;
        }
    }
}

/* What a centred reward is divided by, within its group. */
static double group_divisor(const struct raml_policy_options *opt, const double *x, size_t n, size_t i)
{
    struct moments m;
    double deviation;
    switch (opt->scale_rewards) {
    case RAML_SCALE_GROUP:
        m = moments(x, n, n);
        return (n > 1 ? sqrt(m.squares / (m.count - 1.0)) : 1.0) + opt->advantage_eps;
    case RAML_SCALE_GROUP_POPULATION:
        m = moments(x, n, n);
        return (n > 1 ? sqrt(m.squares / m.count) : 1.0) + opt->advantage_eps;
    case RAML_SCALE_OTHERS:
        if (n < 3) return 1.0;
        m = moments(x, n, i);
        deviation = sqrt(m.squares / (m.count - 1.0));
        return deviation > 0.0 ? deviation + opt->advantage_eps : 1.0;
    case RAML_SCALE_GROUP_MEAN: m = moments(x, n, n); return m.mean > 0.0 ? m.mean : INFINITY;
    default: return 1.0;
    }
}

static void group(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t from, const double *x,
                  size_t n, double *a)
{
    bool own = opt->advantage_baseline == RAML_BASELINE_NONE || opt->advantage_baseline == RAML_BASELINE_TERMINATION;
    if (n == 1 && !own) a[0] = opt->group_of_one == RAML_SINGLE_REWARD ? x[0] : 0.0;
    else centre(opt, r, from, x, n, a);
    for (size_t i = 0; i < n; i++) a[i] /= group_divisor(opt, x, n, i);
}

/* Length penalty of prime-rl: a share of the group's mean reward, by length. */
static void shorten(const struct raml_policy_options *opt, const struct raml_rollouts *r, size_t from, double *x,
                    size_t n)
{
    double longest = 0.0, mean = moments(x, n, n).mean;
    for (size_t i = 0; i < n; i++) longest = fmax(longest, length_of(r, from + i));
    for (size_t i = 0; i < n && longest > 0.0; i++)
        x[i] -= opt->length_penalty * length_of(r, from + i) / longest * mean;
}

/* ---- the step ------------------------------------------------------------------------------------------------------- */

/* Rewards x and centred rewards a of all ranks: what all are divided by. */
static enum raml_code batch_divisor(const struct raml_policy_options *opt, const double *x, const double *a, size_t n,
                                    const struct raml_comm *comm, double *by, struct raml_err *err)
{
    double s[3] = {(double)n}, squares = 0.0;
    for (size_t i = 0; i < n; i++) {
        s[1] += x[i];
        s[2] += x[i] != 0.0;
    }
    enum raml_code rc = comm->sum(comm->user, s, 3, err);
    if (rc) return rc;
    if (opt->scale_rewards == RAML_SCALE_NONZERO) {
        *by = fmax(s[2], 1.0) / s[0];
        return RAML_OK;
    }
    for (size_t i = 0; i < n; i++) {
        double d = opt->scale_rewards == RAML_SCALE_BATCH ? x[i] - s[1] / s[0] : a[i];
        squares += d * d;
    }
    rc = comm->sum(comm->user, &squares, 1, err);
    *by = (s[0] > 1.0 ? sqrt(squares / (s[0] - 1.0)) : 1.0) + opt->advantage_eps;
    return rc;
}

/* Rewards x, of which a length penalty is taken, to advantages a of rows. */
static enum raml_code centre_and_scale(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                       const struct raml_comm *comm, double *x, double *a, struct raml_err *err)
{
    for (size_t from = 0, to; from < r->n_rows; from = to) {
        to = group_end(r, from);
        if (opt->length_penalty != 0.0) shorten(opt, r, from, x + from, to - from);
        group(opt, r, from, x + from, to - from, a + from);
    }
    if (opt->scale_rewards != RAML_SCALE_BATCH && opt->scale_rewards != RAML_SCALE_BATCH_CENTRED &&
        opt->scale_rewards != RAML_SCALE_NONZERO)
        return RAML_OK;
    double by = 1.0;
    enum raml_code rc = batch_divisor(opt, x, a, r->n_rows, comm, &by, err);
    for (size_t i = 0; i < r->n_rows; i++) a[i] /= by;
    return rc;
}

/* The weighted sum of the advantages of each component. x, part: scratch. */
static enum raml_code by_component(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                                   const struct raml_comm *comm, double *x, double *part, double *a,
                                   struct raml_err *err)
{
    struct raml_policy_options o = *opt;
    o.length_penalty = 0.0;
    memset(a, 0, r->n_rows * sizeof *a);
    for (size_t k = 0; k < r->n_components; k++) {
        for (size_t i = 0; i < r->n_rows; i++) x[i] = r->component[i * r->n_components + k];
        enum raml_code rc = centre_and_scale(&o, r, comm, x, part, err);
        if (rc) return rc;
        for (size_t i = 0; i < r->n_rows; i++) a[i] += r->component_weight[k] * part[i];
    }
    return RAML_OK;
}

static enum raml_code check(const struct raml_policy_options *opt, const struct raml_rollouts *r, struct raml_err *err)
{
    bool kl = opt->beta != 0.0 && opt->kl_in != RAML_KL_IN_LOSS;
    if (opt->advantage_baseline == RAML_BASELINE_TERMINATION && !r->baseline)
        return raml_fail(err, RAML_EUSAGE,
                         "advantages: the termination baseline needs a reward of each sample at its "
                         "termination; there is none");
    if (opt->advantage_per_component && !r->component)
        return raml_fail(err, RAML_EUSAGE,
                         "advantages: advantage_per_component needs rewards of several components; "
                         "there is one");
    if (kl && (!r->old_logp || !r->ref_logp))
        return raml_fail(err, RAML_EUSAGE,
                         "advantages: kl_in is %s; expected log-probabilities of the policy that "
                         "sampled and of a reference model",
                         opt->kl_in == RAML_KL_IN_REWARD ? "reward" : "return");
    return RAML_OK;
}

enum raml_code raml_advantages(const struct raml_policy_options *opt, const struct raml_rollouts *r,
                               const struct raml_comm *comm, double *advantage, struct raml_err *err)
{
    enum raml_code rc = check(opt, r, err);
    if (rc) return rc;
    double *x = calloc(3 * r->n_rows + 1, sizeof *x), *a = x + r->n_rows;
    if (!x) return raml_fail(err, RAML_ENOMEM, "advantages: no memory for %zu rows", r->n_rows);
    if (opt->advantage_per_component) {
        rc = by_component(opt, r, comm, x, a + r->n_rows, a, err);
    } else {
        rewards(opt, r, x);
        rc = centre_and_scale(opt, r, comm, x, a, err);
    }
    if (!rc && opt->whiten_advantages == RAML_WHITEN_ROWS)
        rc = raml_advantage_whiten(opt, r->n_rows, NULL, comm, a, err);
    for (size_t i = 0; i < r->n_rows; i++) a[i] = raml_policy_within(a[i], opt->advantage_clip);
    raml_advantage_spread(opt, r, a, advantage);
    if (!rc && opt->whiten_advantages == RAML_WHITEN_TOKENS)
        rc = raml_advantage_whiten(opt, r->n_rows ? r->start[r->n_rows] : 0, r->weight, comm, advantage, err);
    free(x);
    return rc;
}
