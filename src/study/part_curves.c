/* part_curves.c - the report's mean loss curves: correct samples against wrong ones. */
#include "study/page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const verdict_name[RAML_N_VERDICTS] = {"wrong", "correct", "not graded"};
static const int verdict_colour[RAML_N_VERDICTS] = {1, 0, 7};
static const size_t order[RAML_N_VERDICTS] = {RAML_CORRECT, RAML_WRONG, RAML_UNJUDGED};

struct drawn { /* space for one figure's series */
    double x[RAML_CURVE_POINTS_MAX], y[RAML_CURVE_POINTS_MAX], low[RAML_CURVE_POINTS_MAX], high[RAML_CURVE_POINTS_MAX];
    char name[48];
};

static enum raml_code add_figure(struct raml_page *p, const char *name, const struct raml_trace *t, bool greedy,
                                 struct raml_err *err)
{
    static const char over[] = "Band: mean \u00B1 1.96 standard errors over questions.";
    size_t kinds[RAML_ANSWER_KINDS] = {0};
    char title[80], y_label[80], caption[400];
    raml_trace_kinds(t, kinds);
    const char *answer = raml_answer_kind_words(kinds);
    snprintf(title, sizeof title, greedy ? "When the %s is the greedy one" : "Loss of the %s", answer);
    snprintf(y_label, sizeof y_label, greedy ? "%s is greedy" : "L(i), nats per answer token", answer);
    if (greedy)
        snprintf(caption, sizeof caption,
                 "Share of trajectories after whose first i tokens the %s is the greedy one. %s", answer, over);
    else
        snprintf(
            caption, sizeof caption,
            "Loss of the %s, mean over trajectories, each stretched to 0 \u2026 1; correct and wrong ones may be of "
            "different questions. %s",
            answer, over);
    struct drawn d[RAML_N_VERDICTS];
    struct raml_series s[RAML_N_VERDICTS];
    size_t n = 0;
    for (size_t i = 0; i < RAML_N_VERDICTS; i++) {
        const struct raml_trace_group *g = &t->group[order[i]];
        const struct raml_curve_mean *m = greedy ? &g->greedy : &g->loss;
        if (m->n_curves == 0) continue;
        raml_curve_mean_read(m, d[n].x, d[n].y, d[n].low, d[n].high);
        for (size_t b = 0; greedy && b < m->n_points; b++) { /* a share */
            d[n].low[b] = d[n].low[b] < 0 ? 0 : d[n].low[b];
            d[n].high[b] = d[n].high[b] > 1 ? 1 : d[n].high[b];
        }
        snprintf(d[n].name, sizeof d[n].name, "%s (n = %zu)", verdict_name[order[i]], m->n_curves);
        s[n] = (struct raml_series){.name = d[n].name,
                                    .x = d[n].x,
                                    .y = d[n].y,
                                    .low = d[n].low,
                                    .high = d[n].high,
                                    .n = m->n_points,
                                    .colour = verdict_colour[order[i]]};
        n++;
    }
    if (n == 0) return RAML_OK;
    /* clang-format off */
    const struct raml_figure fig = {
        .title = title, .x_label = "position in the trajectory, i/T", .series = s, .n_series = n,
        .y_label = y_label, .x_low = 0, .x_high = 1,
        .y_low = 0, .y_high = greedy ? 1.02 : 0};
    /* clang-format on */
    return raml_page_figure(p, name, &fig, caption, err);
}

static const char *minus(double v)
{
    return v < 0 ? "\u2212" : "";
}

/* Right and wrong trajectories of the same questions. */
static enum raml_code add_within(struct raml_page *p, const char *name, const struct raml_trace *t,
                                 struct raml_err *err)
{
    const struct raml_curve_mean *all[] = {&t->within.right, &t->within.wrong, &t->within.difference};
    static const char *const what[] = {"correct", "wrong", "correct less wrong"};
    static const int colour[] = {0, 1, 2};
    enum { N = sizeof all / sizeof *all };
    struct drawn d[N];
    struct raml_series s[N];
    size_t n = t->within.difference.n_curves;
    char caption[400];
    if (n == 0) return RAML_OK;
    for (size_t i = 0; i < N; i++) {
        raml_curve_mean_read(all[i], d[i].x, d[i].y, d[i].low, d[i].high);
        s[i] = (struct raml_series){.name = what[i],
                                    .x = d[i].x,
                                    .y = d[i].y,
                                    .low = d[i].low,
                                    .high = d[i].high,
                                    .n = all[i]->n_points,
                                    .colour = colour[i]};
    }
    size_t last = all[2]->n_points - 1;
    int len = snprintf(caption, sizeof caption,
                       "The %zu question%s with correct and wrong trajectories, each question\u2019s means first. At T "
                       "correct less wrong is "
                       "%s%.3f",
                       n, n > 1 ? "s" : "", minus(d[2].y[last]), fabs(d[2].y[last]));
    if (n > 1)
        snprintf(caption + len, sizeof caption - (size_t)len,
                 " [%s%.3f, %s%.3f]. Band: mean \u00B1 1.96 standard errors over questions.", minus(d[2].low[last]),
                 fabs(d[2].low[last]), minus(d[2].high[last]), fabs(d[2].high[last]));
    else snprintf(caption + len, sizeof caption - (size_t)len, ".");
    const struct raml_figure fig = {.title = "Within the same questions",
                                    .x_label = "position in the trajectory, i/T",
                                    .y_label = "nats per answer token",
                                    .x_high = 1,
                                    .series = s,
                                    .n_series = N};
    return raml_page_figure(p, name, &fig, caption, err);
}

