/* The likeliest tokens that a pass gives: those of its logits, and to the last bit its own log-probabilities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

enum { N = 150, MAX_K = 40 };

static int rank_of(const float *z, size_t V, int32_t token) /* how many are before it */
{
    int rank = 0;
    for (size_t i = 0; i < V; i++) rank += z[i] > z[token] || (z[i] == z[token] && (int32_t)i < token);
    return rank;
}

static void check_pass(struct raml_pass *p, const struct raml_pack *pack, size_t V, size_t k)
{
    float *logp = calloc(pack->n_targets, sizeof *logp), *top = calloc(pack->n_targets * k, sizeof *top);
    float *own = calloc(pack->n_targets, sizeof *own), *z = calloc(V, sizeof *z);
    int32_t *token = calloc(pack->n_targets * k, sizeof *token), *argmax = calloc(pack->n_targets, sizeof *argmax);
    const struct raml_logprobs out = {.logp = logp, .argmax = argmax, .n_top = k, .top_token = token, .top_logp = top};
    const struct raml_logprobs plain = {.logp = own};
    assert_true(logp && top && token && argmax && own && z);
    MUST(raml_pass_forward(p, pack, &plain, err));
    MUST(raml_pass_forward(p, pack, &out, err));
    assert_memory_equal(logp, own, pack->n_targets * sizeof *own);
    for (size_t i = 0; i < pack->n_targets; i++) {
        assert_int_equal(token[i * k], argmax[i]);
        MUST(raml_pass_logits(p, pack->target[i].row, 1, z, err));
        for (size_t j = 0; j < k; j++) {
            int32_t t = token[i * k + j];
            if (j >= V) {
                assert_int_equal(t, -1);
                continue;
            }
            assert_int_equal(rank_of(z, V, t), j);
            if (t == pack->target[i].token) assert_memory_equal(&top[i * k + j], &logp[i], sizeof *logp);
            assert_true(fabs((double)(top[i * k + j] - top[i * k]) - (double)(z[t] - z[token[i * k]])) <= 1e-5);
        }
    }
    free(logp);
    free(top);
    free(own);
    free(z);
    free(token);
    free(argmax);
}

static void test_top(void **state)
{
    (void)state;
    static const size_t ks[] = {1, 5, 2, MAX_K};
    struct raml_device *dev;
    MUST(far_device_open(2, "auto", &dev, err));
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, kind == RIG_LLAMA);
        struct raml_model *m = NULL;
        struct raml_pass *p = NULL;
        struct raml_tree tree = {0};
        struct raml_pack pack = {0};
        int32_t token[N];
        for (size_t i = 0; i < N; i++) token[i] = (int32_t)(i * 7919 % (size_t)c.vocab_size);
        MUST(raml_model_init(&c, 4, RAML_F32, RAML_TRAINING, dev, &m, err));
        rig_stir(m, 5, 3);
        MUST(raml_pass_open(m, false, &p, err));
        MUST(raml_tree_add(&tree, -1, 0, token, N, 1, NULL, err));
        MUST(raml_tree_add(&tree, 0, 30, token, 20, 0, NULL, err));
        MUST(raml_pack_add(&pack, &tree, err));
        for (size_t i = 0; i < COUNT(ks); i++) check_pass(p, &pack, (size_t)c.vocab_size, ks[i]);
        raml_pass_close(p);
        raml_pack_deinit(&pack);
        raml_tree_deinit(&tree);
        raml_model_close(m);
    }
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_top)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
