/* roles.c - `raml roles`: what happens to the answer's loss at words of reflection and at tokens of a role. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/trajectories.h"
#include "core/json.h"

#include "core/clock.h"
#include "raml/roles_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct settings {
    struct trajectories_settings of;
    const char *words, *words_file, *delimiters;
    int64_t position_buckets, min_units, n_draws;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_OPTIONS(AT(of), "roles", "0", TRAJECTORIES_DTYPE),
    {"words", NULL, RAML_TEXT, AT(words), NULL, 0, 0, NULL,
     "Words of reflection, joined by commas, found in any ASCII case, with or without a space before them, as whole "
     "words; @reflection: wait, however, alternatively, ... (the default); @paper: wait, therefore, since, "
     "alternatively, hold on."},
    {"words_file", NULL, RAML_PATH, AT(words_file), NULL, 0, 0, NULL,
     "The words from a file instead: one a line, or a JSON array of texts."},
    {"delimiters", NULL, RAML_TEXT, AT(delimiters), NULL, 0, 0, NULL,
     "Tokens that open or close thinking, joined by commas; default: <think>, </think> and the prompt format's."},
    {"position_buckets", NULL, RAML_INT, AT(position_buckets), "10", 1, 1e6, NULL,
     "Parts of a trajectory: a unit's controls are windows of the same part, whose first token was as uncertain."},
    {"min_units", NULL, RAML_INT, AT(min_units), "30", 2, 1e9, NULL,
     "Roles and words with fewer units are shown as such, without an interval."},
    {"n_draws", NULL, RAML_INT, AT(n_draws), "1000", 0, 1e6, NULL, "Resamples of the intervals; 0: no intervals."},
};

static struct raml_roles_files_options options_of(const struct cli *cli, const struct settings *s)
{
    struct raml_roles_files_options o = raml_roles_files_default();
    o.own = !strcmp(s->of.answer, "own");
    o.score_end = s->of.score_end;
    o.skip_long = s->of.skip_long;
    o.join = strcmp(s->of.join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT;
    o.split = s->of.split;
    o.family = s->of.family;
    o.max_samples = (size_t)s->of.max_samples;
    o.max_batch_tokens = (size_t)s->of.max_batch_tokens;
    o.words = s->words;
    o.words_file = s->words_file;
    o.delimiters = s->delimiters;
    o.position_buckets = (size_t)s->position_buckets;
    o.min_units = (size_t)s->min_units;
    o.n_draws = (uint32_t)s->n_draws;
    o.seed = cli->seed;
    return o;
}

/* -- Output -------------------------------------------------------------------------------------------------------- */

static void print_number(double x, int width, int digits)
{
    if (isfinite(x)) printf(" %*.*f", width, digits, x);
    else printf(" %*s", width, "-");
}

/* value [low, high] */
static void print_estimate(const struct raml_estimate *e)
{
    char text[48] = "";
    print_number(e->value, 8, 4);
    if (isfinite(e->low)) snprintf(text, sizeof text, "[%.4f, %.4f]", e->low, e->high);
    printf(" %-18s", text);
}

static void print_row(const struct raml_roles_row *r)
{
    printf("%-14.40s %7zu%s %5zu", r->name, r->n_units, r->few ? "*" : " ", r->n_questions);
    print_estimate(&r->e[RAML_ROLES_EFFECT]);
    print_number(r->e[RAML_ROLES_EFFECT_MEDIAN].value, 8, 4);
    print_estimate(&r->e[RAML_ROLES_DELTA]);
    print_number(r->e[RAML_ROLES_DELTA_MEDIAN].value, 8, 4);
    print_number(100 * r->e[RAML_ROLES_FALLING].value, 5, 0);
    if (r->relative.mean >= 1e5) printf(" %9.2g", r->relative.mean);
    else print_number(r->relative.mean, 9, 3);
    print_number(100 * r->relative.top_share, 5, 0);
    printf("\n");
}

static void print_rows(const char *what, const struct raml_roles_row *row, size_t n)
{
    if (n == 0) return;
    printf("%-14s %8s %5s %8s %-18s %8s %8s %-18s %8s %5s %9s %5s\n", what, "units", "qu.", "effect", "  95 %",
           "median", "dL", "  95 %", "median", "fall%", "|dL|/L", "top%");
    for (size_t i = 0; i < n; i++)
        if (row[i].verdict == RAML_TRACE_ALL) print_row(&row[i]);
}

static void print_table(const struct settings *s, const struct raml_roles_summary *r, double elapsed)
{
    print_rows("word", r->word, r->n_words);
    if (r->n_words == 0) printf("none of the %zu words occurs\n", r->n_listed);
    print_rows("role", r->role, r->n_roles);
    printf(
        "dL: change of the loss over the unit, nats per answer token; effect: dL less that of matched windows of the "
        "same trajectory; intervals over questions\n"
        "all: each token by itself, those of a word of several too, so its units are not the sum of the others\n"
        "*: fewer than %" PRId64 " units, no interval; |dL|/L: the paper's mean, top%%: what its largest 1 %% of units "
        "bring of it\n",
        s->min_units);
    if (r->n_skipped) printf("%zu trajectories were skipped\n", r->n_skipped);
    printf("%zu trajectories of %zu questions, %zu units: %" PRIu64 " tokens in %" PRIu64 " passes; %.2f s\n",
           r->n_trajectories, r->n_questions, r->n_units, r->n_read, r->n_passes, elapsed);
    printf("%s/words.tsv, %s/roles.tsv\n", s->of.out, s->of.out);
}

