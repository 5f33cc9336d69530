/* own.c - our own files: a line per question with `trajectories`, as raml sample writes them (question.h).
 *
 * Read of a trajectory: answer, correct, finish_reason ("length": truncated), think_closed (default true).
 */
#include "samples/foreign.h"
#include "samples/layouts.h"
#include "samples/row.h"

#include "core/file.h"

#include <string.h>

struct own {
    const struct raml_samples_options *opt;
    raml_graded_fn *fn;
    void *user;
    struct raml_samples_report *report;
    struct raml_graded_arrays arrays;
    struct raml_place at;
};

static enum raml_code fault(const struct own *o, size_t i, const char *field, const char *want, struct raml_err *err)
{
    return raml_fail(err, RAML_EFORMAT,
                     "%s:%zu: field 'trajectories', number %zu: field '%s' is of another type; expected %s", o->at.path,
                     o->at.line, i + 1, field, want);
}

static enum raml_code read_sample(struct own *o, const json_t *v, size_t i, const char *gold, struct raml_err *err)
{
    if (!json_is_object(v))
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: field 'trajectories', number %zu is not an object; expected samples as "
                         "raml sample writes them",
                         o->at.path, o->at.line, i + 1);
    const json_t *answer = json_object_get(v, "answer"), *correct = json_object_get(v, "correct"),
                 *reason = json_object_get(v, "finish_reason"), *closed = json_object_get(v, "think_closed");
    if (answer && !json_is_string(answer) && !json_is_null(answer)) return fault(o, i, "answer", "a string", err);
    if (reason && !json_is_string(reason) && !json_is_null(reason))
        return fault(o, i, "finish_reason", "a string", err);
    if (closed && !json_is_boolean(closed)) return fault(o, i, "think_closed", "true or false", err);
    o->arrays.answer[i] = json_string_value(answer);
    o->arrays.truncated[i] = json_is_string(reason) && !strcmp(json_string_value(reason), "length");
    o->arrays.unclosed[i] = json_is_false(closed);
    bool grade = false;
    if (correct && !json_is_null(correct)) {
        enum raml_code rc = raml_samples_row_grade(&o->at, "correct", i, correct, &grade, err);
        if (rc) return rc;
    }
    o->arrays.correct[i] = grade;
    if (!o->opt->regrade) return RAML_OK;
    if (!gold || !*gold)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: regrading needs field 'answer'", o->at.path, o->at.line);
    enum raml_verdict verdict = RAML_UNKNOWN;
    enum raml_code rc =
        o->arrays.answer[i] ? raml_samples_grade(o->opt, gold, o->arrays.answer[i], &verdict, err) : RAML_OK;
    if (rc) return rc;
    o->arrays.correct[i] = verdict == RAML_EQUAL;
    o->report->n_regraded += grade != o->arrays.correct[i];
    return RAML_OK;
}

static enum raml_code read_object(struct own *o, const json_t *obj, struct raml_err *err)
{
    static const char *const gold[] = {"answer", NULL};
    struct raml_graded q = {.has_answers = true};
    struct raml_samples_text text;
    json_t *list = NULL;
    enum raml_code rc = raml_samples_row_meta(&o->at, obj, gold, &text, &q, err);
    if (!rc) rc = raml_json_array(&o->at, obj, "trajectories", &list, err);
    if (!rc) rc = raml_graded_arrays_reserve(&o->arrays, json_array_size(list), err);
    for (size_t i = 0; i < json_array_size(list) && !rc; i++)
        rc = read_sample(o, json_array_get(list, i), i, q.gold, err);
    if (rc) return rc;
    q.n = (uint32_t)json_array_size(list);
    q.correct = o->arrays.correct;
    q.truncated = o->arrays.truncated;
    q.unclosed = o->arrays.unclosed;
    q.answer = o->arrays.answer;
    return raml_samples_emit(&q, o->arrays.correct, o->fn, o->user, o->report, err);
}

static enum raml_code take_row(void *to, const struct raml_place *at, const json_t *row, struct raml_err *err)
{
    struct own *o = to;
    o->at = *at;
    enum raml_code rc = read_object(o, row, err);
    return rc && raml_samples_pass_over(o->opt, o->report, at->line, rc, err) ? RAML_OK : rc;
}

static enum raml_code read_lines(struct own *o, struct raml_err *err)
{
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_lines_init(&lines, o->at.path, RAML_SAMPLES_MAX_LINE, err);
    while (!rc && more) {
        rc = raml_lines_next(&lines, &more, err);
        o->at.line = lines.number;
        if (rc || !more || !lines.line.len || strspn(lines.line.data, " \t") == lines.line.len) continue;
        json_t *obj = NULL;
        rc = raml_json_parse(&o->at, lines.line.data, lines.line.len, &obj, err);
        if (!rc) rc = read_object(o, obj, err);
        json_decref(obj);
        if (rc && raml_samples_pass_over(o->opt, o->report, lines.number, rc, err)) rc = RAML_OK;
    }
    raml_lines_deinit(&lines);
    return rc;
}

static enum raml_code read_own(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn, void *user,
                               struct raml_samples_report *report, struct raml_err *err)
{
    struct own o = {.opt = opt, .fn = fn, .user = user, .report = report, .at = {.path = path}};
    bool is_array;
    enum raml_code rc = raml_samples_row_array(path, &is_array, take_row, &o, err);
    if (!rc && !is_array) rc = read_lines(&o, err);
    report->metric = opt->regrade ? "" : "correct";
    raml_graded_arrays_deinit(&o.arrays);
    return rc;
}

static bool looks_like(const struct raml_samples_head *head)
{
    return json_is_array(json_object_get(raml_samples_row_first(head->first), "trajectories"));
}

const struct raml_samples_layout_row raml_samples_layout_own = {
    .layout = RAML_LAYOUT_RAML,
    .name = "raml",
    .known_by = "lines with `trajectories`",
    .looks_like = looks_like,
    .read = read_own,
};
