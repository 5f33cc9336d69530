/* test_arena.c - alignment, zeroing, limit, separateness. */
#include "core/scratch.h"

#include "core/arena.h"
#include "raml/rng.h"

#include <stdint.h>

static void objects_are_aligned_zeroed_and_apart(void **state)
{
    (void)state;
    enum { N = 3000 };
    static unsigned char *p[N];
    static size_t n[N];
    struct raml_rng r = {.key = {.seed = 3, .purpose = RAML_FOR_TEST}};
    struct raml_arena *a = raml_arena_open((size_t)1 << 28);
    assert_non_null(a);
    for (size_t i = 0; i < N; i++) {
        n[i] = raml_rng_below(&r, i % 50 == 0 ? 200000 : 300); /* some larger than a chunk */
        p[i] = raml_arena_alloc(a, n[i], 1);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        for (size_t k = 0; k < n[i]; k++) assert_int_equal(p[i][k], 0);
        memset(p[i], (int)(i % 251) + 1, n[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < n[i]; k++) assert_int_equal(p[i][k], i % 251 + 1); /* nothing wrote here since */
    raml_arena_close(a);
}

static void limit_holds(void **state)
{
    (void)state;
    struct raml_arena *a = raml_arena_open(1000);
    size_t given = 0;
    while (raml_arena_alloc(a, 10, 4)) given += 48; /* 40 rounded up to 16 */
    assert_int_equal(given, 960);
    assert_non_null(raml_arena_alloc(a, 1, 1)); /* what still fits is allocated */
    raml_arena_close(a);
    a = raml_arena_open(1 << 20);
    assert_null(raml_arena_alloc(a, (1 << 20) + 1, 1));
    assert_non_null(raml_arena_alloc(a, 1 << 20, 1));
    assert_null(raml_arena_alloc(a, 1, 1));
    raml_arena_close(a);
    a = raml_arena_open(SIZE_MAX);
    assert_null(raml_arena_alloc(a, SIZE_MAX / 2, 4)); /* would wrap around */
    assert_null(raml_arena_alloc(a, SIZE_MAX, 1));
    assert_null(raml_arena_text(a, "", SIZE_MAX));
    raml_arena_close(a);
    raml_arena_close(NULL);
}

static void empty_objects_and_texts(void **state)
{
    (void)state;
    struct raml_arena *a = raml_arena_open(1 << 16);
    void *x = raml_arena_alloc(a, 0, 8), *y = raml_arena_alloc(a, 8, 0);
    assert_non_null(x);
    assert_non_null(y);
    assert_ptr_not_equal(x, y);
    char *t = raml_arena_text(a, "hello", 3);
    assert_string_equal(t, "hel");
    assert_string_equal(raml_arena_text(a, NULL, 0), "");
    raml_arena_close(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_zeroed_and_apart),
        cmocka_unit_test(limit_holds),
        cmocka_unit_test(empty_objects_and_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
