/* step.c - see step.h. */
#include "outer/step.h"

#include "core/array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *raml_question_name(const struct raml_question *q, char out[RAML_QUESTION_NAME])
{
    int n = snprintf(out, RAML_QUESTION_NAME, "question '%.64s'", q->id ? q->id : "?");
    if (q->line && n > 0 && n < RAML_QUESTION_NAME)
        snprintf(out + n, RAML_QUESTION_NAME - (size_t)n, " (line %zu)", q->line);
    return out;
}

void raml_step_deinit(struct raml_step *s)
{
    void *const arrays[] = {s->tree_row,   s->start,  s->row,      s->reward,        s->ref_sum,    s->group,
                            s->pair,       s->weight, s->old_logp, s->mu_logp,       s->ref_logp,   s->advantage,
                            s->correction, s->scale,  s->kl_scale, s->entropy_scale, s->likelihood, s->logp,
                            s->entropy,    s->d_logp, s->d_entropy};
    for (size_t i = 0; i < s->cap_trees; i++) raml_tree_deinit(&s->tree[i]);
    free(s->tree);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    *s = (struct raml_step){0};
}

void raml_step_clear(struct raml_step *s)
{
    s->n_trees = s->n_rows = s->n = 0;
    s->total = s->n_pairs = s->trained = 0;
    s->n_read = 0;
    s->statistics = s->seconds = (struct raml_statistics){0};
}

enum raml_code raml_step_tree(struct raml_step *s, struct raml_tree **tree, struct raml_err *err)
{
    size_t old = s->cap_trees;
    enum raml_code rc = RAML_GROW(s->tree, s->cap_trees, s->n_trees + 1, "trees of a step", err);
    if (rc) return rc;
    for (size_t i = old; i < s->cap_trees; i++) s->tree[i] = (struct raml_tree){0};
    *tree = &s->tree[s->n_trees];
    raml_tree_clear(*tree);
    return RAML_OK;
}

/* -- Capacity ------------------------------------------------------------------------------------------------------ */

static enum raml_code reserve_rows(struct raml_step *s, size_t n, struct raml_err *err)
{
    size_t cap = s->cap_rows;
    enum raml_code rc = RAML_GROW(s->start, s->cap_starts, n + 1, "rows of a step", err);
    if (!rc) rc = RAML_GROW(s->row, cap, n, "rows of a step", err);
    cap = s->cap_rows;
    if (!rc) rc = RAML_GROW(s->reward, cap, n, "rows of a step", err);
    cap = s->cap_rows;
    if (!rc) rc = RAML_GROW(s->ref_sum, cap, n, "rows of a step", err);
    cap = s->cap_rows;
    if (!rc) rc = RAML_GROW(s->group, cap, n, "rows of a step", err);
    cap = s->cap_rows;
    if (!rc) rc = RAML_GROW(s->pair, cap, n, "rows of a step", err);
    if (!rc) s->cap_rows = cap;
    return rc;
}

/* Every array of tokens that the step has. */
static enum raml_code reserve_tokens(struct raml_step *s, size_t n, struct raml_err *err)
{
    const struct {
        float **array;
        unsigned when;
    } floats[] = {{&s->weight, 0},
                  {&s->logp, 0},
                  {&s->entropy, 0},
                  {&s->old_logp, RAML_STEP_OLD},
                  {&s->mu_logp, RAML_STEP_MU},
                  {&s->ref_logp, RAML_STEP_REF}};
    const struct {
        double **array;
        unsigned when;
    } doubles[] = {{&s->d_logp, 0},
                   {&s->d_entropy, 0},
                   {&s->advantage, RAML_STEP_ADVANTAGE},
                   {&s->correction, RAML_STEP_CORRECTION},
                   {&s->scale, RAML_STEP_SCALE},
                   {&s->kl_scale, RAML_STEP_TERM_SCALES},
                   {&s->entropy_scale, RAML_STEP_TERM_SCALES},
                   {&s->likelihood, RAML_STEP_LIKELIHOOD}};
    size_t cap = s->cap;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof floats / sizeof *floats && !rc; i++) {
        if ((floats[i].when & s->has) != floats[i].when) continue;
        cap = s->cap;
        rc = RAML_GROW(*floats[i].array, cap, n, "targets of a step", err);
    }
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles && !rc; i++) {
        if ((doubles[i].when & s->has) != doubles[i].when) continue;
        cap = s->cap;
        rc = RAML_GROW(*doubles[i].array, cap, n, "targets of a step", err);
    }
    if (!rc) s->cap = cap;
    return rc;
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

