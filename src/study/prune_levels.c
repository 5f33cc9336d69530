/* prune_levels.c - what every level and method keeps of a trajectory. See prune_parts.h. */
#include "study/prune_parts.h"

#include "core/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct filling { /* of one item */
    const struct raml_prune_plan *plan;
    struct raml_prune_item *it;
    size_t level;
    uint32_t *order; /* [n] */
};

double raml_prune_limit(const struct raml_prune_plan *p, double full)
{
    double limit = -INFINITY;
    for (size_t i = 0; i < p->n_levels; i++) {
        const struct raml_prune_level l = p->level[i];
        double bound = l.kind == RAML_PRUNE_SLACK   ? full + l.value
                       : l.kind == RAML_PRUNE_BOUND ? l.value
                       : i < 2                      ? -INFINITY /* the whole, nothing */
                                                    : INFINITY;
        if (bound > limit) limit = bound;
    }
    return limit;
}

/* -- Cells --------------------------------------------------------------------------------------------------------- */

static bool *flags(const struct filling *f, enum raml_prune_method m, size_t draw)
{
    return f->it->flag + raml_prune_cell(f->plan, f->level, m, draw) * f->it->n;
}

static enum raml_code keep_steps(const struct filling *f, enum raml_prune_method m, size_t draw, struct raml_err *err)
{
    struct raml_prune_kept *k = &f->it->kept[raml_prune_cell(f->plan, f->level, m, draw)];
    k->steps = true;
    return raml_prune_item_steps(f->it, flags(f, m, draw), true, &k->set, err);
}

static enum raml_code keep_text(const struct filling *f, enum raml_prune_method m, const int32_t *token, size_t n,
                                struct raml_err *err)
{
    struct raml_prune_kept *k = &f->it->kept[raml_prune_cell(f->plan, f->level, m, 0)];
    return raml_prune_item_set(f->it, token, n, true, &k->set, err);
}

/* -- Methods of a number of tokens --------------------------------------------------------------------------------- */

static enum raml_code keep_greedy(const struct filling *f, size_t n_tokens, struct raml_err *err)
{
    const struct raml_prune_item *it = f->it;
    size_t rounds = raml_prune_path_nearest(&it->path, it->at.at, n_tokens);
    raml_prune_path_kept(&it->path, rounds, flags(f, RAML_PRUNE_GREEDY, 0));
    return keep_steps(f, RAML_PRUNE_GREEDY, 0, err);
}

static enum raml_code keep_descent(const struct filling *f, size_t n_tokens, struct raml_err *err)
{
    const struct raml_prune_item *it = f->it;
    raml_prune_descent_order(it->L, it->n, f->order);
    raml_prune_fill(f->order, it->at.at, it->n, n_tokens, flags(f, RAML_PRUNE_DESCENT, 0));
    return keep_steps(f, RAML_PRUNE_DESCENT, 0, err);
}

static enum raml_code keep_random(const struct filling *f, size_t n_tokens, struct raml_err *err)
{
    const struct raml_prune_item *it = f->it;
    const struct raml_key key = {.seed = f->plan->opt->seed,
                                 .purpose = RAML_FOR_PRUNE,
                                 .question = raml_question_hash(it->q->question),
                                 .sample = (uint32_t)it->sample};
    enum raml_code rc = RAML_OK;
    for (size_t d = 0; !rc && d < f->plan->opt->n_random; d++) {
        raml_prune_random_order(&key, d, it->n, f->order);
        raml_prune_fill(f->order, it->at.at, it->n, n_tokens, flags(f, RAML_PRUNE_RANDOM, d));
        rc = keep_steps(f, RAML_PRUNE_RANDOM, d, err);
    }
    return rc;
}

/* The first tokens, and the first steps: the border nearest to as many, of equals the first. */
static enum raml_code keep_budget(const struct filling *f, size_t n_tokens, struct raml_err *err)
{
    const struct raml_prune_item *it = f->it;
    size_t T = it->text.trajectory.n, n = n_tokens < T ? n_tokens : T, best = 0;
    for (size_t s = 1; s <= it->n; s++)
        if (llabs((long long)it->at.at[s] - (long long)n) < llabs((long long)it->at.at[best] - (long long)n)) best = s;
    bool *kept = flags(f, RAML_PRUNE_BUDGET_STEPS, 0);
    for (size_t s = 0; s < it->n; s++) kept[s] = s < best;
    enum raml_code rc = keep_text(f, RAML_PRUNE_BUDGET, it->text.trajectory.id, n, err);
    return rc ? rc : keep_steps(f, RAML_PRUNE_BUDGET_STEPS, 0, err);
}

static enum raml_code keep_best(const struct filling *f, double bound, struct raml_err *err)
{
    const struct raml_prune_item *it = f->it;
    if (!it->has_subsets) return RAML_OK;
    size_t best = raml_prune_smallest(it->subset, it->at.at, it->n, bound);
    if (best == SIZE_MAX) return RAML_OK;
    raml_prune_subset(best, it->n, flags(f, RAML_PRUNE_BEST, 0));
    return keep_steps(f, RAML_PRUNE_BEST, 0, err);
}

