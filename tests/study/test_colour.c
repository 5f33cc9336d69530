/* test_colour.c - the colour scale at known values, and hostile tokens that must stay text. */
#include "study/colour.h"

#include "study/html_check.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void levels(void **state)
{
    (void)state;
    static const struct {
        double delta;
        int want;
    } cases[] = {
        {0, 0},     {0.019, 0}, {-0.019, 0}, {0.02, 1},  {-0.02, -1}, {0.0499, 1},     {0.05, 2},
        {-0.1, -3}, {0.25, 4},  {-0.5, -5},  {0.99, 5},  {1, 6},      {-1.25, -6},     {2, 7},
        {-4.9, -7}, {5, 8},     {-9, -8},    {1e300, 8}, {NAN, 0},    {-INFINITY, -8},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (raml_colour_level(cases[i].delta) != cases[i].want)
            fail_msg("level(%g) is %d, expected %d", cases[i].delta, raml_colour_level(cases[i].delta), cases[i].want);
}

static void known_page(void **state)
{
    (void)state;
    const char *piece[] = {"a", " b\n", "<", "c"};
    const size_t len[] = {1, 3, 1, 1};
    const double loss[] = {2, 1.5, 1.75, 1.75, 0.5};
    const bool greedy[] = {false, false, true, true, false};
    const struct raml_coloured t = {.heading = "x & y",
                                    .question = "1 < 2?\n",
                                    .piece = piece,
                                    .piece_len = len,
                                    .loss = loss,
                                    .greedy = greedy,
                                    .n_tokens = 4,
                                    .n_answer = 2};
    struct raml_buf b;
    struct raml_err err = {0};
    raml_buf_init(&b, 1 << 20);
    if (raml_colour_trajectory(&b, &t, &err)) fail_msg("%s", err.msg);
    assert_string_equal(
        b.data,
        "<p class=\"trajectory-head\">x &amp; y</p>\n<p class=\"trajectory-question\">1 &lt; 2?\\n</p>\n<div "
        "class=\"view\"><div class=\"trajectory\">"
        "<span class=\"n5\" title=\"“a”  i = 1  L = 1.5  ΔL = −0.5  p = 0.0498\">a</span>"
        "<span class=\"p4 g\" title=\"“ b\\n”  i = 2  L = 1.75  ΔL = +0.25  p = 0.0302  greedy\"> b<i>↵</i>\n</span>"
        "<span class=\"g\" title=\"“&lt;”  i = 3  L = 1.75  ΔL = +0  p = 0.0302  greedy\">&lt;</span>"
        "<span class=\"n6\" title=\"“c”  i = 4  L = 0.5  ΔL = −1.25  p = 0.368\">c</span></div>\n"
        "<script type=\"application/json\" class=\"trajectory-data\">{\"text\":[\"a\",\" "
        "b\\\\n\",\"\\u003c\",\"c\"],"
        "\"answers\":[{\"L\":[2,1.5,1.75,1.75,0.5],\"A\":2,\"greedy\":\"00110\"}]}</script>\n</div>\n");
    raml_buf_clear(&b);
    struct raml_coloured shortened = t;
    shortened.show = 1;
    shortened.heading = shortened.question = NULL;
    if (raml_colour_trajectory(&b, &shortened, &err)) fail_msg("%s", err.msg);
    assert_non_null(strstr(b.data, "a</span><i> … 3 more tokens</i></div>"));
    assert_non_null(strstr(b.data, "\"text\":[\"a\"],\"answers\":[{\"L\":[2,1.5],\"A\":2,\"greedy\":\"00\"}]}"));
    raml_buf_clear(&b);
    raml_colour_css(&b);
    assert_non_null(strstr(b.data, ".n8{background:rgba(var(--fall),0.7)}.p8{background:rgba(var(--rise),0.7)}"));
    assert_non_null(strstr(b.data, ".n1{background:rgba(var(--fall),0.0875)}"));
    assert_non_null(strstr(b.data, "--fall:33,102,172;--rise:178,24,43"));
    assert_non_null(strstr(b.data, "prefers-color-scheme:dark"));
    raml_buf_deinit(&b);
}

/* Whatever the bytes, the page is valid UTF-8 (as strict as JSON), its tags balance and nothing of it is markup. */
static void hostile_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } cases[] = {
        {"</span><script>alert(1)</script>", 32, "&lt;/span&gt;&lt;script&gt;alert(1)&lt;/script&gt;</span>"},
        {"\" onmouseover=\"x", 16, "“&quot; onmouseover=&quot;x”"},
        {"&amp;", 5, ">&amp;amp;</span>"},
        {"\xE2\x88", 2, "><i>\\xE2</i><i>\\x88</i></span>"},
        {"\x92", 1, "<i>\\x92</i>"},
        {"\xC0\xBC", 2, "<i>\\xC0</i><i>\\xBC</i>"},
        {"\xED\xA0\x80", 3, "<i>\\xED</i><i>\\xA0</i><i>\\x80</i>"},
        {"\xF4\x90\x80\x80", 4, "<i>\\xF4</i>"},
        {"\xFF\xFE", 2, "<i>\\xFF</i><i>\\xFE</i>"},
        {"\xE2\x88\x92\xE2", 4, ">\xE2\x88\x92<i>\\xE2</i></span>"},
        {"a\0b", 3, ">a<i>\\u{0}</i>b</span>"},
        {"\xE2\x80\xAE", 3, "<i>\\u{202E}</i>"},
        {"\xEF\xBF\xBF", 3, "<i>\\u{FFFF}</i>"},
        {"\t\r\n", 3, "<i>→</i>\t<i>\\u{D}</i><i>↵</i>\n"},
        {"\xF0\x9F\x98\x80", 4, ">\xF0\x9F\x98\x80</span>"},
        {"", 0, "“”"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const double loss[] = {1, 1};
        const struct raml_coloured t = {.heading = cases[i].bytes,
                                        .piece = &cases[i].bytes,
                                        .piece_len = &cases[i].len,
                                        .loss = loss,
                                        .n_tokens = 1,
                                        .n_answer = 1};
        struct raml_buf b;
        struct raml_err err = {0};
        char why[200];
        raml_buf_init(&b, 1 << 20);
        raml_colour_begin(&b, cases[i].bytes);
        if (raml_colour_trajectory(&b, &t, &err)) fail_msg("%s", err.msg);
        raml_colour_end(&b);
        assert_int_equal(raml_buf_status(&b, &err), RAML_OK);
        assert_int_equal(strlen(b.data), b.len);
        const char *fault = html_fault(b.data, why, sizeof why);
        if (fault) fail_msg("case %zu: %s", i, fault);
        if (!strstr(b.data, cases[i].want)) fail_msg("case %zu: '%s' is not in\n%s", i, cases[i].want, b.data);
        json_t *text = json_stringn(b.data, b.len);
        if (!text) fail_msg("case %zu: the page is not UTF-8", i);
        json_decref(text);
        raml_buf_clear(&b);
        raml_text_visible(&b, cases[i].bytes, cases[i].len);
        text = json_stringn(b.data ? b.data : "", b.len);
        if (!text) fail_msg("case %zu: the visible text is not UTF-8", i);
        assert_null(b.data ? strpbrk(b.data, "\n\t\r") : NULL);
        json_decref(text);
        raml_buf_deinit(&b);
    }
}

