/* training.h - optimizer steps on random texts, for the measurements of training. */
#ifndef RAML_BENCH_TRAINING_H
#define RAML_BENCH_TRAINING_H

#include "bench/bench.h"

#include "outer/optim.h"

struct bench_training { /* of random texts; zero-initialise */
    struct raml_pack pack;
    struct raml_pass *pass;
    struct raml_adamw adamw;
    float *grad, *coef;
    size_t n_steps; /* measured */
};
/* Optimizer steps on `rows` texts of T tokens for about `seconds` seconds: the median's. */
RAML_CHECKED enum raml_code bench_training_run(struct bench_rig *r, size_t rows, size_t T, double seconds,
                                               struct bench_training *t, double *median, struct raml_err *err);
void bench_training_close(struct bench_rig *r, struct bench_training *t);

#endif
