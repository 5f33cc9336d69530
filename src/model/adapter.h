/* adapter.h - a model's low-rank adapters (raml/lora.h) at work: y += scale B (A x), forward and backward.
 *
 * A and B are f32, in one block [plan.n] of the device; products with B read B^T, a copy that raml_model_refresh makes.
 * What A x is for backward is computed again. u and v hold a chunk's A x and B^T dy: they are the model's, so calls come
 * from one thread at a time, as all that compute on a device.
 * Every function does nothing where the module has no adapter. x, y, dx, dy: dev; rows of act unless another type is
 * named, ..._width apart.
 */
#ifndef RAML_MODEL_ADAPTER_H
#define RAML_MODEL_ADAPTER_H

#include "raml/lora.h"
#include "raml/tap.h"

#include "model/impl.h"

struct adapter {
    const struct raml_lora_module *of; /* of the plan */
    float *t;                          /* dev [rank, n_out]: B^T */
};
struct adapters {
    struct raml_lora plan;
    struct raml_param *param; /* [n_params] names and places of A and B */
    size_t n_params;
    float *block;              /* dev [plan.n] */
    float *turned;             /* dev: every B^T */
    size_t n_turned;           /* its elements */
    float *u, *v;              /* dev [rows, widest] */
    size_t rows, widest;       /* the largest rank */
    struct adapter *adapter;   /* [plan.n_modules] */
    const struct adapter **at; /* [n_layers RAML_LAYER_MATRICES]; NULL: none */
    const struct adapter *head, *embedding;
    size_t lowest; /* the first layer that backward has to reach; n_layers: none */
};

void raml_adapters_close(const struct raml_model *m, struct adapters *a); /* NULL is fine */
/* Every B^T from the block. */
void raml_adapters_refresh(const struct raml_model *m);
size_t raml_adapters_bytes(const struct adapters *a);

/* y[n] += the adapter's product with x[n, n_in] */
void raml_adapters_forward(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix, const void *x,
                           size_t n, void *y, enum raml_type y_type, size_t y_width);
/* Its gradient from dy[n], and dx[n, n_in] += what it passes on. */
void raml_adapters_backward(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix, const void *x,
                            const void *dy, size_t dy_width, size_t n, void *dx, float *grad);
/* x[n, d], f32 */
void raml_adapters_embed(const struct raml_model *m, float *x, const int32_t *token, size_t n);
void raml_adapters_embed_back(const struct raml_model *m, const float *dx, const int32_t *token, size_t n, float *grad);
/* _head: A x of rows xs[n, d], at most a->rows of them, for the tiles that follow: z[n, v], f32, entries [v0, v0 + v)
 * of the vocabulary. */
void raml_adapters_head(const struct raml_model *m, const void *xs, size_t n);
void raml_adapters_head_tile(const struct raml_model *m, float *z, size_t n, size_t v0, size_t v);
/* The same backward, after those forward: all tiles dz[n, v], from v0 = 0 on, then the rest, dxs[n, d] in f32. */
void raml_adapters_head_tile_back(const struct raml_model *m, const void *dz, size_t n, size_t v0, size_t v,
                                  float *grad);
void raml_adapters_head_back(const struct raml_model *m, void *xs, size_t n, float *dxs, float *grad);

#endif
