/* Adapters in a model: a zero B changes no bit, W + scale B A gives the same logits, a cache the same bits as a pass;
 * what the parameters of a model with adapters are, how it is saved, what it holds, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/file.h"
#include "model/adapter_rig.h"
#include "model/cache.h"
#include "raml/tap.h"

#include "check_near.h"

enum { LONG = 300 }; /* rows of more than one chunk of the far device */
static const size_t ranks[] = {1, 3, 5, 17, 2, 70, 16};

#define REFUSED(code, words, call)                                                                                     \
    do {                                                                                                               \
        struct raml_err refused = {0}, *err = &refused;                                                                \
        assert_int_equal(call, code);                                                                                  \
        if (!strstr(refused.msg, words)) fail_msg("'%s' does not say '%s'", refused.msg, words);                       \
    } while (0)

static struct raml_model *open_model(const char *dir, enum raml_dtype dtype, enum raml_use use,
                                     const struct raml_device *dev)
{
    struct raml_model *m = NULL;
    MUST(raml_model_open(dir, dtype, use, dev, &m, err));
    return m;
}

static void same_logits(const char *what, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(a[i] == b[i])) fail_msg("%s: logit %zu is %.9g, expected %.9g", what, i, (double)a[i], (double)b[i]);
}

/* A fresh adapter is the base, to the bit; so is any A with B zero; and one that was set is not. */
static void check_zero(int kind, enum raml_dtype dtype, enum raml_use use, const struct raml_device *dev)
{
    struct raml_config c = rig_config(kind, kind == RIG_LLAMA);
    char dir[64];
    int32_t token[LONG];
    size_t n = far_asked() ? 40 : LONG, V = (size_t)c.vocab_size;
    rig_save(&c, dev, dir);
    rig_tokens(token, n, c.vocab_size, 2);
    struct raml_model *base = open_model(dir, dtype, RAML_INFERENCE, dev), *m = open_model(dir, dtype, use, dev);
    struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
    float *want = rig_logits(base, token, n), *before = rig_logits(m, token, n);
    same_logits("before", before, want, n * V);
    float *block = rig_block(&plan, 4);
    MUST(raml_model_adapt(m, &plan, NULL, 5, err));
    float *fresh = rig_logits(m, token, n);
    same_logits("fresh", fresh, want, n * V);
    raml_model_close(m);
    m = open_model(dir, dtype, use, dev);
    MUST(raml_model_adapt(m, &plan, block, 0, err));
    float *set = rig_logits(m, token, n);
    assert_true(rig_distance(set, want, n * V) > 0.1);
    for (size_t i = 0; i < plan.n_modules; i++)
        memset(block + plan.module[i].b, 0, plan.module[i].n_out * plan.module[i].rank * sizeof *block);
    raml_model_close(m);
    m = open_model(dir, dtype, use, dev);
    MUST(raml_model_adapt(m, &plan, block, 0, err));
    float *zero = rig_logits(m, token, n);
    same_logits("zero B", zero, want, n * V);
    float *const all[] = {want, before, fresh, set, zero, block};
    for (size_t i = 0; i < COUNT(all); i++) free(all[i]);
    raml_model_close(m);
    raml_model_close(base);
    raml_lora_deinit(&plan);
    MUST(raml_remove_tree(dir, err));
}

static void test_zero(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        check_zero(kind, RAML_F32, kind == RIG_QWEN3 ? RAML_INFERENCE : RAML_ADAPTING, dev);
        if (raml_device_has_bf16(dev)) check_zero(kind, RAML_BF16, RAML_ADAPTING, dev);
    }
    check_zero(RIG_QWEN2, RAML_STORED, RAML_INFERENCE, dev);
    raml_device_close(dev);
}

/* Merged weights; and bf16 near f32. */
static void test_merged(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, kind == RIG_LLAMA);
        char dir[64];
        int32_t token[LONG];
        size_t n = far_asked() ? 40 : LONG, V = (size_t)c.vocab_size;
        rig_save(&c, dev, dir);
        rig_tokens(token, n, c.vocab_size, 3);
        struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
        if (c.tied) plan.n_modules--; /* the embedding: it would move the head */
        float *block = rig_block(&plan, 4);
        struct raml_model *merged = open_model(dir, RAML_F32, RAML_TRAINING, dev);
        rig_merge(merged, &plan, block);
        float *want = rig_logits(merged, token, n);
        for (int bf16 = 0; bf16 < (raml_device_has_bf16(dev) ? 2 : 1); bf16++) {
            struct raml_model *m = open_model(dir, bf16 ? RAML_BF16 : RAML_F32, RAML_ADAPTING, dev);
            MUST(raml_model_adapt(m, &plan, block, 0, err));
            float *got = rig_logits(m, token, n);
            double distance = rig_distance(got, want, n * V);
            print_message("  %s, %s: %.1e\n", c.model_type, bf16 ? "bf16" : "f32", distance);
            assert_true(distance <= (bf16 ? 0.1 : 1e-5));
            free(got);
            raml_model_close(m);
        }
        raml_model_close(merged);
        raml_lora_deinit(&plan);
        free(want), free(block);
        MUST(raml_remove_tree(dir, err));
    }
    raml_device_close(dev);
}

