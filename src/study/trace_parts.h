/* trace_parts.h - one traced trajectory on its way to files, and the writers it passes through; for trace_*.c only. */
#ifndef RAML_STUDY_TRACE_PARTS_H
#define RAML_STUDY_TRACE_PARTS_H

#include "inner/borders.h"
#include "inner/controls.h"
#include "inner/descent.h"
#include "core/file.h"
#include "raml/report.h"
#include "study/trace_answers.h"
#include "study/figure.h"
#include "study/trace_groups.h"

#include <jansson.h>

/* -- trace_plan.c: the options' texts, read once ------------------------------------------------------------------- */
enum { RAML_TRACE_MAX_PREFIXES = 32 };
struct raml_trace_prefix {
    char *name, *text;
};
struct raml_trace_plan {
    const struct raml_trace_files_options *opt;
    const struct raml_trace_files_job *job;
    struct raml_trace_source source;
    struct raml_answer_chooser *chooser;
    enum raml_border_kind border;
    bool strided;  /* probes are not after every token */
    size_t *layer; /* [n_layers] */
    size_t n_layers;
    bool control[RAML_CONTROL_KINDS];
    bool any_control;
    int32_t filler;                                           /* the token */
    struct raml_trace_prefix prefix[RAML_TRACE_MAX_PREFIXES]; /* [n_prefixes] besides the run's own */
    size_t n_prefixes;
};
RAML_CHECKED enum raml_code raml_trace_plan_init(struct raml_trace_plan *p, const struct raml_trace_files_job *job,
                                                 const struct raml_trace_files_options *opt, struct raml_err *err);
void raml_trace_plan_deinit(struct raml_trace_plan *p); /* also after a failed _init */
const char *raml_trace_mode(const struct raml_format *f, const struct raml_trajectory *t);

/* -- trace_item.c: a trajectory as tokens, with all that is probed along it ---------------------------------------- */
struct raml_trace_item { /* zero-initialise; may be used again */
    const struct raml_question *q;
    size_t sample;
    struct raml_trace_text text; /* of the first answer */
    struct raml_asked_list asked;
    struct raml_trace_text *more;   /* [cap_more] answer prefix and answer of each further probe */
    struct raml_trace_probe *probe; /* [n_probes] further answers, then the first one after further prefixes */
    struct raml_tokens token;       /* of these */
    size_t n_probes, n_answers, cap_more, cap_probes; /* n_answers: all distinct ones, the first included */
    struct raml_places places;
    struct raml_str *piece; /* [cap_pieces] bytes of each token, the tokenizer's */
    size_t cap_pieces;
};
void raml_trace_item_deinit(struct raml_trace_item *it);
/* it->asked.n is 0 where there is no answer to trace: nothing else is set then. */
RAML_CHECKED enum raml_code raml_trace_item_fill(const struct raml_trace_plan *p, const struct raml_question *q,
                                                 size_t sample, struct raml_trace_item *it, struct raml_err *err);
/* Two of the answers of which one's tokens begin the other's: shorter and longer. False: there are none. */
bool raml_trace_item_nested(const struct raml_trace_item *it, const char **shorter, const char **longer);
struct raml_trace_input raml_trace_item_input(const struct raml_trace_plan *p, const struct raml_trace_item *it);
/* Pieces of token[n] as the tokenizer has them; piece has room for n. */
RAML_CHECKED enum raml_code raml_trace_pieces(const struct raml_tokenizer *t, const int32_t *token, size_t n,
                                              struct raml_str *piece, struct raml_err *err);
/* Words, delimiters and pieces, for roles and borders. delimiter: room for 4. */
struct raml_token_text raml_trace_token_text(const struct raml_format *f, const struct raml_str *piece, size_t n,
                                             const char *delimiter[4]);

/* -- trace_control.c ----------------------------------------------------------------------------------------------- */
struct raml_trace_effect { /* of one control on one trajectory */
    uint32_t *at;          /* [n] cuts, without 0 */
    double *loss, *effect; /* [n] */
    size_t n;
};
void raml_trace_effect_deinit(struct raml_trace_effect *e);
struct raml_trace_controls; /* who is foreign to whom */
RAML_CHECKED enum raml_code raml_trace_controls_open(const struct raml_trace_plan *p, struct raml_trace_controls **out,
                                                     struct raml_err *err);
void raml_trace_controls_close(struct raml_trace_controls *c); /* NULL is fine */
/* effect[n][RAML_CONTROL_KINDS] of a batch whose curves are known; zero where a control was not asked for. */
RAML_CHECKED enum raml_code raml_trace_controls_run(struct raml_trace_controls *c, struct raml_tracer *t,
                                                    const struct raml_trace_item *item,
                                                    const struct raml_loss_curve *curve, size_t n,
                                                    struct raml_trace_effect (*effect)[RAML_CONTROL_KINDS],
                                                    struct raml_err *err);
/* Adds what the controls of one trajectory will be to a remote model. */
RAML_CHECKED enum raml_code raml_trace_controls_cost(struct raml_trace_controls *c, const struct raml_tracer *t,
                                                     const struct raml_trace_item *item, struct raml_remote_cost *add,
                                                     struct raml_err *err);

