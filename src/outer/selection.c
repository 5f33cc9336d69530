/* selection.c - which questions and trajectories come when, and how many steps that is; see training_set.h. */
#include "outer/training_set.h"

#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>

enum raml_code raml_selection_init(struct selection *d, const struct training_set *f, struct raml_err *err)
{
    size_t most = 1;
    for (size_t i = 0; i < f->n; i++)
        if (f->item[i].n > most) most = f->item[i].n;
    *d = (struct selection){0};
    d->selected = calloc(most, sizeof *d->selected);
    d->times = calloc(most, sizeof *d->times);
    d->shuffle = calloc(most, sizeof *d->shuffle);
    if (d->selected && d->times && d->shuffle) return RAML_OK;
    raml_selection_deinit(d);
    return raml_fail(err, RAML_ENOMEM, "no memory to select from %zu trajectories", most);
}

void raml_selection_deinit(struct selection *d)
{
    free(d->selected);
    free(d->times);
    free(d->shuffle);
    *d = (struct selection){0};
}

void raml_select_item(const struct training_set *f, uint32_t i, uint64_t epoch, struct selection *d)
{
    const struct training_item *it = &f->item[i];
    d->item = i;
    d->n = 0;
    d->n_tokens = it->n_tokens;
    d->n_probe = 0;
    if (f->trajectories == 0 || it->n == 0) return;
    uint32_t base = (uint32_t)(f->trajectories / it->n), extra = (uint32_t)(f->trajectories % it->n);
    for (uint32_t k = 0; k < it->n; k++) {
        d->times[k] = base;
        d->shuffle[k] = k;
    }
    struct raml_rng r = {{f->seed, RAML_FOR_SELECTION, it->question, (uint32_t)epoch, 0}, 0};
    for (uint32_t k = 0; k < extra; k++) { /* the first `extra` places of a Fisher-Yates shuffle */
        uint32_t j = k + raml_rng_below(&r, (uint32_t)it->n - k), got = d->shuffle[j];
        d->shuffle[j] = d->shuffle[k];
        d->times[got]++;
    }
    for (uint32_t k = 0; k < it->n; k++) {
        if (d->times[k] == 0) continue;
        d->times[d->n] = d->times[k];
        d->selected[d->n++] = f->candidate[it->first + k].trajectory;
        d->n_tokens += f->candidate[it->first + k].n_tokens;
        d->n_probe += f->candidate[it->first + k].n_probe;
    }
}

void raml_select_at(struct training_set *f, uint64_t position, struct selection *d)
{
    raml_select_item(f, raml_order_at(&f->order, position), position / f->n, d);
}

void raml_plan_steps(struct training_plan *p, size_t n, const struct raml_train_options *opt,
                     uint64_t (*tokens_at)(void *user, uint64_t position), void *user)
{
    *p = (struct training_plan){.n_steps = UINT64_MAX, .n_positions = UINT64_MAX};
    if (opt->num_train_epochs > 0) {
        double positions = ceil(opt->num_train_epochs * (double)n - 1e-6);
        p->n_positions = positions < 1 ? 1 : (uint64_t)positions;
        p->n_steps = (p->n_positions - 1) / (uint64_t)opt->batch_size + 1;
    }
    if (opt->max_steps && (uint64_t)opt->max_steps < p->n_steps) p->n_steps = (uint64_t)opt->max_steps;
    if (!opt->token_budget) return;
    uint64_t tokens = 0, position = 0, step = 0;
    while (step < p->n_steps && tokens < (uint64_t)opt->token_budget) {
        for (int64_t b = 0; b < opt->batch_size && position < p->n_positions; b++)
            tokens += tokens_at(user, position++);
        step++;
    }
    p->n_steps = step;
}

struct selecting { /* a set, and where its selections go */
    struct training_set *set;
    struct selection selection;
    uint64_t n_probing; /* positions: those of the steps that have probes */
};

static uint64_t tokens_at(void *user, uint64_t position)
{
    struct selecting *s = user;
    raml_select_at(s->set, position, &s->selection);
    return s->selection.n_tokens + (position < s->n_probing ? s->selection.n_probe : 0);
}

static void plan(struct training_plan *p, struct selecting *s, const struct raml_train_options *opt, uint64_t n_probing)
{
    s->n_probing = n_probing * (uint64_t)opt->batch_size;
    raml_plan_steps(p, s->set->n, opt, tokens_at, s);
    p->n_probing = n_probing;
}

/* The annealing's length as a share of the plan's steps. */
static uint64_t share(const struct training_plan *p, const struct raml_train_options *opt)
{
    return (uint64_t)fmin(ceil(opt->loss_anneal_ratio * (double)p->n_steps - 1e-9), 1e15);
}

/* By halving: the longer the annealing, the more tokens a step has and the fewer steps there are. */
static void plan_share(struct training_plan *p, struct selecting *s, const struct raml_train_options *opt)
{
    uint64_t low = 0, high = share(p, opt);
    if (!opt->token_budget) low = high;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        plan(p, s, opt, middle);
        if (middle <= share(p, opt)) low = middle;
        else high = middle - 1;
    }
    plan(p, s, opt, low);
}

enum raml_code raml_training_plan_init(struct training_plan *p, struct training_set *f,
                                       const struct raml_train_options *opt, struct raml_err *err)
{
    struct selecting s = {.set = f};
    enum raml_code rc = raml_selection_init(&s.selection, f, err);
    if (rc) return rc;
    plan(p, &s, opt, f->cuts > 1 ? (uint64_t)opt->loss_anneal_steps : 0);
    if (f->cuts > 1 && !opt->loss_anneal_steps) plan_share(p, &s, opt);
    raml_selection_deinit(&s.selection);
    return RAML_OK;
}
