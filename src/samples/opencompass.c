/* opencompass.c - results/<model>/<dataset>.json and predictions/<model>/<dataset>.json of OpenCompass.
 *
 * Results     `details` has the grades: a list of questions, each with lists over its runs (`correct`, `pred`,
 *             `answer`), or, in older versions, an object of numbered samples. Written only with --dump-eval-details.
 * Predictions an object of numbered samples without grades; with n runs the whole data set is repeated n times, so
 *             samples with the same prompt and gold answer are one question.
 * A file <name>_0.json is read with the parts _1, _2, ... beside it. The file is one JSON value and is read whole: at
 * most RAML_OPENCOMPASS_MAX bytes, and about twice that in memory.
 */
#include "samples/foreign.h"

#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAML_OPENCOMPASS_MAX ((size_t)1 << 30)
enum { NAME_BYTES = 256, MAX_PARTS = 4096 };

struct reader {
    struct raml_foreign f;
    struct raml_place at; /* the whole file; its line is a question's number in messages, from 1 */
    const char *grade;    /* the field with the grades */
    json_t *groups;       /* predictions: prompt and gold answer (hashed) -> the samples */
    struct raml_buf key;
    uint64_t n_parts;
};

static enum raml_code fail_at(const struct reader *r, struct raml_err *err, const char *what)
{
    return raml_fail(err, RAML_EFORMAT, "%s: question %zu: %s", r->at.path, r->at.line, what);
}

static enum raml_code load(const char *path, json_t **out, struct raml_err *err)
{
    struct raml_place at = {path, 0};
    struct raml_buf text;
    raml_buf_init(&text, RAML_OPENCOMPASS_MAX);
    enum raml_code rc = raml_file_read(path, &text, err);
    size_t skip = text.len >= 3 && !memcmp(text.data, "\xef\xbb\xbf", 3) ? 3 : 0;
    if (!rc) rc = raml_json_parse(&at, text.len ? text.data + skip : text.data, text.len - skip, out, err);
    raml_buf_deinit(&text);
    return rc;
}

static const json_t *first_of(const json_t *obj, const char *const *names)
{
    for (; *names; names++) {
        const json_t *v = json_object_get(obj, *names);
        if (v && !json_is_null(v)) return v;
    }
    return NULL;
}

static const char *const grade_names[] = {"correct", "is_correct", "cascade_correct", NULL}; /* in OpenCompass' order */
static const char *const pred_names[] = {"pred", "predictions", NULL}; /* `prediction` is a judge's */
static const char *const text_names[] = {"origin_prediction", NULL};
static const char *const gold_names[] = {"answer", "answers", "ref", "refr", "references", "reference", "gold", NULL};

/* The gold answers of a sample: a text, or alternatives. Math-Verify's pairs are alternatives too. */
static void add_golds(struct raml_foreign_gold *gold, const json_t *v)
{
    size_t i;
    const json_t *one;
    if (json_is_string(v) && gold->n < RAML_FOREIGN_MAX_GOLDS) gold->text[gold->n++] = json_string_value(v);
    json_array_foreach (v, i, one)
        if (json_is_string(one) && gold->n < RAML_FOREIGN_MAX_GOLDS) gold->text[gold->n++] = json_string_value(one);
}

/* Entry i of a list over n runs; any other value applies to every run. */
static const json_t *of_run(const json_t *v, bool runs, size_t n, size_t i)
{
    if (!runs) return v;
    return json_array_size(v) == n ? json_array_get(v, i) : NULL;
}

/* "subdivision_3": the part before the last underscore, or NULL. */
static const char *subdivision(const char *abbr, char out[NAME_BYTES])
{
    const char *end = abbr ? strrchr(abbr, '_') : NULL;
    if (!end || end == abbr || (size_t)(end - abbr) >= NAME_BYTES) return NULL;
    memcpy(out, abbr, (size_t)(end - abbr));
    out[end - abbr] = 0;
    return out;
}

