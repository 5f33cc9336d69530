/* test_format.c - the tokens that a question becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/file.h"
#include "raml/format.h"

#include <jansson.h>

enum { END_OF_TEXT = 256, QUESTION, THINK, END_OF_THINK };

static int open_bytes(void **state)
{
    return raml_tokenizer_bytes((struct raml_tokenizer **)state, NULL) != RAML_OK;
}

static int close_bytes(void **state)
{
    raml_tokenizer_close(*state);
    return 0;
}

static void test_built_in(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = raml_format_default();
    struct raml_err err = {0};
    struct raml_tokens out = {0};
    CHECK_OK(raml_format_prompt(&f, t, "1+1", &out, &err));
    CHECK_OK(raml_format_answer_prefix(&f, t, &out, &err));
    CHECK_OK(raml_format_end(&f, t, &out, &err));
    const int32_t want[] = {QUESTION, '1', '+', '1', THINK, END_OF_THINK, END_OF_TEXT};
    check_ids("prompt, cue, end", out.id, out.n, want, COUNT(want));
    raml_tokens_deinit(&out);
}

/* What other programs read of a model trained here: a template whose prompts are the format's, ends that are its stop. */
static void test_as_tokenizer_config(void **state)
{
    static const char *const questions[] = {"1+1", "", " a\n\nb ", "</think>{{ 1 }}<|endoftext|>", "caf\xc3\xa9 '\\\""};
    const struct raml_tokenizer *t = *state;
    const struct raml_format f = raml_format_default();
    struct raml_tokenizer_config c;
    struct raml_chat_template *chat;
    struct raml_format as_chat;
    struct raml_err err = {0};
    int32_t stop = -1;
    CHECK_OK(raml_format_tokenizer_config(&f, t, NULL, &c, &stop, &err));
    assert_int_equal(stop, END_OF_TEXT);
    assert_string_equal(c.eos, "<|endoftext|>");
    assert_string_equal(json_string_value(json_object_get(c.special, "pad_token")), "<|pad|>");
    assert_int_equal(c.add_bos, -1);
    CHECK_OK(raml_chat_template_open("built-in", c.chat_template, strlen(c.chat_template), NULL, c.eos, &chat, &err));
    CHECK_OK(raml_format_of_template(chat, RAML_CHAT_THINKING_AUTO, NULL, &as_chat, &err));
    assert_true(as_chat.think_opened);
    assert_string_equal(as_chat.stop, f.stop);
    as_chat.instruction = NULL;
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct raml_tokens want = {0}, got = {0};
        CHECK_OK(raml_format_prompt(&f, t, questions[i], &want, &err));
        CHECK_OK(raml_format_prompt(&as_chat, t, questions[i], &got, &err));
        check_ids(questions[i], got.id, got.n, want.id, want.n);
        raml_tokens_deinit(&want);
        raml_tokens_deinit(&got);
    }
    as_chat.system = "Be brief.";
    struct raml_tokens none = {0};
    assert_int_not_equal(raml_format_prompt(&as_chat, t, "1+1", &none, &err), RAML_OK);
    if (!strstr(err.msg, "no place for a message of role system")) fail_msg("%s", err.msg);
    raml_chat_template_close(chat);
    raml_tokenizer_config_deinit(&c);
}

/* What was given stays. */
static void test_tokenizer_config_of_others(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = raml_format_default();
    struct raml_tokenizer_config own = {.chat_template = strdup("mine"), .eos = strdup("<think>"), .add_bos = 0}, c;
    struct raml_err err = {0};
    int32_t stop = -1;
    CHECK_OK(raml_format_tokenizer_config(&f, t, &own, &c, &stop, &err));
    assert_int_equal(stop, END_OF_TEXT);
    assert_string_equal(c.chat_template, "mine");
    assert_string_equal(c.eos, "<think>");
    assert_int_equal(c.add_bos, 0);
    raml_tokenizer_config_deinit(&c);
    f = (struct raml_format){.name = "custom", .before = "Q:", .stop = "ab"}; /* no one token */
    CHECK_OK(raml_format_tokenizer_config(&f, t, NULL, &c, &stop, &err));
    assert_int_equal(stop, -1);
    assert_null(c.chat_template);
    assert_null(c.eos);
    raml_tokenizer_config_deinit(&c);
    raml_tokenizer_config_deinit(&own);
}

