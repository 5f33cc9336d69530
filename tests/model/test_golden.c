/* The golden models of ../shared/golden (double precision, independent implementation): logits, log-probabilities,
 * gradients and tree values, at every kernel level in f32, and in bf16 where the processor has it. */
#include "core/file.h"
#include "core/json.h"
#include "raml/model.h"
#include "raml/device.h"

#include "device/far.h"
#include "model/host.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"

static const char *const names[] = {"qwen2-tied", "qwen2-untied", "qwen3", "llama", "llama3-scaled"};
enum { N_NAMES = sizeof names / sizeof *names, N_TOKENS = 64 };

struct golden {
    char dir[512];
    json_t *expected;
    struct raml_model *model;
    struct raml_pass *pass;
    int32_t token[N_TOKENS];
};

static int have_shared(void)
{
    if (raml_is_dir(RAML_SHARED "/golden")) return 1;
    fprintf(stderr, "\n*** %s/golden is absent: the golden models were NOT checked ***\n\n", RAML_SHARED);
    return 0;
}

static void open_golden(struct golden *g, const char *name, enum raml_dtype dtype, const struct raml_device *dev)
{
    struct raml_err err = {0};
    char path[600];
    snprintf(g->dir, sizeof g->dir, "%s/golden/%s", RAML_SHARED, name);
    snprintf(path, sizeof path, "%s/expected.json", g->dir);
    if (raml_json_load(path, 1 << 24, &g->expected, &err)) fail_msg("%s", err.msg);
    if (raml_model_open(g->dir, dtype, RAML_TRAINING, dev, &g->model, &err)) fail_msg("%s", err.msg);
    if (raml_pass_open(g->model, true, &g->pass, &err)) fail_msg("%s", err.msg);
    json_t *tokens = json_object_get(g->expected, "tokens");
    for (size_t i = 0; i < N_TOKENS; i++) g->token[i] = (int32_t)json_integer_value(json_array_get(tokens, i));
}

static void close_golden(struct golden *g)
{
    raml_pass_close(g->pass);
    raml_model_close(g->model);
    json_decref(g->expected);
}

static void chain(struct raml_pack *pack, const int32_t *token, size_t n)
{
    struct raml_tree t = {0};
    assert_int_equal(raml_tree_add(&t, -1, 0, token, n, 1, NULL, NULL), 0);
    assert_int_equal(raml_pack_add(pack, &t, NULL), 0);
    raml_tree_deinit(&t);
}

static double worst(const char *what, const float *got, const json_t *want, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        double e = fabs(got[i] - json_number_value(json_array_get(want, i)));
        most = worse_of(most, e);
    }
    print_message("  %-24s worst error %.2e\n", what, most);
    return most;
}

/* Worst absolute error of a gradient against a safetensors file, and the norm-wise relative error. */
static double worst_grad(const struct golden *g, const char *file, const float *grad, double *relative)
{
    struct raml_err err = {0};
    char path[600];
    struct raml_safetensors *s;
    snprintf(path, sizeof path, "%s/%s", g->dir, file);
    if (raml_safetensors_open(path, &s, &err)) fail_msg("%s", err.msg);
    const struct raml_param *p;
    size_t n = raml_model_params(g->model, &p);
    double most = 0, diff = 0, norm = 0;
    assert_int_equal(n, raml_safetensors_count(s));
    for (size_t i = 0; i < n; i++) {
        const struct raml_tensor_view *v = raml_safetensors_find(s, p[i].name);
        assert_non_null(v);
        assert_int_equal(v->n, p[i].n);
        float *want = malloc(v->n * sizeof *want);
        assert_int_equal(raml_tensor_to_f32(v, want, 1, NULL), 0);
        double here = 0;
        for (size_t k = 0; k < v->n; k++) {
            double e = fabs(grad[p[i].offset + k] - want[k]);
            here = worse_of(here, e);
            diff += e * e;
            norm += (double)want[k] * want[k];
        }
        if (here > 1e-3) print_message("    %s: %.2e\n", p[i].name, here);
        most = worse_of(most, here);
        free(want);
    }
    raml_safetensors_close(s);
    *relative = sqrt(diff / norm);
    print_message("  %-24s worst error %.2e, relative %.2e\n", file, most, *relative);
    return most;
}

