/* eval.c - raml eval: accuracy, pass@k and related metrics with their intervals, of files of samples or of a model that
 * is sampled first; two files compared; how many questions are needed. */
#include "cli/commands.h"
#include "cli/eval.h"
#include "cli/load.h"
#include "cli/output.h"
#include "core/json.h"
#include "core/memory.h"

#include "core/file.h"
#include "core/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AT(field) offsetof(struct eval_settings, field)
static const struct raml_setting options[] = {
    SAMPLING_OPTIONS("1", "Samples per question."),
    {"k", NULL, RAML_TEXT, AT(k), "1", 0, 0, NULL,
     "Values of k: \"1,4,8\"; none larger than a question's number of samples."},
    {"metrics", NULL, RAML_TEXT, AT(metrics), NULL, 0, 0, NULL,
     "Metrics for each k: pass, gpass, mgpass, maj. Default: pass, and maj where answers are known."},
    {"tau", NULL, RAML_TEXT, AT(tau), "0.0,0.25,0.5,0.75,1.0", 0, 0, NULL,
     "Thresholds of gpass: decimals or fractions (7/25)."},
    {"by", NULL, RAML_TEXT, AT(by), "split,family,difficulty", 0, 0, NULL,
     "Group by: split, family, difficulty, or none."},
    {"compare", NULL, RAML_PATH, AT(compare), NULL, 0, 0, NULL,
     "Another file of samples of the same questions: differences, paired by id."},
    {"match", NULL, RAML_ONE, AT(match), "id", 0, 0, "id|line", "What makes two questions the same in --compare."},
    {"required_n", NULL, RAML_REAL, AT(required_n), "0", 0, 1, NULL,
     "Also show how many questions an interval of plus or minus this needs (0.02: 2 points)."},
    {"accuracy", NULL, RAML_REAL, AT(accuracy), "0.5", 0, 1, NULL,
     "For --required_n without a file: the expected accuracy."},
    {"layout", NULL, RAML_ONE, AT(layout), "auto", 0, 0, "auto|raml|grades|lm_eval|lighteval|opencompass|marks",
     "Which program wrote the files."},
    {"metric", NULL, RAML_TEXT, AT(metric), NULL, 0, 0, NULL, "Which of a foreign file's metrics is the grade."},
    {"regrade", "recheck", RAML_FLAG, AT(regrade), NULL, 0, 0, NULL,
     "Regrade the samples of the files against the gold answers."},
    {"out", "output", RAML_PATH, AT(out), NULL, 0, 0, NULL, "Also write the table as JSON to this file."},
    {"samples_out", NULL, RAML_PATH, AT(samples_out), NULL, 0, 0, NULL,
     "With --model: also write the samples to this JSONL file."},
    {"lm_eval", NULL, RAML_PATH, AT(lm_eval), NULL, 0, 0, NULL,
     "Also write results and samples to this folder as lm_eval does."},
    {"task", NULL, RAML_TEXT, AT(task), NULL, 0, 0, NULL, "Task name in these files; default: the file's name."},
    {"date", NULL, RAML_TEXT, AT(date), NULL, 0, 0, NULL, "Their time, such as 2026-01-31T12-30-59; default: now."},
};

static const struct cli_shared shared[] = {ENDPOINT_TABLE(AT(sampling.endpoint))};

