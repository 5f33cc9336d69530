/* prune_parts.h - pruned trajectories on their way to files, and the writers that they pass through; for prune_*.c only. */
#ifndef RAML_STUDY_PRUNE_PARTS_H
#define RAML_STUDY_PRUNE_PARTS_H

#include "core/file.h"
#include "eval/cluster.h"
#include "inner/borders.h"
#include "inner/branches.h"
#include "inner/generate.h"
#include "inner/prune.h"
#include "inner/sample_text.h"
#include "raml/prune_files.h"
#include "raml/question.h"
#include "raml/trace.h"
#include "study/figure.h"

#define RAML_PRUNE_NONE SIZE_MAX
enum {
    RAML_PRUNE_MAX_ENDS = RAML_MAX_EOS + 1,
    RAML_PRUNE_MAX_LEVELS = 64,
    RAML_PRUNE_OTHERS = 4,
    RAML_PRUNE_LEAKS = 6
};

/* -- prune_summaries.c: texts given in the place of trajectories --------------------------------------------------- */
struct raml_prune_given {
    char *id, *text;
    struct raml_tokens token;
    size_t line, question; /* number of its question; RAML_PRUNE_NONE: there is none */
};
struct raml_prune_summaries {
    struct raml_prune_given *given; /* [n] in the file's order */
    size_t n, cap;
    size_t *of; /* [n_of] of each question; RAML_PRUNE_NONE: it has none */
    size_t n_of;
};
RAML_CHECKED enum raml_code raml_prune_summaries_read(struct raml_prune_summaries *s,
                                                      const struct raml_prune_files_job *job, const char *path,
                                                      const char *field, struct raml_err *err);
void raml_prune_summaries_deinit(struct raml_prune_summaries *s); /* also after a failed _read */

/* -- prune_plan.c: levels, words and texts of the options, checked ------------------------------------------------- */
struct raml_prune_plan {
    const struct raml_prune_files_options *opt;
    const struct raml_prune_files_job *job;
    struct raml_trace_source source;
    enum raml_border_kind border;
    struct raml_prune_level *level; /* [n_levels] the whole, nothing, the options', the one to write, the summary */
    size_t n_levels, n_cells;       /* cells of a trajectory: levels, methods and draws */
    size_t write;                   /* level of pruned.jsonl; RAML_PRUNE_NONE */
    struct raml_prune_summaries summaries;
    struct raml_branches *branches;
    struct sample_texts texts;
    int32_t end[RAML_PRUNE_MAX_ENDS]; /* [n_ends] tokens that end an answer */
    size_t n_ends;
};
RAML_CHECKED enum raml_code raml_prune_plan_init(struct raml_prune_plan *p, const struct raml_prune_files_job *job,
                                                 const struct raml_prune_files_options *opt, struct raml_err *err);
void raml_prune_plan_deinit(struct raml_prune_plan *p); /* also after a failed _init */
/* The number of a cell; draw: of RAML_PRUNE_RANDOM only. */
size_t raml_prune_cell(const struct raml_prune_plan *p, size_t level, enum raml_prune_method m, size_t draw);
size_t raml_prune_draws(const struct raml_prune_plan *p, enum raml_prune_method m);
/* The method that a kind of level is of. */
enum raml_prune_method raml_prune_own_method(enum raml_prune_level_kind k);

/* -- prune_item.c: a trajectory as tokens and steps, with the texts that are kept of it ---------------------------- */
struct raml_prune_set { /* a distinct kept text */
    size_t at, n;       /* tokens [at, at + n) of the item's pool */
    double loss;
    bool greedy, answered;     /* answered: its accuracy is wanted */
    double right;              /* share of its answers; NaN: none */
    char *answer;              /* the first one; NULL: none */
    enum raml_verdict verdict; /* of the first one */
};
struct raml_prune_kept { /* a cell */
    size_t set;          /* RAML_PRUNE_NONE: there is none */
    bool steps;          /* whole steps; else first tokens, or a text */
};
struct raml_prune_item { /* zero-initialise; may be used again */
    const struct raml_question *q;
    size_t question, sample; /* numbers */
    struct raml_trace_text text;
    struct raml_places at; /* n + 1 places of n steps */
    size_t n;
    bool joined;
    struct raml_str *piece; /* [T] */
    size_t cap_pieces, cap_L, cap_subset, cap_kept, cap_flags;
    double *L;      /* [n + 1] at the borders */
    double *subset; /* [2^n] losses of all subsets, where has_subsets */
    bool has_subsets;
    struct raml_prune_path path;
    struct raml_tokens pool;
    struct raml_prune_set *set; /* [n_sets] */
    size_t n_sets, cap_sets;
    struct raml_prune_kept *kept; /* [cells] */
    bool *flag;                   /* [cells, n] where steps */
    size_t summary;               /* number in plan.summaries; RAML_PRUNE_NONE */
    size_t leak_own, leak_nothing, leak_without, leak_other[RAML_PRUNE_OTHERS], n_others; /* sets */
    bool states_answer;
    struct raml_tokens without; /* the summary without the sentences that hold the answer's text */
};
void raml_prune_item_deinit(struct raml_prune_item *it);
/* Tokens and steps. RAML_ERANGE: no answer, longer than the context (the summary's line is named where it is that). */
RAML_CHECKED enum raml_code raml_prune_item_fill(const struct raml_prune_plan *p, size_t question, size_t sample,
                                                 struct raml_prune_item *it, struct raml_err *err);