static void check_logits(struct golden *g, double tol)
{
    struct raml_err err = {0};
    struct raml_pack pack = {0};
    chain(&pack, g->token, N_TOKENS);
    if (raml_pass_forward(g->pass, &pack, NULL, &err)) fail_msg("%s", err.msg);
    size_t V = (size_t)raml_model_config(g->model)->vocab_size;
    float *got = malloc(N_TOKENS * V * sizeof *got);
    if (raml_pass_logits(g->pass, 0, N_TOKENS, got, &err)) fail_msg("%s", err.msg);
    char path[600];
    snprintf(path, sizeof path, "%s/logits_ref.f32", g->dir);
    struct raml_map map;
    if (raml_map_init(&map, path, &err)) fail_msg("%s", err.msg);
    assert_int_equal(map.size, N_TOKENS * V * sizeof(float));
    double most = 0;
    for (size_t i = 0; i < N_TOKENS * V; i++) {
        float want;
        memcpy(&want, map.data + 4 * i, 4);
        double e = fabs((double)got[i] - want);
        most = worse_of(most, e);
    }
    print_message("  logits                   worst error %.2e\n", most);
    assert_true(most <= tol);
    raml_map_deinit(&map);
    free(got);
    raml_pack_deinit(&pack);
}

static void check_sft(struct golden *g, double tol, double tol_grad)
{
    struct raml_err err = {0};
    struct raml_pack pack = {0};
    chain(&pack, g->token, N_TOKENS);
    float logp[N_TOKENS - 1], coef[N_TOKENS - 1], *grad = calloc(raml_model_n(g->model), sizeof *grad);
    for (int i = 0; i < N_TOKENS - 1; i++) coef[i] = -1.0f / (N_TOKENS - 1);
    struct raml_logprobs out = {.logp = logp};
    if (host_train(g->pass, &pack, coef, &out, grad, &err)) fail_msg("%s", err.msg);
    double loss = 0, relative;
    for (int i = 0; i < N_TOKENS - 1; i++) loss -= logp[i] / (double)(N_TOKENS - 1);
    assert_true(fabs(loss - json_real_value(json_object_get(g->expected, "sft_loss"))) <= tol);
    assert_true(worst_grad(g, "grad_sft.safetensors", grad, &relative) <= tol_grad);
    free(grad);
    raml_pack_deinit(&pack);
}

static void check_weighted(struct golden *g, double tol, double tol_grad)
{
    struct raml_err err = {0};
    struct raml_pack pack = {0};
    chain(&pack, g->token, N_TOKENS);
    json_t *w = json_object_get(g->expected, "weighted");
    float logp[N_TOKENS], entropy[N_TOKENS], c[N_TOKENS], e[N_TOKENS];
    float *grad = calloc(raml_model_n(g->model), sizeof *grad);
    for (size_t i = 0; i < N_TOKENS - 1; i++) {
        c[i] = (float)json_number_value(json_array_get(json_object_get(w, "logp_coefficient"), i));
        e[i] = (float)json_number_value(json_array_get(json_object_get(w, "entropy_coefficient"), i));
    }
    struct raml_logprobs out = {.logp = logp, .entropy = entropy};
    if (raml_pass_forward(g->pass, &pack, &out, &err)) fail_msg("%s", err.msg);
    assert_true(worst("logp", logp, json_object_get(w, "logp"), N_TOKENS - 1) <= tol);
    assert_true(worst("entropy", entropy, json_object_get(w, "entropy"), N_TOKENS - 1) <= tol);
    if (host_backward(g->pass, c, e, grad, &err)) fail_msg("%s", err.msg);
    double relative;
    worst_grad(g, "grad_weighted.safetensors", grad, &relative);
    assert_true(relative <= tol_grad);
    free(grad);
    raml_pack_deinit(&pack);
}

/* Reads a JSON list of ids into out; returns the count. */
static size_t ids(const json_t *list, int32_t *out)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) out[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return n;
}

