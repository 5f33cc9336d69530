/* decoder.c - samples that grow side by side on shared prompts. See decoder.h.
 *
 * The pool has one numbering of pages for all layers: page p of layer i is at k + i layer_bytes + p page bytes.
 * Prompts and samples hold lists of page numbers. A prompt's last page may be partly full: samples see its keys through
 * a mask and start their own page, so nothing is ever copied.
 *
 * A step is one batch of rows (impl.h). Its query tiles are runs of samples of one prompt, at most 64; the pairs of a
 * tile are the prompt's pages, seen by all its rows, and each sample's own pages, seen only by its row.
 */
#include "model/decoder.h"

#include "core/array.h"
#include "model/impl.h"

#include <stdlib.h>
#include <string.h>

enum { LOGIT_ROWS = 256 };

struct leaf { /* a prompt or a sample */
    uint32_t *page;
    size_t n_pages, cap_pages, length; /* length: own tokens */
    int prompt;                        /* of a sample; -1: this is a prompt */
    int users;                         /* of a prompt: itself and its samples; 0: free slot */
    bool kept;                         /* of a prompt: not yet dropped */
};
struct raml_decoder {
    const struct raml_model *m;
    struct raml_decoder_options opt;
    struct leaf *leaf;
    size_t n_leaves, cap_leaves;
    uint32_t *free_page;
    size_t n_free, n_pages;
    char *pool; /* dev */
    size_t pool_bytes, layer_bytes;
    struct stream s;
    struct acts acts;
    void *block, *xs;   /* dev */
    float *tile_logits; /* dev */
    size_t cap_rows, block_bytes;
    struct list token, position, page, slot, tile, pair, mask, read; /* of one batch; read: rows that need logits */
    size_t n_tiles, n_pairs, n_masks;
};

/* Buffers for batches of up to `rows` rows; with base NULL it only counts. */
static size_t carve_all(struct raml_decoder *d, char *base, size_t rows)
{
    const struct raml_config *c = &d->m->config;
    const struct raml_sizes *z = &d->m->sizes;
    struct carver k = {base, 0};
    size_t e = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, s = act_size(d->m), n = rows + z->slack_rows;
    size_t D = (size_t)c->head_dim, wide = (size_t)c->n_heads * D, width = wide + 2 * (size_t)c->n_kv_heads * D;
    size_t chunk = rows < z->chunk_rows ? n : z->chunk_rows + z->slack_rows, logits = LOGIT_ROWS + z->slack_rows;
    struct acts *a = &d->acts;
    a->x1 = a->x2 = carve(&k, n * e, 4);
    a->xn1 = a->xn2 = carve(&k, chunk * e, s);
    a->qkv = carve(&k, n * width, s);
    a->o = carve(&k, n * wide, s);
    a->gu = carve(&k, chunk * 2 * F, s);
    a->h = carve(&k, chunk * F, s);
    d->s.y = carve(&k, chunk * e, s);
    d->s.xf = a->x1;
    d->s.xnf = carve(&k, n * e, s);
    d->xs = carve(&k, logits * e, s);
    d->tile_logits = carve(&k, logits * z->head_tile, 4);
    return k.used;
}

static enum raml_code reserve_rows(struct raml_decoder *d, size_t rows, struct raml_err *err)
{
    enum raml_code rc = raml_list_grow(&d->token, rows * sizeof(int32_t), err);
    if (!rc) rc = raml_list_grow(&d->position, rows * sizeof(int32_t), err);
    if (!rc) rc = raml_list_grow(&d->page, rows * sizeof(uint32_t), err);
    if (!rc) rc = raml_list_grow(&d->slot, rows, err);
    if (!rc) rc = raml_list_grow(&d->tile, rows * sizeof(struct raml_query_tile), err);
    if (rc || rows <= d->cap_rows) return rc;
    size_t bytes = carve_all(d, NULL, rows);
    char *block = d->m->b->alloc(d->m->dev, bytes, 1);
    if (!block) {
        if (d->block) carve_all(d, d->block, d->cap_rows);
        return raml_fail(err, RAML_ENOMEM, "decoder: no memory for %zu rows", rows);
    }
    raml_array_free(d->m->dev, d->block);
    d->block = block;
    d->block_bytes = bytes;
    d->cap_rows = rows;
    carve_all(d, block, rows);
    for (int i = 0; i < d->m->config.n_layers; i++) d->s.acts[i] = d->acts;
    return RAML_OK;
}

