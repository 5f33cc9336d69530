/* fork.c - `raml fork`: what a word, a step or the end of thinking causes, by forks of trajectories. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/trajectories.h"
#include "core/json.h"

#include "core/clock.h"
#include "raml/fork_files.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_AT = 4096 };

struct settings {
    struct trajectories_settings of;
    const char *places, *at, *at_file, *insert, *control, *replace;
    int64_t max_places, windows, position_buckets, n, max_completion_length, batch_size, top_k, max_answers, draws,
        n_shown, n_curves;
    double temperature, top_p, min_p, critical;
    bool end, remove;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_OPTIONS(AT(of), "fork", "1", TRAJECTORIES_DTYPE),
    {"places", NULL, RAML_ONE, AT(places), "auto", 0, 0, "auto|line|sentence|paragraph|reflection|entropy|given",
     "Where to fork: at every step's border (a line's, sentence's or paragraph's end), before reflection words (wait, "
     "however, ...), before the tokens of highest entropy, or at given places; auto: given ones, else sentence."},
    {"at", NULL, RAML_TEXT, AT(at), NULL, 0, 0, NULL,
     "Given places of every trajectory, joined by commas: after how many tokens, from 0."},
    {"at_file", NULL, RAML_PATH, AT(at_file), NULL, 0, 0, NULL,
     "Given places by question: JSONL, {\"id\", \"at\": [..]} a line; \"sample\" makes it of one trajectory."},
    {"max_places", NULL, RAML_INT, AT(max_places), "32", 0, 1e9, NULL,
     "At most this many places of a trajectory, evenly spaced (entropy: that many); 0: all (entropy: 8)."},
    {"insert", NULL, RAML_TEXT, AT(insert), "Wait", 0, 0, NULL, "Words that are put in, joined by |; empty: none."},
    {"control", NULL, RAML_TEXT, AT(control), "So|Then|And", 0, 0, NULL,
     "Words that are put in as their controls, for --replace in the unit's place, joined by |; empty: none."},
    {"replace", NULL, RAML_TEXT, AT(replace), NULL, 0, 0, NULL,
     "Words that are put in for the unit that stands there (step, word or token), joined by |."},
    {"delete", NULL, RAML_FLAG, AT(remove), "true", 0, 0, NULL, "Take out the unit that stands there."},
    {"windows", NULL, RAML_INT, AT(windows), "2", 0, 1000, NULL,
     "Controls of each unit taken out: as many tokens elsewhere, of the same position and entropy."},
    {"position_buckets", NULL, RAML_INT, AT(position_buckets), "4", 1, 1e6, NULL,
     "Equal parts of a trajectory; these controls are of the same one."},
    {"end", NULL, RAML_FLAG, AT(end), "true", 0, 0, NULL, "End thinking: put the answer prefix in."},
    {"num_generations", "n", RAML_INT, AT(n), "16", 0, 1 << 20, NULL,
     "Continuations of each fork; 0: only what needs no sampling."},
    {"max_completion_length", "max_tokens", RAML_INT, AT(max_completion_length), "512", 1, 1 << 24, NULL,
     "Maximum tokens of a continuation."},
    {"temperature", "temp", RAML_REAL, AT(temperature), "1", 0, 100, NULL, "0: the likeliest token."},
    {"top_k", NULL, RAML_INT, AT(top_k), "0", 0, 1 << 24, NULL, "Only the k likeliest tokens; 0: all."},
    {"top_p", NULL, RAML_REAL, AT(top_p), "1", 1e-9, 1, NULL,
     "Only the likeliest tokens that together reach this probability."},
    {"min_p", NULL, RAML_REAL, AT(min_p), "0", 0, 1, NULL,
     "Only tokens with at least this share of the likeliest one's probability."},
    {"batch_size", NULL, RAML_INT, AT(batch_size), "64", 1, 1 << 16, NULL,
     "Continuations in progress at once; changes speed and memory, not results."},
    {"max_answers", NULL, RAML_INT, AT(max_answers), "8", 2, 64, NULL,
     "Answers in the forced distribution: the question's, the sample's own, then the most frequent continuations'."},
    {"critical", NULL, RAML_REAL, AT(critical), "0.9", 1e-9, 1, NULL,
     "The critical position is where the final answer begins to stay first and to have at least this share."},
    {"draws", "bootstrap", RAML_INT, AT(draws), "1000", 0, 1 << 20, NULL,
     "Resamples of questions for intervals; 0: no intervals."},
    {"n_curves", NULL, RAML_INT, AT(n_curves), "4", 0, 1000, NULL,
     "Draw importance along this many trajectories, the first ones."},
    {"n_shown", NULL, RAML_INT, AT(n_shown), "8", 0, 10000, NULL,
     "Trajectories in trajectories.html, the first of each of right, wrong and unlabelled."},
};

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static enum raml_code read_at(const char *text, uint32_t at[MAX_AT], size_t *n, struct raml_err *err)
{
    *n = 0;
    for (const char *p = text; p;) {
        char *end = NULL;
        errno = 0;
        unsigned long long x = *p >= '0' && *p <= '9' ? strtoull(p, &end, 10) : 0;
        if (!end || (*end && *end != ',') || errno || x > UINT32_MAX || *n == MAX_AT)
            return raml_fail(err, RAML_EUSAGE,
                             "--at: found '%.60s', expected whole numbers joined by commas, at most %d", text, MAX_AT);
        at[(*n)++] = (uint32_t)x;
        p = *end ? end + 1 : NULL;
    }
    return RAML_OK;
}

static enum raml_code choose_places(const struct settings *s, struct raml_fork_files_options *o, struct raml_err *err)
{
    bool given = o->n_at || o->at_file, asked = strcmp(s->places, "auto") != 0, by_list = !strcmp(s->places, "given");
    o->places = asked && !by_list ? s->places : given || by_list ? NULL : "sentence";
    if (by_list && !given) return raml_fail(err, RAML_EUSAGE, "--places given: expected --at or --at_file as well");
    if (o->places && given)
        return raml_fail(err, RAML_EUSAGE, "--places %s and given places (--at, --at_file): give one of the two",
                         s->places);
    return RAML_OK;
}

static struct raml_fork_files_options options_of(const struct cli *cli, const struct settings *s)
{
    struct raml_fork_files_options o = raml_fork_files_default();
    o.max_places = (size_t)s->max_places;
    o.at_file = s->at_file;
    o.insert = s->insert;
    o.control = s->control;
    o.replace = s->replace;
    o.position_buckets = (size_t)s->position_buckets;
    o.end = s->end;
    o.remove = s->remove;
    o.n_windows = (size_t)s->windows;
    o.n = (size_t)s->n;
    o.max_completion_length = (size_t)s->max_completion_length;
    o.batch_size = (size_t)s->batch_size;
    o.temperature = s->temperature;
    o.top_k = (int)s->top_k;
    o.top_p = s->top_p;
    o.min_p = s->min_p;
    o.seed = cli->seed;
    o.max_answers = (size_t)s->max_answers;
    o.critical = s->critical;
    o.own = !strcmp(s->of.answer, "own");
    o.score_end = s->of.score_end;
    o.skip_long = s->of.skip_long;
    o.join = strcmp(s->of.join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT;
    o.split = s->of.split;
    o.family = s->of.family;
    o.max_samples = (size_t)s->of.max_samples;
    o.max_batch_tokens = (size_t)s->of.max_batch_tokens;
    o.n_draws = (uint32_t)s->draws;
    o.n_shown = (size_t)s->n_shown;
    o.n_curves = (size_t)s->n_curves;
    return o;
}

/* -- Output -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *head, *measure;
    int digits;
} columns[] = {{"accuracy", "accuracy_change", 3}, {"KL", "kl", 3}, {"now", "now", 3}, {"carried", "carried", 3}};
enum { COLUMNS = sizeof columns / sizeof *columns, COLUMN_WIDTH = 23 };

static void print_estimate(const struct raml_fork_row *r, int digits)
{
    char text[64];
    if (!r || !isfinite(r->e.value)) snprintf(text, sizeof text, "-");
    else if (isfinite(r->e.low) && isfinite(r->e.high))
        snprintf(text, sizeof text, "%.*f [%.*f, %.*f]", digits, r->e.value, digits, r->e.low, digits, r->e.high);
    else snprintf(text, sizeof text, "%.*f", digits, r->e.value);
    printf(" %*s", COLUMN_WIDTH, text);
}

static const struct raml_fork_row *find(const struct raml_fork_summary *s, const struct raml_fork_row *r,
                                        const char *position, const char *measure, bool less)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", measure, less ? " - control" : "");
    return raml_fork_row_find(s, r->edit, r->word, "all", position, name);
}

/* One edit at places of one position; less: its controls. Nothing where there is no value. */
static void print_line(const struct raml_fork_summary *s, const struct raml_fork_row *r, const char *position,
                       bool less)
{
    char name[80];
    const struct raml_fork_row *most = NULL; /* of its measures the one of most values */
    bool few = false;
    for (size_t c = 0; c < COLUMNS; c++) {
        const struct raml_fork_row *x = find(s, r, position, columns[c].measure, less);
        if (x && (!most || x->n > most->n)) most = x;
        few |= x && x->few;
    }
    if (!most) return;
    snprintf(name, sizeof name, "%s%s%.24s%s", r->edit, *r->word ? " " : "", r->word, less ? " - control" : "");
    printf("%-24s %-17s %6zu%s %5zu", name, position, most->n, few ? "*" : " ", most->e.n);
    for (size_t c = 0; c < COLUMNS; c++)
        print_estimate(find(s, r, position, columns[c].measure, less), columns[c].digits);
    printf("\n");
}

