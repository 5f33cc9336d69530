/* rollout_round.c - a round: questions, samples, rewards, scores, advantages. See rollouts.h. */
#include "outer/rollout_source.h"

#include "core/array.h"
#include "core/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Sampling ------------------------------------------------------------------------------------------------------ */

/* The weights were changed since the last round: what may help. */
static enum raml_code advise(const struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_err was = *err;
    return raml_fail(err, RAML_ERANGE,
                     "%s; the last checkpoint is kept (a lower learning_rate, now %g, or max_grad_norm may help)",
                     was.msg, s->opt->learning_rate);
}

/* Samples the next n questions of the stream and rewards them. */
static enum raml_code sample_more(struct raml_rollout_source *s, struct raml_packs *packs, uint64_t *position, size_t n,
                                  struct raml_err *err)
{
    struct raml_round *r = &s->round;
    size_t n_forks = (size_t)s->own->fork_samples;
    const struct raml_round_plan plan = {s->job->tokenizer, &s->job->format, (size_t)s->own->num_generations - n_forks,
                                         &s->quiet, n_forks};
    const struct raml_question **question = calloc(n, sizeof *question);
    uint64_t *round = calloc(n, sizeof *round);
    size_t first = r->n_groups;
    struct raml_sampler_stats before, after;
    raml_sampler_read_stats(s->sampler, &before);
    double start = raml_clock_monotonic();
    enum raml_code rc =
        question && round ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a round of %zu questions", n);
    for (size_t i = 0; i < n && !rc; i++) {
        uint64_t p = *position + i * (uint64_t)s->comm->size + (uint64_t)s->comm->rank;
        question[i] = s->questions_of_data.question[raml_order_at(&s->order, p)];
        round[i] = 1 + p / s->order.n; /* a question comes once an epoch; 0 is evaluation's */
    }
    if (!rc) rc = raml_round_sample(r, s->sampler, &plan, question, round, n, err);
    if (rc == RAML_ERANGE) rc = advise(s, err);
    for (size_t i = first; i < r->n_groups && !rc; i++) r->group[i].epoch = round[i - first];
    if (!rc && n_forks) rc = raml_round_fork(r, first, n_forks, s->sampler, packs, &s->scored, &s->quiet, err);
    if (n_forks) s->read_tokens += s->scored.n_read;
    raml_sampler_read_stats(s->sampler, &after);
    s->read_tokens += after.prompt_tokens - before.prompt_tokens + after.tokens - before.tokens;
    raml_statistics_add(&s->seconds, "sampling", raml_clock_monotonic() - start, 1);
    start = raml_clock_monotonic();
    if (!rc) rc = raml_rollout_reward(s, packs, r, first, err);
    raml_statistics_add(&s->seconds, "reward", raml_clock_monotonic() - start, 1);
    if (!rc) *position += n * (uint64_t)s->comm->size;
    free(question);
    free(round);
    return rc;
}

static size_t count_signal(const struct raml_round *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_groups; i++) n += r->group[i].signal;
    return n;
}

/* The round's groups: the first `wanted` with signal, then, where there are too few, the first without. */
static enum raml_code choose(struct raml_round *r, size_t wanted, bool only_signal, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(r->used, r->cap_used, wanted, "questions of a round", err);
    for (int pass = 0; pass < 2 && !rc; pass++)
        for (size_t i = 0; i < r->n_groups && r->n_used < wanted; i++) {
            struct raml_rollout_group *g = &r->group[i];
            if (g->used || (only_signal && pass == 0 && !g->signal)) continue;
            g->used = true;
            r->used[r->n_used++] = g;
        }
    return rc;
}

/* The most questions with signal that a rank lacks: all draw as many, so that the stream stays one. */
static enum raml_code missing(const struct raml_rollout_source *s, size_t wanted, size_t *n, struct raml_err *err)
{
    size_t size = (size_t)s->comm->size, have = count_signal(&s->round);
    double *lacks = calloc(size, sizeof *lacks);
    if (!lacks) return raml_fail(err, RAML_ENOMEM, "no memory for %zu processes", size);
    lacks[s->comm->rank] = have < wanted ? (double)(wanted - have) : 0;
    enum raml_code rc = s->comm->sum(s->comm->user, lacks, size, err);
    *n = 0;
    for (size_t i = 0; i < size; i++) *n = (size_t)lacks[i] > *n ? (size_t)lacks[i] : *n;
    free(lacks);
    return rc;
}

