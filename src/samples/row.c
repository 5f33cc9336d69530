/* row.c - see row.h. */
#include "samples/row.h"

#include "core/file.h"

#include <stdio.h>
#include <string.h>

static enum raml_code bad_type(const struct raml_place *at, const char *field, const char *want, struct raml_err *err)
{
    return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' is of another type; expected %s", at->path, at->line, field,
                     want);
}

/* A string, or a number written into text[cap]. *out is NULL when the field is missing or null. */
static enum raml_code scalar(const struct raml_place *at, const json_t *obj, const char *field, char *text, size_t cap,
                             const char **out, struct raml_err *err)
{
    const json_t *v = json_object_get(obj, field);
    *out = NULL;
    if (json_is_array(v) && json_array_size(v) == 1) v = json_array_get(v, 0); /* ["204"] */
    if (!v || json_is_null(v)) return RAML_OK;
    *out = json_is_string(v) ? json_string_value(v) : text;
    if (json_is_string(v)) return RAML_OK;
    if (json_is_integer(v)) snprintf(text, cap, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v)) snprintf(text, cap, "%.17g", json_real_value(v));
    else return bad_type(at, field, "a string or a number", err);
    return RAML_OK;
}

enum raml_code raml_samples_row_meta(const struct raml_place *at, const json_t *obj, const char *const *gold,
                                     struct raml_samples_text *text, struct raml_graded *q, struct raml_err *err)
{
    enum raml_code rc = scalar(at, obj, "id", text->id, sizeof text->id, &q->id, err);
    q->gold = NULL;
    for (size_t i = 0; gold[i] && !q->gold && !rc; i++)
        rc = scalar(at, obj, gold[i], text->gold, sizeof text->gold, &q->gold, err);
    if (rc) return rc;
    if (!q->id) {
        snprintf(text->id, sizeof text->id, "%zu", at->line);
        q->id = text->id;
    }
    const json_t *family = json_object_get(obj, "family"), *split = json_object_get(obj, "split"),
                 *difficulty = json_object_get(obj, "difficulty");
    if (family && !json_is_null(family) && !json_is_string(family)) return bad_type(at, "family", "a string", err);
    if (split && !json_is_null(split) && !json_is_string(split)) return bad_type(at, "split", "a string", err);
    q->family = json_string_value(family);
    q->split = json_string_value(split);
    q->difficulty = -1;
    if (json_is_integer(difficulty) && json_integer_value(difficulty) >= 0 &&
        json_integer_value(difficulty) <= INT32_MAX)
        q->difficulty = (int)json_integer_value(difficulty);
    return RAML_OK;
}

enum raml_code raml_samples_row_grade(const struct raml_place *at, const char *field, size_t i, const json_t *v,
                                      bool *correct, struct raml_err *err)
{
    if (json_is_boolean(v)) {
        *correct = json_is_true(v);
        return RAML_OK;
    }
    double x = json_is_number(v) ? json_number_value(v) : -1;
    if (!(x <= 0 && x >= 0) && !(x <= 1 && x >= 1))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s', sample %zu: expected 0, 1, true or false", at->path,
                         at->line, field, i + 1);
    *correct = x >= 1;
    return RAML_OK;
}

const json_t *raml_samples_row_first(const json_t *first)
{
    const json_t *row = json_is_array(first) ? json_array_get(first, 0) : first;
    return json_is_object(row) ? row : NULL;
}

static bool begins_with_bracket(const char *path)
{
    FILE *f = strcmp(path, "-") && raml_is_file(path) ? fopen(path, "rb") : NULL;
    int c = ' ';
    while (f && (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xef || c == 0xbb || c == 0xbf)) c = getc(f);
    if (f) fclose(f);
    return c == '[';
}

enum raml_code raml_samples_row_array(const char *path, bool *is_array,
                                      enum raml_code (*take)(void *to, const struct raml_place *at, const json_t *row,
                                                             struct raml_err *err),
                                      void *to, struct raml_err *err)
{
    json_t *root = NULL;
    *is_array = begins_with_bracket(path);
    if (!*is_array) return RAML_OK;
    enum raml_code rc = raml_json_load(path, (size_t)1 << 32, &root, err);
    for (size_t i = 0; i < json_array_size(root) && !rc; i++) {
        struct raml_place at = {path, i + 1};
        const json_t *row = json_array_get(root, i);
        if (json_is_object(row)) rc = take(to, &at, row, err);
        else rc = raml_fail(err, RAML_EFORMAT, "%s: row %zu of the array is not an object", path, i + 1);
    }
    json_decref(root);
    return rc;
}
