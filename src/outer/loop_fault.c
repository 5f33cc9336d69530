/* loop_fault.c - where a loss or gradient that is not finite comes from. See loop_parts.h. */
#include "outer/finite.h"
#include "outer/loop_parts.h"

#include "raml/device.h"

#include <math.h>
#include <stdio.h>

static const char *where(const struct raml_step *s, size_t row, char out[160])
{
    const struct raml_question *q = s->row[row].question;
    char question[RAML_QUESTION_NAME];
    if (q) snprintf(out, 160, "%s, trajectory %zu", raml_question_name(q, question), s->row[row].trajectory + 1);
    else snprintf(out, 160, "row %zu of the step", row + 1);
    return out;
}

/* The size of the coefficients at a token: a NaN is the largest. */
static double coefficient(const struct raml_trainer *t, size_t i)
{
    double c = fabs(t->step.d_logp[i]), e = t->objective->no_entropy ? 0 : fabs(t->step.d_entropy[i]);
    return isnan(c) || isnan(e) ? INFINITY : fmax(c, e);
}

/* The same for a message. */
static double shown(const struct raml_trainer *t, size_t i)
{
    bool nan = isnan(t->step.d_logp[i]) || (!t->objective->no_entropy && isnan(t->step.d_entropy[i]));
    return nan ? (double)NAN : coefficient(t, i);
}

/* Of rows [first, last) the token with the largest, and its row; there is one. */
static size_t worst_token(const struct raml_trainer *t, size_t first, size_t last, size_t *row)
{
    const struct raml_step *s = &t->step;
    size_t worst = s->start[first];
    for (size_t i = worst; i < s->start[last]; i++)
        if (coefficient(t, i) > coefficient(t, worst)) worst = i;
    for (*row = first; s->start[*row + 1] <= worst;) ++*row;
    return worst;
}

static enum raml_code own_loss(const struct raml_trainer *t, bool *found, struct raml_err *err)
{
    const struct raml_step *s = &t->step;
    struct raml_terms terms = raml_step_terms(s, 0, s->n_rows, true);
    struct raml_nonfinite at;
    char name[160];
    if (t->objective->no_entropy) terms.entropy = NULL;
    *found = raml_find_nonfinite(&terms, &at);
    if (*found)
        return raml_fail(err, RAML_ERANGE,
                         "%s, token %zu: its %s is %g, so the loss is %g; the last checkpoint is kept (a lower "
                         "learning_rate, now %g, or max_grad_norm may help)",
                         where(s, at.row, name), at.token + 1, at.what, at.value, t->step_loss, t->opt->learning_rate);
    if (!s->n) return raml_fail(err, RAML_ERANGE, "the loss is %g; the last checkpoint is kept", t->step_loss);
    size_t row, worst = worst_token(t, 0, s->n_rows, &row);
    return raml_fail(
        err, RAML_ERANGE,
        "the loss is %g, though every log-probability is finite; the largest coefficient, %g, is that of %s, "
        "token %zu; the last checkpoint is kept (a lower learning_rate, now %g, may help)",
        t->step_loss, shown(t, worst), where(s, row, name), worst - s->start[row] + 1, t->opt->learning_rate);
}

enum raml_code raml_trainer_bad_loss(const struct raml_trainer *t, struct raml_err *err)
{
    bool found;
    enum raml_code rc = own_loss(t, &found, err);
    return raml_ranks_blame(t->comm, found, rc, err);
}

/* The norm of one tree's gradient alone. */
static enum raml_code norm_of(struct raml_trainer *t, size_t tree, double *norm, struct raml_err *err)
{
    const struct raml_model *m = t->job->model;
    const struct raml_device *dev = raml_model_device(m);
    size_t n = raml_gradient_n(m);
    enum raml_code rc = raml_array_zero(dev, t->grad, n * sizeof *t->grad, err);
    if (!rc) rc = raml_packs_backward_tree(&t->packs, t->objective, &t->step, tree, t->grad, err);
    return rc ? rc : raml_grad_norm(dev, t->grad, n, norm, err);
}

static enum raml_code own_gradient(struct raml_trainer *t, bool *found, struct raml_err *err)
{
    const struct raml_step *s = &t->step;
    char name[160];
    double all = t->grad_norm;
    for (size_t tree = 0; tree < s->n_trees; tree++) {
        double norm;
        enum raml_code rc = norm_of(t, tree, &norm, err);
        if (rc) return rc;
        if (isfinite(norm) || s->tree_row[tree] == s->tree_row[tree + 1]) continue;
        size_t row, worst = worst_token(t, s->tree_row[tree], s->tree_row[tree + 1], &row);
        *found = true;
        return raml_fail(
            err, RAML_ERANGE,
            "the gradient's norm is %g at loss %g, first in that of %s, whose largest coefficient is %g at "
            "token %zu; the last checkpoint is kept",
            all, t->step_loss, where(s, row, name), shown(t, worst), worst - s->start[row] + 1);
    }
    return raml_fail(err, RAML_ERANGE, "the gradient's norm is %g at loss %g; the last checkpoint is kept", all,
                     t->step_loss);
}

enum raml_code raml_trainer_bad_gradient(struct raml_trainer *t, struct raml_err *err)
{
    bool found = false;
    enum raml_code rc = own_gradient(t, &found, err);
    return raml_ranks_blame(t->comm, found, rc, err);
}

enum raml_code raml_trainer_check_weights(struct raml_trainer *t, struct raml_err *err)
{
    struct raml_step *s = &t->step;
    char name[160];
    if (!s->n_trees) return RAML_OK;
    enum raml_code rc = raml_packs_forward(&t->packs, s->tree, 1, s->logp, NULL, err);
    struct raml_terms terms = raml_step_terms(s, 0, s->tree_row[1], true);
    struct raml_nonfinite at;
    terms.entropy = NULL;
    if (rc || !raml_find_nonfinite(&terms, &at)) return rc;
    return raml_fail(err, RAML_ERANGE,
                     "with the weights after it the log-probability of %s, token %zu, is %g; no checkpoint of them is "
                     "written, the last one is kept (a lower learning_rate, now %g, or max_grad_norm may help)",
                     where(s, at.row, name), at.token + 1, at.value, t->opt->learning_rate);
}
