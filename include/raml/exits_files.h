/* exits_files.h - when to stop thinking: policies of early exit replayed on one stored set of probes, as files.
 *
 * A probe asks, after a trajectory's first i tokens, what the model would answer there. Probes of all trajectories are
 * made once, at every place that any policy may ask for, and kept; every policy is then replayed on them, with all that it
 * would have paid counted (docs/exits.md; formulas: docs/methods.md, section 2). raml_exits_files leaves in a folder
 *   probes.jsonl        the stored set. First line: raml ("exit probes"), version, model, tokenizer, data, prompts (hashes),
 *                       dtype, answer_prefix (text), cue_tokens, entropy_tokens, stride, waits (words, joined by commas),
 *                       probe_tokens, rest, join, score_end, trajectories (how many there are to be). Then a line a
 *                       trajectory: id, sample, family, question, answer (the question's), correct (the sample's own
 *                       verdict, or null), n_tokens T, pieces (text between each two places), probes: [{at, wait, answer,
 *                       text, p (of each of the answer's own tokens), p_all (of all that was written), to_end (tokens up
 *                       to the answer's end), entropy (after what closes thinking), loss (of the question's answer),
 *                       right}], check: a hash of the line before this field and of all lines before it
 *   exits.tsv           a row per policy and half of the questions: policy, settings, family, half ("validation", "test"),
 *                       chosen, trajectories, questions; accuracy, stop, probe_tokens, total, kept, cost_kept, vs_full and
 *                       vs_budget (differences of accuracy to full thinking, and to the best fixed budget that costs at
 *                       most as much), each with _low and _high; reasons ("stable 12, end 3"); budget: the one that
 *                       vs_budget is against, or none
 *   chosen.tsv          of these the chosen ones, full thinking among them, on the test half
 *   exits.jsonl         a line per trajectory: id, sample, half, n_tokens, runs: of full thinking, of the chosen setting of
 *                       every family and of the oracles, {policy, stop, reason, answer, right, probes, entropy_probes,
 *                       probe_tokens, total}
 *   exits_accuracy.*, exits_cost.*   figures (tsv, gp, svg): accuracy against total tokens; what is left of thinking and of cost
 *   trajectories.html, marks.jsonl   the first trajectories of the test half, with the places where the best setting of
 *                       every kind would have stopped; these places of all trajectories, for the report
 *   online.json, online.tsv, online.jsonl, online_probes.jsonl   with `online`: the chosen policy in running samples (sample.h) of the
 *                       test half's questions, beside samples that think to their end; and its replay on those
 * Halves    validation: the share of the questions whose hash of text and seed is lowest, rounded; at least one question
 *           on each side. There, of each family, the setting is chosen that has the fewest total tokens among those whose
 *           accuracy is at most `margin` below that of full thinking; where there is none, or with `by_accuracy`, the
 *           most accurate one. What is reported is of the test half.
 * Resuming  probes.jsonl grows by whole questions. A set that is already there with the same first line is completed;
 *           one with another is an error, and stays; so is one with a line that was changed or lacks. A set that ends
 *           early is replayed as far as it goes (n_trajectories < n_planned).
 * Numbers that do not exist are null, in tables nan. Tables and pages appear whole or not at all.
 */
#ifndef RAML_EXITS_FILES_H
#define RAML_EXITS_FILES_H

#include "raml/format.h"
#include "raml/metric.h"
#include "raml/model.h"
#include "raml/question.h"
#include "raml/sample.h"

#pragma GCC visibility push(default)

struct raml_exits_files_options {
    /* The stored set. */
    size_t stride;       /* tokens between places; >= 1 */
    const char *waits;   /* words in front of which there is a place, joined by commas; "" or NULL: none */
    size_t probe_tokens; /* that a probe writes at most */
    size_t rest;         /* that it may write after its answer has ended, where text follows an answer */
    bool score_end, skip_long;
    enum raml_join join;
    const char *split, *family; /* only these; NULL: all */
    size_t max_samples;         /* of a question; 0: all */
    size_t max_batch_tokens, batch_size;
    const char *probes; /* a stored set to replay; NULL: DIR/probes.jsonl is made, or completed */
    /* With `probes`: what the set is to have been made with; 0, NULL: whatever it was. */
    size_t set_stride, set_probe_tokens;
    const char *set_waits;
    /* Policies. */
    const char *policies; /* "stability:stride=8,repeats=3;eat:delta=0.01"; NULL: grids of all kinds */
    double validation;    /* share of the questions that thresholds are chosen on, in (0, 1) */
    double margin;        /* of accuracy */
    bool by_accuracy;     /* the most accurate setting is chosen, of equal ones the cheapest */
    uint64_t seed;
    uint32_t n_draws; /* resamples of the intervals */
    size_t n_shown;   /* trajectories on the page */
    /* The chosen policy in running samples. */
    bool online;
    const char *online_policy;           /* NULL: the summary's best */
    struct raml_sample_options sampling; /* n, batch_size, lengths, temperature .. */
};
struct raml_exits_files_options raml_exits_files_default(void);

