/* preference.c - see preference.h. */
#include "raml/preference.h"

#include "core/elementary.h"

#include <math.h>
#include <stdlib.h>

#define ROW(field) offsetof(struct raml_preference_options, field)
const struct raml_setting raml_preference_settings[] = {
    {"loss_type", NULL, RAML_WORD, ROW(loss_type), "sigmoid", 0, 0, "sigmoid|robust|hinge|ipo|ipo_sum|sigmoid_norm",
     "loss of a pair: DPO, robust DPO, hinge, IPO per token, IPO on sums, DPO per token"},
    {"beta", NULL, RAML_REAL, ROW(beta), "0.1", 1e-6, 1e6, NULL,
     "how strongly the policy is held to the reference model; for IPO its tau"},
    {"label_smoothing", NULL, RAML_REAL, ROW(label_smoothing), "0", 0, 0.499, NULL,
     "probability that a pair's label is wrong, for loss_type sigmoid and robust"},
    {"pairs_per_question", NULL, RAML_INT, ROW(pairs_per_question), "1", 1, 1e6, NULL,
     "pairs of a right and a wrong trajectory that a question gives an epoch, if it has as many"},
};
const size_t raml_n_preference_settings = sizeof raml_preference_settings / sizeof *raml_preference_settings;
#undef ROW

enum raml_code raml_preference_check(const struct raml_preference_options *opt, struct raml_err *err)
{
    enum raml_code rc = raml_settings_check(raml_preference_settings, raml_n_preference_settings, opt, err);
    if (rc) return rc;
    if (opt->label_smoothing > 0 && opt->loss_type != RAML_PREFERENCE_SIGMOID &&
        opt->loss_type != RAML_PREFERENCE_ROBUST)
        return raml_fail(err, RAML_EUSAGE,
                         "label_smoothing is %g; expected 0, as only loss_type sigmoid and robust have it",
                         opt->label_smoothing);
    return RAML_OK;
}

struct side { /* one row of a pair */
    size_t row;
    double logp, ratio; /* pi(y), pi(y) - ref(y) */
    double length;      /* |y| */
};
struct pair {
    struct side chosen, rejected;
};

static bool is_trained(const struct raml_terms *t, size_t i)
{
    return !t->weight || t->weight[i] > 0;
}

static struct side read_side(const struct raml_terms *t, size_t row)
{
    struct side s = {.row = row};
    for (size_t i = t->start[row]; i < t->start[row + 1]; i++) {
        if (!is_trained(t, i)) continue;
        s.logp += (double)t->logp[i];
        s.length++;
    }
    s.ratio = s.logp - t->ref_sum[row];
    return s;
}

/* The first other side of a row's pair in the part; SIZE_MAX: there is none. That of a chosen row is as a rule the next.
 */
static size_t partner_of(const struct raml_terms *t, size_t row)
{
    size_t first = t->first_row, end = first + t->n_rows;
    int32_t wanted = -t->pair[row];
    if (wanted < 0 && row + 1 < end && t->pair[row + 1] == wanted) return row + 1;
    for (size_t r = first; r < end; r++)
        if (t->pair[r] == wanted) return r;
    return SIZE_MAX;
}

/* Is the row one of two that are a pair's only ones? All rejected rows of a pair have the same partner, so where the
 * partner's partner is the row itself for each of them, there is one, and then one chosen. */
static enum raml_code check_row(const struct raml_terms *t, size_t row, struct raml_err *err)
{
    size_t other = partner_of(t, row);
    int number = abs(t->pair[row]);
    const char *side = t->pair[row] > 0 ? "chosen" : "rejected", *opposite = t->pair[row] > 0 ? "rejected" : "chosen";
    if (other == SIZE_MAX)
        return raml_fail(err, RAML_ERANGE, "pair %d: row %zu is its %s one, and there is no %s one beside it", number,
                         row + 1, side, opposite);
    if (partner_of(t, other) != row)
        return raml_fail(err, RAML_ERANGE, "pair %d has several chosen or rejected rows; row %zu is one of them",
                         number, row + 1);
    if (read_side(t, row).length > 0) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "pair %d: row %zu, its %s one, has no trained token", number, row + 1, side);
}

/* log(1 + e) for e in [0, 1], accurate for small e too: what e loses when it is added to 1 is divided out. */
static double log_one_plus(double e)
{
    double sum = 1 + e;
    return sum == 1 ? e : raml_log(sum) * e / (sum - 1);
}

/* sp(x) = log(1 + exp(x)) and its derivative, 1/(1 + exp(-x)). */
static double softplus(double x, double *slope)
{
    double e = raml_exp(-fabs(x));
    *slope = (x > 0 ? 1 : e) / (1 + e);
    return (x > 0 ? x : 0) + log_one_plus(e);
}

