/* update_files.h - implicit updates (update.h) of a set of questions' trajectories, as files.
 *
 * Each trajectory stands beside controls of the same length: `filler`, copies of one token, `foreign`, the beginning of
 * other questions' trajectories, and `shuffled`, its own tokens in another order (one order for all places).
 * raml_update_files leaves in a folder
 *   update.jsonl        a line per trajectory and control: number (of the line, from 0), id, sample, trajectory
 *                       ("real", "filler", "foreign", "shuffled"), correct, n_tokens T, n_answer, probe (the token x,
 *                       from 1), at [n], L [n], size [n] (length of the update of all matrices over that of the
 *                       matrices), layers [n_layers] of {gate, up, down}, gate_up and all (one vector each, of all
 *                       layers), each with weight_norm, distance_T, step_mean, turn_mean (radians), rank_updates,
 *                       rank_steps, and with alignment gradient_norm, align_T, and of one matrix align_left_T,
 *                       attainable_T, n_left (m); of real trajectories also distance [n], step [n-1], turn [n-2],
 *                       align [n], align_left [n]; with an exchange rate steps_worth [n] (null: more than the bound),
 *                       and of real trajectories steps_worth_by_rate [rates, n]
 *   exchange.jsonl      a line per question: id, rates, loss [rates, steps + 1]; only with exchange rates
 *   update.tsv          a row per trajectory kind, group, layer, matrix and measure: mean over questions with its 95 %
 *                       interval (1.96 standard errors); kinds "real - filler" and so on are differences
 *                       within a question
 *   update.safetensors  F32: NUMBER/distance [layers, 3, n], /step, /turn, /align, /align_left, NUMBER/size [n]
 *   update_distance.*, update_step.*, update_align.*, update_align_left.*, exchange_rate.*   figures (tsv, gp, svg)
 * Numbers that do not exist are null. Each file appears whole or not at all.
 */
#ifndef RAML_UPDATE_FILES_H
#define RAML_UPDATE_FILES_H

#include "raml/update.h"

#pragma GCC visibility push(default)

struct raml_update_files_options {
    struct raml_update_options update;
    bool own, score_end, skip_long; /* as for loss curves (report.h) */
    enum raml_join join;
    const char *split, *family;
    size_t max_samples;
    size_t probe_token;             /* x: a token of answer prefix and answer, from 1; 0: the prefix's last */
    bool filler, foreign, shuffled; /* controls */
    uint64_t seed;                  /* of the shuffled orders */
    const char *filler_text;        /* one token */
    size_t n_exchange; /* exchange rates of the first n_exchange questions; needs a model open for training */
    struct raml_exchange_options exchange;
    bool check; /* the patched network is run, at the first, middle and last place of every trajectory */
};
struct raml_update_files_options raml_update_files_default(void); /* filler "." and foreign; nothing else */

enum raml_update_kind {
    RAML_UPDATE_REAL,
    RAML_UPDATE_FILLER,
    RAML_UPDATE_FOREIGN,
    RAML_UPDATE_SHUFFLED,
    RAML_UPDATE_LESS_FILLER, /* differences within a question */
    RAML_UPDATE_LESS_FOREIGN,
    RAML_UPDATE_LESS_SHUFFLED,
    RAML_UPDATE_KINDS
};
const char *raml_update_kind_name(enum raml_update_kind k); /* "real", "real - filler", .. */

struct raml_update_mean { /* over questions; NaN where there is none */
    double mean, low, high;
    size_t n;
};
enum raml_update_measure {
    RAML_UPDATE_DISTANCE,     /* at T */
    RAML_UPDATE_STEP,         /* mean */
    RAML_UPDATE_TURN,         /* mean, degrees */
    RAML_UPDATE_STRAIGHTNESS, /* distance at T over the sum of steps */
    RAML_UPDATE_RANK_UPDATES,
    RAML_UPDATE_RANK_STEPS,
    RAML_UPDATE_ALIGN,      /* at T */
    RAML_UPDATE_ALIGN_MEAN, /* over i = 1 .. T */
    RAML_UPDATE_ALIGN_LEFT, /* align_left sqrt(m), at T */
    RAML_UPDATE_ATTAINABLE, /* at T */
    RAML_UPDATE_MEASURES
};
const char *raml_update_measure_name(enum raml_update_measure m);

enum { RAML_UPDATE_RATES_MAX = 64 }; /* rates of an exchange at most */
struct raml_update_summary {
    size_t n[RAML_UPDATE_LESS_FILLER]; /* trajectories of each kind */
    size_t n_questions, n_skipped, n_layers;
    struct raml_update_mean all[RAML_UPDATE_KINDS][4][RAML_UPDATE_MEASURES]; /* [kind][right, wrong, unlabelled, all]:
                                                                                the mean over layers and matrices */
    double steps_by_rate[RAML_UPDATE_RATES_MAX]; /* the same median, one rate alone, in the options' order */
    double
        steps_median; /* exchange rate of the real trajectories (right ones where any is graded) at T: the median over
                            questions of each one's median; NaN: none, infinite: more than the bound */
    size_t n_steps, n_step_questions, n_beyond; /* trajectories in it; questions; trajectories that exceed the bound */
    struct raml_update_checked checked;
    size_t n_checked; /* places */
    uint64_t n_read, n_passes;
    bool stopped;
};

struct raml_questions;
struct raml_update_files_job {
    struct raml_model *model; /* changed, and restored, for exchange rates only */
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* for messages and titles; NULL: none */
    const char *dir;       /* made if missing */
    const struct raml_sink *sink;
};
/* RAML_ERANGE: nothing to do, a trajectory that is too long (named), a filler that is not one token, no token x, more
 * than RAML_UPDATE_RATES_MAX rates. */
RAML_CHECKED enum raml_code raml_update_files(const struct raml_update_files_job *job,
                                              const struct raml_update_files_options *opt,
                                              struct raml_update_summary *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
