/* algebraic.h - private: algebraic numbers, compared exactly by their minimal polynomials (qqbar of Calcium).
 *
 * Algebraic here: what + - * / roots and rational powers make of rational numbers and i, and sines and the like of
 * rational multiples of pi. Degrees multiply; beyond ALGEBRAIC_MAX_DEGREE, or some thousand bits, nothing is tried.
 */
#ifndef RAML_ANSWER_ALGEBRAIC_H
#define RAML_ANSWER_ALGEBRAIC_H

#include "answer/expr.h"
#include "answer/decide/flint.h"
#include "answer/work.h"
#include "raml/answer.h"

enum { ALGEBRAIC_MAX_DEGREE = 64 };

/* For expressions that have values (finite balls were found for both). UNKNOWN: not recognised as algebraic, or too
 * large. */
enum raml_verdict raml_algebraic_decide(const struct expr *a, const struct expr *b, struct work *w);

/* Is e = q pi for a rational q? */
bool raml_algebraic_pi_multiple(const struct expr *e, struct work *w, fmpq_t q);

#endif
