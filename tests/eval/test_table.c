/* test_table.c - grouping, order, and how a table is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "raml/table.h"

static const struct raml_tally questions[] = {
    /* family, split, difficulty, n, c, truncated, unclosed */
    {"mul", "train", 10, 4, 4, 0, 0}, {"add", "test", 3, 4, 1, 2, 1},  {"add", "test", 2, 4, 4, 0, 0},
    {"mul", "test", 9, 4, 0, 4, 3},   {"add", "train", 2, 4, 2, 0, 0}, {NULL, NULL, -1, 4, 3, 1, 0},
};
static const uint32_t two[] = {2};

static struct raml_table build(unsigned by, const uint32_t *k, size_t n_k)
{
    struct raml_table_options opt = {.by = by, .k = k, .n_k = n_k, .seed = 1, .n_draws = 500};
    struct raml_table t = {0};
    struct raml_err err = {0};
    CHECK_OK(raml_table_build(questions, COUNT(questions), &opt, &t, &err));
    return t;
}

static void check_key(const struct raml_table_row *r, const char *split, const char *family, int difficulty)
{
    assert_true((r->split == NULL) == (split == NULL) && (r->family == NULL) == (family == NULL));
    if (split) assert_string_equal(r->split, split);
    if (family) assert_string_equal(r->family, family);
    assert_int_equal(r->difficulty, difficulty);
}

static void test_groups(void **state)
{
    (void)state;
    struct raml_table t = build(RAML_BY_FAMILY, two, 1);
    assert_int_equal(t.n_rows, 4);
    check_key(&t.row[0], NULL, NULL, -1);
    check_key(&t.row[1], NULL, "add", -1);
    check_key(&t.row[2], NULL, "mul", -1);
    check_key(&t.row[3], NULL, NULL, -1);
    const struct raml_table_row *add = &t.row[1], *all = &t.row[3];
    assert_int_equal(add->n_questions, 3);
    assert_int_equal(add->n_samples, 12);
    assert_int_equal(add->n_correct, 7);
    assert_int_equal(add->n_truncated, 2);
    assert_int_equal(add->n_unclosed, 1);
    CHECK_NEAR("accuracy of add", add->accuracy.value, 7.0 / 12.0, 1e-15);
    CHECK_NEAR("pass@2 of add: mean of 1/2, 1, 5/6", add->pass[0].value, (0.5 + 1.0 + 5.0 / 6.0) / 3.0, 1e-15);
    assert_int_equal(all->n_questions, 6);
    assert_int_equal(all->n_truncated, 7);
    assert_int_equal(all->n_unclosed, 4);
    CHECK_NEAR("accuracy of all", all->accuracy.value, 14.0 / 24.0, 1e-15);
    assert_true(all->accuracy.low < 14.0 / 24.0 && all->accuracy.high > 14.0 / 24.0);
    raml_table_deinit(&t);
    raml_table_deinit(&t); /* harmless */
}

static void test_order(void **state)
{
    (void)state;
    struct raml_table t = build(RAML_BY_SPLIT | RAML_BY_FAMILY | RAML_BY_DIFFICULTY, NULL, 0);
    assert_int_equal(t.n_rows, 7);
    check_key(&t.row[0], NULL, NULL, -1);
    check_key(&t.row[1], "test", "add", 2);
    check_key(&t.row[2], "test", "add", 3);
    check_key(&t.row[3], "test", "mul", 9);
    check_key(&t.row[4], "train", "add", 2);
    check_key(&t.row[5], "train", "mul", 10);
    raml_table_deinit(&t);
    t = build(RAML_BY_DIFFICULTY, NULL, 0); /* as numbers: 9 before 10 */
    const int want[] = {-1, 2, 3, 9, 10, -1};
    assert_int_equal(t.n_rows, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) check_key(&t.row[i], NULL, NULL, want[i]);
    assert_int_equal(t.row[1].n_questions, 2);
    raml_table_deinit(&t);
    t = build(0, NULL, 0);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.row[0].n_questions, 6);
    raml_table_deinit(&t);
}

