/* unpack.h - the numbers of a panel's group, for the kernels that expand panels and those that multiply with them.
 * Layouts: device/cpu/panel.h.
 *
 * A number of n bits is taken from its lane with one `and` and converted in place, as q 2^s; its scale has the
 * factor 2^-s instead, and the offset is the fused addition's third operand:
 *   x = fma(q 2^s, d 2^-s, m),   m = -8 d (Q4_0), -16 d (Q5_0), -128 d (Q8_0), -32 d sc (Q6_K), or the block's own.
 * Products of d (11 bits), sc (8) and q (8) are exact in f32, so one rounding is left, which the formula has too.
 */
#ifndef RAML_ISA_UNPACK_H
#define RAML_ISA_UNPACK_H

#include "device/cpu/isa/lanes.h"
#include "device/cpu/panel.h"

enum { ROWS = RAML_PANEL_ROWS, UNIT = 4 * ROWS, HALVES = 2 * ROWS, VP = ROWS / LANES /* vectors of a unit */ };

/* Not for types without blocks. These are the bits of a number, and the k that share a scale. */
INLINE int type_bits(const enum raml_type type)
{
    switch (type) {
    case RAML_TYPE_Q8_0: return 8;
    case RAML_TYPE_Q6_K: return 6;
    case RAML_TYPE_Q5_0:
    case RAML_TYPE_Q5_1:
    case RAML_TYPE_Q5_K: return 5;
    default: return 4;
    }
}
INLINE int type_group(const enum raml_type type)
{
    return type == RAML_TYPE_Q6_K ? 16 : 32;
}

/* Scales of numbers at bits 0, 8, 16 and 24 of LANES rows, and the offset. */
struct scales {
    lf by[4], offset;
};
INLINE struct scales scales_of(lf d, lf offset)
{
    return (struct scales){{d, d * lf_set(0x1p-8f), d * lf_set(0x1p-16f), d * lf_set(0x1p-24f)}, offset};
}

/* Number j of 8, of 6 bits, of three units p; at = 0: scales, 1: minima. The first four are in the low bits of the
 * bytes of unit `at`, whose upper ones are those of the last four; their low ones are nibble `at` of unit 2. */
INLINE lf six_bits(const unsigned char *p, size_t j, size_t at)
{
    lu v = lu_load(p + at * UNIT);
    const int by = (int)(8 * (j & 3));
    if (j < 4) return lf_of(v >> by & 63u);
    lu low = lu_load(p + 2 * UNIT) >> (by + 4 * (int)at) & 15u;
    return lf_of(low | (v >> (by + 2) & 0x30u));
}

/* Where the group of k begins, after its heads; *head: where its block does. */
INLINE const unsigned char *group_at(const enum raml_type type, const unsigned char *panel, size_t k,
                                     const unsigned char **head)
{
    const size_t bits = (size_t)type_bits(type), group = (size_t)type_group(type), bytes = group * bits / 32 * UNIT;
    const bool k6 = type == RAML_TYPE_Q6_K, k45 = type == RAML_TYPE_Q4_K || type == RAML_TYPE_Q5_K;
    const size_t block = k6 || k45 ? 256 : 32;
    const size_t heads = k6    ? HALVES + 16 * ROWS
                         : k45 ? 2 * HALVES + 3 * UNIT
                               : (type == RAML_TYPE_Q4_1 || type == RAML_TYPE_Q5_1 ? 2 : 1) * (size_t)HALVES;
    *head = panel + k / block * (heads + block / group * bytes);
    return *head + heads + k % block / group * bytes;
}

/* Scales of lanes c to c + LANES for the group of k. */
INLINE struct scales group_scales(const enum raml_type type, const unsigned char *head, size_t k, int c)
{
    lf d = lf_halves(head + 2 * c);
    switch (type) {
    case RAML_TYPE_Q8_0: return scales_of(d, d * lf_set(-128));
    case RAML_TYPE_Q4_0: return scales_of(d, d * lf_set(-8));
    case RAML_TYPE_Q5_0: return scales_of(d, d * lf_set(-16));
    case RAML_TYPE_Q4_K:
    case RAML_TYPE_Q5_K: {
        const unsigned char *six = head + 2 * HALVES + 4 * c;
        size_t j = k / 32 % 8;
        return scales_of(d * six_bits(six, j, 0), -(lf_halves(head + HALVES + 2 * c) * six_bits(six, j, 1)));
    }
    case RAML_TYPE_Q6_K: d *= lf_bytes(head + HALVES + ROWS * (k / 16 % 16) + c); return scales_of(d, d * lf_set(-32));
    default: return scales_of(d, lf_halves(head + HALVES + 2 * c)); /* Q4_1, Q5_1 */
    }
}

/* Number b of four: the lowest `bits` bits of byte b of v (the four are available as bytes). */
INLINE lf number(const int bits, lu v, const int b, const struct scales *s)
{
    if (bits == 8 && b == 3) return lf_fma(lf_of(v >> 24), s->by[0], s->offset);
    return lf_fma(lf_of(v & ((1u << bits) - 1) << 8 * b), s->by[b], s->offset);
}

/* Four k of a group at p, from k = 8 j + 4 t on, as bytes: the lanes from c on. Where a number has 4 bits, so does what
 * is above it. */
INLINE lu bytes_at(const int bits, const unsigned char *p, int j, const int t, int c)
{
    if (bits == 8) return lu_load(p + (2 * j + t) * UNIT + 4 * c);
    lu v = lu_load(p + (bits > 4 ? UNIT : 0) + j * UNIT + 4 * c);
    if (t) v >>= 4;
    if (bits == 4) return v;
    const int wide = bits - 4;
    lu high = lu_load(p + 4 * c) >> 2 * j * wide; /* its bits for t = 0 are the lowest of their bytes now */
    return (v & 0x0f0f0f0fu) | (high << (4 - t * wide) & (bits == 5 ? 0x10101010u : 0x30303030u));
}

enum { AHEAD = 1024 }; /* bytes that are prefetched */
INLINE void ask(const unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + AHEAD + i);
}

#endif
