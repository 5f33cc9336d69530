/* study.c - `raml study exits`: when to stop thinking, policy by policy, on one stored set of probes. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/study.h"

#include "core/clock.h"
#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct study_exits_settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_OPTIONS(AT(of), "exits", "0", TRAJECTORIES_DTYPE),
    {"stride", NULL, RAML_INT, AT(stride), "0", 0, 1e9, NULL,
     "Probe after every n tokens of thinking; 0: 32, with --probes what the set has (another one is refused)."},
    {"waits", NULL, RAML_TEXT, AT(waits), NULL, 0, 0, NULL,
     "Words before which to probe as well, joined by commas; empty: none; default: wait, with --probes the set's."},
    {"probe_tokens", NULL, RAML_INT, AT(probe_tokens), "0", 0, 1e6, NULL,
     "Tokens that a probe writes at most; 0: 32, with --probes what the set has."},
    {"probe_rest", NULL, RAML_INT, AT(rest), "8", 0, 1e6, NULL,
     "Tokens that it writes after its answer has ended, for policies that look for words of doubt there; only where "
     "text follows an answer."},
    {"batch_size", NULL, RAML_INT, AT(batch_size), "64", 1, 1 << 16, NULL,
     "Probes in progress at once; changes speed and memory, not results."},
    {"probes", NULL, RAML_PATH, AT(probes), NULL, 0, 0, NULL,
     "Replay this stored set (probes.jsonl) instead of making one: needs no model. Of a model or trajectories that are "
     "given as well it is checked that the set is theirs."},
    {"policies", NULL, RAML_TEXT, AT(policies), NULL, 0, 0, NULL,
     "Policies to replay, joined by ;, as \"stability:stride=64,repeats=3;eat:delta=0.001\" (docs/exits.md); default: "
     "grids of all kinds. Fixed budgets are always among them."},
    {"validation", NULL, RAML_REAL, AT(validation), "0.5", 0.01, 0.99, NULL,
     "Share of the questions on which settings are chosen; the rest are reported on."},
    {"margin", NULL, RAML_REAL, AT(margin), "0.01", 0, 1, NULL,
     "A setting may be chosen if its accuracy there is at most this much below that of full thinking."},
    {"choose", NULL, RAML_ONE, AT(choose), "tokens", 0, 0, "tokens|accuracy",
     "Of the settings within the margin choose the one with the fewest tokens, or the most accurate one."},
    {"online", NULL, RAML_FLAG, AT(online), NULL, 0, 0, NULL,
     "Try a policy in running samples of the test half's questions, beside samples that think to their end (same "
     "seed): of the chosen ones that with the fewest tokens, with --choose accuracy the most accurate one."},
    {"online_policy", NULL, RAML_TEXT, AT(online_policy), NULL, 0, 0, NULL, "The policy that --online tries instead."},
    {"num_generations", "n", RAML_INT, AT(n), "1", 1, 1 << 20, NULL, "With --online: samples per question."},
    {"temperature", "temp", RAML_REAL, AT(temperature), "1", 0, 100, NULL, "With --online; 0: the likeliest token."},
    {"top_k", NULL, RAML_INT, AT(top_k), "0", 0, 1 << 24, NULL, "With --online: only the k likeliest tokens; 0: all."},
    {"top_p", NULL, RAML_REAL, AT(top_p), "1", 1e-9, 1, NULL,
     "With --online: only the likeliest tokens that together reach this probability."},
    {"force_continuation", "force_wait", RAML_INT, AT(force_continuation), "0", 0, 1 << 16, NULL,
     "With --online: how often to insert the continuation where thinking would end."},
    {"max_completion_length", "max_tokens", RAML_INT, AT(max_completion_length), "512", 1, 1 << 24, NULL,
     "With --online: maximum tokens of a sample, thinking and answer together."},
    {"n_shown", NULL, RAML_INT, AT(n_shown), "12", 0, 10000, NULL, "Trajectories in trajectories.html."},
};

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static struct raml_exits_files_options options_of(const struct cli *cli, const struct study_exits_settings *s)
{
    struct raml_exits_files_options o = raml_exits_files_default();
    if (s->stride) o.stride = (size_t)s->stride;
    if (s->waits) o.waits = s->waits;
    if (s->probe_tokens) o.probe_tokens = (size_t)s->probe_tokens;
    o.set_stride = (size_t)s->stride;
    o.set_waits = s->waits;
    o.set_probe_tokens = (size_t)s->probe_tokens;
    o.rest = (size_t)s->rest;
    o.score_end = s->of.score_end;
    o.skip_long = s->of.skip_long;
    o.join = strcmp(s->of.join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT;
    o.split = s->of.split;
    o.family = s->of.family;
    o.max_samples = (size_t)s->of.max_samples;
    o.max_batch_tokens = (size_t)s->of.max_batch_tokens;
    o.batch_size = (size_t)s->batch_size;
    o.probes = s->probes;
    o.policies = s->policies;
    o.validation = s->validation;
    o.margin = s->margin;
    o.seed = cli->seed;
    o.n_shown = (size_t)s->n_shown;
    o.by_accuracy = !strcmp(s->choose, "accuracy");
    o.sampling.force_continuation = (int)s->force_continuation;
    o.online = s->online;
    o.online_policy = s->online_policy;
    o.sampling.n = (size_t)s->n;
    o.sampling.batch_size = (size_t)s->batch_size;
    o.sampling.temperature = s->temperature;
    o.sampling.top_k = (int)s->top_k;
    o.sampling.top_p = s->top_p;
    o.sampling.max_completion_length = (size_t)s->max_completion_length;
    return o;
}

/* A stored set needs no model and no trajectories. */
static enum raml_code check_arguments(const struct cli *cli, const struct study_exits_settings *s, struct raml_err *err)
{
    size_t n_files = cli->n_args + (s->of.data != NULL);
    if (!strcmp(s->of.answer, "own"))
        return raml_fail(err, RAML_EUSAGE, "--answer own: a stop is right or wrong by the question's answer");
    if (s->online_policy && !s->online) return raml_fail(err, RAML_EUSAGE, "--online_policy needs --online");
    if (s->online && !s->of.model) return raml_fail(err, RAML_EUSAGE, "--online needs --model");
    if (!s->probes || n_files > 1) return cli_trajectories_check(cli, &s->of, "study exits", err);
    if (!s->of.out || !*s->of.out) return raml_fail(err, RAML_EUSAGE, "--out is empty; expected a folder");
    if (s->of.model && n_files == 0)
        return raml_fail(err, RAML_EUSAGE, "--model with --probes needs the FILE.jsonl that the probes are of");
    return RAML_OK;
}

