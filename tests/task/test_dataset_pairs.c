/* test_dataset_pairs.c - preference files: a chosen and a rejected completion, with the prompt in a field or in both. */
#include "core/file.h"
#include "raml/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/question_file.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))
#define USER(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define BOT(text) "{\"role\":\"assistant\",\"content\":\"" text "\"}"
#define SYSTEM "{\"role\":\"system\",\"content\":\"be kind\"}"

static enum raml_code read_text(struct fixture *f, const char *text, const char *map)
{
    struct raml_read_options opt = {.map = map};
    raml_questions_deinit(&f->qs);
    raml_questions_init(&f->qs);
    memset(&f->err, 0, sizeof f->err);
    assert_int_equal(raml_file_write(f->path, text, strlen(text), NULL), RAML_OK);
    return raml_questions_read(&f->qs, f->path, &opt, &f->fields, NULL, &f->err);
}

static const struct one {
    const char *what, *row, *map, *question, *chosen, *rejected, *question_field;
} ones[] = {
    {"texts, prompt in a field", "{\"prompt\":\"The sky is\",\"chosen\":\" blue.\",\"rejected\":\" green.\"}", NULL,
     "The sky is", " blue.", " green.", "prompt"},
    {"texts, prompt in both", "{\"chosen\":\"The sky is blue.\",\"rejected\":\"The sky is green.\"}", NULL,
     "The sky is", " blue.", " green.", "chosen+rejected"},
    {"no space before the difference", "{\"chosen\":\"1+1=2\",\"rejected\":\"1+1=3\"}", NULL, "1+1=", "2", "3",
     "chosen+rejected"},
    {"a character is not split", "{\"chosen\":\"Wie: \\u00e4\",\"rejected\":\"Wie: \\u00f6\"}", NULL,
     "Wie:", " \xc3\xa4", " \xc3\xb6", "chosen+rejected"},
    {"chats, prompt in a field",
     "{\"prompt\":[" USER("sky?") "],\"chosen\":[" BOT("blue") "],\"rejected\":[" BOT("green") "]}", NULL, "sky?",
     "blue", "green", "prompt"},
    {"chats, prompt in both",
     "{\"chosen\":[" USER("sky?") "," BOT("blue") "],\"rejected\":[" USER("sky?") "," BOT("green") "]}", NULL, "sky?",
     "blue", "green", "chosen+rejected"},
    {"chats with a system message, the prompt beside them as a text (UltraFeedback)",
     "{\"prompt\":\"sky?\",\"chosen\":[" SYSTEM "," USER("sky?") "," BOT("blue") "],\"rejected\":[" SYSTEM "," USER(
         "sky?") "," BOT("green") "],\"messages\":[" USER("sky?") "," BOT("blue") "],\"score_chosen\":7.5}",
     NULL, "sky?", "blue", "green", "prompt"},
    {"a chat asks, texts answer",
     "{\"prompt\":[" SYSTEM "," USER("sky?") "],\"chosen\":\"<think>x</think>y\",\"rejected\":\"z \"}", NULL, "sky?",
     "<think>x</think>y", "z ", "prompt"},
    {"ShareGPT's words",
     "{\"chosen\":[{\"from\":\"human\",\"value\":\"sky?\"},{\"from\":\"gpt\",\"value\":\"blue\"}],"
     "\"rejected\":[{\"from\":\"human\",\"value\":\"sky?\"},{\"from\":\"gpt\",\"value\":\"green\"}]}",
     NULL, "sky?", "blue", "green", "chosen+rejected"},
    {"other fields", "{\"q\":\"sky?\",\"good\":\"blue\",\"bad\":\"green\"}", "question=q,trajectory=good+bad", "sky?",
     "blue", "green", "q"},
    {"other fields, prompt in both", "{\"good\":\"sky? blue\",\"bad\":\"sky? green\"}", "trajectory=good+bad", "sky?",
     " blue", " green", "good+bad"},
    {"fields of an object", "{\"question\":\"sky?\",\"r\":{\"a\":\"blue\",\"b\":\"green\"}}", "trajectory=r.a+r.b",
     "sky?", "blue", "green", "question"},
};

