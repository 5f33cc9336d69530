/* test_tally.c - questions counted as they come: answer classes, what is refused, published metrics of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "check_near.h"
#include "raml/samples.h"
#include "raml/table.h"

enum { MAX_N = 128 };
static const bool none[MAX_N];

static struct raml_graded question(const char *id, uint32_t n, const bool *correct, const char *const *answer)
{
    return (struct raml_graded){.id = id,
                                .difficulty = -1,
                                .n = n,
                                .correct = correct,
                                .truncated = none,
                                .unclosed = none,
                                .answer = answer,
                                .has_answers = answer != NULL};
}

static struct raml_table table_of(struct raml_tallies *t)
{
    struct raml_table out = {0};
    struct raml_err err = {0};
    CHECK_OK(raml_tallies_table(t, &out, &err));
    return out;
}

static struct raml_tallies *open_maj(uint32_t k, bool if_answers)
{
    struct raml_measure maj = {.kind = RAML_MEASURE_MAJ, .k = k};
    struct raml_table_options opt = {
        .seed = 1, .n_draws = 200, .measure = &maj, .n_measures = 1, .maj_if_answers = if_answers};
    struct raml_tallies *t = NULL;
    struct raml_err err = {0};
    CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
    return t;
}

/* maj@n of one question: the most common answer. */
static double vote(uint32_t n, const bool *correct, const char *const *answer, const bool *truncated, const bool *open)
{
    struct raml_tallies *t = open_maj(n, false);
    struct raml_graded q = question("q", n, correct, answer);
    struct raml_err err = {0};
    if (truncated) q.truncated = truncated;
    if (open) q.unclosed = open;
    CHECK_OK(raml_tallies_add(t, &q, &err));
    struct raml_table table = table_of(t);
    double value = table.row[0].measure[0].value;
    raml_table_deinit(&table);
    raml_tallies_close(t);
    return value;
}

static void test_classes(void **state)
{
    (void)state;
    const bool first[] = {1, 1, 0, 0, 0};
    const char *const apart[] = {"7", "7", "8", "9", "10"}, *const fraction[] = {"1/2", "0.5", "3", "3", "3"};
    const char *const spread[] = {"1/2", "0.5", "3", "4", "5"}, *const silent[] = {"7", "7", NULL, NULL, ""};
    CHECK_NEAR("two of one answer against single ones", vote(5, first, apart, NULL, NULL), 1, 0);
    CHECK_NEAR("three against two", vote(5, first, fraction, NULL, NULL), 0, 0);
    CHECK_NEAR("1/2 and 0.5 are one answer", vote(5, first, spread, NULL, NULL), 1, 0);
    CHECK_NEAR("no answer, no vote", vote(5, first, silent, NULL, NULL), 1, 0);
    const char *const fractions[] = {"-1/2", "-\\frac{2}{4}", "3/1", "3", "-\\frac{1}{2}"};
    CHECK_NEAR("fractions by value: 2 of 3 correct", vote(5, first, fractions, NULL, NULL), 2.0 / 3, 1e-15);
    const char *const huge[] = {"1000000000000000000000001", "1000000000000000000000001", "1000000000000000000000002",
                                "1/0", "\\frac{1}{2}x"};
    CHECK_NEAR("of any length", vote(5, first, huge, NULL, NULL), 1, 0);
    const char *const wholes[] = {"07", "7", "8", "8", "9"};
    CHECK_NEAR("07 is 7: a tie with 8", vote(5, first, wholes, NULL, NULL), 0.5, 0);
    const char *const texts[] = {"x+1", "x+1", "x+1 ", "y", "y"}; /* correct: 2 of the 3 of the class */
    CHECK_NEAR("grades differ within a class", vote(5, first, texts, NULL, NULL), 2.0 / 3, 1e-15);
}