/* The first row of an edit. Controls are printed as what is taken off the edits that they are of. */
static bool is_edit(const struct raml_fork_summary *s, size_t i)
{
    const struct raml_fork_row *r = &s->row[i];
    if (!strcmp(r->edit, "none") || !strcmp(r->edit, "control") || !strcmp(r->edit, "window") ||
        !strcmp(r->edit, "replace_control"))
        return false;
    return i == 0 || strcmp(r->edit, s->row[i - 1].edit) != 0 || strcmp(r->word, s->row[i - 1].word) != 0;
}

static void print_effects(const struct raml_fork_summary *s, bool sampled)
{
    static const char *const forced[] = {"all", "before forced", "after forced"};
    static const char *const resampled[] = {"all", "before resampled", "after resampled"};
    const char *const *position = sampled ? resampled : forced;
    printf("%-24s %-17s %7s %5s", "edit", "position", "values", "qu.");
    for (size_t c = 0; c < COLUMNS; c++) printf(" %*s", COLUMN_WIDTH, columns[c].head);
    printf("\n");
    for (size_t i = 0; i < s->n_rows; i++) {
        if (!is_edit(s, i)) continue;
        for (size_t k = 0; k < 3; k++) print_line(s, &s->row[i], position[k], false);
        for (size_t k = 0; k < 3; k++) print_line(s, &s->row[i], position[k], true);
    }
}

