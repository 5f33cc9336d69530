/* attention_soft.h - the softmax of attention, updated page by page, and its state.
 *
 * A weight is 2^(c s) for a score s, c = log2(e) / sqrt(D), and is kept as 2^(c s - M): M is an even integer,
 * chosen at a line's first key and raised (rarely) when a weight exceeds 2^(M + LEAD). Sums of weights,
 * and of weights times values, are chains over the keys in order. Raising M multiplies them by a power of two, which
 * rounds nothing, and the weights' digits do not depend on M; so a line's result depends only on its keys and their
 * order: not on how they fall into pages, nor on when its M was raised, nor on other lines. (Exception: weights below
 * 2^-LEAST of M are taken as 0, which values more than 2^60 apart could reveal.)
 * M is even so that ties in rounding c s to an integer fall the same way for every M.
 */
#ifndef RAML_ISA_ATTENTION_SOFT_H
#define RAML_ISA_ATTENTION_SOFT_H

#include "device/cpu/isa/gemm.h"

#include "device/ops.h"

enum { T = RAML_PAGE, HEADS = 4 /* of a group, at once */, LINES = T * HEADS };
enum { LEAD = 30, LEAST = 96 };

/* Adding it to |x| < 2^22 rounds to an integer, kept in the low bits. */
#define SOFT_MAGIC 12582912.0f /* 1.5 * 2^23 */
#define SOFT_LOWEST (-4194304.0f)
#define SOFT_HIGHEST 16777216.0f

struct soft { /* of each line */
    float sum[LINES];
    float base[LINES];  /* SOFT_MAGIC - M */
    float limit[LINES]; /* M + LEAD; -INFINITY: no key yet */
};

INLINE void soft_start(struct soft *s, size_t line, size_t n)
{
    for (size_t i = line; i < line + n; i++) {
        s->sum[i] = 0;
        s->base[i] = SOFT_MAGIC;
        s->limit[i] = -INFINITY;
    }
}

/* M of one line rises for a score whose c s is x. o[Dp]: its sum of values. */
static __attribute__((noinline)) void soft_raise(struct soft *s, size_t line, float x, float *o, size_t Dp)
{
    float m = 2 * ceilf(x / 2), old = SOFT_MAGIC - s->base[line];
    if (m < SOFT_LOWEST) m = SOFT_LOWEST;
    if (!(m <= SOFT_HIGHEST)) m = NAN; /* invalid scores: the line becomes NaN */
    if (s->limit[line] > -INFINITY) {
        float factor = ldexpf(1, (int)(old - m < -200 ? -200 : old - m)); /* -200: 0 */
        s->sum[line] *= factor;
        for (size_t i = 0; i < Dp; i++) o[i] *= factor;
    }
    s->base[line] = SOFT_MAGIC - m;
    s->limit[line] = m + LEAD;
}

/* Scores to weights. */
INLINE nv soft_weight(nv s, nv c, nv base)
{
    nv t = nv_fma(s, c, base), n = nv_sub(t, base);
    nv p = nv_scale(nv_exp2_part(nv_fms(s, c, n)), t);
    return nv_keep(p, t, nv_set(SOFT_MAGIC - LEAST));
}

/* log of the sum of e^score; a function of only the line's weights, not of M. */
INLINE float soft_lse(const struct soft *s, size_t line)
{
    int e;
    float part = frexpf(s->sum[line], &e);
    return (float)((double)(SOFT_MAGIC - s->base[line] + (float)e) * 0.693147180559945309 + raml_log(part));
}

#endif
