/* attention_parts.h - a trajectory's queries and groups, their sums, and the writers; for attention_*.c only. */
#ifndef RAML_STUDY_ATTENTION_PARTS_H
#define RAML_STUDY_ATTENTION_PARTS_H

#include "eval/cluster.h"
#include "inner/attention.h"
#include "inner/pieces.h"
#include "raml/attention_files.h"
#include "study/figure.h"

/* -- attention_plan.c: where a text's steps begin, and what its tokens are --------------------------------------------- */
struct raml_attention_step { /* a line of the trajectory that is not empty: bytes [from, to) of the text */
    size_t from, to;
    size_t result, result_end; /* what it results in */
};
struct raml_attention_site { /* a query */
    uint32_t token;
    enum raml_attention_query at;
    uint32_t step;   /* which line is about to be written, or is being written */
    uint16_t source; /* group of the token that has the symbol; state, operand */
};
struct raml_attention_unit_at { /* tokens [first, last] are predicted right or not */
    enum raml_attention_unit unit;
    uint32_t first, last;
};
struct raml_attention_bundle {    /* what a group of tokens belongs to */
    enum raml_attention_group of; /* lines: LINE, with their number */
    uint32_t step;
};
struct raml_attention_plan { /* of one trajectory; zero-initialise; may be used again */
    struct raml_tokens token;
    size_t n_prompt;
    struct raml_pieces text;              /* prompt and trajectory */
    size_t question, question_end;        /* bytes; equal: the prompt does not have the question as it is */
    struct raml_attention_step *step;     /* [n_steps] */
    struct raml_attention_site *site;     /* [n_sites] by rising token */
    struct raml_attention_unit_at *unit;  /* [n_units] */
    struct raml_attention_bundle *bundle; /* [n_groups] */
    uint16_t *group;                      /* [token.n] */
    uint32_t *query;                      /* [n_queries] tokens of the sites, each once */
    struct raml_str *piece;
    size_t n_steps, n_sites, n_units, n_groups, n_queries;
    size_t cap_steps, cap_sites, cap_units, cap_groups, cap_group, cap_query, cap_piece;
};
/* The first groups; then one for each line, and those of single tokens. */
enum { RAML_ATTENTION_OF_QUESTION, RAML_ATTENTION_OF_PROMPT, RAML_ATTENTION_OF_LINES };
void raml_attention_plan_deinit(struct raml_attention_plan *p);
/* RAML_ERANGE: more lines than there can be groups. */
RAML_CHECKED enum raml_code raml_attention_plan_fill(struct raml_attention_plan *p, const struct raml_tokenizer *t,
                                                     const struct raml_format *format, const struct raml_question *q,
                                                     size_t sample, struct raml_err *err);
/* -- attention_sites.c ------------------------------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_attention_plan_bundle(struct raml_attention_plan *p, enum raml_attention_group of,
                                                       size_t step, struct raml_err *err);
/* The token before the one that has the byte; none where that is the text's first. */
RAML_CHECKED enum raml_code raml_attention_plan_site(struct raml_attention_plan *p, enum raml_attention_query at,
                                                     size_t step, size_t byte, uint16_t source, struct raml_err *err);
/* The tokens of bytes [from, to), to > from, unless they begin in the prompt. */
RAML_CHECKED enum raml_code raml_attention_plan_unit(struct raml_attention_plan *p, enum raml_attention_unit unit,
                                                     size_t from, size_t to, struct raml_err *err);
/* For the rules of a family: a symbol at `byte` of the text, which the byte `source` says. */
RAML_CHECKED enum raml_code raml_attention_plan_symbol(struct raml_attention_plan *p, enum raml_attention_query at,
                                                       size_t step, size_t byte, size_t source, struct raml_err *err);
/* A symbol of the new state at `byte`. */
RAML_CHECKED enum raml_code raml_attention_plan_lookup(struct raml_attention_plan *p, size_t byte,
                                                       struct raml_err *err);

/* -- attention_perm.c -------------------------------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_attention_perm(struct raml_attention_plan *p, struct raml_err *err);

/* -- attention_stats.c ------------------------------------------------------------------------------------------------- */
struct raml_attention_stats { /* of one model; zero-initialise */
    size_t n_questions, n_layers, n_heads;
    double *mass;    /* [queries, layers, heads, groups, questions] sums over a question's queries */
    double *uniform; /* [queries, groups, questions] */
    double *n;       /* [queries, questions] how many */
    struct raml_clustered right[RAML_ATTENTION_UNITS];
};
RAML_CHECKED enum raml_code raml_attention_stats_init(struct raml_attention_stats *s, size_t n_questions,
                                                      size_t n_layers, size_t n_heads, struct raml_err *err);
void raml_attention_stats_deinit(struct raml_attention_stats *s);
void raml_attention_stats_clear(struct raml_attention_stats *s);
/* A layer's masses of a text, then what the text has by itself. */
void raml_attention_stats_layer(struct raml_attention_stats *s, size_t question, const struct raml_attention_plan *p,
                                const struct raml_attention_mass *m);
RAML_CHECKED enum raml_code raml_attention_stats_text(struct raml_attention_stats *s, size_t question,
                                                      const struct raml_attention_plan *p, const int32_t *argmax,
                                                      struct raml_err *err);
/* Fills out's numbers, and e [queries, layers, heads, groups]. */
RAML_CHECKED enum raml_code raml_attention_stats_read(const struct raml_attention_stats *s,
                                                      const struct raml_attention_files_options *opt,
                                                      struct raml_estimate *e, struct raml_attention_result *out,
                                                      struct raml_err *err);

/* -- attention_tables.c, attention_pictures.c -------------------------------------------------------------------------- */
/* attention.tsv, models.tsv, results.json; e: of the last model. */
RAML_CHECKED enum raml_code raml_attention_tables_write(const struct raml_attention_files_job *job,
                                                        const struct raml_attention_summary *s,
                                                        const struct raml_estimate *e, struct raml_err *err);
RAML_CHECKED enum raml_code raml_attention_pictures_write(const struct raml_attention_summary *s,
                                                          const struct raml_estimate *e, struct raml_drawing *to,
                                                          const char *data_name, struct raml_err *err);

#endif
