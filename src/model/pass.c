/* pass.c - a pass over a pack of token trees: its buffers, and the order of work. See model.h. */
#include "model/impl.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 1024,            /* rows worked on at once between attentions */
    SLACK = 256,             /* rows behind the last that products may touch */
    KEPT_LOGITS = 16 << 20,  /* floats of logits kept for backward at once: 64 MiB */
    HEAD_ROWS = 1024
};

enum raml_code raml_pass_open(const struct raml_model *m, bool backward, struct raml_pass **out, struct raml_err *err)
{
    if (backward) { /* the model keeps another copy of its weights from now on; its values stay as they are */
        enum raml_code rc = raml_model_make_trainable((struct raml_model *)(uintptr_t)m, err);
        if (rc) return rc;
    }
    struct raml_pass *p = calloc(1, sizeof *p);
    if (p) p->s.acts = calloc((size_t)m->config.n_layers, sizeof *p->s.acts);
    if (!p || !p->s.acts) {
        free(p);
        return raml_fail(err, RAML_ENOMEM, "no memory for a pass");
    }
    p->m = m;
    p->backward = backward;
    *out = p;
    return RAML_OK;
}

static void drop_buffers(struct raml_pass *p)
{
    free(p->block);
    free(p->pages);
    free(p->attn_scratch);
    p->block = p->pages = p->attn_scratch = NULL;
    p->cap_rows = p->cap_tiles = p->attn_scratch_bytes = p->block_bytes = 0;
}

void raml_pass_close(struct raml_pass *p)
{
    if (!p) return;
    drop_buffers(p);
    free(p->tile);
    free(p->pair);
    free(p->mask);
    free(p->page);
    free(p->slot);
    free(p->s.acts);
    free(p);
}

size_t raml_pass_bytes(const struct raml_pass *p)
{
    return p->block_bytes + p->other_bytes + p->attn_scratch_bytes;
}

/* Hands out pieces of a block; with base NULL it only counts. */
struct cutter {
    char *base;
    size_t used;
};
static void *cut(struct cutter *c, size_t n, size_t size)
{
    void *p = c->base ? c->base + c->used : NULL;
    c->used += (n * size + 63) / 64 * 64;
    return p;
}

static void cut_layer(struct raml_pass *p, struct cutter *c, struct acts *a, size_t rows, size_t chunk_rows)
{
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, F = (size_t)f->intermediate_size, s = act_size(p->m);
    size_t H = (size_t)f->n_heads, K = (size_t)f->n_kv_heads, D = (size_t)f->head_dim;
    size_t narrow = p->backward ? rows : chunk_rows;
    a->x1 = cut(c, rows * d, 4);
    a->x2 = p->backward ? cut(c, rows * d, 4) : a->x1;
    a->rstd1 = p->backward ? cut(c, rows, 4) : NULL;
    a->rstd2 = p->backward ? cut(c, rows, 4) : NULL;
    a->xn1 = cut(c, narrow * d, s);
    a->xn2 = p->backward ? cut(c, narrow * d, s) : a->xn1;
    a->qkv = cut(c, rows * (H + 2 * K) * D, s);
    a->raw = p->backward && f->qk_norm ? cut(c, rows * (H + K) * D, s) : NULL;
    a->o = cut(c, rows * H * D, s);
    a->gu = cut(c, narrow * 2 * F, s);
    a->h = cut(c, narrow * F, s);
    a->lse = p->backward ? cut(c, rows * H, 4) : NULL;
}

static void cut_backward(struct raml_pass *p, struct cutter *c, size_t rows, size_t chunk_rows)
{
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, F = (size_t)f->intermediate_size, s = act_size(p->m);
    size_t D = (size_t)f->head_dim, wide = (size_t)f->n_heads * D, width = wide + 2 * (size_t)f->n_kv_heads * D;
    size_t most = 2 * F > width ? 2 * F : width;
    p->dx = cut(c, rows * d, 4);
    p->dxn = cut(c, rows * d, 4);
    p->dxa = cut(c, rows * d, s);
    p->d_o = cut(c, rows * (wide > d ? wide : d), s);
    p->dqkv = cut(c, rows * width, s);
    p->dgu = cut(c, chunk_rows * 2 * F, s);
    p->dh = cut(c, chunk_rows * F, s);
    p->dxna = cut(c, chunk_rows * d, s);
    p->t = cut(c, chunk_rows * (most > d ? most : d), s);
    p->scratch = cut(c, (size_t)p->m->dev->threads * (d > width + 2 * D ? d : width + 2 * D), 4);
}

