/* prune_stats.c - means over pruned trajectories, with intervals over questions. See prune_files.h. */
#include "study/prune_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = RAML_PRUNE_MEASURES, METHODS = RAML_PRUNE_METHODS };

enum raml_code raml_prune_stats_init(struct raml_prune_stats *s, size_t n_levels, struct raml_err *err)
{
    *s = (struct raml_prune_stats){.n_levels = n_levels};
    s->value = calloc(n_levels * METHODS * M, sizeof *s->value);
    return s->value ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu levels", n_levels);
}

void raml_prune_stats_deinit(struct raml_prune_stats *s)
{
    for (size_t i = 0; s->value && i < s->n_levels * METHODS * M; i++) raml_clustered_deinit(&s->value[i]);
    for (size_t i = 0; i < RAML_PRUNE_LEAKS; i++) raml_clustered_deinit(&s->leak[i]);
    for (size_t m = 0; m < METHODS; m++) {
        raml_clustered_deinit(&s->needed[m]);
        raml_clustered_deinit(&s->needed_less[m]);
    }
    free(s->value);
    *s = (struct raml_prune_stats){0};
}

static struct raml_clustered *values(const struct raml_prune_stats *s, size_t level, size_t method, size_t measure)
{
    return &s->value[(level * METHODS + method) * M + measure];
}

/* -- One trajectory ------------------------------------------------------------------------------------------------ */

struct kept { /* of one level and method: means over draws; NaN: there is none */
    double share, loss, greedy, right;
};

static struct kept kept_of(const struct raml_prune_plan *p, const struct raml_prune_item *it, size_t level,
                           enum raml_prune_method m)
{
    struct kept k = {0};
    size_t n = raml_prune_draws(p, m);
    for (size_t d = 0; d < n; d++) {
        size_t set = it->kept[raml_prune_cell(p, level, m, d)].set;
        if (set == RAML_PRUNE_NONE) return (struct kept){NAN, NAN, NAN, NAN};
        const struct raml_prune_set *s = &it->set[set];
        k.share += (double)s->n / (double)it->text.trajectory.n / (double)n;
        k.loss += s->loss / (double)n;
        k.greedy += s->greedy / (double)n;
        k.right += s->right / (double)n;
    }
    return k;
}

/* Is level a nearer to the whole than b? */
static bool nearer(const struct raml_prune_level *a, const struct raml_prune_level *b)
{
    return a->kind == RAML_PRUNE_SHARE ? a->value > b->value : a->value < b->value;
}

/* The whole, then the levels of slack or share, from the nearest to it on. */
static size_t curve_levels(const struct raml_prune_plan *p, enum raml_prune_level_kind kind,
                           size_t level[RAML_PRUNE_MAX_LEVELS])
{
    size_t n = 1;
    level[0] = 0;
    for (size_t l = 0; l < p->n_levels; l++) {
        if (p->level[l].kind != kind) continue;
        size_t k = n++;
        for (; k > 1 && nearer(&p->level[l], &p->level[level[k - 1]]); k--) level[k] = level[k - 1];
        level[k] = l;
    }
    return n;
}

/* The smallest kept share of a method from which up to the whole the answers are right; its mean over draws. */
static double needed_of(const struct raml_prune_plan *p, const struct raml_prune_item *it, enum raml_prune_method m)
{
    size_t level[RAML_PRUNE_MAX_LEVELS], n = curve_levels(p, RAML_PRUNE_SHARE, level), draws = raml_prune_draws(p, m);
    const struct raml_prune_set *whole = &it->set[it->kept[raml_prune_cell(p, 0, RAML_PRUNE_GIVEN, 0)].set];
    double sum = 0;
    if (n < 2 || !(whole->right >= 0.5)) return NAN;
    for (size_t d = 0; d < draws; d++) {
        size_t least = whole->n;
        for (size_t k = 1; k < n; k++) {
            const struct raml_prune_set *s = &it->set[it->kept[raml_prune_cell(p, level[k], m, d)].set];
            if (!(s->right >= 0.5)) break;
            if (s->n < least) least = s->n;
        }
        sum += (double)least / (double)whole->n;
    }
    return sum / (double)draws;
}

