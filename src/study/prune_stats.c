/* prune_stats.c - means over pruned trajectories, with intervals over questions. See prune_files.h. */
#include "study/prune_parts.h"

#include "core/path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = RAML_PRUNE_MEASURES, METHODS = RAML_PRUNE_METHODS, MAX_TABLE_BYTES = 1 << 28 };

enum raml_code raml_prune_stats_init(struct raml_prune_stats *s, size_t n_levels, struct raml_err *err)
{
    *s = (struct raml_prune_stats){.n_levels = n_levels};
    s->value = calloc(n_levels * METHODS * M, sizeof *s->value);
    return s->value ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu levels", n_levels);
}

void raml_prune_stats_deinit(struct raml_prune_stats *s)
{
    for (size_t i = 0; s->value && i < s->n_levels * METHODS * M; i++) raml_clustered_deinit(&s->value[i]);
    for (size_t i = 0; i < 4; i++) raml_clustered_deinit(&s->leak[i]);
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

static enum raml_code add_leak(struct raml_prune_stats *s, const struct raml_prune_item *it, struct raml_err *err)
{
    if (it->summary == RAML_PRUNE_NONE) return RAML_OK;
    double others = it->n_others ? 0 : NAN, own = it->set[it->leak_own].loss;
    for (size_t k = 0; k < it->n_others; k++) others += it->set[it->leak_other[k]].loss / (double)it->n_others;
    const double x[4] = {it->set[it->leak_nothing].loss, own, others, others - own};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < 4; i++) rc = raml_clustered_add(&s->leak[i], it->question, x[i], err);
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
                                 [RAML_PRUNE_LOSS_LESS] = m == own_method ? NAN : own.loss - k.loss,
                                 [RAML_PRUNE_ACCURACY_LESS] = m == own_method ? NAN : own.right - k.right};
            for (size_t i = 0; !rc && i < M; i++) rc = raml_clustered_add(values(s, l, m, i), it->question, x[i], err);
        }
    }
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
    struct raml_estimate *const e[4] = {&out->nothing, &out->own, &out->others, &out->others_less};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < 4; i++)
        rc = raml_clustered_mean(&s->leak[i], p->opt->seed, p->opt->n_draws, e[i], err);
    out->n = s->n_leaks;
    out->n_states = s->n_states;
    out->leaks = out->others_less.low > 0;
    return rc;
}

/* The levels of share of a method, from the whole down. */
static void curve_of(const struct raml_prune_stats *s, const struct raml_prune_plan *p, size_t method,
                     struct raml_prune_curve *c)
{
    size_t level[RAML_PRUNE_MAX_LEVELS] = {0};
    c->n = 1;
    for (size_t l = 0; l < p->n_levels; l++) {
        if (p->level[l].kind != RAML_PRUNE_SHARE) continue;
        size_t k = c->n++;
        for (; k > 1 && p->level[level[k - 1]].value < p->level[l].value; k--) level[k] = level[k - 1];
        level[k] = l;
    }
    for (size_t k = 0; k < c->n; k++) {
        size_t m = k ? method : RAML_PRUNE_GIVEN;
        c->share[k] = values(s, level[k], m, RAML_PRUNE_KEPT_SHARE);
        c->accuracy[k] = values(s, level[k], m, RAML_PRUNE_ACCURACY);
    }
}

static enum raml_code read_unchanged(const struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                     struct raml_prune_summary *out, struct raml_err *err)
{
    const struct raml_prune_files_options *o = p->opt;
    struct raml_prune_curve greedy, other;
    enum raml_code rc = RAML_OK;
    curve_of(s, p, RAML_PRUNE_GREEDY, &greedy);
    for (size_t m = 0; !rc && m < METHODS; m++) {
        struct raml_estimate none = {.value = NAN, .low = NAN, .high = NAN, .se = NAN};
        out->unchanged[m] = out->unchanged_less[m] = none;
        if (greedy.n < 2 || m < RAML_PRUNE_GREEDY || m > RAML_PRUNE_BUDGET_STEPS) continue;
        curve_of(s, p, m, &other);
        rc = raml_prune_unchanged(&other, NULL, o->tolerance, o->seed, o->n_draws, &out->unchanged[m], err);
        if (rc || m == RAML_PRUNE_GREEDY) continue;
        rc = raml_prune_unchanged(&greedy, &other, o->tolerance, o->seed, o->n_draws, &out->unchanged_less[m], err);
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

/* -- prune.tsv ----------------------------------------------------------------------------------------------------- */

static void add_line(struct raml_buf *b, const char *level, const char *value, const char *method, const char *measure,
                     size_t n, const struct raml_estimate *e)
{
    if (e->n == 0 || isnan(e->value)) return;
    raml_buf_addf(b, "%s\t%s\t%s\t%s\t%zu\t%zu\t%.9g\t%.9g\t%.9g\n", level, value, method, measure, n, e->n, e->value,
                  e->low, e->high);
}

static void add_row(struct raml_buf *b, const struct raml_prune_row *r)
{
    char value[32] = "nan";
    bool valued = r->level.kind >= RAML_PRUNE_SLACK && r->level.kind <= RAML_PRUNE_SHARE;
    if (valued) snprintf(value, sizeof value, "%g", r->level.value);
    for (int i = 0; i < M; i++)
        add_line(b, raml_prune_level_name(r->level.kind), value, raml_prune_method_name(r->method),
                 raml_prune_measure_name((enum raml_prune_measure)i), r->n_trajectories, &r->measure[i]);
}

enum raml_code raml_prune_stats_write(const struct raml_prune_summary *sum, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE_BYTES);
    raml_buf_adds(&b, "level\tvalue\tmethod\tmeasure\ttrajectories\tquestions\tmean\tlow\thigh\n");
    for (size_t i = 0; i < sum->n_rows; i++) add_row(&b, &sum->row[i]);
    for (int m = 0; m < METHODS; m++) {
        const char *name = raml_prune_method_name((enum raml_prune_method)m);
        add_line(&b, "unchanged", "nan", name, "share", sum->n_trajectories, &sum->unchanged[m]);
        add_line(&b, "unchanged", "nan", name, "share_less", sum->n_trajectories, &sum->unchanged_less[m]);
    }
    add_line(&b, "leak", "nan", "nothing", "loss", sum->leak.n, &sum->leak.nothing);
    add_line(&b, "leak", "nan", "own", "loss", sum->leak.n, &sum->leak.own);
    add_line(&b, "leak", "nan", "others", "loss", sum->leak.n, &sum->leak.others);
    add_line(&b, "leak", "nan", "others", "loss_less", sum->leak.n, &sum->leak.others_less);
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_path_join(path, dir, "prune.tsv", err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}
