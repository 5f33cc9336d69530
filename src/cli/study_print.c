/* study_print.c - what `raml study exits` prints. See study.h. */
#include "cli/study.h"

#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void print_share(const struct raml_estimate *e, bool sign)
{
    printf(sign ? "  %+.3f" : "  %.3f", e->value);
    if (isfinite(e->low)) printf(sign ? " [%+.3f, %+.3f]" : " [%.3f, %.3f]", e->low, e->high);
    else printf("%*s", sign ? 17 : 15, "");
}

/* To the best fixed budget that costs at most as much; there may be none. */
static void print_budget(const struct raml_exits_row *row)
{
    if (row->budget) print_share(&row->half[RAML_EXITS_TEST].vs_budget, true);
    else printf("  %-23s", "none costs as little");
}

static void print_row(const struct raml_exits_row *row)
{
    const struct raml_exits_measures *m = &row->half[RAML_EXITS_TEST];
    printf("%-40s", row->family);
    print_share(&m->accuracy, false);
    printf(" %8.1f %7.1f %8.1f", m->stop.value, m->probe_tokens.value, m->total.value);
    print_share(&m->cost_kept, false);
    print_share(&m->vs_full, true);
    print_budget(row);
    printf("%s\n", row->oracle ? "  oracle" : row->meets ? "" : "  below the margin");
}

static void print_side(const char *name, const struct raml_exits_online *o, int side)
{
    printf("  %-18s", name);
    print_share(&o->accuracy[side], false);
    printf("  %8.1f tokens, %7.1f with probes [%.1f, %.1f]", o->tokens[side], o->total[side].value, o->total[side].low,
           o->total[side].high);
    if (isfinite(o->seconds[side])) printf("; %.2f s", o->seconds[side]);
    printf("\n");
}

static void print_online(const struct raml_exits_online *o)
{
    printf("online: %s, %zu samples of %zu question%s of the test half\n", o->settings, o->n_samples, o->n_questions,
           o->n_questions == 1 ? "" : "s");
    print_side("full thinking", o, 0);
    print_side("with the policy", o, 1);
    printf("  difference of accuracy");
    print_share(&o->difference, true);
    printf("; %.1f probes a sample, %.1f tokens\n", o->n_probes, o->probe_tokens);
    printf("  replayed on the full samples: the same stop for %zu of %zu, the same answer for %zu\n", o->n_same_stop,
           o->n_compared, o->n_same_answer);
}

/* Some setting within the margin costs less than full thinking, on the validation half. */
static bool any_saves(const struct raml_exits_summary *s)
{
    for (size_t k = 1; k < s->n_rows; k++) {
        const struct raml_exits_row *row = &s->row[k];
        bool ours = row->meets && !row->oracle && !row->released;
        if (ours && row->half[RAML_EXITS_VALIDATION].cost_kept.value < 1) return true;
    }
    return false;
}

static void print_best(const struct raml_exits_summary *s, const struct raml_exits_files_options *opt)
{
    if (s->best < s->n_rows)
        printf("best (%s): %s\n", opt->by_accuracy ? "the most accurate" : "the fewest tokens",
               s->row[s->best].settings);
    else printf("no setting meets the margin\n");
    if (!any_saves(s)) printf("no policy saves tokens: within the margin none costs less than full thinking\n");
}

/* The chosen rows in the order of the table, released code last; i < 2 n_rows; NULL: it is none of these. */
static const struct raml_exits_row *in_turn(const struct raml_exits_summary *s, size_t i)
{
    const struct raml_exits_row *row = &s->row[i % s->n_rows];
    return row->chosen && row->released == (i >= s->n_rows) ? row : NULL;
}

static void print_incomplete(const struct raml_exits_summary *s)
{
    if (s->n_trajectories < s->n_planned)
        printf("INCOMPLETE: the stored set holds %zu of %zu trajectories; all numbers are of these alone\n",
               s->n_trajectories, s->n_planned);
}

