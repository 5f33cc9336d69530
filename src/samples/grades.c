/* grades.c - a line per question with only its grades, {"id", "correct": [0, 1, ...]} or {"id", "n", "c"}.
 *
 * Instead of correct there may be labels (RaML's rollouts) or correctness_math_verify (OpenR1-Math). Optional: pred
 * (answers, null: none), finish_reason ("length": truncated) and think_closed, each a list as long as correct; or
 * correct may be a single grade, with the others single too. gold or answer is the gold answer.
 */
#include "samples/foreign.h"
#include "samples/layouts.h"
#include "samples/line.h"
#include "samples/row.h"

#include "raml/buf.h"
#include "core/file.h"

#include <stdio.h>
#include <string.h>

struct grades {
    const struct raml_samples_options *opt;
    raml_graded_fn *fn;
    void *user;
    struct raml_samples_report *report;
    struct raml_graded_arrays arrays;
    struct raml_buf numbers; /* answers that are numbers, as text */
    struct raml_place at;
    const char *field; /* the grades' name */
};

static const char *const grade_fields[] = {"correct", "labels", "correctness_math_verify"};
enum { N_GRADE_FIELDS = sizeof grade_fields / sizeof *grade_fields };

/* The grades of a row and their field's name. */
static const json_t *find_grades(const json_t *obj, const char **field)
{
    const json_t *v = NULL;
    for (size_t i = 0; i < N_GRADE_FIELDS && !v; i++) {
        v = json_object_get(obj, grade_fields[i]);
        *field = grade_fields[v ? i : 0];
    }
    return v;
}

static enum raml_code fault(const struct grades *m, const char *field, struct raml_err *err, const char *what)
{
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' %s", m->at.path, m->at.line, field, what);
}

/* The i-th of a list, or the single value itself. */
static const json_t *item(const json_t *v, size_t i)
{
    return json_is_array(v) ? json_array_get(v, i) : v;
}

/* A list beside correct: NULL if it is missing; an error if it has another length. */
static enum raml_code beside(const struct grades *m, const json_t *obj, const char *field, uint32_t n, bool list,
                             const json_t **out, struct raml_err *err)
{
    *out = json_object_get(obj, field);
    if (!*out || json_is_null(*out)) {
        *out = NULL;
        return RAML_OK;
    }
    if (json_is_array(*out) != list || (list && json_array_size(*out) != n))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' has %zu values; expected %u, as field '%s' has",
                         m->at.path, m->at.line, field, json_is_array(*out) ? json_array_size(*out) : 1, n, m->field);
    return RAML_OK;
}

