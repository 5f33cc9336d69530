/* test_tokenizer.c - text to ids and back, and tokens as text for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "fixture.h"

/* ---- the built-in tokenizer ------------------------------------------------------------------------------------- */

static void test_built_in_ids(void **state)
{
    const struct raml_tokenizer *t = ((struct fixture *)*state)->bytes;
    static const char *const special[] = {"<|endoftext|>", "<|question|>", "<think>", "</think>", "<|pad|>"};
    struct raml_err err = {0};
    assert_int_equal(raml_tokenizer_size(t), 261);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(raml_tokenizer_id(t, special[i]), 256 + i);
        assert_true(raml_tokenizer_is_special(t, 256 + i));
    }
    for (int32_t b = 0; b < 256; b++) {
        const char *bytes;
        size_t n;
        CHECK_OK(raml_tokenizer_piece(t, b, &bytes, &n, &err));
        assert_int_equal(n, 1);
        assert_int_equal((unsigned char)bytes[0], b);
        assert_false(raml_tokenizer_is_special(t, b));
    }
    assert_int_equal(raml_tokenizer_id(t, "A"), 'A');
    assert_int_equal(raml_tokenizer_id(t, "AB"), -1);
    assert_int_equal(raml_tokenizer_id(t, ""), -1);
    assert_false(raml_tokenizer_is_special(t, -1));
    assert_false(raml_tokenizer_is_special(t, 261));
}

static void test_encode(void **state)
{
    const struct raml_tokenizer *t = ((struct fixture *)*state)->bytes;
    static const struct {
        const char *text;
        bool parse;
        int32_t want[12];
        size_t n;
    } cases[] = {
        {"", true, {0}, 0},
        {"a b", true, {'a', ' ', 'b'}, 3},
        {"\xc3\xa9\xff", true, {0xc3, 0xa9, 0xff}, 3},
        {"<think>", true, {258}, 1},
        {"<think>", false, {'<', 't', 'h', 'i', 'n', 'k', '>'}, 7},
        {"<<think></think>x<|pad|>", true, {'<', 258, 259, 'x', 260}, 5},
        {"<|pad|", true, {'<', '|', 'p', 'a', 'd', '|'}, 6},
        {"</thin<|endoftext|>", true, {'<', '/', 't', 'h', 'i', 'n', 256}, 7},
    };
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_tokens out = {0};
        CHECK_OK(raml_tokenizer_encode(t, cases[i].text, strlen(cases[i].text), cases[i].parse, &out, &err));
        check_ids(cases[i].text, out.id, out.n, cases[i].want, cases[i].n);
        raml_tokens_deinit(&out);
    }
}

static void test_all_bytes_come_back(void **state)
{
    const struct raml_tokenizer *t = ((struct fixture *)*state)->bytes;
    char text[1024];
    for (unsigned i = 0; i < sizeof text; i++) text[i] = (char)(i * 37 + i / 256);
    struct raml_err err = {0};
    struct raml_tokens ids = {0};
    struct raml_buf back;
    raml_buf_init(&back, 4096);
    raml_buf_adds(&back, ">");
    CHECK_OK(raml_tokenizer_encode(t, text, sizeof text, true, &ids, &err));
    CHECK_OK(raml_tokenizer_decode(t, ids.id, ids.n, false, &back, &err));
    check_bytes("all bytes", back.data + 1, back.len - 1, text, sizeof text);
    raml_tokens_deinit(&ids);
    raml_buf_deinit(&back);
}

static void test_decode_specials_and_errors(void **state)
{
    const struct raml_tokenizer *t = ((struct fixture *)*state)->bytes;
    const int32_t ids[] = {257, 'h', 'i', 256}, high[] = {'x', 261}, low[] = {'x', -1};
    struct raml_err err = {0};
    struct raml_buf out;
    raml_buf_init(&out, 64);
    CHECK_OK(raml_tokenizer_decode(t, ids, 4, true, &out, &err));
    check_bytes("kept", out.data, out.len, "<|question|>hi<|endoftext|>", 27);
    raml_buf_clear(&out);
    CHECK_OK(raml_tokenizer_decode(t, ids, 4, false, &out, &err));
    check_bytes("dropped", out.data, out.len, "hi", 2);
    assert_int_equal(raml_tokenizer_decode(t, high, 2, true, &out, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "token 1 of 2: token id 261 is outside the vocabulary: 0 to 260");
    assert_int_equal(raml_tokenizer_decode(t, low, 2, true, &out, &err), RAML_ERANGE);
    check_bytes("unchanged by failures", out.data, out.len, "hi", 2);
    raml_buf_deinit(&out);
}

/* ---- whole characters only -------------------------------------------------------------------------------------- */

#define BAD "\xef\xbf\xbd"

static const struct {
    const char *bytes;
    size_t n;
    const char *want;
} utf8[] = {
    {"plain", 5, "plain"},
    {"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80", 9, "\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80"},
    {"\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf"}, /* U+10FFFF */
    {"\xff\x80z", 3, BAD BAD "z"},
    {"a\0b", 3, "a" BAD "b"},
    {"\xc0\xaf", 2, BAD BAD},                                    /* overlong */
    {"\xe0\x80\x80", 3, BAD BAD BAD},                            /* overlong */
    {"\xf0\x80\x80\x80", 4, BAD BAD BAD BAD},                    /* overlong */
    {"\xed\xa0\x80", 3, BAD BAD BAD},                            /* surrogate */
    {"\xf4\x90\x80\x80", 4, BAD BAD BAD BAD},                    /* above U+10FFFF */
    {"\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64", 13, /* Unicode 15, table 3-8 */
     "a" BAD BAD BAD "b" BAD "c" BAD BAD "d"},
    {"x\xf0\x9f\x98", 4, "x" BAD}, /* ends inside a character */
    {"\xc3\xc3\xa9", 3, BAD "\xc3\xa9"},
};

static void test_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(utf8); i++) {
        struct raml_buf clean;
        raml_buf_init(&clean, 256);
        raml_utf8_clean(&clean, utf8[i].bytes, utf8[i].n);
        check_bytes("clean", clean.data, clean.len, utf8[i].want, strlen(utf8[i].want));
        json_t *v = json_stringn(clean.data ? clean.data : "", clean.len); /* NULL when not UTF-8 */
        assert_non_null(v);
        json_decref(v);
        raml_buf_deinit(&clean);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in_ids),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_all_bytes_come_back),
        cmocka_unit_test(test_decode_specials_and_errors),
        cmocka_unit_test(test_clean),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
