/* lm_eval.c - samples_<task>_<time>.jsonl of lm-evaluation-harness (docs/samples.md has its fields).
 *
 * A line is one document under one filter; adjacent lines of one doc_id (runs with other seeds, concatenated and
 * sorted) are one question with the samples of all. lm_eval grades one answer per line, whatever `repeats` was: the
 * first response, or a vote (lm-evaluation-harness issue 3080), so of several responses the others are not
 * graded. */
#include "samples/foreign.h"
#include "samples/seen.h"

#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128, LIST_BYTES = 256 };

struct reader {
    struct raml_foreign f;
    struct raml_place at, group_at;
    char metric[NAME_BYTES], filter[NAME_BYTES], id[NAME_BYTES];
    bool chosen, filter_given;
    json_t *group; /* the lines of one doc_id */
    struct raml_seen seen;
    uint64_t n_skipped, n_first; /* lines of other filters; questions graded by one answer of several */
};

/* How a line's responses are graded. */
enum plan { ONE_EACH, COUNTED, ONE_FOR_ALL };

static const char *const not_metrics[] = {"doc_id",      "doc",       "target", "arguments",      "resps",
                                          "doc_hash",    "metrics",   "filter", "prompt_hash",    "filtered_resps",
                                          "target_hash", "task_name", "task",   "schema_version", "finish_reason",
                                          "think_closed"};

static bool is_metric_field(const char *name)
{
    for (size_t i = 0; i < sizeof not_metrics / sizeof *not_metrics; i++)
        if (!strcmp(name, not_metrics[i])) return false;
    return true;
}

static bool are_grades(const json_t *v)
{
    size_t n = json_array_size(v);
    for (size_t i = 0; i < n; i++)
        if (raml_foreign_grade(json_array_get(v, i)) < 0) return false;
    return n > 0;
}

/* In files that raml writes (raml/lm_eval_export.h) exact_match is the mean of the grades in correct: they are one metric. */
static bool is_mean_of_correct(const json_t *obj, const char *name, const json_t *v)
{
    const json_t *correct = json_object_get(obj, "correct");
    size_t n = json_array_size(correct);
    double sum = 0;
    if (strcmp(name, "exact_match") != 0 || !json_is_number(v) || !are_grades(correct)) return false;
    for (size_t i = 0; i < n; i++) sum += raml_foreign_grade(json_array_get(correct, i));
    return fabs(json_number_value(v) - sum / (double)n) < 1e-9;
}

/* Could this field grade? *k: of pass@k, else 0. */
static bool may_grade(const char *name, const json_t *v, uint32_t *k)
{
    struct raml_foreign_metric m;
    *k = raml_foreign_metric(name, &m) ? m.k : 0;
    return is_metric_field(name) && (*k || raml_foreign_grade(v) >= 0 || are_grades(v));
}

/* If the caller chose none: the only field that may grade; of pass@k the smallest k. */
static enum raml_code only_metric(struct reader *r, json_t *obj, struct raml_err *err)
{
    char list[LIST_BYTES] = "";
    const char *name, *best = NULL;
    json_t *v;
    size_t n = 0, n_pass = 0, used = 0;
    uint32_t k, best_k = 0;
    json_object_foreach (obj, name, v) {
        if (!may_grade(name, v, &k) || is_mean_of_correct(obj, name, v)) continue;
        if (!best || (k && k < best_k)) best = name, best_k = k;
        n++;
        n_pass += k > 0;
        int wrote = snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", name);
        if (wrote > 0 && used + (size_t)wrote < sizeof list) used += (size_t)wrote;
    }
    if (r->f.opt->regrade && n != 1) return RAML_OK; /* grades are made here; the file's are only compared with them */
    if (!n)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: no metric that is 0 or 1; found fields: %s", r->at.path,
                         r->at.line, raml_json_fields(obj, list, sizeof list));
    if (n > 1 && n_pass < n)
        return raml_fail(err, RAML_EUSAGE, "%s:%zu: several metrics: %s; choose one by its name, or by name and filter",
                         r->at.path, r->at.line, list);
    snprintf(r->metric, sizeof r->metric, "%s", best);
    return RAML_OK;
}

/* The caller's "metric" or "metric,filter", as results_<time>.json names them. */
static enum raml_code choose(struct reader *r, json_t *obj, const char *filter, struct raml_err *err)
{
    const char *want = r->f.opt->metric, *comma = want ? strchr(want, ',') : NULL;
    if (want && strlen(want) >= NAME_BYTES)
        return raml_fail(err, RAML_EUSAGE, "a metric's name of %zu bytes; at most %d", strlen(want), NAME_BYTES - 1);
    if (want && comma && !json_object_get(obj, want)) {
        snprintf(r->metric, sizeof r->metric, "%.*s", (int)(comma - want), want);
        snprintf(r->filter, sizeof r->filter, "%s", comma + 1);
        r->filter_given = true;
        return RAML_OK;
    }
    snprintf(r->filter, sizeof r->filter, "%s", filter);
    if (!want) return only_metric(r, obj, err);
    snprintf(r->metric, sizeof r->metric, "%s", want);
    return RAML_OK;
}

