/* roles_parts.h - units of roles and words on their way to files; for roles_*.c only. */
#ifndef RAML_STUDY_ROLES_PARTS_H
#define RAML_STUDY_ROLES_PARTS_H

#include "core/file.h"
#include "inner/role_steps.h"
#include "raml/roles_files.h"
#include "study/figure.h"

/* -- roles_words.c: lists of words ----------------------------------------------------------------------------------- */
enum { RAML_ROLES_MAX_WORDS = 256 };
struct raml_roles_words { /* zero-initialise; free with _deinit */
    char **word;          /* [n] no two alike, no whitespace at their ends */
    size_t n, cap;
};
void raml_roles_words_deinit(struct raml_roles_words *w);
/* The options' words: lower case, each run of whitespace one space. RAML_EUSAGE, RAML_EFORMAT. */
RAML_CHECKED enum raml_code raml_roles_words_read(struct raml_roles_words *w,
                                                  const struct raml_roles_files_options *opt, struct raml_err *err);
/* The options' delimiters, or the usual ones and the format's. */
RAML_CHECKED enum raml_code raml_roles_delimiters_read(struct raml_roles_words *w,
                                                       const struct raml_roles_files_options *opt,
                                                       const struct raml_format *format, struct raml_err *err);

/* -- A unit ---------------------------------------------------------------------------------------------------------- */
struct raml_roles_unit {
    enum raml_token_role role;
    uint32_t word;        /* index in the list, of reflection */
    uint32_t first, last; /* tokens, from 1 */
    uint32_t question;    /* index */
    enum raml_trace_verdict verdict;
    double before, after, effect; /* L(first - 1), L(last); effect NaN: no window */
};
struct raml_roles_found { /* a trajectory and its units; borrowed for one call */
    const struct raml_question *q;
    size_t sample;
    const struct raml_str *piece; /* [n_tokens] */
    size_t n_tokens;
    const float *entropy;
    const struct raml_roles_words *words;
    const struct raml_roles_unit *unit; /* [n] */
    const size_t *n_windows;            /* [n] */
    size_t n;
};

/* -- roles_records.c: units.jsonl, marks.jsonl ------------------------------------------------------------------------ */
struct raml_roles_records { /* zero-initialise */
    struct raml_writer units, marks;
    struct raml_buf line;
};
RAML_CHECKED enum raml_code raml_roles_records_init(struct raml_roles_records *r, const char *dir,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_roles_records_add(struct raml_roles_records *r, const struct raml_roles_found *t,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_roles_records_commit(struct raml_roles_records *r, struct raml_err *err);
void raml_roles_records_deinit(struct raml_roles_records *r);

/* -- roles_stats.c: rows ---------------------------------------------------------------------------------------------- */
struct raml_roles_set { /* of all trajectories, a question's together */
    struct raml_roles_unit *unit;
    size_t n, cap;
};
/* Sets out's rows and names. */
RAML_CHECKED enum raml_code raml_roles_rows(const struct raml_roles_set *set, const struct raml_roles_words *words,
                                            const struct raml_roles_files_options *opt, struct raml_roles_summary *out,
                                            struct raml_err *err);
/* roles.tsv and words.tsv */
RAML_CHECKED enum raml_code raml_roles_tables_write(const struct raml_roles_summary *s, const char *dir,
                                                    struct raml_err *err);

/* -- roles_pictures.c -------------------------------------------------------------------------------------------------- */
RAML_CHECKED enum raml_code raml_roles_pictures_write(const struct raml_roles_summary *s, size_t min_units,
                                                      struct raml_drawing *to, const char *data_name,
                                                      struct raml_err *err);

#endif