static void print_correlation(const char *name, const struct raml_estimate *e)
{
    if (isfinite(e->value)) printf("%s %.2f", name, e->value);
    else printf("%s -", name);
    if (isfinite(e->low) && isfinite(e->high)) printf(" [%.2f, %.2f]", e->low, e->high);
}

static void print_order(const struct raml_fork_order *o)
{
    if (!isfinite(o->spearman.value)) return;
    printf("importance, forced against resampled, %zu units: ", o->n_units);
    print_correlation("Spearman", &o->spearman);
    print_correlation(", Kendall", &o->kendall);
    if (isfinite(o->spearman_mean.value)) {
        printf("; mean of %zu trajectories' own: ", o->n_trajectories);
        print_correlation("Spearman", &o->spearman_mean);
        print_correlation(", Kendall", &o->kendall_mean);
    }
    printf("\n");
}

static void print_critical(const struct raml_fork_summary *s)
{
    static const char *const name[] = {"forced", "resampled"};
    for (size_t k = 0; k < 2; k++) {
        if (s->n_critical_known[k] == 0) continue;
        printf("critical position, %s: %zu of %zu trajectories have one", name[k], s->n_critical[k],
               s->n_critical_known[k]);
        if (isfinite(s->critical_mean[k])) printf(", on average at %.2f of their length", s->critical_mean[k]);
        printf("\n");
    }
}

