/* test_samples_lighteval.c - lighteval's details, new and old: counts from metrics, issue 771, limits, bad lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples/sample_files.h"

#define ROW (&raml_samples_layout_lighteval)
#define NEW_SIZED(size, texts, tokens, metrics)                                                                        \
    "{\"doc\":{\"choices\":[\"42\"],\"gold_index\":[0],\"id\":\"7\",\"query\":\"six by "                               \
    "seven?\",\"generation_size\":" size ","                                                                           \
    "\"specific\":null,\"task_name\":\"aime24\"},\"metric\":" metrics                                                  \
    ",\"model_response\":{\"input\":\"Q\",\"input_tokens\":[1],"                                                       \
    "\"output_tokens\":" tokens ",\"text\":" texts ",\"text_post_processed\":null,\"truncated_tokens_count\":0}}\n"
#define NEW(texts, metrics) NEW_SIZED("null", texts, "[]", metrics)
#define OLD(texts, metrics)                                                                                            \
    "{\"choices\":[],\"cont_tokens\":[[1]],\"example\":\"q\",\"full_prompt\":\"Q\",\"gold\":[\"42\"],\"gold_index\":[" \
    "],"                                                                                                               \
    "\"metrics\":" metrics ",\"predictions\":" texts                                                                   \
    ",\"specifics\":{\"level\":3,\"subject\":\"algebra\"},\"truncated\":[0]}\n"
#define FOUR "[\"42\",\"41\",\"42\",\"40\"]"

static void test_one(void **state)
{
    (void)state;
    struct taken t = take_text(ROW, NEW("[\"\\\\boxed{42}\"]", "{\"extractive_match\":1.0}"), NULL, false);
    assert_int_equal(t.rc, RAML_OK);
    assert_string_equal(t.q[0].id, "7");
    assert_string_equal(t.q[0].gold, "42");
    assert_string_equal(t.q[0].grades, "1");
    assert_string_equal(t.q[0].answers, "42");
    assert_string_equal(t.report.metric, "extractive_match");
    taken_deinit(&t);
    t = take_text(ROW, OLD("[\"41\"]", "{\"qem\":0}"), NULL, false);
    assert_int_equal(t.rc, RAML_OK);
    assert_string_equal(t.q[0].id, "1"); /* the line's number */
    assert_string_equal(t.q[0].family, "algebra");
    assert_int_equal(t.q[0].difficulty, 3);
    assert_string_equal(t.q[0].grades, "0");
    taken_deinit(&t);
    expect_refused(take_text(ROW, NEW("[\"42\"]", "{\"em\":1,\"qem\":0}"), NULL, false), RAML_EUSAGE,
                   "several metrics: em, qem");
    expect_one(take_text(ROW, NEW("[\"42\"]", "{\"em\":1,\"qem\":0}"), "qem", false), "0", "42", NULL);
    expect_one(take_text(ROW, NEW("[]", "{\"acc\":1}"), NULL, false), "1", "-", NULL);
    expect_one(take_text(ROW, NEW("[-1.5,-0.2]", "{\"acc\":1}"), NULL, false), "1", "-", NULL);
}

/* The metrics that show how many of n are correct, by the names of every version. */
static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *metrics, *grades;
    } cases[] = {
        {"{\"avg@n:n=4\":0.5}", "1100"},
        {"{\"avg@k:k=4\":0.25}", "1000"},
        {"{\"pass@k:k=1&n=4\":0.75}", "1110"},
        {"{\"pass@k:n=4&k=1&strip_strings=True\":0.75}", "1110"},
        {"{\"math_pass@1:4_samples\":1.0}", "1111"},
        {"{\"pass@1:4_samples\":0}", "0000"},
        {"{\"gpqa_pass@k:k=2&n=4\":0.5}", "1000"},
        {"{\"pass@k:k=4&n=4\":1.0,\"pass@k:k=1&n=4\":0.5}", "1100"},
        {"{\"codegen_pass@1:4\":0.5}", "1100"},
        {"{\"pass@k:k=1\":0.5}", "1100"},
        {"{\"extractive_match\":1,\"avg@n:n=4\":0.5}", "1100"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[1024];
        snprintf(line, sizeof line, NEW(FOUR, "%s"), cases[i].metrics);
        struct taken t = take_text(ROW, line, NULL, false);
        assert_false(t.rc || t.q[0].has_answers); /* which ones are correct is unknown: no votes */
        expect_one(t, cases[i].grades, "-|-|-|-", NULL);
    }
    static const struct {
        const char *metrics, *says;
    } refused[] = {
        {"{\"extractive_match\":1}", "no metric shows which of 4 samples are correct"},
        {"{\"maj@n:n=4\":1}", "no metric shows which"},
        {"{\"g-pass@4_0.0\":1,\"mg-pass@4\":0}", "no metric shows which"},
        {"{\"pass@k:k=3&n=4\":1.0}", "no metric shows which"},
        {"{\"avg@n:n=4\":0.3}", "does not show how many"},
        {"{\"avg@n:n=4\":1.5}", "does not show how many"},
        {"{\"pass@k:k=0&n=4\":1.0}", "no metric shows which"},
        {"{}", "no metric shows which"},
    };
    for (size_t i = 0; i < COUNT(refused); i++) {
        char line[1024];
        snprintf(line, sizeof line, NEW(FOUR, "%s"), refused[i].metrics);
        expect_refused(take_text(ROW, line, NULL, false), RAML_EFORMAT, refused[i].says);
    }
    expect_refused(take_text(ROW, NEW(FOUR, "{\"em\":1}"), "em", false), RAML_EFORMAT, "one grade for 4 samples");
}