/* One entry of `details`. */
static enum raml_code take_result(struct reader *r, const json_t *obj, const char *key, struct raml_err *err)
{
    const json_t *grades = json_is_object(obj) ? first_of(obj, grade_names) : NULL, *pred = first_of(obj, pred_names);
    const json_t *text = first_of(obj, text_names), *answers = first_of(obj, gold_names);
    const char *abbr = json_string_value(json_object_get(obj, "example_abbr"));
    bool runs = grades ? json_is_array(grades) : abbr != NULL, made = r->f.opt->regrade && pred;
    size_t n = runs ? json_array_size(grades ? grades : pred) : 1;
    struct raml_foreign_gold gold = {.n = 0};
    char family[NAME_BYTES], number[32];
    if (!json_is_object(obj)) return fail_at(r, err, "expected an object");
    if (!grades && !made)
        return fail_at(r, err,
                       "no grade; expected field 'correct', 'is_correct' or 'cascade_correct' (a judge model's raw "
                       "output has none)");
    if (!n) return fail_at(r, err, "no samples");
    add_golds(&gold, of_run(answers, runs, n, 0));
    enum raml_code rc = raml_foreign_begin(&r->f, n, err);
    for (size_t i = 0; !rc && i < n; i++) {
        struct raml_foreign_sample s = {.text = json_string_value(of_run(text, runs, n, i)),
                                        .answer = raml_foreign_text(of_run(pred, runs, n, i)),
                                        .grade = raml_foreign_grade(runs ? json_array_get(grades, i) : grades)};
        if (grades && s.grade < 0) return fail_at(r, err, "a grade is not true, false, 1 or 0");
        if (r->f.opt->regrade && !s.text && !s.answer) return fail_at(r, err, "no prediction to regrade");
        rc = raml_foreign_put(&r->f, &r->at, i, &gold, &s, err);
    }
    if (rc) return rc;
    snprintf(number, sizeof number, "%zu", r->at.line);
    return raml_foreign_emit(&r->f, abbr ? abbr : key ? key : number, &gold, n, subdivision(abbr, family), -1, err);
}

/* The mean that OpenCompass wrote, in percent, if it names one. */
static const char *reported(const json_t *root, double *percent)
{
    const char *name;
    json_t *v;
    json_object_foreach ((json_t *)root, name, v) {
        size_t n = strcspn(name, " ");
        bool mean = (n == 8 && !memcmp(name, "accuracy", 8)) || (n == 5 && !memcmp(name, "score", 5));
        if (!mean || !json_is_number(v) || (name[n] && !strstr(name, "runs average"))) continue;
        *percent = json_number_value(v);
        return name;
    }
    return NULL;
}

static enum raml_code read_results(struct reader *r, json_t *root, struct raml_err *err)
{
    json_t *details = json_object_get(root, "details"), *v;
    const char *key, *name;
    size_t i;
    enum raml_code rc = RAML_OK;
    double percent;
    json_array_foreach (details, i, v) {
        r->at.line = i + 1;
        rc = take_result(r, v, NULL, err);
        if (rc && !raml_samples_pass_over(r->f.opt, r->f.report, r->at.line, rc, err)) return rc;
    }
    json_object_foreach (details, key, v) {
        if (!strcmp(key, "type")) continue;
        r->at.line++;
        rc = take_result(r, v, key, err);
        if (rc && !raml_samples_pass_over(r->f.opt, r->f.report, r->at.line, rc, err)) return rc;
    }
    if (!r->f.report->n_questions)
        return raml_fail(err, RAML_EFORMAT,
                         "%s: field 'details' is empty or not a list; OpenCompass writes it with "
                         "--dump-eval-details",
                         r->at.path);
    name = reported(root, &percent);
    double ours = 100.0 * (double)r->f.n_correct / (double)r->f.report->n_samples;
    if (name && !r->f.opt->regrade && !(fabs(percent - ours) <= 0.01))
        raml_foreign_note(&r->f, "the file gives %.40s %.2f, the %llu grades counted here give %.2f", name, percent,
                          (unsigned long long)r->f.report->n_samples, ours);
    if (!r->f.opt->regrade) r->f.report->metric = "correct";
    return RAML_OK;
}

static bool is_number(const char *key)
{
    size_t n = strspn(key, "0123456789");
    return n && !key[n];
}

