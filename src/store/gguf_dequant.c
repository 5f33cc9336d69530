/* gguf_dequant.c - the types of ggml's tensors, and their conversion to f32.
 *
 * Layouts and formulas: ggml/src/ggml-common.h (struct block_*, K_SCALE_SIZE) and gguf-py/gguf/quants.py of llama.cpp.
 * A row is split into blocks of 32 elements (Q8_0, Q4_0 to Q5_1, IQ4_NL) or 256 (the K types, IQ4_XS). d, m, dmin: f16. Offsets:
 *   Q8_0  0 d, 2 q[32] (signed)                                 x = d q
 *   Q4_0  0 d, 2 nibbles[16]                                    x = d (q - 8)
 *   Q4_1  0 d, 2 m, 4 nibbles[16]                               x = d q + m
 *   Q5_0  0 d, 2 high[4], 6 nibbles[16]                         x = d (q - 16), q of 5 bits
 *   Q5_1  0 d, 2 m, 4 high[4], 8 nibbles[16]                    x = d q + m, q of 5 bits
 *   Q4_K  0 d, 2 dmin, 4 scales[12], 16 nibbles[128]            x = d sc q - dmin m
 *   Q5_K  0 d, 2 dmin, 4 scales[12], 16 high[32], 48 nibbles[128]  the same, q of 5 bits
 *   Q6_K  0 nibbles[128], 128 high[64], 192 sc[16] (signed), 208 d  x = d sc (q - 32), q of 6 bits
 *   Q2_K  0 sc and m[16] (low and high nibbles), 16 pairs[64], 80 d, 82 dmin  x = d sc q - dmin m, q of 2 bits
 *   Q3_K  0 high[32], 32 pairs[64], 96 scales[12], 108 d        x = d (sc - 32) (q - 4), q of 3 bits
 *   IQ4_NL 0 d, 2 nibbles[16]                                   x = d table[q]
 *   IQ4_XS 0 d, 2 scales' high bits[2], 4 their low ones[4], 8 nibbles[128]  x = d (sc - 32) table[q]
 * A product that is zero counts as +0, whatever the sign of its scale (`+ 0.0f` below): so do the kernels of the device
 * layer that read blocks (device/cpu/panel.h), with which these conversions agree to the last bit.
 * Loops are simple enough for the compiler to vectorise (CMakeLists.txt sets -O3): no branch depends on an element.
 */
#include "core/half.h"
#include "store/blocks.h"
#include "store/gguf_format.h"

#include <math.h>
#include <string.h>

enum { CHUNK = 4096 }; /* elements converted at a time: whole blocks of every type */

/* Elements and bytes of a block, by the type's number (GGML_QUANT_SIZES in gguf-py/gguf/constants.py). */
static const struct {
    const char *name;
    unsigned short n, bytes;
} kinds[] = {
    [0] = {"F32", 1, 4},         [1] = {"F16", 1, 2},         [2] = {"Q4_0", 32, 18},      [3] = {"Q4_1", 32, 20},
    [6] = {"Q5_0", 32, 22},      [7] = {"Q5_1", 32, 24},      [8] = {"Q8_0", 32, 34},      [9] = {"Q8_1", 32, 36},
    [10] = {"Q2_K", 256, 84},    [11] = {"Q3_K", 256, 110},   [12] = {"Q4_K", 256, 144},   [13] = {"Q5_K", 256, 176},
    [14] = {"Q6_K", 256, 210},   [15] = {"Q8_K", 256, 292},   [16] = {"IQ2_XXS", 256, 66}, [17] = {"IQ2_XS", 256, 74},
    [18] = {"IQ3_XXS", 256, 98}, [19] = {"IQ1_S", 256, 50},   [20] = {"IQ4_NL", 32, 18},   [21] = {"IQ3_S", 256, 110},
    [22] = {"IQ2_S", 256, 82},   [23] = {"IQ4_XS", 256, 136}, [24] = {"I8", 1, 1},         [25] = {"I16", 1, 2},
    [26] = {"I32", 1, 4},        [27] = {"I64", 1, 8},        [28] = {"F64", 1, 8},        [29] = {"IQ1_M", 256, 56},
    [30] = {"BF16", 1, 2},       [34] = {"TQ1_0", 256, 54},   [35] = {"TQ2_0", 256, 66},   [39] = {"MXFP4", 32, 17},
    [40] = {"NVFP4", 64, 36},
};

