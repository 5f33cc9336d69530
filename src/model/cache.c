/* cache.c - the token tree with keys and values. See cache.h.
 *
 * The pool has one numbering of pages for all layers: page p of layer i is at k + i layer_bytes + p page bytes. Nodes hold
 * lists of page numbers; a node's children are a list through their siblings.
 *
 * An append is one batch of rows (impl.h), in the order of the call. Its query tiles are runs of at most RAML_KEYS rows
 * below one root. Rows of nodes that hang from the same place are shown their ancestors' pages together, then each node's
 * rows their own (visibility.h).
 */
#include "model/cache.h"

#include "core/array.h"
#include "model/impl.h"
#include "tree/visibility.h"

#include <stdlib.h>
#include <string.h>

enum { LOGIT_ROWS = 256, NONE = -1 };

struct node {
    uint32_t *page;
    size_t n_pages, cap_pages;
    size_t length, pending;        /* own tokens; those that the call in progress appends */
    size_t start;                  /* the position of its first token */
    size_t after, level;           /* tokens of the parent before it; nodes above it */
    int parent, root;              /* root: itself, where it is one */
    int first_child, before, next; /* siblings; of a free node, next is the next free one */
    bool live;
};
struct raml_cache {
    const struct raml_model *m;
    struct node *node;
    size_t n_nodes, cap_nodes;
    int free_node;
    uint32_t *free_page;
    size_t n_free, n_pages;
    int *path; /* scratch: a node's ancestors, from its parent up; capacity for those of any */
    size_t cap_path;
    char *pool; /* dev */
    size_t pool_bytes, layer_bytes;
    struct stream s;
    struct acts acts;
    void *block, *xs;   /* dev */
    float *tile_logits; /* dev */
    size_t cap_rows, block_bytes;
    /* of one call */
    struct list token, position, page, slot, tile, pair, mask, read; /* read: rows whose logits are wanted */
    size_t n_rows, n_tiles, n_read;
    struct windows windows;
    uint32_t *page_start;           /* [n_pages] positions of the first keys, where a window asks for them */
    struct raml_visibility visible; /* of a tile */
    struct raml_pair_list pairs;
};

/* Buffers for batches of up to `rows` rows; with base NULL it only counts. */
static size_t carve_all(struct raml_cache *c, char *base, size_t rows)
{
    const struct raml_config *f = &c->m->config;
    const struct raml_sizes *z = &c->m->sizes;
    struct carver k = {base, 0};
    size_t e = (size_t)f->hidden_size, F = (size_t)f->intermediate_size, s = act_size(c->m), n = rows + z->slack_rows;
    size_t D = (size_t)f->head_dim, wide = (size_t)f->n_heads * D, width = wide + 2 * (size_t)f->n_kv_heads * D;
    size_t chunk = rows < z->chunk_rows ? n : z->chunk_rows + z->slack_rows, logits = LOGIT_ROWS + z->slack_rows;
    struct acts *a = &c->acts;
    a->x1 = a->x2 = carve(&k, n * e, 4);
    a->xn1 = a->xn2 = carve(&k, chunk * e, s);
    a->qkv = carve(&k, n * width, s);
    a->o = carve(&k, n * wide, s);
    a->gu = carve(&k, chunk * 2 * F, s);
    if (f->norms != RAML_NORMS_BEFORE) a->u1 = a->u2 = carve(&k, chunk * e, 4);
    a->h = carve(&k, chunk * F, s);
    c->s.y = carve(&k, chunk * e, s);
    c->s.xf = a->x1;
    c->s.xnf = carve(&k, n * e, s);
    c->xs = carve(&k, logits * e, s);
    c->tile_logits = carve(&k, logits * z->head_tile, 4);
    return k.used;
}

