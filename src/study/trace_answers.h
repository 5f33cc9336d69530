/* trace_answers.h - which answers a trajectory is asked for.
 *
 * A list of kinds, as --answers has it:
 *   gold       the question's answer
 *   own        the sample's own
 *   majority   the most frequent one among the question's samples (the first of equally frequent ones)
 *   wrong      the most frequent one that is not the question's; absent where there is none
 *   choices    every option's letter, in a multiple choice
 * and, after these, texts given in a file by the question's id. Samples that were truncated or did not close their
 * thinking don't vote (table.h). Answers that the checker finds equal (answer.h) are one: the first of them stands, and
 * `also` says which others it is. Only where one is an option's letter it is spelled as the letter, "D" for "(D)", so
 * that the options' curves compare.
 * Slots     every answer that can be asked for has a number, the same for all questions: gold .. wrong, then the
 *           letters, then the given ones in the order of their list.
 * Memory    texts are borrowed from the question, the chooser or static.
 */
#ifndef RAML_STUDY_TRACE_ANSWERS_H
#define RAML_STUDY_TRACE_ANSWERS_H

#include "raml/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RAML_ANSWER_GOLD,
    RAML_ANSWER_OWN,
    RAML_ANSWER_MAJORITY,
    RAML_ANSWER_WRONG,
    RAML_ANSWER_LETTERS,                          /* 26 of them */
    RAML_ANSWER_GIVEN = RAML_ANSWER_LETTERS + 26, /* up to RAML_ANSWER_SLOTS */
    RAML_ANSWER_SLOTS = RAML_ANSWER_GIVEN + 32
};
const char *raml_answer_slot_name(size_t slot); /* "gold", ..., "A", ..., "given 1", ...; static */
const char *raml_answer_slot_kind(size_t slot); /* "gold", "own", "majority", "wrong", "choice", "given"; static */

struct raml_asked {
    size_t slot;
    const char *text;
    uint64_t also; /* bit s: it is also what slot s asks for; its own bit is set */
};
struct raml_asked_list {
    struct raml_asked answer[RAML_ANSWER_SLOTS]; /* [n] no two of them equal */
    size_t n;
    int of_slot[RAML_ANSWER_SLOTS]; /* place in answer; -1: not asked for, or there is none */
};

struct raml_answer_chooser;
/* kinds: "gold,own"; at least one. given: a JSONL file, {"id", "answers": [texts]} a line; NULL: none.
 * RAML_EUSAGE: an unknown kind, or one twice. RAML_EFORMAT, with the file's line: an id twice, more than 32 answers,
 * one without a character that shows; no line at all. */
RAML_CHECKED enum raml_code raml_answer_chooser_open(const char *kinds, const char *given,
                                                     struct raml_answer_chooser **out, struct raml_err *err);
void raml_answer_chooser_close(struct raml_answer_chooser *c); /* NULL is fine */
/* Is more than one answer asked for? */
bool raml_answer_chooser_several(const struct raml_answer_chooser *c);
size_t raml_answer_chooser_first(const struct raml_answer_chooser *c); /* the slot of the first kind; choices: A's */
/* *out is empty (n = 0) where the first kind has no answer. Asked question after question, the classes of a question's
 * answers are made once. */
RAML_CHECKED enum raml_code raml_answer_choose(struct raml_answer_chooser *c, const struct raml_question *q,
                                               size_t sample, struct raml_asked_list *out, struct raml_err *err);
/* How many ids of the file were never asked for. */
size_t raml_answer_chooser_unused(const struct raml_answer_chooser *c);

#endif
