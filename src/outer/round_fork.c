/* round_fork.c - samples that are grown from others of their group, and what their tokens are worth; see round.h.
 *
 * A fork keeps the first `shared` tokens of a parent, and samples from there on anew. The group's tree has its own tokens as
 * a span that hangs from inside its parent's; every token of the tree is a target once. Leaves of the tree are samples:
 * below a place of a sample are the sample itself, and the forks that left it there or later; below the prompt's end are
 * all samples of the group. With A(leaf) the usual advantage of a sample, a segment from one place where samples part to
 * the next has
 *   A(segment) = mean of A over the leaves below its end - mean of A over the leaves below its start.
 * Along a path the segments' advantages add up to that of its leaf. Without forks a sample is one segment: r - mean.
 */
#include "outer/round.h"

#include "raml/question.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- What can't be combined ---------------------------------------------------------------------------------------- */

static bool is_by_token(int correction, const struct raml_policy_options *p)
{
    switch (correction) {
    case RAML_CORRECTION_NONE:
    case RAML_CORRECTION_TIS_TOKEN:
    case RAML_CORRECTION_ICEPOP_TOKEN:
    case RAML_CORRECTION_KPOP: return true;
    case RAML_CORRECTION_OI_RHO: return !p->correction_sequence_level && !p->correction_tv;
    case RAML_CORRECTION_REJECT: return p->correction_level == RAML_REJECT_TOKEN;
    default: return false;
    }
}

/* Is what a sample's reward is divided by the same for all samples of its group? */
static bool is_common(int scale)
{
    return scale != RAML_SCALE_OTHERS && scale != RAML_SCALE_BATCH_CENTRED;
}

