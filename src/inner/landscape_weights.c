/* landscape_weights.c - see landscape_weights.h. */
#include "inner/landscape_weights.h"

#include "core/file.h"
#include "raml/lora.h"

#include <inttypes.h>

enum { HASH_PIECE = 1 << 22 }; /* elements hashed at once: memory where the device's can't be read directly */

enum raml_code raml_moved_weights_hash(const struct raml_moved_weights *w, const float *x, uint64_t *hash,
                                       struct raml_err *err)
{
    for (size_t at = 0; at < w->n; at += HASH_PIECE) {
        size_t bytes = (w->n - at < HASH_PIECE ? w->n - at : HASH_PIECE) * sizeof *x;
        struct raml_view v;
        enum raml_code rc = raml_view_open(w->dev, x + at, bytes, &v, err);
        if (!rc) *hash = raml_hash(v.data, bytes, *hash);
        raml_view_close(&v);
        if (rc) return rc;
    }
    return RAML_OK;
}

enum raml_code raml_moved_weights_init(struct raml_moved_weights *w, struct raml_model *m, struct raml_err *err)
{
    const float *weights = raml_model_weights_const(m);
    if (!weights || raml_model_lora(m))
        return raml_fail(err, RAML_EUSAGE,
                         "the model was opened for inference or for adapters: its weights can't be moved; open it for "
                         "training");
    if (raml_model_dtype(m) != RAML_F32)
        return raml_fail(err, RAML_EUSAGE,
                         "the model computes in bf16, which rounds small moves of its weights away; open it in f32");
    *w = (struct raml_moved_weights){.model = m, .dev = raml_model_device(m), .n = raml_model_n(m)};
    const struct raml_backend *b = raml_backend_of(w->dev);
    w->theta = b->alloc(w->dev, w->n, sizeof *w->theta);
    if (!w->theta) return raml_fail(err, RAML_ENOMEM, "no memory for a copy of %zu weights", w->n);
    b->copy(w->dev, w->theta, weights, w->n * sizeof *weights);
    enum raml_code rc = b->sync(w->dev, err);
    if (!rc) rc = raml_moved_weights_hash(w, w->theta, &w->hash, err);
    if (!rc) rc = raml_model_norm(m, NULL, w->theta, &w->norm, err);
    if (rc) raml_moved_weights_deinit(w);
    return rc;
}

void raml_moved_weights_deinit(struct raml_moved_weights *w)
{
    if (w->theta) {
        struct raml_err ignored;
        if (w->away && raml_moved_weights_restore(w, &ignored)) w->away = true; /* who wants to know calls _restore */
        raml_array_free(w->dev, w->theta);
    }
    *w = (struct raml_moved_weights){0};
}

enum raml_code raml_moved_weights_to(struct raml_moved_weights *w, double a, const float *x, double b, const float *y,
                                     struct raml_err *err)
{
    const struct raml_backend *t = raml_backend_of(w->dev);
    if (!x) {
        x = y;
        a = b;
        y = NULL;
    }
    w->away = true;
    float *weights = raml_model_weights(w->model);
    if (x) t->combine(w->dev, weights, w->theta, (float)a, x, (float)b, y, w->n);
    else t->copy(w->dev, weights, w->theta, w->n * sizeof *weights);
    return raml_model_refresh(w->model, err);
}

enum raml_code raml_moved_weights_restore(struct raml_moved_weights *w, struct raml_err *err)
{
    uint64_t hash = 0;
    const struct raml_backend *b = raml_backend_of(w->dev);
    b->copy(w->dev, raml_model_weights(w->model), w->theta, w->n * sizeof *w->theta);
    enum raml_code rc = raml_model_refresh(w->model, err);
    if (!rc) rc = raml_moved_weights_hash(w, raml_model_weights_const(w->model), &hash, err);
    if (rc) return raml_wrap(err, rc, "the model's weights were not put back");
    if (hash != w->hash)
        return raml_fail(err, RAML_EIO,
                         "the model's weights are not what they were: hash %016" PRIx64 ", expected %016" PRIx64, hash,
                         w->hash);
    w->away = false;
    return RAML_OK;
}
