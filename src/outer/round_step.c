/* round_step.c - groups as token trees; see round.h.
 *
 * A group is one tree: the prompt, and every sample a span after it. All tokens of a sample are targets; its last one is
 * an end target, since nothing follows it. Without sharing every sample is a tree of its own. A teacher's prompt is a root
 * of its own, with the samples after it once more. A fork's own tokens hang
 * from its parent's span (all samples are in such a group's tree, and no probes), or from a copy of what they share.
 */
#include "outer/rollout_source.h"

#include "core/array.h"

#include <stdlib.h>

void raml_row_map_deinit(struct raml_row_map *map)
{
    free(map->row);
    free(map->answer);
    free(map->taught);
    *map = (struct raml_row_map){0};
}

/* The span that a sample's own tokens hang from, and after how many of its tokens. */
static enum raml_code find_place(struct raml_tree *tree, int32_t root, const struct raml_rollout_group *g,
                                 const struct raml_rollout *s, bool shares, int32_t *from, size_t *after,
                                 struct raml_err *err)
{
    *from = root;
    *after = tree->span[root].n;
    if (!s->shared) return RAML_OK;
    size_t prompt = *after;
    *after = s->shared;
    *from = (int32_t)(s->parent - g->sample) + 1;
    return shares ? RAML_OK : raml_tree_add(tree, 0, (uint32_t)prompt, s->token, s->shared, s->shared, from, err);
}

static enum raml_code add_sample(struct raml_tree *tree, int32_t root, const struct raml_rollout_group *g,
                                 const struct raml_rollout *s, bool shares, bool whole, int32_t *span,
                                 struct raml_err *err)
{
    int32_t from;
    size_t after, n = s->n - s->shared - !whole;
    enum raml_code rc = find_place(tree, root, g, s, shares, &from, &after, err);
    if (!rc) rc = raml_tree_add(tree, from, (uint32_t)after, s->token + s->shared, n, 0, span, err);
    return rc || whole ? rc : raml_tree_add_end_target(tree, *span, s->token[s->n - 1], err);
}

/* Does the answer hang from after the sample's last token? */
static bool hangs_from_end(const struct raml_rollout *s)
{
    return s->said.think_start + s->at[s->n_points - 1] == s->n;
}

struct adding { /* a group to a step */
    const struct raml_round *round;
    const struct raml_rollout_group *group;
    size_t first; /* its first row in the round */
    bool answers, student, teacher;
    struct raml_step *step;
    struct raml_row_map *map;
};

static bool has_answer(const struct adding *a, const struct raml_rollout *s)
{
    return a->answers && s->n_points;
}

static void name_row(const struct adding *a, size_t row, size_t k, bool answer, bool taught)
{
    struct raml_step *step = a->step;
    step->row[row] = (struct raml_step_row){a->group->question, k};
    step->reward[row] = a->group->sample[k].reward;
    step->group[row] = a->round->group_of[a->first + k];
    a->map->row[row] = a->first + k;
    a->map->answer[row] = answer;
    a->map->taught[row] = taught;
}

/* The tree's rows are samples [first, first + n) of the group, those that are in the loss. */
static enum raml_code close_tree(const struct adding *a, size_t first, size_t n, struct raml_err *err)
{
    struct raml_row_map *map = a->map;
    const struct raml_rollout *sample = a->group->sample;
    size_t row, cap = map->cap;
    enum raml_code rc = raml_step_rows(a->step, &row, err);
    if (!rc) rc = RAML_GROW(map->row, cap, a->step->n_rows, "rows of a step", err);
    cap = map->cap;
    if (!rc) rc = RAML_GROW(map->taught, cap, a->step->n_rows, "rows of a step", err);
    if (!rc) rc = RAML_GROW(map->answer, map->cap, a->step->n_rows, "rows of a step", err);
    for (size_t k = first; k < first + n && a->student && !rc; k++) {
        if (!sample[k].in_loss) continue;
        name_row(a, row++, k, false, false);
        if (has_answer(a, &sample[k])) name_row(a, row++, k, true, false);
    }
    for (size_t k = first; k < first + n && a->teacher && !rc; k++)
        if (sample[k].in_loss) name_row(a, row++, k, false, true);
    map->n = a->step->n_rows;
    return rc;
}

/* A root, the prompt as the student or the teacher has it, and after it samples [first, first + n). */
static enum raml_code add_root(const struct adding *a, struct raml_tree *tree, bool hinted, size_t first, size_t n,
                               bool shares, struct raml_err *err)
{
    const struct raml_rollout_group *g = a->group;
    const int32_t *prompt = hinted ? g->hinted : g->prompt;
    size_t length = hinted ? g->n_hinted : g->n_prompt;
    int32_t root, span;
    enum raml_code rc = raml_tree_add(tree, -1, 0, prompt, length, length, &root, err);
    for (size_t k = first; k < first + n && !rc; k++) {
        const struct raml_rollout *s = &g->sample[k];
        if (!s->in_loss) continue;
        bool answer = !hinted && has_answer(a, s), whole = answer && hangs_from_end(s);
        rc = add_sample(tree, root, g, s, shares, whole, &span, err);
        if (!rc && answer) rc = raml_rollout_add_probe(tree, span, g, s, s->at[s->n_points - 1], err);
    }
    return rc;
}

/* A tree of samples [first, first + n) of the group, if any of them is in the loss. */
static enum raml_code add_tree(const struct adding *a, size_t first, size_t n, bool shares, struct raml_err *err)
{
    struct raml_tree *tree;
    size_t in_loss = 0;
    for (size_t k = first; k < first + n; k++) in_loss += a->group->sample[k].in_loss;
    if (!in_loss) return RAML_OK;
    enum raml_code rc = raml_step_tree(a->step, &tree, err);
    if (!rc && a->student) rc = add_root(a, tree, false, first, n, shares, err);
    if (!rc && a->teacher) rc = add_root(a, tree, true, first, n, shares, err);
    return rc ? rc : close_tree(a, first, n, err);
}

/* Of groups [first, first + n); a: all but the group. */
static enum raml_code add_groups(struct adding a, size_t first, size_t n, bool share_prompts, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    a.map->n = a.step->n_rows;
    for (size_t g = first; g < first + n && !rc; g++) {
        a.group = a.round->used[g];
        a.first = a.round->first_row[g];
        if (share_prompts) rc = add_tree(&a, 0, a.group->n, true, err);
        for (size_t k = 0; k < a.group->n && !share_prompts && !rc; k++) rc = add_tree(&a, k, 1, false, err);
    }
    return rc;
}

enum raml_code raml_round_trees(const struct raml_round *r, size_t first, size_t n, bool answers, bool share_prompts,
                                struct raml_step *step, struct raml_row_map *map, struct raml_err *err)
{
    const struct adding a = {.round = r, .answers = answers, .student = true, .step = step, .map = map};
    return add_groups(a, first, n, share_prompts, err);
}

enum raml_code raml_round_teacher_trees(const struct raml_round *r, size_t first, size_t n, bool beside,
                                        bool share_prompts, struct raml_step *step, struct raml_row_map *map,
                                        struct raml_err *err)
{
    const struct adding a = {.round = r, .student = beside, .teacher = true, .step = step, .map = map};
    return add_groups(a, first, n, share_prompts, err);
}