/* The data of the only trajectory in b, for json_decref. */
static json_t *view_data(const struct raml_buf *b)
{
    static const char begin[] = "class=\"trajectory-data\">";
    const char *at = strstr(b->data, begin), *end = at ? strstr(at, "</script>") : NULL;
    assert_non_null(end);
    json_t *data = json_loadb(at + strlen(begin), (size_t)(end - at) - strlen(begin), 0, NULL);
    assert_non_null(data);
    return data;
}

static double number_at(const json_t *list, size_t i)
{
    const json_t *v = json_array_get(list, i);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void expect_numbers(const json_t *obj, const char *key, const double *want, size_t n)
{
    const json_t *list = json_object_get(obj, key);
    if (json_array_size(list) != n) fail_msg("%s: %zu values, expected %zu", key, json_array_size(list), n);
    for (size_t i = 0; i < n; i++)
        if (isnan(want[i]) ? !json_is_null(json_array_get(list, i)) : !(fabs(number_at(list, i) - want[i]) <= 1e-7))
            fail_msg("%s[%zu] is %.9g, expected %.9g", key, i, number_at(list, i), want[i]);
}

/* Hostile names, and every field that a trajectory may have. */
static void view_fields(void **state)
{
    (void)state;
    enum { LAYERS = 40, ANSWERS = 20 };
    static const char hostile[] = "</script><!--<script>\"\\\n\xFF";
    const char *piece[] = {"a", "b"}, *role[] = {hostile, NULL};
    const size_t len[] = {1, 1};
    const double loss[] = {2, 1.5, 1}, second[] = {1, 2, 3}, at[] = {0, 7, 9}, two[] = {NAN, 0.123456789};
    const double three[] = {NAN, 0.25, 1e-9};
    const bool greedy[] = {false, true, true};
    double layer[LAYERS], layer_loss[LAYERS][3];
    struct raml_coloured_answer answer[ANSWERS];
    for (int k = 0; k < LAYERS; k++) {
        layer[k] = k + 1;
        for (int i = 0; i < 3; i++) layer_loss[k][i] = k + i / 4.0;
    }
    for (int k = 0; k < ANSWERS; k++)
        answer[k] = (struct raml_coloured_answer){.name = hostile, .text = hostile, .loss = second, .p = three};
    answer[3] = (struct raml_coloured_answer){.name = "gold", .loss = loss, .p = three, .p_mean = three, .n_answer = 9};
    answer[4] = (struct raml_coloured_answer){.loss = second, .greedy = greedy, .n_answer = 5};
    const struct raml_coloured t = {.piece = piece,
                                    .piece_len = len,
                                    .loss = loss,
                                    .n_tokens = 2,
                                    .n_answer = 2,
                                    .at = at,
                                    .answer = answer,
                                    .n_answers = ANSWERS,
                                    .commitment = three,
                                    .layer = layer,
                                    .layer_loss = layer_loss[0],
                                    .n_layers = LAYERS,
                                    .entropy = two,
                                    .logp = two,
                                    .role = role,
                                    .update = three};
    struct raml_buf b;
    struct raml_err err = {0};
    char why[200];
    raml_buf_init(&b, 1 << 20);
    raml_colour_begin(&b, "t");
    if (raml_colour_trajectory(&b, &t, &err)) fail_msg("%s", err.msg);
    raml_colour_end(&b);
    const char *fault = html_fault(b.data, why, sizeof why);
    if (fault) fail_msg("%s", fault);
    assert_non_null(strstr(b.data, "i = 7  L = 1.5 "));
    json_t *d = view_data(&b), *list = json_object_get(d, "answers"), *layers = json_object_get(d, "layers");
    expect_numbers(d, "at", at, 3);
    expect_numbers(d, "commitment", three, 3);
    expect_numbers(d, "update", three, 3);
    expect_numbers(d, "entropy", two, 2);
    expect_numbers(d, "logp", two, 2);
    expect_numbers(d, "role", (const double[]){0, -1}, 2);
    const char visible[] = "</script><!--<script>\"\\\\n\\xFF";
    assert_string_equal(json_string_value(json_array_get(json_object_get(d, "roles"), 0)), visible);
    /* the traced one first, under its name; then the others in order */
    assert_int_equal(json_array_size(list), 16);
    expect_numbers(json_array_get(list, 0), "L", loss, 3);
    expect_numbers(json_array_get(list, 0), "p_mean", three, 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")), "gold");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "A")), 2);
    assert_null(json_object_get(json_array_get(list, 0), "greedy"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 1), "text")), visible);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 4), "greedy")), "011");
    assert_null(json_object_get(json_array_get(list, 4), "name"));
    /* 32 of 40 layers, first and last among them */
    assert_int_equal(json_array_size(json_object_get(layers, "L")), 32);
    assert_int_equal(number_at(json_object_get(layers, "layer"), 0), 1);
    assert_int_equal(number_at(json_object_get(layers, "layer"), 31), LAYERS);
    for (size_t k = 0; k < 32; k++) {
        double of = number_at(json_object_get(layers, "layer"), k) - 1;
        assert_true(fabs(number_at(json_array_get(json_object_get(layers, "L"), k), 2) - (of + 0.5)) <= 1e-7);
    }
    json_decref(d);
    raml_buf_deinit(&b);
}