static void cut_head(struct raml_pass *p, struct cutter *c)
{
    size_t d = (size_t)p->m->config.hidden_size, V = (size_t)p->m->config.vocab_size, s = act_size(p->m);
    size_t tile = V < HEAD_TILE ? V : HEAD_TILE, n = p->head_rows;
    p->xs = cut(c, n * d, s);
    p->z = cut(c, n * (p->backward ? p->m->n_head_tiles * HEAD_TILE : tile), 4);
    float **row[] = {&p->row_max, &p->row_sum, &p->row_dot, &p->row_target, &p->row_lse, &p->row_entropy};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) *row[i] = cut(c, n, 4);
    if (!p->backward) return;
    p->dz = cut(c, n * tile, s);
    p->dzt = cut(c, n * tile, s);
    p->dxs = cut(c, n * d, 4);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what is cut from base is written */
static size_t cut_all(struct raml_pass *p, char *base, size_t rows)
{
    struct cutter c = {base, 0};
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, s = act_size(p->m), chunk_rows = CHUNK + SLACK;
    if (chunk_rows > rows) chunk_rows = rows;
    for (int i = 0; i < f->n_layers; i++) {
        struct acts *a = &p->s.acts[base ? i : 0]; /* counting needs no room for each layer */
        if (i == 0 || p->backward) cut_layer(p, &c, a, rows, chunk_rows);
        else if (base) *a = p->s.acts[0];
    }
    p->s.y = cut(&c, chunk_rows * d, s);
    p->s.xf = p->backward ? cut(&c, rows * d, 4) : p->s.acts[0].x1;
    p->s.rstdf = p->backward ? cut(&c, rows, 4) : NULL;
    p->s.xnf = cut(&c, rows * d, s);
    if (p->backward) cut_backward(p, &c, rows, chunk_rows);
    cut_head(p, &c);
    return c.used;
}

static void set_head_rows(struct raml_pass *p)
{
    p->head_rows = HEAD_ROWS;
    if (p->backward)
        while (p->head_rows > 64 && p->head_rows * p->m->n_head_tiles * HEAD_TILE > KEPT_LOGITS) p->head_rows -= 64;
}

/* Keys and values of a tile of rows. */
static size_t tile_bytes_of(const struct raml_model *m)
{
    return 2 * raml_page_elements((size_t)m->config.head_dim) * (size_t)m->config.n_kv_heads * act_size(m);
}

size_t raml_pass_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                          bool backward, size_t n_tokens, size_t chain)
{
    struct acts acts[1] = {{0}};
    struct raml_model m = {.config = *c, .dev = dev, .bf16 = dtype == RAML_BF16, .n_head_tiles = raml_head_tiles(c)};
    struct raml_pass p = {.m = &m, .backward = backward, .s.acts = acts};
    if (chain < 1) chain = 1;
    size_t D = (size_t)c->head_dim, wide = ((size_t)c->n_heads + 2 * (size_t)c->n_kv_heads) * D;
    size_t per_chain = (chain + RAML_PAGE - 1) / RAML_PAGE, tiles = (n_tokens + chain - 1) / chain * per_chain;
    set_head_rows(&p);
    size_t bytes = cut_all(&p, NULL, n_tokens + SLACK) + tiles * tile_bytes_of(&m) + n_tokens * 5;
    if (backward) bytes += dev->ops->attn_scratch((size_t)dev->threads, D, per_chain, n_tokens * wide);
    return bytes;
}

