/* update_measure.h - lengths, steps, turns and ranks of a set of updates, from their Gram matrix; pure arithmetic.
 *
 * With dM_i = u_i w_i' the Gram matrix is g_ij = <dM_i, dM_j> = (u_i . u_j)(w_i . w_j). Everything in double: steps are
 * differences of nearly equal sums. Rows of a file's places: i = 0 is the zero update.
 */
#ifndef RAML_INNER_UPDATE_MEASURE_H
#define RAML_INNER_UPDATE_MEASURE_H

#include "raml/update.h"

/* The larger of two numbers; NaN where one is NaN, so that a largest difference can't hide one. */
static inline double raml_update_larger(double a, double b)
{
    return a >= b || a != a ? a : b;
}

/* g[n, n] = uu * ww, element by element; g may be uu. */
void raml_update_gram(const double *uu, const double *ww, size_t n, double *g);
/* Arrays for n places out of `own`, which has raml_update_measures_n(n) numbers; all are set to NaN. */
size_t raml_update_measures_n(size_t n);
void raml_update_measures_set(struct raml_update_measures *m, double *own, size_t n);
/* Everything but alignment. g[n, n], weight_norm > 0. */
void raml_update_measure(const double *g, size_t n, double weight_norm, struct raml_update_measures *out);

/* Alignment of one matrix. dot[i] = u_i . (G w_i), left[i] = |G w_i|. */
struct raml_update_products {
    const double *dot, *left;      /* [n] */
    const double *u_norm, *w_norm; /* [n] */
    double gradient_norm;          /* |G| */
};
void raml_update_align(const struct raml_update_products *p, size_t n, struct raml_update_measures *out);
/* Of several matrices as one vector: dot[i] = sum of their u_i . (G w_i); distances are `out`'s own. */
void raml_update_align_sum(const double *dot, double gradient_norm, size_t n, struct raml_update_measures *out);

#endif
