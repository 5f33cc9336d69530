/* panel.c - packing, and the reference: the same panels read by simple loops. See panel.h.
 *
 * Between the two layouts is a block of one row with its numbers unpacked: scales, and one unsigned byte per element.
 */
#include "device/cpu/panel.h"

#include "device/cpu/f16.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { ROWS = RAML_PANEL_ROWS, UNIT = 4 * ROWS, HALVES = 2 * ROWS, MOST = 256 /* elements of a block */ };

/* What a block of a panel holds, in this order. */
static const struct layout {
    unsigned char halves; /* f16x16 at its head: d, or d and m */
    unsigned char scales; /* bytes per row of further scales */
    unsigned char group;  /* k of a group */
    unsigned char bits;   /* of an element; beyond 4, the others are in a unit before the group's nibbles */
} layouts[RAML_TYPES] = {
    [RAML_TYPE_Q8_0] = {1, 0, 32, 8},  [RAML_TYPE_Q4_0] = {1, 0, 32, 4},  [RAML_TYPE_Q4_1] = {2, 0, 32, 4},
    [RAML_TYPE_Q5_0] = {1, 0, 32, 5},  [RAML_TYPE_Q5_1] = {2, 0, 32, 5},  [RAML_TYPE_Q4_K] = {2, 12, 32, 4},
    [RAML_TYPE_Q5_K] = {2, 12, 32, 5}, [RAML_TYPE_Q6_K] = {1, 16, 16, 6},
};

size_t raml_panel_bytes(enum raml_type type, size_t K)
{
    size_t even = type == RAML_TYPE_BF16 ? K + K % 2 : K;
    return (ROWS * raml_type_bytes(type, even) + UNIT - 1) / UNIT * UNIT;
}

/* -- A block of a row, taken apart ------------------------------------------------------------------------------- */
struct parts {
    unsigned char half[4], scale[16]; /* as in the file */
    unsigned char q[MOST];
};

/* The file's nibbles: n bytes whose low ones are n consecutive elements, the high ones the next n. */
static void nibbles(unsigned char *q, const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        q[i] = p[i] & 15;
        q[n + i] = p[i] >> 4;
    }
}
/* Fifth bits of 32 elements: bit i of four bytes. */
static void fifth_bits(unsigned char *q, const unsigned char *p)
{
    for (size_t i = 0; i < 32; i++) q[i] = (unsigned char)(q[i] | (p[i / 8] >> i % 8 & 1) << 4);
}

static void take_small(enum raml_type type, const unsigned char *p, struct parts *b)
{
    size_t heads = 2u * layouts[type].halves;
    memcpy(b->half, p, heads);
    p += heads;
    if (type == RAML_TYPE_Q8_0) {
        for (size_t i = 0; i < 32; i++) b->q[i] = p[i] ^ 0x80;
    } else if (layouts[type].bits == 4) {
        nibbles(b->q, p, 16);
    } else {
        nibbles(b->q, p + 4, 16);
        fifth_bits(b->q, p);
    }
}

static void take_k(enum raml_type type, const unsigned char *p, struct parts *b)
{
    const unsigned char *high = p + 16, *low = type == RAML_TYPE_Q5_K ? p + 48 : p + 16;
    memcpy(b->half, p, 4);
    memcpy(b->scale, p + 4, 12);
    for (size_t i = 0; i < 4; i++) nibbles(b->q + 64 * i, low + 32 * i, 32);
    for (size_t i = 0; i < MOST && type == RAML_TYPE_Q5_K; i++)
        b->q[i] = (unsigned char)(b->q[i] | (high[i % 32] >> i / 32 & 1) << 4);
}

static void take_q6_k(const unsigned char *p, struct parts *b)
{
    for (size_t i = 0; i < MOST; i++) { /* halves of 128: 64 bytes of nibbles, 32 of upper bits */
        size_t half = i / 128, j = i % 128;
        unsigned low = p[64 * half + j % 64] >> j / 64 * 4 & 15, high = p[128 + 32 * half + j % 32] >> j / 32 * 2 & 3;
        b->q[i] = (unsigned char)(low | high << 4);
    }
    memcpy(b->scale, p + 192, 16);
    memcpy(b->half, p + 208, 2);
}

static void take(enum raml_type type, const unsigned char *p, struct parts *b)
{
    if (type == RAML_TYPE_Q6_K) take_q6_k(p, b);
    else if (layouts[type].scales) take_k(type, p, b);
    else take_small(type, p, b);
}

