/* lighteval.c - lighteval's details, one record a line (docs/samples.md has the converter from parquet).
 *
 * Two layouts: `doc`, `model_response`, `metric` (from 0.11), and `predictions`, `gold`, `metrics` (before). lighteval
 * does not grade single samples; it keeps only metrics of a question. avg@n and pass@k of n samples show how many are
 * correct; pass@k is divided by the configured n, even where fewer samples exist (lighteval issue 771): here n is the
 * number that exists. */
#include "samples/foreign.h"

#include "core/file.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 160, LIST_BYTES = 256 };

struct record { /* a line, borrowed */
    const json_t *doc, *texts, *tokens, *metrics;
    struct raml_foreign_gold gold;
    const char *id, *prompt;
    size_t n;          /* samples; 1 for a likelihood task, which has no texts */
    long long longest; /* maximum tokens of a sample; 0: not given */
};
struct reader {
    struct raml_foreign f;
    struct raml_place at;
    char metric[NAME_BYTES];
    bool chosen;
    uint64_t n_fewer, n_more, n_configured; /* questions with fewer or more samples than the metric's n; and that n */
};

static enum raml_code fail_field(const struct reader *r, const char *field, const char *expected, struct raml_err *err)
{
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' is missing or of another type; expected %s", r->at.path,
                     r->at.line, field, expected);
}

static enum raml_code add_gold(const struct reader *r, struct record *x, const json_t *v, struct raml_err *err)
{
    if (!json_is_string(v)) return fail_field(r, "gold", "texts", err);
    if (x->gold.n >= RAML_FOREIGN_MAX_GOLDS)
        return raml_fail(err, RAML_ERANGE, "%s:%zu: more than %d gold answers", r->at.path, r->at.line,
                         RAML_FOREIGN_MAX_GOLDS);
    x->gold.text[x->gold.n++] = json_string_value(v);
    return RAML_OK;
}

/* choices[gold_index]; there may be several. */
static enum raml_code chosen_golds(const struct reader *r, struct record *x, struct raml_err *err)
{
    const json_t *choices = json_object_get(x->doc, "choices"), *index = json_object_get(x->doc, "gold_index");
    size_t n = json_is_array(index) ? json_array_size(index) : json_is_integer(index);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_is_array(index) ? json_array_get(index, i) : index, *choice;
        json_int_t at = json_is_integer(v) ? json_integer_value(v) : -1;
        if (at < 0) return fail_field(r, "gold_index", "numbers of choices from 0", err);
        choice = json_array_get(choices, (size_t)at);
        if (!choice)
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: field 'gold_index' is %lld, of %zu choices", r->at.path,
                             r->at.line, (long long)at, json_array_size(choices));
        if (json_is_array(choice)) choice = json_array_get(choice, 0);
        enum raml_code rc = add_gold(r, x, choice, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

static enum raml_code read_new(const struct reader *r, const json_t *obj, struct record *x, struct raml_err *err)
{
    const json_t *answer = json_object_get(obj, "model_response"), *size;
    x->doc = json_object_get(obj, "doc");
    x->metrics = json_object_get(obj, "metric");
    if (!json_is_object(x->doc)) return fail_field(r, "doc", "an object", err);
    if (!json_is_object(answer)) return fail_field(r, "model_response", "an object", err);
    x->texts = json_object_get(answer, "text");
    x->tokens = json_object_get(answer, "output_tokens");
    x->prompt = json_string_value(json_object_get(answer, "input"));
    x->id = json_string_value(json_object_get(x->doc, "id"));
    size = json_object_get(x->doc, "generation_size");
    x->longest = json_is_integer(size) ? (long long)json_integer_value(size) : 0;
    return chosen_golds(r, x, err);
}

static enum raml_code read_old(const struct reader *r, const json_t *obj, struct record *x, struct raml_err *err)
{
    const json_t *golds = json_object_get(obj, "gold"), *v;
    size_t i;
    x->doc = obj;
    x->texts = json_object_get(obj, "predictions");
    x->metrics = json_object_get(obj, "metrics");
    x->prompt = json_string_value(json_object_get(obj, "full_prompt"));
    if (json_is_string(x->texts))
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: field 'predictions' is a string; lighteval before 0.8 wrote lists as "
                         "Python prints them: let ast.literal_eval read them when converting",
                         r->at.path, r->at.line);
    json_array_foreach (golds, i, v) {
        enum raml_code rc = add_gold(r, x, v, err);
        if (rc) return rc;
    }
    return x->gold.n ? RAML_OK : chosen_golds(r, x, err);
}

