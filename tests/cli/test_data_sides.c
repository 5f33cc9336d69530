/* test_data_sides.c - `raml data split` and `raml data leak`: the two sides of a set, and what they share. */
#include "cli/printed.h"

#include "raml/question.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

/* -- split -------------------------------------------------------------------------------------------------------- */

static void read_side(struct raml_questions *qs, const char *path)
{
    struct raml_err err;
    raml_questions_init(qs);
    if (raml_questions_read(qs, path, NULL, NULL, NULL, &err)) fail_msg("%s", err.msg);
}

/* n questions from number `first` on; every third occurs twice, in another spelling. */
static void put_questions(const char *name, int first, int n, bool backwards)
{
    struct raml_buf b;
    raml_buf_init(&b, 1 << 20);
    for (int i = 0; i < n; i++) {
        int k = backwards ? first + n - 1 - i : first + i;
        raml_buf_addf(&b, "{\"id\":\"q%d\",\"question\":\"What is %d plus one?\",\"answer\":\"%d\"}\n", k, k, k + 1);
        if (k % 3 == 0)
            raml_buf_addf(&b, "{\"id\":\"r%d\",\"question\":\" what is  %d PLUS one?\",\"answer\":\"%d\"}\n", k, k,
                          k + 1);
    }
    assert_int_equal(raml_file_write(name, b.data, b.len, NULL), RAML_OK);
    raml_buf_deinit(&b);
}

static void same_bytes(const char *a, const char *b)
{
    struct raml_buf x, y;
    raml_buf_init(&x, 1 << 24);
    raml_buf_init(&y, 1 << 24);
    assert_int_equal(raml_file_read(a, &x, NULL), RAML_OK);
    assert_int_equal(raml_file_read(b, &y, NULL), RAML_OK);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    raml_buf_deinit(&x);
    raml_buf_deinit(&y);
}

static void test_split(void **state)
{
    struct fixture *f = *state;
    struct raml_questions train, test;
    put_questions("a.jsonl", 0, 600, false);
    if (run(f, &cli_data_split, "a.jsonl --out one")) fail_msg("%s", f->err.msg);
    read_side(&train, "one/train.jsonl");
    read_side(&test, "one/test.jsonl");
    assert_int_equal(train.n + test.n, 800);
    assert_in_range(test.n, 60, 140); /* 100 +- 4 deviations of 9.4 */
    for (size_t i = 0; i < test.n; i++) {
        uint64_t hash = raml_question_hash(test.question[i].question);
        assert_int_equal(hash % 8, 0); /* the rule in the documentation, and of raml task make */
        assert_true(raml_question_is_test(hash, 1, 8) && raml_question_is_test(hash, 1, 4));
        assert_string_equal(test.question[i].split, "test");
        for (size_t j = 0; j < train.n; j++) assert_true(raml_question_hash(train.question[j].question) != hash);
    }
    for (size_t i = 0; i < train.n; i++) {
        assert_true(raml_question_hash(train.question[i].question) % 8 != 0);
        assert_string_equal(train.question[i].split, "train");
    }
    char line[160];
    snprintf(line, sizeof line, "one/train.jsonl: %zu questions, ", train.n);
    must_hold(f, line);
    must_hold(f, " test questions are contained in the training side (at least 80 % of their 13-grams; ");
    /* Again, the same bytes; from two files in another order, the same sides. */
    if (run(f, &cli_data_split, "a.jsonl --out two")) fail_msg("%s", f->err.msg);
    same_bytes("one/train.jsonl", "two/train.jsonl");
    same_bytes("one/test.jsonl", "two/test.jsonl");
    same_bytes("one/split.json", "two/split.json");
    put_questions("b.jsonl", 300, 300, true);
    put_questions("c.jsonl", 0, 300, false);
    if (run(f, &cli_data_split, "b.jsonl c.jsonl --out three")) fail_msg("%s", f->err.msg);
    struct raml_questions other;
    read_side(&other, "three/test.jsonl");
    assert_int_equal(other.n, test.n);
    for (size_t i = 0; i < other.n; i++) assert_int_equal(raml_question_hash(other.question[i].question) % 8, 0);
    raml_questions_deinit(&other);
    raml_questions_deinit(&train);
    raml_questions_deinit(&test);
}

