/* rollout_reward.c - what samples are worth: outcome, length, and their own loss curves. See rollouts.h, reward.h.
 *
 * Curves are read from one token tree a question: its prompt, its samples, and at places of each sample the reference
 * answer after the answer prefix. A sample whose thinking was not closed has no place to ask at, and no curve; nor has one
 * after which the answer would not fit into the model's context.
 */
#include "outer/rollout_source.h"

#include "raml/trace.h"

#include <string.h>

static enum raml_code no_memory(struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "no memory for the loss curves of a round");
}

/* -- Places -------------------------------------------------------------------------------------------------------- */

/* The reference answer after its prefix, as tokens in the round's arena. */
static enum raml_code encode_answer(const struct raml_rollout_source *s, struct raml_round *r,
                                    struct raml_rollout_group *g, struct raml_err *err)
{
    const struct raml_trace_source source = {.tokenizer = s->job->tokenizer, .format = s->job->format};
    struct raml_trace_text x = {0};
    enum raml_code rc = raml_trace_encode_answer(&source, g->question->answer, &x, err);
    size_t n = x.answer_prefix.n + x.answer.n;
    int32_t *probe = rc ? NULL : raml_arena_alloc(r->arena, n, sizeof *probe);
    if (!rc && !probe) rc = no_memory(err);
    if (!rc) {
        memcpy(probe, x.answer_prefix.id, x.answer_prefix.n * sizeof *probe);
        memcpy(probe + x.answer_prefix.n, x.answer.id, x.answer.n * sizeof *probe);
        g->probe = probe;
        g->n_probe = n;
        g->n_prefix = x.answer_prefix.n;
    }
    raml_trace_text_deinit(&x);
    char name[RAML_QUESTION_NAME];
    return rc ? raml_wrap(err, rc, "%s", raml_question_name(g->question, name)) : RAML_OK;
}

static void add_place(struct raml_rollout *x, uint32_t at)
{
    if (x->n_points && x->at[x->n_points - 1] >= at) return;
    x->at[x->n_points++] = at;
}

/* Where the answer is asked for, rising, the last place the trajectory's end. */
static enum raml_code choose_places(const struct raml_rollout_source *s, struct raml_round *r,
                                    const struct raml_rollout_group *g, struct raml_rollout *x, struct raml_err *err)
{
    uint32_t T = (uint32_t)x->said.n_think,
             along = (s->points & RAML_REWARD_ALONG) ? (uint32_t)s->own->reward_points : 0;
    size_t context = (size_t)raml_model_config(s->job->model)->max_positions;
    uint32_t ends = (s->points & RAML_REWARD_AT_TERMINATION) ? raml_reward_termination_place(s->reward, T) : T;
    if (!x->said.think_closed || g->n_prompt + x->said.think_start + T + g->n_probe > context) return RAML_OK;
    x->at = raml_arena_alloc(r->arena, along + 3U, sizeof *x->at);
    x->answer_logp = raml_arena_alloc(r->arena, (along + 3U) * (g->n_probe - g->n_prefix), sizeof *x->answer_logp);
    if (!x->at || !x->answer_logp) return no_memory(err);
    if (s->points & (RAML_REWARD_AT_START | RAML_REWARD_ALONG)) add_place(x, 0);
    for (uint32_t k = 1; k < along; k++) {
        uint32_t at = (uint32_t)((uint64_t)T * k / along);
        if (x->n_points && x->at[x->n_points - 1] < ends && ends < at) add_place(x, ends);
        add_place(x, at);
    }
    if (ends < T) add_place(x, ends);
    add_place(x, T);
    return RAML_OK;
}

/* -- Curves -------------------------------------------------------------------------------------------------------- */

enum raml_code raml_rollout_add_probe(struct raml_tree *tree, int32_t span, const struct raml_rollout_group *g,
                                      const struct raml_rollout *x, uint32_t at, struct raml_err *err)
{
    int32_t probe;
    size_t n = g->n_probe - 1; /* nothing follows the last token: it takes no row */
    enum raml_code rc = raml_tree_add(tree, span, (uint32_t)x->said.think_start + at, g->probe, n,
                                      g->n_prefix < n ? g->n_prefix : n, &probe, err);
    return rc ? rc : raml_tree_add_end_target(tree, probe, g->probe[n], err);
}