static enum raml_code add_needed(struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                 const struct raml_prune_item *it, struct raml_err *err)
{
    double greedy = needed_of(p, it, RAML_PRUNE_GREEDY);
    enum raml_code rc = RAML_OK;
    for (int m = RAML_PRUNE_GREEDY; !rc && m <= RAML_PRUNE_BUDGET_STEPS; m++) {
        double own = needed_of(p, it, (enum raml_prune_method)m);
        rc = raml_clustered_add(&s->needed[m], it->question, own, err);
        if (!rc && m != RAML_PRUNE_GREEDY) rc = raml_clustered_add(&s->needed_less[m], it->question, greedy - own, err);
    }
    return rc;
}

static enum raml_code add_leak(struct raml_prune_stats *s, const struct raml_prune_item *it, struct raml_err *err)
{
    if (it->summary == RAML_PRUNE_NONE) return RAML_OK;
    double others = it->n_others ? 0 : NAN, own = it->set[it->leak_own].loss;
    for (size_t k = 0; k < it->n_others; k++) others += it->set[it->leak_other[k]].loss / (double)it->n_others;
    double without = it->set[it->leak_without].loss;
    const double x[RAML_PRUNE_LEAKS] = {
        it->set[it->leak_nothing].loss, own, others, others - own, without, without - own};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < RAML_PRUNE_LEAKS; i++) rc = raml_clustered_add(&s->leak[i], it->question, x[i], err);
    s->n_leaks++;
    s->n_states += it->states_answer;
    return rc;
}

enum raml_code raml_prune_stats_add(struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                    const struct raml_prune_item *it, struct raml_err *err)
{
    const struct kept whole = kept_of(p, it, 0, RAML_PRUNE_GIVEN);
    enum raml_code rc = RAML_OK;
    for (size_t l = 0; l < s->n_levels; l++) {
        enum raml_prune_method own_method = raml_prune_own_method(p->level[l].kind);
        const struct kept own = kept_of(p, it, l, own_method);
        for (size_t m = 0; m < METHODS; m++) {
            const struct kept k = kept_of(p, it, l, (enum raml_prune_method)m);
            const double x[M] = {[RAML_PRUNE_KEPT_SHARE] = k.share,
                                 [RAML_PRUNE_LOSS] = k.loss,
                                 [RAML_PRUNE_RISE] = k.loss - whole.loss,
                                 [RAML_PRUNE_GREEDY_SHARE] = k.greedy,
                                 [RAML_PRUNE_ACCURACY] = k.right,
                                 [RAML_PRUNE_ACCURACY_CHANGE] = k.right - whole.right,
                                 [RAML_PRUNE_SHARE_LESS] = m == own_method ? NAN : own.share - k.share,
                                 [RAML_PRUNE_LOSS_LESS] = m == own_method ? NAN : own.loss - k.loss,
                                 [RAML_PRUNE_ACCURACY_LESS] = m == own_method ? NAN : own.right - k.right};
            for (size_t i = 0; !rc && i < M; i++) rc = raml_clustered_add(values(s, l, m, i), it->question, x[i], err);
        }
    }
    if (!rc) rc = add_needed(s, p, it, err);
    return rc ? rc : add_leak(s, it, err);
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static bool is_share(const struct raml_clustered *c) /* values that are 0 or 1 */
{
    for (size_t i = 0; i < c->n; i++)
        if (c->value[i] > 0 && c->value[i] < 1) return false;
    return true;
}

/* Differences of accuracy that are all 0: of as many questions none has shown one, which is no certainty (Wilson). */
static void widen(const struct raml_clustered *c, struct raml_estimate *e)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->value[i] < 0 || c->value[i] > 0) return;
    if (e->n == 0) return;
    e->high = raml_wilson(0, e->n).high;
    e->low = -e->high;
}

static enum raml_code read_row(const struct raml_prune_stats *s, const struct raml_prune_plan *p, size_t level,
                               size_t method, struct raml_prune_row *row, struct raml_err *err)
{
    const struct raml_prune_files_options *o = p->opt;
    enum raml_code rc = RAML_OK;
    *row = (struct raml_prune_row){.level = p->level[level],
                                   .method = (enum raml_prune_method)method,
                                   .n_trajectories = values(s, level, method, RAML_PRUNE_LOSS)->n};
    for (size_t i = 0; !rc && i < M; i++) {
        const struct raml_clustered *c = values(s, level, method, i);
        bool share = (i == RAML_PRUNE_GREEDY_SHARE || i == RAML_PRUNE_ACCURACY) && is_share(c);
        if (share) rc = raml_clustered_share(c, o->seed, o->n_draws, &row->measure[i], err);
        else rc = raml_clustered_mean(c, o->seed, o->n_draws, &row->measure[i], err);
        if (i == RAML_PRUNE_ACCURACY_CHANGE || i == RAML_PRUNE_ACCURACY_LESS) widen(c, &row->measure[i]);
    }
    return rc;
}