enum raml_code raml_round_fork_check(const struct raml_rollout_options *o, const struct raml_policy_options *p,
                                     bool answers, struct raml_err *err)
{
    if (!o->fork_samples) return RAML_OK;
    if (!p)
        return raml_fail(err, RAML_EUSAGE, "fork_samples is %lld; expected 0: expert iteration trains on whole samples",
                         (long long)o->fork_samples);
    const struct {
        bool holds;
        const char *what;
    } needs[] = {
        {!o->mask_truncated_completions, "mask_truncated_completions off"},
        {!o->updates_per_question || o->updates_per_question == o->num_generations, "updates_per_question 0"},
        {!answers, "a reward without a gradient of its own"},
        {p->advantage_baseline == RAML_BASELINE_GROUP, "advantage_baseline group"},
        {is_common(p->scale_rewards), "scale_rewards none, group, group-population, group-mean, batch or nonzero"},
        {!p->advantage_per_component, "advantage_per_component off"},
        {p->length_penalty == 0, "length_penalty 0"},
        {p->gamma == 1, "gamma 1"},
        {p->whiten_advantages == RAML_WHITEN_NONE, "whiten_advantages none"},
        {p->beta == 0 || p->kl_in == RAML_KL_IN_LOSS, "kl_in loss"},
        {p->policy_loss != RAML_LOSS_GMPO && p->policy_loss != RAML_LOSS_VESPO,
         "a policy_loss other than gmpo and vespo"},
        {p->ratio_level == RAML_RATIO_TOKEN, "ratio_level token"},
        {p->opsm_delta == 0, "opsm_delta 0"},
        {p->loss_aggregation != RAML_SEQ_MEAN_TOKEN_MEAN, "a loss_aggregation other than seq-mean-token-mean"},
        {is_by_token(p->correction, p), "a correction by token"},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (!needs[i].holds)
            return raml_fail(err, RAML_EUSAGE,
                             "fork_samples is %lld; it needs %s, since samples that fork have tokens in common",
                             (long long)o->fork_samples, needs[i].what);
    return RAML_OK;
}

/* -- Places -------------------------------------------------------------------------------------------------------- */

/* The tokens before the first that was forced. */
static size_t n_free(const struct raml_rollout *x)
{
    size_t n = 0;
    while (n < x->n && !isnan(x->logp[n])) n++;
    return n;
}

/* The token of entropy number `rank`, the highest 0, of equals the first; after the last the first again. */
static size_t place_of(const struct raml_rollout *x, const float *entropy, size_t rank)
{
    size_t n = n_free(x), at = 0;
    for (size_t left = n ? rank % n + 1 : 0, last = SIZE_MAX; left; left--, last = at) {
        size_t best = SIZE_MAX;
        for (size_t k = 0; k < n; k++) {
            if (last != SIZE_MAX && !(entropy[k] < entropy[last] || (entropy[k] == entropy[last] && k > last)))
                continue;
            if (best == SIZE_MAX || entropy[k] > entropy[best]) best = k;
        }
        at = best;
    }
    return at;
}

/* The entropies of all tokens of the samples of groups [first, ..), in order, as step->entropy. */
static enum raml_code read_entropies(const struct raml_round *r, size_t first, struct raml_packs *packs,
                                     struct raml_step *step, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    raml_step_clear(step);
    for (size_t i = first; i < r->n_groups && !rc; i++) {
        const struct raml_rollout_group *g = &r->group[i];
        struct raml_tree *tree;
        size_t row;
        rc = raml_step_tree(step, &tree, err);
        if (!rc) rc = raml_tree_add(tree, -1, 0, g->prompt, g->n_prompt, g->n_prompt, NULL, err);
        for (size_t k = 0; k < g->n && !rc; k++) {
            const struct raml_rollout *x = &g->sample[k];
            int32_t span;
            rc = raml_tree_add(tree, 0, (uint32_t)g->n_prompt, x->token, x->n - 1, 0, &span, err);
            if (!rc) rc = raml_tree_add_end_target(tree, span, x->token[x->n - 1], err);
        }
        if (!rc) rc = raml_step_rows(step, &row, err);
    }
    return rc ? rc : raml_packs_forward(packs, step->tree, step->n_trees, NULL, step->entropy, err);
}

/* Fork f of n leaves sample f modulo their number, each at its most uncertain tokens in turn. entropy: of the group's
 * tokens. */
static void choose_places(struct raml_rollout_group *g, size_t n, const float *entropy)
{
    for (size_t k = 0; k < g->n; k++) {
        const struct raml_rollout *x = &g->sample[k];
        for (size_t f = k, rank = 0; f < n; f += g->n, rank++) {
            struct raml_rollout *fork = &g->sample[g->n + f];
            *fork = (struct raml_rollout){.parent = x, .shared = place_of(x, entropy, rank)};
            fork->entropy = entropy[fork->shared];
        }
        entropy += x->n;
    }
}

/* -- Sampling ------------------------------------------------------------------------------------------------------ */

static enum raml_code submit(const struct raml_rollout_group *g, struct raml_sampler *sampler, size_t n,
                             struct raml_err *err)
{
    struct raml_sampler_start *start = calloc(n, sizeof *start);
    const struct raml_question *q = g->question;
    char name[RAML_QUESTION_NAME];
    if (!start) return raml_fail(err, RAML_ENOMEM, "no memory for %zu forks", n);
    for (size_t f = 0; f < n; f++) {
        const struct raml_rollout *x = &g->sample[g->n + f];
        start[f] = (struct raml_sampler_start){x->parent->token, x->shared};
    }
    raml_question_name(q, name);
    const struct raml_sampler_job job = {.prompt = g->prompt,
                                         .n_prompt = g->n_prompt,
                                         .name = name,
                                         .question = raml_question_hash(q->question),
                                         .round = g->epoch,
                                         .first_sample = (uint32_t)g->n,
                                         .n = n,
                                         .start = start,
                                         .about = q};
    enum raml_code rc = raml_sampler_submit(sampler, &job, err);
    free(start);
    return rc;
}

/* The completion with the log-probabilities of what it shares. */
static enum raml_code take(struct raml_round *r, const struct raml_sampler *sampler, const struct raml_rollout_group *g,
                           const struct raml_sampler_completion *c, struct raml_rollout *out, struct raml_err *err)
{
    const struct raml_rollout fork = *out;
    const struct raml_rollout *parent = fork.parent;
    enum raml_code rc = raml_round_take(r, sampler, g, c, out, err);
    if (rc) return rc;
    out->parent = parent;
    out->shared = fork.shared;
    out->entropy = fork.entropy;
    memcpy(out->logp, parent->logp, fork.shared * sizeof *out->logp);
    memcpy(out->mu_logp, parent->mu_logp, fork.shared * sizeof *out->mu_logp);
    for (size_t k = 0; k < fork.shared; k++) out->said.logp_sum += (double)out->logp[k];
    out->read.logp_sum = out->said.logp_sum;
    return RAML_OK;
}

enum raml_code raml_round_fork(struct raml_round *r, size_t first, size_t n, struct raml_sampler *sampler,
                               struct raml_packs *packs, struct raml_step *scratch, const struct raml_sink *sink,
                               struct raml_err *err)
{
    size_t token = 0;
    bool more = true;
    enum raml_code rc = read_entropies(r, first, packs, scratch, err);
    for (size_t i = first; i < r->n_groups && !rc; i++) {
        struct raml_rollout_group *g = &r->group[i];
        choose_places(g, n, scratch->entropy + token);
        for (size_t k = 0; k < g->n; k++) token += g->sample[k].n;
        rc = submit(g, sampler, n, err);
    }
    for (size_t i = first; !rc; i++) {
        struct raml_sampler_group got;
        rc = raml_sampler_next(sampler, &got, &more, sink, err);
        if (rc || !more) break;
        struct raml_rollout_group *g = &r->group[i];
        for (size_t f = 0; f < n && !rc; f++) rc = take(r, sampler, g, &got.completion[f], &g->sample[g->n + f], err);
        g->n += n;
    }
    return rc;
}

/* -- Advantages ---------------------------------------------------------------------------------------------------- */

size_t raml_round_fork_next(const struct raml_rollout_group *g, const struct raml_rollout *x, size_t at)
{
    size_t next = x->n;
    for (size_t f = 0; f < g->n; f++) {
        const struct raml_rollout *fork = &g->sample[f];
        if (fork->parent == x && fork->shared > at && fork->shared < next) next = fork->shared;
    }
    return next;
}

struct leaves { /* of a group */
    const struct raml_rollout_group *group;
    const double *worth; /* [group->n] the usual advantages */
    double mean;
};

/* The mean of the leaves below the place after n tokens of sample x; n 0: of all. */
static double below(const struct leaves *l, const struct raml_rollout *x, size_t n)
{
    const struct raml_rollout_group *g = l->group;
    double sum = l->worth[x - g->sample], count = 1;
    if (!n) return l->mean;
    for (size_t f = 0; f < g->n; f++) {
        if (g->sample[f].parent != x || g->sample[f].shared < n) continue;
        sum += l->worth[f];
        count++;
    }
    return sum / count;
}

/* advantage: of the sample's own tokens. */
static void write_segments(const struct leaves *l, const struct raml_rollout *x, double *advantage)
{
    double start = x->parent ? below(l, x->parent, x->shared) : l->mean;
    for (size_t at = x->shared, next; at < x->n; at = next) {
        next = raml_round_fork_next(l->group, x, at);
        double end = below(l, x, next);
        for (size_t k = at; k < next; k++) advantage[k - x->shared] = end - start;
        start = end;
    }
}

static bool has_forks(const struct raml_rollout_group *g)
{
    return g->n && g->sample[g->n - 1].parent;
}

enum raml_code raml_round_fork_advantages(struct raml_round *r, struct raml_err *err)
{
    for (size_t i = 0; i < r->n_used; i++) {
        const struct raml_rollout_group *g = r->used[i];
        if (!has_forks(g)) continue;
        double *worth = raml_arena_alloc(r->arena, g->n, sizeof *worth), sum = 0;
        if (!worth) return raml_fail(err, RAML_ENOMEM, "no memory for the advantages of %zu samples", g->n);
        for (size_t k = 0; k < g->n; k++) sum += worth[k] = r->advantage[r->start[r->first_row[i] + k]];
        const struct leaves l = {g, worth, sum / (double)g->n};
        for (size_t k = 0; k < g->n; k++)
            write_segments(&l, &g->sample[k], r->advantage + r->start[r->first_row[i] + k]);
    }
    return RAML_OK;
}