static enum raml_code reserve_rows(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    size_t tile_bytes = tile_bytes_of(p->m);
    if (p->block && pack->n_rows <= p->cap_rows && pack->n_tiles <= p->cap_tiles) return RAML_OK;
    size_t rows = pack->n_rows > p->cap_rows ? pack->n_rows : p->cap_rows;
    size_t tiles = pack->n_tiles > p->cap_tiles ? pack->n_tiles : p->cap_tiles;
    drop_buffers(p);
    p->s.chunk = CHUNK;
    p->s.keep = p->backward;
    set_head_rows(p);
    size_t bytes = cut_all(p, NULL, rows + SLACK);
    p->block = raml_device_alloc(bytes, 1);
    p->pages = raml_device_alloc(tiles, tile_bytes);
    free(p->page);
    free(p->slot);
    p->page = malloc(rows * sizeof *p->page + 1);
    p->slot = malloc(rows + 1);
    if (!p->block || !p->pages || !p->page || !p->slot)
        return raml_fail(err, RAML_ENOMEM, "no memory for a pass over %zu tokens (%.1f MB)", rows,
                         1e-6 * (double)(bytes + tiles * tile_bytes));
    cut_all(p, p->block, rows + SLACK);
    p->s.k = p->pages;
    p->s.v = (char *)p->pages + tiles * tile_bytes / 2;
    p->cap_rows = rows;
    p->cap_tiles = tiles;
    p->block_bytes = bytes;
    p->other_bytes = tiles * tile_bytes + rows * 5;
    return RAML_OK;
}

static enum raml_code reserve_lists(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    free(p->tile);
    free(p->pair);
    free(p->mask);
    p->tile = malloc((pack->n_tiles + 1) * sizeof *p->tile);
    p->pair = malloc((pack->n_pairs + 1) * sizeof *p->pair);
    p->mask = malloc((pack->n_masks + 1) * sizeof *p->mask);
    if (!p->tile || !p->pair || !p->mask) return raml_fail(err, RAML_ENOMEM, "no memory for the lists of tiles");
    if (!p->backward) return RAML_OK;
    size_t most = 0, D = (size_t)p->m->config.head_dim;
    for (size_t i = 0; i < pack->n_trees; i++) {
        size_t tiles = pack->tree_tile[i + 1] - pack->tree_tile[i];
        if (tiles > most) most = tiles;
    }
    size_t width = (size_t)(p->m->config.n_heads + 2 * p->m->config.n_kv_heads) * D;
    size_t bytes = p->m->dev->ops->attn_scratch((size_t)p->m->dev->threads, D, most, pack->n_rows * width);
    if (bytes <= p->attn_scratch_bytes) return RAML_OK;
    free(p->attn_scratch);
    p->attn_scratch_bytes = 0;
    p->attn_scratch = raml_device_alloc(bytes, 1);
    if (!p->attn_scratch) return raml_fail(err, RAML_ENOMEM, "no memory for attention's backward (%zu bytes)", bytes);
    p->attn_scratch_bytes = bytes;
    return RAML_OK;
}

/* The pack's pairs with the range of rows that see anything; masks only of those rows. */
static void list_pairs(struct raml_pass *p, const struct raml_pack *pack)
{
    size_t n_masks = 0;
    for (size_t i = 0; i < pack->n_tiles; i++) {
        const struct raml_tile *t = &pack->tile[i];
        p->tile[i] = (struct raml_attn_tile){t->row, t->n, t->pair, t->n_pairs};
        for (size_t j = t->pair; j < t->pair + t->n_pairs; j++) {
            const struct raml_tile_pair *from = &pack->pair[j];
            struct raml_attn_pair to = {from->k_tile, 0, (uint16_t)t->n, -1};
            if (from->mask >= 0) {
                const uint64_t *mask = pack->mask + from->mask;
                size_t low = 0, high = t->n;
                while (low < high && !mask[low]) low++;
                while (high > low && !mask[high - 1]) high--;
                to = (struct raml_attn_pair){from->k_tile, (uint16_t)low, (uint16_t)(high - low), (int64_t)n_masks};
                memcpy(p->mask + n_masks, mask + low, (high - low) * sizeof *mask);
                n_masks += high - low;
            }
            p->pair[j] = to;
        }
        for (uint32_t r = 0; r < t->n; r++) {
            p->page[t->row + r] = (uint32_t)i;
            p->slot[t->row + r] = (uint8_t)r;
        }
    }
}

