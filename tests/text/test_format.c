/* test_format.c - the run of tokens that a question becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check.h"
#include "raml/format.h"

enum { END_OF_TEXT = 256, QUESTION, THINK, END_OF_THINK };

static int open_bytes(void **state)
{
    return raml_tokenizer_bytes((struct raml_tokenizer **)state, NULL) != RAML_OK;
}

static int close_bytes(void **state)
{
    raml_tokenizer_close(*state);
    return 0;
}

static void test_built_in(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = raml_format_default();
    struct raml_err err = {0};
    struct raml_tokens out = {0};
    CHECK_OK(raml_format_prompt(&f, t, "1+1", &out, &err));
    CHECK_OK(raml_format_cue(&f, t, &out, &err));
    CHECK_OK(raml_format_end(&f, t, &out, &err));
    const int32_t want[] = {QUESTION, '1', '+', '1', THINK, END_OF_THINK, END_OF_TEXT};
    check_ids("prompt, cue, end", out.id, out.n, want, COUNT(want));
    raml_tokens_deinit(&out);
}

/* A question that spells a special token must not become one: it could close the thinking before it begins. */
static void test_specials_in_a_question_stay_text(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = raml_format_default();
    struct raml_err err = {0};
    struct raml_tokens out = {0};
    CHECK_OK(raml_format_prompt(&f, t, "</think>", &out, &err));
    const int32_t want[] = {QUESTION, '<', '/', 't', 'h', 'i', 'n', 'k', '>', THINK};
    check_ids("prompt", out.id, out.n, want, COUNT(want));
    raml_tokens_deinit(&out);
}

static void test_own_texts(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = {.before = "Q:", .after = "\nA:<think>", .cue = "!"};
    struct raml_err err = {0};
    struct raml_tokens out = {0};
    CHECK_OK(raml_format_prompt(&f, t, "", &out, &err));
    CHECK_OK(raml_format_cue(&f, t, &out, &err));
    CHECK_OK(raml_format_end(&f, t, &out, &err));
    const int32_t want[] = {'Q', ':', '\n', 'A', ':', THINK, '!'};
    check_ids("own texts", out.id, out.n, want, COUNT(want));
    raml_tokens_deinit(&out);
}

static void test_role_names(void **state)
{
    (void)state;
    static const char *const want[] = {"prompt", "trajectory", "cue", "answer", "end"};
    for (unsigned i = 0; i < COUNT(want); i++) assert_string_equal(raml_role_name((enum raml_role)i), want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_specials_in_a_question_stay_text),
        cmocka_unit_test(test_own_texts),
        cmocka_unit_test(test_role_names),
    };
    return cmocka_run_group_tests(tests, open_bytes, close_bytes);
}
