/* prune_pictures.c - accuracy and loss against the kept share, a line for each method. See prune_files.h. */
#include "study/prune_parts.h"

#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = RAML_PRUNE_MAX_LEVELS, LINES = 6, TITLE_BYTES = 400, NAME_BYTES = 64, WIDTH = 580, HEIGHT = 440 };

static const struct {
    enum raml_prune_level_kind kind;
    enum raml_prune_method method;
    const char *name;
    int colour;
    bool dashed;
} lines[] = {{RAML_PRUNE_SHARE, RAML_PRUNE_GREEDY, "greedy deletion of steps", 0, false},
             {RAML_PRUNE_SLACK, RAML_PRUNE_GREEDY, "greedy, under a bound on the loss", 0, true},
             {RAML_PRUNE_SHARE, RAML_PRUNE_DESCENT, "steps by descent", 2, false},
             {RAML_PRUNE_SHARE, RAML_PRUNE_RANDOM, "random deletion of steps", 7, false},
             {RAML_PRUNE_SHARE, RAML_PRUNE_BUDGET, "budget: the first tokens", 1, false}};

struct points {
    double x[POINTS], y[POINTS], low[POINTS], high[POINTS];
    size_t n;
};

static const struct raml_prune_row *row_of(const struct raml_prune_summary *sum, enum raml_prune_level_kind kind,
                                           double value, enum raml_prune_method m)
{
    for (size_t i = 0; i < sum->n_rows; i++) {
        const struct raml_prune_row *r = &sum->row[i];
        bool same = r->level.kind == kind && !(r->level.value < value) && !(r->level.value > value);
        if (same && r->method == m) return r;
    }
    return NULL;
}

static void add_point(struct points *p, const struct raml_prune_row *r, enum raml_prune_measure m)
{
    if (!r || p->n == POINTS) return;
    size_t k = p->n++; /* rising share */
    double x = r->measure[RAML_PRUNE_KEPT_SHARE].value;
    for (; k && p->x[k - 1] > x; k--) {
        p->x[k] = p->x[k - 1];
        p->y[k] = p->y[k - 1];
        p->low[k] = p->low[k - 1];
        p->high[k] = p->high[k - 1];
    }
    p->x[k] = x;
    p->y[k] = r->measure[m].value;
    p->low[k] = r->measure[m].low;
    p->high[k] = r->measure[m].high;
}

/* Nothing, the levels of share, the whole; of slack without nothing. */
static void read_line(const struct raml_prune_summary *sum, enum raml_prune_level_kind kind,
                      enum raml_prune_method method, enum raml_prune_measure m, struct points *p)
{
    p->n = 0;
    if (kind == RAML_PRUNE_SHARE) add_point(p, row_of(sum, RAML_PRUNE_NOTHING, 0, RAML_PRUNE_GIVEN), m);
    for (size_t i = 0; i < sum->n_rows; i++)
        if (sum->row[i].level.kind == kind && sum->row[i].method == method) add_point(p, &sum->row[i], m);
    add_point(p, row_of(sum, RAML_PRUNE_WHOLE, 0, RAML_PRUNE_GIVEN), m);
}

static enum raml_code draw(const struct raml_prune_summary *sum, enum raml_prune_measure m, struct raml_drawing *to,
                           const char *name, const char *title, const char *y_label, struct raml_err *err)
{
    struct points *p = calloc(LINES, sizeof *p);
    struct raml_series s[LINES];
    size_t n = 0;
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        read_line(sum, lines[i].kind, lines[i].method, m, &p[n]);
        s[n] = (struct raml_series){.name = lines[i].name,
                                    .colour = lines[i].colour,
                                    .style = RAML_PLOT_LINE_POINTS,
                                    .dashed = lines[i].dashed};
        n += p[n].n > 1;
    }
    const struct raml_prune_row *summary = row_of(sum, RAML_PRUNE_SUMMARY, 0, RAML_PRUNE_GIVEN);
    if (summary) {
        add_point(&p[n], summary, m);
        s[n++] = (struct raml_series){.name = "summary", .colour = 3, .style = RAML_PLOT_POINTS};
    }
    for (size_t i = 0; i < n; i++) {
        s[i].x = p[i].x;
        s[i].y = p[i].y;
        s[i].low = p[i].low;
        s[i].high = p[i].high;
        s[i].n = p[i].n;
    }
    bool accuracy = m == RAML_PRUNE_ACCURACY;
    const struct raml_figure fig = {.title = title,
                                    .x_label = "share of the trajectory's tokens that is kept",
                                    .y_label = y_label,
                                    .x_low = 0,
                                    .x_high = 1,
                                    .y_low = 0,
                                    .y_high = accuracy ? 1 : 0,
                                    .series = s,
                                    .n_series = n,
                                    .width = WIDTH,
                                    .height = HEIGHT};
    enum raml_code rc = raml_figure_write(to, name, &fig, NULL, err);
    free(p);
    return rc;
}

enum raml_code raml_prune_pictures_write(const struct raml_prune_summary *sum, struct raml_drawing *to,
                                         const char *data, struct raml_err *err)
{
    char title[TITLE_BYTES];
    bool drawn = false, answered = false;
    for (size_t i = 0; i < sum->n_rows; i++) {
        drawn |= sum->row[i].level.kind == RAML_PRUNE_SHARE;
        answered |= !isnan(sum->row[i].measure[RAML_PRUNE_ACCURACY].value);
    }
    if (!drawn) return RAML_OK;
    if (data && strrchr(data, '/')) data = strrchr(data, '/') + 1;
    snprintf(title, sizeof title, "Loss of the answer after a pruned trajectory%s%s", data ? ": " : "",
             data ? data : "");
    enum raml_code rc = draw(sum, RAML_PRUNE_LOSS, to, "prune_loss", title, "loss of the answer, nats per token", err);
    if (rc || !answered) return rc;
    snprintf(title, sizeof title, "Accuracy after a pruned trajectory%s%s", data ? ": " : "", data ? data : "");
    return draw(sum, RAML_PRUNE_ACCURACY, to, "prune_accuracy", title, "share of answers that are right", err);
}
