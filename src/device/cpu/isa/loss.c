/* loss.c - log-probability and entropy from logits, a tile of the vocabulary at a time, and back. Contracts:
 * device/ops.h.
 *
 * Streaming (Milakov and Gimelshein 2018): with M the maximum so far, s = sum e^(z-M) and t = sum z e^(z-M) are
 * rescaled when M grows. At the end lse = M + log s, log p = z_token - lse, entropy = lse - t/s.
 */
#include "device/cpu/isa/rows.h"

static void loss_row(const struct raml_loss_rows *s, size_t r, const float *z, int64_t token, size_t v0, size_t v)
{
    vf highest = vf_set(-INFINITY);
    EACH16(i, m, v)
    {
        vf a = vf_load_n(z + i, m);
        if (m < 16) a = vf_select(vm_first(m), a, vf_set(-INFINITY));
        highest = vf_max(highest, a);
    }
    float high = vf_max_lane(highest), old = s->max[r];
    if (high > old) {
        size_t best = 0;
        while (z[best] != high && best + 1 < v) best++;
        if (s->argmax) s->argmax[r] = (int32_t)(v0 + best);
        float scale = raml_exp_f32(old - high); /* the first tile's sums are 0 */
        s->sum[r] *= scale;
        s->dot[r] *= scale;
        s->max[r] = high;
    }
    vf sum = vf_zero(), dot = vf_zero(), base = vf_set(s->max[r]);
    EACH16(i, m, v)
    {
        vf a = vf_load_n(z + i, m), p = vf_exp(vf_sub(a, base));
        if (m < 16) p = vf_select(vm_first(m), p, vf_zero());
        sum = vf_add(sum, p);
        dot = vf_fma(p, a, dot);
    }
    s->sum[r] += vf_sum(sum);
    s->dot[r] += vf_sum(dot);
    if (token >= (int64_t)v0 && token < (int64_t)(v0 + v)) s->target[r] = z[token - (int64_t)v0];
}

void loss_tile_isa(const struct raml_loss_rows *s, const float *z, size_t ld, const int32_t *token, size_t stride,
                   size_t n, size_t v0, size_t v)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        int32_t t;
        memcpy(&t, (const char *)token + r * stride, sizeof t);
        loss_row(s, r, z + r * ld, t, v0, v);
    }
}

INLINE void loss_back_row(const bool bf16, void *dz, size_t at, const float *z, float lse, float entropy, float c,
                          float e, int64_t token, size_t v)
{
    const vf vl = vf_set(lse), vc = vf_set(c), ve = vf_set(e), vent = vf_set(entropy);
    EACH16(i, m, v)
    {
        vf lp = vf_sub(vf_load_n(z + i, m), vl), by = vf_fma(ve, vf_add(lp, vent), vc);
        act_store_n(bf16, dz, at + i, vf_neg(vf_mul(vf_exp(lp), by)), m);
    }
    if (token >= 0 && token < (int64_t)v) {
        float lp = z[token] - lse, p = raml_exp_f32(lp);
        act_set(bf16, dz, at + (size_t)token, fmaf(-p, fmaf(e, lp + entropy, c), c));
    }
}

void loss_tile_back_isa(bool bf16, void *dz, const float *z, size_t ld, const float *lse, const float *entropy,
                        const float *c, const float *e, const int32_t *token, size_t stride, size_t n, size_t v0,
                        size_t v)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        int32_t t;
        memcpy(&t, (const char *)token + r * stride, sizeof t);
        int64_t at = (int64_t)t - (int64_t)v0;
        float er = e ? e[r] : 0;
        BY_ACT(bf16, loss_back_row(true, dz, r * v, z + r * ld, lse[r], entropy[r], c[r], er, at, v),
               loss_back_row(false, dz, r * v, z + r * ld, lse[r], entropy[r], c[r], er, at, v));
    }
}

float row_max_isa(const float *z, size_t n)
{
    vf most = vf_set(z[0]);
    vm nan = vm_bits(0);
    EACH16(i, m, n)
    {
        vf a = vf_load_n(z + i, m);
        if (m < 16) a = vf_select(vm_first(m), a, vf_set(z[0]));
        nan = vm_or(nan, vf_isnan(a));
        most = vf_max(most, a);
    }
    return vm_any(nan) ? NAN : vf_max_lane(most);
}

/* Sums of 4096 in sixteen lanes of floats, those in double: lanes sum at most 256 addends each. vf_exp ends at e^-87.3;
 * anything below that counts as 0. */
double exp_all_isa(float *out, const float *z, size_t n, float max, float scale, double *part)
{
    const vf vt = vf_set(max), vs = vf_set(scale), floor = vf_set(-87.3f);
    double total = 0;
    for (size_t from = 0; from < n; from += RAML_EXP_PART) {
        size_t m = n - from < RAML_EXP_PART ? n - from : RAML_EXP_PART;
        vf sum = vf_zero();
        EACH16(i, k, m)
        {
            vf x = vf_mul(vf_sub(vf_load_n(z + from + i, k), vt), vs);
            vf e = vf_select(vf_gt(x, floor), vf_exp(x), vf_zero());
            if (k < 16) e = vf_select(vm_first(k), e, vf_zero());
            vf_store_n(out + from + i, e, k);
            sum = vf_add(sum, e);
        }
        double here = (double)vf_sum(sum);
        if (part) part[from / RAML_EXP_PART] = here;
        total += here;
    }
    return total;
}
