/* prune.c - `raml prune`: how much of its trajectory an answer needs. */
#include "cli/prune.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/trajectories.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LEVELS = 64, MAX_RECIPE_BYTES = 1 << 24 };

struct settings {
    struct trajectories_settings of;
    const char *steps, *slack, *bound, *epsilon, *share, *summaries, *summary_field, *write, *ratio_text;
    int64_t stride, max_steps, n_random, subsets, n_answers, max_answer_tokens, batch_size, n_draws;
    double temperature, tolerance;
    bool keep_wrong, write_wrong;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_OPTIONS(AT(of), "prune", "0", TRAJECTORIES_DTYPE),
    {"keep_wrong", NULL, RAML_FLAG, AT(keep_wrong), NULL, 0, 0, NULL,
     "Prune trajectories that are marked as wrong too; without it they are left out."},
    {"steps", NULL, RAML_ONE, AT(steps), "line", 0, 0, "line|sentence|paragraph|token",
     "What is removed as a whole: what stands between borders of the text; token: every --stride tokens."},
    {"stride", NULL, RAML_INT, AT(stride), "8", 1, 1e9, NULL, "Tokens of a step with --steps token."},
    {"max_steps", NULL, RAML_INT, AT(max_steps), "32", 0, 1e6, NULL,
     "Of a trajectory with more steps the neighbours with the fewest tokens are joined; 0: no limit. The work grows "
     "with its square."},
    {"slack", NULL, RAML_TEXT, AT(slack), "0,0.01,0.05,0.1,0.2,0.5,1", 0, 0, NULL,
     "Greedy deletion while the answer's loss is at most that after the whole trajectory plus this, in nats per answer "
     "token: numbers joined by commas; empty: none."},
    {"bound", NULL, RAML_TEXT, AT(bound), NULL, 0, 0, NULL, "Greedy deletion while the loss is at most this."},
    {"epsilon", NULL, RAML_TEXT, AT(epsilon), "0", 0, 0, NULL,
     "Keep steps that lower the loss by more than this on the whole trajectory's curve."},
    {"share", NULL, RAML_TEXT, AT(share), "0.9,0.8,0.7,0.6,0.5,0.4,0.3,0.2,0.1", 0, 0, NULL,
     "Shares of the tokens that every method is to keep: the curves, and the kept share at unchanged accuracy."},
    {"random", NULL, RAML_INT, AT(n_random), "4", 1, 1000, NULL, "Draws of random deletion."},
    {"subsets", NULL, RAML_INT, AT(subsets), "0", 0, 12, NULL,
     "Of trajectories with up to this many steps try every set of steps: what greedy deletion misses."},
    {"summaries", NULL, RAML_PATH, AT(summaries), NULL, 0, 0, NULL,
     "Texts in the trajectories' place: JSONL, {\"id\", \"summary\"} a line, or questions (their first trajectories); "
     "also tests whether they leak the answer."},
    {"summary_field", NULL, RAML_TEXT, AT(summary_field), "summary", 0, 0, NULL, "Its field that holds the text."},
    {"num_generations", "n", RAML_INT, AT(n_answers), "1", 0, 1000, NULL,
     "Answers that are generated after every kept text; 0: none."},
    {"temperature", "temp", RAML_REAL, AT(temperature), "0", 0, 100, NULL, "Of these; 0: the likeliest token."},
    {"max_answer_tokens", NULL, RAML_INT, AT(max_answer_tokens), "64", 1, 1 << 24, NULL,
     "An answer that has not ended after this many tokens counts as wrong."},
    {"batch_size", NULL, RAML_INT, AT(batch_size), "64", 1, 1 << 16, NULL,
     "Answers in progress at once; changes speed and memory, not results."},
    {"write", NULL, RAML_TEXT, AT(write), "slack:0.1", 0, 0, NULL,
     "What pruned.jsonl holds: slack:NUMBER, bound:NUMBER, epsilon:NUMBER, share:NUMBER, summary, or none."},
    {"write_wrong", NULL, RAML_FLAG, AT(write_wrong), NULL, 0, 0, NULL,
     "Write trajectories too after which the answer is wrong."},
    {"ratio_text", NULL, RAML_TEXT, AT(ratio_text), NULL, 0, 0, NULL,
     "Put this after each question of pruned.jsonl, with the kept share in the place of {}: \" [keep {}]\"."},
    {"tolerance", NULL, RAML_REAL, AT(tolerance), "0.01", 0, 1, NULL,
     "Accuracy counts as unchanged down to that after the whole trajectory less this."},
    {"draws", NULL, RAML_INT, AT(n_draws), "1000", 0, 1e6, NULL, "Resamples of bootstrap intervals."},
};

