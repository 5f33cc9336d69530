/* exits_parts.h - the parts of raml_exits_files: a stored set of probes, policies, what they come to; for exits_*.c only.
 */
#ifndef RAML_STUDY_EXITS_PARTS_H
#define RAML_STUDY_EXITS_PARTS_H

#include "core/arena.h"
#include "core/json.h"
#include "inner/evaluator.h"
#include "inner/exit_answer.h"
#include "inner/exits.h"
#include "inner/generate.h"
#include "raml/exits_files.h"
#include "raml/trace.h"
#include "core/append.h"
#include "study/figure.h"

/* -- exits_set.c: a stored set ------------------------------------------------------------------------------------- */
struct raml_exits_trajectory {                 /* texts are in the set's arena */
    const char *id, *family, *question, *gold; /* family NULL: not known */
    size_t sample, number;                     /* number: of the question, from 0 */
    enum raml_verdict correct;                 /* of the sample's own answer */
    enum raml_exits_half half;
    size_t n_tokens, n_probes;
    size_t from;                         /* bytes of the file before its line; 0 where it was not read from one */
    uint64_t check;                      /* that its line ends with */
    const char **piece;                  /* [n_probes - 1] text between two places */
    const struct raml_exit_probe *probe; /* [n_probes] as policies pay for them that need the answer alone */
    const struct raml_exit_probe *whole; /* [n_probes] with all that was written after it */
};
struct raml_exits_set { /* free with _deinit */
    json_t *header;
    struct raml_arena *arena;
    struct raml_exits_trajectory *trajectory; /* [n], those of a question adjacent */
    size_t n, cap, n_questions, n_planned;
    size_t stride;
    struct raml_exit_costs cost;
    bool has_waits;              /* any place in front of a word that waits, before the end */
    uint64_t first_check, check; /* of the first line, and of the last one */
};
RAML_CHECKED enum raml_code raml_exits_set_init(struct raml_exits_set *s, struct raml_err *err);
void raml_exits_set_deinit(struct raml_exits_set *s);
/* header: taken as the set's, a new reference. RAML_EFORMAT: it is no header. */
RAML_CHECKED enum raml_code raml_exits_set_header(struct raml_exits_set *s, const struct raml_place *at, json_t *header,
                                                  struct raml_err *err);
/* Its text, without the newline, on which the checks of all lines depend. */
void raml_exits_set_begun(struct raml_exits_set *s, const char *header, size_t n);
/* A line "{...}\n" from byte `from` of the buffer on gets its check: a hash of it and, by the one before it, of all lines
 * before. */
void raml_exits_seal(struct raml_buf *b, size_t from, uint64_t *check);
/* One more trajectory from its line of n bytes, without the newline; the set is as before on failure. RAML_EFORMAT: also where
 * its check shows that it or a line before was changed, or that lines are missing. */
RAML_CHECKED enum raml_code raml_exits_set_add(struct raml_exits_set *s, const struct raml_place *at, const char *text,
                                               size_t n, struct raml_err *err);
/* Only the first n trajectories. */
void raml_exits_set_cut(struct raml_exits_set *s, size_t n);
/* Reads probes.jsonl. *end: bytes up to which lines are whole; a torn last line (no newline) is left out. */
RAML_CHECKED enum raml_code raml_exits_set_read(struct raml_exits_set *s, const char *path, size_t *end,
                                                struct raml_err *err);
/* RAML_EUSAGE: a field of `wanted` differs from the set's; the first is named. */
RAML_CHECKED enum raml_code raml_exits_set_same(const struct raml_exits_set *s, const char *path, const json_t *wanted,
                                                struct raml_err *err);
/* The hash of the question's text and the seed: the lower ones are the validation half. */
uint64_t raml_exits_rank_of(const char *question, uint64_t seed);
/* The share of the distinct questions, rounded, at least one on each half where there are two. */
RAML_CHECKED enum raml_code raml_exits_set_split(struct raml_exits_set *s, double validation, uint64_t seed,
                                                 struct raml_err *err);
struct raml_exit_stored raml_exits_stored(const struct raml_exits_trajectory *t, const struct raml_exit_policy *p);

