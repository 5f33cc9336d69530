/* model.c - making, opening, saving a model. See model.h. */
#include "model/adapter.h"

#include "core/path.h"
#include "shape/rope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void raml_model_shape(struct raml_model *m, const struct raml_config *c, enum raml_dtype dtype,
                      const struct raml_device *dev)
{
    m->config = *c;
    m->dev = dev;
    m->b = raml_backend_of(dev);
    m->sizes = m->b->sizes(dev);
    m->stored = dtype == RAML_STORED;
    m->weight = dtype == RAML_BF16 ? RAML_TYPE_BF16 : RAML_TYPE_F32;
    m->type = raml_device_has_bf16(dev) ? m->weight : RAML_TYPE_F32;
    m->n_head_tiles = ((size_t)c->vocab_size + m->sizes.head_tile - 1) / m->sizes.head_tile;
}

/* The table of parameters, without memory for them. */
static enum raml_code make_table(const struct raml_config *c, enum raml_dtype dtype, enum raml_use use,
                                 const struct raml_device *dev, struct raml_model **out, struct raml_err *err)
{
    enum raml_code rc = raml_config_check(c, err);
    if (rc) return rc;
    if (dtype != RAML_F32 && dtype != RAML_BF16 && dtype != RAML_STORED)
        return raml_fail(err, RAML_EUSAGE, "dtype: found %s, expected F32, BF16 or as stored", raml_dtype_name(dtype));
    if (use != RAML_INFERENCE && dtype == RAML_STORED)
        return raml_fail(err, RAML_EUSAGE, "a model for training has weights in F32 or BF16, not in its file's types");
    if (use != RAML_INFERENCE && dtype == RAML_BF16 && !raml_device_has_bf16(dev))
        return raml_fail(err, RAML_ESUPPORT,
                         "training in bf16 needs a processor with AVX-512 BF16 (kernel level "
                         "avx512bf16; this device runs %s); use f32",
                         raml_device_level(dev));
    struct raml_model *m = calloc(1, sizeof *m);
    if (!m) return raml_fail(err, RAML_ENOMEM, "no memory for the model");
    raml_model_shape(m, c, dtype, dev);
    m->layer = calloc((size_t)c->n_layers, sizeof *m->layer);
    m->w_head = calloc(m->n_head_tiles, sizeof *m->w_head);
    rc = m->layer && m->w_head ? raml_params_init(&m->at, c, err)
                               : raml_fail(err, RAML_ENOMEM, "no memory for the model");
    for (int i = 0; !rc && i < c->n_layers; i++) m->layer[i].at = m->at.layer[i];
    if (rc) raml_model_close(m);
    else *out = m;
    return rc;
}

/* Cosines and sines of every position, in the device's memory. */
static enum raml_code make_angles(const struct raml_model *m, const struct raml_config *c, float **out,
                                  struct raml_err *err)
{
    size_t n = (size_t)c->max_positions * (size_t)c->head_dim, bytes = n * sizeof(float);
    float *cos_sin = malloc(bytes);
    *out = m->b->alloc(m->dev, n, sizeof **out);
    enum raml_code rc = cos_sin && *out ? raml_rope_table(c, raml_device_threads(m->dev), cos_sin, err)
                                        : raml_fail(err, RAML_ENOMEM, "no memory for the rotary table of %d positions",
                                                    c->max_positions);
    if (!rc) m->b->upload(m->dev, *out, cos_sin, bytes);
    free(cos_sin);
    return rc;
}

static enum raml_code make_rotary(struct raml_model *m, struct raml_err *err)
{
    struct raml_config windowed = raml_rope_windowed(&m->config);
    enum raml_code rc = make_angles(m, &m->config, &m->cos_sin, err);
    return rc || !raml_rope_is_double(&m->config) ? rc : make_angles(m, &windowed, &m->cos_sin_window, err);
}

static enum raml_code fill(struct raml_model *m, enum raml_use use, const struct raml_source *src, struct raml_err *err)
{
    enum raml_code rc = raml_model_fits(m, use, src, err);
    m->use = use;
    if (!rc) rc = make_rotary(m, err);
    if (!rc) rc = use == RAML_TRAINING ? raml_model_load_block(m, src, err) : raml_model_load_copies(m, src, err);
    return raml_backend_settle(m->dev, rc, err);
}

enum raml_code raml_model_init(const struct raml_config *c, uint64_t seed, enum raml_dtype dtype, enum raml_use use,
                               const struct raml_device *dev, struct raml_model **out, struct raml_err *err)
{
    struct raml_model *m;
    struct raml_source src = {.seed = seed};
    enum raml_code rc = make_table(c, dtype, use, dev, &m, err);
    if (rc) return rc;
    rc = fill(m, use, &src, err);
    if (rc) raml_model_close(m);
    else *out = m;
    return rc;
}

