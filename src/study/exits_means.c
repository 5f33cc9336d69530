/* exits_means.c - what policies come to on each half of the questions, and which settings are chosen. See exits_parts.h.
 */
#include "study/exits_parts.h"

#include "eval/cluster.h"
#include "eval/cluster_draws.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REASONS = 12, REASONS_TEXT = 400 };

struct half { /* of the questions */
    const struct raml_exits_runs *runs;
    enum raml_exits_half which;
    uint64_t seed;
    uint32_t n_draws;
    size_t *trajectory; /* [n] */
    size_t *question;   /* [n] of each, from 0 in this half */
    size_t n, n_questions;
    struct raml_cluster_draws draws;
    struct raml_clustered right;         /* its values are a policy's after another's */
    double *count, *tokens, *full, *sum; /* [n_questions]: trajectories, sum of T, total of full thinking; scratch */
    size_t *budget;                      /* [n policies] that each is compared with; found on the validation half */
};

static const struct raml_exits_run *run_of(const struct half *h, size_t policy, size_t i)
{
    return raml_exits_run_of(h->runs, policy, h->trajectory[i]);
}

/* -- A half -------------------------------------------------------------------------------------------------------- */

static void half_deinit(struct half *h)
{
    free(h->trajectory);
    free(h->question);
    free(h->count);
    free(h->tokens);
    free(h->full);
    free(h->sum);
    raml_cluster_draws_deinit(&h->draws);
    raml_clustered_deinit(&h->right);
}

static enum raml_code reserve(struct half *h, struct raml_err *err)
{
    const struct raml_exits_set *s = h->runs->set;
    size_t n = s->n + 1;
    h->trajectory = calloc(n, sizeof *h->trajectory);
    h->question = calloc(n, sizeof *h->question);
    h->count = calloc(n, sizeof *h->count);
    h->tokens = calloc(n, sizeof *h->tokens);
    h->full = calloc(n, sizeof *h->full);
    h->sum = calloc(n, sizeof *h->sum);
    bool ok = h->trajectory && h->question && h->count && h->tokens && h->full && h->sum;
    return ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu trajectories", s->n);
}

static enum raml_code half_init(struct half *h, struct raml_err *err)
{
    const struct raml_exits_set *s = h->runs->set;
    enum raml_code rc = reserve(h, err);
    size_t last = SIZE_MAX;
    for (size_t i = 0; !rc && i < s->n; i++) {
        const struct raml_exits_trajectory *t = &s->trajectory[i];
        if (t->half != h->which) continue;
        if (t->number != last) h->n_questions++;
        last = t->number;
        size_t q = h->n_questions - 1;
        h->trajectory[h->n] = i;
        h->question[h->n++] = q;
        h->count[q]++;
        h->tokens[q] += (double)t->n_tokens;
        h->full[q] += raml_exits_run_of(h->runs, 0, i)->total;
        rc = raml_clustered_add(&h->right, q, 0, err);
    }
    if (!rc) rc = raml_cluster_draws_init(&h->draws, h->n_questions, h->seed, h->n_draws, err);
    return rc;
}

/* -- Measures ------------------------------------------------------------------------------------------------------ */

enum field { STOP, PROBE_TOKENS, TOTAL };

static const double *sums(struct half *h, size_t policy, enum field field)
{
    memset(h->sum, 0, h->n_questions * sizeof *h->sum);
    for (size_t i = 0; i < h->n; i++) {
        const struct raml_exits_run *r = run_of(h, policy, i);
        h->sum[h->question[i]] += field == STOP ? r->stop : field == TOTAL ? r->total : r->probe_tokens;
    }
    return h->sum;
}

/* Mean of right(policy) - right(other), trajectory by trajectory. */
static struct raml_estimate difference(struct half *h, size_t policy, size_t other)
{
    memset(h->sum, 0, h->n_questions * sizeof *h->sum);
    for (size_t i = 0; i < h->n; i++)
        h->sum[h->question[i]] += (double)run_of(h, policy, i)->right - (double)run_of(h, other, i)->right;
    return raml_cluster_draws_ratio(&h->draws, h->sum, h->count);
}

static struct raml_estimate none(void)
{
    return (struct raml_estimate){.value = NAN, .low = NAN, .high = NAN, .se = NAN};
}

