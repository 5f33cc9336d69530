/* trace_pictures.c - traced trajectories as figures and as a page. See report.h. */
#include "study/trace_plots.h"

#include "core/array.h"
#include "core/path.h"
#include "study/colour.h"
#include "study/curve_fields.h"
#include "study/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CURVE_POINTS = 101,
    SINGLE_POINTS = 200,
    FIGURE_WIDTH = 580,
    FIGURE_HEIGHT = 380,
    MAX_PAGE_BYTES = 1 << 28,
    SHOW_TOKENS = 4000,
    MAX_HEADING_BYTES = 1 << 20
};

enum raml_code raml_trace_pictures_init(struct raml_trace_pictures *p, const struct raml_trace_files_options *opt,
                                        struct raml_err *err)
{
    *p = (struct raml_trace_pictures){.max_figures = opt->n_curves, .max_on_page = opt->n_shown};
    p->mean = calloc(RAML_TRACE_GROUPS, sizeof *p->mean);
    if (!p->mean) return raml_fail(err, RAML_ENOMEM, "no memory for mean curves");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < RAML_TRACE_GROUPS; i++) rc = raml_curve_mean_init(&p->mean[i], CURVE_POINTS, err);
    return rc;
}

static void shown_deinit(struct raml_trace_shown *s)
{
    free(s->heading);
    free(s->question);
    free(s->bytes);
    free(s->piece);
    free(s->piece_len);
    free(s->loss);
    free(s->ema);
    free(s->at);
    free(s->greedy);
    json_decref(s->fields);
}

void raml_trace_pictures_deinit(struct raml_trace_pictures *p)
{
    for (size_t i = 0; i < p->n; i++) shown_deinit(&p->shown[i]);
    free(p->shown);
    free(p->mean);
    *p = (struct raml_trace_pictures){0};
}

/* -- Collecting ---------------------------------------------------------------------------------------------------- */

static char *heading(const struct raml_traced *t) /* for free(); NULL: no memory */
{
    const struct raml_question *q = t->q;
    const char *word[] = {raml_trace_verdict_name(t->verdict), q->family, q->trajectory[t->sample].style};
    struct raml_buf b;
    raml_buf_init(&b, MAX_HEADING_BYTES);
    raml_text_visible(&b, q->id, strlen(q->id));
    raml_buf_addf(&b, " #%zu", t->sample);
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) {
        if (!word[i]) continue;
        raml_buf_adds(&b, ", ");
        raml_text_visible(&b, word[i], strlen(word[i]));
        if (i == 1 && q->difficulty >= 0) raml_buf_addf(&b, " %d", q->difficulty);
    }
    raml_buf_addf(&b, ": L %.3f to %.3f in %zu tokens", t->descent.first, t->descent.last, t->curve->n_tokens);
    char *text = b.code ? NULL : raml_buf_take(&b);
    raml_buf_deinit(&b);
    return text;
}

static enum raml_code copy(struct raml_trace_shown *s, const struct raml_traced *t, struct raml_err *err)
{
    const struct raml_loss_curve *c = t->curve;
    size_t n = c->n_points, bytes = 0;
    for (size_t k = 0; k + 1 < n; k++) bytes += t->piece_len[k];
    *s = (struct raml_trace_shown){.heading = heading(t), .bytes = malloc(bytes + 1), .n_points = n};
    s->question = strdup(t->q->question);
    s->n_answer = c->n_answer;
    s->alpha = t->ema_weight;
    s->piece = malloc(n * sizeof *s->piece);
    s->piece_len = malloc(n * sizeof *s->piece_len);
    s->loss = malloc(n * sizeof *s->loss);
    s->ema = malloc(n * sizeof *s->ema);
    s->at = malloc(n * sizeof *s->at);
    s->greedy = malloc(n * sizeof *s->greedy);
    if (!s->heading || !s->question || !s->bytes || !s->piece || !s->piece_len || !s->loss || !s->ema || !s->at ||
        !s->greedy)
        return raml_fail(err, RAML_ENOMEM, "no memory to keep a trajectory of %zu tokens", c->n_tokens);
    char *to = s->bytes;
    for (size_t k = 0; k < n; k++) {
        s->loss[k] = c->loss[k];
        s->ema[k] = t->ema[k];
        s->at[k] = c->at[k];
        s->greedy[k] = c->greedy[k];
        if (k + 1 == n) break;
        s->piece[k] = to;
        s->piece_len[k] = t->piece_len[k];
        memcpy(to, t->piece[k], t->piece_len[k]);
        to += t->piece_len[k];
    }
    return RAML_OK;
}