static enum raml_code read_leak(const struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                struct raml_prune_leak *out, struct raml_err *err)
{
    struct raml_estimate *const e[RAML_PRUNE_LEAKS] = {&out->nothing,     &out->own,     &out->others,
                                                       &out->others_less, &out->without, &out->without_less};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < RAML_PRUNE_LEAKS; i++)
        rc = raml_clustered_mean(&s->leak[i], p->opt->seed, p->opt->n_draws, e[i], err);
    out->n = s->n_leaks;
    out->n_states = s->n_states;
    out->tells = out->others_less.low > 0;
    out->leaks = out->tells && out->without_less.low > 0;
    return rc;
}

static void curve_of(const struct raml_prune_stats *s, const struct raml_prune_plan *p, enum raml_prune_level_kind kind,
                     size_t method, struct raml_prune_curve *c)
{
    size_t level[RAML_PRUNE_MAX_LEVELS];
    c->n = curve_levels(p, kind, level);
    for (size_t k = 0; k < c->n; k++) {
        size_t m = k ? method : RAML_PRUNE_GIVEN;
        c->share[k] = values(s, level[k], m, RAML_PRUNE_KEPT_SHARE);
        c->accuracy[k] = values(s, level[k], m, RAML_PRUNE_ACCURACY);
    }
}

static enum raml_code read_curve(const struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                 enum raml_prune_curve_kind k, size_t m, struct raml_prune_summary *out,
                                 struct raml_err *err)
{
    const struct raml_prune_files_options *o = p->opt;
    struct raml_estimate *share = &out->unchanged[k][m], *less = &out->unchanged_less[k][m];
    struct raml_prune_curve greedy, other;
    enum raml_prune_level_kind kind = k == RAML_PRUNE_BY_SLACK ? RAML_PRUNE_SLACK : RAML_PRUNE_SHARE;
    *share = *less = (struct raml_estimate){.value = NAN, .low = NAN, .high = NAN, .se = NAN};
    curve_of(s, p, kind, RAML_PRUNE_GREEDY, &greedy);
    curve_of(s, p, kind, m, &other);
    if (greedy.n < 2) return RAML_OK;
    enum raml_code rc = raml_prune_unchanged(&other, NULL, o->tolerance, o->seed, o->n_draws, share, err);
    if (rc || m == RAML_PRUNE_GREEDY) return rc;
    return raml_prune_unchanged(&greedy, &other, o->tolerance, o->seed, o->n_draws, less, err);
}

static enum raml_code read_unchanged(const struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                     struct raml_prune_summary *out, struct raml_err *err)
{
    const struct raml_prune_files_options *o = p->opt;
    enum raml_code rc = RAML_OK;
    for (size_t m = RAML_PRUNE_GREEDY; !rc && m <= RAML_PRUNE_BUDGET_STEPS; m++) {
        rc = raml_clustered_mean(&s->needed[m], o->seed, o->n_draws, &out->needed[m], err);
        if (!rc) rc = raml_clustered_mean(&s->needed_less[m], o->seed, o->n_draws, &out->needed_less[m], err);
        for (int k = 0; !rc && k < RAML_PRUNE_CURVES; k++)
            rc = read_curve(s, p, (enum raml_prune_curve_kind)k, m, out, err);
    }
    return rc;
}

enum raml_code raml_prune_stats_read(const struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                     struct raml_prune_summary *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    out->row = calloc(s->n_levels * METHODS, sizeof *out->row);
    if (!out->row) return raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu levels", s->n_levels);
    for (size_t l = 0; l < s->n_levels; l++)
        for (size_t m = 0; !rc && m < METHODS; m++)
            if (values(s, l, m, RAML_PRUNE_LOSS)->n) rc = read_row(s, p, l, m, &out->row[out->n_rows++], err);
    if (!rc) rc = read_leak(s, p, &out->leak, err);
    return rc ? rc : read_unchanged(s, p, out, err);
}

void raml_prune_summary_deinit(struct raml_prune_summary *s)
{
    free(s->row);
    s->row = NULL;
    s->n_rows = 0;
}
