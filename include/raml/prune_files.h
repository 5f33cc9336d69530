/* prune_files.h - how much of its trajectory an answer needs, over the trajectories of a set of questions, as files
 * (docs/methods.md, section 2).
 *
 * A trajectory's steps are what stands between borders of its text. At every level some of its tokens are kept, by the
 * level's own method, and by the others as many tokens:
 *   slack, bound   greedy deletion of steps while L <= L(whole) + slack, while L <= bound
 *   epsilon        by descent: steps with dL < -epsilon
 *   share          a part of the tokens: the greedy path's set that is nearest to it
 *   summary        a given text in the trajectory's place
 *   whole, nothing
 * Methods of as many tokens: greedy (the path's nearest set), descent (steps by rising dL, as near as whole steps in
 * that order come), random (steps in random order, likewise, averaged over draws), budget (the first tokens, exactly as
 * many) and budget_steps (the first steps, as near as they come). best, where all subsets are tried, is the set of
 * fewest tokens under the level's bound: the gap that greedy leaves.
 * After every kept text the model answers (greedily, or n times), and the answer is graded.
 *
 * raml_prune_files leaves in a folder
 *   prune.jsonl   a line per trajectory: number (from 1), id, sample (from 0), correct, n_tokens, n_answer, answer (whose
 *                 loss it is), at [n + 1], steps [n] texts, L [n + 1] at the borders, delta [n], rounds of the greedy
 *                 path {removed, loss, candidates}, subsets (true where all were tried), sets: each {level, value,
 *                 method, draw, kept [steps] (null where tokens are kept), text (of a summary), n_tokens, loss, greedy
 *                 (the answer is the likeliest one), right (the share of its answers), answer (the first one)}, and
 *                 leak {line, states_answer, nothing, own, without, others}
 *   prune.tsv     a row per level, value and method: trajectories, questions, and of every measure its mean over
 *                 trajectories, MEASURE_low and MEASURE_high (95 % over questions): share (of tokens kept), loss, rise
 *                 (loss - L(whole)), greedy, accuracy, accuracy_change (- that of the whole), share_less (the level's own
 *                 method's - this one's), loss_less, accuracy_less
 *   unchanged.tsv a row per kind of level (slack, share) and method, with answers: share, less, needed, needed_less with
 *                 intervals (struct raml_prune_summary)
 *   leak.tsv      the answer's loss after nothing, own, others' summaries, own without the answer's text, and
 *                 differences (struct raml_prune_leak), with summaries
 *   pruned.jsonl  pruned trajectories as questions with trajectories, for raml train sft (with a level to write)
 *   prune_accuracy.*, prune_loss.*   figures (tsv, gp, svg), with levels of share
 * Numbers that do not exist are null, or nan in tables. Each file appears whole or not at all.
 */
#ifndef RAML_PRUNE_FILES_H
#define RAML_PRUNE_FILES_H

#include "raml/format.h"
#include "raml/metric.h"
#include "raml/model.h"
#include "raml/tokenizer.h"

#pragma GCC visibility push(default)

enum raml_prune_level_kind {
    RAML_PRUNE_WHOLE,
    RAML_PRUNE_NOTHING,
    RAML_PRUNE_SLACK,
    RAML_PRUNE_BOUND,
    RAML_PRUNE_EPSILON,
    RAML_PRUNE_SHARE,
    RAML_PRUNE_SUMMARY,
    RAML_PRUNE_LEVEL_KINDS
};
const char *raml_prune_level_name(enum raml_prune_level_kind k); /* "slack" */
struct raml_prune_level {
    enum raml_prune_level_kind kind;
    double value; /* 0 where the kind has none */
};
enum raml_prune_method {
    RAML_PRUNE_GIVEN, /* the whole, nothing, a summary */
    RAML_PRUNE_GREEDY,
    RAML_PRUNE_DESCENT,
    RAML_PRUNE_RANDOM,
    RAML_PRUNE_BUDGET,
    RAML_PRUNE_BUDGET_STEPS,
    RAML_PRUNE_BEST,
    RAML_PRUNE_METHODS
};
const char *raml_prune_method_name(enum raml_prune_method m); /* "greedy" */

struct raml_prune_files_options {
    bool own, score_end, skip_long; /* as for loss curves (report.h) */
    enum raml_join join;
    const char *split, *family;
    size_t max_samples, max_batch_tokens;
    bool keep_wrong;   /* prune trajectories that are known to be wrong too */
    const char *steps; /* "line", "sentence", "paragraph", or "token": every stride tokens */
    size_t stride;
    size_t max_steps; /* of a trajectory with more, the neighbours with the fewest tokens are joined; 0: no limit */
    const struct raml_prune_level *level; /* [n_levels] slack, bound, epsilon, share; borrowed */
    size_t n_levels;
    size_t n_random;           /* draws of random deletion; >= 1 */
    size_t all_subsets;        /* of trajectories with up to this many steps; 0: never; at most 12 */
    const char *summaries;     /* JSONL, {"id", FIELD} a line, or a question whose first trajectory it is; NULL: none */
    const char *summary_field; /* FIELD: "summary" */
    struct raml_prune_level write; /* what pruned.jsonl holds: one of the levels, or the summary; whole: no such file */
    bool write_wrong;              /* also where the answer generated afterwards is wrong */
    const char
        *ratio_text;  /* appended to the questions of pruned.jsonl, with the kept share in its place of "{}"; NULL */
    size_t n_answers; /* generated after every kept text; 0: none */
    size_t max_answer_tokens, batch_size;
    double temperature; /* of these; 0: the likeliest tokens */
    uint64_t seed;
    uint32_t n_draws; /* of bootstrap intervals */
    double tolerance; /* accuracy that counts as unchanged: that of the whole less this */
};
/* Lines, at most 32 steps, seven slacks from 0 to 1, epsilon 0, shares 0.1 to 0.9, 4 random draws, one greedy answer. */
struct raml_prune_files_options raml_prune_files_default(void);