/* -- Choosing: different questions first, no text twice ------------------------------------------------------------ */

struct choice {
    bool taken;
    size_t instead; /* SIZE_MAX: of none */
};

/* Among the page's trajectories of a verdict, or (figure) among the figures. */
static bool is_among(const struct raml_trace_shown *s, bool figure, enum raml_trace_verdict verdict)
{
    return figure ? s->as_figure : s->on_page && s->verdict == verdict;
}

/* A place that is free, or that of the last one whose question is there before it, if this one's question is new. */
static struct choice choose(const struct raml_trace_pictures *p, bool figure, enum raml_trace_verdict verdict,
                            uint64_t question_key, uint64_t text_key)
{
    size_t n = 0, most = figure ? p->max_figures : p->max_on_page, repeat = SIZE_MAX;
    bool known = false;
    for (size_t i = 0; i < p->n; i++) {
        const struct raml_trace_shown *s = &p->shown[i];
        if (!is_among(s, figure, verdict)) continue;
        n++;
        if (s->question_key == question_key && s->text_key == text_key) return (struct choice){false, SIZE_MAX};
        known = known || s->question_key == question_key;
        for (size_t j = 0; j < i && repeat != i; j++)
            if (p->shown[j].question_key == s->question_key && is_among(&p->shown[j], figure, verdict)) repeat = i;
    }
    if (n < most) return (struct choice){true, SIZE_MAX};
    return (struct choice){!known && repeat != SIZE_MAX, repeat};
}

static uint64_t text_key(const struct raml_traced *t)
{
    uint64_t key = 0;
    for (size_t k = 0; k + 1 < t->curve->n_points; k++) key = raml_hash(t->piece[k], t->piece_len[k], key);
    return key;
}

static enum raml_code add_shown(struct raml_trace_pictures *p, const struct raml_traced *t, struct raml_err *err)
{
    uint64_t question = raml_hash(t->q->id, strlen(t->q->id), 0), text = text_key(t);
    struct choice page = choose(p, false, t->verdict, question, text);
    struct choice figure = choose(p, true, t->verdict, question, text);
    if (!page.taken && !figure.taken) return RAML_OK;
    enum raml_code rc = RAML_GROW(p->shown, p->cap, p->n + 1, "trajectories", err);
    if (rc) return rc;
    struct raml_trace_shown *s = &p->shown[p->n];
    rc = copy(s, t, err);
    if (!rc && page.taken && !(s->fields = raml_trace_fields(t)))
        rc = raml_fail(err, RAML_ENOMEM, "no memory to keep a trajectory of %zu tokens", t->curve->n_tokens);
    if (rc) {
        shown_deinit(s);
        return rc;
    }
    s->verdict = t->verdict;
    s->question_key = question;
    s->text_key = text;
    s->on_page = page.taken;
    s->as_figure = figure.taken;
    if (page.taken && page.instead != SIZE_MAX) p->shown[page.instead].on_page = false;
    if (figure.taken && figure.instead != SIZE_MAX) p->shown[figure.instead].as_figure = false;
    p->n++;
    return RAML_OK;
}

enum raml_code raml_trace_pictures_add(struct raml_trace_pictures *p, const struct raml_traced *t, struct raml_err *err)
{
    enum raml_code rc = raml_trace_mean_add(&p->mean[t->verdict], t, t->curve->loss, err);
    return rc ? rc : add_shown(p, t, err);
}

/* -- Writing ------------------------------------------------------------------------------------------------------- */

