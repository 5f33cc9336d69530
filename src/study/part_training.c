/* part_training.c - the report's training curves: each number of metrics.jsonl and timing.jsonl over steps, the runs in
 * one figure. */
#include "study/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More points than a figure can show become means of equal blocks of points; curves this long get a smooth line. */
enum { SHOWN_POINTS = 600, SMOOTH_FROM = 60, MAX_FIGURES = 24, WINDOW_SHARE = 25, LOG_FROM = 100 };

static const struct known {
    const char *key, *title, *label, *also; /* also: a second curve in the same figure, dashed */
    bool log_y, smooth, from_zero;
} known[] = {
    {"loss", "Training loss", "loss, nats per trained token", "eval_loss", false, true, false},
    {"reward", "Reward", "mean reward", NULL, false, true, false},
    {"grad_norm", "Gradient norm", "global norm before clipping", NULL, true, true, false},
    {"learning_rate", "Learning rate", "learning rate", NULL, false, false, false},
    {"tokens_per_s", "Speed", "tokens per second", NULL, false, false, true},
};
/* Counts and clocks grow with the step and are meaningless as curves. */
static const char *const dull[] = {"epoch", "tokens", "trained_tokens", "seconds", "time", "step", "eval_loss", NULL};

struct curve {
    double *x, *y, *smooth;
    size_t n;
};

static void curve_free(struct curve *c)
{
    free(c->x);
    free(c->y);
    free(c->smooth);
}

/* At most SHOWN_POINTS points of s. False: no memory. */
static bool thin_out(const struct raml_metric_series *s, struct curve *c)
{
    size_t n = s->n < SHOWN_POINTS ? s->n : SHOWN_POINTS;
    *c = (struct curve){malloc(n * sizeof *c->x), malloc(n * sizeof *c->y), malloc(n * sizeof *c->smooth), n};
    if (!c->x || !c->y || !c->smooth) return false;
    for (size_t b = 0; b < n; b++) {
        size_t from = b * s->n / n, to = (b + 1) * s->n / n;
        c->x[b] = c->y[b] = 0;
        for (size_t i = from; i < to; i++) {
            c->x[b] += s->step[i] / (double)(to - from);
            c->y[b] += s->value[i] / (double)(to - from);
        }
    }
    size_t half = n / (2 * WINDOW_SHARE); /* of the window, which shrinks evenly towards both ends */
    for (size_t b = 0; b < n; b++) {
        size_t reach = b < half ? b : half, sum_of = 0;
        if (n - 1 - b < reach) reach = n - 1 - b;
        c->smooth[b] = 0;
        for (size_t i = b - reach; i <= b + reach; i++, sum_of++) c->smooth[b] += c->y[i];
        c->smooth[b] /= (double)sum_of;
    }
    return true;
}

static void find_range(const struct curve *c, size_t n, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < c[i].n; k++) {
            if (c[i].y[k] < *low) *low = c[i].y[k];
            if (c[i].y[k] > *high) *high = c[i].y[k];
        }
}

/* The series of one key over the runs, appended to s. */
static bool add_key(const struct raml_findings *f, const char *key, const char *suffix, bool smooth, bool dashed,
                    struct raml_series *s, char (*name)[80], size_t *n, struct curve *curve, size_t *n_curves)
{
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_metric_series *m = raml_metrics_find(&f->run[r]->metrics, key);
        if (!m) continue;
        struct curve *c = &curve[(*n_curves)++];
        if (!thin_out(m, c)) return false;
        bool twice = smooth && c->n >= SMOOTH_FROM;
        snprintf(name[*n], sizeof *name, "%.60s%s", raml_page_run_name(f->run[r]), suffix);
        if (twice) {
            memcpy(name[*n + 1], name[*n], sizeof *name);
            s[(*n)++] =
                (struct raml_series){.x = c->x, .y = c->y, .n = c->n, .colour = raml_page_run_colour(r), .faint = true};
        }
        s[*n] = (struct raml_series){.name = name[*n],
                                     .x = c->x,
                                     .y = twice ? c->smooth : c->y,
                                     .n = c->n,
                                     .colour = raml_page_run_colour(r),
                                     .dashed = dashed,
                                     .style = c->n < 3 ? RAML_PLOT_LINE_POINTS : RAML_PLOT_LINE};
        (*n)++;
    }
    return true;
}

static enum raml_code add_figure(struct raml_page *p, const struct known *k, struct raml_err *err)
{
    struct raml_series s[4 * RAML_MAX_RUNS];
    char name[4 * RAML_MAX_RUNS][80];
    struct curve curve[2 * RAML_MAX_RUNS] = {{0}};
    size_t n = 0, n_curves = 0;
    bool ok = add_key(p->found, k->key, k->also ? ", training" : "", k->smooth, false, s, name, &n, curve, &n_curves);
    size_t n_first = n;
    if (ok && k->also) ok = add_key(p->found, k->also, ", validation", false, true, s, name, &n, curve, &n_curves);
    enum raml_code rc = ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the curve of '%s'", k->key);
    if (!rc && n_first) {
        char file[80], caption[120] = "";
        raml_page_figure_name(file, "training-", k->key);
        double low, high;
        find_range(curve, n_curves, &low, &high);
        bool smoothed = false;
        for (size_t i = 0; i < n; i++) smoothed = smoothed || s[i].faint;
        if (smoothed) snprintf(caption, sizeof caption, "Line: mean over a window of 1/%d of the run.", WINDOW_SHARE);
        const struct raml_figure fig = {.title = k->title,
                                        .x_label = "step",
                                        .y_label = k->label,
                                        .series = s,
                                        .n_series = n,
                                        .log_y = k->log_y && low > 0 && high > LOG_FROM * low,
                                        .y_high = k->from_zero && high > 0 ? 1.1 * high : 0};
        rc = raml_page_figure(p, file, &fig, caption, err);
    }
    for (size_t i = 0; i < n_curves; i++) curve_free(&curve[i]);
    return rc;
}

static bool is_known(const char *key)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].key, key) == 0) return true;
    for (size_t i = 0; dull[i]; i++)
        if (strcmp(dull[i], key) == 0) return true;
    return false;
}

/* Numbers that this file does not know by name (entropy, kl, …), each once. */
static enum raml_code add_others(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    enum raml_code rc = RAML_OK;
    size_t number = 0;
    for (size_t r = 0; !rc && r < f->n_runs; r++)
        for (size_t i = 0; !rc && i < f->run[r]->metrics.n; i++) {
            const char *key = f->run[r]->metrics.series[i].name;
            bool seen = is_known(key);
            for (size_t q = 0; q < r; q++) seen = seen || raml_metrics_find(&f->run[q]->metrics, key);
            const struct known other = {key, key, key, NULL, false, true, false};
            if (!seen && number++ < MAX_FIGURES) rc = add_figure(p, &other, err);
        }
    return rc;
}

enum raml_code raml_part_training(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    size_t any = 0;
    for (size_t r = 0; r < f->n_runs; r++) any += f->run[r]->metrics.n;
    if (any == 0) return RAML_OK;
    raml_buf_adds(&p->html, "<h2>Training</h2>\n<div class=\"grid\">\n");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < sizeof known / sizeof *known; i++) rc = add_figure(p, &known[i], err);
    if (!rc) rc = add_others(p, err);
    raml_buf_adds(&p->html, "</div>\n");
    return rc;
}
