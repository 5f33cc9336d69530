/* tree.h - the token tree: all input of a model.
 *
 * A tree is a list of token spans. Span 0 is a root (the prompt). Every other span hangs from a parent span after the
 * parent's first `after` tokens (0 <= after <= parent's length; 0 hangs it from where the parent itself hangs), and
 * comes after its parent in the list; or it is a further root, whose tokens and descendants see nothing of the others'. A token attends only to itself and its ancestors; its position is its depth.
 *
 *     root  q1 q2 q3                   span 1 = (parent 0, after 3): a trajectory t1 t2
 *                  \-- t1 t2           span 2 = (parent 1, after 0): a probe right after the prompt: a1
 *                  |   \   \-- a1      span 3 = (parent 1, after 1), span 4 = (parent 1, after 2): probes after t1, t2
 *                  |    \-- a1
 *                   \-- a1
 *
 * Targets: tokens whose log p(token | its ancestors) is wanted, from `first_target` on in each span
 * (first_target = length: none). A token's log-probability is read at its parent token's row; a root's first token has
 * no parent and can't be a target.
 * An end target is a token after a span's last one whose log-probability is wanted, and which is no token of the tree:
 * nothing hangs from it, so no row is computed for it. The last token of an answer that is only read is best given so.
 * Units     tokens. Empty spans are legal.   Ownership: tokens are copied.
 * Errors    on failure the tree is as before the call.
 * Cost      _add: O(length) amortised.
 */
#ifndef RAML_TREE_H
#define RAML_TREE_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_span {
    int32_t parent;        /* index of the parent span; -1: a root */
    uint32_t after;        /* tokens of the parent before this span */
    uint32_t start, n;     /* token[start .. start + n) */
    uint32_t depth;        /* position of its first token */
    uint32_t first_target; /* first target of the span, as an offset; n: none */
    bool has_end_target;
    int32_t end_target; /* a further target, after all tokens of the span */
};

struct raml_tree { /* zero-initialise */
    struct raml_span *span;
    size_t n_spans, cap_spans;
    int32_t *token;
    size_t n_tokens, cap_tokens;
    size_t n_targets;
};

void raml_tree_deinit(struct raml_tree *t);
void raml_tree_clear(struct raml_tree *t); /* empty, memory kept */
/* Adds a span; *index (may be NULL) is its number. RAML_ERANGE: parent not before it, after > parent's length,
 * first_target > n, the first token of a root as a target, or more than 2^31 tokens. */
RAML_CHECKED enum raml_code raml_tree_add(struct raml_tree *t, int32_t parent, uint32_t after, const int32_t *token,
                                          size_t n, size_t first_target, int32_t *index, struct raml_err *err);
/* Gives a span, of however many tokens, its end target. RAML_ERANGE: no such span, it has one, or no token is before it.
 */
RAML_CHECKED enum raml_code raml_tree_add_end_target(struct raml_tree *t, int32_t span, int32_t token,
                                                     struct raml_err *err);
/* Index in token[] of the token before span's token `offset` (its parent token), or -1 when there is none. */
int64_t raml_tree_parent_token(const struct raml_tree *t, int32_t span, uint32_t offset);

/* -- Packing: many trees side by side in one flat batch, no padding between tokens ------------------------------------
 *
 * Row r of a pack is one token. Attention works on tiles of 64 rows by 64 keys that never cross a tree's border, so
 * a tree's results do not depend on its neighbours, to the last bit. For every query tile the pack lists the key
 * tiles that any of its rows may see, the range of these rows, and, where not all of them see every key, a 64-bit mask
 * per row.
 */
enum { RAML_TILE = 64 };

struct raml_tile_pair { /* rows row0 .. row0 + n_rows of a query tile, and only these, see keys of a key tile */
    uint32_t k_tile;    /* number of the tile in the pack */
    uint16_t row0, n_rows;
    int64_t mask; /* index of the first of n_rows masks in pack.mask; -1: these rows see all RAML_TILE keys */
};
struct raml_tile {
    uint32_t row, n;      /* its rows: row .. row + n */
    uint32_t tree;        /* number of the tree in the pack */
    size_t pair, n_pairs; /* as a query tile: its pairs, by rising k_tile */
};
struct raml_target {
    uint32_t row;  /* where the distribution is read */
    int32_t token; /* whose log-probability */
};
struct raml_pack { /* zero-initialise */
    size_t n_rows, n_trees, n_tiles, n_pairs, n_masks, n_targets;
    int32_t *token;      /* [n_rows] */
    int32_t *position;   /* [n_rows] */
    uint32_t *tree_row;  /* [n_trees + 1]: first row of each tree */
    size_t *tree_tile;   /* [n_trees + 1]: first tile of each tree */
    size_t *tree_target; /* [n_trees + 1]: first target of each tree */
    struct raml_tile *tile;
    struct raml_tile_pair *pair;
    uint64_t *mask;             /* bit k of mask[pair.mask + r]: row row0 + r of the query tile sees key k */
    struct raml_target *target; /* by tree, then span, then offset (its end target last): spans in the order added */
    size_t cap_rows, cap_trees, cap_tiles, cap_pairs, cap_masks, cap_targets;
};
void raml_pack_deinit(struct raml_pack *p);
void raml_pack_clear(struct raml_pack *p);
/* Appends a tree (copied). On failure the pack is as before. */
RAML_CHECKED enum raml_code raml_pack_add(struct raml_pack *p, const struct raml_tree *t, struct raml_err *err);

#pragma GCC visibility pop
#endif
