/* gguf_quant.c - floats in the types that are written. See blocks.h. */
#include "core/half.h"
#include "store/blocks.h"
#include "store/gguf_format.h"

#include <math.h>
#include <string.h>

static const float MOST_Q8_0 = 127.0f * 65504.0f;

/* q * 2^e with q of 11 bits, of 10 or less at the smallest exponent; the carry of q into the exponent is intended. */
uint16_t raml_half_from_float(float x)
{
    int e;
    frexpf(x, &e);
    if (!(x < 65536.0f)) return 0x7c00;
    e = x > 0 && e - 11 > -24 ? e - 11 : -24;
    uint32_t bits = ((uint32_t)(e + 24) << 10) + (uint32_t)rintf(ldexpf(x, -e));
    return bits < 0x7c00 ? (uint16_t)bits : 0x7c00;
}

/* One block: the f16 scale, then 32 signed bytes. false: an element is not finite or too large. */
static bool to_q8_0(const float *x, unsigned char *p)
{
    float most = 0;
    bool finite = true;
    for (int i = 0; i < GGUF_BLOCK; i++) {
        finite &= isfinite(x[i]) != 0;
        most = fmaxf(most, fabsf(x[i]));
    }
    if (!finite || most > MOST_Q8_0) {
        memset(p, 0, 2 + GGUF_BLOCK);
        return false;
    }
    uint16_t h = raml_half_from_float(most / 127.0f);
    if (most > 127.5f * raml_half_to_float(h)) h++; /* too few bits in the scale: 127 would be clipped */
    float d = raml_half_to_float(h);
    memcpy(p, &h, sizeof h);
    for (int i = 0; i < GGUF_BLOCK; i++) {
        float q = d > 0 ? fmaxf(-127.0f, fminf(127.0f, roundf(x[i] / d))) : 0.0f;
        p[2 + i] = (unsigned char)(signed char)q;
    }
    return true;
}

static size_t to_f16(const float *x, size_t n, unsigned char *p)
{
    size_t bad = n;
    for (size_t i = 0; i < n; i++) {
        uint16_t h = isnan(x[i]) ? 0x7e00 : raml_half_from_float(fabsf(x[i]));
        if ((h & 0x7c00) == 0x7c00 && bad == n) bad = i;
        if (signbit(x[i])) h |= 0x8000;
        memcpy(p + 2 * i, &h, sizeof h);
    }
    return bad;
}

static size_t to_bf16(const float *x, size_t n, unsigned char *p)
{
    size_t bad = n;
    for (size_t i = 0; i < n; i++) {
        uint16_t h = raml_to_bf16(x[i]);
        if ((h & 0x7f80) == 0x7f80 && bad == n) bad = i;
        memcpy(p + 2 * i, &h, sizeof h);
    }
    return bad;
}

size_t raml_blocks_from_f32(uint32_t type, const float *x, size_t n, void *out)
{
    size_t bad = n;
    unsigned char *p = out;
    if (type == RAML_GGML_F16) return to_f16(x, n, p);
    if (type == RAML_GGML_BF16) return to_bf16(x, n, p);
    if (type == RAML_GGML_F32) {
        memcpy(p, x, n * sizeof *x);
        for (size_t i = 0; i < n && bad == n; i++)
            if (!isfinite(x[i])) bad = i;
        return bad;
    }
    for (size_t i = 0; i < n; i += GGUF_BLOCK, p += 2 + GGUF_BLOCK)
        if (!to_q8_0(x + i, p) && bad == n) bad = i;
    return bad;
}
