/* test_pattern.c - a text into words, form NFC, and how both affect the ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "fixture.h"
#include "raml/rng.h"
#include "text/pretokenizers.h"
#include "text/normal.h"
#include "text/pattern.h"

/* ---- words ------------------------------------------------------------------------------------------------------ */

/* Appends the word and a bar. */
static enum raml_code add_word(void *to, const unsigned char *word, size_t n, struct raml_err *err)
{
    assert_true(n > 0);
    raml_buf_add(to, word, n);
    raml_buf_adds(to, "|");
    return raml_buf_status(to, err);
}

static struct raml_patterns *compile(const char *const *regex, size_t n)
{
    struct raml_err err = {0};
    struct raml_patterns *p = NULL;
    for (size_t i = 0; i < n && regex[i]; i++)
        CHECK_OK(raml_patterns_add(&p, "test", regex[i], strlen(regex[i]), &err));
    return p;
}

static void check_words(const char *const *regex, size_t n, const char *text, const char *want)
{
    struct raml_err err = {0};
    struct raml_buf got;
    raml_buf_init(&got, 1 << 16);
    struct raml_patterns *p = compile(regex, n);
    CHECK_OK(raml_patterns_split(p, (const unsigned char *)text, strlen(text), add_word, &got, &err));
    check_bytes(text, got.data, got.len, want, strlen(want));
    raml_buf_deinit(&got);
    raml_patterns_close(p);
}

