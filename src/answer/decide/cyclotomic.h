/* cyclotomic.h - private: numbers of a cyclotomic field: fractions, square roots of fractions, i, and trigonometric
 * functions at rational multiples of pi, with sums, products and quotients of these.
 *
 * The field Q(z), z = exp(2 pi i / N), is Q[x] modulo the N-th cyclotomic polynomial, which is irreducible: two numbers
 * are the same when their residues are. The root of a prime p is its Gauss sum (positive for p = 1 mod 4, i times the
 * root for p = 3 mod 4; Gauss 1811), that of 2 is z_8 + 1/z_8.
 */
#ifndef RAML_ANSWER_CYCLOTOMIC_H
#define RAML_ANSWER_CYCLOTOMIC_H

#include "answer/expr.h"
#include "answer/work.h"
#include "raml/answer.h"

/* EQUAL or UNKNOWN: balls show a difference sooner. */
enum raml_verdict raml_cyclotomic_decide(const struct expr *a, const struct expr *b, struct work *w);

#endif
