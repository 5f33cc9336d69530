/* rows.c - kernels that work row by row: embedding, norms, SwiGLU, copies. Contracts: device/ops.h. */
#include "device/cpu/isa/rows.h"

void embed_isa(float *x, const float *table, const int32_t *token, size_t n, size_t d)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) memcpy(x + r * d, table + (size_t)token[r] * d, d * sizeof(float));
}

/* Rows of one token are added in row order: the columns are split among threads, not the rows. */
void embed_back_isa(float *d_table, const float *dx, const int32_t *token, size_t n, size_t d)
{
    size_t blocks = (d + 63) / 64;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        size_t c0 = b * 64, width = d - c0 < 64 ? d - c0 : 64;
        for (size_t r = 0; r < n; r++) {
            float *out = d_table + (size_t)token[r] * d + c0;
            const float *in = dx + r * d + c0;
            for (size_t c = 0; c < width; c++) out[c] += in[c];
        }
    }
}

INLINE void add_norm_row(const bool bf16, float *sum, void *y, float *rstd, const float *x, const void *add,
                         const float *w, size_t r, size_t d, float eps)
{
    vf sq = vf_zero();
    float *sr = sum + r * d;
    EACH16(i, m, d)
    {
        vf a = x ? vf_load_n(x + r * d + i, m) : act_load_n(bf16, add, r * d + i, m);
        if (x && add) a = vf_add(a, act_load_n(bf16, add, r * d + i, m));
        sq = vf_fma(a, a, sq);
        vf_store_n(sr + i, a, m);
    }
    float s = 1.0f / sqrtf(vf_sum(sq) / (float)d + eps);
    if (rstd) rstd[r] = s;
    EACH16(i, m, d)
    {
        vf a = vf_mul(vf_load_n(sr + i, m), vf_set(s));
        act_store_n(bf16, y, r * d + i, vf_mul(a, vf_load_n(w + i, m)), m);
    }
}

void add_norm_isa(bool bf16, float *sum, void *y, float *rstd, const float *x, const void *add, const float *w,
                  size_t n, size_t d, float eps)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++)
        BY_ACT(bf16, add_norm_row(true, sum, y, rstd, x, add, w, r, d, eps),
               add_norm_row(false, sum, y, rstd, x, add, w, r, d, eps));
}

/* y = x s w, s = (mean x^2 + eps)^-1/2:  dx_i += s w_i dy_i - x_i s^3 / d * sum_j w_j dy_j x_j;  dw_i += dy_i x_i s */
INLINE void norm_back_row(const bool bf16, float *dx, void *dx_act, const void *dy, const float *x, float s,
                          const float *w, size_t r, size_t d)
{
    vf dot = vf_zero();
    const float *xr = x + r * d;
    float *dr = dx + r * d;
    EACH16(i, m, d)
    {
        vf ga = vf_mul(act_load_n(bf16, dy, r * d + i, m), vf_load_n(xr + i, m));
        dot = vf_fma(ga, vf_load_n(w + i, m), dot);
    }
    float k = s * s * s * vf_sum(dot) / (float)d;
    EACH16(i, m, d)
    {
        vf g = vf_mul(act_load_n(bf16, dy, r * d + i, m), vf_load_n(w + i, m));
        vf out = vf_fnma(vf_load_n(xr + i, m), vf_set(k), vf_mul(g, vf_set(s)));
        out = vf_add(vf_load_n(dr + i, m), out);
        vf_store_n(dr + i, out, m);
        if (dx_act) act_store_n(bf16, dx_act, r * d + i, out, m);
    }
}

/* dw of NV vectors of columns from c on (m < 16 lanes: the last ones) over all rows, one after the other */
INLINE void norm_back_sum(const bool bf16, const size_t NV, float *dw, const void *dy, const float *x,
                          const float *rstd, size_t n, size_t d, size_t c, size_t m)
{
    vf sum[4];
    for (size_t k = 0; k < NV; k++) sum[k] = vf_load_n(dw + c + k * 16, m);
    for (size_t r = 0; r < n; r++)
        for (size_t k = 0; k < NV; k++) {
            size_t at = r * d + c + k * 16;
            vf ga = vf_mul(act_load_n(bf16, dy, at, m), vf_load_n(x + at, m));
            sum[k] = vf_fma(ga, vf_set(rstd[r]), sum[k]);
        }
    for (size_t k = 0; k < NV; k++) vf_store_n(dw + c + k * 16, sum[k], m);
}
INLINE void norm_back_columns(const bool bf16, float *dw, const void *dy, const float *x, const float *rstd, size_t n,
                              size_t d, size_t c)
{
    if (d - c >= 64) norm_back_sum(bf16, 4, dw, dy, x, rstd, n, d, c, 16);
    else
        for (; c < d; c += 16) norm_back_sum(bf16, 1, dw, dy, x, rstd, n, d, c, d - c < 16 ? d - c : 16);
}