/* One token at a time and all at once: the bits of a pass, in f32; in bf16 nearly. */
static void check_cache(int kind, enum raml_dtype dtype, const struct raml_device *dev)
{
    enum { N = 21 };
    struct raml_config c = rig_config(kind, kind == RIG_LLAMA);
    size_t V = (size_t)c.vocab_size;
    char dir[64];
    int32_t token[N];
    struct raml_cache_options opt = {.max_tokens = 256, .max_rows = 32};
    struct raml_cache *cache = NULL;
    struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
    float *block = rig_block(&plan, 4), *got = rig_floats(N * V);
    rig_save(&c, dev, dir);
    rig_tokens(token, N, c.vocab_size, 5);
    struct raml_model *m = open_model(dir, dtype, RAML_INFERENCE, dev);
    MUST(raml_model_adapt(m, &plan, block, 0, err));
    float *want = rig_logits(m, token, N), *z = raml_array_new(dev, N * V, sizeof *z);
    MUST(raml_cache_open(m, &opt, &cache, err));
    for (size_t first = 1; first <= N; first += N - 1) { /* one row, then single ones; all rows */
        int node;
        MUST(raml_cache_add(cache, -1, 0, &node, err));
        for (size_t at = 0, k = first; at < N; at += k, k = first) {
            struct raml_cache_tokens add = {.node = node, .token = token + at, .n = k, .n_read = k};
            MUST(raml_cache_append(cache, &add, 1, z, err));
            MUST(raml_array_read(dev, got + at * V, z, k * V * sizeof *z, err));
        }
        if (dtype == RAML_F32) same_logits("cache", got, want, N * V);
        else assert_true(rig_distance(got, want, N * V) < 0.02);
    }
    raml_cache_close(cache);
    raml_array_free(dev, z);
    raml_model_close(m);
    raml_lora_deinit(&plan);
    free(block), free(got), free(want);
    MUST(raml_remove_tree(dir, err));
}

static void test_cache(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        check_cache(kind, RAML_F32, dev);
        if (raml_device_has_bf16(dev)) check_cache(kind, RAML_BF16, dev);
    }
    raml_device_close(dev);
}

/* A layer's matrix is what the passes multiply with. */
static void test_products(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_config c = rig_config(RIG_QWEN2, false);
    char dir[64];
    rig_save(&c, dev, dir);
    struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
    float *block = rig_block(&plan, 4);
    struct raml_model *merged = open_model(dir, RAML_F32, RAML_TRAINING, dev),
                      *m = open_model(dir, RAML_F32, RAML_ADAPTING, dev);
    MUST(raml_model_adapt(m, &plan, block, 0, err));
    plan.n_modules--;
    rig_merge(merged, &plan, block);
    for (int k = 0; k < RAML_LAYER_MATRICES + 1; k++) {
        bool both = k == RAML_LAYER_MATRICES; /* gate and up */
        enum raml_layer_matrix matrix = both ? RAML_LAYER_GATE : (enum raml_layer_matrix)k;
        struct raml_layer_shape s = raml_layer_shape(&c, matrix);
        size_t n_out = both ? 2 * s.n_out : s.n_out;
        float *x = rig_floats(3 * s.n_in), *y = rig_floats(3 * n_out), *want = rig_floats(3 * n_out);
        double norm[2] = {0};
        for (size_t i = 0; i < 3 * s.n_in; i++) x[i] = (float)((double)(i % 7) - 3) / 4;
        if (both) {
            MUST(raml_layer_gate_up(m, 1, x, 3, y, err));
            MUST(raml_layer_gate_up(merged, 1, x, 3, want, err));
        } else {
            MUST(raml_layer_product(m, 1, matrix, x, 3, y, err));
            MUST(raml_layer_product(merged, 1, matrix, x, 3, want, err));
        }
        MUST(raml_layer_matrix_norm(m, 1, matrix, &norm[0], err));
        MUST(raml_layer_matrix_norm(merged, 1, matrix, &norm[1], err));
        assert_true(rig_distance(y, want, 3 * n_out) <= 1e-6);
        CHECK_NEAR("norm", norm[0], norm[1], 1e-5 * norm[1]);
        free(x), free(y), free(want);
    }
    raml_model_close(m);
    raml_model_close(merged);
    raml_lora_deinit(&plan);
    free(block);
    MUST(raml_remove_tree(dir, err));
    raml_device_close(dev);
}

