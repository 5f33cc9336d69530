/* report.h - a folder's results as one HTML file that needs nothing else: no network and no other file. Its one script
 * makes trajectories answer to pointer and keyboard; without it they are still there, coloured.
 *
 * Reads what is in DIR and in its direct subfolders (the demo's `with` and `without`), each of which may be a run;
 * whatever is absent is left out, and the page lists what was found:
 *   recipe.yaml                    settings, and those that differ between runs
 *   metrics.jsonl, timing.jsonl    training curves
 *   rollouts.jsonl                 some groups of samples that a run was trained on
 *   eval*.json                     accuracy tables, as raml_table_json (table.h) writes them
 *   curves.jsonl                   loss curves, one trajectory a line (docs/report.md): their mean for correct and
 *                                  wrong samples, and some of them coloured; also in subfolders named trace*
 *   update.jsonl                   sizes of implicit updates, for the trajectories shown; also in subfolders update*
 *   trace*, update*, landscape*    the figures and means that raml_trace_files, raml_update_files and
 *                                  raml_landscape_files leave there, the figures as images within the page
 *   summary.json                   any JSON, as tables (only DIR's)
 * A line or file that can't be read is left out, named and counted on the page; it does not stop the report.
 * Figures  are written beside the page as data, gnuplot script and SVG, in DIR/figures; without gnuplot the page shows
 *          their data as tables and explains how to draw them.
 * The same folder gives the same bytes: the page holds no date.
 */
#ifndef RAML_REPORT_H
#define RAML_REPORT_H

#include "raml/err.h"
#include "raml/metric.h"
#include "raml/trace.h"

#pragma GCC visibility push(default)

/* out_html: NULL is DIR/report.html. It appears whole or not at all. sink: hears of figures that are not drawn; NULL: nobody does. RAML_EIO: DIR is not a folder, or can't be
 * written; RAML_EFORMAT: it has none of the above. */
RAML_CHECKED enum raml_code raml_report(const char *dir, const char *out_html, const struct raml_sink *sink,
                                        struct raml_err *err);

/* ---------------------------------------------------------------------------------------------------------------- */

/* The loss curves of a set of questions' trajectories, as files that a person can read and plot.
 *
 * raml_trace_files leaves in a folder
 *   curves.jsonl        a line per trajectory: id, sample, family, difficulty, style, correct (true, false or null),
 *                       question, answer (the one traced), answer_kind (which one it is: "gold", "own", "majority",
 *                       "wrong", "choice" or "given"), join ("joint" or "split": how prefix and answer were encoded),
 *                       border_bytes (bytes of the prefix in the answer's first token, if any), n_tokens T,
 *                       n_answer A, tokens [T texts], L [T+1], greedy [T+1], descent, monotonicity, efficiency, tau_b,
 *                       solved_at (-1: never), L0, LT, regret, mode; and where asked for, the fields below
 *   tokens.jsonl        a line per token: id, sample, i, token, L, dL, rel = |dL|/L(i-1), p = exp(-A L), ema; i = 0 too
 *   curves.safetensors  a tensor per trajectory, F32 [T+1], named id/sample (with @N after it, N the number of the line
 *                       in curves.jsonl, where that name is taken)
 *   groups.tsv          means of all of this by group, with intervals: a row of struct raml_trace_row a line
 *   prefix.tsv          with several answer prefixes: what each makes of the curve, and the largest difference
 *   mean_curve.*        mean L over i/T of correct, wrong and unlabelled trajectories, with bands (tsv, gp, svg)
 *   curve_K.*           L and its moving average over i, of the first trajectories
 *   modes_tokens.*, modes_position.*   with several modes: mean L of each over i (a trajectory that has ended keeps
 *                       L(T)) and over i/T
 *   wrong_answer.*      where own, wrong or majority answers are traced: of wrong trajectories, mean L of the question's
 *                       answer and of theirs; the majority's only where it is not the question's (groups.tsv has all)
 *   commitment.*        with several answers: mean commitment over i/T
 *   layers.*            with layers: mean L(i/T) read after each
 *   control.*           with controls: mean effect of each over i/T
 *   trajectories.html   the first trajectories of each verdict, coloured by what each token did to the loss
 * Fields of a line of curves.jsonl that are absent unless asked for:
 *   border              where probes come after, if not after every token or every stride tokens
 *   also                names of further kinds that the answer above is: it is what they would be, too
 *   answers             two or more different ones: [{name, text, n_answer, L, greedy, p, p_mean, also}], the first is the one above;
 *                       p over the answers, of their whole log-probabilities, p_mean of those per token; also: names of
 *                       further kinds that this answer is
 *   commitment [T+1], first_stable   of p (docs/methods.md, section 2)
 *   layers              {layer: [..], L: [[T+1] ..]}: L read after each of these numbers of layers
 *   logp, entropy, role [T]   of each trajectory token
 *   control             [{kind, at: [..], L: [..], effect: [..]}]: L with that control in place of the first i tokens,
 *                       and its difference to L(i)
 *   reader              the model that read the trajectory, if it is not the one it is of
 * With a stride s > 1 the entries of `tokens` are the texts of s tokens (the last: of the rest), L and greedy have a
 * value between each two of them, and `at` has the i of each value; monotonicity and tau_b are then of those steps, logp
 * is the sum of a piece, entropy its mean. Borders do the same with pieces of differing length.
 * A number that does not exist is null. Token texts that are not UTF-8 are written in visible form (\xE2).
 * Each file appears whole or not at all; records come first, so a failed picture loses none of them. Files of these names
 * that an earlier run left in the folder (which then has a trace.yaml), and this one did not write, are removed at the end.
 *
 * Mode      a trajectory's `mode` in its file; else "none" where the format sets no thinking apart, "nothinking" where
 *           the prompt closes it at once or it is empty, "thinking" otherwise.
 */

