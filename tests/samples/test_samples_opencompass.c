/* test_samples_opencompass.c - OpenCompass' results and predictions: runs, older details, parts, hostile files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples/sample_files.h"

#define ROW (&raml_samples_layout_opencompass)

static void test_runs(void **state)
{
    (void)state;
    static const char text[] =
        "{\n  \"accuracy (4 runs average)\": 62.5,\n \"G-Pass@4_0.0\": 100.0,\n \"mG-Pass@4\": 25.0,\n \"details\": [\n"
        "{\"G-Pass@4_0.0\": 1.0, \"example_abbr\": \"CNMO_en_0\", \"pred\": [\"42\",\"42\",\"41\",null],"
        " \"answer\": [\"42\",\"42\",\"42\",\"42\"], \"correct\": [true,true,false,false]},\n"
        "{\"G-Pass@4_0.0\": 1.0, \"example_abbr\": \"CNMO_cn_0\", \"pred\": [\"1\",\"1\",\"2\",\"1\"],"
        " \"answer\": [\"1\",\"1\",\"1\",\"1\"], \"correct\": [1,1,0,1]}]}";
    struct taken t = take_text(ROW, text, NULL, false);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.q[0].id, "CNMO_en_0");
    assert_string_equal(t.q[0].family, "CNMO_en"); /* OpenCompass itself merges CNMO_en and CNMO_cn, as CNMO */
    assert_string_equal(t.q[1].family, "CNMO_cn");
    assert_string_equal(t.q[0].grades, "1100");
    assert_string_equal(t.q[1].grades, "1101");
    assert_string_equal(t.q[0].answers, "42|42|41|-");
    assert_string_equal(t.q[0].gold, "42");
    assert_true(t.q[0].has_answers);
    assert_string_equal(t.report.note, "");
    assert_string_equal(t.report.metric, "correct");
    taken_deinit(&t);
}

/* Every evaluator's names for the grade, the answer and the gold answer, new and old. */
static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *grades, *answers, *gold;
    } cases[] = {
        {"{\"details\":[{\"pred\":\"7\",\"answer\":\"7\",\"correct\":true}]}", "1", "7", "7"},
        {"{\"details\":{\"0\":{\"pred\":\"7\",\"refr\":\"8\",\"is_correct\":false}}}", "0", "7", "8"},
        {"{\"details\":{\"type\":\"GEN\",\"0\":{\"prompt\":\"p\",\"origin_prediction\":\"so 7\",\"predictions\":\"7\","
         "\"references\":\"7\",\"correct\":true}}}",
         "1", "7", "7"},
        {"{\"details\":[{\"example_abbr\":\"a_0\",\"pred\":[[\"7\",\"7.0\"]],\"answer\":[[\"7\",\"7\"]],\"correct\":["
         "true]}]}",
         "1", "7.0", "7"},
        {"{\"details\":[{\"example_abbr\":\"a_0\",\"rule_evaluation\":[{\"correct\":false}],\"cascade_correct\":[true]}"
         "]}",
         "1", "-", "(none)"},
        {"{\"details\":[{\"pred\":\"B\",\"answer\":[\"A\",\"B\"],\"correct\":true}]}", "1", "B", "A"},
        {"{\"details\":[{\"correct\":null,\"is_correct\":1,\"pred\":\"x\"}]}", "1", "x", "(none)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct taken t = take_text(ROW, cases[i].text, NULL, false);
        if (t.rc) print_error("%s: %s\n", cases[i].text, t.err.msg);
        assert_int_equal(t.rc, RAML_OK);
        assert_string_equal(t.q[0].gold, cases[i].gold);
        expect_one(t, cases[i].grades, cases[i].answers, NULL);
    }
}

/* The file's own mean against its grades: an evaluator that skips a sample still divides by all. */
static void test_mean_differs(void **state)
{
    (void)state;
    static const char text[] = "{\"accuracy\":25.0,\"details\":[{\"correct\":true,\"pred\":\"1\"}]}";
    expect_one(take_text(ROW, text, NULL, false), "1", NULL,
               "the file gives accuracy 25.00, the 1 grades counted here give 100.00");
    static const char same[] = "{\"score\":100,\"details\":[{\"correct\":true,\"pred\":\"1\"}]}";
    struct taken t = take_text(ROW, same, NULL, false);
    assert_string_equal(t.report.note, "");
    taken_deinit(&t);
}