/* The parameters are A and B: by name, as a whole, and in the folder that is saved. */
static void test_parameters(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(1, "auto", false);
    struct raml_config c = rig_config(RIG_QWEN2, false);
    char dir[64], path[128];
    const struct raml_param *table;
    struct raml_model *m = NULL;
    const struct raml_lora_options o = {.r = 3, .alpha = 6, .target_modules = "all-linear", .rank_pattern = "k_proj=5"};
    struct raml_lora plan = {0}, read = {0};
    MUST(raml_lora_plan(&o, &c, &plan, err));
    float *block = rig_block(&plan, 4), *other = rig_block(&plan, 5), *back = NULL;
    MUST(raml_model_init(&c, 7, RAML_F32, RAML_ADAPTING, dev, &m, err));
    size_t bare = raml_model_bytes(m);
    MUST(raml_model_adapt(m, &plan, block, 0, err));
    assert_true(raml_model_bytes(m) >= bare + 2 * plan.n);
    assert_int_equal(raml_model_n(m), plan.n);
    assert_int_equal(raml_gradient_n(m), plan.n); /* the tied embedding has none */
    assert_int_equal(raml_model_params(m, &table), 2 * plan.n_modules);
    for (size_t i = 0; i < 2 * plan.n_modules; i++) assert_true(table[i].decay);
    const char *name = "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight";
    const struct raml_param *p = NULL;
    MUST(raml_param_find(m, name, &p, err));
    assert_int_equal(p->shape[1], c.hidden_size);
    MUST(raml_model_set(m, NULL, other, plan.n, err));
    MUST(raml_model_set(m, name, block + p->offset, p->n, err));
    memcpy(other + p->offset, block + p->offset, p->n * sizeof *other);
    double sum = 0, norm = 0;
    for (size_t i = 0; i < plan.n; i++) sum += (double)other[i] * (double)other[i];
    MUST(raml_model_norm(m, NULL, NULL, &norm, err));
    CHECK_NEAR("norm", norm, sqrt(sum), 1e-6 * norm);
    snprintf(dir, sizeof dir, "/tmp/raml-adapter-XXXXXX");
    assert_non_null(mkdtemp(dir));
    MUST(raml_model_save(m, dir, err));
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_false(raml_is_file(path));
    MUST(raml_lora_read(dir, &c, &read, &back, err));
    assert_int_equal(read.n, plan.n);
    assert_memory_equal(back, other, plan.n * sizeof *back);
    REFUSED(RAML_EUSAGE, "no tensor", raml_param_find(m, "model.norm.weight", &p, err));
    raml_lora_deinit(&read);
    raml_lora_deinit(&plan);
    free(block), free(other), free(back);
    raml_model_close(m);
    raml_device_close(dev);
    MUST(raml_remove_tree(dir, err));
}

