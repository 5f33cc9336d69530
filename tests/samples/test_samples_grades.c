/* test_samples_grades.c - our own layouts of graded samples: both ways of reading a line, refusals, regrading. */
#include "core/scratch.h"

#include "samples/line.h"
#include "raml/samples.h"
#include "raml/table.h"

struct seen { /* what was passed on, as text: "id:n:grades:answers;" */
    struct raml_buf text;
    size_t stop_after; /* 0: never */
    size_t n;
};

static enum raml_code note(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct seen *s = user;
    raml_buf_addf(&s->text, "%s:%u:", q->id, q->n);
    for (uint32_t i = 0; i < q->n; i++)
        raml_buf_adds(&s->text, q->truncated[i]  ? "t"
                                : q->unclosed[i] ? "u"
                                : q->correct[i]  ? "1"
                                                 : "0"),
            raml_buf_adds(&s->text, q->correct[i] && (q->truncated[i] || q->unclosed[i]) ? "!" : "");
    for (uint32_t i = 0; i < q->n && q->has_answers; i++) {
        raml_buf_adds(&s->text, i ? "," : ":");
        raml_buf_adds(&s->text, q->answer[i] ? q->answer[i] : "-");
    }
    if (q->family || q->split) raml_buf_addf(&s->text, "/%s/%s", q->family ? q->family : "", q->split ? q->split : "");
    if (q->difficulty >= 0) raml_buf_addf(&s->text, "/%d", q->difficulty);
    raml_buf_adds(&s->text, ";");
    if (++s->n == s->stop_after) return raml_fail(err, RAML_ESTOP, "enough");
    return RAML_OK;
}

static void write_file(const char *dir, const char *text, char path[512])
{
    struct raml_err err = {0};
    snprintf(path, 512, "%s/x.jsonl", dir);
    must(raml_file_write(path, text, strlen(text), &err), &err);
}

static const struct raml_samples_options plain = {.layout = RAML_LAYOUT_AUTO};

/* Reads text as a file; *out for free(). */
static enum raml_code read_text(const char *dir, const char *text, const struct raml_samples_options *opt, char **out,
                                struct raml_samples_report *report, struct raml_err *err)
{
    char path[512];
    struct seen s = {.n = 0};
    write_file(dir, text, path);
    raml_buf_init(&s.text, 1 << 20);
    raml_buf_adds(&s.text, "");
    enum raml_code rc = raml_samples_read(path, opt, note, &s, report, err);
    *out = raml_buf_take(&s.text);
    return rc;
}

static void check_read(void **state, const char *text, const char *want, enum raml_samples_layout layout)
{
    char *got = NULL;
    struct raml_samples_report report;
    struct raml_err err = {0};
    must(read_text(*state, text, &plain, &got, &report, &err), &err);
    if (strcmp(got ? got : "", want)) print_error("of %s\n", text);
    assert_string_equal(got ? got : "", want);
    assert_int_equal(report.layout, layout);
    free(got);
}

static void test_grades(void **state)
{
    check_read(state, "{\"id\": \"a\", \"correct\": [0, 1, true, false]}\n\n{\"id\": 7, \"correct\": [1]}\n",
               "a:4:0110;7:1:1;", RAML_LAYOUT_GRADES);
    check_read(state, "{\"id\": \"a\", \"n\": 3, \"c\": 2}\n{\"c\": 0, \"n\": 2}", "a:3:110;2:2:00;",
               RAML_LAYOUT_GRADES);
    check_read(state, "\xef\xbb\xbf{\"correct\":[1,0]}\r\n", "1:2:10;", RAML_LAYOUT_GRADES);
    check_read(state, "{\"id\": \"a\", \"correct\": [1, 0, 0], \"pred\": [\"x\", 7, null]}", "a:3:100:x,7,-;",
               RAML_LAYOUT_GRADES);
    check_read(state,
               "{\"id\": \"a\", \"correct\": [1.0, 0.0], \"pred\": [0.5, 1234567], \"family\": \"f\", "
               "\"difficulty\": 3}",
               "a:2:10:0.5,1234567/f//3;", RAML_LAYOUT_GRADES);
    check_read(state,
               "{\"id\": \"a\", \"correct\": true, \"pred\": \"x\"}\n{\"id\": \"b\", \"correct\": 0, \"pred\": null}",
               "a:1:1:x;b:1:0:-;", RAML_LAYOUT_GRADES);
    check_read(state,
               "{\"id\": \"a\", \"correct\": [1, 1, 1], \"finish_reason\": [\"stop\", \"length\", null], "
               "\"think_closed\": [true, true, false]}",
               "a:3:1tu;", RAML_LAYOUT_GRADES);
    check_read(state, "{\"problem\": \"p\", \"generations\": [\"\", \"\"], \"labels\": [true, false]}", "1:2:10;",
               RAML_LAYOUT_GRADES);
    check_read(state, "{\"generations\": [\"\"], \"correctness_math_verify\": [true]}", "1:1:1;", RAML_LAYOUT_GRADES);
}

