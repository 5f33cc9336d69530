/* trace_print.c - see trace.h. */
#include "cli/trace.h"

#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LABEL = 27, MAX_COLUMNS = 4 };

/* -- Means --------------------------------------------------------------------------------------------------------- */

static void print_number(double x, int width, int digits)
{
    if (isfinite(x)) printf(" %*.*f", width, digits, x);
    else printf(" %*s", width, "-");
}

static void print_means(const struct raml_trace_summary *r)
{
    printf("%-12s %6s %8s %8s %8s %8s %8s %8s %8s\n", "", "n", "tokens", "L(0)", "L(T)", "descent", "monotone",
           "greedy", "solved");
    for (int i = 0, n_groups = 0; i < RAML_TRACE_GROUPS; i++) {
        const struct raml_trace_group_means *g = &r->group[i];
        if (g->n == 0 || (i == RAML_TRACE_ALL && n_groups == 1)) continue; /* all would repeat the same */
        n_groups++;
        printf("%-12s %6zu", raml_trace_verdict_name((enum raml_trace_verdict)i), g->n);
        print_number(g->tokens, 8, 1);
        const double value[] = {g->first, g->last, g->descent, g->monotonicity, g->greedy, g->solved};
        for (size_t k = 0; k < sizeof value / sizeof *value; k++) print_number(value[k], 8, 3);
        printf("\n");
    }
}

/* -- Means with intervals ------------------------------------------------------------------------------------------ */

struct block { /* a table: a line for each (curve, group) that has the first measure */
    const char *title;
    const char *measure[MAX_COLUMNS], *head[MAX_COLUMNS];
    bool (*shown)(const struct raml_trace_row *r, const char *first);
};

static bool is_layer(const char *curve)
{
    return !strncmp(curve, "layer ", 6);
}
static bool is_prefix(const char *curve)
{
    return !strncmp(curve, "prefix ", 7);
}
static bool is_control(const char *curve)
{
    return !strcmp(curve, "shuffle") || !strcmp(curve, "foreign") || !strcmp(curve, "filler");
}
static bool is_answer(const char *curve)
{
    return !is_layer(curve) && !is_prefix(curve) && !is_control(curve) && strcmp(curve, "choice") != 0;
}
static bool is_verdict(const struct raml_trace_row *r)
{
    return !strcmp(r->by, "verdict");
}
static bool show_first(const struct raml_trace_row *r, const char *first)
{
    return !strcmp(r->curve, first);
}
static bool show_others(const struct raml_trace_row *r, const char *first)
{
    return is_answer(r->curve) && strcmp(r->curve, first) != 0 && is_verdict(r);
}
static bool show_choice(const struct raml_trace_row *r, const char *first)
{
    (void)first;
    return !strcmp(r->curve, "choice") && is_verdict(r);
}
static bool show_layers(const struct raml_trace_row *r, const char *first)
{
    (void)first;
    return is_layer(r->curve) && !strcmp(r->by, "all");
}
static bool show_controls(const struct raml_trace_row *r, const char *first)
{
    (void)first;
    return is_control(r->curve) && (is_verdict(r) || !strcmp(r->by, "all"));
}
static bool show_prefixes(const struct raml_trace_row *r, const char *first)
{
    (void)first;
    return is_prefix(r->curve) && !strcmp(r->by, "all");
}

static void print_estimate(const struct raml_trace_row *r)
{
    char text[64] = "-";
    if (r && isfinite(r->e.low)) snprintf(text, sizeof text, "%.3f [%.3f, %.3f]", r->e.value, r->e.low, r->e.high);
    else if (r) snprintf(text, sizeof text, "%.3f", r->e.value);
    printf(" %24s", text);
}

static void print_head(const struct block *b)
{
    printf("\n%-*s %6s", LABEL, b->title, "n");
    for (size_t k = 0; k < MAX_COLUMNS && b->head[k]; k++) printf(" %24s", b->head[k]);
    printf("\n");
}

