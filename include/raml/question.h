/* question.h - a set of questions with their trajectories, and the files they live in.
 *
 * One JSONL line is one question: id, question, answer, and where known family, difficulty, split, trajectories.
 * Ownership: a set owns all its text (one arena); pointers stay valid until raml_questions_deinit.
 */
#ifndef RAML_QUESTION_H
#define RAML_QUESTION_H

#include "raml/answer.h"
#include "raml/buf.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_trajectory_exit { /* early exit of a sample (sample.h) */
    const char *policy;       /* as it was asked for; NULL: none, only a continuation's bound was set */
    const char *reason;       /* "stable", "confident", ..: why thinking was stopped; "end": it was not */
    size_t at;                /* trajectory tokens up to there */
    size_t probes, probe_tokens;
};
struct raml_trajectory {
    const char *text;   /* the text between think and its end; never NULL */
    bool whole;         /* text is a whole completion, with whatever answer it has, and ends as it ends (row.h) */
    const char *answer; /* the sample's own final answer; NULL: none */
    enum raml_verdict correct; /* is that answer correct */
    const char *finish_reason; /* "stop", "length", "budget"; NULL: not a sample */
    bool think_closed;
    size_t think_start, think_end; /* of a sample: tokens [start, end) are `text`; 0, 0: not known, or none */
    const char *style;             /* "concise", "verbose", "reflect" of the built-in solvers; NULL */
    const char *mode;              /* how the model was made to think, as the file says; NULL: it does not */
    uint64_t seed;
    double logp_sum;       /* NaN: not known */
    const int32_t *tokens; /* completion tokens of a sample; NULL when not recorded */
    size_t n_tokens;
    const struct raml_trajectory_exit *exit; /* NULL: no early exit was asked for */
};

struct raml_question {
    const char *id, *question, *answer; /* answer "" when the file has none */
    const char *family, *split;         /* NULL: not known */
    int difficulty;                     /* -1: not known */
    bool letters;                       /* multiple choice: the options are in the question, the answer is a letter */
    struct raml_trajectory *trajectory;
    size_t n_trajectories;
    size_t line; /* in its file, for messages; 0: generated here */
};

struct raml_arena;
struct raml_questions {
    struct raml_question *question;
    size_t n, cap;
    struct raml_arena *arena;
};

void raml_questions_init(struct raml_questions *qs);
void raml_questions_deinit(struct raml_questions *qs);
/* Copies q and everything it points to into the set. */
RAML_CHECKED enum raml_code raml_questions_add(struct raml_questions *qs, const struct raml_question *q,
                                               struct raml_err *err);

/* Where each role was found in a file ("" = not present). Names: docs/data.md. */
struct raml_fields {
    char id[64], question[64], answer[64], trajectory[64], labels[64], family[64], difficulty[64], split[64];
    char choices[128];
    char context[64];   /* what is in front of the question in a field of its own: a passage */
    char unread[256];   /* fields of the file that were left aside: "a, b, ..." */
    const char *layout; /* "raml", "gsm8k", "math", "rollouts", "choices", "preference", "generic": static text */
};

struct raml_read_options {
    const char *map; /* "question=Problem,answer=Answer" overrides detection; NULL: none */
    size_t limit;    /* at most this many, from the start; 0: all */
    bool skip_bad;   /* bad lines are counted and skipped instead of ending the read */
    void (*on_bad)(void *user, size_t line, const char *message); /* is called for each skipped line; NULL: none */
    void *user;
    const char *name; /* what the file is called in messages, and by its end; NULL: path */
    uint64_t seed;    /* for the order of options where the file has the correct one first */
};

/* Reads JSONL, a JSON array, or a table (a name that ends in .csv or .tsv). Accepts GSM8K ("answer" text ending in
 * "#### n" is split into trajectory and answer), MATH (solution's last \boxed{}), RaML rollout files (problem, answer,
 * generations, labels), multiple choice, preference files (prompt, chosen, rejected) and ours; docs/data.md has the
 * names.
 * Multiple choice: the options are put after the question, "\n\nA) ...\nB) ...", and the answer is a letter. Where the
 * correct option has a field of its own (GPQA) their order is random, by seed and hash of the question's text: the same
 * in every run and file.
 * *fields (may be NULL): which names were found. *n_bad (may be NULL) counts the lines skipped. */
RAML_CHECKED enum raml_code raml_questions_read(struct raml_questions *qs, const char *path,
                                                const struct raml_read_options *opt, struct raml_fields *fields,
                                                size_t *n_bad, struct raml_err *err);
/* Adds the question as a line of our own JSONL, its newline too. */
RAML_CHECKED enum raml_code raml_question_print(const struct raml_question *q, struct raml_buf *out,
                                                struct raml_err *err);
/* Writes our own JSONL, atomically. */
RAML_CHECKED enum raml_code raml_questions_write(const struct raml_questions *qs, const char *path,
                                                 struct raml_err *err);

/* Hash of the question's normalised text (lower case, whitespace folded): the same for every spelling of it. */
uint64_t raml_question_hash(const char *question);
/* The side of a split of `part` in `whole` (whole > 0) that a question is on: only by its hash, hash mod whole < part.
 * A larger share whose denominator is a divisor contains the smaller one: 1/8 is within 1/4. */
bool raml_question_is_test(uint64_t hash, uint32_t part, uint32_t whole);

#pragma GCC visibility pop
#endif