static void test_own(void **state)
{
    check_read(state,
               "{\"id\": \"a\", \"question\": \"q\", \"answer\": \"7\", \"split\": \"test\", \"trajectories\": ["
               "{\"text\": \"\", \"answer\": \"7\", \"correct\": true, \"finish_reason\": \"stop\"},"
               "{\"text\": \"\", \"answer\": \"7\", \"correct\": true, \"finish_reason\": \"length\"},"
               "{\"text\": \"\", \"correct\": true, \"think_closed\": false},"
               "{\"text\": \"\", \"answer\": \"8\"}]}",
               "a:4:1tu0:7,7,-,8//test;", RAML_LAYOUT_RAML);
}

/* An array of rows is read as lines are; rows over many lines too. */
static void test_arrays(void **state)
{
    check_read(state, " [{\"id\": \"a\", \"correct\": [1, 0]},\n{\"n\": 3,\n\"c\": 2}]\n", "a:2:10;2:3:110;",
               RAML_LAYOUT_GRADES);
    check_read(state, "[{\"id\": \"a\", \"trajectories\": [{\"answer\": \"7\", \"correct\": true}]}]", "a:1:1:7;",
               RAML_LAYOUT_RAML);
    char *got = NULL;
    struct raml_samples_report report;
    struct raml_err err = {0};
    assert_int_equal(read_text(*state, "[{\"n\": 3, \"c\": 2}, 7]", &plain, &got, &report, &err), RAML_EFORMAT);
    assert_true(has(err.msg, "row 2 of the array is not an object"));
    free(got);
    assert_int_equal(read_text(*state, "[{\"n\": 3, \"c\": 2}, {\"n\": 3}]", &plain, &got, &report, &err),
                     RAML_EFORMAT);
    assert_true(has(err.msg, "x.jsonl:2: field 'c' is missing"));
    free(got);
}

/* The fast path and the parser agree, on simple lines and on nearly simple ones. */
static void test_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool plain;
    } cases[] = {
        {"{\"id\":\"a\",\"correct\":[1,0]}", true},
        {" { \"id\" : \"a b\" , \"correct\" : [ 1 , 0 , true , false ] } ", true},
        {"{\"id\":12,\"n\":3,\"c\":0}", true},
        {"{\"correct\":[]}", true}, /* read, and refused by the caller */
        {"{\"id\":\"a\\n\",\"correct\":[1]}", false},
        {"{\"id\":\"\xc3\xa4\",\"correct\":[1]}", false},
        {"{\"id\":\"a\",\"id\":\"b\",\"correct\":[1]}", false},
        {"{\"id\":\"a\",\"correct\":[1],\"correct\":[1]}", false},
        {"{\"id\":\"a\",\"correct\":[1,]}", false},
        {"{\"id\":\"a\",\"correct\":[1.0]}", false},
        {"{\"id\":\"a\",\"correct\":[2]}", false},
        {"{\"id\":\"a\",\"correct\":[10]}", false},
        {"{\"id\":\"a\",\"correct\":[tru]}", false},
        {"{\"id\":\"a\",\"correct\":[1]} x", false},
        {"{\"id\":\"a\",\"correct\":[1]", false},
        {"{\"id\":\"a\",\"correct\":[1", false},
        {"{\"id\":\"a\",\"pred\":[1]}", false},
        {"{\"id\":\"a\",\"n\":007,\"c\":1}", false},
        {"{\"id\":\"a\",\"n\":7.5,\"c\":1}", false},
        {"{\"id\":\"a\",\"n\":-7,\"c\":1}", false},
        {"{\"id\":\"a\",\"n\":1e3,\"c\":1}", false},
        {"{\"id\":\"a\",\"n\":9999999999999999999,\"c\":1}", false},
        {"{}", false},
        {"{", false},
        {"", false},
        {"{\"id\":\"a", false},
        {"{,\"id\":\"a\"}", false},
        {"{\"id\":\"a\",}", false},
        {"[1]", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_grade_line line;
        bool correct[64];
        bool got = raml_grade_line_read(cases[i].line, strlen(cases[i].line), &line, correct);
        if (got != cases[i].plain) print_error("%s\n", cases[i].line);
        assert_int_equal(got, cases[i].plain);
    }
    char with_zero[] = "{\"n\":1,\"c\":1}\0";
    struct raml_grade_line line;
    bool correct[64];
    assert_false(raml_grade_line_read(with_zero, sizeof with_zero - 1, &line, correct));
}

