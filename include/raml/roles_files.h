/* roles_files.h - what happens to the answer's loss at tokens of a role and at words of reflection, over a set of
 * questions' trajectories, as files. Observation only: nothing is inserted or taken out (docs/methods.md, section 2).
 *
 * A unit is a match of a word of the list, or one token of another role (delimiter, number, operator, other); role `all`
 * is every token as a unit of its own. Its step is dL = L(last) - L(first - 1), from before its first to after its last
 * token, in nats per answer token. Its controls are all windows of as many tokens of the same trajectory, other than
 * itself, without delimiters and words of the list, in the same of B parts of the trajectory, whose first token has the
 * same bucket of entropy; effect = dL - their mean dL.
 * raml_roles_files leaves in a folder
 *   roles.tsv, words.tsv   a row per role or word, and verdict ("right", "wrong", "unlabelled", "all"): units, tokens,
 *                          questions, few (1: fewer than min_units), no_window (units without a control); then, each with
 *                          its 95 % interval over questions in columns NAME_low and NAME_high: delta, delta_median (dL),
 *                          log_ratio, log_ratio_median (ln(L(last)/L(first - 1)), where both are > 0), falling (share
 *                          with dL <= 0), effect, effect_median; then the paper's statistic, without an interval:
 *                          relative (mean of |dL|/L(first - 1), where that is > 0), relative_deviation, relative_top
 *                          (how many units are the largest 1 %, rounded up), relative_top_share (of the sum, that they
 *                          bring), relative_top_loss (the median L(first - 1) of those), relative_half (how many of the
 *                          largest units bring half of the sum), relative_half_loss (the largest L(first - 1) of
 *                          those)
 *   units.jsonl            a line per unit: id, sample, correct, role, word, text, first, last (tokens, from 1), before,
 *                          after (L), delta, entropy (of the first token's distribution), windows, effect
 *   marks.jsonl            a line per trajectory that has words: its marks (docs/report.md), of kind "word"
 *   effect_by_*, delta_by_*, relative_by_*   figures by role and by word (tsv, gp, svg)
 * A number that does not exist is null or "nan"; an interval of fewer than min_units values does not exist.
 * Each file appears whole or not at all.
 */
#ifndef RAML_ROLES_FILES_H
#define RAML_ROLES_FILES_H

#include "raml/report.h"

#pragma GCC visibility push(default)

struct raml_roles_files_options {
    bool own, score_end, skip_long; /* as for loss curves (report.h) */
    enum raml_join join;
    const char *split, *family;
    size_t max_samples, max_batch_tokens;
    const char *words;       /* joined by commas; "@reflection" and "@paper" are lists; NULL: "@reflection" */
    const char *words_file;  /* instead: a word a line, or a JSON array of texts; NULL: none */
    const char *delimiters;  /* joined by commas; NULL: <think>, </think> and the format's */
    size_t position_buckets; /* B >= 1 */
    size_t min_units;        /* fewer are shown as such, without an interval */
    uint64_t seed;           /* of the intervals */
    uint32_t n_draws;        /* resamples; 0: no intervals */
};
/* Words of reflection, 10 parts, at least 30 units, 1000 resamples; 16384 tokens a pass. */
struct raml_roles_files_options raml_roles_files_default(void);

enum raml_roles_measure {
    RAML_ROLES_DELTA,
    RAML_ROLES_DELTA_MEDIAN,
    RAML_ROLES_LOG_RATIO,
    RAML_ROLES_LOG_RATIO_MEDIAN,
    RAML_ROLES_FALLING,
    RAML_ROLES_EFFECT,
    RAML_ROLES_EFFECT_MEDIAN,
    RAML_ROLES_MEASURES
};
const char *raml_roles_measure_name(enum raml_roles_measure m); /* "log_ratio_median" */

struct raml_roles_row {
    const char *name; /* of the role or word; the summary's */
    enum raml_trace_verdict verdict;
    size_t n_units, n_tokens, n_questions, n_no_window;
    bool few;
    struct raml_estimate e[RAML_ROLES_MEASURES];
    struct {
        size_t n, n_top, n_half;
        double mean, deviation, top_share, top_loss, half_loss;
    } relative; /* |dL|/L(first - 1), the paper's */
};
struct raml_roles_summary {
    struct raml_roles_row *role, *word; /* of role "all" the last ones; words that do not occur have no row */
    size_t n_roles, n_words;            /* rows */
    size_t n_trajectories, n_questions, n_skipped, n_units, n_listed; /* n_listed: words of the list */
    uint64_t n_read, n_passes;
    bool stopped;
    char *names; /* owns the rows' */
};
void raml_roles_summary_deinit(struct raml_roles_summary *s);

struct raml_roles_files_job {
    const struct raml_model *model;
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* for messages and titles; NULL: none */
    const char *dir;       /* made if missing */
    const struct raml_sink *sink;
};
/* The lists of words and delimiters alone: what raml_roles_files would find wrong with them. */
RAML_CHECKED enum raml_code raml_roles_files_check(const struct raml_roles_files_options *opt, struct raml_err *err);
/* *out: for raml_roles_summary_deinit. RAML_EUSAGE, RAML_EFORMAT: a list of words or delimiters that is none (the message
 * says which entry, or which line of which file); RAML_ERANGE: nothing to look at, a trajectory that is too long
 * (named). Nothing is written then. */
RAML_CHECKED enum raml_code raml_roles_files(const struct raml_roles_files_job *job,
                                             const struct raml_roles_files_options *opt, struct raml_roles_summary *out,
                                             struct raml_err *err);

#pragma GCC visibility pop
#endif
