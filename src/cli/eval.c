/* eval.c - raml eval: accuracy with its interval and pass@k, of a file of samples or of a model that is sampled first.
 */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/sampling.h"

#include "raml/file.h"
#include "raml/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct sampling_settings sampling;
    const char *out, *samples_out, *k, *by;
};

#define AT(field) offsetof(struct settings, field)
static const struct cli_option options[] = {
    SAMPLING_OPTIONS("1"),
    {"k", NULL, CLI_TEXT, AT(k), "1", 0, 0, NULL, "pass@k for each of these: \"1,4,8\"; at most --num_generations."},
    {"by", NULL, CLI_TEXT, AT(by), "split,family,difficulty", 0, 0, NULL,
     "Group by these: split, family, difficulty, or none."},
    {"out", "output", CLI_TEXT, AT(out), NULL, 0, 0, NULL, "Also write the table as JSON to this file."},
    {"samples_out", NULL, CLI_TEXT, AT(samples_out), NULL, 0, 0, NULL, "Also write the samples to this JSONL file."},
};

static enum raml_code parse_k(const char *text, struct raml_table_options *o, uint32_t *k, struct raml_err *err)
{
    const char *p = text;
    while (*p) {
        char *end;
        unsigned long v = strtoul(p, &end, 10);
        if (end == p || v < 1 || v > UINT32_MAX || (*end && *end != ',') || o->n_k == RAML_TABLE_MAX_K)
            return raml_fail(err, RAML_EUSAGE, "--k: found '%s', expected up to %d counts such as 1,4,8", text,
                             RAML_TABLE_MAX_K);
        k[o->n_k++] = (uint32_t)v;
        p = *end ? end + 1 : end;
    }
    o->k = k;
    return RAML_OK;
}

static enum raml_code parse_by(const char *text, unsigned *by, struct raml_err *err)
{
    static const struct {
        const char *word;
        unsigned bit;
    } known[] = {{"split", RAML_BY_SPLIT}, {"family", RAML_BY_FAMILY}, {"difficulty", RAML_BY_DIFFICULTY}, {"none", 0}};
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ","), i = 0;
        while (i < 4 && (strlen(known[i].word) != n || strncmp(known[i].word, p, n))) i++;
        if (i == 4)
            return raml_fail(err, RAML_EUSAGE, "--by: found '%.*s', expected split, family, difficulty or none", (int)n,
                             p);
        *by |= known[i].bit;
        p += n + (p[n] == ',');
    }
    return RAML_OK;
}

static enum raml_code build(const struct raml_questions *qs, const struct raml_table_options *o,
                            struct raml_table *table, struct raml_err *err)
{
    struct raml_tally *tally = calloc(qs->n + 1, sizeof *tally);
    if (!tally) return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", qs->n);
    for (size_t i = 0; i < qs->n; i++) {
        const struct raml_question *q = &qs->question[i];
        tally[i] = (struct raml_tally){.family = q->family, .split = q->split, .difficulty = q->difficulty,
                                       .n = (uint32_t)q->n_trajectories};
        for (size_t k = 0; k < q->n_trajectories; k++) {
            const struct raml_trajectory *t = &q->trajectory[k];
            bool cut = t->finish_reason && !strcmp(t->finish_reason, "length");
            tally[i].n_truncated += cut;
            tally[i].n_unclosed += !t->think_closed;
            tally[i].c += t->correct == RAML_EQUAL && !cut && t->think_closed;
        }
    }
    enum raml_code rc = raml_table_build(tally, qs->n, o, table, err);
    free(tally);
    return rc;
}

static json_t *settings_json(const struct cli *cli, const struct settings *s)
{
    const struct sampling_settings *p = &s->sampling;
    return json_pack("{s:I, s:f, s:f, s:I, s:f, s:I, s:I}", "num_generations", (json_int_t)p->n, "temperature",
                     p->temperature, "top_p", p->top_p, "top_k", (json_int_t)p->top_k, "min_p", p->min_p,
                     "max_completion_length", (json_int_t)p->max_completion_length, "seed", (json_int_t)cli->seed);
}

static enum raml_code tell(const struct cli *cli, const struct settings *s, const struct raml_table *table,
                           const struct sampling_result *r, struct raml_err *err)
{
    const struct sampling_settings *p = &s->sampling;
    json_t *o = raml_table_json(table);
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for the table");
    if (p->model) json_object_set_new(o, "sampling", settings_json(cli, s));
    enum raml_code rc = RAML_OK;
    if (s->out) {
        char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
        rc = text ? raml_file_write(s->out, text, strlen(text), err)
                  : raml_fail(err, RAML_ENOMEM, "no memory for the table");
        free(text);
    }
    if (cli->json) return rc ? (json_decref(o), rc) : cli_print_json(o, err);
    json_decref(o);
    if (rc) return rc;
    struct raml_buf text;
    raml_buf_init(&text, 1 << 24);
    raml_table_text(table, &text);
    rc = raml_buf_status(&text, err);
    if (!rc) fputs(text.data ? text.data : "", stdout);
    raml_buf_deinit(&text);
    if (!rc && p->model)
        printf(
            "%lld samples a question, temperature %g, top_p %g, top_k %lld, min_p %g, at most %lld tokens, seed %llu; "
            "%.0f tokens/s\n",
            (long long)p->n, p->temperature, p->top_p, (long long)p->top_k, p->min_p,
            (long long)p->max_completion_length, (unsigned long long)cli->seed,
            r->seconds > 0 ? (double)r->stats.tokens / r->seconds : 0);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct raml_questions qs, samples;
    struct sampling_result r = {0};
    struct raml_table table = {0};
    uint32_t k[RAML_TABLE_MAX_K];
    struct raml_table_options o = {.seed = cli->seed, .n_draws = 1000};
    raml_questions_init(&qs);
    raml_questions_init(&samples);
    enum raml_code rc = parse_k(s->k, &o, k, err);
    if (!rc) rc = parse_by(s->by, &o.by, err);
    for (size_t i = 0; i < o.n_k && !rc && s->sampling.model; i++)
        if (k[i] > (uint64_t)s->sampling.n)
            rc = raml_fail(err, RAML_EUSAGE, "--k %u asks for more samples than --num_generations %lld", k[i],
                           (long long)s->sampling.n);
    if (!rc) rc = cli_sampling_questions(cli, &s->sampling, &qs, err);
    if (!rc && s->sampling.model) rc = cli_sampling_run(cli, &s->sampling, &qs, &samples, &r, err);
    const struct raml_questions *from = s->sampling.model ? &samples : &qs;
    if (!rc && s->samples_out) rc = raml_questions_write(from, s->samples_out, err);
    if (!rc) rc = build(from, &o, &table, err);
    if (!rc) rc = tell(cli, s, &table, &r, err);
    raml_table_deinit(&table);
    raml_questions_deinit(&qs);
    raml_questions_deinit(&samples);
    return rc;
}

const struct cli_command cli_eval = {
    .name = "eval",
    .about = "accuracy with its interval and pass@k, by family, difficulty and split",
    .args = "[FILE.jsonl ...]",
    .detail =
        "With --model, the questions of the file (or made ones) are sampled first; without, the file holds samples as "
        "raml sample writes them. Samples that were cut off or never closed their thinking count as wrong and have "
        "columns of their own. Intervals are 95 %, over questions.",
    .example = "raml eval --model demo/with --families modchain:4 --num_questions 50 --num_generations 4 --k 1,4",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
