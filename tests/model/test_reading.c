/* An inference model gives the bits of a training one, takes less memory, and refuses to be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/scratch.h"
#undef COUNT
#include "model/rig.h"

#include "model/decoder.h"
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
            MUST(raml_model_open(dir, dtypes[t], RAML_TO_TRAIN, dev, &whole, err));
            MUST(raml_model_open(dir, dtypes[t], RAML_TO_READ, dev, &read, err));
            MUST(raml_model_open(gguf, dtypes[t], RAML_TO_READ, dev, &from_gguf, err));
            MUST(raml_model_open(gguf, dtypes[t], RAML_TO_TRAIN, dev, &trained_gguf, err));
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

/* Randomly initialised models: only f32 gives the same bits, since a table of bf16 rounds the embedding. */
static void test_drawn(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_model *whole, *read;
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_TO_TRAIN, dev, &whole, err));
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_TO_READ, dev, &read, err));
    same_logits(whole, read);
    raml_model_close(read);
    if (has_dtype(RAML_BF16)) {
        MUST(raml_model_init(&c, 5, RAML_BF16, RAML_TO_READ, dev, &read, err));
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
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_TO_READ, dev, &m, err));
    assert_null(raml_model_weights(m));
    assert_int_equal(raml_pass_open(m, true, &pass, &fault), RAML_EUSAGE);
    assert_non_null(strstr(fault.msg, "RAML_TO_READ"));
    assert_null(pass);
    fault = (struct raml_err){0};
    assert_int_equal(raml_model_refresh(m, &fault), RAML_EUSAGE);
    fault = (struct raml_err){0};
    assert_int_equal(raml_model_save(m, *state, &fault), RAML_EUSAGE);
    free(logits_of(m)); /* still works */
    raml_model_close(m);
}

/* The estimate before loading is what loading takes. Products pad rows to 64 or so: sizes here are multiples. */
static void test_sizes(void **state)
{
    (void)state;
    struct raml_config c;
    MUST(raml_config_preset("medium", &c, err));
    for (size_t t = 0; t < N_DTYPES; t++)
        for (int use = RAML_TO_READ; use <= RAML_TO_TRAIN; use++) {
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
            MUST(raml_pass_open(m, use == RAML_TO_TRAIN, &pass, err));
            MUST(raml_pass_forward(pass, &pack, NULL, err));
            double had = (double)raml_model_bytes(m), told = (double)raml_model_estimate(&c, dtypes[t], use, true);
            if (!(fabs(told / had - 1) <= 0.02)) fail_msg("model: estimated %.0f, has %.0f", told, had);
            had = (double)raml_pass_bytes(pass);
            told = (double)raml_pass_estimate(&c, dtypes[t], dev, use == RAML_TO_TRAIN, 600, 200);
            if (!(fabs(told / had - 1) <= 0.02)) fail_msg("pass: estimated %.0f, has %.0f", told, had);
            raml_pass_close(pass);
            raml_pack_deinit(&pack);
            raml_model_close(m);
        }
    struct raml_decoder_options o = {.max_rows = 8, .max_tokens = 5000};
    struct raml_model *m;
    struct raml_decoder *d;
    MUST(raml_model_init(&c, 1, RAML_F32, RAML_TO_READ, dev, &m, err));
    MUST(raml_decoder_open(m, &o, &d, err));
    assert_int_equal(raml_decoder_bytes(d), raml_decoder_estimate(&c, RAML_F32, dev, &o));
    raml_decoder_close(d);
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
    assert_int_equal(raml_model_init(&c, 1, RAML_F32, RAML_TO_READ, dev, &m, &fault), RAML_ENOMEM);
    assert_non_null(strstr(fault.msg, "the model does not fit: its "));
    assert_non_null(strstr(fault.msg, "GB of memory are free"));
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_drawn),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_too_large)};
    return cmocka_run_group_tests(tests, enter, leave);
}
