/* pack.c - trees side by side in one flat batch, and which key tiles each query tile sees. See tree.h.
 *
 * A span's ancestors are runs of rows: [start, start + after) of each span on the way to the root. For a query tile,
 * each of its spans sets its runs' bits in the masks of the key tiles they touch; tiles without bits are skipped.
 */
#include "raml/tree.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

void raml_pack_deinit(struct raml_pack *p)
{
    free(p->token);
    free(p->position);
    free(p->tree_row);
    free(p->tree_tile);
    free(p->tree_target);
    free(p->tile);
    free(p->pair);
    free(p->mask);
    free(p->target);
    *p = (struct raml_pack){0};
}

void raml_pack_clear(struct raml_pack *p)
{
    p->n_rows = p->n_trees = p->n_tiles = p->n_pairs = p->n_masks = p->n_targets = 0;
}

static enum raml_code reserve(struct raml_pack *p, const struct raml_tree *t)
{
    size_t rows = p->n_rows + t->n_tokens, token = p->cap_rows, position = p->cap_rows;
    size_t trees = p->n_trees + 2, row = p->cap_trees, tile = p->cap_trees, target = p->cap_trees;
    size_t tiles = p->n_tiles + (t->n_tokens + RAML_TILE - 1) / RAML_TILE;
    enum raml_code rc = RAML_GROW(p->token, token, rows, "rows", NULL);
    if (!rc) rc = RAML_GROW(p->position, position, rows, "rows", NULL);
    if (!rc) p->cap_rows = position;
    if (!rc) rc = RAML_GROW(p->tree_row, row, trees, "trees", NULL);
    if (!rc) rc = RAML_GROW(p->tree_tile, tile, trees, "trees", NULL);
    if (!rc) rc = RAML_GROW(p->tree_target, target, trees, "trees", NULL);
    if (!rc) p->cap_trees = target;
    if (!rc) rc = RAML_GROW(p->tile, p->cap_tiles, tiles, "tiles", NULL);
    return rc ? rc : RAML_GROW(p->target, p->cap_targets, p->n_targets + t->n_targets, "target tokens", NULL);
}

/* Scratch for one query tile: masks of every key tile of the tree, and which are in use. */
struct visibility {
    uint64_t (*mask)[RAML_TILE]; /* [key tiles of the tree] */
    unsigned char *used;
};

/* Rows [row, row_end) of the query tile see keys [key, key_end) of the tree. */
static void show_run(struct visibility *m, uint32_t row, uint32_t row_end, uint32_t key, uint32_t key_end)
{
    while (key < key_end) {
        uint32_t tile = key / RAML_TILE, low = key % RAML_TILE;
        uint32_t high = key_end - tile * RAML_TILE < RAML_TILE ? key_end - tile * RAML_TILE : RAML_TILE;
        uint64_t bits = (high == 64 ? ~UINT64_C(0) : (UINT64_C(1) << high) - 1) & ~((UINT64_C(1) << low) - 1);
        for (uint32_t r = row; r < row_end; r++) m->mask[tile][r] |= bits;
        m->used[tile] = 1;
        key = tile * RAML_TILE + high;
    }
}

/* Sets what the rows of span s inside the query tile [q0, q1) (token indices of the tree) see. */
static void show_span(struct visibility *m, const struct raml_tree *t, const struct raml_span *s, uint32_t q0,
                      uint32_t q1)
{
    uint32_t a = s->start > q0 ? s->start : q0, b = s->start + s->n < q1 ? s->start + s->n : q1;
    if (a >= b) return;
    for (uint32_t i = a; i < b; i++) show_run(m, i - q0, i - q0 + 1, s->start, i + 1);
    const struct raml_span *c = s;
    while (c->parent >= 0) {
        uint32_t after = c->after;
        c = &t->span[c->parent];
        show_run(m, a - q0, b - q0, c->start, c->start + after);
    }
}