/* Worked out by hand from the patterns. */
static void test_families(void **state)
{
    (void)state;
    static const struct {
        const char *family, *text, *want;
    } cases[] = {
        {"gpt-2", "I'm 12's  x!\n\n y", "I|'m| 12|'s| | x|!|\n\n| y|"},
        {"gpt-2", "I'M", "I|'|M|"},
        {"llama-bpe", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"llama-bpe", " \n \n x", " \n \n| x|"},
        {"qwen2", "a1234  b", "a|1|2|3|4| | b|"},
        {"qwen2", "(f(x))", "(f|(x|))|"},
        {"qwen2", "e\xcc\x81t\xcc\x81", "e|\xcc\x81t|\xcc\x81|"},
        {"qwen35", "e\xcc\x81t\xcc\x81", "e\xcc\x81t\xcc\x81|"},
        {"deepseek-llm", "a b\n\nc  12!?", "a| b|\n|\n|c|  |12|!?|"},
        {"deepseek-llm", "x   ", "x|   |"},
        {"deepseek-llm", "x \xe4\xb8\x80\xe4\xba\x8cz", "x| |\xe4\xb8\x80\xe4\xba\x8c|z|"},
        /* clang-format off */
        /* Words by the Rust library's Split, with the expressions of each model's tokenizer.json or of llama.cpp. */
        {"dbrx", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"dbrx", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| \350\267\257\345\276\204|12| (|a|_b|)?|  \n|\tz|"},
        {"falcon3", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"falcon3", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| \350\267\257\345\276\204|12| (|a|_b|)?|  \n|\tz|"},
        {"glm4", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"glm4", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| \350\267\257\345\276\204|12| (|a|_b|)?|  \n|\tz|"},
        {"refact", "I'M 12345  x!\n\n y", "I|'|M| |1|2|3|4|5| | x|!|\n\n| y|"},
        {"refact", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_|b|)?|  \n|\t|z|"},
        {"starcoder", "I'M 12345  x!\n\n y", "I|'|M| |1|2|3|4|5| | x|!|\n\n| y|"},
        {"starcoder", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_|b|)?|  \n|\t|z|"},
        {"command-r", "I'M 12345  x!\n\n y", "I|'|M| |1|2|3|4|5| | x|!|\n\n| y|"},
        {"command-r", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_|b|)?|  \n|\t|z|"},
        {"exaone", "I'M 12345  x!\n\n y", "I|'|M| |1|2|3|4|5| | x|!|\n\n| y|"},
        {"exaone", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_|b|)?|  \n|\t|z|"},
        {"mpt", "I'M 12345  x!\n\n y", "I|'|M| 12345| | x|!|\n\n| y|"},
        {"mpt", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| \350\267\257\345\276\204|12| (|a|_|b|)?|  \n|\t|z|"},
        {"stablelm2", "I'M 12345  x!\n\n y", "I|'M| |1|2|3|4|5| | x|!\n\n| y|"},
        {"stablelm2", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_b|)?|  \n|\tz|"},
        {"falcon", "I'M 12345  x!\n\n y", "I|'|M| |123|45| | x|!|\n\n| y|"},
        {"falcon", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'|ve| |$|3|.|50|,| \350\267\257\345\276\204|12| |(|a|_|b|)?|  \n|\t|z|"},
        {"bloom", "I'M 12345  x!\n\n y", "I'M| 12345| | x|!\n\n| y|"},
        {"bloom", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We've| $3|.|50|,| \350\267\257\345\276\20412| (|a_b|)?  \n\t|z|"},
        {"viking", "I'M 12345  x!\n\n y", "I'M| |1|2|3|4|5| | x|!\n\n| y|"},
        {"viking", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We've| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a_b|)?  \n\t|z|"},
        {"deepseek-coder", "I'M 12345  x!\n\n y", "I|'|M| |1|2|3|4|5| | x|!|\n|\n| y|"},
        {"deepseek-coder", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'|ve| $|3|.|5|0|,| |\350\267\257\345\276\204|1|2| (|a|_|b|)?|  |\n|\tz|"},
        {"seed-coder", "I'M 12345  x!\n\n y", "I|'M| |1|2|3|4|5| | x|!|\n\n| y|"},
        {"seed-coder", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_b|)?|  \n|\tz|"},
        {"bailingmoe", "I'M 12345  x!\n\n y", "I|'M| |1|2|3|4|5| | x|!\n\n| y|"},
        {"bailingmoe", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_b|)?|  \n|\tz|"},
        {"ufakzeka", "I'M 12345  x!\n\n y", "I|'M| |1|2|3|4|5| | x|!\n\n| y|"},
        {"ufakzeka", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_b|)?|  \n|\tz|"},
        {"minicpm5", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"minicpm5", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| \350\267\257\345\276\204|12| (|a|_b|)?|  \n|\tz|"},
        {"hunyuan-dense", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"hunyuan-dense", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| |\350\267\257\345\276\204|12| (|a|_b|)?|  \n|\tz|"},
        {"default", "I'M 12345  x!\n\n y", "I|'|M| |123|45| | x|!|\n\n| y|"},
        {"default", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'|ve| |$|3|.|50|,| \350\267\257\345\276\204|12| |(|a|_|b|)?|  \n|\t|z|"},
        {"smollm", "I'M 12345  x!\n\n y", "I|'|M| |1|2|3|4|5| | x|!|\n\n| y|"},
        {"smollm", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|5|0|,| \350\267\257\345\276\204|1|2| (|a|_|b|)?|  \n|\t|z|"},
        {"smaug-bpe", "I'M 12345  x!\n\n y", "I|'M| |123|45| | x|!\n\n| y|"},
        {"smaug-bpe", "We've $3.50, \350\267\257\345\276\20412 (a_b)?  \n\tz", "We|'ve| $|3|.|50|,| \350\267\257\345\276\204|12| (|a|_b|)?|  \n|\tz|"},
        /* clang-format on */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raml_pretokenizer *f = raml_pretokenizer(cases[i].family);
        assert_non_null(f);
        check_words(f->regex, RAML_PRETOKENIZERS, cases[i].text, cases[i].want);
    }
    assert_null(raml_pretokenizer("gpt2"));
}

/* Whitespace as Unicode has it: U+0085 and U+3000 are, U+180E and U+200B are not. */
static void test_dialect(void **state)
{
    (void)state;
    static const char text[] = "a\xc2\x85\xe3\x80\x80"
                               "b\xe1\xa0\x8e\xe2\x80\x8b-";
    static const struct {
        const char *regex, *text, *want;
    } cases[] = {
        {"\\s+", text, "a|\xc2\x85\xe3\x80\x80|b\xe1\xa0\x8e\xe2\x80\x8b-|"},
        {"[\\s]+", text, "a|\xc2\x85\xe3\x80\x80|b\xe1\xa0\x8e\xe2\x80\x8b-|"},
        {"[^\\S]+", text, "a|\xc2\x85\xe3\x80\x80|b\xe1\xa0\x8e\xe2\x80\x8b-|"},
        {"\\S+", text, "a|\xc2\x85\xe3\x80\x80|b\xe1\xa0\x8e\xe2\x80\x8b-|"},
        {"[^\\sb]+", text,
         "a|\xc2\x85\xe3\x80\x80"
         "b|\xe1\xa0\x8e\xe2\x80\x8b-|"},
        {"[\\s-]", "a-b", "a|-|b|"},
        {"[\\-\\]]", "a]b", "a|]|b|"},
        {"\\u0062|\\x{63}|\\x64", "abcde", "a|b|c|d|e|"},
        {"\\p{Lu}\\P{L}?|\\d", "aB.C1\xd9\xa3", "a|B.|C1|\xd9\xa3|"},
        {"a.", "a\na\r", "a\n|a\r|"},
        {"^b$", "a\nb\nc", "a\n|b|\nc|"},
        {"(?i:'S)", "a'sb'S", "a|'s|b|'S|"},
        {"(a)(?=b)|(?<=c)d|(?<!c)e|(?>f+)", "abcdeff", "a|bc|d|e|ff|"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) check_words(&cases[i].regex, 1, cases[i].text, cases[i].want);
    check_words(NULL, 0, "one word", "one word|");
    check_words(NULL, 0, "", "");
}

static void test_patterns_refused(void **state)
{
    (void)state;
    static const struct {
        const char *regex;
        enum raml_code code;
        const char *says;
    } cases[] = {
        {"", RAML_ERANGE, "0 bytes"},
        {"a\\", RAML_ESUPPORT, "'\\' at byte 1"},
        {"\\bx", RAML_ESUPPORT, "'\\b' at byte 0"},
        {"x\\W", RAML_ESUPPORT, "'\\W' at byte 1"},
        {"(a)\\1", RAML_ESUPPORT, "'\\1'"},
        {"\\K", RAML_ESUPPORT, "'\\K'"},
        {"\\p{Han}", RAML_ESUPPORT, "'\\p{H'"},
        {"\\p{Latin}", RAML_ESUPPORT, "'\\p{Lat'"},
        {"\\pL", RAML_ESUPPORT, "'\\pL'"},
        {"\\p{Lz}", RAML_EFORMAT, "does not compile"},
        {"\\xff", RAML_ESUPPORT, "'\\xf"},
        {"\\x{110000}", RAML_EFORMAT, "does not compile"},
        {"\\u12", RAML_ESUPPORT, "'\\u12'"},
        {"(?i)a", RAML_ESUPPORT, "'(?i)'"},
        {"(?<n>a)", RAML_ESUPPORT, "'(?<n'"},
        {"(*UTF)a", RAML_ESUPPORT, "'(*'"},
        {"[a[b]]", RAML_ESUPPORT, "'[b'"},
        {"[a&&b]", RAML_ESUPPORT, "'&&'"},
        {"[]a]", RAML_ESUPPORT, "']'"},
        {"[\\s-z]", RAML_ESUPPORT, "'\\s-'"},
        {"[+-\\s]", RAML_ESUPPORT, "'\\s]'"},
        {"a{2}+", RAML_ESUPPORT, "'}+'"},
        {"a{,2}b", RAML_ESUPPORT, "'{,'"},
        {"a(", RAML_EFORMAT, "does not compile: missing"},
        {"[a", RAML_EFORMAT, "does not compile: missing"},
        {"+a", RAML_EFORMAT, "does not compile"},
        {"a|", RAML_ESUPPORT, "can match the empty string"},
        {"(?=a)", RAML_ESUPPORT, "can match the empty string"},
    };
    struct raml_patterns *p = NULL;
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum raml_code rc = raml_patterns_add(&p, "test.json", cases[i].regex, strlen(cases[i].regex), &err);
        if (rc != cases[i].code || !strstr(err.msg, cases[i].says) || !strstr(err.msg, "test.json"))
            fail_msg("'%s': code %d, '%s'; expected %d, '%s'", cases[i].regex, rc, err.msg, cases[i].code,
                     cases[i].says);
    }
    for (int i = 0; i < 16; i++) CHECK_OK(raml_patterns_add(&p, "test", "a", 1, &err));
    assert_int_equal(raml_patterns_add(&p, "test", "a", 1, &err), RAML_ESUPPORT);
    raml_patterns_close(p);
}

/* A pattern that backtracks without end is stopped. */
static void test_runaway_pattern(void **state)
{
    (void)state;
    static const char *const regex[] = {"(?:a|a|aa)+[bc]"};
    struct raml_err err = {0};
    char text[201] = {0};
    memset(text, 'a', 200);
    struct raml_buf got;
    raml_buf_init(&got, 1 << 10);
    struct raml_patterns *p = compile(regex, 1);
    assert_int_equal(raml_patterns_split(p, (unsigned char *)text, 200, add_word, &got, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "match limit"));
    raml_buf_deinit(&got);
    raml_patterns_close(p);
}

/* ---- form NFC --------------------------------------------------------------------------------------------------- */

#define DOT_BELOW "\xcc\xa3" /* U+0323, class 220 */
#define DOT_ABOVE "\xcc\x87" /* U+0307, class 230 */

/* From UAX #15 (figures 3 to 6, table of exclusions) and NormalizationTest.txt. */
static void test_nfc(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"plain \xc3\xa9", "plain \xc3\xa9"},
        {"e\xcc\x81", "\xc3\xa9"},
        {"\xe2\x84\xab", "\xc3\x85"},                        /* U+212B: Angstrom */
        {"\xe2\x84\xa6", "\xce\xa9"},                        /* U+2126: Ohm */
        {"D" DOT_ABOVE DOT_BELOW, "\xe1\xb8\x8c" DOT_ABOVE}, /* marks change places */
        {"\xe1\xb8\x8a" DOT_BELOW, "\xe1\xb8\x8c" DOT_ABOVE},
        {"q" DOT_ABOVE DOT_BELOW "z", "q" DOT_BELOW DOT_ABOVE "z"},
        {DOT_ABOVE DOT_BELOW, DOT_BELOW DOT_ABOVE},               /* no base */
        {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"}, /* Hangul */
        {"\xed\x95\x98\xe1\x86\xab", "\xed\x95\x9c"},
        {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"},             /* U+0958: excluded */
        {"\xf0\x9d\x85\x9e", "\xf0\x9d\x85\x97\xf0\x9d\x85\xa5"}, /* U+1D15E: excluded */
        {"\xef\xac\x81", "\xef\xac\x81"},                         /* ligature fi: only NFKC */
        {"e\xe2\x80\x8d\xcc\x81", "e\xe2\x80\x8d\xcc\x81"},       /* a starter between blocks */
    };
    struct raml_err err = {0};
    struct raml_buf out;
    raml_buf_init(&out, 1 << 22);
    for (size_t i = 0; i < COUNT(cases); i++) {
        raml_buf_clear(&out);
        CHECK_OK(raml_nfc((const unsigned char *)cases[i].text, strlen(cases[i].text), &out, NULL, &err));
        check_bytes(cases[i].text, out.data, out.len, cases[i].want, strlen(cases[i].want));
    }
    struct raml_buf marks; /* 300,000 marks in the wrong order */
    raml_buf_init(&marks, 1 << 22);
    raml_buf_adds(&marks, "q");
    for (int i = 0; i < 150000; i++) raml_buf_adds(&marks, DOT_ABOVE DOT_BELOW);
    raml_buf_clear(&out);
    CHECK_OK(raml_nfc((const unsigned char *)marks.data, marks.len, &out, NULL, &err));
    assert_int_equal(out.len, marks.len);
    for (size_t i = 0; i < 300000; i++)
        if (memcmp(out.data + 1 + 2 * i, i < 150000 ? DOT_BELOW : DOT_ABOVE, 2) != 0) fail_msg("mark %zu", i);
    raml_buf_deinit(&marks);
    raml_buf_deinit(&out);
}

/* ---- ids -------------------------------------------------------------------------------------------------------- */

/* The built-in tokenizer's file with some of its parts replaced by JSON text (NULL: unchanged). */
static struct raml_tokenizer *open_with(const struct fixture *f, const char *normalizer, const char *pre_tokenizer,
                                        const char *added, bool ignore_merges)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    CHECK_OK(raml_tokenizer_save(f->bytes, f->path, &err));
    json_t *root = json_load_file(f->path, 0, NULL), *model = json_object_get(root, "model");
    assert_non_null(root);
    if (normalizer) json_object_set_new(root, "normalizer", json_loads(normalizer, 0, NULL));
    if (pre_tokenizer) json_object_set_new(root, "pre_tokenizer", json_loads(pre_tokenizer, 0, NULL));
    if (added) json_object_set_new(root, "added_tokens", json_loads(added, 0, NULL));
    static const char *const words[] = {"ab", "abc", "bc", "xyz", "aa", "Ġa", "Ã©"};
    for (size_t i = 0; i < COUNT(words); i++)
        json_object_set_new(json_object_get(model, "vocab"), words[i], json_integer((json_int_t)(300 + i)));
    json_object_set_new(model, "merges", json_loads("[\"b c\",[\"a\",\"b\"],\"a a\",\"Ġ a\",\"Ã ©\"]", 0, NULL));
    if (ignore_merges) json_object_set_new(model, "ignore_merges", json_true());
    assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
    json_decref(root);
    CHECK_OK(raml_tokenizer_open(f->path, &t, &err));
    return t;
}

#define PRE(regex)                                                                                                     \
    "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex                    \
    "\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"Digits\",\"individual_digits\":true},"                \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}"
#define NFC "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"}]}"

static void check_encode(const struct raml_tokenizer *t, const char *text, const int32_t *want, size_t n)
{
    struct raml_err err = {0};
    struct raml_tokens got = {0};
    CHECK_OK(raml_tokenizer_encode(t, text, strlen(text), false, &got, &err));
    check_ids(text, got.id, got.n, want, n);
    raml_tokens_deinit(&got);
}
#define CHECK_ENCODE(t, text, ...)                                                                                     \
    check_encode(t, text, (const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void test_words_reach_the_merges(void **state)
{
    const struct fixture *f = *state;
    struct raml_tokenizer *t = open_with(f, NULL, NULL, NULL, false); /* one word */
    CHECK_ENCODE(t, "a ab abc", 'a', ' ', 300, 305, 302);
    raml_tokenizer_close(t);
    t = open_with(f, NULL, PRE("a[bc]"), NULL, false);
    CHECK_ENCODE(t, "abc xyz", 300, 'c', ' ', 'x', 'y', 'z');
    CHECK_ENCODE(t, "b12aa", 'b', '1', '2', 304);
    raml_tokenizer_close(t);
    t = open_with(f, NULL, "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", NULL, false); /* GPT-2's pattern */
    CHECK_ENCODE(t, "aa a  a'sa", 304, 305, ' ', 305, '\'', 's', 'a');
    raml_tokenizer_close(t);
}

static void test_ignore_merges(void **state)
{
    const struct fixture *f = *state;
    struct raml_tokenizer *t = open_with(f, NULL, PRE("\\\\p{L}+"), NULL, true);
    CHECK_ENCODE(t, "abc xyz", 301, ' ', 303);
    CHECK_ENCODE(t, "abcx", 'a', 302, 'x'); /* not a whole word: merged as usual */
    CHECK_ENCODE(t, "\xc3\xa9", 306);
    raml_tokenizer_close(t);
    t = open_with(f, NULL, PRE("\\\\p{L}+"), NULL, false);
    CHECK_ENCODE(t, "abc xyz", 'a', 302, ' ', 'x', 'y', 'z');
    raml_tokenizer_close(t);
}

/* Added tokens before the normalizer and after it. */
static void test_normalized_tokens(void **state)
{
    const struct fixture *f = *state;
    static const char added[] = "[{\"id\":400,\"content\":\"\\u00c5\\u00c5\",\"normalized\":true},"
                                "{\"id\":401,\"content\":\"e\\u0301\",\"normalized\":false},"
                                "{\"id\":402,\"content\":\"\\u03a9\",\"normalized\":false},"
                                "{\"id\":403,\"content\":\"xx\",\"normalized\":true},"
                                "{\"id\":404,\"content\":\"x<\",\"normalized\":false}]";
    struct raml_tokenizer *t = open_with(f, NFC, NULL, added, false);
    CHECK_ENCODE(t, "\xe2\x84\xab\xe2\x84\xab", 400);
    CHECK_ENCODE(t, "\xe2\x84\xab", 0xc3, 0x85);
    CHECK_ENCODE(t, "e\xcc\x81", 401);
    CHECK_ENCODE(t, "\xce\xa9", 402);
    CHECK_ENCODE(t, "\xe2\x84\xa6", 0xce, 0xa9);
    CHECK_ENCODE(t, "xx<xx", 'x', 404, 403);
    CHECK_ENCODE(t, "\xc3\xa9", 306);
    raml_tokenizer_close(t);
    struct raml_err err = {0};
    json_t *root = json_load_file(f->path, 0, NULL);
    json_object_set_new(json_array_get(json_object_get(root, "added_tokens"), 1), "normalized", json_true());
    assert_int_equal(json_dump_file(root, f->path, 0), 0);
    json_decref(root);
    assert_int_equal(raml_tokenizer_open(f->path, &t, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "'added_tokens[1].content' is marked as normalized, and not in form NFC"));
}

/* Bytes of no character are separate words; what is around them is split as usual. */
static void test_broken_utf8(void **state)
{
    const struct fixture *f = *state;
    struct raml_tokenizer *t = open_with(f, NFC, PRE("\\\\p{L}+"), NULL, true);
    CHECK_ENCODE(t, "ab\xff\xc3xyz", 300, 0xff, 0xc3, 303);
    CHECK_ENCODE(t, "\xc3\xc3\xa9", 0xc3, 306);
    CHECK_ENCODE(t, "e\xcc\x81\xcc", 306, 0xcc);
    CHECK_ENCODE(t, "\xed\xa0\x80", 0xed, 0xa0, 0x80); /* a surrogate */
    raml_tokenizer_close(t);

    static const char *const families[] = {"gpt-2", "llama-bpe", "qwen35"};
    for (size_t k = 0; k < COUNT(families); k++) {
        const struct raml_pretokenizer *p = raml_pretokenizer(families[k]);
        json_t *pre = json_pack("{ss s[{ss s{ss} ss sb}{ss sb sb}]}", "type", "Sequence", "pretokenizers", "type",
                                "Split", "pattern", "Regex", p->regex[0], "behavior", "Isolated", "invert", 0, "type",
                                "ByteLevel", "add_prefix_space", 0, "use_regex", 0);
        char *text_of_pre = json_dumps(pre, 0);
        t = open_with(f, NULL, text_of_pre, NULL, k == 1);
        free(text_of_pre);
        json_decref(pre);
        for (uint32_t round = 0; round < 500; round++) {
            struct raml_rng r = {.key = {.seed = 5, .purpose = RAML_FOR_TEST, .question = round}};
            static const char *const part[] = {"a",
                                               "b",
                                               "c",
                                               " ",
                                               "\n",
                                               "1",
                                               "\xc3\xa9",
                                               "e\xcc\x81",
                                               "\xff",
                                               "\xc3",
                                               "\xe4\xb8",
                                               "\xe4\xb8\x80",
                                               "'s",
                                               "\xed\xa0\x80",
                                               "\xf0\x9f\x98\x80"};
            struct raml_err err = {0};
            struct raml_tokens ids = {0};
            struct raml_buf text, back;
            raml_buf_init(&text, 1 << 10);
            raml_buf_init(&back, 1 << 10);
            for (uint32_t n = raml_rng_below(&r, 40); n > 0; n--)
                raml_buf_adds(&text, part[raml_rng_below(&r, COUNT(part))]);
            CHECK_OK(raml_tokenizer_encode(t, text.data, text.len, true, &ids, &err));
            CHECK_OK(raml_tokenizer_decode(t, ids.id, ids.n, true, &back, &err));
            check_bytes("back", back.data, back.len, text.data, text.len);
            raml_tokens_deinit(&ids);
            raml_buf_deinit(&text);
            raml_buf_deinit(&back);
        }
        raml_tokenizer_close(t);
    }
}

/* ---- from parts ------------------------------------------------------------------------------------------------- */

static void test_parts(void **state)
{
    (void)state;
    struct raml_str token[259], merge[] = {{"a b...", 3}};
    int32_t type[259];
    char chars[256][2];
    for (unsigned b = 0; b < 256; b++) {
        /* GPT-2's characters in the order of their code points, which is not that of the bytes */
        unsigned cp = b < 94 ? 0x21 + b : b < 106 ? 0xa1 + b - 94 : b < 188 ? 0xae + b - 106 : 0x100 + b - 188;
        token[b] = (struct raml_str){chars[b], cp < 0x80 ? 1 : 2};
        chars[b][0] = (char)(cp < 0x80 ? cp : 0xc0 | cp >> 6);
        chars[b][1] = (char)(0x80 | (cp & 0x3f));
        type[b] = 1;
    }
    token[256] = (struct raml_str){"ab", 2};
    token[257] = (struct raml_str){"<s>", 3};
    token[258] = (struct raml_str){"<u>", 3};
    type[256] = 1;
    type[257] = 3;
    type[258] = 4;
    struct raml_tokenizer_parts p = {.name = "parts",
                                     .token = token,
                                     .type = type,
                                     .n_tokens = 259,
                                     .merge = merge,
                                     .n_merges = 1,
                                     .pattern = "llama-bpe"};
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    CHECK_OK(raml_tokenizer_from_parts(&p, &t, &err));
    CHECK_ENCODE(t, "ab<s><u>!", 256, '<' - '!', 's' - '!', '>' - '!', 258, 0);
    assert_true(raml_tokenizer_is_special(t, 257));
    raml_tokenizer_close(t);
    t = NULL;
    const struct {
        struct raml_str token;
        int32_t type;
        enum raml_code code;
        const char *says;
    } bad[] = {
        {{"ab", 2}, 2, RAML_ESUPPORT, "parts: token 256 has type 2"},
        {{"a\0b", 3}, 1, RAML_EFORMAT, "parts: token 256 is not UTF-8"},
        {{"a\xff", 2}, 1, RAML_EFORMAT, "parts: token 256 is not UTF-8"},
        {{NULL, 0}, 1, RAML_EFORMAT, "parts: token 256 is not UTF-8"},
        {{"!", 1}, 1, RAML_EFORMAT, "parts: token 256 has the text of token 0"},
        {{"ac", 2}, 1, RAML_EFORMAT, "parts: model.merges[0] needs token 'ab'"},
        {{"ab", 2}, 4, RAML_EFORMAT, "parts: model.merges[0] needs token 'ab'"},
        {{"", 0}, 1, RAML_EFORMAT, "parts: token '' has 0 bytes"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        token[256] = bad[i].token;
        type[256] = bad[i].type;
        enum raml_code rc = raml_tokenizer_from_parts(&p, &t, &err);
        if (rc != bad[i].code || !strstr(err.msg, bad[i].says) || t) fail_msg("case %zu: %d, '%s'", i, rc, err.msg);
    }
    p.pattern = "unheard-of";
    assert_int_equal(raml_tokenizer_from_parts(&p, &t, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "unknown pre-tokenizer 'unheard-of'; this version has gpt-2, llama-bpe"));
}

/* ---- cost ------------------------------------------------------------------------------------------------------- */

static enum raml_code count_word(void *to, const unsigned char *word, size_t n, struct raml_err *err)
{
    (void)word;
    (void)err;
    *(size_t *)to += n;
    return RAML_OK;
}

/* Megabytes of one character, then something else: in quadratic time each would take an hour. */
static void test_long_runs(void **state)
{
    (void)state;
    static const char *const families[] = {"gpt-2", "llama-bpe", "qwen2", "qwen35", "deepseek-llm"};
    static const char *const run[] = {" ", "a", "\n", "1", "!", "\xcc\x81", "\xe4\xb8\x80", "' "};
    static const char *const end[] = {"", "x", "1", "\n", "\xe4\xb8\x80"};
    enum { N = 1 << 20 };
    char *text = malloc(N + 8);
    assert_non_null(text);
    for (size_t i = 0; i < COUNT(families); i++) {
        struct raml_patterns *p = compile(raml_pretokenizer(families[i])->regex, RAML_PRETOKENIZERS);
        for (size_t k = 0; k < COUNT(run) * COUNT(end); k++) {
            const char *r = run[k / COUNT(end)], *e = end[k % COUNT(end)];
            size_t n = 0, sum = 0, step = strlen(r);
            struct raml_err err = {0};
            for (; n + step <= N; n += step) memcpy(text + n, r, step);
            memcpy(text + n, e, strlen(e));
            n += strlen(e);
            clock_t start = clock();
            CHECK_OK(raml_patterns_split(p, (unsigned char *)text, n, count_word, &sum, &err));
            double s = (double)(clock() - start) / CLOCKS_PER_SEC;
            assert_int_equal(sum, n);
            if (!(s < 20)) fail_msg("%s: '%s' and '%s': %.1f s", families[i], r, e, s);
        }
        raml_patterns_close(p);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_dialect),
        cmocka_unit_test(test_patterns_refused),
        cmocka_unit_test(test_runaway_pattern),
        cmocka_unit_test(test_nfc),
        cmocka_unit_test(test_words_reach_the_merges),
        cmocka_unit_test(test_ignore_merges),
        cmocka_unit_test(test_normalized_tokens),
        cmocka_unit_test(test_broken_utf8),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_long_runs),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
