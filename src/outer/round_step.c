/* round_step.c - groups as token trees; see round.h.
 *
 * A group is one tree: the prompt, and every sample a span after it. All tokens of a sample are targets; its last one is
 * an end target, since nothing follows it. Without sharing every sample is a tree of its own. A fork's own tokens hang
 * from its parent's span (all samples are in such a group's tree, and no probes), or from a copy of what they share.
 */
#include "outer/rollout_source.h"

#include "core/array.h"

/* The span that a sample's own tokens hang from, and after how many of its tokens. */
static enum raml_code find_place(struct raml_tree *tree, const struct raml_rollout_group *g,
                                 const struct raml_rollout *s, bool shares, int32_t *from, size_t *after,
                                 struct raml_err *err)
{
    *from = 0;
    *after = tree->span[0].n;
    if (!s->shared) return RAML_OK;
    size_t prompt = *after;
    *after = s->shared;
    *from = (int32_t)(s->parent - g->sample) + 1;
    return shares ? RAML_OK : raml_tree_add(tree, 0, (uint32_t)prompt, s->token, s->shared, s->shared, from, err);
}

static enum raml_code add_sample(struct raml_tree *tree, const struct raml_rollout_group *g,
                                 const struct raml_rollout *s, bool shares, bool whole, int32_t *span,
                                 struct raml_err *err)
{
    int32_t from;
    size_t after, n = s->n - s->shared - !whole;
    enum raml_code rc = find_place(tree, g, s, shares, &from, &after, err);
    if (!rc) rc = raml_tree_add(tree, from, (uint32_t)after, s->token + s->shared, n, 0, span, err);
    return rc || whole ? rc : raml_tree_add_end_target(tree, *span, s->token[s->n - 1], err);
}

/* Does the answer hang from after the sample's last token? */
static bool hangs_from_end(const struct raml_rollout *s)
{
    return s->said.think_start + s->at[s->n_points - 1] == s->n;
}

static enum raml_code open_tree(struct raml_step *step, const struct raml_rollout_group *g, struct raml_tree **tree,
                                struct raml_err *err)
{
    enum raml_code rc = raml_step_tree(step, tree, err);
    return rc ? rc : raml_tree_add(*tree, -1, 0, g->prompt, g->n_prompt, g->n_prompt, NULL, err);
}

struct adding { /* a group to a step */
    const struct raml_round *round;
    const struct raml_rollout_group *group;
    size_t first; /* its first row in the round */
    bool answers;
    struct raml_step *step;
    struct raml_row_map *map;
};

static bool has_answer(const struct adding *a, const struct raml_rollout *s)
{
    return a->answers && s->n_points;
}

static void name_row(const struct adding *a, size_t row, size_t k, bool answer)
{
    struct raml_step *step = a->step;
    step->row[row] = (struct raml_step_row){a->group->question, k};
    step->reward[row] = a->group->sample[k].reward;
    step->group[row] = a->round->group_of[a->first + k];
    a->map->row[row] = a->first + k;
    a->map->answer[row] = answer;
}

/* The tree's rows are samples [first, first + n) of the group, those that are in the loss. */
static enum raml_code close_tree(const struct adding *a, size_t first, size_t n, struct raml_err *err)
{
    struct raml_row_map *map = a->map;
    size_t row, cap = map->cap;
    enum raml_code rc = raml_step_rows(a->step, &row, err);
    if (!rc) rc = RAML_GROW(map->row, cap, a->step->n_rows, "rows of a step", err);
    if (!rc) rc = RAML_GROW(map->answer, map->cap, a->step->n_rows, "rows of a step", err);
    for (size_t k = first; k < first + n && !rc; k++) {
        if (!a->group->sample[k].in_loss) continue;
        name_row(a, row++, k, false);
        if (has_answer(a, &a->group->sample[k])) name_row(a, row++, k, true);
    }
    map->n = a->step->n_rows;
    return rc;
}

static enum raml_code add_group(const struct adding *a, bool share_prompts, struct raml_err *err)
{
    const struct raml_rollout_group *g = a->group;
    size_t n = 0;
    struct raml_tree *tree = NULL;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < g->n && !rc; k++) {
        const struct raml_rollout *s = &g->sample[k];
        int32_t span;
        if (!s->in_loss) continue;
        if (!n || !share_prompts) rc = open_tree(a->step, g, &tree, err);
        bool whole = has_answer(a, s) && hangs_from_end(s);
        if (!rc) rc = add_sample(tree, g, s, share_prompts, whole, &span, err);
        if (!rc && has_answer(a, s)) rc = raml_rollout_add_probe(tree, span, g, s, s->at[s->n_points - 1], err);
        n++;
        if (!rc && !share_prompts) rc = close_tree(a, k, 1, err);
    }
    return rc || !n || !share_prompts ? rc : close_tree(a, 0, g->n, err);
}

enum raml_code raml_round_trees(const struct raml_round *r, size_t first, size_t n, bool answers, bool share_prompts,
                                struct raml_step *step, struct raml_row_map *map, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    map->n = step->n_rows;
    for (size_t g = first; g < first + n && !rc; g++) {
        const struct adding a = {r, r->used[g], r->first_row[g], answers, step, map};
        rc = add_group(&a, share_prompts, err);
    }
    return rc;
}
