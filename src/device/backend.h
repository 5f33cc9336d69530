/* backend.h - the one door to hardware: a table of functions, each of which takes the device. Private to this layer and
 * to the engines above it (model, inner, outer).
 *
 * Memory   alloc returns memory of the device, which the host may not touch: upload and download copy bytes across, and
 *          are done when they return. Pointer arithmetic on its addresses is allowed. EVERY array passed to a function
 *          is in the device's memory (token ids, lists of pages, masks and coefficients too), except the host side of
 *          upload, download and weight_set. Numbers and the argument structs below are values of the host.
 * Types    activations ("act") are F32 or BF16. Sums, norms' scales, the residual stream and gradients are f32.
 * Shapes   row-major; n rows, d columns. H query heads, K key/value heads, D head size; head h of the queries reads key
 *          head h / (H / K). An array of n rows has capacity for slack_rows more: products may read those and may
 *          leave anything in them, weight_grad also in those of x.
 * Order    functions may return before the work is done; work is done in the order of the calls.
 * Errors   functions return nothing: a device keeps its first failure, does nothing more until sync, and sync reports
 *          it. So later calls write nothing that outlives the pass (keys, weights) from what was not computed. Only
 *          alloc (NULL) and the functions that make or fill a weight report their failures at once.
 * Bits     a row's results do not depend on the other rows, on how many there are, or on threads. Sums over rows
 *          (gradients) have a fixed order.
 * Threads  one at a time: a function uses all that the device has.
 * Scratch  belongs to the device; scratch_bytes is how much a kind of work takes.
 */
#ifndef RAML_DEVICE_BACKEND_H
#define RAML_DEVICE_BACKEND_H

#include "raml/device.h"

#include "device/rank.h"
#include "device/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RAML_KEYS = 64,        /* keys in a page of the key/value store, rows of a tile: as many as a mask has bits */
    RAML_WEIGHT_PARTS = 4, /* of one matrix at most */
    RAML_WEIGHT_ROWS = 64  /* rows of a matrix are set in multiples of this */
};

struct raml_sizes {    /* sizes that suit this device */
    size_t slack_rows; /* rows after the last that products may touch */
    size_t chunk_rows; /* rows worked on at once between attentions; a multiple of what products pad to */
    size_t head_tile;  /* vocabulary entries whose logits are computed at once */
    size_t head_rows;  /* rows of targets worked on at once */
};
/* The work whose scratch size is wanted. rows of chains or trees, the largest of tree_tiles tiles of RAML_KEYS rows. */
struct raml_work {
    enum raml_type type;
    bool backward;
    size_t rows, tree_tiles;
    size_t H, K, D;
    size_t widest; /* of the matrices' N, the head's tiles included */
};

/* A weight matrix W[N, K], N being the rows of all its parts. */
struct raml_weight_part {
    enum raml_type type;
    size_t n; /* rows */
};
struct raml_matrix { /* zero-initialise; made by weight_init */
    size_t N, K;
    void *own; /* the device's */
};

/* Query, key and value of n rows side by side: act [n, (H + 2K) D]. What happens to them between projection and
 * attention: + bias, RMS norm of each query and key head (q_w, k_w: [D], NULL: none) or of all queries and all keys
 * of a row at once (whole; q_w: [H D], k_w: [K D]), rotary embedding (halves of a head rotated against each other:
 * element i with i + D/2). */
struct raml_head_rows {
    enum raml_type type;
    size_t n, H, K, D;
    void *qkv;              /* in place */
    void *raw;              /* with q/k norm and backward: [n, (H + K) D] query and key before the norm; else NULL */
    const float *bias;      /* [(H + 2K) D] or NULL */
    const float *q_w, *k_w; /* both or neither */
    bool whole;
    const int32_t *position; /* [n] */
    const float *cos_sin;    /* [positions, D]: D/2 cosines, then D/2 sines; NULL: nothing is rotated */
    float eps;
};

/* What a patch adds to n of a product's rows: y[row[i]] += left (right x[row[i]]). */
struct raml_low_rank {
    enum raml_type type;
    const void *x; /* act [.., K] */
    void *y;       /* act [.., N], rows y_width apart */
    size_t y_width, K, N, rank;
    const float *right;  /* [rank, K]; NULL: right x is 1 */
    const float *left;   /* [rank, N]: transposed */
    const uint32_t *row; /* [n], no row twice */
    size_t n;
};

