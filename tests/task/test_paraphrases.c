/* test_paraphrases.c - one solution in other words: the same lines, steps and numbers, in another wording. */
#include "raml/family.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_TEXT = 1 << 13, N_QUESTIONS = 35, N = 6 };

static void make(struct raml_questions *qs, const struct raml_make_options *opt)
{
    struct raml_err err = {0};
    raml_questions_init(qs);
    if (raml_make_questions(qs, opt, &err)) fail_msg("%s", err.msg);
}

/* Without the connectives at the start of lines, and without the words of lines that take another back. */
static void plain(const char *text, char out[MAX_TEXT])
{
    static const char *const words[] = {"then ", "next ", "now ", "so ", "and "};
    size_t n = 0;
    for (const char *line = text; *line;) {
        const char *end = line + strcspn(line, "\n");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (!strncmp(line, words[i], strlen(words[i]))) {
                line += strlen(words[i]);
                break;
            }
        bool back = !strncmp(line, "wait, ", 6) && !isdigit((unsigned char)line[6]); /* countdown's has numbers */
        int length = back ? 4 : (int)(end - line);
        assert_true(n + (size_t)length + 2 < MAX_TEXT);
        n += (size_t)sprintf(out + n, "%.*s\n", length, line);
        line = *end ? end + 1 : end;
    }
    out[n] = 0;
}

/* Numbers, operators and ends of lines. */
static void numbers(const char *text, char out[MAX_TEXT])
{
    size_t n = 0;
    for (; *text; text++)
        if (isdigit((unsigned char)*text) || strchr("+-*=<>|\n", *text)) out[n++] = *text;
    assert_true(n < MAX_TEXT);
    out[n] = 0;
}

/* Of every family: paraphrases of the standard solution, whose answer is the question's. */
static void check_style(const char *style, void reduce(const char *, char *))
{
    struct raml_questions qs, again, alone;
    struct raml_make_options opt = {
        .seed = 3, .n = N_QUESTIONS, .n_trajectories = N, .styles = style, .paraphrases = true};
    make(&qs, &opt);
    make(&again, &opt);
    opt.n_trajectories = 1;
    opt.paraphrases = false;
    make(&alone, &opt);
    size_t n_equal = 0;
    for (size_t i = 0; i < qs.n; i++) {
        const struct raml_question *q = &qs.question[i];
        char first[MAX_TEXT], other[MAX_TEXT];
        assert_string_equal(q->trajectory[0].text, alone.question[i].trajectory[0].text);
        reduce(q->trajectory[0].text, first);
        assert_int_equal(q->n_trajectories, N);
        for (size_t k = 1; k < N; k++) {
            const char *text = q->trajectory[k].text;
            reduce(text, other);
            assert_string_equal(other, first);
            assert_string_equal(text, again.question[i].trajectory[k].text);
            assert_string_equal(q->trajectory[k].answer, q->answer);
            assert_string_equal(q->trajectory[k].style, style);
            for (size_t j = 0; j < k; j++) n_equal += !strcmp(text, q->trajectory[j].text);
        }
    }
    assert_int_equal(n_equal, 0);
    raml_questions_deinit(&qs);
    raml_questions_deinit(&again);
    raml_questions_deinit(&alone);
}

static void test_concise(void **state)
{
    (void)state;
    check_style("concise", plain);
}

static void test_verbose(void **state)
{
    (void)state;
    check_style("verbose", numbers);
}

/* The wrong turns too are those of the standard solution. */
static void test_reflect(void **state)
{
    (void)state;
    check_style("reflect", plain);
}

/* Several styles: one a question. */
static void test_one_style_a_question(void **state)
{
    (void)state;
    struct raml_questions qs;
    make(&qs, &(struct raml_make_options){
                  .families = "add:3", .n = 8, .n_trajectories = 3, .styles = "concise,verbose", .paraphrases = true});
    size_t n_verbose = 0;
    for (size_t i = 0; i < qs.n; i++) {
        const struct raml_question *q = &qs.question[i];
        for (size_t k = 1; k < 3; k++) assert_string_equal(q->trajectory[k].style, q->trajectory[0].style);
        n_verbose += !strcmp(q->trajectory[0].style, "verbose");
    }
    assert_int_equal(n_verbose, 4);
    raml_questions_deinit(&qs);
}

static struct raml_rng stream(uint32_t purpose, uint32_t sample, uint64_t paraphrase)
{
    return (struct raml_rng){
        .key = {.seed = 11, .purpose = purpose, .question = 5, .sample = sample, .round = paraphrase}};
}

/* A paraphrase of another sample has that sample's steps: here another order of edges, drawn
 * between words. */
static void test_of_another_sample(void **state)
{
    (void)state;
    const struct raml_family *f = raml_family_find("graph");
    struct raml_buf text[3];
    char want[MAX_TEXT], got[MAX_TEXT], standard[MAX_TEXT];
    size_t n_other = 0;
    for (int i = 0; i < 3; i++) raml_buf_init(&text[i], MAX_TEXT);
    for (uint32_t sample = 1; sample < 9; sample++) {
        for (int i = 0; i < 3; i++) raml_buf_clear(&text[i]);
        f->solve(stream(RAML_FOR_QUESTION, 0, 0), 6, RAML_STYLE_VERBOSE, stream(RAML_FOR_SOLUTION, 0, 0), &text[0]);
        f->solve(stream(RAML_FOR_QUESTION, 0, 0), 6, RAML_STYLE_VERBOSE, stream(RAML_FOR_SOLUTION, sample, 0),
                 &text[1]);
        f->solve(stream(RAML_FOR_QUESTION, 0, 0), 6, RAML_STYLE_VERBOSE, stream(RAML_FOR_SOLUTION, sample, 2),
                 &text[2]);
        numbers(text[0].data, standard);
        numbers(text[1].data, want);
        numbers(text[2].data, got);
        assert_string_equal(got, want);
        assert_string_not_equal(text[1].data, text[2].data);
        n_other += strcmp(want, standard) != 0;
    }
    assert_true(n_other > 0); /* or this proves little */
    for (int i = 0; i < 3; i++) raml_buf_deinit(&text[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_concise),           cmocka_unit_test(test_verbose),
        cmocka_unit_test(test_reflect),           cmocka_unit_test(test_one_style_a_question),
        cmocka_unit_test(test_of_another_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