static void test_split_by_id(void **state)
{
    struct fixture *f = *state;
    struct raml_questions train, test;
    put_questions("a.jsonl", 0, 9, false);
    put("ids", "q3\n\nr6\r\nq1\nq1\n");
    if (run(f, &cli_data_split, "a.jsonl --by_id ids --out one --json")) fail_msg("%s", f->err.msg);
    must_hold(f, "\"test_share\":null,\"by_id\":\"ids\",\"moved\":2,");
    must_hold(f, "\"train\":{\"questions\":7,\"distinct\":6},\"test\":{\"questions\":5,\"distinct\":3}}");
    read_side(&train, "one/train.jsonl");
    read_side(&test, "one/test.jsonl");
    static const char *const want[] = {"q1", "q3", "r3", "q6", "r6"}; /* r3 and q6 repeat listed ones */
    assert_int_equal(test.n, COUNT(want));
    for (size_t i = 0; i < test.n; i++) assert_string_equal(test.question[i].id, want[i]);
    assert_int_equal(train.n, 7);
    raml_questions_deinit(&train);
    raml_questions_deinit(&test);
    put("ids", "q3\nq77\nq78\n");
    assert_int_equal(run(f, &cli_data_split, "a.jsonl --by_id ids --out two"), RAML_EFORMAT);
    assert_string_equal(f->err.msg, "ids:2: no question has the id 'q77'");
    put("ids", "\n");
    assert_int_equal(run(f, &cli_data_split, "a.jsonl --by_id ids --out two"), RAML_EFORMAT);
    assert_string_equal(f->err.msg, "ids: contains no id");
    assert_false(raml_is_dir("two") || raml_is_dir("two.tmp"));
}

static void test_split_by_words(void **state)
{
    struct fixture *f = *state;
    struct raml_questions side;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 20);
    for (int i = 0; i < 200; i++)
        raml_buf_addf(
            &b,
            "{\"id\":\"%d\",\"question\":\"Find $x$ if $x+%d=9$.\"}\n{\"id\":\"%d\",\"question\":\"Find x, if x "
            "+ %d = 9\"}\n",
            i, i, i, i);
    assert_int_equal(raml_file_write("a.jsonl", b.data, b.len, NULL), RAML_OK);
    raml_buf_deinit(&b);
    if (run(f, &cli_data_split, "a.jsonl --key words --test_share 2/5 --out one")) fail_msg("%s", f->err.msg);
    for (int k = 0; k < 2; k++) { /* the two spellings of a question are on the same side */
        read_side(&side, k ? "one/train.jsonl" : "one/test.jsonl");
        assert_true(side.n > 0 && side.n % 2 == 0);
        for (size_t i = 0; i < side.n; i += 2) assert_string_equal(side.question[i].id, side.question[i + 1].id);
        raml_questions_deinit(&side);
    }
}

