/* test_samples_lm_eval.c - lm_eval's samples: filters, repeats, adjacent seeds, and hostile lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples/sample_files.h"

#define ROW (&raml_samples_layout_lm_eval)
#define LINE(id, filter, resps, filtered, metrics)                                                                     \
    "{\"doc_id\":" id ",\"doc\":{\"q\":\"six by seven?\",\"subject\":\"arithmetic\",\"level\":\"Level 2\"},"           \
    "\"target\":\"so #### 42\",\"arguments\":{\"gen_args_0\":{\"arg_0\":\"six by seven?\",\"arg_1\":{}}},"             \
    "\"resps\":" resps ",\"filtered_resps\":" filtered ",\"filter\":\"" filter "\",\"doc_hash\":\"h" id "\","          \
    "\"prompt_hash\":\"p\",\"target_hash\":\"t\"," metrics "}\n"

static void test_one_response(void **state)
{
    (void)state;
    struct taken t =
        take_text(ROW,
                  LINE("0", "strict-match", "[[\"#### 42\"]]", "[\"42\"]", "\"exact_match\":1.0")
                      LINE("1", "strict-match", "[[\"#### 41\"]]", "[\"[invalid]\"]", "\"exact_match\":0.0"),
                  NULL, false);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.q[0].id, "0");
    assert_string_equal(t.q[0].family, "arithmetic");
    assert_int_equal(t.q[0].difficulty, 2);
    assert_string_equal(t.q[0].gold, "so #### 42");
    assert_string_equal(t.q[0].grades, "1");
    assert_string_equal(t.q[0].answers, "42");
    assert_string_equal(t.q[1].grades, "0");
    assert_string_equal(t.q[1].answers, "41"); /* the filter found none, the text has one */
    assert_true(t.q[0].has_answers);
    assert_string_equal(t.report.metric, "exact_match");
    assert_string_equal(t.report.note, "");
    taken_deinit(&t);
}

/* gsm8k.yaml has two filters: every document occurs twice, all of one filter first. */
static void test_filters(void **state)
{
    (void)state;
    static const char two[] = LINE("0", "strict-match", "[[\"about 42\"]]", "[\"[invalid]\"]", "\"exact_match\":0.0")
        LINE("0", "flexible-extract", "[[\"about 42\"]]", "[\"42\"]", "\"exact_match\":1.0");
    expect_refused(take_text(ROW, two, NULL, false), RAML_EUSAGE, "exact_match,flexible-extract");
    expect_one(take_text(ROW, two, "exact_match,strict-match", false), "0", NULL, NULL);
    expect_one(take_text(ROW, two, "exact_match,flexible-extract", false), "1", "42", NULL);
    expect_refused(take_text(ROW, two, "exact_match,maj", false), RAML_EFORMAT, "no line has filter 'maj'");
    expect_refused(take_text(ROW, two, "bleu", false), RAML_EFORMAT, "no metric 'bleu'");
    expect_one(take_text(ROW, two, NULL, true), "1", NULL, NULL); /* only the first filter's lines: "about 42" */
}

/* repeats = 4: lm_eval grades the first response, or a vote. */
static void test_repeats(void **state)
{
    (void)state;
    static const char first[] = LINE("5", "score-first", "[[\"#### 42\",\"#### 1\",\"#### 42\",\"#### 2\"]]",
                                     "[\"42\"]", "\"exact_match\":1.0");
    expect_one(take_text(ROW, first, NULL, false), "1", "42",
               "graded one answer of several responses (filter 'score-first')");
    expect_one(take_text(ROW, first, NULL, true), "1010", "42|1|42|2", NULL); /* 1 according to lm_eval, .5 in truth */
    static const char vote[] =
        LINE("5", "maj@4", "[[\"<think>\",\"#### 42\",\"#### 42\",\"#### 2\"]]", "[\"42\"]", "\"exact_match\":1.0");
    expect_one(take_text(ROW, vote, NULL, false), "1", "42", "filter 'maj@4'"); /* the vote is not the first's */
    expect_one(take_text(ROW, vote, NULL, true), "?110", "-|42|42|2", NULL);
    static const char each[] =
        LINE("5", "none", "[[\"#### 42\",\"#### 1\"]]", "[[\"42\",\"1\"]]", "\"exact_matches\":[1,0]");
    expect_one(take_text(ROW, each, NULL, false), "10", "42|1", NULL);
}

