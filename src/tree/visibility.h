/* visibility.h - which key pages the rows of a query tile see: for packed trees, and for a cache that is one.
 *
 * What a row sees is a chain of runs of keys, from the root to itself. Keys lie in numbered pages of RAML_TILE; a text's
 * keys fill pages one after the other, page[key / RAML_TILE] (page NULL: its pages are 0, 1, ...). For one tile of at
 * most RAML_TILE rows, run after run is shown; then its pairs are written: each page once, with the range of rows that
 * see any of it, and a mask per row where not all of these see all of it.
 *
 * Order      Attention adds up a row's keys in the order of the pairs, so a row's bits depend on it: it is the order of
 *            the row's path, whatever else is in the tile. As first shown: right where a page holds keys of one span,
 *            all rows that see a key see those before it on its path, and every row's runs are shown from the root on.
 *            By number: right where pages are numbered along every path.
 * Errors     _write reports what was short of memory before; nothing is written then.
 * Cost       _show_*: O(rows x pages); _write: the same, and by number O(n_pages).
 */
#ifndef RAML_TREE_VISIBILITY_H
#define RAML_TREE_VISIBILITY_H

#include "raml/tree.h"

struct raml_seen_page { /* a page that rows [row0, row1) see some of */
    uint32_t page;
    uint16_t row0, row1;
    uint64_t mask[RAML_TILE]; /* of those rows */
};
struct raml_visibility { /* of one tile; zero-initialise */
    struct raml_seen_page *seen;
    size_t n, cap;
    uint32_t *at; /* [n_pages] of a page: its index in seen, if it is there */
    size_t n_pages, cap_pages;
    bool by_number, failed;
};
void raml_visibility_deinit(struct raml_visibility *v);
/* A new tile, of which nothing is shown; its pages have numbers below n_pages. */
void raml_visibility_start(struct raml_visibility *v, size_t n_pages, bool by_number);
/* Rows [row, row_end) see keys [key, key_end) of a text. Shown for rows from the first on. */
void raml_visibility_show_run(struct raml_visibility *v, size_t row, size_t row_end, const uint32_t *page, size_t key,
                              size_t key_end);
/* Row + i sees keys [key, own + i] of a text, for i < n: rows whose own keys are own, own + 1, ... */
void raml_visibility_show_chain(struct raml_visibility *v, size_t row, size_t n, const uint32_t *page, size_t key,
                                size_t own);
/* Appends the tile's pairs, pages being numbered from first_page on. The lists grow. */
struct raml_pair_list {
    struct raml_tile_pair *pair;
    size_t n_pairs, cap_pairs;
    uint64_t *mask;
    size_t n_masks, cap_masks;
};
RAML_CHECKED enum raml_code raml_visibility_write(struct raml_visibility *v, uint32_t first_page,
                                                  struct raml_pair_list *to, struct raml_err *err);

/* -- Windows: of what it sees a row keeps the keys whose positions are less than `width` below its own --------------- */
struct raml_key_positions { /* key k of page p is at position[first[p] + k]; position NULL: at first[p] + k */
    const int32_t *position;
    const uint32_t *first;
};
struct raml_window {
    int width;
    const int32_t *row; /* positions of the tile's rows */
    struct raml_key_positions key;
};
/* Appends what is left of a tile's pairs [n], whose masks are mask[pair.mask..], in their order. Cost: O(rows x pages),
 * and 64 more for each row and page where the window begins. */
RAML_CHECKED enum raml_code raml_visibility_narrow(const struct raml_tile_pair *pair, size_t n, const uint64_t *mask,
                                                   const struct raml_window *w, struct raml_pair_list *to,
                                                   struct raml_err *err);

#endif
