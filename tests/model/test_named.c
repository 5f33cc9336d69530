/* Parameters by name: found, read, written, moved along a gradient, measured; on the device of the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_near.h"
#include "model/hooks_rig.h"

static const char q_proj[] = "model.layers.1.self_attn.q_proj.weight";

struct bench {
    struct raml_device *dev;
    struct raml_model *m;
    size_t n;
    float *w;     /* the weights, as they were */
    float *x, *y; /* host */
    float *dx, *dy;
};

static float *on_device(const struct bench *b, const float *host)
{
    float *p = raml_array_new(b->dev, b->n, sizeof *p);
    assert_non_null(p);
    MUST(raml_array_write(b->dev, p, host, b->n * sizeof *p, err));
    return p;
}

static void open_bench(struct bench *b, const char *level, int kind, bool wide)
{
    const struct raml_config c = rig_config(kind, wide);
    *b = (struct bench){.dev = rig_device(2, level, false)};
    if (!b->dev) return;
    b->m = rig_open(&c, RAML_F32, b->dev);
    b->n = raml_model_n(b->m);
    b->w = host_weights(b->m);
    b->x = rig_floats(b->n);
    b->y = rig_floats(b->n);
    const struct raml_key key = {.seed = 3, .purpose = RAML_FOR_TEST};
    for (size_t i = 0; i < b->n; i++) {
        b->x[i] = (float)raml_normal(&key, i);
        b->y[i] = (float)(0.5 + raml_normal(&key, b->n + i));
    }
    b->dx = on_device(b, b->x);
    b->dy = on_device(b, b->y);
}

static void close_bench(struct bench *b)
{
    if (!b->dev) return;
    raml_array_free(b->dev, b->dx);
    raml_array_free(b->dev, b->dy);
    raml_model_close(b->m);
    raml_device_close(b->dev);
    free(b->w);
    free(b->x);
    free(b->y);
}

/* Log-probabilities of some text, and greedy tokens: what the packed copies say. */
static void forward(const struct raml_model *m, float *logp)
{
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    memset(logp, 0, N * sizeof *logp);
    make_pack(&pack, raml_model_config(m)->vocab_size);
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = logp}, err));
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}

static const struct raml_param *find(const struct raml_model *m, const char *name)
{
    const struct raml_param *p = NULL;
    MUST(raml_param_find(m, name, &p, err));
    return p;
}

