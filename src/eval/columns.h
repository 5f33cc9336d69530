/* columns.h - lines of aligned text: names to the left, numbers to the right, two spaces between.
 *
 * A line is filled cell by cell (n = 0 to start over), widened into width[RAML_MAX_COLUMNS] (zero at first), and
 * written once every line of the table has been widened.
 */
#ifndef RAML_EVAL_COLUMNS_H
#define RAML_EVAL_COLUMNS_H

#include "raml/buf.h"
#include "raml/table.h"

enum { RAML_MAX_COLUMNS = 10 + RAML_TABLE_MAX_K + RAML_TABLE_MAX_MEASURES, RAML_COLUMN_BYTES = 168 };

struct raml_column {
    char text[RAML_COLUMN_BYTES];
    size_t width; /* characters */
    bool left;
};
struct raml_columns {
    struct raml_column cell[RAML_MAX_COLUMNS];
    size_t n;
};

/* Names come from files: control characters become '?', long ones are truncated between characters. */
void raml_column_name(struct raml_columns *l, const char *name);
void raml_column_number(struct raml_columns *l, const char *fmt, ...) RAML_PRINTF(2, 3);
void raml_column_rate(struct raml_columns *l, double rate);                       /* "12.5 %"; "-" for NaN */
void raml_column_interval(struct raml_columns *l, const struct raml_estimate *e); /* "1.0 - 2.5", in percent */
void raml_column_share(struct raml_columns *l, size_t part, size_t whole);        /* "3 (1.5 %)" */

void raml_columns_widen(size_t *width, const struct raml_columns *l);
void raml_columns_write(const struct raml_columns *l, const size_t *width, struct raml_buf *out);

#endif
