/* trace_plots.c - see trace_plots.h. */
#include "study/trace_plots.h"

#include "core/array.h"
#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POINTS = 101,
    TOKEN_POINTS = 201,
    MAX_SERIES = 32,
    NAME_BYTES = 96,
    TITLE_BYTES = 400,
    FIGURE_WIDTH = 580,
    FIGURE_HEIGHT = 380
};

/* The curves of wrong trajectories: of the question's answer, and of those that are not it. */
static const size_t wrong_slot[] = {RAML_ANSWER_GOLD, RAML_ANSWER_OWN, RAML_ANSWER_MAJORITY, RAML_ANSWER_WRONG};
static const char *const wrong_name[] = {"correct answer", "own answer", "majority answer where wrong",
                                         "most frequent wrong answer"};
enum { N_WRONG = sizeof wrong_slot / sizeof *wrong_slot };

struct mode {
    char *name;
    struct raml_curve_mean *place;
    struct raml_token_mean token;
};
struct raml_trace_plots {
    const struct raml_trace_plan *plan;
    struct mode *mode;
    size_t n_modes, cap_modes;
    struct raml_curve_mean *wrong;      /* [N_WRONG] */
    struct raml_curve_mean *commitment; /* [RAML_TRACE_ALL] */
    struct raml_curve_mean *layer;      /* [plan->n_layers] */
};

/* -- Means over tokens --------------------------------------------------------------------------------------------- */

void raml_token_mean_deinit(struct raml_token_mean *m)
{
    free(m->sums);
    *m = (struct raml_token_mean){0};
}

static void add_value(struct raml_token_sums *s, double v)
{
    s->sum += v;
    s->squares += v * v;
    s->open += v;
}

static void close_sums(struct raml_token_sums *s, double n)
{
    s->question_squares += s->open * s->open;
    s->product += n * s->open;
    s->open = 0;
}

static void begin_question(struct raml_token_mean *m, const void *question)
{
    for (size_t i = 0; i < m->n; i++) close_sums(&m->sums[i], m->n_open);
    close_sums(&m->last, m->n_open);
    m->n_squares += m->n_open * m->n_open;
    m->n_open = 0;
    m->question = question;
    m->n_questions++;
}

enum raml_code raml_token_mean_add(struct raml_token_mean *m, const void *question, const uint32_t *at,
                                   const double *value, size_t n_points, struct raml_err *err)
{
    size_t n = (size_t)at[n_points - 1] + 1;
    double last = value[n_points - 1];
    enum raml_code rc = RAML_GROW(m->sums, m->cap, n, "means over tokens", err);
    if (rc) return rc;
    if (!m->n_curves || m->question != question) begin_question(m, question);
    while (m->n < n) m->sums[m->n++] = m->last;
    for (size_t k = 0; k + 1 < n_points; k++) {
        double steps = at[k + 1] - at[k];
        for (uint32_t i = at[k]; i < at[k + 1]; i++)
            add_value(&m->sums[i], i == at[k] ? value[k] : value[k] + (value[k + 1] - value[k]) * (i - at[k]) / steps);
    }
    for (size_t i = n - 1; i < m->n; i++) add_value(&m->sums[i], last);
    add_value(&m->last, last);
    m->n_curves++;
    m->n_open++;
    return RAML_OK;
}

void raml_token_mean_read(const struct raml_token_mean *m, size_t i, double *mean, double *low, double *high)
{
    struct raml_token_sums s = i < m->n ? m->sums[i] : m->last;
    double n = (double)m->n_curves, Q = (double)m->n_questions;
    *mean = n > 0 ? s.sum / n : NAN;
    double variance = (s.squares - s.sum * *mean) / (n - 1) / n;
    if (m->n_questions < m->n_curves) {
        close_sums(&s, m->n_open);
        double n_squares = m->n_squares + m->n_open * m->n_open;
        double sum = s.question_squares - 2 * *mean * s.product + *mean * *mean * n_squares;
        variance = sum * Q / (Q - 1) / (n * n);
    }
    double half = m->n_questions > 1 ? 1.96 * sqrt(variance < 0 ? 0 : variance) : NAN;
    *low = *mean - half;
    *high = *mean + half;
}

/* -- Collecting ---------------------------------------------------------------------------------------------------- */

static enum raml_code means_new(size_t n, struct raml_curve_mean **out, struct raml_err *err)
{
    *out = calloc(n + 1, sizeof **out);
    enum raml_code rc = *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for mean curves");
    for (size_t i = 0; !rc && i < n; i++) rc = raml_curve_mean_init(&(*out)[i], POINTS, err);
    return rc;
}

