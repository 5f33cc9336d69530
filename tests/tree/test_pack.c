/* Packs against the simplest model of a tree: who sees whom, positions, where log-probabilities are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "naive.h"

/* Whether row `row` of the pack sees row `key`, by the lists of pairs and masks; also checks the lists'
 * invariants. */
static int pack_sees(const struct raml_pack *p, uint32_t row, uint32_t key)
{
    for (size_t i = 0; i < p->n_tiles; i++) {
        const struct raml_tile *q = &p->tile[i];
        if (row < q->row || row >= q->row + q->n) continue;
        for (size_t j = q->pair; j < q->pair + q->n_pairs; j++) {
            const struct raml_tile *k = &p->tile[p->pair[j].k_tile];
            if (key < k->row || key >= k->row + k->n) continue;
            uint32_t r = row - q->row - p->pair[j].row0; /* wraps before row0 */
            if (r >= p->pair[j].n_rows) return 0;
            return p->pair[j].mask < 0 || (p->mask[p->pair[j].mask + r] >> (key - k->row) & 1);
        }
    }
    return 0;
}

static void check_lists(const struct raml_pack *p)
{
    size_t pairs = 0, masks = 0;
    uint32_t row = 0;
    for (size_t t = 0; t < p->n_trees; t++)
        for (size_t i = p->tree_tile[t]; i < p->tree_tile[t + 1]; i++) {
            const struct raml_tile *q = &p->tile[i];
            assert_int_equal(q->row, row);
            assert_int_equal(q->tree, t);
            assert_in_range(q->n, 1, RAML_TILE);
            assert_true(q->n == RAML_TILE || row + q->n == p->tree_row[t + 1]); /* only a tree's last tile is short */
            assert_int_equal(q->pair, pairs);
            for (size_t j = 0; j < q->n_pairs; j++) {
                const struct raml_tile_pair *pair = &p->pair[pairs + j];
                assert_in_range(pair->k_tile, p->tree_tile[t], i); /* never across a tree's border, never ahead */
                assert_true(j == 0 || pair->k_tile > pair[-1].k_tile);
                assert_true(pair->n_rows > 0 && pair->row0 + pair->n_rows <= q->n);
                if (pair->mask < 0) continue;
                assert_int_equal(pair->mask, masks);
                masks += pair->n_rows;
                uint64_t all = ~UINT64_C(0);
                const uint64_t *mask = p->mask + pair->mask;
                for (uint32_t r = 0; r < pair->n_rows; r++) all &= mask[r];
                assert_true(mask[0] && mask[pair->n_rows - 1] && all != ~UINT64_C(0)); /* no row, no mask in vain */
            }
            pairs += q->n_pairs;
            row += q->n;
        }
    assert_int_equal(row, p->n_rows);
    assert_int_equal(p->tree_tile[p->n_trees], p->n_tiles);
    assert_int_equal(pairs, p->n_pairs);
    assert_int_equal(masks, p->n_masks);
}

/* Tree number t of the pack is as in m, and sees nothing of the others. */
static void check_tree(const struct raml_pack *p, size_t t, const struct naive *m)
{
    uint32_t row0 = p->tree_row[t];
    assert_int_equal(p->tree_row[t + 1] - row0, m->n);
    assert_memory_equal(p->token + row0, m->token, m->n * sizeof *m->token);
    for (uint32_t i = 0; i < m->n; i++) {
        int32_t depth = 0;
        for (int64_t a = m->parent[i]; a >= 0; a = m->parent[a]) depth++;
        assert_int_equal(p->position[row0 + i], depth);
        for (uint32_t j = 0; j < m->n; j++)
            if (pack_sees(p, row0 + i, row0 + j) != naive_sees(m, i, j))
                fail_msg("tree %zu of %zu tokens: token %u %s token %u", t, m->n, i,
                         naive_sees(m, i, j) ? "must see" : "must not see", j);
    }
    assert_int_equal(p->tree_target[t + 1] - p->tree_target[t], m->n_targets);
    for (size_t i = 0; i < m->n_targets; i++) {
        const struct raml_target *s = &p->target[p->tree_target[t] + i];
        assert_int_equal(s->token, m->token[m->target[i]]);
        assert_int_equal(s->row, row0 + (uint32_t)m->parent[m->target[i]]);
    }
}

static void test_random(void **state)
{
    (void)state;
    enum { TREES = 6 };
    struct raml_rng r = {{.seed = 2, .purpose = RAML_FOR_TEST}, 0};
    struct raml_pack p = {0};
    for (int round = 0; round < 8; round++) {
        struct naive m[TREES];
        size_t trees = round % TREES + 1;
        raml_pack_clear(&p);
        for (size_t t = 0; t < trees; t++) {
            struct raml_tree tree = {0};
            naive_init(&m[t]);
            random_tree(&tree, &m[t], &r, 1000, 1 + raml_rng_below(&r, 14), t % 2 ? 70 : 9);
            assert_int_equal(raml_pack_add(&p, &tree, NULL), RAML_OK);
            raml_tree_deinit(&tree); /* the pack keeps nothing of it */
        }
        assert_int_equal(p.n_trees, trees);
        assert_int_equal(p.tree_target[trees], p.n_targets);
        check_lists(&p);
        for (size_t t = 0; t < trees; t++) {
            check_tree(&p, t, &m[t]);
            naive_deinit(&m[t]);
        }
    }
    raml_pack_deinit(&p);
}