/* Adds a sample to those with its prompt and gold answer. */
static enum raml_code group(struct reader *r, json_t *sample, struct raml_err *err)
{
    const json_t *parts[] = {json_object_get(sample, "origin_prompt"), first_of(sample, gold_names)};
    char name[40];
    raml_buf_clear(&r->key);
    for (size_t i = 0; i < 2; i++) {
        char *text = json_dumps(parts[i], JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT);
        if (parts[i] && !text) return raml_fail(err, RAML_ENOMEM, "no memory for a prompt");
        raml_buf_adds(&r->key, text ? text : "");
        raml_buf_add(&r->key, "", 1);
        free(text);
    }
    enum raml_code rc = raml_buf_status(&r->key, err);
    if (rc) return rc;
    snprintf(name, sizeof name, "%016llx%016llx", (unsigned long long)raml_hash(r->key.data, r->key.len, 0),
             (unsigned long long)raml_hash(r->key.data, r->key.len, 1));
    json_t *list = json_object_get(r->groups, name);
    if (!list) {
        list = json_array();
        if (json_object_set_new(r->groups, name, list)) return raml_fail(err, RAML_ENOMEM, "no memory for a question");
    }
    return json_array_append(list, sample) ? raml_fail(err, RAML_ENOMEM, "no memory for a question") : RAML_OK;
}

static enum raml_code take_part(struct reader *r, json_t *root, struct raml_err *err)
{
    const char *key;
    json_t *v;
    json_object_foreach (root, key, v) {
        bool good = is_number(key) && json_is_object(v) && json_object_get(v, "prediction");
        enum raml_code rc =
            good ? group(r, v, err)
                 : raml_fail(err, RAML_EFORMAT, "%s: entry '%.64s': expected a numbered sample with field 'prediction'",
                             r->at.path, key);
        if (rc && !raml_samples_pass_over(r->f.opt, r->f.report, 0, rc, err)) return rc;
    }
    return RAML_OK;
}

/* A prediction is a text, a list of texts, or an object with the text and its rollout. */
static size_t n_texts(const json_t *sample)
{
    const json_t *v = json_object_get(sample, "prediction");
    return json_is_array(v) ? json_array_size(v) : 1;
}

static enum raml_code put_prediction(struct reader *r, const json_t *sample, size_t j, size_t i,
                                     const struct raml_foreign_gold *gold, struct raml_err *err)
{
    const json_t *v = json_object_get(sample, "prediction");
    if (json_is_array(v)) v = json_array_get(v, j);
    const json_t *rollout = json_object_get(v, "rollout");
    const char *why = json_string_value(json_object_get(rollout, "finish_reason"));
    struct raml_foreign_sample s = {.prompt = json_string_value(json_object_get(sample, "origin_prompt")), .grade = -1};
    s.text = json_string_value(json_is_object(v) ? json_object_get(v, "prediction") : v);
    s.truncated = why && !strcmp(why, "length");
    if (!s.text) return fail_at(r, err, "field 'prediction' contains no text");
    return raml_foreign_put(&r->f, &r->at, i, gold, &s, err);
}

static enum raml_code hand_groups(struct reader *r, struct raml_err *err)
{
    const char *name;
    json_t *list;
    size_t least = SIZE_MAX, most = 0;
    json_object_foreach (r->groups, name, list) {
        struct raml_foreign_gold gold = {.n = 0};
        size_t n = 0, k = json_array_size(list), at = 0;
        char id[32];
        snprintf(id, sizeof id, "%zu", r->at.line++);
        add_golds(&gold, first_of(json_array_get(list, 0), gold_names));
        for (size_t i = 0; i < k; i++) n += n_texts(json_array_get(list, i));
        enum raml_code rc = raml_foreign_begin(&r->f, n, err);
        for (size_t i = 0; !rc && i < k; i++) {
            const json_t *sample = json_array_get(list, i);
            size_t m = n_texts(sample);
            for (size_t j = 0; !rc && j < m; j++) rc = put_prediction(r, sample, j, at++, &gold, err);
        }
        if (!rc) rc = raml_foreign_emit(&r->f, id, &gold, n, NULL, -1, err);
        if (rc && raml_samples_pass_over(r->f.opt, r->f.report, 0, rc, err)) continue;
        if (rc) return rc;
        if (n < least) least = n;
        if (n > most) most = n;
    }
    if (!r->f.report->n_questions) return raml_fail(err, RAML_EFORMAT, "%s: no samples", r->at.path);
    if (least < most)
        raml_foreign_note(&r->f, "%zu to %zu samples a question: a prompt that the data set has twice is one question",
                          least, most);
    return RAML_OK;
}

