/* prune_print.c - see prune.h. */
#include "cli/prune.h"

#include "cli/load.h"
#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_BYTES = 32 };

/* -- Tables -------------------------------------------------------------------------------------------------------- */

static void print_number(double x, int width, int digits)
{
    if (isfinite(x)) printf(" %*.*f", width, digits, x);
    else printf(" %*s", width, "-");
}

static const struct raml_prune_row *row_of(const struct raml_prune_summary *s, const struct raml_prune_level *l,
                                           enum raml_prune_method m)
{
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_prune_level *x = &s->row[i].level;
        if (x->kind == l->kind && s->row[i].method == m && !(x->value < l->value) && !(x->value > l->value))
            return &s->row[i];
    }
    return NULL;
}

static bool has_value(enum raml_prune_level_kind k)
{
    return k >= RAML_PRUNE_SLACK && k <= RAML_PRUNE_SHARE;
}

static const char *label_of(const struct raml_prune_level *l, char out[LABEL_BYTES])
{
    const char *name = raml_prune_level_name(l->kind);
    if (has_value(l->kind)) snprintf(out, LABEL_BYTES, "%s %g", name, l->value);
    else snprintf(out, LABEL_BYTES, "%s", name);
    return out;
}

static void print_count(const char *before, size_t n, const char *one, const char *many)
{
    printf("%s%zu %s", before, n, n == 1 ? one : many);
}

/* A line a level, a column a method. */
static void print_measure(const struct raml_prune_summary *s, enum raml_prune_measure m, const char *title, int digits)
{
    static const enum raml_prune_method column[] = {RAML_PRUNE_GIVEN,  RAML_PRUNE_GREEDY, RAML_PRUNE_DESCENT,
                                                    RAML_PRUNE_RANDOM, RAML_PRUNE_BUDGET, RAML_PRUNE_BUDGET_STEPS};
    enum { COLUMNS = sizeof column / sizeof *column };
    const struct raml_prune_level *last = NULL;
    printf("\n%-14s", title);
    for (size_t c = 0; c < COLUMNS; c++) printf(" %12s", raml_prune_method_name(column[c]));
    printf("\n");
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_prune_level *l = &s->row[i].level;
        char label[LABEL_BYTES];
        bool same = last && last->kind == l->kind && !(last->value < l->value) && !(last->value > l->value);
        last = l;
        if (same) continue;
        printf("%-14s", label_of(l, label));
        for (size_t c = 0; c < COLUMNS; c++) {
            const struct raml_prune_row *r = row_of(s, l, column[c]);
            print_number(r ? r->measure[m].value : NAN, 12, digits);
        }
        printf("\n");
    }
}

static void print_estimate(const char *name, const struct raml_estimate *e, double scale, int digits, const char *unit)
{
    printf("  %-28s", name);
    print_number(scale * e->value, 8, digits);
    printf("%s  [", unit);
    print_number(scale * e->low, 6, digits);
    printf(",");
    print_number(scale * e->high, 6, digits);
    printf(" ]\n");
}

/* The level's own method less random deletion and the first tokens. */
static void print_differences(const struct raml_prune_summary *s, enum raml_prune_measure m, const char *title,
                              double scale, int digits, const char *unit)
{
    bool any = false;
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_prune_row *r = &s->row[i];
        char name[2 * LABEL_BYTES], label[LABEL_BYTES];
        bool shown = r->level.kind != RAML_PRUNE_SHARE && r->measure[m].n && !isnan(r->measure[m].value) &&
                     (r->method == RAML_PRUNE_RANDOM || r->method == RAML_PRUNE_BUDGET);
        if (!shown) continue;
        if (!any) printf("\n%s\n", title);
        any = true;
        snprintf(name, sizeof name, "%s - %s", label_of(&r->level, label), raml_prune_method_name(r->method));
        print_estimate(name, &r->measure[m], scale, digits, unit);
    }
}

/* What greedy deletion misses, where all subsets were tried. */
static void print_gaps(const struct raml_prune_summary *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_prune_row *r = &s->row[i];
        char label[LABEL_BYTES];
        if (r->method != RAML_PRUNE_BEST) continue;
        if (!any)
            printf("\ngreedy keeps more than the best set under its bound, points of the tokens (%zu trajectories)\n",
                   r->n_trajectories);
        any = true;
        print_estimate(label_of(&r->level, label), &r->measure[RAML_PRUNE_SHARE_LESS], 100, 1, "  ");
    }
}

static void print_unchanged(const struct cli_pruned *r, enum raml_prune_curve_kind k, const char *by)
{
    const struct raml_estimate *share = r->sum.unchanged[k], *less = r->sum.unchanged_less[k];
    if (share[RAML_PRUNE_GREEDY].n == 0 || isnan(share[RAML_PRUNE_GREEDY].value)) return;
    printf("\nkept share at unchanged accuracy (down to %.3g points less), %s\n", 100 * r->tolerance, by);
    for (int m = RAML_PRUNE_GREEDY; m <= RAML_PRUNE_BUDGET_STEPS; m++)
        print_estimate(raml_prune_method_name((enum raml_prune_method)m), &share[m], 100, 1, " %");
    for (int m = RAML_PRUNE_RANDOM; m <= RAML_PRUNE_BUDGET; m++) {
        char name[LABEL_BYTES];
        snprintf(name, sizeof name, "greedy - %s", raml_prune_method_name((enum raml_prune_method)m));
        print_estimate(name, &less[m], 100, 1, "  ");
    }
}

