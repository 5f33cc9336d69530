/* table.h - counts of correct samples as a table: by family, difficulty and split.
 *
 * One tally is one question; the table groups tallies, one row a group, then one row of all questions. Each row gives
 * accuracy (mean over questions of correct / samples, with its interval), pass@k for each k asked, further measures
 * (measures.h), how many samples the questions had, and how many were truncated (`truncated`) or never closed
 * their thinking (`unclosed`); both kinds count as samples, and the caller counts them as wrong.
 * Order     rows by split, family (as text), difficulty (as number); not known ("-") first. The same questions give the
 *           same bytes, in whatever order they come.
 * Intervals as in metric.h; questions that are alike are counted, not listed (tally.h).
 */
#ifndef RAML_TABLE_H
#define RAML_TABLE_H

#include "raml/buf.h"
#include "raml/measures.h"
#include "raml/metric.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_tally {             /* one question */
    const char *family, *split; /* NULL: not known */
    int difficulty;             /* -1: not known */
    uint32_t n, c;              /* samples, correct ones */
    uint32_t n_truncated, n_unclosed;
};

enum { RAML_BY_SPLIT = 1, RAML_BY_FAMILY = 2, RAML_BY_DIFFICULTY = 4 }; /* or-ed; 0: only the row of all */
enum { RAML_TABLE_MAX_K = 16, RAML_TABLE_MAX_MEASURES = 128 };

struct raml_table_options {
    unsigned by;
    const uint32_t *k; /* pass@k asked for, besides accuracy */
    size_t n_k;        /* at most RAML_TABLE_MAX_K */
    uint64_t seed;     /* of the bootstrap */
    uint32_t n_draws;
    const struct raml_measure *measure; /* further ones, at most RAML_TABLE_MAX_MEASURES */
    size_t n_measures;
    bool maj_if_answers; /* leave maj@k out, instead of refusing, where a question has no answers */
};

/* Where the spread of accuracy over questions comes from. p: a question's own rate, c/n its estimate. */
struct raml_spread {
    double total;  /* variance over questions of c/n (n-1 in the denominator); NaN for fewer than two questions */
    double noise;  /* the part of it due to drawing samples: mean of c(n-c) / (n^2 (n-1)), unbiased */
    double within; /* variance of one sample given its question: mean of c(n-c) / (n (n-1)), unbiased */
    /* noise and within are NaN where a question has one sample. What total has beyond noise is how questions differ. */
};

struct raml_table_row {
    const char *split, *family; /* NULL: not known, or not grouped by; the table's own text */
    int difficulty;
    size_t n_questions, n_samples, n_correct, n_truncated, n_unclosed;
    uint32_t n_min, n_max; /* samples of a question */
    struct raml_spread spread;
    struct raml_estimate accuracy, pass[RAML_TABLE_MAX_K], measure[RAML_TABLE_MAX_MEASURES];
};

struct raml_table { /* zero-initialise */
    unsigned by;
    uint32_t k[RAML_TABLE_MAX_K];
    size_t n_k;
    struct raml_measure measure[RAML_TABLE_MAX_MEASURES];
    size_t n_measures;
    struct raml_table_row *row; /* [n_rows]; the last is all questions */
    size_t n_rows;
    char *text; /* storage for split and family */
};

/* RAML_ERANGE: a question with fewer samples than a k asked for (none at all is too few for accuracy), more correct,
 * truncated or unclosed samples than samples, k repeated or more than RAML_TABLE_MAX_K of them, a measure repeated,
 * maj@k (which needs answers: tally.h). On failure *out is as before. */
RAML_CHECKED enum raml_code raml_table_build(const struct raml_tally *tally, size_t n,
                                             const struct raml_table_options *opt, struct raml_table *out,
                                             struct raml_err *err);
void raml_table_deinit(struct raml_table *t);

/* Appends the table as lines of aligned text. Rates are in per cent, intervals are 95 %. Keys unknown in all rows have
 * no column; where no key is known only the row of all questions is written, and more than four measures are left to
 * raml_table_measures_text. */
void raml_table_text(const struct raml_table *t, struct raml_buf *out);
/* Appends accuracy, pass@k and the measures of the row of all questions, one per line with its interval. */
void raml_table_measures_text(const struct raml_table *t, struct raml_buf *out);
/* {"by": ["split", …], "rows": [{"split", "family", "difficulty" (those grouped by; null: not known), "questions",
 * "samples", "samples_min", "samples_max", "right", "accuracy": {"value", "low", "high", "stderr", "stderr_between",
 * "stderr_within"}, "pass_at_k": {"2": {"value", "low", "high"}, …}, "measures": {"G-Pass@16_0.5": {the same}, …} (when
 * asked for), "truncated", "unclosed"}], "all": {the same without the keys}}. A new reference; NULL: out of memory, or
 * a text is not UTF-8. Values that do not exist (no question) are null. */
json_t *raml_table_json(const struct raml_table *t);

#pragma GCC visibility pop
#endif
