/* Attention in f32 to the last bit: whatever the tiles, the split of the keys in pages, the threads, the neighbours in
 * the batch, and the level (each against the first that runs). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"

#include <omp.h>

#define REF (&raml_ops_ref)

/* Trees here are chains: row r of a tree sees rows 0 .. r of it. */
enum { T = RAML_PAGE, H = 4, K = 2, MAX_ROWS = 800, MAX_TILES = MAX_ROWS, MAX_PAIRS = MAX_TILES * 40 };

struct plan {
    size_t n, n_tiles, n_trees, n_pairs, n_masks, n_pages;
    size_t tree_tile[8];
    struct raml_attn_tile tile[MAX_TILES];
    struct raml_attn_pair pair[MAX_PAIRS];
    uint64_t *mask;
    uint32_t page[MAX_ROWS];
    uint8_t slot[MAX_ROWS];
};
static struct plan plans[2];

/* How rows are split into tiles and keys into pages: 0: at random, up to `most` of them, pages with gaps. */
struct split {
    const char *what;
    size_t rows, keys;
    bool own; /* pages are the tiles, as in backward */
};

static void place_keys(struct plan *p, size_t first, size_t n, size_t keys, uint64_t *state)
{
    for (size_t i = 0; i < n; p->n_pages++) {
        size_t slot = 0, most = keys ? keys : 1 + draw(state) % T;
        for (size_t k = 0; k < most && i < n; k++, i++, slot++) {
            if (!keys) slot += draw(state) % 3 ? 0 : draw(state) % 9;
            if (slot >= T) break;
            p->page[first + i] = (uint32_t)p->n_pages;
            p->slot[first + i] = (uint8_t)slot;
        }
    }
}

/* Pairs of a tile of rows [r0, r0 + n) of the tree at `first`, with all the pages in which they see keys. */
static void see_keys(struct plan *p, struct raml_attn_tile *t, size_t first)
{
    t->pair = p->n_pairs;
    for (size_t key = first; key < t->row + t->n;) {
        uint32_t page = p->page[key];
        uint64_t mask[T] = {0}, all = ~UINT64_C(0);
        for (; key < t->row + t->n && p->page[key] == page; key++)
            for (size_t r = 0; r < t->n; r++)
                if (key <= t->row + r) mask[r] |= UINT64_C(1) << p->slot[key];
        size_t low = 0;
        while (!mask[low]) low++;
        for (size_t r = 0; r < t->n; r++) all &= mask[r];
        struct raml_attn_pair *pair = &p->pair[p->n_pairs++];
        *pair = (struct raml_attn_pair){page, (uint16_t)low, (uint16_t)(t->n - low), -1};
        if (!~all) continue;
        pair->mask = (int64_t)p->n_masks;
        memcpy(p->mask + p->n_masks, mask + low, (t->n - low) * sizeof *mask);
        p->n_masks += t->n - low;
    }
    t->n_pairs = p->n_pairs - t->pair;
}

static void make(struct plan *p, const size_t *tree, size_t n_trees, const struct split *split, uint64_t *state)
{
    uint64_t *mask = p->mask ? p->mask : malloc(MAX_ROWS * 40 * sizeof *mask);
    assert_non_null(mask);
    *p = (struct plan){.n_trees = n_trees, .mask = mask};
    for (size_t t = 0; t < n_trees; t++) {
        size_t first = p->n;
        p->tree_tile[t] = p->n_tiles;
        if (!split->own) place_keys(p, first, tree[t], split->keys, state);
        while (p->n < first + tree[t]) {
            size_t left = first + tree[t] - p->n, n = split->rows ? split->rows : 1 + draw(state) % T;
            struct raml_attn_tile *q = &p->tile[p->n_tiles];
            *q = (struct raml_attn_tile){(uint32_t)p->n, (uint32_t)(n < left ? n : left), 0, 0};
            for (size_t r = 0; split->own && r < q->n; r++) {
                p->page[p->n + r] = (uint32_t)p->n_tiles;
                p->slot[p->n + r] = (uint8_t)r;
            }
            p->n += q->n;
            see_keys(p, q, first);
            p->n_tiles++;
        }
    }
    p->tree_tile[n_trees] = p->n_tiles;
    if (split->own) p->n_pages = p->n_tiles;
    assert_true(p->n_pairs <= MAX_PAIRS && p->n_masks <= MAX_ROWS * 40);
}

