/* optim.h - the outer loop's step: AdamW or plain gradient steps, global-norm clipping, learning-rate schedules.
 *
 * AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2; bias correction as Kingma & Ba 2015), t = 1, 2, …
 *     m = beta1 m + (1 - beta1) g            v = beta2 v + (1 - beta2) g^2
 *     p = p - lr wd p                        decoupled decay, only where raml_param.decay is set
 *     p = p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
 * Parameters, gradient and moments are one f32 block each, [n], in the device's memory (device.h); arithmetic is f32,
 * as in the usual optimizers.
 * Determinism: blocks are split into fixed pieces, so results are the same bits for any thread count.
 */
#ifndef RAML_OUTER_OPTIM_H
#define RAML_OUTER_OPTIM_H

#include "raml/model.h"
#include "raml/train.h"

#include <stddef.h>
#include <stdint.h>

struct raml_adamw_options {
    double beta1, beta2, epsilon, weight_decay;
    bool sgd; /* p = p - lr wd p - lr g, decay as above; no moments */
};
struct raml_adamw_options raml_adamw_default(void); /* 0.9, 0.999, 1e-8, 0.01 */

struct raml_adamw { /* zero-initialise */
    struct raml_adamw_options opt;
    const struct raml_device *dev;
    size_t n;
    float *m, *v;  /* in the device's memory: [n] first and second moments, exp_avg and exp_avg_sq; NULL: sgd */
    uint64_t step; /* steps taken */
};
/* Moments start at 0. RAML_ERANGE: beta outside [0, 1), epsilon <= 0, weight_decay < 0. */
RAML_CHECKED enum raml_code raml_adamw_init(struct raml_adamw *o, const struct raml_device *dev,
                                            const struct raml_adamw_options *opt, size_t n, struct raml_err *err);
void raml_adamw_deinit(struct raml_adamw *o);
/* One step. grad: [n], read as grad_scale * grad (clipping without a pass of its own). table: the views of the block,
 * which determine where decay applies; elements outside every view stay as they are. When the device fails, the step
 * may have been taken in part. */
RAML_CHECKED enum raml_code raml_adamw_step(struct raml_adamw *o, const struct raml_param *table, size_t n_params,
                                            double learning_rate, double grad_scale, const float *grad, float *weight,
                                            struct raml_err *err);

/* sqrt(sum g_i^2), added in double over fixed pieces. NaN or infinity when an element is. */
RAML_CHECKED enum raml_code raml_grad_norm(const struct raml_device *dev, const float *grad, size_t n, double *out,
                                           struct raml_err *err);
/* Factor that scales a gradient of this norm down to max_norm; 1 when it is below already, or max_norm is 0 (off). */
double raml_clip_scale(double norm, double max_norm);

struct raml_schedule {
    enum raml_decay decay;
    double peak, floor_ratio;       /* highest rate; lowest as a share of it */
    uint64_t warmup_steps, n_steps; /* n_steps: of the whole training */
};
/* Rate of step i = 0, 1, …, n_steps - 1. Warm-up is linear and reaches the peak at its last step:
 * (i + 1) / warmup_steps. Then, with x = (i - warmup_steps) / (n_steps - warmup_steps), which is 0 at the first such
 * step and 1 one step after the last, so that no step is taken at a rate of 0: cosine floor + (1 - floor)
 * (1 + cos(pi x)) / 2, linear 1 - (1 - floor) x, constant 1; each times the peak. */
double raml_schedule_rate(const struct raml_schedule *s, uint64_t i);

#endif