/* -- Settings ------------------------------------------------------------------------------------------------------ */

struct levels {
    struct raml_prune_level level[MAX_LEVELS];
    size_t n;
};

static enum raml_code read_list(enum raml_prune_level_kind kind, const char *text, struct levels *l,
                                struct raml_err *err)
{
    const char *at = text;
    if (!text || !*text) return RAML_OK;
    for (;;) {
        char *end;
        double x = strtod(at, &end);
        if (end == at || !isfinite(x) || (*end && *end != ',') || l->n == MAX_LEVELS)
            return raml_fail(err, RAML_EUSAGE, "--%s is '%s'; expected numbers joined by commas",
                             raml_prune_level_name(kind), text);
        l->level[l->n++] = (struct raml_prune_level){kind, x};
        if (!*end) return RAML_OK;
        at = end + 1;
    }
}

/* The kind of which the text begins with the name and a colon. */
static enum raml_prune_level_kind kind_of(const char *text, const char **value)
{
    for (int k = RAML_PRUNE_SLACK; k <= RAML_PRUNE_SHARE; k++) {
        const char *name = raml_prune_level_name((enum raml_prune_level_kind)k);
        size_t n = strlen(name);
        *value = text + n + 1;
        if (!strncmp(text, name, n) && text[n] == ':') return (enum raml_prune_level_kind)k;
    }
    return RAML_PRUNE_WHOLE;
}

static enum raml_code read_level(const char *text, struct raml_prune_level *out, struct raml_err *err)
{
    const char *value;
    char *end = NULL;
    *out = (struct raml_prune_level){RAML_PRUNE_WHOLE, 0};
    if (!text || !*text || !strcmp(text, "none")) return RAML_OK;
    out->kind = !strcmp(text, "summary") ? RAML_PRUNE_SUMMARY : kind_of(text, &value);
    if (out->kind == RAML_PRUNE_SUMMARY) return RAML_OK;
    if (out->kind != RAML_PRUNE_WHOLE) out->value = strtod(value, &end);
    if (end && end != value && !*end && isfinite(out->value)) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE,
                     "--write is '%s'; expected slack:NUMBER, bound:NUMBER, epsilon:NUMBER, share:NUMBER, summary or "
                     "none",
                     text);
}