/* One sample per question, so that the intervals are Wilson's and can be computed by hand. */
static void test_text(void **state)
{
    (void)state;
    static const struct raml_tally q[] = {
        {"add", "test", 2, 1, 1, 0, 0},
        {"add", "test", 2, 1, 1, 0, 0},
        {"b\n\xc3\xa4ume", "train", 12, 1, 0, 1, 1},
    };
    static const uint32_t one[] = {1};
    static const char want[] = /* Wilson: 0 of 1: 0 - 0.7935; 2 of 2: 0.3424 - 1; 2 of 3: 0.2077 - 0.9385 */
        "split  family  difficulty  questions  samples  n  accuracy  95 % interval   pass@1    truncated   not closed\n"
        "test   add              2          2        2  1   100.0 %   34.2 - 100.0  100.0 %    0 (0.0 %)    0 (0.0 %)\n"
        "train  b?\xc3\xa4ume          12          1        1  1     0.0 %     0.0 - 79.3    0.0 %  1 (100.0 %)"
        "  1 (100.0 %)\n"
        "all                                3        3  1    66.7 %    20.8 - 93.9   66.7 %   1 (33.3 %)   1 (33.3 "
        "%)\n";
    struct raml_table_options opt = {
        .by = RAML_BY_SPLIT | RAML_BY_FAMILY | RAML_BY_DIFFICULTY, .k = one, .n_k = 1, .seed = 1, .n_draws = 100};
    struct raml_table t = {0};
    struct raml_err err = {0};
    CHECK_OK(raml_table_build(q, COUNT(q), &opt, &t, &err));
    struct raml_buf out;
    raml_buf_init(&out, 4096);
    raml_table_text(&t, &out);
    CHECK_OK(raml_buf_status(&out, &err));
    if (strcmp(out.data, want) != 0) print_error("got\n%sexpected\n%s", out.data, want);
    assert_string_equal(out.data, want);
    raml_buf_deinit(&out);
    raml_table_deinit(&t);
}

static void test_text_extremes(void **state)
{
    (void)state;
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    const struct raml_tally q = {name, NULL, -1, 20, 1, 0, 0};
    uint32_t k[RAML_TABLE_MAX_K];
    for (uint32_t i = 0; i < RAML_TABLE_MAX_K; i++) k[i] = i + 1;
    struct raml_table_options opt = {.by = RAML_BY_SPLIT | RAML_BY_FAMILY | RAML_BY_DIFFICULTY,
                                     .k = k,
                                     .n_k = RAML_TABLE_MAX_K,
                                     .seed = 1,
                                     .n_draws = 10};
    struct raml_table t = {0};
    struct raml_err err = {0};
    struct raml_buf out;
    raml_buf_init(&out, 4096);
    CHECK_OK(raml_table_build(&q, 1, &opt, &t, &err));
    raml_table_text(&t, &out);
    CHECK_OK(raml_buf_status(&out, &err));
    name[41] = 0;
    assert_null(strstr(out.data, name));
    name[40] = 0;
    assert_non_null(strstr(out.data, name));
    assert_non_null(strstr(out.data, "pass@16"));
    raml_table_deinit(&t);
    CHECK_OK(raml_table_build(NULL, 0, &opt, &t, &err)); /* no question: rates that do not exist */
    assert_int_equal(t.n_rows, 1);
    raml_buf_clear(&out);
    raml_table_text(&t, &out);
    assert_non_null(strstr(out.data, "-"));
    assert_null(strstr(out.data, "nan"));
    json_t *j = raml_table_json(&t);
    assert_non_null(j);
    assert_true(json_is_null(json_object_get(json_object_get(json_object_get(j, "all"), "accuracy"), "value")));
    json_decref(j);
    raml_buf_deinit(&out);
    raml_table_deinit(&t);
}