/* Forward over pages, or backward (from any o, lse of the forward), by one level. */
struct values {
    size_t D;
    float *qkv, *d_o, *o, *lse, *dqkv;
};
static size_t width_of(const struct values *v)
{
    return (H + 2 * K) * v->D;
}
static struct values new_values(size_t D, size_t n, float q, uint64_t *state)
{
    struct values v = {.D = D};
    v.qkv = random_f32(n * width_of(&v), 1, state);
    for (size_t i = 0; i < n * width_of(&v); i++)
        if (i % width_of(&v) < H * D) v.qkv[i] *= q * (float)(i / width_of(&v) % 7); /* scores of several sizes */
    v.d_o = random_f32(n * H * D, 1, state);
    v.o = guarded(n * H * D * 4), v.lse = guarded(n * H * 4), v.dqkv = guarded(n * width_of(&v) * 4);
    return v;
}
static void drop_values(struct values *v, size_t n)
{
    drop(v->qkv, n * width_of(v) * 4), drop(v->d_o, n * H * v->D * 4), drop(v->o, n * H * v->D * 4);
    drop(v->lse, n * H * 4), drop(v->dqkv, n * width_of(v) * 4);
}

static struct raml_attn attn_of(const struct plan *p, const struct values *v)
{
    return (struct raml_attn){.n = p->n,
                              .H = H,
                              .K = K,
                              .D = v->D,
                              .qkv = v->qkv,
                              .tile = p->tile,
                              .n_tiles = p->n_tiles,
                              .pair = p->pair,
                              .mask = p->mask,
                              .o = v->o,
                              .lse = v->lse};
}
static void forward(const struct raml_ops *ops, const struct plan *p, const struct values *v)
{
    size_t n = p->n_pages * K * raml_page_elements(v->D);
    float *k = guarded(n * 4), *x = guarded(n * 4);
    for (size_t i = 0; i < n; i++) k[i] = x[i] = i % 2 ? 1e30f : -1e30f; /* what was there before */
    REF->store_kv(false, k, x, v->qkv, p->page, p->slot, p->n, H, K, v->D);
    struct raml_attn a = attn_of(p, v);
    a.k = k, a.v = x;
    ops->attn(&a);
    drop(k, n * 4), drop(x, n * 4);
}
static void backward(const struct raml_ops *ops, const struct plan *p, const struct values *v, int threads)
{
    size_t most = 0;
    for (size_t t = 0; t < p->n_trees; t++)
        if (p->tree_tile[t + 1] - p->tree_tile[t] > most) most = p->tree_tile[t + 1] - p->tree_tile[t];
    struct raml_attn_back b = {
        .f = attn_of(p, v), .d_o = v->d_o, .dqkv = v->dqkv, .tree_tile = p->tree_tile, .n_trees = p->n_trees};
    b.scratch = raml_device_alloc(ops->attn_scratch((size_t)threads, v->D, most, p->n * width_of(v)), 1);
    assert_non_null(b.scratch);
    ops->attn_back(&b);
    free(b.scratch);
}

static const size_t dims[] = {2, 12, 32, 80, 128};

/* A chain's rows get the same bits from every split into tiles and pages. */
static void splits(const struct raml_ops *ops, bool bf16)
{
    if (ops == REF || bf16) return;
    static const struct split split[] = {{"tiles of 64, full pages", 64, 64, false},
                                         {"single rows", 1, 64, false},
                                         {"tiles of 3", 3, 64, false},
                                         {"tiles of 17, pages of 5", 17, 5, false},
                                         {"tiles at random, pages at random", 0, 0, false},
                                         {"tiles of 64, pages at random", 64, 0, false},
                                         {"single rows, pages at random", 1, 0, false}};
    uint64_t state = 51;
    const size_t n = 150;
    for (size_t d = 0; d < COUNT(dims); d++) {
        struct values want = new_values(dims[d], n, 6, &state), got = want;
        make(&plans[0], &n, 1, &split[0], &state);
        forward(ops, &plans[0], &want);
        got.o = guarded(n * H * dims[d] * 4), got.lse = guarded(n * H * 4);
        for (size_t i = 1; i < COUNT(split); i++) {
            make(&plans[1], &n, 1, &split[i], &state);
            forward(ops, &plans[1], &got);
            check_same(split[i].what, got.o, want.o, n * H * dims[d] * 4);
            check_same(split[i].what, got.lse, want.lse, n * H * 4);
        }
        drop(got.o, n * H * dims[d] * 4), drop(got.lse, n * H * 4);
        drop_values(&want, n);
    }
}