/* -- exits_item.c: a trajectory on its way into the set ------------------------------------------------------------- */
struct raml_exits_maker { /* what all trajectories share */
    const struct raml_exits_files_job *job;
    const struct raml_exits_files_options *opt;
    struct raml_trace_source source;
    struct sample_texts texts;
    char *words;       /* the texts of word[], one after another */
    const char **word; /* [n_words] in front of which there is a place */
    size_t n_words;
    struct raml_tracer *tracer;
    struct raml_evaluator evaluator;
    bool has_evaluator;
    uint64_t n_read;
};
struct raml_exits_item { /* zero-initialise; may be used again */
    const struct raml_question *q;
    size_t sample, question;
    struct raml_trace_text text;
    struct raml_str *piece; /* [n tokens] */
    size_t cap_pieces;
    uint32_t *at; /* [n_places] */
    bool *wait;
    size_t n_places, cap_places;
    struct raml_loss_curve curve;   /* of the question's answer, at the places */
    double *entropy;                /* [n_places] */
    struct raml_generated *written; /* [n_places] */
    size_t cap_values;
};
RAML_CHECKED enum raml_code raml_exits_maker_init(struct raml_exits_maker *m, const struct raml_exits_files_job *job,
                                                  const struct raml_exits_files_options *opt, struct raml_err *err);
void raml_exits_maker_deinit(struct raml_exits_maker *m);
void raml_exits_item_deinit(struct raml_exits_item *it);
/* Tokens and places. RAML_ERANGE: no answer to the question, or more than the context. */
RAML_CHECKED enum raml_code raml_exits_item_fill(const struct raml_exits_maker *m, const struct raml_question *q,
                                                 size_t sample, struct raml_exits_item *it, struct raml_err *err);
/* Its line of the set, with a newline, appended to *b. */
RAML_CHECKED enum raml_code raml_exits_item_line(const struct raml_exits_maker *m, const struct raml_exits_item *it,
                                                 struct raml_buf *b, struct raml_err *err);
size_t raml_exits_item_cost(const struct raml_exits_maker *m,
                            const struct raml_exits_item *it); /* tokens of all texts */

/* -- exits_measure.c: losses, entropies and answers of a batch --------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_exits_measure(struct raml_exits_maker *m, struct raml_exits_item *const *item,
                                               size_t n, struct raml_err *err);

/* -- exits_collect.c: making a set, or completing one -------------------------------------------------------------------- */
struct raml_exits_collected {
    size_t n_skipped;
    uint64_t n_read;
    bool stopped;
};
/* Completes the set at `path`, which may be there already, and leaves it in *s (initialised, empty). */
RAML_CHECKED enum raml_code raml_exits_collect(const struct raml_exits_files_job *job,
                                               const struct raml_exits_files_options *opt, const char *path,
                                               struct raml_exits_set *s, struct raml_exits_collected *out,
                                               struct raml_err *err);
/* How many of a question's trajectories are to be probed. */
size_t raml_exits_wanted(const struct raml_exits_files_options *opt, const struct raml_question *q);

/* -- exits_header.c: the first line of a set -------------------------------------------------------------------------------- */
/* data: of the questions; texts: of their tokens, 0 where there is no model. *out: a new object of the fields that can be
 * known (without questions, tokenizer or model those are fewer). */
RAML_CHECKED enum raml_code raml_exits_header(const struct raml_exits_files_job *job,
                                              const struct raml_exits_files_options *opt, json_t **out,
                                              struct raml_err *err);
/* What only encoded trajectories tell: their number, and the hash of their tokens. */
RAML_CHECKED enum raml_code raml_exits_header_texts(json_t *header, size_t n, uint64_t hash, struct raml_err *err);

