/* laboratory_tables.c - the main numbers of traces, updates and landscapes as tables. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#include "core/path.h"
#include "study/tsv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CURVES_MAX = 64, KINDS_MAX = 64, FRAME_ROWS_MAX = 100, COLUMNS_MAX = 16 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* -- Traces -------------------------------------------------------------------------------------------------------- */

enum { BY, GROUP, CURVE, MEASURE, N_TRAJECTORIES, N_QUESTIONS, VALUE, LOW, HIGH, GROUP_COLUMNS };
static const char *const group_column[GROUP_COLUMNS] = {"by",        "group", "curve", "measure", "trajectories",
                                                        "questions", "value", "low",   "high"};
static const char *const verdict[][2] = {
    {"verdict", "right"}, {"verdict", "wrong"}, {"verdict", "unlabelled"}, {"all", "all"}};

struct groups {
    struct raml_tsv t;
    size_t column[GROUP_COLUMNS];
    bool has[COUNT(verdict)]; /* has it any row? */
    const char *answer;       /* the curve that has a table of its own */
};

static const char *text_of(const struct groups *g, size_t row, size_t column)
{
    return raml_tsv_cell(&g->t, row, g->column[column]);
}

/* The row of a verdict's curve and measure; 0, the header: there is none. */
static size_t find(const struct groups *g, size_t of, const char *curve, const char *measure)
{
    for (size_t r = 1; r < g->t.n_rows; r++)
        if (strcmp(text_of(g, r, MEASURE), measure) == 0 && strcmp(text_of(g, r, CURVE), curve) == 0 &&
            strcmp(text_of(g, r, BY), verdict[of][0]) == 0 && strcmp(text_of(g, r, GROUP), verdict[of][1]) == 0)
            return r;
    return 0;
}

static void add_group_cell(struct raml_page *p, const struct groups *g, size_t row, bool share)
{
    double e[3] = {NAN, NAN, NAN};
    for (size_t i = 0; row && i < 3; i++) e[i] = raml_tsv_number(&g->t, row, g->column[VALUE + i]);
    raml_lab_interval(p, e[0], e[1], e[2], share);
}

static void add_answer_rows(struct raml_page *p, const struct groups *g)
{
    static const struct {
        const char *measure, *head;
        bool share;
    } shown[] = {{"L0", "L(0)", false},          {"LT", "L(T)", false},
                 {"descent", "descent", false},  {"monotonicity", "steps down", true},
                 {"tau_b", "\u03C4-b", false},   {"regret", "regret", false},
                 {"greedy", "greedy at T", true}};
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "<div class=\"wide tight\"><table><tr><th class=\"t\">trajectories, ");
    raml_page_text(p, g->answer);
    raml_buf_adds(b, " answer</th><th>n</th><th>questions</th>");
    for (size_t m = 0; m < COUNT(shown); m++) raml_buf_addf(b, "<th>%s</th>", shown[m].head);
    raml_buf_adds(b, "</tr>\n");
    for (size_t k = 0; k < COUNT(verdict); k++) {
        size_t row = find(g, k, g->answer, "L0");
        if (!row) continue;
        raml_buf_addf(b, "<tr%s><td class=\"t\">%s</td><td>", k + 1 == COUNT(verdict) ? " class=\"all\"" : "",
                      verdict[k][1]);
        raml_page_number(p, raml_tsv_number(&g->t, row, g->column[N_TRAJECTORIES]));
        raml_buf_adds(b, "</td><td>");
        raml_page_number(p, raml_tsv_number(&g->t, row, g->column[N_QUESTIONS]));
        raml_buf_adds(b, "</td>");
        for (size_t m = 0; m < COUNT(shown); m++)
            add_group_cell(p, g, find(g, k, g->answer, shown[m].measure), shown[m].share);
        raml_buf_adds(b, "</tr>\n");
    }
}

/* The question's answer, or the first one of a trace without it. */
static const char *first_answer(const struct groups *g)
{
    const char *first = NULL;
    for (size_t r = 1; r < g->t.n_rows; r++) {
        if (strcmp(text_of(g, r, MEASURE), "L0") != 0) continue;
        if (strcmp(text_of(g, r, CURVE), "gold") == 0) return "gold";
        if (!first) first = text_of(g, r, CURVE);
    }
    return first ? first : "gold";
}