enum raml_code raml_model_open(const char *path, enum raml_dtype dtype, enum raml_use use,
                               const struct raml_device *dev, struct raml_model **out, struct raml_err *err)
{
    struct raml_model_file *file;
    enum raml_code rc = raml_model_file_open(path, &file, err);
    return rc ? rc : raml_model_load(file, dtype, use, dev, out, err);
}

static bool all_bf16(const struct raml_model_file *f)
{
    for (size_t i = 0; i < raml_model_file_count(f); i++) {
        const struct raml_file_tensor *s = raml_model_file_at(f, i);
        if (s->n_dims == 2 && s->type != RAML_GGML_BF16) return false;
    }
    return true;
}

enum raml_code raml_model_load(struct raml_model_file *file, enum raml_dtype dtype, enum raml_use use,
                               const struct raml_device *dev, struct raml_model **out, struct raml_err *err)
{
    struct raml_model *m = NULL;
    struct raml_source src = {.file = file};
    if (dtype == RAML_STORED && all_bf16(file) && raml_device_has_bf16(dev)) dtype = RAML_BF16;
    enum raml_code rc = make_table(raml_model_file_config(file), dtype, use, dev, &m, err);
    if (!rc) rc = fill(m, use, &src, err);
    if (!rc && m->table.tensor) m->file = file;
    else raml_model_file_close(file);
    if (rc) raml_model_close(m);
    else *out = m;
    return rc;
}

static enum raml_code save_adapters(const struct raml_model *m, const char *dir, struct raml_err *err)
{
    struct raml_view v;
    const struct adapters *a = m->lora;
    enum raml_code rc = raml_view_open(m->dev, a->block, a->plan.n * sizeof *a->block, &v, err);
    if (rc) return rc;
    rc = raml_lora_write(&a->plan, v.data, dir, err);
    raml_view_close(&v);
    return rc;
}

enum raml_code raml_model_save(const struct raml_model *m, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (m->use == RAML_ADAPTING && m->lora) return save_adapters(m, dir, err);
    if (!m->weights)
        return raml_fail(err, RAML_EUSAGE,
                         m->use == RAML_ADAPTING
                             ? "the model has no adapters yet: there is nothing to save"
                             : "the model was opened for inference: it can't be saved, only its file copied");
    struct raml_view weights;
    enum raml_code rc = raml_view_open(m->dev, m->weights, m->at.n * sizeof *m->weights, &weights, err);
    struct raml_tensor_view *v = rc ? NULL : calloc(m->at.n_params, sizeof *v);
    if (!rc && !v) rc = raml_fail(err, RAML_ENOMEM, "no memory to save the model");
    if (rc) {
        raml_view_close(&weights);
        return rc;
    }
    const float *values = weights.data;
    for (size_t i = 0; i < m->at.n_params; i++) {
        const struct raml_param *p = &m->at.param[i];
        v[i] = (struct raml_tensor_view){
            .name = p->name, .dtype = RAML_F32, .n_dims = p->n_dims, .n = p->n, .data = values + p->offset};
        memcpy(v[i].shape, p->shape, sizeof p->shape);
    }
    const char *const meta[] = {"format", "pt", NULL};
    rc = raml_path_join(path, dir, "model.safetensors", err);
    if (!rc) rc = raml_safetensors_write(path, v, m->at.n_params, meta, err);
    free(v);
    raml_view_close(&weights);
    if (!rc) rc = raml_path_join(path, dir, "config.json", err);
    return rc ? rc : raml_config_write(&m->config, path, err);
}

void raml_model_close(struct raml_model *m)
{
    if (!m) return;
    raml_model_drop_weights(m);
    raml_adapters_close(m, m->lora);
    free(m->layer);
    free(m->w_head);
    void *const own[] = {m->weights, m->vectors, m->ones, m->own_table, m->cos_sin, m->cos_sin_window};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) raml_array_free(m->dev, own[i]);
    raml_model_file_close(m->file);
    raml_params_deinit(&m->at);
    free(m);
}

const struct raml_config *raml_model_config(const struct raml_model *m)
{
    return &m->config;
}

bool raml_model_add_eos(struct raml_model *m, int token)
{
    return raml_config_add_eos(&m->config, token);
}

enum raml_dtype raml_model_dtype(const struct raml_model *m)
{
    return m->type == RAML_TYPE_BF16 ? RAML_BF16 : RAML_F32;
}

const struct raml_device *raml_model_device(const struct raml_model *m)
{
    return m->dev;
}

void raml_model_heed(struct raml_model *m, const struct raml_sink *sink)
{
    m->sink = sink;
}
