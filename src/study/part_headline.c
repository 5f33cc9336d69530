/* part_headline.c - the top of the report: what was found, and the numbers to take away. */
#include "study/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE_LINES = 8 }; /* of one accuracy tile */

/* The last part of a path, without trailing slashes. */
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
        if (run->rollouts.n_lines)
            raml_buf_addf(b, "%zu group%s of rollouts, ", run->rollouts.n_lines, run->rollouts.n_lines > 1 ? "s" : "");
        if (n) raml_buf_addf(b, "%zu traced trajectories, ", n);
        b->len -= b->len >= 2 ? 2 : 0; /* the last ", ": a run always has one */
    }
    if (f->summary) raml_buf_adds(b, f->n_runs ? "; summary" : "summary");
    if (f->n_labs) {
        raml_buf_adds(b, f->n_runs || f->summary ? "; figures of " : "figures of ");
        for (size_t i = 0; i < f->n_labs; i++) {
            if (i) raml_buf_adds(b, ", ");
            raml_page_text(p, *f->lab[i].name ? f->lab[i].name : "this folder");
        }
    }
    raml_buf_adds(b, ".</p>\n");
}

/* Mean accuracy of a table's rows of one split, weighted by their questions; NULL: of all its rows. */
static double split_accuracy(const json_t *rows, const char *split, double *n_questions)
{
    double sum = 0;
    *n_questions = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *of = json_string_value(json_object_get(row, "split"));
        double n = raml_page_get(row, "questions"), value = raml_page_get(json_object_get(row, "accuracy"), "value");
        if ((split && (!of || strcmp(of, split) != 0)) || isnan(n) || isnan(value)) continue;
        sum += n * value;
        *n_questions += n;
    }
    return *n_questions > 0 ? sum / *n_questions : NAN;
}

/* One line of an accuracy tile, the first in large type: "96.5 % in_range (600 questions)". */
static void add_line(struct raml_page *p, bool first, double value, const char *what, double n_questions)
{
    if (isnan(value)) return;
    raml_buf_adds(&p->html, first ? "<b>" : "<span>");
    raml_page_percent(p, value);
    raml_buf_adds(&p->html, first ? "</b><span>" : " ");
    raml_page_text(p, what);
    if (n_questions > 0) raml_buf_addf(&p->html, first ? ", %.0f\u00A0questions" : " (%.0f)", n_questions);
    raml_buf_adds(&p->html, "</span>");
}

/* An evaluation with splits gives one line per split, otherwise one line. */
static void add_eval_lines(struct raml_page *p, const struct raml_evaluation *e, size_t *n_lines)
{
    const json_t *rows = json_object_get(e->table, "rows"), *all = json_object_get(e->table, "all");
    double n;
    bool splits = false;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const char *split = json_string_value(json_object_get(json_array_get(rows, i), "split"));
        bool seen = !split;
        for (size_t j = 0; j < i && !seen; j++) {
            const char *other = json_string_value(json_object_get(json_array_get(rows, j), "split"));
            seen = other && strcmp(other, split) == 0;
        }
        if (seen || *n_lines == TILE_LINES) continue;
        double value = split_accuracy(rows, split, &n);
        add_line(p, *n_lines == 0, value, split, n);
        (*n_lines)++;
        splits = true;
    }
    if (splits || *n_lines == TILE_LINES) return;
    double value = raml_page_get(json_object_get(all, "accuracy"), "value");
    if (isnan(value)) value = split_accuracy(rows, NULL, &n);
    else n = raml_page_get(all, "questions");
    add_line(p, *n_lines == 0, value, strcmp(e->name, "eval") == 0 ? "correct" : e->name, n);
    *n_lines += !isnan(value);
}

static void add_accuracy_tiles(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    for (size_t r = 0; r < f->n_runs; r++) {
        size_t n_lines = 0;
        if (f->run[r]->n_evals == 0) continue;
        raml_buf_adds(&p->html, "<div class=\"tile\"><span>accuracy");
        if (*f->run[r]->name) raml_buf_adds(&p->html, ", ");
        raml_page_text(p, f->run[r]->name);
        raml_buf_adds(&p->html, "</span>");
        for (size_t e = 0; e < f->run[r]->n_evals; e++) add_eval_lines(p, &f->run[r]->eval[e], &n_lines);
        raml_buf_adds(&p->html, "</div>\n");
    }
}

