/* test_jinja.c - expressions and templates against Jinja's results, exact error messages, and that texts
 * keep their provenance: the messages that they came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "core/json.h"
#include "jinja_expressions.h"
#include "jinja_templates.h"
#include "raml/chat.h"

struct variables {
    json_t *messages, *kwargs;
};

static int set_up(void **state)
{
    static struct variables v;
    v.messages = json_loads(jinja_messages, 0, NULL);
    v.kwargs = json_loads(jinja_variables, 0, NULL);
    *state = &v;
    return !v.messages || !v.kwargs;
}

static int tear_down(void **state)
{
    struct variables *v = *state;
    json_decref(v->messages);
    json_decref(v->kwargs);
    return 0;
}

static enum raml_code render(const struct variables *v, const char *text, struct raml_chat_prompt *p,
                             struct raml_err *err)
{
    struct raml_chat_template *t = NULL;
    *p = (struct raml_chat_prompt){0};
    enum raml_code rc = raml_chat_template_open("t", text, strlen(text), "<s>", "</s>", &t, err);
    if (rc) return rc;
    struct raml_chat_input in = raml_chat_input_default(v->messages, true);
    in.date_string = "26 Jul 2024";
    in.kwargs = v->kwargs;
    rc = raml_chat_render(t, &in, p, err);
    raml_chat_template_close(t);
    return rc;
}

static size_t check_table(const struct variables *v, const struct jinja_case *table, size_t n, bool wrap)
{
    size_t matched = 0;
    for (size_t i = 0; i < n; i++) {
        char text[1024], want[1024];
        struct raml_chat_prompt p;
        struct raml_err err = {0};
        snprintf(text, sizeof text, wrap ? "[{{ %s }}]" : "%s", table[i].text);
        snprintf(want, sizeof want, wrap ? "[%s]" : "%s", table[i].want ? table[i].want : "");
        enum raml_code rc = render(v, text, &p, &err);
        bool same = table[i].want ? !rc && !strcmp(p.text.data ? p.text.data : "", want) : rc != RAML_OK && err.msg[0];
        if (!same)
            print_error("%s\n    got      %s\n    expected %s\n", table[i].text, rc ? err.msg : p.text.data,
                        table[i].want ? want : "(failure)");
        matched += same;
        raml_chat_prompt_deinit(&p);
    }
    return matched;
}

static void test_expressions(void **state)
{
    size_t matched = check_table(*state, expressions, COUNT(expressions), true);
    print_message("expressions: %zu of %zu match\n", matched, COUNT(expressions));
    assert_int_equal(matched, COUNT(expressions));
}

static void test_templates(void **state)
{
    size_t matched = check_table(*state, templates, COUNT(templates), false);
    print_message("templates: %zu of %zu match\n", matched, COUNT(templates));
    assert_int_equal(matched, COUNT(templates));
}

static void test_errors(void **state)
{
    static const struct {
        const char *text;
        enum raml_code code;
        const char *msg;
    } cases[] = {
        {"a\n{{ x|nosuch }}", RAML_ESUPPORT, "t:2: unknown filter 'nosuch'"},
        {"{{ x is nosuch }}", RAML_ESUPPORT, "t:1: unknown test 'nosuch'"},
        {"\n\n{% nosuch %}", RAML_ESUPPORT, "t:3: unknown tag 'nosuch'"},
        {"{{ s.encode() }}", RAML_ESUPPORT, "t:1: str 'encode' is not supported"},
        {"{{ lipsum() }}", RAML_ESUPPORT, "t:1: function 'lipsum' is not supported"},
        {"{{ x|wordwrap }}", RAML_ESUPPORT, "t:1: filter 'wordwrap' is not supported"},
        {"{% for i in nums recursive %}{% endfor %}", RAML_ESUPPORT, "t:1: recursive loops are not supported"},
        {"{{ 9223372036854775807 + 1 }}", RAML_ESUPPORT, "t:1: an integer beyond 64 bits"},
        {"{{ nums|map('upper') }}", RAML_ESUPPORT,
         "t:1: a generator is printed (Python would print its address); make it a list"},
        {"{{ strftime_now('%H') }}", RAML_ESUPPORT,
         "t:1: strftime_now: '%H' is not supported: a day is known, no time of day"},
        {"{{ raise_exception('no\nway') }}", RAML_ERANGE, "t:1: the template says: no way"},
        {"{{ nothing.x }}", RAML_ERANGE, "t:1: 'nothing' is undefined"},
        {"{{ d.zz.x }}", RAML_ERANGE, "t:1: 'dict object' has no attribute 'zz'"},
        {"{{ 1 + 'a' }}", RAML_ERANGE, "t:1: unsupported operand type(s) for +: 'int' and 'str'"},
        {"{{ 'a' + 1 }}", RAML_ERANGE, "t:1: can only concatenate str (not \"int\") to str"},
        {"{{ 1 // 0 }}", RAML_ERANGE, "t:1: division by zero"},
        {"{{ x() }}", RAML_ERANGE, "t:1: 'int' object is not callable"},
        {"{{ nums.append(1) }}", RAML_ERANGE,
         "t:1: a list can't be changed by a template (Jinja's sandbox forbids it)"},
        {"{{ s|trim(1, 2) }}", RAML_ERANGE, "t:1: filter 'trim' takes at most 1 arguments; found 2"},
        {"{{ s|trim(q=1) }}", RAML_ERANGE, "t:1: filter 'trim' has no argument 'q'"},
        {"{{ s|replace('a') }}", RAML_ERANGE, "t:1: filter 'replace' needs 2 arguments (old new count)"},
        {"{{ range(1000000) }}", RAML_ERANGE, "t:1: range too big: more than 100000 elements"},
        {"{% if x %}", RAML_EFORMAT, "t:1: the template ends where 'endif' was expected, for the tag on line 1"},
        {"{{ x", RAML_EFORMAT, "t:1: the template ends inside a tag opened in line 1: expected '}}'"},
        {"{{ 'abc }}", RAML_EFORMAT, "t:1: this string is not closed: expected '"},
        {"\n{# a", RAML_EFORMAT, "t:2: this comment is not closed: expected '#}'"},
        {"{{ (1] }}", RAML_EFORMAT, "t:1: unexpected ']'; expected ')'"},
        {"{{ 1 2 }}", RAML_EFORMAT, "t:1: found a number; expected '}}'"},
        {"{{ x $ }}", RAML_EFORMAT, "t:1: unexpected character '$' (U+0024)"},
        {"{% endif %}", RAML_EFORMAT, "t:1: found 'endif'; expected the tag that it belongs to, before it"},
        {"{% break %}", RAML_EFORMAT, "t:1: break or continue outside of a loop"},
        {"a\n\xff", RAML_EFORMAT, "t:2: byte 2 is not UTF-8; expected a template's text"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_chat_prompt p;
        enum raml_code rc = render(*state, cases[i].text, &p, &err);
        if (rc != cases[i].code || strcmp(err.msg, cases[i].msg) != 0) {
            print_error("%s\n    got      %d %s\n    expected %d %s\n", cases[i].text, rc, err.msg, cases[i].code,
                        cases[i].msg);
            fail();
        }
        raml_chat_prompt_deinit(&p);
    }
}

static void test_date(void **state)
{
    struct variables *v = *state;
    static const struct {
        const char *date, *want;
        /* clang-format off */
    } cases[] = {
        {"26 Jul 2024", "2024-07-26 Fri 208"}, {"29 February 2024", "2024-02-29 Thu 060"},
        {"2000-12-31", "2000-12-31 Sun 366"},  {"March 1, 1999", "1999-03-01 Mon 060"},
        {"29 Feb 2023", NULL},                 {"soon", NULL},
        {"26 Jul 2024 x", NULL},               {NULL, NULL},
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_chat_template *t = NULL;
        struct raml_chat_prompt p = {0};
        const char *text = "{{ strftime_now('%Y-%m-%d %a %j') }}";
        CHECK_OK(raml_chat_template_open("t", text, strlen(text), NULL, NULL, &t, &err));
        struct raml_chat_input in = raml_chat_input_default(v->messages, false);
        in.date_string = cases[i].date;
        enum raml_code rc = raml_chat_render(t, &in, &p, &err);
        if (cases[i].want) assert_string_equal(p.text.data, cases[i].want);
        else assert_int_equal(rc, RAML_ERANGE);
        raml_chat_prompt_deinit(&p);
        raml_chat_template_close(t);
    }
}

