/* fork_stats.c - effects of edits by group and position, with intervals over questions: fork.tsv; and the order of
 * importances, forced against resampled. See fork_parts.h. */
#include "study/fork_parts.h"

#include "core/array.h"
#include "core/path.h"
#include "eval/rank_correlation.h"
#include "study/visible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURES = 6, ALL_MEASURES = 2 * MEASURES, POSITIONS = 5, MAX_TABLE_BYTES = 1 << 26 };

static const char *const measure_name[ALL_MEASURES] = {"now",
                                                       "carried",
                                                       "accuracy",
                                                       "accuracy_change",
                                                       "kl",
                                                       "tokens_change",
                                                       "now - control",
                                                       "carried - control",
                                                       "accuracy - control",
                                                       "accuracy_change - control",
                                                       "kl - control",
                                                       "tokens_change - control"};
static const char *const position_name[POSITIONS] = {"all", "before forced", "after forced", "before resampled",
                                                     "after resampled"};

struct raml_fork_stats {
    const struct raml_fork_plan *plan;
    struct raml_clustered *values; /* [n_changes, groups, POSITIONS, ALL_MEASURES] */
    size_t n_changes;
    char *word[4 * RAML_FORK_MAX_WORDS + 4]; /* [n_changes] own copies, visible */
    struct raml_fork_row *row;
    size_t n_rows, cap_rows;
    struct raml_fork_units units;
    struct raml_clustered spearman, kendall; /* of each trajectory */
};

static struct raml_clustered *values_of(const struct raml_fork_stats *s, size_t change, size_t group, size_t position,
                                        size_t measure)
{
    return &s->values[((change * RAML_TRACE_GROUPS + group) * POSITIONS + position) * ALL_MEASURES + measure];
}

static size_t n_values(const struct raml_fork_stats *s)
{
    return s->n_changes * RAML_TRACE_GROUPS * POSITIONS * ALL_MEASURES;
}

static char *visible(const char *text) /* for free(); NULL: no memory */
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE_BYTES);
    raml_buf_add(&b, "", 0);
    raml_text_visible(&b, text, strlen(text));
    char *copy = b.code ? NULL : raml_buf_take(&b);
    raml_buf_deinit(&b);
    return copy ? copy : NULL;
}

