/* attention_pictures.c - maps of heads by layer, a panel for each group of tokens; and what becomes of it in training. See
 * attention_parts.h. */
#include "study/attention_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { Q = RAML_ATTENTION_QUERIES, G = RAML_ATTENTION_GROUPS, U = RAML_ATTENTION_UNITS };
enum { SCRIPT_MAX = 1 << 20, DATA_MAX = 1 << 26, LABELLED = 64 /* cells of a panel with their number in */ };

static const char *const of_query[Q] = {"where a line begins", "where a line\u2019s result begins",
                                        "where a symbol of the last state is read",
                                        "where a symbol of the operand is read"};
static const char *const of_group[G] = {"question",        "last line",    "earlier lines",
                                        "the line itself", "other prompt", "the token that has it"};

/* -- Heads --------------------------------------------------------------------------------------------------------- */

struct panels { /* of one kind of query */
    const struct raml_attention_summary *s;
    const struct raml_estimate *e; /* [layers, heads, groups] */
    enum raml_attention_query query;
    enum raml_attention_group group[G];
    size_t n;
};

static void add_data(struct raml_buf *b, const struct panels *p)
{
    raml_buf_adds(b, "head\tlayer\tvalue\tlow\thigh\tgroup\n");
    for (size_t k = 0; k < p->n; k++) {
        if (k) raml_buf_adds(b, "\n\n");
        for (size_t h = 0; h < p->s->n_layers * p->s->n_heads; h++) {
            const struct raml_estimate *e = &p->e[h * G + p->group[k]];
            const double value[] = {e->value, e->low, e->high};
            raml_buf_addf(b, "%zu\t%zu", h % p->s->n_heads, h / p->s->n_heads);
            for (size_t i = 0; i < 3; i++) {
                if (isfinite(value[i])) raml_buf_addf(b, "\t%.9g", value[i]);
                else raml_buf_adds(b, "\tNaN");
            }
            raml_buf_addf(b, "\t%s\n", raml_attention_group_name(p->group[k]));
        }
    }
}

static void add_script(struct raml_buf *b, const struct panels *p, const char *name)
{
    size_t heads = p->s->n_heads, layers = p->s->n_layers;
    bool labelled = heads * layers <= LABELLED;
    double width = 110 + (heads > 8 ? 16.0 : 34.0) * (double)heads,
           height = 150 + (layers > 8 ? 14.0 : 34.0) * (double)layers;
    raml_buf_addf(b, "# Draws %s.svg from %s.tsv:  gnuplot %s.gp\n", name, name, name);
    raml_buf_addf(b, "data = '%s.tsv'\nif (!exists('svg')) svg = '%s.svg'\n", name, name);
    raml_buf_addf(b,
                  "set terminal svg noenhanced dynamic rounded size %.0f,%.0f font 'Helvetica,13' lw 1 name '%s' "
                  "background rgb 'white'\nset encoding utf8\nset output svg\nset datafile separator tab\n"
                  "set tics nomirror out scale 0.5 textcolor rgb '#555555'\nunset key\n",
                  width * (double)p->n, height, name);
    raml_buf_addf(b,
                  "set palette defined (0 '#FFFFFF', 0.25 '#C6DBEF', 0.5 '#6BAED6', 0.75 '#2171B5', 1 '#08306B')\n"
                  "set cbrange [0:1]\n%s\nset border 15 lc rgb '#999999'\n",
                  labelled ? "unset colorbox" : "set colorbox");
    raml_buf_addf(b,
                  "set xrange [-0.5:%zu.5]\nset yrange [-0.5:%zu.5]\nset xtics %d\nset ytics %d\nset xlabel 'head'\n",
                  heads - 1, layers - 1, heads > 16 ? 4 : 1, layers > 16 ? 4 : 1);
    raml_buf_addf(b, "set multiplot layout 1,%zu title 'Attention %s'\n", p->n, of_query[p->query]);
    for (size_t k = 0; k < p->n; k++) {
        raml_buf_addf(b, "set title '%s'\nset ylabel '%s'\n", of_group[p->group[k]], k ? "" : "layer");
        raml_buf_addf(b,
                      "plot data index %zu%s using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 with boxxyerror "
                      "fc palette fs solid noborder",
                      k, k ? "" : " skip 1");
        if (labelled)
            raml_buf_addf(b,
                          ", \\\n     data index %zu%s using 1:2:(sprintf('%%.2f', $3)):($3 > 0.5 ? 0xFFFFFF : "
                          "0x333333) with labels font ',10' textcolor rgb variable",
                          k, k ? "" : " skip 1");
        raml_buf_adds(b, "\n");
    }
    raml_buf_adds(b, "unset multiplot\n");
}

static enum raml_code draw_heads(const struct panels *p, struct raml_drawing *to, struct raml_err *err)
{
    char name[RAML_FIGURE_NAME];
    struct raml_buf data, script;
    snprintf(name, sizeof name, "heads_%s", raml_attention_query_name(p->query));
    raml_buf_init(&data, DATA_MAX);
    raml_buf_init(&script, SCRIPT_MAX);
    add_data(&data, p);
    add_script(&script, p, name);
    enum raml_code rc = raml_figure_draw(to, name, &data, &script, NULL, err);
    raml_buf_deinit(&data);
    raml_buf_deinit(&script);
    return rc;
}