/* Threads 1, 2, 3, 5; and a tree's gradients beside other trees. 600 rows: several tasks per tree. */
static void threads_and_packs(const struct raml_ops *ops, bool bf16)
{
    if (ops == REF || bf16) return;
    const struct split whole = {"", 64, 0, true};
    const size_t tree[] = {600, 70, 129};
    uint64_t state = 52;
    for (size_t d = 1; d < 4; d++) {
        size_t D = dims[d], n = tree[0] + tree[1] + tree[2];
        struct values all = new_values(D, n, 1, &state);
        size_t bytes = n * width_of(&all) * 4, head = tree[0] * width_of(&all) * 4,
               before = (size_t)omp_get_max_threads();
        make(&plans[0], tree, 3, &whole, &state);
        forward(ops, &plans[0], &all);
        float *o = copy_of(all.o, n * H * D * 4), *first = NULL;
        for (int threads = 1; threads <= 5; threads += threads < 3 ? 1 : 2) {
            omp_set_num_threads(threads);
            forward(ops, &plans[0], &all);
            check_same("threads: o", all.o, o, n * H * D * 4);
            backward(ops, &plans[0], &all, threads);
            if (!first) first = copy_of(all.dqkv, bytes);
            check_same("threads: dqkv", all.dqkv, first, bytes);
        }
        omp_set_num_threads((int)before);
        make(&plans[1], tree, 1, &whole, &state);
        backward(ops, &plans[1], &all, (int)before);
        check_same("a tree alone and in a batch", all.dqkv, first, head);
        drop(o, n * H * D * 4), drop(first, bytes);
        drop_values(&all, n);
    }
}

/* dQ is one chain over a row's keys, however they are split into tiles. */
static void query_gradients(const struct raml_ops *ops, bool bf16)
{
    if (ops == REF || bf16) return;
    uint64_t state = 53;
    const size_t n = 300, D = 32;
    const struct split whole = {"", 64, 0, true}, other = {"", 0, 0, true};
    struct values a = new_values(D, n, 2, &state);
    make(&plans[0], &n, 1, &whole, &state);
    make(&plans[1], &n, 1, &other, &state);
    forward(ops, &plans[0], &a);
    backward(ops, &plans[0], &a, omp_get_max_threads());
    float *want = copy_of(a.dqkv, n * width_of(&a) * 4);
    backward(ops, &plans[1], &a, omp_get_max_threads());
    for (size_t r = 0; r < n; r++)
        check_same("dQ in other tiles", a.dqkv + r * width_of(&a), want + r * width_of(&a), H * D * 4);
    drop(want, n * width_of(&a) * 4);
    drop_values(&a, n);
}

/* Every level gives the bits of the first. */
static struct {
    float *o, *lse, *dqkv;
} first_level[COUNT(dims)];
static void levels(const struct raml_ops *ops, bool bf16)
{
    if (ops == REF || bf16) return;
    uint64_t state = 54;
    const size_t tree[] = {333, 64, 9}, n = 333 + 64 + 9;
    const struct split whole = {"", 64, 0, true};
    for (size_t d = 0; d < COUNT(dims); d++) {
        struct values v = new_values(dims[d], n, 3, &state);
        make(&plans[0], tree, 3, &whole, &state);
        forward(ops, &plans[0], &v);
        backward(ops, &plans[0], &v, omp_get_max_threads());
        size_t wide = n * H * dims[d] * 4, bytes = n * width_of(&v) * 4;
        if (!first_level[d].o) {
            first_level[d].o = copy_of(v.o, wide), first_level[d].lse = copy_of(v.lse, n * H * 4);
            first_level[d].dqkv = copy_of(v.dqkv, bytes);
        }
        check_same(ops->level, v.o, first_level[d].o, wide);
        check_same(ops->level, v.lse, first_level[d].lse, n * H * 4);
        check_same(ops->level, v.dqkv, first_level[d].dqkv, bytes);
        drop_values(&v, n);
    }
}

static void test_splits(void **state)
{
    (void)state;
    each_level(splits);
}
static void test_threads(void **state)
{
    (void)state;
    each_level(threads_and_packs);
}
static void test_query_gradients(void **state)
{
    (void)state;
    each_level(query_gradients);
}
static void test_levels(void **state)
{
    (void)state;
    each_level(levels);
    for (size_t d = 0; d < COUNT(dims); d++) {
        size_t n = 333 + 64 + 9;
        drop(first_level[d].o, n * H * dims[d] * 4), drop(first_level[d].lse, n * H * 4);
        drop(first_level[d].dqkv, n * (H + 2 * K) * dims[d] * 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_splits), cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_query_gradients), cmocka_unit_test(test_levels)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < COUNT(plans); i++) free(plans[i].mask);
    return rc;
}