static enum raml_code add_curves(struct raml_tree *tree, const struct raml_rollout_group *g, struct raml_err *err)
{
    enum raml_code rc = raml_tree_add(tree, -1, 0, g->prompt, g->n_prompt, g->n_prompt, NULL, err);
    for (size_t k = 0; k < g->n && !rc; k++) {
        const struct raml_rollout *x = &g->sample[k];
        size_t n = x->said.think_start + x->said.n_think;
        int32_t span;
        if (!x->n_points) continue;
        rc = raml_tree_add(tree, 0, (uint32_t)g->n_prompt, x->token, n, n, &span, err);
        for (size_t i = 0; i < x->n_points && !rc; i++) rc = raml_rollout_add_probe(tree, span, g, x, x->at[i], err);
    }
    return rc;
}

/* The curves of groups [first, ..), from one forward pass. */
static enum raml_code read_curves(struct raml_rollout_source *s, struct raml_packs *packs, struct raml_round *r,
                                  size_t first, struct raml_err *err)
{
    struct raml_step *step = &s->scored;
    size_t row, token = 0;
    enum raml_code rc = RAML_OK;
    raml_step_clear(step);
    for (size_t i = first; i < r->n_groups && !rc; i++) {
        struct raml_rollout_group *g = &r->group[i];
        struct raml_tree *tree;
        rc = encode_answer(s, r, g, err);
        for (size_t k = 0; k < g->n && !rc; k++) rc = choose_places(s, r, g, &g->sample[k], err);
        if (!rc) rc = raml_step_tree(step, &tree, err);
        if (!rc) rc = add_curves(tree, g, err);
        if (!rc) rc = raml_step_rows(step, &row, err);
    }
    if (!rc) rc = raml_packs_forward(packs, step->tree, step->n_trees, step->logp, NULL, err);
    for (size_t i = first; i < r->n_groups && !rc; i++)
        for (size_t k = 0; k < r->group[i].n; k++) {
            struct raml_rollout *x = &r->group[i].sample[k];
            size_t n = x->n_points * (r->group[i].n_probe - r->group[i].n_prefix);
            if (n) memcpy(x->answer_logp, step->logp + token, n * sizeof *x->answer_logp);
            token += n;
        }
    s->read_tokens += step->n_read;
    return rc;
}

/* -- Rewards ------------------------------------------------------------------------------------------------------- */

struct raml_answer_curve raml_rollout_curve(const struct raml_rollout_group *g, const struct raml_rollout *x)
{
    return (struct raml_answer_curve){x->answer_logp, x->at, x->n_points, g->n_probe - g->n_prefix};
}

struct raml_reward_sample raml_rollout_sample(const struct raml_rollout_source *s, const struct raml_rollout *x,
                                              const struct raml_answer_curve *curve)
{
    return (struct raml_reward_sample){.verdict = x->read.correct,
                                       .well_formed = x->well_formed,
                                       .n_tokens = x->n,
                                       .max_tokens = (size_t)s->own->max_completion_length,
                                       .curve = x->n_points ? curve : NULL};
}

static enum raml_code reward_sample(struct raml_rollout_source *s, const struct raml_rollout_group *g,
                                    struct raml_rollout *x, struct raml_err *err)
{
    const struct raml_answer_curve curve = raml_rollout_curve(g, x);
    enum raml_code rc = RAML_OK;
    if (s->wants_form)
        rc = raml_reward_form(s->job->tokenizer, &s->job->format, x->token, x->n - x->said.n_end,
                              x->said.ended ? "stop" : "length", &x->well_formed, err);
    const struct raml_reward_sample sample = raml_rollout_sample(s, x, &curve);
    if (!rc) rc = raml_reward_of(s->reward, &s->mix, &sample, &x->worth, err);
    char name[RAML_QUESTION_NAME];
    if (rc)
        return raml_wrap(err, rc, "%s, sample %zu", raml_question_name(g->question, name), (size_t)(x - g->sample) + 1);
    x->reward = x->worth.total;
    if (s->policy) x->reward += raml_overlong_penalty(s->policy, x->n, (size_t)s->own->max_completion_length);
    return RAML_OK;
}

static void note_signal(struct raml_rollout_group *g)
{
    g->signal = false;
    for (size_t k = 1; k < g->n; k++) g->signal |= g->sample[k].reward != g->sample[0].reward;
}

enum raml_code raml_rollout_reward(struct raml_rollout_source *s, struct raml_packs *packs, struct raml_round *r,
                                   size_t first, struct raml_err *err)
{
    enum raml_code rc = s->points ? read_curves(s, packs, r, first, err) : RAML_OK;
    for (size_t i = first; i < r->n_groups && !rc; i++) {
        struct raml_rollout_group *g = &r->group[i];
        for (size_t k = 0; k < g->n && !rc; k++) rc = reward_sample(s, g, &g->sample[k], err);
        note_signal(g);
    }
    return rc;
}