/* root: the path's own value. Parts beside a file <name>_0.json are read in turn, as OpenCompass does. */
static enum raml_code read_predictions(struct reader *r, json_t *root, struct raml_err *err)
{
    const char *path = r->at.path;
    size_t n = strlen(path);
    if (!r->f.opt->regrade)
        return raml_fail(err, RAML_EUSAGE,
                         "%s: predictions without grades; give results/.../*.json, or regrade by their "
                         "gold answers",
                         path);
    enum raml_code rc = take_part(r, root, err);
    if (rc || n < 7 || strcmp(path + n - 7, "_0.json")) return rc ? rc : hand_groups(r, err);
    for (int i = 1; !rc && i < MAX_PARTS; i++) {
        struct raml_buf name;
        json_t *part = NULL;
        raml_buf_init(&name, n + 16);
        raml_buf_add(&name, path, n - 6);
        raml_buf_addf(&name, "%d.json", i);
        rc = raml_buf_status(&name, err);
        bool there = !rc && raml_is_file(name.data);
        if (there) rc = load(name.data, &part, err);
        if (there && !rc) rc = take_part(r, part, err);
        json_decref(part);
        raml_buf_deinit(&name);
        if (!there) break;
        r->n_parts++;
    }
    if (!rc && r->n_parts)
        raml_foreign_note(&r->f, "read with the %llu parts beside it", (unsigned long long)r->n_parts);
    return rc ? rc : hand_groups(r, err);
}

static enum raml_code read_opencompass(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn,
                                       void *user, struct raml_samples_report *report, struct raml_err *err)
{
    struct reader r = {.at = {path, 0}, .groups = json_object()};
    json_t *root = NULL;
    enum raml_code rc = load(path, &root, err);
    raml_foreign_open(&r.f, opt, fn, user, report);
    raml_buf_init(&r.key, RAML_OPENCOMPASS_MAX);
    if (!rc && !r.groups) rc = raml_fail(err, RAML_ENOMEM, "no memory to read %s", path);
    if (!rc && json_object_get(root, "details")) rc = read_results(&r, root, err);
    else if (!rc && json_object_get(root, "0")) rc = read_predictions(&r, root, err);
    else if (!rc)
        rc = raml_fail(err, RAML_EFORMAT,
                       "%s: neither field 'details' (results, written with --dump-eval-details) nor '0' "
                       "(predictions)",
                       path);
    if (!rc) raml_foreign_close(&r.f);
    json_decref(root);
    json_decref(r.groups);
    raml_buf_deinit(&r.key);
    raml_foreign_deinit(&r.f);
    return rc;
}

static bool looks_like(const struct raml_samples_head *head)
{
    const json_t *details = json_object_get(head->first, "details"), *zero = json_object_get(head->first, "0");
    if (!head->first && raml_head_holds(head, "\"details\""))
        return raml_head_holds(head, "\"example_abbr\"") || raml_head_holds(head, "\"pred\"") ||
               raml_head_holds(head, "\"predictions\"");
    if (!head->first) return raml_head_holds(head, "\"0\"") && raml_head_holds(head, "\"origin_prompt\"");
    if (json_is_array(details) || json_is_object(details)) return true;
    if (json_object_get(head->first, "accuracy")) return !json_object_get(head->first, "correct");
    return json_object_get(zero, "prediction") != NULL;
}

const struct raml_samples_layout_row raml_samples_layout_opencompass = {
    RAML_LAYOUT_OPENCOMPASS, "opencompass",
    "a document with `details`, or numbered samples with `prediction` (OpenCompass)", looks_like, read_opencompass};
