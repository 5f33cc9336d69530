/* roles_pictures.c - figures of roles and words: effect, step, and the paper's statistic. See roles_parts.h. */
#include "study/roles_parts.h"

#include "core/path.h"
#include "study/figure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BARS = 24, CATEGORY_BYTES = 96, NAME_BYTES = 64, TITLE_BYTES = 300, WIDTH = 760, HEIGHT = 440 };
enum { RIGHT, WRONG, EVERY, N_KINDS };
enum { GREY = 7 };
static const double BAR_SHIFT = 0.2; /* of two series' bars, from their category's middle */

struct drawn {                        /* rows of one table as bars */
    const struct raml_roles_row *row; /* [n_rows] */
    size_t n_rows;
    const char *by; /* "role" or "word" */
    const char *name[MAX_BARS];
    char category[MAX_BARS][CATEGORY_BYTES];
    const char *label[MAX_BARS];
    size_t n; /* categories */
    size_t min_units;
    struct raml_drawing *to;
    const char *data_name;
};

static const struct raml_roles_row *find(const struct drawn *d, const char *name, enum raml_trace_verdict verdict)
{
    for (size_t i = 0; i < d->n_rows; i++)
        if (d->row[i].verdict == verdict && !strcmp(d->row[i].name, name)) return &d->row[i];
    return NULL;
}

static int by_units(const void *a, const void *b)
{
    const struct raml_roles_row *const *x = a, *const *y = b;
    if ((*x)->n_units != (*y)->n_units) return (*x)->n_units < (*y)->n_units ? 1 : -1;
    return (*x > *y) - (*x < *y); /* as they stand in the table */
}

/* Words by falling number of units, the first ones; roles as they stand. */
static enum raml_code choose(struct drawn *d, bool by_number, struct raml_err *err)
{
    const struct raml_roles_row **all = malloc((d->n_rows + 1) * sizeof *all);
    size_t n = 0;
    if (!all) return raml_fail(err, RAML_ENOMEM, "no memory for a figure of %zu rows", d->n_rows);
    for (size_t i = 0; i < d->n_rows; i++)
        if (d->row[i].verdict == RAML_TRACE_ALL) all[n++] = &d->row[i];
    if (by_number) qsort(all, n, sizeof *all, by_units);
    for (size_t i = 0; i < n && d->n < MAX_BARS; i++) {
        const struct raml_roles_row *r = all[i];
        char *to = d->category[d->n], few[32] = "";
        if (r->few) snprintf(few, sizeof few, " < %zu", d->min_units);
        snprintf(to, CATEGORY_BYTES, "%.40s (%zu%s)", r->name, r->n_units, few);
        d->label[d->n] = to;
        d->name[d->n++] = r->name;
    }
    free(all);
    return RAML_OK;
}

struct points { /* of one series */
    double x[MAX_BARS], y[MAX_BARS], low[MAX_BARS], high[MAX_BARS];
    size_t n;
};

static void add_point(struct points *p, double x, double y, double low, double high)
{
    p->x[p->n] = x;
    p->y[p->n] = y;
    p->low[p->n] = low;
    p->high[p->n++] = high;
}

static struct raml_series series_of(const struct points *p, const char *name, int colour, enum raml_plot_style style)
{
    return (struct raml_series){.name = name,
                                .x = p->x,
                                .y = p->y,
                                .low = p->low,
                                .high = p->high,
                                .n = p->n,
                                .colour = colour,
                                .style = style};
}

/* Bars where there are min_units values, a grey point elsewhere. */
static void sort_values(const struct drawn *d, enum raml_trace_verdict v, enum raml_roles_measure m, double shift,
                        struct points *bars, struct points *few)
{
    for (size_t i = 0; i < d->n; i++) {
        const struct raml_roles_row *r = find(d, d->name[i], v);
        bool enough = r && !r->few && r->n_units - r->n_no_window >= d->min_units;
        if (m != RAML_ROLES_EFFECT) enough = r && !r->few;
        add_point(bars, (double)i, enough ? r->e[m].value : NAN, enough ? r->e[m].low : NAN,
                  enough ? r->e[m].high : NAN);
        if (r && !enough && isfinite(r->e[m].value)) add_point(few, (double)i + shift, r->e[m].value, NAN, NAN);
    }
}