enum raml_prune_measure {
    RAML_PRUNE_KEPT_SHARE,
    RAML_PRUNE_LOSS,
    RAML_PRUNE_RISE,
    RAML_PRUNE_GREEDY_SHARE,
    RAML_PRUNE_ACCURACY,
    RAML_PRUNE_ACCURACY_CHANGE,
    RAML_PRUNE_SHARE_LESS,
    RAML_PRUNE_LOSS_LESS,
    RAML_PRUNE_ACCURACY_LESS,
    RAML_PRUNE_MEASURES
};
const char *raml_prune_measure_name(enum raml_prune_measure m);
struct raml_prune_row { /* of one level and method */
    struct raml_prune_level level;
    enum raml_prune_method method;
    size_t n_trajectories;
    struct raml_estimate measure[RAML_PRUNE_MEASURES]; /* n: questions; NaN: there is none */
};
enum raml_prune_curve_kind { RAML_PRUNE_BY_SLACK, RAML_PRUNE_BY_SHARE, RAML_PRUNE_CURVES };
struct raml_prune_leak {               /* of the summaries */
    size_t n, n_states;                /* trajectories with one; those whose summary holds the answer's text */
    struct raml_estimate nothing, own; /* the answer's loss after nothing, after its summary, */
    struct raml_estimate others,
        without;                      /* after those of questions with another answer, and after its summary without the
                                              sentences that hold the answer's text */
    struct raml_estimate others_less; /* others - own: what a summary tells of its own answer */
    struct raml_estimate without_less; /* without - own: what of it is in the sentences that state the answer */
    bool tells, leaks; /* others_less' interval is above 0; both are: the summaries give the answer away */
};
struct raml_prune_summary {     /* free with raml_prune_summary_deinit */
    struct raml_prune_row *row; /* [n_rows] */
    size_t n_rows;
    size_t n_selected, n_trajectories, n_questions, n_skipped, n_wrong; /* n_wrong: left out as wrong */
    size_t n_steps, n_joined; /* steps; trajectories whose steps were joined */
    size_t n_written, n_lines,
        n_not_right; /* trajectories in pruned.jsonl; its lines; left out, as not answered right */
    /* The kept share at unchanged accuracy: the smallest one from which up to the whole accuracy is not below that of the
     * whole less the tolerance, linear between levels; over the levels of slack, where every method keeps as many
     * tokens as greedy deletion under the bound, and over those of share. less: greedy's - it. */
    struct raml_estimate unchanged[RAML_PRUNE_CURVES][RAML_PRUNE_METHODS];
    struct raml_estimate unchanged_less[RAML_PRUNE_CURVES][RAML_PRUNE_METHODS];
    /* The same for each trajectory by itself, which is right after the whole: the smallest kept share from which up to
     * the whole its own answers are right (half of them), over the levels of share; the mean. */
    struct raml_estimate needed[RAML_PRUNE_METHODS], needed_less[RAML_PRUNE_METHODS];
    struct raml_prune_leak leak;
    size_t n_no_summary, n_unused;      /* trajectories without one; ids of no selected question */
    uint64_t n_read, n_alone, n_passes; /* tokens for losses; the same if every text were read by itself */
    uint64_t n_answer_texts, n_answer_alone, n_answered; /* tokens read before answers, likewise; generated tokens */
    bool stopped;
};
void raml_prune_summary_deinit(struct raml_prune_summary *s);

struct raml_questions;
struct raml_prune_files_job {
    const struct raml_model *model;
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* for messages and titles; NULL: none */
    const char *dir;       /* made if missing */
    bool keep_earlier;     /* stopped, leave the results that are in dir as they are, and end with RAML_ESTOP */
    const struct raml_sink *sink;
};
/* RAML_EUSAGE: levels, words; RAML_ERANGE: nothing to do, a trajectory or a summary (its line is named) longer than the
 * context; RAML_EFORMAT: the summaries. Found before the first pass, and before any file is written. */
RAML_CHECKED enum raml_code raml_prune_files(const struct raml_prune_files_job *job,
                                             const struct raml_prune_files_options *opt, struct raml_prune_summary *out,
                                             struct raml_err *err);

#pragma GCC visibility pop
#endif
