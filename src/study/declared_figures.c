/* declared_figures.c - a figure a claim: every seed, and their mean with its interval. See declared.h. */
#include "study/declared.h"

#include "core/path.h"
#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double BESIDE = -0.06; /* seeds beside their mean, so that both are seen */
enum { MAX_POINTS = 64, MAX_LABEL = 160, WIDTH = 520, HEIGHT = 320 };

struct plot {
    double x[MAX_POINTS], y[MAX_POINTS], low[MAX_POINTS], high[MAX_POINTS]; /* mean over seeds of each point */
    double seed_x[MAX_POINTS * RAML_STUDY_MAX_SEEDS], seed_y[MAX_POINTS * RAML_STUDY_MAX_SEEDS];
    char label[MAX_POINTS][MAX_LABEL];
    const char *category[MAX_POINTS];
    size_t n, n_seed;
};

/* The numbers of one point, a seed each. */
static void add_point(struct plot *p, double x, const double *y, size_t n)
{
    struct raml_estimate e = raml_student_mean(y, n);
    p->x[p->n] = x;
    p->y[p->n] = e.value;
    p->low[p->n] = n > 1 ? e.low : e.value;
    p->high[p->n] = n > 1 ? e.high : e.value;
    p->n++;
    for (size_t k = 0; k < n; k++) {
        p->seed_x[p->n_seed] = x;
        p->seed_y[p->n_seed++] = y[k];
    }
}

/* What the claim adds up, term by term. */
static void plot_terms(const struct raml_study *s, const struct raml_study_value *value, const struct study_claim *c,
                       struct plot *p)
{
    double y[RAML_STUDY_MAX_SEEDS];
    for (size_t i = 0; i < c->n && p->n < MAX_POINTS; i++) {
        const struct study_term *t = &c->term[i];
        for (size_t k = 0; k < s->n_seeds; k++) y[k] = raml_study_term(s, value, c, i, k, 0);
        snprintf(p->label[p->n], MAX_LABEL, "%.80s %.70s", t->arm, s->measure[t->measure].at->key);
        p->category[p->n] = p->label[p->n];
        add_point(p, (double)p->n, y, s->n_seeds);
    }
}

/* The sum against x. */
static enum raml_code plot_slope(const struct raml_study *s, const struct raml_study_value *value,
                                 const struct study_claim *c, struct plot *p, struct raml_err *err)
{
    double y[RAML_STUDY_MAX_SEEDS];
    for (size_t point = 0; point < s->axis[c->over].n && p->n < MAX_POINTS; point++) {
        double x = 0;
        enum raml_code rc = raml_study_x(s, c, point, &x, err);
        if (rc) return rc;
        for (size_t k = 0; k < s->n_seeds; k++) y[k] = raml_study_sum(s, value, c, k, point);
        add_point(p, x, y, s->n_seeds);
    }
    return RAML_OK;
}

static enum raml_code draw(struct raml_drawing *d, const struct raml_study *s, const struct study_outcome *o,
                           const struct plot *p, struct raml_err *err)
{
    const struct study_claim *c = o->claim;
    char name[RAML_FIGURE_NAME], title[300];
    struct raml_series series[2] = {{.name = "a seed",
                                     .x = p->seed_x,
                                     .y = p->seed_y,
                                     .n = p->n_seed,
                                     .colour = 1,
                                     .style = RAML_PLOT_POINTS,
                                     .dashed = true,
                                     .shift = c->over < 0 ? BESIDE : 0},
                                    {.name = s->n_seeds > 1 ? "mean, 95 % interval" : "value",
                                     .x = p->x,
                                     .y = p->y,
                                     .low = p->low,
                                     .high = p->high,
                                     .n = p->n,
                                     .colour = 0,
                                     .style = c->over < 0 ? RAML_PLOT_POINTS : RAML_PLOT_LINE_POINTS}};
    /* of a ratio of spreads the figure shows what spreads */
    const char *unit = c->spread ? s->measure[c->term[0].measure].unit : c->unit;
    snprintf(name, sizeof name, "claim_%zu", (size_t)(c - s->claim) + 1);
    snprintf(title, sizeof title, "%.60s: %.60s, %s", c->id, c->of, raml_study_verdict_name(o->verdict));
    struct raml_figure f = {.title = title,
                            .x_label = c->over < 0 ? NULL : c->x,
                            .y_label = *unit ? unit : NULL,
                            .log_x = c->log_x,
                            .log_y = c->log_y,
                            .series = series,
                            .n_series = 2,
                            .category = c->over < 0 ? p->category : NULL,
                            .n_categories = c->over < 0 ? p->n : 0,
                            .width = WIDTH,
                            .height = HEIGHT};
    if (c->from_file || s->n_seeds < 2) {
        f.series = &series[1];
        f.n_series = 1;
    }
    return raml_figure_write(d, name, &f, NULL, err);
}

/* One of an earlier time, when there was what it needs. */
static void forget(const char *dir, size_t claim)
{
    static const char *const end[] = {".tsv", ".gp", ".svg"};
    char path[RAML_PATH_BYTES];
    for (size_t i = 0; i < sizeof end / sizeof *end; i++)
        if (!raml_path_format(path, NULL, "%s/claim_%zu%s", dir, claim + 1, end[i])) (void)remove(path);
}

enum raml_code raml_study_figures(const struct raml_study *s, const struct raml_study_value *value,
                                  const struct study_outcome *outcome, const char *dir, const struct raml_sink *sink,
                                  struct raml_err *err)
{
    struct raml_drawing d = {.dir = dir, .sink = sink};
    enum raml_code rc = RAML_OK;
    struct plot *p = malloc(sizeof *p);
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for figures");
    for (size_t i = 0; i < s->n_claims && !rc; i++) {
        const struct study_claim *c = outcome[i].claim;
        if (outcome[i].missing) {
            forget(dir, i);
            continue;
        }
        *p = (struct plot){0};
        if (c->from_file) {
            const struct raml_estimate *e = &outcome[i].estimate;
            snprintf(p->label[0], MAX_LABEL, "%.150s", c->of);
            p->category[0] = p->label[0];
            add_point(p, 0, &e->value, 1);
            p->low[0] = e->low;
            p->high[0] = e->high;
        } else if (c->over >= 0) rc = plot_slope(s, value, c, p, err);
        else plot_terms(s, value, c, p);
        if (!rc) rc = draw(&d, s, &outcome[i], p, err);
    }
    free(p);
    if (!rc) raml_drawing_tell(&d);
    return rc;
}
