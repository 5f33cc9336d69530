/* model.c - making, loading, saving a model; the packed copies that the products use. See model.h. */
#include "model/impl.h"

#include "raml/rng.h"
#include "raml/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* yarn (Peng et al. 2023, arXiv 2309.00071, section 3.2; ranges rounded as in transformers): dimensions that turn more
 * than beta_fast times within the original context keep their frequency, those under beta_slow turns are divided by
 * `factor`, a ramp between. */
static double yarn_frequency(const struct raml_config *c, double f, int i)
{
    double per_turn = c->rope_original_positions / (2 * M_PI), step = 2 * log(c->rope_theta);
    double low = floor(c->head_dim * log(per_turn / c->rope_beta_fast) / step);
    double high = ceil(c->head_dim * log(per_turn / c->rope_beta_slow) / step);
    low = fmax(low, 0);
    high = fmin(high, c->head_dim - 1);
    if (high == low) high += 0.001;
    double ramp = fmin(fmax((i - low) / (high - low), 0), 1);
    return (1 - ramp) * f + ramp * f / c->rope_factor;
}

/* Angles of the rotary embedding: Su et al. 2021; linear scaling divides positions; llama3 scaling (Llama 3.1) divides
 * low frequencies by `factor`, leaves high ones, and blends between. */
static double frequency(const struct raml_config *c, int i)
{
    double f = pow(c->rope_theta, -2.0 * i / c->head_dim);
    if (c->rope == RAML_ROPE_LINEAR) return f / c->rope_factor;
    if (c->rope == RAML_ROPE_YARN) return yarn_frequency(c, f, i);
    if (c->rope != RAML_ROPE_LLAMA3) return f;
    double wave = 2 * M_PI / f, low = c->rope_original_positions / c->rope_low_freq,
           high = c->rope_original_positions / c->rope_high_freq;
    if (wave < high) return f;
    if (wave > low) return f / c->rope_factor;
    double blend = (c->rope_original_positions / wave - c->rope_low_freq) / (c->rope_high_freq - c->rope_low_freq);
    return (1 - blend) * f / c->rope_factor + blend * f;
}

static enum raml_code make_angles(struct raml_model *m, struct raml_err *err)
{
    size_t D = (size_t)m->config.head_dim, n = (size_t)m->config.max_positions;
    double scale = m->config.rope == RAML_ROPE_YARN ? m->config.rope_attention : 1;
    m->cos_sin = raml_device_alloc(n * D, sizeof *m->cos_sin);
    if (!m->cos_sin) return raml_fail(err, RAML_ENOMEM, "no memory for the rotary table of %zu positions", n);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < D / 2; i++) {
            double angle = (double)p * frequency(&m->config, (int)i);
            m->cos_sin[p * D + i] = (float)(scale * cos(angle));
            m->cos_sin[p * D + D / 2 + i] = (float)(scale * sin(angle));
        }
    return RAML_OK;
}

static enum raml_code make_weights(struct raml_model *m, bool plain, struct raml_err *err)
{
    const struct raml_config *c = &m->config;
    struct raml_mm *mm = m->dev->mm;
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, F = (size_t)c->intermediate_size;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D;
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < c->n_layers && !rc; i++) {
        struct layer *l = &m->layer[i];
        rc = raml_weight_init(mm, &l->w_qkv, q + 2 * kv, d, m->bf16, plain, err);
        if (!rc) rc = raml_weight_init(mm, &l->w_o, d, q, m->bf16, plain, err);
        if (!rc) rc = raml_weight_init(mm, &l->w_gu, 2 * F, d, m->bf16, plain, err);
        if (!rc) rc = raml_weight_init(mm, &l->w_down, d, F, m->bf16, plain, err);
    }
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++) {
        size_t v = (size_t)c->vocab_size - i * HEAD_TILE;
        rc = raml_weight_init(mm, &m->w_head[i], v < HEAD_TILE ? v : HEAD_TILE, d, m->bf16, plain, err);
    }
    return rc;
}

static void drop_weights(struct raml_model *m)
{
    for (int i = 0; m->layer && i < m->config.n_layers; i++) {
        raml_weight_deinit(&m->layer[i].w_qkv);
        raml_weight_deinit(&m->layer[i].w_o);
        raml_weight_deinit(&m->layer[i].w_gu);
        raml_weight_deinit(&m->layer[i].w_down);
    }
    for (size_t i = 0; m->w_head && i < m->n_head_tiles; i++) raml_weight_deinit(&m->w_head[i]);
}

