/* round.c - the samples of a round; see round.h. */
#include "outer/round.h"

#include "core/array.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void raml_round_clear(struct raml_round *r)
{
    raml_arena_close(r->arena);
    r->arena = NULL;
    r->n_groups = r->n_used = r->n_rows = r->n = 0;
    r->has_old = r->has_ref = false;
}

void raml_round_deinit(struct raml_round *r)
{
    void *const arrays[] = {r->group,    r->used,      r->start,     r->first_row, r->row,           r->reward,
                            r->group_of, r->component, r->baseline,  r->weight,    r->policy_weight, r->old_logp,
                            r->mu_logp,  r->ref_logp,  r->advantage, r->correction};
    raml_round_clear(r);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    *r = (struct raml_round){0};
}

static enum raml_code no_memory(struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "no memory for a round's samples");
}

/* -- Sampling ------------------------------------------------------------------------------------------------------ */

static void *copied(struct raml_arena *a, const void *from, size_t n, size_t size)
{
    void *to = raml_arena_alloc(a, n ? n : 1, size);
    if (to && n) memcpy(to, from, n * size);
    return to;
}

enum raml_code raml_round_take(struct raml_round *r, const struct raml_sampler *sampler,
                               const struct raml_rollout_group *g, const struct raml_sampler_completion *c,
                               struct raml_rollout *out, struct raml_err *err)
{
    *out = (struct raml_rollout){.n = c->n, .truncated = !c->ended, .is_row = true, .in_loss = true, .in_policy = true};
    out->token = copied(r->arena, c->token, c->n, sizeof *c->token);
    out->logp = copied(r->arena, c->logp, c->n, sizeof *c->logp);
    out->mu_logp = copied(r->arena, c->mu_logp, c->n, sizeof *c->mu_logp);
    if (!out->token || !out->logp || !out->mu_logp) return no_memory(err);
    out->said = *c;
    out->said.token = out->token;
    out->said.logp = out->logp;
    out->said.mu_logp = out->mu_logp;
    return raml_sampler_read(sampler, g->question, &out->said, r->arena, &out->read, err);
}

static enum raml_code submit(struct raml_round *r, struct raml_sampler *sampler, const struct raml_round_plan *p,
                             const struct raml_question *q, uint64_t round, struct raml_err *err)
{
    struct raml_tokens prompt = {0};
    enum raml_code rc = raml_format_prompt(p->format, p->tokenizer, q->question, &prompt, err);
    if (!rc) rc = RAML_GROW(r->group, r->cap_groups, r->n_groups + 1, "questions of a round", err);
    if (rc) goto done;
    char name[RAML_QUESTION_NAME];
    raml_question_name(q, name);
    struct raml_rollout_group *g = &r->group[r->n_groups];
    *g = (struct raml_rollout_group){.question = q, .n_prompt = prompt.n, .n = p->n_samples};
    g->prompt = copied(r->arena, prompt.id, prompt.n, sizeof *prompt.id);
    g->sample = raml_arena_alloc(r->arena, g->n + p->n_forks, sizeof *g->sample);
    if (!g->prompt || !g->sample) {
        rc = no_memory(err);
        goto done;
    }
    const struct raml_sampler_job job = {.prompt = g->prompt,
                                         .n_prompt = g->n_prompt,
                                         .name = name,
                                         .question = raml_question_hash(q->question),
                                         .round = round,
                                         .n = g->n,
                                         .about = q};
    rc = raml_sampler_submit(sampler, &job, err);
    if (!rc) r->n_groups++;
done:
    raml_tokens_deinit(&prompt);
    return rc;
}

enum raml_code raml_round_sample(struct raml_round *r, struct raml_sampler *sampler, const struct raml_round_plan *p,
                                 const struct raml_question *const *question, const uint64_t *round, size_t n,
                                 struct raml_err *err)
{
    size_t first = r->n_groups;
    bool more = true;
    enum raml_code rc = RAML_OK;
    if (!r->arena) r->arena = raml_arena_open(SIZE_MAX / 2);
    if (!r->arena) return no_memory(err);
    for (size_t i = 0; i < n && !rc; i++) rc = submit(r, sampler, p, question[i], round[i], err);
    for (size_t i = first; !rc; i++) {
        struct raml_sampler_group got;
        rc = raml_sampler_next(sampler, &got, &more, p->sink, err);
        if (rc || !more) break;
        for (size_t k = 0; k < got.n && !rc; k++)
            rc = raml_round_take(r, sampler, &r->group[i], &got.completion[k], &r->group[i].sample[k], err);
    }
    return rc;
}

/* -- Which of them are trained on ---------------------------------------------------------------------------------- */

