/* pass.c - a pass over a pack of token trees: its buffers, and the order of work. See model.h. */
#include "model/adapter.h"
#include "model/hooks.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_LOGITS = 16 << 20 }; /* floats of logits kept for backward at once: 64 MiB */

enum raml_code raml_pass_open(const struct raml_model *m, bool backward, struct raml_pass **out, struct raml_err *err)
{
    if (backward && m->use == RAML_INFERENCE)
        return raml_fail(err, RAML_EUSAGE,
                         "the model was opened for inference (RAML_INFERENCE): gradients need it opened "
                         "for training");
    struct raml_pass *p = calloc(1, sizeof *p);
    if (p) p->s.acts = calloc((size_t)m->config.n_layers, sizeof *p->s.acts);
    if (!p || !p->s.acts) {
        free(p);
        return raml_fail(err, RAML_ENOMEM, "no memory for a pass");
    }
    p->m = m;
    p->backward = backward;
    p->s.remake = backward && m->use == RAML_ADAPTING;
    *out = p;
    return RAML_OK;
}

static void drop_top(struct raml_pass *p)
{
    raml_array_free(p->m->dev, p->top.logit);
    raml_array_free(p->m->dev, p->top.token);
    free(p->top_lse);
    p->top = (struct raml_top_logits){0};
    p->top_lse = NULL;
    p->cap_top = 0;
}

static void drop_buffers(struct raml_pass *p)
{
    raml_array_free(p->m->dev, p->block);
    raml_array_free(p->m->dev, p->pages);
    drop_top(p);
    p->block = p->pages = NULL;
    p->cap_rows = p->cap_tiles = p->block_bytes = p->other_bytes = 0;
}

void raml_pass_close(struct raml_pass *p)
{
    if (!p) return;
    drop_buffers(p);
    struct list *list[] = {&p->token, &p->position, &p->page,      &p->slot,   &p->tile,
                           &p->pair,  &p->mask,     &p->tree_tile, &p->target, &p->s.staging};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) raml_list_drop(p->m, list[i]);
    raml_windows_drop(p->m, &p->windows);
    free(p->tile_row);
    free(p->s.acts);
    free(p);
}

size_t raml_pass_bytes(const struct raml_pass *p)
{
    return p->block_bytes + p->other_bytes + p->scratch_bytes;
}

/* What backward makes again: the norms' outputs and the MLP's inner activations, of which only adapters' gradients are
 * made. All layers share them. */
static void carve_remade(struct raml_pass *p, struct carver *c, size_t chunk_rows)
{
    size_t d = (size_t)p->m->config.hidden_size, F = (size_t)p->m->config.intermediate_size, s = act_size(p->m);
    void *xn = carve(c, chunk_rows * d, s), *h = carve(c, chunk_rows * F, s);
    for (int i = 0; c->base && i < p->m->config.n_layers; i++) {
        p->s.acts[i].xn1 = p->s.acts[i].xn2 = xn;
        p->s.acts[i].h = h;
    }
}

static void carve_layer(struct raml_pass *p, struct carver *c, struct acts *a, size_t rows, size_t chunk_rows)
{
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, F = (size_t)f->intermediate_size, s = act_size(p->m);
    size_t H = (size_t)f->n_heads, K = (size_t)f->n_kv_heads, D = (size_t)f->head_dim;
    size_t narrow = p->backward ? rows : chunk_rows;
    a->x1 = carve(c, rows * d, 4);
    a->x2 = p->backward ? carve(c, rows * d, 4) : a->x1;
    a->rstd1 = p->backward ? carve(c, rows, 4) : NULL;
    a->rstd2 = p->backward ? carve(c, rows, 4) : NULL;
    if (!p->s.remake) {
        a->xn1 = carve(c, narrow * d, s);
        a->xn2 = p->backward ? carve(c, narrow * d, s) : a->xn1;
        a->h = carve(c, narrow * F, s);
    }
    if (f->norms != RAML_NORMS_BEFORE) {
        a->u1 = carve(c, narrow * d, 4);
        a->u2 = p->backward ? carve(c, narrow * d, 4) : a->u1;
        a->rstd_u1 = p->backward ? carve(c, rows, 4) : NULL;
        a->rstd_u2 = p->backward ? carve(c, rows, 4) : NULL;
    }
    a->qkv = carve(c, rows * (H + 2 * K) * D, s);
    a->raw = p->backward && f->qk_norm ? carve(c, rows * (H + K) * D, s) : NULL;
    a->o = carve(c, rows * H * D, s);
    a->gu = carve(c, narrow * 2 * F, s);
    a->lse = p->backward ? carve(c, rows * H, 4) : NULL;
}

