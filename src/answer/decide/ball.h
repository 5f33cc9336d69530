/* ball.h - private: the value of an expression as a ball of complex numbers that is certain to contain it (Arb).
 *
 * Branches: principal ones, but roots with an odd index (and powers p/q with odd q) of negative numbers are real, as in
 * school: (-8)^(1/3) = -2. Inverse sines and the like have values only for real arguments in their domain.
 * Magnitudes are bounded (2^+-2^40, less for costlier operations), so that no call can take long or exhaust memory.
 */
#ifndef RAML_ANSWER_BALL_H
#define RAML_ANSWER_BALL_H

#include "answer/expr.h"
#include "answer/decide/flint.h"
#include "answer/work.h"

struct ball_point { /* where variables are evaluated */
    uint32_t n;
    const struct expr *const *symbol;
    const fmpq *value; /* [n] */
};

struct ball {
    slong prec;
    bool real;                      /* every intermediate value must be real: no branch can be mistaken */
    const struct ball_point *point; /* NULL: constants only */
    /* Proves that a constant is an integer, for floor and ceiling at one, where no ball is small enough: what balls are
     * asked for by brings the proof. NULL: such have no value. */
    bool (*is_int)(const struct expr *e, struct work *w, long *out);
    struct work *w;
};

/* False: no value, out of bounds, not enough precision, or work spent. out is finite when true. */
bool raml_ball(const struct expr *e, const struct ball *b, acb_t out);
/* A function of balls; arg is destroyed. */
bool raml_ball_call(enum expr_fn fn, acb_struct *arg, uint32_t n, const struct ball *b, acb_t out);
/* The n-th root, n >= 1. */
bool raml_ball_root(acb_t out, const acb_t x, const fmpz_t n, const struct ball *b);
/* |x| <= 2^log2? For real and imaginary parts. */
bool raml_ball_within(const acb_t x, slong log2);

/* The only integer, of at most 62 bits, in a small ball around it. (arb_get_unique_fmpz aborts on 2^-2^60.) */
bool raml_ball_near_integer(const acb_t x, const struct ball *b, fmpz_t out);

#endif