/* What stands before a mode's name that is also another group's: modes are any texts, "all" and "right" too. */
static const char *group_kind(const struct raml_trace_row *r)
{
    static const char *const other[] = {"all", "right", "wrong", "unlabelled", "short", "middle", "long"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (!strcmp(r->by, "mode") && !strcmp(r->group, other[i])) return "mode ";
    return "";
}

static void row_label(const struct raml_trace_row *r, bool first, char *label, size_t n)
{
    if (first) snprintf(label, n, "%s%.60s", group_kind(r), r->group);
    else if (!strcmp(r->by, "all")) snprintf(label, n, "%.60s", r->curve);
    else snprintf(label, n, "%.60s | %.60s", r->curve, r->group);
    for (char *c = label; *c; c++) /* modes and names of prefixes are texts of files */
        if ((unsigned char)*c < ' ' || *c == 127) *c = ' ';
}

static void print_block(const struct raml_trace_summary *s, const char *first, const struct block *b)
{
    bool any = false;
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_trace_row *r = &s->row[i];
        char label[128];
        if (!b->measure[0] || strcmp(r->measure, b->measure[0]) != 0 || !b->shown(r, first)) continue;
        if (!any) print_head(b);
        any = true;
        row_label(r, b->shown == show_first, label, sizeof label);
        printf("%-*s %6zu", LABEL, label, r->n);
        for (size_t k = 0; k < MAX_COLUMNS && b->measure[k]; k++)
            print_estimate(raml_trace_row_find(s, r->by, r->group, r->curve, b->measure[k]));
        printf("\n");
    }
}

/* The first answer's name: the curve that has the trajectories' lengths. */
static const char *first_of(const struct raml_trace_summary *s)
{
    for (size_t i = 0; i < s->n_rows; i++)
        if (!strcmp(s->row[i].measure, "tokens")) return s->row[i].curve;
    return "";
}

static const struct block blocks[] = {
    {"means, 95 % over questions",
     {"descent", "monotonicity", "tau_b", "regret"},
     {"L(0) - L(T)", "share of steps falling", "tau-b", "regret"},
     show_first},
    {"other answer | trajectories",
     {"L0", "LT", "descent", "falls"},
     {"L(0)", "L(T)", "L(0) - L(T)", "L(T) < L(0)"},
     show_others},
    {"answers     | trajectories",
     {"commitment0", "commitmentT", "stable", NULL},
     {"commitment at 0", "at T", "stable from i/T", NULL},
     show_choice},
    {"L read after", {"L0", "LT", "descent", NULL}, {"L(0)", "L(T)", "L(0) - L(T)", NULL}, show_layers},
    {"control     | trajectories", {"effect", NULL}, {"L of it - L(i)", NULL}, show_controls},
    {"answer prefix", {"L0", "LT", "descent", "tau_b"}, {"L(0)", "L(T)", "L(0) - L(T)", "tau-b"}, show_prefixes},
};

void cli_trace_print(const struct cli_traced *t)
{
    const struct raml_trace_summary *r = &t->sum;
    const char *first = first_of(r);
    if (t->reader) printf("read by %s\n", t->reader);
    print_means(r);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) print_block(r, first, &blocks[i]);
    printf("\n");
    if (r->n_skipped) printf("%zu trajectories were skipped\n", r->n_skipped);
    printf("%" PRIu64 " probes: %" PRIu64 " tokens in %" PRIu64
           " passes of %.2f s together, %.0f tokens/s; %.2f s in all\n",
           r->n_probes, r->n_read, r->n_passes, r->model_seconds, (double)r->n_read / r->model_seconds, t->seconds);
    printf("%s/trajectories.html\n", t->out);
}

