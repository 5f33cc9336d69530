/* An inference model gives the bits of a training one, takes less memory, and refuses to be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/scratch.h"
#undef COUNT
#include "model/rig.h"

#include "model/cache.h"
#include "core/file.h"

enum { N = 70 }; /* more than a page of keys */

static struct raml_device *dev;

static int enter(void **state)
{
    return enter_scratch(state) || far_device_open(0, "auto", &dev, NULL) ? -1 : 0;
}
static int leave(void **state)
{
    raml_device_close(dev);
    return leave_scratch(state);
}

/* All logits of a chain of N tokens. */
static float *logits_of(const struct raml_model *m)
{
    size_t V = (size_t)raml_model_config(m)->vocab_size;
    int32_t token[N];
    for (size_t i = 0; i < N; i++) token[i] = (int32_t)((7 * i * i + 3 * i + 1) % V);
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    float *out = rig_floats(N * V);
    MUST(raml_tree_add(&tree, -1, 0, token, N, 1, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, NULL, err));
    MUST(raml_pass_logits(pass, 0, N, out, err));
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    return out;
}

static void same_logits(const struct raml_model *a, const struct raml_model *b)
{
    size_t n = N * (size_t)raml_model_config(a)->vocab_size;
    float *x = logits_of(a), *y = logits_of(b);
    assert_int_equal(raml_model_config(a)->vocab_size, raml_model_config(b)->vocab_size);
    assert_memory_equal(x, y, n * sizeof *x);
    bool all_zero = true;
    for (size_t i = 0; i < n; i++) all_zero = all_zero && x[i] == 0;
    assert_false(all_zero);
    free(x);
    free(y);
}

static bool has_dtype(enum raml_dtype t)
{
    return t == RAML_F32 || raml_device_has_bf16(dev);
}

static const enum raml_dtype dtypes[] = {RAML_F32, RAML_BF16};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

static void test_files(void **state)
{
    (void)state;
    static const char *const names[] = {"qwen2-tied", "qwen2-untied", "qwen3", "llama", "llama3-scaled"};
    if (!raml_is_dir(RAML_SHARED "/golden")) {
        fprintf(stderr, "\n*** %s/golden is absent: models on disk were NOT checked ***\n\n", RAML_SHARED);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t t = 0; t < N_DTYPES; t++) {
            if (!has_dtype(dtypes[t])) continue;
            char dir[512], gguf[600];
            snprintf(dir, sizeof dir, "%s/golden/%s", RAML_SHARED, names[i]);
            snprintf(gguf, sizeof gguf, "%s/model.gguf", dir);
            struct raml_model *whole, *read, *from_gguf, *trained_gguf;
            MUST(raml_model_open(dir, dtypes[t], RAML_TRAINING, dev, &whole, err));
            MUST(raml_model_open(dir, dtypes[t], RAML_INFERENCE, dev, &read, err));
            MUST(raml_model_open(gguf, dtypes[t], RAML_INFERENCE, dev, &from_gguf, err));
            MUST(raml_model_open(gguf, dtypes[t], RAML_TRAINING, dev, &trained_gguf, err));
            same_logits(whole, read);
            same_logits(whole, from_gguf);
            same_logits(whole, trained_gguf);
            float *w = host_weights(whole), *from = host_weights(trained_gguf);
            assert_memory_equal(w, from, raml_model_n(whole) * sizeof(float));
            free(w), free(from);
            raml_model_close(whole);
            raml_model_close(read);
            raml_model_close(from_gguf);
            raml_model_close(trained_gguf);
        }
}

/* -- Stopped in the middle of a pass ------------------------------------------------------------------------------- */

static bool count_down(void *left)
{
    int *n = left;
    return (*n)-- <= 0;
}

/* A sink that stops after any number of questions: the pass ends with RAML_ESTOP, and the next has the bits of one that
 * was never stopped. A pass that can run backward does not ask. */