static void print_summary(const struct settings *s, const struct raml_fork_summary *r, double elapsed)
{
    print_effects(r, s->n > 0);
    printf(
        "changes against the unedited trajectory at the same places, with 95 %% intervals over questions; - control: "
        "less its controls, below 0: changes less than they do\n"
        "before, after: the %s critical position; qu.: questions; *: fewer than %d values or %d questions, no "
        "interval\n",
        s->n > 0 ? "resampled" : "forced", RAML_FORK_MIN_VALUES, RAML_FORK_MIN_QUESTIONS);
    print_critical(r);
    print_order(&r->order);
    if (r->n_prompt_tokens)
        printf("%" PRIu64 " continuations of %zu forks, %" PRIu64 " tokens; texts: %" PRIu64
               " tokens computed, %.1f times fewer than each fork from its own prompt, %.1f times fewer than each "
               "continuation\n",
               r->n_continuations, r->n_forks, r->n_written, r->n_prompt_tokens,
               (double)r->n_fork_prompts / (double)r->n_prompt_tokens,
               (double)r->n_own_prompts / (double)r->n_prompt_tokens);
    printf("probes: %" PRIu64 " tokens read, %.1f times fewer than each place from its own prompt\n", r->n_read,
           (double)r->n_own_read / (double)r->n_read);
    if (r->n_skipped) printf("%zu trajectories were skipped\n", r->n_skipped);
    printf("%zu trajectories of %zu questions, %zu places; %.2f s\n", r->n_trajectories, r->n_questions, r->n_places,
           elapsed);
    printf("%s/fork.tsv\n", s->of.out);
}

static json_t *estimate_json(const struct raml_estimate *e)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "questions", (json_int_t)e->n, "value", raml_json_number(e->value), "low",
                     raml_json_number(e->low), "high", raml_json_number(e->high));
}

static json_t *rows_json(const struct raml_fork_summary *s)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = 0; !failed && i < s->n_rows; i++) {
        const struct raml_fork_row *r = &s->row[i];
        failed = json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:o}", "edit", r->edit,
                                                       "word", r->word, "group", r->group, "position", r->position,
                                                       "measure", r->measure, "n", (json_int_t)r->n, "few", (int)r->few,
                                                       "estimate", estimate_json(&r->e)));
    }
    return raml_json_checked(list, failed);
}

static json_t *order_json(const struct raml_fork_order *o)
{
    return json_pack("{s:I, s:o, s:o, s:I, s:o, s:o}", "units", (json_int_t)o->n_units, "spearman",
                     estimate_json(&o->spearman), "kendall", estimate_json(&o->kendall), "trajectories",
                     (json_int_t)o->n_trajectories, "spearman_mean", estimate_json(&o->spearman_mean), "kendall_mean",
                     estimate_json(&o->kendall_mean));
}

static json_t *critical_json(const struct raml_fork_summary *s, size_t k)
{
    return json_pack("{s:I, s:I, s:o}", "known", (json_int_t)s->n_critical_known[k], "trajectories",
                     (json_int_t)s->n_critical[k], "mean_position", raml_json_number(s->critical_mean[k]));
}

