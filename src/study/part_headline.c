/* part_headline.c - the top of the report: what was found, and the numbers to take away. */
#include "study/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The last part of a path, trailing slashes left out; the path itself where that would be empty or dots. */
static const char *folder_name(const char *dir, size_t *n)
{
    *n = strlen(dir);
    while (*n > 1 && dir[*n - 1] == '/') (*n)--;
    const char *start = dir + *n;
    while (start > dir && start[-1] != '/') start--;
    *n = (size_t)(dir + *n - start);
    return start;
}

static void add_found(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "<p class=\"dim\">Found: ");
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_run_found *run = f->run[r];
        if (r) raml_buf_adds(b, "; ");
        raml_page_text(p, raml_page_run_name(run));
        size_t n = 0;
        for (size_t t = 0; t < run->n_traces; t++)
            for (size_t v = 0; v < RAML_N_VERDICTS; v++) n += run->trace[t]->group[v].n;
        raml_buf_adds(b, ": ");
        if (run->recipe) raml_buf_adds(b, "recipe, ");
        if (run->metrics.n) raml_buf_adds(b, "training curves, ");
        if (run->n_evals) raml_buf_addf(b, "%zu evaluation%s, ", run->n_evals, run->n_evals > 1 ? "s" : "");
        if (n) raml_buf_addf(b, "%zu traced trajectories, ", n);
        b->len -= b->len >= 2 ? 2 : 0; /* the last ", ": a run is never without any */
    }
    if (f->summary) raml_buf_adds(b, f->n_runs ? "; summary" : "summary");
    raml_buf_adds(b, ".</p>\n");
}

static void add_accuracy_tiles(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    for (size_t r = 0; r < f->n_runs; r++)
        for (size_t e = 0; e < f->run[r]->n_evals && e < 3; e++) {
            const json_t *all = json_object_get(f->run[r]->eval[e].table, "all"), *a = json_object_get(all, "accuracy");
            if (!raml_page_is_estimate(a)) continue;
            raml_buf_adds(&p->html, "<div class=\"tile\"><b>");
            raml_page_percent(p, raml_page_get(a, "value"));
            raml_buf_adds(&p->html, "</b><span>right");
            if (*f->run[r]->name) raml_buf_adds(&p->html, ", ");
            raml_page_text(p, f->run[r]->name);
            if (f->run[r]->n_evals > 1) {
                raml_buf_adds(&p->html, ": ");
                raml_page_text(p, f->run[r]->eval[e].name);
            }
            raml_buf_addf(&p->html, "</span><span>95\u00A0%% interval %.1f \u2013 %.1f; %.0f questions</span></div>\n",
                          100 * raml_page_get(a, "low"), 100 * raml_page_get(a, "high"), raml_page_get(all, "questions"));
        }
}

static void add_loss_tiles(struct raml_page *p)
{
    static const size_t order[] = {RAML_RIGHT, RAML_WRONG, RAML_UNJUDGED};
    static const char *const about[] = {"wrong trajectories", "right trajectories", "trajectories"};
    const struct raml_findings *f = p->found;
    for (size_t r = 0; r < f->n_runs; r++) {
        if (f->run[r]->n_traces == 0) continue;
        for (size_t v = 0; v < RAML_N_VERDICTS; v++) { /* the first trace speaks for the run */
            const struct raml_trace_group *g = &f->run[r]->trace[0]->group[order[v]];
            if (g->n == 0) continue;
            double n = (double)g->n;
            raml_buf_addf(&p->html, "<div class=\"tile\"><b>%.3g \u2192 %.3g</b><span>answer\u2019s loss along %zu %s",
                          g->first.sum / n, g->last.sum / n, g->n, about[order[v]]);
            if (*f->run[r]->name) raml_buf_adds(&p->html, ", ");
            raml_page_text(p, f->run[r]->name);
            raml_buf_adds(&p->html, "</span><span>mean L(0) \u2192 L(T), nats per token</span></div>\n");
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct raml_metric_series *s)
{
    double *copy = s && s->n ? malloc(s->n * sizeof *copy) : NULL;
    if (!copy) return NAN;
    memcpy(copy, s->value, s->n * sizeof *copy);
    qsort(copy, s->n, sizeof *copy, by_value);
    double m = s->n % 2 ? copy[s->n / 2] : 0.5 * (copy[s->n / 2 - 1] + copy[s->n / 2]);
    free(copy);
    return m;
}

static void add_training_tiles(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_metric_series *loss = raml_metrics_find(&f->run[r]->metrics, "loss");
        if (!loss) continue;
        double speed = median(raml_metrics_find(&f->run[r]->metrics, "tokens_per_s"));
        raml_buf_adds(&p->html, "<div class=\"tile\"><b>");
        raml_page_number(p, loss->value[loss->n - 1]);
        raml_buf_addf(&p->html, "</b><span>training loss after %.0f steps", loss->step[loss->n - 1]);
        if (*f->run[r]->name) raml_buf_adds(&p->html, ", ");
        raml_page_text(p, f->run[r]->name);
        raml_buf_adds(&p->html, "</span>");
        if (!isnan(speed)) raml_buf_addf(&p->html, "<span>%.3g tokens/s (median)</span>", speed);
        raml_buf_adds(&p->html, "</div>\n");
    }
}

void raml_part_headline(struct raml_page *p, const char *dir)
{
    size_t n;
    const char *name = folder_name(dir, &n);
    struct raml_buf b;
    raml_buf_init(&b, 4096);
    raml_buf_add(&b, name, n);
    raml_page_begin(p, b.data ? b.data : "report");
    raml_buf_adds(&p->html, "<h1>");
    raml_page_text(p, b.data ? b.data : "report");
    raml_buf_adds(&p->html, "</h1>\n");
    raml_buf_deinit(&b);
    add_found(p);
    raml_buf_adds(&p->html, "<div class=\"tiles\">\n");
    add_accuracy_tiles(p);
    add_loss_tiles(p);
    add_training_tiles(p);
    raml_buf_adds(&p->html, "</div>\n");
}
