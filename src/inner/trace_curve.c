/* trace_curve.c - see trace_curve.h. */
#include "inner/trace_curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void deinit_one(struct raml_loss_curve *c)
{
    free(c->at);
    free(c->loss);
    free(c->greedy);
    free(c->logp);
    free(c->token);
    free(c->layer_loss);
    free(c->token_logp);
    free(c->token_entropy);
}

void raml_loss_curve_deinit(struct raml_loss_curve *c)
{
    for (size_t i = 0; c->other && i < c->n_other; i++) deinit_one(&c->other[i]);
    free(c->other);
    deinit_one(c);
    *c = (struct raml_loss_curve){0};
}

static void *zeros(size_t n, size_t m, size_t size) /* [n, m], never of 0 bytes */
{
    if (m && n > SIZE_MAX / m) return NULL;
    return calloc(n && m ? n * m : 1, size);
}

/* What all answers have. */
static enum raml_code init_values(struct raml_loss_curve *c, size_t T, size_t n_answer,
                                  const struct raml_curve_shape *shape, struct raml_err *err)
{
    size_t n = shape->n_points;
    *c = (struct raml_loss_curve){.n_tokens = T, .n_answer = n_answer, .n_points = n, .n_layers = shape->n_layers};
    c->loss = calloc(n, sizeof *c->loss);
    c->greedy = calloc(n, sizeof *c->greedy);
    c->logp = zeros(n, n_answer, sizeof *c->logp);
    if (shape->n_layers) c->layer_loss = zeros(shape->n_layers, n, sizeof *c->layer_loss);
    if (c->loss && c->greedy && c->logp && (c->layer_loss || !shape->n_layers)) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for a loss curve of %zu points", n);
}

enum raml_code raml_loss_curve_init(const struct raml_trace_input *in, const struct raml_curve_shape *shape,
                                    struct raml_loss_curve *c, struct raml_err *err)
{
    size_t T = in->n_trajectory;
    enum raml_code rc = init_values(c, T, in->n_answer, shape, err);
    if (rc) return rc;
    c->at = calloc(shape->n_points, sizeof *c->at);
    c->token = zeros(T, 1, sizeof *c->token);
    if (shape->tokens) c->token_logp = zeros(T, 1, sizeof *c->token_logp);
    if (shape->tokens) c->token_entropy = zeros(T, 1, sizeof *c->token_entropy);
    if (in->n_other) c->other = calloc(in->n_other, sizeof *c->other);
    if (!c->at || !c->token || (in->n_other && !c->other) || (shape->tokens && (!c->token_logp || !c->token_entropy)))
        return raml_fail(err, RAML_ENOMEM, "no memory for a loss curve of %zu tokens and %zu answers", T,
                         in->n_other + 1);
    if (T) memcpy(c->token, in->trajectory, T * sizeof *c->token);
    c->n_other = in->n_other;
    for (size_t i = 0; !rc && i < in->n_other; i++)
        rc = init_values(&c->other[i], T, in->other[i].n - in->other[i].n_prefix, shape, err);
    return rc;
}

static double sum_of(const float *logp, const size_t *target, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++) sum += logp[target[j]];
    return sum;
}

double raml_answer_loss(double logp, size_t n)
{
    if (isnan(logp)) return NAN;
    return logp < 0 ? -logp / (double)n : 0;
}

static enum raml_code loss_of(double sum, size_t n, size_t at, double *loss, struct raml_err *err)
{
    if (!isfinite(sum))
        return raml_fail(err, RAML_ERANGE, "the loss of the answer after %zu trajectory tokens is not finite", at);
    *loss = raml_answer_loss(sum, n);
    return RAML_OK;
}

enum raml_code raml_loss_curve_read(struct raml_loss_curve *c, size_t k, const struct raml_evaluator *s,
                                    const size_t *target, const int32_t *answer, size_t at, struct raml_err *err)
{
    size_t A = c->n_answer;
    bool greedy = true;
    for (size_t j = 0; j < A; j++) {
        greedy &= s->argmax[target[j]] == answer[j];
        c->logp[k * A + j] = s->logp[target[j]];
    }
    c->greedy[k] = greedy;
    enum raml_code rc = loss_of(sum_of(s->logp, target, A), A, at, &c->loss[k], err);
    for (size_t l = 0; !rc && l < c->n_layers; l++) {
        double sum = sum_of(s->layer_logp + l * s->cap, target, A);
        rc = loss_of(sum, A, at, &c->layer_loss[l * c->n_points + k], err);
        if (rc) rc = raml_wrap(err, rc, "read after %zu layers", s->lens[l].layer);
    }
    return rc;
}

enum raml_code raml_loss_curve_read_tokens(struct raml_loss_curve *c, size_t first, size_t n,
                                           const struct raml_evaluator *s, size_t target, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(s->logp[target + i]) || (!s->remote && !isfinite(s->entropy[target + i])))
            return raml_fail(err, RAML_ERANGE, "the log-probability of trajectory token %zu is not finite",
                             first + i + 1);
        c->token_logp[first + i] = s->logp[target + i];
        c->token_entropy[first + i] = s->entropy[target + i];
    }
    return RAML_OK;
}
