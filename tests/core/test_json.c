/* test_json.c - one line at a time, every fault with its place. */
#include "core/scratch.h"

#include "core/json.h"
#include "raml/rng.h"

#include <float.h>

static const struct raml_place here = {"train.jsonl", 17};

static json_t *parse(const char *text)
{
    struct raml_err e = {0};
    json_t *v = NULL;
    must(raml_json_parse(&here, text, strlen(text), &v, &e), &e);
    return v;
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text, *part;
    } cases[] = {
        {"truncated", "{\"a\": 1", "train.jsonl:17: not valid JSON at column 7"},
        {"no comma", "{\"a\": 1 \"b\": 2}", "'}' expected near '\"b\"'"},
        {"trailing text", "{\"a\": 1} x", "train.jsonl:17: not valid JSON at column 10"},
        {"twice the same key", "{\"a\": 1, \"a\": 2}", "duplicate object key"},
        {"an array", "[1]", "train.jsonl:17: expected a JSON object, found an array"},
        {"a number", "3", "expected a JSON object, found an integer"},
        {"null", "null", "found null"},
        {"empty", "", "train.jsonl:17: empty"},
        {"whitespace", "  \t", "train.jsonl:17: not valid JSON"},
        {"single quotes", "{'a': 1}", "not valid JSON at column 2"},
        {"not UTF-8", "{\"a\": \"\xff\"}", "unable to decode byte 0xff"},
        {"nan as C writes it", "{\"a\": nan}", "invalid token"},
        {"NaN, and a letter", "{\"a\": NaNs}", "invalid token"},
        {"NaN as a name", "{NaN: 1}", "string or '}' expected"},
        {"an integer with zeros in front", "{\"a\": 00099999999999999999999}", "invalid token"},
        {"a sign and no digits", "{\"a\": -}", "invalid token"},
        {"+", "{\"a\": +99999999999999999999}", "invalid token"},
        {"half an escape", "{\"a\": \"\\ud83\"}", "invalid escape"},
        {"a big integer without an end", "{\"a\": 99999999999999999999", "column 26"},
        {"a fault after what is mended", "{\"a\": [NaN, -Infinity, 99999999999999999999, 1e999] x}", "column 53"},
        {"the same line further on", "{\"a\": NaN, \"b\" 1}", "column 16: ':' expected"},
        {"an escape code near the fault", "{\"a\": \x1b}", "invalid token near ' '"},
        {"raw control character", "{\"a\": \"\x1b[31m\"}", "control character"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err e = {0};
        json_t *v = NULL;
        enum raml_code rc = raml_json_parse(&here, cases[i].text, strlen(cases[i].text), &v, &e);
        if (rc != RAML_EFORMAT || v) fprintf(stderr, "case: %s\n", cases[i].what);
        assert_int_equal(rc, RAML_EFORMAT);
        assert_null(v);
        assert_true(has(e.msg, cases[i].part));
        for (const char *p = e.msg; *p; p++) assert_true((unsigned char)*p >= 0x20);
    }
    char deep[5000];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    json_t *v = NULL;
    assert_int_equal(raml_json_parse(&here, deep, sizeof deep, &v, NULL), RAML_EFORMAT);
}

static void fields(void **state)
{
    (void)state;
    json_t *v = parse("{\"id\": \"q1\", \"n\": 5, \"x\": 0.25, \"list\": [1, 2], \"none\": null}"), *list = NULL;
    struct raml_err e = {0};
    const char *s = NULL;
    size_t len = 0;
    long long n = 0;
    double x = 0;
    must(raml_json_str(&here, v, "id", &s, &len, &e), &e);
    assert_string_equal(s, "q1");
    assert_int_equal(len, 2);
    must(raml_json_str(&here, v, "id", &s, NULL, &e), &e);
    must(raml_json_int(&here, v, "n", 5, 5, &n, &e), &e);
    assert_int_equal(n, 5);
    must(raml_json_num(&here, v, "n", &x, &e), &e);
    assert_true(x == 5);
    must(raml_json_num(&here, v, "x", &x, &e), &e);
    assert_true(x == 0.25);
    must(raml_json_array(&here, v, "list", &list, &e), &e);
    assert_int_equal(json_array_size(list), 2);

    assert_int_equal(raml_json_str(&here, v, "answer", &s, &len, &e), RAML_EFORMAT);
    assert_string_equal(e.msg, "train.jsonl:17: field 'answer' is missing; found fields: id, n, x, list, none");
    assert_int_equal(raml_json_str(&here, v, "n", &s, &len, &e), RAML_EFORMAT);
    assert_string_equal(e.msg, "train.jsonl:17: field 'n' is an integer; expected a string");
    assert_int_equal(raml_json_int(&here, v, "x", 0, 9, &n, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "field 'x' is a number with a fraction; expected an integer"));
    assert_int_equal(raml_json_num(&here, v, "none", &x, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "field 'none' is null; expected a number"));
    assert_int_equal(raml_json_array(&here, v, "id", &list, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "field 'id' is a string; expected an array"));
    assert_int_equal(raml_json_int(&here, v, "n", 6, 9, &n, &e), RAML_ERANGE);
    assert_string_equal(e.msg, "train.jsonl:17: field 'n' is 5; expected 6 to 9");
    assert_int_equal(raml_json_int(&here, v, "n", 0, 4, &n, NULL), RAML_ERANGE);
    assert_int_equal(n, 5); /* untouched */
    json_decref(v);
}

