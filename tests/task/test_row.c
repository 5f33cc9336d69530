/* test_row.c - what is trained on, token by token. */
#include "raml/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

struct fixture {
    struct raml_tokenizer *tokenizer;
    struct raml_row_options opt;
    struct raml_tree tree;
    struct raml_segments segments;
    struct raml_err err;
    struct raml_trajectory t[4];
    struct raml_question q;
};

static int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f || raml_tokenizer_bytes(&f->tokenizer, NULL)) return -1;
    f->opt = raml_row_default(f->tokenizer, raml_format_default());
    f->t[0] = (struct raml_trajectory){.text = "2+2=4", .answer = "4"};
    f->t[1] = (struct raml_trajectory){.text = "", .answer = NULL};
    f->t[2] = (struct raml_trajectory){.text = "</think>no", .answer = "fi"};
    f->t[3] = (struct raml_trajectory){.text = "ok", .answer = "Four.", .correct = RAML_EQUAL};
    f->q = (struct raml_question){
        .id = "sum", .question = "2+2?", .answer = "four", .trajectory = f->t, .n_trajectories = 4, .line = 8};
    *state = f;
    return 0;
}

static int close_fixture(void **state)
{
    struct fixture *f = *state;
    raml_tree_deinit(&f->tree);
    raml_segments_deinit(&f->segments);
    raml_tokenizer_close(f->tokenizer);
    free(f);
    return 0;
}

/* One span as text: special tokens by name, segments as a letter each (P T C A E), upper case if it is trained. */
static void span_text(const struct fixture *f, size_t i, char *text, char *mask)
{
    const struct raml_span *s = &f->tree.span[i];
    text[0] = 0;
    for (uint32_t j = 0; j < s->n; j++) {
        const char *piece;
        size_t len;
        assert_int_equal(raml_tokenizer_piece(f->tokenizer, f->tree.token[s->start + j], &piece, &len, NULL), RAML_OK);
        strncat(text, piece, len);
        char c = "ptcae"[f->segments.segment[s->start + j]];
        mask[j] = j >= s->first_target ? (char)(c - 'a' + 'A') : c;
    }
    mask[s->n] = 0;
}

static void check_span(const struct fixture *f, size_t i, const char *text, const char *mask)
{
    char got[256], got_mask[256];
    span_text(f, i, got, got_mask);
    assert_string_equal(got, text);
    assert_string_equal(got_mask, mask);
    assert_int_equal(f->tree.span[i].parent, i ? 0 : -1);
    if (i) assert_int_equal(f->tree.span[i].after, f->tree.span[0].n);
}

static void test_trajectories(void **state)
{
    struct fixture *f = *state;
    size_t selected[] = {2, 0, 1, 3};
    assert_int_equal(raml_row_build(&f->tree, &f->q, selected, 4, &f->opt, &f->segments, &f->err), RAML_OK);
    assert_int_equal(f->tree.n_spans, 5);
    assert_int_equal(f->segments.n, f->tree.n_tokens);
    check_span(f, 0, "<|question|>2+2?<think>", "pppppp");
    check_span(f, 1, "</think>no</think>fi<|endoftext|>", "TTTTTTTTTTCAAE"); /* plain text spells no special token */
    check_span(f, 2, "2+2=4</think>4<|endoftext|>", "TTTTTCAE");
    check_span(f, 3, "</think>four<|endoftext|>", "CAAAAE");     /* the question's answer if it has none itself */
    check_span(f, 4, "ok</think>four<|endoftext|>", "TTCAAAAE"); /* and where its own is correct: the form wanted */
    assert_int_equal(f->tree.n_targets, 14 + 8 + 6 + 8);
    assert_int_equal(f->tree.token[f->tree.span[1].start], '<');
    assert_int_equal(f->tree.token[f->tree.span[3].start], raml_tokenizer_id(f->tokenizer, "</think>"));
}