static enum raml_code gather(struct raml_rollout_source *s, struct raml_packs *packs, struct raml_err *err)
{
    size_t wanted = s->questions * (size_t)s->own->steps_per_generation / (size_t)s->comm->size;
    uint64_t position = s->position;
    enum raml_code rc = raml_comm_agree(s->comm, sample_more(s, packs, &position, wanted, err), err);
    for (int64_t i = 0; s->own->dynamic_sampling && i < s->own->max_resamples && !rc; i++) {
        size_t n = 0;
        rc = missing(s, wanted, &n, err);
        if (rc || !n) break;
        rc = raml_comm_agree(s->comm, sample_more(s, packs, &position, n, err), err);
    }
    if (!rc) rc = choose(&s->round, wanted, s->own->dynamic_sampling, err);
    if (!rc) s->position = position;
    return rc;
}

/* -- Which samples are trained on ---------------------------------------------------------------------------------- */

static bool same_text(const struct raml_rollout *a, const struct raml_rollout *b)
{
    return a->n == b->n && !memcmp(a->token, b->token, a->n * sizeof *a->token);
}

/* Expert iteration: those that are right, each text once. */
static void keep_right(struct raml_rollout_group *g)
{
    for (size_t k = 0; k < g->n; k++) {
        struct raml_rollout *s = &g->sample[k];
        s->in_loss &= s->read.correct == RAML_EQUAL;
        for (size_t i = 0; i < k && s->in_loss; i++)
            if (g->sample[i].in_loss && same_text(&g->sample[i], s)) s->in_loss = false;
        s->is_row = s->in_loss;
    }
}

static void select_samples(struct raml_rollout_source *s)
{
    const struct raml_rollout_options *o = s->own;
    for (size_t i = 0; i < s->round.n_used; i++) {
        struct raml_rollout_group *g = s->round.used[i];
        for (size_t k = 0; k < g->n; k++)
            if (o->mask_truncated_completions && g->sample[k].truncated) g->sample[k].in_loss = false;
        if (!s->policy && !s->distill) keep_right(g);
        raml_round_draw_updates(g, (size_t)o->updates_per_question,
                                s->policy && o->updates_scope == RAML_UPDATES_POLICY_TERM, s->opt->seed, g->epoch);
    }
}

/* -- Scores -------------------------------------------------------------------------------------------------------- */

/* Rows of the step's tokens, in the round's arrays. */
static void spread(const struct raml_step *step, const struct raml_row_map *map, const struct raml_round *r,
                   const float *from, float *to)
{
    for (size_t i = 0; i < map->n; i++)
        if (!map->answer[i])
            memcpy(to + r->start[map->row[i]], from + step->start[i],
                   (step->start[i + 1] - step->start[i]) * sizeof *to);
}

/* Of n groups from `first` on: the trees of a step, so that they go into the packs that the step's will go into, and
 * its ratio is 1 to the last bit also where rounding depends on the pack (bf16). */
static enum raml_code score_step(struct raml_rollout_source *s, struct raml_packs *packs, size_t first, size_t n,
                                 struct raml_err *err)
{
    struct raml_round *r = &s->round;
    struct raml_step *x = &s->scored;
    raml_step_clear(x);
    enum raml_code rc = raml_round_trees(r, first, n, s->answers, s->own->share_prompts, x, &s->map, err);
    if (!rc && r->has_old) rc = raml_packs_forward(packs, x->tree, x->n_trees, x->logp, NULL, err);
    if (!rc && r->has_old) spread(x, &s->map, r, x->logp, r->old_logp);
    if (!rc && r->has_ref) rc = raml_packs_forward(&s->reference, x->tree, x->n_trees, x->logp, NULL, err);
    if (!rc && r->has_ref) spread(x, &s->map, r, x->logp, r->ref_logp);
    s->read_tokens += (uint64_t)(r->has_old + r->has_ref) * x->n_read;
    return rc;
}