static void carve_backward(struct raml_pass *p, struct carver *c, size_t rows, size_t chunk_rows)
{
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, F = (size_t)f->intermediate_size, s = act_size(p->m);
    size_t D = (size_t)f->head_dim, wide = (size_t)f->n_heads * D, width = wide + 2 * (size_t)f->n_kv_heads * D;
    p->dx = carve(c, rows * d, 4);
    p->dxn = carve(c, rows * d, 4);
    p->dxa = carve(c, rows * d, s);
    p->d_o = carve(c, rows * (wide > d ? wide : d), s);
    p->dqkv = carve(c, rows * width, s);
    p->dgu = carve(c, chunk_rows * 2 * F, s);
    p->dh = carve(c, chunk_rows * F, s);
    p->dxna = carve(c, chunk_rows * d, s);
    if (f->residual_scale > 0 || f->norms != RAML_NORMS_BEFORE) p->dy = carve(c, chunk_rows * d, s);
    if (f->norms != RAML_NORMS_BEFORE) p->du = carve(c, chunk_rows * d, 4);
}

static void carve_head(struct raml_pass *p, struct carver *c)
{
    const struct raml_sizes *z = &p->m->sizes;
    size_t d = (size_t)p->m->config.hidden_size, V = (size_t)p->m->config.vocab_size, s = act_size(p->m);
    size_t tile = V < z->head_tile ? V : z->head_tile, n = p->head_rows + z->slack_rows;
    p->xs = carve(c, n * d, s);
    p->z = carve(c, (p->backward ? p->head_rows * (p->m->n_head_tiles - 1) * z->head_tile : 0) + n * tile, 4);
    float **row[] = {&p->loss.max,     &p->loss.sum,  &p->loss.dot, &p->loss.target, &p->ends.lse,
                     &p->ends.entropy, &p->ends.logp, &p->d_logp,   &p->d_entropy};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) *row[i] = carve(c, n, 4);
    p->loss.argmax = carve(c, n, 4);
    if (!p->backward) return;
    p->dz = carve(c, n * tile, s);
    p->dxs = carve(c, n * d, 4);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): what is carved from base is written */
static size_t carve_all(struct raml_pass *p, char *base, size_t rows)
{
    struct carver c = {base, 0};
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, s = act_size(p->m), chunk_rows = p->m->sizes.chunk_rows + p->m->sizes.slack_rows;
    if (chunk_rows > rows) chunk_rows = rows;
    for (int i = 0; i < f->n_layers; i++) {
        struct acts *a = &p->s.acts[base ? i : 0]; /* counting needs no memory for each layer */
        if (i == 0 || p->backward) carve_layer(p, &c, a, rows, chunk_rows);
        else if (base) *a = p->s.acts[0];
    }
    if (p->s.remake) carve_remade(p, &c, chunk_rows);
    p->s.y = carve(&c, chunk_rows * d, s);
    p->s.xf = p->backward ? carve(&c, rows * d, 4) : p->s.acts[0].x1;
    p->s.rstdf = p->backward ? carve(&c, rows, 4) : NULL;
    p->s.xnf = carve(&c, rows * d, s);
    if (p->backward) carve_backward(p, &c, rows, chunk_rows);
    carve_head(p, &c);
    return c.used;
}

static void set_head_rows(struct raml_pass *p)
{
    size_t all = p->m->n_head_tiles * p->m->sizes.head_tile;
    p->head_rows = p->m->sizes.head_rows;
    if (p->backward)
        while (p->head_rows > 64 && p->head_rows * all > KEPT_LOGITS) p->head_rows -= 64;
}