struct raml_trace_files_options {
    struct raml_trace_options trace; /* its layers are those of `layers` */
    bool own, score_end, skip_long;  /* skip_long: what exceeds the context is counted and left out, not an error */
    enum raml_join join;             /* of answer prefix and answer */
    const char *split, *family;      /* only these; NULL: all */
    size_t max_samples;              /* at most this many trajectories of a question; 0: all */
    double ema;                      /* weight of the newest value, in (0, 1]; 0: of about a tenth of the trajectory */
    double threshold;                /* nats per answer token: below it an answer counts as solved */
    size_t n_curves, n_shown;        /* figures curve_K; trajectories on the page, of each verdict */
    bool token_table;                /* write tokens.jsonl */
    const char *answers;             /* "gold,own,majority,wrong,choices": NULL: own, or gold */
    const char *answers_file;        /* further ones, JSONL of {"id", "answers": [..]}; NULL: none */
    const char *borders;             /* "token", "line", "sentence", "paragraph", "reflection"; NULL: "token" */
    const char *layers;              /* "all" or "0,6,12"; NULL: none */
    const char *controls;            /* "shuffle,foreign,filler"; NULL: none */
    const char *filler;              /* a text whose first token is the filler; NULL: "." */
    size_t n_cuts;                   /* places where controls are probed, evenly spaced, the last T */
    const char *prefixes_file;       /* further answer prefixes, JSONL of {"name", "text"}; NULL: none */
    size_t budget;                   /* tokens that regret is of; 0: what each trajectory cost itself */
    uint64_t seed;                   /* of controls and intervals */
    uint32_t n_draws;                /* resamples; 0: no intervals */
};
/* As docs/methods.md, section 2: every token; threshold 0.1, 4 curves, 8 shown; 8 cuts, 1000 resamples. */
struct raml_trace_files_options raml_trace_files_default(void);
/* Has a file of such a folder this name? */
bool raml_trace_files_own(const char *name);

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
/* The mean of a measure over a group's trajectories, with a 95 % interval by bootstrap over questions.
 *   by, group   ("all", "all"), ("verdict", "right"), ("mode", "thinking"), ("length", "short": the lower third of T)
 *   curve       "gold" or another answer's name; "layer 6"; "shuffle" or another control's; "prefix NAME"; "choice"
 *   measure     tokens, L0, LT, descent, monotonicity, efficiency, tau_b, p0, pT, greedy, solved, regret; falls: L(T) <
 *               L(0); effect 0.25: of a control at i = T/4, effect: the mean over its cuts; commitment0, commitmentT,
 *               stable: first_stable/T
 */
