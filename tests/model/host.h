/* host.h - weights and gradients of the device as arrays of the host, for tests. */
#ifndef RAML_TESTS_MODEL_HOST_H
#define RAML_TESTS_MODEL_HOST_H

#include "model/impl.h"

#include <stdlib.h>

/* A copy of the model's block of weights; free() it. */
static inline float *host_weights(const struct raml_model *m)
{
    size_t bytes = raml_model_n(m) * sizeof(float);
    float *w = malloc(bytes);
    if (!w || raml_array_read(raml_model_device(m), w, raml_model_weights_const(m), bytes, NULL)) abort();
    return w;
}
/* Replaces them by w, and frees it. */
RAML_CHECKED static inline enum raml_code host_set_weights(struct raml_model *m, float *w, struct raml_err *err)
{
    size_t bytes = raml_model_n(m) * sizeof(float);
    enum raml_code rc = raml_array_write(raml_model_device(m), raml_model_weights(m), w, bytes, err);
    free(w);
    return rc ? rc : raml_model_refresh(m, err);
}

/* raml_pass_backward and raml_pass_train with a gradient of the host. */
RAML_CHECKED static inline enum raml_code host_gradient(struct raml_pass *p, const struct raml_pack *pack,
                                                        const float *c, const float *e, const struct raml_logprobs *out,
                                                        float *grad, struct raml_err *err)
{
    const struct raml_device *dev = p->m->dev;
    size_t bytes = raml_model_n(p->m) * sizeof(float);
    float *g = raml_array_new(dev, raml_gradient_n(p->m), sizeof *g);
    if (!g) return raml_fail(err, RAML_ENOMEM, "no memory for the gradient");
    enum raml_code rc = raml_array_write(dev, g, grad, bytes, err);
    if (!rc) rc = pack ? raml_pass_train(p, pack, c, out, g, err) : raml_pass_backward(p, c, e, g, err);
    if (!rc) rc = raml_gradient_join(p->m, g, err);
    if (!rc) rc = raml_array_read(dev, grad, g, bytes, err);
    raml_array_free(dev, g);
    return rc;
}
RAML_CHECKED static inline enum raml_code host_backward(struct raml_pass *p, const float *c, const float *e,
                                                        float *grad, struct raml_err *err)
{
    return host_gradient(p, NULL, c, e, NULL, grad, err);
}
RAML_CHECKED static inline enum raml_code host_train(struct raml_pass *p, const struct raml_pack *pack, const float *c,
                                                     const struct raml_logprobs *out, float *grad, struct raml_err *err)
{
    return host_gradient(p, pack, c, NULL, out, grad, err);
}

#endif
