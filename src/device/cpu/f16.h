/* f16.h - IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Every value is a float exactly. */
#ifndef RAML_DEVICE_CPU_F16_H
#define RAML_DEVICE_CPU_F16_H

#include <stdint.h>
#include <string.h>

static inline float raml_from_f16(uint16_t h)
{
    uint32_t rest = h & 0x7fffu, bits = (rest << 13) + (112u << 23);
    float x = (float)rest * 0x1p-24f; /* zero and subnormals */
    if (rest < 0x400) memcpy(&bits, &x, sizeof bits);
    if (rest >= 0x7c00) bits += 112u << 23;
    if (rest > 0x7c00) bits |= 0x400000u; /* NaN becomes a quiet one, as the processor's instruction makes it */
    bits |= (uint32_t)(h & 0x8000u) << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline float raml_f16_at(const unsigned char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return raml_from_f16(h);
}

#endif
