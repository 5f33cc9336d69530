/* test_chat_hostile.c - truncated, broken, endless and huge templates: an error or a prompt, in bounded time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "raml/chat.h"
#include "core/file.h"

static json_t *some_messages(void)
{
    return json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]", "role", "system", "content", " be\nbrief ", "role", "user",
                     "content", "h\xc3\xa9llo <|x|>", "role", "assistant", "content", "<think>a</think>\n\nb");
}

/* Opens and renders; whatever happens, a failure has a message. */
static enum raml_code attempt(const char *text, size_t n, const json_t *messages, struct raml_err *err)
{
    struct raml_chat_template *t = NULL;
    struct raml_chat_prompt p = {0};
    err->msg[0] = 0;
    enum raml_code rc = raml_chat_template_open("t", text, n, NULL, NULL, &t, err);
    if (!rc) {
        struct raml_chat_input in = raml_chat_input_default(messages, true);
        rc = raml_chat_render(t, &in, &p, err);
    }
    if (rc) assert_true(strncmp(err->msg, "t:", 2) == 0);
    raml_chat_prompt_deinit(&p);
    raml_chat_template_close(t);
    return rc;
}

/* Two real templates, truncated after every byte, and with every fifth byte replaced. */
static void test_truncated(void **state)
{
    static const char *const files[] = {"Qwen-Qwen3-0.6B", "mistralai-Mistral-Nemo-Instruct-2407"};
    static const char bytes[] = "{}%#'\"()[]-|\\\n\xff\x00";
    (void)state;
    size_t failed = 0, total = 0;
    json_t *messages = some_messages();
    for (size_t f = 0; f < COUNT(files); f++) {
        char path[512];
        struct raml_buf text;
        struct raml_err err = {0};
        snprintf(path, sizeof path, RAML_SHARED "/data/chat/templates/%s.jinja", files[f]);
        if (!raml_is_file(path)) {
            fprintf(stderr, "SKIPPED: %s is absent: truncated templates were NOT checked\n", path);
            continue;
        }
        raml_buf_init(&text, 1 << 20);
        CHECK_OK(raml_file_read(path, &text, &err));
        for (size_t n = 0; n <= text.len; n++, total++) failed += attempt(text.data, n, messages, &err) != RAML_OK;
        for (size_t i = f; i < text.len; i += 5, total++) {
            char kept = text.data[i];
            text.data[i] = bytes[i / 5 % (sizeof bytes - 1)];
            failed += attempt(text.data, text.len, messages, &err) != RAML_OK;
            text.data[i] = kept;
        }
        raml_buf_deinit(&text);
    }
    print_message("truncated and broken templates: %zu, of which %zu give errors\n", total, failed);
    assert_true(failed >= total / 3);
    json_decref(messages);
}

/* before * n + middle + after * n */
static void check_nested(const char *before, const char *middle, const char *after, const json_t *messages)
{
    for (size_t n = 1; n <= 10000; n *= 10) {
        struct raml_buf text;
        struct raml_err err = {0};
        raml_buf_init(&text, 1 << 20);
        for (size_t i = 0; i < n; i++) raml_buf_adds(&text, before);
        raml_buf_adds(&text, middle);
        for (size_t i = 0; i < n; i++) raml_buf_adds(&text, after);
        enum raml_code rc = attempt(text.data, text.len, messages, &err);
        if (n <= 10 && rc) print_error("%s, %zu times: %d %s\n", before, n, rc, err.msg);
        assert_true(n > 10 || rc == RAML_OK);
        assert_true(n < 1000 || rc == RAML_ERANGE || rc == RAML_ESUPPORT || rc == RAML_EFORMAT);
        raml_buf_deinit(&text);
    }
}