static void names_are_truncated_to_fit(void **state)
{
    (void)state;
    json_t *v = parse("{\"alpha\": 1, \"beta\": 2, \"gamma\": 3}");
    static const struct {
        size_t cap;
        const char *want;
    } cases[] = {
        {64, "alpha, beta, gamma"}, {19, "alpha, beta, gamma"}, {18, "alpha, beta, ..."}, {6, "alpha"}, {1, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[80];
        memset(out, '#', sizeof out);
        assert_string_equal(raml_json_fields(v, out, cases[i].cap), cases[i].want);
        assert_int_equal(out[cases[i].cap], '#');
    }
    json_decref(v);
}

static void floats_come_back(void **state)
{
    (void)state;
    float values[2000] = {0.1f, 1.0f / 3, FLT_MIN, FLT_MAX, FLT_EPSILON, 1e-42f, -2.7182817f, 16777216, 0};
    struct raml_rng r = {.key = {.seed = 6, .purpose = RAML_FOR_TEST}};
    for (size_t i = 9; i < COUNT(values); i++) { /* any exponent, any fraction */
        uint32_t bits = raml_rng_below(&r, 0x7f800000u);
        memcpy(&values[i], &bits, sizeof bits);
    }
    struct raml_buf b;
    raml_buf_init(&b, 1000);
    for (size_t i = 0; i < COUNT(values); i++) {
        json_t *v = json_pack("{s:f}", "x", (double)values[i]);
        raml_buf_clear(&b);
        raml_json_add(&b, v);
        json_decref(v);
        v = parse(b.data);
        double x = 0;
        must(raml_json_num(&here, v, "x", &x, NULL), &(struct raml_err){0});
        assert_true((float)x == values[i]);
        json_decref(v);
    }
    json_t *v = parse("{\"z\": 1, \"a\": [0.5, true, null], \"text\": \"ä \\u0001\"}");
    raml_buf_clear(&b);
    raml_buf_adds(&b, "> ");
    raml_json_add(&b, v);
    assert_string_equal(b.data, "> {\"z\":1,\"a\":[0.5,true,null],\"text\":\"ä \\u0001\"}");
    raml_buf_deinit(&b);
    raml_buf_init(&b, 20); /* too small: unchanged, and the failure is kept */
    raml_buf_adds(&b, "> ");
    raml_json_add(&b, v);
    assert_string_equal(b.data, "> ");
    assert_int_equal(raml_buf_status(&b, NULL), RAML_ENOMEM);
    raml_buf_deinit(&b);
    json_decref(v);
}

static void whole_files(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    json_t *v = NULL;
    in(*state, "config.json", path);
    assert_int_equal(raml_json_load(path, 1000, &v, &e), RAML_EIO);
    assert_true(has(e.msg, "config.json: cannot be opened: No such file"));
    spill(path, "[1,\n 2]\n", 8);
    must(raml_json_load(path, 1000, &v, &e), &e);
    assert_int_equal(json_array_size(v), 2);
    json_decref(v);
    assert_int_equal(raml_json_load(path, 7, &v, &e), RAML_ERANGE);
    assert_true(has(e.msg, "limit of 7 bytes"));
    spill(path, "{\"a\": 1,\n \"b\" 2}", 16);
    assert_int_equal(raml_json_load(path, 1000, &v, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "config.json:2: not valid JSON at column 6: ':' expected"));
    static const char big[] = "{\"a\": 1000000000000000019884624838656, \"b\": 7}"; /* as Python writes int(1e30) */
    spill(path, big, sizeof big - 1);
    must(raml_json_load(path, 1000, &v, &e), &e);
    assert_string_equal(json_string_value(json_object_get(v, "a")), "1000000000000000019884624838656");
    assert_int_equal(json_integer_value(json_object_get(v, "b")), 7);
    json_decref(v);
    spill(path, "\x1f\x8b\x08\0", 4);
    assert_int_equal(raml_json_load(path, 1000, &v, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "config.json: is compressed by gzip"));
    spill(path, "{\0\"\0", 4);
    assert_int_equal(raml_json_load(path, 1000, &v, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "config.json: is in UTF-16LE"));
    spill(path, "", 0);
    assert_int_equal(raml_json_load(path, 1000, &v, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "config.json: empty"));
}

/* Right values: Python's json.loads; what of them has no place in JSON as json.h says. Written again and compared. */
static void what_python_writes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "\"9223372036854775808\""},
        {"-9223372036854775809", "\"-9223372036854775809\""},
        {"18446744073709551615", "\"18446744073709551615\""},
        {"99999999999999999999", "\"99999999999999999999\""},
        {"1000000000000000000", "1000000000000000000"},
        {"[12345678901234567890123,-12345678901234567890123, 12345678901234567890123 ]",
         "[\"12345678901234567890123\",\"-12345678901234567890123\",\"12345678901234567890123\"]"},
        {"12345678901234567890123.5", "1.23456789e22"},
        {"99999999999999999999e0", "1e20"},
        {"\"99999999999999999999\"", "\"99999999999999999999\""},
        {"1e400", "null"},
        {"-1E+400", "null"},
        {"1e-400", "0.0"},
        {"123456789012345678901234567890123456789012345678901234567890123456789.0e400", "null"},
        {"NaN", "null"},
        {"[NaN,NaN]", "[null,null]"},
        {"{\"b\":Infinity,\"c\":[-Infinity]}", "{\"b\":null,\"c\":[null]}"},
        {"\"NaN, Infinity and -Infinity\"", "\"NaN, Infinity and -Infinity\""},
        {"[\"\\\"NaN\", NaN]", "[\"\\\"NaN\",null]"},
        {"[\"\\\\\", NaN]", "[\"\\\\\",null]"},
        {"\"\\ud835 x\"", "\"\xef\xbf\xbd x\""},
        {"\"\\udc00\"", "\"\xef\xbf\xbd\""},
        {"\"\\uD835\\u0041\"", "\"\xef\xbf\xbd"
                               "A\""},
        {"\"\\ud835\\ud835\\udc00\"", "\"\xef\xbf\xbd\xf0\x9d\x90\x80\""},
        {"\"\\ud835\\udc00\\udc00\"", "\"\xf0\x9d\x90\x80\xef\xbf\xbd\""},
        {"\"\\\\ud835\\ud83d\"", "\"\\\\ud835\xef\xbf\xbd\""},
        {"\"a\\u0000b\"", "\"a\xef\xbf\xbd"
                          "b\""},
        {"\"\\\\u0000\\u0000\"", "\"\\\\u0000\xef\xbf\xbd\""},
        {"{\"a\\u0000b\":\"\\udead\"}", "{\"a\xef\xbf\xbd"
                                        "b\":\"\xef\xbf\xbd\"}"},
        {"{\"\\udead\" :99999999999999999999}", "{\"\xef\xbf\xbd\":\"99999999999999999999\"}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[400], want[400];
        struct raml_buf b;
        snprintf(line, sizeof line, "{\"x\": %s}", cases[i].text);
        snprintf(want, sizeof want, "{\"x\":%s}", cases[i].want);
        json_t *v = parse(line);
        raml_buf_init(&b, 1000);
        raml_json_add(&b, v);
        assert_string_equal(b.data, want);
        raml_buf_deinit(&b);
        json_decref(v);
    }
    json_t *v = NULL;
    struct raml_err e = {0};
    static const char nul[] = "{\"t\\u0000\": \"a\\u0000b\", \"x\": NaN}";
    must(raml_json_parse_as(&here, nul, sizeof nul - 1, RAML_JSON_KEEP_NUL, &v, &e), &e);
    const json_t *t = json_object_get(v, "t\xef\xbf\xbd");
    assert_int_equal(json_string_length(t), 3);
    assert_memory_equal(json_string_value(t), "a\0b", 3);
    json_decref(v);
}

