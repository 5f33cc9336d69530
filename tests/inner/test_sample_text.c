/* test_sample_text.c - which part of a completion is its answer: a box, and for multiple choice a letter too. */
#include "inner/sample_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *gold;
    bool letters;
    const char *answer; /* NULL: none */
    enum raml_verdict correct;
} cases[] = {
    {"So \\boxed{7}.", "7", false, "7", RAML_EQUAL},
    {"So it is 7.", "7", false, "7", RAML_EQUAL},
    {"Cold.\n\nAnswer: C", "C", true, "C", RAML_EQUAL},
    {"Cold.\n\nAnswer: B", "C", true, "B", RAML_DIFFERENT},
    {"Cold: \\boxed{\\text{C}}", "C", true, "C", RAML_EQUAL},
    {"It is cold.", "C", true, NULL, RAML_DIFFERENT},
    {"Answer: C", "C", false, "C", RAML_EQUAL},
    {"So the answer is 12.", "12", false, "12", RAML_EQUAL},
    {"#### 7", "7", false, "7", RAML_EQUAL},
    {"\\boxed{1} and \\boxed{2}", "2, 1", false, "1, 2", RAML_EQUAL},
    {"We get 12", "12", false, NULL, RAML_DIFFERENT}, /* nothing marks it */
};

static void test_answers(void **state)
{
    (void)state;
    struct raml_tokenizer *t;
    struct raml_format f;
    struct sample_texts x = {0};
    struct raml_err err = {0};
    assert_int_equal(raml_tokenizer_bytes(&t, &err), RAML_OK);
    assert_int_equal(raml_format_named("plain", t, &f, &err), RAML_OK);
    assert_int_equal(raml_sample_texts_init(&x, t, &f, &err), RAML_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct raml_sampled s = {.finish_reason = "stop"};
        struct raml_question q = {.id = "q", .question = "?", .answer = cases[i].gold, .letters = cases[i].letters};
        struct raml_questions out;
        struct raml_sample_stats stats = {0};
        raml_questions_init(&out);
        for (const char *p = cases[i].text; *p; p++)
            assert_int_equal(raml_sampled_add(&s, (unsigned char)*p, &err), RAML_OK);
        s.n_think = s.n;
        assert_int_equal(raml_sampled_deliver(&x, &q, &s, 1, 0, &out, &stats, &err), RAML_OK);
        const struct raml_trajectory *r = &out.question[0].trajectory[0];
        assert_int_equal(out.question[0].letters, cases[i].letters);
        if (cases[i].answer ? !r->answer || strcmp(r->answer, cases[i].answer) : r->answer != NULL)
            fail_msg("'%s': answer '%s'", cases[i].text, r->answer ? r->answer : "(none)");
        if (r->correct != cases[i].correct) fail_msg("'%s': %d", cases[i].text, (int)r->correct);
        raml_questions_deinit(&out);
        free(s.token);
    }
    raml_sample_texts_deinit(&x);
    raml_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
    return cmocka_run_group_tests_name("texts of samples", tests, NULL, NULL);
}
