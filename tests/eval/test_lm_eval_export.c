/* test_lm_eval_export.c - results and samples in the format of lm_eval. */
#include "core/scratch.h"

#include "raml/lm_eval_export.h"
#include "core/json.h"
#include "raml/table.h"

#include <math.h>
#include <sha2.h>

/* FIPS 180-4's examples, and a million times 'a' (NIST's test vectors). */
static void test_sha256(void **state)
{
    (void)state;
    char hex[SHA256_DIGEST_STRING_LENGTH];
    SHA256Data((const uint8_t *)"abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    SHA256Data((const uint8_t *)"", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    static const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    SHA256Data((const uint8_t *)two, sizeof two - 1, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    SHA2_CTX s;
    SHA256Init(&s);
    for (int i = 0; i < 1000; i++) {
        char many[1000];
        memset(many, 'a', sizeof many);
        SHA256Update(&s, (const uint8_t *)many, sizeof many);
    }
    SHA256End(&s, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static struct raml_lm_eval_options options(const char *dir)
{
    return (struct raml_lm_eval_options){
        .dir = dir, .task = "aime24", .date = "2026-01-31T12-30-59.250000", .model = "m", .seed = 3, .n_draws = 100};
}

static const json_t *at(const json_t *o, const char *a, const char *b)
{
    const json_t *v = json_object_get(json_object_get(o, a), b);
    if (!v) print_error("%s.%s is missing\n", a, b);
    assert_non_null(v);
    return v;
}

/* Two questions, one of them with a truncated sample, through tallies and the lm_eval export. */
static void write_all(const char *dir, struct raml_lm_eval_export **h, struct raml_table *table)
{
    static const bool correct[] = {1, 0, 1}, none[3], truncated[] = {0, 0, 1};
    static const char *const answer[] = {"7", "8", NULL};
    static const uint32_t k[] = {2};
    struct raml_measure maj = {.kind = RAML_MEASURE_MAJ, .k = 3};
    struct raml_table_options opt = {.k = k, .n_k = 1, .measure = &maj, .n_measures = 1, .n_draws = 100};
    struct raml_lm_eval_options o = options(dir);
    struct raml_tallies *t = NULL;
    struct raml_err err = {0};
    must(raml_tallies_open(&opt, false, &t, &err), &err);
    must(raml_lm_eval_export_open(&o, h, &err), &err);
    for (int i = 0; i < 2; i++) {
        struct raml_graded q = {.id = i ? "b" : "a",
                                .difficulty = i ? 4 : -1,
                                .gold = i ? "7" : NULL,
                                .n = 3,
                                .correct = correct,
                                .truncated = i ? truncated : none,
                                .unclosed = none,
                                .answer = answer,
                                .has_answers = true};
        must(raml_tallies_add(t, &q, &err), &err);
        must(raml_lm_eval_export_add(*h, &q, &err), &err);
    }
    must(raml_tallies_table(t, table, &err), &err);
    raml_tallies_close(t);
}

/* Of the questions' hashes, one after the other. */
static void task_hash(const char *samples, char hex[SHA256_DIGEST_STRING_LENGTH])
{
    static const char *const field[] = {"doc_hash", "prompt_hash", "target_hash"};
    struct raml_lines lines;
    struct raml_err err = {0};
    SHA2_CTX sum;
    bool more = true;
    SHA256Init(&sum);
    must(raml_lines_init(&lines, samples, 1 << 20, &err), &err);
    for (must(raml_lines_next(&lines, &more, &err), &err); more; must(raml_lines_next(&lines, &more, &err), &err)) {
        json_t *o = json_loads(lines.line.data, 0, NULL);
        for (size_t i = 0; i < COUNT(field); i++)
            SHA256Update(&sum, (const uint8_t *)json_string_value(json_object_get(o, field[i])), 64);
        json_decref(o);
    }
    SHA256End(&sum, hex);
    raml_lines_deinit(&lines);
}

static void check_results(const char *path, const char *samples)
{
    char hex[SHA256_DIGEST_STRING_LENGTH];
    json_t *o = NULL;
    struct raml_err err = {0};
    must(raml_json_load(path, 1 << 20, &o, &err), &err);
    assert_true(fabs(json_number_value(at(json_object_get(o, "results"), "aime24", "exact_match,none")) - 0.5) < 1e-12);
    assert_true(fabs(json_number_value(at(json_object_get(o, "results"), "aime24", "exact_match_stderr,none")) -
                     1.0 / 6) < 1e-12);
    assert_true(json_is_number(at(json_object_get(o, "results"), "aime24", "pass@2,none")));
    assert_true(json_is_number(at(json_object_get(o, "results"), "aime24", "maj@3_stderr,none")));
    assert_int_equal(json_integer_value(at(json_object_get(o, "n-samples"), "aime24", "effective")), 2);
    assert_int_equal(json_integer_value(at(json_object_get(o, "configs"), "aime24", "repeats")), 3);
    static const char *const fields[] = {"group_subtasks", "versions", "n-shot", "higher_is_better", "task_hashes"};
    for (size_t i = 0; i < COUNT(fields); i++) at(o, fields[i], "aime24");
    assert_true(fabs(json_number_value(json_object_get(o, "date")) - 1769862659.25) < 1e-6);
    assert_string_equal(json_string_value(at(o, "config", "model_args")), "m");
    task_hash(samples, hex);
    assert_string_equal(json_string_value(at(o, "task_hashes", "aime24")), hex);
    json_decref(o);
}

static void check_samples(const char *path)
{
    struct raml_buf text;
    struct raml_err err = {0};
    raml_buf_init(&text, 1 << 20);
    must(raml_file_read(path, &text, &err), &err);
    char *second = strchr(text.data, '\n') + 1;
    json_t *o = json_loads(second, JSON_DISABLE_EOF_CHECK, NULL);
    assert_int_equal(json_integer_value(json_object_get(o, "doc_id")), 1);
    assert_string_equal(json_string_value(at(o, "doc", "id")), "b");
    assert_string_equal(json_string_value(json_object_get(o, "target")), "7");
    assert_string_equal(json_string_value(json_array_get(json_array_get(json_object_get(o, "resps"), 0), 1)), "8");
    assert_non_null(at(json_object_get(o, "arguments"), "gen_args_0", "arg_0"));
    assert_true(fabs(json_number_value(json_object_get(o, "exact_match")) - 1.0 / 3) < 1e-8);
    char *grades = json_dumps(json_object_get(o, "correct"), JSON_COMPACT), hex[SHA256_DIGEST_STRING_LENGTH];
    assert_string_equal(grades, "[1,0,0]"); /* the third was truncated */
    SHA256Data((const uint8_t *)"7", 1, hex);
    assert_string_equal(json_string_value(json_object_get(o, "target_hash")), hex);
    static const char doc[] = "{\n  \"id\": \"b\",\n  \"difficulty\": 4,\n  \"answer\": \"7\"\n}";
    SHA256Data((const uint8_t *)doc, sizeof doc - 1, hex); /* as json.dumps(doc, indent=2) */
    assert_string_equal(json_string_value(json_object_get(o, "doc_hash")), hex);
    free(grades);
    json_decref(o);
    raml_buf_deinit(&text);
}

static void test_files(void **state)
{
    struct raml_lm_eval_export *h = NULL;
    struct raml_table table = {0};
    struct raml_err err = {0};
    char dir[512];
    snprintf(dir, sizeof dir, "%s/new/folder", (char *)*state);
    write_all(dir, &h, &table);
    assert_false(raml_is_file(raml_lm_eval_export_samples(h))); /* nothing before all is written */
    must(raml_lm_eval_export_commit(h, &table, &err), &err);
    assert_true(has(raml_lm_eval_export_results(h), "/new/folder/results_2026-01-31T12-30-59.250000.json"));
    assert_true(has(raml_lm_eval_export_samples(h), "/new/folder/samples_aime24_2026-01-31T12-30-59.250000.jsonl"));
    check_results(raml_lm_eval_export_results(h), raml_lm_eval_export_samples(h));
    check_samples(raml_lm_eval_export_samples(h));
    raml_lm_eval_export_close(h);
    write_all(dir, &h, &table);
    char samples[600];
    snprintf(samples, sizeof samples, "%s", raml_lm_eval_export_samples(h));
    remove(samples);
    raml_lm_eval_export_close(h); /* without commit: nothing */
    assert_false(raml_is_file(samples));
    raml_lm_eval_export_close(NULL);
    raml_table_deinit(&table);
}

static void test_refused(void **state)
{
    static const char *const tasks[] = {"", "a/b", "..", ".hidden", "a b", "\xc3\xa4"};
    static const char *const dates[] = {"",
                                        "now",
                                        "2026-01-31",
                                        "2026-13-01T00-00-00",
                                        "2026-01-31T12:30:59",
                                        "2026-01-31T12-30-59.1",
                                        "2026-01-31T24-00-00",
                                        "../../../../etc/passwd"};
    struct raml_lm_eval_export *h = NULL;
    for (size_t i = 0; i < COUNT(tasks); i++) {
        struct raml_lm_eval_options o = options(*state);
        struct raml_err err = {0};
        o.task = tasks[i];
        assert_int_equal(raml_lm_eval_export_open(&o, &h, &err), RAML_EUSAGE);
        assert_true(has(err.msg, "task '"));
    }
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct raml_lm_eval_options o = options(*state);
        struct raml_err err = {0};
        o.date = dates[i];
        assert_int_equal(raml_lm_eval_export_open(&o, &h, &err), RAML_EUSAGE);
        assert_true(has(err.msg, "date '"));
    }
    assert_null(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test_setup_teardown(test_files, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_refused, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