static enum raml_code read_answers(struct grades *m, const json_t *pred, uint32_t n, struct raml_err *err)
{
    raml_buf_clear(&m->numbers);
    for (int pass = 0; pass < 2; pass++) { /* numbers are written first, as the buffer may move while it grows */
        size_t at = 0;
        for (uint32_t i = 0; i < n; i++) {
            const json_t *v = item(pred, i);
            if (json_is_string(v)) {
                m->arrays.answer[i] = json_string_value(v);
            } else if (json_is_number(v) && pass == 0) {
                if (json_is_integer(v)) raml_buf_addf(&m->numbers, "%lld", (long long)json_integer_value(v));
                else raml_buf_addf(&m->numbers, "%.17g", json_real_value(v));
                raml_buf_add(&m->numbers, "", 1);
            } else if (json_is_number(v) && m->numbers.data) {
                m->arrays.answer[i] = m->numbers.data + at;
                at += strlen(m->numbers.data + at) + 1;
            } else if (!json_is_null(v) && !json_is_number(v)) {
                return fault(m, "pred", err, "contains something that is not a string, number or null");
            }
        }
        enum raml_code rc = raml_buf_status(&m->numbers, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

static enum raml_code read_ends(struct grades *m, const json_t *reason, const json_t *closed, uint32_t n,
                                struct raml_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        const json_t *r = item(reason, i), *c = item(closed, i);
        if (r && !json_is_string(r) && !json_is_null(r))
            return fault(m, "finish_reason", err, "contains something that is not a string");
        if (c && !json_is_boolean(c) && !json_is_null(c))
            return fault(m, "think_closed", err, "contains something that is not true or false");
        m->arrays.truncated[i] = json_is_string(r) && !strcmp(json_string_value(r), "length");
        m->arrays.unclosed[i] = json_is_false(c);
    }
    return RAML_OK;
}

/* Regrades, by the answers. */
static enum raml_code regrade(struct grades *m, const struct raml_graded *q, struct raml_err *err)
{
    if (!q->has_answers || !q->gold)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: regrading needs fields 'pred' and 'gold'", m->at.path, m->at.line);
    for (uint32_t i = 0; i < q->n; i++) {
        enum raml_verdict v = RAML_UNKNOWN;
        enum raml_code rc = q->answer[i] ? raml_samples_grade(m->opt, q->gold, q->answer[i], &v, err) : RAML_OK;
        if (rc) return rc;
        bool correct = v == RAML_EQUAL;
        m->report->n_regraded += correct != m->arrays.correct[i];
        m->arrays.correct[i] = correct;
    }
    return RAML_OK;
}

static enum raml_code hand(struct grades *m, struct raml_graded *q, struct raml_err *err)
{
    q->correct = m->arrays.correct;
    q->truncated = m->arrays.truncated;
    q->unclosed = m->arrays.unclosed;
    q->answer = m->arrays.answer;
    enum raml_code rc = m->opt->regrade ? regrade(m, q, err) : RAML_OK;
    if (!rc) rc = raml_samples_emit(q, m->arrays.correct, m->fn, m->user, m->report, err);
    return rc;
}

static enum raml_code take_counts(struct grades *m, uint64_t n, uint64_t c, struct raml_graded *q, struct raml_err *err)
{
    if (!n || c > n)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: found %llu correct of %llu samples", m->at.path, m->at.line,
                         (unsigned long long)c, (unsigned long long)n);
    enum raml_code rc = raml_graded_arrays_reserve(&m->arrays, n, err);
    if (rc) return raml_wrap(err, rc, "%s:%zu", m->at.path, m->at.line);
    q->n = (uint32_t)n;
    memset(m->arrays.correct, 1, c);
    return RAML_OK;
}

static enum raml_code read_list(struct grades *m, const json_t *obj, const json_t *correct, struct raml_graded *q,
                                struct raml_err *err)
{
    bool list = json_is_array(correct);
    size_t n = list ? json_array_size(correct) : 1;
    const json_t *stated = json_object_get(obj, "n"), *pred, *reason, *closed;
    if (!n) return fault(m, m->field, err, "is an empty list; expected one grade per sample");
    if (stated && (!json_is_integer(stated) || json_integer_value(stated) != (json_int_t)n))
        return fault(m, "n", err, "is not the number of grades");
    enum raml_code rc = raml_graded_arrays_reserve(&m->arrays, n, err);
    if (rc) return raml_wrap(err, rc, "%s:%zu", m->at.path, m->at.line);
    q->n = (uint32_t)n;
    for (size_t i = 0; i < n && !rc; i++)
        rc = raml_samples_row_grade(&m->at, m->field, i, item(correct, i), &m->arrays.correct[i], err);
    if (!rc) rc = beside(m, obj, "pred", q->n, list, &pred, err);
    if (!rc) rc = beside(m, obj, "finish_reason", q->n, list, &reason, err);
    if (!rc) rc = beside(m, obj, "think_closed", q->n, list, &closed, err);
    if (!rc && (reason || closed)) rc = read_ends(m, reason, closed, q->n, err);
    q->has_answers = !rc && (pred || (!list && json_object_get(obj, "pred"))); /* a single null: no answer was found */
    return !rc && pred ? read_answers(m, pred, q->n, err) : rc;
}

static enum raml_code read_object(struct grades *m, const json_t *obj, struct raml_err *err)
{
    static const char *const gold[] = {"gold", "answer", NULL};
    struct raml_graded q = {0};
    struct raml_samples_text text;
    const json_t *correct = find_grades(obj, &m->field);
    enum raml_code rc = raml_samples_row_meta(&m->at, obj, gold, &text, &q, err);
    if (rc) return rc;
    if (correct) {
        rc = read_list(m, obj, correct, &q, err);
    } else {
        long long n = 0, c = 0;
        if (!json_object_get(obj, "n") && !json_object_get(obj, "c"))
            return fault(m, "correct", err, "is missing, and so are 'n' and 'c'");
        rc = raml_json_int(&m->at, obj, "n", 1, RAML_SAMPLES_MAX_N, &n, err);
        if (!rc) rc = raml_json_int(&m->at, obj, "c", 0, n, &c, err);
        if (!rc) rc = take_counts(m, (uint64_t)n, (uint64_t)c, &q, err);
    }
    return rc ? rc : hand(m, &q, err);
}

/* True when the line was simple and has been handled, with *rc the result. */
static bool read_plain(struct grades *m, const char *text, size_t len, enum raml_code *rc, struct raml_err *err)
{
    struct raml_grade_line line;
    if (len / 2 > RAML_SAMPLES_MAX_N) return false;
    if (m->arrays.cap < len / 2) {
        *rc = raml_graded_arrays_reserve(&m->arrays, len / 2, err);
        if (*rc) return true;
    }
    if (!raml_grade_line_read(text, len, &line, m->arrays.correct)) return false;
    if (line.has_correct ? !line.n_grades || (line.has_n && line.n != line.n_grades) : !line.has_n || !line.has_c)
        return false; /* the other path has messages for it */
    struct raml_samples_text number;
    struct raml_graded q = {.id = line.id, .difficulty = -1, .n = (uint32_t)line.n_grades};
    if (!line.has_id) {
        snprintf(number.id, sizeof number.id, "%zu", m->at.line);
        q.id = number.id;
    }
    *rc = RAML_OK;
    if (!line.has_correct) {
        *rc = take_counts(m, line.n, line.c, &q, err);
    } else { /* the grades are in place already */
        memset(m->arrays.truncated, 0, q.n);
        memset(m->arrays.unclosed, 0, q.n);
        for (uint32_t i = 0; i < q.n; i++) m->arrays.answer[i] = NULL;
    }
    if (!*rc) *rc = hand(m, &q, err);
    return true;
}

static enum raml_code read_line(struct grades *m, const struct raml_buf *line, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (read_plain(m, line->data, line->len, &rc, err)) return rc;
    json_t *obj = NULL;
    rc = raml_json_parse(&m->at, line->data, line->len, &obj, err);
    if (!rc) rc = read_object(m, obj, err);
    json_decref(obj);
    return rc;
}

static enum raml_code take_row(void *to, const struct raml_place *at, const json_t *row, struct raml_err *err)
{
    struct grades *m = to;
    m->at = *at;
    enum raml_code rc = read_object(m, row, err);
    return rc && raml_samples_pass_over(m->opt, m->report, at->line, rc, err) ? RAML_OK : rc;
}

static bool is_empty(const struct raml_buf *line)
{
    return !line->len || strspn(line->data, " \t") == line->len;
}

static enum raml_code read_lines(struct grades *m, struct raml_err *err)
{
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_lines_init(&lines, m->at.path, RAML_SAMPLES_MAX_LINE, err);
    while (!rc && more) {
        rc = raml_lines_next(&lines, &more, err);
        m->at.line = lines.number;
        if (rc || !more || is_empty(&lines.line)) continue;
        rc = read_line(m, &lines.line, err);
        if (rc && raml_samples_pass_over(m->opt, m->report, lines.number, rc, err)) rc = RAML_OK;
    }
    raml_lines_deinit(&lines);
    return rc;
}

static enum raml_code read_grades(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn,
                                  void *user, struct raml_samples_report *report, struct raml_err *err)
{
    struct grades m = {
        .opt = opt, .fn = fn, .user = user, .report = report, .at = {.path = path}, .field = grade_fields[0]};
    bool is_array;
    raml_buf_init(&m.numbers, RAML_SAMPLES_MAX_LINE);
    enum raml_code rc = raml_samples_row_array(path, &is_array, take_row, &m, err);
    if (!rc && !is_array) rc = read_lines(&m, err);
    report->metric = opt->regrade ? "" : m.field;
    raml_buf_deinit(&m.numbers);
    raml_graded_arrays_deinit(&m.arrays);
    return rc;
}

static bool looks_like(const struct raml_samples_head *head)
{
    const json_t *o = raml_samples_row_first(head->first);
    const char *field;
    const json_t *correct = find_grades(o, &field);
    if (correct) return json_is_array(correct) || json_is_boolean(correct) || json_is_number(correct);
    return json_is_integer(json_object_get(o, "n")) && json_is_integer(json_object_get(o, "c"));
}

const struct raml_samples_layout_row raml_samples_layout_grades = {
    .layout = RAML_LAYOUT_GRADES,
    .name = "grades",
    .known_by = "lines with `correct`, or with `n` and `c`",
    .looks_like = looks_like,
    .read = read_grades,
};
