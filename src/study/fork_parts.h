/* fork_parts.h - one forked trajectory on its way to files, and what it passes through; for fork_*.c only. */
#ifndef RAML_STUDY_FORK_PARTS_H
#define RAML_STUDY_FORK_PARTS_H

#include "core/arena.h"
#include "core/file.h"
#include "eval/answer_classes.h"
#include "eval/cluster.h"
#include "inner/fork.h"
#include "inner/fork_places.h"
#include "inner/generate.h"
#include "inner/pieces.h"
#include "inner/sample_text.h"
#include "raml/fork_files.h"
#include "study/trajectory_view.h"

#include <jansson.h>

/* -- fork_plan.c: the options' texts, read once -------------------------------------------------------------------- */
enum { RAML_FORK_MAX_WORDS = 32, RAML_FORK_NONE = -1, RAML_FORK_END = -2 };

enum raml_fork_edit_kind {
    RAML_FORK_UNEDITED, /* a fork where nothing is changed; for tables */
    RAML_FORK_INSERT,
    RAML_FORK_CONTROL,
    RAML_FORK_END_THINKING,
    RAML_FORK_REMOVE,
    RAML_FORK_WINDOW,
    RAML_FORK_REPLACE,
    RAML_FORK_REPLACE_CONTROL, /* a control word in a unit's place */
    RAML_FORK_EDIT_KINDS
};
const char *raml_fork_edit_name(enum raml_fork_edit_kind kind); /* "none", "insert", .. */

struct raml_fork_change { /* what is done at every place */
    enum raml_fork_edit_kind kind;
    int word; /* of the plan; RAML_FORK_NONE: takes out; RAML_FORK_END: the answer prefix */
};
struct raml_fork_given; /* places by question */
struct raml_fork_plan {
    const struct raml_fork_files_job *job;
    const struct raml_fork_files_options *opt;
    struct raml_trace_source source;
    enum raml_fork_kind kind;
    char *word[RAML_FORK_MAX_WORDS]; /* [n_words] distinct */
    size_t n_words;
    struct raml_fork_change change[4 * RAML_FORK_MAX_WORDS + 4]; /* [n_changes] the unedited first */
    size_t n_changes;
    struct raml_fork_given *given; /* NULL: no file */
    struct sample_texts texts;
    struct raml_tokens end; /* the answer prefix */
};
RAML_CHECKED enum raml_code raml_fork_plan_init(struct raml_fork_plan *p, const struct raml_fork_files_job *job,
                                                const struct raml_fork_files_options *opt, struct raml_err *err);
void raml_fork_plan_deinit(struct raml_fork_plan *p);                        /* also after a failed _init */
const char *raml_fork_change_word(const struct raml_fork_plan *p, int word); /* "" where there is none */
/* Given places of a trajectory: those of the file (its own line, else its question's), else the options'. Borrowed. */
void raml_fork_plan_given(struct raml_fork_plan *p, const struct raml_question *q, size_t sample, const uint32_t **at,
                          size_t *n);
/* Every line of the file must be of a question and a trajectory of the job. RAML_ERANGE. */
RAML_CHECKED enum raml_code raml_fork_plan_check_given(const struct raml_fork_plan *p, struct raml_err *err);

