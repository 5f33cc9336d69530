/* rollout_reward.c - what samples are worth. See rollouts.h. */
#include "outer/rollout_source.h"

static void note_signal(struct raml_rollout_group *g)
{
    g->signal = false;
    for (size_t k = 1; k < g->n; k++) g->signal |= g->sample[k].reward != g->sample[0].reward;
}

enum raml_code raml_rollout_reward(struct raml_rollout_source *s, struct raml_packs *packs, struct raml_round *r,
                                   size_t first, struct raml_err *err)
{
    (void)s;
    (void)packs;
    (void)err;
    for (size_t i = first; i < r->n_groups; i++) {
        struct raml_rollout_group *g = &r->group[i];
        for (size_t k = 0; k < g->n; k++) g->sample[k].reward = g->sample[k].read.correct == RAML_EQUAL;
        note_signal(g);
    }
    return RAML_OK;
}