/* Sums over rows are one chain per column, continued from what is there, so that neither threads nor the split of a
 * batch affects them: rows are shared out for dx, columns for dw. */
void norm_back_isa(bool bf16, float *dx, void *dx_act, float *dw, const void *dy, const float *x, const float *rstd,
                   const float *w, size_t n, size_t d, float *scratch)
{
    (void)scratch;
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (size_t c = 0; c < (dw ? d : 0); c += 64)
            BY_ACT(bf16, norm_back_columns(true, dw, dy, x, rstd, n, d, c),
                   norm_back_columns(false, dw, dy, x, rstd, n, d, c));
#pragma omp for schedule(static)
        for (size_t r = 0; r < n; r++)
            BY_ACT(bf16, norm_back_row(true, dx, dx_act, dy, x, rstd[r], w, r, d),
                   norm_back_row(false, dx, dx_act, dy, x, rstd[r], w, r, d));
    }
}

INLINE vf silu(vf g)
{
    return vf_div(g, vf_add(vf_set(1.0f), vf_exp(vf_neg(g))));
}

INLINE void silu_row(const bool bf16, void *out, const void *gu, size_t r, size_t f)
{
    EACH16(i, m, f)
    {
        vf g = act_load_n(bf16, gu, r * 2 * f + i, m), u = act_load_n(bf16, gu, r * 2 * f + f + i, m);
        act_store_n(bf16, out, r * f + i, vf_mul(silu(g), u), m);
    }
}

void silu_mul_isa(bool bf16, void *out, const void *gu, size_t n, size_t f)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) BY_ACT(bf16, silu_row(true, out, gu, r, f), silu_row(false, out, gu, r, f));
}

/* h = silu(g) u, silu(g) = g s, s = 1/(1+e^-g):  dg = dh u s (1 + g (1 - s)),  du = dh g s */
INLINE void silu_back_row(const bool bf16, void *d_gu, const void *d_out, const void *gu, size_t r, size_t f)
{
    EACH16(i, m, f)
    {
        size_t ig = r * 2 * f + i, iu = ig + f;
        vf g = act_load_n(bf16, gu, ig, m), u = act_load_n(bf16, gu, iu, m), d = act_load_n(bf16, d_out, r * f + i, m);
        const vf one = vf_set(1.0f);
        vf s = vf_div(one, vf_add(one, vf_exp(vf_neg(g))));
        vf ds = vf_mul(d, s), slope = vf_fma(g, vf_sub(one, s), one);
        vf dg = vf_mul(vf_mul(ds, u), slope), du = vf_mul(ds, g);
        act_store_n(bf16, d_gu, ig, dg, m);
        act_store_n(bf16, d_gu, iu, du, m);
    }
}

void silu_mul_back_isa(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++)
        BY_ACT(bf16, silu_back_row(true, d_gu, d_out, gu, r, f), silu_back_row(false, d_gu, d_out, gu, r, f));
}

/* gelu(g) = g s(g), s = 1/(1 + e^-2z), z = sqrt(2/pi) (g + 0.044715 g^3): beyond +-100 s is 0 or 1. */
INLINE vf gelu_inner(vf g)
{
    return vf_min(vf_set(100.0f), vf_max(vf_set(-100.0f), g)); /* in this order a NaN passes through */
}
INLINE vf gelu_sigmoid(vf g)
{
    vf slope = vf_fma(vf_mul(g, g), vf_set(RAML_GELU_CUBIC), vf_set(1.0f));
    vf z = vf_mul(vf_mul(g, slope), vf_set(-2 * RAML_GELU_LINEAR));
    return vf_div(vf_set(1.0f), vf_add(vf_set(1.0f), vf_exp(z)));
}

INLINE void gelu_row(const bool bf16, void *out, const void *gu, size_t r, size_t f)
{
    EACH16(i, m, f)
    {
        vf g = act_load_n(bf16, gu, r * 2 * f + i, m), u = act_load_n(bf16, gu, r * 2 * f + f + i, m);
        act_store_n(bf16, out, r * f + i, vf_mul(vf_mul(g, gelu_sigmoid(gelu_inner(g))), u), m);
    }
}