const char *raml_ggml_type_name(uint32_t t)
{
    return t < sizeof kinds / sizeof *kinds && kinds[t].n ? kinds[t].name : "unknown";
}

size_t raml_ggml_block(uint32_t t, size_t *block_bytes)
{
    bool known = t < sizeof kinds / sizeof *kinds && kinds[t].n;
    *block_bytes = known ? kinds[t].bytes : 0;
    return known ? kinds[t].n : 0;
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Every value is a float exactly. */
float raml_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ffu;
    if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float x = (float)fraction * 0x1p-24f; /* zero and subnormals */
    return sign ? -x : x;
}

static float half_at(const unsigned char *p)
{
    return raml_half_to_float((uint16_t)(p[0] | p[1] << 8));
}

/* Types without blocks: n elements at p give x. */

static void from_f16(const unsigned char *p, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) { /* all three interpretations of the number, of which one is used */
        uint16_t h;
        memcpy(&h, p + 2 * i, sizeof h);
        uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7fffu;
        float small = (float)(int32_t)rest * 0x1p-24f;
        uint32_t bits, wide = (rest << 13) + (112u << 23);
        memcpy(&bits, &small, sizeof bits);
        bits = rest < 0x400 ? bits : wide;
        bits = rest >= 0x7c00 ? wide + (112u << 23) : bits;
        bits |= sign;
        memcpy(x + i, &bits, sizeof bits);
    }
}

static void from_bf16(const unsigned char *p, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, p + 2 * i, sizeof h);
        uint32_t bits = (uint32_t)h << 16;
        memcpy(x + i, &bits, sizeof bits);
    }
}

/* Blocks: the bytes at p give the block's elements at x. */

static void from_q8_0(const unsigned char *p, float *x)
{
    float d = half_at(p);
    const signed char *q = (const signed char *)p + 2;
    for (int i = 0; i < GGUF_BLOCK; i++) x[i] = d * (float)q[i] + 0.0f;
}

/* 32 numbers d (q - middle) + m. Low nibbles are the first half of the block, high ones the second. high: NULL, or 4
 * bytes of which bit i is the fifth bit of element i. */
static inline void from_nibbles(float d, int middle, float m, const unsigned char *high, const unsigned char *nibbles,
                                float *x)
{
    uint32_t h = 0;
    if (high) h = high[0] | (uint32_t)high[1] << 8 | (uint32_t)high[2] << 16 | (uint32_t)high[3] << 24;
    for (int i = 0; i < GGUF_BLOCK / 2; i++) {
        int low = (nibbles[i] & 15) | (int)(h >> i & 1) << 4, up = nibbles[i] >> 4 | (int)(h >> (i + 16) & 1) << 4;
        x[i] = d * (float)(low - middle) + m;
        x[i + GGUF_BLOCK / 2] = d * (float)(up - middle) + m;
    }
}

static void from_q4_0(const unsigned char *p, float *x)
{
    from_nibbles(half_at(p), 8, 0.0f, NULL, p + 2, x);
}

static void from_q4_1(const unsigned char *p, float *x)
{
    from_nibbles(half_at(p), 0, half_at(p + 2), NULL, p + 4, x);
}

static void from_q5_0(const unsigned char *p, float *x)
{
    from_nibbles(half_at(p), 16, 0.0f, p + 2, p + 6, x);
}

static void from_q5_1(const unsigned char *p, float *x)
{
    from_nibbles(half_at(p), 0, half_at(p + 2), p + 4, p + 8, x);
}

