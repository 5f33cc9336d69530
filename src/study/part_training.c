/* part_training.c - the report's training curves: each number of metrics.jsonl and timing.jsonl over steps, the runs in
 * one figure. */
#include "study/page.h"

#include "raml/reward.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More points than a figure can show become means of equal blocks of points; curves this long get a smooth line. */
#define LOSS "loss"
#define POLICY_LOSS "policy_loss"
#define ROUNDING 1e-9 /* of a sum of terms of about 1 */
enum { SHOWN_POINTS = 600, SMOOTH_FROM = 60, MAX_FIGURES = 24, WINDOW_SHARE = 25, LOG_FROM = 100 };

static const struct known {
    const char *key, *title, *label, *also; /* also: a second curve in the same figure, dashed */
    bool log_y, smooth, from_zero;
    bool alone;                       /* also is drawn of runs without key, too */
    bool with_also;                   /* key is drawn of runs that have also, alone */
    const char *suffix, *also_suffix; /* of the two in the legend; NULL: training and validation */
    double unit;                      /* what is drawn is the number over this; 0: 1 */
} known[] = {
    {.key = "reward", .title = "Reward", .label = "mean reward", .smooth = true},
    {.key = "accuracy", .title = "Right answers", .label = "share of samples", .also = "eval_accuracy", .smooth = true},
    {.key = "frac_reward_zero_std", .title = "Groups without signal", .label = "share of groups", .smooth = true},
    {.key = "reward_std", .title = "Deviation of rewards in a group", .label = "standard deviation", .smooth = true},
    {.key = "completions/mean_length",
     .title = "Length",
     .label = "tokens per sample",
     .also = "eval_mean_length",
     .smooth = true},
    {.key = "completions/clipped_ratio",
     .title = "Truncated samples",
     .label = "share of samples",
     .also = "eval_truncated_ratio",
     .smooth = true},
    {.key = "completions/unclosed_ratio", .title = "Thinking not closed", .label = "share of samples", .smooth = true},
    {.key = "questions_sampled", .title = "Questions sampled", .label = "questions per round"},
    {.key = "entropy", .title = "Entropy", .label = "nats per token", .smooth = true},
    {.key = "entropy_kept",
     .title = "Entropy of the tokens kept",
     .label = "nats per token in the policy term",
     .smooth = true},
    {.key = "kl", .title = "KL to the reference model", .label = "nats per token", .smooth = true},
    {.key = "approx_kl", .title = "KL to the weights that sampled", .label = "nats per token", .smooth = true},
    {.key = "clip_ratio/high_mean",
     .title = "Clipped ratios",
     .label = "share of tokens",
     .also = "clip_ratio/low_mean",
     .smooth = true,
     .suffix = ", above",
     .also_suffix = ", below"},
    {.key = "clip_ratio/dual_mean", .title = "Ratios clipped by dual_clip", .label = "share of tokens", .smooth = true},
    {.key = "ratio_max", .title = "Largest ratio", .label = "ratio to the weights that sampled", .smooth = true},
    {.key = "logp_gap/max",
     .title = "Sampling against training",
     .label = "difference of log p, nats",
     .also = "logp_gap/mean",
     .suffix = ", largest",
     .also_suffix = ", mean"},
    {.key = "rewards/chosen",
     .title = "Implicit rewards",
     .label = "beta (log p \u2212 that of the reference)",
     .also = "rewards/rejected",
     .smooth = true,
     .suffix = ", chosen",
     .also_suffix = ", rejected"},
    {.key = "rewards/accuracies",
     .title = "Pairs in the right order",
     .label = "share of pairs",
     .also = "eval_accuracy",
     .smooth = true},
    {.key = "rewards/margins",
     .title = "Margin of implicit rewards",
     .label = "chosen \u2212 rejected",
     .smooth = true},
    {.key = "logps/chosen",
     .title = "Log-probability of a response",
     .label = "nats",
     .also = "logps/rejected",
     .smooth = true,
     .suffix = ", chosen",
     .also_suffix = ", rejected"},
    {.key = LOSS, .title = "Training loss", .also = "eval_loss", .smooth = true, .alone = true},
    {.key = LOSS,
     .title = "Loss of a task's query",
     .label = "nats per token",
     .also = "query_loss_before",
     .smooth = true,
     .with_also = true,
     .suffix = ", after adapting",
     .also_suffix = ", before"},
    {.key = "support_loss_last",
     .title = "Loss of what a task adapts on",
     .label = "nats per token",
     .also = "support_loss_first",
     .smooth = true,
     .suffix = ", last inner step",
     .also_suffix = ", first"},
    {.key = "eval_query_loss_after",
     .title = "Loss of validation tasks' queries",
     .label = "nats per token",
     .also = "eval_query_loss_before",
     .suffix = ", after adapting",
     .also_suffix = ", before"},
    {.key = "displacement", .title = "How far a task's inner steps lead", .label = "norm of the move", .smooth = true},
    {.key = "reverse_kl", .title = "Reverse KL to the teacher", .label = "nats per token", .smooth = true},
    {.key = "student_nll",
     .title = "Samples, as student and teacher find them",
     .label = "\u2212log p, nats per token",
     .also = "teacher_nll",
     .smooth = true,
     .suffix = ", student",
     .also_suffix = ", teacher"},
    {.key = "log_ratio_max",
     .title = "Largest ratio of student and teacher",
     .label = "nats, either way",
     .smooth = true},
    {.key = "clipped_ratio", .title = "Ratios clipped by log_ratio_clip", .label = "share of tokens", .smooth = true},
    {.key = "hint/too_long_ratio", .title = "Too long after the hint", .label = "share of samples", .smooth = true},
    {.key = "nll",
     .title = "Negative log-likelihood",
     .label = "nats per trained token",
     .also = "eval_nll",
     .smooth = true,
     .alone = true},
    {.key = POLICY_LOSS, .title = "Policy term of the loss", .label = "policy loss", .smooth = true},
    {.key = "kl_loss", .title = "KL term of the loss", .label = "loss", .smooth = true},
    {.key = "answer_loss", .title = "Answer term of the loss", .label = "loss", .smooth = true},
    {.key = "grad_norm",
     .title = "Gradient norm",
     .label = "global norm before clipping",
     .log_y = true,
     .smooth = true},
    {.key = "learning_rate", .title = "Learning rate", .label = "learning rate"},
    {.key = "tree_token_ratio",
     .title = "What sharing the prompt saves",
     .label = "tokens unshared / read",
     .smooth = true},
    {.key = "unique_tokens",
     .title = "Text of a question",
     .label = "tokens of its different trajectories",
     .smooth = true},
    {.key = "forks/shared_tokens",
     .title = "What forks share",
     .label = "tokens from the parent, per fork",
     .smooth = true},
    {.key = "forks/entropy", .title = "Entropy where forks leave", .label = "nats", .smooth = true},
    {.key = "tokens_per_s", .title = "Speed", .label = "tokens per second", .from_zero = true},
    {.key = "peak_memory_bytes", .title = "Peak memory", .label = "MiB", .from_zero = true, .unit = 1024.0 * 1024.0},
};
/* Counts and clocks grow with the step and are meaningless as curves; those of phases and of probes have figures of their own.
 * clip_ratio/region_mean is the sum of two that are drawn. */
