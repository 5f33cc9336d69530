/* update.c - `raml update`: the weight updates that trajectories stand for, layer by layer. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/trajectories.h"
#include "core/json.h"

#include "core/clock.h"
#include "raml/report.h"
#include "raml/update_files.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct trajectories_settings of;
    const char *filler, *rates;
    int64_t stride, probe_token, exchange, exchange_steps;
    bool alignment, foreign, shuffled, check;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    TRAJECTORIES_OPTIONS(AT(of), "update", "0",
                         "Type of the matrices. With alignment or exchange rates: bf16, or f32 for any other. Without: "
                         "as in raml trace."),
    {"probe_token", NULL, RAML_INT, AT(probe_token), "0", 0, 1e9, NULL,
     "The token whose weights are updated: which of answer prefix and answer, from 1; 0: the answer prefix's last, "
     "which predicts the answer's first token."},
    {"stride", NULL, RAML_INT, AT(stride), "1", 1, 1e9, NULL, "An update after every n tokens, and after the last."},
    {"filler", NULL, RAML_TEXT, AT(filler), ".", 0, 0, NULL,
     "Control: a trajectory of the same length, of this one token repeated; empty: none."},
    {"foreign", NULL, RAML_FLAG, AT(foreign), "true", 0, 0, NULL,
     "Control: the same number of tokens from the trajectories of other questions."},
    {"shuffled", NULL, RAML_FLAG, AT(shuffled), NULL, 0, 0, NULL,
     "Control: the trajectory's own tokens in another order."},
    {"alignment", NULL, RAML_FLAG, AT(alignment), "true", 0, 0, NULL,
     "Compare updates with the gradient of the loss without trajectory; --no-alignment opens the model only for "
     "reading, which takes a fraction of the memory."},
    {"exchange", NULL, RAML_INT, AT(exchange), "0", 0, 1e9, NULL,
     "Exchange rates of the first n questions: how many steps of plain SGD on the loss without trajectory reach what "
     "the trajectory reaches."},
    {"exchange_rates", NULL, RAML_TEXT, AT(rates), "0.001,0.003,0.01,0.03,0.1,0.3", 0, 0, NULL,
     "Learning rates of these steps, joined by commas; the fewest steps count."},
    {"exchange_steps", NULL, RAML_INT, AT(exchange_steps), "40", 1, 1e6, NULL, "Steps at most, at each rate."},
    {"check", NULL, RAML_FLAG, AT(check), NULL, 0, 0, NULL,
     "Run the network with patched weights at the first, middle and last place of every trajectory, and print the "
     "largest difference of any layer's output."},
};

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static enum raml_code read_rates(const char *text, double rate[RAML_UPDATE_RATES_MAX], size_t *n, struct raml_err *err)
{
    const char *at = text ? text : "";
    *n = 0;
    for (;;) {
        char *end;
        double x = strtod(at, &end);
        if (end == at || !(x > 0) || !isfinite(x) || (*end && *end != ',') || *n == RAML_UPDATE_RATES_MAX)
            return raml_fail(err, RAML_EUSAGE,
                             "--exchange_rates is '%s'; expected positive numbers joined by commas, at most %d",
                             text ? text : "", RAML_UPDATE_RATES_MAX);
        rate[(*n)++] = x;
        if (!*end) return RAML_OK;
        at = end + 1;
    }
}

static struct raml_update_files_options options_of(const struct cli *cli, const struct settings *s)
{
    struct raml_update_files_options o = raml_update_files_default();
    o.update = (struct raml_update_options){
        .stride = (size_t)s->stride, .max_batch_tokens = (size_t)s->of.max_batch_tokens, .alignment = s->alignment};
    o.own = !strcmp(s->of.answer, "own");
    o.score_end = s->of.score_end;
    o.skip_long = s->of.skip_long;
    o.join = strcmp(s->of.join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT;
    o.split = s->of.split;
    o.family = s->of.family;
    o.max_samples = (size_t)s->of.max_samples;
    o.probe_token = (size_t)s->probe_token;
    o.filler = s->filler && *s->filler;
    o.filler_text = s->filler;
    o.foreign = s->foreign;
    o.shuffled = s->shuffled;
    o.seed = cli->seed;
    o.n_exchange = (size_t)s->exchange;
    o.exchange.n_steps = (size_t)s->exchange_steps;
    o.check = s->check;
    return o;
}

static enum raml_code open_model(const struct cli *cli, const struct settings *s, struct raml_model **model,
                                 char **path, struct raml_err *err)
{
    if (!s->alignment && !s->exchange)
        return cli_load_model(cli, s->of.model, s->of.adapter, s->of.dtype, model, path, err);
    enum raml_dtype dtype = strcmp(s->of.dtype, "bf16") ? RAML_F32 : RAML_BF16; /* gradients: every parameter in f32 */
    enum raml_code rc = cli_load_for_training(cli, s->of.model, s->of.adapter, dtype, model, path, err);
    if (rc != RAML_ENOMEM) return rc;
    return raml_wrap(err, rc, "%s (--no-alignment without --exchange needs less memory)", s->of.model);
}

