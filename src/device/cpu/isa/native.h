/* native.h - one register of floats, as wide as this instruction set has: attention's products and softmax are
 * blocked in them. Every function is one IEEE operation per lane (nv_fma: rounded once), so that a lane's bits are the
 * same at every width.
 *
 *   nv    NV floats      nv_set nv_load nv_store nv_add nv_sub nv_mul nv_max, nv_fma(a, b, c) = a b + c,
 *                        nv_fms(a, b, c) = a b - c, nv_max_lane: the largest lane
 *         nv_select(bits, a, b)     lanes whose bit is set come from a, the others from b
 *         nv_over(a, b)             bits of the lanes where a > b
 *         nv_scale(p, t)            p times 2^k, k the integer in the low bits of t
 *         nv_keep(p, t, low)        p where t is not less than low, else 0
 *         nv_high, nv_low           of cells of two bf16: the second's value, the first's
 *         nv_cells(a, b)            cells of two bf16 out of floats, a's first in memory
 */
#ifndef RAML_ISA_NATIVE_H
#define RAML_ISA_NATIVE_H

#include "device/cpu/isa/vec.h"

#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512 nv;
enum { NV = 16 };
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
INLINE nv nv_add(nv a, nv b)
{
    return _mm512_add_ps(a, b);
}
INLINE nv nv_sub(nv a, nv b)
{
    return _mm512_sub_ps(a, b);
}
INLINE nv nv_mul(nv a, nv b)
{
    return _mm512_mul_ps(a, b);
}
INLINE nv nv_max(nv a, nv b)
{
    return _mm512_max_ps(a, b);
}
INLINE nv nv_fma(nv a, nv b, nv c)
{
    return _mm512_fmadd_ps(a, b, c);
}
INLINE nv nv_fms(nv a, nv b, nv c)
{
    return _mm512_fmsub_ps(a, b, c);
}
INLINE nv nv_select(uint32_t bits, nv a, nv b)
{
    return _mm512_mask_blend_ps((__mmask16)bits, b, a);
}
INLINE uint32_t nv_over(nv a, nv b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
INLINE nv nv_scale(nv p, nv t)
{
    __m512i k = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), k));
}
INLINE nv nv_keep(nv p, nv t, nv low)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(t, low, _CMP_NLT_UQ), p);
}
INLINE nv nv_low(nv cells)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(cells), 16));
}
INLINE nv nv_high(nv cells)
{
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(cells), _mm512_set1_epi32((int)0xffff0000u)));
}
INLINE nv nv_cells(nv a, nv b)
{
    __m512i low = _mm512_cvtepu16_epi32(vh_down(a)), high = _mm512_cvtepu16_epi32(vh_down(b));
    return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
#elif defined(__AVX2__)
#include <immintrin.h>
typedef __m256 nv;
enum { NV = 8 };
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
INLINE nv nv_add(nv a, nv b)
{
    return _mm256_add_ps(a, b);
}
INLINE nv nv_sub(nv a, nv b)
{
    return _mm256_sub_ps(a, b);
}
INLINE nv nv_mul(nv a, nv b)
{
    return _mm256_mul_ps(a, b);
}
INLINE nv nv_max(nv a, nv b)
{
    return _mm256_max_ps(a, b);
}
INLINE nv nv_fma(nv a, nv b, nv c)
{
    return _mm256_fmadd_ps(a, b, c);
}
INLINE nv nv_fms(nv a, nv b, nv c)
{
    return _mm256_fmsub_ps(a, b, c);
}
INLINE nv nv_select(uint32_t bits, nv a, nv b)
{
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i m = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), lane), lane);
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(m));
}
INLINE uint32_t nv_over(nv a, nv b)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
INLINE nv nv_scale(nv p, nv t)
{
    __m256i k = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), k));
}
INLINE nv nv_keep(nv p, nv t, nv low)
{
    return _mm256_and_ps(p, _mm256_cmp_ps(t, low, _CMP_NLT_UQ));
}
INLINE nv nv_low(nv cells)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(cells), 16));
}
INLINE nv nv_high(nv cells)
{
    return _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(cells), _mm256_set1_epi32((int)0xffff0000u)));
}
INLINE nv nv_cells(nv a, nv b)
{
    __m256i h = vh_down((vf){a, b});
    __m256i low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(h));
    __m256i high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(h, 1));
    return _mm256_castsi256_ps(_mm256_or_si256(low, _mm256_slli_epi32(high, 16)));
}
#else
enum { NV = 4 };
typedef struct {
    float f[NV];
} nv;
#define NV_EACH(i) for (int i = 0; i < NV; i++)
INLINE nv nv_set(float x)
{
    nv v;
    NV_EACH(i) v.f[i] = x;
    return v;
}
INLINE nv nv_load(const float *p)
{
    nv v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void nv_store(float *p, nv v)
{
    memcpy(p, &v, sizeof v);
}
INLINE nv nv_add(nv a, nv b)
{
    NV_EACH(i) a.f[i] += b.f[i];
    return a;
}
INLINE nv nv_sub(nv a, nv b)
{
    NV_EACH(i) a.f[i] -= b.f[i];
    return a;
}
INLINE nv nv_mul(nv a, nv b)
{
    NV_EACH(i) a.f[i] *= b.f[i];
    return a;
}
INLINE nv nv_max(nv a, nv b)
{
    NV_EACH(i) a.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i];
    return a;
}
INLINE nv nv_fma(nv a, nv b, nv c)
{
    NV_EACH(i) c.f[i] = __builtin_fmaf(a.f[i], b.f[i], c.f[i]);
    return c;
}
INLINE nv nv_fms(nv a, nv b, nv c)
{
    NV_EACH(i) c.f[i] = __builtin_fmaf(a.f[i], b.f[i], -c.f[i]);
    return c;
}
INLINE nv nv_select(uint32_t bits, nv a, nv b)
{
    NV_EACH(i) a.f[i] = bits >> i & 1 ? a.f[i] : b.f[i];
    return a;
}
INLINE uint32_t nv_over(nv a, nv b)
{
    uint32_t bits = 0;
    NV_EACH(i) bits |= (uint32_t)(a.f[i] > b.f[i]) << i;
    return bits;
}
INLINE nv nv_scale(nv p, nv t)
{
    NV_EACH(i) p.f[i] = raml_of_bits(raml_bits_of(p.f[i]) + (raml_bits_of(t.f[i]) << 23));
    return p;
}
INLINE nv nv_keep(nv p, nv t, nv low)
{
    NV_EACH(i) p.f[i] = t.f[i] < low.f[i] ? 0 : p.f[i];
    return p;
}
INLINE nv nv_low(nv cells)
{
    NV_EACH(i) cells.f[i] = raml_of_bits(raml_bits_of(cells.f[i]) << 16);
    return cells;
}
INLINE nv nv_high(nv cells)
{
    NV_EACH(i) cells.f[i] = raml_of_bits(raml_bits_of(cells.f[i]) & 0xffff0000u);
    return cells;
}
INLINE nv nv_cells(nv a, nv b)
{
    NV_EACH(i) a.f[i] = raml_of_bits(raml_act_down(a.f[i]) | (uint32_t)raml_act_down(b.f[i]) << 16);
    return a;
}
#endif

INLINE float nv_max_lane(nv v)
{
    float a[NV];
    nv_store(a, v);
    for (int w = NV / 2; w; w /= 2)
        for (int i = 0; i < w; i++) a[i] = a[i] > a[i + w] ? a[i] : a[i + w];
    return a[0];
}

/* 2^f to 1.2 ulp for |f| <= 1/2: 1 + f q(f), q of degree 5 interpolating (2^f - 1) / f at the Chebyshev points. */
INLINE nv nv_exp2_part(nv f)
{
    nv p = nv_set(0x1.44138ap-13f);
    p = nv_fma(p, f, nv_set(0x1.5f0890p-10f));
    p = nv_fma(p, f, nv_set(0x1.3b2a54p-7f));
    p = nv_fma(p, f, nv_set(0x1.c6af6cp-5f));
    p = nv_fma(p, f, nv_set(0x1.ebfbe0p-3f));
    p = nv_fma(p, f, nv_set(0x1.62e430p-1f));
    return nv_fma(p, f, nv_set(1.0f));
}

#endif
