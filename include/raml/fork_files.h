/* fork_files.h - forks of a set of questions' trajectories, as files: what a word, a step or the end of thinking causes
 * (docs/methods.md, section 2).
 *
 * At places of a trajectory one thing is changed, and the model goes on from there: a word is put in (insert, and words
 * that are controls of it), thinking is ended (end: the answer prefix is put in), the unit that stands there is taken out
 * (delete; its controls are matched windows of other tokens) or gives way to a word (replace; its controls are the
 * control words in its place: replace_control). Each is compared with the
 * same trajectory unedited at the same place.
 *   forced     now, carried: the loss of the answer right after the edit, and with the rest of the trajectory after it,
 *              less that of the unedited trajectory. Exact; nothing is sampled.
 *   resampled  n continuations of each fork: accuracy, distribution of final answers (equal ones are a class, those
 *              without one a class of their own), KL(edited || unedited) of these, and tokens written.
 * Importance of a unit: KL(p(after it) || p(before it)) of final answers. forced: p over the distinct answers by the
 * whole log-probability of each with its end; resampled: as above.
 * Critical position: the first i from which the final answer stays first and has at least the share c. forced: at every
 * token; resampled: at the places and at the end. Effects are given before it, from it on (after), and over all.
 * Random numbers   sample k of every fork at one place reads one stream, keyed by (seed, question, trajectory, place, k):
 *              forks of a place are paired, places are independent. The same seed gives the same files for any batch size.
 *
 * raml_fork_files leaves in a folder
 *   fork.jsonl     a line per trajectory: id, sample, family, difficulty, correct, question, answer (the traced one),
 *                  n_tokens T, n_answer, tokens [T], L [T+1], greedy [T+1], entropy [T], role [T]; place ("sentence", ..),
 *                  n (continuations a fork); critical_forced, critical_resampled (-1: never; null: not known); answers
 *                  [{text, also: ["gold", "own"], forced: its place in p or null, n: how often it was sampled}];
 *                  forks [{at, put: the text put in or null, end: true where thinking was ended, n, correct, truncated,
 *                  tokens (mean written), count: [answers, no answer]}]; places [{at, end, text, p: [before the unit],
 *                  importance: {forced, forced_accuracy, resampled, resampled_accuracy}, edits: [{edit, word, at,
 *                  resume, fork, unedited (numbers in forks, from 0; null: not sampled), now, carried (differences)}]}]
 *   fork.tsv       a row per edit, word, group (right, wrong, unlabelled, all), position (all, before or after the
 *                  critical position, forced or resampled) and measure: values, questions, mean and its 95 % interval
 *                  over questions. Measures: now, carried, accuracy (of the edited), accuracy_change, kl, tokens_change,
 *                  and each of them "- control": less its mean over the controls at the same place. Fewer than 30 values
 *                  or 5 questions have no interval (nan), here and everywhere
 *   effects.tsv    the same for readers: a row per edit, word and part (all places, before or after the critical
 *                  position), which that is (critical: resampled, or without continuations forced), with a column for
 *                  each measure and for its
 *                  interval (NAME, NAME_low, NAME_high); "- control" is NAME_less. All groups together
 *   order.tsv      rank correlation of forced and resampled importance: of all units, and the mean of the trajectories' own
 *   importance.tsv a row per unit: id, sample, at, end, text, forced, forced_accuracy, resampled, resampled_accuracy
 *   fork_accuracy.*, fork_kl.*, fork_now.*, fork_carried.*   effects by edit, before and after the critical position
 *                  (resampled; forced where nothing was sampled)
 *   importance_K.* importance along the first trajectories; importance_scatter.*: forced against resampled
 *   marks.jsonl    what a report's trajectory view shows of forks (docs/report.md)
 *   trajectories.html   the first trajectories of each verdict, coloured, with what their forks showed
 * A number that does not exist is null, in tables nan. Each file appears whole or not at all; figures of an earlier run
 * in the folder (which then has a fork.yaml) that this one does not draw are removed.
 */
#ifndef RAML_FORK_FILES_H
#define RAML_FORK_FILES_H

#include "raml/report.h"

#pragma GCC visibility push(default)