static void test_split_refusals(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line;
        enum raml_code code;
        const char *want;
    } t[] = {
        {"--out x", RAML_EUSAGE, "data split needs at least one FILE"},
        {"a.jsonl", RAML_EUSAGE, "data split needs --out DIR, a new folder"},
        {"a.jsonl --out there", RAML_EUSAGE, "--out: there exists; expected a new folder"},
        {"a.jsonl --out a.jsonl", RAML_EUSAGE, "--out: a.jsonl exists; expected a new folder"},
        {"a.jsonl --out x --test_share 1/1", RAML_EUSAGE, "found '1/1'"},
        {"a.jsonl --out x --test_share 0/8", RAML_EUSAGE, "found '0/8'"},
        {"a.jsonl --out x --test_share -1/8", RAML_EUSAGE, "found '-1/8'"},
        {"a.jsonl --out x --test_share 1/8/2", RAML_EUSAGE, "found '1/8/2'"},
        {"a.jsonl --out x --test_share 1/", RAML_EUSAGE, "found '1/'"},
        {"a.jsonl --out x --test_share 1/9999999", RAML_EUSAGE, "found '1/9999999'"},
        {"a.jsonl --out x --test_share 1/999983", RAML_ERANGE, "the test side has no question; nothing was written"},
        {"a.jsonl bad.jsonl --out x", RAML_EFORMAT, "bad.jsonl:1: field 'question' is an integer"},
        {"a.jsonl --out a.jsonl/x", RAML_EIO, "a.jsonl"},
    };
    put_questions("a.jsonl", 0, 30, false);
    put("bad.jsonl", "{\"question\":5}\n");
    assert_int_equal(raml_make_dir("there/sub", NULL), RAML_OK);
    assert_int_equal(raml_make_dir("left.tmp", NULL), RAML_OK);
    put("left.tmp/mine", "kept\n");
    for (size_t i = 0; i < COUNT(t); i++) {
        enum raml_code rc = run(f, &cli_data_split, t[i].line);
        if (rc != t[i].code || !strstr(f->err.msg, t[i].want)) fail_msg("%s: %d '%s'", t[i].line, rc, f->err.msg);
        assert_false(raml_is_dir("x") || raml_is_dir("x.tmp"));
    }
    assert_int_equal(run(f, &cli_data_split, "a.jsonl --out left"), RAML_OK);
    assert_true(raml_is_file("left/split.json"));
    assert_true(raml_is_file("left.tmp/mine")); /* another's: left alone */
}

/* -- leak --------------------------------------------------------------------------------------------------------- */

#define LONG "a train leaves the town at noon and goes north at sixty miles an hour until it stops"

static void put_leaks(void)
{
    put("train.jsonl", "{\"question\":\"" LONG " for good?\",\"answer\":\"see\\n#### 1\"}\n"
                       "{\"question\":\"What is 2+3?\",\"answer\":\"5\\n#### 5\"}\n"
                       "{\"question\":\"Else?\",\"answer\":\"" LONG "\\n#### 5\"}\n");
    put("more.csv", "question,answer\n\"Something else entirely, of which there is no other.\",1\n");
    put("test.jsonl",
        "{\"id\":\"t1\",\"question\":\"A train LEAVES the town at noon and goes north at sixty miles an hour until "
        "it stops for good?\",\"answer\":\"1\"}\n"
        "{\"id\":\"t2\",\"question\":\"Then $" LONG "$, for tea.\",\"answer\":\"1\"}\n"
        "{\"id\":\"t3\",\"question\":\"what is 2 + 3\",\"answer\":\"5\"}\n"
        "{\"id\":\"t4\",\"question\":\"What is 2 + 3 + 4?\",\"answer\":\"9\"}\n");
    put("clean.jsonl", "{\"question\":\"Nothing of the kind.\",\"answer\":\"1\"}\n");
}