/* -- Training ------------------------------------------------------------------------------------------------------ */

enum { MOST_SERIES = 6 };
struct line {
    double *x, *y, *low, *high;
};

static struct raml_series add_line(struct line *l, const struct raml_attention_summary *s, const char *name, int colour,
                                   const struct raml_estimate *(*of)(const struct raml_attention_result *r, int which),
                                   int which)
{
    for (size_t i = 0; i < s->n_models; i++) {
        const struct raml_estimate *e = of(&s->model[i], which);
        l->x[i] = (double)s->model[i].tokens;
        l->y[i] = e->value;
        l->low[i] = e->low;
        l->high[i] = e->high;
    }
    return (struct raml_series){.name = name,
                                .x = l->x,
                                .y = l->y,
                                .low = l->low,
                                .high = l->high,
                                .n = s->n_models,
                                .colour = colour,
                                .style = RAML_PLOT_LINE_POINTS};
}

static const struct raml_estimate *right_of(const struct raml_attention_result *r, int unit)
{
    return &r->right[unit];
}

static const struct raml_estimate *most_of(const struct raml_attention_result *r, int which)
{
    return &r->of[which / G][which % G].e;
}

static size_t add_lines(struct raml_series *series, struct line *l, const struct raml_attention_summary *s)
{
    const struct raml_attention_result *last = &s->model[s->n_models - 1];
    bool sourced = last->of[RAML_ATTENTION_STATE][RAML_ATTENTION_TO_SOURCE].n_queries > 0;
    size_t n = 0;
    if (sourced) {
        series[n] = add_line(&l[n], s, "attention to the last state\u2019s symbol", 0, most_of,
                             RAML_ATTENTION_STATE * G + RAML_ATTENTION_TO_SOURCE);
        n++;
        series[n] = add_line(&l[n], s, "attention to the operand\u2019s symbol", 9, most_of,
                             RAML_ATTENTION_OPERAND * G + RAML_ATTENTION_TO_SOURCE);
        n++;
        series[n] = add_line(&l[n], s, "right: look-ups", 1, right_of, RAML_ATTENTION_RIGHT_LOOKUP);
        n++;
    } else {
        series[n] = add_line(&l[n], s, "attention to the last line", 0, most_of,
                             RAML_ATTENTION_RESULT * G + RAML_ATTENTION_TO_LAST_LINE);
        n++;
        series[n] = add_line(&l[n], s, "right: results", 1, right_of, RAML_ATTENTION_RIGHT_RESULT);
        n++;
    }
    series[n] = add_line(&l[n], s, "right: whole lines", 2, right_of, RAML_ATTENTION_RIGHT_LINE);
    n++;
    series[n] = add_line(&l[n], s, "right: whole trajectories", 3, right_of, RAML_ATTENTION_RIGHT_TRAJECTORY);
    return n + 1;
}

static enum raml_code draw_training(const struct raml_attention_summary *s, struct raml_drawing *to,
                                    const char *data_name, struct raml_err *err)
{
    struct raml_series series[MOST_SERIES];
    struct line line[MOST_SERIES];
    char title[256];
    double *all = malloc(MOST_SERIES * 4 * s->n_models * sizeof *all);
    if (!all) return raml_fail(err, RAML_ENOMEM, "no memory for a figure of %zu models", s->n_models);
    for (size_t k = 0; k < MOST_SERIES; k++) {
        double *own = all + k * 4 * s->n_models;
        line[k] = (struct line){own, own + s->n_models, own + 2 * s->n_models, own + 3 * s->n_models};
    }
    snprintf(title, sizeof title, "Attention and accuracy in training%s%.160s", data_name ? ": " : "",
             data_name ? data_name : "");
    const struct raml_figure fig = {.title = title,
                                    .x_label = "tokens trained",
                                    .y_label = "share",
                                    .y_low = 0,
                                    .y_high = 1.02,
                                    .series = series,
                                    .n_series = add_lines(series, line, s)};
    enum raml_code rc = raml_figure_write(to, "training", &fig, NULL, err);
    free(all);
    return rc;
}

enum raml_code raml_attention_pictures_write(const struct raml_attention_summary *s, const struct raml_estimate *e,
                                             struct raml_drawing *to, const char *data_name, struct raml_err *err)
{
    const struct raml_attention_result *last = &s->model[s->n_models - 1];
    enum raml_code rc = RAML_OK;
    for (size_t q = 0; !rc && q < Q; q++) {
        struct panels p = {.s = s, .e = e + q * s->n_layers * s->n_heads * G, .query = (enum raml_attention_query)q};
        for (size_t g = 0; g < G; g++)
            if (isfinite(last->of[q][g].uniform) && last->of[q][g].uniform > 0)
                p.group[p.n++] = (enum raml_attention_group)g;
        if (p.n) rc = draw_heads(&p, to, err);
    }
    return rc || s->n_models < 2 ? rc : draw_training(s, to, data_name, err);
}
