/* test_setting.c - a table of settings: defaults, values from text, ranges, names and the record as JSON. */
#include "core/scratch.h"

#include "core/setting.h"

#include <math.h>

struct settings {
    bool resume, shuffle;
    int64_t steps, any;
    double rate, shift;
    const char *out, *note, *split, *style, *dtype;
    int decay, kind;
};
#define AT(f) offsetof(struct settings, f)
static const struct raml_setting table[] = {
    {"resume", NULL, RAML_FLAG, AT(resume), NULL, 0, 0, NULL, "Go on where a run ended."},
    {"shuffle", NULL, RAML_FLAG, AT(shuffle), "true", 0, 0, NULL, "Mix the order."},
    {"steps", "max_steps", RAML_INT, AT(steps), "1e2", 1, 1e9, NULL, "Steps."},
    {"any", NULL, RAML_INT, AT(any), "-3", 0, 0, NULL, "Any integer."},
    {"learning_rate", "lr|rate", RAML_REAL, AT(rate), "3e-4", 1e-30, 1000, NULL, "Size of a step."},
    {"shift", NULL, RAML_REAL, AT(shift), NULL, 0, 0, NULL, "Any number."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL, "Folder."},
    {"note", NULL, RAML_TEXT, AT(note), NULL, 0, 0, NULL, "Any text."},
    {"split", NULL, RAML_TEXT, AT(split), "train", 0, 0, NULL, "Part of the data."},
    {"style", NULL, RAML_ONE, AT(style), NULL, 0, 0, "concise|verbose", "How it is written."},
    {"dtype", NULL, RAML_ONE, AT(dtype), "bf16", 0, 0, "f32|bf16", "Numbers of the matrix products."},
    {"decay", NULL, RAML_WORD, AT(decay), "linear", 0, 0, "cosine|linear|constant", "How the rate falls."},
    {"kind", NULL, RAML_WORD, AT(kind), NULL, 0, 0, "a|b", "The first word by default."},
};

static struct settings defaults(void)
{
    struct settings s;
    memset(&s, 0xa5, sizeof s); /* what is not set must not look set */
    raml_settings_default(table, COUNT(table), &s);
    return s;
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings s = defaults();
    assert_true(!s.resume && s.shuffle);
    assert_int_equal(s.steps, 100);
    assert_int_equal(s.any, -3);
    assert_true(s.rate == 3e-4 && s.shift == 0);
    assert_true(!s.out && !s.note && !s.style);
    assert_string_equal(s.split, "train");
    assert_string_equal(s.dtype, "bf16");
    assert_int_equal(s.decay, 1);
    assert_int_equal(s.kind, 0);
    struct raml_err err = {0};
    must(raml_settings_check(table, COUNT(table), &s, &err), &err);
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *name, *want;
    } cases[] = {{"learning_rate", "learning_rate"},
                 {"learning-rate", "learning_rate"},
                 {"lr", "learning_rate"},
                 {"rate", "learning_rate"},
                 {"max-steps", "steps"},
                 {"lr|rate", NULL},
                 {"learning_rat", NULL},
                 {"learning_rates", NULL},
                 {"Steps", NULL},
                 {"", NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raml_setting *row = raml_settings_find(table, COUNT(table), cases[i].name);
        if (!row != !cases[i].want || (row && strcmp(row->name, cases[i].want) != 0))
            fail_msg("'%s' finds %s", cases[i].name, row ? row->name : "nothing");
    }
}

/* Sets row `name` of s; a refused text changes nothing and says why. */
static enum raml_code set(struct settings *s, const char *name, const char *text, struct raml_err *err)
{
    const struct raml_setting *row = raml_settings_find(table, COUNT(table), name);
    assert_non_null(row);
    return raml_settings_set(row, s, text, err);
}

static void test_set(void **state)
{
    (void)state;
    struct settings s = defaults();
    struct raml_err err = {0};
    static const char text[] = "a b";
    must(set(&s, "resume", "true", &err), &err);
    must(set(&s, "shuffle", "false", &err), &err);
    must(set(&s, "steps", "1.5e3", &err), &err);
    must(set(&s, "any", "-9223372036854775808", &err), &err);
    must(set(&s, "lr", "1e-30", &err), &err); /* both ends are in */
    must(set(&s, "lr", "1000", &err), &err);
    must(set(&s, "lr", ".5", &err), &err);
    must(set(&s, "shift", "-1e-3", &err), &err);
    must(set(&s, "out", "", &err), &err);
    must(set(&s, "note", text, &err), &err);
    must(set(&s, "dtype", "f32", &err), &err);
    must(set(&s, "decay", "constant", &err), &err);
    assert_true(s.resume && !s.shuffle && s.steps == 1500 && s.any == INT64_MIN);
    assert_true(s.rate == 0.5 && s.shift == -1e-3);
    assert_string_equal(s.out, "");
    assert_ptr_equal(s.note, text); /* borrowed */
    assert_string_equal(s.dtype, "f32");
    assert_int_equal(s.decay, 2);
    must(set(&s, "decay", "cosine", &err), &err);
    assert_int_equal(s.decay, 0);
}