struct raml_fork_files_options {
    const char *places; /* "line", "sentence", "paragraph", "reflection", "entropy"; NULL: those given */
    size_t max_places;  /* of a trajectory, evenly spaced (of entropy: the highest); 0: all (entropy: 8) */
    const uint32_t *at; /* [n_at] given places, of every trajectory */
    size_t n_at;
    const char *at_file; /* given places by question: JSONL of {"id", "at": [..]}, and "sample" for one trajectory */
    const char *insert, *control, *replace; /* words, joined by '|'; NULL or "": none */
    bool end, remove;                       /* end thinking; take units out */
    size_t n_windows;                       /* matched windows of each unit taken out */
    size_t position_buckets;                /* of their match (docs/methods.md); wide ones, as units are long */
    size_t n;                               /* continuations of each fork; 0: nothing is sampled */
    size_t max_completion_length, batch_size;
    double temperature, top_p, min_p;
    int top_k;
    uint64_t seed;
    const int32_t *eos; /* [n_eos] tokens that end a continuation besides the format's stop; borrowed */
    size_t n_eos;
    size_t max_answers;             /* distinct ones in the forced distribution */
    double critical;                /* c */
    bool own, score_end, skip_long; /* as for loss curves (report.h) */
    enum raml_join join;
    const char *split, *family;
    size_t max_samples, max_batch_tokens;
    uint32_t n_draws;         /* resamples of questions; 0: no intervals */
    size_t n_shown, n_curves; /* trajectories on the page, of each verdict; figures importance_K */
};
/* Sentences, at most 32 of them; "Wait" with controls "So", "Then", "And"; end and remove, 2 windows of 4 buckets; 16 continuations of
 * at most 512 tokens, 64 at once, temperature 1; 8 answers; c 0.9; 1000 resamples; 8 shown, 4 curves. */
struct raml_fork_files_options raml_fork_files_default(void);

enum { RAML_FORK_MIN_VALUES = 30, RAML_FORK_MIN_QUESTIONS = 5 };
struct raml_fork_row { /* of fork.tsv */
    const char *edit, *word, *group, *position, *measure;
    size_t n; /* values */
    bool few; /* fewer than 30 values or 5 questions: e has no interval */
    struct raml_estimate e;
};
struct raml_fork_order {                    /* forced against resampled importance of units */
    struct raml_estimate spearman, kendall; /* of all units together */
    size_t n_units;
    struct raml_estimate spearman_mean, kendall_mean; /* of the trajectories' own */
    size_t n_trajectories;
};
struct raml_fork_stats;
struct raml_fork_summary {
    size_t n_questions, n_trajectories, n_skipped, n_places, n_edits, n_forks;
    uint64_t n_continuations, n_written;    /* tokens */
    uint64_t n_prompt_tokens;               /* computed for the texts that were continued */
    uint64_t n_fork_prompts, n_own_prompts; /* if each fork, or each continuation, had computed its own */
    uint64_t n_read, n_own_read;            /* by probes: computed; if each place were read from its own first token */
    size_t n_critical[2], n_critical_known[2]; /* forced, resampled: trajectories that have one; where it is known */
    double critical_mean[2];                   /* of those, i/T */
    struct raml_fork_order order;
    struct raml_fork_row *row; /* [n_rows] those that have values */
    size_t n_rows;
    bool stopped;
    struct raml_fork_stats *stats; /* owns row and its texts */
};
void raml_fork_summary_deinit(struct raml_fork_summary *s);
/* The row of these; NULL: there is none. */
const struct raml_fork_row *raml_fork_row_find(const struct raml_fork_summary *s, const char *edit, const char *word,
                                               const char *group, const char *position, const char *measure);

struct raml_fork_files_job {
    const struct raml_model *model;
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* for messages and titles; NULL: none */
    const char *dir;       /* made if missing */
    const struct raml_sink *sink;
};
/* *out: for raml_fork_summary_deinit. RAML_ERANGE: nothing to fork, no place of the kind, a place outside its trajectory (named), a trajectory
 * that is too long; RAML_EUSAGE: settings; nothing is written then. A stopped run has what was complete. */
RAML_CHECKED enum raml_code raml_fork_files(const struct raml_fork_files_job *job,
                                            const struct raml_fork_files_options *opt, struct raml_fork_summary *out,
                                            struct raml_err *err);

#pragma GCC visibility pop
#endif
