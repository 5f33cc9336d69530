/* attention.c - `raml attention`: what heads attend to where a trajectory's steps begin, of a model or of a run's checkpoints. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/trajectories.h"
#include "core/json.h"

#include "core/clock.h"
#include "raml/attention_files.h"
#include "raml/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_MAX_BYTES = 1 << 20 };

struct settings {
    struct trajectories_settings of;
    bool checkpoints;
    int64_t n_draws;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_WHICH_OPTIONS(AT(of), "attention", "1"),
    TRAJECTORIES_READ_OPTIONS(AT(of), TRAJECTORIES_DTYPE),
    {"checkpoints", NULL, RAML_FLAG, AT(checkpoints), NULL, 0, 0, NULL,
     "Every checkpoint of the run's folder that --model names, in the order of their steps, instead of the newest."},
    {"n_draws", NULL, RAML_INT, AT(n_draws), "1000", 0, 1e6, NULL, "Resamples of the intervals; 0: no intervals."},
};

/* -- Models -------------------------------------------------------------------------------------------------------- */

struct models { /* those that are read, in order */
    const struct cli *cli;
    const struct settings *s;
    struct raml_attention_source *source;
    char (*path)[RAML_PATH_BYTES];
    size_t n;
    struct raml_model *last; /* the newest, open for its tokenizer and prompts; NULL: handed over */
};

/* The tokens that a checkpoint was trained on; 0: it does not say. */
static uint64_t tokens_of(const char *dir)
{
    char path[RAML_PATH_BYTES];
    json_t *o = NULL;
    if (raml_path_join(path, dir, "trainer_state.json", NULL) || !raml_is_file(path) ||
        raml_json_load(path, STATE_MAX_BYTES, &o, NULL))
        return 0;
    json_int_t n = json_integer_value(json_object_get(o, "tokens"));
    json_decref(o);
    return n > 0 ? (uint64_t)n : 0;
}

static enum raml_code reserve(struct models *m, size_t n, struct raml_err *err)
{
    m->source = calloc(n, sizeof *m->source);
    m->path = calloc(n, sizeof *m->path);
    m->n = n;
    return m->source && m->path ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu checkpoints", n);
}

static enum raml_code find_checkpoints(struct models *m, struct raml_err *err)
{
    uint64_t *step = NULL;
    size_t n = 0;
    const char *dir = m->s->of.model;
    if (!dir) return raml_fail(err, RAML_EUSAGE, "--model is missing; --checkpoints reads those of a run's folder");
    enum raml_code rc = raml_run_checkpoints(dir, &step, &n, err);
    if (!rc && n == 0)
        rc = raml_fail(err, RAML_EUSAGE, "--checkpoints: %s holds no checkpoint-N; expected a run's folder", dir);
    if (!rc) rc = reserve(m, n, err);
    for (size_t i = 0; !rc && i < n; i++) {
        rc = raml_path_format(m->path[i], err, "%s/checkpoint-%" PRIu64, dir, step[i]);
        m->source[i] = (struct raml_attention_source){m->path[i], step[i], tokens_of(m->path[i])};
    }
    free(step);
    return rc;
}

static enum raml_code find_one(struct models *m, struct raml_err *err)
{
    enum raml_code rc = reserve(m, 1, err);
    const char *given = m->s->of.model ? m->s->of.model : m->s->of.adapter ? m->s->of.adapter : "";
    if (rc) return rc;
    if (raml_run_newest(given, m->path[0], RAML_PATH_BYTES, NULL))
        m->path[0][0] = 0; /* init:PRESET, or an error later */
    const char *name = strrchr(m->path[0], '/');
    unsigned long long step = 0;
    if (name && sscanf(name, "/checkpoint-%llu", &step) != 1) step = 0;
    m->source[0] = (struct raml_attention_source){given, step, m->path[0][0] ? tokens_of(m->path[0]) : 0};
    return RAML_OK;
}

static enum raml_code open_one(void *user, size_t i, struct raml_model **out, struct raml_err *err)
{
    struct models *m = user;
    char *path = NULL;
    if (i + 1 == m->n && m->last) {
        *out = m->last;
        m->last = NULL;
        return RAML_OK;
    }
    enum raml_code rc = cli_load_model(m->cli, m->path[i], NULL, m->s->of.dtype, out, &path, err);
    free(path);
    return rc;
}

