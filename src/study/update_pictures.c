/* update_pictures.c - figures of updates: lengths along i/T, alignment by layer, the exchange rate. See update.h. */
#include "study/update_parts.h"

#include "core/array.h"
#include "core/file.h"
#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64, MAX_SERIES = 7, TITLE_BYTES = 400, FIGURE_WIDTH = 580, FIGURE_HEIGHT = 380, MAX_NAMED = 40 };

enum raml_code raml_update_pictures_init(struct raml_update_pictures *p, size_t n_layers, size_t n_bound,
                                         struct raml_err *err)
{
    size_t n = UPDATE_KINDS * UPDATE_LINES;
    *p = (struct raml_update_pictures){.n_layers = n_layers, .n_bound = n_bound};
    p->n_lines = n_layers < UPDATE_LINES ? n_layers : UPDATE_LINES;
    for (size_t i = 0; i < p->n_lines; i++) /* the first, the last, and evenly between */
        p->line[i] = p->n_lines > 1 ? i * (n_layers - 1) / (p->n_lines - 1) : 0;
    p->distance = calloc(n, sizeof *p->distance);
    p->step = calloc(n, sizeof *p->step);
    enum raml_code rc = p->distance && p->step ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for mean curves");
    for (size_t i = 0; !rc && i < n; i++) {
        rc = raml_curve_mean_init(&p->distance[i], UPDATE_POINTS, err);
        if (!rc) rc = raml_curve_mean_init(&p->step[i], UPDATE_POINTS, err);
    }
    return rc;
}

void raml_update_pictures_deinit(struct raml_update_pictures *p)
{
    free(p->distance);
    free(p->step);
    free(p->worth);
    *p = (struct raml_update_pictures){0};
}

/* -- Collecting ---------------------------------------------------------------------------------------------------- */

/* y at places at[first .. n) (y[0] belongs to at[first]), read at i = 0 .. T in equal steps of i/T. */
static void spread(const uint32_t *at, const double *y, size_t first, size_t n, double out[UPDATE_POINTS])
{
    size_t k = first;
    for (size_t b = 0; b < UPDATE_POINTS; b++) {
        double x = (double)b / (UPDATE_POINTS - 1) * at[n - 1];
        while (k + 1 < n && x > at[k + 1]) k++;
        if (k + 1 >= n || x <= at[k]) out[b] = y[k - first];
        else out[b] = y[k - first] + (y[k + 1 - first] - y[k - first]) * (x - at[k]) / (double)(at[k + 1] - at[k]);
    }
}

static enum raml_code add_worth(struct raml_update_pictures *p, const struct raml_updated *t, struct raml_err *err)
{
    const struct raml_loss_curve *c = &t->update->curve;
    enum raml_code rc = RAML_GROW(p->worth, p->cap_worth, p->n_worth + 1, "exchange rates", err);
    if (rc) return rc;
    for (size_t b = 0, k = 0; b < UPDATE_POINTS; b++) {
        double x = (double)b / (UPDATE_POINTS - 1) * (double)c->n_tokens;
        while (k + 1 < c->n_points && c->at[k + 1] <= x) k++;
        p->worth[p->n_worth][b] = t->worth[k] < 0 ? INFINITY : (double)t->worth[k];
    }
    p->n_worth++;
    return RAML_OK;
}

enum raml_code raml_update_pictures_add(struct raml_update_pictures *p, const struct raml_updated *t,
                                        const struct raml_update_measures *layer, struct raml_err *err)
{
    const struct raml_update *u = t->update;
    uint64_t question = raml_hash(t->q->id, strlen(t->q->id), 0);
    double y[UPDATE_POINTS];
    enum raml_code rc = RAML_OK;
    if (u->n_points < 2) return RAML_OK; /* an empty trajectory goes nowhere */
    for (size_t i = 0; !rc && i < p->n_lines; i++) {
        const struct raml_update_measures *m = &layer[p->line[i]];
        size_t at = (size_t)t->kind * UPDATE_LINES + i;
        spread(u->curve.at, m->distance, 0, u->n_points, y);
        rc = raml_curve_mean_add_to(&p->distance[at], question, y, UPDATE_POINTS, err);
        if (rc) break;
        spread(u->curve.at, m->step, 1, u->n_points, y);
        rc = raml_curve_mean_add_to(&p->step[at], question, y, UPDATE_POINTS, err);
    }
    if (!rc && t->worth && t->kind == RAML_UPDATE_REAL && t->verdict != RAML_TRACE_WRONG) rc = add_worth(p, t, err);
    return rc;
}