/* One run of at most RAML_KEYS query rows, and the key pages that they see: pairs [pair, pair + n_pairs). */
struct raml_query_tile {
    uint32_t row, n;
    size_t pair, n_pairs;
};
struct raml_key_page { /* rows row0 .. row0 + n_rows of the tile see keys of a page; in backward, of a tile */
    uint32_t page;
    uint16_t row0, n_rows;
    int64_t mask; /* index of the first of n_rows masks, a bit per key; -1: all keys */
};
struct raml_attention {
    enum raml_type type;
    size_t n, H, K, D;
    const void *qkv;   /* [n, (H + 2K) D], after heads */
    const void *k, *v; /* pages of this layer; not read in backward */
    const struct raml_query_tile *tile;
    size_t n_tiles;
    const struct raml_key_page *pair;
    const uint64_t *mask;
    float scale; /* of scores; 0: 1/sqrt(D) */
    void *o;     /* act [n, H D] */
    float *lse;  /* [n, H] log of the sum of exponentials of scaled scores, for backward; or NULL */
};
/* For chosen query rows, what each head's probabilities add up to over groups of keys: scores as in attention, of the same
 * queries and pages, in double; the sums of a row and head over all groups are 1 to rounding. Only this is ever made of
 * the [rows, keys] matrix. A row's sums are chains over its keys in the order of its pairs: they do not depend on how keys
 * fall into pages. Cost: twice the scores of the chosen rows. */
struct raml_attention_row {
    uint32_t row, tile; /* row of qkv, and the tile that it is in */
};
struct raml_attention_sums {
    enum raml_type type;
    size_t H, K, D;
    const void *qkv; /* [.., (H + 2K) D], after heads */
    const void *k;   /* pages of this layer */
    const struct raml_query_tile *tile;
    const struct raml_key_page *pair;
    const uint64_t *mask;
    float scale; /* as in attention */
    const struct raml_attention_row *query;
    size_t n;              /* chosen rows */
    const uint16_t *group; /* [pages, RAML_KEYS] of each key, below n_groups where a chosen row sees it */
    size_t n_groups;
    float *sum; /* [n, H, n_groups], written */
};
struct raml_attention_back {
    struct raml_attention f; /* as in forward; pair[].page is the number of a tile */
    const void *d_o;         /* act [n, H D] */
    void *dqkv;              /* act [n, (H + 2K) D], written */
    const size_t *tree_tile; /* [n_trees + 1]: tiles of each tree; different trees never meet */
    size_t n_trees;
    size_t tree_tiles; /* of the largest tree */
};

/* Tokens inside structs: token[i] is `stride` bytes after token[i - 1]; rows likewise. */
struct raml_targets {
    const int32_t *token;
    size_t stride, n;
};
/* What is kept per row from one tile of logits to the next: all [n]. */
struct raml_loss_state {
    float *max, *sum, *dot; /* running max, sum of exp(z - max), sum of z exp(z - max) */
    float *target;          /* logit of the row's token */
    int32_t *argmax;        /* or NULL */
};
struct raml_loss_end { /* [n] each */
    float *lse, *entropy, *logp;
};
struct raml_loss_back {
    const float *lse, *entropy; /* as returned by loss_end */
    const float *c, *e;         /* d loss / d logp, d loss / d entropy (NULL: 0) */
};
/* The k largest logits of each of n rows, the largest first, and their tokens; of equals the lower token first. -INFINITY
 * and -1 where there are fewer. Logits that are NaN are passed over. */
struct raml_top_logits {
    size_t k;
    float *logit;   /* [n, k] */
    int32_t *token; /* [n, k] */
};
struct raml_logits_tile { /* z[n, v] of vocabulary entries [v0, v0 + v), row stride ld */
    const float *z;
    size_t ld, v0, v;
};

/* Constants of one step of AdamW, in the units of
 *     g' = scale g;  m = beta1 m + one_beta1 g';  v = beta2 v + one_beta2 g'^2;
 *     w = keep w - step m / (sqrt(v) root + eps) */
struct raml_adamw_factors {
    float beta1, beta2, one_beta1, one_beta2, scale, step, root, epsilon, keep;
};

