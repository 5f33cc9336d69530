/* study.h - a declared experiment: what is run, what is measured and what is claimed, written down before anything runs.
 *
 * A study is a YAML file (docs/study.md). It has
 *   steps     raml commands with places to fill in: {seed}, values of the scale and of the arm, {step} for the folder of
 *             another step, {out} for its own
 *   arms      what differs: values, on one axis or on several (then an arm is a point of the grid, "micro/with")
 *   measures  a number in a file that a step leaves
 *   claims    a sum of measures of arms, or its slope over an axis, and what it must exceed to hold
 * A step that reads the same in two arms, seeds or studies (after all its places are filled in, and those of the steps that
 * it needs) is one instance: it runs once. Its folder is STORE/NAME-ID, ID the hash of what it says.
 *
 * Verdicts  A seed is the independent draw: it sets a model's first weights, its data and its test questions. A claim has
 *           one number per seed; its estimate is their mean, its interval Student's, 95 %. With `interval: file` it is one
 *           measure's own estimate and interval instead (questions of one model). With `compare: spread` it is the
 *           logarithm of the ratio of two measures' standard deviations over seeds, its interval that of F with as many
 *           degrees of freedom above as below (normal, independent). "above x": holds where the interval lies
 *           above x, does not where it lies below, else it is undecided; "below x" likewise; "within x": holds where it
 *           lies between -x and x, does not where it lies wholly outside. Decided by the file: its hash is in every
 *           result, and a folder that has results of another file refuses this one.
 *
 * Parts     A file with `parts` instead of all this names studies, which run in one store: what reads the same in two of them
 *           runs once, too. Any study can be opened as parts: it is then the only one, and has no name.
 *
 * Ownership  texts live until raml_study_close, raml_study_parts_close.     Threads  one at a time.
 * Errors     RAML_EUSAGE names the file and line of what is wrong with a study.
 */
#ifndef RAML_STUDY_H
#define RAML_STUDY_H

#include "raml/buf.h"
#include "raml/err.h"
#include "raml/metric.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

enum { RAML_STUDY_HASH = 65, RAML_STUDY_ID = 17, RAML_STUDY_MAX_SEEDS = 64 };

struct raml_study_options {
    const char *scale;      /* NULL: the first one of the file */
    size_t seeds;           /* 0: the file's */
    size_t first_seed;      /* 0: 1 */
    const char *const *set; /* [n_set] "name=value": takes the place of a value of all scales */
    size_t n_set;
    const char *const *part; /* [n_parts] names of parts, of a file that has such; none: all of them */
    size_t n_parts;
};

struct raml_study;
RAML_CHECKED enum raml_code raml_study_open(const char *path, const struct raml_study_options *o,
                                            struct raml_study **out, struct raml_err *err);
void raml_study_close(struct raml_study *s);

const char *raml_study_name(const struct raml_study *s);
const char *raml_study_about(const struct raml_study *s); /* "" where it has none */
const char *raml_study_hash(const struct raml_study *s);  /* SHA-256 of the file's bytes */
/* What a result depends on besides the program: {"name", "sha256", "scale", "seeds", "set"}, and "first_seed" where it is not
 * 1. A new reference. */
json_t *raml_study_declaration(const struct raml_study *s);
const char *raml_study_text(const struct raml_study *s, size_t *len); /* the file */

/* -- Steps ---------------------------------------------------------------------------------------------------------- */

struct raml_study_step { /* an instance */
    const char *name;
    char id[RAML_STUDY_ID];
    size_t n_commands;
    const size_t *needs; /* [n_needs] steps that come before it */
    size_t n_needs;
    double minutes;   /* as the file has them; 0: it does not say */
    const char *used; /* by which arms and seeds: "with 1; with 2", shortened */
};
size_t raml_study_n_steps(const struct raml_study *s);
/* In an order in which each comes after those that it needs. */
const struct raml_study_step *raml_study_step(const struct raml_study *s, size_t i);
/* Its folder. */
RAML_CHECKED enum raml_code raml_study_folder(const struct raml_study *s, size_t i, const char *store, char out[4096],
                                              struct raml_err *err);
/* Word w of command c with all folders filled in; false: there is none. out: caller's, cleared. */
bool raml_study_word(const struct raml_study *s, size_t i, size_t c, size_t w, const char *store, struct raml_buf *out);

/* -- Results -------------------------------------------------------------------------------------------------------- */

enum raml_study_verdict { RAML_STUDY_HOLDS, RAML_STUDY_DOES_NOT, RAML_STUDY_UNDECIDED, RAML_STUDY_NOT_MEASURED };
enum { RAML_STUDY_VERDICTS = 4 };
/* "holds", "does not hold", "undecided", "not measured" */
const char *raml_study_verdict_name(enum raml_study_verdict v);

