/* vec_avx2.h - sixteen floats in two registers of AVX2 with FMA. Contract: vec.h.
 *
 * A struct of two, not a vector type of 64 bytes: gcc keeps such vectors in memory across loops here, and moves them
 * through integer registers.
 */
#ifndef RAML_ISA_VEC_AVX2_H
#define RAML_ISA_VEC_AVX2_H

#include <immintrin.h>

typedef struct {
    __m256 lo, hi; /* lanes 0..7, 8..15 */
} vf;
typedef struct {
    __m256 lo, hi; /* all bits of a lane set, or none */
} vm;
typedef __m256i vh;

INLINE vf vf_set(float x)
{
    return (vf){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
INLINE vf vf_load(const float *p)
{
    return (vf){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
INLINE void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
}
INLINE vf vf_add(vf a, vf b)
{
    return (vf){_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
INLINE vf vf_sub(vf a, vf b)
{
    return (vf){_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
INLINE vf vf_mul(vf a, vf b)
{
    return (vf){_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
INLINE vf vf_div(vf a, vf b)
{
    return (vf){_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
INLINE vf vf_sqrt(vf a)
{
    return (vf){_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)};
}
INLINE vf vf_neg(vf a)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (vf){_mm256_xor_ps(a.lo, sign), _mm256_xor_ps(a.hi, sign)};
}
INLINE vf vf_fma(vf a, vf b, vf c)
{
    return (vf){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
INLINE vf vf_fnma(vf a, vf b, vf c)
{
    return (vf){_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
INLINE vf vf_max(vf a, vf b)
{
    return (vf){_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
INLINE vf vf_min(vf a, vf b)
{
    return (vf){_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}

INLINE vm vm_bits(uint32_t word)
{
    const __m256i lo = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), hi = _mm256_slli_epi32(lo, 8);
    __m256i all = _mm256_set1_epi32((int)word);
    return (vm){_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, lo), lo)),
                _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, hi), hi))};
}
INLINE vm vm_first(size_t m) /* m <= 16 */
{
    static const int32_t yes_no[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    const int32_t *p = yes_no + 16 - m;
    return (vm){_mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)p)),
                _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)(p + 8)))};
}
INLINE vm vm_or(vm a, vm b)
{
    return (vm){_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)};
}
INLINE bool vm_any(vm a)
{
    return _mm256_movemask_ps(_mm256_or_ps(a.lo, a.hi)) != 0;
}
INLINE vm vf_gt(vf a, vf b)
{
    return (vm){_mm256_cmp_ps(a.lo, b.lo, _CMP_GT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_GT_OQ)};
}
INLINE vm vf_isnan(vf a)
{
    return (vm){_mm256_cmp_ps(a.lo, a.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, a.hi, _CMP_UNORD_Q)};
}
INLINE vf vf_select(vm m, vf a, vf b) /* a where m is set, else b */
{
    return (vf){_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}

INLINE vf vf_load_n(const float *p, size_t m)
{
    if (m == 16) return vf_load(p);
    vm k = vm_first(m);
    return (vf){_mm256_maskload_ps(p, _mm256_castps_si256(k.lo)), _mm256_maskload_ps(p + 8, _mm256_castps_si256(k.hi))};
}
INLINE void vf_store_n(float *p, vf v, size_t m)
{
    if (m == 16) {
        vf_store(p, v);
        return;
    }
    vm k = vm_first(m);
    _mm256_maskstore_ps(p, _mm256_castps_si256(k.lo), v.lo);
    _mm256_maskstore_ps(p + 8, _mm256_castps_si256(k.hi), v.hi);
}

/* p 2^k, where t = k + 1.5 2^23: the low bits of t are k, modulo 2^9. */
INLINE __m256 vf_scale_half(__m256 p, __m256 t)
{
    __m256i k = _mm256_slli_epi32(_mm256_castps_si256(t), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), k));
}
INLINE vf vf_scale(vf p, vf t)
{
    return (vf){vf_scale_half(p.lo, t.lo), vf_scale_half(p.hi, t.hi)};
}

/* Lane i joins i + 8, then i + 4, i + 2, i + 1. */
INLINE float vf_sum(vf v)
{
    __m256 a = _mm256_add_ps(v.lo, v.hi);
    __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    b = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(b, _mm_shuffle_ps(b, b, 1)));
}
INLINE float vf_max_lane(vf v)
{
    __m256 a = _mm256_max_ps(v.lo, v.hi);
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
    if (m == 16) return vh_load(p);
    uint16_t t[16] = {0};
    memcpy(t, p, m * sizeof *t);
    return vh_load(t);
}
INLINE void vh_store_n(uint16_t *p, vh v, size_t m)
{
    uint16_t t[16];
    if (m == 16) {
        vh_store(p, v);
        return;
    }
    vh_store(t, v);
    memcpy(p, t, m * sizeof *t);
}
INLINE vf vh_up(vh h)
{
    __m256i lo = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(h));
    __m256i hi = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(h, 1));
    return (vf){_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
INLINE __m256i vh_down_half(__m256 v) /* in the low halves of eight cells */
{
    const __m256i exponent = _mm256_set1_epi32(0x7f800000), sign = _mm256_set1_epi32((int)0x80000000u);
    __m256i u = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    __m256i near = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    near = _mm256_blendv_epi8(near, _mm256_or_si256(u, _mm256_set1_epi32(0x400000)), nan);
    __m256i tiny = _mm256_cmpeq_epi32(_mm256_and_si256(u, exponent), _mm256_setzero_si256());
    near = _mm256_blendv_epi8(near, _mm256_and_si256(u, sign), tiny);
    return _mm256_srli_epi32(near, 16);
}
INLINE vh vh_down(vf v) /* raml_act_down, lane by lane */
{
    __m256i both = _mm256_packus_epi32(vh_down_half(v.lo), vh_down_half(v.hi)); /* within each 128 bits: lo, hi */
    return _mm256_permute4x64_epi64(both, 0xd8);
}
/* Sixteen cells of two bf16 each, side by side: the first of each, the second of each. */
INLINE vf vh_first_of_two(const uint16_t *p)
{
    __m256i lo = vh_load(p), hi = vh_load(p + 16);
    return (vf){_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
INLINE vf vh_second_of_two(const uint16_t *p)
{
    const __m256i high = _mm256_set1_epi32((int)0xffff0000u);
    return (vf){_mm256_castsi256_ps(_mm256_and_si256(vh_load(p), high)),
                _mm256_castsi256_ps(_mm256_and_si256(vh_load(p + 16), high))};
}

#endif