void raml_round_draw_updates(struct raml_rollout_group *g, size_t n, bool policy_alone, uint64_t seed, uint64_t round)
{
    struct raml_rng rng = {{.seed = seed,
                            .purpose = RAML_FOR_UPDATES,
                            .question = raml_question_hash(g->question->question),
                            .round = round},
                           0};
    size_t left = 0, wanted = n;
    for (size_t k = 0; k < g->n; k++) left += g->sample[k].is_row;
    if (!n || n >= left) return;
    for (size_t k = 0; k < g->n; k++) { /* selection sampling (Knuth, algorithm S) */
        if (!g->sample[k].is_row) continue;
        bool taken = raml_rng_below(&rng, (uint32_t)left--) < wanted;
        if (taken) wanted--;
        g->sample[k].in_policy &= taken;
        if (policy_alone) continue;
        g->sample[k].in_loss &= taken;
        g->sample[k].is_row = taken;
    }
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

static enum raml_code reserve(struct raml_round *r, size_t n_rows, size_t n, struct raml_err *err)
{
    float **const floats[] = {&r->weight, &r->policy_weight, &r->old_logp, &r->mu_logp, &r->ref_logp};
    double **const doubles[] = {&r->advantage, &r->correction};
    size_t cap = r->cap;
    enum raml_code rc = RAML_GROW(r->start, r->cap_starts, n_rows + 1, "samples of a round", err);
    if (!rc) rc = RAML_GROW(r->component, r->cap_components, n_rows * RAML_REWARD_KINDS, "rewards of a round", err);
    if (!rc) rc = RAML_GROW(r->first_row, r->cap_first, r->n_used + 1, "questions of a round", err);
    for (size_t i = 0; i < sizeof floats / sizeof *floats && !rc; i++) {
        cap = r->cap;
        rc = RAML_GROW(*floats[i], cap, n, "tokens of a round", err);
    }
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles && !rc; i++) {
        cap = r->cap;
        rc = RAML_GROW(*doubles[i], cap, n, "tokens of a round", err);
    }
    if (!rc) r->cap = cap;
    cap = r->cap_rows;
    if (!rc) rc = RAML_GROW(r->row, cap, n_rows, "samples of a round", err);
    cap = r->cap_rows;
    if (!rc) rc = RAML_GROW(r->reward, cap, n_rows, "samples of a round", err);
    cap = r->cap_rows;
    if (!rc) rc = RAML_GROW(r->baseline, cap, n_rows, "samples of a round", err);
    cap = r->cap_rows;
    if (!rc) rc = RAML_GROW(r->group_of, cap, n_rows, "samples of a round", err);
    if (!rc) r->cap_rows = cap;
    return rc;
}

static void lay_sample(struct raml_round *r, struct raml_rollout *s, size_t group, size_t n_components, bool policy)
{
    for (size_t i = s->shared; i < s->n; i++, r->n++) {
        bool forced = isnan(s->logp[i]);
        r->weight[r->n] = s->in_loss && !forced ? 1.0F : 0.0F;
        r->policy_weight[r->n] = s->in_loss && s->in_policy && !forced ? 1.0F : 0.0F;
        r->mu_logp[r->n] = forced ? 0 : policy ? s->logp[i] : s->mu_logp[i];
        r->old_logp[r->n] = r->ref_logp[r->n] = NAN;
        r->advantage[r->n] = 0;
        r->correction[r->n] = 1;
    }
    r->row[r->n_rows] = s;
    r->reward[r->n_rows] = s->reward;
    r->baseline[r->n_rows] = isnan(s->worth.termination) ? 0 : s->worth.termination; /* it could not have ended there */
    for (size_t i = 0; i < n_components; i++) r->component[r->n_rows * n_components + i] = s->worth.component[i];
    r->group_of[r->n_rows] = (uint32_t)group;
    r->start[++r->n_rows] = r->n;
}

enum raml_code raml_round_lay(struct raml_round *r, size_t n_components, bool policy, struct raml_err *err)
{
    size_t n_rows = 0, n = 0;
    for (size_t g = 0; g < r->n_used; g++) {
        n_rows += r->used[g]->n;
        for (size_t k = 0; k < r->used[g]->n; k++) n += r->used[g]->sample[k].n - r->used[g]->sample[k].shared;
    }
    enum raml_code rc = reserve(r, n_rows, n, err);
    if (rc) return rc;
    r->n_rows = r->n = 0;
    r->start[0] = 0;
    for (size_t g = 0; g < r->n_used; g++) {
        r->first_row[g] = r->n_rows;
        for (size_t k = 0; k < r->used[g]->n; k++) lay_sample(r, &r->used[g]->sample[k], g, n_components, policy);
    }
    r->first_row[r->n_used] = r->n_rows;
    return RAML_OK;
}