size_t raml_decoder_estimate(const struct raml_config *c, enum raml_dtype dtype, const struct raml_device *dev,
                             const struct raml_decoder_options *opt)
{
    struct raml_model m = {0};
    struct raml_decoder d = {.m = &m};
    raml_model_shape(&m, c, dtype, dev);
    size_t pages = (opt->max_tokens + RAML_KEYS - 1) / RAML_KEYS;
    return 2 * pages * page_bytes(&m) * (size_t)c->n_layers + carve_all(&d, NULL, opt->max_rows);
}

enum raml_code raml_decoder_open(const struct raml_model *m, const struct raml_decoder_options *opt,
                                 struct raml_decoder **out, struct raml_err *err)
{
    if (opt->max_rows < 1 || opt->max_tokens < 1 || opt->max_tokens > (size_t)UINT32_MAX * 32)
        return raml_fail(err, RAML_EUSAGE, "decoder: expected at least one row and one token");
    struct raml_decoder *d = calloc(1, sizeof *d);
    if (!d) return raml_fail(err, RAML_ENOMEM, "no memory for a decoder");
    d->m = m;
    d->opt = *opt;
    d->n_pages = (opt->max_tokens + RAML_KEYS - 1) / RAML_KEYS;
    d->layer_bytes = d->n_pages * page_bytes(m);
    d->pool_bytes = 2 * d->layer_bytes * (size_t)m->config.n_layers;
    d->pool = m->b->alloc(m->dev, d->pool_bytes, 1);
    d->free_page = malloc(d->n_pages * sizeof *d->free_page);
    d->s.acts = calloc((size_t)m->config.n_layers, sizeof *d->s.acts);
    enum raml_code rc =
        d->pool && d->free_page && d->s.acts
            ? reserve_rows(d, opt->max_rows, err)
            : raml_fail(err, RAML_ENOMEM, "decoder: no memory for the keys and values of %zu tokens (%.1f MB)",
                        opt->max_tokens, 1e-6 * (double)d->pool_bytes);
    if (rc) {
        raml_decoder_close(d);
        return rc;
    }
    for (size_t i = 0; i < d->n_pages; i++) d->free_page[i] = (uint32_t)(d->n_pages - 1 - i);
    d->n_free = d->n_pages;
    d->s.k = d->pool;
    d->s.v = d->pool + d->layer_bytes * (size_t)m->config.n_layers;
    d->s.layer_bytes = d->layer_bytes;
    *out = d;
    return RAML_OK;
}

void raml_decoder_close(struct raml_decoder *d)
{
    if (!d) return;
    for (size_t i = 0; i < d->n_leaves; i++) free(d->leaf[i].page);
    free(d->leaf);
    free(d->free_page);
    free(d->s.acts);
    raml_array_free(d->m->dev, d->pool);
    raml_array_free(d->m->dev, d->block);
    struct list *list[] = {&d->token, &d->position, &d->page, &d->slot,     &d->tile,
                           &d->pair,  &d->mask,     &d->read, &d->s.staging};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) raml_list_drop(d->m, list[i]);
    free(d);
}

size_t raml_decoder_bytes(const struct raml_decoder *d)
{
    return d->pool_bytes + d->block_bytes;
}

size_t raml_decoder_free_tokens(const struct raml_decoder *d)
{
    return d->n_free * RAML_KEYS;
}

/* -- Leaves and pages ---------------------------------------------------------------------------------------------- */
static enum raml_code leaf_new(struct raml_decoder *d, int *out, struct raml_err *err)
{
    size_t i = 0;
    while (i < d->n_leaves && d->leaf[i].users) i++;
    enum raml_code rc = RAML_GROW(d->leaf, d->cap_leaves, i + 1, "samples of a decoder", err);
    if (rc) return rc;
    if (i == d->n_leaves) d->leaf[d->n_leaves++] = (struct leaf){0};
    struct leaf *l = &d->leaf[i];
    *l = (struct leaf){.page = l->page, .cap_pages = l->cap_pages, .prompt = -1, .users = 1, .kept = true};
    *out = (int)i;
    return RAML_OK;
}