enum { MAX_FILES = 64 };
struct eval { /* the parts of a run */
    const struct cli *cli;
    const struct eval_settings *s;
    struct eval_measures measures;
    struct raml_tallies *tallies, *other; /* other: of --compare */
    struct raml_lm_eval_export *lm_eval_export;
    struct raml_table table, other_table;
    struct raml_paired paired;
    struct eval_file file[MAX_FILES + 1];
    size_t n_files;
    struct sampling_result sampled;
    struct cli_sample_file sample_file;
    char *samples; /* the file of the model's samples; NULL: none */
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum raml_code take(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct eval *e = user;
    enum raml_code rc = raml_tallies_add(e->tallies, q, err);
    if (!rc && e->lm_eval_export) rc = raml_lm_eval_export_add(e->lm_eval_export, q, err);
    return rc;
}

static json_t *settings_json(const struct eval *e)
{
    const struct sampling_settings *p = &e->s->sampling;
    const struct sampling_choice *c = &e->sampled.choice;
    return json_pack("{s:I, s:f, s:f, s:I, s:f, s:I, s:I}", "num_generations", (json_int_t)p->n, "temperature",
                     c->temperature, "top_p", c->top_p, "top_k", (json_int_t)c->top_k, "min_p", c->min_p,
                     "max_completion_length", (json_int_t)p->max_completion_length, "seed", (json_int_t)e->cli->seed);
}

static enum raml_code open_lm_eval_export(struct eval *e, struct raml_err *err)
{
    const struct eval_settings *s = e->s;
    char task[256], date[64];
    if (!s->lm_eval) return RAML_OK;
    if (s->task) snprintf(task, sizeof task, "%s", s->task);
    else if (e->cli->n_args) cli_eval_name_of(e->cli->arg[0], task, sizeof task);
    else snprintf(task, sizeof task, "raml");
    for (char *p = task; *p && !s->task; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@+", *p)) *p = '_';
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(date, sizeof date, "%Y-%m-%dT%H-%M-%S", &tm);
    snprintf(date + n, sizeof date - n, ".%06ld", now.tv_nsec / 1000);
    json_t *settings = cli_sampling_asks(&s->sampling) ? settings_json(e) : NULL;
    struct raml_lm_eval_options o = {.dir = s->lm_eval,
                                     .task = task,
                                     .date = s->date ? s->date : date,
                                     .model = cli_sampling_name(&s->sampling),
                                     .settings = settings,
                                     .seed = e->cli->seed,
                                     .n_draws = e->measures.opt.n_draws};
    enum raml_code rc = raml_lm_eval_export_open(&o, &e->lm_eval_export, err);
    if (!rc) rc = cli_output_check(e->cli, "lm_eval", raml_lm_eval_export_results(e->lm_eval_export), err);
    if (!rc) rc = cli_output_check(e->cli, "lm_eval", raml_lm_eval_export_samples(e->lm_eval_export), err);
    json_decref(settings);
    return rc;
}

static enum raml_code read_files(struct eval *e, struct raml_err *err)
{
    const struct cli *cli = e->cli;
    if (e->s->sampling.families)
        return raml_fail(err, RAML_EUSAGE, "--families makes questions without samples; give --model to sample them");
    if (e->s->sampling.map) return raml_fail(err, RAML_EUSAGE, "--map is for questions to sample: it needs --model");
    if (e->s->samples_out) return raml_fail(err, RAML_EUSAGE, "--samples_out needs --model: nothing else is sampled");
    const char *input = cli_one_input(cli), *const *file = cli->n_args ? cli->arg : &input;
    size_t n = cli->n_args ? cli->n_args : input != NULL;
    if (!n) return raml_fail(err, RAML_EUSAGE, "no samples; give a FILE.jsonl, or a --model and its questions");
    if (cli->n_args > MAX_FILES) return raml_fail(err, RAML_EUSAGE, "%zu files; at most %d", cli->n_args, MAX_FILES);
    enum raml_code rc = RAML_OK;
    uint64_t left = (uint64_t)e->s->sampling.limit;
    for (size_t i = 0; i < n && !rc; i++) {
        if (i && e->s->sampling.limit && !left) break;
        rc = cli_eval_file_read(cli, e->s, file[i], &left, take, e, &e->file[e->n_files++], err);
    }
    return rc;
}

/* Where samples are kept while they are made: --samples_out, or beside --out, until the table is there; NULL: nowhere. */
static char *samples_path(const struct eval *e)
{
    if (e->s->samples_out) return strdup(e->s->samples_out);
    return e->s->out && raml_open_file_of(e->s->out) < 0 ? raml_path_new("%s.samples", e->s->out) : NULL;
}

/* A file's samples are read back, whether they were made now or before. */
static enum raml_code sample(struct eval *e, struct raml_err *err)
{
    struct raml_questions qs, samples;
    struct cli_sample_file *file = &e->sample_file;
    raml_questions_init(&qs);
    raml_questions_init(&samples);
    e->samples = samples_path(e);
    enum raml_code rc = cli_sampling_questions(e->cli, &e->s->sampling, &qs, err);
    if (!rc && e->samples) rc = cli_sampling_file(e->cli, &e->s->sampling, e->samples, &qs, file, err);
    if (!rc)
        rc = cli_sampling_run(e->cli, &e->s->sampling, NULL, &qs, e->samples ? file : NULL, &samples, &e->sampled, err);
    if (!rc && e->samples && file->file.path) {
        raml_questions_deinit(&samples);
        raml_questions_init(&samples);
        rc = raml_questions_read(&samples, e->samples, NULL, NULL, NULL, err);
    }
    if (!rc) rc = cli_eval_samples_read(&samples, take, e, err);
    if (!rc && e->s->samples_out) rc = cli_sample_file_end(file, err);
    raml_questions_deinit(&qs);
    raml_questions_deinit(&samples);
    return rc;
}

static enum raml_code compare(struct eval *e, struct raml_err *err)
{
    uint64_t left = (uint64_t)e->s->sampling.limit;
    enum raml_code rc = raml_tallies_open(&e->measures.opt, true, &e->other, err);
    if (!rc)
        rc = cli_eval_file_read(e->cli, e->s, e->s->compare, &left, raml_tallies_add, e->other, &e->file[e->n_files++],
                                err);
    if (!rc) rc = raml_tallies_table(e->other, &e->other_table, err);
    if (!rc) rc = raml_paired_compare(e->tallies, e->other, &e->paired, err);
    return rc ? raml_wrap(err, rc, "--compare") : RAML_OK;
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

static json_t *file_json(const struct eval_file *f)
{
    const struct raml_samples_report *r = &f->report;
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "path", f->path, "layout",
                     cli_eval_layout_name(r->layout), "metric", r->metric ? r->metric : "", "questions",
                     (json_int_t)r->n_questions, "samples", (json_int_t)r->n_samples, "regraded",
                     (json_int_t)r->n_regraded, "remarked" /* the old name */, (json_int_t)r->n_regraded, "note",
                     r->note);
}

static json_t *all_json(const struct eval *e)
{
    json_t *o = raml_table_json(&e->table), *files = json_array();
    int bad = !o;
    for (size_t i = 0; i < e->n_files; i++) bad |= json_array_append_new(files, file_json(&e->file[i]));
    if (cli_sampling_asks(&e->s->sampling)) bad |= json_object_set_new(o, "sampling", settings_json(e));
    bad |= json_object_set_new(o, "files", files);
    if (e->s->compare) {
        bad |= json_object_set_new(o, "comparison", raml_paired_json(&e->paired));
        bad |= json_object_set_new(o, "second", raml_table_json(&e->other_table));
    }
    return raml_json_checked(o, bad);
}

static void tell_files(const struct eval *e, struct raml_buf *text)
{
    for (size_t i = 0; i < e->n_files; i++) {
        const struct raml_samples_report *r = &e->file[i].report;
        if (r->note[0]) raml_buf_addf(text, "%s: %s\n", e->file[i].path, r->note);
        if (e->s->regrade)
            raml_buf_addf(text, "%s: %llu of %llu grades changed\n", e->file[i].path, (unsigned long long)r->n_regraded,
                          (unsigned long long)r->n_samples);
    }
}

static void tell_sampling(const struct eval *e, struct raml_buf *text)
{
    const struct sampling_settings *p = &e->s->sampling;
    const struct sampling_choice *c = &e->sampled.choice;
    raml_buf_addf(
        text,
        "%lld samples per question, temperature %g, top_p %g, top_k %lld, min_p %g, at most %lld tokens, seed %llu; "
        "%.0f tokens/s\n",
        (long long)p->n, c->temperature, c->top_p, (long long)c->top_k, c->min_p, (long long)p->max_completion_length,
        (unsigned long long)e->cli->seed, e->sampled.seconds > 0 ? (double)e->sampled.tokens / e->sampled.seconds : 0);
    if (cli_sampling_probes(p)) cli_sampling_probes_text(&e->sampled.stats, text);
}

static void tell_text(const struct eval *e, struct raml_buf *text)
{
    char first[128], second[128];
    raml_table_text(&e->table, text);
    if (e->table.n_measures) {
        raml_buf_adds(text, "\n");
        raml_table_measures_text(&e->table, text);
    }
    if (e->s->compare) {
        cli_eval_name_of(e->cli->n_args ? e->cli->arg[0] : cli_sampling_name(&e->s->sampling), first, sizeof first);
        cli_eval_name_of(e->s->compare, second, sizeof second);
        raml_buf_adds(text, "\n");
        raml_paired_text(&e->paired, first, second, text);
    }
    tell_files(e, text);
    if (cli_sampling_asks(&e->s->sampling)) tell_sampling(e, text);
}

static enum raml_code write_json(const struct cli *cli, const char *path, const json_t *o, struct raml_err *err)
{
    struct raml_writer w = {0};
    char *text = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    enum raml_code rc =
        text ? cli_output_open(cli, &w, path, err) : raml_fail(err, RAML_ENOMEM, "no memory for the table");
    if (!rc) rc = raml_writer_add(&w, text, strlen(text), err);
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    free(text);
    return rc;
}

/* o and text: the results; takes over o. */
static enum raml_code put(struct eval *e, json_t *o, struct raml_buf *text, struct raml_err *err)
{
    enum raml_code rc = raml_buf_status(text, err);
    if (!rc && e->s->out) rc = write_json(e->cli, e->s->out, o, err);
    if (!rc && e->samples && !e->s->samples_out && !unlink(e->samples)) /* the table is there */
        rc = cli_sample_file_end(&e->sample_file, err);
    if (!rc && e->cli->json) return cli_output_tell_json(e->s->out, o, err);
    if (!rc) fputs(text->data ? text->data : "", cli_output_notes(e->s->out));
    if (!rc && e->lm_eval_export)
        fprintf(cli_output_notes(e->s->out), "%s\n%s\n", raml_lm_eval_export_results(e->lm_eval_export),
                raml_lm_eval_export_samples(e->lm_eval_export));
    json_decref(o);
    return rc;
}

static enum raml_code tell(struct eval *e, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, 1 << 26);
    json_t *o = all_json(e);
    enum raml_code rc = RAML_OK;
    if (!o && raml_memory_noted()) rc = raml_fail(err, RAML_ENOMEM, "no memory for the table");
    else if (!o) rc = raml_fail(err, RAML_EFORMAT, "the table holds a text that is not UTF-8");
    tell_text(e, &text);
    if (e->s->required_n > 0) raml_buf_adds(&text, "\n");
    if (!rc && e->s->required_n > 0)
        rc = cli_eval_plan_tell(e->s, &e->table.row[e->table.n_rows - 1], e->s->compare ? &e->paired : NULL, &text, o,
                                err);
    if (!rc && e->lm_eval_export) rc = raml_lm_eval_export_commit(e->lm_eval_export, &e->table, err);
    if (rc) json_decref(o);
    else rc = put(e, o, &text, err);
    raml_buf_deinit(&text);
    return rc;
}

/* --required_n without a file. */
static enum raml_code plan_alone(struct eval *e, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    json_t *o = json_object();
    enum raml_code rc = cli_eval_plan_tell(e->s, NULL, NULL, &text, o, err);
    if (rc) json_decref(o);
    else rc = put(e, o, &text, err);
    raml_buf_deinit(&text);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct eval *e = calloc(1, sizeof *e);
    if (!e) return raml_fail(err, RAML_ENOMEM, "no memory to evaluate");
    e->cli = cli;
    e->s = settings;
    e->sample_file.file.fd = -1;
    enum raml_code rc = cli_eval_measures_read(cli, e->s, &e->measures, err);
    if (!rc) rc = cli_output_check(cli, "out", e->s->out, err);
    if (!rc && e->s->lm_eval) rc = raml_make_dir(e->s->lm_eval, err);
    if (!rc && e->s->required_n > 0 && !cli->n_args && !cli_sampling_asks(&e->s->sampling)) {
        rc = plan_alone(e, err);
    } else {
        if (!rc) rc = raml_tallies_open(&e->measures.opt, e->s->compare != NULL, &e->tallies, err);
        if (!rc && cli_sampling_asks(&e->s->sampling))
            rc = cli_sampling_choose(&e->s->sampling, NULL, &e->sampled.choice, err);
        if (!rc) rc = open_lm_eval_export(e, err);
        if (!rc) rc = cli_sampling_asks(&e->s->sampling) ? sample(e, err) : read_files(e, err);
        if (!rc) rc = raml_tallies_table(e->tallies, &e->table, err);
        if (!rc && e->s->compare) rc = compare(e, err);
        if (!rc) rc = tell(e, err);
    }
    raml_paired_deinit(&e->paired);
    raml_table_deinit(&e->table);
    raml_table_deinit(&e->other_table);
    raml_tallies_close(e->tallies);
    raml_tallies_close(e->other);
    raml_lm_eval_export_close(e->lm_eval_export);
    cli_sample_file_close(&e->sample_file);
    free(e->samples);
    free(e);
    return rc;
}

const struct cli_command cli_eval = {
    .name = "eval",
    .about = "accuracy, pass@k, G-Pass@k, maj@k with intervals; two runs compared",
    .args = "[FILE.jsonl ...]",
    .detail = "With --model, the questions of the file (or made ones) are sampled first; without, the file contains "
              "graded samples. Samples that were truncated or did not close their thinking count as wrong and have "
              "their own columns. Intervals are 95 %, over questions.",
    .example = "raml eval --model demo/with --families modchain:4 --num_questions 50 --num_generations 4 --k 1,4",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct eval_settings),
    .run = run,
};