enum raml_code raml_model_refresh(struct raml_model *m, struct raml_err *err)
{
    struct raml_mm *mm = m->dev->mm;
    enum raml_code rc = RAML_OK;
    raml_device_use(m->dev);
    for (int i = 0; i < m->config.n_layers && !rc; i++) {
        struct layer *l = &m->layer[i];
        rc = raml_weight_fill(mm, &l->w_qkv, m->weights + l->qkv, err);
        if (!rc) rc = raml_weight_fill(mm, &l->w_o, m->weights + l->o, err);
        if (!rc) rc = raml_weight_fill(mm, &l->w_gu, m->weights + l->gu, err);
        if (!rc) rc = raml_weight_fill(mm, &l->w_down, m->weights + l->down, err);
    }
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++)
        rc = raml_weight_fill(mm, &m->w_head[i], m->weights + m->head + i * HEAD_TILE * (size_t)m->config.hidden_size,
                              err);
    return rc;
}

enum raml_code raml_model_make_trainable(struct raml_model *m, struct raml_err *err)
{
    if (m->trainable) return RAML_OK;
    drop_weights(m);
    enum raml_code rc = make_weights(m, true, err);
    if (!rc) rc = raml_model_refresh(m, err);
    m->trainable = !rc;
    return rc;
}

/* The table of parameters, without memory for them. */
static enum raml_code make_table(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                           struct raml_model **out, struct raml_err *err)
{
    enum raml_code rc = raml_config_check(c, err);
    if (rc) return rc;
    if (dtype != RAML_F32 && dtype != RAML_BF16)
        return raml_fail(err, RAML_EUSAGE, "dtype: found %s, expected F32 or BF16", raml_dtype_name(dtype));
    if (dtype == RAML_BF16 && !raml_device_has_bf16(dev))
        return raml_fail(err, RAML_ESUPPORT, "bf16 matrix products need a processor with AVX-512 BF16 (kernel level "
                         "avx512bf16; this device runs %s); use f32", raml_device_level(dev));
    struct raml_model *m = calloc(1, sizeof *m);
    if (!m) return raml_fail(err, RAML_ENOMEM, "no memory for the model");
    m->config = *c;
    m->dev = dev;
    m->bf16 = dtype == RAML_BF16;
    m->n_head_tiles = ((size_t)c->vocab_size + HEAD_TILE - 1) / HEAD_TILE;
    m->layer = calloc((size_t)c->n_layers, sizeof *m->layer);
    m->w_head = calloc(m->n_head_tiles, sizeof *m->w_head);
    rc = m->layer && m->w_head ? raml_params_build(m, err) : raml_fail(err, RAML_ENOMEM, "no memory for the model");
    if (rc) raml_model_close(m);
    else *out = m;
    return rc;
}

static enum raml_code make_memory(struct raml_model *m, struct raml_err *err)
{
    m->weights = raml_device_alloc(m->n, sizeof *m->weights);
    if (!m->weights) return raml_fail(err, RAML_ENOMEM, "no memory for %zu parameters", m->n);
    enum raml_code rc = make_angles(m, err);
    return rc ? rc : make_weights(m, false, err);
}

/* Matrices: normal with deviation 1/sqrt(3 d) (0.0208 at d = 768, GPT-2's 0.02); projections back into the residual
 * stream are divided by sqrt(2 L) (Radford et al. 2019); norms 1, biases 0. */
static void draw(struct raml_model *m, uint64_t seed)
{
    double std = 1 / sqrt(3.0 * m->config.hidden_size), back = std / sqrt(2.0 * m->config.n_layers);
    for (size_t i = 0; i < m->n_params; i++) {
        const struct raml_param *p = &m->param[i];
        float *w = m->weights + p->offset;
        if (p->n_dims == 1) {
            float value = strstr(p->name, ".bias") ? 0.0f : 1.0f;
            for (size_t k = 0; k < p->n; k++) w[k] = value;
            continue;
        }
        double s = strstr(p->name, "o_proj") || strstr(p->name, "down_proj") ? back : std;
        struct raml_key key = {.seed = seed, .purpose = RAML_FOR_INIT, .question = i};
#pragma omp parallel for schedule(static)
        for (size_t k = 0; k < p->n; k++) w[k] = (float)(s * raml_normal(&key, k));
    }
}

enum raml_code raml_model_init(const struct raml_config *c, uint64_t seed, enum raml_dtype dtype,
                               const struct raml_device *dev, struct raml_model **out, struct raml_err *err)
{
    struct raml_model *m;
    enum raml_code rc = make_table(c, dtype, dev, &m, err);
    if (rc) return rc;
    rc = make_memory(m, err);
    if (!rc) draw(m, seed);
    if (!rc) rc = raml_model_refresh(m, err);
    if (rc) raml_model_close(m);
    else *out = m;
    return rc;
}

/* -- Files --------------------------------------------------------------------------------------------------------- */
static void shape_text(const size_t *shape, int n_dims, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < n_dims && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%zu", i ? ", " : "", shape[i]);
}

