/* prune_losses.c - borders, greedy's rounds, subsets and kept texts of several trajectories side by side, so that they
 * share passes. See prune_parts.h. */
#include "study/prune_parts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

struct query { /* texts of several trajectories, and their losses */
    struct raml_tokens pool;
    size_t *end; /* [n] each text's in the pool */
    struct raml_branch_text *text;
    double *loss;
    bool *greedy;
    size_t n, cap_end, cap_text, cap_loss, cap_greedy;
    struct raml_branch_job *job; /* [n_jobs] */
    size_t *first;               /* [n_jobs] text */
    size_t n_jobs, cap_jobs, cap_first;
    bool *flag;
    size_t cap_flags;
};

static void query_deinit(struct query *q)
{
    raml_tokens_deinit(&q->pool);
    free(q->end);
    free(q->text);
    free(q->loss);
    free(q->greedy);
    free(q->job);
    free(q->first);
    free(q->flag);
}

static void query_clear(struct query *q)
{
    q->pool.n = q->n = q->n_jobs = 0;
}

/* The texts added from now on are of this trajectory. */
static enum raml_code query_begin(struct query *q, const struct raml_prune_item *it, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(q->job, q->cap_jobs, q->n_jobs + 1, "trajectories", err);
    if (!rc) rc = RAML_GROW(q->first, q->cap_first, q->n_jobs + 1, "trajectories", err);
    if (!rc) rc = RAML_GROW(q->flag, q->cap_flags, it->n + 1, "steps", err);
    if (rc) return rc;
    q->job[q->n_jobs] = raml_prune_item_job(it);
    q->first[q->n_jobs++] = q->n;
    return RAML_OK;
}

static enum raml_code query_end_text(struct query *q, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(q->end, q->cap_end, q->n + 1, "texts", err);
    if (rc) return rc;
    q->end[q->n++] = q->pool.n;
    q->job[q->n_jobs - 1].n_texts++;
    return RAML_OK;
}

/* Steps of q->flag. */
static enum raml_code query_add_steps(struct query *q, const struct raml_prune_item *it, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t s = 0; !rc && s < it->n; s++)
        if (q->flag[s])
            rc = raml_tokens_add(&q->pool, it->text.trajectory.id + it->at.at[s], it->at.at[s + 1] - it->at.at[s], err);
    return rc ? rc : query_end_text(q, err);
}

static enum raml_code query_run(struct query *q, const struct raml_prune_plan *p, struct raml_err *err)
{
    enum raml_code rc = RAML_RESERVE(q->text, q->cap_text, q->n, "texts", err);
    if (!rc) rc = RAML_RESERVE(q->loss, q->cap_loss, q->n, "losses", err);
    if (!rc) rc = RAML_RESERVE(q->greedy, q->cap_greedy, q->n, "losses", err);
    if (rc) return rc;
    for (size_t i = 0; i < q->n; i++) {
        size_t from = i ? q->end[i - 1] : 0;
        q->text[i] = (struct raml_branch_text){q->pool.id + from, q->end[i] - from};
    }
    for (size_t j = 0; j < q->n_jobs; j++) {
        q->job[j].text = q->text + q->first[j];
        q->job[j].loss = q->loss + q->first[j];
        q->job[j].greedy = q->greedy + q->first[j];
    }
    return raml_branches_run(p->branches, q->job, q->n_jobs, err);
}

/* -- Borders ------------------------------------------------------------------------------------------------------- */

static enum raml_code run_borders(struct query *q, const struct raml_prune_plan *p, struct raml_prune_item *it,
                                  size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    query_clear(q);
    for (size_t i = 0; !rc && i < n; i++) {
        rc = query_begin(q, &it[i], err);
        if (!rc) memset(q->flag, 0, it[i].n * sizeof *q->flag);
        for (size_t s = 0; !rc && s <= it[i].n; s++) {
            rc = query_add_steps(q, &it[i], err);
            if (s < it[i].n) q->flag[s] = true;
        }
    }
    if (!rc) rc = query_run(q, p, err);
    for (size_t i = 0; !rc && i < n; i++) {
        rc = RAML_GROW(it[i].L, it[i].cap_L, it[i].n + 1, "losses", err);
        if (rc) break;
        memcpy(it[i].L, q->loss + q->first[i], (it[i].n + 1) * sizeof *it[i].L);
        rc = raml_prune_path_init(&it[i].path, it[i].n, it[i].L[it[i].n], err);
    }
    return rc;
}

