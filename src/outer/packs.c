/* packs.c - see packs.h. */
#include "outer/packs.h"

#include "core/array.h"

#include <stdlib.h>

enum raml_code raml_packs_init(struct raml_packs *p, const struct raml_model *m, size_t micro_batch_tokens,
                               bool backward, struct raml_err *err)
{
    *p = (struct raml_packs){.model = m, .micro_batch_tokens = micro_batch_tokens};
    return raml_pass_open(m, backward, &p->pass, err);
}

void raml_packs_deinit(struct raml_packs *p)
{
    raml_pass_close(p->pass);
    raml_pack_deinit(&p->pack);
    free(p->d_logp);
    free(p->d_entropy);
    *p = (struct raml_packs){0};
}

/* Fills the pack with trees from `first` on while they fit; at least one. *end: the first that is not in it. */
static enum raml_code fill(struct raml_packs *p, const struct raml_tree *tree, size_t n, size_t first, size_t *end,
                           struct raml_err *err)
{
    size_t i = first, rows = 0;
    raml_pack_clear(&p->pack);
    while (i < n && (i == first || rows + tree[i].n_tokens <= p->micro_batch_tokens)) {
        rows += tree[i].n_tokens;
        enum raml_code rc = raml_pack_add(&p->pack, &tree[i++], err);
        if (rc) return rc;
    }
    *end = i;
    return RAML_OK;
}

enum raml_code raml_packs_forward(struct raml_packs *p, const struct raml_tree *tree, size_t n, float *logp,
                                  float *entropy, struct raml_err *err)
{
    size_t first = 0, target = 0;
    enum raml_code rc = RAML_OK;
    while (first < n && !rc) {
        rc = fill(p, tree, n, first, &first, err);
        const struct raml_logprobs out = {.logp = logp ? logp + target : NULL,
                                          .entropy = entropy ? entropy + target : NULL};
        if (!rc) rc = raml_pass_forward(p->pass, &p->pack, &out, err);
        target += p->pack.n_targets;
    }
    return rc;
}

/* -- A part: the trees of a pack ----------------------------------------------------------------------------------- */

struct part {
    struct raml_packs *packs;
    const struct raml_objective *objective;
    struct raml_step *step;
    size_t first_tree, end_tree;     /* of all that is worked on */
    size_t first_row, n_rows, token; /* token: its first one */
    double loss;
    struct raml_statistics *statistics;
};

static struct raml_logprobs outputs(const struct part *x)
{
    const struct raml_step *s = x->step;
    return (struct raml_logprobs){.logp = s->logp + x->token, .entropy = s->entropy + x->token};
}

/* known: the outputs are. loss, slopes: are wanted. */
static enum raml_code evaluate(struct part *x, bool known, bool slopes, struct raml_err *err)
{
    const struct raml_objective *o = x->objective;
    struct raml_step *s = x->step;
    const struct raml_terms terms = raml_step_terms(s, x->first_row, x->n_rows, known);
    struct raml_objective_out out = {.d_logp = slopes ? s->d_logp : NULL,
                                     .d_entropy = slopes && !o->no_entropy ? s->d_entropy : NULL,
                                     .statistics = known ? x->statistics : NULL};
    enum raml_code rc = o->evaluate(o->user, &terms, &out, err);
    if (known) x->loss += out.loss;
    return rc;
}

/* The coefficients of the part, as the pass takes them. */
static enum raml_code take_slopes(struct part *x, struct raml_err *err)
{
    struct raml_packs *p = x->packs;
    const struct raml_step *s = x->step;
    size_t n = p->pack.n_targets;
    enum raml_code rc = RAML_RESERVE(p->d_logp, p->cap_d_logp, n, "targets of a pack", err);
    if (!rc && !x->objective->no_entropy)
        rc = RAML_RESERVE(p->d_entropy, p->cap_d_entropy, n, "targets of a pack", err);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++) p->d_logp[i] = (float)s->d_logp[x->token + i];
    for (size_t i = 0; i < n && !x->objective->no_entropy; i++) p->d_entropy[i] = (float)s->d_entropy[x->token + i];
    return RAML_OK;
}

static enum raml_code train_constant(struct part *x, float *grad, struct raml_err *err)
{
    struct raml_packs *p = x->packs;
    const struct raml_logprobs out = outputs(x);
    enum raml_code rc = evaluate(x, false, true, err);
    if (!rc) rc = take_slopes(x, err);
    if (!rc) rc = raml_pass_train(p->pass, &p->pack, p->d_logp, &out, grad, err);
    return rc ? rc : evaluate(x, true, false, err);
}

static enum raml_code forward(struct part *x, struct raml_err *err)
{
    const struct raml_logprobs out = outputs(x);
    return raml_pass_forward(x->packs->pass, &x->packs->pack, &out, err);
}

static enum raml_code backward(struct part *x, float *grad, struct raml_err *err)
{
    struct raml_packs *p = x->packs;
    enum raml_code rc = take_slopes(x, err);
    return rc ? rc : raml_pass_backward(p->pass, p->d_logp, x->objective->no_entropy ? NULL : p->d_entropy, grad, err);
}

