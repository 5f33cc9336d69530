/* test_exit_answer.c - where a probe's answer ends, and which of its tokens are the answer's own. */
#include "inner/exit_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"

enum { MANY = 64, ARENA = 1 << 20 };
static const char END[] = "~"; /* in the texts below: the format's stop */

struct rig {
    struct raml_tokenizer *tokenizer;
    struct raml_format format;
    struct sample_texts texts;
    struct raml_arena *arena;
};

static void rig_open(struct rig *r, const char *format)
{
    struct raml_err err = {0};
    memset(r, 0, sizeof *r);
    CHECK_OK(raml_tokenizer_bytes(&r->tokenizer, &err));
    CHECK_OK(raml_format_named(format, r->tokenizer, &r->format, &err));
    CHECK_OK(raml_sample_texts_init(&r->texts, r->tokenizer, &r->format, &err));
    r->arena = raml_arena_open(ARENA);
    assert_non_null(r->arena);
}

static void rig_close(struct rig *r)
{
    raml_arena_close(r->arena);
    raml_sample_texts_deinit(&r->texts);
    raml_tokenizer_close(r->tokenizer);
}

static int32_t stop_of(const struct rig *r)
{
    assert_int_equal(r->texts.stop.n, 1);
    return r->texts.stop.id[0];
}

static size_t encode(const struct rig *r, const char *text, int32_t token[MANY])
{
    size_t n = strlen(text);
    assert_true(n < MANY);
    for (size_t i = 0; i < n; i++) token[i] = text[i] == *END ? stop_of(r) : (unsigned char)text[i];
    return n;
}

struct row {
    const char *written, *answer;
    size_t first, n_own, n_end;
    bool ended;
    enum raml_verdict correct; /* the question's answer is 42 */
};

static void check_rows(struct rig *r, const struct row *rows, size_t n)
{
    const struct raml_question q = {.id = "q", .question = "?", .answer = "42"};
    for (size_t i = 0; i < n; i++) {
        const struct row *want = &rows[i];
        struct raml_err err = {0};
        struct raml_exit_answer a;
        int32_t token[MANY];
        size_t n_tokens = encode(r, want->written, token);
        CHECK_OK(raml_exit_answer_read(&r->texts, &q, token, n_tokens, r->arena, &a, &err));
        if (strcmp(a.answer, want->answer) != 0 || a.first != want->first || a.n_own != want->n_own ||
            a.n_end != want->n_end || a.ended != want->ended || a.correct != want->correct)
            fail_msg("'%s': answer '%s', own %zu + %zu, %zu to the end, ended %d, verdict %d", want->written, a.answer,
                     a.first, a.n_own, a.n_end, a.ended, (int)a.correct);
        for (size_t k = 1; k <= n_tokens; k++) { /* asked token by token it ends at the same one */
            bool ended;
            CHECK_OK(raml_exit_answer_ended(&r->texts, token, k, &ended, &err));
            if (k < want->n_end) assert_false(ended);
            if (k == want->n_end && want->ended) assert_true(ended);
        }
    }
}

/* After "</think>": the answer up to the end of text. */
static void answers_that_stand_alone(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"42~", "42", 0, 2, 3, true, RAML_EQUAL},     {"\n42 ~", "42", 1, 2, 5, true, RAML_EQUAL},
        {"41~", "41", 0, 2, 3, true, RAML_DIFFERENT}, {"42~ and more", "42", 0, 2, 3, true, RAML_EQUAL},
        {"42", "", 0, 0, 2, false, RAML_DIFFERENT}, /* truncated: it might have been 425 */
        {"~", "", 0, 0, 1, true, RAML_DIFFERENT},     {" ~", "", 0, 0, 2, true, RAML_DIFFERENT},
        {"", "", 0, 0, 0, false, RAML_DIFFERENT},     {"4}2~", "4}2", 0, 3, 4, true, RAML_DIFFERENT},
    };
    struct rig r;
    rig_open(&r, "builtin");
    check_rows(&r, rows, COUNT(rows));
    rig_close(&r);
}

/* After "\boxed{": the answer up to its brace; what follows is not the answer's. */
static void answers_in_a_box(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"42}", "42", 0, 2, 3, true, RAML_EQUAL},
        {"42} note that", "42", 0, 2, 3, true, RAML_EQUAL},
        {" 42 }.", "42", 1, 2, 5, true, RAML_EQUAL},
        {"\\frac{84}{2}} so", "\\frac{84}{2}", 0, 12, 13, true, RAML_EQUAL},
        {"\\{4\\}}", "\\{4\\}", 0, 5, 6, true, RAML_DIFFERENT},
        {"\\}4}", "\\}4", 0, 3, 4, true, RAML_DIFFERENT},
        {"42", "", 0, 0, 2, false, RAML_DIFFERENT},
        {"{42}", "", 0, 0, 4, false, RAML_DIFFERENT},
        {"}", "", 0, 0, 1, true, RAML_DIFFERENT},
        {"} \\boxed{42}", "", 0, 0, 1, true, RAML_DIFFERENT},
        {"42} or \\boxed{7}", "42", 0, 2, 3, true, RAML_EQUAL},
    };
    struct rig r;
    rig_open(&r, "plain");
    check_rows(&r, rows, COUNT(rows));
    rig_close(&r);
}

/* A token that ends text ends the probe, but closes no box. */
static void ends_of_text(void **state)
{
    (void)state;
    static const int32_t eos[] = {'~'};
    const struct raml_question q = {.id = "q", .question = "?", .answer = "42"};
    struct raml_err err = {0};
    struct raml_exit_answer a;
    struct rig r;
    bool ended;
    const int32_t token[] = {'4', '2', '~', '}'};
    rig_open(&r, "plain");
    r.texts.eos = eos;
    r.texts.n_eos = COUNT(eos);
    CHECK_OK(raml_exit_answer_ended(&r.texts, token, 3, &ended, &err));
    assert_true(ended);
    CHECK_OK(raml_exit_answer_read(&r.texts, &q, token, 4, r.arena, &a, &err));
    assert_string_equal(a.answer, "");
    assert_false(a.ended);
    assert_int_equal(a.n_end, 3);
    rig_close(&r);
}

/* What a probe wrote is kept as text, all of it. */
static void all_that_was_written(void **state)
{
    (void)state;
    const struct raml_question q = {.id = "q", .question = "?", .answer = "42"};
    struct raml_err err = {0};
    struct raml_exit_answer a;
    struct rig r;
    int32_t token[MANY];
    rig_open(&r, "plain");
    size_t n = encode(&r, "42} Wait, no", token);
    CHECK_OK(raml_exit_answer_read(&r.texts, &q, token, n, r.arena, &a, &err));
    assert_string_equal(a.text, "42} Wait, no");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_stand_alone),
        cmocka_unit_test(answers_in_a_box),
        cmocka_unit_test(ends_of_text),
        cmocka_unit_test(all_that_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
