/* test_samples_skip.c - rows at fault among good ones: passed over, named and counted where that is asked for, and the end
 * of the reading where it is not. In every layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples/sample_files.h"

#define OWN                                                                                                            \
    "{\"id\":\"%d\",\"answer\":\"4\",\"trajectories\":[{\"answer\":\"4\",\"correct\":true,\"think_closed\":true}]}\n"
#define LM                                                                                                             \
    "{\"doc_id\":%d,\"doc\":{},\"target\":\"4\",\"resps\":[[\"4\"]],\"filtered_resps\":[\"4\"],\"filter\":\"none\","   \
    "\"acc\":1}\n"
#define LIGHT                                                                                                          \
    "{\"doc\":{\"choices\":[\"4\"],\"gold_index\":[0],\"id\":\"%d\"},\"metric\":{\"em\":1},\"model_response\":{"       \
    "\"text\":["                                                                                                       \
    "\"4\"]}}\n"
#define COMPASS(more)                                                                                                  \
    "{\"accuracy\":100.0,\"details\":[{\"pred\":\"4\",\"answer\":\"4\",\"correct\":true}," more                        \
    "{\"pred\":\"4\",\"answer\":\"4\",\"correct\":true}]}"

static const struct {
    const char *what, *good, *bad; /* good, bad, good is the file; good has %d for its number, or is the whole file */
    size_t n;                      /* questions of the file */
    const char *says;
} cases[] = {
    {"not JSON", OWN, "{\"id\": oops\n", 2, ":2: not valid JSON"},
    {"half a line", OWN, "{\"id\":\"1\",\"traj\n", 2, ":2: not valid JSON"},
    {"a number", OWN, "7\n", 2, ":2: expected a JSON object"},
    {"no trajectories", OWN, "{\"id\":\"7\"}\n", 2, ":2: field 'trajectories' is missing"},
    {"trajectories of another type", OWN, "{\"id\":\"7\",\"trajectories\":3}\n", 2, "field 'trajectories'"},
    {"correct of another type", OWN, "{\"trajectories\":[{\"answer\":\"4\",\"correct\":\"x\"}]}\n", 2, ":2: "},
    {"an id that is a list", OWN, "{\"id\":[1,2],\"trajectories\":[]}\n", 2, "field 'id'"},
    {"grades: not 0 or 1", "{\"id\":%d,\"correct\":[1,0]}\n", "{\"id\":9,\"correct\":[1,7]}\n", 2,
     ":2: field 'correct'"},
    {"grades: none", "{\"id\":%d,\"correct\":[1,0]}\n", "{\"id\":9}\n", 2, ":2: "},
    {"grades: not JSON", "{\"id\":%d,\"correct\":[1,0]}\n", "{\"id\":9,\"correct\":[1,0\n", 2, ":2: not valid JSON"},
    {"counts: c above n", "{\"id\":%d,\"n\":4,\"c\":1}\n", "{\"id\":9,\"n\":4,\"c\":5}\n", 2, ":2: "},
    {"lm_eval: not JSON", LM, "{\"doc_id\":9,\n", 2, ":2: not valid JSON"},
    {"lm_eval: no doc_id", LM, "{\"doc\":{},\"target\":\"4\",\"resps\":[[\"4\"]],\"acc\":1}\n", 2, "field 'doc_id'"},
    {"lm_eval: no metric", LM, "{\"doc_id\":9,\"target\":\"4\",\"resps\":[[\"4\"]],\"filter\":\"none\"}\n", 2,
     "no metric"},
    {"lm_eval: a metric that is none", LM,
     "{\"doc_id\":9,\"target\":\"4\",\"resps\":[[\"4\"]],\"filter\":\"none\",\"acc\":\"x\"}\n", 2, ":2: "},
    {"lighteval: not JSON", LIGHT, "{\"doc\":\n", 2, ":2: not valid JSON"},
    {"lighteval: no response", LIGHT, "{\"doc\":{},\"metric\":{\"em\":1}}\n", 2, ":2: "},
    {"OpenCompass: no grade", COMPASS("{\"pred\":\"4\",\"answer\":\"4\"},"), NULL, 2, "question 2: no grade"},
    {"OpenCompass: a grade of another type", COMPASS("{\"pred\":\"4\",\"answer\":\"4\",\"correct\":\"x\"},"), NULL, 2,
     "question 2: a grade is not"},
    {"a JSON array", "[{\"correct\":[1]},{\"correct\":[5]},{\"correct\":[0]}]", NULL, 2, ":2: field 'correct'"},
};

