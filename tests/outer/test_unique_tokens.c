/* test_unique_tokens.c - how much text that differs a question is trained on: each of its texts counts once, however
 * often it comes, and whatever rows it fills. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outer/trainer.h"

#include "raml/buf.h"
#include "outer/training_set.h"

enum { FRAME = 2 }; /* </think> and the end */

static void add(struct raml_questions *qs, const char *const *text, size_t n)
{
    struct raml_err err = {0};
    struct raml_trajectory t[4];
    for (size_t k = 0; k < n; k++)
        t[k] = (struct raml_trajectory){.text = text[k], .correct = RAML_UNKNOWN, .logp_sum = NAN};
    const struct raml_question q = {
        .id = "q", .question = "1+2=", .answer = "3", .difficulty = -1, .trajectory = t, .n_trajectories = n};
    CHECK_OK(raml_questions_add(qs, &q, &err));
}

/* A letter is a token. */
static void test_equal_texts_count_once(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct raml_questions qs;
    const char *const some[] = {"abc", "de", "abc", "abd"}, *const alike[] = {"abc", "abc"};
    raml_questions_init(&qs);
    add(&qs, some, 4);
    add(&qs, alike, 2);
    new_model(b, NULL);
    struct raml_train_options o = options(3);
    struct raml_train_job job = {.model = b->model, .tokenizer = b->tokenizer, .format = raml_format_default()};
    struct {
        int64_t rows, support, first, second;
    } cases[] = {{1, 0, 3 + 2 + 3 + 3 * (FRAME + 1), 3 + FRAME + 1}, /* not what a step takes, what there is */
                 {8, 0, 3 + 2 + 3 + 3 * (FRAME + 1), 3 + FRAME + 1},
                 {4, 2, 3 + 2 + 2 * (FRAME + 1), 3 + FRAME + 1},
                 {4, 1, 3 + FRAME + 1, 3 + FRAME + 1},
                 {0, 0, 2, 2}}; /* only the answer and the end */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct training_set set = {0};
        o.trajectories = cases[i].rows;
        o.support_size = cases[i].support;
        CHECK_OK(raml_training_set_init(&set, &job, &o, &qs, "made", 0, &err));
        assert_int_equal(set.item[0].n_unique, cases[i].first);
        assert_int_equal(set.item[1].n_unique, cases[i].second);
        assert_int_equal(set.item[0].n_distinct, !cases[i].rows ? 0 : cases[i].support ? cases[i].support : 3);
        assert_int_equal(set.item[1].n_distinct, cases[i].rows ? 1 : 0);
        raml_training_set_deinit(&set);
    }
    o = options(3);
    const struct outcome x = go(b, "unique", &o, &qs, 0, true, 0);
    CHECK_DONE(x);
    raml_questions_deinit(&qs);

    char path[PATH_CAP + 64];
    struct raml_buf line;
    raml_buf_init(&line, 1 << 16);
    snprintf(path, sizeof path, "%s/unique/metrics.jsonl", b->root);
    CHECK_OK(raml_file_read(path, &line, &err));
    const char *at = strstr(line.data, "\"unique_tokens\":");
    assert_non_null(at);
    CHECK_NEAR("unique_tokens", strtod(at + 16, NULL), (3 + 2 + 3 + 4 * (FRAME + 1) + 3) / 2.0, 1e-12);
    raml_buf_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_equal_texts_count_once, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
