/* impl.h - what the sources of this folder share: weights as views of one block, buffers of a pass, the layer loop.
 *
 * Pointers marked "dev" point to the device's memory: they are offset and passed to its table, never dereferenced.
 */
#ifndef RAML_MODEL_IMPL_H
#define RAML_MODEL_IMPL_H

#include "raml/model.h"
#include "raml/modelfile.h"

#include "core/half.h"
#include "device/backend.h"
#include "shape/params.h"
#include "tree/visibility.h"

struct layer { /* offsets into the parameter block; vectors; packed copies for the products */
    struct raml_layer_offsets at;
    const float *v_norm1, *v_norm2, *v_after1, *v_after2; /* dev; NULL: the model has none */
    const float *v_bias, *v_q_norm, *v_k_norm;
    struct raml_matrix w_qkv, w_o, w_gu, w_down;
};
struct embedding {     /* rows of d numbers, one per token; one of the two */
    const void *table; /* dev */
    enum raml_type type;
    const struct raml_file_tensor *tensor;
};
/* A model for training has all parameters in one block of f32, and copies for the products besides. The others have the
 * copies, norms and biases; for the embedding, the file. */
struct raml_model {
    struct raml_config config;
    const struct raml_device *dev;
    const struct raml_backend *b; /* of dev */
    struct raml_sizes sizes;      /* of dev */
    enum raml_type type;          /* of activations */
    enum raml_type weight;        /* of matrices, unless they keep the file's types: */
    bool stored;
    enum raml_use use; /* all but RAML_INFERENCE have copies for backward too */
    float *weights;    /* dev [at.n]; NULL: only RAML_TRAINING has them */
    float *vectors;    /* dev: norms and biases of the others; of norms of 1 + w, these sums, and for training too: */
    float *ones;       /* dev: as many as the longest vector */
    void *own_table;   /* dev, of type weight: the embedding of one without a file */
    struct raml_model_file *file; /* kept open where the embedding is read from it */
    struct embedding table;
    const float *v_norm;   /* dev */
    struct raml_params at; /* where each parameter lies in the block */
    struct layer *layer;
    struct raml_matrix *w_head; /* [n_head_tiles], sizes.head_tile vocabulary entries each */
    size_t n_head_tiles;
    float *cos_sin;               /* dev [max_positions, head_dim] */
    float *cos_sin_window;        /* dev, of windowed layers; NULL: the same */
    struct adapters *lora;        /* adapter.h; NULL: none */
    const struct raml_sink *sink; /* asked by passes without backward (raml_model_heed); NULL: none */
};
/* What is trained: the model's own parameters, or its adapters'. */
struct block {
    const struct raml_param *param; /* [n_params] */
    size_t n_params, n;
    float *weights; /* dev [n]; NULL: there are none */
};
struct block raml_model_block(const struct raml_model *m);
/* RAML_EUSAGE, saying why, where there is no such block. */
RAML_CHECKED enum raml_code raml_model_has_block(const struct raml_model *m, struct raml_err *err);
/* Where a model's numbers come from. */
struct raml_source {
    const struct raml_model_file *file; /* NULL: initialised from the seed */
    uint64_t seed;
};
/* What follows from only shape, type and device. */
void raml_model_shape(struct raml_model *m, const struct raml_config *c, enum raml_dtype dtype,
                      const struct raml_device *dev);
/* weights.c: fills a model whose table of parameters is made. _block: training; _copies: the others. */
RAML_CHECKED enum raml_code raml_model_load_block(struct raml_model *m, const struct raml_source *src,
                                                  struct raml_err *err);
RAML_CHECKED enum raml_code raml_model_load_copies(struct raml_model *m, const struct raml_source *src,
                                                   struct raml_err *err);
/* size.c: RAML_ENOMEM, with numbers, where there is less memory than the model will take. */
RAML_CHECKED enum raml_code raml_model_fits(const struct raml_model *m, enum raml_use use,
                                            const struct raml_source *src, struct raml_err *err);