enum raml_code raml_trace_plots_open(const struct raml_trace_plan *plan, struct raml_trace_plots **out,
                                     struct raml_err *err)
{
    struct raml_trace_plots *p = calloc(1, sizeof *p);
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for figures");
    p->plan = plan;
    enum raml_code rc = means_new(N_WRONG, &p->wrong, err);
    if (!rc) rc = means_new(RAML_TRACE_ALL, &p->commitment, err);
    if (!rc) rc = means_new(plan->n_layers, &p->layer, err);
    if (rc) raml_trace_plots_close(p);
    else *out = p;
    return rc;
}

void raml_trace_plots_close(struct raml_trace_plots *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n_modes; i++) {
        free(p->mode[i].name);
        free(p->mode[i].place);
        raml_token_mean_deinit(&p->mode[i].token);
    }
    free(p->mode);
    free(p->wrong);
    free(p->commitment);
    free(p->layer);
    free(p);
}

/* Where probes are not evenly spaced the curve is filled up to one value per token. */
enum raml_code raml_trace_mean_add(struct raml_curve_mean *m, const struct raml_traced *t, const double *value,
                                   struct raml_err *err)
{
    const struct raml_loss_curve *c = t->curve;
    uint64_t question = (uintptr_t)t->q;
    if (c->n_points == c->n_tokens + 1) return raml_curve_mean_add_to(m, question, value, c->n_points, err);
    double *full = malloc((c->n_tokens + 1) * sizeof *full);
    if (!full) return raml_fail(err, RAML_ENOMEM, "no memory for a curve of %zu values", c->n_tokens + 1);
    for (size_t k = 0; k + 1 < c->n_points; k++) {
        double from = value[k], to = value[k + 1], steps = c->at[k + 1] - c->at[k];
        for (uint32_t i = c->at[k]; i < c->at[k + 1]; i++) full[i] = from + (to - from) * (i - c->at[k]) / steps;
    }
    full[c->n_tokens] = value[c->n_points - 1];
    enum raml_code rc = raml_curve_mean_add_to(m, question, full, c->n_tokens + 1, err);
    free(full);
    return rc;
}

static enum raml_code mode_of(struct raml_trace_plots *p, const char *name, struct mode **out, struct raml_err *err)
{
    for (size_t i = 0; i < p->n_modes; i++) {
        *out = &p->mode[i];
        if (!strcmp((*out)->name, name)) return RAML_OK;
    }
    enum raml_code rc = RAML_GROW(p->mode, p->cap_modes, p->n_modes + 1, "modes", err);
    if (rc) return rc;
    struct mode m = {.name = strdup(name)};
    if (!m.name) return raml_fail(err, RAML_ENOMEM, "no memory for a mode");
    rc = means_new(1, &m.place, err);
    if (rc) {
        free(m.name);
        free(m.place);
        return rc;
    }
    *out = &p->mode[p->n_modes];
    p->mode[p->n_modes++] = m;
    return RAML_OK;
}

static enum raml_code add_wrong(struct raml_trace_plots *p, const struct raml_traced *t, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (t->verdict != RAML_TRACE_WRONG) return RAML_OK;
    for (size_t i = 0; !rc && i < N_WRONG; i++) {
        int k = t->asked->of_slot[wrong_slot[i]];
        if (k < 0 || (i && k == t->asked->of_slot[RAML_ANSWER_GOLD])) continue; /* not wrong */
        rc = raml_trace_mean_add(&p->wrong[i], t, k ? t->curve->other[k - 1].loss : t->curve->loss, err);
    }
    return rc;
}

enum raml_code raml_trace_plots_add(struct raml_trace_plots *p, const struct raml_traced *t, struct raml_err *err)
{
    const struct raml_loss_curve *c = t->curve;
    struct mode *m = NULL;
    enum raml_code rc = mode_of(p, t->mode, &m, err);
    if (!rc) rc = raml_trace_mean_add(m->place, t, c->loss, err);
    if (!rc) rc = raml_token_mean_add(&m->token, t->q, c->at, c->loss, c->n_points, err);
    if (!rc) rc = add_wrong(p, t, err);
    if (!rc && t->commitment) rc = raml_trace_mean_add(&p->commitment[t->verdict], t, t->commitment, err);
    for (size_t l = 0; !rc && l < c->n_layers; l++)
        rc = raml_trace_mean_add(&p->layer[l], t, c->layer_loss + l * c->n_points, err);
    return rc;
}