static void test_find(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct bench b;
    const struct raml_param *table, *p = NULL;
    open_bench(&b, "auto", RIG_QWEN2, false);
    size_t n = raml_model_params(b.m, &table);
    for (size_t i = 0; i < n; i++) assert_ptr_equal(find(b.m, table[i].name), &table[i]);
    assert_int_equal(raml_param_find(b.m, "model.layers.1.self_attn.qproj.weight", &p, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "the model has no tensor 'model.layers.1.self_attn.qproj.weight'; "
                                 "did you mean 'model.layers.1.self_attn.q_proj.weight'?");
    assert_int_equal(raml_param_find(b.m, "x", &p, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "the model has no tensor 'x'");
    assert_null(p);
    close_bench(&b);
}

/* Every tensor in turn is read, and written with other numbers: only it changes, and what is computed then is what a
 * block written whole gives. */
static void test_get_set(void **state)
{
    (void)state;
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct bench b;
        const struct raml_param *table;
        float before[N], after[N], want[N];
        open_bench(&b, "auto", kind, false);
        size_t n = raml_model_params(b.m, &table);
        for (size_t i = 0; i < n; i++) {
            const struct raml_param *p = &table[i];
            float *host = rig_floats(p->n), *expected = rig_floats(b.n), *got;
            MUST(raml_model_get(b.m, p->name, host, p->n, err));
            assert_memory_equal(host, b.w + p->offset, p->n * sizeof *host);
            forward(b.m, before);
            for (size_t k = 0; k < p->n; k++) host[k] += 0.25f * b.x[k];
            memcpy(expected, b.w, b.n * sizeof *expected);
            memcpy(expected + p->offset, host, p->n * sizeof *host);
            MUST(raml_model_set(b.m, p->name, host, p->n, err));
            got = host_weights(b.m);
            assert_memory_equal(got, expected, b.n * sizeof *got);
            free(got);
            MUST(raml_model_refresh(b.m, err));
            forward(b.m, after);
            MUST(host_set_weights(b.m, expected, err));
            forward(b.m, want);
            assert_memory_equal(after, want, sizeof after);
            assert_memory_not_equal(after, before, sizeof after);
            MUST(raml_model_set(b.m, p->name, b.w + p->offset, p->n, err));
            MUST(raml_model_refresh(b.m, err));
            free(host);
        }
        close_bench(&b);
    }
}

static void test_axpy(void **state)
{
    (void)state;
    struct bench b;
    open_bench(&b, "auto", RIG_QWEN3, false);
    const struct raml_param *p = find(b.m, q_proj);
    MUST(raml_model_axpy(b.m, q_proj, -0.5, b.dx, err));
    MUST(raml_model_axpy(b.m, NULL, 0.125, b.dy, err));
    float *got = host_weights(b.m), before[N], after[N];
    for (size_t i = 0; i < b.n; i++) {
        bool inside = i >= p->offset && i < p->offset + p->n;
        double want = (double)b.w[i] + 0.125 * (double)b.y[i] - (inside ? 0.5 * (double)b.x[i] : 0);
        CHECK_NEAR("moved", (double)got[i], want, 1e-6 * (fabs(want) + 1));
    }
    free(got);
    forward(b.m, before);
    MUST(raml_model_refresh(b.m, err));
    forward(b.m, after);
    assert_memory_not_equal(before, after, sizeof after);
    close_bench(&b);
}

static void check_dot(const struct bench *b, const char *name, const float *x, const float *y, const float *host_x,
                      const float *host_y)
{
    double want = 0, size = 0, got = NAN;
    const struct raml_param *p = name ? find(b->m, name) : NULL;
    size_t at = p ? p->offset : 0, n = p ? p->n : b->n;
    for (size_t i = at; i < at + n; i++) {
        want += (double)host_x[i] * (double)host_y[i];
        size += fabs((double)host_x[i] * (double)host_y[i]);
    }
    MUST(raml_model_dot(b->m, name, x, y, &got, err));
    CHECK_NEAR(name ? name : "all", got, want, 1e-12 * size);
    if (x == y) {
        MUST(raml_model_norm(b->m, name, x, &got, err));
        CHECK_NEAR("norm", got, sqrt(want), 1e-12 * sqrt(want));
    }
}

static void test_dot_and_norm(void **state)
{
    (void)state;
    static const char *const levels[] = {"ref", "base", "auto"};
    for (size_t k = 0; k < COUNT(levels); k++) {
        struct bench b;
        open_bench(&b, levels[k], RIG_LLAMA, true);
        if (!b.dev) continue;
        assert_true(b.n > 1 << 18); /* more than one piece */
        const char *const names[] = {NULL, q_proj, "model.norm.weight", "lm_head.weight"};
        for (size_t i = 0; i < COUNT(names); i++) {
            check_dot(&b, names[i], b.dx, b.dy, b.x, b.y);
            check_dot(&b, names[i], b.dx, NULL, b.x, b.w);
            check_dot(&b, names[i], NULL, b.dy, b.w, b.y);
            check_dot(&b, names[i], b.dx, b.dx, b.x, b.x);
            check_dot(&b, names[i], NULL, NULL, b.w, b.w);
        }
        close_bench(&b);
    }
}

static void test_refused(void **state)
{
    (void)state;
    struct raml_err why = {0};
    struct bench b;
    double x = 7;
    open_bench(&b, "auto", RIG_QWEN2, false);
    const struct raml_param *p = find(b.m, q_proj);
    float *host = rig_floats(p->n);
    MUST(raml_model_get(b.m, q_proj, host, p->n, err));
    assert_int_equal(raml_model_get(b.m, q_proj, host, 3, &why), RAML_ESHAPE);
    assert_string_equal(why.msg, "model.layers.1.self_attn.q_proj.weight: found 3 numbers, expected 1920");
    assert_int_equal(raml_model_set(b.m, q_proj, host, p->n + 1, &why), RAML_ESHAPE);
    host[0] += 1;
    host[5] = INFINITY;
    assert_int_equal(raml_model_set(b.m, q_proj, host, p->n, &why), RAML_ERANGE);
    assert_string_equal(why.msg, "model.layers.1.self_attn.q_proj.weight: number 5 is inf; expected finite ones");
    assert_int_equal(raml_model_set(b.m, "a", host, p->n, &why), RAML_EUSAGE);
    assert_int_equal(raml_model_axpy(b.m, "a", 1, b.dx, &why), RAML_EUSAGE);
    assert_int_equal(raml_model_norm(b.m, "a", NULL, &x, &why), RAML_EUSAGE);
    float *got = host_weights(b.m);
    assert_memory_equal(got, b.w, b.n * sizeof *got);
    free(got);
    const struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_model *reader = NULL;
    MUST(raml_model_init(&c, 7, RAML_F32, RAML_INFERENCE, b.dev, &reader, err));
    assert_int_equal(raml_model_get(reader, q_proj, host, p->n, &why), RAML_EUSAGE);
    assert_string_equal(why.msg, "the model was opened for inference: it has no weights in f32");
    assert_int_equal(raml_model_set(reader, q_proj, host, p->n, &why), RAML_EUSAGE);
    assert_int_equal(raml_model_axpy(reader, NULL, 1, b.dx, &why), RAML_EUSAGE);
    assert_int_equal(raml_model_dot(reader, NULL, b.dx, NULL, &x, &why), RAML_EUSAGE);
    assert_true(x == 7);
    raml_model_close(reader);
    free(host);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),         cmocka_unit_test(test_get_set), cmocka_unit_test(test_axpy),
        cmocka_unit_test(test_dot_and_norm), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
