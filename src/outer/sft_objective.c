/* sft_objective.c - the objectives of supervised fine-tuning; see objective.h. */
#include "raml/objective.h"

#include "core/elementary.h"

#include <math.h>

/* Tokens of the part. */
static size_t first_token(const struct raml_terms *t)
{
    return t->start[t->first_row];
}

static size_t end_token(const struct raml_terms *t)
{
    return t->start[t->first_row + t->n_rows];
}

static double weight_of(const struct raml_terms *t, size_t i)
{
    return t->weight ? (double)t->weight[i] : 1.0;
}

static enum raml_code check_weights(const struct raml_terms *t, struct raml_err *err)
{
    if (!(t->total > 0.0) || !isfinite(t->total))
        return raml_fail(err, RAML_ERANGE, "loss: the sum of token weights is %g; expected a positive number",
                         t->total);
    for (size_t i = first_token(t); t->weight && i < end_token(t); i++)
        if (!(t->weight[i] >= 0.0f) || !isfinite(t->weight[i]))
            return raml_fail(err, RAML_ERANGE, "loss: weight of token %zu is %g; expected 0 or more", i,
                             (double)t->weight[i]);
    return RAML_OK;
}

static void clear_entropies(const struct raml_terms *t, double *d_entropy)
{
    for (size_t i = first_token(t); d_entropy && i < end_token(t); i++) d_entropy[i] = 0.0;
}

static enum raml_code evaluate_sft(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                                   struct raml_err *err)
{
    (void)user;
    enum raml_code rc = check_weights(t, err);
    if (rc) return rc;
    double sum = t->logp ? 0.0 : NAN;
    for (size_t i = first_token(t); i < end_token(t); i++) {
        double w = weight_of(t, i);
        if (t->logp && w > 0.0) sum -= w * (double)t->logp[i]; /* at weight 0, 0 * infinity would be NaN */
        if (out->d_logp) out->d_logp[i] = -w / t->total;
    }
    clear_entropies(t, out->d_entropy);
    out->loss = sum / t->total;
    return RAML_OK;
}

static enum raml_code evaluate_dft(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                                   struct raml_err *err)
{
    (void)user;
    enum raml_code rc = check_weights(t, err);
    if (rc) return rc;
    double sum = 0.0, nll = 0.0, count = 0.0;
    for (size_t i = first_token(t); i < end_token(t); i++) {
        double w = weight_of(t, i), logp = w > 0.0 ? (double)t->logp[i] : 0.0, p = raml_exp(logp);
        sum -= w * p * logp;
        nll -= w * logp;
        count += w;
        if (out->d_logp) out->d_logp[i] = -w * p / t->total;
    }
    clear_entropies(t, out->d_entropy);
    out->loss = sum / t->total;
    if (out->statistics) raml_statistics_add(out->statistics, "nll", nll, count);
    return RAML_OK;
}

struct raml_objective raml_sft_objective(void)
{
    return (struct raml_objective){.name = "sft", .evaluate = evaluate_sft, .constant = true, .no_entropy = true};
}

struct raml_objective raml_dft_objective(void)
{
    return (struct raml_objective){.name = "dft", .evaluate = evaluate_dft, .no_entropy = true};
}