/* The one number that says most of a curve. */
static const char *main_measure(const struct groups *g, const char *curve, const char **head)
{
    static const char *const measure[][2] = {{"effect", "L of it \u2212 L(i)"},
                                             {"descent", "descent, L(0)\u00A0\u2212\u00A0L(T)"},
                                             {"commitmentT", "commitment at T"}};
    for (size_t m = 0; m < COUNT(measure); m++)
        for (size_t k = 0; k < COUNT(verdict); k++) {
            *head = measure[m][1];
            if (find(g, k, curve, measure[m][0])) return measure[m][0];
        }
    return NULL;
}

static void add_curve_row(struct raml_page *p, const struct groups *g, const char *curve)
{
    const char *head, *measure = main_measure(g, curve, &head);
    if (!measure) return;
    raml_buf_adds(&p->html, "<tr><td class=\"t\">");
    raml_page_text(p, curve);
    raml_buf_addf(&p->html, "</td><td class=\"t\">%s</td>", head);
    for (size_t k = 0; k < COUNT(verdict); k++)
        if (g->has[k]) add_group_cell(p, g, find(g, k, curve, measure), false);
    raml_buf_adds(&p->html, "</tr>\n");
}

/* Every curve but that of the first table, in the file's order. */
static size_t other_curves(const struct groups *g, const char *curve[CURVES_MAX])
{
    size_t n = 0;
    for (size_t r = 1; r < g->t.n_rows && n < CURVES_MAX; r++) {
        const char *name = text_of(g, r, CURVE);
        bool known = strcmp(name, g->answer) == 0 || (n && strcmp(curve[n - 1], name) == 0);
        for (size_t i = 0; !known && i < n; i++) known = strcmp(curve[i], name) == 0;
        if (!known) curve[n++] = name;
    }
    return n;
}

static void add_other_rows(struct raml_page *p, const struct groups *g)
{
    const char *curve[CURVES_MAX];
    size_t n = other_curves(g, curve);
    if (n == 0) return;
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "</table></div>\n<div class=\"wide\"><table><tr><th class=\"t\">curve</th>"
                     "<th class=\"t\">measure</th>");
    for (size_t k = 0; k < COUNT(verdict); k++)
        if (g->has[k]) raml_buf_addf(b, "<th>%s</th>", verdict[k][1]);
    raml_buf_adds(b, "</tr>\n");
    for (size_t i = 0; i < n; i++) add_curve_row(p, g, curve[i]);
}

void raml_lab_trace_table(struct raml_lab_view *v, const char *file)
{
    struct groups g = {0};
    if (!raml_lab_open_table(v, file, group_column, GROUP_COLUMNS, g.column, &g.t)) return;
    for (size_t r = 1; r < g.t.n_rows; r++)
        for (size_t k = 0; k < COUNT(verdict); k++)
            g.has[k] = g.has[k] || (strcmp(text_of(&g, r, BY), verdict[k][0]) == 0 &&
                                    strcmp(text_of(&g, r, GROUP), verdict[k][1]) == 0);
    g.answer = first_answer(&g);
    add_answer_rows(v->p, &g);
    add_other_rows(v->p, &g);
    raml_lab_data_line(v,
                       "Means over trajectories; in brackets the 95\u00A0% interval over questions. Further groups "
                       "(modes, lengths) and measures:",
                       file);
    raml_tsv_deinit(&g.t);
}

/* -- Updates ------------------------------------------------------------------------------------------------------- */

enum { U_KIND, U_GROUP, U_LAYER, U_MATRIX, U_MEASURE, U_N, U_MEAN, U_LOW, U_HIGH, UPDATE_COLUMNS };
static const char *const update_column[UPDATE_COLUMNS] = {"trajectory", "group", "layer", "matrix", "measure",
                                                          "n",          "mean",  "low",   "high"};

/* Row of all layers and matrices. */
static bool is_whole(const struct raml_tsv *t, const size_t *column, size_t r)
{
    return strcmp(raml_tsv_cell(t, r, column[U_LAYER]), "all") == 0 &&
           strcmp(raml_tsv_cell(t, r, column[U_MATRIX]), "all") == 0;
}