static enum raml_code reserve_rows(struct raml_cache *c, size_t rows, struct raml_err *err)
{
    enum raml_code rc = raml_list_grow(&c->token, rows * sizeof(int32_t), err);
    if (!rc) rc = raml_list_grow(&c->position, rows * sizeof(int32_t), err);
    if (!rc) rc = raml_list_grow(&c->page, rows * sizeof(uint32_t), err);
    if (!rc) rc = raml_list_grow(&c->slot, rows, err);
    if (!rc) rc = raml_list_grow(&c->tile, rows * sizeof(struct raml_query_tile), err);
    if (!rc) rc = raml_list_grow(&c->read, rows * sizeof(uint32_t), err);
    if (rc || rows <= c->cap_rows) return rc;
    size_t bytes = carve_all(c, NULL, rows);
    char *block = c->m->b->alloc(c->m->dev, bytes, 1);
    if (!block) {
        if (c->block) carve_all(c, c->block, c->cap_rows);
        return raml_fail(err, RAML_ENOMEM, "cache: no memory for %zu rows", rows);
    }
    raml_array_free(c->m->dev, c->block);
    c->block = block;
    c->block_bytes = bytes;
    c->cap_rows = rows;
    carve_all(c, block, rows);
    for (int i = 0; i < c->m->config.n_layers; i++) c->s.acts[i] = c->acts;
    return RAML_OK;
}

size_t raml_cache_estimate(const struct raml_config *f, enum raml_dtype dtype, const struct raml_device *dev,
                           const struct raml_cache_options *opt)
{
    struct raml_model m = {0};
    struct raml_cache c = {.m = &m};
    raml_model_shape(&m, f, dtype, dev);
    size_t pages = (opt->max_tokens + RAML_KEYS - 1) / RAML_KEYS;
    return 2 * pages * page_bytes(&m) * (size_t)f->n_layers + carve_all(&c, NULL, opt->max_rows);
}

enum raml_code raml_cache_open(const struct raml_model *m, const struct raml_cache_options *opt,
                               struct raml_cache **out, struct raml_err *err)
{
    if (opt->max_rows < 1 || opt->max_tokens < 1 || opt->max_tokens > (size_t)UINT32_MAX * 32)
        return raml_fail(err, RAML_EUSAGE, "cache: expected at least one row and one token");
    struct raml_cache *c = calloc(1, sizeof *c);
    if (!c) return raml_fail(err, RAML_ENOMEM, "no memory for a cache");
    c->m = m;
    c->free_node = NONE;
    c->n_pages = (opt->max_tokens + RAML_KEYS - 1) / RAML_KEYS;
    c->layer_bytes = c->n_pages * page_bytes(m);
    c->pool_bytes = 2 * c->layer_bytes * (size_t)m->config.n_layers;
    c->pool = m->b->alloc(m->dev, c->pool_bytes, 1);
    c->free_page = malloc(c->n_pages * sizeof *c->free_page);
    c->page_start = calloc(c->n_pages, sizeof *c->page_start);
    c->s.acts = calloc((size_t)m->config.n_layers, sizeof *c->s.acts);
    enum raml_code rc =
        c->pool && c->free_page && c->page_start && c->s.acts
            ? reserve_rows(c, opt->max_rows, err)
            : raml_fail(err, RAML_ENOMEM, "cache: no memory for the keys and values of %zu tokens (%.1f MB)",
                        opt->max_tokens, 1e-6 * (double)c->pool_bytes);
    if (rc) {
        raml_cache_close(c);
        return rc;
    }
    for (size_t i = 0; i < c->n_pages; i++) c->free_page[i] = (uint32_t)(c->n_pages - 1 - i);
    c->n_free = c->n_pages;
    c->s.k = c->pool;
    c->s.v = c->pool + c->layer_bytes * (size_t)m->config.n_layers;
    c->s.layer_bytes = c->layer_bytes;
    *out = c;
    return RAML_OK;
}