/* Random lines of grades, both simple and with one more field, which takes the other path. */
static void test_both_agree(void **state)
{
    struct raml_buf plainly, other;
    raml_buf_init(&plainly, 1 << 20);
    raml_buf_init(&other, 1 << 20);
    uint32_t x = 1;
    for (int i = 0; i < 200; i++) {
        int n = 1 + i % 40;
        raml_buf_addf(&plainly, "{\"id\": \"q%d\", \"correct\": [", i);
        raml_buf_addf(&other, "{\"x\": 1, \"id\": \"q%d\", \"correct\": [", i);
        for (int s = 0; s < n; s++) {
            x = x * 1664525 + 1013904223;
            raml_buf_addf(&plainly, "%s%d", s ? ", " : "", (int)(x >> 31));
            raml_buf_addf(&other, "%s%d", s ? ", " : "", (int)(x >> 31));
        }
        raml_buf_adds(&plainly, "]}\n");
        raml_buf_adds(&other, "]}\n");
    }
    char *a = NULL, *b = NULL;
    struct raml_samples_report report;
    struct raml_err err = {0};
    must(read_text(*state, plainly.data, &plain, &a, &report, &err), &err);
    assert_int_equal(report.n_questions, 200);
    assert_string_equal(report.metric, "correct");
    must(read_text(*state, other.data, &plain, &b, &report, &err), &err);
    assert_string_equal(a, b);
    free(a);
    free(b);
    raml_buf_deinit(&plainly);
    raml_buf_deinit(&other);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        enum raml_code code;
        const char *says;
    } cases[] = {
        {"", RAML_EFORMAT, "no known layout of samples has this first line; expected raml (lines with `trajectories`)"},
        {"\n\n", RAML_EFORMAT, "no known layout"},
        {"{\"id\": 1}\n", RAML_EFORMAT, "no known layout"},
        {"[1, 2]", RAML_EFORMAT, "no known layout"},
        {"{\"correct\": \"yes\"}", RAML_EFORMAT, "no known layout"},
        {"{\"id\": 1, \"correct\": [1]}\n{\"id\": 2}\n", RAML_EFORMAT,
         ":2: field 'correct' is missing, and so are 'n' and 'c'"},
        {"{\"id\": 1, \"correct\": [1, 2]}", RAML_EFORMAT,
         ":1: field 'correct', sample 2: expected 0, 1, true or false"},
        {"{\"id\": 1, \"correct\": [0.5]}", RAML_EFORMAT, "sample 1"},
        {"{\"id\": 1, \"correct\": []}", RAML_EFORMAT, "is an empty list"},
        {"{\"id\": 1, \"n\": 3, \"correct\": [1]}", RAML_EFORMAT, "field 'n' is not the number of grades"},
        {"{\"id\": 1, \"correct\": [1], \"pred\": [1, 2]}", RAML_EFORMAT,
         "field 'pred' has 2 values; expected 1, as field 'correct' has"},
        {"{\"id\": 1, \"correct\": [1], \"pred\": \"7\"}", RAML_EFORMAT, "field 'pred' has 1 values"},
        {"{\"id\": 1, \"correct\": [1], \"pred\": [[]]}", RAML_EFORMAT, "'pred' contains something"},
        {"{\"id\": 1, \"correct\": [1], \"finish_reason\": [7]}", RAML_EFORMAT, "'finish_reason' contains something"},
        {"{\"id\": 1, \"correct\": [1], \"think_closed\": [7]}", RAML_EFORMAT, "'think_closed' contains something"},
        {"{\"id\": [1, 2], \"correct\": [1]}", RAML_EFORMAT, "field 'id'"},
        {"{\"id\": 1, \"family\": 3, \"correct\": [1]}", RAML_EFORMAT, "field 'family'"},
        {"{\"id\": 1, \"n\": 3, \"c\": 4}", RAML_EFORMAT, ":1: found 4 correct of 3 samples"},
        {"{\"id\": 1, \"n\": 0, \"c\": 0}", RAML_EFORMAT, "found 0 correct of 0"},
        {"{\"id\": 1, \"n\": 100000000, \"c\": 0}", RAML_ERANGE,
         ":1: 100000000 samples of a question; at most 16777216"},
        {"{\"id\": 1, \"n\": 5, \"c\": 1}\n{\"id\": 1, \"n\": 5}", RAML_EFORMAT, ":2: field 'c' is missing"},
        {"{\"id\": 1, \"n\": 5, \"c\": 1}\n{\"id\": 1, \"n\": -5, \"c\": 1}", RAML_ERANGE, "'n'"},
        {"{\"id\": 1, \"correct\": [1]}\n{\"id\": 1, \"correct\": [1]", RAML_EFORMAT, ":2"},
        {"{\"trajectories\": [7]}", RAML_EFORMAT, "number 1 is not an object"},
        {"{\"trajectories\": [{\"correct\": 3}]}", RAML_EFORMAT, "field 'correct', sample 1"},
        {"{\"trajectories\": [{\"answer\": 3}]}", RAML_EFORMAT, "number 1: field 'answer' is of another type"},
        {"{\"trajectories\": [{\"think_closed\": 3}]}", RAML_EFORMAT, "field 'think_closed'"},
        {"{\"trajectories\": [{\"finish_reason\": 3}]}", RAML_EFORMAT, "field 'finish_reason'"},
        {"{\"trajectories\": []}\n{\"trajectories\": 5}", RAML_EFORMAT, ":2"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *got = NULL;
        struct raml_samples_report report = {.n_questions = 77};
        struct raml_err err = {0};
        enum raml_code rc = read_text(*state, cases[i].text, &plain, &got, &report, &err);
        if (rc != cases[i].code || !has(err.msg, cases[i].says))
            print_error("of %s: %d %s\n", cases[i].text, rc, err.msg);
        assert_int_equal(rc, cases[i].code);
        assert_true(has(err.msg, cases[i].says));
        assert_int_equal(report.n_questions, 77);
        free(got);
    }
    struct raml_samples_report report;
    struct raml_err err = {0};
    struct seen s = {.n = 0};
    assert_int_equal(raml_samples_read("/no/such/file", &plain, note, &s, &report, &err), RAML_EIO);
}

