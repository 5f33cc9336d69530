/* test_samples_convert.c - the shared samples, written in the three other tools' layouts and read back: the numbers
 * must be those of expected_metrics.json (exact rationals) and of lighteval's and NeMo-Skills' own test data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples/sample_files.h"

#define SETS RAML_SHARED "/data/datasets"

enum { LM_EVAL, LIGHTEVAL, OPENCOMPASS, N_LAYOUTS };
static const struct raml_samples_layout_row *const rows[N_LAYOUTS] = {
    &raml_samples_layout_lm_eval, &raml_samples_layout_lighteval, &raml_samples_layout_opencompass};

static bool absent(const char *what)
{
    if (raml_is_dir(SETS)) return false;
    fprintf(stderr, "SKIPPED: %s is absent: %s NOT checked\n", SETS, what);
    return true;
}

static json_t *load_or_fail(const char *path)
{
    json_error_t je;
    json_t *v = json_load_file(path, 0, &je);
    if (!v) print_error("%s: %s\n", path, je.text);
    assert_non_null(v);
    return v;
}

static void add_new(struct raml_buf *b, json_t *obj)
{
    raml_json_add(b, obj);
    json_decref(obj);
}

static int count_correct(const json_t *correct)
{
    int c = 0;
    for (size_t i = 0; i < json_array_size(correct); i++) c += raml_foreign_grade(json_array_get(correct, i)) == 1;
    return c;
}

static const char *said(const json_t *row, size_t i, bool texts)
{
    const json_t *list = json_object_get(row, texts ? "samples" : "pred");
    const char *s = json_string_value(json_array_get(list, i));
    return s ? s : "";
}

/* n lines of one response, as from n runs with other seeds, concatenated and sorted. */
static void write_lm_eval(struct raml_buf *b, const json_t *row, size_t number, bool texts)
{
    const json_t *correct = json_object_get(row, "correct"), *gold = json_object_get(row, "gold");
    for (size_t i = 0; i < json_array_size(correct); i++) {
        const char *s = said(row, i, texts);
        add_new(b, json_pack("{s:i, s:{}, s:s, s:{s:{s:s}}, s:[[s]], s:[s], s:s, s:[s], s:f}", "doc_id", (int)number,
                             "doc", "target", gold && json_is_string(gold) ? json_string_value(gold) : "", "arguments",
                             "gen_args_0", "arg_0", "Q", "resps", s, "filtered_resps", s, "filter", "none", "metrics",
                             "exact_match", "exact_match", (double)raml_foreign_grade(json_array_get(correct, i))));
        raml_buf_add(b, "\n", 1);
    }
}

/* n_configured: of every question, as in lighteval; some may have fewer samples (issue 771). */
static void write_lighteval(struct raml_buf *b, const json_t *row, size_t number, bool texts, size_t n_configured)
{
    const json_t *correct = json_object_get(row, "correct"), *gold = json_object_get(row, "gold");
    size_t n = json_array_size(correct);
    json_t *list = json_array(), *metric = json_object();
    char id[24], name[40];
    snprintf(id, sizeof id, "%zu", number);
    snprintf(name, sizeof name, "pass@k:k=1&n=%zu", n_configured);
    json_object_set_new(metric, name, json_real((double)count_correct(correct) / (double)n_configured));
    for (size_t i = 0; i < n; i++) json_array_append_new(list, json_string(said(row, i, texts)));
    add_new(b, json_pack("{s:{s:[s], s:[i], s:s, s:n}, s:o, s:{s:s, s:o, s:[]}}", "doc", "choices",
                         gold && json_is_string(gold) ? json_string_value(gold) : "", "gold_index", 0, "id", id,
                         "specific", "metric", metric, "model_response", "input", "Q", "text", list, "output_tokens"));
    raml_buf_add(b, "\n", 1);
}

/* One entry of `details`. */
static json_t *opencompass_entry(const json_t *row, size_t number, bool texts)
{
    const json_t *correct = json_object_get(row, "correct"), *gold = json_object_get(row, "gold");
    json_t *pred = json_array(), *answer = json_array(), *grades = json_array();
    char abbr[40];
    snprintf(abbr, sizeof abbr, "set_%zu", number);
    for (size_t i = 0; i < json_array_size(correct); i++) {
        json_array_append_new(pred, json_string(said(row, i, texts)));
        json_array_append_new(answer, json_string(json_is_string(gold) ? json_string_value(gold) : ""));
        json_array_append_new(grades, json_boolean(raml_foreign_grade(json_array_get(correct, i)) == 1));
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "example_abbr", abbr, "pred", pred, "answer", answer, "correct", grades);
}