/* All but the level's own, which has kept n_tokens. */
static enum raml_code keep_as_many(const struct filling *f, enum raml_prune_method own, size_t n_tokens,
                                   struct raml_err *err)
{
    enum raml_code rc = own != RAML_PRUNE_GREEDY ? keep_greedy(f, n_tokens, err) : RAML_OK;
    if (!rc && own != RAML_PRUNE_DESCENT) rc = keep_descent(f, n_tokens, err);
    if (!rc) rc = keep_random(f, n_tokens, err);
    return rc ? rc : keep_budget(f, n_tokens, err);
}

/* -- Levels -------------------------------------------------------------------------------------------------------- */

static enum raml_code fill_given(const struct filling *f, struct raml_err *err)
{
    struct raml_prune_item *it = f->it;
    enum raml_prune_level_kind kind = f->plan->level[f->level].kind;
    bool *kept = flags(f, RAML_PRUNE_GIVEN, 0);
    if (kind != RAML_PRUNE_SUMMARY) {
        for (size_t s = 0; s < it->n; s++) kept[s] = kind == RAML_PRUNE_WHOLE;
        return keep_steps(f, RAML_PRUNE_GIVEN, 0, err);
    }
    if (it->summary == RAML_PRUNE_NONE) return RAML_OK;
    const struct raml_tokens *token = &f->plan->summaries.given[it->summary].token;
    enum raml_code rc = keep_text(f, RAML_PRUNE_GIVEN, token->id, token->n, err);
    size_t T = it->text.trajectory.n;
    return rc ? rc : keep_as_many(f, RAML_PRUNE_GIVEN, token->n < T ? token->n : T, err);
}

static enum raml_code fill_level(const struct filling *f, struct raml_err *err)
{
    const struct raml_prune_item *it = f->it;
    const struct raml_prune_level l = f->plan->level[f->level];
    enum raml_prune_method own = raml_prune_own_method(l.kind);
    double bound = l.kind == RAML_PRUNE_SLACK ? it->path.full + l.value : l.value;
    enum raml_code rc = RAML_OK;
    if (own == RAML_PRUNE_GIVEN) return fill_given(f, err);
    if (l.kind == RAML_PRUNE_SHARE) {
        size_t n = (size_t)(l.value * (double)it->text.trajectory.n + 0.5);
        rc = keep_greedy(f, n, err);
        return rc ? rc : keep_as_many(f, RAML_PRUNE_GREEDY, n, err);
    }
    bool *kept = flags(f, own, 0);
    if (own == RAML_PRUNE_DESCENT) raml_prune_by_descent(it->L, it->n, l.value, kept);
    else raml_prune_path_kept(&it->path, raml_prune_path_rounds(&it->path, bound), kept);
    size_t n = raml_prune_tokens(kept, it->at.at, it->n);
    rc = keep_steps(f, own, 0, err);
    if (!rc) rc = keep_as_many(f, own, n, err);
    return rc || own == RAML_PRUNE_DESCENT ? rc : keep_best(f, bound, err);
}

/* -- The leak test: after nothing, its summary, that without the answer's text, and those of other answers ------------ */

static bool fits(const struct raml_prune_plan *p, const struct raml_prune_item *it, size_t n)
{
    const struct raml_trace_text *x = &it->text;
    return x->prompt.n + n + x->answer_prefix.n + x->answer.n <=
           (size_t)raml_model_config(p->job->model)->max_positions;
}

static enum raml_code fill_leak(const struct raml_prune_plan *p, struct raml_prune_item *it, struct raml_err *err)
{
    const struct raml_prune_summaries *s = &p->summaries;
    const struct raml_questions *qs = p->job->questions;
    if (it->summary == RAML_PRUNE_NONE) return RAML_OK;
    const struct raml_tokens *own = &s->given[it->summary].token;
    enum raml_code rc = raml_prune_item_set(it, NULL, 0, false, &it->leak_nothing, err);
    if (!rc) rc = raml_prune_item_set(it, own->id, own->n, false, &it->leak_own, err);
    if (!rc) rc = raml_prune_item_set(it, it->without.id, it->without.n, false, &it->leak_without, err);
    for (size_t k = 1; !rc && k < s->n && it->n_others < RAML_PRUNE_OTHERS; k++) {
        const struct raml_prune_given *g = &s->given[(it->summary + k) % s->n];
        if (g->question == RAML_PRUNE_NONE || !strcmp(qs->question[g->question].answer, it->q->answer)) continue;
        if (!fits(p, it, g->token.n)) continue;
        rc = raml_prune_item_set(it, g->token.id, g->token.n, false, &it->leak_other[it->n_others++], err);
    }
    return rc;
}

enum raml_code raml_prune_levels_fill(const struct raml_prune_plan *p, struct raml_prune_item *it, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(it->kept, it->cap_kept, p->n_cells, "kept texts", err);
    if (!rc) rc = RAML_GROW(it->flag, it->cap_flags, p->n_cells * it->n, "kept steps", err);
    struct filling f = {p, it, 0, malloc((it->n + 1) * sizeof *f.order)};
    if (!rc && !f.order) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu steps", it->n);
    for (size_t i = 0; !rc && i < p->n_cells; i++) it->kept[i] = (struct raml_prune_kept){.set = RAML_PRUNE_NONE};
    for (; !rc && f.level < p->n_levels; f.level++) rc = fill_level(&f, err);
    free(f.order);
    return rc ? rc : fill_leak(p, it, err);
}
