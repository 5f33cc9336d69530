/* telescope.h - private: sums of a rational function over whole numbers, exactly. */
#ifndef RAML_ANSWER_TELESCOPE_H
#define RAML_ANSWER_TELESCOPE_H

#include "answer/expr.h"
#include "answer/work.h"

enum { TELESCOPE_MAX_TERMS = 3000 };

/* The sum of P(k)/Q(k) for k from low to high, of the coefficients p[0..n_p], q[0..n_q] (constants; NULL: 0), as an
 * expression. infinite: from low on; such a sum is known where Q has simple rational roots and the sum telescopes:
 * 1/(k(k+1)), 1/(k(k+2)). NULL: not known, or no value. */
const struct expr *raml_telescope(struct expr_pool *pool, const struct expr *const *p, uint32_t n_p,
                                  const struct expr *const *q, uint32_t n_q, long low, bool infinite, long high,
                                  struct work *w);

#endif
