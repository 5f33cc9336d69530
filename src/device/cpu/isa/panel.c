/* panel.c - the elements of panels as floats. Contract and layouts: device/cpu/panel.h.
 *
 * An element of n bits is cut out of its lane with one `and` and converted where it stands, as q 2^s; its scale has the
 * factor 2^-s instead, and the offset is the fused addition's third operand:
 *   x = fma(q 2^s, d 2^-s, m),   m = -8 d (Q4_0), -16 d (Q5_0), -128 d (Q8_0), -32 d sc (Q6_K), or the block's own.
 * Products of d (11 bits), sc (8) and q (8) are exact in f32, so one rounding is left, which the formula has too.
 */
#include "device/cpu/isa/panel.h"

#include "device/cpu/isa/lanes.h"

enum { ROWS = RAML_PANEL_ROWS, UNIT = 4 * ROWS, HALVES = 2 * ROWS, AHEAD = 1024 /* bytes */ };

INLINE void ask(const unsigned char *p, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + AHEAD + i);
}

/* Scales of elements at bits 0, 8, 16 and 24, and the offset. */
struct scales {
    lf by[4], offset;
};
INLINE struct scales scales_of(lf d, lf offset)
{
    return (struct scales){{d, d * lf_set(0x1p-8f), d * lf_set(0x1p-16f), d * lf_set(0x1p-24f)}, offset};
}

/* The lowest `bits` bits of each byte of v: elements of four k that follow one another. */
INLINE void four(const int bits, lu v, const struct scales *s, float *out)
{
    const uint32_t mask = (1u << bits) - 1;
#pragma GCC unroll 4
    for (int b = 0; b < 3; b++) lf_store(out + b * ROWS, lf_fma(lf_of(v & (mask << 8 * b)), s->by[b], s->offset));
    lf last = bits == 8 ? lf_fma(lf_of(v >> 24), s->by[0], s->offset)
                        : lf_fma(lf_of(v & (mask << 24)), s->by[3], s->offset);
    lf_store(out + 3 * ROWS, last);
}

/* The upper bits of the t-th four k, moved from where they stand to bit 4 of their bytes. */
INLINE lu upper(const int bits, lu high, const int t)
{
    const int by = 4 - t * (bits - 4);
    return (by >= 0 ? high << (by & 31) : high >> (-by & 31)) & (bits == 5 ? 0x10101010u : 0x30303030u);
}

/* `units` units of nibbles, of eight k each, behind one of upper bits where bits > 4. */
INLINE void nibbles(const int bits, const int units, const unsigned char *p, const struct scales *s, float *out)
{
    lu high = {0};
    if (bits > 4) {
        high = lu_load(p);
        p += UNIT;
    }
#pragma GCC unroll 4
    for (int j = 0; j < units; j++, p += UNIT, out += 8 * ROWS) {
        lu v = lu_load(p), even = v, odd = v >> 4;
        if (bits > 4) {
            even = (v & 0x0f0f0f0fu) | upper(bits, high, 2 * j);
            odd = (odd & 0x0f0f0f0fu) | upper(bits, high, 2 * j + 1);
        }
        four(bits, even, s, out);
        four(bits, odd, s, out + 4 * ROWS);
    }
}

#define EACH_VECTOR(c) for (int c = 0; c < ROWS; c += LANES)

/* -- Types without blocks ------------------------------------------------------------------------------------------ */
static void group_f32(const unsigned char *panel, size_t k, size_t n, float *out)
{
    panel += k * UNIT;
    memcpy(out, panel, n * UNIT);
}

static void group_bf16(const unsigned char *panel, size_t k, size_t n, float *out)
{
    panel += k / 2 * UNIT;
    ask(panel, PANEL_GROUP / 2 * UNIT);
    for (size_t i = 0; i < n / 2; i++, panel += UNIT, out += 2 * ROWS)
        EACH_VECTOR(c) {
            lu v = lu_load(panel + 4 * c);
            lf_store(out + c, lf_bits(v << 16));
            lf_store(out + ROWS + c, lf_bits(v & 0xffff0000u));
        }
    if (n % 2)
        EACH_VECTOR(c) lf_store(out + c, lf_bits(lu_load(panel + 4 * c) << 16));
}

static void group_f16(const unsigned char *panel, size_t k, size_t n, float *out)
{
    panel += k * HALVES;
    ask(panel, PANEL_GROUP * HALVES);
    for (size_t i = 0; i < n; i++)
        EACH_VECTOR(c) lf_store(out + i * ROWS + (size_t)c, lf_halves(panel + i * HALVES + 2 * c));
}

/* -- Blocks of 32 -------------------------------------------------------------------------------------------------- */
static void group_q8_0(const unsigned char *panel, size_t k, size_t n, float *out)
{
    enum { SIZE = HALVES + 8 * UNIT };
    (void)n;
    panel += k / 32 * SIZE;
    ask(panel, SIZE);
    EACH_VECTOR(c) {
        lf d = lf_halves(panel + 2 * c);
        struct scales s = scales_of(d, d * lf_set(-128));
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++)
            four(8, lu_load(panel + HALVES + j * UNIT + 4 * c), &s, out + 4 * ROWS * j + c);
    }
}