/* humaneval: pass@k of all responses shows how many are correct. */
static void test_pass_at_k(void **state)
{
    (void)state;
    static const char ok[] = LINE("0", "none", "[[\"a\",\"b\",\"c\",\"d\"]]", "[[\"a\",\"b\",\"c\",\"d\"]]",
                                  "\"pass@2\":0.5,\"pass@4\":1.0");
    struct taken t = take_text(ROW, ok, NULL, false);
    assert_int_equal(t.rc, RAML_OK);
    assert_string_equal(t.q[0].grades, "1000"); /* 1 - C(3,2)/C(4,2) = 1/2 */
    assert_false(t.q[0].has_answers);
    taken_deinit(&t);
    static const char full[] = LINE("0", "none", "[[\"a\",\"b\",\"c\",\"d\"]]", "[\"a\"]", "\"pass@2\":1.0");
    expect_refused(take_text(ROW, full, NULL, false), RAML_EFORMAT, "does not show how many are correct");
}

/* Runs with other seeds, concatenated and sorted by doc_id, are one question's samples. */
static void test_side_by_side(void **state)
{
    (void)state;
#define A LINE("0", "none", "[[\"#### 42\"]]", "[\"42\"]", "\"exact_match\":1")
#define B LINE("0", "none", "[[\"#### 41\"]]", "[\"41\"]", "\"exact_match\":0")
#define C LINE("1", "none", "[[\"#### 42\"]]", "[\"42\"]", "\"exact_match\":true")
    struct taken t = take_text(ROW, A B A C, NULL, false);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.q[0].grades, "101");
    assert_string_equal(t.q[0].answers, "42|41|42");
    assert_string_equal(t.q[1].grades, "1");
    taken_deinit(&t);
    expect_refused(take_text(ROW, A C B, NULL, false), RAML_EFORMAT, "doc_id 0 again, first on line 1");
    expect_refused(
        take_text(ROW,
                  A "{\"doc_id\":0,\"target\":\"other\",\"resps\":[[\"x\"]],\"filter\":\"none\",\"exact_match\":0}\n",
                  NULL, false),
        RAML_EFORMAT, "for another question");
}

/* Before 0.4.7 no line names its filter. */
static void test_unnamed_filters(void **state)
{
    (void)state;
#define OLD(filtered, grade)                                                                                           \
    "{\"doc_id\":0,\"target\":\"42\",\"arguments\":[[\"Q<think>\",{}]],\"resps\":[[\"x</"                              \
    "think>42\"]],\"filtered_resps\":[\"" filtered "\"],\"exact_match\":" grade "}\n"
    expect_one(take_text(ROW, OLD("42", "1"), NULL, false), "1", "42", NULL);
    expect_one(take_text(ROW, OLD("42", "1") OLD("42", "1"), NULL, false), "11", "42|42", NULL); /* two seeds */
    expect_refused(take_text(ROW, OLD("42", "1") OLD("[invalid]", "0"), NULL, false), RAML_EFORMAT,
                   "filtered differently");
}

static void test_likelihood(void **state)
{
    (void)state;
    static const char text[] =
        "{\"doc_id\":0,\"doc\":{},\"target\":\"1\",\"arguments\":{\"gen_args_0\":{\"arg_0\":\"Q\",\"arg_1\":\" a\"}},"
        "\"resps\":[[[\"-1.5\",\"False\"]],[[\"-0.5\",\"True\"]]],\"filtered_resps\":[[\"-1.5\",\"False\"],[\"-0.5\","
        "\"True\"]],"
        "\"filter\":\"none\",\"metrics\":[\"acc\",\"acc_norm\"],\"acc\":1.0,\"acc_norm\":0.0}\n";
    expect_refused(take_text(ROW, text, NULL, false), RAML_EUSAGE, "several metrics: acc, acc_norm");
    struct taken t = take_text(ROW, text, "acc", false);
    assert_int_equal(t.rc, RAML_OK);
    assert_string_equal(t.q[0].grades, "1");
    assert_false(t.q[0].has_answers);
    taken_deinit(&t);
    expect_one(take_text(ROW, text, "acc_norm,none", false), "0", NULL, NULL);
    expect_refused(take_text(ROW, text, "acc", true), RAML_EFORMAT, "likelihood task");
    /* two requests of one document: the grade is of both */
    expect_one(take_text(ROW, LINE("0", "none", "[[\"a\"],[\"b\"]]", "[\"a\",\"b\"]", "\"acc\":1"), NULL, false), "1",
               "-", NULL);
}

