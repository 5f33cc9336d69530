/* Attention over tiles and pages, forward and backward: every level against the reference, on random masks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"
#include "device/cpu/cpu.h"

#define REF (&raml_ops_ref)

enum { T = RAML_PAGE, MAX_TILES = 16, MAX_PAIRS = 64 };

/* -- Trees of rows, and who sees whom ------------------------------------------------------------------------------ */
struct plan {
    size_t n, n_tiles, n_trees, n_pairs, n_masks;
    size_t tree_tile[MAX_TILES + 1];
    struct raml_attn_tile tile[MAX_TILES];
    struct raml_attn_pair pair[MAX_PAIRS];      /* page = tile number, as backward reads it */
    struct raml_attn_pair page_pair[MAX_PAIRS]; /* page = where the tile's keys are stored */
    uint64_t mask[MAX_PAIRS * T];
    uint32_t page[MAX_TILES * T];
    uint8_t slot[MAX_TILES * T];
};

static uint64_t bits(uint64_t *state)
{
    uint64_t a = draw(state), b = draw(state), c = draw(state);
    return a << 42 ^ b << 21 ^ c;
}

/* Rows of query tile q against an earlier tile: every key; random bits; one bit; or rows that see nothing of it. */
static void add_earlier(struct plan *p, size_t q, size_t k, uint64_t *state)
{
    struct raml_attn_pair *pair = &p->pair[p->n_pairs++];
    unsigned kind = draw(state) % 4;
    uint16_t n = (uint16_t)p->tile[q].n, row0 = kind == 0 ? 0 : (uint16_t)(draw(state) % n);
    *pair = (struct raml_attn_pair){(uint32_t)k, row0, (uint16_t)(kind == 0 ? n : 1 + draw(state) % (n - row0)), -1};
    if (kind == 0) return;
    pair->mask = (int64_t)p->n_masks;
    for (size_t r = 0; r < pair->n_rows; r++) {
        uint64_t one = UINT64_C(1) << draw(state) % 64;
        p->mask[p->n_masks++] = kind == 1         ? bits(state)
                                : kind == 2       ? one
                                : draw(state) % 2 ? 0
                                                  : bits(state) & bits(state);
    }
}
/* Rows of a tile against itself: a row sees itself and some of those before it. */
static void add_own(struct plan *p, size_t q, uint64_t *state)
{
    struct raml_attn_pair *pair = &p->pair[p->n_pairs++];
    *pair = (struct raml_attn_pair){(uint32_t)q, 0, (uint16_t)p->tile[q].n, (int64_t)p->n_masks};
    unsigned kind = draw(state) % 3;
    for (size_t r = 0; r < pair->n_rows; r++) {
        uint64_t own = UINT64_C(1) << r, before = own - 1;
        p->mask[p->n_masks++] = own | (kind == 0 ? before : kind == 1 ? before & bits(state) : 0);
    }
}
static void make_plan(struct plan *p, const size_t *tree, size_t n_trees, uint64_t *state)
{
    *p = (struct plan){.n_trees = n_trees};
    for (size_t t = 0; t < n_trees; t++) {
        size_t first = p->n_tiles;
        p->tree_tile[t] = first;
        for (size_t done = 0; done < tree[t]; done += T) {
            size_t q = p->n_tiles++, n = tree[t] - done < T ? tree[t] - done : T;
            p->tile[q] = (struct raml_attn_tile){(uint32_t)p->n, (uint32_t)n, p->n_pairs, 0};
            for (size_t k = first; k < q; k++)
                if (draw(state) % 4) add_earlier(p, q, k, state);
            add_own(p, q, state);
            p->tile[q].n_pairs = p->n_pairs - p->tile[q].pair;
            for (size_t r = 0; r < n; r++) p->slot[p->n + r] = (uint8_t)r;
            p->n += n;
        }
    }
    p->tree_tile[n_trees] = p->n_tiles;
    assert_true(p->n_tiles <= MAX_TILES && p->n_pairs <= MAX_PAIRS);
    for (size_t i = 0; i < p->n_tiles; i++) /* pages are in another order than tiles */
        for (size_t r = 0; r < p->tile[i].n; r++) p->page[p->tile[i].row + r] = (uint32_t)(p->n_tiles - 1 - i);
    for (size_t i = 0; i < p->n_pairs; i++) {
        p->page_pair[i] = p->pair[i];
        p->page_pair[i].page = (uint32_t)(p->n_tiles - 1 - p->pair[i].page);
    }
}