/* A long text is cut between characters. */
static void long_text(void **state)
{
    (void)state;
    char bytes[401];
    for (size_t shift = 0; shift < 3; shift++) {
        struct raml_err err = {0};
        struct raml_buf b;
        memset(bytes, 'x', shift);
        for (size_t i = shift; i + 3 <= 400; i += 3) memcpy(bytes + i, "\u20AC", 3);
        const char *piece = bytes;
        const size_t len = shift + (400 - shift) / 3 * 3;
        const double loss[] = {1, 1};
        const struct raml_coloured t = {.piece = &piece, .piece_len = &len, .loss = loss, .n_tokens = 1};
        raml_buf_init(&b, 1 << 20);
        if (raml_colour_trajectory(&b, &t, &err)) fail_msg("%s", err.msg);
        json_t *d = view_data(&b);
        const char *text = json_string_value(json_array_get(json_object_get(d, "text"), 0));
        assert_null(strstr(text, "\\x"));
        size_t want = shift + (200 - shift) / 3 * 3;
        assert_int_equal(strlen(text), want + strlen("\u2026"));
        assert_string_equal(text + want, "\u2026");
        json_decref(d);
        raml_buf_deinit(&b);
    }
}

static void refusals(void **state)
{
    (void)state;
    const char *piece = "a";
    const size_t len = 1;
    double loss[] = {1, NAN};
    const double broken[] = {1, INFINITY};
    const struct raml_coloured_answer other = {.loss = broken};
    struct raml_coloured t = {.piece = &piece, .piece_len = &len, .loss = loss, .n_tokens = 1, .n_answer = 1};
    struct raml_buf b;
    struct raml_err err = {0};
    raml_buf_init(&b, 1 << 20);
    assert_int_equal(raml_colour_trajectory(&b, &t, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "L(1) is"));
    loss[1] = 1;
    t.answer = &other;
    t.n_answers = 1;
    err = (struct raml_err){0};
    assert_int_equal(raml_colour_trajectory(&b, &t, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "loss curve of a further answer: L(1) is inf; expected a finite number");
    t.n_answers = 0;
    t.layer_loss = broken;
    t.n_layers = 1;
    err = (struct raml_err){0};
    assert_int_equal(raml_colour_trajectory(&b, &t, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "loss curve of a layer: L(1) is inf; expected a finite number");
    assert_int_equal(b.len, 0);
}

/* The checker itself has to detect what it is for. */
static void checker(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<p>",
        "</p>",
        "<p><b></p></b>",
        "<p",
        "<script></script>",
        "<p>http://x</p>",
        "<p title=\"<\"></p>",
        "<img src='x'>",
        "<>",
        "<script>alert(1)</script>",
        "<script type=\"module\">{}</script>",
        "<script type=\"application/json\" class=\"trajectory-data\">{</script>",
        "<script type=\"application/json\" class=\"trajectory-data\">{\"a\":\"<\"}</script>",
        "<script type=\"application/json\" class=\"trajectory-data\">{}"};
    char why[200];
    for (size_t i = 0; i < COUNT(bad); i++)
        if (!html_fault(bad[i], why, sizeof why)) fail_msg("passed: %s", bad[i]);
    assert_null(html_fault("<!DOCTYPE html><p>a<br><b title=\"x > y\">c</b><path d='m'/></p>"
                           "<script type=\"application/json\" class=\"trajectory-data\">{\"a\":1}</script>",
                           why, sizeof why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),    cmocka_unit_test(known_page), cmocka_unit_test(hostile_tokens),
        cmocka_unit_test(refusals),  cmocka_unit_test(checker),    cmocka_unit_test(view_fields),
        cmocka_unit_test(long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
