/* decide.h - private: are two scalar expressions the same number, or the same function of their variables?
 *
 * Constants. Rational numbers: exactly (FLINT fmpq). Others: complex balls (Arb) at 64, 128, ... bits: disjoint balls
 * prove the numbers different. Balls that still overlap at a few hundred bits: algebraic numbers are compared exactly
 * (Calcium qqbar) where the degree and height stay in bounds; others by Calcium's ca, whose answer may be unknown.
 * With variables. Both sides become a rational function of generators over the rationals (fmpz_mpoly_q): variables, or
 * their roots where a power has a denominator (x^{1/L}); square roots and other roots of irreducible factors with their
 * defining polynomials; sines and cosines as pairs of generators with sin^2 = 1 - cos^2, sums of angles expanded;
 * powers with variable exponents split as a^(m+n) = a^m a^n; logarithms and unknown functions as generators of
 * normalised arguments. A zero difference proves equality (for positive variables where roots are involved; then rule
 * says so). Otherwise ball values at fixed rational points prove a difference. Neither: unknown.
 * Never aborts, never hangs: sizes and degrees are estimated and charged before FLINT is called.
 */
#ifndef RAML_ANSWER_DECIDE_H
#define RAML_ANSWER_DECIDE_H

#include "answer/expr.h"
#include "answer/work.h"
#include "raml/answer.h"

/* a and b: scalar kinds up to EXPR_APPLY. *rule: static text. An expression without a value (1/0, log 0) is unknown
 * unless the two are the same node by node. */
enum raml_verdict raml_decide(const struct expr *a, const struct expr *b, struct work *w, const char **rule);

/* Is `decimal` (a NUMBER with scale > 0, or NEG of one, or one times 10^k) what x rounds to (half either way) at its
 * last digit? x: any constant scalar. EQUAL, DIFFERENT, or UNKNOWN when x has no value or variables. */
enum raml_verdict raml_decide_rounds_to(const struct expr *x, const struct expr *decimal, struct work *w);

/* Is `decimal`, of the same forms, a double's value for x: no further from it than 2 units in the last place of its 53
 * bits? Only decimals of 15 to 17 significant digits are: what programs print of a double. */
enum raml_verdict raml_decide_is_double(const struct expr *x, const struct expr *decimal, struct work *w);

/* The same for a complex number that a program prints: real and imaginary part, rational as written; printed: with the
 * digits of a double. Such a part may be off by the rounding of the larger one (6e-17 + 1i is i). EQUAL or UNKNOWN. */
struct complex_double {
    const struct expr *part[2];
    bool printed[2];
};
enum raml_verdict raml_decide_is_complex_double(const struct expr *x, const struct complex_double *d, struct work *w);

/* The sign of a - b for real constants: *order is -1, 0 or 1. False: not decided, or not real. */
bool raml_decide_order(const struct expr *a, const struct expr *b, struct work *w, int *order);

/* Is e an integer that fits? For exponents, counts, indices. */
bool raml_decide_small_int(const struct expr *e, struct work *w, long *out);

#endif