/* -- fork_item.c: a trajectory as tokens, with its places, edits and forks ----------------------------------------- */
struct raml_forked_edit {
    enum raml_fork_edit_kind kind;
    int word;
    size_t place;
    uint32_t at, resume;
    size_t fork, unedited; /* in the list of forks */
    size_t gap, n_gap;     /* in `put` */
    double now, carried;   /* differences to the unedited trajectory; NaN: thinking was ended */
};
struct raml_forked_fork { /* a text that is continued */
    uint32_t at;
    int word;
    bool at_place;     /* at a place, or at the trajectory's end: not where a window or a unit ends only */
    size_t put, n_put; /* tokens, in `put` */
    uint32_t n, n_correct, n_truncated;
    double tokens;   /* mean number that were written; NaN: none */
    uint32_t *count; /* [n_classes + 1] final answers, then those without one; in the arena; NULL: not sampled */
};
struct raml_fork_importance { /* of a unit; NaN where it is not known */
    double forced, forced_accuracy, resampled, resampled_accuracy;
};
struct raml_forked_answer { /* a class of equal final answers */
    const char *text;
    bool gold, own;
    int forced;             /* its place in p; -1: none */
    uint32_t n, n_unedited; /* continuations that gave it; of those, of forks where nothing was changed */
};
struct raml_forked { /* zero-initialise; may be used again */
    const struct raml_question *q;
    size_t question, sample;
    enum raml_trace_verdict verdict;
    struct raml_trace_text text;
    struct raml_loss_curve curve;
    struct raml_str *piece; /* [T] bytes of each token, the tokenizer's */
    size_t cap_pieces;
    struct raml_pieces joined;
    struct raml_token_roles roles;
    struct raml_fork_place_list places;
    struct raml_fork_importance *importance; /* [places] in the arena */
    struct raml_tokens put;
    struct raml_forked_edit *edit;
    struct raml_forked_fork *fork; /* by rising at, then as their words are in the plan */
    size_t n_edits, cap_edits, n_forks, cap_forks;
    struct raml_arena *arena;          /* of this trajectory */
    struct raml_forked_answer *answer; /* [n_classes] the question's and the sample's own among them */
    size_t n_classes;
    double *p; /* [T + 1, n_forced] forced distribution; NULL: fewer than two answers */
    size_t n_forced;
    double critical[2]; /* forced, resampled: tokens; -1: never; NaN: not known */
};
void raml_forked_deinit(struct raml_forked *f);
/* Tokens only. RAML_ERANGE: no answer, or too long. */
RAML_CHECKED enum raml_code raml_forked_begin(const struct raml_fork_plan *p, size_t question, size_t sample,
                                              struct raml_forked *f, struct raml_err *err);
/* Bytes of the trajectory's tokens from..to. */
struct raml_str raml_forked_text(const struct raml_forked *f, size_t from, size_t to);
const int32_t *raml_forked_put(const struct raml_forked *f, size_t first); /* tokens that were put in */
/* Places, edits and forks. f->curve is known, with the entropies of the tokens. */
RAML_CHECKED enum raml_code raml_forked_plan(struct raml_fork_plan *p, struct raml_forked *f, struct raml_err *err);
/* The fork of these; SIZE_MAX: there is none. */
size_t raml_forked_find(const struct raml_forked *f, uint32_t at, int word);
/* now and carried of all edits. */
RAML_CHECKED enum raml_code raml_forked_losses(struct raml_forker *forker, struct raml_forked *f, uint64_t *own_tokens,
                                               struct raml_err *err);

/* -- fork_sample.c: continuations ---------------------------------------------------------------------------------- */
typedef enum raml_code raml_fork_generate_fn(const struct raml_model *m, const struct raml_generate_options *opt,
                                             const struct raml_generate_job *job, size_t n_jobs,
                                             const struct raml_generate_guide *guide, struct raml_generate_stats *stats,
                                             const struct raml_sink *sink, struct raml_err *err);
struct raml_fork_sampled { /* a continuation, read */
    const char *answer;    /* NULL: none that counts */
    bool correct, truncated, unclosed;
    uint32_t n_tokens;
};
struct raml_fork_sampler { /* zero-initialise but for generate; reused */
    raml_fork_generate_fn *generate;
    struct raml_generate_stats stats;  /* of all calls */
    uint64_t fork_tokens;              /* texts of all forks, each counted once */
    struct raml_fork_sampled *sampled; /* [forks, n] of the last trajectory; texts in its arena */
    size_t cap_sampled;
    void (*progress)(void *user, double share); /* of the trajectory; may be NULL */
    void *user;
};
void raml_fork_sampler_deinit(struct raml_fork_sampler *s);
RAML_CHECKED enum raml_code raml_fork_sample(struct raml_fork_sampler *s, const struct raml_fork_plan *p,
                                             struct raml_forked *f, struct raml_err *err);

/* -- fork_analysis.c: answers, critical positions, importance ------------------------------------------------------ */
/* Classes of equal answers, and the forks' counts. sampled: [forks, n]; NULL: nothing was sampled. */
RAML_CHECKED enum raml_code raml_forked_count(const struct raml_fork_plan *p, struct raml_answer_classes *classes,
                                              const struct raml_fork_sampled *sampled, struct raml_forked *f,
                                              struct raml_err *err);
/* The forced distribution, read along the trajectory. own_tokens: of what was read, if each probe were read by itself. */
RAML_CHECKED enum raml_code raml_forked_choose(const struct raml_fork_plan *p, struct raml_tracer *tracer,
                                               struct raml_forked *f, uint64_t *own_tokens, struct raml_err *err);
