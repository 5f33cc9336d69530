/* vec_base.h - sixteen floats in an array, for any processor: what the other two headers do, in plain C. fmaf rounds
 * once everywhere (where the processor has no such instruction, the C library does it, slowly). Contract: vec.h. */
#ifndef RAML_ISA_VEC_BASE_H
#define RAML_ISA_VEC_BASE_H

typedef struct {
    float v[16];
} vf;
typedef struct {
    uint32_t v[16]; /* 1 or 0 */
} vm;
typedef struct {
    uint16_t v[16];
} vh;

#define LANES for (int i = 0; i < 16; i++)
#define VF_OF(name, params, value)                                                                                     \
    INLINE vf name params                                                                                              \
    {                                                                                                                  \
        vf out;                                                                                                        \
        LANES out.v[i] = (value);                                                                                      \
        return out;                                                                                                    \
    }
VF_OF(vf_set, (float x), x)
VF_OF(vf_load, (const float *p), p[i])
VF_OF(vf_add, (vf a, vf b), a.v[i] + b.v[i])
VF_OF(vf_sub, (vf a, vf b), a.v[i] - b.v[i])
VF_OF(vf_mul, (vf a, vf b), a.v[i] * b.v[i])
VF_OF(vf_div, (vf a, vf b), a.v[i] / b.v[i])
VF_OF(vf_sqrt, (vf a), sqrtf(a.v[i]))
VF_OF(vf_neg, (vf a), -a.v[i])
VF_OF(vf_fma, (vf a, vf b, vf c), fmaf(a.v[i], b.v[i], c.v[i]))
VF_OF(vf_fnma, (vf a, vf b, vf c), fmaf(-a.v[i], b.v[i], c.v[i]))
VF_OF(vf_max, (vf a, vf b), a.v[i] > b.v[i] ? a.v[i] : b.v[i])
VF_OF(vf_min, (vf a, vf b), a.v[i] < b.v[i] ? a.v[i] : b.v[i])
VF_OF(vf_select, (vm m, vf a, vf b), m.v[i] ? a.v[i] : b.v[i]) /* a where m is set, else b */
VF_OF(vf_scale, (vf p, vf t), raml_scale_f32(p.v[i], t.v[i]))
VF_OF(vf_load_n, (const float *p, size_t m), (size_t)i < m ? p[i] : 0)
VF_OF(vh_up, (vh h), raml_act_up(h.v[i]))
/* Sixteen cells of two bf16 each, side by side: the first of each, the second of each. */
VF_OF(vh_first_of_two, (const uint16_t *p), raml_act_up(p[2 * i]))
VF_OF(vh_second_of_two, (const uint16_t *p), raml_act_up(p[2 * i + 1]))
#undef VF_OF

INLINE void vf_store(float *p, vf v)
{
    memcpy(p, v.v, sizeof v.v);
}
INLINE void vf_store_n(float *p, vf v, size_t m)
{
    memcpy(p, v.v, m * sizeof *p);
}

#define VM_OF(name, params, value)                                                                                     \
    INLINE vm name params                                                                                              \
    {                                                                                                                  \
        vm out;                                                                                                        \
        LANES out.v[i] = (value);                                                                                      \
        return out;                                                                                                    \
    }
VM_OF(vm_bits, (uint32_t word), word >> i & 1)
VM_OF(vm_first, (size_t m), (size_t)i < m)
VM_OF(vm_or, (vm a, vm b), a.v[i] | b.v[i])
VM_OF(vf_gt, (vf a, vf b), a.v[i] > b.v[i])
VM_OF(vf_isnan, (vf a), a.v[i] != a.v[i])
#undef VM_OF

INLINE bool vm_any(vm a)
{
    uint32_t any = 0;
    LANES any |= a.v[i];
    return any != 0;
}

/* Lane i joins i + 8, then i + 4, i + 2, i + 1. */
INLINE float vf_sum(vf v)
{
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++) v.v[i] += v.v[i + w];
    return v.v[0];
}
INLINE float vf_max_lane(vf v)
{
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++) v.v[i] = v.v[i] > v.v[i + w] ? v.v[i] : v.v[i + w];
    return v.v[0];
}

INLINE vh vh_load_n(const uint16_t *p, size_t m)
{
    vh h = {{0}};
    memcpy(h.v, p, m * sizeof *p);
    return h;
}
INLINE vh vh_load(const uint16_t *p)
{
    return vh_load_n(p, 16);
}
INLINE void vh_store_n(uint16_t *p, vh h, size_t m)
{
    memcpy(p, h.v, m * sizeof *p);
}
INLINE void vh_store(uint16_t *p, vh h)
{
    vh_store_n(p, h, 16);
}
INLINE vh vh_down(vf v)
{
    vh h;
    LANES h.v[i] = raml_act_down(v.v[i]);
    return h;
}
#undef LANES

#endif
