/* modular.h - private: remainders of numbers too large to be written out. */
#ifndef RAML_ANSWER_MODULAR_H
#define RAML_ANSWER_MODULAR_H

#include "answer/decide/flint.h"
#include "answer/expr.h"
#include "answer/work.h"

/* e mod m for a whole number e made of sums, products, powers (towers, by Euler's theorem) and factorials, 1 <= m <=
 * 10^12. False: something else, or work spent. */
bool raml_modular(const struct expr *e, const fmpz_t m, struct work *w, fmpz_t out);

#endif
