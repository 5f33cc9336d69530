/* radical.h - private: roots, absolute values, logarithms, exponentials and circular functions of quotients (ring.h).
 *
 * Roots and logarithms are split into those of irreducible factors and primes. Where that requires a factor to be
 * positive, and it need not be, the ring's `assumed` is set. Even powers under even roots give absolute values.
 */
#ifndef RAML_ANSWER_RADICAL_H
#define RAML_ANSWER_RADICAL_H

#include "answer/decide/ring.h"

/* x^(p/q). Odd roots of negative numbers are negative. */
bool raml_radical_power(struct ring *r, const struct ratio *x, const fmpq_t e, struct ratio *out);
bool raml_radical_abs(struct ring *r, const struct ratio *x, struct ratio *out);
bool raml_radical_ln(struct ring *r, const struct ratio *x, struct ratio *out);
bool raml_radical_exp(struct ring *r, const struct ratio *x, struct ratio *out);
/* For real x. */
bool raml_radical_cos_sin(struct ring *r, const struct ratio *x, struct ratio *c, struct ratio *s);

#endif
