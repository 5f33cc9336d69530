/* trace.c - `raml trace`: the loss of the answer after every token of given trajectories. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/prompting.h"
#include "core/json.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/path.h"
#include "raml/report.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *data, *model, *tokenizer, *dtype, *out, *map, *answer, *join, *split, *family;
    int64_t limit, max_samples, n_curves, n_shown, stride, max_batch_tokens;
    double ema, threshold;
    bool score_end, skip_long, token_table;
    struct prompting_settings prompting;
};

#define AT(field) offsetof(struct settings, field)
static const struct cli_option options[] = {
    {"model", "model_name_or_path", CLI_PATH, AT(model), NULL, 0, 0, NULL,
     "A model's folder or GGUF file, a run's folder (its newest checkpoint), or init:PRESET (random weights)."},
    {"tokenizer", NULL, CLI_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "tokenizer.json, a folder with one, or a GGUF file; default: the model's."},
    {"data", NULL, CLI_PATH, AT(data), NULL, 0, 0, NULL,
     "JSONL file of trajectories; the same as the nameless argument."},
    PROMPTING_OPTIONS(AT(prompting)),
    {"out", "output_dir", CLI_PATH, AT(out), "trace", 0, 0, NULL, "Folder to write into; made if missing."},
    {"map", NULL, CLI_TEXT, AT(map), NULL, 0, 0, NULL, "Fields of the file: question=NAME,answer=NAME,..."},
    {"limit", NULL, CLI_INT, AT(limit), "0", 0, 1e15, NULL, "Read only the first n questions; 0: all."},
    {"split", NULL, CLI_TEXT, AT(split), NULL, 0, 0, NULL, "Trace only questions of this split."},
    {"family", NULL, CLI_TEXT, AT(family), NULL, 0, 0, NULL, "Trace only questions of this family."},
    {"max_samples", NULL, CLI_INT, AT(max_samples), "0", 0, 1e9, NULL,
     "Only the first n trajectories of each question; 0: all."},
    {"answer", NULL, CLI_ONE, AT(answer), "gold", 0, 0, "gold|own",
     "Whose loss: the question's answer, or the sample's own."},
    {"join", NULL, CLI_ONE, AT(join), "joint", 0, 0, "joint|split",
     "Encode answer prefix and answer as one text, as a model sees them, or separately."},
    {"score_end", NULL, CLI_FLAG, AT(score_end), NULL, 0, 0, NULL,
     "Count the end-of-text token as part of the answer."},
    {"stride", NULL, CLI_INT, AT(stride), "1", 1, 1e9, NULL, "Probe after every n tokens, and after the last."},
    {"skip_long", NULL, CLI_FLAG, AT(skip_long), NULL, 0, 0, NULL,
     "Skip trajectories that are longer than the model's context; without it they are an error."},
    {"max_batch_tokens", NULL, CLI_INT, AT(max_batch_tokens), "16384", 1, 1 << 30, NULL,
     "Tokens per pass; bounds memory, not results (in bf16: except for rounding where a trajectory exceeds it)."},
    {"dtype", NULL, CLI_ONE, AT(dtype), "stored", 0, 0, "stored|auto|bf16|f32",
     "Type of the matrices. stored: as in the file (BF16 files are multiplied in bf16 where the processor can, "
     "others in f32); auto: bf16 where the processor multiplies it and the file is not quantised, which is mostly "
     "faster "
     "and 0.001 off on average; else stored."},
    {"ema", NULL, CLI_REAL, AT(ema), "0.01", 1e-9, 1, NULL, "Weight of the newest value in the moving average."},
    {"threshold", NULL, CLI_REAL, AT(threshold), "0.1", 0, 1e9, NULL,
     "An answer is solved once its loss stays under this, in nats per answer token."},
    {"n_curves", NULL, CLI_INT, AT(n_curves), "4", 0, 1000, NULL,
     "Draw this many single trajectories as figures, the first ones."},
    {"n_shown", NULL, CLI_INT, AT(n_shown), "8", 0, 10000, NULL,
     "Trajectories in trajectories.html, the first of each of right, wrong and unlabelled."},
    {"token_table", NULL, CLI_FLAG, AT(token_table), "true", 0, 0, NULL, "Write tokens.jsonl, one line per token."},
};

static struct raml_trace_files_options options_of(const struct settings *s)
{
    return (struct raml_trace_files_options){
        .trace = {.stride = (size_t)s->stride, .max_batch_tokens = (size_t)s->max_batch_tokens},
        .own = !strcmp(s->answer, "own"),
        .score_end = s->score_end,
        .join = strcmp(s->join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT,
        .skip_long = s->skip_long,
        .split = s->split,
        .family = s->family,
        .max_samples = (size_t)s->max_samples,
        .ema = s->ema,
        .threshold = s->threshold,
        .n_curves = (size_t)s->n_curves,
        .n_shown = (size_t)s->n_shown,
        .token_table = s->token_table};
}

/* -- Output -------------------------------------------------------------------------------------------------------- */

static void print_number(double x, int width, int digits)
{
    if (isfinite(x)) printf(" %*.*f", width, digits, x);
    else printf(" %*s", width, "-");
}

