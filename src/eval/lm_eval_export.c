/* lm_eval_export.c - see lm_eval_export.h. Field names and hashed data: lm_eval/evaluator.py and
 * loggers/evaluation_tracker.py of EleutherAI/lm-evaluation-harness. */
#include "raml/lm_eval_export.h"

#include "core/ascii.h"
#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <math.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct raml_lm_eval_export {
    struct raml_lm_eval_options opt; /* its texts are copies */
    json_t *settings;
    char *dir, *task, *date, *model, *results, *samples;
    double time; /* of date, seconds since 1970 */
    struct raml_writer writer;
    SHA2_CTX hashes; /* of all questions' hashes */
    uint64_t n;
    struct raml_buf line;
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

static bool digits_like(const char *text, const char *form)
{
    for (; *form; form++, text++)
        if (*form == '0' ? !is_digit(*text) : *form != *text) return false;
    return *text == 0;
}

static enum raml_code read_date(const char *date, double *out, struct raml_err *err)
{
    struct tm tm = {0};
    int second;
    if (!digits_like(date, "0000-00-00T00-00-00") && !digits_like(date, "0000-00-00T00-00-00.000000"))
        return raml_fail(err, RAML_EUSAGE,
                         "date '%.40s': expected one such as 2026-01-31T12-30-59 or "
                         "2026-01-31T12-30-59.123456",
                         date);
    if (sscanf(date, "%4d-%2d-%2dT%2d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &second) != 6 ||
        tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        second > 60)
        return raml_fail(err, RAML_EUSAGE, "date '%s' is not a date and time", date);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    tm.tm_sec = second;
    *out = (double)timegm(&tm) + (date[19] == '.' ? strtod(date + 19, NULL) : 0);
    return RAML_OK;
}

static enum raml_code check_task(const char *task, struct raml_err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@+";
    size_t n = strlen(task);
    if (n && n <= 200 && strspn(task, allowed) == n && task[0] != '.') return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "task '%.60s': expected a name of letters, digits and _-.@+", task);
}

static char *joined(const char *dir, const char *kind, const char *task, const char *date, const char *end)
{
    return raml_path_new("%s/%s_%s%s%s%s", dir, kind, task, *task ? "_" : "", date, end);
}

enum raml_code raml_lm_eval_export_open(const struct raml_lm_eval_options *opt, struct raml_lm_eval_export **out,
                                        struct raml_err *err)
{
    double when = 0;
    enum raml_code rc = check_task(opt->task, err);
    if (!rc) rc = read_date(opt->date, &when, err);
    if (!rc) rc = raml_make_dir(opt->dir, err);
    if (rc) return rc;
    struct raml_lm_eval_export *h = calloc(1, sizeof *h);
    if (!h) return raml_fail(err, RAML_ENOMEM, "no memory for results");
    h->opt = *opt;
    h->time = when;
    h->settings = opt->settings ? json_deep_copy(opt->settings) : NULL;
    h->task = strdup(opt->task);
    h->date = strdup(opt->date);
    h->model = strdup(opt->model ? opt->model : "");
    h->results = joined(opt->dir, "results", "", opt->date, ".json");
    h->samples = joined(opt->dir, "samples", opt->task, opt->date, ".jsonl");
    SHA256Init(&h->hashes);
    raml_buf_init(&h->line, (size_t)1 << 30);
    if (!h->task || !h->date || !h->model || !h->results || !h->samples || (opt->settings && !h->settings))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = raml_writer_init(&h->writer, h->samples, err);
    if (rc) raml_lm_eval_export_close(h);
    else *out = h;
    return rc;
}

void raml_lm_eval_export_close(struct raml_lm_eval_export *h)
{
    if (!h) return;
    raml_writer_deinit(&h->writer);
    raml_buf_deinit(&h->line);
    json_decref(h->settings);
    free(h->task);
    free(h->date);
    free(h->model);
    free(h->results);
    free(h->samples);
    free(h);
}