struct raml_study_value {    /* of a measure */
    double value, low, high; /* NaN: there is none; low and high only where the file has them */
};

/* Reads every measure of every arm and seed, decides the claims, and writes into `out`, each file whole or not at all:
 * results.json, claims.tsv (a line a claim), values.tsv (a line a measure, arm and seed), and a figure a claim, claim_N
 * (data, script, SVG; N from 1 in the file's order).
 * done: [steps], which are; NULL: all. A claim of which a step is not done, or a number not there or unreadable, is not
 * measured, and says why; the others are decided. results.json has under "missing" every measure that could not be read, with
 * "done" of its step: false where that explains it.
 * The same bytes for the same steps.     *doc: results.json, a new reference. */
RAML_CHECKED enum raml_code raml_study_results(const struct raml_study *s, const char *store, const char *out,
                                               const bool *done, const struct raml_sink *sink, json_t **doc,
                                               struct raml_err *err);
/* The table of verdicts as lines of text. */
void raml_study_print(const json_t *doc, struct raml_buf *out);

/* -- Two runs of a study -------------------------------------------------------------------------------------------- */

/* What the results in two folders say of the same claims: those of one part and id, declared alike (formula, rule, bound, unit).
 * *doc, a new reference: {"first", "second": the studies, "claims": [{"claim": "PART/ID", "says", "unit", "rule", "by", "first",
 * "second": {"verdict", "estimate", "low", "high", "n"}, "outcome", "difference", "shared_seeds"}], "only_first", "only_second",
 * "otherwise": names of claims without a counterpart, or with one that was declared otherwise}.
 * outcome: "again" (the same verdict of hold and does not hold), "opposite", "undecided" (both), "undecided now", "decided now",
 * "not measured" (either). difference: the second estimate less the first, its interval from theirs as for independent ones
 * (Zou and Donner 2008: d - sqrt((b - b_low)^2 + (a_high - a)^2), d + sqrt((b_high - b)^2 + (a - a_low)^2)); with shared_seeds
 * they are not independent. RAML_EFORMAT: no results, or no claim in common. */
RAML_CHECKED enum raml_code raml_study_compare(const char *first, const char *second, json_t **doc,
                                               struct raml_err *err);
/* As lines of text; as a table with tabs, a line a claim. */
void raml_study_compare_print(const json_t *doc, struct raml_buf *out);
void raml_study_compare_table(const json_t *doc, struct raml_buf *out);

/* -- Parts ---------------------------------------------------------------------------------------------------------- */

enum { RAML_STUDY_MAX_PARTS = 32 };
struct raml_study_parts;
/* The scale must be one of every part that is opened; NULL: the first one of the first part. A value of `set` goes to the
 * parts that have it, which are not none. */
RAML_CHECKED enum raml_code raml_study_parts_open(const char *path, const struct raml_study_options *o,
                                                  struct raml_study_parts **out, struct raml_err *err);
void raml_study_parts_close(struct raml_study_parts *p);

const char *raml_study_parts_name(const struct raml_study_parts *p);
const char *raml_study_parts_about(const struct raml_study_parts *p); /* "" where it has none */
/* SHA-256 of the file's bytes followed by, for each part of the file in its order, "NAME HASH\n"; of a study alone its own. */
const char *raml_study_parts_hash(const struct raml_study_parts *p);
const char *raml_study_parts_text(const struct raml_study_parts *p, size_t *len);
/* {"name", "sha256", "scale", "seeds", "first_seed" where it is not 1, "set", "parts": {NAME: hash}}, all parts of the file
 * among them; of a study alone its own. A new reference. */
json_t *raml_study_parts_declaration(const struct raml_study_parts *p);

struct raml_study_part {
    const char *name; /* "": of a study alone */
    const struct raml_study *study;
};
size_t raml_study_parts_n(const struct raml_study_parts *p); /* that were asked for */
struct raml_study_part raml_study_parts_get(const struct raml_study_parts *p, size_t i);

struct raml_study_work {         /* a step of one part or several */
    struct raml_study_part part; /* the first one */
    size_t step;                 /* of that part */
    const size_t *needs;         /* [n_needs] works that come before it */
    size_t n_needs;
};
size_t raml_study_parts_n_works(const struct raml_study_parts *p);
const struct raml_study_work *raml_study_parts_work(const struct raml_study_parts *p, size_t i);
/* The work of a step of the i-th part that is open. */
size_t raml_study_parts_work_of(const struct raml_study_parts *p, size_t i, size_t step);
/* raml_study_results of every part, in OUT/PART, and over all of them results.json and claims.tsv in OUT. done: [works]. */
RAML_CHECKED enum raml_code raml_study_parts_results(const struct raml_study_parts *p, const char *store,
                                                     const char *out, const bool *done, const struct raml_sink *sink,
                                                     json_t **doc, struct raml_err *err);

#pragma GCC visibility pop
#endif
