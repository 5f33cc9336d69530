/* exits_pictures.c - accuracy against what it cost, policy by policy. See exits_parts.h. */
#include "study/exits_parts.h"

#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = RAML_EXIT_KINDS, TITLE_BYTES = 300, WIDTH = 760, HEIGHT = 480, MAX_SERIES = 3 * KINDS };

struct line { /* of a kind, ours or released */
    double *x, *y;
    size_t *row, n;
};
struct plot {
    const struct raml_exits_row *row;
    size_t n;
    bool by_accuracy;
    struct line line[2 * KINDS]; /* [kind, released] */
    struct raml_series series[MAX_SERIES];
    char name[MAX_SERIES][64];
    size_t n_series;
    double point[KINDS][4]; /* of chosen ones: x, y, low, high */
};

static const double POINT_WIDTH = 0.02; /* of the axis */

static const char *const label[KINDS] = {"full thinking", "fixed budget",  "stability",
                                         "confidence",    "Dynasor",       "CoDE-Stop",
                                         "EAT",           "loss (oracle)", "first right (oracle)"};
static const int colour[KINDS] = {9, 7, 0, 1, 2, 3, 4, 5, 6};

const char *raml_exits_label(enum raml_exit_kind kind)
{
    return label[kind];
}

/* -- Which points --------------------------------------------------------------------------------------------------- */

static const struct raml_exits_measures *on(const struct plot *p, size_t row, enum raml_exits_half half)
{
    return &p->row[row].half[half];
}

/* No setting of its kind costs as little on the validation half and is as accurate there. */
static bool on_frontier(const struct plot *p, size_t k)
{
    const struct raml_exits_measures *me = on(p, k, RAML_EXITS_VALIDATION);
    for (size_t j = 0; j < p->n; j++) {
        if (j == k || strcmp(p->row[j].kind, p->row[k].kind) != 0 || p->row[j].released != p->row[k].released) continue;
        const struct raml_exits_measures *it = on(p, j, RAML_EXITS_VALIDATION);
        bool no_worse = it->total.value <= me->total.value && it->accuracy.value >= me->accuracy.value;
        bool differs = it->total.value < me->total.value || it->accuracy.value > me->accuracy.value;
        if (no_worse && (differs || j < k)) return false;
    }
    return true;
}

static enum raml_code add_point(struct plot *p, size_t k, struct raml_err *err)
{
    struct line *l = &p->line[2 * raml_exits_kind_of(&p->row[k]) + p->row[k].released];
    if (!l->row) l->row = calloc(p->n, sizeof *l->row);
    if (!l->x) l->x = calloc(p->n, sizeof *l->x);
    if (!l->y) l->y = calloc(p->n, sizeof *l->y);
    if (!l->row || !l->x || !l->y) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    double x = on(p, k, RAML_EXITS_TEST)->total.value, y = on(p, k, RAML_EXITS_TEST)->accuracy.value;
    size_t at = l->n++;
    for (; at && l->x[at - 1] > x; at--) {
        l->x[at] = l->x[at - 1];
        l->y[at] = l->y[at - 1];
        l->row[at] = l->row[at - 1];
    }
    l->x[at] = x;
    l->y[at] = y;
    l->row[at] = k;
    return RAML_OK;
}

/* -- Series -------------------------------------------------------------------------------------------------------- */

static struct raml_series *next(struct plot *p, const char *name)
{
    struct raml_series *s = &p->series[p->n_series];
    snprintf(p->name[p->n_series], sizeof p->name[0], "%s", name);
    *s = (struct raml_series){.name = p->name[p->n_series]};
    p->n_series++;
    return s;
}

static void add_lines(struct plot *p)
{
    for (int k = RAML_EXIT_BUDGET; k < KINDS; k++)
        for (int released = 0; released < 2; released++) {
            const struct line *l = &p->line[2 * k + released];
            if (l->n == 0) continue;
            struct raml_series *s = next(p, released ? "" : label[k]);
            s->x = l->x;
            s->y = l->y;
            s->n = l->n;
            s->colour = colour[k];
            s->style = l->n == 1 || released ? RAML_PLOT_POINTS : RAML_PLOT_LINE_POINTS;
            s->dashed = released || k >= RAML_EXIT_LOSS;
        }
}

/* Points that were at the same place, or nearly, stand side by side: from the left, each a little right of the last. */
static void part_points(struct raml_series *s, size_t n, double least)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j && s[j].x[0] < s[j - 1].x[0]; j--) {
            struct raml_series right = s[j - 1];
            s[j - 1] = s[j];
            s[j] = right;
        }
    for (size_t i = 1; i < n; i++) s[i].shift = fmax(0, s[i - 1].x[0] + s[i - 1].shift + least - s[i].x[0]);
}

static double width_of(const struct plot *p)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t k = 0; k < p->n_series; k++)
        for (size_t i = 0; i < p->series[k].n; i++) {
            low = fmin(low, p->series[k].x[i]);
            high = fmax(high, p->series[k].x[i]);
        }
    return high > low ? high - low : 0;
}