static const char *const dull[] = {"epoch", "tokens", "trained_tokens",         "seconds",
                                   "time",  "step",   "completions/max_length", "clip_ratio/region_mean",
                                   NULL};

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
static bool thin_out(const struct raml_metric_series *s, double unit, struct curve *c)
{
    size_t n = s->n < SHOWN_POINTS ? s->n : SHOWN_POINTS;
    *c = (struct curve){malloc(n * sizeof *c->x), malloc(n * sizeof *c->y), malloc(n * sizeof *c->smooth), n};
    if (!c->x || !c->y || !c->smooth) return false;
    for (size_t b = 0; b < n; b++) {
        size_t from = b * s->n / n, to = (b + 1) * s->n / n;
        c->x[b] = c->y[b] = 0;
        for (size_t i = from; i < to; i++) {
            c->x[b] += s->step[i] / (double)(to - from);
            c->y[b] += s->value[i] / unit / (double)(to - from);
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

/* The series of one key over the runs, those that have `with` too (NULL: all), appended to s. */
static bool add_key(const struct raml_findings *f, const char *key, const char *with, const char *suffix, double unit,
                    bool smooth, bool dashed, struct raml_series *s, char (*name)[80], size_t *n, struct curve *curve,
                    size_t *n_curves)
{
    for (size_t r = 0; r < f->n_runs; r++) {
        const struct raml_metric_series *m = raml_metrics_find(&f->run[r]->metrics, key);
        if (!m || (with && !raml_metrics_find(&f->run[r]->metrics, with))) continue;
        struct curve *c = &curve[(*n_curves)++];
        if (!thin_out(m, unit > 0 ? unit : 1, c)) return false;
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

/* A loss is in what the method makes of it; of several methods in one figure it has no unit. */
static const char *label_of(const struct raml_findings *f, const struct known *k)
{
    static const char *const unit[RAML_METHODS] = {[RAML_METHOD_SFT] = "loss, nats per trained token",
                                                   [RAML_METHOD_DFT] = "\u2212p log p, per trained token",
                                                   [RAML_METHOD_RFT] = "loss, nats per trained token",
                                                   [RAML_METHOD_POLICY] = "policy loss",
                                                   [RAML_METHOD_DISTILL] = "reverse KL, nats per trained token",
                                                   [RAML_METHOD_PAIRS] = "loss per pair",
                                                   [RAML_METHOD_IPO] = "loss per pair, a squared distance"};
    const char *label = NULL;
    if (k->label) return k->label;
    for (size_t r = 0; r < f->n_runs; r++) {
        if (!raml_metrics_find(&f->run[r]->metrics, LOSS)) continue;
        const char *own = unit[raml_method_of(f->run[r])];
        if (label && strcmp(label, own) != 0) return "loss";
        label = own;
    }
    return label;
}

static enum raml_code add_figure(struct raml_page *p, const struct known *k, struct raml_err *err)
{
    struct raml_series s[4 * RAML_MAX_RUNS];
    char name[4 * RAML_MAX_RUNS][80];
    struct curve curve[2 * RAML_MAX_RUNS] = {{0}};
    size_t n = 0, n_curves = 0;
    bool ok =
        add_key(p->found, k->key, k->with_also ? k->also : NULL, k->also ? k->suffix ? k->suffix : ", training" : "",
                k->unit, k->smooth, false, s, name, &n, curve, &n_curves);
    if (ok && k->also)
        ok = add_key(p->found, k->also, k->alone ? NULL : k->key, k->also_suffix ? k->also_suffix : ", validation",
                     k->unit, k->also_suffix && k->smooth, true, s, name, &n, curve, &n_curves);
    enum raml_code rc = ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the curve of '%s'", k->key);
    if (!rc && n) {
        char file[80], caption[120] = "";
        raml_page_figure_name(file, "training-", k->with_also ? k->also : k->key);
        double low, high;
        find_range(curve, n_curves, &low, &high);
        bool smoothed = false;
        for (size_t i = 0; i < n; i++) smoothed = smoothed || s[i].faint;
        if (smoothed) snprintf(caption, sizeof caption, "Line: mean over a window of 1/%d of the run.", WINDOW_SHARE);
        const struct raml_figure fig = {.title = k->title,
                                        .x_label = "step",
                                        .y_label = label_of(p->found, k),
                                        .series = s,
                                        .n_series = n,
                                        .log_y = k->log_y && low > 0 && high > LOG_FROM * low,
                                        .y_high = k->from_zero && high > 0 ? 1.1 * high : 0};
        rc = raml_page_figure(p, file, &fig, caption, err);
    }
    for (size_t i = 0; i < n_curves; i++) curve_free(&curve[i]);
    return rc;
}

/* Advantages of a group add up to 0: such a loss is 0, and its last digits are no curve. */
static double without_noise(const char *key, double value)
{
    bool cancels = strcmp(key, LOSS) == 0 || strcmp(key, POLICY_LOSS) == 0;
    return cancels && fabs(value) < ROUNDING ? 0 : value;
}

/* Has a number one value in all lines of all runs? False: there is no such number. */
static bool is_constant(const struct raml_findings *f, const char *key)
{
    size_t n = 0;
    double first = NAN;
    for (size_t r = 0; key && r < f->n_runs; r++) {
        const struct raml_metric_series *m = raml_metrics_find(&f->run[r]->metrics, key);
        for (size_t i = 0; m && i < m->n; i++)
            if (n++ == 0) first = without_noise(key, m->value[i]);
            else if (without_noise(key, m->value[i]) != first) return false;
    }
    return n > 0;
}

static bool is_absent(const struct raml_findings *f, const char *key)
{
    for (size_t r = 0; key && r < f->n_runs; r++)
        if (raml_metrics_find(&f->run[r]->metrics, key)) return false;
    return true;
}

/* A figure that would be a flat line says nothing that words do not. */
static bool is_flat(const struct raml_findings *f, const struct known *k)
{
    bool also = is_absent(f, k->also), key = is_absent(f, k->key);
    if (k->with_also && also) return true;
    return (key || is_constant(f, k->key)) && (also || is_constant(f, k->also)) && !(key && also);
}

static const struct known *known_of(const char *key)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].key, key) == 0 || (known[i].also && strcmp(known[i].also, key) == 0)) return &known[i];
    return NULL;
}

static bool is_dull(const char *key)
{
    for (size_t i = 0; dull[i]; i++)
        if (strcmp(dull[i], key) == 0) return true;
    if (strncmp(key, RAML_PROBE_LOSS, strlen(RAML_PROBE_LOSS)) == 0) return true;
    return strncmp(key, "seconds/", strlen("seconds/")) == 0;
}

/* Is this number of run r one that no run before it has? */
static bool is_first(const struct raml_findings *f, size_t r, const char *key)
{
    for (size_t q = 0; q < r; q++)
        if (raml_metrics_find(&f->run[q]->metrics, key)) return false;
    return true;
}

/* A component of the reward has its name in the metrics, and is there before its weight. */
static bool is_component(const char *key)
{
    for (int k = 0; k < RAML_REWARD_KINDS; k++)
        if (strcmp(raml_reward_name((enum raml_reward_kind)k), key) == 0) return true;
    return false;
}

/* Numbers that this file does not know by name, each once. */
static enum raml_code add_others(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    enum raml_code rc = RAML_OK;
    size_t number = 0;
    for (size_t r = 0; !rc && r < f->n_runs; r++)
        for (size_t i = 0; !rc && i < f->run[r]->metrics.n; i++) {
            const char *key = f->run[r]->metrics.series[i].name;
            char title[96];
            bool component = is_component(key);
            snprintf(title, sizeof title, "%s%.80s", component ? "Reward: " : "", key);
            const struct known other = {
                .key = key, .title = title, .label = component ? "mean, before its weight" : key, .smooth = true};
            if (known_of(key) || is_dull(key) || !is_first(f, r, key) || is_constant(f, key)) continue;
            if (number++ < MAX_FIGURES) rc = add_figure(p, &other, err);
        }
    return rc;
}

static size_t count_lines(const struct raml_findings *f)
{
    size_t most = 0;
    for (size_t r = 0; r < f->n_runs; r++)
        for (size_t i = 0; i < f->run[r]->metrics.n; i++)
            if (f->run[r]->metrics.series[i].n > most) most = f->run[r]->metrics.series[i].n;
    return most;
}

/* Those that never change, in words. */
static void add_constants(struct raml_page *p)
{
    const struct raml_findings *f = p->found;
    const char *before = count_lines(f) == 1 ? "Logged once: " : "The same in every line: ";
    size_t n = 0;
    for (size_t r = 0; r < f->n_runs; r++)
        for (size_t i = 0; i < f->run[r]->metrics.n; i++) {
            const struct raml_metric_series *m = &f->run[r]->metrics.series[i];
            const struct known *k = known_of(m->name);
            bool flat = k ? is_flat(f, k) : is_constant(f, m->name);
            if (is_dull(m->name) || !is_first(f, r, m->name) || !flat) continue;
            raml_buf_adds(&p->html, n++ ? ", " : "<p class=\"dim\">");
            if (n == 1) raml_buf_adds(&p->html, before);
            raml_page_text(p, m->name);
            raml_buf_adds(&p->html, "\u00A0");
            raml_page_number(p, without_noise(m->name, m->value[0]));
        }
    if (n) raml_buf_adds(&p->html, ".</p>\n");
}

enum raml_code raml_part_training(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    size_t any = 0;
    for (size_t r = 0; r < f->n_runs; r++) any += f->run[r]->metrics.n;
    if (any == 0) return RAML_OK;
    raml_buf_adds(&p->html, "<h2>Training</h2>\n<div class=\"grid\">\n");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < sizeof known / sizeof *known; i++)
        if (!is_flat(f, &known[i])) rc = add_figure(p, &known[i], err);
    if (!rc) rc = raml_part_probes(p, err);
    if (!rc) rc = raml_part_time(p, err);
    if (!rc) rc = add_others(p, err);
    raml_buf_adds(&p->html, "</div>\n");
    add_constants(p);
    return rc;
}
