/* half.h - bfloat16: the upper half of a float. Rounded to nearest, ties to even; infinity and NaN are kept. */
#ifndef RAML_CORE_HALF_H
#define RAML_CORE_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t raml_to_bf16(float x) /* without branches, so that loops vectorise */
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    uint32_t nan = (u & 0x7fffffffu) > 0x7f800000u ? UINT32_MAX : 0;
    uint32_t near = (u + 0x7fffu + (u >> 16 & 1)) >> 16, quiet = u >> 16 | 0x40u;
    return (uint16_t)((near & ~nan) | (quiet & nan));
}
static inline float raml_from_bf16(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}
static inline void raml_round_bf16(uint16_t *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = raml_to_bf16(in[i]);
}
static inline void raml_widen_bf16(float *out, const uint16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = raml_from_bf16(in[i]);
}

#endif