/* A tree's tiles, pairs and masks are the same wherever it is in the pack. */
static void test_place(void **state)
{
    (void)state;
    struct raml_rng r = {{.seed = 3, .purpose = RAML_FOR_TEST}, 0};
    struct raml_tree a = {0}, b = {0};
    struct naive ma, mb;
    naive_init(&ma), naive_init(&mb);
    random_tree(&a, &ma, &r, 50, 12, 60);
    random_tree(&b, &mb, &r, 50, 9, 33);
    struct raml_pack alone = {0}, second = {0};
    assert_int_equal(raml_pack_add(&alone, &b, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&second, &a, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&second, &b, NULL), RAML_OK);
    size_t tile = second.tree_tile[1], pair = second.tile[tile].pair, mask = second.n_masks - alone.n_masks;
    assert_int_equal(second.n_tiles - tile, alone.n_tiles);
    for (size_t i = 0; i < alone.n_tiles; i++) assert_int_equal(second.tile[tile + i].n, alone.tile[i].n);
    for (size_t i = 0; i < alone.n_pairs; i++) {
        assert_int_equal(second.pair[pair + i].k_tile - tile, alone.pair[i].k_tile);
        assert_int_equal(second.pair[pair + i].row0, alone.pair[i].row0);
        assert_int_equal(second.pair[pair + i].n_rows, alone.pair[i].n_rows);
        assert_true((second.pair[pair + i].mask < 0) == (alone.pair[i].mask < 0));
    }
    assert_memory_equal(second.mask + mask, alone.mask, alone.n_masks * sizeof *alone.mask);
    raml_pack_deinit(&alone), raml_pack_deinit(&second);
    raml_tree_deinit(&a), raml_tree_deinit(&b);
    naive_deinit(&ma), naive_deinit(&mb);
}

/* Chains of awkward lengths: the triangle below the diagonal, whole tiles without a mask. */
static void test_chains(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {1, 2, 63, 64, 65, 127, 128, 129, 200};
    int32_t token[200];
    for (int i = 0; i < 200; i++) token[i] = i;
    struct raml_pack p = {0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint32_t n = lengths[i], tiles = (n + 63) / 64;
        struct raml_tree t = {0};
        raml_pack_clear(&p);
        assert_int_equal(raml_tree_add(&t, -1, 0, token, n, 1, NULL, NULL), RAML_OK);
        assert_int_equal(raml_pack_add(&p, &t, NULL), RAML_OK);
        check_lists(&p);
        assert_int_equal(p.n_pairs, tiles * (tiles + 1) / 2);
        assert_int_equal(p.n_masks, n); /* only those on the diagonal */
        for (uint32_t a = 0; a < n; a++)
            for (uint32_t b = 0; b < n; b++) assert_int_equal(pack_sees(&p, a, b), b <= a);
        raml_tree_deinit(&t);
    }
    raml_pack_deinit(&p);
}

/* Trees without tokens, spans or targets are trees too. */
static void test_empty(void **state)
{
    (void)state;
    const int32_t token = 5;
    struct raml_tree none = {0}, spans = {0}, one = {0};
    struct raml_pack p = {0};
    assert_int_equal(raml_tree_add(&spans, -1, 0, NULL, 0, 0, NULL, NULL), RAML_OK);
    assert_int_equal(raml_tree_add(&spans, 0, 0, NULL, 0, 0, NULL, NULL), RAML_OK);
    assert_int_equal(raml_tree_add(&one, -1, 0, &token, 1, 1, NULL, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&p, &none, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&p, &spans, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&p, &one, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&p, &none, NULL), RAML_OK);
    assert_int_equal(p.n_trees, 4);
    assert_int_equal(p.n_rows, 1);
    assert_int_equal(p.n_tiles, 1);
    assert_int_equal(p.n_targets, 0);
    const uint32_t rows[] = {0, 0, 0, 1, 1};
    assert_memory_equal(p.tree_row, rows, sizeof rows);
    check_lists(&p);
    raml_pack_deinit(&p);
    raml_tree_deinit(&spans);
    raml_tree_deinit(&one);
}

/* Refused: the pack stays as it was. The tree claims more tokens than it has; they are never read. */
static void test_too_long(void **state)
{
    (void)state;
    const int32_t token = 5;
    struct raml_tree one = {0};
    struct raml_pack p = {0};
    struct raml_err err = {0};
    assert_int_equal(raml_tree_add(&one, -1, 0, &token, 1, 1, NULL, NULL), RAML_OK);
    assert_int_equal(raml_pack_add(&p, &one, NULL), RAML_OK);
    struct raml_pack before = p;
    struct raml_tree huge = one;
    huge.n_tokens = INT32_MAX;
    assert_int_equal(raml_pack_add(&p, &huge, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "pack: more than 2^31 rows");
    assert_memory_equal(&p, &before, sizeof p);
    raml_pack_deinit(&p);
    raml_tree_deinit(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_place),
                                       cmocka_unit_test(test_chains), cmocka_unit_test(test_empty),
                                       cmocka_unit_test(test_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