enum raml_code raml_fork_stats_open(const struct raml_fork_plan *p, struct raml_fork_stats **out, struct raml_err *err)
{
    struct raml_fork_stats *s = calloc(1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for the effects of forks");
    s->plan = p;
    s->n_changes = p->n_changes;
    s->values = calloc(n_values(s) + 1, sizeof *s->values);
    bool failed = !s->values;
    for (size_t i = 0; !failed && i < p->n_changes; i++) {
        s->word[i] = visible(raml_fork_change_word(p, p->change[i].word));
        failed = !s->word[i];
    }
    if (failed) {
        raml_fork_stats_close(s);
        return raml_fail(err, RAML_ENOMEM, "no memory for the effects of %zu edits", p->n_changes);
    }
    *out = s;
    return RAML_OK;
}

void raml_fork_stats_close(struct raml_fork_stats *s)
{
    if (!s) return;
    for (size_t i = 0; s->values && i < n_values(s); i++) raml_clustered_deinit(&s->values[i]);
    for (size_t i = 0; i < s->n_changes; i++) free(s->word[i]);
    free(s->values);
    free(s->row);
    free(s->units.forced);
    free(s->units.resampled);
    free(s->units.question);
    raml_clustered_deinit(&s->spearman);
    raml_clustered_deinit(&s->kendall);
    free(s);
}

const struct raml_fork_units *raml_fork_stats_units(const struct raml_fork_stats *s)
{
    return &s->units;
}

/* -- Adding -------------------------------------------------------------------------------------------------------- */

static size_t change_of(const struct raml_fork_stats *s, const struct raml_forked_edit *e)
{
    for (size_t i = 0; i < s->n_changes; i++)
        if (s->plan->change[i].kind == e->kind && s->plan->change[i].word == e->word) return i;
    return 0; /* not reached: edits are made of changes */
}

/* The positions that a place is at, 0 among them. */
static size_t positions(const struct raml_forked *f, uint32_t at, size_t out[3])
{
    size_t n = 0;
    out[n++] = 0;
    for (size_t k = 0; k < 2; k++) {
        if (isnan(f->critical[k])) continue;
        bool before = f->critical[k] < 0 || at < f->critical[k];
        out[n++] = 1 + 2 * k + !before;
    }
    return n;
}

static void list(const struct raml_fork_effect *x, double out[MEASURES])
{
    const double v[MEASURES] = {x->now, x->carried, x->accuracy, x->accuracy_change, x->kl, x->tokens_change};
    memcpy(out, v, sizeof v);
}

static enum raml_code add_edit(struct raml_fork_stats *s, const struct raml_forked *f, const struct raml_forked_edit *e,
                               struct raml_err *err)
{
    const struct raml_fork_effect x = raml_forked_effect(f, e), less = raml_forked_less_control(f, e);
    double value[ALL_MEASURES];
    size_t position[3], n = positions(f, f->places.place[e->place].at, position), change = change_of(s, e);
    const size_t group[] = {f->verdict, RAML_TRACE_ALL};
    enum raml_code rc = RAML_OK;
    list(&x, value);
    list(&less, value + MEASURES);
    for (size_t g = 0; g < 2; g++)
        for (size_t i = 0; i < n; i++)
            for (size_t m = 0; !rc && m < ALL_MEASURES; m++)
                rc = raml_clustered_add(values_of(s, change, group[g], position[i], m), f->question, value[m], err);
    return rc;
}

static enum raml_code add_units(struct raml_fork_stats *s, const struct raml_forked *f, struct raml_err *err)
{
    struct raml_fork_units *u = &s->units;
    size_t first = u->n;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < f->places.n; i++) {
        size_t forced = u->cap, resampled = u->cap, question = u->cap;
        if (isnan(f->importance[i].forced) || isnan(f->importance[i].resampled)) continue;
        rc = RAML_GROW(u->forced, forced, u->n + 1, "units", err);
        if (!rc) rc = RAML_GROW(u->resampled, resampled, u->n + 1, "units", err);
        if (!rc) rc = RAML_GROW(u->question, question, u->n + 1, "units", err);
        if (rc) return rc;
        u->cap = question;
        u->forced[u->n] = f->importance[i].forced;
        u->resampled[u->n] = f->importance[i].resampled;
        u->question[u->n++] = f->question;
    }
    struct raml_rank_correlation r;
    if (u->n == first) return RAML_OK;
    rc = raml_rank_correlate(u->forced + first, u->resampled + first, u->n - first, &r, err);
    if (!rc) rc = raml_clustered_add(&s->spearman, f->question, r.spearman, err);
    return rc ? rc : raml_clustered_add(&s->kendall, f->question, r.kendall, err);
}

enum raml_code raml_fork_stats_add(struct raml_fork_stats *s, const struct raml_forked *f, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < f->n_edits; i++) rc = add_edit(s, f, &f->edit[i], err);
    return rc ? rc : add_units(s, f, err);
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static bool is_few(size_t n, size_t questions)
{
    return n < RAML_FORK_MIN_VALUES || questions < RAML_FORK_MIN_QUESTIONS;
}

static void drop_interval(struct raml_estimate *e)
{
    e->low = e->high = NAN;
}