/* Scale and minimum, 6 bits each, of group j of 8, from 12 bytes s. Groups 0 to 3: the low 6 bits of s[j] and s[j + 4].
 * Groups 4 to 7: low 4 bits in the two nibbles of s[j + 4], high 2 bits on top of s[j - 4] and s[j]. */
static void scale_and_min(const unsigned char *s, int j, float *scale, float *min)
{
    int sc = j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4;
    int m = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4;
    *scale = (float)sc;
    *min = (float)m;
}

/* 8 groups of 32; two consecutive ones share 32 bytes of nibbles, the even one the low ones. high: NULL, or 32
 * bytes of which bit j is the fifth bit of the elements of group j. */
static void from_q4_or_q5(const unsigned char *p, const unsigned char *high, const unsigned char *nibbles, float *x)
{
    float d = half_at(p), dmin = half_at(p + 2);
    for (int j = 0; j < 8; j++) {
        float scale, min;
        scale_and_min(p + 4, j, &scale, &min);
        scale *= d;
        min *= dmin;
        for (int i = 0; i < 32; i++) {
            int q = nibbles[j / 2 * 32 + i] >> j % 2 * 4 & 15;
            if (high) q |= (high[i] >> j & 1) << 4;
            x[32 * j + i] = scale * (float)q - min;
        }
    }
}

static void from_q4_k(const unsigned char *p, float *x)
{
    from_q4_or_q5(p, NULL, p + 16, x);
}

static void from_q5_k(const unsigned char *p, float *x)
{
    from_q4_or_q5(p, p + 16, p + 48, x);
}

/* Each half of 128 elements has 64 bytes of nibbles (low ones first) and 32 of high bits, two for each quarter g. */
static void from_q6_k(const unsigned char *p, float *x)
{
    float d = half_at(p + 208);
    const signed char *sc = (const signed char *)p + 192;
    for (int part = 0; part < 16; part++) { /* 16 elements of one scale */
        int half = part / 8, g = part / 2 % 4, first = part % 2 * 16;
        const unsigned char *low = p + 64 * half + g % 2 * 32 + first, *high = p + 128 + 32 * half + first;
        float scale = d * (float)sc[part];
        for (int i = 0; i < 16; i++) {
            int q = (low[i] >> g / 2 * 4 & 15) | (high[i] >> 2 * g & 3) << 4;
            x[16 * part + i] = scale * (float)(q - 32) + 0.0f;
        }
    }
}

/* Pairs of bits: each 32 bytes are the elements of 128, 32 by 32, from the lowest pair up. */
static int pair_at(const unsigned char *pairs, int i)
{
    return pairs[i / 128 * 32 + i % 32] >> i / 32 % 4 * 2 & 3;
}

static void from_q2_k(const unsigned char *p, float *x)
{
    float d = half_at(p + 80), dmin = half_at(p + 82);
    for (int part = 0; part < 16; part++) {
        float scale = d * (float)(p[part] & 15), min = dmin * (float)(p[part] >> 4);
        for (int i = 16 * part; i < 16 * part + 16; i++) x[i] = scale * (float)pair_at(p + 16, i) - min;
    }
}

/* Scale j of 16, 6 bits, less 32: low ones in the nibbles of 8 bytes, high ones in the pairs of 4. */
static int q3_scale(const unsigned char *s, int j)
{
    return ((s[j % 8] >> j / 8 * 4 & 15) | (s[8 + j % 4] >> j / 4 * 2 & 3) << 4) - 32;
}

/* -4 to 3. */
static int q3_at(const unsigned char *p, int i)
{
    return pair_at(p + 32, i) + (p[i % 32] >> i / 32 & 1) * 4 - 4;
}