static void test_refused(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(1, "auto", false);
    struct raml_config c = rig_config(RIG_QWEN2, false), wider = c;
    struct raml_model *m = NULL, *trained = NULL;
    struct raml_pass *p = NULL;
    float one = 1, *g = raml_array_new(dev, 64, sizeof *g);
    REFUSED(RAML_EUSAGE, "F32 or BF16", raml_model_init(&c, 7, RAML_STORED, RAML_ADAPTING, dev, &m, err));
    MUST(raml_model_init(&c, 7, RAML_F32, RAML_ADAPTING, dev, &m, err));
    MUST(raml_model_init(&c, 7, RAML_F32, RAML_TRAINING, dev, &trained, err));
    struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks)), empty = {0};
    float *block = rig_block(&plan, 4);
    struct raml_pack pack = {0};
    rig_chain(&pack, (const int32_t[]){1, 2, 3}, 3);
    MUST(raml_pass_open(m, true, &p, err));
    REFUSED(RAML_EUSAGE, "no adapters yet", raml_model_refresh(m, err));
    REFUSED(RAML_EUSAGE, "no adapters yet", raml_model_save(m, "/tmp", err));
    REFUSED(RAML_EUSAGE, "no adapters yet", raml_pass_train(p, &pack, (float[]){1, 1}, NULL, g, err));
    MUST(raml_pass_forward(p, &pack, NULL, err));
    REFUSED(RAML_EUSAGE, "no adapters yet", raml_pass_backward(p, (float[]){1, 1}, NULL, g, err));
    REFUSED(RAML_EUSAGE, "no adapters yet", raml_model_get(m, NULL, &one, 0, err));
    REFUSED(RAML_EUSAGE, "trains its own", raml_model_adapt(trained, &plan, block, 0, err));
    REFUSED(RAML_EUSAGE, "without adapters", raml_model_adapt(m, &empty, block, 0, err));
    wider.hidden_size += 2;
    struct raml_lora other = rig_plan(&wider, ranks, COUNT(ranks));
    REFUSED(RAML_ESHAPE, "the model has", raml_model_adapt(m, &other, NULL, 0, err));
    struct raml_lora_module first = plan.module[0];
    plan.module[0].layer = c.n_layers;
    REFUSED(RAML_ESHAPE, "another base", raml_model_adapt(m, &plan, block, 0, err));
    plan.module[0] = first;
    plan.module[0].b = plan.n - 1;
    REFUSED(RAML_ERANGE, "rank 1", raml_model_adapt(m, &plan, block, 0, err));
    plan.module[0] = plan.module[7]; /* of the other layer, which then has two */
    REFUSED(RAML_EUSAGE, "two adapters", raml_model_adapt(m, &plan, block, 0, err));
    plan.module[0] = first;
    block[3] = NAN;
    REFUSED(RAML_ERANGE, "number 3", raml_model_adapt(m, &plan, block, 0, err));
    assert_null(raml_model_lora(m));
    MUST(raml_model_adapt(m, &plan, NULL, 0, err));
    assert_int_equal(raml_model_lora(m)->n, plan.n);
    REFUSED(RAML_EUSAGE, "already", raml_model_adapt(m, &plan, NULL, 0, err));
    raml_pass_close(p);
    raml_pack_deinit(&pack);
    raml_lora_deinit(&plan);
    raml_lora_deinit(&other);
    free(block);
    raml_array_free(dev, g);
    raml_model_close(m);
    raml_model_close(trained);
    raml_device_close(dev);
}

/* Of a 0.5B shape: no f32 master, and what is estimated is what is held. */
static void test_memory(void **state)
{
    (void)state;
    if (far_asked()) return;
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_config c;
    MUST(raml_config_preset("qwen2.5-0.5b", &c, err));
    enum raml_dtype dtype = raml_device_has_bf16(dev) ? RAML_BF16 : RAML_F32;
    struct raml_model_size z = raml_model_estimate_parts(&c, dtype, RAML_ADAPTING, false);
    assert_true(z.master == 0 && z.row_major == z.copies && z.vectors > 0 && z.table == 0);
    assert_true(raml_model_estimate_parts(&c, dtype, RAML_ADAPTING, true).table > 0);
    double all = (double)raml_model_estimate(&c, dtype, RAML_TRAINING, false) +
                 12.0 * (double)raml_config_params(&c); /* with gradient and moments */
    assert_true((double)raml_model_estimate(&c, dtype, RAML_ADAPTING, false) <= 0.34 * all);
    c.n_layers = 2; /* the shape of a layer and of the head is what counts */
    struct raml_model *m = NULL;
    MUST(raml_model_init(&c, 1, dtype, RAML_ADAPTING, dev, &m, err));
    double held = (double)raml_model_bytes(m), estimated = (double)raml_model_estimate(&c, dtype, RAML_ADAPTING, true);
    print_message("  held %.1f MB, estimated %.1f MB\n", 1e-6 * held, 1e-6 * estimated);
    CHECK_NEAR("held", held, estimated, 0.03 * estimated);
    assert_null(m->weights);
    struct raml_lora plan = {0};
    struct raml_lora_options o = {.r = 16, .alpha = 32, .target_modules = "all-linear"};
    MUST(raml_lora_plan(&o, &c, &plan, err));
    MUST(raml_model_adapt(m, &plan, NULL, 0, err));
    double more = (double)raml_model_bytes(m) - held;
    print_message("  adapters of %zu parameters: %.1f MB\n", plan.n, 1e-6 * more);
    assert_true(more >= 4.0 * (double)plan.n && more <= 8.0 * (double)plan.n + 1e6);
    raml_lora_deinit(&plan);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zero),       cmocka_unit_test(test_merged),
                                       cmocka_unit_test(test_cache),      cmocka_unit_test(test_products),
                                       cmocka_unit_test(test_parameters), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