static void test_leak(void **state)
{
    struct fixture *f = *state;
    put_leaks();
    if (run(f, &cli_data_leak, "train.jsonl more.csv --against test.jsonl,clean.jsonl --out h.jsonl --threshold 0.6"))
        fail_msg("%s", f->err.msg);
    assert_string_equal(f->out.data,
                        "training data: 4 questions and 3 solutions in 2 files\n"
                        "test.jsonl\n"
                        "  questions     4; 2 of fewer than 13 words, compared whole\n"
                        "  same text     1   a training question has their text, except for case and whitespace\n"
                        "  contained     3   same text, or at least 60 % of their 13-grams are in training questions\n"
                        "  touched       3   at least one of them is\n"
                        "  in solutions  2   at least 60 % are in training solutions\n"
                        "  test.jsonl:1  100 %  solutions 75 %  nearest train.jsonl:1 (100 %), same text\n"
                        "  test.jsonl:2  78 %  solutions 67 %  nearest train.jsonl:1 (78 %)\n"
                        "  test.jsonl:3  100 %  solutions 0 %  nearest train.jsonl:2 (100 %), whole\n"
                        "clean.jsonl\n"
                        "  questions     1; 1 of fewer than 13 words, compared whole\n"
                        "  same text     0   a training question has their text, except for case and whitespace\n"
                        "  contained     0   same text, or at least 60 % of their 13-grams are in training questions\n"
                        "  touched       0   at least one of them is\n"
                        "  in solutions  0   at least 60 % are in training solutions\n"
                        "3 of 5 test questions are contained in the training data\n");
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    assert_int_equal(raml_file_read("h.jsonl", &b, NULL), RAML_OK);
    static const char first[] =
        "{\"file\":\"test.jsonl\",\"line\":1,\"id\":\"t1\",\"words\":20,\"whole\":false,\"same_text\":true,"
        "\"contained\":true,\"in_questions\":1.0,\"in_solutions\":0.75,\"nearest\":{\"file\":"
        "\"train.jsonl\",\"line\":1,\"share\":1.0}}\n";
    assert_memory_equal(b.data, first, sizeof first - 1);
    size_t lines = 0;
    for (size_t i = 0; i < b.len; i++) lines += b.data[i] == '\n';
    assert_int_equal(lines, 3);
    raml_buf_deinit(&b);
}

static void test_leak_ends(void **state)
{
    struct fixture *f = *state;
    put_leaks();
    assert_int_equal(run(f, &cli_data_leak, "train.jsonl --against test.jsonl --fail"), RAML_EFORMAT);
    assert_string_equal(f->err.msg, "2 of 4 test questions are contained in the training data");
    must_hold(f, "\n2 of 4 test questions are contained in the training data\n");
    if (run(f, &cli_data_leak, "train.jsonl --against clean.jsonl --fail")) fail_msg("%s", f->err.msg);
    if (run(f, &cli_data_leak, "train.jsonl --against test.jsonl --max_hits 1")) fail_msg("%s", f->err.msg);
    must_hold(f, "  and 1 more (--max_hits, --out)\n");
    if (run(f, &cli_data_leak, "train.jsonl --against test.jsonl --threshold 0 --json")) fail_msg("%s", f->err.msg);
    assert_string_equal(
        f->out.data,
        "{\"n\":13,\"threshold\":0.0,\"train\":[\"train.jsonl\"],\"train_questions\":3,\"train_solutions\":3,"
        "\"test\":[{\"questions\":4,\"whole\":2,\"same_text\":1,\"contained\":3,\"touched\":3,"
        "\"in_solutions\":2,\"path\":\"test.jsonl\"}],\"all\":{\"questions\":4,\"whole\":2,\"same_text\":1,"
        "\"contained\":3,\"touched\":3,\"in_solutions\":2}}\n");
    static const struct {
        const char *line;
        enum raml_code code;
        const char *want;
    } t[] = {
        {"--against test.jsonl", RAML_EUSAGE, "data leak needs at least one TRAIN file"},
        {"train.jsonl", RAML_EUSAGE, "data leak needs --against TEST, the file of test questions"},
        {"train.jsonl --against test.jsonl,", RAML_EUSAGE, "--against: an empty name in 'test.jsonl,'"},
        {"train.jsonl --against absent.jsonl", RAML_EIO, "absent.jsonl"},
        {"absent.jsonl --against test.jsonl", RAML_EIO, "absent.jsonl"},
        {"train.jsonl --against test.jsonl --n 0", RAML_EUSAGE, "n"},
    };
    for (size_t i = 0; i < COUNT(t); i++) {
        enum raml_code rc = run(f, &cli_data_leak, t[i].line);
        if (rc != t[i].code || !strstr(f->err.msg, t[i].want)) fail_msg("%s: %d '%s'", t[i].line, rc, f->err.msg);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(test_split),          TEST(test_split_by_id), TEST(test_split_by_words),
        TEST(test_split_refusals), TEST(test_leak),        TEST(test_leak_ends),
    };
    return cmocka_run_group_tests_name("sides of a set", tests, NULL, NULL);
}