/* One token for each of n rows of logits. Tokens from `allowed` on are never sampled. */
struct raml_token_rows {
    const float *logits; /* [.., vocab] */
    const uint32_t *row; /* [n]: which of them */
    const double *u;     /* [n]: random numbers in [0, 1) */
    size_t n, vocab, allowed;
    size_t tile;   /* of the vocabulary, in which lse is summed */
    float scale;   /* 1 / temperature; infinite: the most likely token */
    double min_p;  /* tokens less than this many times as likely as the most likely are left out; 0: none */
    bool weigh;    /* fills weight and total, and samples nothing */
    float *weight; /* [n, vocab], written: exp((z - best) scale) of the allowed ones */
};
struct raml_token_sampled {
    int32_t best;  /* the most likely allowed token, the first of several; -1: a logit is NaN, or none is possible */
    int32_t token; /* the sampled token */
    float logit;   /* of the sampled token */
    float weight;  /* of the sampled token */
    float lse;     /* of the whole vocabulary: to the last bit what loss_end gives after the same tiles */
    double total;  /* of the weights of those that can be sampled */
};

struct raml_backend {
    /* -- What it is ------------------------------------------------------------------------------------------------ */
    void (*close)(struct raml_device *d); /* frees what belongs to it */
    const char *(*level)(const struct raml_device *d);
    int (*threads)(const struct raml_device *d);
    bool (*has)(const struct raml_device *d, enum raml_type act);
    void (*describe)(const struct raml_device *d, struct raml_device_info *out);
    RAML_CHECKED enum raml_code (*peak)(const struct raml_device *d, enum raml_type act, double *gflops,
                                        struct raml_err *err);
    struct raml_sizes (*sizes)(const struct raml_device *d);
    size_t (*page_bytes)(const struct raml_device *d, enum raml_type act, size_t D); /* of one head: keys, or values */
    size_t (*scratch_bytes)(const struct raml_device *d, const struct raml_work *w);

    /* -- Memory ---------------------------------------------------------------------------------------------------- */
    void *(*alloc)(const struct raml_device *d, size_t n, size_t size); /* zeroed, aligned to 64; NULL: out of memory */
    void (*free)(const struct raml_device *d, void *p);                 /* NULL is fine */
    void (*upload)(const struct raml_device *d, void *to, const void *host, size_t bytes);
    void (*download)(const struct raml_device *d, void *host, const void *from, size_t bytes);
    const void *(*view)(const struct raml_device *d, const void *p); /* p for the host to read; NULL: it can't */
    void (*copy)(const struct raml_device *d, void *to, const void *from, size_t bytes);
    /* rows of `bytes`, to_stride and from_stride bytes apart */
    void (*copy_rows)(const struct raml_device *d, void *to, size_t to_stride, const void *from, size_t from_stride,
                      size_t bytes, size_t rows);
    void (*zero)(const struct raml_device *d, void *to, size_t bytes);
    /* The first failure since the last sync, RAML_OK when there was none. All requested work is then done. */
    RAML_CHECKED enum raml_code (*sync)(const struct raml_device *d, struct raml_err *err);

    /* -- Weights --------------------------------------------------------------------------------------------------- */
    /* act: the type of the activations that it will be multiplied with; with BF16 all parts are BF16, and with backward
     * they have that type too. backward: products by W itself are wanted too. RAML_ENOMEM, RAML_ESHAPE (K is not a
     * whole number of a type's blocks), RAML_ESUPPORT: w is unchanged. */
    RAML_CHECKED enum raml_code (*weight_init)(const struct raml_device *d, struct raml_matrix *w, enum raml_type act,
                                               size_t K, const struct raml_weight_part *part, size_t n_parts,
                                               bool backward, struct raml_err *err);
    void (*weight_deinit)(const struct raml_device *d, struct raml_matrix *w);
    /* Rows [row, row + n), of one part, in its type, from the host's memory. Every row is set once. Within the part,
     * row is a multiple of RAML_WEIGHT_ROWS; so is n, or the rows end the part. */
    RAML_CHECKED enum raml_code (*weight_set)(const struct raml_device *d, struct raml_matrix *w, size_t row, size_t n,
                                              const void *host_rows, struct raml_err *err);
    /* All of it, F32 or BF16 (rounded), from f32 [N, K]. */
    RAML_CHECKED enum raml_code (*weight_fill)(const struct raml_device *d, struct raml_matrix *w, const float *value,
                                               struct raml_err *err);
    size_t (*weight_bytes)(const struct raml_device *d, const struct raml_matrix *w);

