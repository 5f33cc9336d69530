/* trace.c - `raml trace`: the loss of the answer after every token of given trajectories. */
#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/trajectories.h"
#include "cli/trace.h"

#include "core/clock.h"
#include "core/folder.h"
#include "core/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECIPE_BYTES = 1 << 24 };

struct settings {
    struct trajectories_settings of;
    const char *answers, *answers_file, *borders, *layers, *control, *filler, *prefixes, *reader, *reader_tokenizer;
    int64_t n_curves, n_shown, stride, n_cuts, budget;
    double ema, threshold;
    bool token_table, token_values;
    struct endpoint_settings endpoint;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_OPTIONS(AT(of), "trace", "0", TRAJECTORIES_DTYPE),
    {"answers", NULL, RAML_TEXT, AT(answers), NULL, 0, 0, NULL,
     "Several answers at once: a list of gold, own, majority (of the question's samples), wrong (their most frequent "
     "wrong one), choices (the options' letters). The first is the one that summaries and figures are of."},
    {"answers_file", NULL, RAML_PATH, AT(answers_file), NULL, 0, 0, NULL,
     "Further answers: JSONL, {\"id\", \"answers\": [texts]} a line."},
    {"stride", NULL, RAML_INT, AT(stride), "1", 1, 1e9, NULL, "Probe after every n tokens, and after the last."},
    {"borders", NULL, RAML_ONE, AT(borders), "token", 0, 0, "token|line|sentence|paragraph|reflection",
     "Probe where the text has a border instead: a line's or sentence's end, an empty line, before and after a "
     "reflection word (wait, however, ...)."},
    {"layers", NULL, RAML_TEXT, AT(layers), NULL, 0, 0, NULL,
     "Curves read after layers, through the final norm and head: all, or a list; 0 is the embedding."},
    {"control", NULL, RAML_TEXT, AT(control), NULL, 0, 0, NULL,
     "The same probes after other trajectories, a list: shuffle (the same tokens in another order), foreign (another "
     "question's), filler (one token, repeated)."},
    {"control_cuts", NULL, RAML_INT, AT(n_cuts), "8", 1, 1000, NULL,
     "Places of a trajectory where controls are probed, evenly spaced."},
    {"filler", NULL, RAML_TEXT, AT(filler), ".", 0, 0, NULL, "Text whose first token is the filler."},
    {"answer_prefixes", "cues", RAML_PATH, AT(prefixes), NULL, 0, 0, NULL,
     "Further answer prefixes, to see how much they matter (prefix.tsv): JSONL, {\"name\", \"text\"} a line."},
    {"reader", NULL, RAML_PATH, AT(reader), NULL, 0, 0, NULL,
     "Another model that reads the trajectories; with --model both do, and the second one's files are in OUT/reader."},
    {"reader_tokenizer", NULL, RAML_PATH, AT(reader_tokenizer), NULL, 0, 0, NULL,
     "The reader's tokenizer; default: its own."},
    {"regret_budget", NULL, RAML_INT, AT(budget), "0", 0, 1e9, NULL,
     "Tokens that regret is taken over; 0: those of each trajectory, its answer prefix and its answer."},
    {"token_values", NULL, RAML_FLAG, AT(token_values), "true", 0, 0, NULL,
     "Log-probability, entropy and role of every trajectory token in curves.jsonl."},
    {"ema", NULL, RAML_REAL, AT(ema), "0", 0, 1, NULL,
     "Weight of the newest value in the moving average; 0: of about a tenth of the trajectory."},
    {"threshold", NULL, RAML_REAL, AT(threshold), "0.1", 0, 1e9, NULL,
     "An answer is solved once its loss stays under this, in nats per answer token."},
    {"n_curves", NULL, RAML_INT, AT(n_curves), "4", 0, 1000, NULL,
     "Draw this many single trajectories as figures, the first ones."},
    {"n_shown", NULL, RAML_INT, AT(n_shown), "8", 0, 10000, NULL,
     "Trajectories in trajectories.html, the first of each of right, wrong and unlabelled."},
    {"token_table", NULL, RAML_FLAG, AT(token_table), "true", 0, 0, NULL, "Write tokens.jsonl, one line per token."},
};

