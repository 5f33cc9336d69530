/* rollout_terms.c - steps made of a round: trees, terms, and what is asked of them after the pass. See rollouts.h. */
#include "outer/rollout_source.h"

#include "core/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Which groups -------------------------------------------------------------------------------------------------- */

struct part {
    size_t first, n; /* groups of the round */
};

static struct part groups_of(const struct raml_rollout_source *s, uint64_t update)
{
    size_t steps = (size_t)s->own->steps_per_generation, n = s->round.n_used / steps;
    return (struct part){(size_t)(update % steps) * n, n};
}

/* -- Scales: every row of the step, those without a tree too --------------------------------------------------------- */

struct rows { /* of a step, one after another */
    size_t n, n_tokens;
    size_t *start; /* [n + 1] */
    size_t *of;    /* [rows of the round] its number here */
    float *weight, *policy_weight;
    double *scale, *kl_scale, *entropy_scale;
};

static void rows_deinit(struct rows *x)
{
    free(x->start);
    free(x->of);
    free(x->weight);
    free(x->policy_weight);
    free(x->scale);
    free(x->kl_scale);
    free(x->entropy_scale);
}

static enum raml_code rows_init(struct rows *x, const struct raml_round *r, struct part p, struct raml_err *err)
{
    size_t n = r->n + 1;
    *x = (struct rows){.start = calloc(r->n_rows + 1, sizeof *x->start),
                       .of = calloc(r->n_rows + 1, sizeof *x->of),
                       .weight = calloc(n, sizeof *x->weight),
                       .policy_weight = calloc(n, sizeof *x->policy_weight),
                       .scale = calloc(n, sizeof *x->scale),
                       .kl_scale = calloc(n, sizeof *x->kl_scale),
                       .entropy_scale = calloc(n, sizeof *x->entropy_scale)};
    if (!x->start || !x->of || !x->weight || !x->policy_weight || !x->scale || !x->kl_scale || !x->entropy_scale)
        return raml_fail(err, RAML_ENOMEM, "no memory for the terms of %zu samples", r->n_rows);
    for (size_t i = r->first_row[p.first]; i < r->first_row[p.first + p.n]; i++) {
        size_t length = r->start[i + 1] - r->start[i];
        if (!r->row[i]->is_row) continue;
        memcpy(x->weight + x->n_tokens, r->weight + r->start[i], length * sizeof *x->weight);
        memcpy(x->policy_weight + x->n_tokens, r->policy_weight + r->start[i], length * sizeof *x->weight);
        x->of[i] = x->n;
        x->start[++x->n] = x->n_tokens += length;
    }
    return RAML_OK;
}

static enum raml_code aggregate(const struct raml_rollout_source *s, struct rows *x, struct raml_err *err)
{
    const struct raml_policy_options *o = s->policy;
    enum raml_code rc = raml_aggregation(o, RAML_TERM_POLICY, x->n, x->start, x->policy_weight, s->comm, x->scale, err);
    if (!rc) rc = raml_aggregation(o, RAML_TERM_KL, x->n, x->start, x->weight, s->comm, x->kl_scale, err);
    return rc ? rc : raml_aggregation(o, RAML_TERM_ENTROPY, x->n, x->start, x->weight, s->comm, x->entropy_scale, err);
}

/* -- Terms --------------------------------------------------------------------------------------------------------- */

/* Of the reference answer's tokens after a sample: the reward's own gradient, a mean over the rows of all ranks. */
static void fill_answer(const struct raml_rollout_source *s, size_t row, double n_rows, struct raml_step *step)
{
    const struct raml_round *r = &s->round;
    size_t of = s->map.row[row], n = step->start[row + 1] - step->start[row];
    const struct raml_rollout_group *g = r->used[r->group_of[of]];
    const struct raml_rollout *x = r->row[of];
    const struct raml_answer_curve curve = raml_rollout_curve(g, x);
    const struct raml_reward_sample sample = raml_rollout_sample(s, x, &curve);
    double *c = step->likelihood + step->start[row];
    raml_reward_coefficients(s->reward, &s->mix, &sample, &x->worth, r->advantage[r->start[of]], c);
    for (size_t i = 0; i < n; i++) {
        c[i] /= n_rows;
        step->weight[step->start[row] + i] = 0;
    }
}

static void fill_row(const struct raml_rollout_source *s, const struct rows *x, size_t row, struct raml_step *step)
{
    const struct raml_round *r = &s->round;
    size_t from = s->map.row[row], token = r->start[from], scale = x->start[x->of[from]];
    for (size_t i = step->start[row]; i < step->start[row + 1]; i++, token++, scale++) {
        step->weight[i] = s->map.taught[row] ? 0 : r->weight[token];
        if (s->distill && step->ref_logp) step->ref_logp[i] = r->ref_logp[token];
        if (!s->policy) continue;
        if (step->old_logp) step->old_logp[i] = r->old_logp[token];
        if (step->mu_logp) step->mu_logp[i] = r->mu_logp[token];
        if (step->ref_logp) step->ref_logp[i] = r->ref_logp[token];
        step->advantage[i] = r->advantage[token];
        step->correction[i] = r->correction[token];
        step->scale[i] = x->scale[scale];
        step->kl_scale[i] = x->kl_scale[scale];
        step->entropy_scale[i] = x->entropy_scale[scale];
    }
}

/* The loss's denominators, known before any backward pass. */
static enum raml_code count(const struct raml_rollout_source *s, struct raml_step *step, struct raml_err *err)
{
    for (size_t i = 0; i < step->n; i++) step->trained += (double)step->weight[i];
    step->total = step->trained;
    return s->comm->sum(s->comm->user, &step->total, 1, err);
}

