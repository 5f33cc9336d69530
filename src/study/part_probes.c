/* part_probes.c - the report's figures of a multi-step loss: the answer's loss after each cut of a trajectory. */
#include "study/page.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 16, POINTS = 400 }; /* cuts of a run; points of a curve */

/* A run's cuts: those that it has numbers of, from 1 on. */
static size_t find_cuts(const struct raml_run_found *run, const struct raml_metric_series *cut[MOST])
{
    size_t n = 0;
    for (; n < MOST; n++) {
        char key[sizeof RAML_PROBE_LOSS + 8];
        snprintf(key, sizeof key, RAML_PROBE_LOSS "%zu", n + 1);
        cut[n] = raml_metrics_find(&run->metrics, key);
        if (!cut[n]) break;
    }
    return n;
}

/* ---- over the trajectory, of all runs ---- */

struct ends {
    char name[2][80];
    double at[MOST], first[MOST], last[MOST];
};

/* Appends a run's two curves to s. */
static void add_ends(const struct raml_run_found *run, size_t r, struct ends *e, struct raml_series *s, size_t *n)
{
    const struct raml_metric_series *cut[MOST];
    size_t n_cuts = find_cuts(run, cut), longest = 0;
    if (n_cuts < 2) return;
    for (size_t k = 0; k < n_cuts; k++) {
        e->at[k] = (double)(k + 1) / (double)n_cuts;
        raml_metric_ends(cut[k], &e->first[k], &e->last[k]);
        if (cut[k]->n > longest) longest = cut[k]->n;
    }
    for (size_t i = longest > 1 ? 0 : 1; i < 2; i++) {
        snprintf(e->name[i], sizeof e->name[i], "%.60s, %s", raml_page_run_name(run), i ? "end" : "start");
        s[(*n)++] = (struct raml_series){.name = e->name[i],
                                         .x = e->at,
                                         .y = i ? e->last : e->first,
                                         .n = n_cuts,
                                         .colour = raml_page_run_colour(r),
                                         .dashed = i == 0,
                                         .style = RAML_PLOT_LINE_POINTS};
    }
}

static enum raml_code add_figure_of_cuts(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    struct raml_series s[2 * RAML_MAX_RUNS];
    struct ends *e = calloc(RAML_MAX_RUNS, sizeof *e);
    size_t n = 0;
    if (!e) return raml_fail(err, RAML_ENOMEM, "no memory for the curves of probes");
    for (size_t r = 0; r < f->n_runs; r++) add_ends(f->run[r], r, &e[r], s, &n);
    enum raml_code rc = RAML_OK;
    const struct raml_figure fig = {.title = "Loss of the answer after cuts of the trajectory",
                                    .x_label = "share of the trajectory that was read",
                                    .y_label = "nats per token",
                                    .series = s,
                                    .n_series = n};
    if (n)
        rc = raml_page_figure(p, "training-probes", &fig,
                              "Start and end of the steps with probes: means of their first and last fifth.", err);
    free(e);
    return rc;
}

/* ---- over steps, of a single run ---- */

struct over_steps {
    char name[MOST][40];
    double x[MOST][POINTS], y[MOST][POINTS];
};

/* Means of equal groups of points. */
static size_t thin_out(const struct raml_metric_series *m, double *x, double *y)
{
    size_t n = m->n < POINTS ? m->n : POINTS;
    for (size_t b = 0; b < n; b++) {
        size_t from = b * m->n / n, to = (b + 1) * m->n / n;
        x[b] = y[b] = 0;
        for (size_t i = from; i < to; i++) {
            x[b] += m->step[i] / (double)(to - from);
            y[b] += m->value[i] / (double)(to - from);
        }
    }
    return n;
}

static enum raml_code add_figure_of_steps(struct raml_page *p, const struct raml_run_found *run, struct raml_err *err)
{
    const struct raml_metric_series *cut[MOST];
    struct raml_series s[MOST];
    size_t n_cuts = find_cuts(run, cut);
    struct over_steps *o = calloc(1, sizeof *o);
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for the curves of probes");
    for (size_t k = 0; k < n_cuts; k++) {
        size_t n = thin_out(cut[k], o->x[k], o->y[k]);
        snprintf(o->name[k], sizeof o->name[k], "%zu/%zu", k + 1, n_cuts);
        s[k] = (struct raml_series){.name = o->name[k],
                                    .x = o->x[k],
                                    .y = o->y[k],
                                    .n = n,
                                    .colour = raml_figure_ordered(k, n_cuts),
                                    .style = n < 3 ? RAML_PLOT_LINE_POINTS : RAML_PLOT_LINE};
    }
    const struct raml_figure fig = {.title = "Loss of the answer after cuts, while there are probes",
                                    .x_label = "step",
                                    .y_label = "nats per token",
                                    .series = s,
                                    .n_series = n_cuts};
    enum raml_code rc =
        raml_page_figure(p, "training-probes_by_step", &fig, "By share of the trajectory that was read.", err);
    free(o);
    return rc;
}

enum raml_code raml_part_probes(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    const struct raml_run_found *one = NULL;
    size_t n = 0;
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_metric_series *cut[MOST];
        size_t cuts = find_cuts(f->run[r], cut);
        if (cuts < 2) continue;
        n++;
        if (cut[0]->n > 1) one = f->run[r];
    }
    if (n == 0) return RAML_OK;
    enum raml_code rc = add_figure_of_cuts(p, err);
    return rc || n != 1 || !one ? rc : add_figure_of_steps(p, one, err);
}