const char *raml_lm_eval_export_results(const struct raml_lm_eval_export *h)
{
    return h->results;
}

const char *raml_lm_eval_export_samples(const struct raml_lm_eval_export *h)
{
    return h->samples;
}

/* ---- one question ------------------------------------------------------------------------------------------------ */

static json_t *doc_of(const struct raml_graded *q)
{
    json_t *o = json_object();
    int bad = json_object_set_new(o, "id", raml_json_text(q->id));
    if (q->family) bad |= json_object_set_new(o, "family", raml_json_text(q->family));
    if (q->split) bad |= json_object_set_new(o, "split", raml_json_text(q->split));
    if (q->difficulty >= 0) bad |= json_object_set_new(o, "difficulty", json_integer(q->difficulty));
    bad |= json_object_set_new(o, "answer", raml_json_text(q->gold));
    return raml_json_checked(o, bad);
}

/* [[answer, ...]]: one request, n samples. */
static json_t *answers(const struct raml_graded *q)
{
    json_t *list = json_array(), *out = json_array();
    int bad = 0;
    for (uint32_t i = 0; i < q->n; i++)
        bad |= json_array_append_new(list, raml_json_text(q->has_answers && q->answer[i] ? q->answer[i] : ""));
    bad |= json_array_append_new(out, list);
    return raml_json_checked(out, bad);
}

static json_t *grades(const struct raml_graded *q)
{
    json_t *list = json_array();
    int bad = 0;
    for (uint32_t i = 0; i < q->n; i++)
        bad |= json_array_append_new(list, json_integer(q->correct[i] && !q->truncated[i] && !q->unclosed[i]));
    return raml_json_checked(list, bad);
}

/* finish_reason and think_closed, where they are informative. */
static int add_ends(json_t *o, const struct raml_graded *q)
{
    bool truncated = false, open = false;
    for (uint32_t i = 0; i < q->n; i++) {
        truncated = truncated || q->truncated[i];
        open = open || q->unclosed[i];
    }
    json_t *reason = truncated ? json_array() : NULL, *closed = open ? json_array() : NULL;
    int bad = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        if (truncated) bad |= json_array_append_new(reason, json_string(q->truncated[i] ? "length" : "stop"));
        if (open) bad |= json_array_append_new(closed, json_boolean(!q->unclosed[i]));
    }
    if (truncated) bad |= json_object_set_new(o, "finish_reason", reason);
    if (open) bad |= json_object_set_new(o, "think_closed", closed);
    return bad;
}

static uint32_t count_correct(const struct raml_graded *q)
{
    uint32_t c = 0;
    for (uint32_t i = 0; i < q->n; i++) c += q->correct[i] && !q->truncated[i] && !q->unclosed[i];
    return c;
}

struct hashes {
    char doc[SHA256_DIGEST_STRING_LENGTH], prompt[SHA256_DIGEST_STRING_LENGTH], target[SHA256_DIGEST_STRING_LENGTH];
};

/* The document as json.dumps(doc, indent=2, ensure_ascii=False) writes it; the prompt is not known here. */
static int hash_question(const json_t *doc, const char *target, struct hashes *h)
{
    char *dump = json_dumps(doc, JSON_INDENT(2));
    if (!dump) return -1;
    SHA256Data((const uint8_t *)dump, strlen(dump), h->doc);
    SHA256Data((const uint8_t *)"", 0, h->prompt);
    SHA256Data((const uint8_t *)target, strlen(target), h->target);
    free(dump);
    return 0;
}