/* -- exits_grid.c: which policies ------------------------------------------------------------------------------------- */
enum { RAML_EXITS_FAMILY = 64 };
struct raml_exits_policy {
    struct raml_exit_policy p;
    char settings[RAML_EXIT_TEXT], family[RAML_EXITS_FAMILY];
    bool oracle;
};
struct raml_exits_policies { /* zero-initialise; free policy. The first is full thinking; no two are alike */
    struct raml_exits_policy *policy;
    size_t n, cap;
};
/* list: "stability:repeats=3;eat"; NULL: grids. Fixed budgets are always among them. */
RAML_CHECKED enum raml_code raml_exits_policies(const struct raml_exits_set *s, const char *list,
                                                struct raml_exits_policies *out, struct raml_err *err);
/* One policy, of those there or appended; *index: which. */
RAML_CHECKED enum raml_code raml_exits_policies_add(struct raml_exits_policies *out, const struct raml_exit_policy *p,
                                                    size_t *index, struct raml_err *err);

/* -- exits_runs.c: every policy on every trajectory ------------------------------------------------------------------- */
struct raml_exits_run { /* raml_exit_run, small */
    uint32_t stop, answer, probe_tokens, total, n_probes, n_entropy_probes;
    const char *reason;
    bool right;
};
struct raml_exits_runs {
    const struct raml_exits_set *set;
    const struct raml_exits_policies *policies;
    struct raml_exits_run *run; /* [n policies, n trajectories] */
};
/* set and policies are borrowed. On failure *out is empty. */
RAML_CHECKED enum raml_code raml_exits_runs(const struct raml_exits_set *s, const struct raml_exits_policies *p,
                                            struct raml_exits_runs *out, struct raml_err *err);
void raml_exits_runs_deinit(struct raml_exits_runs *r);
const struct raml_exits_run *raml_exits_run_of(const struct raml_exits_runs *r, size_t policy, size_t trajectory);

/* -- exits_means.c: what they come to, and which settings are chosen --------------------------------------------------------- */
struct raml_exits_report { /* texts of a summary's rows */
    struct raml_exits_policies policies;
    struct raml_arena *arena;
    char best[RAML_EXIT_TEXT];
};
/* row[n policies]: all fields. */
RAML_CHECKED enum raml_code raml_exits_means(const struct raml_exits_runs *r,
                                             const struct raml_exits_files_options *opt, struct raml_arena *texts,
                                             struct raml_exits_row *row, size_t *best, struct raml_err *err);

enum raml_exit_kind raml_exits_kind_of(const struct raml_exits_row *row);
/* Of a kind's families the one whose chosen setting is best by the same rule, released ones left out; n: none. */
size_t raml_exits_chosen_of(const struct raml_exits_row *row, size_t n, enum raml_exit_kind kind, bool by_accuracy);

/* -- exits_tables.c ----------------------------------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_exits_write_table(const struct raml_exits_row *row, size_t n, const char *dir,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_exits_write_runs(const struct raml_exits_runs *r, const struct raml_exits_row *row,
                                                  const char *dir, struct raml_err *err);

/* -- exits_pictures.c --------------------------------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_exits_pictures(const struct raml_exits_row *row, size_t n, bool by_accuracy,
                                                struct raml_drawing *to, const char *name, struct raml_err *err);
/* "Dynasor" */
const char *raml_exits_label(enum raml_exit_kind kind);
/* -- exits_page.c ------------------------------------------------------------------------------------------------------- */
/* trajectories.html and marks.jsonl: where the best setting of each kind stops. */
RAML_CHECKED enum raml_code raml_exits_page(const struct raml_exits_runs *r, const struct raml_exits_row *row,
                                            const struct raml_exits_files_options *opt, const char *dir,
                                            const char *name, struct raml_err *err);

/* -- exits_online.c: a policy in running samples --------------------------------------------------------------------------- */
/* Those files of an earlier run go before the tables that they were beside do. */
RAML_CHECKED enum raml_code raml_exits_online_remove(const char *dir, struct raml_err *err);
/* Samples the job's questions that are on the test half of the set, in full and with the policy; probes the full ones
 * and replays it on them. Writes all of its files or none. *out: settings is borrowed from policy. */
RAML_CHECKED enum raml_code raml_exits_online(const struct raml_exits_files_job *job,
                                              const struct raml_exits_files_options *opt,
                                              const struct raml_exits_set *halves, const char *policy,
                                              struct raml_exits_online *out, struct raml_err *err);

#endif
