/* attention_files.h - what a model's heads attend to where a step of a trajectory begins, over a set of questions'
 * trajectories and the checkpoints of a run, as files (docs/methods.md, section 2; order parameters of arXiv 2606.18164).
 *
 * A trajectory's lines (that are not empty) are its steps. Attention is read at queries, each the token before the one that
 * holds a certain byte, so that the model is about to predict that byte:
 *   line      the first byte of a line, from the second line on
 *   result    the first byte of what such a line results in: its last word with a digit, or, where it has none, its last word
 *             (words end at whitespace and = : ; , ( ) [ ] { } < > $ | and at arrows; marks at their end do not count)
 *   state     (family perm) each symbol that must be read from the last state, and each that must be read from the
 *   operand   factor's word in the question: by the rule of the family exactly one token has it, the source
 * and is summed over groups of tokens: the question, the last line, earlier lines, the line of the step itself, the rest of
 * the prompt, and for state and operand the source (which is also in one of the others; these sum to 1).
 * From the same passes: is the likeliest token the text's own? right, by units, all of whose tokens must be: results, lines
 * (from the second on), trajectories, and of perm the symbols of state, operand, and look-up (the new state's, where they are looked up).
 *
 * raml_attention_files leaves in a folder
 *   attention.tsv   of the last model: query, layer, head (from 0), group, value, low, high, uniform (what attention alike
 *                   to all ancestors would give), queries, questions
 *   models.tsv    a row per model, query and group: step, tokens, query, group, layer, head of the largest mean; its value,
 *                   low, high; mean (over all layers and heads), uniform; and per model and unit of what is right, as query "right",
 *                   group the unit's name, value, low, high
 *   results.json    the same by name, with sizes and settings: .models[i].attention.QUERY.GROUP.max, .models[i].right.UNIT
 *   heads_QUERY_GROUP, training   figures (tsv, gp, svg)
 * Means are over queries, intervals 95 % over questions (cluster.h). The largest of several heads is chosen on the same
 * questions, so that it is a little too large where all are alike. Each file appears whole or not at all.
 */
#ifndef RAML_ATTENTION_FILES_H
#define RAML_ATTENTION_FILES_H

#include "raml/format.h"
#include "raml/metric.h"
#include "raml/model.h"
#include "raml/question.h"

#pragma GCC visibility push(default)

enum raml_attention_query {
    RAML_ATTENTION_LINE,
    RAML_ATTENTION_RESULT,
    RAML_ATTENTION_STATE,
    RAML_ATTENTION_OPERAND,
    RAML_ATTENTION_QUERIES
};
enum raml_attention_group {
    RAML_ATTENTION_TO_QUESTION,
    RAML_ATTENTION_TO_LAST_LINE,
    RAML_ATTENTION_TO_EARLIER_LINES,
    RAML_ATTENTION_TO_LINE,
    RAML_ATTENTION_TO_PROMPT,
    RAML_ATTENTION_TO_SOURCE,
    RAML_ATTENTION_GROUPS
};
enum raml_attention_unit {
    RAML_ATTENTION_RIGHT_RESULT,
    RAML_ATTENTION_RIGHT_LINE,
    RAML_ATTENTION_RIGHT_TRAJECTORY,
    RAML_ATTENTION_RIGHT_STATE,
    RAML_ATTENTION_RIGHT_OPERAND,
    RAML_ATTENTION_RIGHT_LOOKUP,
    RAML_ATTENTION_UNITS
};
const char *raml_attention_query_name(enum raml_attention_query q); /* "operand" */
const char *raml_attention_group_name(enum raml_attention_group g); /* "last_line" */
const char *raml_attention_unit_name(enum raml_attention_unit u);   /* "lookup" */

struct raml_attention_files_options {
    bool skip_long; /* leave out trajectories longer than the context; else they are an error */
    const char *split, *family;
    size_t max_samples, max_batch_tokens;
    uint64_t seed;    /* of the intervals */
    uint32_t n_draws; /* resamples; 0: no intervals */
};
/* 16384 tokens a pass, 1000 resamples. */
struct raml_attention_files_options raml_attention_files_default(void);

struct raml_attention_most { /* of the heads of all layers */
    struct raml_estimate e;  /* the largest mean; NaN: no query */
    size_t layer, head;      /* the first that has it */
    double mean, uniform;    /* over all heads; what attention alike to all ancestors gives */
    size_t n_queries;
};
struct raml_attention_result { /* of one model */
    uint64_t step, tokens;
    struct raml_attention_most of[RAML_ATTENTION_QUERIES][RAML_ATTENTION_GROUPS];
    struct raml_estimate right[RAML_ATTENTION_UNITS];
    size_t n_right[RAML_ATTENTION_UNITS]; /* units */
};
struct raml_attention_summary {
    struct raml_attention_result *model; /* [n_models] */
    size_t n_models, n_trajectories, n_questions, n_skipped, n_layers, n_heads;
    uint64_t n_read, n_passes;
};
void raml_attention_summary_deinit(struct raml_attention_summary *s);

struct raml_attention_source { /* a model of the table */
    const char *name;
    uint64_t step, tokens; /* 0, 0: not known */
};
struct raml_attention_files_job {
    const struct raml_attention_source *source; /* [n_sources], in the table's order */
    size_t n_sources;
    /* Opens source i; it is closed (raml_model_close) before the next. All have as many layers and heads as the first. */
    enum raml_code (*open)(void *user, size_t i, struct raml_model **out, struct raml_err *err);
    void *user;
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_questions *questions;
    const char *data_name; /* for messages and titles; NULL: none */
    const char *dir;       /* made if missing */
    const struct raml_sink *sink;
};
/* *out: for raml_attention_summary_deinit. RAML_ERANGE: nothing to look at, a trajectory that is too long (named).
 * RAML_ESTOP: between passes; nothing is written then. */
RAML_CHECKED enum raml_code raml_attention_files(const struct raml_attention_files_job *job,
                                                 const struct raml_attention_files_options *opt,
                                                 struct raml_attention_summary *out, struct raml_err *err);

#pragma GCC visibility pop
#endif
