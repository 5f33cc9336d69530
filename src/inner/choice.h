/* choice.h - which of several answers a model leans to after every prefix of a trajectory (docs/methods.md, section 2).
 *
 * From the answers' loss curves, at the same places i = 0 .. n_points-1: p(i) = softmax over answers k of -A_k L_k(i),
 * the answers' total log-probabilities: a distribution over these answers given that one of them comes, in which a
 * shorter answer wins by its length; or of -L_k(i), normalised by length. Print both.
 *
 * Layout   loss[n_answers][n_points], p[n_points][n_answers].    Errors: RAML_ERANGE, output as before.
 * Threads  pure functions.
 */
#ifndef RAML_INNER_CHOICE_H
#define RAML_INNER_CHOICE_H

#include "raml/err.h"

#include <stdint.h>

enum raml_choice_by { RAML_CHOICE_BY_SUM, RAML_CHOICE_BY_MEAN }; /* -A_k L_k, -L_k */

/* n_answers >= 1, length[k] = A_k >= 1. */
RAML_CHECKED enum raml_code raml_choice(const double *const *loss, const size_t *length, size_t n_answers,
                                        size_t n_points, enum raml_choice_by by, double *p, struct raml_err *err);
/* 1 - H(p)/ln n: 0 uniform, 1 certain. n = 1: NaN. */
double raml_commitment(const double *p, size_t n);
size_t raml_choice_best(const double *p, size_t n); /* index of the largest; of equals the first */
/* Smallest i from which the best answer is that of the last point; n_points >= 1. */
size_t raml_choice_first_stable(const double *p, size_t n_answers, size_t n_points);
/* Smallest i from which that answer also has p >= c; -1: not even at the last point. */
int64_t raml_choice_critical(const double *p, size_t n_answers, size_t n_points, double c);
/* KL(after || before) = sum_k after_k ln(after_k / before_k), nats; infinite where before_k = 0 < after_k. */
double raml_choice_kl(const double *after, const double *before, size_t n);

#endif