    /* -- Products -------------------------------------------------------------------------------------------------- */
    /* y[n, N] = x[n, K] W^T; add: y += (only for y F32) */
    void (*forward)(const struct raml_device *d, const struct raml_matrix *w, const void *x, enum raml_type x_type,
                    size_t n, void *y, enum raml_type y_type, bool add);
    /* dx[n, K] = dy[n, N] W; add as above */
    void (*backward)(const struct raml_device *d, const struct raml_matrix *w, const void *dy, enum raml_type type,
                     size_t n, void *dx, enum raml_type dx_type, bool add);
    /* dw[N, K] += dy[n, N]^T x[n, K] */
    void (*weight_grad)(const struct raml_device *d, enum raml_type type, const void *dy, void *x, size_t n, size_t N,
                        size_t K, float *dw);

    /* -- Rows ------------------------------------------------------------------------------------------------------ */
    /* x[n, width] = rows of table (F32 or BF16) */
    void (*embed)(const struct raml_device *d, float *x, const void *table, enum raml_type type, const int32_t *token,
                  size_t n, size_t width);
    void (*embed_back)(const struct raml_device *d, float *d_table, const float *dx, const int32_t *token, size_t n,
                       size_t width);
    /* sum = x + add (either NULL: sum is the other; sum may equal x, y may equal add); y = act(sum rstd w),
     * rstd = 1/sqrt(mean(sum^2) + eps) */
    void (*add_norm)(const struct raml_device *d, enum raml_type type, float *sum, void *y, float *rstd, const float *x,
                     const void *add, const float *w, size_t n, size_t width, float eps);
    /* dx += d(norm)/dx dy; dw += sum over rows; dx_act = act(dx) (dw, dx_act NULL: not wanted) */
    void (*norm_back)(const struct raml_device *d, enum raml_type type, float *dx, void *dx_act, float *dw,
                      const void *dy, const float *x, const float *rstd, const float *w, size_t n, size_t width);
    void (*heads)(const struct raml_device *d, const struct raml_head_rows *h);
    /* dqkv in place: from gradients after to gradients before; d_bias, dq_w, dk_w (NULL: none) are added to */
    void (*heads_back)(const struct raml_device *d, const struct raml_head_rows *h, void *dqkv, float *d_bias,
                       float *dq_w, float *dk_w);
    /* gu: [n, 2f], gate and up side by side; out[n, f] = silu(gate) up */
    void (*silu_mul)(const struct raml_device *d, enum raml_type type, void *out, const void *gu, size_t n, size_t f);
    void (*silu_mul_back)(const struct raml_device *d, enum raml_type type, void *d_gu, const void *d_out,
                          const void *gu, size_t n, size_t f);
    /* The same with the tanh form of GELU: out = g/2 (1 + tanh(sqrt(2/pi) (g + 0.044715 g^3))) up */
    void (*gelu_mul)(const struct raml_device *d, enum raml_type type, void *out, const void *gu, size_t n, size_t f);
    void (*gelu_mul_back)(const struct raml_device *d, enum raml_type type, void *d_gu, const void *d_out,
                          const void *gu, size_t n, size_t f);
    void (*to_act)(const struct raml_device *d, enum raml_type type, void *out, const float *in, size_t n);
    /* v = x + scale add (x NULL: scale add; add, of act, NULL: scale x); sum = v, out = act(v) (NULL: not wanted); sum
     * may equal x, out add */
    void (*scale_add)(const struct raml_device *d, enum raml_type type, float *sum, void *out, const float *x,
                      const void *add, float scale, size_t n);
    /* out[i] = in[row[i]]; rows are `stride` bytes apart */
    void (*gather)(const struct raml_device *d, enum raml_type type, void *out, const void *in, const uint32_t *row,
                   size_t stride, size_t n, size_t width);
    /* out[row[i]] += in[i]; rows may repeat */
    void (*scatter_add)(const struct raml_device *d, float *out, const float *in, const uint32_t *row, size_t stride,
                        size_t n, size_t width);
    void (*add)(const struct raml_device *d, float *out, const float *in, size_t n);
    /* out = base + a x + b y (y NULL: out = base + a x); out may be any of them */
    void (*combine)(const struct raml_device *d, float *out, const float *base, float a, const float *x, float b,
                    const float *y, size_t n);
    void (*low_rank)(const struct raml_device *d, const struct raml_low_rank *r);
    /* Halves of low-rank products, rank.h; down: x and m are only read, up: u and m, grad: u and x, pick: m, put: u. */
    void (*rank_down)(const struct raml_device *d, const struct raml_rank_rows *r);
    void (*rank_up)(const struct raml_device *d, const struct raml_rank_rows *r);
    void (*rank_grad)(const struct raml_device *d, const struct raml_rank_rows *r);
    void (*rank_pick)(const struct raml_device *d, const struct raml_rank_rows *r);
    void (*rank_put)(const struct raml_device *d, const struct raml_rank_rows *r);
    /* out[width, n] = in[n, width]^T */
    void (*transpose)(const struct raml_device *d, float *out, const float *in, size_t n, size_t width);
    /* out[n, n] = x[n, K] x^T, in double */
    void (*gram)(const struct raml_device *d, double *out, const float *x, size_t n, size_t K);