/* -- Drawing ------------------------------------------------------------------------------------------------------- */

struct drawing { /* series with their numbers */
    struct raml_series series[MAX_SERIES];
    char name[MAX_SERIES][NAME_BYTES];
    double v[MAX_SERIES][4][TOKEN_POINTS]; /* x, y, low, high */
    size_t n;
};

/* The next series, of n points; NULL: there is no place for it. */
static struct raml_series *next(struct drawing *d, const char *name, size_t n_curves, size_t n)
{
    if (d->n == MAX_SERIES) return NULL;
    double(*v)[TOKEN_POINTS] = d->v[d->n];
    struct raml_series *s = &d->series[d->n];
    if (n_curves) snprintf(d->name[d->n], NAME_BYTES, "%.60s (n = %zu)", name, n_curves);
    else snprintf(d->name[d->n], NAME_BYTES, "%.60s", name);
    *s = (struct raml_series){.name = d->name[d->n],
                              .x = v[0],
                              .y = v[1],
                              .low = v[2],
                              .high = v[3],
                              .n = n,
                              .colour = (int)d->n,
                              .style = RAML_PLOT_LINE};
    d->n++;
    return s;
}

static void add_mean(struct drawing *d, const char *name, const struct raml_curve_mean *m, int colour)
{
    double(*v)[TOKEN_POINTS] = d->v[d->n];
    struct raml_series *s = m->n_curves ? next(d, name, m->n_curves, POINTS) : NULL;
    if (!s) return;
    raml_curve_mean_read(m, v[0], v[1], v[2], v[3]);
    s->colour = colour;
    for (size_t b = 0; b < POINTS; b++) /* nothing that is averaged here can be below 0 */
        if (v[2][b] < 0) v[2][b] = 0;
}

static const char place_label[] = "position in the trajectory, i/T", loss_label[] = "L(i), nats per answer token";

static enum raml_code draw(const struct drawing *d, struct raml_drawing *to, const char *file, const char *title,
                           const char *name, const char *x_label, const char *y_label, double y_high,
                           struct raml_err *err)
{
    char whole[TITLE_BYTES];
    snprintf(whole, sizeof whole, "%s%s%s", title, name ? ": " : "", name ? name : "");
    const struct raml_figure fig = {.title = whole,
                                    .x_label = x_label,
                                    .y_label = y_label,
                                    .x_high = x_label == place_label, /* 0 to 1; else fitted */
                                    .y_high = y_high,
                                    .series = d->series,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = d->n};
    return d->n ? raml_figure_write(to, file, &fig, NULL, err) : RAML_OK;
}

static enum raml_code draw_modes(const struct raml_trace_plots *p, struct drawing *d, struct raml_drawing *to,
                                 const char *name, struct raml_err *err)
{
    if (p->n_modes < 2) return RAML_OK;
    size_t longest = 0;
    for (size_t i = 0; i < p->n_modes; i++)
        if (p->mode[i].token.n > longest) longest = p->mode[i].token.n; /* T + 1 */
    d->n = 0;
    for (size_t i = 0; i < p->n_modes; i++) add_mean(d, p->mode[i].name, p->mode[i].place, (int)i);
    enum raml_code rc = draw(d, to, "modes_position", "Loss by mode", name, place_label, loss_label, 0, err);
    d->n = 0;
    size_t n = longest < TOKEN_POINTS ? longest : TOKEN_POINTS;
    for (size_t i = 0; i < p->n_modes; i++) {
        double(*v)[TOKEN_POINTS] = d->v[d->n];
        if (!next(d, p->mode[i].name, p->mode[i].token.n_curves, n)) break;
        for (size_t k = 0; k < n; k++) {
            size_t at = n > 1 ? k * (longest - 1) / (n - 1) : 0;
            v[0][k] = (double)at;
            raml_token_mean_read(&p->mode[i].token, at, &v[1][k], &v[2][k], &v[3][k]);
            if (v[2][k] < 0) v[2][k] = 0;
        }
    }
    return rc ? rc
              : draw(d, to, "modes_tokens", "Loss by mode", name,
                     "trajectory tokens, i (after its end a trajectory keeps L(T))", loss_label, 0, err);
}

static enum raml_code draw_wrong(const struct raml_trace_plots *p, struct drawing *d, struct raml_drawing *to,
                                 const char *name, struct raml_err *err)
{
    static const int colour[N_WRONG] = {0, 1, 4, 3};
    bool any = false;
    d->n = 0;
    for (size_t i = 0; i < N_WRONG; i++) {
        add_mean(d, wrong_name[i], &p->wrong[i], colour[i]);
        any |= i && p->wrong[i].n_curves;
    }
    return any ? draw(d, to, "wrong_answer", "Answers on wrong trajectories", name, place_label, loss_label, 0, err)
               : RAML_OK;
}