static void leaf_drop(struct raml_decoder *d, int i)
{
    struct leaf *l = &d->leaf[i];
    for (size_t k = l->n_pages; k-- > 0;) d->free_page[d->n_free++] = l->page[k];
    l->n_pages = l->length = 0;
    l->users = 0;
}

/* Capacity for `more` tokens after the leaf's own. */
static enum raml_code leaf_grow(struct raml_decoder *d, int i, size_t more, struct raml_err *err)
{
    struct leaf *l = &d->leaf[i];
    size_t need = (l->length + more + RAML_KEYS - 1) / RAML_KEYS;
    if (need <= l->n_pages) return RAML_OK;
    if (need - l->n_pages > d->n_free)
        return raml_fail(err, RAML_ENOMEM, "decoder: the pool of %zu tokens is used up", d->n_pages * RAML_KEYS);
    enum raml_code rc = RAML_GROW(l->page, l->cap_pages, need, "pages of a sample", err);
    while (!rc && l->n_pages < need) l->page[l->n_pages++] = d->free_page[--d->n_free];
    return rc;
}

static void shrink(struct raml_decoder *d, int i)
{
    struct leaf *l = &d->leaf[i];
    size_t need = (l->length + RAML_KEYS - 1) / RAML_KEYS;
    while (l->n_pages > need) d->free_page[d->n_free++] = l->page[--l->n_pages];
}

size_t raml_decoder_length(const struct raml_decoder *d, int sample)
{
    const struct leaf *l = &d->leaf[sample];
    return l->length + d->leaf[l->prompt].length;
}

enum raml_code raml_decoder_fork(struct raml_decoder *d, int prompt, int *sample, struct raml_err *err)
{
    if (prompt < 0 || (size_t)prompt >= d->n_leaves || !d->leaf[prompt].users || d->leaf[prompt].prompt >= 0)
        return raml_fail(err, RAML_EUSAGE, "decoder: %d is not a prompt", prompt);
    int i;
    enum raml_code rc = leaf_new(d, &i, err);
    if (rc) return rc;
    d->leaf[i].prompt = prompt;
    d->leaf[prompt].users++;
    *sample = i;
    return RAML_OK;
}

static void prompt_release(struct raml_decoder *d, int prompt)
{
    if (--d->leaf[prompt].users == 0) {
        d->leaf[prompt].users = 1;
        leaf_drop(d, prompt);
    }
}

void raml_decoder_drop_sample(struct raml_decoder *d, int sample)
{
    int prompt = d->leaf[sample].prompt;
    leaf_drop(d, sample);
    prompt_release(d, prompt);
}

