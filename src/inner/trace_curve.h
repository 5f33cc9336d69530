/* trace_curve.h - memory and values of a loss curve: what an evaluator's pass gives, put in its place.
 *
 * A curve has the curves of the further answers in `other`, all with the same points.
 */
#ifndef RAML_INNER_TRACE_CURVE_H
#define RAML_INNER_TRACE_CURVE_H

#include "inner/evaluator.h"
#include "raml/trace.h"

/* Nats per answer token from the sum of n >= 1 log-probabilities: 0 and not -0 for certainty; NaN stays. */
double raml_answer_loss(double logp, size_t n);

/* Places after every stride tokens of T, and after the last: how many there are, and the k-th. */
static inline size_t raml_stride_places(size_t T, size_t stride)
{
    return T / stride + 1 + (T % stride != 0);
}
static inline size_t raml_stride_place(size_t T, size_t stride, size_t k)
{
    return k > T / stride ? T : k * stride;
}
/* A pass that begins with n places is ended before one more: with it the stem (prompt and trajectory) and the probes
 * were more than the bound, and the probes alone more than half of it (trace.h). */
static inline bool raml_pass_is_full(size_t n, size_t stem, size_t probes, size_t bound)
{
    return n && stem + probes > bound && probes > bound / 2;
}

struct raml_curve_shape {
    size_t n_points, n_layers;
    bool tokens; /* room for the trajectory's own tokens */
};
/* *c for an input and its further answers, with token[] filled and the rest zero. On failure what there is of it is to
 * be freed with raml_loss_curve_deinit. */
RAML_CHECKED enum raml_code raml_loss_curve_init(const struct raml_trace_input *in,
                                                 const struct raml_curve_shape *shape, struct raml_loss_curve *c,
                                                 struct raml_err *err);
/* Point k of a curve from the targets target[n_answer] of the evaluator's last pass, which are answer[]. RAML_ERANGE:
 * the loss is not finite. at: of the point, for the message. */
RAML_CHECKED enum raml_code raml_loss_curve_read(struct raml_loss_curve *c, size_t k, const struct raml_evaluator *s,
                                                 const size_t *target, const int32_t *answer, size_t at,
                                                 struct raml_err *err);
/* The trajectory's tokens [first, first + n) from the targets [target, target + n). */
RAML_CHECKED enum raml_code raml_loss_curve_read_tokens(struct raml_loss_curve *c, size_t first, size_t n,
                                                        const struct raml_evaluator *s, size_t target,
                                                        struct raml_err *err);

#endif
