/* tally_parts.h - the inside of raml_tallies, for the sources that make tables and comparisons from it. */
#ifndef RAML_EVAL_TALLY_PARTS_H
#define RAML_EVAL_TALLY_PARTS_H

#include "eval/answer_classes.h"
#include "eval/count_table.h"

#include "raml/table.h"

struct raml_group {       /* questions of one split, family and difficulty */
    char *split, *family; /* NULL: unknown, or not grouped by */
    int difficulty;
    size_t n_questions, n_samples, n_correct, n_truncated, n_unclosed;
    uint32_t n_min, n_max;
    struct raml_count_table counts;
};

struct raml_retained { /* a question, if they are retained */
    char *id;
    uint32_t n, c;
    size_t i; /* its number, from 0 */
};

struct raml_tallies {
    struct raml_table_options opt; /* k and measure point at the next two */
    uint32_t k[RAML_TABLE_MAX_K];
    struct raml_measure measure[RAML_TABLE_MAX_MEASURES];
    size_t n_maj; /* measures that are maj@k; 0 once they were dropped */
    struct raml_group *group;
    size_t n_groups, cap_groups, last; /* last: group of the last question */
    struct raml_hash_map map;          /* split, family and difficulty -> group */
    size_t n_questions;
    double *maj;         /* [n_questions][n_maj] */
    uint32_t *maj_group; /* [n_questions] */
    size_t cap_maj;
    bool keep;
    struct raml_retained *retained; /* [n_questions] */
    size_t cap_retained;
    struct raml_answer_classes classes;
    struct raml_majority majority;
};

#endif