void raml_model_drop_weights(struct raml_model *m);
/* lists.c: a list that the host makes and the device reads. Zero-initialise. */
struct list {
    void *host;
    size_t cap; /* bytes of host */
    void *device;
    size_t device_cap; /* bytes of device */
};
/* Capacity for `bytes` on the host; contents are kept. */
RAML_CHECKED enum raml_code raml_list_grow(struct list *l, size_t bytes, struct raml_err *err);
/* Sends `bytes` from `from` (l->host or another's) to l->device. */
RAML_CHECKED enum raml_code raml_list_send(const struct raml_model *m, struct list *l, const void *from, size_t bytes,
                                           struct raml_err *err);
/* Pairs of tiles as the device takes them; l has capacity. */
void raml_list_pairs(struct list *l, const struct raml_tile_pair *pair, size_t n);
void raml_list_drop(const struct raml_model *m, struct list *l);
/* windows.c: the lists of windowed layers. Zero-initialise. */
struct windows {
    bool apply; /* windows change something in this batch */
    struct raml_pair_list pairs;
    struct list tile, pair, mask;
};
/* From the tiles of a batch and their pairs; row: positions of all rows; last: the largest of them. */
struct window_batch {
    const struct raml_query_tile *tile;
    size_t n_tiles;
    const struct raml_tile_pair *pair;
    const uint64_t *mask;
    const int32_t *row;
    size_t last;
    struct raml_key_positions key;
};
RAML_CHECKED enum raml_code raml_windows_make(const struct raml_model *m, struct windows *w,
                                              const struct window_batch *b, struct raml_err *err);
/* What windowed layers see, of a batch that sees `all`. */
struct seen_keys raml_windows_seen(const struct windows *w, const struct seen_keys *all);
void raml_windows_drop(const struct raml_model *m, struct windows *w);

/* Buffers of one layer, all dev. A forward-only pass points every layer at the same ones, and x1 = x2. With `remake`
 * (struct stream) xn1 = xn2 and h are of one chunk, and every layer's. */
struct acts {
    float *x1, *x2;       /* residual stream before attention, before the MLP: [n, d] */
    float *rstd1, *rstd2; /* [n] */
    void *xn1, *xn2;      /* normed, where there is a norm before: act [n, d] */
    float *u1, *u2;       /* what the norms after read: [n, d] (forward-only: of one chunk); NULL: there are none */
    float *rstd_u1, *rstd_u2;
    void *qkv, *raw, *o; /* raw only with q/k norm and backward */
    void *gu, *h;        /* [n, 2F], [n, F] (forward-only: of one chunk) */
    float *lse;          /* [n, H]; NULL forward-only */
};

/* Which keys the rows of a batch see. All dev. */
struct seen_keys {
    const struct raml_query_tile *tile;
    const struct raml_key_page *pair;
    const uint64_t *mask;
};
/* What attention needs to know of a batch of rows, packed trees or decoding sequences. All dev but read_token. */
struct batch {
    size_t n;
    const int32_t *read_token; /* [n] of the host, for an embedding in a file */
    const int32_t *token, *position;
    const uint32_t *page; /* where each row's key and value go */
    const uint8_t *slot;
    size_t n_tiles;
    struct seen_keys all, near; /* near: of windowed layers */
};
struct hooks;          /* hooks.h */
struct stream {        /* buffers of a forward run over rows; dev but `staging` */
    struct acts *acts; /* [n_layers], of the host */
    void *y;           /* act [chunk, d]: what o and down projections add to the residual stream */
    float *xf;         /* final residual stream [n, d] */
    void *xnf;         /* its norm, act [n, d] */
    float *rstdf;
    void *k, *v; /* pages; layer i at k + i * layer_bytes (0: every layer uses the same) */
    size_t layer_bytes;
    bool keep;                    /* activations of all rows and layers are kept for backward */
    bool remake;                  /* but xn1, xn2 and h, which it makes again */
    struct list staging;          /* staging of rows of an embedding in a file */
    const struct hooks *hooks;    /* NULL: none */
    const struct raml_sink *sink; /* asked before each layer and the head; NULL: none */
};
/* Embedding, all layers, final norm. The next sync reports failures of the device. RAML_ESTOP: the stream's sink. */
RAML_CHECKED enum raml_code raml_layers_forward(const struct raml_model *m, struct stream *s, const struct batch *b,
                                                struct raml_err *err);