static void from_q3_k(const unsigned char *p, float *x)
{
    float d = half_at(p + 108);
    for (int part = 0; part < 16; part++) {
        float scale = d * (float)q3_scale(p + 96, part);
        for (int i = 16 * part; i < 16 * part + 16; i++) x[i] = scale * (float)q3_at(p, i) + 0.0f;
    }
}

/* kvalues_iq4nl of ggml-common.h */
static const signed char iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static void from_iq4_nl(const unsigned char *p, float *x)
{
    float d = half_at(p);
    for (int i = 0; i < 32; i++) x[i] = d * (float)iq4[p[2 + i % 16] >> i / 16 * 4 & 15] + 0.0f;
}

static void from_iq4_xs(const unsigned char *p, float *x)
{
    float d = half_at(p);
    for (int j = 0; j < 8; j++) {
        int low = p[4 + j / 2] >> j % 2 * 4 & 15, high = (p[2] | p[3] << 8) >> 2 * j & 3;
        float scale = d * (float)((low | high << 4) - 32);
        for (int i = 0; i < 32; i++)
            x[32 * j + i] = scale * (float)iq4[p[8 + 16 * j + i % 16] >> i / 16 * 4 & 15] + 0.0f;
    }
}

typedef void convert_block(const unsigned char *p, float *x);

static convert_block *converter(uint32_t type)
{
    switch (type) {
    case RAML_GGML_Q8_0: return from_q8_0;
    case RAML_GGML_Q4_0: return from_q4_0;
    case RAML_GGML_Q4_1: return from_q4_1;
    case RAML_GGML_Q5_0: return from_q5_0;
    case RAML_GGML_Q5_1: return from_q5_1;
    case RAML_GGML_Q4_K: return from_q4_k;
    case RAML_GGML_Q5_K: return from_q5_k;
    case RAML_GGML_Q6_K: return from_q6_k;
    case RAML_GGML_Q2_K: return from_q2_k;
    case RAML_GGML_Q3_K: return from_q3_k;
    case RAML_GGML_IQ4_NL: return from_iq4_nl;
    case RAML_GGML_IQ4_XS: return from_iq4_xs;
    default: return NULL;
    }
}

bool raml_blocks_known(uint32_t type)
{
    return type == RAML_GGML_F32 || type == RAML_GGML_F16 || type == RAML_GGML_BF16 || converter(type);
}

/* n elements of any known type, whole blocks. */
static void to_f32(uint32_t type, const unsigned char *p, size_t n, float *x)
{
    size_t size, block = raml_ggml_block(type, &size);
    convert_block *convert = converter(type);
    if (type == RAML_GGML_F32) memcpy(x, p, n * sizeof *x);
    else if (type == RAML_GGML_F16) from_f16(p, n, x);
    else if (type == RAML_GGML_BF16) from_bf16(p, n, x);
    else
        for (size_t i = 0; i < n; i += block, p += size) convert(p, x + i);
}

/* -- Kept in memory ------------------------------------------------------------------------------------------------ */

uint32_t raml_blocks_kept(uint32_t type)
{
    switch (type) {
    case RAML_GGML_Q3_K: return RAML_GGML_Q6_K;
    case RAML_GGML_IQ4_NL: return RAML_GGML_Q8_0;
    case RAML_GGML_Q2_K:
    case RAML_GGML_IQ4_XS: return RAML_GGML_F32;
    default: return type;
    }
}

/* The same scales, and numbers of 3 bits in 6. */
static void q3_k_as_q6_k(const unsigned char *p, unsigned char *out)
{
    memset(out, 0, 192);
    for (int i = 0; i < 256; i++) {
        unsigned q = (unsigned)(q3_at(p, i) + 32);
        int half = i / 128, j = i % 128;
        unsigned char *low = out + 64 * half + j % 64, *high = out + 128 + 32 * half + j % 32;
        *low = (unsigned char)(*low | (q & 15) << j / 64 * 4);
        *high = (unsigned char)(*high | q >> 4 << j / 32 * 2);
    }
    for (int j = 0; j < 16; j++) out[192 + j] = (unsigned char)(signed char)q3_scale(p + 96, j);
    memcpy(out + 208, p + 108, 2);
}