static size_t n_targets(const struct raml_span *span)
{
    return span->n - span->first_target + span->has_end_target;
}

static void new_row(struct raml_step *s, size_t r)
{
    s->row[r] = (struct raml_step_row){0};
    s->reward[r] = s->ref_sum[r] = 0;
    s->group[r] = 0;
    s->pair[r] = 0;
}

static void new_token(struct raml_step *s, size_t i)
{
    s->weight[i] = 1.0F;
    if (s->old_logp) s->old_logp[i] = NAN;
    if (s->mu_logp) s->mu_logp[i] = NAN;
    if (s->ref_logp) s->ref_logp[i] = NAN;
    if (s->advantage) s->advantage[i] = 0;
    if (s->correction) s->correction[i] = 1;
    if (s->scale) s->scale[i] = 0;
    if (s->kl_scale) s->kl_scale[i] = s->entropy_scale[i] = 0;
    if (s->likelihood) s->likelihood[i] = 0;
}

enum raml_code raml_step_rows(struct raml_step *s, size_t *first_row, struct raml_err *err)
{
    const struct raml_tree *t = &s->tree[s->n_trees];
    size_t n_rows = 0;
    for (size_t i = 0; i < t->n_spans; i++) n_rows += n_targets(&t->span[i]) > 0;
    enum raml_code rc = reserve_rows(s, s->n_rows + n_rows, err);
    if (!rc) rc = RAML_GROW(s->tree_row, s->cap_tree_rows, s->n_trees + 2, "trees of a step", err);
    if (!rc) rc = reserve_tokens(s, s->n + t->n_targets, err);
    if (rc) return rc;
    *first_row = s->n_rows;
    s->tree_row[s->n_trees] = s->n_rows;
    s->start[s->n_rows] = s->n;
    for (size_t i = 0; i < t->n_spans; i++) {
        size_t n = n_targets(&t->span[i]);
        if (!n) continue;
        for (size_t k = 0; k < n; k++) new_token(s, s->n + k);
        new_row(s, s->n_rows++);
        s->start[s->n_rows] = s->n += n;
    }
    s->n_read += t->n_tokens;
    s->tree_row[++s->n_trees] = s->n_rows;
    return RAML_OK;
}

struct raml_terms raml_step_terms(const struct raml_step *s, size_t first_row, size_t n_rows, bool outputs)
{
    static const size_t none; /* of a step without rows: those of another rank may have some */
    return (struct raml_terms){.n_rows = n_rows,
                               .first_row = first_row,
                               .start = s->n_rows ? s->start : &none,
                               .logp = outputs ? s->logp : NULL,
                               .entropy = outputs ? s->entropy : NULL,
                               .weight = s->weight,
                               .old_logp = s->old_logp,
                               .mu_logp = s->mu_logp,
                               .ref_logp = s->ref_logp,
                               .advantage = s->advantage,
                               .correction = s->correction,
                               .scale = s->scale,
                               .kl_scale = s->kl_scale,
                               .entropy_scale = s->entropy_scale,
                               .likelihood = s->likelihood,
                               .reward = s->reward,
                               .group = s->group,
                               .pair = s->pair,
                               .ref_sum = s->ref_sum,
                               .total = s->total,
                               .n_pairs = s->n_pairs};
}
