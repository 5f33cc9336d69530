/* declared.h - a study as it was read: what the parts of study.h share. */
#ifndef RAML_STUDY_DECLARED_H
#define RAML_STUDY_DECLARED_H

#include "raml/study.h"
#include "study/yaml_tree.h"

enum {
    STUDY_MAX_AXES = 4,
    STUDY_MAX_ARMS = 256,
    STUDY_MAX_STEPS = 64,       /* that the file names */
    STUDY_MAX_INSTANCES = 8192, /* that are run */
    STUDY_MAX_COMMANDS = 16,
    STUDY_MAX_TERMS = 16,
    STUDY_MAX_NEEDS = 64
};

struct study_axis {
    const char *name; /* "arms" where there is one axis without a name */
    const struct raml_yaml **point;
    size_t n;
};

struct study_arm {
    const char *name;             /* "micro/with" */
    size_t point[STUDY_MAX_AXES]; /* of each axis */
};

struct study_template { /* a step of the file */
    const struct raml_yaml *at;
    const struct raml_yaml *command[STUDY_MAX_COMMANDS];
    size_t n;
    const char *minutes; /* with places to fill in; NULL: none */
};

struct study_measure {
    const struct raml_yaml *at;
    size_t step;                          /* the template */
    const char *file, *path, *low, *high; /* low and high: NULL where there are none */
    const char *unit;                     /* "" where there is none */
    const struct raml_yaml *arms;         /* names of points; NULL: all */
};

struct study_term {
    double factor;
    const char *arm; /* "{size}/with": the axis that the claim goes over in braces */
    size_t measure;
};

enum study_rule { STUDY_ABOVE, STUDY_BELOW, STUDY_WITHIN };

struct study_claim {
    const struct raml_yaml *at;
    const char *id, *says, *of, *unit;
    enum study_rule rule;
    double by;
    struct study_term term[STUDY_MAX_TERMS];
    size_t n;
    int over;      /* the axis that a slope is over; -1: none */
    const char *x; /* the value of its points that the slope is against */
    bool log_x, log_y;
    bool from_file; /* interval: file */
    bool spread;    /* compare: spread */
};

struct study_instance {
    struct raml_study_step step;
    const char ***word; /* [n_commands], each [..] and a NULL: \1 begins the name of a step's folder, \2 is its own */
    struct raml_buf used;
};

struct raml_study {
    struct raml_arena *arena;
    const char *path, *name, *about, *text;
    size_t text_len;
    char hash[RAML_STUDY_HASH];
    const struct raml_yaml *root, *values, *scale; /* scale: the chosen one, NULL: none */
    const char *const *set;
    size_t n_set, n_seeds, first_seed;
    bool *
        taken; /* [n_set] caller's: values that are none of this part's are left out, others noted here; NULL: refused */
    struct study_axis axis[STUDY_MAX_AXES];
    struct study_arm *arm;
    struct study_template step[STUDY_MAX_STEPS];
    struct study_measure *measure;
    struct study_claim *claim;
    struct study_instance *instance;
    size_t n_axes, n_arms, n_steps, n_measures, n_claims, n_instances;
    size_t *of; /* [n_arms, n_seeds, n_steps] instance + 1; 0: not planned */
};

/* declared_read.c: as one part of several. */
RAML_CHECKED enum raml_code raml_study_open_part(const char *path, const struct raml_study_options *o, bool *taken,
                                                 struct raml_study **out, struct raml_err *err);
/* A name of a step, an arm or a measure: it is part of paths and of claims. */
RAML_CHECKED enum raml_code raml_study_check_name(const struct raml_study *s, const struct raml_yaml *y,
                                                  const char *what, struct raml_err *err);
/* declared_fail.c: RAML_EUSAGE, "FILE:LINE: ...". */
RAML_CHECKED enum raml_code raml_study_fail(const struct raml_study *s, const struct raml_yaml *at,
                                            struct raml_err *err, const char *fmt, ...) RAML_PRINTF(4, 5);
/* declared_claims.c: measures and claims of the file. */
RAML_CHECKED enum raml_code raml_study_read_measures(struct raml_study *s, struct raml_err *err);
RAML_CHECKED enum raml_code raml_study_read_claims(struct raml_study *s, struct raml_err *err);
bool raml_study_measured(const struct raml_study *s, const struct study_measure *m, const struct study_arm *arm);
/* The arm whose name is `pattern` with the point's name in place of "{axis}"; NULL: there is none. */
const struct study_arm *raml_study_arm(const struct raml_study *s, const char *pattern, int over, size_t point);