/* Issue 771: 8 samples exist, n = 64, 32 or 16 is configured; the mean was given as .0547, .1094, .2188 instead of
 * .4375. */
static void test_issue_771(void **state)
{
    (void)state;
    static const uint32_t configured[] = {8, 16, 32, 64};
    static const double theirs[] = {0.4375, 0.2188, 0.1094, 0.0547};
    static const uint32_t correct[] = {7, 0, 3, 4}; /* 14 of 32 */
    for (size_t j = 0; j < COUNT(configured); j++) {
        char text[4096], line[1024], metric[64];
        double sum = 0.0, ours = 0.0;
        text[0] = 0;
        for (size_t i = 0; i < COUNT(correct); i++) {
            double v = (double)correct[i] / configured[j];
            sum += v;
            snprintf(metric, sizeof metric, "{\"pass@k:k=1&n=%u\":%.17g}", configured[j], v);
            snprintf(line, sizeof line, NEW("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]", "%s"), metric);
            strcat(text, line);
        }
        CHECK_NEAR("as lighteval reports it", sum / 4, theirs[j], 5e-5);
        struct taken t = take_text(ROW, text, NULL, false);
        assert_int_equal(t.rc, RAML_OK);
        for (size_t i = 0; i < t.n; i++) ours += (double)t.q[i].c / t.q[i].n / 4;
        CHECK_NEAR("of the samples that exist", ours, 0.4375, 1e-12);
        assert_true((strstr(t.report.note, "issue 771") != NULL) == (configured[j] > 8));
        taken_deinit(&t);
    }
    expect_one(take_text(ROW, NEW("[\"42\"]", "{\"pass@k:k=1&n=64\":0.015625}"), NULL, false), "1", "42", "issue 771");
    expect_one(take_text(ROW, NEW(FOUR, "{\"avg@n:n=2\":0.5}"), NULL, false), "10", NULL, "first 2 samples");
}

static void test_regraded(void **state)
{
    (void)state;
    expect_one(take_text(ROW, NEW(FOUR, "{\"maj@n:n=4\":1}"), NULL, true), "1010", "42|41|42|40", NULL);
    expect_one(take_text(ROW, OLD(FOUR, "{\"maj@4\":1}"), NULL, true), "1010", "42|41|42|40", NULL);
    struct taken t = take_text(ROW, NEW("[\"42.0\"]", "{\"em\":0}"), NULL, true);
    assert_int_equal(t.report.n_regraded, 1);
    assert_string_equal(t.report.metric, "");
    expect_one(t, "1", "42.0", NULL);
    expect_refused(take_text(ROW, NEW("[]", "{\"acc\":1}"), NULL, true), RAML_EFORMAT, "likelihood task");
}

/* Truncated samples are wrong: complete samples get the count first. */
static void test_unfinished(void **state)
{
    (void)state;
#define TOKENS "[[1,2,3],[1,2],[1,3,3],[1,2]]"
    expect_one(take_text(ROW, NEW_SIZED("3", FOUR, TOKENS, "{\"avg@n:n=4\":0.5}"), NULL, false), "x110", NULL, NULL);
    expect_one(take_text(ROW, NEW_SIZED("3", FOUR, TOKENS, "{\"avg@n:n=4\":1.0}"), NULL, false), "x111", NULL, NULL);
    expect_one(take_text(ROW, NEW_SIZED("3", FOUR, TOKENS, "{}"), NULL, true), "x010", NULL, NULL);
    expect_one(take_text(ROW, NEW_SIZED("9", FOUR, TOKENS, "{\"avg@n:n=4\":1.0}"), NULL, false), "1111", NULL, NULL);
    expect_one(take_text(ROW, NEW("[\"<think>42\"]", "{\"em\":1}"), NULL, false), "?", NULL, NULL);
    expect_one(take_text(ROW, NEW("[\"<think>42\",\"42\"]", "{\"avg@n:n=2\":1}"), NULL, false), "?1", NULL, NULL);
}

