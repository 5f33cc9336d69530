/* table.c - the operations of this instruction set. */
#include "device/cpu/isa/panel.h"
#include "device/cpu/isa/rows.h"

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

const struct raml_ops RAML_NAME(ops) = {
    .level = TEXT(RAML_ISA),
#ifdef __AVX512BF16__
    .has_bf16 = true,
#endif
    .embed = embed_isa,
    .embed_back = embed_back_isa,
    .add_norm = add_norm_isa,
    .norm_back = norm_back_isa,
    .heads = heads_isa,
    .heads_back = heads_back_isa,
    .silu_mul = silu_mul_isa,
    .silu_mul_back = silu_mul_back_isa,
    .gelu_mul = gelu_mul_isa,
    .gelu_mul_back = gelu_mul_back_isa,
    .scale_add = scale_add_isa,
    .transpose = transpose_isa,
    .to_act = to_act_isa,
    .gather = gather_isa,
    .scatter_add = scatter_add_isa,
    .add = add_isa,
    .low_rank = low_rank_isa,
    .rank_down = rank_down_isa,
    .rank_up = rank_up_isa,
    .rank_grad = rank_grad_isa,
    .rank_pick = rank_pick_isa,
    .rank_put = rank_put_isa,
    .gram = gram_isa,
    .store_kv = store_kv_isa,
    .attn = attn_isa,
    .attn_back = attn_back_isa,
    .attn_scratch = attn_scratch_isa,
    .loss_tile = loss_tile_isa,
    .loss_tile_back = loss_tile_back_isa,
    .row_max = row_max_isa,
    .exp_all = exp_all_isa,
    .product = product_isa,
    .panel = &panel_ops_isa,
#ifdef __AVX512BF16__
    .skinny_gemm = skinny_gemm_isa,
#endif
};