/* The loss of a pair as a function of x, which is h or g, and its derivative. */
static double loss_of(const struct raml_preference_options *opt, double x, double *slope)
{
    double beta = opt->beta, e = opt->label_smoothing, up, down, off = x - 1 / (2 * beta);
    switch ((enum raml_preference_loss)opt->loss_type) {
    case RAML_PREFERENCE_HINGE:
        *slope = beta * x >= 1 ? 0 : -beta; /* NaN stays NaN */
        return beta * x >= 1 ? 0 : 1 - beta * x;
    case RAML_PREFERENCE_IPO:
    case RAML_PREFERENCE_IPO_SUM: *slope = 2 * off; return off * off;
    case RAML_PREFERENCE_SIGMOID:
    case RAML_PREFERENCE_ROBUST:
    case RAML_PREFERENCE_SIGMOID_NORM: break;
    }
    double right = softplus(-beta * x, &down), wrong = softplus(beta * x, &up);
    bool robust = opt->loss_type == RAML_PREFERENCE_ROBUST;
    double share = robust ? -e : e, divisor = robust ? 1 - 2 * e : 1;
    *slope = beta * (share * up - (1 - e) * down) / divisor;
    return ((1 - e) * right + share * wrong) / divisor;
}

static bool is_per_token(const struct raml_preference_options *opt)
{
    return opt->loss_type == RAML_PREFERENCE_IPO || opt->loss_type == RAML_PREFERENCE_SIGMOID_NORM;
}

/* d: of every trained token of the row. */
static void write_row(const struct raml_terms *t, size_t row, double d, double *d_logp)
{
    for (size_t i = t->start[row]; d_logp && i < t->start[row + 1]; i++) d_logp[i] = is_trained(t, i) ? d : 0;
}

static void add_statistics(const struct pair *p, double beta, struct raml_statistics *s)
{
    double chosen = beta * p->chosen.ratio, rejected = beta * p->rejected.ratio;
    if (!s) return;
    raml_statistics_add(s, "rewards/chosen", chosen, 1);
    raml_statistics_add(s, "rewards/rejected", rejected, 1);
    raml_statistics_add(s, "rewards/accuracies", chosen > rejected, 1);
    raml_statistics_add(s, "rewards/margins", chosen - rejected, 1);
    raml_statistics_add(s, "logps/chosen", p->chosen.logp, 1);
    raml_statistics_add(s, "logps/rejected", p->rejected.logp, 1);
}

static void take_pair(const struct raml_preference_options *opt, const struct raml_terms *t, const struct pair *p,
                      struct raml_objective_out *out)
{
    bool per_token = is_per_token(opt);
    double c = per_token ? p->chosen.length : 1, r = per_token ? p->rejected.length : 1, slope;
    out->loss += loss_of(opt, p->chosen.ratio / c - p->rejected.ratio / r, &slope) / t->n_pairs;
    write_row(t, p->chosen.row, slope / c / t->n_pairs, out->d_logp);
    write_row(t, p->rejected.row, -slope / r / t->n_pairs, out->d_logp);
    add_statistics(p, opt->beta, out->statistics);
}

static enum raml_code check_terms(const struct raml_terms *t, struct raml_err *err)
{
    if (!t->pair || !t->ref_sum)
        return raml_fail(err, RAML_ERANGE, "preference loss: the step has no %s; expected them of every row",
                         t->pair ? "reference log-probabilities" : "pairs");
    if (!(t->n_pairs > 0) || !isfinite(t->n_pairs))
        return raml_fail(err, RAML_ERANGE, "preference loss: the step has %g pairs; expected a positive number",
                         t->n_pairs);
    enum raml_code rc = RAML_OK;
    for (size_t r = t->first_row; !rc && r < t->first_row + t->n_rows; r++)
        if (t->pair[r] != 0) rc = check_row(t, r, err);
    return rc;
}

static enum raml_code evaluate(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                               struct raml_err *err)
{
    const struct raml_preference_options *opt = user;
    enum raml_code rc = raml_preference_check(opt, err);
    if (!rc) rc = check_terms(t, err);
    if (rc) return rc;
    size_t first = t->first_row, end = first + t->n_rows;
    out->loss = 0;
    for (size_t i = t->start[first]; out->d_entropy && i < t->start[end]; i++) out->d_entropy[i] = 0;
    for (size_t r = first; r < end; r++) {
        if (t->pair[r] == 0) write_row(t, r, 0, out->d_logp);
        if (t->pair[r] <= 0) continue;
        struct pair p = {read_side(t, r), read_side(t, partner_of(t, r))};
        take_pair(opt, t, &p, out);
    }
    return RAML_OK;
}

struct raml_objective raml_preference_objective(const struct raml_preference_options *opt)
{
    return (struct raml_objective){
        .name = "dpo", .evaluate = evaluate, .user = opt, .no_entropy = true, .scope = RAML_SCOPE_GROUP};
}