/* -- Elements of a panel's group: where the bits of element i of row c are ---------------------------------------- */
static void put(const struct layout *l, unsigned char *group, size_t c, size_t i, unsigned q)
{
    if (l->bits == 8) {
        group[i / 4 * UNIT + 4 * c + i % 4] = (unsigned char)q;
        return;
    }
    unsigned wide = l->bits - 4u;
    unsigned char *low = group + (wide ? UNIT : 0) + i / 8 * UNIT + 4 * c + i % 4, *high = group + 4 * c + i % 4;
    *low = (unsigned char)(*low | (q & 15) << i / 4 % 2 * 4);
    if (wide) *high = (unsigned char)(*high | q >> 4 << i / 4 * wide);
}
static unsigned get(const struct layout *l, const unsigned char *group, size_t c, size_t i)
{
    if (l->bits == 8) return group[i / 4 * UNIT + 4 * c + i % 4];
    unsigned wide = l->bits - 4u;
    const unsigned char *low = group + (wide ? UNIT : 0) + i / 8 * UNIT + 4 * c + i % 4;
    unsigned q = *low >> i / 4 % 2 * 4 & 15u;
    return wide ? q | (group[4 * c + i % 4] >> i / 4 * wide & ((1u << wide) - 1)) << 4 : q;
}
static size_t group_bytes(const struct layout *l)
{
    return (size_t)l->group * l->bits / 32 * UNIT;
}
static size_t head_bytes(const struct layout *l)
{
    return l->halves * (size_t)HALVES + (size_t)l->scales * ROWS;
}
/* Byte j of row c's further scales: the lanes of units, or (Q6_K) sixteen bytes after another. */
static size_t scale_at(const struct layout *l, size_t c, size_t j)
{
    size_t at = l->halves * (size_t)HALVES;
    return l->group == 16 ? at + ROWS * j + c : at + j / 4 * UNIT + 4 * c + j % 4;
}

/* -- Packing ------------------------------------------------------------------------------------------------------ */
static void pack_row(enum raml_type type, unsigned char *panel, size_t c, const unsigned char *row, size_t K)
{
    const struct layout *l = &layouts[type];
    size_t block = raml_type_block(type), size = raml_type_block_bytes(type);
    struct parts b;
    for (size_t k = 0; k < K; k += block, row += size, panel += ROWS * size) {
        take(type, row, &b);
        for (size_t j = 0; j < l->halves; j++) memcpy(panel + HALVES * j + 2 * c, b.half + 2 * j, 2);
        for (size_t j = 0; j < l->scales; j++) panel[scale_at(l, c, j)] = b.scale[j];
        unsigned char *group = panel + head_bytes(l);
        for (size_t i = 0; i < block; i += l->group, group += group_bytes(l))
            for (size_t j = 0; j < l->group; j++) put(l, group, c, j, b.q[i + j]);
    }
}

static void pack_unquantized(enum raml_type type, unsigned char *panel, size_t c, const unsigned char *row, size_t K)
{
    for (size_t k = 0; k < K; k++)
        if (type == RAML_TYPE_F32) memcpy(panel + k * UNIT + 4 * c, row + 4 * k, 4);
        else if (type == RAML_TYPE_BF16) memcpy(panel + k / 2 * UNIT + 4 * c + k % 2 * 2, row + 2 * k, 2);
        else memcpy(panel + k * HALVES + 2 * c, row + 2 * k, 2);
}

void raml_panel_pack(enum raml_type type, void *panel, const void *const row[RAML_PANEL_ROWS], size_t K)
{
    memset(panel, 0, raml_panel_bytes(type, K));
    for (size_t c = 0; c < ROWS; c++) {
        if (!row[c]) continue;
        if (layouts[type].bits) pack_row(type, panel, c, row[c], K);
        else pack_unquantized(type, panel, c, row[c], K);
    }
}