/* Of work on this many rows, in trees of this many tiles. */
static size_t scratch_bytes(const struct raml_pass *p, size_t rows, size_t tree_tiles)
{
    const struct raml_config *f = &p->m->config;
    size_t d = (size_t)f->hidden_size, F = (size_t)f->intermediate_size, D = (size_t)f->head_dim;
    size_t V = (size_t)f->vocab_size, tile = V < p->m->sizes.head_tile ? V : p->m->sizes.head_tile;
    struct raml_work w = {.type = p->m->type,
                          .backward = p->backward,
                          .rows = rows,
                          .tree_tiles = tree_tiles,
                          .H = (size_t)f->n_heads,
                          .K = (size_t)f->n_kv_heads,
                          .D = D};
    const size_t wide[] = {d, 2 * F, (w.H + 2 * w.K) * D, tile};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (wide[i] > w.widest) w.widest = wide[i];
    return p->m->b->scratch_bytes(p->m->dev, &w);
}

size_t raml_pass_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                          bool backward, size_t n_tokens, size_t chain)
{
    struct acts acts[1] = {{0}};
    struct raml_model m = {0};
    struct raml_pass p = {.m = &m, .backward = backward, .s.acts = acts};
    raml_model_shape(&m, c, dtype, dev);
    if (chain < 1) chain = 1;
    size_t per_chain = (chain + RAML_KEYS - 1) / RAML_KEYS, tiles = (n_tokens + chain - 1) / chain * per_chain;
    set_head_rows(&p);
    return carve_all(&p, NULL, n_tokens + m.sizes.slack_rows) + tiles * 2 * page_bytes(&m) +
           scratch_bytes(&p, n_tokens, per_chain);
}

static enum raml_code reserve_rows(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    size_t tile_bytes = 2 * page_bytes(m), most = 0;
    for (size_t i = 0; i < pack->n_trees; i++) {
        size_t tiles_of = pack->tree_tile[i + 1] - pack->tree_tile[i];
        if (tiles_of > most) most = tiles_of;
    }
    p->tree_tiles = most;
    size_t scratch = scratch_bytes(p, pack->n_rows, most);
    if (scratch > p->scratch_bytes) p->scratch_bytes = scratch;
    if (p->block && pack->n_rows <= p->cap_rows && pack->n_tiles <= p->cap_tiles) return RAML_OK;
    size_t rows = pack->n_rows > p->cap_rows ? pack->n_rows : p->cap_rows;
    size_t tiles = pack->n_tiles > p->cap_tiles ? pack->n_tiles : p->cap_tiles;
    drop_buffers(p);
    p->s.keep = p->backward;
    set_head_rows(p);
    size_t bytes = carve_all(p, NULL, rows + m->sizes.slack_rows);
    p->block = m->b->alloc(m->dev, bytes, 1);
    p->pages = m->b->alloc(m->dev, tiles, tile_bytes);
    if (!p->block || !p->pages) {
        drop_buffers(p);
        return raml_fail(err, RAML_ENOMEM, "no memory for a pass over %zu tokens (%.1f MB)", rows,
                         1e-6 * (double)(bytes + tiles * tile_bytes));
    }
    carve_all(p, p->block, rows + m->sizes.slack_rows);
    p->s.k = p->pages;
    p->s.v = (char *)p->pages + tiles * tile_bytes / 2;
    p->cap_rows = rows;
    p->cap_tiles = tiles;
    p->block_bytes = bytes;
    p->other_bytes = tiles * tile_bytes;
    return RAML_OK;
}

/* For the k likeliest tokens of each of the rows that the head works on at once. */
static enum raml_code reserve_top(struct raml_pass *p, size_t k, struct raml_err *err)
{
    const struct raml_model *m = p->m;
    if (k > p->cap_top) {
        drop_top(p);
        p->top.logit = raml_array_new(m->dev, p->head_rows * k, sizeof *p->top.logit);
        p->top.token = raml_array_new(m->dev, p->head_rows * k, sizeof *p->top.token);
        p->top_lse = calloc(p->head_rows, sizeof *p->top_lse);
        if (!p->top.logit || !p->top.token || !p->top_lse) {
            drop_top(p);
            return raml_fail(err, RAML_ENOMEM, "no memory for the %zu likeliest tokens of %zu rows", k, p->head_rows);
        }
        p->cap_top = k;
    }
    p->top.k = k;
    return RAML_OK;
}

static enum raml_code reserve_lists(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    enum raml_code rc = raml_list_grow(&p->tile, pack->n_tiles * sizeof(struct raml_query_tile), err);
    if (!rc) rc = raml_list_grow(&p->pair, pack->n_pairs * sizeof(struct raml_key_page), err);
    if (!rc) rc = raml_list_grow(&p->page, pack->n_rows * sizeof(uint32_t), err);
    return rc ? rc : raml_list_grow(&p->slot, pack->n_rows, err);
}