/* -- Forward and backward on one plan ------------------------------------------------------------------------------ */
struct sizes {
    size_t H, K, D;
    float q, kv; /* values of queries, of keys and values, are in [-q, q), [-kv, kv) */
};
struct run { /* one side's results */
    void *o, *dqkv;
    float *lse;
};

static void *fill_qkv(bool bf16, size_t n, const struct sizes *z, uint64_t *state)
{
    size_t width = (z->H + 2 * z->K) * z->D;
    void *p = guarded(n * width * act_bytes(bf16));
    for (size_t i = 0; i < n * width; i++)
        act_put(bf16, p, i, draw_unit(state) * (i % width < z->H * z->D ? z->q : z->kv));
    return p;
}

/* Cells of pages without a key keep what was there before: here, large numbers. */
static void *old_page(bool bf16, size_t n)
{
    void *p = guarded(n * act_bytes(bf16));
    for (size_t i = 0; i < n; i++) act_put(bf16, p, i, i % 3 ? 1e30f : -1e30f);
    return p;
}

/* Bounds. f32: a score is a sum of D products, wrong by at most D 2^-24 sum |q k| / sqrt(D) =: err_s; weights are wrong
 * by that share of themselves twice (numerator and sum), plus 1e-6 for exp and the sums over keys; outputs are averages
 * of v. bf16: the weights P are rounded too, 2^-9 each, and the output again. */
static double score_error(const struct sizes *z)
{
    double D = (double)z->D;
    return D * 0x1p-24 * sqrt(D) * (double)z->q * (double)z->kv;
}

static void check_output(bool bf16, const struct plan *p, const struct sizes *z, const struct run *got,
                         const struct run *want)
{
    double err_s = score_error(z), tol = (2 * err_s + 2e-6 + (bf16 ? 1.0 / 256 : 0)) * (double)z->kv;
    for (size_t i = 0; i < p->n * z->H * z->D; i++) {
        double g = act_at(bf16, got->o, i), w = act_at(bf16, want->o, i);
        if (!(fabs(g - w) <= tol + (bf16 ? fabs(w) / 128 : 0)))
            fail_msg("o: D %zu H %zu K %zu row %zu: got %g, expected %g, bound %g", z->D, z->H, z->K, i / (z->H * z->D),
                     g, w, tol);
    }
    for (size_t i = 0; i < p->n * z->H; i++) {
        double bound = err_s + 2e-6 + fabs((double)want->lse[i]) * 2e-7;
        if (!(fabs((double)got->lse[i] - (double)want->lse[i]) <= bound))
            fail_msg("lse: D %zu: got %.9g, expected %.9g", z->D, (double)got->lse[i], (double)want->lse[i]);
    }
}

/* Backward: errors of P and dS as above, into sums over many rows: as a share of the whole gradient's norm, and each
 * element as a share of the largest. In bf16 P and dS (2^-9 each) and the result (2^-9) are rounded. */
