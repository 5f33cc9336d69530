/* poly.h - private to compare*.c: polynomials in one name whose coefficients are expressions, of low degree. */
#ifndef RAML_ANSWER_POLY_H
#define RAML_ANSWER_POLY_H

#include "answer/expr.h"

enum { POLY_MAX_DEGREE = 8 };

struct raml_poly {
    const struct expr *c[POLY_MAX_DEGREE + 1]; /* NULL: 0 */
    uint32_t n;                                /* degree */
};

bool raml_poly_has(const struct expr *e, const struct expr *k); /* does k occur in e? */
bool raml_poly_small(const struct expr *e, long *out);          /* a whole number of at most four digits */
/* e as a polynomial in k. False: it is none, or of a degree too high. */
bool raml_poly_of(struct expr_pool *p, const struct expr *e, const struct expr *k, struct raml_poly *out);
bool raml_poly_mul(struct expr_pool *p, const struct raml_poly *a, const struct raml_poly *b, struct raml_poly *out);
bool raml_poly_add(struct expr_pool *p, const struct raml_poly *a, const struct raml_poly *b, struct raml_poly *out);
/* e as above/below. */
bool raml_poly_ratio(struct expr_pool *p, const struct expr *e, const struct expr *k, struct raml_poly *above,
                     struct raml_poly *below);

#endif
