/* curve_reward.c - see curve_reward.h. */
#include "outer/curve_reward.h"

#include "core/elementary.h"
#include "inner/trace_curve.h"

#include <math.h>

static const float *logp_at(const struct raml_answer_curve *c, size_t k)
{
    return c->logp + k * c->n_answer;
}

static double sum_at(const struct raml_answer_curve *c, size_t k)
{
    const float *logp = logp_at(c, k);
    double sum = 0;
    for (size_t j = 0; j < c->n_answer; j++) sum += (double)logp[j];
    return sum;
}

static double mean_prob_at(const struct raml_answer_curve *c, size_t k)
{
    const float *logp = logp_at(c, k);
    double sum = 0;
    for (size_t j = 0; j < c->n_answer; j++) sum += raml_exp((double)logp[j]);
    return sum / (double)c->n_answer;
}

double raml_curve_loss(const struct raml_answer_curve *c, size_t k)
{
    return raml_answer_loss(sum_at(c, k), c->n_answer);
}

void raml_curve_losses(const struct raml_answer_curve *c, double *loss)
{
    for (size_t k = 0; k < c->n_points; k++) loss[k] = raml_curve_loss(c, k);
}

double raml_curve_probability(const struct raml_answer_curve *c, size_t k)
{
    return raml_exp(sum_at(c, k));
}

/* max J - J(0), which is the sum of the gains of raml_mig. */
static double mig_of(const struct raml_answer_curve *c)
{
    double first = raml_curve_loss(c, 0), least = first;
    for (size_t k = 1; k < c->n_points; k++) least = fmin(least, raml_curve_loss(c, k));
    return first - least;
}

double raml_curve_reward(const struct raml_answer_curve *c, enum raml_reward_kind kind)
{
    size_t last = c->n_points - 1;
    switch (kind) {
    case RAML_REWARD_LOGP: return 0 - raml_curve_loss(c, last); /* 0 and not -0 */
    case RAML_REWARD_SUM_LOGP: return sum_at(c, last);
    case RAML_REWARD_PROB: return raml_curve_probability(c, last);
    case RAML_REWARD_GEOMETRIC_MEAN: return raml_exp(-raml_curve_loss(c, last));
    case RAML_REWARD_MEAN_PROB: return mean_prob_at(c, last);
    case RAML_REWARD_RLPR: return fmax(0, mean_prob_at(c, last) - mean_prob_at(c, 0));
    case RAML_REWARD_MIG: return mig_of(c);
    default: return NAN;
    }
}

void raml_curve_add_gradient(const struct raml_answer_curve *c, enum raml_reward_kind kind, double weight, double *d)
{
    size_t last = c->n_points - 1;
    const float *logp = logp_at(c, last);
    double n = (double)c->n_answer, all = 0, each = 0; /* d_j = all + each p_j */
    switch (kind) {
    case RAML_REWARD_LOGP: all = 1 / n; break;
    case RAML_REWARD_SUM_LOGP: all = 1; break;
    case RAML_REWARD_PROB: all = raml_curve_probability(c, last); break;
    case RAML_REWARD_GEOMETRIC_MEAN: all = raml_exp(-raml_curve_loss(c, last)) / n; break;
    case RAML_REWARD_MEAN_PROB: each = 1 / n; break;
    case RAML_REWARD_RLPR: each = raml_curve_reward(c, kind) > 0 ? 1 / n : 0; break;
    default: return;
    }
    for (size_t j = 0; j < c->n_answer; j++) d[j] += weight * (all + (each > 0 ? each * raml_exp((double)logp[j]) : 0));
}

void raml_mig(const double *loss, size_t n, double *gain, double *watermark)
{
    for (size_t k = 0; k < n; k++) {
        double rise = k ? 0 - loss[k] - watermark[k - 1] : 0;
        watermark[k] = k && !(rise > 0) ? watermark[k - 1] : 0 - loss[k];
        if (k) gain[k - 1] = rise > 0 ? rise : 0;
    }
}

/* 1 - tanh(x) = 2 exp(-2x) / (1 + exp(-2x)), x >= 0. */
static double magnitude(double loss, double first)
{
    if (first == 0 && loss > 0) return 0;
    double e = raml_exp(-2 * (first == 0 ? 1 : loss / first));
    return 2 * e / (1 + e);
}

void raml_repro(const double *loss, size_t n, double w, bool from_start, const struct raml_repro *out)
{
    size_t begin = from_start ? 0 : 1;
    double rising = 0, before = 0; /* pairs of points that rise in J, less those that fall */
    for (size_t t = 0; t < n; t++) {
        for (size_t i = begin; i < t; i++) rising += (loss[t] < loss[i]) - (loss[t] > loss[i]);
        double points = t + 1 > begin ? (double)(t + 1 - begin) : 0;
        double stability = points > 1 ? 0.5 + rising / (points * (points - 1)) : 0.5;
        double far = magnitude(loss[t], loss[0]), score = (1 - w) * far + w * stability;
        if (out->magnitude) out->magnitude[t] = far;
        if (out->stability) out->stability[t] = stability;
        if (out->score) out->score[t] = score;
        if (out->step && t) out->step[t - 1] = score - before;
        before = score;
    }
}