/* A whole completion: nothing but the stop comes after it, and its special tokens are some. */
static void test_whole(void **state)
{
    struct fixture *f = *state;
    size_t selected[] = {2, 0};
    f->t[2].whole = true;
    f->t[2].text = " so</think>4";
    assert_int_equal(raml_row_build(&f->tree, &f->q, selected, 2, &f->opt, &f->segments, &f->err), RAML_OK);
    check_span(f, 1, " so</think>4<|endoftext|>", "TTTTTE");
    check_span(f, 2, "2+2=4</think>4<|endoftext|>", "TTTTTCAE");
    f->opt.format.end = "}"; /* closes an answer prefix, of which there is none */
    assert_int_equal(raml_row_build(&f->tree, &f->q, selected, 2, &f->opt, &f->segments, &f->err), RAML_OK);
    check_span(f, 1, " so</think>4<|endoftext|>", "TTTTTE");
    check_span(f, 2, "2+2=4</think>4}<|endoftext|>", "TTTTTCAEE");
    f->t[2].answer = NULL; /* nor is an answer needed */
    f->q.answer = "";
    assert_int_equal(raml_row_build(&f->tree, &f->q, selected, 1, &f->opt, NULL, &f->err), RAML_OK);
}

static void test_answer_only(void **state)
{
    struct fixture *f = *state;
    size_t selected[] = {0, 0};
    assert_int_equal(raml_row_build(&f->tree, &f->q, selected, 2, &f->opt, &f->segments, &f->err),
                     RAML_OK); /* repeats */
    check_span(f, 2, "2+2=4</think>4<|endoftext|>", "TTTTTCAE");
    assert_int_equal(raml_row_build(&f->tree, &f->q, NULL, 0, &f->opt, &f->segments, &f->err),
                     RAML_OK); /* and clears */
    assert_int_equal(f->tree.n_spans, 2);
    check_span(f, 0, "<|question|>2+2?<think>", "pppppp");
    check_span(f, 1, "</think>four<|endoftext|>", "cAAAAE");
    assert_int_equal(f->tree.n_targets, 5);
    /* segments not wanted */
    assert_int_equal(raml_row_build(&f->tree, &f->q, NULL, 0, &f->opt, NULL, &f->err), RAML_OK);
    assert_int_equal(f->tree.n_tokens, 12);
}

static void test_faults(void **state)
{
    struct fixture *f = *state;
    struct raml_trajectory none[] = {{.text = "hm"}};
    struct raml_question mute = {.id = "mute", .question = "?", .answer = "", .trajectory = none, .n_trajectories = 1};
    struct raml_question empty = {.id = "e", .question = "", .answer = "1"};
    struct raml_row_options tight = f->opt, exact = f->opt, bare = f->opt, dumb = f->opt;
    tight.max_tokens = 13;
    exact.max_tokens = 14;
    bare.format.before = bare.format.after = "";
    dumb.format.end = dumb.format.answer_prefix = "";
    static const size_t first[] = {0}, wrong[] = {0, 4};
    const struct {
        const struct raml_question *q;
        const size_t *selected;
        size_t k;
        const struct raml_row_options *opt;
        const char *want;
    } cases[] = {
        {&f->q, wrong, 2, &f->opt, "question 'sum' (line 8) has 4 trajectories; number 5 was requested"},
        {&mute, NULL, 0, &f->opt, "question 'mute' has no answer to train on"},
        {&mute, first, 1, &f->opt, "question 'mute' has no answer to train on"},
        {&f->q, first, 1, &tight, "question 'sum' (line 8): 6 prompt tokens and 8 after them make 14; at most 13 fit"},
        {&f->q, first, 1, &exact, NULL},
        {&empty, NULL, 0, &bare, "question 'e': the prompt has no tokens, so everything would be trained"},
        {&f->q, NULL, 0, &dumb, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum raml_code rc =
            raml_row_build(&f->tree, cases[i].q, cases[i].selected, cases[i].k, cases[i].opt, &f->segments, &f->err);
        if (!cases[i].want) {
            assert_int_equal(rc, RAML_OK);
            continue;
        }
        assert_int_equal(rc, RAML_ERANGE);
        assert_string_equal(f->err.msg, cases[i].want);
        assert_int_equal(f->tree.n_spans, 0);
        assert_int_equal(f->segments.n, 0);
    }
    tight.skip_long = true;
    assert_int_equal(raml_row_build(&f->tree, &f->q, first, 1, &tight, &f->segments, NULL), RAML_OK);
    assert_int_equal(f->tree.n_spans, 0);
    assert_int_equal(raml_row_build(&f->tree, &mute, first, 1, &tight, &f->segments, NULL), RAML_ERANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trajectories, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_whole, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_answer_only, open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(test_faults, open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
