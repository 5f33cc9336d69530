/* loop_fault.c - where a loss or gradient that is not finite comes from. See loop_parts.h. */
#include "outer/finite.h"
#include "outer/loop_parts.h"

#include "raml/device.h"

#include <math.h>
#include <stdio.h>

static const char *where(const struct raml_step *s, size_t row, char out[160])
{
    const struct raml_question *q = s->row[row].question;
    if (q)
        snprintf(out, 160, "question '%.64s' (line %zu), trajectory %zu", q->id ? q->id : "?", q->line,
                 s->row[row].trajectory + 1);
    else snprintf(out, 160, "row %zu of the step", row + 1);
    return out;
}

enum raml_code raml_trainer_bad_loss(const struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_step *s = &t->step;
    struct raml_terms terms = raml_step_terms(s, 0, s->n_rows, true);
    struct raml_nonfinite at;
    char name[160];
    if (t->objective->no_entropy) terms.entropy = NULL;
    if (raml_find_nonfinite(&terms, &at))
        return raml_fail(err, RAML_ERANGE,
                         "%s, token %zu: its %s is %g, so the loss is %g; the last checkpoint is kept (a lower "
                         "learning_rate, now %g, or max_grad_norm may help)",
                         where(s, at.row, name), at.token + 1, at.what, at.value, t->step_loss, t->opt->learning_rate);
    return raml_fail(err, RAML_ERANGE,
                     "the loss is %g, though every log-probability is finite; the last checkpoint is kept (a lower "
                     "learning_rate, now %g, may help)",
                     t->step_loss, t->opt->learning_rate);
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

enum raml_code raml_trainer_bad_gradient(struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_step *s = &t->step;
    char name[160];
    double all = t->grad_norm;
    for (size_t tree = 0; tree < s->n_trees; tree++) {
        double norm;
        enum raml_code rc = norm_of(t, tree, &norm, err);
        if (rc) return rc;
        if (isfinite(norm) || s->tree_row[tree] == s->tree_row[tree + 1]) continue;
        size_t first = s->start[s->tree_row[tree]], end = s->start[s->tree_row[tree + 1]], worst = first, row;
        for (size_t i = first; i < end && !isnan(s->d_logp[worst]); i++)
            if (!(fabs(s->d_logp[i]) <= fabs(s->d_logp[worst]))) worst = i;
        for (row = s->tree_row[tree]; s->start[row + 1] <= worst;) row++;
        return raml_fail(
            err, RAML_ERANGE,
            "the gradient's norm is %g at loss %g, first in that of %s, whose largest coefficient is %g at "
            "token %zu; the last checkpoint is kept",
            all, t->step_loss, where(s, row, name), s->d_logp[worst], worst - s->start[row] + 1);
    }
    return raml_fail(err, RAML_ERANGE, "the gradient's norm is %g at loss %g; the last checkpoint is kept", all,
                     t->step_loss);
}