static enum raml_code read_settings(const struct cli *cli, const struct settings *s, struct levels *l,
                                    struct raml_prune_files_options *o, struct raml_err *err)
{
    *o = raml_prune_files_default();
    o->own = !strcmp(s->of.answer, "own");
    o->score_end = s->of.score_end;
    o->skip_long = s->of.skip_long;
    o->join = strcmp(s->of.join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT;
    o->split = s->of.split;
    o->family = s->of.family;
    o->max_samples = (size_t)s->of.max_samples;
    o->max_batch_tokens = (size_t)s->of.max_batch_tokens;
    o->keep_wrong = s->keep_wrong;
    o->steps = s->steps;
    o->stride = (size_t)s->stride;
    o->max_steps = (size_t)s->max_steps;
    o->n_random = (size_t)s->n_random;
    o->all_subsets = (size_t)s->subsets;
    o->summaries = s->summaries;
    o->summary_field = s->summary_field;
    o->write_wrong = s->write_wrong;
    o->ratio_text = s->ratio_text;
    o->n_answers = (size_t)s->n_answers;
    o->max_answer_tokens = (size_t)s->max_answer_tokens;
    o->batch_size = (size_t)s->batch_size;
    o->temperature = s->temperature;
    o->seed = cli->seed;
    o->n_draws = (uint32_t)s->n_draws;
    o->tolerance = s->tolerance;
    enum raml_code rc = read_level(s->write, &o->write, err);
    if (!rc) rc = read_list(RAML_PRUNE_SLACK, s->slack, l, err);
    if (!rc) rc = read_list(RAML_PRUNE_BOUND, s->bound, l, err);
    if (!rc) rc = read_list(RAML_PRUNE_EPSILON, s->epsilon, l, err);
    if (!rc) rc = read_list(RAML_PRUNE_SHARE, s->share, l, err);
    o->level = l->level;
    o->n_levels = l->n;
    return rc;
}

static const char stopped_line[] = "# stopped:";

/* prune.yaml; of a run that was stopped, with a first line that says so. */
static enum raml_code write_recipe(const struct cli *cli, const struct cli_pruned *r, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    if (!r->sum.stopped || !cli->recipe) return cli_write_recipe(cli, r->out, "prune.yaml", err);
    enum raml_code rc = raml_path_join(path, r->out, "prune.yaml", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_RECIPE_BYTES);
    raml_buf_addf(&b, "%s %zu of %zu trajectories were pruned\n", stopped_line, r->sum.n_trajectories,
                  r->sum.n_selected);
    raml_buf_adds(&b, cli->recipe);
    rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

/* Does the folder hold what a run has left that was not stopped? */
static enum raml_code is_complete(const char *dir, bool *complete, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    *complete = false;
    enum raml_code rc = raml_path_join(path, dir, "prune.tsv", err);
    if (rc || !raml_is_file(path)) return rc;
    rc = raml_path_join(path, dir, "prune.yaml", err);
    if (rc || !raml_is_file(path)) return rc;
    raml_buf_init(&b, MAX_RECIPE_BYTES);
    rc = raml_file_read(path, &b, err);
    *complete = !rc && (!b.len || strncmp(b.data, stopped_line, strlen(stopped_line)) != 0);
    raml_buf_deinit(&b);
    return rc;
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code prune(const struct cli *cli, const struct settings *s, const struct trajectories *x,
                            const struct raml_prune_files_options *opt, struct raml_err *err)
{
    struct raml_prune_files_job job = {.model = x->model,
                                       .tokenizer = x->tokenizer,
                                       .format = x->prompting.format,
                                       .questions = &x->questions,
                                       .data_name = x->data,
                                       .dir = s->of.out,
                                       .sink = cli->sink};
    struct cli_pruned r = {
        .out = s->of.out, .writes = opt->write.kind != RAML_PRUNE_WHOLE, .tolerance = opt->tolerance};
    enum raml_code rc = is_complete(s->of.out, &job.keep_earlier, err);
    if (rc) return rc;
    double start = raml_clock_monotonic();
    rc = raml_prune_files(&job, opt, &r.sum, err);
    r.seconds = raml_clock_monotonic() - start;
    if (rc) return rc;
    rc = write_recipe(cli, &r, err);
    if (!rc && cli->json) rc = cli_print_prune_json(&r, err);
    else if (!rc) cli_print_prune(&r);
    if (!rc && r.sum.stopped)
        rc = raml_fail(err, RAML_ESTOP, "stopped; %zu trajectories are in %s", r.sum.n_trajectories, s->of.out);
    raml_prune_summary_deinit(&r.sum);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct trajectories x = {0};
    struct levels levels = {.n = 0};
    struct raml_prune_files_options opt;
    enum raml_code rc = read_settings(cli, s, &levels, &opt, err); /* before a model is loaded */
    if (!rc) rc = cli_trajectories_check(cli, &s->of, "prune", err);
    if (!rc) rc = cli_output_folder(cli, s->of.out, "prune.yaml", err);
    if (rc) return rc;
    rc = cli_trajectories_open(cli, &s->of, "prune", &x, err);
    if (!rc) rc = prune(cli, s, &x, &opt, err);
    cli_trajectories_close(&x);
    return rc;
}

const struct cli_command cli_prune = {
    .name = "prune",
    .about = "how much of its trajectory an answer needs",
    .args = "FILE.jsonl",
    .detail =
        "Removes steps of trajectories: greedily while the answer's loss stays under a bound, or those that do not "
        "lower "
        "it; beside both, as many tokens kept at random and from the start. After every kept text the model answers, "
        "and "
        "the answer is graded. Prints kept share, loss and accuracy, and the kept share at unchanged accuracy, with "
        "intervals over questions. Writes prune.jsonl, prune.tsv, prune.yaml, figures (tsv, gp, svg), and "
        "pruned.jsonl: "
        "the pruned trajectories for raml train sft.",
    .example = "raml prune --model run-sft samples.jsonl --limit 50 --max_samples 1 --out run-sft/prune",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
