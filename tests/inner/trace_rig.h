/* trace_rig.h - what the tests of loss curves share: random inputs for a random model, and comparison of curves. */
#ifndef TESTS_TRACE_RIG_H
#define TESTS_TRACE_RIG_H

#include "inner/golden.h"

#include "raml/trace.h"

enum { T_LONG = 150, N_INPUTS = 4 };

#define INPUT(prompt_, trajectory_, prefix_, answer_, n_prompt_, n_trajectory_, n_prefix_, n_answer_)                  \
    {                                                                                                                  \
        .prompt = (prompt_), .trajectory = (trajectory_), .answer_prefix = (prefix_), .answer = (answer_),             \
        .n_prompt = (n_prompt_), .n_trajectory = (n_trajectory_), .n_answer_prefix = (n_prefix_),                      \
        .n_answer = (n_answer_),                                                                                       \
    }

static inline struct raml_tracer *open_tracer(const struct raml_model *model, size_t stride, size_t bound)
{
    const struct raml_trace_options opt = {.stride = stride, .max_batch_tokens = bound};
    struct raml_err err = {0};
    struct raml_tracer *t;
    must(raml_tracer_open(model, &opt, &t, &err), &err);
    return t;
}

static inline void trace(const struct raml_model *model, size_t stride, size_t bound, const struct raml_trace_input *in,
                         size_t n, struct raml_loss_curve *out)
{
    struct raml_err err = {0};
    struct raml_tracer *t = open_tracer(model, stride, bound);
    size_t cost = 0;
    must(raml_tracer_run(t, in, n, out, &err), &err);
    for (size_t i = 0; i < n; i++) cost += raml_tracer_cost(t, &in[i]);
    assert_int_equal(raml_tracer_tokens(t), cost);
    raml_tracer_close(t);
}

struct fixture { /* random inputs for a random model; 0 is long, 1 has an empty trajectory */
    struct raml_device *dev;
    struct raml_model *model;
    int32_t token[2 * T_LONG];
    struct raml_trace_input in[N_INPUTS];
};

static inline int enter(void **state)
{
    static struct fixture f;
    uint32_t r = 7;
    f = (struct fixture){0};
    micro_open(&f.dev, &f.model, 3);
    for (size_t i = 0; i < COUNT(f.token); i++) f.token[i] = (int32_t)((r = r * 1664525u + 1013904223u) >> 24);
    f.in[0] = (struct raml_trace_input)INPUT(f.token, f.token + 50, f.token + 3, f.token + 9, 40, T_LONG, 2, 5);
    f.in[1] = (struct raml_trace_input)INPUT(f.token, NULL, f.token + 3, f.token + 7, 1, 0, 1, 1);
    f.in[2] = (struct raml_trace_input)INPUT(f.token + 5, f.token + 60, NULL, f.token + 2, 9, 33, 0, 2); /* no prefix */
    f.in[3] = (struct raml_trace_input)INPUT(f.token + 8, f.token + 90, f.token + 30, f.token + 4, 30, 1, 3, 12);
    *state = &f;
    return 0;
}

static inline int leave(void **state)
{
    struct fixture *f = *state;
    raml_model_close(f->model);
    raml_device_close(f->dev);
    return 0;
}

static inline void same_curve(const struct raml_loss_curve *a, const struct raml_loss_curve *b, double tol)
{
    assert_int_equal(a->n_points, b->n_points);
    assert_int_equal(a->n_answer, b->n_answer);
    for (size_t k = 0; k < a->n_points; k++) {
        assert_true(a->loss[k] > 0);
        assert_int_equal(a->at[k], b->at[k]);
        CHECK_NEAR("loss", a->loss[k], b->loss[k], tol);
        for (size_t j = 0; j < a->n_answer; j++)
            CHECK_NEAR("logp", a->logp[k * a->n_answer + j], b->logp[k * b->n_answer + j], tol);
    }
}

static inline void deinit_all(struct raml_loss_curve *c)
{
    for (size_t i = 0; i < N_INPUTS; i++) raml_loss_curve_deinit(&c[i]);
}

#endif