void raml_cache_close(struct raml_cache *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->n_nodes; i++) free(c->node[i].page);
    free(c->node);
    free(c->free_page);
    free(c->page_start);
    raml_windows_drop(c->m, &c->windows);
    free(c->path);
    free(c->s.acts);
    raml_array_free(c->m->dev, c->pool);
    raml_array_free(c->m->dev, c->block);
    struct list *list[] = {&c->token, &c->position, &c->page, &c->slot,     &c->tile,
                           &c->pair,  &c->mask,     &c->read, &c->s.staging};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) raml_list_drop(c->m, list[i]);
    raml_visibility_deinit(&c->visible);
    free(c->pairs.pair);
    free(c->pairs.mask);
    free(c);
}

size_t raml_cache_bytes(const struct raml_cache *c)
{
    return c->pool_bytes + c->block_bytes;
}

size_t raml_cache_free_tokens(const struct raml_cache *c)
{
    return c->n_free * RAML_KEYS;
}

/* -- Nodes --------------------------------------------------------------------------------------------------------- */
static bool is_node(const struct raml_cache *c, int node)
{
    return node >= 0 && (size_t)node < c->n_nodes && c->node[node].live;
}

size_t raml_cache_length(const struct raml_cache *c, int node)
{
    return c->node[node].length;
}

size_t raml_cache_depth(const struct raml_cache *c, int node)
{
    return c->node[node].start + c->node[node].length;
}

static enum raml_code check_place(const struct raml_cache *c, int parent, size_t after, struct raml_err *err)
{
    if (parent == NONE && after)
        return raml_fail(err, RAML_EUSAGE, "cache: a root after %zu tokens of no parent", after);
    if (parent != NONE && !is_node(c, parent)) return raml_fail(err, RAML_EUSAGE, "cache: there is no node %d", parent);
    if (parent != NONE && after > c->node[parent].length)
        return raml_fail(err, RAML_EUSAGE, "cache: a node after %zu tokens of node %d, which has %zu", after, parent,
                         c->node[parent].length);
    return RAML_OK;
}

enum raml_code raml_cache_add(struct raml_cache *c, int parent, size_t after, int *node, struct raml_err *err)
{
    enum raml_code rc = check_place(c, parent, after, err);
    size_t level = rc || parent == NONE ? 0 : c->node[parent].level + 1;
    if (!rc) rc = RAML_GROW(c->path, c->cap_path, level, "ancestors of a node", err);
    if (!rc && c->free_node == NONE) {
        if (c->n_nodes == INT32_MAX) return raml_fail(err, RAML_ENOMEM, "cache: more than 2^31 nodes");
        rc = RAML_GROW(c->node, c->cap_nodes, c->n_nodes + 1, "nodes of a cache", err);
        if (!rc) {
            c->node[c->n_nodes] = (struct node){.next = NONE};
            c->free_node = (int)c->n_nodes++;
        }
    }
    if (rc) return rc;
    int i = c->free_node;
    struct node *x = &c->node[i], *p = parent == NONE ? NULL : &c->node[parent];
    c->free_node = x->next;
    *x = (struct node){.page = x->page,
                       .cap_pages = x->cap_pages,
                       .start = p ? p->start + after : 0,
                       .after = after,
                       .level = level,
                       .parent = parent,
                       .root = p ? p->root : i,
                       .first_child = NONE,
                       .before = NONE,
                       .next = p ? p->first_child : NONE,
                       .live = true};
    if (x->next != NONE) c->node[x->next].before = i;
    if (p) p->first_child = i;
    *node = i;
    return RAML_OK;
}

/* Of a node without children: its pages and its number are free. */
static void release(struct raml_cache *c, int node)
{
    struct node *x = &c->node[node];
    while (x->n_pages) c->free_page[c->n_free++] = x->page[--x->n_pages];
    if (x->before != NONE) c->node[x->before].next = x->next;
    else if (x->parent != NONE) c->node[x->parent].first_child = x->next;
    if (x->next != NONE) c->node[x->next].before = x->before;
    x->live = false;
    x->next = c->free_node;
    c->free_node = node;
}

