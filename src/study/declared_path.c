/* declared_path.c - a number in a file that a command has left. See declared.h. */
#include "study/declared.h"

#include "core/file.h"
#include "core/json.h"
#include "study/tsv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 256 << 20, MAX_LINE = 64 << 20, MAX_NAME = 256, MAX_PATH = 1024 };

/* -- Files ---------------------------------------------------------------------------------------------------------- */

static enum raml_code take_line(void *user, const struct raml_place *at, json_t *object, struct raml_err *err)
{
    if (!json_array_append((json_t *)user, object)) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory", at->path, at->line);
}

static json_t *tsv_value(const char *cell)
{
    char *end = NULL;
    double v = strtod(cell, &end);
    if (!*cell || *end || !isfinite(v)) return json_string(cell);
    return json_real(v);
}

static enum raml_code load_tsv(const char *path, json_t **out, struct raml_err *err)
{
    struct raml_tsv t = {0};
    enum raml_code rc = raml_tsv_read(&t, path, MAX_FILE, err);
    json_t *rows = rc ? NULL : json_array();
    int bad = rc == RAML_OK && !rows;
    for (size_t r = 1; r < t.n_rows && !rc; r++) {
        json_t *o = json_object();
        for (size_t c = 0; c < t.n_columns; c++)
            bad |= json_object_set_new(o, raml_tsv_cell(&t, 0, c), tsv_value(raml_tsv_cell(&t, r, c)));
        bad |= json_array_append_new(rows, o);
    }
    raml_tsv_deinit(&t);
    if (!rc && bad) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory", path);
    if (rc) json_decref(rows);
    else *out = rows;
    return rc;
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcmp(path + n - m, end);
}

enum raml_code raml_study_file(const char *path, json_t **out, struct raml_err *err)
{
    *out = NULL;
    if (ends_in(path, ".tsv")) return load_tsv(path, out, err);
    if (!ends_in(path, ".jsonl")) return raml_json_load(path, MAX_FILE, out, err);
    json_t *lines = json_array();
    if (!lines) return raml_fail(err, RAML_ENOMEM, "%s: no memory", path);
    enum raml_code rc = raml_json_lines(path, MAX_LINE, take_line, lines, err);
    if (rc) json_decref(lines);
    else *out = lines;
    return rc;
}

/* -- Paths ---------------------------------------------------------------------------------------------------------- */

enum part_kind { PART_FIELD, PART_INDEX, PART_WHERE };
struct part {
    enum part_kind kind;
    char name[MAX_NAME]; /* of a field; conditions "a=b,c=d" */
    long index;
    bool all; /* [*] */
};

static enum raml_code wrong(const char *path, const char *what, struct raml_err *err)
{
    return raml_fail(err, RAML_EUSAGE, "'%.80s': %s", path, what);
}

static enum raml_code copy_name(const char *path, const char *from, size_t n, struct part *out, struct raml_err *err)
{
    if (n == 0) return wrong(path, "an empty name", err);
    if (n >= MAX_NAME) return wrong(path, "a name of more than 255 bytes", err);
    memcpy(out->name, from, n);
    out->name[n] = 0;
    return RAML_OK;
}

/* What stands in brackets: [3] [-1] [*] [*,a=b] [a=b] ["name"] */
static enum raml_code bracket(const char *path, const char *in, size_t n, struct part *out, struct raml_err *err)
{
    if (n >= 2 && in[0] == '"' && in[n - 1] == '"') {
        out->kind = PART_FIELD;
        return copy_name(path, in + 1, n - 2, out, err);
    }
    out->kind = PART_WHERE;
    if (n && in[0] == '*') {
        out->all = true;
        if (n == 1) return RAML_OK;
        if (in[1] != ',') return wrong(path, "expected [*] or [*,name=value]", err);
        return copy_name(path, in + 2, n - 2, out, err);
    }
    if (memchr(in, '=', n)) return copy_name(path, in, n, out, err);
    char *end = NULL;
    out->kind = PART_INDEX;
    out->index = strtol(in, &end, 10);
    if (n == 0 || end != in + n) return wrong(path, "in brackets expected a number, *, name=value or \"name\"", err);
    return RAML_OK;
}

/* The next part of the path at *c. */
static enum raml_code next_part(const char *path, const char **c, struct part *out, struct raml_err *err)
{
    *out = (struct part){0};
    if (**c == '.') ++*c;
    if (**c != '[') {
        size_t n = strcspn(*c, ".[");
        out->kind = PART_FIELD;
        enum raml_code rc = copy_name(path, *c, n, out, err);
        *c += n;
        return rc;
    }
    const char *end = (*c)[1] == '"' ? strstr(*c + 2, "\"]") : strchr(*c, ']');
    if (!end) return wrong(path, "a bracket that is not closed", err);
    if (*end == '"') end++;
    enum raml_code rc = bracket(path, *c + 1, (size_t)(end - *c - 1), out, err);
    *c = end + 1;
    return rc;
}