/* What was truncated or not closed is wrong, has no vote, and has its own count. */
static void test_truncated(void **state)
{
    (void)state;
    const bool correct[] = {1, 1, 1, 0, 0}, truncated[] = {1, 0, 0, 0, 0}, open[] = {0, 1, 0, 0, 0};
    const char *const answer[] = {"7", "7", "7", "8", "8"};
    CHECK_NEAR("all", vote(5, correct, answer, NULL, NULL), 1, 0);
    CHECK_NEAR("one truncated: a tie", vote(5, correct, answer, truncated, NULL), 0.5, 0);
    CHECK_NEAR("and one not closed", vote(5, correct, answer, truncated, open), 0, 0);
    struct raml_tallies *t = NULL;
    struct raml_table_options opt = {.seed = 1, .n_draws = 10};
    struct raml_graded q = question("q", 5, correct, NULL);
    struct raml_err err = {0};
    q.truncated = truncated;
    q.unclosed = open;
    CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
    CHECK_OK(raml_tallies_add(t, &q, &err));
    struct raml_table table = table_of(t);
    assert_int_equal(table.row[0].n_correct, 1);
    assert_int_equal(table.row[0].n_truncated, 1);
    assert_int_equal(table.row[0].n_unclosed, 1);
    raml_table_deinit(&table);
    raml_tallies_close(t);
}

/* More answers than are compared by the checker: later ones are distinguished by their text. */
static void test_many_answers(void **state)
{
    (void)state;
    static char text[MAX_N][16];
    const char *answer[MAX_N];
    bool correct[MAX_N] = {0};
    for (int i = 0; i < MAX_N; i++) {
        snprintf(text[i], sizeof text[i], "%d/%d", i % 64 + 1, 97);
        answer[i] = text[i];
        correct[i] = i % 64 == 0;
    }
    CHECK_NEAR("64 answers of 2: a tie of all", vote(MAX_N, correct, answer, NULL, NULL), 1.0 / 64, 1e-15);
    for (int i = 0; i < MAX_N; i++) snprintf(text[i], sizeof text[i], "%d/%d", i + 1, 97);
    snprintf(text[127], sizeof text[127], "126/97"); /* equal text, far after the 64th */
    correct[126] = correct[127] = true;
    correct[125] = true;
    CHECK_NEAR("equal text beyond the bound", vote(MAX_N, correct, answer, NULL, NULL), 1, 0);
    snprintf(text[126], sizeof text[126], "z+1");
    snprintf(text[127], sizeof text[127], "z+1 "); /* the same to the checker, which is not used here */
    correct[125] = false;
    CHECK_NEAR("equal only to the checker beyond the bound", vote(MAX_N, correct, answer, NULL, NULL), 4.0 / 128,
               1e-15);
}