void raml_cache_drop(struct raml_cache *c, int node)
{
    if (!is_node(c, node)) return;
    for (int i = node;;) {
        while (c->node[i].first_child != NONE) i = c->node[i].first_child;
        int parent = c->node[i].parent;
        release(c, i);
        if (i == node) return;
        i = parent;
    }
}

/* The node has pages for `length` tokens. */
static enum raml_code grow_pages(struct raml_cache *c, struct node *x, size_t length, struct raml_err *err)
{
    size_t need = (length + RAML_KEYS - 1) / RAML_KEYS;
    if (need <= x->n_pages) return RAML_OK;
    if (need - x->n_pages > c->n_free)
        return raml_fail(err, RAML_ENOMEM, "cache: the pool of %zu tokens is used up", c->n_pages * RAML_KEYS);
    enum raml_code rc = RAML_GROW(x->page, x->cap_pages, need, "pages of a node", err);
    while (!rc && x->n_pages < need) {
        c->page_start[c->free_page[c->n_free - 1]] = (uint32_t)(x->start + x->n_pages * RAML_KEYS);
        x->page[x->n_pages++] = c->free_page[--c->n_free];
    }
    return rc;
}

static void shrink_pages(struct raml_cache *c, struct node *x)
{
    size_t need = (x->length + RAML_KEYS - 1) / RAML_KEYS;
    while (x->n_pages > need) c->free_page[c->n_free++] = x->page[--x->n_pages];
}

/* -- What is appended ---------------------------------------------------------------------------------------------- */
static enum raml_code check_tokens(const struct raml_cache *c, const struct raml_cache_tokens *a, struct raml_err *err)
{
    const struct raml_config *f = &c->m->config;
    if (!is_node(c, a->node)) return raml_fail(err, RAML_EUSAGE, "cache: there is no node %d", a->node);
    if (c->node[a->node].pending)
        return raml_fail(err, RAML_EUSAGE, "cache: node %d is appended to twice in a call", a->node);
    if (a->n < 1 || a->n_read > a->n)
        return raml_fail(err, RAML_EUSAGE, "cache: %zu tokens, of which %zu are read; expected at least one", a->n,
                         a->n_read);
    for (size_t i = 0; i < a->n; i++)
        if (a->token[i] < 0 || a->token[i] >= f->vocab_size)
            return raml_fail(err, RAML_ERANGE, "token %d is outside the model's vocabulary of %d", a->token[i],
                             f->vocab_size);
    if (a->n > (size_t)f->max_positions || raml_cache_depth(c, a->node) > (size_t)f->max_positions - a->n)
        return raml_fail(err, RAML_ERANGE, "a text of more than %d tokens is longer than the model's context (%d)",
                         f->max_positions, f->max_positions);
    return RAML_OK;
}

/* Pages for the new tokens of every node, which are then pending; *n_begun of them, also on failure. */
static enum raml_code begin(struct raml_cache *c, const struct raml_cache_tokens *add, size_t n, size_t *n_begun,
                            struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    c->n_rows = c->n_read = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        rc = check_tokens(c, &add[i], err);
        if (rc) break;
        struct node *x = &c->node[add[i].node];
        rc = grow_pages(c, x, x->length + add[i].n, err);
        x->pending = rc ? 0 : add[i].n;
        c->n_rows += add[i].n;
        c->n_read += add[i].n_read;
        *n_begun += !rc;
    }
    return rc;
}

/* Token, position and place of key and value of every row, and the rows that are read. */
static void list_rows(struct raml_cache *c, const struct raml_cache_tokens *add, size_t n)
{
    int32_t *token = c->token.host, *position = c->position.host;
    uint32_t *page = c->page.host, *read = c->read.host;
    uint8_t *slot = c->slot.host;
    for (size_t i = 0, row = 0; i < n; i++) {
        const struct node *x = &c->node[add[i].node];
        for (size_t k = 0; k < add[i].n; k++, row++) {
            size_t own = x->length + k;
            token[row] = add[i].token[k];
            position[row] = (int32_t)(x->start + own);
            page[row] = x->page[own / RAML_KEYS];
            slot[row] = (uint8_t)(own % RAML_KEYS);
            if (k + add[i].n_read >= add[i].n) *read++ = (uint32_t)row;
        }
    }
}

