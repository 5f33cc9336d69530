/* descent.h - how far and how steadily the loss of the answer falls along a trajectory (docs/methods.md, section 2).
 *
 * A loss curve is L[0..T]: L[i] is the loss of the answer after i trajectory tokens, in nats per answer token; so a
 * curve of T tokens has n = T+1 values, n >= 1. Steps are ΔL(i) = L(i) - L(i-1), i = 1..T. RePro (arXiv 2512.01925)
 * rates a trajectory by the same two properties: how far L falls and how steadily (Kendall's tau).
 *
 * Errors   RAML_ERANGE: no value, or one that is not finite (the message names its index); RAML_ENOMEM.
 *          On failure the output is as before.
 * Threads  pure functions.     Cost  O(T log T) time, O(T) memory.
 */
#ifndef RAML_DESCENT_H
#define RAML_DESCENT_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct raml_descent {
    size_t n_steps;      /* T */
    double first, last;  /* L(0), L(T) */
    double total;        /* L(0) - L(T) */
    double monotonicity; /* share of steps with ΔL <= 0; NaN when T = 0 */
    double efficiency;   /* (L(0) - L(T)) / Σ|ΔL|, in [-1, 1]; NaN when the curve never moves */
    double tau_b;        /* Kendall's tau-b of i and -L(i), in [-1, 1]; NaN when all L are equal */
    int64_t solved_at;   /* smallest i with L(j) < threshold for all j >= i; -1: L(T) is not below it */
    int64_t first_below; /* smallest i with L(i) < threshold; -1: none is */
    double share_after_solved,
        share_after_first_below; /* (T - i)/T, the part that is not needed; NaN for -1 or T = 0 */
};

RAML_CHECKED enum raml_code raml_descent(const double *loss, size_t n, double threshold, struct raml_descent *out,
                                         struct raml_err *err);

/* out[0] = x[0]; out[i] = alpha x[i] + (1 - alpha) out[i-1]. alpha in (0, 1]; out may be x. */
void raml_ema(const double *x, size_t n, double alpha, double *out);
/* The alpha whose average looks back over about a tenth of n values: 2 / (1 + n/10), at most 1. At n 2000 it is 0.01. */
double raml_ema_weight(size_t n);

/* The mean of curves of different lengths: each is read at x = 0 .. 1 (its i/T) in n_points equal steps, by linear
 * interpolation, and averaged. A curve of one value is constant. The band is the normal 95 % interval of the mean,
 * mean ± 1.96 se. Curves of one question are not independent, so questions are the units: with n_q curves of question q
 * whose values sum to S_q, N curves of Q questions in all,
 *   se² = Q/(Q-1) Σ_q (S_q - n_q mean)² / N²
 * which is s²/N, with s the sample deviation, where every question has one curve. A single question has no band (NaN). */
#define RAML_CURVE_POINTS_MAX 1001
struct raml_curve_mean { /* add curves one at a time: none of them is kept */
    size_t n_points, n_curves, n_questions;
    uint64_t question;                  /* of the last curve */
    double n_open, n_squares;           /* its curves so far; Σ n_q² of those before it */
    double mean[RAML_CURVE_POINTS_MAX]; /* of the curves so far */
    double m2[RAML_CURVE_POINTS_MAX];   /* Σ (value - mean)², by Welford's update */
    double from[RAML_CURVE_POINTS_MAX]; /* the first curve: sums below are of differences from it */
    double open[RAML_CURVE_POINTS_MAX]; /* S_q of the last curve's question */
    double squares[RAML_CURVE_POINTS_MAX], product[RAML_CURVE_POINTS_MAX]; /* Σ S_q², Σ n_q S_q of those before it */
};
/* n_points in [2, RAML_CURVE_POINTS_MAX]. */
RAML_CHECKED enum raml_code raml_curve_mean_init(struct raml_curve_mean *m, size_t n_points, struct raml_err *err);
RAML_CHECKED enum raml_code raml_curve_mean_add(struct raml_curve_mean *m, const double *loss, size_t n,
                                                struct raml_err *err);
/* The same for a curve of this question (any number that no other has); those of one question come one after another.
 * raml_curve_mean_add is for curves of a question each. */
RAML_CHECKED enum raml_code raml_curve_mean_add_to(struct raml_curve_mean *m, uint64_t question, const double *loss,
                                                   size_t n, struct raml_err *err);
/* x, mean, low, high: [n_points] each; NaN everywhere but in x when there is no curve. */
void raml_curve_mean_read(const struct raml_curve_mean *m, double *x, double *mean, double *low, double *high);
/* One curve at position x in [0, 1]. n >= 1. */
double raml_curve_at(const double *loss, size_t n, double x);

#endif