/* Pages are tiles: a row's key goes where the row is. */
static void list_tiles(struct raml_pass *p, const struct raml_pack *pack)
{
    struct raml_query_tile *tile = p->tile.host;
    uint32_t *page = p->page.host;
    uint8_t *slot = p->slot.host;
    for (size_t i = 0; i < pack->n_tiles; i++) {
        const struct raml_tile *t = &pack->tile[i];
        tile[i] = (struct raml_query_tile){t->row, t->n, t->pair, t->n_pairs};
        for (uint32_t r = 0; r < t->n; r++) {
            page[t->row + r] = (uint32_t)i;
            slot[t->row + r] = (uint8_t)r;
        }
    }
    raml_list_pairs(&p->pair, pack->pair, pack->n_pairs);
}

static enum raml_code list_windows(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    struct window_batch b = {
        .tile = p->tile.host, .n_tiles = pack->n_tiles, .pair = pack->pair, .mask = pack->mask, .row = pack->position};
    for (size_t i = 0; i < pack->n_rows; i++)
        if ((size_t)pack->position[i] > b.last) b.last = (size_t)pack->position[i];
    enum raml_code rc = RAML_GROW(p->tile_row, p->cap_tile_rows, pack->n_tiles, "tiles", err);
    if (rc) return rc;
    for (size_t i = 0; i < pack->n_tiles; i++) p->tile_row[i] = pack->tile[i].row;
    b.key = (struct raml_key_positions){pack->position, p->tile_row};
    return raml_windows_make(p->m, &p->windows, &b, err);
}

/* All lists, to the device. */
static enum raml_code send_lists(struct raml_pass *p, const struct raml_pack *pack, struct raml_err *err)
{
    const struct {
        struct list *list;
        const void *from;
        size_t bytes;
    } each[] = {{&p->token, pack->token, pack->n_rows * sizeof *pack->token},
                {&p->position, pack->position, pack->n_rows * sizeof *pack->position},
                {&p->page, p->page.host, pack->n_rows * sizeof(uint32_t)},
                {&p->slot, p->slot.host, pack->n_rows},
                {&p->tile, p->tile.host, pack->n_tiles * sizeof(struct raml_query_tile)},
                {&p->pair, p->pair.host, pack->n_pairs * sizeof(struct raml_key_page)},
                {&p->mask, pack->mask, pack->n_masks * sizeof *pack->mask},
                {&p->tree_tile, pack->tree_tile, pack->n_trees ? (pack->n_trees + 1) * sizeof *pack->tree_tile : 0},
                {&p->target, pack->target, pack->n_targets * sizeof *pack->target}};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof each / sizeof *each && !rc; i++)
        rc = raml_list_send(p->m, each[i].list, each[i].from, each[i].bytes, err);
    return rc;
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
    for (size_t i = 0; i < pack->n_targets; i++)
        if (pack->target[i].token < 0 || pack->target[i].token >= f->vocab_size)
            return raml_fail(err, RAML_ERANGE, "target %d is outside the model's vocabulary of %d",
                             pack->target[i].token, f->vocab_size);
    return RAML_OK;
}

static enum raml_code layers(struct raml_pass *p, const struct raml_pack *pack, const struct raml_hooks *of,
                             struct raml_err *err)
{
    struct hooks hooks = {0};
    p->pack = NULL;
    p->top.k = 0;
    p->changed = of && (of->n_patches || of->n_takes);
    enum raml_code rc = check_pack(p, pack, err);
    if (!rc) rc = reserve_rows(p, pack, err);
    if (!rc) rc = reserve_lists(p, pack, err);
    if (!rc) list_tiles(p, pack);
    if (!rc) rc = list_windows(p, pack, err);
    if (!rc) rc = send_lists(p, pack, err);
    if (!rc && of) rc = raml_hooks_open(&hooks, p, pack, of, err);
    struct batch b = {.n = pack->n_rows,
                      .read_token = pack->token,
                      .token = p->token.device,
                      .position = p->position.device,
                      .page = p->page.device,
                      .slot = p->slot.device,
                      .n_tiles = pack->n_tiles,
                      .all = {p->tile.device, p->pair.device, p->mask.device}};
    b.near = raml_windows_seen(&p->windows, &b.all);
    p->s.hooks = of ? &hooks : NULL;
    p->s.sink = p->backward ? NULL : p->m->sink;
    p->pack = pack; /* lenses read it */
    if (!rc) rc = raml_layers_forward(p->m, &p->s, &b, err);
    p->s.hooks = NULL;
    raml_hooks_drop(&hooks);
    if (rc) p->pack = NULL;
    return rc;
}

