/* test_dataset_context.c - what a question is about in a field of its own, marks of thinking, fields that are left aside,
 * JSON as Python writes it. Right values: the loaders of the sets (AGIEval, SVAMP), Python's json. */
#include "task/question_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

static void read_text(struct fixture *f, const char *text, const struct raml_read_options *opt)
{
    raml_questions_deinit(&f->qs);
    raml_questions_init(&f->qs);
    assert_int_equal(raml_file_write(f->path, text, strlen(text), &f->err), RAML_OK);
    if (raml_questions_read(&f->qs, f->path, opt, &f->fields, NULL, &f->err)) fail_msg("%s: %s", text, f->err.msg);
}

static void contexts(void **state)
{
    static const struct {
        const char *row, *question, *unread, *map;
    } cases[] = {
        {"{\"passage\":\"P.\",\"question\":\"Q?\",\"answer\":1}", "P.Q?", "", NULL},
        {"{\"passage\":null,\"question\":\"Q?\",\"answer\":1}", "Q?", "", NULL},
        {"{\"passage\":\"\",\"question\":\"Q?\",\"answer\":true}", "Q?", "", NULL},
        {"{\"passage\":\"P. \",\"question\":\"Q?\",\"answer\":1,\"other\":{\"solution\":\"\"}}", "P. Q?", "other",
         NULL},
        {"{\"Body\":\"B.\",\"Question\":\"Q?\",\"Answer\":51.0,\"Equation\":\"( 76.0 - 25.0 )\",\"Type\":\"s\"}",
         "B. Q?", "Equation, Type", NULL},
        {"{\"context\":\"C\",\"question\":\"Q?\",\"answer\":\"x\"}", "C\nQ?", "", NULL},
        {"{\"article\":\"A\",\"question\":\"Q?\",\"answer\":\"x\",\"source\":1,\"n\":2}", "A\nQ?", "source, n", NULL},
        {"{\"story\":\"S\",\"problem\":\"Q?\",\"answer\":\"x\"}", "S\nQ?", "", NULL},
        {"{\"passage\":\"P.\",\"question\":\"Q?\",\"options\":[\"a\",\"b\"],\"label\":\"B\"}", "P.Q?\n\nA) a\nB) b", "",
         NULL},
        {"{\"context\":\"C\",\"prompt\":\"Q?\",\"answer\":\"x\"}", "Q?", "context", NULL}, /* a prompt is whole */
        {"{\"context\":[\"C\"],\"question\":\"Q?\",\"answer\":\"x\"}", "Q?", "context", NULL},
        {"{\"context\":\"C\",\"question\":\"Q?\",\"answer\":\"x\"}", "Q?", "context", "question=question"},
        {"{\"context\":\"C\",\"question\":\"Q?\",\"answer\":\"x\"}", "C\nQ?", "", "question=context+question"},
        {"{\"id\":\"i\",\"question\":\"Q?\",\"answer\":\"x\",\"letters\":true}", "Q?", "", NULL},
        {"{\"question\":\"Q?\",\"extra_info\":{\"index\":3,\"x\":1},\"answer\":\"x\",\"url\":\"u\",\"tags\":null}",
         "Q?", "url", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = *state;
        const struct raml_read_options opt = {.map = cases[i].map};
        read_text(f, cases[i].row, &opt);
        if (strcmp(f->qs.question[0].question, cases[i].question) != 0)
            fail_msg("%s: question '%s'", cases[i].row, f->qs.question[0].question);
        if (strcmp(f->fields.unread, cases[i].unread) != 0) fail_msg("%s: unread '%s'", cases[i].row, f->fields.unread);
    }
    struct fixture *f = *state;
    read_text(f, "{\"question\":\"Q?\",\"answer\":1,\"b\":1}\n{\"question\":\"R?\",\"answer\":1,\"b\":2,\"c\":1}\n",
              NULL);
    assert_string_equal(f->fields.unread, "b, c");
    static const char wrong[] =
        "{\"passage\":\"P\",\"question\":\"Q?\",\"answer\":1}\n{\"passage\":5,\"question\":\"Q?\",\"answer\":1}\n";
    assert_int_equal(raml_file_write(f->path, wrong, strlen(wrong), &f->err), RAML_OK);
    assert_int_equal(raml_questions_read(&f->qs, f->path, NULL, NULL, NULL, &f->err), RAML_EFORMAT);
    assert_non_null(strstr(f->err.msg, ":2: field 'passage' is an integer; expected a string"));
}

static void thinking(void **state)
{
    static const struct {
        const char *text, *trajectory, *answer; /* answer NULL: none */
    } cases[] = {
        {"<|begin_of_thought|>\\n\\nT.\\n\\n<|end_of_thought|>\\n\\n<|begin_of_solution|>\\n\\nIt is "
         "\\\\boxed{4}.\\n\\n<|end_of_solution|>",
         "T.", "4"},
        {"<|begin_of_thought|>T<|end_of_thought|><|begin_of_solution|> four <|end_of_solution|>", "T", "four"},
        {"<|begin_of_thought|>cut", "cut", NULL},
        {"T<|end_of_thought|> 5", "T", "5"},
        {"<thinking>T</thinking>7", "T", "7"},
        {"<thought>T</thought>7", "T", "7"},
        {"<reasoning>T</reasoning><answer>7</answer>", "T", "7"},
        {"<seed:think>T</seed:think>\\\\boxed{7}", "T", "7"},
        {"[THINK]T[/THINK]7", "T", "7"},
        {"<think>a [THINK] b</think>7", "a [THINK] b", "7"},
        {"<think>a</think>x [/THINK] 8", "a", "x [/THINK] 8"},
        {"no marks \\\\boxed{9}", "no marks \\boxed{9}", "9"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture *f = *state;
        char row[600];
        snprintf(row, sizeof row,
                 "{\"conversations\":[{\"from\":\"user\",\"value\":\"Q?\"},{\"from\":\"assistant\",\"value\":\"%s\"}]}",
                 cases[i].text);
        read_text(f, row, NULL);
        const struct raml_trajectory *t = &f->qs.question[0].trajectory[0];
        if (strcmp(t->text, cases[i].trajectory) != 0) fail_msg("%s: '%s'", cases[i].text, t->text);
        if (!t->answer != !cases[i].answer || (t->answer && strcmp(t->answer, cases[i].answer) != 0))
            fail_msg("%s: answer '%s'", cases[i].text, t->answer ? t->answer : "(none)");
    }
}

static void python_json(void **state)
{
    struct fixture *f = *state;
    read_text(f,
              "{\"question\":\"a \\ud835 b\",\"answer\":12345678901234567890123,\"score\":NaN}\n"
              "{\"question\":\"n\\u0000l\",\"answer\":-18446744073709551616,\"score\":-Infinity}\n",
              NULL);
    assert_string_equal(f->qs.question[0].question, "a \xef\xbf\xbd b");
    assert_string_equal(f->qs.question[0].answer, "12345678901234567890123");
    assert_string_equal(f->qs.question[1].question, "n\xef\xbf\xbdl");
    assert_string_equal(f->qs.question[1].answer, "-18446744073709551616");
    static const char *const files[][2] = {
        {"\x1f\x8b\x08", "is compressed by gzip"},
        {"PK\x03\x04", "is compressed by zip"},
        {"\xff\xfe{", "is in UTF-16"},
        {"\xfe\xff", "is in UTF-16"},
        {"\x28\xb5\x2f\xfd\x04", "is compressed by zstd"},
        {"PAR1\x15", "is a Parquet file"},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        assert_int_equal(raml_file_write(f->path, files[i][0], strlen(files[i][0]), &f->err), RAML_OK);
        assert_int_equal(raml_questions_read(&f->qs, f->path, NULL, NULL, NULL, &f->err), RAML_EFORMAT);
        if (!strstr(f->err.msg, files[i][1])) fail_msg("%s: %s", files[i][1], f->err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(contexts, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(thinking, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(python_json, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
