/* A pass's memory grows with tokens, and with the vocabulary, but never with their product. And devices
 * with different numbers of threads coexist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/rig.h"

static void add_chain(struct raml_pack *pack, size_t n)
{
    int32_t token[600] = {0};
    struct raml_tree t = {0};
    for (size_t i = 0; i < n; i++) token[i] = (int32_t)(i * 7 % 37);
    MUST(raml_tree_add(&t, -1, 0, token, n, 1, NULL, err));
    MUST(raml_pack_add(pack, &t, err));
    raml_tree_deinit(&t);
}

/* Bytes of a pass that has evaluated `chains` texts of 500 tokens, of a model with `vocab` entries. */
static size_t pass_bytes(const struct raml_device *dev, int vocab, size_t chains, bool backward)
{
    struct raml_config c = rig_config(RIG_LLAMA, false);
    c.vocab_size = vocab;
    struct raml_model *m;
    struct raml_pass *pass;
    struct raml_pack pack = {0};
    MUST(raml_model_init(&c, 1, RAML_F32, RAML_TRAINING, dev, &m, err));
    MUST(raml_pass_open(m, backward, &pass, err));
    for (size_t i = 0; i < chains; i++) add_chain(&pack, 500);
    float *grad = rig_floats(raml_model_n(m)), *coef = rig_floats(pack.n_targets);
    if (backward) MUST(host_train(pass, &pack, coef, NULL, grad, err));
    else MUST(raml_pass_forward(pass, &pack, NULL, err));
    size_t bytes = raml_pass_bytes(pass);
    free(grad), free(coef);
    raml_pack_deinit(&pack);
    raml_pass_close(pass);
    raml_model_close(m);
    return bytes;
}

/* Whole logits of 4000 tokens by 16384 entries would be 262 MB; twice the tokens, 524 MB. */
static void test_growth(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(1, "auto", false);
    for (int backward = 0; backward < 2; backward++) {
        size_t few = pass_bytes(dev, 4096, 4, backward), more = pass_bytes(dev, 4096, 8, backward);
        size_t wide = pass_bytes(dev, 16384, 4, backward), both = pass_bytes(dev, 16384, 8, backward);
        print_message("  %s: %.1f MB; twice the tokens %.1f, four times the vocabulary %.1f, both %.1f\n",
                      backward ? "training" : "inference", 1e-6 * (double)few, 1e-6 * (double)more, 1e-6 * (double)wide,
                      1e-6 * (double)both);
        assert_true(more > few); /* it is counted at all */
        /* the tokens cost the same in either vocabulary, to the byte; a part of a product of both would show */
        assert_int_equal(both - wide, more - few);
        /* inference never holds more than one tile of the vocabulary; training at most 64 MiB of logits (pass.c) */
        if (!backward) assert_int_equal(wide, few);
        else assert_true(wide - few <= (size_t)64 << 20);
    }
    raml_device_close(dev);
}

/* A pass is reused: no more bytes for a smaller pack, and the same after a larger one and back. */
static void test_reuse(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(1, "auto", false);
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    struct raml_pass *pass;
    struct raml_pack small = {0}, large = {0};
    float first[9], again[9];
    struct raml_logprobs a = {.logp = first}, b = {.logp = again};
    add_chain(&small, 10);
    for (int i = 0; i < 5; i++) add_chain(&large, 300);
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(raml_pass_forward(pass, &small, &a, err));
    MUST(raml_pass_forward(pass, &large, NULL, err));
    size_t bytes = raml_pass_bytes(pass);
    MUST(raml_pass_forward(pass, &small, &b, err));
    assert_int_equal(raml_pass_bytes(pass), bytes);
    assert_memory_equal(first, again, sizeof first);
    raml_pass_close(pass);
    raml_pack_deinit(&small), raml_pack_deinit(&large);
    raml_model_close(m);
    raml_device_close(dev);
}

/* A device opened later, with more threads, must not run the first one's kernels: scratch is sized for its own. */
static void test_two_devices(void **state)
{
    (void)state;
    struct raml_device *one = rig_device(1, "auto", false);
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_model *m = rig_open(&c, RAML_F32, one);
    struct raml_pass *pass;
    struct raml_pack pack = {0};
    for (int i = 0; i < 4; i++) add_chain(&pack, 300);
    float *coef = rig_floats(pack.n_targets), *want = rig_floats(raml_model_n(m)), *got = rig_floats(raml_model_n(m));
    for (size_t i = 0; i < pack.n_targets; i++) coef[i] = 0.01f;
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(host_train(pass, &pack, coef, NULL, want, err));
    struct raml_device *many = rig_device(8, "auto", false);
    MUST(host_train(pass, &pack, coef, NULL, got, err));
    assert_memory_equal(got, want, raml_model_n(m) * sizeof *got);
    raml_device_close(many);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    free(coef), free(want), free(got);
    raml_model_close(m);
    raml_device_close(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_growth), cmocka_unit_test(test_reuse),
                                       cmocka_unit_test(test_two_devices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
