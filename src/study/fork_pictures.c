/* fork_pictures.c - effects of forks and importance as figures, and forked trajectories as a page. See fork_files.h. */
#include "study/fork_parts.h"

#include "core/array.h"
#include "core/path.h"
#include "study/colour.h"
#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIGURE_WIDTH = 580,
    FIGURE_HEIGHT = 380,
    CATEGORY_WIDTH = 96,
    NAME_BYTES = 96,
    TITLE_BYTES = 400,
    MAX_CATEGORIES = 24,
    MAX_CURVES = 1000,
    MAX_TEXT_BYTES = 1 << 20,
    MAX_PAGE_BYTES = 1 << 28,
    SHOW_TOKENS = 4000
};

struct shown {
    struct raml_forked f; /* taken over */
    bool on_page, as_figure;
};
struct raml_fork_pictures {
    const struct raml_fork_plan *plan;
    struct shown *shown;
    size_t n, cap, n_on_page[RAML_TRACE_GROUPS], n_figures;
};

enum raml_code raml_fork_pictures_open(const struct raml_fork_plan *p, struct raml_fork_pictures **out,
                                       struct raml_err *err)
{
    struct raml_fork_pictures *x = calloc(1, sizeof *x);
    if (!x) return raml_fail(err, RAML_ENOMEM, "no memory for pictures");
    x->plan = p;
    *out = x;
    return RAML_OK;
}

void raml_fork_pictures_close(struct raml_fork_pictures *x)
{
    if (!x) return;
    for (size_t i = 0; i < x->n; i++) raml_forked_deinit(&x->shown[i].f);
    free(x->shown);
    free(x);
}

enum raml_code raml_fork_pictures_add(struct raml_fork_pictures *x, struct raml_forked *f, struct raml_err *err)
{
    const struct raml_fork_files_options *o = x->plan->opt;
    bool on_page = x->n_on_page[f->verdict] < o->n_shown, as_figure = x->n_figures < o->n_curves;
    if (!on_page && !as_figure) return RAML_OK;
    enum raml_code rc = RAML_GROW(x->shown, x->cap, x->n + 1, "trajectories", err);
    if (rc) return rc;
    x->n_on_page[f->verdict] += on_page;
    x->n_figures += as_figure;
    x->shown[x->n++] = (struct shown){.f = *f, .on_page = on_page, .as_figure = as_figure};
    *f = (struct raml_forked){0};
    return RAML_OK;
}

static const char *title_of(char out[TITLE_BYTES], const char *what, const char *data)
{
    snprintf(out, TITLE_BYTES, "%s%s%s", what, data ? ": " : "", data ? data : "");
    return out;
}

/* -- Effects ------------------------------------------------------------------------------------------------------- */

enum { PARTS = 3 };
static const char *const part_position[2][PARTS] = {{"before forced", "after forced", "all"},
                                                    {"before resampled", "after resampled", "all"}};
static const char *const part_name[2][PARTS] = {
    {"before the forced critical position", "after the forced critical position", "all places"},
    {"before the resampled critical position", "after the resampled critical position", "all places"}};

struct effects { /* of one measure, by edit: before and after the critical position; all places where it is not known */
    double x[MAX_CATEGORIES], y[PARTS][MAX_CATEGORIES], low[PARTS][MAX_CATEGORIES], high[PARTS][MAX_CATEGORIES];
    char name[MAX_CATEGORIES][NAME_BYTES];
    const char *category[MAX_CATEGORIES];
    size_t n, least[PARTS], most[PARTS]; /* questions of an edit */
};

static void add_effect(struct effects *v, const struct raml_fork_summary *s, const struct raml_fork_row *r,
                       const char *const *position)
{
    if (v->n == MAX_CATEGORIES) return;
    for (size_t k = 0; k < PARTS; k++) {
        const struct raml_fork_row *at = raml_fork_row_find(s, r->edit, r->word, r->group, position[k], r->measure);
        v->y[k][v->n] = at ? at->e.value : NAN;
        v->low[k][v->n] = at ? at->e.low : NAN;
        v->high[k][v->n] = at ? at->e.high : NAN;
        if (!at) continue;
        if (at->e.n > v->most[k]) v->most[k] = at->e.n;
        if (v->least[k] == 0 || at->e.n < v->least[k]) v->least[k] = at->e.n;
    }
    v->x[v->n] = (double)v->n;
    snprintf(v->name[v->n], NAME_BYTES, "%s%s%.60s", r->edit, *r->word ? " " : "", r->word);
    v->category[v->n] = v->name[v->n];
    v->n++;
}

