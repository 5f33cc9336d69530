/* table.h - counts of right samples as a table: by family, difficulty and split.
 *
 * One tally is one question; the table groups tallies, one row a group, then one row of all questions. Each row tells
 * accuracy (mean over questions of right / samples, with its interval), pass@k for each k asked, and how many samples
 * were cut off (`truncated`) or never closed their thinking (`unclosed`); both kinds count as samples, and the caller
 * counts them as wrong.
 * Order     rows by split, family (as text), difficulty (as number); not known ("-") first. The same input gives the
 *           same bytes.
 * Intervals as metric.h says.
 */
#ifndef RAML_TABLE_H
#define RAML_TABLE_H

#include "raml/buf.h"
#include "raml/metric.h"

#include <jansson.h>
#include <stdint.h>

struct raml_tally { /* one question */
    const char *family, *split; /* NULL: not known */
    int difficulty;             /* -1: not known */
    uint32_t n, c;              /* samples, right ones */
    uint32_t n_truncated, n_unclosed;
};

enum { RAML_BY_SPLIT = 1, RAML_BY_FAMILY = 2, RAML_BY_DIFFICULTY = 4 }; /* or-ed; 0: only the row of all */
enum { RAML_TABLE_MAX_K = 16 };

struct raml_table_options {
    unsigned by;
    const uint32_t *k; /* pass@k asked for, besides accuracy */
    size_t n_k;        /* at most RAML_TABLE_MAX_K */
    uint64_t seed;     /* of the bootstrap */
    uint32_t n_draws;
};

struct raml_table_row {
    const char *split, *family; /* NULL: not known, or not grouped by; the tallies' own text */
    int difficulty;
    size_t n_questions, n_samples, n_right, n_truncated, n_unclosed;
    struct raml_estimate accuracy, pass[RAML_TABLE_MAX_K];
};

struct raml_table { /* zero-initialise */
    unsigned by;
    uint32_t k[RAML_TABLE_MAX_K];
    size_t n_k;
    struct raml_table_row *row; /* [n_rows]; the last is all questions */
    size_t n_rows;
};

/* RAML_ERANGE: a question with fewer samples than a k asked for (none at all is too few for accuracy), more right,
 * truncated or unclosed samples than samples, k repeated or more than RAML_TABLE_MAX_K of them. On failure *out is as
 * before. Texts are borrowed: the tallies' strings must outlive the table. */
RAML_CHECKED enum raml_code raml_table_build(const struct raml_tally *tally, size_t n,
                                             const struct raml_table_options *opt, struct raml_table *out,
                                             struct raml_err *err);
void raml_table_deinit(struct raml_table *t);

/* Appends the table as lines of aligned text. Rates are in per cent, intervals are 95 %. */
void raml_table_text(const struct raml_table *t, struct raml_buf *out);
/* {"by": ["split", …], "rows": [{"split", "family", "difficulty" (those grouped by; null: not known), "questions",
 * "samples", "right", "accuracy": {"value", "low", "high"}, "pass_at_k": {"2": {"value", "low", "high"}, …},
 * "truncated", "unclosed"}], "all": {the same without the keys}}. A new reference; NULL: out of memory, or a text is
 * not UTF-8. Values that do not exist (no question) are null. */
json_t *raml_table_json(const struct raml_table *t);

#endif
