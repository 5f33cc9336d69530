/* csv.h - private: rows of a table of comma- or tab-separated values, as RFC 4180 writes them.
 *
 * The first record names the columns; every further record is one JSON object of strings. A field that begins with a
 * quote ends with one: inside, quotes are doubled and line ends are text. Elsewhere a quote is an ordinary character
 * (as Python's csv reads it). Records end with LF or CRLF; empty lines and a byte order mark are skipped. An empty
 * field is omitted from its row; so is a column without a name (an index that pandas wrote).
 * Own code, since libcsv (3.0.3 of 2013) gives no line numbers.
 */
#ifndef RAML_TASK_CSV_H
#define RAML_TASK_CSV_H

#include "raml/buf.h"
#include "core/json.h"

struct csv {
    const char *path, *p, *end; /* borrowed */
    size_t line;                /* of p */
    char delimiter;
    char **column;
    size_t n_columns, cap;
    struct raml_buf field;
};

bool raml_csv_named(const char *path); /* does the name end in .csv or .tsv? */
/* Reads the column names. RAML_EFORMAT: there are none, or two are the same. */
RAML_CHECKED enum raml_code raml_csv_init(struct csv *c, const char *path, const char *data, size_t n,
                                          struct raml_err *err);
void raml_csv_deinit(struct csv *c);
/* *row: a new reference, NULL at the end; *line: the one it begins on, set on failure too. RAML_EFORMAT: more or fewer
 * fields than columns, an open quote, text after a closing one, not UTF-8, a NUL byte. The next call continues after
 * the record. */
RAML_CHECKED enum raml_code raml_csv_next(struct csv *c, json_t **row, size_t *line, struct raml_err *err);

#endif