static enum raml_code check_pack(const struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    const struct raml_config *f = &p->m->config;
    for (size_t i = 0; i < pack->n_rows; i++) {
        if (pack->token[i] < 0 || pack->token[i] >= f->vocab_size)
            return raml_fail(err, RAML_ERANGE, "token %d at row %zu is outside the model's vocabulary of %d",
                             pack->token[i], i, f->vocab_size);
        if (pack->position[i] >= f->max_positions)
            return raml_fail(err, RAML_ERANGE, "a text of more than %d tokens is longer than the model's context (%d)",
                             pack->position[i], f->max_positions);
    }
    for (size_t i = 0; i < pack->n_scored; i++)
        if (pack->scored[i].token < 0 || pack->scored[i].token >= f->vocab_size)
            return raml_fail(err, RAML_ERANGE, "scored token %d is outside the model's vocabulary of %d",
                             pack->scored[i].token, f->vocab_size);
    return RAML_OK;
}

static enum raml_code layers(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    p->pack = NULL;
    enum raml_code rc = check_pack(p, pack, err);
    if (!rc) rc = reserve_rows(p, pack, err);
    if (!rc) rc = reserve_lists(p, pack, err);
    if (rc) return rc;
    list_pairs(p, pack);
    struct batch b = {.n = pack->n_rows,
                      .token = pack->token,
                      .position = pack->position,
                      .page = p->page,
                      .slot = p->slot,
                      .tile = p->tile,
                      .n_tiles = pack->n_tiles,
                      .pair = p->pair,
                      .mask = p->mask};
    rc = raml_layers_forward(p->m, &p->s, &b, err);
    if (!rc) p->pack = pack;
    return rc;
}

enum raml_code raml_pass_forward(struct raml_pass *p, const struct raml_pack *pack, const struct raml_score *out,
                                 struct raml_err *err)
{
    enum raml_code rc = layers(p, pack, err);
    return rc ? rc : raml_head_run(p, out, NULL, NULL, NULL, err);
}

static enum raml_code backward(struct raml_pass *p, const struct raml_score *out, const float *d_logp,
                               const float *d_entropy, float *grad, struct raml_err *err)
{
    memset(p->dxn, 0, p->pack->n_rows * (size_t)p->m->config.hidden_size * sizeof *p->dxn);
    enum raml_code rc = raml_head_run(p, out, d_logp, d_entropy, grad, err);
    return rc ? rc : raml_layers_backward(p, grad, err);
}

enum raml_code raml_pass_backward(struct raml_pass *p, const float *d_logp, const float *d_entropy, float *grad,
                                  struct raml_err *err)
{
    if (!p->backward || !p->pack)
        return raml_fail(err, RAML_EUSAGE, "backward: the pass was not opened for it, or has seen no forward");
    return backward(p, NULL, d_logp, d_entropy, grad, err);
}

enum raml_code raml_pass_train(struct raml_pass *p, const struct raml_pack *pack, const float *d_logp,
                               const struct raml_score *out, float *grad, struct raml_err *err)
{
    if (!p->backward) return raml_fail(err, RAML_EUSAGE, "train: the pass was not opened for backward");
    enum raml_code rc = layers(p, pack, err);
    return rc ? rc : backward(p, out, d_logp, NULL, grad, err);
}

enum raml_code raml_pass_logits(struct raml_pass *p, size_t row, size_t n, float *logits, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    if (!p->pack || row > p->pack->n_rows || n > p->pack->n_rows - row)
        return raml_fail(err, RAML_ERANGE, "logits: rows %zu to %zu of a pass that has fewer", row, row + n);
    size_t d = (size_t)m->config.hidden_size, V = (size_t)m->config.vocab_size;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i += p->head_rows) {
        size_t k = n - i < p->head_rows ? n - i : p->head_rows;
        memcpy(p->xs, act_row(m, p->s.xnf, (row + i) * d), k * d * act_size(m));
        rc = raml_head_logits(m, p->xs, k, p->z, logits + i * V, err);
    }
    return rc;
}
