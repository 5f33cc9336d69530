/* params.c - the table of parameters: Hugging Face names over one block. See params.h and config.h.
 *
 * q, k and v of a layer are adjacent in the block, and so are gate and up: each group is one matrix to the products.
 */
#include "shape/params.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct raml_param *param;
    size_t n, offset;
};

/* Adds a matrix [rows, cols] (cols 0: a vector) and returns its offset. */
static size_t put(struct builder *b, bool decay, size_t rows, size_t cols, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static size_t put(struct builder *b, bool decay, size_t rows, size_t cols, const char *fmt, ...)
{
    struct raml_param *p = &b->param[b->n++];
    *p = (struct raml_param){
        .offset = b->offset, .n = cols ? rows * cols : rows, .n_dims = cols ? 2 : 1, .decay = decay};
    p->shape[0] = rows;
    p->shape[1] = cols;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->name, sizeof p->name, fmt, ap);
    va_end(ap);
    b->offset += p->n;
    return p->offset;
}

static void put_layer(struct builder *b, const struct raml_config *c, struct raml_layer_offsets *l, int i)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, F = (size_t)c->intermediate_size;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D;
    bool before = c->norms != RAML_NORMS_AFTER, after = c->norms != RAML_NORMS_BEFORE;
    size_t q_norm = c->qk_norm == RAML_QK_NORM_WHOLE ? q : D, k_norm = c->qk_norm == RAML_QK_NORM_WHOLE ? kv : D;
    if (before) l->norm1 = put(b, false, d, 0, "model.layers.%d.input_layernorm.weight", i);
    l->qkv = put(b, true, q, d, "model.layers.%d.self_attn.q_proj.weight", i);
    put(b, true, kv, d, "model.layers.%d.self_attn.k_proj.weight", i);
    put(b, true, kv, d, "model.layers.%d.self_attn.v_proj.weight", i);
    if (c->qkv_bias) {
        l->bias = put(b, false, q, 0, "model.layers.%d.self_attn.q_proj.bias", i);
        put(b, false, kv, 0, "model.layers.%d.self_attn.k_proj.bias", i);
        put(b, false, kv, 0, "model.layers.%d.self_attn.v_proj.bias", i);
    }
    if (c->qk_norm) {
        l->q_norm = put(b, false, q_norm, 0, "model.layers.%d.self_attn.q_norm.weight", i);
        l->k_norm = put(b, false, k_norm, 0, "model.layers.%d.self_attn.k_norm.weight", i);
    }
    l->o = put(b, true, d, q, "model.layers.%d.self_attn.o_proj.weight", i);
    /* What is the MLP's norm where it is the second of two, is after attention where there are norms after. */
    size_t post = put(b, false, d, 0, "model.layers.%d.post_attention_layernorm.weight", i);
    if (!after) l->norm2 = post;
    else l->after1 = post;
    if (before && after) l->norm2 = put(b, false, d, 0, "model.layers.%d.pre_feedforward_layernorm.weight", i);
    l->gu = put(b, true, F, d, "model.layers.%d.mlp.gate_proj.weight", i);
    put(b, true, F, d, "model.layers.%d.mlp.up_proj.weight", i);
    l->down = put(b, true, d, F, "model.layers.%d.mlp.down_proj.weight", i);
    if (after) l->after2 = put(b, false, d, 0, "model.layers.%d.post_feedforward_layernorm.weight", i);
}

enum raml_code raml_params_init(struct raml_params *p, const struct raml_config *c, struct raml_err *err)
{
    size_t V = (size_t)c->vocab_size, d = (size_t)c->hidden_size;
    struct builder b = {.param = calloc((size_t)c->n_layers * 16 + 3, sizeof *b.param)};
    *p = (struct raml_params){.param = b.param, .layer = calloc((size_t)c->n_layers, sizeof *p->layer)};
    if (!p->param || !p->layer) {
        raml_params_deinit(p);
        return raml_fail(err, RAML_ENOMEM, "no memory for the table of parameters");
    }
    p->embed = put(&b, false, V, d, "model.embed_tokens.weight");
    for (int i = 0; i < c->n_layers; i++) put_layer(&b, c, &p->layer[i], i);
    p->norm = put(&b, false, d, 0, "model.norm.weight");
    p->head = c->tied ? p->embed : put(&b, true, V, d, "lm_head.weight");
    p->n_params = b.n;
    p->n = b.offset;
    return RAML_OK;
}

void raml_params_deinit(struct raml_params *p)
{
    free(p->layer);
    free(p->param);
    *p = (struct raml_params){0};
}

bool raml_param_is_norm(const struct raml_param *p)
{
    return p->n_dims == 1 && !strstr(p->name, ".bias");
}

enum raml_code raml_config_table(const struct raml_config *c, struct raml_param **table, size_t *n,
                                 struct raml_err *err)
{
    struct raml_params p;
    *table = NULL;
    *n = 0;
    enum raml_code rc = raml_params_init(&p, c, err);
    if (rc) return rc;
    *table = p.param;
    *n = p.n_params;
    p.param = NULL;
    raml_params_deinit(&p);
    return RAML_OK;
}