static void test_refused_text(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *want;
    } cases[] = {
        {"resume", "yes", "found 'yes', expected true or false"},
        {"resume", "", "found '', expected true or false"},
        {"steps", "0", "found '0', expected an integer from 1 to 1000000000"},
        {"steps", "1000000001", "found '1000000001', expected an integer from 1 to 1000000000"},
        {"steps", "1.5", "found '1.5', expected an integer from 1 to 1000000000"},
        {"any", "9223372036854775808", "found '9223372036854775808', expected an integer"},
        {"any", "0x10", "found '0x10', expected an integer"},
        {"any", " 1", "found ' 1', expected an integer"},
        {"lr", "0", "found '0', expected a number from 1e-30 to 1000"},
        {"lr", "nan", "found 'nan', expected a number from 1e-30 to 1000"},
        {"shift", "1e400", "found '1e400', expected a number"},
        {"shift", "inf", "found 'inf', expected a number"},
        {"style", "", "found '', expected one of concise, verbose"},
        {"style", "concise|verbose", "found 'concise|verbose', expected one of concise, verbose"},
        {"decay", "lin", "found 'lin', expected one of cosine, linear, constant"},
        {"decay", "linears", "found 'linears', expected one of cosine, linear, constant"},
        {"decay", "1", "found '1', expected one of cosine, linear, constant"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct settings s = defaults(), before = s;
        struct raml_err err = {0};
        assert_int_equal(set(&s, cases[i].name, cases[i].text, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, cases[i].want);
        assert_memory_equal(&s, &before, sizeof s);
    }
}

static void check_says(const struct settings *s, const char *want)
{
    struct raml_err err = {0};
    assert_int_equal(raml_settings_check(table, COUNT(table), s, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, want);
}

static void test_check(void **state)
{
    (void)state;
    struct settings s = defaults();
    s.rate = -1;
    check_says(&s, "learning_rate is -1; expected a number from 1e-30 to 1000");
    s.rate = NAN;
    check_says(&s, "learning_rate is nan; expected a number from 1e-30 to 1000");
    s = defaults();
    s.shift = INFINITY;
    check_says(&s, "shift is inf; expected a number");
    s = defaults();
    s.steps = 0;
    s.rate = 0; /* the first of the table is named */
    check_says(&s, "steps is 0; expected an integer from 1 to 1000000000");
    s = defaults();
    s.style = "terse\n";
    check_says(&s, "style is terse?; expected one of concise, verbose");
    s = defaults();
    s.dtype = NULL;
    check_says(&s, "dtype is not given; expected one of f32, bf16");
    s = defaults();
    s.split = NULL;
    check_says(&s, "split is not given; expected text");
    for (int wrong = -1; wrong <= 3; wrong += 4) {
        char want[96];
        s = defaults();
        s.decay = wrong;
        snprintf(want, sizeof want, "decay is %d; expected one of cosine, linear, constant", wrong);
        check_says(&s, want);
    }
}

static void test_json(void **state)
{
    (void)state;
    struct settings s = defaults();
    s.out = "run";
    json_t *o = raml_settings_json(table, COUNT(table), &s);
    assert_non_null(o);
    char *text = json_dumps(o, JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, "{\"resume\":false,\"shuffle\":true,\"steps\":100,\"any\":-3,"
                              "\"learning_rate\":0.00029999999999999997,\"shift\":0.0,\"out\":\"run\",\"note\":null,"
                              "\"split\":\"train\",\"style\":null,\"dtype\":\"bf16\",\"decay\":\"linear\","
                              "\"kind\":\"a\"}");
    free(text);
    json_decref(o);
    s.shift = NAN; /* JSON has no such number */
    assert_null(raml_settings_json(table, COUNT(table), &s));
}

static void test_apply(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct settings s = defaults();
    assert_int_equal(raml_settings_apply(table, COUNT(table), &s, " steps=7  lr=0.5 resume=true decay=constant", &err),
                     RAML_OK);
    assert_true(s.resume && s.steps == 7 && s.rate == 0.5 && s.decay == 2);
    assert_int_equal(raml_settings_apply(table, COUNT(table), &s, "", &err), RAML_OK);
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"steps", "found 'steps', expected a setting and its value"},
        {"step=3", "there is no setting 'step'"},
        {"steps=0", "found '0', expected an integer from 1 to 1000000000"},
        {"dtype=f32", "dtype is a text; expected a number, a switch or a word"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(raml_settings_apply(table, COUNT(table), &s, wrong[i].text, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, wrong[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),     cmocka_unit_test(test_find),  cmocka_unit_test(test_set),
        cmocka_unit_test(test_refused_text), cmocka_unit_test(test_check), cmocka_unit_test(test_json),
        cmocka_unit_test(test_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