/* -- The reference ------------------------------------------------------------------------------------------------- */
static float unquantized_value(enum raml_type type, const unsigned char *panel, size_t k, size_t c)
{
    uint32_t bits = 0;
    float x;
    if (type == RAML_TYPE_F16) return raml_f16_at(panel + k * HALVES + 2 * c);
    if (type == RAML_TYPE_F32) {
        memcpy(&bits, panel + k * UNIT + 4 * c, 4);
    } else {
        uint16_t h;
        memcpy(&h, panel + k / 2 * UNIT + 4 * c + k % 2 * 2, 2);
        bits = (uint32_t)h << 16;
    }
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Scale j of 8 of Q4_K and Q5_K, 6 bits; at = 4: the minimum. */
static float six_bits(const struct layout *l, const unsigned char *block, size_t c, size_t j, size_t at)
{
    if (j < 4) return (float)(block[scale_at(l, c, at + j)] & 63);
    unsigned low = block[scale_at(l, c, j + 4)] >> at & 15u, high = block[scale_at(l, c, at + j - 4)] >> 6;
    return (float)(low | high << 4);
}

static float value(enum raml_type type, const unsigned char *block, size_t k, size_t c)
{
    const struct layout *l = &layouts[type];
    float d = raml_f16_at(block + 2 * c), m = l->halves > 1 ? raml_f16_at(block + HALVES + 2 * c) : 0;
    const unsigned char *group = block + head_bytes(l) + k / l->group * group_bytes(l);
    float q = (float)get(l, group, c, k % l->group);
    switch (type) {
    case RAML_TYPE_Q8_0: return d * (q - 128) + 0.0f;
    case RAML_TYPE_Q4_0: return d * (q - 8) + 0.0f;
    case RAML_TYPE_Q5_0: return d * (q - 16) + 0.0f;
    case RAML_TYPE_Q6_K: {
        unsigned char byte = block[scale_at(l, c, k / 16)];
        return d * (float)(signed char)byte * (q - 32) + 0.0f;
    }
    case RAML_TYPE_Q4_K:
    case RAML_TYPE_Q5_K: return d * six_bits(l, block, c, k / 32, 0) * q - m * six_bits(l, block, c, k / 32, 4);
    default: return d * q + m;
    }
}

static void expand_ref(enum raml_type type, const void *panel, size_t k0, size_t n, float *out)
{
    const unsigned char *p = panel;
    size_t block = raml_type_block(type), size = ROWS * raml_type_block_bytes(type);
    for (size_t k = k0; k < k0 + n; k++)
        for (size_t c = 0; c < ROWS; c++)
            *out++ =
                layouts[type].bits ? value(type, p + k / block * size, k % block, c) : unquantized_value(type, p, k, c);
}

static void skinny_ref(const struct raml_skinny_panels *f)
{
    enum { PIECE = 32 };
    float w[PIECE * ROWS];
    const char *panel = f->panels;
    for (size_t at = 0; at < f->N; at += ROWS, panel += raml_panel_bytes(f->type, f->K)) {
        size_t columns = f->N - at < ROWS ? f->N - at : ROWS;
        for (size_t r = 0; r < f->R && !f->add; r++) memset(f->y + r * f->ldy + at, 0, columns * sizeof *f->y);
        for (size_t k0 = 0; k0 < f->K; k0 += PIECE) {
            size_t n = f->K - k0 < PIECE ? f->K - k0 : PIECE;
            expand_ref(f->type, panel, k0, n, w);
            for (size_t r = 0; r < f->R; r++)
                for (size_t c = 0; c < columns; c++) {
                    float *y = f->y + r * f->ldy + at + c;
                    for (size_t k = 0; k < n; k++) *y = fmaf(f->x[r * f->ldx + k0 + k], w[k * ROWS + c], *y);
                }
        }
    }
}

/* -- Levels -------------------------------------------------------------------------------------------------------- */
const struct raml_panel_ops raml_panel_ops_ref = {.expand = expand_ref, .skinny = skinny_ref, .side = 1};
extern const struct raml_panel_ops raml_panel_ops_avx2, raml_panel_ops_avx512, raml_panel_ops_avx512bf16,
    raml_panel_ops_base;

const struct raml_panel_ops *raml_panel_ops(const char *level)
{
    static const struct {
        const char *level;
        const struct raml_panel_ops *ops;
    } all[] = {
        {"ref", &raml_panel_ops_ref},
#ifdef RAML_HAS_avx2
        {"avx2", &raml_panel_ops_avx2},
#endif
#ifdef RAML_HAS_avx512
        {"avx512", &raml_panel_ops_avx512},
#endif
#ifdef RAML_HAS_avx512bf16
        {"avx512bf16", &raml_panel_ops_avx512bf16},
#endif
#ifdef RAML_HAS_base
        {"base", &raml_panel_ops_base},
#endif
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(level, all[i].level)) return all[i].ops;
    return NULL;
}