static enum raml_code mean_figure(const struct raml_trace_pictures *p, struct raml_drawing *to, const char *title,
                                  struct raml_err *err)
{
    static const int colour[] = {0, 1, 7}; /* as in the report */
    enum { N = RAML_TRACE_ALL };
    double(*v)[4][CURVE_POINTS] = malloc(N * sizeof *v);
    struct raml_series s[N];
    char name[N][64];
    size_t n = 0;
    if (!v) return raml_fail(err, RAML_ENOMEM, "no memory for a figure");
    for (size_t i = 0; i < N; i++) {
        const struct raml_curve_mean *m = &p->mean[i];
        if (m->n_curves == 0) continue;
        raml_curve_mean_read(m, v[n][0], v[n][1], v[n][2], v[n][3]);
        snprintf(name[n], sizeof name[n], "%s (n = %zu)", raml_trace_verdict_name((enum raml_trace_verdict)i),
                 m->n_curves);
        s[n] = (struct raml_series){.name = name[n],
                                    .x = v[n][0],
                                    .y = v[n][1],
                                    .low = v[n][2],
                                    .high = v[n][3],
                                    .n = CURVE_POINTS,
                                    .colour = colour[i],
                                    .style = RAML_PLOT_LINE};
        n++;
    }
    const struct raml_figure fig = {.title = title,
                                    .x_label = "position in the trajectory, i/T",
                                    .y_label = "L(i), nats per answer token",
                                    .x_high = 1,
                                    .series = s,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = n};
    enum raml_code rc = n ? raml_figure_write(to, "mean_curve", &fig, NULL, err) : RAML_OK;
    free(v);
    return rc;
}

static enum raml_code curve_figure(const struct raml_trace_shown *t, size_t k, struct raml_drawing *to,
                                   struct raml_err *err)
{
    char name[32], smooth[64];
    snprintf(name, sizeof name, "curve_%zu", k);
    snprintf(smooth, sizeof smooth, "moving average, weight %.2g", t->alpha);
    bool faint = t->n_points > SINGLE_POINTS; /* few points are a line that can be read, many are a ground */
    const struct raml_series s[] = {
        {.name = "L(i)", .x = t->at, .y = t->loss, .n = t->n_points, .style = RAML_PLOT_LINE, .faint = faint},
        {.name = smooth, .x = t->at, .y = t->ema, .n = t->n_points, .colour = faint ? 0 : 1, .style = RAML_PLOT_LINE},
    };
    const struct raml_figure fig = {.title = t->heading,
                                    .x_label = "trajectory tokens, i",
                                    .y_label = "nats per answer token",
                                    .series = s,
                                    .width = FIGURE_WIDTH,
                                    .height = FIGURE_HEIGHT,
                                    .n_series = 2};
    return raml_figure_write(to, name, &fig, NULL, err);
}

static enum raml_code add_to_page(struct raml_buf *b, const struct raml_trace_shown *t, struct raml_err *err)
{
    struct raml_curve_fields fields;
    struct raml_coloured c = {.heading = t->heading,
                              .question = t->question,
                              .piece = (const char *const *)t->piece,
                              .piece_len = t->piece_len,
                              .loss = t->loss,
                              .greedy = t->greedy,
                              .n_tokens = t->n_points - 1,
                              .n_answer = t->n_answer,
                              .show = SHOW_TOKENS};
    enum raml_code rc = raml_curve_fields_read(t->fields, c.n_tokens, &fields, err);
    raml_curve_fields_show(&fields, &c);
    c.at = t->at;
    if (!rc) rc = raml_colour_trajectory(b, &c, err);
    raml_curve_fields_deinit(&fields);
    return rc;
}

static enum raml_code page(const struct raml_trace_pictures *p, struct raml_drawing *to, const char *title,
                           struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    enum raml_code rc = raml_path_join(path, to->dir, "trajectories.html", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_PAGE_BYTES);
    raml_colour_begin(&b, title);
    for (size_t i = 0; !rc && i < p->n; i++)
        if (p->shown[i].on_page) rc = add_to_page(&b, &p->shown[i], err);
    raml_colour_end(&b);
    if (!rc) rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

enum raml_code raml_trace_pictures_write(struct raml_trace_pictures *p, struct raml_drawing *to, const char *title,
                                         struct raml_err *err)
{
    size_t k = 0;
    enum raml_code rc = page(p, to, title, err);
    if (!rc) rc = mean_figure(p, to, title, err);
    for (size_t i = 0; !rc && i < p->n; i++)
        if (p->shown[i].as_figure) rc = curve_figure(&p->shown[i], ++k, to, err);
    return rc;
}
