/* vec.h - sixteen floats at a time, in the compiler's vector types, for whatever instruction set this file is compiled
 * for.
 *
 * Only the sources in this folder include it; they are compiled once per instruction set (RAML_ISA names it).
 */
#ifndef RAML_ISA_VEC_H
#define RAML_ISA_VEC_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define RAML_JOIN2(a, b) a##_##b
#define RAML_JOIN(a, b) RAML_JOIN2(a, b)
#define RAML_NAME(f) RAML_JOIN(raml_##f, RAML_ISA) /* raml_<f>_<isa> */
#define INLINE static inline __attribute__((always_inline, unused))

typedef float vf __attribute__((vector_size(64)));
typedef int32_t vi __attribute__((vector_size(64)));
typedef uint32_t vu __attribute__((vector_size(64)));
typedef uint16_t vh __attribute__((vector_size(32)));

INLINE vf vf_set(float x)
{
    return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
INLINE vf vf_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void vf_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}
INLINE vf vf_bits(vu v)
{
    vf f;
    memcpy(&f, &v, sizeof f);
    return f;
}
INLINE vu vu_bits(vf v)
{
    vu u;
    memcpy(&u, &v, sizeof u);
    return u;
}
INLINE vf vf_max(vf a, vf b)
{
#ifdef __AVX512F__
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#else
    vi m = a > b;
    return vf_bits((vu)(((vi)vu_bits(a) & m) | ((vi)vu_bits(b) & ~m)));
#endif
}
INLINE vf vf_min(vf a, vf b)
{
#ifdef __AVX512F__
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#else
    vi m = a < b;
    return vf_bits((vu)(((vi)vu_bits(a) & m) | ((vi)vu_bits(b) & ~m)));
#endif
}
/* Lanes whose bit is set come from a, the others from b. */
INLINE vf vf_pick(uint32_t bits, vf a, vf b)
{
#ifdef __AVX512F__
    return (vf)_mm512_mask_blend_ps((__mmask16)bits, (__m512)b, (__m512)a);
#else
    const vu lane = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    vu all = {bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits};
    vu m = (vu)((all & lane) != 0);
    return vf_bits((vu_bits(a) & m) | (vu_bits(b) & ~m));
#endif
}
INLINE float vf_sum(vf v) /* lanes joined in a fixed order */
{
    float a[16];
    vf_store(a, v);
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++) a[i] += a[i + w];
    return a[0];
}
INLINE float vf_top(vf v)
{
#ifdef __AVX512F__
    return _mm512_reduce_max_ps((__m512)v);
#else
    float a[16];
    vf_store(a, v);
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++) a[i] = a[i] > a[i + w] ? a[i] : a[i + w];
    return a[0];
#endif
}

/* e^x to 2 ulp for x in [-87, 88]; below: 0 (to 1e-38), above: e^88. Cody-Waite reduction, degree-6 polynomial
 * (Taylor of e^r on |r| <= ln2/2, last coefficient adjusted by nothing: error 1.2e-7 relative). */
INLINE vf vf_exp(vf x)
{
    x = vf_min(vf_max(x, vf_set(-87.3f)), vf_set(88.0f));
    const vf magic = vf_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer held in the low bits */
    vf t = x * vf_set(1.44269504088896341f) + magic;
    vf k = t - magic;
    vf r = x - k * vf_set(0.693359375f);
    r = r + k * vf_set(2.12194440e-4f);
    vf p = vf_set(1.0f / 720);
    p = p * r + vf_set(1.0f / 120);
    p = p * r + vf_set(1.0f / 24);
    p = p * r + vf_set(1.0f / 6);
    p = p * r + vf_set(0.5f);
    p = p * r + vf_set(1.0f);
    p = p * r + vf_set(1.0f);
    return vf_bits(vu_bits(p) + (vu_bits(t) << 23)); /* times 2^k: the low bits of t are k (mod 2^9) */
}

INLINE float half_up(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
INLINE uint16_t half_down(float f) /* round to nearest, ties to even; NaN stays NaN */
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}
INLINE vf vh_up(vh h)
{
    return vf_bits(__builtin_convertvector(h, vu) << 16);
}
INLINE vh vh_down(vf v)
{
#ifdef __AVX512BF16__
    __m256bh b = _mm512_cvtneps_pbh((__m512)v);
    vh h;
    memcpy(&h, &b, sizeof h);
    return h;
#else
    vu u = vu_bits(v);
    return __builtin_convertvector((u + 0x7fffu + (u >> 16 & 1u)) >> 16, vh);
#endif
}

/* Activations: element i of an act array, and sixteen from there; tails of m < 16 elements read 0 beyond. */
INLINE vf act_load(bool bf16, const void *p, size_t i)
{
    if (!bf16) return vf_load((const float *)p + i);
    vh h;
    memcpy(&h, (const uint16_t *)p + i, sizeof h);
    return vh_up(h);
}
INLINE void act_store(bool bf16, void *p, size_t i, vf v)
{
    if (bf16) {
        vh h = vh_down(v);
        memcpy((uint16_t *)p + i, &h, sizeof h);
    } else {
        vf_store((float *)p + i, v);
    }
}
INLINE vf vf_load_n(const float *p, size_t m)
{
    if (m == 16) return vf_load(p);
    vf v = {0};
    for (size_t i = 0; i < m; i++) v[i] = p[i];
    return v;
}
INLINE void vf_store_n(float *p, vf v, size_t m)
{
    if (m == 16) vf_store(p, v);
    else for (size_t i = 0; i < m; i++) p[i] = v[i];
}
INLINE vf act_load_n(bool bf16, const void *p, size_t i, size_t m)
{
    if (!bf16) return vf_load_n((const float *)p + i, m);
    if (m == 16) return act_load(true, p, i);
    vh h = {0};
    for (size_t k = 0; k < m; k++) h[k] = ((const uint16_t *)p)[i + k];
    return vh_up(h);
}
INLINE void act_store_n(bool bf16, void *p, size_t i, vf v, size_t m)
{
    if (m == 16) {
        act_store(bf16, p, i, v);
    } else if (bf16) {
        vh h = vh_down(v);
        for (size_t k = 0; k < m; k++) ((uint16_t *)p)[i + k] = h[k];
    } else {
        vf_store_n((float *)p + i, v, m);
    }
}
INLINE float act_get(bool bf16, const void *p, size_t i)
{
    return bf16 ? half_up(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}
INLINE void act_set(bool bf16, void *p, size_t i, float x)
{
    if (bf16) ((uint16_t *)p)[i] = half_down(x);
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
#define EACH16(i, m, d) for (size_t i = 0, m; m = (d) - i < 16 ? (d) - i : 16, i < (d); i += 16)

#endif