static void add_row(struct raml_page *p, const struct raml_trace_group *g, const char *name)
{
    struct raml_buf *b = &p->html;
    raml_buf_addf(b, "<tr><td class=\"t\">%s</td><td>%zu</td>", name, g->n);
    const double sum[] = {g->tokens.sum,       g->first.sum,      g->last.sum,  g->total.sum, g->p_last.sum,
                          g->monotonicity.sum, g->efficiency.sum, g->tau_b.sum, g->solved.sum};
    const size_t n[] = {g->tokens.n,       g->first.n,      g->last.n,  g->total.n, g->p_last.n,
                        g->monotonicity.n, g->efficiency.n, g->tau_b.n, g->solved.n};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        double mean = n[i] ? sum[i] / (double)n[i] : NAN;
        raml_buf_adds(b, "<td>");
        if (isnan(mean)) raml_page_number(p, mean);
        else if (i == 0) raml_buf_addf(b, "%.1f", mean);
        else if (i == 4 || i == 5 || i == 8) raml_page_percent(p, mean);
        else raml_buf_addf(b, "%s%.3f", mean < 0 ? "\u2212" : "", fabs(mean));
        raml_buf_adds(b, "</td>");
    }
    raml_buf_adds(b, "</tr>\n");
}

static void add_table(struct raml_page *p, const struct raml_trace *t)
{
    raml_buf_adds(&p->html,
                  "<div class=\"wide\"><table><tr><th class=\"t\">samples</th><th>trajectories</th><th>tokens</th>"
                  "<th>L(0)</th><th>L(T)</th><th>descent</th><th>p(answer) at T</th><th>steps down</th>"
                  "<th>efficiency</th><th>\u03C4-b</th><th>solved</th></tr>\n");
    for (size_t i = 0; i < RAML_N_VERDICTS; i++)
        if (t->group[order[i]].n) add_row(p, &t->group[order[i]], verdict_name[order[i]]);
    raml_buf_adds(&p->html, "</table></div>\n");
}

/* Whose answer the curves are of. */
static void add_whose(struct raml_page *p, const struct raml_trace *t)
{
    size_t kinds[RAML_ANSWER_KINDS] = {0};
    raml_trace_kinds(t, kinds);
    if (raml_answer_kinds_mixed(kinds)) {
        raml_buf_adds(&p->html,
                      "<p>Here the trajectories\u2019 curves are of different answers, and the means mix them: ");
        raml_answer_kinds_list(&p->html, kinds);
    } else {
        raml_buf_addf(&p->html, "<p>Here the answer is the %s", raml_answer_kind_words(kinds));
    }
    raml_buf_adds(&p->html, ".</p>\n");
}

enum raml_code raml_part_curves(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    size_t n_traces = 0;
    for (size_t r = 0; r < f->n_runs; r++) n_traces += f->run[r]->n_traces;
    if (n_traces == 0) return RAML_OK;
    raml_buf_adds(&p->html,
                  "<h2>The loss of the answer along the trajectory</h2>\n<p>L(i) is the mean negative log-likelihood "
                  "of an answer\u2019s tokens once the model has read the question and i tokens of the "
                  "trajectory: the inner loop\u2019s loss, each token one step.</p>\n");
    enum raml_code rc = RAML_OK;
    size_t number = 0;
    for (size_t r = 0; !rc && r < f->n_runs; r++)
        for (size_t t = 0; !rc && t < f->run[r]->n_traces; t++) {
            const struct raml_trace *trace = f->run[r]->trace[t];
            char loss[32], greedy[32], within[32];
            number++;
            snprintf(loss, sizeof loss, n_traces > 1 ? "loss-%zu" : "loss", number);
            snprintf(greedy, sizeof greedy, n_traces > 1 ? "greedy-%zu" : "greedy", number);
            snprintf(within, sizeof within, n_traces > 1 ? "within-%zu" : "within", number);
            if (n_traces > 1) {
                raml_buf_adds(&p->html, "<h3>");
                raml_page_text(p, raml_page_run_name(f->run[r]));
                if (*trace->name) raml_buf_adds(&p->html, ": ");
                raml_page_text(p, trace->name);
                raml_buf_adds(&p->html, "</h3>\n");
            }
            add_whose(p, trace);
            raml_buf_adds(&p->html, "<div class=\"grid\">\n");
            rc = add_figure(p, loss, trace, false, err);
            if (!rc) rc = add_figure(p, greedy, trace, true, err);
            if (!rc) rc = add_within(p, within, trace, err);
            raml_buf_adds(&p->html, "</div>\n");
            add_table(p, trace);
        }
    raml_buf_adds(&p->html,
                  "<p class=\"dim\">Means over trajectories. Descent: L(0)\u00A0\u2212\u00A0L(T). Steps down: share of "
                  "tokens with \u0394L\u00A0\u2264\u00A00. Efficiency: descent over the sum of |\u0394L|. \u03C4-b: "
                  "Kendall\u2019s rank correlation of i and \u2212L(i). Solved: L stays under the trace\u2019s "
                  "threshold from some token on.</p>\n");
    return rc;
}