/* Writes the pairs of query tile `qi` (number in the tree) from the bits, and clears them. */
static int write_pairs(struct raml_pack *p, struct visibility *m, size_t qi, size_t n_keys)
{
    struct raml_tile *q = &p->tile[p->n_tiles + qi];
    q->pair = p->n_pairs;
    for (size_t k = 0; k <= qi; k++) {
        if (!m->used[k]) continue;
        size_t in_tile = n_keys - k * RAML_TILE < RAML_TILE ? n_keys - k * RAML_TILE : RAML_TILE;
        uint64_t full = in_tile == 64 ? ~UINT64_C(0) : (UINT64_C(1) << in_tile) - 1;
        int all = 1;
        for (uint32_t r = 0; r < q->n; r++) all &= m->mask[k][r] == full;
        all &= in_tile == RAML_TILE;
        if (RAML_GROW(p->pair, p->cap_pairs, p->n_pairs + 1, "pairs of tiles", NULL)) return 0;
        struct raml_tile_pair *pair = &p->pair[p->n_pairs++];
        *pair = (struct raml_tile_pair){(uint32_t)(p->n_tiles + qi), (uint32_t)(p->n_tiles + k), -1};
        if (!all) {
            if (RAML_GROW(p->mask, p->cap_masks, p->n_masks + RAML_TILE, "masks", NULL)) return 0;
            pair->mask = (int64_t)p->n_masks;
            memcpy(p->mask + p->n_masks, m->mask[k], sizeof m->mask[k]);
            p->n_masks += RAML_TILE;
        }
        memset(m->mask[k], 0, sizeof m->mask[k]);
        m->used[k] = 0;
    }
    q->n_pairs = p->n_pairs - q->pair;
    return 1;
}

static int add_tiles(struct raml_pack *p, const struct raml_tree *t)
{
    size_t n = t->n_tokens, tiles = (n + RAML_TILE - 1) / RAML_TILE;
    struct visibility m = {calloc(tiles ? tiles : 1, sizeof *m.mask), calloc(tiles ? tiles : 1, 1)};
    int ok = m.mask && m.used;
    size_t first = 0; /* first span that may reach into the tile: spans are in order of their tokens */
    for (size_t qi = 0; ok && qi < tiles; qi++) {
        uint32_t q0 = (uint32_t)(qi * RAML_TILE), q1 = (uint32_t)(n - q0 < RAML_TILE ? n : q0 + RAML_TILE);
        p->tile[p->n_tiles + qi] =
            (struct raml_tile){.row = (uint32_t)p->n_rows + q0, .n = q1 - q0, .tree = (uint32_t)p->n_trees};
        while (t->span[first].start + t->span[first].n <= q0) first++;
        for (size_t s = first; s < t->n_spans && t->span[s].start < q1; s++) show_span(&m, t, &t->span[s], q0, q1);
        ok = write_pairs(p, &m, qi, n);
    }
    free(m.mask);
    free(m.used);
    return ok;
}

enum raml_code raml_pack_add(struct raml_pack *p, const struct raml_tree *t, struct raml_err *err)
{
    if (p->n_rows + t->n_tokens > INT32_MAX) return raml_fail(err, RAML_ERANGE, "pack: more than 2^31 rows");
    size_t pairs = p->n_pairs, masks = p->n_masks;
    if (reserve(p, t) || !add_tiles(p, t)) {
        p->n_pairs = pairs;
        p->n_masks = masks;
        return raml_fail(err, RAML_ENOMEM, "pack: no memory for a tree of %zu tokens", t->n_tokens);
    }
    uint32_t row = (uint32_t)p->n_rows;
    p->tree_row[p->n_trees] = row;
    p->tree_tile[p->n_trees] = p->n_tiles;
    p->tree_target[p->n_trees] = p->n_targets;
    if (t->n_tokens) memcpy(p->token + row, t->token, t->n_tokens * sizeof *t->token);
    for (size_t i = 0; i < t->n_spans; i++) {
        const struct raml_span *s = &t->span[i];
        for (uint32_t j = 0; j < s->n; j++) p->position[row + s->start + j] = (int32_t)(s->depth + j);
        for (uint32_t j = s->first_target; j < s->n; j++) {
            uint32_t from = row + (uint32_t)raml_tree_parent_token(t, (int32_t)i, j);
            p->target[p->n_targets++] = (struct raml_target){from, t->token[s->start + j]};
        }
        if (s->has_end_target) {
            uint32_t from = row + (uint32_t)raml_tree_parent_token(t, (int32_t)i, s->n);
            p->target[p->n_targets++] = (struct raml_target){from, s->end_target};
        }
    }
    p->n_rows += t->n_tokens;
    p->n_tiles += (t->n_tokens + RAML_TILE - 1) / RAML_TILE;
    p->n_trees++;
    p->tree_row[p->n_trees] = (uint32_t)p->n_rows;
    p->tree_tile[p->n_trees] = p->n_tiles;
    p->tree_target[p->n_trees] = p->n_targets;
    return RAML_OK;
}
