/* vec_avx512.h - sixteen floats in one register of AVX-512 (F, BW, DQ, VL). Contract: vec.h. */
#ifndef RAML_ISA_VEC_AVX512_H
#define RAML_ISA_VEC_AVX512_H

#include <immintrin.h>

typedef __m512 vf;
typedef __mmask16 vm;
typedef __m256i vh;

INLINE vf vf_set(float x)
{
    return _mm512_set1_ps(x);
}
INLINE vf vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
INLINE void vf_store(float *p, vf v)
{
    _mm512_storeu_ps(p, v);
}
INLINE vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
INLINE vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
INLINE vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
INLINE vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
INLINE vf vf_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
INLINE vf vf_neg(vf a)
{
    return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f));
}
INLINE vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
INLINE vf vf_fnma(vf a, vf b, vf c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
INLINE vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
INLINE vf vf_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}

INLINE vm vm_bits(uint32_t word)
{
    return (vm)word;
}
INLINE vm vm_first(size_t m) /* m <= 16 */
{
    return (vm)((1u << m) - 1);
}
INLINE vm vm_or(vm a, vm b)
{
    return (vm)(a | b);
}
INLINE bool vm_any(vm a)
{
    return a != 0;
}
INLINE vm vf_gt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
INLINE vm vf_isnan(vf a)
{
    return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
}
INLINE vf vf_select(vm m, vf a, vf b) /* a where m is set, else b */
{
    return _mm512_mask_blend_ps(m, b, a);
}

INLINE vf vf_load_n(const float *p, size_t m)
{
    return m == 16 ? vf_load(p) : _mm512_maskz_loadu_ps(vm_first(m), p);
}
INLINE void vf_store_n(float *p, vf v, size_t m)
{
    if (m == 16) vf_store(p, v);
    else _mm512_mask_storeu_ps(p, vm_first(m), v);
}

/* p 2^k, where t = k + 1.5 2^23: the low bits of t are k, modulo 2^9. */
INLINE vf vf_scale(vf p, vf t)
{
    __m512i k = _mm512_slli_epi32(_mm512_castps_si512(t), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), k));
}

/* Lane i joins i + 8, then i + 4, i + 2, i + 1. */
INLINE float vf_sum(vf v)
{
    __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_shuffle_ps(b, b, 1)));
}
INLINE float vf_max_lane(vf v)
{
    __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(b, _mm_shuffle_ps(b, b, 1)));
}

INLINE vh vh_load(const uint16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}
INLINE void vh_store(uint16_t *p, vh v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}
INLINE vh vh_load_n(const uint16_t *p, size_t m)
{
    return m == 16 ? vh_load(p) : _mm256_maskz_loadu_epi16(vm_first(m), p);
}
INLINE void vh_store_n(uint16_t *p, vh v, size_t m)
{
    if (m == 16) vh_store(p, v);
    else _mm256_mask_storeu_epi16(p, vm_first(m), v);
}
INLINE vf vh_up(vh h)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
INLINE vh vh_down(vf v) /* raml_act_down, lane by lane */
{
#ifdef __AVX512BF16__
    return (__m256i)_mm512_cvtneps_pbh(v);
#else
    const __m512i one = _mm512_set1_epi32(1), sign = _mm512_set1_epi32((int)0x80000000u);
    __m512i u = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), one);
    __m512i near = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    near = _mm512_mask_or_epi32(near, vf_isnan(v), u, _mm512_set1_epi32(0x400000));
    __mmask16 tiny = _mm512_testn_epi32_mask(u, _mm512_set1_epi32(0x7f800000));
    near = _mm512_mask_and_epi32(near, tiny, u, sign);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(near, 16));
#endif
}
/* Sixteen cells of two bf16 each, side by side: the first of each, the second of each. */
INLINE vf vh_first_of_two(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
}
INLINE vf vh_second_of_two(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32((int)0xffff0000u)));
}

#endif
