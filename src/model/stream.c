/* stream.c - what forward, backward and hooks share of a layer. See impl.h. */
#include "model/impl.h"

void raml_stream_enter(const struct raml_model *m, float *x, void *xn, float *rstd, const float *from, const void *add,
                       const float *w, size_t n)
{
    size_t d = (size_t)m->config.hidden_size;
    float eps = (float)m->config.rms_norm_eps, scale = scale_or_one(m->config.residual_scale);
    if (add && (scale != 1 || !w)) {
        m->b->scale_add(m->dev, m->type, x, w ? NULL : xn, from, add, scale, n * d);
        from = x;
        add = NULL;
    } else if (!w) {
        m->b->scale_add(m->dev, m->type, x, xn, from, NULL, 1, n * d);
    }
    if (w) m->b->add_norm(m->dev, m->type, x, xn, rstd, from, add, w, n, d, eps);
}

void raml_gate_mul(const struct raml_model *m, void *h, const void *gu, size_t n)
{
    size_t F = (size_t)m->config.intermediate_size;
    if (m->config.gate == RAML_GATE_GELU) m->b->gelu_mul(m->dev, m->type, h, gu, n, F);
    else m->b->silu_mul(m->dev, m->type, h, gu, n, F);
}

const float *raml_layer_angles(const struct raml_model *m, size_t layer)
{
    if (raml_layer_in(&m->config.unturned, (int)layer)) return NULL;
    return m->cos_sin_window && raml_layer_in(&m->config.windowed, (int)layer) ? m->cos_sin_window : m->cos_sin;
}
