/* impl.h - what the sources of this folder share: weights as views of one block, buffers of a pass, the layer loop. */
#ifndef RAML_MODEL_IMPL_H
#define RAML_MODEL_IMPL_H

#include "raml/model.h"
#include "raml/modelfile.h"

#include "core/half.h"
#include "device/impl.h"

enum { HEAD_TILE = 4096 }; /* vocabulary entries whose logits are formed at once */

struct layer { /* offsets into the parameter block; vectors; packed copies for the products */
    size_t norm1, qkv, bias, q_norm, k_norm, o, norm2, gu, down;
    const float *v_norm1, *v_norm2, *v_bias, *v_q_norm, *v_k_norm; /* NULL: the model has none */
    struct raml_weight w_qkv, w_o, w_gu, w_down;
};
struct embedding { /* rows of d numbers, one a token; one of the three */
    const float *f32;
    const uint16_t *bf16;
    const struct raml_stored *stored;
};
/* A model that is to be trained holds all parameters in one block of f32, and copies for the products beside it. One
 * that is only read holds the copies, norms and biases; of the embedding, the file. */
struct raml_model {
    struct raml_config config;
    const struct raml_device *dev;
    bool bf16, trainable; /* trainable: row-major copies for backward are kept too */
    float *weights; /* [n]; NULL: only read */
    size_t n;
    float *vectors;               /* norms and biases of a model that is only read */
    void *own_table;              /* act: the embedding of one that came from no file */
    struct raml_model_file *file; /* kept open where the embedding is read from it */
    struct embedding table;
    const float *v_norm;
    struct raml_param *param;
    size_t n_params;
    struct layer *layer;
    size_t embed, norm, head; /* offsets */
    struct raml_weight *w_head; /* [n_head_tiles], HEAD_TILE vocabulary entries each */
    size_t n_head_tiles;
    float *cos_sin; /* [max_positions, head_dim] */
};
/* Where a model's numbers come from. */
struct raml_source {
    const struct raml_model_file *file; /* NULL: drawn from the seed */
    uint64_t seed;
};
/* weights.c: fills a model whose table of parameters stands. _block: to be trained; _copies: only read. */
RAML_CHECKED enum raml_code raml_model_hold_block(struct raml_model *m, const struct raml_source *src,
                                                  struct raml_err *err);
RAML_CHECKED enum raml_code raml_model_hold_copies(struct raml_model *m, const struct raml_source *src,
                                                   struct raml_err *err);
/* size.c: RAML_ENOMEM, with numbers, where there is less memory than the model will take. */
RAML_CHECKED enum raml_code raml_model_fits(const struct raml_model *m, enum raml_use use, bool drawn,
                                            struct raml_err *err);
void raml_model_drop_weights(struct raml_model *m);
/* x[n, d]: the embedding's rows of tokens, all of which are in the vocabulary. */
RAML_CHECKED enum raml_code raml_model_embed(const struct raml_model *m, float *x, const int32_t *token, size_t n,
                                             struct raml_err *err);
/* rope.c: radians per position of the pair i of a head's dimensions, i in [0, head_dim / 2). */
double raml_rope_frequency(const struct raml_config *c, int i);
/* Fills m->cos_sin. */
RAML_CHECKED enum raml_code raml_model_angles(struct raml_model *m, struct raml_err *err);
/* Makes the row-major copies that backward needs, once. */
RAML_CHECKED enum raml_code raml_model_make_trainable(struct raml_model *m, struct raml_err *err);

/* Tiles of HEAD_TILE vocabulary entries. */
static inline size_t raml_head_tiles(const struct raml_config *c)
{
    return ((size_t)c->vocab_size + HEAD_TILE - 1) / HEAD_TILE;
}
/* Fills model->param and the offsets; n_params counts. */
RAML_CHECKED enum raml_code raml_params_build(struct raml_model *m, struct raml_err *err);

