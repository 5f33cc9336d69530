/* demo_record.c - how far a demo has come, as OUT/demo.json. See demo.h. */
#include "cli/demo.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 20 };

/* RAML_EUSAGE names the first setting in which the record's demo differs. */
static enum raml_code compare(const char *path, const json_t *settings, const json_t *had, struct raml_err *err)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)settings, key, value) {
        const json_t *other = json_object_get(had, key);
        if (json_equal(value, other)) continue;
        char *text = json_dumps(other, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9));
        enum raml_code rc = raml_fail(err, RAML_EUSAGE,
                                      "%s: that demo has %s %s; resume it with the same settings, or start a new one "
                                      "without --resume",
                                      path, key, text ? text : "missing");
        free(text);
        return rc;
    }
    return RAML_OK;
}

static enum raml_code read_phases(const char *path, const json_t *list, struct demo_record *r, struct raml_err *err)
{
    const struct raml_place at = {path, 0};
    if (json_array_size(list) > DEMO_PHASES)
        return raml_fail(err, RAML_EFORMAT, "%s: %zu phases, expected at most %d", path, json_array_size(list),
                         DEMO_PHASES);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        long long bytes = 0;
        enum raml_code rc = raml_json_num(&at, o, "seconds", &r->phase[i].seconds, err);
        if (!rc) rc = raml_json_int(&at, o, "peak_memory_bytes", 0, INT64_MAX, &bytes, err);
        if (rc) return rc;
        r->phase[i].peak_memory_bytes = (size_t)bytes;
    }
    return RAML_OK;
}

enum raml_code cli_demo_record_read(const char *out, size_t n_steps, struct demo_record *r, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = NULL, *list = NULL;
    long long done = 0;
    enum raml_code rc = raml_path_join(path, out, "demo.json", err);
    if (rc || !raml_is_file(path)) return rc;
    const struct raml_place at = {path, 0};
    rc = raml_json_load(path, MAX_FILE, &o, err);
    if (!rc) rc = compare(path, r->settings, json_object_get(o, "settings"), err);
    if (!rc) rc = raml_json_int(&at, o, "steps_done", 0, (long long)n_steps, &done, err);
    if (!rc) rc = raml_json_array(&at, o, "phases", &list, err);
    if (!rc) rc = read_phases(path, list, r, err);
    if (!rc) r->n_done = (size_t)done;
    json_decref(o);
    return rc;
}

enum raml_code cli_demo_record_write(const char *out, const struct demo_record *r, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *o = json_pack("{s:O, s:I, s:[]}", "settings", r->settings, "steps_done", (json_int_t)r->n_done, "phases");
    int failed = o == NULL;
    for (size_t i = 0; i < DEMO_PHASES; i++)
        failed |= json_array_append_new(json_object_get(o, "phases"),
                                        json_pack("{s:f, s:I}", "seconds", r->phase[i].seconds, "peak_memory_bytes",
                                                  (json_int_t)r->phase[i].peak_memory_bytes));
    char *text = failed ? NULL : json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    enum raml_code rc = text ? raml_path_join(path, out, "demo.json", err)
                             : raml_fail(err, RAML_ENOMEM, "no memory for the demo's record");
    if (!rc) rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    json_decref(o);
    return rc;
}