static json_t *estimate_json(const struct raml_estimate *e)
{
    return json_pack("{s:o, s:o, s:o}", "value", raml_json_number(e->value), "low", raml_json_number(e->low), "high",
                     raml_json_number(e->high));
}

static json_t *row_json(const struct raml_roles_row *r)
{
    json_t *o =
        json_pack("{s:I, s:I, s:I, s:b, s:I}", "units", (json_int_t)r->n_units, "tokens", (json_int_t)r->n_tokens,
                  "questions", (json_int_t)r->n_questions, "few", (int)r->few, "no_window", (json_int_t)r->n_no_window);
    int failed = !o;
    for (int m = 0; !failed && m < RAML_ROLES_MEASURES; m++)
        failed = json_object_set_new(o, raml_roles_measure_name((enum raml_roles_measure)m), estimate_json(&r->e[m]));
    json_t *paper =
        json_pack("{s:I, s:o, s:o, s:I, s:o, s:o, s:I, s:o}", "n", (json_int_t)r->relative.n, "mean",
                  raml_json_number(r->relative.mean), "deviation", raml_json_number(r->relative.deviation), "top",
                  (json_int_t)r->relative.n_top, "top_share", raml_json_number(r->relative.top_share), "top_loss",
                  raml_json_number(r->relative.top_loss), "half", (json_int_t)r->relative.n_half, "half_loss",
                  raml_json_number(r->relative.half_loss));
    if (failed) json_decref(paper);
    else failed = json_object_set_new(o, "relative", paper);
    return raml_json_checked(o, failed);
}

/* {name: {verdict: row}} */
static json_t *rows_json(const struct raml_roles_row *row, size_t n)
{
    json_t *o = json_object(), *of = NULL;
    int failed = !o;
    for (size_t i = 0; !failed && i < n; i++) {
        of = json_object_get(o, row[i].name);
        if (!of) {
            of = json_object();
            failed = json_object_set_new(o, row[i].name, of);
        }
        if (!failed) failed = json_object_set_new(of, raml_trace_verdict_name(row[i].verdict), row_json(&row[i]));
    }
    return raml_json_checked(o, failed);
}

static enum raml_code print_json(const struct settings *s, const struct raml_roles_summary *r, double elapsed,
                                 struct raml_err *err)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "out", s->of.out, "questions",
                          (json_int_t)r->n_questions, "trajectories", (json_int_t)r->n_trajectories, "skipped",
                          (json_int_t)r->n_skipped, "units", (json_int_t)r->n_units, "tokens_read",
                          (json_int_t)r->n_read, "passes", (json_int_t)r->n_passes, "seconds", elapsed);
    int failed = !o || json_object_set_new(o, "words", rows_json(r->word, r->n_words)) ||
                 json_object_set_new(o, "roles", rows_json(r->role, r->n_roles));
    return cli_print_json(raml_json_checked(o, failed), err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code roles(const struct cli *cli, const struct settings *s, const struct raml_roles_files_job *job,
                            const struct raml_roles_files_options *opt, struct raml_err *err)
{
    struct raml_roles_summary result;
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_roles_files(job, opt, &result, err);
    if (rc) return rc;
    double elapsed = raml_clock_monotonic() - start;
    rc = cli_write_recipe(cli, s->of.out, "roles.yaml", err);
    if (!rc && cli->json) rc = print_json(s, &result, elapsed, err);
    else if (!rc) print_table(s, &result, elapsed);
    if (!rc && result.stopped)
        rc = raml_fail(err, RAML_ESTOP, "stopped; %zu trajectories are in %s", result.n_trajectories, s->of.out);
    raml_roles_summary_deinit(&result);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    const struct raml_roles_files_options opt = options_of(cli, s);
    struct trajectories x = {0};
    enum raml_code rc = cli_trajectories_check(cli, &s->of, "roles", err);
    if (!rc) rc = cli_output_folder(cli, s->of.out, "roles.yaml", err);
    if (!rc) rc = raml_roles_files_check(&opt, err); /* before a model is loaded */
    if (rc) return rc;
    rc = cli_trajectories_open(cli, &s->of, "roles", &x, err);
    const struct raml_roles_files_job job = {.model = x.model,
                                             .tokenizer = x.tokenizer,
                                             .format = x.prompting.format,
                                             .questions = &x.questions,
                                             .data_name = x.data,
                                             .dir = s->of.out,
                                             .sink = cli->sink};
    if (!rc) rc = roles(cli, s, &job, &opt, err);
    cli_trajectories_close(&x);
    return rc;
}

const struct cli_command cli_roles = {
    .name = "roles",
    .about = "what happens to the answer's loss at words of reflection and at tokens of a role",
    .args = "FILE.jsonl",
    .detail = "Observation only: traces the loss after every token and averages its change, in nats, over each word of "
              "a list and each role (delimiter, reflection, number, operator, other), beside windows of the same "
              "trajectory that are matched on position and entropy, with intervals over questions. The paper's mean of "
              "|dL|/L stands beside, with how few places decide it. Writes roles.tsv, words.tsv, units.jsonl, "
              "marks.jsonl, roles.yaml and figures (tsv, gp, svg).",
    .example = "raml roles --model run-sft samples.jsonl --limit 100 --out run-sft/roles",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