static void big_integers_in_fields_of_numbers(void **state)
{
    (void)state;
    json_t *v = parse("{\"a\": 99999999999999999999, \"b\": \"12\"}");
    struct raml_err e = {0};
    long long whole = 0;
    double x = 0;
    assert_int_equal(raml_json_int(&here, v, "a", 0, 10, &whole, &e), RAML_ERANGE);
    assert_true(has(e.msg, "field 'a' is 99999999999999999999; expected 0 to 10"));
    must(raml_json_num(&here, v, "a", &x, &e), &e);
    assert_true(x >= 1e20 && x <= 1e20);
    assert_int_equal(raml_json_int(&here, v, "b", 0, 10, &whole, &e), RAML_EFORMAT);
    assert_int_equal(raml_json_num(&here, v, "b", &x, &e), RAML_EFORMAT);
    json_decref(v);
}

static void long_paths_keep_their_end(void **state)
{
    (void)state;
    char path[2000];
    memset(path, 'p', sizeof path);
    strcpy(path + sizeof path - 12, "/name.jsonl");
    struct raml_place at = {path, 3};
    struct raml_err e = {0};
    json_t *v = NULL;
    assert_int_equal(raml_json_parse(&at, "{", 1, &v, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "p/name.jsonl:3: not valid JSON at column 1"));
}