/* The number of the set of these tokens, a new one or an old. */
RAML_CHECKED enum raml_code raml_prune_item_set(struct raml_prune_item *it, const int32_t *token, size_t n,
                                                bool answered, size_t *set, struct raml_err *err);
RAML_CHECKED enum raml_code raml_prune_item_steps(struct raml_prune_item *it, const bool *kept, bool answered,
                                                  size_t *set, struct raml_err *err);
void raml_prune_item_clear_sets(struct raml_prune_item *it);
struct raml_branch_job raml_prune_item_job(const struct raml_prune_item *it); /* without texts and losses */

/* -- prune_levels.c: what every level and method keeps ------------------------------------------------------------- */
/* Once L, path and subsets are known. */
RAML_CHECKED enum raml_code raml_prune_levels_fill(const struct raml_prune_plan *p, struct raml_prune_item *it,
                                                   struct raml_err *err);
/* The highest bound that greedy's path is needed for. */
double raml_prune_limit(const struct raml_prune_plan *p, double full);

/* -- prune_losses.c: borders, greedy's rounds, subsets and kept texts of several trajectories ---------------------- */
/* All of items [n], cells too. RAML_ESTOP: stopped between two rounds. */
RAML_CHECKED enum raml_code raml_prune_losses(const struct raml_prune_plan *p, struct raml_prune_item *it, size_t n,
                                              struct raml_err *err);

/* -- prune_answers.c: what the model answers after kept texts ------------------------------------------------------ */
RAML_CHECKED enum raml_code raml_prune_answer(const struct raml_prune_plan *p, struct raml_prune_item *it, size_t n,
                                              struct raml_generate_stats *stats, struct raml_err *err);

/* -- prune_records.c: prune.jsonl ---------------------------------------------------------------------------------- */
struct raml_prune_records {
    struct raml_writer lines;
    struct raml_buf line, text;
    size_t number;
};
RAML_CHECKED enum raml_code raml_prune_records_init(struct raml_prune_records *r, const char *dir,
                                                    struct raml_err *err);
void raml_prune_records_deinit(struct raml_prune_records *r); /* also after a failed _init */
RAML_CHECKED enum raml_code raml_prune_records_add(struct raml_prune_records *r, const struct raml_prune_plan *p,
                                                   const struct raml_prune_item *it, struct raml_err *err);

/* -- prune_rows.c: pruned.jsonl ------------------------------------------------------------------------------------ */
struct raml_prune_rows {
    struct raml_questions questions;
    const struct raml_question *last;   /* whose trajectories are being gathered */
    struct raml_trajectory *trajectory; /* [n] of it; texts are the rows' own */
    size_t n, cap, n_written, n_not_right;
};
void raml_prune_rows_init(struct raml_prune_rows *r);
void raml_prune_rows_deinit(struct raml_prune_rows *r);
RAML_CHECKED enum raml_code raml_prune_rows_add(struct raml_prune_rows *r, const struct raml_prune_plan *p,
                                                const struct raml_prune_item *it, struct raml_err *err);
RAML_CHECKED enum raml_code raml_prune_rows_write(struct raml_prune_rows *r, const struct raml_prune_plan *p,
                                                  struct raml_err *err);

/* -- prune_stats.c: means over trajectories, intervals over questions ---------------------------------------------- */
struct raml_prune_stats {
    struct raml_clustered *value; /* [n_levels, methods, measures] */
    size_t n_levels;
    struct raml_clustered needed[RAML_PRUNE_METHODS], needed_less[RAML_PRUNE_METHODS];
    struct raml_clustered leak[RAML_PRUNE_LEAKS]; /* nothing, own, others, others - own, without, without - own */
    size_t n_leaks, n_states;
};
RAML_CHECKED enum raml_code raml_prune_stats_init(struct raml_prune_stats *s, size_t n_levels, struct raml_err *err);
void raml_prune_stats_deinit(struct raml_prune_stats *s); /* also after a failed _init */
RAML_CHECKED enum raml_code raml_prune_stats_add(struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                                 const struct raml_prune_item *it, struct raml_err *err);
/* Rows, leak and unchanged of *out. */
RAML_CHECKED enum raml_code raml_prune_stats_read(const struct raml_prune_stats *s, const struct raml_prune_plan *p,
                                                  struct raml_prune_summary *out, struct raml_err *err);

/* -- prune_tables.c: prune.tsv, unchanged.tsv, leak.tsv ------------------------------------------------------------ */
RAML_CHECKED enum raml_code raml_prune_tables_write(const struct raml_prune_summary *sum, const char *dir,
                                                    struct raml_err *err);

/* -- prune_unchanged.c --------------------------------------------------------------------------------------------- */
struct raml_prune_curve { /* of one method: its levels from the whole down, each with shares and accuracies */
    const struct raml_clustered *share[RAML_PRUNE_MAX_LEVELS], *accuracy[RAML_PRUNE_MAX_LEVELS];
    size_t n;
};
/* The kept share at unchanged accuracy of a, and of a less b (NULL: none), with intervals over questions. */
RAML_CHECKED enum raml_code raml_prune_unchanged(const struct raml_prune_curve *a, const struct raml_prune_curve *b,
                                                 double tolerance, uint64_t seed, uint32_t n_draws,
                                                 struct raml_estimate *out, struct raml_err *err);

/* -- prune_pictures.c ---------------------------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_prune_pictures_write(const struct raml_prune_summary *sum, struct raml_drawing *to,
                                                      const char *data, struct raml_err *err);

#endif
