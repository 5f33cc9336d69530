/* scalar.h - single numbers as the kernels treat them: bf16 activations, exp and log in f32.
 *
 * The same bits on every processor: nothing here calls the C library but fmaf, which is exact by definition.
 */
#ifndef RAML_DEVICE_CPU_SCALAR_H
#define RAML_DEVICE_CPU_SCALAR_H

#include "core/elementary.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t raml_bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}
static inline float raml_of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float raml_act_up(uint16_t h)
{
    return raml_of_bits((uint32_t)h << 16);
}
/* To bf16 as the processors' own instruction does (VCVTNEPS2BF16): to nearest, ties to even; NaN stays NaN; subnormals
 * become 0 with their sign. */
static inline uint16_t raml_act_down(float x)
{
    uint32_t u = raml_bits_of(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40);
    if (!(u & 0x7f800000u)) return (uint16_t)(u >> 16 & 0x8000u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}

/* e^x: x = k ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts, the first short enough for k times it to be exact; Cody
 * and Waite 1980), e^r by Taylor's polynomial of degree 6, times 2^k in the exponent's bits. */
#define RAML_EXP_LOW (-87.3f)
#define RAML_EXP_HIGH 88.0f
#define RAML_EXP_MAGIC 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
#define RAML_LOG2_E 1.44269504088896341f
#define RAML_LN2_HIGH 0.693359375f
#define RAML_LN2_LOW (-2.12194440e-4f)

/* p 2^k, where t = k + 1.5 2^23: the low bits of t are k, modulo 2^9. */
static inline float raml_scale_f32(float p, float t)
{
    return raml_of_bits(raml_bits_of(p) + (raml_bits_of(t) << 23));
}
static inline float raml_exp_f32(float x)
{
    x = RAML_EXP_LOW > x ? RAML_EXP_LOW : x;
    x = RAML_EXP_HIGH < x ? RAML_EXP_HIGH : x;
    float t = fmaf(x, RAML_LOG2_E, RAML_EXP_MAGIC), k = t - RAML_EXP_MAGIC;
    float r = fmaf(-k, RAML_LN2_HIGH, x);
    r = fmaf(-k, RAML_LN2_LOW, r);
    float p = 1.0f / 720;
    p = fmaf(p, r, 1.0f / 120);
    p = fmaf(p, r, 1.0f / 24);
    p = fmaf(p, r, 1.0f / 6);
    p = fmaf(p, r, 0.5f);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);
    return raml_scale_f32(p, t);
}
/* GELU in its tanh form (Hendrycks and Gimpel 2016): sqrt(2/pi) (g + 0.044715 g^3) */
#define RAML_GELU_LINEAR 0.797884560802865356f
#define RAML_GELU_CUBIC 0.044715f

/* log x, rounded from double: within 0.5001 ulp. */
static inline float raml_log_f32(float x)
{
    return (float)raml_log(x);
}

#endif
