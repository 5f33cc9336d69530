/* rational.h - private: the value of an expression as a fraction, where all of it stays rational.
 *
 * Exact: + - * / and powers, rational roots, factorials, binomials, gcd, floor and the like. Numbers stay below
 * RATIONAL_MAX_BITS bits: sizes are estimated and charged before anything is computed. Most answers are decided here.
 */
#ifndef RAML_ANSWER_RATIONAL_H
#define RAML_ANSWER_RATIONAL_H

#include "answer/expr.h"
#include "answer/decide/flint.h"
#include "answer/work.h"

enum { RATIONAL_MAX_BITS = 200000 };

enum rational {
    RATIONAL_NO, /* not known to be rational: irrational, variables, too large, too much work */
    RATIONAL_YES,
    RATIONAL_NONE /* has no value: 1/0 */
};

/* *out is initialised by the caller; set only for RATIONAL_YES. */
enum rational raml_rational(const struct expr *e, struct work *w, fmpq_t out);

/* The value of a function of rational arguments, when that is rational. arg[0..n) initialised. */
enum rational raml_rational_call(enum expr_fn fn, fmpq *arg, uint32_t n, struct work *w, fmpq_t out);

/* The n-th root if it is rational; for negative numbers and odd n, the negative one. n > 0. */
enum rational raml_rational_root(const fmpq_t x, const fmpz_t n, struct work *w, fmpq_t out);

/* Units for an operation with a gcd on numbers of that many bits. */
uint64_t raml_rational_cost(uint64_t bits);

#endif
