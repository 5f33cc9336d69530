/* test_chat.c - prompts of real templates, against Jinja's own (RAML_SHARED/data/chat; its README: how they were
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
#include "core/file.h"
#include "core/json.h"

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
        if (!memmem(json_string_value(content), json_string_length(content), p->text.data + s->start,
                    s->end - s->start))
            return false;
        at = s->end;
    }
    return true;
}

/* The user's contents are entirely in their own spans. */
static bool users_have_provenance(const struct raml_chat_prompt *p, const json_t *messages)
{
    size_t i;
    const json_t *m;
    json_array_foreach (messages, i, m) {
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
    if (same && !rc && !users_have_provenance(&p, in.messages)) {
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

/* Where llama.cpp works around a template, Jinja's own result differs: these rows must differ, and the others agree. */
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

/* ---- what the generation prompt does about thinking ---- */

static void test_think(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum raml_chat_thinking thinking;
        enum raml_chat_think want;
        const char *generation;
    } cases[] = {
        {"{{ c }}{% if add_generation_prompt %}<A><think>\n{% endif %}", RAML_CHAT_THINKING_AUTO, RAML_CHAT_THINK_OPEN,
         "<A><think>\n"},
        {"{{ c }}{% if add_generation_prompt %}<A>{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif "
         "%}{% endif %}",
         RAML_CHAT_THINKING_OFF, RAML_CHAT_THINK_CLOSED, "<A><think>\n\n</think>\n\n"},
        {"{{ c }}{% if add_generation_prompt %}<A>{% if enable_thinking is false %}<think></think>{% endif %}{% endif "
         "%}",
         RAML_CHAT_THINKING_AUTO, RAML_CHAT_THINK_NONE, "<A>"},
        {"{{ c }}{% if add_generation_prompt %}<A><think></think><think>{% endif %}", RAML_CHAT_THINKING_ON,
         RAML_CHAT_THINK_OPEN, "<A><think></think><think>"},
        /* the user's own tag and the frame's before it do not count; with an empty content too */
        {"<think>{{ c }}</think>{% if add_generation_prompt %}<A>{% endif %}", RAML_CHAT_THINKING_AUTO,
         RAML_CHAT_THINK_NONE, "<A>"},
        {"<think>x{{ '' }}<E>{% if add_generation_prompt %}<A>{% endif %}", RAML_CHAT_THINKING_AUTO,
         RAML_CHAT_THINK_NONE, "<A>"},
        /* both begin with the same bytes: no tag is split */
        {"{{ c }}{% if add_generation_prompt %}<think>{% else %}<thing>{% endif %}", RAML_CHAT_THINKING_AUTO,
         RAML_CHAT_THINK_OPEN, "<think>"},
        /* a template that does not ask, or that raises: what comes after the content */
        {"{{ c }}<E><A><think>", RAML_CHAT_THINKING_AUTO, RAML_CHAT_THINK_OPEN, "<E><A><think>"},
        {"{{ c }}{% if not add_generation_prompt %}{{ raise_exception('x') }}{% endif %}<A><think></think>",
         RAML_CHAT_THINKING_AUTO, RAML_CHAT_THINK_CLOSED, "<A><think></think>"},
        {"{{ c }}", RAML_CHAT_THINKING_AUTO, RAML_CHAT_THINK_NONE, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_chat_template *t = NULL;
        struct raml_chat_prompt p;
        struct raml_buf text;
        raml_buf_init(&text, 4096);
        raml_buf_addf(&text, "{%% set c = messages[0].content %%}%s", cases[i].text);
        json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "is <think> a tag?");
        CHECK_OK(raml_chat_template_open("t", text.data, text.len, NULL, NULL, &t, &err));
        struct raml_chat_input in = raml_chat_input_default(messages, true);
        in.thinking = cases[i].thinking;
        CHECK_OK(raml_chat_render(t, &in, &p, &err));
        check_bytes(cases[i].text, p.text.data + p.generation, p.text.len - p.generation, cases[i].generation,
                    strlen(cases[i].generation));
        assert_int_equal(raml_chat_prompt_think(&p), cases[i].want);
        raml_chat_prompt_deinit(&p);
        in.add_generation_prompt = false;
        if (!strstr(cases[i].text, "raise")) {
            CHECK_OK(raml_chat_render(t, &in, &p, &err));
            assert_int_equal(raml_chat_prompt_think(&p), RAML_CHAT_THINK_NONE);
            raml_chat_prompt_deinit(&p);
        }
        raml_chat_template_close(t);
        json_decref(messages);
        raml_buf_deinit(&text);
    }
}

static void test_think_of_models(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum raml_chat_think want[3]; /* enable_thinking undefined, true, false */
    } cases[] = {
        {"Qwen-Qwen2.5-7B-Instruct", {RAML_CHAT_THINK_NONE, RAML_CHAT_THINK_NONE, RAML_CHAT_THINK_NONE}},
        {"Qwen-Qwen3-0.6B", {RAML_CHAT_THINK_NONE, RAML_CHAT_THINK_NONE, RAML_CHAT_THINK_CLOSED}},
        {"Qwen3.5-4B", {RAML_CHAT_THINK_OPEN, RAML_CHAT_THINK_OPEN, RAML_CHAT_THINK_CLOSED}},
        {"Qwen-QwQ-32B", {RAML_CHAT_THINK_CLOSED, RAML_CHAT_THINK_OPEN, RAML_CHAT_THINK_CLOSED}},
        {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
         {RAML_CHAT_THINK_OPEN, RAML_CHAT_THINK_OPEN, RAML_CHAT_THINK_OPEN}},
        {"deepseek-ai-DeepSeek-V3.1", {RAML_CHAT_THINK_CLOSED, RAML_CHAT_THINK_OPEN, RAML_CHAT_THINK_CLOSED}},
        {"google-gemma-2-2b-it", {RAML_CHAT_THINK_NONE, RAML_CHAT_THINK_NONE, RAML_CHAT_THINK_NONE}},
    };
    if (!have_data()) return;
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "</think> <think>");
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int k = 0; k < 3; k++) {
            char path[512];
            struct raml_err err = {0};
            struct raml_chat_template *t = NULL;
            struct raml_chat_prompt p;
            snprintf(path, sizeof path, DATA "templates/%s.jinja", cases[i].name);
            CHECK_OK(raml_chat_template_open_file(path, NULL, NULL, &t, &err));
            struct raml_chat_input in = raml_chat_input_default(messages, true);
            in.thinking = (enum raml_chat_thinking)k;
            CHECK_OK(raml_chat_render(t, &in, &p, &err));
            if (raml_chat_prompt_think(&p) != cases[i].want[k]) fail_msg("%s, %d: '%s'", cases[i].name, k, p.text.data);
            raml_chat_prompt_deinit(&p);
            raml_chat_template_close(t);
        }
    json_decref(messages);
}