/* The responses of a line: an array of texts, or NULL when it is a likelihood task or has none. */
static json_t *responses(const json_t *obj)
{
    json_t *outer = json_object_get(obj, "resps"), *inner = json_array_get(outer, 0), *v;
    json_t *list = json_is_string(inner) ? outer : json_array_size(outer) == 1 ? inner : NULL;
    size_t i;
    json_array_foreach (list, i, v)
        if (!json_is_string(v)) return NULL;
    return json_array_size(list) ? list : NULL;
}

static size_t n_responses(const json_t *obj)
{
    const json_t *list = responses(obj);
    return list ? json_array_size(list) : 1;
}

static enum plan plan_of(const struct reader *r, const json_t *obj, size_t n, struct raml_foreign_metric *m)
{
    const json_t *v = json_object_get(obj, r->metric);
    if (n == 1 || r->f.opt->regrade || (json_array_size(v) == n && are_grades(v))) return ONE_EACH;
    if (json_is_number(v) && raml_foreign_metric(r->metric, m)) return COUNTED;
    return ONE_FOR_ALL;
}

static const char *prompt_of(const json_t *obj)
{
    const json_t *args = json_object_get(obj, "arguments"), *first = json_object_get(args, "gen_args_0");
    const json_t *text =
        json_is_array(args) ? json_array_get(json_array_get(args, 0), 0) : json_object_get(first, "arg_0");
    return json_string_value(text);
}

/* The answer that the filter extracted from response j; NULL: none, or the response unchanged. */
static const char *filtered(const json_t *obj, size_t j, size_t n, const char *text)
{
    const json_t *list = json_object_get(obj, "filtered_resps"), *first = json_array_get(list, 0), *v = NULL;
    if (json_is_array(first)) v = json_array_size(first) == n ? json_array_get(first, j) : NULL;
    else if (json_array_size(list) == n) v = json_array_get(list, j);
    const char *answer = json_string_value(v);
    return !answer || !strcmp(answer, "[invalid]") || (text && !strcmp(answer, text)) ? NULL : answer;
}

static bool was_truncated(const json_t *obj, size_t j)
{
    const json_t *v = json_object_get(obj, "finish_reason");
    if (!v) v = json_object_get(obj, "stop_reason");
    const char *why = json_string_value(json_is_array(v) ? json_array_get(v, j) : v);
    return why && (!strcmp(why, "length") || !strcmp(why, "max_tokens"));
}

static enum raml_code put_graded(struct reader *r, const json_t *obj, size_t i0, size_t n,
                                 const struct raml_foreign_gold *gold, struct raml_err *err)
{
    const json_t *list = responses(obj), *v = json_object_get(obj, r->metric);
    for (size_t j = 0; j < n; j++) {
        struct raml_foreign_sample s = {.text = json_string_value(json_array_get(list, j)),
                                        .prompt = prompt_of(obj),
                                        .grade = raml_foreign_grade(json_is_array(v) ? json_array_get(v, j) : v),
                                        .truncated = was_truncated(obj, j),
                                        .unclosed =
                                            json_is_false(json_array_get(json_object_get(obj, "think_closed"), j))};
        if (n > 1 && !json_is_array(v)) s.grade = -1;
        s.answer = filtered(obj, j, n, s.text);
        if (!r->f.opt->regrade && s.grade < 0)
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: metric '%s' is not a grade; expected 0 or 1", r->group_at.path,
                             r->group_at.line, r->metric);
        if (r->f.opt->regrade && !s.text)
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: no text of a response (a likelihood task); nothing to regrade",
                             r->group_at.path, r->group_at.line);
        enum raml_code rc = raml_foreign_put(&r->f, &r->group_at, i0 + j, gold, &s, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

/* One grade for several responses: that of a single sample, the first response or the vote that the filter took. */
static enum raml_code put_first(struct reader *r, const json_t *obj, size_t i0, const struct raml_foreign_gold *gold,
                                struct raml_err *err)
{
    bool vote = strstr(r->filter, "maj") || strstr(r->filter, "vote");
    struct raml_foreign_sample s = {.prompt = prompt_of(obj),
                                    .grade = raml_foreign_grade(json_object_get(obj, r->metric))};
    if (!vote) s.text = json_string_value(json_array_get(responses(obj), 0));
    s.answer = filtered(obj, 0, 1, s.text);
    s.truncated = !vote && was_truncated(obj, 0);
    if (s.grade < 0)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: metric '%s' is not a grade; expected 0 or 1", r->group_at.path,
                         r->group_at.line, r->metric);
    r->n_first++;
    return raml_foreign_put(&r->f, &r->group_at, i0, gold, &s, err);
}