struct raml_pass {
    const struct raml_model *m;
    bool backward;
    const struct raml_pack *pack;           /* of the last forward */
    bool changed;                           /* it had patches or takes */
    size_t cap_rows, cap_tiles, tree_tiles; /* tree_tiles: of the largest tree */
    struct list token, position, page, slot, tile, pair, mask, tree_tile, target;
    struct windows windows;
    uint32_t *tile_row; /* [cap_tile_rows] the first row of each tile: of its keys */
    size_t cap_tile_rows;
    struct raml_top_logits top; /* dev [head_rows, cap_top]; k: of the last forward */
    float *top_lse;             /* of the host: [head_rows] */
    size_t cap_top;
    struct stream s;
    void *block; /* dev: all activations */
    size_t block_bytes, other_bytes, scratch_bytes;
    void *pages; /* dev */
    /* head: dev */
    size_t head_rows; /* rows of targets worked on at once */
    void *xs;         /* act [head_rows, d] */
    float *z;         /* logits */
    struct raml_loss_state loss;
    struct raml_loss_end ends;
    float *d_logp, *d_entropy; /* [head_rows] */
    void *dz;                  /* act [head_rows, head_tile] */
    float *dxs;                /* [head_rows, d] */
    /* backward: dev */
    float *dx;                                /* [n, d] */
    float *dxn;                               /* [n, d]: gradient of the final norm's output */
    void *dxa, *d_o, *dqkv, *dgu, *dh, *dxna; /* act */
    void *dy;                                 /* act [chunk, d]: of y, where that is not dxa */
    float *du;                                /* [chunk, d]: of what a norm after reads */
};
/* head.c: evaluates all targets of the pack; with d_logp also backward through the head into dxn and grad (dev).
 * Coefficients and results are the host's. */
void raml_head_run(struct raml_pass *p, const struct raml_logprobs *out, const float *d_logp, const float *d_entropy,
                   float *grad);
/* Evaluates all targets from the stream x, f32 [rows of the pack, d], through the final norm; tmp: [head_rows +
 * slack_rows, d]. x, tmp: dev. */
void raml_head_lens(struct raml_pass *p, const float *x, float *tmp, const struct raml_logprobs *out);
/* Logits of rows xs, act [n, d], to out, f32 [n, vocab]; tile: [n, head_tile]. All dev. */
void raml_head_logits(const struct raml_model *m, const void *xs, size_t n, float *tile, float *out);
/* backward.c: from dxn to grad (dev). */
void raml_layers_backward(struct raml_pass *p, float *grad);

/* x = from + scale add (NULL: x = from), the residual stream; then what a layer reads of it: xn, its norm with weights
 * w, or x itself (w NULL), as act. rstd may be NULL. n rows; d, eps and scale are the model's. */
void raml_stream_enter(const struct raml_model *m, float *x, void *xn, float *rstd, const float *from, const void *add,
                       const float *w, size_t n);
/* h[n, F] = gate's function * up, of gu[n, 2F] */
void raml_gate_mul(const struct raml_model *m, void *h, const void *gu, size_t n);
/* The rotary embedding of a layer; NULL: it has none. dev */
const float *raml_layer_angles(const struct raml_model *m, size_t layer);
/* weights.c: 1 + w of the norms, after the weights have changed. */
void raml_model_refresh_norms(const struct raml_model *m);
/* Elements of the longest norm. */
static inline size_t raml_longest_vector(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, q = (size_t)c->n_heads * (size_t)c->head_dim;
    return q > d ? q : d;
}
static inline float scale_or_one(double scale)
{
    return scale > 0 ? (float)scale : 1;
}

static inline size_t act_size(const struct raml_model *m)
{
    return raml_type_block_bytes(m->type);
}
static inline void *act_row(const struct raml_model *m, void *p, size_t element)
{
    return (char *)p + element * act_size(m);
}
/* Hands out pieces of a block of device memory; with base NULL it only counts. */
struct carver {
    char *base;
    size_t used;
};
static inline void *carve(struct carver *c, size_t n, size_t size)
{
    void *p = c->base ? c->base + c->used : NULL;
    c->used += (n * size + 63) / 64 * 64;
    return p;
}
/* Bytes of a page of one layer: keys, or values. */
static inline size_t page_bytes(const struct raml_model *m)
{
    return m->b->page_bytes(m->dev, m->type, (size_t)m->config.head_dim) * (size_t)m->config.n_kv_heads;
}

#endif