void raml_decoder_drop_prompt(struct raml_decoder *d, int prompt)
{
    if (!d->leaf[prompt].kept) return;
    d->leaf[prompt].kept = false;
    prompt_release(d, prompt);
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */
static enum raml_code add_pair(struct raml_decoder *d, struct raml_key_page pair, const uint64_t *mask, uint64_t same,
                               struct raml_err *err)
{
    enum raml_code rc = raml_list_grow(&d->pair, (d->n_pairs + 1) * sizeof pair, err);
    if (!rc && (mask || same != ~UINT64_C(0))) {
        rc = raml_list_grow(&d->mask, (d->n_masks + pair.n_rows) * sizeof *mask, err);
        uint64_t *to = d->mask.host;
        pair.mask = (int64_t)d->n_masks;
        for (size_t r = 0; r < pair.n_rows && !rc; r++) to[d->n_masks++] = mask ? mask[r] : same;
    }
    if (!rc) ((struct raml_key_page *)d->pair.host)[d->n_pairs++] = pair;
    return rc;
}

static void add_tile(struct raml_decoder *d, size_t row, size_t n, size_t first_pair)
{
    ((struct raml_query_tile *)d->tile.host)[d->n_tiles++] =
        (struct raml_query_tile){(uint32_t)row, (uint32_t)n, first_pair, d->n_pairs - first_pair};
}

/* Row `row` of the batch: a token at a position of its text, whose key and value go to a slot of a page. */
static void put_row(struct raml_decoder *d, size_t row, int32_t token, size_t position, uint32_t page, size_t slot)
{
    ((int32_t *)d->token.host)[row] = token;
    ((int32_t *)d->position.host)[row] = (int32_t)position;
    ((uint32_t *)d->page.host)[row] = page;
    ((uint8_t *)d->slot.host)[row] = (uint8_t)slot;
}

static uint64_t low_bits(size_t n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static enum raml_code send_lists(struct raml_decoder *d, size_t n, struct raml_err *err)
{
    const struct {
        struct list *list;
        size_t bytes;
    } each[] = {{&d->token, n * sizeof(int32_t)},
                {&d->position, n * sizeof(int32_t)},
                {&d->page, n * sizeof(uint32_t)},
                {&d->slot, n},
                {&d->tile, d->n_tiles * sizeof(struct raml_query_tile)},
                {&d->pair, d->n_pairs * sizeof(struct raml_key_page)},
                {&d->mask, d->n_masks * sizeof(uint64_t)}};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof each / sizeof *each && !rc; i++)
        rc = raml_list_send(d->m, each[i].list, each[i].list->host, each[i].bytes, err);
    return rc;
}

static enum raml_code run(struct raml_decoder *d, size_t n, struct raml_err *err)
{
    enum raml_code rc = send_lists(d, n, err);
    struct batch b = {.n = n,
                      .read_token = d->token.host,
                      .token = d->token.device,
                      .position = d->position.device,
                      .page = d->page.device,
                      .slot = d->slot.device,
                      .tile = d->tile.device,
                      .n_tiles = d->n_tiles,
                      .pair = d->pair.device,
                      .mask = d->mask.device};
    return rc ? rc : raml_layers_forward(d->m, &d->s, &b, err);
}

/* Logits of rows row[0..n) of the last run (dev; row NULL: 0..n). */
static void logits_of(struct raml_decoder *d, const uint32_t *row, size_t n, float *logits)
{
    const struct raml_model *m = d->m;
    size_t e = (size_t)m->config.hidden_size, V = (size_t)m->config.vocab_size;
    for (size_t i = 0; i < n; i += LOGIT_ROWS) {
        size_t k = n - i < LOGIT_ROWS ? n - i : LOGIT_ROWS;
        if (row) m->b->gather(m->dev, m->type, d->xs, d->s.xnf, row + i, sizeof *row, k, e);
        else m->b->copy(m->dev, d->xs, act_row(m, d->s.xnf, i * e), k * e * act_size(m));
        raml_head_logits(m, d->xs, k, d->tile_logits, logits + i * V);
    }
}

static enum raml_code check_token(const struct raml_decoder *d, int32_t token, size_t position, struct raml_err *err)
{
    if (token < 0 || token >= d->m->config.vocab_size)
        return raml_fail(err, RAML_ERANGE, "token %d is outside the model's vocabulary of %d", token,
                         d->m->config.vocab_size);
    if (position >= (size_t)d->m->config.max_positions)
        return raml_fail(err, RAML_ERANGE, "a text of more than %zu tokens is longer than the model's context (%d)",
                         position, d->m->config.max_positions);
    return RAML_OK;
}

/* Rows and tiles of one prompt: a chain in its own pages. */
static enum raml_code list_prompt(struct raml_decoder *d, const struct leaf *l, const int32_t *token, size_t n,
                                  size_t row, struct raml_err *err)
{
    uint64_t causal[RAML_KEYS];
    for (size_t r = 0; r < RAML_KEYS; r++) causal[r] = low_bits(r + 1);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n; i++) put_row(d, row + i, token[i], i, l->page[i / RAML_KEYS], i % RAML_KEYS);
    for (size_t t = 0; t * RAML_KEYS < n && !rc; t++) {
        size_t rows = n - t * RAML_KEYS < RAML_KEYS ? n - t * RAML_KEYS : RAML_KEYS;
        size_t first = d->n_pairs;
        for (size_t k = 0; k <= t && !rc; k++)
            rc = add_pair(d, (struct raml_key_page){l->page[k], 0, (uint16_t)rows, -1}, k == t ? causal : NULL,
                          ~UINT64_C(0), err);
        add_tile(d, row + t * RAML_KEYS, rows, first);
    }
    return rc;
}