static enum raml_code read_order(const struct raml_fork_stats *s, struct raml_fork_order *out, struct raml_err *err)
{
    const struct raml_fork_files_options *o = s->plan->opt;
    const struct raml_fork_units *u = &s->units;
    struct raml_rank_estimate all;
    enum raml_code rc =
        raml_rank_correlate_clustered(u->forced, u->resampled, u->question, u->n, o->seed, o->n_draws, &all, err);
    if (rc) return rc;
    out->spearman = all.spearman;
    out->kendall = all.kendall;
    out->n_units = u->n;
    out->n_trajectories = s->spearman.n;
    rc = raml_clustered_mean(&s->spearman, o->seed, o->n_draws, &out->spearman_mean, err);
    if (!rc) rc = raml_clustered_mean(&s->kendall, o->seed, o->n_draws, &out->kendall_mean, err);
    if (is_few(out->n_units, out->spearman.n)) {
        drop_interval(&out->spearman);
        drop_interval(&out->kendall);
    }
    if (is_few(out->n_trajectories, out->spearman_mean.n)) {
        drop_interval(&out->spearman_mean);
        drop_interval(&out->kendall_mean);
    }
    return rc;
}

static enum raml_code read_row(struct raml_fork_stats *s, size_t change, size_t group, size_t position, size_t measure,
                               struct raml_err *err)
{
    const struct raml_clustered *v = values_of(s, change, group, position, measure);
    const struct raml_fork_files_options *o = s->plan->opt;
    if (v->n == 0) return RAML_OK;
    enum raml_code rc = RAML_GROW(s->row, s->cap_rows, s->n_rows + 1, "rows of fork.tsv", err);
    if (rc) return rc;
    struct raml_fork_row *r = &s->row[s->n_rows];
    *r = (struct raml_fork_row){.edit = raml_fork_edit_name(s->plan->change[change].kind),
                                .word = s->word[change],
                                .group = raml_trace_verdict_name((enum raml_trace_verdict)group),
                                .position = position_name[position],
                                .measure = measure_name[measure],
                                .n = v->n};
    rc = raml_clustered_mean(v, o->seed, o->n_draws, &r->e, err);
    r->few = is_few(r->n, r->e.n);
    if (r->few) drop_interval(&r->e);
    if (!rc) s->n_rows++;
    return rc;
}

enum raml_code raml_fork_stats_read(struct raml_fork_stats *s, struct raml_fork_summary *out, struct raml_err *err)
{
    enum raml_code rc = read_order(s, &out->order, err);
    s->n_rows = 0;
    for (size_t c = 0; c < s->n_changes; c++)
        for (size_t g = 0; g < RAML_TRACE_GROUPS; g++)
            for (size_t i = 0; i < POSITIONS; i++)
                for (size_t m = 0; !rc && m < ALL_MEASURES; m++) rc = read_row(s, c, g, i, m, err);
    out->row = s->row;
    out->n_rows = s->n_rows;
    return rc;
}

const struct raml_fork_row *raml_fork_row_find(const struct raml_fork_summary *s, const char *edit, const char *word,
                                               const char *group, const char *position, const char *measure)
{
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_fork_row *r = &s->row[i];
        if (!strcmp(r->edit, edit) && !strcmp(r->word, word) && !strcmp(r->group, group) &&
            !strcmp(r->position, position) && !strcmp(r->measure, measure))
            return r;
    }
    return NULL;
}

static void add_number(struct raml_buf *b, double x)
{
    if (isfinite(x)) raml_buf_addf(b, "\t%.9g", x);
    else raml_buf_adds(b, isnan(x) ? "\tnan" : x > 0 ? "\tinf" : "\t-inf");
}

enum raml_code raml_fork_stats_write(const struct raml_fork_summary *s, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    enum raml_code rc = raml_path_join(path, dir, "fork.tsv", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_TABLE_BYTES);
    raml_buf_adds(&b, "edit\tword\tgroup\tposition\tmeasure\tn\tquestions\tmean\tlow\thigh\n");
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_fork_row *r = &s->row[i];
        raml_buf_addf(&b, "%s\t%s\t%s\t%s\t%s\t%zu\t%zu", r->edit, r->word, r->group, r->position, r->measure, r->n,
                      r->e.n);
        add_number(&b, r->e.value);
        add_number(&b, r->e.low);
        add_number(&b, r->e.high);
        raml_buf_adds(&b, "\n");
    }
    rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}
