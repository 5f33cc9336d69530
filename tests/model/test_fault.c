/* A device that fails: whichever operation it is, the caller gets an error, and its objects can be used again. On the
 * device of far.h, each operation of a forward, a training pass and a cache's calls fails in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/rig.h"

#include "model/cache.h"

enum { N = 40 };

static struct raml_device *dev;
static struct raml_model *m;
static struct raml_pack pack;

static int set_up(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_tree t = {0};
    int32_t token[N];
    for (size_t i = 0; i < N; i++) token[i] = (int32_t)(i * 7 % 37);
    if (far_open(&dev, NULL)) return -1;
    m = rig_open(&c, RAML_F32, dev);
    MUST(raml_tree_add(&t, -1, 0, token, N, 1, NULL, err));
    MUST(raml_pack_add(&pack, &t, err));
    raml_tree_deinit(&t);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    raml_pack_deinit(&pack);
    raml_model_close(m);
    raml_device_close(dev);
    return 0;
}

/* EIO, with the device's message, or no memory. */
static void check_reported(enum raml_code rc, const struct raml_err *err)
{
    if (rc != RAML_ENOMEM) assert_int_equal(rc, RAML_EIO);
    if (rc == RAML_EIO) assert_non_null(strstr(err->msg, "far: operation"));
}

struct outcome {
    float logp[N], entropy[N];
    int32_t argmax[N];
    float *grad; /* of the device */
};

/* A pass without buffers each time, so that making those fails too. */
static void check_pass(bool train)
{
    struct outcome want = {.grad = raml_array_new(dev, raml_gradient_n(m), 4)}, got = want;
    float coef[N];
    size_t bytes = raml_gradient_n(m) * sizeof(float), failures = 0;
    float *clean = rig_floats(raml_gradient_n(m)), *again = rig_floats(raml_gradient_n(m));
    for (size_t i = 0; i < N; i++) coef[i] = -0.1f;
    for (size_t n = 0;; n++) { /* n = 0: nothing fails */
        struct raml_pass *pass;
        struct outcome *out = n ? &got : &want;
        struct raml_logprobs logprobs = {.logp = out->logp, .entropy = out->entropy, .argmax = out->argmax};
        struct raml_err why = {0};
        enum raml_code rc = RAML_OK;
        MUST(raml_pass_open(m, train, &pass, err));
        for (int attempt = 0; attempt < 2; attempt++) { /* the second one must work */
            MUST(raml_array_zero(dev, out->grad, bytes, err));
            if (attempt == 0 && n) far_fail_at(dev, n);
            rc = train ? raml_pass_train(pass, &pack, coef, &logprobs, out->grad, &why)
                       : raml_pass_forward(pass, &pack, &logprobs, &why);
            bool failed = far_failed(dev);
            far_fail_at(dev, 0);
            if (attempt == 1 || !n) assert_int_equal(rc, RAML_OK);
            else if (failed) check_reported(rc, &why), failures++;
            else assert_int_equal(rc, RAML_OK);
            if (failed && rc && train) { /* there is no forward for backward to follow */
                assert_int_equal(raml_pass_backward(pass, coef, NULL, out->grad, NULL), RAML_EUSAGE);
            }
            if (attempt == 0 && n && !failed) n = SIZE_MAX - 1; /* that was the last operation */
        }
        MUST(raml_array_read(dev, n ? again : clean, out->grad, bytes, err));
        raml_pass_close(pass);
        if (n) {
            assert_memory_equal(got.logp, want.logp, (N - 1) * sizeof *got.logp);
            assert_memory_equal(got.entropy, want.entropy, (N - 1) * sizeof *got.entropy);
            assert_memory_equal(got.argmax, want.argmax, (N - 1) * sizeof *got.argmax);
            assert_memory_equal(again, clean, bytes);
        }
        if (n >= SIZE_MAX - 1) break;
    }
    assert_true(failures > 40);
    print_message("  %s: %zu operations failed in turn\n", train ? "training" : "inference", failures);
    raml_array_free(dev, want.grad);
    free(clean), free(again);
}