static void check_gradient(bool bf16, const struct plan *p, const struct sizes *z, const struct run *got,
                           const struct run *want)
{
    double share = 4 * score_error(z) + 1e-5 + (bf16 ? 1.0 / 128 : 0), most = 0, norm = 0, diff = 0;
    size_t n = p->n * (z->H + 2 * z->K) * z->D;
    for (size_t i = 0; i < n; i++) {
        double w = act_at(bf16, want->dqkv, i), d = act_at(bf16, got->dqkv, i) - w;
        if (fabs(w) > most) most = fabs(w);
        norm += w * w;
        diff += d * d;
    }
    for (size_t i = 0; i < n; i++)
        if (!(fabs(act_at(bf16, got->dqkv, i) - act_at(bf16, want->dqkv, i)) <= share * most))
            fail_msg("dqkv: D %zu H %zu K %zu: element %zu: got %g, expected %g, largest %g", z->D, z->H, z->K, i,
                     act_at(bf16, got->dqkv, i), act_at(bf16, want->dqkv, i), most);
    if (!(sqrt(diff) <= share * sqrt(norm))) fail_msg("dqkv: D %zu: relative norm %g", z->D, sqrt(diff / norm));
}

static bool with_tiles; /* bf16 on AMX tiles */

static void check_case(const struct raml_ops *ops, bool bf16, const size_t *tree, size_t n_trees, const struct sizes *z,
                       bool backward, uint64_t *state)
{
    static struct plan p;
    make_plan(&p, tree, n_trees, state);
    size_t s = act_bytes(bf16), width = (z->H + 2 * z->K) * z->D, page_n = p.n_tiles * z->K * raml_page_elements(z->D);
    size_t wide = p.n * z->H * z->D * s, most = 0;
    void *qkv = fill_qkv(bf16, p.n, z, state), *k = old_page(bf16, page_n), *v = old_page(bf16, page_n);
    void *d_o = random_act(bf16, p.n * z->H * z->D, 1, state);
    for (size_t t = 0; t < n_trees; t++)
        if (p.tree_tile[t + 1] - p.tree_tile[t] > most) most = p.tree_tile[t + 1] - p.tree_tile[t];
    REF->store_kv(bf16, k, v, qkv, p.page, p.slot, p.n, z->H, z->K, z->D);
    struct run run[2];
    for (int i = 1; i >= 0; i--) { /* the reference first: both backwards start from its output */
        const struct raml_ops *o = i ? REF : ops;
        struct raml_attn a = {.bf16 = bf16,
                              .n = p.n,
                              .H = z->H,
                              .K = z->K,
                              .D = z->D,
                              .qkv = qkv,
                              .k = k,
                              .v = v,
                              .tile = p.tile,
                              .n_tiles = p.n_tiles,
                              .pair = p.page_pair,
                              .mask = p.mask,
                              .tiles = with_tiles && !i};
        run[i] = (struct run){guarded(wide), guarded(p.n * width * s), guarded(p.n * z->H * 4)};
        a.o = run[i].o, a.lse = run[i].lse;
        o->attn(&a);
        if (!backward) continue;
        size_t scratch = o->attn_scratch(2, z->D, most, p.n * width);
        a.o = run[1].o, a.lse = run[1].lse, a.pair = p.pair, a.k = a.v = NULL;
        struct raml_attn_back b = {
            .f = a, .d_o = d_o, .dqkv = run[i].dqkv, .tree_tile = p.tree_tile, .n_trees = n_trees};
        b.scratch = raml_device_alloc(scratch, 1);
        o->attn_back(&b);
        free(b.scratch);
    }
    check_output(bf16, &p, z, &run[0], &run[1]);
    if (backward) check_gradient(bf16, &p, z, &run[0], &run[1]);
    for (int i = 0; i < 2; i++)
        drop(run[i].o, wide), drop(run[i].dqkv, p.n * width * s), drop(run[i].lse, p.n * z->H * 4);
    drop(qkv, p.n * width * s), drop(k, page_n * s), drop(v, page_n * s), drop(d_o, wide);
}

/* -- The cases ----------------------------------------------------------------------------------------------------- */
static const struct {
    size_t n_trees, rows[4];
} packs[] = {{1, {1}},   {1, {7}},        {1, {64}},      {1, {65}},          {2, {33, 31}},
             {1, {200}}, {3, {8, 1, 70}}, {2, {64, 128}}, {4, {9, 2, 3, 16}}, {0, {0}}};
static const struct {
    size_t H, K;
} groups[] = {{1, 1}, {5, 1}, {4, 2}, {8, 8}};
static const size_t dims[] = {2, 6, 12, 16, 32, 64, 80, 128, 256};

