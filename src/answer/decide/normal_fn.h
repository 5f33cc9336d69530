/* normal_fn.h - private: functions of quotients (ring.h), by enum expr_fn. */
#ifndef RAML_ANSWER_NORMAL_FN_H
#define RAML_ANSWER_NORMAL_FN_H

#include "answer/expr.h"
#include "answer/decide/ring.h"

/* *out = fn(arg[0..n)); arg may be changed. False: limits. An unknown function is a generator, by its arguments. */
bool raml_normal_call(struct ring *r, enum expr_fn fn, struct ratio *arg, uint32_t n, struct ratio *out);
/* base^exponent = exp(exponent ln base). */
bool raml_normal_power(struct ring *r, const struct ratio *base, const struct ratio *exponent, struct ratio *out);

#endif
