/* test_countdown.c - the checker accepts any expression that reaches the target and nothing else, whatever the text. */
#include "raml/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

static enum raml_verdict check(const char *question, const char *pred)
{
    struct raml_question q = {.question = question, .answer = "5*7-2-3", .family = "countdown"};
    return raml_question_check(&q, pred);
}

static void test_verdicts(void **state)
{
    (void)state;
    static const char q[] = "2 3 5 7 -> 30";
    static const struct {
        const char *question, *pred;
        enum raml_verdict want;
    } cases[] = {
        {q, "5*7-2-3", RAML_EQUAL},
        {q, "(5*7-2)-3", RAML_EQUAL},
        {q, " 5 * 7 - (2+3) \n", RAML_EQUAL},
        {q, "5*7-2-3=30", RAML_EQUAL},
        {q, "((((3*(7+5-2)))))", RAML_EQUAL},
        {q, "2*3*5", RAML_EQUAL}, /* not every number has to be used */
        {q, "5*7-2-3=31", RAML_DIFFERENT},
        {q, "5*7-2-3=", RAML_DIFFERENT},
        {q, "5*7-2-3=30=30", RAML_DIFFERENT},
        {q, "5*7-3-3+1", RAML_DIFFERENT},
        {q, "5*3*2+7-7", RAML_DIFFERENT}, /* 7 twice */
        {q, "30", RAML_DIFFERENT},
        {q, "57-27", RAML_DIFFERENT}, /* digits are not joined */
        {q, "5*7-(2+3", RAML_DIFFERENT},
        {q, "5*7-2-3)", RAML_DIFFERENT},
        {q, "5*7-2-3;", RAML_DIFFERENT},
        {q, "5*7--2-3", RAML_DIFFERENT},
        {q, "-5*7", RAML_DIFFERENT},
        {q, "()", RAML_DIFFERENT},
        {q, "x", RAML_DIFFERENT},
        {q, "5*7-2-3\x80", RAML_DIFFERENT},
        {q, "99999999999999999999999999", RAML_DIFFERENT},
        {q, "", RAML_UNKNOWN},
        {q, " \n", RAML_UNKNOWN},
        {q, NULL, RAML_UNKNOWN},
        {"what is 2+3?", "5", RAML_UNKNOWN},
        {"-> 30", "30", RAML_UNKNOWN},
        {"2 3 ->", "2+3", RAML_UNKNOWN},
        {"2 3 -> 5 6", "2+3", RAML_UNKNOWN},
        {"2 3 - 5", "2+3", RAML_UNKNOWN},
        {"2 3", "2+3", RAML_UNKNOWN},
        {"", "2+3", RAML_UNKNOWN},
        {"2 3 -> 5", "2+3", RAML_EQUAL},
        {"2 2 -> 4", "2*2", RAML_EQUAL},
        {"2 3 -> 4", "2+2", RAML_DIFFERENT},
        {"3 5 -> 15", "5*3", RAML_EQUAL},
        {"2 3 8 -> 1", "2*3-8+3", RAML_DIFFERENT},
        {"2 3 8 -> 3", "2-8+3*3", RAML_DIFFERENT},
        {"2 3 8 9 -> 6", "2-8+3*9-15", RAML_DIFFERENT},
        {"2 3 8 9 -> 21", "2-8+3*9", RAML_EQUAL}, /* a negative number on the way */
        {"1000000000 1000000000 1000000000 -> 0", "1000000000*1000000000*1000000000", RAML_DIFFERENT},
        {"1000000000 1000000000 9 -> 0", "1000000000*1000000000*9", RAML_DIFFERENT},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (check(cases[i].question, cases[i].pred) != cases[i].want)
            fail_msg("%s: %s: %d", cases[i].question, cases[i].pred ? cases[i].pred : "NULL",
                     check(cases[i].question, cases[i].pred));
}

/* n times `piece`, as an answer or as the question. */
static char *repeat(const char *piece, size_t n)
{
    size_t len = strlen(piece);
    char *text = malloc(n * len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++) memcpy(text + i * len, piece, len);
    text[n * len] = 0;
    return text;
}

static void test_hostile_lengths(void **state)
{
    (void)state;
    static const char *const pieces[] = {"(", "1", "1+", "((1)*", ")", " ", "-"};
    static const size_t sizes[] = {1, 63, 64, 65, 200, 4095, 4096, 100000};
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (size_t k = 0; k < COUNT(sizes); k++) {
            char *text = repeat(pieces[i], sizes[k]);
            assert_true(check("2 3 -> 5", text) != RAML_EQUAL);
            assert_true(check(text, "1") == RAML_UNKNOWN);
            free(text);
        }
    }
    char *many = repeat("1 ", 65);
    char *question = malloc(strlen(many) + 8);
    assert_non_null(question);
    strcpy(question, many + 2);
    strcat(question, "-> 2");
    assert_int_equal(check(question, "1+1"), RAML_EQUAL); /* 64 numbers */
    strcpy(question, many);
    strcat(question, "-> 2");
    assert_int_equal(check(question, "1+1"), RAML_UNKNOWN);
    free(question);
    free(many);
}

/* Other families compare with the answer. */
static void test_other_families(void **state)
{
    (void)state;
    struct raml_question q = {.question = "2 3 -> 5", .answer = "2+3", .family = "add"};
    assert_int_equal(raml_question_check(&q, "3+2"), RAML_EQUAL);
    q.answer = "5";
    assert_int_equal(raml_question_check(&q, "5.0"), RAML_EQUAL);
    assert_int_equal(raml_question_check(&q, "2+3"), RAML_DIFFERENT); /* the question again is no answer */
    q.family = NULL;
    q.answer = "10";
    assert_int_equal(raml_question_check(&q, "10"), RAML_EQUAL);
    assert_int_equal(raml_question_check(&q, NULL), RAML_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_other_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