static enum raml_code draw_commitment(const struct raml_trace_plots *p, struct drawing *d, struct raml_drawing *to,
                                      const char *name, struct raml_err *err)
{
    static const int colour[RAML_TRACE_ALL] = {0, 1, 7};
    d->n = 0;
    for (size_t v = 0; v < RAML_TRACE_ALL; v++)
        add_mean(d, raml_trace_verdict_name((enum raml_trace_verdict)v), &p->commitment[v], colour[v]);
    for (size_t s = 0; s < d->n; s++)
        for (size_t b = 0; b < POINTS; b++)
            if (d->v[s][3][b] > 1) d->v[s][3][b] = 1;
    return draw(d, to, "commitment", "Commitment to one answer", name, place_label,
                "1 - H(p)/ln n: 0 undecided, 1 certain", 1.02, err);
}

/* Some of the layers where there are many, the last always. */
static enum raml_code draw_layers(const struct raml_trace_plots *p, struct drawing *d, struct raml_drawing *to,
                                  const char *name, struct raml_err *err)
{
    size_t n = p->plan->n_layers, most = RAML_FIGURE_COLOURS, step = n > most ? (n + most - 2) / (most - 1) : 1;
    d->n = 0;
    for (size_t l = 0; l < n; l++) {
        char text[NAME_BYTES];
        if ((n - 1 - l) % step) continue;
        snprintf(text, sizeof text, "after layer %zu", p->plan->layer[l]);
        add_mean(d, text, &p->layer[l], raml_figure_ordered(l, n));
        if (d->n) d->series[d->n - 1].low = d->series[d->n - 1].high = NULL; /* bands would cover each other */
    }
    return draw(d, to, "layers", "Loss read after a layer", name, place_label, loss_label, 0, err);
}

static void put_point(double (*v)[TOKEN_POINTS], size_t n, double x, const struct raml_estimate *e)
{
    const double point[] = {x, e->value, e->low, e->high};
    size_t at = n;
    for (; at && v[0][at - 1] > x; at--)
        for (int c = 0; c < 4; c++) v[c][at] = v[c][at - 1];
    for (int c = 0; c < 4; c++) v[c][at] = point[c];
}

/* From rows (by all, curve: the control, measure "effect 0.25"). */
static enum raml_code draw_controls(struct drawing *d, const struct raml_trace_row *row, size_t n_rows,
                                    struct raml_drawing *to, const char *name, struct raml_err *err)
{
    d->n = 0;
    for (int k = 0; k < RAML_CONTROL_KINDS; k++) {
        const char *kind = raml_control_kind_name((enum raml_control_kind)k);
        double(*v)[TOKEN_POINTS] = d->v[d->n];
        size_t n = 0, most = 0;
        for (size_t i = 0; i < n_rows && n < TOKEN_POINTS; i++) {
            const struct raml_trace_row *r = &row[i];
            if (strcmp(r->by, "all") != 0 || strcmp(r->curve, kind) != 0 || strncmp(r->measure, "effect ", 7) != 0)
                continue;
            put_point(v, n++, strtod(r->measure + 7, NULL), &r->e);
            if (r->n > most) most = r->n;
        }
        struct raml_series *s = n ? next(d, kind, most, n) : NULL;
        if (s) s->style = RAML_PLOT_LINE_POINTS;
        if (s) s->colour = k + 2;
    }
    return draw(d, to, "control", "What the content was worth beyond its length", name, place_label,
                "L of the control - L(i), nats per answer token", 0, err);
}

enum raml_code raml_trace_plots_write(const struct raml_trace_plots *p, const struct raml_trace_row *row, size_t n_rows,
                                      struct raml_drawing *to, const char *name, struct raml_err *err)
{
    struct drawing *d = calloc(1, sizeof *d);
    if (!d) return raml_fail(err, RAML_ENOMEM, "no memory for figures");
    enum raml_code rc = draw_modes(p, d, to, name, err);
    if (!rc) rc = draw_wrong(p, d, to, name, err);
    if (!rc) rc = draw_commitment(p, d, to, name, err);
    if (!rc) rc = draw_layers(p, d, to, name, err);
    if (!rc) rc = draw_controls(d, row, n_rows, to, name, err);
    free(d);
    return rc;
}
