/* dataset.h - private: how rows of files become questions. Public side: question.h, docs/data.md.
 *
 * A role (question, answer, ...) is found under one of several names. The first row that has one of them fixes the
 * name for the file; a mapping by the user fixes it beforehand. Question and answer are then required in every row,
 * so that a row that lacks them is an error and not a question without an answer.
 */
#ifndef RAML_TASK_DATASET_H
#define RAML_TASK_DATASET_H

#include "core/arena.h"
#include "core/json.h"
#include "raml/question.h"

enum dataset_role {
    ROLE_ID,
    ROLE_QUESTION,
    ROLE_CHOICES, /* before the answer: some names mean an answer only beside options */
    ROLE_ANSWER,
    ROLE_TRAJECTORY,
    ROLE_LABELS,
    ROLE_FAMILY,
    ROLE_DIFFICULTY,
    ROLE_SPLIT,
    N_ROLES
};

enum dataset_hashes { HASHES_UNKNOWN, HASHES_NONE, HASHES_ALL }; /* do answers end in GSM8K's "#### n" */

struct dataset_context {
    const char *name, *between; /* the field; what stands between it and the question */
};

struct dataset_names {
    const char *name[N_ROLES]; /* dotted path, or parts joined by '+'; NULL: not found yet; "": not wanted */
    bool mapped[N_ROLES];      /* by the user */
    bool settled;              /* the first row has been seen */
    bool boxed_answer;         /* the answer is the last \boxed{} of the solution */
    bool list;                 /* trajectories came as a list of texts */
    bool objects;              /* ... of our own objects */
    bool pairs;                /* the trajectories are a chosen and a rejected one: two fields, joined by '+' */
    bool implicit;             /* ... and the question is what both begin with */
    bool foreign;              /* some row has a field that our own files lack */
    const struct dataset_context *context; /* what is in front of the question in a field of its own; NULL: nothing */
    char unread[256];                      /* fields that no row's reader looked at: "a, b, ..." */
    enum dataset_hashes hashes;
    char *map; /* the mapping's text, split into names; owned */
};

struct dataset_row { /* the row being read; everything it holds dies with it */
    struct raml_place at;
    const json_t *obj;
    struct raml_arena *scratch;
    struct dataset_names *names;
    uint64_t seed; /* of the order of options */
};

struct dataset_text { /* a slice, not 0-terminated */
    const char *s;
    size_t n;
};

/* dataset_names.c */
RAML_CHECKED enum raml_code raml_dataset_names_init(struct dataset_names *n, const char *map, struct raml_err *err);
void raml_dataset_names_deinit(struct dataset_names *n);
/* Fixes the names that this row can fix. RAML_EFORMAT: no question in the first row, or a mapped name missing. */
RAML_CHECKED enum raml_code raml_dataset_settle(struct dataset_row *r, struct raml_err *err);
void raml_dataset_report(const struct dataset_names *n, struct raml_fields *out);
/* The value at a dotted path; NULL when absent or null. */
json_t *raml_dataset_value(const json_t *obj, const char *path);
const char *raml_dataset_type(const json_t *v); /* "a string"; static */
/* Fields of a preference file, "chosen+rejected", as two names; false: it is not two. */
enum { DATASET_NAME = 64 };
bool raml_dataset_pair_names(const char *names, char name[2][DATASET_NAME]);

/* dataset_text.c */
/* A text, number or truth value, or a list of one of these, as text. NULL: something else, or no memory. */
const char *raml_dataset_scalar(struct dataset_row *r, const json_t *v);
/* Has message m of a chat this speaker? */
bool raml_dataset_speaks(const json_t *m, const char *speaker);
/* The last message of `speaker` ("user", "assistant") in a chat; NULL: not a chat, or none of that speaker. */
const char *raml_dataset_message(const json_t *chat, const char *speaker);
const char *raml_dataset_copy(struct dataset_row *r, struct dataset_text t); /* NULL: no memory */
struct dataset_text raml_dataset_trim(const char *s, size_t n);
/* Splits at the last line "#### answer", if the text ends with it; false: there is none. */
bool raml_dataset_split_hashes(const char *text, struct dataset_text *before, struct dataset_text *after);
/* What the boxes that t ends in hold (raml_answer_boxed), trimmed, of the row; NULL: none. False: no memory. */
bool raml_dataset_boxed(struct dataset_row *r, struct dataset_text t, const char **boxed);
/* Splits a model's text into thinking and answer. RAML_ENOMEM only. */
RAML_CHECKED enum raml_code raml_dataset_split_think(struct dataset_row *r, const char *text, struct raml_trajectory *t,
                                                     struct raml_err *err);

/* "path:line: field 'name' " and what is wrong with it; RAML_EFORMAT. */
enum raml_code raml_dataset_fault(const struct dataset_row *r, const char *field, struct raml_err *err, const char *fmt,
                                  ...) RAML_PRINTF(4, 5);

/* dataset_choice.c */
enum { DATASET_MAX_CHOICES = 26 };
struct dataset_choices {
    size_t n;                                                           /* 0: not a multiple-choice question */
    const char *text[DATASET_MAX_CHOICES], *label[DATASET_MAX_CHOICES]; /* as in the file; label NULL: none given */
    bool first_is_correct;
};
/* The row's options. */
RAML_CHECKED enum raml_code raml_dataset_choices_read(struct dataset_row *r, struct dataset_choices *c,
                                                      struct raml_err *err);
/* Sets the answer to the letter that `gold` (NULL: no answer), the field `name`, stands for, and appends the options to
 * the question. */
RAML_CHECKED enum raml_code raml_dataset_choices_apply(struct dataset_row *r, struct dataset_choices *c,
                                                       const char *name, const json_t *gold, struct raml_question *q,
                                                       struct raml_err *err);

/* dataset_pair.c */
/* Sets the trajectories, which are whole completions: the chosen one, graded right, and the rejected one, graded wrong;
 * and the question, if it is not set, or a chat says what it is. */
RAML_CHECKED enum raml_code raml_dataset_pair_read(struct dataset_row *r, const char *names, struct raml_question *q,
                                                   struct raml_err *err);

/* dataset_row.c */
/* Fills *q; its text belongs to the row's JSON and scratch. */
RAML_CHECKED enum raml_code raml_dataset_row_read(struct dataset_row *r, struct raml_question *q, struct raml_err *err);
#endif
