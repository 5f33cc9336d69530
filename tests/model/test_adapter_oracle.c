/* Six PEFT folders on golden models (../shared/oracle/lora, double precision): logits, loss, and the gradient of every A
 * and B, at every level in f32; in bf16 they are close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/file.h"
#include "core/json.h"
#include "model/adapter_rig.h"
#include "raml/safetensors.h"

#include "check_near.h"

enum { N = 24 };
static const char *const bases[] = {"qwen2-tied", "llama"}, *const kinds[] = {"plain", "rslora", "pattern"};

struct oracle {
    char dir[512];
    json_t *expected;
    struct raml_model *model;
    int32_t token[N];
};

static void open_oracle(struct oracle *o, const char *base, const char *kind, enum raml_dtype dtype,
                        const struct raml_device *dev)
{
    char path[600];
    struct raml_lora plan = {0};
    float *block;
    snprintf(o->dir, sizeof o->dir, "%s/oracle/lora/%s-%s", RAML_SHARED, base, kind);
    snprintf(path, sizeof path, "%s/expected.json", o->dir);
    MUST(raml_json_load(path, 1 << 24, &o->expected, err));
    snprintf(path, sizeof path, "%s/golden/%s", RAML_SHARED, base);
    MUST(raml_model_open(path, dtype, RAML_ADAPTING, dev, &o->model, err));
    assert_int_equal(raml_model_n(o->model), 0);
    assert_null(raml_model_weights_const(o->model));
    MUST(raml_lora_read(o->dir, raml_model_config(o->model), &plan, &block, err));
    MUST(raml_model_adapt(o->model, &plan, block, 0, err));
    assert_int_equal(raml_model_n(o->model), plan.n);
    raml_lora_deinit(&plan);
    free(block);
    json_t *tokens = json_object_get(o->expected, "tokens");
    assert_int_equal(json_array_size(tokens), N);
    for (size_t i = 0; i < N; i++) o->token[i] = (int32_t)json_integer_value(json_array_get(tokens, i));
}

static double logits_error(const struct oracle *o)
{
    char path[600];
    struct raml_map map;
    size_t V = (size_t)raml_model_config(o->model)->vocab_size;
    float *z = rig_logits(o->model, o->token, N);
    snprintf(path, sizeof path, "%s/logits.f64", o->dir);
    MUST(raml_map_init(&map, path, err));
    assert_int_equal(map.size, N * V * sizeof(double));
    double most = 0;
    for (size_t i = 0; i < N * V; i++) {
        double want;
        memcpy(&want, map.data + 8 * i, 8);
        most = worse_of(most, fabs((double)z[i] - want));
    }
    raml_map_deinit(&map);
    free(z);
    return most;
}

/* Of the mean negative log-likelihood; relative is of all A and B together. */
static double gradient_error(const struct oracle *o, double *loss_error, double *relative)
{
    float c[N], logp[N];
    struct raml_pack pack = {0};
    struct raml_pass *p;
    struct raml_logprobs out = {.logp = logp};
    float *grad = rig_floats(raml_model_n(o->model));
    double loss = 0, most = 0, diff = 0, norm = 0;
    for (size_t i = 0; i < N; i++) c[i] = -1.0f / (N - 1);
    rig_chain(&pack, o->token, N);
    MUST(raml_pass_open(o->model, true, &p, err));
    MUST(host_train(p, &pack, c, &out, grad, err));
    assert_int_equal(pack.n_targets, N - 1);
    for (size_t i = 0; i < N - 1; i++) loss -= (double)logp[i] / (N - 1);
    *loss_error = fabs(loss - json_number_value(json_object_get(o->expected, "sft_loss")));
    char path[600];
    struct raml_safetensors *s;
    const struct raml_param *param;
    size_t n = raml_model_params(o->model, &param);
    snprintf(path, sizeof path, "%s/grad_sft.safetensors", o->dir);
    MUST(raml_safetensors_open(path, &s, err));
    assert_int_equal(n, raml_safetensors_count(s));
    for (size_t i = 0; i < n; i++) {
        const struct raml_tensor_view *v = raml_safetensors_find(s, param[i].name);
        if (!v) fail_msg("no gradient of %s", param[i].name);
        assert_int_equal(v->n, param[i].n);
        float *want = rig_floats(v->n);
        MUST(raml_tensor_to_f32(v, want, 1, err));
        for (size_t k = 0; k < v->n; k++) {
            double e = fabs((double)grad[param[i].offset + k] - (double)want[k]);
            most = worse_of(most, e);
            diff += e * e;
            norm += (double)want[k] * (double)want[k];
        }
        free(want);
    }
    *relative = sqrt(diff / norm);
    raml_safetensors_close(s);
    raml_pass_close(p);
    raml_pack_deinit(&pack);
    free(grad);
    return most;
}

static void check_folder(const char *base, const char *kind, bool bf16, const struct raml_device *dev)
{
    struct oracle o;
    double loss, relative;
    open_oracle(&o, base, kind, bf16 ? RAML_BF16 : RAML_F32, dev);
    double logits = logits_error(&o), grad = gradient_error(&o, &loss, &relative);
    print_message("  %s-%s: logits %.1e, loss %.1e, gradient %.1e, relative %.1e\n", base, kind, logits, loss, grad,
                  relative);
    assert_true(logits <= (bf16 ? 0.25 : 1e-4));
    assert_true(loss <= (bf16 ? 0.05 : 1e-5));
    assert_true(relative <= (bf16 ? 0.05 : 1e-5));
    assert_true(bf16 || grad <= 1e-5);
    json_decref(o.expected);
    raml_model_close(o.model);
}

static int have_shared(void)
{
    if (raml_is_dir(RAML_SHARED "/oracle/lora")) return 1;
    fprintf(stderr, "\n*** %s/oracle/lora is absent: adapters were NOT checked against it ***\n\n", RAML_SHARED);
    return 0;
}

static void check_all(const char *level, bool bf16)
{
    struct raml_device *dev = have_shared() ? rig_device(2, level, bf16) : NULL;
    if (!dev) return;
    for (size_t b = 0; b < COUNT(bases); b++)
        for (size_t k = 0; k < COUNT(kinds); k++) check_folder(bases[b], kinds[k], bf16, dev);
    raml_device_close(dev);
}

static void test_f32(void **state)
{
    (void)state;
    static const char *const levels[] = {"auto", "ref", "base", "avx2", "avx512"};
    for (size_t i = 0; i < (far_asked() ? 1 : COUNT(levels)); i++) check_all(levels[i], false);
}
static void test_bf16(void **state)
{
    (void)state;
    check_all("auto", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_f32), cmocka_unit_test(test_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