static json_t *sample_of(struct raml_lm_eval_export *h, const struct raml_graded *q)
{
    struct hashes hash = {{0}, {0}, {0}};
    const char *target = q->gold ? q->gold : "";
    json_t *o = json_object(), *doc = doc_of(q);
    int bad = !o || hash_question(doc, target, &hash);
    bad |= json_object_set_new(o, "doc_id", json_integer((json_int_t)h->n));
    bad |= json_object_set_new(o, "doc", doc);
    bad |= json_object_set_new(o, "target", raml_json_text(target));
    bad |= json_object_set_new(o, "arguments", json_pack("{s:{s:s}}", "gen_args_0", "arg_0", ""));
    bad |= json_object_set_new(o, "resps", answers(q));
    bad |= json_object_set_new(o, "filtered_resps", answers(q));
    bad |= json_object_set_new(o, "filter", raml_json_text("none"));
    bad |= json_object_set_new(o, "metrics", json_pack("[s]", "exact_match"));
    bad |= json_object_set_new(o, "doc_hash", raml_json_text(hash.doc));
    bad |= json_object_set_new(o, "prompt_hash", raml_json_text(hash.prompt));
    bad |= json_object_set_new(o, "target_hash", raml_json_text(hash.target));
    bad |= json_object_set_new(o, "exact_match", json_real((double)count_correct(q) / (double)q->n));
    bad |= json_object_set_new(o, "correct", grades(q));
    bad |= add_ends(o, q);
    SHA256Update(&h->hashes, (const uint8_t *)hash.doc, strlen(hash.doc));
    SHA256Update(&h->hashes, (const uint8_t *)hash.prompt, strlen(hash.prompt));
    SHA256Update(&h->hashes, (const uint8_t *)hash.target, strlen(hash.target));
    return raml_json_checked(o, bad);
}

enum raml_code raml_lm_eval_export_add(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct raml_lm_eval_export *h = user;
    json_t *o = sample_of(h, q);
    if (!o)
        return raml_fail(err, RAML_ENOMEM, "question '%.100s': no memory to write it, or its text is not UTF-8", q->id);
    raml_buf_clear(&h->line);
    raml_json_add(&h->line, o);
    raml_buf_adds(&h->line, "\n");
    json_decref(o);
    enum raml_code rc = raml_buf_status(&h->line, err);
    if (!rc) rc = raml_writer_add(&h->writer, h->line.data, h->line.len, err);
    h->n++;
    return rc;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_string("N/A"); /* as in lm_eval */
}

/* The i-th measure of a table's last row and its name in these files; false after the last. */
static bool measure_at(const struct raml_table *t, size_t i, char name[RAML_MEASURE_NAME], struct raml_estimate *e)
{
    const struct raml_table_row *r = &t->row[t->n_rows - 1];
    if (i > t->n_k + t->n_measures) return false;
    if (i == 0) {
        snprintf(name, RAML_MEASURE_NAME, "exact_match");
        *e = r->accuracy;
    } else if (i <= t->n_k) {
        snprintf(name, RAML_MEASURE_NAME, "pass@%u", t->k[i - 1]);
        *e = r->pass[i - 1];
    } else {
        raml_measure_name(&t->measure[i - 1 - t->n_k], name);
        *e = r->measure[i - 1 - t->n_k];
    }
    return true;
}

/* {"task": value}, the shape of most fields. */
static json_t *of_task(const struct raml_lm_eval_export *h, json_t *value)
{
    json_t *o = json_object();
    if (json_object_set_new(o, h->task, value) == 0) return o;
    json_decref(o);
    return NULL;
}

static json_t *values(const struct raml_lm_eval_export *h, const struct raml_table *t)
{
    json_t *o = json_object();
    struct raml_estimate e;
    char name[RAML_MEASURE_NAME], key[RAML_MEASURE_NAME + 16];
    int bad = json_object_set_new(o, "alias", raml_json_text(h->task));
    for (size_t i = 0; measure_at(t, i, name, &e); i++) {
        snprintf(key, sizeof key, "%s,none", name);
        bad |= json_object_set_new(o, key, number(e.value));
        snprintf(key, sizeof key, "%s_stderr,none", name);
        bad |= json_object_set_new(o, key, number(e.se));
    }
    return raml_json_checked(o, bad);
}

