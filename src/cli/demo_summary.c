/* demo_summary.c - the results of the demo's steps, as summary.json and in words. See demo.h. */
#include "cli/demo.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 64 << 20 };

/* Mean L(0), L(T) and count of correct and wrong samples, from trace's curves. */
static enum raml_code curves(const char *out, const char *file, json_t *summary, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    double first[2] = {0}, last[2] = {0};
    json_int_t n[2] = {0};
    struct raml_lines lines;
    bool more = true;
    enum raml_code rc = raml_path_join(path, out, file, err);
    if (!rc) rc = raml_lines_init(&lines, path, MAX_FILE, err);
    if (rc) return rc;
    while (!(rc = raml_lines_next(&lines, &more, err)) && more) {
        struct raml_place at = {path, lines.number};
        json_t *o = NULL;
        double l0, lt;
        rc = raml_json_parse(&at, lines.line.data, lines.line.len, &o, err);
        if (!rc) rc = raml_json_num(&at, o, "L0", &l0, err);
        if (!rc) rc = raml_json_num(&at, o, "LT", &lt, err);
        const json_t *correct = rc ? NULL : json_object_get(o, "correct");
        if (json_is_boolean(correct)) {
            int i = json_is_true(correct) ? 0 : 1;
            first[i] += l0;
            last[i] += lt;
            n[i]++;
        }
        json_decref(o);
        if (rc) break;
    }
    raml_lines_deinit(&lines);
    if (rc) return rc;
    json_t *group[2];
    int bad = 0;
    for (int i = 0; i < 2; i++) {
        group[i] = json_pack("{s:I}", "samples", n[i]);
        if (n[i]) {
            bad |= json_object_set_new(group[i], "L0", json_real(first[i] / (double)n[i]));
            bad |= json_object_set_new(group[i], "LT", json_real(last[i] / (double)n[i]));
        }
    }
    bad |= json_object_set_new(summary, "loss_curve", json_pack("{s:o, s:o}", "right", group[0], "wrong", group[1]));
    return bad ? raml_fail(err, RAML_ENOMEM, "no memory for the summary") : RAML_OK;
}

static enum raml_code table(const char *out, const char *name, json_t *summary, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = NULL;
    enum raml_code rc = raml_path_format(path, err, "%s/%s/eval.json", out, name);
    if (!rc) rc = raml_json_load(path, MAX_FILE, &o, err);
    if (!rc && json_object_set_new(summary, name, o)) rc = raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    return rc;
}

/* Tokens that a run read, from the last line of its metrics. */
static double tokens_of(const char *out, const char *name)
{
    char path[RAML_PATH_BYTES];
    struct raml_lines lines;
    bool more = true, enough;
    double tokens = 0;
    if (raml_path_format(path, NULL, "%s/%s/metrics.jsonl", out, name)) return NAN;
    if (raml_lines_init(&lines, path, MAX_FILE, NULL)) return NAN;
    while (!raml_lines_next(&lines, &more, NULL) && more) {
        json_t *o = raml_json_value(lines.line.data, lines.line.len, &enough);
        const json_t *v = json_object_get(o, "tokens");
        if (json_is_number(v)) tokens = json_number_value(v);
        json_decref(o);
    }
    raml_lines_deinit(&lines);
    return tokens;
}

static json_t *phases(const char *out, const struct demo_phase phase[DEMO_PHASES])
{
    static const char *const names[DEMO_PHASES] = {"train with trajectories",
                                                   "train without",
                                                   "evaluate",
                                                   "sample",
                                                   "trace",
                                                   "roles",
                                                   "update",
                                                   "landscape",
                                                   "report",
                                                   "fork"};
    json_t *list = json_array();
    int bad = 0;
    for (int i = 0; i < DEMO_PHASES; i++) {
        if (!(phase[i].seconds > 0)) continue; /* the report is written after the summary */
        json_t *o = json_pack("{s:s, s:f, s:I}", "phase", names[i], "seconds", phase[i].seconds, "peak_memory_bytes",
                              (json_int_t)phase[i].peak_memory_bytes);
        double tokens = i == DEMO_TRAIN_WITH      ? tokens_of(out, "with")
                        : i == DEMO_TRAIN_WITHOUT ? tokens_of(out, "without")
                                                  : NAN;
        if (isfinite(tokens)) {
            bad |= json_object_set_new(o, "tokens", json_integer((json_int_t)tokens));
            bad |= json_object_set_new(o, "tokens_per_s", json_real(tokens / phase[i].seconds));
        }
        bad |= json_array_append_new(list, o);
    }
    return raml_json_checked(list, bad);
}

/* Writes it, and takes over o. */
static enum raml_code write_summary(const char *out, json_t *o, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    char *text = o ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
    enum raml_code rc = raml_path_join(path, out, "summary.json", err);
    if (!rc && !text) rc = raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    if (!rc) rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    json_decref(o);
    return rc;
}