static enum raml_code measure(struct half *h, size_t policy, struct raml_exits_measures *m, struct raml_err *err)
{
    for (size_t i = 0; i < h->n; i++) h->right.value[i] = run_of(h, policy, i)->right;
    m->n = h->n;
    enum raml_code rc = raml_clustered_share(&h->right, h->seed, h->n_draws, &m->accuracy, err);
    if (rc) return rc;
    const double *sum = sums(h, policy, STOP);
    m->stop = raml_cluster_draws_ratio(&h->draws, sum, h->count);
    m->kept = raml_cluster_draws_ratio(&h->draws, sum, h->tokens);
    m->probe_tokens = raml_cluster_draws_ratio(&h->draws, sums(h, policy, PROBE_TOKENS), h->count);
    sum = sums(h, policy, TOTAL);
    m->total = raml_cluster_draws_ratio(&h->draws, sum, h->count);
    m->cost_kept = raml_cluster_draws_ratio(&h->draws, sum, h->full);
    m->vs_full = difference(h, policy, 0);
    size_t budget = h->budget[policy];
    m->vs_budget = budget < h->runs->policies->n ? difference(h, policy, budget) : none();
    return RAML_OK;
}

/* -- The budget to compare with ------------------------------------------------------------------------------------- */

struct cost { /* means over trajectories */
    double total, right;
};

static struct cost cost_of(const struct half *h, size_t policy)
{
    struct cost sum = {0};
    for (size_t i = 0; i < h->n; i++) {
        sum.total += run_of(h, policy, i)->total;
        sum.right += run_of(h, policy, i)->right;
    }
    return (struct cost){sum.total / (double)h->n, sum.right / (double)h->n};
}

static bool is_budget(const struct half *h, size_t policy)
{
    enum raml_exit_kind kind = h->runs->policies->policy[policy].p.kind;
    return kind == RAML_EXIT_BUDGET || kind == RAML_EXIT_FULL;
}

/* Of the budgets that cost at most as much as the policy the most accurate one, of equal ones the cheapest; n policies:
 * all cost more. Full thinking, the other control, is compared with itself. */
static size_t best_budget(const struct half *h, size_t policy, const struct cost *cost)
{
    size_t n = h->runs->policies->n, best = is_budget(h, policy) ? policy : n;
    for (size_t k = 0; policy && k < n; k++) {
        if (!is_budget(h, k) || cost[k].total > cost[policy].total) continue;
        bool finer = best == n || cost[k].right > cost[best].right ||
                     (cost[k].right == cost[best].right && cost[k].total < cost[best].total);
        if (finer) best = k;
    }
    return best;
}

static enum raml_code find_budgets(struct half *h, struct raml_err *err)
{
    size_t n = h->runs->policies->n;
    struct cost *cost = calloc(n + 1, sizeof *cost);
    if (!cost) return raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu policies", n);
    for (size_t k = 0; k < n; k++) cost[k] = cost_of(h, k);
    for (size_t k = 0; k < n; k++) h->budget[k] = best_budget(h, k, cost);
    free(cost);
    return RAML_OK;
}

/* -- All policies ---------------------------------------------------------------------------------------------------- */

/* "stable 12, end 3", by falling number. */
static const char *reasons(const struct half *h, size_t policy, struct raml_arena *texts)
{
    const char *name[MAX_REASONS];
    size_t count[MAX_REASONS] = {0}, n = 0, length = 0;
    char text[REASONS_TEXT] = "";
    for (size_t i = 0; i < h->n; i++) {
        const char *reason = run_of(h, policy, i)->reason;
        size_t k = 0;
        while (k < n && strcmp(name[k], reason) != 0) k++;
        if (k == n && n < MAX_REASONS) name[n++] = reason;
        if (k < n) count[k]++;
    }
    for (size_t done = 0; done < n; done++) {
        size_t most = 0;
        for (size_t k = 1; k < n; k++)
            if (count[k] > count[most]) most = k;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %zu", done ? ", " : "", name[most],
                                   count[most]);
        count[most] = 0;
    }
    return raml_arena_text(texts, text, strlen(text));
}

