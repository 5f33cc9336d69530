/* panel.c - the elements of panels as floats. Contract: device/cpu/panel.h; how: unpack.h. */
#include "device/cpu/isa/panel.h"

#include "device/cpu/isa/unpack.h"

static void group_f32(const unsigned char *panel, size_t k, size_t n, float *out)
{
    memcpy(out, panel + k * UNIT, n * UNIT);
}

static void group_bf16(const unsigned char *panel, size_t k, size_t n, float *out)
{
    panel += k / 2 * UNIT;
    ask(panel, PANEL_GROUP / 2 * UNIT);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < ROWS; c += LANES) {
            lu v = lu_load(panel + i / 2 * UNIT + 4 * c);
            lf_store(out + i * ROWS + c, lf_bits(i % 2 ? v & 0xffff0000u : v << 16));
        }
}

static void group_f16(const unsigned char *panel, size_t k, size_t n, float *out)
{
    panel += k * HALVES;
    ask(panel, PANEL_GROUP * HALVES);
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < ROWS; c += LANES) lf_store(out + i * ROWS + c, lf_halves(panel + i * HALVES + 2 * c));
}

INLINE void group_of(const enum raml_type type, const unsigned char *panel, size_t k, float *out)
{
    const int bits = type_bits(type), group = type_group(type);
    for (int g = 0; g < PANEL_GROUP; g += group, k += (size_t)group) {
        const unsigned char *head, *p = group_at(type, panel, k, &head);
        ask(p, (size_t)group * (size_t)bits / 32 * UNIT);
        for (int c = 0; c < ROWS; c += LANES) {
            struct scales s = group_scales(type, head, k, c);
#pragma GCC unroll 8
            for (int t = 0; t < group / 4; t++) {
                lu v = bytes_at(bits, p, t / 2, t % 2, c);
#pragma GCC unroll 4
                for (int b = 0; b < 4; b++) lf_store(out + (g + 4 * t + b) * ROWS + c, number(bits, v, b, &s));
            }
        }
    }
}

#define GROUP_OF(TYPE, name)                                                                                           \
    static void name(const unsigned char *panel, size_t k, size_t n, float *out)                                       \
    {                                                                                                                  \
        (void)n;                                                                                                       \
        group_of(TYPE, panel, k, out);                                                                                 \
    }
GROUP_OF(RAML_TYPE_Q8_0, group_q8_0)
GROUP_OF(RAML_TYPE_Q4_0, group_q4_0)
GROUP_OF(RAML_TYPE_Q4_1, group_q4_1)
GROUP_OF(RAML_TYPE_Q5_0, group_q5_0)
GROUP_OF(RAML_TYPE_Q5_1, group_q5_1)
GROUP_OF(RAML_TYPE_Q4_K, group_q4_k)
GROUP_OF(RAML_TYPE_Q5_K, group_q5_k)
GROUP_OF(RAML_TYPE_Q6_K, group_q6_k)

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

const struct raml_panel_ops panel_ops_isa = {.expand = panel_expand_isa, .skinny = panel_skinny_isa, .side = 8 / VP};
