/* study_declare.c - what a study declares, kept before anything runs. See study_run.h. */
#include "cli/study_run.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECORD = 1 << 20 };
static const char steps_field[] = "steps", done_field[] = "steps_done_before"; /* facts: not compared */

/* RAML_EUSAGE: what differs between two values of one name. */
static enum raml_code compare_value(const char *path, const char *name, const json_t *mine, const json_t *had,
                                    struct raml_err *err)
{
    if (mine == had || json_equal(mine, had)) return RAML_OK;
    char *was = had ? json_dumps(had, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    char *is = mine ? json_dumps(mine, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    enum raml_code rc = raml_fail(err, RAML_EUSAGE,
                                  "%s: declared with %s %s, now it is %s; a study is not changed while it runs: give "
                                  "another --out (--store can be the same)",
                                  path, name, was ? was : "missing", is ? is : "missing");
    free(was);
    free(is);
    return rc;
}

/* RAML_EUSAGE names what differs from the declaration that the folder has: a part before the whole. */
static enum raml_code compare(const char *path, const json_t *mine, const json_t *had, struct raml_err *err)
{
    const char *key;
    json_t *value;
    const json_t *parts = json_object_get(had, "parts");
    enum raml_code rc = RAML_OK;
    json_object_foreach (json_object_get(mine, "parts"), key, value) {
        char name[100];
        snprintf(name, sizeof name, "the part %.80s", key);
        const json_t *other = json_object_get(parts, key);
        if (!rc && other) rc = compare_value(path, name, value, other, err);
    }
    json_object_foreach ((json_t *)(uintptr_t)mine, key, value)
        if (!rc) rc = compare_value(path, key, value, json_object_get(had, key), err);
    json_object_foreach ((json_t *)(uintptr_t)had, key, value)
        if (!rc && strcmp(key, steps_field) && strcmp(key, done_field))
            rc = compare_value(path, key, json_object_get(mine, key), value, err);
    return rc;
}

/* What is declared, the text of its file, and of the whole how many of its steps had run before. */
struct declaration {
    json_t *mine; /* taken over */
    const char *text;
    size_t len, steps, done; /* steps: 0 of a part */
};

static char *record_of(const struct declaration *d)
{
    json_t *o = json_copy(d->mine);
    int bad = !o;
    if (d->steps) {
        bad |= json_object_set_new(o, steps_field, json_integer((json_int_t)d->steps));
        bad |= json_object_set_new(o, done_field, json_integer((json_int_t)d->done));
    }
    char *text = bad ? NULL : json_dumps(o, JSON_INDENT(1));
    json_decref(o);
    return text;
}

/* Writes into a folder what is declared, with the file as it is; or finds the same. With `look` it only compares. */
static enum raml_code declare(const struct declaration *d, const char *out, bool look, struct raml_err *err)
{
    char path[RAML_PATH_BYTES], copy[RAML_PATH_BYTES];
    json_t *had = NULL;
    enum raml_code rc = d->mine ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the declaration");
    if (!rc && !look) rc = raml_make_dir(out, err);
    if (!rc) rc = raml_path_join(path, out, "declared.json", err);
    if (!rc) rc = raml_path_join(copy, out, "study.yaml", err);
    if (!rc && raml_is_file(path)) {
        rc = raml_json_load(path, MAX_RECORD, &had, err);
        if (!rc) rc = compare(path, d->mine, had, err);
    } else if (!rc && !look) {
        char *record = record_of(d);
        rc = record ? raml_file_write(copy, d->text, d->len, err) : raml_fail(err, RAML_ENOMEM, "no memory");
        if (!rc) rc = raml_file_write(path, record, strlen(record), err);
        free(record);
    }
    json_decref(had);
    json_decref(d->mine);
    return rc;
}

enum raml_code cli_study_declare(const struct study_runner *r, const char *out, bool look, struct raml_err *err)
{
    const struct raml_study_parts *p = r->parts;
    struct declaration d = {.mine = raml_study_parts_declaration(p), .steps = r->n_works, .done = r->n_done};
    d.text = raml_study_parts_text(p, &d.len);
    enum raml_code rc = declare(&d, out, look, err);
    d.steps = 0;
    for (size_t i = 0; i < raml_study_parts_n(p) && !rc; i++) {
        const struct raml_study_part part = raml_study_parts_get(p, i);
        char dir[RAML_PATH_BYTES];
        if (!*part.name) continue;
        rc = raml_path_join(dir, out, part.name, err);
        if (rc) break;
        d.mine = raml_study_declaration(part.study);
        d.text = raml_study_text(part.study, &d.len);
        rc = declare(&d, dir, look, err);
    }
    return rc;
}

enum raml_code cli_study_say_before(const char *out, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *had = NULL;
    enum raml_code rc = raml_path_join(path, out, "declared.json", err);
    if (!rc) rc = raml_json_load(path, MAX_RECORD, &had, err);
    json_int_t done = json_integer_value(json_object_get(had, done_field));
    json_int_t steps = json_integer_value(json_object_get(had, steps_field));
    if (!rc && done > 0)
        printf("%" JSON_INTEGER_FORMAT " of its %" JSON_INTEGER_FORMAT " steps had run before it was declared\n", done,
               steps);
    json_decref(had);
    return rc;
}
