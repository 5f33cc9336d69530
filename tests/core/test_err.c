/* test_err.c - codes, messages, and the context in front of them. */
#include "core/scratch.h"

#include <errno.h>

static void fail_sets_code_and_sentence(void **state)
{
    (void)state;
    struct raml_err e = {0};
    assert_int_equal(raml_fail(&e, RAML_ERANGE, "%s:%d: field '%s'", "a.jsonl", 17, "answer"), RAML_ERANGE);
    assert_int_equal(e.code, RAML_ERANGE);
    assert_string_equal(e.msg, "a.jsonl:17: field 'answer'");
}

static void null_err_is_legal(void **state)
{
    (void)state;
    errno = ENOENT;
    assert_int_equal(raml_fail(NULL, RAML_ESHAPE, "x"), RAML_ESHAPE);
    assert_int_equal(raml_wrap(NULL, RAML_ENOMEM, "x"), RAML_ENOMEM);
    assert_int_equal(raml_fail_errno(NULL, "x"), RAML_EIO);
}

static void wrap_puts_context_in_front(void **state)
{
    (void)state;
    struct raml_err e = {0};
    enum raml_code rc = raml_fail(&e, RAML_EFORMAT, "cause");
    rc = raml_wrap(&e, rc, "loading %s", "model");
    rc = raml_wrap(&e, rc, "training");
    assert_int_equal(rc, RAML_EFORMAT);
    assert_int_equal(e.code, RAML_EFORMAT);
    assert_string_equal(e.msg, "training: loading model: cause");
}

static void errno_is_reported_in_words(void **state)
{
    (void)state;
    struct raml_err e = {0};
    errno = ENOSPC;
    assert_int_equal(raml_fail_errno(&e, "%s: writing failed", "out"), RAML_EIO);
    assert_int_equal(e.code, RAML_EIO);
    assert_string_equal(e.msg, "out: writing failed: No space left on device");
}

static void long_sentences_are_truncated_inside_the_buffer(void **state)
{
    (void)state;
    struct {
        struct raml_err e;
        char after[8];
    } s = {.after = "guard"};
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    raml_fail(&s.e, RAML_EIO, "%s", text);
    assert_int_equal(strlen(s.e.msg), sizeof s.e.msg - 1);
    raml_wrap(&s.e, RAML_EIO, "front");
    assert_int_equal(strlen(s.e.msg), sizeof s.e.msg - 1);
    assert_memory_equal(s.e.msg, "front: xxx", 10);
    raml_wrap(&s.e, RAML_EIO, "%s", text); /* no space for the cause: still one complete string */
    assert_int_equal(strlen(s.e.msg), sizeof s.e.msg - 1);
    assert_string_equal(s.after, "guard");
}

static void control_characters_are_shown_as_question_marks(void **state)
{
    (void)state;
    struct raml_err e = {0};
    raml_fail(&e, RAML_EFORMAT, "field '%s'", "a\nb\033[2J\x7f\xc2\x9bK\xc3\x9b\xc2\xa0");
    assert_string_equal(e.msg, "field 'a?b?[2J???K\xc3\x9b\xc2\xa0'");
    raml_wrap(&e, RAML_EFORMAT, "%s", "file\r");
    assert_string_equal(e.msg, "file?: field 'a?b?[2J???K\xc3\x9b\xc2\xa0'");
    errno = ENOENT;
    assert_int_equal(raml_fail_errno(&e, "%s", "a\tb"), RAML_EIO);
    assert_string_equal(e.msg, "a?b: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail_sets_code_and_sentence),
        cmocka_unit_test(null_err_is_legal),
        cmocka_unit_test(wrap_puts_context_in_front),
        cmocka_unit_test(errno_is_reported_in_words),
        cmocka_unit_test(long_sentences_are_truncated_inside_the_buffer),
        cmocka_unit_test(control_characters_are_shown_as_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