/* The file holds the tensors that the configuration asks for, and no others: seen before any memory is taken for them,
 * so that a configuration's wild sizes cost nothing. */
static enum raml_code check_tensors(const struct raml_model *m, const struct raml_tensors *s, const char *path,
                                    struct raml_err *err)
{
    size_t used = m->n_params;
    for (size_t i = 0; i < m->n_params; i++) {
        const struct raml_param *p = &m->param[i];
        const struct raml_tensor_view *v = raml_tensors_find(s, p->name);
        char want[64], found[160];
        shape_text(p->shape, p->n_dims, want, sizeof want);
        if (!v) return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' [%s] is missing", path, p->name, want);
        bool same = v->n_dims == p->n_dims;
        for (int k = 0; same && k < p->n_dims; k++) same = v->shape[k] == p->shape[k];
        shape_text(v->shape, v->n_dims, found, sizeof found);
        if (!same)
            return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has shape [%s]; config.json asks for [%s]", path,
                             p->name, found, want);
    }
    /* a tied model's file may carry the head once more */
    if (m->config.tied && raml_tensors_find(s, "lm_head.weight")) used++;
    if (used == raml_tensors_count(s)) return RAML_OK;
    for (size_t i = 0; i < raml_tensors_count(s); i++) {
        const char *name = raml_tensors_at(s, i)->name;
        size_t k = 0;
        while (k < m->n_params && strcmp(m->param[k].name, name)) k++;
        if (k == m->n_params && !(m->config.tied && !strcmp(name, "lm_head.weight")))
            return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' belongs to no part of a %s model", path, name,
                             m->config.model_type);
    }
    return RAML_OK;
}

static enum raml_code load(struct raml_model *m, const struct raml_tensors *s, struct raml_err *err)
{
    const char *path = raml_tensors_path(s);
    enum raml_code rc = check_tensors(m, s, path, err);
    if (!rc) rc = make_memory(m, err);
    for (size_t i = 0; i < m->n_params && !rc; i++) {
        const struct raml_param *p = &m->param[i];
        rc = raml_tensor_to_f32(raml_tensors_find(s, p->name), m->weights + p->offset, 1, err);
        if (rc) raml_wrap(err, rc, "%s", path);
    }
    return rc ? rc : raml_model_refresh(m, err);
}

enum raml_code raml_model_open(const char *dir, enum raml_dtype dtype, const struct raml_device *dev,
                               struct raml_model **out, struct raml_err *err)
{
    char path[4096];
    struct raml_config c;
    snprintf(path, sizeof path, "%s/config.json", dir);
    enum raml_code rc = raml_config_read(path, &c, err);
    if (rc) return rc;
    struct raml_tensors *s;
    rc = raml_tensors_open(dir, &s, err);
    if (rc) return rc;
    struct raml_model *m = NULL;
    rc = make_table(&c, dtype, dev, &m, err);
    if (!rc) rc = load(m, s, err);
    raml_tensors_close(s);
    if (rc) raml_model_close(m);
    else *out = m;
    return rc;
}

enum raml_code raml_model_save(const struct raml_model *m, const char *dir, struct raml_err *err)
{
    char path[4096];
    struct raml_tensor_view *v = calloc(m->n_params, sizeof *v);
    if (!v) return raml_fail(err, RAML_ENOMEM, "no memory to save the model");
    for (size_t i = 0; i < m->n_params; i++) {
        const struct raml_param *p = &m->param[i];
        v[i] = (struct raml_tensor_view){
            .name = p->name, .dtype = RAML_F32, .n_dims = p->n_dims, .n = p->n, .data = m->weights + p->offset};
        memcpy(v[i].shape, p->shape, sizeof p->shape);
    }
    const char *const meta[] = {"format", "pt", NULL};
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    enum raml_code rc = raml_safetensors_write(path, v, m->n_params, meta, err);
    free(v);
    snprintf(path, sizeof path, "%s/config.json", dir);
    return rc ? rc : raml_config_write(&m->config, path, err);
}

void raml_model_close(struct raml_model *m)
{
    if (!m) return;
    drop_weights(m);
    free(m->layer);
    free(m->w_head);
    free(m->weights);
    free(m->param);
    free(m->cos_sin);
    free(m);
}

const struct raml_config *raml_model_config(const struct raml_model *m)
{
    return &m->config;
}

enum raml_dtype raml_model_dtype(const struct raml_model *m)
{
    return m->bf16 ? RAML_BF16 : RAML_F32;
}

size_t raml_model_params(const struct raml_model *m, const struct raml_param **table)
{
    *table = m->param;
    return m->n_params;
}

size_t raml_model_n(const struct raml_model *m)
{
    return m->n;
}

float *raml_model_weights(struct raml_model *m)
{
    return m->weights;
}