/* The prompt, all trajectories on it, and a probe (answer prefix, answer) after every token of each, in one pass. */
static void check_tree(struct golden *g, double tol)
{
    struct raml_err err = {0};
    json_t *tree = json_object_get(g->expected, "tree"), *trajectories = json_object_get(tree, "trajectories");
    int32_t prompt[256], probe[64], t[256];
    size_t n_prompt = ids(json_object_get(tree, "prompt"), prompt), n_prefix = ids(json_object_get(tree, "cue"), probe);
    size_t n_answer = ids(json_object_get(tree, "answer"), probe + n_prefix), k;
    json_t *trajectory;
    struct raml_tree spans = {0};
    struct raml_pack pack = {0};
    assert_int_equal(raml_tree_add(&spans, -1, 0, prompt, n_prompt, n_prompt, NULL, &err), 0);
    json_array_foreach (trajectories, k, trajectory) {
        int32_t span;
        size_t n = ids(json_object_get(trajectory, "tokens"), t);
        assert_int_equal(raml_tree_add(&spans, 0, (uint32_t)n_prompt, t, n, 0, &span, &err), 0);
        for (uint32_t i = 0; i <= n; i++)
            assert_int_equal(raml_tree_add(&spans, span, i, probe, n_prefix + n_answer, n_prefix, NULL, &err), 0);
    }
    assert_int_equal(raml_pack_add(&pack, &spans, &err), 0);
    float *logp = calloc(pack.n_targets + 1, sizeof *logp);
    struct raml_logprobs out = {.logp = logp};
    if (raml_pass_forward(g->pass, &pack, &out, &err)) fail_msg("%s", err.msg);
    size_t at = 0;
    json_array_foreach (trajectories, k, trajectory) {
        json_t *own = json_object_get(trajectory, "logp"),
               *answer = json_object_get(trajectory, "answer_logp_after_prefix");
        size_t n = json_array_size(own);
        assert_true(n > 0 && json_array_size(answer) == n + 1);
        assert_true(worst("tree: trajectory", logp + at, own, n) <= tol);
        at += n;
        double most = 0;
        for (size_t i = 0; i <= n; i++)
            for (size_t j = 0; j < n_answer; j++, at++) {
                double e = fabs(logp[at] - json_number_value(json_array_get(json_array_get(answer, i), j)));
                most = worse_of(most, e);
            }
        print_message("  tree: answers            worst error %.2e\n", most);
        assert_true(most <= tol);
    }
    assert_int_equal(at, pack.n_targets);
    free(logp);
    raml_tree_deinit(&spans);
    raml_pack_deinit(&pack);
}

static void check_level(const char *level, enum raml_dtype dtype, double tol, double tol_grad)
{
    struct raml_err err = {0};
    struct raml_device *dev;
    if (!have_shared()) skip();
    if (far_device_open(2, level, &dev, &err)) {
        fprintf(stderr, "level %s not checked: %s\n", level, err.msg);
        skip();
    }
    if (dtype == RAML_BF16 && !raml_device_has_bf16(dev)) {
        fprintf(stderr, "bf16 not checked: this processor has no bf16 products\n");
        raml_device_close(dev);
        skip();
    }
    for (int i = 0; i < N_NAMES; i++) {
        struct golden g;
        print_message("%s, %s\n", names[i], level);
        open_golden(&g, names[i], dtype, dev);
        check_logits(&g, tol);
        check_sft(&g, tol, tol_grad);
        check_weighted(&g, tol, tol_grad);
        check_tree(&g, tol);
        close_golden(&g);
    }
    raml_device_close(dev);
}

static void test_ref(void **state)
{
    (void)state;
    check_level("ref", RAML_F32, 1e-4, 1e-4);
}
static void test_avx2(void **state)
{
    (void)state;
    check_level("avx2", RAML_F32, 1e-4, 1e-4);
}
static void test_avx512(void **state)
{
    (void)state;
    check_level("avx512", RAML_F32, 1e-4, 1e-4);
}
static void test_auto(void **state)
{
    (void)state;
    check_level("auto", RAML_F32, 1e-4, 1e-4);
}
/* bf16 has 8 bits: these models' logits (deviation about 3) move by a few hundredths. */
static void test_bf16(void **state)
{
    (void)state;
    check_level("auto", RAML_BF16, 0.15, 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ref), cmocka_unit_test(test_avx2),
                                       cmocka_unit_test(test_avx512), cmocka_unit_test(test_auto),
                                       cmocka_unit_test(test_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
