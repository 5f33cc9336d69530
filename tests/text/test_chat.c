/* test_chat.c - prompts of real templates, against Jinja's own (RAML_SHARED/data/chat; its README says how they were
 * made), and how a folder's template is found. */
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
#include "raml/file.h"
#include "raml/json.h"

#define DATA RAML_SHARED "/data/chat/"

static bool have_data(void)
{
    if (raml_is_file(DATA "rendered.jsonl")) return true;
    fprintf(stderr, "SKIPPED: %s is absent: prompts were NOT checked against Jinja's\n", DATA);
    return false;
}

static const char *text_at(const json_t *o, const char *field)
{
    return json_string_value(json_object_get(o, field));
}

static struct raml_chat_input input_of(const json_t *row)
{
    struct raml_chat_input in = raml_chat_input_default(json_object_get(row, "messages"),
                                                        json_is_true(json_object_get(row, "add_generation_prompt")));
    in.bos_token = text_at(row, "bos_token");
    in.eos_token = text_at(row, "eos_token");
    in.kwargs = json_object_get(row, "kwargs");
    return in;
}

/* Every byte of a span is a byte of its message's content or of another of its strings: checked for plain messages
 * whose template does not rewrite them, where the span's text is part of the content. */
static bool spans_hold(const struct raml_chat_prompt *p, const json_t *messages)
{
    size_t at = 0;
    for (size_t i = 0; i < p->n_spans; i++) {
        const struct raml_chat_span *s = &p->span[i];
        const json_t *content = json_object_get(json_array_get(messages, s->message), "content");
        if (s->start < at || s->end <= s->start || s->end > p->text.len) return false;
        if (!memmem(json_string_value(content), json_string_length(content), p->text.data + s->start, s->end - s->start))
            return false;
        at = s->end;
    }
    return true;
}

/* The user's contents, whole, are in spans of theirs. */
static bool users_are_marked(const struct raml_chat_prompt *p, const json_t *messages)
{
    size_t i;
    const json_t *m;
    json_array_foreach(messages, i, m)
    {
        const char *content = text_at(m, "content");
        bool found = strcmp(text_at(m, "role"), "user") != 0;
        while (*content && strchr(" \n\t", *content)) content++;
        size_t n = strlen(content);
        while (n && strchr(" \n\t", content[n - 1])) n--;
        if (!n) continue;
        for (size_t k = 0; k < p->n_spans && !found; k++)
            found = p->span[k].message == i &&
                    memmem(p->text.data + p->span[k].start, p->span[k].end - p->span[k].start, content, n);
        if (!found) return false;
    }
    return true;
}

static bool matches(const struct raml_chat_template *t, const json_t *row, const char *name, const char *field)
{
    struct raml_err err = {0};
    struct raml_chat_prompt p;
    struct raml_chat_input in = input_of(row);
    const json_t *want = json_object_get(row, field);
    enum raml_code rc = raml_chat_render(t, &in, &p, &err);
    bool same = json_is_null(want) ? rc == RAML_ERANGE && strstr(err.msg, "the template says: ") != NULL
                                   : rc == RAML_OK && p.text.len == json_string_length(want) &&
                                         memcmp(p.text.data, json_string_value(want), p.text.len) == 0;
    if (!same)
        print_error("%s: %s\n--- got\n%s\n--- expected\n%s\n---\n", name, err.msg, rc ? "(failure)" : p.text.data,
                    json_is_null(want) ? "(failure)" : json_string_value(want));
    if (same && !rc && !spans_hold(&p, in.messages)) {
        print_error("%s: a span is not its message's\n", name);
        same = false;
    }
    if (same && !rc && !users_are_marked(&p, in.messages)) {
        print_error("%s: a user's content is not in a span\n", name);
        same = false;
    }
    raml_chat_prompt_deinit(&p);
    return same;
}

typedef bool (*check_row)(const json_t *row);

static void each_row(const char *path, check_row check, size_t *matched, size_t *total)
{
    struct raml_err err = {0};
    struct raml_lines lines;
    CHECK_OK(raml_lines_init(&lines, path, 1 << 24, &err));
    for (bool more = true; more;) {
        CHECK_OK(raml_lines_next(&lines, &more, &err));
        if (!more) break;
        json_t *row;
        struct raml_place at = {path, lines.number};
        CHECK_OK(raml_json_parse(&at, lines.line.data, lines.line.len, &row, &err));
        ++*total;
        *matched += check(row);
        json_decref(row);
    }
    raml_lines_deinit(&lines);
}

static bool check_rendered(const json_t *row)
{
    char path[512];
    struct raml_err err = {0};
    struct raml_chat_template *t = NULL;
    snprintf(path, sizeof path, DATA "templates/%s.jinja", text_at(row, "template_name"));
    if (raml_chat_template_open_file(path, NULL, NULL, &t, &err)) {
        print_error("%s\n", err.msg);
        return false;
    }
    bool same = matches(t, row, text_at(row, "template_name"), "expected");
    raml_chat_template_close(t);
    return same;
}

static void test_rendered(void **state)
{
    (void)state;
    size_t matched = 0, total = 0;
    if (!have_data()) return;
    each_row(DATA "rendered.jsonl", check_rendered, &matched, &total);
    print_message("rendered.jsonl: %zu of %zu match\n", matched, total);
    assert_int_equal(matched, total);
    assert_int_equal(total, 487);
}

/* Where llama.cpp works around a template, Jinja's own result is another: these rows must differ, and the others agree. */
static bool check_llamacpp(const json_t *row)
{
    struct raml_err err = {0};
    struct raml_chat_template *t = NULL;
    const json_t *text = json_object_get(row, "template");
    const char *name = text_at(row, "template_name");
    struct raml_chat_prompt p = {0};
    if (raml_chat_template_open(name, json_string_value(text), json_string_length(text), NULL, NULL, &t, &err)) {
        print_error("%s\n", err.msg);
        return false;
    }
    if (json_is_true(json_object_get(row, "python_jinja2_agrees"))) {
        bool same = matches(t, row, name, "expected_jinja");
        raml_chat_template_close(t);
        return same;
    }
    struct raml_chat_input in = input_of(row);
    enum raml_code rc = raml_chat_render(t, &in, &p, &err);
    print_message("%s: llama.cpp works around the template; here it %s\n", name, rc ? err.msg : "is rendered as it is");
    raml_chat_prompt_deinit(&p);
    raml_chat_template_close(t);
    return false;
}

static void test_llamacpp(void **state)
{
    (void)state;
    size_t matched = 0, total = 0;
    if (!have_data()) return;
    each_row(DATA "llamacpp_cases.jsonl", check_llamacpp, &matched, &total);
    print_message("llamacpp_cases.jsonl: %zu of %zu match\n", matched, total);
    assert_int_equal(total, 26);
    assert_int_equal(matched, 22);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_llamacpp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