static void test_json(void **state)
{
    (void)state;
    struct raml_table t = build(RAML_BY_FAMILY | RAML_BY_DIFFICULTY, two, 1);
    json_t *j = raml_table_json(&t), *rows = json_object_get(j, "rows");
    assert_non_null(j);
    assert_int_equal(json_array_size(rows), 5);
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "by"), 0)), "family");
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "by"), 1)), "difficulty");
    const json_t *unknown = json_array_get(rows, 0), *add2 = json_array_get(rows, 1), *all = json_object_get(j, "all");
    assert_true(json_is_null(json_object_get(unknown, "family")));
    assert_true(json_is_null(json_object_get(unknown, "difficulty")));
    assert_string_equal(json_string_value(json_object_get(add2, "family")), "add");
    assert_int_equal(json_integer_value(json_object_get(add2, "difficulty")), 2);
    assert_null(json_object_get(add2, "split"));
    static const struct {
        const char *field;
        json_int_t want;
    } fields[] = {{"questions", 6}, {"samples", 24}, {"right", 14}, {"truncated", 7}, {"unclosed", 4}};
    for (size_t i = 0; i < COUNT(fields); i++)
        assert_int_equal(json_integer_value(json_object_get(all, fields[i].field)), fields[i].want);
    assert_null(json_object_get(all, "family"));
    const json_t *accuracy = json_object_get(add2, "accuracy");
    const json_t *pass = json_object_get(json_object_get(add2, "pass_at_k"), "2");
    CHECK_NEAR("accuracy", json_real_value(json_object_get(accuracy, "value")), 0.75, 1e-15);
    CHECK_NEAR("low", json_real_value(json_object_get(accuracy, "low")), t.row[1].accuracy.low, 0);
    CHECK_NEAR("high", json_real_value(json_object_get(accuracy, "high")), t.row[1].accuracy.high, 0);
    CHECK_NEAR("pass@2", json_real_value(json_object_get(pass, "value")), (1.0 + 5.0 / 6.0) / 2.0, 1e-15);
    json_decref(j);
    raml_table_deinit(&t);
}

static void test_refused(void **state)
{
    (void)state;
    static const uint32_t four[] = {4}, zero[] = {0}, twice[] = {2, 3, 2};
    static const uint32_t many[RAML_TABLE_MAX_K + 1];
    static const struct {
        struct raml_tally q;
        const uint32_t *k;
        size_t n_k;
        const char *says;
    } cases[] = {
        {{"a", "b", 1, 3, 1, 0, 0}, four, 1, "pass@4 needs 1 to n for k; question 2 has n = 3 samples"},
        {{"a", "b", 1, 4, 1, 0, 0}, zero, 1, "pass@0"},
        {{"a", "b", 1, 0, 0, 0, 0}, NULL, 0, "question 2 has no samples"},
        {{"a", "b", 1, 3, 4, 0, 0}, NULL, 0, "question 2: 4 correct"},
        {{"a", "b", 1, 3, 1, 4, 0}, NULL, 0, "4 truncated"},
        {{"a", "b", 1, 3, 1, 0, 4}, NULL, 0, "4 not closed"},
        {{"a", "b", 1, 4, 1, 0, 0}, twice, 3, "k = 2 is asked for twice"},
        {{"a", "b", 1, 4, 1, 0, 0}, many, RAML_TABLE_MAX_K + 1, "17 values of k"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raml_tally q[] = {{"a", "b", 1, 4, 1, 0, 0}, cases[i].q};
        struct raml_table_options opt = {
            .by = RAML_BY_FAMILY, .k = cases[i].k, .n_k = cases[i].n_k, .seed = 1, .n_draws = 10};
        struct raml_table t = {0};
        struct raml_err err = {0};
        assert_int_equal(raml_table_build(q, 2, &opt, &t, &err), RAML_ERANGE);
        if (!strstr(err.msg, cases[i].says)) print_error("'%s' lacks '%s'\n", err.msg, cases[i].says);
        assert_non_null(strstr(err.msg, cases[i].says));
        assert_int_equal(t.n_rows, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups), cmocka_unit_test(test_order),         cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),   cmocka_unit_test(test_text_extremes), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
