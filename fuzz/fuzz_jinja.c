/* fuzz_jinja.c - a chat template, and after a byte 0xff (which no template holds) what is rendered by it, as JSON: an
 * object whose "messages" and "tools" are those, and whose other fields are variables; else a small conversation.
 * What renders does so twice, to the same prompt and spans. */
#include "fuzz/check.h"
#include "fuzz/target.h"
#include "raml/chat.h"
#include "text/jinja_cases.h"
#include "text/jinja_templates.h"

#include <stdio.h>
#include <string.h>

enum { BORDER = 0xff };

static void check_prompt(const struct raml_chat_prompt *p, size_t n_messages, bool generation)
{
    size_t at = 0;
    for (size_t i = 0; i < p->n_spans; i++) {
        const struct raml_chat_span *s = &p->span[i];
        FUZZ_CHECK(s->start >= at && s->end > s->start && s->end <= p->text.len && s->message < n_messages,
                   "span %zu is bytes %zu to %zu of %zu, message %zu of %zu", i, s->start, s->end, p->text.len,
                   s->message, n_messages);
        bool whole = (p->text.data[s->start] & 0xc0) != 0x80 && (p->text.data[s->end] & 0xc0) != 0x80;
        FUZZ_CHECK(whole, "span %zu takes a character apart", i);
        at = s->end;
    }
    FUZZ_CHECK(p->generation <= p->text.len && (generation || p->generation == p->text.len),
               "the generation prompt at %zu of %zu", p->generation, p->text.len);
    FUZZ_CHECK(!p->n_spans || p->generation >= at, "the generation prompt at %zu, the last span ends at %zu",
               p->generation, at);
    (void)raml_chat_prompt_think(p);
}

static void same(const struct raml_chat_prompt *a, const struct raml_chat_prompt *b)
{
    FUZZ_CHECK(a->text.len == b->text.len && (!a->text.len || !memcmp(a->text.data, b->text.data, a->text.len)),
               "%zu bytes, and %zu the second time", a->text.len, b->text.len);
    FUZZ_CHECK(a->n_spans == b->n_spans && a->generation == b->generation, "%zu spans, and %zu the second time",
               a->n_spans, b->n_spans);
    for (size_t i = 0; i < a->n_spans; i++)
        FUZZ_CHECK(a->span[i].start == b->span[i].start && a->span[i].end == b->span[i].end &&
                       a->span[i].message == b->span[i].message,
                   "span %zu is another the second time", i);
}

static int render(const struct raml_chat_template *t, const json_t *messages, const json_t *tools,
                  const json_t *variables, size_t size, bool go_on)
{
    struct raml_chat_prompt a, b;
    struct raml_err err = {0}, again = {0};
    struct raml_chat_input in =
        raml_chat_input_default(messages, !go_on && size % 2 == 0); /* a function of the input */
    in.continue_final_message = go_on;
    in.thinking = size % 3 == 0   ? RAML_CHAT_THINKING_ON
                  : size % 3 == 1 ? RAML_CHAT_THINKING_OFF
                                  : RAML_CHAT_THINKING_AUTO;
    in.tools = tools;
    in.kwargs = variables;
    enum raml_code rc = raml_chat_render(t, &in, &a, &err), second = raml_chat_render(t, &in, &b, &again);
    FUZZ_CHECK(rc == second, "code %d, and %d the second time", (int)rc, (int)second);
    if (rc) {
        FUZZ_CHECK(!strcmp(err.msg, again.msg), "'%s', and '%s' the second time", err.msg, again.msg);
        FUZZ_CHECK(!a.text.data && !a.span && !a.n_spans, "a prompt is left of a failure");
        return fuzz_refused(rc, &err);
    }
    check_prompt(&a, json_array_size(messages), in.add_generation_prompt);
    same(&a, &b);
    raml_chat_prompt_deinit(&a);
    raml_chat_prompt_deinit(&b);
    return FUZZ_READ;
}

static int run(const uint8_t *data, size_t size)
{
    const uint8_t *border = size ? memchr(data, BORDER, size) : NULL;
    size_t n = border ? (size_t)(border - data) : size;
    struct raml_chat_template *t = NULL;
    struct raml_err err = {0};
    enum raml_code rc = raml_chat_template_open("t", (const char *)data, n, "<s>", "</s>", &t, &err);
    if (rc) return fuzz_refused(rc, &err);
    json_t *given = border ? json_loadb((const char *)border + 1, size - n - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_array(json_object_get(given, "messages"))) {
        json_decref(given);
        given = json_loads(jinja_variables, 0, NULL);
        json_object_set_new(given, "messages", json_loads(jinja_messages, 0, NULL));
    }
    json_t *messages = json_incref(json_object_get(given, "messages")),
           *tools = json_incref(json_object_get(given, "tools"));
    json_object_del(given, "messages"); /* as variables they would win */
    json_object_del(given, "tools");
    int outcome = render(t, messages, tools, given, size, false);
    (void)render(t, messages, tools, given, size, true); /* many templates change the last message, and are refused */
    json_decref(messages);
    json_decref(tools);
    json_decref(given);
    raml_chat_template_close(t);
    return outcome;
}