static void test_stopped(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    int left = 1000, asked, layers = c.n_layers;
    const struct raml_sink sink = {.stop = count_down, .user = &left};
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *reading, *training;
    struct raml_model *m;
    struct raml_err fault;
    int32_t token[N] = {0};
    float want[N - 1], got[N - 1];
    for (int i = 0; i < N; i++) token[i] = (7 * i + 1) % c.vocab_size;
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, dev, &m, err));
    MUST(raml_tree_add(&tree, -1, 0, token, N, 1, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(m, false, &reading, err));
    MUST(raml_pass_open(m, true, &training, err));
    MUST(raml_pass_forward(reading, &pack, &(struct raml_logprobs){.logp = want}, err));
    assert_int_equal(left, 1000); /* nobody is asked unless a sink is given */
    raml_model_heed(m, &sink);
    MUST(raml_pass_forward(reading, &pack, NULL, err));
    asked = 1000 - left;
    assert_int_equal(asked, layers + 1); /* before each layer, and before the head */
    for (int k = 0; k < asked; k++) {
        left = k;
        assert_int_equal(raml_pass_forward(reading, &pack, NULL, &fault), RAML_ESTOP);
        assert_string_equal(fault.msg, "stopped");
        assert_int_equal(left, -1);
        left = asked;
        memset(got, 0, sizeof got);
        MUST(raml_pass_forward(reading, &pack, &(struct raml_logprobs){.logp = got}, err));
        assert_memory_equal(got, want, sizeof want);
    }
    left = 0;
    MUST(raml_pass_forward(training, &pack, &(struct raml_logprobs){.logp = got}, err));
    assert_int_equal(left, 0);
    raml_model_heed(m, NULL);
    MUST(raml_pass_forward(reading, &pack, NULL, err));
    assert_int_equal(left, 0);
    raml_pass_close(reading);
    raml_pass_close(training);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    raml_model_close(m);
}

/* Randomly initialised models: only f32 gives the same bits, since a table of bf16 rounds the embedding. */
static void test_random_init(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_model *whole, *read;
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, dev, &whole, err));
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, dev, &read, err));
    same_logits(whole, read);
    raml_model_close(read);
    if (has_dtype(RAML_BF16)) {
        MUST(raml_model_init(&c, 5, RAML_BF16, RAML_INFERENCE, dev, &read, err));
        free(logits_of(read));
        raml_model_close(read);
    }
    raml_model_close(whole);
}

static void test_refusals(void **state)
{
    struct raml_config c = rig_config(RIG_QWEN2, true);
    struct raml_model *m;
    struct raml_pass *pass = NULL;
    struct raml_err fault = {0};
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, dev, &m, err));
    assert_null(raml_model_weights(m));
    assert_null(raml_model_weights_const(m));
    assert_int_equal(raml_pass_open(m, true, &pass, &fault), RAML_EUSAGE);
    assert_non_null(strstr(fault.msg, "RAML_INFERENCE"));
    assert_null(pass);
    fault = (struct raml_err){0};
    assert_int_equal(raml_model_refresh(m, &fault), RAML_EUSAGE);
    fault = (struct raml_err){0};
    assert_int_equal(raml_model_save(m, *state, &fault), RAML_EUSAGE);
    free(logits_of(m)); /* still works */
    raml_model_close(m);
}

struct reader { /* a cache with one live sample */
    struct raml_cache *cache;
    int prompt, sample;
};

static void open_reader(struct reader *r, const struct raml_model *m)
{
    const int32_t token[] = {3, 1, 4, 1, 5};
    struct raml_cache_tokens add = {.token = token, .n = COUNT(token)};
    MUST(raml_cache_open(m, &(struct raml_cache_options){.max_rows = 1, .max_tokens = 256}, &r->cache, err));
    MUST(raml_cache_add(r->cache, -1, 0, &r->prompt, err));
    add.node = r->prompt;
    MUST(raml_cache_append(r->cache, &add, 1, NULL, err));
    MUST(raml_cache_add(r->cache, r->prompt, COUNT(token), &r->sample, err));
}

/* Logits of what follows one more token. */
static float *step_reader(struct reader *r, const struct raml_model *m, int32_t token)
{
    size_t bytes = (size_t)raml_model_config(m)->vocab_size * sizeof(float);
    float *on_device = raml_array_new(dev, 1, bytes), *out = malloc(bytes);
    if (!on_device || !out) abort();
    const struct raml_cache_tokens add = {r->sample, &token, 1, 1};
    MUST(raml_cache_append(r->cache, &add, 1, on_device, err));
    MUST(raml_array_read(dev, out, on_device, bytes, err));
    raml_array_free(dev, on_device);
    return out;
}

static void close_reader(struct reader *r)
{
    raml_cache_drop(r->cache, r->prompt);
    raml_cache_close(r->cache);
}