static void test_layouts(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(ones); i++) {
        const struct one *o = &ones[i];
        if (read_text(f, o->row, o->map)) fail_msg("%s: %s", o->what, f->err.msg);
        const struct raml_question *q = &f->qs.question[0];
        assert_string_equal(q->question, o->question);
        assert_string_equal(q->answer, "");
        assert_int_equal(q->n_trajectories, 2);
        assert_string_equal(q->trajectory[0].text, o->chosen);
        assert_string_equal(q->trajectory[1].text, o->rejected);
        assert_int_equal(q->trajectory[0].correct, RAML_EQUAL);
        assert_int_equal(q->trajectory[1].correct, RAML_DIFFERENT);
        for (size_t k = 0; k < 2; k++) {
            assert_true(q->trajectory[k].whole && q->trajectory[k].think_closed);
            assert_null(q->trajectory[k].answer);
            assert_null(q->trajectory[k].finish_reason);
        }
        assert_string_equal(f->fields.layout, "preference");
        assert_string_equal(f->fields.question, o->question_field);
    }
}

static const struct {
    const char *row, *map, *message; /* after the path */
    enum raml_code code;
} bad[] = {
    {"{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"\"}", NULL,
     ":1: field 'rejected' has an empty completion; expected a text", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":\" \\n\",\"rejected\":\"b\"}", NULL,
     ":1: field 'chosen' has an empty completion; expected a text", RAML_EFORMAT},
    {"{\"chosen\":\"it is so\",\"rejected\":\"it is\"}", NULL,
     ":1: field 'rejected' has an empty completion; expected a text", RAML_EFORMAT},
    {"{\"chosen\":\"the same\",\"rejected\":\"the same\"}", NULL,
     ":1: field 'chosen' has an empty completion; expected a text", RAML_EFORMAT},
    {"{\"chosen\":\"yes\",\"rejected\":\"no\"}", NULL,
     ":1: field 'chosen' begins otherwise than 'rejected'; expected a prompt that both begin with, or one in a field "
     "of "
     "its own",
     RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n{\"prompt\":\"p\",\"chosen\":\"a\"}", NULL,
     ":2: field 'rejected' is missing; expected a text or a list of messages", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n{\"prompt\":\"p\",\"chosen\":3,\"rejected\":\"b\"}", NULL,
     ":2: field 'chosen' is an integer; expected a text or a list of messages", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n{\"chosen\":\"a\",\"rejected\":\"b\"}", NULL,
     ":2: field 'prompt' is missing; found fields: chosen, rejected", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":[" BOT("a") "],\"rejected\":\"b\"}", NULL,
     ":1: field 'rejected' is a string; expected the kind that 'chosen' is", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":[],\"rejected\":[]}", NULL,
     ":1: field 'chosen' does not end with a message of role assistant and a text", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":[" BOT("a") "," USER("b") "],\"rejected\":[" BOT("a") "]}", NULL,
     ":1: field 'chosen' does not end with a message of role assistant and a text", RAML_EFORMAT},
    {"{\"chosen\":[" BOT("a") "],\"rejected\":[" BOT("b") "]}", NULL,
     ":1: field 'chosen' has no message with role user and a text", RAML_EFORMAT},
    {"{\"chosen\":[" USER("p") "," BOT("a") "],\"rejected\":[" USER("q") "," BOT("b") "]}", NULL,
     ":1: field 'rejected' answers another question than 'chosen'", RAML_EFORMAT},
    {"{\"prompt\":\"p\",\"chosen\":[" USER("p") "," BOT("a") "],\"rejected\":[" BOT("b") "]}", NULL,
     ":1: field 'rejected' answers another question than 'chosen'", RAML_EFORMAT},
    {"{\"chosen\":[" USER(" ") "," BOT("a") "],\"rejected\":[" USER(" ") "," BOT("b") "]}", NULL,
     ":1: field 'chosen' has an empty message of the user; expected a question", RAML_EFORMAT},
    {"{\"chosen\":[" USER("p") "," BOT("a") "," USER("q") "," BOT("b") "],\"rejected\":[" USER("p") "," BOT("a") "]}",
     NULL, ":1: field 'chosen' is a conversation of several turns; expected one question and its answer", RAML_EFORMAT},
    {"{\"chosen\":[" USER("p") "," BOT("a") "," BOT("b") "],\"rejected\":[" USER("p") "," BOT("a") "]}", NULL,
     ":1: field 'chosen' is a conversation of several turns; expected one question and its answer", RAML_EFORMAT},
    {"{\"prompt\":[" USER("p") "," BOT("a") "," USER("q") "],\"chosen\":[" BOT("a") "],\"rejected\":[" BOT("b") "]}",
     NULL, ":1: field 'prompt' is a conversation of several turns; expected one question", RAML_EFORMAT},
    {"{\"q\":\"p\"}", "question=q,trajectory=a+",
     "map: found 'trajectory=a+'; expected trajectory=FIELD or "
     "trajectory=CHOSEN+REJECTED",
     RAML_EUSAGE},
    {"{\"q\":\"p\"}", "question=q,trajectory=a+b+c",
     "map: found 'trajectory=a+b+c'; expected trajectory=FIELD or "
     "trajectory=CHOSEN+REJECTED",
     RAML_EUSAGE},
    {"{\"question\":\"p\",\"trajectories\":[{\"text\":\"t\",\"whole\":1}]}", NULL,
     ":1: field 'whole' is an integer; expected true or false", RAML_EFORMAT},
};

static void test_faults(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        enum raml_code rc = read_text(f, bad[i].row, bad[i].map);
        size_t path = rc == RAML_EUSAGE ? 0 : strlen(f->path);
        if (rc != bad[i].code || strcmp(f->err.msg + path, bad[i].message) != 0)
            fail_msg("%s: found %d '%s'", bad[i].row, (int)rc, f->err.msg);
    }
}

/* A file with fields of that name that are no pair is read as before. */
static void test_no_pair(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_text(f, "{\"question\":\"q\",\"chosen\":\"a\",\"answer\":\"1\",\"solution\":\"s\"}", NULL),
                     RAML_OK);
    assert_string_equal(f->fields.layout, "math");
    assert_false(f->qs.question[0].trajectory[0].whole);
    assert_int_equal(read_text(f, "{\"question\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}", "trajectory="), RAML_OK);
    assert_int_equal(f->qs.question[0].n_trajectories, 0);
}

/* Written in our own layout and read again, a completion stays whole. */
static void test_written(void **state)
{
    struct fixture *f = *state;
    struct raml_questions again;
    char path[128];
    size_t n;
    assert_int_equal(read_text(f, ones[0].row, NULL), RAML_OK);
    snprintf(path, sizeof path, "%s/ours.jsonl", f->dir);
    assert_int_equal(raml_questions_write(&f->qs, path, &f->err), RAML_OK);
    raml_questions_init(&again);
    assert_int_equal(raml_questions_read(&again, path, &(struct raml_read_options){0}, &f->fields, &n, &f->err),
                     RAML_OK);
    assert_string_equal(f->fields.layout, "raml");
    const struct raml_trajectory *t = again.question[0].trajectory;
    assert_true(t[0].whole && t[1].whole);
    assert_string_equal(t[1].text, " green.");
    assert_int_equal(t[0].correct, RAML_EQUAL);
    assert_int_equal(t[1].correct, RAML_DIFFERENT);
    raml_questions_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_layouts, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_faults, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_no_pair, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_written, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