static void records(void **state)
{
    (void)state;
    static const struct {
        double x;
        json_type want;
    } numbers[] = {{0.5, JSON_REAL},
                   {-DBL_MAX, JSON_REAL},
                   {1.0 / 0.0, JSON_NULL},
                   {-1.0 / 0.0, JSON_NULL},
                   {0.0 / 0.0, JSON_NULL}};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        json_t *v = raml_json_number(numbers[i].x);
        assert_int_equal(json_typeof(v), numbers[i].want);
        if (numbers[i].want == JSON_REAL) assert_true(json_real_value(v) == numbers[i].x);
        json_decref(v);
    }
    json_t *o = json_object();
    int bad = json_object_set_new(o, "none", raml_json_text(NULL));
    bad |= json_object_set_new(o, "empty", raml_json_text(""));
    assert_true(json_is_null(json_object_get(o, "none")));
    assert_string_equal(json_string_value(json_object_get(o, "empty")), "");
    assert_ptr_equal(raml_json_checked(o, bad), o);
    bad |= json_object_set_new(o, "not UTF-8", raml_json_text("\xff"));
    assert_int_equal(bad, -1);
    json_incref(o);
    assert_null(raml_json_checked(o, bad)); /* gives one reference up */
    assert_int_equal(o->refcount, 1);
    json_decref(o);
    assert_null(raml_json_checked(NULL, -1));
}

struct sum {
    long long total;
    size_t lines[4], n;
};

static enum raml_code add(void *user, const struct raml_place *at, json_t *object, struct raml_err *err)
{
    struct sum *s = user;
    long long x;
    enum raml_code rc = raml_json_int(at, object, "x", 0, 9, &x, err);
    if (rc) return rc;
    s->total += x;
    s->lines[s->n++] = at->line;
    return RAML_OK;
}

static void lines_of_a_file(void **state)
{
    struct raml_err e = {0};
    struct sum s = {0};
    char path[4200];
    snprintf(path, sizeof path, "%s/x.jsonl", (const char *)*state);
    static const char good[] = "{\"x\": 1}\n\n \t\n{\"x\": 2}\r\n{\"x\": 4}",
                      bad[] = "{\"x\": 1}\n{\"y\": 2}\n{\"x\": 4}\n";
    must(raml_file_write(path, good, sizeof good - 1, &e), &e);
    must(raml_json_lines(path, 64, add, &s, &e), &e);
    assert_int_equal(s.total, 7);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.lines[1], 4);
    assert_int_equal(s.lines[2], 5);
    s = (struct sum){0};
    must(raml_file_write(path, bad, sizeof bad - 1, &e), &e);
    assert_int_equal(raml_json_lines(path, 64, add, &s, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "x.jsonl:2: "));
    assert_int_equal(s.n, 1); /* it ends there */
    assert_int_not_equal(raml_json_lines(path, 8, add, &s, &e), RAML_OK);
    assert_int_not_equal(raml_json_lines("/nowhere.jsonl", 64, add, &s, &e), RAML_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(fields),
        cmocka_unit_test(names_are_truncated_to_fit),
        cmocka_unit_test(records),
        cmocka_unit_test(floats_come_back),
        cmocka_unit_test_setup_teardown(whole_files, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(lines_of_a_file, enter_scratch, leave_scratch),
        cmocka_unit_test(what_python_writes),
        cmocka_unit_test(big_integers_in_fields_of_numbers),
        cmocka_unit_test(long_paths_keep_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
