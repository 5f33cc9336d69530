/* test_question.c - the set owns its contents; the hash is the same for every spelling of a question. */
#include "raml/question.h"

#include "core/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

static void test_set_copies(void **state)
{
    (void)state;
    struct raml_questions qs;
    raml_questions_init(&qs);
    char id[] = "a", question[] = "What?", answer[] = "4", text[] = "2 + 2", style[] = "concise", family[] = "add";
    int32_t tokens[] = {1, 2, 3};
    /* clang-format off */
    struct raml_trajectory t[2] = {
        {.text = text, .answer = answer, .correct = RAML_EQUAL, .style = style, .logp_sum = -1.5, .tokens = tokens,
         .n_tokens = 3, .seed = 7, .think_closed = true},
        {.text = "", .correct = RAML_UNKNOWN, .logp_sum = NAN},
    };
    /* clang-format on */
    /* clang-format off */
    struct raml_question q = {.id = id, .question = question, .answer = answer, .family = family, .difficulty = 3,
                              .trajectory = t, .n_trajectories = 2, .line = 9};
    /* clang-format on */
    for (int i = 0; i < 1000; i++) assert_int_equal(raml_questions_add(&qs, &q, NULL), RAML_OK);
    memset(question, 'x', 5);
    memset(text, 'x', 5);
    id[0] = answer[0] = style[0] = family[0] = 'x';
    tokens[1] = 99;
    t[0].text = t[1].text = NULL;
    assert_int_equal(qs.n, 1000);
    for (size_t i = 0; i < qs.n; i++) {
        const struct raml_question *g = &qs.question[i];
        assert_string_equal(g->id, "a");
        assert_string_equal(g->question, "What?");
        assert_string_equal(g->answer, "4");
        assert_string_equal(g->family, "add");
        assert_null(g->split);
        assert_int_equal(g->difficulty, 3);
        assert_int_equal(g->line, 9);
        assert_int_equal(g->n_trajectories, 2);
        assert_string_equal(g->trajectory[0].text, "2 + 2");
        assert_string_equal(g->trajectory[0].style, "concise");
        assert_string_equal(g->trajectory[0].answer, "4");
        assert_int_equal(g->trajectory[0].tokens[1], 2);
        assert_int_equal(g->trajectory[0].n_tokens, 3);
        assert_int_equal(g->trajectory[0].seed, 7);
        assert_string_equal(g->trajectory[1].text, "");
        assert_null(g->trajectory[1].answer);
        assert_null(g->trajectory[1].tokens);
    }
    raml_questions_deinit(&qs);
    raml_questions_deinit(&qs);
    assert_int_equal(qs.n, 0);
}

static void test_set_fills_gaps(void **state)
{
    (void)state;
    struct raml_questions qs;
    raml_questions_init(&qs);
    struct raml_question q = {0};
    assert_int_equal(raml_questions_add(&qs, &q, NULL), RAML_OK);
    assert_string_equal(qs.question[0].id, "");
    assert_string_equal(qs.question[0].question, "");
    assert_string_equal(qs.question[0].answer, "");
    raml_questions_deinit(&qs);
}

static void test_hash(void **state)
{
    (void)state;
    static const struct {
        const char *what, *a, *b;
        bool same;
    } cases[] = {
        {"itself", "What is 2 + 2?", "What is 2 + 2?", true},
        {"case", "What is X?", "what IS x?", true},
        {"runs of spaces", "a  b \t c", "a b c", true},
        {"lines", "a\r\nb", "a b", true},
        {"both ends", " \n a b\t", "a b", true},
        {"empty and whitespace", "", " \n\t ", true},
        {"letters", "a b", "a c", false},
        {"a space is not nothing", "1 2", "12", false},
        {"empty and not", "", "a", false},
        {"UTF-8 stays", "caf\xc3\xa9", "caf\xc3\x89", false},
        {"ASCII beside UTF-8", "CAF\xc3\xa9", "caf\xc3\xa9", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if ((raml_question_hash(cases[i].a) == raml_question_hash(cases[i].b)) != cases[i].same)
            fail_msg("%s: '%s' and '%s'", cases[i].what, cases[i].a, cases[i].b);
    /* Part of every data set's split: the value may never change. */
    assert_true(raml_question_hash("What  is X?") == raml_hash("what is x?", 10, 0));
}

/* Around the borders of the hashed blocks, spacing still changes nothing and every byte still counts. */
static void test_hash_long(void **state)
{
    (void)state;
    enum { MAX = 4200 };
    char *a = malloc(MAX + 1), *b = malloc(3 * MAX + 1);
    assert_non_null(a);
    assert_non_null(b);
    for (size_t n = 1000; n < MAX; n += 13) {
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            a[i] = (i * 7 + n) % 5 == 0 && i && i + 1 < n ? ' ' : (char)('a' + i % 26);
            if (a[i] == ' ') b[m++] = '\n', b[m++] = '\t';
            else b[m++] = (char)(a[i] - 'a' + 'A');
        }
        a[n] = b[m] = 0;
        uint64_t h = raml_question_hash(a);
        assert_true(raml_question_hash(b) == h);
        b[m - 1] = '!';
        assert_true(raml_question_hash(b) != h);
        b[0] = '!';
        assert_true(raml_question_hash(b) != h);
    }
    /* Without a space a block is full at 1023 bytes: the next one may need two. */
    memset(a, 'a', 3000);
    a[3000] = 0;
    assert_true(raml_question_hash(a) == raml_hash(a, 954, raml_hash(a, 1023, raml_hash(a, 1023, 0))));
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_copies),
        cmocka_unit_test(test_set_fills_gaps),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
