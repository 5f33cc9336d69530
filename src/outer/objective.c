/* objective.c - see train.h. */
#include "raml/train.h"

#include <math.h>

static enum raml_code evaluate_sft(const void *user, const struct raml_objective_tokens *in, double *loss,
                                   float *d_logp, float *d_entropy, struct raml_err *err)
{
    (void)user;
    for (size_t i = 0; d_entropy && i < in->n; i++) d_entropy[i] = 0.0f;
    return raml_objective_sft(in->logp, in->weight, in->n, in->total, loss, d_logp, err);
}

struct raml_objective raml_objective_default(void)
{
    return (struct raml_objective){.name = "sft", .evaluate = evaluate_sft, .constant = true};
}

enum raml_code raml_objective_sft(const float *logp, const float *weight, size_t n, double total, double *loss,
                                  float *d_logp, struct raml_err *err)
{
    if (!(total > 0.0) || !isfinite(total))
        return raml_fail(err, RAML_ERANGE, "loss: the sum of token weights is %g; expected a positive number", total);
    for (size_t i = 0; weight && i < n; i++)
        if (!(weight[i] >= 0.0f) || !isfinite(weight[i]))
            return raml_fail(err, RAML_ERANGE, "loss: weight of target %zu is %g; expected 0 or more", i,
                             (double)weight[i]);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double w = weight ? (double)weight[i] : 1.0;
        if (loss && w > 0.0) sum -= w * (double)logp[i]; /* a token of weight 0 is not read: 0 * inf would be NaN */
        if (d_logp) d_logp[i] = (float)(-w / total);
    }
    if (loss) *loss = sum / total;
    return RAML_OK;
}