/* -- Output -------------------------------------------------------------------------------------------------------- */

/* Which groups are printed: what a step may need to read. */
static const struct {
    enum raml_attention_query query;
    enum raml_attention_group group;
} shown[] = {{RAML_ATTENTION_STATE, RAML_ATTENTION_TO_SOURCE},    {RAML_ATTENTION_OPERAND, RAML_ATTENTION_TO_SOURCE},
             {RAML_ATTENTION_LINE, RAML_ATTENTION_TO_QUESTION},   {RAML_ATTENTION_LINE, RAML_ATTENTION_TO_LAST_LINE},
             {RAML_ATTENTION_RESULT, RAML_ATTENTION_TO_QUESTION}, {RAML_ATTENTION_RESULT, RAML_ATTENTION_TO_LAST_LINE},
             {RAML_ATTENTION_RESULT, RAML_ATTENTION_TO_LINE}};

static void print_share(const struct raml_estimate *e)
{
    printf(" %7.1f %%", 100 * e->value);
    if (isfinite(e->low)) printf("  %5.1f - %5.1f", 100 * e->low, 100 * e->high);
    else printf("  %13s", "");
}

static void print_model(const struct raml_attention_result *r)
{
    printf("%-9s %-14s %-9s  %-15s %8s %9s %9s %9s\n", "query", "group", "  largest", "  95 %", "head", "all heads",
           "uniform", "queries");
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct raml_attention_most *m = &r->of[shown[i].query][shown[i].group];
        char head[48];
        if (!m->n_queries) continue;
        snprintf(head, sizeof head, "%zu.%zu", m->layer, m->head);
        printf("%-9s %-14s", raml_attention_query_name(shown[i].query), raml_attention_group_name(shown[i].group));
        print_share(&m->e);
        printf(" %9s %7.1f %% %7.1f %% %9zu\n", head, 100 * m->mean, 100 * m->uniform, m->n_queries);
    }
    for (size_t u = 0; u < RAML_ATTENTION_UNITS; u++) {
        if (!r->n_right[u]) continue;
        printf("%-9s %-14s", "right", raml_attention_unit_name((enum raml_attention_unit)u));
        print_share(&r->right[u]);
        printf(" %39zu\n", r->n_right[u]);
    }
}

static void print_training(const struct raml_attention_summary *s)
{
    bool sourced = s->model[0].of[RAML_ATTENTION_STATE][RAML_ATTENTION_TO_SOURCE].n_queries > 0;
    printf("%9s %10s %9s %9s %9s %9s %9s\n", "step", "tokens", sourced ? "state" : "last line",
           sourced ? "operand" : "question", sourced ? "lookup" : "result", "line", "trajectory");
    for (size_t i = 0; i < s->n_models; i++) {
        const struct raml_attention_result *r = &s->model[i];
        const struct raml_attention_most *of = r->of[RAML_ATTENTION_RESULT];
        const double value[] = {sourced ? r->of[RAML_ATTENTION_STATE][RAML_ATTENTION_TO_SOURCE].e.value
                                        : of[RAML_ATTENTION_TO_LAST_LINE].e.value,
                                sourced ? r->of[RAML_ATTENTION_OPERAND][RAML_ATTENTION_TO_SOURCE].e.value
                                        : of[RAML_ATTENTION_TO_QUESTION].e.value,
                                r->right[sourced ? RAML_ATTENTION_RIGHT_LOOKUP : RAML_ATTENTION_RIGHT_RESULT].value,
                                r->right[RAML_ATTENTION_RIGHT_LINE].value,
                                r->right[RAML_ATTENTION_RIGHT_TRAJECTORY].value};
        printf("%9" PRIu64 " %10" PRIu64, r->step, r->tokens);
        for (size_t k = 0; k < sizeof value / sizeof *value; k++) printf(" %7.1f %%", 100 * value[k]);
        printf("\n");
    }
}

static void print_table(const struct settings *s, const struct raml_attention_summary *r, double elapsed)
{
    if (r->n_models > 1) print_training(r);
    if (r->n_models > 1) printf("the last of these:\n");
    print_model(&r->model[r->n_models - 1]);
    printf("largest: the mean attention to the group of the head (layer.head) that has most; right: all tokens of the "
           "unit are "
           "the likeliest; intervals over questions\n");
    if (r->n_skipped) printf("%zu trajectories were skipped\n", r->n_skipped);
    printf("%zu trajectories of %zu questions, %zu models of %zu layers with %zu heads: %" PRIu64 " tokens in %" PRIu64
           " passes; %.2f s\n",
           r->n_trajectories, r->n_questions, r->n_models, r->n_layers, r->n_heads, r->n_read, r->n_passes, elapsed);
    printf("%s/attention.tsv, %s/models.tsv, %s/results.json\n", s->of.out, s->of.out, s->of.out);
}

