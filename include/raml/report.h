/* report.h - a folder's results as one HTML file that needs nothing else: no network and no other file. Its one script
 * makes trajectories answer to pointer and keyboard; without it they are still there, coloured.
 *
 * Reads what is in DIR and in its direct subfolders (the demo's `with` and `without`), each of which may be a run;
 * whatever is absent is left out, and the page lists what was found:
 *   recipe.yaml                    settings, and those that differ between runs
 *   metrics.jsonl, timing.jsonl    training curves
 *   eval*.json                     accuracy tables, as raml_table_json (table.h) writes them
 *   curves.jsonl                   loss curves, one trajectory a line (docs/report.md): their mean for correct and
 *                                  wrong samples, and some of them coloured; also in subfolders named trace*
 *   update.jsonl                   sizes of implicit updates, for the trajectories shown; also in subfolders update*
 *   summary.json                   any JSON, as tables (only DIR's)
 * A line or file that can't be read is left out, named and counted on the page; it does not stop the report.
 * Figures  are written beside the page as data, gnuplot script and SVG, in DIR/figures; without gnuplot the page shows
 *          their data as tables and explains how to draw them.
 * The same folder gives the same bytes: the page holds no date.
 */
#ifndef RAML_REPORT_H
#define RAML_REPORT_H

#include "raml/err.h"
#include "raml/trace.h"

#pragma GCC visibility push(default)

/* out_html: NULL is DIR/report.html. It appears whole or not at all. RAML_EIO: DIR is not a folder, or can't be
 * written; RAML_EFORMAT: it has none of the above. */
RAML_CHECKED enum raml_code raml_report(const char *dir, const char *out_html, struct raml_err *err);

/* ---------------------------------------------------------------------------------------------------------------- */

/* The loss curves of a set of questions' trajectories, as files that a person can read and plot.
 *
 * raml_trace_files leaves in a folder
 *   curves.jsonl        a line per trajectory: id, sample, family, difficulty, style, correct (true, false or null),
 *                       question, answer (the one traced), join ("joint" or "split": how prefix and answer were
 *                       encoded), straddle (bytes of the prefix in the answer's first token, if any), n_tokens T,
 *                       n_answer A, tokens [T texts], L [T+1], greedy [T+1], descent, monotonicity, efficiency, tau_b,
 *                       solved_at (-1: never), L0, LT
 *   tokens.jsonl        a line per token: id, sample, i, token, L, dL, rel = |dL|/L(i-1), p = exp(-A L), ema; i = 0 too
 *   curves.safetensors  a tensor per trajectory, F32 [T+1], named id/sample (with @N after it, N the number of the line
 *                       in curves.jsonl, where that name is taken)
 *   mean_curve.*        mean L over i/T of correct, wrong and unlabelled trajectories, with bands (tsv, gp, svg)
 *   curve_K.*           L and its moving average over i, of the first trajectories
 *   trajectories.html   the first trajectories of each verdict, coloured by what each token did to the loss
 * With a stride s > 1 the entries of `tokens` are the texts of s tokens (the last: of the rest), L and greedy have a
 * value between each two of them, and `at` has the i of each value; monotonicity and tau_b are then of those steps.
 * A number that does not exist is null. Token texts that are not UTF-8 are written in visible form (\xE2).
 * Each file appears whole or not at all; records come first, so a failed picture loses none of them.
 */

struct raml_trace_files_options {
    struct raml_trace_options trace;
    bool own, score_end, skip_long; /* skip_long: what exceeds the context is counted and left out, not an error */
    enum raml_join join;            /* of answer prefix and answer */
    const char *split, *family;     /* only these; NULL: all */
    size_t max_samples;             /* at most this many trajectories of a question; 0: all */
    double ema;                     /* weight of the newest value, in (0, 1] */
    double threshold;               /* nats per answer token: below it an answer counts as solved */
    size_t n_curves, n_shown;       /* figures curve_K; trajectories on the page, of each verdict */
    bool token_table;               /* write tokens.jsonl */
};
/* As docs/methods.md, section 2: every token, ema 0.01; threshold 0.1, 4 curves, 8 shown. */
struct raml_trace_files_options raml_trace_files_default(void);

enum raml_trace_verdict {
    RAML_TRACE_CORRECT,
    RAML_TRACE_WRONG,
    RAML_TRACE_UNGRADED,
    RAML_TRACE_ALL,
    RAML_TRACE_GROUPS
};
const char *raml_trace_verdict_name(enum raml_trace_verdict v); /* "right", "wrong", "unlabelled", "all" */

struct raml_trace_group_means { /* over trajectories; NaN where there is none */
    size_t n;
    double tokens, first, last, descent, monotonicity, efficiency, tau_b;
    double p_first, p_last; /* exp(-A L(0)), exp(-A L(T)) */
    double greedy, solved;  /* share whose answer is greedy at T; share solved at some i */
};
struct raml_trace_summary {
    struct raml_trace_group_means group[RAML_TRACE_GROUPS];
    size_t n_skipped; /* without an answer, or too long with skip_long */
    uint64_t n_read;  /* tokens through the model, probes and repeated prompts included */
    uint64_t n_passes;
    uint64_t n_trajectory_tokens, n_probes;
    double model_seconds; /* of the passes only, by the job's clock; NaN without one */
    bool stopped;         /* sink->stop ended it early: what was traced by then is written */
};

struct raml_trace_files_job {
    const struct raml_model *model;
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* where they come from, for messages and titles; NULL: none */
    const char *dir;       /* made if missing */
    const struct raml_sink *sink;
    double (*clock)(void); /* seconds from some start; NULL: nothing is timed */
};
/* RAML_ERANGE: nothing to trace, or a trajectory that is too long (named); nothing is written then. */
RAML_CHECKED enum raml_code raml_trace_files(const struct raml_trace_files_job *job,
                                             const struct raml_trace_files_options *opt, struct raml_trace_summary *out,
                                             struct raml_err *err);

#pragma GCC visibility pop
#endif
