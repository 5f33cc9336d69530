/* test_array.c - capacity that grows, exactly or by doubling, and never past what size_t can count. */
#include "core/scratch.h"

#include "core/array.h"

#include <stdint.h>

struct part { /* of a size that is no power of two */
    char name[11];
};

static void one_at_a_time(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct part *part = NULL;
    size_t n = 0, cap = 0, moves = 0;
    for (; n < 10000; n++) {
        size_t before = cap;
        must(RAML_GROW(part, cap, n + 1, "parts", &err), &err);
        moves += cap != before;
        assert_true(cap > n);
        snprintf(part[n].name, sizeof part[n].name, "%zu", n);
    }
    assert_true(moves < 12); /* 16, 32, ... 16384 */
    for (size_t i = 0; i < n; i++) assert_int_equal(strtol(part[i].name, NULL, 10), (long)i);
    free(part);
}

static void many_at_once(void **state)
{
    (void)state;
    struct raml_err err = {0};
    static const size_t needs[] = {0, 1, 16, 17, 33, 1000, 1001};
    double *x = NULL;
    size_t cap = 0;
    must(RAML_GROW(x, cap, 0, "numbers", &err), &err);
    assert_null(x);
    for (size_t i = 0; i < COUNT(needs); i++) {
        must(RAML_GROW(x, cap, needs[i], "numbers", &err), &err);
        assert_true(cap >= needs[i]);
        for (size_t k = 0; k < cap; k++) x[k] = (double)k; /* the sanitizer looks on */
    }
    assert_int_equal(cap, 2000);
    must(RAML_RESERVE(x, cap, 5, "numbers", &err), &err);
    assert_int_equal(cap, 2000);
    must(RAML_RESERVE(x, cap, 2001, "numbers", &err), &err);
    assert_int_equal(cap, 2001);
    for (size_t k = 0; k < 2000; k++) assert_true(x[k] == (double)k);
    free(x);
}

static void too_many(void **state)
{
    (void)state;
    int32_t mine[4] = {1, 2, 3, 4}, *x = mine; /* never reaches realloc */
    size_t cap = 4;
    static const size_t needs[] = {SIZE_MAX, SIZE_MAX / 4 + 1, SIZE_MAX / 2};
    for (size_t i = 0; i < COUNT(needs); i++) {
        struct raml_err err = {0};
        char want[80];
        snprintf(want, sizeof want, "no memory for %zu ids of tokens", needs[i]);
        assert_int_equal(RAML_GROW(x, cap, needs[i], "ids of tokens", &err), RAML_ENOMEM);
        assert_string_equal(err.msg, want);
        assert_int_equal(RAML_RESERVE(x, cap, needs[i], "ids of tokens", NULL), RAML_ENOMEM);
        assert_ptr_equal(x, mine);
        assert_int_equal(cap, 4);
    }
    cap = SIZE_MAX / 2 + 1; /* as it would be of bytes: no doubling past the end */
    struct raml_err err = {0};
    assert_int_equal(RAML_GROW(x, cap, cap + 1, "ids", &err), RAML_ENOMEM);
    assert_ptr_equal(x, mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
