/* params.h - where each parameter of a shape lies in one block: offsets in elements, and the table with names. */
#ifndef RAML_SHAPE_PARAMS_H
#define RAML_SHAPE_PARAMS_H

#include "raml/config.h"

struct raml_layer_offsets { /* q, k and v are adjacent in the block (qkv, bias), and so are gate and up (gu) */
    /* norms before attention and MLP, and after them; 0: the model has none (the embedding is at 0) */
    size_t norm1, norm2, after1, after2;
    size_t qkv, bias, q_norm, k_norm, o, gu, down;
};
struct raml_params {
    struct raml_param *param;         /* [n_params], in the order of the block */
    size_t n_params, n;               /* n: elements of the block */
    size_t embed, norm, head;         /* offsets; of a tied head, the embedding's */
    struct raml_layer_offsets *layer; /* [c->n_layers] */
};
/* All owned by the caller, who calls _deinit; a zeroed struct is fine for it. */
RAML_CHECKED enum raml_code raml_params_init(struct raml_params *p, const struct raml_config *c, struct raml_err *err);
void raml_params_deinit(struct raml_params *p);

#endif
