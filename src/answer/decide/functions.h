/* functions.h - private: are two expressions in variables the same function? See decide.h. */
#ifndef RAML_ANSWER_FUNCTIONS_H
#define RAML_ANSWER_FUNCTIONS_H

#include "answer/expr.h"
#include "answer/work.h"
#include "raml/answer.h"

enum raml_verdict raml_functions_decide(const struct expr *a, const struct expr *b, struct work *w, const char **rule);

#endif