static enum raml_code read_record(const struct reader *r, const json_t *obj, struct record *x, struct raml_err *err)
{
    bool newer = json_object_get(obj, "model_response") != NULL;
    const json_t *v;
    size_t i;
    enum raml_code rc = newer ? read_new(r, obj, x, err) : read_old(r, obj, x, err);
    if (rc) return rc;
    if (!json_is_array(x->texts) && !json_is_null(x->texts))
        return fail_field(r, newer ? "model_response.text" : "predictions", "an array of texts", err);
    if (!json_is_object(x->metrics)) return fail_field(r, newer ? "metric" : "metrics", "an object", err);
    json_array_foreach (x->texts, i, v) {
        if (json_is_string(v)) continue;
        x->texts = NULL; /* likelihoods of the choices */
        break;
    }
    x->n = json_array_size(x->texts) ? json_array_size(x->texts) : 1;
    return RAML_OK;
}

/* Does the metric show how many of the record's samples are correct? Better: of more samples. 0: no. */
static uint64_t worth(const struct record *x, const char *name, const json_t *v)
{
    struct raml_foreign_metric m;
    uint32_t c;
    if (raml_foreign_metric(name, &m) && json_is_number(v)) {
        uint32_t n = m.n ? m.n : (uint32_t)x->n;
        return raml_foreign_count(n, m.k, json_number_value(v), &c) || m.k == 1 ? 1 + (uint64_t)n : 0;
    }
    return x->n == 1 && raml_foreign_grade(v) >= 0;
}

static enum raml_code choose(struct reader *r, const struct record *x, struct raml_err *err)
{
    char list[LIST_BYTES] = "";
    const char *name, *best = r->f.opt->metric;
    uint64_t most = 0;
    size_t used = 0, n_plain = 0;
    json_t *v;
    if (!best) {
        json_object_foreach ((json_t *)x->metrics, name, v) {
            uint64_t w = worth(x, name, v);
            int wrote = snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", name);
            if (wrote > 0 && used + (size_t)wrote < sizeof list) used += (size_t)wrote;
            n_plain += w == 1;
            if (w > most) most = w, best = name;
        }
        if (r->f.opt->regrade && (!best || (most == 1 && n_plain > 1))) return RAML_OK;
        if (!best)
            return raml_fail(err, RAML_EFORMAT,
                             "%s:%zu: no metric shows which of %zu samples are correct, or how many (avg@n, "
                             "pass@k); found: %s; regrading needs none",
                             r->at.path, r->at.line, x->n, *list ? list : "none");
        if (most == 1 && n_plain > 1)
            return raml_fail(err, RAML_EUSAGE, "%s:%zu: several metrics: %s; choose one", r->at.path, r->at.line, list);
    }
    if (strlen(best) >= NAME_BYTES)
        return raml_fail(err, RAML_EUSAGE, "a metric's name of %zu bytes; at most %d", strlen(best), NAME_BYTES - 1);
    snprintf(r->metric, sizeof r->metric, "%s", best);
    return RAML_OK;
}

/* Generation hit its limit: the maximum number of tokens, and the last is not padding (a repeated token). */
static bool was_truncated(const struct record *x, size_t i)
{
    const json_t *list = json_array_get(x->tokens, i);
    size_t n = json_array_size(list);
    if (x->longest < 2 || json_array_size(x->tokens) != x->n || n != (size_t)x->longest) return false;
    return !json_equal(json_array_get(list, n - 1), json_array_get(list, n - 2));
}

/* The first `n` samples; `value` determines how many are correct. */
static enum raml_code put_counted(struct reader *r, const struct record *x, const struct raml_foreign_metric *m,
                                  double value, size_t n, struct raml_err *err)
{
    uint32_t c = 0, of = m->n ? m->n : (uint32_t)x->n;
    if (!raml_foreign_count(of, m->k, value, &c) || c > n)
        return raml_fail(err, RAML_EFORMAT,
                         "%s:%zu: %s = %.9g does not show how many of %zu samples are correct; a smaller k "
                         "does, and so does regrading",
                         r->at.path, r->at.line, r->metric, value, x->n);
    r->n_fewer += of > x->n;
    r->n_more += of < x->n;
    r->n_configured = of;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(x->texts, i));
        r->f.arrays.truncated[i] = was_truncated(x, i);
        r->f.arrays.unclosed[i] = text && raml_foreign_unclosed(x->prompt, text);
    }
    return raml_foreign_put_count(&r->f, n, c, err);
}

