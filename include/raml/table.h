/* table.h - counts of correct samples as a table: by family, difficulty and split.
 *
 * One tally is one question; the table groups tallies, one row a group, then one row of all questions. Each row gives
 * accuracy (mean over questions of correct / samples, with its interval), pass@k for each k asked, further measures
 * (metric.h), how many samples the questions had, and how many were truncated (`truncated`) or did not close
 * their thinking (`unclosed`); both kinds count as samples, and the caller counts them as wrong.
 * Order     rows by split, family (as text), difficulty (as number); not known ("-") first. The same questions give the
 *           same bytes, in whatever order they come.
 * Intervals as in metric.h; questions that are alike are counted, not listed.
 */
#ifndef RAML_TABLE_H
#define RAML_TABLE_H

#include "raml/buf.h"
#include "raml/metric.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* One question with its samples, each graded correct or not: what metrics are computed from (samples.h reads
 * files of them). */

struct raml_graded {            /* one question; all of it borrowed for the duration of the call */
    const char *id;             /* never NULL; the line's number where the file has none */
    const char *family, *split; /* NULL: not known */
    int difficulty;             /* -1: not known */
    const char *gold;           /* NULL: not known */
    uint32_t n;                 /* samples */
    const bool *correct;        /* [n] */
    const bool *truncated;      /* [n] finish_reason "length" */
    const bool *unclosed;       /* [n] thinking began and did not end */
    const char *const *answer;  /* [n] the sample's answer; NULL: none, or the file has none */
    bool has_answers;           /* false: the file has no answers, so majority votes can't be counted */
};

typedef enum raml_code raml_graded_fn(void *user, const struct raml_graded *q, struct raml_err *err);

/* ---------------------------------------------------------------------------------------------------------------- */

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
 * maj@k (which needs answers: raml_tallies, below). On failure *out is as before. */
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
 * "samples", "samples_min", "samples_max", "correct" (for one release also as "right"), "accuracy": {"value", "low",
 * "high", "stderr", "stderr_between", "stderr_within"}, "pass_at_k": {"2": {"value", "low", "high"}, …}, "measures":
 * {"G-Pass@16_0.5": {the same}, …} (when asked for), "truncated", "unclosed"}], "all": {the same without the keys}}. A
 * new reference; NULL: out of memory, or a text is not UTF-8. Values that do not exist (no question) are null. */
json_t *raml_table_json(const struct raml_table *t);

/* ---------------------------------------------------------------------------------------------------------------- */

/* Questions counted as they arrive, in memory that does not grow with them.
 *
 * pass@k, G-Pass@k and accuracy are functions of (n, c): a group keeps how many questions have each pair, and resamples
 * those counts. maj@k is a function of the answers: one double per question for each k.
 * Answers   of one question are one class when their texts are equal, or when raml_answer_check finds them equal to the
 *           class's first answer; the first class that fits takes it. Whole numbers and fractions written plainly are
 *           distinguished by their value. At most RAML_TALLY_CHECKED classes of a question are compared in this way,
 *           later ones only by text. Verdicts are kept by text. Samples that were truncated or did not close their
 *           thinking are wrong and do not vote (metric.h).
 * Errors    name the question. After a failure the tallies can only be closed.
 */

enum { RAML_TALLY_CHECKED = 64 };

struct raml_tallies;
/* keep: also each question's id and counts, for raml_paired (paired.h). opt->k and opt->measure are copied. */
RAML_CHECKED enum raml_code raml_tallies_open(const struct raml_table_options *opt, bool keep,
                                              struct raml_tallies **out, struct raml_err *err);
void raml_tallies_close(struct raml_tallies *t); /* NULL is fine */
/* user: struct raml_tallies *. A raml_graded_fn. */
RAML_CHECKED enum raml_code raml_tallies_add(void *user, const struct raml_graded *q, struct raml_err *err);
/* A question that is already counted. id: NULL, messages give its number instead. */
RAML_CHECKED enum raml_code raml_tallies_count(struct raml_tallies *t, const char *id, const struct raml_tally *q,
                                               struct raml_err *err);
/* On failure *out is as before. */
RAML_CHECKED enum raml_code raml_tallies_table(const struct raml_tallies *t, struct raml_table *out,
                                               struct raml_err *err);

#pragma GCC visibility pop
#endif