/* -- trace_analysis.c: what is read off a curve -------------------------------------------------------------------- */
struct raml_traced { /* borrowed for one call */
    const struct raml_question *q;
    size_t sample, number; /* number: 1, 2 … in the order of curves.jsonl */
    const struct raml_loss_curve *curve;
    const char *const *piece; /* [n_points - 1] bytes between probe k and k + 1 */
    const size_t *piece_len;
    const double *ema; /* [n_points] */
    double ema_weight;
    struct raml_descent descent;
    int64_t solved_at; /* in tokens */
    enum raml_trace_verdict verdict;
    const char *answer;
    enum raml_join join;
    size_t border_bytes; /* bytes of the answer prefix in the answer's first token */
    const struct raml_trace_plan *plan;
    const struct raml_asked_list *asked;
    size_t n_answers;              /* distinct ones: curve, then curve->other[0 .. n_answers - 1) */
    const struct raml_descent *of; /* [n_answers + prefixes] of each; of[0] is descent */
    const double *p, *p_mean;      /* [n_points, n_answers]; NULL: one answer */
    const double *commitment;      /* [n_points] */
    size_t first_stable;           /* in tokens */
    const char *mode;
    double regret;
    const char *const *role;                  /* [n_points - 1]; NULL: not asked for */
    const double *piece_logp, *piece_entropy; /* [n_points - 1] */
    const struct raml_trace_effect *effect;   /* [RAML_CONTROL_KINDS] */
};
struct raml_trace_analysis; /* memory of one, used again and again */
RAML_CHECKED enum raml_code raml_trace_analysis_open(struct raml_trace_analysis **out, struct raml_err *err);
void raml_trace_analysis_close(struct raml_trace_analysis *a); /* NULL is fine */
/* *out points into a, it, c and effect. */
RAML_CHECKED enum raml_code raml_trace_analyse(struct raml_trace_analysis *a, const struct raml_trace_plan *p,
                                               const struct raml_trace_item *it, const struct raml_loss_curve *c,
                                               const struct raml_trace_effect *effect, struct raml_traced *out,
                                               struct raml_err *err);
/* Its numbers, for the groups. question: number of it. */
RAML_CHECKED enum raml_code raml_trace_count(struct raml_trace_groups *g, const struct raml_traced *t, size_t question,
                                             struct raml_err *err);

/* -- trace_prefix.c: what each answer prefix makes of the curves ----------------------------------------------------- */
/* A line each, of rows ("all", "all", "prefix NAME"): kind ("prefix"), prefix, text in visible form, trajectories,
 * questions, then value, low and high of L0, LT, descent, tau_b, falls; the last line, of kind "difference", has the
 * largest difference between two of them. */
RAML_CHECKED enum raml_code raml_trace_prefix_write(const struct raml_trace_plan *p, const struct raml_trace_summary *s,
                                                    const char *path, struct raml_err *err);

/* -- trace_records.c: curves.jsonl, tokens.jsonl, curves.safetensors ---------------------------------------------- */
struct raml_trace_retained { /* a curve as a tensor */
    char *name;
    float *loss;
    size_t n, number;
};
struct raml_trace_records {
    struct raml_writer curves, tokens;
    bool token_table;
    size_t stride;
    const char *border; /* NULL: none */
    struct raml_buf line;
    struct raml_trace_retained *retained;
    size_t n, cap;
    char *tensor_path;
};
RAML_CHECKED enum raml_code raml_trace_records_init(struct raml_trace_records *r, const char *dir,
                                                    const struct raml_trace_files_options *opt, struct raml_err *err);
void raml_trace_records_deinit(struct raml_trace_records *r); /* also after a failed _init */
RAML_CHECKED enum raml_code raml_trace_records_add(struct raml_trace_records *r, const struct raml_traced *t,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_trace_records_commit(struct raml_trace_records *r, struct raml_err *err);
/* The fields of a record that only the trajectory view shows (curve_fields.h), as an object of its own; NULL: no memory. */
json_t *raml_trace_fields(const struct raml_traced *t);

/* -- trace_earlier.c: files of an earlier run in the same folder --------------------------------------------------- */
struct raml_trace_earlier_file {
    char *path;
    uint64_t device, inode;
    int64_t seconds, nanoseconds; /* of the last change */
};
struct raml_trace_earlier { /* zero-initialise */
    struct raml_trace_earlier_file *file;
    size_t n, cap;
};
/* Those in dir whose names are of files that a trace writes (report.h; reader.tsv too). */
RAML_CHECKED enum raml_code raml_trace_earlier_find(struct raml_trace_earlier *e, const char *dir,
                                                    struct raml_err *err);
/* Removes those of them that have not been written since. */
RAML_CHECKED enum raml_code raml_trace_earlier_remove(const struct raml_trace_earlier *e, struct raml_err *err);
void raml_trace_earlier_deinit(struct raml_trace_earlier *e);

/* -- trace_pictures.c: figures and the page ------------------------------------------------------------------------ */
struct raml_trace_shown { /* a trajectory kept for the page, or for its figure */
    char *heading, *question;
    char *bytes; /* of all pieces */
    char **piece;
    size_t *piece_len;
    double *loss, *ema, *at;
    bool *greedy;
    json_t *fields; /* raml_trace_fields; NULL: not on the page */
    double alpha;   /* of the moving average */
    size_t n_points, n_answer;
    enum raml_trace_verdict verdict;
    uint64_t question_key, text_key;
    bool on_page, as_figure;
};
struct raml_trace_pictures {
    struct raml_curve_mean *mean; /* [RAML_TRACE_GROUPS] */
    struct raml_trace_shown *shown;
    size_t n, cap, max_figures, max_on_page;
};
RAML_CHECKED enum raml_code raml_trace_pictures_init(struct raml_trace_pictures *p,
                                                     const struct raml_trace_files_options *opt, struct raml_err *err);
void raml_trace_pictures_deinit(struct raml_trace_pictures *p);
RAML_CHECKED enum raml_code raml_trace_pictures_add(struct raml_trace_pictures *p, const struct raml_traced *t,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_trace_pictures_write(struct raml_trace_pictures *p, struct raml_drawing *to,
                                                      const char *title, struct raml_err *err);

#endif