static void add_chosen(struct plot *p)
{
    size_t first = p->n_series;
    for (int k = 0; k < KINDS; k++) {
        size_t row = raml_exits_chosen_of(p->row, p->n, (enum raml_exit_kind)k, p->by_accuracy);
        if (row == p->n || k == RAML_EXIT_LOSS || k == RAML_EXIT_FIRST_RIGHT) continue;
        const struct raml_exits_measures *m = on(p, row, RAML_EXITS_TEST);
        p->point[k][0] = m->total.value;
        p->point[k][1] = m->accuracy.value;
        p->point[k][2] = m->accuracy.low;
        p->point[k][3] = m->accuracy.high;
        struct raml_series *s = next(p, k == RAML_EXIT_FULL ? label[k] : "");
        s->x = &p->point[k][0];
        s->y = &p->point[k][1];
        if (isfinite(m->accuracy.low)) {
            s->low = &p->point[k][2];
            s->high = &p->point[k][3];
        }
        s->n = 1;
        s->colour = colour[k];
        s->style = RAML_PLOT_POINTS;
    }
    part_points(p->series + first, p->n_series - first, POINT_WIDTH * width_of(p));
}

static enum raml_code accuracy_figure(struct plot *p, struct raml_drawing *to, const char *title, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t k = 1; !rc && k < p->n; k++)
        if (on_frontier(p, k)) rc = add_point(p, k, err);
    if (rc) return rc;
    add_lines(p);
    add_chosen(p);
    const struct raml_figure fig = {.title = title,
                                    .x_label = "tokens per trajectory, probes included",
                                    .y_label = "accuracy",
                                    .series = p->series,
                                    .n_series = p->n_series,
                                    .width = WIDTH,
                                    .height = HEIGHT};
    return raml_figure_write(to, "exits_accuracy", &fig, NULL, err);
}

/* -- What is left -------------------------------------------------------------------------------------------------- */

static enum raml_code cost_figure(const struct plot *p, struct raml_drawing *to, const char *title,
                                  struct raml_err *err)
{
    const char *category[KINDS];
    double x[KINDS], y[2][KINDS], low[2][KINDS], high[2][KINDS];
    size_t n = 0;
    double most = 1;
    for (int k = RAML_EXIT_BUDGET; k < KINDS; k++) {
        size_t row = raml_exits_chosen_of(p->row, p->n, (enum raml_exit_kind)k, p->by_accuracy);
        if (row == p->n) continue;
        const struct raml_exits_measures *m = on(p, row, RAML_EXITS_TEST);
        const struct raml_estimate *e[] = {&m->kept, &m->cost_kept};
        for (size_t i = 0; i < 2; i++) {
            y[i][n] = e[i]->value;
            low[i][n] = isfinite(e[i]->low) ? e[i]->low : e[i]->value;
            high[i][n] = isfinite(e[i]->high) ? e[i]->high : e[i]->value;
            most = fmax(most, high[i][n]);
        }
        category[n] = raml_exit_kind_name((enum raml_exit_kind)k);
        x[n] = (double)n;
        n++;
    }
    static const char *const name[] = {"thinking tokens kept", "cost kept, probes included"};
    struct raml_series s[2];
    for (int i = 0; i < 2; i++)
        s[i] = (struct raml_series){.name = name[i],
                                    .x = x,
                                    .y = y[i],
                                    .low = low[i],
                                    .high = high[i],
                                    .n = n,
                                    .colour = i,
                                    .style = RAML_PLOT_BARS};
    const struct raml_figure fig = {.title = title,
                                    .y_label = "share of full thinking",
                                    .y_high = 1.05 * most,
                                    .series = s,
                                    .n_series = 2,
                                    .category = category,
                                    .n_categories = n,
                                    .width = WIDTH,
                                    .height = HEIGHT * 3 / 4};
    return n ? raml_figure_write(to, "exits_cost", &fig, NULL, err) : RAML_OK;
}

enum raml_code raml_exits_pictures(const struct raml_exits_row *row, size_t n, bool by_accuracy,
                                   struct raml_drawing *to, const char *name, struct raml_err *err)
{
    char title[TITLE_BYTES];
    struct plot *p = calloc(1, sizeof *p);
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    p->row = row;
    p->n = n;
    p->by_accuracy = by_accuracy;
    const char *file = name && strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    snprintf(title, sizeof title, "Accuracy against cost%s%s", file ? ": " : "", file ? file : "");
    enum raml_code rc = accuracy_figure(p, to, title, err);
    snprintf(title, sizeof title, "What the chosen settings keep%s%s", file ? ": " : "", file ? file : "");
    if (!rc) rc = cost_figure(p, to, title, err);
    for (size_t i = 0; i < 2 * KINDS; i++) {
        free(p->line[i].x);
        free(p->line[i].y);
        free(p->line[i].row);
    }
    free(p);
    return rc;
}
