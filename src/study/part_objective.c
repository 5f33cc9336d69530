/* part_objective.c - runs of policy gradients and of preferences: the numbers to take away, and where the time went. */
#include "study/page.h"

#include <math.h>

/* The loss comes last: of the rows above, each says more about a run on rollouts. */
static const struct row {
    const char *key, *label;
    bool share;
    const char *with; /* only of runs that have this number too; NULL: of all */
} rows[] = {
    {"eval_accuracy", "right answers in validation", true, "accuracy"},
    {"eval_accuracy", "pairs in the right order, validation", true, "rewards/accuracies"},
    {"reverse_kl", "reverse KL to the teacher, nats per token", false, NULL},
    {"reward", "mean reward", false, NULL},
    {"accuracy", "right samples", true, NULL},
    {"frac_reward_zero_std", "groups without signal", true, NULL},
    {"kl", "KL to the reference, nats per token", false, NULL},
    {"clip_ratio/region_mean", "clipped ratios", true, NULL},
    {"completions/mean_length", "tokens per sample", false, NULL},
    {"completions/clipped_ratio", "truncated samples", true, NULL},
    {"entropy", "entropy, nats per token", false, NULL},
    {"rewards/accuracies", "pairs in the right order", true, NULL},
    {"rewards/margins", "margin of implicit rewards", false, NULL},
    {"logps/chosen", "log p of chosen responses, nats", false, NULL},
    {"logps/rejected", "log p of rejected responses, nats", false, NULL},
    {"loss", "loss", false, NULL},
};

static bool has(const struct raml_run_found *run, const char *key)
{
    return raml_metrics_find(&run->metrics, key) != NULL;
}

/* Supervised fine-tuning has its loss and nothing to add to it. */
static bool is_shown(const struct raml_run_found *run)
{
    return has(run, "reward") || has(run, "rewards/margins");
}

/* To 3 decimals; what would be 0 then, to its first digit, unless it is rounding. */
static void add_value(struct raml_page *p, double v, bool share)
{
    double unit = pow(10, floor(log10(fabs(v))));
    if (share) raml_page_percent(p, v);
    else if (fabs(v) > 1e-9 && fabs(v) < 5e-4) raml_page_number(p, round(v / unit) * unit);
    else raml_page_number(p, fabs(v) < 100 ? round(v * 1e3) / 1e3 : round(v));
}

static void add_cell(struct raml_page *p, const struct raml_metric_series *s, bool share)
{
    double first, last;
    raml_buf_adds(&p->html, "<td>");
    if (s) {
        raml_metric_ends(s, &first, &last);
        if (s->n > 1) {
            add_value(p, first, share);
            raml_buf_adds(&p->html, "\u00A0\u2192\u00A0");
        }
        add_value(p, last, share);
        if (s->n > 1 && raml_metric_is_evaluation(s) && s->step[0] > 0)
            raml_buf_addf(&p->html, "<br><small>first after step %.0f</small>", s->step[0]);
    } else raml_buf_adds(&p->html, "\u2013");
    raml_buf_adds(&p->html, "</td>");
}

static const struct raml_metric_series *find(const struct raml_run_found *run, const struct row *row)
{
    if (!is_shown(run) || (row->with && !has(run, row->with))) return NULL;
    return raml_metrics_find(&run->metrics, row->key);
}

static void add_row(struct raml_page *p, const struct row *row)
{
    const struct raml_findings *f = p->found;
    bool any = false;
    for (size_t r = 0; r < f->n_runs; r++) any = any || find(f->run[r], row);
    if (!any) return;
    raml_buf_addf(&p->html, "<tr><td class=\"t\">%s</td>", row->label);
    for (size_t r = 0; r < f->n_runs; r++)
        if (is_shown(f->run[r])) add_cell(p, find(f->run[r], row), row->share);
    raml_buf_adds(&p->html, "</tr>\n");
}

void raml_part_objective(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    size_t n = 0;
    bool policy = false;
    for (size_t r = 0; r < f->n_runs; r++) {
        n += is_shown(f->run[r]);
        policy = policy || has(f->run[r], "clip_ratio/region_mean");
    }
    if (n == 0) return;
    raml_buf_adds(&p->html, "<div class=\"wide\"><table class=\"ends\">\n<tr><th class=\"t\">start \u2192 end</th>");
    for (size_t r = 0; r < f->n_runs; r++) {
        if (!is_shown(f->run[r])) continue;
        raml_buf_adds(&p->html, "<th>");
        raml_page_text(p, raml_page_run_name(f->run[r]));
        raml_buf_adds(&p->html, "</th>");
    }
    raml_buf_adds(&p->html, "</tr>\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) add_row(p, &rows[i]);
    raml_buf_addf(
        &p->html,
        "</table></div>\n<p class=\"dim\">Start and end: means of the first and of the last fifth of what was "
        "logged; of validation the first and the last evaluation.%s</p>\n",
        policy ? " A policy-gradient loss near 0 is normal: advantages of a group add up to 0, and while "
                 "ratios are near 1 so does the loss. Its gradient is not 0. Reward and length say whether "
                 "training works."
               : "");
}

/* ---- time ---- */

static double total(const struct raml_run_found *run, const char *key)
{
    const struct raml_metric_series *s = raml_metrics_find(&run->metrics, key);
    double sum = 0;
    for (size_t i = 0; s && i < s->n; i++) sum += s->value[i];
    return sum;
}

enum raml_code raml_part_time(struct raml_page *p, struct raml_err *err)
{
    static const char *const key[] = {"seconds/sampling", "seconds/reward", "seconds/scoring", "seconds/training",
                                      "seconds/evaluation"};
    static const char *const name[] = {"sampling", "reward", "scoring", "training", "evaluation"};
    enum { PHASES = sizeof key / sizeof *key };
    static const double at[PHASES] = {0, 1, 2, 3, 4};
    const struct raml_findings *f = p->found;
    double share[RAML_MAX_RUNS][PHASES];
    struct raml_series s[RAML_MAX_RUNS];
    size_t n = 0;
    for (size_t r = 0; r < f->n_runs; r++) {
        double all = 0;
        for (size_t i = 0; i < PHASES; i++) all += total(f->run[r], key[i]);
        if (!has(f->run[r], "seconds/sampling") || !(all > 0)) continue;
        for (size_t i = 0; i < PHASES; i++) share[n][i] = 100 * total(f->run[r], key[i]) / all;
        s[n] = (struct raml_series){.name = raml_page_run_name(f->run[r]),
                                    .x = at,
                                    .y = share[n],
                                    .n = PHASES,
                                    .colour = raml_page_run_colour(r),
                                    .style = RAML_PLOT_BARS};
        n++;
    }
    if (n == 0) return RAML_OK;
    const struct raml_figure fig = {.title = "Share of time",
                                    .y_label = "% of the time in these phases",
                                    .series = s,
                                    .n_series = n,
                                    .category = name,
                                    .n_categories = PHASES,
                                    .y_high = 100};
    return raml_page_figure(p, "training-time", &fig, "", err);
}