/* -- Subsets ------------------------------------------------------------------------------------------------------- */

static enum raml_code run_subsets(struct query *q, const struct raml_prune_plan *p, struct raml_prune_item *it,
                                  struct raml_err *err)
{
    size_t n = (size_t)1 << it->n;
    query_clear(q);
    enum raml_code rc = query_begin(q, it, err);
    for (size_t mask = 0; !rc && mask < n; mask++) {
        raml_prune_subset(mask, it->n, q->flag);
        rc = query_add_steps(q, it, err);
    }
    if (!rc) rc = query_run(q, p, err);
    if (!rc) rc = RAML_GROW(it->subset, it->cap_subset, n, "losses of subsets", err);
    if (rc) return rc;
    memcpy(it->subset, q->loss, n * sizeof *it->subset);
    it->has_subsets = true;
    return RAML_OK;
}

/* -- Greedy's rounds ----------------------------------------------------------------------------------------------- */

static enum raml_code add_candidates(struct query *q, const struct raml_prune_item *it, struct raml_err *err)
{
    enum raml_code rc = query_begin(q, it, err);
    if (rc) return rc;
    raml_prune_path_kept(&it->path, it->path.n_rounds, q->flag);
    for (size_t s = 0; !rc && s < it->n; s++) {
        if (!q->flag[s]) continue;
        q->flag[s] = false;
        rc = query_add_steps(q, it, err);
        q->flag[s] = true;
    }
    return rc;
}

static bool goes_on(const struct raml_prune_plan *p, const struct raml_prune_item *it)
{
    return raml_prune_path_goes_on(&it->path, raml_prune_limit(p, it->path.full));
}

static enum raml_code run_rounds(struct query *q, const struct raml_prune_plan *p, struct raml_prune_item *it, size_t n,
                                 struct raml_err *err)
{
    for (;;) {
        enum raml_code rc = RAML_OK;
        if (raml_should_stop(p->job->sink)) return raml_fail(err, RAML_ESTOP, "stopped");
        query_clear(q);
        for (size_t i = 0; !rc && i < n; i++)
            if (goes_on(p, &it[i])) rc = add_candidates(q, &it[i], err);
        if (rc || q->n_jobs == 0) return rc;
        rc = query_run(q, p, err);
        if (rc) return rc;
        for (size_t i = 0, job = 0; i < n; i++)
            if (goes_on(p, &it[i])) raml_prune_path_add(&it[i].path, q->loss + q->first[job++]);
    }
}

/* -- Kept texts ---------------------------------------------------------------------------------------------------- */

static enum raml_code run_sets(struct query *q, const struct raml_prune_plan *p, struct raml_prune_item *it, size_t n,
                               struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    query_clear(q);
    for (size_t i = 0; !rc && i < n; i++) {
        rc = raml_prune_levels_fill(p, &it[i], err);
        if (!rc) rc = query_begin(q, &it[i], err);
        for (size_t k = 0; !rc && k < it[i].n_sets; k++) {
            rc = raml_tokens_add(&q->pool, it[i].pool.id + it[i].set[k].at, it[i].set[k].n, err);
            if (!rc) rc = query_end_text(q, err);
        }
    }
    if (!rc) rc = query_run(q, p, err);
    for (size_t i = 0; !rc && i < n; i++)
        for (size_t k = 0; k < it[i].n_sets; k++) {
            it[i].set[k].loss = q->loss[q->first[i] + k];
            it[i].set[k].greedy = q->greedy[q->first[i] + k];
        }
    return rc;
}

enum raml_code raml_prune_losses(const struct raml_prune_plan *p, struct raml_prune_item *it, size_t n,
                                 struct raml_err *err)
{
    struct query q = {.n = 0};
    enum raml_code rc = run_borders(&q, p, it, n, err);
    for (size_t i = 0; !rc && i < n; i++)
        if (it[i].n <= p->opt->all_subsets) rc = run_subsets(&q, p, &it[i], err);
    if (!rc) rc = run_rounds(&q, p, it, n, err);
    if (!rc) rc = run_sets(&q, p, it, n, err);
    query_deinit(&q);
    return rc;
}
