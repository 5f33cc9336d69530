/* The order of items: every epoch a permutation, a pure function of seed and position in whatever order it is asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "outer/order.h"
#include "raml/rng.h"

#include "check_near.h"

static struct raml_order open_order(uint64_t seed, size_t n)
{
    struct raml_err err = {0};
    struct raml_order o;
    CHECK_OK(raml_order_init(&o, seed, n, "made.jsonl", &err));
    return o;
}

static void test_permutations(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 64, 257};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        struct raml_order o = open_order(5, n);
        unsigned *seen = calloc(n, sizeof *seen);
        assert_non_null(seen);
        for (uint64_t epoch = 0; epoch < 3; epoch++)
            for (size_t i = 0; i < n; i++) {
                uint32_t item = raml_order_at(&o, epoch * n + i);
                assert_true(item < n);
                assert_int_equal(seen[item]++, epoch); /* once in each epoch */
            }
        free(seen);
        raml_order_deinit(&o);
    }
}

/* The definition: numbers 0 .. n - 1, shuffled by the epoch's random numbers. */
static void test_definition(void **state)
{
    (void)state;
    enum { N = 37 };
    struct raml_order o = open_order(9, N);
    for (uint64_t epoch = 4; epoch-- > 0;) { /* backwards */
        uint32_t want[N];
        for (uint32_t i = 0; i < N; i++) want[i] = i;
        struct raml_rng r = {{.seed = 9, .purpose = RAML_FOR_SHUFFLE, .question = epoch}, 0};
        raml_rng_shuffle(&r, want, N);
        for (size_t i = N; i-- > 0;) assert_int_equal(raml_order_at(&o, epoch * N + i), want[i]);
    }
    raml_order_deinit(&o);
}

static void test_what_it_depends_on(void **state)
{
    (void)state;
    enum { N = 50 };
    struct raml_order a = open_order(1, N), b = open_order(2, N), c = open_order(1, N);
    int seeds = 0, epochs = 0;
    for (uint64_t i = 0; i < 3 * N; i++) seeds += raml_order_at(&a, i) == raml_order_at(&b, i);
    for (uint64_t i = 0; i < N; i++) epochs += raml_order_at(&a, i) == raml_order_at(&a, N + i);
    assert_true(seeds < N && epochs < N / 2); /* by chance about one an epoch */
    for (uint64_t k = 0; k < 3 * N; k++) {    /* a walk from epoch to epoch */
        uint64_t i = k * 101 % (3 * N);
        uint32_t there = raml_order_at(&c, i);
        assert_int_equal(raml_order_at(&a, i), there);
    }
    raml_order_deinit(&a);
    raml_order_deinit(&b);
    raml_order_deinit(&c);
}

static void test_too_many(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_order o;
    assert_int_equal(raml_order_init(&o, 0, (size_t)UINT32_MAX + 1, "huge.jsonl", &err), RAML_ERANGE);
    assert_string_equal(err.msg, "huge.jsonl: 4294967296 questions; at most 4294967295");
    raml_order_deinit(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_permutations), cmocka_unit_test(test_definition),
                                       cmocka_unit_test(test_what_it_depends_on), cmocka_unit_test(test_too_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