static bool same(const struct raml_tsv *t, const size_t *column, size_t a, size_t b)
{
    return strcmp(raml_tsv_cell(t, a, column[U_KIND]), raml_tsv_cell(t, b, column[U_KIND])) == 0 &&
           strcmp(raml_tsv_cell(t, a, column[U_GROUP]), raml_tsv_cell(t, b, column[U_GROUP])) == 0;
}

/* The first rows of each kind of trajectory; of controls and differences only those over all. */
static size_t update_kinds(const struct raml_tsv *t, const size_t *column, size_t kind[KINDS_MAX])
{
    size_t n = 0;
    for (size_t r = 1; r < t->n_rows && n < KINDS_MAX; r++) {
        if (!is_whole(t, column, r)) continue;
        bool real = strcmp(raml_tsv_cell(t, r, column[U_KIND]), "real") == 0;
        bool all = strcmp(raml_tsv_cell(t, r, column[U_GROUP]), "all") == 0, known = !real && !all;
        for (size_t i = 0; i < n && !known; i++) known = same(t, column, kind[i], r);
        if (!known) kind[n++] = r;
    }
    return n;
}

void raml_lab_update_table(struct raml_lab_view *v)
{
    static const char *const shown[][2] = {{"distance", "distance"},  {"step", "step"},
                                           {"turn", "turn, degrees"}, {"straightness", "straight"},
                                           {"rank_updates", "rank"},  {"rank_steps", "rank of steps"},
                                           {"align", "align"}};
    struct raml_tsv t;
    size_t column[UPDATE_COLUMNS], kind[KINDS_MAX];
    struct raml_buf *b = &v->p->html;
    if (!raml_lab_open_table(v, "update.tsv", update_column, UPDATE_COLUMNS, column, &t)) return;
    size_t n = update_kinds(&t, column, kind);
    raml_buf_adds(b, "<div class=\"wide tight\"><table><tr><th class=\"t\">trajectories</th><th>questions</th>");
    for (size_t m = 0; m < COUNT(shown); m++) raml_buf_addf(b, "<th>%s</th>", shown[m][1]);
    raml_buf_adds(b, "</tr>\n");
    for (size_t k = 0; k < n; k++) {
        raml_buf_adds(b, "<tr><td class=\"t\">");
        raml_page_text(v->p, raml_tsv_cell(&t, kind[k], column[U_KIND]));
        raml_buf_adds(b, ", ");
        raml_page_text(v->p, raml_tsv_cell(&t, kind[k], column[U_GROUP]));
        raml_buf_adds(b, "</td><td>");
        raml_page_number(v->p, raml_tsv_number(&t, kind[k], column[U_N]));
        raml_buf_adds(b, "</td>");
        for (size_t m = 0; m < COUNT(shown); m++) {
            double e[3] = {NAN, NAN, NAN};
            for (size_t r = 1; r < t.n_rows; r++)
                if (is_whole(&t, column, r) && same(&t, column, kind[k], r) &&
                    strcmp(raml_tsv_cell(&t, r, column[U_MEASURE]), shown[m][0]) == 0)
                    for (size_t i = 0; i < 3; i++) e[i] = raml_tsv_number(&t, r, column[U_MEAN + i]);
            raml_lab_interval(v->p, e[0], e[1], e[2], false);
        }
        raml_buf_adds(b, "</tr>\n");
    }
    raml_lab_data_line(
        v,
        "All layers and matrices together; means over questions with 95\u00A0% intervals. Distance, step: "
        "length of the whole trajectory\u2019s update, and from token to token, over that of the weights. "
        "Straight: distance over the sum of the steps. Rank: effective rank of all updates of a "
        "trajectory. Align: cosine with the negative gradient of L(0). Differences are paired by "
        "question. By layer and matrix:",
        "update.tsv");
    raml_tsv_deinit(&t);
}

/* -- Landscapes ---------------------------------------------------------------------------------------------------- */

enum {
    F_I,
    F_LOSS,
    F_LEAST,
    F_ALPHA,
    F_BETA,
    F_GRADIENT,
    F_TOP,
    F_TOP_E,
    F_OTHER,
    F_OTHER_E,
    F_TRACE,
    F_TRACE_E,
    FRAME_COLUMNS
};
static const char *const frame_column[FRAME_COLUMNS] = {"i",          "loss",        "least",      "least_alpha",
                                                        "least_beta", "gradient",    "eigenvalue", "eigenvalue_error",
                                                        "other",      "other_error", "trace",      "trace_error"};

