/* adamw.c - AdamW over one block of parameters, and the gradient's norm; see optim.h.
 *
 * Both are bound by memory: one pass, no branches, pieces of PIECE elements that threads take whole. A piece is worked
 * on in the same way whoever takes it, so the result does not depend on the number of threads.
 */
#include "raml/optim.h"

#include <math.h>
#include <stdlib.h>

enum { PIECE = 1 << 14 }; /* elements: 64 KiB of each of the four arrays, within a second-level cache */

struct factors { /* of one step, in the units of the elementwise formula */
    float beta1, beta2, one_beta1, one_beta2;
    float scale;     /* of the gradient */
    float step_size; /* lr / (1 - beta1^t) */
    float root;      /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
};

struct raml_adamw_options raml_adamw_default(void)
{
    return (struct raml_adamw_options){.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};
}

enum raml_code raml_adamw_init(struct raml_adamw *o, const struct raml_adamw_options *opt, size_t n,
                               struct raml_err *err)
{
    if (!(opt->beta1 >= 0 && opt->beta1 < 1))
        return raml_fail(err, RAML_ERANGE, "adam_beta1 is %g; expected 0 or more and below 1", opt->beta1);
    if (!(opt->beta2 >= 0 && opt->beta2 < 1))
        return raml_fail(err, RAML_ERANGE, "adam_beta2 is %g; expected 0 or more and below 1", opt->beta2);
    if (!(opt->epsilon > 0) || !isfinite(opt->epsilon))
        return raml_fail(err, RAML_ERANGE, "adam_epsilon is %g; expected a positive number", opt->epsilon);
    if (!(opt->weight_decay >= 0) || !isfinite(opt->weight_decay))
        return raml_fail(err, RAML_ERANGE, "weight_decay is %g; expected 0 or more", opt->weight_decay);
    float *m = calloc(n ? n : 1, sizeof *m), *v = calloc(n ? n : 1, sizeof *v);
    if (!m || !v) {
        free(m);
        free(v);
        return raml_fail(err, RAML_ENOMEM, "no memory for the moments of %zu parameters", n);
    }
    *o = (struct raml_adamw){.opt = *opt, .n = n, .m = m, .v = v};
    return RAML_OK;
}

void raml_adamw_deinit(struct raml_adamw *o)
{
    free(o->m);
    free(o->v);
    *o = (struct raml_adamw){0};
}

/* keep = 1 - lr wd where decay applies, else 1. Multiplying by 1 is exact, so one loop serves both. */
static void update(float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n,
                   float keep, const struct factors *f)
{
    const float b1 = f->beta1, b2 = f->beta2, c1 = f->one_beta1, c2 = f->one_beta2, scale = f->scale;
    const float step_size = f->step_size, root = f->root, epsilon = f->epsilon;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float gi = g[i] * scale;
        float mi = b1 * m[i] + c1 * gi;
        float vi = b2 * v[i] + c2 * (gi * gi);
        m[i] = mi;
        v[i] = vi;
        w[i] = w[i] * keep - step_size * mi / (sqrtf(vi) * root + epsilon);
    }
}

void raml_adamw_step(struct raml_adamw *o, const struct raml_param *table, size_t n_params, double learning_rate,
                     double grad_scale, const float *grad, float *weight)
{
    const struct raml_adamw_options *opt = &o->opt;
    double t = (double)++o->step;
    const struct factors f = {
        .beta1 = (float)opt->beta1,
        .beta2 = (float)opt->beta2,
        .one_beta1 = (float)(1.0 - opt->beta1),
        .one_beta2 = (float)(1.0 - opt->beta2),
        .scale = (float)grad_scale,
        .step_size = (float)(learning_rate / (1.0 - pow(opt->beta1, t))),
        .root = (float)(1.0 / sqrt(1.0 - pow(opt->beta2, t))),
        .epsilon = (float)opt->epsilon,
    };
    const float decayed = (float)(1.0 - learning_rate * opt->weight_decay);
#pragma omp parallel
    for (size_t p = 0; p < n_params; p++) {
        const size_t start = table[p].offset, n = table[p].n;
        const int64_t n_pieces = (int64_t)((n + PIECE - 1) / PIECE);
        const float keep = table[p].decay ? decayed : 1.0f;
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < n_pieces; i++) {
            size_t at = start + (size_t)i * PIECE, left = start + n - at;
            update(weight + at, o->m + at, o->v + at, grad + at, left < PIECE ? left : PIECE, keep, &f);
        }
    }
}

/* Eight running sums in double, joined in a fixed order. */
static double piece_square(const float *restrict g, size_t n)
{
    double s[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) s[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) s[0] += (double)g[i] * (double)g[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

double raml_grad_norm(const float *grad, size_t n)
{
    enum { GROUP = 64 }; /* pieces whose sums are kept before they are added in order: no allocation, any n */
    double sum = 0.0, part[GROUP];
    for (size_t at = 0; at < n; at += (size_t)GROUP * PIECE) {
        size_t left = n - at;
        int64_t n_pieces = left < (size_t)GROUP * PIECE ? (int64_t)((left + PIECE - 1) / PIECE) : GROUP;
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n_pieces; i++) {
            size_t from = (size_t)i * PIECE, rest = left - from;
            part[i] = piece_square(grad + at + from, rest < PIECE ? rest : PIECE);
        }
        for (int64_t i = 0; i < n_pieces; i++) sum += part[i];
    }
    return sqrt(sum);
}

double raml_clip_scale(double norm, double max_norm)
{
    return max_norm > 0.0 && norm > max_norm ? max_norm / norm : 1.0;
}
