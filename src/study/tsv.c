/* tsv.c - see tsv.h. */
#include "study/tsv.h"

#include "core/file.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static size_t count(const char *text, size_t n, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += text[i] == c;
    return found;
}

/* Cuts one line into cells in place. */
static enum raml_code cut(struct raml_tsv *t, const char *path, char *line, struct raml_err *err)
{
    size_t n = count(line, strlen(line), '\t') + 1;
    if (n != t->n_columns)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: %zu cells; expected %zu, as in the first line", path,
                         t->n_rows + 1, n, t->n_columns);
    for (size_t c = 0; c < n; c++) {
        t->cell[t->n_rows * n + c] = line;
        line += strcspn(line, "\t");
        *line++ = 0;
    }
    t->n_rows++;
    return RAML_OK;
}

enum raml_code raml_tsv_read(struct raml_tsv *t, const char *path, size_t max_bytes, struct raml_err *err)
{
    *t = (struct raml_tsv){0};
    raml_buf_init(&t->text, max_bytes);
    enum raml_code rc = raml_file_read(path, &t->text, err);
    if (rc) return rc;
    if (t->text.len == 0 || strlen(t->text.data) != t->text.len)
        return raml_fail(err, RAML_EFORMAT, "%s: %s; expected a table of tab-separated cells", path,
                         t->text.len ? "has a zero byte" : "is empty");
    t->n_columns = count(t->text.data, strcspn(t->text.data, "\n"), '\t') + 1;
    size_t lines = count(t->text.data, t->text.len, '\n') + 1;
    t->cell = calloc(lines, t->n_columns * sizeof *t->cell);
    if (!t->cell) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu lines", path, lines);
    for (char *line = t->text.data; *line && !rc;) {
        size_t n = strcspn(line, "\n");
        bool last = !line[n];
        line[n] = 0;
        rc = cut(t, path, line, err);
        line += n + !last;
    }
    return rc;
}

void raml_tsv_deinit(struct raml_tsv *t)
{
    free((void *)t->cell);
    raml_buf_deinit(&t->text);
    *t = (struct raml_tsv){0};
}

enum raml_code raml_tsv_columns(const struct raml_tsv *t, const char *path, const char *const *name, size_t n,
                                size_t *column, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t c = 0;
        while (c < t->n_columns && strcmp(t->cell[c], name[i]) != 0) c++;
        if (c == t->n_columns) return raml_fail(err, RAML_EFORMAT, "%s:1: there is no column \"%s\"", path, name[i]);
        column[i] = c;
    }
    return RAML_OK;
}

const char *raml_tsv_cell(const struct raml_tsv *t, size_t row, size_t column)
{
    return t->cell[row * t->n_columns + column];
}

double raml_tsv_number(const struct raml_tsv *t, size_t row, size_t column)
{
    const char *text = raml_tsv_cell(t, row, column);
    char *end = NULL;
    double v = strtod(text, &end);
    return end != text && !*end && isfinite(v) ? v : NAN;
}