static enum raml_code score(struct raml_rollout_source *s, struct raml_packs *packs, struct raml_err *err)
{
    struct raml_round *r = &s->round;
    double start = raml_clock_monotonic();
    size_t n = r->n_used / (size_t)s->own->steps_per_generation;
    enum raml_code rc = RAML_OK;
    r->has_old = s->scores;
    r->has_ref = s->reference.model != NULL;
    if (!r->has_old && !r->has_ref) return RAML_OK;
    for (size_t first = 0; first < r->n_used && !rc; first += n) rc = score_step(s, packs, first, n, err);
    raml_statistics_add(&s->seconds, "scoring", raml_clock_monotonic() - start, 1);
    return rc;
}

/* A sample that is left out of the loss has its length and its reward all the same. *out NULL: weights as they are, since
 * what KL takes from a reward is known of the samples in the loss only. */
static enum raml_code advantage_weights(const struct raml_rollout_source *s, float **out, struct raml_err *err)
{
    const struct raml_round *r = &s->round;
    *out = NULL;
    if (s->policy->beta > 0 && s->policy->kl_in != RAML_KL_IN_LOSS) return RAML_OK;
    float *w = malloc((r->n + 1) * sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for the weights of %zu tokens", r->n);
    for (size_t row = 0, i = 0; row < r->n_rows; row++)
        for (size_t k = r->row[row]->shared; k < r->row[row]->n; k++)
            w[i++] = isnan(r->row[row]->logp[k]) ? 0.0F : 1.0F;
    *out = w;
    return RAML_OK;
}

/* Advantages and corrections; a rule that rejects tokens takes them out of the masks. */
static enum raml_code evaluate(struct raml_rollout_source *s, struct raml_err *err)
{
    struct raml_round *r = &s->round;
    if (!s->policy) return RAML_OK;
    float *weight;
    enum raml_code rc = advantage_weights(s, &weight, err);
    const struct raml_rollouts in = {.n_rows = r->n_rows,
                                     .start = r->start,
                                     .weight = weight ? weight : r->weight,
                                     .old_logp = r->has_old ? r->old_logp : NULL,
                                     .mu_logp = r->mu_logp,
                                     .ref_logp = r->has_ref ? r->ref_logp : NULL,
                                     .reward = r->reward,
                                     .component = s->mix.n > 1 ? r->component : NULL,
                                     .component_weight = s->mix.weight,
                                     .n_components = s->mix.n > 1 ? s->mix.n : 0,
                                     .group = r->group_of,
                                     .baseline = s->points & RAML_REWARD_AT_TERMINATION ? r->baseline : NULL};
    if (!rc) rc = raml_advantages(s->policy, &in, s->comm, r->advantage, err);
    if (!rc && s->own->fork_samples) rc = raml_round_fork_advantages(r, err);
    free(weight);
    if (rc || !s->corrects) return rc;
    rc = raml_corrections(s->policy, &in, r->advantage, s->comm, r->correction, r->weight, err);
    for (size_t i = 0; i < r->n; i++)
        if (!(r->weight[i] > 0)) r->policy_weight[i] = 0;
    return rc;
}

enum raml_code raml_rollout_round(struct raml_rollout_source *s, uint64_t number, struct raml_packs *packs,
                                  struct raml_err *err)
{
    raml_round_clear(&s->round);
    s->seconds = (struct raml_statistics){0};
    enum raml_code rc = gather(s, packs, err);
    if (!rc && s->distill) rc = raml_teacher_prompts(s, err);
    if (!rc) select_samples(s);
    if (!rc) rc = raml_round_lay(&s->round, s->mix.n, s->samples_policy, err);
    if (!rc && s->distill) rc = raml_teacher_read(s, packs, err);
    if (!rc && !s->distill) rc = score(s, packs, err);
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc) rc = evaluate(s, err);
    return rc ? rc : raml_rollout_write(s, number + 1, err);
}
