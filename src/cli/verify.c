/* verify.c - `raml verify`: are two answers equal? Lines {"gold", "pred"} to lines {"verdict", "rule"}, in order.
 *
 * Lines are gathered in batches and checked in parallel; each check has its own memory and the results are written
 * in the order of the lines, so that the number of threads changes no byte. The first line that can't be read ends the
 * run, after the lines before it have been written.
 */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/verdicts.h"

#include "raml/answer.h"
#include "core/file.h"
#include "core/json.h"
#include "raml/tokenizer.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ASK_EVERY = 8,
    /* checks between two looks at whether to stop */ MAX_LINE_BYTES = 1 << 28,
    BATCH = 4096,
    SMALL_BATCH = 128, /* of one thread: what it works on stays in the cache */
    BATCH_BYTES = 1 << 26,
    NUMBER_BYTES = 40
};

struct settings {
    const char *gold, *pred, *think_end, *out;
    int64_t max_work;
    int64_t decimals;
    bool worked_out, last, letters, details, explain, summary;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"gold", NULL, RAML_TEXT, AT(gold), NULL, 0, 0, NULL, "With --pred and no file: check this one pair."},
    {"pred", NULL, RAML_TEXT, AT(pred), NULL, 0, 0, NULL, "The text whose answer is checked against --gold."},
    {"details", NULL, RAML_FLAG, AT(details), NULL, 0, 0, NULL,
     "Add found, how pred's answer was found, and answer, the text found."},
    {"explain", NULL, RAML_FLAG, AT(explain), NULL, 0, 0, NULL, "Add steps: what was read and decided, line by line."},
    {"last", NULL, RAML_FLAG, AT(last), NULL, 0, 0, NULL,
     "Take the last number or formula of a text without a marked answer. A line's \"last\" has precedence."},
    {"letters", NULL, RAML_FLAG, AT(letters), NULL, 0, 0, NULL,
     "Answers are choices, A to Z. A line's \"letters\" has precedence."},
    {"worked_out", NULL, RAML_FLAG, AT(worked_out), NULL, 0, 0, NULL,
     "If gold is a plain number, pred must be one too: \"9 - 5\" is then not the answer 4."},
    {"decimals", NULL, RAML_INT, AT(decimals), "0", 0, 100, NULL,
     "Numbers are equal if they are the same when rounded to this many decimals; 0: compared exactly."},
    {"think_end", NULL, RAML_TEXT, AT(think_end), NULL, 0, 0, NULL,
     "Text that ends thinking, instead of </think> and the like. What comes before it is ignored, and a text "
     "without it has no answer."},
    {"max_work", NULL, RAML_INT, AT(max_work), "0", 0, 1e15, NULL,
     "Bound on the work of one check, in units of about a microsecond; beyond it the verdict is unknown. 0: the "
     "default."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL, "JSONL file to write; default: standard output."},
    {"summary", NULL, RAML_FLAG, AT(summary), NULL, 0, 0, NULL,
     "Show how many answers are equal, different and unknown, and how they agree with the lines' \"equal\" or "
     "\"label\". Always shown with --out."},
};

struct job { /* one line, with its result */
    struct raml_buf line, out;
    size_t number;
    enum raml_code rc;
    struct raml_err err;
    struct cli_verdict said;
};
struct work {
    const struct cli *cli;
    const struct settings *s;
    struct raml_lines in;
    struct raml_writer writer;
    struct job *job;
    size_t n, n_bytes;
    int threads;
    struct cli_verdicts counts;
};

static enum raml_code fault(const struct raml_place *at, const char *field, const json_t *found, const char *expected,
                            struct raml_err *err)
{
    static const char *const types[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' is %s; expected %s", at->path, at->line, field,
                     found ? types[json_typeof(found)] : "missing", expected);
}

/* The text of a string or a number; NULL for anything else. A number that is not an integer is written with the
 * fewest digits that read back as the same. number: buffer for it. */
