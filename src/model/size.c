/* size.c - how much memory a model takes, and whether it fits. See model.h. */
#include "model/adapter.h"

#include "shape/rope.h"

#include <stdio.h>

/* Elements of all matrices that products read; a tied head is a second copy of the embedding. */
static size_t matrix_elements(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, F = (size_t)c->intermediate_size;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D;
    return (size_t)c->n_layers * (d * (2 * q + 2 * kv) + 3 * d * F) + (size_t)c->vocab_size * d;
}

static size_t vector_elements(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, n = (c->norms == RAML_NORMS_BOTH ? 4 : 2) * d;
    if (c->qkv_bias) n += (size_t)(c->n_heads + 2 * c->n_kv_heads) * D;
    if (c->qk_norm == RAML_QK_NORM_HEADS) n += 2 * D;
    if (c->qk_norm == RAML_QK_NORM_WHOLE) n += (size_t)(c->n_heads + c->n_kv_heads) * D;
    return (size_t)c->n_layers * n + d;
}

/* Cosines and sines, once or twice. */
static size_t rotary_bytes(const struct raml_config *c)
{
    return (raml_rope_is_double(c) ? 2 : 1) * 4 * (size_t)c->max_positions * (size_t)c->head_dim;
}

/* Norms and biases apart from the block, and the ones that are added to norms. */
static size_t vector_bytes(const struct raml_config *c, enum raml_use use)
{
    bool apart = use != RAML_TRAINING || c->norm_plus_one;
    return apart ? 4 * (vector_elements(c) + (c->norm_plus_one ? raml_longest_vector(c) : 0)) : 0;
}

struct raml_model_size raml_model_estimate_parts(const struct raml_config *c, enum raml_dtype dtype, enum raml_use use,
                                                 bool random_init)
{
    size_t s = dtype == RAML_BF16 ? 2 : 4;
    struct raml_model_size z = {
        .copies = s * matrix_elements(c), .vectors = vector_bytes(c, use), .rotary = rotary_bytes(c)};
    if (use == RAML_TRAINING) {
        z.master = 4 * raml_config_params(c);
        z.row_major = z.copies;
        return z;
    }
    if (use == RAML_ADAPTING) z.row_major = z.copies;
    if (random_init) z.table = s * (size_t)c->vocab_size * (size_t)c->hidden_size;
    return z;
}

size_t raml_model_estimate(const struct raml_config *c, enum raml_dtype dtype, enum raml_use use, bool random_init)
{
    struct raml_model_size z = raml_model_estimate_parts(c, dtype, use, random_init);
    return z.master + z.copies + z.row_major + z.table + z.vectors + z.rotary;
}

size_t raml_model_bytes(const struct raml_model *m)
{
    const struct raml_config *c = &m->config;
    size_t n = rotary_bytes(c);
    if (m->weights) n += 4 * m->at.n;
    if (m->vectors) n += vector_bytes(c, m->use);
    if (m->own_table) n += raml_type_block_bytes(m->weight) * (size_t)c->vocab_size * (size_t)c->hidden_size;
    for (int i = 0; i < c->n_layers; i++) {
        const struct layer *l = &m->layer[i];
        const struct raml_matrix *const each[] = {&l->w_qkv, &l->w_o, &l->w_gu, &l->w_down};
        for (size_t k = 0; k < sizeof each / sizeof *each; k++) n += m->b->weight_bytes(m->dev, each[k]);
    }
    for (size_t i = 0; i < m->n_head_tiles; i++) n += m->b->weight_bytes(m->dev, &m->w_head[i]);
    return n + raml_adapters_bytes(m->lora);
}

/* Bytes of the matrices that keep a file's types; a tied head is the embedding's. */
static size_t stored_bytes(const struct raml_model *m, const struct raml_model_file *f)
{
    size_t n = 0;
    for (size_t i = 0; i < m->at.n_params; i++)
        if (m->at.param[i].n_dims == 2 && (m->at.param[i].offset != m->at.embed || m->config.tied))
            n += raml_file_tensor_kept_bytes(raml_model_file_at(f, i));
    return n;
}

enum raml_code raml_model_fits(const struct raml_model *m, enum raml_use use, const struct raml_source *src,
                               struct raml_err *err)
{
    enum raml_dtype t = m->weight == RAML_TYPE_BF16 ? RAML_BF16 : RAML_F32;
    bool random_init = !src->file;
    size_t need = raml_model_estimate(&m->config, t, use, random_init), have = raml_device_free_memory();
    if (m->stored && src->file)
        need += stored_bytes(m, src->file) - raml_model_estimate_parts(&m->config, t, use, random_init).copies;
    if (need <= have) return RAML_OK;
    char other[80] = "";
    if (t == RAML_F32 && !m->stored && use == RAML_INFERENCE)
        snprintf(other, sizeof other, "; as bf16 it would take %.2f GB",
                 1e-9 * (double)raml_model_estimate(&m->config, RAML_BF16, use, random_init));
    return raml_fail(err, RAML_ENOMEM,
                     "the model does not fit: its %.3f billion parameters take %.2f GB as %s%s, and "
                     "%.2f GB of memory are free%s",
                     1e-9 * (double)raml_config_params(&m->config), 1e-9 * (double)need,
                     m->stored        ? "they are stored"
                     : t == RAML_BF16 ? "bf16"
                                      : "f32",
                     use == RAML_TRAINING   ? " for training"
                     : use == RAML_ADAPTING ? " for training adapters"
                                            : "",
                     1e-9 * (double)have, other);
}
