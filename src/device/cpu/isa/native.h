/* native.h - the widest vector of floats that this instruction set has, for the loops where registers are counted: the
 * matrix products. vec.h has sixteen floats at every level, for the rest. */
#ifndef RAML_ISA_NATIVE_H
#define RAML_ISA_NATIVE_H

#include "device/cpu/isa/vec.h"

#if defined __AVX512F__
#include <immintrin.h>
typedef __m512 nv;
enum { NV = 16 };
INLINE nv nv_zero(void)
{
    return _mm512_setzero_ps();
}
INLINE nv nv_set(float x)
{
    return _mm512_set1_ps(x);
}
INLINE nv nv_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
INLINE void nv_store(float *p, nv v)
{
    _mm512_storeu_ps(p, v);
}
INLINE nv nv_fma(nv a, nv b, nv c) /* a b + c, rounded once */
{
    return _mm512_fmadd_ps(a, b, c);
}
#elif defined __AVX2__
#include <immintrin.h>
typedef __m256 nv;
enum { NV = 8 };
INLINE nv nv_zero(void)
{
    return _mm256_setzero_ps();
}
INLINE nv nv_set(float x)
{
    return _mm256_set1_ps(x);
}
INLINE nv nv_load(const float *p)
{
    return _mm256_loadu_ps(p);
}
INLINE void nv_store(float *p, nv v)
{
    _mm256_storeu_ps(p, v);
}
INLINE nv nv_fma(nv a, nv b, nv c)
{
    return _mm256_fmadd_ps(a, b, c);
}
#else
typedef struct {
    float x[4];
} nv;
enum { NV = 4 };
INLINE nv nv_set(float x)
{
    return (nv){{x, x, x, x}};
}
INLINE nv nv_zero(void)
{
    return nv_set(0);
}
INLINE nv nv_load(const float *p)
{
    nv v;
    memcpy(v.x, p, sizeof v.x);
    return v;
}
INLINE void nv_store(float *p, nv v)
{
    memcpy(p, v.x, sizeof v.x);
}
INLINE nv nv_fma(nv a, nv b, nv c)
{
    for (int i = 0; i < NV; i++) c.x[i] = fmaf(a.x[i], b.x[i], c.x[i]);
    return c;
}
#endif

#endif