static const char *scalar(const json_t *v, char number[NUMBER_BYTES], size_t *n)
{
    if (json_is_string(v)) {
        *n = json_string_length(v);
        return json_string_value(v);
    }
    if (!json_is_number(v)) return NULL;
    if (json_is_integer(v)) {
        *n = (size_t)snprintf(number, NUMBER_BYTES, "%lld", (long long)json_integer_value(v));
        return number;
    }
    for (int digits = 15; digits <= 17; digits++) {
        *n = (size_t)snprintf(number, NUMBER_BYTES, "%.*g", digits, json_real_value(v));
        if (!(fabs(strtod(number, NULL) - json_real_value(v)) > 0)) break;
    }
    return number;
}

static enum raml_code read_flag(const struct raml_place *at, const json_t *row, const char *field, bool *out,
                                struct raml_err *err)
{
    const json_t *v = json_object_get(row, field);
    if (v && !json_is_boolean(v)) return fault(at, field, v, "true or false", err);
    if (v) *out = json_is_true(v);
    return RAML_OK;
}

static enum raml_code read_label(const struct raml_place *at, const json_t *row, int *label, struct raml_err *err)
{
    static const char *const names[] = {"equal", "label"};
    *label = -1;
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_object_get(row, names[i]);
        if (!v || json_is_null(v)) continue;
        if (!json_is_boolean(v)) return fault(at, names[i], v, "true, false or null", err);
        *label = json_is_true(v);
        return RAML_OK;
    }
    return RAML_OK;
}

/* The explanation of a check, line by line. */
static json_t *steps_of(const struct raml_buf *story)
{
    json_t *list = json_array();
    struct raml_buf clean;
    raml_buf_init(&clean, MAX_LINE_BYTES);
    for (size_t i = 0, n; list && i < story->len; i += n + 1) {
        const char *end = memchr(story->data + i, '\n', story->len - i);
        n = end ? (size_t)(end - (story->data + i)) : story->len - i;
        raml_buf_clear(&clean);
        raml_buf_add(&clean, "", 0);
        raml_utf8_clean(&clean, story->data + i, n);
        if (clean.code || json_array_append_new(list, json_stringn(clean.data, clean.len))) {
            json_decref(list);
            list = NULL;
        }
    }
    raml_buf_deinit(&clean);
    return list;
}

struct check { /* a pair, as passed to the library */
    const struct settings *s;
    struct raml_answer_options opt;
    struct raml_answer_result result;
    struct raml_buf story; /* with --explain */
};

/* One more gold of a list: equal to any of them is equal, and unknown takes precedence over different. */
static enum raml_code compare(struct check *c, const char *gold, size_t n_gold, const char *pred, size_t n_pred,
                              bool first, struct raml_err *err)
{
    struct raml_answer_result r;
    enum raml_code rc =
        raml_answer_compare(gold, n_gold, pred, n_pred, &c->opt, &r, c->s->explain ? &c->story : NULL, err);
    if (rc) return rc;
    bool better = r.verdict == RAML_EQUAL || (r.verdict == RAML_UNKNOWN && c->result.verdict == RAML_DIFFERENT);
    if (first || better) c->result = r;
    return RAML_OK;
}