/* middle: the q that stands for zero; 0: a minimum of the block's own stands behind its scale. */
INLINE void group_small(const int bits, const int middle, const unsigned char *panel, size_t k, float *out)
{
    const size_t heads = middle ? HALVES : 2 * HALVES, size = heads + (size_t)bits * UNIT;
    panel += k / 32 * size;
    ask(panel, size);
    EACH_VECTOR(c) {
        lf d = lf_halves(panel + 2 * c);
        struct scales s = scales_of(d, middle ? d * lf_set((float)-middle) : lf_halves(panel + HALVES + 2 * c));
        nibbles(bits, 4, panel + heads + 4 * c, &s, out + c);
    }
}
static void group_q4_0(const unsigned char *panel, size_t k, size_t n, float *out)
{
    (void)n;
    group_small(4, 8, panel, k, out);
}
static void group_q4_1(const unsigned char *panel, size_t k, size_t n, float *out)
{
    (void)n;
    group_small(4, 0, panel, k, out);
}
static void group_q5_0(const unsigned char *panel, size_t k, size_t n, float *out)
{
    (void)n;
    group_small(5, 16, panel, k, out);
}
static void group_q5_1(const unsigned char *panel, size_t k, size_t n, float *out)
{
    (void)n;
    group_small(5, 0, panel, k, out);
}

/* -- Blocks of 256 ------------------------------------------------------------------------------------------------- */
/* Number j of 8, of 6 bits, of three units p; at = 0: scales, 1: minima. The first four stand in the low bits of the
 * bytes of unit `at`, whose upper ones are those of the last four; their low ones are nibble `at` of unit 2. */
INLINE lf six_bits(const unsigned char *p, size_t j, size_t at)
{
    lu v = lu_load(p + at * UNIT);
    const int by = (int)(8 * (j & 3));
    if (j < 4) return lf_of(v >> by & 63u);
    lu low = lu_load(p + 2 * UNIT) >> (by + 4 * (int)at) & 15u;
    return lf_of(low | (v >> (by + 2) & 0x30u));
}

INLINE void group_k(const int bits, const unsigned char *panel, size_t k, float *out)
{
    const size_t heads = 2 * HALVES + 3 * UNIT, group = (size_t)bits * UNIT, size = heads + 8 * group;
    const size_t j = k / 32 % 8;
    panel += k / 256 * size;
    const unsigned char *p = panel + heads + j * group;
    ask(p, group);
    EACH_VECTOR(c) {
        lf d = lf_halves(panel + 2 * c), dmin = lf_halves(panel + HALVES + 2 * c);
        const unsigned char *six = panel + 2 * HALVES + 4 * c;
        struct scales s = scales_of(d * six_bits(six, j, 0), -(dmin * six_bits(six, j, 1)));
        nibbles(bits, 4, p + 4 * c, &s, out + c);
    }
}
static void group_q4_k(const unsigned char *panel, size_t k, size_t n, float *out)
{
    (void)n;
    group_k(4, panel, k, out);
}
static void group_q5_k(const unsigned char *panel, size_t k, size_t n, float *out)
{
    (void)n;
    group_k(5, panel, k, out);
}

static void group_q6_k(const unsigned char *panel, size_t k, size_t n, float *out)
{
    enum { HEADS = HALVES + 16 * ROWS, GROUP = 3 * UNIT, SIZE = HEADS + 16 * GROUP };
    (void)n;
    panel += k / 256 * SIZE;
    for (size_t j = k % 256 / 16, end = j + 2; j < end; j++, out += 16 * ROWS) {
        const unsigned char *p = panel + HEADS + j * GROUP;
        ask(p, GROUP);
        EACH_VECTOR(c) {
            lf d = lf_halves(panel + 2 * c) * lf_bytes(panel + HALVES + ROWS * j + c);
            struct scales s = scales_of(d, d * lf_set(-32));
            nibbles(6, 2, p + 4 * c, &s, out + c);
        }
    }
}

panel_group *panel_group_isa(enum raml_type type)
{
    static panel_group *const groups[RAML_TYPES] = {
        [RAML_TYPE_F32] = group_f32,   [RAML_TYPE_BF16] = group_bf16, [RAML_TYPE_F16] = group_f16,
        [RAML_TYPE_Q8_0] = group_q8_0, [RAML_TYPE_Q4_0] = group_q4_0, [RAML_TYPE_Q4_1] = group_q4_1,
        [RAML_TYPE_Q5_0] = group_q5_0, [RAML_TYPE_Q5_1] = group_q5_1, [RAML_TYPE_Q4_K] = group_q4_k,
        [RAML_TYPE_Q5_K] = group_q5_k, [RAML_TYPE_Q6_K] = group_q6_k,
    };
    return groups[type];
}

void panel_expand_isa(enum raml_type type, const void *panel, size_t k0, size_t n, float *out)
{
    panel_group *group = panel_group_isa(type);
    for (size_t i = 0; i < n; i += PANEL_GROUP)
        group(panel, k0 + i, n - i < PANEL_GROUP ? n - i : PANEL_GROUP, out + i * ROWS);
}

const struct raml_panel_ops panel_ops_isa = {.expand = panel_expand_isa, .few = panel_few_isa};