static void test_hostile(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "no lines"},
        {"{}\n", "'predictions' is missing"},
        {"{\"model_response\":3,\"doc\":{}}\n", "'model_response' is missing or of another type"},
        {"{\"model_response\":{},\"doc\":[]}\n", "'doc' is missing or of another type"},
        {"{\"model_response\":{\"text\":\"a\"},\"doc\":{},\"metric\":{}}\n",
         "'model_response.text' is missing or of another type"},
        {"{\"model_response\":{\"text\":[]},\"doc\":{},\"metric\":[]}\n", "'metric' is missing or of another type"},
        {"{\"model_response\":{\"text\":[]},\"doc\":{\"choices\":[\"a\"],\"gold_index\":1},\"metric\":{}}\n",
         "1, of 1 choices"},
        {"{\"model_response\":{\"text\":[]},\"doc\":{\"choices\":[\"a\"],\"gold_index\":[-1]},\"metric\":{}}\n",
         "'gold_index'"},
        {"{\"model_response\":{\"text\":[]},\"doc\":{\"choices\":[7],\"gold_index\":[0]},\"metric\":{}}\n",
         "'gold' is missing"},
        {"{\"predictions\":\"['a']\",\"metrics\":{}}\n", "ast.literal_eval"},
        {NEW("[\"a\"]", "{\"em\":1}") NEW("[\"a\"]", "{\"f1\":1}"), "no metric 'em'; found: f1"},
        {NEW("[\"a\"]", "{\"em\":0.5}"), "no metric shows"},
        {NEW("[\"\xff\"]", "{\"em\":1}"), "not valid JSON"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_refused(take_text(ROW, cases[i].text, NULL, false), RAML_EFORMAT, cases[i].says);
    char many[8192] = "{\"model_response\":{\"text\":[]},\"doc\":{\"choices\":[\"a\"],\"gold_index\":[0";
    for (int i = 0; i < 200; i++) strcat(many, ",0");
    strcat(many, "]},\"metric\":{}}\n");
    expect_refused(take_text(ROW, many, NULL, false), RAML_ERANGE, "more than 64 gold answers");
    static const char slow[] =
        NEW("[\"a\",\"b\"]", "{\"pass@k:k=1000000000&n=2000000000\":0.5,\"avg@n:n=99999999999999999999\":1}");
    expect_refused(take_text(ROW, slow, NULL, false), RAML_EFORMAT, "no metric shows");
}

static void test_metric_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t k, n; /* 0, 0: gives no count */
    } cases[] = {
        {"pass@1", 1, 0},
        {"pass@k:k=10&n=32", 10, 32},
        {"math_pass@1:64_samples", 1, 64},
        {"avg@n:n=8", 1, 8},
        {"avg@8", 1, 8},
        {"pass@10:32_samples", 10, 32},
        {"g-pass@16_0.0", 0, 0},
        {"mg-pass@16", 0, 0},
        {"math_g-pass@4_0.5", 0, 0},
        {"maj@8", 0, 0},
        {"bypass@1", 0, 0},
        {"pass@", 0, 0},
        {"pass@k", 0, 0},
        {"@", 0, 0},
        {"pass@1:", 0, 0},
        {"pass@1:4_sample", 0, 0},
        {"pass@k:n=4", 0, 0},
        {"pass@0", 0, 0},
        {"avg@n", 1, 0},
        {"pass@k:k=1&n=", 0, 0},
        {"pass@99999999999", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_foreign_metric m;
        bool yes = raml_foreign_metric(cases[i].name, &m);
        if (yes != (cases[i].k > 0) || (yes && (m.k != cases[i].k || m.n != cases[i].n))) {
            print_error("%s: %d, k %u, n %u\n", cases[i].name, yes, m.k, m.n);
            fail();
        }
    }
}

/* Every c of n comes back from its pass@k, unless several c have the same, or nearly. */
static void test_count_back(void **state)
{
    (void)state;
    double near;
    uint32_t which;
    assert_int_equal(raml_pass_at_k(64, 20, 32, &near, NULL), RAML_OK); /* 1 - 2e-9, and so are 21, 22, ... */
    assert_false(raml_foreign_count(64, 32, near, &which));
    for (uint32_t n = 1; n <= 12; n++)
        for (uint32_t k = 1; k <= n; k++)
            for (uint32_t c = 0; c <= n; c++) {
                double p;
                uint32_t got = 99;
                assert_int_equal(raml_pass_at_k(n, c, k, &p, NULL), RAML_OK);
                bool known = raml_foreign_count(n, k, p, &got);
                assert_true(known == (k == 1 || c <= n - k));
                if (known) assert_int_equal(got, c);
                assert_false(raml_foreign_count(n, k, p + 1e-2 / n, &got) && got == c);
            }
}

static void test_known_by(void **state)
{
    (void)state;
    assert_true(looks(ROW, NEW("[\"a\"]", "{}"), true));
    assert_true(looks(ROW, NEW("[\"a\"]", "{}"), false));
    assert_true(looks(ROW, OLD("[\"a\"]", "{}"), true));
    assert_false(looks(ROW, "{\"predictions\":[],\"correct\":[]}", true));
    assert_false(looks(ROW, "{\"doc\":{},\"doc_id\":0}", true));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),          cmocka_unit_test(test_counts),     cmocka_unit_test(test_issue_771),
        cmocka_unit_test(test_regraded),     cmocka_unit_test(test_unfinished), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_metric_names), cmocka_unit_test(test_count_back), cmocka_unit_test(test_known_by),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