static void test_regraded(void **state)
{
    (void)state;
    static const char results[] = "{\"details\":[{\"example_abbr\":\"a_0\",\"pred\":[\"42.0\",\"41\",null],"
                                  "\"answer\":[\"42\",\"42\",\"42\"],\"correct\":[false,false,false]}]}";
    expect_refused(take_text(ROW, results, NULL, true), RAML_EFORMAT, "no prediction to regrade");
    static const char old[] =
        "{\"details\":{\"0\":{\"origin_prediction\":\"<think>42\",\"pred\":\"42\",\"answer\":\"42\","
        "\"correct\":true}}}";
    struct taken t = take_text(ROW, old, NULL, true);
    assert_int_equal(t.report.n_regraded, 1);
    expect_one(t, "?", NULL, NULL);
    static const char unmarked[] = "{\"details\":{\"0\":{\"predictions\":\"42.0\",\"references\":\"42\"}}}";
    expect_refused(take_text(ROW, unmarked, NULL, false), RAML_EFORMAT,
                   "question 1: no grade; expected field 'correct'");
    expect_one(take_text(ROW, unmarked, NULL, true), "1", "42.0", NULL);
    /* a judge model's details are its raw output */
    expect_refused(take_text(ROW, "{\"details\":{\"0\":{\"origin_prompt\":\"p\",\"prediction\":\"A\",\"gold\":\"A\"}}}",
                             NULL, true),
                   RAML_EFORMAT, "a judge model's raw output has none");
}

