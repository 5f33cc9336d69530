/* update_layer.h - one layer's updates at all places of a trajectory, from rows to measures, and sums over layers. */
#ifndef RAML_INNER_UPDATE_LAYER_H
#define RAML_INNER_UPDATE_LAYER_H

#include "inner/update_parts.h"

/* Several matrices as one vector: their Gram matrices, and the products with their gradients, added up. */
struct raml_update_sum {
    double *g;   /* [n, n] */
    double *dot; /* [n] */
    double weight_square, gradient_square;
};
enum { RAML_UPDATE_GATE_UP, RAML_UPDATE_ALL, RAML_UPDATE_SUMS };
RAML_CHECKED enum raml_code raml_update_sum_init(struct raml_update_sum *s, size_t n, struct raml_err *err);
void raml_update_sum_deinit(struct raml_update_sum *s);
void raml_update_sum_read(const struct raml_update_sum *s, size_t n, bool aligned, struct raml_update_measures *out);

/* Memory that layers share. Zero-initialise. */
struct raml_update_workspace {
    const struct raml_model *m;
    double *weight_norm;                /* [n_layers, RAML_UPDATE_MATRICES]; 0: not known yet */
    float *gate, *up;                   /* [cap, intermediate] */
    double *right, *left;               /* [cap, cap]: Gram matrices */
    float *rows;                        /* device [cap, widest] */
    double *product;                    /* device [cap, cap] */
    struct raml_update_aligner aligner; /* only with alignment */
    size_t cap;
};
RAML_CHECKED enum raml_code raml_update_workspace_init(struct raml_update_workspace *w, const struct raml_model *m,
                                                       bool alignment, struct raml_err *err);
void raml_update_workspace_deinit(struct raml_update_workspace *w);

struct raml_update_layer {
    size_t layer;
    struct raml_update_rows *rows; /* scaled in place */
    const float *grad;             /* device; NULL: no alignment */
    const struct raml_update_reader *reader;
    size_t input;                        /* for the reader */
    struct raml_update_measures *matrix; /* [RAML_UPDATE_MATRICES], set up */
    struct raml_update_sum *sum;         /* [RAML_UPDATE_SUMS] */
};
RAML_CHECKED enum raml_code raml_update_layer_run(struct raml_update_workspace *w, const struct raml_update_layer *l,
                                                  struct raml_err *err);

#endif
