/* The verdict on oneDNN's products, kept in the user's cache folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/scratch.h"
#include "device/impl.h"
#include "device/matmul.h"
#include "raml/device.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void get(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(out, 1, cap - 1, f);
    out[n] = 0;
    fclose(f);
}

/* Products in f32 stand in for those in bf16, which few processors have: good or bad, the verdict is kept alike. */
static void test_verdict(void **state)
{
    struct raml_device *dev;
    struct raml_err err = {0};
    char path[4200], first[600], now[600], why[256] = "", again[256] = "", bad[640];
    must(raml_device_open(1, "base", &dev, &err), &err);
    assert_int_equal(setenv("XDG_CACHE_HOME", *state, 1), 0);
    enum raml_verdict tried = raml_mm_trial(dev->ops, false, why, sizeof why);
    assert_true(tried == RAML_MM_GOOD || tried == RAML_MM_BAD);
    bool good = tried == RAML_MM_GOOD;

    assert_int_equal(raml_mm_trusted(dev->ops, false, again, sizeof again), good);
    assert_string_equal(again, good ? "" : why);
    get(in(*state, "raml/products-base-f32", path), first, sizeof first);
    char *second = strchr(first, '\n');
    assert_non_null(second);
    assert_int_equal(strncmp(second + 1, good ? "good\n" : why, good ? 5 : strlen(why)), 0);

    /* the file's verdict is trusted: it is read, and no trial made */
    snprintf(bad, sizeof bad, "%.*s\nare bad\n", (int)(second - first), first);
    put(path, bad);
    assert_false(raml_mm_trusted(dev->ops, false, again, sizeof again));
    assert_string_equal(again, "are bad");
    snprintf(bad, sizeof bad, "%.*s\ngood\n", (int)(second - first), first);
    put(path, bad);
    assert_true(raml_mm_trusted(dev->ops, false, NULL, 0));

    /* another processor's, and what is not a verdict, are not */
    const char *const others[] = {"another processor\nare bad\n", "", "\n", "are bad", "\n\n\n"};
    for (size_t i = 0; i < COUNT(others); i++) {
        put(path, others[i]);
        assert_int_equal(raml_mm_trusted(dev->ops, false, NULL, 0), good);
        get(path, now, sizeof now);
        assert_string_equal(now, first);
    }
    snprintf(bad, sizeof bad, "%.*s\n", (int)(second - first), first); /* only the key */
    put(path, bad);
    assert_int_equal(raml_mm_trusted(dev->ops, false, NULL, 0), good);

    /* nowhere to keep it: a trial each time */
    assert_int_equal(setenv("XDG_CACHE_HOME", in(*state, "none/at/all", path), 1), 0);
    assert_int_equal(raml_mm_trusted(dev->ops, false, NULL, 0), good);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(raml_mm_trusted(dev->ops, false, NULL, 0), good);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_verdict, enter_scratch, leave_scratch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
