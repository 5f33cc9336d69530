/* Base64: the test vectors of RFC 4648, section 10, and all digits. */
#include "core/scratch.h"

#include "study/base64.h"

static void vectors(void **state)
{
    static const struct {
        const char *bytes, *want;
    } cases[] = {{"", ""},
                 {"f", "Zg=="},
                 {"fo", "Zm8="},
                 {"foo", "Zm9v"},
                 {"foob", "Zm9vYg=="},
                 {"fooba", "Zm9vYmE="},
                 {"foobar", "Zm9vYmFy"},
                 {"\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f", "ABCDEFGHIJKLMNOP"},
                 {"\xfb\xef\xff", "++//"}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_buf b;
        raml_buf_init(&b, 100);
        size_t n = strlen(cases[i].want) / 4 * 3;
        for (const char *p = cases[i].want; *p; p++) n -= *p == '=';
        raml_text_base64(&b, cases[i].bytes, n);
        assert_string_equal(b.data ? b.data : "", cases[i].want);
        raml_buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