    /* -- Attention ------------------------------------------------------------------------------------------------- */
    /* Keys and values of n rows into their places: row r goes to page[r], key slot[r]. Page p of head g begins at
     * (p K + g) page_bytes of k, and of v. */
    void (*store_kv)(const struct raml_device *d, enum raml_type type, void *k, void *v, const void *qkv,
                     const uint32_t *page, const uint8_t *slot, size_t n, size_t H, size_t K, size_t D);
    void (*attention)(const struct raml_device *d, const struct raml_attention *a);
    void (*attention_back)(const struct raml_device *d, const struct raml_attention_back *a);
    void (*attention_sums)(const struct raml_device *d, const struct raml_attention_sums *a);

    /* -- Loss ------------------------------------------------------------------------------------------------------ */
    void (*loss_start)(const struct raml_device *d, const struct raml_loss_state *s, size_t n);
    void (*loss_tile)(const struct raml_device *d, const struct raml_loss_state *s, const struct raml_logits_tile *z,
                      const struct raml_targets *t);
    /* lse = max + log(sum); entropy = lse - dot / sum; logp = target - lse */
    void (*loss_end)(const struct raml_device *d, const struct raml_loss_state *s, const struct raml_loss_end *out,
                     size_t n);
    /* dz[n, v] (act, row stride v) = c (1[j = token] - p) - e p (log p + entropy), p = exp(z - lse) */
    void (*loss_back)(const struct raml_device *d, enum raml_type type, void *dz, const struct raml_loss_back *b,
                      const struct raml_logits_tile *z, const struct raml_targets *t);

    /* Takes the tile's logits into the k largest so far; the tile with v0 0 begins them. Tiles come by rising v0. */
    void (*top_tile)(const struct raml_device *d, const struct raml_top_logits *top, const struct raml_logits_tile *z,
                     size_t n);

    /* -- Optimizer ------------------------------------------------------------------------------------------------- */
    void (*adamw)(const struct raml_device *d, const struct raml_adamw_factors *f, float *w, float *m, float *v,
                  const float *g, size_t n);
    /* The adjoint of that with keep and scale 1: from d/dw' to d/dg, written, and from d/dm' and d/dv' to d/dm and d/dv, in
     * place. m, v: before the step. */
    void (*adamw_back)(const struct raml_device *d, const struct raml_adamw_factors *f, const float *dw, float *dm,
                       float *dv, float *dg, const float *m, const float *v, const float *g, size_t n);
    /* *out = sum g_i^2, in double */
    void (*square_sum)(const struct raml_device *d, double *out, const float *g, size_t n);

    /* -- Tokens ---------------------------------------------------------------------------------------------------- */
    void (*sample_tokens)(const struct raml_device *d, const struct raml_token_rows *r, struct raml_token_sampled *out);
};

const struct raml_backend *raml_backend_of(const struct raml_device *d);
/* The code to return at the end of work that ended with rc: syncs, and a failure of the device, if there was one, is
 * the cause; else rc, with err as it is. */
RAML_CHECKED enum raml_code raml_backend_settle(const struct raml_device *d, enum raml_code rc, struct raml_err *err);
/* The sum of the squares of x[n], of the device; syncs. */
RAML_CHECKED enum raml_code raml_backend_square_sum(const struct raml_device *d, const float *x, size_t n, double *sum,
                                                    struct raml_err *err);

#endif
