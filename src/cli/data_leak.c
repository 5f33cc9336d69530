/* data_leak.c - `raml data leak`: which test questions are in training data. See leak.h. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"

#include "core/file.h"
#include "core/json.h"
#include "raml/leak.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 24 };

struct leak_settings {
    const char *against, *map, *test_map, *out;
    int64_t n, max_hits;
    double threshold;
    bool fail;
};

struct test_file {
    const char *path;  /* within the copy of --against */
    size_t first, end; /* its questions */
};
struct counts {
    size_t questions, whole, same_text, contained, in_solutions, touched;
};
struct job {
    const struct cli *cli;
    const struct leak_settings *set;
    struct raml_questions test;
    struct test_file *file;
    size_t n_files, n_train, n_solutions;
    char *names; /* the files' */
    struct raml_leak *leak;
    const struct raml_leak_hit *hit;
};

#define AT(field) offsetof(struct leak_settings, field)
static const struct raml_setting options[] = {
    {"against", "test", RAML_PATH, AT(against), NULL, 0, 0, NULL, "Files of test questions, separated by commas."},
    {"n", "ngram", RAML_INT, AT(n), "13", 1, RAML_LEAK_MAX_N, NULL, "Length of the n-grams, in words."},
    {"threshold", NULL, RAML_REAL, AT(threshold), "0.8", 0, 1, NULL,
     "Share of a test question's n-grams at which it counts as contained; 0: one n-gram is enough."},
    {"fail", NULL, RAML_FLAG, AT(fail), NULL, 0, 0, NULL, "Fail (exit code 1) when a test question is contained."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL,
     "JSONL file to write: one line for each test question that shares an n-gram."},
    {"max_hits", NULL, RAML_INT, AT(max_hits), "20", 0, 1e9, NULL, "List at most this many contained questions."},
    {"map", NULL, RAML_TEXT, AT(map), NULL, 0, 0, NULL,
     "Training files' fields by role where detection fails: question=Problem,answer=Gold."},
    {"test_map", NULL, RAML_TEXT, AT(test_map), NULL, 0, 0, NULL, "The same for the test files."},
};

/* -- Reading ------------------------------------------------------------------------------------------------------ */

static enum raml_code read_tests(struct job *j, struct raml_err *err)
{
    struct raml_read_options opt = {.map = j->set->test_map};
    j->names = strdup(j->set->against);
    j->file = calloc(strlen(j->set->against) + 1, sizeof *j->file); /* at most one file per byte */
    if (!j->names || !j->file) return raml_fail(err, RAML_ENOMEM, "no memory for the names of the test files");
    enum raml_code rc = RAML_OK;
    for (char *p = j->names, *next; !rc && p; p = next) {
        next = strchr(p, ',');
        if (next) *next++ = 0;
        struct test_file *f = &j->file[j->n_files++];
        *f = (struct test_file){p, j->test.n, j->test.n};
        if (!*p) rc = raml_fail(err, RAML_EUSAGE, "--against: an empty name in '%.200s'", j->set->against);
        else rc = cli_read_questions(j->cli, &j->test, p, &opt, NULL, err);
        f->end = j->test.n;
    }
    return rc;
}

static enum raml_code add_train(struct job *j, size_t number, struct raml_err *err)
{
    struct raml_questions train;
    struct raml_read_options opt = {.map = j->set->map};
    const char *path = j->cli->arg[number];
    raml_questions_init(&train);
    raml_progress(j->cli->sink, "reading", (double)number, (double)j->cli->n_args, "files", path);
    enum raml_code rc = cli_read_questions(j->cli, &train, path, &opt, NULL, err);
    if (!rc) rc = raml_leak_add(j->leak, &train, number, err);
    j->n_train += train.n;
    for (size_t i = 0; i < train.n; i++) j->n_solutions += train.question[i].n_trajectories;
    raml_questions_deinit(&train);
    if (!rc && raml_should_stop(j->cli->sink)) rc = raml_fail(err, RAML_ESTOP, "stopped after %s", path);
    return rc;
}

/* -- Output ------------------------------------------------------------------------------------------------------- */

static bool reaches(const struct job *j, double share)
{
    return share > 0 && share >= j->set->threshold;
}

static bool contained(const struct job *j, const struct raml_leak_hit *h)
{
    return h->same_text || reaches(j, h->in_questions);
}