/* The question that tallies refuse is named; a caller may stop reading. */
static void test_through(void **state)
{
    static const uint32_t k[] = {8};
    struct raml_table_options opt = {.k = k, .n_k = 1};
    struct raml_tallies *t = NULL;
    struct raml_samples_report report;
    struct raml_err err = {0};
    char path[512];
    write_file(*state, "{\"id\": \"q1\", \"n\": 9, \"c\": 1}\n{\"id\": \"q2\", \"n\": 4, \"c\": 1}\n", path);
    must(raml_tallies_open(&opt, false, &t, &err), &err);
    assert_int_equal(raml_samples_read(path, &plain, raml_tallies_add, t, &report, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "pass@8 needs 1 to n for k; question 'q2' has n = 4 samples");
    raml_tallies_close(t);
    struct seen s = {.stop_after = 1};
    raml_buf_init(&s.text, 1 << 10);
    assert_int_equal(raml_samples_read(path, &plain, note, &s, &report, &err), RAML_ESTOP);
    assert_int_equal(s.n, 1);
    raml_buf_deinit(&s.text);
}

static void test_regrade(void **state)
{
    struct raml_samples_options again = {.regrade = true};
    struct raml_samples_report report;
    struct raml_err err = {0};
    char *got = NULL;
    must(read_text(*state,
                   "{\"id\": \"a\", \"gold\": \"1/2\", \"correct\": [0, 1, 1], \"pred\": [\"0.5\", \"2\", null]}",
                   &again, &got, &report, &err),
         &err);
    assert_string_equal(got, "a:3:100:0.5,2,-;");
    assert_int_equal(report.n_regraded, 3);
    assert_string_equal(report.metric, "");
    free(got);
    must(read_text(*state,
                   "{\"id\": \"a\", \"answer\": \"7\", \"trajectories\": [{\"answer\": \"7\", \"correct\": false}, "
                   "{\"answer\": \"7\", \"finish_reason\": \"length\", \"correct\": false}]}",
                   &again, &got, &report, &err),
         &err);
    assert_string_equal(got, "a:2:1t:7,7;");
    free(got);
    assert_int_equal(read_text(*state, "{\"id\": \"a\", \"correct\": [0]}", &again, &got, &report, &err), RAML_EFORMAT);
    assert_true(has(err.msg, "regrading needs"));
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_grades, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_own, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_arrays, enter_scratch, leave_scratch),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test_setup_teardown(test_both_agree, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_refused, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_through, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_regrade, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