static const struct cli_shared shared[] = {ENDPOINT_TABLE(AT(endpoint))};

static struct raml_trace_files_options options_of(const struct cli *cli, const struct settings *s)
{
    struct raml_trace_files_options o = raml_trace_files_default();
    o.trace.stride = (size_t)s->stride;
    o.trace.max_batch_tokens = (size_t)s->of.max_batch_tokens;
    o.trace.tokens = s->token_values;
    o.own = !strcmp(s->of.answer, "own");
    o.score_end = s->of.score_end;
    o.join = strcmp(s->of.join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT;
    o.skip_long = s->of.skip_long;
    o.split = s->of.split;
    o.family = s->of.family;
    o.max_samples = (size_t)s->of.max_samples;
    o.ema = s->ema;
    o.threshold = s->threshold;
    o.n_curves = (size_t)s->n_curves;
    o.n_shown = (size_t)s->n_shown;
    o.token_table = s->token_table;
    o.answers = s->answers;
    o.answers_file = s->answers_file;
    o.borders = strcmp(s->borders, "token") ? s->borders : NULL;
    o.layers = s->layers;
    o.controls = s->control;
    o.filler = s->filler;
    o.n_cuts = (size_t)s->n_cuts;
    o.prefixes_file = s->prefixes;
    o.budget = (size_t)s->budget;
    o.seed = cli->seed;
    return o;
}

/* -- The command --------------------------------------------------------------------------------------------------- */

struct reading { /* by one model */
    const char *model, *adapter, *tokenizer;
    const char *dir;          /* where its files are made */
    struct cli_traced traced; /* out, where they will be, and reader are set before */
};

static enum raml_code open_tokenizer(const struct reading *r, const char *model_path, struct raml_tokenizer **out,
                                     struct raml_err *err)
{
    if (!r->traced.reader || r->tokenizer || !model_path) return cli_load_tokenizer(r->tokenizer, model_path, out, err);
    enum raml_code rc = raml_tokenizer_open(model_path, out, err);
    return rc ? raml_wrap(err, rc, "reader %s: its tokenizer (--reader_tokenizer gives another)", r->model) : RAML_OK;
}

/* Reads, or with only_check looks whether it could. */
static enum raml_code trace_with(const struct cli *cli, const struct settings *s, const struct raml_questions *qs,
                                 struct reading *r, bool only_check, struct raml_err *err)
{
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    char *model_path = NULL;
    struct prompting prompting = {0};
    struct cli_endpoint endpoint = {0};
    const struct raml_trace_files_options opt = options_of(cli, s);
    const bool asks = s->endpoint.url && !r->traced.reader;
    enum raml_code rc = asks ? cli_endpoint_find(r->model, r->adapter, r->tokenizer, true, &model_path, err)
                             : cli_load_model(cli, r->model, r->adapter, s->of.dtype, &model, &model_path, err);
    if (!rc && model) raml_model_heed(model, cli->sink);
    if (!rc) rc = open_tokenizer(r, model_path, &tokenizer, err);
    if (!rc && asks) rc = cli_endpoint_open(cli, &s->endpoint, r->traced.out, model_path, tokenizer, &endpoint, err);
    if (!rc && r->traced.reader) rc = raml_trace_check_reader(model, tokenizer, r->traced.reader, err);
    if (!rc) rc = cli_prompting_open(&s->of.prompting, model_path, tokenizer, &prompting, err);
    const struct raml_trace_files_job job = {.model = model,
                                             .remote =
                                                 endpoint.endpoint ? raml_endpoint_remote(endpoint.endpoint) : NULL,
                                             .tokenizer = tokenizer,
                                             .format = prompting.format,
                                             .questions = qs,
                                             .data_name = s->of.data ? s->of.data : cli->arg[0],
                                             .reader = r->traced.reader,
                                             .dir = r->dir,
                                             .sink = cli->sink,
                                             .clock = raml_clock_monotonic};
    double start = raml_clock_monotonic();
    if (!rc && only_check) rc = raml_trace_files_check(&job, &opt, err);
    else if (!rc) rc = raml_trace_files(&job, &opt, &r->traced.sum, err);
    r->traced.seconds = raml_clock_monotonic() - start;
    cli_endpoint_close(&endpoint);
    cli_prompting_close(&prompting);
    raml_tokenizer_close(tokenizer);
    raml_model_close(model);
    free(model_path);
    return rc;
}

/* With a model and a reader: what they differ in. */
static enum raml_code print_both(const struct cli *cli, const char *dir, const struct reading *r, size_t n,
                                 struct raml_err *err)
{
    struct raml_trace_summary difference = {.n_rows = 0};
    char path[RAML_PATH_BYTES];
    enum raml_code rc = RAML_OK;
    if (n == 2) rc = raml_path_join(path, dir, "reader.tsv", err);
    if (n == 2 && !rc)
        rc = raml_trace_compare(&r[0].traced.sum, &r[1].traced.sum, cli->seed, raml_trace_files_default().n_draws, path,
                                &difference, err);
    json_t *o = cli->json && !rc ? cli_trace_json(&r[0].traced) : NULL;
    for (size_t i = 0; !rc && !cli->json && i < n; i++) cli_trace_print(&r[i].traced);
    if (!rc && !cli->json && n == 2) cli_trace_print_difference(&difference);
    if (!rc && cli->json && n == 2) {
        int bad = !o || json_object_set_new(o, "read_again", cli_trace_json(&r[1].traced)) ||
                  json_object_set_new(o, "difference", cli_trace_rows_json(&difference)) ||
                  json_object_set_new(o, "difference_of_whole_answers", json_boolean(difference.whole_answers));
        if (bad) json_decref(o);
        if (bad) o = NULL;
    }
    if (!rc && cli->json) rc = cli_print_json(o, err);
    raml_trace_summary_deinit(&difference);
    return rc;
}

/* trace.yaml; of a run that was stopped, with a first line that says so. left: models that have read nothing. */
static enum raml_code write_recipe(const struct cli *cli, const char *dir, const struct reading *stopped, size_t left,
                                   struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    if (!stopped || !cli->recipe) return cli_write_recipe(cli, dir, "trace.yaml", err);
    enum raml_code rc = raml_path_join(path, dir, "trace.yaml", err);
    if (rc) return rc;
    raml_buf_init(&b, MAX_RECIPE_BYTES);
    const struct raml_trace_summary *sum = &stopped->traced.sum;
    raml_buf_addf(&b, "# stopped: %zu of %zu trajectories were traced%s\n", sum->group[RAML_TRACE_ALL].n,
                  sum->n_selected, left ? " by the reader, none by the model" : "");
    raml_buf_adds(&b, cli->recipe);
    rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

static enum raml_code trace_all(const struct cli *cli, const struct settings *s, const struct raml_questions *qs,
                                const char *dir, struct raml_err *err)
{
    char inside[RAML_PATH_BYTES], inside_dir[RAML_PATH_BYTES];
    struct reading r[2] = {{.model = s->of.model,
                            .adapter = s->of.adapter,
                            .tokenizer = s->of.tokenizer,
                            .dir = dir,
                            .traced.out = s->of.out}};
    size_t n = 1 + (s->reader && s->of.model);
    enum raml_code rc = raml_path_join(inside, s->of.out, "reader", err);
    if (!rc) rc = raml_path_join(inside_dir, dir, "reader", err);
    if (s->reader)
        r[n - 1] = (struct reading){.model = s->reader,
                                    .tokenizer = s->reader_tokenizer,
                                    .dir = n == 2 ? inside_dir : dir,
                                    .traced = {.out = n == 2 ? inside : s->of.out, .reader = s->reader}};
    size_t first = n; /* the reader reads first; what is wrong with either shows before anything is read */
    bool stopped = false;
    if (!rc && n == 2) rc = trace_with(cli, s, qs, &r[0], true, err);
    while (!rc && first && !stopped) {
        rc = trace_with(cli, s, qs, &r[--first], false, err);
        stopped = r[first].traced.sum.stopped;
    }
    if (!rc) rc = write_recipe(cli, dir, stopped ? &r[first] : NULL, first, err);
    if (!rc) rc = print_both(cli, dir, r + first, n - first, err);
    if (!rc && stopped)
        rc = raml_fail(err, RAML_ESTOP, "stopped; %zu trajectories are in %s",
                       r[first].traced.sum.group[RAML_TRACE_ALL].n, r[first].traced.out);
    for (size_t i = 0; i < n; i++) raml_trace_summary_deinit(&r[i].traced.sum);
    return rc;
}

/* Of an earlier trace, which goes with it; everything else in its folder moves over. */
static bool is_own(const char *name)
{
    static const char reader[] = "reader/";
    size_t n = sizeof reader - 1;
    if (!strcmp(name, "trace.yaml") || !strcmp(name, reader) || raml_trace_files_own(name)) return true;
    return !strncmp(name, reader, n) && raml_trace_files_own(name + n);
}

/* Into a folder that then takes the place of --out: what is there is one whole trace, the earlier one's or this one's. A
 * folder of other things, such as a run's, is written into. */
static enum raml_code trace_whole(const struct cli *cli, const struct settings *s, const struct raml_questions *qs,
                                  struct raml_err *err)
{
    char record[RAML_PATH_BYTES];
    struct raml_folder f;
    enum raml_code rc = raml_path_join(record, s->of.out, "trace.yaml", err);
    bool others = raml_is_dir(s->of.out) && !raml_folder_is_empty(s->of.out) && !raml_is_file(record);
    if (rc) return rc;
    if (others) return trace_all(cli, s, qs, s->of.out, err);
    rc = raml_folder_begin(&f, s->of.out, err);
    if (rc) return rc;
    rc = trace_all(cli, s, qs, f.path, err);
    if (!rc || rc == RAML_ESTOP) {
        struct raml_err own = {0};
        bool whole = !raml_path_join(record, f.path, "trace.yaml", NULL) && raml_is_file(record);
        enum raml_code put = whole ? raml_folder_commit(&f, cli->overwrite, is_own, &own) : RAML_OK;
        if (put && err) *err = own;
        if (put) rc = put;
    }
    raml_folder_deinit(&f);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct raml_questions qs;
    enum raml_code rc = cli_trajectories_check(cli, &s->of, "trace", err);
    if (!rc) rc = cli_output_kept(cli, s->of.out, "trace.yaml", err);
    if (rc) return rc;
    if (s->reader_tokenizer && !s->reader) return raml_fail(err, RAML_EUSAGE, "--reader_tokenizer needs --reader");
    if (s->reader && s->endpoint.url)
        return raml_fail(err, RAML_EUSAGE,
                         "--reader and --endpoint: one reads at a time; trace twice, and compare the folders");
    if (s->answers && !strcmp(s->of.answer, "own"))
        return raml_fail(err, RAML_EUSAGE, "--answer own and --answers exclude each other; put own into the list");
    if (!s->control && (strcmp(s->filler, ".") != 0 || (size_t)s->n_cuts != raml_trace_files_default().n_cuts))
        return raml_fail(err, RAML_EUSAGE, "--filler and --control_cuts need --control");
    raml_questions_init(&qs);
    const struct raml_read_options read = {.map = s->of.map, .limit = (size_t)s->of.limit};
    rc = cli_read_questions(cli, &qs, s->of.data ? s->of.data : cli->arg[0], &read, NULL, err);
    if (!rc) rc = trace_whole(cli, s, &qs, err);
    if (!rc) rc = cli_endpoint_forget(&s->endpoint, s->of.out, err);
    raml_questions_deinit(&qs);
    return rc;
}

const struct cli_command cli_trace = {
    .name = "trace",
    .about = "the loss of the answer after every token of given trajectories",
    .args = "FILE.jsonl",
    .detail = "L(i) is the mean negative log-likelihood of the answer's tokens once the model has read the question, i "
              "trajectory tokens and the answer prefix. All prefixes of a trajectory are one token tree, "
              "read in one pass. Trajectories are those of the file: samples of 'raml sample', solutions of 'raml task "
              "make', GSM8K, MATH. Writes curves.jsonl, tokens.jsonl, curves.safetensors, groups.tsv, figures (tsv, "
              "gp, svg), "
              "trajectories.html and trace.yaml; prints means by group with intervals over questions.",
    .example = "raml trace --model run-sft samples.jsonl --limit 100 --out run-sft/trace",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