/* ---- continuing the last message ---- */

static void test_continue(void **state)
{
    (void)state;
    static const char jinja[] = "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}<end>{% endfor %}"
                                "{% if add_generation_prompt %}[assistant]{% endif %}",
                      kept[] = "{% for m in messages %}[{{ m.role }}]{{ m.content }}<end>{% endfor %}",
                      lost[] = "{% for m in messages %}[{{ m.role }}]{% endfor %}";
    static const struct {
        const char *jinja, *content; /* the last message's, as JSON */
        enum raml_code code;
        const char *want;
    } cases[] = {
        {jinja, "\"so\"", RAML_OK, "[user]so it is<end>[assistant]so"},
        {jinja, "\" so \"", RAML_OK, "[user]so it is<end>[assistant]so"},
        {kept, "\" so \"", RAML_OK, "[user]so it is<end>[assistant] so "},
        {jinja, "7", RAML_EFORMAT, "the last message has no text as its content"},
        {lost, "\"so\"", RAML_ERANGE, "t: continue_final_message: the last message's text is not in the prompt"},
        {jinja, "\"\"", RAML_ERANGE, "the last message's text is not in the prompt"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_chat_template *t = NULL;
        struct raml_chat_prompt p;
        json_t *content = json_loads(cases[i].content, JSON_DECODE_ANY, NULL);
        json_t *messages = json_pack("[{s:s, s:s}, {s:s, s:o}]", "role", "user", "content", "so it is", "role",
                                     "assistant", "content", content);
        assert_non_null(messages);
        CHECK_OK(raml_chat_template_open("t", cases[i].jinja, strlen(cases[i].jinja), NULL, NULL, &t, &err));
        struct raml_chat_input in = raml_chat_input_default(messages, false);
        in.continue_final_message = true;
        enum raml_code rc = raml_chat_render(t, &in, &p, &err);
        if (rc != cases[i].code) fail_msg("row %zu: %d %s", i, rc, err.msg);
        if (rc && !strstr(err.msg, cases[i].want)) fail_msg("row %zu: %s", i, err.msg);
        if (!rc) {
            assert_string_equal(p.text.data, cases[i].want);
            assert_int_equal(p.span[p.n_spans - 1].end, p.text.len);
            raml_chat_prompt_deinit(&p);
        }
        in.add_generation_prompt = true;
        err = (struct raml_err){0};
        if (cases[i].jinja == jinja) assert_int_equal(raml_chat_render(t, &in, &p, &err), RAML_EUSAGE);
        raml_chat_template_close(t);
        json_decref(messages);
    }
}

/* ---- a folder's template ---- */

static void test_find(void **state)
{
    (void)state;
    static const struct {
        const char *config, *file; /* NULL: absent */
        enum raml_code code;
        const char *want; /* "TEXT|BOS|EOS" of a template that prints its name, or a part of the message */
    } cases[] = {
        {"{\"chat_template\":\"one\",\"bos_token\":\"B\",\"eos_token\":{\"content\":\"E\"}}", NULL, RAML_OK, "one|B|E"},
        {"{\"chat_template\":\"one\",\"bos_token\":null}", "two", RAML_OK, "two||"},
        {"{\"bos_token\":\"B\",\"model_max_length\":1000000000000000019884624838656}", "two\n", RAML_OK, "two|B|"},
        {NULL, "two", RAML_OK, "two||"},
        {"{\"chat_template\":[{\"name\":\"x\",\"template\":\"no\"},{\"name\":\"default\",\"template\":\"yes\"}]}", NULL,
         RAML_OK, "yes||"},
        {"{\"chat_template\":[{\"name\":\"x\",\"template\":\"no\"}]}", NULL, RAML_EFORMAT,
         "tokenizer_config.json: field 'chat_template' is a list of 1 without one named \"default\""},
        {"{\"chat_template\":7}", NULL, RAML_EFORMAT,
         "tokenizer_config.json: field 'chat_template' is a number; expected a text, or a list of {name, template}"},
        {"{\"chat_template\":\"a\",\"eos_token\":[]}", NULL, RAML_EFORMAT,
         "tokenizer_config.json: field 'eos_token' is an array; expected a text, or an object with field 'content'"},
        {"{\"chat_template\":\"\\n{{ x\"}", NULL, RAML_EFORMAT,
         "tokenizer_config.json (chat_template):2: the template ends"},
        {"{", "two", RAML_EFORMAT, "tokenizer_config.json:1: not valid JSON"},
        {"{\"chat_template\":null}", NULL, RAML_ERANGE,
         ": has no chat template (no chat_template.jinja, and no 'chat_template' in tokenizer_config.json). Give a "
         "template file, or choose another --prompt_format; --prompt_before and --prompt_after set your own texts "
         "around a question"},
        {NULL, NULL, RAML_ERANGE,
         ": has no chat template (no chat_template.jinja, and no 'chat_template' in tokenizer_config.json)."},
    };
    json_t *messages = json_array();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char dir[] = "/tmp/raml-test-chat-XXXXXX", path[128];
        struct raml_err err = {0};
        struct raml_chat_template *t = NULL;
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
        if (cases[i].config) CHECK_OK(raml_file_write(path, cases[i].config, strlen(cases[i].config), &err));
        snprintf(path, sizeof path, "%s/chat_template.jinja", dir);
        if (cases[i].file) CHECK_OK(raml_file_write(path, cases[i].file, strlen(cases[i].file), &err));
        enum raml_code rc = raml_chat_template_find(dir, NULL, &t, &err);
        if (rc != cases[i].code) fail_msg("row %zu: %d %s", i, rc, err.msg);
        if (rc) {
            if (!strstr(err.msg, cases[i].want)) fail_msg("row %zu: '%s', expected '%s'", i, err.msg, cases[i].want);
        } else {
            struct raml_chat_prompt p;
            char got[64];
            struct raml_chat_input in = raml_chat_input_default(messages, false);
            CHECK_OK(raml_chat_render(t, &in, &p, &err));
            snprintf(got, sizeof got, "%s|%s|%s", p.text.data, raml_chat_template_bos(t), raml_chat_template_eos(t));
            assert_string_equal(got, cases[i].want);
            raml_chat_prompt_deinit(&p);
            raml_chat_template_close(t);
        }
        CHECK_OK(raml_remove_tree(dir, &err));
    }
    json_decref(messages);
}