enum raml_code raml_study_path_check(const char *path, struct raml_err *err)
{
    if (strlen(path) >= MAX_PATH) return wrong(path, "longer than 1023 bytes", err);
    if (!*path) return raml_fail(err, RAML_EUSAGE, "an empty path");
    for (const char *c = path; *c;) {
        struct part part;
        enum raml_code rc = next_part(path, &c, &part, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

static bool equals(const json_t *v, const char *text, size_t n)
{
    if (json_is_string(v)) return json_string_length(v) == n && !memcmp(json_string_value(v), text, n);
    char number[64];
    if (n == 4 && !memcmp(text, "null", 4)) return json_is_null(v);
    if (n == 4 && !memcmp(text, "true", 4)) return json_is_true(v);
    if (n == 5 && !memcmp(text, "false", 5)) return json_is_false(v);
    if (!json_is_number(v) || n >= sizeof number) return false;
    memcpy(number, text, n);
    number[n] = 0;
    char *end = NULL;
    double want = strtod(number, &end);
    return end != number && !*end && fabs(want - json_number_value(v)) <= 1e-12 * fabs(want);
}

/* Of "a=b,c=d", all hold. */
static bool matches(const json_t *o, const char *conditions)
{
    for (const char *c = conditions; *c;) {
        size_t n = strcspn(c, ","), name = strcspn(c, "=");
        char field[MAX_NAME];
        if (name >= n) return false;
        memcpy(field, c, name);
        field[name] = 0;
        const json_t *v = json_object_get(o, field);
        if (!v || !equals(v, c + name + 1, n - name - 1)) return false;
        c += n + (c[n] == ',');
    }
    return true;
}

struct sum {
    double sum;
    size_t n;
};
static enum raml_code follow(const json_t *v, const char *path, const char *c, struct sum *out, struct raml_err *err);

static enum raml_code follow_where(const json_t *v, const char *path, const char *c, const struct part *part,
                                   struct sum *out, struct raml_err *err)
{
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(v); i++) {
        const json_t *e = json_array_get(v, i);
        if (!matches(e, part->name)) continue;
        if (++found > 1 && !part->all)
            return raml_fail(err, RAML_EFORMAT, "several elements have %s; [*,%s] is their mean", part->name,
                             part->name);
        enum raml_code rc = follow(e, path, c, out, err);
        if (rc) return rc;
    }
    if (found) return RAML_OK;
    return raml_fail(err, RAML_EFORMAT, "no element%s%s", *part->name ? " has " : "", part->name);
}

static enum raml_code follow(const json_t *v, const char *path, const char *c, struct sum *out, struct raml_err *err)
{
    while (*c) {
        struct part part;
        enum raml_code rc = next_part(path, &c, &part, err);
        if (rc) return rc;
        if (part.kind == PART_FIELD) {
            char fields[256];
            const json_t *in = json_object_get(v, part.name);
            if (!in)
                return raml_fail(err, RAML_EFORMAT, "no field %s; found fields: %s", part.name,
                                 json_is_object(v) ? raml_json_fields(v, fields, sizeof fields) : "(not an object)");
            v = in;
            continue;
        }
        if (!json_is_array(v)) return raml_fail(err, RAML_EFORMAT, "no list at '%s'", path);
        if (part.kind == PART_WHERE) return follow_where(v, path, c, &part, out, err);
        size_t n = json_array_size(v), i = part.index < 0 ? n - (size_t)-part.index : (size_t)part.index;
        if (i >= n) return raml_fail(err, RAML_EFORMAT, "no element %ld of %zu", part.index, n);
        v = json_array_get(v, i);
    }
    if (json_is_null(v)) return RAML_OK; /* not measured there */
    if (!json_is_number(v)) return raml_fail(err, RAML_EFORMAT, "not a number");
    out->sum += json_number_value(v);
    out->n++;
    return RAML_OK;
}

enum raml_code raml_study_follow(const json_t *file, const char *path, double *out, struct raml_err *err)
{
    struct sum sum = {0};
    enum raml_code rc = follow(file, path, path, &sum, err);
    if (rc) return raml_wrap(err, rc, "%s", path);
    *out = sum.n ? sum.sum / (double)sum.n : NAN;
    return RAML_OK;
}