/* With a stored set whatever of model and trajectories is named. */
static enum raml_code open_inputs(const struct cli *cli, const struct study_exits_settings *s, struct trajectories *x,
                                  struct raml_err *err)
{
    size_t n_files = cli->n_args + (s->of.data != NULL);
    if (!s->probes || s->of.model) return cli_trajectories_open(cli, &s->of, "study exits", x, err);
    raml_questions_init(&x->questions);
    if (n_files == 0) return RAML_OK;
    const struct raml_read_options read = {.map = s->of.map, .limit = (size_t)s->of.limit};
    x->data = s->of.data ? s->of.data : cli->arg[0];
    return cli_read_questions(cli, &x->questions, x->data, &read, NULL, err);
}

/* Of a model's files; of random weights, of what makes them. */
static enum raml_code model_hash(const struct cli *cli, const struct trajectories *x,
                                 const struct study_exits_settings *s, uint64_t *hash, struct raml_err *err)
{
    *hash = 0;
    if (!x->model) return RAML_OK;
    return cli_load_hash(cli, s->of.model, s->of.adapter, hash, err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code study(const struct cli *cli, const struct study_exits_settings *s,
                            const struct raml_exits_files_job *job, struct raml_err *err)
{
    struct raml_exits_summary sum = {0};
    const struct raml_exits_files_options opt = options_of(cli, s);
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_exits_files(job, &opt, &sum, err);
    double elapsed = raml_clock_monotonic() - start;
    if (!rc) rc = cli_write_recipe(cli, s->of.out, "exits.yaml", err);
    if (!rc && cli->json) rc = cli_print_json(cli_study_exits_json(&sum, s->of.out, elapsed), err);
    else if (!rc) cli_study_exits_print(&sum, &opt, s->of.out, elapsed);
    if (!rc && sum.stopped && sum.n_trajectories == sum.n_planned)
        rc = raml_fail(err, RAML_ESTOP, "stopped in running samples; what is in %s is of the stored set alone",
                       s->of.out);
    else if (!rc && sum.stopped)
        rc = raml_fail(err, RAML_ESTOP,
                       "stopped; %zu of %zu trajectories are in %s/probes.jsonl, which the same "
                       "command completes",
                       sum.n_trajectories, sum.n_planned, s->of.out);
    raml_exits_summary_deinit(&sum);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct study_exits_settings *s = settings;
    struct trajectories x = {0};
    uint64_t hash = 0;
    int32_t eos[CLI_MAX_EOS];
    enum raml_code rc = check_arguments(cli, s, err);
    if (!rc) rc = cli_output_again(cli, s->of.out, "exits.yaml", err);
    if (rc) return rc;
    rc = open_inputs(cli, s, &x, err);
    if (!rc) rc = model_hash(cli, &x, s, &hash, err);
    const struct raml_exits_files_job job = {.model = x.model,
                                             .tokenizer = x.tokenizer,
                                             .format = x.prompting.format,
                                             .questions = x.data ? &x.questions : NULL,
                                             .eos = eos,
                                             .n_eos = !rc && x.model ? cli_load_eos(x.model, eos) : 0,
                                             .model_hash = hash,
                                             .dtype = s->of.dtype,
                                             .data_name = x.data ? x.data : s->probes,
                                             .dir = s->of.out,
                                             .overwrite = cli->overwrite,
                                             .sink = cli->sink,
                                             .clock = raml_clock_monotonic};
    if (!rc) rc = study(cli, s, &job, err);
    cli_trajectories_close(&x);
    return rc;
}

const struct cli_command cli_study_exits = {
    .name = "study exits",
    .about = "when to stop thinking: policies of early exit on one stored set of probes",
    .args = "[FILE.jsonl]",
    .detail = "Asks for the answer at many places of every trajectory, once, and keeps what comes (probes.jsonl). On "
              "that set it replays fixed budgets, answer stability, confidence (DEER), Dynasor's levels, CoDE-Stop, "
              "EAT, and, as bounds, the loss of the right answer and the first right one; probes are counted as cost. "
              "Settings are chosen on one half of the questions and reported on the other, against full thinking and "
              "against the best fixed budget that costs at most as much. Writes exits.tsv, exits.jsonl, figures (tsv, "
              "gp, svg), "
              "trajectories.html and exits.yaml.",
    .example = "raml study exits --model run-sft samples.jsonl --stride 16 --out run-sft/exits",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct study_exits_settings),
    .pipes = true,
    .run = run,
};