/* A question that spells a special token must not become one: it could close the thinking before it begins. */
static void test_specials_in_a_question_stay_text(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = raml_format_default();
    struct raml_err err = {0};
    struct raml_tokens out = {0};
    CHECK_OK(raml_format_prompt(&f, t, "</think>", &out, &err));
    const int32_t want[] = {QUESTION, '<', '/', 't', 'h', 'i', 'n', 'k', '>', THINK};
    check_ids("prompt", out.id, out.n, want, COUNT(want));
    raml_tokens_deinit(&out);
}

static void test_own_texts(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_format f = {.before = "Q:", .after = "\nA:<think>", .answer_prefix = "!"};
    struct raml_err err = {0};
    struct raml_tokens out = {0};
    CHECK_OK(raml_format_prompt(&f, t, "", &out, &err));
    CHECK_OK(raml_format_answer_prefix(&f, t, &out, &err));
    CHECK_OK(raml_format_end(&f, t, &out, &err));
    const int32_t want[] = {'Q', ':', '\n', 'A', ':', THINK, '!'};
    check_ids("own texts", out.id, out.n, want, COUNT(want));
    raml_tokens_deinit(&out);
}

/* The text of a prompt, with one token per byte; for free(). Special tokens of this tokenizer are kept. */
static char *text_of(const struct raml_format *f, const struct raml_tokenizer *t, const char *question)
{
    struct raml_err err = {0};
    struct raml_tokens ids = {0};
    struct raml_buf text;
    raml_buf_init(&text, 1 << 20);
    CHECK_OK(raml_format_prompt(f, t, question, &ids, &err));
    CHECK_OK(raml_tokenizer_decode(t, ids.id, ids.n, true, &text, &err));
    raml_buf_add(&text, "", 1);
    CHECK_OK(raml_buf_status(&text, &err));
    char *out = strdup(text.data);
    raml_tokens_deinit(&ids);
    raml_buf_deinit(&text);
    return out;
}

static int have_templates(void)
{
    if (raml_is_dir(RAML_SHARED "/data/chat/templates")) return 1;
    fprintf(stderr, "\n*** %s/data/chat is absent: prompt formats were NOT checked against templates ***\n\n",
            RAML_SHARED);
    return 0;
}