/* Buffers of one layer. A forward-only pass points every layer at the same ones, and x1 = x2. */
struct acts {
    float *x1, *x2;       /* residual stream before attention, before the MLP: [n, d] */
    float *rstd1, *rstd2; /* [n] */
    void *xn1, *xn2;      /* normed: act [n, d] */
    void *qkv, *raw, *o;  /* raw only with q/k norm and backward */
    void *gu, *h;         /* [n, 2F], [n, F] (forward-only: of one chunk) */
    float *lse;           /* [n, H]; NULL forward-only */
};

/* What attention needs to know of a batch of rows, whether packed trees or decoding sequences. */
struct batch {
    size_t n;
    const int32_t *token, *position;
    const uint32_t *page; /* where each row's key and value go */
    const uint8_t *slot;
    const struct raml_attn_tile *tile;
    size_t n_tiles;
    const struct raml_attn_pair *pair;
    const uint64_t *mask;
};
struct stream { /* buffers of a forward run over rows */
    struct acts *acts; /* [n_layers] */
    void *y;           /* act [chunk, d]: what o and down projections add to the residual stream */
    float *xf;         /* final residual stream [n, d] */
    void *xnf;         /* its norm, act [n, d] */
    float *rstdf;
    void *k, *v;       /* pages; layer i at k + i * layer_bytes (0: every layer uses the same) */
    size_t layer_bytes, chunk;
    bool keep;         /* activations of all rows and layers are kept for backward */
};
/* Embedding, all layers, final norm. */
RAML_CHECKED enum raml_code raml_layers_forward(const struct raml_model *m, const struct stream *s,
                                                const struct batch *b, struct raml_err *err);

struct raml_pass {
    const struct raml_model *m;
    bool backward;
    const struct raml_pack *pack; /* of the last forward */
    size_t cap_rows, cap_tiles, cap_pairs, cap_scored, cap_tree_tiles, cap_trees;
    struct raml_attn_tile *tile;
    struct raml_attn_pair *pair;
    uint64_t *mask;
    size_t cap_masks;
    uint32_t *page;
    uint8_t *slot;
    struct stream s;
    void *block;        /* all activations */
    size_t block_bytes, other_bytes;
    void *pages;
    /* head */
    size_t head_rows;   /* scored rows worked on at once */
    void *xs;           /* act [head_rows, d] */
    float *z;           /* logits */
    size_t z_floats;
    float *row_max, *row_sum, *row_dot, *row_target, *row_lse, *row_entropy; /* [head_rows] */
    void *dz, *dzt;     /* act [head_rows, HEAD_TILE] and its transpose */
    float *dxs;         /* [head_rows, d] */
    /* backward */
    float *dx;          /* [n, d] */
    float *dxn;         /* [n, d]: gradient of the final norm's output */
    void *dxa, *d_o, *dqkv, *dgu, *dh, *dxna, *t; /* act; t: transposes of one chunk */
    float *scratch;
    void *attn_scratch;
    size_t attn_scratch_bytes;
};
/* head.c: scores all scored tokens of the pack; with d_logp also backward through the head into dxn and grad. */
RAML_CHECKED enum raml_code raml_head_run(struct raml_pass *p, const struct raml_score *out, const float *d_logp,
                                          const float *d_entropy, float *grad, struct raml_err *err);
/* Logits of rows of act xnf (already gathered into xs), f32 [n, vocab]. */
RAML_CHECKED enum raml_code raml_head_logits(const struct raml_model *m, const void *xs, size_t n, float *tile,
                                             float *out, struct raml_err *err);
/* backward.c: from dxn to grad. */
RAML_CHECKED enum raml_code raml_layers_backward(struct raml_pass *p, float *grad, struct raml_err *err);

static inline size_t act_size(const struct raml_model *m)
{
    return m->bf16 ? 2 : 4;
}
static inline void *act_row(const struct raml_model *m, void *p, size_t element)
{
    return (char *)p + element * act_size(m);
}

#endif
