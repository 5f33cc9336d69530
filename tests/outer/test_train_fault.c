/* A device that fails while the trainer runs: the caller gets the device's message, the last checkpoint is kept, and
 * continuing from it ends in the bytes of a run without failure. On the device of far.h, operations fail one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "outer/trainer.h"

enum { STEPS = 4, SAVE = 2, CASES = 24 };

static int setup_far(void **state)
{
    return setup_on(state, far_open);
}

static bool has_checkpoint(const struct bench *b, const char *run, int step)
{
    char path[PATH_CAP + 128];
    snprintf(path, sizeof path, "%s/%s/checkpoint-%d/model.safetensors", b->root, run, step);
    return raml_is_file(path);
}

static struct raml_train_options short_run(void)
{
    struct raml_train_options o = options(STEPS);
    o.batch_size = 2;
    o.logging_steps = 1;
    o.save_steps = SAVE;
    o.eval_steps = 3;
    o.eval_questions = 2;
    return o;
}

/* Operation n of a run fails; then the run continues without failures. Returns the steps of its checkpoint. */
static int check_failure(struct bench *b, const struct raml_train_options *o, size_t n)
{
    char run[32];
    snprintf(run, sizeof run, "fails-%zu", n);
    b->fail_at = n;
    struct outcome out = go(b, run, o, NULL, 0, false, 0);
    b->fail_at = 0;
    assert_true(out.n_ops >= n);
    if (out.rc != RAML_ENOMEM) {
        assert_int_equal(out.rc, RAML_EIO);
        assert_non_null(strstr(out.err.msg, "far: operation"));
    }
    int kept = 0;
    for (int step = SAVE; step <= STEPS; step += SAVE) {
        if (!has_checkpoint(b, run, step)) continue;
        same_checkpoint(b, "whole", run, step);
        kept = step;
    }
    assert_true((uint64_t)kept <= out.result.steps && out.result.steps < (uint64_t)kept + SAVE + 1);
    CHECK_DONE(go(b, run, o, NULL, 1, false, 0));
    same_file(b, "whole", run, "metrics.jsonl");
    for (int step = SAVE; step <= STEPS; step += SAVE) same_checkpoint(b, "whole", run, step);
    return kept;
}

static void test_failures(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = short_run();
    size_t kept[STEPS / SAVE + 1] = {0};
    b->fail_at = SIZE_MAX;
    struct outcome whole = go(b, "whole", &o, NULL, 0, false, 0);
    CHECK_DONE(whole);
    print_message("  %zu operations, of which %d fail in turn\n", whole.n_ops, CASES);
    assert_true(whole.n_ops > CASES * 10);
    for (size_t i = 0; i < CASES; i++) kept[check_failure(b, &o, 1 + i * (whole.n_ops - 1) / (CASES - 1)) / SAVE]++;
    assert_true(kept[0] > 3 && kept[1] > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_failures, setup_far, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
