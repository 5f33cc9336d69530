/* vec.h - sixteen floats at a time, for whatever instruction set this file is compiled for.
 *
 * Only the sources in this folder include it; they are compiled once per instruction set (RAML_ISA names it). vf is
 * opaque: one register on AVX-512, two on AVX2, an array elsewhere (vec_avx512.h, vec_avx2.h, vec_base.h).
 *
 *   vf    sixteen floats           vf_set vf_load vf_store, vf_load_n vf_store_n (the first m lanes; the others read 0)
 *         vf_add vf_sub vf_mul vf_div vf_sqrt vf_neg, vf_max(a, b) = a > b ? a : b, vf_min(a, b) = a < b ? a : b
 *         vf_fma(a, b, c) = a b + c, vf_fnma(a, b, c) = c - a b, each rounded once
 *   vm    sixteen yes or no        vm_first(m) vm_bits(word), vf_gt(a, b) vf_isnan(a), vm_or vm_any, vf_select(m, a, b)
 *   vh    sixteen bf16             vh_load vh_store, vh_load_n vh_store_n, vh_up vh_down
 *
 * A lane's value is the same on every instruction set, to the bit: each function is one IEEE operation per lane,
 * nothing is contracted (-ffp-contract=off: a product and a sum stay two roundings unless vf_fma is written), lanes are
 * joined by vf_sum and vf_max_lane in one order, and what the C library would do differently from machine to machine
 * (exp) is done here. A NaN stays a NaN; which NaN may depend on the processor.
 */
#ifndef RAML_ISA_VEC_H
#define RAML_ISA_VEC_H

#include "device/cpu/scalar.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RAML_JOIN2(a, b) a##_##b
#define RAML_JOIN(a, b) RAML_JOIN2(a, b)
#define RAML_NAME(f) RAML_JOIN(raml_##f, RAML_ISA) /* raml_<f>_<isa> */
#define INLINE static inline __attribute__((always_inline, unused))

#if defined(__AVX512F__)
#include "device/cpu/isa/vec_avx512.h"
#elif defined(__AVX2__)
#include "device/cpu/isa/vec_avx2.h"
#else
#include "device/cpu/isa/vec_base.h"
#endif

INLINE vf vf_zero(void)
{
    return vf_set(0);
}

/* e^x to 2 ulp for x in [-87.3, 88]; below: e^-87.3 (1.2e-38), above: e^88. Lane by lane the bits of raml_exp_f32
 * (scalar.h), which explains the method. */
INLINE vf vf_exp(vf x)
{
    x = vf_min(vf_set(RAML_EXP_HIGH), vf_max(vf_set(RAML_EXP_LOW), x)); /* in this order a NaN passes through */
    const vf magic = vf_set(RAML_EXP_MAGIC);
    vf t = vf_fma(x, vf_set(RAML_LOG2_E), magic);
    vf k = vf_sub(t, magic);
    vf r = vf_fnma(k, vf_set(RAML_LN2_HIGH), x);
    r = vf_fnma(k, vf_set(RAML_LN2_LOW), r);
    vf p = vf_set(1.0f / 720);
    p = vf_fma(p, r, vf_set(1.0f / 120));
    p = vf_fma(p, r, vf_set(1.0f / 24));
    p = vf_fma(p, r, vf_set(1.0f / 6));
    p = vf_fma(p, r, vf_set(0.5f));
    p = vf_fma(p, r, vf_set(1.0f));
    p = vf_fma(p, r, vf_set(1.0f));
    return vf_scale(p, t);
}

/* Activations: element i of an act array, and sixteen from there; tails of m < 16 elements read 0 beyond. */
INLINE vf act_load(bool bf16, const void *p, size_t i)
{
    return bf16 ? vh_up(vh_load((const uint16_t *)p + i)) : vf_load((const float *)p + i);
}
INLINE void act_store(bool bf16, void *p, size_t i, vf v)
{
    if (bf16) vh_store((uint16_t *)p + i, vh_down(v));
    else vf_store((float *)p + i, v);
}
INLINE vf act_load_n(bool bf16, const void *p, size_t i, size_t m)
{
    return bf16 ? vh_up(vh_load_n((const uint16_t *)p + i, m)) : vf_load_n((const float *)p + i, m);
}
INLINE void act_store_n(bool bf16, void *p, size_t i, vf v, size_t m)
{
    if (bf16) vh_store_n((uint16_t *)p + i, vh_down(v), m);
    else vf_store_n((float *)p + i, v, m);
}
INLINE float act_get(bool bf16, const void *p, size_t i)
{
    return bf16 ? raml_act_up(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}
INLINE void act_set(bool bf16, void *p, size_t i, float x)
{
    if (bf16) ((uint16_t *)p)[i] = raml_act_down(x);
    else ((float *)p)[i] = x;
}
INLINE const void *act_at(bool bf16, const void *p, size_t i)
{
    return (const char *)p + i * (bf16 ? 2 : 4);
}
INLINE void *act_at_mut(bool bf16, void *p, size_t i)
{
    return (char *)p + i * (bf16 ? 2 : 4);
}

/* Runs BODY(i, m) over [0, d) in steps of 16; m = 16, or what is left in the last step. */
#define EACH16(i, m, d) for (size_t i = 0, m; m = (d)-i < 16 ? (d)-i : 16, i < (d); i += 16)

#endif