/* A headline needs no powers of ten: a loss of 4e-5 is 0. */
static double plain(double x)
{
    return round(x * 1e4) / 1e4;
}

static void add_loss_tiles(struct raml_page *p)
{
    static const size_t order[] = {RAML_CORRECT, RAML_WRONG, RAML_UNJUDGED};
    static const char *const about[] = {"wrong trajectories", "correct trajectories", "trajectories"};
    const struct raml_findings *f = p->found;
    for (size_t r = 0; r < f->n_runs; r++) {
        if (f->run[r]->n_traces == 0) continue;
        for (size_t v = 0; v < RAML_N_VERDICTS; v++) { /* the first trace represents the run */
            const struct raml_trace_group *g = &f->run[r]->trace[0]->group[order[v]];
            if (g->n == 0) continue;
            double n = (double)g->n;
            raml_buf_addf(&p->html, "<div class=\"tile\"><span>loss of the %s", raml_answer_kind_words(g->of_kind));
            if (*f->run[r]->name) raml_buf_adds(&p->html, ", ");
            raml_page_text(p, f->run[r]->name);
            raml_buf_addf(&p->html, "</span><b>%.3g\u00A0\u2192\u00A0%.3g</b><span>nats per token, along %zu %s</span>",
                          plain(g->first.sum / n), plain(g->last.sum / n), g->n, about[order[v]]);
            if (raml_answer_kinds_mixed(g->of_kind)) {
                raml_buf_adds(&p->html, "<span>of different answers: ");
                raml_answer_kinds_list(&p->html, g->of_kind);
                raml_buf_adds(&p->html, "</span>");
            }
            raml_buf_adds(&p->html, "</div>\n");
        }
    }
}

/* The number of a run that comes first: what its training is for, on validation questions where there are such. */
struct headline {
    const char *label, *also_label;
    const struct raml_metric_series *s, *also; /* s NULL: nothing to show */
    bool share, also_share, evaluation;        /* in percent; the same; s is of validation */
    bool end_only;                             /* a loss: where it began says little */
};

static const struct raml_metric_series *find(const struct raml_run_found *run, const char *key)
{
    return raml_metrics_find(&run->metrics, key);
}

/* The first is of validation, and replaces the second where there is one. */
static void settle(struct headline *h)
{
    h->evaluation = h->s != NULL;
    if (h->s) return;
    h->s = h->also;
    h->label = h->also_label;
    h->share = h->also_share;
    h->also = NULL;
}

static struct headline headline_of(const struct raml_run_found *run)
{
    const struct raml_metric_series *nll = find(run, "eval_nll");
    struct headline h = {.also = find(run, "loss"), .also_label = "training loss", .end_only = true};
    switch (raml_method_of(run)) {
    case RAML_METHOD_PAIRS:
    case RAML_METHOD_IPO:
        h = (struct headline){.label = "pairs in the right order, validation",
                              .s = find(run, "eval_accuracy"),
                              .share = true,
                              .also = find(run, "rewards/accuracies"),
                              .also_label = "pairs in the right order",
                              .also_share = true};
        settle(&h);
        h.also = find(run, "rewards/margins");
        h.also_label = "margin";
        h.also_share = false;
        return h;
    case RAML_METHOD_POLICY:
    case RAML_METHOD_RFT:
        h = (struct headline){.label = "right answers in validation",
                              .s = find(run, "eval_accuracy"),
                              .share = true,
                              .also = find(run, "reward"),
                              .also_label = "reward in training"};
        break;
    case RAML_METHOD_DISTILL: /* the reward is not trained on */
        h = (struct headline){.label = "right answers in validation",
                              .s = find(run, "eval_accuracy"),
                              .share = true,
                              .also = find(run, "reverse_kl"),
                              .also_label = "reverse KL in nats per token"};
        break;
    default:
        if (find(run, "eval_query_loss_after")) {
            h.s = find(run, "eval_query_loss_after");
            h.label = "loss of validation queries after adapting";
            h.also = find(run, "eval_query_loss_before");
            h.also_label = "before adapting";
            break;
        }
        h.s = nll ? nll : find(run, "eval_loss");
        h.label = nll ? "negative log-likelihood in validation" : "validation loss";
        break;
    }
    settle(&h);
    return h;
}