static void shapes(const struct raml_ops *ops, bool bf16)
{
    if (ops == REF) return;
    uint64_t state = 41;
    for (size_t d = 0; d < COUNT(dims); d++)
        for (size_t g = 0; g < COUNT(groups); g++)
            for (size_t i = 0; i < COUNT(packs); i++) {
                size_t cost = dims[d] * groups[g].H, all = 0;
                for (size_t t = 0; t < packs[i].n_trees; t++) all += packs[i].rows[t];
                if (cost * all * all > 12000000 || (cost > 100 && (d + g + i) % 3)) continue;
                struct sizes z = {groups[g].H, groups[g].K, dims[d], 1, 1};
                check_case(ops, bf16, packs[i].rows, packs[i].n_trees, &z, true, &state);
            }
}

/* Scores up to about +-80 (one key takes all), and nearly equal ones. */
static void extremes(const struct raml_ops *ops, bool bf16)
{
    if (ops == REF) return;
    uint64_t state = 42;
    const size_t tree[] = {130, 40};
    const struct sizes z[] = {{4, 2, 16, 60, 4},          {2, 1, 32, 100, 3},  {2, 2, 64, 0, 1},
                              {2, 1, 12, 1e-18f, 1e-18f}, {2, 1, 16, 1, 1000}, {1, 1, 2, 110, 1}};
    for (size_t i = 0; i < COUNT(z); i++) check_case(ops, bf16, tree, 2, &z[i], z[i].kv < 100 && z[i].q < 1e2f, &state);
}

/* lse is optional forward; and a row's results have the same bits beside other trees and other queries. */
static void neighbours_of(const struct raml_ops *ops, bool bf16, size_t D, bool lossy)
{
    enum { H = 4, K = 2, N = 290 };
    const size_t WIDTH = (H + 2 * K) * D;
    uint64_t state = 43;
    static struct plan p;
    const size_t tree[] = {N};
    make_plan(&p, tree, 1, &state);
    struct sizes z = {H, K, D, lossy ? 0 : 2, 1};
    size_t s = act_bytes(bf16), page_n = p.n_tiles * K * raml_page_elements(D), wide = N * H * D * s;
    void *qkv = fill_qkv(bf16, N, &z, &state), *k = old_page(bf16, page_n), *v = old_page(bf16, page_n);
    for (size_t q = 0; q < p.n_tiles && lossy; q++) /* no row sees the first six keys of a page before its own */
        for (size_t i = 0; i < p.tile[q].n_pairs; i++) {
            const struct raml_attn_pair *pair = &p.pair[p.tile[q].pair + i];
            for (size_t r = 0; r < pair->n_rows && pair->page != q && pair->mask >= 0; r++)
                p.mask[(size_t)pair->mask + r] &= ~UINT64_C(63);
        }
    if (lossy) /* equal weights, and values whose sum hangs on the order of its terms: 2^24 + 1 is 2^24 */
        for (size_t i = 0; i < N; i++)
            for (size_t j = (H + K) * D; j < WIDTH; j++) {
                static const float value[] = {0x1p24f, -0x1p24f, 1, 3, -2};
                act_put(bf16, qkv, i * WIDTH + j, value[draw(&state) % COUNT(value)]);
            }
    REF->store_kv(bf16, k, v, qkv, p.page, p.slot, N, H, K, D);
    void *all = guarded(wide), *one = guarded(wide);
    struct raml_attn a = {.bf16 = bf16,
                          .n = N,
                          .H = H,
                          .K = K,
                          .D = D,
                          .qkv = qkv,
                          .k = k,
                          .v = v,
                          .tile = p.tile,
                          .n_tiles = p.n_tiles,
                          .pair = p.page_pair,
                          .mask = p.mask,
                          .tiles = with_tiles,
                          .o = all};
    ops->attn(&a);
    for (size_t q = 0; q < p.n_tiles; q++)
        for (uint32_t r = 0; r < p.tile[q].n; r += 7) { /* each row as a tile of its own */
            struct raml_attn_pair pair[MAX_PAIRS];
            size_t n = 0;
            for (size_t i = 0; i < p.tile[q].n_pairs; i++) {
                struct raml_attn_pair from = p.page_pair[p.tile[q].pair + i];
                if (r < from.row0 || r >= (uint32_t)from.row0 + from.n_rows) continue;
                int64_t mask = from.mask < 0 ? -1 : from.mask + (int64_t)(r - from.row0);
                pair[n++] = (struct raml_attn_pair){from.page, 0, 1, mask};
            }
            struct raml_attn_tile tile = {p.tile[q].row + r, 1, 0, n};
            struct raml_attn b = a;
            b.tile = &tile, b.n_tiles = 1, b.pair = pair, b.o = one;
            ops->attn(&b);
            size_t at = tile.row * H * D * s;
            check_same("a row alone and in its tile", (char *)all + at, (char *)one + at, H * D * s);
        }
    drop(qkv, N * WIDTH * s), drop(k, page_n * s), drop(v, page_n * s), drop(all, wide), drop(one, wide);
}