static void test_forward(void **state)
{
    (void)state;
    check_pass(false);
}

static void test_train(void **state)
{
    (void)state;
    check_pass(true);
}

/* A prompt, then steps of two samples; a call that failed is repeated, and the results are those without the failure. */
static void run_cache(size_t fail_at, float *last, size_t V, size_t *failures)
{
    struct raml_cache *c;
    const struct raml_cache_options o = {.max_rows = 2, .max_tokens = 400};
    const int32_t text[] = {3, 1, 4, 1, 5};
    int prompt, sample[2] = {0};
    float *logits = raml_array_new(dev, 2 * V, sizeof *logits);
    MUST(raml_cache_open(m, &o, &c, err));
    MUST(raml_cache_add(c, -1, 0, &prompt, err));
    size_t free_tokens = raml_cache_free_tokens(c);
    if (fail_at) far_fail_at(dev, fail_at);
    for (int call = 0, again = 0; call < 3;) {
        struct raml_err why = {0};
        const int32_t token[2] = {(int32_t)(7 + call), 9};
        const struct raml_cache_tokens first = {prompt, text, 5, 1},
                                       next[2] = {{sample[0], &token[0], 1, 1}, {sample[1], &token[1], 1, 1}};
        enum raml_code rc =
            call == 0 ? raml_cache_append(c, &first, 1, logits, &why) : raml_cache_append(c, next, 2, logits, &why);
        if (rc) {
            check_reported(rc, &why);
            assert_true(far_failed(dev) && !again++);
            far_fail_at(dev, 0);
            if (call == 0) assert_int_equal(raml_cache_free_tokens(c), free_tokens);
            else assert_int_equal(raml_cache_length(c, sample[1]), call - 1);
            ++*failures;
            continue;
        }
        if (call == 0) {
            MUST(raml_cache_add(c, prompt, 5, &sample[0], err));
            MUST(raml_cache_add(c, prompt, 3, &sample[1], err)); /* in the middle of a page */
        }
        call++;
        for (int i = 0; i < 2; i++) {
            assert_int_equal(raml_cache_length(c, sample[i]), call - 1);
            assert_int_equal(raml_cache_depth(c, sample[i]), (i ? 3 : 5) + call - 1);
        }
    }
    far_fail_at(dev, 0);
    MUST(raml_array_read(dev, last, logits, 2 * V * sizeof *logits, err));
    raml_cache_close(c);
    raml_array_free(dev, logits);
}

static void test_cache(void **state)
{
    (void)state;
    size_t V = (size_t)raml_model_config(m)->vocab_size, failures = 0;
    float *want = rig_floats(2 * V), *got = rig_floats(2 * V);
    run_cache(0, want, V, &failures);
    assert_int_equal(failures, 0);
    for (size_t n = 1, before = 0;; n++, before = failures) {
        run_cache(n, got, V, &failures);
        assert_memory_equal(got, want, 2 * V * sizeof *got);
        if (failures == before) break; /* n is beyond the last operation */
    }
    assert_true(failures > 60);
    print_message("  cache: %zu operations failed in turn\n", failures);
    free(want), free(got);
}

/* Making a model: every operation fails in turn, and nothing is leaked. */
static void test_model(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_LLAMA, false);
    size_t before = far_in_use(dev), failures = 0;
    for (int use = RAML_INFERENCE; use <= RAML_TRAINING; use++)
        for (size_t n = 1;; n++) {
            struct raml_model *made;
            struct raml_err why = {0};
            far_fail_at(dev, n);
            enum raml_code rc = raml_model_init(&c, 1, RAML_F32, use, dev, &made, &why);
            bool failed = far_failed(dev);
            far_fail_at(dev, 0);
            if (failed) {
                check_reported(rc, &why);
                assert_int_equal(far_in_use(dev), before);
                failures++;
                continue;
            }
            assert_int_equal(rc, RAML_OK);
            raml_model_close(made);
            break;
        }
    assert_true(failures > 40);
    print_message("  opening: %zu operations failed in turn\n", failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forward), cmocka_unit_test(test_train),
                                       cmocka_unit_test(test_cache), cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