static json_t *metric_list(const struct raml_table *t, bool as_list)
{
    json_t *o = as_list ? json_array() : json_object();
    struct raml_estimate e;
    char name[RAML_MEASURE_NAME];
    int bad = 0;
    for (size_t i = 0; measure_at(t, i, name, &e); i++)
        bad |= as_list ? json_array_append_new(o, json_pack("{s:s, s:s, s:b}", "metric", name, "aggregation", "mean",
                                                            "higher_is_better", 1))
                       : json_object_set_new(o, name, json_true());
    return raml_json_checked(o, bad);
}

static json_t *config(const struct raml_lm_eval_export *h)
{
    json_t *o =
        json_pack("{s:s, s:s, s:n, s:n, s:n, s:i, s:I}", "model", "raml", "model_args", h->model, "batch_size",
                  "device", "limit", "bootstrap_iters", (int)h->opt.n_draws, "bootstrap_seed", (json_int_t)h->opt.seed);
    if (json_object_set(o, "gen_kwargs", h->settings ? h->settings : json_null()) == 0) return o;
    json_decref(o);
    return NULL;
}

static json_t *results_of(struct raml_lm_eval_export *h, const struct raml_table *t)
{
    const struct raml_table_row *r = &t->row[t->n_rows - 1];
    json_int_t n = (json_int_t)r->n_questions;
    char hash[SHA256_DIGEST_STRING_LENGTH];
    SHA256End(&h->hashes, hash);
    json_t *o = json_object();
    int bad = json_object_set_new(o, "results", of_task(h, values(h, t)));
    bad |= json_object_set_new(o, "group_subtasks", of_task(h, json_array()));
    bad |= json_object_set_new(
        o, "configs",
        of_task(h, json_pack("{s:s, s:s, s:I, s:o}", "task", h->task, "output_type", "generate_until", "repeats",
                             (json_int_t)r->n_max, "metric_list", metric_list(t, true))));
    bad |= json_object_set_new(o, "versions", of_task(h, raml_json_text(RAML_VERSION)));
    bad |= json_object_set_new(o, "n-shot", of_task(h, json_integer(0)));
    bad |= json_object_set_new(o, "higher_is_better", of_task(h, metric_list(t, false)));
    bad |= json_object_set_new(o, "n-samples", of_task(h, json_pack("{s:I, s:I}", "original", n, "effective", n)));
    bad |= json_object_set_new(o, "config", config(h));
    bad |= json_object_set_new(o, "git_hash", json_null());
    bad |= json_object_set_new(o, "date", json_real(h->time));
    bad |= json_object_set_new(o, "task_hashes", of_task(h, raml_json_text(hash)));
    bad |= json_object_set_new(o, "model_source", raml_json_text("raml"));
    bad |= json_object_set_new(o, "model_name", raml_json_text(h->model));
    bad |= json_object_set_new(o, "chat_template", json_null());
    bad |= json_object_set_new(o, "chat_template_sha", json_null());
    bad |= json_object_set_new(o, "total_evaluation_time_seconds", json_null());
    return raml_json_checked(o, bad);
}

enum raml_code raml_lm_eval_export_commit(struct raml_lm_eval_export *h, const struct raml_table *t,
                                          struct raml_err *err)
{
    if (!t->n_rows) return raml_fail(err, RAML_ERANGE, "no row to write results for");
    json_t *o = results_of(h, t);
    char *dump = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    enum raml_code rc = dump ? raml_writer_commit(&h->writer, err)
                             : raml_fail(err, RAML_ENOMEM, "no memory for results, or a text is not UTF-8");
    if (!rc) {
        rc = raml_file_write(h->results, dump, strlen(dump), err);
        if (rc) remove(h->samples); /* both or neither */
    }
    free(dump);
    json_decref(o);
    return rc;
}