/* Critical positions and importance. */
RAML_CHECKED enum raml_code raml_forked_analyse(const struct raml_fork_plan *p, struct raml_forked *f,
                                                struct raml_err *err);

/* What an edit did, less the unedited. */
struct raml_fork_effect {
    double now, carried, accuracy, accuracy_change, kl, tokens_change; /* NaN: not known */
};
struct raml_fork_effect raml_forked_effect(const struct raml_forked *f, const struct raml_forked_edit *e);
/* Less the mean over the controls at its place: NaN where there are none, or none of its kind. */
struct raml_fork_effect raml_forked_less_control(const struct raml_forked *f, const struct raml_forked_edit *e);

/* -- fork_stats.c: fork.tsv and the order of importances ----------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_fork_stats_open(const struct raml_fork_plan *p, struct raml_fork_stats **out,
                                                 struct raml_err *err);
void raml_fork_stats_close(struct raml_fork_stats *s); /* NULL is fine */
RAML_CHECKED enum raml_code raml_fork_stats_add(struct raml_fork_stats *s, const struct raml_forked *f,
                                                struct raml_err *err);
/* out->row, n_rows and order. */
RAML_CHECKED enum raml_code raml_fork_stats_read(struct raml_fork_stats *s, struct raml_fork_summary *out,
                                                 struct raml_err *err);
RAML_CHECKED enum raml_code raml_fork_stats_write(const struct raml_fork_summary *s, const char *dir,
                                                  struct raml_err *err);
struct raml_fork_units { /* all that have both importances: for the order, and for a figure */
    double *forced, *resampled;
    uint64_t *question;
    size_t n, cap;
};
const struct raml_fork_units *raml_fork_stats_units(const struct raml_fork_stats *s);

/* -- fork_tables.c: effects.tsv, order.tsv ------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_fork_tables_write(const struct raml_fork_summary *s, bool resampled, const char *dir,
                                                   struct raml_err *err);

/* -- fork_marks.c: what the trajectory view shows ------------------------------------------------------------------ */
struct raml_fork_marks { /* of one trajectory; zero-initialise */
    struct raml_coloured_mark *mark;
    char **text; /* [2 n] name and text of each, owned */
    size_t n, cap, cap_text;
};
void raml_fork_marks_deinit(struct raml_fork_marks *m);
/* Edits but for controls, with the change of accuracy, or without continuations of L(T); then critical positions. */
RAML_CHECKED enum raml_code raml_fork_marks_fill(struct raml_fork_marks *m, const struct raml_fork_plan *p,
                                                 const struct raml_forked *f, struct raml_err *err);

/* -- fork_records.c: fork.jsonl, importance.tsv, marks.jsonl ------------------------------------------------------- */
struct raml_fork_records {
    struct raml_writer lines, importance, marks;
    struct raml_buf line;
};
RAML_CHECKED enum raml_code raml_fork_records_init(struct raml_fork_records *r, const char *dir, struct raml_err *err);
void raml_fork_records_deinit(struct raml_fork_records *r); /* also after a failed _init */
RAML_CHECKED enum raml_code raml_fork_records_add(struct raml_fork_records *r, const struct raml_fork_plan *p,
                                                  const struct raml_forked *f, struct raml_err *err);
RAML_CHECKED enum raml_code raml_fork_records_commit(struct raml_fork_records *r, struct raml_err *err);

/* -- fork_pictures.c: figures and the page ------------------------------------------------------------------------- */
struct raml_fork_pictures;
RAML_CHECKED enum raml_code raml_fork_pictures_open(const struct raml_fork_plan *p, struct raml_fork_pictures **out,
                                                    struct raml_err *err);
void raml_fork_pictures_close(struct raml_fork_pictures *x); /* NULL is fine */
/* One that is shown is taken over: *f is then empty. */
RAML_CHECKED enum raml_code raml_fork_pictures_add(struct raml_fork_pictures *x, struct raml_forked *f,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_fork_pictures_write(const struct raml_fork_pictures *x,
                                                     const struct raml_fork_summary *s, struct raml_err *err);

/* -- fork_files.c -------------------------------------------------------------------------------------------------- */
/* raml_fork_files with another generator, for tests. */
RAML_CHECKED enum raml_code raml_fork_files_by(const struct raml_fork_files_job *job,
                                               const struct raml_fork_files_options *opt,
                                               raml_fork_generate_fn *generate, struct raml_fork_summary *out,
                                               struct raml_err *err);

#endif