static bool any(const struct points *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (isfinite(p->y[i])) return true;
    return false;
}

/* An axis with 0 on it, and room for all points and intervals. */
static void fit_axis(struct raml_figure *fig, const struct raml_series *s, size_t n)
{
    double low = 0, high = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < s[k].n; i++) {
            low = fmin(low, fmin(s[k].y[i], s[k].low[i])); /* of a number and NaN: the number */
            high = fmax(high, fmax(s[k].y[i], s[k].high[i]));
        }
    fig->y_low = low < 0 ? low - 0.06 * (high - low) : 0;
    fig->y_high = high > 0 ? high + 0.06 * (high - low) : 0;
}

static enum raml_code write(const struct drawn *d, const char *what, struct raml_figure *fig, struct raml_series *s,
                            size_t n, struct raml_err *err)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s_by_%s", what, d->by);
    fig->series = s;
    fig->n_series = n;
    fig->category = d->label;
    fig->n_categories = d->n;
    fig->width = WIDTH;
    fig->height = HEIGHT;
    return raml_figure_write(d->to, name, fig, NULL, err);
}

static enum raml_code effects(const struct drawn *all, struct raml_err *err)
{
    struct drawn without = *all; /* every token beside its like has no effect */
    const struct drawn *d = &without;
    if (!strcmp(without.name[without.n - 1], "all") && !strcmp(without.by, "role")) without.n--;
    struct points bars = {.n = 0}, few = {.n = 0};
    struct raml_series s[2];
    char title[TITLE_BYTES], fewer[NAME_BYTES];
    size_t n = 0;
    sort_values(d, RAML_TRACE_ALL, RAML_ROLES_EFFECT, 0, &bars, &few);
    snprintf(fewer, sizeof fewer, "fewer than %zu: no interval", d->min_units);
    snprintf(title, sizeof title, "Effect by %s, beside matched windows%s%s", d->by, d->data_name ? ": " : "",
             d->data_name ? d->data_name : "");
    if (any(&bars)) s[n++] = series_of(&bars, "mean, 95 % over questions", 0, RAML_PLOT_BARS);
    if (any(&few)) s[n++] = series_of(&few, fewer, GREY, RAML_PLOT_POINTS);
    struct raml_figure fig = {.title = title, .y_label = "\u0394L less that of its windows, nats"};
    fit_axis(&fig, s, n);
    return n ? write(d, "effect", &fig, s, n, err) : RAML_OK;
}

static enum raml_code deltas(const struct drawn *d, struct raml_err *err)
{
    static const enum raml_trace_verdict verdict[N_KINDS] = {RAML_TRACE_CORRECT, RAML_TRACE_WRONG, RAML_TRACE_ALL};
    static const char *const name[N_KINDS] = {"right", "wrong", "all"};
    struct points bars[N_KINDS] = {{.n = 0}}, few = {.n = 0};
    struct raml_series s[N_KINDS + 1];
    char title[TITLE_BYTES], fewer[NAME_BYTES];
    size_t n = 0;
    bool graded = find(d, d->name[0], RAML_TRACE_CORRECT) || find(d, d->name[0], RAML_TRACE_WRONG);
    for (size_t k = graded ? RIGHT : EVERY; k < (graded ? EVERY : N_KINDS); k++) {
        double shift = !graded ? 0 : k == RIGHT ? -BAR_SHIFT : BAR_SHIFT;
        sort_values(d, verdict[k], RAML_ROLES_DELTA, shift, &bars[k], &few);
        if (any(&bars[k])) s[n++] = series_of(&bars[k], name[k], (int)(k % EVERY), RAML_PLOT_BARS);
    }
    snprintf(fewer, sizeof fewer, "fewer than %zu: no interval%s", d->min_units, graded ? " (left: right)" : "");
    snprintf(title, sizeof title, "Change of the answer's loss by %s%s%s", d->by, d->data_name ? ": " : "",
             d->data_name ? d->data_name : "");
    if (any(&few)) s[n++] = series_of(&few, fewer, GREY, RAML_PLOT_POINTS);
    struct raml_figure fig = {.title = title, .y_label = "mean \u0394L, nats per answer token"};
    fit_axis(&fig, s, n);
    return n ? write(d, "delta", &fig, s, n, err) : RAML_OK;
}