static void put(const char *good, const char *bad, bool bad_first, const char *path)
{
    struct raml_buf b;
    struct raml_err err = {0};
    raml_buf_init(&b, 1 << 16);
    if (!bad) {
        raml_buf_adds(&b, good);
    } else {
        const char *number = strstr(good, "%d");
        assert_non_null(number);
        for (int i = 0; i < 3; i++) {
            if (i == !bad_first) raml_buf_adds(&b, bad);
            else raml_buf_addf(&b, "%.*s%d%s", (int)(number - good), good, i + 1, number + 2);
        }
    }
    CHECK_OK(raml_file_write(path, b.data, b.len, &err));
    raml_buf_deinit(&b);
}

struct heard {
    size_t n, line;
    char says[512];
};

static void hear(void *user, size_t line, const char *message)
{
    struct heard *t = user;
    t->n++;
    t->line = line;
    snprintf(t->says, sizeof t->says, "%s", message);
}

static void test_each(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int first = 0; first < (cases[i].bad ? 2 : 1); first++) {
            char path[160];
            struct heard heard = {0};
            struct raml_samples_options opt = {.layout = RAML_LAYOUT_AUTO};
            struct taken t = {.n = 0}, u = {.n = 0};
            put(cases[i].good, cases[i].bad, first, path_in_folder("rows.jsonl", path));
            t.rc = raml_samples_read(path, &opt, take_question, &t, &t.report, &t.err);
            if (!t.rc || (!first && !strstr(t.err.msg, cases[i].says)))
                fail_msg("%s: code %d, '%s'", cases[i].what, t.rc, t.err.msg);
            opt.skip_bad = true;
            opt.on_bad = hear;
            opt.on_bad_user = &heard;
            u.rc = raml_samples_read(path, &opt, take_question, &u, &u.report, &u.err);
            if (u.rc || u.n != cases[i].n || u.report.n_bad != 1 || heard.n != 1 ||
                u.report.n_questions != cases[i].n || (!first && !strstr(heard.says, cases[i].says)) ||
                (cases[i].bad && heard.line != (first ? 1 : 2)))
                fail_msg("%s (%d): code %d '%s'; %zu questions, %zu rows heard, line %zu: '%s'", cases[i].what, first,
                         u.rc, u.err.msg, u.n, heard.n, heard.line, heard.says);
            taken_deinit(&t);
            taken_deinit(&u);
        }
}

static enum raml_code refuse(void *user, const struct raml_graded *q, struct raml_err *err)
{
    (void)user;
    (void)q;
    return raml_fail(err, RAML_ERANGE, "not this question");
}

/* What the caller refuses ends the reading; nothing but bad rows is no success. */
static void test_ends(void **state)
{
    (void)state;
    char path[160];
    struct raml_err err = {0};
    struct raml_samples_report report = {0};
    struct heard heard = {0};
    struct raml_samples_options opt = {.skip_bad = true, .on_bad = hear, .on_bad_user = &heard};
    put(OWN, "{\n", false, path_in_folder("rows.jsonl", path));
    assert_int_equal(raml_samples_read(path, &opt, refuse, NULL, &report, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "not this question");
    assert_int_equal(heard.n, 0);
    opt.layout = RAML_LAYOUT_RAML;
    CHECK_OK(raml_file_write(path, "{\n[]\n7\n", 7, &err));
    assert_int_equal(raml_samples_read(path, &opt, refuse, NULL, &report, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "none of its 3 rows can be read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