static void test_refused(void **state)
{
    (void)state;
    struct raml_measure measure[] = {{.kind = RAML_MEASURE_GPASS, .k = 8, .tau = {1, 2, "0.5"}}};
    struct raml_table_options opt = {.measure = measure, .n_measures = 1, .n_draws = 10};
    struct raml_tallies *t = NULL;
    struct raml_err err = {0};
    const bool correct[8] = {0};
    struct raml_graded q = question("aime-7", 8, correct, NULL), few = question("aime-8", 5, correct, NULL);
    CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
    CHECK_OK(raml_tallies_add(t, &q, &err));
    assert_int_equal(raml_tallies_add(t, &few, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "G-Pass@8_0.5 needs 1 to n for k; question 'aime-8' has n = 5 samples");
    raml_tallies_close(t);
    raml_tallies_close(NULL);

    t = open_maj(4, false);
    assert_int_equal(raml_tallies_add(t, &q, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "question 'aime-7': the file has no answers"));
    raml_tallies_close(t);
    t = open_maj(4, true);
    CHECK_OK(raml_tallies_add(t, &q, &err)); /* dropped if it can't be computed */
    struct raml_table table = table_of(t);
    assert_int_equal(table.n_measures, 0);
    raml_table_deinit(&table);
    raml_tallies_close(t);

    struct raml_measure twice[] = {measure[0], {.kind = RAML_MEASURE_GPASS, .k = 8, .tau = {5, 10, "0.5"}}};
    opt = (struct raml_table_options){.measure = twice, .n_measures = 2};
    assert_int_equal(raml_tallies_open(&opt, false, &t, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "G-Pass@8_0.5 is asked for twice");
    opt.n_measures = RAML_TABLE_MAX_MEASURES + 1;
    assert_int_equal(raml_tallies_open(&opt, false, &t, &err), RAML_ERANGE);
}

/* 3000 questions in several groups, forward and backward: the same bytes of JSON. */
static void test_order_says_nothing(void **state)
{
    (void)state;
    enum { N = 3000 };
    static const uint32_t k[] = {1, 4};
    static const char *const family[] = {"add", "mul", "sub", NULL};
    struct raml_measure measure[] = {{.kind = RAML_MEASURE_MGPASS, .k = 4}, {.kind = RAML_MEASURE_MAJ, .k = 3}};
    struct raml_table_options opt = {.by = RAML_BY_FAMILY | RAML_BY_DIFFICULTY,
                                     .k = k,
                                     .n_k = 2,
                                     .seed = 7,
                                     .n_draws = 200,
                                     .measure = measure,
                                     .n_measures = 2};
    const char *const answer[] = {"1", "2", "2", "3", "3", "3", "4", NULL};
    char *text[2];
    for (int backwards = 0; backwards < 2; backwards++) {
        struct raml_tallies *t = NULL;
        struct raml_err err = {0};
        CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
        for (uint32_t i = 0; i < N; i++) {
            uint32_t j = backwards ? N - 1 - i : i, x = j * 2654435761u;
            bool correct[8];
            for (uint32_t s = 0; s < 8; s++) correct[s] = x >> (3 * s) & 1;
            struct raml_graded q = question("q", 4 + x % 5, correct, answer);
            q.family = family[x >> 8 & 3];
            q.difficulty = (int)(x >> 12) % 3 - 1;
            CHECK_OK(raml_tallies_add(t, &q, &err));
        }
        struct raml_table table = table_of(t);
        assert_int_equal(table.n_rows, 13);
        json_t *j = raml_table_json(&table);
        text[backwards] = json_dumps(j, JSON_COMPACT);
        json_decref(j);
        raml_table_deinit(&table);
        raml_tallies_close(t);
    }
    assert_non_null(text[0]);
    assert_string_equal(text[0], text[1]);
    free(text[0]);
    free(text[1]);
}

/* B = Var(p) and E p(1-p)/n add up to the variance of c/n; here from two questions, by hand. */
static void test_spread(void **state)
{
    (void)state;
    const struct raml_tally q[] = {{.n = 4, .c = 1, .difficulty = -1}, {.n = 2, .c = 2, .difficulty = -1}};
    struct raml_table_options opt = {.n_draws = 10};
    struct raml_table t = {0};
    struct raml_err err = {0};
    CHECK_OK(raml_table_build(q, 2, &opt, &t, &err));
    CHECK_NEAR("total", t.row[0].spread.total, 2 * 0.375 * 0.375, 1e-15);
    CHECK_NEAR("within", t.row[0].spread.within, 0.25 * 0.75 * 4 / 3 / 2, 1e-15);
    CHECK_NEAR("noise", t.row[0].spread.noise, 0.25 * 0.75 / 3 / 2, 1e-15);
    const struct raml_tally single[] = {{.n = 1, .c = 1}, {.n = 2, .c = 1}};
    CHECK_OK(raml_table_build(single, 2, &opt, &t, &err));
    assert_true(isnan(t.row[0].spread.noise) && !isnan(t.row[0].spread.total));
    CHECK_OK(raml_table_build(single, 1, &opt, &t, &err));
    assert_true(isnan(t.row[0].spread.total));
    assert_int_equal(t.row[0].n_min, 1);
    raml_table_deinit(&t);
}

/* ---- published values -------------------------------------------------------------------------------------------- */

#define SAMPLES RAML_SHARED "/data/datasets/samples/"

static struct raml_measure measure_of(uint32_t k, const char *name)
{
    struct raml_measure m = {.kind = RAML_MEASURE_PASS, .k = k};
    struct raml_err err = {0};
    if (!strncmp(name, "g_pass_", 7)) {
        m.kind = RAML_MEASURE_GPASS;
        CHECK_OK(raml_tau_read(name + 7, &m.tau, &err));
    } else if (!strcmp(name, "mg_pass")) {
        m.kind = RAML_MEASURE_MGPASS;
    } else {
        assert_string_equal(name, "pass");
    }
    return m;
}

/* All measures of one file at once; returns how many agreed. */
static size_t check_file(const char *file, const json_t *want)
{
    struct raml_measure measure[RAML_TABLE_MAX_MEASURES];
    double value[RAML_TABLE_MAX_MEASURES];
    size_t n = 0;
    const char *k, *name;
    json_t *per_k, *v;
    json_object_foreach (json_object_get(want, "metrics"), k, per_k) {
        json_object_foreach (per_k, name, v) {
            assert_true(n < RAML_TABLE_MAX_MEASURES);
            measure[n] = measure_of((uint32_t)strtoul(k, NULL, 10), name);
            value[n++] = json_number_value(v);
        }
    }
    struct raml_table_options opt = {.measure = measure, .n_measures = n, .n_draws = 0};
    struct raml_tallies *t = NULL;
    struct raml_err err = {0};
    struct raml_samples_options read = {.layout = RAML_LAYOUT_AUTO};
    struct raml_samples_report report;
    char path[512];
    snprintf(path, sizeof path, SAMPLES "%s.jsonl", file);
    CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
    CHECK_OK(raml_samples_read(path, &read, raml_tallies_add, t, &report, &err));
    struct raml_table table = table_of(t);
    assert_int_equal(table.row[0].n_questions, json_integer_value(json_object_get(want, "questions")));
    assert_int_equal(table.row[0].n_correct, json_integer_value(json_object_get(want, "correct_total")));
    for (size_t i = 0; i < n; i++) {
        char what[128], label[RAML_MEASURE_NAME];
        raml_measure_name(&measure[i], label);
        snprintf(what, sizeof what, "%s %s", file, label);
        CHECK_NEAR(what, table.row[0].measure[i].value, value[i], 1e-12);
    }
    raml_table_deinit(&table);
    raml_tallies_close(t);
    return n;
}

static void test_published(void **state)
{
    (void)state;
    json_t *root = json_load_file(SAMPLES "expected_metrics.json", 0, NULL);
    if (!root) {
        fprintf(stderr, "SKIPPED: " SAMPLES "expected_metrics.json is absent: files' metrics were NOT compared\n");
        skip();
    }
    const char *file;
    json_t *want;
    size_t files = 0, values = 0;
    json_object_foreach (root, file, want) {
        if (!json_object_get(want, "metrics")) continue;
        values += check_file(file, want);
        files++;
    }
    printf("files of samples: %zu values of %zu files agree to 1e-12\n", values, files);
    assert_true(files >= 12);
    json_decref(root);
}

/* ---- NeMo-Skills' regression data -------------------------------------------------------------------------------- */

#define NEMO RAML_SHARED "/data/datasets/metric_cases/nemo_skills/"
enum { NEMO_RUNS = 4, NEMO_ROWS = 16 };

struct nemo { /* [run][row] */
    json_t *line[NEMO_RUNS][NEMO_ROWS];
    size_t runs, rows;
};

static void nemo_read(const char *set, size_t runs, struct nemo *out)
{
    out->runs = runs;
    for (size_t r = 0; r < runs; r++) {
        char path[512], line[4096];
        snprintf(path, sizeof path, NEMO "%s/output-rs%zu.jsonl", set, r);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        for (out->rows = 0; fgets(line, sizeof line, f); out->rows++) {
            assert_true(out->rows < NEMO_ROWS);
            out->line[r][out->rows] = json_loads(line, 0, NULL);
            assert_non_null(out->line[r][out->rows]);
        }
        fclose(f);
    }
}

/* Accuracy and maj@n of the first n runs, pass@k of all. */
static void nemo_check(const struct nemo *d, size_t n, const json_t *want)
{
    struct raml_measure maj = {.kind = RAML_MEASURE_MAJ, .k = (uint32_t)n};
    struct raml_table_options opt = {.measure = &maj, .n_measures = 1, .n_draws = 10};
    struct raml_tallies *t = NULL;
    struct raml_err err = {0};
    CHECK_OK(raml_tallies_open(&opt, false, &t, &err));
    double pass = 0;
    for (size_t i = 0; i < d->rows; i++) {
        bool correct[NEMO_RUNS];
        const char *answer[NEMO_RUNS];
        uint32_t c = 0;
        double one;
        for (size_t r = 0; r < d->runs; r++) {
            correct[r] = json_is_true(json_object_get(d->line[r][i], "symbolic_correct"));
            answer[r] = json_string_value(json_object_get(d->line[r][i], "predicted_answer"));
            c += correct[r];
        }
        struct raml_graded q = question("q", (uint32_t)n, correct, answer);
        CHECK_OK(raml_tallies_add(t, &q, &err));
        CHECK_OK(raml_pass_at_k((uint32_t)d->runs, c, (uint32_t)n, &one, &err));
        pass += one / (double)d->rows;
    }
    struct raml_table table = table_of(t);
    char name[64];
    snprintf(name, sizeof name, "pass@1[avg-of-%zu]", n);
    CHECK_NEAR(name, 100 * table.row[0].accuracy.value,
               json_number_value(json_object_get(json_object_get(want, name), "symbolic_correct")), 1e-9);
    snprintf(name, sizeof name, "majority@%zu", n);
    CHECK_NEAR(name, 100 * table.row[0].measure[0].value,
               json_number_value(json_object_get(json_object_get(want, name), "symbolic_correct")), 1e-9);
    snprintf(name, sizeof name, "pass@%zu", n);
    CHECK_NEAR(name, 100 * pass, json_number_value(json_object_get(json_object_get(want, name), "symbolic_correct")),
               1e-9);
    raml_table_deinit(&table);
    raml_tallies_close(t);
}

/* Where the definitions coincide: pass@k of all n runs; accuracy of the first k runs (its "pass@1[avg-of-k]"); the vote
 * of k runs out of k ("majority@k" takes the first k). Not ours: "pass@1" is only the first run, the std statistics
 * are between runs or means of deviations (here variances are averaged), rm_* need a reward model. */
static void test_nemo_skills(void **state)
{
    (void)state;
    json_t *root = json_load_file(NEMO "metrics.json", 0, NULL);
    if (!root) {
        fprintf(stderr, "SKIPPED: " NEMO "metrics.json is absent: NeMo-Skills' metrics were NOT compared\n");
        skip();
    }
    static const struct {
        const char *set;
        size_t runs;
    } sets[] = {{"hendrycks_math", 3}, {"gpqa", 4}};
    for (size_t s = 0; s < COUNT(sets); s++) {
        struct nemo d = {.runs = 0};
        nemo_read(sets[s].set, sets[s].runs, &d);
        for (size_t n = 2; n <= d.runs; n++) nemo_check(&d, n, json_object_get(root, sets[s].set));
        for (size_t r = 0; r < d.runs; r++)
            for (size_t i = 0; i < d.rows; i++) json_decref(d.line[r][i]);
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_many_answers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_order_says_nothing),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_nemo_skills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