/* Writes the samples file `name` of the shared data in a layout; returns the path. */
static const char *convert(const char *name, int layout, bool texts, char path[160])
{
    char from[256];
    struct raml_lines lines;
    struct raml_err err = {0};
    struct raml_buf b;
    json_t *details = json_array();
    size_t number = 0, n = 0, c = 0, n_configured = 0;
    bool more = true;
    snprintf(from, sizeof from, "%s/samples/%s.jsonl", SETS, name);
    raml_buf_init(&b, (size_t)1 << 30);
    CHECK_OK(raml_lines_init(&lines, from, (size_t)1 << 28, &err));
    for (;; number++) {
        CHECK_OK(raml_lines_next(&lines, &more, &err));
        if (!more) break;
        json_t *row = json_loadb(lines.line.data, lines.line.len, 0, NULL);
        assert_non_null(row);
        n += json_array_size(json_object_get(row, "correct"));
        c += (size_t)count_correct(json_object_get(row, "correct"));
        if (!n_configured) n_configured = n;
        if (layout == LM_EVAL) write_lm_eval(&b, row, number, texts);
        if (layout == LIGHTEVAL) write_lighteval(&b, row, number, texts, n_configured);
        if (layout == OPENCOMPASS) json_array_append_new(details, opencompass_entry(row, number, texts));
        json_decref(row);
    }
    if (layout == OPENCOMPASS) {
        json_t *root =
            json_pack("{s:f, s:O}", "accuracy (n runs average)", 100.0 * (double)c / (double)n, "details", details);
        char *text = json_dumps(root, JSON_INDENT(4));
        raml_buf_adds(&b, text);
        free(text);
        json_decref(root);
    }
    json_decref(details);
    raml_lines_deinit(&lines);
    CHECK_OK(raml_buf_status(&b, &err));
    CHECK_OK(
        raml_file_write(path_in_folder(layout == OPENCOMPASS ? "set.json" : "set.jsonl", path), b.data, b.len, &err));
    raml_buf_deinit(&b);
    return path;
}

/* Reads with the detected layout. */
static struct taken take_known(const char *path, int layout)
{
    struct taken t = {.n = 0};
    struct raml_samples_options opt = {.layout = RAML_LAYOUT_AUTO};
    t.rc = raml_samples_read(path, &opt, take_question, &t, &t.report, &t.err);
    if (t.rc) print_error("%s\n", t.err.msg);
    assert_int_equal(t.rc, RAML_OK);
    assert_int_equal(t.report.layout, rows[layout]->layout);
    return t;
}

static double mean_of(const struct taken *t, uint32_t k, const char *what)
{
    struct raml_err err = {0};
    double sum = 0.0;
    for (size_t i = 0; i < t->n; i++) {
        double v = 0.0;
        struct raml_tau tau;
        if (!strcmp(what, "pass")) CHECK_OK(raml_pass_at_k(t->q[i].n, t->q[i].c, k, &v, &err));
        else if (!strcmp(what, "mg_pass")) CHECK_OK(raml_mgpass_at_k(t->q[i].n, t->q[i].c, k, &v, &err));
        else {
            CHECK_OK(raml_tau_read(what + strlen("g_pass_"), &tau, &err));
            CHECK_OK(raml_gpass_at_k(t->q[i].n, t->q[i].c, k, &tau, &v, &err));
        }
        sum += v;
    }
    return sum / (double)t->n;
}

static size_t check_metrics(const struct taken *t, const json_t *expected, const char *name)
{
    json_t *by_k, *v;
    const char *k, *what;
    size_t n = 0;
    assert_int_equal(t->n, json_integer_value(json_object_get(expected, "questions")));
    assert_int_equal(t->report.n_samples, json_integer_value(json_object_get(expected, "samples_total")));
    json_object_foreach (json_object_get(expected, "metrics"), k, by_k)
        json_object_foreach (by_k, what, v) {
            CHECK_NEAR(name, mean_of(t, (uint32_t)strtoul(k, NULL, 10), what), json_number_value(v), 1e-12);
            n++;
        }
    return n;
}

