/* test_join.c - the border between a context and its continuation, found by bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check.h"
#include "fixture.h"
#include "raml/tokenizer.h"
#include "raml/rng.h"

#define DATA RAML_SHARED "/data/tokenizer/"

static struct raml_join_text text_of(const char *s, bool parse_special)
{
    return (struct raml_join_text){s, strlen(s), {.parse_special = parse_special}};
}

static void check_tokens(const struct raml_tokenizer *t, const char *what, const struct raml_tokens *got,
                         const char *want) /* tokens with "|" between them */
{
    struct raml_err err = {0};
    struct raml_buf out;
    raml_buf_init(&out, 4096);
    raml_buf_adds(&out, "");
    for (size_t i = 0; i < got->n; i++) {
        if (i) raml_buf_adds(&out, "|");
        CHECK_OK(raml_tokenizer_decode(t, got->id + i, 1, true, &out, &err));
    }
    check_bytes(what, out.data, out.len, want, strlen(want));
    raml_buf_deinit(&out);
}

/* With Qwen's vocabulary, where {\ and )} and others are tokens. */
static void test_qwen(void **state)
{
    (void)state;
    if (!raml_is_dir(DATA "qwen3")) {
        fprintf(stderr, "SKIPPED: %s is absent: borders were NOT checked with a real vocabulary\n", DATA);
        skip();
    }
    static const char answer_prefix[] = "\n\n**Final Answer**\n\\boxed{";
    static const struct {
        const char *context, *continuation;
        enum raml_join join;
        const char *left, *right;
        size_t border_bytes;
    } cases[] = {
        {answer_prefix, "\\frac12}", RAML_JOIN_JOINT, "\n\n|**|Final| Answer|**\n|\\|boxed", "{\\|frac|1|2|}", 1},
        {answer_prefix, "\\frac12}", RAML_JOIN_SPLIT, "\n\n|**|Final| Answer|**\n|\\|boxed|{", "\\|frac|1|2|}", 0},
        {answer_prefix, "12}", RAML_JOIN_JOINT, "\n\n|**|Final| Answer|**\n|\\|boxed|{", "1|2|}", 0},
        {"Therefore, the answer is", " 42", RAML_JOIN_JOINT, "Therefore|,| the| answer| is", " |4|2", 0},
        {"Therefore, the answer is ", "yes", RAML_JOIN_JOINT, "Therefore|,| the| answer| is", " yes", 1},
        {"<think>a", "b</think>", RAML_JOIN_JOINT, "<think>", "ab|</think>", 1},
        {"x<|im_", "end|>", RAML_JOIN_JOINT, "x", "<|im_end|>", 5}, /* what the whole text spells */
        {"", "ab", RAML_JOIN_JOINT, "", "ab", 0},
        {"ab", "", RAML_JOIN_JOINT, "ab", "", 0},
        {"", "", RAML_JOIN_JOINT, "", "", 0},
        {"e", "\xcc\x81", RAML_JOIN_JOINT, "", "\xc3\xa9", 1}, /* a mark joins what it follows */
    };
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    struct raml_joined j = {0};
    CHECK_OK(raml_tokenizer_open(DATA "qwen3", &t, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raml_join_text a = text_of(cases[i].context, true), b = text_of(cases[i].continuation, true);
        CHECK_OK(raml_join(t, cases[i].join, &a, &b, &j, &err));
        check_tokens(t, cases[i].continuation, &j.context, cases[i].left);
        check_tokens(t, cases[i].continuation, &j.continuation, cases[i].right);
        assert_int_equal(j.border_bytes, cases[i].border_bytes);
    }
    /* A plain continuation spells no special token, nor does one that is half plain. */
    const struct raml_join_text a = text_of("x<|im_", true), b = text_of("end|>", false);
    CHECK_OK(raml_join(t, RAML_JOIN_JOINT, &a, &b, &j, &err));
    check_tokens(t, "plain", &j.context, "x|<|||im");
    check_tokens(t, "plain", &j.continuation, "_end|||>");
    assert_int_equal(j.border_bytes, 1);
    raml_joined_deinit(&j);
    raml_tokenizer_close(t);
}

/* For any split of any text: both sides together are the whole text, and a side that has a byte of continuation has a
 * token. */
static void test_random(void **state)
{
    (void)state;
    if (!raml_is_dir(DATA "qwen3")) skip();
    static const char *const piece[] = {
        "a",        "the ", " ",        "\\",   "{",       "}",          "12",           "\n",
        "\xc3\xa9", "e",    "\xcc\x81", "\xff", "<think>", "<|im_end|>", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80",
        "frac",     "$"};
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    struct raml_joined j = {0};
    CHECK_OK(raml_tokenizer_open(DATA "qwen3", &t, &err));
    for (uint64_t round = 0; round < 3000; round++) {
        struct raml_rng r = {.key = {.seed = round, .purpose = RAML_FOR_TEST}};
        char text[256] = "";
        struct raml_tokens whole = {0};
        for (size_t k = raml_rng_below(&r, 12); k > 0; k--) strcat(text, piece[raml_rng_below(&r, COUNT(piece))]);
        size_t n = strlen(text), split = raml_rng_below(&r, (uint32_t)n + 1);
        bool parse = raml_rng_below(&r, 2);
        const struct raml_join_text a = {text, split, {.parse_special = parse}},
                                    b = {text + split, n - split, {.parse_special = parse}};
        CHECK_OK(raml_join(t, RAML_JOIN_JOINT, &a, &b, &j, &err));
        CHECK_OK(raml_tokenizer_encode(t, text, n, parse, &whole, &err));
        assert_int_equal(j.context.n + j.continuation.n, whole.n);
        check_ids(text, j.context.id, j.context.n, whole.id, j.context.n);
        check_ids(text, j.continuation.id, j.continuation.n, whole.id + j.context.n, j.continuation.n);
        if ((j.continuation.n == 0) != (split == n))
            fail_msg("'%s' split at %zu: %zu tokens", text, split, j.continuation.n);
        assert_true(j.border_bytes <= split);
        raml_tokens_deinit(&whole);
    }
    raml_joined_deinit(&j);
    raml_tokenizer_close(t);
}

static void test_failure_leaves_nothing(void **state)
{
    const struct raml_tokenizer *t = ((struct fixture *)*state)->bytes;
    struct raml_err err = {0};
    struct raml_joined j = {0};
    const struct raml_range beyond = {0, 9};
    struct raml_join_text a = text_of("ab", true), b = text_of("c", true);
    CHECK_OK(raml_join(t, RAML_JOIN_JOINT, &a, &b, &j, &err));
    assert_int_equal(j.context.n + j.continuation.n, 3);
    for (int i = 0; i < 4; i++) { /* either text, either way */
        struct raml_join_text *bad = i < 2 ? &a : &b;
        bad->opt.plain = &beyond;
        bad->opt.n_plain = 1;
        assert_int_equal(raml_join(t, i % 2 ? RAML_JOIN_SPLIT : RAML_JOIN_JOINT, &a, &b, &j, &err), RAML_ERANGE);
        assert_int_equal(j.context.n + j.continuation.n, 0);
        bad->opt.n_plain = 0;
    }
    assert_string_equal(raml_join_name(RAML_JOIN_JOINT), "joint");
    assert_string_equal(raml_join_name(RAML_JOIN_SPLIT), "split");
    raml_joined_deinit(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qwen),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_failure_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