static enum raml_code put_counted(struct reader *r, const json_t *obj, size_t n, const struct raml_foreign_metric *m,
                                  struct raml_err *err)
{
    uint32_t c = 0;
    double value = json_number_value(json_object_get(obj, r->metric));
    if (json_array_size(r->group) > 1 || n > UINT32_MAX || !raml_foreign_count((uint32_t)n, m->k, value, &c))
        return raml_fail(
            err, RAML_EFORMAT,
            "%s:%zu: %s = %.9g of %zu responses does not show how many are correct; a smaller k does, and so "
            "does regrading",
            r->group_at.path, r->group_at.line, r->metric, value, n);
    return raml_foreign_put_count(&r->f, n, c, err);
}

static enum raml_code flush(struct reader *r, struct raml_err *err)
{
    size_t n_lines = json_array_size(r->group), n = 0;
    if (!n_lines) return RAML_OK;
    const json_t *obj = json_array_get(r->group, 0);
    struct raml_foreign_metric m = {0};
    struct raml_foreign_gold gold = {.n = 0};
    const char *family;
    int difficulty;
    gold.text[0] = json_string_value(json_object_get(obj, "target"));
    gold.n = gold.text[0] != NULL;
    raml_foreign_traits(json_object_get(obj, "doc"), &family, &difficulty);
    for (size_t l = 0; l < n_lines; l++) {
        const json_t *line = json_array_get(r->group, l);
        size_t k = n_responses(line);
        n += plan_of(r, line, k, &m) == ONE_FOR_ALL ? 1 : k;
    }
    enum raml_code rc = raml_foreign_begin(&r->f, n, err);
    for (size_t l = 0, i = 0; !rc && l < n_lines; l++) {
        const json_t *line = json_array_get(r->group, l);
        size_t k = n_responses(line);
        enum plan plan = plan_of(r, line, k, &m);
        if (plan == ONE_FOR_ALL) k = 1, rc = put_first(r, line, i, &gold, err);
        else if (plan == COUNTED) rc = put_counted(r, line, k, &m, err);
        else rc = put_graded(r, line, i, k, &gold, err);
        i += k;
    }
    if (!rc) rc = raml_foreign_emit(&r->f, r->id, &gold, n, family, difficulty, err);
    json_array_clear(r->group);
    return rc;
}

static enum raml_code read_id(struct reader *r, const json_t *obj, char id[NAME_BYTES], struct raml_err *err)
{
    const json_t *v = json_object_get(obj, "doc_id");
    if (json_is_integer(v)) snprintf(id, NAME_BYTES, "%lld", (long long)json_integer_value(v));
    else if (json_is_string(v) && json_string_length(v) < NAME_BYTES)
        snprintf(id, NAME_BYTES, "%s", json_string_value(v));
    else
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: field 'doc_id' is missing or not a whole number; expected a line of "
                         "lm-evaluation-harness",
                         r->at.path, r->at.line);
    return RAML_OK;
}

static bool same_question(const json_t *a, const json_t *b)
{
    static const char *const fields[] = {"doc_hash", "target"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *x = json_object_get(a, fields[i]), *y = json_object_get(b, fields[i]);
        if (x && y && !json_equal(x, y)) return false;
    }
    return true;
}

/* The same responses, filtered differently: before 0.4.7 lines did not name their filter. */
static bool other_filter(const json_t *a, const json_t *b)
{
    return !json_object_get(a, "filter") && json_equal(json_object_get(a, "resps"), json_object_get(b, "resps")) &&
           !json_equal(json_object_get(a, "filtered_resps"), json_object_get(b, "filtered_resps"));
}

/* Another line of the current question. */
static enum raml_code join(struct reader *r, json_t *obj, struct raml_err *err)
{
    const json_t *first = json_array_get(r->group, 0);
    if (!same_question(first, obj))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: doc_id %s again, for another question; expected one task per file",
                         r->at.path, r->at.line, r->id);
    if (other_filter(first, obj))
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: doc_id %s again with the same responses, filtered differently, and no field "
                         "'filter'; expected one filter's lines",
                         r->at.path, r->at.line, r->id);
    return json_array_append(r->group, obj) ? raml_fail(err, RAML_ENOMEM, "no memory for a line") : RAML_OK;
}