/* -- Lengths along the trajectory ---------------------------------------------------------------------------------- */

/* Lines of real trajectories, a colour a layer, with their bands; dashed: of foreign ones, or else of fillers. */
static enum raml_code along_figure(const struct raml_update_pictures *p, const struct raml_curve_mean *mean,
                                   struct raml_drawing *to, const char *name, const char *title, const char *y_label,
                                   struct raml_err *err)
{
    enum { N = 2 * UPDATE_LINES };
    double(*v)[4][UPDATE_POINTS] = malloc(N * sizeof *v);
    struct raml_series s[N];
    char text[N][NAME_BYTES];
    size_t n = 0;
    if (!v) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    size_t other = mean[RAML_UPDATE_FOREIGN * UPDATE_LINES].n_curves ? RAML_UPDATE_FOREIGN : RAML_UPDATE_FILLER;
    const size_t kind[] = {RAML_UPDATE_REAL, other};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < p->n_lines; i++) {
            const struct raml_curve_mean *m = &mean[kind[k] * UPDATE_LINES + i];
            if (m->n_curves == 0) continue;
            raml_curve_mean_read(m, v[n][0], v[n][1], v[n][2], v[n][3]);
            if (k) snprintf(text[n], sizeof text[n], "%s", raml_update_kind_name((enum raml_update_kind)kind[k]));
            else snprintf(text[n], sizeof text[n], "layer %zu", p->line[i]);
            s[n] = (struct raml_series){.name = k && i ? NULL : text[n],
                                        .x = v[n][0],
                                        .y = v[n][1],
                                        .low = k ? NULL : v[n][2],
                                        .high = k ? NULL : v[n][3],
                                        .n = UPDATE_POINTS,
                                        .colour = raml_figure_ordered(i, p->n_lines),
                                        .style = RAML_PLOT_LINE,
                                        .dashed = k == 1};
            n++;
        }
    }
    const struct raml_figure fig = {.title = title,
                                    .x_label = "position in the trajectory, i/T",
                                    .y_label = y_label,
                                    .x_high = 1,
                                    .series = s,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = n};
    enum raml_code rc = n ? raml_figure_write(to, name, &fig, NULL, err) : RAML_OK;
    free(v);
    return rc;
}

/* -- By layer ------------------------------------------------------------------------------------------------------ */

static const struct {
    enum raml_update_kind kind;
    enum raml_trace_verdict group;
    int colour;
} by_layer[] = {{RAML_UPDATE_REAL, RAML_TRACE_CORRECT, 0},  {RAML_UPDATE_REAL, RAML_TRACE_WRONG, 1},
                {RAML_UPDATE_REAL, RAML_TRACE_UNGRADED, 7}, {RAML_UPDATE_FILLER, RAML_TRACE_ALL, 2},
                {RAML_UPDATE_FOREIGN, RAML_TRACE_ALL, 4},   {RAML_UPDATE_SHUFFLED, RAML_TRACE_ALL, 3}};

static enum raml_code layer_figure(const struct raml_update_stats *stats, enum raml_update_measure measure,
                                   struct raml_drawing *to, const char *name, const char *title, const char *y_label,
                                   struct raml_err *err)
{
    size_t L = stats->n_layers, n = 0, kinds = sizeof by_layer / sizeof *by_layer;
    double *v = malloc((kinds * 4 * L + 4) * sizeof *v), *zero = v ? v + kinds * 4 * L : NULL;
    struct raml_series s[MAX_SERIES];
    char text[MAX_SERIES][NAME_BYTES], number[MAX_NAMED][8];
    const char *names[MAX_NAMED];
    for (size_t l = 0; l < L && l < MAX_NAMED; l++) {
        snprintf(number[l], sizeof number[l], "%zu", l);
        names[l] = number[l];
    }
    if (!v) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    for (size_t k = 0; k < kinds; k++) {
        double *x = v + n * 4 * L, *y = x + L, *low = y + L, *high = low + L;
        size_t most = 0;
        for (size_t l = 0; l < L; l++) {
            const struct raml_update_mean m = raml_update_stats_read(stats, by_layer[k].kind, by_layer[k].group,
                                                                     raml_update_slot_layer(stats, l), measure);
            x[l] = (double)l + 0.12 * ((double)k - 2.5); /* side by side */
            y[l] = m.mean;
            low[l] = m.low;
            high[l] = m.high;
            if (m.n > most) most = m.n;
        }
        if (most == 0) continue;
        const char *what = k < 3 ? raml_trace_verdict_name(by_layer[k].group) : raml_update_kind_name(by_layer[k].kind);
        snprintf(text[n], NAME_BYTES, "%s (%zu questions)", what, most);
        s[n] = (struct raml_series){.name = text[n],
                                    .x = x,
                                    .y = y,
                                    .low = low,
                                    .high = high,
                                    .n = L,
                                    .colour = by_layer[k].colour,
                                    .style = RAML_PLOT_POINTS};
        n++;
    }
    if (n) {
        zero[0] = -0.5;
        zero[1] = (double)L - 0.5;
        zero[2] = zero[3] = 0;
        s[n] = (struct raml_series){
            .x = zero, .y = zero + 2, .n = 2, .colour = 7, .style = RAML_PLOT_LINE, .dashed = true};
    }
    const struct raml_figure fig = {.title = title,
                                    .x_label = "layer",
                                    .y_label = y_label,
                                    .x_low = -0.5,
                                    .x_high = (double)L - 0.5,
                                    .series = s,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = n + 1,
                                    .category = L <= MAX_NAMED ? names : NULL,
                                    .n_categories = L};
    enum raml_code rc = n ? raml_figure_write(to, name, &fig, NULL, err) : RAML_OK;
    free(v);
    return rc;
}