static void test_nested(void **state)
{
    (void)state;
    json_t *messages = some_messages();
    static const char *const cases[][3] = {
        {"{% if 1 %}", "a", "{% endif %}"},
        {"{% for i in [1] %}", "a", "{% endfor %}"},
        {"{% macro m() %}", "a", "{% endmacro %}"},
        {"{% set x %}", "a", "{% endset %}"},
        {"{% filter upper %}", "a", "{% endfilter %}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) check_nested(cases[i][0], cases[i][1], cases[i][2], messages);
    /* clang-format off */
    static const char *const inner[][3] = {
        {"(", "1", ")"},          {"[", "1", "]"},           {"{1:", "1", "}"},        {"-", "1", ""},
        {"not ", "1", ""},        {"1+", "1", ""},           {"", "1", "|string"},     {"", "messages", "[0:]"},
        {"1 if 1 else ", "1", ""}, {"'a' if 0 else ", "1", ""}, {"1 and ", "1", ""},     {"range(", "1", ")|length"},
        {"1 is sameas ", "1", ""},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(inner); i++) {
        for (size_t n = 1; n <= 100000; n *= 10) {
            struct raml_buf text;
            struct raml_err err = {0};
            raml_buf_init(&text, 1 << 21);
            raml_buf_adds(&text, "{{ ");
            for (size_t k = 0; k < n; k++) raml_buf_adds(&text, inner[i][0]);
            raml_buf_adds(&text, inner[i][1]);
            for (size_t k = 0; k < n; k++) raml_buf_adds(&text, inner[i][2]);
            raml_buf_adds(&text, " }}");
            enum raml_code rc = attempt(text.data, text.len, messages, &err);
            bool chain_of_tests = i == COUNT(inner) - 1;
            if (n <= 10 && rc && !chain_of_tests) print_error("%s, %zu times: %s\n", inner[i][0], n, err.msg);
            assert_true(n > 10 || rc == RAML_OK || chain_of_tests);
            raml_buf_deinit(&text);
        }
    }
    json_decref(messages);
}

static void test_endless(void **state)
{
    static const struct {
        const char *text;
        enum raml_code code;
        /* clang-format off */
    } cases[] = {
        {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", RAML_ERANGE},
        {"{% macro m(x) %}{{ m(m(x)) }}{% endmacro %}{{ m(1) }}", RAML_ERANGE},
        {"{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", RAML_ERANGE},
        {"{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}", RAML_ERANGE},
        {"{{ 'a' * 10000000000 }}", RAML_ERANGE},
        {"{{ [1] * 10000000000 }}", RAML_ERANGE},
        {"{{ 'a' * 9223372036854775807 }}", RAML_ERANGE},
        {"{{ ''|center(99999999999) }}", RAML_ERANGE},
        {"{{ 'x'|indent(999999999999) }}", RAML_ERANGE},
        {"{{ '%999999999d' % 3 }}", RAML_ESUPPORT},
        {"{{ '{:999999999}'.format('a') }}", RAML_ESUPPORT},
        {"{{ 9223372036854775807 * 2 }}", RAML_ESUPPORT},
        {"{{ 2 ** 64 }}", RAML_ESUPPORT},
        {"{{ -9223372036854775807 - 2 }}", RAML_ESUPPORT},
        {"{{ (-9223372036854775807 - 1) // -1 }}", RAML_ESUPPORT},
        {"{{ (-9223372036854775807 - 1)|abs }}", RAML_ESUPPORT},
        {"{{ 1e300 * 1e300 }}{{ (1e300 * 1e300)|int }}{{ 1e30|int }}", RAML_ESUPPORT},
        {"{{ 99999999999999999999 }}", RAML_ESUPPORT},
        {"{{ range(9223372036854775807) }}", RAML_ERANGE},
        {"{{ range(-9223372036854775807, 9223372036854775807, 3) }}", RAML_ERANGE},
        {"{{ range(0, 5, 9223372036854775807)|list }}{{ 'abc'[::9223372036854775807] }}", RAML_OK},
        {"{{ 'abc'[-9223372036854775807:9223372036854775807:-9223372036854775807] }}", RAML_OK},
        {"{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", RAML_ENOMEM},
        {"{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", RAML_ERANGE},
        {"{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}", RAML_ERANGE},
        {"{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x|tojson }}",
         RAML_ERANGE},
        {"{% set ns = namespace(x=1, y=1) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% set ns.y = (ns.y,) %}"
         "{% endfor %}{{ ns.x == ns.y }}", RAML_ERANGE},
        {"{% set ns = namespace(x=1) %}{% for i in range(9999) %}{% set ns.x = (ns.x,) %}{% endfor %}{{ {ns.x: 1} }}",
         RAML_ERANGE},
        {"{% set ns = namespace(x='a' * 100000) %}{% for i in range(99999) %}{{ ns.x }}{% endfor %}", RAML_ERANGE},
        {"{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", RAML_ERANGE},
        {"{% for i in range(99999) %}{{ 'a' * 1000 in 'b' * 100000 }}{% endfor %}", RAML_ERANGE},
        {"{% set x = range(99999)|list %}{% for i in x %}{{ i in x }}{% endfor %}", RAML_ERANGE},
        {"{{ range(99999)|map('string')|join|replace('', range(999)|join) }}", RAML_ENOMEM},
        {"{{ range(99999)|sort(reverse=true)|unique|list|length }}", RAML_ERANGE},
        {"{{ messages|tojson(indent=99999999999) }}", RAML_ERANGE},
        {"{{ messages|batch(99999999999, 1)|list }}", RAML_ERANGE},
    };
    /* clang-format on */
    (void)state;
    json_t *messages = some_messages();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        enum raml_code rc = attempt(cases[i].text, strlen(cases[i].text), messages, &err);
        bool memory = cases[i].code == RAML_ERANGE && rc == RAML_ENOMEM; /* either bound may be reached first */
        if (rc != cases[i].code && !memory) {
            print_error("%s\n    got code %d %s, expected %d\n", cases[i].text, rc, err.msg, cases[i].code);
            fail();
        }
    }
    json_decref(messages);
}

/* JSON may be deep too. */
static void test_deep_json(void **state)
{
    (void)state;
    struct raml_err err = {0};
    json_t *deep = json_integer(1);
    for (int i = 0; i < 1500; i++) deep = json_pack("[o]", deep);
    json_t *messages = json_pack("[{s:s, s:o}]", "role", "user", "content", deep);
    assert_int_equal(attempt("{{ messages }}", 14, messages, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "t:1: nested deeper than 400 levels");
    json_decref(messages);
}

static void test_sizes(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_chat_template *t = NULL;
    size_t n = (1 << 20) + 1;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'a', n);
    assert_int_equal(raml_chat_template_open("t", text, n, NULL, NULL, &t, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "t: 1048577 bytes; a template has at most 1048576");
    CHECK_OK(raml_chat_template_open("t", text, n - 1, NULL, NULL, &t, &err));
    raml_chat_template_close(t);
    for (size_t i = 0; i < n; i++) text[i] = "{{1}}"[i % 5]; /* as many tags as fit */
    assert_int_equal(raml_chat_template_open("t", text, n - 2, NULL, NULL, &t, &err), RAML_OK);
    raml_chat_template_close(t);
    free(text);
}

/* A filter that leaves nothing over gives a sequence without memory: clang's sanitizer saw its NULL added to. */
static void test_nothing_left(void **state)
{
    static const char text[] =
        "{% for m in messages|selectattr('role', 'equalto', 'x') %}{{ m.role }}{% else %}none{% endfor %}";
    struct raml_chat_template *t = NULL;
    struct raml_chat_prompt p;
    struct raml_err err = {0};
    json_t *messages = some_messages();
    (void)state;
    CHECK_OK(raml_chat_template_open("t", text, strlen(text), NULL, NULL, &t, &err));
    const struct raml_chat_input in = raml_chat_input_default(messages, false);
    CHECK_OK(raml_chat_render(t, &in, &p, &err));
    assert_string_equal(p.text.data, "none");
    raml_chat_prompt_deinit(&p);
    raml_chat_template_close(t);
    json_decref(messages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_nested), cmocka_unit_test(test_endless),
        cmocka_unit_test(test_deep_json), cmocka_unit_test(test_sizes),  cmocka_unit_test(test_nothing_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