/* -- Output -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *head;
    enum raml_update_measure measure;
    int digits;
} columns[] = {{"distance", RAML_UPDATE_DISTANCE, 4}, {"step", RAML_UPDATE_STEP, 4},
               {"turn", RAML_UPDATE_TURN, 1},         {"straight", RAML_UPDATE_STRAIGHTNESS, 3},
               {"rank", RAML_UPDATE_RANK_UPDATES, 2}, {"of steps", RAML_UPDATE_RANK_STEPS, 2},
               {"align", RAML_UPDATE_ALIGN, 4},       {"left/dev", RAML_UPDATE_ALIGN_LEFT, 3},
               {"attain.", RAML_UPDATE_ATTAINABLE, 3}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void print_number(double x, int width, int digits)
{
    if (isfinite(x)) printf(" %*.*f", width, digits, x);
    else printf(" %*s", width, "-");
}

static void print_row(const struct raml_update_summary *r, enum raml_update_kind kind, enum raml_trace_verdict group,
                      const char *name)
{
    const struct raml_update_mean *m = r->all[kind][group];
    if (m[RAML_UPDATE_DISTANCE].n == 0) return;
    printf("%-15s %6zu", name, m[RAML_UPDATE_DISTANCE].n);
    for (size_t c = 0; c < COLUMNS; c++) print_number(m[columns[c].measure].mean, 8, columns[c].digits);
    printf("\n");
    if (kind < RAML_UPDATE_LESS_FILLER) return;
    printf("%-15s %6s", "  95 % interval", "+-");
    for (size_t c = 0; c < COLUMNS; c++)
        print_number(m[columns[c].measure].high - m[columns[c].measure].mean, 8, columns[c].digits);
    printf("\n");
}

static void print_steps(double steps, int64_t bound)
{
    if (isfinite(steps)) printf("%.0f", steps);
    else printf("> %" PRId64, bound);
}

static void print_exchange(const struct settings *s, const struct raml_exchange_options *x,
                           const struct raml_update_summary *r)
{
    if (r->n_steps == 0) return;
    printf("exchange rate: the median of %zu questions is worth ", r->n_step_questions);
    print_steps(r->steps_median, s->exchange_steps);
    printf(" steps of gradient descent; %zu of %zu trajectories are not reached by %" PRId64 "\n  at each rate alone:",
           r->n_beyond, r->n_steps, s->exchange_steps);
    for (size_t i = 0; i < x->n_rates; i++) {
        printf("%s %g: ", i ? "," : "", x->rate[i]);
        print_steps(r->steps_by_rate[i], s->exchange_steps);
    }
    printf("\n");
}

static void print_table(const struct settings *s, const struct raml_exchange_options *x,
                        const struct raml_update_summary *r, double elapsed)
{
    printf("%-15s %6s", "", "quest.");
    for (size_t c = 0; c < COLUMNS; c++) printf(" %8s", columns[c].head);
    printf("\n");
    for (int g = 0; g < RAML_TRACE_ALL; g++)
        print_row(r, RAML_UPDATE_REAL, (enum raml_trace_verdict)g, raml_trace_verdict_name((enum raml_trace_verdict)g));
    for (int k = RAML_UPDATE_FILLER; k < RAML_UPDATE_KINDS; k++)
        print_row(r, (enum raml_update_kind)k, RAML_TRACE_ALL, raml_update_kind_name((enum raml_update_kind)k));
    printf(
        "means over %zu layers and their gate, up, down; turn in degrees; left/dev: align_left over its deviation by "
        "chance, 1/sqrt(m)\n",
        r->n_layers);
    print_exchange(s, x, r);
    if (r->n_checked)
        printf("patched network: largest difference of a layer's output %.1e (outputs up to %.1f), at %zu places\n",
               r->checked.block, r->checked.scale, r->n_checked);
    if (r->n_skipped) printf("%zu trajectories were skipped\n", r->n_skipped);
    printf("%zu trajectories of %zu questions: %" PRIu64 " tokens in %" PRIu64 " passes, controls included; %.2f s\n",
           r->n[RAML_UPDATE_REAL], r->n_questions, r->n_read, r->n_passes, elapsed);
    printf("%s/update.tsv\n", s->of.out);
}

static json_t *mean_json(const struct raml_update_mean *m)
{
    return json_pack("{s:I, s:o, s:o, s:o}", "n", (json_int_t)m->n, "mean", raml_json_number(m->mean), "low",
                     raml_json_number(m->low), "high", raml_json_number(m->high));
}

static json_t *group_json(const struct raml_update_summary *r, enum raml_update_kind kind, int group)
{
    json_t *o = json_object();
    int failed = !o;
    for (int m = 0; !failed && m < RAML_UPDATE_MEASURES; m++)
        if (r->all[kind][group][m].n)
            failed = json_object_set_new(o, raml_update_measure_name((enum raml_update_measure)m),
                                         mean_json(&r->all[kind][group][m]));
    return raml_json_checked(o, failed);
}

static json_t *kind_json(const struct raml_update_summary *r, enum raml_update_kind kind)
{
    json_t *o = json_object();
    int failed = !o;
    for (int g = 0; !failed && g < RAML_TRACE_GROUPS; g++)
        if (r->all[kind][g][RAML_UPDATE_DISTANCE].n)
            failed =
                json_object_set_new(o, raml_trace_verdict_name((enum raml_trace_verdict)g), group_json(r, kind, g));
    return raml_json_checked(o, failed);
}

static json_t *rates_json(const struct raml_exchange_options *x, const struct raml_update_summary *r)
{
    json_t *o = json_object();
    int failed = !o;
    for (size_t i = 0; !failed && i < x->n_rates; i++) {
        char name[32];
        snprintf(name, sizeof name, "%g", x->rate[i]);
        failed = json_object_set_new(o, name, raml_json_number(r->steps_by_rate[i]));
    }
    return raml_json_checked(o, failed);
}

static enum raml_code print_json(const struct settings *s, const struct raml_exchange_options *x,
                                 const struct raml_update_summary *r, double elapsed, struct raml_err *err)
{
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "out", s->of.out, "questions", (json_int_t)r->n_questions,
                  "trajectories", (json_int_t)r->n[RAML_UPDATE_REAL], "skipped", (json_int_t)r->n_skipped,
                  "tokens_read", (json_int_t)r->n_read, "passes", (json_int_t)r->n_passes, "seconds", elapsed);
    int failed = !o;
    for (int k = 0; !failed && k < RAML_UPDATE_KINDS; k++)
        if (r->all[k][RAML_TRACE_ALL][RAML_UPDATE_DISTANCE].n)
            failed = json_object_set_new(o, raml_update_kind_name((enum raml_update_kind)k),
                                         kind_json(r, (enum raml_update_kind)k));
    if (!failed && r->n_steps) {
        failed = json_object_set_new(o, "exchange_trajectories", json_integer((json_int_t)r->n_steps)) ||
                 json_object_set_new(o, "exchange_questions", json_integer((json_int_t)r->n_step_questions)) ||
                 json_object_set_new(o, "exchange_beyond", json_integer((json_int_t)r->n_beyond)) ||
                 json_object_set_new(o, "exchange_steps", raml_json_number(r->steps_median)) ||
                 json_object_set_new(o, "exchange_steps_by_rate", rates_json(x, r));
    }
    if (!failed && r->n_checked)
        failed = json_object_set_new(o, "check_places", json_integer((json_int_t)r->n_checked)) ||
                 json_object_set_new(o, "check_difference", raml_json_number(r->checked.block)) ||
                 json_object_set_new(o, "check_scale", raml_json_number(r->checked.scale));
    return cli_print_json(raml_json_checked(o, failed), err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code update(const struct cli *cli, const struct settings *s, const struct raml_update_files_job *job,
                             const struct raml_update_files_options *opt, struct raml_err *err)
{
    struct raml_update_summary result;
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_update_files(job, opt, &result, err);
    double elapsed = raml_clock_monotonic() - start;
    if (!rc) rc = cli_write_recipe(cli, s->of.out, "update.yaml", err);
    if (rc) return rc;
    if (cli->json) rc = print_json(s, &opt->exchange, &result, elapsed, err);
    else print_table(s, &opt->exchange, &result, elapsed);
    if (!rc && result.stopped)
        rc = raml_fail(err, RAML_ESTOP, "stopped; %zu trajectories are in %s", result.n[RAML_UPDATE_REAL], s->of.out);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct trajectories x = {0};
    double rate[RAML_UPDATE_RATES_MAX];
    struct raml_update_files_options opt = options_of(cli, s);
    opt.exchange.rate = rate;
    enum raml_code rc = cli_trajectories_check(cli, &s->of, "update", err);
    if (!rc) rc = cli_output_folder(cli, s->of.out, "update.yaml", err);
    if (!rc) rc = read_rates(s->rates, rate, &opt.exchange.n_rates, err); /* before a model is loaded */
    if (!rc) rc = open_model(cli, s, &x.model, &x.model_path, err);
    if (!rc) rc = cli_trajectories_open(cli, &s->of, "update", &x, err);
    const struct raml_update_files_job job = {.model = x.model,
                                              .tokenizer = x.tokenizer,
                                              .format = x.prompting.format,
                                              .questions = &x.questions,
                                              .data_name = x.data,
                                              .dir = s->of.out,
                                              .sink = cli->sink};
    if (!rc) rc = update(cli, s, &job, &opt, err);
    cli_trajectories_close(&x);
    return rc;
}

const struct cli_command cli_update = {
    .name = "update",
    .about = "the weight updates that trajectories stand for, layer by layer",
    .args = "FILE.jsonl",
    .detail =
        "For every prefix of a trajectory there is a rank-one change of each layer's MLP matrices with which the "
        "network "
        "computes, without the trajectory, exactly what it computes after it. Prints lengths, steps, turning angles, "
        "effective ranks and the alignment with the negative gradient of the answer's loss, beside a filler and a "
        "foreign trajectory of the same length. Writes update.jsonl, update.tsv, update.safetensors, update.yaml and "
        "figures (tsv, gp, svg).",
    .example = "raml update --model run-sft samples.jsonl --limit 20 --out run-sft/update",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