static struct counts count(const struct job *j, size_t from, size_t to)
{
    struct counts c = {.questions = to - from};
    for (size_t i = from; i < to; i++) {
        const struct raml_leak_hit *h = &j->hit[i];
        c.whole += h->whole;
        c.same_text += h->same_text;
        c.contained += contained(j, h);
        c.in_solutions += reaches(j, h->in_solutions);
        c.touched += h->same_text || h->in_questions > 0;
    }
    return c;
}

static void print_counts(const struct job *j, const struct test_file *f)
{
    struct counts c = count(j, f->first, f->end);
    double t = 100 * j->set->threshold;
    int64_t n = j->set->n;
    fprintf(cli_output_notes(j->set->out), "%s\n", f->path);
    fprintf(cli_output_notes(j->set->out), "  questions     %zu; %zu of fewer than %" PRId64 " words, compared whole\n",
            c.questions, c.whole, n);
    fprintf(cli_output_notes(j->set->out),
            "  same text     %zu   a training question has their text, except for case and whitespace\n", c.same_text);
    fprintf(cli_output_notes(j->set->out),
            "  contained     %zu   same text, or at least %g %% of their %" PRId64 "-grams are in training questions\n",
            c.contained, t, n);
    fprintf(cli_output_notes(j->set->out), "  touched       %zu   at least one of them is\n", c.touched);
    fprintf(cli_output_notes(j->set->out), "  in solutions  %zu   at least %g %% are in training solutions\n",
            c.in_solutions, t);
}

/* "  test.jsonl:5  100 %  solutions 0 %  nearest train.jsonl:78 (100 %), same text" */
static void print_hit(const struct job *j, const struct test_file *f, size_t i)
{
    const struct raml_leak_hit *h = &j->hit[i];
    fprintf(cli_output_notes(j->set->out), "  %s:%zu  %.0f %%  solutions %.0f %%  nearest %s:%zu (%.0f %%)%s%s\n",
            f->path, j->test.question[i].line, 100 * h->in_questions, 100 * h->in_solutions, j->cli->arg[h->near_file],
            h->near_line, 100 * h->near_share, h->same_text ? ", same text" : "", h->whole ? ", whole" : "");
}

static void print_text(const struct job *j)
{
    struct counts all = count(j, 0, j->test.n);
    size_t shown = 0;
    fprintf(cli_output_notes(j->set->out), "training data: %zu questions and %zu solutions in %zu file%s\n", j->n_train,
            j->n_solutions, j->cli->n_args, j->cli->n_args == 1 ? "" : "s");
    for (size_t k = 0; k < j->n_files; k++) {
        print_counts(j, &j->file[k]);
        for (size_t i = j->file[k].first; i < j->file[k].end; i++)
            if (contained(j, &j->hit[i]) && shown < (size_t)j->set->max_hits) {
                print_hit(j, &j->file[k], i);
                shown++;
            }
    }
    if (shown < all.contained)
        fprintf(cli_output_notes(j->set->out), "  and %zu more (--max_hits, --out)\n", all.contained - shown);
    fprintf(cli_output_notes(j->set->out), "%zu of %zu test questions are contained in the training data\n",
            all.contained, all.questions);
}

static json_t *counts_json(const struct counts *c)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "questions", (json_int_t)c->questions, "whole",
                     (json_int_t)c->whole, "same_text", (json_int_t)c->same_text, "contained", (json_int_t)c->contained,
                     "touched", (json_int_t)c->touched, "in_solutions", (json_int_t)c->in_solutions);
}