static const char chatml[] =
    "{%- if tools %}{{- '<|im_start|>system\\n# Tools' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}{%- "
    "endfor "
    "%}{{- '<|im_end|>\\n' }}{%- endif %}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + "
    "message['content'] | trim + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- "
    "'<think>\\n\\n</think>\\n"
    "\\n' }}{%- endif %}{% endif %}\n\xff{\"messages\":[{\"role\":\"system\",\"content\":\"Be "
    "brief.\"},{\"role\":\"user\","
    "\"content\":\" 1+1? \"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}]}";
static const char macros[] =
    "{%- macro turn(role, text='') -%}[{{ role|upper }}] {{ text }}{{ caller() if caller else '' }}{%- endmacro -%}\n"
    "{%- set ns = namespace(i=0, last='') -%}\n{%- for m in messages if m.role != 'tool' -%}\n  {%- set ns.i = ns.i + "
    "1 -%}\n"
    "  {%- if m.role not in ['user', 'assistant', 'system'] -%}{{ raise_exception('Unknown role') }}{%- endif -%}\n"
    "  {{ turn(m.role, m.content.split('</think>')[-1].lstrip('\\n')) }}{{ loop.index0 ~ '/' ~ loop.length }}\n"
    "  {%- if loop.last %}{{ eos_token }}{% else %}{{ '\\n' }}{% endif -%}\n{%- endfor -%}\n"
    "{% filter upper %}end {{ messages|length }}{% endfilter %}{% with q = 2 %}{{ q * ns.i }}{% endwith %}";

/* Those of the tests' templates that render, one in four. */
static void seeds(struct fuzz_corpus *c)
{
    fuzz_seed_text(c, "chatml", chatml);
    fuzz_seed_text(c, "macros", macros);
    for (size_t i = 0, n = 0; i < FUZZ_COUNT(templates); i++) {
        char name[32];
        if (!templates[i].want || n++ % 4) continue;
        snprintf(name, sizeof name, "template-%zu", i);
        fuzz_seed_text(c, name, templates[i].text);
    }
}

/* clang-format off */
static const char *const words[] = {
    "{{ ", " }}", "{% ", " %}", "{%- ", " -%}", "{{- ", " -}}", "{# ", " #}", "{% if x %}", "{% elif y %}",
    "{% else %}", "{% endif %}", "{% for m in messages %}", "{% for k, v in d.items() %}", "{% endfor %}",
    "{% set x = ", "{% set x %}", "{% endset %}", "{% macro f(a, b=1) %}", "{% endmacro %}", "{{ f(1) }}",
    "{% call f() %}", "{% endcall %}", "{% filter upper %}", "{% endfilter %}", "{% with a = 1 %}", "{% endwith %}",
    "{% raw %}", "{% endraw %}", "{% break %}", "{% continue %}", "{% generation %}", "{% endgeneration %}",
    "loop.index", "loop.previtem", "loop.cycle('a', 'b')", "namespace(a=1)", "range(10)", "range(0, -9, -1)",
    "dict(a=1)", "messages[0]", "messages[-1].content", "['role']", "[::-1]", "[1:]", "[:2]", "(", ")", "[", "]", "{",
    "}", "not ", " and ", " or ", " in ", " is defined", " is not none", " is string", " is mapping", " == ", " != ",
    "//", "**", "%", "~", "+", "-", "*", "|tojson", "|tojson(indent=2)", "|length", "|trim", "|upper", "|title",
    "|capitalize", "|replace('a', 'b')", "|join(', ')", "|map(attribute='role')|list",
    "|selectattr('role', 'equalto', 'user')|list", "|default('x')", "|first", "|last", "|reverse", "|sort",
    "|unique|list", "|batch(2)|list", "|groupby('role')", "|int", "|float", "|round(2)", "|string", "|list",
    "|dictsort", "|items", "|indent(4)", "|wordwrap(5)", "|format(1)", "|safe", "|escape", "|slice(3)|list", "|sum",
    "|min", "|max", "|abs", ".split(',')", ".strip()", ".startswith('a')", ".format(1, a=2)", ".replace('a', 'b')",
    ".items()", ".get('x', 1)", ".upper()", ".find('l')", ".splitlines()", ".append(1)", ".join(['a'])", ".encode()",
    "'%5.2f' % 3.14159", "'%s' % x", "'a' * 3", "raise_exception('no')", "strftime_now('%Y-%m-%d')",
    "add_generation_prompt", "bos_token", "1e308", "0x1f", "9223372036854775807", "1_000", "true", "none", "''",
    "\"\\u00e9\\n\"", "\xc3\xa9", "if x else y", ",", ":", "=", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_jinja = {
    .name = "jinja",
    .about = "chat templates, and messages through them",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