static enum raml_code print_json(const struct settings *s, const struct raml_attention_summary *r, double elapsed,
                                 struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = NULL;
    enum raml_code rc = raml_path_join(path, s->of.out, "results.json", err);
    if (!rc) rc = raml_json_load(path, (size_t)1 << 28, &o, err);
    if (rc) return rc;
    int failed = json_object_set_new(o, "out", json_string(s->of.out)) ||
                 json_object_set_new(o, "tokens_read", json_integer((json_int_t)r->n_read)) ||
                 json_object_set_new(o, "passes", json_integer((json_int_t)r->n_passes)) ||
                 json_object_set_new(o, "seconds", json_real(elapsed));
    return cli_print_json(raml_json_checked(o, failed), err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code attention(const struct cli *cli, const struct settings *s, struct trajectories *x,
                                struct models *m, struct raml_err *err)
{
    struct raml_attention_files_options opt = raml_attention_files_default();
    opt.skip_long = s->of.skip_long;
    opt.split = s->of.split;
    opt.family = s->of.family;
    opt.max_samples = (size_t)s->of.max_samples;
    opt.max_batch_tokens = (size_t)s->of.max_batch_tokens;
    opt.seed = cli->seed;
    opt.n_draws = (uint32_t)s->n_draws;
    const struct raml_attention_files_job job = {.source = m->source,
                                                 .n_sources = m->n,
                                                 .open = open_one,
                                                 .user = m,
                                                 .tokenizer = x->tokenizer,
                                                 .format = x->prompting.format,
                                                 .questions = &x->questions,
                                                 .data_name = x->data,
                                                 .dir = s->of.out,
                                                 .sink = cli->sink};
    struct raml_attention_summary result;
    double start = raml_clock_monotonic();
    m->last = x->model;
    x->model = NULL;
    enum raml_code rc = raml_attention_files(&job, &opt, &result, err);
    raml_model_close(m->last);
    m->last = NULL;
    if (rc) return rc;
    double elapsed = raml_clock_monotonic() - start;
    rc = cli_write_recipe(cli, s->of.out, "attention.yaml", err);
    if (!rc && cli->json) rc = print_json(s, &result, elapsed, err);
    else if (!rc) print_table(s, &result, elapsed);
    raml_attention_summary_deinit(&result);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct trajectories x = {0};
    struct models m = {.cli = cli, .s = s};
    enum raml_code rc = cli_trajectories_check(cli, &s->of, "attention", err);
    if (!rc) rc = cli_output_folder(cli, s->of.out, "attention.yaml", err);
    if (!rc && s->checkpoints && s->of.adapter)
        rc = raml_fail(err, RAML_EUSAGE, "--checkpoints reads a run's own checkpoints; leave out --adapter");
    if (!rc) rc = s->checkpoints ? find_checkpoints(&m, err) : find_one(&m, err);
    if (!rc) {
        rc = cli_trajectories_open(cli, &s->of, "attention", &x, err);
        if (!rc) rc = attention(cli, s, &x, &m, err);
        cli_trajectories_close(&x);
    }
    free(m.source);
    free(m.path);
    return rc;
}

const struct cli_command cli_attention = {
    .name = "attention",
    .about = "what heads attend to where a step begins, of a model or a run's checkpoints",
    .args = "FILE.jsonl",
    .detail =
        "At the token before each new line of a trajectory, and before what the line results in, sums every head's "
        "attention over the question, the last line, earlier lines, the line itself and the rest of the prompt; of "
        "the family perm also, before each symbol that is read from the last state or the operand, on the one "
        "token that has it (attention retrieval). From the same passes: how often the model's likeliest tokens are "
        "the text's. Writes attention.tsv, models.tsv, results.json, attention.yaml and figures (tsv, gp, svg).",
    .example = "raml attention --model run-sft questions.jsonl --checkpoints --limit 100 --out run-sft/attention",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