struct effect_figure {
    const char *name, *measure, *title, *y_label;
};

static void collect_effects(struct effects *v, const struct raml_fork_summary *s, const struct effect_figure *e,
                            bool resampled)
{
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_fork_row *r = &s->row[i];
        if (strcmp(r->group, "all") != 0 || strcmp(r->position, "all") != 0) continue;
        if (!strcmp(r->measure, e->measure) && strcmp(r->edit, "none") != 0)
            add_effect(v, s, r, part_position[resampled]);
    }
}

static void name_part(char out[NAME_BYTES], const char *part, size_t least, size_t most)
{
    if (least == most) snprintf(out, NAME_BYTES, "%s (%zu question%s)", part, most, most == 1 ? "" : "s");
    else snprintf(out, NAME_BYTES, "%s (%zu to %zu questions)", part, least, most);
}

static enum raml_code draw_effects(const struct raml_fork_pictures *x, const struct raml_fork_summary *s,
                                   const struct effect_figure *e, struct raml_drawing *to, struct raml_err *err)
{
    char title[TITLE_BYTES], key[PARTS][NAME_BYTES];
    struct effects *v = calloc(1, sizeof *v);
    if (!v) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    bool resampled = x->plan->opt->n > 0; /* which critical position parts the places */
    collect_effects(v, s, e, resampled);
    struct raml_series series[PARTS];
    size_t n = 0;
    for (size_t k = 0; k < PARTS; k++) {
        if (v->most[k] == 0 || (k == PARTS - 1 && n)) continue;
        name_part(key[n], part_name[resampled][k], v->least[k], v->most[k]);
        series[n] = (struct raml_series){.name = key[n],
                                         .x = v->x,
                                         .y = v->y[k],
                                         .low = v->low[k],
                                         .high = v->high[k],
                                         .n = v->n,
                                         .colour = (int)k,
                                         .style = RAML_PLOT_BARS};
        n++;
    }
    const struct raml_figure fig = {.title = title_of(title, e->title, x->plan->job->data_name),
                                    .y_label = e->y_label,
                                    .series = series,
                                    .n_series = n,
                                    .category = v->category,
                                    .n_categories = v->n,
                                    .width = v->n * CATEGORY_WIDTH > FIGURE_WIDTH ? (int)v->n * CATEGORY_WIDTH
                                                                                  : FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT};
    enum raml_code rc = n ? raml_figure_write(to, e->name, &fig, NULL, err) : RAML_OK;
    free(v);
    return rc;
}

static enum raml_code all_effects(const struct raml_fork_pictures *x, const struct raml_fork_summary *s,
                                  struct raml_drawing *to, struct raml_err *err)
{
    static const struct effect_figure figure[] = {
        {"fork_accuracy", "accuracy_change", "Edits and accuracy", "change of accuracy"},
        {"fork_kl", "kl", "Edits and the distribution of answers", "KL(edited || unedited), nats"},
        {"fork_now", "now", "Edits and the loss right after them", "change of L, nats per answer token"},
        {"fork_carried", "carried", "Edits and the loss at the end", "change of L(T), nats per answer token"},
    };
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < sizeof figure / sizeof *figure; i++) rc = draw_effects(x, s, &figure[i], to, err);
    return rc;
}

/* -- Importance ---------------------------------------------------------------------------------------------------- */

static char *heading(const struct raml_forked *f) /* for free(); NULL: no memory */
{
    const struct raml_question *q = f->q;
    const char *word[] = {raml_trace_verdict_name(f->verdict), q->family, q->trajectory[f->sample].style};
    struct raml_buf b;
    raml_buf_init(&b, MAX_TEXT_BYTES);
    raml_text_visible(&b, q->id, strlen(q->id));
    raml_buf_addf(&b, " #%zu", f->sample);
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) {
        if (!word[i]) continue;
        raml_buf_adds(&b, ", ");
        raml_text_visible(&b, word[i], strlen(word[i]));
        if (i == 1 && q->difficulty >= 0) raml_buf_addf(&b, " %d", q->difficulty);
    }
    char *text = b.code ? NULL : raml_buf_take(&b);
    raml_buf_deinit(&b);
    return text;
}