static enum raml_code of_half(struct half *h, struct raml_arena *texts, struct raml_exits_row *row,
                              struct raml_err *err)
{
    enum raml_code rc = half_init(h, err);
    if (!rc && h->which == RAML_EXITS_VALIDATION) rc = find_budgets(h, err);
    for (size_t k = 0; !rc && k < h->runs->policies->n; k++) {
        rc = measure(h, k, &row[k].half[h->which], err);
        row[k].reasons[h->which] = reasons(h, k, texts);
        if (!rc && !row[k].reasons[h->which]) rc = raml_fail(err, RAML_ENOMEM, "no memory for the means of policies");
    }
    half_deinit(h);
    return rc;
}

/* -- Choosing ------------------------------------------------------------------------------------------------------ */

/* Is a to be chosen rather than b? Meeting the margin first, then fewer tokens; else, or if that is what is asked for, the
 * more accurate one. */
static bool better(const struct raml_exits_row *a, const struct raml_exits_row *b, bool by_accuracy)
{
    const struct raml_exits_measures *x = &a->half[RAML_EXITS_VALIDATION], *y = &b->half[RAML_EXITS_VALIDATION];
    if (a->meets != b->meets) return a->meets;
    if ((!a->meets || by_accuracy) && x->accuracy.value != y->accuracy.value)
        return x->accuracy.value > y->accuracy.value;
    if (x->total.value != y->total.value) return x->total.value < y->total.value;
    return x->accuracy.value > y->accuracy.value;
}

static size_t choose(struct raml_exits_row *row, size_t n, double margin, bool by_accuracy)
{
    const double full = row[0].half[RAML_EXITS_VALIDATION].accuracy.value, rounding = 1e-12;
    size_t best = n;
    for (size_t k = 0; k < n; k++)
        row[k].meets = row[k].half[RAML_EXITS_VALIDATION].accuracy.value >= full - margin - rounding;
    for (size_t k = 0; k < n; k++) {
        bool chosen = true;
        for (size_t j = 0; j < n && chosen; j++)
            if (!strcmp(row[j].family, row[k].family) &&
                (better(&row[j], &row[k], by_accuracy) || (j < k && !better(&row[k], &row[j], by_accuracy))))
                chosen = false;
        row[k].chosen = chosen;
        bool may = chosen && row[k].meets && !row[k].oracle && !row[k].released && k > 0;
        if (may && (best == n || better(&row[k], &row[best], by_accuracy))) best = k;
    }
    return best;
}

enum raml_exit_kind raml_exits_kind_of(const struct raml_exits_row *row)
{
    int k = 0;
    while (k + 1 < RAML_EXIT_KINDS && strcmp(raml_exit_kind_name((enum raml_exit_kind)k), row->kind) != 0) k++;
    return (enum raml_exit_kind)k;
}

size_t raml_exits_chosen_of(const struct raml_exits_row *row, size_t n, enum raml_exit_kind kind, bool by_accuracy)
{
    size_t best = n;
    for (size_t k = 0; k < n; k++) {
        if (!row[k].chosen || row[k].released || raml_exits_kind_of(&row[k]) != kind) continue;
        if (best == n || better(&row[k], &row[best], by_accuracy)) best = k;
    }
    return best;
}

enum raml_code raml_exits_means(const struct raml_exits_runs *r, const struct raml_exits_files_options *opt,
                                struct raml_arena *texts, struct raml_exits_row *row, size_t *best,
                                struct raml_err *err)
{
    size_t n = r->policies->n, *budget = calloc(n + 1, sizeof *budget);
    enum raml_code rc = budget ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu policies", n);
    for (size_t k = 0; k < n; k++) {
        const struct raml_exits_policy *p = &r->policies->policy[k];
        row[k] = (struct raml_exits_row){.kind = raml_exit_kind_name(p->p.kind),
                                         .family = p->family,
                                         .settings = p->settings,
                                         .oracle = p->oracle,
                                         .released = p->p.released};
    }
    for (int which = 0; !rc && which < RAML_EXITS_HALVES; which++) {
        struct half h = {.runs = r,
                         .which = (enum raml_exits_half)which,
                         .seed = opt->seed,
                         .n_draws = opt->n_draws,
                         .budget = budget};
        rc = of_half(&h, texts, row, err);
    }
    for (size_t k = 0; !rc && k < n; k++)
        row[k].budget = budget[k] < n ? r->policies->policy[budget[k]].settings : NULL;
    if (!rc) *best = choose(row, n, opt->margin, opt->by_accuracy);
    free(budget);
    return rc;
}
