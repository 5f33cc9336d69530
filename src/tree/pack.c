/* pack.c - trees side by side in one flat batch, and which key tiles each query tile sees. See tree.h.
 *
 * A span's ancestors are runs of rows: [start, start + after) of each span on the way to the root. For a query tile,
 * each of its spans shows its runs; keys are in the order of the tree's tokens, tile k of the tree being page k.
 */
#include "tree/visibility.h"

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

/* Shows what the rows of span s inside the query tile [q0, q1) (token indices of the tree) see. */
static void show_span(struct raml_visibility *v, const struct raml_tree *t, const struct raml_span *s, uint32_t q0,
                      uint32_t q1)
{
    uint32_t a = s->start > q0 ? s->start : q0, b = s->start + s->n < q1 ? s->start + s->n : q1;
    if (a >= b) return;
    raml_visibility_show_chain(v, a - q0, b - a, NULL, s->start, a);
    const struct raml_span *c = s;
    while (c->parent >= 0) {
        uint32_t after = c->after;
        c = &t->span[c->parent];
        raml_visibility_show_run(v, a - q0, b - q0, NULL, c->start, c->start + after);
    }
}

static enum raml_code add_tiles(struct raml_pack *p, const struct raml_tree *t)
{
    size_t n = t->n_tokens, tiles = (n + RAML_TILE - 1) / RAML_TILE;
    struct raml_visibility v = {0};
    struct raml_pair_list list = {p->pair, p->n_pairs, p->cap_pairs, p->mask, p->n_masks, p->cap_masks};
    enum raml_code rc = RAML_OK;
    size_t first = 0; /* first span that may reach into the tile: spans are in order of their tokens */
    for (size_t qi = 0; !rc && qi < tiles; qi++) {
        uint32_t q0 = (uint32_t)(qi * RAML_TILE), q1 = (uint32_t)(n - q0 < RAML_TILE ? n : q0 + RAML_TILE);
        struct raml_tile *q = &p->tile[p->n_tiles + qi];
        *q = (struct raml_tile){
            .row = (uint32_t)p->n_rows + q0, .n = q1 - q0, .tree = (uint32_t)p->n_trees, .pair = list.n_pairs};
        while (t->span[first].start + t->span[first].n <= q0) first++;
        raml_visibility_start(&v, qi + 1, true); /* keys of a path lie in rising tiles */
        for (size_t s = first; s < t->n_spans && t->span[s].start < q1; s++) show_span(&v, t, &t->span[s], q0, q1);
        rc = raml_visibility_write(&v, (uint32_t)p->n_tiles, &list, NULL);
        q->n_pairs = list.n_pairs - q->pair;
    }
    raml_visibility_deinit(&v);
    p->pair = list.pair, p->cap_pairs = list.cap_pairs;
    p->mask = list.mask, p->cap_masks = list.cap_masks;
    if (rc) return rc;
    p->n_pairs = list.n_pairs;
    p->n_masks = list.n_masks;
    return RAML_OK;
}

enum raml_code raml_pack_add(struct raml_pack *p, const struct raml_tree *t, struct raml_err *err)
{
    if (p->n_rows + t->n_tokens > INT32_MAX) return raml_fail(err, RAML_ERANGE, "pack: more than 2^31 rows");
    if (reserve(p, t) || add_tiles(p, t))
        return raml_fail(err, RAML_ENOMEM, "pack: no memory for a tree of %zu tokens", t->n_tokens);
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