enum raml_code raml_decoder_prompts(struct raml_decoder *d, const int32_t *const *token, const size_t *n_tokens,
                                    size_t n_prompts, int *prompt, float *logits, struct raml_err *err)
{
    size_t rows = 0, made = 0;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n_prompts && !rc; i++) {
        if (!n_tokens[i]) rc = raml_fail(err, RAML_ERANGE, "decoder: prompt %zu has no tokens", i);
        for (size_t k = 0; k < n_tokens[i] && !rc; k++) rc = check_token(d, token[i][k], k, err);
        rows += n_tokens[i];
    }
    if (!rc) rc = reserve_rows(d, rows, err);
    if (!rc) rc = raml_list_grow(&d->read, n_prompts * sizeof(uint32_t), err);
    uint32_t *last = d->read.host;
    d->n_tiles = d->n_pairs = d->n_masks = 0;
    for (size_t row = 0; made < n_prompts && !rc;) {
        rc = leaf_new(d, &prompt[made], err);
        if (rc) break;
        made++;
        rc = leaf_grow(d, prompt[made - 1], n_tokens[made - 1], err);
        if (!rc) rc = list_prompt(d, &d->leaf[prompt[made - 1]], token[made - 1], n_tokens[made - 1], row, err);
        row += n_tokens[made - 1];
        if (!rc) last[made - 1] = (uint32_t)(row - 1);
    }
    if (!rc) rc = run(d, rows, err);
    if (!rc && logits) rc = raml_list_send(d->m, &d->read, last, n_prompts * sizeof *last, err);
    if (!rc && logits) logits_of(d, d->read.device, n_prompts, logits);
    rc = raml_backend_settle(d->m->dev, rc, err);
    for (size_t i = 0; i < made; i++) {
        if (rc) leaf_drop(d, prompt[i]);
        else d->leaf[prompt[i]].length = n_tokens[i];
    }
    return rc;
}

/* The tile of rows [row, row + n): samples of one prompt. */
static enum raml_code list_samples(struct raml_decoder *d, const int *sample, size_t row, size_t n,
                                   struct raml_err *err)
{
    const struct leaf *p = &d->leaf[d->leaf[sample[row]].prompt];
    size_t first = d->n_pairs;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < p->n_pages && !rc; k++)
        rc = add_pair(d, (struct raml_key_page){p->page[k], 0, (uint16_t)n, -1}, NULL,
                      low_bits(p->length - k * RAML_KEYS), err);
    for (size_t r = 0; r < n && !rc; r++) {
        const struct leaf *l = &d->leaf[sample[row + r]];
        for (size_t k = 0; k < l->n_pages && !rc; k++)
            rc = add_pair(d, (struct raml_key_page){l->page[k], (uint16_t)r, 1, -1}, NULL,
                          low_bits(l->length + 1 - k * RAML_KEYS), err);
    }
    add_tile(d, row, n, first);
    return rc;
}

enum raml_code raml_decoder_step(struct raml_decoder *d, const int *sample, const int32_t *token, size_t n,
                                 float *logits, struct raml_err *err)
{
    enum raml_code rc = reserve_rows(d, n, err);
    size_t grown = 0;
    for (; grown < n && !rc; grown++) {
        int i = sample[grown];
        if (i < 0 || (size_t)i >= d->n_leaves || !d->leaf[i].users || d->leaf[i].prompt < 0) {
            rc = raml_fail(err, RAML_EUSAGE, "decoder: %d is not a sample", i);
            break;
        }
        rc = check_token(d, token[grown], raml_decoder_length(d, i), err);
        if (!rc) rc = leaf_grow(d, i, 1, err);
    }
    d->n_tiles = d->n_pairs = d->n_masks = 0;
    for (size_t r = 0; r < n && !rc; r++) {
        const struct leaf *l = &d->leaf[sample[r]];
        put_row(d, r, token[r], raml_decoder_length(d, sample[r]), l->page[l->length / RAML_KEYS],
                l->length % RAML_KEYS);
    }
    for (size_t r = 0; r < n && !rc;) {
        size_t k = 1;
        while (r + k < n && k < RAML_KEYS && d->leaf[sample[r + k]].prompt == d->leaf[sample[r]].prompt) k++;
        rc = list_samples(d, sample, r, k, err);
        r += k;
    }
    if (!rc) rc = run(d, n, err);
    if (!rc) logits_of(d, NULL, n, logits);
    rc = raml_backend_settle(d->m->dev, rc, err);
    for (size_t r = 0; r < grown; r++) {
        if (rc) shrink(d, sample[r]);
        else d->leaf[sample[r]].length++;
    }
    return rc;
}