static enum raml_code train_part(struct part *x, float *grad, struct raml_err *err)
{
    if (x->objective->constant) return train_constant(x, grad, err);
    enum raml_code rc = forward(x, err);
    if (!rc) rc = evaluate(x, true, true, err);
    return rc ? rc : backward(x, grad, err);
}

/* The coefficients of the whole step are known. */
static enum raml_code train_again(struct part *x, float *grad, struct raml_err *err)
{
    enum raml_code rc = forward(x, err);
    return rc ? rc : backward(x, grad, err);
}

static enum raml_code loss_part(struct part *x, float *grad, struct raml_err *err)
{
    (void)grad;
    enum raml_code rc = forward(x, err);
    return rc ? rc : evaluate(x, true, false, err);
}

static enum raml_code forward_part(struct part *x, float *grad, struct raml_err *err)
{
    (void)grad;
    return forward(x, err);
}

/* -- All parts ----------------------------------------------------------------------------------------------------- */

typedef enum raml_code part_work(struct part *x, float *grad, struct raml_err *err);

/* *n_packs (may be NULL): of how many all parts consist. */
static enum raml_code each(struct part *x, part_work *work, float *grad, size_t *n_packs, struct raml_err *err)
{
    const struct raml_step *s = x->step;
    size_t first = x->first_tree, n = 0;
    enum raml_code rc = RAML_OK;
    for (; first < x->end_tree && !rc; n++) {
        size_t tree = first;
        rc = fill(x->packs, s->tree, x->end_tree, first, &first, err);
        x->first_row = s->tree_row[tree];
        x->n_rows = s->tree_row[first] - x->first_row;
        x->token = s->start[x->first_row];
        if (!rc) rc = work(x, grad, err);
    }
    if (n_packs) *n_packs = n;
    return rc;
}

static enum raml_code whole(struct part *x, bool slopes, struct raml_err *err)
{
    const struct raml_step *s = x->step;
    x->first_row = s->n_trees ? s->tree_row[x->first_tree] : 0;
    x->n_rows = s->n_trees ? s->tree_row[x->end_tree] - x->first_row : 0;
    return evaluate(x, true, slopes, err);
}

enum raml_code raml_packs_train_trees(struct raml_packs *p, const struct raml_objective *o, struct raml_step *step,
                                      size_t first, size_t n, float *grad, double *loss,
                                      struct raml_statistics *statistics, struct raml_err *err)
{
    struct part x = {
        .packs = p, .objective = o, .step = step, .first_tree = first, .end_tree = first + n, .statistics = statistics};
    size_t n_packs = 0;
    enum raml_code rc;
    if (o->scope == RAML_SCOPE_GROUP) {
        rc = each(&x, train_part, grad, NULL, err);
    } else {
        rc = each(&x, forward_part, NULL, &n_packs, err);
        if (!rc) rc = whole(&x, true, err);
        if (!rc) rc = n_packs == 1 ? backward(&x, grad, err) : each(&x, train_again, grad, NULL, err);
    }
    *loss = x.loss;
    return rc;
}

enum raml_code raml_packs_train(struct raml_packs *p, const struct raml_objective *o, struct raml_step *step,
                                float *grad, double *loss, struct raml_statistics *statistics, struct raml_err *err)
{
    return raml_packs_train_trees(p, o, step, 0, step->n_trees, grad, loss, statistics, err);
}

enum raml_code raml_packs_backward_tree(struct raml_packs *p, const struct raml_objective *o, struct raml_step *step,
                                        size_t tree, float *grad, struct raml_err *err)
{
    struct part x = {.packs = p, .objective = o, .step = step, .token = step->start[step->tree_row[tree]]};
    size_t end;
    enum raml_code rc = fill(p, step->tree, tree + 1, tree, &end, err);
    return rc ? rc : train_again(&x, grad, err);
}

enum raml_code raml_packs_loss_trees(struct raml_packs *p, const struct raml_objective *o, struct raml_step *step,
                                     size_t first, size_t n, double *loss, struct raml_statistics *statistics,
                                     struct raml_err *err)
{
    struct part x = {
        .packs = p, .objective = o, .step = step, .first_tree = first, .end_tree = first + n, .statistics = statistics};
    enum raml_code rc;
    if (o->scope == RAML_SCOPE_GROUP) {
        rc = each(&x, loss_part, NULL, NULL, err);
    } else {
        rc = each(&x, forward_part, NULL, NULL, err);
        if (!rc) rc = whole(&x, false, err);
    }
    *loss = x.loss;
    return rc;
}

enum raml_code raml_packs_loss(struct raml_packs *p, const struct raml_objective *o, struct raml_step *step,
                               double *loss, struct raml_statistics *statistics, struct raml_err *err)
{
    return raml_packs_loss_trees(p, o, step, 0, step->n_trees, loss, statistics, err);
}