/* y becomes shares of its largest value, which is named; what is infinite is left out. */
static void scale(double *y, size_t n, const char *what, char name[NAME_BYTES])
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i])) y[i] = NAN;
        if (y[i] > most) most = y[i];
    }
    for (size_t i = 0; i < n && most > 0; i++) y[i] /= most;
    snprintf(name, NAME_BYTES, "%s (largest: %.3g nats)", what, most);
}

static enum raml_code draw_along(const struct raml_forked *f, size_t k, struct raml_drawing *to, struct raml_err *err)
{
    char name[32], key[2][NAME_BYTES], *title = heading(f);
    size_t n = 0;
    double *v = calloc(3 * f->places.n + 1, sizeof *v), *x = v, *forced = v + f->places.n,
           *resampled = v + 2 * f->places.n;
    enum raml_code rc = v && title ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    for (size_t i = 0; !rc && i < f->places.n; i++) {
        bool any = isfinite(f->importance[i].forced) || isfinite(f->importance[i].resampled);
        if (f->places.place[i].end <= f->places.place[i].at || !any) continue;
        x[n] = f->places.place[i].end;
        forced[n] = f->importance[i].forced;
        resampled[n++] = f->importance[i].resampled;
    }
    snprintf(name, sizeof name, "importance_%zu", k);
    if (!rc) scale(forced, n, "forced", key[0]);
    if (!rc) scale(resampled, n, "resampled", key[1]);
    const struct raml_series s[] = {
        {.name = key[0], .x = x, .y = forced, .n = n, .style = RAML_PLOT_LINE_POINTS},
        {.name = key[1], .x = x, .y = resampled, .n = n, .colour = 1, .style = RAML_PLOT_LINE_POINTS},
    };
    const struct raml_figure fig = {.title = title,
                                    .x_label = "end of the unit, tokens",
                                    .y_label = "importance, share of the largest",
                                    .y_high = 1.05,
                                    .series = s,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = 2};
    if (!rc && n) rc = raml_figure_write(to, name, &fig, NULL, err);
    free(v);
    free(title);
    return rc;
}

static double largest(const double *x, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && x[i] > most) most = x[i];
    return most;
}

static enum raml_code draw_scatter(const struct raml_fork_pictures *x, const struct raml_fork_summary *s,
                                   struct raml_drawing *to, struct raml_err *err)
{
    const struct raml_fork_units *u = raml_fork_stats_units(s->stats);
    double most[2] = {largest(u->forced, u->n), largest(u->resampled, u->n)};
    char what[NAME_BYTES], title[TITLE_BYTES];
    if (u->n == 0) return RAML_OK;
    snprintf(what, sizeof what, "Importance of %zu units (rank correlation %.2f)", u->n, s->order.spearman.value);
    const struct raml_series series = {
        .name = "units", .x = u->forced, .y = u->resampled, .n = u->n, .style = RAML_PLOT_POINTS, .faint = u->n > 500};
    const struct raml_figure fig = {.title = title_of(title, what, x->plan->job->data_name),
                                    .x_label = "forced, nats",
                                    .y_label = "resampled, nats",
                                    .x_high = 1.02 * most[0],
                                    .y_high = 1.04 * most[1],
                                    .series = &series,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = 1};
    return raml_figure_write(to, "importance_scatter", &fig, NULL, err);
}

/* -- The page ------------------------------------------------------------------------------------------------------ */

struct view { /* a trajectory's arrays as the view takes them */
    const char **piece, **role;
    size_t *length;
    double *entropy;
    char *heading;
};

static void view_deinit(struct view *v)
{
    free(v->piece);
    free(v->role);
    free(v->length);
    free(v->entropy);
    free(v->heading);
}

static enum raml_code view_init(struct view *v, const struct raml_forked *f, struct raml_err *err)
{
    size_t T = f->curve.n_tokens;
    *v = (struct view){.piece = calloc(T + 1, sizeof *v->piece),
                       .role = calloc(T + 1, sizeof *v->role),
                       .length = calloc(T + 1, sizeof *v->length),
                       .entropy = calloc(T + 1, sizeof *v->entropy),
                       .heading = heading(f)};
    if (!v->piece || !v->role || !v->length || !v->entropy || !v->heading)
        return raml_fail(err, RAML_ENOMEM, "no memory to show %zu tokens", T);
    for (size_t i = 0; i < T; i++) {
        v->piece[i] = f->piece[i].s;
        v->length[i] = f->piece[i].n;
        v->role[i] = raml_token_role_name(f->roles.role[i]);
        v->entropy[i] = (double)f->curve.token_entropy[i];
    }
    return RAML_OK;
}

