/* A device that fails while a model is trained on its own samples: the caller gets the device's message, the last
 * checkpoint is kept, and going on from it ends in the bytes of a run without failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "outer/rollout_rig.h"

enum { STEPS = 4, CASES = 16 };

static int setup_far(void **state)
{
    int rc = setup_on(state, far_open);
    if (!rc) warm_up(*state);
    return rc;
}

static struct grpo short_run(void)
{
    struct grpo g = grpo(STEPS);
    g.train.batch_size = 2;
    g.train.save_steps = 2;
    g.train.eval_steps = 4;
    g.train.eval_questions = 2;
    g.rollouts.num_generations = 3;
    g.rollouts.num_iterations = 2;
    set_policy(&g, "beta=0.1 entropy_coef=0.01");
    return g;
}

static bool has_checkpoint(const struct bench *b, const char *run, int step)
{
    char path[PATH_CAP + 128];
    snprintf(path, sizeof path, "%s/%s/checkpoint-%d/model.safetensors", b->root, run, step);
    return raml_is_file(path);
}

/* Operation n of a run fails; then the run goes on without failures. Is there a checkpoint? */
static bool check_failure(struct bench *b, const struct grpo *g, size_t n)
{
    char run[32];
    const struct call first = {0}, again = {.resume = true};
    snprintf(run, sizeof run, "fails-%zu", n);
    b->fail_at = n;
    struct outcome out = go_rollouts(b, run, g, &first);
    b->fail_at = 0;
    assert_true(out.n_ops >= n);
    if (out.rc != RAML_ENOMEM) {
        assert_int_equal(out.rc, RAML_EIO);
        assert_non_null(strstr(out.err.msg, "far: operation"));
    }
    bool kept = has_checkpoint(b, run, 2);
    if (kept) same_checkpoint(b, "whole", run, 2);
    assert_true(kept ? out.result.steps >= 2 : out.result.steps <= 2);
    CHECK_DONE(go_rollouts(b, run, g, &again));
    same_file(b, "whole", run, "metrics.jsonl");
    same_file(b, "whole", run, "rollouts.jsonl");
    same_checkpoint(b, "whole", run, STEPS);
    return kept;
}

static void test_failures(void **state)
{
    struct bench *b = *state;
    struct grpo g = short_run();
    const struct call call = {0};
    size_t kept = 0;
    b->fail_at = SIZE_MAX;
    struct outcome whole = go_rollouts(b, "whole", &g, &call);
    b->fail_at = 0;
    CHECK_DONE(whole);
    print_message("  %zu operations, of which %d fail in turn\n", whole.n_ops, CASES);
    assert_true(whole.n_ops > CASES * 10);
    size_t bytes = far_in_use(b->dev);
    for (size_t i = 0; i < CASES; i++) kept += check_failure(b, &g, 1 + i * (whole.n_ops - 1) / (CASES - 1));
    assert_true(kept > 3 && kept < CASES - 3);
    assert_int_equal(far_in_use(b->dev), bytes); /* all of it was given back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_failures, setup_far, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