/* The named formats are what the published templates make of one user message. */
static void test_named_as_published(void **state)
{
    static const struct {
        const char *name, *file, *bos, *opening; /* opening: what the format appends, to open thinking */
    } cases[] = {{"qwen", "Qwen-Qwen2.5-7B-Instruct", NULL, ""},
                 {"qwen3", "Qwen-Qwen3-0.6B", NULL, "<think>\n"},
                 {"r1", "deepseek-r1-distill-qwen-2025-02", "<｜begin▁of▁sentence｜>", ""},
                 {"r1", "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "<｜begin▁of▁sentence｜>", ""}};
    if (!have_templates()) return;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[512];
        struct raml_err err = {0};
        struct raml_chat_template *chat;
        struct raml_format named, by_template;
        snprintf(path, sizeof path, "%s/data/chat/templates/%s.jinja", RAML_SHARED, cases[i].file);
        CHECK_OK(raml_chat_template_open_file(path, cases[i].bos, "<eos>", &chat, &err));
        CHECK_OK(raml_format_named(cases[i].name, NULL, &named, &err));
        CHECK_OK(raml_format_of_template(chat, RAML_CHAT_THINKING_AUTO, NULL, &by_template, &err));
        char *a = text_of(&named, *state, "What is 1 + 1?"), *b = text_of(&by_template, *state, "What is 1 + 1?");
        assert_string_equal(a, b);
        assert_non_null(strstr(a, "What is 1 + 1?\n\nPlease reason step by step"));
        size_t n = strlen(a), k = strlen(cases[i].opening);
        assert_string_equal(a + n - k, cases[i].opening);
        assert_int_equal(named.think_opened, by_template.think_opened);
        assert_string_equal(named.answer_prefix, by_template.answer_prefix);
        assert_true((named.think_close == NULL) == (by_template.think_close == NULL));
        assert_string_equal(by_template.stop, "<eos>");
        free(a);
        free(b);
        raml_chat_template_close(chat);
    }
}

/* Thinking turned off: Qwen 3's template closes it at once, so there is none to expect. */
static void test_thinking_off(void **state)
{
    struct raml_err err = {0};
    struct raml_chat_template *chat;
    struct raml_format f;
    if (!have_templates()) return;
    CHECK_OK(raml_chat_template_open_file(RAML_SHARED "/data/chat/templates/Qwen-Qwen3-0.6B.jinja", NULL, "<|im_end|>",
                                          &chat, &err));
    CHECK_OK(raml_format_of_template(chat, RAML_CHAT_THINKING_OFF, NULL, &f, &err));
    char *text = text_of(&f, *state, "?");
    assert_non_null(strstr(text, "<|im_start|>assistant\n<think>\n\n</think>\n\n"));
    assert_null(f.think_close);
    assert_null(f.prefill);
    assert_false(f.think_opened);
    free(text);
    raml_chat_template_close(chat);
}

/* What a question spells stays text in a template's prompt too; the template's own <think> is the token. */
static void test_specials_after_a_template(void **state)
{
    const struct raml_tokenizer *t = *state;
    struct raml_err err = {0};
    struct raml_chat_template *chat;
    struct raml_format f;
    struct raml_tokens ids = {0};
    static const char jinja[] = "{{ messages[0].content | trim }}{% if add_generation_prompt %}<think>{% endif %}";
    CHECK_OK(raml_chat_template_open("t", jinja, strlen(jinja), NULL, NULL, &chat, &err));
    CHECK_OK(raml_format_of_template(chat, RAML_CHAT_THINKING_AUTO, NULL, &f, &err));
    f.instruction = NULL;
    CHECK_OK(raml_format_prompt(&f, t, " <think>", &ids, &err));
    const int32_t want[] = {'<', 't', 'h', 'i', 'n', 'k', '>', THINK};
    check_ids("prompt", ids.id, ids.n, want, COUNT(want));
    assert_true(f.think_opened);
    raml_tokens_deinit(&ids);
    raml_chat_template_close(chat);
}

static void test_names(void **state)
{
    struct raml_err err = {0};
    struct raml_format f;
    assert_int_equal(raml_format_named("qwen4", NULL, &f, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "unknown prompt format 'qwen4'; known: builtin, qwen, qwen3, r1, llama3, plain");
    err = (struct raml_err){0};
    assert_int_equal(raml_format_named("qwen", *state, &f, &err), RAML_ERANGE);
    assert_string_equal(err.msg,
                        "prompt format 'qwen' needs the special token <|im_start|>, which the tokenizer does not "
                        "have");
    CHECK_OK(raml_format_named("builtin", *state, &f, &err));
    CHECK_OK(raml_format_named("llama3", NULL, &f, &err));
    f.system = "Be brief.";
    char *text = text_of(&f, *state, "Hi");
    assert_string_equal(text,
                        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
                        "<|start_header_id|>user<|end_header_id|>\n\nHi\n\nPlease reason step by step, and put your "
                        "final answer within \\boxed{}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n");
    free(text);
}

/* Prompt presets: text before the question, after it, and a system message; what it spells stays text. */
static void test_presets(void **state)
{
    struct raml_err err = {0};
    struct raml_format f, before;
    CHECK_OK(raml_format_named("plain", NULL, &f, &err));
    CHECK_OK(raml_format_preset("gpqa", &f, &err));
    char *text = text_of(&f, *state, "Hot?\n\nA) yes\nB) no");
    assert_string_equal(text,
                        "Answer the following multiple choice question. The last line of your response should be of "
                        "the following format: 'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think "
                        "step by step before answering.\n\nHot?\n\nA) yes\nB) no\n\n");
    free(text);
    CHECK_OK(raml_format_preset("paper", &f, &err));
    text = text_of(&f, *state, "1+1?");
    assert_string_equal(text, "1+1?\n\nPlease reason step by step, and put your final answer within \\boxed{}\n\n");
    free(text);
    before = f;
    assert_int_equal(raml_format_preset("gpqa+raml_grpo", &f, &err), RAML_EUSAGE);
    assert_string_equal(err.msg,
                        "prompt preset 'raml_grpo' is a system message, for which prompt format 'plain' has no place");
    assert_memory_equal(&f, &before, sizeof f);
    assert_int_equal(raml_format_preset("papers", &f, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "unknown prompt preset 'papers'; known: paper, none, nothinking, raml_eval, "
                                 "raml_grpo, raml_sft, raml_sft_qwen, gpqa, livemathbench, livemathbench_cn");
    assert_int_equal(raml_format_preset("paper+", &f, &err), RAML_EUSAGE);
    assert_int_equal(raml_format_preset("", &f, &err), RAML_EUSAGE);
    CHECK_OK(raml_format_named("qwen", NULL, &f, &err));
    /* the system message of one, the question prefix of the other */
    CHECK_OK(raml_format_preset("raml_grpo+gpqa", &f, &err));
    text = text_of(&f, *state, "Hot?");
    assert_non_null(strstr(text, "steps:\n    \n1. **Reasoning Process**: The Assistant reflects"));
    assert_non_null(strstr(text,
                           "The answer is \\boxed{...final answer...}\n</conclusion><|im_end|>\n<|im_start|>user\n"
                           "Answer the following"));
    assert_non_null(strstr(text, "before answering.\n\nHot?<|im_end|>\n<|im_start|>assistant\n"));
    assert_null(strstr(text, "created by Alibaba"));
    free(text);
    CHECK_OK(raml_format_named("r1", NULL, &f, &err));
    CHECK_OK(raml_format_preset("nothinking", &f, &err));
    text = text_of(&f, *state, "?");
    assert_non_null(
        strstr(text, "\\boxed{}<｜Assistant｜><think>\nTherefore, after all this, I believe the answer is"));
    assert_true(f.think_opened); /* by the format's own text */
    free(text);
    f = (struct raml_format){.name = "x", .think_open = "<think>", .think_opened = true, .prefill = "<think>\n"};
    CHECK_OK(raml_format_preset("nothinking", &f, &err));
    assert_false(f.think_opened); /* the text that opened it is replaced */
}

/* A chat template gets question prefix, question and instruction as one message. */
static void test_preset_of_a_template(void **state)
{
    struct raml_err err = {0};
    struct raml_chat_template *chat;
    struct raml_format f;
    static const char jinja[] = "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}";
    CHECK_OK(raml_chat_template_open("t", jinja, strlen(jinja), NULL, NULL, &chat, &err));
    CHECK_OK(raml_format_of_template(chat, RAML_CHAT_THINKING_AUTO, NULL, &f, &err));
    CHECK_OK(raml_format_preset("livemathbench", &f, &err));
    char *text = text_of(&f, *state, "1+1?");
    assert_string_equal(text, "[user:Here is a math question, please reasoning step by step, and put your answer in "
                              "\\boxed{}.\n1+1?\n]");
    free(text);
    CHECK_OK(raml_format_preset("none+raml_sft", &f, &err));
    text = text_of(&f, *state, "1+1?");
    assert_string_equal(
        text, "[system:You are a helpful AI Assistant that provides well-reasoned and detailed responses. You "
              "first think about the reasoning process as an internal monologue and then provide the user "
              "with the answer. Respond in the following format: <think>\n...\n</think>\n<answer>\n...\n"
              "</answer>][user:1+1?]");
    free(text);
    raml_chat_template_close(chat);
}

static void test_segment_names(void **state)
{
    (void)state;
    static const char *const want[] = {"prompt", "trajectory", "answer_prefix", "answer", "end"};
    for (unsigned i = 0; i < COUNT(want); i++) assert_string_equal(raml_segment_name((enum raml_segment)i), want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in),
        cmocka_unit_test(test_as_tokenizer_config),
        cmocka_unit_test(test_tokenizer_config_of_others),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_preset_of_a_template),
        cmocka_unit_test(test_specials_in_a_question_stay_text),
        cmocka_unit_test(test_own_texts),
        cmocka_unit_test(test_named_as_published),
        cmocka_unit_test(test_thinking_off),
        cmocka_unit_test(test_specials_after_a_template),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_segment_names),
    };
    return cmocka_run_group_tests(tests, open_bytes, close_bytes);
}
