/* visibility.c - which key pages the rows of a query tile see. See visibility.h. */
#include "tree/visibility.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t all_keys = ~UINT64_C(0);

void raml_visibility_deinit(struct raml_visibility *v)
{
    free(v->seen);
    free(v->at);
    *v = (struct raml_visibility){0};
}

void raml_visibility_start(struct raml_visibility *v, size_t n_pages, bool by_number)
{
    size_t before = v->cap_pages;
    v->n = 0;
    v->n_pages = n_pages;
    v->by_number = by_number;
    v->failed = RAML_GROW(v->at, v->cap_pages, n_pages, "pages of a tile", NULL) != RAML_OK;
    if (!v->failed && v->cap_pages > before) memset(v->at + before, 0, (v->cap_pages - before) * sizeof *v->at);
}

/* NULL: it is not among those seen. */
static struct raml_seen_page *find(const struct raml_visibility *v, uint32_t page)
{
    uint32_t at = v->at[page];
    return at < v->n && v->seen[at].page == page ? &v->seen[at] : NULL;
}

/* Rows [row, row_end) see these keys of a page. */
static void show(struct raml_visibility *v, size_t row, size_t row_end, uint32_t page, uint64_t keys)
{
    if (v->failed) return;
    struct raml_seen_page *s = find(v, page);
    if (!s) {
        v->failed = RAML_GROW(v->seen, v->cap, v->n + 1, "pages of a tile", NULL) != RAML_OK;
        if (v->failed) return;
        v->at[page] = (uint32_t)v->n;
        s = &v->seen[v->n++];
        s->page = page;
        s->row0 = s->row1 = (uint16_t)row;
    }
    while (s->row1 < row) s->mask[s->row1++] = 0;
    size_t had = s->row1 < row_end ? s->row1 : row_end; /* rows that saw some of it before */
    for (size_t r = row; r < had; r++) s->mask[r] |= keys;
    for (size_t r = had; r < row_end; r++) s->mask[r] = keys;
    if (s->row1 < row_end) s->row1 = (uint16_t)row_end;
}

/* Keys [low, high) of a page. */
static uint64_t bits(size_t low, size_t high)
{
    return (high >= RAML_TILE ? all_keys : (UINT64_C(1) << high) - 1) & ~((UINT64_C(1) << low) - 1);
}

void raml_visibility_show_run(struct raml_visibility *v, size_t row, size_t row_end, const uint32_t *page, size_t key,
                              size_t key_end)
{
    while (key < key_end) {
        size_t i = key / RAML_TILE, first = i * RAML_TILE;
        show(v, row, row_end, page ? page[i] : (uint32_t)i, bits(key - first, key_end - first));
        key = first + RAML_TILE;
    }
}

void raml_visibility_show_chain(struct raml_visibility *v, size_t row, size_t n, const uint32_t *page, size_t key,
                                size_t own)
{
    size_t common = own / RAML_TILE * RAML_TILE; /* pages before it are seen whole by every row */
    if (common < key) common = key;
    raml_visibility_show_run(v, row, row + n, page, key, common);
    for (size_t i = 0; i < n; i++) raml_visibility_show_run(v, row + i, row + i + 1, page, common, own + i + 1);
}

static bool sees_all(const struct raml_seen_page *s)
{
    for (size_t r = s->row0; r < s->row1; r++)
        if (s->mask[r] != all_keys) return false;
    return true;
}

static void write_page(const struct raml_seen_page *s, uint32_t first_page, struct raml_pair_list *to)
{
    uint16_t n = (uint16_t)(s->row1 - s->row0);
    struct raml_tile_pair pair = {first_page + s->page, s->row0, n, -1};
    if (!sees_all(s)) {
        pair.mask = (int64_t)to->n_masks;
        memcpy(to->mask + to->n_masks, s->mask + s->row0, n * sizeof *s->mask);
        to->n_masks += n;
    }
    to->pair[to->n_pairs++] = pair;
}

enum raml_code raml_visibility_write(struct raml_visibility *v, uint32_t first_page, struct raml_pair_list *to,
                                     struct raml_err *err)
{
    size_t masks = 0;
    for (size_t i = 0; i < v->n; i++) masks += (size_t)(v->seen[i].row1 - v->seen[i].row0);
    if (v->failed) return raml_fail(err, RAML_ENOMEM, "no memory for the key pages of a tile");
    enum raml_code rc = RAML_GROW(to->pair, to->cap_pairs, to->n_pairs + v->n, "pairs of tiles", err);
    if (!rc) rc = RAML_GROW(to->mask, to->cap_masks, to->n_masks + masks, "masks", err);
    if (rc) return rc;
    if (!v->by_number) {
        for (size_t i = 0; i < v->n; i++) write_page(&v->seen[i], first_page, to);
        return RAML_OK;
    }
    for (size_t page = 0; page < v->n_pages; page++) {
        const struct raml_seen_page *s = find(v, (uint32_t)page);
        if (s) write_page(s, first_page, to);
    }
    return RAML_OK;
}

/* -- Windows ------------------------------------------------------------------------------------------------------- */
struct page_positions { /* of the keys of a page that any row sees */
    int64_t at[RAML_TILE], low, high;
};

static void find_positions(const struct raml_tile_pair *pair, const uint64_t *mask, const struct raml_window *w,
                           struct page_positions *out)
{
    uint64_t any = mask ? 0 : all_keys;
    for (size_t r = 0; mask && r < pair->n_rows; r++) any |= mask[r];
    out->low = INT64_MAX, out->high = -1;
    for (size_t k = 0; k < RAML_TILE; k++) {
        if (!(any >> k & 1)) continue;
        size_t i = (size_t)w->key.first[pair->k_tile] + k;
        out->at[k] = w->key.position ? w->key.position[i] : (int64_t)i;
        if (out->at[k] < out->low) out->low = out->at[k];
        if (out->at[k] > out->high) out->high = out->at[k];
    }
}

/* Of the keys `seen` those at `first` or later. */
static uint64_t within(uint64_t seen, const struct page_positions *p, int64_t first)
{
    uint64_t out = 0;
    if (first <= p->low) return seen;
    if (first > p->high) return 0;
    for (uint64_t left = seen; left; left &= left - 1) {
        int k = __builtin_ctzll(left);
        if (p->at[k] >= first) out |= UINT64_C(1) << k;
    }
    return out;
}

enum raml_code raml_visibility_narrow(const struct raml_tile_pair *pair, size_t n, const uint64_t *mask,
                                      const struct raml_window *w, struct raml_pair_list *to, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(to->pair, to->cap_pairs, to->n_pairs + n, "pairs of tiles", err);
    if (!rc) rc = RAML_GROW(to->mask, to->cap_masks, to->n_masks + n * RAML_TILE, "masks", err);
    for (size_t i = 0; i < n && !rc; i++) {
        const uint64_t *had = pair[i].mask < 0 ? NULL : mask + pair[i].mask;
        struct raml_seen_page s = {.page = pair[i].k_tile, .row0 = RAML_TILE};
        struct page_positions p;
        find_positions(&pair[i], had, w, &p);
        for (size_t r = 0; r < pair[i].n_rows; r++) {
            size_t row = pair[i].row0 + r;
            uint64_t seen = within(had ? had[r] : all_keys, &p, (int64_t)w->row[row] - w->width + 1);
            if (seen && s.row0 == RAML_TILE) s.row0 = (uint16_t)row;
            s.mask[row] = seen;
            if (seen) s.row1 = (uint16_t)(row + 1);
        }
        if (s.row0 < RAML_TILE) write_page(&s, 0, to);
    }
    return rc;
}