struct raml_trace_row {
    const char *by, *group, *curve, *measure;
    size_t n;               /* trajectories that have the value */
    struct raml_estimate e; /* e.n: their questions */
};
struct raml_trace_groups;
struct raml_trace_summary {
    struct raml_trace_group_means group[RAML_TRACE_GROUPS];
    struct raml_trace_row *row; /* [n_rows] */
    size_t n_rows;
    size_t n_selected; /* trajectories of the questions that were asked for; of a stopped run, those up to there if it
                        * was stopped before the first pass */
    size_t n_skipped;  /* without an answer, or too long with skip_long */
    size_t n_unused;   /* ids of the answers' file that are of no traced question */
    size_t n_nested;   /* trajectories with two answers of which one's tokens begin the other's */
    uint64_t n_read;   /* tokens through the model, probes and repeated prompts included */
    uint64_t n_passes;
    uint64_t n_trajectory_tokens, n_probes;
    double model_seconds;             /* of the passes only, by the job's clock; NaN without one */
    bool stopped;                     /* sink->stop ended it early: what was traced by then is written */
    bool whole_answers;               /* of raml_trace_compare */
    struct raml_trace_groups *groups; /* owns the texts of row */
};
void raml_trace_summary_deinit(struct raml_trace_summary *s);
/* The row of these texts; NULL: there is none. */
const struct raml_trace_row *raml_trace_row_find(const struct raml_trace_summary *s, const char *by, const char *group,
                                                 const char *curve, const char *measure);

struct raml_trace_files_job {
    const struct raml_model *model;
    const struct raml_remote *remote; /* a model that is elsewhere, in its place; NULL: none */
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* where they come from, for messages and titles; NULL: none */
    const char *reader; /* name of the model, for records, where it reads another one's trajectories; NULL: its own */
    const char *dir;    /* made if missing */
    const struct raml_sink *sink;
    double (*clock)(void); /* seconds from some start; NULL: nothing is timed */
};
/* *out: for raml_trace_summary_deinit. RAML_ERANGE: nothing to trace, a trajectory that is too long (named), a token
 * that the model does not have; nothing is written then. RAML_EUSAGE: a list of the options with an unknown word. */
RAML_CHECKED enum raml_code raml_trace_files(const struct raml_trace_files_job *job,
                                             const struct raml_trace_files_options *opt, struct raml_trace_summary *out,
                                             struct raml_err *err);

/* All that is checked before the first pass, and nothing more: RAML_ERANGE and RAML_EUSAGE as above. */
RAML_CHECKED enum raml_code raml_trace_files_check(const struct raml_trace_files_job *job,
                                                   const struct raml_trace_files_options *opt, struct raml_err *err);

/* A tokenizer with ids that the model has no embedding of belongs to another model: RAML_ERANGE names the reader. */
RAML_CHECKED enum raml_code raml_trace_check_reader(const struct raml_model *model,
                                                    const struct raml_tokenizer *tokenizer, const char *reader,
                                                    struct raml_err *err);

/* What another reader changes: `second` was traced along the same trajectories as `first`. Writes `path`, a table as
 * groups.tsv whose values are second - first, trajectory by trajectory, and gives its rows in *out (only row, n_rows,
 * whole_answers and groups are set; for raml_trace_summary_deinit). Where an answer's number of tokens differs between
 * the two, nats per answer token are of different units: whole_answers is set then, and L0, LT, descent and effects are
 * instead those of the whole answer (A L), named answer_L0, answer_LT and so on. RAML_ERANGE: no trajectory is in both. */
RAML_CHECKED enum raml_code raml_trace_compare(const struct raml_trace_summary *first,
                                               const struct raml_trace_summary *second, uint64_t seed, uint32_t n_draws,
                                               const char *path, struct raml_trace_summary *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