/* Thinking not closed, and fields that show that it was truncated. */
static void test_unfinished(void **state)
{
    (void)state;
#define GRADED(resp, more) LINE("0", "none", "[[\"" resp "\"]]", "[\"42\"]", "\"exact_match\":1.0" more)
    expect_one(take_text(ROW, GRADED("<think>it is 42", ""), NULL, false), "?", NULL, NULL);
    expect_one(take_text(ROW, GRADED("<think>it is</think>42", ""), NULL, false), "1", NULL, NULL);
    expect_one(take_text(ROW, GRADED("it is</think>42", ""), NULL, false), "1", NULL, NULL);
    expect_one(take_text(ROW, GRADED("42", ",\"finish_reason\":\"length\""), NULL, false), "x", NULL, NULL);
    expect_one(take_text(ROW, GRADED("42", ",\"finish_reason\":[\"stop\"]"), NULL, false), "1", NULL, NULL);
    static const char opened[] =
        "{\"doc_id\":0,\"target\":\"42\",\"arguments\":{\"gen_args_0\":{\"arg_0\":\"Q<think>\\n\"}},"
        "\"resps\":[[\"it is 42\"]],\"filtered_resps\":[\"42\"],\"acc\":1}\n";
    expect_one(take_text(ROW, opened, NULL, false), "?", NULL, NULL);
    struct taken t = take_text(ROW, GRADED("<think>it is 42", ""), NULL, true);
    assert_int_equal(t.report.n_regraded, 1);
    taken_deinit(&t);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no lines"},
        {"{}\n", "'doc_id' is missing"},
        {"{\"doc_id\":1.5,\"acc\":1}\n", "'doc_id' is missing or not a whole number"},
        {"{\"doc_id\":0}\n", "no metric that is 0 or 1; found fields: doc_id"},
        {"{\"doc_id\":0,\"bleu\":0.37}\n", "no metric that is 0 or 1"},
        {"{\"doc_id\":0,\"acc\":1}\n{\"doc_id\":1,\"acc\":0.5}\n", "metric 'acc' is not a grade"},
        {"{\"doc_id\":0,\"acc\":1}\n{\"doc_id\":1}\n", "no metric 'acc'"},
        {"[1]\n", "expected a JSON object"},
        {"{\"doc_id\":0,\"acc\":1,\"acc\":0}\n", "not valid JSON"},
        {"{\"doc_id\":0,\"acc\":1,\"doc\":\"\xff\xfe\"}\n", "not valid JSON"},
        {"{\"doc_id\":0,\"acc\":1", "not valid JSON"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_refused(take_text(ROW, cases[i].text, NULL, false), RAML_EFORMAT, cases[i].says);
    /* wrong types where types do not matter, and Python's numbers */
    expect_one(
        take_text(ROW,
                  "{\"doc_id\":0,\"acc\":1,\"resps\":7,\"filtered_resps\":{\"a\":1},\"arguments\":[],\"doc\":[3],"
                  "\"target\":null,\"filter\":4,\"metrics\":\"x\",\"loss\":NaN,\"low\":-Infinity}\n",
                  NULL, false),
        "1", "-", NULL);
    expect_one(take_text(ROW, "\n{\"doc_id\":\"a\",\"acc\":\"True\",\"resps\":[[]]}\r\n\n", NULL, false), "1", NULL,
               NULL);
}

static void test_size(void **state)
{
    (void)state;
    size_t n = (size_t)100 << 20, depth = 100000;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, 'a', n);
    text[n] = 0;
    memcpy(text, "{\"doc_id\":0,\"acc\":1,\"doc\":\"", 26);
    expect_refused(take_text(ROW, text, NULL, false), RAML_ERANGE, "samples.json:1: line is longer than");
    memset(text, '[', depth);
    text[depth] = 0;
    memcpy(text, "{\"doc_id\":0,\"acc\":1,\"doc\":", 26);
    expect_refused(take_text(ROW, text, NULL, false), RAML_EFORMAT, "not valid JSON");
    free(text);
}

static void test_known_by(void **state)
{
    (void)state;
    static const char line[] = LINE("0", "none", "[[\"x\"]]", "[\"x\"]", "\"acc\":1");
    assert_true(looks(ROW, line, true));
    assert_true(looks(ROW, line, false));
    assert_false(looks(ROW, "{\"id\":1,\"correct\":[0,1]}", true));
    assert_false(looks(ROW, "{\"id\":1,\"correct\":[0,1]}", false));
    assert_false(looks(ROW, "[1]", true));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_response),    cmocka_unit_test(test_filters),
        cmocka_unit_test(test_repeats),         cmocka_unit_test(test_pass_at_k),
        cmocka_unit_test(test_side_by_side),    cmocka_unit_test(test_likelihood),
        cmocka_unit_test(test_unnamed_filters), cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_hostile),         cmocka_unit_test(test_size),
        cmocka_unit_test(test_known_by),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
