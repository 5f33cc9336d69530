/* csv.c - see csv.h. */
#include "task/csv.h"

#include "core/array.h"
#include "core/json.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const size_t MAX_FIELD_BYTES = (size_t)1 << 28;

bool raml_csv_named(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && (strcasecmp(path + n - 4, ".csv") == 0 || strcasecmp(path + n - 4, ".tsv") == 0);
}

static bool at_record_end(const struct csv *c)
{
    return c->p == c->end || *c->p == '\n' || (*c->p == '\r' && (c->p + 1 == c->end || c->p[1] == '\n'));
}

static void skip_record_end(struct csv *c)
{
    if (c->p < c->end && *c->p == '\r') c->p++;
    if (c->p == c->end) return;
    c->p++;
    c->line++;
}

/* Skips the rest of a faulty record. */
static void skip_record(struct csv *c)
{
    while (c->p < c->end && *c->p != '\n') c->p++;
    skip_record_end(c);
}

/* Up to the closing quote; the cursor is after the opening one. */
static enum raml_code read_quoted(struct csv *c, struct raml_err *err)
{
    size_t from = c->line;
    for (; c->p < c->end; c->p++) {
        if (*c->p == '"') {
            if (c->p + 1 == c->end || c->p[1] != '"') break;
            c->p++;
        }
        c->line += *c->p == '\n';
        raml_buf_add(&c->field, c->p, 1);
    }
    if (c->p == c->end) return raml_fail(err, RAML_EFORMAT, "%s:%zu: the quote is not closed", c->path, from);
    c->p++;
    if (at_record_end(c) || *c->p == c->delimiter) return RAML_OK;
    return raml_fail(err, RAML_EFORMAT,
                     "%s:%zu: text after the quote that closes the field begun on line %zu; expected "
                     "a delimiter or the end of the line",
                     c->path, c->line, from);
}

/* One field into c->field; *last: it is the last of its record. */
static enum raml_code read_field(struct csv *c, bool *last, struct raml_err *err)
{
    raml_buf_clear(&c->field);
    raml_buf_add(&c->field, "", 0); /* so that even an empty field has data */
    enum raml_code rc = RAML_OK;
    if (c->p < c->end && *c->p == '"') {
        c->p++;
        rc = read_quoted(c, err);
    } else {
        const char *from = c->p;
        while (!at_record_end(c) && *c->p != c->delimiter) c->p++;
        raml_buf_add(&c->field, from, (size_t)(c->p - from));
    }
    if (rc) return rc;
    *last = at_record_end(c);
    if (*last) skip_record_end(c);
    else c->p++;
    return raml_buf_status(&c->field, err);
}

static enum raml_code add_column(struct csv *c, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(c->column, c->cap, c->n_columns + 1, "columns", err);
    if (rc) return raml_wrap(err, rc, "%s", c->path);
    const char *name = c->field.data;
    for (size_t i = 0; *name && i < c->n_columns; i++)
        if (strcmp(c->column[i], name) == 0)
            return raml_fail(err, RAML_EFORMAT, "%s: two columns are called '%.64s'", c->path, name);
    char *copy = strdup(name);
    if (!copy) return raml_fail(err, RAML_ENOMEM, "%s: no memory for the columns' names", c->path);
    c->column[c->n_columns++] = copy;
    return RAML_OK;
}

static void skip_empty_lines(struct csv *c)
{
    while (c->p < c->end && at_record_end(c)) skip_record_end(c);
}

enum raml_code raml_csv_init(struct csv *c, const char *path, const char *data, size_t n, struct raml_err *err)
{
    size_t len = strlen(path);
    *c = (struct csv){.path = path, .p = data, .end = data + n, .line = 1, .delimiter = ','};
    if (len > 4 && strcasecmp(path + len - 4, ".tsv") == 0) c->delimiter = '\t';
    if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) c->p += 3;
    raml_buf_init(&c->field, MAX_FIELD_BYTES);
    skip_empty_lines(c);
    bool last = c->p == c->end, any = false;
    enum raml_code rc = RAML_OK;
    while (!rc && !last) {
        rc = read_field(c, &last, err);
        any |= !rc && c->field.len;
        if (!rc) rc = add_column(c, err);
    }
    if (!rc && !any) rc = raml_fail(err, RAML_EFORMAT, "%s: no line with column names", path);
    if (rc) raml_csv_deinit(c);
    return rc;
}

void raml_csv_deinit(struct csv *c)
{
    for (size_t i = 0; i < c->n_columns; i++) free(c->column[i]);
    free(c->column);
    raml_buf_deinit(&c->field);
    *c = (struct csv){0};
}

static enum raml_code set_field(struct csv *c, json_t *row, size_t column, size_t line, struct raml_err *err)
{
    const char *name = c->column[column];
    if (!*name || !c->field.len) return RAML_OK;
    const unsigned char *text = (const unsigned char *)c->field.data, *key = (const unsigned char *)name;
    if (memchr(text, 0, c->field.len) || raml_utf8_valid(text, c->field.len) < c->field.len)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%.64s' is not UTF-8 text", c->path, line, name);
    if (raml_utf8_valid(key, strlen(name)) < strlen(name))
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: the name of field '%.64s' is not UTF-8", c->path, line, name);
    if (json_object_set_new(row, name, json_stringn(c->field.data, c->field.len)))
        return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory for the row", c->path, line);
    return RAML_OK;
}

enum raml_code raml_csv_next(struct csv *c, json_t **row, size_t *line, struct raml_err *err)
{
    skip_empty_lines(c);
    *row = NULL;
    *line = c->line;
    if (c->p == c->end) return RAML_OK;
    json_t *o = json_object();
    if (!o) return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory for the row", c->path, *line);
    enum raml_code rc = RAML_OK, fault = RAML_OK;
    size_t n = 0;
    for (bool last = false; !rc && !last; n++) {
        rc = read_field(c, &last, err);
        if (rc) skip_record(c);
        else if (!fault && n < c->n_columns) fault = set_field(c, o, n, *line, err);
    }
    if (!rc) rc = fault; /* reported once the record has been read to its end */
    if (!rc && n != c->n_columns)
        rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: %zu fields; expected %zu, one per column", c->path, *line, n,
                       c->n_columns);
    if (rc) json_decref(o);
    else *row = o;
    return rc;
}
