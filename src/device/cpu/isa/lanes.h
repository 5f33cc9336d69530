/* lanes.h - the widest vector of this instruction set, as 32-bit integers and floats: for the panels' kernels, where
 * registers are counted. vec.h has sixteen floats at every level, for everything else. */
#ifndef RAML_ISA_LANES_H
#define RAML_ISA_LANES_H

#include "device/cpu/isa/vec.h"

#if defined __AVX2__
#include <immintrin.h>
#else
#include "device/cpu/f16.h"
#endif

#if defined __AVX512F__
enum { LANES = 16 };
#elif defined __AVX2__
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float lf __attribute__((vector_size(4 * LANES)));
typedef int32_t li __attribute__((vector_size(4 * LANES)));
typedef uint32_t lu __attribute__((vector_size(4 * LANES)));

INLINE lu lu_load(const void *p)
{
    lu v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE lf lf_load(const float *p)
{
    lf v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void lf_store(float *p, lf v)
{
    memcpy(p, &v, sizeof v);
}
INLINE lf lf_bits(lu v)
{
    lf x;
    memcpy(&x, &v, sizeof x);
    return x;
}
/* Numbers below 2^24 times a power of two, read as signed: exact. */
INLINE lf lf_of(lu v)
{
    return __builtin_convertvector((li)v, lf);
}
INLINE lf lf_set(float x)
{
#if defined __AVX512F__
    return (lf)_mm512_set1_ps(x);
#elif defined __AVX2__
    return (lf)_mm256_set1_ps(x);
#else
    return (lf){x, x, x, x};
#endif
}
INLINE lf lf_fma(lf a, lf b, lf c) /* a b + c, rounded once */
{
#if defined __AVX512F__
    return (lf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined __AVX2__
    return (lf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    for (int i = 0; i < LANES; i++) c[i] = fmaf(a[i], b[i], c[i]);
    return c;
#endif
}
/* LANES halves at p, any alignment. */
INLINE lf lf_halves(const unsigned char *p)
{
#if defined __AVX512F__
    return (lf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
#elif defined __AVX2__
    return (lf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
#else
    lf x;
    for (int i = 0; i < LANES; i++) x[i] = raml_f16_at(p + 2 * i);
    return x;
#endif
}
/* LANES signed bytes at p as floats. */
INLINE lf lf_bytes(const unsigned char *p)
{
#if defined __AVX512F__
    return (lf)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
#elif defined __AVX2__
    return (lf)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
#else
    lf x;
    for (int i = 0; i < LANES; i++) x[i] = (float)(signed char)p[i];
    return x;
#endif
}

#endif
