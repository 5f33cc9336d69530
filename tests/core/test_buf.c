/* test_buf.c - bytes that grow up to a limit. */
#include "core/scratch.h"

#include "raml/buf.h"
#include "raml/rng.h"

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    struct raml_buf b;
    raml_buf_init(&b, 100000);
    char want[100001];
    struct raml_rng r = {.key = {.seed = 7, .purpose = RAML_FOR_TEST}};
    size_t n = 0;
    while (n < 90000) { /* against the simplest model: one array */
        char piece[300];
        size_t k = raml_rng_below(&r, sizeof piece);
        for (size_t i = 0; i < k; i++) piece[i] = (char)raml_rng_below(&r, 256);
        memcpy(want + n, piece, k);
        n += k;
        raml_buf_add(&b, piece, k);
        assert_int_equal(b.len, n);
        assert_int_equal(b.data[n], 0);
    }
    assert_memory_equal(b.data, want, n);
    assert_int_equal(raml_buf_status(&b, NULL), RAML_OK);
    raml_buf_deinit(&b);
    assert_null(b.data);
}

static void formats(void **state)
{
    (void)state;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 20);
    raml_buf_adds(&b, "a=");
    raml_buf_addf(&b, "%d,%s;", -5, "x");
    raml_buf_addf(&b, "%0600d", 1); /* longer than the first allocation */
    assert_int_equal(b.len, 7 + 600);
    assert_memory_equal(b.data, "a=-5,x;000", 10);
    assert_int_equal(b.data[606], '1');
    raml_buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
    raml_buf_add_html(&b, "a<b>&\"c", 7);
    assert_string_equal(b.data, "a&lt;b&gt;&amp;&quot;c");
    raml_buf_deinit(&b);
}

static void limit_is_exact_and_remembered(void **state)
{
    (void)state;
    struct raml_buf b;
    struct raml_err e = {0};
    raml_buf_init(&b, 5);
    raml_buf_adds(&b, "12345");
    assert_int_equal(raml_buf_status(&b, &e), RAML_OK);
    raml_buf_adds(&b, "6");
    assert_int_equal(raml_buf_status(&b, &e), RAML_ENOMEM);
    assert_true(has(e.msg, "limit of 5 bytes"));
    assert_string_equal(b.data, "12345"); /* as it was */
    raml_buf_add(&b, "", 0);
    raml_buf_addf(&b, "%s", "");
    assert_int_equal(raml_buf_status(&b, NULL), RAML_ENOMEM);
    raml_buf_clear(&b);
    raml_buf_adds(&b, "ok");
    assert_int_equal(raml_buf_status(&b, NULL), RAML_OK);
    raml_buf_add(&b, "x", SIZE_MAX); /* must not wrap around */
    assert_int_equal(raml_buf_status(&b, NULL), RAML_ENOMEM);
    assert_string_equal(b.data, "ok");
    raml_buf_deinit(&b);
}

static void take_hands_over(void **state)
{
    (void)state;
    struct raml_buf b;
    raml_buf_init(&b, 100);
    raml_buf_adds(&b, "mine");
    char *p = raml_buf_take(&b);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_string_equal(p, "mine");
    free(p);
    raml_buf_adds(&b, "again");
    assert_string_equal(b.data, "again");
    raml_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(formats),
        cmocka_unit_test(limit_is_exact_and_remembered),
        cmocka_unit_test(take_hands_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