void gelu_mul_isa(bool bf16, void *out, const void *gu, size_t n, size_t f)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) BY_ACT(bf16, gelu_row(true, out, gu, r, f), gelu_row(false, out, gu, r, f));
}

/* h = gelu(g) u:  dg = dh u (s + g s (1 - s) 2z'),  du = dh g s,  2z' = 2 sqrt(2/pi) (1 + 3 0.044715 g^2) */
INLINE void gelu_back_row(const bool bf16, void *d_gu, const void *d_out, const void *gu, size_t r, size_t f)
{
    const vf one = vf_set(1.0f);
    EACH16(i, m, f)
    {
        size_t ig = r * 2 * f + i, iu = ig + f;
        vf g = act_load_n(bf16, gu, ig, m), u = act_load_n(bf16, gu, iu, m), d = act_load_n(bf16, d_out, r * f + i, m);
        vf in = gelu_inner(g), s = gelu_sigmoid(in);
        vf steep = vf_fma(vf_mul(in, in), vf_set(3 * RAML_GELU_CUBIC), one);
        steep = vf_mul(vf_mul(vf_mul(in, steep), vf_set(2 * RAML_GELU_LINEAR)), vf_sub(one, s));
        vf ds = vf_mul(d, s), dg = vf_mul(vf_mul(ds, u), vf_add(one, steep)), du = vf_mul(ds, g);
        act_store_n(bf16, d_gu, ig, dg, m);
        act_store_n(bf16, d_gu, iu, du, m);
    }
}

void gelu_mul_back_isa(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++)
        BY_ACT(bf16, gelu_back_row(true, d_gu, d_out, gu, r, f), gelu_back_row(false, d_gu, d_out, gu, r, f));
}

enum { BLOCK = 4096 }; /* elements that one thread works on at a time */

INLINE void scale_add_block(const bool bf16, float *sum, void *out, const float *x, const void *add, float scale,
                            size_t from, size_t end)
{
    for (size_t i = from; i < end; i += 16) {
        size_t m = end - i < 16 ? end - i : 16;
        vf v = add ? act_load_n(bf16, add, i, m) : vf_load_n(x + i, m);
        v = x && add ? vf_fma(v, vf_set(scale), vf_load_n(x + i, m)) : vf_mul(v, vf_set(scale));
        if (sum) vf_store_n(sum + i, v, m);
        if (out) act_store_n(bf16, out, i, v, m);
    }
}

void scale_add_isa(bool bf16, float *sum, void *out, const float *x, const void *add, float scale, size_t n)
{
    size_t blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        size_t from = b * BLOCK, end = from + BLOCK < n ? from + BLOCK : n;
        BY_ACT(bf16, scale_add_block(true, sum, out, x, add, scale, from, end),
               scale_add_block(false, sum, out, x, add, scale, from, end));
    }
}

void to_act_isa(bool bf16, void *out, const float *in, size_t n)
{
    size_t blocks = (n + 4095) / 4096;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        size_t end = (b + 1) * 4096 < n ? (b + 1) * 4096 : n;
        for (size_t i = b * 4096; i < end; i += 16) {
            size_t m = end - i < 16 ? end - i : 16;
            act_store_n(bf16, out, i, vf_load_n(in + i, m), m);
        }
    }
}

void gather_isa(bool bf16, void *out, const void *in, const uint32_t *row, size_t stride, size_t n, size_t d)
{
    size_t bytes = d * (bf16 ? 2 : 4);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        uint32_t from;
        memcpy(&from, (const char *)row + r * stride, sizeof from);
        memcpy((char *)out + r * bytes, (const char *)in + from * bytes, bytes);
    }
}

void scatter_add_isa(float *out, const float *in, const uint32_t *row, size_t stride, size_t n, size_t d)
{
    size_t blocks = (d + 63) / 64;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++) {
        size_t c0 = b * 64, width = d - c0 < 64 ? d - c0 : 64;
        for (size_t r = 0; r < n; r++) {
            uint32_t to;
            memcpy(&to, (const char *)row + r * stride, sizeof to);
            float *o = out + to * d + c0;
            for (size_t c = 0; c < width; c++) o[c] += in[r * d + c0 + c];
        }
    }
}

void add_isa(float *out, const float *in, size_t n)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < n; i++) out[i] += in[i];
}