static void add_with_error(struct raml_page *p, double value, double error)
{
    raml_buf_adds(&p->html, "<td>");
    raml_lab_digits(p, value, 4);
    if (!isnan(value) && !isnan(error)) {
        raml_buf_adds(&p->html, " <small>\u00B1\u00A0");
        raml_lab_digits(p, error, 2);
        raml_buf_adds(&p->html, "</small>");
    }
    raml_buf_adds(&p->html, "</td>");
}

void raml_lab_frames_table(struct raml_lab_view *v)
{
    struct raml_tsv t;
    size_t column[FRAME_COLUMNS];
    struct raml_buf *b = &v->p->html;
    if (!raml_lab_open_table(v, "frames.tsv", frame_column, FRAME_COLUMNS, column, &t)) return;
    raml_buf_adds(b, "<div class=\"wide\"><table><tr><th>i</th><th>L(i) at the centre</th><th>least on the grid</th>"
                     "<th>at (\u03B1,\u00A0\u03B2)</th><th>|gradient|</th><th>eigenvalue</th><th>other end</th>"
                     "<th>trace</th></tr>\n");
    for (size_t r = 1; r < t.n_rows && r <= FRAME_ROWS_MAX; r++) {
        double x[FRAME_COLUMNS];
        for (size_t c = 0; c < FRAME_COLUMNS; c++) x[c] = raml_tsv_number(&t, r, column[c]);
        raml_buf_adds(b, "<tr><td>");
        raml_page_number(v->p, x[F_I]);
        raml_buf_adds(b, "</td><td>");
        raml_lab_digits(v->p, x[F_LOSS], 4);
        raml_buf_adds(b, "</td><td>");
        raml_lab_digits(v->p, x[F_LEAST], 4);
        raml_buf_adds(b, "</td><td>");
        raml_lab_digits(v->p, x[F_ALPHA], 3);
        raml_buf_adds(b, ",\u00A0");
        raml_lab_digits(v->p, x[F_BETA], 3);
        raml_buf_adds(b, "</td><td>");
        raml_lab_digits(v->p, x[F_GRADIENT], 3);
        raml_buf_adds(b, "</td>");
        add_with_error(v->p, x[F_TOP], x[F_TOP_E]);
        add_with_error(v->p, x[F_OTHER], x[F_OTHER_E]);
        add_with_error(v->p, x[F_TRACE], x[F_TRACE_E]);
        raml_buf_adds(b, "</tr>\n");
    }
    raml_lab_data_line(
        v,
        "A line a frame: after i tokens. Eigenvalue: the Hessian\u2019s of largest absolute value at the "
        "weights; negative on a ridge, positive in a basin. Other end: the eigenvalue at the other end "
        "of the spectrum. \u00B1: error of the eigenvalue (residual, and what a shorter step changes), "
        "standard error of the trace. All digits:",
        "frames.tsv");
    raml_tsv_deinit(&t);
}

void raml_lab_path_line(struct raml_lab_view *v)
{
    static const char *const name[] = {"alpha", "beta", "length"};
    struct raml_tsv t;
    size_t column[3];
    double sum[3] = {0};
    if (!raml_lab_open_table(v, "path.tsv", name, 3, column, &t)) return;
    for (size_t r = 1; r < t.n_rows; r++)
        for (size_t c = 0; c < 3; c++) {
            double x = raml_tsv_number(&t, r, column[c]);
            sum[c] += x * x;
        }
    if (sum[2] > 0) {
        raml_buf_adds(&v->p->html, "<p>The plane is that of the two leading principal directions of the "
                                   "trajectory\u2019s updates. It has ");
        raml_page_percent(v->p, sum[0] / sum[2]);
        raml_buf_adds(&v->p->html, " + ");
        raml_page_percent(v->p, sum[1] / sum[2]);
        raml_buf_adds(&v->p->html, " of their squares; the rest of the path lies outside of the picture. ");
        raml_lab_link(v, "path.tsv", "path.tsv");
        raml_buf_adds(&v->p->html, "</p>\n");
    }
    raml_tsv_deinit(&t);
}