/* Tokens that the model would read if every sample had its own prompt, over those that it reads. A span hangs from the
 * prompt, or is a sample's fork, or (no targets) what a fork begins with, or a probe of its sample. */
static void count_sharing(struct raml_step *step, bool forks)
{
    double alone = 0, read = 0;
    for (size_t t = 0; t < step->n_trees; t++) {
        const struct raml_tree *tree = &step->tree[t];
        read += (double)tree->n_tokens;
        for (size_t i = 1; i < tree->n_spans; i++) {
            const struct raml_span *span = &tree->span[i];
            if (span->parent < 0 || (forks && !span->has_end_target)) continue;
            alone += span->n + (forks || tree->span[span->parent].parent < 0 ? span->depth : 0);
        }
    }
    raml_statistics_add(&step->statistics, "tree_token_ratio", alone, read);
}

enum raml_code raml_rollout_step(struct raml_rollout_source *s, uint64_t update, struct raml_step *step,
                                 struct raml_err *err)
{
    struct part p = groups_of(s, update);
    struct rows x = {0};
    double n_rows;
    if (s->answers) step->has |= RAML_STEP_LIKELIHOOD;
    if (s->policy)
        step->has |= RAML_STEP_MU | RAML_STEP_ADVANTAGE | RAML_STEP_CORRECTION | RAML_STEP_SCALE |
                     RAML_STEP_TERM_SCALES | (s->round.has_old ? RAML_STEP_OLD : 0U) |
                     (s->round.has_ref ? RAML_STEP_REF : 0U);
    if (s->distill && s->round.has_ref) step->has |= RAML_STEP_REF;
    bool beside = s->distill && s->distill->one_pass, share = s->own->share_prompts;
    enum raml_code rc = beside ? raml_round_teacher_trees(&s->round, p.first, p.n, true, share, step, &s->map, err)
                               : raml_round_trees(&s->round, p.first, p.n, s->answers, share, step, &s->map, err);
    if (!rc) rc = rows_init(&x, &s->round, p, err);
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc && s->policy) rc = aggregate(s, &x, err);
    n_rows = (double)x.n;
    if (!rc) rc = s->comm->sum(s->comm->user, &n_rows, 1, err);
    for (size_t i = 0; i < s->map.n && !rc; i++) {
        if (s->map.answer[i]) fill_answer(s, i, n_rows, step);
        else fill_row(s, &x, i, step);
        if (beside) step->pair[i] = (s->map.taught[i] ? -1 : 1) * ((int32_t)s->map.row[i] + 1);
    }
    rows_deinit(&x);
    if (!rc) rc = count(s, step, err);
    if (rc) return rc;
    count_sharing(step, s->own->fork_samples > 0);
    if (update == 0) {
        raml_rollout_count(s, &step->statistics);
        if (s->distill) raml_teacher_count(s, &step->statistics);
        raml_statistics_join(&step->seconds, &s->seconds);
        step->n_read += s->read_tokens;
        s->read_tokens = 0;
    }
    return RAML_OK;
}

/* -- After the pass ------------------------------------------------------------------------------------------------ */

/* token: in the step; k: in its sample. */
static enum raml_code not_one(const struct raml_step *step, size_t row, size_t token, size_t k, double was,
                              const char *whose, struct raml_err *err)
{
    char name[RAML_QUESTION_NAME];
    double now = (double)step->logp[token];
    return raml_fail(err, RAML_ERANGE,
                     "%s, sample %zu, token %zu: the first update's ratio is %.9g, expected exactly "
                     "1 (log-probability %.9g now, %.9g %s)",
                     raml_question_name(step->row[row].question, name), step->row[row].trajectory + 1, k + 1,
                     exp(now - was), now, was, whose);
}

/* How far the trainer's log-probabilities are from the sampler's, whose weights were the same. */
static enum raml_code compare(const struct raml_rollout_source *s, struct raml_step *step, bool exact,
                              struct raml_err *err)
{
    const struct raml_round *r = &s->round;
    double sum = 0, n = 0, most = 0;
    for (size_t row = 0; row < step->n_rows; row++) {
        const struct raml_rollout *x = r->row[s->map.row[row]];
        if (s->map.answer[row] || s->map.taught[row]) continue;
        for (size_t k = x->shared; k < x->n; k++) {
            size_t i = step->start[row] + k - x->shared;
            if (isnan(x->logp[k])) continue; /* it was forced */
            double gap = fabs((double)step->logp[i] - (double)x->logp[k]);
            if (step->old_logp && step->logp[i] != step->old_logp[i])
                return not_one(step, row, i, k, (double)step->old_logp[i], "before it", err);
            if (exact && gap != 0) return not_one(step, row, i, k, (double)x->logp[k], "when it was sampled", err);
            sum += gap;
            n++;
            most = fmax(most, gap);
        }
    }
    raml_statistics_add(&step->statistics, "logp_gap/mean", sum, n);
    raml_statistics_max(&step->statistics, "logp_gap/max", most);
    return RAML_OK;
}

/* The second term of the loss: the reward's own gradient. */
static void count_answers(struct raml_step *step)
{
    double loss = 0;
    for (size_t i = 0; i < step->n; i++) loss -= step->likelihood[i] * (double)step->logp[i];
    raml_statistics_add(&step->statistics, "answer_loss", loss, 1);
}

enum raml_code raml_rollout_after(struct raml_rollout_source *s, uint64_t update, struct raml_step *step,
                                  struct raml_err *err)
{
    if (s->answers) count_answers(step);
    if (update) return RAML_OK;
    return compare(s, step, raml_model_dtype(s->job->model) == RAML_F32, err);
}
