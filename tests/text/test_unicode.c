/* test_unicode.c - one version of Unicode, whatever PCRE2 and utf8proc have: categories, marks, borders of words.
 * Expected values are those of `tokenizers` 0.22.2 and 0.23.3 (Unicode 16; form C of Unicode 9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "check.h"
#include "text/border.h"
#include "text/normal.h"
#include "text/pattern.h"
#include "text/unicode.h"

static const struct {
    uint32_t c;
    const char *category;
} characters[] = {
    /* clang-format off */
    {0x41, "Lu"}, {0x293, "Ll"}, {0x295, "Ll"}, {0x4e00, "Lo"}, {0x1f600, "So"}, {0x10ffff, "Cn"}, {0x558, "Cn"},
    {0x5c8, "Cn"}, {0x88f, "Cn"}, {0x897, "Mn"}, {0xb53, "Cn"}, {0xc5c, "Cn"}, {0xcf3, "Mc"}, {0xece, "Mn"},
    {0x1acf, "Cn"}, {0x1b4e, "Po"}, {0x1c89, "Lu"}, {0x1c8a, "Ll"}, {0x209d, "Cn"}, {0x20c1, "Cn"}, {0x2427, "So"},
    {0x2b96, "Cn"}, {0x2ffc, "So"}, {0x31e4, "So"}, {0x31ef, "So"}, {0xa7cb, "Lu"}, {0xa7cd, "Ll"}, {0xa7da, "Lu"},
    {0xa7db, "Ll"}, {0xa7dc, "Lu"}, {0x105c0, "Lo"}, {0x10d40, "Nd"}, {0x10d4a, "Lo"}, {0x10d4e, "Lm"}, {0x10d50, "Lu"},
    {0x10d69, "Mn"}, {0x10d6e, "Pd"}, {0x10d70, "Ll"}, {0x10d8e, "Sm"}, {0x10ec2, "Lo"}, {0x113b8, "Mc"},
    {0x113d4, "Po"}, {0x116d0, "Nd"}, {0x1171e, "Mc"}, {0x11f41, "Mc"}, {0x11f50, "Nd"}, {0x13439, "Cf"},
    {0x16d40, "Lm"}, {0x16d6d, "Po"}, {0x1d2c0, "No"}, {0x1df25, "Ll"}, {0x1e030, "Lm"}, {0x1e4ec, "Mn"},
    {0x1e4f0, "Nd"}, {0x1e5ff, "Po"}, {0x1faf7, "So"}, {0x1fbfa, "Cn"}, {0x2b739, "Lo"}, {0x2b73a, "Cn"},
    {0x2ebf0, "Lo"}, {0x2ee5d, "Lo"}, {0x31350, "Lo"}, {0x323af, "Lo"}, {0x323b0, "Cn"}, {0x3d000, "Cn"},
    /* clang-format on */
};

static enum raml_code note_word(void *to, const unsigned char *word, size_t n, struct raml_err *err)
{
    raml_buf_add(to, word, n);
    raml_buf_adds(to, "|");
    return raml_buf_status(to, err);
}

static size_t write(uint32_t c, char *s)
{
    return (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)s);
}

/* Splits before and after what the expression matches. */
static void check_split(const char *regex, const char *text, size_t n, const char *want, size_t n_want)
{
    struct raml_err err = {0};
    struct raml_patterns *p = NULL;
    struct raml_buf got;
    raml_buf_init(&got, 1 << 12);
    CHECK_OK(raml_patterns_add(&p, "test", regex, strlen(regex), &err));
    CHECK_OK(raml_patterns_split(p, (const unsigned char *)text, n, note_word, &got, &err));
    check_bytes(regex, got.data, got.len, want, n_want);
    raml_patterns_close(p);
    raml_buf_deinit(&got);
}

static void test_categories(void **state)
{
    (void)state;
    static const char *const all[] = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl",
                                      "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc",
                                      "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn"};
    for (size_t i = 0; i < COUNT(characters); i++)
        for (size_t k = 0; k < COUNT(all); k++) {
            char regex[16], text[16] = "\n", want[16] = "\n";
            size_t n = 1 + write(characters[i].c, text + 1), n_want = n;
            bool is = !strcmp(characters[i].category, all[k]);
            snprintf(regex, sizeof regex, "[\\p{%s}~]", all[k]);
            if (!strcmp(all[k], "Cc")) continue; /* the line feed itself */
            text[n++] = '\n';
            memcpy(want + 1, text + 1, n_want - 1);
            if (is) {
                memmove(want + 2, want + 1, n_want - 1);
                want[1] = '|';
                n_want++;
                want[n_want++] = '|';
            }
            want[n_want++] = '\n';
            want[n_want++] = '|';
            check_split(regex, text, n, want, n_want);
        }
}

