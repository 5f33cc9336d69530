/* adamw.c - AdamW over one block of parameters, and the gradient's norm; see optim.h. The arithmetic is the device's
 * (device/backend.h, adamw and square_sum).
 */
#include "outer/optim.h"

#include "core/elementary.h"

#include "device/backend.h"

#include <math.h>

struct raml_adamw_options raml_adamw_default(void)
{
    return (struct raml_adamw_options){.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};
}

enum raml_code raml_adamw_init(struct raml_adamw *o, const struct raml_device *dev,
                               const struct raml_adamw_options *opt, size_t n, struct raml_err *err)
{
    if (!(opt->beta1 >= 0 && opt->beta1 < 1))
        return raml_fail(err, RAML_ERANGE, "adam_beta1 is %g; expected 0 or more and below 1", opt->beta1);
    if (!(opt->beta2 >= 0 && opt->beta2 < 1))
        return raml_fail(err, RAML_ERANGE, "adam_beta2 is %g; expected 0 or more and below 1", opt->beta2);
    if (!(opt->epsilon > 0) || !isfinite(opt->epsilon))
        return raml_fail(err, RAML_ERANGE, "adam_epsilon is %g; expected a positive number", opt->epsilon);
    if (!(opt->weight_decay >= 0) || !isfinite(opt->weight_decay))
        return raml_fail(err, RAML_ERANGE, "weight_decay is %g; expected 0 or more", opt->weight_decay);
    if (opt->sgd) {
        *o = (struct raml_adamw){.opt = *opt, .dev = dev, .n = n};
        return RAML_OK;
    }
    float *m = raml_array_new(dev, n, sizeof *m), *v = raml_array_new(dev, n, sizeof *v);
    if (!m || !v) {
        raml_array_free(dev, m);
        raml_array_free(dev, v);
        return raml_fail(err, RAML_ENOMEM, "no memory for the moments of %zu parameters", n);
    }
    *o = (struct raml_adamw){.opt = *opt, .dev = dev, .n = n, .m = m, .v = v};
    return RAML_OK;
}

void raml_adamw_deinit(struct raml_adamw *o)
{
    if (o->dev) {
        raml_array_free(o->dev, o->m);
        raml_array_free(o->dev, o->v);
    }
    *o = (struct raml_adamw){0};
}

static void sgd_step(const struct raml_adamw *o, const struct raml_param *table, size_t n_params, double learning_rate,
                     double grad_scale, const float *grad, float *weight)
{
    const struct raml_backend *b = raml_backend_of(o->dev);
    const float rate = (float)(learning_rate * grad_scale), decay = (float)(learning_rate * o->opt.weight_decay);
    for (size_t p = 0; p < n_params; p++) {
        float *w = weight + table[p].offset;
        bool decays = table[p].decay && decay != 0;
        b->combine(o->dev, w, w, -rate, grad + table[p].offset, -decay, decays ? w : NULL, table[p].n);
    }
}

enum raml_code raml_adamw_step(struct raml_adamw *o, const struct raml_param *table, size_t n_params,
                               double learning_rate, double grad_scale, const float *grad, float *weight,
                               struct raml_err *err)
{
    const struct raml_adamw_options *opt = &o->opt;
    const struct raml_backend *b = raml_backend_of(o->dev);
    double t = (double)++o->step;
    if (opt->sgd) {
        sgd_step(o, table, n_params, learning_rate, grad_scale, grad, weight);
        return b->sync(o->dev, err);
    }
    struct raml_adamw_factors f = {
        .beta1 = (float)opt->beta1,
        .beta2 = (float)opt->beta2,
        .one_beta1 = (float)(1.0 - opt->beta1),
        .one_beta2 = (float)(1.0 - opt->beta2),
        .scale = (float)grad_scale,
        .step = (float)(learning_rate / (1.0 - raml_pow(opt->beta1, t))),
        .root = (float)(1.0 / sqrt(1.0 - raml_pow(opt->beta2, t))),
        .epsilon = (float)opt->epsilon,
    };
    const float decayed = (float)(1.0 - learning_rate * opt->weight_decay);
    for (size_t p = 0; p < n_params; p++) {
        size_t at = table[p].offset;
        f.keep = table[p].decay ? decayed : 1.0f;
        b->adamw(o->dev, &f, weight + at, o->m + at, o->v + at, grad + at, table[p].n);
    }
    return b->sync(o->dev, err);
}

enum raml_code raml_grad_norm(const struct raml_device *dev, const float *grad, size_t n, double *out,
                              struct raml_err *err)
{
    const struct raml_backend *b = raml_backend_of(dev);
    double sum = 0, *on_device = b->alloc(dev, 1, sizeof sum);
    if (!on_device) return raml_fail(err, RAML_ENOMEM, "no memory for the gradient's norm");
    b->square_sum(dev, on_device, grad, n);
    b->download(dev, &sum, on_device, sizeof sum);
    b->free(dev, on_device);
    enum raml_code rc = b->sync(dev, err);
    if (!rc) *out = sqrt(sum);
    return rc;
}

double raml_clip_scale(double norm, double max_norm)
{
    return max_norm > 0.0 && norm > max_norm ? max_norm / norm : 1.0;
}