static enum raml_code show(struct raml_buf *b, const struct raml_fork_plan *p, const struct raml_forked *f,
                           struct raml_err *err)
{
    struct raml_fork_marks m = {0};
    struct view v;
    enum raml_code rc = view_init(&v, f, err);
    if (!rc) rc = raml_fork_marks_fill(&m, p, f, err);
    const struct raml_coloured c = {.heading = v.heading,
                                    .question = f->q->question,
                                    .piece = v.piece,
                                    .piece_len = v.length,
                                    .loss = f->curve.loss,
                                    .greedy = f->curve.greedy,
                                    .n_tokens = f->curve.n_tokens,
                                    .n_answer = f->curve.n_answer,
                                    .show = SHOW_TOKENS,
                                    .entropy = v.entropy,
                                    .role = v.role,
                                    .mark = m.mark,
                                    .n_marks = m.n};
    if (!rc) rc = raml_colour_trajectory(b, &c, err);
    view_deinit(&v);
    raml_fork_marks_deinit(&m);
    return rc;
}

static enum raml_code write_page(const struct raml_fork_pictures *x, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], title[TITLE_BYTES];
    struct raml_buf b;
    enum raml_code rc = raml_path_join(path, x->plan->job->dir, "trajectories.html", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_PAGE_BYTES);
    raml_colour_begin(&b, title_of(title, "Forks", x->plan->job->data_name));
    for (size_t i = 0; !rc && i < x->n; i++)
        if (x->shown[i].on_page) rc = show(&b, x->plan, &x->shown[i].f, err);
    raml_colour_end(&b);
    if (!rc) rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

/* A figure of an earlier run in the folder, which this one may not draw. */
static enum raml_code remove_figure(const char *dir, const char *name, struct raml_err *err)
{
    static const char *const end[] = {"tsv", "gp", "svg"};
    char path[RAML_PATH_BYTES];
    for (size_t i = 0; i < sizeof end / sizeof *end; i++) {
        enum raml_code rc = raml_path_format(path, err, "%s/%s.%s", dir, name, end[i]);
        if (rc) return rc;
        if (raml_is_file(path) && remove(path))
            return raml_fail_errno(err, "%s: can't remove the figure of an earlier run", path);
    }
    return RAML_OK;
}

/* Only where a run has left its settings. Numbers may have gaps: a trajectory without units has no figure. */
static enum raml_code remove_earlier(const char *dir, struct raml_err *err)
{
    static const char *const name[] = {"fork_accuracy", "fork_kl", "fork_now", "fork_carried", "importance_scatter"};
    char path[RAML_PATH_BYTES], along[NAME_BYTES];
    enum raml_code rc = raml_path_join(path, dir, "fork.yaml", err);
    if (rc || !raml_is_file(path)) return rc;
    for (size_t i = 0; !rc && i < sizeof name / sizeof *name; i++) rc = remove_figure(dir, name[i], err);
    for (size_t k = 1; !rc && k <= MAX_CURVES; k++) {
        snprintf(along, sizeof along, "importance_%zu", k);
        rc = remove_figure(dir, along, err);
    }
    return rc;
}

enum raml_code raml_fork_pictures_write(const struct raml_fork_pictures *x, const struct raml_fork_summary *s,
                                        struct raml_err *err)
{
    size_t k = 0;
    struct raml_drawing to = {.dir = x->plan->job->dir, .sink = x->plan->job->sink};
    enum raml_code rc = remove_earlier(to.dir, err);
    if (!rc) rc = all_effects(x, s, &to, err);
    if (!rc) rc = draw_scatter(x, s, &to, err);
    for (size_t i = 0; !rc && i < x->n; i++)
        if (x->shown[i].as_figure) rc = draw_along(&x->shown[i].f, ++k, &to, err);
    if (!rc) raml_drawing_tell(&to);
    return rc ? rc : write_page(x, err);
}