/* The words are those of the text, not of what stands in for it. */
static void test_words(void **state)
{
    (void)state;
    static const char letters[] = "\\p{L}+| ?[^\\s\\p{L}]+|\\s+";
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"a\xf0\xb1\x8d\x90"
         "b 1",
         "a\xf0\xb1\x8d\x90"
         "b| 1|"},                                     /* U+31350 */
        {" \xf0\xb1\x8d\x90", " |\xf0\xb1\x8d\x90|"},  /* a letter: the space is by itself */
        {" \xf0\x91\x9b\x90.", " \xf0\x91\x9b\x90.|"}, /* U+116D0: a digit */
        {"a \xea\x9f\x8b-\xf0\xb2\x8e\xb0", "a| |\xea\x9f\x8b|-\xf0\xb2\x8e\xb0|"}, /* U+A7CB; U+323B0 is none yet */
        {"\xf0\xae\xaf\xb0 \xf0\xae\xaf\xb0\xe4\xb8\x80", "\xf0\xae\xaf\xb0| |\xf0\xae\xaf\xb0\xe4\xb8\x80|"},
        {"\xf0\xb1\x8d\x90", "\xf0\xb1\x8d\x90|"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_split(letters, cases[i].text, strlen(cases[i].text), cases[i].want, strlen(cases[i].want));
}

static void test_stand_ins(void **state)
{
    (void)state;
    size_t others = 0;
    for (uint32_t c = 0; c < 0x110000; c++) {
        uint32_t x = raml_unicode_stand_in(c);
        char s[8], t[8];
        if (x == c) continue;
        others++;
        if (write(c, s) != write(x, t) || raml_unicode_stand_in(x) != x)
            fail_msg("U+%04X is replaced by U+%04X", (unsigned)c, (unsigned)x);
    }
    assert_int_equal(others, 28113);
}

/* Marks that Unicode 9 doesn't have stay where they are, and join nothing. */
static void test_late_marks(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"e\xcc\x81\xcc\x96", "\xc3\xa9\xcc\x96"},
        {"e\xe0\xa2\x98\xcc\x81", "e\xe0\xa2\x98\xcc\x81"},                       /* U+0898 (14) */
        {"\xcc\x81\xe0\xa3\x93", "\xcc\x81\xe0\xa3\x93"},                         /* U+08D3, class 220 (11) */
        {"\xcc\x81\xe0\xa2\x97\xcc\x96", "\xcc\x81\xe0\xa2\x97\xcc\x96"},         /* U+0897 (16) */
        {"e\xe1\xb7\xb6\xcc\x81\xcc\x96", "e\xe1\xb7\xb6\xcc\x96\xcc\x81"},       /* U+1DF6 (10) */
        {"\xf0\x91\xa4\xb5\xf0\x91\xa4\xb0", "\xf0\x91\xa4\xb5\xf0\x91\xa4\xb0"}, /* U+11935 U+11930 (13) */
        {"\xf0\x91\xa4\xb8\xcc\x81", "\xf0\x91\xa4\xb8\xcc\x81"},                 /* U+11938 */
        {"\xf0\x91\x8e\x82\xf0\x91\x8f\x89", "\xf0\x91\x8e\x82\xf0\x91\x8f\x89"}, /* U+11382 U+113C9 (16) */
        {"\xf0\x96\xb5\xa3\xf0\x96\xb5\xa7", "\xf0\x96\xb5\xa3\xf0\x96\xb5\xa7"}, /* U+16D63 U+16D67 (16) */
        {"\xf0\x91\x84\xb1\xf0\x91\x84\xa7", "\xf0\x91\x84\xae"},                 /* U+11131 U+11127 (6.1) */
    };
    struct raml_err err = {0};
    struct raml_buf out;
    raml_buf_init(&out, 1 << 12);
    for (size_t i = 0; i < COUNT(cases); i++) {
        raml_buf_clear(&out);
        CHECK_OK(raml_nfc((const unsigned char *)cases[i].text, strlen(cases[i].text), &out, NULL, &err));
        check_bytes(cases[i].text, out.data, out.len, cases[i].want, strlen(cases[i].want));
    }
    raml_buf_deinit(&out);
    assert_true(raml_unicode_late_mark(0x1acd) && raml_unicode_late_mark(0x1e2ef) && raml_unicode_late_mark(0x31350));
    assert_false(raml_unicode_late_mark('a') || raml_unicode_late_mark(0x301) || raml_unicode_late_mark(0x4e00));
}

/* Letters, marks and digits of Unicode 16 go on a word; what it doesn't have doesn't. */
static void test_borders(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(characters); i++) {
        char s[8];
        size_t n = write(characters[i].c, s);
        const char *k = characters[i].category;
        bool word = k[0] == 'L' || k[0] == 'M' || !strcmp(k, "Nd") || !strcmp(k, "Nl") || !strcmp(k, "Pc");
        if (raml_starts_with_word((const unsigned char *)s, n) != word ||
            raml_ends_in_word((const unsigned char *)s, n) != word)
            fail_msg("U+%04X is %sa character of words", (unsigned)characters[i].c, word ? "" : "not ");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_categories), cmocka_unit_test(test_words),   cmocka_unit_test(test_stand_ins),
        cmocka_unit_test(test_late_marks), cmocka_unit_test(test_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
