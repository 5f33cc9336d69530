/* The prompt format that a command's settings give, and what is refused. */
#include "cli/prompting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/scratch.h"

#include "core/file.h"

static struct raml_tokenizer *tokenizer;

static int enter(void **state)
{
    return enter_scratch(state) || raml_tokenizer_bytes(&tokenizer, NULL) ? -1 : 0;
}
static int leave(void **state)
{
    raml_tokenizer_close(tokenizer);
    return leave_scratch(state);
}

static struct prompting_settings settings(void)
{
    return (struct prompting_settings){.format = "auto", .thinking = "auto"};
}

static void refused(const struct prompting_settings *s, const char *model, enum raml_code code, const char *part)
{
    struct prompting p = {0};
    struct raml_err err = {0};
    enum raml_code rc = cli_prompting_open(s, model, tokenizer, &p, &err);
    if (rc != code || !strstr(err.msg, part)) fail_msg("%d '%s', expected %d '%s'", (int)rc, err.msg, (int)code, part);
    assert_null(p.chat);
}

static void test_choices(void **state)
{
    (void)state;
    struct prompting p = {0};
    struct raml_err err = {0};
    struct prompting_settings s = settings();
    assert_int_equal(cli_prompting_open(&s, NULL, tokenizer, &p, &err), RAML_OK);
    assert_string_equal(p.format.name, "builtin");
    cli_prompting_close(&p);
    s.answer_prefix = "so:";
    s.instruction = " Think.";
    assert_int_equal(cli_prompting_open(&s, NULL, tokenizer, &p, &err), RAML_OK);
    assert_string_equal(p.format.answer_prefix, "so:");
    assert_string_equal(p.format.instruction, " Think.");
    cli_prompting_close(&p);
    s = settings();
    s.format = "plain";
    s.preset = "gpqa";
    s.instruction = "!";
    assert_int_equal(cli_prompting_open(&s, NULL, tokenizer, &p, &err), RAML_OK);
    assert_memory_equal(p.format.question_prefix, "Answer the following multiple choice question.", 46);
    assert_string_equal(p.format.instruction, "!"); /* a text given explicitly takes precedence */
    cli_prompting_close(&p);
    s = settings();
    s.before = "Q: ";
    assert_int_equal(cli_prompting_open(&s, NULL, tokenizer, &p, &err), RAML_OK);
    assert_string_equal(p.format.name, "custom");
    assert_string_equal(p.format.before, "Q: ");
    assert_null(p.format.after);
    assert_null(p.format.instruction);
    cli_prompting_close(&p);
}

/* A model's folder, its tokenizer.json and a separate file all lead to a template. */
static void test_templates(void **state)
{
    char path[4200], file[4200], json[4200];
    struct prompting p = {0};
    struct raml_err err = {0};
    struct prompting_settings s = settings();
    static const char config[] = "{\"chat_template\": \"{{ messages[0].content }}{% if add_generation_prompt %}<think>"
                                 "{% endif %}\", \"eos_token\": \"E\"}";
    assert_int_equal(raml_file_write(in(*state, "tokenizer_config.json", path), config, strlen(config), &err), RAML_OK);
    assert_int_equal(raml_file_write(in(*state, "other.jinja", file), "other", 5, &err), RAML_OK);
    s.format = "template";
    const char *const from[] = {*state, in(*state, "tokenizer.json", json)};
    for (size_t i = 0; i < 2; i++) {
        if (cli_prompting_open(&s, from[i], tokenizer, &p, &err)) fail_msg("%s", err.msg);
        assert_string_equal(p.format.name, "template");
        assert_string_equal(p.format.stop, "E");
        assert_true(p.format.think_opened);
        cli_prompting_close(&p);
    }
    s.prefill = "";
    assert_int_equal(cli_prompting_open(&s, *state, tokenizer, &p, &err), RAML_OK);
    assert_true(p.format.think_opened); /* by the template itself */
    cli_prompting_close(&p);
    s = settings();
    s.template = file; /* takes precedence over builtin */
    assert_int_equal(cli_prompting_open(&s, NULL, tokenizer, &p, &err), RAML_OK);
    assert_string_equal(p.format.name, "template");
    assert_false(p.format.think_opened);
    assert_null(p.format.think_close);
    cli_prompting_close(&p);
}

static void test_refusals(void **state)
{
    struct prompting_settings s = settings();
    s.format = "qwen";
    refused(&s, NULL, RAML_ERANGE, "needs the special token <|im_start|>");
    s.format = "nothing";
    refused(&s, NULL, RAML_EUSAGE, "unknown prompt format 'nothing'; known: builtin, qwen");
    s.format = "template";
    refused(&s, NULL, RAML_EUSAGE, "needs a model, or --chat_template");
    refused(&s, *state, RAML_ERANGE, "--prompt_before and --prompt_after");
    char file[4200];
    static const char unknown[] = "{% extends 'x' %}";
    assert_int_equal(raml_file_write(in(*state, "unknown.jinja", file), unknown, strlen(unknown), NULL), RAML_OK);
    s.template = file;
    refused(&s, NULL, RAML_ESUPPORT, "do without it");
    refused(&s, NULL, RAML_ESUPPORT, "extends");
    s.template = NULL;
    s.format = "plain";
    s.after = ":";
    refused(&s, NULL, RAML_EUSAGE, "excludes --prompt_before and --prompt_after");
    s.after = NULL;
    s.system = "Be brief.";
    refused(&s, NULL, RAML_EUSAGE, "prompt format 'plain' has no place for a system message");
    s.system = NULL;
    s.preset = "raml_sft";
    refused(&s, NULL, RAML_EUSAGE, "prompt format 'plain' has no place");
    s.preset = "paper, gpqa";
    refused(&s, NULL, RAML_EUSAGE, "unknown prompt preset 'paper, gpqa'; known: paper, none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_choices, enter, leave),
                                       cmocka_unit_test_setup_teardown(test_templates, enter, leave),
                                       cmocka_unit_test_setup_teardown(test_refusals, enter, leave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