static json_t *hit_json(const struct job *j, const struct test_file *f, size_t i)
{
    const struct raml_leak_hit *h = &j->hit[i];
    const struct raml_question *q = &j->test.question[i];
    json_t *o =
        json_pack("{s:s, s:I, s:s, s:I, s:b, s:b, s:b, s:f, s:f}", "file", f->path, "line", (json_int_t)q->line, "id",
                  q->id, "words", (json_int_t)h->n_words, "whole", h->whole, "same_text", h->same_text, "contained",
                  contained(j, h), "in_questions", h->in_questions, "in_solutions", h->in_solutions);
    json_t *near = h->near_line ? json_pack("{s:s, s:I, s:f}", "file", j->cli->arg[h->near_file], "line",
                                            (json_int_t)h->near_line, "share", h->near_share)
                                : json_null();
    if (!o || json_object_set_new(o, "nearest", near)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* A file's name, which may be of any bytes: null where it is not UTF-8. */
static json_t *name_json(const char *name)
{
    json_t *v = json_string(name);
    return v ? v : json_null();
}

static enum raml_code print_json(const struct job *j, struct raml_err *err)
{
    struct counts c = count(j, 0, j->test.n);
    json_t *files = json_array(), *train = json_array(), *all = counts_json(&c);
    int bad = 0;
    for (size_t k = 0; k < j->n_files; k++) {
        c = count(j, j->file[k].first, j->file[k].end);
        json_t *o = counts_json(&c);
        bad |= json_object_set_new(o, "path", name_json(j->file[k].path)) | json_array_append_new(files, o);
    }
    for (size_t k = 0; k < j->cli->n_args; k++) bad |= json_array_append_new(train, name_json(j->cli->arg[k]));
    json_t *o = json_pack("{s:I, s:f, s:o, s:I, s:I, s:o, s:o}", "n", (json_int_t)j->set->n, "threshold",
                          j->set->threshold, "train", train, "train_questions", (json_int_t)j->n_train,
                          "train_solutions", (json_int_t)j->n_solutions, "test", files, "all", all);
    o = raml_json_checked(o, bad);
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
    fprintf(cli_output_notes(j->set->out), "%s\n", text);
    free(text);
    return RAML_OK;
}

static enum raml_code write_hits(const struct job *j, struct raml_err *err)
{
    struct raml_writer w;
    struct raml_buf line;
    enum raml_code rc = cli_output_open(j->cli, &w, j->set->out, err);
    if (rc) return rc;
    raml_buf_init(&line, MAX_LINE_BYTES);
    for (size_t k = 0; k < j->n_files; k++)
        for (size_t i = j->file[k].first; !rc && i < j->file[k].end; i++) {
            const struct raml_leak_hit *h = &j->hit[i];
            if (!h->same_text && !(h->in_questions > 0) && !(h->in_solutions > 0)) continue;
            json_t *o = hit_json(j, &j->file[k], i);
            char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
            raml_buf_clear(&line);
            if (text) raml_buf_addf(&line, "%s\n", text);
            if (!text) rc = raml_fail(err, RAML_ENOMEM, "no memory for a line of %s", j->set->out);
            else rc = raml_buf_status(&line, err);
            if (!rc) rc = raml_writer_add(&w, line.data, line.len, err);
            free(text);
            json_decref(o);
        }
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    raml_buf_deinit(&line);
    return rc;
}

static enum raml_code compare(struct job *j, struct raml_err *err)
{
    size_t n;
    enum raml_code rc = read_tests(j, err);
    if (!rc) rc = raml_leak_open(&j->test, (size_t)j->set->n, &j->leak, err);
    for (size_t i = 0; !rc && i < j->cli->n_args; i++) rc = add_train(j, i, err);
    if (rc) return rc;
    j->hit = raml_leak_hits(j->leak, &n);
    if (j->set->out && *j->set->out) rc = write_hits(j, err);
    if (!rc && j->cli->json) rc = print_json(j, err);
    else if (!rc) print_text(j);
    size_t leaked = rc ? 0 : count(j, 0, n).contained;
    if (!rc && leaked && j->set->fail)
        rc = raml_fail(err, RAML_EFORMAT, "%zu of %zu test questions are contained in the training data", leaked, n);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    struct job j = {.cli = cli, .set = settings};
    if (!cli->n_args) return raml_fail(err, RAML_EUSAGE, "data leak needs at least one TRAIN file");
    if (!j.set->against || !*j.set->against)
        return raml_fail(err, RAML_EUSAGE, "data leak needs --against TEST, the file of test questions");
    raml_questions_init(&j.test);
    enum raml_code rc = cli_output_check(cli, "out", j.set->out && *j.set->out ? j.set->out : NULL, err);
    if (!rc) rc = compare(&j, err);
    raml_leak_close(j.leak);
    raml_questions_deinit(&j.test);
    free(j.file);
    free(j.names);
    return rc;
}

const struct cli_command cli_data_leak = {
    .name = "data leak",
    .about = "test questions that are in training data",
    .args = "TRAIN...",
    .detail = "Compares n-grams of words, ignoring letter case, punctuation and LaTeX layout: for each test question, "
              "the share of its n-grams that is in training questions, and in training solutions; whether a training "
              "question has the same text; which one is nearest. Linear in the training data, of which one file at a "
              "time is in memory. The files are not changed.",
    .example = "raml data leak train.jsonl --against test.jsonl",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct leak_settings),
    .run = run,
};
