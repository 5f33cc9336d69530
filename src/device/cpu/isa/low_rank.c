/* low_rank.c - low-rank additions to rows: y += left^T (right x). Contract: device/ops.h. */
#include "device/cpu/isa/rows.h"

INLINE float dot_row(const bool bf16, const void *x, size_t at, const float *w, size_t K)
{
    vf sum = vf_zero();
    EACH16(i, m, K) sum = vf_fma(act_load_n(bf16, x, at + i, m), vf_load_n(w + i, m), sum);
    return vf_sum(sum);
}

INLINE void low_rank_row(const bool bf16, const struct raml_low_rank_rows *f, size_t r)
{
    float c[RAML_LOW_RANKS];
    for (size_t k0 = 0; k0 < f->rank; k0 += RAML_LOW_RANKS) {
        size_t ranks = f->rank - k0 < RAML_LOW_RANKS ? f->rank - k0 : RAML_LOW_RANKS;
        for (size_t k = 0; k < ranks; k++)
            c[k] = f->right ? dot_row(bf16, f->x, r * f->K, f->right + (k0 + k) * f->K, f->K) : 1;
        EACH16(j, m, f->N)
        {
            vf y = act_load_n(bf16, f->y, r * f->y_width + j, m);
            for (size_t k = 0; k < ranks; k++) y = vf_fma(vf_set(c[k]), vf_load_n(f->left + (k0 + k) * f->N + j, m), y);
            act_store_n(bf16, f->y, r * f->y_width + j, y, m);
        }
    }
}

void low_rank_isa(const struct raml_low_rank_rows *f)
{
#pragma omp parallel for schedule(static) if (f->n > 1)
    for (size_t i = 0; i < f->n; i++)
        BY_ACT(f->bf16, low_rank_row(true, f, f->row[i]), low_rank_row(false, f, f->row[i]));
}