void cli_study_exits_print(const struct raml_exits_summary *s, const struct raml_exits_files_options *opt,
                           const char *out, double seconds)
{
    size_t n = s->n_questions[RAML_EXITS_VALIDATION];
    print_incomplete(s);
    printf("%zu trajectories, %zu probes every %zu tokens; %zu question%s for validation, %zu for the test\n",
           s->n_trajectories, s->n_probes, s->stride, n, n == 1 ? "" : "s", s->n_questions[RAML_EXITS_TEST]);
    printf("Of each family the %s whose accuracy on the validation half is at most %g below that\nof full thinking. On "
           "the test half, with 95 %% intervals over questions:\n",
           opt->by_accuracy ? "most accurate setting" : "setting with the fewest tokens", opt->margin);
    printf("%-40s  %-20s %8s %7s %8s  %-20s  %-23s  %-23s\n", "policy", "accuracy", "thinking", "probes", "total",
           "cost kept", "against full thinking", "against the best budget");
    for (size_t i = 0; i < 2 * s->n_rows; i++)
        if (in_turn(s, i)) print_row(in_turn(s, i));
    printf("settings:\n");
    for (size_t i = 1; i < 2 * s->n_rows; i++) {
        const struct raml_exits_row *row = in_turn(s, i);
        if (row) printf("  %s (%s)\n", row->settings, row->reasons[RAML_EXITS_TEST]);
    }
    print_best(s, opt);
    if (s->has_online) print_online(&s->online);
    if (s->n_skipped) printf("%zu trajectories were skipped\n", s->n_skipped);
    printf("%" PRIu64 " tokens read for probes; %.2f s\n%s/exits.tsv\n", s->n_read, seconds, out);
    print_incomplete(s);
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *estimate_json(const struct raml_estimate *e)
{
    return json_pack("{s:o, s:o, s:o}", "value", raml_json_number(e->value), "low", raml_json_number(e->low), "high",
                     raml_json_number(e->high));
}

static json_t *side_json(const struct raml_exits_online *s, int side)
{
    return json_pack("{s:o, s:o, s:o, s:o}", "accuracy", estimate_json(&s->accuracy[side]), "tokens",
                     raml_json_number(s->tokens[side]), "total", estimate_json(&s->total[side]), "seconds",
                     raml_json_number(s->seconds[side]));
}

static json_t *online_json(const struct raml_exits_online *s)
{
    return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I}", "policy", s->settings, "questions",
                     (json_int_t)s->n_questions, "samples", (json_int_t)s->n_samples, "full", side_json(s, 0), "exit",
                     side_json(s, 1), "difference", estimate_json(&s->difference), "probes",
                     raml_json_number(s->n_probes), "probe_tokens", raml_json_number(s->probe_tokens), "replayed",
                     (json_int_t)s->n_compared, "same_stop", (json_int_t)s->n_same_stop, "same_answer",
                     (json_int_t)s->n_same_answer);
}

static json_t *half_json(const struct raml_exits_row *row, int half)
{
    const struct raml_exits_measures *m = &row->half[half];
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "trajectories", (json_int_t)m->n, "accuracy",
                     estimate_json(&m->accuracy), "stop", estimate_json(&m->stop), "probe_tokens",
                     estimate_json(&m->probe_tokens), "total", estimate_json(&m->total), "kept",
                     estimate_json(&m->kept), "cost_kept", estimate_json(&m->cost_kept), "vs_full",
                     estimate_json(&m->vs_full), "vs_budget", estimate_json(&m->vs_budget), "reasons",
                     row->reasons[half]);
}

static json_t *row_json(const struct raml_exits_row *row)
{
    return json_pack("{s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o}", "family", row->family, "settings", row->settings,
                     "oracle", (int)row->oracle, "released", (int)row->released, "meets", (int)row->meets, "budget",
                     raml_json_text(row->budget), "validation", half_json(row, RAML_EXITS_VALIDATION), "test",
                     half_json(row, RAML_EXITS_TEST));
}

json_t *cli_study_exits_json(const struct raml_exits_summary *s, const char *out, double seconds)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "out", out, "trajectories",
                          (json_int_t)s->n_trajectories, "planned", (json_int_t)s->n_planned, "skipped",
                          (json_int_t)s->n_skipped, "probes", (json_int_t)s->n_probes, "validation_questions",
                          (json_int_t)s->n_questions[RAML_EXITS_VALIDATION], "test_questions",
                          (json_int_t)s->n_questions[RAML_EXITS_TEST], "policies", (json_int_t)s->n_rows, "tokens_read",
                          (json_int_t)s->n_read, "seconds", seconds);
    json_t *list = json_array();
    int failed = !o || !list;
    for (size_t k = 0; !failed && k < s->n_rows; k++)
        if (s->row[k].chosen) failed = json_array_append_new(list, row_json(&s->row[k]));
    if (!failed)
        failed = json_object_set_new(o, "best", raml_json_text(s->best < s->n_rows ? s->row[s->best].settings : NULL));
    if (!failed && s->has_online) failed = json_object_set_new(o, "online", online_json(&s->online));
    failed = json_object_set_new(o, "chosen", list) || failed;
    return raml_json_checked(o, failed);
}