static void neighbours(const struct raml_ops *ops, bool bf16)
{
    static const size_t sizes[] = {12, 64, 80};
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int lossy = 0; lossy < 2; lossy++) neighbours_of(ops, bf16, sizes[i], lossy);
}

/* Two keys by hand: scores 0 and log 3 (after the division by sqrt(D)) give weights 1/4 and 3/4. */
static void test_by_hand(void **state)
{
    (void)state;
    enum { D = 4, WIDTH = 3 * D, PAGE = RAML_PAGE * 16 };
    float qkv[2 * WIDTH] = {0}, k[PAGE] = {0}, v[PAGE] = {0}, o[2 * D], lse[2];
    qkv[WIDTH] = 2;                         /* query of row 1 */
    qkv[WIDTH + D] = logf(3);               /* its key */
    qkv[2 * D] = 4, qkv[WIDTH + 2 * D] = 8; /* values 4 and 8 */
    const uint32_t page[2] = {0, 0};
    const uint8_t slot[2] = {0, 1};
    const uint64_t mask[2] = {1, 3};
    const struct raml_attn_tile tile = {0, 2, 0, 1};
    const struct raml_attn_pair pair = {0, 0, 2, 0};
    REF->store_kv(false, k, v, qkv, page, slot, 2, 1, 1, D);
    struct raml_attn a = {.n = 2,
                          .H = 1,
                          .K = 1,
                          .D = D,
                          .qkv = qkv,
                          .k = k,
                          .v = v,
                          .tile = &tile,
                          .n_tiles = 1,
                          .pair = &pair,
                          .mask = mask,
                          .o = o,
                          .lse = lse};
    REF->attn(&a);
    assert_true(fabs(o[0] - 4.0) <= 1e-6 && fabs(o[D] - 7.0) <= 1e-5);
    assert_true(fabs(lse[0] - 0.0) <= 1e-6 && fabs(lse[1] - log(4)) <= 1e-6);
}

static void test_shapes(void **state)
{
    (void)state;
    each_level(shapes);
}
static void test_extremes(void **state)
{
    (void)state;
    each_level(extremes);
}
static void test_neighbours(void **state)
{
    (void)state;
    each_level(neighbours);
}

static void on_tiles(const struct raml_ops *ops, bool bf16)
{
    if (!bf16 || !ops->has_bf16) return;
    with_tiles = true;
    shapes(ops, true);
    extremes(ops, true);
    neighbours(ops, true);
    with_tiles = false;
}
static void test_tiles(void **state)
{
    (void)state;
    if (!raml_cpu_may_use_tiles()) {
        print_message("no AMX here: its products are not tested\n");
        skip();
    }
    each_level(on_tiles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_shapes),
                                       cmocka_unit_test(test_extremes), cmocka_unit_test(test_neighbours),
                                       cmocka_unit_test(test_tiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