/* A step of backward on the model, in passes of its own. */
static void train_beside(const struct raml_model *m)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    const int32_t token[] = {2, 7, 1, 8, 2, 8};
    float d_logp[COUNT(token)], *grad = rig_floats(raml_model_n(m));
    for (size_t i = 0; i < COUNT(token); i++) d_logp[i] = -1;
    MUST(raml_tree_add(&tree, -1, 0, token, COUNT(token), 1, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(host_train(pass, &pack, d_logp, NULL, grad, err));
    double norm = 0;
    for (size_t i = 0; i < raml_model_n(m); i++) norm += fabs((double)grad[i]);
    assert_true(norm > 0);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    free(grad);
}

/* Passes that train leave the model as it is: who reads it beside them gets the same bits as without them. */
static void test_beside_training(void **state)
{
    (void)state;
    for (size_t t = 0; t < N_DTYPES; t++) {
        if (!has_dtype(dtypes[t])) continue;
        struct raml_config c = rig_config(RIG_QWEN2, true);
        struct raml_model *m = rig_open(&c, dtypes[t], dev), *apart = rig_open(&c, dtypes[t], dev);
        struct reader beside, without;
        size_t V = (size_t)c.vocab_size, bytes = raml_model_bytes(m);
        float *w = host_weights(m), *before = logits_of(m);
        open_reader(&beside, m);
        open_reader(&without, apart);
        for (int32_t i = 0; i < 3; i++) {
            train_beside(m);
            float *got = step_reader(&beside, m, i), *want = step_reader(&without, apart, i);
            assert_memory_equal(got, want, V * sizeof *got);
            free(got), free(want);
        }
        float *after = logits_of(m), *w_after = host_weights(m);
        assert_memory_equal(before, after, N * V * sizeof *before);
        assert_memory_equal(w, w_after, raml_model_n(m) * sizeof *w);
        assert_int_equal(raml_model_bytes(m), bytes);
        close_reader(&beside);
        close_reader(&without);
        raml_model_close(m);
        raml_model_close(apart);
        free(w), free(w_after), free(before), free(after);
    }
}

/* The estimate before loading is what loading takes. Products pad rows to 64 or so: sizes here are multiples. */
static void test_sizes(void **state)
{
    (void)state;
    struct raml_config c;
    MUST(raml_config_preset("medium", &c, err));
    for (size_t t = 0; t < N_DTYPES; t++)
        for (int use = RAML_INFERENCE; use <= RAML_TRAINING; use++) {
            if (!has_dtype(dtypes[t])) continue;
            struct raml_model *m;
            struct raml_pass *pass;
            struct raml_pack pack = {0};
            MUST(raml_model_init(&c, 1, dtypes[t], use, dev, &m, err));
            for (size_t i = 0; i < 3; i++) {
                struct raml_tree tree = {0};
                int32_t token[200] = {0};
                MUST(raml_tree_add(&tree, -1, 0, token, 200, 1, NULL, err));
                MUST(raml_pack_add(&pack, &tree, err));
                raml_tree_deinit(&tree);
            }
            MUST(raml_pass_open(m, use == RAML_TRAINING, &pass, err));
            MUST(raml_pass_forward(pass, &pack, NULL, err));
            double had = (double)raml_model_bytes(m), estimated = (double)raml_model_estimate(&c, dtypes[t], use, true);
            if (!(fabs(estimated / had - 1) <= 0.02)) fail_msg("model: estimated %.0f, has %.0f", estimated, had);
            had = (double)raml_pass_bytes(pass);
            estimated = (double)raml_pass_estimate(&c, dtypes[t], dev, use == RAML_TRAINING, 600, 200);
            if (!(fabs(estimated / had - 1) <= 0.02)) fail_msg("pass: estimated %.0f, has %.0f", estimated, had);
            raml_pass_close(pass);
            raml_pack_deinit(&pack);
            raml_model_close(m);
        }
    struct raml_cache_options o = {.max_rows = 8, .max_tokens = 5000};
    struct raml_model *m;
    struct raml_cache *cache;
    MUST(raml_model_init(&c, 1, RAML_F32, RAML_INFERENCE, dev, &m, err));
    MUST(raml_cache_open(m, &o, &cache, err));
    assert_int_equal(raml_cache_bytes(cache), raml_cache_estimate(&c, RAML_F32, dev, &o));
    raml_cache_close(cache);
    raml_model_close(m);
}

/* A shape too large for any machine is refused with numbers, and at once. */
static void test_too_large(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_LLAMA, false);
    struct raml_model *m = NULL;
    struct raml_err fault = {0};
    c.hidden_size = 1 << 16;
    c.intermediate_size = 1 << 18;
    c.n_layers = 200;
    assert_int_equal(raml_model_init(&c, 1, RAML_F32, RAML_INFERENCE, dev, &m, &fault), RAML_ENOMEM);
    assert_non_null(strstr(fault.msg, "the model does not fit: its "));
    assert_non_null(strstr(fault.msg, "GB of memory are free"));
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files),     cmocka_unit_test(test_random_init),
                                       cmocka_unit_test(test_refusals),  cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_too_large), cmocka_unit_test(test_beside_training),
                                       cmocka_unit_test(test_stopped)};
    return cmocka_run_group_tests(tests, enter, leave);
}