enum raml_exits_half { RAML_EXITS_VALIDATION, RAML_EXITS_TEST, RAML_EXITS_HALVES };
const char *raml_exits_half_name(enum raml_exits_half half);

struct raml_exits_measures { /* means over trajectories, intervals over questions */
    size_t n;
    struct raml_estimate accuracy, stop, probe_tokens, total;
    struct raml_estimate kept, cost_kept; /* of the sum of T; of the total of full thinking */
    struct raml_estimate vs_full, vs_budget;
};
struct raml_exits_row {
    const char *kind, *family; /* "dynasor"; "dynasor released" */
    const char *settings;      /* "dynasor:stride=64,..." */
    bool oracle, released;
    bool chosen, meets; /* of its family; the margin, on the validation half */
    /* What vs_budget is against: of fixed budgets (full thinking is one) whose mean total on the validation half is at
     * most this one's the most accurate there, of equal ones the cheapest; NULL: all cost more, vs_budget is NAN. Full
     * thinking is compared with itself. */
    const char *budget;
    struct raml_exits_measures half[RAML_EXITS_HALVES];
    const char *reasons[RAML_EXITS_HALVES];
};
struct raml_exits_online { /* full samples and those with the policy: same questions, same seed */
    const char *settings;
    size_t n_samples, n_questions;
    struct raml_estimate accuracy[2], total[2], difference; /* [full, policy]; of accuracy */
    double tokens[2], probe_tokens, n_probes;               /* means over samples; tokens without probes */
    double seconds[2];
    size_t n_compared, n_same_stop, n_same_answer; /* replayed on the full samples, against online */
};
struct raml_exits_summary {
    struct raml_exits_row *row; /* [n_rows]; the first is full thinking */
    size_t n_rows, best; /* best: of the chosen rows that meet the margin and are neither oracles nor released the one
                                 * with the fewest total tokens, with by_accuracy the most accurate; n_rows: none */
    size_t n_questions[RAML_EXITS_HALVES], n_trajectories, n_skipped, n_probes, n_planned;
    uint64_t n_read; /* tokens through the model for the stored set */
    size_t stride;   /* of the stored set */
    bool has_online, stopped;
    struct raml_exits_online online;
    struct raml_exits_report *own; /* of all texts */
};
void raml_exits_summary_deinit(struct raml_exits_summary *s);

struct raml_exits_files_job {
    const struct raml_model *model; /* NULL: a stored set is replayed */
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions; /* NULL: those of the stored set, whatever they are */
    const int32_t *eos;                     /* [n_eos] tokens that end a text besides the format's stop */
    size_t n_eos;
    uint64_t model_hash; /* of the model's files */
    const char *dtype;   /* for the record: "stored" */
    const char *data_name, *dir;
    bool overwrite; /* a stored set of other settings in dir is made anew, and no error */
    const struct raml_sink *sink;
    double (*clock)(void); /* seconds from some start; NULL: nothing is timed */
};
/* RAML_ERANGE: nothing to replay, a trajectory that is too long (named), a place that a policy asks for and the set does
 * not have. RAML_EUSAGE: settings; a stored set of another model, other data or another answer prefix. RAML_EFORMAT: a
 * line of the set that is not as above, or not as it was written. *out: for _summary_deinit. */
RAML_CHECKED enum raml_code raml_exits_files(const struct raml_exits_files_job *job,
                                             const struct raml_exits_files_options *opt, struct raml_exits_summary *out,
                                             struct raml_err *err);

#pragma GCC visibility pop
#endif