static enum raml_code put_each(struct reader *r, const struct record *x, int grade, struct raml_err *err)
{
    for (size_t i = 0; i < x->n; i++) {
        struct raml_foreign_sample s = {.text = json_string_value(json_array_get(x->texts, i)),
                                        .prompt = x->prompt,
                                        .grade = x->n == 1 ? grade : -1,
                                        .truncated = was_truncated(x, i)};
        if (r->f.opt->regrade && !s.text)
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: no text of a response (a likelihood task); nothing to regrade",
                             r->at.path, r->at.line);
        enum raml_code rc = raml_foreign_put(&r->f, &r->at, i, &x->gold, &s, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

static enum raml_code hand_record(struct reader *r, const struct record *x, struct raml_err *err)
{
    struct raml_foreign_metric m = {0};
    const json_t *v = json_object_get(x->metrics, r->metric);
    bool counts = raml_foreign_metric(r->metric, &m);
    size_t n = x->n;
    char line[32];
    const char *family, *id = x->id;
    int difficulty, grade = raml_foreign_grade(v);
    if (!r->f.opt->regrade && !json_is_number(v) && grade < 0) {
        char names[LIST_BYTES];
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: no metric '%s'; found: %s", r->at.path, r->at.line, r->metric,
                         raml_json_fields(x->metrics, names, sizeof names));
    }
    if (!r->f.opt->regrade && counts && m.n && m.n < n) n = m.n;
    enum raml_code rc = raml_foreign_begin(&r->f, n, err);
    if (rc) return rc;
    if (!r->f.opt->regrade && counts && n > 1) rc = put_counted(r, x, &m, json_number_value(v), n, err);
    else if (!r->f.opt->regrade && grade < 0 && x->n == 1 && counts) /* 1/64: correct, and divided by 64 */
        rc = put_each(r, x, json_number_value(v) > 0.0, err), r->n_fewer += m.n > 1, r->n_configured = m.n;
    else if (!r->f.opt->regrade && x->n > 1)
        rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: metric '%s' is one grade for %zu samples; regrading grades each",
                       r->at.path, r->at.line, r->metric, x->n);
    else rc = put_each(r, x, grade, err);
    if (rc) return rc;
    if (!id || !*id) {
        snprintf(line, sizeof line, "%zu", r->at.line);
        id = line;
    }
    raml_foreign_traits(
        json_object_get(x->doc, x->doc && json_object_get(x->doc, "specific") ? "specific" : "specifics"), &family,
        &difficulty);
    return raml_foreign_emit(&r->f, id, &x->gold, n, family, difficulty, err);
}

static enum raml_code finish(struct reader *r, struct raml_err *err)
{
    if (!r->f.report->n_questions) return raml_fail(err, RAML_EFORMAT, "%s: no lines; expected records", r->at.path);
    if (r->n_fewer)
        raml_foreign_note(&r->f,
                          "%llu questions have fewer samples than the %llu that lighteval divides by (issue 771); "
                          "here n is the number that exists",
                          (unsigned long long)r->n_fewer, (unsigned long long)r->n_configured);
    if (r->n_more)
        raml_foreign_note(&r->f, "the metric is of the first %llu samples; the others are not graded",
                          (unsigned long long)r->n_configured);
    if (!r->f.opt->regrade) {
        r->f.report->metric = raml_foreign_metric_name(r->f.opt, r->metric);
        if (!*r->f.report->metric) raml_foreign_note(&r->f, "graded by '%s'", r->metric);
    }
    raml_foreign_close(&r->f);
    return RAML_OK;
}

static enum raml_code take(struct reader *r, char *line, size_t n, struct raml_err *err)
{
    json_t *obj = NULL;
    struct record x = {.n = 0};
    enum raml_code rc = raml_json_parse(&r->at, line, n, &obj, err);
    if (!rc) rc = read_record(r, obj, &x, err);
    if (!rc && !r->chosen) r->chosen = !(rc = choose(r, &x, err));
    if (!rc) rc = hand_record(r, &x, err);
    json_decref(obj);
    return rc;
}

static enum raml_code read_lighteval(const char *path, const struct raml_samples_options *opt, raml_graded_fn *fn,
                                     void *user, struct raml_samples_report *report, struct raml_err *err)
{
    struct reader r = {.at = {path, 0}};
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_lines_init(&lines, path, RAML_FOREIGN_MAX_LINE, err);
    if (rc) return rc;
    raml_foreign_open(&r.f, opt, fn, user, report);
    while (!(rc = raml_lines_next(&lines, &more, err)) && more) {
        r.at.line = lines.number;
        if (!lines.line.len) continue;
        rc = take(&r, lines.line.data, lines.line.len, err);
        if (rc && !raml_samples_pass_over(opt, report, lines.number, rc, err)) break;
    }
    if (!rc) rc = finish(&r, err);
    raml_foreign_deinit(&r.f);
    raml_lines_deinit(&lines);
    return rc;
}

static bool looks_like(const struct raml_samples_head *head)
{
    const json_t *first = head->first;
    if (!first) return raml_head_holds(head, "\"doc\":{") && raml_head_holds(head, "\"model_response\"");
    if (json_object_get(first, "model_response")) return json_object_get(first, "doc") != NULL;
    return json_object_get(first, "predictions") && json_object_get(first, "metrics") &&
           (json_object_get(first, "full_prompt") || json_object_get(first, "cont_tokens"));
}

const struct raml_samples_layout_row raml_samples_layout_lighteval = {
    RAML_LAYOUT_LIGHTEVAL, "lighteval",
    "lines with `model_response` and `metric`, or `predictions` and `metrics` (lighteval)", looks_like, read_lighteval};