enum raml_code cli_demo_summary(const char *out, const struct demo_phase phase[DEMO_PHASES], struct raml_err *err)
{
    json_t *o = json_pack("{s:s}", "raml_version", RAML_VERSION), *accuracy = json_object();
    enum raml_code rc = o && accuracy ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    if (!rc) rc = table(out, "with", accuracy, err);
    if (!rc) rc = table(out, "without", accuracy, err);
    if (!rc) rc = curves(out, "with/trace/curves.jsonl", o, err);
    if (!rc && json_object_set(o, "accuracy", accuracy) | json_object_set_new(o, "phases", phases(out, phase)))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    json_decref(accuracy);
    if (!rc) return write_summary(out, o, err);
    json_decref(o);
    return rc;
}

enum raml_code cli_demo_model_summary(const char *out, const struct demo_phase phase[DEMO_PHASES], struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = json_pack("{s:s}", "raml_version", RAML_VERSION), *accuracy = NULL;
    enum raml_code rc =
        o ? raml_path_join(path, out, "eval.json", err) : raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    if (!rc) rc = raml_json_load(path, MAX_FILE, &accuracy, err);
    if (!rc) rc = curves(out, "trace/curves.jsonl", o, err);
    if (!rc && json_object_set(o, "accuracy", accuracy) | json_object_set_new(o, "phases", phases(out, phase)))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the summary");
    json_decref(accuracy);
    if (!rc) return write_summary(out, o, err);
    json_decref(o);
    return rc;
}

/* -- In words ------------------------------------------------------------------------------------------------------ */
static double value(const json_t *row)
{
    return json_number_value(json_object_get(json_object_get(row, "accuracy"), "value"));
}

/* The accuracy of the same split and family in the other model's table; NaN: not there. */
static double same_row(const json_t *table_rows, const json_t *row)
{
    size_t i;
    json_t *r;
    json_array_foreach (table_rows, i, r)
        if (json_equal(json_object_get(r, "split"), json_object_get(row, "split")) &&
            json_equal(json_object_get(r, "family"), json_object_get(row, "family")))
            return value(r);
    return NAN;
}

static void tell_curves(const json_t *o)
{
    const char *const name[] = {"right", "wrong"};
    for (int i = 0; i < 2; i++) {
        const json_t *g = json_object_get(json_object_get(o, "loss_curve"), name[i]);
        if (json_integer_value(json_object_get(g, "samples")) > 0)
            printf("  %5lld %s samples: loss of the answer %.2f before the trajectory, %.2f after it\n",
                   (long long)json_integer_value(json_object_get(g, "samples")), name[i],
                   json_number_value(json_object_get(g, "L0")), json_number_value(json_object_get(g, "LT")));
    }
}

/* OUT/summary.json; with json it is printed, and *out is NULL. */
static enum raml_code read_summary(const char *out, bool json, json_t **summary, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    *summary = NULL;
    enum raml_code rc = raml_path_join(path, out, "summary.json", err);
    if (!rc) rc = raml_json_load(path, MAX_FILE, summary, err);
    if (rc || !json) return rc;
    char *text = json_dumps(*summary, JSON_COMPACT | JSON_REAL_PRECISION(6));
    if (text) puts(text);
    free(text);
    json_decref(*summary);
    *summary = NULL;
    return RAML_OK;
}

static void tell_end(const json_t *o, const char *out, double seconds)
{
    printf("\nThe inner loop: what a sampled trajectory does to the loss of the correct answer (nats per token)\n\n");
    tell_curves(o);
    printf("\nDone in %.0f s. Open %s/report.html\n", seconds, out);
}

enum raml_code cli_demo_tell(const char *out, double seconds, bool json, struct raml_err *err)
{
    json_t *o = NULL, *row;
    size_t i;
    enum raml_code rc = read_summary(out, json, &o, err);
    if (rc || !o) return rc;
    const json_t *accuracy = json_object_get(o, "accuracy");
    const json_t *with = json_object_get(json_object_get(accuracy, "with"), "rows");
    const json_t *without = json_object_get(json_object_get(accuracy, "without"), "rows");
    printf("\nCorrect answers on questions never seen in training\n\n  %-10s %-10s %12s %18s\n", "split", "family",
           "with", "without trajectories");
    json_array_foreach (with, i, row)
        printf("  %-10s %-10s %10.1f %% %16.1f %%\n", json_string_value(json_object_get(row, "split")),
               json_string_value(json_object_get(row, "family")), 100 * value(row), 100 * same_row(without, row));
    tell_end(o, out, seconds);
    json_decref(o);
    return RAML_OK;
}

enum raml_code cli_demo_model_tell(const char *out, double seconds, bool json, struct raml_err *err)
{
    json_t *o = NULL, *row;
    size_t i;
    enum raml_code rc = read_summary(out, json, &o, err);
    if (rc || !o) return rc;
    printf("\nRight samples\n\n  %-20s %10s %10s %10s\n", "questions", "n", "samples", "right");
    json_array_foreach (json_object_get(json_object_get(o, "accuracy"), "rows"), i, row)
        printf("  %-20s %10lld %10lld %8.1f %%\n", json_string_value(json_object_get(row, "split")),
               (long long)json_integer_value(json_object_get(row, "questions")),
               (long long)json_integer_value(json_object_get(row, "samples")), 100 * value(row));
    tell_end(o, out, seconds);
    json_decref(o);
    return RAML_OK;
}