static enum raml_code print_json(const struct settings *s, const struct raml_fork_summary *r, double elapsed,
                                 struct raml_err *err)
{
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "out", s->of.out,
                  "questions", (json_int_t)r->n_questions, "trajectories", (json_int_t)r->n_trajectories, "skipped",
                  (json_int_t)r->n_skipped, "places", (json_int_t)r->n_places, "forks", (json_int_t)r->n_forks,
                  "continuations", (json_int_t)r->n_continuations, "tokens", (json_int_t)r->n_written, "prompt_tokens",
                  (json_int_t)r->n_prompt_tokens, "prompt_tokens_by_fork", (json_int_t)r->n_fork_prompts,
                  "prompt_tokens_alone", (json_int_t)r->n_own_prompts, "probe_tokens", (json_int_t)r->n_read,
                  "probe_tokens_alone", (json_int_t)r->n_own_read, "seconds", elapsed);
    int failed = !o || json_object_set_new(o, "critical_forced", critical_json(r, 0)) ||
                 json_object_set_new(o, "critical_resampled", critical_json(r, 1)) ||
                 json_object_set_new(o, "importance", order_json(&r->order)) ||
                 json_object_set_new(o, "rows", rows_json(r));
    return cli_print_json(raml_json_checked(o, failed), err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code run_forks(const struct cli *cli, const struct settings *s, const struct raml_fork_files_job *job,
                                const struct raml_fork_files_options *opt, struct raml_err *err)
{
    struct raml_fork_summary result;
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_fork_files(job, opt, &result, err);
    double elapsed = raml_clock_monotonic() - start;
    if (!rc) rc = cli_write_recipe(cli, s->of.out, "fork.yaml", err);
    if (!rc && cli->json) rc = print_json(s, &result, elapsed, err);
    else if (!rc) print_summary(s, &result, elapsed);
    if (!rc && result.stopped)
        rc = raml_fail(err, RAML_ESTOP, "stopped; %zu trajectories are in %s", result.n_trajectories, s->of.out);
    raml_fork_summary_deinit(&result);
    return rc;
}

static enum raml_code read_settings(const struct cli *cli, const struct settings *s, uint32_t at[MAX_AT],
                                    struct raml_fork_files_options *opt, struct raml_err *err)
{
    enum raml_code rc = cli_trajectories_check(cli, &s->of, "fork", err);
    if (!rc) rc = cli_output_folder(cli, s->of.out, "fork.yaml", err);
    *opt = options_of(cli, s);
    opt->at = at;
    if (!rc) rc = read_at(s->at, at, &opt->n_at, err);
    return rc ? rc : choose_places(s, opt, err);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct trajectories x = {0};
    uint32_t at[MAX_AT];
    int32_t eos[CLI_MAX_EOS];
    struct raml_fork_files_options opt;
    enum raml_code rc = read_settings(cli, s, at, &opt, err); /* before a model is loaded */
    if (!rc) rc = cli_trajectories_open(cli, &s->of, "fork", &x, err);
    if (!rc) opt.n_eos = cli_load_eos(x.model, eos);
    opt.eos = eos;
    const struct raml_fork_files_job job = {.model = x.model,
                                            .tokenizer = x.tokenizer,
                                            .format = x.prompting.format,
                                            .questions = &x.questions,
                                            .data_name = x.data,
                                            .dir = s->of.out,
                                            .sink = cli->sink};
    if (!rc) rc = run_forks(cli, s, &job, &opt, err);
    cli_trajectories_close(&x);
    return rc;
}

const struct cli_command cli_fork = {
    .name = "fork",
    .about = "what a word, a step or the end of thinking causes",
    .args = "FILE.jsonl",
    .detail =
        "At places of a trajectory one thing is changed, and the model goes on from there n times, by forks that share "
        "what they have in common: a word is put in (beside control words), the unit that stands there is taken out "
        "(beside matched windows) or replaced, or thinking is ended. Prints what that changes in accuracy, in the "
        "answers' distribution and in the answer's loss, before and after the critical position, and how the "
        "importance "
        "of steps by forced answers agrees with that by resampling. Writes fork.jsonl, fork.tsv, effects.tsv, "
        "order.tsv, "
        "importance.tsv, marks.jsonl, fork.yaml, trajectories.html and figures (tsv, gp, svg).",
    .example = "raml fork --model demo/with samples.jsonl --places line --limit 20 --out fork",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