/* Three runs of two questions follow each other; the second file is the same in parts. */
static void test_predictions(void **state)
{
    (void)state;
#define P(key, prompt, prediction, gold)                                                                               \
    "\"" key "\":{\"origin_prompt\":[{\"role\":\"HUMAN\",\"prompt\":\"" prompt "\"}],\"prediction\":" prediction       \
    ",\"gold\":\"" gold "\"}"
    static const char all[] =
        "{" P("0", "a", "\"\\\\boxed{1}\"", "1") "," P("1", "b", "\"2\"", "3") "," P("2", "a", "\"1\"", "1") "," P(
            "3", "b", "\"3\"",
            "3") "," P("4", "a", "\"<think>1\"",
                       "1") "," P("5", "b", "{\"prediction\":\"3\",\"rollout\":{\"finish_reason\":\"length\"}}",
                                  "3") "}";
    expect_refused(take_text(ROW, all, NULL, false), RAML_EUSAGE, "predictions without grades");
    struct taken t = take_text(ROW, all, NULL, true);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.q[0].grades, "11?");
    assert_string_equal(t.q[1].grades, "01x");
    assert_string_equal(t.q[1].answers, "2|3|3");
    assert_string_equal(t.q[0].id, "0");
    taken_deinit(&t);
    expect_one(take_text(ROW, "{" P("0", "a", "[\"1\",\"2\",\"1\"]", "1") "}", NULL, true), "101", "1|2|1", NULL);

    /* the same gold answer is not the same question; older files name it `refr` */
    t = take_text(
        ROW,
        "{" P("0", "a", "\"1\"", "1") "," P("1", "b", "\"1\"", "1") ",\"2\":{\"prediction\":\"7\",\"refr\":\"7\"}}",
        NULL, true);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 3);
    assert_string_equal(t.q[2].grades, "1");
    assert_string_equal(t.report.note, "");
    taken_deinit(&t);
    t = take_text(ROW, "{" P("0", "a", "\"1\"", "1") "," P("1", "b", "\"1\"", "1") "," P("2", "b", "\"1\"", "1") "}",
                  NULL, true);
    assert_int_equal(t.n, 2);
    assert_non_null(strstr(t.report.note, "1 to 2 samples a question"));
    taken_deinit(&t);

    char zero[160], one[160];
    struct raml_err err = {0};
    static const char part0[] = "{" P("0", "a", "\"1\"", "1") "," P("1", "b", "\"2\"", "3") "}";
    static const char part1[] = "{" P("0", "a", "\"2\"", "1") "," P("1", "b", "\"3\"", "3") "}";
    CHECK_OK(raml_file_write(path_in_folder("set_0.json", zero), part0, sizeof part0 - 1, &err));
    CHECK_OK(raml_file_write(path_in_folder("set_1.json", one), part1, sizeof part1 - 1, &err));
    t = take_file(ROW, zero, NULL, true);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.q[0].grades, "10");
    assert_string_equal(t.q[1].grades, "01");
    assert_non_null(strstr(t.report.note, "1 parts beside it"));
    taken_deinit(&t);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        bool regrade;
    } cases[] = {
        {"", "empty", false},
        {"[]", "expected a JSON object", false},
        {"{\"accuracy\":50}", "written with --dump-eval-details", false},
        {"{\"details\":[]}", "'details' is empty", false},
        {"{\"details\":7}", "'details' is empty", false},
        {"{\"details\":null}", "'details' is empty", false},
        {"{\"details\":[7]}", "question 1: expected an object", false},
        {"{\"details\":[{\"correct\":[]}]}", "question 1: no samples", false},
        {"{\"details\":[{\"correct\":[2]}]}", "is not true, false, 1 or 0", false},
        {"{\"details\":[{\"correct\":{}}]}", "is not true, false, 1 or 0", false},
        {"{\"details\":[{\"correct\":[true,[]],\"pred\":[1],\"answer\":7}]}", "is not true, false, 1 or 0", false},
        {"{\"details\":{\"0\":{\"pred\":\"1\",\"correct\":true}}}", "no gold answer to grade the samples by", true},
        {"{\"0\":7}", "entry '0': expected a numbered sample", true},
        {"{\"0\":{\"prediction\":\"a\"},\"x\":{}}", "entry 'x': expected a numbered sample", true},
        {"{\"0\":{\"prediction\":7,\"gold\":\"1\"}}", "contains no text", true},
        {"{\"0\":{\"prediction\":\"7\"}}", "no gold answer", true},
        {"{\"details\":[{\"pred\":\"\xff\"}]}", "not valid JSON", false},
        {"{\"details\":[", "not valid JSON", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_refused(take_text(ROW, cases[i].text, NULL, cases[i].regrade), RAML_EFORMAT, cases[i].says);
    size_t depth = 100000;
    char *text = malloc(depth + 1);
    assert_non_null(text);
    memset(text, '[', depth);
    text[depth] = 0;
    memcpy(text, "{\"details\":", 11);
    expect_refused(take_text(ROW, text, NULL, false), RAML_EFORMAT, "not valid JSON");
    free(text);
    expect_refused(take_file(ROW, "/nonexistent/x.json", NULL, false), RAML_EIO, "/nonexistent/x.json");
    expect_one(take_text(ROW, "{\"accuracy\":NaN,\"details\":[{\"correct\":true,\"pred\":[1,[]],\"answer\":[{}]}]}",
                         NULL, false),
               "1", "-", NULL);
}

static void test_known_by(void **state)
{
    (void)state;
    assert_true(looks(ROW, "{\"accuracy\":1,\"details\":[]}", true));
    assert_true(looks(ROW, "{\"accuracy\":1}", true));
    assert_true(looks(ROW, "{\"0\":{\"origin_prompt\":\"\",\"prediction\":\"\"}}", true));
    assert_true(looks(ROW, "{\n \"0\": {\n  \"origin_prompt\": \"\",\n  \"prediction\": \"\"", false));
    assert_true(looks(ROW, "{\n \"details\": [\n {\"example_abbr\": \"a_0\"", false));
    assert_false(looks(ROW, "{\"doc_id\":0,\"resps\":[]}", true));
    assert_false(looks(ROW, "{\"accuracy\":1,\"correct\":[1]}", true));
    assert_false(looks(ROW, "[]", true));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),     cmocka_unit_test(test_names),       cmocka_unit_test(test_mean_differs),
        cmocka_unit_test(test_regraded), cmocka_unit_test(test_predictions), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_known_by),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