/* Rows [row, row_end) of the tile see the ancestors of x. */
static void show_ancestors(struct raml_cache *c, const struct node *x, size_t row, size_t row_end)
{
    size_t n = 0;
    for (int p = x->parent; p != NONE; p = c->node[p].parent) c->path[n++] = p;
    while (n--) {
        const struct node *below = n ? &c->node[c->path[n - 1]] : x;
        raml_visibility_show_run(&c->visible, row, row_end, c->node[c->path[n]].page, 0, below->after);
    }
}

static bool same_place(const struct node *a, const struct node *b)
{
    return a->parent == b->parent && a->after == b->after;
}

static enum raml_code list_tile(struct raml_cache *c, size_t row, size_t n, struct raml_err *err)
{
    struct raml_query_tile *t = (struct raml_query_tile *)c->tile.host + c->n_tiles++;
    *t = (struct raml_query_tile){(uint32_t)row, (uint32_t)n, c->pairs.n_pairs, 0};
    enum raml_code rc = raml_visibility_write(&c->visible, 0, &c->pairs, err);
    t->n_pairs = c->pairs.n_pairs - t->pair;
    return rc;
}

struct cursor { /* the next row: token `at` of add[i] */
    size_t i, at;
};

/* How many of the next rows, at most `most`, hang from the same place. */
static size_t rows_of_place(const struct raml_cache *c, const struct raml_cache_tokens *add, size_t n, struct cursor k,
                            size_t most)
{
    const struct node *x = &c->node[add[k.i].node];
    size_t rows = add[k.i].n - k.at;
    while (rows < most && ++k.i < n && same_place(x, &c->node[add[k.i].node])) rows += add[k.i].n;
    return rows < most ? rows : most;
}

/* The tile of the next rows: those below one root, at most RAML_KEYS. */
static size_t show_tile(struct raml_cache *c, const struct raml_cache_tokens *add, size_t n, struct cursor *k)
{
    int root = c->node[add[k->i].node].root;
    size_t row = 0, shown = 0; /* rows whose ancestors are shown */
    raml_visibility_start(&c->visible, c->n_pages, false);
    while (row < RAML_KEYS && k->i < n && c->node[add[k->i].node].root == root) {
        const struct node *x = &c->node[add[k->i].node];
        size_t own = add[k->i].n - k->at;
        if (own > RAML_KEYS - row) own = RAML_KEYS - row;
        if (row == shown) {
            shown += rows_of_place(c, add, n, *k, RAML_KEYS - row);
            show_ancestors(c, x, row, shown);
        }
        raml_visibility_show_chain(&c->visible, row, own, x->page, 0, x->length + k->at);
        row += own;
        k->at += own;
        if (k->at == add[k->i].n) *k = (struct cursor){k->i + 1, 0};
    }
    return row;
}

static enum raml_code list_tiles(struct raml_cache *c, const struct raml_cache_tokens *add, size_t n,
                                 struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    struct cursor k = {0};
    c->n_tiles = c->pairs.n_pairs = c->pairs.n_masks = 0;
    for (size_t row = 0; row < c->n_rows && !rc;) {
        size_t rows = show_tile(c, add, n, &k);
        rc = list_tile(c, row, rows, err);
        row += rows;
    }
    if (!rc) rc = raml_list_grow(&c->pair, c->pairs.n_pairs * sizeof(struct raml_key_page), err);
    if (rc) return rc;
    raml_list_pairs(&c->pair, c->pairs.pair, c->pairs.n_pairs);
    struct window_batch b = {.tile = c->tile.host,
                             .n_tiles = c->n_tiles,
                             .pair = c->pairs.pair,
                             .mask = c->pairs.mask,
                             .row = c->position.host,
                             .key.first = c->page_start};
    for (size_t row = 0; row < c->n_rows; row++)
        if ((size_t)b.row[row] > b.last) b.last = (size_t)b.row[row];
    return raml_windows_make(c->m, &c->windows, &b, err);
}