static void test_numbers(void **state)
{
    (void)state;
    if (absent("the numbers of three layouts")) return;
    json_t *expected = load_or_fail(SETS "/samples/expected_metrics.json"), *one;
    const char *name;
    size_t n = 0;
    json_object_foreach (expected, name, one) {
        for (int layout = 0; layout < N_LAYOUTS; layout++) {
            char path[160];
            struct taken t = take_known(convert(name, layout, false, path), layout);
            n += check_metrics(&t, one, name);
            if (layout == OPENCOMPASS) assert_string_equal(t.report.note, "");
            taken_deinit(&t);
        }
    }
    json_decref(expected);
    print_message("%zu metrics of 12 files in 3 layouts\n", n);
    assert_int_equal(n, 1617);
}

/* Answers that were graded correct although thinking never ended: 13 of 2000 in this file, none in the AIME one. */
static void test_unclosed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t unclosed, graded_correct;
    } files[] = {{"aime24_llama3b_step400_50", 183, 0}, {"amc23_llama3b_step400_50", 196, 13}};
    if (absent("unclosed thinking")) return;
    for (size_t f = 0; f < COUNT(files); f++) {
        char path[160];
        struct taken as_text = take_known(convert(files[f].name, LM_EVAL, true, path), LM_EVAL);
        struct taken as_graded = take_known(convert(files[f].name, LM_EVAL, false, path), LM_EVAL);
        uint32_t unclosed = 0, lost = 0;
        for (size_t i = 0; i < as_text.n; i++) {
            for (const char *m = as_text.q[i].grades; *m; m++) unclosed += *m == '?';
            lost += as_graded.q[i].c - as_text.q[i].c;
        }
        assert_int_equal(unclosed, files[f].unclosed);
        assert_int_equal(lost, files[f].graded_correct);
        taken_deinit(&as_text);
        taken_deinit(&as_graded);
    }
}

/* Texts that are the gold answer, letter by letter: lighteval's simple scorer ("au" is not "Au"). */
static int exact_count(const json_t *one)
{
    const json_t *doc = json_object_get(one, "doc"), *v;
    const json_t *gold =
        json_array_get(json_object_get(doc, "choices"), (size_t)json_integer_value(json_object_get(doc, "gold_index")));
    int c = 0;
    size_t i;
    json_array_foreach (json_object_get(json_object_get(one, "model_response"), "text"), i, v) c += json_equal(v, gold);
    return c;
}

/* lighteval's own tests of its formulas: a record with the count that its simple scorer gives, read back, and our
 * formulas. */
static size_t check_case(const json_t *one)
{
    struct raml_buf b;
    struct raml_err err = {0};
    char path[160];
    const json_t *expected = json_object_get(one, "expected_output");
    double tol = json_number_value(json_object_get(one, "tolerance"));
    json_t *v;
    const char *name;
    size_t n = 0;
    raml_buf_init(&b, 1 << 20);
    size_t n_texts = json_array_size(json_object_get(json_object_get(one, "model_response"), "text"));
    json_t *metric = json_object();
    char of_n[32];
    snprintf(of_n, sizeof of_n, "avg@n:n=%u", (unsigned)n_texts);
    json_object_set_new(metric, of_n, json_real((double)exact_count(one) / (double)n_texts));
    add_new(&b, json_pack("{s:O, s:o, s:O}", "doc", json_object_get(one, "doc"), "metric", metric, "model_response",
                          json_object_get(one, "model_response")));
    CHECK_OK(raml_buf_status(&b, &err));
    CHECK_OK(raml_file_write(path_in_folder("case.jsonl", path), b.data, b.len, &err));
    raml_buf_deinit(&b);
    struct taken t = take_file(rows[LIGHTEVAL], path, NULL, false);
    if (t.rc) print_error("%s\n", t.err.msg);
    assert_int_equal(t.rc, RAML_OK);
    json_object_foreach ((json_t *)expected, name, v) {
        unsigned k = 0, n_of = 0;
        char tau[8] = "", what[32] = "";
        if (sscanf(name, "pass@k:k=%u&n=%u", &k, &n_of) == 2) snprintf(what, sizeof what, "pass");
        else if (sscanf(name, "g-pass@%u_%7s", &k, tau) == 2) snprintf(what, sizeof what, "g_pass_%s", tau);
        else if (sscanf(name, "mg-pass@%u", &k) == 1) snprintf(what, sizeof what, "mg_pass");
        else continue;
        if (k > t.q[0].n) { /* lighteval answers 0 here (and 1 for pass@k); we refuse */
            double out;
            assert_int_equal(raml_pass_at_k(t.q[0].n, t.q[0].c, k, &out, NULL), RAML_ERANGE);
            continue;
        }
        CHECK_NEAR(name, mean_of(&t, k, what), json_number_value(v), tol);
        n++;
    }
    taken_deinit(&t);
    return n;
}