/* What a folder names beside template, bos and eos: right values by transformers' apply_chat_template. */
static void test_named_and_special(void **state)
{
    static const struct {
        const char *file[3][2], *with, *without; /* names and texts; what is rendered with a tool and with none */
    } cases[] = {
        {{{"tokenizer_config.json",
           "{\"chat_template\":[{\"name\":\"default\",\"template\":\"D:{{messages[0].content}}\"},"
           "{\"name\":\"tool_use\",\"template\":\"T{{tools|length}}:{{messages[0].content}}\"}]}"}},
         "T1:hi",
         "D:hi"},
        {{{"tokenizer_config.json", "{\"pad_token\":{\"content\":\"<p>\"}}"},
          {"chat_template.jinja", "D{{pad_token}}"},
          {"additional_chat_templates/tool_use.jinja", "U{{pad_token}}{{tools|length}}"}},
         "U<p>1",
         "D<p>"},
        {{{"tokenizer_config.json",
           "{\"pad_token\":\"<p>\",\"unk_token\":\"<u>\",\"eos_token\":\"<e>\",\"additional_special_tokens\":[\"<x>\",{"
           "\"content\":\"<y>\"}],\"extra_special_tokens\":{\"image_token\":\"<i>\"},\"chat_template\":\"{{bos_token}}|"
           "{{"
           "eos_token}}|{{pad_token}}|{{unk_token}}|{{additional_special_tokens|join(',')}}|{{image_token}}|{{sep_"
           "token is "
           "defined}}\"}"},
          {"special_tokens_map.json", "{\"bos_token\":{\"content\":\"<s>\"},\"eos_token\":\"</s>\"}"}},
         "<s>|</s>|<p>|<u>|<x>,<y>|<i>|False",
         "<s>|</s>|<p>|<u>|<x>,<y>|<i>|False"},
        {{{"tokenizer_config.json",
           "{\"eos_token\":\"<e>\",\"added_tokens_decoder\":{},\"chat_template\":\"{{bos_token}}|{{eos_"
           "token}}|{{pad_token}}\"}"},
          {"special_tokens_map.json", "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"pad_token\":\"<p>\"}"}},
         "|<e>|",
         "|<e>|"},
        {{{"tokenizer_config.json",
           "{\"chat_template\":\"{{ (none|select|list|length) ~ (0|map('upper')|list) ~ (false|rejectattr('a')|list) "
           "}}{{ "
           "messages[0].content|tojson(ensure_ascii=True) }}{{ '\\u007f'|tojson(ensure_ascii=True) }}\"}"}},
         "0[][]\"hi\"\"\\u007f\"",
         "0[][]\"hi\"\"\\u007f\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        char dir[] = "/tmp/raml-test-chat-XXXXXX", path[128];
        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/additional_chat_templates", dir);
        CHECK_OK(raml_make_dir(path, &err));
        for (size_t k = 0; k < 3 && cases[i].file[k][0]; k++) {
            snprintf(path, sizeof path, "%s/%s", dir, cases[i].file[k][0]);
            CHECK_OK(raml_file_write(path, cases[i].file[k][1], strlen(cases[i].file[k][1]), &err));
        }
        struct raml_chat_template *t = NULL;
        CHECK_OK(raml_chat_template_find(dir, NULL, &t, &err));
        json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "hi"),
               *tools = json_pack("[{s:s}]", "a", "b");
        for (int with = 0; with < 2; with++) {
            struct raml_chat_input in = raml_chat_input_default(messages, false);
            struct raml_chat_prompt p = {0};
            in.tools = with ? tools : NULL;
            CHECK_OK(raml_chat_render(t, &in, &p, &err));
            assert_string_equal(p.text.data, with ? cases[i].with : cases[i].without);
            raml_chat_prompt_deinit(&p);
        }
        json_decref(messages);
        json_decref(tools);
        raml_chat_template_close(t);
        CHECK_OK(raml_remove_tree(dir, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_and_special),
        cmocka_unit_test(test_rendered),
        cmocka_unit_test(test_llamacpp),
        cmocka_unit_test(test_think),
        cmocka_unit_test(test_think_of_models),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