/* -- The run ------------------------------------------------------------------------------------------------------- */
static enum raml_code send_lists(struct raml_cache *c, struct raml_err *err)
{
    const struct {
        struct list *list;
        const void *from;
        size_t bytes;
    } each[] = {{&c->token, c->token.host, c->n_rows * sizeof(int32_t)},
                {&c->position, c->position.host, c->n_rows * sizeof(int32_t)},
                {&c->page, c->page.host, c->n_rows * sizeof(uint32_t)},
                {&c->slot, c->slot.host, c->n_rows},
                {&c->tile, c->tile.host, c->n_tiles * sizeof(struct raml_query_tile)},
                {&c->pair, c->pair.host, c->pairs.n_pairs * sizeof(struct raml_key_page)},
                {&c->mask, c->pairs.mask, c->pairs.n_masks * sizeof(uint64_t)},
                {&c->read, c->read.host, c->n_read * sizeof(uint32_t)}};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof each / sizeof *each && !rc; i++)
        rc = raml_list_send(c->m, each[i].list, each[i].from, each[i].bytes, err);
    return rc;
}

/* Logits of the rows that are read, of the last run. */
static void logits_of(struct raml_cache *c, float *logits)
{
    const struct raml_model *m = c->m;
    size_t e = (size_t)m->config.hidden_size, V = (size_t)m->config.vocab_size;
    const uint32_t *row = c->n_read == c->n_rows ? NULL : c->read.device;
    for (size_t i = 0; i < c->n_read; i += LOGIT_ROWS) {
        size_t k = c->n_read - i < LOGIT_ROWS ? c->n_read - i : LOGIT_ROWS;
        if (row) m->b->gather(m->dev, m->type, c->xs, c->s.xnf, row + i, sizeof *row, k, e);
        else m->b->copy(m->dev, c->xs, act_row(m, c->s.xnf, i * e), k * e * act_size(m));
        raml_head_logits(m, c->xs, k, c->tile_logits, logits + i * V);
    }
}

static enum raml_code run(struct raml_cache *c, float *logits, struct raml_err *err)
{
    enum raml_code rc = send_lists(c, err);
    struct batch b = {.n = c->n_rows,
                      .read_token = c->token.host,
                      .token = c->token.device,
                      .position = c->position.device,
                      .page = c->page.device,
                      .slot = c->slot.device,
                      .n_tiles = c->n_tiles,
                      .all = {c->tile.device, c->pair.device, c->mask.device}};
    b.near = raml_windows_seen(&c->windows, &b.all);
    if (!rc) rc = raml_layers_forward(c->m, &c->s, &b, err);
    if (!rc) logits_of(c, logits);
    return raml_backend_settle(c->m->dev, rc, err);
}

enum raml_code raml_cache_append(struct raml_cache *c, const struct raml_cache_tokens *add, size_t n, float *logits,
                                 struct raml_err *err)
{
    size_t n_begun = 0;
    if (!n) return RAML_OK;
    enum raml_code rc = begin(c, add, n, &n_begun, err);
    if (!rc && c->n_read && !logits)
        rc = raml_fail(err, RAML_EUSAGE, "cache: logits are read, and there is no memory for them");
    if (!rc) rc = reserve_rows(c, c->n_rows, err);
    if (!rc) list_rows(c, add, n);
    if (!rc) rc = list_tiles(c, add, n, err);
    if (!rc) rc = run(c, logits, err);
    for (size_t i = 0; i < n_begun; i++) {
        struct node *x = &c->node[add[i].node];
        if (!rc) x->length += x->pending;
        else shrink_pages(c, x);
        x->pending = 0;
    }
    return rc;
}