static void test_lighteval_cases(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t n;
    } files[] = {{"pass_at_k", 3}, {"pass_at_k_math", 3}, {"g_pass_at_k", 60}};
    if (absent("lighteval's test cases")) return;
    for (size_t f = 0; f < COUNT(files); f++) {
        char path[256];
        size_t n = 0, i;
        json_t *one;
        snprintf(path, sizeof path, "%s/metric_cases/lighteval/%s.json", SETS, files[f].file);
        json_t *suite = load_or_fail(path);
        json_array_foreach (json_object_get(suite, "test_cases"), i, one) n += check_case(one);
        print_message("%s: %zu of %zu numbers\n", files[f].file, n, files[f].n);
        assert_int_equal(n, files[f].n);
        json_decref(suite);
    }
}

/* NeMo-Skills: one file per seed, one line per question, parallel like OpenCompass' runs; its pass@k, in percent. */
static json_t *gather_seeds(const char *set, size_t n_seeds, const char *field)
{
    json_t *questions = json_array();
    for (size_t s = 0; s < n_seeds; s++) {
        char path[256];
        struct raml_lines lines;
        struct raml_err err = {0};
        bool more = true;
        snprintf(path, sizeof path, "%s/metric_cases/nemo_skills/%s/output-rs%zu.jsonl", SETS, set, s);
        CHECK_OK(raml_lines_init(&lines, path, 1 << 20, &err));
        for (size_t i = 0;; i++) {
            CHECK_OK(raml_lines_next(&lines, &more, &err));
            if (!more) break;
            json_t *row = json_loadb(lines.line.data, lines.line.len, 0, NULL);
            if (!s) json_array_append_new(questions, json_pack("{s:[], s:[], s:s}", "correct", "pred", "gold", ""));
            json_t *q = json_array_get(questions, i);
            json_array_append(json_object_get(q, "correct"), json_object_get(row, field));
            json_array_append(json_object_get(q, "pred"), json_object_get(row, "predicted_answer"));
            json_decref(row);
        }
        raml_lines_deinit(&lines);
    }
    return questions;
}

static void test_nemo_skills(void **state)
{
    (void)state;
    static const struct {
        const char *set;
        size_t n_seeds;
    } sets[] = {{"gpqa", 4}, {"hendrycks_math", 3}};
    if (absent("NeMo-Skills' numbers")) return;
    json_t *metrics = load_or_fail(SETS "/metric_cases/nemo_skills/metrics.json");
    size_t n = 0;
    for (size_t f = 0; f < COUNT(sets); f++) {
        json_t *questions = gather_seeds(sets[f].set, sets[f].n_seeds, "symbolic_correct"), *details = json_array(), *q;
        size_t i;
        char path[160];
        json_array_foreach (questions, i, q) json_array_append_new(details, opencompass_entry(q, i, false));
        json_t *root = json_pack("{s:o}", "details", details);
        assert_int_equal(json_dump_file(root, path_in_folder("seeds.json", path), 0), 0);
        json_decref(root);
        json_decref(questions);
        struct taken t = take_known(path, OPENCOMPASS);
        for (unsigned k = 1; k <= sets[f].n_seeds; k++) {
            char name[64];
            if (k == 1) snprintf(name, sizeof name, "pass@1[avg-of-%zu]", sets[f].n_seeds);
            else snprintf(name, sizeof name, "pass@%u", k);
            const json_t *want =
                json_object_get(json_object_get(json_object_get(metrics, sets[f].set), name), "symbolic_correct");
            if (!want) continue;
            CHECK_NEAR(name, 100.0 * mean_of(&t, k, "pass"), json_number_value(want), 1e-9);
            n++;
        }
        taken_deinit(&t);
    }
    json_decref(metrics);
    print_message("NeMo-Skills: %zu numbers\n", n);
    assert_true(n >= 6);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_unclosed),
        cmocka_unit_test(test_lighteval_cases),
        cmocka_unit_test(test_nemo_skills),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