static void iq4_nl_as_q8_0(const unsigned char *p, unsigned char *out)
{
    memcpy(out, p, 2);
    for (int i = 0; i < 32; i++) out[2 + i] = (unsigned char)iq4[p[2 + i % 16] >> i / 16 * 4 & 15];
}

void raml_blocks_keep(uint32_t type, const void *data, size_t n, void *out)
{
    size_t size, block = raml_ggml_block(type, &size), to;
    const unsigned char *p = data;
    unsigned char *q = out;
    (void)raml_ggml_block(raml_blocks_kept(type), &to);
    if (raml_blocks_kept(type) == type) memcpy(out, data, n / block * size);
    else if (raml_blocks_kept(type) == RAML_GGML_F32) (void)raml_blocks_f32(type, data, n, out);
    else
        for (size_t i = 0; i < n; i += block, p += size, q += to)
            if (type == RAML_GGML_Q3_K) q3_k_as_q6_k(p, q);
            else iq4_nl_as_q8_0(p, q);
}

/* Index of the first of n that is not finite; n: none. */
static size_t first_bad_f32(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    for (size_t i = 0; bad && i < n; i++)
        if (!isfinite(x[i])) return i;
    return n;
}

static size_t first_bad_bf16(const uint16_t *x, size_t n)
{
    uint16_t bad = 0;
    for (size_t i = 0; i < n; i++) bad |= (uint16_t)((x[i] & 0x7f80u) == 0x7f80u);
    for (size_t i = 0; bad && i < n; i++)
        if ((x[i] & 0x7f80u) == 0x7f80u) return i;
    return n;
}

size_t raml_blocks_f32(uint32_t type, const void *data, size_t n, float *out)
{
    size_t size, block = raml_ggml_block(type, &size), bad = n;
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i += CHUNK) { /* checked while it is in the first-level cache */
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        to_f32(type, p + i / block * size, m, out + i);
        size_t k = bad == n ? first_bad_f32(out + i, m) : m;
        if (k < m) bad = i + k;
    }
    return bad;
}

size_t raml_blocks_bf16(uint32_t type, const void *data, size_t n, uint16_t *out)
{
    size_t size, block = raml_ggml_block(type, &size), bad = n;
    const unsigned char *p = data;
    float x[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        if (type == RAML_GGML_BF16) {
            memcpy(out + i, p + 2 * i, 2 * m);
        } else {
            to_f32(type, p + i / block * size, m, x);
            raml_round_bf16(out + i, x, m);
        }
        size_t k = bad == n ? first_bad_bf16(out + i, m) : m;
        if (k < m) bad = i + k;
    }
    return bad;
}

enum raml_code raml_gguf_to_f32(const struct raml_gguf_tensor *t, float *out, bool require_finite, struct raml_err *err)
{
    size_t size, n = raml_ggml_block(t->type, &size);
    if (!raml_blocks_known(t->type))
        return raml_fail(err, RAML_ESUPPORT, "tensor '%s' has type %s (%u); expected " RAML_BLOCKS_NAMES, t->name,
                         raml_ggml_type_name(t->type), (unsigned)t->type);
    if (t->n % n || t->bytes != t->n / n * size)
        return raml_fail(err, RAML_ESHAPE, "tensor '%s': %zu elements of type %s in %zu bytes", t->name, t->n,
                         raml_ggml_type_name(t->type), t->bytes);
    size_t bad = t->n ? raml_blocks_f32(t->type, t->data, t->n, out) : t->n;
    if (bad < t->n && require_finite)
        return raml_fail(err, RAML_ERANGE, "tensor '%s': element %zu of %zu is %s; expected a finite number", t->name,
                         bad, t->n, isnan(out[bad]) ? "NaN" : "infinite");
    return RAML_OK;
}
