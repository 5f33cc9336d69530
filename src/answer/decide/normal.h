/* normal.h - private: equal as functions by a normal form; see decide.h for what it knows.
 *
 * Both sides become quotients of polynomials in generators over the integers (fmpz_mpoly). A generator is a variable,
 * or a function of other generators:
 *     h with h^L = f       the root of an irreducible factor f or a prime (L: all roots' indices divide it)
 *     |f|  ln f  ln p      absolute values and logarithms of factors
 *     exp(m/D)             m one monomial (over a denominator); a^u is exp(u ln a)
 *     cos(m/D)  sin(m/D)   make those of integer multiples; sin^2 = 1 - cos^2
 *     f(a, b), n!, floor   anything else, by its normalised arguments
 * Relations are used left to right, newest generator first; a difference that becomes 0 is 0, but not conversely.
 */
#ifndef RAML_ANSWER_NORMAL_H
#define RAML_ANSWER_NORMAL_H

#include "answer/expr.h"
#include "answer/work.h"
#include "raml/answer.h"

struct normal_verdict {
    enum raml_verdict verdict; /* EQUAL: the difference is 0. DIFFERENT: it is not, and only independent
                                * generators were involved. UNKNOWN: neither, or limits were reached */
    bool independent;          /* only variables: no value needs to be checked */
    bool assumed;              /* EQUAL only if some values are positive, or real */
    const char *rule;
};
struct normal_verdict raml_normal_decide(const struct expr *a, const struct expr *b, struct work *w);

#endif
