/* answer_kind.h - whose answer a loss curve is of: "answer_kind" of curves.jsonl, in words for a reader.
 *
 * A line without the field is of the question's own answer. A folder's curves are usually of one kind; where they are
 * not, their means are of different answers, which a page has to say.
 */
#ifndef RAML_STUDY_ANSWER_KIND_H
#define RAML_STUDY_ANSWER_KIND_H

#include "raml/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum raml_answer_kind {
    RAML_KIND_GOLD,
    RAML_KIND_OWN,
    RAML_KIND_MAJORITY,
    RAML_KIND_WRONG,
    RAML_KIND_CHOICE,
    RAML_KIND_GIVEN,
    RAML_KIND_UNKNOWN, /* the field is none of "gold", "own", "majority", "wrong", "choice", "given" */
    RAML_ANSWER_KINDS
};

enum raml_answer_kind raml_answer_kind_of(const json_t *line);
/* n: curves of each kind. "correct answer", as in "loss of the correct answer"; "traced answer": of several kinds. */
const char *raml_answer_kind_words(const size_t n[RAML_ANSWER_KINDS]);
/* Are there several kinds? */
bool raml_answer_kinds_mixed(const size_t n[RAML_ANSWER_KINDS]);
/* Adds "correct answer 3, majority answer 1". */
void raml_answer_kinds_list(struct raml_buf *b, const size_t n[RAML_ANSWER_KINDS]);

#endif
