/* rows.h - the kernels of this instruction set, gathered into its table by table.c. Contracts: device/ops.h. */
#ifndef RAML_ISA_ROWS_H
#define RAML_ISA_ROWS_H

#include "device/ops.h"

#include "device/cpu/isa/vec.h"

/* Calls f with a constant first argument, so that each activation type gets its own code. */
#define BY_ACT(bf16, call_true, call_false)                                                                            \
    do {                                                                                                               \
        if (bf16) call_true;                                                                                           \
        else call_false;                                                                                               \
    } while (0)

#define embed_isa RAML_NAME(embed)
#define embed_back_isa RAML_NAME(embed_back)
#define add_norm_isa RAML_NAME(add_norm)
#define norm_back_isa RAML_NAME(norm_back)
#define heads_isa RAML_NAME(heads)
#define heads_back_isa RAML_NAME(heads_back)
#define silu_mul_isa RAML_NAME(silu_mul)
#define silu_mul_back_isa RAML_NAME(silu_mul_back)
#define gelu_mul_isa RAML_NAME(gelu_mul)
#define gelu_mul_back_isa RAML_NAME(gelu_mul_back)
#define scale_add_isa RAML_NAME(scale_add)
#define transpose_isa RAML_NAME(transpose)
#define to_act_isa RAML_NAME(to_act)
#define gather_isa RAML_NAME(gather)
#define scatter_add_isa RAML_NAME(scatter_add)
#define add_isa RAML_NAME(add)
#define low_rank_isa RAML_NAME(low_rank)
#define rank_down_isa RAML_NAME(rank_down)
#define rank_up_isa RAML_NAME(rank_up)
#define rank_grad_isa RAML_NAME(rank_grad)
#define rank_pick_isa RAML_NAME(rank_pick)
#define rank_put_isa RAML_NAME(rank_put)
#define gram_isa RAML_NAME(gram)
#define store_kv_isa RAML_NAME(store_kv)
#define attn_isa RAML_NAME(attn)
#define attn_back_isa RAML_NAME(attn_back)
#define attn_scratch_isa RAML_NAME(attn_scratch)
#define loss_tile_isa RAML_NAME(loss_tile)
#define loss_tile_back_isa RAML_NAME(loss_tile_back)
#define row_max_isa RAML_NAME(row_max)
#define exp_all_isa RAML_NAME(exp_all)
#define skinny_gemm_isa RAML_NAME(skinny_gemm)
#define product_isa RAML_NAME(product)

void embed_isa(float *x, const float *table, const int32_t *token, size_t n, size_t d);
void embed_back_isa(float *d_table, const float *dx, const int32_t *token, size_t n, size_t d);
void add_norm_isa(bool bf16, float *sum, void *y, float *rstd, const float *x, const void *add, const float *w,
                  size_t n, size_t d, float eps);
void norm_back_isa(bool bf16, float *dx, void *dx_act, float *dw, const void *dy, const float *x, const float *rstd,
                   const float *w, size_t n, size_t d, float *scratch);
void heads_isa(const struct raml_heads *h);
void heads_back_isa(const struct raml_heads *h, void *dqkv, float *d_bias, float *dq_w, float *dk_w, float *scratch);
void silu_mul_isa(bool bf16, void *out, const void *gu, size_t n, size_t f);
void silu_mul_back_isa(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f);
void gelu_mul_isa(bool bf16, void *out, const void *gu, size_t n, size_t f);
void gelu_mul_back_isa(bool bf16, void *d_gu, const void *d_out, const void *gu, size_t n, size_t f);
void scale_add_isa(bool bf16, float *sum, void *out, const float *x, const void *add, float scale, size_t n);
void transpose_isa(bool bf16, void *out, const void *in, size_t n, size_t d, size_t n_pad);
void to_act_isa(bool bf16, void *out, const float *in, size_t n);
void gather_isa(bool bf16, void *out, const void *in, const uint32_t *row, size_t stride, size_t n, size_t d);
void scatter_add_isa(float *out, const float *in, const uint32_t *row, size_t stride, size_t n, size_t d);
void add_isa(float *out, const float *in, size_t n);
void low_rank_isa(const struct raml_low_rank_rows *r);
void rank_down_isa(const struct raml_rank_rows *r);
void rank_up_isa(const struct raml_rank_rows *r);
void rank_grad_isa(const struct raml_rank_rows *r);
void rank_pick_isa(const struct raml_rank_rows *r);
void rank_put_isa(const struct raml_rank_rows *r);
void gram_isa(double *out, const float *x, size_t n, size_t K);
void store_kv_isa(bool bf16, void *k, void *v, const void *qkv, const uint32_t *page, const uint8_t *slot, size_t n,
                  size_t H, size_t K, size_t D);
void attn_isa(const struct raml_attn *a);
void attn_back_isa(const struct raml_attn_back *b);
size_t attn_scratch_isa(size_t threads, size_t D, size_t max_tiles, size_t n_values);
void loss_tile_isa(const struct raml_loss_rows *s, const float *z, size_t ld, const int32_t *token, size_t stride,
                   size_t n, size_t v0, size_t v);
void loss_tile_back_isa(bool bf16, void *dz, const float *z, size_t ld, const float *lse, const float *entropy,
                        const float *c, const float *e, const int32_t *token, size_t stride, size_t n, size_t v0,
                        size_t v);
void skinny_gemm_isa(const struct raml_skinny *f);
void product_isa(const struct raml_product *p);
float row_max_isa(const float *z, size_t n);
double exp_all_isa(float *out, const float *z, size_t n, float max, float scale, double *part);

#endif
