/* tap.h - a forward pass that is read and patched on its way through the layers.
 *
 * A layer takes the residual stream h of a row (a token) through
 *
 *     r = h + attention(norm1(h))     z = norm2(r)     s = silu(G z) * (U z)     h' = r + D s
 *
 * (in some architectures with norms of what is added, a multiplier on it, no norm before, or GELU: config.h; z, s, r and
 * h' are then what stands at these places)
 *
 * Hooks are given to one forward pass over a pack (tree.h). What they do, in the order in which a layer does it:
 *   take     before every layer, the stream of row `to` is overwritten by that of row `from`: `to` then computes what
 *            its own ancestors make of the other row's stream
 *   patch    adds left (right x) to the product of one of a layer's matrices with the rows' x, for all rows or some
 *   tap      reads z, s, r and h' of some rows of some layers, and how much each of the layer's heads attends to groups
 *            of their ancestors
 *            (a tap of the layer before still reads what `to` itself had; a lens reads what it has taken)
 *   lens     log-probabilities of the pack's targets, read from the stream after some number of layers through the
 *            model's own final norm and head ("logit lens"; nostalgebraist 2020)
 * Rows and layers that no hook names keep their bits, and so does every row where the hooks only read.
 * Models    opened for inference as well as for training, of any dtype. After patches or takes there is no backward
 *           (RAML_EUSAGE).
 * Memory    all arrays are the host's. A tap's memory is that of one layer: values are passed on as layers finish.
 *           Attention is summed over groups where it is made, never the whole [rows, tokens] matrix: 4 n_rows n_heads
 *           n_groups bytes on host and device, and twice the scores of the chosen rows in time.
 */
#ifndef RAML_TAP_H
#define RAML_TAP_H

#include "raml/model.h"

#pragma GCC visibility push(default)

/* The matrices of a layer, as they stand in a model's folder: row-major [out, in]. */
enum raml_layer_matrix {
    RAML_LAYER_Q,
    RAML_LAYER_K,
    RAML_LAYER_V,
    RAML_LAYER_O,
    RAML_LAYER_GATE,
    RAML_LAYER_UP,
    RAML_LAYER_DOWN,
    RAML_LAYER_MATRICES
};
struct raml_layer_shape {
    size_t n_out, n_in;
};
struct raml_layer_shape raml_layer_shape(const struct raml_config *c, enum raml_layer_matrix matrix);
const char *raml_layer_matrix_name(enum raml_layer_matrix matrix); /* "gate_proj" */

struct raml_tapped { /* of one layer; valid during the call. [n_rows, width], NULL: not asked for */
    size_t layer, n_rows;
    const float *z;        /* [.., hidden_size] the MLP's input */
    const float *inner;    /* [.., intermediate_size] s */
    const float *residual; /* [.., hidden_size] r, the stream between attention and MLP */
    const float *output;   /* [.., hidden_size] h', the stream after the layer */
    /* [n_rows, n_heads, n_groups] what a head's attention probabilities add up to over the row's ancestors (itself
     * included; in windowed layers those that its window holds) of each group. All groups together: 1. */
    const float *attention;
    size_t n_groups;
};
struct raml_tap {
    const uint32_t *row; /* [n_rows] of the pack, strictly rising */
    size_t n_rows;
    const bool *layer; /* [n_layers of the model] which; NULL: all */
    bool z, inner, residual, output;
    const uint16_t *group; /* [n_rows of the pack] of every token, below n_groups; NULL: attention is not read */
    size_t n_groups;
    /* Called once a layer, in their order. An error ends the pass, with that error. */
    enum raml_code (*read)(void *user, const struct raml_tapped *t, struct raml_err *err);
    void *user;
};

/* y += left (right x), y being the rows of a product before anything else is done to them (q, k, v: before bias, norm
 * and rotary embedding). right NULL, rank 1: a bias, y += left. Several patches of one matrix and row add up, in the
 * order of the list. */
struct raml_patch {
    size_t layer;
    enum raml_layer_matrix matrix;
    size_t rank;
    const float *left;   /* [n_out, rank] */
    const float *right;  /* [rank, n_in] */
    const uint32_t *row; /* [n_rows] strictly rising; NULL: all rows of the pack */
    size_t n_rows;
};

struct raml_row_take {
    uint32_t to, from; /* from < to; no `to` is another's `from` */
};

struct raml_lens {
    size_t layer; /* 0: the embedding .. n_layers: what the model itself reads */
    struct raml_logprobs out;
};

struct raml_hooks { /* any part may be empty */
    const struct raml_tap *tap;
    const struct raml_patch *patch;
    size_t n_patches;
    const struct raml_row_take *take; /* by strictly rising `to` */
    size_t n_takes;
    const struct raml_lens *lens; /* by strictly rising layer */
    size_t n_lenses;
};
/* raml_pass_forward with hooks (NULL: none). RAML_ERANGE, naming the hook: a row or layer that the pack or the model
 * does not have, a wrong order, a rank of 0, a group that
 * is not below n_groups. Cost of a patch: rank (n_in + n_out) multiplications a row; of a lens: a
 * head over all targets. */
RAML_CHECKED enum raml_code raml_pass_forward_hooked(struct raml_pass *p, const struct raml_pack *pack,
                                                     const struct raml_hooks *hooks, const struct raml_logprobs *out,
                                                     struct raml_err *err);

/* y[n, n_out] = x[n, n_in] M^T with a layer's matrix, as the passes multiply (without bias, with its adapter: M is then
 * W + scale B A); host memory. */
RAML_CHECKED enum raml_code raml_layer_product(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix,
                                               const float *x, size_t n, float *y, struct raml_err *err);
/* Gate and up at once: y[n, 2 intermediate_size], gate's first. */
RAML_CHECKED enum raml_code raml_layer_gate_up(const struct raml_model *m, size_t layer, const float *x, size_t n,
                                               float *y, struct raml_err *err);
/* Where it begins in the block of parameters, and in a gradient, of a model for training (elements); it is whole there.
 */
size_t raml_layer_matrix_offset(const struct raml_model *m, size_t layer, enum raml_layer_matrix matrix);
/* Frobenius norm. Of a model for inference, whose matrices are packed, at the cost of a product with the identity. */
RAML_CHECKED enum raml_code raml_layer_matrix_norm(const struct raml_model *m, size_t layer,
                                                   enum raml_layer_matrix matrix, double *norm, struct raml_err *err);

#pragma GCC visibility pop
#endif