/* Content is <> in the text that comes out; message 0 holds "ab cd" unless the row says otherwise. */
static void test_provenance(void **state)
{
    (void)state;
    static const struct {
        const char *text, *content, *want;
    } cases[] = {
        {"x{{ c }}y", "ab", "x<ab>y"},
        {"x{{ '[' + c + ']' }}y", "ab", "x[<ab>]y"},
        {"{{ '[' ~ c ~ ']' ~ c }}", "ab", "[<ab>]<ab>"},
        {"{{ ('[' + c + ']')|trim('[]') }}", "ab", "<ab>"},
        {"{{ (' ' + c + ' ')[1:3] }}{{ ('  ' + c)[1:3] }}", "abc", "<ab> <a>"},
        {"{{ ('-' + c)[::-1] }}", "abc", "<cba>-"},
        {"{{ c.replace('b', 'X') }}", "abc", "<a>X<c>"},
        {"{{ '<b>'|replace('b', c) }}", "qq", "<<qq>>"},
        {"{{ c.split(',')|join(';') }}", "a,b", "<a>;<b>"},
        {"{{ c|upper }}{{ c|title }}{{ c.strip() }}", "aé ", "<AÉ Aé aé>"},
        {"{{ c|tojson }}", "a\"\n", "\"<a\\\"\\n>\""},
        {"{{ [c] }}", "a'\n", "[\"<a'\\n>\"]"},
        {"{{ '%s-%d' % (c, 3) }}", "a", "<a>-3"},
        {"{{ '{}-{}'.format(c, 1) }}", "a", "<a>-1"},
        {"{% set v %}<{{ c }}>{% endset %}{{ v|trim('<') }}", "a", "<a>>"},
        {"{% macro m(x) %}({{ x }}){% endmacro %}{{ m(c) + m('b') }}", "a", "(<a>)(b)"},
        {"{% set ns = namespace(t='') %}{% for ch in c %}{% set ns.t = ns.t + ch + '.' %}{% endfor %}{{ ns.t }}", "aé",
         "<a>.<é>."},
        {"{{ messages[0].role }}:{{ messages[0]['content'] * 2 }}", "a", "user:<aa>"},
        {"{{ c|indent(2) }}", "a\nb", "<a>\n  <b>"},
        {"{{ c|length }}{{ c == 'a' }}", "a", "1True"},
        {"{{ c|e }}{{ (c|safe) + '<' }}", "<", "<&lt;<>&lt;"},
        {"{{ c.splitlines()|first }}|{{ c|list }}", "x\ny", "<x>|['<x>', '<\\n>', '<y>']"},
        {"{{ messages[0]['content'].partition(',')[2] }}", "a,b", "<b>"},
        {"{{ c|center(5) }}{{ c|format }}", "a", "  <a>  <a>"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_chat_template *t = NULL;
        struct raml_chat_prompt p = {0};
        struct raml_buf text, shown;
        raml_buf_init(&text, 4096);
        raml_buf_init(&shown, 4096);
        raml_buf_addf(&text, "{%% set c = messages[0].content %%}%s", cases[i].text);
        json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", cases[i].content);
        struct raml_chat_input in = raml_chat_input_default(messages, false);
        CHECK_OK(raml_chat_template_open("t", text.data, text.len, NULL, NULL, &t, &err));
        CHECK_OK(raml_chat_render(t, &in, &p, &err));
        size_t at = 0;
        for (size_t k = 0; k < p.n_spans; k++) {
            assert_int_equal(p.span[k].message, 0);
            raml_buf_add(&shown, p.text.data + at, p.span[k].start - at);
            raml_buf_adds(&shown, "<");
            raml_buf_add(&shown, p.text.data + p.span[k].start, p.span[k].end - p.span[k].start);
            raml_buf_adds(&shown, ">");
            at = p.span[k].end;
        }
        raml_buf_add(&shown, p.text.data + at, p.text.len - at);
        check_bytes(cases[i].text, shown.data, shown.len, cases[i].want, strlen(cases[i].want));
        raml_chat_prompt_deinit(&p);
        raml_chat_template_close(t);
        json_decref(messages);
        raml_buf_deinit(&text);
        raml_buf_deinit(&shown);
    }
}

/* Numbers that JSON has and jansson has not. Python's Jinja2 made this table; NULL: refused. */
static void test_numbers(void **state)
{
    static const char variables[] =
        "{\"a\": 18446744073709551616, \"b\": -12345678901234567890123, \"c\": [9223372036854775807, "
        "9223372036854775808], \"n\": NaN, \"p\": Infinity, \"m\": -Infinity, \"e\": 1e400, \"s\": "
        "\"18446744073709551616\", \"k\": {\"default\": 1000000000000000019884624838656}}";
    static const struct jinja_case cases[] = {
        {"a", "18446744073709551616"},
        {"a|tojson", "18446744073709551616"},
        {"c|tojson", "[9223372036854775807, 9223372036854775808]"},
        {"c", "[9223372036854775807, 9223372036854775808]"},
        {"k|tojson", "{\"default\": 1000000000000000019884624838656}"},
        {"k", "{'default': 1000000000000000019884624838656}"},
        {"[n, p, m, e]", "[nan, inf, -inf, inf]"},
        {"[n, p, m, e]|tojson", "[NaN, Infinity, -Infinity, Infinity]"},
        {"s|tojson", "\"18446744073709551616\""},
        {"[a is integer, a is number, a is string, a is float]", "[True, True, False, False]"},
        {"[a == s, a == a, a in [a], a is sameas a]", "[False, True, True, True]"},
        {"[a > 5, b < 5, 5 < a, a > b, b > a, a < 1.5, p > a]", "[True, True, True, True, False, False, True]"},
        {"[c[1] > c[0], c|max, c|min]", "[True, 9223372036854775808, 9223372036854775807]"},
        {"[b|abs, b|int, a|int, a|round]",
         "[12345678901234567890123, -12345678901234567890123, 18446744073709551616, 18446744073709551616]"},
        {"a|float", "1.8446744073709552e+19"},
        {"'%s' % a", "18446744073709551616"},
        {"a ~ '!'", "18446744073709551616!"},
        {"(a|string)|length", "20"},
        {"'y' if a else 'n'", "y"},
        {"[a, b, 3]|sort", "[-12345678901234567890123, 3, 18446744073709551616]"},
        {"{a: 1}|tojson", "{\"18446744073709551616\": 1}"},
        {"n == n", "False"},
        {"a|length", NULL},
        {"a + 1", NULL}, /* Python has the sum */
    };
    struct variables v = *(struct variables *)*state;
    struct raml_err err = {0};
    struct raml_place at = {"test", 1};
    CHECK_OK(raml_json_parse_as(&at, variables, strlen(variables), RAML_JSON_KEEP_NUMBERS, &v.kwargs, &err));
    assert_int_equal(check_table(&v, cases, COUNT(cases), true), COUNT(cases));
    json_decref(v.kwargs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_expressions), cmocka_unit_test(test_templates),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_date),        cmocka_unit_test(test_provenance),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
