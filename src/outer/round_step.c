/* round_step.c - groups as token trees; see round.h.
 *
 * A group is one tree: the prompt, and every sample a span after it. All tokens of a sample are targets; its last one is
 * an end target, since nothing follows it. Without sharing every sample is a tree of its own.
 */
#include "outer/round.h"

#include "core/array.h"

static enum raml_code add_sample(struct raml_tree *tree, const struct raml_rollout *s, struct raml_err *err)
{
    int32_t span;
    enum raml_code rc = raml_tree_add(tree, 0, tree->span[0].n, s->token, s->n - 1, 0, &span, err);
    return rc ? rc : raml_tree_add_end_target(tree, span, s->token[s->n - 1], err);
}

static enum raml_code open_tree(struct raml_step *step, const struct raml_rollout_group *g, struct raml_tree **tree,
                                struct raml_err *err)
{
    enum raml_code rc = raml_step_tree(step, tree, err);
    return rc ? rc : raml_tree_add(*tree, -1, 0, g->prompt, g->n_prompt, g->n_prompt, NULL, err);
}

/* The tree's rows are the round's rows [first, first + n) that are wanted. */
static enum raml_code close_tree(const struct raml_round *r, const struct raml_rollout_group *g, size_t first, size_t n,
                                 bool all, struct raml_step *step, struct raml_row_map *map, struct raml_err *err)
{
    size_t row;
    enum raml_code rc = raml_step_rows(step, &row, err);
    if (!rc) rc = RAML_GROW(map->row, map->cap, step->n_rows, "rows of a step", err);
    for (size_t i = first; i < first + n && !rc; i++) {
        if (!all && !r->row[i]->in_loss) continue;
        step->row[row] = (struct raml_step_row){g->question, (size_t)(r->row[i] - g->sample)};
        step->reward[row] = r->reward[i];
        step->group[row] = r->group_of[i];
        map->row[row++] = i;
    }
    map->n = step->n_rows;
    return rc;
}

static enum raml_code add_group(const struct raml_round *r, size_t group, bool all, bool share_prompts,
                                struct raml_step *step, struct raml_row_map *map, struct raml_err *err)
{
    const struct raml_rollout_group *g = r->used[group];
    size_t first = r->first_row[group], n = 0;
    struct raml_tree *tree = NULL;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < g->n && !rc; k++) {
        if (!all && !g->sample[k].in_loss) continue;
        if (!n || !share_prompts) rc = open_tree(step, g, &tree, err);
        if (!rc) rc = add_sample(tree, &g->sample[k], err);
        n++;
        if (!rc && !share_prompts) rc = close_tree(r, g, first + k, 1, all, step, map, err);
    }
    return rc || !n || !share_prompts ? rc : close_tree(r, g, first, g->n, all, step, map, err);
}

enum raml_code raml_round_trees(const struct raml_round *r, size_t first, size_t n, bool all, bool share_prompts,
                                struct raml_step *step, struct raml_row_map *map, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t g = first; g < first + n && !rc; g++) rc = add_group(r, g, all, share_prompts, step, map, err);
    return rc;
}