/* Waits for the device. After a failure there is no forward for backward to follow. */
static enum raml_code finish(struct raml_pass *p, enum raml_code rc, struct raml_err *err)
{
    rc = raml_backend_settle(p->m->dev, rc, err);
    if (rc) p->pack = NULL;
    return rc;
}

enum raml_code raml_pass_forward_hooked(struct raml_pass *p, const struct raml_pack *pack,
                                        const struct raml_hooks *hooks, const struct raml_logprobs *out,
                                        struct raml_err *err)
{
    enum raml_code rc = layers(p, pack, hooks, err);
    if (!rc) rc = reserve_top(p, out ? out->n_top : 0, err);
    if (!rc) raml_head_run(p, out, NULL, NULL, NULL);
    return finish(p, rc, err);
}

enum raml_code raml_pass_forward(struct raml_pass *p, const struct raml_pack *pack, const struct raml_logprobs *out,
                                 struct raml_err *err)
{
    return raml_pass_forward_hooked(p, pack, NULL, out, err);
}

static void backward(struct raml_pass *p, const struct raml_logprobs *out, const float *d_logp, const float *d_entropy,
                     float *grad)
{
    p->m->b->zero(p->m->dev, p->dxn, p->pack->n_rows * (size_t)p->m->config.hidden_size * sizeof *p->dxn);
    raml_head_run(p, out, d_logp, d_entropy, grad);
    raml_layers_backward(p, grad);
}

enum raml_code raml_pass_backward(struct raml_pass *p, const float *d_logp, const float *d_entropy, float *grad,
                                  struct raml_err *err)
{
    if (!p->backward || !p->pack)
        return raml_fail(err, RAML_EUSAGE, "backward: the pass was not opened for it, or has run no forward");
    if (p->changed) return raml_fail(err, RAML_EUSAGE, "backward: the last forward had patches or taken rows");
    enum raml_code rc = raml_model_has_block(p->m, err);
    if (rc) return rc;
    backward(p, NULL, d_logp, d_entropy, grad);
    return finish(p, RAML_OK, err);
}

enum raml_code raml_pass_train(struct raml_pass *p, const struct raml_pack *pack, const float *d_logp,
                               const struct raml_logprobs *out, float *grad, struct raml_err *err)
{
    if (!p->backward) return raml_fail(err, RAML_EUSAGE, "train: the pass was not opened for backward");
    enum raml_code rc = raml_model_has_block(p->m, err);
    if (rc) return rc;
    rc = layers(p, pack, NULL, err);
    if (!rc) backward(p, out, d_logp, NULL, grad);
    return finish(p, rc, err);
}

enum raml_code raml_pass_logits(struct raml_pass *p, size_t row, size_t n, float *logits, struct raml_err *err)
{
    enum { ROWS = 64 }; /* whose logits are on the device at once */
    const struct raml_model *m = p->m;
    if (!p->pack || row > p->pack->n_rows || n > p->pack->n_rows - row)
        return raml_fail(err, RAML_ERANGE, "logits: rows %zu to %zu of a pass that has fewer", row, row + n);
    size_t d = (size_t)m->config.hidden_size, V = (size_t)m->config.vocab_size, most = n < ROWS ? n : ROWS;
    float *z = m->b->alloc(m->dev, most * V, sizeof *z);
    if (!z) return raml_fail(err, RAML_ENOMEM, "no memory for the logits of %zu rows", most);
    for (size_t i = 0; i < n; i += ROWS) {
        size_t k = n - i < ROWS ? n - i : ROWS;
        m->b->copy(m->dev, p->xs, act_row(m, p->s.xnf, (row + i) * d), k * d * act_size(m));
        raml_head_logits(m, p->xs, k, p->z, z);
        m->b->download(m->dev, logits + i * V, z, k * V * sizeof *z);
    }
    m->b->free(m->dev, z);
    return m->b->sync(m->dev, err);
}