static void print_needed(const struct raml_prune_summary *s)
{
    if (s->needed[RAML_PRUNE_GREEDY].n == 0 || isnan(s->needed[RAML_PRUNE_GREEDY].value)) return;
    printf("\nkept share that a trajectory needs for its own answer to stay right, mean of %zu question%s\n",
           s->needed[RAML_PRUNE_GREEDY].n, s->needed[RAML_PRUNE_GREEDY].n == 1 ? "" : "s");
    for (int m = RAML_PRUNE_GREEDY; m <= RAML_PRUNE_BUDGET_STEPS; m++)
        print_estimate(raml_prune_method_name((enum raml_prune_method)m), &s->needed[m], 100, 1, " %");
    for (int m = RAML_PRUNE_RANDOM; m <= RAML_PRUNE_BUDGET; m++) {
        char name[LABEL_BYTES];
        snprintf(name, sizeof name, "greedy - %s", raml_prune_method_name((enum raml_prune_method)m));
        print_estimate(name, &s->needed_less[m], 100, 1, "  ");
    }
}

static void print_leak(const struct raml_prune_summary *s)
{
    const struct raml_prune_leak *l = &s->leak;
    if (l->n == 0) return;
    printf("\nsummaries: loss of the answer, nats per answer token; others': of questions with another answer; "
           "without: its "
           "own\nwithout the sentences that hold the answer's text\n");
    print_estimate("nothing", &l->nothing, 1, 4, "  ");
    print_estimate("its own", &l->own, 1, 4, "  ");
    print_estimate("others'", &l->others, 1, 4, "  ");
    print_estimate("without", &l->without, 1, 4, "  ");
    print_estimate("others' - its own", &l->others_less, 1, 4, "  ");
    print_estimate("without - its own", &l->without_less, 1, 4, "  ");
    printf("  %s; %zu of %zu hold the answer's text\n",
           l->leaks
               ? "they leak: the answer is likelier after its own than after another's, for the sentences that state it"
           : l->tells && l->n_states && l->without_less.high > 0
               ? "they tell of their answers; whether it is the sentences that state them is not decided"
           : l->tells
               ? "they tell of their answers, but do not give them away: what they hold besides the answer's text does"
               : "no leak is seen: the answer is no likelier after its own than after another's",
           l->n_states, l->n);
    if (s->n_no_summary)
        print_count("  ", s->n_no_summary, "trajectory has no summary\n", "trajectories have no summary\n");
    if (s->n_unused) print_count("  ", s->n_unused, "summary is of no question\n", "summaries are of no question\n");
}

static void print_counts(const struct cli_pruned *r)
{
    const struct raml_prune_summary *s = &r->sum;
    print_count("\n", s->n_trajectories, "trajectory", "trajectories");
    print_count(" of ", s->n_questions, "question", "questions");
    print_count(", ", s->n_steps, "step", "steps");
    if (s->n_joined)
        print_count(" (of ", s->n_joined, "trajectory neighbours were joined)", "trajectories neighbours were joined)");
    if (s->n_wrong) print_count("; ", s->n_wrong, "wrong one left out", "wrong ones left out");
    if (s->n_skipped) printf("; %zu skipped", s->n_skipped);
    printf("\nlosses: %" PRIu64 " tokens in %" PRIu64 " passes, %.1f times fewer than text by text", s->n_read,
           s->n_passes, (double)s->n_alone / (double)s->n_read);
    if (s->n_answered)
        printf("\nanswers: %" PRIu64 " tokens read, %.1f times fewer than text by text, and %" PRIu64 " written",
               s->n_answer_texts, (double)s->n_answer_alone / (double)s->n_answer_texts, s->n_answered);
    printf("; %.2f s\n", r->seconds);
    if (r->writes) {
        printf("%s/pruned.jsonl", r->out);
        print_count(": ", s->n_written, "trajectory", "trajectories");
        print_count(" in ", s->n_lines, "line", "lines");
        if (s->n_not_right)
            print_count("; ", s->n_not_right, "left out, as it is not answered right",
                        "left out, as they are not answered right");
        printf("\n");
    }
    printf("%s/prune.tsv\n", r->out);
}