/* On a logarithmic axis: 0 has no place there. */
static enum raml_code paper(const struct drawn *d, struct raml_err *err)
{
    struct points mean = {.n = 0}, few = {.n = 0}, rest = {.n = 0};
    struct raml_series s[3];
    char title[TITLE_BYTES], fewer[NAME_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) {
        const struct raml_roles_row *r = find(d, d->name[i], RAML_TRACE_ALL);
        if (!(r->relative.mean > 0)) continue;
        add_point(r->few ? &few : &mean, (double)i, r->relative.mean, NAN, NAN);
        double left = r->relative.mean * (1 - r->relative.top_share) * (double)r->relative.n /
                      (double)(r->relative.n - r->relative.n_top); /* the mean of the others */
        if (!r->few && left > 0) add_point(&rest, (double)i, left, NAN, NAN);
    }
    snprintf(fewer, sizeof fewer, "fewer than %zu units", d->min_units);
    snprintf(title, sizeof title, "The paper's mean of |\u0394L|/L by %s, with and without its largest 1 %%", d->by);
    if (any(&mean)) s[n++] = series_of(&mean, "mean |\u0394L|/L", 3, RAML_PLOT_POINTS);
    if (any(&rest)) s[n++] = series_of(&rest, "without the largest 1 % of units", 0, RAML_PLOT_POINTS);
    if (any(&few)) s[n++] = series_of(&few, fewer, GREY, RAML_PLOT_POINTS);
    struct raml_figure fig = {.title = title, .y_label = "mean of |\u0394L|/L(i-1)", .log_y = true};
    return n ? write(d, "relative", &fig, s, n, err) : RAML_OK;
}

static enum raml_code draw(struct drawn *d, struct raml_err *err)
{
    enum raml_code rc = choose(d, !strcmp(d->by, "word"), err);
    if (rc || d->n == 0) return rc;
    rc = effects(d, err);
    if (!rc) rc = deltas(d, err);
    return rc ? rc : paper(d, err);
}

/* Figures that an earlier run left in the folder: what this one does not draw would look like its own. */
static enum raml_code remove_earlier(const char *dir, struct raml_err *err)
{
    static const char *const what[] = {"effect", "delta", "relative"}, *const by[] = {"role", "word"},
                             *const end[] = {"tsv", "gp", "svg"};
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, "roles.yaml", err);
    if (rc || !raml_is_file(path)) return rc; /* no earlier run: files of these names are someone's own */
    for (size_t i = 0; !rc && i < 18; i++) {
        rc = raml_path_format(path, err, "%s/%s_by_%s.%s", dir, what[i / 6], by[i / 3 % 2], end[i % 3]);
        if (!rc && remove(path) && errno != ENOENT) rc = raml_fail_errno(err, "%s: cannot be removed", path);
    }
    return rc;
}

enum raml_code raml_roles_pictures_write(const struct raml_roles_summary *s, size_t min_units, struct raml_drawing *to,
                                         const char *data_name, struct raml_err *err)
{
    struct drawn role = {
        .row = s->role, .n_rows = s->n_roles, .by = "role", .min_units = min_units, .to = to, .data_name = data_name};
    struct drawn word = {
        .row = s->word, .n_rows = s->n_words, .by = "word", .min_units = min_units, .to = to, .data_name = data_name};
    enum raml_code rc = remove_earlier(to->dir, err);
    if (!rc) rc = draw(&role, err);
    return rc ? rc : draw(&word, err);
}