static enum raml_code compare_all(struct check *c, const struct raml_place *at, const json_t *gold, const char *pred,
                                  size_t n_pred, struct raml_err *err)
{
    char number[NUMBER_BYTES];
    size_t n = 0, n_golds = json_is_array(gold) ? json_array_size(gold) : 1;
    if (!n_golds) return raml_fail(err, RAML_EFORMAT, "%s:%zu: field 'gold' is an empty list", at->path, at->line);
    for (size_t i = 0; i < n_golds; i++) {
        const json_t *v = json_is_array(gold) ? json_array_get(gold, i) : gold;
        const char *text = scalar(v, number, &n);
        if (!text) return fault(at, "gold", v, "a string, a number, or a list of these", err);
        if (!pred || (i && c->result.verdict == RAML_EQUAL)) continue;
        enum raml_code rc = compare(c, text, n, pred, n_pred, i == 0, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

/* found and answer: where pred's answer is. */
static enum raml_code add_details(const struct check *c, const char *pred, size_t n_pred, json_t *out,
                                  struct raml_err *err)
{
    enum raml_found found = RAML_FOUND_NOTHING;
    struct raml_buf answer, clean;
    raml_buf_init(&answer, MAX_LINE_BYTES);
    raml_buf_init(&clean, MAX_LINE_BYTES);
    raml_buf_add(&clean, "", 0);
    enum raml_code rc = pred ? raml_answer_find(pred, n_pred, &c->opt, &answer, &found, err) : RAML_OK;
    if (answer.len) raml_utf8_clean(&clean, answer.data, answer.len);
    if (!rc) rc = raml_buf_status(&clean, err);
    if (!rc) {
        json_t *text = found ? json_stringn(clean.data, clean.len) : json_null();
        if (json_object_set_new(out, "found", json_string(raml_found_name(found))) ||
            json_object_set_new(out, "answer", text))
            rc = raml_fail(err, RAML_ENOMEM, "no memory for a result");
    }
    raml_buf_deinit(&answer);
    raml_buf_deinit(&clean);
    return rc;
}

/* The result for one pair, as a JSON object in *out, which may already have fields. */
static enum raml_code add_verdict(struct check *c, const char *pred, size_t n_pred, json_t *out, struct raml_err *err)
{
    if (json_object_set_new(out, "verdict", json_string(raml_verdict_name(c->result.verdict))) ||
        json_object_set_new(out, "rule", json_string(c->result.rule)))
        return raml_fail(err, RAML_ENOMEM, "no memory for a result");
    enum raml_code rc = c->s->details ? add_details(c, pred, n_pred, out, err) : RAML_OK;
    if (!rc && c->s->explain && json_object_set_new(out, "steps", steps_of(&c->story)))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the steps of a check");
    return rc;
}

static struct raml_answer_options options_of(const struct settings *s)
{
    struct raml_answer_options o = raml_answer_default();
    o.last = s->last;
    o.letters = s->letters;
    if (s->think_end) o.think_end = s->think_end;
    o.decimals = (int)s->decimals;
    o.worked_out = s->worked_out;
    o.max_work = (uint64_t)s->max_work;
    return o;
}

/* Test files of other checkers configure each pair in `config`: what may be taken from a text (`extract`:
 * "NativeLetters" for choices, "latex" and "expr" for its last formula or number), what ends the reasoning
 * (`reasoning_delimiters`), to how many decimals numbers are compared (`precision`; 6 is the default that nobody
 * changes). */
static void read_config(const json_t *row, struct raml_answer_options *o)
{
    const json_t *config = json_object_get(row, "config"), *v;
    size_t i;
    json_array_foreach (json_object_get(config, "extract"), i, v) {
        const char *what = json_string_value(v);
        if (!what) continue;
        if (!strcmp(what, "NativeLetters")) o->letters = true;
        if (!strcmp(what, "latex") || !strcmp(what, "expr") || !strcmp(what, "gsm8k-last-number")) o->last = true;
    }
    v = json_array_get(json_object_get(config, "reasoning_delimiters"), 0);
    if (json_string_length(v)) o->think_end = json_string_value(v);
    json_int_t decimals = json_integer_value(json_object_get(config, "precision"));
    if (decimals >= 1 && decimals <= 100 && decimals != 6) o->decimals = (int)decimals;
}

static enum raml_code check_row(const struct raml_place *at, const json_t *row, struct check *c,
                                struct cli_verdict *said, json_t *out, struct raml_err *err)
{
    char number[NUMBER_BYTES];
    const char *pred = NULL;
    size_t n_pred = 0;
    const json_t *gold = json_object_get(row, "gold"), *v = json_object_get(row, "pred");
    json_t *id = json_object_get(row, "id");
    if (!gold) return fault(at, "gold", NULL, "a string, a number, or a list of these", err);
    if (!v || !(json_is_null(v) || (pred = scalar(v, number, &n_pred)) != NULL))
        return fault(at, "pred", v, "a string, a number, or null", err);
    c->result = (struct raml_answer_result){RAML_UNKNOWN, "no answer given", 0};
    read_config(row, &c->opt);
    enum raml_code rc = read_flag(at, row, "last", &c->opt.last, err);
    if (!rc) rc = read_flag(at, row, "letters", &c->opt.letters, err);
    if (!rc) rc = read_label(at, row, &said->label, err);
    if (!rc) rc = compare_all(c, at, gold, pred, n_pred, err);
    if (!rc && id && json_object_set(out, "id", id)) rc = raml_fail(err, RAML_ENOMEM, "no memory for a result");
    if (!rc) rc = add_verdict(c, pred, n_pred, out, err);
    said->verdict = c->result.verdict;
    return rc;
}

static void check_line(const struct work *w, struct job *j)
{
    const struct raml_place at = {w->in.path, j->number};
    struct check c = {.s = w->s, .opt = options_of(w->s)};
    json_t *row = NULL, *out = json_object();
    raml_buf_init(&c.story, MAX_LINE_BYTES);
    j->rc = out ? raml_json_parse(&at, j->line.data, j->line.len, &row, &j->err)
                : raml_fail(&j->err, RAML_ENOMEM, "no memory for a result");
    if (!j->rc) j->rc = check_row(&at, row, &c, &j->said, out, &j->err);
    if (!j->rc) {
        raml_json_add(&j->out, out);
        raml_buf_adds(&j->out, "\n");
        j->rc = raml_buf_status(&j->out, &j->err);
    }
    raml_buf_deinit(&c.story);
    json_decref(row);
    json_decref(out);
}

/* Checks the gathered lines in parallel, and writes the results. */
static enum raml_code flush(struct work *w, struct raml_err *err)
{
    bool stop = false;
    size_t checked = 0;
#pragma omp parallel for schedule(dynamic, ASK_EVERY) num_threads(w->threads)
    for (size_t i = 0; i < w->n; i++) {
        bool leave;
#pragma omp atomic read
        leave = stop;
        if (leave) continue;
        check_line(w, &w->job[i]);
        size_t done;
#pragma omp atomic capture
        done = ++checked;
        if (omp_get_thread_num() != 0) continue; /* only the thread that started the work calls the sink */
        raml_progress(w->cli->sink, "verify", (double)(w->counts.n + done), 0, "checks", NULL);
        if (i % ASK_EVERY || !raml_should_stop(w->cli->sink)) continue;
#pragma omp atomic write
        stop = true;
    }
    if (stop) return raml_fail(err, RAML_ESTOP, "stopped");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < w->n; i++) {
        struct job *j = &w->job[i];
        rc = j->rc;
        if (rc && err) *err = j->err;
        if (rc && cli_pass_over(w->cli, rc, &j->err)) {
            rc = RAML_OK;
            if (err) *err = (struct raml_err){0};
            continue;
        }
        if (!rc && w->s->out) rc = raml_writer_add(&w->writer, j->out.data, j->out.len, err);
        else if (!rc) fwrite(j->out.data, 1, j->out.len, stdout); /* main checks standard output at the end */
        if (!rc) cli_verdicts_add(&w->counts, &j->said);
    }
    w->n = w->n_bytes = 0;
    raml_progress(w->cli->sink, "verify", (double)w->counts.n, 0, "checks", NULL);
    return rc;
}

static enum raml_code take_line(void *to, struct raml_err *err)
{
    struct work *w = to;
    struct job *j = &w->job[w->n];
    raml_buf_clear(&j->line);
    raml_buf_clear(&j->out);
    raml_buf_add(&j->line, w->in.line.data, w->in.line.len);
    j->number = w->in.number;
    enum raml_code rc = raml_buf_status(&j->line, err);
    if (rc) return rc;
    w->n++;
    w->n_bytes += j->line.len;
    size_t many = w->threads > 1 ? BATCH : SMALL_BATCH;
    return w->n == many || w->n_bytes >= BATCH_BYTES ? flush(w, err) : RAML_OK;
}

static enum raml_code check_file(const struct cli *cli, const struct settings *s, const char *path,
                                 struct raml_err *err)
{
    struct work w = {.cli = cli, .s = s, .threads = raml_device_threads(cli->dev)};
    w.job = calloc(BATCH, sizeof *w.job);
    if (!w.job) return raml_fail(err, RAML_ENOMEM, "no memory for %d lines", BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        raml_buf_init(&w.job[i].line, MAX_LINE_BYTES);
        raml_buf_init(&w.job[i].out, MAX_LINE_BYTES);
    }
    enum raml_code rc = raml_lines_init(&w.in, path, MAX_LINE_BYTES, err);
    bool open = !rc;
    cli_verdicts_begin(&w.counts);
    if (!rc && s->out) rc = cli_output_open(cli, &w.writer, s->out, err);
    if (!rc) rc = cli_each_line(cli, &w.in, take_line, &w, err);
    if (!rc) rc = flush(&w, err);
    if (!rc && s->out) rc = raml_writer_commit(&w.writer, err);
#pragma omp parallel num_threads(w.threads)
    raml_answer_thread_end();
    if (!rc && (s->out || s->summary)) rc = cli_verdicts_print(&w.counts, cli->json, s->out, err);
    raml_writer_deinit(&w.writer);
    if (open) raml_lines_deinit(&w.in);
    for (size_t i = 0; i < BATCH; i++) {
        raml_buf_deinit(&w.job[i].line);
        raml_buf_deinit(&w.job[i].out);
    }
    free(w.job);
    return rc;
}

/* The one pair of --gold and --pred, as text. */
static enum raml_code check_pair(const struct cli *cli, const struct settings *s, struct raml_err *err)
{
    struct check c = {.s = s, .opt = options_of(s)};
    json_t *out = json_object(), *v;
    if (!out) return raml_fail(err, RAML_ENOMEM, "no memory for a result");
    raml_buf_init(&c.story, MAX_LINE_BYTES);
    enum raml_code rc = compare(&c, s->gold, strlen(s->gold), s->pred, strlen(s->pred), true, err);
    if (!rc) rc = add_verdict(&c, s->pred, strlen(s->pred), out, err);
    if (!rc && cli->json) {
        rc = cli_print_json(json_incref(out), err);
    } else if (!rc) {
        printf("%s: %s\n", raml_verdict_name(c.result.verdict), c.result.rule);
        if ((v = json_object_get(out, "found")) != NULL) printf("found: %s\n", json_string_value(v));
        v = json_object_get(out, "answer");
        if (json_is_string(v)) printf("answer: %s\n", json_string_value(v));
        size_t i;
        json_array_foreach (json_object_get(out, "steps"), i, v) printf("  %s\n", json_string_value(v));
    }
    json_decref(out);
    raml_buf_deinit(&c.story);
    raml_answer_thread_end();
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    if (s->think_end && !*s->think_end) return raml_fail(err, RAML_EUSAGE, "--think_end is empty; expected a text");
    if (s->gold || s->pred) {
        if (!s->gold || !s->pred) return raml_fail(err, RAML_EUSAGE, "--gold and --pred go together");
        if (cli->n_args) return raml_fail(err, RAML_EUSAGE, "--gold and --pred take no file; found '%s'", cli->arg[0]);
        if (s->out || s->summary) return raml_fail(err, RAML_EUSAGE, "--out and --summary are for files");
        return check_pair(cli, s, err);
    }
    const char *path = cli_one_input(cli);
    if (!path)
        return raml_fail(err, RAML_EUSAGE,
                         "verify takes one FILE.jsonl, or - for standard input, or --gold and --pred; found %zu files",
                         cli->n_args);
    struct settings own = *s;
    enum raml_code rc = cli_output_or_stdout(cli, &own.out, err);
    return rc ? rc : check_file(cli, &own, path, err);
}

const struct cli_command cli_verify = {
    .name = "verify",
    .about = "are two answers equal, and why",
    .args = "[FILE.jsonl|-]",
    .detail =
        "A line {\"gold\", \"pred\"} gives a line {\"verdict\", \"rule\"}; the verdict is equal, different or unknown, "
        "decided exactly. Both are texts (or numbers) with their answer anywhere it can be found; gold may be a "
        "list: equal to any of them is equal. A pred of null is unknown. An \"id\" is copied.",
    .example = "raml verify --gold 1/2 --pred 'The answer is $0.5$.' --explain",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .run = run,
};