/* Keeps a line for its question; passes on the question before it. obj is borrowed. */
static enum raml_code take(struct reader *r, json_t *obj, struct raml_err *err)
{
    const json_t *filter_v = json_object_get(obj, "filter");
    const char *filter = json_string_value(filter_v);
    char id[NAME_BYTES];
    size_t before = 0;
    if (!filter) filter = "none";
    enum raml_code rc = read_id(r, obj, id, err);
    if (!rc && !r->chosen) r->chosen = !(rc = choose(r, obj, filter, err));
    if (rc) return rc;
    if (strcmp(filter, r->filter) != 0) {
        r->n_skipped++;
        if (r->filter_given || r->f.opt->regrade) return RAML_OK;
        return raml_fail(
            err, RAML_EUSAGE,
            "%s:%zu: filter '%s' after '%s', which grade the same responses differently; choose one with metric "
            "%s,%s or %s,%s",
            r->at.path, r->at.line, filter, r->filter, r->metric, r->filter, r->metric, filter);
    }
    if (!r->f.opt->regrade && !json_object_get(obj, r->metric)) {
        char names[LIST_BYTES];
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: no metric '%s'; found fields: %s", r->at.path, r->at.line,
                         r->metric, raml_json_fields(obj, names, sizeof names));
    }
    if (json_array_size(r->group) && !strcmp(id, r->id)) return join(r, obj, err);
    rc = flush(r, err);
    if (rc && raml_samples_pass_over(r->f.opt, r->f.report, r->group_at.line, rc, err)) rc = RAML_OK;
    if (!rc) rc = raml_seen_add(&r->seen, id, r->at.line, &before, err);
    if (rc) return rc;
    if (before)
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: doc_id %s again, first on line %zu; expected one task per file, and the lines of "
                         "a question next to each other",
                         r->at.path, r->at.line, id, before);
    memcpy(r->id, id, sizeof id);
    r->group_at = r->at;
    return json_array_append(r->group, obj) ? raml_fail(err, RAML_ENOMEM, "no memory for a line") : RAML_OK;
}

static enum raml_code finish(struct reader *r, struct raml_err *err)
{
    enum raml_code rc = flush(r, err);
    if (rc && !raml_samples_pass_over(r->f.opt, r->f.report, r->group_at.line, rc, err)) return rc;
    if (!r->f.report->n_questions && r->n_skipped)
        return raml_fail(err, RAML_EFORMAT, "%s: no line has filter '%s'", r->at.path, r->filter);
    if (!r->f.report->n_questions) return raml_fail(err, RAML_EFORMAT, "%s: no lines; expected samples", r->at.path);
    if (r->n_first)
        raml_foreign_note(&r->f,
                          "lm-evaluation-harness graded one answer of several responses (filter '%s') for %llu "
                          "questions; regrading counts them all",
                          r->filter, (unsigned long long)r->n_first);
    if (!r->f.opt->regrade) {
        r->f.report->metric = raml_foreign_metric_name(r->f.opt, r->metric);
        if (!*r->f.report->metric) raml_foreign_note(&r->f, "graded by '%s'", r->metric);
    }
    raml_foreign_close(&r->f);
    return RAML_OK;
}

static enum raml_code read_lines(struct reader *r, const char *path, struct raml_err *err)
{
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_lines_init(&lines, path, RAML_FOREIGN_MAX_LINE, err);
    if (rc) return rc;
    while (!(rc = raml_lines_next(&lines, &more, err)) && more) {
        json_t *obj = NULL;
        r->at = (struct raml_place){path, lines.number};
        if (!lines.line.len) continue;
        rc = raml_json_parse(&r->at, lines.line.data, lines.line.len, &obj, err);
        if (!rc) rc = take(r, obj, err);
        json_decref(obj);
        if (rc && !raml_samples_pass_over(r->f.opt, r->f.report, lines.number, rc, err)) break;
    }
    if (!rc) rc = finish(r, err);
    raml_lines_deinit(&lines);
    return rc;
}

static enum raml_code read_lm_eval(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn,
                                   void *user, struct raml_samples_report *report, struct raml_err *err)
{
    struct reader r = {.at = {path, 0}, .group = json_array()};
    enum raml_code rc = RAML_ENOMEM;
    raml_foreign_open(&r.f, opt, fn, user, report);
    if (r.group) rc = read_lines(&r, path, err);
    else raml_fail(err, rc, "no memory to read samples");
    json_decref(r.group);
    raml_seen_deinit(&r.seen);
    raml_foreign_deinit(&r.f);
    return rc;
}

static bool looks_like(const struct raml_samples_head *head)
{
    if (head->first)
        return json_object_get(head->first, "doc_id") &&
               (json_object_get(head->first, "resps") || json_object_get(head->first, "filtered_resps"));
    return raml_head_holds(head, "\"doc_id\"") && raml_head_holds(head, "\"arguments\"");
}

const struct raml_samples_layout_row raml_samples_layout_lm_eval = {
    RAML_LAYOUT_LM_EVAL, "lm_eval", "lines with `doc_id` and `resps` (lm-evaluation-harness)", looks_like,
    read_lm_eval};