/* declared_words.c: a command's words for one arm and seed. */
struct study_place {
    const struct raml_study *study;
    struct raml_study *plan; /* the same, where steps are added to it; NULL: words have values only */
    const struct study_arm *arm;
    size_t seed;  /* from 1 */
    size_t depth; /* of values within values */
    size_t work;  /* places filled in so far: values within values could be more than ever end */
    /* Steps that words name: gives the instance of a template. */
    enum raml_code (*step)(struct study_place *p, size_t step, size_t *instance, struct raml_err *err);
    size_t need[STUDY_MAX_NEEDS], n_needs;
};
/* The value called `name` (n bytes), unfilled; NULL: there is none. */
const char *raml_study_value_of(const struct study_place *p, const char *name, size_t n);
RAML_CHECKED enum raml_code raml_study_fill(struct study_place *p, const struct raml_yaml *at, const char *text,
                                            struct raml_buf *out, struct raml_err *err);
/* *words: NULL-terminated, in the arena. */
RAML_CHECKED enum raml_code raml_study_words(struct study_place *p, const struct raml_yaml *at, const char *text,
                                             const char ***words, struct raml_err *err);

/* A mapping whose keys are all among known[n]. */
RAML_CHECKED enum raml_code raml_study_check_fields(const struct raml_study *s, const struct raml_yaml *map,
                                                    const char *const *known, size_t n, struct raml_err *err);

/* declared_plan.c. RAML_EUSAGE: seeds of which a claim would see one run. */
RAML_CHECKED enum raml_code raml_study_plan(struct raml_study *s, struct raml_err *err);

/* declared_path.c: the number that `path` leads to in a JSON, JSONL or TSV file that was read.
 *   accuracy.value            fields of objects
 *   rows[3]  rows[-1]         an element, from the end
 *   rows[split=longer,family=add]   the one element whose fields have these values
 *   rows[*]  rows[*,split=longer]   all, all of these: the mean of what follows
 *   ["G-Pass@16_0.5"]         a field whose name has dots
 * A JSONL file is a list of its lines; a TSV file one of objects, numbers where the cell is one. */
RAML_CHECKED enum raml_code raml_study_file(const char *path, json_t **out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_study_follow(const json_t *file, const char *path, double *out, struct raml_err *err);
/* Whether the path can be followed at all, before there is a file. */
RAML_CHECKED enum raml_code raml_study_path_check(const char *path, struct raml_err *err);

/* declared_verdict.c */
struct study_outcome {
    const struct study_claim *claim;
    struct raml_estimate estimate;
    double per_seed[RAML_STUDY_MAX_SEEDS];
    size_t n_seeds; /* in per_seed; 0: interval of a file, or a ratio of spreads */
    enum raml_study_verdict verdict;
    const char *missing; /* why it is not measured; NULL: it is */
};
/* value: [n_arms, n_seeds, n_measures]. One term of a claim without its factor, and the claim's sum, for one seed (from 0)
 * at one point of the axis that the claim goes over (0 where it goes over none). */
double raml_study_term(const struct raml_study *s, const struct raml_study_value *value, const struct study_claim *c,
                       size_t term, size_t seed, size_t point);
double raml_study_sum(const struct raml_study *s, const struct raml_study_value *value, const struct study_claim *c,
                      size_t seed, size_t point);
/* Whether a term's arm changes along the claim's axis (over >= 0). declared_claims.c. */
bool raml_study_goes_over(const struct raml_study *s, const struct study_claim *c, const struct study_term *t);
/* The number that a slope is against, there. */
RAML_CHECKED enum raml_code raml_study_x(const struct raml_study *s, const struct study_claim *c, size_t point,
                                         double *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_study_decide(const struct raml_study *s, const struct raml_study_value *value,
                                              size_t claim, struct study_outcome *out, struct raml_err *err);
/* gap: [n_arms, n_seeds, n_measures], why there is no value; NULL: there is. The first one of the claim's; NULL: none. */
const char *raml_study_gap(const struct raml_study *s, const char *const *gap, const struct study_claim *c);
/* declared_figures.c: of claims that are measured. */
RAML_CHECKED enum raml_code raml_study_figures(const struct raml_study *s, const struct raml_study_value *value,
                                               const struct study_outcome *outcome, const char *dir,
                                               const struct raml_sink *sink, struct raml_err *err);

/* declared_tables.c: files of results. part: a first column; NULL: none. */
struct study_claims_table {
    struct raml_buf text;
    bool part;
};
void raml_study_claims_begin(struct study_claims_table *t, bool part);
void raml_study_claims_add(struct study_claims_table *t, const char *part, const json_t *claims);
/* Writes claims.tsv, and ends it in any case. */
RAML_CHECKED enum raml_code raml_study_claims_write(struct study_claims_table *t, const char *out,
                                                    struct raml_err *err);
RAML_CHECKED enum raml_code raml_study_write_values(const struct raml_study *s, const struct raml_study_value *value,
                                                    const char *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_study_write_json(const char *out, const json_t *doc, struct raml_err *err);

static inline size_t raml_study_at(const struct raml_study *s, size_t arm, size_t seed, size_t measure)
{
    return (arm * s->n_seeds + seed) * s->n_measures + measure;
}

#endif