static void print_table(const struct settings *s, const struct raml_trace_summary *r, double elapsed)
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
    if (r->n_skipped) printf("%zu trajectories were skipped\n", r->n_skipped);
    printf("%" PRIu64 " probes: %" PRIu64 " tokens in %" PRIu64
           " passes of %.2f s together, %.0f tokens/s; %.2f s in all\n",
           r->n_probes, r->n_read, r->n_passes, r->model_seconds, (double)r->n_read / r->model_seconds, elapsed);
    printf("%s/trajectories.html\n", s->out);
}

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

static enum raml_code print_json(const struct settings *s, const struct raml_trace_summary *r, double elapsed,
                                 struct raml_err *err)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f}", "out", s->out, "trajectories",
                          (json_int_t)r->group[RAML_TRACE_ALL].n, "skipped", (json_int_t)r->n_skipped, "probes",
                          (json_int_t)r->n_probes, "trajectory_tokens", (json_int_t)r->n_trajectory_tokens,
                          "tokens_read", (json_int_t)r->n_read, "passes", (json_int_t)r->n_passes, "seconds", elapsed,
                          "model_seconds", r->model_seconds, "tokens_per_s", (double)r->n_read / r->model_seconds);
    for (int i = 0; o && i < RAML_TRACE_GROUPS; i++) {
        if (r->group[i].n == 0) continue;
        const char *name = raml_trace_verdict_name((enum raml_trace_verdict)i);
        if (json_object_set_new(o, name, group_json(&r->group[i])) == 0) continue;
        json_decref(o);
        o = NULL;
    }
    return cli_print_json(o, err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

/* Every setting beside the results, so that they can be reproduced. */
static enum raml_code write_recipe(const struct cli *cli, const struct settings *s, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (!cli->recipe) return RAML_OK;
    enum raml_code rc = raml_path_join(path, s->out, "trace.yaml", err);
    return rc ? rc : raml_file_write(path, cli->recipe, strlen(cli->recipe), err);
}

static enum raml_code trace(const struct cli *cli, const struct settings *s, const struct raml_questions *qs,
                            const struct raml_model *model, const struct raml_tokenizer *tokenizer,
                            const struct raml_format *format, struct raml_err *err)
{
    const struct raml_trace_files_options opt = options_of(s);
    const struct raml_trace_files_job job = {.model = model,
                                             .tokenizer = tokenizer,
                                             .format = *format,
                                             .questions = qs,
                                             .data_name = s->data ? s->data : cli->arg[0],
                                             .dir = s->out,
                                             .sink = cli->sink,
                                             .clock = raml_clock_monotonic};
    struct raml_trace_summary result;
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_trace_files(&job, &opt, &result, err);
    double elapsed = raml_clock_monotonic() - start;
    if (!rc) rc = write_recipe(cli, s, err);
    if (rc) return rc;
    if (cli->json) rc = print_json(s, &result, elapsed, err);
    else print_table(s, &result, elapsed);
    if (!rc && result.stopped)
        rc = raml_fail(err, RAML_ESTOP, "stopped; %zu trajectories are in %s", result.group[RAML_TRACE_ALL].n, s->out);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    struct raml_questions qs;
    char *model_path = NULL;
    struct prompting prompting = {0};
    size_t n_files = cli->n_args + (s->data != NULL);
    if (n_files != 1) return raml_fail(err, RAML_EUSAGE, "trace takes one FILE.jsonl; found %zu", n_files);
    if (!s->out || !*s->out) return raml_fail(err, RAML_EUSAGE, "--out is empty; expected a folder");
    raml_questions_init(&qs);
    enum raml_code rc = cli_load_model(cli, s->model, s->dtype, &model, &model_path, err);
    if (!rc) rc = cli_load_tokenizer(s->tokenizer, model_path, &tokenizer, err);
    const struct raml_read_options read = {.map = s->map, .limit = (size_t)s->limit};
    if (!rc) rc = cli_prompting_open(&s->prompting, model_path, tokenizer, &prompting, err);
    if (!rc) rc = raml_questions_read(&qs, s->data ? s->data : cli->arg[0], &read, NULL, NULL, err);
    if (!rc) rc = trace(cli, s, &qs, model, tokenizer, &prompting.format, err);
    cli_prompting_close(&prompting);
    raml_questions_deinit(&qs);
    raml_tokenizer_close(tokenizer);
    raml_model_close(model);
    free(model_path);
    return rc;
}

const struct cli_command cli_trace = {
    .name = "trace",
    .about = "the loss of the answer after every token of given trajectories",
    .args = "FILE.jsonl",
    .detail =
        "L(i) is the mean negative log-likelihood of the answer's tokens once the model has read the question, i "
        "trajectory tokens and the answer prefix. All prefixes of a trajectory are one token tree, "
        "read in one pass. Trajectories are those of the file: samples of 'raml sample', solutions of 'raml task "
        "make', GSM8K, MATH. Writes curves.jsonl, tokens.jsonl, curves.safetensors, mean_curve and curve_N (tsv, gp, "
        "svg), trajectories.html and trace.yaml; prints means by verdict.",
    .example = "raml trace --model run-sft samples.jsonl --limit 100 --out run-sft/trace",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