/* -- Exchange rate ------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static enum raml_code exchange_figure(const struct raml_update_pictures *p, struct raml_drawing *to, const char *title,
                                      struct raml_err *err)
{
    double x[UPDATE_POINTS], y[3][UPDATE_POINTS];
    char label[2 * NAME_BYTES], name[NAME_BYTES];
    if (p->n_worth == 0) return RAML_OK;
    double *column = malloc(p->n_worth * sizeof *column);
    if (!column) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    for (size_t b = 0; b < UPDATE_POINTS; b++) {
        x[b] = (double)b / (UPDATE_POINTS - 1);
        for (size_t i = 0; i < p->n_worth; i++) /* what was not reached stands above all that was */
            column[i] = 1 + (isfinite(p->worth[i][b]) ? p->worth[i][b] : (double)p->n_bound + 1);
        qsort(column, p->n_worth, sizeof *column, by_size);
        for (size_t q = 0; q < 3; q++) y[q][b] = column[(p->n_worth - 1) * (q + 1) / 4];
    }
    free(column);
    snprintf(label, sizeof label, "1 + steps of gradient descent (%zu: more than %zu)", p->n_bound + 2, p->n_bound);
    snprintf(name, sizeof name, "median and quartiles of %zu", p->n_worth);
    const struct raml_series s = {
        .name = name, .x = x, .y = y[1], .low = y[0], .high = y[2], .n = UPDATE_POINTS, .style = RAML_PLOT_LINE};
    const struct raml_figure fig = {.title = title,
                                    .x_label = "position in the trajectory, i/T",
                                    .y_label = label,
                                    .log_y = true,
                                    .x_high = 1,
                                    .series = &s,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = 1};
    return raml_figure_write(to, "exchange_rate", &fig, NULL, err);
}

static const char *title_of(char out[TITLE_BYTES], const char *what, const char *data)
{
    snprintf(out, TITLE_BYTES, "%s%s%s", what, data ? ": " : "", data ? data : "");
    return out;
}

enum raml_code raml_update_pictures_write(const struct raml_update_pictures *p, const struct raml_update_stats *s,
                                          struct raml_drawing *to, const char *data, struct raml_err *err)
{
    char title[TITLE_BYTES];
    enum raml_code rc = along_figure(p, p->distance, to, "update_distance", title_of(title, "Implicit updates", data),
                                     "length of the update / length of the weights", err);
    if (!rc)
        rc = along_figure(p, p->step, to, "update_step", title_of(title, "Steps of implicit updates", data),
                          "length of the step / length of the weights", err);
    if (!rc)
        rc = layer_figure(s, RAML_UPDATE_ALIGN, to, "update_align",
                          title_of(title, "Alignment with the gradient at T", data),
                          "cosine of update and negative gradient", err);
    if (!rc)
        rc = layer_figure(s, RAML_UPDATE_ALIGN_LEFT, to, "update_align_left",
                          title_of(title, "Alignment of left factors at T (chance: 0, deviation 1)", data),
                          "align_left sqrt(m), mean of gate, up, down", err);
    return rc ? rc : exchange_figure(p, to, title_of(title, "Exchange rate", data), err);
}
