/* symbolic.h - private: constants compared by Calcium's exact real and complex numbers (ca), the last resort.
 *
 * Johansson, "Calcium: computing in exact real and complex fields", ISSAC 2021. Its running time has no useful bound,
 * so only short expressions with small numbers are given to it, and its own limits are set low.
 */
#ifndef RAML_ANSWER_SYMBOLIC_H
#define RAML_ANSWER_SYMBOLIC_H

#include "answer/expr.h"
#include "answer/work.h"
#include "raml/answer.h"

/* For expressions that have values. */
enum raml_verdict raml_symbolic_decide(const struct expr *a, const struct expr *b, struct work *w);

#endif
