/* test_hash_map.c - random work against a simple list, and the sizes at which the table grows. */
#include "core/scratch.h"

#include "core/hash_map.h"
#include "raml/rng.h"

enum { MOST = 3000 };

struct naive { /* every entry ever added since the last clearing, in order */
    uint64_t hash[MOST];
    uint32_t at[MOST];
    size_t n;
};

/* The map's entries with this hash are the list's with the same upper half, in the same order. */
static void same_entries(const struct raml_hash_map *m, const struct naive *list, uint64_t hash)
{
    size_t step = 0;
    for (size_t i = 0; i < list->n; i++)
        if (list->hash[i] >> 32 == hash >> 32) assert_int_equal(raml_hash_map_next(m, hash, &step), list->at[i]);
    assert_int_equal(raml_hash_map_next(m, hash, &step), RAML_HASH_NONE);
}

/* Few distinct hashes, or hashes that collide in many ways: equal upper halves, equal last bits, the table's end. */
static uint64_t draw_hash(struct raml_rng *r)
{
    uint64_t low = raml_rng_below(r, 2), x = raml_rng_below(r, 50);
    switch (raml_rng_below(r, 5)) {
    case 0: return x << 32 | low;
    case 1: return x << 44 | low;                          /* one home in any table of up to 4096 slots */
    case 2: return (UINT64_C(0xffffffff) - x) << 32 | low; /* runs that go past the end */
    case 3: return (uint64_t)raml_rng_below(r, 1u << 31) << 33 | low;
    default: return raml_hash_u64(x);
    }
}

static void as_a_simple_list(void **state)
{
    (void)state;
    struct naive *list = malloc(sizeof *list);
    assert_non_null(list);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        print_message("seed %d\n", (int)seed);
        struct raml_rng r = {.key = {.seed = seed, .purpose = RAML_FOR_TEST}};
        struct raml_hash_map m = {0};
        list->n = 0;
        for (int turn = 0; turn < 4000; turn++) {
            uint64_t hash = draw_hash(&r);
            uint32_t what = raml_rng_below(&r, 1000);
            if (what == 0) {
                raml_hash_map_clear(&m);
                list->n = 0;
            } else if (what < 5) {
                assert_true(raml_hash_map_reserve(&m, raml_rng_below(&r, MOST)));
            } else if (what < 600 && list->n < MOST) {
                uint32_t at = raml_rng_below(&r, UINT32_MAX - 1);
                assert_true(raml_hash_map_add(&m, hash, at));
                list->hash[list->n] = hash;
                list->at[list->n++] = at;
            } else {
                same_entries(&m, list, hash);
            }
            assert_int_equal(m.n, list->n);
            assert_true(m.n_slots >= 2 * m.n && (m.n_slots & (m.n_slots - 1)) == 0);
        }
        for (size_t i = 0; i < list->n; i++) same_entries(&m, list, list->hash[i]);
        raml_hash_map_deinit(&m);
    }
    free(list);
}

/* Keys in an array of the caller's, as hash_map.h shows. */
static void counts_numbers(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 1000, 100000};
    for (size_t k = 0; k < COUNT(sizes); k++) {
        size_t n = 0, *count = calloc(sizes[k] + 1, sizeof *count);
        uint64_t *key = calloc(sizes[k] + 1, sizeof *key);
        struct raml_hash_map m = {0};
        assert_true(count && key);
        for (size_t turn = 0; turn < 2 * sizes[k]; turn++) { /* each number twice; they differ in high bits alone */
            uint64_t x = (uint64_t)(turn % sizes[k]) << 40, hash = raml_hash_u64(x ^ x >> 20);
            uint32_t i = RAML_HASH_NONE;
            for (size_t step = 0; (i = raml_hash_map_next(&m, hash, &step)) != RAML_HASH_NONE;)
                if (key[i] == x) break;
            assert_int_equal(i != RAML_HASH_NONE, turn >= sizes[k]);
            if (i == RAML_HASH_NONE) {
                assert_true(raml_hash_map_add(&m, hash, i = (uint32_t)n));
                key[n++] = x;
            }
            count[i]++;
        }
        assert_int_equal(n, sizes[k]);
        for (size_t i = 0; i < n; i++) assert_int_equal(count[i], 2);
        free(count);
        free(key);
        raml_hash_map_deinit(&m);
    }
}

static void capacity_is_kept(void **state)
{
    (void)state;
    struct raml_hash_map m = {0};
    size_t step = 0;
    assert_int_equal(raml_hash_map_next(&m, 7, &step), RAML_HASH_NONE); /* no table yet */
    raml_hash_map_clear(&m);
    assert_true(raml_hash_map_reserve(&m, 1000));
    assert_int_equal(m.n_slots, 2048);
    const struct raml_hash_slot *slot = m.slot;
    for (uint32_t i = 0; i < 1000; i++) assert_true(raml_hash_map_add(&m, (uint64_t)i << 32, i));
    raml_hash_map_clear(&m);
    assert_true(raml_hash_map_reserve(&m, 0));
    assert_ptr_equal(m.slot, slot);
    assert_int_equal(m.n_slots, 2048);
    assert_false(raml_hash_map_reserve(&m, ((size_t)1 << 31) + 1));
    assert_false(raml_hash_map_reserve(&m, SIZE_MAX));
    assert_int_equal(m.n_slots, 2048);
    raml_hash_map_deinit(&m);
    raml_hash_map_deinit(&m);
    assert_null(m.slot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_simple_list),
        cmocka_unit_test(counts_numbers),
        cmocka_unit_test(capacity_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
