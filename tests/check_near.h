/* check_near.h - numbers within a bound, calls that must succeed. Include after cmocka's own headers. */
#ifndef RAML_TESTS_CHECK_NEAR_H
#define RAML_TESTS_CHECK_NEAR_H

#include <math.h>
#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Written so that NaN fails. */
#define CHECK_NEAR(what, got, want, tol)                                                                               \
    do {                                                                                                               \
        double got_ = (got), want_ = (want);                                                                           \
        if (!(fabs(got_ - want_) <= (tol))) {                                                                          \
            print_error("%s: got %.17g, expected %.17g\n", (what), got_, want_);                                       \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* The larger of two errors. NaN stays, whatever comes after it: fmax would lose it, and so would a comparison. */
static inline double worse_of(double worst, double error)
{
    return worst >= error || isnan(worst) ? worst : error;
}

#define CHECK_OK(call)                                                                                                 \
    do {                                                                                                               \
        if ((call) != RAML_OK) {                                                                                       \
            print_error("%s: %s\n", #call, err.msg);                                                                   \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