/* A narrow tile may break after the arrow. */
static void add_ends(struct raml_page *p, const struct raml_metric_series *s, bool share, bool end_only)
{
    double first, last;
    raml_metric_ends(s, &first, &last);
    if (end_only) first = last = s->value[s->n - 1];
    if (s->n > 1 && !end_only) {
        if (share) raml_page_percent(p, first);
        else raml_buf_addf(&p->html, "%.3g", plain(first));
        raml_buf_adds(&p->html, "\u00A0\u2192 ");
    }
    if (share) raml_page_percent(p, last);
    else raml_buf_addf(&p->html, "%.3g", plain(last));
}

static double last_step(const struct raml_run_found *run)
{
    double most = 0;
    for (size_t i = 0; i < run->metrics.n; i++) {
        const struct raml_metric_series *s = &run->metrics.series[i];
        if (s->n && s->step[s->n - 1] > most) most = s->step[s->n - 1];
    }
    return most;
}

static void add_training_tile(struct raml_page *p, const struct raml_run_found *run)
{
    const struct headline h = headline_of(run);
    const struct raml_metric_series *rate = find(run, "tokens_per_s");
    if (!h.s) return;
    raml_buf_addf(&p->html, "<div class=\"tile\"><span>%s", h.label);
    if (*run->name) raml_buf_adds(&p->html, ", ");
    raml_page_text(p, run->name);
    raml_buf_adds(&p->html, "</span><b>");
    add_ends(p, h.s, h.share, h.end_only);
    raml_buf_adds(&p->html, "</b>");
    if (h.evaluation && !h.end_only && h.s->n > 1 && h.s->step[0] > 0)
        raml_buf_addf(&p->html, "<span>first evaluation after step %.0f</span>", h.s->step[0]);
    if (h.also) {
        raml_buf_addf(&p->html, "<span>%s ", h.also_label);
        add_ends(p, h.also, h.also_share, h.end_only);
        raml_buf_adds(&p->html, "</span>");
    }
    double steps = last_step(run);
    raml_buf_addf(&p->html, "<span>after %.0f step%s", steps, steps == 1 ? "" : "s");
    if (rate) { /* the last: each is of the run up to there */
        double speed = rate->value[rate->n - 1];
        raml_buf_addf(&p->html, ", %.0f tokens/s", speed < 1000 ? speed : 100 * round(speed / 100));
    }
    raml_buf_adds(&p->html, "</span></div>\n");
}

void raml_part_headline(struct raml_page *p, const char *dir)
{
    size_t n;
    const char *name = folder_name(dir, &n);
    char *full = n && name[n - 1] == '.' ? realpath(dir, NULL) : NULL; /* "." and ".." are no names */
    if (full) name = folder_name(full, &n);
    struct raml_buf b;
    raml_buf_init(&b, 4096);
    raml_buf_add(&b, name, n);
    free(full);
    raml_page_begin(p, b.data ? b.data : "report");
    raml_buf_adds(&p->html, "<h1>");
    raml_page_text(p, b.data ? b.data : "report");
    raml_buf_adds(&p->html, " <small>raml report</small></h1>\n");
    raml_buf_deinit(&b);
    if (p->found->n_runs == 0 && p->found->n_labs == 1 && p->found->lab[0].kind == RAML_LAB_STUDY) return;
    add_found(p);
    raml_buf_adds(&p->html, "<div class=\"tiles\">\n");
    add_accuracy_tiles(p);
    add_loss_tiles(p);
    for (size_t r = 0; r < p->found->n_runs; r++) add_training_tile(p, p->found->run[r]);
    raml_buf_adds(&p->html, "</div>\n");
    raml_part_objective(p);
}