static const struct block differences[] = {
    {"reader less model", {"L0", "LT", "descent", "tau_b"}, {"L(0)", "L(T)", "L(0) - L(T)", "tau-b"}, show_first},
    {"reader less model", /* whole_answers */
     {"answer_L0", "answer_LT", "answer_descent", "tau_b"},
     {"A L(0)", "A L(T)", "A (L(0) - L(T))", "tau-b"},
     show_first},
};

void cli_trace_print_difference(const struct raml_trace_summary *difference)
{
    const char *first = first_of(difference);
    if (!difference->whole_answers) {
        print_block(difference, first, &differences[0]);
        return;
    }
    printf("\nThe readers' tokens of an answer differ in number: losses are nats per whole answer, A L.\n");
    print_block(difference, first, &differences[1]);
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *group_json(const struct raml_trace_group_means *g)
{
    json_t *o = json_pack("{s:I}", "n", (json_int_t)g->n);
    const struct {
        const char *name;
        double value;
    } field[] = {{"n_tokens", g->tokens},
                 {"L0", g->first},
                 {"LT", g->last},
                 {"descent", g->descent},
                 {"monotonicity", g->monotonicity},
                 {"efficiency", g->efficiency},
                 {"tau_b", g->tau_b},
                 {"p0", g->p_first},
                 {"pT", g->p_last},
                 {"greedy", g->greedy},
                 {"solved", g->solved}};
    for (size_t i = 0; o && i < sizeof field / sizeof *field; i++)
        if (json_object_set_new(o, field[i].name, raml_json_number(field[i].value))) {
            json_decref(o);
            return NULL;
        }
    return o;
}

json_t *cli_trace_rows_json(const struct raml_trace_summary *s)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; !bad && i < s->n_rows; i++) {
        const struct raml_trace_row *r = &s->row[i];
        json_t *o = json_object();
        bad = !o || json_object_set_new(o, "by", raml_json_text(r->by)) ||
              json_object_set_new(o, "group", raml_json_text(r->group)) ||
              json_object_set_new(o, "curve", raml_json_text(r->curve)) ||
              json_object_set_new(o, "measure", raml_json_text(r->measure)) ||
              json_object_set_new(o, "trajectories", json_integer((json_int_t)r->n)) ||
              json_object_set_new(o, "questions", json_integer((json_int_t)r->e.n)) ||
              json_object_set_new(o, "value", raml_json_number(r->e.value)) ||
              json_object_set_new(o, "low", raml_json_number(r->e.low)) ||
              json_object_set_new(o, "high", raml_json_number(r->e.high));
        bad = json_array_append_new(list, raml_json_checked(o, bad));
    }
    return raml_json_checked(list, bad);
}

json_t *cli_trace_json(const struct cli_traced *t)
{
    const struct raml_trace_summary *r = &t->sum;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "out", t->out, "trajectories",
                  (json_int_t)r->group[RAML_TRACE_ALL].n, "skipped", (json_int_t)r->n_skipped, "nested_answers",
                  (json_int_t)r->n_nested, "unused_answer_ids", (json_int_t)r->n_unused, "probes",
                  (json_int_t)r->n_probes, "trajectory_tokens", (json_int_t)r->n_trajectory_tokens, "tokens_read",
                  (json_int_t)r->n_read, "passes", (json_int_t)r->n_passes, "seconds", t->seconds, "model_seconds",
                  r->model_seconds, "tokens_per_s", (double)r->n_read / r->model_seconds);
    int bad = !o;
    for (int i = 0; !bad && i < RAML_TRACE_GROUPS; i++)
        if (r->group[i].n)
            bad = json_object_set_new(o, raml_trace_verdict_name((enum raml_trace_verdict)i), group_json(&r->group[i]));
    if (!bad) bad = json_object_set_new(o, "stopped", json_boolean(r->stopped));
    if (!bad && t->reader) bad = json_object_set_new(o, "reader", json_string(t->reader));
    if (!bad) bad = json_object_set_new(o, "groups", cli_trace_rows_json(r));
    return raml_json_checked(o, bad);
}