void cli_print_prune(const struct cli_pruned *r)
{
    const struct raml_prune_summary *s = &r->sum;
    bool answered = s->n_answered > 0;
    print_measure(s, RAML_PRUNE_KEPT_SHARE, "kept share", 3);
    print_measure(s, RAML_PRUNE_LOSS, "loss", 4);
    if (answered) print_measure(s, RAML_PRUNE_ACCURACY, "accuracy", 3);
    print_differences(s, RAML_PRUNE_LOSS_LESS, "loss at equal tokens, nats per answer token", 1, 4, "  ");
    if (answered) print_differences(s, RAML_PRUNE_ACCURACY_LESS, "accuracy at equal tokens, points", 100, 1, "  ");
    print_gaps(s);
    print_unchanged(r, RAML_PRUNE_BY_SLACK, "each trajectory as far as its loss allows, others as many tokens");
    print_unchanged(r, RAML_PRUNE_BY_SHARE, "the same share of every trajectory");
    print_needed(s);
    print_leak(s);
    print_counts(r);
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *estimate_json(const struct raml_estimate *e)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "questions", (json_int_t)e->n, "mean", raml_json_number(e->value), "low",
                     raml_json_number(e->low), "high", raml_json_number(e->high));
}

static json_t *row_json(const struct raml_prune_row *r)
{
    json_t *o = json_pack("{s:s, s:o, s:s, s:I}", "level", raml_prune_level_name(r->level.kind), "value",
                          has_value(r->level.kind) ? raml_json_number(r->level.value) : json_null(), "method",
                          raml_prune_method_name(r->method), "trajectories", (json_int_t)r->n_trajectories);
    int failed = !o;
    for (int m = 0; !failed && m < RAML_PRUNE_MEASURES; m++)
        if (r->measure[m].n && !isnan(r->measure[m].value))
            failed = json_object_set_new(o, raml_prune_measure_name((enum raml_prune_measure)m),
                                         estimate_json(&r->measure[m]));
    return raml_json_checked(o, failed);
}

static json_t *rows_json(const struct raml_prune_summary *s)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = 0; !failed && i < s->n_rows; i++) failed = json_array_append_new(list, row_json(&s->row[i]));
    return raml_json_checked(list, failed);
}

static json_t *methods_json(const struct raml_estimate *e)
{
    json_t *o = json_object();
    int failed = !o;
    for (int m = 0; !failed && m < RAML_PRUNE_METHODS; m++)
        if (e[m].n && !isnan(e[m].value))
            failed = json_object_set_new(o, raml_prune_method_name((enum raml_prune_method)m), estimate_json(&e[m]));
    return raml_json_checked(o, failed);
}

static json_t *leak_json(const struct raml_prune_leak *l)
{
    return json_pack("{s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "leaks", (int)l->leaks, "tells",
                     (int)l->tells, "trajectories", (json_int_t)l->n, "states_answer", (json_int_t)l->n_states,
                     "nothing", estimate_json(&l->nothing), "own", estimate_json(&l->own), "others",
                     estimate_json(&l->others), "others_less_own", estimate_json(&l->others_less), "without",
                     estimate_json(&l->without), "without_less_own", estimate_json(&l->without_less));
}

enum raml_code cli_print_prune_json(const struct cli_pruned *r, struct raml_err *err)
{
    const struct raml_prune_summary *s = &r->sum;
    const struct {
        const char *name;
        uint64_t n;
    } count[] = {{"trajectories", s->n_trajectories},
                 {"questions", s->n_questions},
                 {"skipped", s->n_skipped},
                 {"wrong_left_out", s->n_wrong},
                 {"steps", s->n_steps},
                 {"joined", s->n_joined},
                 {"written", s->n_written},
                 {"lines", s->n_lines},
                 {"not_right", s->n_not_right},
                 {"no_summary", s->n_no_summary},
                 {"unused_summaries", s->n_unused},
                 {"tokens_read", s->n_read},
                 {"tokens_alone", s->n_alone},
                 {"passes", s->n_passes},
                 {"answer_tokens_read", s->n_answer_texts},
                 {"answer_tokens_alone", s->n_answer_alone},
                 {"answer_tokens_written", s->n_answered}};
    json_t *o = json_pack("{s:s}", "out", r->out);
    int failed = !o;
    for (size_t i = 0; !failed && i < sizeof count / sizeof *count; i++)
        failed = json_object_set_new(o, count[i].name, json_integer((json_int_t)count[i].n));
    if (!failed)
        failed = json_object_set_new(o, "seconds", json_real(r->seconds)) ||
                 json_object_set_new(o, "levels", rows_json(s)) ||
                 json_object_set_new(o, "unchanged_by_slack", methods_json(s->unchanged[RAML_PRUNE_BY_SLACK])) ||
                 json_object_set_new(o, "unchanged_by_share", methods_json(s->unchanged[RAML_PRUNE_BY_SHARE])) ||
                 json_object_set_new(o, "greedy_less_by_slack", methods_json(s->unchanged_less[RAML_PRUNE_BY_SLACK])) ||
                 json_object_set_new(o, "greedy_less_by_share", methods_json(s->unchanged_less[RAML_PRUNE_BY_SHARE])) ||
                 json_object_set_new(o, "needed", methods_json(s->needed)) ||
                 json_object_set_new(o, "greedy_less_needed", methods_json(s->needed_less));
    if (!failed && s->leak.n) failed = json_object_set_new(o, "leak", leak_json(&s->leak));
    return cli_print_json(raml_json_checked(o, failed), err);
}
